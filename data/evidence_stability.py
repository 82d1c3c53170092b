"""The rows in which a number broke, as they lie in the lake, and rows beside them that did not: for what goes with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from data.bins import Source
from data.refresh import log_sources
from data.roles import saved
from data.segmented import within_segment
from data.sql import quote
from data.store import Store
from data.totals import bad_sum

SHOWN = 20  # rows of each kind
FILE, ROW = "_file", "_row"  # where a row stands, beside columns of the log that may be called anything else
MOST = 5000  # rows of each kind that are compared; a fixed sample where there are more
BROKEN = {
    "nan_rate": "isnan({x})",
    "inf_rate": "isinf({x})",
    "score_range_rate": "isfinite({x}) AND ({x} < 0 OR {x} > 1)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """Where a number broke: rows of the log in [since, until), of one version (None: any) and segment."""

    model: str
    metric: str
    column: str
    version: str | None
    segment: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """Rows that broke and rows that did not, with where each stands: `broken` and `others` hold at most 20 of them, the first in time.

    `inputs` are those that are compared, `is_broken` says which of them broke; `kinds` counts NaN, +inf, −inf, below 0, above 1.
    """

    broken: pd.DataFrame
    others: pd.DataFrame
    inputs: pd.DataFrame
    is_broken: Any
    counts: tuple[int, int]  # of all rows: broken, others
    span: tuple[pd.Timestamp, pd.Timestamp, int]  # the first and last time of the broken, and how many rows of any kind came in between
    kinds: tuple[tuple[str, int], ...]


def evidence(store: Store, asked: Question) -> Evidence | None:
    """The rows that broke, and others of the same windows, version and segment; None where the log holds no such column or row."""
    source = _source(store, asked)
    condition = _broken(source, asked) if source is not None else None
    if source is None or condition is None:
        return None
    where, values = _within(store, source, asked)
    x = quote(asked.column) if asked.metric != "sum_rate" else "NULL::DOUBLE"
    counted = f"""SELECT count_if(coalesce({condition}, false)), count(*), count_if(isnan({x})), count_if({x} = 'inf'::DOUBLE),
        count_if({x} = '-inf'::DOUBLE), count_if({x} < 0 AND isfinite({x})), count_if({x} > 1 AND isfinite({x})) FROM {source.rows} WHERE {where}"""
    row = store.rows(counted, values)[0]
    if not row[0]:
        return None
    time = quote(str(source.roles.timestamp))
    spanned = store.frame(f"SELECT min({time}) AS first, max({time}) AS last FROM {source.rows} WHERE {where} AND {condition}", values)
    first, last = spanned.iloc[0]
    ends = {"first": first.to_pydatetime(), "last": last.to_pydatetime()}
    between = f"SELECT count(*) FROM {source.rows} WHERE {where} AND {time} >= $first AND {time} <= $last"
    inside = store.rows(between, values | ends)[0][0]
    names = ("NaN", "+inf", "−inf", "below 0", "above 1")
    wanted = {"nan_rate": names[:1], "inf_rate": names[1:3], "score_range_rate": names[3:]}.get(asked.metric, ())
    kinds = tuple((name, int(n)) for name, n in zip(names, row[2:], strict=True) if name in wanted and n)
    is_so = {True: f"({condition})", False: f"NOT coalesce({condition}, false)"}
    shown = {so: _shown(store, source, asked, f"{where} AND {test}", values) for so, test in is_so.items()}
    parts = [_compared(store, source, asked, f"{where} AND {is_so[so]}", values) for so in (True, False)]
    flags = np.repeat([True, False], [len(part) for part in parts])
    compared = pd.concat(parts, ignore_index=True)
    return Evidence(shown[True], shown[False], compared, flags, (int(row[0]), int(row[1] - row[0])), (first, last, int(inside)), kinds)


def _source(store: Store, asked: Question) -> Source | None:
    roles = saved(store, asked.model)
    sources = log_sources(store.cursor(), asked.model, roles) if roles is not None else []
    return sources[0] if sources else None


def _broken(source: Source, asked: Question) -> str | None:
    """The condition that a row broke; None where that is not a matter of one row."""
    if asked.metric == "sum_rate":
        return bad_sum(source) if source.roles.probabilities else None
    if asked.metric not in BROKEN or source.types.get(asked.column) != "DOUBLE":
        return None
    return BROKEN[asked.metric].format(x=quote(asked.column))


def _within(store: Store, source: Source, asked: Question) -> tuple[str, dict[str, Any]]:
    time = quote(str(source.roles.timestamp))
    parts = [f"{time} >= $since AND {time} < $until"]
    values: dict[str, Any] = {"since": asked.since, "until": asked.until}
    if asked.version is not None:
        parts.append(f"coalesce({quote(source.version)}, '') = $version" if source.version else "'' = $version")
        values["version"] = asked.version
    own, more = within_segment(store, asked.model, source, asked.segment)
    return " AND ".join([*parts, own]), values | more


def _inputs(source: Source, asked: Question) -> list[str]:
    """What may go with it: features, versions and segments, but not what broke."""
    roles = source.roles
    named: Iterable[str | None] = (*roles.features, *roles.segments, roles.code_version, roles.data_version)
    return [c for c in dict.fromkeys(named) if c is not None and c in source.types and c != asked.column]


def _shown(store: Store, source: Source, asked: Question, where: str, values: dict[str, Any]) -> pd.DataFrame:
    """The first rows, with where they stand: FILE, ROW, time, versions, id; then the value that is asked about, then the inputs."""
    roles = source.roles
    own = [asked.column] if asked.metric != "sum_rate" else list(roles.probabilities)
    named = (roles.timestamp, roles.inference_id, source.version, roles.code_version, roles.data_version, *own, *_inputs(source, asked))
    columns = [c for c in dict.fromkeys(named) if c is not None and c in source.types and c.casefold() != FILE]
    listed = ", ".join(quote(c) for c in columns)
    inner = f"""SELECT _load, _row, {listed} FROM {source.rows} WHERE {where}
        ORDER BY {quote(str(roles.timestamp))}, _load, _row LIMIT {SHOWN}"""
    sql = f"""SELECT l.file AS {FILE}, r.{ROW}, {", ".join("r." + quote(c) for c in columns)} FROM ({inner}) r
        LEFT JOIN main.loads l ON l.load = r._load ORDER BY r.{quote(str(roles.timestamp))}, r._load, r._row"""
    return _frame(store.cursor().execute(sql, values).to_arrow_table())


def _compared(store: Store, source: Source, asked: Question, where: str, values: dict[str, Any]) -> pd.DataFrame:
    """The inputs of up to 5,000 rows: of more, those whose place hashes lowest, so the same at every look."""
    names = _inputs(source, asked)
    listed = ", ".join([*map(quote, names), ROW])  # which stands for itself where there is no input
    sql = f"SELECT {listed} FROM {source.rows} WHERE {where} ORDER BY hash(_load, _row) LIMIT {MOST}"
    return _frame(store.cursor().execute(sql, values).to_arrow_table())[names]


def _frame(table: pa.Table) -> pd.DataFrame:
    """As Arrow-backed columns: plain ones would make null and NaN one thing."""
    return table.to_pandas(types_mapper=pd.ArrowDtype)
