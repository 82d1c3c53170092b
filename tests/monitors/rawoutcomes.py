"""Raw predictions and labels made into the table `quality`, with pandas alone: what the store must hold, for tests of what is computed from it."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

SCORE_BINS = 1000
ERRORS = 1e-9 * np.exp(np.log(1.01 / 0.99) * np.arange(2419))  # edges of |error|; bins are (a, b]
LAGS = np.exp(np.log(1.01 / 0.99) * np.arange(986)) / 3600  # edges of hours from prediction to label
LEAST = 1e-15
KEYS = ["model", "version", "dataset", "segment", "window_start", "window_end", "kind", "class"]
COUNTS = ["rows", "predicted", "selected", "labelled", "tp", "fp", "fn", "tn", "scored"]
SUMS = [
    "log_loss_sum", "brier_sum", "error_sum", "error_abs", "error_squares", "label_sum", "label_squares", "lag_sum",
]  # fmt: skip
LISTS = [
    "labels", "label_counts", "bins", "positives", "negatives", "unlabelled", "score_sums", "spots", "spot_rows", "spot_labelled",
    "spot_errors", "spot_squares", "lag_bins", "lag_counts",
]  # fmt: skip
COLUMNS = [*KEYS, *COUNTS, *SUMS, *LISTS]


def quality(
    raw: pd.DataFrame,
    kind: str = "binary",
    positive: str = "1",
    segments: Sequence[str] = (),
    dataset: str = "log",
    window: str = "D",
    spots: Any = None,
    model: str = "m",
) -> pd.DataFrame:
    """The table `quality` of raw rows: "all", every value of each segment column and every pair of values, by window.

    Parameters
    ----------
    raw : a row a prediction. time (UTC); version (else "v1"); label and prediction: texts for classes, numbers for a regression, None or NaN
        where there is none; binary: score; multiclass: `p_<class>` for each class; segment columns of texts; label_time where known. Any
        may be absent but time.
    positive : the positive class of a binary model.
    dataset : "reference" gives its windows and its whole, which has none.
    spots : edges of the prediction's bins, for a regression.
    """
    rows = raw.assign(version=raw.get("version", "v1"), window_start=raw["time"].dt.floor(window))
    rows["window_end"] = rows["window_start"] + pd.Timedelta(1, window)
    parts = [rows]
    if dataset == "reference":
        parts = [rows.assign(window_start=pd.NaT, window_end=pd.NaT), rows]
    made = []
    for part in parts:
        for name, columns in _segments(segments):
            keys = ["version", *columns, "window_start", "window_end"]
            for values, group in part.groupby(keys, dropna=False, sort=True):
                version, *values_of, start, end = values
                segment = " & ".join(f"{c}={v}" for c, v in zip(columns, values_of, strict=True)) or name
                head = {"model": model, "version": version, "dataset": dataset, "segment": segment, "window_start": start, "window_end": end}
                made += [head | {"kind": kind} | one for one in _counted(group, kind, positive, spots)]
    return typed(made)


def typed(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Rows of the table as a frame with its columns and types."""
    frame = pd.DataFrame(list(rows)).reindex(columns=COLUMNS)
    for name in ("window_start", "window_end"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame.astype(dict.fromkeys([*COUNTS, *SUMS], "float64"))


def _segments(columns: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "all", ()
    yield from ((column, (column,)) for column in sorted(columns))
    yield from (("", pair) for pair in itertools.combinations(sorted(columns), 2))


def _counted(rows: pd.DataFrame, kind: str, positive: str, spots: Any) -> Iterator[dict[str, Any]]:
    if kind == "regression":
        yield _errors(rows, spots) | _lags(rows)
        return
    none = pd.Series(None, rows.index, dtype=object)
    label = rows.get("label", none)
    if kind == "binary":
        score = rows["score"].astype(float) if "score" in rows else pd.Series(np.nan, rows.index)
        by_score = pd.Series(np.where(score >= 0.5, positive, "other"), rows.index).where(score.notna(), None)
        yield _class(rows, positive, label, rows.get("prediction", by_score), score, binary=True) | _lags(rows)
        return
    scores = {name[2:]: rows[name].astype(float) for name in rows if name.startswith("p_")}
    classes = sorted({*scores, *label.dropna(), *rows.get("prediction", none).dropna()})
    whole = pd.DataFrame(scores).apply(lambda column: column.between(0, 1)).all(axis=1)  # a row without one of its scores has none
    for name in classes:
        own = scores.get(name, pd.Series(np.nan, rows.index)).where(whole)
        yield _class(rows, name, label, rows.get("prediction", none), own, binary=False) | _lags(rows)


def _class(rows: pd.DataFrame, name: str, label: pd.Series, prediction: pd.Series, score: pd.Series, *, binary: bool) -> dict[str, Any]:
    """One class against the rest. The log loss is that of the rows of the class alone where there are many."""
    labelled, is_it, says_it = label.notna() & prediction.notna(), label == name, prediction == name
    there = score.between(0, 1)
    scored = label.notna() & there
    truth = score.where(is_it, 1 - score)[scored if binary else scored & is_it]
    losses = -np.log(truth.astype(float).clip(LEAST, 1 - LEAST))
    places = np.minimum((score[there] * SCORE_BINS).astype(int), SCORE_BINS - 1).to_numpy()
    bins, own = np.unique(places), {"scored": scored[there].to_numpy(), "is_it": is_it[there].to_numpy()}
    positives, negatives, unlabelled, sums = (
        _per_bin(places, bins, rows)
        for rows in (own["scored"] & own["is_it"], own["scored"] & ~own["is_it"], ~own["scored"], np.where(own["scored"], score[there], 0.0))
    )
    predicted_as = label[labelled & says_it].value_counts().sort_index()
    return {
        "class": name, "rows": len(rows), "predicted": int(prediction.notna().sum()), "selected": int(says_it.sum()),
        "labelled": int(labelled.sum()), "tp": int((labelled & is_it & says_it).sum()), "fp": int((labelled & ~is_it & says_it).sum()),
        "fn": int((labelled & is_it & ~says_it).sum()), "tn": int((labelled & ~is_it & ~says_it).sum()),
        "labels": list(predicted_as.index), "label_counts": predicted_as.tolist(), "scored": int(scored.sum()),
        "log_loss_sum": float(losses.sum()), "brier_sum": float(((score - is_it) ** 2)[scored].sum()),
        "bins": bins.tolist(), "positives": positives, "negatives": negatives, "unlabelled": unlabelled, "score_sums": sums,
    }  # fmt: skip


def _errors(rows: pd.DataFrame, spots: Any) -> dict[str, Any]:
    prediction, label = rows["prediction"].astype(float), rows["label"].astype(float)
    both = np.isfinite(prediction) & np.isfinite(label)
    error = (prediction - label)[both].to_numpy()
    places = np.searchsorted(ERRORS, np.abs(error), side="left")
    bins = np.unique(places)
    found = {
        "class": "", "rows": len(rows), "predicted": int(prediction.notna().sum()), "labelled": int(both.sum()),
        "scored": int(both.sum()), "error_sum": error.sum(), "error_abs": np.abs(error).sum(), "error_squares": (error**2).sum(),
        "label_sum": label[both].sum(), "label_squares": (label[both] ** 2).sum(), "bins": bins.tolist(),
        "positives": _per_bin(places, bins, error >= 0), "negatives": _per_bin(places, bins, error < 0), "unlabelled": [0] * len(bins),
        "score_sums": _per_bin(places, bins, np.abs(error)),
    }  # fmt: skip
    if spots is None:
        return found
    finite = np.isfinite(prediction).to_numpy()
    at = np.searchsorted(spots, prediction[finite], side="left")
    listed, known = np.unique(at), both[finite].to_numpy()
    absolute = np.zeros(len(at))
    absolute[known] = np.abs(error)
    return found | {
        "spots": listed.tolist(), "spot_rows": _per_bin(at, listed, np.ones(len(at), bool)), "spot_labelled": _per_bin(at, listed, known),
        "spot_errors": _per_bin(at, listed, absolute), "spot_squares": _per_bin(at, listed, absolute**2),
    }  # fmt: skip


def _per_bin(places: Any, bins: Any, values: Any) -> list[Any]:
    """Of each bin the number of rows for which `values` is true, or its sum of numbers."""
    counts = np.bincount(places, values, int(places.max(initial=-1)) + 1)[bins] if len(bins) else np.zeros(0)
    return [int(count) for count in counts] if np.asarray(values).dtype == bool else counts.tolist()


def _lags(rows: pd.DataFrame) -> dict[str, Any]:
    if "label_time" not in rows:
        return {}
    hours = ((rows["label_time"] - rows["time"]).dt.total_seconds() / 3600)[rows["label"].notna()].dropna()
    bins, counts = np.unique(np.searchsorted(LAGS, hours, side="left"), return_counts=True)
    return {"lag_bins": bins.tolist(), "lag_counts": counts.tolist(), "lag_sum": float(hours.sum())}
