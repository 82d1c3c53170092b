"""Raw times made into the profiles that the engines give of a latency column, for tests of what is computed from them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from rawprofiles import profile, table

from data.bins import LATENCY
from monitors.quantiles import Histograms, histograms

START = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday
BINS = {"model": "m", "version": "", "column": "", "role": "latency", "kind": "number", "edges": LATENCY.edges}


def frame_of_bins(*versioned: str) -> pd.DataFrame:
    return pd.DataFrame([BINS | {"categories": list(versioned)}])


def profiles(days: Mapping[tuple[str, str, int], Any], column: str = "latency_ms") -> pd.DataFrame:
    """(version, segment, number of the day) → the times of its requests."""
    rows = []
    for (version, segment, day), times in days.items():
        start = START + pd.Timedelta(days=day)
        rows.append(profile(times, BINS | {"column": column}, "log", start, start + pd.Timedelta(days=1), version, segment))
    return table(rows)


def days_of(*days: Any) -> Histograms:
    """Times of each day → one histogram a day."""
    return histograms(profiles({("v1", "all", i): times for i, times in enumerate(days)}), LATENCY.edges)


def lognormal(seed: int, rows: int, median: float = 10.0, spread: float = 0.4) -> Any:
    return median * np.exp(np.random.default_rng(seed).normal(0, spread, rows))
