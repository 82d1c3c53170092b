"""habits: what the values of a series are like when nothing is wrong, learnt so that what was wrong before does not count.

Of each series (of each weekday of one that follows the week) the median and the median deviation, which half of the windows may spoil without
moving them far. How windows scatter around them is taken from all series together, without those far off.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.later import special
from monitors import series as s

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DAY = 86_400_000_000  # µs
TO_SIGMA = 1.4826  # the median deviation of a normal distribution, as standard deviations
NORMAL_TENTH = 1.2816  # standard deviations beyond which a tenth of a normal distribution lies
FAR = 4.0  # robust standard deviations: what lies further off is not learnt from
ENOUGH, TOP = 40, 20  # windows from which their own scatter says more than a bell curve; and how many of the furthest tell the tail
LEAST_OF_WEEKDAY = 5  # windows of each weekday
SURE, STRONG = 0.001, 0.1  # a series follows the week: the p-value of Kruskal and Wallis below, the effect above
LEAST_SPREAD = 0.02  # of a logarithm: 2 %


@dataclass(frozen=True, slots=True, eq=False)
class Habits:
    """One entry a group: a series, or one weekday of a series that follows the week."""

    series: Ints
    weekday: Ints  # 0 is Monday; -1 for every day
    weight: Floats  # the group's share of its series' windows
    centre: Floats  # on the scale of `scaled`
    spread: Floats
    scatter: Floats  # (value - centre) / spread of all windows that are not far off, rising
    far: int  # how many were
    is_log: bool
    least: Floats  # of each series, what stands for 0
    sign: int  # 1 where high values are bad, -1 where low ones are: values times this


def learn(
    value: Floats, series: Ints, begin: Ints, *, is_day: bool, is_log: bool, sign: int = 1, grain: Floats | None = None
) -> Habits:
    """The habits of some series.

    Parameters
    ----------
    value : finite. series : of each value. begin : when its window starts, µs.
    is_day : windows are days, so that some series may follow the week.
    is_log : values are 0 or more and scatter by factors, not by differences.
    sign : -1 where low values are bad. grain : of each series the least value but 0 that it could have had, NaN where that is not known.
    """
    least = _least(value, series, grain)
    x = scaled(value, least[series] if is_log else None) * sign
    weekday = (begin // DAY + 3) % 7 if is_day else np.zeros(len(begin), np.int64)
    by_week = follows_week(x, series, weekday) if is_day and len(x) else np.zeros(int(series.max(initial=-1)) + 1, bool)
    day = np.where(by_week[series], weekday, -1) if len(x) else weekday
    group = series * 8 + day + 1
    names, place = np.unique(group, return_inverse=True)
    centre = _medians(x, place, len(names))
    deviation = TO_SIGMA * _medians(np.abs(x - centre[place]), place, len(names))
    # Where half of the windows or more are alike there is no median deviation: the tenth that lies furthest out tells the spread.
    tenth = np.asarray(pd.Series(x).groupby(place).quantile(0.9).reindex(range(len(names))), np.float64)
    deviation = np.where(deviation > 0, deviation, (tenth - centre) / NORMAL_TENTH)
    spread = np.maximum(deviation, LEAST_SPREAD if is_log else 1e-9 * float(np.abs(x).max(initial=1.0)))
    scatter = (x - centre[place]) / spread[place]
    kept = np.sort(scatter[scatter <= FAR])
    of_series = names // 8
    sizes = np.bincount(place, minlength=len(names)).astype(float)
    weight = sizes / np.bincount(of_series, sizes)[of_series] if len(names) else sizes
    return Habits(of_series, names % 8 - 1, weight, centre, spread, kept, int((scatter > FAR).sum()), is_log, least, sign)


def scaled(value: Floats, least: Floats | None) -> Floats:
    """Logarithms, of what is less than it those of half the least; or, without one, the values as they are."""
    if least is None:
        return value
    found: Floats = np.log(np.maximum(value, least / 2))
    return found


def _least(value: Floats, series: Ints, grain: Floats | None) -> Floats:
    """The least value but 0 of each series, seen or possible; of one that is always 0, the least of all."""
    count = max(int(series.max(initial=-1)) + 1, 0 if grain is None else len(grain))
    least = np.full(count, np.inf) if grain is None else np.where(np.isnan(grain), np.inf, grain)
    np.minimum.at(least, series, np.where(value > 0, value, np.inf))
    known = least[np.isfinite(least)]
    told: Floats = np.where(np.isfinite(least), least, known.min() if len(known) else 1.0)
    return np.maximum(told, 1e-300)  # half of the least number that there is would be 0


def follows_week(value: Floats, series: Ints, weekday: Ints) -> NDArray[np.bool_]:
    """Which series differ by weekday, by ranks, so that single odd days weigh nothing: Kruskal and Wallis (1952), JASA 47(260).

    Beyond doubt (p below 0.001) and by so much that it matters (H / (n - 1), the share of the ranks' variance, above 0.1).
    """
    count = int(series.max(initial=-1)) + 1
    order = np.lexsort((value, series))
    n = np.bincount(series, minlength=count)
    place = np.empty(len(value))
    place[order] = np.arange(len(value)) - np.repeat(np.cumsum(n) - n, n) + 1
    # Equal values share the mean of their ranks.
    new = s.begins(series[order]) | np.append(True, np.diff(value[order]) != 0)[: len(value)]
    tie = np.cumsum(new) - 1
    mean = np.bincount(tie, place[order]) / np.bincount(tie)
    rank = np.empty(len(value))
    rank[order] = mean[tie]
    cell = series * 7 + weekday
    many = np.bincount(cell, minlength=count * 7).reshape(count, 7)
    total = np.bincount(cell, rank, count * 7).reshape(count, 7)
    variance = np.bincount(series, (rank - (n[series] + 1) / 2) ** 2, count)
    between = (np.divide(total, many, out=np.zeros((count, 7)), where=many > 0) - (n[:, None] + 1) / 2) ** 2 * many
    h = np.divide((n - 1) * between.sum(axis=1), variance, out=np.zeros(count), where=variance > 0)
    found: NDArray[np.bool_] = (many.min(axis=1) >= LEAST_OF_WEEKDAY) & (special.chdtrc(6, h) < SURE) & (h / np.maximum(n - 1, 1) > STRONG)
    return found


def _medians(x: Floats, group: Ints, count: int) -> Floats:
    found: Floats = np.asarray(pd.Series(x).groupby(group).median().reindex(range(count)), np.float64)
    return found


def beyond(habits: Habits, limit: Floats, target: Ints) -> Floats:
    """The share of healthy windows beyond a limit, for each target the mean over its series: shape of `limit`, NaN without a series.

    Parameters
    ----------
    limit : shape (targets,), in the metric's unit. target : which of them each series belongs to, -1 for none.
    """
    return _beyond(habits, _on_scale(habits, limit), target)


def limits(habits: Habits, share: Floats, target: Ints, count: int) -> Floats:
    """The values that these shares of healthy windows are beyond: shape (count,), one a target; NaN for a target without a series."""
    of = target[habits.series]
    wanted = np.broadcast_to(share, (count,))
    ends = np.where(of >= 0, habits.centre, np.nan), np.where(of >= 0, habits.spread, 0.0)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    known = of >= 0
    np.minimum.at(low, of[known], (ends[0] - 10 * ends[1])[known])
    np.maximum.at(high, of[known], (ends[0] + 60 * ends[1])[known])
    low, high = (np.where(np.isfinite(end), end, np.nan) for end in (low, high))
    for _ in range(26):
        middle = (low + high) / 2
        above = _beyond(habits, middle, target) > wanted
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return _off_scale(habits, high)


def _beyond(habits: Habits, limit: Floats, target: Ints) -> Floats:
    of = target[habits.series]
    known = of >= 0
    z = (limit[of[known]] - habits.centre[known]) / habits.spread[known]
    many = np.bincount(of[known], habits.weight[known], len(limit))
    found: Floats = np.bincount(of[known], habits.weight[known] * survival(habits, z), len(limit)) / np.where(many > 0, many, np.nan)
    return found


def survival(habits: Habits, z: Floats) -> Floats:
    """The share of windows that lie further than z spreads beyond their centre."""
    scatter = habits.scatter
    if len(scatter) < ENOUGH:
        normal: Floats = special.ndtr(-z)
        return normal
    share = 1 - np.searchsorted(scatter, z, side="right") / len(scatter)
    top = scatter[-min(TOP, len(scatter) // 4) :]
    start, excess = top[0], max(float((top - top[0]).mean()), 0.05)
    at_start = 1 - np.searchsorted(scatter, start, side="right") / len(scatter)
    # The last windows stand for themselves no more: a tail that falls off as an exponential does.
    tail = max(at_start, 1 / len(scatter)) * np.exp(-np.maximum(z - start, 0) / excess)
    found: Floats = np.where(z > start, tail, share)
    return found


def _on_scale(habits: Habits, limit: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return (np.log(np.maximum(limit, 0)) if habits.is_log else limit) * habits.sign


def _off_scale(habits: Habits, limit: Floats) -> Floats:
    found: Floats = np.exp(np.minimum(limit * habits.sign, 700)) if habits.is_log else limit * habits.sign  # e^710 is infinite
    return found


def is_far(habits: Habits, value: Floats, series: Ints, begin: Ints) -> NDArray[np.bool_]:
    """Which of the values learnt from lie far off."""
    x = scaled(value, habits.least[series] if habits.is_log else None) * habits.sign
    by_week = np.isin(series, habits.series[habits.weekday >= 0])
    group = series * 8 + np.where(by_week, (begin // DAY + 3) % 7, -1) + 1
    place = np.searchsorted(habits.series * 8 + habits.weekday + 1, group)
    found: NDArray[np.bool_] = (x - habits.centre[place]) / habits.spread[place] > FAR
    return found
