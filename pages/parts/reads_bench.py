"""What the pages Drift and Thresholds read to tell chance, suggestions and power: profiles of the whole reference, and of one column's windows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from data.store import Store
from monitors import backtest, chance, faults, noise, periods, power, rulebook, run, suggest, summaries, verdicts
from monitors.candidates import Suggestion
from monitors.chance import Chance
from monitors.faults import Ground
from monitors.own_windows import EVER
from monitors.power import Power
from monitors.rules import LIMITS, Rule
from monitors.series import WINDOWS
from monitors.thresholds import Floats, Prepared, judge
from pages.parts import reads
from pages.parts.scope import Scope

Chances = dict[str, Chance | None]  # by version
MOVED = ("window", "min_rows", "min_coverage", "above_noise", "above_usual", "for_windows", "direction", "enabled")  # what a suggestion keeps


def with_chance(scope: Scope, judged: pd.DataFrame, segment: str) -> tuple[pd.DataFrame, Chances]:
    """Judged measurements of one column and metric with `noise_50` and `noise_99` beside `noise`, and what chance gives of each version.

    Neither is there for a metric of which only the 95th percentile is known.
    """
    metric, column = str(judged["metric"].iloc[0]), str(judged["column"].iloc[0])
    if str(judged["monitor"].iloc[0]) != "drift":
        return judged, {}
    chances: Chances = {}
    for version, own in judged.groupby("version", observed=True):
        sizes = chance.grid(own["rows"].to_numpy(float))
        chances[str(version)] = reads._cached(
            _chance, scope.snapshot, model=scope.model, version=str(version), column=column, segment=segment, metric=metric, sizes=sizes
        )
    versions, rows = judged["version"].astype(str).tolist(), judged["rows"].to_numpy(float)
    half, most = (chance.known_level(chances, versions, rows, share) for share in (0.5, 0.99))
    floor = judged["noise"].to_numpy(float)  # drawn on its own, 200 times: it may lie on the far side of a level by chance
    return judged.assign(noise_50=np.minimum(half, floor), noise_99=np.maximum(most, floor)), chances


def _chance(store: Store, model: str, version: str, column: str, segment: str, metric: str, sizes: tuple[float, ...]) -> Chance | None:
    found = chance.references(run.references(store, model=model, column=column, segment=segment), run.bins(store, model))
    own = [source for source in (version, "") if (source, column, segment) in found]
    if not own:
        return None
    return chance.drawn(found[own[0], column, segment], metric, sizes, noise.seed(model, own[0], column, segment))


def grounds(scope: Scope, segment: str) -> dict[str, Ground]:
    """The whole reference of each column, the last version's, ready for faults."""
    found: dict[str, Ground] = reads._cached(_grounds, scope.snapshot, model=scope.model, segment=segment)
    return found


def _grounds(store: Store, model: str, segment: str) -> dict[str, Ground]:
    return faults.by_column(chance.references(run.references(store, model=model, segment=segment), run.bins(store, model)))


def suggested(scope: Scope, about: Mapping[str, str], rule: Rule, method: str, *, each: bool, per_week: float | None) -> Suggestion:
    """A suggestion for a rule as it stands in the form, replayed over the whole history."""
    asked = {"about": tuple(about.items()), "rule": rule, "method": method, "each": each, "per_week": per_week}
    found: Suggestion = reads.of_scope(_suggested, scope, **asked)
    return found


def _suggested(scope: Scope, about: tuple[tuple[str, str], ...], rule: Rule, method: str, each: bool, per_week: float | None) -> Suggestion:
    rules = _as_in_the_form(scope, dict(about), rule, MOVED)
    made = reads.decisions(scope.snapshot)
    said = {"verdicts": verdicts.verdicts(made), "missed": verdicts.missed(made)}
    return suggest.suggest(measured(scope, dict(about), rules), rules, dict(about), method, each=each, per_week=per_week, **said)


def _as_in_the_form(scope: Scope, about: Mapping[str, str], rule: Rule, names: Sequence[str], **more: Any) -> tuple[Rule, ...]:
    """The rules in force, and after them the fields of the rule that are not as they are in force."""
    saved = reads.rules(scope)
    base = rulebook.resolve(saved, **backtest.with_monitor(about))
    moved = {name: getattr(rule, name) for name in names if getattr(rule, name) != getattr(base, name)} | more
    return (*saved, Rule.model_validate(dict(about) | moved)) if moved else saved


def measured(scope: Scope, about: Mapping[str, str], rules: Sequence[Rule]) -> Prepared:
    """All that these rules can alert on of the metric, over the whole history."""
    rule = rulebook.resolve(rules, **backtest.with_monitor(about))
    pair = str(rule.monitor), str(rule.metric)
    windows, segment = backtest.reading(about, pair, rules)
    everything = replace(scope, version=None, segment="all")
    return reads.prepared(everything, windows, monitor=pair[0], metric=pair[1], segment=segment or "*")


def judged(scope: Scope, about: Mapping[str, str], rule: Rule) -> pd.DataFrame:
    """All windows of the rule's length over the whole history, judged by the rule as it stands in the form, whether it is on or off."""
    found: pd.DataFrame = reads.of_scope(_judged, scope, about=tuple(about.items()), rule=rule)
    return found


def _judged(scope: Scope, about: tuple[tuple[str, str], ...], rule: Rule) -> pd.DataFrame:
    whole = {"segment": "all"} | dict(about)
    rules = _as_in_the_form(scope, dict(about), rule, (*LIMITS, "kind", *MOVED), enabled=True)
    drawn, _ = summaries.as_if_alerting(rules, rule.window, whole["segment"], monitor=str(rule.monitor), metric=str(rule.metric))
    seen = backtest.within(judge(measured(scope, whole, rules), drawn), whole)
    return seen[seen["window_name"] == rule.window]


def power_of(scope: Scope, about: Mapping[str, str], rule: Rule, column: str) -> Power:
    """What the rule as it stands in the form would have caught of faults in one column."""
    found: Power = reads.of_scope(_power, scope, about=tuple(about.items()), rule=rule, column=column)
    return found


def _power(scope: Scope, about: tuple[tuple[str, str], ...], rule: Rule, column: str) -> Power:
    own = judged(scope, dict(about), rule)
    own = own[(own["column"] == column).to_numpy()]
    names = {"model": scope.model, "column": column, "segment": dict(about).get("segment", "all")}
    if str(rule.monitor) == "drift":
        windows, references = reads._cached(_windows, scope.snapshot, **names, period=rule.window)
        seen = power.subjects(windows, references, own)
    else:
        seen = power.of_values(own)
    whole = {"segment": "all"} | dict(about)
    had = measured(scope, whole, _as_in_the_form(scope, dict(about), rule, MOVED))
    values = references_of(had, names["column"], names["segment"], rule)
    return power.curve(power.told(seen, values, own, reads.decisions(scope.snapshot)), rule, noise.seed(*names.values(), str(rule.metric)))


def references_of(had: Prepared, column: str, segment: str, rule: Rule) -> dict[str, Floats]:
    """Version → values of the own windows of its reference, of the rule's length and with rows enough; where it has a new normal, of the latest."""
    series = had.window == WINDOWS.index(rule.window)
    for field, name in (("column", column), ("segment", segment)):
        codes, known = had.names[field]
        series &= codes == known.get(name, -2)
    codes, known = had.names["version"]
    found = {}
    for name, code in known.items():
        own = (series & (codes == code))[had.reference_series]
        own &= (had.reference_rows >= rule.min_rows) & (had.reference_since == had.reference_since[own].max(initial=EVER))
        found[name] = had.reference[own]
    return found


def _windows(store: Store, model: str, column: str, segment: str, period: periods.Period) -> tuple[pd.DataFrame, Mapping[Any, Any]]:
    log = run.profiles(store, model=model, column=column, segment=segment, dataset="log")
    references = chance.references(run.references(store, model=model, column=column, segment=segment), run.bins(store, model))
    return periods.merge(log, period) if len(log) else log, references
