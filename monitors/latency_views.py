"""latency_views: what the page and the command line show of times beside the measurements: two versions compared, steps and leaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from monitors import quantiles as q
from monitors import trends
from monitors.compare_latency import Compared, compare
from monitors.periods import merge
from monitors.quantiles import Floats, Histograms
from monitors.versions import version_order

ALL = "all versions"  # together; "" is the version of rows that tell none
UNITS = {
    "_ms": "ms", "_millis": "ms", "_milliseconds": "ms", "_us": "µs", "_micros": "µs", "_microseconds": "µs", "_ns": "ns", "_nanos": "ns",
    "_nanoseconds": "ns", "_s": "s", "_sec": "s", "_secs": "s", "_seconds": "s",
}  # fmt: skip
FINDINGS = ["version", *trends.COLUMNS]


@dataclass(frozen=True, slots=True)
class Daily:
    """The days of one version, in order."""

    starts: pd.Series
    times: Histograms


def unit(column: str) -> str:
    """The unit that a column's name ends in, none where it does not say: `latency_model_ms` is in ms."""
    return next((name for end, name in UNITS.items() if column.casefold().endswith(end)), "")


def edges_of(bins: pd.DataFrame) -> Floats:
    """The edges on which every latency is counted."""
    found: Floats = np.asarray(bins.loc[bins["role"] == "latency", "edges"].iloc[0], np.float64)
    return found


def by_day(profiles: pd.DataFrame, edges: Floats) -> dict[str, Daily]:
    """Version → its days, in the order that people mean, and last ALL; of the profiles of one column and segment."""
    log = profiles[(profiles["dataset"] == "log") & profiles["window_start"].notna()]
    if log.empty:
        return {}
    log, own = q.trimmed(log, edges)
    each = merge(log, "day")
    parts = {str(version): part.reset_index(drop=True) for version, part in each.groupby("version", sort=False)}
    order = version_order(list(parts), {name: part["window_start"].min() for name, part in parts.items()})
    parts = {name: parts[name] for name in order} | {ALL: merge(log.assign(version=ALL), "day")}
    return {name: Daily(part["window_start"], q.histograms(part, own)) for name, part in parts.items()}


def versions(days: Mapping[str, Daily]) -> list[str]:
    """Those that served, in the order that people mean."""
    return [name for name in days if name != ALL]


def compared(days: Mapping[str, Daily], before: str, after: str, column: str) -> Compared:
    """One version against another."""
    return compare(days[before].times, days[after].times, column, before, after)


def findings(days: Mapping[str, Daily], only: Sequence[str] | None = None, level: float = 0.5) -> pd.DataFrame:
    """Steps and leaks of every version in order of time, and where another version took over the steps of all together.

    Parameters
    ----------
    only : versions to look at; then nothing is said of take-overs. level : of the quantile that is followed.

    Returns
    -------
    FINDINGS; `version` is ALL where a version took over.
    """
    names = versions(days)
    parts = [_of(days[name], name, level) for name in (only or names)]
    if only is None and len(names) > 1:
        together, taken = _of(days[ALL], ALL, level), take_overs(days)
        known = pd.concat(parts)["start"]
        pairs = zip(together["kind"], together["start"], strict=True)
        fresh = [kind == "step" and _near(start, taken) and not _near(start, known) for kind, start in pairs]
        parts.append(together[np.array(fresh, dtype=bool)])
    some = [part for part in parts if len(part)]
    if not some:
        return pd.DataFrame(columns=FINDINGS)
    return pd.concat(some).sort_values(["start", "version"], kind="stable", ignore_index=True)


def take_overs(days: Mapping[str, Daily]) -> pd.Series:
    """The days from which another version served the most requests than on the day before."""
    rows = pd.DataFrame({name: pd.Series(days[name].times.rows, pd.DatetimeIndex(days[name].starts)) for name in versions(days)})
    most = rows.fillna(0).sort_index().idxmax(axis=1)
    return pd.Series(most.index[most.ne(most.shift(1)) & most.shift(1).notna()])


def _of(daily: Daily, name: str, level: float) -> pd.DataFrame:
    values = q.quantiles(daily.times, np.array([level]))[:, 0]
    return trends.find(daily.starts, values, q.log_deviation(daily.times, level)).assign(version=name).reindex(columns=FINDINGS)


def _near(start: pd.Timestamp, known: pd.Series) -> bool:
    return any(abs(time - start) <= pd.Timedelta(days=1) for time in known)


def sentence(finding: Mapping[Any, Any], column: str, percentile: str = "p50") -> str:
    """A finding in one line: `leak: p50 of v2 grew by 38 % a day (34 to 43) from 8 Jul 2013 for 10 days, 0.051 to 2.1 ms`."""
    start, name = finding["start"], finding["version"]
    when = f"{start.day} {start:%b %Y}"
    of = percentile + (" of all versions together" if name == ALL else f" of {name}" if name else "")
    levels = f"{_short(finding['before'])} to {_short(finding['after'])} {unit(column)}".rstrip()
    if finding["kind"] == "leak":
        day, low, high = (100 * (finding[key] - 1) for key in ("per_day", "per_day_low", "per_day_high"))
        grew = f"grew by {day:.2g} % a day ({low:.2g} to {high:.2g})"
        return f"leak: {of} {grew} from {when} for {finding['days']} days, {levels}"
    factor = finding["factor"]
    how = f"{_short(factor)} times as slow" if factor > 2 else f"slower by {100 * (factor - 1):.0f} %"
    if factor < 1:
        how = f"{_short(1 / factor)} times as fast" if factor < 0.5 else f"faster by {100 * (1 - factor):.0f} %"
    return f"step: {of} {how} from {when} on, {levels}"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2g}"


def by_part(profiles: pd.DataFrame, edges: Floats) -> pd.DataFrame:
    """Percentiles of all rows of each version and segment together: version, segment, first, last, rows, p50, p95, p99, mean; in their order."""
    log = profiles[(profiles["dataset"] == "log") & profiles["window_start"].notna()]
    if log.empty:
        return pd.DataFrame(columns=["version", "segment", "first", "last", "rows", "p50", "p95", "p99", "mean"])
    log, own = q.trimmed(log, edges)
    whole = merge(log, "all")
    times = q.histograms(whole, own)
    p50, p95, p99 = q.quantiles(times, np.array([0.5, 0.95, 0.99])).T
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = times.total / times.rows
    made = whole[["version", "segment"]].assign(
        first=whole["window_start"], last=whole["window_end"], rows=times.rows.astype(np.int64), p50=p50, p95=p95, p99=p99, mean=mean
    )
    return made[made["rows"] > 0].sort_values(["first", "last"], kind="stable", ignore_index=True)
