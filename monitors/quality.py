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

METRICS = tuple(dict.fromkeys([*(m for names in v.METRICS.values() for m in names), "label_coverage"]))
PERIODS: tuple[periods.Period, ...] = ("day", "week", "month")
ENOUGH_ROWS, ENOUGH_WINDOWS = 30, 3  # of the reference, to say what is usual
LEVEL = 0.95
PAIR = " & "  # in the name of a segment of two columns
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """The metrics of a table of outcomes; `period` is the place in PERIODS of each row's window, -1 for none."""

    table: pd.DataFrame
    values: list[Valued]

    def keys(self, one: Valued) -> pd.DataFrame:
        """The keys of a metric's windows."""
        return self.table.iloc[one.at][["model", "version", "segment", "window_start", "window_end", "period"]].assign(column=one.column)


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
    singles = quality[~quality["segment"].str.contains(PAIR, regex=False)]
    parts = [part for _, rows in singles.groupby("kind", sort=True) for part in _of_kind(rows)]
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return typed(found.assign(monitor="quality") if len(found) else found)


def _of_kind(quality: pd.DataFrame) -> Iterator[pd.DataFrame]:
    own = quality["dataset"] == "reference"
    references = {str(version): measured(rows) for version, rows in quality[own].groupby("version", sort=True)}
    for reference in references.values():
        yield from _tables(reference, None, "reference")
    for version, rows in quality[~own].groupby("version", sort=True):
        yield from _tables(measured(rows), references.get(str(version), references.get("")), "log")


def measured(quality: pd.DataFrame) -> Measured:
    """The metrics of the days, weeks and months of one version and dataset, and of its whole if it has one."""
    timed = quality["window_start"].notna()
    merged = [outcomes.merge(quality[timed], period).assign(period=i) for i, period in enumerate(PERIODS)]
    table = pd.concat([*merged, quality[~timed].assign(period=-1)], ignore_index=True)
    return Measured(table, v.values(table))


def _tables(seen: Measured, reference: Measured | None, dataset: str) -> Iterator[pd.DataFrame]:
    coverage = v.coverage(seen.table)
    for i, one in enumerate(seen.values):
        keys = seen.keys(one)
        noise, usual = np.full(len(keys), np.nan), np.full(len(keys), np.nan)
        if reference is not None and one.of.metric != "label_coverage":
            noise, usual = floors(keys, one, reference.keys(reference.values[i]), reference.values[i])
        blank = np.isnan(one.of.value)
        yield keys.assign(
            metric=one.of.metric, dataset=dataset, rows=np.nan_to_num(one.of.rows).astype(np.int64), value=one.of.value,
            noise=np.where(blank, np.nan, noise), usual=np.where(blank, np.nan, usual),
            reason=pd.Series(one.of.reason, keys.index).where(blank, None), coverage=coverage[one.at],
        )[(keys["period"] >= 0).to_numpy()]  # fmt: skip


def floors(keys: pd.DataFrame, one: Valued, own_keys: pd.DataFrame, own: Valued) -> tuple[Floats, Floats]:
    """noise and usual of windows, by the whole and by the windows of their reference; NaN where it has no such segment or class."""
    names = ["segment", "column"]
    whole = np.flatnonzero(own_keys["period"] < 0)
    at = pd.MultiIndex.from_frame(own_keys.iloc[whole][names]).get_indexer(pd.MultiIndex.from_frame(keys[names]))
    known = np.flatnonzero(at >= 0)
    noise, before = np.full(len(keys), np.nan), np.full(len(keys), np.nan)
    base = whole[at[known]]
    noise[known] = by_chance(own.of.take(base), one.of.take(known))
    if own.gaps is not None:
        mean, sd = ece_by_chance(own.gaps.take(base), one.of.rows[known])
        noise[known] = np.minimum(mean + 1.645 * sd, 1)
    before[known] = own.of.value[base]
    low = np.full(len(keys), own.of.metric in LOW_IS_BAD)
    if own.of.metric == "bias":
        low = one.of.value < before
    lower, upper = (_usual(own_keys, own, level, keys) for level in (1 - LEVEL, LEVEL))
    return noise, np.where(low, lower, upper)


def _usual(own_keys: pd.DataFrame, own: Valued, level: float, keys: pd.DataFrame) -> Floats:
    """A quantile of the reference's windows of the same length."""
    names = ["segment", "column", "period"]
    enough = (own_keys["period"] >= 0).to_numpy() & (own.of.rows >= ENOUGH_ROWS) & ~np.isnan(own.of.value)
    groups = own_keys[enough].assign(value=own.of.value[enough]).groupby(names)["value"]
    found = groups.quantile(level)[groups.size() >= ENOUGH_WINDOWS]
    return np.asarray(found.reindex(pd.MultiIndex.from_frame(keys[names])), np.float64)


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
