"""The chart of the page Fairness: the rates of each group as dots with their intervals, side by side."""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from monitors import fairness_views as views
from pages.parts import lanes, words
from pages.parts.colours import palette

ROW = 24  # px a group
TITLES = {
    "selected": "Selected, of all", "tpr": "Selected, of the positive", "fpr": "Selected, of the negative", "mae": "Mean absolute error",
}  # fmt: skip


def groups(found: pd.DataFrame, told: Mapping[str, views.Headline], overall: Mapping[str, float]) -> go.Figure:
    """A panel for each rate, a line for each group; the two that make the headline stand out, and what breaks four fifths lies left of its line.

    Parameters
    ----------
    found : as `fairness_views.table` gives it. told, overall : metric → its headline, and the rate of all groups together.
    """
    colours = palette()
    names = [words.plain_html(name) for name in found["group"]]
    titles = [TITLES[views.RATES[metric]] for metric in told]
    figure = make_subplots(cols=len(told), shared_yaxes=True, horizontal_spacing=0.045, subplot_titles=titles)
    height = ROW * len(found) + 110
    lanes.lay_out(figure, height, colours)
    for i, (metric, headline) in enumerate(told.items(), start=1):
        rate = views.RATES[metric]
        value, low, high = (found[f"{rate}{end}"] for end in ("", "_low", "_high"))
        is_pair = found["group"].isin([headline.low, headline.high])
        share = rate != "mae"
        figure.add_scatter(
            x=value, y=names, mode="markers", row=1, col=i, showlegend=False,
            marker={
                "size": [11 if one else 8 for one in is_pair], "color": [colours.primary if one else colours.muted for one in is_pair],
                "line": {"width": 1, "color": colours.background},
            },
            error_x={
                "type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low, "thickness": 1.6, "width": 3,
                "color": colours.muted,
            },
            hovertext=[_text(row, rate, share) for row in found.to_dict("records")], hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
        figure.update_xaxes(tickformat=".0%" if share else "~g", rangemode="tozero", nticks=4, row=1, col=i)
        _lines(figure, i, overall[metric], headline)
    figure.update_yaxes(autorange="reversed", type="category", showgrid=True, gridcolor=colours.grid, ticksuffix=" ")
    figure.update_annotations(font={"size": 13, "color": colours.text}, yshift=6, selector={"showarrow": False})
    figure.update_layout(hovermode="closest", margin={"t": 44, "b": 8, "l": 8, "r": 12}, legend=lanes.legend() | {"y": 0, "yanchor": "bottom"})
    return figure


def _lines(figure: go.Figure, panel: int, together: float, headline: views.Headline) -> None:
    """Where all groups together are, and four fifths of the most selected one."""
    colours = palette()
    lines = [(together, colours.muted, "dot", "all groups together")]
    if headline.metric == "selection_ratio" and not headline.reason:
        lines.append((views.FOUR_FIFTHS * headline.high_rate, colours.state(2), "dash", "four fifths of the most selected group"))
    for x, colour, dash, name in lines:
        look = {"color": colour, "width": 1.4, "dash": dash}
        figure.add_shape(type="line", x0=x, x1=x, y0=0, y1=1, yref="y domain", xref=f"x{panel if panel > 1 else ''}", line=look)
        if panel == 1:
            figure.add_scatter(x=[None], y=[None], mode="lines", line=look, name=name, row=1, col=1)


def _text(row: dict[str, object], rate: str, share: bool) -> str:
    value, low, high = (float(str(row[f"{rate}{end}"])) for end in ("", "_low", "_high"))
    shown = [f"{one:.1%}" if share else words.number(one) for one in (value, low, high)]
    return f"<b>{words.plain_html(str(row['group']))}</b> {shown[0]}, 95 %: {shown[1]} to {shown[2]}<br>of {row[f'{rate}_rows']:,} rows"
