"""The command `quality`: is the model still right, by week, where is it worst, and what moves together with that."""

import argparse
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from data.errors import BadInput, near
from data.store import Store, models
from monitors import explain, output, root_cause, run
from monitors import quality as monitor

SHOWN = ("log_loss", "roc_auc", "accuracy", "f1", "mae", "rmse", "r2", "bias")  # of the weeks in words
MOST = 10  # segments, and inputs, that are told


def declare(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command."""
    text = "whether the model is still right: by week, its worst segments, and the inputs that move together with it"
    one = add(_quality, "quality", text, "--model churn --segment region=north --format csv")
    one.add_argument("--model", metavar="M")
    one.add_argument("--version", metavar="V", help="of this version alone (default: weeks of every one, segments of the latest)")
    one.add_argument("--segment", metavar="S", default="all", help="such as region=north (default: all rows)")
    one.add_argument("--metric", metavar="X", choices=monitor.METRICS, help="what segments and inputs are told of (default: the one that alerts)")
    one.add_argument("--importance", metavar="FILE", help="a CSV of column,importance of each input (default: the log's columns importance_…)")
    one.add_argument("--format", choices=("text", "csv", "json"), default="text", help="csv: the weeks alone")


def _quality(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    names = [asked.model] if asked.model is not None else models(store)
    weeks = {name: _weeks(store, name, asked) for name in names}
    if asked.format == "csv":
        output.write(pd.concat([*weeks.values()], ignore_index=True), "csv", None)
        return 0
    found = [_of_model(store, name, weeks[name], asked) for name in names]
    print(json.dumps(found, ensure_ascii=False) if asked.format == "json" else "\n\n".join(map(_text, found)) or "No model is loaded.")
    return 0


def _weeks(store: Store, model: str, asked: argparse.Namespace) -> pd.DataFrame:
    """The measurements of weeks, whole-model and per class."""
    known = run.segments(store, model)
    if asked.segment not in ("all", *known):
        raise BadInput(f'{model} has no segment "{asked.segment}". {near(asked.segment, known)}'.rstrip())
    versions = list(run.versions(store, model)["version"])
    if asked.version is not None and asked.version not in versions:
        raise BadInput(f'{model} has no version "{asked.version}". {near(asked.version, versions)}'.rstrip())
    found = run.measurements(store, model=model, version=asked.version, monitor="quality", segment=asked.segment, window="week")
    return found[~found["metric"].str.startswith("estimated_")].drop(columns="dataset").reset_index(drop=True)


def _of_model(store: Store, model: str, weeks: pd.DataFrame, asked: argparse.Namespace) -> dict[str, Any]:
    told: dict[str, Any] = {"model": model, "segment": asked.segment, "weeks": _records(weeks)}
    measured = weeks[weeks["value"].notna() & (weeks["column"].fillna("") == "") & (weeks["metric"] != "label_coverage")]
    if measured.empty:
        return told | {"reason": run.task(store, model).get("reason") or "no label yet", "segments": [], "moves_together": []}
    version = asked.version or str(measured.sort_values("window_start")["version"].iloc[-1])
    metric = asked.metric or explain.alerting_metric(store, model, [m for m in SHOWN if m in set(measured["metric"])])
    worst = explain.worst(store, model, version, metric, explain.REFERENCE)
    importance = None
    if asked.importance is not None:
        text = output.read_text(asked.importance, "a CSV of column,importance")
        importance = root_cause.read_importance(text, asked.importance, explain.inputs(store, model))
    moves = explain.together(store, model, version, asked.segment, metric, importance=importance)
    told |= {"version": version, "metric": metric, "value": worst.now, "reference": worst.before, "tested": worst.tested}
    told |= {"too_small": worst.too_small, "segments": _records(worst.table[worst.table["is_worse"]].head(MOST))}
    told["moves_together"] = _records(moves[moves["weight"] > 0].head(MOST))
    return {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in told.items()}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Times as ISO 8601, blanks as null."""
    shown = table.copy()
    for name in shown.columns:
        if isinstance(shown[name].dtype, pd.DatetimeTZDtype):
            shown[name] = shown[name].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    found: list[dict[str, Any]] = json.loads(shown.to_json(orient="records", double_precision=15))
    return found


def _text(told: dict[str, Any]) -> str:
    rows = "" if told["segment"] == "all" else f", {told['segment']}"
    weeks = [week for week in told["weeks"] if not week["column"]]
    lines = [f"{told['model']}{rows}, by week"]
    if "metric" not in told:
        return "\n".join([*lines, f"  not measured: {told['reason']}"])
    metrics = [m for m in SHOWN if any(week["metric"] == m and week["value"] is not None for week in weeks)][:4]
    lines.append("  " + "".join(f"{head:<12}" for head in ("week of", "version", *metrics, "labels", "rows")).rstrip())
    groups: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for week in weeks:
        groups.setdefault((week["window_start"][:10], week["version"]), {})[week["metric"]] = week
    for (start, version), own in sorted(groups.items()):
        values = [_value(own.get(metric)) for metric in metrics]
        known = own["label_coverage"]
        cells = (start, version, *values, f"{known['value']:.0%}", f"{known['rows']:,}")
        lines.append("  " + "".join(f"{cell:<12}" for cell in cells).rstrip())
    return "\n".join([*lines, *worst_text(told), *_moves_text(told)])


def _value(week: dict[str, Any] | None) -> str:
    return "–" if week is None or week["value"] is None else _number(week["value"])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def worst_text(told: dict[str, Any]) -> list[str]:
    """How the metric stands, and the segments that are worse than the rest."""
    metric, reference = told["metric"], told["reference"]
    against = "" if reference is None else f" against {_number(reference)} in the reference"
    value = "not measured" if told["value"] is None else _number(told["value"])
    of = f" of {told['version']}" if told["version"] else ""
    if not told["tested"] and not told["too_small"]:
        return ["", f"  {metric}{of} {value}{against}; there is no segment to test"]
    small = f", {told['too_small']:,} have too few rows" if told["too_small"] else ""
    lines = ["", f"  {metric}{of} {value}{against}; {told['tested']:,} segments and pairs tested{small}"]
    if not told["segments"]:
        return [*lines, "    none is worse than the rest beyond noise"]
    for one in told["segments"]:
        change = "" if one["explained"] is None else f", {'+' if one['explained'] > 0 else ''}{_number(one['explained'])} of the change"
        lines.append(f"    {one['segment']}: {_number(one['value'])} against {_number(one['rest'])} elsewhere, {one['rows']:,} rows{change}")
    return lines


def _moves_text(told: dict[str, Any]) -> list[str]:
    if not told["moves_together"]:
        return ["", "  no input moves together with it"]
    lines = ["", "  moves together with (which is no proof of a cause)"]
    for one in told["moves_together"]:
        parts = [] if one["together"] is None else [f"in {one['together']:.0%} of its bad weeks, {one['otherwise'] or 0:.0%} of the others"]
        parts += ["began in the same week"] if one["same_onset"] else []
        parts += [] if one["correlation"] is None else [f"rank correlation {one['correlation']:.2f}"]
        lines.append(f"    {one['column']}: " + ", ".join(parts))
    return lines
