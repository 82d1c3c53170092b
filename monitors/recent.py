"""recent: is it getting slower now? What a series of times did in its last fourteen days, known on each of them from those before alone.

The list of steps and leaks (`trends`) looks back over all days, so it may date a change better once more days are there. What raises alerts
must not change its mind: here a day's value depends on that day and the thirteen before it.
"""

import numpy as np
from numpy.typing import NDArray

from data.later import special

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
DAYS, LEAST_DAYS = 14, 8  # looked at, two whole weeks so that their rhythm weighs on neither half; and needed
SLOPE = -1  # among the parts of a fit, where other numbers are the place of a step
BEFORE, AFTER = 3, 2  # days on either side of a step, at least: one day alone is an outlier
SCATTER = 0.015  # of a day's logarithm at least; times are counted on bins of 2 %


def growth_and_step(days: Floats, logs: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """By how much a series grows in a week, and how high its last step was, as of each day; each with what chance gives.

    Parameters
    ----------
    days : when each value was, in days, rising. logs : logarithm of the values, finite.

    Returns
    -------
    growth, its noise, step, its noise: factors, shape of days; 1 is no growth and no step, NaN before the eighth day. One of level, slope,
    step, and step with slope describes the fourteen days, whichever has the least log-likelihood lost with a penalty of 2 log n a
    parameter; what is not in it is 1. A noise is the upper end of the 95 % interval (Student's t) of a slope or step that is really none.
    """
    n = len(logs)
    place = np.arange(n)[:, None] + np.arange(1 - DAYS, 1)
    there = place >= 0
    place = np.maximum(place, 0)
    since = np.where(there, days[place] - days[:, None], 0.0)
    there &= since > -DAYS
    y = _calm(logs)[0][place]
    y[:, -1] = _calm(logs)[1]
    many = there.sum(axis=1)
    fits = [_fit(since, y, there, ()), _fit(since, y, there, (SLOPE,))]
    fits += [_best([_fit(since, y, there, (*more, k)) for k in _cuts()]) for more in ((), (SLOPE,))]
    penalty = 2 * np.log(np.maximum(many, 2))
    cost = np.stack([
        many * np.log(fit["rss"] / np.maximum(many, 1)) + parameters * penalty for fit, parameters in zip(fits, (1, 2, 3, 4), strict=True)
    ])  # fmt: skip
    chosen = np.argmin(cost, axis=0)
    enough = many >= LEAST_DAYS
    # A fall that takes back all that had grown before has ended it: after the repair of a leak nothing grows.
    ended = fits[3]["step"] - fits[3]["slope"] * since.min(axis=1) < 0
    slope = np.choose(chosen, [np.zeros(n), fits[1]["slope"], np.zeros(n), np.where(ended, 0.0, fits[3]["slope"])])
    step = np.choose(chosen, [np.zeros(n), np.zeros(n), fits[2]["step"], fits[3]["step"]])
    of_slope = np.choose(chosen, [fits[1]["slope_deviation"]] * 3 + [fits[3]["slope_deviation"]])
    of_step = np.choose(chosen, [fits[2]["step_deviation"]] * 3 + [fits[3]["step_deviation"]])
    wide = special.stdtrit(np.maximum(many - 4, 1), 0.975)
    found = [np.exp(np.minimum(x, 50)) for x in (7 * slope, 7 * wide * of_slope, step, wide * of_step)]
    growth, growth_noise, height, step_noise = (np.where(enough, x, np.nan) for x in found)
    return growth, growth_noise, height, step_noise


def _calm(logs: Floats) -> tuple[Floats, Floats]:
    """Medians of three, against lone outliers: of each day with both its neighbours, and of it as the last with the two before."""
    padded = np.r_[logs[:1], logs, logs[-1:]]
    both = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
    before = np.r_[logs[:1], logs[:1], logs]
    return both, np.median(np.stack([before[:-2], before[1:-1], before[2:]]), axis=0)


def _cuts() -> range:
    return range(BEFORE, DAYS - AFTER + 1)


def _fit(since: Floats, y: Floats, there: NDArray[np.bool_], parts: tuple[int, ...]) -> dict[str, Floats]:
    """Least squares of all windows at once: a level and `parts`: SLOPE, or the place of a step."""
    columns = [np.ones_like(y)]
    columns += [since if part == SLOPE else np.broadcast_to(np.arange(DAYS) >= part, y.shape) for part in parts]
    x = np.stack(columns, axis=-1) * there[..., None]
    turned = x.transpose(0, 2, 1)
    # A window of one day, or all on one side of a step, has no slope or step; it is not asked for it either (`_one_sided`, `enough`).
    inverse = np.linalg.inv(turned @ x + 1e-9 * np.eye(len(columns)))
    beta = (inverse @ (turned @ y[..., None]))[..., 0]
    many = there.sum(axis=1)
    rss = (((y - (x @ beta[..., None])[..., 0]) * there) ** 2).sum(axis=1)
    rss = np.maximum(rss, many * SCATTER**2)
    spread = rss / np.maximum(many - len(columns), 1)
    found = {"rss": np.where(_one_sided(there, parts), np.inf, rss)}
    for i, part in enumerate(parts, start=1):
        name = "slope" if part == SLOPE else "step"
        found |= {name: beta[:, i], f"{name}_deviation": np.sqrt(spread * np.maximum(inverse[:, i, i], 0))}
    return found


def _one_sided(there: NDArray[np.bool_], parts: tuple[int, ...]) -> NDArray[np.bool_]:
    """Windows that have too few days before the step."""
    cut = next((part for part in parts if part != SLOPE), None)
    short: NDArray[np.bool_] = np.zeros(len(there), bool) if cut is None else there[:, :cut].sum(axis=1) < BEFORE
    return short


def _best(fits: list[dict[str, Floats]]) -> dict[str, Floats]:
    """Of each window the fit with the least squares left."""
    at = np.argmin(np.stack([fit["rss"] for fit in fits]), axis=0)
    return {name: np.stack([fit[name] for fit in fits])[at, np.arange(len(at))] for name in fits[0]}
