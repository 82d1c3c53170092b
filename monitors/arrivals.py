"""arrivals: what came at all. Columns that are missing or new, rows that stand again, rows against the same weekday before, freshness.

A part of the monitor `schema`: its metrics of the table, not of a column's values.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import periods
from monitors.periods import PERIODS
from monitors.schemas import Schema, predicted, unusual

METRICS = ("duplicate_rate", "rows_ratio", "freshness_hours")
WEEKS, ENOUGH = 8, 3  # weeks before in which the same weekday is looked up, and how many of them say what is expected
INDEX = r"__index_level_\d+__"
OVER = np.timedelta64(2, "h")  # the last day of a log is over if its last row came in its last two hours
Floats = NDArray[np.float64]

NO_BEFORE = f"fewer than {ENOUGH} of the same weekday in the {WEEKS} weeks before"
NONE_EXPECTED = "no rows are expected: the same weekday had none in the weeks before"
NOT_OVER = "the log ends within this day: it may not be over yet"


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What of a model is not in its profiles: the schemas in force, and what arrived with which load."""

    schemas: Mapping[str, Schema]  # version of the reference → what is expected
    arrived: pd.DataFrame  # version, window_start, window_end, load, rows
    files: Mapping[int, frozenset[str]] = field(default_factory=dict)  # load → columns of its file, where known
    named: frozenset[str] = frozenset()  # columns that have a role, ignored ones too
    versioned: tuple[str, ...] = ()  # columns of code and data versions, whose segments come and go as they change

    def source(self, version: str) -> str:
        """The version whose reference it is compared with."""
        return version if version in self.schemas else ""

    def without(self, column: str) -> pd.DataFrame:
        """The arrivals of loads whose files lacked a column."""
        lacking = [load for load, columns in self.files.items() if column not in columns]
        return self.arrived[self.arrived["load"].isin(lacking)]


def measure(requests: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Every metric of the table.

    Parameters
    ----------
    requests : all profiles of role "requests", of log and reference.

    Returns
    -------
    measurements by day, week and month; the first three of each version, in the segment `all`:

    missing_column : share of the rows whose file lacked a column that is required in serving. Its null_rate leaves those rows out, so
        that one fault gives one alarm.
    new_column : share of the rows whose file has a column that neither the reference nor a role knows; from its first appearance on.
    duplicate_rate : rows that stand again, of all: a, a, a, b, c give 2/5. noise and usual as the reference shows them.
    And of the whole model (version "") and each segment, from the first day to the last of the log, days without rows too:

    rows_ratio : rows of a day over the median of the same weekday in the 8 weeks before, of which there must be 3; of longer windows the
        sum of both over their days. `rows` are those expected. The last day counts once its last two hours have rows.
    freshness_hours : from the last row to the end of the window (at most of the log). usual: the longest of the same weekday before.
    """
    timed = requests[requests["window_start"].notna()]
    log = timed[timed["dataset"] == "log"]
    parts = [columns(facts, period) for period in PERIODS]
    parts.append(duplicates(requests, facts))
    parts += [volumes(log, facts)] if len(log) else []
    model = str(requests["model"].iat[0])
    return pd.concat(parts, ignore_index=True).assign(model=model)


# ---- columns -------------------------------------------------------------------------------------------------------------------


def columns(facts: Facts, period: periods.Period) -> pd.DataFrame:
    """missing_column and new_column of all windows of a length."""
    known = facts.arrived[facts.arrived["load"].isin(facts.files)]
    parts = []
    for version, own in known.groupby("version"):
        schema = facts.schemas.get(facts.source(str(version)))
        if schema is None:
            continue  # there is nothing that a column could be missing from
        start, window = np.unique(periods.starts(own["window_start"], period), return_inverse=True)
        loads, load = np.unique(own["load"], return_inverse=True)
        rows = np.zeros((len(loads), len(start)), np.int64)
        np.add.at(rows, (load, window), own["rows"].to_numpy(np.int64))
        missing, new = required(schema), unknown(schema, facts, loads.tolist())
        for metric, names in (("missing_column", missing), ("new_column", new)):
            has = np.array([[name in facts.files[one] for one in loads.tolist()] for name in names], bool).reshape(-1, len(loads))
            hits = (has == (metric == "new_column")).astype(np.int64) @ rows
            since = np.logical_or.accumulate(hits > 0, axis=1) | (metric == "missing_column")
            name, at = np.nonzero(since)
            table = {"version": version, "start": start[at], "metric": metric, "column": np.array(names, object)[name]}
            parts.append(pd.DataFrame(table | {"rows": rows.sum(axis=0)[at], "value": hits[name, at] / rows.sum(axis=0)[at]}))
    if not parts:
        return pd.DataFrame()
    return _timed(pd.concat(parts, ignore_index=True), period).assign(segment="all", dataset="log", noise=0.0)


def required(schema: Schema) -> list[str]:
    """The columns that every file of the log should have."""
    return [name for name, column in schema.columns.items() if "serving" in column.required_in]


def unknown(schema: Schema, facts: Facts, loads: Iterable[int]) -> list[str]:
    """The columns of some loads that nobody knows; not the index that pandas writes into a file now and then."""
    found = {name for load in loads for name in facts.files.get(load, ()) if not re.fullmatch(INDEX, name)}
    return sorted(found - facts.named - set(schema.columns))


# ---- rows that stand again -----------------------------------------------------------------------------------------------------


def duplicates(requests: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """duplicate_rate of the log's windows and of the reference's own."""
    counted = np.flatnonzero((requests["segment"] == "all") & requests["window_start"].notna())
    if not len(counted):
        return pd.DataFrame()
    merged, period, _ = periods.merge_parts(requests, [(counted, period) for period in PERIODS])
    again, rows = (merged[name].to_numpy(np.float64, na_value=np.nan) for name in ("duplicates", "rows"))
    value = np.where(rows > 0, again / np.maximum(rows, 1), np.nan)
    noise, usual = np.full((2, len(rows)), np.nan)
    version, is_log = merged["version"].to_numpy(object), (merged["dataset"] == "log").to_numpy()
    for name, i in itertools.product(dict.fromkeys(version[is_log]), range(len(PERIODS))):
        schema = facts.schemas.get(facts.source(name))
        if schema is None or schema.duplicate_share is None:
            continue
        here = is_log & (version == name) & (period == i)
        own = value[~is_log & (version == schema.version) & (period == i)]
        noise[here] = predicted(rows[here], schema.duplicate_share * schema.rows, schema.rows)
        if "duplicate_share" in schema.edited:
            usual[here] = schema.duplicate_share
        elif len(own) >= ENOUGH:
            usual[here] = unusual(own)
    found = {"rows": rows.astype(np.int64), "value": value, "noise": noise, "usual": usual}
    kept = merged[["version", "window_start", "window_end", "dataset"]]
    return kept.assign(column="", segment="all", metric="duplicate_rate", **found)


# ---- rows of a day, and since when there are none --------------------------------------------------------------------------------


def volumes(log: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """rows_ratio and freshness_hours of the whole model and of each segment, by day, week and month, from the segment's first day on."""
    apart = tuple(f"{column}=" for column in facts.versioned)
    log = log[~log["segment"].str.startswith(apart)] if apart else log
    segment, names = pd.factorize(log["segment"], sort=True)
    day = periods.starts(log["window_start"], "day")
    first, at = day.min(), (segment, day - day.min())
    days = np.arange(first, day.max() + 1).astype("datetime64[D]")
    there, rows, last = (np.full((len(names), len(days)), blank) for blank in (False, 0.0, np.datetime64("NaT", "us")))
    there[at] = True
    np.add.at(rows, at, log["rows"].to_numpy(float))
    np.fmax.at(last, at, log["last_time"].to_numpy("datetime64[us]"))
    there, latest = np.logical_or.accumulate(there, axis=1), np.fmax.accumulate(last, axis=1)
    is_over = np.isnat(last[:, -1]) | (last[:, -1] >= days[-1] + np.timedelta64(1, "D") - OVER)
    expected, end = same_weekday(np.where(there, rows, np.nan)), log["window_end"].to_numpy("datetime64[us]").max()
    parts = []
    for period in PERIODS:
        start = periods.starts(pd.Series(days), period)
        begin = np.flatnonzero(np.r_[True, np.diff(start) != 0])
        upto = np.r_[begin[1:], len(days)] - 1
        until = np.minimum(periods.ends(start[begin], period).astype("datetime64[D]"), end)
        ratios = _ratios(rows, expected, is_over, begin)
        freshness = _freshness(latest[:, upto], rows, until, begin, 7 if period == "day" else 1)
        segment, window = np.nonzero(there[:, upto])
        keys = {"segment": np.asarray(names, object)[segment], "start": start[begin][window]}
        for metric, found in (("rows_ratio", ratios), ("freshness_hours", freshness)):
            shown = {name: values[segment, window] for name, values in found.items()}
            parts.append(_timed(pd.DataFrame(keys | shown | {"metric": metric}), period))
    return pd.concat(parts, ignore_index=True).assign(version="", column="", dataset="log")


def earlier(values: Floats, step: int) -> Floats:
    """Of each place along the last axis the values so many steps before, once, twice and up to 8 times; first axis. NaN beyond the start."""
    before = np.full((WEEKS, *values.shape), np.nan)
    for k in range(1, WEEKS + 1):
        before[k - 1, ..., step * k :] = values[..., : max(values.shape[-1] - step * k, 0)]
    return before


def same_weekday(rows: Floats) -> Floats:
    """Of each day the median rows of the same weekday in the 8 weeks before; NaN where fewer than 3 of them are known."""
    before = earlier(rows, 7)
    known = np.sum(~np.isnan(before), axis=0) >= ENOUGH
    expected = np.full(rows.shape, np.nan)
    expected[known] = np.nanmedian(before[:, known], axis=0)
    return expected


def _ratios(rows: Floats, expected: Floats, is_over: NDArray[np.bool_], begin: NDArray[np.intp]) -> dict[str, NDArray[Any]]:
    """rows_ratio of segments (rows) and periods that begin on some days (columns)."""
    counted = ~np.isnan(expected)
    counted[:, -1] &= is_over
    seen, usually = (np.add.reduceat(np.where(counted, one, 0), begin, axis=1) for one in (rows, expected))
    some = np.logical_or.reduceat(counted, begin, axis=1)
    value = np.where(usually > 0, seen / np.where(usually > 0, usually, 1), np.nan)
    reason = np.where(some, NONE_EXPECTED, NO_BEFORE).astype(object)
    reason[~is_over & ~np.isnan(expected[:, -1]) & ~some[:, -1], -1] = NOT_OVER
    reason[~np.isnan(value)] = None
    return {"rows": usually.round(), "value": value, "reason": reason}


def _freshness(
    last: NDArray[np.datetime64], rows: Floats, until: NDArray[np.datetime64], begin: NDArray[np.intp], step: int
) -> dict[str, NDArray[Any]]:
    """freshness_hours of segments and periods: from the `last` row to the end."""
    hours = (until - last) / np.timedelta64(1, "s") / 3600
    before = earlier(hours, step)
    usual = np.where(np.sum(~np.isnan(before), axis=0) >= ENOUGH, np.fmax.reduce(before), np.nan)
    return {"rows": np.add.reduceat(rows, begin, axis=1), "value": hours, "usual": usual}


def _timed(table: pd.DataFrame, period: periods.Period) -> pd.DataFrame:
    """The windows of a length from the days, since 1970, on which they start."""
    first = table["start"].to_numpy(np.int64)
    days = (first, periods.ends(first, period))
    begin, end = (pd.Series(own.astype("datetime64[D]").astype("datetime64[us]"), dtype="datetime64[us, UTC]") for own in days)
    return table.drop(columns="start").assign(window_start=begin, window_end=end)
