"""fairness: are groups treated alike? How often each is selected, found where it should be, and accused where it should not.

A group is one value of a segment column. Groups too small to say anything are not measured and never make the headline; what remains is told
beside what chance alone gives between so many groups of these sizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import fairness_chance as chance
from monitors import periods
from monitors.measurements import typed
from monitors.two_shares import Z
from monitors.usual import LEVEL, usual_level

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]
MIN_ROWS = 30  # of what enters a rate: rows with a prediction, positive labels, negative labels
LENGTHS: tuple[periods.Period, ...] = ("day", "week", "month")
COUNTS = ["rows", "predicted", "selected", "labelled", "positives", "tp", "negatives", "fp", "error_abs", "error_squares"]
UNIT = ["model", "version", "dataset", "column", "class", "window_start"]  # the groups that are compared with each other


@dataclass(frozen=True, slots=True)
class Metric:
    """How a metric is made: `hits` over `of`, which `told` names; of a regression the mean of |error|."""

    name: str
    of: str
    hits: str
    told: str

    @property
    def is_ratio(self) -> bool:
        """Whether groups are compared by a ratio, of which low values are the bad ones."""
        return self.name == "selection_ratio"

    @property
    def is_share(self) -> bool:
        """Whether hits are some of the rows."""
        return self.hits != "error_abs"


CLASSIFIED = (
    Metric("selection_ratio", "predicted", "selected", "rows with a prediction"),
    Metric("tpr_gap", "positives", "tp", "positive labels"),
    Metric("fpr_gap", "negatives", "fp", "negative labels"),
)
REGRESSED = (Metric("mae_gap", "labelled", "error_abs", "rows with a label"),)
METRICS = (*CLASSIFIED, *REGRESSED)


def measure(quality: pd.DataFrame, segments: Sequence[str]) -> pd.DataFrame:
    """Every fairness metric of one model, for each version and segment column, by day, week and month.

    Parameters
    ----------
    quality : stored windows of log and reference, of single segments (others are left out): counts of predictions against labels.
    segments : the segment columns.

    Returns
    -------
    table of measurements with `dataset` and `coverage`; `column` is the segment column. Segment "all" compares its groups with each other,
    `column=group` that group with the others.

    selection_ratio : the lowest share of rows that are predicted as the class, over the highest; of a group its share over the highest.
    tpr_gap, fpr_gap : the greatest difference between two groups of the share of positives (negatives) that are predicted as the class;
        of a group its share less that of all others together.
    mae_gap : the greatest difference between two groups of the mean absolute error, as a share of that of all; of a group its mean error
        less that of all others together, as a share of theirs.

    `noise` is what chance stays below (of selection_ratio: above) in 95 of 100 windows if there is no difference; `usual` the same of the
    reference's own windows. `rows` are those of the smaller group. Of several classes, each against the rest, the one counts in which
    groups differ most beyond chance, at a level that allows for their number; single groups are then not measured.
    """
    counted = groups(quality, segments)
    parts = [_of_length(counted, length) for length in LENGTHS] if len(counted) else []
    return typed(pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()).assign(monitor="fairness")


def groups(quality: pd.DataFrame, segments: Sequence[str]) -> pd.DataFrame:
    """The rows of single segments that have a window, with `column` and COUNTS; pairs of segments are left out."""
    names = pd.Series(quality["segment"].unique(), dtype=object)
    column = {name: column_of(name, segments) for name in names}
    found = quality.assign(column=quality["segment"].astype(object).map(column))
    found = found[(found["column"] != "") & found["window_start"].notna()]
    made = {"positives": found["tp"] + found["fn"], "negatives": found["fp"] + found["tn"]}
    found = found.assign(**made).reindex(columns=[*UNIT, "window_end", "segment", "kind", *COUNTS])
    return found.astype(dict.fromkeys(COUNTS, "float64"))


def column_of(segment: str, columns: Sequence[str]) -> str:
    """The column of a segment such as `origin=EWR`; "" for all rows and for two columns at a time."""
    if any(f" & {column}=" in segment for column in columns):
        return ""
    return max((column for column in columns if segment.startswith(f"{column}=")), key=len, default="")


def added(counted: pd.DataFrame, length: periods.Period) -> pd.DataFrame:
    """The groups of longer windows, in order of their units: counts add up."""
    start = periods.starts(counted["window_start"], length)
    keys = [name for name in UNIT if name != "window_start"]
    summed = counted.assign(start=start).groupby([*keys, "start", "segment", "kind"], sort=True, observed=True)
    found = summed[COUNTS].sum().join(summed[["window_start", "window_end"]].agg({"window_start": "min", "window_end": "max"}))
    found = found.reset_index()
    found["window_start"], found["window_end"] = periods.borders_of(found, np.arange(len(found)), length)
    return found


def _of_length(counted: pd.DataFrame, length: periods.Period) -> pd.DataFrame:
    windows = added(counted, length)
    regressed = (windows["kind"] == "regression").to_numpy()
    parts = [_of_metric(windows[~regressed], metric) for metric in CLASSIFIED]
    parts += [_of_metric(windows[regressed], metric) for metric in REGRESSED]
    made = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return made.assign(usual=_usual(made))


def _of_metric(windows: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Headlines and groups of one metric."""
    if windows.empty:
        return pd.DataFrame()
    seen = see(windows, metric)
    chanced = by_chance(seen)
    head, each = between(seen, chanced[0]), against_others(seen, chanced[1])
    made = pd.concat([_one_class(head, metric), each[each["kind"] != "multiclass"]], ignore_index=True)
    made["coverage"] = made["labelled"] / made["rows"].where(made["rows"] > 0)
    made["rows"] = made["entered"]
    return made.assign(metric=metric.name, reason=made["reason"].where(made["reason"] != "", None))


def _one_class(head: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Of several classes that in which groups differ most beyond chance."""
    beyond = (head["value"] - head["noise"]) * (-1 if metric.is_ratio else 1)
    order = head.assign(beyond=beyond).sort_values("beyond", ascending=False, na_position="last", kind="stable")
    return order.drop_duplicates([name for name in UNIT if name != "class"]).drop(columns="beyond").sort_index()


# ---- one metric of some groups -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One metric of groups, those of a unit together, as arrays. Of mae_gap all rates are shares of the mean error of the unit."""

    metric: Metric
    windows: pd.DataFrame
    first: Positions  # where each unit begins
    sizes: Positions  # and how many groups it has
    rows: Floats  # that enter each rate
    rate: Floats  # NaN for a group too small to have one
    others: Floats  # the rate of all other groups together
    others_rows: Floats
    pooled: Floats  # the rate of the unit
    deviation: Floats  # of a single value, in the whole unit
    level: Floats  # of the noise, one a unit

    @property
    def is_large(self) -> NDArray[np.bool_]:
        """Which groups have a rate."""
        return self.rows >= MIN_ROWS


def see(windows: pd.DataFrame, metric: Metric) -> Seen:
    """The rates of groups, as `added` gives them."""
    windows = windows.reset_index(drop=True)
    codes = np.column_stack([pd.factorize(windows[name])[0] for name in UNIT])
    first = np.flatnonzero(np.r_[True, (np.diff(codes, axis=0) != 0).any(axis=1)])
    sizes = np.diff(np.append(first, len(windows)))
    rows, hits = windows[metric.of].to_numpy(float), windows[metric.hits].to_numpy(float)
    total, total_hits, squares = (
        np.repeat(np.add.reduceat(one, first), sizes) for one in (rows, hits, windows["error_squares"].to_numpy(float))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, others, pooled = hits / rows, (total_hits - hits) / (total - rows), total_hits / total
        spread = np.sqrt(np.maximum((pooled if metric.is_share else squares / total) - pooled**2, 0))
        unit = 1.0 if metric.is_share else pooled
        rate = np.where(rows >= MIN_ROWS, rate, np.nan)
        rates = [one / unit for one in (rate, others, pooled, spread)]
    several = windows["kind"].to_numpy()[first] == "multiclass"
    alike = windows.iloc[first].groupby([name for name in UNIT if name != "class"], observed=True)
    classes = np.where(several, alike["class"].transform("size").to_numpy(), 1)
    return Seen(metric, windows, first, sizes, rows, rates[0], rates[1], total - rows, rates[2], rates[3], 1 - (1 - LEVEL) / classes)


def by_chance(seen: Seen) -> tuple[Floats, Floats]:
    """The noise of each unit, and of each group against the others."""
    at = np.flatnonzero(seen.is_large)
    many = np.add.reduceat(seen.is_large.astype(np.intp), seen.first)
    units = np.flatnonzero(many)
    first = (np.cumsum(many) - many)[units]
    rows, mean, deviation = (one[at] for one in (seen.rows, seen.pooled, seen.deviation))
    alike = chance.of_shares(rows, mean, first) if seen.metric.is_share else chance.of_means(rows, mean, deviation, first)
    whole, each = np.full(len(many), np.nan), np.full(len(seen.rows), np.nan)
    if seen.metric.is_ratio:
        whole[units], each[at] = chance.ratios(alike, seen.level[units])
        return whole, each
    whole[units] = chance.gaps(alike, seen.level[units])
    with np.errstate(divide="ignore", invalid="ignore"):
        return whole, Z * seen.deviation * np.sqrt(1 / seen.rows + 1 / seen.others_rows)


def between(seen: Seen, noise: Floats) -> pd.DataFrame:
    """A row a unit: its highest group against its lowest, named in `high` and `low`."""
    high, low = _extreme(-seen.rate, seen), _extreme(seen.rate, seen)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = seen.rate[low] / seen.rate[high] if seen.metric.is_ratio else seen.rate[high] - seen.rate[low]
    large, total = (np.add.reduceat(one, seen.first) for one in (seen.is_large.astype(np.intp), seen.rows))
    told = seen.metric.told
    reason = np.select(
        [total == 0, large < 2, _nothing(seen)[seen.first]],
        [f"no {told} in this window", f"fewer than two groups have {MIN_ROWS} {told}", _nothing_told(seen.metric)],
        "",
    )
    names = seen.windows["segment"].to_numpy()
    sums = {name: np.add.reduceat(seen.windows[name].to_numpy(), seen.first) for name in ("rows", "labelled")}
    entered = np.where(reason == "", np.minimum(seen.rows[high], seen.rows[low]), total)
    made = seen.windows.iloc[seen.first].reset_index(drop=True).assign(segment="all", high=names[high], low=names[low], **sums)
    return _finished(made, value, noise, reason, entered)


def against_others(seen: Seen, noise: Floats) -> pd.DataFrame:
    """A row a group: it against the highest (selection_ratio), or against all others together."""
    high = _extreme(-seen.rate, seen)
    alone = np.repeat(np.add.reduceat(seen.is_large.astype(np.intp), seen.first) < 2, seen.sizes)
    if seen.metric.is_ratio:
        with np.errstate(divide="ignore", invalid="ignore"):
            value, few_others = seen.rate / np.repeat(seen.rate[high], seen.sizes), alone
    else:
        value, few_others = seen.rate - seen.others, seen.others_rows < MIN_ROWS
    told = seen.metric.told
    reason = np.select(
        [seen.rows == 0, ~seen.is_large, few_others, _nothing(seen)],
        [
            f"no {told} in this group", f"fewer than {MIN_ROWS} {told} in this group",
            f"fewer than {MIN_ROWS} {told} in the other groups", _nothing_told(seen.metric),
        ],
        "",
    )  # fmt: skip
    return _finished(seen.windows, value, noise, reason, seen.rows)


def _nothing(seen: Seen) -> NDArray[np.bool_]:
    """Where there is nothing to divide by: no group selects anybody, or no prediction errs."""
    if seen.metric.is_ratio:
        highest = np.fmax.reduceat(seen.rate, seen.first)
        return np.repeat(highest == 0, seen.sizes)
    return np.zeros(len(seen.rows), bool) if seen.metric.is_share else np.isnan(seen.pooled)


def _nothing_told(metric: Metric) -> str:
    return "no group has a row that is predicted so" if metric.is_ratio else "the error is 0 throughout"


def _finished(made: pd.DataFrame, value: Floats, noise: Floats, reason: NDArray[np.str_], entered: Floats) -> pd.DataFrame:
    there = reason == ""
    return made.assign(value=np.where(there, value, np.nan), noise=np.where(there, noise, np.nan), reason=reason, entered=entered)


def _extreme(rate: Floats, seen: Seen) -> Positions:
    """Of each unit the first group with the least rate."""
    unit = np.repeat(np.arange(len(seen.first)), seen.sizes)
    order = np.lexsort((rate, unit))  # NaN last
    found: Positions = order[seen.first]
    return found


def _usual(made: pd.DataFrame) -> "pd.Series[float]":
    """What 95 of 100 of the reference's own windows stay below, of a ratio above; where there are enough of them."""
    keys = ["column", "segment", "metric"]
    own = made[(made["dataset"] == "reference") & made["value"].notna()]
    by = own.groupby(["version", *keys], observed=True)["value"]
    high, low = (usual_level(by, level) for level in (LEVEL, 1 - LEVEL))
    referenced = set(made.loc[made["dataset"] == "reference", "version"])
    of = made["version"].where(made["version"].isin(referenced), "")
    at = pd.MultiIndex.from_frame(made[keys].assign(version=of)[["version", *keys]])
    ratio = made["metric"] == "selection_ratio"
    found = pd.Series(np.where(ratio, low.reindex(at).to_numpy(float), high.reindex(at).to_numpy(float)), made.index)
    return found.where((made["dataset"] == "log") & made["value"].notna())
