"""Charts of the threshold bench: what each suggestion would have given week by week, and detection against false alarms."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from monitors.power import Power
from pages.parts import words
from pages.parts.colours import faint, palette
from pages.parts.lanes import LANE, Marks, add_lanes, lay_out, legend

ROW = 30  # px
FEWEST_RATES = 3  # different ones, of false alarms, from which they make an axis
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def replays(given: Mapping[str, pd.DataFrame], seen: pd.DataFrame, marks: Marks) -> go.Figure:
    """How many alerts were open in each week, a row for each set of rules.

    Parameters
    ----------
    given : name → alerts. seen : window_start and window_end of all that was judged.
    """
    colours = palette()
    first, last = (pd.Timestamp(time).tz_convert(None) for time in (seen["window_start"].min(), seen["window_end"].max()))
    weeks = pd.date_range(first - pd.Timedelta(days=first.weekday()), last, freq="7D").normalize()
    counts = np.array([[_open(alerts, week) for week in weeks] for alerts in given.values()], float)
    names = [words.plain_html(name) for name in given]
    text = [[f"{name}<br>week of {words.day(week)}: {int(n)} open" for week, n in zip(weeks, row, strict=True)]
            for name, row in zip(names, counts, strict=True)]  # fmt: skip
    most = max(float(counts.max(initial=0)), 1.0)
    bar = {"title": {"text": "open alerts", "font": {"size": 12}}, "thickness": 8, "dtick": max(1, round(most / 4)), "outlinewidth": 0}
    scale = [[0, faint(colours.muted, 0.10)], [1e-6, faint(colours.primary, 0.30)], [1, colours.primary]]
    figure = go.Figure(go.Heatmap(
        x=weeks + pd.Timedelta(hours=84), y=names, z=counts, zmin=0, zmax=most, colorscale=scale, ygap=6, xgap=1, text=text,
        hovertemplate="%{text}<extra></extra>", colorbar=bar,
    ))  # fmt: skip
    plot = ROW * len(names) + 8
    lay_out(figure, plot + LANE * len(marks.lanes) + 50, colours)
    add_lanes(figure, marks, seen, plot, colours)
    figure.update_xaxes(showgrid=False)
    own = {"domain": figure.layout.yaxis.domain} if marks.lanes else {"anchor": "x"}
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix=" ", selector=own)
    return figure


def _open(alerts: pd.DataFrame, week: pd.Timestamp) -> int:
    start, end = alerts["start"].dt.tz_convert(None), alerts["end"].dt.tz_convert(None)
    return int(((start < week + pd.Timedelta(days=7)) & (end > week)).sum())


def detection(power: Power, kind: str, names: Mapping[float, str], metric: str) -> go.Figure:
    """The share of faults that alerted against the false alarms a week, a line for each size of one kind; the rule itself is ringed.

    Parameters
    ----------
    names : size → how it is called in the legend. metric : its name and unit; its limits are the axis where they do not move the false alarms.
    """
    return _against(power, kind, names, metric, ("detected", "faults that alert"))


def delays(power: Power, kind: str, names: Mapping[float, str], metric: str) -> go.Figure:
    """The median days from the begin of a fault to the alert, against the false alarms a week."""
    return _against(power, kind, names, metric, ("delay_days", "days until the alert, median"))


def _against(power: Power, kind: str, names: Mapping[float, str], metric: str, told: tuple[str, str]) -> go.Figure:
    colours, (what, title) = palette(), told
    figure = go.Figure()
    own = power.points[power.points["kind"] == kind]
    level = "critical" if own["warning"].isna().all() else "warning"
    x, x_title = (level, f"{level} limit, {metric}") if is_flat(power) else ("false_alarms", "false alarms a week")
    for i, (size, points) in enumerate(own.groupby("size")):
        points = points.sort_values("factor", ascending=False)
        colour = colours.series[i % len(colours.series)]
        is_rule = (points["factor"] == 1).to_numpy()
        ring = {"color": colour, "width": np.where(is_rule, 3, 0)}
        figure.add_scatter(
            x=points[x], y=points[what], mode="lines+markers", name=names[float(str(size))], legendrank=i,
            line={"color": colour, "width": 2, "dash": DASHES[i % len(DASHES)]},
            marker={"size": np.where(is_rule, 12, 6), "color": np.where(is_rule, colours.background, colour), "line": ring},
            hovertext=[_point(row) for row in points.to_dict("records")], hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    if what == "detected":
        anyway = own.drop_duplicates("factor").sort_values("factor", ascending=False)
        figure.add_scatter(
            x=anyway[x], y=anyway["anyway"], mode="lines", name="no fault put in", hoverinfo="skip", legendrank=99,
            line={"color": colours.muted, "width": 1.5, "dash": "dot"},
        )  # fmt: skip
    lay_out(figure, 330, colours)
    figure.update_layout(legend=legend(), margin_r=12, hovermode="closest")
    most = max(float(own[x].max()), 0.1 if x == "false_alarms" else 0.0)
    figure.update_xaxes(title_text=x_title, type="linear", gridcolor=colours.grid, tickformat="~g", range=[-0.04 * most, 1.05 * most])
    shares = {"tickformat": ".0%", "range": [-0.02, 1.04]} if what == "detected" else {"tickformat": "~g", "rangemode": "tozero"}
    figure.update_yaxes(title_text=title, gridcolor=colours.grid, **shares)
    return figure


def is_flat(power: Power) -> bool:
    """Whether moving the limits hardly changes the false alarms, so that they are no axis: there are none, or the floors decide."""
    return bool(power.points["false_alarms"].nunique() < FEWEST_RATES)


def _point(row: Mapping[str, float]) -> str:
    limit = " / ".join(words.number(row[which]) for which in ("warning", "critical") if not np.isnan(row[which]))
    delay = f", after {row['delay_days']:.3g} days" if not np.isnan(row["delay_days"]) else ""
    told = "the rule" if row["factor"] == 1 else "looser limits" if row["factor"] > 1 else "tighter limits"
    caught = f"{row['detected']:.0%} of {int(row['tries'])} tries alert{delay}"
    return f"<b>{told}</b> ({limit})<br>{caught}<br>{row['false_alarms']:.2g} false alarms a week"

