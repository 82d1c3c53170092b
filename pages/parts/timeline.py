"""Alert spans over time: what the rule in force gives above what the moved one gives, or several sets of rules, a row for each.

Plotly draws the axes alone; the bars are laid over them (bars.js), since those of a rule that moves are others at every move.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from monitors.series import micros
from pages.parts import charts, lanes, reads, words
from pages.parts.colours import palette
from pages.parts.scope import Scope
from pages.parts.sketch import Sketch

ROW = 24  # px
LANES = {"in force": (-0.27, 0.22, 0.45), "moved": (0.12, 0.46, 1.0)}  # middle and width in rows, opacity
LANE_NAMES = {"in force": "thin: in force", "moved": "thick: moved"}
ALONE = (0.0, 0.5, 1.0)
NAMES = ("column", "version", "segment")
HERE = Path(__file__).parent
SCRIPT = (HERE / "on_chart.js").read_text(encoding="utf-8") + (HERE / "bars.js").read_text(encoding="utf-8")
BARS = st.components.v2.component("vigia_bars", js=SCRIPT)
Opened = Callable[[dict[str, Any]], None]  # takes column, version, segment and start (ms) of the alert that was clicked


@dataclass(frozen=True, slots=True)
class Timeline:
    """Axes with a label for each row, and the bars on them, those of one rule and severity together."""

    figure: go.Figure
    bars: list[dict[str, Any]]
    lanes: list[dict[str, Any]]  # what the bars of each rule look like, where there are several


def timeline(scope: Scope, spans: pd.DataFrame, ends: tuple[pd.Timestamp, pd.Timestamp], rows: Sequence[str] = ()) -> Timeline:
    """Alerts as bars from start to end.

    Parameters
    ----------
    spans : alerts with `row` (what stands at the left) and `rule` ("in force" or "moved"); of one rule alone where none is moved.
    ends : of the axis. rows : such as have a place even without an alert.
    """
    rows = sorted({*spans["row"], *rows}, key=str.casefold)
    place = {row: i for i, row in enumerate(rows)}
    several = spans["rule"].nunique() > 1
    bars = []
    for rule, part in spans.groupby("rule", sort=False):
        lane = LANES[str(rule)] if several else ALONE
        bars += _bars(part, part["row"].map(place).to_numpy(float) + lane[0], lane, str(rule))
    labels = tuple(words.plain_html(row) for row in rows)
    told = [{"name": name, "opacity": LANES[rule][2], "width": LANES[rule][1]} for rule, name in LANE_NAMES.items()]
    return Timeline(_axes(scope, labels, tuple(range(1, len(rows))), ends), bars, told if several else [])


def side_by_side(scope: Scope, spans: pd.DataFrame, names: Sequence[str], ends: tuple[pd.Timestamp, pd.Timestamp]) -> Timeline:
    """As `timeline`, a line of its own for every set of rules: the sets of one row stand together. `names` are those of the sets."""
    rows = sorted(set(spans["row"]), key=str.casefold)
    lines = [(row, name) for row in rows for name in names]
    place = {line: i for i, line in enumerate(lines)}
    bars = []
    for name, part in spans.groupby("rule", sort=False):
        bars += _bars(part, np.array([place[row, str(name)] for row in part["row"]], float), ALONE, str(name))
    labels = tuple(
        f"<b>{words.plain_html(row)}</b>  {words.plain_html(name)}" if name == names[0] else words.plain_html(name)
        for row, name in lines
    )
    return Timeline(_axes(scope, labels, tuple(range(len(names), len(lines), len(names))), ends), bars, [])


def show(drawn: Timeline, key: str, alt: str, on_open: Opened | None = None) -> None:
    """Put it on the page; a click on a bar tells `on_open`."""
    charts.show(drawn.figure, key, alt)
    colours, own = palette(), f"{key}_bars"

    def opened() -> None:
        if (alert := st.session_state[own].get("opened")) and on_open:
            on_open(alert)

    shown = {"background": colours.background, "text": colours.text, "muted": colours.muted, "border": colours.grid}
    # One value: of several Streamlit looks into each, whether it is a table.
    data = {"shown": {"host": key, "groups": drawn.bars, "lanes": drawn.lanes, "colours": shown}}
    BARS(key=own, data=data, on_opened_change=opened, height=1)


def _axes(scope: Scope, labels: tuple[str, ...], borders: tuple[int, ...], ends: tuple[pd.Timestamp, pd.Timestamp]) -> go.Figure:
    asked = {"labels": labels, "borders": borders, "ends": ends}
    found: go.Figure = reads.of_scope(_drawn_axes, scope, look=str(st.context.theme.type), **asked)
    return found


def _drawn_axes(scope: Scope, labels: tuple[str, ...], borders: tuple[int, ...], ends: tuple[pd.Timestamp, pd.Timestamp]) -> go.Figure:
    """The legend, axes, lanes and the lines between rows."""
    colours, figure, marks = palette(), Sketch(), lanes.marks_of(scope)
    for level, severity in ((2, "critical"), (1, "warning")):
        mark = {"symbol": "square", "size": 11, "color": colours.state(level)}
        figure.add_scatter(x=[None], y=[0], mode="markers", marker=mark, name=severity)
    plot = ROW * len(labels) + 8
    lanes.lay_out(figure, plot + lanes.LANE * len(marks.lanes) + 70, colours)
    figure.update_layout(legend=lanes.legend(), hovermode="closest")
    figure.update_yaxes(
        range=[len(labels) - 0.5, -0.5], tickvals=list(range(len(labels))), ticktext=labels, ticksuffix=" ", showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_xaxes(type="date")
    seen = pd.DataFrame({"window_start": [ends[0]], "window_end": [ends[1]]})
    lanes.add_lanes(figure, marks, seen, plot, colours)
    line = {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "yref": "y", "line": {"color": colours.grid, "width": 1}, "layer": "below"}
    figure.layout.shapes += tuple(line | {"y0": i - 0.5, "y1": i - 0.5} for i in borders)
    return figure.figure()


def _bars(part: pd.DataFrame, y: NDArray[np.float64], lane: tuple[float, float, float], rule: str) -> list[dict[str, Any]]:
    """The alerts of one rule, a group for each severity: where each is, what it is about, and what its text says."""
    _, width, opacity = lane
    colours = palette()
    start, end = (micros(part[name]) // 1000 for name in ("start", "end"))
    told = {
        "start": start, "end": end, "row": y, "when": words.spans(part["start"], part["end"]), "windows": part["windows"].to_numpy(np.int64),
        **{name: part[name].to_numpy(object) for name in NAMES},
        **{name: np.array([words.number(value) for value in part[name]], object) for name in ("peak", "threshold")},
    }  # fmt: skip
    told["column"] = np.where(told["column"] == "", words.TABLE, told["column"])
    groups = []
    for level, severity in ((2, "critical"), (1, "warning")):
        own = np.flatnonzero((part["severity"] == severity).to_numpy())
        same = {"colour": colours.state(level), "opacity": opacity, "width": width, "what": f"{severity}, {rule}"}
        groups.append(same | {name: values[own].tolist() for name, values in told.items()})
    return groups
