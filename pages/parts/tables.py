"""Tables that screens share. They take what monitors/summaries gives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import words

ROW = 35  # px
MOST_ROWS = 11  # a longer table scrolls, so that the chart below stays in sight


def states(levels: pd.Series) -> list[str]:
    """`■ critical`: the state as sign and word."""
    return [f"{words.ICONS[int(level)]} {words.STATES[int(level)]}" for level in levels]


def take(names: list[str]) -> None:
    """As a callback: the clicked row of the table "ranked" becomes the chosen column."""
    if rows := st.session_state["ranked"].selection.rows:
        st.session_state["column"] = names[rows[0]]


def ranked_column(ranking: pd.DataFrame, metric: str, why_silent: str) -> str:
    """The columns by how far they are above their limits, and the one that is chosen among them; `why_silent` where they raise no alerts."""
    if why_silent:
        st.caption(f":material/notifications_off: {why_silent}")
    names = list(ranking["column"])
    ranked(ranking, "column", metric, key="ranked", on_select=lambda: take(names))
    return str(st.selectbox("Column", names, key="column", bind="query-params", width=320))


def ranked(ranking: pd.DataFrame, by: str, metric: str, key: str, on_select: Callable[[], None] | None = None) -> Any:
    """One row per column (or segment, version): its state now, value, limit, floors, and its history as a sparkline."""
    shown = pd.DataFrame({
        by: ranking[by].astype(str),
        "state": states(ranking["level"]),
        "value": ranking["value"],
        "history": [_line(values) for values in ranking["history"]],
        "times": ranking["excess"],
        "limit": ranking["limit"],
        "usual": ranking["usual"],
        "noise": ranking["noise"],
        "criticals": ranking["criticals"],
        "warnings": ranking["warnings"],
        "rows": ranking["rows"],
        "reason": ranking["reason"].fillna(""),
    })  # fmt: skip
    if not shown["reason"].any():
        shown = shown.drop(columns="reason")
    config = _columns(by, words.metric(metric))
    options: dict[str, Any] = {"on_select": on_select, "selection_mode": "single-row"} if on_select else {}
    return st.dataframe(
        shown, hide_index=True, height=ROW * min(len(shown) + 1, MOST_ROWS) + 3, column_config=config, key=key, row_height=ROW, placeholder="–",
        alt=f"{metric} by {by}, the furthest above its limit first", **options,
    )  # fmt: skip


def _columns(by: str, metric: words.Metric) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        by: st.column_config.TextColumn(by.capitalize(), pinned=True, width=135),
        "state": st.column_config.TextColumn("State now", help="Of the latest window that could be measured.", width=95),
        "value": number("Value", format="%.3f", help=f"{metric.label}. {metric.reading}", width=70),
        "history": st.column_config.LineChartColumn("Over the period", y_min=0, width=140),
        "times": number("× limit", format="%.2f", help="The value over its limit: above 1 it alerts.", width=62),
        "limit": number(
            "Limit", format="%.3f", help="The least value that would alert: warning, or a floor that is higher.", width=62
        ),
        "usual": number("Usual", format="%.3f", help="95 of 100 windows of the reference itself stay below this.", width=62),
        "noise": number("Noise", format="%.3f", help="What chance alone gives with so many rows, 95 times in 100.", width=62),
        "criticals": number("Critical", format="%d", help="Windows of the period that are critical.", width=62),
        "warnings": number("Warning", format="%d", help="Windows of the period that are warnings.", width=62),
        "rows": number("Rows", format="localized", help="Rows that entered the latest value.", width=66),
        "reason": st.column_config.TextColumn("Not measured because", width=240),
    }


def _line(values: list[float]) -> list[float | None]:
    """The history of a sparkline; windows without a value are left out, since it knows no gaps."""
    return [float(np.round(value, 5)) for value in values if not np.isnan(value)]
