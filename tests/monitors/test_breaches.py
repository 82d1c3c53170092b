"""Violations from judged measurements: which windows make one, and how many rows broke it."""

import pandas as pd

from monitors import breaches
from monitors.rulebook import defaults
from monitors.thresholds import judge

VERSIONS = pd.DataFrame({"version": ["v1"], "last": pd.to_datetime(["2026-03-06"], utc=True)})


def rows(column: str, metric: str, values: list[float], version: str = "v1") -> pd.DataFrame:
    start = pd.date_range("2026-03-01", periods=len(values), freq="D", tz="UTC")
    return pd.DataFrame({
        "model": "m", "version": version, "monitor": "schema", "metric": metric, "column": column, "segment": "all", "window_start": start,
        "window_end": start + pd.Timedelta(days=1), "rows": 200, "value": values, "noise": 0.0, "usual": 0.0, "p_value": float("nan"), "reason": None,
    })  # fmt: skip


def judged(*tables: pd.DataFrame) -> pd.DataFrame:
    return judge(pd.concat(tables, ignore_index=True), defaults())


def test_a_violation_counts_the_rows_of_its_own_windows_alone():
    # Days 2 and 3 breach: 0.10 and 0.25 of 200 rows each are 20 + 50 of 400. Day 5, open, is another: 4 of 200.
    found = breaches.violations(judged(rows("a", "null_rate", [0, 0.10, 0.25, 0.005, 0.02])), VERSIONS)
    assert found[["broken", "of", "windows", "state"]].values.tolist() == [[4, 200, 1, "open"], [70, 400, 2, "resolved"]]


def test_columns_that_broke_alike_at_once_are_one_and_the_ratio_of_rows_counts_none():
    low = rows("", "rows_ratio", [1, 0.4, 1, 1, 1], version="")
    tables = [rows(c, "null_rate", [0, x, 0, 0, 0]) for c, x in (("a", 0.6), ("b.c", 0.7), ("d", 0.02))]
    found = breaches.together(breaches.violations(judged(low, *tables), VERSIONS))
    told = {(row.metric, row.columns): (row.severity, row.broken, row.peak) for row in found.itertuples()}
    assert told["null_rate", ("b.c", "a")] == ("critical", 140, 0.7)
    assert told["null_rate", ("d",)] == ("warning", 4, 0.02)
    assert pd.isna(told["rows_ratio", ("",)][1])
    assert breaches.together(breaches.violations(judged(rows("a", "null_rate", [0.0])), VERSIONS)).empty


def test_the_files_that_brought_it():
    found = breaches.violations(judged(rows("a", "null_rate", [0, 0.6, 0.6])), VERSIONS)
    start = pd.date_range("2026-03-01", periods=3, freq="D", tz="UTC")
    parts = pd.DataFrame({"version": ["v1", "v1", "v2"], "window_start": start[[1, 2, 2]], "window_end": start[[1, 2, 2]] + pd.Timedelta(days=1),
                          "load": [7, 8, 9], "rows": 5})  # fmt: skip
    assert breaches.with_loads(found, parts, {7: "a.csv"})["loads"].tolist() == ["a.csv, load 8"]
