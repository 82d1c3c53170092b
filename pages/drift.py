"""Drift: do inputs, predictions and labels still look like the reference?"""

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from monitors import drift, rulebook, summaries
from pages.parts import chance_words, charts, normals, reads, reads_bench, sidebar, tables, words
from pages.parts.heading import heading
from pages.parts.scope import Scope


def main() -> None:
    """The page."""
    scope = sidebar.scope()
    heading("Drift", "drift")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = st.selectbox("Metric", drift.METRICS, key="metric", bind="query-params", width=220)
        lengths = ["day", "week", "month"]
        window = st.segmented_control("Window", lengths, default="week", required=True, key="window", bind="query-params")
    st.caption(f"**{words.metric(metric).label}.** {words.metric(metric).reading}")

    judged, alerting = reads.shown(scope, window, monitor="drift", metric=metric)
    if judged.empty:
        sidebar.nothing_measured(scope, "drift")
        return
    ranking = reads.of_scope(_ranking, scope, metric=metric, window=window)
    column = tables.ranked_column(ranking, metric, "" if alerting else words.not_alerting(metric, window, scope.segment))
    one_column(scope, column, metric, window)


def _ranking(scope: Scope, metric: str, window: str) -> pd.DataFrame:
    return summaries.ranking(reads.shown(scope, window, monitor="drift", metric=metric)[0])


def one_column(scope: Scope, column: str, metric: str, window: str) -> None:
    """Everything on one column: over time, against the reference, by version and by segment."""
    st.subheader(f"{words.escaped(column)} over time", anchor=False)
    figure = charts.drawn(_over_time, scope, column=column, metric=metric, window=window)
    charts.show(figure, "over_time", f"{words.metric(metric).label} of {column} by {window}, with its thresholds and floors")
    normals.tell(scope, column)
    chance_words.show(reads.of_scope(_below_noise, scope, column=column, metric=metric, window=window))
    reference_against_window(scope, _own(scope, column, metric, window), column)
    by_version, by_segment = st.tabs(["By version", "By segment"])
    with by_version:
        tables.ranked(reads.of_scope(_by_version, scope, column=column, metric=metric, window=window), "version", metric, key="versions")
    with by_segment:
        segments(scope, column, metric, window)


def _own(scope: Scope, column: str, metric: str, window: str) -> pd.DataFrame:
    judged, _ = reads.shown(scope, window, monitor="drift", metric=metric)
    return judged[judged["column"] == column]


def _with_chance(scope: Scope, column: str, metric: str, window: str) -> tuple[pd.DataFrame, reads_bench.Chances]:
    return reads_bench.with_chance(scope, _own(scope, column, metric, window), scope.segment)


def _over_time(scope: Scope, column: str, metric: str, window: str) -> charts.Figure:
    told = words.metric(metric)
    own, _ = reads.of_scope(_with_chance, scope, column=column, metric=metric, window=window)
    return charts.over_time(own, charts.marks_of(scope), y_title=told.title, y_format=told.format, focus=column)


def _below_noise(scope: Scope, column: str, metric: str, window: str) -> chance_words.Told | None:
    own, chances = reads.of_scope(_with_chance, scope, column=column, metric=metric, window=window)
    names = {"model": scope.model, "monitor": "drift", "metric": metric, "column": column}
    return chance_words.told(own, chances, rulebook.resolve(reads.rules(scope), segment=scope.segment, **names))


def _by_version(scope: Scope, column: str, metric: str, window: str) -> pd.DataFrame:
    return summaries.ranking(_own(scope, column, metric, window), "version")


def reference_against_window(scope: Scope, judged: pd.DataFrame, column: str) -> None:
    """The shares of the reference beside those of a window that one chooses, the latest at first."""
    st.subheader("Against the reference", anchor=False)
    measured = judged[judged["rows"] > 0].sort_values(["window_start", "version"], ascending=False)
    if measured.empty:
        st.info("No window of this period has rows of this column.")
        return
    labels = {
        f"{words.span(row.window_start, row.window_end)}{row.version and f' · {row.version}'}": row for row in measured.itertuples()
    }
    chosen = st.selectbox("Window to compare", list(labels), key="against", bind="query-params", width=320)
    row = labels[chosen]
    asked = {"column": column, "version": row.version, "since": row.window_start, "until": row.window_end}
    found = reads.of_scope(_compared, scope, **asked)
    if found is None:
        st.info("There is no reference to compare this window with.")
        return
    figure = charts.drawn(_shares, scope, name=chosen, **asked)
    charts.show(figure, "shares", f"Shares of {column} in the reference and in {chosen}")
    st.caption(found[1])


def _compared(scope: Scope, column: str, version: str, since: datetime, until: datetime) -> tuple[pd.DataFrame, str] | None:
    """The shares of the reference and of a window, and their rows and nulls in words; None without one of the two."""
    if found := normals.against(scope, column, version, since, until):
        bins, reference, window, days = found
        told = f"The reference here is the new normal of {days}. {words.rows_and_nulls(reference, window)}"
        return summaries.shares(bins, reference["counts"], window["counts"]), told
    names = {"column": column, "segment": scope.segment}
    bins = reads.bins(scope)
    of = version if version in set(bins["version"]) else ""  # the reference of every version serves those that have none of their own
    bins = bins[(bins["version"] == of) & (bins["column"] == column)]
    reference = reads.one_profile(scope, None, None, version=of, **names)
    window = reads.one_profile(scope, since, until, version=version, **names)
    if bins.empty or reference is None or window is None:
        return None
    return summaries.shares(bins.iloc[0], reference["counts"], window["counts"]), words.rows_and_nulls(reference, window)


def _shares(scope: Scope, name: str, **asked: Any) -> charts.Figure:
    return charts.distributions(reads.of_scope(_compared, scope, **asked)[0], name)


def segments(scope: Scope, column: str, metric: str, window: str) -> None:
    """The same metric in each segment, the furthest above its limit first."""
    ranking = reads.of_scope(_by_segment, scope, column=column, metric=metric, window=window)
    if ranking.empty:
        st.info("This model has no segments. Give a column the role `segments` to have it measured by its values.")
        return
    tables.ranked(ranking, "segment", metric, key="segments")


def _by_segment(scope: Scope, column: str, metric: str, window: str) -> pd.DataFrame:
    judged, _ = reads.shown(scope, window, monitor="drift", metric=metric, column=column, segment="*")
    judged = judged[judged["segment"] != "all"]
    return summaries.ranking(judged, "segment") if len(judged) else judged


main()
