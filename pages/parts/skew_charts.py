"""The picture of mismatched pairs: training against serving."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.parts import words
from pages.parts.charts import SYMBOLS
from pages.parts.colours import palette
from pages.parts.lanes import lay_out, legend

MOST_POINTS = 3000
MOST_VALUES = 12


def scatter(pairs: pd.DataFrame, causes: pd.Series) -> go.Figure:
    """Served against training values of pairs that both have a number, a colour for each cause, larger where pairs lie on each other."""
    colours = palette()
    numbers = pairs[["trained", "served"]].apply(pd.to_numeric, errors="coerce").replace([np.inf, -np.inf], np.nan)
    shown = numbers.notna().all(axis=1)
    at = numbers[shown].head(MOST_POINTS)
    figure = go.Figure()
    low, high = float(at.to_numpy().min()), float(at.to_numpy().max())
    figure.add_scatter(
        x=[low, high], y=[low, high], mode="lines", line={"color": colours.muted, "width": 1.4, "dash": "dash"}, name="serving = training",
        hoverinfo="skip",
    )  # fmt: skip
    own = causes.loc[at.index]
    for i, told in enumerate(own.value_counts().index):
        chosen = at[own == told].groupby(["trained", "served"], as_index=False).size()
        figure.add_scatter(
            x=chosen["trained"], y=chosen["served"], mode="markers", name=words.plain_html(_short(told)), customdata=chosen["size"],
            marker={"size": 6 + 2 * np.log2(chosen["size"]), "symbol": SYMBOLS[i % len(SYMBOLS)], "opacity": 0.75,
                    "color": colours.series[i % len(colours.series)], "line": {"width": 0.5, "color": colours.background}},
            hovertemplate="training %{x}<br>served %{y}<br>%{customdata} pairs<extra></extra>",
        )  # fmt: skip
    lay_out(figure, 420, colours)
    figure.update_xaxes(title_text="training", type="linear", gridcolor=colours.grid, zerolinecolor=colours.grid)
    figure.update_yaxes(title_text="serving", gridcolor=colours.grid, zerolinecolor=colours.grid)
    figure.update_layout(legend=legend(), margin_r=12, hovermode="closest", margin_b=56)
    return figure


def _short(text: str, most: int = 48) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def confusion(pairs: pd.DataFrame) -> pd.DataFrame:
    """How often which value of training is which in serving: a row for each value of training; the rarer ones together."""
    named = pairs[["trained", "served"]].astype(object).where(pairs[["trained", "served"]].notna(), "(null)").astype(str)
    for side in ("trained", "served"):
        kept = named[side].value_counts().index[:MOST_VALUES]
        named[side] = named[side].where(named[side].isin(kept), "(others)")
    table = pd.crosstab(named["trained"], named["served"])
    order = table.sum(axis=1).sort_values(ascending=False, kind="stable").index
    found: pd.DataFrame = table.loc[order, table.sum().sort_values(ascending=False, kind="stable").index]
    return found
