"""Pairs: each served row beside the row that training computes for the same key. One join for all features, kept as counts that add up.

What a pair is: a log row and the training row with the same inference_id. A training row that was loaded for a version is for the log rows
of that version alone. Where a key stands twice in the training rows, the row that came last counts; a log row that stands twice is compared
twice, since it was served twice.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from data import mismatches
from data.bins import kept, reference_source
from data.join import NO_LOG, Join, joined, met, text_of
from data.profile import windows
from data.refresh import Refreshed, last_run
from data.roles import saved
from data.segmented import Values, segments
from data.sql import literal, quote
from data.store import Connection, Store, append, columns, table, transact
from data.training import by_distribution, forget_training

CELLS = 2_000_000  # counts of windows × segments × columns held at once; more windows are compared in turns
Progress = Callable[[str, float], None]


# ---- bringing them up to date ------------------------------------------------------------------------------------------------


def refresh_pairs(store: Store, model: str, refreshed: Refreshed, progress: Progress) -> tuple[datetime, ...]:
    """Compare anew the windows that a load of the log or of training features touched; gives their starts."""
    roles, cursor = saved(store, model), store.cursor()
    changed = _changed_training(store, model, refreshed)
    if roles is None or (changed.empty and not refreshed.touched):
        return ()
    how = joined(cursor, model, roles)
    if isinstance(how, str):
        gone = {t.to_pydatetime() for t in _stored(store, model)}
        _forget(store, model, gone)
        return tuple(sorted(gone | by_distribution(store, model, roles, len(changed) > 0, refreshed)))
    every = windows(cursor, how.log)
    wanted = _touched(cursor, how, refreshed, changed, every)
    turn_of = every[every["window"].isin(wanted)]
    reference = reference_source(cursor, model, roles)
    values = segments(cursor, [how.log, *([reference] if reference else [])])
    _compare(store, how, turn_of, values, progress)
    gone = {t.to_pydatetime() for t in _stored(store, model)} - {_start(how, w) for w in every["window"].unique()}
    _forget(store, model, gone)
    done = {_start(how, w) for w in wanted} | gone | _unmatched(store, how, values, every)
    if _some_joined(store, model):
        forget_training(store, model)
        return tuple(sorted(done))
    return tuple(sorted(done | by_distribution(store, model, roles, len(changed) > 0, refreshed)))


def _compare(store: Store, how: Join, touched: pd.DataFrame, values: Values, progress: Progress) -> None:
    """Count and draw from the windows, some of them at a time, each lot in one transaction."""
    known = {version: set(bins) for version, bins in kept(store.cursor(), how.model).items()}
    turns = _turns(touched, values, len(how.columns))
    for i, turn in enumerate(turns):
        progress("compare with training", i / len(turns))
        counts = compared(store, how, turn, values, known)
        drawn = mismatches.draw(store, how, counts, turn, values)
        starts = [_start(how, w) for w in turn]

        def write(c: Connection, counts: pd.DataFrame = counts, drawn: pd.DataFrame = drawn, starts: list[datetime] = starts) -> None:
            _drop(c, how.model, starts)
            append(c, "pairs", counts, '"column", segment, version, window_start')
            append(c, "mismatches", drawn, '"column", version, window_start')

        transact(store, write, f"compare {len(turn)} windows of {how.model} with training")


def _changed_training(store: Store, model: str, refreshed: Refreshed) -> pd.DataFrame:
    """The loads of training features that came or went since the last run."""
    loads = store.frame("SELECT * FROM main.loads WHERE model = ? AND dataset = 'training' ORDER BY load", [model])
    done, _ = last_run(store, model)
    return loads[loads["load"].isin(set(refreshed.loads) ^ done)]


def _touched(cursor: Connection, how: Join, refreshed: Refreshed, changed: pd.DataFrame, every: pd.DataFrame) -> list[int]:
    step = how.log.window_us
    wanted = {int(t.timestamp() * 1e6) // step for t in refreshed.touched}
    if changed["undone_at"].notna().any():
        return sorted(every["window"].unique().tolist())
    if len(changed):
        key = quote(how.key)
        training = table("training", how.model)
        ids = f"{key} IN (SELECT {key} FROM {training} WHERE _load IN (SELECT unnest($loads)))"
        wanted |= set(windows(cursor, how.log, ids, {"loads": changed["load"].tolist()})["window"].tolist())
    return sorted(wanted & set(every["window"].tolist()))


def _turns(touched: pd.DataFrame, values: Values, features: int) -> list[list[int]]:
    """The windows in runs whose counts fit into memory."""
    margins = 1 + sum(len(one.names) for one in values)
    each = max(1, CELLS // (margins * max(features, 1) * max(touched["version"].nunique(), 1)))
    found = sorted(int(w) for w in touched["window"].unique())
    return [found[i : i + each] for i in range(0, len(found), each)]


def _start(how: Join, window: int) -> datetime:
    start: datetime = pd.Timestamp(int(window) * how.log.window_us, unit="us", tz="UTC").to_pydatetime()
    return start


def _stored(store: Store, model: str) -> pd.Series:
    return store.frame("SELECT DISTINCT window_start FROM main.pairs WHERE model = ? AND window_start IS NOT NULL", [model])["window_start"]


def _forget(store: Store, model: str, starts: Iterable[datetime]) -> None:
    if listed := sorted(starts):
        transact(store, lambda c: _drop(c, model, listed), f"drop the pairs of {len(listed)} windows of {model}")


def _drop(cursor: Connection, model: str, starts: list[datetime]) -> None:
    for name in ("pairs", "mismatches"):
        cursor.execute(f"DELETE FROM main.{name} WHERE model = ? AND window_start IN (SELECT unnest(?))", [model, starts])


# ---- counting ----------------------------------------------------------------------------------------------------------------


def compared(store: Store, how: Join, turn: list[int], values: Values, known: Mapping[str, set[str]]) -> pd.DataFrame:
    """The counts of some windows, as rows of the table `pairs`: one query for all features.

    A feature that the version's model does not take (its reference lacks it and no row has it) is left out.
    """
    cursor = store.cursor()
    wide = cursor.execute(_counting(how, turn, values)).df()
    wide = wide[_kept_segments(wide["segment"], values)]
    parts = [wide.assign(column="", kind="", mismatched=0, log_nulls=0, training_nulls=0, served=0)]
    wide = wide[wide["joined"] > 0]
    for i, (column, kind) in enumerate(how.columns.items()):
        own = {f"m{i}": "mismatched", f"a{i}": "log_nulls", f"b{i}": "training_nulls", f"s{i}": "served"}
        parts.append(wide.rename(columns=own).assign(column=column, kind=kind))
    names = ["version", "segment", "window", "column", "kind", "log_rows", "joined", "mismatched", "log_nulls", "training_nulls"]
    long = pd.concat([part[[*names, "served"]] for part in parts], ignore_index=True)
    long = long[~_absent(long, known)]
    start = pd.to_datetime(long["window"] * how.log.window_us, unit="us", utc=True)
    ends = start + pd.Timedelta(how.log.window_us, "us")
    counts: pd.DataFrame = long.drop(columns=["window", "served"]).assign(model=how.model, window_start=start, window_end=ends)
    return counts


def _counting(how: Join, turn: list[int], values: Values) -> str:
    """Grouped by the finest cells first, then added up to the segments."""
    names = [f"segment_{i}" for i in range(len(values))]
    picked = [f"{how.window} AS w", f"{how.version} AS v", "t._row IS NOT NULL AS j"]
    picked += [f"{one.of(lambda c: text_of(c, 'l', how.log))} AS segment_{i}" for i, one in enumerate(values)]
    counted = ["count(*) AS log_rows", "count_if(j) AS joined"]
    for i, (column, differs) in enumerate(how.differs.items()):
        a, b = f"l.{quote(column)}", f"t.{quote(column)}"
        picked += [f"t._row IS NOT NULL AND {differs} AS m{i}", f"{a} IS NULL AS a{i}", f"t._row IS NOT NULL AND {b} IS NULL AS b{i}"]
        counted += [f"count_if(m{i}) AS m{i}", f"count_if(m{i} AND a{i} AND NOT b{i}) AS a{i}"]
        counted += [f"count_if(m{i} AND b{i} AND NOT a{i}) AS b{i}", f"count_if(j AND NOT a{i}) AS s{i}"]
    keys = ", ".join(["w", "v", *names])
    sums = ["log_rows", "joined", *(f"{kind}{i}" for i in range(len(how.columns)) for kind in "mabs")]
    cases = [f"WHEN grouping({n}) = 0 THEN {literal(one.column + '=')} || {n}" for n, one in zip(names, values, strict=True)]
    label = f"CASE {' '.join(cases)} ELSE 'all' END" if cases else "'all'"
    sets = ", ".join(["(w, v)", *(f"(w, v, {n})" for n in names)])
    return f"""WITH joined AS (SELECT {", ".join(picked)} FROM {met(how, turn)}),
        cells AS (SELECT {keys}, {", ".join(counted)} FROM joined GROUP BY {keys})
        SELECT w AS "window", v AS version, {label} AS segment, {", ".join(f"sum({s})::BIGINT AS {s}" for s in sums)}
        FROM cells GROUP BY GROUPING SETS ({sets}) ORDER BY 1, 2, 3"""


def _kept_segments(segments: pd.Series, values: Values) -> pd.Series:
    kept_ones = {"all", *(f"{one.column}={name}" for one in values for name in one.names)}
    return segments.isin(kept_ones)


def _absent(long: pd.DataFrame, known: Mapping[str, set[str]]) -> pd.Series:
    """Whether a version does not take a feature: its reference lacks it, and no row of the window that was joined has it."""
    own = {v: known.get(v) or known.get("", set()) for v in long["version"].unique()}
    lacks = [bool(own[v]) and c != "" and c not in own[v] for v, c in zip(long["version"], long["column"], strict=True)]
    return pd.Series(lacks, long.index, dtype=bool) & (long["served"] == 0)


# ---- training rows without a log row -----------------------------------------------------------------------------------------


def _unmatched(store: Store, how: Join, values: Values, every: pd.DataFrame) -> set[datetime]:
    """Count the training rows that no log row has, by their own time; gives the starts of the windows where that changed.

    No version served them. They are counted to the one that they were loaded for, else to the one that served most rows of the window (of the
    last window before it, where the whole window is not in the log). Without a time they stand under no window.
    """
    cursor, types = store.cursor(), columns(store.cursor(), "training", how.model)
    time = how.log.roles.timestamp
    window = f"epoch_us(t.{quote(str(time))}) // {how.log.window_us}" if time in types else "NULL::BIGINT"
    texts = {c: f"CAST(t.{quote(c)} AS VARCHAR)" for c in types}
    own = [f"{one.of(lambda c: texts.get(c, 'NULL::VARCHAR'))} AS segment_{i}" for i, one in enumerate(values)]
    picked = [f"{window} AS w", "t._version AS v", *own]
    sets = ", ".join(["(w, v)", *(f"(w, v, segment_{i})" for i in range(len(values)))])
    cases = [f"WHEN grouping(segment_{i}) = 0 THEN {literal(one.column + '=')} || segment_{i}" for i, one in enumerate(values)]
    label = f"CASE {' '.join(cases)} ELSE 'all' END" if cases else "'all'"
    on = f"t.{quote(how.key)} = l.{quote(how.key)}"
    sql = f"""SELECT w AS "window", v AS version, {label} AS segment, count(*) AS unmatched FROM (
        SELECT {", ".join(picked)} FROM {how.training} t ANTI JOIN {how.log.rows} l ON {on}) GROUP BY GROUPING SETS ({sets}) ORDER BY ALL"""
    found = cursor.execute(sql).df()
    found = found[_kept_segments(found["segment"], values)]
    found["version"] = _served_by(found, every)
    found = found.groupby(["window", "version", "segment"], dropna=False, as_index=False)[["unmatched"]].sum()
    start = pd.to_datetime(found["window"].astype("float64") * how.log.window_us, unit="us", utc=True)
    rows = found.drop(columns="window").assign(
        model=how.model, column="", kind="unmatched", window_start=start, window_end=start + pd.Timedelta(how.log.window_us, "us")
    )
    keys = ["version", "segment", "window_start", "unmatched"]
    stored = store.frame(f"SELECT {', '.join(keys)} FROM main.pairs WHERE model = ? AND kind = 'unmatched'", [how.model])
    both = pd.concat([rows[keys].astype({"window_start": stored["window_start"].dtype}), stored]) if len(stored) else rows[keys]
    changed = both[~both.duplicated(keep=False)]

    def write(c: Connection) -> None:
        c.execute("DELETE FROM main.pairs WHERE model = ? AND kind = 'unmatched'", [how.model])
        append(c, "pairs", rows)

    if len(changed):
        transact(store, write, f"count the training rows of {how.model} without a log row")
    return {t.to_pydatetime() for t in changed["window_start"].dropna().unique()}


def _served_by(found: pd.DataFrame, every: pd.DataFrame) -> list[str]:
    most = every.sort_values("rows", kind="stable").drop_duplicates("window", keep="last").set_index("window")["version"].sort_index()
    named = []
    for window, version in zip(found["window"], found["version"], strict=True):
        before = most.loc[: int(window)] if not pd.isna(window) else most.iloc[:0]
        named.append(version or (str(before.iloc[-1]) if len(before) else ""))
    return named


# ---- reading -----------------------------------------------------------------------------------------------------------------


def pairs(store: Store, *, model: str, since: datetime | None = None, until: datetime | None = None, **names: str | None) -> pd.DataFrame:
    """The stored counts. Names: version, column, segment. Rows of column "" tell of log and training rows, not of a feature."""
    values: dict[str, Any] = {"model": model, "since": since, "until": until} | {n: v for n, v in names.items() if v is not None}
    given = {n: v for n, v in values.items() if v is not None}
    parts = [f"{quote(n)} = ${n}" for n in given if n not in ("since", "until")]
    parts += ["(window_end > $since OR window_start IS NULL)"] if since is not None else []
    parts += ["(window_start < $until OR window_start IS NULL)"] if until is not None else []
    sql = f'SELECT * FROM main.pairs WHERE {" AND ".join(parts)} ORDER BY "column", segment, version, window_start, kind'
    return store.frame(sql, given)


def why_not_joined(store: Store, model: str) -> str | None:
    """Why no pair can be made: no training features, no key, or keys that do not meet. None where some row is joined."""
    roles = saved(store, model)
    how = joined(store.cursor(), model, roles) if roles else NO_LOG
    if isinstance(how, str):
        return how
    return None if _some_joined(store, model) else f"no training row has the {how.key} of a log row"


def _some_joined(store: Store, model: str) -> bool:
    sql = "SELECT 1 FROM main.pairs WHERE model = ? AND joined > 0 LIMIT 1"
    return bool(store.rows(sql, [model]))


def drawn(
    store: Store, *, model: str, column: str | None = None, version: str | None = None, segment: str | None = None,
    since: datetime | None = None, until: datetime | None = None, limit: int = 10_000,
) -> pd.DataFrame:  # fmt: skip
    """The drawn mismatches of each column: at most `limit`, by the hash of their keys, so that all windows have their part."""
    values = {"model": model, "column": column, "version": version, "since": since, "until": until}
    given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    parts = [f"{quote(name)} = ${name}" for name in given if name not in ("since", "until")]
    parts += ["window_end > $since"] if since is not None else []
    parts += ["window_start < $until"] if until is not None else []
    if segment not in (None, "all"):
        parts.append("list_contains(segments, $segment)")
        given["segment"] = segment
    sql = f"""SELECT * FROM main.mismatches WHERE {" AND ".join(parts)}
        QUALIFY row_number() OVER (PARTITION BY "column" ORDER BY hash("key"), time) <= {int(limit)} ORDER BY "column", hash("key"), time, version"""
    return store.frame(sql, given)
