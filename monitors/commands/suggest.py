"""`python -m monitors thresholds suggest`: limits from the history, each with its reason and the alerts that it would have given."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from data.errors import BadInput, near
from data.store import Store
from monitors import chance, faults, output, rulebook, run, suggest, verdicts
from monitors.alerts import alerts
from monitors.backtest import counts, reading, with_monitor, within
from monitors.candidates import Suggestion, as_yaml, caught, often
from monitors.rules import Rule, scope_text
from monitors.thresholds import Prepared, judge, prepare

DEFAULT = "budget"  # of YAML, which holds one set of rules


def declare(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Its command."""
    text = "limits from the history, each with its reason and the alerts that it would have given"
    one = add(_suggest, "thresholds suggest", text, "--model churn --metric psi --method budget --per-week 3 --format yaml")
    one.add_argument("--model", required=True, metavar="M")
    one.add_argument("--metric", required=True, metavar="X", help="psi, null_rate, roc_auc …")
    one.add_argument("--monitor", metavar="Y", help="where two monitors have a metric of this name: drift or skew, of js")
    one.add_argument("--column", metavar="C", help="one rule, for this column (default: one for each)")
    methods = "from the history's quantiles, from a rate of false alarms, from an alert budget, from verdicts (default: all four)"
    one.add_argument("--method", choices=suggest.METHODS, help=methods)
    one.add_argument("--per-week", type=_rate, metavar="N", help="the budget (default 3), or the false alarms, of all columns together")
    one.add_argument("--format", choices=("text", "json", "yaml"), default="text", help="yaml: all overrides, for `apply` and `backtest`")
    one.add_argument("-o", "--output", metavar="FILE")


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f'"{text}" is no number of alerts a week: write it like 3 or 0.5')
    return value


def _suggest(store: Store, asked: argparse.Namespace) -> int:
    run.check_model(store, asked.model)
    about = _about(asked)
    rules = run.rules(store)
    seen = _measured(store, asked.model, rules, about)
    _check_column(asked, seen)
    methods = [asked.method] if asked.method else [DEFAULT] if asked.format == "yaml" else list(suggest.METHODS)
    made = run.decisions(store)
    said = {"verdicts": verdicts.verdicts(made), "missed": verdicts.missed(made)}
    told = {
        method: suggest.suggest(seen, rules, about, method, each=asked.column is None, per_week=asked.per_week, **said)
        for method in methods
    }
    if asked.format == "yaml":
        text = as_yaml(told[methods[0]], run.overrides(store))
    else:
        before = alerts(within(judge(seen, rules), about))
        shifts = {method: _smallest(store, asked.model, about, one) for method, one in told.items()}
        as_text = (_text(one, about, before, shifts[method]) for method, one in told.items())
        as_json = [_json(one, before, shifts[method]) for method, one in told.items()]
        text = "\n\n".join(as_text) + "\n" if asked.format == "text" else json.dumps(as_json, ensure_ascii=False) + "\n"
    output.write_text(text, asked.output)
    return 0


def _about(asked: argparse.Namespace) -> dict[str, str]:
    """The scope of the rules, and whether there is such a metric."""
    fields = {"model": asked.model, "monitor": asked.monitor, "metric": asked.metric, "column": asked.column}
    about = {field: name for field, name in fields.items() if name is not None}
    owners = [monitor for monitor, metrics in rulebook.known().items() if asked.metric in metrics and asked.monitor in (None, monitor)]
    if not owners:
        known = dict.fromkeys(metric for metrics in rulebook.known().values() for metric in metrics)
        raise BadInput(f'There is no metric "{asked.metric}"{f" of {asked.monitor}" if asked.monitor else ""}. {near(asked.metric, known)}')
    if len(owners) > 1:
        raise BadInput(f"{' and '.join(owners)} both measure {asked.metric}: say which with --monitor.")
    return {"model": asked.model, **with_monitor(about), "segment": "all"}


def _measured(store: Store, model: str, rules: Sequence[Rule], about: Mapping[str, str]) -> Prepared:
    """All that the rules can alert on of the metric, over the whole history, with the reference's own windows."""
    windows, segment = reading(about, (about["monitor"], about["metric"]), rules)
    parts = [
        run.measurements(store, model=model, monitor=about["monitor"], metric=about["metric"], window=window, segment=segment, dataset=None)
        for window in windows
    ]
    return prepare(pd.concat(parts, ignore_index=True))


def _check_column(asked: argparse.Namespace, seen: Prepared) -> None:
    known = seen.names["column"][1]
    if not known:
        raise BadInput(f"{asked.metric} of {asked.model} was not measured. Run `python -m monitors run` first.")
    if asked.column is not None and asked.column not in known:
        raise BadInput(f'{asked.metric} was not measured of a column "{asked.column}". {near(asked.column, known)}'.rstrip())


def _smallest(store: Store, model: str, about: Mapping[str, str], one: Suggestion) -> dict[str, tuple[float, str]]:
    """Of each column the smallest fault that still alerts, with its unit."""
    if one.by_column.empty or about["monitor"] != "drift":
        return {}
    whole = run.references(store, model=model, column=about.get("column"), segment=about["segment"])
    return caught(faults.by_column(chance.references(whole, run.bins(store, model))), about["metric"], one.by_column)


def _alerts(found: pd.DataFrame) -> str:
    some = counts(found)
    return f"{len(found):,} {'alert' if len(found) == 1 else 'alerts'} ({some.critical:,} critical)"


def _text(one: Suggestion, about: Mapping[str, str], before: pd.DataFrame, shifts: Mapping[str, tuple[float, str]]) -> str:
    what = scope_text(Rule.model_validate({field: name for field, name in about.items() if field not in ("monitor", "segment")}))
    lines = [f"{one.method}: {one.reason}", *(f"  {note}" for note in one.notes)]
    if not one.rules:
        return "\n".join([f"{what}, {lines[0]}", *lines[1:]])
    rate = f", {often(one.per_week)}" if len(one.alerts) else ""
    lines.append(f"  {_alerts(one.alerts)} over {one.weeks:,.0f} weeks{rate}; the rules in force give {_alerts(before)}.")
    wide = max((len(name) for name in one.by_column["column"]), default=0)
    for row in one.by_column.to_dict("records"):
        levels = [f"{level} {row[level]:g}" for level in ("warning", "critical") if level in one.rules[0].changes]
        below = row["critical"] < row["warning"]
        floor = f", only {'below' if below else 'above'} {row['floor']:.3g} (floors)"
        held = floor if (row["floor"] < row["warning"] if below else row["floor"] > row["warning"]) else ""
        given = f"{row['alerts']:,} {'alert' if row['alerts'] == 1 else 'alerts'}"
        lines.append(f"  {row['column']:<{wide}}  {', '.join(levels)}{held}: {given}{_caught(shifts.get(row['column']))}")
    return "\n".join([f"{what}, {lines[0]}", *lines[1:]])


def _caught(shift: tuple[float, str] | None) -> str:
    if shift is None:
        return ""
    size, unit = shift
    if np.isnan(size):
        return "; no shift up to 8 std alerts" if unit == "std" else "; no exchange of its two most frequent values alerts"
    return f"; alerts from a shift of {size:.2g} std on" if unit == "std" else f"; alerts when {size:.0%} of the most frequent value come as the next"


def _json(one: Suggestion, before: pd.DataFrame, shifts: Mapping[str, tuple[float, str]]) -> dict[str, Any]:
    rules = [rule.scope | rule.changes for rule in one.rules]
    columns = [{str(k): _plain(v) for k, v in row.items()} for row in one.by_column.to_dict("records")]
    for row in columns:
        size, unit = shifts.get(str(row["column"]), (float("nan"), None))
        row |= {"smallest": _plain(size), "smallest_unit": unit}
    facts = {"alerts": len(one.alerts), "alerts_in_force": len(before), "weeks": one.weeks, "per_week": _plain(one.per_week)}
    return {"method": one.method, "reason": one.reason, "notes": list(one.notes), "rules": rules, **facts, "columns": columns}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value

