"""Schema edits: what people set of the schema that was learnt from a reference. Only appended to: the last entry is in force."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from data.store import Connection, Store, append, author, claim, transact

# What an entry of `edits` holds, as JSON: {"columns": {column: {field: value}}, "table": {field: value}}. monitors/schemas.py checks it.
LAST = """SELECT version, edits FROM main.schemas WHERE model = $model
    QUALIFY row_number() OVER (PARTITION BY version ORDER BY edit DESC) = 1 ORDER BY version"""
NEXT = "SELECT coalesce(max(edit), 0) + 1 FROM main.schemas"


def saved(store: Store, model: str) -> dict[str, dict[str, Any]]:
    """Version of the reference ("" where it is that of every version) → the edits in force; a version without any is left out."""
    found = store.frame(LAST, {"model": model})
    edits = {version: json.loads(text) for version, text in found.itertuples(index=False, name=None)}
    return {version: edit for version, edit in edits.items() if any(edit.values())}


def save(store: Store, model: str, version: str, edits: Mapping[str, Any], reason: str) -> int:
    """Append an entry that makes `edits` those in force for a version; gives its number."""

    def write(cursor: Connection) -> int:
        claim(cursor)
        row = cursor.execute(NEXT).fetchone()
        number = int(row[0]) if row else 1
        facts = {"edit": number, "model": model, "version": version, "edits": json.dumps(edits, ensure_ascii=False)}
        facts |= {"edited_at": pd.Timestamp.now("UTC"), "author": author(), "reason": reason}
        append(cursor, "schemas", pd.DataFrame([facts]))
        return number

    return transact(store, write, f"schema of {model} {version}".rstrip() + f": {reason}", {"model": model, "version": version})


def history(store: Store, model: str) -> pd.DataFrame:
    """Every entry of a model, the first first: edit, version, edits (as JSON), edited_at, author, reason."""
    sql = "SELECT edit, version, edits, edited_at, author, reason FROM main.schemas WHERE model = $model ORDER BY edit"
    return store.frame(sql, {"model": model})
