"""Stability: did the numbers break?"""

import pandas as pd
import streamlit as st

from monitors import periods, stability
from pages.parts import broken, charts, reads, reads_stability, sidebar, stacks, words
from pages.parts.heading import heading
from pages.parts.scope import Scope

COUNTS = ["window_start", "window_end", "rows", *stacks.KINDS]


def main() -> None:
    """The page."""
    scope = sidebar.scope()
    heading("Stability", "stability")
    window = st.segmented_control("Window", ["day", "week", "month"], default="day", required=True, key="window", bind="query-params")
    judged = reads_stability.judged(scope, window)
    if judged.empty:
        sidebar.nothing_measured(scope, "stability")
        return
    found, sound = reads_stability.breaks(scope, window)
    broken.headline(found, sound)
    names, metrics_of = broken.names(found, sound), reads.of_scope(_metrics, scope, window=window)
    broken.table(reads.of_scope(_table, scope, window=window), key="broken", on_select=lambda: _take(found, sound, metrics_of))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        renew = {"on_change": lambda: _to_metric(metrics_of[st.session_state["column"]][0])}
        column = st.selectbox("Number", names, key="column", bind="query-params", width=320, **renew)
        metric = st.selectbox("What", metrics_of[column], key="metric", bind="query-params", width=240)
    st.caption(f"**{words.metric(metric).label}.** {words.metric(metric).reading}")
    broke = found[(found["column"].replace("", broken.ROWS) == column) & (found["metric"] == metric)].reset_index(drop=True)
    segment = str(broke["segment"].iat[0]) if len(broke) else scope.segment  # one source of several may stand still
    one_number(scope, broke, (column, metric, window, segment))


def _shown(scope: Scope, column: str, metric: str, window: str, segment: str) -> pd.DataFrame:
    if segment != scope.segment:
        return reads.shown(scope, window, monitor="stability", metric=metric, column=column, segment=segment)[0]
    judged = reads_stability.judged(scope, window)
    own = judged["column"] == ("" if column == broken.ROWS else column)
    return judged[own & (judged["metric"] == metric) & (judged["segment"] == segment)]


def _table(scope: Scope, window: str) -> pd.DataFrame:
    return broken.listed(*reads_stability.breaks(scope, window))


def _take(found: pd.DataFrame, sound: pd.DataFrame, metrics_of: dict[str, list[str]]) -> None:
    """The clicked row becomes the chosen number."""
    if rows := st.session_state["broken"].selection.rows:
        names = [*found["column"].replace("", broken.ROWS), *sound["column"].replace("", broken.ROWS)]
        st.session_state["column"] = names[rows[0]]
        _to_metric(found["metric"].iat[rows[0]] if rows[0] < len(found) else metrics_of[names[rows[0]]][0])


def _to_metric(metric: str) -> None:
    st.session_state["metric"] = metric


def _metrics(scope: Scope, window: str) -> dict[str, list[str]]:
    """What was measured of each number, what broke first."""
    judged, (found, _) = reads_stability.judged(scope, window), reads_stability.breaks(scope, window)
    measured = judged[["column", "metric"]].astype("str").drop_duplicates()
    there = {column: set(part) for column, part in measured.groupby("column")["metric"]}
    broke = {column: list(part) for column, part in found.groupby("column")["metric"]}
    ordered = {c: dict.fromkeys([*broke.get(c, []), *(m for m in stability.METRICS if m in names)]) for c, names in there.items()}
    return {c or broken.ROWS: list(names) for c, names in ordered.items()}


def one_number(scope: Scope, broke: pd.DataFrame, chosen: tuple[str, str, periods.Period, str]) -> None:
    """Everything on one number: over time, what it holds that is no number, and the rows that broke."""
    column, metric, window, segment = chosen
    told = words.metric(metric)
    where = "" if segment == scope.segment else f" in {words.escaped(segment)}"
    st.subheader(f"{words.escaped(column)} over time{where}", anchor=False)
    asked = {"column": column, "metric": metric, "window": window, "segment": segment}
    shown = reads.of_scope(_shown, scope, **asked)
    if shown["value"].notna().any():
        charts.show(charts.drawn(_over_time, scope, **asked), "over_time", f"{told.label} of {column} by {window}, with its thresholds and floors")
    else:
        reasons = ", ".join(sorted(set(shown["reason"].dropna().astype(str)))) or "nothing was measured"
        st.info(f"{told.label} could not be measured: {words.escaped(reasons)}.", icon=":material/info:")
    if column != broken.ROWS:
        no_numbers(scope, column, window)
    broken.first_occurrence(scope, broke, column)


def _over_time(scope: Scope, column: str, metric: str, **asked: str) -> charts.Figure:
    told, shown = words.metric(metric), reads.of_scope(_shown, scope, column=column, metric=metric, **asked)
    return charts.over_time(shown, charts.marks_of(scope), y_title=told.title, y_format=told.format, focus=column)


def no_numbers(scope: Scope, column: str, window: periods.Period) -> None:
    """NaN, infinity and null side by side, of all versions together."""
    if reads.of_scope(_no_numbers, scope, column=column, window=window) is None:
        st.caption(f"No NaN, no infinity and no null in {words.escaped(column)} in this period.")
        return
    st.subheader("NaN, infinity and null apart", anchor=False)
    figure = charts.drawn(_apart, scope, column=column, window=window)
    charts.show(figure, "no_numbers", f"Shares of NaN, infinity and null in {column} by {window}")


def _no_numbers(scope: Scope, column: str, window: periods.Period) -> pd.DataFrame | None:
    """The counts of all versions together by window; None where there is nothing but numbers."""
    names = {"column": column, "segment": scope.segment, "version": scope.version, "dataset": "log"}
    profiles = reads.profiles(scope, scope.since, scope.until, **names)
    if profiles.empty or not profiles[list(stacks.KINDS)].to_numpy().sum():
        return None
    return periods.merge(profiles, window)[COUNTS].groupby(["window_start", "window_end"], as_index=False).sum()


def _apart(scope: Scope, column: str, window: periods.Period) -> charts.Figure:
    return stacks.no_numbers(reads.of_scope(_no_numbers, scope, column=column, window=window), charts.marks_of(scope))


main()
