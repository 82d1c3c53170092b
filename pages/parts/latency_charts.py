"""Charts of times: percentiles over days with their steps and leaks, and two versions over each other on a logarithmic axis."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from monitors import latency_views as views
from monitors import summaries
from monitors.quantiles import Floats
from pages.parts import words
from pages.parts.colours import Palette, faint, palette
from pages.parts.lanes import LANE, Marks, add_lanes, lay_out, legend, naive, naive_time

PERCENTILES = {"p50": ("solid", 2.4), "p95": ("dash", 1.8), "p99": ("dot", 1.6)}
WIDE = 20.0  # from which ratio of the greatest to the least on a logarithmic axis shows more


def title(names: str, unit: str) -> str:
    """An axis title with its unit, none where the column's name tells none."""
    return f"{names} ({unit})" if unit else names


def is_wide(values: pd.Series) -> bool:
    """Whether a linear axis would press most of the values to its foot."""
    known = values[values > 0]
    return bool(len(known) and known.max() / known.min() > WIDE)


def named(figure: go.Figure) -> None:
    """What is usual of times are the windows before; a reference seldom has any."""
    for trace in figure.select_traces(selector={"legendgroup": "usual"}):
        trace.name = "usual: windows before"


def logarithmic(figure: go.Figure, judged: pd.DataFrame) -> None:
    """Put the axis of a judged metric on a logarithmic scale, the names of its thresholds too."""
    drawn = judged[["value", "noise", "usual", "warning", "critical"]].to_numpy(float)
    drawn = np.log10(drawn[np.isfinite(drawn) & (drawn > 0)])
    figure.update_layout(yaxis={"type": "log", "range": [drawn.min() - 0.1, drawn.max() + 0.1], "dtick": 1 if np.ptp(drawn) > 2 else "D2"})
    labels = [note for note in figure.layout.annotations if note.xref == "paper"]
    limits = {f"{which} {words.number(value)}": value for which in ("warning", "critical") for value in judged[which].dropna().unique()}
    for note in labels:
        note.y = np.log10(limits[note.text]) if limits.get(note.text, 0) > 0 else drawn.min()
        note.yshift = -7 if note.text.startswith("warning") else 7  # they are named apart, whatever the axis presses together


def percentiles(
    measured: pd.DataFrame, marks: Marks, found: pd.DataFrame, column: str, followed: str, log: bool, height: int = 440
) -> go.Figure:
    """p50, p95 and p99 over time, a colour per version, with thresholds, steps (triangles) and leaks (bands along the line).

    Parameters
    ----------
    measured : judged measurements of the three metrics of one component.
    found : steps and leaks of one of them, the one that is `followed`.
    """
    colours, unit = palette(), views.unit(column)
    figure = go.Figure()
    served = list(marks.versions["version"])
    names = [name for name in served if name in set(measured["version"])]
    for name in names:
        for metric in PERCENTILES:
            part = measured[(measured["version"] == name) & (measured["metric"] == metric)]
            _percentile(figure, part, name, metric, colours.series[served.index(name) % len(colours.series)], unit)
    for metric, (dash, width) in PERCENTILES.items():
        line = {"dash": dash, "width": width, "color": colours.muted}
        figure.add_scatter(x=[None], y=[None], mode="lines", line=line, name=metric, legendrank=1010)
    _limits(figure, measured, colours)
    _findings(figure, found, measured[measured["metric"] == followed], column, followed, colours)
    plot = height - 60 - LANE * len(marks.lanes)
    lay_out(figure, height, colours)
    figure.update_yaxes(title_text=title("p50, p95, p99", unit), gridcolor=colours.grid, tickformat="~g", rangemode="tozero")
    if log:
        logarithmic(figure, measured)
    figure.update_layout(legend=legend(), hovermode="closest", margin_r=104 if measured[["warning", "critical"]].notna().any(axis=None) else 12)
    add_lanes(figure, marks, measured, plot, colours)
    return figure


def _percentile(figure: go.Figure, part: pd.DataFrame, name: str, metric: str, colour: str, unit: str) -> None:
    series = summaries.with_gaps(part)
    start, end = naive(series["window_start"]), naive(series["window_end"])
    dash, width = PERCENTILES[metric]
    told = [
        "" if np.isnan(row["value"]) else f"{words.span(row['window_start'], row['window_end'])}<br>{int(row['rows']):,} requests"
        for row in series.to_dict("records")
    ]
    figure.add_scatter(
        x=start + (end - start) / 2, y=series["value"], mode="lines+markers", name=words.version_html(name), showlegend=metric == "p50",
        line={"color": colour, "width": width, "dash": dash}, marker={"size": 4 if metric == "p50" else 3, "color": colour},
        connectgaps=False, hovertext=told,
        hovertemplate=f"<b>{words.version_html(name)}</b> {metric} %{{y:.3~g}} {unit}<br>%{{hovertext}}<extra></extra>",
    )  # fmt: skip


def _limits(figure: go.Figure, measured: pd.DataFrame, colours: Palette) -> None:
    """Thresholds that hold a percentile itself; the default rules have none."""
    for which, level in (("warning", 1), ("critical", 2)):
        for value in measured[which].dropna().unique()[:3]:
            font = {"color": colours.state(level), "size": 12}
            figure.add_hline(y=value, line={"color": colours.state(level), "width": 1.4, "dash": "dash"})
            where = {"x": 1, "xref": "paper", "xanchor": "left", "xshift": 6, "showarrow": False}
            figure.add_annotation(**where, y=value, text=f"{which} {words.number(value)}", font=font)


def _findings(figure: go.Figure, found: pd.DataFrame, measured: pd.DataFrame, column: str, percentile: str, colours: Palette) -> None:
    """A leak as a band along what was measured of it; a step as a triangle at its new level, pointing up if slower."""
    for kind in ("leak", "step"):
        first = True
        for row in found[found["kind"] == kind].to_dict("records") if len(found) else []:
            said = words.plain_html(views.sentence(row, column, percentile)).replace(", ", ",<br>")
            x: Any = [naive_time(row["start"]) + timedelta(hours=12)]
            y: Any = [row["after"]]
            if kind == "leak":
                own = measured[(measured["version"] == row["version"]) & measured["window_start"].between(row["start"], row["end"], "left")]
                own = own.dropna(subset="value").sort_values("window_start")
                start, end = naive(own["window_start"]), naive(own["window_end"])
                x, y = start + (end - start) / 2, own["value"]
            slower = row["factor"] > 1
            colour = colours.state(2) if slower else colours.state(0)
            look = {"line": {"color": faint(colour, 0.4), "width": 12}} if kind == "leak" else {"marker": {
                "symbol": "triangle-up" if slower else "triangle-down", "size": 13, "color": colour,
                "line": {"width": 1.5, "color": colours.background}}}  # fmt: skip
            figure.add_scatter(
                x=x, y=y, mode="lines" if kind == "leak" else "markers", hovertext=[said] * len(x), name=kind, legendgroup=kind,
                hovertemplate="%{hovertext}<extra></extra>", showlegend=first, legendrank=1020, **look,
            )  # fmt: skip
            first = False


def overlaid(shown: Mapping[str, tuple[Floats, Floats]], served: Sequence[str], column: str, marks: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """How the times of two versions are spread, on a logarithmic axis.

    Parameters
    ----------
    shown : version → edges and shares of its requests between them. marks : version → percentile → value, drawn as lines.
    """
    colours, unit = palette(), views.unit(column)
    figure = go.Figure()
    for i, (name, (edges, shares)) in enumerate(shown.items()):
        colour = colours.series[(served.index(name) if name in served else i) % len(colours.series)]
        if not len(shares):
            continue
        width = np.diff(np.log10(edges))
        level = shares / width * np.median(width)
        text = [f"{share:.2%} between {words.number(a)} and {words.number(b)} {unit}" for share, a, b in zip(shares, edges, edges[1:], strict=False)]
        figure.add_scatter(
            x=edges, y=np.append(level, level[-1]), mode="lines", name=words.plain_html(name),
            line={"shape": "hv", "color": colour, "width": 2}, fill="tozeroy", fillcolor=faint(colour, 0.2),
            text=[*text, ""], hovertemplate=f"<b>{words.plain_html(name)}</b> %{{text}}<extra></extra>",
        )  # fmt: skip
        for metric, value in marks.get(name, {}).items():
            if value > 0:
                line = {"color": colour, "width": 1.4, "dash": PERCENTILES[metric][0]}
                figure.add_shape(type="line", x0=value, x1=value, y0=0, y1=1, yref="y domain", line=line)
                label = {"text": f"{metric} {words.number(value)}", "font": {"color": colour, "size": 11}, "showarrow": False}
                side = {"xanchor": "right", "xshift": -3} if metric == "p50" else {"xanchor": "left", "xshift": 3}
                figure.add_annotation(x=np.log10(value), y=1 - 0.09 * i, yref="y domain", **side, **label)
    lay_out(figure, 330, colours)
    figure.update_layout(legend=legend(), margin_r=12)
    figure.update_xaxes(type="log", title_text=title(words.plain_html(column), unit), dtick=1, tickformat="~g", showgrid=True)
    figure.update_yaxes(title_text="share of requests", tickformat=".0%", rangemode="tozero", gridcolor=colours.grid)
    return figure
