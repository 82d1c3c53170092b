"""Edits: who changed which threshold from what to what, and where each field of a rule in force comes from."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from data.errors import BadInput
from monitors import rulebook
from monitors import rules as r
from monitors.backtest import with_monitor
from monitors.rules import Rule

FIELDS = (
    "enabled", "warning", "critical", "recover", "direction", "kind", "window", "min_rows", "min_coverage", "above_noise", "above_usual",
    "for_windows",
)  # fmt: skip
DIFFERENCE = ["scope", "rule", "field", "before", "after"]
HISTORY = ["edit", "edited_at", "author", "reason", *DIFFERENCE]
ORIGIN = ["field", "value", "from", "rule", "why", "source", "author", "edited_at"]


def differences(before: Sequence[Rule], after: Sequence[Rule]) -> pd.DataFrame:
    """What changes where the overrides `after` replace those of `before`: one row for each field of each rule.

    Returns
    -------
    scope (a tuple of field and name), rule (in words), field, before, after (as texts, of what is in force: "0.1 (inherited)").
    """
    old, new = ({tuple(rule.scope.items()): rule for rule in rules} for rules in (before, after))
    rows = []
    for scope in dict.fromkeys((*old, *new)):
        was, becomes = old.get(scope), new.get(scope)
        told = [*(was.changes if was else ()), *(becomes.changes if becomes else ())]
        for field in dict.fromkeys(told):
            texts = [_in_force(rules, rule, scope, field) for rules, rule in ((before, was), (after, becomes))]
            if texts[0] != texts[1]:
                rule = becomes if becomes is not None else was
                assert rule is not None
                rows.append((scope, r.scope_text(rule), field, *texts))
    return pd.DataFrame(rows, columns=DIFFERENCE)


def _in_force(overrides: Sequence[Rule], rule: Rule | None, scope: tuple[tuple[str, str], ...], field: str) -> str:
    if rule is not None and field in rule.changes:
        return text(field, rule.changes[field])
    inherited = rulebook.resolve((*rulebook.defaults(), *overrides), **with_monitor(dict(scope)))
    return f"{text(field, getattr(inherited, field))} (inherited)"


def history(edits: pd.DataFrame) -> pd.DataFrame:
    """Every edit, the last first, with each field that it changed.

    Parameters
    ----------
    edits : edit, rules (all overrides as YAML), edited_at, author, reason.

    An edit that changed nothing, or that cannot be read any more because a metric is gone, has one row with blanks.
    """
    rows: list[pd.DataFrame] = []
    before: tuple[Rule, ...] = ()
    for edit in edits.sort_values("edit", kind="stable").to_dict("records"):
        try:
            after = rulebook.read(str(edit["rules"]), f"edit {edit['edit']}")
        except BadInput:
            after = before
        changed = differences(before, after)
        if changed.empty:
            changed = pd.DataFrame([dict.fromkeys(DIFFERENCE)])
        facts = {name: edit[name] for name in HISTORY[:4]}
        rows.append(changed.assign(**facts)[HISTORY])
        before = after
    return pd.concat(rows[::-1], ignore_index=True) if rows else pd.DataFrame(columns=HISTORY)


def origins(overrides: Sequence[Rule], told: pd.DataFrame, scope: Mapping[str, str]) -> pd.DataFrame:
    """Where each field of the rule in force for a scope comes from.

    Parameters
    ----------
    told : what `history` gave. scope : as `rulebook.resolve` takes it.

    Returns
    -------
    field, value (a text), from ("default", "override", "not set"), rule (the scope that sets it, in words), why, source, and of an
    override author and edited_at.
    """
    rules = (*rulebook.defaults(), *overrides)
    whole = {"segment": "all"} | with_monitor(scope)
    setting: dict[str, Rule] = {}
    for rule in r.in_order(rules, rulebook.defaults()):
        if all(whole.get(field) == name for field, name in rule.scope.items()):
            setting |= dict.fromkeys(rule.changes, rule)
    force = rulebook.resolve(rules, **whole)
    rows = [{"field": field, "value": text(field, getattr(force, field))} | _origin(setting.get(field), overrides, told, field)
            for field in FIELDS]  # fmt: skip
    return pd.DataFrame(rows, columns=ORIGIN)


def _origin(rule: Rule | None, overrides: Sequence[Rule], told: pd.DataFrame, field: str) -> dict[str, Any]:
    if rule is None:
        return {"from": "not set", "rule": "", "why": "", "source": "", "author": "", "edited_at": pd.NaT}
    about = {"rule": r.scope_text(rule), "why": rule.reason, "source": rule.source}
    if not any(rule is one for one in overrides):
        return {"from": "default", **about, "author": "", "edited_at": pd.NaT}
    own = told[(told["scope"] == tuple(rule.scope.items())) & (told["field"] == field)]
    if own.empty:
        return {"from": "override", **about, "author": "", "edited_at": pd.NaT}
    last = own.iloc[0]
    return {
        "from": "override",
        **about,
        "why": rule.reason or last["reason"],
        "author": last["author"],
        "edited_at": last["edited_at"],
    }


def text(field: str, value: Any) -> str:
    """The value of a field as a person reads it: `2 of 3`, `0.2 to 0.8`, `yes`; a dash for what is not there."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field == "for_windows":
        return f"{value[0]}" if value[0] == value[1] else f"{value[0]} of {value[1]}"
    if isinstance(value, tuple):
        return f"{value[0]:g} to {value[1]:g}"
    return f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
