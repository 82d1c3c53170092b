"""Tables of the page of quality: the metrics as they stand, the worst segments, what moves together."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from monitors import summaries
from monitors.rules import bounds
from monitors.segments import Found
from pages.parts import tables, words

ROW, MOST = tables.ROW, 11


def listed(judged: pd.DataFrame, states: pd.DataFrame) -> tuple[list[str], pd.DataFrame]:
    """The metrics in their order, and a row for each: its state in the latest window, value with interval, the reference's, its history.

    Parameters
    ----------
    judged : windows of one version. states : the metrics of the latest of them, with low, high and reference.
    """
    own = states[states["column"] == ""].set_index("metric")
    latest = summaries.with_excess(judged).sort_values("window_start").groupby("metric", observed=True).tail(1).set_index("metric")
    history = judged.sort_values("window_start").groupby("metric", observed=True)["value"].agg(list)
    names = [name for name in own.index if name in latest.index and name != "label_coverage"]
    at = own.loc[names]
    shown = pd.DataFrame({
        "metric": [words.metric(name).label for name in names],
        "state": tables.states(latest.loc[names, "level"]),
        "value": at["value"].to_numpy(),
        "interval": [_interval(low, high) for low, high in zip(at["low"], at["high"], strict=True)],
        "reference": at["reference"].to_numpy(),
        "limit": [_reachable(name, limit) for name, limit in zip(names, latest.loc[names, "limit"], strict=True)],
        "history": [[float(np.round(v, 5)) for v in history[name] if not np.isnan(v)] for name in names],
        "rows": at["rows"].to_numpy(),
        "reason": at["reason"].to_numpy(),
    })  # fmt: skip
    return names, shown if shown["reason"].any() else shown.drop(columns="reason")


def metrics(shown: pd.DataFrame, key: str, on_select: Callable[[], None]) -> None:
    """A row per metric, as `listed` gives them."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    config = {
        "metric": text("Metric", pinned=True, width=190),
        "state": text("State now", help="Of the latest window, by the limits of its rule; also of metrics that raise no alert.", width=95),
        "value": number("Value", format="%.4g", width=70),
        "interval": text("95 % interval", help="Where the true value lies: Wilson’s, DeLong’s, or by the standard error.", width=130),
        "reference": number("Reference", format="%.4g", help="Of the whole reference.", width=80),
        "limit": number("Limit", format="%.4g", help="Beyond it a window alerts: its threshold, or a floor that is farther.", width=70),
        "history": st.column_config.LineChartColumn("Over the period", width=150),
        "rows": number("Rows", format="localized", help="Rows with a label that entered.", width=70),
        "reason": text("Not measured because", width=220),
    }
    st.dataframe(
        shown, hide_index=True, height=ROW * min(len(shown) + 1, MOST) + 3, column_config=config, key=key, row_height=ROW,
        on_select=on_select, selection_mode="single-row", alt="The metrics of quality as they stand in the latest window", placeholder="–",
    )  # fmt: skip


def worst(found: Found, everything: bool) -> None:
    """The segments that are worse beyond noise, or all of them."""
    table = found.table if everything else found.table[found.table["is_worse"]]
    change = found.now - found.before
    shown = pd.DataFrame({
        "segment": table["segment"], "value": table["value"],
        "interval": [_interval(low, high) for low, high in zip(table["low"], table["high"], strict=True)],
        "rest": table["rest"], "share": table["share"], "rows": table["rows"], "q_value": table["q_value"], "before": table["before"],
        "explained": table["explained"], "part": (table["explained"] / change).clip(0, 1) if change else np.nan,
        "reason": table["reason"],
    })  # fmt: skip
    unknown = [name for name in ("before", "explained", "part") if shown[name].isna().all()]
    shown = shown.drop(columns=unknown + ([] if shown["reason"].any() else ["reason"]))
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    config: dict[str, Any] = {
        "segment": text("Segment", pinned=True, width=190),
        "value": number("Value", format="%.4g", help=words.metric(found.metric).reading, width=70),
        "interval": text("95 % interval", width=125),
        "rest": number("All others", format="%.4g", help="The same metric of all rows outside of this segment.", width=75),
        "share": number("Share", format="percent", help="Of the rows that the metric is a mean of.", width=65),
        "rows": number("Rows", format="localized", help="With a label.", width=65),
        "q_value": number("q", format="%.2g", help="Of findings up to this q, such a share is by chance (Benjamini and Hochberg).", width=60),
        "before": number("Before", format="%.4g", help="The segment’s own value in what it is compared with.", width=70),
        "explained": number("Its part", format="%+.3g", help="What it adds to the whole’s change; all values of a column add up to it.", width=75),
        "part": st.column_config.ProgressColumn(
            "Explains", format="percent", min_value=0, max_value=1, help="Its part over the whole’s change; 0 where it goes the other way.", width=110
        ),
        "reason": text("Not tested because", width=220),
    }
    st.dataframe(
        shown, hide_index=True, height=ROW * min(len(shown) + 1, MOST) + 3, column_config=config, row_height=ROW, key="segments",
        alt=f"{found.metric} by segment, the worst first", placeholder="–",
    )  # fmt: skip


def together(found: pd.DataFrame) -> None:
    """The inputs that move together with a metric, the closest first."""
    shown = found[["column", "together", "otherwise", "same_onset", "correlation", "importance"]].copy()
    shown["same_onset"] = np.where(found["same_onset"], "yes", "")
    unknown = [name for name in ("together", "importance") if shown[name].isna().all()]
    shown = shown.drop(columns=[*unknown, *(["otherwise", "same_onset"] if "together" in unknown else [])])
    number = st.column_config.NumberColumn
    config = {
        "column": st.column_config.TextColumn("Input", pinned=True, width=170),
        "together": number("In bad weeks", format="percent", help="In how many of the weeks in which the metric breached its psi did.", width=100),
        "otherwise": number("In the others", format="percent", help="An input that always breaches tells nothing.", width=100),
        "same_onset": st.column_config.TextColumn("Began together", help="A breach of both began in one week.", width=110),
        "correlation": number("Rank correlation", format="%.2f", help="Of its psi with how bad the metric was, over the weeks.", width=120),
        "importance": number("Importance", format="percent", help="As the file tells, or the log's columns importance_…", width=90),
    }
    st.dataframe(
        shown, hide_index=True, height=ROW * min(len(shown) + 1, MOST) + 3, column_config=config, row_height=ROW, key="together",
        alt="Inputs that move together with the metric, the closest first", placeholder="–",
    )  # fmt: skip


def _reachable(metric: str, limit: float) -> float:
    """The limit, unless the metric cannot get beyond it: some deviations below a small mean are below 0."""
    least, most = bounds(metric)
    return limit if least < limit < most else np.nan


def _interval(low: float, high: float) -> str:
    return "" if np.isnan(low) or np.isnan(high) else f"{words.figures(low)} – {words.figures(high)}"
