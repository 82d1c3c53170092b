"""The numbers that broke: a table of all, and of one where it began, with which inputs, and the rows themselves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from data.evidence_stability import FILE, ROW, Evidence, Question
from data.roles import Roles
from monitors import breaks, ranking
from monitors.stability import zeros
from pages.parts import reads, reads_stability, tables, words
from pages.parts.scope import Scope

ROWS = "(whole rows)"  # what is measured of no single column, such as the sum of the probabilities
FEW = 5  # findings told before the rest
NEARLY = 0.97  # strength from which one finding explains all


def names(found: pd.DataFrame, sound: pd.DataFrame) -> list[str]:
    """Every number, what broke first."""
    return list(dict.fromkeys([*found["column"].replace("", ROWS), *sound["column"].replace("", ROWS)]))


def headline(found: pd.DataFrame, sound: pd.DataFrame) -> None:
    """In one sentence how it stands."""
    if found.empty:
        st.success(f"No number broke in this period: {(sound['level'] >= 0).sum()} were looked at.", icon=":material/check_circle:")
        return
    numbers = found["column"].nunique()
    first = found.sort_values("first", kind="stable").iloc[0]
    what = words.metric(str(first["metric"])).label
    name, version = words.escaped(str(first["column"]) or ROWS), words.escaped(str(first["version"]))
    st.markdown(
        f"**{numbers} of {numbers + len(sound)} numbers broke** in this period. "
        f"First: {what} in {name}{version and f' ({version})'}, {words.day(first['first'])}."
    )


def listed(found: pd.DataFrame, sound: pd.DataFrame) -> pd.DataFrame:
    """A line for each number and what broke of it, the worst first; then the sound ones."""
    broke = pd.DataFrame({
        "number": found["column"].replace("", ROWS), "state": tables.states(found["level"]),
        "what": [words.metric(metric).label for metric in found["metric"]], "version": found["version"],
        "segment": found["segment"], "first": found["first"].dt.tz_localize(None),
        "last": (found["last"] - pd.Timedelta(1, "us")).dt.tz_localize(None), "windows": found["windows"], "rows": found["rows"],
        "of": found["of"], "peak": [_peak(row) for row in found.itertuples()],
    })  # fmt: skip
    rest = pd.DataFrame({
        "number": sound["column"].replace("", ROWS), "state": tables.states(sound["level"]),
        "what": np.where(sound["level"] < 0, "", "nothing"), "reason": sound["reason"].fillna(""),
    })  # fmt: skip
    shown = pd.concat([broke, rest], ignore_index=True).astype({"windows": "Int64", "rows": "Int64", "of": "Int64"})
    empty = ([] if len(found) else list(broke.columns[3:])) + ([] if rest["reason"].any() else ["reason"])
    return shown.drop(columns=empty)


def table(shown: pd.DataFrame, key: str, on_select: Callable[[], None]) -> Any:
    """What `listed` gives."""
    return st.dataframe(
        shown, hide_index=True, height=tables.ROW * min(len(shown) + 1, tables.MOST_ROWS) + 3, column_config=_config(), key=key,
        row_height=tables.ROW, on_select=on_select, selection_mode="single-row", placeholder="",
        alt="Every number: what broke, when first and last, in how many rows; the worst first",
    )  # fmt: skip


def _peak(row: Any) -> str:
    if row.metric == "magnitude":
        return f"{words.number(row.peak)} ×"
    return "" if row.metric == "constant" else f"{row.peak:.1%}"


def _config() -> dict[str, Any]:
    text, number, date = st.column_config.TextColumn, st.column_config.NumberColumn, st.column_config.DateColumn
    return {
        "number": text("Number", pinned=True, width=120),
        "state": text("Worst state", help="Of all windows of the period.", width=95),
        "what": text("What broke", width=115),
        "version": text("Version", width=62),
        "segment": text("Segment", width=100),
        "first": date("First", format="D MMM YYYY", help="The first window in which it broke.", width=94),
        "last": date("Last", format="D MMM YYYY", help="The last day on which it broke.", width=94),
        "windows": number("Windows", format="localized", help="In how many windows.", width=66),
        "rows": number("Rows", format="localized", help="How many rows broke; all rows of the windows where something stood still.", width=62),
        "of": number("Of", format="localized", help="Rows of the windows in which it broke.", width=62),
        "reason": text("Not measured because", width=230),
        "peak": text("Peak", help="Of the worst window: the share of its rows; for magnitude the factor.", width=62),
    }


def first_occurrence(scope: Scope, own: pd.DataFrame, column: str) -> None:
    """Where a number broke first, what goes with the rows that broke, and these rows."""
    if own.empty:
        return
    st.subheader("Where it began", anchor=False)
    labels = {f"{row.version}{'' if row.segment == 'all' else f', {row.segment}'}": row for row in own.itertuples()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = next(iter(labels))
        if len(labels) > 1:
            chosen = st.selectbox("Version", list(labels), key="broken_version", width=220)
        row = labels[chosen]
        span = "all"
        if row.windows > 1 and row.metric in breaks.KINDS:
            options = {"all": f"all {row.windows} windows", "first": "the first window alone"}
            span = st.segmented_control("Rows of", list(options), default="all", required=True, format_func=options.__getitem__, key="broken_span")
    until = row.first_end if span == "first" else row.last
    question = Question(
        scope.model, row.metric, "" if column == ROWS else column, row.version, row.segment, row.first.to_pydatetime(), until.to_pydatetime()
    )
    told = reads_stability.told(scope, question)
    if told is None:
        _standing(scope, row, column)
        return
    kind = breaks.KINDS[row.metric]
    in_time = _first(told.seen, reads.remembered_roles(scope.model, scope.snapshot).roles, kind)
    _findings(told, kind, in_time)
    _rows(told, kind)


def _standing(scope: Scope, row: Any, column: str) -> None:
    """Of what is no matter of single rows: which value it stood at, or how large it was beside the reference."""
    name, many = words.escaped(column), "1 window" if row.windows == 1 else f"{row.windows} windows"
    of = {"column": column, "segment": row.segment, "version": row.version}
    whole = reads.one_profile(scope, None, None, **of)
    if row.metric == "magnitude":
        usual = "" if whole is None else f" The reference’s root mean square, zeros apart, is {words.number(_size(scope, whole))}."
        told = f"{name} was up to {words.number(row.peak)} times greater or smaller than the reference’s in {many}."
        st.markdown(told + usual)
        return
    days = reads.profiles(scope, row.first.to_pydatetime(), row.last.to_pydatetime(), dataset="log", **of)
    still = days[days["min"] == days["max"]]
    values = ", ".join(f"{words.number(value)} on {words.day(day)}" for value, day in zip(still["min"].head(7), still["window_start"], strict=False))
    seen = ""
    if whole is not None and not pd.isna(whole["min"]):
        seen = f" The reference lies between {words.number(whole['min'])} and {words.number(whole['max'])}."
    st.markdown(f"All {row.of:,} rows of {many} hold one and the same {name}{f': {values}' if values else ' in each'}.{seen}")


def _size(scope: Scope, profile: pd.Series) -> float:
    bins = reads.bins(scope)
    edges = bins.loc[(bins["column"] == profile["column"]) & (bins["version"] == profile["version"]), "edges"]
    none = zeros([profile["counts"]], edges.iloc[0] if len(edges) else None, np.array([profile["min"]]))[0]
    return float(np.sqrt(profile["sum_squares"] / max(profile["counts"].sum() - none, 1)))


def _first(seen: Evidence, roles: Roles, kind: str) -> bool:
    """The first row: when, which version, where it stands; gives whether one span of time says it all."""
    first = seen.broken.iloc[0]
    time = pd.Timestamp(first[roles.timestamp])
    more = {"inference": roles.inference_id, "code": roles.code_version, "data": roles.data_version}
    ids = [f"{name} {words.escaped(str(first[c]))}" for name, c in more.items() if c is not None and c in first and not pd.isna(first[c])]
    rows, others = seen.counts
    kinds = ", ".join(f"{n:,} {name}" for name, n in seen.kinds) if len(seen.kinds) > 1 else ""
    st.markdown(
        f"**{rows:,} of {rows + others:,} rows** broke{f' ({kinds})' if kinds else ''}. The first: **{words.day(time)}, {time:%H:%M} UTC**, "
        f"row {int(first[ROW]):,} of {words.escaped(Path(str(first[FILE])).name)}{' (' + ', '.join(ids) + ')' if ids else ''}."
    )
    span = breaks.in_one_span(*seen.span, rows, others, kind)
    if span is not None:
        st.markdown(f":material/schedule: {words.escaped(span)}.")
    return span is not None


def _findings(told: reads_stability.Told, kind: str, in_time: bool) -> None:
    """Which input values go with the rows that broke, in words; what only has its values at that time stands behind."""
    if not told.findings:
        st.markdown("No input goes with it beyond what chance gives.")
        return
    lines = [f"- {words.escaped(ranking.sentence(one, kind))} (strength {one.strength:.2f})" for one in told.findings]
    head = 1 if told.findings[0].strength >= NEARLY else 0 if in_time else FEW
    if head:
        st.markdown("\n".join(["**What goes with it**", "", *lines[:head]]))
    if lines[head:]:
        label = f"{len(lines) - head} more go along with it" if head else f"{len(lines)} inputs have other values at that time"
        with st.expander(label, icon=":material/expand_more:"):
            st.markdown("\n".join(lines[head:]))
    rows, others = told.seen.counts
    if len(told.seen.is_broken) < rows + others:
        n = int(told.seen.is_broken.sum())
        st.caption(f"Compared: {n:,} of the {rows:,} rows that broke with {len(told.seen.is_broken) - n:,} of the {others:,} others, a fixed sample.")


def _rows(told: reads_stability.Told, kind: str) -> None:
    """Inputs side by side, then the rows themselves."""
    beside, broke, others = st.tabs(["Inputs side by side", f"{kind[0].upper()}{kind[1:]} rows", "Healthy rows"])
    percent = {"format": "%.1f %%", "width": 120}
    with beside:
        if told.beside.empty:
            st.caption("The log has no inputs.")
        shown = told.beside.assign(missing=told.beside["missing"] * 100, missing_others=told.beside["missing_others"] * 100)
        config = {
            "input": st.column_config.TextColumn("Input", pinned=True, width=140),
            "missing": st.column_config.NumberColumn(f"Missing, {kind}", help="Null, NaN or infinite.", **percent),
            "missing_others": st.column_config.NumberColumn("Missing, healthy", **percent),
            "typical": st.column_config.TextColumn(f"Typical, {kind}", help="The median; of texts the most frequent.", width=150),
            "typical_others": st.column_config.TextColumn("Typical, healthy", width=150),
            "strength": st.column_config.ProgressColumn(
                "Goes with it", min_value=0, max_value=1, format="%.2f", width=150,
                help="From 0, not at all, to 1, exactly these rows: phi of the strongest question asked of it.",
            ),
        }  # fmt: skip
        st.dataframe(
            shown, hide_index=True, column_config=config, key="beside", row_height=tables.ROW,
            height=tables.ROW * (len(shown) + 1) + 3, alt=f"Inputs of {kind} rows beside those of healthy rows",
        )  # fmt: skip
    where = {FILE: "file", ROW: "row"}
    for tab, frame, name in ((broke, told.seen.broken, kind), (others, told.seen.others, "healthy")):
        with tab:
            st.dataframe(
                _written(frame), hide_index=True, key=f"rows_{name}", row_height=tables.ROW, alt=f"The first {name} rows", column_config=where,
                height=tables.ROW * min(len(frame) + 1, tables.MOST_ROWS) + 3,
            )  # fmt: skip
            st.caption(f"The first {len(frame)} in time, with the file and row where each stands. `null` is no value, `NaN` one that broke.")


def _written(frame: pd.DataFrame) -> pd.DataFrame:
    """Every cell as text, so that null, NaN and infinity are told apart."""
    return pd.DataFrame({column: [_cell(value) for value in frame[column]] for column in frame})


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or value is pd.NaT:
        return "null"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, float | np.floating):
        return "NaN" if np.isnan(value) else "+inf" if value == np.inf else "−inf" if value == -np.inf else f"{value:.6g}"
    return str(value)
