"""Suggestions for a rule: limits from its history, each with its reason, what it would have given, and a button that takes it into the form."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from data.errors import BadInput
from monitors import backtest, candidates, rulebook, suggest
from monitors.alerts import alerts
from monitors.candidates import Suggestion, often
from monitors.rules import SCOPE, Rule
from monitors.thresholds import judge
from pages.parts import bench_charts, charts, drafts, reads, reads_bench, rule_form, words
from pages.parts.scope import Scope

TITLES = {
    "quantile": ("From the history", ":material/query_stats:"),
    "false-alarms": ("From a false-alarm rate", ":material/notifications_paused:"),
    "budget": ("From an alert budget", ":material/savings:"),
    "verdicts": ("From your verdicts", ":material/gavel:"),
}
ONE, EACH = "One limit for all columns", "A limit for each column"
IN_FORCE = "In force"


def draw(scope: Scope, about: dict[str, str], rule: Rule) -> None:
    """Four suggestions for the rule of `about`, as it stands in the form, and what each would have given."""
    saved = reads.rules(scope)
    seen = reads_bench.measured(scope, about, saved)
    every = "column" not in about and len(seen.names["column"][1]) > 1
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        each = every and st.segmented_control("Limits", [EACH, ONE], default=EACH, required=True, key="suggest_each", bind="query-params") == EACH
        budget = st.number_input(
            "Alerts a week, at most", 0.05, 1000.0, suggest.BUDGET, step=0.5, format="%.3g", key="suggest_budget", width=190,
            help="The budget, over all columns of the rule together.",
        )  # fmt: skip
    asked = {method: budget if method == "budget" else None for method in suggest.METHODS}
    found = {method: reads_bench.suggested(scope, about, rule, method, each=each, per_week=rate) for method, rate in asked.items()}
    before = alerts(backtest.within(judge(seen, saved), about))
    with st.grid(columns=2, min_column_width=400):
        for one in found.values():
            with st.container(border=True, height="stretch"):
                _card(scope, about, rule, one, before)
    usable = {TITLES[method][0]: one.alerts for method, one in found.items() if one.rules}
    if usable and len(seen.frame):
        st.markdown("##### What each would have given")
        marks = charts.Marks(reads.versions(scope.model, scope.snapshot), reads.sample_events(scope))
        figure = bench_charts.replays({IN_FORCE: before} | usable, seen.frame, marks)
        charts.show(figure, "suggested", "Open alerts in each week: under the rules in force and under each suggestion")
    if each and usable:
        _columns(scope, about, found)


def _card(scope: Scope, about: dict[str, str], rule: Rule, one: Suggestion, before: pd.DataFrame) -> None:
    title, icon = TITLES[one.method]
    st.markdown(f"##### {icon} {title}")
    if not one.rules:
        st.caption(words.escaped(one.reason))
        return
    st.markdown(_limits(one, rule))
    change = len(one.alerts) - len(before)
    with st.container(horizontal=True, gap="large"):
        st.metric("Alerts", f"{len(one.alerts):,}", f"{change:+,}" if change else "as in force", width="content",
                  delta_color="inverse" if change else "off", delta_arrow="auto" if change else "off")  # fmt: skip
        rate = often(one.per_week) if len(one.alerts) else "never"
        st.metric("How often", rate, f"in {one.weeks:,.0f} weeks", delta_color="off", delta_arrow="off", width="content")
        if size := _smallest(scope, about, rule, one):
            st.metric(*size, delta_color="off", delta_arrow="off", width="content")
    st.markdown(words.escaped(one.reason))
    for note in one.notes:
        st.caption(words.escaped(note))
    if len(one.rules) == 1:
        st.button("Take into the form", key=f"take {one.method}", icon=":material/south_west:", on_click=rule_form.take,
                  args=(about, one.rules[0].changes))  # fmt: skip


def _limits(one: Suggestion, rule: Rule) -> str:
    """`▲ warning 0.31 (now 0.1) ■ critical 0.52 (now 0.25)`, or the spread of many."""
    told = []
    for level, which in ((1, "warning"), (2, "critical")):
        values = [value for each in one.rules if isinstance(value := each.changes.get(which), float)]
        if not values:
            continue
        now = getattr(rule, which)
        was = f" :gray[now {words.number(now)}]" if isinstance(now, float) and rule.kind == "constant" else ""
        spread = words.number(values[0]) if len(values) == 1 else f"{words.number(min(values))} to {words.number(max(values))}"
        told.append(f"{words.ICONS[level]} {which} **{spread}**{was}")
    return " \u2003 ".join(told)


def _caught(scope: Scope, rule: Rule, one: Suggestion, about: Mapping[str, str]) -> dict[str, tuple[float, str]]:
    if rule.monitor != "drift":
        return {}
    return candidates.caught(reads_bench.grounds(scope, about.get("segment", "all")), str(rule.metric), one.by_column)


def _smallest(scope: Scope, about: Mapping[str, str], rule: Rule, one: Suggestion) -> tuple[str, str, str] | None:
    """Of one column the smallest fault that still alerts; of many the one in the middle: what it is called, how much, of what."""
    found = _caught(scope, rule, one, about)
    if not found:
        return None
    if len(found) == 1:
        size, unit = next(iter(found.values()))
        if unit == "std":
            return "Smallest shift caught", size_text(size, unit), "of the mean"
        return "Smallest swap caught", size_text(size, unit), "of the top category"
    sizes = [np.inf if np.isnan(size) else size for size, unit in found.values() if unit == "std"]
    middle = float(np.median(sizes)) if sizes else np.inf
    return "Smallest shift caught", size_text(middle if np.isfinite(middle) else np.nan, "std"), "median of the columns"


def size_text(size: float, unit: str) -> str:
    """`0.35 std`, `under 0.01 std`, `none`, `12 % renamed`."""
    if np.isnan(size):
        return "none"
    if unit == "share":
        return f"{size:.0%}" if size >= 0.01 else "under 1 %"
    return f"{words.number(size)} std" if size >= 0.01 else "under 0.01 std"


def _columns(scope: Scope, about: dict[str, str], found: Mapping[str, Suggestion]) -> None:
    """The limits of each column of one of the suggestions, to take one by one or all as a file."""
    st.markdown("##### By column")
    usable = {TITLES[method][0]: one for method, one in found.items() if one.rules}
    names = list(usable)
    chosen = st.segmented_control("Suggestion", names, default=names[0], required=True, key="suggest_of", label_visibility="collapsed")
    one = usable[chosen]
    row = _table(one, _caught(scope, Rule.model_validate(backtest.with_monitor(about)), one, about), chosen)
    name = None if row is None else str(one.by_column["column"].iloc[row])
    taken = next((each for each in one.rules if each.column == name), None)
    in_force = rulebook.resolve(reads.rules(scope), **backtest.with_monitor({**about, "column": name or ""}))
    with st.container(horizontal=True, vertical_alignment="center"):
        took = st.button(
            f"Take {words.escaped(name)} into the form" if taken and name else "Take a column into the form", key="take column",
            icon=":material/south_west:", disabled=taken is None, on_click=_take_column, args=(about, taken, in_force),
            help=None if taken else "Choose a row first.",
        )  # fmt: skip
        if took:
            st.rerun()  # the whole page: what chooses the column stands outside of this fragment
        try:
            text = candidates.as_yaml(one, reads.overrides(scope.snapshot))
        except BadInput as mistake:
            st.caption(words.escaped(str(mistake)))
            return
        st.download_button("All as YAML", text, "suggested.yaml", "application/yaml", icon=":material/download:", on_click="ignore",
                           help="All overrides with these, to review and for `thresholds apply`.")  # fmt: skip


def _table(one: Suggestion, shifts: Mapping[str, tuple[float, str]], chosen: str) -> int | None:
    """The table of a suggestion's columns; the place of the one that is selected."""
    table, rule = one.by_column, one.rules[0]
    shown = pd.DataFrame({
        "column": [name or words.TABLE for name in table["column"]],
        **{which: table[which] for which in ("warning", "critical") if which in rule.changes},
        "alerts": table["alerts"],
        "floor": table["floor"],
        "smallest": [_size(shifts.get(name)) for name in table["column"]],
        "far": table["far"],
    })  # fmt: skip
    number = st.column_config.NumberColumn
    config: dict[str, Any] = {
        "column": st.column_config.TextColumn("Column", pinned=True, width=150),
        "warning": number("Warning", format="%.3g", width=80),
        "critical": number("Critical", format="%.3g", width=80),
        "alerts": number("Alerts", format="%d", help=f"That it would have given in {one.weeks:,.0f} weeks.", width=70),
        "floor": number("Floor", format="%.3g", help="What a value has to exceed besides: noise and usual, where the rule asks for them.", width=80),
        "smallest": st.column_config.TextColumn(
            "Smallest shift caught", width=190,
            help="Of a window that is like the reference otherwise: a shift of its mean, in standard deviations; of categories, the share of the "
            "most frequent one that comes under the name of the next.",
        ),
        "far": number("Far off", format="%d", help="Windows so far from the usual that they were not learnt from.", width=75),
    }  # fmt: skip
    seen = st.dataframe(shown, hide_index=True, column_config=config, key="suggest_columns", on_select="rerun", selection_mode="single-row",
                        alt=f"Limits by column, {chosen}", height=35 * min(len(shown) + 1, 11) + 3)  # fmt: skip
    return seen.selection.rows[0] if seen.selection.rows else None


def _size(shift: tuple[float, str] | None) -> str:
    if shift is None:
        return "–"
    return size_text(*shift) + (" renamed" if shift[1] == "share" and not np.isnan(shift[0]) else "")


def _take_column(about: dict[str, str], rule: Rule | None, in_force: Rule) -> None:
    """The rule of one column goes into the form, which then is about it."""
    if rule is None:
        return
    named = {**about, "column": str(rule.column)}
    whole = {field: named[field] for field in SCOPE if field in named}
    drafts.begin(whole, in_force)
    rule_form.take(whole, rule.changes)
    st.session_state["rule_column"] = rule.column
