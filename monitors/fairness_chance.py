"""What differences between groups look like when there are none: many draws from one common rate, at the groups' own numbers of rows.

The greatest of many gaps is seldom small: among 16 groups of 100 rows that are all treated alike at a rate of a fifth, it is 0.19 in one window
of 20. Draws are seeded, and those of a group do not depend on what else is measured, so a window reads the same whenever it is measured.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitors.noise import seed

Floats = NDArray[np.float64]
DRAWS = 400  # the 95th percentile of so many is good to some 5 %
AT_ONCE = 4_000  # groups drawn at a time: 6 MB, which a processor keeps near


@dataclass(frozen=True, slots=True)
class Alike:
    """Groups as they would be without a difference; those of one unit stand together, and share mean, deviation and skewness.

    rows : of each group, at least 1. mean, deviation, skewness : of a single value of theirs. is_share : whether values are 0 or 1.
    first : where each unit begins.
    """

    rows: Floats
    mean: Floats
    deviation: Floats
    skewness: Floats
    is_share: bool
    first: NDArray[np.intp]

    @property
    def sizes(self) -> NDArray[np.intp]:
        """How many groups each unit has."""
        found: NDArray[np.intp] = np.diff(np.append(self.first, len(self.rows)))
        return found


def of_shares(rows: Floats, share: Floats, first: NDArray[np.intp]) -> Alike:
    """Groups of one common share."""
    deviation = np.sqrt(share * (1 - share))
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = np.where(deviation > 0, (1 - 2 * share) / deviation, 0.0)
    return Alike(rows, share, deviation, skewness, True, first)


def of_means(rows: Floats, mean: Floats, deviation: Floats, first: NDArray[np.intp]) -> Alike:
    """Groups of values with one common mean and deviation; the skewness of so many rows' mean is taken as none."""
    return Alike(rows, mean, deviation, np.zeros_like(rows), False, first)


def gaps(alike: Alike, level: Floats) -> Floats:
    """The greatest difference of two groups of a unit that chance stays below in `level` (one a unit) of its draws."""
    found = np.full(len(alike.first), np.nan)
    for units, _, values, begins in _draws(alike):
        found[units] = _quantile(np.maximum.reduceat(values, begins) - np.minimum.reduceat(values, begins), level[units])
    return found


def ratios(alike: Alike, level: Floats) -> tuple[Floats, Floats]:
    """The lowest over the highest that chance stays above in `level` of its draws, one for each unit; and of each group over the highest."""
    lowest, each = np.full(len(alike.first), np.nan), np.full(len(alike.rows), np.nan)
    for units, part, values, begins in _draws(alike):
        high, low = np.maximum.reduceat(values, begins), np.minimum.reduceat(values, begins)
        highest = np.repeat(high, alike.sizes[units], axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):  # nobody drawn at all: all are alike
            lowest[units] = _quantile(np.where(high > 0, low / high, 1.0), 1 - level[units])
            own = np.repeat(level[units], alike.sizes[units])
            each[part] = _quantile(np.where(highest > 0, values / highest, 1.0), 1 - own)
    return lowest, each


def _quantile(values: Floats, level: Floats) -> Floats:
    """Of each row the quantile at its own level, between two values by a straight line."""
    ordered = np.sort(values, axis=1)
    place = level * (values.shape[1] - 1)
    below = np.floor(place).astype(np.intp)
    low, high = (np.take_along_axis(ordered, at[:, None], axis=1)[:, 0] for at in (below, np.minimum(below + 1, values.shape[1] - 1)))
    found: Floats = low + (high - low) * (place - below)
    return found


def _draws(alike: Alike) -> Iterator[tuple[slice, slice, Floats, NDArray[np.intp]]]:
    """Means of the groups, drawn: units, groups, values of shape (groups, DRAWS), where each unit begins in them.

    Notes
    -----
    A normal deviate with the skewness of the sum (Cornish and Fisher, 1938, Revue de l'Institut international de statistique 5), and
    whole counts where values are 0 or 1: where ten hits are expected within 10 % of binomial draws, which the tests check.
    """
    ends = np.append(alike.first[1:], len(alike.rows)).astype(np.intp)
    place = np.arange(len(alike.rows)) - np.repeat(alike.first, alike.sizes)  # of a group within its unit
    random = np.random.default_rng(seed("fairness"))
    # Row by row, so that more groups do not change those before. Single precision is plenty, and twice as fast.
    z = random.standard_normal((int(place.max(initial=-1)) + 1, DRAWS), np.float32)
    unit = 0
    while unit < len(alike.first):
        stop = max(int(np.searchsorted(ends, alike.first[unit] + AT_ONCE, side="right")), unit + 1)
        part = slice(int(alike.first[unit]), int(ends[stop - 1]))
        told = (alike.rows, alike.mean, alike.deviation / np.sqrt(alike.rows), alike.deviation * alike.skewness / (6 * alike.rows))
        n, mean, spread, skew = (one[part, None].astype(np.float32) for one in told)
        own = z[place[part]]
        values = mean + spread * own + skew * (own * own - 1)
        if alike.is_share:
            values = np.clip(np.rint(values * n), 0, n) / n
        yield slice(unit, stop), part, values, alike.first[unit:stop] - alike.first[unit]
        unit = stop
