"""Profiling a loaded log against DuckDB's bare scan of the same columns, in one run.   python tests/benchmarks/bench_profile.py [ROWS …]

Prints CPU seconds, their ratio to the scan, wall time and peak memory; then what one more day costs on a year of history. Files go to .bench/.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from data import bins as learning
from data import profile as profiling
from data import refresh, segmented
from data.load import load
from data.roles import from_dict
from data.sql import quote
from data.store import Store, open_store
from monitors import run
from tests.benchmarks import logs
from tests.benchmarks.meter import Cost, cost, in_turns, show, sizes

HERE, DAYS = Path(".bench"), 30


def lake(rows: int) -> Store:
    """A store with the reference and a log of 30 days, not yet run."""
    place = HERE / f"lake-{rows}"
    store = open_store(str(place))
    roles = from_dict(logs.ROLES)
    load(store, [logs.write(HERE / "reference.parquet", 100_000, DAYS, -60, seed=1, drifts=False)], "bench", "reference", roles=roles)
    load(store, [logs.write(HERE / f"log-{rows}.parquet", rows, DAYS)], "bench", roles=roles)
    return store


def bare_scan(store: Store) -> None:
    parts = [f"sum({quote(n)})" for n in logs.NUMBERS] + [f"max({quote(t)})" for t in logs.TEXTS]
    store.cursor().execute(f"SELECT {', '.join(parts)} FROM logs.bench").fetchall()


def profiles(store: Store, segments: bool) -> None:
    """All that `run` does to profile the log, but for storing the result."""
    roles = from_dict(logs.ROLES)
    roles = replace(roles, score=None, prediction=None, segments=roles.segments if segments else ())
    cursor = store.cursor()
    (source,) = refresh.log_sources(cursor, "bench", roles)
    reference = learning.reference_source(cursor, "bench", roles)
    assert reference is not None
    values = segmented.segments(cursor, [source, reference])
    touched = profiling.windows(cursor, source)
    learnt = learning.kept(cursor, "bench")[""]
    bins = dict.fromkeys(touched["version"].unique(), learnt)
    for turn in profiling.turns(touched, bins, values, source):
        profiling.scan(store, source, turn, bins, values)


def learn(store: Store) -> None:
    """Bins of the reference, kept in the store, so that they are no part of what is measured."""
    cursor = store.cursor()
    if not learning.kept(cursor, "bench"):
        roles = from_dict(logs.ROLES)
        reference = learning.reference_source(cursor, "bench", roles)
        refresh.learn_references(store, "bench", roles, reference, ("",), segmented.segments(cursor, [reference]), {}, lambda _s, _p: None)


def against_scan(rows: int) -> list[tuple[str, Cost, float]]:
    store = lake(rows)
    learn(store)
    bare_scan(store)
    steps = {"bare scan": lambda: bare_scan(store), "profile": lambda: profiles(store, False), "profile, 10 segments": lambda: profiles(store, True)}
    return in_turns(steps, f"{rows / 1e6:g}M rows")


def history(name: str, rows: int, days: int) -> tuple[Store, Cost]:
    """A store with a log of so many days, and what it cost to run it."""
    place = HERE / f"lake-{name}"
    shutil.rmtree(place, ignore_errors=True)
    store, roles = open_store(str(place)), from_dict(logs.ROLES)
    load(store, [HERE / "reference.parquet"], "bench", "reference", roles=roles)
    load(store, [logs.write(HERE / f"{name}.parquet", rows, days)], "bench", roles=roles)
    return store, cost(lambda: run.run(store))


def next_day(store: Store, day: int) -> Cost:
    """What the day after costs."""
    load(store, [logs.write(HERE / f"day-{day}.parquet", 2_740, 1, day, seed=3)], "bench", roles=from_dict(logs.ROLES))
    return cost(lambda: run.run(store))


def one_more_day() -> list[tuple[str, Cost, float]]:
    """One day more on a year of 1M rows, and on two weeks of as many a day: that its price is its own, whatever came before."""
    store, year = history("year", 1_000_000, 365)
    day = next_day(store, 365)
    young = next_day(history("weeks", 38_360, 14)[0], 14)
    return [
        ("run on a year, 1M rows", year, 1.0),
        ("run on one day more", day, day.cpu / year.cpu),
        ("run on one day more of two weeks", young, young.cpu / year.cpu),
    ]


def main() -> None:
    show([row for rows in sizes([1_000_000, 10_000_000]) for row in against_scan(rows)] + one_more_day())


if __name__ == "__main__":
    main()
