"""Which days of its week or month a window holds. One that is not whole is compared with the same days of the reference's own windows:
a week of which only Monday was served must not be called unusual for not being a week.
"""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import periods
from monitors.floors import Days
from monitors.periods import PERIODS

WHOLE = len(PERIODS)  # shapes below it are whole windows of each length
Ints = NDArray[np.int64]


def with_shapes(
    timed: pd.DataFrame,
    source: Mapping[str, str],
    known: Mapping[tuple[str, str], Collection[Days]],
    asked: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, dict[int, Days]]:
    """Profiles merged to days, weeks and months, with the columns `period` (position in PERIODS) and `shape`.

    Parameters
    ----------
    timed : stored windows of log and reference.
    source : version → the version whose reference it is compared with.
    known : version of a reference and column → the days of a period of which it is known what is usual.
    asked : the windows of the log that are wanted (window_start, window_end); None for all.

    Returns
    -------
    The log's windows, those that are not whole under a shape from WHOLE on; the reference's own windows of the same days, unless they are
    known. And number → the days of a period that such a shape has.
    """
    is_log = (timed["dataset"] == "log").to_numpy()
    log, own = np.flatnonzero(is_log), np.flatnonzero(~is_log)
    _, first, key = np.unique(periods.codes(timed, ["version", "column"]), return_index=True, return_inverse=True)
    names = list(timed[["version", "column"]].iloc[first].itertuples(index=False, name=None))
    windows, period, begin = periods.merge_parts(timed, [(_of(timed, log, name, asked), name) for name in PERIODS])
    held = _days_held(timed, log, key, period, begin)
    shape, shapes = _shapes(windows, period, key[begin], held, [(source.get(version, ""), column) for version, column in names])
    unknown = [np.array([(i, 0) not in known.get(name, ()) for name in names], bool) for i in range(WHOLE)]
    parts = [(i, i, own[unknown[i][key[own]]]) for i in range(WHOLE)]
    for number, ((i, days), name) in shapes.items():
        if (i, days) not in known.get(name, ()) and name in names:
            same = own[key[own] == names.index(name)]
            parts.append((i, number, same[(_day_bits(timed["window_start"].iloc[same], i) & days) > 0]))
    rest, part, _ = periods.merge_parts(timed, [(rows, PERIODS[i]) for i, _, rows in parts])
    of = np.array([(i, number) for i, number, _ in parts])[part]
    both = [windows.assign(period=period, shape=shape), rest.assign(period=of[:, 0], shape=of[:, 1])]
    return pd.concat(both, ignore_index=True), {number: days for number, (days, _) in shapes.items()}


def _of(timed: pd.DataFrame, log: NDArray[np.intp], period: periods.Period, asked: pd.DataFrame | None) -> NDArray[np.intp]:
    """Where the stored windows stand that add up to those asked for."""
    if asked is None:
        return log
    days = (asked["window_end"] - asked["window_start"]).dt.days
    wanted = asked.loc[{"day": days == 1, "week": days == 7, "month": days > 7}[period], "window_start"]
    return log[np.isin(periods.starts(timed["window_start"].iloc[log], period), periods.starts(wanted, "day"))]


def _days_held(timed: pd.DataFrame, log: NDArray[np.intp], key: Ints, period: Ints, begin: NDArray[np.intp]) -> Ints:
    """The days that the log has in each merged window, which begins at a stored one: those of the whole, whatever the segment."""
    held = np.zeros(len(period), np.int64)
    served = log[(timed["segment"].iloc[log] == "all").to_numpy()]
    for i in range(1, WHOLE):
        start = periods.starts(timed["window_start"], PERIODS[i])
        _, group = np.unique((key << 32) + start, return_inverse=True)
        found = np.zeros(len(timed), np.int64)
        np.bitwise_or.at(found, group[served], _day_bits(timed["window_start"].iloc[served], i))
        held[period == i] = found[group[begin[period == i]]]
    return held


def _shapes(
    windows: pd.DataFrame, period: Ints, key: Ints, held: Ints, reference: list[tuple[str, str]]
) -> tuple[Ints, dict[int, tuple[Days, tuple[str, str]]]]:
    """The shape of each merged window of the log; number → its days, and version and column of the `reference` of the key."""
    shape = period.copy()
    length = (windows["window_end"] - windows["window_start"]).dt.days.to_numpy(np.int64)
    partial = np.flatnonzero((period > 0) & (held != (np.int64(1) << length) - 1))
    numbers: dict[tuple[Days, tuple[str, str]], int] = {}
    for at, i, days, of in zip(partial.tolist(), *(values[partial].tolist() for values in (period, held, key)), strict=True):
        shape[at] = numbers.setdefault(((i, days), reference[of]), WHOLE + len(numbers))
    return shape, {number: made for made, number in numbers.items()}


def _day_bits(times: pd.Series, period: int) -> Ints:
    """One bit a time: the day of the week (Monday first) or of the month."""
    bits: Ints = np.int64(1) << (periods.starts(times, "day") - periods.starts(times, PERIODS[period]))
    return bits
