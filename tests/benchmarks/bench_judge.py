"""Judging a year × 30 columns × 7 metrics × 3 versions: `python tests/benchmarks/bench_judge.py`. Prints a table; the budget is DESIGN.md §9."""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))

from monitors.alerts import alerts
from monitors.thresholds import Rule, defaults, judge, prepare, read

DAYS, COLUMNS, VERSIONS = 365, 30, 3
METRICS = ["psi", "js", "ks", "wasserstein", "chi2", "hellinger", "linf"]
KINDS = {
    "constant": {},
    "2 of 3, recover": {"for_windows": (2, 3), "recover": 0.05},
    "reference_quantile": {"kind": "reference_quantile", "warning": 0.9, "critical": 0.99},
    "reference_std": {"kind": "reference_std", "warning": 2.0, "critical": 3.0},
    "fdr": {"kind": "fdr", "warning": 0.05, "critical": 0.01},
    "outside": {"direction": "outside", "warning": (0.01, 0.3), "critical": (0.001, 0.5)},
}


def made(dataset: str, days: int) -> pd.DataFrame:
    """Random measurements, in the types that the lake gives."""
    gen = np.random.default_rng(1)
    start = pd.date_range("2025-01-01", periods=days, tz="UTC", unit="us")
    names = [[f"v{i}" for i in range(VERSIONS)], METRICS, [f"column_{i:02}" for i in range(COLUMNS)]]
    index = pd.MultiIndex.from_product([*names, start], names=["version", "metric", "column", "window_start"])
    table, size = index.to_frame(index=False), len(index)
    return table.assign(
        model="m", monitor="drift", segment="all", window_end=table["window_start"] + pd.Timedelta(days=1), dataset=dataset,
        rows=gen.integers(50, 50_000, size), value=gen.gamma(2, 0.05, size), noise=0.02, usual=np.nan, p_value=gen.random(size), reason="",
    ).astype(dict.fromkeys(["model", "version", "monitor", "metric", "column", "segment", "dataset", "reason"], "str"))  # fmt: skip


def median_ms(work: Callable[[], object], times: int = 15) -> tuple[float, float]:
    """Wall and CPU time, the medians of some runs."""
    spent = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        spent.append(((time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000))
    return statistics.median(w for w, _ in spent), statistics.median(c for _, c in spent)


def runs_by_hand(table: pd.DataFrame, rule: Rule) -> int:
    """How many alerts there have to be: a count that shares nothing with `judge`."""
    hit = (table["value"] > rule.warning) & (table["rows"] >= rule.min_rows) & (table["value"] > table["noise"])
    judged = table["rows"] >= rule.min_rows
    kept = table[judged].assign(hit=hit[judged])
    before = kept.groupby(["version", "metric", "column"])["hit"].shift(fill_value=False)
    return int((kept["hit"] & ~before).sum())


def main() -> None:
    log, own = made("log", DAYS), made("reference", 60)
    table = pd.concat([log, own], ignore_index=True)
    shuffled = table.sample(frac=1, random_state=1)
    base = {"monitor": "drift", "window": "day", "min_rows": 100, "enabled": True, "above_noise": True, "above_usual": False}
    singles = [Rule(metric=METRICS[i % 7], column=f"column_{i % 30:02}", min_rows=100 + i) for i in range(40)]
    seen = prepare(table)
    print(f"{len(log):,} measurements of the log, {len(own):,} of the reference's own windows; ms wall / CPU, median of 15\n")
    for name, given in (("ordered", table), ("shuffled", shuffled), ("the log alone", log)):
        print(f"prepare, {name:25} {median_ms(lambda given=given: prepare(given))[0]:8.1f} / {median_ms(lambda given=given: prepare(given))[1]:.1f}")
    print(f"\n{'rules (and 40 for single columns)':34} {'judge':>14} {'alerts()':>14} {'number':>9}")
    for name, more in KINDS.items():
        rule = Rule(**(base | {"warning": 0.2, "critical": 0.3} | more))
        rules = (*defaults(), *(Rule(**(base | {"warning": 0.2, "critical": 0.3} | more | {"metric": m})) for m in METRICS), *singles)
        judged = judge(seen, rules)
        found = alerts(judged)
        times = [median_ms(lambda rules=rules: judge(seen, rules)), median_ms(lambda judged=judged: alerts(judged))]
        print(f"{name:34} " + " ".join(f"{w:7.1f} /{c:5.1f}" for w, c in times) + f" {len(found):9,}")
        if name == "constant":
            plain = alerts(judge(seen, [rule]))
            print(f"{'':34} without the 40: {len(plain):,}; counted by hand {runs_by_hand(log, rule):,}")
    rules = (*defaults(), Rule(**(base | {"warning": 0.2, "critical": 0.3})))
    whole = median_ms(lambda: alerts(judge(log, rules)))
    print(f"\nlog to alerts, nothing prepared: {whole[0]:.1f} / {whole[1]:.1f}")
    moved = median_ms(lambda: alerts(judge(seen, (*rules, *read("- {metric: psi, warning: 0.21}", "slider")))))
    print(f"slider moved, prepared: {moved[0]:.1f} / {moved[1]:.1f}")


if __name__ == "__main__":
    main()
