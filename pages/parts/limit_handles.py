"""What moves on the chart "moved": the limits, with handles that move the rule as the sliders do, the windows beyond them and the open alert."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from monitors import summaries
from monitors.rules import Rule, bounds
from monitors.series import micros
from pages.parts import charts, drafts, words
from pages.parts.colours import faint, palette

LIMITS = ("warning", "critical")
HERE = Path(__file__).parent
SCRIPT = (HERE / "on_chart.js").read_text(encoding="utf-8") + (HERE / "limit_handles.js").read_text(encoding="utf-8")
HANDLES = st.components.v2.component("vigia_limit_handles", js=SCRIPT)


def draw(about: Mapping[str, str], rule: Rule, judged: pd.DataFrame, versions: Sequence[str], opened: Mapping[str, Any] | None) -> None:
    """Lay it over the chart.

    Parameters
    ----------
    judged : the windows that the chart shows, by the moved rule. versions : all that served, in their order. opened : an alert among them.
    """
    colours = palette()
    # Limits of other kinds are not on the chart's axis as they are written.
    handles = {name: getattr(rule, name) for name in LIMITS if rule.kind == "constant" and isinstance(getattr(rule, name), float)}
    least, most = (max(min(end, 1e300), -1e300) for end in bounds(rule.metric))  # JSON has no infinity
    shown = {
        "handles": handles, "above": rule.direction == "above", "least": least, "most": most, "background": colours.background,
        "colours": {"warning": colours.state(1), "critical": colours.state(2)},
        "lines": {name: _line(judged, name) for name in LIMITS if np.isfinite(judged[name]).any()},
        "marks": _marks(judged, versions),
        "span": None if opened is None else {
            "ends": micros(pd.Series([opened["start"], opened["end"]])).tolist(), "edge": colours.primary, "fill": faint(colours.primary, 0.12),
        },
    }  # fmt: skip
    HANDLES(key="limit_handles", data={"shown": shown}, on_moved_change=lambda: _moved(about), height=1)


def _line(judged: pd.DataFrame, which: str) -> dict[str, Any]:
    """A limit over the windows for which it is in force: points of its lines, in ms and the metric's unit; and its last values, named."""
    lines, known = [], summaries.limit_lines(judged, which)
    for line in known:
        times = np.column_stack([micros(line["window_start"]), micros(line["window_end"])]) // 1000
        lines.append([times.ravel().tolist(), np.repeat(line["limit"].to_numpy(float), 2).tolist()])
    return {"lines": lines, "ends": [{"value": last, "text": f"{which} {words.number(last)}"} for last in summaries.last_limits(known)]}


def _marks(judged: pd.DataFrame, versions: Sequence[str]) -> list[dict[str, Any]]:
    """The windows that breach: per version its symbol, and time, value and level of each."""
    few = judged[["window_start", "window_end", "version", "level", "value"]]  # what is not looked at need not be moved about
    beyond = few[((few["level"] > 0) & np.isfinite(few["value"])).to_numpy()]  # an infinite value has no place, nor a word in JSON
    drawn = list(few["version"].iloc[np.argsort(micros(few["window_start"]), kind="stable")].unique())  # as `charts.over_time` draws them
    found = []
    for version, own in beyond.groupby("version", observed=True):
        place = list(versions).index(str(version)) if version in versions else drawn.index(version)
        symbol = charts.SYMBOLS[place % len(charts.SYMBOLS)]
        at = (micros(own["window_start"]) + micros(own["window_end"])) // 2000
        found.append({"symbol": symbol, "at": at.tolist(), "value": own["value"].tolist(), "level": own["level"].tolist()})
    return found


def _moved(about: Mapping[str, str]) -> None:
    if told := st.session_state["limit_handles"].get("moved"):
        drafts.put(about, drafts.base(about), {told["limit"]: float(told["value"])}, hold=told.get("hold") or None)
