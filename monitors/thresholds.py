"""Judging: measurements and rules in, levels out. The one place that decides, for pages, previews, command line and messages.

Measurements do not change while a slider moves, so `prepare` puts them in order once, and `judge` then takes milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import own_windows
from monitors import series as s
from monitors.rulebook import defaults, dump, read, resolve, rule, saved, with_override, without_override
from monitors.rules import LIMITS, SCOPE, Rule, in_order, scope_text
from monitors.series import WINDOWS, Ints

__all__ = [
    "Prepared", "Rule", "defaults", "dump", "judge", "prepare", "read", "resolve", "rule", "saved", "scope_text", "with_override",
    "without_override",
]  # fmt: skip

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
KINDS = ("constant", "reference_quantile", "reference_std", "fdr")
DIRECTIONS = ("above", "below", "outside")
WARNING, CRITICAL, RECOVER = range(3)
LOW, HIGH = range(2)
EVER = own_windows.EVER


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Measurements in the order of their series (names, then length of window) and of time, with what judging needs as arrays."""

    frame: pd.DataFrame  # the rows of the log; names and window_name are categories
    starts: Ints  # per series: its first row
    names: dict[str, tuple[Ints, dict[str, int]]]  # per field of the scope: code of each series, and name → code
    window: Ints  # per series: which of WINDOWS
    begin: Ints  # per row, µs
    value: Floats
    rows: Floats
    noise: Floats
    usual: Floats
    p_value: Floats
    coverage: Floats
    reference: Floats  # values of the reference's own windows, by series and then by size,
    reference_rows: Floats  # the rows of each,
    reference_coverage: Floats
    reference_since: Ints  # from when on the log is judged by it, µs: EVER, but of a new normal the day from which it is one
    reference_series: Ints  # and the series that it belongs to


@dataclass(frozen=True, slots=True, eq=False)
class Force:
    """The rules in force, resolved: one entry per series."""

    limits: Floats  # (LIMITS, low and high, series), in the metric's units; NaN where there is none; rates for fdr
    active: Bools  # there is an enabled rule for windows of this length, with a limit
    direction: Ints
    fdr: Bools
    min_rows: Ints
    min_coverage: Floats
    above_noise: Bools
    above_usual: Bools
    k: Ints
    n: Ints
    later: tuple[tuple[int, Bools, Floats], ...]  # by time: since when, of which series, and the limits that they have from then on


def prepare(measurements: pd.DataFrame) -> Prepared:
    """Measurements ready for `judge`; keep the result for as long as they do not change.

    Parameters
    ----------
    measurements : the columns of `measurements.COLUMNS`, and `dataset` where the reference's own windows are in it; any order.
        Of noise, usual, p_value, coverage and dataset any may be absent.
    """
    begin, end = s.micros(measurements["window_start"]), s.micros(measurements["window_end"])
    window = s.window_codes(begin, end)
    coded = {field: s.codes(measurements[field]) for field in SCOPE}
    key = s.keys([*(codes for codes, _ in coded.values()), window])
    is_log = (measurements["dataset"] == "log").to_numpy() if "dataset" in measurements else np.ones(len(key), dtype=bool)
    at = np.flatnonzero(is_log)
    at = at[s.in_order(key[at], begin[at])]
    starts = np.flatnonzero(s.begins(key[at]))
    first = at[starts]
    value, rows, coverage = (_floats(measurements, name) for name in ("value", "rows", "coverage"))
    own, series, since = own_windows.of_series(measurements, np.flatnonzero(~is_log & ~np.isnan(value)), first, coded, window)
    order = np.lexsort((value[own], series))
    own = own[order]
    return Prepared(
        frame=_framed(measurements, at, {field: (codes[at], names) for field, (codes, names) in coded.items()}, window[at]),
        starts=starts,
        names={f: (codes[first], {name: i for i, name in enumerate(names)}) for f, (codes, names) in coded.items()},
        window=window[first],
        begin=begin[at],
        value=value[at],
        rows=rows[at],
        noise=_floats(measurements, "noise")[at],
        usual=_floats(measurements, "usual")[at],
        p_value=_floats(measurements, "p_value")[at],
        coverage=coverage[at],
        reference=value[own],
        reference_rows=rows[own],
        reference_coverage=coverage[own],
        reference_since=since[order],
        reference_series=series[order],
    )


def _framed(measurements: pd.DataFrame, at: Ints, coded: dict[str, tuple[Ints, list[str]]], window: Ints) -> pd.DataFrame:
    """The rows `at`; their names as categories, so that `alerts` need not look at every text again."""
    categories = {f: pd.Categorical.from_codes(codes, pd.Index(names, dtype="str")) for f, (codes, names) in coded.items()}
    others = measurements.drop(columns=["dataset", *SCOPE], errors="ignore")
    if len(at) < len(measurements) or (at[1:] <= at[:-1]).any():  # texts are slow to move, and mostly they are in order
        others = others.take(at)
    others = others.reset_index(drop=True)
    frame = others.assign(**categories).reindex(columns=[column for column in measurements if column != "dataset"])
    return frame.assign(window_name=pd.Categorical.from_codes(window, pd.Index(WINDOWS)))


def judge(measurements: pd.DataFrame | Prepared, rules: Sequence[Rule]) -> pd.DataFrame:
    """Each measurement of the log with its level under the rules.

    Parameters
    ----------
    measurements : see `prepare`, whose result may be given instead.
    rules : the defaults, then the overrides.

    Returns
    -------
    The rows of the log, ordered by names, length of window and time, and to them
    window_name : day, week, month, hour or other, by the length of the window.
    level : 0 ok, 1 warning, 2 critical; -1 not judged: a blank value, fewer rows than min_rows, labels for a smaller share of them than
        min_coverage, another length than the rule's window, no limit, a rule that is not enabled. What is not judged neither raises nor clears.
    warning, critical : the limits in force, in the metric's own units; NaN without one, and for kind fdr, which has none.
    side : "above" or "below": on which side of these limits a value breaches. With direction outside they are the nearer ones.

    A level depends on this window and those before it, never on later ones: what is judged today reads the same next month.
    """
    seen = measurements if isinstance(measurements, Prepared) else prepare(measurements)
    force = in_force(seen, rules)
    lengths = np.diff(seen.starts, append=len(seen.value))
    judged = np.repeat(force.active, lengths) & ~np.isnan(seen.value) & (seen.rows >= np.repeat(force.min_rows, lengths))
    if force.later:  # a new normal may know of limits where the reference did not, and the other way round
        judged &= ~np.isnan([_by_row(which, seen, force) for which in (WARNING, CRITICAL)]).all(axis=(0, 1))
    if force.min_coverage.any():
        judged &= ~(seen.coverage < np.repeat(force.min_coverage, lengths))  # NaN: a value that needs no labels
    adjusted = seen.p_value
    if force.fdr.any():
        fdr = np.repeat(force.fdr, lengths)
        judged &= ~(fdr & np.isnan(seen.p_value))
        adjusted = _adjusted(seen, np.flatnonzero(judged & fdr), lengths)

    clear = [~judged, ~judged]
    for named, floor in ((force.above_noise, seen.noise), (force.above_usual, seen.usual)):
        asked = np.repeat(named, lengths)
        clear = [clear[LOW] | asked & (seen.value >= floor), clear[HIGH] | asked & (seen.value <= floor)]
    critical = _beyond(CRITICAL, seen, force, adjusted, clear)
    breach = _beyond(WARNING, seen, force, adjusted, clear) | critical
    if (force.n[force.active] > 1).any():
        breach, critical = (_often_enough(hit, seen, force, lengths, judged) for hit in (breach, critical))
    level = breach.astype(np.int8) + critical
    if not np.isnan(force.limits[RECOVER][:, force.active]).all():
        inside = ~_beyond(RECOVER, seen, force, adjusted, [~judged, ~judged])
        kept = _kept_open(breach, inside, seen.starts, judged)
        lowest = np.where(np.isnan(force.limits[WARNING]).all(axis=0), 2, 1).astype(np.int8)
        level = np.where(kept, np.repeat(lowest, lengths), level)
    level[~judged] = -1
    return seen.frame.assign(level=level, **_shown_limits(seen, force, lengths))


def in_force(seen: Prepared, rules: Sequence[Rule]) -> Force:
    """The rules resolved for every series at once: from weak to strong, each writes what it names where it matches."""
    count = len(seen.starts)
    limits = np.full((len(LIMITS), 2, count), np.nan)
    named: dict[str, NDArray[Any]] = {field: np.zeros(count, np.int64) for field in ("kind", "direction", "min_rows")}
    named |= {"window": np.full(count, WINDOWS.index("day")), "for_windows": np.ones((2, count), np.int64), "min_coverage": np.zeros(count)}
    named |= {field: np.full(count, field == "enabled") for field in ("above_noise", "above_usual", "enabled")}
    named |= dict(zip(LIMITS, limits, strict=True))
    for one in in_order(rules, defaults()):
        match = np.ones(count, dtype=bool)
        for field, name in one.scope.items():
            codes, known = seen.names[field]
            match &= codes == known.get(name, -2)
        for field in one.changes.keys() & named.keys():
            named[field][..., match] = _coded(field, one.changes[field])

    later = _from_references(seen, limits, named)
    fdr = named["kind"] == KINDS.index("fdr")
    for some in (limits, *(one[-1] for one in later)):
        some[:, LOW, (named["direction"] == DIRECTIONS.index("above")) & ~fdr] = np.nan
        some[:, HIGH, (named["direction"] == DIRECTIONS.index("below")) & ~fdr] = np.nan
    known = ~np.isnan(limits[:RECOVER]).all(axis=(0, 1))
    for _, there, some in later:
        known |= there & ~np.isnan(some[:RECOVER]).all(axis=(0, 1))
    active = named["enabled"] & (named["window"] == seen.window) & known
    kept = ("direction", "min_rows", "min_coverage", "above_noise", "above_usual")
    k, n = named["for_windows"]
    return Force(limits=limits, active=active, fdr=fdr, k=k, n=n, later=later, **{field: named[field] for field in kept})


def _coded(field: str, value: Any) -> Any:
    """What a rule says, as it stands in the arrays: words as their place, limits and `for_windows` as a column of (low, high) or (k, n)."""
    words = {"kind": KINDS, "direction": DIRECTIONS, "window": WINDOWS}
    if field in words:
        return words[field].index(value)
    return np.reshape(np.nan if value is None else value, (-1, 1)) if field in (*LIMITS, "for_windows") else value


def _from_references(seen: Prepared, limits: Floats, named: dict[str, NDArray[Any]]) -> tuple[tuple[int, Bools, Floats], ...]:
    """Put the limits that are told by the reference's own windows into the metric's units, in place; and give those that later normals give."""
    kinds = [kind for kind in ("reference_quantile", "reference_std") if (named["kind"] == KINDS.index(kind)).any()]
    enough = seen.reference_rows >= named["min_rows"][seen.reference_series]
    enough &= ~(seen.reference_coverage < named["min_coverage"][seen.reference_series])
    written, later = limits.copy(), []
    for since in [EVER, *np.unique(seen.reference_since[seen.reference_since > EVER]).tolist()] if kinds else ():
        of = seen.reference_since == since
        there = np.bincount(seen.reference_series[of], minlength=len(seen.starts)) > 0
        found = limits if since == EVER else written.copy()
        for kind in kinds:
            where = named["kind"] == KINDS.index(kind)
            found[:, :, where] = _from_reference(seen, written, enough & of, kind)[:, :, where]
        if since > EVER:
            later.append((since, there & np.isin(named["kind"], [KINDS.index(kind) for kind in kinds]), found))
    return tuple(later)


def _from_reference(seen: Prepared, limits: Floats, enough: Bools, kind: str) -> Floats:
    """Quantiles or numbers of standard deviations as values of the metric, by the reference's own windows with rows and labels enough."""
    series, values = seen.reference_series[enough], seen.reference[enough]
    count = len(seen.starts)
    windows = np.bincount(series, minlength=count)
    if kind == "reference_std":
        with np.errstate(invalid="ignore", divide="ignore"):  # no window gives no mean, one gives no deviation: NaN, not judged
            mean = np.bincount(series, values, count) / windows
            std = np.sqrt(np.bincount(series, (values - mean[series]) ** 2, count) / (windows - 1))
        moved: Floats = mean + limits * std
        return moved
    if not len(values):
        return np.full_like(limits, np.nan)
    first = np.cumsum(windows) - windows
    none = np.isnan(limits) | (windows == 0)
    place = np.where(none, 0, limits) * np.maximum(windows - 1, 0)  # between two values by a straight line, as NumPy does
    below = np.clip(np.floor(place), 0, np.maximum(windows - 1, 0)).astype(np.int64)
    share = place - below
    a = values[np.minimum(first + below, len(values) - 1)]
    b = values[np.minimum(first + np.minimum(below + 1, np.maximum(windows - 1, 0)), len(values) - 1)]
    return np.where(none, np.nan, np.where(share < 0.5, a + (b - a) * share, b - (b - a) * (1 - share)))


def _beyond(which: int, seen: Prepared, force: Force, adjusted: Floats, clear: list[Bools]) -> Bools:
    """Rows whose value is beyond one of the limits. `clear` exempts, on the lower and on the upper side, what is not beyond its floors."""
    lengths = np.diff(seen.starts, append=len(seen.value))
    low, high = _by_row(which, seen, force)
    hit: Bools = (seen.value > high) & ~clear[HIGH]
    if not np.isnan(low).all():
        hit |= (seen.value < low) & ~clear[LOW]
    if force.fdr.any():
        hit |= (adjusted <= np.repeat(np.where(force.fdr, force.limits[which][HIGH], np.nan), lengths)) & ~clear[HIGH]
    return hit


def _by_row(which: int, seen: Prepared, force: Force) -> Floats:
    """One of the limits for every row, (low and high, rows); NaN for kind fdr."""
    lengths = np.diff(seen.starts, append=len(seen.value))
    found: Floats = np.repeat(np.where(force.fdr, np.nan, force.limits[which]), lengths, axis=1)
    for since, there, limits in force.later:
        at = np.flatnonzero(np.repeat(there, lengths) & (seen.begin >= since))
        found[:, at] = limits[which][:, np.searchsorted(seen.starts, at, side="right") - 1]
    return found


def _adjusted(seen: Prepared, at: Ints, lengths: Ints) -> Floats:
    """The p-values of the rows `at` after Benjamini and Hochberg (1995), a family being the columns of a window; elsewhere NaN.

    A p is adjusted to the least of p · m / rank over its own and all higher ranks of its family of m.
    """
    keys = [seen.names[field][0] for field in SCOPE if field != "column"]
    group = np.repeat(s.keys([*keys, seen.window]), lengths)[at]
    order = np.lexsort((seen.p_value[at], seen.begin[at], group))
    new = s.begins(group[order]) | s.begins(seen.begin[at][order])
    family = np.cumsum(new) - 1
    sizes = np.bincount(family)
    rank = np.arange(len(at)) - np.flatnonzero(new)[family]
    scaled = np.full((len(sizes), sizes.max(initial=0)), np.inf)
    scaled[family, rank] = seen.p_value[at][order] * (sizes[family] / (rank + 1))
    least = np.minimum.accumulate(scaled[:, ::-1], axis=1)[:, ::-1]
    adjusted = np.full(len(seen.value), np.nan)
    adjusted[at[order]] = least[family, rank]
    return adjusted


def _often_enough(hit: Bools, seen: Prepared, force: Force, lengths: Ints, judged: Bools) -> Bools:
    """Hits that are at least the k-th among the last n judged windows of their series."""
    at = np.flatnonzero(judged)
    k, n = np.repeat(force.k, lengths)[at], np.repeat(force.n, lengths)[at]
    first = np.repeat(np.searchsorted(at, seen.starts), lengths)[at]
    place = np.arange(len(at))
    total = np.concatenate(([0], np.cumsum(hit[at])))
    enough = np.zeros_like(hit)
    enough[at] = hit[at] & (total[place + 1] - total[np.maximum(place - n + 1, first)] >= k)
    return enough


def _kept_open(breach: Bools, inside: Bools, starts: Ints, judged: Bools) -> Bools:
    """Windows that breach no more, in an alert that is open still because no value came back inside `recover`."""
    at = np.flatnonzero(judged)
    opens = breach[at]
    place = np.arange(len(at))
    decides = opens | inside[at]
    decides[np.searchsorted(at, starts)[np.add.reduceat(judged, starts) > 0]] = True  # no alert reaches into the next series
    last = np.maximum.accumulate(np.where(decides, place, 0))  # the window that decided last, as of each
    kept = np.zeros_like(breach)
    kept[at] = opens[last] & ~opens
    return kept


def _shown_limits(seen: Prepared, force: Force, lengths: Ints) -> dict[str, Any]:
    """The columns warning, critical and side."""
    is_active = np.repeat(force.active, lengths)
    limits = np.where(is_active, [_by_row(which, seen, force) for which in (WARNING, CRITICAL)], np.nan)
    below = np.repeat((force.direction == DIRECTIONS.index("below")) & ~force.fdr, lengths)
    outside = np.repeat((force.direction == DIRECTIONS.index("outside")) & ~force.fdr, lengths)
    side = below.astype(np.int8)
    if outside.any():
        middle = np.where(np.isnan(limits[WARNING][HIGH]), limits[CRITICAL], limits[WARNING]).sum(axis=0) / 2
        side[outside & (seen.value < middle)] = 1
    shown = np.where(side == 1, limits[:, LOW], limits[:, HIGH])
    return {"warning": shown[0], "critical": shown[1], "side": pd.Categorical.from_codes(side, pd.Index(["above", "below"]))}


def _floats(measurements: pd.DataFrame, name: str) -> Floats:
    if name not in measurements:
        return np.full(len(measurements), np.nan)
    return measurements[name].to_numpy(dtype=np.float64, na_value=np.nan)
