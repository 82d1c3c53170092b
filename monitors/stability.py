"""stability: did the numbers break? NaN and infinity, scores outside [0, 1], values that stand still, a jump of magnitude.

NaN and infinity are no nulls: null says that there is no value, NaN that a computation went wrong. Each has a count of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import coverage, periods
from monitors.measurements import no_reference, typed
from monitors.noise import of_share
from monitors.usual import ENOUGH_ROWS, LEVEL, usual_level

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Edges = Mapping[tuple[str, str], Floats | None]  # by version and column
OUTPUTS, BETWEEN = ("score", "prediction", "probability"), ("score", "probability")
VARYING = ("feature", "watched", *OUTPUTS)  # what must not stand still, nor jump
ROLES = (*VARYING, "label", "latency", "requests")  # of the columns that are looked at
METRICS = ("nan_rate", "inf_rate", "score_range_rate", "sum_rate", "constant", "magnitude")
RATES = METRICS[:4]
RARER = 100  # a class seldom predicted may become so many times rarer by drift: on the sample v1 calls no flight late on 22 days of 77
KEYS = ["model", "version", "column", "segment", "window_start", "window_end", "dataset"]

EMPTY = "no values in this window"
FEW = "fewer than two values in this window"
NO_VALUES = "the reference holds no values"
STILL = "the reference does not vary"
LEAVES = "the reference itself leaves [0, 1]"
UNCOUNTED = "its values have no counts of their own"
ZEROS = "every value is 0"
ZERO_REFERENCE = "the reference is 0 throughout"
TOO_FAR = "the values or the reference’s are beyond what a square can hold"


@dataclass(frozen=True, slots=True)
class Values:
    """One metric of some windows. `at` are their places; a value is NaN where `reasons` says why; `noise` is what chance gives."""

    metric: str
    at: NDArray[np.intp]
    rows: Floats
    values: Floats
    noise: Floats
    reasons: NDArray[Any]


def measure(profiles: pd.DataFrame, bins: pd.DataFrame) -> pd.DataFrame:
    """Every stability metric of one model, for each version, column and segment, by day, week and month.

    Parameters
    ----------
    profiles : the stored windows of the log (`dataset` "log"), those of the reference and the whole reference ("reference", the
        whole without a window).
    bins : the edges of number columns, by version and column.

    Returns
    -------
    table of measurements with `dataset`, as `drift.measure` gives it.

    nan_rate, inf_rate : share of the window's rows, null ones included; +inf and −inf together. Of number columns: a text has neither.
    score_range_rate : share of the finite values of a score or probability that are below 0 or above 1.
    sum_rate : share of rows whose probabilities differ from 1 in their sum by more than 0.001.
    constant : 1 where all values of the window are one and the same, else 0.
    magnitude : how many times greater the root mean square is than the reference's, or how many times smaller; 1 is no change. Of the
        values other than 0, of which `rows` is the number: a dry day is no smaller unit of rain.

    `noise` of a rate is what chance gives at so many rows where the reference itself has some: 0 where it has none. `usual` is
    the 95th percentile of the reference's own windows of the same length: a column that stands still on many of its days is quiet.
    """
    edges = {(v, c): np.asarray(e, float) for v, c, k, e in bins[["version", "column", "kind", "edges"]].itertuples(index=False) if k == "number"}
    referenced = set(bins.loc[bins["role"] != "latency", "version"])
    tables = [_of_role(str(role), rows, edges, referenced) for role, rows in profiles.groupby("role", sort=True)]
    return typed(pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()).assign(monitor="stability")


def _of_role(role: str, profiles: pd.DataFrame, edges: Edges, referenced: set[str]) -> pd.DataFrame:
    """The measurements of the columns of one role: all versions, segments and lengths of window."""
    source = {v: v if v in referenced else "" for v in profiles["version"].unique()}
    pairs = profiles[["version", "column"]].drop_duplicates().itertuples(index=False, name=None)
    known = {(v, c): edges.get((source[v], c)) for v, c in pairs}
    is_whole = profiles["window_start"].isna().to_numpy()
    whole = _with_reference_facts(profiles[is_whole], known)
    windows, _ = coverage.with_shapes(_compact(profiles[~is_whole], known, role), source, {})
    if windows.empty:
        return pd.DataFrame()
    windows = windows.assign(of=windows["version"].map(source), finite=_finite(windows))
    keys = pd.MultiIndex.from_frame(whole[["version", "column", "segment"]])
    place = keys.get_indexer(pd.MultiIndex.from_frame(windows[["of", "column", "segment"]]))
    base = whole.reset_index(drop=True).reindex(place).reset_index(drop=True)  # blank where there is no reference
    return _table(windows, [one for one in _metrics(role, windows, base, known) if len(one.at)])


def _metrics(role: str, windows: pd.DataFrame, base: pd.DataFrame, known: Edges) -> Iterator[Values]:
    """Each metric that columns of a role can have."""
    number = (windows["kind"] == "number").to_numpy()
    if role == "requests":
        yield _rate("sum_rate", windows, base, windows["bad_sums"].notna().to_numpy(), ["bad_sums"])
        return
    yield _rate("nan_rate", windows, base, number, ["nans"])
    yield _rate("inf_rate", windows, base, number, ["pos_infs", "neg_infs"])
    if role in BETWEEN:
        yield _range(windows, number, known)
    if role in VARYING:
        yield _constant(windows, base, role)
        yield _magnitude(windows, base, number)


# ---- profiles, made small ------------------------------------------------------------------------------------------------------


def _compact(profiles: pd.DataFrame, known: Edges, role: str) -> pd.DataFrame:
    """The profiles with no more counts than are looked at: of numbers those of 0, and of scores below 0, in [0, 1] and above; of texts all."""
    counts, number = profiles["counts"].to_numpy(object).copy(), (profiles["kind"] == "number").to_numpy()
    numbers, own = profiles.loc[number, ["version", "column", "min"]].reset_index(drop=True), counts[number]
    made = np.zeros((len(own), 4 if role in BETWEEN else 1), np.int64)
    places: dict[Any, Any] = numbers.groupby(["version", "column"], sort=False).indices
    for key, at in places.items():
        edges = known[key]
        made[at, 0] = zeros(own[at], edges, numbers["min"].to_numpy(float, na_value=np.nan)[at])
        if role in BETWEEN:
            made[at, 1:] = [_in_three(each, edges) for each in own[at]]
    counts[number] = periods.rows_of(made)
    return profiles.assign(counts=pd.Series(counts, profiles.index, dtype=object))


def zeros(counts: Iterable[NDArray[np.int64]], edges: Floats | None, least: Floats) -> NDArray[np.int64]:
    """How many values of each profile are 0, as far as they have a bin of their own; `least` is the least value of each."""
    at = int(np.searchsorted(edges, 0.0)) if edges is not None else 0
    if edges is None or at == len(edges) or edges[at] != 0 or (at > 0 and edges[at - 1] != np.nextafter(0.0, -1.0)):
        return np.zeros(len(least), np.int64)
    # Below the first edge, values of the log that are negative would be in the bin too.
    return np.where((at > 0) | (least >= 0), [each[at] for each in counts], 0)


def _in_three(counts: NDArray[np.int64], edges: Floats | None) -> NDArray[np.int64]:
    cuts = _cuts(edges, len(counts))
    if cuts is None:
        return np.zeros(3, np.int64)
    below, above = counts[: cuts[0] + 1].sum(), counts[cuts[1] + 1 :].sum()
    return np.array([below, counts.sum() - below - above, above])


def _cuts(edges: Floats | None, size: int) -> tuple[int, int] | None:
    """Where the edges just below 0 and at 1 stand; None where the reference left [0, 1], so that they mean nothing.

    Without a reference a score is counted in three bins: below, in and above.
    """
    if edges is None or not len(edges):
        return (0, 1) if size == 3 else None
    low, high = np.searchsorted(edges, [np.nextafter(0.0, -1.0), 1.0])
    there = low == 0 and high == len(edges) - 1 and edges[low] == np.nextafter(0.0, -1.0) and edges[high] == 1
    return (int(low), int(high)) if there else None


def _finite(profiles: pd.DataFrame) -> Floats:
    lost = profiles[["nulls", "misfits", "nans", "pos_infs", "neg_infs"]].sum(axis=1)
    found: Floats = (profiles["rows"] - lost).clip(lower=0).to_numpy(np.float64)
    return found


def _with_reference_facts(whole: pd.DataFrame, known: Edges) -> pd.DataFrame:
    """The whole references with `finite`, `still` (one value alone), `peak` (the share of the fullest bin), `zeros` and `tail`, the kurtosis about 0
    of the values other than 0."""
    keys = zip(whole["version"], whole["column"], strict=True)
    facts = [_facts(counts, known.get(key), least) for counts, key, least in zip(whole["counts"], keys, whole["min"], strict=True)]
    names = ("bins", "peak", "zeros", "tail")
    found = whole.assign(finite=_finite(whole), **{name: [fact[i] for fact in facts] for i, name in enumerate(names)})
    number = found["kind"] == "number"
    return found.assign(still=np.where(number, found["min"] == found["max"], found["bins"] == 1))


def _facts(counts: NDArray[np.int64], edges: Floats | None, least: float) -> tuple[int, float, int, float]:
    """How many bins hold rows, the share of the fullest, zeros, and E[x⁴] / E[x²]² of the others (by the bins' outer ends: rather too much)."""
    total = counts.sum()
    if total == 0:
        return 0, np.nan, 0, np.nan
    shares, none = counts / total, int(zeros([counts], edges, np.array([least]))[0])
    tail = np.nan
    if edges is not None and len(edges) == len(counts) - 1:
        ends = np.abs(edges)
        outer = np.where(counts > 0, np.r_[ends[0], np.maximum(ends[:-1], ends[1:]), ends[-1]], 0)
        greatest = outer.max()
        if np.isfinite(greatest) and greatest > 0:
            squares = (outer / greatest) ** 2
            tail = float(shares @ squares**2 / (shares @ squares) ** 2) * (1 - none / total)
    return int((counts > 0).sum()), float(shares.max()), none, tail


# ---- the metrics ---------------------------------------------------------------------------------------------------------------


def _rate(metric: str, windows: pd.DataFrame, base: pd.DataFrame, some: Bools, counted: list[str]) -> Values:
    at = np.flatnonzero(some)
    rows = windows["rows"].to_numpy(float)[at]
    hits = windows[counted].to_numpy(float, na_value=np.nan)[at].sum(axis=1)
    usually = base[counted].to_numpy(float, na_value=np.nan)[at].sum(axis=1) / base["rows"].to_numpy(float, na_value=np.nan)[at]
    return Values(metric, at, rows, hits / rows, of_share(usually, rows), np.full(len(at), "", object))


def _range(windows: pd.DataFrame, number: Bools, known: Edges) -> Values:
    at = np.flatnonzero(number)
    counts = np.array([below + above for _, below, _, above in windows["counts"].to_numpy()[at]], float)
    finite = windows["finite"].to_numpy(float)[at]
    leaves = {key: edges is not None and len(edges) > 0 and _cuts(edges, 0) is None for key, edges in known.items()}
    left = np.array([leaves[key] for key in windows[["version", "column"]].iloc[at].itertuples(index=False, name=None)], bool)
    with np.errstate(invalid="ignore"):
        values = np.where(left | (finite == 0), np.nan, counts / finite)
    reasons = np.where(left, LEAVES, np.where(finite == 0, EMPTY, "")).astype(object)
    return Values("score_range_rate", at, finite, values, np.where(np.isnan(values), np.nan, 0.0), reasons)


def _constant(windows: pd.DataFrame, base: pd.DataFrame, role: str) -> Values:
    number = (windows["kind"] == "number").to_numpy()
    finite = windows["finite"].to_numpy(float)
    still = np.where(number, windows["min"].to_numpy(float) == windows["max"].to_numpy(float), 0.0).astype(float)
    counts, tops = windows["counts"].to_numpy(object), windows["new_top"].to_numpy(object)
    for i in np.flatnonzero(~number).tolist():
        still[i] = _is_one_text(counts[i], tops[i], finite[i])
    unknown = _no_reference(windows, base)
    # A whole output that stands still is odd whatever went before; whether a feature ever moves is not known without a reference.
    everyone = (windows["segment"] == "all").to_numpy()
    measurable = (unknown == "") | ((role in OUTPUTS) & everyone)
    reasons = np.where(np.isnan(still), UNCOUNTED, "").astype(object)
    reasons[base["still"].fillna(False).to_numpy(bool)] = STILL
    reasons[~measurable] = unknown[~measurable]
    reasons[finite < 2] = FEW
    by_chance = chance_of_one(base["peak"].to_numpy(float), finite, np.where(number | (role != "prediction"), 1, RARER))
    values = Values("constant", np.arange(len(windows)), finite, np.where(reasons == "", still, np.nan), by_chance, reasons)
    # A group of few rows gets one class on many a day: whether a class stands still is asked of the whole alone.
    return values if role != "prediction" else _part(values, number | everyone)


def chance_of_one(peak: Floats, rows: Floats, rarer: NDArray[np.int64]) -> Floats:
    """1 where so many rows may hold one value by chance, in more than 5 of 100 windows, else 0; NaN without a reference.

    peak : the share of the most frequent value. rarer : how many times rarer all others may have become without that being a standstill.
    """
    with np.errstate(invalid="ignore"):
        found: Floats = ((1 - (1 - peak) / rarer) ** np.maximum(rows - 1, 1) > 1 - LEVEL).astype(float)
    return np.where(np.isnan(peak), np.nan, found)


def _is_one_text(counts: NDArray[np.int64], new_top: Any, total: float) -> float:
    """1 where all rows hold one text, 0 where not, NaN where that was not counted: known texts beyond the first 1,000 are one group."""
    *named, other, new = counts
    if other == total > 0:
        return np.nan
    one_new = new == total and isinstance(new_top, str) and new_top.count('":') == 1
    return float(max(named, default=0) == total or one_new)


def _magnitude(windows: pd.DataFrame, base: pd.DataFrame, number: Bools) -> Values:
    at = np.flatnonzero(number)
    own = (windows["dataset"] == "reference").to_numpy()[at]
    some, squares = (windows[name].to_numpy(float, na_value=np.nan)[at] for name in ("finite", "sum_squares"))
    n = some - np.array([counts[0] for counts in windows["counts"].to_numpy()[at]], float)
    base_n, base_zeros, base_squares = (base[name].to_numpy(float, na_value=np.nan)[at] for name in ("finite", "zeros", "sum_squares"))
    base_n -= base_zeros
    rest_n, rest = np.where(own, base_n - n, base_n), np.where(own, np.maximum(base_squares - squares, 0), base_squares)
    with np.errstate(divide="ignore", invalid="ignore"):
        greatest = np.fmax(*(windows[end].abs().to_numpy(float)[at] for end in ("min", "max")))
        # Squares beyond 1e308 are infinite: the greatest value alone then gives so much at least.
        size = np.where(np.isfinite(squares), np.sqrt(squares / n), greatest / np.sqrt(n))
        usual = np.sqrt(rest / rest_n)
        factor = np.maximum(size / usual, usual / size)
    spread = np.sqrt(np.maximum(base["tail"].to_numpy(float)[at] - 1, 0) / np.maximum(n, 1)) / 2
    unknown = _no_reference(windows, base)[at]
    reasons = np.where(some == 0, EMPTY, unknown).astype(object)
    for why, wrong in ((ZERO_REFERENCE, rest == 0), (NO_VALUES, ~(rest_n > 0)), (ZEROS, (n == 0) | (size == 0))):
        reasons[(reasons == "") & wrong] = why
    reasons[(reasons == "") & ~np.isfinite(factor)] = TOO_FAR
    values = np.where(reasons == "", factor, np.nan)
    # The mean square of n rows has the variance (kurtosis - 1) / n; half of its logarithm's is that of the root.
    return Values("magnitude", at, n, values, np.exp(np.minimum(1.96 * spread, 50)), reasons)


def _no_reference(windows: pd.DataFrame, base: pd.DataFrame) -> NDArray[Any]:
    """Why there is nothing to compare a window with; "" where there is."""
    lacks = base["finite"].isna().to_numpy()
    told = np.where(lacks, "", np.where(base["finite"].to_numpy(float) == 0, NO_VALUES, "")).astype(object)
    keys = windows[["version", "column", "segment"]].to_numpy(object)
    has_some = {(version, column) for version, column, _ in keys[~lacks]}
    for i, (version, column, segment) in zip(np.flatnonzero(lacks).tolist(), keys[lacks], strict=True):
        had = (version, column) in has_some
        told[i] = f"the reference has no segment {segment}" if had else no_reference(version, column)
    return told


def _part(values: Values, chosen: Bools) -> Values:
    numbers = (values.rows[chosen], values.values[chosen], values.noise[chosen])
    return Values(values.metric, values.at[chosen], *numbers, values.reasons[chosen])


# ---- as measurements -----------------------------------------------------------------------------------------------------------


def _table(windows: pd.DataFrame, parts: list[Values]) -> pd.DataFrame:
    """Measurements, with what is usual for them."""
    if not parts:
        return pd.DataFrame()
    names = {"rows": "rows", "value": "values", "noise": "noise", "reason": "reasons"}
    fields: dict[str, NDArray[Any]] = {name: np.concatenate([getattr(one, field) for one in parts]) for name, field in names.items()}
    fields["metric"] = np.repeat(np.array([one.metric for one in parts], object), [len(one.at) for one in parts])
    fields["reason"][fields["reason"] == ""] = None
    fields["noise"][np.isnan(fields["value"])] = np.nan
    made = windows[[*KEYS, "of", "shape"]].iloc[np.concatenate([one.at for one in parts])].reset_index(drop=True)
    made = made.assign(**fields | {"rows": fields["rows"].astype(np.int64)})
    at = pd.MultiIndex.from_frame(made[["of", "column", "segment", "shape", "metric"]])
    is_log = (made["dataset"] == "log").to_numpy()
    made["usual"] = np.where(is_log, _usual(made).reindex(at).to_numpy(float), np.nan)
    return made[is_log | (made["shape"] < coverage.WHOLE)]


def _usual(made: pd.DataFrame) -> "pd.Series[float]":
    """95th percentile of the reference's own windows, by version, column, segment, shape and metric; where there are enough of them."""
    own = made[(made["dataset"] == "reference") & (made["rows"] >= ENOUGH_ROWS) & made["value"].notna()]
    groups = own.groupby(["version", "column", "segment", "shape", "metric"])["value"]
    return usual_level(groups)
