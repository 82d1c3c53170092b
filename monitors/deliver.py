"""Telling people: what is new goes into the outbox, what is due goes out. Joins the settings, the alerts and the outbox."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from data import outbox, sending
from data.errors import BadInput
from data.store import Connection, Store, models, transact
from data.store import claim as claim_store
from monitors import channels, hours, messages, notify, run
from monitors.channels import Channel, Settings
from monitors.messages import Message

TRIES = 3  # in one pass, with PAUSES between them
PAUSES = (1.0, 2.0)  # seconds
MOST_SECONDS = 60.0  # of a pass: what is left goes with the next


@dataclass(frozen=True, slots=True)
class Planned:
    """A message that is to go, and not before when."""

    message: Message
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one message: error is "" where it was sent."""

    channel: str
    subject: str
    error: str


@dataclass(frozen=True, slots=True)
class _Now:
    """Things as they are: what is compared with what was told."""

    alerts: pd.DataFrame
    clocks: dict[str, pd.Timestamp]
    changes: pd.DataFrame
    snapshot: int


def after_run(store: Store) -> list[Delivered]:
    """Queue what is new and send what is due; nothing, and at no cost, where no channel is set."""
    wanted = settings(store)
    if not any(channel.enabled for channel in wanted.channels):
        return []
    queue(store, wanted)
    return deliver(store, wanted)


def try_again(store: Store) -> list[Delivered]:
    """Send what failed before, without waiting until its time has come."""
    outbox.hurry(store, datetime.now(UTC))
    return deliver(store, settings(store))


def summary(done: Sequence[Delivered]) -> list[str]:
    """A line for each message that went or failed."""
    return [
        f"Told {one.channel}: {one.subject}" if not one.error else f"Could not tell {one.channel} ({one.subject}): {one.error}"
        for one in done
    ]


def settings(store: Store) -> Settings:
    """The settings in force."""
    text = outbox.settings(store)
    return Settings() if text is None else channels.read(text, "notifications")


def save(store: Store, wanted: Settings, reason: str) -> int:
    """Make these the settings in force; gives the number of the edit.

    Raises
    ------
    BadInput : a URL holds a secret.
    """
    for one in wanted.channels:
        if one.kind == "apprise" and sending.holds_secret(one.url):
            raise BadInput(f'channel "{one.name}": its URL holds a token or password: {channels.MEND}.')
    return outbox.save(store, channels.dump(wanted), [one.name for one in wanted.channels], reason)


def planned(store: Store, wanted: Settings, now: datetime | None = None) -> list[Planned]:
    """The messages that would be queued now; nothing is written."""
    return _plan(store.cursor(), _as_it_is(store), wanted, now or datetime.now(UTC))[0]


def queue(store: Store, wanted: Settings, now: datetime | None = None) -> list[Planned]:
    """Put what is new into the outbox and keep that it was told, both or neither."""
    as_it_is, at = _as_it_is(store), now or datetime.now(UTC)

    def write(cursor: Connection) -> list[Planned]:
        claim_store(cursor)  # of two that do this at once, the second sees what the first told
        found, told = _plan(cursor, as_it_is, wanted, at)
        if found:
            outbox.put(cursor, pd.DataFrame([_row(one, at) for one in found]))
        for channel, kind, facts in told:
            outbox.tell(cursor, channel, kind, **facts)
        return found

    if not _plan(store.cursor(), as_it_is, wanted, at)[1]:
        return []
    return transact(store, write, "queue messages")


def _as_it_is(store: Store) -> _Now:
    snapshot = store.snapshot()
    ends = {name: run.end_of_log(store, name) for name in models(store)}
    clocks = {name: end for name, end in ends.items() if end is not None}
    changes = outbox.changes(store)
    return _Now(run.alerts(store), clocks, notify.no_changes() if changes is None else changes, snapshot)


Telling = tuple[str, str, dict[str, Any]]  # channel, kind, facts


def _plan(cursor: Connection, seen: _Now, wanted: Settings, now: datetime) -> tuple[list[Planned], list[Telling]]:
    """The messages, and what is to be kept as told."""
    found: list[Planned] = []
    told: list[Telling] = []
    for channel in wanted.channels:
        if not channel.enabled:
            continue
        for kind in ("news", "digest") if channel.digest else ("news",):
            last = outbox.last_told(cursor, channel.name, kind)
            if last is not None and last["snapshot"] > seen.snapshot:
                continue  # another process saw more than this one and has told it
            made, is_told = _of_kind(kind, channel, last, seen, wanted.url, now)
            found += [Planned(one, _held_until(channel, one.kind, one.severity, now)) for one in made]
            state = notify.to_json(notify.as_told(seen.alerts, seen.clocks, seen.changes, _before(last)))
            if is_told and (made or last is None or last["state"] != state):
                facts = {"number": (last["number"] if last else 0) + 1, "state": state, "told_at": now, "snapshot": seen.snapshot}
                told.append((channel.name, kind, facts))
    return found, told


def _of_kind(
    kind: str, channel: Channel, last: dict[str, Any] | None, seen: _Now, url: str, now: datetime
) -> tuple[list[Message], bool]:
    """The messages of a kind, and whether what is told is to be kept: a digest that is not due tells nothing."""
    before = _before(last)
    fresh = notify.news(seen.alerts, seen.changes, before, channel)
    if kind == "news":
        return messages.of_news(fresh, channel, url, now), True
    if last is None:  # from here on it counts what is new
        return [], True
    if hours.last_due(channel.digest, channel.time_zone, now) <= last["told_at"]:
        return [], False
    return [messages.of_digest(fresh, channel, url, now)], True


def _before(last: dict[str, Any] | None) -> notify.Told | None:
    return notify.from_json(last["state"]) if last else None


def _held_until(channel: Channel, kind: str, severity: str, now: datetime) -> datetime:
    """When a message may go: now, or when the quiet hours end."""
    if channel.critical_passes and kind == "alerts" and severity == "critical":
        return now
    return hours.quiet_until(channel.quiet_hours, channel.time_zone, now) or now


def _row(one: Planned, now: datetime) -> dict[str, Any]:
    fields = ("key", "channel", "kind", "model", "severity", "subject", "body")
    return {name: getattr(one.message, name) for name in fields} | {"created_at": now, "not_before": one.not_before}


def deliver(store: Store, wanted: Settings) -> list[Delivered]:
    """Send what is due. A channel that fails is left alone until the next pass, so that its messages keep their order and one that hangs
    costs its time once."""
    done: list[Delivered] = []
    failing: set[str] = set()
    began = time.monotonic()
    known = {channel.name: channel for channel in wanted.channels}
    for row in outbox.due(store, datetime.now(UTC)).to_dict("records"):
        if time.monotonic() - began > MOST_SECONDS:
            break
        channel, number = known.get(row["channel"]), int(row["id"])
        if row["channel"] in failing or (channel is not None and not channel.enabled):
            continue
        at = datetime.now(UTC)
        if channel is not None and _held_until(channel, row["kind"], row["severity"], at) > at:
            continue  # it failed before the quiet hours, or they were set since
        if channel is None:
            outbox.mark_failed(store, number, "There is no such channel any more.", None, datetime.now(UTC))
            continue
        if not outbox.claim(store, number, datetime.now(UTC)):
            continue
        error = _tried(channel, json.loads(row["body"]))
        now = datetime.now(UTC)
        if error is None:
            outbox.mark_sent(store, number, now)
        else:
            failing.add(channel.name)
            given_up = notify.is_given_up(row["created_at"], now)
            outbox.mark_failed(store, number, error, None if given_up else notify.retry_at(int(row["attempts"]) + 1, now), now)
        done.append(Delivered(channel.name, row["subject"], error or ""))
    return done


def _tried(channel: Channel, body: dict[str, Any]) -> str | None:
    """Send with a second and a third try within seconds; the error of the last, None where it was sent."""
    for pause in (*PAUSES, None):
        try:
            sending.send(channel, body)
            return None
        except sending.NotSent as error:
            if not error.soon or pause is None:
                return str(error)
        time.sleep(pause)  # a receiver that restarts is back in a second or two; what lasts longer waits for the next pass
    return None


def text(message: Message) -> str:
    """A message as text."""
    return str(json.loads(message.body)["text"])


def unset(channel: Channel) -> list[str]:
    """The environment variables that it needs and that are not set here."""
    return sending.unset(channel)


def test(channel: Channel) -> str | None:
    """Send a test through a channel, once; the error in one sentence, None where it was sent."""
    try:
        sending.send(channel, json.loads(messages.of_test(channel, datetime.now(UTC)).body))
    except sending.NotSent as error:
        return str(error)
    return None
