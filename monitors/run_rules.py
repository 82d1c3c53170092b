"""The rules that people set, in the store: read them, save them one after the other, and the names that a rule may be about."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd

from data.errors import BadInput
from data.store import Connection, Store, append, author, claim, transact
from monitors import edits as editing
from monitors import rulebook
from monitors.rules import Rule


class Conflict(BadInput):
    """Somebody else saved after what this edit began with; the sentence says who, when and what."""


def edits(store: Store) -> pd.DataFrame:
    """Every edit of the thresholds, the last first."""
    return store.frame("SELECT * FROM main.thresholds ORDER BY edit DESC")


def overrides(store: Store) -> tuple[Rule, ...]:
    """The rules that people set, as of the last edit."""
    return rulebook.saved(edits(store))


def rules(store: Store) -> tuple[Rule, ...]:
    """All rules in force: the defaults, then what people set."""
    return (*rulebook.defaults(), *overrides(store))


def names(store: Store) -> pd.DataFrame:
    """Model, version, column and segment of all that was measured, each combination once."""
    return store.frame('SELECT DISTINCT model, version, "column", segment FROM main.measurements ORDER BY ALL')


def save_overrides(store: Store, wanted: Sequence[Rule], reason: str, *, based_on: int | None = None, text: str = "") -> int:
    """Append an edit that makes `wanted` the overrides in force; gives its number.

    Parameters
    ----------
    based_on : the last edit that whoever saves has seen, 0 for none; None asks for no check.
    text : what a person wrote, kept with its comments; without it the rules are written plainly.

    Raises
    ------
    Conflict : there is an edit after `based_on`. Nothing was saved.
    """

    def write(cursor: Connection) -> int:
        claim(cursor)  # of two at once the second begins anew, and then sees the edit of the first
        before = cursor.execute("SELECT * FROM main.thresholds ORDER BY edit").df()
        last = 0 if before.empty else int(before["edit"].max())
        if based_on is not None and last > based_on:
            raise Conflict(editing.since(before, based_on))
        facts = {"edit": last + 1, "rules": text or rulebook.dump(wanted), "edited_at": datetime.now(UTC)}
        append(cursor, "thresholds", pd.DataFrame([facts | {"author": author(), "reason": reason}]))
        return last + 1

    return transact(store, write, f"thresholds: {reason}" if reason else "thresholds")
