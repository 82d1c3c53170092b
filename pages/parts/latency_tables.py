"""Tables of times: the components at a glance, two versions quantile by quantile, versions of code and data, what jobs took."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from monitors import latency_views as views
from monitors.compare_latency import Compared
from pages.parts import tables, words

FIGURES = "%.3g"


def at_a_glance(judged: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """A row per component: its last measured window and the worst state of what alerts."""
    return pd.DataFrame([_component(judged[judged["column"] == name], name) for name in names])


def components(shown: pd.DataFrame) -> None:
    """The components, as `at_a_glance` gives them."""
    number = st.column_config.NumberColumn
    config: dict[str, Any] = {
        "component": st.column_config.TextColumn("Component", pinned=True, width=170),
        "state": st.column_config.TextColumn("State now", help="The worst of what has a rule, in the last window.", width=95),
        "worst": st.column_config.TextColumn("In the period", help="The worst state of the period, and the metric that had it.", width=190),
        "history": st.column_config.LineChartColumn("p95 over the period", width=150, y_min=0),
        **{m: number(m, format=FIGURES, width=70) for m in ("p50", "p95", "p99")},
        "unit": st.column_config.TextColumn("Unit", width=50),
        "p95_ratio": number("p95 ratio", format=FIGURES, help=words.metric("p95_ratio").reading, width=75),
        "version": st.column_config.TextColumn("Version", help="The version of the last window.", width=70),
    }
    st.dataframe(
        shown, hide_index=True, column_config=config, column_order=list(config), row_height=tables.ROW, key="components", placeholder="–",
        alt="Each latency column with its state and its latest percentiles",
    )  # fmt: skip


def _component(judged: pd.DataFrame, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"component": name, "state": tables.states(pd.Series([-1]))[0], "worst": "", "unit": views.unit(name)}
    alerting = judged[judged["level"] >= 0]
    if len(alerting):
        now = alerting[alerting["window_end"] == alerting["window_end"].max()]
        row["state"] = tables.states(pd.Series([now["level"].max()]))[0]
        worst = alerting.sort_values(["level", "value"]).iloc[-1]
        row["worst"] = f"{tables.states(pd.Series([worst['level']]))[0]}" + (f" ({worst['metric']})" if worst["level"] > 0 else "")
    for metric in ("p50", "p95", "p99", "p95_ratio"):
        part = judged[(judged["metric"] == metric) & judged["value"].notna()].sort_values(["window_start", "rows"])
        row[metric] = part["value"].iloc[-1] if len(part) else np.nan
        if metric == "p95" and len(part):
            row |= {"history": part["value"].round(6).tolist(), "version": str(part["version"].iloc[-1])}
    return row


def compared(made: Compared, column: str) -> None:
    """Quantile by quantile: both values, the ratio with its interval, the verdict."""
    unit = views.unit(column)
    shown = made.table.assign(interval=[_interval(low, high) for low, high in zip(made.table["low"], made.table["high"], strict=True)])
    number, of = st.column_config.NumberColumn, f" ({unit})" if unit else ""
    config: dict[str, Any] = {
        "metric": st.column_config.TextColumn("", width=60, pinned=True),
        "before": number(f"Before{of}", format=FIGURES, width=95),
        "after": number(f"After{of}", format=FIGURES, width=95),
        "ratio": number("Ratio", format=FIGURES, help="After over before.", width=75),
        "interval": st.column_config.TextColumn("95 % interval", help="Where the ratio lies, as far as chance goes.", width=120),
        "verdict": st.column_config.TextColumn("Verdict", width=300),
    }
    st.dataframe(
        shown, hide_index=True, column_config=config, column_order=list(config), row_height=tables.ROW, key="quantiles", placeholder="–",
        alt="Percentiles of both versions, their ratio and its interval",
    )  # fmt: skip


def _interval(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"{words.number(low)} to {words.number(high)}"


def by_part(found: pd.DataFrame, part: str, column: str) -> None:
    """A row per version, or per code or data version or segment of each."""
    unit = views.unit(column)
    shown = found[found["segment"] == "all"] if part == "version" else found[found["segment"].str.startswith(f"{part}=")]
    shown = shown.assign(**{part: shown["version"] if part == "version" else shown["segment"].str.partition("=")[2]})
    number, day = st.column_config.NumberColumn, st.column_config.DateColumn
    of = f" ({unit})" if unit else ""
    config: dict[str, Any] = {
        part: st.column_config.TextColumn(part.replace("_", " ").capitalize(), pinned=True, width=130),
        **({"version": st.column_config.TextColumn("Model version", width=105)} if part != "version" else {}),
        "first": day("First day", format="D MMM YYYY", width=105),
        "last": day("Last day", format="D MMM YYYY", width=105),
        "rows": number("Requests", format="localized", width=85),
        **{m: number(f"{m}{of}", format=FIGURES, width=90) for m in ("p50", "p95", "p99", "mean")},
    }
    shown = shown.assign(last=shown["last"] - pd.Timedelta(1, "us"))
    st.dataframe(
        shown, hide_index=True, column_config=config, column_order=list(config), row_height=tables.ROW, key=f"by_{part}", placeholder="–",
        alt=f"Percentiles by {part} in the period",
    )  # fmt: skip


def jobs(runs: pd.DataFrame) -> None:
    """What each job took, by version: the median of its runs, and each run below."""
    number = st.column_config.NumberColumn
    costs = ["wall_s", "cpu_s", "peak_mb", "rows"]
    # A job that ran twice as long on twice as many rows got no slower.
    rate = (runs["wall_s"] / runs["rows"].astype(float) * 1e6).replace([np.inf, -np.inf], np.nan)
    runs = runs.assign(rate=rate).sort_values("started_at")
    keys = ["job", "version"]
    middle = runs.groupby(keys, sort=False)[[*costs, "rate"]].median().reset_index()
    counted = runs.groupby(keys, sort=False).agg(runs=("job", "size"), last=("started_at", "max")).reset_index()
    shown = middle.merge(counted, on=keys).sort_values(["job", "last"], kind="stable")
    config: dict[str, Any] = {
        "job": st.column_config.TextColumn("Job", pinned=True, width=130),
        "version": st.column_config.TextColumn("Version", width=90),
        "runs": number("Runs", format="%d", width=60),
        "wall_s": number("Wall (s)", format="%.4g", help="On the clock; the median of its runs, as the others.", width=85),
        "cpu_s": number("CPU (s)", format="%.4g", help="Of all cores together.", width=85),
        "peak_mb": number("Peak memory (MiB)", format="%.4g", width=130),
        "rows": number("Rows", format="localized", width=90),
        "rate": number("Seconds per million rows", format="%.4g", help="Wall time over rows.", width=170),
        "last": st.column_config.DatetimeColumn("Last run (UTC)", format="D MMM YYYY, HH:mm", width=150),
    }
    st.dataframe(
        shown, hide_index=True, column_config=config, column_order=list(config), row_height=tables.ROW, key="jobs", placeholder="–",
        alt="What the jobs of each version took",
    )  # fmt: skip
