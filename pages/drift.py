"""Drift: do inputs, predictions and labels still look like the reference?"""

import pandas as pd
import streamlit as st

from monitors import drift, rulebook, summaries
from monitors.rules import Rule
from pages.parts import chance_words, charts, reads, reads_bench, sidebar, tables, words
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

    rules, alerting = summaries.as_if_alerting(reads.rules(scope), window, scope.segment, monitor="drift", metric=metric)
    judged = reads.judged(scope, [window], rules, monitor="drift", metric=metric)
    if judged.empty:
        sidebar.nothing_measured(scope, "drift")
        return
    column = tables.ranked_column(judged, metric, "" if alerting else words.not_alerting(metric, window, scope.segment))
    rule = rulebook.resolve(rules, monitor="drift", metric=metric, column=column, segment=scope.segment, model=scope.model)
    one_column(scope, judged[judged["column"] == column], rule)


def one_column(scope: Scope, judged: pd.DataFrame, rule: Rule) -> None:
    """Everything on one column: over time, against the reference, by version and by segment."""
    column, metric, window = str(rule.column), str(rule.metric), rule.window
    told = words.metric(metric)
    judged, chances = reads_bench.with_chance(scope, judged, scope.segment)
    marks = charts.Marks(reads.versions(scope.model, scope.snapshot), reads.sample_events(scope))
    st.subheader(f"{words.escaped(column)} over time", anchor=False)
    figure = charts.over_time(judged, marks, y_title=told.title, y_format=told.format, focus=column)
    charts.show(figure, "over_time", f"{told.label} of {column} by {window}, with its thresholds and floors")
    chance_words.draw(judged, chances, rule)
    reference_against_window(scope, judged, column)
    by_version, by_segment = st.tabs(["By version", "By segment"])
    with by_version:
        tables.ranked(summaries.ranking(judged, "version"), "version", metric, key="versions")
    with by_segment:
        segments(scope, column, metric, window)


def reference_against_window(scope: Scope, judged: pd.DataFrame, column: str) -> None:
    """The shares of the reference beside those of a window that one chooses, the latest at first."""
    st.subheader("Against the reference", anchor=False)
    measured = judged[judged["rows"] > 0].sort_values(["window_start", "version"], ascending=False)
    if measured.empty:
        st.info("No window of this period has rows of this column.")
        return
    labels = {f"{words.span(row.window_start, row.window_end)} · {row.version}": row for row in measured.itertuples()}
    chosen = st.selectbox("Window to compare", list(labels), key="against", bind="query-params", width=320)
    row = labels[chosen]
    names = {"column": column, "segment": scope.segment, "version": row.version}
    bins = reads.bins(scope)
    bins = bins[(bins["version"] == row.version) & (bins["column"] == column)]
    reference = reads.one_profile(scope, None, None, **names)
    window = reads.one_profile(scope, row.window_start, row.window_end, **names)
    if bins.empty or reference is None or window is None:
        st.info("There is no reference to compare this window with.")
        return
    groups = summaries.shares(bins.iloc[0], reference["counts"], window["counts"])
    charts.show(charts.distributions(groups, chosen), "shares", f"Shares of {column} in the reference and in {chosen}")
    st.caption(words.rows_and_nulls(reference, window))


def segments(scope: Scope, column: str, metric: str, window: str) -> None:
    """The same metric in each segment, the furthest above its limit first."""
    rules, _ = summaries.as_if_alerting(reads.rules(scope), window, "*", monitor="drift", metric=metric)
    judged = reads.judged(scope, [window], rules, monitor="drift", metric=metric, column=column, segment="*")
    judged = judged[judged["segment"] != "all"]
    if judged.empty:
        st.info("This model has no segments. Give a column the role `segments` to have it measured by its values.")
        return
    tables.ranked(summaries.ranking(judged, "segment"), "segment", metric, key="segments")


main()
