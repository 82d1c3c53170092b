"""segments: in which groups of rows the model is worst beyond noise, and how much of the whole's change each explains."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import outcome_values as v
from monitors import outcomes
from monitors.intervals import LOW_IS_BAD, Estimate, interval, p_value

Floats = NDArray[np.float64]
ALL, PAIR = "all", " & .*="  # food=Meat & Fish is one segment, food=Meat & place=Rome a pair
MIN_ROWS = 100
FDR = 0.05
# Means over rows (or over those called positive, or over positives): a whole is made of its groups' values and their rows.
ADDED = ("accuracy", "precision", "recall", "log_loss", "brier", "mae", "bias")
ADDED_OF_CLASSES = ("accuracy", "log_loss", "brier")
COUNTED = [*outcomes.COUNTS, *outcomes.SUMS, *outcomes.LISTS["bins"]]
COLUMNS = [
    "segment", "columns", "rows", "share", "value", "low", "high", "rest", "harm", "p_value", "q_value", "before", "explained", "is_worse", "reason",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one metric. `now` and `before` are the whole's values, `before` NaN where there is nothing to compare with."""

    table: pd.DataFrame  # COLUMNS, the worst first
    metric: str
    now: float
    before: float
    tested: int
    too_small: int


def find(now: pd.DataFrame, before: pd.DataFrame, metric: str, min_rows: int = MIN_ROWS) -> Found:
    """Every value of every segment column and every pair of values, against the rest of the rows.

    Parameters
    ----------
    now : outcomes of one version merged to one window: "all", the single segments and the pairs.
    before : the same of what it is compared with, the reference or the span before; empty for none.
    min_rows : a segment with fewer labelled rows is not tested.

    Returns
    -------
    per segment
    rows, value, low, high : labelled rows, the metric and its interval of 95 %. share : of the whole's rows that the metric is a mean of.
    rest : the metric of all other rows. harm : by how much the segment is worse than the rest; below 0 it is better.
    p_value : of that difference (`intervals.p_value`). q_value : after Benjamini and Hochberg (1995) over all that were tested.
    is_worse : harm above 0 and q_value at most 0.05.
    before : the metric there. explained : the segment's part of the whole's change. With its share w and value m, and the whole's value M
        before, it is w (m − M) now less w (m − M) then, so that the parts of a column's values add up to the change. NaN for metrics that
        are no means over rows.
    reason : why it was not tested, else "".
    """
    own, earlier = _value(now, metric), _value(before, metric)
    at = {name: i for i, name in enumerate(own[0])}
    value_now, value_before = _of_whole(*own), _of_whole(*earlier)
    if ALL not in at or len(at) == 1:
        return Found(pd.DataFrame(columns=COLUMNS), metric, value_now, value_before, 0, 0)
    rest, whole = _value(_rest(now), metric), at[ALL]
    names = [name for name in own[0] if name != ALL]
    mine = own[1].take([at[name] for name in names])
    others = rest[1].take([rest[0].index(name) for name in names])
    p = np.where(mine.rows >= min_rows, p_value(mine, others), np.nan)
    harm = _harm(metric, mine.value, others.value)
    low, high = interval(mine)
    base = own[1].base[0][whole]
    table = pd.DataFrame({
        "segment": names, "columns": is_pair(pd.Series(names, dtype="str")).to_numpy() + 1, "rows": mine.rows.astype(np.int64),
        "share": mine.base[0] / base if base > 0 else np.nan, "value": mine.value, "low": low, "high": high, "rest": others.value, "harm": harm,
        "p_value": p, "q_value": adjusted(p), "reason": _reasons(mine, others, p, min_rows),
    })  # fmt: skip
    table["is_worse"] = (table["harm"] > 0) & (table["q_value"] <= FDR)
    is_sum = metric in (ADDED_OF_CLASSES if (now["kind"] == "multiclass").any() else ADDED)
    table = table.merge(_changes(own, earlier, is_sum), how="left", on="segment")
    order = table.assign(weight=table["harm"] * table["share"]).sort_values(["is_worse", "weight"], ascending=False, kind="stable")
    tested = int(np.isfinite(p).sum())
    small = int((mine.rows < min_rows).sum())
    return Found(order[COLUMNS].reset_index(drop=True), metric, value_now, value_before, tested, small)


def is_pair(names: "pd.Series[str]") -> "pd.Series[bool]":
    """Which segments are rows that share the values of two columns."""
    return names.str.contains(PAIR)


def adjusted(p: Floats) -> Floats:
    """p-values after Benjamini and Hochberg (1995): the least of p · m / rank over its own and all higher ranks; NaN stays NaN."""
    found = np.full(len(p), np.nan)
    at = np.flatnonzero(np.isfinite(p))
    order = at[np.argsort(p[at], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    found[order] = np.minimum.accumulate(scaled[::-1])[::-1] if len(order) else scaled
    return np.asarray(np.minimum(found, 1), np.float64)


def of_column(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """The single segments of one column: their parts of the change add up to the whole's."""
    return table[(table["columns"] == 1) & table["segment"].str.startswith(f"{column}=")]


def _value(windows: pd.DataFrame, metric: str) -> tuple[list[str], Estimate]:
    """The segments and the metric of each."""
    for one in v.values(windows) if len(windows) else []:
        if one.of.metric == metric:
            chosen = np.flatnonzero(one.column == "")
            return windows["segment"].iloc[one.at[chosen]].tolist(), one.of.take(chosen)
    nothing = np.zeros(0)
    return [], Estimate(metric, nothing, nothing, np.zeros(0, object), np.zeros((2, 0)), np.zeros((2, 0)))


def _of_whole(names: list[str], of: Estimate) -> float:
    return float(of.value[names.index(ALL)]) if ALL in names else np.nan


def _rest(now: pd.DataFrame) -> pd.DataFrame:
    """For each segment the outcomes of all other rows: those of the whole less its own."""
    kept = now[[name for name in now if name in (*outcomes.KEYS, "window_start", "window_end", "kind", "bins", *COUNTED)]]
    is_whole = kept["segment"] == ALL
    parts = kept[~is_whole]
    if not is_whole.any() or parts.empty:
        return kept[is_whole]
    start, end = kept.loc[is_whole, "window_start"].iloc[0], kept.loc[is_whole, "window_end"].iloc[0]
    wholes = kept[is_whole].drop(columns="segment").merge(parts[["segment"]].drop_duplicates(), how="cross")
    negated = parts.assign(**{name: _negated(parts[name]) for name in COUNTED if name in parts})
    both = pd.concat([wholes, negated], ignore_index=True).assign(window_start=start, window_end=end)
    return outcomes.merge(both[kept.columns], "all")


def _negated(values: pd.Series) -> pd.Series:
    if values.dtype != object:
        return -values
    return outcomes.as_lists([-np.asarray([] if one is None else one) for one in values]).set_axis(values.index)


def _harm(metric: str, own: Floats, rest: Floats) -> Floats:
    if metric == "bias":
        return np.abs(own) - np.abs(rest)
    return rest - own if metric in LOW_IS_BAD else own - rest


def _reasons(own: Estimate, rest: Estimate, p: Floats, min_rows: int) -> NDArray[np.object_]:
    few = f"fewer than {min_rows:,} rows with a label"
    blank = np.where(own.reason != "", own.reason, np.where(rest.reason != "", "nothing to compare it with", "chance cannot be told"))
    return np.where(np.isfinite(p), "", np.where(own.rows < min_rows, few, blank)).astype(object)


def _changes(own: tuple[list[str], Estimate], earlier: tuple[list[str], Estimate], is_sum: bool) -> pd.DataFrame:
    """segment, before, explained."""
    now, then = (_parts(*one) for one in (own, earlier))
    both = now.add_suffix("_now").join(then.add_suffix("_then"))
    explained = pd.Series(np.nan, both.index)
    if is_sum and ALL in then.index:
        start = float(then["value"][ALL])
        parts = []
        for when, whole in (("now", float(now["base"][ALL])), ("then", float(then["base"][ALL]))):
            # A group that is not there has no part.
            parts.append((both[f"base_{when}"] / whole * (both[f"value_{when}"] - start)).fillna(0))
        explained = parts[0] - parts[1]
    return pd.DataFrame({"before": both["value_then"], "explained": explained}).rename_axis("segment").reset_index()


def _parts(names: list[str], of: Estimate) -> pd.DataFrame:
    return pd.DataFrame({"value": of.value, "base": of.base[0]}, index=pd.Index(names, dtype="str"))
