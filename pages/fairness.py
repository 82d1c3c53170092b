"""Fairness: are groups treated alike?"""

import shlex

import pandas as pd
import streamlit as st

from monitors import fairness
from monitors import fairness_views as views
from monitors.thresholds import resolve
from pages.parts import charts, fairness_charts, fairness_tables, reads, reads_fairness, sidebar, words
from pages.parts.heading import heading
from pages.parts.scope import Scope

NO_GROUPS = """There are no groups to compare. Give the columns that say who is concerned (`sex`, `age_band`, `region`) the role `segments` on
the page *Sources* or in roles.yaml, load the log again and run `python -m monitors run`."""
MOST = 12  # groups named of each reason


def main() -> None:
    """The page."""
    scope = sidebar.scope()
    heading("Fairness", "fairness")
    columns = reads_fairness.columns(scope)
    if not columns:
        st.info(NO_GROUPS, icon=":material/info:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        column = st.selectbox("Groups of", columns, key="column", bind="query-params", width=260)
        known = reads_fairness.classes(scope, column)
        class_name = st.selectbox("Class", known, key="class", bind="query-params", width=200) if len(known) > 1 else "".join(known)
    if not reads_fairness.seen(scope, column, class_name):
        sidebar.nothing_measured(scope, "fairness")
        return
    told, found = (read(scope, column, class_name) for read in (reads_fairness.headlines, reads_fairness.table))
    headlines(scope, column, class_name, told)
    st.subheader(f"Groups of {words.escaped(column)}", anchor=False)
    figure = charts.drawn(_groups, scope, column=column, class_name=class_name)
    charts.show(figure, "groups_chart", f"The rates of the groups of {column} with their intervals")
    fairness_tables.groups(found, column)
    not_measured(found, list(told))
    over_time(scope, column, list(told), found)
    versions(scope, column, class_name)


def _groups(scope: Scope, column: str, class_name: str) -> charts.Figure:
    told, found, parts = (read(scope, column, class_name) for read in (reads_fairness.headlines, reads_fairness.table, reads_fairness.seen))
    return fairness_charts.groups(found, told, {metric: views.overall(one) for metric, one in parts.items()})


def headlines(scope: Scope, column: str, class_name: str, told: dict[str, views.Headline]) -> None:
    """Each metric in words: the two groups that differ most, and whether chance would give as much."""
    rules = reads.rules(scope)
    for metric, one in told.items():
        rule = resolve(rules, monitor="fairness", metric=metric, column=column, segment="all")
        level = _level(one, rule.warning, rule.critical)
        with st.container(border=True):
            value = "" if one.reason else f" **{one.value:.2f}**" if metric == "selection_ratio" else f" **{one.value:.1%}**"
            st.markdown(f"{words.MARKS[level]} {words.metric(metric).label}{value} · {words.escaped(views.sentence(one))}")
            if not one.reason:
                st.caption(words.escaped(views.chance(one)))
    selected = f"Selected: predicted as {words.escaped(class_name)}. " if class_name else ""
    where = "" if scope.segment == "all" else f"Among the rows of {words.escaped(scope.segment)}. "
    alerting = resolve(rules, monitor="fairness", metric=next(iter(told)), column=column, segment="all").enabled
    st.caption(f"{selected}{where}All windows of the period together. {'Its alerts are on.' if alerting else ''}")
    if not alerting:
        why = f"nobody has said that the values of {words.escaped(column)} are groups who must be treated alike"
        st.caption(f":material/notifications_off: Raises no alerts: {why}. To say so:")
        scope_of = shlex.quote(f"column={column}")
        command = f"python -m monitors thresholds set monitor=fairness {scope_of} segment=all --set enabled=true --reason '…'"
        st.code(command, language=None, wrap_lines=True)


def _level(one: views.Headline, warning: object, critical: object) -> int:
    """The state that the limits of the rule give a headline; what chance would give as well is ok."""
    if one.reason:
        return -1
    sign = -1 if one.metric == "selection_ratio" else 1
    limits = [isinstance(limit, int | float) and sign * one.value > sign * limit for limit in (warning, critical)]
    return (2 if limits[1] else 1 if limits[0] else 0) if one.beyond_chance else 0


def not_measured(found: pd.DataFrame, metrics: list[str]) -> None:
    """The groups that are too small, by reason."""
    listed = views.unmeasured(found, [metric for metric in fairness.METRICS if metric.name in metrics])
    if not listed:
        return
    lines = []
    for reason, names in listed.items():
        more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
        lines.append(f"- {words.escaped(reason)}: {words.escaped(', '.join(names[:MOST]))}{more}")
    st.markdown("**Not measured**, and in no headline; in brackets how many there are")
    st.markdown("\n".join(lines))


def over_time(scope: Scope, column: str, metrics: list[str], found: pd.DataFrame) -> None:
    """One metric by window, between all groups or of one against the others."""
    st.subheader("Over time", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = st.selectbox("Metric", metrics, key="metric", bind="query-params", width=220)
        every = "between all groups"
        names = [every, *found["group"]]
        group = st.selectbox("Of", names, key="group", bind="query-params", width=220)
        lengths = ["day", "week", "month"]
        window = st.segmented_control("Window", lengths, default="week", required=True, key="window", bind="query-params")
    segment = "all" if group == every else f"{column}={group}"
    judged = reads_fairness.judged(scope, column, metric, window, segment)
    told = words.metric(metric)
    st.caption(f"**{told.label}.** {told.reading}")
    if judged["value"].isna().all():
        why = judged["reason"].dropna()
        st.info(f"Not measured in this period: {words.escaped(str(why.iloc[0]))}." if len(why) else "Nothing was measured in this period.")
        return
    figure = charts.drawn(_over_time, scope, column=column, metric=metric, window=window, segment=segment)
    charts.show(figure, "fairness_over_time", f"{told.label} of {column} by {window}, with its thresholds and what chance gives")


def _over_time(scope: Scope, column: str, metric: str, window: str, segment: str) -> charts.Figure:
    told, judged = words.metric(metric), reads_fairness.judged(scope, column, metric, window, segment)
    return charts.over_time(judged, charts.marks_of(scope), y_title=told.title, y_format=told.format, focus=column)


def versions(scope: Scope, column: str, class_name: str) -> None:
    """Every version beside the others."""
    found = reads_fairness.by_version(scope, column, class_name)
    if len(found) < 2:
        return
    st.subheader("Versions", anchor=False)
    st.caption("Each over its own windows of the period, so of other days: compare within a version first.")
    fairness_tables.versions(found)


main()
