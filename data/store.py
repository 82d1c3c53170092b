"""The store: one DuckLake, DuckDB on top.

A directory with an SQLite catalogue by default; `postgres:…` for a team. Every write goes through `transact`, which retries what lost a race
and records who did it and why. One connection a process, one cursor a query: two queries on one connection cut the first short.
"""

import errno
import getpass
import importlib.resources
import json
import os
import re
import shutil
import tempfile
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pandas as pd
import pyarrow as pa
from filelock import FileLock, Timeout
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random_exponential

from data.errors import BadInput
from data.sql import literal, quote

T = TypeVar("T")
Connection = duckdb.DuckDBPyConnection
FORMAT = 4  # of the tables below; a store that a newer Vigia wrote is refused rather than misread, an older one gets what it lacks
DATASETS = ("log", "reference", "training", "labels")
SCHEMAS = {"log": "logs", "reference": "reference", "training": "training", "labels": "labels"}
TABLES = {
    "vigia": "format INTEGER",
    "loads": """load BIGINT, model VARCHAR, dataset VARCHAR, version VARCHAR, file VARCHAR, sha256 VARCHAR, bytes BIGINT, rows BIGINT,
        misfits BIGINT, first_time TIMESTAMPTZ, last_time TIMESTAMPTZ, notes VARCHAR[], loaded_at TIMESTAMPTZ, author VARCHAR,
        undone_at TIMESTAMPTZ, undone_by VARCHAR""",
    "parts": "model VARCHAR, version VARCHAR, window_start TIMESTAMPTZ, window_end TIMESTAMPTZ, load BIGINT, rows BIGINT",
    "roles": "model VARCHAR, roles VARCHAR, edited_at TIMESTAMPTZ, author VARCHAR, reason VARCHAR",
    "runs": """run BIGINT, model VARCHAR, snapshot BIGINT, loads BIGINT[], basis VARCHAR, windows BIGINT, measurements BIGINT,
        started_at TIMESTAMPTZ, finished_at TIMESTAMPTZ, author VARCHAR""",
    "bins": """model VARCHAR, version VARCHAR, "column" VARCHAR, role VARCHAR, kind VARCHAR, edges DOUBLE[], categories VARCHAR[],
        others VARCHAR[], whole BOOLEAN""",
    "profiles": """model VARCHAR, version VARCHAR, dataset VARCHAR, segment VARCHAR, window_start TIMESTAMPTZ, window_end TIMESTAMPTZ,
        "column" VARCHAR, role VARCHAR, kind VARCHAR, rows BIGINT, nulls BIGINT, misfits BIGINT, nans BIGINT, pos_infs BIGINT,
        neg_infs BIGINT, sum DOUBLE, sum_squares DOUBLE, min DOUBLE, max DOUBLE, below_sum DOUBLE, above_sum DOUBLE,
        counts BIGINT[], new_values BIGINT, new_top VARCHAR, fractions BIGINT, duplicates BIGINT, errors BIGINT, bad_sums BIGINT,
        last_time TIMESTAMPTZ""",
    "measurements": """model VARCHAR, version VARCHAR, monitor VARCHAR, metric VARCHAR, "column" VARCHAR, segment VARCHAR,
        window_start TIMESTAMPTZ, window_end TIMESTAMPTZ, rows BIGINT, value DOUBLE, noise DOUBLE, usual DOUBLE, p_value DOUBLE,
        reason VARCHAR, dataset VARCHAR, coverage DOUBLE""",
    "tasks": """model VARCHAR, kind VARCHAR, positive VARCHAR, classes VARCHAR[], reason VARCHAR, basis VARCHAR""",
    "quality": """model VARCHAR, version VARCHAR, dataset VARCHAR, segment VARCHAR, window_start TIMESTAMPTZ, window_end TIMESTAMPTZ,
        kind VARCHAR, class VARCHAR, rows BIGINT, predicted BIGINT, selected BIGINT, labelled BIGINT, tp BIGINT, fp BIGINT, fn BIGINT, tn BIGINT,
        labels VARCHAR[], label_counts BIGINT[], scored BIGINT, log_loss_sum DOUBLE, brier_sum DOUBLE, bins INTEGER[], positives BIGINT[],
        negatives BIGINT[], unlabelled BIGINT[], score_sums DOUBLE[], error_sum DOUBLE, error_abs DOUBLE, error_squares DOUBLE,
        label_sum DOUBLE, label_squares DOUBLE, spots INTEGER[], spot_rows BIGINT[], spot_labelled BIGINT[], spot_errors DOUBLE[],
        spot_squares DOUBLE[], lag_bins INTEGER[], lag_counts BIGINT[], lag_sum DOUBLE""",
    "jobs": """model VARCHAR, version VARCHAR, job VARCHAR, started_at TIMESTAMPTZ, wall_s DOUBLE, cpu_s DOUBLE, peak_mb DOUBLE, rows BIGINT,
        extra VARCHAR, added_at TIMESTAMPTZ, author VARCHAR""",
    "floors": """model VARCHAR, version VARCHAR, "column" VARCHAR, segment VARCHAR, metric VARCHAR, kind VARCHAR, period INTEGER, days BIGINT,
        "rows" DOUBLE[], "values" DOUBLE[], reference_rows DOUBLE""",
    "pairs": """model VARCHAR, version VARCHAR, segment VARCHAR, window_start TIMESTAMPTZ, window_end TIMESTAMPTZ, "column" VARCHAR, kind VARCHAR,
        log_rows BIGINT, joined BIGINT, mismatched BIGINT, log_nulls BIGINT, training_nulls BIGINT, unmatched BIGINT""",
    "mismatches": """model VARCHAR, version VARCHAR, "column" VARCHAR, kind VARCHAR, window_start TIMESTAMPTZ, window_end TIMESTAMPTZ,
        "key" VARCHAR, time TIMESTAMPTZ, segments VARCHAR[], served VARCHAR, trained VARCHAR, served_misfit BOOLEAN, trained_misfit BOOLEAN,
        twins VARCHAR[], chance_twins VARCHAR[], earlier TIMESTAMPTZ[], later TIMESTAMPTZ[]""",
    "thresholds": "edit BIGINT, rules VARCHAR, edited_at TIMESTAMPTZ, author VARCHAR, reason VARCHAR",
    "decisions": """decision BIGINT, "at" TIMESTAMPTZ, author VARCHAR, kind VARCHAR, model VARCHAR, version VARCHAR, monitor VARCHAR, metric VARCHAR,
        "column" VARCHAR, segment VARCHAR, start TIMESTAMPTZ, "end" TIMESTAMPTZ, value VARCHAR, note VARCHAR, retracts BIGINT""",
    "notifications": "edit BIGINT, settings VARCHAR, edited_at TIMESTAMPTZ, author VARCHAR, reason VARCHAR",
    "told": "channel VARCHAR, kind VARCHAR, number BIGINT, state VARCHAR, told_at TIMESTAMPTZ, snapshot BIGINT",
    "outbox": """id BIGINT, key VARCHAR, channel VARCHAR, kind VARCHAR, model VARCHAR, severity VARCHAR, subject VARCHAR, body VARCHAR,
        created_at TIMESTAMPTZ, not_before TIMESTAMPTZ, attempts INTEGER, last_error VARCHAR, sent_at TIMESTAMPTZ, given_up_at TIMESTAMPTZ""",
    "load_columns": 'load BIGINT, "column" VARCHAR, type VARCHAR',
    "lineage": """model VARCHAR, load BIGINT, basis VARCHAR, window_start TIMESTAMPTZ, version VARCHAR, code VARCHAR, data VARCHAR,
        source VARCHAR, rows BIGINT, first_time TIMESTAMPTZ, last_time TIMESTAMPTZ""",
    "manifests": """model VARCHAR, version VARCHAR, valid_from TIMESTAMPTZ, kind VARCHAR, body VARCHAR, file VARCHAR, sha256 VARCHAR,
        loaded_at TIMESTAMPTZ, author VARCHAR""",
    "changes": """id VARCHAR, model VARCHAR, version VARCHAR, "at" TIMESTAMPTZ, kind VARCHAR, what VARCHAR, before VARCHAR, after VARCHAR,
        detail VARCHAR, origin VARCHAR, author VARCHAR""",
    "schemas": """edit BIGINT, model VARCHAR, version VARCHAR, edits VARCHAR, edited_at TIMESTAMPTZ, author VARCHAR,
        reason VARCHAR""",
}
# In DuckLake's own catalogue: a file is there from one commit on, and until another; so is what was deleted of it.
CHANGED = """SELECT max(greatest(begin_snapshot, coalesce(end_snapshot, 0))) FROM (
        SELECT table_id, begin_snapshot, end_snapshot FROM __ducklake_metadata_lake.ducklake_data_file
        UNION ALL SELECT table_id, begin_snapshot, end_snapshot FROM __ducklake_metadata_lake.ducklake_delete_file)
    WHERE table_id IN (SELECT table_id FROM __ducklake_metadata_lake.ducklake_table t
        JOIN __ducklake_metadata_lake.ducklake_schema s USING (schema_id) WHERE s.schema_name = 'main' AND list_contains(?, t.table_name))"""
# Of new normals that were accepted, under the number of the decision in place of a version: what was learnt of each, and for which it is done.
TABLES |= {f"normal_{name}": TABLES[name] for name in ("bins", "profiles", "floors")} | {"normals": "model VARCHAR, decision BIGINT"}
# What a lost race says; nothing of the transaction was done, so it is done again.
RACES = ("database is locked", "conflict", "Conflict", "could not serialize", "deadlock detected", "PRIMARY KEY or UNIQUE constraint")
# DuckLake 1.5.5 keeps what it knows of a table's size, but not that it knows nothing: of a table that never had a row it asks the catalogue anew
# for every column of every statement. On the store's 300 columns that was two thirds of a run on a small log.
COUNT_NOTHING = """
    INSERT INTO __ducklake_metadata_lake.ducklake_table_stats (table_id, record_count, next_row_id, file_size_bytes)
    SELECT table_id, 0, 0, 0 FROM __ducklake_metadata_lake.ducklake_table
    WHERE end_snapshot IS NULL AND table_id NOT IN (SELECT table_id FROM __ducklake_metadata_lake.ducklake_table_stats)
"""
EXTENSIONS = {"sqlite": ("ducklake", "sqlite_scanner"), "postgres": ("ducklake", "postgres_scanner")}


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """An open lake. `files` is where the rows lie; `cursor()` gives a connection of its own for one query."""

    where: str
    files: str
    connection: Connection = field(repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    idle: list[Connection] = field(default_factory=list, repr=False)  # between two queries of `lent`

    def cursor(self) -> Connection:
        """A cursor that is already in the lake; close it, or let it go, after one query."""
        with self.lock:  # `cursor()` itself is not safe from two threads
            cursor = self.connection.cursor()
        cursor.execute("USE lake")
        return cursor

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        """A cursor for queries of which nothing is left to fetch at the end; the next one gets it then. To make one takes half as long as a query."""
        try:
            cursor = self.idle.pop()
        except IndexError:
            cursor = self.cursor()
        yield cursor
        self.idle.append(cursor)  # not after an error, of which something might be left

    def frame(self, sql: str, parameters: dict[str, Any] | list[Any] | None = None) -> pd.DataFrame:
        """The rows of a query. Times come back in UTC and aware."""
        with self.lent() as cursor, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The inplace keyword in DataFrame.drop")  # DuckDB 1.5.5 on pandas 3, MAP columns
            return cursor.execute(sql, parameters).df()

    def table(self, sql: str, parameters: dict[str, Any] | list[Any] | None = None) -> pa.Table:
        """As `frame`, as Arrow has it. Its `to_pandas` gives the same, a hundred thousand rows in 0.1 s less, where no whole number is null."""
        with self.lent() as cursor:
            return cursor.execute(sql, parameters).to_arrow_table()

    def rows(self, sql: str, parameters: dict[str, Any] | list[Any] | None = None) -> list[tuple[Any, ...]]:
        """As `frame`, a tuple each: for a few values, without times."""
        with self.lent() as cursor:
            return cursor.execute(sql, parameters).fetchall()

    def snapshot(self) -> int:
        """The number of the last commit: the key of every cache."""
        return int(self.rows("SELECT id FROM lake.current_snapshot()")[0][0])

    def close(self) -> None:
        """Let go of the lake."""
        while self.idle:
            self.idle.pop().close()
        self.connection.close()

    def changed(self, *tables: str) -> int:
        """The number of the last commit that changed one of these tables of `main`: the key of a cache of what is dear and read of them alone."""
        return int(self.rows(CHANGED, [list(tables)])[0][0] or 0)


def default_place() -> str:
    """`VIGIA_STORE`, else `.vigia` in the working directory."""
    return os.environ.get("VIGIA_STORE") or ".vigia"


def author() -> str:
    """Who acts: `VIGIA_AUTHOR`, else the login name."""
    try:
        return os.environ.get("VIGIA_AUTHOR") or getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that has no name
        return "unknown"


def open_store(where: str | None = None, files: str | None = None) -> Store:
    """Open the lake, made if it is not there.

    Parameters
    ----------
    where : a directory, or `postgres:` and a libpq connection string; `VIGIA_STORE`, else `.vigia`.
    files : where the rows lie; `VIGIA_FILES`, else `files` in the directory (`.vigia-files` beside a PostgreSQL catalogue).

    Raises
    ------
    BadInput : the place cannot be reached or written, or a newer Vigia wrote it.
    """
    place = where or default_place()
    team = place.startswith(("postgres:", "postgresql:"))
    rows = files or os.environ.get("VIGIA_FILES") or (".vigia-files" if team else str(Path(place) / "files"))
    try:
        if not team:
            Path(place).mkdir(parents=True, exist_ok=True)
        if "://" not in rows:
            Path(rows).mkdir(parents=True, exist_ok=True)
            rows = str(Path(rows).resolve())
    except OSError as error:
        raise BadInput(f'The store "{place}" cannot be made: {error.strerror}. Name a directory that you may write, with --store.') from error
    store = Store(place, rows, _connect(place, rows, team))
    _make_tables(store)
    return store


def _connect(place: str, rows: str, team: bool) -> Connection:
    scratch = Path(tempfile.gettempdir()) / f"vigia-{os.getpid()}"
    # The extensions are signed, but to check that takes 0.3 s at every start, and whoever can write where packages lie can change Python too.
    config: dict[str, Any] = {"temp_directory": str(scratch), "allow_unsigned_extensions": "true"}
    config |= {"memory_limit": os.environ.get("VIGIA_MEMORY", "1GB")}
    config |= {"threads": os.environ["VIGIA_THREADS"]} if os.environ.get("VIGIA_THREADS") else {}
    connection = duckdb.connect(config=config)
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    # DuckLake 1.5.5 forgets a column's bounds when the first files of a table come in one transaction and the very first has only nulls in
    # it; the next commit then writes its own bounds as the table's, and filters lose all rows outside. Files keep right bounds of their own.
    connection.execute("SET GLOBAL disabled_optimizers = 'statistics_propagation'")
    for name in EXTENSIONS["postgres" if team else "sqlite"]:
        package = importlib.resources.files(f"duckdb_extension_{name}")
        path = package / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        connection.execute(f"LOAD {literal(str(path))}")
    server = place if "://" in place else place.split(":", 1)[-1]
    catalog = f"ducklake:postgres:{server}" if team else f"ducklake:sqlite:{Path(place).resolve() / 'catalog.sqlite'}"
    options = f"DATA_PATH {literal(rows)}, DATA_INLINING_ROW_LIMIT 0"
    if not team:
        # Paths in the catalogue are relative, so a directory that was moved or copied opens where it is now.
        options += ", META_JOURNAL_MODE 'WAL', META_BUSY_TIMEOUT 10000, OVERRIDE_DATA_PATH true"
    try:
        _retried(lambda: connection.execute(f"ATTACH {literal(catalog)} AS lake ({options})"))
    except duckdb.Error as error:
        told = _without_secret(f'The store "{place}" cannot be opened: {_first_line(error)}')
        raise BadInput(f"{told}. Check --store or VIGIA_STORE.") from error
    return connection


def _make_tables(store: Store) -> None:
    found = _format(store)
    if found is not None and found > FORMAT:
        raise BadInput(
            f'The store "{_without_secret(store.where)}" has format {found}, this Vigia reads up to {FORMAT}. '
            "Update Vigia, or name another store with --store."
        )
    if found == FORMAT:
        return

    def make(cursor: Connection) -> None:
        for schema in SCHEMAS.values():
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        there = cursor.execute("SELECT DISTINCT table_name FROM duckdb_columns() WHERE database_name = 'lake' AND schema_name = 'main'")
        old = {row[0] for row in there.fetchall()}
        for name, spec in TABLES.items():
            cursor.execute(f"CREATE TABLE IF NOT EXISTS main.{name} ({spec})")
            for column in map(str.strip, spec.split(",")) if name in old else ():
                cursor.execute(f"ALTER TABLE main.{name} ADD COLUMN IF NOT EXISTS {column}")
        cursor.execute("DELETE FROM main.vigia")
        cursor.execute("INSERT INTO main.vigia VALUES (?)", [FORMAT])

    transact(store, make, "make the store")
    _retried(lambda: store.rows(COUNT_NOTHING))


def _format(store: Store) -> int | None:
    try:  # to ask for the table's name first would read the statistics of every table, which takes longer than all else that opening does
        found: int | None = store.rows("SELECT max(format) FROM main.vigia")[0][0]
    except duckdb.CatalogException:  # an empty lake
        return None
    return found


def transact(store: Store, work: Callable[[Connection], T], message: str, extra: dict[str, Any] | None = None) -> T:
    """Do `work` in one transaction and commit it with author, message and extra facts; whole or not at all.

    A commit that lost a race is rolled back and the whole of `work` done again, for up to a minute, so `work` must not act outside the lake.
    """

    def once() -> T:
        with store.lent() as cursor:
            cursor.begin()
            try:
                result = work(cursor)
                cursor.execute("CALL lake.set_commit_message(?, ?, extra_info => ?)", [author(), message, json.dumps(extra or {})])
                cursor.commit()
            except BaseException:
                _roll_back(cursor)
                raise
        return result

    try:
        return _retried(once)
    except (duckdb.Error, OSError) as error:
        if _is_full(error, store.files):
            raise BadInput(f'The disk of the store "{store.files}" is full; nothing was changed. Free some space, then do it again.') from error
        raise


def _roll_back(cursor: Connection) -> None:
    with suppress(duckdb.Error):  # a failed commit has rolled back already; the first error is the one to tell
        cursor.rollback()


@retry(
    retry=retry_if_exception(lambda e: isinstance(e, duckdb.Error) and any(r in str(e) for r in RACES)),
    wait=wait_random_exponential(multiplier=0.02, max=1),
    stop=stop_after_delay(60),
    reraise=True,
)
def _retried(work: Callable[[], T]) -> T:
    return work()


def _is_full(error: Exception, place: str) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    text = str(error)
    if "No space left" in text or "disk full" in text or "database or disk is full" in text:
        return True
    return "Could not write" in text and Path(place).exists() and shutil.disk_usage(place).free < 1_000_000


@contextmanager
def one_run(store: Store) -> Iterator[None]:
    """Held by `run`: one at a time in a store (on one machine; between machines the commits themselves conflict and are retried)."""
    with one_at_a_time(store, "run"):
        yield


@contextmanager
def one_at_a_time(store: Store, what: str) -> Iterator[None]:
    """Held by a "run" or a "load": the second waits for the first, in a store on one machine."""
    name = f"vigia-{zlib.crc32(store.where.encode()):08x}-{what}.lock"
    path = Path(tempfile.gettempdir()) / name if store.where.startswith("postgres") else Path(store.where) / f"{what}.lock"
    try:
        with FileLock(path, timeout=600):
            yield
    except Timeout as error:
        raise BadInput(f"Another {what} has held {path} for ten minutes. Wait for it, or end that process.") from error


def claim(cursor: Connection) -> None:
    """Makes two transactions that both call this conflict, so that one is done again after the other: for numbers counted upwards."""
    cursor.execute("UPDATE main.vigia SET format = format")


def table(dataset: str, model: str) -> str:
    """The quoted name of a model's table: `logs."flight-delay"`."""
    return f"{SCHEMAS[dataset]}.{quote(model)}"


def columns(cursor: Connection, dataset: str, model: str) -> dict[str, str]:
    """Column → type of a model's table, in their order; empty when there is none yet."""
    rows = cursor.execute(
        """SELECT column_name, data_type FROM duckdb_columns()
        WHERE database_name = 'lake' AND schema_name = ? AND table_name = ? ORDER BY column_index""",
        [SCHEMAS[dataset], model],
    ).fetchall()
    return dict(rows)


def tables(cursor: Connection, model: str) -> dict[str, dict[str, str]]:
    """The `columns` of every dataset of a model that has a table: one question to the catalogue, not four."""
    rows = cursor.execute(
        """SELECT schema_name, column_name, data_type FROM duckdb_columns()
        WHERE database_name = 'lake' AND table_name = ? AND list_contains(?, schema_name) ORDER BY column_index""",
        [model, list(SCHEMAS.values())],
    ).fetchall()
    found = {dataset: {name: kind for where, name, kind in rows if where == schema} for dataset, schema in SCHEMAS.items()}
    return {dataset: types for dataset, types in found.items() if types}


def models(store: Store) -> list[str]:
    """Every model of which something was loaded, by name."""
    return [row[0] for row in store.rows("SELECT DISTINCT model FROM main.loads WHERE undone_at IS NULL ORDER BY model")]


def append(cursor: Connection, name: str, rows: pd.DataFrame, order: str = "") -> None:
    """Add rows to one of the tables of `TABLES`, by column name; what the frame lacks is null. Rows often read together lie in `order`."""
    if rows.empty:
        return
    names = ", ".join(quote(c) for c in rows.columns)
    # DuckDB finds the frame by the name that it has here. One that is registered is held until the transaction ends: 4 million measurements, 1 GB.
    cursor.execute(f'INSERT INTO lake.main.{name} ({names}) SELECT {names} FROM "rows"{order and " ORDER BY " + order}')


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


def _without_secret(place: str) -> str:
    return re.sub(r"(password=|://[^:/@\s]+:)[^\s@\"]+", r"\1…", place)
