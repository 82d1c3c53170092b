"""What people decided about alerts, as it came: who, when, about what. Nothing is ever changed or removed; a decision is taken back by another."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from data.errors import BadInput
from data.store import Connection, Store, append, author, claim, transact

SCOPE = ("model", "version", "monitor", "metric", "column", "segment")  # None stands for any


def read(store: Store) -> pd.DataFrame:
    """Every decision, the first first: decision, at, author, kind (verdict, acknowledge, mute, planned, missed, normal, retract), the scope, start,
    end, value (the verdict, the severity acknowledged, the calendar of a mute), note, retracts."""
    return store.frame("SELECT * FROM main.decisions ORDER BY decision")


def decide(store: Store, made: Sequence[Mapping[str, Any]], who: str = "") -> list[int]:
    """Append decisions, all or none; gives their numbers.

    Parameters
    ----------
    made : of each its kind and what else there is of the scope, start, end, value and note. who : its author; `author()` where not said.

    Two people who decide at once are both heard: the second gets the next number, and later readers see both.
    """

    def write(cursor: Connection) -> list[int]:
        claim(cursor)
        return _append(cursor, made, who or author())

    return transact(store, write, f"{len(made)} decision{'' if len(made) == 1 else 's'}: {made[0]['kind'] if made else 'none'}")


def retract(store: Store, numbers: Sequence[int], note: str, who: str = "") -> list[int]:
    """Take decisions back: from now on it is as if they had never been made.

    Raises
    ------
    BadInput : there is no such decision, or it was taken back already, or is a retraction itself.
    """

    def write(cursor: Connection) -> list[int]:
        claim(cursor)
        known = {row[0]: row[1:] for row in cursor.execute("SELECT decision, kind, author, retracts FROM main.decisions").fetchall()}
        gone = {retracts: by for _, by, retracts in known.values() if retracts is not None}
        for number in numbers:
            _check(number, known, gone)
        return _append(cursor, [{"kind": "retract", "retracts": number, "note": note} for number in numbers], who or author())

    return transact(store, write, f"retract {', '.join(map(str, numbers))}")


def _check(number: int, known: Mapping[int, tuple[str, str, Any]], gone: Mapping[int, str]) -> None:
    if number not in known:
        last = f"The last is {max(known)}." if known else "None was made yet."
        raise BadInput(f"There is no decision {number}. {last} `python -m monitors decide list` shows them.")
    if number in gone:
        raise BadInput(f"Decision {number} was taken back already, by {gone[number]}.")
    if known[number][0] == "retract":
        raise BadInput(f"Decision {number} takes another back and cannot be taken back itself: decide anew instead.")


def _append(cursor: Connection, made: Sequence[Mapping[str, Any]], who: str) -> list[int]:
    row = cursor.execute("SELECT coalesce(max(decision), 0) FROM main.decisions").fetchone()
    first = 1 + (int(row[0]) if row else 0)
    numbers = list(range(first, first + len(made)))
    names = ("kind", *SCOPE, "start", "end", "value", "note", "retracts")
    table = pd.DataFrame([{name: one.get(name) for name in names} for one in made]).assign(decision=numbers, at=datetime.now(UTC), author=who)
    times = {name: pd.to_datetime(table[name], utc=True) for name in ("start", "end")}
    append(cursor, "decisions", table.assign(**times, retracts=table["retracts"].astype("Int64")))
    return numbers
