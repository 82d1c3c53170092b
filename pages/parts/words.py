"""The texts that screens share: names of metrics and how to read them, units, formats, states."""

import math
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors.series import micros


@dataclass(frozen=True, slots=True)
class Metric:
    """How a metric is called and read. `format` is d3's, which Plotly and tables share; `unit` stands in the axis title."""

    label: str
    reading: str
    unit: str = ""
    format: str = ".3f"

    @property
    def title(self) -> str:
        """The name with its unit, for an axis."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


METRICS = {
    "psi": Metric("PSI", "How far the shares of ten groups moved: 0 not at all, 0.1 is often called moderate, 0.25 large."),
    "js": Metric("Jensen–Shannon distance", "From 0, the same shares, to 1, nothing in common."),
    "ks": Metric("KS distance", "The widest gap between the two cumulative distributions: 0 same, 1 apart."),
    "wasserstein": Metric("Wasserstein distance", "How far values moved on average, in standard deviations.", "std"),
    "chi2": Metric("Cramér's V", "Strength of the difference between two tables of counts: 0 none, 1 full."),
    "hellinger": Metric("Hellinger distance", "From 0, the same shares, to 1, nothing in common; looks closer at small shares."),
    "mismatch_rate": Metric("Mismatch rate", "Share of the joined rows in which serving and training differ.", "share of rows", ".2%"),
    "unmatched_rate": Metric("Unmatched rate", "Share of the training rows that no log row has.", "share of rows", ".2%"),
    "linf": Metric("Largest share moved", "The most that the share of any one category moved.", "share", ".1%"),
    "p50": Metric("p50", "The time that half of the requests did not exceed.", format=".3~g"),
    "p95": Metric("p95", "The time that 95 in 100 requests did not exceed.", format=".3~g"),
    "p99": Metric("p99", "The time that 99 in 100 requests did not exceed.", format=".3~g"),
    "mean": Metric("Mean time", "The sum of all times over their number.", format=".3~g"),
    "p95_ratio": Metric("p95 ratio", "p95 over that of the version before: 1 as fast, 2 twice as slow.", "×", ".3~g"),
    "p50_growth": Metric("Growth of p50", "The factor by which p50 grows in a week, apart from steps: 1 is none.", "× a week", ".3~g"),
    "p50_step": Metric("Step of p50", "p50 since a sudden change over p50 before it, within 14 days: 1 is none.", "×", ".3~g"),
    "throughput": Metric("Throughput", "Requests per hour of the window.", "requests an hour", ",.3~r"),
    "error_rate": Metric("Error rate", "Share of requests that failed, timed out or got no output.", "share of requests", ".2%"),
    "model": Metric("Changes of the model", "How many things about the model changed on a day.", "changes", ".0f"),
    "data": Metric("Changes of data", "How many data versions and training sets changed on a day.", "changes", ".0f"),
    "code": Metric("Changes of code", "How many code versions changed on a day.", "changes", ".0f"),
    "dependency": Metric("Changes of packages", "How many packages changed, came or went on a day.", "changes", ".0f"),
    "schema": Metric("Changes of the schema", "How many columns changed, came or went on a day.", "changes", ".0f"),
    "source": Metric("Changes of source", "How many source systems changed on a day.", "changes", ".0f"),
    "nan_rate": Metric("NaN", "Share of the window’s rows that are NaN: a computation that went wrong. Nulls do not count.", "share", ".2%"),
    "inf_rate": Metric("Infinity", "Share of the window’s rows that are +inf or −inf: a division by 0 or an overflow.", "share", ".2%"),
    "score_range_rate": Metric("Outside [0, 1]", "Share of the finite scores below 0 or above 1: no probability.", "share", ".2%"),
    "sum_rate": Metric("Sum is not 1", "Share of rows whose probabilities miss 1 in their sum by more than 0.001.", "share", ".2%"),
    "constant": Metric("Stands still", "1 where all values of a window are one and the same, 0 where they vary."),
    "magnitude": Metric("Magnitude", "How many times greater or smaller than the reference’s (root mean square, zeros apart).", "times"),
    "missing_column": Metric("Missing column", "Share of the rows whose file lacked the column.", "share of rows", ".1%"),
    "new_column": Metric("New column", "Share of the rows whose file has a column that nobody knows.", "share of rows", ".1%"),
    "type_rate": Metric("Wrong type", "Share of the rows with a value of another type: a text, or 2.5 among whole numbers.", "share of rows", ".2%"),
    "null_rate": Metric("Nulls", "Share of the rows without a value, of those whose file has the column.", "share of rows", ".2%"),
    "range_rate": Metric("Out of range", "Share of the finite values below the least or above the greatest expected.", "share of values", ".2%"),
    "domain_rate": Metric("Not in the domain", "Share of the values that are no expected category; nulls do not count.", "share of values", ".2%"),
    "duplicate_rate": Metric("Stands again", "Rows more than there are different ones: a, a, a, b, c give 2/5.", "share of rows", ".2%"),
    "rows_ratio": Metric("Rows, against before", "Rows over the median of the same weekday in the eight weeks before.", "ratio", ".2f"),
    "selection_ratio": Metric("Selection ratio", "The least selected group’s rate over the most selected one’s; four fifths is 0.8.", format=".2f"),
    "tpr_gap": Metric("True positive gap", "How much more of the positives are found in one group than in another.", "share", ".1%"),
    "fpr_gap": Metric("False positive gap", "How much more of the negatives are selected in one group than in another.", "share", ".1%"),
    "mae_gap": Metric("Gap of mean errors", "How much greater one group’s mean error is, as a share of that of all.", "share", ".1%"),
    "model_age_days": Metric("Age of the model", "Days from when the version came to be to the end of the window.", "days", ",.0f"),
    "reference_age_days": Metric("Age of the reference", "Days from the end of what was learnt from to the end of the window.", "days", ",.0f"),
    "label_lag_hours": Metric("Label lag", "The hours after which half of the labels that came had come.", "hours", ",.3~g"),
    "freshness_hours": Metric("Freshness", "Hours from the last row to the end of the window.", "hours", ".1f"),
    "accuracy": Metric("Accuracy", "Share of the labelled rows that were predicted right."),
    "precision": Metric("Precision", "Share of what was called positive that is. Of many classes the mean over them."),
    "recall": Metric("Recall", "Share of the positives that were called so. Of many classes the mean over them."),
    "f1": Metric("F1", "The harmonic mean of precision and recall."),
    "roc_auc": Metric("ROC AUC", "How often a positive scores higher than a negative: 0.5 is chance, 1 always."),
    "average_precision": Metric("Average precision", "Mean precision at each positive, highest score first; chance gives their share."),
    "log_loss": Metric("Log loss", "Mean of −log of the probability given to the truth: 0 is perfect, sure mistakes cost most."),
    "brier": Metric("Brier score", "Mean squared distance of the score from the truth, 0 to 1: 0 is perfect."),
    "ece": Metric("Calibration error", "How far the mean score is from the share of positives, in ten groups of the score."),
    "mae": Metric("Mean absolute error", "Mean distance of prediction and label, in the label’s unit.", format=",.4~r"),
    "rmse": Metric("Root mean squared error", "As the mean absolute error, but large errors count more.", format=",.4~r"),
    "r2": Metric("R²", "Share of the labels’ variance that is predicted: 1 all, 0 no more than by their mean."),
    "bias": Metric("Bias", "Mean of prediction less label: above 0 it predicts too much.", format=",.4~r"),
    "abs_error_p50": Metric("Median error", "The error that half of the rows do not exceed.", format=",.4~r"),
    "abs_error_p90": Metric("90th percentile of errors", "The error that nine rows in ten do not exceed.", format=",.4~r"),
    "label_coverage": Metric("Labels", "Share of the window’s rows that have a label by now.", "share of rows", ".1%"),
}
STATES = {-1: "not judged", 0: "ok", 1: "warning", 2: "critical"}
MARKS = {-1: ":gray-badge[not judged]", 0: ":green-badge[ok]", 1: ":orange-badge[warning]", 2: ":red-badge[critical]"}
ICONS = {-1: "–", 0: "●", 1: "▲", 2: "■"}  # a state never shows by its colour alone

TABLE = "the table"  # in place of a column, of a metric that has none: repeats, rows, freshness
VOLUME = "Served rows of the last seven days; the bars are the last 28 days, one each."
UNVERSIONED = "no version"  # of rows that name none
TOGETHER = "all versions"
NOT_MEASURED = "Loaded, not measured yet: `python -m monitors run` does that."
NO_LOG = "No log is loaded yet, so nothing can be measured: load one on the page *Sources* or with `python -m monitors load`."
NO_DATA = "Nothing is loaded yet"
HOW_TO_LOAD = """
**Look around first** with the bundled sample, a year of real flights scored by three versions of a model:
```
python -m monitors sample
```
**Or load a log of your own**, CSV, Parquet or JSON, on the page *Sources* or with
```
python -m monitors load log.parquet --model my-model
python -m monitors run
```
"""


def metric(name: str) -> Metric:
    """What is known about a metric; a name of its own for one that is not."""
    if name.startswith("estimated_"):
        told = metric(name.removeprefix("estimated_"))
        reading = f"{told.reading} Expected from scores and the reference’s labels, without labels of its own.".strip()
        return replace(told, label=f"{told.label}, estimated", reading=reading)
    return METRICS.get(name, Metric(name.replace("_", " "), ""))


def not_alerting(name: str, window: str, segment: str) -> str:
    """Why what is shown raises no alerts."""
    rows = "" if segment == "all" else f" in {escaped(segment)}"
    what = f"{metric(name).label} by {window}{rows} raises no alerts: its rule is off or for other windows."
    return f"{what} The states here are what its limits would give."


def rows_and_nulls(reference: pd.Series, window: pd.Series) -> str:
    """How many rows each side has, and how many of them are null."""
    sides = (("reference", reference), ("window", window))
    told = [f"{name} {int(side['rows']):,} rows, {side['nulls'] / max(side['rows'], 1):.1%} null" for name, side in sides]
    return "Shares are of the values that are there: " + "; ".join(told) + "."


@lru_cache(maxsize=65536)  # a bench tells thousands of them at every move, nearly all again
def number(value: float | None) -> str:
    """Three figures or so: 0.0075, 0.25, 3.14, 45.7, 1,234; a dash for what is not there."""
    if value is None or math.isnan(value):
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}" if abs(value) >= 0.1 else f"{value:.2g}"


def figures(value: float) -> str:
    """Four figures: 0.05655, 0.6044, 27,360."""
    return f"{value:.4g}" if abs(value) < 1000 else f"{float(f'{value:.4g}'):,.0f}"


def day(time: datetime | pd.Timestamp) -> str:
    """`3 Nov 2013`, in UTC."""
    return f"{time.day} {time:%b %Y}"


@lru_cache(maxsize=8192)
def span(start: pd.Timestamp, end: pd.Timestamp) -> str:
    """The days of a half-open window: `8–14 Apr 2013`, `29 Apr – 5 May 2013`, `8 Apr 2013`."""
    last = end - pd.Timedelta(1, "us")
    if start.date() == last.date():
        return day(start)
    if (start.year, start.month) == (last.year, last.month):
        return f"{start.day}–{day(last)}"
    if start.year == last.year:
        return f"{start.day} {start:%b} – {day(last)}"
    return f"{day(start)} – {day(last)}"


def spans(start: pd.Series, end: pd.Series) -> NDArray[Any]:
    """`span` of each row, "" where it has no start; of many that are alike once."""
    pairs, place = np.unique(np.column_stack([micros(start), micros(end)]), axis=0, return_inverse=True)
    times = [[pd.Timestamp(int(time), unit="us", tz="UTC") for time in pair] for pair in pairs]
    return np.array([span(*pair) if pair[0] is not pd.NaT else "" for pair in times], object)[place.ravel()]


def escaped(text: str) -> str:
    """A name as Markdown shows it character for character: `<b>`, `a_b` and `$x$` stay what they are."""
    return "".join("\\" + c if c in r"\`*_{}[]()#+-.!|~$:<>" else c for c in text)


def version_html(name: str) -> str:
    """A version as Plotly shows it; rows that tell none have "" for one, which would be a line without a name."""
    return plain_html(name) or UNVERSIONED


def plain_html(text: str) -> str:
    """A name as Plotly shows it: its labels take a few HTML tags, so `<b>bold</b>` is written as text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
