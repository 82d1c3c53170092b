"""Tables of the page Versions: what served, what changed, how far metrics moved."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from monitors.changes import sentence
from pages.parts import words
from pages.parts.tables import MOST_ROWS, ROW

ICONS = {
    "model": "◆ model", "code": "▲ code", "data": "■ data", "dependency": "★ package", "schema": "✖ schema", "source": "⬟ source",
    "thresholds": "┃ thresholds",
}  # fmt: skip
MOST = 500  # rows of a ranking that are shown


def served(table: pd.DataFrame, manifests: pd.DataFrame) -> None:
    """One row a version: when it served, how much, with which code and data, and whether a manifest says what it is made of."""
    kept = manifests.groupby("version").size()
    shown = pd.DataFrame({
        "version": table["version"].astype(str),
        "first": table["first"].dt.tz_localize(None),
        "last": table["last"].dt.tz_localize(None),
        "rows": table["rows"],
        "code": [_listed(values) for values in table["code"]],
        "data": [_listed(values) for values in table["data"]],
        "manifests": [int(kept.get(version, 0)) for version in table["version"]],
    })  # fmt: skip
    text, time = st.column_config.TextColumn, st.column_config.DatetimeColumn
    config = {
        "version": text("Version", pinned=True, width=110), "first": time("First row (UTC)", format="D MMM YYYY, HH:mm", width=150),
        "last": time("Last row (UTC)", format="D MMM YYYY, HH:mm", width=150),
        "rows": st.column_config.NumberColumn("Rows", format="localized", width=80),
        "code": text("Code versions", width=220), "data": text("Data versions", width=180),
        "manifests": st.column_config.NumberColumn("Manifests", help="Kept with `python -m monitors manifests add`.", width=80),
    }  # fmt: skip
    _table(shown, config, "served", "versions with when they served and with which code and data")


def history(changes: pd.DataFrame, on_select: Callable[[], None]) -> None:
    """Every change, the last first; a click on one compares before and after it."""
    shown = pd.DataFrame({
        "at": changes["at"].dt.tz_localize(None),
        "kind": changes["kind"].map(ICONS),
        "version": changes["version"].replace("", "every"),
        "change": [sentence({**row, "detail": "", "version": ""}) for row in changes.to_dict("records")],
        "detail": changes["detail"],
        "origin": changes["origin"],
        "author": changes["author"].replace("", "not recorded"),
    })  # fmt: skip
    text = st.column_config.TextColumn
    config = {
        "at": st.column_config.DatetimeColumn("When (UTC)", format="D MMM YYYY, HH:mm", width=135), "kind": text("Kind", width=88),
        "version": text("Version", width=62), "change": text("What changed", width=270), "detail": text("Detail", width=240),
        "origin": text("Told by", width=72, help="log, load, manifest or edit: where this is known from."), "author": text("Who", width=88),
    }  # fmt: skip
    _table(shown, config, "history", "every change, the last first", on_select)


def moved(
    ranking: pd.DataFrame, sides: tuple[str, str], worst: bool, key: str, on_select: Callable[[], None] | None = None
) -> None:
    """Metrics by how far they moved beyond noise.

    Parameters
    ----------
    ranking : as monitors/compare gives it. sides : the columns that hold the two values.
    """
    top = ranking.head(MOST)
    shown = pd.DataFrame({
        "metric": [f"{row.monitor}: {words.metric(row.metric).label}" for row in top.itertuples()],
        "column": top["column"].astype(str),
        "score": [_times(score) for score in top["score"]],
        "sign": ["▲ moved" if score > 3 else "△ perhaps" if score > 2 else "· as ever" for score in top["score"]],
        "one": top[sides[0]], "two": top[sides[1]], "difference": top["difference"],
    })  # fmt: skip
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    names = {"before": "Before", "after": "After", "first": "First, median", "second": "Second, median"}
    config = {
        "metric": text("Metric", width=205), "column": text("Column", width=110), "sign": text("Verdict", width=82),
        "score": text("× usual", width=68, help="The difference over what such differences usually are. Above 3 it is out of the ordinary."),
        "one": number(names[sides[0]], format="%.4g", width=100), "two": number(names[sides[1]], format="%.4g", width=112),
        "difference": number("Difference", format="%+.4g", width=85),
    }  # fmt: skip
    if worst:
        for i, side in enumerate(("First", "Second")):
            name = f"{('first', 'second')[i]}_worst"
            shown[name] = top[name]
            config[name] = number(f"{side}, worst", format="%.4g", width=90)
    _table(shown, config, key, "metrics by how far they moved beyond noise", on_select)


def differences(found: pd.DataFrame) -> None:
    """What differs between two manifests."""
    shown = found.assign(kind=found["kind"].map(ICONS))
    text = st.column_config.TextColumn
    config = {
        "kind": text("Kind", width=95), "what": text("What", width=180), "before": text("First", width=200), "after": text("Second", width=200),
        "detail": text("Detail", width=320),
    }  # fmt: skip
    _table(shown, config, "manifests", "what differs between the manifests of the two versions")


def _table(shown: pd.DataFrame, config: dict[str, Any], key: str, alt: str, on_select: Callable[[], None] | None = None) -> None:
    options: dict[str, Any] = {"on_select": on_select, "selection_mode": "single-row"} if on_select else {}
    height = ROW * min(len(shown) + 1, MOST_ROWS) + 3
    st.dataframe(shown, hide_index=True, height=height, row_height=ROW, column_config=config, key=key, alt=alt, **options)


def _times(score: float) -> str:
    return "∞" if np.isinf(score) else f"{score:,.1f}"


def _listed(values: Any) -> str:
    found = [str(value) for value in values] if values is not None and not isinstance(values, float) else []
    return ", ".join(found[:6]) + (f" and {len(found) - 6} more" if len(found) > 6 else "") if found else "not logged"
