"""The outbox: messages that are to go, in the lake, so that a crash neither loses nor repeats one; and what each channel was told last.

What is told and the message that tells it are written in one transaction. Before a message is sent it is claimed: put off by `LEASE`, in a
transaction of its own, so of two processes one sends it. A crash between sending and noting it leaves it claimed; it is sent again after the
lease, with the same key, by which a receiver that minds keys knows it. Nothing can do better across two machines without the receiver's help.

What was told stands in a table of its own, so a message that went, or was given up, is needed no more: it is kept for people to look at, for
`KEPT_FOR`, and the last `KEPT` of all however old they are. What has not gone stays until it has.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pandas as pd

from data.store import Connection, Store, append, author, transact

LEASE = timedelta(minutes=5)  # more than the tries of one pass take
KEPT_FOR = timedelta(days=30)
KEPT = 50  # as many as `entries` gives; the last number is among them, so no number is given twice
UNSENT = "sent_at IS NULL AND given_up_at IS NULL"


def settings(store: Store) -> str | None:
    """The settings in force, as YAML; None where there are none."""
    try:
        rows = store.rows("SELECT settings FROM main.notifications ORDER BY edit DESC LIMIT 1")
    except duckdb.CatalogException:  # a store that an older Vigia made
        return None
    return str(rows[0][0]) if rows else None


def edits(store: Store) -> pd.DataFrame:
    """Every edit of the settings, the last first."""
    return store.frame("SELECT * FROM main.notifications ORDER BY edit DESC")


def save(store: Store, text: str, names: list[str], reason: str) -> int:
    """Append an edit that makes `text` the settings in force; what channels were told that are none of `names` is forgotten."""

    def write(cursor: Connection) -> int:
        row = cursor.execute("SELECT coalesce(max(edit), 0) + 1 FROM main.notifications").fetchone()
        edit = int(row[0]) if row else 1
        facts = {"edit": edit, "settings": text, "edited_at": datetime.now(UTC), "author": author(), "reason": reason}
        append(cursor, "notifications", pd.DataFrame([facts]))
        gone = [row[0] for row in cursor.execute("SELECT DISTINCT channel FROM main.told").fetchall() if row[0] not in names]
        for name in gone:
            cursor.execute("DELETE FROM main.told WHERE channel = ?", [name])
        return edit

    return transact(store, write, f"notifications: {reason}" if reason else "notifications")


def changes(store: Store) -> pd.DataFrame | None:
    """The changes along the pipeline: id, model, at, kind, what, before, after. None in a store that an older Vigia made."""
    try:
        return store.frame('SELECT id, coalesce(model, \'\') AS model, "at", kind, what, before, after FROM main.changes ORDER BY "at", id')
    except duckdb.CatalogException:
        return None


def last_told(cursor: Connection, channel: str, kind: str) -> dict[str, Any] | None:
    """What a channel was told last, of this kind (news, digest): number, state, told_at, snapshot. None for nothing yet."""
    sql = "SELECT number, state, told_at, snapshot FROM main.told WHERE channel = ? AND kind = ? ORDER BY number DESC LIMIT 1"
    found = cursor.execute(sql, [channel, kind]).df().to_dict("records")  # fetchone() would need pytz for the time
    return {str(name): value for name, value in found[0].items()} if found else None


def tell(cursor: Connection, channel: str, kind: str, **facts: Any) -> None:
    """Keep what a channel was told: number, state, told_at, snapshot. What it was told before is forgotten."""
    cursor.execute("DELETE FROM main.told WHERE channel = ? AND kind = ?", [channel, kind])
    append(cursor, "told", pd.DataFrame([{"channel": channel, "kind": kind, **facts}]))


def put(cursor: Connection, messages: pd.DataFrame) -> None:
    """Put messages into the outbox: key, channel, kind, model, severity, subject, body, created_at, not_before. What is over for long goes."""
    row = cursor.execute("SELECT coalesce(max(id), 0) FROM main.outbox").fetchone()
    first = int(row[0]) + 1 if row else 1
    over = "DELETE FROM main.outbox WHERE id <= ? AND coalesce(sent_at, given_up_at) < ?"
    cursor.execute(over, [first + len(messages) - 1 - KEPT, messages["created_at"].max() - KEPT_FOR])
    append(cursor, "outbox", messages.assign(id=range(first, first + len(messages)), attempts=0), "id")


def due(store: Store, now: datetime) -> pd.DataFrame:
    """The messages that are to go now, the oldest first."""
    return store.frame(f"SELECT * FROM main.outbox WHERE {UNSENT} AND not_before <= $now ORDER BY id", {"now": now})


def waiting(store: Store) -> pd.DataFrame:
    """The messages that have not gone yet and will, the oldest first."""
    return store.frame(f"SELECT * FROM main.outbox WHERE {UNSENT} ORDER BY id")


def entries(store: Store, limit: int = KEPT) -> pd.DataFrame:
    """The last messages, the newest first, whatever became of them."""
    return store.frame("SELECT * FROM main.outbox ORDER BY id DESC LIMIT $limit", {"limit": limit})


def claim(store: Store, number: int, now: datetime) -> bool:
    """Take a message to send it, for as long as the lease lasts. False where another process has it or has sent it."""

    def write(cursor: Connection) -> bool:
        found = cursor.execute(
            f"SELECT 1 FROM main.outbox WHERE id = ? AND {UNSENT} AND not_before <= ?", [number, now]
        ).fetchone()
        if found:
            # Two that do this at once conflict on the row; the one that lost looks again and finds it claimed.
            sql = "UPDATE main.outbox SET not_before = ?, attempts = attempts + 1, last_error = NULL WHERE id = ?"
            cursor.execute(sql, [now + LEASE, number])
        return found is not None

    return transact(store, write, f"claim message {number}")


def hurry(store: Store, now: datetime) -> None:
    """Make what failed and waits for another try due now; what quiet hours hold back, and what another process is sending, stays."""
    sql = f"UPDATE main.outbox SET not_before = ?, last_error = NULL WHERE {UNSENT} AND last_error IS NOT NULL"
    transact(store, lambda cursor: cursor.execute(sql, [now]), "try again")


def mark_sent(store: Store, number: int, now: datetime) -> None:
    """Note that a message is sent."""
    sql = "UPDATE main.outbox SET sent_at = ?, last_error = NULL WHERE id = ?"
    transact(store, lambda cursor: cursor.execute(sql, [now, number]), f"message {number} is sent")


def mark_failed(store: Store, number: int, error: str, again: datetime | None, now: datetime) -> None:
    """Note why a message could not be sent, and when it is tried again; None to give it up."""
    sql = "UPDATE main.outbox SET last_error = ?, not_before = coalesce(?, not_before), given_up_at = ? WHERE id = ?"
    values = [error, again, now if again is None else None, number]
    transact(store, lambda cursor: cursor.execute(sql, values), f"message {number} could not be sent")
