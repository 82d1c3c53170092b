"""The store: many writers lose nothing, a crash leaves nothing half-done, and a team's PostgreSQL serves the same code."""

import os
import shutil
import signal
import subprocess
import sys
from glob import glob
from pathlib import Path

import pandas as pd
import pytest

from data.errors import BadInput
from data.load import load, undo
from data.store import Store, append, open_store, transact

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
import pandas as pd
from data.store import append, open_store, transact
store = open_store(sys.argv[1])
for i in range(15):
    row = pd.DataFrame({"edit": [i], "author": [sys.argv[2]]})
    transact(store, lambda cursor: append(cursor, "thresholds", row), "edit")
"""
HALF = """
import sys
import pandas as pd
from data.store import append, open_store, transact
def work(cursor):
    append(cursor, "thresholds", pd.DataFrame({"edit": range(1000)}))
    print("half", flush=True)
    sys.stdin.read()
transact(open_store(sys.argv[1]), work, "never done")
"""


def process(code: str, *words: str) -> "subprocess.Popen[str]":
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code, *words], cwd=ROOT, **pipes)


def test_two_processes_that_write_at_once_lose_nothing(store: Store):
    writers = [process(WRITER, store.where, name) for name in ("ann", "bob")]
    for writer in writers:
        writer.communicate(timeout=120)
    assert [writer.returncode for writer in writers] == [0, 0]
    found = store.frame(
        "SELECT author, count(*) AS n, count(DISTINCT edit) AS d FROM main.thresholds GROUP BY ALL ORDER BY author"
    )
    assert found.to_numpy().tolist() == [["ann", 15, 15], ["bob", 15, 15]]


def test_a_killed_process_leaves_nothing_half_done(store: Store):
    victim = process(HALF, store.where)
    assert victim.stdout is not None
    assert victim.stdout.readline() == "half\n"
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()
    assert store.frame("SELECT count(*) AS n FROM main.thresholds")["n"].iloc[0] == 0
    transact(store, lambda cursor: append(cursor, "thresholds", pd.DataFrame({"edit": [1]})), "goes on")
    assert store.frame("SELECT count(*) AS n FROM main.thresholds")["n"].iloc[0] == 1


def test_a_store_of_a_newer_version_is_refused(store: Store):
    transact(store, lambda cursor: cursor.execute("UPDATE main.vigia SET format = 99"), "newer")
    with pytest.raises(BadInput, match="has format 99, this Vigia reads up to 1"):
        open_store(store.where)


def test_a_place_that_cannot_be_made_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be made: Not a directory"):
        open_store(str(tmp_path / "file" / "store"))


def test_a_copied_store_opens_where_it_is(store: Store, tmp_path: Path):
    transact(store, lambda cursor: append(cursor, "thresholds", pd.DataFrame({"edit": [7]})), "before")
    copy = shutil.copytree(store.where, tmp_path / "copy")
    assert open_store(str(copy)).frame("SELECT edit FROM main.thresholds")["edit"].tolist() == [7]


@pytest.fixture
def postgres():
    """A PostgreSQL server on a socket of its own; it refuses to run as root, so another user does."""
    found = shutil.which("pg_ctl") or next(iter(sorted(glob("/usr/lib/postgresql/*/bin/pg_ctl"))), None)
    if found is None:
        pytest.skip("PostgreSQL is not installed here (.ci/run installs it): the team's store was not tested")
    place = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    user = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(place, "nobody")
    initdb = str(Path(os.path.realpath(found)).with_name("initdb"))
    data, options = str(place / "data"), f"-k {place} -c listen_addresses= -F"
    subprocess.run([*user, initdb, "-D", data, "-U", "vigia", "-A", "trust"], cwd=place, check=True, capture_output=True)
    start = [*user, found, "-D", data, "-o", options, "-w", "-l", str(place / "log"), "start"]
    subprocess.run(start, cwd=place, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"postgres:host={place} user=vigia dbname=postgres"
    subprocess.run([*user, found, "-D", data, "-m", "immediate", "stop"], cwd=place, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(place, ignore_errors=True)


def test_a_team_on_postgresql_loads_reads_and_takes_back(postgres: str, tmp_path: Path):
    (tmp_path / "log.csv").write_text("ts,x\n2026-03-01T10:00:00Z,1\n2026-03-01T11:00:00Z,2\n")
    store = open_store(postgres, str(tmp_path / "files"))
    (loaded,) = load(store, [tmp_path / "log.csv"], "m")
    other = open_store(postgres, str(tmp_path / "files"))
    assert other.frame("SELECT sum(x) AS s FROM logs.m")["s"].iloc[0] == 3
    undo(other, loaded.load)
    assert store.frame("SELECT count(*) AS n FROM logs.m")["n"].iloc[0] == 0
