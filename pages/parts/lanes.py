"""What the charts over time share: the lanes above the plot that say which version served and what happened, the layout, the legend."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from data.sample.events import Event
from monitors.changes import sentence
from pages.parts import reads, reads_changes, words
from pages.parts.colours import Palette, readable
from pages.parts.scope import Scope
from pages.parts.sketch import Sketch

LANE = 19  # px, one lane of versions or events above a chart
MOST_TOLD = 7  # changes of one day in the text of its mark
# Kind of change → shape of its mark. Another model version is not among them: the lane of versions shows it.
CHANGED = {
    "code": "triangle-up", "dependency": "star", "data": "square", "schema": "x", "source": "pentagon", "thresholds": "line-ns",
    "model": "diamond",
}  # fmt: skip
# All shapes in one go: each add_vline or add_vrect takes 12 ms.
WHOLE_HEIGHT = {"xref": "x", "yref": "y domain", "y0": 0, "y1": 1}


@dataclass(frozen=True, slots=True)
class Marks:
    """What is marked on a time axis: versions (version, first, last, rows), the sample's events, and the changes of the model on screen.

    A chart that is given nothing else marks the changes that `reads_changes` knows, so that no page can forget them.
    """

    versions: pd.DataFrame
    events: Sequence[Event] = ()
    changes: pd.DataFrame = field(default_factory=reads_changes.on_screen)

    @property
    def lanes(self) -> list[str]:
        """The lanes that there is something for, from the top."""
        kinds = {event.kind for event in self.events}
        told = [name for name, rows in (("versions", self.versions), ("changes", self.changes)) if len(rows)]
        return told + [kind for kind in ("planted", "real") if kind in kinds]


def marks_of(scope: Scope) -> Marks:
    """All that is to be marked for the scope's model."""
    return Marks(reads.versions(scope.model, scope.snapshot), reads.sample_events(scope))


def add_lanes(figure: go.Figure | Sketch, marks: Marks, seen: pd.DataFrame, plot: int, colours: Palette) -> None:
    """Lanes above the plot: when each version served, and the sample's events. Cuts the axis to what was seen."""
    first, last = naive_time(seen["window_start"].min()), naive_time(seen["window_end"].max())
    figure.update_xaxes(range=[first, last])
    lanes = marks.lanes
    if not lanes:
        return
    share = plot / (plot + LANE * len(lanes))
    figure.update_layout(
        yaxis_domain=[0, share - 6 / (plot + LANE * len(lanes))],
        yaxis2={
            "domain": [share, 1], "range": [len(lanes) - 0.5, -0.5], "anchor": "x", "tickvals": list(range(len(lanes))),
            "ticktext": [f"{lane} " for lane in lanes], "tickfont": {"size": 11, "color": colours.muted},
            "showgrid": False, "zeroline": False, "fixedrange": True,
        },
    )  # fmt: skip
    begun: dict[datetime, list[str]] = {}  # where a version's bar begins → the colour that lies there, then the names
    for i, row in enumerate(marks.versions.itertuples()):
        start, end = max(naive_time(row.first), first), min(naive_time(row.last), last)
        if start < end:
            colour = colours.series[i % len(colours.series)]
            _version_lane(figure, row, start, end, colour)
            begun[start] = [colour, *begun.get(start, [])[1:], words.version_html(str(row.version))]
    for start, (colour, *names) in begun.items():
        figure.add_annotation(
            x=start, y=0, yref="y2", text=f"<b>{', '.join(names)}</b>", showarrow=False, xanchor="left", xshift=3,
            font={"size": 11, "color": readable(colour)},
        )  # fmt: skip
    line = {"type": "line", "line": {"color": colours.muted, "width": 1, "dash": "dot"}} | WHOLE_HEIGHT
    figure.layout.shapes += tuple(line | {"x0": start, "x1": start} for start in begun if start > first)
    if "changes" in lanes:
        at = marks.changes["at"]
        shown = marks.changes[(at >= pd.Timestamp(first, tz="UTC")) & (at < pd.Timestamp(last, tz="UTC"))]
        _change_lane(figure, shown, lanes.index("changes"), colours)
    for kind, colour in (("planted", colours.planted), ("real", colours.real)):
        if kind in lanes:
            seen_of = [e for e in marks.events if e.kind == kind and naive_time(e.start) < last and naive_time(e.end) > first]
            _event_lane(figure, seen_of, lanes.index(kind), colour, (first, last))


def _version_lane(figure: go.Figure | Sketch, row: Any, start: datetime, end: datetime, colour: str) -> None:
    told = f"<b>{words.version_html(str(row.version))}</b> served {words.span(row.first, row.last)}, {int(row.rows):,} rows"
    figure.add_scatter(
        x=[start, end], y=[0, 0], yaxis="y2", mode="lines", line={"color": colour, "width": 10}, opacity=0.85, showlegend=False,
        hovertemplate=f"{told}<extra></extra>",
    )  # fmt: skip


def _event_lane(
    figure: go.Figure | Sketch, shown: Sequence[Event], lane: int, colour: str, axis: tuple[datetime, datetime]
) -> None:
    """Events as bars as long as they lasted, with a mark where each begins, since most last a day in a year."""
    first, last = axis
    symbol = "diamond" if any(event.kind == "planted" for event in shown) else "circle"
    begins = [max(naive_time(event.start), first) for event in shown]
    x = [time for event, begin in zip(shown, begins, strict=True) for time in (begin, min(naive_time(event.end), last), None)]
    line = {"color": colour, "width": 3}
    figure.add_scatter(
        x=x, y=[lane] * len(x), yaxis="y2", mode="lines", line=line, opacity=0.5, showlegend=False, hoverinfo="skip"
    )
    figure.add_scatter(
        x=begins,
        y=[lane] * len(shown),
        yaxis="y2",
        mode="markers",
        showlegend=False,
        marker={"symbol": symbol, "size": 8, "color": colour},
        hovertext=[_event_text(event) for event in shown],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _change_lane(figure: go.Figure | Sketch, shown: pd.DataFrame, lane: int, colours: Palette) -> None:
    """One mark a day, with all that changed on it in the text; its shape is that of the first kind in the order of CHANGED."""
    days: dict[Any, list[dict[Any, Any]]] = {}
    for day, row in zip(shown["at"].dt.floor("D"), shown.to_dict("records"), strict=True):  # a groupby costs 1 ms a day
        days.setdefault(day, []).append(row)
    told = [(rows[0]["at"], rows) for _, rows in sorted(days.items())]
    symbols = [next(shape for kind, shape in CHANGED.items() if any(row["kind"] == kind for row in rows)) for _, rows in told]
    figure.add_scatter(
        x=[naive_time(at) for at, _ in told],
        y=[lane] * len(told),
        yaxis="y2",
        mode="markers",
        showlegend=False,
        marker={"symbol": symbols, "size": 9, "color": colours.primary},
        hovertext=[_changes_text(at, rows) for at, rows in told],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _changes_text(at: pd.Timestamp, rows: list[dict[Any, Any]]) -> str:
    lines = [f"{row['kind']}: {words.plain_html(_shortened(sentence(row)))}" for row in rows[:MOST_TOLD]]
    more = [f"and {len(rows) - MOST_TOLD} more, on the page Versions"] if len(rows) > MOST_TOLD else []
    return "<br>".join([f"<b>changed {words.day(at)}</b>", *lines, *more])


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _event_text(event: Event) -> str:
    parts, line = [], ""
    for word in event.text.split():
        if len(line) + len(word) > 60:
            parts.append(line)
            line = ""
        line += f" {word}"
    when = words.span(pd.Timestamp(event.start), pd.Timestamp(event.end))
    return "<br>".join([f"<b>{event.kind}: {words.plain_html(event.title)}</b>", when, *(p.strip() for p in [*parts, line])])


def lay_out(figure: go.Figure | Sketch, height: int, colours: Palette) -> None:
    """Height, margins, font and grid that all charts share."""
    figure.update_layout(
        height=height, margin={"l": 8, "r": 12, "t": 34, "b": 8}, font={"color": colours.text, "size": 13},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", dragmode=False,
        hoverlabel={"align": "left"}, separators=".,",
    )  # fmt: skip
    figure.update_xaxes(gridcolor=colours.grid, linecolor=colours.grid, zeroline=False, automargin=True, fixedrange=True)
    figure.update_yaxes(automargin=True, fixedrange=True, zeroline=False)


def legend() -> dict[str, Any]:
    """A legend above the chart, that a click does not change."""
    place = {"orientation": "h", "y": 1, "yref": "container", "yanchor": "top", "x": 0, "xanchor": "left"}
    return place | {"title_text": "", "itemclick": False, "itemdoubleclick": False}


def naive(times: pd.Series) -> pd.Series:
    """Times as Plotly takes them fast: UTC, without a zone."""
    return times.dt.tz_convert("UTC").dt.tz_localize(None)


def naive_time(time: Any) -> datetime:
    """As `naive`, of one time; no Timestamp, of which a single one makes Plotly search the whole figure for what JSON cannot say."""
    return pd.Timestamp(time).tz_convert("UTC").tz_localize(None).to_pydatetime()
