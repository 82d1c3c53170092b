"""A synthetic log and its reference, the same bytes for the same seed: 22 numbers of the shapes that logs have, 8 texts of 2 to 5,000 values,
three versions that overlap, two segment columns. From the middle on, n00 shifts, n03 widens and c3 swaps its first two values.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NUMBERS = tuple(f"n{i:02d}" for i in range(22))
TEXTS = {f"c{i}": values for i, values in enumerate((2, 3, 5, 12, 50, 200, 1000, 5000))}
START = np.datetime64("2025-01-01", "us")
DAY = np.timedelta64(1, "D") // np.timedelta64(1, "us")
BLOCK = 983_040  # rows made at a time: eight row groups
Generator = np.random.Generator
SHAPES: tuple[Callable[[Generator, int], np.ndarray], ...] = (
    lambda g, n: g.normal(0, 1, n),
    lambda g, n: g.normal(100, 15, n),
    lambda g, n: g.standard_t(2.5, n),
    lambda g, n: 1 + g.pareto(1.8, n),
    lambda g, n: g.lognormal(3, 1.2, n),
    lambda g, n: g.exponential(40, n),
    lambda g, n: g.random(n),
    lambda g, n: g.beta(2, 8, n),
    lambda g, n: np.where(g.random(n) < 0.3, g.normal(-4, 1, n), g.normal(3, 2, n)),
    lambda g, n: g.poisson(4, n).astype(float),
    lambda g, n: np.where(g.random(n) < 0.7, 0.0, g.lognormal(2, 1, n)),
    lambda g, n: np.round(g.lognormal(4, 1, n), 2),
    lambda g, n: g.integers(18, 95, n).astype(float),
    lambda g, n: g.gamma(0.6, 200, n),
    lambda g, n: (g.random(n) < 0.12).astype(float),
)
ROLES = {
    "timestamp": "ts", "inference_id": "id", "model_version": "version", "score": "score", "prediction": "prediction",
    "features": [*NUMBERS, *TEXTS], "segments": ["region", "channel"],
    "types": {**dict.fromkeys(NUMBERS, "number"), **dict.fromkeys(TEXTS, "category"), "prediction": "category"},
}  # fmt: skip


def write(path: Path, rows: int, days: int, first_day: int = 0, seed: int = 7, drifts: bool = True) -> Path:
    """Write a log of some days as Parquet, unless the file is there; gives its path."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    writer = None
    for block, begin in enumerate(range(0, rows, BLOCK)):
        generator = np.random.default_rng([seed, block])
        table = _rows(generator, (begin + np.arange(min(BLOCK, rows - begin))) / rows, days, first_day, drifts)
        writer = writer or pq.ParquetWriter(part, table.schema, compression="snappy")
        writer.write_table(table, row_group_size=122_880)
    assert writer is not None
    writer.close()
    return part.rename(path)


def _rows(g: Generator, at: np.ndarray, days: int, first_day: int, drifts: bool) -> pa.Table:
    n, late = len(at), (at >= 0.5) & drifts
    time = START + (first_day * DAY + at * days * DAY).astype("timedelta64[us]")
    u = g.random(n)
    version = np.where(u < np.clip(1 - 1.5 * at, 0.05, 1), 0, np.where((at > 0.66) & (u > 0.6), 2, 1))
    columns = {"ts": pa.array(time), "id": pa.array((time - START).astype(np.int64)), "version": _names(version, ("v1", "v2", "v3"))}
    for i, name in enumerate(NUMBERS):
        x = SHAPES[i % len(SHAPES)](g, n) * (1 + i // len(SHAPES))
        x = x + 0.4 * late if i == 0 else np.where(late, 1.5 * x, x) if i == 3 else x
        columns[name] = pa.array(x, mask=g.random(n) < 0.01 * (1 + i % 3), from_pandas=False)
    for name, size in TEXTS.items():
        weight = np.arange(1, size + 1) ** -1.05
        code = np.searchsorted(np.cumsum(weight / weight.sum()), g.random(n)).clip(0, size - 1)
        code = np.where(late & (name == "c3") & (code < 2), 1 - code, code)
        columns[name] = _names(code, tuple(f"value-{i:04d}" for i in range(size)), g.random(n) < 0.01)
    score = 1 / (1 + np.exp(-g.normal(-1, 1.2, n)))
    columns |= {"score": pa.array(score), "prediction": pa.array((score > 0.5).astype(np.int64))}
    columns["region"] = _names(g.choice(5, n, p=[0.4, 0.3, 0.15, 0.1, 0.05]), ("eu", "us", "apac", "latam", "mea"))
    columns["channel"] = _names(g.choice(5, n, p=[0.35, 0.25, 0.2, 0.15, 0.05]), ("web", "ios", "android", "api", "store"))
    return pa.table(columns)


def _names(codes: np.ndarray, names: tuple[str, ...], mask: np.ndarray | None = None) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=mask), pa.array(names)).cast(pa.string())
