"""What the moved rule would have given: the alerts counted, one column over time, when they were, and each of them opened."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from monitors import backtest, summaries
from monitors.alerts import sentence
from monitors.thresholds import judge
from pages.parts import chance_words, charts, lanes, limit_handles, reads_bench, rule_form, sidebar, tables, timeline, words
from pages.parts.bench import MOVED, SAVED, Bench, whole
from pages.parts.colours import faint, palette

MOST_ROWS = 30  # of the timeline
ORDER = {"gained": 0, "lost": 1, "changed": 2, "same": 3}
SIGNS = {"gained": "+ gained", "lost": "− lost", "changed": "→ changed", "same": "same"}
NAMES = ("column", "version", "segment")
text_column = st.column_config.TextColumn


def counts(bench: Bench) -> None:
    """The alerts counted, with what differs from the rule in force, and those that come or go in a line."""
    now, then = (backtest.counts(bench.alerts[name]) for name in (MOVED, SAVED))
    weeks = bench.weeks or 1.0
    told = [("Critical", now.critical, then.critical), ("Warning", now.warning, then.warning), ("Open now", now.open, then.open)]
    with st.grid(columns=4, min_column_width=105):
        for label, value, before in told:
            _metric(label, f"{value:,}", value - before, f"{value - before:+,}")
        a_week, before = (len(bench.alerts[name]) / weeks for name in (MOVED, SAVED))
        _metric("A week", f"{a_week:.2f}", round(a_week - before, 2), f"{a_week - before:+.2f}")
    st.markdown(_told(bench))  # a line whatever it says, or the chart below would move under a hand that drags its limit


def _told(bench: Bench) -> str:
    counted = bench.events["change"].value_counts()
    if not bench.rule.enabled:
        return f":gray[This rule is off. Switch on “{rule_form.ON}” to see what its limits would give.]"
    if not (bench.judged[MOVED]["level"] >= 0).any():
        return ":gray[No window could be judged: none was measured with rows enough.]"
    if not bench.is_moved:
        return ":gray[The rule in force. Move a limit to see which alerts come and which go.]"
    parts = [f"**{counted.get(name, 0):,}** {name}" for name in ("gained", "lost", "changed")]
    return f"Against the rule in force: {' · '.join(parts)} · {counted.get('same', 0):,} the same"


def _metric(label: str, value: str, difference: float, told: str) -> None:
    st.metric(label, value, told if difference else "as in force", delta_color="inverse" if difference else "off",
              delta_arrow="auto" if difference else "off")  # fmt: skip


def one_column(bench: Bench) -> None:
    """The metric of one column over time, with the moved limits, which can be dragged."""
    rule, segment = bench.rule, bench.about.get("segment", "all")
    drawn, as_they_are = summaries.as_if_alerting(bench.rules[MOVED], rule.window, segment, monitor=bench.monitor, metric=bench.metric)
    judged = bench.judged[MOVED]
    if not as_they_are or segment not in bench.about.values():
        there = {field: name for field, name in bench.about.items() if field != "model"}
        judged = backtest.within(judge(bench.seen, drawn), there | {"segment": segment})
    judged = judged[(judged["window_name"] == rule.window).to_numpy()]
    columns = sorted(map(str, judged["column"].unique()), key=str.casefold)
    if not columns:
        st.info(f"Nothing was measured by {rule.window} yet.", icon=":material/info:")
        return
    told, column = words.metric(bench.metric), _looked_at(bench, columns)
    one = judged[(judged["column"] == column).to_numpy()]
    if not np.isfinite(one["value"].to_numpy(float)).any():
        st.info(f"{words.escaped(column)} could not be measured in any {rule.window}: {words.escaped(str(one['reason'].iloc[0]))}.")
        return
    one, chances = reads_bench.with_chance(bench.scope, one, segment)
    figure = charts.over_time(one, bench.marks, y_title=told.title, y_format=told.format, focus=column, height=370)
    if (alert := opened(bench)) is not None and alert["column"] == column:
        ends = {"x0": lanes.naive_time(alert["start"]), "x1": lanes.naive_time(alert["end"])}
        line = {"color": palette().primary, "width": 1.5}
        figure.layout.shapes += ({"type": "rect", "line": line, "fillcolor": faint(palette().primary, 0.12)} | ends | lanes.WHOLE_HEIGHT,)
    charts.show(figure, "moved", f"{told.label} of {column or words.TABLE} over time, with the moved limits and both floors")
    limit_handles.draw(bench.about, rule)
    chance_words.show(chance_words.told(one, chances, rule))


def _looked_at(bench: Bench, columns: list[str]) -> str:
    """The column of the chart: the one that was chosen or clicked, else the one with the most alerts."""
    if st.session_state.get("look_at") not in columns:
        most = bench.alerts[MOVED]["column"].mode()
        st.session_state["look_at"] = most.iloc[0] if len(most) and most.iloc[0] in columns else columns[0]
    if len(columns) == 1:
        return columns[0]
    return str(st.selectbox("Column", columns, key="look_at", persist_state="session", width=260, label_visibility="collapsed",
                            format_func=lambda name: name or words.TABLE))  # fmt: skip


def draw(bench: Bench) -> None:
    """The view *Replay*: when the alerts were, all of them as a table, and the one that is opened."""
    if bench.events.empty:
        st.info("No alert, neither by the rule in force nor by the moved one.", icon=":material/check_circle:")
        return
    _spans(bench)
    listed = _listed(bench.events)
    _table(listed)
    if (alert := opened(bench)) is not None:
        _open(bench, alert)
    else:
        st.caption("Click a bar or a row to open its alert.")


def _spans(bench: Bench) -> None:
    """When the alerts were: in force above moved, a row for each column."""
    shown = [SAVED, MOVED] if bench.is_moved else [SAVED]
    both = pd.concat([bench.alerts[name].assign(rule=name) for name in shown], ignore_index=True)
    both["row"] = rows_of(both, bench.about)
    most = both["row"].value_counts().head(MOST_ROWS).index
    figure = timeline.timeline(both[both["row"].isin(most)], bench.judged[MOVED], bench.marks)
    charts.show(figure, "spans", "Spans of the alerts of the rule in force and of the moved rule", on_select=_clicked)
    if both["row"].nunique() > len(most):
        st.caption(f"The {len(most)} with the most alerts of {both['row'].nunique():,}.")


def rows_of(alerts: pd.DataFrame, about: dict[str, str]) -> pd.Series:
    """What a row of the timeline stands for: a column, or of one column a version (and segment)."""
    if "column" not in about:
        return alerts["column"].where(alerts["column"] != "", words.TABLE)
    return alerts["version"].where(alerts["segment"] == "all", alerts["version"] + " " + alerts["segment"])


def _clicked() -> None:
    """The alert of the clicked bar is opened."""
    if points := st.session_state["spans"]["selection"]["points"]:
        column, version, segment, start = points[0]["customdata"]
        _choose((column, version, segment), pd.Timestamp(start, tz="UTC"))


def _choose(names: tuple[str, ...], start: pd.Timestamp) -> None:
    st.session_state["opened"] = (names, start)
    st.session_state["look_at"] = names[0]


def _listed(events: pd.DataFrame) -> pd.DataFrame:
    """The events in the order of the table: what comes and goes first, in each the latest first."""
    start = events["moved_start"].where(events["moved_start"].notna(), events["saved_start"])
    order = np.lexsort((-start.astype("int64"), events["change"].map(ORDER)))
    return events.take(order).reset_index(drop=True)


def _table(listed: pd.DataFrame) -> None:
    """Every alert, what it was and would be."""
    shown = pd.DataFrame({
        "change": listed["change"].map(SIGNS).to_numpy(),
        "severity": _both(listed, ["severity"], _severity),
        "column": listed["column"].where(listed["column"] != "", words.TABLE).to_numpy(),
        "version": listed["version"].to_numpy(),
        "segment": listed["segment"].to_numpy(),
        "when": _both(listed, ["start", "end"], words.span),
        "windows": _both(listed, ["windows"], lambda windows: f"{int(windows):,}"),
        "peak": _both(listed, ["peak"], words.number),
    })  # fmt: skip
    if (shown["segment"] == "all").all():
        shown = shown.drop(columns="segment")
    config = {
        "change": text_column("Change", width=90), "severity": text_column("Severity", width=130), "column": text_column("Column", width=130),
        "version": text_column("Version", width=70), "segment": text_column("Segment", width=110), "when": text_column("When", width=300),
        "windows": text_column("Windows", width=75), "peak": text_column("Peak", width=80),
    }  # fmt: skip
    st.dataframe(
        shown, hide_index=True, column_config=config, key="replayed", height=tables.ROW * min(len(shown) + 1, tables.MOST_ROWS) + 3,
        row_height=tables.ROW, alt="Every alert under the rule in force and under the moved one", selection_mode="single-row",
        on_select=lambda: _picked(listed),
    )  # fmt: skip


def _severity(severity: str) -> str:
    return f"{words.ICONS[2 if severity == 'critical' else 1]} {severity}"


def _picked(listed: pd.DataFrame) -> None:
    if chosen := st.session_state["replayed"].selection.rows:
        row = listed.iloc[chosen[0]]
        start = row["saved_start"] if pd.isna(row["moved_start"]) else row["moved_start"]
        _choose(tuple(row[name] for name in NAMES), start)


def _both(events: pd.DataFrame, fields: list[str], told: Callable[..., str]) -> list[str]:
    """A text of each event, from what it was to what it would be where that differs: `■ critical → ▲ warning`."""
    is_there = [events[f"{side}_start"].notna() for side in backtest.SIDES]
    texts = []
    for side, there in zip(backtest.SIDES, is_there, strict=True):
        values = zip(*(events[f"{side}_{field}"] for field in fields), strict=True)
        texts.append([told(*value) if known else "" for value, known in zip(values, there, strict=True)])
    return [" → ".join(dict.fromkeys(filter(None, pair))) for pair in zip(*texts, strict=True)]


def opened(bench: Bench) -> dict[str, Any] | None:
    """The alert that a person opened, as it would be now; of a moved rule that gives it no more, as it is in force."""
    names, start = st.session_state.get("opened", ((), None))
    for side in (MOVED, SAVED):
        found = bench.alerts[side]
        for name, value in zip(NAMES, names, strict=False):
            found = found[(found[name] == value).to_numpy()]
        found = found[((found["start"] <= start) & (found["end"] > start)).to_numpy()] if start is not None else found.iloc[:0]
        if len(found):
            return dict(found.iloc[0]) | {"rule": side}
    return None


def _open(bench: Bench, alert: dict[str, Any]) -> None:
    """Its sentence, and the way to the page of its monitor."""
    with st.container(border=True):
        gone = bench.is_moved and alert["rule"] == SAVED
        mark = words.MARKS[2 if alert["severity"] == "critical" else 1]
        st.markdown(f"{mark} {words.escaped(sentence(alert))}" + (" :gray-badge[not by the moved rule]" if gone else ""))
        about = {"model": whole(bench.scope).model, "version": alert["version"] or sidebar.EVERY, "segment": alert["segment"]}
        own = {"column": alert["column"] or words.TABLE, "metric": alert["metric"]}
        page = sidebar.page_of(alert["monitor"])
        name = page.removeprefix("pages/").removesuffix(".py").capitalize()
        with st.container(horizontal=True):
            st.button(f"Show on the page {name}", icon=":material/arrow_forward:", on_click=sidebar.go_to, args=(page, about), kwargs=own)
            st.button("Close", type="tertiary", on_click=lambda: st.session_state.pop("opened", None))
    if "_go_to" in st.session_state:
        st.rerun()  # the whole page: only dashboard.py can follow
