"""quality: is the model still right? Metrics of predictions against labels, from counts that add up over windows.

A label may come days after the prediction: each measurement says of how many rows it is, and how many of the window's rows have one yet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import outcome_values as v
from monitors import outcomes, periods
from monitors.intervals import LOW_IS_BAD, by_chance, interval
from monitors.measurements import typed
from monitors.outcome_values import Valued
from monitors.scored import ece_by_chance
from monitors.usual import ENOUGH_ROWS, LEVEL, usual_level

METRICS = tuple(dict.fromkeys([*(m for names in v.METRICS.values() for m in names), "label_coverage"]))
PERIODS: tuple[periods.Period, ...] = ("day", "week", "month")
UNUSED = ("unlabelled", *(name for of in ("labels", "spots", "lag_bins") for name in (of, *outcomes.LISTS[of])))  # each list costs a merge
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reference:
    """What windows are compared with: the metrics of its own windows, and of the whole."""

    windows: "Measured"
    whole: "Measured"


@dataclass(frozen=True, slots=True)
class Measured:
    """The metrics of a table of outcomes; `period` is the place in PERIODS of each row's window."""

    table: pd.DataFrame
    values: list[Valued]

    def names(self, one: Valued) -> pd.Index:
        """Segment and class of each of a metric's windows, as one text."""
        segments = self.table["segment"].to_numpy(object)[one.at]
        return pd.Index(segments + "\0" + one.column)


def measure(quality: pd.DataFrame) -> pd.DataFrame:
    """Every metric of quality of one model, for each version and single segment, by day, week and month.

    Parameters
    ----------
    quality : the stored table of outcomes (DESIGN.md §5) of the log and of references.

    Returns
    -------
    table of measurements with `dataset` and `coverage`, the share of the window's rows that have a label. What the metrics are stands in
    `outcome_values.values`; `rows` are those with a label that entered. Blank with a reason where a window cannot be measured.

    noise : how bad a value chance alone gives in 95 of 100 windows of so many rows if nothing has changed since the whole reference; below
    it where low is bad (accuracy, roc_auc, …), for a bias on the side on which it stands. usual : the same of the reference's own windows of the
    same length, from three of 30 rows on.
    """
    parts = [part for _, rows in quality.drop(columns=list(UNUSED), errors="ignore").groupby("kind", sort=True) for part in _of_kind(rows)]
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return typed(found.assign(monitor="quality") if len(found) else found)


def _of_kind(quality: pd.DataFrame) -> Iterator[pd.DataFrame]:
    own = quality["dataset"] == "reference"
    references = {str(version): _reference(rows) for version, rows in quality[own].groupby("version", sort=True)}
    for reference in references.values():
        yield from _tables(reference.windows, None)
    for version, rows in quality[~own].groupby("version", sort=True):
        yield from _tables(_by_period(rows), references.get(str(version), references.get("")))


def _reference(quality: pd.DataFrame) -> Reference:
    timed = quality["window_start"].notna()
    whole = quality[~timed].reset_index(drop=True)
    return Reference(_by_period(quality[timed]), Measured(whole, v.values(whole)))


def _by_period(windows: pd.DataFrame) -> Measured:
    """The metrics of days, weeks and months."""
    merged = [made.assign(period=i) for i, made in enumerate(outcomes.merges(windows, PERIODS))]
    table = pd.concat(merged, ignore_index=True)
    return Measured(table, v.values(table, sure=False) if len(table) else [])


def _tables(seen: Measured, reference: Reference | None) -> Iterator[pd.DataFrame]:
    coverage = v.coverage(seen.table)
    for i, one in enumerate(seen.values):
        blank = np.isnan(one.of.value)
        noise = usual = np.full(len(blank), np.nan)
        if reference is not None and one.of.metric != "label_coverage":
            noise, usual = _floors(seen, i, reference)
        yield seen.table[["model", "version", "segment", "window_start", "window_end", "dataset"]].take(one.at).assign(
            column=one.column, metric=one.of.metric, rows=np.nan_to_num(one.of.rows).astype(np.int64), value=one.of.value,
            noise=np.where(blank, np.nan, noise), usual=np.where(blank, np.nan, usual),
            reason=pd.Series(one.of.reason).where(blank, None).to_numpy(object), coverage=coverage[one.at],
        )  # fmt: skip


def _floors(seen: Measured, i: int, reference: Reference) -> tuple[Floats, Floats]:
    """noise and usual of the windows of one metric, NaN where the reference has no such segment or class."""
    one, names = seen.values[i], seen.names(seen.values[i])
    noise, usual, before = (np.full(len(names), np.nan) for _ in range(3))
    if reference.whole.values:
        whole = reference.whole.values[i]
        at = reference.whole.names(whole).get_indexer(names)
        known = np.flatnonzero(at >= 0)
        base = at[known]
        before[known] = whole.of.value[base]
        noise[known] = by_chance(whole.of.take(base), one.of.take(known))
        if whole.gaps is not None:
            mean, sd = ece_by_chance(whole.gaps.take(base), one.of.rows[known])
            noise[known] = np.minimum(mean + 1.645 * sd, 1)
    low = one.of.value < before if one.of.metric == "bias" else np.full(len(names), one.of.metric in LOW_IS_BAD)
    if reference.windows.values:
        period = seen.table["period"].to_numpy()[one.at]
        for level, side in ((1 - LEVEL, low), (LEVEL, ~low)):
            for length in range(len(PERIODS)) if side.any() else ():
                found = _usual(reference.windows, i, length, level)
                chosen = side & (period == length)
                usual[chosen] = found.reindex(names[chosen]).to_numpy()
    return noise, usual


def _usual(own: Measured, i: int, length: int, level: float) -> "pd.Series[float]":
    """A quantile of the reference's own windows of one length, by segment and class; where there are enough of them."""
    of = own.values[i].of
    enough = (own.table["period"].to_numpy()[own.values[i].at] == length) & (of.rows >= ENOUGH_ROWS) & ~np.isnan(of.value)
    groups = pd.Series(of.value[enough]).groupby(own.names(own.values[i])[enough])
    return usual_level(groups, level)


def state(quality: pd.DataFrame, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """Metrics of outcomes that were merged already, with their confidence intervals of 95 %: for a span, or a whole reference.

    Returns
    -------
    the keys, metric, column (the class, "" for all), rows, value, low, high, reason.
    """
    keys = ["model", "version", "dataset", "segment", "window_start", "window_end"]
    parts: list[Any] = []
    for one in v.values(quality) if len(quality) else []:
        if one.of.metric in metrics:
            low, high = interval(one.of)
            told = quality.iloc[one.at][keys].assign(metric=one.of.metric, column=one.column, rows=one.of.rows, value=one.of.value)
            parts.append(told.assign(low=low, high=high, reason=one.of.reason))
    names = [*keys, "metric", "column", "rows", "value", "low", "high", "reason"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)
