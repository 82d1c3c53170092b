"""The outbox: a crash, or a second process, neither loses a message nor sends it under another key."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from receivers import web

from data import outbox
from data.store import Store, open_store, transact
from monitors import channels, deliver

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def put(store: Store, *keys: str, channel: str = "hook", not_before: datetime = NOW, created: datetime | None = None) -> None:
    rows = [
        {
            "key": key, "channel": channel, "kind": "alerts", "model": "m", "severity": "warning", "subject": f"m: {key}",
            "body": f'{{"key": "{key}", "subject": "m", "text": "t", "markdown": "t"}}', "not_before": not_before,
            "created_at": created or datetime.now(UTC),
        }
        for key in keys
    ]  # fmt: skip
    transact(store, lambda cursor: outbox.put(cursor, pd.DataFrame(rows)), "put")


def hook(url: str) -> channels.Settings:
    return channels.read(f"channels: [{{name: hook, kind: webhook, url: '{url}'}}]", "test")


def test_what_is_due_is_claimed_once_and_comes_back_after_the_lease(store: Store):
    put(store, "a", "b", not_before=NOW)
    put(store, "later", not_before=NOW + timedelta(hours=1))
    assert outbox.due(store, NOW)["key"].tolist() == ["a", "b"]
    assert outbox.claim(store, 1, NOW)
    assert not outbox.claim(store, 1, NOW)
    assert outbox.due(store, NOW)["key"].tolist() == ["b"]
    assert outbox.due(store, NOW + outbox.LEASE)["key"].tolist() == ["a", "b"]
    outbox.mark_sent(store, 1, NOW)
    assert not outbox.claim(store, 1, NOW + outbox.LEASE)
    assert outbox.entries(store)["key"].tolist() == ["later", "b", "a"]


def test_what_failed_waits_and_what_is_given_up_is_over(store: Store):
    put(store, "a")
    outbox.mark_failed(store, 1, "no answer", NOW + timedelta(minutes=2), NOW)
    assert outbox.due(store, NOW).empty
    assert outbox.due(store, NOW + timedelta(minutes=2))["last_error"].tolist() == ["no answer"]
    put(store, "held", not_before=NOW + timedelta(hours=9))
    outbox.hurry(store, NOW)
    assert outbox.due(store, NOW)["key"].tolist() == ["a"]  # quiet hours go on holding
    outbox.mark_sent(store, 2, NOW)
    outbox.mark_failed(store, 1, "no answer", None, NOW)
    assert outbox.due(store, NOW + timedelta(days=9)).empty
    assert outbox.waiting(store).empty


def test_what_is_over_for_a_month_goes_but_for_the_last_ones_and_what_waits_stays(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outbox, "KEPT", 2)
    put(store, *"abcd", created=NOW)
    for number, key in enumerate("abc", start=1):
        assert outbox.claim(store, number, NOW), key
    outbox.mark_sent(store, 1, NOW)
    outbox.mark_failed(store, 2, "no answer", None, NOW)  # given up
    outbox.mark_sent(store, 3, NOW + timedelta(days=20))
    put(store, "e", created=NOW + timedelta(days=30))  # no day too early
    assert outbox.entries(store)["key"].tolist() == list("edcba")
    put(store, "f", created=NOW + timedelta(days=31))
    assert outbox.entries(store)["key"].tolist() == list("fedc")
    for number in (5, 6):
        outbox.mark_sent(store, number, NOW + timedelta(days=31))
    put(store, "g", created=NOW + timedelta(days=400))
    assert outbox.entries(store)[["id", "key"]].values.tolist() == [[7, "g"], [6, "f"], [4, "d"]]  # d was never sent
    assert outbox.due(store, NOW + timedelta(days=400))["key"].tolist() == ["d", "g"]


def test_a_server_that_fails_twice_gets_it_the_third_time_under_one_key(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deliver, "PAUSES", (0.01, 0.01))
    put(store, "a")
    with web(500, 503) as server:
        [done] = deliver.deliver(store, hook(server.url))
    assert done.error == ""
    assert [headers["Idempotency-Key"] for headers in server.headers] == ["a", "a", "a"]
    assert outbox.waiting(store).empty


def test_a_channel_that_fails_keeps_its_messages_in_order_and_does_not_hold_up_others(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deliver, "PAUSES", ())
    put(store, "a", "b")
    put(store, "c", channel="other")
    with web(500) as failing, web() as other:
        both = channels.read(
            f"channels: [{{name: hook, kind: webhook, url: '{failing.url}'}}, {{name: other, kind: webhook, url: '{other.url}'}}]", "t"
        )
        done = deliver.deliver(store, both)
        assert [(one.channel, one.error) for one in done] == [("hook", "The server answered 500 Internal Server Error."), ("other", "")]
        assert len(failing.bodies) == 1
        waiting = outbox.waiting(store)
        assert waiting["key"].tolist() == ["a", "b"]
        wait = waiting["not_before"].iloc[0] - pd.Timestamp.now("UTC")
        assert pd.Timedelta(seconds=50) < wait <= pd.Timedelta(seconds=60)


def test_a_server_that_hangs_costs_its_time_once(store: Store, monkeypatch: pytest.MonkeyPatch):
    from data import sending

    monkeypatch.setattr(sending, "TIMEOUT", 0.5)
    put(store, "a", "b", "c")
    with web(0, 0, 0) as server:
        began = time.monotonic()
        [done] = deliver.deliver(store, hook(server.url))
        assert time.monotonic() - began < 10
    assert done.error == "No answer within 0 seconds."
    assert len(server.bodies) == 1


def test_after_three_days_it_is_given_up_and_a_channel_that_is_gone_gets_nothing(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deliver, "PAUSES", ())
    put(store, "old", created=datetime.now(UTC) - timedelta(days=4))
    put(store, "gone", channel="removed")
    with web(500) as server:
        deliver.deliver(store, hook(server.url))
    assert outbox.waiting(store).empty
    assert outbox.entries(store)["last_error"].tolist() == ["There is no such channel any more.", "The server answered 500 Internal Server Error."]


SENDER = """
import sys
from data.store import open_store
from monitors import channels, deliver
store = open_store(sys.argv[1])
deliver.deliver(store, channels.read("channels: [{name: hook, kind: webhook, url: '" + sys.argv[2] + "'}]", "test"))
"""


def sender(place: str, url: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", SENDER, place, url], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})


def test_killed_between_sending_and_noting_it_the_message_goes_again_under_the_same_key(tmp_path: Path):
    place = str(tmp_path / "store")
    store = open_store(place)
    put(store, "a")
    with web(0) as server:  # it has the message, and has not answered yet: the sender cannot know
        process = sender(place, server.url)
        until = time.monotonic() + 60
        while not server.bodies and time.monotonic() < until:
            time.sleep(0.05)  # the receiver tells nobody, and holds its answer back
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        assert [body["key"] for body in server.bodies] == ["a"]
        assert outbox.due(store, datetime.now(UTC)).empty  # claimed: nobody sends it again at once
        waiting = outbox.waiting(store)
        assert waiting["attempts"].tolist() == [1]
        transact(store, lambda cursor: cursor.execute("UPDATE main.outbox SET not_before = created_at"), "the lease is over")
        deliver.deliver(store, hook(server.url))
        deliver.deliver(store, hook(server.url))
    assert [headers["Idempotency-Key"] for headers in server.headers] == ["a", "a"]
    assert outbox.waiting(store).empty


def test_two_processes_send_each_message_once(tmp_path: Path):
    place = str(tmp_path / "store")
    store = open_store(place)
    put(store, *"abcdef")
    with web() as server:
        processes = [sender(place, server.url) for _ in range(2)]
        assert [process.wait(120) for process in processes] == [0, 0]
    assert sorted(body["key"] for body in server.bodies) == list("abcdef")
    assert outbox.waiting(store).empty


def test_no_settings_cost_next_to_nothing(store: Store):
    began = time.process_time()
    assert deliver.after_run(store) == []
    assert time.process_time() - began < 0.5  # 10 ms here; not a timed test, a guard against reading the alerts
