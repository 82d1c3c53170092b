"""Edits: who changed which threshold from what to what, and where each field of a rule in force comes from."""

import re
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
HEAD = re.compile(r"\A# Thresholds of Vigia, edit (\d+)[^\n]*\n")
MOST_TOLD = 3  # fields of an edit in a sentence


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


def exported(edits: pd.DataFrame) -> str:
    """The overrides in force as YAML, below a line that names the edit, so that who applies the file later is told what came in between.

    A file that was applied comes back as it was written, comments and all, for as long as nothing was changed since.
    """
    if edits.empty:
        return "# Thresholds of Vigia, edit 0: nobody has set any\n[]\n"
    last = edits.sort_values("edit").to_dict("records")[-1]
    when = pd.Timestamp(last["edited_at"]).tz_convert("UTC")
    why = f": {' '.join(str(last['reason']).split())}" if last["reason"] else ""
    return f"# Thresholds of Vigia, edit {last['edit']} of {when:%Y-%m-%d %H:%M} UTC by {last['author']}{why}\n{body(str(last['rules']))}"


def body(yaml: str) -> str:
    """An exported text without the line that `exported` put on its top."""
    return HEAD.sub("", yaml)


def basis(yaml: str) -> int | None:
    """The edit that an exported text began with; None for one that a person wrote from nothing."""
    found = HEAD.match(yaml)
    return int(found[1]) if found else None


def state(edits: pd.DataFrame, edit: int) -> tuple[Rule, ...]:
    """The overrides as they were after an edit; 0 is before the first.

    Raises
    ------
    BadInput : there is no such edit.
    """
    return rulebook.read(text_of(edits, edit), f"threshold edit {edit}")


def text_of(edits: pd.DataFrame, edit: int) -> str:
    """As `state`, the YAML as it was saved."""
    known = edits[edits["edit"] == edit]
    if known.empty and edit != 0:
        last = 0 if edits.empty else int(edits["edit"].max())
        raise BadInput(f"There is no edit {edit} of the thresholds: the last is {last}. `thresholds history` lists them, 0 is before all.")
    return "[]\n" if edit == 0 else str(known["rules"].iloc[0])


def on_top(base: Sequence[Rule], wanted: Sequence[Rule], current: Sequence[Rule]) -> tuple[Rule, ...]:
    """What `wanted` changes against `base`, done to `current`: nobody's edit of another field is lost, of the same one the wanted wins."""
    old, new, result = ({tuple(rule.scope.items()): rule.changes for rule in rules} for rules in (base, wanted, current))
    for scope in dict.fromkeys((*old, *new)):
        was, becomes = old.get(scope, {}), new.get(scope, {})
        given = {field: value for field, value in becomes.items() if field not in was or was[field] != value}
        kept = {field: value for field, value in result.get(scope, {}).items() if field not in was or field in becomes}
        result[scope] = kept | given
    return tuple(Rule.model_validate({**dict(scope), **fields}) for scope, fields in result.items() if fields)


def since(edits: pd.DataFrame, edit: int) -> str:
    """In a sentence or more, what was edited after `edit`: who, when, what, why; empty where nothing was."""
    told = history(edits)
    return " ".join(_told(part) for _, part in told[told["edit"] > edit].groupby("edit", sort=True))


def _told(one: pd.DataFrame) -> str:
    """`ada changed warning of psi of temp from 0.1 to 0.3 on 27 Nov 2026, 07:10 UTC (edit 4: "summer").`"""
    first = one.iloc[0]
    fields = [f"{row.field} of {row.rule} from {row.before} to {row.after}" for row in one.dropna(subset=["field"]).itertuples()]
    more = [f"{len(fields) - MOST_TOLD} more"] if len(fields) > MOST_TOLD else []
    what = " and ".join(filter(None, [", ".join(fields[:MOST_TOLD]), *more])).replace("_", " ") or "nothing but comments"
    when = pd.Timestamp(first["edited_at"]).tz_convert("UTC")
    why = f': "{first["reason"]}"' if first["reason"] else ""
    return f"{first['author']} changed {what} on {when.day} {when:%b %Y, %H:%M} UTC (edit {first['edit']}{why})."


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
