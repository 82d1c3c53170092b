"""Which days of its week or month a window holds. One that is not whole is compared with the same days of the reference's own windows:
a week of which only Monday was served must not be called unusual for not being a week.
"""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import periods
from monitors.floors import Days

PERIODS: tuple[periods.Period, ...] = ("day", "week", "month")
WHOLE = len(PERIODS)  # shapes below it are whole windows of each length
Shape = tuple[int, int, str]  # position in PERIODS, a bit for each day that is there (0: all of them), version of the reference


def with_shapes(
    timed: pd.DataFrame,
    source: Mapping[str, str],
    known: Mapping[str, Collection[Days]],
    asked: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, dict[int, Shape]]:
    """Profiles of one column merged to days, weeks and months, with the columns `period` (position in PERIODS) and `shape`.

    Parameters
    ----------
    timed : stored windows of log and reference.
    source : version → the version whose reference it is compared with.
    known : version of a reference → the days of a period of which it is known what is usual.
    asked : the windows of the log that are wanted (window_start, window_end); None for all.

    Returns
    -------
    The log's windows, those that are not whole under a shape from WHOLE on; the reference's own windows of the same days, unless they are
    known. And number → shape.
    """
    log, own = (timed[timed["dataset"] == dataset] for dataset in ("log", "reference"))
    merged = [periods.merge(_of(log, period, asked), period).assign(period=i) for i, period in enumerate(PERIODS)]
    shapes: dict[Shape, int] = {}
    parts = [windows.assign(shape=_shapes(windows, log, i, source, shapes)) for i, windows in enumerate(merged)]
    for i, period in enumerate(PERIODS):
        fresh = own[~own["version"].isin([v for v, days in known.items() if (i, 0) in days])]
        parts.append(periods.merge(fresh, period).assign(period=i, shape=i))
    for (i, days, version), shape in shapes.items():
        if (i, days) not in known.get(version, ()):
            same = own[(own["version"] == version) & ((_day_bits(own["window_start"], i) & days) > 0)]
            parts.append(periods.merge(same, PERIODS[i]).assign(period=i, shape=shape))
    return pd.concat(parts, ignore_index=True), {number: shape for shape, number in shapes.items()}


def _of(log: pd.DataFrame, period: periods.Period, asked: pd.DataFrame | None) -> pd.DataFrame:
    """The stored windows that add up to those asked for."""
    if asked is None:
        return log
    days = (asked["window_end"] - asked["window_start"]).dt.days
    wanted = asked.loc[{"day": days == 1, "week": days == 7, "month": days > 7}[period], "window_start"]
    return log[np.isin(periods.starts(log["window_start"], period), periods.starts(wanted, "day"))]


def _shapes(
    windows: pd.DataFrame, log: pd.DataFrame, period: int, source: Mapping[str, str], shapes: dict[Shape, int]
) -> NDArray[np.int64]:
    """The shape of each merged window of the log; new ones are added to `shapes`."""
    if windows.empty or PERIODS[period] == "day":
        return np.full(len(windows), period, np.int64)
    served = log.loc[log["segment"] == "all", ["version", "window_start"]]
    start = periods.starts(served["window_start"], PERIODS[period])
    days = (
        pd.Series(_day_bits(served["window_start"], period))
        .groupby([served["version"].to_numpy(), start])
        .agg(np.bitwise_or.reduce)
    )
    keys = pd.MultiIndex.from_arrays([windows["version"], periods.starts(windows["window_start"], PERIODS[period])])
    held = days.reindex(keys, fill_value=0).to_numpy(np.int64)
    length = (windows["window_end"] - windows["window_start"]).dt.days.to_numpy(np.int64)
    found = np.full(len(windows), period, np.int64)
    for at in np.flatnonzero(held != (np.int64(1) << length) - 1).tolist():
        version = source.get(str(windows["version"].iat[at]), "")
        found[at] = shapes.setdefault((period, int(held[at]), version), WHOLE + len(shapes))
    return found


def _day_bits(times: pd.Series, period: int) -> NDArray[np.int64]:
    """One bit a time: the day of the week (Monday first) or of the month."""
    day = times.dt.day_of_week if PERIODS[period] == "week" else times.dt.day - 1
    bits: NDArray[np.int64] = np.int64(1) << day.to_numpy(np.int64)
    return bits
