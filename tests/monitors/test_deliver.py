"""From a run to what people read: the command line, real receivers, and a store searched for secrets byte by byte."""

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commandline import ROOT, Done, process, vigia
from receivers import mail, web

from data import outbox
from data.errors import BadInput
from data.load import load
from data.roles import from_dict
from data.store import Connection, Store, open_store, transact
from monitors import channels, deliver, run

SECRET = "geheim-8c1d0f6b2a"
PASSWORD = "Kennwort/9f+3e"


def rows(start: str, days: int, shift: float) -> pd.DataFrame:
    time = pd.date_range(start, periods=days * 100, freq=pd.Timedelta(days=1) / 100, tz="UTC")
    # Within the range that the reference has, so that drift alone alerts.
    return pd.DataFrame({"ts": time, "x": np.random.default_rng(1).normal(shift, 1, len(time)).clip(-3, 3)})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with two weeks of log, the second of them shifted by two standard deviations; files of a third and a healthy fourth."""
    folder = tmp_path_factory.mktemp("made")
    store = open_store(str(folder / "store"))
    roles = from_dict({"timestamp": "ts", "features": ["x"]})
    parts = {"reference": ("2026-01-05", 14, 0.0), "week1": ("2026-03-02", 7, 0.0), "week2": ("2026-03-09", 7, 2.0),
             "week3": ("2026-03-16", 7, 2.0), "week4": ("2026-03-23", 7, 0.0)}  # fmt: skip
    for name, about in parts.items():
        rows(*about).to_parquet(folder / f"{name}.parquet")
    load(store, [folder / "reference.parquet"], "churn", "reference", roles=roles)
    load(store, [folder / "week1.parquet", folder / "week2.parquet"], "churn", "log", roles=roles)
    run.run(store)
    store.close()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "own"))


@pytest.fixture
def store(folder: Path) -> Store:
    return open_store(str(folder / "store"))


def ask(folder: Path, *words: str, **environment: str) -> Done:
    return vigia(*words, "--store", folder / "store", **environment)


def hook(**fields: object) -> channels.Settings:
    channel = channels.channel({"name": "hook", "kind": "webhook", "url": "http://127.0.0.1:1/", **fields})
    return channels.Settings(url="http://v.org", channels=(channel,))


def subjects(found: list[deliver.Planned]) -> list[str]:
    return [one.message.subject for one in found]


def add_week(store: Store, folder: Path, name: str) -> None:
    load(store, [folder / f"{name}.parquet"], "churn", "log")
    run.run(store)


def test_each_thing_is_told_once_as_weeks_go_by(store: Store, folder: Path):
    assert subjects(deliver.queue(store, hook())) == ["churn: 1 new critical alert"]
    assert deliver.queue(store, hook()) == []
    add_week(store, folder, "week3")
    assert deliver.queue(store, hook()) == []  # it goes on
    add_week(store, folder, "week4")
    assert subjects(deliver.queue(store, hook())) == ["churn: 1 resolved"]
    assert deliver.queue(store, hook()) == []
    assert len(outbox.entries(store)) == 2


def test_a_dry_run_keeps_nothing(store: Store):
    before = store.snapshot()
    assert subjects(deliver.planned(store, hook())) == ["churn: 1 new critical alert"]
    assert store.snapshot() == before


def test_of_two_that_queue_at_once_one_does(store: Store):
    with ThreadPoolExecutor(2) as pool:
        found = [job.result() for job in [pool.submit(deliver.queue, store, hook()) for _ in range(2)]]
    assert sorted(map(len, found)) == [0, 1]
    assert len(outbox.entries(store)) == 1


QUEUER = """
import sys
from data.store import open_store
from monitors import channels, deliver
store = open_store(sys.argv[1])
wanted = channels.read("channels: [{name: hook, kind: webhook, url: 'http://127.0.0.1:1/'}]", "test")
print("ready", flush=True)
deliver.queue(store, wanted)
"""


@pytest.mark.parametrize("seconds", [0.05, 0.3])
def test_killed_while_it_queues_nothing_is_lost_or_told_twice(folder: Path, seconds: float):
    command = [sys.executable, "-c", QUEUER, str(folder / "store")]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(seconds)
    process.kill()
    process.communicate(timeout=60)
    store = open_store(str(folder / "store"))
    deliver.queue(store, hook())
    entries = outbox.entries(store)
    assert entries["subject"].tolist() == ["churn: 1 new critical alert"]
    assert len(store.frame("SELECT * FROM main.told")) == 1


def test_quiet_hours_hold_a_message_back_unless_it_is_critical_and_may_pass(store: Store):
    night = datetime(2026, 4, 1, 23, tzinfo=UTC)
    quiet = {"quiet_hours": "22:00-07:00", "time_zone": "UTC"}
    [held] = deliver.planned(store, hook(**quiet), night)
    assert held.not_before == datetime(2026, 4, 2, 7, tzinfo=UTC)
    [passed] = deliver.planned(store, hook(**quiet, critical_passes=True), night)
    assert passed.not_before == night
    deliver.queue(store, hook(**quiet), night)
    assert outbox.due(store, night + timedelta(hours=7)).empty
    assert len(outbox.due(store, night + timedelta(hours=8))) == 1


def test_what_failed_before_the_quiet_hours_is_not_tried_within_them(store: Store):
    begin = datetime.now(UTC) - timedelta(hours=1)
    quiet = f"{begin:%H:%M}-{begin + timedelta(hours=12):%H:%M}"
    deliver.queue(store, hook())
    assert deliver.deliver(store, hook(quiet_hours=quiet)) == []
    assert outbox.waiting(store)["attempts"].tolist() == [0]


def test_a_digest_comes_when_it_is_due_and_once(store: Store):
    monday = datetime(2026, 4, 6, 7, 59, tzinfo=UTC)
    wanted = hook(digest="monday 08:00", what=[])
    assert deliver.queue(store, wanted, monday) == []  # from here on it counts
    [digest] = deliver.queue(store, wanted, monday + timedelta(minutes=1))
    assert digest.message.subject == "Vigia, weekly digest: 1 open alert, nothing new"
    assert deliver.queue(store, wanted, monday + timedelta(days=6)) == []
    assert len(deliver.queue(store, wanted, monday + timedelta(days=8))) == 1


def test_a_change_is_told_once(store: Store):
    columns = 'id VARCHAR, model VARCHAR, version VARCHAR, "at" TIMESTAMPTZ, kind VARCHAR, what VARCHAR, before VARCHAR, after VARCHAR'
    add = "INSERT INTO main.changes (id, model, \"at\", kind, what, before, after) VALUES (?, 'churn', '2026-03-09', 'dependency', 'numpy', '1', '2')"

    def first(cursor: Connection) -> None:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS main.changes ({columns})")
        cursor.execute(add, ["before anyone listened"])

    transact(store, first, "a change")
    assert subjects(deliver.queue(store, hook())) == ["churn: 1 new critical alert"]
    transact(store, lambda cursor: cursor.execute(add, ["since then"]), "a change")
    [told] = deliver.queue(store, hook())
    assert told.message.subject == "churn: 1 change"
    assert "9 Mar 2026, dependency: numpy: 1 → 2" in deliver.text(told.message)
    assert deliver.queue(store, hook()) == []


def test_a_channel_that_is_off_hears_nothing_until_it_is_on(store: Store):
    assert deliver.queue(store, hook(enabled=False)) == []
    assert subjects(deliver.queue(store, hook())) == ["churn: 1 new critical alert"]


def test_settings_are_a_history_and_what_apprise_would_hide_is_refused(store: Store):
    deliver.save(store, hook(), "first")
    deliver.save(store, hook(digest="daily 08:00"), "second")
    assert outbox.edits(store)["reason"].tolist() == ["second", "first"]
    assert deliver.settings(store) == hook(digest="daily 08:00")
    bare = channels.Settings(channels=(channels.channel({"name": "t", "kind": "apprise", "url": "tgram://123456789:abcdefg_hijklm/1231/"}),))
    with pytest.raises(BadInput, match="its URL holds a token or password") as refused:
        deliver.save(store, bare, "oops")
    assert "abcdefg" not in str(refused.value)


SETTINGS = """
url: https://vigia.example.org
channels:
  - {name: hook, kind: webhook, url_env: HOOK_URL, headers: {Authorization: "Bearer ${HOOK_TOKEN}"}}
  - {name: post, kind: email, smtp: "127.0.0.1:%d", security: none, from: vigia@example.org, to: [team@example.org]}
  - {name: broken, kind: apprise, url: "json://me:${PASSWORD}@127.0.0.1:1/"}
"""


def test_the_command_line_from_settings_to_messages_and_no_secret_anywhere(folder: Path):
    with web() as server, mail() as (box, port):
        file = folder / "notifications.yaml"
        file.write_text(SETTINGS % port)
        secrets = {"HOOK_URL": f"{server.url}hooks/{SECRET}?sig={SECRET}", "HOOK_TOKEN": SECRET, "PASSWORD": PASSWORD}
        done = [ask(folder, "notifications", "apply", str(file), "--reason", "PR 7", **secrets)]
        assert done[-1].stdout == f"Applied 3 channels from {file}, edit 1.\n"
        done.append(ask(folder, "notify", "--dry-run", **secrets))
        assert done[-1].stdout.count("churn: 1 new critical alert") == 3
        assert "https://vigia.example.org/drift?model=churn" in done[-1].stdout
        assert server.bodies == []
        done.append(process("run", "--store", folder / "store", **secrets))
        assert done[-1].stdout.splitlines()[:3] == [
            "Nothing new since the last run.", "Told hook: churn: 1 new critical alert", "Told post: churn: 1 new critical alert",
        ]  # fmt: skip
        assert "Could not tell broken (churn: 1 new critical alert): Apprise could not send it" in done[-1].stdout
        done.append(ask(folder, "notify", **secrets))
        assert done[-1].stdout.startswith("Nothing to send.\n1 wait")
        done.append(process("notify", "--again", "--store", folder / "store", **secrets))
        assert done[-1].stdout.startswith("Could not tell broken")
        done.append(ask(folder, "notifications", "test", "hook", **secrets))
        done.append(ask(folder, "notifications", "test", "broken", **secrets))
        done.append(ask(folder, "notifications", "test", "hook"))
        assert [one.returncode for one in done] == [0, 0, 0, 0, 0, 0, 2, 2]
        assert done[-2].stderr.startswith('vigia: The test did not go through the channel "broken": Apprise could not send it')
        assert "HOOK_URL is not set where Vigia runs" in done[-1].stderr
        done.append(ask(folder, "notifications", "show", **secrets))
        done.append(ask(folder, "notifications", "export", **secrets))
        assert channels.read(done[-1].stdout, "export") == channels.read(file.read_text(), "file")
        done.append(ask(folder, "notifications", "outbox", "--format", "json"))
        assert [(one["channel"], one["sent_at"] is not None) for one in json.loads(done[-1].stdout)] == [
            ("broken", False), ("post", True), ("hook", True),
        ]  # fmt: skip
    assert [body["kind"] for body in server.bodies] == ["alerts", "test"]
    assert server.headers[0]["Authorization"] == f"Bearer {SECRET}"
    assert box.mails[0]["Subject"] == "churn: 1 new critical alert"
    told = "".join(one.stdout + one.stderr for one in done).encode()
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    written = [SECRET.encode(), PASSWORD.encode(), b"Kennwort%2F9f", b"geheim"]
    assert [word for word in written if word in told] == []
    assert [(path, word) for path, content in files.items() for word in written if word in content] == []
    # Parquet may be compressed: so also what is read back.
    kept = open_store(str(folder / "store"))
    for table in ("notifications", "told", "outbox"):
        assert not any(word in kept.frame(f"SELECT * FROM main.{table}").to_csv().encode() for word in written)


@pytest.mark.parametrize(("text", "sentence"), [
    ("channels: [{name: a, kind: slack, url: 'https://hooks.slack.com/services/T/B/geheim'}]", "its URL holds a token"),
    ("channels: [{name: a, kind: apprise, url: 'tgram://123456789:geheim_hijklmnop/12315544/'}]", "its URL holds a"),
])  # fmt: skip
def test_a_secret_in_the_settings_is_refused_and_kept_nowhere(folder: Path, text: str, sentence: str):
    (folder / "n.yaml").write_text(text)
    done = ask(folder, "notifications", "apply", str(folder / "n.yaml"), "--reason", "x")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "geheim" not in done.stderr + done.stdout
    assert outbox.settings(open_store(str(folder / "store"))) is None


def test_without_channels_it_says_how_to_add_one(folder: Path):
    assert "notifications apply" in ask(folder, "notify").stdout
    assert ask(folder, "run").stdout == "Nothing new since the last run.\n"
    assert ask(folder, "notifications", "apply", "missing.yaml", "--reason", "x").returncode == 2
