"""estimated_scores: the estimates of classifiers, from counts of scores and what the reference's labels made of such scores."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import outcomes
from monitors.calibration import Expected, Floats, Ints, Scored, above_cut, expected, isotonic, summed
from monitors.outcomes import SCORE_BINS

OF_PREDICTIONS = ("accuracy", "precision", "recall", "f1")
ENOUGH_LABELS, ENOUGH_OF_SEGMENT = 100, 5000  # of a reference to learn from, and of a segment of it to be learnt from by itself
CUT_MISS = 0.01  # by how much of all rows the confusion matrix of a cut may miss that of the predictions
WINDOW = ["model", "version", "dataset", "segment", "window_start", "window_end", "period"]

NO_REFERENCE = "no reference with labels to learn from"
FEW = f"the reference has fewer than {ENOUGH_LABELS} labels, or of one class alone"
NO_SCORE = "no score in this window"
NO_PREDICTION = "no prediction in this window"
NO_CUT = "the predictions do not follow one cut of the score"
MANY = "counts of one score do not tell which of many classes was predicted"
UNDEFINED = {
    "precision": "no positive prediction in this window",
    "recall": "no positive label is expected in this window",
    "f1": "no positive label is expected and none predicted in this window",
    "roc_auc": "labels of one class alone are expected in this window",
}
Key = tuple[str, str]  # segment and class


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the labels of a reference, or of a segment of it, made of scores.

    curve : by bin of the score, the chance that a row is positive. taken : by bin, the share that was predicted positive; NaN without predictions.
    is_cut : whether its predictions follow one cut of the score. reason : why nothing could be learnt, else "".
    """

    labels: float
    curve: Floats
    taken: Floats
    is_cut: bool
    reason: str = ""


def of_scores(table: pd.DataFrame, reference: pd.DataFrame | None, varying: bool = True) -> Iterator[pd.DataFrame]:
    """The estimates of the windows of one version, binary or of many classes, with the columns of `estimated.COLUMNS`.

    Parameters
    ----------
    table : outcomes with `period`. reference : the whole reference, a row for each segment and class. varying : whether sampling and spread are
        wanted.
    """
    learnt = _learn(reference) if reference is not None else {}
    of, place = _calibrations(table, learnt)
    seen = _seen(table, np.stack([one.curve for one in of]), place)
    rows = seen.total(seen.rows)
    share = _selected(table, rows)
    of_reference = np.stack([one.taken for one in of])[place[seen.window], seen.bin]
    taken = np.where(np.isnan(share)[seen.window], of_reference, above_cut(seen, np.nan_to_num(share) * rows))
    of_many = str(table["kind"].iat[0]) == "multiclass"
    found = expected(seen, taken, of_many, varying)
    why = _reasons(of, place, rows, np.isnan(seen.total(taken)))
    if not of_many:
        for metric, one in found.items():
            yield told(table, metric, rows, one, _undefined(metric, one, why.get(metric, why[""])))
    else:
        yield from _many(table, found, rows, why[""])


# ---- learning ----------------------------------------------------------------------------------------------------------------------


def _learn(reference: pd.DataFrame) -> dict[Key, Learnt]:
    """What each segment and class of a whole reference tells."""
    return {(str(row["segment"]), str(row["class"])): _learn_one(row) for row in reference.to_dict("records")}


def _learn_one(row: Mapping[Any, Any]) -> Learnt:
    bins = np.asarray(row["bins"], np.int64)
    names = ("positives", "negatives", "unlabelled")
    positives, negatives, unlabelled = (summed(bins, np.asarray(row[name], float), SCORE_BINS) for name in names)
    labels = float(positives.sum() + negatives.sum())
    if labels < ENOUGH_LABELS or not positives.any() or not negatives.any():
        return _nothing(FEW if labels else NO_REFERENCE)
    rows = positives + negatives + unlabelled
    share = row["selected"] / row["predicted"] if row["predicted"] > 0 else np.nan
    left = share * rows.sum() - (rows.sum() - np.cumsum(rows))  # of those to be selected, when all in higher bins are
    with np.errstate(invalid="ignore", divide="ignore"):
        taken = np.clip(np.where(rows > 0, left / rows, np.sign(left)), 0, 1)
    is_cut = True  # without predictions nothing speaks against it
    if row["labelled"] > 0:
        made, real = np.array([positives @ taken, negatives @ taken]) / labels, np.array([row["tp"], row["fp"]]) / row["labelled"]
        is_cut = bool(np.abs(made - real).max() <= CUT_MISS)
    return Learnt(labels, isotonic(positives, negatives), taken, is_cut)


def _nothing(reason: str) -> Learnt:
    blank = np.full(SCORE_BINS, np.nan)
    return Learnt(0, blank, blank, True, reason)


def _calibrations(table: pd.DataFrame, learnt: Mapping[Key, Learnt]) -> tuple[list[Learnt], Ints]:
    """The calibrations in use, and which of them goes with each window: its segment's own where the reference has labels enough of that."""
    codes, names = pd.factorize(pd.MultiIndex.from_frame(table[["segment", "class"]]))
    found = []
    for segment, name in names:
        whole = learnt.get(("all", name), _nothing(NO_REFERENCE))
        own = learnt.get((segment, name), whole)
        found.append(own if own.labels >= ENOUGH_OF_SEGMENT else whole)
    return found, codes.astype(np.int64)


# ---- expecting ---------------------------------------------------------------------------------------------------------------------


def _seen(table: pd.DataFrame, curves: Floats, place: Ints) -> Scored:
    """All scores of the windows, those with a label and those without alike, and the chance that goes with each."""
    bins, window = outcomes.flat(table["bins"])
    at = bins.astype(np.int64)
    parts = [outcomes.flat(table[name])[0].astype(np.float64) for name in ("positives", "negatives", "unlabelled")]
    return Scored(window, at, parts[0] + parts[1] + parts[2], curves[place[window], at], len(table))


def _selected(table: pd.DataFrame, rows: Floats) -> Floats:
    """The share of each window's predictions that are positive; NaN where some scored rows have no prediction or the other way round.

    The window's own share tells its cut, whatever it was in the reference: a cut that was moved on purpose moves the estimate.
    """
    predicted, selected = (table[name].to_numpy(np.float64, na_value=np.nan) for name in ("predicted", "selected"))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where((predicted > 0) & (np.abs(predicted / rows - 1) <= CUT_MISS), selected / predicted, np.nan)
    return found


def _reasons(of: list[Learnt], place: Ints, rows: Floats, without: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """Why a window has no estimate, "" where it has one: for metrics of predictions by name, for the others under ""."""
    why = np.where(rows == 0, NO_SCORE, np.array([one.reason for one in of], object)[place]).astype(object)
    cut = np.where(np.array([one.is_cut for one in of])[place], "", NO_CUT)
    predicted = np.where(why != "", why, np.where(without, NO_PREDICTION, cut)).astype(object)
    return {"": why} | dict.fromkeys(OF_PREDICTIONS, predicted)


def _undefined(metric: str, one: Expected, why: NDArray[Any]) -> NDArray[Any]:
    return np.where((why == "") & np.isnan(one.value), UNDEFINED.get(metric, ""), why).astype(object)


def _many(table: pd.DataFrame, found: Mapping[str, Expected], rows: Floats, why: NDArray[Any]) -> Iterator[pd.DataFrame]:
    """Of many classes: roc_auc of each against the rest and their mean, log_loss and brier of the whole; what needs the prediction is blank."""
    area = found["roc_auc"]
    reason = _undefined("roc_auc", area, why)
    yield told(table, "roc_auc", rows, area, reason, table["class"])
    window = table.groupby(WINDOW, sort=False, dropna=False).ngroup().to_numpy().astype(np.int64)
    first = np.flatnonzero(~pd.Series(window).duplicated())
    whole, count = table.iloc[first], len(first)

    def together(one: Expected, weight: float | Floats) -> Expected:
        # The scores of one row's classes go together, at most fully, so their deviations add up.
        value, sampling, spread = (summed(window, part * weight, count) for part in (one.value, one.sampling, one.spread))
        return Expected(value, sampling, spread)

    classes = np.bincount(window, minlength=count)
    of_one = pd.Series(why).groupby(window).first().to_numpy(object)
    yield told(whole, "roc_auc", rows[first], together(area, 1 / classes[window]), pd.Series(reason).groupby(window).max().to_numpy(object))
    yield told(whole, "log_loss", rows[first], together(found["log_loss"], 1), of_one)
    yield told(whole, "brier", rows[first], together(found["brier"], 0.5), of_one)
    for metric in OF_PREDICTIONS:
        nothing = np.full(count, np.nan)
        yield told(whole, metric, rows[first], Expected(nothing, nothing, nothing), np.where(of_one == "", MANY, of_one))


def told(
    table: pd.DataFrame, metric: str, rows: Floats, one: Expected, why: NDArray[Any], column: pd.Series | str = ""
) -> pd.DataFrame:
    """One metric of the windows of a table, blank where there is a reason."""
    good = why == ""
    values = {name: np.where(good, getattr(one, name), np.nan) for name in ("value", "sampling", "spread")}
    reason = pd.Series(why, table.index, dtype=object).where(~good, None)
    return table[WINDOW].assign(column=column, metric=metric, rows=rows.astype(np.int64), **values, reason=reason)
