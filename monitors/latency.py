"""latency: did versions or components of code, data or model get slower, at once or by and by? And how many requests, how many failed?

Each latency column is a component. Times are counted on fixed bins, so that days add up to weeks and a percentile is taken of what was added
up: it is never a mean of percentiles. Every floor comes from windows before, so a value of a day stays what it was.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import quantiles as q
from monitors.measurements import typed
from monitors.periods import Period, merge
from monitors.quantiles import Floats, Histograms
from monitors.recent import DAYS, LEAST_DAYS, growth_and_step
from monitors.usual import ENOUGH_ROWS, ENOUGH_WINDOWS
from monitors.versions import version_order

ROLES = ("latency", "requests")
PERIODS: tuple[Period, ...] = ("day", "week", "month")
LEVELS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
METRICS = (*LEVELS, "mean", "p95_ratio", "p50_growth", "p50_step", "throughput", "error_rate")
# A p99 of fewer rows is their greatest value and no more. Of five rows all but one set in twenty reach beyond the true median.
ENOUGH = {"p50": 5, "p95": 5, "p99": 100, "mean": 1, "p95_ratio": 5}
KEYS = ["model", "version", "column", "segment", "window_start", "window_end", "dataset"]
DAY = pd.Timedelta(days=1)

EMPTY = "no latency in this window"


Key = tuple[str, str]  # version and segment


@dataclass(frozen=True, slots=True)
class Series:
    """The windows of one version and segment in order of time."""

    version: str
    segment: str
    part: str  # the column of code or data versions that the segment is of, else empty
    at: NDArray[np.intp]  # their places in the table
    starts: Floats  # days since 1970
    ends: Floats
    times: Histograms


@dataclass(frozen=True, slots=True)
class Part:
    """One metric of some windows: where they stand in the table, values, floors, and why there is no value."""

    metric: str
    at: NDArray[np.intp]
    rows: Floats
    value: Floats
    noise: Floats
    usual: Floats
    reason: NDArray[Any]


def measure(profiles: pd.DataFrame, bins: pd.DataFrame) -> pd.DataFrame:
    """Every latency metric of one model, for each version, component and segment, by day, week and month.

    Parameters
    ----------
    profiles : the stored windows of columns of role "latency" and of "requests", over the whole history; those of a reference too.
    bins : of role "latency" the row whose `edges` all latencies have and whose `categories` name the columns of code and data versions.

    Returns
    -------
    table of measurements with `dataset`. In the unit of the column: p50, p95, p99 (within 1 %) and mean. Without a unit: p95_ratio, the p95
    over that of the version before in all its life until then; p50_growth, the factor by which p50 grows in a week, and p50_step, the factor
    of its last step, both over the fourteen days that end with the window, by day alone. Under the column "": throughput, inferences per
    hour of the window as far as the model has a log; error_rate, the share of requests that failed.

    noise : for a percentile the upper end of what one of so many rows is, in 95 of 100 cases, if nothing changed since the version's life
    before (for p95_ratio: if it is the version before). usual : the 95th percentile over the windows of the same length before, from three of
    30 rows on (for p95_ratio: over those of the version before). In segments of code or data versions "the version before" is the one of
    the code or data, whichever model versions it served.
    """
    own = bins[bins["role"] == "latency"]
    parts = [*_latencies(profiles[profiles["role"] == "latency"], own), *_requests(profiles[profiles["role"] == "requests"])]
    return pd.concat([typed(pd.DataFrame()), *map(typed, parts)], ignore_index=True)


# ---- times -------------------------------------------------------------------------------------------------------------------------


def _latencies(profiles: pd.DataFrame, bins: pd.DataFrame) -> Iterator[pd.DataFrame]:
    if profiles.empty:
        return
    named = bins["categories"].iloc[0] if "categories" in bins else None
    versioned = tuple(named) if isinstance(named, list | tuple | np.ndarray) else ()
    timed = profiles[profiles["window_start"].notna()]
    for (dataset, _, _), rows in timed.groupby(["dataset", "column", "model"], sort=True):
        own, edges = q.trimmed(rows, np.asarray(bins["edges"].iloc[0], np.float64))
        days = series(merge(own, "day"), edges, versioned)
        lives = {key: q.running(one.times) for key, one in days.items()} if dataset == "log" else {}
        before = predecessors(days)
        for period in PERIODS:
            table = merge(own, period)
            yield _table(table, [*_of_period(series(table, edges, versioned), period, days, lives, before)])


def _of_period(
    seen: Mapping[Key, "Series"],
    period: Period,
    days: Mapping[Key, "Series"],
    lives: Mapping[Key, Histograms],
    before: Mapping[Key, list[Key]],
) -> Iterator["Part"]:
    """All metrics of all windows of one length; of a reference, which has no life before, the percentiles and the mean."""
    for key, one in seen.items():
        yield from _quantiles(one, _upto(lives[key], days[key], one.starts) if lives else None)
        if lives:
            yield _ratio(one, before[key], days, lives, seen)
            yield from _recent(one) if period == "day" else ()


def series(table: pd.DataFrame, edges: Floats, versioned: tuple[str, ...]) -> dict[Key, Series]:
    """(version, segment) → its windows, in order of time; `table` as `merge` gives it."""
    times, starts, ends = q.histograms(table, edges), _days(table["window_start"]), _days(table["window_end"])
    groups: dict[Any, Any] = table.groupby(["version", "segment"], sort=True).indices
    found = {}
    for (version, segment), at in groups.items():
        column = str(segment).partition("=")[0]
        part = column if column in versioned else ""
        found[str(version), str(segment)] = Series(str(version), str(segment), part, at, starts[at], ends[at], times.take(at))
    return found


def predecessors(days: Mapping[Key, Series]) -> dict[Key, list[Key]]:
    """(version, segment) → those that stand for the version before; empty for the first one."""
    seen: dict[str, dict[str, float]] = {}  # column of code or data versions, "" of model versions → version → when it was first seen
    for one in days.values():
        for part, name in {("", one.version), (one.part, _name(one))}:
            first = seen.setdefault(part, {})
            first[name] = min(float(one.starts[0]), first.get(name, np.inf))
    orders = {part: _before(first) for part, first in seen.items()}
    found = {}
    for key, one in days.items():
        earlier = orders[one.part][_name(one)]
        wanted = f"{one.part}={earlier}" if one.part else one.segment
        held = [other for other in days if other[1] == wanted and (one.part or other[0] == earlier)]
        found[key] = held if earlier is not None else []
    return found


def _before(first_seen: Mapping[str, float]) -> dict[str, str | None]:
    """Version → the one before it in the order that people mean."""
    times = {name: pd.Timestamp(0, tz="UTC") + start * DAY for name, start in first_seen.items()}
    order = version_order(list(times), times)
    return dict(zip(order, [None, *order[:-1]], strict=True))


def _upto(life: Histograms, days: Series, until: Floats) -> Histograms:
    """All that was counted of days that start before each time."""
    return life.take(np.searchsorted(days.starts, until, side="left"))


def _quantiles(one: Series, before: Histograms | None) -> Iterator[Part]:
    """p50, p95, p99 and mean with their floors; without floors where `before` is none."""
    seen, rows = one.times, one.times.rows
    levels = np.array(list(LEVELS.values()))
    values = np.column_stack([q.quantiles(seen, levels), _mean(seen)])
    noise = np.full_like(values, np.nan)
    if before is not None:
        shares = np.column_stack([q.chance_level(level, rows, before.rows) for level in levels])
        known = (before.rows >= ENOUGH_ROWS)[:, None] & ~np.isnan(shares)
        noise[:, :-1] = np.where(known, q.quantiles(before, np.where(known, shares, 0.5)), np.nan)
        noise[:, -1] = _mean_noise(before, rows)
    for i, metric in enumerate((*LEVELS, "mean")):
        usual = _usual(values[:, i], rows) if before is not None else np.full(len(rows), np.nan)
        value = np.where(rows < ENOUGH[metric], np.nan, values[:, i])
        yield Part(metric, one.at, rows, value, noise[:, i], usual, _few(metric, rows))


def _mean(seen: Histograms) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = seen.total / seen.rows
    return found


def _mean_noise(before: Histograms, rows: Floats) -> Floats:
    """The mean before and 1.645 of its standard errors at so many rows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = before.total / before.rows
        deviation = np.sqrt(np.maximum(before.squares / before.rows - mean**2, 0))
        found = mean + 1.645 * deviation * np.sqrt(1 / rows + 1 / before.rows)
    return np.where((before.rows >= ENOUGH_ROWS) & (rows > 0), found, np.nan)


def _usual(values: Floats, rows: Floats) -> Floats:
    """95th percentile of the windows before each one."""
    enough = pd.Series(np.where(rows >= ENOUGH_ROWS, values, np.nan))
    found: Floats = enough.shift(1).expanding(min_periods=ENOUGH_WINDOWS).quantile(0.95).to_numpy(np.float64)
    return found


def _ratio(
    one: Series, before: list[Key], days: Mapping[Key, Series], lives: Mapping[Key, Histograms], seen: Mapping[Key, Series]
) -> Part:
    """p95 over the p95 of the version before: of all its days that began before the window ended."""
    rows, level = one.times.rows, LEVELS["p95"]
    nothing = np.full(len(rows), np.nan)
    if not before:
        first = f"no {one.part.replace('_', ' ') or 'version'} before {_name(one)}" if _name(one) else "the log tells no versions"
        return Part("p95_ratio", one.at, rows, nothing, nothing, nothing, np.full(len(rows), first, dtype=object))
    base = q.together([_upto(lives[key], days[key], one.ends) for key in before])
    shares = q.chance_level(level, rows, np.where(base.rows > 0, base.rows, np.nan))
    known = ~np.isnan(shares)
    old, high = q.quantiles(base, np.column_stack([np.full(len(rows), level), np.where(known, shares, 0.5)])).T
    usual = _usual_before([seen[key] for key in before], one.ends, level)
    good = (rows >= ENOUGH["p95_ratio"]) & (base.rows >= ENOUGH["p95_ratio"]) & (old > 0)
    new = q.quantiles(one.times, np.array([level]))[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        value, noise, usual = (np.where(good, x / old, np.nan) for x in (new, np.where(known, high, np.nan), usual))
    name = " and ".join(dict.fromkeys(_name(days[key]) for key in before))
    few = np.array([f"{name} has {int(n)} rows here until then, p95_ratio needs {ENOUGH['p95_ratio']}" for n in base.rows], dtype=object)
    few[base.rows >= ENOUGH["p95_ratio"]] = f"the p95 of {name} is not above 0"
    own = _few("p95_ratio", rows)
    return Part("p95_ratio", one.at, rows, value, noise, usual, np.where(rows < ENOUGH["p95_ratio"], own, few))


def _usual_before(parts: list[Series], until: Floats, level: float) -> Floats:
    """95th percentile of p95 over the windows of the version before that began before each time."""
    values = np.concatenate([q.quantiles(part.times, np.array([level]))[:, 0] for part in parts])
    rows, starts = np.concatenate([part.times.rows for part in parts]), np.concatenate([part.starts for part in parts])
    order = np.argsort(starts, kind="stable")
    enough = pd.Series(np.where(rows >= ENOUGH_ROWS, values, np.nan)[order])
    found = np.r_[np.nan, enough.expanding(min_periods=ENOUGH_WINDOWS).quantile(0.95).to_numpy(np.float64)]
    usual: Floats = found[np.searchsorted(starts[order], until, side="left")]
    return usual


def _recent(one: Series) -> Iterator[Part]:
    """p50_growth and p50_step of each day."""
    rows = one.times.rows
    p50 = q.quantiles(one.times, np.array([LEVELS["p50"]]))[:, 0]
    good = (rows >= ENOUGH["p50"]) & (p50 > 0)
    values = np.full((4, len(rows)), np.nan)
    if good.any():
        values[:, good] = np.stack(growth_and_step(one.starts[good], np.log(p50[good])))
    growth, growth_noise, step, step_noise = values
    nothing = np.full(len(rows), np.nan)
    for metric, value, noise in (("p50_growth", growth, growth_noise), ("p50_step", step, step_noise)):
        short = np.full(len(rows), f"{metric} needs {LEAST_DAYS} measured days of the last {DAYS}", dtype=object)
        yield Part(metric, one.at, rows, value, noise, nothing, np.where(good, short, _few("p50", rows)))


# ---- requests ----------------------------------------------------------------------------------------------------------------------


def _requests(profiles: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """throughput and error_rate of the log."""
    log = profiles[(profiles["dataset"] == "log") & profiles["window_start"].notna()]
    if log.empty:
        return
    first, last = log["window_start"].min(), log["window_end"].max()
    for period in PERIODS:
        table = merge(log, period).assign(column="")
        at, rows = np.arange(len(table)), table["rows"].to_numpy(np.float64)
        hours = 24 * (_days(table["window_end"].clip(upper=last)) - _days(table["window_start"].clip(lower=first)))
        errors = table["errors"].to_numpy(np.float64, na_value=np.nan)
        nothing, none = np.full(len(rows), np.nan), np.full(len(rows), "no request in this window", dtype=object)
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = np.where(rows > 0, errors / rows, np.nan)
        counted = Part("throughput", at, rows, rows / hours, nothing, nothing, none)
        yield _table(table, [counted, Part("error_rate", at, rows, rate, *_error_floors(table, errors, rows), none)])


def _error_floors(table: pd.DataFrame, errors: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """What so many requests give 95 times in 100 at the rate before (binomial, by its normal limit); and the windows before."""
    keys = [table["version"], table["segment"]]
    before = pd.DataFrame({"errors": errors, "rows": rows}).groupby(keys).cumsum() - np.column_stack([errors, rows])
    known = before["rows"].to_numpy() >= ENOUGH_ROWS
    # One error more than were seen, of one request more: a rate that was 0 so far is not known to be 0.
    p = (before["errors"].to_numpy() + 1) / (before["rows"].to_numpy() + 1)
    noise = np.where(known & (rows > 0), np.minimum(p + 1.645 * np.sqrt(p * (1 - np.minimum(p, 1)) / np.maximum(rows, 1)), 1), np.nan)
    rates = pd.DataFrame({"rate": np.where(rows >= ENOUGH_ROWS, errors / np.maximum(rows, 1), np.nan)})
    usual = rates["rate"].groupby(keys).transform(lambda one: one.shift(1).expanding(min_periods=ENOUGH_WINDOWS).quantile(0.95))
    return noise, usual.to_numpy(np.float64)


# ---- words and rows ----------------------------------------------------------------------------------------------------------------


def _few(metric: str, rows: Floats) -> NDArray[Any]:
    """Why so few rows tell nothing."""
    counts: dict[float, str] = {n: f"{metric} needs {ENOUGH[metric]} rows, this window has {int(n)}" for n in np.unique(rows)}
    return np.array([(counts | {0.0: EMPTY})[n] for n in rows], dtype=object)


def _name(one: Series) -> str:
    """The version that a series is of: of code or data, else of the model."""
    return one.segment.partition("=")[2] if one.part else one.version


def _table(table: pd.DataFrame, parts: list[Part]) -> pd.DataFrame:
    """Measurements, one row per window and metric, from the windows and the parts that point at them."""
    if not parts:
        return pd.DataFrame()
    names = ("rows", "value", "noise", "usual", "reason")
    fields: dict[str, NDArray[Any]] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    fields["reason"][~np.isnan(fields["value"])] = None
    metric = np.repeat(np.array([part.metric for part in parts], dtype=object), [len(part.at) for part in parts])
    kept = table[KEYS].iloc[np.concatenate([part.at for part in parts])].reset_index(drop=True)
    return kept.assign(monitor="latency", metric=metric, **fields).astype({"rows": np.int64})


def _days(times: pd.Series) -> Floats:
    found: Floats = times.to_numpy("datetime64[us]").astype(np.int64) / 86_400_000_000
    return found
