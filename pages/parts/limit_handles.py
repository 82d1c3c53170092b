"""Handles on the limits of a chart: dragged, they move the rule as the sliders do."""

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from monitors.rules import Rule, bounds
from pages.parts import drafts
from pages.parts.colours import palette

LIMITS = ("warning", "critical")
HANDLES = st.components.v2.component("vigia_limit_handles", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))


def draw(about: Mapping[str, str], rule: Rule) -> None:
    """Put handles on the chart "moved", where its limits are values of the metric; those of other kinds are not on its axis."""
    limits = {name: getattr(rule, name) for name in LIMITS if isinstance(getattr(rule, name), float)}
    if rule.kind != "constant" or not limits:
        return
    least, most = (max(min(end, 1e300), -1e300) for end in bounds(rule.metric))  # JSON has no infinity
    colours = {"warning": palette().state(1), "critical": palette().state(2)}
    data = {"limits": limits, "colours": colours, "above": rule.direction == "above", "least": least, "most": most}
    HANDLES(key="limit_handles", data=data, on_moved_change=lambda: _moved(about), height=1)


def is_told() -> bool:
    """Whether this run is about a handle that moved."""
    return bool(st.session_state.get("limit_handles", {}).get("moved"))


def _moved(about: Mapping[str, str]) -> None:
    if told := st.session_state["limit_handles"].get("moved"):
        drafts.put(about, drafts.base(about), {told["limit"]: float(told["value"])}, hold=told.get("hold") or None)
