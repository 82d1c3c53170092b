"""estimated_trust: how far to believe an estimate. How near such came to the truth, and where inputs left what the reference knows.

What none of this sees is concept shift: the same inputs meaning something else. Only labels tell.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import outcomes
from monitors.calibration import Floats, summed
from monitors.estimated import METRICS, SERIES
from monitors.outcomes import SCORE_BINS
from monitors.periods import Period
from monitors.rules import bounds
from monitors.usual import ENOUGH_ROWS, ENOUGH_WINDOWS, LEVEL

PREFIX = "estimated_"
LAST = 20  # windows that make a track record
COVERED = 0.9  # the share of rows with a label from which a window's truth counts
BEYOND = 0.05  # the share of rows outside of what the reference knows from which an estimate cannot be trusted
MOVED = 0.25  # psi of an input from which it has moved far
NEAR = 10  # bins of the score, a hundredth, within which a row of the reference makes a score known
NAMED = 3  # inputs told by name
WINDOW = ["version", "segment", "window_start", "window_end"]
PAIRED = [*WINDOW, "column", "metric", "dataset", "rows", "coverage", "truth", "estimate"]

HOLDS, WITH_CARE, NOT_TRUSTED = range(3)


def paired(measurements: pd.DataFrame) -> pd.DataFrame:
    """Truth beside estimate, wherever there is either: `PAIRED`, by window; of log and reference."""
    keys = [*WINDOW, "column", "metric", "dataset"]
    is_estimate = measurements["metric"].str.startswith(PREFIX)
    known = measurements["metric"].isin(METRICS)
    truths = measurements[known][[*keys, "coverage", "value"]].rename(columns={"value": "truth"})
    told = measurements[is_estimate][[*keys, "rows", "value"]].rename(columns={"value": "estimate"})
    told = told.assign(metric=told["metric"].str.removeprefix(PREFIX))
    both = told.merge(truths, how="left", on=keys).sort_values(["segment", "column", "metric", "window_start", "version"])
    return both[PAIRED].reset_index(drop=True)


def record(pairs: pd.DataFrame, last: int = LAST) -> pd.DataFrame:
    """How near the estimates of the log came, over the last windows that have labels enough, of all versions together.

    Parameters
    ----------
    pairs : from `paired`, windows of one length.

    Returns
    -------
    a row for each segment, column and metric: windows; within, what 95 in 100 of |estimate − truth| do not exceed; bias, the mean of estimate −
    truth; since, the start of the first of these windows. Of no window no row.
    """
    known = pairs[(pairs["dataset"] == "log") & (pairs["coverage"] >= COVERED) & pairs[["truth", "estimate"]].notna().all(axis=1)]
    keys = ["segment", "column", "metric"]
    recent = known.sort_values("window_start", kind="stable").groupby(keys, sort=True).tail(last)
    miss = recent["estimate"] - recent["truth"]
    groups = recent.assign(miss=miss, size=miss.abs()).groupby(keys, sort=True)
    made = groups.agg(windows=("miss", "size"), within=("size", _covering), bias=("miss", "mean"), since=("window_start", "min"))
    return made.reset_index()


def _covering(sizes: pd.Series) -> float:
    """The least size that 95 in 100 do not exceed: of 20 the 19th."""
    return float(np.quantile(sizes.to_numpy(), LEVEL, method="inverted_cdf"))


def banded(estimates: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The estimates of the log with `low` and `high`, between which the truth is to be expected.

    Parameters
    ----------
    estimates : from `estimated.estimates`. pairs : from `paired`, with the reference's own windows where it has times.

    Returns
    -------
    The wider of two bands about each estimate: 1.96 of its spread, which holds the truth of 95 in 100 windows if all that differs between
    windows is chance; and what 95 in 100 of the reference's own windows of the same length missed, as real weeks differ by more than chance.
    """
    found = estimates[(estimates["dataset"] == "log") & estimates["value"].notna()].reset_index(drop=True)
    own = pairs[(pairs["dataset"] == "reference") & (pairs["rows"] >= ENOUGH_ROWS) & pairs[["truth", "estimate"]].notna().all(axis=1)]
    days = (own["window_end"] - own["window_start"]).dt.days
    own = own.assign(miss=(own["estimate"] - own["truth"]).abs(), period=np.select([days == 1, days == 7], [0, 1], 2))
    groups = own.groupby([*SERIES, "period"])["miss"]
    usual = groups.agg(_covering)[groups.size() >= ENOUGH_WINDOWS] if len(own) else pd.Series(dtype=float)
    version = found["version"].where(found["version"].isin(own["version"]), "")
    asked = pd.MultiIndex.from_frame(found.assign(version=version)[[*SERIES, "period"]])
    missed = usual.reindex(asked).to_numpy(np.float64) if len(usual) else np.full(len(found), np.nan)
    half = np.fmax(1.96 * found["spread"].to_numpy(), missed)
    most = found["metric"].map({name: bounds(name)[1] for name in METRICS}).to_numpy(np.float64)
    return found.assign(low=np.maximum(found["value"] - half, 0), high=np.minimum(found["value"] + half, most))


def trust(quality: pd.DataFrame, inputs: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Where the estimates of the log are to be doubted, and why.

    Parameters
    ----------
    quality : the table of outcomes of log and references.
    inputs : measurements range_rate, domain_rate and psi of the features and the score, in windows of the period.

    Returns
    -------
    a row for each window: version, segment, window_start, window_end; level 0 where nothing speaks against the estimate, 1 where an input has
    moved far (psi above 0.25 and above both floors), 2 where it cannot be trusted, since one row in twenty lies outside of what the reference
    knows; reason, in words with the share, else "".
    """
    whole = quality[(quality["dataset"] == "reference") & quality["window_start"].isna()]
    log = outcomes.merge(quality[quality["dataset"] == "log"], period)
    told = pd.concat([*_unknown(log, whole), _outside(inputs), _moved(inputs)], ignore_index=True)
    levels = told.groupby(WINDOW).agg(level=("level", "max"))
    worst = told[told["level"] == levels["level"].reindex(pd.MultiIndex.from_frame(told[WINDOW])).to_numpy()]
    reasons = worst.groupby(WINDOW)["reason"].agg("; ".join)
    windows = log[WINDOW].drop_duplicates().reset_index(drop=True)
    at = pd.MultiIndex.from_frame(windows)
    level = levels["level"].reindex(at).fillna(HOLDS).to_numpy(np.int64)
    return windows.assign(level=level, reason=reasons.reindex(at).fillna("").to_numpy(object))


def _unknown(log: pd.DataFrame, whole: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Windows of which one score (prediction) in twenty is unlike any of the reference."""
    for version, rows in log.groupby("version", sort=True):
        source = version if version in set(whole["version"]) else ""
        reference = whole[(whole["version"] == source) & (whole["segment"] == "all")]
        if reference.empty:
            continue
        of = "spots" if rows["kind"].iat[0] == "regression" else "bins"
        names = ("spot_rows",) if of == "spots" else ("positives", "negatives", "unlabelled")
        what = "predictions" if of == "spots" else "scores"
        known = _known(reference, of)
        at, window = outcomes.flat(rows[of])
        counts = np.sum([outcomes.flat(rows[name])[0].astype(np.float64) for name in names], axis=0)
        beyond = counts * ~known[np.minimum(at.astype(np.int64), len(known) - 1)]
        total, outside = (summed(window, values, len(rows)) for values in (counts, beyond))
        share = outside / np.maximum(total, 1)
        yield _said(rows[WINDOW], share, [f"{part:.0%} of the {what} are unlike any of the reference" for part in share], NOT_TRUSTED)


def _known(reference: pd.DataFrame, of: str) -> NDArray[np.bool_]:
    """By bin, whether the reference has a labelled row in it, or close by for scores; one bin more, of predictions beyond all it has."""
    names = ("spot_labelled",) if of == "spots" else ("positives", "negatives")
    at = outcomes.flat(reference[of])[0].astype(np.int64)
    rows = np.sum([outcomes.flat(reference[name])[0].astype(np.float64) for name in names], axis=0)
    width = int(at.max(initial=0)) + 2 if of == "spots" else SCORE_BINS
    held = summed(at, rows, width)
    if of == "spots":
        return held > 0
    near: NDArray[np.bool_] = np.convolve(held, np.ones(2 * NEAR + 1), "same") > 0
    return near


def _outside(inputs: pd.DataFrame) -> pd.DataFrame:
    """Windows of which an input is outside of the reference's range or categories in one row of twenty."""
    out = inputs[inputs["metric"].isin(["range_rate", "domain_rate"]) & (inputs["value"] >= BEYOND)]
    worst = out.sort_values("value", ascending=False, kind="stable").groupby(WINDOW).head(NAMED)
    kind = np.where(worst["metric"] == "range_rate", "range", "categories")
    said = [f"{c} is outside of the reference’s {k} in {v:.0%} of the rows" for c, k, v in zip(worst["column"], kind, worst["value"], strict=True)]
    return _said(worst[WINDOW], worst["value"].to_numpy(), said, NOT_TRUSTED)


def _moved(inputs: pd.DataFrame) -> pd.DataFrame:
    """Windows of which an input has moved far, and by more than chance and the reference's own windows explain."""
    floor = inputs[["noise", "usual"]].max(axis=1).fillna(0)
    far = inputs[(inputs["metric"] == "psi") & (inputs["value"] > MOVED) & (inputs["value"] > floor)]
    worst = far.sort_values("value", ascending=False, kind="stable").groupby(WINDOW).head(NAMED)
    said = [f"{column} has moved far (psi {value:.2g})" for column, value in zip(worst["column"], worst["value"], strict=True)]
    return _said(worst[WINDOW], np.ones(len(worst)), said, WITH_CARE)


def _said(windows: pd.DataFrame, share: Floats, reason: Sequence[str], level: int) -> pd.DataFrame:
    return windows.assign(level=level, reason=list(reason))[share >= BEYOND]
