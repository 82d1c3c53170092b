"""estimated: how good a model probably is while no label is there yet, from scores, or predictions, and what the reference's labels made of such.

Assumes that a score means what it meant in the reference. Other inputs with the same meaning change the estimate as they change the truth; another
meaning of the same inputs (concept shift) it cannot see: labels alone can. `estimate_trust` says where to doubt it, and how good it was.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from monitors import outcomes
from monitors.estimated_errors import of_errors
from monitors.estimated_scores import WINDOW, of_scores
from monitors.intervals import LOW_IS_BAD
from monitors.measurements import typed
from monitors.periods import Period
from monitors.rules import bounds
from monitors.usual import ENOUGH_ROWS, LEVEL, usual_level

METRICS = ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier", "mae", "rmse")
PERIODS: tuple[Period, ...] = ("day", "week", "month")
Z = 1.645  # standard deviations below which 95 in 100 lie
COLUMNS = [*WINDOW, "column", "metric", "rows", "value", "sampling", "spread", "reason"]
NEEDED = [  # of the table of outcomes
    "model", "version", "dataset", "segment", "window_start", "window_end", "kind", "class", "predicted", "selected", "labelled", "tp", "fp",
    "bins", "positives", "negatives", "unlabelled", "spots", "spot_rows", "spot_labelled", "spot_errors", "spot_squares",
]  # fmt: skip
NUMBERS = ["rows", "value", "sampling", "spread"]
SERIES = ["version", "segment", "column", "metric"]


def measure(quality: pd.DataFrame) -> pd.DataFrame:
    """Every estimated metric of one model, for each version and single segment, by day, week and month.

    Parameters
    ----------
    quality : the stored table of outcomes (`outcomes`) of the log and of references. Labels of the log are not looked at.

    Returns
    -------
    table of measurements of the monitor "quality" with `dataset`. estimated_accuracy, _precision, _recall, _f1 (the expected confusion
    matrix), _roc_auc, _log_loss and _brier of scores; of many classes roc_auc of each and their mean, log_loss and brier of the whole; of a
    regression estimated_mae and _rmse. `rows` are all that have a score (a prediction). Blank with a reason where there is no estimate.

    noise : how bad an estimate chance alone gives in 95 of 100 windows of so many rows of the reference; below it where low is bad. usual : the
    same of the reference's own windows of the same length, from three of 30 rows on.
    """
    is_whole = (quality["dataset"] == "reference") & quality["window_start"].isna()
    whole = estimates(quality[is_whole], ())
    found = estimates(quality, varying=False).query("period >= 0").reset_index(drop=True)
    own = found[found["dataset"] == "reference"]
    compared = (found["dataset"] == "log") & found["value"].notna()
    source = found["version"].where(found["version"].isin(whole["version"]), "")
    series = found.assign(version=source)  # whose reference each is compared with
    noise, usual = _noise(series, whole), _usual(series, own)
    metric = "estimated_" + found["metric"]
    return typed(found.assign(monitor="quality", metric=metric, noise=noise.where(compared), usual=usual.where(compared)))


def estimates(quality: pd.DataFrame, periods: Sequence[Period] = PERIODS, varying: bool = True) -> pd.DataFrame:
    """Value, and if wanted sampling and spread (`calibration.Expected`), of every metric and window, those of the reference too; `period` is the
    place in PERIODS, -1 for a whole reference."""
    errors = (quality["kind"] == "regression").any()
    held = [name for name in NEEDED if errors or not name.startswith("spot")]
    kept = quality[held]
    own = kept["dataset"] == "reference"
    wholes = {str(version): rows for version, rows in kept[own & kept["window_start"].isna()].groupby("version", sort=True)}
    parts: list[pd.DataFrame] = []
    for (version, kind), rows in kept.groupby(["version", "kind"], sort=True):
        reference = wholes.get(str(version), wholes.get(""))
        timed = rows[rows["window_start"].notna()]
        merged = [made.assign(period=PERIODS.index(p)) for p, made in zip(periods, outcomes.merges(timed, periods), strict=True)]
        table = pd.concat([*merged, rows[rows["window_start"].isna()].assign(period=-1)], ignore_index=True)
        parts += of_errors(table, reference) if kind == "regression" else of_scores(table, reference, varying)
    return pd.concat(parts, ignore_index=True)[COLUMNS] if parts else pd.DataFrame(columns=COLUMNS).astype(dict.fromkeys(NUMBERS, float))


def _noise(series: pd.DataFrame, whole: pd.DataFrame) -> pd.Series:
    """The worse end of what so many rows of the reference give in 95 of 100 windows."""
    of = whole.set_index(SERIES)[["rows", "value", "sampling"]].reindex(pd.MultiIndex.from_frame(series[SERIES])).reset_index(drop=True)
    away = Z * of["sampling"] * np.sqrt(of["rows"] / series["rows"].where(series["rows"] > 0))
    level = of["value"] + away.where(~series["metric"].isin(LOW_IS_BAD), -away)
    most = series["metric"].map({name: bounds(name)[1] for name in METRICS})
    return level.clip(0, most)


def _usual(series: pd.DataFrame, windows: pd.DataFrame) -> pd.Series:
    """The worse 95th percentile of the reference's windows of the same length."""
    keys = [*SERIES, "period"]
    of = windows[(windows["rows"] >= ENOUGH_ROWS) & windows["value"].notna()].groupby(keys)["value"]
    asked = pd.MultiIndex.from_frame(series[keys])
    lower, upper = (usual_level(of, level).reindex(asked).reset_index(drop=True) for level in (1 - LEVEL, LEVEL))
    return upper.where(~series["metric"].isin(LOW_IS_BAD), lower)
