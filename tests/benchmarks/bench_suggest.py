"""Suggestions for a metric of a year × 30 columns × 3 versions, chance and power of one column: `python tests/benchmarks/bench_suggest.py`.

Prints a table; the budget is 300 ms each.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "monitors"))

from bench_judge import COLUMNS, DAYS, made, median_ms
from rawprofiles import NAT, bins_row, profile, table

from monitors import chance, drift, faults, periods, power, suggest
from monitors.rules import Rule
from monitors.thresholds import defaults, judge, prepare

RULES = (*defaults(), Rule(metric="psi", window="day", enabled=True, above_usual=False))


def show(name: str, work: Callable[[], object]) -> None:
    """One line: wall and CPU time, the medians of seven runs."""
    wall, cpu = median_ms(work, 7)
    print(f"{name:62} {wall:8.1f} / {cpu:.1f}")


def suggestions() -> None:
    """Each way, a limit for each column and one for all."""
    measured = pd.concat([made("log", DAYS), made("reference", 60)])
    measured = measured[measured["metric"] == "psi"]
    seen = prepare(measured)
    names = {"model": "m", "version": "v0", "monitor": "drift", "metric": "psi", "segment": "all"}
    start = pd.Timestamp("2025-03-01", tz="UTC") + pd.to_timedelta(np.arange(40) * 5, "D")
    said = pd.DataFrame({"column": [f"column_{i % COLUMNS:02}" for i in range(40)], "start": start, "end": start + pd.Timedelta(days=2)})
    said = said.assign(**names, verdict=["real", "noise"] * 20)
    print(f"{len(measured):,} measurements of psi; ms wall / CPU, median of 7\n")
    for method in suggest.METHODS:
        for each in (True, False):
            asked = {"each": each, "per_week": 3.0 if method == "budget" else None, "verdicts": said}
            show(f"suggest {method}, {'one limit a column' if each else 'one limit for all'}",
                 lambda asked=asked, method=method: suggest.suggest(seen, RULES, {"metric": "psi"}, method, **asked))  # fmt: skip


def of_one_column() -> None:
    """Profiles of a year of one column, 1,000 rows a day: a column of numbers, and one of few values."""
    random = np.random.default_rng(1)
    for name, draw in (("numbers", lambda size: random.gamma(2, 3, size)), ("few values", lambda size: random.poisson(6, size).astype(float))):
        reference = draw(20_000)
        bins = bins_row(reference, version="v1")
        days = pd.date_range("2025-01-01", periods=DAYS, tz="UTC")
        rows = [profile(draw(1000), bins, "log", day, day + pd.Timedelta(days=1), "v1") for day in days]
        profiles, frame = table([profile(reference, bins, "reference", NAT, NAT, "v1"), *rows]), pd.DataFrame([bins])
        measured = drift.measure(profiles, frame)
        for metric in ("psi", "wasserstein"):
            own = measured[(measured["metric"] == metric) & (measured["window_end"] - measured["window_start"] == pd.Timedelta(days=1))]
            rule = Rule(monitor="drift", metric=metric, window="day", warning=0.1, critical=0.25)
            judged, log = judge(own, [rule]), periods.merge(profiles[profiles["dataset"] == "log"], "day")
            references = chance.references(profiles, frame)
            base = references["v1", "x", "all"]
            sizes = chance.grid(own["rows"].to_numpy())
            show(f"chance, {metric} of {name}", lambda base=base, metric=metric, sizes=sizes: chance.drawn(base, metric, sizes, 1))
            seen = power.subjects(log, references, judged)
            show(f"power, {metric} of {name}: {sum(map(len, faults.SIZES.values())) - 5} faults",
                 lambda seen=seen, rule=rule: power.curve(seen, rule, 1))  # fmt: skip


if __name__ == "__main__":
    suggestions()
    print()
    of_one_column()
