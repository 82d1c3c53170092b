"""The chart of the bench: one column over time, over it the moved limits, which can be dragged, and the windows beyond them.

Plotly draws what no move changes; what changes is laid over it (limit_handles.py).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from monitors import backtest, summaries
from monitors.rules import Rule
from monitors.thresholds import judge
from pages.parts import chance_words, charts, limit_handles, reads, reads_bench, words
from pages.parts.bench import MOVED, SAVED, Bench, whole
from pages.parts.reads_bench import Chances
from pages.parts.scope import Scope

NAMES = ("column", "version", "segment")
STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0)  # of the axis, where a limit lies beyond all values
HEIGHT = 370


def draw(bench: Bench) -> None:
    """The metric of one column over time, with the moved limits."""
    rule, segment = bench.rule, bench.about.get("segment", "all")
    judged = _judged(bench, rule, segment)
    columns = sorted(map(str, judged["column"].unique()), key=str.casefold)
    if not columns:
        st.info(f"Nothing was measured by {rule.window} yet.", icon=":material/info:")
        return
    told, column = words.metric(bench.metric), _looked_at(bench, columns, judged)
    one = judged[(judged["column"] == column).to_numpy()]
    if not np.isfinite(one["value"].to_numpy(float)).any():
        st.info(f"{words.escaped(column)} could not be measured in any {rule.window}: {words.escaped(str(one['reason'].iloc[0]))}.")
        return
    figure, chances = _at_rest(bench, one, segment)
    charts.show(figure, "moved", f"{told.label} of {column or words.TABLE} over time, with the moved limits and both floors")
    alert = opened(bench)
    limit_handles.draw(bench.about, rule, one, _versions(bench.scope), alert if alert is not None and alert["column"] == column else None)
    chance_words.show(chance_words.told(one, chances, rule))


def _judged(bench: Bench, rule: Rule, segment: str) -> pd.DataFrame:
    """Windows of the rule's length, judged as if it alerted in them."""
    drawn, as_they_are = summaries.as_if_alerting(bench.rules[MOVED], rule.window, segment, monitor=bench.monitor, metric=bench.metric)
    judged = bench.judged
    if not as_they_are or segment not in bench.about.values():
        there = {field: name for field, name in bench.about.items() if field != "model"}
        judged = backtest.within(judge(bench.seen, drawn), there | {"segment": segment})
    return judged[(judged["window_name"] == rule.window).to_numpy()]


def _versions(scope: Scope) -> list[str]:
    return [str(version) for version in reads.versions(scope.model, scope.snapshot)["version"]]


def _looked_at(bench: Bench, columns: list[str], judged: pd.DataFrame) -> str:
    """The column of the chart: the one that was chosen or clicked, else the one with the most alerts, else one that could be measured."""
    if st.session_state.get("look_at") not in columns:
        known = sorted(map(str, judged["column"][judged["value"].notna()].unique()), key=str.casefold)
        likely = [*bench.alerts[MOVED]["column"].mode(), *known, *columns]
        st.session_state["look_at"] = next(str(name) for name in likely if name in columns)
    if len(columns) == 1:
        return columns[0]
    return str(st.selectbox("Column", columns, key="look_at", persist_state="session", width=260, label_visibility="collapsed",
                            format_func=lambda name: name or words.TABLE))  # fmt: skip


def _at_rest(bench: Bench, one: pd.DataFrame, segment: str) -> tuple[charts.Figure, Chances]:
    """The chart without limits, kept for as long as only limits within its axis move; and what chance gives."""
    limits = one[["warning", "critical"]].to_numpy(float)
    asked = {
        "pair": (bench.monitor, bench.metric), "about": tuple(bench.about.items()), "segment": segment, "window": bench.rule.window,
        "column": str(one["column"].iloc[0]), "side": str(one["side"].iloc[-1]), "reach": _reach(one["value"].to_numpy(float), limits),
    }  # fmt: skip
    found: tuple[charts.Figure, Chances] = reads.of_scope(_drawn, whole(bench.scope), look=str(st.context.theme.type), **asked)
    return found


def _reach(values: np.ndarray[Any, Any], limits: np.ndarray[Any, Any]) -> tuple[float, ...]:
    """How far beyond the values the axis has to reach for the limits: in steps, so that it stays while they move a little."""
    known, finite = limits[np.isfinite(limits)], values[np.isfinite(values)]
    ends = dict.fromkeys((known.max(), known.min())) if len(known) else ()
    return tuple(_round(limit) for limit in ends if not finite.min() <= limit <= finite.max())


def _round(limit: float) -> float:
    """The first of STEPS times a power of ten that is as far from 0."""
    power = 10.0 ** math.floor(math.log10(abs(limit))) if limit else 0.0
    return math.copysign(next((step * power for step in STEPS if step * power >= abs(limit)), 0.0), limit)


def _drawn(
    scope: Scope, pair: tuple[str, str], about: Sequence[tuple[str, str]], segment: str, window: str, column: str, side: str, reach: Sequence[float]
) -> tuple[charts.Figure, Chances]:
    told = words.metric(pair[1])
    seen = reads.prepared(scope, [window], monitor=pair[0], metric=pair[1], segment=segment).frame
    named = {field: name for field, name in about if field != "model"} | {"segment": segment, "column": column}
    blank = dict.fromkeys(("level", "warning", "critical"), np.nan)
    one, chances = reads_bench.with_chance(scope, backtest.within(seen, named).assign(side=side, **blank), segment)
    shown = {"y_title": told.title, "y_format": told.format, "focus": column, "height": HEIGHT, "reach": reach}
    figure = charts.over_time(one, charts.marks_of(scope), **shown)
    return figure, chances


def opened(bench: Bench) -> dict[str, Any] | None:
    """The alert that a person opened, as it would be now; of a moved rule that gives it no more, as it is in force."""
    names, start = st.session_state.get("opened", ((), None))
    for side in (MOVED, SAVED):
        found = bench.alerts[side]
        for name, value in zip(NAMES, names, strict=False):
            found = found[(found[name] == value).to_numpy()]
        found = found[((found["start"] <= start) & (found["end"] > start)).to_numpy()] if start is not None else found.iloc[:0]
        if len(found):
            return dict(found.iloc[0]) | {"rule": side}
    return None


