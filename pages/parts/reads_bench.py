"""What the pages Drift and Thresholds read to tell chance, suggestions and power: profiles of the whole reference, and of one column's windows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from data.store import Store, default_place
from monitors import backtest, chance, faults, noise, periods, power, rulebook, run, suggest, summaries
from monitors.candidates import Suggestion
from monitors.chance import Chance
from monitors.faults import Ground
from monitors.power import Power
from monitors.rules import Rule
from monitors.thresholds import Prepared
from pages.parts import reads
from pages.parts.scope import Scope

MOVED = ("window", "min_rows", "min_coverage", "above_noise", "above_usual", "for_windows", "direction", "enabled")  # what a suggestion keeps


def with_chance(scope: Scope, judged: pd.DataFrame, segment: str) -> tuple[pd.DataFrame, dict[str, Chance | None]]:
    """Judged measurements of one column and metric with `noise_50` and `noise_99` beside `noise`, and what chance gives of each version.

    Neither is there for a metric of which only the 95th percentile is known.
    """
    metric, column = str(judged["metric"].iloc[0]), str(judged["column"].iloc[0])
    if str(judged["monitor"].iloc[0]) != "drift":
        return judged, {}
    chances: dict[str, Chance | None] = {}
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
    overrides = reads.overrides(scope.snapshot)
    saved = (*rulebook.defaults(), *overrides)
    base = rulebook.resolve(saved, **backtest.with_monitor(about))
    moved = tuple((name, getattr(rule, name)) for name in MOVED if getattr(rule, name) != getattr(base, name))
    asked = {"about": tuple(about.items()), "moved": moved, "method": method, "each": each, "per_week": per_week}
    found: Suggestion = _suggested(default_place(), scope.snapshot, scope, tuple(asked.items()))
    return found


@st.cache_data(max_entries=64, show_spinner="Replaying …")
def _suggested(place: str, snapshot: int, _scope: Scope, asked: tuple[tuple[str, Any], ...]) -> Suggestion:  # noqa: ARG001 - key of the cache
    given = dict(asked)
    about, rules = dict(given["about"]), reads.rules(_scope)
    if given["moved"]:
        rules = (*rules, Rule.model_validate(about | dict(given["moved"])))
    seen = measured(_scope, about, rules)
    return suggest.suggest(seen, rules, about, given["method"], each=given["each"], per_week=given["per_week"])


def measured(scope: Scope, about: Mapping[str, str], rules: Sequence[Rule]) -> Prepared:
    """All that these rules can alert on of the metric, over the whole history."""
    whole = backtest.with_monitor(about)
    rule = rulebook.resolve(rules, **whole)
    looked = [one for one in summaries.watched(rules) if (one.monitor, one.metric) == (rule.monitor, rule.metric)]
    windows = sorted({rule.window} | {one.window for one in looked})
    segments = {one.segment for one in looked} | {about.get("segment", "all")}
    segment = next(iter(segments)) if len(segments) == 1 else None
    everything = replace(scope, version=None, segment="all")
    return reads.prepared(everything, windows, monitor=str(rule.monitor), metric=str(rule.metric), segment=segment or "*")


def power_of(scope: Scope, judged: pd.DataFrame, rule: Rule, segment: str) -> Power:
    """What a rule would have caught of faults in one column.

    Parameters
    ----------
    judged : the column's measurements of the rule's metric in windows of its length, judged, over the whole history.
    """
    column = str(judged["column"].iloc[0])
    names = {"model": scope.model, "column": column, "segment": segment}
    windows, references = reads._cached(_windows, scope.snapshot, **names, period=rule.window)
    return power.curve(power.subjects(windows, references, judged), rule, noise.seed(*names.values(), str(rule.metric)))


def _windows(store: Store, model: str, column: str, segment: str, period: periods.Period) -> tuple[pd.DataFrame, Mapping[Any, Any]]:
    log = run.profiles(store, model=model, column=column, segment=segment, dataset="log")
    references = chance.references(run.references(store, model=model, column=column, segment=segment), run.bins(store, model))
    return periods.merge(log, period) if len(log) else log, references
