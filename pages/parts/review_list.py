"""The list of a review: how much there is, the filter, and the table of incidents with the one that is chosen."""

import pandas as pd
import streamlit as st

from monitors.states import STATES
from pages.parts import reads, sidebar, tables, words
from pages.parts.scope import Scope

text_column = st.column_config.TextColumn
ICONS = {"open": "●", "acknowledged": "◐", "muted": "○", "resolved": "✓", "version retired": "–"}  # a state never shows by its colour alone
VERDICT_ICONS = {"real": "✔", "expected": "≈", "noise": "✘"}


def nothing(scope: Scope) -> None:
    """What stands in place of the list where no alert is."""
    if reads.versions(scope.model, scope.snapshot).empty:
        sidebar.nothing_measured(scope)
    else:
        st.success(f"{words.escaped(scope.model)} has no alert: nothing to review.", icon=":material/check_circle:")


def counts(found: pd.DataFrame) -> None:
    """How much is open, and how much of all that was has a verdict."""
    if found.empty:
        return
    open_now = found[found["state"] == "open"]
    decided = int((found["verdict"] != "").sum())
    states = found["state"].value_counts()
    with st.grid(columns=4, min_column_width=110):
        st.metric("Open alerts", f"{len(open_now):,}", help="They go on, and nobody has seen to them.")
        st.metric("Acknowledged", f"{states.get('acknowledged', 0):,}", help="They go on, and somebody looks after them.")
        st.metric("Muted", f"{states.get('muted', 0):,}", help="Now, or for as long as they lasted.")
        st.metric("With a verdict", f"{decided:,} of {len(found):,}", help="Alerts of which somebody said what they were.")


def in_scope(found: pd.DataFrame, scope: Scope) -> pd.DataFrame:
    """The alerts of the sidebar's version (and of the table as a whole), period and segment."""
    inside = (found["end"] > scope.since) & (found["start"] < scope.until)
    if scope.version:
        inside &= found["version"].isin([scope.version, ""])
    if scope.segment != "all":
        inside &= found["segment"] == scope.segment
    return found[inside]


def filtered(listed: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Incidents or alerts of the states that are chosen; of all where none is."""
    there = [state for state in STATES if state in set(found["state"])]
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = st.pills("State", there, selection_mode="multi", key="state", bind="query-params", label_visibility="collapsed")
        grave = st.toggle("Critical only", key="critical", bind="query-params")
        unsaid = st.toggle("Without a verdict", key="unsaid", bind="query-params")
    if chosen:
        listed = listed[listed["state"].isin(chosen)]
    if grave:
        listed = listed[listed["severity"] == "critical"]
    if unsaid:
        open_questions = found[found["verdict"] == ""]
        by = "incident" if "what" in listed else None
        listed = listed[listed["incident"].isin(open_questions["incident"])] if by else listed[listed["verdict"] == ""]
    return listed.reset_index(drop=True)


def choose(listed: pd.DataFrame, found: pd.DataFrame) -> str | None:
    """The table of incidents, and the name of the chosen one."""
    if listed.empty:
        st.info("No incident is like this. Choose other states above, or a longer period in the sidebar.", icon=":material/filter_alt_off:")
        return None
    names = list(listed["incident"])
    _table(listed, found, names)
    if st.session_state.get("incident", names[0]) not in names:
        del st.session_state["incident"]  # of another filter or model
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Incident", names, key="incident", bind="query-params", width=220)
        at = names.index(name)
        st.button("Previous", icon=":material/chevron_left:", disabled=at == 0, on_click=_go, args=(names[max(at - 1, 0)],))
        following = names[min(at + 1, len(names) - 1)]
        st.button("Next", icon=":material/chevron_right:", disabled=at == len(names) - 1, on_click=_go, args=(following,))
        st.caption(f"{at + 1} of {len(names):,}")
    return str(name)


def _go(name: str) -> None:
    st.session_state["incident"] = name


def _take(names: list[str]) -> None:
    if rows := st.session_state["incidents"].selection.rows:
        st.session_state["incident"] = names[rows[0]]


def _table(listed: pd.DataFrame, found: pd.DataFrame, names: list[str]) -> None:
    said = found[found["verdict"] != ""].groupby("incident")["verdict"].agg(lambda own: own.value_counts().to_dict()).to_dict()
    shown = pd.DataFrame({
        "state": [f"{ICONS[state]} {state}" for state in listed["state"]],
        "incident": listed["incident"],
        "what": listed["what"],
        "verdict": [_said(said.get(name, {}), int(count)) for name, count in zip(names, listed["alerts"], strict=True)],
        "severity": [f"{words.ICONS[2 if one == 'critical' else 1]} {one}" for one in listed["severity"]],
        "version": listed["version"],
        "when": words.spans(listed["start"], listed["end"]),
        "alerts": listed["alerts"],
        "changes": listed["changes"],
    })  # fmt: skip
    config = {
        "state": text_column("State", width=118), "incident": text_column("Incident", width=104), "what": text_column("What", width=232),
        "verdict": text_column("Verdict", width=96), "severity": text_column("Severity", width=82), "version": text_column("Version", width=58),
        "when": text_column("When", width=162), "alerts": st.column_config.NumberColumn("Alerts", width=50),
        "changes": st.column_config.NumberColumn("Changes", width=62, help="That took effect in the week before it, or in its first window."),
    }  # fmt: skip
    st.dataframe(
        shown, hide_index=True, column_config=config, height=tables.ROW * min(len(shown) + 1, tables.MOST_ROWS) + 3, row_height=tables.ROW,
        key="incidents", on_select=lambda: _take(names), selection_mode="single-row", alt="Incidents, what is open first, then the latest first",
    )  # fmt: skip
    st.caption(f"{len(listed):,} incident{'' if len(listed) == 1 else 's'}, {int(listed['alerts'].sum()):,} alerts. Click one to work on it.")


def _said(counted: dict[str, int], of: int) -> str:
    """`✔ real`, or `3 ✔ real, 2 ✘ noise` where alerts of one incident differ or some have none."""
    if len(counted) == 1 and sum(counted.values()) == of:
        name = next(iter(counted))
        return f"{VERDICT_ICONS[name]} {name}"
    return ", ".join(f"{count} {VERDICT_ICONS[name]} {name}" for name, count in counted.items())
