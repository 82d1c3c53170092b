"""Quality: brings the table of outcomes up to date. Only the windows that a load of log, labels or reference touched are counted again.

Segments are those of the profiles (`segmented.py`), and in this table alone also pairs of values of two columns, at most 50 × 50. Rows without a
value are in the whole alone.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import pandas as pd
import pyarrow as pa

from data import tasks
from data.bins import Source, kept, reference_source
from data.counting import SCORE_BINS, Cells, count
from data.engines.places import Bins
from data.profile import NO_TIME, windows
from data.refresh import Refreshed, own_reference
from data.roles import Roles, saved
from data.segmented import segments
from data.sql import quote
from data.store import Connection, Store, append, columns, table, transact
from data.tasks import Task

SHAPE = 1  # of what is counted: raised when counts made before would differ
ROWS = 4_000_000  # of the log that are looked at in one turn
CELLS = 1_000_000  # counts of windows × segments × bins held at once; more windows are counted in turns
Progress = Callable[[str, float], None]
ORDER = 'segment, version, "class", window_start'


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the outcomes lie: log and reference, with the labels that came apart; whether the reference is a span of that log."""

    log: Source | None
    reference: Source | None

    @property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """The span of the log that is the reference."""
        if self.reference is None or self.reference.version is not None or self.reference.roles.reference is None:
            return None
        start, end = (pd.to_datetime(t, utc=True) for t in self.reference.roles.reference)
        return start, end


def is_stale(store: Store, model: str) -> bool:
    """Whether a store that was filled before has no outcomes of a model, or some that were counted otherwise."""
    sql = "SELECT (SELECT basis FROM main.tasks WHERE model = $model), (SELECT count(*) FROM main.runs WHERE model = $model)"
    basis, runs = store.rows(sql, {"model": model})[0]
    return runs > 0 and (basis is None or json.loads(basis)["shape"] != SHAPE)


def refresh(store: Store, model: str, refreshed: Refreshed, progress: Progress) -> bool:
    """Count anew the outcomes of the windows and references that loads have touched; of all if the model turns out to be of another task.

    Gives whether windows other than the touched ones have to be measured again: all were counted, or a reference.
    """
    roles, cursor = saved(store, model), store.cursor()
    if roles is None:
        return False
    found = sources(cursor, model, roles)
    task = tasks.find(store.cursor(), roles, _as_they_lie(store.cursor(), model, roles, found))
    basis = json.dumps({"shape": SHAPE, **asdict(task)}, sort_keys=True)
    before = cursor.execute("SELECT basis FROM main.tasks WHERE model = ?", [model]).fetchone()
    anew = before is None or before[0] != basis
    if anew:
        transact(store, lambda c: _forget(c, model), f"count the outcomes of {model} anew")
    if task.kind:
        cells = _cells(store.cursor(), found, _spots(store, model, roles))
        for version in _versions(store, found, refreshed, anew):
            progress("count outcomes of references", 0.0)
            _of_reference(store, model, found, version, task, cells)
        if found.log is not None:
            _of_log(store, model, found.log, task, cells, None if anew else refreshed.touched, progress)
    if anew:
        entry = {"model": model, "kind": task.kind, "positive": task.positive, "classes": list(task.classes), "reason": task.reason, "basis": basis}
        transact(store, lambda c: append(c, "tasks", pd.DataFrame([entry])), f"the task of {model}: {task.kind or task.reason}")
    return anew or bool(refreshed.references)


def _forget(cursor: Connection, model: str) -> None:
    for name in ("quality", "tasks"):
        cursor.execute(f"DELETE FROM main.{name} WHERE model = ?", [model])


# ---- where outcomes lie ----------------------------------------------------------------------------------------------------------


def sources(cursor: Connection, model: str, roles: Roles) -> Sources:
    """Log and reference of a model, each with its labels."""
    types, log = columns(cursor, "log", model), None
    if types and roles.timestamp in types:
        version = roles.model_version if roles.model_version in types else "_version" if "_version" in types else None
        log = _labelled(cursor, model, Source(table("log", model), types, roles, version))
    reference = reference_source(cursor, model, roles)
    if reference is not None and (reference.version is None or roles.label not in reference.types):
        reference = _labelled(cursor, model, reference)
    return Sources(log, reference)


def _labelled(cursor: Connection, model: str, source: Source) -> Source:
    """Rows with the labels that came apart, joined by inference_id: the last one that came wins, over one in the row itself too."""
    roles, apart = source.roles, columns(cursor, "labels", model)
    name, key, came = roles.label, roles.inference_id, roles.label_time
    if name is None or key is None or name not in apart or key not in apart or key not in source.types:
        return source
    y, k = quote(name), quote(key)
    own = {name: f"l.{y}" if name in source.types else "NULL"}
    found = {name: "b.last.y"}
    if came is not None and (came in apart or came in source.types):
        own[came], found[came] = f"l.{quote(came)}" if came in source.types else "NULL", "b.last.t" if came in apart else "NULL"
    told = ", ".join(f"CASE WHEN b.last.y IS NOT NULL THEN {found[c]} ELSE {own[c]} END AS {quote(c)}" for c in found)
    there = [quote(c) for c in found if c in source.types]
    rest = f"l.* EXCLUDE ({', '.join(there)})" if there else "l.*"
    time = quote(came) if came is not None and came in apart else "NULL"
    rows = f"""(SELECT {rest}, {told} FROM {source.rows} l LEFT JOIN (
        SELECT {k}, max_by({{'y': {y}, 't': {time}}}, _load * 1099511627776 + _row) FILTER ({y} IS NOT NULL) AS last
        FROM {table("labels", model)} GROUP BY ALL) b ON l.{k} = b.{k})"""
    return replace(source, rows=rows, types={**source.types, **{c: (apart if c in apart else source.types)[c] for c in found}})


def _as_they_lie(cursor: Connection, model: str, roles: Roles, found: Sources) -> list[Source]:
    """The tables that hold labels and predictions, not joined: to see which values there are."""
    names = [("log", found.log), ("labels", found.log)] + ([("reference", found.reference)] if found.span is None else [])
    return [Source(table(name, model), columns(cursor, name, model), roles, None) for name, one in names if one is not None]


def _cells(cursor: Connection, found: Sources, spots: Mapping[str, Bins]) -> Cells:
    """The segments that are told apart, as profiles have them; all pairs are counted here, asked for or not."""
    given = [one for one in (found.log, found.reference) if one is not None]
    own = {c for one in given for c in one.roles.segments}
    return Cells(tuple(sorted((one for one in segments(cursor, given) if one.column in own and not one.crossed), key=lambda one: one.column)), spots)


def _spots(store: Store, model: str, roles: Roles) -> dict[str, Bins]:
    """Version of a reference → the bins of its prediction."""
    learnt = {version: bins.get(str(roles.prediction)) for version, bins in kept(store.cursor(), model).items()}
    return {version: bins for version, bins in learnt.items() if bins is not None and bins.kind == "number"}


# ---- counting and keeping --------------------------------------------------------------------------------------------------------


def _versions(store: Store, found: Sources, refreshed: Refreshed, anew: bool) -> tuple[str, ...]:
    """The versions whose reference is to be counted again: those learnt again, and a span of the log whose labels have come."""
    if found.span is not None:
        start, end = found.span
        hit = any(start - pd.Timedelta(days=1) < pd.Timestamp(t) < end for t in refreshed.touched)
        return ("",) if anew or hit or "" in refreshed.references else ()
    if found.reference is None or not anew:
        return refreshed.references
    rows = store.rows(f"SELECT DISTINCT _version FROM {found.reference.rows} ORDER BY 1")
    return tuple(row[0] for row in rows)


def _of_reference(store: Store, model: str, found: Sources, version: str, task: Task, cells: Cells) -> None:
    """The whole of one version's reference, and its own windows where it has times."""
    own, parts = own_reference(found.reference, version), []
    if own is not None:
        rows = store.rows(f"SELECT count(*) FROM {own.rows}")[0]
        if rows[0]:
            whole = pd.DataFrame({"window": [NO_TIME], "version": [version], "rows": rows})
            parts.append(count(store.cursor(), own, task, whole, cells))
        if own.roles.timestamp in own.types:
            for turn in _turns(windows(store.cursor(), own), task, cells):
                parts.append(count(store.cursor(), own, task, turn, cells))

    def write(cursor: Connection) -> None:
        cursor.execute("DELETE FROM main.quality WHERE model = ? AND version = ? AND dataset = 'reference'", [model, version])
        for part in parts:
            _add(cursor, model, own, part)

    transact(store, write, f"count the outcomes of the reference of {model} {version}".rstrip())


def _of_log(
    store: Store, model: str, log: Source, task: Task, cells: Cells, touched: tuple[datetime, ...] | None, progress: Progress
) -> None:
    """The windows of the log that were touched (None: all), in place of what was there; a window without a row any more is gone."""
    if touched == ():
        return
    step, time = log.window_us, quote(str(log.roles.timestamp))
    if touched is None:
        every = windows(store.cursor(), log)
    else:
        starts = [int(pd.Timestamp(t).value // 1000 // step) for t in touched]
        near = f"{time} >= make_timestamptz({min(starts) * step}) AND {time} < make_timestamptz({(max(starts) + 1) * step})"
        every = windows(store.cursor(), log, near)
        every = every[every["window"].isin(starts)]
        if gone := sorted(set(starts) - set(every["window"])):
            transact(store, lambda c: _drop(c, model, log, gone), f"drop the outcomes of {len(gone)} windows of {model} that hold no row")
    spots = {v: cells.spots.get(v) or cells.spots.get("") for v in every["version"].unique()}
    cells = replace(cells, spots={v: bins for v, bins in spots.items() if bins is not None})
    turns = _turns(every, task, cells)
    for i, turn in enumerate(turns):
        progress("count outcomes", i / len(turns))
        starts = sorted(turn["window"].unique().tolist())
        part = count(store.cursor(), log, task, turn, cells)

        def write(cursor: Connection, part: pa.Table = part, starts: list[int] = starts) -> None:
            _drop(cursor, model, log, starts)
            _add(cursor, model, log, part)

        transact(store, write, f"count the outcomes of {len(starts)} windows of {model}")


def _turns(every: pd.DataFrame, task: Task, cells: Cells) -> list[pd.DataFrame]:
    """The windows in runs whose rows and counts fit into memory."""
    columns = [len(one.names) for one in cells.values]
    sets = 1 + len(columns) + len(columns) * (len(columns) - 1) // 2
    margins = 1 + sum(columns) + (sum(columns) ** 2 - sum(n * n for n in columns)) // 2
    size = len(task.counted) if task.scores else 1
    cost = size * (every["rows"] * sets).clip(upper=margins * SCORE_BINS)
    by_window = pd.DataFrame({"window": every["window"], "rows": every["rows"] / ROWS, "cells": cost / CELLS}).groupby("window").sum()
    turn, full, turn_of = 0, 0.0, {}
    for window, share in by_window.max(axis=1).items():
        if full and full + share > 1:
            turn, full = turn + 1, 0.0
        turn_of[window], full = turn, full + share
    return [part for _, part in every.groupby(every["window"].map(turn_of))]


def _drop(cursor: Connection, model: str, log: Source, windows: list[int]) -> None:
    starts = [pd.Timestamp(w * log.window_us, unit="us", tz="UTC").to_pydatetime() for w in windows]
    sql = """DELETE FROM main.quality WHERE model = ? AND dataset = 'log' AND window_start BETWEEN ? AND ?
        AND window_start IN (SELECT unnest(?))"""
    cursor.execute(sql, [model, min(starts), max(starts), starts])


def _add(cursor: Connection, model: str, source: Source | None, found: pa.Table) -> None:
    """Store outcomes: windows as times (none for the whole of a reference)."""
    if source is None or not found.num_rows:
        return
    names = ", ".join(quote(n) for n in found.column_names if n != "window")
    cursor.register("found_outcomes", found)
    start = f'CASE WHEN "window" <> {NO_TIME} THEN make_timestamptz("window" * {source.window_us}) END'
    cursor.execute(
        f"""INSERT INTO lake.main.quality (model, dataset, window_start, window_end, {names})
        SELECT ?, ?, {start} AS window_start, {start} + to_microseconds({source.window_us}), {names} FROM found_outcomes ORDER BY {ORDER}""",
        [model, source.dataset],
    )
    cursor.unregister("found_outcomes")
