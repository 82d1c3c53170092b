"""What was decided and stands, to be taken back; and forms for days: a planned change, days that come again, days on which something was wrong."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd
import streamlit as st

from monitors import decided, run_decisions
from pages.parts import reads, reads_review, review_decide, tables, words
from pages.parts.review_decide import at_midnight, keep, noted
from pages.parts.scope import Scope

text_column = st.column_config.TextColumn
KINDS = {
    "verdict": "verdicts", "acknowledge": "acknowledged", "mute": "mutes", "planned": "planned changes", "missed": "marked days",
    "normal": "new normals",
}  # fmt: skip
ANY = "any"
CALENDARS = ("month end", "last 3 days of the month", "first 3 days of the month", "each saturday and sunday", "each monday", "other")


def draw(scope: Scope) -> None:
    """The view."""
    review_decide.told()
    made = decided.standing(reads_review.decisions(scope.model, scope.snapshot))
    st.subheader("What stands", anchor=False)
    if made.empty:
        st.info("Nothing is decided yet. Verdicts, mutes and planned changes stand here, and can be taken back.", icon=":material/info:")
    else:
        _standing(made.iloc[::-1].reset_index(drop=True))
    st.subheader("Days", anchor=False)
    plan, again, wrong = st.tabs(["Planned change", "Days that come again", "Something was wrong"])
    with plan:
        st.caption("A change that everybody knows of: alerts of windows that share time with these days are muted.")
        _planned(scope)
    with again:
        st.caption("Alerts of windows that hold one of these days are muted. A window so long that it always holds one is not.")
        _calendar(scope)
    with wrong:
        st.caption("Days on which something was wrong, alert or not. From them it is known what rules miss.")
        _missed(scope)


def _standing(made: pd.DataFrame) -> None:
    there = [kind for kind in KINDS if kind in set(made["kind"])]
    names = [KINDS[kind] for kind in there]
    chosen = st.pills("Kind", names, selection_mode="multi", key="kind", bind="query-params", label_visibility="collapsed")
    if chosen:
        made = made[made["kind"].map(KINDS).isin(chosen)].reset_index(drop=True)
    shown = pd.DataFrame({
        "decision": made["decision"], "what": [decided.sentence(row) for row in made.to_dict("records")], "note": made["note"],
        "author": made["author"], "at": made["at"],
    })  # fmt: skip
    config = {
        "decision": st.column_config.NumberColumn("No", width=48), "what": text_column("What", width=440), "note": text_column("Why", width=270),
        "author": text_column("By", width=105), "at": st.column_config.DatetimeColumn("When (UTC)", format="D MMM YYYY, HH:mm", width=150),
    }  # fmt: skip
    rows = st.dataframe(
        shown, hide_index=True, column_config=config, height=tables.ROW * min(len(shown) + 1, tables.MOST_ROWS) + 3, row_height=tables.ROW,
        key=f"standing {len(made)} {made['decision'].max()}", on_select="rerun", selection_mode="multi-row",
        alt="Every decision that stands, the last first",
    ).selection.rows  # fmt: skip
    picked = made.iloc[[row for row in rows if row < len(made)]]
    if picked.empty:
        st.caption("Select decisions to take them back.")
        return
    note, who = review_decide.said("retract")
    count = len(picked)
    if st.button(f"Take back {count} decision{'' if count == 1 else 's'}", icon=":material/undo:") and noted(note):
        keep(lambda: run_decisions.retract(reads.store(), picked["decision"].tolist(), note, who), f"{count} taken back.")


def _about(scope: Scope, key: str) -> dict[str, str]:
    """The scope of a decision about days: column, metric, version and segment, each perhaps any."""
    found = reads.undecided(scope.model, scope.snapshot)
    columns = sorted({name or words.TABLE for name in found["column"]}, key=str.casefold)
    metrics = sorted(set(found["metric"]))
    versions = [str(name) for name in reads.versions(scope.model, scope.snapshot)["version"]]
    named = {"model": scope.model}
    segments = reads.segments(scope.model, scope.snapshot)
    with st.grid(columns=4, min_column_width=150):
        for field, options in (("column", columns), ("metric", metrics), ("version", versions), ("segment", segments)):
            value = st.selectbox(field.capitalize(), [ANY, *options], key=f"{key}_{field}")
            if value != ANY:
                named[field] = "" if value == words.TABLE else value
    return named


def _days(scope: Scope, key: str, ahead: int) -> tuple[object, ...]:
    last = (reads.versions(scope.model, scope.snapshot)["last"].max() - pd.Timedelta(1, "us")).date()
    start = last + timedelta(days=ahead)
    days = st.date_input("Days, the first and the last", (start, start), key=f"{key}_days", format="YYYY-MM-DD", width=300)
    return tuple(days) if isinstance(days, tuple) else (days,)


def _planned(scope: Scope) -> None:
    _span(scope, "planned", run_decisions.planned, 1, "Plan it", "The change is planned.")


def _missed(scope: Scope) -> None:
    _span(scope, "missed", run_decisions.missed, 0, "Mark these days", "The days are marked.")


def _span(scope: Scope, key: str, act: Callable[..., Any], ahead: int, label: str, told: str) -> None:
    """A decision about some days; offered are those that lie `ahead` of the end of the log."""
    about, days = _about(scope, key), _days(scope, key, ahead)
    note, who = review_decide.said(key)
    if st.button(label, type="primary", disabled=len(days) != 2) and noted(note):
        keep(lambda: act(reads.store(), about, at_midnight(days[0]), at_midnight(days[1]), note, who), told)


def _calendar(scope: Scope) -> None:
    about = _about(scope, "calendar")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Days", CALENDARS, key="calendar", width=260)
        text = st.text_input("Which", key="calendar_text", placeholder="last 5 days of the month", width=260) if chosen == "other" else chosen
    note, who = review_decide.said("calendar")
    if st.button("Mute these days", type="primary", disabled=not text) and noted(note):
        keep(lambda: run_decisions.mute(reads.store(), about, note, calendar=text, who=who), "These days are muted.")
