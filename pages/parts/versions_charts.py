"""Charts of the page Versions: how much each version served."""

import pandas as pd
import plotly.graph_objects as go

from pages.parts import lanes, words
from pages.parts.colours import palette

PLOT = 170  # px


def shares(rollout: pd.DataFrame, marks: lanes.Marks) -> go.Figure:
    """The share of the rows that each version served, by day, stacked to 100 %.

    Parameters
    ----------
    rollout : window_start, version, rows; hours are added up to days.
    """
    colours = palette()
    days = rollout.assign(day=rollout["window_start"].dt.floor("D"))
    wide = days.pivot_table(index="day", columns="version", values="rows", aggfunc="sum", fill_value=0)
    part = wide.div(wide.sum(axis=1), axis=0)
    figure = go.Figure()
    served = [str(version) for version in marks.versions["version"]]
    names = [name for name in served if name in wide] + [name for name in wide if name not in served]
    for i, name in enumerate(names):
        shown = wide[name] > 0
        figure.add_bar(
            x=lanes.naive(wide.index[shown].to_series()) + pd.Timedelta(hours=12), y=part[name][shown], width=86_400_000,
            name=words.version_html(name), marker={"color": colours.series[i % len(colours.series)], "line": {"width": 0}}, legendrank=i,
            customdata=wide[name][shown].to_numpy(),
            hovertemplate=f"<b>{words.version_html(name)}</b> %{{y:.1%}}, %{{customdata:,}} rows<br>%{{x|%-d %b %Y}}<extra></extra>",
        )  # fmt: skip
    lanes.lay_out(figure, PLOT + lanes.LANE * len(marks.lanes) + 70, colours)
    figure.update_layout(barmode="stack", bargap=0, legend=lanes.legend() | {"traceorder": "normal"}, hovermode="closest")
    figure.update_yaxes(range=[0, 1], tickformat=".0%", title_text="share of rows", gridcolor=colours.grid)
    seen = pd.DataFrame({"window_start": wide.index, "window_end": wide.index + pd.Timedelta(days=1)})
    lanes.add_lanes(figure, marks, seen, PLOT, colours)
    figure.update_xaxes(type="date", showgrid=False)
    return figure


def mark(figure: go.Figure, at: pd.Timestamp, text: str) -> None:
    """A line through the plot where a change took effect."""
    colours = palette()
    x = lanes.naive_time(at)
    line = {"type": "line", "x0": x, "x1": x, "line": {"color": colours.primary, "width": 2}} | lanes.WHOLE_HEIGHT
    figure.layout.shapes += (line,)
    figure.add_annotation(
        x=x, y=1, yref="y domain", text=words.plain_html(text), showarrow=False, xanchor="left", yanchor="top", xshift=4,
        font={"color": colours.primary, "size": 12}, bgcolor=colours.background, opacity=0.9,
    )  # fmt: skip
