"""periods: profiles of short windows added up to days, weeks and months. Counts add; nothing is read again."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Period = Literal["day", "week", "month", "all"]
Part = tuple[NDArray[np.intp], Period]  # positions of rows, and what they are merged to

KEYS = ["model", "version", "dataset", "segment", "column"]
ADDED = [
    "rows", "nulls", "misfits", "nans", "pos_infs", "neg_infs", "fractions", "new_values", "sum", "sum_squares", "below_sum", "above_sum",
    "duplicates", "errors", "bad_sums",
]  # fmt: skip
PERIODS: tuple[Period, ...] = ("day", "week", "month")  # that are measured
AT_ONCE = 4_000_000  # counts held while they are added up: 32 MB
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
    merged, _, _ = merge_parts(profiles, [(np.flatnonzero(timed), period)])
    return merged if timed.all() else pd.concat([merged, profiles[~timed]], ignore_index=True)


def merge_parts(profiles: pd.DataFrame, parts: Sequence[Part]) -> tuple[pd.DataFrame, NDArray[np.intp], NDArray[np.intp]]:
    """`merge` of some timed rows each, all in one go: a table has a price of its own, however few rows it holds.

    Returns
    -------
    The longer windows, one part after the other; the part of each; and the position in `profiles` of its first row.
    """
    at, part = np.concatenate([rows for rows, _ in parts]), np.repeat(np.arange(len(parts)), [len(rows) for rows, _ in parts])
    start = np.concatenate([starts(profiles["window_start"].iloc[rows], period) for rows, period in parts])
    keys = np.stack([part, codes(profiles, KEYS)[at], start])
    order = np.lexsort(keys[::-1])
    first = np.flatnonzero(np.r_[np.ones(min(len(at), 1), bool), (np.diff(keys[:, order]) != 0).any(axis=0)])
    at, part, start = at[order], part[order[first]], start[order[first]]
    merged = profiles.iloc[at[first]].reset_index(drop=True)
    made = borders(profiles, at, first, [(part == i, start, period) for i, (_, period) in enumerate(parts)])
    if len(first) < len(at):  # else there is nothing to add up: the days of a log whose windows are days
        made |= added(profiles, at, first)
    return merged.assign(**made), part, at[first]


def codes(table: pd.DataFrame, names: Sequence[str]) -> NDArray[np.int64]:
    """A number for each row, the same for the same key, rising in the order of the keys."""
    found = np.zeros(len(table), np.int64)
    for name in names:
        own, values = pd.factorize(table[name], sort=True)
        found = found * max(len(values), 1) + own
    return found


def starts(times: pd.Series, period: Period) -> NDArray[np.int64]:
    """When the period of each time starts, in days since 1970 (UTC); all 0 for "all"."""
    days = times.to_numpy("datetime64[D]")
    if period == "month":
        return days.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    numbers = days.astype(np.int64)
    if period == "week":
        return numbers - (numbers + 3) % 7  # day 0, 1 January 1970, was a Thursday
    return numbers if period == "day" else np.zeros_like(numbers)


def added(profiles: pd.DataFrame, at: NDArray[np.intp], first: NDArray[np.intp]) -> dict[str, Any]:
    """The columns that add up, one row for each run of positions in `at` that begins at one in `first`."""
    made: dict[str, Any] = {name: sums(profiles[name], at, first) for name in ADDED if name in profiles}
    for name, least in (("min", np.fmin), ("max", np.fmax)):
        made[name] = least.reduceat(profiles[name].to_numpy("float64", na_value=np.nan)[at], first)
    if "last_time" in profiles:
        times = profiles["last_time"]
        made["last_time"] = pd.Series(np.fmax.reduceat(times.to_numpy("datetime64[us]")[at], first), dtype=times.dtype)
    made["counts"] = pd.Series(counts(profiles["counts"].to_numpy()[at], first), dtype=object)
    if "new_top" in profiles:
        made["new_top"] = pd.Series(new_tops(profiles["new_top"].to_numpy(object)[at], first), dtype=profiles["new_top"].dtype)
    return made


def sizes(first: NDArray[np.intp], total: int) -> NDArray[np.intp]:
    """How many rows each run has."""
    found: NDArray[np.intp] = np.diff(np.r_[first, total])
    return found


def sums(values: pd.Series, at: NDArray[np.intp], first: NDArray[np.intp]) -> NDArray[Any]:
    """The sum of each run; a blank adds nothing, and a run of blanks stays blank."""
    if values.dtype.kind in "iu":
        return np.add.reduceat(values.to_numpy("int64")[at], first)
    numbers = values.to_numpy("float64", na_value=np.nan)[at]
    blank = np.isnan(numbers)
    total = np.add.reduceat(np.where(blank, 0.0, numbers), first)
    return np.where(np.logical_and.reduceat(blank, first), np.nan, total)


def counts(arrays: NDArray[Any], first: NDArray[np.intp]) -> NDArray[Any]:
    """The counts of each run added up, as an array of arrays. Runs of one length of counts are added in one go, a run of one row is as it was."""
    lengths = np.fromiter(map(len, arrays), np.int64, len(arrays))
    if (np.minimum.reduceat(lengths, first) != np.maximum.reduceat(lengths, first)).any():
        raise ValueError("profiles of one column have counts of different lengths: they were made on different bins")
    many = sizes(first, len(arrays))
    merged = arrays[first]
    for length in np.unique(lengths[first][many > 1]):
        wanted = (lengths[first] == length) & (many > 1)
        for runs in np.array_split(np.flatnonzero(wanted), 1 + int(many[wanted].sum() * length) // AT_ONCE):
            stacked = np.concatenate(arrays[np.repeat(np.isin(np.arange(len(first)), runs), many)]).reshape(many[runs].sum(), length)
            merged[runs] = rows_of(np.add.reduceat(stacked, np.r_[0, np.cumsum(many[runs])[:-1]], axis=0))
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


def borders(
    profiles: pd.DataFrame, at: NDArray[np.intp], first: NDArray[np.intp], runs: Sequence[tuple[NDArray[np.bool_], NDArray[np.int64], Period]]
) -> dict[str, pd.Series]:
    """Start and end of each run's period, in the type of the windows; `runs` are some each, with the days that their periods start on."""
    begin = np.minimum.reduceat(profiles["window_start"].to_numpy("datetime64[us]")[at], first)
    end = np.maximum.reduceat(profiles["window_end"].to_numpy("datetime64[us]")[at], first)
    for own, days, period in runs:
        if period != "all":
            begin[own], end[own] = days[own].astype("datetime64[D]"), ends(days[own], period).astype("datetime64[D]")
    kind = profiles["window_start"].dtype
    return {"window_start": pd.Series(begin, dtype=kind), "window_end": pd.Series(end, dtype=kind)}


def borders_of(windows: pd.DataFrame, first: NDArray[np.intp], period: Period) -> tuple[pd.Series, pd.Series]:
    """Start and end of the period of each run of rows that begins at a position in `first`."""
    days = starts(windows["window_start"].iloc[first], period)
    made = borders(windows, np.arange(len(windows)), first, [(np.ones(len(first), bool), days, period)])
    return made["window_start"], made["window_end"]


def ends(start: NDArray[np.int64], period: Period) -> NDArray[np.int64]:
    """The day after each period of a length, from the day on which it starts; in days since 1970."""
    if period == "month":
        return (start.astype("datetime64[D]").astype("datetime64[M]") + 1).astype("datetime64[D]").astype(np.int64)
    return start + (7 if period == "week" else 1)
