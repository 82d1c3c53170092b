"""Thresholds: move the limits of a rule and see at once which alerts it would have given; who is told of alerts."""

from collections.abc import Callable

import streamlit as st

from data.errors import BadInput
from data.store import author
from monitors import backtest, edits, rulebook, run
from monitors.rules import Rule, scope_text
from monitors.run_rules import Conflict
from pages.parts import (
    bench,
    candidates,
    drafts,
    looks,
    notifications,
    one_column,
    power,
    reads,
    replay,
    rule_form,
    rule_history,
    sidebar,
    suggestions,
    words,
)
from pages.parts.bench import Bench, Rules
from pages.parts.scope import Scope

# What the bench can show below the form, in this order.
VIEWS: dict[str, Callable[[Bench], None]] = {
    "Replay": replay.draw,
    "Suggestions": lambda made: suggestions.draw(made.scope, made.about, made.rule),
    "Power": lambda made: power.draw(made.scope, made.about, made.rule),
    "What it looks like": looks.draw,
    "Compare": candidates.draw,
}


def main() -> None:
    """The page."""
    scope = sidebar.scope()
    heading = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom")
    with heading:
        st.title("Thresholds", anchor=False, width="content")
    if sentence := st.session_state.pop("told", None):
        st.success(sentence, icon=":material/check_circle:")
    if sentence := st.session_state.pop("refused", None):
        st.warning(f"Nothing was saved, since somebody was faster: {sentence}", icon=":material/group:")
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
        measured = reads.prepared(bench.whole(scope), [window], monitor=monitor, metric=metric, segment="all").frame
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


@st.fragment
def move(scope: Scope, monitor: str, metric: str, about: dict[str, str]) -> None:
    """The form, beside it what the moved rule would have given, and below both the views of it."""
    overrides = reads.overrides(scope.snapshot)
    saved = (*rulebook.defaults(), *overrides)
    base = rulebook.resolve(saved, **backtest.with_monitor(about))
    drafts.begin(about, base)
    panels = st.grid(columns=5, min_column_width=180, border=True)
    form, effect = (panels.cell(column_span=span) for span in (2, 3))
    below = st.container()
    moved, wrong = _moved(overrides, about)
    # What a move does is drawn before the form that a hand is on already: the browser shows things in the order in which they come.
    if moved is None:
        effect.caption("Mend the rule to see what it would give.")
    else:
        made = bench.replayed(scope, (monitor, metric), about, saved, moved)
        with effect:
            replay.counts(made)
            one_column.draw(made)
        with below:
            view = st.segmented_control("View", list(VIEWS), key="view", bind="query-params", default="Replay", required=True,
                                        label_visibility="collapsed")  # fmt: skip
            VIEWS[view](made)
    with form:
        st.markdown(f"##### {words.escaped(bench.text(metric, about))}")
        values = bench.measured(scope, (monitor, metric), about, saved).frame
        rule_form.draw(about, base, backtest.within(values, {k: v for k, v in about.items() if k != "model"}))
        if wrong:
            st.error(wrong, icon=":material/error:")
        going_back(about, base, (monitor, metric), moved)
        saving(scope, about, base, overrides, moved)


def _moved(overrides: Rules, about: dict[str, str]) -> tuple[Rules | None, str]:
    """The rules with the draft in them, and what is wrong with it: there are none then."""
    try:
        return (*rulebook.defaults(), *backtest.moved(overrides, about, drafts.draft(about))), ""
    except BadInput as mistake:
        return None, str(mistake)


def going_back(about: dict[str, str], base: Rule, pair: tuple[str, str], moved: Rules | None) -> None:
    """Take moves back, or keep what they made to compare it."""
    differs = bool(drafts.draft(about))
    at_default = drafts.default_fields(about, base) == drafts.draft(about)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Undo", icon=":material/undo:", disabled=not drafts.can_undo(about), on_click=drafts.undo, args=(about,),
                  help="Take the last move back.")  # fmt: skip
        st.button("Reset", disabled=not differs, on_click=drafts.to_saved, args=(about, base), help="To the rule in force.")
        st.button("Default", disabled=at_default, on_click=drafts.to_default, args=(about, base),
                  help="To what Vigia comes with, whoever has overridden it.")  # fmt: skip
        full = len(drafts.candidates()) >= drafts.MOST_KEPT
        told = "Three are kept already; drop one in the view Compare." if full else "Keep these rules for the view Compare."
        st.button("Keep", icon=":material/bookmark_add:", disabled=full or moved is None, on_click=_keep, args=(pair, about, moved),
                  help=told)  # fmt: skip


def _keep(pair: tuple[str, str], about: dict[str, str], moved: Rules) -> None:
    drafts.keep(pair, about, moved[len(rulebook.defaults()) :])


def saving(scope: Scope, about: dict[str, str], base: Rule, overrides: Rules, moved: Rules | None) -> None:
    """Save with a reason, or remove the override of this scope; whoever saved in between is named first."""
    own = next((rule for rule in overrides if rule.scope == about), None)
    changed, last = rule_form.moves(about, base), reads.last_edit(scope.snapshot)
    began = drafts.basis(about, last)
    if began != last:
        since = edits.since(reads.edits(scope.snapshot), began)
        st.warning(f"While you were moving: {words.escaped(since)} That is in force now; your moves are kept, and would be saved on top of it.",
                   icon=":material/group:")  # fmt: skip
    reason = st.text_input(
        "Why", key=f"why {len(overrides)} {about}", placeholder="Kept in the history, with your name", max_chars=300
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        save = st.button("Save on top" if began != last else "Save", type="primary", disabled=moved is None or not changed)
        remove = own is not None and st.button("Remove override", type="tertiary", help="Back to what this rule inherits.")
        st.caption(f"{changed} · as {words.escaped(author())}" if changed else f"as {words.escaped(author())}")
    if save and moved is not None:
        told = f"Saved for {scope_text(Rule(**about))}: {changed}."
        keep(moved[len(rulebook.defaults()) :], reason, about, last, told)
    if remove:
        told = f"The override of {scope_text(Rule(**about))} is removed."
        keep(rulebook.without_override(overrides, **about), reason, about, last, told)


def keep(wanted: Rules, reason: str, about: dict[str, str], last: int, told: str) -> None:
    """Save the overrides and show the page anew; where somebody was faster, that is shown and nothing is saved."""
    if not reason.strip():
        st.error("Write why first: the history keeps it for those who ask later.", icon=":material/error:")
        return
    try:
        run.save_overrides(reads.store(), wanted, reason.strip(), based_on=last)
    except Conflict as other:
        st.session_state["refused"] = words.escaped(str(other))
        st.rerun()
    drafts.saved(about)
    st.session_state["told"] = words.escaped(told)
    st.rerun()


main()
