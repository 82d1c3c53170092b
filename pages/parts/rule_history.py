"""Beside a rule: where its fields come from, what people changed and why, and all overrides as YAML."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from data.errors import BadInput
from monitors import edits, rulebook, run
from monitors.rules import Rule, scope_text
from monitors.run_rules import Conflict
from pages.parts import reads, rule_form, tables, words
from pages.parts.scope import Scope

text_column = st.column_config.TextColumn
TIME = st.column_config.DatetimeColumn("When (UTC)", format="D MMM YYYY, HH:mm", width=150)
FILE = "vigia-thresholds.yaml"


@st.fragment
def draw(scope: Scope, about: dict[str, str]) -> None:
    """What stands below the bench; only the tab that is open is drawn."""
    overrides, told = reads.overrides(scope.snapshot), reads.history(scope.snapshot)
    names = ["Where it comes from", "Overrides", "History", "Export and apply"]
    here, everyone, past, exchange = st.tabs(names, key="rule_tab", on_change="rerun")
    for tab, fill in (
        (here, lambda: _origins(edits.origins(overrides, told, about))),
        (everyone, lambda: _overrides(overrides)),
        (past, lambda: _history(scope, told)),
        (exchange, lambda: _exchange(scope, overrides)),
    ):
        if tab.open:
            with tab:
                fill()


def _origins(table: pd.DataFrame) -> None:
    """Each field of the rule in force, with its reason and source."""
    who = [f"{row.author}, {words.day(row.edited_at)}" if row.author else "" for row in table.itertuples()]
    shown = table.assign(who=who, field=table["field"].map(_field))[["field", "value", "from", "rule", "who"]]
    config = {
        "field": text_column("Field", width=120), "value": text_column("In force", width=100), "from": text_column("From", width=100),
        "rule": text_column("Rule for", width=260), "who": text_column("Set by", width=240),
    }  # fmt: skip
    st.dataframe(shown, hide_index=True, column_config=config, height=tables.ROW * (len(shown) + 1) + 3, row_height=tables.ROW,
                 alt="Each field of the rule in force and where it comes from")  # fmt: skip
    for (reason, source), fields in table[table["why"] != ""].groupby(["why", "source"], sort=False)["field"]:
        text = f"**{', '.join(map(_field, fields))}**: {words.escaped(str(reason))}"
        st.markdown(text + (f" :small[:gray[Source: {words.escaped(str(source))}.]]" if source else ""))


def _field(name: str) -> str:
    return name.replace("_", " ")


def _overrides(overrides: Sequence[Rule]) -> None:
    """Every override; a click on one goes to its rule."""
    if not overrides:
        st.info("No override: every rule is a default.", icon=":material/info:")
        return
    rows = [{"rule": scope_text(rule), "sets": ", ".join(f"{_field(f)} {edits.text(f, v)}" for f, v in rule.changes.items())}
            for rule in overrides]  # fmt: skip
    config = {"rule": text_column("Rule for", width=300), "sets": text_column("Sets", width=500)}
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=config, key="overrides", alt="Every override",
                 on_select=lambda: _open(overrides), selection_mode="single-row")  # fmt: skip
    st.caption("Click a row to open its rule above.")
    if st.session_state.pop("rule_chosen", False):
        st.rerun()  # the whole page: what chooses the rule stands outside of this fragment


def _open(overrides: Sequence[Rule]) -> None:
    if not (chosen := st.session_state["overrides"].selection.rows):
        return
    rule = overrides[chosen[0]]
    if rule.metric is not None:
        owners = [monitor for monitor, metrics in rulebook.known().items() if rule.metric in metrics]
        plain = rule.monitor in (None, owners[0])
        st.session_state["rule_metric"] = rule.metric if plain else f"{rule.monitor} {rule.metric}"
        st.session_state["rule_chosen"] = True
        for field in ("column", "version", "segment", "model"):
            if f"rule_{field}" in st.session_state:
                st.session_state[f"rule_{field}"] = getattr(rule, field) or rule_form.EVERY[field]


def _history(scope: Scope, told: pd.DataFrame) -> None:
    """Every edit; a click on one offers to go back to the rules as they were after it."""
    if told.empty:
        st.info("Nobody has changed a threshold yet.", icon=":material/info:")
        return
    shown = told[["edit", "edited_at", "author", "rule", "field", "before", "after", "reason"]].assign(
        field=told["field"].fillna("").map(_field)
    )
    config = {
        "edit": st.column_config.NumberColumn("Edit", width=45), "edited_at": TIME, "author": text_column("Who", width=90),
        "rule": text_column("Rule for", width=170), "field": text_column("Field", width=100), "before": text_column("From", width=110),
        "after": text_column("To", width=110), "reason": text_column("Why", width=270),
    }  # fmt: skip
    chosen = st.dataframe(shown, hide_index=True, column_config=config, key="edits", on_select="rerun", selection_mode="single-row",
                          alt="Edits of the thresholds, the last first").selection.rows  # fmt: skip
    last = reads.last_edit(scope.snapshot)
    if not chosen:
        st.caption("Click an edit to see what going back to it would change. Nothing is ever taken out of the history.")
        return
    edit, past = int(told["edit"].iloc[chosen[0]]), reads.edits(scope.snapshot)
    states = {f"as they were after edit {edit}": edit, f"as they were before edit {edit}": edit - 1}
    if edit == last:
        states.pop(f"as they were after edit {edit}")
    wanted = states[st.radio("Restore the rules", list(states), key="restore_to", horizontal=True)]
    try:
        rules = edits.state(past, wanted)
    except BadInput as mistake:
        st.error(words.escaped(str(mistake)), icon=":material/error:")
        return
    _propose(scope, rules, edits.text_of(past, wanted), "Restore", f"The rules are as they were after edit {wanted} again.")


def _exchange(scope: Scope, overrides: Sequence[Rule]) -> None:
    """Overrides as a file to review, and a file made the overrides."""
    text = edits.exported(reads.edits(scope.snapshot))
    st.download_button("Download the overrides as YAML", text, FILE, "application/yaml", on_click="ignore", icon=":material/download:")
    with st.grid(columns=2, min_column_width=320):
        upload = st.file_uploader("Apply a YAML file", key="rules_file", help="It replaces every override.")
        pasted = st.text_area(
            "or paste it", key="rules_text", height=120, placeholder="- metric: psi\n  column: temp\n  warning: 0.3"
        )
    given = upload.getvalue().decode("utf-8", "replace") if upload is not None else pasted
    if not given.strip():
        return
    origin = upload.name if upload is not None else "pasted rules"
    try:
        wanted, text = rulebook.read(given, origin), edits.body(given)
        base, last = edits.basis(given), reads.last_edit(scope.snapshot)
        if base is not None and base < last:
            past = reads.edits(scope.snapshot)
            st.warning(f"This was exported as of edit {base}. Since then: {words.escaped(edits.since(past, base))}", icon=":material/group:")
            if st.checkbox("Keep that, and change on top of it what the file changes", True, key="on_top"):
                wanted, text = edits.on_top(edits.state(past, base), wanted, overrides), ""
                rulebook.read(rulebook.dump(wanted), f"{origin} on top of edit {last}")
    except BadInput as mistake:
        st.error(words.escaped(str(mistake)), icon=":material/error:")
        return
    for _, told, _ in rulebook.strangers(wanted, reads.names(scope.snapshot)):
        st.warning(words.escaped(told), icon=":material/help:")
    _propose(scope, wanted, text, "Apply", f"{len(wanted)} override{'' if len(wanted) == 1 else 's'} applied.")


def _propose(scope: Scope, wanted: Sequence[Rule], text: str, verb: str, done: str) -> None:
    """The difference, and the button that makes it so; `text` is how the rules were written, with its comments."""
    different = edits.differences(reads.overrides(scope.snapshot), wanted)
    if different.empty:
        st.info("These are the overrides in force already.", icon=":material/info:")
        return
    config = {
        "rule": text_column("Rule for", width=260), "field": text_column("Field", width=120), "before": text_column("From", width=160),
        "after": text_column("To", width=160),
    }  # fmt: skip
    shown = different[["rule", "field", "before", "after"]].assign(field=different["field"].map(_field))
    st.dataframe(shown, hide_index=True, column_config=config, alt=f"What {verb.lower()} changes")
    reason = st.text_input(f"Why {verb.lower()} them", key=f"why_{verb.lower()}", placeholder="Kept in the history, with your name", max_chars=300)
    if st.button(verb, type="primary"):
        if not reason.strip():
            st.error("Write why first: the history keeps it for those who ask later.", icon=":material/error:")
            return
        try:
            run.save_overrides(reads.store(), wanted, reason.strip(), based_on=reads.last_edit(scope.snapshot), text=text)
        except Conflict as other:
            st.session_state["refused"] = words.escaped(str(other))
            st.rerun()
        st.session_state["told"] = done
        st.rerun()
