"""Beside a rule: where its fields come from, what people changed and why, and all overrides as YAML."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from data.errors import BadInput
from monitors import backtest, edits, rulebook, run
from monitors.rules import Rule, scope_text
from pages.parts import reads, rule_form, tables, words
from pages.parts.scope import Scope

text_column = st.column_config.TextColumn
TIME = st.column_config.DatetimeColumn("When (UTC)", format="D MMM YYYY, HH:mm", width=150)
FILE = "vigia-thresholds.yaml"


def draw(scope: Scope, about: dict[str, str]) -> None:
    """What stands below the form."""
    overrides, told = reads.overrides(scope.snapshot), reads.history(scope.snapshot)
    here, everyone, past, exchange = st.tabs(["Where it comes from", "Overrides", "History", "Export and apply"])
    with here:
        _origins(edits.origins(overrides, told, about))
    with everyone:
        _overrides(overrides)
    with past:
        _history(told)
    with exchange:
        _exchange(overrides)


def changes(events: pd.DataFrame) -> None:
    """Alerts that come, go or change: what each was and would be."""
    order = {"gained": 0, "lost": 1, "changed": 2}
    events = events.sort_values("change", key=lambda names: names.map(order), kind="stable")
    counted = events["change"].value_counts()
    st.markdown(" · ".join(f"**{counted[name]}** {name}" for name in order if name in counted))
    shown = pd.DataFrame({
        "change": events["change"].to_numpy(),
        "column": events["column"].to_numpy(),
        "version": events["version"].to_numpy(),
        "segment": events["segment"].to_numpy(),
        "alert": [_alert(row) for row in events.to_dict("records")],
    })  # fmt: skip
    if (shown["segment"] == "all").all():
        shown = shown.drop(columns="segment")
    config = {
        "change": text_column("Change", width=68), "column": text_column("Column", width=112),
        "version": text_column("Version", width=58), "segment": text_column("Segment", width=90), "alert": text_column("Alert", width=290),
    }  # fmt: skip
    st.dataframe(shown, hide_index=True, column_config=config, height=tables.ROW * min(len(shown) + 1, 9) + 3, row_height=tables.ROW,
                 alt="Alerts that come, go or change")  # fmt: skip


def _alert(event: dict[str, Any]) -> str:
    """The alert as it was or would be; of one that changes, from what to what: `■ → ▲ 8 Apr – 9 Jun 2013`."""
    sides = [side for side in backtest.SIDES if not pd.isna(event[f"{side}_start"])]
    icons = [words.ICONS[2 if event[f"{side}_severity"] == "critical" else 1] for side in sides]
    spans = [words.span(event[f"{side}_start"], event[f"{side}_end"]) for side in sides]
    if len(sides) == 1:
        return f"{icons[0]} {event[f'{sides[0]}_severity']}, {spans[0]}"
    icon = icons[0] if icons[0] == icons[1] else " → ".join(icons)
    return f"{icon} {spans[0] if spans[0] == spans[1] else ' → '.join(spans)}"


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


def _open(overrides: Sequence[Rule]) -> None:
    if not (chosen := st.session_state["overrides"].selection.rows):
        return
    rule = overrides[chosen[0]]
    if rule.metric is not None:
        st.session_state["rule_metric"] = rule.metric
        for field in ("column", "version", "segment", "model"):
            if f"rule_{field}" in st.session_state:
                st.session_state[f"rule_{field}"] = getattr(rule, field) or rule_form.EVERY[field]


def _history(told: pd.DataFrame) -> None:
    if told.empty:
        st.info("Nobody has changed a threshold yet.", icon=":material/info:")
        return
    shown = told[["edited_at", "author", "rule", "field", "before", "after", "reason"]].assign(
        field=told["field"].fillna("").map(_field)
    )
    config = {
        "edited_at": TIME, "author": text_column("Who", width=110), "rule": text_column("Rule for", width=190),
        "field": text_column("Field", width=100), "before": text_column("From", width=120), "after": text_column("To", width=120),
        "reason": text_column("Why", width=320),
    }  # fmt: skip
    st.dataframe(shown, hide_index=True, column_config=config, alt="Edits of the thresholds, the last first")


def _exchange(overrides: Sequence[Rule]) -> None:
    """Overrides as a file to review, and a file made the overrides."""
    st.download_button("Download the overrides as YAML", rulebook.dump(overrides), FILE, "application/yaml", on_click="ignore",
                       icon=":material/download:")  # fmt: skip
    with st.grid(columns=2, min_column_width=320):
        upload = st.file_uploader("Apply a YAML file", key="rules_file", help="It replaces every override.")
        pasted = st.text_area(
            "or paste it", key="rules_text", height=120, placeholder="- metric: psi\n  column: temp\n  warning: 0.3"
        )
    given = upload.getvalue().decode("utf-8", "replace") if upload is not None else pasted
    if not given.strip():
        return
    try:
        wanted = rulebook.read(given, upload.name if upload is not None else "pasted rules")
    except BadInput as mistake:
        st.error(str(mistake), icon=":material/error:")
        return
    _apply(overrides, wanted)


def _apply(overrides: Sequence[Rule], wanted: Sequence[Rule]) -> None:
    """The difference, and the button that makes it so."""
    different = edits.differences(overrides, wanted)
    if different.empty:
        st.info("These are the overrides in force already.", icon=":material/info:")
        return
    config = {
        "rule": text_column("Rule for", width=260), "field": text_column("Field", width=120), "before": text_column("From", width=160),
        "after": text_column("To", width=160),
    }  # fmt: skip
    shown = different[["rule", "field", "before", "after"]].assign(field=different["field"].map(_field))
    st.dataframe(shown, hide_index=True, column_config=config, alt="What applying these rules changes")
    reason = st.text_input("Why apply them", key="why_apply", placeholder="Kept in the history, with your name", max_chars=300)
    if st.button("Apply", type="primary"):
        if not reason.strip():
            st.error("Write why first: the history keeps it for those who ask later.", icon=":material/error:")
            return
        run.save_overrides(reads.store(), wanted, reason.strip())
        st.session_state["told"] = f"{len(wanted)} override{'' if len(wanted) == 1 else 's'} applied."
        st.rerun()
