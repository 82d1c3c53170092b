"""Schema: do training and serving inputs keep the invariants learnt from the training set?"""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from data.violations import SHOWN, Asked, Evidence
from monitors import schema
from monitors.breaches import WITHOUT_ROWS
from monitors.schemas import Schema, laid_over
from pages.parts import charts, jobs, reads, reads_schema, schema_table, sidebar, tables, words
from pages.parts.heading import heading
from pages.parts.scope import Scope

text, number = st.column_config.TextColumn, st.column_config.NumberColumn


def main() -> None:
    """The page."""
    scope = sidebar.scope()
    heading("Schema", "schema")
    jobs.show_told()
    broken, learnt, past, exchange = st.tabs(["Violations", "Learnt schema", "Edits", "Export and import"])
    schemas = reads_schema.learnt(scope.model, scope.snapshot)
    with broken:
        violations(scope, schemas)
    if not schemas:
        for tab in (learnt, past, exchange):
            tab.info("No reference was profiled, so nothing was learnt. Load one on the page *Sources*, or name a span of the log as "
                     "`reference` in roles.yaml; then `python -m monitors run`.", icon=":material/info:")  # fmt: skip
        return
    with learnt:
        schema_table.editor(scope, schemas)
    with past:
        schema_table.history(scope)
    with exchange:
        schema_table.exchange(scope, schemas)


def violations(scope: Scope, schemas: dict[str, Schema]) -> None:
    """What was broken, the worst first; then one of them in full, or any column and metric."""
    found = reads_schema.violated(scope)
    if found.empty:
        st.success("Nothing is broken in this period.", icon=":material/check_circle:")
    else:
        ranked(found, reads.of_scope(_listed, scope))
        _start_with(found)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = st.selectbox("Metric", schema.METRICS, key="metric", bind="query-params", width=220)
        window = st.segmented_control(
            "Window", ["day", "week", "month"], default="day", required=True, key="window", bind="query-params"
        )
        judged, alerting = reads_schema.judged(scope, metric, window)
        names = [
            column or words.TABLE
            for column in dict.fromkeys(judged.sort_values("level", ascending=False, kind="stable")["column"].astype(str))
        ]
        column = st.selectbox("Column", names, key="column", bind="query-params", width=260) if names else None
    st.caption(f"**{words.metric(metric).label}.** {words.metric(metric).reading}")
    if column is None:
        if metric == "new_column":
            st.info("No file of the log has a column that the reference or a role does not know.", icon=":material/info:")
        else:
            sidebar.nothing_measured(scope, "schema")
        return
    if not alerting:
        st.caption(f":material/notifications_off: {words.not_alerting(metric, window, scope.segment)}")
    own = judged[judged["column"] == ("" if column == words.TABLE else column)]
    one_column(scope, own, column, metric, window)
    offending(scope, own, "" if column == words.TABLE else column, metric, schemas)


def _listed(scope: Scope) -> pd.DataFrame:
    """The violations in words, a row for each."""
    found = reads_schema.violated(scope)
    return pd.DataFrame({
        "severity": [_state(row) for row in found.to_dict("records")],
        "what": [words.metric(str(m)).label for m in found["metric"]],
        "column": [_columns(columns) for columns in found["columns"]],
        "rows": [_rows(row) for row in found.to_dict("records")],
        "peak": [_peak(row) for row in found.to_dict("records")],
        "when": words.spans(found["start"], found["end"]),
        "version": [str(v) or "all" for v in found["version"]],
        "loads": found["loads"],
    })  # fmt: skip


def ranked(found: pd.DataFrame, shown: pd.DataFrame) -> None:
    """The table of violations; a click chooses one."""
    config = {
        "severity": text("State", width=122, pinned=True), "what": text("What", width=120), "column": text("Column", width=150),
        "rows": text("Rows", help="That broke it, of all in the windows of this violation.", width=140),
        "peak": text("At most", help="In one window.", width=66), "when": text("When (UTC)", width=165),
        "version": text("Version", width=60), "loads": text("Brought by", help="The files whose rows these windows hold.", width=175),
    }  # fmt: skip
    criticals = int((found["severity"] == "critical").sum())
    count = f"{len(found):,} violation{'' if len(found) == 1 else 's'}"
    st.markdown(
        f"**{count}**, {criticals:,} critical. Open ones first, then by severity and share of rows. Click one to see its rows."
    )
    rows = list(zip(found["metric"].astype(str), found["column"].astype(str), found["start"], found["end"], strict=True))
    st.dataframe(shown, hide_index=True, column_config=config, height=tables.ROW * min(len(shown) + 1, tables.MOST_ROWS) + 3, row_height=tables.ROW,
                 key="ranked", on_select=lambda: _take(rows), selection_mode="single-row",
                 alt="Violations of the schema, the worst first")  # fmt: skip


def _state(row: dict[str, Any]) -> str:
    """`■ critical, open`; one that is over is only that."""
    sign = words.ICONS[2 if row["severity"] == "critical" else 1]
    return f"{sign} {row['severity']}" + (", open" if row["state"] == "open" else "")


def _columns(columns: tuple[str, ...]) -> str:
    """`temp`, or `humid, precip and 4 more` where they broke together."""
    told = ", ".join(columns[:2]) or words.TABLE
    return told + (f" and {len(columns) - 2} more" if len(columns) > 2 else "")


def _rows(row: dict[str, Any]) -> str:
    return "" if pd.isna(row["broken"]) else f"{row['broken']:,.0f} of {row['of']:,.0f}"


def _peak(row: dict[str, Any]) -> str:
    if row["metric"] == "freshness_hours":
        return f"{row['peak']:.0f} h"
    share = 100 * row["peak"]
    return f"{share:.0f} %" if share >= 10 else f"{share:.2g} %"


def _start_with(found: pd.DataFrame) -> None:
    """Where nothing was chosen yet, neither here nor in the link, the worst violation is."""
    if "metric" not in st.session_state and "metric" not in st.query_params and "column" not in st.query_params:
        first = found.iloc[0]
        _choose(str(first["metric"]), str(first["column"]), first["start"], first["end"])


def _choose(metric: str, column: str, start: pd.Timestamp, end: pd.Timestamp) -> None:
    st.session_state["metric"], st.session_state["column"] = metric, column or words.TABLE
    st.session_state["span"] = (start, end)
    st.session_state["window"] = "week" if metric == "range_rate" else "day"


def _take(rows: list[tuple[str, str, pd.Timestamp, pd.Timestamp]]) -> None:
    """The clicked violation becomes the chosen metric, column and span."""
    if chosen := st.session_state["ranked"].selection.rows:
        _choose(*rows[chosen[0]])


def one_column(scope: Scope, own: pd.DataFrame, column: str, metric: str, window: str) -> None:
    """The metric over time."""
    told = words.metric(metric)
    st.subheader(f"{words.escaped(column)}: {told.label.lower()} over time", anchor=False)
    if own["value"].isna().all():
        st.info(f"Not measured: {words.escaped(str(own['reason'].iloc[0]))}.", icon=":material/info:")
        return
    figure = charts.drawn(_over_time, scope, column=column, metric=metric, window=window)
    charts.show(figure, "over_time", f"{told.label} of {column}, with its thresholds and floors")


def _over_time(scope: Scope, column: str, metric: str, window: str) -> charts.Figure:
    told, (judged, _) = words.metric(metric), reads_schema.judged(scope, metric, window)
    own = judged[judged["column"] == ("" if column == words.TABLE else column)]
    return charts.over_time(own, charts.marks_of(scope), y_title=told.title, y_format=told.format, focus=column)


def offending(scope: Scope, own: pd.DataFrame, column: str, metric: str, schemas: dict[str, Schema]) -> None:
    """The rows themselves: how many, since when, by which load and version, and up to 20 of them."""
    if metric in WITHOUT_ROWS or own.empty:
        return
    st.subheader("Rows that break it", anchor=False)
    measured = own[own["value"].fillna(0) > 0].sort_values("window_start")
    if measured.empty:
        st.caption("No row of this period does.")
        return
    since, until = _span(scope, measured)
    for version in dict.fromkeys(
        measured.loc[(measured["window_end"] > since) & (measured["window_start"] < until), "version"].astype(str)
    ):
        found = reads_schema.evidence(scope, asked(scope, column, metric, version, schemas, since, until))
        evidence(found, metric, column, version)


def _span(scope: Scope, measured: pd.DataFrame) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The span of the violation that was clicked, else of the windows that breach, else of the last window with a broken row."""
    kept = st.session_state.get("span")
    breaching = measured[measured["level"] > 0]
    chosen = breaching if len(breaching) else measured.tail(1)
    if kept and ((measured["window_start"] < kept[1]) & (measured["window_end"] > kept[0])).any():
        start, end = kept
    else:
        start, end = chosen["window_start"].min(), chosen["window_end"].max()
    return max(start, pd.Timestamp(scope.since)), min(end, pd.Timestamp(scope.until))


def asked(
    scope: Scope, column: str, metric: str, version: str, schemas: dict[str, Schema], since: pd.Timestamp, until: pd.Timestamp
) -> Asked:
    """The question to the lake, with what the schema in force expects."""
    source = version if version in schemas else ""
    base = schemas.get(source)
    edited = reads_schema.edits(scope.model, scope.snapshot).get(source)
    in_force = laid_over(base, edited) if base is not None and edited is not None else base
    expected = in_force.columns.get(column) if in_force is not None else None
    bounds = (
        {"min": expected.min, "max": expected.max, "domain": expected.domain, "whole": expected.type == "integer"}
        if expected
        else {}
    )
    return Asked(metric, column, version, scope.segment, since.to_pydatetime(), until.to_pydatetime(), **bounds)


def evidence(found: Evidence, metric: str, column: str, version: str) -> None:
    """One version's share of a violation."""
    if not found.broken or found.first is None or found.last is None:
        return
    brought = zip(found.loads["file"], found.loads["load"], strict=True)
    files = ", ".join(f"{words.escaped(Path(str(file)).name)} (load {load})" for file, load in brought)
    of = f"**{found.broken:,} of {found.of:,} rows** ({found.broken / found.of:.1%}) of {words.escaped(version) or 'the log'}"
    st.markdown(f"{of}, from {_time(found.first)} to {_time(found.last)} UTC, brought by {files}.")
    if metric not in ("missing_column", "null_rate"):
        common = ", ".join(f"`{_code(row.value)}` × {row.rows:,}" for row in found.common.head(8).itertuples())
        st.markdown(f"Most frequent: {common}" + (" …" if len(found.common) > 8 else ""))
    shown = found.values.assign(
        file=[Path(str(file)).name for file in found.values["file"]],
        time=pd.to_datetime(found.values["time"], utc=True).dt.tz_localize(None),
    )
    config = {
        "value": text("Value", width=200), "file": text("File", width=230), "row": number("Row", format="localized", width=90),
        "load": number("Load", format="%d", width=60), "version": text("Version", width=70),
        "time": st.column_config.DatetimeColumn("Time (UTC)", format="D MMM YYYY, HH:mm", width=160),
    }  # fmt: skip
    order = [c for c in config if c != "value" or metric not in ("missing_column", "null_rate")]
    st.dataframe(shown, hide_index=True, column_config=config, column_order=order, row_height=tables.ROW, key=f"rows {version}",
                 height=tables.ROW * (min(len(shown), 8) + 1) + 3, alt=f"Rows that break {metric} of {column or words.TABLE}")  # fmt: skip
    if found.broken > len(shown):
        st.caption(f"The first {min(SHOWN, len(shown))} of them, by time.")


def _time(when: Any) -> str:
    return f"{words.day(when)}, {when:%H:%M}"


def _code(value: Any) -> str:
    """A value between backticks, whatever it holds."""
    return str(value).replace("`", "ˋ").replace("\n", " ")[:60]


main()
