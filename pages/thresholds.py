"""Thresholds: move the limits of a rule and see at once which alerts it would have given; who is told of alerts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from data.errors import BadInput
from data.store import author
from monitors import backtest, rulebook, run, summaries
from monitors.alerts import alerts
from monitors.rules import Rule, scope_text
from monitors.thresholds import Prepared, judge
from pages.parts import charts, notifications, reads, rule_form, rule_history, sidebar, timeline, words
from pages.parts.scope import Scope

MOST_ROWS = 30  # of the timeline
Rules = tuple[Rule, ...]


def main() -> None:
    """The page."""
    scope = sidebar.scope()
    heading = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom")
    with heading:
        st.title("Thresholds", anchor=False, width="content")
    if sentence := st.session_state.pop("told", None):
        st.success(sentence, icon=":material/check_circle:")
    limits, telling = st.tabs(["Rules", "Notifications"], key="tab", bind="query-params")
    about_what, how = ("notifications", notifications.HOW) if telling.open else ("rules", rule_form.HOW)
    with heading, st.popover(f"How {about_what} work", icon=":material/help:", width="content"):
        st.markdown(how)
    if telling.open:
        with telling:
            notifications.draw(scope)
        return
    with limits:
        monitor, metric, about = choose(scope)
        move(scope, monitor, metric, about)
        rule_history.draw(scope, about)


def choose(scope: Scope) -> tuple[str, str, dict[str, str]]:
    """The monitor, the metric and the scope of the rule."""
    pairs = [(monitor, metric) for monitor, metrics in rulebook.known().items() for metric in metrics]
    names = [metric for _, metric in pairs]
    # Of two with one name the first keeps it, so that links stay what they were: js is that of drift, the other "skew js".
    called = {m if names.index(m) == i else f"{monitor} {m}": (monitor, m) for i, (monitor, m) in enumerate(pairs)}
    models = reads.all_models(scope.snapshot)
    with st.grid(columns=5 if len(models) > 1 else 4, min_column_width=165):
        chosen = _box("Metric", list(called), "rule_metric")
        monitor, metric = called[chosen]
        window = rulebook.resolve(reads.rules(scope), monitor=monitor, metric=metric, segment="all").window
        measured = reads.prepared(_whole(scope), [window], monitor=monitor, metric=metric, segment="all").frame
        columns = sorted(filter(None, measured["column"].unique()), key=str.casefold)  # what is of the table has none
        about = {"monitor": monitor, "metric": metric} if names.count(metric) > 1 else {"metric": metric}
        about |= _named("column", _box("Column of the rule", [rule_form.EVERY["column"], *columns], "rule_column"))
        versions = [str(version) for version in reads.versions(scope.model, scope.snapshot)["version"]]
        about |= _named("version", _box("Version of the rule", [rule_form.EVERY["version"], *versions], "rule_version"))
        segments = [segment for segment in reads.segments(scope.model, scope.snapshot) if segment != "all"]
        about |= _named("segment", _box("Segment of the rule", ["all", rule_form.EVERY["segment"], *segments], "rule_segment"))
        if len(models) > 1:
            about |= _named("model", _box("Model of the rule", [scope.model, rule_form.EVERY["model"]], "rule_model"))
    return monitor, metric, {field: about[field] for field in Rule.model_fields if field in about}


def _box(label: str, options: list[str], key: str) -> str:
    if st.session_state.get(key, options[0]) not in options:
        del st.session_state[key]  # of a model that was chosen before
    found: str = st.selectbox(label, options, key=key, bind="query-params")
    return found


def _named(field: str, chosen: str) -> dict[str, str]:
    return {} if chosen == rule_form.EVERY[field] else {field: chosen}


def _whole(scope: Scope) -> Scope:
    """The model's whole history: levels of any version and time."""
    return replace(scope, version=None, segment="all")


@st.fragment
def move(scope: Scope, monitor: str, metric: str, about: dict[str, str]) -> None:
    """The form, and what the moved rule would have given."""
    overrides = reads.overrides(scope.snapshot)
    saved = (*rulebook.defaults(), *overrides)
    base = rulebook.resolve(saved, **backtest.with_monitor(about))
    with st.grid(columns=2, min_column_width=420):
        form = st.container(border=True, height="stretch")
        effect = st.container(border=True, height="stretch")
    with form:
        st.markdown(f"##### {words.escaped(rule_text(metric, about))}")
        values = measured(scope, monitor, metric, about, saved)
        rule_form.draw(about, base, backtest.within(values.frame, _there(about))["value"].to_numpy(float))
        try:
            moved = (*rulebook.defaults(), *backtest.moved(overrides, about, rule_form.draft(about)))
        except BadInput as mistake:
            st.error(str(mistake), icon=":material/error:")
            moved = None
        saving(about, base, overrides, moved)
    if moved is None:
        effect.caption("Mend the rule to see what it would give.")
        return
    seen = measured(scope, monitor, metric, about, saved, moved)
    judged = {name: backtest.within(judge(seen, rules), about) for name, rules in (("in force", saved), ("moved", moved))}
    served = reads.versions(scope.model, scope.snapshot)
    found = {name: summaries.present(alerts(rows), served) for name, rows in judged.items()}
    with effect:
        is_on = rulebook.resolve(moved, **backtest.with_monitor(about)).enabled
        effects(found["in force"], found["moved"], is_on=is_on, is_moved=bool(rule_form.draft(about)))
        if not (judged["moved"]["level"] >= 0).any() and found["moved"].empty:
            st.caption("No window could be judged: none was measured with rows enough, or the rule is off.")
    spans(scope, about, found, judged["moved"], bool(rule_form.draft(about)))
    one_column(scope, about, moved, seen, found["moved"])


def rule_text(metric: str, about: dict[str, str]) -> str:
    """The rule's scope in words: `PSI of every column`."""
    of = f"{words.metric(metric).label} of {about.get('column', rule_form.EVERY['column'])}"
    rest = [about[field].replace("=", " = ", 1) for field in ("version", "segment", "model") if about.get(field, "all") != "all"]
    return ", ".join([of, *rest])


def _there(about: dict[str, str]) -> dict[str, str]:
    return {field: name for field, name in about.items() if field != "model"}


def measured(scope: Scope, monitor: str, metric: str, about: dict[str, str], *rule_sets: Rules) -> Prepared:
    """All that these rules can alert on, over the whole history; at least what the rule is about."""
    looked = [one for rules in rule_sets for one in summaries.watched(rules) if (one.monitor, one.metric) == (monitor, metric)]
    whole = backtest.with_monitor(about)
    windows = {rulebook.resolve(rules, **whole).window for rules in rule_sets} | {one.window for one in looked}
    segments = {one.segment for one in looked} | {about.get("segment", "all")}
    segment = next(iter(segments)) if len(segments) == 1 else None
    return reads.prepared(_whole(scope), sorted(windows), monitor=monitor, metric=metric, segment=segment or "*")


def saving(about: dict[str, str], base: Rule, overrides: Rules, moved: Rules | None) -> None:
    """Save with a reason, go back, or remove the override of this scope."""
    own = next((rule for rule in overrides if rule.scope == about), None)
    changed = rule_form.moves(about, base)
    if not changed and own is None:
        return
    reason = st.text_input(
        "Why", key=f"why {len(overrides)} {about}", placeholder="Kept in the history, with your name", max_chars=300
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        save = st.button("Save", type="primary", disabled=moved is None or not changed)
        st.button("Reset", disabled=not changed, on_click=rule_form.forget, args=(about,))
        remove = own is not None and st.button("Remove override", type="tertiary", help="Back to what this rule inherits.")
        st.caption(f"{changed} · as {words.escaped(author())}" if changed else f"as {words.escaped(author())}")
    if save and moved is not None:
        keep(moved[len(rulebook.defaults()) :], reason, about, f"Saved for {scope_text(Rule(**about))}: {changed}.")
    if remove:
        keep(
            rulebook.without_override(overrides, **about),
            reason,
            about,
            f"The override of {scope_text(Rule(**about))} is removed.",
        )


def keep(wanted: Rules, reason: str, about: dict[str, str], told: str) -> None:
    """Save the overrides and show the page anew."""
    if not reason.strip():
        st.error("Write why first: the history keeps it for those who ask later.", icon=":material/error:")
        return
    run.save_overrides(reads.store(), wanted, reason.strip())
    rule_form.forget(about)
    st.session_state["told"] = words.escaped(told)
    st.rerun()


def effects(saved: pd.DataFrame, moved: pd.DataFrame, *, is_on: bool, is_moved: bool) -> None:
    """The alerts counted, and those that come or go."""
    st.markdown("##### Alerts over the whole history")
    now, then = backtest.counts(moved), backtest.counts(saved)
    with st.grid(columns=3, min_column_width=105):
        for label, field in (("Critical", "critical"), ("Warning", "warning"), ("Open now", "open")):
            difference = getattr(now, field) - getattr(then, field)
            st.metric(label, f"{getattr(now, field):,}", f"{difference:+,}" if difference else "as in force",
                      delta_color="inverse" if difference else "off", delta_arrow="auto" if difference else "off")  # fmt: skip
    if not is_on:
        st.info(
            f"This rule is off. Switch on “{rule_form.ON}” to see what its limits would give.",
            icon=":material/notifications_off:",
        )
    events = backtest.compare(saved, moved)
    events = events[events["change"] != "same"]
    if len(events):
        rule_history.changes(events)
    elif is_on and len(saved):
        st.caption("The moved rule gives the same alerts." if is_moved else "Move a limit to see which alerts come and which go.")


def spans(scope: Scope, about: dict[str, str], found: dict[str, pd.DataFrame], seen: pd.DataFrame, is_moved: bool) -> None:
    """When the alerts were: saved above moved, a row for each column."""
    shown = found if is_moved else {"in force": found["in force"]}
    both = pd.concat([frame.assign(rule=name) for name, frame in shown.items()], ignore_index=True)
    if both.empty or seen.empty:
        return
    both["row"] = both["column"]
    if "column" in about:
        both["row"] = both["version"].where(both["segment"] == "all", both["version"] + " " + both["segment"])
    most = both["row"].value_counts().head(MOST_ROWS).index
    st.subheader("When", anchor=False)
    marks = charts.Marks(reads.versions(scope.model, scope.snapshot), reads.sample_events(scope))
    figure = timeline.timeline(both[both["row"].isin(most)], seen, marks)
    charts.show(figure, "spans", "Spans of the alerts of the rule in force and of the moved rule", on_select=_look)
    if both["row"].nunique() > len(most):
        st.caption(f"The {len(most)} with the most alerts of {both['row'].nunique():,}.")


def _look() -> None:
    """The clicked bar's column becomes the one looked at."""
    if points := st.session_state["spans"]["selection"]["points"]:
        st.session_state["look_at"] = points[0]["customdata"][0]


def one_column(scope: Scope, about: dict[str, str], moved: Rules, seen: Prepared, found: pd.DataFrame) -> None:
    """The metric of one column over time, with the moved limits."""
    rule = rulebook.resolve(moved, **backtest.with_monitor(about))
    segment = about.get("segment", "all")
    drawn, _ = summaries.as_if_alerting(moved, rule.window, segment, monitor=str(rule.monitor), metric=str(rule.metric))
    judged = backtest.within(judge(seen, drawn), _there(about) | {"segment": segment})
    judged = judged[judged["window_name"] == rule.window]
    if judged.empty:
        return
    columns = sorted(judged["column"].unique(), key=str.casefold)
    most = found["column"].mode()
    if st.session_state.get("look_at") not in columns:
        st.session_state["look_at"] = most.iloc[0] if len(most) and most.iloc[0] in columns else columns[0]
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader("One column over time, with these limits", anchor=False, width="content")
        column = st.selectbox("Column", columns, key="look_at", persist_state="session", width=220)
    told = words.metric(str(rule.metric))
    marks = charts.Marks(reads.versions(scope.model, scope.snapshot), reads.sample_events(scope))
    one = judged[judged["column"] == column]
    if np.isfinite(one["value"].to_numpy(float)).any():
        figure = charts.over_time(one, marks, y_title=told.title, y_format=told.format, focus=column)
        charts.show(figure, "moved", f"{told.label} of {column} over time, with the moved limits and both floors")
    else:
        st.info(
            f"{words.escaped(column)} could not be measured in any {rule.window}: {words.escaped(str(one['reason'].iloc[0]))}."
        )


main()
