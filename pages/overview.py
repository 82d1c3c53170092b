"""Overview: what is watched, how it is now, and what happened."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from monitors import summaries
from monitors.alerts import sentence
from pages.parts import charts, reads, sidebar, words
from pages.parts.scope import Scope

LATEST = 12  # alerts shown at once
COLUMNS = 40  # of the heat map at most: the alerts below it should be found
OPEN = "Of the versions that serve now, in every segment; not those acknowledged or muted."
Card = tuple[DeltaGenerator, DeltaGenerator]  # its heading and its number of open alerts


def main() -> None:
    """The page."""
    scope, first = sidebar.scope(), "overview" not in st.session_state
    st.session_state["overview"] = "shown"
    st.title("Overview", anchor=False)
    cards = models(scope)
    if not first:
        tell_alerts(cards, scope)
    st.subheader(f"Worst states: {words.escaped(scope.model)}", anchor=False)
    measured = not reads.watched(scope).empty
    if measured:
        worst_states(scope)
    else:
        sidebar.nothing_measured(scope)
    if first:  # they take the server longest, and the browser has the chart to draw meanwhile
        tell_alerts(cards, scope)
    if measured:
        alerts(scope)


def models(scope: Scope) -> dict[str, Card]:
    """A card per model: its state now, open alerts, last data, rows of the last seven days. Gives where each tells of its alerts."""
    names, cards = reads.all_models(scope.snapshot), {}
    with st.grid(columns=min(len(names), 2), min_column_width=480):
        for model in names:
            with st.container(border=True):
                if card := _card(model, scope):
                    cards[model] = card
    return cards


def _card(model: str, scope: Scope) -> Card | None:
    served = reads.versions(model, scope.snapshot)
    if served.empty:
        st.markdown(f"**{words.escaped(model)}**")
        st.caption(words.NOT_MEASURED if reads.has_log(model, scope.snapshot) else words.NO_LOG)
        return None
    last = served["last"].max()
    daily = summaries.by_day(reads.volume(model, last, scope.snapshot))
    serving = [str(version) for version in served[served["last"] == last]["version"]]
    heading = st.empty()
    with st.grid(columns=4, min_column_width=150, vertical_alignment="top"):
        still_open = st.empty()
        with st.container(gap="small"):
            st.metric("Rows, last 7 days", f"{int(daily.tail(7).sum()):,}", help=words.VOLUME)
            charts.day_bars(daily, "Rows of each of the last 28 days")
        st.metric("Last data (UTC)", words.day(last - pd.Timedelta(1, "us")))
        st.metric("Serving", ", ".join(words.escaped(name or words.UNVERSIONED) for name in serving))
    return heading, still_open


def tell_alerts(cards: dict[str, Card], scope: Scope) -> None:
    """Put into each card the model's state and how many alerts are open."""
    for model, (heading, still_open) in cards.items():
        found = reads.alerts(model, scope.snapshot)
        found = found[found["state"] == "open"]
        mark = words.MARKS[summaries.worst_severity(found)]
        heading.subheader(f"{words.escaped(model)} &nbsp; {mark}", anchor=False)
        still_open.metric("Open alerts", f"{len(found):,}", help=OPEN)


def worst_states(scope: Scope) -> None:
    """The heat map; a click goes to that column."""
    charts.show(charts.drawn(_heat, scope), "heat", "Worst state of each column on each day", on_select=_to_clicked)
    count = summaries.telling(reads.watched(scope))["column"].nunique()
    some = f"The {COLUMNS} columns that are worst of {count:,}; the pages of the monitors have all. " if count > COLUMNS else ""
    st.caption(f"{some}Worst state of each column over all monitors and metrics, in windows as long as the rule judges. Click a cell to see it.")


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
