"""python -m monitors skew: which features are not those of training, how often, and why."""

import argparse
import json
from collections.abc import Callable
from typing import Any

import pandas as pd

from data.errors import BadInput, near
from data.store import Store, models
from monitors import output, paired, run
from monitors.causes import NONE, percent

Add = Callable[..., argparse.ArgumentParser]


def declare(add: Add) -> None:
    """The command `skew`."""
    one = add(_skew, "skew", "features that serving and training compute differently, and why", "--model churn --column income")
    one.add_argument("--model", metavar="M")
    one.add_argument("--column", metavar="C", help="one feature, with all its causes and examples")
    one.add_argument("--version", metavar="V", help="of this version's rows alone")
    one.add_argument("--segment", metavar="S", help="of one segment alone, such as region=eu")
    one.add_argument("--since", type=output.date, metavar="DATE", help="windows that last beyond this day, UTC (2026-03-01)")
    one.add_argument("--until", type=output.date, metavar="DATE", help="windows that begin before this day, UTC")
    one.add_argument("--format", choices=("text", "json"), default="text")


def _skew(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    names = ("column", "version", "segment", "since", "until")
    scope = {name: getattr(asked, name) for name in names if getattr(asked, name) is not None}
    listed = [_of_model(store, model, scope) for model in ([asked.model] if asked.model is not None else models(store))]
    if asked.format == "json":
        print(json.dumps(listed, indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(_text(one) for one in listed) or "Nothing is loaded.")
    return 0


def _of_model(store: Store, model: str, scope: dict[str, Any]) -> dict[str, Any]:
    without_column = {name: value for name, value in scope.items() if name != "column"}
    found = paired.explained(store, model, **scope)
    if not found and "column" in scope:
        known = [one.column for one in paired.explained(store, model, **without_column)]
        if known:
            raise BadInput(f'{model}: the feature "{scope["column"]}" was not compared with training. {near(scope["column"], known)}')
    return {
        "model": model,
        "rows": paired.joined_rows(store, model, **without_column),
        "not_joined_because": paired.why_not_joined(store, model),
        "features": [_feature(store, model, one, scope) for one in found],
    }


def _feature(store: Store, model: str, one: paired.Explained, scope: dict[str, Any]) -> dict[str, Any]:
    drawn = paired.examples(store, model, one.column, **{n: v for n, v in scope.items() if n != "column"})
    return {
        "column": one.column,
        "mismatch_rate": one.rate,
        "mismatched": one.mismatched,
        "joined": one.joined,
        "only_null_in_log": one.log_nulls,
        "only_null_in_training": one.training_nulls,
        "tolerance": one.tolerance,
        "causes": [
            {"cause": c.name, "told": c.told, "share": c.share, "examples": [_example(drawn.iloc[i]) for i in c.examples]}
            for c in one.causes
        ],
    }


def _example(pair: pd.Series) -> dict[str, Any]:
    sides = {name: None if pd.isna(pair[name]) else str(pair[name]) for name in ("served", "trained")}
    return {"key": pair["key"], "time": pair["time"].isoformat(), **sides}


def _text(told: dict[str, Any]) -> str:
    if told["not_joined_because"]:
        return f"{told['model']}: not compared row by row: {told['not_joined_because']}."
    rows, features = told["rows"], told["features"]
    head = f"{told['model']}: {rows['joined']:,} of {rows['log_rows']:,} log rows have a training row"
    lines = [f"{head}; {rows['unmatched'] + rows['undated']:,} training rows have no log row."]
    width = max((len(one["column"]) for one in features), default=0)
    for one in features:
        lines += _lines(one, width, alone=len(features) == 1)
    return "\n".join(lines)


def _lines(one: dict[str, Any], width: int, alone: bool) -> list[str]:
    head = f"  {one['column']:<{width}}  {one['mismatch_rate']:>7.2%}"
    if not one["mismatched"]:
        return [head]
    causes = [c for c in one["causes"] if c["cause"] != NONE] or one["causes"]
    if not alone:
        told = "; ".join(c["told"] + ("" if c["cause"] == NONE else f" ({percent(c['share'])})") for c in causes[:2])
        return [f"{head}  {told}"]
    lines = [f"{head} of {one['joined']:,} rows. {one['tolerance']}"]
    for cause in one["causes"]:
        lines.append(f"    {percent(cause['share'])} {cause['told']}")
        lines += [f"      {e['key']}, {e['time']}: served {e['served']}, training {e['trained']}" for e in cause["examples"]]
    return lines
