"""Make the sample anew: train the three versions, serve April to December request by request, write Parquet.

    python -m data.sample.make [OUT]

OUT is this folder unless given. Needs requirements-make.txt and 5 to 9 minutes of a quiet machine: the latencies are
measured, and neighbours show in them. The scores come out the same bit for bit each time.
"""

import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from data.sample import models, serve, source, write
from data.sample.scenario import TRAINED

BUNDLED_ROWS = 60_000  # of each training set


def make(out: Path) -> None:
    """Everything that the sample consists of, but for what was written by hand."""
    out.mkdir(parents=True, exist_ok=True)
    flights, weather = source.read()
    features = source.training_features(flights, weather)
    trained = {version: models.train(version, features, flights["late"]) for version in TRAINED}
    log = served_log(serve.start_server(flights, weather, trained), serve.requests(flights))
    write.write_log(write.lose_and_double(log), out)
    write.write_labels(flights, out)
    write.write_recomputed(features, out)
    for version in TRAINED:
        write.write_training(version, trained[version], BUNDLED_ROWS, out)
        write.write_manifests(version, trained[version], out)


def served_log(server: serve.Server, requests: list[serve.Request]) -> pd.DataFrame:
    """A row for each request, in the order of time."""
    began = time.monotonic()
    log = pd.DataFrame([server.serve(request) for request in requests])
    print(f"served {len(log):,} requests in {time.monotonic() - began:.0f} s, {log['prediction'].isna().sum()} failed")
    return log


def show(out: Path) -> None:
    """Rows and size of each file."""
    paths = sorted(out.glob("*.parquet"))
    for path in paths:
        print(f"{path.name:28}{pq.read_metadata(path).num_rows:9,} rows {path.stat().st_size / 1e6:7.3f} MB")
    print(f"total {sum(path.stat().st_size for path in paths) / 1e6:.3f} MB")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    with threadpool_limits(1):  # more threads add in another order, and the last bits of the scores change
        make(target)
    show(target)
