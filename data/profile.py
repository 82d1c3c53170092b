"""From rows to profiles: which windows a load touched, one scan of them, and what is stored."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from data import memory, totals
from data.arrays import arrays
from data.bins import BETWEEN, LATENCY, WHOLE, Source, hashes, lookup, probable, watched
from data.engines.duckdb import Plan, profile
from data.engines.places import Bins
from data.segmented import Values, text_of
from data.sql import literal, quote
from data.store import Connection, Store, append, transact

BATCH = 131_072  # rows: 30 columns of it are 31 MB
# Counts held at once (windows × segments × bins of all columns), 40 MB and as much again while they are stored; more windows are scanned in turns.
CELLS = 5_000_000
READ_AT_ONCE = 15_000  # profiles of 200 counts each: 24 MB, and some times that while they are measured
NEW_SHOWN = 20  # values that the reference never had, the most frequent of each window
NO_TIME = -(2**40)  # the window of reference rows that carry no time
Progress = Callable[[float], None]


def windows(cursor: Connection, source: Source, condition: str = "true", values: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Every window of some rows with its versions: columns `window` (since the epoch), `version`, `rows`."""
    # Not GROUP BY ALL with a HAVING: that also groups by the column which HAVING names, here by each single time. 8 s for 10M rows, now 0.35.
    timed = f"{quote(str(_time_column(source)))} IS NOT NULL" if _time_column(source) else "true"
    sql = f"""SELECT "window", coalesce(v, '') AS version, sum(n)::BIGINT AS rows FROM (
        SELECT {window_of(source)} AS "window", {_raw_version(source)} AS v, count(*) AS n
        FROM {source.rows} WHERE ({condition}) AND {timed} GROUP BY 1, 2)
        GROUP BY 1, 2 ORDER BY 1, 2"""
    return cursor.execute(sql, dict(values or {})).df()


def read(store: Store, condition: str, values: Mapping[str, Any], name: str = "profiles") -> pd.DataFrame:
    """Stored profiles, of the log or (`normal_profiles`) counted for new normals; `counts` holds int64 arrays. In a fixed order."""
    sql = f"""SELECT * FROM main.{name} WHERE {condition}
        ORDER BY dataset, version, "column", segment, window_start NULLS FIRST"""
    found = store.table(sql, dict(values))
    frame: pd.DataFrame = found.drop_columns(["counts"]).to_pandas()
    return frame.assign(counts=arrays(found["counts"]))


def profile_windows(
    store: Store,
    model: str,
    source: Source,
    touched: pd.DataFrame,
    bins: Mapping[str, Mapping[str, Bins]],
    values: Values,
    progress: Progress = lambda _: None,
    requests: bool = False,
) -> int:
    """Scan the touched windows and store their profiles in place of those that were there; gives the number of profiles.

    `touched` is a result of `windows`; `bins` of every version among it, {} where it has no reference; `requests` says that the rows are
    requests, to be counted themselves. A turn of windows is one transaction.
    """
    total, done = 0, 0
    for turn in turns(touched, bins, values, source):
        total += _profile_turn(store, model, source, turn, bins, values, requests)
        done += turn["window"].nunique()
        progress(done / touched["window"].nunique())
    return total


def _profile_turn(
    store: Store,
    model: str,
    source: Source,
    turn: pd.DataFrame,
    bins: Mapping[str, Mapping[str, Bins]],
    values: Values,
    requests: bool,
) -> int:
    found = scan(store, source, turn, bins, values, requests)
    arrived = _parts(store, source, turn) if requests else None
    message = f"profile {turn['window'].nunique()} windows of {model}"
    return transact(store, lambda cursor: _replace(cursor, model, source, turn, found, arrived), message)


def turns(touched: pd.DataFrame, bins: Mapping[str, Mapping[str, Bins]], values: Values, source: Source) -> list[pd.DataFrame]:
    """Cut the windows so that the counts of a turn fit into memory, and where a gap between them would be wider than they are."""
    few, all_ = (1 + sum(len(one.names) for one in chosen) for chosen in (_segmented(source, values), values))
    latencies = all_ * LATENCY.size * len(source.roles.latency)
    cost = {v: latencies + few * sum(b.size for b in bins.get(v, {}).values()) for v in touched["version"].unique()}
    held: dict[int, set[str]] = {}
    for window, version in zip(touched["window"].tolist(), touched["version"].tolist(), strict=True):
        held.setdefault(window, set()).add(version)
    cuts: list[list[int]] = []
    seen: set[str] = set()
    for window in sorted(held):
        seen |= held[window]
        full = cuts and (window - cuts[-1][0] + 1) * sum(cost[v] for v in seen) > CELLS
        if not cuts or full or window - cuts[-1][-1] > max(32, 2 * len(cuts[-1])):
            cuts.append([])
            seen = set(held[window])
        cuts[-1].append(window)
    return [touched[touched["window"].between(cut[0], cut[-1])] for cut in cuts]


def _segmented(source: Source, values: Values) -> Values:
    return tuple(one for one in values if one.column in source.roles.segments)


def scan(
    store: Store,
    source: Source,
    turn: pd.DataFrame,
    bins: Mapping[str, Mapping[str, Bins]],
    values: Values,
    requests: bool = False,
) -> pa.Table:
    """The profiles of some windows: the engine's table, with misfits and new values added.

    Latencies are scanned apart, by versions of code and data too; and if rows are `requests`, they are counted themselves, as column "".
    """
    roles, segmented = watched(source.roles), _segmented(source, values)
    columns = tuple(c for c in roles if c in source.types and roles[c] != "latency")
    parts = [_scan(store, source, turn, columns, bins, segmented)]
    if latencies := tuple(c for c in source.roles.latency if source.types.get(c) == "DOUBLE"):
        same = dict.fromkeys(latencies, LATENCY)
        parts.append(_scan(store, source, turn, latencies, dict.fromkeys(turn["version"].unique(), same), values))
    if requests:
        parts.append(_requests(store, source, turn, values))
    return pa.concat_tables(parts, promote_options="permissive")


def _scan(
    store: Store,
    source: Source,
    turn: pd.DataFrame,
    names: tuple[str, ...],
    bins: Mapping[str, Mapping[str, Bins]],
    values: Values,
) -> pa.Table:
    cursor = store.cursor()
    versions = tuple(sorted(turn["version"].unique()))
    kinds = {c: "number" if source.types[c] == "DOUBLE" else "category" for c in names}
    null = hashes(cursor, (None,))
    blank = {c: Bins(k) if k == "number" else Bins(k, hashes=null) for c, k in kinds.items()}
    blank |= {c: probable(blank[c]) for c in names if watched(source.roles)[c] in BETWEEN}
    counted = {
        v: {c: bins[v][c] if bins[v].get(c, blank[c]).kind == kinds[c] and c in bins[v] else blank[c] for c in names}
        for v in versions
    }
    plan = _plan(cursor, turn, names, counted, values)
    condition = within(source, turn)
    with memory.keep():
        table = profile(_batches(cursor, source, plan, condition), plan)
    return _completed(store, source, plan, condition, table)


def _plan(
    cursor: Connection, turn: pd.DataFrame, names: tuple[str, ...], counted: Mapping[str, Mapping[str, Bins]], values: Values
) -> Plan:
    first, last = int(turn["window"].min()), int(turn["window"].max())
    # A row without a version is of version "", which sorts first; raw versions are hashed, since coalesce would undo their dictionary.
    lookups = (lookup(cursor, (*counted, None)), *(lookup(cursor, one.names) for one in values))
    return Plan(names, counted, values, first, last - first + 1, lookups)


def _requests(store: Store, source: Source, turn: pd.DataFrame, values: Values) -> pa.Table:
    """How many rows, repeats and failures, as profiles of column ""; repeats of the whole only."""
    condition = within(source, turn)
    with store.lent() as cursor:
        plan = _plan(cursor, turn, (), {v: {} for v in sorted(turn["version"].unique())}, values)
        rows = _rows(source, plan, totals.facts(source), condition)
        sets, label = _margins(plan, "")
        counted = totals.totals(cursor, rows, sets, label)
        again = totals.duplicates(cursor, source, window_of(source), version_of(source), condition).assign(segment="all")
    found: pd.DataFrame = counted.to_pandas()
    kept = found["segment"].isin(plan.margins)
    found = found[kept].merge(again, "left", ["version", "segment", "window"]).astype({"duplicates": "Int64"})
    nothing = pa.array([[]] * len(found), pa.large_list(pa.int64()))
    zeros = dict.fromkeys(("nulls", "misfits", "nans", "pos_infs", "neg_infs", "new_values"), 0)
    made = pa.Table.from_pandas(found.assign(column="", kind="requests", **zeros), preserve_index=False)
    return made.append_column("counts", nothing)


def _parts(store: Store, source: Source, turn: pd.DataFrame) -> pd.DataFrame:
    with store.lent() as cursor:
        return totals.parts(cursor, source, window_of(source), version_of(source), within(source, turn))


def _batches(cursor: Connection, source: Source, plan: Plan, condition: str) -> Iterable[pa.RecordBatch]:
    parts = [f'{window_of(source)} AS "window"', f"hash({_raw_version(source)}) AS version"]
    parts += [f"hash({one.of(partial(text_of, source))}) AS segment_{i}" for i, one in enumerate(plan.segments)]
    for i, column in enumerate(plan.columns):
        number = source.types[column] == "DOUBLE"
        parts.append(f"{quote(column) if number else f'hash({text_of(source, column)})'} AS value_{i}")
    sql = f"SELECT {', '.join(parts)} FROM {source.rows} WHERE {condition}"
    # A relation without parameters streams. With them DuckDB 1.5.5 holds the whole result first: 2.5 GB for 10M rows.
    return cursor.sql(sql).to_arrow_reader(BATCH)


def _completed(store: Store, source: Source, plan: Plan, condition: str, table: pa.Table) -> pa.Table:
    """Add what SQL counts: texts that could not be read as numbers, which NumPy saw as null, and the texts that the reference never had."""
    keys = ["version", "segment", "window", "column"]
    found: pd.DataFrame = table.drop_columns(["counts"]).to_pandas()
    found["place"] = np.arange(len(found))
    found = found.merge(_misfits(store, source, plan, condition), "left", keys)
    found["misfits"] = found["misfits"].fillna(0).astype("int64")
    found["nulls"] -= found["misfits"]
    tops = [_new_tops(store, source, plan, c, condition) for c in found["column"][found["new_values"] > 0].unique()]
    found = found.merge(pd.concat(tops), "left", keys) if tops else found.assign(new_top=None, odd=np.nan)
    # Of texts that all are whole numbers in the reference, what is none counts as a fraction does among numbers.
    found["fractions"] = found["fractions"].where(found["odd"].isna(), found["odd"]).astype("int64")
    found = found.drop(columns="odd")
    found = found[~_absent(found, plan)]
    done = pa.Table.from_pandas(found.drop(columns="place"), preserve_index=False)
    return done.append_column("counts", table["counts"].take(pa.array(found["place"])))


def _absent(found: pd.DataFrame, plan: Plan) -> pd.Series:
    """Where a version has no such column: its reference lacks it though there is a reference, and the window holds no value of it."""
    blank = {(v, c): not (len(b.edges) or b.categories) for v, bins in plan.bins.items() for c, b in bins.items()}
    has_reference = {v: not all(blank[v, c] for c in bins) for v, bins in plan.bins.items()}
    lacks = [has_reference[v] and blank[v, c] for v, c in zip(found["version"], found["column"], strict=True)]
    return pd.Series(lacks, found.index, dtype=bool) & (found["nulls"] == found["rows"])


def _margins(plan: Plan, also: str = ", x") -> tuple[str, str]:
    """For GROUPING SETS: the sets, of `x` too, and the name of the segment of a result row."""
    names = [f"segment_{i}" for i in range(len(plan.segments))]
    cases = [f"WHEN grouping({n}) = 0 THEN {literal(one.column + '=')} || {n}" for n, one in zip(names, plan.segments, strict=True)]
    label = f"CASE {' '.join(cases)} ELSE 'all' END" if cases else "'all'"
    return ", ".join([f"(w, v{also})", *(f"(w, v, {n}{also})" for n in names)]), label


def _rows(source: Source, plan: Plan, x: str, condition: str) -> str:
    parts = [f"{window_of(source)} AS w", f"{version_of(source)} AS v", f"{x} AS x"]
    parts += [f"{one.of(partial(text_of, source))} AS segment_{i}" for i, one in enumerate(plan.segments)]
    return f"SELECT {', '.join(parts)} FROM {source.rows} WHERE {condition}"


def _misfits(store: Store, source: Source, plan: Plan, condition: str) -> pd.DataFrame:
    if not source.has_misfits:
        return pd.DataFrame(columns=["version", "segment", "window", "column", "misfits"]).astype({"window": "int64"})
    sets, label = _margins(plan)
    rows = _rows(source, plan, "unnest(map_keys(_misfits))", f"_misfits IS NOT NULL AND {condition}")
    sql = f"""SELECT v AS version, {label} AS segment, w AS "window", x AS "column", count(*) AS misfits FROM ({rows})
        GROUP BY GROUPING SETS ({sets})"""
    return store.frame(sql)


def _new_tops(store: Store, source: Source, plan: Plan, column: str, condition: str) -> pd.DataFrame:
    """The most frequent texts of a column that the version's reference never had."""
    cursor = store.cursor()
    parts = [
        pa.table({"v": pa.array([v] * len(b[column].hashes)), "h": pa.array(b[column].hashes)}) for v, b in plan.bins.items()
    ]
    cursor.register("known_texts", pa.concat_tables(parts))
    sets, label = _margins(plan)
    rows = _rows(source, plan, text_of(source, column), condition)
    # What all references know is sorted out by its few distinct texts first, so that the join of all rows meets a handful.
    sql = f"""WITH open AS (SELECT DISTINCT {text_of(source, column)} AS x FROM {source.rows} WHERE {condition}),
        odd AS (SELECT x FROM open ANTI JOIN (SELECT h FROM known_texts GROUP BY h HAVING count(*) = {len(plan.bins)}) k ON k.h = hash(open.x)),
        fresh AS (SELECT r.* FROM ({rows}) r SEMI JOIN odd ON odd.x = r.x ANTI JOIN known_texts k ON k.v = r.v AND k.h = hash(r.x)),
        counted AS (SELECT v AS version, {label} AS segment, w AS "window", x, count(*) AS n FROM fresh GROUP BY GROUPING SETS ({sets}))
        SELECT *, coalesce(sum(n) FILTER (NOT regexp_full_match(x, {literal(WHOLE)})) OVER (PARTITION BY version, segment, "window"), 0) AS odd
        FROM counted QUALIFY row_number() OVER (PARTITION BY version, segment, "window" ORDER BY n DESC, x) <= {NEW_SHOWN}
        ORDER BY version, segment, "window", n DESC, x"""
    found = cursor.execute(sql).df()
    cursor.unregister("known_texts")
    grouped = found.groupby(["version", "segment", "window"], sort=False)
    whole = {v for v, b in plan.bins.items() if b[column].whole}
    tops = [
        (*key, column, json.dumps(dict(zip(g["x"], g["n"].tolist(), strict=True)), ensure_ascii=False),
         g["odd"].to_numpy(float)[0] if key[0] in whole else np.nan)
        for key, g in grouped
    ]  # fmt: skip
    return pd.DataFrame(tops, columns=["version", "segment", "window", "column", "new_top", "odd"])


def _replace(
    cursor: Connection, model: str, source: Source, turn: pd.DataFrame, found: pa.Table, arrived: pd.DataFrame | None
) -> int:
    columns = [*watched(source.roles), *([""] if arrived is not None else [])]
    span = [_time(source, w) for w in sorted(turn["window"].unique())]
    cursor.execute(
        """DELETE FROM main.profiles WHERE model = ? AND dataset = 'log' AND "column" IN (SELECT unnest(?))
        AND window_start >= ? AND window_start <= ? AND window_start IN (SELECT unnest(?))""",
        [model, columns, span[0], span[-1], span],
    )
    if arrived is not None:
        _add_parts(cursor, model, source, span, arrived)
    return add(cursor, model, source, found)


def _add_parts(cursor: Connection, model: str, source: Source, span: list[Any], arrived: pd.DataFrame) -> None:
    cursor.execute("DELETE FROM main.parts WHERE model = ? AND window_start IN (SELECT unnest(?))", [model, span])
    start = pd.to_datetime(arrived["window"] * source.window_us, unit="us", utc=True)
    end = start + pd.Timedelta(source.window_us, "us")
    append(cursor, "parts", arrived.drop(columns="window").assign(model=model, window_start=start, window_end=end))


def add(cursor: Connection, model: str, source: Source, found: pa.Table, into: str = "profiles") -> int:
    """Store profiles: windows as times (none for the whole of a reference), a column's role beside its name."""
    names = [n for n in found.column_names if n != "window"]
    roles = {**watched(source.roles), "": "requests"}
    cursor.register("found_profiles", found)
    cursor.register("found_roles", pa.table({"name": list(roles), "role": list(roles.values())}))
    start = f'CASE WHEN f."window" <> {NO_TIME} THEN make_timestamptz(f."window" * {source.window_us}) END'
    cursor.execute(
        f"""INSERT INTO lake.main.{into} (model, dataset, role, window_start, window_end, {", ".join(quote(n) for n in names)})
        SELECT ?, ?, r.role, {start}, {start} + to_microseconds({source.window_us}), {", ".join("f." + quote(n) for n in names)}
        FROM found_profiles f JOIN found_roles r ON r.name = f."column" ORDER BY f."column", f.segment, f.version, f."window" """,
        [model, source.dataset],
    )
    cursor.unregister("found_profiles")
    cursor.unregister("found_roles")
    return found.num_rows


def profile_reference(store: Store, source: Source, learnt: Mapping[str, Bins], version: str, values: Values) -> list[pa.Table]:
    """The profiles of one version's reference: of its own windows, where it has times, and of the whole (window NO_TIME)."""
    bins = {version: learnt}
    whole = replace(source, roles=replace(source.roles, timestamp=None))
    parts = [scan(store, whole, pd.DataFrame({"window": [NO_TIME], "version": [version]}), bins, values, requests=True)]
    if _time_column(source) is not None:
        own = turns(windows(store.cursor(), source), bins, values, source)
        parts += [scan(store, source, turn, bins, values, requests=True) for turn in own]
    return parts


def within(source: Source, turn: pd.DataFrame) -> str:
    """The condition that a row lies in one of the windows. Whole numbers of our own, written out: see `_batches`."""
    wanted = turn["window"].unique()
    first, last = int(wanted.min()), int(wanted.max())
    if first == NO_TIME == last or _time_column(source) is None:
        return "true"
    time, step = quote(str(_time_column(source))), source.window_us
    condition = f"{time} >= make_timestamptz({first * step}) AND {time} < make_timestamptz({(last + 1) * step})"
    if len(wanted) < last - first + 1:
        condition += f" AND {window_of(source)} IN (SELECT unnest({wanted.tolist()}))"
    return condition


def _time_column(source: Source) -> str | None:
    name = source.roles.timestamp
    return name if name is not None and name in source.types else None


def window_of(source: Source) -> str:
    time = _time_column(source)
    return f"epoch_us({quote(time)}) // {source.window_us}" if time else f"{NO_TIME}::BIGINT"


def _time(source: Source, window: int) -> Any:
    return pd.Timestamp(int(window) * source.window_us, unit="us", tz="UTC").to_pydatetime()


def _raw_version(source: Source) -> str:
    return quote(source.version) if source.version else "''"


def version_of(source: Source) -> str:
    return f"coalesce({_raw_version(source)}, '')"
