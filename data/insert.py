"""Writing a load: the table and its columns, the rows with their misfits, the entry in `loads`."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from data import times, typed
from data.files import check_unchanged
from data.lineage import file_columns
from data.prepare import Plan, Prepared, Target
from data.progress import Report
from data.rebuild import check_fits, check_versions, remember_in, time_column
from data.roles import Roles, lake_types, named, saved_in
from data.scan import told
from data.sql import quote
from data.store import Connection, append, author, columns, table

WITH_VERSION = ("reference", "training")
TIMES_TOLD = """
    SELECT count(*) FILTER ({time} IS NULL), count(*) FILTER ({time} < '1980-01-01'), strftime(min({time}), '%Y-%m-%d'),
        count(*) FILTER ({time} > now() + INTERVAL 1 DAY), strftime(max({time}), '%Y-%m-%d')
    FROM {log} WHERE _load = ?
"""
MATCHED = """
    SELECT count(*), count(*) FILTER (id IN (SELECT {key} FROM {log})), min(id)
    FROM (SELECT {key} AS id FROM {labels} WHERE _load = ? AND {key} IS NOT NULL ORDER BY _row LIMIT 1000)
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file: the number of its load, rows, misfits, notes; `already` if its bytes had been loaded before."""

    load: int
    file: str
    rows: int
    misfits: int
    notes: tuple[str, ...]
    already: bool


def insert(cursor: Connection, target: Target, plan: Plan, report: Report) -> list[Loaded]:
    """Carry a plan out, within a transaction. At its end the files are compared with what they were before."""
    total = sum(file.rows for file in plan.files) or 1
    first = report.share
    said = _said_now(cursor, target, plan)
    if plan.roles is not None:
        remember_in(cursor, target.model, plan.roles, plan.reason)
    done, result = 0, []
    before = set(columns(cursor, target.dataset, target.model))
    if any(file.rows for file in plan.files):
        _extend(cursor, target, plan)
    for file in plan.files:
        until = first + (1 - first) * (done + file.rows) / total
        result.append(_load_one(cursor, target, plan, file, before, report, (done, until)))
        before |= {c.name for c in file.scan.columns} if file.rows else set()
        done += file.rows
    _note_columns(cursor, plan, result)
    files = ", ".join(file.scan.source.short for file in plan.files[:3])
    numbers = [one.load for one in result]
    check_fits(cursor, (target.dataset, target.model), said, files, numbers)
    if plan.roles is not None and target.dataset == "log":
        check_versions(cursor, target.model, plan.roles, files, numbers)
    for file in plan.files:
        check_unchanged(file.scan.source)
    return result


def _said_now(cursor: Connection, target: Target, plan: Plan) -> dict[str, str]:
    """Column → role, of the numbers and times that a person names in this very call."""
    if plan.roles is None or plan.reason != "given":
        return {}
    before = saved_in(cursor, target.model) or Roles()
    known, old, types = named(before), lake_types(before), lake_types(plan.roles)
    read = {c: role for c, role in named(plan.roles).items() if types.get(c, "VARCHAR") != "VARCHAR"}
    return {c: role for c, role in read.items() if known.get(c) != role or (old.get(c) not in (None, types[c]))}


def _note_columns(cursor: Connection, plan: Plan, loaded: Sequence[Loaded]) -> None:
    """Which columns each file had, of what kind of type: what `changes` compares between loads."""
    rows = [
        (one.load, name, kind)
        for one, file in zip(loaded, plan.files, strict=True)
        if file.rows
        for name, kind in file_columns(
            {c.name: c.type for c in file.scan.columns}, plan.types, file.scan.source.kind != "parquet"
        )
    ]
    append(cursor, "load_columns", pd.DataFrame(rows, columns=["load", "column", "type"]))


def _extend(cursor: Connection, target: Target, plan: Plan) -> None:
    """The table, with every column of the files whose type is known."""
    present = columns(cursor, target.dataset, target.model)
    new = {
        c.name: plan.types[c.name]
        for file in plan.files
        if file.rows
        for c in file.scan.columns
        if c.name in plan.types and c.name not in present
    }
    if not present:
        own = [
            "_load BIGINT",
            "_row BIGINT",
            "_misfits MAP(VARCHAR, VARCHAR)",
            *(["_version VARCHAR"] if target.dataset in WITH_VERSION else []),
        ]
        listed = ", ".join([*(f"{quote(name)} {kind}" for name, kind in new.items()), *own])
        cursor.execute(f"CREATE TABLE {table(target.dataset, target.model)} ({listed})")
        return
    for name, kind in new.items():
        cursor.execute(f"ALTER TABLE {table(target.dataset, target.model)} ADD COLUMN {quote(name)} {kind}")


def _load_one(
    cursor: Connection, target: Target, plan: Plan, file: Prepared, before: set[str], report: Report, place: tuple[int, float]
) -> Loaded:
    row = cursor.execute("SELECT coalesce(max(load), 0) + 1 FROM main.loads").fetchone()
    assert row is not None
    number = int(row[0])
    notes = [*file.notes, *_columns_told(target, plan, file, before)]
    misfits = 0
    if file.rows:
        sql = _inserting(target, plan, file, number, report)
        bound = {"version": target.version} if target.dataset in WITH_VERSION else None
        with told(file.scan.source):
            report.watch(cursor, lambda: cursor.execute(sql, bound), place[1], file.rows, place[0])
        misfits, more = _misfits_told(cursor, target, file, number)
        notes += more + _times_told(cursor, target, plan, file, number) + _join_told(cursor, target, plan, file, number)
    _enter(cursor, target, plan, file, number, misfits, notes)
    return Loaded(number, file.scan.source.name, file.rows, misfits, tuple(notes), False)


def _inserting(target: Target, plan: Plan, file: Prepared, number: int, report: Report) -> str:
    names, inner, outer, misfitting = [], [f"{report.counted(file.scan.row)} AS n"], [], []
    for place, column in enumerate(file.scan.columns):
        lake = plan.types.get(column.name)
        if lake is None:
            continue
        names.append(quote(column.name))
        inner.append(f"{typed.value(column, lake, file.reading, column.name in file.whole)} AS v{place}")
        read = times.within(f"v{place}") if lake.startswith("TIMESTAMP") else f"v{place}"
        outer.append(read)
        if typed.can_misfit(column, lake):
            inner.append(f"CAST({column.sql} AS VARCHAR) AS r{place}")
            misfitting.append((column, f"r{place}", read))
        elif lake.startswith("TIMESTAMP"):
            misfitting.append((column, f"CAST(v{place} AS VARCHAR)", read))
    version = ["_version"] if target.dataset in WITH_VERSION else []
    into = ", ".join([*names, "_load", "_row", "_misfits", *version])
    values = ", ".join([*outer, str(number), "n", typed.misfits(misfitting), *(["$version"] if version else [])])
    rows = f"SELECT {', '.join(inner)} FROM {file.scan.relation}"
    return f"INSERT INTO {table(target.dataset, target.model)} ({into}) SELECT {values} FROM ({rows})"


def _columns_told(target: Target, plan: Plan, file: Prepared, before: set[str]) -> list[str]:
    """What a file has that the files before it had not, and what of the roles it lacks."""
    if not file.rows or plan.roles is None:
        return []
    short, own = file.scan.source.short, [c.name for c in file.scan.columns]
    empty = [name for name in own if name not in plan.types]
    new = [name for name in own if before and name not in before and name not in empty]
    roles = named(plan.roles)
    expected = {"log": [c for c, role in roles.items() if role not in ("label", "label_time", "ignored")], "labels": []}
    missing = [c for c in expected.get(target.dataset, list(plan.roles.features)) if c not in own]
    return [
        *(
            f"{short}: {_listed(missing)} {'is' if len(missing) == 1 else 'are'} not in this file; its rows have null there."
            for _ in missing[:1]
        ),
        *(f"{short}: {_listed(new)} {'is a new column' if len(new) == 1 else 'are new columns'}." for _ in new[:1]),
        *(f"{short}: {_listed(empty)} without any value; the first file that has one decides the type." for _ in empty[:1]),
    ]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _misfits_told(cursor: Connection, target: Target, file: Prepared, number: int) -> tuple[int, list[str]]:
    rows = cursor.execute(
        f"""SELECT e.key, count(*), min(_row), min_by(e.value, _row) FROM (
            SELECT _row, unnest(map_entries(_misfits)) AS e FROM {table(target.dataset, target.model)}
            WHERE _load = ? AND _misfits IS NOT NULL
        ) GROUP BY ALL ORDER BY 1""",
        [number],
    ).fetchall()
    notes = []
    for name, count, row, text in rows:
        what = "1 value that is" if count == 1 else f"{count:,} values that are"
        notes.append(
            f'{file.scan.source.short}, column "{name}": {what} not of its type, kept as misfits; '
            f'the first in row {row:,}: "{text[:60]}".'
        )
    return sum(count for _, count, _, _ in rows), notes


def _times_told(cursor: Connection, target: Target, plan: Plan, file: Prepared, number: int) -> list[str]:
    time = time_column(plan.roles, target.dataset) if plan.roles else None
    if target.dataset != "log" or time is None or time not in plan.types:
        return []
    row = cursor.execute(TIMES_TOLD.format(time=quote(time), log=table("log", target.model)), [number]).fetchone()
    assert row is not None
    (lost, early, first, late, last), short = row, file.scan.source.short
    check = f'Is that what "{time}" says? Else undo this load and mend it.'
    is_lost = "1 row has no time that can be read, so it is" if lost == 1 else f"{lost:,} rows have no time that can be read, so they are"
    notes = {
        f"{is_lost} in no window.": lost,
        f"{_rows_are(early)} from before 1980, the first from {first}, as if a time were missing. {check}": early,
        f"{_rows_are(late)} from after today, the last from {last}, where the log ends now. {check}": late,
    }
    return [f"{short}: {note}" for note, count in notes.items() if count]


def _rows_are(count: int) -> str:
    return "1 row is" if count == 1 else f"{count:,} rows are"


def _join_told(cursor: Connection, target: Target, plan: Plan, file: Prepared, number: int) -> list[str]:
    """That labels match nothing, if none of the first does; they may also come before their log."""
    key = plan.roles.inference_id if plan.roles else None
    if target.dataset != "labels" or key is None or key not in columns(cursor, "log", target.model):
        return []
    names = {"key": quote(key), "labels": table("labels", target.model), "log": table("log", target.model)}
    row = cursor.execute(MATCHED.format(**names), [number]).fetchone()
    assert row is not None
    ids, matched, example = row
    told = f'{file.scan.source.short}: none of its first {ids:,} ids is in the log ("{example}"). Is "{key}" the right inference_id?'
    return [told] if ids and not matched else []


def _enter(
    cursor: Connection, target: Target, plan: Plan, file: Prepared, number: int, misfits: int, notes: Sequence[str]
) -> None:
    """The entry in `loads`."""
    source = file.scan.source
    time = time_column(plan.roles, target.dataset) if plan.roles else None
    timed = bool(file.rows) and time in columns(cursor, target.dataset, target.model)
    span = (
        f"(SELECT {{0}}({quote(time)}) FROM {table(target.dataset, target.model)} WHERE _load = {number})"
        if timed and time
        else "NULL"
    )
    cursor.execute(
        f"""INSERT INTO main.loads
            (load, model, dataset, version, file, sha256, bytes, rows, misfits, notes, author, loaded_at, first_time, last_time)
        VALUES ($load, $model, $dataset, $version, $file, $sha256, $bytes, $rows, $misfits, $notes, $author, now(),
            {span.format("min")}, {span.format("max")})""",
        {
            "load": number, "model": target.model, "dataset": target.dataset, "version": target.version, "file": source.name,
            "sha256": source.sha256,
            "bytes": source.stamp.size, "rows": file.rows, "misfits": misfits, "notes": list(notes), "author": author(),
        },
    )  # fmt: skip
