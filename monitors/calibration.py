"""calibration: what a score is worth by the reference's labels, and what that lets one expect of rows whose labels are not there yet.

A score that meant "3 in 10 of these are positive" in the reference is taken to mean so still. Then every row is right with a known chance, and
counts of scores are enough to add these chances up (confidence-based performance estimation, CBPE; NannyML 2023, arXiv:2407.08649).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.later import optimize
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
    fitted = optimize.isotonic_regression(positives[seen] / rows[seen], weights=rows[seen]).x
    curve: Floats = np.clip(np.interp(np.arange(len(rows)), seen, fitted), 0, 1)
    return curve


def above_cut(seen: Scored, selected: Floats) -> Floats:
    """The share of each entry's rows that is selected when the highest scores are, as many as `selected` (shape (windows,)) says."""
    higher = seen.total(seen.rows)[seen.window] - seen.before(seen.rows) - seen.rows
    taken: Floats = np.clip((selected[seen.window] - higher) / seen.rows, 0, 1)
    return taken


def expected(seen: Scored, taken: Floats, of_many: bool = False, varying: bool = True) -> dict[str, Expected]:
    """Every metric of binary scores, expected over the labels that the calibration allows.

    Parameters
    ----------
    taken : the share of each entry's rows that is predicted positive, from `above_cut`; NaN where the predictions are not known.
    varying : whether sampling and spread are wanted; else they are NaN, which takes two thirds of the time.
    of_many : the scores are of one of many classes, so that log_loss counts only rows whose label is that class.

    Returns
    -------
    metric → accuracy, precision, recall, f1 (of the expected confusion matrix), roc_auc (of the expected counts, ties half), log_loss and brier
    (of the score itself at the middle of its bin: within 0.001 but for scores that close to 0 and 1).
    """
    at, rows = seen.window, seen.total(seen.rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = _of_predictions(seen, taken, rows)
        found["roc_auc"] = _roc_auc(seen, rows, varying)
        score, other = MIDDLES[seen.bin], 0.0 if of_many else -np.log1p(-MIDDLES[seen.bin])
        for metric, one, none in (("log_loss", -np.log(score), other), ("brier", (1 - score) ** 2, score**2)):
            value = seen.total(seen.rows * (seen.chance * (one - none) + none)) / rows
            found[metric] = _varying(seen, rows, value, one - none, none - value[at]) if varying else _fixed(value)
    return found


def _varying(seen: Scored, rows: Floats, value: Floats, slope: Floats, level: Floats) -> Expected:
    """A metric that moves by (label × slope + level) / rows with each row: the delta method. Slope and level by entry."""
    sampling = np.sqrt(seen.total(seen.rows * (seen.chance * slope + level) ** 2)) / rows
    spread = np.sqrt(seen.total(seen.rows * seen.chance * (1 - seen.chance) * slope**2)) / rows
    return Expected(value, sampling, spread)


def _fixed(value: Floats) -> Expected:
    return Expected(value, np.full_like(value, np.nan), np.full_like(value, np.nan))


def _of_predictions(seen: Scored, taken: Floats, rows: Floats) -> dict[str, Expected]:
    """accuracy, precision, recall and f1. Their slopes and levels are the same for all rows that are selected, and for all others, so sums of
    both kinds of row are enough."""
    sums = []
    weight = seen.rows
    for _ in range(3):  # rows, expected positives, and these times their chance
        sums.append((seen.total(weight * taken), seen.total(weight)))
        weight = weight * seen.chance
    chosen, other = (np.array([one[0] for one in sums]), np.array([one[1] - one[0] for one in sums]))
    selected, hits, positive = chosen[0] / rows, chosen[1] / rows, sums[1][1] / rows
    accuracy = 1 - positive - selected + 2 * hits
    precision = np.where(selected > 0, hits / selected, np.nan)
    recall = np.where(positive > 0, hits / positive, np.nan)
    both = selected + positive
    f1 = np.where(both > 0, 2 * hits / both, np.nan)
    # Metric → value, then slope and level of a selected row, slope and level of another.
    found = {
        "accuracy": (accuracy, 1.0, -accuracy, -1.0, 1 - accuracy), "precision": (precision, 1 / selected, -precision / selected, 0.0, 0.0),
        "recall": (recall, (1 - recall) / positive, 0.0, -recall / positive, 0.0),
        "f1": (f1, (2 - f1) / both, -f1 / both, -f1 / both, 0.0),
    }  # fmt: skip

    def varying(value: Floats, *lines: Floats | float) -> Expected:
        own, spread = np.zeros(len(rows)), np.zeros(len(rows))
        for sums_of, slope, level in ((chosen, lines[0], lines[1]), (other, lines[2], lines[3])):
            n, first, second = sums_of
            own += np.where(n > 0, second * slope**2 + 2 * first * slope * level + n * level**2, 0)
            spread += np.where(n > 0, (first - second) * slope**2, 0)
        return Expected(value, np.sqrt(np.maximum(own, 0)) / rows, np.sqrt(np.maximum(spread, 0)) / rows)

    return {metric: varying(*lines) for metric, lines in found.items()}


def _roc_auc(seen: Scored, rows: Floats, varying: bool) -> Expected:
    """The share of pairs of a positive and a negative that the score puts in order; its deviations by DeLong et al. (1988), Biometrics 44(3)."""
    at = seen.window
    positives = seen.rows * seen.chance
    negatives = seen.rows - positives
    p, n = seen.total(positives), seen.total(negatives)
    below = (seen.before(negatives) + negatives / 2) / n[at]  # of the negatives, below a row of this bin
    value = np.where((p > 0) & (n > 0), seen.total(positives * below) / p, np.nan)
    if not varying:
        return _fixed(value)
    over = 1 - (seen.before(positives) + positives / 2) / p[at]  # of the positives, above it
    one, none = (below - value[at]) * (rows / p)[at], (over - value[at]) * (rows / n)[at]
    return _varying(seen, rows, value, one - none, none)
