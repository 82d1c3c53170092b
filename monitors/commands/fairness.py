"""The command `fairness`: are groups treated alike? Each segment column with the two groups that differ most."""

import argparse
import json
from collections.abc import Callable
from typing import Any

import pandas as pd

from data.errors import BadInput, near
from data.store import Store, models
from monitors import fairness_views as views
from monitors import output, run, run_quality


def declare(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command."""
    one = add(_fairness, "fairness", "are groups treated alike: the groups of each segment column", "--model churn --column sex")
    one.add_argument("--model", metavar="M")
    one.add_argument("--column", metavar="C", help="the segment column whose groups are compared (default: every one)")
    one.add_argument("--version", metavar="V", help="one version (default: all together)")
    one.add_argument("--within", metavar="COLUMN=VALUE", default="all", help="only the rows of this segment")
    one.add_argument("--since", type=output.date, metavar="DATE", help="only windows that end after this day, UTC (2026-03-01)")
    one.add_argument("--format", choices=("text", "json"), default="text")


def _fairness(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    found = [one for model in ([asked.model] if asked.model else models(store)) for one in _of_model(store, model, asked)]
    if asked.format == "json":
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("\n\n".join(map(_text, found)) or "No groups to compare. Give the columns that name them the role `segments` in roles.yaml.")
    return 0


def _of_model(store: Store, model: str, asked: argparse.Namespace) -> list[dict[str, Any]]:
    names = run_quality.segment_columns(store, model)
    if asked.column is not None and asked.column not in names:
        raise BadInput(f'{model} has no segment column "{asked.column}". {near(asked.column, names)}'.rstrip())
    every = run_quality.counts(store, model)
    if asked.within != "all" and asked.within not in set(every["segment"]):
        raise BadInput(f'{model} has no segment "{asked.within}". {near(asked.within, sorted(set(every["segment"])))}'.rstrip())
    if asked.since is not None:
        every = every[every["window_end"] > asked.since]
    if asked.version is not None:
        every = every[every["version"] == asked.version]
    wanted = [name for name in names if asked.column in (None, name) and not asked.within.startswith(f"{name}=")]
    found = [(name, views.within(every, asked.within, name)) for name in wanted]
    return [_told(model, name, part, class_name) for name, part in found for class_name in sorted(part["class"].astype(str).unique())]


def _told(model: str, column: str, part: pd.DataFrame, class_name: str) -> dict[str, Any]:
    seen = views.seen(part, column, class_name)
    heads = {metric: views.headline(one) for metric, one in seen.items()}
    headlines = [
        {
            "metric": metric, "value": _plain(one.value), "noise": _plain(one.noise), "low": one.low, "high": one.high,
            "beyond_chance": one.beyond_chance, "reason": one.reason or None, "text": f"{views.sentence(one)} {views.chance(one)}".strip(),
        }
        for metric, one in heads.items()
    ]  # fmt: skip
    groups = [{str(k): _plain(v) for k, v in row.items()} for row in views.table(seen).to_dict("records")] if seen else []
    return {"model": model, "column": column, "class": class_name, "headlines": headlines, "groups": groups}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and value != value else value


def _text(found: dict[str, Any]) -> str:
    selected = f", selected: predicted as {found['class']}" if found["class"] else ""
    lines = [f"{found['column']} of {found['model']}: {len(found['groups'])} groups{selected}"]
    return "\n".join(lines + [f"  {one['metric']}: {one['text']}" for one in found["headlines"]])
