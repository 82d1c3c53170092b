"""Stacked shares over time: what the rows of each window hold that is no number."""

import pandas as pd
import plotly.graph_objects as go

from pages.parts import lanes, words
from pages.parts.colours import palette

KINDS = {"nans": "NaN", "pos_infs": "+inf", "neg_infs": "−inf", "nulls": "null", "misfits": "not of its type"}


def no_numbers(windows: pd.DataFrame, marks: lanes.Marks, height: int = 300) -> go.Figure:
    """Shares of NaN, +inf, −inf, null and misfits, a bar a window, one upon the other.

    Parameters
    ----------
    windows : window_start, window_end, rows and the counts named in KINDS; each window once.
    """
    colours = palette()
    tones = {"nans": colours.state(2), "pos_infs": colours.series[2], "neg_infs": colours.planted, "nulls": colours.muted}
    figure = go.Figure()
    start, end = lanes.naive(windows["window_start"]), lanes.naive(windows["window_end"])
    width = (end - start).dt.total_seconds() * 1000
    for name, called in KINDS.items():
        if name != "misfits" or windows[name].sum():
            figure.add_bar(
                x=start + (end - start) / 2, y=windows[name] / windows["rows"], width=width * 0.92, name=f"{called} ({int(windows[name].sum()):,})",
                marker={"color": tones.get(name, colours.state(1)), "line": {"width": 0}},
                hovertext=[_text(row, name, called) for row in windows.to_dict("records")], hovertemplate="%{hovertext}<extra></extra>",
            )  # fmt: skip
    most = (windows[list(KINDS)].sum(axis=1) / windows["rows"]).max()
    lanes.lay_out(figure, height, colours)
    figure.update_layout(barmode="stack", legend=lanes.legend() | {"traceorder": "normal"}, bargap=0, hovermode="closest")
    figure.update_yaxes(title_text="share of rows", tickformat=".0%" if most > 0.05 else ".2~%", range=[0, most * 1.08 or 1], gridcolor=colours.grid)
    lanes.add_lanes(figure, marks, windows, height - 60 - lanes.LANE * len(marks.lanes), colours)
    return figure


def _text(row: dict[str, float], name: str, called: str) -> str:
    when = words.span(pd.Timestamp(row["window_start"]), pd.Timestamp(row["window_end"]))
    return f"<b>{called}</b> {row[name] / row['rows']:.2%}<br>{when}<br>{int(row[name]):,} of {int(row['rows']):,} rows"
