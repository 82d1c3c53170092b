"""Alert spans over time: what the rule in force gives above what the moved one gives, a row for each column."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from pages.parts import lanes, words
from pages.parts.colours import Palette, palette

ROW = 24  # px
LANES = {"in force": (-0.27, 0.22, 0.45), "moved": (0.12, 0.46, 1.0)}  # middle and width in rows, opacity
ALONE = (0.0, 0.5, 1.0)


def timeline(spans: pd.DataFrame, seen: pd.DataFrame, marks: lanes.Marks) -> go.Figure:
    """Alerts as bars from start to end; a click on one gives its column.

    Parameters
    ----------
    spans : alerts with `row` (what stands at the left) and `rule` ("in force" or "moved"); of one rule alone where none is moved.
    seen : what was judged; its first and last window are the ends of the axis.
    """
    colours = palette()
    figure = go.Figure()
    rows = list(dict.fromkeys(spans.sort_values("row", key=_natural, kind="stable")["row"]))
    place = {row: i for i, row in enumerate(rows)}
    several = spans["rule"].nunique() > 1
    for rule, part in spans.groupby("rule", sort=False):
        lane = LANES[str(rule)] if several else ALONE
        for level, severity in ((2, "critical"), (1, "warning")):
            _bars(figure, part[part["severity"] == severity], place, lane, (str(rule), severity, colours.state(level)))
    for level, severity in ((2, "critical"), (1, "warning")):
        mark = {"symbol": "square", "size": 11, "color": colours.state(level)}
        figure.add_scatter(x=[None], y=[0], mode="markers", marker=mark, name=severity)
    if several:
        _explain(figure, colours)
    plot = ROW * len(rows) + 8
    lanes.lay_out(figure, plot + lanes.LANE * len(marks.lanes) + 70, colours)
    labels = [words.plain_html(row) for row in rows]
    figure.update_layout(barmode="overlay", legend=lanes.legend(), hovermode="closest")
    lanes.add_lanes(figure, marks, seen, plot, colours)
    figure.update_yaxes(
        range=[len(rows) - 0.5, -0.5], tickvals=list(range(len(rows))), ticktext=labels, ticksuffix=" ", showgrid=False,
        zeroline=False, selector={"anchor": "x"} if not marks.lanes else {"domain": figure.layout.yaxis.domain},
    )  # fmt: skip
    figure.update_xaxes(type="date")  # from lengths in ms it would take the axis for one of numbers
    for i in range(1, len(rows)):
        figure.add_hline(y=i - 0.5, line={"color": colours.grid, "width": 1}, layer="below")
    return figure


def _bars(
    figure: go.Figure, part: pd.DataFrame, place: dict[str, int], lane: tuple[float, float, float], told: tuple[str, str, str]
) -> None:
    middle, width, opacity = lane
    rule, severity, colour = told
    figure.add_bar(
        base=lanes.naive(part["start"]), x=(part["end"] - part["start"]).dt.total_seconds() * 1000,
        y=[place[row] + middle for row in part["row"]], width=width, orientation="h", opacity=opacity,
        marker={"color": colour, "line": {"width": 0}}, customdata=part[["column"]].to_numpy(), showlegend=False,
        hovertext=[_text(alert, rule) for alert in part.to_dict("records")], hovertemplate="%{hovertext}<extra></extra>",
        name=f"{severity}, {rule}",
    )  # fmt: skip


def _explain(figure: go.Figure, colours: Palette) -> None:
    """In the legend: which lane is which."""
    for name, size, opacity in (("thin: rule in force", 5, 0.45), ("thick: moved rule", 10, 1.0)):
        line = {"color": colours.muted, "width": size}
        figure.add_scatter(x=[None], y=[0], mode="lines", line=line, opacity=opacity, name=name, legendrank=1010)


def _text(alert: dict[str, Any], rule: str) -> str:
    names = [words.plain_html(str(alert[field])) for field in ("version", "segment") if alert[field] != "all"]
    windows = f"{alert['windows']:,} window{'' if alert['windows'] == 1 else 's'}"
    lines = [f"<b>{words.plain_html(alert['column'])}</b> {alert['severity']}, {rule}", ", ".join(names)]
    limit = f", limit {words.number(alert['threshold'])}" if alert["threshold"] == alert["threshold"] else ""
    return "<br>".join(
        [*lines, f"{words.span(alert['start'], alert['end'])}, {windows}", f"peak {words.number(alert['peak'])}{limit}"]
    )


def _natural(rows: pd.Series) -> pd.Series:
    return rows.str.casefold()
