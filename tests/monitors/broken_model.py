"""A model whose score was NaN on three days, where an input was null; for tests of what people see of it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.load import load
from data.roles import from_dict
from data.store import open_store
from monitors.run import run

ODD = 'in"come; --'
DAYS, PER_DAY = 14, 120
BROKE = range(5, 8)  # the days, counted from 0
ROLES = {
    "timestamp": "ts", "inference_id": "id", "model_version": "v", "code_version": "code", "score": "s", "features": [ODD, "age", "region"],
    "segments": ["region"], "watched": ["norm"], "types": {ODD: "number", "age": "number", "region": "category"},
}  # fmt: skip


def table(first: str, broken: bool, seed: int) -> pa.Table:
    """Fourteen days; where `broken`, the score of the sixth to eighth is NaN in each row without income, and one norm is infinite."""
    g, n = np.random.default_rng(seed), DAYS * PER_DAY
    day = np.arange(n) // PER_DAY
    no_income = g.random(n) < 0.1
    fails = broken & no_income & np.isin(day, BROKE)
    norm = g.normal(5, 1, n)
    norm[6 * PER_DAY] = np.inf if broken else 5
    times = np.datetime64(first, "us") + np.arange(n) * (86_400_000_000 // PER_DAY)
    return pa.table({
        "ts": pa.array(times, pa.timestamp("us", "UTC")), "id": [f"{first}-{i}" for i in range(n)], "v": ["v1"] * n,
        "code": np.where(np.isin(day, BROKE), "1.0.1", "1.0.0").tolist(), "s": pa.array(np.where(fails, np.nan, g.random(n)), from_pandas=False),
        ODD: pa.array(g.lognormal(10, 1, n), mask=no_income), "age": g.integers(18, 90, n).astype(float),
        "region": g.choice(["eu", "us"], n).tolist(), "norm": pa.array(norm, from_pandas=False),
    })  # fmt: skip


def g1() -> pa.Table:
    """NaN, both infinities and null in one column: case G1."""
    nan, inf = float("nan"), float("inf")
    x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, nan, nan, inf, -inf, None, None]
    times = np.datetime64("2026-03-01", "us") + np.arange(12) * 3_600_000_000
    return pa.table({"ts": pa.array(times, pa.timestamp("us", "UTC")), "x": pa.array(x, pa.float64(), from_pandas=False)})


def fill(place: Path) -> None:
    """Load and measure the models `fragile`, `calm` and `g1`."""
    store = open_store(str(place / "store"))
    for model, broken in (("fragile", True), ("calm", False)):
        for dataset, first, seed in (("reference", "2026-02-02", 1), ("log", "2026-03-02", 2)):
            path = place / f"{model}-{dataset}.parquet"
            pq.write_table(table(first, broken and dataset == "log", seed), path)
            load(store, [path], model, dataset, roles=from_dict(ROLES))
    pq.write_table(g1(), place / "g1.parquet")
    load(store, [place / "g1.parquet"], "g1")
    run(store)


def broken_rows() -> tuple[int, int]:
    """How many scores are NaN, of how many rows of these days."""
    scores = table("2026-03-02", True, 2)["s"].to_numpy()
    return int(np.isnan(scores).sum()), len(BROKE) * PER_DAY
