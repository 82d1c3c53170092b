"""arrivals: what came at all. Columns that are missing or new, rows that stand again, rows against the same weekday before, freshness.

A part of the monitor `schema`: its metrics of the table, not of a column's values.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import periods
from monitors.schemas import Schema, predicted, unusual

METRICS = ("duplicate_rate", "rows_ratio", "freshness_hours")
PERIODS: tuple[periods.Period, ...] = ("day", "week", "month")
WEEKS, ENOUGH = 8, 3  # weeks before in which the same weekday is looked up, and how many of them say what is expected
INDEX = r"__index_level_\d+__"
OVER = pd.Timedelta(hours=2)  # the last day of a log is over if its last row came in its last two hours
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
    parts += [duplicates(requests, facts, period) for period in PERIODS]
    parts += [volumes(log, facts)] if len(log) else []
    model = str(requests["model"].iat[0])
    return pd.concat(parts, ignore_index=True).assign(model=model)


# ---- columns -------------------------------------------------------------------------------------------------------------------


def columns(facts: Facts, period: periods.Period) -> pd.DataFrame:
    """missing_column and new_column of all windows of a length."""
    if facts.arrived.empty:
        return pd.DataFrame()
    known = facts.arrived[facts.arrived["load"].isin(facts.files)]
    if known.empty:
        return pd.DataFrame()
    start = periods.starts(known["window_start"], period)
    keyed = known.assign(start=start)[["version", "start", "load", "rows"]]
    total = keyed.groupby(["version", "start"], as_index=False)["rows"].sum()
    parts = []
    for version, windows in total.groupby("version"):
        schema = facts.schemas.get(facts.source(str(version)))
        own = keyed[keyed["version"] == version]
        if schema is None:
            continue  # there is nothing that a column could be missing from
        for name in required(schema):
            lacking = [load for load, cols in facts.files.items() if name not in cols]
            hits = own.loc[own["load"].isin(lacking)]
            parts.append(_presence("missing_column", name, windows, hits))
        for name in unknown(schema, facts, own["load"].unique()):
            having = own.loc[own["load"].isin([load for load, cols in facts.files.items() if name in cols])]
            since = windows[windows["start"] >= having["start"].min()]
            parts.append(_presence("new_column", name, since, having))
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    return _timed(table, period).assign(segment="all", dataset="log", noise=0.0)


def required(schema: Schema) -> list[str]:
    """The columns that every file of the log should have."""
    return [name for name, column in schema.columns.items() if "serving" in column.required_in]


def unknown(schema: Schema, facts: Facts, loads: Iterable[int]) -> list[str]:
    """The columns of some loads that nobody knows; not the index that pandas writes into a file now and then."""
    found = {name for load in loads for name in facts.files.get(load, ()) if not re.fullmatch(INDEX, name)}
    return sorted(found - facts.named - set(schema.columns))


def _presence(metric: str, name: str, windows: Any, hits: Any) -> pd.DataFrame:
    count = windows["start"].map(hits.groupby("start")["rows"].sum()).fillna(0)
    return pd.DataFrame({"version": windows["version"], "start": windows["start"], "metric": metric, "column": name,
                         "rows": windows["rows"], "value": count / windows["rows"]})  # fmt: skip


# ---- rows that stand again -----------------------------------------------------------------------------------------------------


def duplicates(requests: pd.DataFrame, facts: Facts, period: periods.Period) -> pd.DataFrame:
    """duplicate_rate of the log's windows and of the reference's own."""
    counted = requests[(requests["segment"] == "all") & requests["window_start"].notna()]
    if counted.empty:
        return pd.DataFrame()
    merged = periods.merge(counted, period).reset_index(drop=True)
    again = merged["duplicates"].to_numpy(np.float64, na_value=np.nan)
    rows = merged["rows"].to_numpy(float)
    value = np.where(rows > 0, again / np.maximum(rows, 1), np.nan)
    kept = merged[["version", "window_start", "window_end", "dataset"]]
    table = kept.assign(
        column="", segment="all", metric="duplicate_rate", rows=rows.astype(np.int64), value=value, noise=np.nan, usual=np.nan
    )
    for version in table.loc[table["dataset"] == "log", "version"].unique():
        schema = facts.schemas.get(facts.source(version))
        if schema is None or schema.duplicate_share is None:
            continue
        here = ((table["version"] == version) & (table["dataset"] == "log")).to_numpy()
        own = table[(table["dataset"] == "reference") & (table["version"] == schema.version)]
        table.loc[here, "noise"] = predicted(rows[here], schema.duplicate_share * schema.rows, schema.rows)
        if "duplicate_share" in schema.edited:
            table.loc[here, "usual"] = schema.duplicate_share
        elif len(own) >= ENOUGH:
            table.loc[here, "usual"] = unusual(own["value"].to_numpy(float))
    return table


# ---- rows of a day, and since when there are none --------------------------------------------------------------------------------


def volumes(log: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """rows_ratio and freshness_hours of the whole model and of each segment."""
    apart = tuple(f"{column}=" for column in facts.versioned)
    log = log[~log["segment"].str.startswith(apart)] if apart else log
    day = log["window_start"].dt.floor("D")
    by_day = log.assign(day=day).groupby(["segment", "day"]).agg(rows=("rows", "sum"), last=("last_time", "max")).reset_index()
    first, end = day.min(), log["window_end"].max()
    days = pd.date_range(first, day.max(), freq="D")
    parts = [of_segment(str(segment), own.set_index("day"), days, end) for segment, own in by_day.groupby("segment", sort=True)]
    return pd.concat(parts, ignore_index=True).assign(version="", column="", dataset="log")


def of_segment(segment: str, own: pd.DataFrame, days: pd.DatetimeIndex, end: pd.Timestamp) -> pd.DataFrame:
    """Both metrics of one segment, by day, week and month, from its first day on."""
    days = days[days >= own.index.min()]
    rows = own["rows"].reindex(days, fill_value=0).to_numpy(float)
    last = own["last"].reindex(days)
    expected = same_weekday(rows)
    is_over = last.isna() | (last >= days + pd.Timedelta(days=1) - OVER)
    is_over.iloc[:-1] = True
    parts = []
    for period in PERIODS:
        start = periods.starts(pd.Series(days), period)
        parts.append(_ratios(rows, expected, is_over.to_numpy(bool), start, period))
        parts.append(_freshness(last, rows, start, end, period))
    return pd.concat(parts, ignore_index=True).assign(segment=segment)


def same_weekday(rows: Floats) -> Floats:
    """Of each day the median rows of the same weekday in the 8 weeks before; NaN where fewer than 3 of them are known."""
    before = np.full((WEEKS, len(rows)), np.nan)
    for k in range(1, WEEKS + 1):
        before[k - 1, 7 * k :] = rows[: max(len(rows) - 7 * k, 0)]
    known = np.sum(~np.isnan(before), axis=0) >= ENOUGH
    expected = np.full(len(rows), np.nan)
    expected[known] = np.nanmedian(before[:, known], axis=0)
    return expected


def _ratios(
    rows: Floats, expected: Floats, is_over: NDArray[np.bool_], start: NDArray[np.int64], period: periods.Period
) -> pd.DataFrame:
    counted = ~np.isnan(expected) & is_over
    table = pd.DataFrame(
        {"start": start, "seen": np.where(counted, rows, 0), "rows": np.where(counted, expected, 0), "counted": counted}
    )
    summed = table.groupby("start", as_index=False).sum()
    value = np.where(summed["rows"] > 0, summed["seen"] / summed["rows"].where(summed["rows"] > 0, 1), np.nan)
    reason = pd.Series(np.where(summed["counted"] > 0, NONE_EXPECTED, NO_BEFORE), dtype=object)
    if not is_over[-1] and not np.isnan(expected[-1]) and summed["counted"].iat[-1] == 0:
        reason.iat[-1] = NOT_OVER
    made = summed[["start"]].assign(
        rows=summed["rows"].round(), value=value, metric="rows_ratio", reason=reason.mask(~np.isnan(value))
    )
    return _timed(made, period)


def _freshness(
    last: pd.Series, rows: Floats, start: NDArray[np.int64], end: pd.Timestamp, period: periods.Period
) -> pd.DataFrame:
    latest = pd.Series(last.cummax().ffill().to_numpy(), dtype=last.dtype)
    table = pd.DataFrame({"start": start, "rows": rows, "last": latest})
    made = _timed(table.groupby("start", as_index=False).agg(rows=("rows", "sum"), last=("last", "last")), period)
    until = made["window_end"].where(made["window_end"] < end, end)
    hours = (until - made["last"]).dt.total_seconds() / 3600
    step = 7 if period == "day" else 1
    before = pd.concat([hours.shift(step * k) for k in range(1, WEEKS + 1)], axis=1)
    usual = before.max(axis=1).where(before.notna().sum(axis=1) >= ENOUGH)
    return made.drop(columns="last").assign(value=hours, usual=usual, metric="freshness_hours")


def _timed(table: pd.DataFrame, period: periods.Period) -> pd.DataFrame:
    """The windows of a length from the days, since 1970, on which they start."""
    first = table["start"].to_numpy("datetime64[D]")
    if period == "month":
        until = (first.astype("datetime64[M]") + 1).astype("datetime64[D]")
    else:
        until = first + np.timedelta64(7 if period == "week" else 1, "D")
    begin, end = (pd.Series(days.astype("datetime64[us]")).dt.tz_localize("UTC") for days in (first, until))
    return table.drop(columns="start").reset_index(drop=True).assign(window_start=begin, window_end=end)
