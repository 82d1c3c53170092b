"""outcomes: what came of predictions (right, wrong, how sure, how late), as counts of windows that add up. Shared by quality, its estimate,
fairness and staleness.

One row of the table tells of one (model, version, dataset, segment, window, class). `kind` says what its counts mean:

binary       one row, of the positive class. A score is the probability of that class.
multiclass   a row for each class, that class against the rest. `rows`, `predicted`, `labelled`, `scored` and the lags are the same in all of
             them. `log_loss_sum` and `brier_sum` are of the class's own: log_loss_sum of the rows whose label is the class, so that over the
             classes it adds up to the log loss of the whole; brier_sum of all rows, of (p of the class - [label = class])².
regression   one row, class ''.

Segments: "all", "origin=EWR", and "carrier=AA & origin=EWR" (two columns in alphabetical order). The rest of a column of more than 50 values is
"carrier=other", or "carrier=other values" where "other" is itself a value.

Lists are sparse: `bins` names the bins that hold rows, rising, and `positives`, `negatives`, `unlabelled` and `score_sums` have a number for
each; likewise `spots` and `lag_bins`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors.periods import Period, borders_of, sizes, starts, sums

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# ---- how things are counted: as in data/quality.py, which a test compares --------------------------------------------------------

SCORE_BINS = 1000  # bin i holds scores from i/1000 to below (i + 1)/1000; the last one 1 too
_RATIO = np.log(1.01 / 0.99)  # each edge 2 % above the one before: the middle of a bin is within 1 % of all in it
# Bin i holds what is in (edge i-1, edge i]; bin 0 what is at or below the first edge, the last bin what is above the last edge.
ERROR_EDGES: Floats = 1e-9 * np.exp(_RATIO * np.arange(2419))  # of |error|, to 1e12, in the label's unit
LAG_EDGES: Floats = np.exp(_RATIO * np.arange(986)) / 3600  # of hours, from a second to 11 years

KEYS = ["model", "version", "dataset", "segment", "class"]
COUNTS = ["rows", "predicted", "selected", "labelled", "tp", "fp", "fn", "tn", "scored"]
SUMS = ["log_loss_sum", "brier_sum", "error_sum", "error_abs", "error_squares", "label_sum", "label_squares", "lag_sum"]
# The list that names the bins (or labels) → the lists that have a number for each.
LISTS = {
    "labels": ("label_counts",),
    "bins": ("positives", "negatives", "unlabelled", "score_sums"),
    "spots": ("spot_rows", "spot_labelled", "spot_errors", "spot_squares"),
    "lag_bins": ("lag_counts",),
}
COLUMNS = [
    "model", "version", "dataset", "segment", "window_start", "window_end", "kind", "class", *COUNTS[:8], "labels", "label_counts", "scored",
    "log_loss_sum", "brier_sum", "bins", *LISTS["bins"], *SUMS[2:7], "spots", *LISTS["spots"], "lag_bins", "lag_counts", "lag_sum",
]  # fmt: skip
REAL = {"score_sums", "spot_errors", "spot_squares"}  # the lists that hold sums; the others are counts
NONE = np.empty(0, np.int8)  # so small a type that joining it to another leaves that as it is
CELLS = 1_000_000  # numbers held at once while lists are added up


def middles(edges: Floats) -> Floats:
    """A value for each of the bins between edges, geometric; 0 for the first, the last edge for the last."""
    found: Floats = np.r_[0.0, np.sqrt(edges[:-1] * edges[1:]), edges[-1]]
    return found


# ---- sparse lists ------------------------------------------------------------------------------------------------------------------


def flat(lists: pd.Series) -> tuple[NDArray[Any], Ints]:
    """The items of all lists, one after another, and to each the position of its row. A list that is null is empty."""
    arrays = [_array(one) for one in lists]
    lengths = np.fromiter(map(len, arrays), np.int64, len(arrays))
    return _joined(arrays), np.repeat(np.arange(len(arrays)), lengths)


def _joined(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(arrays) if arrays else NONE


def _array(one: Any) -> NDArray[Any]:
    return one if isinstance(one, np.ndarray) else np.asarray(one) if isinstance(one, list | tuple) and len(one) else NONE


def matrix(quality: pd.DataFrame, name: str, size: int | None = None) -> NDArray[Any]:
    """One sparse list of each row as a line of a dense table.

    Parameters
    ----------
    name : which of `LISTS`: "positives", "spot_rows", "lag_counts", …
    size : bins; by default SCORE_BINS, for lags and the errors of regression those of their edges, for spots as many as are named.

    Returns
    -------
    shape (rows, size), int64, or float64 for sums. 8 kB a row of 1,000 bins: merge first, and hand long tables over in parts.
    """
    of = next(bins for bins, lists in LISTS.items() if name in lists)
    bins, row = flat(quality[of])
    width = size if size is not None else _width(quality, of, bins)
    found = np.zeros((len(quality), width), np.float64 if name in REAL else np.int64)
    found[row, bins.astype(np.int64)] = flat(quality[name])[0]
    return found


def _width(quality: pd.DataFrame, of: str, bins: NDArray[Any]) -> int:
    if of == "lag_bins":
        return len(LAG_EDGES) + 1
    if of == "bins":
        return len(ERROR_EDGES) + 1 if (quality["kind"] == "regression").any() else SCORE_BINS
    return int(bins.max()) + 1 if len(bins) else 0


def confusion(quality: pd.DataFrame, classes: list[str]) -> Ints:
    """Rows by label and prediction, of the rows of one window.

    Parameters
    ----------
    quality : the rows of a window, one a class (one alone if binary). Counts of several windows are added up.
    classes : their order; of two if binary.

    Returns
    -------
    shape (classes, classes): [label, prediction].
    """
    found = np.zeros((len(classes), len(classes)), np.int64)
    place = {name: i for i, name in enumerate(classes)}
    for row in quality.to_dict("records"):
        own = place[str(row["class"])]
        if row["kind"] == "binary":
            rest = 1 - own
            counts = [int(row[name]) for name in ("tp", "fp", "fn", "tn")]
            np.add.at(found, ([own, rest, own, rest], [own, own, rest, rest]), counts)
        else:
            at = [place[str(label)] for label in _array(row["labels"])]
            np.add.at(found, (at, own), _array(row["label_counts"]).astype(np.int64))
    return found


# ---- merging -----------------------------------------------------------------------------------------------------------------------


def merge(quality: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The outcomes of longer windows: rows of one key whose windows start in the same period, added up.

    Parameters
    ----------
    quality : the table, any order, windows no longer than the period and none across its border.
    period : "day", "week" (from Monday), "month", all in UTC, or "all" (from the first start to the last end).

    Returns
    -------
    The same columns, in order of the keys and of time: the windows are whole periods, however few of their days were seen. Rows without a
    window (the whole reference) come last, untouched. Equal to counting the longer windows directly, but for the last bits of sums.
    """
    return next(merges(quality, [period]))


def merges(quality: pd.DataFrame, wanted: Iterable[Period]) -> Iterator[pd.DataFrame]:
    """As `merge`, for one period after another: what they have in common is done once."""
    timed = quality["window_start"].notna().to_numpy()
    untouched, windows = quality[~timed].reset_index(drop=True), quality[timed]
    keys = [pd.factorize(windows[key], sort=True)[0] for key in KEYS]
    order = np.lexsort([windows["window_start"].to_numpy("datetime64[us]"), *keys[::-1]])
    windows, codes = windows.iloc[order], np.column_stack(keys)[order]
    joined: list[_Joined] = []
    for period in wanted:
        if windows.empty:
            yield untouched
            continue
        code = np.column_stack([codes, starts(windows["window_start"], period)])
        first = np.flatnonzero(np.r_[True, (code[1:] != code[:-1]).any(axis=1)])
        if not joined and len(first) < len(windows):
            joined = [_joined_lists(windows, of) for of in LISTS if of in windows]
        merged = _added(windows, joined, first, period)
        yield pd.concat([merged, untouched], ignore_index=True) if len(untouched) else merged


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """Sparse lists of many rows, end to end."""

    of: str  # the list that names the bins
    known: Any  # the labels that the codes stand for; None where they are bins
    codes: Ints
    row: Ints  # of each item
    numbers: dict[str, NDArray[Any]]  # list → its items


def _joined_lists(windows: pd.DataFrame, of: str) -> _Joined:
    items, row = flat(windows[of])
    codes, known = (items.astype(np.int64, copy=False), None) if of != "labels" else pd.factorize(items, sort=True)
    return _Joined(of, known, codes, row, {name: _joined([_array(one) for one in windows[name]]) for name in LISTS[of] if name in windows})


def _added(windows: pd.DataFrame, joined: list[_Joined], first: NDArray[np.intp], period: Period) -> pd.DataFrame:
    """One row for each run of rows that begins at a position in `first`."""
    merged = windows.iloc[first].reset_index(drop=True)
    merged["window_start"], merged["window_end"] = borders_of(windows, first, period)
    if len(first) == len(windows):  # nothing to add up
        return merged
    for name in windows.columns.intersection([*COUNTS, *SUMS]):
        merged[name] = sums(windows[name], np.arange(len(windows)), first)
    group = np.repeat(np.arange(len(first)), sizes(first, len(windows)))
    for lists in joined:
        for name, column in _lists(lists, group).items():
            merged[name] = column
    return merged


def _lists(lists: _Joined, group: Ints) -> dict[str, pd.Series]:
    """The names of the bins, and each list of numbers, of all rows of a group together; `group` is that of each row, rising."""
    width = int(lists.codes.max()) + 1 if len(lists.codes) else 1
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in (lists.of, *lists.numbers)}
    at = group[lists.row]
    step = max(1, CELLS // width)
    for start in range(0, int(group[-1]) + 1, step):
        own = slice(*np.searchsorted(at, [start, start + step]))
        cell = (at[own] - start) * width + lists.codes[own]
        cells = min(step, int(group[-1]) + 1 - start) * width
        filled = np.flatnonzero(np.bincount(cell, minlength=cells))
        cuts = np.searchsorted(filled, np.arange(width, cells, width))
        bins = filled % width
        found[lists.of] += np.split(bins.astype(np.int32) if lists.known is None else np.asarray(lists.known, object)[bins], cuts)
        for name, values in lists.numbers.items():
            total = np.bincount(cell, values[own], cells)[filled]  # counts below 2^53 are exact as float64
            found[name] += np.split(total.astype(np.float64 if name in REAL else np.int64), cuts)
    return {name: as_lists(parts) for name, parts in found.items()}


def as_lists(parts: list[NDArray[Any]]) -> pd.Series:
    """A column of arrays."""
    column = np.empty(len(parts), object)
    column[:] = parts
    return pd.Series(column, dtype=object)
