"""staleness: how old is what decides? The age of the version that serves and of what it learnt from, and how long labels take.

The clock is the end of the window, or of the log where that ends before, never today: an age reads the same whenever it is measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import periods
from monitors.measurements import typed
from monitors.outcomes import LAG_EDGES, flat, middles

Floats = NDArray[np.float64]
LENGTHS: tuple[periods.Period, ...] = ("day", "week", "month")
AGES = ("model_age_days", "reference_age_days")
UNVERSIONED = "the log names no version"
NO_REFERENCE = "there is no reference"
NO_TIMES = "the reference has no times"
NO_LAGS = "no label of this window came with a time"
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a model's versions beside its outcomes.

    windows : version, window_start, window_end, rows: when each served, of one `model`. end : the end of the log.
    born : version → its first request, or the day of its manifest where that is earlier.
    learnt : version of a reference → the end of its last window, NaT where it has no times; "" is the reference of every other version.
    """

    model: str
    windows: pd.DataFrame
    end: pd.Timestamp
    born: Mapping[str, pd.Timestamp]
    learnt: Mapping[str, pd.Timestamp]


def measure(quality: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Every staleness metric of one model, for each version, by day, week and month.

    Parameters
    ----------
    quality : stored windows of the log: the lags of labels, for all rows and single segments.

    Returns
    -------
    table of measurements with `dataset` and `coverage`.

    model_age_days : from when the version came to be to the end of the window; a version that is called back is as old as ever.
    reference_age_days : from the end of what it learnt from; 0 where that is later than the window.
    label_lag_hours : the median of the hours from a request to its label, of the labels that came; good to 1 %, by segment too.
    """
    log = quality[(quality["dataset"] == "log") & quality["window_start"].notna()]
    parts = [part for length in LENGTHS for part in (_ages(facts, length), _lags(log, length)) if len(part)]
    found = typed(pd.concat(parts, ignore_index=True) if parts else pd.DataFrame())
    return found.assign(model=facts.model, monitor="staleness", column="", dataset="log")


def _ages(facts: Facts, length: periods.Period) -> pd.DataFrame:
    windows = _served(facts.windows, length)
    until = windows["window_end"].where(windows["window_end"] <= facts.end, facts.end)
    born, learnt = (windows["version"].map(dict(known)) for known in (facts.born, _of_each(facts)))
    known = windows["version"].map(lambda version: version in facts.learnt or "" in facts.learnt)
    model = windows.assign(metric="model_age_days", value=(until - pd.to_datetime(born, utc=True)) / DAY)
    model["reason"] = pd.Series(UNVERSIONED, model.index).where(model["value"].isna(), None)
    reference = windows.assign(metric="reference_age_days", value=((until - pd.to_datetime(learnt, utc=True)) / DAY).clip(lower=0))
    reference["reason"] = known.map({True: NO_TIMES, False: NO_REFERENCE}).where(reference["value"].isna(), None)
    return pd.concat([model, reference], ignore_index=True).assign(segment="all")


def _of_each(facts: Facts) -> dict[str, Any]:
    """Version → the end of its reference."""
    learnt: Mapping[str, Any] = facts.learnt
    return {version: learnt.get(version, learnt.get("", pd.NaT)) for version in facts.windows["version"].unique()}


def _served(windows: pd.DataFrame, length: periods.Period) -> pd.DataFrame:
    """The windows of a length in which each version served."""
    start = periods.starts(windows["window_start"], length)
    by = windows.assign(start=start).groupby(["version", "start"], sort=True)
    found = by.agg(rows=("rows", "sum"), window_start=("window_start", "min"), window_end=("window_end", "max")).reset_index()
    found["window_start"], found["window_end"] = periods.borders_of(found, np.arange(len(found)), length)
    return found.drop(columns="start")


def _lags(log: pd.DataFrame, length: periods.Period) -> pd.DataFrame:
    """The median lag of each window; of many classes, which all hold the same, the first counts."""
    own = log.drop_duplicates(["version", "segment", "window_start"]).reset_index(drop=True)
    if not own["lag_bins"].map(_any).any():
        return pd.DataFrame()  # no label has a time: there is nothing to wait for
    keys = ["version", "segment"]
    by = own.assign(start=periods.starts(own["window_start"], length)).groupby([*keys, "start"], sort=True)
    group = by.ngroup().to_numpy()
    found = by.agg(
        rows=("rows", "sum"), labelled=("labelled", "sum"), window_start=("window_start", "min"), window_end=("window_end", "max")
    ).reset_index()
    found["window_start"], found["window_end"] = periods.borders_of(found, np.arange(len(found)), length)
    value, counted = _medians(own, group, len(found))
    reason = pd.Series(NO_LAGS, found.index).where(np.isnan(value), None)
    coverage = found["labelled"] / found["rows"].where(found["rows"] > 0)
    return found.assign(metric="label_lag_hours", value=value, reason=reason, rows=counted, coverage=coverage).drop(columns="start")


def _any(bins: Any) -> bool:
    return isinstance(bins, list | np.ndarray) and len(bins) > 0


def lags(log: pd.DataFrame) -> dict[str, float]:
    """Version → the median lag of all its labels, of those that came with a time; the latest days alone have only their quickest labels yet.

    `log` : version, window_start, lag_bins and lag_counts of all rows.
    """
    own = log[log["lag_bins"].map(_any).astype(bool)].drop_duplicates(["version", "window_start"]).reset_index(drop=True)
    group, versions = pd.factorize(own["version"], sort=True)
    return dict(zip(map(str, versions), _medians(own, group, len(versions))[0].tolist(), strict=True))


def _medians(own: pd.DataFrame, group: NDArray[Any], groups: int) -> tuple[Floats, Floats]:
    """The median lag of each group and how many it is of; the middle of the bin in which half of them are reached."""
    bins, row = flat(own["lag_bins"])
    counts = flat(own["lag_counts"])[0].astype(float)
    order = np.lexsort((bins, group[row]))
    at, bins, counts = group[row][order], bins[order].astype(np.intp), counts[order]
    total: Floats = np.bincount(at, counts, groups).astype(float)
    before = np.cumsum(total) - total
    half = (np.cumsum(counts) - before[at]) >= total[at] / 2
    reached = np.flatnonzero(half)
    groups_reached, first = np.unique(at[reached], return_index=True)
    value = np.full(groups, np.nan)
    value[groups_reached] = middles(LAG_EDGES)[bins[reached[first]]]
    return np.where(total > 0, value, np.nan), total
