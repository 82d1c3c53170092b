"""The learnt schema as a table to edit, who edited it, and files of it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from data.errors import BadInput
from monitors import schema_foreign, schemas
from monitors.commands.schema import wanted
from monitors.schema_yaml import less
from monitors.schemas import EDITABLE, TYPES, Column, Edits, Schema, TableEdit, laid_over
from pages.parts import jobs, reads_schema, tables, words
from pages.parts.scope import Scope

EVERY = "every version"
FORMS = {"yaml": "YAML", "tfdv": "TFDV schema.pbtxt", "sagemaker": "SageMaker constraints.json"}
FILES = {"yaml": "schema.yaml", "tfdv": "schema.pbtxt", "sagemaker": "constraints.json"}
text, number, box = st.column_config.TextColumn, st.column_config.NumberColumn, st.column_config.CheckboxColumn


def choose(scope: Scope, learnt: Mapping[str, Schema], key: str) -> Schema:
    """The schema of one reference: the sidebar's version at first."""
    names = {version or EVERY: version for version in learnt}
    if len(names) == 1:
        return next(iter(learnt.values()))
    first = scope.version if scope.version in names else list(names)[-1]
    chosen = st.selectbox("Reference of", list(names), list(names).index(str(first)), key=f"{key} {scope.version}", width=220)
    return learnt[names[chosen]]


def editor(scope: Scope, learnt: Mapping[str, Schema]) -> None:
    """What is expected of each column; what differs from what was learnt is an edit, saved with a reason."""
    schema = choose(scope, learnt, "schema of")
    edits = reads_schema.edits(scope.model, scope.snapshot).get(schema.version, Edits())
    in_force = laid_over(schema, edits)
    st.markdown(_table_text(in_force))
    columns = [column for column in in_force.columns.values() if column.kind or column.required_in]
    shown = pd.DataFrame([_row(column, schema.columns.get(column.name)) for column in columns])
    domains = sorted({value for column in columns for value in column.domain or ()})
    given = st.data_editor(
        shown, column_config=_config(domains), hide_index=True, key=f"schema {scope.model} {schema.version} {scope.snapshot}",
        row_height=tables.ROW, height=tables.ROW * min(len(shown) + 1, 16) + 3, placeholder="",
        alt="The schema, a row for each column; type, presence, nulls, range and domain can be changed",
    )  # fmt: skip
    st.caption(
        "An empty least or greatest value is no bound; an empty domain is open. What differs from what was learnt is kept as an edit."
    )
    try:
        changed = _edits(schema, in_force, columns, given, edits.table)
    except BadInput as mistake:
        st.error(words.escaped(str(mistake)), icon=":material/error:")
        return
    _save(scope, schema, edits, changed, "table")


def _table_text(schema: Schema) -> str:
    parts = [f"Learnt from **{schema.rows:,} rows**"]
    parts += [f"{schema.rows_per_day:,.0f} a day (median)"] if schema.rows_per_day is not None else []
    parts += [f"{schema.duplicate_share:.2%} of them stand again"] if schema.duplicate_share is not None else []
    parts += (
        [f"a day’s last row came at most {schema.hours_between_rows:.1f} h before its end"]
        if schema.hours_between_rows is not None
        else []
    )
    values = max((column.values for column in schema.columns.values()), default=0)
    chance = (
        f" By chance alone the next value leaves a range learnt from {values:,} once in {(values + 1) / 2:,.0f}."
        if values > 1
        else ""
    )
    return ", ".join(parts) + "." + chance


def _row(column: Column, learnt: Column | None) -> dict[str, Any]:
    return {
        "column": column.name, "type": column.type, "training": "training" in column.required_in, "serving": "serving" in column.required_in,
        "nulls": None if column.null_share is None else 100 * column.null_share, "min": column.min, "max": column.max,
        "domain": list(column.domain or ()), "distinct": column.distinct, "learnt": _learnt(column, learnt),
    }  # fmt: skip


def _learnt(column: Column, learnt: Column | None) -> str:
    """What was learnt of the fields that people set."""
    said = (
        [f"{field.replace('_', ' ')} {_shown(getattr(learnt, field))}" for field in column.edited] if learnt is not None else []
    )
    return ("edited; learnt: " + ", ".join(said)) if said else ""


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return f"{len(value)} categories" if len(value) > 4 else ", ".join(map(str, value)) or "nowhere"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _config(domains: list[str]) -> dict[str, Any]:
    return {
        "column": text("Column", disabled=True, pinned=True, width=140),
        "type": st.column_config.SelectboxColumn("Type", options=[*TYPES, "unknown"], width=95, required=True),
        "training": box("Training", help="The reference has to have it.", width=80),
        "serving": box("Serving", help="Every file of the log has to have it.", width=80),
        "nulls": number(
            "Nulls %", help="Share of nulls that is as it should be.", min_value=0.0, max_value=100.0, format="%.3g", width=70
        ),
        "min": number("Least", format="%.6g", width=80),
        "max": number("Greatest", format="%.6g", width=80),
        "domain": st.column_config.MultiselectColumn("Domain", options=domains, accept_new_options=True, width=200),
        "distinct": number(
            "Distinct", disabled=True, help="Different values in the reference, where they were counted.", width=70
        ),
        "learnt": text("Set by a person", disabled=True, width=230),
    }


def _edits(schema: Schema, in_force: Schema, columns: list[Column], given: pd.DataFrame, table: TableEdit) -> Edits:
    """The edits that give the table as it stands now: only what differs from what was learnt."""
    found = {}
    for column, row in zip(columns, given.to_dict("records"), strict=True):
        wanted = {field: getattr(in_force.columns[column.name], field) for field in EDITABLE} | _moved(column, row)
        base = schema.columns.get(column.name, Column(column.name, "", "unknown", ()))
        found[column.name] = {f: list(v) if isinstance(v, tuple) else v for f, v in wanted.items() if v != getattr(base, f)}
    edits = schemas.edits_from({"columns": {n: f for n, f in found.items() if f}, "table": table.changes}, "this table")
    schemas.check(schema, edits, "this table")
    return less(edits, schema)


def _moved(column: Column, row: Mapping[Any, Any]) -> dict[str, Any]:
    """The fields of a row that a person changed; a number keeps its last digit unless it was."""
    shown = _row(column, None)
    now = {key: None if isinstance(row[key], float) and pd.isna(row[key]) else row[key] for key in shown}
    found: dict[str, Any] = {}
    if now["type"] != shown["type"]:
        found["type"] = now["type"]
    if (now["training"], now["serving"]) != (shown["training"], shown["serving"]):
        found["required_in"] = tuple(e for e in schemas.ENVIRONMENTS if now[e])
    if now["nulls"] != shown["nulls"]:
        found["null_share"] = 0.0 if now["nulls"] is None else float(now["nulls"]) / 100
    found |= {end: now[end] for end in ("min", "max") if now[end] != shown[end]}
    if set(now["domain"] if now["domain"] is not None else ()) != set(shown["domain"]):
        found["domain"] = tuple(now["domain"]) or None
    return found


def _save(scope: Scope, schema: Schema, before: Edits, after: Edits, key: str) -> None:
    """What would change, the reason, and the buttons."""
    different = difference(schema, before, after)
    if different.empty:
        return
    config = {
        "column": text("Column", width=160), "field": text("Field", width=110), "before": text("From", width=220),
        "after": text("To", width=220),
    }  # fmt: skip
    st.dataframe(different, hide_index=True, column_config=config, row_height=tables.ROW, alt="What saving changes")
    reason = st.text_input(
        "Why", key=f"why {key} {scope.snapshot}", placeholder="Kept in the history, with your name", max_chars=300
    )
    with st.container(horizontal=True):
        save = st.button("Save", type="primary", key=f"save {key}", help="The next run counts by it.")
        measure = st.button(
            "Save and measure", key=f"measure {key}", help="Counts the windows of this version anew: a minute per year or so."
        )
    if not (save or measure):
        return
    if not reason.strip():
        st.error("Write why first: the history keeps it for those who ask later.", icon=":material/error:")
        return
    try:
        jobs.change_schema(scope.model, schema, after, reason.strip(), measure)
    except BadInput as mistake:
        st.error(words.escaped(str(mistake)), icon=":material/error:")
        return
    st.rerun()


def difference(schema: Schema, before: Edits, after: Edits) -> pd.DataFrame:
    """Each field that two sets of edits give another value: column, field, before, after, as texts."""
    old, new = laid_over(schema, before), laid_over(schema, after)
    rows = []
    for name in dict.fromkeys((*old.columns, *new.columns)):
        was, becomes = (one.columns.get(name, Column(name, "", "unknown", ())) for one in (old, new))
        rows += [(name, f.replace("_", " "), _shown(getattr(was, f)), _shown(getattr(becomes, f)))
                 for f in EDITABLE if getattr(was, f) != getattr(becomes, f)]  # fmt: skip
    if old.duplicate_share != new.duplicate_share:
        rows.append(("the table", "duplicate share", _shown(old.duplicate_share), _shown(new.duplicate_share)))
    return pd.DataFrame(rows, columns=["column", "field", "before", "after"])


def history(scope: Scope) -> None:
    """Who set what, when and why."""
    told = reads_schema.history(scope.model, scope.snapshot)
    if told.empty:
        st.info("Nobody has changed the schema: all of it is as it was learnt.", icon=":material/info:")
        return
    shown = told.drop(columns="edit").assign(
        edited_at=pd.to_datetime(told["edited_at"], utc=True).dt.tz_localize(None), version=told["version"].replace("", EVERY),
        field=told["field"].str.replace("_", " "), before=told["before"].replace("", "as learnt"), after=told["after"].replace("", "as learnt"),
    )  # fmt: skip
    config = {
        "edited_at": st.column_config.DatetimeColumn("When (UTC)", format="D MMM YYYY, HH:mm", width=150), "author": text("Who", width=100),
        "version": text("Version", width=90), "column": text("Column", width=130), "field": text("Field", width=100),
        "before": text("From", width=130), "after": text("To", width=130), "reason": text("Why", width=280),
    }  # fmt: skip
    st.dataframe(shown, hide_index=True, column_config=config, row_height=tables.ROW, alt="Edits of the schema, the last first")


def exchange(scope: Scope, learnt: Mapping[str, Schema]) -> None:
    """The schema in force as a file of three kinds, and such a file made the schema in force."""
    schema = choose(scope, learnt, "exchange of")
    edits = reads_schema.edits(scope.model, scope.snapshot).get(schema.version, Edits())
    st.subheader("Export", anchor=False)
    with st.container(horizontal=True):
        files = {form: reads_schema.export(scope, schema.version, form) for form in FORMS}
        for form, (content, _) in files.items():
            st.download_button(
                FORMS[form],
                content,
                FILES[form],
                "text/plain",
                icon=":material/download:",
                on_click="ignore",
                key=f"export {form}",
            )
    for form, (_, notes) in files.items():
        _not_carried(f"{FORMS[form]} cannot say", notes)
    st.subheader("Import", anchor=False)
    upload = st.file_uploader(
        "A schema file: .yaml, .pbtxt or .json", key="schema_file", help="It replaces every edit of this reference."
    )
    if upload is None:
        return
    suffix = "." + upload.name.rpartition(".")[2].lower()
    form = next((form for form, own in schema_foreign.FORMATS.items() if own == suffix), "yaml")
    try:
        after, notes = wanted(upload.getvalue().decode("utf-8-sig", "replace"), upload.name, form, schema)
    except BadInput as mistake:
        st.error(words.escaped(str(mistake)), icon=":material/error:")
        return
    _not_carried(f"Not carried over from {words.escaped(upload.name)}", notes)
    if difference(schema, edits, after).empty:
        st.info("This is the schema in force already.", icon=":material/info:")
        return
    _save(scope, schema, edits, after, "file")


def _not_carried(title: str, notes: tuple[str, ...]) -> None:
    if notes:
        with st.expander(f"{title} ({len(notes)})", icon=":material/info:"):
            st.markdown("\n".join(f"- {words.escaped(note)}" for note in notes))
