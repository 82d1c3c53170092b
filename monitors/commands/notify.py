"""notify and notifications: tell people what is new; who is told, and how."""

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime

from data import outbox
from data.errors import BadInput
from data.store import Store
from monitors import channels, deliver, output

Add = Callable[..., argparse.ArgumentParser]
SHOWN = [
    "id",
    "channel",
    "kind",
    "model",
    "severity",
    "subject",
    "created_at",
    "not_before",
    "attempts",
    "last_error",
    "sent_at",
    "given_up_at",
]


def declare(add: Add) -> None:
    """The commands of this subject."""
    text = "send what is new and what is due; what is acknowledged is not told again, what is muted not at all (`decide`)"
    one = add(_notify, "notify", text, "--dry-run")
    one.add_argument("--dry-run", action="store_true", help="print the messages that would go; send and keep nothing")
    one.add_argument("--again", action="store_true", help="try what failed again now, before its time has come")
    one.add_argument(
        "--format", choices=("text", "json"), default="text", help="of --dry-run: the text, or the JSON of a webhook"
    )
    add(_show, "notifications show", "each channel, and whether its variables are set", "")
    one = add(_export, "notifications export", "the settings as YAML", "-o notifications.yaml")
    one.add_argument("-o", "--output", metavar="FILE")
    one = add(
        _apply, "notifications apply", "make a YAML file of settings the ones in force", "notifications.yaml --reason 'PR 7'"
    )
    one.add_argument("file", metavar="FILE")
    one.add_argument("--reason", required=True, help="kept in the history")
    one = add(_test, "notifications test", "send a test", "team")
    one.add_argument("channel", metavar="CHANNEL", help="its name, as `notifications show` tells it")
    one = add(_outbox, "notifications outbox", "the last messages and what became of them", "--format json")
    one.add_argument("--format", choices=("csv", "json"), default="csv")


def _notify(store: Store, asked: argparse.Namespace) -> int:
    wanted = deliver.settings(store)
    if not any(channel.enabled for channel in wanted.channels):
        print("No channel is set. Add one: python -m monitors notifications apply FILE, or on the page Thresholds.")
        return 0
    if asked.dry_run:
        return _dry_run(store, wanted, asked.format)
    done = [*(deliver.try_again(store) if asked.again else ()), *deliver.after_run(store)]
    print("\n".join(deliver.summary(done)) or "Nothing to send.")
    _tell_waiting(store)
    return 0


def _tell_waiting(store: Store) -> None:
    left = outbox.waiting(store)
    if len(left):
        first = left["not_before"].min()
        print(f"{len(left)} wait, the first until {first:%Y-%m-%d %H:%M} UTC: python -m monitors notifications outbox")


def _dry_run(store: Store, wanted: channels.Settings, form: str) -> int:
    found = deliver.planned(store, wanted)
    if form == "json":
        print(json.dumps([json.loads(one.message.body) for one in found], ensure_ascii=False))
        return 0
    for one in found:
        held = f" (held back until {one.not_before:%Y-%m-%d %H:%M} UTC)" if one.not_before > datetime.now(UTC) else ""
        print(f"To {one.message.channel}{held}: {one.message.subject}\n\n{deliver.text(one.message)}\n")
    if not found:
        print("Nothing to send.")
    _tell_waiting(store)
    return 0


def _show(store: Store, _asked: argparse.Namespace) -> int:
    wanted = deliver.settings(store)
    print(f"Links lead to {wanted.url}" if wanted.url else "Messages have no links: set `url:`, the address of the pages.")
    for one in wanted.channels:
        missing = deliver.unset(one)
        state = "off" if not one.enabled else f"{missing[0]} is not set" if missing else "on"
        quiet = f", quiet {one.quiet_hours} {one.time_zone}" if one.quiet_hours else ""
        digest = f", digest {one.digest} {one.time_zone}" if one.digest else ""
        told = f"{', '.join(one.what) or 'no alerts'} from {one.min_severity} on"
        print(f"{one.name}: {one.kind}, {state}; {', '.join(one.models) or 'every model'}: {told}{quiet}{digest}")
    if not wanted.channels:
        print("No channel is set.")
    return 0


def _export(store: Store, asked: argparse.Namespace) -> int:
    output.write_text(channels.dump(deliver.settings(store)), asked.output)
    return 0


def _apply(store: Store, asked: argparse.Namespace) -> int:
    wanted = channels.read(output.read_text(asked.file, "a YAML file, as `notifications export` writes it"), asked.file)
    edit = deliver.save(store, wanted, asked.reason)
    count = len(wanted.channels)
    print(f"Applied {count} channel{'' if count == 1 else 's'} from {asked.file}, edit {edit}.")
    return 0


def _test(store: Store, asked: argparse.Namespace) -> int:
    channel = channels.find(deliver.settings(store), asked.channel)
    error = deliver.test(channel)
    if error is not None:
        raise BadInput(f'The test did not go through the channel "{channel.name}": {error}')
    print(f"Sent a test to {channel.name}.")
    return 0


def _outbox(store: Store, asked: argparse.Namespace) -> int:
    output.write(outbox.entries(store)[SHOWN], asked.format, None)
    return 0
