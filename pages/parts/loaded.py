"""What is loaded: totals, every load, the misfits of one, and taking one back."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from data.errors import BadInput
from data.inventory import totals
from data.store import DATASETS
from pages.parts import jobs, reads, tables, words
from pages.parts.colours import palette

MOST_MISFITS = 20
number, text = st.column_config.NumberColumn, st.column_config.TextColumn


def draw(loads: pd.DataFrame) -> None:
    """Totals by model, then every load; one chosen shows its notes and misfits."""
    _totals(totals(loads))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = ["every model", *sorted(loads["model"].unique())]
        model = st.selectbox("Loads of", names, key="loads_of", width=240)
        dataset = st.segmented_control("Dataset", DATASETS, key="loads_as", selection_mode="multi")
        with_undone = st.toggle("Undone too", key="loads_undone")
    shown = loads if model == names[0] else loads[loads["model"] == model]
    shown = shown[shown["dataset"].isin(dataset)] if dataset else shown
    shown = shown if with_undone else shown[shown["undone_at"].isna()]
    if shown.empty:
        st.info("No load like this.", icon=":material/info:")
        return
    shown = shown.reset_index(drop=True)
    chosen = _table(shown)
    if chosen is None:
        st.caption("Click a row for its notes and misfits, or to undo it.")
    else:
        _one(shown.iloc[chosen])


def _totals(table: pd.DataFrame) -> None:
    if table.empty:
        return
    day = st.column_config.DatetimeColumn
    config: dict[str, Any] = {
        "model": text("Model"), "first": day("Log from (UTC)", format="D MMM YYYY"),
        "last": day("to", format="D MMM YYYY"), "loaded_at": day("Last load (UTC)", format="D MMM YYYY, HH:mm"),
        "files": number("Files", format="localized", width=60), "misfits": number("Misfits", format="localized", width=75),
    }  # fmt: skip
    config |= {name: number(f"{name.capitalize()} rows", format="localized", width=110) for name in DATASETS}
    st.dataframe(_naive(table, "first", "last", "loaded_at"), hide_index=True, column_config=config, row_height=tables.ROW,
                 alt="Rows of each model", placeholder="–")  # fmt: skip


def _table(shown: pd.DataFrame) -> int | None:
    time = st.column_config.DatetimeColumn
    config: dict[str, Any] = {
        "load": number("Load", width=46), "file": text("File", width=164), "undone": text("Undone", width=150), "model": text("Model", width=85),
        "dataset": text("As", width=72), "version": text("Version", width=58), "rows": number("Rows", format="localized", width=66),
        "misfits": number("Misfits", format="localized", width=56), "first_time": time("From (UTC)", format="D MMM YYYY", width=88),
        "last_time": time("to", format="D MMM YYYY", width=88), "loaded_at": time("Loaded (UTC)", format="D MMM YYYY, HH:mm", width=120),
        "author": text("By", width=60), "bytes": number("Size", format="bytes", width=60), "notes": number("Notes", width=46),
    }  # fmt: skip
    table = _naive(shown, "first_time", "last_time", "loaded_at")
    table = table.assign(file=table["file"].map(lambda name: Path(name).name), notes=table["notes"].map(len))
    table["undone"] = [f"{words.day(row.undone_at)}, {row.undone_by}" if _is_undone(row) else "" for row in shown.itertuples()]
    undone = table["undone"] != ""
    needed = {"undone": undone.any(), "model": table["model"].nunique() > 1, "version": (table["version"] != "").any()}
    needless = {name for name, is_needed in needed.items() if not is_needed}
    table = table[[name for name in config if name in table and name not in needless]]
    grey = f"color: {palette().muted}; font-style: italic"
    styled: Any = table.style.apply(lambda row: [grey if undone[row.name] else ""] * len(row), axis=1) if undone.any() else table
    height = tables.ROW * (min(len(table), 12) + 1) + 3
    event: Any = st.dataframe(styled, hide_index=True, column_config=config, key="loads_table", on_select="rerun", height=height,
                              selection_mode="single-row", row_height=tables.ROW, alt="What was loaded, the last first",
                              placeholder="–")  # fmt: skip
    rows = [row for row in event.selection.rows if row < len(table)]
    return rows[0] if rows else None


def _one(load: pd.Series) -> None:
    """Notes, misfits and the button that takes it back."""
    name = words.escaped(Path(load["file"]).name)
    with st.container(border=True):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"##### Load {load['load']}: {name}", width="content")
            if _is_undone(load):
                st.caption(
                    f"Taken back on {words.day(load['undone_at'])} by {words.escaped(str(load['undone_by']))}", width="content"
                )
            elif st.button("Undo this load", icon=":material/undo:"):
                _undo(
                    int(load["load"]), str(load["model"]), f"{load['rows']:,} rows of {name} leave {words.escaped(load['model'])}"
                )
        for note in load["notes"]:
            st.markdown(f":material/info: {words.escaped(note)}")
        if load["misfits"] and not _is_undone(load):
            _misfits(load)
        elif not len(load["notes"]):
            st.caption("Every value fits its column’s type; nothing to note.")


def _misfits(load: pd.Series) -> None:
    found = reads.misfits(int(load["load"]), MOST_MISFITS, reads.snapshot())
    few = f"the first {len(found)} of {load['misfits']:,}" if load["misfits"] > len(found) else f"all {len(found)}"
    st.markdown(f"**Misfits**, {few}: kept as text, counted as missing")
    config = {"column": text("Column", width=180), "value": text("Value", width=260), "row": number("Row", format="localized", width=90),
              "file": text("File", width=260)}  # fmt: skip
    st.dataframe(found, hide_index=True, column_config=config, row_height=tables.ROW, alt="Misfits of this load",
                 height=tables.ROW * (min(len(found), 8) + 1) + 3)  # fmt: skip


@st.dialog("Undo a load", icon=":material/undo:")
def _undo(number: int, model: str, what: str) -> None:
    st.markdown(
        f"{what}, and what came of them is measured anew. Its entry stays, marked as undone. The same file can be loaded again."
    )
    reason = st.text_input("Why", placeholder="Kept in the history of the store", max_chars=300)
    with st.container(horizontal=True):
        sure = st.button(f"Undo load {number}", type="primary")
        if st.button("Keep it"):
            st.rerun()
    if not sure:
        return
    if not reason.strip():
        st.error("Write why first: it is kept for those who ask later.", icon=":material/error:")
        return
    try:
        jobs.undo(number, model, reason.strip())
    except BadInput as mistake:
        st.error(words.escaped(str(mistake)), icon=":material/error:")
        return
    st.rerun()


def _is_undone(load: Any) -> bool:
    return not pd.isna(load.undone_at)


def _naive(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Times without their zone, which is UTC: else the browser shows them in its own."""
    return table.assign(**{name: pd.to_datetime(table[name], utc=True).dt.tz_localize(None) for name in names})
