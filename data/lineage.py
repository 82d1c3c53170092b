"""What the log itself and the lake say of how a model came about: versions by window, columns by load, loads and edits with who and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from data.roles import Roles, named, saved
from data.sql import quote
from data.store import Connection, Store, append, columns, table, transact

# What a column of the log may be called that names the system a row came from; it is used where no role says what else it is.
SOURCES = ("source", "source_system", "data_source", "source_name", "upstream", "producer", "provider", "feed")
MOST = 1_000  # different values beyond which a column is no version
CELLS = """
    SELECT _load AS load, time_bucket(INTERVAL 1 {window}, {time}) AS window_start, coalesce({version}, '') AS version,
        {code} AS code, {data} AS data, {source} AS source, count(*) AS rows, min({time}) AS first_time, max({time}) AS last_time
    FROM {rows} WHERE _load IN (SELECT unnest($loads)) AND {time} IS NOT NULL GROUP BY ALL ORDER BY ALL
"""
FACTS = {
    "loads": "SELECT * FROM main.loads WHERE model = ? ORDER BY load",
    "columns": """SELECT c.load, c."column", c.type FROM main.load_columns c JOIN main.loads l ON l.load = c.load
        WHERE l.model = ? AND l.undone_at IS NULL ORDER BY ALL""",
    "cells": "SELECT * EXCLUDE (model, basis) FROM main.lineage WHERE model = ? ORDER BY window_start, version, first_time",
    "roles": "SELECT roles, edited_at, author, reason FROM main.roles WHERE model = ? ORDER BY edited_at, rowid",
    "manifests": "SELECT * FROM main.manifests WHERE model = ? ORDER BY loaded_at, version",
}
COMMITS = """
    SELECT snapshot_time AS "at", author, commit_message AS message FROM lake.snapshots()
    WHERE commit_message LIKE 'undo load %' OR commit_message LIKE 'schema%' ORDER BY snapshot_id
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a model's history, as tables.

    cells : load, window_start, version, code, data, source, rows, first_time, last_time; blank where the log does not say.
    columns : load, column, type (of what a file had). loads, roles, manifests : as kept. commits : at, author, message.
    thresholds : edit, rules, edited_at, author, reason.
    """

    cells: pd.DataFrame
    columns: pd.DataFrame
    loads: pd.DataFrame
    roles: pd.DataFrame
    manifests: pd.DataFrame
    commits: pd.DataFrame
    thresholds: pd.DataFrame


def facts(store: Store, model: str) -> Facts:
    """The history of a model; new loads of its log are summed up first, one reading of a few columns of them alone."""
    _refresh(store, model)
    found = {name: store.frame(sql, [model]) for name, sql in FACTS.items()}
    thresholds = store.frame("SELECT * FROM main.thresholds ORDER BY edit")
    return Facts(**found, commits=store.frame(COMMITS), thresholds=thresholds)


def rollout(store: Store, model: str) -> pd.DataFrame:
    """Rows that each version served in each window: window_start, version, rows."""
    sql = "SELECT window_start, version, sum(rows)::BIGINT AS rows FROM main.lineage WHERE model = ? GROUP BY ALL ORDER BY ALL"
    return store.frame(sql, [model])


def served(store: Store, model: str) -> pd.DataFrame:
    """What each version served: version, first, last, rows, and which code and data versions in order of appearance (lists)."""
    sql = """SELECT version, code, data, min(first_time) AS first, max(last_time) AS last, sum(rows)::BIGINT AS rows
        FROM main.lineage WHERE model = ? GROUP BY ALL ORDER BY first, version, code, data"""
    found = store.frame(sql, [model])
    grouped = found.groupby("version", sort=False)
    lists = {name: grouped[name].agg(lambda values: list(dict.fromkeys(values.dropna()))) for name in ("code", "data")}
    spans = grouped.agg(first=("first", "min"), last=("last", "max"), rows=("rows", "sum"))
    return spans.assign(**lists).reset_index()


def file_columns(found: Mapping[str, str], lake: Mapping[str, str], is_text: bool) -> list[tuple[str, str]]:
    """Column and kind of type (number, text, time, boolean, nested, any) of a file.

    Parameters
    ----------
    found : the types that the file states. lake : those that the lake holds, which count where the file is all text (CSV, JSON).
    """
    return [(name, _family(lake.get(name, "NULL") if is_text else kind)) for name, kind in found.items()]


def _family(kind: str) -> str:
    """Storage does not matter: an INTEGER that became a DOUBLE holds numbers still."""
    name = kind.upper()
    if name in ("NULL", '"NULL"'):
        return "any"
    if name.endswith("]") or name.startswith(("STRUCT", "MAP", "UNION", "JSON")):
        return "nested"
    if name.startswith(("TIME", "DATE", "INTERVAL")):
        return "time"
    if name == "BOOLEAN":
        return "boolean"
    return "text" if name.startswith(("VARCHAR", "CHAR", "BLOB", "ENUM", "UUID")) else "number"


def _refresh(store: Store, model: str) -> None:
    """Bring the table `lineage` up to date: forget loads that are gone, sum up those that are new."""
    roles = saved(store, model)
    with store.lent() as cursor:
        types = columns(cursor, "log", model)
    if roles is None or roles.timestamp not in types:
        return
    named_by = _columns(roles, types)
    basis = json.dumps({"window": roles.window, "time": roles.timestamp, **named_by}, sort_keys=True)
    live = "SELECT load FROM main.loads WHERE model = ? AND dataset = 'log' AND undone_at IS NULL AND rows > 0"
    wanted = set(store.frame(live, [model])["load"])
    kept = store.frame("SELECT DISTINCT load, basis FROM main.lineage WHERE model = ?", [model])
    valid = set(kept["load"][kept["basis"] == basis]) & wanted
    fresh, stale = sorted(wanted - valid), set(kept["load"]) - valid
    if not fresh and not stale:
        return
    cells = _cells(store, model, roles, named_by, fresh).assign(model=model, basis=basis)

    def write(cursor: Connection) -> None:
        if stale or fresh:
            sql = "DELETE FROM main.lineage WHERE model = ? AND (load IN (SELECT unnest(?)) OR basis <> ?)"
            cursor.execute(sql, [model, sorted(stale | set(fresh)), basis])
        append(cursor, "lineage", cells)

    transact(store, write, f"lineage of {model}: {len(fresh)} loads")


def _columns(roles: Roles, types: Mapping[str, str]) -> dict[str, str | None]:
    """The columns that say which version, code, data and source made a row; None where the log has no such column."""
    given = {"version": roles.model_version, "code": roles.code_version, "data": roles.data_version}
    used = set(named(roles)) - set(roles.ignored)
    free = [name for name in types if name.casefold() in SOURCES and name not in used]
    return {what: name if name in types else None for what, name in given.items()} | {"source": free[0] if free else None}


def _cells(store: Store, model: str, roles: Roles, named_by: Mapping[str, str | None], loads: list[int]) -> pd.DataFrame:
    if not loads:
        return pd.DataFrame()
    rows, cursor = table("log", model), store.cursor()
    chosen = {what: name for what, name in named_by.items() if name is not None}
    counts = ", ".join(f"approx_count_distinct({quote(name)})" for name in chosen.values())
    if counts:
        found = cursor.execute(f"SELECT {counts} FROM {rows} WHERE _load IN (SELECT unnest($loads))", {"loads": loads}).fetchone()
        assert found is not None
        chosen = {what: name for (what, name), n in zip(chosen.items(), found, strict=True) if n <= MOST}
    parts = {what: f"CAST({quote(chosen[what])} AS VARCHAR)" if what in chosen else "NULL::VARCHAR" for what in named_by}
    assert roles.timestamp is not None
    sql = CELLS.format(rows=rows, time=quote(roles.timestamp), window=roles.window.upper(), **parts)
    return store.frame(sql, {"loads": loads})
