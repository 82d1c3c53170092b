"""The box in which a person says what alerts were, acknowledges or mutes them, or accepts a new normal."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import streamlit as st

from data.errors import BadInput
from data.store import author
from monitors import incidents, run_decisions
from monitors.alerts import sentence
from monitors.verdicts import MEANING
from pages.parts import reads, sidebar, words
from pages.parts.scope import Scope

Frame = pd.DataFrame
BUTTONS = {"real": ":material/check:", "expected": ":material/event_available:", "noise": ":material/close:"}
SERIES = ["model", "monitor", "metric", "column", "segment"]
LONGEST = 500  # characters of a note


def draw(scope: Scope, chosen: Frame, *, whole: bool) -> None:
    """Decide about some alerts: those of a whole incident, or those that are selected."""
    count = len(chosen)
    with st.container(border=True):
        what = f"the {count} alerts of this incident" if whole and count > 1 else f"{count} selected alerts" if count > 1 else "this alert"
        st.markdown(f"##### Decide about {what}")
        if not whole or count == 1:
            st.caption(words.escaped("; ".join(sentence(alert) for _, alert in chosen.head(3).iterrows())) + (" …" if count > 3 else ""))
        else:
            st.caption("Select rows above to decide about some of them.")
        told()
        note, who = said("alerts")
        named = f"{_counted(count)} ({incidents.what(chosen.to_dict('records'))})"
        with st.container(horizontal=True):
            for verdict, icon in BUTTONS.items():
                if st.button(verdict.capitalize(), key=f"verdict_{verdict}", icon=icon, help=MEANING[verdict].capitalize() + "."):
                    keep(lambda v=verdict: run_decisions.verdict(reads.store(), chosen, v, note, who), f"{named} called {verdict}.")
            is_open = int((chosen["state"] == "open").sum())
            if st.button("Acknowledge", icon=":material/person_check:", disabled=not is_open, help="Somebody looks after what is open of it."):
                keep(lambda: run_decisions.acknowledge(reads.store(), chosen, note, who), f"{_counted(is_open)} acknowledged.")
            with st.popover("Mute …", icon=":material/notifications_off:"):
                _mute(scope, chosen, note, who)
            if (chosen["monitor"] == "drift").any():
                with st.popover("Accept as new normal …", icon=":material/restart_alt:"):
                    _normal(scope, chosen[chosen["monitor"] == "drift"], note, who)
            if count == 1:
                _show(chosen.iloc[0])


def said(key: str) -> tuple[str, str]:
    """The note and the name that go with a decision."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        turn = st.session_state.get("decided", 0)
        note = st.text_input("Note", key=f"note {key} {turn}", max_chars=LONGEST, placeholder="Why; kept with your name", width=420)
        who = st.text_input("Name", st.session_state.get("who", author()), key=f"who {key}", max_chars=80, width=180)
        st.session_state["who"] = who  # for every form of the session
    return note.strip(), who.strip()


def told() -> None:
    """What the last decision did."""
    if text := st.session_state.pop("told", None):
        st.success(text, icon=":material/check_circle:")


def keep(act: Callable[[], Sequence[int]], text: str) -> None:
    """Do it and show the page anew; a mistake is told in its one sentence."""
    try:
        numbers = act()
    except BadInput as mistake:
        st.error(words.escaped(str(mistake)), icon=":material/error:")
        return
    st.session_state["decided"] = st.session_state.get("decided", 0) + 1  # an empty note for the next
    number = f"Decision {numbers[0]}" if len(numbers) == 1 else f"Decisions {numbers[0]} to {numbers[-1]}"
    st.session_state["told"] = f"{words.escaped(text)} {number}; the view *Decisions* takes it back."
    st.rerun()


def noted(note: str) -> bool:
    """Whether there is a note; told where there is none."""
    if not note:
        st.error("Write a note first: it says why, to those who ask later.", icon=":material/error:")
    return bool(note)


def _counted(count: int) -> str:
    return f"{count:,} alert{'' if count == 1 else 's'}"


def at_midnight(day: date) -> datetime:
    """A day as the time at which it begins, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _mute(scope: Scope, chosen: Frame, note: str, who: str) -> None:
    """Until a date, the series of the alerts."""
    last = reads.versions(scope.model, scope.snapshot)["last"].max()
    until = st.date_input("Until", (last + timedelta(days=28)).date(), min_value=last.date() + timedelta(days=1), key="mute_until",
                          format="YYYY-MM-DD", help="Windows that begin before this day are muted.")  # fmt: skip
    every = st.toggle("Of every version", value=True, key="mute_versions", help="A version that comes later too.")
    names = SERIES if every else [*SERIES, "version"]
    series = chosen[names].drop_duplicates().to_dict("records")
    st.caption(f"{len(series)} series: {words.escaped(_listed(series))}. Neither messages nor `check` tell of them.")
    if st.button("Mute", type="primary", key="mute_now") and noted(note):

        def act() -> list[int]:
            return [n for one in series for n in run_decisions.mute(reads.store(), one, note, until=at_midnight(until), who=who)]

        keep(act, f"{len(series)} series muted until {words.day(at_midnight(until))}.")


def _listed(series: Sequence[dict[str, str]]) -> str:
    names = [f"{one['metric']} of {one['column'] or words.TABLE}" for one in series]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _normal(scope: Scope, drifted: Frame, note: str, who: str) -> None:
    """From a day on, drift of these columns is measured against the log itself."""
    every = st.toggle("Of every segment", value=True, key="normal_segments", help="Off: only where these alerts are, all rows being one segment.")
    pairs = drifted[["version", "column", *([] if every else ["segment"])]].drop_duplicates().to_dict("records")
    names = ", ".join(dict.fromkeys(one["column"] for one in pairs))
    start = st.date_input("From", drifted["start"].min().date(), key=f"normal_from {names}", format="YYYY-MM-DD",
                          help="The first day of the new normal.")  # fmt: skip
    st.caption(
        f"Drift of {words.escaped(names)} is then measured against the log's own four weeks from that day. "
        f"The next `python -m monitors run` does it; windows before keep their values."
    )
    if st.button("Accept", type="primary", key="normal_now") and noted(note):

        def act() -> list[int]:
            scopes = [{"model": scope.model, **one} for one in pairs]
            return [n for one in scopes for n in run_decisions.normal(reads.store(), one, at_midnight(start), note, who=who)]

        keep(act, f"New normal of {names} accepted from {words.day(at_midnight(start))}: the next run measures it.")


def _show(alert: "pd.Series[str]") -> None:
    own = {"column": alert["column"] or words.TABLE, "metric": alert["metric"]}
    about = {"version": alert["version"] or sidebar.EVERY, "segment": alert["segment"]}
    st.button("Show its values", type="tertiary", icon=":material/arrow_forward:", on_click=sidebar.go_to,
              args=(sidebar.page_of(alert["monitor"]), about), kwargs=own)  # fmt: skip
