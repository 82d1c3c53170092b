"""Summaries of judged measurements for the screens: worst states, rankings, histograms. Pure: tables in, tables out."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors.rules import Rule
from monitors.thresholds import resolve

Floats = NDArray[np.float64]
DAY = np.timedelta64(1, "D")


def with_excess(judged: pd.DataFrame) -> pd.DataFrame:
    """Judged measurements with `limit` and `excess`.

    limit : the value beyond which it would be a warning, given the threshold and both floors; NaN without a threshold.
    excess : how many times the limit the value is; limit over value where the limit is one from below.
    """
    warning, critical = judged["warning"].to_numpy(float), judged["critical"].to_numpy(float)
    threshold = np.where(np.isnan(warning), critical, warning)
    below = judged["side"].to_numpy() == "below"
    noise, usual = judged["noise"].to_numpy(float), judged["usual"].to_numpy(float)
    beyond = np.where(below, np.fmin(np.fmin(threshold, noise), usual), np.fmax(np.fmax(threshold, noise), usual))
    limit = np.where(np.isnan(threshold), threshold, beyond)
    value = judged["value"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(below, limit / value, value / limit)
    return judged.assign(limit=limit, excess=excess)


def worst(judged: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Of each group the one row that is worst: the highest level, then the furthest beyond its limit."""
    if "excess" not in judged:
        judged = with_excess(judged)
    order = judged.sort_values(["level", "excess"], ascending=[False, False], na_position="last", kind="stable")
    return order.drop_duplicates(list(by)).sort_index().reset_index(drop=True)


def days(states: pd.DataFrame) -> tuple[list[str], NDArray[np.datetime64], Floats]:
    """The states as a grid: columns, days without a gap, and the worst level of each column on each day.

    Parameters
    ----------
    states : column, window_start, window_end, level; several rows a window may be given, and windows of several lengths.

    Returns
    -------
    columns in order of first appearance; days; levels of shape (columns, days), NaN where no window of the column covers the day.
    """
    columns = list(dict.fromkeys(states["column"]))
    if not columns:
        return [], np.zeros(0, dtype="datetime64[D]"), np.zeros((0, 0))
    start = states["window_start"].to_numpy("datetime64[us]").astype("datetime64[D]")
    end = -((-states["window_end"].to_numpy("datetime64[us]").astype(np.int64)) // 86_400_000_000)  # an hour covers its day
    first = start.min()
    begins, ends = (start - first) // DAY, end - first.astype(np.int64)
    grid = np.full((len(columns), int(ends.max())), -np.inf)
    rows = pd.Index(columns).get_indexer(pd.Index(states["column"]))
    for row, begin, stop, level in zip(rows, begins, ends, states["level"].to_numpy(float), strict=True):
        grid[row, begin:stop] = np.maximum(grid[row, begin:stop], level)
    return columns, first + np.arange(grid.shape[1]) * DAY, np.where(np.isinf(grid), np.nan, grid)


def ranking(judged: pd.DataFrame, by: str = "column") -> pd.DataFrame:
    """One row per value of `by`: its latest measured window (the worst where versions overlap), and its history; the worst first.

    Returns
    -------
    the columns of `judged` for that window, `limit`, `excess`, and
    windows, warnings, criticals : how many were judged, and were one or the other. peak : the greatest value.
    history : the values of all windows in order of time, NaN where one was not measured.
    """
    judged = with_excess(judged)
    ordered = judged.sort_values("window_start", kind="stable")
    groups = ordered.groupby(by, observed=True, sort=False)
    level = ordered["level"]
    counts = pd.DataFrame({
        "windows": (level >= 0).groupby(ordered[by], observed=True).sum(),
        "warnings": (level == 1).groupby(ordered[by], observed=True).sum(),
        "criticals": (level == 2).groupby(ordered[by], observed=True).sum(),
        "peak": groups["value"].max(),
        "history": groups["value"].agg(list),
    })  # fmt: skip
    measured = ordered[ordered["value"].notna()]
    last = measured.groupby(by, observed=True)["window_start"].transform("max")
    latest = worst(measured[measured["window_start"] == last], [by])
    blank = worst(ordered[~ordered[by].isin(latest[by])], [by])  # never measured: shown last, with its reason
    found = pd.concat([latest, blank], ignore_index=True) if len(blank) else latest
    found = found.merge(counts, left_on=by, right_index=True, how="left")
    return found.sort_values(["level", "excess", "value"], ascending=False, na_position="last", kind="stable", ignore_index=True)


def with_gaps(series: pd.DataFrame) -> pd.DataFrame:
    """One series in order of time, with a blank row wherever windows are missing, so that no line is drawn across a gap."""
    ordered = series.sort_values("window_start", kind="stable").reset_index(drop=True)
    gap = ordered["window_start"].shift(-1) > ordered["window_end"]
    if not gap.any():
        return ordered
    blanks = ordered.loc[gap, ["window_end"]].rename(columns={"window_end": "window_start"})
    blanks["window_end"] = blanks["window_start"]
    return pd.concat([ordered, blanks]).sort_values(["window_start", "window_end"], kind="stable").reset_index(drop=True)


def thinned(series: pd.DataFrame, most: int) -> pd.DataFrame:
    """A line of some `most` points at most: of each stretch the first, the lowest, the highest and the worst; and where a blank begins or ends.

    Parameters
    ----------
    series : by time, with value and level, as `with_gaps` gives it. Left as it is where it has no more points than that.
    """
    if len(series) <= most:
        return series
    known = series["value"].notna()
    edges = np.flatnonzero(known != known.shift(1))
    stretch = np.arange(len(series)) * (most // 4) // len(series)
    kept = [edges, np.maximum(edges - 1, 0), np.flatnonzero(np.diff(stretch, prepend=-1)), np.array([len(series) - 1])]
    for key in (series["value"], -series["value"], -series["level"]):
        order = np.lexsort((key.fillna(np.inf).to_numpy(float), stretch))
        kept.append(order[np.flatnonzero(np.diff(stretch[order], prepend=-1))])
    return series.iloc[np.unique(np.concatenate(kept))]


def limit_lines(judged: pd.DataFrame, which: str, by: str = "version") -> list[pd.DataFrame]:
    """A limit over the windows for which it is in force, in parts that a line can go through: window_start, window_end, limit; by time.

    Of a rule that limits both sides, one part for each of them. A limit that is the same for all is one row, from the first window to the
    last; else it is a part for each version (column `by`).
    """
    few = judged[list(dict.fromkeys(["window_start", "window_end", "side", by, which]))]  # what is not looked at need not be sorted
    known = few[np.isfinite(few[which].to_numpy(float))].sort_values("window_start", kind="stable")
    ends = {"window_start": [known["window_start"].min()], "window_end": [known["window_end"].max()]}
    found = []
    for _, own in known.groupby("side", observed=True, sort=False):
        if own[which].nunique() == 1:
            found.append(pd.DataFrame(ends | {"limit": own[which].iloc[:1].to_numpy(float)}))
        else:
            found += [part[[*ends]].assign(limit=part[which]) for _, part in own.groupby(by, observed=True, sort=False)]
    return found


def last_limits(lines: Sequence[pd.DataFrame]) -> list[float]:
    """What the limits are in the last window that has one: of `limit_lines`, the lowest first."""
    ends = [(line["window_end"].iloc[-1], float(line["limit"].iloc[-1])) for line in lines]
    return sorted({limit for end, limit in ends if end == max(ends)[0]})


def as_if_alerting(rules: Sequence[Rule], window: str, segment: str, **names: str) -> tuple[tuple[Rule, ...], bool]:
    """Rules under which a metric is judged on windows of this length, and whether that is as the rules say already.

    For showing only: what its limits would say of a metric whose rule is off, or of days where the rule is for weeks.

    Parameters
    ----------
    names : monitor and metric.
    """
    rule = resolve(rules, segment=segment, **names)
    if rule.enabled and rule.window == window:
        return tuple(rules), True
    windows = [one.scope for one in rules if "window" in one.changes and one.scope.items() - names.items() != one.scope.items()]
    # A more specific rule that switches a column off keeps it off.
    changed = [{"enabled": True, "window": window} | names, *(scope | {"window": window} for scope in windows)]
    return (*rules, *(Rule.model_validate(fields) for fields in changed)), False


def by_day(volume: pd.DataFrame) -> pd.Series:
    """Rows of each day, of all versions together; a day without any is 0."""
    return volume.set_index("window_start")["rows"].resample("D").sum()


LIMITING = ("kind", "direction", "warning", "critical", "above_noise", "above_usual")


@dataclass(frozen=True, slots=True)
class Watched:
    """What some rule may raise an alert on: a metric in windows of a length, in one segment or (None) in any; `exceeding` is the lowest
    limit that a value has to exceed, None where that is not one number; `beyond` the floors that it has to exceed too."""

    monitor: str | None
    metric: str
    window: str
    segment: str | None
    exceeding: float | None
    beyond: tuple[str, ...]


def watched(rules: Sequence[Rule], only: tuple[str | None, str] | None = None) -> tuple[Watched, ...]:
    """All that can alert under these rules, so that nothing else needs to be read: of 1.9 million measurements of the sample, 6,000.

    Nothing is told twice, as what is read twice would be judged twice. `only` is one monitor and metric, where no others are asked for.
    """
    found: dict[Watched, None] = {}
    for monitor, metric in _metrics(rules) if only is None else [only]:
        names: dict[str, Any] = {"monitor": monitor, "metric": metric}
        about = [r for r in rules if r.metric in (None, metric) and (monitor is None or r.monitor in (None, monitor))]
        enabling = [rule for rule in about if rule.changes.get("enabled")]
        segments = {rule.segment for rule in enabling if rule.segment is not None}
        more = any(rule.segment is None and {"model", "version", "column"} & rule.scope.keys() for rule in enabling)
        anywhere = more or resolve(rules, segment="=", **names).enabled  # a segment that no rule names
        windows = {rule.window for rule in about if "window" in rule.changes} | {resolve(rules, **names).window}
        for window in sorted(windows):
            for segment in (None,) if anywhere else sorted(segments):
                # Of one segment nothing is to be gained: to ask which series exceed the limit costs what reading them does.
                least = _least(rules, about, names) if segment is None else (None, ())
                found[Watched(monitor, str(metric), window, segment, *least)] = None
    return tuple(found)


def _metrics(rules: Sequence[Rule]) -> list[tuple[str | None, str]]:
    """Monitor and metric of all rules; a rule that names the metric alone is for each monitor that has it."""
    pairs = {(rule.monitor, rule.metric): None for rule in rules if rule.metric is not None}
    owned = {metric for monitor, metric in pairs if monitor is not None}
    return [(monitor, metric) for monitor, metric in pairs if monitor is not None or metric not in owned]


def _least(rules: Sequence[Rule], about: Sequence[Rule], names: dict[str, Any]) -> tuple[float | None, tuple[str, ...]]:
    whole = resolve(rules, **names)
    said = {field: {getattr(whole, field), *(r.changes[field] for r in about if field in r.changes)} for field in LIMITING}
    limits = [limit for limit in said["warning"] | said["critical"] if limit is not None]
    plain = said["kind"] == {"constant"} and said["direction"] == {"above"} and all(isinstance(x, int | float) for x in limits)
    floors = tuple(floor for floor in ("noise", "usual") if said[f"above_{floor}"] == {True})
    return (min(limits), floors) if plain and limits else (None, ())


def present(alerts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """Alerts with state "version retired" where an open one is of a version that no longer serves: nothing will ever end it."""
    serving = versions.loc[versions["last"] == versions["last"].max(), "version"]
    retired = (alerts["state"] == "open") & ~alerts["version"].isin([*serving, ""])  # "" is the model as a whole
    return alerts.assign(state=alerts["state"].where(~retired, "version retired"))


def telling(judged: pd.DataFrame) -> pd.DataFrame:
    """Without the columns of which nothing is asked but whether files have them, unless one was missing or new: ids, times and versions."""
    asked = ~judged["metric"].isin(["missing_column", "new_column"]) | (judged["level"] > 0)
    return judged[judged["column"].isin(judged.loc[asked, "column"].unique())]


def latest_first(alerts: pd.DataFrame) -> pd.DataFrame:
    """The open alerts, then the others; in each the latest, then the most severe first."""
    rank = alerts.assign(is_open=alerts["state"] == "open")
    order = rank.sort_values(["is_open", "end", "severity", "start"], ascending=[False, False, True, False], kind="stable")
    return order.drop(columns="is_open").reset_index(drop=True)


def worst_severity(alerts: pd.DataFrame) -> int:
    """The level of the worst alert; 0 where there is none."""
    return int(alerts["severity"].map({"warning": 1, "critical": 2}).max()) if len(alerts) else 0


def volume(profiles: pd.DataFrame) -> pd.DataFrame:
    """Rows served in each window by each version: window_start, version, rows. A column may be absent, so the fullest counts."""
    keys = ["window_start", "version"]
    most: pd.Series[int] = profiles.groupby(keys, observed=True)["rows"].max()
    return most.sort_index().reset_index()


def shares(bins: pd.Series, reference: Floats, window: Floats, most: int = 24) -> pd.DataFrame:
    """Counts on a column's fine bins as shares of rows in few groups, for a chart.

    Parameters
    ----------
    bins : the column's row of the table of bins: kind, edges, categories.
    reference, window : counts on these bins; NaN shares where there are none at all.
    most : how many groups at most, besides those at the ends.

    Returns
    -------
    label, reference, window; for numbers of many values also left and right, in order. Exact at the edges of bins; a group that
    ends within a bin takes of it in proportion. The end groups hold all that lies beyond.
    """
    if bins["kind"] == "category":
        return _shares_of_categories(list(bins["categories"]), reference, window, most)
    edges = np.asarray(bins["edges"], float)
    if len(edges) <= most:
        labels, values = _labels_of_values(edges)
        table = pd.DataFrame({"label": labels, "reference": _shares(reference), "window": _shares(window)})
        return table[values | (table[["reference", "window"]].max(axis=1) > 0)].reset_index(drop=True)
    before = np.cumsum(_shares(reference))[:-1]
    low, high = np.interp([0.001, 0.999], before, edges)
    low, high = (low, high) if low < high else (float(edges[0]), float(edges[-1]))
    cuts = np.linspace(low, high, most + 1)
    spans = {name: np.diff(np.interp(cuts, edges, np.cumsum(part)[:-1]), prepend=0) for name, part in _both(reference, window)}
    width = cuts[1] - cuts[0]
    left, right = np.append(cuts - width, cuts[-1]), np.append(cuts, cuts[-1] + width)
    labels = [f"≤ {low:.4g}", *(f"{a:.4g} to {b:.4g}" for a, b in itertools.pairwise(cuts)), f"> {high:.4g}"]
    groups = {name: np.append(part, 1 - part.sum()).clip(0) for name, part in spans.items()}
    return pd.DataFrame({"label": labels, "left": left, "right": right} | groups)


def _labels_of_values(edges: Floats) -> tuple[list[str], NDArray[np.bool_]]:
    """A label for each bin on few edges, and which of them are values; an edge just before a value ends what lies between two."""
    before = np.append(np.nextafter(edges[:-1], np.inf) == edges[1:], False)
    text = [f"{edge:.6g}" for edge in edges]
    labels = [text[i] if not before[i] else f"{text[i - 1]} to {text[i + 1]}" if i else f"< {text[1]}" for i in range(len(edges))]
    return [*labels, f"> {text[-1]}" if text else "any"], np.append(~before, False)


def _shares_of_categories(categories: list[str], reference: Floats, window: Floats, most: int) -> pd.DataFrame:
    """The most frequent categories of either, the rest as `other`, and those that the reference never had as `new`."""
    p, q = _shares(reference), _shares(window)
    count = len(categories)
    top = np.sort(np.argsort(-np.fmax(p, q)[:count], kind="stable")[:most])
    rest = np.setdiff1d(np.arange(count + 1), top)
    labels = [*(categories[i] for i in top), "other", "new"]
    table = {name: [*part[top], part[rest].sum(), part[-1]] for name, part in (("reference", p), ("window", q))}
    found = pd.DataFrame({"label": labels} | table)
    return found[(found.index < len(top)) | (found[["reference", "window"]].max(axis=1) > 0)].reset_index(drop=True)


def _both(reference: Floats, window: Floats) -> list[tuple[str, Floats]]:
    return [("reference", _shares(reference)), ("window", _shares(window))]


def _shares(counts: Floats) -> Floats:
    total = np.sum(counts)
    found: Floats = np.asarray(counts, float) / total if total else np.full(len(counts), np.nan)
    return found
