"""compare_latency: two versions side by side, quantile by quantile, with the interval in which the ratio lies, and the verdict in words."""

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import quantiles as q
from monitors.quantiles import Floats, Histograms

LEVELS = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
DRAWS = 2000
DAYS = 7  # of each, from which days are drawn again instead of rows
# Rows on each side. Six hold a median between their ends 95 times in 100 (1 - 2 / 2⁶); rows drawn again from fewer know no interval.
ENOUGH = {"p50": 10, "p75": 10, "p90": 10, "p95": 20, "p99": 100, "mean": 10}
COLUMNS = ["metric", "before", "after", "ratio", "low", "high", "verdict"]
NOTHING = "no difference that chance does not give"


@dataclass(frozen=True, slots=True)
class Compared:
    """`table`: a row for each quantile and the mean; `drawn`: "days" or "rows", of which the intervals were drawn."""

    table: pd.DataFrame
    drawn: str
    before_rows: int
    after_rows: int

    @property
    def verdict(self) -> str:
        """That of the p95; of the p50 where there are too few rows for it."""
        said = self.table.set_index("metric")["verdict"]
        return str(said["p95"]) if self.table.set_index("metric")["ratio"].notna()["p95"] else str(said["p50"])


def compare(before: Histograms, after: Histograms, *names: str) -> Compared:
    """Two versions, each as the histograms of its days.

    Parameters
    ----------
    names : of what is compared; they make the seed, so that the same question has the same answer in every process.

    Returns
    -------
    Compared. before and after in the unit of the times; ratio is after over before, low and high the ends of its 95 % interval. Blank where
    one side has too few rows.

    Notes
    -----
    Percentile bootstrap of 2,000 draws (Efron, 1979). Where both have seven days, whole days are drawn: rows of one day share its load and its
    neighbours, and as if they did not the interval would be far too narrow. Else rows: the k-th of n rows drawn from a histogram is its quantile
    at a Beta(k, n - k + 1), so that no row need be drawn at all.
    """
    days = min((side.rows > 0).sum() for side in (before, after)) >= DAYS
    sides = [q.whole(side) for side in (before, after)]
    rows = [int(side.rows[0]) for side in sides]
    chance = np.random.default_rng(zlib.crc32("|".join(names).encode()))
    drawn = [_of_days(side, chance) if days else _of_rows(one, chance) for side, one in zip((before, after), sides, strict=True)]
    made = [_one(metric, i, sides, drawn, min(rows)) for i, metric in enumerate((*LEVELS, "mean"))]
    return Compared(pd.DataFrame(made, columns=COLUMNS), "days" if days else "rows", rows[0], rows[1])


def _one(metric: str, i: int, sides: list[Histograms], drawn: list[Floats], rows: int) -> dict[str, object]:
    if rows < ENOUGH[metric]:
        why = f"{metric} needs {ENOUGH[metric]} rows of each, one has {rows}"
        return {"metric": metric, "verdict": why} | dict.fromkeys(("before", "after", "ratio", "low", "high"), np.nan)
    old, new = (float(_values(side)[0][i]) for side in sides)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = drawn[1][:, i] / drawn[0][:, i]
        ratio = float(np.float64(new) / old)
    low, high = np.nanquantile(ratios, [0.025, 0.975]) if np.isfinite(ratios).any() and old > 0 else (np.nan, np.nan)
    return {
        "metric": metric, "before": old, "after": new, "ratio": ratio if old > 0 else np.nan, "low": float(low), "high": float(high),
        "verdict": verdict(ratio, float(low), float(high)) if old > 0 else f"the {metric} before is not above 0",
    }  # fmt: skip


def _values(side: Histograms) -> Floats:
    """Quantiles and the mean of each window, shape (windows, metrics)."""
    levels = np.array(list(LEVELS.values()))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.column_stack([_smooth(side, levels), side.total / side.rows])
    return found


def _smooth(side: Histograms, levels: Floats) -> Floats:
    return np.stack([q.smooth(side.take(np.array([i])), levels) for i in range(len(side.low))])


def _of_days(side: Histograms, chance: np.random.Generator) -> Floats:
    """Values of as many days as there are, drawn with replacement, 2,000 times: shape (draws, metrics)."""
    served = side.take(np.flatnonzero(side.rows > 0))
    n = len(served.low)
    weights = chance.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.float64)
    counts = weights @ served.counts
    rows = counts.sum(axis=1)
    cumulated = np.cumsum(counts, axis=1)
    found = np.empty((DRAWS, len(LEVELS) + 1))
    for i, level in enumerate(LEVELS.values()):
        found[:, i] = _at(served.edges, counts, cumulated, level * rows, served)
    found[:, -1] = weights @ served.total / rows
    return found


def _at(edges: Floats, counts: Floats, cumulated: Floats, rank: Floats, side: Histograms) -> Floats:
    """The value of a rank in each row of counts, with a straight line (of the logarithm) within its bin."""
    place = np.argmax(cumulated >= rank[:, None] * (1 - 1e-12), axis=1)
    row = np.arange(len(rank))
    share = (rank - (cumulated[row, place] - counts[row, place])) / counts[row, place]
    at = np.clip(place, 1, len(edges) - 1)
    inner = edges[at - 1] ** (1 - share) * edges[at] ** share
    ends = [total.sum() / max(number.sum(), 1) for total, number in ((side.below, side.counts[:, 0]), (side.above, side.counts[:, -1]))]
    values = np.where(place == 0, ends[0], np.where(place == len(edges), ends[1], inner))
    clipped: Floats = np.clip(values, np.nanmin(side.low), np.nanmax(side.high))
    return clipped


def _of_rows(one: Histograms, chance: np.random.Generator) -> Floats:
    """Values of as many rows as there are, drawn with replacement, 2,000 times: shape (draws, metrics)."""
    n = one.rows[0]
    found = np.full((DRAWS, len(LEVELS) + 1), np.nan)
    if n == 0:
        return found
    for i, level in enumerate(LEVELS.values()):
        k = np.clip(np.ceil(level * n * (1 - 1e-12)), 1, n)
        found[:, i] = q.smooth(one, chance.beta(k, n - k + 1, DRAWS))
    deviation = np.sqrt(max(one.squares[0] / n - (one.total[0] / n) ** 2, 0.0))
    found[:, -1] = chance.normal(one.total[0] / n, deviation / np.sqrt(n), DRAWS)
    return found


def verdict(ratio: float, low: float, high: float) -> str:
    """A ratio and its interval in words: `slower by 12 % (9 to 15)`, `4.2 times as slow (3.9 to 4.6)`."""
    if not np.isfinite([ratio, low, high]).all():
        return "not measurable"
    if low <= 1 <= high:
        return f"{NOTHING} ({_percent(low - 1)} to {_percent(high - 1)} %)"
    if high < 1:
        if ratio < 0.5:
            return f"{_times(1 / ratio)} times as fast ({_times(1 / high)} to {_times(1 / low)})"
        return f"faster by {_percent(1 - ratio)} % ({_percent(1 - high)} to {_percent(1 - low)})"
    if ratio > 2:
        return f"{_times(ratio)} times as slow ({_times(low)} to {_times(high)})"
    return f"slower by {_percent(ratio - 1)} % ({_percent(low - 1)} to {_percent(high - 1)})"


def _percent(share: float) -> str:
    """Whole per cent; below 3 with a decimal, so that an interval of 0.2 to 0.9 is not 0 to 1."""
    number = 100 * share
    text = f"{number:.1f}" if 0 < abs(number) < 3 else f"{number:.0f}"
    return text.replace("-", "−") if float(text) else "0"


def _times(factor: float) -> str:
    return f"{factor:,.0f}" if factor >= 20 else f"{factor:.1f}"


def density(side: Histograms, most: int = 120) -> tuple[Floats, Floats]:
    """Shares of rows in bins wide enough to be drawn, on a logarithmic axis: edges of shape (bins + 1,), shares of shape (bins,)."""
    counts = q.whole(side).counts[0][1:-1]
    used: NDArray[np.intp] = np.flatnonzero(counts)
    if not len(used):
        return np.empty(0), np.empty(0)
    first, last = int(used[0]), int(used[-1]) + 1
    wide = max(1, -(-(last - first) // most))
    cuts = np.arange(first, last + wide, wide)
    cuts = np.minimum(cuts, len(counts))
    sums = np.add.reduceat(counts, cuts[:-1][cuts[:-1] < len(counts)])
    return side.edges[cuts], sums / max(float(side.counts.sum()), 1)
