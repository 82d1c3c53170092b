"""Tables of the page Fairness: the groups with their rates, and versions beside each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from monitors import fairness_views as views
from pages.parts import tables, words

SHARES = {"selected": "Selected", "tpr": "Of positives", "fpr": "Of negatives"}
HELP = {
    "selected": "The share of the group’s rows that are predicted as the class.",
    "tpr": "True positive rate: of the rows whose label is the class, the share that is predicted so.",
    "fpr": "False positive rate: of the rows whose label is another, the share that is predicted as the class.",
}


def groups(found: pd.DataFrame, column: str) -> None:
    """A row a group: its rates with their intervals, and how it stands to the others."""
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    config: dict[str, Any] = {
        "group": text(column, pinned=True, width=110),
        "rows": number("Rows", format="localized", width=75),
    }
    shown = found.copy()
    for rate in (rate for rate in views.RATES.values() if rate in found):
        metric = next(name for name, of in views.RATES.items() if of == rate)
        share = rate != "mae"
        shown[f"{rate}_interval"] = [
            _interval(low, high, share) for low, high in zip(found[f"{rate}_low"], found[f"{rate}_high"], strict=True)
        ]
        label = SHARES.get(rate, "Mean error")
        config[rate] = number(label, format="percent" if share else "%.4g", help=HELP.get(rate, "Mean absolute error."), width=95)
        config[f"{rate}_interval"] = text("95 % interval", width=125)
        against = "÷ highest" if metric == "selection_ratio" else "− others"
        told = "Its rate over that of the most selected group." if metric == "selection_ratio" else "Its rate less that of all other groups together."
        config[metric] = number(against, format="%.2f" if metric == "selection_ratio" else "%+.3f", help=told, width=80)
    st.dataframe(
        shown, hide_index=True, column_config=config, column_order=list(config), row_height=tables.ROW, key="groups", placeholder="–",
        height=tables.ROW * min(len(shown) + 1, tables.MOST_ROWS) + 3, alt=f"The groups of {column} with their rates and intervals",
    )  # fmt: skip


def _interval(low: float, high: float, share: bool) -> str:
    if pd.isna(low):
        return ""
    return f"{low:.1%} to {high:.1%}" if share else f"{words.number(low)} to {words.number(high)}"


def versions(found: Sequence[tuple[str, Mapping[str, views.Headline]]]) -> None:
    """A row a version: each headline with its two groups and what chance gives."""
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    config: dict[str, Any] = {"version": text("Version", pinned=True, width=90)}
    rows: list[dict[str, Any]] = []
    for version, told in found:
        row: dict[str, Any] = {"version": version}
        for metric, one in told.items():
            pair = f"{one.low} / {one.high}" if metric == "selection_ratio" else f"{one.high} − {one.low}"
            row |= {metric: one.value, f"{metric}_noise": one.noise, f"{metric}_pair": one.reason or pair}
            form = "%.2f" if metric == "selection_ratio" else "%.3f"
            config[metric] = number(words.metric(metric).label, format=form, help=words.metric(metric).reading, width=135)
            config[f"{metric}_noise"] = number("Chance", format=form, help="What chance gives between groups of these sizes.", width=70)
            config[f"{metric}_pair"] = text("Groups", width=110)
        rows.append(row)
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, column_config=config, column_order=list(config), row_height=tables.ROW, key="by_version",
        placeholder="–", alt="Each version with the greatest differences between its groups",
    )  # fmt: skip
