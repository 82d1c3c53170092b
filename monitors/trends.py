"""trends: did it get slower at once or by and by? Steps and leaks of a daily series of times, told apart and dated.

Times are compared by their logarithm, in which "twice as slow" is as far everywhere. A lone outlier is neither a step nor a leak, and a
rhythm of the week is taken out where there are weeks enough to know it.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LEAST_SCATTER = 0.015  # of a day's logarithm; times are counted on bins of 2 %
LEAST_DAYS = 3  # of a stretch between two changes
LEAK_DAYS = 7  # of a leak; what rises for less is a step with a blurred edge
LEAST_STEP, LEAST_GROWTH, LEAST_RISE = np.log(1.1), np.log(1.1), np.log(1.2)  # of a step; of a leak in a week, and in all
COLUMNS = ["kind", "start", "end", "before", "after", "factor", "per_day", "per_day_low", "per_day_high", "days"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days from `first` up to before `stop` that one line describes: its value at both ends, and its slope a day with its deviation."""

    first: int
    stop: int
    begin: float
    end: float
    slope: float
    deviation: float


def find(days: Any, values: Floats, deviations: Floats) -> pd.DataFrame:
    """Steps and leaks of a series.

    Parameters
    ----------
    days : when each value was, rising; days that are missing are no matter.
    values : positive; what is not is left out. deviations : of the logarithm of each, by the number of its rows.

    Returns
    -------
    One row a finding, in order of time: kind "step" or "leak"; start, end (of a step both are the first day of the new level; a leak's end is
    the day after its last); before and after, the levels in the unit of the values; factor, after over before; and of a leak per_day, the
    factor by which it grows a day, with its 95 % interval.

    Notes
    -----
    The days are cut into stretches, each flat or a straight line, so that squared residuals over the scatter plus a penalty of 2 log n a
    parameter is least: exactly, by dynamic programming (Jackson et al., 2005, IEEE Signal Processing Letters 12(2)).
    """
    kept = np.isfinite(values) & (values > 0) & np.isfinite(deviations)
    times = pd.DatetimeIndex(pd.to_datetime(np.asarray(days)[kept] if not isinstance(days, pd.Series) else days[kept], utc=True))
    y, own = np.log(values[kept]), deviations[kept]
    if len(y) < 2 * LEAST_DAYS:
        return pd.DataFrame(columns=COLUMNS)
    t = ((times - times[0]) / pd.Timedelta(days=1)).to_numpy(np.float64)
    y = without_outliers(without_weekdays(y, times))
    variance = scatter(y) ** 2 + own**2
    lines = stretches(t, y, 1 / variance)
    return _told(lines, times, t, y, variance)


def without_weekdays(y: Floats, times: pd.DatetimeIndex) -> Floats:
    """The series less what its weekdays have of their own, where four weeks tell it and it is more than their scatter."""
    if len(y) < 28:
        return y
    level = pd.Series(y).rolling(7, center=True, min_periods=4).median().to_numpy()
    rest = y - level
    weekday = np.asarray(times.day_of_week)
    own = np.array([np.median(rest[weekday == d]) if (weekday == d).sum() >= 4 else 0.0 for d in range(7)])
    apart = np.array([_mad(rest[weekday == d]) / np.sqrt(max((weekday == d).sum(), 1)) for d in range(7)])
    own = np.where(np.abs(own) > 3 * np.maximum(apart, LEAST_SCATTER / 4), own, 0.0)
    less: Floats = y - own[weekday]
    return less


def without_outliers(y: Floats) -> Floats:
    """Each value no further out than its neighbours: medians of three, which leave steps and slopes as they are."""
    if len(y) < 3:
        return y
    inner = np.median(np.stack([y[:-2], y[1:-1], y[2:]]), axis=0)
    ends = np.median([y[0], y[1], y[2]]), np.median([y[-3], y[-2], y[-1]])
    calm: Floats = np.r_[ends[0], inner, ends[1]]
    return calm


def scatter(y: Floats) -> Floats:
    """How far a day lies from those around it, robustly and for each day: a busy version's days scatter more than a calm one's.

    From how far each lies off the middle between the second before and after it, so that a steady slope is no scatter: neighbours of a median
    of three share a value.
    """
    if len(y) < 5:
        return np.full(len(y), LEAST_SCATTER)
    off = np.abs(y[4:] - 2 * y[2:-2] + y[:-4]) / np.sqrt(6)
    apart = np.r_[np.nan, np.nan, off, np.nan, np.nan]
    near: Any = pd.Series(apart).rolling(61, center=True, min_periods=min(len(off), 7)).median().bfill().ffill()
    # A median of few is itself uncertain, and one that is too small by chance would find changes that are none.
    usual = np.maximum(near.to_numpy(np.float64), 0.75 * np.nanmedian(apart))
    found: Floats = np.maximum(1.4826 / 0.67 * usual, LEAST_SCATTER)
    return found


def stretches(t: Floats, y: Floats, weight: Floats) -> list[Stretch]:
    """The best cut into flat and straight stretches of at least three days."""
    n = len(y)
    penalty = 2 * np.log(n)
    sums = np.stack([np.r_[0.0, np.cumsum(weight * v)] for v in (np.ones(n), t, t * t, y, t * y, y * y)])
    best, cut, sloped = np.full(n + 1, np.inf), np.zeros(n + 1, np.int64), np.zeros(n + 1, bool)
    best[0] = 0.0
    for stop in range(LEAST_DAYS, n + 1):
        first = np.arange(0, stop - LEAST_DAYS + 1)
        flat, line = _residuals(sums[:, stop, None] - sums[:, first])
        line = np.where(stop - first >= LEAK_DAYS, line + penalty, np.inf)
        cost = best[first] + np.minimum(flat, line) + 2 * penalty
        at = int(np.argmin(cost))
        best[stop], cut[stop], sloped[stop] = cost[at], first[at], line[at] < flat[at]
    found = []
    stop = n
    while stop > 0:
        found.append(_stretch(t, y, weight, int(cut[stop]), stop, bool(sloped[stop])))
        stop = int(cut[stop])
    return found[::-1]


def _residuals(sums: Floats) -> tuple[Floats, Floats]:
    """Least weighted sums of squares around a level and around a line, from sums of w, wt, wt², wy, wty, wy²."""
    w, wt, wtt, wy, wty, wyy = sums
    flat = np.maximum(wyy - wy**2 / w, 0)
    spread, along = wtt - wt**2 / w, wty - wt * wy / w
    return flat, np.maximum(flat - along**2 / np.maximum(spread, 1e-12), 0)


def _stretch(t: Floats, y: Floats, weight: Floats, first: int, stop: int, sloped: bool) -> Stretch:
    t, y, w = t[first:stop], y[first:stop], weight[first:stop]
    middle, level = np.average(t, weights=w), np.average(y, weights=w)
    if not sloped:
        return Stretch(first, stop, float(level), float(level), 0.0, 0.0)
    spread = float(np.sum(w * (t - middle) ** 2))
    slope = float(np.sum(w * (t - middle) * (y - level)) / spread)
    residual = y - level - slope * (t - middle)
    # As wide as the days really scatter around the line, if that is more than was assumed.
    wide = max(1.0, float(np.sum(w * residual**2)) / max(len(y) - 2, 1))
    begin, end = (float(level + slope * (at - middle)) for at in (t[0], t[-1]))
    return Stretch(first, stop, begin, end, slope, float(np.sqrt(wide / spread)))


def _told(lines: list[Stretch], times: pd.DatetimeIndex, t: Floats, y: Floats, variance: Floats) -> pd.DataFrame:
    found = []
    leaking = [_leaks(line, t) for line in lines]
    apart = [False, *(_step_between(*pair, times, variance) for pair in pairwise(lines))]
    i = 0
    while i < len(lines):
        j = i
        while leaking[i] and j + 1 < len(lines) and leaking[j + 1] and not apart[j + 1]:
            j += 1
        jumps = i > 0 and (not leaking[i] or apart[i] or lines[i].begin - lines[i - 1].end > lines[j].end - lines[i].begin)
        found += _step(lines[i - 1], lines[i], times, variance) if jumps else []
        if leaking[i]:
            before = lines[i].begin if jumps or not i else lines[i - 1].end
            found.append(_leak(lines[i : j + 1], before, times, t, y, variance))
        i = j + 1
    table = pd.DataFrame(found, columns=COLUMNS)
    return table.sort_values("start", kind="stable", ignore_index=True)


def _leaks(line: Stretch, t: Floats) -> bool:
    """Whether a stretch rises for a week, by more than 10 % a week and 20 % in all, and by more than its own scatter."""
    long = t[line.stop - 1] - t[line.first] + 1 >= LEAK_DAYS
    enough = 7 * line.slope > LEAST_GROWTH and line.end - line.begin > LEAST_RISE
    return bool(long and enough and line.slope > 3 * line.deviation)


def _step_between(before: Stretch, after: Stretch, times: pd.DatetimeIndex, variance: Floats) -> bool:
    """Whether a leak jumped on its way: by more than a week of it, at the steeper pace. What is less is its own bend."""
    pace = max(before.slope, after.slope)
    return after.begin - before.end > 7 * pace > 0 and bool(_step(before, after, times, variance))


def _leak(lines: list[Stretch], before: float, times: pd.DatetimeIndex, t: Floats, y: Floats, variance: Floats) -> dict[str, Any]:
    """Rising stretches in a row as one leak, with one slope through them all; before it, the level that it came from."""
    line = _stretch(t, y, 1 / variance, lines[0].first, lines[-1].stop, sloped=True)
    after = lines[-1].end
    low, high = (np.exp(line.slope + side * 1.96 * line.deviation) for side in (-1, 1))
    return {
        "kind": "leak", "start": times[line.first], "end": times[line.stop - 1] + pd.Timedelta(days=1),
        "before": float(np.exp(before)), "after": float(np.exp(after)), "factor": float(np.exp(after - before)),
        "per_day": float(np.exp(line.slope)), "per_day_low": float(low), "per_day_high": float(high), "days": line.stop - line.first,
    }  # fmt: skip


def _step(before: Stretch, after: Stretch, times: pd.DatetimeIndex, variance: Floats) -> list[dict[str, Any]]:
    """The change from one stretch to the next, if it is 10 % or more and more than what days scatter."""
    moved = after.begin - before.end
    parts = [variance[line.first : line.stop] for line in (before, after)]
    chance = np.sqrt(sum(float(part.mean()) / len(part) for part in parts))
    # Days that follow each other are alike, so a mean of many is not as sure as if they were not: two days' scatter is the least.
    usual = 2 * np.sqrt(np.median(np.concatenate(parts)))
    if abs(moved) < max(LEAST_STEP, 4 * chance, usual):
        return []
    at = times[after.first]
    return [{
        "kind": "step", "start": at, "end": at, "before": float(np.exp(before.end)), "after": float(np.exp(after.begin)),
        "factor": float(np.exp(moved)), "per_day": np.nan, "per_day_low": np.nan, "per_day_high": np.nan,
        "days": after.stop - after.first,
    }]  # fmt: skip


def _mad(values: Floats) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values)))) if len(values) else 0.0
