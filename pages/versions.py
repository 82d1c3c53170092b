"""Versions: what changed, when, by whom, and what came of it."""

import pandas as pd
import streamlit as st

from monitors import changes as told
from monitors import manifest_diff
from monitors.versions import version_order
from pages.parts import ages, charts, reads, reads_changes, sidebar, versions_charts, versions_tables, words
from pages.parts.heading import heading
from pages.parts.scope import Scope

VIEWS = ("What changed", "Two versions")
LENGTHS = {"day": pd.Timedelta(days=1), "week": pd.Timedelta(days=7)}


def main() -> None:
    """The page."""
    scope = sidebar.scope()
    heading("Versions", "changes")
    served = reads_changes.served(scope.model, scope.snapshot)
    if served.empty:
        sidebar.nothing_measured(scope)
        return
    rollout(scope, served)
    ages.ages(scope)
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], required=True, key="view", bind="query-params", label_visibility="collapsed"
    )
    if view == VIEWS[0]:
        history(scope)
    else:
        side_by_side(scope, served)


def rollout(scope: Scope, served: pd.DataFrame) -> None:
    """Who served when, and how much."""
    rows = reads_changes.rollout(scope.model, scope.snapshot)
    st.subheader("Who served", anchor=False)
    if not ((rows["window_start"] >= scope.since) & (rows["window_start"] < scope.until)).any():
        st.info("No version served in this period. Choose a longer one in the sidebar.")
    else:
        charts.show(charts.drawn(_shares, scope), "shares", "Share of the rows that each version served on each day")
    order = version_order(list(served["version"]), dict(zip(served["version"], served["first"], strict=True)))
    by_order = served.set_index("version").loc[order].reset_index()
    versions_tables.served(by_order, reads_changes.manifests(scope.model, scope.snapshot))


def _shares(scope: Scope) -> charts.Figure:
    rows = reads_changes.rollout(scope.model, scope.snapshot)
    rows = rows[(rows["window_start"] >= scope.since) & (rows["window_start"] < scope.until)]
    return versions_charts.shares(rows, charts.marks_of(scope))


def history(scope: Scope) -> None:
    """Every change, and what came of the chosen one."""
    found = reads_changes.changes(scope.model, scope.snapshot)
    if scope.version:
        found = found[found["version"].isin([scope.version, ""])]
    kinds = [kind for kind in told.KINDS if kind in set(found["kind"])]
    st.subheader("What changed", anchor=False)
    if not kinds:
        st.info(
            "Nothing is known to have changed. Log a code and a data version, or keep manifests: `python -m monitors manifests add`."
        )
        return
    chosen = st.pills("Kinds", kinds, default=kinds, selection_mode="multi", key="kinds", label_visibility="collapsed")
    shown = found[found["kind"].isin(chosen or kinds)].sort_values("at", ascending=False, kind="stable").reset_index(drop=True)
    labels = [f"{words.day(row['at'])} · {told.sentence(row)[:90]}" for row in shown.to_dict("records")]
    labels = [label if labels.index(label) == i else f"{label} #{shown['id'][i]}" for i, label in enumerate(labels)]
    versions_tables.history(shown, on_select=lambda: _take("history", "change", labels))
    st.caption("Click a change to see what came of it.")
    change = st.selectbox("Change", labels, index=_telling(shown), key="change", bind="query-params")
    consequences(scope, found, shown.iloc[labels.index(change)])


def _take(table: str, box: str, labels: list[str]) -> None:
    """The clicked row becomes the chosen one."""
    if rows := st.session_state[table].selection.rows:
        st.session_state[box] = labels[rows[0]]


def _telling(shown: pd.DataFrame) -> int:
    """What is chosen at first: the last change of code or model that the log itself shows, since there is data on both sides of it."""
    telling = shown.index[(shown["origin"] == "log") & shown["kind"].isin(["model", "code"])]
    return int(telling[0]) if len(telling) else 0


def consequences(scope: Scope, found: pd.DataFrame, change: pd.Series) -> None:
    """Every metric before the change and after it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        window = st.segmented_control("Window", list(LENGTHS), default="day", required=True, key="window", bind="query-params")
        most = st.slider("Windows on either side", 1, 28, 7, key="windows", bind="query-params", width=260)
    windows = told.alone(found, dict(change), most, LENGTHS[window])
    before, after = (
        (change["before"], change["after"]) if change["kind"] == "model" and change["origin"] == "log" else (None, None)
    )
    if change["version"] and before is None:
        after = change["version"]
        before = after if _served(scope, after, change["at"]) else None
    ranking = reads_changes.before_after(scope, window, change["at"], before, after, windows)
    st.subheader("Before and after", anchor=False)
    if ranking.empty:
        st.info(
            "Nothing was measured on both sides of this change, so nothing can be compared. Choose another one, or run `python -m monitors run`."
        )
        return
    clear = int((ranking["score"] > 3).sum())
    fewer = f" (not {most}: the next change of its kind is nearer)" if windows < most else ""
    plural = "" if windows == 1 else "s"
    st.caption(
        f"{words.escaped(told.sentence(dict(change)))}, {words.day(change['at'])}. {windows} {window}{plural} on either side{fewer}; "
        f"{clear} of {len(ranking):,} metrics moved by more than 3 times what is usual."
    )
    labels = [f"{row.monitor} {row.metric}{f' of {row.column}' if row.column else ''}" for row in ranking.head(versions_tables.MOST).itertuples()]
    versions_tables.moved(ranking, ("before", "after"), False, "moved", on_select=lambda: _take("moved", "moved_metric", labels))
    metric = st.selectbox("Metric over time", labels, key="moved_metric")
    over_time(scope, ranking.iloc[labels.index(metric)], window, change)


def _served(scope: Scope, version: str, at: pd.Timestamp) -> bool:
    """Whether a version served before a time already."""
    served = reads_changes.served(scope.model, scope.snapshot)
    own = served[served["version"] == version]
    return bool(len(own) and own["first"].iloc[0] < at)


def over_time(scope: Scope, row: pd.Series, window: str, change: pd.Series) -> None:
    """One metric over the whole period, with the change marked."""
    names = {"monitor": str(row["monitor"]), "metric": str(row["metric"]), "column": str(row["column"])}
    if reads.shown(scope, window, **names)[0].empty:
        st.info("Not measured in this period. Choose a longer one in the sidebar.")
        return
    told = f"{change['kind']}: {change['after'] or change['what']}"
    figure = charts.drawn(_over_time, scope, window=window, at=change["at"], told=told, **names)
    label = words.metric(names["metric"]).label
    charts.show(figure, "change_over_time", f"{label} of {row['column']} by {window}, with the change marked")


def _over_time(scope: Scope, window: str, at: pd.Timestamp, told: str, **names: str) -> charts.Figure:
    metric, (judged, _) = words.metric(names["metric"]), reads.shown(scope, window, **names)
    marks = charts.marks_of(scope)
    figure = charts.over_time(judged, marks, y_title=metric.title, y_format=metric.format, focus=names["column"], height=340)
    if judged["window_start"].min() <= at < judged["window_end"].max():
        versions_charts.mark(figure, at, told)
    return figure


def side_by_side(scope: Scope, served: pd.DataFrame) -> None:
    """Any two versions over everything that was measured, and what they are made of."""
    kept = reads_changes.manifests(scope.model, scope.snapshot)
    first_seen = dict(zip(served["version"], served["first"], strict=True))
    names = version_order(list(dict.fromkeys([*served["version"], *kept["version"]])), first_seen)
    if len(names) < 2:
        st.info("There is one version so far; a second one can be compared with it.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = st.selectbox("First version", names, index=len(names) - 2, key="first", bind="query-params", width=200)
        second = st.selectbox("Second version", names, index=len(names) - 1, key="second", bind="query-params", width=200)
        lengths = ["day", "week", "month"]
        window = st.segmented_control("Window", lengths, default="week", required=True, key="pair_window", bind="query-params")
    if first == second:
        st.info("Choose two different versions.")
        return
    ranking = reads_changes.two_versions(scope, window, first, second)
    st.subheader("What was measured", anchor=False)
    if ranking.empty:
        st.info("There is nothing that was measured of both. Choose shorter windows, or run `python -m monitors run`.")
    else:
        versions_tables.moved(ranking, ("first", "second"), True, "pair")
        counts = [int(ranking[f"{side}_windows"].max()) for side in ("first", "second")]
        st.caption(f"Up to {counts[0]} windows of {words.escaped(first)} and {counts[1]} of {words.escaped(second)}.")
    st.subheader("What they are made of", anchor=False)
    made_of(kept, first, second)


def made_of(kept: pd.DataFrame, first: str, second: str) -> None:
    """The difference of the newest manifests."""
    bodies = [reads_changes.manifest_of(kept, version) for version in (first, second)]
    missing = [words.escaped(version) for version, body in zip((first, second), bodies, strict=True) if body is None]
    if bodies[0] is None or bodies[1] is None:
        st.info(
            f"No manifest of {' and '.join(missing)} is kept. `python -m monitors manifests add FILE --model M --version V` keeps one."
        )
        return
    found = manifest_diff.frame(manifest_diff.differences(bodies[0], bodies[1], same_version=False))
    if found.empty:
        st.success("Their manifests do not differ.", icon=":material/check_circle:")
    else:
        versions_tables.differences(found)


main()
