"""outcome_views: what a screen shows of outcomes beside one number: reliability, confusion, errors by decile of score, the ROC curve."""


import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import outcomes
from monitors import scored as s
from monitors.intervals import wilson

Floats = NDArray[np.float64]
RELIABILITY = ["class", "low", "high", "rows", "score", "positive", "positive_low", "positive_high"]
DECILES = ["class", "decile", "low", "high", "rows", "errors", "error_low", "error_high"]
CURVE = ["class", "false_positive_rate", "recall", "score"]
OTHER = "any other"  # the class of a binary model that has no name in the table


def reliability(quality: pd.DataFrame) -> pd.DataFrame:
    """Score against label in ten equally wide groups of the score, a row for each that holds labelled rows.

    Parameters
    ----------
    quality : outcomes merged to one window: one row, or one a class.

    Returns
    -------
    low, high : the group's scores. score : their mean. positive : the share of rows whose label is the class, with Wilson's interval of 95 %.
    """
    seen = s.scored(quality)
    place, size = seen.at * s.GROUPS + seen.bins * s.GROUPS // outcomes.SCORE_BINS, seen.windows * s.GROUPS
    rows, sums, positives = (np.bincount(place, values, size).astype(float) for values in (seen.rows, seen.sums, seen.positives))
    some = np.flatnonzero(rows > 0)
    share = positives[some] / rows[some]
    low, high = wilson(share, rows[some])
    start = some % s.GROUPS / s.GROUPS
    return pd.DataFrame({
        "class": quality["class"].to_numpy(object)[some // s.GROUPS], "low": start, "high": start + 1 / s.GROUPS,
        "rows": rows[some].astype(np.int64), "score": sums[some] / rows[some], "positive": share, "positive_low": low, "positive_high": high,
    })[RELIABILITY]  # fmt: skip


def deciles(quality: pd.DataFrame, cut: float = 0.5) -> pd.DataFrame:
    """Errors in tenths of the labelled rows by their score, the lowest first: where the model is wrong, the sure or the unsure.

    Parameters
    ----------
    cut : the score from which a row is called positive. quality : as for `reliability`.

    Returns
    -------
    decile : 1 to 10. low, high : its scores, to 0.001. errors : the share of its rows on the wrong side of the cut, with Wilson's interval.
    A bin of many equal scores is not cut in two, so a tenth may hold more rows, and the next less or be missing.
    """
    seen = s.scored(quality)
    total = seen.spread(np.maximum(seen.total(seen.rows), 1))
    # A bin belongs to the tenth that its middle row is in.
    tenth = np.minimum(((seen.before(seen.rows) + seen.rows / 2) / total * 10).astype(np.int64), 9)
    wrong = np.where(seen.bins >= round(cut * outcomes.SCORE_BINS), seen.negatives, seen.positives)
    table = pd.DataFrame({"at": seen.at, "decile": tenth + 1, "bin": seen.bins, "rows": seen.rows, "wrong": wrong})
    table = table[table["rows"] > 0]
    groups = table.groupby(["at", "decile"])
    found = groups[["rows", "wrong"]].sum().join(groups["bin"].agg(["min", "max"])).reset_index()
    share, rows = found["wrong"].to_numpy(float) / found["rows"].to_numpy(float), found["rows"].to_numpy(float)
    low, high = wilson(share, rows)
    names = quality["class"].to_numpy(object)[found["at"].to_numpy(np.int64)]
    return pd.DataFrame({
        "class": names, "decile": found["decile"], "low": found["min"] / outcomes.SCORE_BINS,
        "high": (found["max"] + 1) / outcomes.SCORE_BINS, "rows": rows.astype(np.int64), "errors": share, "error_low": low, "error_high": high,
    })[DECILES]  # fmt: skip


def errors(quality: pd.DataFrame, most: int = 40) -> pd.DataFrame:
    """How the errors of a regression are spread: low, high (|error|, in the label's unit), too_high and too_low, rows of each.

    quality : outcomes merged to one window. Up to `most` bars of equal width reach to the 99th percentile; the last holds all above too.
    """
    seen = s.scored(quality)
    if not seen.rows.sum():
        return pd.DataFrame(columns=["low", "high", "too_high", "too_low"])
    end = float(s.quantile(seen, 0.99)[0])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(seen.rows > 0, seen.sums / seen.rows, 0.0)
    width = end / most if end > 0 else 1.0
    bar = np.minimum((mean / width).astype(np.int64), most - 1)
    high, low = (np.bincount(bar, values, most).astype(np.int64) for values in (seen.positives, seen.negatives))
    start = np.arange(most) * width
    return pd.DataFrame({"low": start, "high": start + width, "too_high": high, "too_low": low})


def roc(quality: pd.DataFrame, most: int = 200) -> pd.DataFrame:
    """The ROC curve from (0, 0) to (1, 1), at most some `most` points; nothing where one class is missing.

    quality : as for `reliability`. score : from which score on rows are called positive at that point.
    """
    seen, parts = s.scored(quality), []
    for i, name in enumerate(quality["class"]):
        own = seen.at == i
        positives, negatives = (values[own][::-1] for values in (seen.positives, seen.negatives))
        p, n = positives.sum(), negatives.sum()
        if p and n:
            recall, wrong = np.r_[0, np.cumsum(positives)] / p, np.r_[0, np.cumsum(negatives)] / n
            score = np.r_[1.0, seen.bins[own][::-1] / outcomes.SCORE_BINS]
            # Points that are less than half a percent of the way from the last one would not be seen.
            step = np.floor((recall + wrong) * most / 2)
            kept = np.flatnonzero(np.r_[True, step[1:-1] != step[:-2], True])
            parts.append(pd.DataFrame({"class": name, "false_positive_rate": wrong[kept], "recall": recall[kept], "score": score[kept]}))
    return pd.concat(parts, ignore_index=True)[CURVE] if parts else pd.DataFrame(columns=CURVE)


def confusion(quality: pd.DataFrame) -> pd.DataFrame:
    """Rows by label and prediction, a row for each pair: label, prediction, rows, share (of the rows of that label).

    quality : as for `reliability`. The other class of a binary model is called as its labels tell, else "any other".
    """
    classes = _classes(quality)
    counts = outcomes.confusion(quality, classes)
    of = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        share = counts / of
    pairs = [(label, prediction) for label in classes for prediction in classes]
    return pd.DataFrame(pairs, columns=["label", "prediction"]).assign(rows=counts.ravel(), share=share.ravel())


def _classes(quality: pd.DataFrame) -> list[str]:
    named = [str(name) for name in quality["class"]]
    told = {str(label) for one in quality["labels"] if one is not None and np.ndim(one) for label in one}
    if (quality["kind"] == "binary").any():
        others = sorted(told - set(named))
        return [named[0], others[0] if len(others) == 1 else OTHER]
    return sorted({*named, *told})
