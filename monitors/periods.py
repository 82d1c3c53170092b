"""periods: profiles of short windows added up to days, weeks and months. Counts add; nothing is read again."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Period = Literal["day", "week", "month", "all"]

KEYS = ["model", "version", "dataset", "segment", "column"]
ADDED = [
    "rows", "nulls", "misfits", "nans", "pos_infs", "neg_infs", "fractions", "new_values", "sum", "sum_squares", "below_sum", "above_sum",
    "duplicates", "errors",
]  # fmt: skip
MOST_NEW = 20  # values that the reference never had: so many of the most frequent are kept by name


def merge(profiles: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The profiles of longer windows: rows of one key whose windows start in the same period, added up.

    Parameters
    ----------
    profiles : table of profiles (DESIGN.md §5), any order, windows no longer than the period and none across its border.
    period : "day", "week" (from Monday), "month", all in UTC, or "all" (from the first start to the last end).

    Returns
    -------
    table of the same columns, in order of the keys and of time: the windows are whole periods, however few of their days were
    seen. Rows without a window (the whole reference) come last, untouched. Equal to profiling the longer windows directly, but
    for `new_top`, which knows only the 20 most frequent new values of each short window.

    Raises
    ------
    ValueError : rows of one key have counts of different lengths, so they were made on different bins.
    """
    timed = profiles["window_start"].notna().to_numpy()
    if not timed.any():
        return profiles.reset_index(drop=True)
    windows, untouched = profiles[timed], profiles[~timed]
    codes = np.column_stack(
        [*(pd.factorize(windows[key], sort=True)[0] for key in KEYS), starts(windows["window_start"], period)]
    )
    order = np.lexsort(codes.T[::-1])
    first = np.flatnonzero(np.r_[True, (np.diff(codes[order], axis=0) != 0).any(axis=1)])
    merged = added(windows.iloc[order], first, period)
    return pd.concat([merged, untouched], ignore_index=True) if len(untouched) else merged


def starts(times: pd.Series, period: Period) -> NDArray[np.int64]:
    """When the period of each time starts, in days since 1970 (UTC); all 0 for "all"."""
    days = times.to_numpy("datetime64[D]")
    if period == "month":
        return days.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    numbers = days.astype(np.int64)
    if period == "week":
        return numbers - (numbers + 3) % 7  # day 0, 1 January 1970, was a Thursday
    return numbers if period == "day" else np.zeros_like(numbers)


def added(windows: pd.DataFrame, first: NDArray[np.intp], period: Period) -> pd.DataFrame:
    """One row for each run of rows that begins at a position in `first`."""
    merged = windows.iloc[first].reset_index(drop=True)
    merged["window_start"], merged["window_end"] = borders(windows, first, period)
    if len(first) == len(windows):  # nothing to add up: the days of a log whose windows are days
        return merged
    for name in windows.columns.intersection(ADDED):
        merged[name] = sums(windows[name], first)
    for name, least in (("min", np.fmin), ("max", np.fmax)):
        merged[name] = least.reduceat(windows[name].to_numpy("float64", na_value=np.nan), first)
    if "last_time" in windows:
        merged["last_time"] = windows["last_time"].groupby(np.repeat(np.arange(len(first)), sizes(first, len(windows)))).max()
    merged["counts"] = counts(windows["counts"].to_numpy(), first)
    if "new_top" in windows:
        merged["new_top"] = new_tops(windows["new_top"].to_numpy(object), first)
    return merged


def sizes(first: NDArray[np.intp], total: int) -> NDArray[np.intp]:
    """How many rows each run has."""
    found: NDArray[np.intp] = np.diff(np.r_[first, total])
    return found


def sums(values: pd.Series, first: NDArray[np.intp]) -> NDArray[Any]:
    """The sum of each run; a blank adds nothing, and a run of blanks stays blank."""
    if values.dtype.kind in "iu":
        return np.add.reduceat(values.to_numpy("int64"), first)
    numbers = values.to_numpy("float64", na_value=np.nan)
    blank = np.isnan(numbers)
    total = np.add.reduceat(np.where(blank, 0.0, numbers), first)
    return np.where(np.logical_and.reduceat(blank, first), np.nan, total)


def counts(arrays: NDArray[Any], first: NDArray[np.intp]) -> NDArray[Any]:
    """The counts of each run added up, as an array of arrays. Runs of one length of counts are added in one go."""
    lengths = np.fromiter(map(len, arrays), np.int64, len(arrays))
    if (np.minimum.reduceat(lengths, first) != np.maximum.reduceat(lengths, first)).any():
        raise ValueError("profiles of one column have counts of different lengths: they were made on different bins")
    many = sizes(first, len(arrays))
    merged = np.empty(len(first), dtype=object)
    for length in np.unique(lengths[first]):
        runs = np.flatnonzero(lengths[first] == length)
        stacked = np.concatenate(arrays[lengths == length]).reshape(int(many[runs].sum()), length)
        begins = np.r_[0, np.cumsum(many[runs])[:-1]]
        merged[runs] = rows_of(np.add.reduceat(stacked, begins, axis=0))
    return merged


def rows_of(matrix: NDArray[Any]) -> NDArray[Any]:
    """The rows of a matrix as an array of arrays, which NumPy would otherwise make a matrix again."""
    rows = np.empty(len(matrix), dtype=object)
    for i, row in enumerate(matrix):
        rows[i] = row
    return rows


def new_tops(texts: NDArray[Any], first: NDArray[np.intp]) -> NDArray[Any]:
    """The maps of each run added and cut to the 20 most frequent; a run of one row keeps its text as it is."""
    merged = texts[first].copy()
    # Nearly every window has no new value at all, so only those that have some are parsed.
    some = np.array([isinstance(text, str) and len(text) > 2 for text in texts])
    ends = np.r_[first[1:], len(texts)]
    for run in np.flatnonzero(np.logical_or.reduceat(some, first) & (ends - first > 1)):
        span = slice(first[run], ends[run])
        merged[run] = new_top(texts[span][some[span]])
    return merged


def new_top(texts: Iterable[str]) -> str:
    """Maps value -> count, as JSON, added up: the 20 most frequent, and among equals in order of value."""
    total: Counter[str] = Counter()
    for text in texts:
        total.update(json.loads(text))
    most = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:MOST_NEW]
    return json.dumps(dict(most), ensure_ascii=False)


def borders(windows: pd.DataFrame, first: NDArray[np.intp], period: Period) -> tuple[pd.Series, pd.Series]:
    """Start and end of each run's period, in the type of the windows."""
    kind = windows["window_start"].dtype
    if period == "all":
        runs = np.repeat(np.arange(len(first)), sizes(first, len(windows)))
        return windows["window_start"].groupby(runs).min(), windows["window_end"].groupby(runs).max()
    start = starts(windows["window_start"].iloc[first], period).astype("datetime64[D]")
    if period == "month":
        end = (start.astype("datetime64[M]") + 1).astype("datetime64[D]")
    else:
        end = start + np.timedelta64(7 if period == "week" else 1, "D")
    aware = [pd.Series(days.astype("datetime64[us]")).dt.tz_localize("UTC").astype(kind) for days in (start, end)]
    return aware[0], aware[1]
