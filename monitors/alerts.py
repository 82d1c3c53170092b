"""Alerts: runs of breaching windows, and each of them in one sentence."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import series as s
from monitors.rules import SCOPE

COLUMNS = [*SCOPE, "start", "end", "windows", "peak", "threshold", "severity", "state"]


def alerts(judged: pd.DataFrame) -> pd.DataFrame:
    """The runs of breaching windows of each series.

    Parameters
    ----------
    judged : what `judge` gave, whole or a part of it, in any order.

    Returns
    -------
    One row an alert, by start, then the critical first, then by names.
    start, end : the start of its first window, the end of its last. Windows that were not judged, in between, do not end it.
    windows : how many windows breached. peak : the value furthest beyond its limit.
    threshold : the limit that it passed, the critical one if severity is critical; NaN for kind fdr, which has none.
    severity : of its worst window. state : "open" if the last judged window of the series is in it, else "resolved".
    """
    at = np.flatnonzero(judged["level"].to_numpy() >= 0)
    coded = [s.codes(judged[field]) for field in SCOPE]
    begin = s.micros(judged["window_start"])
    key = s.keys([*(codes for codes, _ in coded), s.codes(judged["window_name"])[0]])
    at = at[s.in_order(key[at], begin[at])]

    level = judged["level"].to_numpy()[at]
    hit = level > 0
    new = s.begins(key[at])
    first = np.flatnonzero(hit & (new | ~np.roll(hit, 1)))
    last = np.flatnonzero(hit & np.roll(new | ~hit, -1))  # the roll brings in row 0, which always begins a series
    size = last - first + 1
    if not len(first):
        return _empty(judged)
    run = np.repeat(np.arange(len(first)), size)
    rows = at[hit]
    severity = np.maximum.reduceat(level[hit], np.cumsum(size) - size)
    value, warning, critical = (judged[name].to_numpy(dtype=np.float64)[rows] for name in ("value", "warning", "critical"))
    limit = np.where(severity[run] == 2, critical, warning)
    sign = np.where((judged["side"] == "below").to_numpy()[rows], -1, 1)
    worst = _worst(sign * (value - np.where(np.isnan(limit), 0, limit)), run)

    def named(codes: s.Ints, names: list[str]) -> pd.api.extensions.ExtensionArray:
        return pd.array(names, dtype="str").take(codes, allow_fill=True)

    is_last = np.append(new[1:], True)[last].astype(np.int64)
    result = pd.DataFrame({field: named(codes[at[first]], names) for field, (codes, names) in zip(SCOPE, coded, strict=True)} | {
        "start": judged["window_start"].array.take(at[first]),
        "end": judged["window_end"].array.take(at[last]),
        "windows": size,
        "peak": value[worst],
        "threshold": limit[worst],
        "severity": named(severity.astype(np.int64) - 1, ["warning", "critical"]),
        "state": named(is_last, ["resolved", "open"]),
    })  # fmt: skip
    order = np.lexsort((-severity, begin[at[first]]))  # stable, and the runs are in order of their names
    return result.take(order).reset_index(drop=True)


def _worst(excess: NDArray[np.float64], run: s.Ints) -> s.Ints:
    """Per run, the place of its greatest excess; the earliest of equals."""
    greatest = np.maximum.reduceat(excess, np.flatnonzero(s.begins(run)))
    equal = np.flatnonzero(excess == greatest[run])
    return equal[s.begins(run[equal])]


def _empty(judged: pd.DataFrame) -> pd.DataFrame:
    texts = {name: pd.Series(dtype="str") for name in (*SCOPE, "severity", "state")}
    times = {"start": judged["window_start"].iloc[:0], "end": judged["window_end"].iloc[:0]}
    numbers = {"windows": pd.Series(dtype="int64"), "peak": pd.Series(dtype="float64"), "threshold": pd.Series(dtype="float64")}
    return pd.DataFrame(texts | times | numbers, index=pd.RangeIndex(0))[COLUMNS]


def sentence(alert: Mapping[str, Any] | pd.Series) -> str:
    """An alert in one line: `psi of temp (v1) 3.10, critical above 0.25, 8 weeks from 1 Apr 2013, open`."""
    of = f" of {alert['column']}" if _is_named(alert["column"]) else ""
    segment = alert["segment"] if _is_named(alert["segment"]) and alert["segment"] != "all" else None
    where = ", ".join(str(name) for name in (alert["version"], segment) if _is_named(name))
    side = "above" if alert["peak"] >= alert["threshold"] else "below"
    limit = "by its false discovery rate" if np.isnan(alert["threshold"]) else f"{side} {_short(alert['threshold'])}"
    start = pd.Timestamp(alert["start"])
    return (
        f"{alert['metric']}{of}{f' ({where})' if where else ''} {_short(alert['peak'], 2)}, {alert['severity']} {limit}, "
        f"{_windows(alert)} from {start.day} {start:%b %Y}, {alert['state']}"
    )


def with_model(alerts: pd.DataFrame) -> list[str]:
    """The sentence of each, with its model where they are of several."""
    several = alerts["model"].nunique() > 1
    return [f"{row['model']}: {sentence(row)}" if several else sentence(row) for _, row in alerts.iterrows()]


def _windows(alert: Mapping[str, Any] | pd.Series) -> str:
    """`8 weeks`."""
    count = int(alert["windows"])
    return f"{count:,} {unit(alert)}{'' if count == 1 else 's'}"


def unit(alert: Mapping[str, Any] | pd.Series) -> str:
    """`week`. An alert does not say how long its windows are: it is the longest of which its span has room for so many."""
    start, end, count = pd.Timestamp(alert["start"]), pd.Timestamp(alert["end"]), int(alert["windows"])
    midnight = start == start.normalize() and end == end.normalize()
    months = (end.year - start.year) * 12 + end.month - start.month
    if midnight and start.day == end.day == 1 and months >= count:
        return "month"
    if midnight and start.weekday() == end.weekday() == 0 and (end - start).days >= 7 * count:
        return "week"
    return "day" if midnight and (end - start).days >= count else "hour"


def _is_named(name: Any) -> bool:
    return isinstance(name, str) and name != ""


def _short(value: float, decimals: int = 0) -> str:
    """Three figures or so, at least `decimals` places where that hides nothing: 3.10, 0.25, 0.0075, 12,345."""
    if value != 0 and abs(value) < 0.1:
        return f"{value:.2g}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{decimals}f}" if decimals else f"{value:.4g}"
