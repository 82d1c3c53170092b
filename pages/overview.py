"""Overview: what is watched, how it is now, and what happened."""

import pandas as pd
import streamlit as st

from monitors import summaries
from monitors.alerts import sentence
from pages.parts import charts, reads, sidebar, words
from pages.parts.scope import Scope

LATEST = 12  # alerts shown at once
COLUMNS = 40  # of the heat map at most: the alerts below it should be found


def main() -> None:
    """The page."""
    scope = sidebar.scope()
    st.title("Overview", anchor=False)
    cards = st.container()
    st.subheader(f"Worst states: {words.escaped(scope.model)}", anchor=False)
    heat = st.empty()
    if st.session_state.setdefault("first_screen", True):
        st.session_state["first_screen"] = False
        with heat:
            charts.load_plotly()
    with cards:
        models(scope)
    if reads.watched(scope).empty:
        heat.empty()
        sidebar.nothing_measured(scope)
        return
    with heat:
        charts.show(charts.drawn(_heat, scope), "heat", "Worst state of each column on each day", on_select=_to_clicked)
    count = summaries.telling(reads.watched(scope))["column"].nunique()
    some = f"The {COLUMNS} columns that are worst of {count:,}; the pages of the monitors have all. " if count > COLUMNS else ""
    st.caption(f"{some}Worst state of each column over all monitors and metrics, in windows as long as the rule judges. Click a cell to see it.")
    alerts(scope)


def models(scope: Scope) -> None:
    """A card per model: its state now, open alerts, last data, rows of the last seven days."""
    names = reads.all_models(scope.snapshot)
    with st.grid(columns=min(len(names), 2), min_column_width=480):
        for model in names:
            with st.container(border=True):
                _card(model, scope)


def _card(model: str, scope: Scope) -> None:
    served = reads.versions(model, scope.snapshot)
    if served.empty:
        st.markdown(f"**{words.escaped(model)}**")
        st.caption(words.NOT_MEASURED if reads.has_log(model, scope.snapshot) else words.NO_LOG)
        return
    found = reads.alerts(model, scope.snapshot)
    still_open = found[found["state"] == "open"]
    level = summaries.worst_severity(still_open)
    last = served["last"].max()
    daily = summaries.by_day(reads.volume(model, last, scope.snapshot))
    serving = [str(version) for version in served[served["last"] == last]["version"]]
    st.subheader(f"{words.escaped(model)} &nbsp; {words.MARKS[level]}", anchor=False)
    with st.grid(columns=4, min_column_width=150, vertical_alignment="top"):
        st.metric("Open alerts", f"{len(still_open):,}", help="Of the versions that serve now, in every segment; not those acknowledged or muted.")
        with st.container(gap="small"):
            st.metric("Rows, last 7 days", f"{int(daily.tail(7).sum()):,}", help=words.VOLUME)
            charts.day_bars(daily, "Rows of each of the last 28 days")
        st.metric("Last data (UTC)", words.day(last - pd.Timedelta(1, "us")))
        st.metric("Serving", ", ".join(words.escaped(name or words.UNVERSIONED) for name in serving))


def _heat(scope: Scope) -> charts.Figure:
    judged = summaries.telling(reads.watched(scope))
    ranking = summaries.ranking(judged).head(COLUMNS)
    judged = judged[judged["column"].isin(ranking["column"])]
    states = summaries.worst(judged, ["column", "window_start", "window_end"])
    order = {column: i for i, column in enumerate(ranking["column"])}
    states = states.sort_values("column", key=lambda names: names.astype(str).map(order), kind="stable")
    return charts.heat_map(states, charts.marks_of(scope))


def _to_clicked() -> None:
    if points := st.session_state["heat"]["selection"]["points"]:
        column, _, metric, _, monitor = points[0]["customdata"]
        sidebar.go_to(sidebar.page_of(monitor), {}, column=column or words.TABLE, metric=metric)


def alerts(scope: Scope) -> None:
    """Open and latest alerts as sentences; each leads to its screen."""
    found = reads.cut_alerts(reads.alerts(scope.model, scope.snapshot), scope)
    st.subheader("Alerts", anchor=False)
    if found.empty:
        st.success("No alert in this period.", icon=":material/check_circle:")
        return
    ordered = summaries.latest_first(found)
    for i, alert in enumerate(ordered.head(LATEST).to_dict("records")):
        own = {"column": alert["column"] or words.TABLE, "metric": alert["metric"]}
        page = sidebar.page_of(alert["monitor"])
        about = {"version": alert["version"] or sidebar.EVERY, "segment": alert["segment"]}
        text, link = st.columns([8, 1.6], vertical_alignment="center")
        text.markdown(f"{words.MARKS[2 if alert['severity'] == 'critical' else 1]} {words.escaped(sentence(alert))}")
        link.button("Show", key=f"alert-{i}", type="tertiary", icon=":material/arrow_forward:", on_click=sidebar.go_to,
                    args=(page, about), kwargs=own)  # fmt: skip
    if len(found) > LATEST:
        st.caption(f"{LATEST} of {len(found):,} alerts. The page *Review* has all of them, with what belongs together.")


main()
