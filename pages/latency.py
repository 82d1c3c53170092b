"""Latency: did versions or components of code, data or model get slower, at once or by and by?"""

import pandas as pd
import streamlit as st

from monitors import compare_latency
from monitors import latency_views as views
from monitors.thresholds import resolve
from pages.parts import charts, latency_charts, latency_tables, reads, reads_latency, sidebar, words
from pages.parts.heading import heading
from pages.parts.scope import Scope

LEVELS = {"p50": 0.5, "p95": 0.95}  # what steps and leaks are looked for in
NO_LATENCY = """No time was logged for this model. Log how long each request took, a column per component (`latency_features_ms`,
`latency_model_ms`), give these columns the role `latency` on the page *Sources* or in roles.yaml, and run `python -m monitors run`."""


def main() -> None:
    """The page."""
    scope = sidebar.scope()
    heading("Latency", "latency")
    names = reads_latency.components(scope)
    if not names:
        st.info(NO_LATENCY, icon=":material/info:")
    else:
        of_components(scope, names)
    requests(scope)
    jobs(scope)


def of_components(scope: Scope, names: list[str]) -> None:
    """Everything on times: the components at a glance, then one of them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        column = st.selectbox("Component", names, key="column", bind="query-params", width=260)
        lengths = ["day", "week", "month"]
        window = st.segmented_control("Window", lengths, default="day", required=True, key="window", bind="query-params")
    judged = reads_latency.judged(scope, window)
    if judged.empty:
        sidebar.nothing_measured(scope, "latency")
        return
    latency_tables.components(reads.of_scope(_at_a_glance, scope, window=window))
    over_time(scope, column, window)
    against_thresholds(scope, column)
    compare(scope, column)
    parts(scope, column)


def _at_a_glance(scope: Scope, window: str) -> pd.DataFrame:
    return latency_tables.at_a_glance(reads_latency.judged(scope, window), reads_latency.components(scope))


def over_time(scope: Scope, column: str, window: str) -> None:
    """The three percentiles over time, with what was found in them, in words below."""
    st.subheader(f"{words.escaped(column)} over time", anchor=False)
    values = reads.of_scope(_percentiles, scope, column=column, window=window)["value"].dropna()
    if values.empty:
        st.info("No window of this period has rows enough of this component.")
        return
    with st.container(horizontal=True):
        log = st.toggle("Logarithmic axis", value=latency_charts.is_wide(values), key=f"log_{column}")
        level = st.segmented_control(
            "Steps and leaks of", list(LEVELS), default="p50", required=True, key="follow", bind="query-params", label_visibility="collapsed"
        )
    figure = charts.drawn(_over_time, scope, column=column, window=window, level=level, log=log)
    charts.show(figure, "percentiles", f"p50, p95 and p99 of {column} by version, with steps and leaks")
    listed(reads_latency.findings(scope, column, LEVELS[level]), column, level)


def _percentiles(scope: Scope, column: str, window: str) -> pd.DataFrame:
    judged = reads_latency.judged(scope, window)
    own = (judged["column"] == column) & (judged["window_name"] == window)
    return judged[own & judged["metric"].isin(list(latency_charts.PERCENTILES))]


def _over_time(scope: Scope, column: str, window: str, level: str, log: bool) -> charts.Figure:
    shown = reads.of_scope(_percentiles, scope, column=column, window=window)
    found = reads_latency.findings(scope, column, LEVELS[level])
    return latency_charts.percentiles(shown, charts.marks_of(scope), found, column, level, log)


def listed(found: pd.DataFrame, column: str, percentile: str) -> None:
    """Steps and leaks in words, leaks first."""
    st.markdown(f"**Steps and leaks of {percentile}**, by days, found over the whole history")
    if found.empty:
        st.caption(":material/check_circle: None in this period.")
        return
    order = found.assign(leak=found["kind"] == "leak").sort_values(["leak", "start"], ascending=[False, True])
    lines = []
    for row in order.to_dict("records"):
        badge = ":red-badge[leak]" if row["kind"] == "leak" else ":orange-badge[slower]" if row["factor"] > 1 else ":green-badge[faster]"
        lines.append(f"- {badge} {words.escaped(views.sentence(row, column, percentile).partition(': ')[2])}")
    st.markdown("\n".join(lines))


def against_thresholds(scope: Scope, column: str) -> None:
    """One metric with its thresholds and floors, in the windows of its rule."""
    st.subheader("Against thresholds", anchor=False)
    metric = st.selectbox("Metric", reads_latency.JUDGED, key="metric", bind="query-params", width=260)
    told = words.metric(metric)
    length = resolve(reads.rules(scope), monitor="latency", metric=metric, column=column, segment=scope.segment).window
    st.caption(f"**{told.label}.** {told.reading} By {length}, as its rule says.")
    judged, alerting = reads.shown(scope, length, monitor="latency", metric=metric, column=column)
    if not alerting:
        st.caption(f":material/notifications_off: {words.not_alerting(metric, length, scope.segment)}")
    if judged["value"].isna().all():
        why = judged["reason"].dropna()
        st.info(f"Not measured in this period: {words.escaped(str(why.iloc[0]))}." if len(why) else "Nothing was measured in this period.")
        return
    figure = charts.drawn(_judged, scope, column=column, metric=metric, window=length)
    charts.show(figure, "judged", f"{told.label} of {column} by {length}, with its thresholds and floors")


def _judged(scope: Scope, column: str, metric: str, window: str) -> charts.Figure:
    told, (judged, _) = words.metric(metric), reads.shown(scope, window, monitor="latency", metric=metric, column=column)
    unit = views.unit(column) if metric in (*latency_charts.PERCENTILES, "mean") else told.unit
    title = latency_charts.title(told.label, unit)
    figure = charts.over_time(judged, charts.marks_of(scope), y_title=title, y_format=told.format, focus=column)
    latency_charts.named(figure)
    if latency_charts.is_wide(judged["value"]):
        latency_charts.logarithmic(figure, judged)
    return figure


def compare(scope: Scope, column: str) -> None:
    """Two versions, quantile by quantile."""
    st.subheader("Two versions compared", anchor=False)
    names = views.versions(reads_latency.days(scope, column))
    if len(names) < 2:
        only = f"Only {words.escaped(names[0]) if names else 'no version'} has times in this period."
        told = "The log tells no versions." if names == [""] else f"{only} Choose a longer one in the sidebar to compare versions."
        st.info(told)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        after = _chosen("Version to compare", names, scope.version if scope.version in names[1:] else names[-1], "after")
        others, earlier = [name for name in names if name != after], names[: names.index(after)]
        before = _chosen("Against", others, earlier[-1] if earlier else others[0], "before")
    made = reads_latency.compared(scope, column, before, after)
    of, said = words.escaped(before), words.escaped(made.verdict)
    st.markdown(f"{words.escaped(after)} against {of}, at p95: **{said}**.")
    latency_tables.compared(made, column)
    figure = charts.drawn(_overlaid, scope, column=column, before=before, after=after)
    charts.show(figure, "overlaid", f"How the times of {before} and {after} are spread")
    how = "whole days drawn again, as requests of one day share its load" if made.drawn == "days" else "requests drawn again"
    rows = f"{made.before_rows:,} requests of {of} and {made.after_rows:,} of {words.escaped(after)} in this period"
    st.caption(f"{rows}; intervals from {how} 2,000 times.")


def _overlaid(scope: Scope, column: str, before: str, after: str) -> charts.Figure:
    days, values = reads_latency.days(scope, column), reads_latency.compared(scope, column, before, after).table.set_index("metric")
    shown = {name: compare_latency.density(days[name].times) for name in (before, after)}
    marks = {name: {m: float(values.loc[m, side]) for m in ("p50", "p95")} for name, side in ((before, "before"), (after, "after"))}
    return latency_charts.overlaid(shown, list(reads.versions(scope.model, scope.snapshot)["version"]), column, marks)


def _chosen(label: str, names: list[str], default: str, key: str) -> str:
    """One of some versions; a choice that is none of them any more is forgotten."""
    if st.session_state.get(key, default) not in names:
        del st.session_state[key]
    return str(st.selectbox(label, names, index=names.index(default), key=key, bind="query-params", width=200))


def parts(scope: Scope, column: str) -> None:
    """Percentiles by version, by code version, by data version and by segment."""
    st.subheader("By version of model, code and data", anchor=False)
    found = reads_latency.by_part(scope, column)
    columns = list(dict.fromkeys(segment.partition("=")[0] for segment in found["segment"] if segment != "all"))
    names = ["version", *columns]
    for tab, part in zip(st.tabs([words.escaped(name.replace("_", " ").capitalize()) for name in names]), names, strict=True):
        with tab:
            latency_tables.by_part(found, part, column)


def requests(scope: Scope) -> None:
    """Throughput and errors."""
    for title, metric in (("Errors", "error_rate"), ("Throughput", "throughput")):
        told = words.metric(metric)
        if reads.shown(scope, "day", monitor="latency", metric=metric)[0].empty:
            if metric == "error_rate":
                sidebar.nothing_measured(scope, "request")
            return
        st.subheader(title, anchor=False)
        st.caption(f"{told.reading} By day.")
        charts.show(charts.drawn(_requests, scope, metric=metric), metric, f"{told.label} by day and version")


def _requests(scope: Scope, metric: str) -> charts.Figure:
    told, (judged, _) = words.metric(metric), reads.shown(scope, "day", monitor="latency", metric=metric)
    figure = charts.over_time(judged, charts.marks_of(scope), y_title=told.title, y_format=told.format, height=330)
    latency_charts.named(figure)
    return figure


def jobs(scope: Scope) -> None:
    """What jobs of training and scoring took."""
    st.subheader("Jobs", anchor=False)
    runs = reads_latency.jobs_of(scope)
    if scope.version is not None:
        runs = runs[runs["version"].isin([scope.version, ""])]
    if runs.empty:
        how = "`python -m monitors jobs add jobs.jsonl --model …` keeps what one took; see docs/jobs.md."
        st.caption(f"No run of a training or scoring job is known here. {how}")
        return
    latency_tables.jobs(runs)


main()
