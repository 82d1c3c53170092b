"""Stability: did the numbers break?"""

import pandas as pd
import streamlit as st

from monitors import breaks, periods, stability
from pages.parts import broken, charts, lanes, reads, reads_stability, sidebar, stacks, words
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
    found, sound = breaks.breaks(judged), breaks.whole(judged, breaks.breaks(judged))
    broken.headline(found, sound)
    names, metrics_of = broken.names(found, sound), _metrics(judged, found)
    broken.table(found, sound, key="broken", on_select=lambda: _take(found, sound, metrics_of))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        renew = {"on_change": lambda: _to_metric(metrics_of[st.session_state["column"]][0])}
        column = st.selectbox("Number", names, key="column", bind="query-params", width=320, **renew)
        metric = st.selectbox("What", metrics_of[column], key="metric", bind="query-params", width=240)
    st.caption(f"**{words.metric(metric).label}.** {words.metric(metric).reading}")
    broke = found[(found["column"].replace("", broken.ROWS) == column) & (found["metric"] == metric)].reset_index(drop=True)
    segment = str(broke["segment"].iat[0]) if len(broke) else scope.segment  # one source of several may stand still
    own = judged["column"] == ("" if column == broken.ROWS else column)
    shown = judged[own & (judged["metric"] == metric) & (judged["segment"] == segment)]
    if segment != scope.segment:
        shown = reads_stability.of_segment(scope, window, metric, column, segment)
    one_number(scope, shown, broke, (column, metric, window, segment))


def _take(found: pd.DataFrame, sound: pd.DataFrame, metrics_of: dict[str, list[str]]) -> None:
    """The clicked row becomes the chosen number."""
    if rows := st.session_state["broken"].selection.rows:
        names = [*found["column"].replace("", broken.ROWS), *sound["column"].replace("", broken.ROWS)]
        st.session_state["column"] = names[rows[0]]
        _to_metric(found["metric"].iat[rows[0]] if rows[0] < len(found) else metrics_of[names[rows[0]]][0])


def _to_metric(metric: str) -> None:
    st.session_state["metric"] = metric


def _metrics(judged: pd.DataFrame, found: pd.DataFrame) -> dict[str, list[str]]:
    """What was measured of each number, what broke first."""
    measured = judged[["column", "metric"]].astype("str").drop_duplicates()
    there = {column: set(part) for column, part in measured.groupby("column")["metric"]}
    broke = {column: list(part) for column, part in found.groupby("column")["metric"]}
    ordered = {c: dict.fromkeys([*broke.get(c, []), *(m for m in stability.METRICS if m in names)]) for c, names in there.items()}
    return {c or broken.ROWS: list(names) for c, names in ordered.items()}


def one_number(scope: Scope, shown: pd.DataFrame, broke: pd.DataFrame, chosen: tuple[str, str, periods.Period, str]) -> None:
    """Everything on one number: over time, what it holds that is no number, and the rows that broke."""
    column, metric, window, segment = chosen
    told = words.metric(metric)
    marks = charts.Marks(reads.versions(scope.model, scope.snapshot), reads.sample_events(scope))
    where = "" if segment == scope.segment else f" in {words.escaped(segment)}"
    st.subheader(f"{words.escaped(column)} over time{where}", anchor=False)
    if shown["value"].notna().any():
        figure = charts.over_time(shown, marks, y_title=told.title, y_format=told.format, focus=column)
        charts.show(figure, "over_time", f"{told.label} of {column} by {window}, with its thresholds and floors")
    else:
        reasons = ", ".join(sorted(set(shown["reason"].dropna().astype(str)))) or "nothing was measured"
        st.info(f"{told.label} could not be measured: {words.escaped(reasons)}.", icon=":material/info:")
    if column != broken.ROWS:
        no_numbers(scope, column, window, marks)
    broken.first_occurrence(scope, broke, column)


def no_numbers(scope: Scope, column: str, window: periods.Period, marks: lanes.Marks) -> None:
    """NaN, infinity and null side by side, of all versions together."""
    names = {"column": column, "segment": scope.segment, "version": scope.version, "dataset": "log"}
    profiles = reads.profiles(scope, scope.since, scope.until, **names)
    if profiles.empty or not profiles[list(stacks.KINDS)].to_numpy().sum():
        st.caption(f"No NaN, no infinity and no null in {words.escaped(column)} in this period.")
        return
    st.subheader("NaN, infinity and null apart", anchor=False)
    windows = periods.merge(profiles, window)[COUNTS].groupby(["window_start", "window_end"], as_index=False).sum()
    charts.show(stacks.no_numbers(windows, marks), "no_numbers", f"Shares of NaN, infinity and null in {column} by {window}")


main()
