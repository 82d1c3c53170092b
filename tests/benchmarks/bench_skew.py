"""Comparing 20 features row by row against a bare join of the same columns, in one run.   python tests/benchmarks/bench_skew.py [ROWS …]

Prints CPU seconds, their ratio to the join, wall time and peak memory: when both sides agree, and when every value of one feature differs.
Files go to .bench/.
"""

import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[2]))

from data import pairs
from data.join import joined, met
from data.load import load
from data.profile import windows
from data.roles import from_dict
from data.segmented import segments
from data.sql import quote
from data.store import Store, open_store
from tests.benchmarks import logs
from tests.benchmarks.meter import Cost, in_turns, show, sizes

HERE, DAYS = Path(".bench"), 30
FEATURES = (*logs.NUMBERS[:14], *list(logs.TEXTS)[:6])
ROLES = logs.ROLES | {"features": list(FEATURES), "types": {f: k for f, k in logs.ROLES["types"].items() if f in (*FEATURES, "prediction")}}


def lake(rows: int) -> Store:
    """A store with a log of 30 days and, for each row of it, the same features from training; n00 differs in the last ten days."""
    place = HERE / f"skew-{rows}"
    shutil.rmtree(place, ignore_errors=True)
    store, roles = open_store(str(place)), from_dict(ROLES)
    log = logs.write(HERE / f"log-{rows}.parquet", rows, DAYS)
    training = HERE / f"training-{rows}.parquet"
    file = pq.ParquetFile(log)
    with pq.ParquetWriter(training, pa.schema([file.schema_arrow.field(c) for c in ("id", "ts", *FEATURES)])) as writer:
        for batch in file.iter_batches(columns=["id", "ts", *FEATURES]):
            table = pa.table(batch)
            late = pc.greater(table["ts"], pa.scalar(logs.START.item().replace(day=21), pa.timestamp("us")))
            moved = pc.if_else(late, pc.multiply(table["n00"], 1000.0), table["n00"])
            writer.write_table(table.set_column(table.column_names.index("n00"), "n00", moved).select(["id", "ts", *FEATURES]))
    load(store, [log], "bench", roles=roles)
    load(store, [training], "bench", "training", roles=roles)
    return store


def measured(rows: int) -> list[tuple[str, Cost, float]]:
    store = lake(rows)
    cursor, roles = store.cursor(), from_dict(ROLES)
    how = joined(cursor, "bench", roles)
    assert not isinstance(how, str), how
    every = windows(cursor, how.log)
    days = sorted(int(w) for w in every["window"].unique())
    parts = [f"{'sum' if k == 'number' else 'max'}({side}.{quote(c)})" for c, k in how.columns.items() for side in "lt"]
    values = segments(cursor, [how.log])

    def join() -> None:
        store.cursor().execute(f"SELECT {', '.join(parts)} FROM {met(how, days)}").fetchall()

    def compare(chosen: list[int], by_segment: bool) -> None:
        pairs._compare(store, how, every[every["window"].isin(chosen)], values if by_segment else (), lambda _s, _p: None)

    steps = {
        "bare join": join,
        "compare, all agree": lambda: compare(days[:19], False),
        "compare, n00 differs in a third": lambda: compare(days, False),
        "compare, 10 segments": lambda: compare(days, True),
    }
    return in_turns(steps, f"{rows / 1e6:g}M rows")


def main() -> None:
    show(row for rows in sizes([100_000, 10_000_000]) for row in measured(rows))


if __name__ == "__main__":
    main()
