"""The chart of an estimate against the truth, over time."""

from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from monitors import summaries
from monitors.estimated_trust import COVERED, NOT_TRUSTED
from pages.parts import words
from pages.parts.colours import Palette, faint, palette
from pages.parts.lanes import LANE, Marks, add_lanes, lay_out, legend, naive

BAND = 0.16  # how dense its colour is
MANY = 60  # windows of a version, from which marks and lines are thin


def against_truth(seen: pd.DataFrame, marks: Marks, *, y_title: str, y_format: str, height: int = 420) -> go.Figure:
    """Truth (solid) and estimate (dashed, with its band) over time, a colour a version.

    Parameters
    ----------
    seen : a row for each window: version, window_start, window_end, rows, coverage, truth (NaN without labels), estimate, low, high, and
        level and reason of `estimated_trust.trust`. Truths of few labels and estimates that cannot be trusted are hollow.
    """
    colours = palette()
    figure = go.Figure()
    served = list(marks.versions["version"])
    names = [name for name in served if name in set(seen["version"])]
    for name in names:
        own = seen[seen["version"] == name]
        colour = colours.series[served.index(name) % len(colours.series)]
        _band(figure, own, faint(colour, BAND))
        _line(figure, own, name, colour, colours, y_format, "estimate")
        _line(figure, own, name, colour, colours, y_format, "truth")
    _keys(figure, seen, colours)
    plot = height - 60 - LANE * len(marks.lanes)
    lay_out(figure, height, colours)
    figure.update_yaxes(title_text=y_title, range=_range(seen), tickformat="~g", gridcolor=colours.grid)
    figure.update_layout(legend=legend(), hovermode="closest")
    add_lanes(figure, marks, seen, plot, colours)
    return figure


def _range(seen: pd.DataFrame) -> list[float]:
    """Around what is drawn, and not from 0: an AUC of 0.7 that falls to 0.65 would hardly move there."""
    drawn = seen[["truth", "estimate", "low", "high"]].to_numpy(float)
    low, high = np.nanmin(drawn), np.nanmax(drawn)
    room = 0.06 * (high - low or 1)
    return [max(low - room, -0.02 * high), high + room]


def _band(figure: go.Figure, own: pd.DataFrame, colour: str) -> None:
    """The band as areas, one for each stretch without a gap; in steps, so that a single window has a width too."""
    series = summaries.with_gaps(own)
    blank = np.flatnonzero(series["low"].isna())
    x: list[object] = []
    y: list[float | None] = []
    for before, after in pairwise([-1, *blank, len(series)]):
        part = series.iloc[before + 1 : after]
        if len(part):
            ends = np.column_stack([naive(part["window_start"]), naive(part["window_end"])]).ravel()
            x += [*ends, *ends[::-1], None]
            y += [*np.repeat(part["high"].to_numpy(), 2), *np.repeat(part["low"].to_numpy(), 2)[::-1], None]
    figure.add_scatter(x=x, y=y, mode="lines", line={"width": 0}, fill="toself", fillcolor=colour, hoverinfo="skip", showlegend=False)


def _line(figure: go.Figure, own: pd.DataFrame, name: str, colour: str, colours: Palette, y_format: str, what: str) -> None:
    series = summaries.with_gaps(own)
    start, end = naive(series["window_start"]), naive(series["window_end"])
    is_truth = what == "truth"
    thin = len(series) > MANY
    hollow = (series["coverage"].fillna(0) < COVERED) if is_truth else (series["level"] >= NOT_TRUSTED)
    figure.add_scatter(
        x=start + (end - start) / 2, y=series[what], mode="lines+markers", name=words.plain_html(name), showlegend=is_truth, connectgaps=False,
        line={"color": colour, "width": (2.2 if is_truth else 1.6) / (2 if thin else 1), "dash": "solid" if is_truth else "dash"},
        marker={
            "symbol": "circle" if is_truth else "diamond", "size": 4 if thin else 7,
            "color": np.where(hollow, colours.background, colour), "line": {"width": 1 if thin else 1.5, "color": colour},
        },
        hovertext=["" if np.isnan(row[what]) else _text(row, what) for row in series.to_dict("records")],
        hovertemplate=f"<b>{words.plain_html(name)}</b> {what} %{{y:{y_format}}}<br>%{{hovertext}}<extra></extra>",
    )  # fmt: skip


def _text(row: dict[str, object], what: str) -> str:
    lines = [words.span(row["window_start"], row["window_end"])]
    if what == "truth":
        lines.append(f"{row['coverage']:.0%} of {int(row['rows']):,} rows have a label")
    else:
        lines.append(f"expected between {words.number(row['low'])} and {words.number(row['high'])}, {int(row['rows']):,} rows")
        lines += ["<b>cannot be trusted</b>"] * (row["level"] >= NOT_TRUSTED)
        lines += [words.plain_html(part) for part in str(row["reason"]).split("; ") if part]
    return "<br>".join(lines)


def _keys(figure: go.Figure, seen: pd.DataFrame, colours: Palette) -> None:
    """What the kinds of line and mark mean, in grey, since colours are of versions."""
    shown: list[tuple[str, str, dict[str, object]]] = [
        ("truth", "lines", {"line": {"color": colours.muted, "width": 2.2}}),
        ("estimate", "lines", {"line": {"color": colours.muted, "width": 1.6, "dash": "dash"}}),
        ("where the truth is expected", "markers", {"marker": {"symbol": "square", "size": 12, "color": faint(colours.muted, 0.3)}}),
    ]
    open_mark = {"size": 8, "color": colours.background, "line": {"width": 1.5, "color": colours.muted}}
    if (seen["level"] >= NOT_TRUSTED).any():
        shown.append(("estimate not to be trusted", "markers", {"marker": open_mark | {"symbol": "diamond"}}))
    if (seen["truth"].notna() & (seen["coverage"] < COVERED)).any():
        shown.append((f"labels for under {COVERED:.0%} of rows", "markers", {"marker": open_mark | {"symbol": "circle"}}))
    for i, (name, mode, look) in enumerate(shown):
        figure.add_scatter(x=[None], y=[None], mode=mode, name=name, legendrank=1010 + i, **look)
