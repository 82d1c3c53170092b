"""The command `latency`: two versions compared, and the steps and leaks that were found."""

import argparse
import json
from collections.abc import Callable
from typing import Any

import pandas as pd

from data.errors import BadInput, near
from data.store import Store, models
from monitors import latency_views as views
from monitors import run


def declare(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command."""
    text = "the latest version against the one before, and the steps and leaks found"
    one = add(_latency, "latency", text, "--model churn --against v2")
    one.add_argument("--model", metavar="M")
    one.add_argument("--column", metavar="C", help="the latency column (default: every one)")
    one.add_argument("--version", metavar="V", help="the version to compare (default: the latest)")
    one.add_argument("--against", metavar="VERSION", help="the version to compare it with (default: the one before)")
    one.add_argument("--format", choices=("text", "json"), default="text")


def _latency(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    found = [
        _of_column(store, model, column, asked)
        for model in ([asked.model] if asked.model else models(store))
        for column in _columns(store, model)
        if asked.column in (None, column)
    ]
    if asked.column is not None and not found:
        known = {column for model in ([asked.model] if asked.model else models(store)) for column in _columns(store, model)}
        raise BadInput(f'{asked.model or "The store"} has no latency column "{asked.column}". {near(asked.column, sorted(known))}'.rstrip())
    if asked.format == "json":
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("\n\n".join(map(_text, found)) or "No latency was logged. Give its columns the role `latency` in roles.yaml.")
    return 0


def _columns(store: Store, model: str) -> list[str]:
    sql = """SELECT DISTINCT "column" FROM main.profiles WHERE model = ? AND role = 'latency' AND dataset = 'log' ORDER BY 1"""
    return list(store.frame(sql, [model])["column"])


def _of_column(store: Store, model: str, column: str, asked: argparse.Namespace) -> dict[str, Any]:
    profiles = run.profiles(store, model=model, column=column, segment="all", dataset="log")
    days = views.by_day(profiles, views.edges_of(run.bins(store, model)))
    names = views.versions(days)
    for name in (asked.version, asked.against):
        if name is not None and name not in names:
            raise BadInput(f'{model} has no latency of version "{name}". {near(name, names)}'.rstrip())
    after = asked.version or next((n for n in reversed(names) if n != asked.against), names[-1])
    earlier = names[: names.index(after)]
    before = asked.against or (earlier[-1] if earlier else None)
    changes = views.findings(days)
    found: dict[str, Any] = {"model": model, "column": column, "unit": views.unit(column), "versions": names, "comparison": None}
    found["changes"] = [_plain(row) | {"text": views.sentence(row, column)} for row in changes.to_dict("records")]
    if before is not None and before != after:
        made = views.compared(days, before, after, column)
        sides = {"before": before, "after": after, "before_rows": made.before_rows, "after_rows": made.after_rows}
        table = [_plain(row) for row in made.table.to_dict("records")]
        found["comparison"] = sides | {"drawn": made.drawn, "verdict": made.verdict, "quantiles": table}
    return found


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """Times as ISO 8601, blanks as null."""
    made = {str(k): v.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(v, pd.Timestamp) else v for k, v in row.items()}
    return {k: None if isinstance(v, float) and v != v else v for k, v in made.items()}


def _text(found: dict[str, Any]) -> str:
    lines = [f"{found['column']} of {found['model']}"]
    made = found["comparison"]
    if made is None:
        lines.append(f"  {'one version only' if found['versions'] != [''] else 'the log tells no versions'}: nothing to compare")
    else:
        unit = f" {found['unit']}" if found["unit"] else ""
        lines.append(f"  {made['after']} against {made['before']} ({made['after_rows']:,} and {made['before_rows']:,} rows): {made['verdict']}")
        for row in made["quantiles"]:
            sides = "" if row["before"] is None else f"{row['before']:.4g} to {row['after']:.4g}{unit}: "
            lines.append(f"    {row['metric']:<5} {sides}{row['verdict']}")
    lines += [f"  {change['text']}" for change in found["changes"]] or ["  no step and no leak"]
    return "\n".join(lines)
