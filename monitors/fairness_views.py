"""What the page and the command line tell of fairness: groups with their rates and intervals, the pair that makes each headline, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from monitors import fairness, two_shares
from monitors.fairness import Metric, Seen
from monitors.segments import is_pair

FOUR_FIFTHS = 0.8
RATES = {"selection_ratio": "selected", "tpr_gap": "tpr", "fpr_gap": "fpr", "mae_gap": "mae"}  # metric → what each group has of it


@dataclass(frozen=True, slots=True)
class Headline:
    """One metric of the groups of a column. `low` and `high` are the two groups, with their rates; `interval` is of the value; `noise` what
    chance gives. A blank value has a `reason`; `count` is how many groups were compared."""

    metric: str
    value: float
    noise: float
    interval: tuple[float, float]
    low: str
    high: str
    low_rate: float
    high_rate: float
    count: int
    reason: str

    @property
    def beyond_chance(self) -> bool:
        """Whether the difference is greater than what chance gives between so many groups."""
        return bool(self.value < self.noise if self.metric == "selection_ratio" else self.value > self.noise)


def within(quality: pd.DataFrame, segment: str, column: str) -> pd.DataFrame:
    """The groups of a column among the rows of a segment of another: of `carrier=AA & origin=EWR` what belongs to `carrier=AA`."""
    name = quality["segment"].astype(str)
    if segment == "all":
        return quality[name.str.startswith(f"{column}=") & ~is_pair(name)]
    first, last = f"{segment} & {column}=", f" & {segment}"
    after = name.str.startswith(first)
    before = name.str.startswith(f"{column}=") & name.str.endswith(last)
    cut = name.where(~after, name.str.slice(len(segment) + 3)).where(~before, name.str.slice(0, -len(last)))
    return quality.assign(segment=cut)[after | before]


def seen(quality: pd.DataFrame, column: str, class_name: str) -> dict[str, Seen]:
    """Metric → the groups of a column, of all windows and versions together; empty where there is no group.

    Parameters
    ----------
    quality : windows of single segments of one model.
    """
    own = quality[quality["class"] == class_name].assign(version="", dataset="log")
    counted = fairness.groups(own, [column])
    if counted.empty:
        return {}
    windows = fairness.added(counted, "all")
    # Each group from its own first window to its last: they are one unit whenever they came.
    windows = windows.assign(window_start=windows["window_start"].min(), window_end=windows["window_end"].max())
    metrics = fairness.REGRESSED if (windows["kind"] == "regression").all() else fairness.CLASSIFIED
    return {metric.name: fairness.see(windows, metric) for metric in metrics}


def headline(one: Seen) -> Headline:
    """The two groups that differ most."""
    noise = fairness.by_chance(one)[0]
    row = fairness.between(one, noise).iloc[0]
    names = [_group(str(row[side])) for side in ("low", "high")]
    at = [one.windows["segment"].tolist().index(row[side]) for side in ("low", "high")]
    rates, count = one.rate[at], int(one.is_large.sum())
    if row["reason"]:
        return Headline(one.metric.name, np.nan, np.nan, (np.nan, np.nan), "", "", np.nan, np.nan, count, str(row["reason"]))
    low, high = (float(end[0]) for end in _of_pair(one, np.array([at[0]]), np.array([at[1]])))
    value, chance = float(row["value"]), float(row["noise"])
    return Headline(one.metric.name, value, chance, (low, high), names[0], names[1], float(rates[0]), float(rates[1]), count, "")


def _of_pair(one: Seen, low: Any, high: Any) -> tuple[Any, Any]:
    """The 95 % interval of what two groups differ by."""
    n, hits = one.rows, one.windows[one.metric.hits].to_numpy(float)
    if one.metric.is_ratio:
        return two_shares.of_ratio(hits[low], n[low], hits[high], n[high])
    if one.metric.is_share:
        return two_shares.of_difference(hits[high], n[high], hits[low], n[low])
    half = two_shares.Z * one.deviation[low] * np.sqrt(1 / n[low] + 1 / n[high])
    gap = one.rate[high] - one.rate[low]
    return gap - half, gap + half


def table(parts: dict[str, Seen]) -> pd.DataFrame:
    """A row a group, the most selected first: group, rows, and of each metric the group's rate with its interval, the value and the reason.

    Columns `<rate>`, `<rate>_low`, `<rate>_high`, `<rate>_rows` (selected, tpr, fpr or mae), and `<metric>`, `<metric>_reason`.
    """
    first = next(iter(parts.values()))
    found = pd.DataFrame({"group": first.windows["segment"].map(_group), "rows": first.windows["rows"].astype(int)})
    for metric, one in parts.items():
        rate = RATES[metric]
        each = fairness.against_others(one, fairness.by_chance(one)[1])
        value, low, high = _rates(one)
        made = {rate: value, f"{rate}_low": low, f"{rate}_high": high, f"{rate}_rows": one.rows.astype(int)}
        found = found.assign(**made, **{metric: each["value"].to_numpy(), f"{metric}_reason": each["reason"].to_numpy()})
    return found.sort_values([RATES[first.metric.name], "rows"], ascending=False, na_position="last", ignore_index=True)


def _rates(one: Seen) -> tuple[Any, Any, Any]:
    """Each group's rate with its interval, in the unit of the counts; NaN for groups that are too small."""
    n, hits = np.where(one.is_large, one.rows, np.nan), one.windows[one.metric.hits].to_numpy(float)
    with np.errstate(invalid="ignore"):
        value = hits / n
        squares = one.windows["error_squares"].to_numpy(float) / n
    low, high = two_shares.of_share(hits, n) if one.metric.is_share else two_shares.of_mean(value, squares, n)
    return value, low, high


def overall(one: Seen) -> float:
    """The rate of all groups together."""
    total = one.rows.sum()
    return float(one.windows[one.metric.hits].sum() / total) if total else float("nan")


def _group(segment: str) -> str:
    return segment.partition("=")[2]


def sentence(told: Headline) -> str:
    """A headline in words."""
    if told.reason:
        return f"Not measured: {told.reason}."
    if told.metric == "selection_ratio":
        of = f"{told.low} is selected {told.value:.2f} times as often as {told.high} ({told.low_rate:.1%} against {told.high_rate:.1%})"
        return f"{of}: {'below' if told.value < FOUR_FIFTHS else 'above'} four fifths."
    if told.metric == "mae_gap":
        return f"The mean error of {told.high} is greater than that of {told.low} by {told.value:.1%} of that of all."
    what = "that are positive" if told.metric == "tpr_gap" else "that are negative"
    rates = f"{told.high_rate:.1%} against {told.low_rate:.1%}"
    return f"Of the rows {what}, {told.high} has {100 * told.value:.1f} points more selected than {told.low} ({rates})."


def chance(told: Headline) -> str:
    """How the value stands to what chance gives, in words."""
    if told.reason:
        return ""
    percent = told.metric != "selection_ratio"
    noise = f"{told.noise:.1%}" if percent else f"{told.noise:.2f}"
    ends = " to ".join(f"{end:.1%}" if percent else f"{end:.2f}" for end in told.interval)
    verdict = "beyond chance" if told.beyond_chance else "within chance"
    return f"95 %: {ends}. Chance alone gives {'up to' if percent else 'down to'} {noise} between {told.count} such groups: {verdict}."


def unmeasured(found: pd.DataFrame, metrics: Sequence[Metric]) -> dict[str, list[str]]:
    """Reason → the groups and rates that it keeps from being measured."""
    listed: dict[str, list[str]] = {}
    for metric in metrics:
        for row in found[found[f"{metric.name}_reason"] != ""].to_dict("records"):
            listed.setdefault(str(row[f"{metric.name}_reason"]), []).append(f"{row['group']} ({row[f'{RATES[metric.name]}_rows']:,})")
    return listed


def by_version(quality: pd.DataFrame, column: str, class_name: str, versions: Sequence[str]) -> list[tuple[str, dict[str, Headline]]]:
    """Each version with its headlines, over all its windows."""
    found = []
    for version in versions:
        parts = seen(quality[quality["version"] == version], column, class_name)
        if parts:
            found.append((version, {metric: headline(one) for metric, one in parts.items()}))
    return found
