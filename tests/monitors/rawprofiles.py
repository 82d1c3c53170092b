"""Raw values made into profiles, with NumPy alone: what the engines must give, for tests of what is computed from it."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from monitors.wasserstein import Numbers

LEVELS = np.unique(np.r_[np.arange(201) / 200, 0.0001, 0.001, 0.999, 0.9999])
NAT = pd.NaT


def edges_of(values: Any, apart: bool = True) -> Any:
    """Edges for a reference: its quantiles, or its values where they are few; one more before each value that piles up.

    With `apart` False, few values have no such edge but the least of them: then values between them are counted with the next.
    """
    finite = np.sort(np.asarray(values, float)[np.isfinite(np.asarray(values, float))])
    distinct, times = np.unique(finite, return_counts=True)
    chosen = distinct if len(distinct) <= 200 else np.unique(np.quantile(finite, LEVELS, method="inverted_cdf"))
    if not apart and len(distinct) <= 200:
        return np.r_[np.nextafter(distinct[0], -np.inf), distinct]
    return np.union1d(chosen, np.nextafter(distinct[times > len(finite) / 200], -np.inf))


def counts_of(values: Any, edges: Any) -> Any:
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)


def numbers(values: Any, edges: Any) -> Numbers:
    finite = np.asarray(values, float)
    least, most = (finite.min(), finite.max()) if len(finite) else (np.nan, np.nan)
    tails = finite[finite <= edges[0]].sum(), finite[finite > edges[-1]].sum()
    sums = finite.sum(), (finite**2).sum(), least, most, *tails
    return Numbers(counts_of(finite, edges), *(np.asarray(value, float) for value in sums))


def bins_row(reference: Any, column: str = "x", version: str = "") -> dict[str, Any]:
    values = pd.Series(reference).dropna()
    row = {"model": "m", "version": version, "column": column, "role": "feature", "edges": None, "categories": None}
    if values.dtype.kind in "iuf":
        return row | {"kind": "number", "edges": edges_of(values)}
    return row | {"kind": "category", "categories": [v for v, _ in sorted(Counter(values).items(), key=lambda i: (-i[1], i[0]))]}


def profile(
    values: Any, bins: dict[str, Any], dataset: str, start: Any, end: Any, version: str, segment: str = "all"
) -> dict[str, Any]:
    """One row of the profiles table."""
    given = pd.Series(values)
    row = {"model": "m", "version": version, "dataset": dataset, "segment": segment, "window_start": start, "window_end": end}
    row |= {
        "column": bins["column"],
        "role": bins["role"],
        "kind": bins["kind"],
        "rows": len(given),
        "misfits": 0,
        "new_top": "{}",
    }
    zeros = ("nans", "pos_infs", "neg_infs", "new_values", "fractions", "duplicates", "errors", "bad_sums")
    row |= dict.fromkeys(zeros, 0) | {"nulls": int(given.isna().sum())}
    row |= dict.fromkeys(("sum", "sum_squares", "min", "max", "below_sum", "above_sum"), np.nan)
    known = given.dropna()
    if bins["kind"] == "category":
        seen = Counter(known)
        new = {v: c for v, c in seen.items() if v not in bins["categories"]}
        counts = [seen[v] for v in bins["categories"]] + [0, sum(new.values())]
        most = dict(sorted(new.items(), key=lambda i: (-i[1], i[0]))[:20])
        return row | {"counts": np.array(counts), "new_values": sum(new.values()), "new_top": json.dumps(most)}
    found = numbers(known.to_numpy(float), bins["edges"])
    row |= {"sum": float(found.sum), "sum_squares": float(found.sum_squares), "min": float(found.low), "max": float(found.high)}
    return row | {"counts": found.counts, "below_sum": float(found.below), "above_sum": float(found.above)}


def table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows))
    for name in ("window_start", "window_end"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame


def day(number: int) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Start and end of a day counted from Monday, 2 March 2026."""
    start = pd.Timestamp("2026-03-02", tz="UTC") + pd.Timedelta(days=number)
    return start, start + pd.Timedelta(days=1)
