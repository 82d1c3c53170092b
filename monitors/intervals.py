"""intervals: how sure a value is, from so many rows. What an estimate is made of, its confidence interval, and what chance alone would give."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.later import special
from monitors.noise import of_share
from monitors.rules import bounds

Floats = NDArray[np.float64]
LEVEL = 0.95
LOW_IS_BAD = ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision", "r2", "label_coverage")
SHARES = ("accuracy", "precision", "recall", "label_coverage")  # hits over rows: binomial


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metric of some windows.

    value : NaN where it could not be measured; `reason` then says why, else "". rows : those that entered.
    spread, base : shape (2, windows): the variance of the value is spread over base, added up. Two, since an AUC varies by its positives and
        by its negatives; of others the second is 0 over 1.
    """

    metric: str
    rows: Floats
    value: Floats
    reason: NDArray[Any]
    spread: Floats
    base: Floats

    def take(self, at: Any) -> "Estimate":
        """Some of the windows."""
        own = {name: getattr(self, name)[at] for name in ("rows", "value", "reason")}
        return replace(self, **own, spread=self.spread[:, at], base=self.base[:, at])

    @property
    def error(self) -> Floats:
        """The standard error of each value."""
        return deviation(self.spread, self.base)


def estimate(metric: str, value: Floats, rows: Floats, spread: Floats, base: Floats, reason: NDArray[Any] | None = None) -> Estimate:
    """An estimate of one kind of row (spread and base of shape (windows,)) or of two (2, windows)."""
    if spread.ndim == 1:
        spread, base = np.stack([spread, np.zeros_like(spread)]), np.stack([base, np.ones_like(base)])
    why = np.full(len(value), "", object) if reason is None else reason
    return Estimate(metric, rows, np.where(why == "", value, np.nan), why, spread, base)


def deviation(spread: Floats, base: Floats) -> Floats:
    """The root of what two kinds of rows add to the variance; NaN where there are none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.sqrt(np.where(base > 0, spread / base, np.nan).sum(axis=0))
    return found


def interval(of: Estimate, level: float = LEVEL) -> tuple[Floats, Floats]:
    """The confidence interval of each value; NaN where there is none.

    Shares by Wilson (1927), J. Am. Stat. Assoc. 22, which holds at 0 and 1 too; all others by their standard error (DeLong's for an AUC),
    cut at the metric's bounds.
    """
    z = float(special.ndtri((1 + level) / 2))
    if of.metric in SHARES:
        low, high = wilson(of.value, of.base[0], z)
        return low, high
    least, most = bounds(of.metric)
    return np.maximum(of.value - z * of.error, least), np.minimum(of.value + z * of.error, most)


def wilson(share: Floats, rows: Floats, z: float = 1.959963984540054) -> tuple[Floats, Floats]:
    """Wilson's interval of shares of so many rows; NaN without a row."""
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
        half = z * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2)) / (1 + z**2 / rows)
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)


def by_chance(reference: Estimate, windows: Estimate) -> Floats:
    """How bad a value chance alone gives in 95 of 100 windows if nothing has changed: the reference's own, drawn on the window's rows.

    Parameters
    ----------
    reference, windows : of the same metric and length; the reference of each window, NaN where it has none.

    Returns
    -------
    shape (windows,): a lower bound where low is bad, else an upper one; of a bias, which may be bad on both sides, that on which the window
    stands. Shares exactly (binomial), all others by their standard error.
    """
    z = float(special.ndtri(LEVEL))
    low = np.full(len(windows.value), reference.metric in LOW_IS_BAD)
    if reference.metric == "bias":
        low = windows.value < reference.value
    if reference.metric in SHARES:
        return 1 - _share(1 - reference.value, windows.base[0])
    sd = deviation(reference.spread, windows.base)
    least, most = bounds(reference.metric)
    return np.clip(reference.value + np.where(low, -z, z) * sd, least, most)


def _share(share: Floats, rows: Floats) -> Floats:
    """The 95th percentile of a share of so many rows: exact where few are expected, else to less than a row; NaN where there are none."""
    spread = rows * share * (1 - share)
    many = spread > 25
    z = float(special.ndtri(LEVEL))
    # Normal, corrected for skew by Cornish and Fisher: the exact one takes a hundred times as long.
    found = np.ceil(rows * share + z * np.sqrt(spread) + (z**2 - 1) * (1 - 2 * share) / 6 - 0.5) / np.maximum(rows, 1)
    if not many.all():
        few, again = np.unique(np.stack([share[~many], rows[~many]]), axis=1, return_inverse=True)
        found[~many] = of_share(few[0], few[1])[again]
    return np.where(rows > 0, found, np.nan)


def p_value(one: Estimate, other: Estimate) -> Floats:
    """Two-sided, of the difference between two values of separate rows: two proportions (pooled), DeLong's of two AUCs, Welch's of two means."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if one.metric in SHARES:
            n, m = one.base[0], other.base[0]
            pooled = (one.value * n + other.value * m) / (n + m)
            error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        else:
            error = np.hypot(one.error, other.error)
        difference = np.abs(one.value - other.value)
        found: Floats = np.where(difference == 0, np.where(np.isnan(error), np.nan, 1.0), 2 * special.ndtr(-difference / error))
    return found
