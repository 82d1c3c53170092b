"""What quality costs from the stored outcomes: a year × 3 versions × 20 segments, measured by day, week and month. In seconds of CPU."""

import time

import numpy as np
import pandas as pd

from monitors import outcomes, quality, segments

DAYS, VERSIONS, SEGMENTS = 365, 3, 20
ROWS = 200  # a day and segment
EDGES = np.arange(outcomes.SCORE_BINS)


def table(kind: str = "binary") -> pd.DataFrame:
    """Outcomes of days: each version serves all year long, and has a reference of its own 13 weeks before."""
    chance = np.random.default_rng(0)
    start = pd.Timestamp("2025-01-01", tz="UTC")
    parts = []
    for version in range(VERSIONS):
        for name in ("all", *(f"region=r{i}" for i in range(SEGMENTS))):
            rows = ROWS * (SEGMENTS if name == "all" else 1)
            windows = [(start + pd.Timedelta(days=i), "log") for i in range(DAYS)]
            windows += [(start - pd.Timedelta(days=1 + i), "reference") for i in range(91)] + [(pd.NaT, "reference")]
            parts += [row(chance, rows, name, f"v{version}", at, dataset) for at, dataset in windows]
    frame = pd.DataFrame(parts)
    for name in ("window_start", "window_end"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame.assign(kind=kind, model="m")


def row(chance: np.random.Generator, rows: int, segment: str, version: str, at: pd.Timestamp, dataset: str) -> dict[str, object]:
    score = chance.beta(2, 5, rows)
    label = chance.uniform(size=rows) < score
    places = np.minimum((score * outcomes.SCORE_BINS).astype(int), outcomes.SCORE_BINS - 1)
    positives, negatives, sums = (np.bincount(places, weights, outcomes.SCORE_BINS) for weights in (label, ~label, score))
    bins = np.flatnonzero(positives + negatives).astype(np.int32)
    says = score >= 0.5
    counts = {"tp": (says & label).sum(), "fp": (says & ~label).sum(), "fn": (~says & label).sum(), "tn": (~says & ~label).sum()}
    losses = -np.log(np.where(label, score, 1 - score)).sum()
    return counts | {
        "version": version, "dataset": dataset, "segment": segment, "window_start": at, "window_end": at + pd.Timedelta(days=1), "class": "1",
        "rows": rows, "predicted": rows, "selected": says.sum(), "labelled": rows, "scored": rows, "log_loss_sum": losses,
        "brier_sum": ((score - label) ** 2).sum(), "bins": bins, "positives": positives[bins].astype(np.int64),
        "negatives": negatives[bins].astype(np.int64), "unlabelled": np.zeros(len(bins), np.int64), "score_sums": sums[bins],
    }  # fmt: skip


def main() -> None:
    made = table()
    for name, of in (
        ("quality.measure", lambda: quality.measure(made)),
        ("a year merged", lambda: outcomes.merge(made[made["dataset"] == "log"], "all")),
    ):
        took = []
        for _ in range(3):
            started = time.process_time()
            found = of()
            took.append(time.process_time() - started)
        told = f"median {sorted(took)[1]:.2f} s of CPU, {took[0]:.2f} the first time, when memory is new"
        print(f"{name:<18} {len(made):,} windows → {len(found):,} rows: {told}")
    one = outcomes.merge(made[(made["dataset"] == "log") & (made["version"] == "v0")], "all")
    started = time.process_time()
    found = segments.find(one, one.iloc[:0], "roc_auc")
    print(f"segments.find      {found.tested} segments against the rest: {time.process_time() - started:.2f} s of CPU")


main()
