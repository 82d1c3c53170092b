"""Alert spans over time: what the rule in force gives above what the moved one gives, or several sets of rules, a row for each."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from pages.parts import lanes, words
from pages.parts.colours import Palette, palette
from pages.parts.sketch import Sketch

ROW = 24  # px
LANES = {"in force": (-0.27, 0.22, 0.45), "moved": (0.12, 0.46, 1.0)}  # middle and width in rows, opacity
ALONE = (0.0, 0.5, 1.0)
TOLD = ["column", "version", "segment", "severity", "start", "end", "windows", "peak", "threshold"]  # of an alert


def timeline(spans: pd.DataFrame, seen: pd.DataFrame, marks: lanes.Marks) -> go.Figure:
    """Alerts as bars from start to end; a click on one gives its names and start.

    Parameters
    ----------
    spans : alerts with `row` (what stands at the left) and `rule` ("in force" or "moved"); of one rule alone where none is moved.
    seen : what was judged; its first and last window are the ends of the axis.
    """
    colours, figure = palette(), Sketch()
    rows = list(dict.fromkeys(spans.sort_values("row", key=_natural, kind="stable")["row"]))
    place = {row: i for i, row in enumerate(rows)}
    several = spans["rule"].nunique() > 1
    for rule, part in spans.groupby("rule", sort=False):
        lane = LANES[str(rule)] if several else ALONE
        _bars(figure, part, part["row"].map(place).to_numpy() + lane[0], lane, (str(rule), colours))
    if several:
        _explain(figure, colours)
    return _finished(figure, [words.plain_html(row) for row in rows], range(1, len(rows)), seen, marks)


def side_by_side(spans: pd.DataFrame, names: Sequence[str], seen: pd.DataFrame, marks: lanes.Marks) -> go.Figure:
    """As `timeline`, a line of its own for every set of rules: the sets of one row stand together. `names` are those of the sets."""
    colours, figure = palette(), Sketch()
    rows = list(dict.fromkeys(spans.sort_values("row", key=_natural, kind="stable")["row"]))
    lines = [(row, name) for row in rows for name in names]
    place = {line: i for i, line in enumerate(lines)}
    for name, part in spans.groupby("rule", sort=False):
        _bars(figure, part, np.array([place[row, str(name)] for row in part["row"]]), ALONE, (str(name), colours))
    labels = [
        f"<b>{words.plain_html(row)}</b>  {words.plain_html(name)}" if name == names[0] else words.plain_html(name)
        for row, name in lines
    ]
    return _finished(figure, labels, range(len(names), len(lines), len(names)), seen, marks)


def _finished(figure: Sketch, labels: list[str], borders: Sequence[int], seen: pd.DataFrame, marks: lanes.Marks) -> go.Figure:
    """With its legend, axes, lanes and the lines between rows."""
    colours = palette()
    for level, severity in ((2, "critical"), (1, "warning")):
        mark = {"symbol": "square", "size": 11, "color": colours.state(level)}
        figure.add_scatter(x=[None], y=[0], mode="markers", marker=mark, name=severity)
    plot = ROW * len(labels) + 8
    lanes.lay_out(figure, plot + lanes.LANE * len(marks.lanes) + 70, colours)
    figure.update_layout(barmode="overlay", legend=lanes.legend(), hovermode="closest")
    figure.update_yaxes(
        range=[len(labels) - 0.5, -0.5], tickvals=list(range(len(labels))), ticktext=labels, ticksuffix=" ", showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_xaxes(type="date")  # from lengths in ms it would take the axis for one of numbers
    lanes.add_lanes(figure, marks, seen, plot, colours)
    line = {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "yref": "y", "line": {"color": colours.grid, "width": 1}, "layer": "below"}
    figure.layout.shapes += tuple(line | {"y0": i - 0.5, "y1": i - 0.5} for i in borders)
    return figure.figure()


def _bars(figure: Sketch, part: pd.DataFrame, y: NDArray[np.float64], lane: tuple[float, float, float], told: tuple[str, Palette]) -> None:
    """The alerts of one rule, a trace for each severity: colours of single bars Plotly checks one by one."""
    _, width, opacity = lane
    rule, colours = told
    starts = lanes.naive(part["start"])
    ways = part[["column", "version", "segment"]].astype(str).assign(start=starts.astype(str)).to_numpy()
    texts = np.array([_text(*alert, rule) for alert in part[TOLD].itertuples(index=False, name=None)], dtype=object)
    for level, severity in ((2, "critical"), (1, "warning")):
        own = (part["severity"] == severity).to_numpy()
        figure.add_bar(
            base=starts[own], x=((part["end"] - part["start"]).dt.total_seconds() * 1000)[own], y=y[own], width=width, orientation="h",
            opacity=opacity, marker={"color": colours.state(level), "line": {"width": 0}}, customdata=ways[own], showlegend=False,
            hovertext=texts[own], hovertemplate="%{hovertext}<extra></extra>", name=f"{severity}, {rule}",
        )  # fmt: skip


def _explain(figure: Sketch, colours: Palette) -> None:
    """In the legend: which lane is which."""
    for name, size, opacity in (("thin: rule in force", 5, 0.45), ("thick: moved rule", 10, 1.0)):
        line = {"color": colours.muted, "width": size}
        figure.add_scatter(x=[None], y=[0], mode="lines", line=line, opacity=opacity, name=name, legendrank=1010)


@lru_cache(maxsize=16384)  # most alerts are those of the move before
def _text(
    column: str, version: str, segment: str, severity: str, start: pd.Timestamp, end: pd.Timestamp, windows: int, peak: float, threshold: float,
    rule: str,
) -> str:  # fmt: skip
    names = ", ".join(words.plain_html(name) for name in (version, segment) if name not in ("", "all"))
    limit = f", limit {words.number(threshold)}" if threshold == threshold else ""
    lines = [
        f"<b>{words.plain_html(column or words.TABLE)}</b> {severity}, {rule}", names,
        f"{words.span(start, end)}, {windows:,} window{'' if windows == 1 else 's'}", f"peak {words.number(peak)}{limit}",
    ]  # fmt: skip
    return "<br>".join(filter(None, lines))


def _natural(rows: pd.Series) -> pd.Series:
    return rows.str.casefold()
