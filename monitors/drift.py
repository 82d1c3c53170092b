"""drift: do inputs, predictions and labels still look like the reference?

Each window of the log is compared with the reference of its version, column and segment; each of the reference's own windows with
the rest of the reference, which tells what is usual. Nulls are no values, so they are not in any distance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import coverage, floors, noise
from monitors.distances import Counts, Floats, chi2, chi2_p, groups, hellinger, js, ks, ks_p, linf, psi
from monitors.floors import Days, Floors, Key
from monitors.measurements import no_reference, typed
from monitors.usual import ENOUGH_ROWS, ENOUGH_WINDOWS
from monitors.wasserstein import Numbers, wasserstein

ROLES = ("feature", "score", "prediction", "label")  # of the columns that are looked at
METRICS = ("psi", "js", "ks", "wasserstein", "chi2", "hellinger", "linf")
NUMBERS_ONLY = ("ks", "wasserstein")
GROUPED = {"js": js, "hellinger": hellinger, "linf": linf, "psi": psi, "chi2": chi2}
ON_TEN = ("psi", "chi2")
SUMS = {"sum": "sum", "sum_squares": "sum_squares", "min": "low", "max": "high", "below_sum": "below", "above_sum": "above"}

EMPTY = "no values in this window"
NO_VALUES = "the reference holds no values"
NO_REST = "the rest of the reference holds no values"
CONSTANT = "the reference does not vary"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the windows of one version, column and segment are compared with: the whole reference, its groups and its floors."""

    kind: str  # "number" | "category"
    whole: Numbers  # for a category its counts only; the rest is NaN
    edges: Floats | None
    twenty: NDArray[np.intp]  # first bin of each of 20 groups, and of each category
    ten: NDArray[np.intp]  # first of the twenty in each of 10 groups
    curves: tuple[noise.Curve, ...]


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of some columns, of all lengths, as arrays: taking rows out of a table a thousand times is slow."""

    table: pd.DataFrame
    counts: NDArray[Any]  # of arrays
    sums: Mapping[str, Floats]
    shape: NDArray[np.intp]  # whole day, week or month, or some days of one (`coverage`)


@dataclass(frozen=True, slots=True)
class Measured:
    """Values of some windows: shape (windows, metrics) but for `rows`. A value is NaN where `reasons` says why."""

    metrics: tuple[str, ...]
    rows: Floats
    values: Floats
    p_values: Floats
    noise: Floats
    reasons: NDArray[Any]


def measure(profiles: pd.DataFrame, bins: pd.DataFrame) -> pd.DataFrame:
    """Every drift metric of one model, for each version, column and segment, by day, week and month.

    Parameters
    ----------
    profiles : the stored windows of the log (`dataset` "log"), those of the reference and the whole reference ("reference", the
        whole without a window). Columns do not depend on each other: where memory is short, call with a few at a time.
    bins : the edges of number columns, by version and column.

    Returns
    -------
    table of measurements with `dataset`: "log", or "reference" for the reference's own windows, each against the rest. `rows` are
    the values that entered; `noise` is what chance alone gives at so many rows; `usual`, for the log, is the 95th percentile of
    the reference's own windows of the same length (and, where a week or month is not whole, the same days of it), NaN unless three of
    them have 30 rows; `p_value` stands beside ks and chi2.
    What cannot be measured is a row with its reason.

    A version is compared with its own reference, else with that of version "". ks and wasserstein of categories are blank, in the
    segment `all` only.
    """
    return measure_knowing(profiles, bins, Floors())[0]


def measure_knowing(
    profiles: pd.DataFrame, bins: pd.DataFrame, known: Floors, asked: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As `measure`, with the floors that are known already taken as they are; and the floors that were not (`floors.COLUMNS`).

    `asked` are the windows of the log that are wanted, None for all. Where it is known what is usual, the reference's own windows are not
    measured again, so they are not in the result.
    """
    bins = bins[bins["role"].isin(ROLES)]
    numeric = bins[bins["kind"] == "number"]
    edges = dict(zip(zip(numeric["version"], numeric["column"], strict=True), numeric["edges"], strict=True))
    referenced = set(bins["version"])
    is_whole = profiles["window_start"].isna()
    found, fresh = baselines(arrays(profiles[is_whole].assign(shape=0)), edges, known)
    source = {v: v if v in referenced else "" for v in profiles["version"].unique()}
    merged, shapes = coverage.with_shapes(profiles[~is_whole], source, known.days, asked)
    windows = arrays(merged)
    usual: dict[tuple[Key, Days], Mapping[str, float]] = {}
    parts = []
    # The reference's own windows come first: what is usual comes from them.
    for dataset, version, column, segment, at in keys(windows.table):
        of = version if dataset == "reference" else source[version]
        key = of, column, segment
        if key in found:
            measured = against(windows, at, found[key], rest=dataset == "reference")
        else:
            measured = blank(windows, at, missing_reference(key, version, of in referenced, (of, column, "all") in found))
        normal = np.full(measured.values.shape, np.nan)
        for number in np.unique(windows.shape[at]).tolist() if key in found else ():
            days, here = shapes.get(number, (number, 0)), windows.shape[at] == number
            if dataset == "reference":
                values = usual_of(measured, here)
                usual[key, days] = dict(zip(measured.metrics, values.tolist(), strict=True))
                fresh += floors.of_usual(str(profiles["model"].iat[0]), key, days, measured.metrics, values)
            else:
                told_usual = usual.get((key, days)) or known.usual.get((key, days), {})
                normal[here] = [told_usual.get(metric, np.nan) for metric in measured.metrics]
        parts.append((at, measured, normal))
    return typed(table(windows, parts)).assign(monitor="drift"), floors.table(fresh)


def keys(windows: pd.DataFrame) -> list[tuple[str, str, str, str, NDArray[np.intp]]]:
    """dataset, version, column and segment, with the positions of their windows; those of the reference first."""
    found: dict[Any, Any] = windows.groupby(["dataset", "version", "column", "segment"]).indices
    return sorted(((*key, at) for key, at in found.items()), key=lambda key: (key[0] != "reference", *key[:4]))


# ---- the reference -----------------------------------------------------------------------------------------------------------


def baselines(
    wholes: Windows, edges: Mapping[tuple[str, str], Any], known: Floors
) -> tuple[dict[Key, Baseline], list[tuple[object, ...]]]:
    """The whole reference of each version, column and segment, ready to compare with; and the noise that was not known."""
    found: dict[Key, Baseline] = {}
    fresh: list[tuple[object, ...]] = []
    names = wholes.table[["model", "version", "column", "segment"]].itertuples(index=False, name=None)
    for i, (model, version, column, segment) in enumerate(names):
        at = np.asarray(edges[version, column], dtype=np.float64) if (version, column) in edges else None
        start, key = noise.seed(model, version, column, segment), (version, column, segment)
        found[key] = baseline(one(numbers(wholes, np.array([i]))), at, start, known.curves.get(key))
        if key not in known.curves:
            fresh += floors.of_curves(model, key, found[key].curves)
    return found, fresh


def baseline(whole: Numbers, edges: Floats | None, start: int, curves: tuple[noise.Curve, ...] | None) -> Baseline:
    counts, kind = whole.counts, "category" if edges is None else "number"
    if counts.sum() == 0:
        return Baseline(kind, whole, edges, np.zeros(1, np.intp), np.zeros(1, np.intp), ())
    if edges is None:
        twenty = ten = np.arange(len(counts))
    else:
        twenty = groups(counts, 20)
        ten = np.searchsorted(twenty, groups(counts, 10))  # i/10 = 2i/20: every cut of the ten is one of the twenty
    if curves is None:
        grouped = noise.grouped(np.add.reduceat(counts, twenty), lambda r, c: between_groups(r, c, ten), start)
        curves = (grouped,) if edges is None else (grouped, noise.ordered(whole, edges, start))
    return Baseline(kind, whole, edges, twenty, ten, curves)


def usual_of(measured: Measured, here: NDArray[np.bool_]) -> Floats:
    """95th percentile of each metric over some of the reference's windows, shape (metrics,)."""
    chosen = measured.values[here & (measured.rows >= ENOUGH_ROWS)]
    if len(chosen) < ENOUGH_WINDOWS:
        return np.full(len(measured.metrics), np.nan)
    usual: Floats = np.quantile(chosen, 0.95, axis=0)
    return usual


# ---- windows against it ------------------------------------------------------------------------------------------------------


def against(windows: Windows, at: NDArray[np.intp], base: Baseline, rest: bool) -> Measured:
    """Every metric of some windows of one key against the reference or, if they are part of it, against the rest of it."""
    column, segment = windows.table["column"].iat[at[0]], windows.table["segment"].iat[at[0]]
    metrics = metrics_of(base.kind, str(segment))
    seen = numbers(windows, at)
    entered = seen.counts.sum(axis=-1).astype(float)
    reference = less(base.whole, seen) if rest else base.whole
    left = np.broadcast_to(reference.counts.sum(axis=-1), entered.shape)
    some = (entered > 0) & (left > 0)
    values, p_values, high = (np.full((len(at), len(metrics)), np.nan) for _ in range(3))
    if some.any():
        found, chances = distances(part(reference, some) if rest else reference, part(seen, some), base)
        chance = {m: v for curve in base.curves for m, v in noise.floors(curve, entered[some]).items()}
        for i, metric in enumerate(metrics):
            if metric in found:
                values[some, i], high[some, i] = found[metric], chance[metric]
            if metric in chances:
                p_values[some, i] = chances[metric]
    why = NO_VALUES if base.whole.counts.sum() == 0 else NO_REST
    reasons = np.tile(np.where(left <= 0, why, np.where(entered <= 0, EMPTY, CONSTANT)).astype(object)[:, None], len(metrics))
    reasons[~np.isnan(values)] = None
    for i, metric in enumerate(metrics):
        if base.kind == "category" and metric in NUMBERS_ONLY:
            reasons[:, i] = f"{metric} needs numbers; {column} holds categories"
    return Measured(metrics, entered, values, p_values, high, reasons)


def metrics_of(kind: str, segment: str) -> tuple[str, ...]:
    """All metrics; for the segments of a category those that it can have, as `all` has told already why it lacks the others."""
    return METRICS if kind == "number" or segment == "all" else tuple(m for m in METRICS if m not in NUMBERS_ONLY)


def distances(reference: Numbers, current: Numbers, base: Baseline) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Metric -> values, and metric -> p-values, of windows that have rows."""
    r, c = (np.add.reduceat(sample.counts, base.twenty, axis=-1) for sample in (reference, current))
    values = between_groups(r, c, base.ten)
    chances = {"chi2": chi2_p(np.add.reduceat(r, base.ten, axis=-1), np.add.reduceat(c, base.ten, axis=-1))}
    if base.edges is not None:
        values |= {"ks": ks(reference.counts, current.counts), "wasserstein": wasserstein(reference, current, base.edges)}
        chances["ks"] = ks_p(reference.counts, current.counts)
    return values, chances


def between_groups(reference: Counts, current: Counts, ten: NDArray[np.intp]) -> dict[str, Floats]:
    """The metrics that need groups only, on the twenty."""
    return {metric: of_groups(metric, reference, current, ten) for metric in GROUPED}


def of_groups(metric: str, reference: Counts, current: Counts, ten: NDArray[np.intp]) -> Floats:
    """One of these; psi and chi2 on fewer groups, since an empty one weighs most there."""
    if metric in ON_TEN:
        reference, current = (np.add.reduceat(counts, ten, axis=-1) for counts in (reference, current))
    return GROUPED[metric](reference, current)


def distance(metric: str, current: Numbers, base: Baseline) -> Floats:
    """One metric of windows against the whole reference; NaN without rows, and for what a category cannot have."""
    if metric in GROUPED:
        r, c = (np.add.reduceat(sample.counts, base.twenty, axis=-1) for sample in (base.whole, current))
        return of_groups(metric, r, c, base.ten)
    if base.edges is None:
        return np.full(current.counts.shape[:-1], np.nan)
    if metric == "ks":
        return ks(base.whole.counts, current.counts)
    return wasserstein(base.whole, current, base.edges)


def blank(windows: Windows, at: NDArray[np.intp], reason: str) -> Measured:
    """No value, for one reason."""
    rows = windows.table.iloc[at]
    metrics = metrics_of(str(rows["kind"].iat[0]), str(rows["segment"].iat[0]))
    lost = rows[["nulls", "misfits", "nans", "pos_infs", "neg_infs"]].sum(axis=1)
    nothing = np.full((len(rows), len(metrics)), np.nan)
    entered = (rows["rows"] - lost).clip(lower=0).to_numpy(np.float64)
    return Measured(metrics, entered, nothing, nothing, nothing, np.full(nothing.shape, reason, dtype=object))


def missing_reference(wanted: Key, version: str, version_has: bool, column_has: bool) -> str:
    """Why there is nothing to compare some windows of a version with."""
    _, column, segment = wanted
    if not version_has:
        return no_reference(version)
    if not column_has:
        return f"the reference has no column {column}"
    return f"the reference has no segment {segment}"


# ---- tables to arrays and back -----------------------------------------------------------------------------------------------


def arrays(profiles: pd.DataFrame) -> Windows:
    """The arrays of profiles. Sums of a category, or of no values, are 0."""
    sums = {field: profiles[name].to_numpy(np.float64, na_value=np.nan) for name, field in SUMS.items()}
    filled = {field: values if field in ("low", "high") else np.nan_to_num(values) for field, values in sums.items()}
    return Windows(profiles, profiles["counts"].to_numpy(), filled, profiles["shape"].to_numpy(np.intp))


def numbers(windows: Windows, at: NDArray[np.intp]) -> Numbers:
    """Some windows of one key, whose counts are on the same bins."""
    counts = np.concatenate(windows.counts[at].tolist()).reshape(len(at), -1)
    return Numbers(counts, **{field: values[at] for field, values in windows.sums.items()})


def one(sample: Numbers) -> Numbers:
    """The first of many."""
    return Numbers(*(getattr(sample, field)[0] for field in Numbers.__slots__))


def part(sample: Numbers, chosen: NDArray[np.bool_]) -> Numbers:
    if chosen.all():
        return sample
    return Numbers(*(getattr(sample, field)[chosen] for field in Numbers.__slots__))


def less(whole: Numbers, windows: Numbers) -> Numbers:
    """The reference without each of its windows. Its least and greatest value are kept: they bound the rest too."""
    added = {field: getattr(whole, field) - getattr(windows, field) for field in ("sum", "sum_squares", "below", "above")}
    ends = {field: np.broadcast_to(getattr(whole, field), windows.low.shape) for field in ("low", "high")}
    return Numbers(np.maximum(whole.counts - windows.counts, 0), **added, **ends)


def table(windows: Windows, parts: list[tuple[NDArray[np.intp], Measured, Floats]]) -> pd.DataFrame:
    """Measurements, one row per window and metric, from the positions of windows, their values and what is usual."""
    if not parts:
        return pd.DataFrame()
    at = np.concatenate([np.repeat(at, len(measured.metrics)) for at, measured, _ in parts])
    metric = [np.tile([METRICS.index(m) for m in measured.metrics], len(at)) for at, measured, _ in parts]
    kept = windows.table[["model", "version", "column", "segment", "window_start", "window_end", "dataset"]]
    made = (
        kept.iloc[at]
        .reset_index(drop=True)
        .assign(
            metric=np.array(METRICS, dtype=object)[np.concatenate(metric)],
            rows=np.concatenate([np.repeat(m.rows, len(m.metrics)) for _, m, _ in parts]).astype(np.int64),
            value=np.concatenate([m.values.ravel() for _, m, _ in parts]),
            noise=np.concatenate([m.noise.ravel() for _, m, _ in parts]),
            usual=np.concatenate([usual.ravel() for _, _, usual in parts]),
            p_value=np.concatenate([m.p_values.ravel() for _, m, _ in parts]),
            reason=np.concatenate([m.reasons.ravel() for _, m, _ in parts]),
        )
    )
    # Some days of the reference's weeks only tell what is usual for a week of the log that has the same days.
    shown: pd.DataFrame = made[(made["dataset"] == "log") | (windows.shape[at] < coverage.WHOLE)]
    return shown
