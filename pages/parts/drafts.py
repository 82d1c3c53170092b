"""What was moved on the page Thresholds and not saved: a draft for each rule, its moves one by one, and sets of rules kept to compare.

All of it lives as long as the session, whatever page is shown, and is nobody else's.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from monitors import rulebook
from monitors.backtest import with_monitor
from monitors.edits import FIELDS
from monitors.rules import Rule

About = Mapping[str, str]
Ends = tuple[float | None, float | None]
ONE_MOVE = 0.8  # s: a slider that is dragged sends a value every few of them, which are one move to take back
MOST_KEPT = 3
LETTERS = ("A", "B", "C", "D", "E", "F")  # more than are kept: a name that was given may be one of them


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set of rules that somebody keeps to compare: all overrides as they would be, and the moves that made them so."""

    name: str
    pair: tuple[str, str]  # monitor and metric
    about: dict[str, str]
    fields: dict[str, Any]
    overrides: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class _Move:
    before: dict[str, Any]  # the draft
    fields: tuple[str, ...]
    at: float
    hold: int | None

    def goes_on(self, last: "_Move") -> bool:
        """Whether it is the same hand still on the same field."""
        again = len(self.fields) == 1 and self.fields == last.fields
        return again and (self.hold == last.hold if self.hold or last.hold else self.at - last.at < ONE_MOVE)


def _kept(name: str, about: About, empty: Any) -> Any:
    """The session's own of a rule; `empty` where there is none yet."""
    return st.session_state.setdefault(name, {}).setdefault(tuple(about.items()), empty)


def begin(about: About, base: Rule) -> None:
    """Say what is in force, before anything is drawn that may move it."""
    st.session_state.setdefault("in_force", {})[tuple(about.items())] = base


def base(about: About) -> Rule:
    """What is in force, as `begin` was told."""
    found: Rule = st.session_state["in_force"][tuple(about.items())]
    return found


def draft(about: About) -> dict[str, Any]:
    """The fields of the rule that were moved."""
    found: dict[str, Any] = _kept("drafts", about, {})
    return found


def typed(about: About) -> set[float]:
    """The numbers that were typed: a slider must be able to stand on them."""
    found: set[float] = _kept("typed", about, set())
    return found


def half(about: About, field: str) -> Ends:
    """Both ends of a limit that does not exist: one of them may be typed already."""
    found: Ends = _kept("halves", about, {}).get(field, (None, None))
    return found


def put_ends(about: About, base: Rule, field: str, ends: Ends) -> None:
    """Make this a limit of two ends, where there are two."""
    put(about, base, {field: None if None in ends else ends})
    _kept("halves", about, {})[field] = ends


def put(about: About, base: Rule, fields: Mapping[str, Any], *, whole: bool = False, hold: int | None = None) -> None:
    """Make these fields moved, or with `whole` these alone; nothing is moved where it is what is in force. It can be undone.

    `hold` tells one drag of a handle from the next; without it a field that moves again at once is still the same move.
    """
    _kept("halves", about, {}).clear()
    now = draft(about)
    wanted = ({} if whole else now) | dict(fields)
    wanted = {field: value for field, value in wanted.items() if value != getattr(base, field)}
    if wanted == now:
        return
    past, move = _kept("moves", about, []), _Move(dict(now), tuple(fields), time.monotonic(), hold)
    if past and move.goes_on(past[-1]):
        past[-1] = replace(move, before=past[-1].before)
    else:
        past.append(move)
    now.clear()
    now.update(wanted)
    if hold is None:
        typed(about).update(value for value in wanted.values() if isinstance(value, float))


def can_undo(about: About) -> bool:
    """Whether there is a move to take back."""
    return bool(_kept("moves", about, []))


def undo(about: About) -> None:
    """Take back the last move."""
    past, now = _kept("moves", about, []), draft(about)
    _kept("halves", about, {}).clear()
    if past:
        before = past.pop().before
        now.clear()
        now.update(before)


def to_saved(about: About, base: Rule) -> None:
    """Back to what is in force."""
    put(about, base, {}, whole=True)


def to_default(about: About, base: Rule) -> None:
    """To what Vigia comes with, whoever has overridden it."""
    put(about, base, default_fields(about, base), whole=True)


def default_fields(about: About, base: Rule) -> dict[str, Any]:
    """The fields in which the rule in force differs from the default, as that has them."""
    default = rulebook.resolve(rulebook.defaults(), **with_monitor(about))
    return {field: getattr(default, field) for field in FIELDS if getattr(default, field) != getattr(base, field)}


def saved(about: About) -> None:
    """What was moved is in force now: there is nothing left to move or to take back."""
    for name in ("drafts", "moves", "bases"):
        st.session_state.get(name, {}).pop(tuple(about.items()), None)


def basis(about: About, last_edit: int) -> int:
    """The edit that the moves began with: somebody may have saved another since. Without a move, the last one."""
    bases = st.session_state.setdefault("bases", {})
    if not draft(about):
        bases[tuple(about.items())] = last_edit
    found: int = bases.setdefault(tuple(about.items()), last_edit)
    return found


def candidates() -> list[Candidate]:
    """The sets of rules that are kept, at most three."""
    found: list[Candidate] = st.session_state.setdefault("candidates", [])
    return found


def keep(pair: tuple[str, str], about: About, overrides: tuple[Rule, ...]) -> None:
    """Keep the moved rule, with all others as they are, under the next free letter."""
    taken = {one.name for one in candidates()}
    name = next(letter for letter in LETTERS if letter not in taken)
    candidates().append(Candidate(name, pair, dict(about), dict(draft(about)), overrides))


def rename(at: int, name: str) -> None:
    """Call a candidate otherwise; a name that is blank or another's changes nothing."""
    kept = candidates()
    if name.strip() and name.strip() not in {one.name for one in kept}:
        kept[at] = replace(kept[at], name=name.strip())


def drop(at: int) -> None:
    """Keep a candidate no more."""
    candidates().pop(at)
