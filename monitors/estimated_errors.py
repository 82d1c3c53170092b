"""estimated_errors: the estimates of regressions, from what errors the reference had where it predicted such values."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from monitors import outcomes
from monitors.calibration import Expected, Floats, summed
from monitors.estimated_scores import ENOUGH_LABELS, NO_PREDICTION, NO_REFERENCE, told

ENOUGH_OF_SEGMENT = 1000  # labels of a segment of the reference to be learnt from by itself: some 5 in each of 200 bins
KURTOSIS = 3.0  # of errors about one prediction, as of a normal distribution, where none can be told
FEW = f"the reference has fewer than {ENOUGH_LABELS} labels"


def of_errors(table: pd.DataFrame, reference: pd.DataFrame | None) -> Iterator[pd.DataFrame]:
    """mae and rmse of the windows of one version, expected from their predictions; columns and arguments as `estimated_scores.of_scores`."""
    spots, window = outcomes.flat(table["spots"])
    at, rows = spots.astype(np.int64), outcomes.flat(table["spot_rows"])[0].astype(np.float64)
    count, width = len(table), 1 + int(max(at.max(initial=0), _last(reference)))
    learnt = {str(row["segment"]): _learn(row, width) for row in reference.to_dict("records")} if reference is not None else {}
    segments, names = pd.factorize(table["segment"])
    of = [_choose(learnt, str(name), width) for name in names]
    size, square, fourth = (np.stack([one[1][i] for one in of])[segments[window], at] for i in range(3))
    n = summed(window, rows, count)

    def mean(values: Floats) -> Floats:
        return summed(window, rows * values, count) / n

    why = np.where(n == 0, NO_PREDICTION, np.array([one[0] for one in of], object)[segments]).astype(object)
    with np.errstate(invalid="ignore", divide="ignore"):
        mae, mse = mean(size), mean(square)
        sampling, spread = np.sqrt(mean((size - mae[window]) ** 2) / n), np.sqrt(mean(np.maximum(square - size**2, 0)) / n)
        yield told(table, "mae", n, Expected(mae, sampling, spread), why)
        root = np.sqrt(mse)
        by_root = np.where(root > 0, 2 * root, np.inf)  # of a mean of squares to its root, by the delta method
        sampling, spread = (np.sqrt(mean(part) / n) / by_root for part in ((square - mse[window]) ** 2, np.maximum(fourth, 0)))
        yield told(table, "rmse", n, Expected(root, sampling, spread), why)


def _last(reference: pd.DataFrame | None) -> int:
    return int(outcomes.flat(reference["spots"])[0].max(initial=0)) if reference is not None else 0


def _learn(row: Mapping[Any, Any], width: int) -> tuple[float, Floats]:
    """How many labels a segment of the reference has, and by bin of the prediction the mean of |error|, of its square, and the variance of
    the latter, shape (3, bins). A bin without a label is between its neighbours."""
    spots = np.asarray(row["spots"] if row["spots"] is not None else [], np.int64)
    labels, sizes, squares = (np.asarray(row[name] if len(spots) else [], float) for name in ("spot_labelled", "spot_errors", "spot_squares"))
    known = labels > 0
    if labels.sum() < ENOUGH_LABELS:
        return 0.0, np.full((3, width), np.nan)
    means = [np.interp(np.arange(width), spots[known], part[known] / labels[known]) for part in (sizes, squares)]
    return float(labels.sum()), np.stack([*means, (_kurtosis(row, labels[known], means[1][spots[known]]) - 1) * means[1] ** 2])


def _kurtosis(row: Mapping[Any, Any], labels: Floats, squares: Floats) -> float:
    """Of the errors about one prediction: E e⁴ / (E e²)², by the counts of |error| and the mean squares by bin of the prediction."""
    bins, rows = np.asarray(row["bins"], np.int64), np.asarray(row["positives"], float) + np.asarray(row["negatives"], float)
    base = float((labels * squares**2).sum())
    if not base > 0:
        return KURTOSIS
    return max(1.0, float((rows * outcomes.middles(outcomes.ERROR_EDGES)[bins] ** 4).sum()) / base)


def _choose(learnt: Mapping[str, tuple[float, Floats]], segment: str, width: int) -> tuple[str, Floats]:
    """Why there is nothing to go by, and what a segment goes by: its own errors where the reference has labels enough of it."""
    whole = learnt.get("all", (-1.0, np.full((3, width), np.nan)))
    own = learnt.get(segment, whole)
    labels, taken = own if own[0] >= ENOUGH_OF_SEGMENT else whole
    return ("" if labels > 0 else FEW if labels == 0 else NO_REFERENCE), taken
