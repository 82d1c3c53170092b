"""The store under everything that can happen to it, against plain DuckDB where there is an answer."""

import glob
import importlib.resources
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from data.load import load, loads, undo
from data.sql import quote
from data.store import COUNT_NOTHING, Store, open_store, transact

ROOT = Path(__file__).parents[2]

# The lake against plain DuckDB: the same history gives the same rows in every filter

VALUES = st.one_of(st.none(), st.integers(-3, 3).map(float), st.sampled_from([float("nan"), float("inf"), float("-inf"), 0.5]))
WORDS = st.one_of(st.none(), st.sampled_from(["a", "b", "n/a", "10", 'in"come; --', ""]))
INSERT = st.tuples(st.just("insert"), st.lists(st.tuples(VALUES, WORDS), min_size=1, max_size=6))
UNDO = st.tuples(st.just("undo"), st.integers(1, 4))
ADD = st.tuples(st.just("add"), st.sampled_from(["DOUBLE", "VARCHAR"]))
REBUILD = st.tuples(st.just("rebuild"), st.sampled_from(["DOUBLE", "VARCHAR"]))
HISTORIES = st.lists(st.one_of(INSERT, INSERT, UNDO, ADD, REBUILD), min_size=2, max_size=6)
FILTERS = (
    "true",
    "x < 1",
    "x IS NULL",
    "isnan(x)",
    "w = 'a'",
    "w IS NULL",
    "w >= 'b'",
    "_load = 2",
    "_load < 3 AND x > 0",
    "_load BETWEEN 2 AND 9",
)


class History:
    """One history, done to the lake and to plain DuckDB alike; on a table made as a load makes it, or as the store makes its own."""

    def __init__(self, store: Store, name: str, own: bool) -> None:
        self.store, self.name = store, name
        self.plain = duckdb.connect()
        self.added = self.loads = 0
        self.both("CREATE TABLE {t} (x DOUBLE, w VARCHAR, _load BIGINT)")
        if own:
            store.rows(COUNT_NOTHING)

    def both(self, sql: str, rows: list[tuple[Any, ...]] | None = None) -> None:
        """Statements, or one that takes rows, as one transaction here and there."""
        ours, plain = sql.format(t=f"logs.{self.name}", n=f"logs.{self.name}_new"), sql.format(t=self.name, n=f"{self.name}_new")
        transact(self.store, lambda cursor: self._do(cursor, ours, rows), "test")
        self._do(self.plain, plain, rows)

    def _do(self, cursor: duckdb.DuckDBPyConnection, sql: str, rows: list[tuple[Any, ...]] | None) -> None:
        for one in sql.split("; ") if rows is None else []:
            cursor.execute(one)
        half = len(rows or []) // 2
        for part in (rows or [])[:half], (rows or [])[half:]:  # in two statements, as two files of one load
            if part:
                cursor.execute(sql, [list(column) for column in zip(*part, strict=True)])

    def step(self, what: str, given: Any) -> None:
        if what == "insert":
            self.loads += 1
            rows = [(x, w, self.loads) for x, w in given]
            self.both("INSERT INTO {t} (x, w, _load) SELECT unnest(?::DOUBLE[]), unnest(?::VARCHAR[]), unnest(?::BIGINT[])", rows)
        elif what == "undo":
            self.both(f"DELETE FROM {{t}} WHERE _load = {given}")
        elif what == "add":
            self.added += 1
            self.both(f"ALTER TABLE {{t}} ADD COLUMN c{self.added} {given}")
        else:  # as data/rebuild.py does it: never ALTER TYPE
            rename = f"ALTER TABLE {{n}} RENAME TO {self.name}"
            self.both(
                f"CREATE TABLE {{n}} AS SELECT * REPLACE (TRY_CAST(w AS {given})::VARCHAR AS w) FROM {{t}}; DROP TABLE {{t}}; {rename}"
            )

    def check(self) -> None:
        ask = " UNION ALL ".join(
            f"SELECT {n} AS filter, x::VARCHAR AS x, w, _load FROM {{t}} WHERE {f}" for n, f in enumerate(FILTERS)
        )
        ours = self.store.cursor().execute(ask.format(t=f"logs.{self.name}") + " ORDER BY ALL").fetchall()
        assert ours == self.plain.execute(ask.format(t=self.name) + " ORDER BY ALL").fetchall()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(str(tmp_path_factory.mktemp("lake")))
    yield opened
    opened.close()


names = iter(range(10**6))


@given(HISTORIES, st.booleans())
# Two files of one load, the first without a value, then another load: DuckLake 1.5.5 lost the "a", see `_connect` in data/store.py
@example([("insert", [(1.0, None), (1.0, "a")]), ("insert", [(1.0, "b")])], False)
@example([("insert", [(1.0, None), (1.0, "a")]), ("insert", [(1.0, "b")])], True)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_history_of_the_lake_agrees_with_plain_duckdb(shared: Store, history: list[tuple[str, Any]], own: bool):
    done = History(shared, f"h{next(names)}", own)
    for what, given_ in history:
        done.step(what, given_)
    done.check()


# Several processes, and one that is killed


def run_python(code: str, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    command, streams = (
        [sys.executable, "-c", code, *arguments],
        {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True},
    )
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, **streams)


LOADER = """
import sys
from data.load import load
from data.store import open_store
store = open_store(sys.argv[1])
for file in sys.argv[2:]:
    load(store, [file], "m")
"""


WRITER = """
import sys
import pandas as pd
from data.store import append, open_store, transact
store = open_store(sys.argv[1])
for i in range(15):
    row = pd.DataFrame({"edit": [i], "author": [sys.argv[2]]})
    transact(store, lambda cursor: append(cursor, "thresholds", row), "edit")
"""


def finish(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors


def test_two_processes_that_write_at_once_lose_nothing(store: Store):
    finish([run_python(WRITER, store.where, name) for name in ("ann", "bob")])
    found = store.frame(
        "SELECT author, count(*) AS n, count(DISTINCT edit) AS d FROM main.thresholds GROUP BY ALL ORDER BY author"
    )
    assert found.to_numpy().tolist() == [["ann", 15, 15], ["bob", 15, 15]]


def write_logs(folder: Path, names: list[str]) -> list[str]:
    paths = []
    for name in names:
        path = folder / f"{name}.csv"
        path.write_text("ts,x,who\n" + "".join(f"2026-03-01 00:00:{i:02d},{i},{name}\n" for i in range(50)))
        paths.append(str(path))
    return paths


def test_two_processes_that_load_at_once_lose_nothing_and_count_on(tmp_path: Path):
    place = str(tmp_path / "store")
    open_store(place).close()
    first = write_logs(tmp_path, [f"a{i}" for i in range(4)])
    second = write_logs(tmp_path, [f"b{i}" for i in range(4)]) + first[:1]  # and both have this one
    processes = [run_python(LOADER, place, *files) for files in (first, second)]
    finish(processes)
    store = open_store(place)
    assert sorted(loads(store)["load"]) == list(range(1, 9))
    counted = store.frame("SELECT who, count(*) AS n FROM logs.m GROUP BY who ORDER BY who")
    assert dict(counted.values.tolist()) == {f"{letter}{i}": 50 for letter in "ab" for i in range(4)}


KILLED = """
import os, signal, sys
from data.load import load
from data.store import open_store
def progress(share, rows, left):
    if rows > 20_000:
        os.kill(os.getpid(), signal.SIGKILL)
load(open_store(sys.argv[1]), [sys.argv[2]], "m", progress=progress)
"""


def test_a_load_that_is_killed_leaves_nothing_half_done(store: Store, tmp_path: Path):
    small, big = write_logs(tmp_path, ["small", "big"])
    Path(big).write_text("ts,x,who\n" + "".join(f"2026-03-02 00:00:00,{i},big\n" for i in range(600_000)))
    load(store, [small], "m")
    process = run_python(KILLED, store.where, big)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    for seen in (store, open_store(store.where)):
        assert loads(seen)["rows"].to_list() == [50]
        assert seen.frame("SELECT count(*) AS n FROM logs.m")["n"][0] == 50
    assert load(store, [big], "m")[0].rows == 600_000  # and the lock that it held is free


def test_a_reader_never_waits_for_a_writer_and_sees_the_last_commit(store: Store, tmp_path: Path):
    first, second = write_logs(tmp_path, ["a", "b"])
    load(store, [first], "m")
    reader, counts = open_store(store.where), []

    def progress(*_: float | None) -> None:
        counts.append(reader.frame("SELECT count(*) AS n FROM logs.m")["n"][0])

    load(store, [second], "m", progress=progress)
    assert counts[0] == 50
    assert counts[-1] == 100


# Stores that cannot be opened or written


def test_a_store_of_a_newer_vigia_is_refused(store: Store):
    transact(store, lambda cursor: cursor.execute("UPDATE main.vigia SET format = 99"), "test")
    with pytest.raises(BadInput, match=r"has format 99, this Vigia reads up to 4\. Update Vigia"):
        open_store(store.where)


def test_a_store_that_is_no_directory_or_no_store(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match=r'The store ".*file" cannot be made'):
        open_store(str(tmp_path / "file"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "catalog.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(BadInput, match=r'The store ".*broken" cannot be opened'):
        open_store(str(tmp_path / "broken"))
    with pytest.raises(BadInput, match=r'The store "postgres:.*password=….*" cannot be opened') as told:
        open_store("postgres:host=127.0.0.1 port=1 dbname=x password=secret", str(tmp_path / "files"))
    assert "secret" not in str(told.value)


def test_a_copied_store_opens_where_it_is(store: Store, tmp_path: Path):
    load(store, write_logs(tmp_path, ["a"]), "m")
    copy = shutil.copytree(store.where, tmp_path / "copy")
    shutil.rmtree(store.where)
    assert open_store(str(copy)).frame("SELECT count(*) AS n FROM logs.m")["n"][0] == 50


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], check=False, capture_output=True).returncode
    ):
        pytest.skip("a full disk needs a small file system, and only root may mount one here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


FILLER = """
import sys
from data.errors import BadInput
from data.load import load, loads
from data.store import open_store
store = open_store(sys.argv[1])
try:
    load(store, [sys.argv[2]], "m")
except BadInput as error:
    print(error)
print(len(loads(store)))
"""


def test_a_full_disk_is_told_in_one_sentence_and_nothing_is_loaded(small_disk: Path, tmp_path: Path):
    big = tmp_path / "big.csv"
    big.write_text(
        "ts,x,y\n"
        + "".join(f"2026-03-02 00:00:00,{(i * 7919) % 999_983}.{i % 977},{(i * 104_729) % 899_981}\n" for i in range(400_000))
    )
    process = subprocess.run(
        [sys.executable, "-c", FILLER, str(small_disk / "store"), str(big)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert process.returncode == 0, process.stderr
    told, left = process.stdout.splitlines()
    assert told.endswith("is full; nothing was changed. Free some space, then do it again.")
    assert left == "0"


# A team's store: the catalogue in PostgreSQL


def postgres_programs() -> str | None:
    """The folder of initdb and pg_ctl; Debian keeps them off the path."""
    for folder in [os.path.dirname(shutil.which("initdb") or ""), *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]:
        if folder and (Path(folder) / "pg_ctl").exists():
            return folder
    return None


def as_user(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "nobody", "--", *command] if os.geteuid() == 0 else command


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: neither initdb nor pg_ctl is on the path or in /usr/lib/postgresql")
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no runuser to start it as nobody")
    folder = Path(
        subprocess.run(as_user(["mktemp", "-d"]), check=True, capture_output=True, text=True).stdout.strip()
    )  # nobody's own
    control = [f"{programs}/pg_ctl", "-D", str(folder / "pg"), "-w", "-l", str(folder / "log")]
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"  # no port: nothing to collide with
    try:
        subprocess.run(
            as_user([f"{programs}/initdb", "-D", str(folder / "pg"), "-A", "trust", "-U", "vigia"]),
            check=True,
            capture_output=True,
        )
        subprocess.run(as_user([*control, "-o", options, "start"]), check=True, stdout=subprocess.DEVNULL)
        yield f"host={folder} user=vigia"
    finally:
        subprocess.run(as_user([*control, "-m", "immediate", "stop"]), check=False, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(server: str) -> str:
    """A database of its own in the server."""
    name = f"db{next(names)}"
    duckdb.connect().execute(f"LOAD '{extension('postgres_scanner')}'").execute(
        f"ATTACH '{server} dbname=postgres' AS p (TYPE postgres)"
    ).execute(f"CALL postgres_execute('p', 'CREATE DATABASE {name}', use_transaction = false)")
    return f"{server} dbname={name}"


def extension(name: str) -> str:
    path = (
        importlib.resources.files(f"duckdb_extension_{name}")
        / "extensions"
        / f"v{duckdb.__version__}"
        / f"{name}.duckdb_extension"
    )
    return str(path)


def test_load_query_and_undo_through_postgresql(postgres: str, tmp_path: Path):
    store = open_store(f"postgres:{postgres}", str(tmp_path / "files"))
    first, second = write_logs(tmp_path, ["a", 'in"come; --'])
    done = load(store, [first, second], "m")
    assert [one.rows for one in done] == [50, 50]
    assert load(store, [first], "m")[0].already
    assert "50 rows" in undo(store, done[0].load)
    again = open_store(f"postgres:{postgres}", str(tmp_path / "files"))
    assert again.frame("SELECT who, count(*) AS n FROM logs.m GROUP BY who").values.tolist() == [['in"come; --', 50]]
    assert again.frame(f"SELECT count(*) AS n FROM logs.{quote('m')} WHERE x < 10")["n"][0] == 10
    assert loads(again)["undone_at"].isna().to_list() == [True, False]


def test_two_writers_in_postgresql_from_machines_that_share_no_lock(postgres: str, tmp_path: Path):
    place, files = f"postgres:{postgres}", str(tmp_path / "files")
    open_store(place, files).close()
    lists = [write_logs(tmp_path, [f"{letter}{i}" for i in range(3)]) for letter in "ab"]
    for letter in "ab":
        (tmp_path / letter).mkdir()
    processes = [
        run_python(LOADER, place, *paths, VIGIA_FILES=files, TMPDIR=str(tmp_path / letter))  # locks lie in the temporary folder
        for letter, paths in zip("ab", lists, strict=True)
    ]
    finish(processes)
    store = open_store(place, files)
    assert sorted(loads(store)["load"]) == [1, 2, 3, 4, 5, 6]
    assert store.frame("SELECT count(*) AS n FROM logs.m")["n"][0] == 300
