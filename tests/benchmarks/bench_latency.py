"""Profiling four logged times against DuckDB's bare scan of the same columns, in one run.   python tests/benchmarks/bench_latency.py [ROWS …]

Prints CPU seconds, their ratio to the scan, wall time and peak memory; then what measuring a year of such days costs. Files go to .bench/.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))

from data import profile as profiling
from data import refresh, segmented
from data.bins import LATENCY
from data.roles import from_dict
from data.sql import quote
from data.store import Store
from monitors import latency
from tests.benchmarks import logs
from tests.benchmarks.bench_profile import lake
from tests.benchmarks.meter import Cost, cost, in_turns, show, sizes

TIMES = ("n03", "n04", "n05", "n13")  # Pareto, lognormal, exponential, gamma: the shapes of latencies
ROLES = replace(from_dict(logs.ROLES), features=(), score=None, prediction=None, latency=TIMES, types=())
DAYS, VERSIONS, SEGMENTS = 365, 3, 20


def profiles(store: Store, segments: bool) -> None:
    """What `run` does to profile the times, but for storing the result."""
    cursor = store.cursor()
    (source,) = refresh.log_sources(cursor, "bench", ROLES if segments else replace(ROLES, segments=()))
    values = segmented.segments(cursor, [source])
    touched = profiling.windows(cursor, source)
    bins: dict[str, dict[str, object]] = {version: {} for version in touched["version"].unique()}
    for turn in profiling.turns(touched, bins, values, source):
        profiling.scan(store, source, turn, bins, values)


def year() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Profiles of one time, of three versions one after the other and twenty segments, with the edges."""
    g, starts = np.random.default_rng(0), pd.date_range("2025-01-01", periods=DAYS, tz="UTC")
    edges = np.asarray(LATENCY.edges)
    rows = []
    for day, start in enumerate(starts):
        version = f"v{1 + day * VERSIONS // DAYS}"
        for segment in ("all", *(f"region=r{i}" for i in range(SEGMENTS))):
            times = g.lognormal(3, 0.5, 1000)
            counts = np.bincount(np.searchsorted(edges, times), minlength=LATENCY.size)
            facts = {"rows": 1000, "sum": times.sum(), "sum_squares": (times**2).sum(), "min": times.min(), "max": times.max()}
            rows.append({"version": version, "segment": segment, "window_start": start, "counts": counts, **facts})
    same = {"model": "m", "dataset": "log", "column": "latency_ms", "role": "latency", "kind": "number"}
    zeros = dict.fromkeys(("nulls", "misfits", "nans", "pos_infs", "neg_infs", "new_values", "below_sum", "above_sum"), 0)
    found = pd.DataFrame(rows).assign(**same, **zeros)
    return found.assign(window_end=found["window_start"] + pd.Timedelta(days=1)), pd.DataFrame({"role": ["latency"], "edges": [edges]})


def measured(rows: int) -> list[tuple[str, Cost, float]]:
    store = lake(rows)
    sums = ", ".join(f"sum({quote(name)})" for name in TIMES)
    steps = {
        "bare scan, 4 times": lambda: store.cursor().execute(f"SELECT {sums} FROM logs.bench").fetchall(),
        "profile, 4 times": lambda: profiles(store, False),
        "profile, 4 times, 10 segments": lambda: profiles(store, True),
    }
    return in_turns(steps, f"{rows / 1e6:g}M rows")


def main() -> None:
    found = [row for rows in sizes([1_000_000, 10_000_000]) for row in measured(rows)]
    days, bins = year()
    found.append((f"measure a year, {VERSIONS} versions, {SEGMENTS} segments", cost(lambda: latency.measure(days, bins)), np.nan))
    show(found)


if __name__ == "__main__":
    main()
