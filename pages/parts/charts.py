"""Charts of measurements and profiles. Plotly stands here, in lanes.py, stacks.py and timeline.py alone. Functions take judged tables
and give figures; `drawn` keeps one, `show` puts it on the page.

Times are given to Plotly without a zone, as UTC: with one it is ten times as slow. Every line has a colour of its own, since
Plotly's default is black and vanishes on the dark page.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from data.sample.events import Event
from monitors import summaries
from pages.parts import reads, words
from pages.parts.colours import LEVELS, Palette, faint, palette
from pages.parts.lanes import LANE, WHOLE_HEIGHT, Marks, add_lanes, lay_out, legend, marks_of, naive, naive_time
from pages.parts.scope import Scope
from pages.parts.sketch import Sketch

__all__ = ["Figure", "Marks", "distributions", "drawn", "heat_map", "marks_of", "over_time", "show"]

Figure = go.Figure
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "pentagon", "hexagon")
DRAWN = ("value", "noise", "noise_99", "usual", "warning", "critical")
TOLD = ["window_start", "window_end", "level", "rows", "noise", "usual"]  # of a point
MOST_POINTS = 2000  # of a line: hours of a year are 8,760, and a browser takes seconds for them
MARKS = 40  # in a row of the heat map: 20 px each on a wide screen
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"}


def show(figure: go.Figure, key: str, alt: str, on_select: Callable[[], None] | None = None) -> Any:
    """Put a figure on the page; `alt` is what it shows, for those who do not see it."""
    options: dict[str, Any] = {"key": key, "alt": alt, "config": CONFIG}
    if on_select is not None:
        options |= {"on_select": on_select, "selection_mode": "points"}
    return st.plotly_chart(figure, **options)


def drawn(what: Callable[..., Figure | None], scope: Scope, **asked: Any) -> Any:
    """The figure, if any, that `what(scope, …)` draws, kept as what was read is: see `reads.of_scope`. To draw takes ten times as long as to show."""
    return reads.of_scope(what, scope, look=str(st.context.theme.type), **asked)


def over_time(
    judged: pd.DataFrame, marks: Marks, *, y_title: str, y_format: str, focus: str = "", height: int = 400, reach: Sequence[float] = ()
) -> go.Figure:
    """One metric over time, a line per version (or per segment, column `line`), with its thresholds and both floors.

    Parameters
    ----------
    judged : judged measurements of one column and metric; a line breaks where windows are missing or could not be measured. Points are hollow
        where a column `hollow` says so. Where levels and limits are blank, none are drawn.
    focus : the column; the sample's events that show in it are shaded through the plot. reach : values that the axis has to hold besides.
    """
    colours = palette()
    figure = Sketch()
    by = "line" if "line" in judged else "version"
    names = list(dict.fromkeys(judged.sort_values("window_start")[by]))
    low, top = _range(judged, reach)
    for name in names:
        _floors(figure, judged[judged[by] == name], colours, top, shade=min(0.25, 0.75 / len(names)))  # many may lie on each other
    _name_once(figure)
    limits = [label for which in ("warning", "critical") for label in _limits(figure, judged, which, by, colours)]
    served = list(marks.versions["version"]) if by == "version" else names  # a version has one colour, whichever others are shown
    for i, name in enumerate(names):
        place = served.index(name) if name in served else i
        told = str(name) or (words.TOGETHER if any(served) else words.UNVERSIONED)  # a metric of the table is of no version in particular
        _line(figure, judged[judged[by] == name], told, place, y_format, colours)
    plot = height - 60 - LANE * len(marks.lanes)
    _labels(figure, limits, (low, top), plot)
    lay_out(figure, height, colours)
    figure.update_yaxes(
        title_text=y_title,
        range=[low, top],
        tickformat=".2~%" if y_format.endswith("%") else "~g",
        gridcolor=colours.grid,
        zerolinecolor=colours.grid,
    )
    figure.update_layout(margin_r=104, legend=legend(), hovermode="closest")
    add_lanes(figure, marks, judged, plot, colours)
    figure.layout.shapes += tuple(_spans(judged, marks.events, focus, colours))
    return figure.figure()


def day_bars(counts: pd.Series, alt: str) -> None:
    """A bar for each day, which says its count under the mouse. Plain HTML, for which the browser loads no library."""
    colour, most = palette().series[0], max(int(counts.max()), 1)
    slot, bars = "flex:1;display:flex;align-items:flex-end;height:100%", ""
    for day, count in counts.items():
        bar = f'<div style="width:100%;height:{100 * count / most:.1f}%;background:{colour}"></div>'
        bars += f'<div title="{words.day(day)}: {count:,}" style="{slot}">{bar}</div>'
    st.html(f'<div role="img" aria-label="{alt}" style="display:flex;gap:2px;height:48px">{bars}</div>')


def heat_map(states: pd.DataFrame, marks: Marks) -> go.Figure:
    """The worst state of each column on each day. A click on a cell gives customdata: column, version, metric, segment, monitor.

    Parameters
    ----------
    states : the worst row of each column and window, in the order in which columns are to stand, with `limit`.
    """
    colours = palette()
    columns, days, levels = summaries.days(states)
    scale = [[(i + k) / len(LEVELS), colour] for i, colour in enumerate(colours.cells) for k in (0, 1)]
    labels = [words.plain_html(column or words.TABLE) for column in columns]
    noon = days.astype("datetime64[h]") + np.timedelta64(12, "h")
    figure = Sketch()
    figure.add_heatmap(x=noon, y=labels, z=levels, zmin=-1.5, zmax=2.5, colorscale=scale, showscale=False, ygap=2, hoverinfo="skip")
    # A heat map gives no clicks: these marks lie on it, unseen; no more than a hand can tell apart, since a browser takes a second for 7,000.
    place = naive(states["window_start"]) + (naive(states["window_end"]) - naive(states["window_start"])) / 2
    near = (place - place.min()) // pd.Timedelta(days=-(-len(days) // MARKS))
    marked = summaries.worst(states.assign(place=place, near=near), ["column", "near"])
    told = [_cell_text(row) for row in marked.to_dict("records")]
    figure.add_scatter(
        x=marked["place"],
        y=[words.plain_html(str(column) or words.TABLE) for column in marked["column"]],
        mode="markers",
        marker={"opacity": 0, "size": 16, "color": colours.muted},
        customdata=np.column_stack([marked[name] for name in ("column", "version", "metric", "segment", "monitor")]),
        hovertext=told,
        hovertemplate="%{hovertext}<extra></extra>",
        showlegend=False,
    )
    for level in (0, 1, 2, -1):
        mark = {"symbol": "square", "size": 11, "color": colours.cells[LEVELS.index(level)]}
        figure.add_scatter(x=[None], y=[labels[0]], mode="markers", marker=mark, name=words.STATES[level])
    plot = 22 * len(columns) + 8
    height = plot + LANE * len(marks.lanes) + 70
    lay_out(figure, height, colours)
    figure.update_yaxes(range=[len(columns) - 0.5, -0.5], type="category", showgrid=False, ticksuffix=" ", ticks="")
    figure.update_layout(legend=legend(), margin_r=12, hovermode="closest", hoverdistance=18)
    add_lanes(figure, marks, states, plot, colours)
    figure.update_xaxes(showgrid=False)
    return figure.figure()


def distributions(groups: pd.DataFrame, window: str, y_title: str = "share of rows") -> go.Figure:
    """Shares of the reference beside those of a window.

    Parameters
    ----------
    groups : label, reference, window (shares), and left, right where the groups are spans of numbers.
    """
    colours = palette()
    figure = go.Figure()
    numeric = "left" in groups
    for column, name, colour in (("reference", "reference", colours.muted), ("window", window, colours.primary)):
        if numeric:
            edges = np.append(groups["left"].to_numpy(float), groups["right"].to_numpy(float)[-1:])
            shares = np.append(groups[column].to_numpy(float), groups[column].to_numpy(float)[-1:])
            figure.add_scatter(
                x=edges, y=shares, name=name, mode="lines", line={"shape": "hv", "color": colour, "width": 2},
                fill="tozeroy", fillcolor=faint(colour, 0.28 if column == "reference" else 0.14),
                text=[*map(words.plain_html, groups["label"]), ""],
                hovertemplate=f"%{{text}}: %{{y:.1%}} in {name}<extra></extra>",
            )  # fmt: skip
        else:
            figure.add_bar(
                x=groups["label"].map(words.plain_html), y=groups[column], name=name, marker_color=colour,
                hovertemplate=f"%{{x}}: %{{y:.1%}} in {name}<extra></extra>",
            )  # fmt: skip
    lay_out(figure, 320, colours)
    figure.update_layout(legend=legend(), barmode="group", bargap=0.25, bargroupgap=0.05, margin_r=12)
    figure.update_xaxes(type="linear" if numeric else "category", showgrid=False)
    figure.update_yaxes(title_text=y_title, tickformat=".0%", rangemode="tozero", gridcolor=colours.grid)
    return figure


def _spans(judged: pd.DataFrame, events: Sequence[Event], focus: str, colours: Palette) -> Iterator[dict[str, Any]]:
    """The events that show in a column, as areas through the plot; one that lasted long would only colour half of it."""
    whole = judged["window_end"].max() - judged["window_start"].min()
    for event in events:
        if focus in event.columns and event.end - event.start < whole / 7:
            colour = colours.planted if event.kind == "planted" else colours.real
            area = {"type": "rect", "x0": naive_time(event.start), "x1": naive_time(event.end), "layer": "below"}
            yield area | WHOLE_HEIGHT | {"fillcolor": colour, "opacity": 0.13, "line": {"width": 0}}


def _name_once(figure: Sketch) -> None:
    """Of each group the first trace stands in the legend: a version may have no floors, the first one of a latency never has."""
    told: set[str] = set()
    for trace in figure.traces:
        if group := trace.get("legendgroup"):
            trace["showlegend"] = group not in told
            told.add(group)


def _floors(figure: Sketch, one: pd.DataFrame, colours: Palette, top: float, shade: float) -> None:
    """What chance gives, as areas, and what the reference's own windows give, as a dotted line; in steps.

    Where a low value is bad, chance gives all from its floor up to the `top`. Of chance the 95th percentile is drawn, and the 50th and 99th where
    the columns `noise_50` and `noise_99` are there.
    """
    steps = summaries.with_gaps(one)
    x = _steps(steps)
    if steps[["noise", "usual"]].isna().all(axis=None):
        return  # a metric without floors; a legend of what is not drawn would be in the way
    noise, fill = np.repeat(steps["noise"].to_numpy(float), 2), "tozeroy"
    if (one["side"] == "below").all():
        edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(x=x, y=np.where(np.isnan(noise), np.nan, top), **edge)
        fill = "tonexty"
    levels = "noise_99" in one and not one["noise_99"].isna().all()
    if levels:
        most = np.repeat(steps["noise_99"].to_numpy(float), 2)
        figure.add_scatter(
            x=x, y=most, mode="lines", line={"width": 0}, fill="tozeroy", hoverinfo="skip", fillcolor=faint(colours.muted, shade / 2),
            name="chance 99 %", legendgroup="noise_99", legendrank=1012,
        )  # fmt: skip
    figure.add_scatter(
        x=x, y=noise, mode="lines", line={"width": 0}, fill=fill, hoverinfo="skip", fillcolor=faint(colours.muted, shade),
        name="noise: chance 95 %" if levels else "noise: chance alone", legendgroup="noise", legendrank=1011,
    )  # fmt: skip
    if levels:
        half = np.repeat(steps["noise_50"].to_numpy(float), 2)
        figure.add_scatter(
            x=x, y=half, mode="lines", line={"width": 1, "color": colours.muted}, hoverinfo="skip",
            name="chance 50 %", legendgroup="noise_50", legendrank=1010,
        )  # fmt: skip
    if steps["usual"].isna().all():
        return
    line = {"width": 1.4, "dash": "dot", "color": colours.muted}
    figure.add_scatter(
        x=x, y=np.repeat(steps["usual"].to_numpy(float), 2), mode="lines", line=line,
        hoverinfo="skip", name="usual: the reference’s own windows", legendgroup="usual", legendrank=1013,
    )  # fmt: skip


def _limits(figure: Sketch, judged: pd.DataFrame, which: str, by: str, colours: Palette) -> list[tuple[float, str, str]]:
    """A threshold as lines over the windows for which it is in force; its last values, text and colour, for the labels."""
    lines = summaries.limit_lines(judged, which, by)
    colour = colours.state(2 if which == "critical" else 1)
    for line in lines:
        figure.add_scatter(
            x=_steps(line), y=np.repeat(line["limit"].to_numpy(float), 2), mode="lines", hoverinfo="skip", showlegend=False,
            line={"width": 1.4, "color": colour, "dash": "dash"},
        )  # fmt: skip
    return [(limit, f"{which} {words.number(limit)}", colour) for limit in summaries.last_limits(lines)]


def _line(figure: Sketch, one: pd.DataFrame, name: str, i: int, y_format: str, colours: Palette) -> None:
    series = summaries.thinned(summaries.with_gaps(one), MOST_POINTS)
    start, end = naive(series["window_start"]), naive(series["window_end"])
    level = series["level"].fillna(-1).astype(int)
    own = colours.series[i % len(colours.series)]
    breach = level > 0
    hollow = series["hollow"].fillna(False).to_numpy(bool) if "hollow" in series else np.zeros(len(series), bool)
    filled = [colours.state(step) if step > 0 else own for step in level]
    figure.add_scatter(
        x=start + (end - start) / 2,
        y=series["value"],
        mode="lines+markers",
        name=words.plain_html(name),
        legendrank=i,
        line={"color": own, "width": 2},
        marker={
            "symbol": SYMBOLS[i % len(SYMBOLS)],
            "size": np.where(breach, 9, 6),
            "color": np.where(hollow, colours.background, filled),
            "line": {"width": np.where(hollow, 1.6, 1), "color": np.where(hollow, filled, colours.background)},
        },
        connectgaps=False,
        customdata=np.column_stack([series["window_start"].astype(str), series["window_end"].astype(str)]),
        hovertext=[_point_text(row) for row in series[TOLD].to_dict("records")],
        hovertemplate=f"<b>{words.plain_html(name)}</b> %{{y:{y_format}}}<br>%{{hovertext}}<extra></extra>",
    )


def _point_text(row: dict[str, Any]) -> str:
    lines = [words.span(row["window_start"], row["window_end"])]
    if not np.isnan(row["rows"]):
        state = "" if np.isnan(row["level"]) else f"{words.STATES[int(row['level'])]}, "
        lines.append(f"{state}{int(row['rows']):,} rows")
    floors = [f"{name} {words.number(row[name])}" for name in ("noise", "usual") if not np.isnan(row[name])]
    if not np.isnan(row.get("noise_99", np.nan)):
        floors.append(f"chance alone {words.number(row['noise_50'])} (50 %), {words.number(row['noise_99'])} (99 %)")
    return "<br>".join([*lines, ", ".join(floors)] if floors else lines)


def _cell_text(row: dict[str, Any]) -> str:
    state = words.STATES[int(row["level"])]
    value = f"{row['metric']} {words.number(row['value'])}, limit {words.number(row['limit'])}"
    if np.isnan(row["value"]):
        value = words.plain_html(str(row["reason"]))
    when = words.span(row["window_start"], row["window_end"])
    return f"<b>{words.plain_html(row['column'] or words.TABLE)}</b>: {state}<br>{when}, {words.plain_html(row['version'])}<br>{value}"


def _range(judged: pd.DataFrame, reach: Sequence[float]) -> tuple[float, float]:
    """The ends of the y axis: from 0, or from below all that is drawn where that is negative or a low value is the bad one."""
    drawn = np.append(judged[[name for name in DRAWN if name in judged]].to_numpy(float), reach)
    finite = drawn[np.isfinite(drawn)]
    highest = float(finite.max()) if len(finite) else 0.0
    lowest = float(finite.min()) if len(finite) else 0.0
    if lowest < 0 or (len(finite) and (judged["side"] == "below").all()):
        room = 0.08 * max(highest - lowest, 0.01)
        return (lowest - room if lowest < 0 else max(lowest - room, 0.0)), highest + room
    return 0.0, highest * 1.08 if highest > 0 else 1.0


def _labels(figure: Sketch, limits: list[tuple[float, str, str]], ends: tuple[float, float], plot: int) -> None:
    """The names of the thresholds at the right, moved apart where they would lie on each other."""
    low, top = ends
    at = [(value - low) / (top - low) * plot for value, _, _ in limits]  # px above the axis
    order = np.argsort(at)
    placed: list[float] = [0.0] * len(at)
    least = 6.0
    for i in order:
        placed[i] = max(at[i], least)
        least = placed[i] + 16
    for (_, text, colour), y in zip(limits, placed, strict=True):
        figure.add_annotation(
            x=1,
            xref="paper",
            y=low + y / plot * (top - low),
            text=text,
            showarrow=False,
            xanchor="left",
            xshift=6,
            font={"color": colour, "size": 12},
        )


def _steps(series: pd.DataFrame) -> np.ndarray[Any, Any]:
    return np.column_stack([naive(series["window_start"]), naive(series["window_end"])]).ravel()
