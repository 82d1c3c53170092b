"""Bring a model's profiles up to date: which windows did the loads since the last run touch? Only those are read again."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd
import pyarrow as pa

from data import bins as learning
from data import profile as profiling
from data import schemas
from data.bins import Source
from data.engines.places import Bins
from data.profile import windows
from data.roles import Roles, saved, to_dict
from data.segmented import Values, segments
from data.sql import literal, quote
from data.store import Connection, Store, append, columns, table, transact

SHAPE = 5  # of what is counted and measured: raised when profiles or measurements made before would differ
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did. `touched` are the starts of the log's windows whose profiles are new; `references` the versions learnt again."""

    touched: tuple[datetime, ...]
    references: tuple[str, ...]
    profiles: int
    loads: tuple[int, ...]
    basis: str


def refresh(store: Store, model: str, progress: Progress) -> Refreshed | None:
    """Profile what is new of a model since its last run; None when nothing is."""
    roles = saved(store, model)
    if roles is None:
        return None
    loads = store.frame("SELECT * FROM main.loads WHERE model = ? ORDER BY load", [model])
    done, basis_before = last_run(store, model)
    active, edits = set(loads["load"][loads["undone_at"].isna()]), schemas.saved(store, model)
    basis = json.dumps({"shape": SHAPE, **to_dict(roles), **({"schemas": edits} if edits else {})}, sort_keys=True)
    changed = loads[loads["load"].isin(active ^ done)]
    if changed.empty and basis == basis_before:
        return None
    cursor = store.cursor()
    sources = log_sources(cursor, model, roles)
    reference = learning.reference_source(cursor, model, roles)
    values = segments(cursor, [*sources[:1], *([reference] if reference else [])])
    anew, edited = _difference(basis_before, basis)
    versions = tuple(sorted({*_changed_references(cursor, changed, reference, anew), *edited}))
    count = learn_references(store, model, roles, reference, versions, values, edits, progress)
    bins = learning.kept(cursor, model)
    whole = anew or "" in versions
    seen = (
        touched(cursor, model, sources, changed, versions, whole)
        if sources
        else pd.DataFrame(columns=["window", "version", "rows"])
    )
    own = {v: bins.get(v) or bins.get("", {}) for v in seen["version"].unique()}
    for name, source in zip(("log", "labels"), sources if len(seen) else (), strict=False):
        tell = partial(progress, f"profile {name}")
        count += profiling.profile_windows(store, model, source, seen, own, values, tell, requests=name == "log")
    gone = _emptied(store, model, sources, changed)
    starts = {pd.Timestamp(int(w) * sources[0].window_us, unit="us", tz="UTC").to_pydatetime() for w in seen["window"].unique()}
    return Refreshed(tuple(sorted(starts | gone)), versions, count, tuple(sorted(active)), basis)


def as_it_was(store: Store, model: str) -> Refreshed:
    """A refresh that found nothing new."""
    loads, basis = last_run(store, model)
    return Refreshed((), (), 0, tuple(sorted(loads)), basis or "")


def _difference(before: str | None, after: str) -> tuple[bool, tuple[str, ...]]:
    """Whether all is to be counted anew, and else of which references the schema was edited: only their windows are read again."""
    old, new = json.loads(before) if before else {}, json.loads(after)
    was, becomes = old.pop("schemas", {}), new.pop("schemas", {})
    return old != new, tuple(v for v in {*was, *becomes} if was.get(v) != becomes.get(v))


def last_run(store: Store, model: str) -> tuple[set[int], str | None]:
    """The loads that the last run saw, and the roles it went by."""
    rows = store.rows("SELECT loads, basis FROM main.runs WHERE model = ? ORDER BY run DESC LIMIT 1", [model])
    return (set(rows[0][0]), rows[0][1]) if rows else (set(), None)


def log_sources(cursor: Connection, model: str, roles: Roles) -> list[Source]:
    """What is profiled of a model: its log, and the labels that came apart, joined by inference_id (the last one that came wins)."""
    types = columns(cursor, "log", model)
    if not types or roles.timestamp not in types:
        return []
    version = roles.model_version if roles.model_version in types else "_version" if "_version" in types else None
    misfits = learning.misfitting(cursor, "log", model)
    labels, name, key = columns(cursor, "labels", model), roles.label, roles.inference_id
    if name is None or key is None or name not in labels or key not in labels or key not in types:
        return [Source(table("log", model), types, roles, version, has_misfits=misfits)]
    own = f"coalesce(b.{quote(name)}, l.{quote(name)})" if name in types else f"b.{quote(name)}"
    rest = f"l.* EXCLUDE ({quote(name)})" if name in types else "l.*"
    rows = f"""(SELECT {rest}, {own} AS {quote(name)} FROM {table("log", model)} l LEFT JOIN (
        SELECT {quote(key)}, max_by({quote(name)}, _load * 1099511627776 + _row) AS {quote(name)} FROM {table("labels", model)} GROUP BY ALL
        ) b ON l.{quote(key)} = b.{quote(key)})"""
    log = Source(table("log", model), types, replace(roles, label=None), version, has_misfits=misfits)
    only_label = replace(roles, features=(), score=None, prediction=None, latency=(), probabilities=(), watched=())
    return [log, Source(rows, {**types, name: labels[name]}, only_label, version, has_misfits=misfits)]


def _changed_references(cursor: Connection, changed: pd.DataFrame, reference: Source | None, whole: bool) -> tuple[str, ...]:
    """The versions whose reference is to be learnt again; a span of the log is that of version ''."""
    if not whole:
        found = set(changed["version"][changed["dataset"] == "reference"].fillna(""))
        if reference is not None and reference.version is None and (changed["dataset"] == "log").any():
            found.add("")
        return tuple(sorted(found))
    if reference is None or reference.version is None:
        return ("",)
    rows = cursor.execute(f"SELECT DISTINCT _version FROM {reference.rows} ORDER BY 1").fetchall()
    return tuple(row[0] for row in rows)


def learn_references(
    store: Store,
    model: str,
    roles: Roles,
    reference: Source | None,
    versions: Iterable[str],
    values: Values,
    edits: Mapping[str, Mapping[str, Any]],
    progress: Progress,
) -> int:
    """Learn the bins of each version's reference and profile it by them, in one transaction a version."""
    count = 0
    for version in versions:
        progress(f"learn the reference of {version or 'every version'}", 0.0)
        learnt: dict[str, Bins] = {}
        parts: list[pa.Table] = []
        own = own_reference(reference, version)
        if own is not None:
            learnt = learning.learn(store.cursor(), own, edits.get(version, {}).get("columns", {}))
            parts = profiling.profile_reference(store, own, learnt, version, values) if learnt else []
        frame = learning.frame(model, version, learnt, roles)

        def write(
            cursor: Connection, v: str = version, f: pd.DataFrame = frame, p: list[pa.Table] = parts, o: Source | None = own
        ) -> int:
            cursor.execute("DELETE FROM main.bins WHERE model = ? AND version = ?", [model, v])
            cursor.execute("DELETE FROM main.profiles WHERE model = ? AND version = ? AND dataset = 'reference'", [model, v])
            append(cursor, "bins", f)
            return sum(profiling.add(cursor, model, o, part) for part in p if o is not None)

        count += transact(store, write, f"learn the reference of {model} {version}".rstrip())
    return count


def own_reference(reference: Source | None, version: str) -> Source | None:
    """The rows of one version's reference, under that version's name."""
    if reference is None or (reference.version is None and version):
        return None
    text = literal(version)
    where = f" WHERE _version = {text}" if reference.version else ""
    return replace(reference, rows=f"(SELECT *, {text} AS _this FROM {reference.rows}{where})", version="_this")


def touched(
    cursor: Connection, model: str, sources: list[Source], changed: pd.DataFrame, versions: tuple[str, ...], whole: bool
) -> pd.DataFrame:
    """The windows of the log that hold something new, each with all its versions and rows."""
    log, key = sources[0], sources[0].roles.inference_id
    every = windows(cursor, log)
    undone = changed["undone_at"].notna()
    if whole or (undone & (changed["dataset"] == "labels")).any():
        return every
    wanted = set(every["window"][every["version"].isin(versions)])
    fresh = {d: changed["load"][~undone & (changed["dataset"] == d)].tolist() for d in ("log", "labels")}
    if fresh["log"]:
        wanted |= set(windows(cursor, log, "_load IN (SELECT unnest($loads))", {"loads": fresh["log"]})["window"])
    if fresh["labels"] and key is not None:
        ids = f"{quote(key)} IN (SELECT {quote(key)} FROM {table('labels', model)} WHERE _load IN (SELECT unnest($loads)))"
        wanted |= set(windows(cursor, log, ids, {"loads": fresh["labels"]})["window"])
    for first, last in _spans(changed[undone & (changed["dataset"] == "log")]):
        start, end = (int(t.timestamp() * 1e6) // log.window_us for t in (first, last))
        wanted |= set(every["window"][every["window"].between(start, end)])
    return every[every["window"].isin(wanted)]


def _spans(loads: pd.DataFrame) -> list[tuple[Any, Any]]:
    known = loads.dropna(subset=["first_time", "last_time"])
    return list(zip(known["first_time"], known["last_time"], strict=True))


def _emptied(store: Store, model: str, sources: list[Source], changed: pd.DataFrame) -> set[datetime]:
    """Drop the profiles of windows that an undone load leaves without a row; gives their starts."""
    undone = changed[changed["undone_at"].notna() & (changed["dataset"] == "log")]
    if undone.empty:
        return set()
    live = windows(store.cursor(), sources[0])["window"].unique().tolist() if sources else []
    step = sources[0].window_us if sources else 86_400_000_000
    stored = store.frame("SELECT DISTINCT window_start FROM main.profiles WHERE model = ? AND dataset = 'log'", [model])[
        "window_start"
    ]
    left = {pd.Timestamp(int(w) * step, unit="us", tz="UTC") for w in live}
    gone = [t.to_pydatetime() for t in stored if t not in left]
    if gone:

        def drop(cursor: Connection) -> None:
            cursor.execute(
                "DELETE FROM main.profiles WHERE model = ? AND dataset = 'log' AND window_start IN (SELECT unnest(?))", [model, gone]
            )
            cursor.execute("DELETE FROM main.parts WHERE model = ? AND window_start IN (SELECT unnest(?))", [model, gone])

        transact(store, drop, f"drop the profiles of {len(gone)} windows of {model} that hold no row")
    return set(gone)
