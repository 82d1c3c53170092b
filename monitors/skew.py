"""Skew: are the features served those that training would have computed? Row by row where there is a key, by distribution where not."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from monitors import noise, periods
from monitors.distances import Floats, groups, js
from monitors.measurements import no_reference, typed

METRICS = ("mismatch_rate", "unmatched_rate", "js")
PERIODS: tuple[periods.Period, ...] = ("day", "week", "month")
COUNTS = ["log_rows", "joined", "mismatched", "log_nulls", "training_nulls", "unmatched"]
KEYS = ["model", "version", "segment", "column"]

NOT_JOINED = "no training row belongs to a log row of this window"
NO_BINS = ", whose bins both would be counted on"
NO_TRAINING = "the training features have no value in this window"
NO_LOG = "no values in this window"


def measure(pairs: pd.DataFrame) -> pd.DataFrame:
    """mismatch_rate of each feature and unmatched_rate (column ""), by version and segment, by day, week and month.

    Parameters
    ----------
    pairs : stored counts of short windows (`data.pairs`); those of longer ones are their sums. Rows of column "" count log rows and
        those of them that were joined; of kind "unmatched" training rows that no log row has.

    Returns
    -------
    table of measurements.
    mismatch_rate : share of the joined rows in which the two values differ beyond the tolerance, 0 to 1; `rows` are the joined rows. Log rows
        without a training row are no part of it, so training features may be computed for a sample of the log.
    unmatched_rate : share of the training rows that no log row has: requests that training knows of and the log lost. `rows` are joined
        and unmatched rows together.

    `noise` is blank: whether a pair differs is a fact and no estimate, so chance alone gives 0. Only features that some row of the
    version has are measured; a window whose log rows no training row belongs to is blank, with the reason.
    """
    parts = [part for period in PERIODS for part in _of_period(merged(pairs[pairs["window_start"].notna()], period))]
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return typed(found.assign(monitor="skew", dataset="log") if len(found) else found)


def merged(pairs: pd.DataFrame, period: periods.Period) -> pd.DataFrame:
    """The counts of whole days, weeks (from Monday) or months, UTC; with "all" of everything."""
    days = periods.starts(pairs["window_start"], period)
    keys = [*KEYS, "counted"]
    counted = pairs.assign(day=days, counted=np.where(pairs["kind"] == "unmatched", "unmatched", "pairs"))
    found = counted.groupby([*keys, "day"], as_index=False, sort=True)[COUNTS].sum()
    start = found["day"].to_numpy().astype("datetime64[D]")
    if period == "month":
        end = (start.astype("datetime64[M]") + 1).astype("datetime64[D]")
    else:
        end = start + np.timedelta64(7 if period == "week" else 1, "D")
    aware = [pd.Series(t.astype("datetime64[us]")).dt.tz_localize("UTC") for t in (start, end)]
    return found.drop(columns="day").assign(window_start=aware[0], window_end=aware[1]).astype(dict.fromkeys(COUNTS, "int64"))


def _of_period(counts: pd.DataFrame) -> Iterator[pd.DataFrame]:
    features = counts[(counts["column"] != "") & (counts["joined"] > 0)]
    rate = features["mismatched"] / features["joined"]
    yield features.assign(metric="mismatch_rate", rows=features["joined"], value=rate, reason=None)
    keys = ["model", "version", "segment", "window_start", "window_end"]
    whole = counts[counts["column"] == ""].groupby(keys, as_index=False)[["log_rows", "joined", "unmatched"]].sum()
    yield _unmatched(whole)
    yield _not_joined(features, whole[(whole["joined"] == 0) & (whole["segment"] == "all") & (whole["log_rows"] > 0)])


def _unmatched(whole: pd.DataFrame) -> pd.DataFrame:
    rows = whole["joined"] + whole["unmatched"]
    known = whole[rows > 0]
    return known.assign(column="", metric="unmatched_rate", rows=rows[rows > 0], value=known["unmatched"] / rows[rows > 0], reason=None)


def _not_joined(features: pd.DataFrame, empty: pd.DataFrame) -> pd.DataFrame:
    """A blank for each feature of the version in windows without a pair."""
    known = features[["version", "column"]].drop_duplicates()
    blank = empty.merge(known, on="version", suffixes=("_", ""))
    return blank.assign(metric="mismatch_rate", rows=0, value=np.nan, reason=NOT_JOINED)


# ---- without a key -----------------------------------------------------------------------------------------------------------


def by_distribution(profiles: pd.DataFrame) -> pd.DataFrame:
    """js between the features of training and of the log, where their rows cannot be joined: by day, week and month.

    Parameters
    ----------
    profiles : those of the datasets "log" and "training", on the same bins; the whole of the training features has no window.

    Returns
    -------
    table of measurements; js on 20 groups of equal share in training, or categories. A window is compared with the training features of the
    same window where any of them have times within the log, else with all of them. `noise` is what chance gives when so many rows are drawn
    on both sides: the 95th percentile.
    """
    parts = [_of_key(one) for _, one in profiles.groupby(KEYS, sort=True)]
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return typed(found.assign(monitor="skew", dataset="log", metric="js") if len(found) else found)


def _of_key(profiles: pd.DataFrame) -> pd.DataFrame:
    log, training = (profiles[profiles["dataset"] == d] for d in ("log", "training"))
    whole, timed = training[training["window_start"].isna()], training[training["window_start"].notna()]
    parts = []
    for period in PERIODS if len(log) else ():
        served = periods.merge(log, period)
        blank = served[[*KEYS, "window_start", "window_end"]].assign(rows=0, value=np.nan, noise=np.nan)
        if whole.empty:
            parts.append(blank.assign(reason=no_reference(served["version"].iat[0]) + NO_BINS))
            continue
        own = periods.merge(timed, period) if len(timed) else timed
        same = own["window_start"].isin(served["window_start"]).any()
        of = dict(zip(own["window_start"], own["counts"], strict=True)) if same else {}
        against: list[Any] = [of.get(start) if same else whole["counts"].to_numpy()[0] for start in served["window_start"]]
        parts.append(_distances(blank, list(served["counts"]), against, whole["counts"].to_numpy()[0], str(served["kind"].iat[0])))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _distances(blank: pd.DataFrame, served: list[Any], trained: list[Any], whole: Floats, kind: str) -> pd.DataFrame:
    if whole.sum() == 0:
        return blank.assign(reason=NO_TRAINING)
    cuts = groups(whole, 20) if kind == "number" else np.arange(len(whole))
    all_of = np.add.reduceat(whole, cuts)
    curve = noise.grouped(all_of, lambda r, c: {"js": js(r, c)}, noise.seed(*map(str, blank.iloc[0][KEYS])))
    values, floors, rows = [], [], []
    reasons: list[Any] = []
    for log, training in zip(served, trained, strict=True):
        n, m = float(np.sum(log)), 0.0 if training is None else float(np.sum(training))
        rows.append(int(n))
        reasons.append(NO_LOG if n == 0 else NO_TRAINING if m == 0 else None)
        if n == 0 or m == 0 or training is None:
            values.append(np.nan)
            floors.append(np.nan)
            continue
        values.append(float(js(np.add.reduceat(training, cuts), np.add.reduceat(log, cuts))))
        both = n * m / (n + m)  # two samples vary as one of so many rows does against a fixed distribution
        floors.append(float(noise.floors(curve, np.array(both))["js"]))
    return blank.assign(rows=rows, value=values, noise=floors, reason=reasons)
