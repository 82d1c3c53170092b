"""calibration: what a score is worth by the reference's labels, and what that lets one expect of rows whose labels are not there yet.

A score that meant "3 in 10 of these are positive" in the reference is taken to mean so still. Then every row is right with a known chance, and
counts of scores are enough to add these chances up (confidence-based performance estimation, CBPE; NannyML 2023, arXiv:2407.08649).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from monitors.outcomes import SCORE_BINS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIDDLES = (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of some windows, an entry for each bin that holds rows, in order of window and bin."""

    window: Ints  # 0 … windows - 1
    bin: Ints
    rows: Floats
    chance: Floats  # that a row of the bin is positive
    windows: int

    def total(self, values: Floats) -> Floats:
        """The sum over each window's entries."""
        return summed(self.window, values, self.windows)

    def before(self, values: Floats) -> Floats:
        """The sum of a window's entries in lower bins, for each entry."""
        cumulated = np.cumsum(values)
        first = np.searchsorted(self.window, np.arange(self.windows))
        below: Floats = np.r_[0.0, cumulated][first][self.window]
        return cumulated - values - below


@dataclass(frozen=True, slots=True)
class Expected:
    """One metric of some windows, shape (windows,): NaN where it is not defined.

    sampling : standard deviation of the value over windows of so many rows with scores like these.
    spread : of the truth about the value, as labels fall by chance; the truth is within 1.96 of it in 95 of 100 windows while scores mean what
        they meant in the reference.
    """

    value: Floats
    sampling: Floats
    spread: Floats


def summed(group: Ints, values: Floats, groups: int) -> Floats:
    """The sum of the values of each group, 0 … groups - 1."""
    found: Floats = np.bincount(group, values, groups).astype(np.float64)
    return found


def isotonic(positives: Floats, negatives: Floats) -> Floats:
    """The share of positives by bin of the score, never falling: shapes (bins,), (bins,) → (bins,).

    Pool-adjacent-violators weighted by rows; bins without rows lie on the line between their neighbours, and beyond the outer ones stay level.
    Equal to scikit-learn's `IsotonicRegression(out_of_bounds="clip")` on raw rows with each score at the middle of its bin. No rows: ValueError.
    """
    rows = positives + negatives
    seen = np.flatnonzero(rows > 0)
    if not len(seen):
        raise ValueError("no labelled scores to calibrate by")
    fitted = isotonic_regression(positives[seen] / rows[seen], weights=rows[seen]).x
    curve: Floats = np.clip(np.interp(np.arange(len(rows)), seen, fitted), 0, 1)
    return curve


def above_cut(seen: Scored, selected: Floats) -> Floats:
    """The share of each entry's rows that is selected when the highest scores are, as many as `selected` (shape (windows,)) says."""
    higher = seen.total(seen.rows)[seen.window] - seen.before(seen.rows) - seen.rows
    taken: Floats = np.clip((selected[seen.window] - higher) / seen.rows, 0, 1)
    return taken


def expected(seen: Scored, taken: Floats, of_many: bool = False) -> dict[str, Expected]:
    """Every metric of binary scores, expected over the labels that the calibration allows.

    Parameters
    ----------
    taken : the share of each entry's rows that is predicted positive, from `above_cut`; NaN where the predictions are not known.
    of_many : the scores are of one of many classes, so that log_loss counts only rows whose label is that class.

    Returns
    -------
    metric → accuracy, precision, recall, f1 (of the expected confusion matrix), roc_auc (of the expected counts, ties half), log_loss and brier
    (of the score itself at the middle of its bin: within 0.001 but for scores that close to 0 and 1).
    """
    found = {}
    rows = seen.total(seen.rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        for metric, value, slope, level in _metrics(seen, taken, rows, of_many):
            # The value as a mean over rows moves by (label × slope + level) / rows with each of them: the delta method.
            own = seen.chance * slope + level
            sampling = np.sqrt(seen.total(seen.rows * own**2)) / rows
            spread = np.sqrt(seen.total(seen.rows * seen.chance * (1 - seen.chance) * slope**2)) / rows
            found[metric] = Expected(value, sampling, spread)
    return found


def _metrics(seen: Scored, taken: Floats, rows: Floats, of_many: bool) -> Iterator[tuple[str, Floats, Floats, Floats]]:
    """Metric, its value by window, and by entry what a label of 1 adds (slope) to what a label of 0 does (level) to that value."""
    at, score = seen.window, MIDDLES[seen.bin]
    positives = seen.rows * seen.chance
    positive, selected, hits = (seen.total(part) / rows for part in (positives, seen.rows * taken, positives * taken))
    accuracy = 1 - positive - selected + 2 * hits
    yield "accuracy", accuracy, 2 * taken - 1, 1 - taken - accuracy[at]
    precision = np.where(selected > 0, hits / selected, np.nan)
    yield "precision", precision, taken / selected[at], -taken * (precision / selected)[at]
    recall = np.where(positive > 0, hits / positive, np.nan)
    yield "recall", recall, (taken - recall[at]) / positive[at], np.zeros(len(at))
    both = selected + positive
    f1 = np.where(both > 0, 2 * hits / both, np.nan)
    yield "f1", f1, (2 * taken - f1[at]) / both[at], -taken * (f1 / both)[at]
    yield "roc_auc", *_roc_auc(seen, positives, positive)
    other = np.zeros_like(score) if of_many else -np.log1p(-score)
    for metric, one, none in (("log_loss", -np.log(score), other), ("brier", (1 - score) ** 2, score**2)):
        value = seen.total(positives * one + (seen.rows - positives) * none) / rows
        yield metric, value, one - none, none - value[at]


def _roc_auc(seen: Scored, positives: Floats, positive: Floats) -> tuple[Floats, Floats, Floats]:
    """The share of pairs of a positive and a negative that the score puts in order, with its slope and level (DeLong et al. 1988)."""
    at, negatives = seen.window, seen.rows - positives
    all_positives, all_negatives = seen.total(positives)[at], seen.total(negatives)[at]
    below = (seen.before(negatives) + negatives / 2) / all_negatives  # of the negatives, below a row of this bin
    over = 1 - (seen.before(positives) + positives / 2) / all_positives  # of the positives, above it
    value = seen.total(positives * below / all_positives)
    value = np.where((positive > 0) & (positive < 1), value, np.nan)
    one, none = (below - value[at]) / positive[at], (over - value[at]) / (1 - positive[at])
    return value, one - none, none
