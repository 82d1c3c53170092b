"""quantiles: of times counted on fixed bins, never of other quantiles; and what chance leaves of them at so many rows."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.later import special

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Histograms:
    """Counts of some windows on the same edges: (-inf, e0], (e0, e1], …, (e_last, inf), and the sums that make the ends exact."""

    edges: Floats  # shape (bins - 1,), positive, rising
    counts: Floats  # shape (windows, bins)
    total: Floats  # sum of all values, shape (windows,), as the rest
    squares: Floats
    below: Floats  # sums of the values in the first bin and in the last
    above: Floats
    low: Floats  # least and greatest value, NaN of none
    high: Floats

    @property
    def rows(self) -> Floats:
        """How many values each window has."""
        found: Floats = self.counts.sum(axis=1)
        return found

    def take(self, at: NDArray[np.intp]) -> "Histograms":
        """Some of the windows."""
        return replace(self, **{name: getattr(self, name)[at] for name in PER_WINDOW})


PER_WINDOW = tuple(field.name for field in fields(Histograms) if field.name != "edges")
SUMS = {"sum": "total", "sum_squares": "squares", "below_sum": "below", "above_sum": "above"}


def histograms(profiles: pd.DataFrame, edges: Floats) -> Histograms:
    """The windows of a table of profiles, in its order."""
    bins = len(edges) + 1
    counts = np.concatenate(profiles["counts"].tolist()).reshape(-1, bins) if len(profiles) else np.zeros((0, bins))
    sums = {field: np.nan_to_num(profiles[name].to_numpy(np.float64, na_value=np.nan)) for name, field in SUMS.items()}
    ends = {field: profiles[name].to_numpy(np.float64, na_value=np.nan) for name, field in (("min", "low"), ("max", "high"))}
    return Histograms(edges, counts.astype(np.float64), **sums, **ends)


def running(seen: Histograms) -> Histograms:
    """All that was counted up to each window, in order: one more than there are windows, the first empty."""
    none = np.zeros((1, seen.counts.shape[1]))
    added = {name: np.cumsum(np.r_[0.0, getattr(seen, name)]) for name in SUMS.values()}
    low = np.fmin.accumulate(np.r_[np.nan, seen.low])
    high = np.fmax.accumulate(np.r_[np.nan, seen.high])
    return Histograms(seen.edges, np.cumsum(np.vstack([none, seen.counts]), axis=0), **added, low=low, high=high)


def together(parts: Sequence[Histograms]) -> Histograms:
    """Windows of the same times added up, part by part."""
    added = {name: np.sum([getattr(part, name) for part in parts], axis=0) for name in ("counts", *SUMS.values())}
    low = np.fmin.reduce([part.low for part in parts])
    return Histograms(parts[0].edges, **added, low=low, high=np.fmax.reduce([part.high for part in parts]))


def whole(seen: Histograms) -> Histograms:
    """All windows as one."""
    added = {name: getattr(seen, name).sum(axis=0, keepdims=True) for name in ("counts", *SUMS.values())}
    ends = {"low": np.fmin.reduce(seen.low, initial=np.nan), "high": np.fmax.reduce(seen.high, initial=np.nan)}
    return Histograms(seen.edges, **added, **{name: np.array([value]) for name, value in ends.items()})


def quantiles(seen: Histograms, levels: Floats) -> Floats:
    """The value that a share of the rows does not exceed: the ceil(level × rows)-th of them in order.

    Parameters
    ----------
    levels : shape (windows, k), or (k,) for all windows alike; in (0, 1].

    Returns
    -------
    shape (windows, k), in the unit of the values; NaN without rows. Within 1 % of the row itself, as bins are 2 % wide: 2ab / (a + b) is as
    far from a as from b, in per cent. In the two end bins the mean of what lies there; never beyond the least or greatest value.

    Notes
    -----
    Masson, Rim and Lee (2019), DDSketch, PVLDB 12(12).
    """
    wanted = np.broadcast_to(np.asarray(levels, np.float64), (len(seen.low), np.shape(levels)[-1]))
    cumulated = np.cumsum(seen.counts, axis=1)
    # 0.95 × 20 is 19.000000000000004 or so; the 20th row would be wrong.
    rank = np.maximum(np.ceil(wanted * cumulated[:, -1:] * (1 - 1e-12)), 1)
    place = _first(cumulated, rank)
    last = len(seen.edges)
    between = 2 * seen.edges[:-1] * seen.edges[1:] / (seen.edges[:-1] + seen.edges[1:])
    values = np.r_[np.nan, between, np.nan, np.nan][np.minimum(place, last)]
    with np.errstate(invalid="ignore", divide="ignore"):
        ends = (seen.below / seen.counts[:, 0])[:, None], (seen.above / seen.counts[:, -1])[:, None]
    values = np.where(place == 0, ends[0], np.where(place == last, ends[1], values))
    clipped: Floats = np.clip(values, seen.low[:, None], seen.high[:, None])
    return np.where(cumulated[:, -1:] > 0, clipped, np.nan)


def _first(cumulated: Floats, rank: Floats) -> NDArray[np.intp]:
    """In each row the first place that reaches a rank: one search through all rows, laid end to end."""
    rows, bins = cumulated.shape
    if not rows:
        return np.zeros(rank.shape, np.intp)
    before = np.cumsum(np.r_[0.0, cumulated[:-1, -1] + 1])[:, None]  # all rows before, and one more so that none runs into the next
    laid = (cumulated + before).ravel()
    found: NDArray[np.intp] = np.searchsorted(laid, (rank + before).ravel()).reshape(rank.shape) - bins * np.arange(rows)[:, None]
    return found


def trimmed(profiles: pd.DataFrame, edges: Floats) -> tuple[pd.DataFrame, Floats]:
    """The profiles and edges without the bins at both ends in which there is never a value: a service's times fill a third of them."""
    used = np.flatnonzero(np.sum([counts != 0 for counts in profiles["counts"]], axis=0))
    first, last = (int(used[0]), int(used[-1])) if len(used) else (1, 1)
    first, last = max(first - 1, 0), min(last + 1, len(edges))
    counts = profiles["counts"].map(lambda one: one[first : last + 1])
    return profiles.assign(counts=counts), edges[first:last]


def smooth(one: Histograms, levels: Floats) -> Floats:
    """Quantiles of one window with straight lines (of the logarithm) within a bin, so that a small change of level gives a small one of value."""
    counts = one.counts[0]
    cumulated = np.cumsum(counts)
    rank = np.asarray(levels, np.float64) * cumulated[-1]
    place = np.minimum(np.searchsorted(cumulated, rank * (1 - 1e-12)), np.flatnonzero(counts)[-1])
    place = np.maximum(place, np.flatnonzero(counts)[0])
    share = np.clip((rank - (cumulated[place] - counts[place])) / counts[place], 0, 1)
    inner = (place > 0) & (place < len(one.edges))
    at = np.clip(place, 1, len(one.edges) - 1)
    values = one.edges[at - 1] ** (1 - share) * one.edges[at] ** share
    ends = np.where(place == 0, one.below[0] / max(counts[0], 1), one.above[0] / max(counts[-1], 1))
    clipped: Floats = np.clip(np.where(inner, values, ends), one.low[0], one.high[0])
    return clipped


def chance_level(level: float, rows: Floats, of: Floats | float = np.inf, probability: float = 0.95) -> Floats:
    """Which quantile of the truth the sample's own may be by chance.

    Parameters
    ----------
    level : of the quantile. rows : of the sample. of : rows of what stands for the truth, which chance moves as well.
    probability : how often the sample's quantile stays below the result.

    Returns
    -------
    shape of rows, in [0, 1]; NaN without rows.

    Notes
    -----
    The k-th of n rows in order lies at a share of Beta(k, n - k + 1), whatever the distribution (David and Nagaraja, 2003, Order
    Statistics, §2.3). Two samples differ as one of n·m / (n + m) rows does from the truth.
    """
    n = np.where(rows > 0, rows, np.nan)
    both = np.maximum(n if np.all(np.isinf(of)) else n * of / (n + of), 1)
    k = np.clip(np.ceil(level * both * (1 - 1e-12)), 1, both)
    found: Floats = special.betaincinv(k, both - k + 1, probability)
    return found


def log_deviation(seen: Histograms, level: float) -> Floats:
    """How precise the logarithm of a quantile is: half of what chance gives 95 times in 100, over 1.96; shape (windows,)."""
    rows = seen.rows
    ends = np.stack([chance_level(level, rows, probability=p) for p in (0.025, 0.975)], axis=1)
    found = quantiles(seen, np.clip(np.nan_to_num(ends, nan=0.5), 1e-9, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        width = np.log(found[:, 1]) - np.log(found[:, 0])
    deviation: Floats = np.maximum(width / (2 * 1.96), 0.006)  # a bin's 2 % are one of 0.6 % themselves
    return deviation
