"""Where store and schema meet: the schemas of a model, as learnt and as edited, their edits, and what else the monitor `schema` needs."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from data import schemas as kept
from data.bins import reference_source
from data.errors import BadInput, near
from data.roles import Roles, named, saved
from data.store import Store
from monitors import schemas
from monitors.arrivals import Facts
from monitors.schemas import Column, ColumnEdit, Edits, Schema

REFERENCE = """SELECT * EXCLUDE (sum, sum_squares) FROM main.profiles WHERE model = $model AND dataset = 'reference' AND segment = 'all'
    AND (window_start IS NULL OR role = 'requests') ORDER BY version, "column", window_start NULLS FIRST"""
ARRIVED = """SELECT version, window_start, window_end, load, rows FROM main.parts WHERE model = $model
    ORDER BY version, window_start, load"""
FILES = """SELECT load, dataset, version, columns, first_time, last_time FROM main.loads
    LEFT JOIN (SELECT load, list("column") AS columns FROM main.load_columns GROUP BY load) USING (load)
    WHERE model = $model AND undone_at IS NULL AND rows > 0 ORDER BY load"""


def facts(store: Store, model: str, bins: pd.DataFrame) -> Facts:
    """What the monitor takes besides profiles and bins."""
    roles = saved(store, model) or Roles()
    loads = store.frame(FILES, {"model": model})
    brought = zip(loads["load"].tolist(), loads["columns"].tolist(), strict=True)
    files = {int(load): frozenset(map(str, columns)) for load, columns in brought if _is_list(columns)}
    return Facts(
        in_force(store, model, bins),
        store.frame(ARRIVED, {"model": model}),
        files,
        frozenset(named(roles)),
        tuple(c for c in (roles.code_version, roles.data_version) if c is not None and c not in roles.segments),
    )


def learnt(store: Store, model: str, bins: pd.DataFrame) -> dict[str, Schema]:
    """Version of the reference ("": of every version) → the schema that it gives."""
    roles = saved(store, model) or Roles()
    profiles = store.frame(REFERENCE, {"model": model})
    loads = store.frame(FILES, {"model": model})
    own_table = reference_source(store.cursor(), model, roles)
    from_log = own_table is not None and own_table.version is None
    found = {}
    for version, rows in profiles.groupby("version"):
        brought = (
            loads[loads["dataset"] == "log"]
            if from_log
            else loads[(loads["dataset"] == "reference") & (loads["version"] == version)]
        )
        listed = [set(columns) for columns in brought["columns"] if _is_list(columns)]
        files = set().union(*listed) if listed and len(listed) == len(brought) else None
        own = bins[(bins["version"] == version) & (bins["column"] != "")]
        found[str(version)] = replace(schemas.learnt(rows, own, named(roles), files, str(version)), model=model)
    return found


def in_force(store: Store, model: str, bins: pd.DataFrame) -> dict[str, Schema]:
    """As `learnt`, with the edits laid over."""
    edited = edits(store, model)
    return {v: schemas.laid_over(schema, edited.get(v, Edits())) for v, schema in learnt(store, model, bins).items()}


def edits(store: Store, model: str) -> dict[str, Edits]:
    """The edits in force, by version of the reference."""
    return {v: schemas.edits_from(given, f"schema of {model} {v}".rstrip()) for v, given in kept.saved(store, model).items()}


def save(store: Store, model: str, schema: Schema, wanted: Edits, reason: str) -> int:
    """Append an entry that makes `wanted` the edits of a learnt schema; gives its number. The next run measures by it.

    Raises
    ------
    BadInput : an edit makes no sense with what was learnt.
    """
    schemas.check(schema, wanted, f"schema of {model} {schema.version}".rstrip())
    return kept.save(store, model, schema.version, schemas.plain(wanted), reason)


def chosen(found: Mapping[str, Schema], model: str, version: str | None) -> Schema:
    """The schema of a version, or the only one.

    Raises
    ------
    BadInput : there is no such one, or none or several to choose from.
    """
    if not found:
        raise BadInput(
            f'"{model}" has no reference that was profiled, so there is no schema. Load one with --as reference, then run.'
        )
    if version is None:
        if len(found) > 1:
            raise BadInput(f'"{model}" has a schema for each of {", ".join(found)}. Say which one with --version.')
        return next(iter(found.values()))
    if version not in found:
        raise BadInput(f'"{model}" has no schema of version "{version}". {near(version, found)}')
    return found[version]


HISTORY = ["edit", "edited_at", "author", "version", "column", "field", "before", "after", "reason"]


def history(store: Store, model: str) -> pd.DataFrame:
    """Every edit, the last first, a row for each field that it changed: HISTORY. A blank `before` or `after` is what was learnt."""
    rows: list[dict[str, Any]] = []
    before: dict[str, dict[tuple[str, str], Any]] = {}
    for entry in kept.history(store, model).to_dict("records"):
        now = _flat(json.loads(str(entry["edits"])))
        was = before.get(str(entry["version"]), {})
        about = {name: entry[name] for name in ("edit", "edited_at", "author", "version", "reason")}
        changed = [key for key in dict.fromkeys((*was, *now)) if was.get(key, _UNSET) != now.get(key, _UNSET)]
        for column, field in changed or [("", "")]:
            texts = {side: _shown(values.get((column, field), _UNSET)) for side, values in (("before", was), ("after", now))}
            rows.append(about | {"column": column, "field": field} | texts)
        before[str(entry["version"])] = now
    return pd.DataFrame(rows[::-1], columns=HISTORY)


_UNSET = object()


def _flat(given: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    columns = {(name, field): value for name, fields in given.get("columns", {}).items() for field, value in fields.items()}
    return columns | {("", field): value for field, value in given.get("table", {}).items()}


def _shown(value: Any) -> str:
    if value is _UNSET:
        return ""
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "neither"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | np.ndarray)


__all__ = [
    "Column",
    "ColumnEdit",
    "Edits",
    "Facts",
    "Schema",
    "chosen",
    "edits",
    "facts",
    "history",
    "in_force",
    "learnt",
    "save",
]
