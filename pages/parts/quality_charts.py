"""Charts of quality: label coverage below a line over time, reliability, the ROC curve, confusion, errors by score."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.parts import words
from pages.parts.colours import Palette, faint, over, palette, readable
from pages.parts.lanes import lay_out, legend, naive

STRIP = 0.13  # of the plot's height, for the coverage
HEIGHT = 340


def with_coverage(figure: go.Figure, coverage: pd.DataFrame, served: Sequence[str], least: float) -> go.Figure:
    """Beneath a chart over time, a strip of bars: the share of each window's rows that have a label, and the share that a window must have.

    coverage : version, window_start, window_end, value, rows.
    """
    colours = palette()
    top = figure.layout.yaxis.domain[1] if figure.layout.yaxis.domain else 1.0
    figure.update_layout(
        yaxis_domain=[STRIP + 0.07, top], barmode="overlay", bargap=0,
        yaxis3={
            "domain": [0, STRIP], "range": [0, 1], "anchor": "x", "tickvals": [0, 1], "ticktext": ["0", "labels 100%"], "fixedrange": True,
            "tickfont": {"size": 11, "color": colours.muted}, "gridcolor": colours.grid, "zeroline": False, "automargin": True,
        },
    )  # fmt: skip
    figure.update_xaxes(anchor="y3")
    for name, own in coverage.groupby("version", observed=True):
        place = served.index(str(name)) if str(name) in served else 0
        start, end = naive(own["window_start"]), naive(own["window_end"])
        told = [
            f"{words.span(row['window_start'], row['window_end'])}<br>{row['value']:.1%} of {int(row['rows']):,} rows have a label"
            for row in own.to_dict("records")
        ]
        figure.add_bar(
            x=start + (end - start) / 2, y=own["value"], width=(end - start).dt.total_seconds() * 920, yaxis="y3", showlegend=False,
            marker={"color": faint(colours.series[place % len(colours.series)], 0.55), "line": {"width": 0}}, hovertext=told,
            hovertemplate=f"<b>{words.plain_html(str(name))}</b> %{{hovertext}}<extra></extra>",
        )  # fmt: skip
    if least > 0:
        line = {"color": colours.muted, "width": 1, "dash": "dash"}
        figure.add_shape(type="line", xref="x domain", x0=0, x1=1, yref="y3", y0=least, y1=least, line=line)
    return figure


def reliability(found: pd.DataFrame, served: Sequence[str]) -> go.Figure:
    """Mean score against the share of positives, a line per version (or class, column `line`), with intervals; the diagonal is perfect."""
    colours = palette()
    figure = _square(colours, "mean score", "share of positives")
    for name, own in found.groupby("line", sort=False):
        colour = _colour(str(name), served, colours)
        told = [f"{row['score']:.1%} said, {row['positive']:.1%} true<br>{int(row['rows']):,} rows" for row in own.to_dict("records")]
        figure.add_scatter(
            x=own["score"], y=own["positive"], mode="lines+markers", name=words.plain_html(str(name)), line={"color": colour, "width": 2},
            marker={"color": colour, "size": 6},
            error_y={
                "array": own["positive_high"] - own["positive"], "arrayminus": own["positive"] - own["positive_low"], "color": colour,
                "thickness": 1.2, "width": 3,
            },
            hovertext=told, hovertemplate=f"<b>{words.plain_html(str(name))}</b> %{{hovertext}}<extra></extra>",
        )  # fmt: skip
    return figure


def roc(found: pd.DataFrame, served: Sequence[str]) -> go.Figure:
    """The ROC curve, a line per version (or class, column `line`)."""
    colours = palette()
    figure = _square(colours, "false positive rate", "recall")
    for name, own in found.groupby("line", sort=False):
        told = [f"score from {row['score']:.3f}: {row['recall']:.1%} found, {row['false_positive_rate']:.1%} false" for row in own.to_dict("records")]
        figure.add_scatter(
            x=own["false_positive_rate"], y=own["recall"], mode="lines", name=words.plain_html(str(name)),
            line={"color": _colour(str(name), served, colours), "width": 2}, hovertext=told,
            hovertemplate=f"<b>{words.plain_html(str(name))}</b> %{{hovertext}}<extra></extra>",
        )  # fmt: skip
    return figure


def confusion(found: pd.DataFrame) -> go.Figure:
    """Labels in rows, predictions in columns: how many rows, and which share of the label."""
    colours = palette()
    names = list(dict.fromkeys(found["label"]))
    shown = [words.plain_html(name) for name in names]
    rows, share = (found[name].to_numpy(float).reshape(len(names), -1) for name in ("rows", "share"))
    faintest, strongest = 0.04, 0.75
    scale = [[0, faint(colours.primary, faintest)], [1, faint(colours.primary, strongest)]]
    figure = go.Figure(
        go.Heatmap(
            z=np.nan_to_num(share), x=shown, y=shown, colorscale=scale, zmin=0, zmax=1, showscale=False, xgap=3, ygap=3,
            hovertemplate="label %{y}, predicted %{x}: %{customdata:,} rows, %{z:.1%} of the label<extra></extra>", customdata=rows,
        )
    )
    if len(names) <= 8:
        for y, x in np.ndindex(rows.shape):  # by place: a class called "1" would be taken for the second
            part = "" if np.isnan(share[y, x]) else f"<br>{share[y, x]:.1%}"
            cell = over(colours.primary, faintest + (strongest - faintest) * np.nan_to_num(share[y, x]), colours.background)
            font = {"size": 14, "color": readable(cell)}
            figure.add_annotation(x=x, y=y, text=f"<b>{rows[y, x]:,.0f}</b>{part}", showarrow=False, font=font)
    lay_out(figure, HEIGHT, colours)
    figure.update_xaxes(type="category", title_text="predicted", showgrid=False)
    figure.update_yaxes(type="category", title_text="label", autorange="reversed", showgrid=False)
    return figure


def deciles(found: pd.DataFrame, served: Sequence[str]) -> go.Figure:
    """Share of wrong predictions in each tenth of the rows by score, a group of bars per version."""
    colours = palette()
    figure = go.Figure()
    for name, own in found.groupby("line", sort=False):
        told = [
            f"scores {row['low']:.3f} to {row['high']:.3f}<br>{row['errors']:.1%} of {int(row['rows']):,} rows wrong"
            for row in own.to_dict("records")
        ]
        figure.add_bar(
            x=own["decile"], y=own["errors"], name=words.plain_html(str(name)), marker_color=_colour(str(name), served, colours),
            error_y={
                "array": own["error_high"] - own["errors"], "arrayminus": own["errors"] - own["error_low"], "color": colours.muted,
                "thickness": 1.2, "width": 2,
            },
            hovertext=told, hovertemplate=f"<b>{words.plain_html(str(name))}</b> %{{hovertext}}<extra></extra>",
        )  # fmt: skip
    lay_out(figure, HEIGHT, colours)
    figure.update_layout(barmode="group", bargap=0.25, bargroupgap=0.05, legend=legend(), margin_t=40)
    figure.update_xaxes(title_text="tenth of the rows, lowest scores first", tickvals=list(range(1, 11)), showgrid=False)
    figure.update_yaxes(title_text="share predicted wrong", tickformat=".0%", rangemode="tozero", gridcolor=colours.grid)
    return figure


def errors(found: pd.DataFrame, unit: str) -> go.Figure:
    """How the errors of a regression are spread, those that are too high above those that are too low."""
    colours = palette()
    figure = go.Figure()
    middle = (found["low"] + found["high"]) / 2
    for name, called, colour in (("too_high", "predicted too much", colours.primary), ("too_low", "predicted too little", colours.muted)):
        ends = zip(found["low"], found["high"], found[name], strict=True)
        told = [f"{words.number(a)} to {words.number(b)}: {n:,} rows {called}" for a, b, n in ends]
        look = {"marker_color": colour, "hovertext": told, "hovertemplate": "%{hovertext}<extra></extra>"}
        figure.add_bar(x=middle, y=found[name], name=called, **look)
    lay_out(figure, HEIGHT, colours)
    figure.update_layout(barmode="stack", bargap=0.05, legend=legend(), margin_t=40)
    figure.update_xaxes(title_text=f"|prediction − {unit}|", showgrid=False)
    figure.update_yaxes(title_text="rows", gridcolor=colours.grid)
    return figure


def _square(colours: Palette, x: str, y: str) -> go.Figure:
    figure = go.Figure()
    diagonal = {"mode": "lines", "line": {"color": colours.muted, "width": 1, "dash": "dot"}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=[0, 1], y=[0, 1], **diagonal)
    lay_out(figure, HEIGHT, colours)
    figure.update_layout(legend=legend(), margin_t=40)
    figure.update_xaxes(title_text=x, range=[0, 1.02], tickformat=".0%", dtick=0.2, showgrid=True)
    figure.update_yaxes(title_text=y, range=[0, 1.02], tickformat=".0%", dtick=0.2, gridcolor=colours.grid)
    return figure


def _colour(name: str, served: Sequence[str], colours: Palette) -> str:
    return colours.series[served.index(name) % len(colours.series)]


