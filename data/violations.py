"""Violations: the rows that break an invariant, in the lake: how many of how many, since when, which loads brought them, and their values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from data.bins import Source, watched
from data.refresh import log_sources
from data.roles import saved
from data.segmented import within_segment
from data.sql import quote
from data.store import Store
from data.totals import OWN

SHOWN = 20  # offending rows
VALUES = ["value", "file", "row", "load", "version", "time"]
LOADS = ["load", "file", "version", "rows", "first"]
WHOLE = r"[+-]?[0-9]+"

COUNTED = """SELECT count(*) AS of, count_if(_broken) AS broken, min(_at) FILTER (_broken) AS first, max(_at) FILTER (_broken) AS last
    FROM ({rows})"""
BY_LOAD = """SELECT r._load AS load, l.file, r._of AS version, count(*) AS rows, min(r._at) AS first
    FROM ({rows}) r LEFT JOIN main.loads l ON l.load = r._load WHERE r._broken GROUP BY ALL ORDER BY first, load, version"""
SOME = """SELECT r._value AS value, l.file, r._row AS row, r._load AS load, r._of AS version, r._at AS time
    FROM ({rows}) r LEFT JOIN main.loads l ON l.load = r._load WHERE r._broken ORDER BY r._at, r._load, r._row LIMIT $limit"""
COMMON = """SELECT r._value AS value, count(*) AS rows FROM ({rows}) r WHERE r._broken GROUP BY ALL ORDER BY rows DESC, value LIMIT $limit"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which violation: a metric of a column in some windows, and what the schema expects there."""

    metric: str
    column: str = ""
    version: str | None = None  # None: every version
    segment: str = "all"
    since: datetime | None = None
    until: datetime | None = None
    min: float | None = None
    max: float | None = None
    domain: tuple[str, ...] | None = None
    whole: bool = False  # whole numbers are expected


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found. `values` are single rows (VALUES), `common` the most frequent offending values, `loads` what brought them (LOADS)."""

    broken: int
    of: int
    first: datetime | None
    last: datetime | None
    loads: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=LOADS))
    values: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=VALUES))
    common: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["value", "rows"]))


NOTHING = Evidence(0, 0, None, None)


def evidence(store: Store, model: str, asked: Asked, limit: int = SHOWN) -> Evidence:
    """The rows of the log that break an invariant, in order of time.

    Of a metric that no row breaks, such as rows_ratio, and of a log that is not there, nothing is found.
    """
    roles = saved(store, model)
    sources = log_sources(store.cursor(), model, roles) if roles is not None else []
    if not sources:
        return NOTHING
    source = next((s for s in sources[1:] if asked.column and asked.column in watched(s.roles)), sources[0])
    lacking = _loads_lacking(store, model, asked.column)
    sql, bound = _rows(source, asked, lacking, within_segment(store, model, source, asked.segment))
    if sql is None:
        return NOTHING
    counted = store.frame(COUNTED.format(rows=sql), bound)
    of, broken = int(counted["of"].iloc[0]), int(counted["broken"].iloc[0])
    if not broken:
        return Evidence(0, of, None, None)
    first, last = (pd.Timestamp(counted[name].iloc[0]).to_pydatetime() for name in ("first", "last"))
    loads = store.frame(BY_LOAD.format(rows=sql), bound)
    values = store.frame(SOME.format(rows=sql), bound | {"limit": limit})
    common = store.frame(COMMON.format(rows=sql), bound | {"limit": limit})
    return Evidence(broken, of, first, last, loads, values, common)


def _loads_lacking(store: Store, model: str, column: str) -> list[int]:
    """The loads of the log whose files are known to lack a column."""
    sql = """SELECT load FROM main.loads JOIN main.load_columns USING (load)
        WHERE model = $model AND dataset = 'log' AND undone_at IS NULL
        GROUP BY load HAVING count(*) FILTER ("column" = $column) = 0 ORDER BY load"""
    return [row[0] for row in store.rows(sql, {"model": model, "column": column})]


def _rows(
    source: Source, asked: Asked, lacking: Sequence[int], segment: tuple[str, dict[str, Any]]
) -> tuple[str | None, dict[str, Any]]:
    """Every row in question with whether it breaks the invariant (`_broken`) and the value that does (`_value`)."""
    test = _test(source, asked)
    if test is None:
        return None, {}
    broken, value, bound = test
    conditions, more = _scope(source, asked)
    conditions.append(segment[0])
    bound |= more | segment[1]
    if asked.metric == "missing_column":
        bound["lacking"] = list(lacking)
    elif lacking and asked.column and asked.metric in ("null_rate", "type_rate") and asked.column in watched(source.roles):
        conditions.append("NOT list_contains($lacking, _load)")  # as they are counted: the column that is gone is missing_column
        bound["lacking"] = list(lacking)
    time = quote(str(source.roles.timestamp))
    version = f"coalesce({quote(source.version)}, '')" if source.version else "''"
    sql = f"""SELECT _load, _row, {time} AS _at, {version} AS _of, {value} AS _value, coalesce({broken}, false) AS _broken
        FROM {source.rows} WHERE {" AND ".join(conditions)}"""
    return sql, bound


def _scope(source: Source, asked: Asked) -> tuple[list[str], dict[str, Any]]:
    time = quote(str(source.roles.timestamp))
    conditions, bound = [f"{time} IS NOT NULL"], dict[str, Any]()
    for name, sign, when in (("since", ">=", asked.since), ("until", "<", asked.until)):
        if when is not None:
            conditions.append(f"{time} {sign} ${name}")
            bound[name] = when
    if asked.version:
        conditions.append(f"coalesce({quote(source.version)}, '') = $version" if source.version else "$version = ''")
        bound["version"] = asked.version
    return conditions, bound


def _test(source: Source, asked: Asked) -> tuple[str, str, dict[str, Any]] | None:
    """SQL of whether a row breaks the invariant and of its value, and what is bound; None where no row can."""
    if asked.metric == "missing_column":
        return "list_contains($lacking, _load)", "NULL::VARCHAR", {}
    if asked.metric == "duplicate_rate":
        return _again(source)
    if asked.column not in source.types:
        return None
    x, number = quote(asked.column), source.types[asked.column] == "DOUBLE"
    text = f"CAST({x} AS VARCHAR)"
    if asked.metric == "new_column":
        return f"{x} IS NOT NULL", text, {}
    misfit = "_misfits[$column]"
    if asked.metric == "null_rate":
        return f"{x} IS NULL AND {misfit} IS NULL", "NULL::VARCHAR", {"column": asked.column}
    if asked.metric == "type_rate":
        odd = f"(isfinite({x}) AND {x} <> trunc({x}))" if number else f"NOT regexp_full_match({text}, '{WHOLE}')"
        return (
            f"{misfit} IS NOT NULL" + (f" OR {odd}" if asked.whole else ""),
            f"coalesce({misfit}, {text})",
            {"column": asked.column},
        )
    if asked.metric == "range_rate" and number:
        ends = [(f"{x} < $low", "low", asked.min), (f"{x} > $high", "high", asked.max)]
        told = [sql for sql, _, end in ends if end is not None] or ["false"]
        return f"isfinite({x}) AND ({' OR '.join(told)})", text, {name: end for _, name, end in ends if end is not None}
    if asked.metric == "domain_rate" and not number and asked.domain is not None:
        right = f" AND regexp_full_match({text}, '{WHOLE}')" if asked.whole else ""
        return f"{x} IS NOT NULL AND NOT list_contains($domain::VARCHAR[], {text}){right}", text, {"domain": list(asked.domain)}
    return None


def _again(source: Source) -> tuple[str, str, dict[str, Any]]:
    """A row that stands again in its stored window; the value is the id, or all of the row."""
    key = source.roles.inference_id
    has_key = key is not None and key in source.types
    names = [str(key)] if has_key else [c for c in source.types if c not in OWN]
    time = quote(str(source.roles.timestamp))
    version = f"coalesce({quote(source.version)}, '')" if source.version else "''"
    window = f"epoch_us({time}) // {source.window_us}"
    value = (
        f"CAST({quote(str(key))} AS VARCHAR)"
        if has_key
        else f"concat_ws(', ', {', '.join(f'CAST({quote(c)} AS VARCHAR)' for c in names)})"
    )
    place = f"row_number() OVER (PARTITION BY {version}, {window}, {', '.join(map(quote, names))} ORDER BY _load, _row)"
    return f"{place} > 1", value, {}
