"""scored: metrics of a score against the label, from counts on bins of the score alone; and how far chance moves each.

Bins are sparse: a window lists those that hold rows. All is done for many windows at once, without a matrix of windows and bins.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.later import special
from monitors.outcomes import SCORE_BINS, flat

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
GROUPS = 10  # of the score, equally wide, for the calibration error
LEAST = 1e-15  # a probability nearer to 0 or 1 than that is taken as so near: its logarithm would be infinite


@dataclass(frozen=True, slots=True)
class Scored:
    """Labelled rows of some windows by the bin of their score: window after window, the bins of each rising.

    For a regression the bins are those of |error|, and `sums` are of it.
    """

    sizes: Ints  # per window: how many entries it has
    bins: Ints
    positives: Floats
    negatives: Floats
    sums: Floats  # of the scores

    @property
    def windows(self) -> int:
        """How many windows."""
        return len(self.sizes)

    @property
    def at(self) -> Ints:
        """Per entry: its window."""
        return self.spread(np.arange(self.windows))

    @property
    def rows(self) -> Floats:
        """Rows of each entry."""
        return self.positives + self.negatives

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """A value of each window to all of its entries."""
        return np.repeat(values, self.sizes)

    def total(self, values: Floats) -> Floats:
        """The sum of the entries of each window."""
        found, filled = np.zeros(self.windows), self.sizes > 0
        if filled.any():  # reduceat takes half the time of bincount, but knows no empty run
            found[filled] = np.add.reduceat(values, (np.cumsum(self.sizes) - self.sizes)[filled])
        return found

    def before(self, values: Floats) -> Floats:
        """Per entry the sum of the entries before it in its window."""
        running = np.cumsum(values)
        running -= values
        starts = np.minimum(np.cumsum(self.sizes) - self.sizes, max(len(values) - 1, 0))  # an empty window at the end has none
        if len(values):
            running -= self.spread(running[starts])
        return running


def scored(windows: pd.DataFrame) -> Scored:
    """The bins of a table of outcomes (DESIGN.md §5), in the order of its rows."""
    bins, at = flat(windows["bins"])
    positives, negatives, sums = (flat(windows[name])[0].astype(np.float64) for name in ("positives", "negatives", "score_sums"))
    return Scored(np.bincount(at, minlength=len(windows)), bins.astype(np.int64), positives, negatives, sums)


def roc_auc(seen: Scored) -> Floats:
    """Area under the ROC curve: the chance that a positive scores higher than a negative, equal ones counting half; NaN where one is missing.

    Within half the share of pairs that lie in one bin: within 0.001 where scores spread over some of the 1,000 bins.
    """
    p, n = seen.total(seen.positives), seen.total(seen.negatives)
    wins = seen.total(seen.positives * (seen.before(seen.negatives) + seen.negatives / 2))
    return np.where((p > 0) & (n > 0), wins, np.nan) / np.maximum(p * n, 1)


def auc_spread(seen: Scored) -> Floats:
    """Variance of a positive's and of a negative's placement, of shape (2, windows).

    Over the rows of each kind they add up to the variance of the area: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44.
    """
    p, n, value = seen.total(seen.positives), seen.total(seen.negatives), roc_auc(seen)
    with np.errstate(invalid="ignore", divide="ignore"):
        below = (seen.before(seen.negatives) + seen.negatives / 2) / seen.spread(n)  # of a positive: negatives that score less
        above = 1 - (seen.before(seen.positives) + seen.positives / 2) / seen.spread(p)
        of_positives = (seen.total(seen.positives * np.nan_to_num(below) ** 2) / p - value**2) * p / (p - 1)
        of_negatives = (seen.total(seen.negatives * np.nan_to_num(above) ** 2) / n - value**2) * n / (n - 1)
    return np.maximum(np.stack([of_positives, of_negatives]), 0)


def average_precision(seen: Scored) -> Floats:
    """Mean of the precision at each positive, from the highest score down; NaN without a positive. Rows of one bin count as equal."""
    p = seen.total(seen.positives)
    hits = seen.spread(p) - seen.before(seen.positives)
    flagged = hits + seen.spread(seen.total(seen.negatives)) - seen.before(seen.negatives)
    with np.errstate(invalid="ignore", divide="ignore"):
        # The highest bins may hold nothing but rows without a label yet: 0 of 0 are hits.
        found: Floats = seen.total(seen.positives * hits / np.maximum(flagged, 1)) / p
    return found


def loss_spreads(seen: Scored) -> tuple[Floats, Floats]:
    """Variance of a row's log loss and of its Brier score in each window, every row taken at the mean score of its bin."""
    with np.errstate(invalid="ignore", divide="ignore"):
        score = np.clip(np.nan_to_num(seen.sums / seen.rows, nan=0.5), LEAST, 1 - LEAST)
        found = [
            _variance(seen, -np.log(score), -np.log(1 - score)),
            _variance(seen, (1 - score) ** 2, score**2),
        ]
    return found[0], found[1]


def _variance(seen: Scored, of_positive: Floats, of_negative: Floats) -> Floats:
    rows = seen.total(seen.rows)
    mean = seen.total(seen.positives * of_positive + seen.negatives * of_negative) / rows
    found: Floats = seen.total(seen.positives * of_positive**2 + seen.negatives * of_negative**2) / rows - mean**2
    return np.maximum(found, 0)


@dataclass(frozen=True, slots=True)
class Gaps:
    """Ten groups of the score, of shape (windows, GROUPS): share of the window's rows, mean score less share of positives, its variance per row."""

    share: Floats
    gap: Floats
    spread: Floats

    def take(self, at: Any) -> "Gaps":
        """Some of the windows."""
        return Gaps(self.share[at], self.gap[at], self.spread[at])


def gaps(seen: Scored) -> Gaps:
    """Score against label in ten equally wide groups of the score."""
    place = seen.at * GROUPS + seen.bins * GROUPS // SCORE_BINS
    size = seen.windows * GROUPS
    rows, sums, positives = (
        np.bincount(place, values, size).reshape(-1, GROUPS) for values in (seen.rows, seen.sums, seen.positives)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        true = np.where(rows > 0, positives / rows, 0.0)
        gap = np.where(rows > 0, (sums - positives) / rows, 0.0)
        share = rows / rows.sum(axis=1, keepdims=True)
    return Gaps(share, gap, true * (1 - true))


def ece(found: Gaps) -> Floats:
    """Expected calibration error: |mean score - share of positives|, mean over the rows; NaN of a window without rows.

    Ten equally wide groups: Naeini, Cooper and Hauskrecht (2015), AAAI.
    """
    value: Floats = (found.share * np.abs(found.gap)).sum(axis=1)
    return value


def ece_by_chance(found: Gaps, rows: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of the ece of so many rows that are calibrated as `found` is: chance makes gaps where there are none.

    Each group's gap is taken as normal, hence its amount as folded normal, and the groups as independent.
    """
    share = np.where(found.share > 0, found.share, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(found.spread / (rows[:, None] * share))
        z = np.where(sd > 0, found.gap / sd, 0.0)
        mean = np.where(sd > 0, sd * np.sqrt(2 / np.pi) * np.exp(-(z**2) / 2) + found.gap * (1 - 2 * special.ndtr(-z)), np.abs(found.gap))
        variance = np.where(sd > 0, found.gap**2 + sd**2 - mean**2, 0.0)
    return np.nansum(share * mean, axis=1), np.sqrt(np.maximum(np.nansum(share**2 * variance, axis=1), 0))


def quantile(seen: Scored, level: float) -> Floats:
    """A quantile of |error| from its bins: the mean of the bin in which it lies, so within 1 %. NaN of a window without rows."""
    rows = seen.rows
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(rows > 0, seen.sums / rows, 0.0)
    reached = seen.before(rows) + rows
    hit = reached >= level * seen.spread(seen.total(rows)) - 1e-9
    found = np.full(seen.windows, np.nan)
    at = np.flatnonzero(hit & (rows > 0))
    first, where = np.unique(seen.at[at], return_index=True)
    found[first] = mean[at[where]]
    return found
