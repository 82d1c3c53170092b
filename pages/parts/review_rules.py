"""How far each rule can be trusted, by what people said of its alerts, and what no rule saw."""

import pandas as pd
import streamlit as st

from monitors import rulebook, verdicts
from pages.parts import reads, reads_review, sidebar, tables, words
from pages.parts.scope import Scope

text_column, number = st.column_config.TextColumn, st.column_config.NumberColumn


def draw(scope: Scope, found: pd.DataFrame) -> None:
    """The view."""
    made = reads_review.decisions(scope.model, scope.snapshot)
    st.subheader("Precision of each rule", anchor=False)
    if found.empty:
        st.info("No alert yet, so there is nothing to trust or mistrust.", icon=":material/info:")
    else:
        _precision(verdicts.precision(found, made, reads.rules(scope)))
    st.subheader("Days on which something was wrong", anchor=False)
    _missed(verdicts.missed(made), found)


def _precision(table: pd.DataFrame) -> None:
    if not table["decided"].any():
        st.info("Nobody said yet what an alert was. Say it in the view *Incidents*, and how right its rule was stands here.", icon=":material/info:")
    shown = table.drop(columns=["scope", "low", "high"]).assign(between=[_between(row) for row in table.to_dict("records")])
    names = ["rule", "precision", "between", "real", "noise", "expected", "missed", "decided", "alerts"]
    config = {
        "rule": text_column("Rule for", width=250),
        "precision": st.column_config.ProgressColumn("Precision", min_value=0, max_value=1, format="percent", width=110,
                                                     help="Real ones of the real and the noise."),
        "between": text_column("95 % interval", width=100, help="Wilson's: what the precision may be, from so few verdicts."),
        "real": number("Real", width=56), "noise": number("Noise", width=56), "expected": number("Expected", width=70),
        "missed": number("Missed", width=60, help="Marked days that no alert covers and that this rule could have seen."),
        "decided": number("Verdicts", width=66), "alerts": number("Alerts", width=60),
    }  # fmt: skip
    scopes = list(table["scope"])
    st.dataframe(
        shown[names], hide_index=True, column_config=config, height=tables.ROW * min(len(shown) + 1, tables.MOST_ROWS) + 3, row_height=tables.ROW,
        key="rules", on_select=lambda: _open(scopes), selection_mode="single-row", alt="Precision of each rule, those with most verdicts first",
    )  # fmt: skip
    st.caption("Click a rule to open it on the page Thresholds.")


def _between(row: dict[str, float]) -> str:
    return "" if pd.isna(row["low"]) else f"{row['low']:.0%} – {row['high']:.0%}"


def _open(scopes: list[dict[str, str]]) -> None:
    """As a callback: the page Thresholds with the clicked rule in its address."""
    if rows := st.session_state["rules"].selection.rows:
        sidebar.go_to("pages/thresholds.py", {}, **address(scopes[rows[0]]))


def address(scope: dict[str, str]) -> dict[str, str]:
    """What the page Thresholds has in its address for a rule. Of two metrics with one name the first keeps it, the other has its monitor before."""
    owners = [monitor for monitor, metrics in rulebook.known().items() if scope["metric"] in metrics]
    plain = scope.get("monitor", owners[0]) == owners[0]
    told = {"rule_metric": scope["metric"] if plain else f"{scope['monitor']} {scope['metric']}"}
    return told | {f"rule_{name}": scope[name] for name in ("column", "version", "segment") if scope.get(name) and scope[name] != "all"}


def _missed(marks: pd.DataFrame, found: pd.DataFrame) -> None:
    if marks.empty:
        st.info("No day is marked. In the view *Decisions* you can mark days on which something was wrong; those that no alert saw count as missed.",
                icon=":material/info:")  # fmt: skip
        return
    lost = set(verdicts.unseen(marks, found)["decision"])
    shown = pd.DataFrame({
        "seen": ["✘ missed" if one in lost else "✔ an alert was on" for one in marks["decision"]],
        "when": words.spans(marks["start"], marks["end"]),
        "column": marks["column"].fillna("any column"),
        "note": marks["note"], "author": marks["author"],
    })  # fmt: skip
    config = {
        "seen": text_column("Seen", width=140), "when": text_column("When", width=170), "column": text_column("Column", width=140),
        "note": text_column("What was wrong", width=330), "author": text_column("By", width=110),
    }  # fmt: skip
    st.dataframe(shown, hide_index=True, column_config=config, row_height=tables.ROW, alt="Marked days, and whether an alert saw them")
