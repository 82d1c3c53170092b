"""What the moved rule would have given: the alerts counted, when they were, and each of them opened."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from monitors import backtest
from monitors.alerts import sentence
from pages.parts import one_column, rule_form, sidebar, tables, timeline, words
from pages.parts.bench import MOVED, SAVED, Bench, whole

MOST_ROWS = 30  # of the timeline
ORDER = {"gained": 0, "lost": 1, "changed": 2, "same": 3}
SEVERITIES = {name: f"{words.ICONS[level]} {name}" for level, name in ((2, "critical"), (1, "warning"))}
SIGNS = {"gained": "+ gained", "lost": "− lost", "changed": "→ changed", "same": "same"}
text_column = st.column_config.TextColumn


def counts(bench: Bench) -> None:
    """The alerts counted, with what differs from the rule in force, and those that come or go in a line."""
    now, then = (backtest.counts(bench.alerts[name]) for name in (MOVED, SAVED))
    weeks = bench.weeks or 1.0
    told = [("Critical", now.critical, then.critical), ("Warning", now.warning, then.warning), ("Open now", now.open, then.open)]
    with st.grid(columns=4, min_column_width=95):
        for label, value, before in told:
            _metric(label, f"{value:,}", value - before, f"{value - before:+,}")
        a_week, before = (len(bench.alerts[name]) / weeks for name in (MOVED, SAVED))
        _metric("A week", f"{a_week:.2f}", round(a_week - before, 2), f"{a_week - before:+.2f}")
    st.markdown(_told(bench))  # a line whatever it says, or the chart below would move under a hand that drags its limit


def _told(bench: Bench) -> str:
    counted = bench.events["change"].value_counts()
    if not bench.rule.enabled:
        return f":gray[This rule is off. Switch on “{rule_form.ON}” to see what its limits would give.]"
    if not (bench.judged["level"] >= 0).any():
        return ":gray[No window could be judged: none was measured with rows enough.]"
    if not bench.is_moved:
        return ":gray[The rule in force. Move a limit to see which alerts come and which go.]"
    parts = [f"**{counted.get(name, 0):,}** {name}" for name in ("gained", "lost", "changed")]
    return f"Against the rule in force: {' · '.join(parts)} · {counted.get('same', 0):,} the same"


def _metric(label: str, value: str, difference: float, told: str) -> None:
    st.metric(label, value, told if difference else "as in force", delta_color="inverse" if difference else "off",
              delta_arrow="auto" if difference else "off")  # fmt: skip


def draw(bench: Bench) -> None:
    """The view *Replay*: when the alerts were, all of them as a table, and the one that is opened."""
    if bench.events.empty:
        st.info("No alert, neither by the rule in force nor by the moved one.", icon=":material/check_circle:")
        return
    _spans(bench)
    listed = _listed(bench.events)
    _table(listed)
    if (alert := one_column.opened(bench)) is not None:
        _open(bench, alert)
    else:
        st.caption("Click a bar or a row to open its alert.")


def _spans(bench: Bench) -> None:
    """When the alerts were: in force above moved, a row for each column."""
    shown = [SAVED, MOVED] if bench.is_moved else [SAVED]
    both = pd.concat([bench.alerts[name].assign(rule=name) for name in shown], ignore_index=True)
    both["row"] = rows_of(both, bench.about)
    kept = _kept_rows(bench, list(both["row"].value_counts().index))
    ends = bench.judged["window_start"].min(), bench.judged["window_end"].max()
    drawn = timeline.timeline(bench.scope, both[both["row"].isin(kept)], ends, kept)
    timeline.show(drawn, "spans", "Spans of the alerts of the rule in force (thin) and of the moved rule (thick)", _clicked)
    if (many := both["row"].nunique()) > len(kept):
        st.caption(f"The {len(kept)} with the most alerts of {many:,}.")


def _kept_rows(bench: Bench, rows: list[str]) -> list[str]:
    """The rows to show, those with most alerts, of `rows` in that order. While a limit moves none comes or goes: nothing is to jump under a hand."""
    about = tuple(bench.about.items())
    before = st.session_state.get("rows_shown", ((), []))
    held = before[1] if bench.is_moved and before[0] == about else []
    every = _every_row(bench) if bench.is_moved else []
    kept = list(dict.fromkeys([*held, *rows[:MOST_ROWS], *(every if len(every) <= MOST_ROWS else [])]))[:MOST_ROWS]
    st.session_state["rows_shown"] = about, kept
    return kept


def _every_row(bench: Bench) -> list[str]:
    """Every row that an alert of the rule could stand in."""
    if "column" not in bench.about:  # categories: told in no time, however many windows there are
        return sorted(str(name) or words.TABLE for name in bench.judged["column"].unique())
    return sorted(set(rows_of(bench.judged[list(one_column.NAMES)].drop_duplicates().astype(str), bench.about)))


def rows_of(alerts: pd.DataFrame, about: dict[str, str]) -> pd.Series:
    """What a row of the timeline stands for: a column, or of one column a version (and segment)."""
    if "column" not in about:
        return alerts["column"].where(alerts["column"] != "", words.TABLE)
    return alerts["version"].where(alerts["segment"] == "all", alerts["version"] + " " + alerts["segment"])


def _clicked(alert: dict[str, Any]) -> None:
    """The alert of the clicked bar is opened."""
    column = "" if alert["column"] == words.TABLE else alert["column"]
    _choose((column, alert["version"], alert["segment"]), pd.Timestamp(alert["start"], unit="ms", tz="UTC"))


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
        "severity": _both(listed, lambda side: listed[f"{side}_severity"].map(SEVERITIES)),
        "column": listed["column"].where(listed["column"] != "", words.TABLE).to_numpy(),
        "version": listed["version"].to_numpy(),
        "segment": listed["segment"].to_numpy(),
        "when": _both(listed, lambda side: words.spans(listed[f"{side}_start"], listed[f"{side}_end"])),
        "windows": _both(listed, lambda side: [f"{windows:,.0f}" for windows in listed[f"{side}_windows"].tolist()]),
        "peak": _both(listed, lambda side: list(map(words.number, listed[f"{side}_peak"].tolist()))),
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


def _picked(listed: pd.DataFrame) -> None:
    if chosen := st.session_state["replayed"].selection.rows:
        row = listed.iloc[chosen[0]]
        start = row["saved_start"] if pd.isna(row["moved_start"]) else row["moved_start"]
        _choose(tuple(row[name] for name in one_column.NAMES), start)


def _both(events: pd.DataFrame, told: Callable[[str], Any]) -> NDArray[Any]:
    """A text of each event, from what it was to what it would be where that differs: `■ critical → ▲ warning`. `told` has those of a side."""
    was, now = (np.where(events[f"{side}_start"].isna(), "", np.asarray(told(side), object)) for side in backtest.SIDES)
    both = was + " → " + now
    return np.where((now == "") | (was == now), was, np.where(was == "", now, both))


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
