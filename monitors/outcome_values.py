"""outcome_values: the metrics of quality, of any windows of outcomes at once, each as an estimate that knows how sure it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import scored as s
from monitors.intervals import Estimate, estimate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[Any]
METRICS = {
    "binary": ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision", "log_loss", "brier", "ece"),
    "multiclass": ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision", "log_loss", "brier", "ece"),
    "regression": ("mae", "rmse", "r2", "bias", "abs_error_p50", "abs_error_p90"),
}
TOGETHER = ("accuracy", "log_loss", "brier")  # of many classes not measured one by one
QUANTILES = {"abs_error_p50": 0.5, "abs_error_p90": 0.9}
NEAR = 0.05  # how far from a quantile's level the errors are looked at, to see how dense they lie

NO_LABEL = "no label yet"
NO_PREDICTION = "no prediction in this window"
NO_SCORE = "needs a score"
NO_CLASS = "no class could be measured"
STILL = "the labels do not vary"


@dataclass(frozen=True, slots=True)
class Valued:
    """One metric of some windows: `at` are the places of their keys in the table; `column` is the class that it is of, "" for all.

    gaps : what an ece is made of, since chance makes some where there are none.
    """

    column: Texts
    at: Ints
    of: Estimate
    gaps: s.Gaps | None = None


def values(outcomes: pd.DataFrame, sure: bool = True) -> list[Valued]:
    """Every metric of a table of outcomes of one kind (DESIGN.md §5), always the same ones in the same order.

    Parameters
    ----------
    sure : whether to say how sure each value is. Without, the spreads that take time are NaN.

    Returns
    -------

    binary : of the positive class. accuracy, precision, recall, f1; roc_auc, average_precision, log_loss, brier and ece by the score.
    multiclass : precision, recall, f1, roc_auc, average_precision and ece of each class against the rest, under the class as column, and
        their means over the classes that could be measured, under ""; accuracy, log_loss and brier (half the squared distance, so 0 to 1
        as with two classes) of the whole.
    regression : mae, rmse, bias (prediction − label) and quantiles of |error| in the label's unit, within 1 % for the quantiles; r2.
    all : label_coverage, the share of rows that have a label.
    """
    kind = str(outcomes["kind"].iat[0]) if len(outcomes) else "binary"
    if kind == "regression":
        return [*_of_errors(outcomes, sure), _coverage(outcomes, np.arange(len(outcomes)))]
    which = "positive" if kind == "binary" else "such"
    by_class = [*_of_predictions(outcomes, which), *_of_scores(outcomes, which, sure)]
    if kind == "binary":
        return [*by_class, _coverage(outcomes, np.arange(len(outcomes)))]
    first, window = _windows(outcomes)
    alone = [one for one in by_class if one.of.metric not in TOGETHER]
    classes = outcomes["class"].to_numpy(object)
    named = [Valued(classes, one.at, one.of, one.gaps) for one in alone]
    return [*_of_all_classes(outcomes, first, window), *(_mean(one, first, window) for one in alone), *named, _coverage(outcomes, first, window)]


def _windows(outcomes: pd.DataFrame) -> tuple[Ints, Ints]:
    """Where each window's first class stands, and to each row the number of its window."""
    keys = ["model", "version", "dataset", "segment", "window_start", "window_end"]
    window = np.asarray(outcomes.groupby(keys, sort=False, dropna=False).ngroup(), np.int64)
    first: Ints = np.flatnonzero(~pd.Series(window).duplicated()).astype(np.int64)
    return first, window


def _of_predictions(outcomes: pd.DataFrame, which: str) -> Iterator[Valued]:
    """Predicted against true class, of each class against the rest, a window a row."""
    tp, fp, fn, tn, labelled = (_floats(outcomes, name) for name in ("tp", "fp", "fn", "tn", "labelled"))
    without, everyone = _without_prediction(outcomes), np.arange(len(outcomes))
    none = {
        "accuracy": _where(labelled == 0, NO_LABEL),
        "precision": _where(tp + fp == 0, f"no {which} prediction with a label in this window"),
        "recall": _where(tp + fn == 0, f"no {which} label in this window"),
        "f1": _where(2 * tp + fp + fn == 0, f"no {which} label and no {which} prediction in this window"),
    }
    with np.errstate(invalid="ignore", divide="ignore"):
        for metric, hits, base in (("accuracy", tp + tn, labelled), ("precision", tp, tp + fp), ("recall", tp, tp + fn)):
            share = hits / base
            yield _whole(estimate(metric, share, labelled, share * (1 - share), base, _first(without, none[metric])), everyone)
        a, b = tp / labelled, (fp + fn) / labelled
        spread = 4 * a * b * (a + b) / (2 * a + b) ** 4  # by the delta method on the shares of tp, fp and fn
        value = 2 * tp / (2 * tp + fp + fn)
        yield _whole(estimate("f1", value, labelled, spread, labelled, _first(without, none["f1"])), everyone)


def _of_scores(outcomes: pd.DataFrame, which: str, sure: bool) -> Iterator[Valued]:
    """Score against true class, of each class against the rest, a window a row."""
    seen, rows, everyone = s.scored(outcomes), _floats(outcomes, "scored"), np.arange(len(outcomes))
    unscored, other = _without_score(outcomes, seen), "negative" if which == "positive" else "other"
    p, n, unsure = seen.total(seen.positives), seen.total(seen.negatives), np.full(len(rows), np.nan)
    both, base = s.auc_spread(seen) if sure else np.stack([unsure, unsure]), np.stack([p, n])
    no_p = _first(unscored, _where(p == 0, f"no {which} label in this window"))
    no_n = _first(no_p, _where(n == 0, f"no {other} label in this window"))
    yield _whole(estimate("roc_auc", s.roc_auc(seen), rows, both, base, no_n), everyone)
    precision = s.average_precision(seen)
    # Binomial in the positives, which Boyd, Eng and Page (2013), ECML, find good enough.
    yield _whole(estimate("average_precision", precision, rows, precision * (1 - precision), p, no_p), everyone)
    groups = s.gaps(seen)
    losses = s.loss_spreads(seen) if sure else (unsure, unsure)
    sd = s.ece_by_chance(groups, rows)[1] if sure else unsure
    with np.errstate(invalid="ignore", divide="ignore"):
        log_loss, brier = (_floats(outcomes, name) / rows for name in ("log_loss_sum", "brier_sum"))
    yield _whole(estimate("log_loss", log_loss, rows, losses[0], rows, unscored), everyone)
    yield _whole(estimate("brier", brier, rows, losses[1], rows, unscored), everyone)
    made = estimate("ece", s.ece(groups), rows, sd**2, np.where(rows > 0, 1.0, 0), unscored)
    yield Valued(np.full(len(rows), "", object), everyone, made, groups)


def _of_all_classes(outcomes: pd.DataFrame, first: Ints, window: Ints) -> Iterator[Valued]:
    """accuracy, log_loss and brier of many classes."""
    seen, count = s.scored(outcomes), len(first)

    def total(found: Floats) -> Floats:
        return np.bincount(window, np.nan_to_num(found), count).astype(np.float64)

    labelled, rows = (_floats(outcomes, name)[first] for name in ("labelled", "scored"))
    whole = outcomes.iloc[first]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = total(_floats(outcomes, "tp")) / labelled
        why = _first(_without_prediction(whole), _where(labelled == 0, NO_LABEL))
        yield _whole(estimate("accuracy", share, labelled, share * (1 - share), labelled, why), first)
        scores = total(seen.sizes.astype(np.float64))
        why = _where(rows == 0, np.where(scores > 0, NO_LABEL, NO_SCORE))
        log_loss = total(_floats(outcomes, "log_loss_sum")) / rows
        score = np.clip(np.nan_to_num(seen.sums / seen.rows, nan=0.5), s.LEAST, 1 - s.LEAST)
        squares = total(seen.total(seen.positives * np.log(score) ** 2)) / rows
        yield _whole(estimate("log_loss", log_loss, rows, np.maximum(squares - log_loss**2, 0), rows, why), first)
        # Errors of classes go together, at most fully: their deviations add up.
        spread = (total(np.sqrt(s.loss_spreads(seen)[1])) / 2) ** 2
        yield _whole(estimate("brier", total(_floats(outcomes, "brier_sum")) / rows / 2, rows, spread, rows, why), first)


def _mean(one: Valued, first: Ints, window: Ints) -> Valued:
    """The mean over the classes that could be measured; as sure as if the classes were independent."""
    there, count = ~np.isnan(one.of.value), len(first)
    with np.errstate(invalid="ignore", divide="ignore"):
        many = np.bincount(window[there], minlength=count)
        value = np.bincount(window[there], one.of.value[there], count) / many
        variance = np.bincount(window[there], np.nan_to_num(one.of.error[there]) ** 2, count) / many**2
    rows = one.of.rows[first]
    why = one.of.reason[first].copy()
    several = np.bincount(window, [reason != "" for reason in one.of.reason], count) > 1
    why[several & ~np.isin(why, (NO_LABEL, NO_SCORE, NO_PREDICTION))] = NO_CLASS
    why[many > 0] = ""
    return _whole(estimate(one.of.metric, value, rows, variance * rows, rows, why), first)


def _of_errors(outcomes: pd.DataFrame, sure: bool) -> Iterator[Valued]:
    """A regression."""
    seen, n = s.scored(outcomes), _floats(outcomes, "labelled")
    why = _first(_without_prediction(outcomes), _where(n == 0, NO_LABEL))
    everyone = np.arange(len(outcomes))
    total, absolute, squares, labels, label_squares = (
        _floats(outcomes, name) for name in ("error_sum", "error_abs", "error_squares", "label_sum", "label_squares")
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        mae, mse, bias = absolute / n, squares / n, total / n
        mean = np.where(seen.rows > 0, seen.sums / seen.rows, 0.0)
        fourth = seen.total(seen.rows * mean**4) / n - (seen.total(seen.rows * mean**2) / n) ** 2
        around = label_squares - labels**2 / n
        # Sums of squares leave 1e-12 of themselves where nothing varies.
        still = _where(~(around > 1e-12 * label_squares), STILL)
        r2 = 1 - squares / around
        # As if all were normal: Olkin and Finn (1995), Psychological Bulletin 118.
        determined = 4 * np.maximum(r2, 0) * (1 - r2) ** 2
        found = {
            "mae": (mae, mse - mae**2), "rmse": (np.sqrt(mse), np.where(mse > 0, np.maximum(fourth, 0) / (4 * mse), 0)),
            "r2": (r2, determined), "bias": (bias, mse - bias**2),
        }  # fmt: skip
        for metric, level in QUANTILES.items():
            between = s.quantile(seen, level + NEAR) - s.quantile(seen, level - NEAR) if sure else np.full(len(n), np.nan)
            found[metric] = s.quantile(seen, level), level * (1 - level) * (between / (2 * NEAR)) ** 2
    for metric, (value, spread) in found.items():
        reason = _first(why, still) if metric == "r2" else why
        yield _whole(estimate(metric, value, n, np.maximum(spread, 0), n, reason), everyone)


def _coverage(outcomes: pd.DataFrame, first: Ints, window: Ints | None = None) -> Valued:
    """label_coverage: rows with a label and a prediction or a score, over all."""
    known = coverage(outcomes)
    if window is not None:
        most = np.zeros(len(first))
        np.maximum.at(most, window, np.nan_to_num(known))
        known = most
    else:
        known = known[first]
    rows = _floats(outcomes, "rows")[first]
    return _whole(estimate("label_coverage", known, rows, known * (1 - known), rows), first)


def coverage(outcomes: pd.DataFrame) -> Floats:
    """The share of each row's rows that have a label."""
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.fmax(_floats(outcomes, "labelled"), _floats(outcomes, "scored")) / _floats(outcomes, "rows")
    return np.asarray(known, np.float64)


def _whole(of: Estimate, at: Ints) -> Valued:
    return Valued(np.full(len(at), "", object), at, of)


def _without_prediction(outcomes: pd.DataFrame) -> Texts:
    none = _floats(outcomes, "labelled") == 0
    return _where(none, np.where(_floats(outcomes, "predicted") > 0, NO_LABEL, NO_PREDICTION))


def _without_score(outcomes: pd.DataFrame, seen: s.Scored) -> Texts:
    return _where(_floats(outcomes, "scored") == 0, np.where(seen.sizes > 0, NO_LABEL, NO_SCORE))


def _first(*reasons: Texts) -> Texts:
    """The first reason that there is."""
    found = reasons[0].copy()
    for reason in reasons[1:]:
        found = np.where(found == "", reason, found)
    return found


def _where(condition: NDArray[np.bool_], reason: Any) -> Texts:
    return np.where(condition, reason, "").astype(object)


def _floats(outcomes: pd.DataFrame, name: str) -> Floats:
    return outcomes[name].to_numpy(np.float64, na_value=np.nan)
