"""compare: what a change did, and how two versions differ, over whatever was measured: by how far beyond what the same metric does anyway."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
KEYS = ["monitor", "metric", "column"]
# Quantiles of |x| of a normal distribution, in its standard deviations. Where half of the values stay put, the median alone would say 0.
QUANTILES = {0.5: 0.6745, 0.75: 1.1503, 0.9: 1.6449}
LEAST = 5  # differences elsewhere in the history from which a spread can be told
MOVED = ["before", "after", "difference", "spread", "score", "windows_before", "windows_after"]
PAIR = ["first", "second", "difference", "spread", "score", "first_worst", "second_worst", "first_windows", "second_windows"]


def before_after(
    measurements: pd.DataFrame, at: pd.Timestamp, before: str | None, after: str | None, windows: int
) -> pd.DataFrame:
    """Every metric before a change and after it, that which moved most beyond noise first.

    Parameters
    ----------
    measurements : of one model, segment and window length: the columns KEYS, version, window_start, window_end, value, noise.
    at : when it took effect; the window in which that was belongs to neither side.
    before, after : the version that served on that side; None for whichever served most metrics' windows there.
    windows : how many on either side, the nearest ones.

    Returns
    -------
    KEYS, before and after (means), difference, spread, score, windows_before, windows_after. `spread` is the largest of three: the standard
    deviation of such differences elsewhere in the history (of cuts at least so many windows away), told by their median and upper quartile, so
    that single outbreaks do not count; the standard error that the windows on both sides themselves give; `noise` / sqrt(windows).
    `score` is |difference| / spread, infinite where the metric never moved before. Metrics without a value on either side are left out.
    """
    own = measurements[measurements["monitor"] != "changes"]
    start, end = (own[name] for name in ("window_start", "window_end"))
    left = own[(end <= at) & (own["version"] == (before if before is not None else own["version"]))]
    right = own[(start >= at) & (own["version"] == (after if after is not None else own["version"]))]
    sides = [_side(left, windows, nearest_last=True), _side(right, windows, nearest_last=False)]
    table = sides[0].merge(sides[1], left_index=True, right_index=True, suffixes=("_before", "_after"))
    if table.empty:
        return pd.DataFrame(columns=[*KEYS, *MOVED])
    table = table.rename(columns={"mean_before": "before", "mean_after": "after"})
    table["difference"] = table["after"] - table["before"]
    elsewhere = _elsewhere(own, at, windows)
    errors = [table[f"variance_{side}"].fillna(0) / table[f"windows_{side}"] for side in ("before", "after")]
    spread = np.fmax(elsewhere.reindex(table.index), np.sqrt(errors[0] + errors[1]))
    noise = table[["noise_before", "noise_after"]].max(axis=1) / np.sqrt(windows)
    table["spread"] = np.fmax(spread, noise)
    return _ranked(table.reset_index(), MOVED)


def _side(own: pd.DataFrame, windows: int, nearest_last: bool) -> pd.DataFrame:
    """Mean, variance, noise and number of the nearest windows on one side, by metric; values of one window are averaged first."""
    known = own[own["value"].notna()]
    each = (
        known.groupby([*KEYS, "window_start"], observed=True)[["value", "noise"]].mean().reset_index().sort_values("window_start")
    )
    grouped = each.groupby(KEYS, observed=True)
    near = (grouped.tail(windows) if nearest_last else grouped.head(windows)).groupby(KEYS, observed=True)
    return near.agg(mean=("value", "mean"), variance=("value", "var"), noise=("noise", "median"), windows=("value", "size"))


def _elsewhere(own: pd.DataFrame, at: pd.Timestamp, windows: int) -> pd.Series:
    """The spread of differences between the means of so many windows and of so many after them, at cuts away from a time; by metric."""
    away = windows * pd.Timedelta((own["window_end"] - own["window_start"]).median())
    found = []
    for _, part in own.groupby("version", observed=True):
        wide = part.pivot_table(index="window_start", columns=KEYS, values="value", aggfunc="mean", observed=True, sort=True)
        before = wide.rolling(windows, min_periods=windows).mean().shift(1)
        after = wide[::-1].rolling(windows, min_periods=windows).mean()[::-1]
        cuts = after - before
        distance = (wide.index.to_series() - at).abs()
        found.append(cuts[distance >= away])
    every = pd.concat(found).abs()
    counted = every.notna().sum() >= LEAST
    return _spread(every, 0.75)[counted]


def _spread(deviations: Any, upper: float) -> pd.Series:
    """A standard deviation from quantiles of absolute deviations (a table, or groups): the larger of what the median and the upper one say."""
    return pd.Series(np.fmax(*(deviations.quantile(q) / QUANTILES[q] for q in (0.5, upper))))


def two_versions(measurements: pd.DataFrame, first: str, second: str, below: Collection[tuple[str, str]] = ()) -> pd.DataFrame:
    """Every metric of two versions side by side, that which differs most beyond noise first.

    Parameters
    ----------
    measurements : as `before_after` takes them.
    below : (monitor, metric) of which low values are the bad ones.

    Returns
    -------
    KEYS, the median and the worst value of each version and of how many windows, difference (of the medians), spread, score. `spread` is the
    standard deviation of a version's own windows about their median, of both versions together; never below `noise`.
    """
    own = measurements[(measurements["monitor"] != "changes") & measurements["value"].notna()]
    sides = [_summary(own[own["version"] == version], below) for version in (first, second)]
    table = sides[0].merge(sides[1], left_index=True, right_index=True, suffixes=("_1", "_2"))
    if table.empty:
        return pd.DataFrame(columns=[*KEYS, *PAIR])
    names = {"median": "", "worst": "_worst", "windows": "_windows"}
    table = table.rename(
        columns={f"{old}_{i}": f"{side}{new}" for old, new in names.items() for i, side in ((1, "first"), (2, "second"))}
    )
    table["difference"] = table["second"] - table["first"]
    table["spread"] = np.fmax(
        np.sqrt((table["spread_1"] ** 2 + table["spread_2"] ** 2) / 2), table[["noise_1", "noise_2"]].max(axis=1)
    )
    return _ranked(table.reset_index(), PAIR)


def _summary(own: pd.DataFrame, below: Collection[tuple[str, str]]) -> pd.DataFrame:
    grouped = own.groupby(KEYS, observed=True)
    found = grouped.agg(
        median=("value", "median"),
        high=("value", "max"),
        low=("value", "min"),
        windows=("value", "size"),
        noise=("noise", "median"),
    )
    apart = (own["value"] - grouped["value"].transform("median")).abs()
    deviations = apart.groupby([own[key] for key in KEYS], observed=True)
    found["spread"] = _spread(deviations, 0.9)
    bad_below = [(monitor, metric) in below for monitor, metric, _ in found.index]
    found["worst"] = np.where(bad_below, found["low"], found["high"])
    return found


def _ranked(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """With the score, the highest first; among those that never moved before (infinite) the largest relative difference."""
    size = table["difference"].abs()
    scale = table[[columns[0], columns[1]]].abs().max(axis=1)
    real = size > 1e-9 * scale
    spread = table["spread"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        table["score"] = np.where(real, size.to_numpy(float) / np.where(spread > 1e-9 * scale.to_numpy(float), spread, 0.0), 0.0)
    table["_relative"] = size / scale.where(scale > 0, 1.0)
    ranked = table.sort_values(["score", "_relative", *KEYS], ascending=[False, False, True, True, True], kind="stable")
    return ranked[[*KEYS, *columns]].reset_index(drop=True)
