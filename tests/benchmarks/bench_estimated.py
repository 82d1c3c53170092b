"""Estimates without labels beside NannyML's CBPE: on its synthetic car-loan data and on each version of the bundled sample, by week.

    PYTHONPATH=. python tests/benchmarks/bench_estimated.py

Prints how far the two are apart, how far each is from the truth (labels that neither was given), and CPU and wall seconds without imports.
Vigia's are two: counting outcomes, which a store does once for rows that it has loaded, and measuring from counts: 7 metrics, of days, weeks
and months, with floors, against 3 metrics of weeks. The first time installs nannyml into .bench/ (2 GB).
"""

import json
import os
import shutil
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from data import quality as counting
from data.load import load
from data.refresh import refresh
from data.roles import from_dict
from data.store import open_store
from monitors import estimated, run
from tests.benchmarks.bench_peers import HERE, JOBS, python_of

METRICS = ("roc_auc", "accuracy", "f1")
ROLES = {
    "timestamp": "time", "score": "score", "prediction": "prediction", "label": "label", "types": {"prediction": "category", "label": "category"},
}  # fmt: skip
SAMPLE, LEAST = Path("data/sample"), 100  # rows of a week that are compared
QUIET = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "PYTHONWARNINGS": "ignore"}


def peer(*words: object) -> None:
    """NannyML's job, in its own environment."""
    command = [python_of("nannyml"), str(JOBS / "job_estimated_nannyml.py"), *map(str, words)]
    subprocess.run(command, env={**os.environ, **QUIET}, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def car_loan() -> Path:
    place = HERE / "estimated-car-loan"
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "log.parquet").exists():
        peer("data", place)
    return place


def sample(version: str) -> Path:
    """The training set and the log of a version of the sample, as NannyML takes them: without rows that lack a prediction or a label."""
    place = HERE / f"estimated-{version}"
    place.mkdir(parents=True, exist_ok=True)
    columns = ["inference_id", "timestamp", "model_version", "score", "prediction"]
    log = pd.concat([pd.read_parquet(file)[columns] for file in sorted(SAMPLE.glob("log-*.parquet"))]).drop_duplicates("inference_id")
    log = log[log["model_version"] == version].merge(pd.read_parquet(SAMPLE / "labels.parquet"), on="inference_id")
    for name, frame in (("reference", pd.read_parquet(SAMPLE / f"training-{version}.parquet")), ("log", log)):
        kept = frame.rename(columns={"timestamp": "time"})[["time", "score", "prediction", "label"]].dropna()
        kept = kept[kept["score"].between(0, 1)].sort_values("time")  # NannyML takes no other
        kept["time"] = pd.to_datetime(kept["time"], utc=True).dt.tz_localize(None)
        kept.astype({"prediction": int, "label": int}).to_parquet(place / f"{name}.parquet")
    return place


def own(place: Path) -> tuple[pd.DataFrame, list[float]]:
    """Estimates by week; CPU and wall seconds of counting, then of measuring."""
    shutil.rmtree(place / "store", ignore_errors=True)
    store = open_store(str(place / "store"))
    pd.read_parquet(place / "log.parquet").drop(columns="label").to_parquet(place / "unlabelled.parquet")
    load(store, [place / "reference.parquet"], "bench", "reference", roles=from_dict(ROLES))
    load(store, [place / "unlabelled.parquet"], "bench", roles=from_dict(ROLES))
    refreshed = refresh(store, "bench", lambda _step, _share: None)
    assert refreshed is not None
    clock = [(time.process_time(), time.perf_counter())]
    counting.refresh(store, "bench", refreshed, lambda _step, _share: None)
    clock.append((time.process_time(), time.perf_counter()))
    found = estimated.measure(run.quality(store, model="bench"))
    clock.append((time.process_time(), time.perf_counter()))
    weeks = found[(found["dataset"] == "log") & (found["window_end"] - found["window_start"] == pd.Timedelta(7, "D"))]
    wide = weeks.assign(metric=weeks["metric"].str.removeprefix("estimated_")).pivot(index="window_start", columns="metric", values="value")
    wide.index = wide.index.tz_localize(None)
    return wide[list(METRICS)], [b - a for before, after in pairwise(clock) for a, b in zip(before, after, strict=True)]


def truth(place: Path) -> pd.DataFrame:
    """scikit-learn on the raw rows of each week."""
    log = pd.read_parquet(place / "log.parquet")
    weeks = log.groupby(log["time"].dt.to_period("W").dt.start_time)
    return pd.DataFrame(
        {
            week: [roc_auc_score(r["label"], r["score"]), accuracy_score(r["label"], r["prediction"]), f1_score(r["label"], r["prediction"])]
            for week, r in weeks
            if len(r) >= LEAST and r["label"].nunique() > 1
        },
        index=list(METRICS),
    ).T


def main() -> None:
    agreement, costs = [], []
    for name, place in (("car loan", car_loan()), *((f"sample {v}", sample(v)) for v in ("v1", "v2", "v3"))):
        peer(place / "reference.parquet", place / "log.parquet", place / "found.parquet")
        theirs = pd.read_parquet(place / "found.parquet")
        theirs.index = theirs["week"].dt.to_period("W").dt.start_time
        ours, (count_cpu, count_wall, cpu, wall) = own(place)
        labels = truth(place)
        for metric in METRICS:
            a, b, t = (one[metric].reindex(labels.index).to_numpy(float) for one in (ours, theirs, labels))
            row = [np.abs(a - b).max(), np.abs(a - b).mean(), np.abs(a - t).mean(), np.abs(b - t).mean()]
            agreement.append((name, metric, len(t), *(f"{value:.4f}" for value in row)))
        spent = json.loads((place / "found.json").read_text())
        rows = len(pd.read_parquet(place / "log.parquet")) + len(pd.read_parquet(place / "reference.parquet"))
        figures = (spent["cpu"], count_cpu, cpu, spent["wall"], count_wall, wall)
        costs.append((name, f"{rows:,}", *(f"{s:.2f}" for s in figures), f"{spent['cpu'] / cpu:.1f}", f"{spent['cpu'] / (cpu + count_cpu):.1f}"))
    heads = ["data", "metric", "weeks", "max |ours − CBPE|", "mean", "mean |ours − truth|", "mean |CBPE − truth|"]
    print(pd.DataFrame(agreement, columns=heads).to_string(index=False), end="\n\n")
    heads = ["data", "rows", "CBPE CPU s", "count", "measure", "CBPE wall s", "count", "measure", "CBPE / measure", "CBPE / both (CPU)"]
    print(pd.DataFrame(costs, columns=heads).to_string(index=False))


if __name__ == "__main__":
    main()
