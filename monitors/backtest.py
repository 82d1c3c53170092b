"""Backtest: what other rules would have given, beside what those in force give. Judging is `thresholds.judge`, and nothing else."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import rulebook, summaries
from monitors import series as s
from monitors.alerts import alerts
from monitors.rules import LIMITS, SCOPE, Limit, Rule, bounds
from monitors.thresholds import Prepared, judge

Floats = NDArray[np.float64]
Side = dict[str, Any]  # of each event what one list of alerts gives, a column a field
SIDES = ("saved", "moved")
TOLD = ("start", "end", "windows", "severity", "peak", "threshold", "state")  # of each side
COLUMNS = [*SCOPE, "change", *(f"{side}_{name}" for side in SIDES for name in TOLD)]
MANTISSAS = (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9)  # steps of 5 to 15 %
# Where the limits of a kind begin when somebody chooses it: of a hundred windows of the reference five and one, as often as chance alone gives
# two and three standard deviations or so; and rates of false discoveries that Benjamini and Hochberg (1995) themselves use.
FIRST: dict[str, dict[str, tuple[Limit, Limit]]] = {
    "reference_quantile": {"above": (0.95, 0.99), "below": (0.05, 0.01), "outside": ((0.025, 0.975), (0.005, 0.995))},
    "reference_std": {"above": (2.0, 3.0), "below": (-2.0, -3.0), "outside": ((-2.0, 2.0), (-3.0, 3.0))},
    "fdr": dict.fromkeys(("above", "below", "outside"), (0.05, 0.01)),
}
DECADES = 3  # below the greatest value, where values differ by orders of magnitude
STOPS = 100


@dataclass(frozen=True, slots=True)
class Counts:
    """How many alerts there are, by severity, and how many of all are open."""

    critical: int
    warning: int
    open: int


def moved(overrides: Sequence[Rule], scope: Mapping[str, str], fields: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The overrides as they would be with these fields of the rule for this scope changed.

    Raises
    ------
    BadInput : the changed rule makes no sense, alone or with what it inherits.
    """
    if not fields:
        return tuple(overrides)
    base = rulebook.resolve((*rulebook.defaults(), *overrides), **with_monitor(scope))
    # All that decides whether limits make sense together, as it is in force, so that the check sees the whole.
    whole = {name: getattr(base, name) for name in (*LIMITS, "kind", "direction")}
    made = rulebook.rule({**scope, **whole, **fields}, "The rule")
    return rulebook.with_override(overrides, Rule(**{**scope, **{name: getattr(made, name) for name in fields}}))


def of_kind(base: Rule, kind: str) -> dict[str, Any]:
    """The fields of a rule that becomes of another kind: limits of one kind mean nothing in another. Back to its own, they are its own again."""
    if kind == base.kind:
        return {name: getattr(base, name) for name in ("kind", *LIMITS)}
    if kind == "constant":  # the defaults are in the metric's own values
        default = rulebook.resolve(rulebook.defaults(), **with_monitor(base.scope))
        fits = default.kind == kind and default.direction == base.direction
        return {"kind": kind, **{name: getattr(default, name) if fits else None for name in LIMITS}}
    warning, critical = FIRST[kind][base.direction]
    return {"kind": kind, "warning": warning if base.warning is not None else None, "critical": critical, "recover": None}


def with_monitor(scope: Mapping[str, str]) -> dict[str, Any]:
    """The scope with the monitor whose metric it names, where only one has it: the defaults name both."""
    owners = [monitor for monitor, metrics in rulebook.known().items() if scope.get("metric") in metrics]
    return {"monitor": owners[0], **scope} if len(owners) == 1 else dict(scope)


def within(judged: pd.DataFrame, scope: Mapping[str, str]) -> pd.DataFrame:
    """The rows that a rule of this scope is about."""
    inside = np.ones(len(judged), dtype=bool)
    for field, name in scope.items():
        inside &= (judged[field] == name).to_numpy()
    return judged[inside]


def reading(scope: Mapping[str, str], pair: tuple[str, str], *rule_sets: Sequence[Rule]) -> tuple[list[str], str | None]:
    """Lengths of windows and the segment (None for every one) that have to be read of a monitor's metric, the `pair`, so that judging by
    these rules gives what a live run gives; at least what a rule of this scope is about."""
    looked = [one for rules in rule_sets for one in summaries.watched(rules, pair)]
    windows = {rulebook.resolve(rules, **with_monitor(scope)).window for rules in rule_sets} | {one.window for one in looked}
    segments = {one.segment for one in looked} | {scope.get("segment", "all")}
    return sorted(windows), next(iter(segments)) if len(segments) == 1 else None


def replay(measured: pd.DataFrame | Prepared, rules: Sequence[Rule], scope: Mapping[str, str]) -> pd.DataFrame:
    """The alerts of the scope that these rules give over all that was measured."""
    return alerts(within(judge(measured, rules), scope))


def counts(found: pd.DataFrame) -> Counts:
    """Of a table of alerts."""
    severity = found["severity"]
    return Counts(int((severity == "critical").sum()), int((severity == "warning").sum()), int((found["state"] == "open").sum()))


def compare(saved: pd.DataFrame, moved: pd.DataFrame) -> pd.DataFrame:
    """Two lists of alerts, matched where they are about the same and overlap in time.

    Returns
    -------
    One row for each alert, or group of alerts that overlap, by start: names, `change`, and of each side start, end, windows,
    severity, peak, threshold and state, blank where that side has none. `change` is
    gained : in `moved` alone. lost : in `saved` alone. same : on both sides, alike.
    changed : on both, but of another severity, start, end or number of windows; or one of them is several on the other side.
    """
    both = pd.concat([saved, moved], ignore_index=True)
    if both.empty:
        return pd.DataFrame(columns=COLUMNS)
    side = np.repeat([0, 1], [len(saved), len(moved)])
    begin, end = s.micros(both["start"]), s.micros(both["end"])
    series = s.keys([s.codes(both[field])[0] for field in SCOPE])
    order = np.lexsort((begin, series))
    event = np.empty(len(both), dtype=np.int64)
    event[order] = _events(np.unique(series[order], return_inverse=True)[1], begin[order], end[order])
    of_saved, of_moved = (_told(both, np.flatnonzero(side == i), event) for i in (0, 1))
    first = order[s.begins(event[order])]  # of each event, an alert to take the names from
    told = {
        f"{name}_{field}": part[field] for name, part in zip(SIDES, (of_saved, of_moved), strict=True) for field in TOLD
    }
    table = both[list(SCOPE)].take(first).reset_index(drop=True).assign(change=_change(of_saved, of_moved), **told)
    return table.take(np.argsort(begin[first], kind="stable"))[COLUMNS].reset_index(drop=True)


def _events(series: s.Ints, begin: s.Ints, end: s.Ints) -> s.Ints:
    """Of alerts in order of series and start: which overlap, directly or through others, as the number of their event."""
    room = series * (
        int(end.max() - begin.min()) + 1
    )  # moves each series beyond the one before, so that one running maximum does
    reach = np.maximum.accumulate(end + room)
    apart = np.append(True, begin[1:] + room[1:] >= reach[:-1])
    found: s.Ints = np.cumsum(apart) - 1
    return found


def _told(both: pd.DataFrame, at: s.Ints, event: s.Ints) -> Side:
    """Of each event, the alerts `at` as one: from the first to the last, the worst severity and its peak; blank without any."""
    warning, windows = (both["severity"] != "critical").to_numpy()[at], both["windows"].to_numpy(float)
    at = at[np.lexsort((-windows[at], warning, event[at]))]
    new = np.flatnonzero(s.begins(event[at]))
    there = event[at[new]]  # the events that have any
    worst = np.full(int(event.max()) + 1, -1)
    worst[there] = at[new]
    told: Side = {name: both[name].array.take(worst, allow_fill=True) for name in ("severity", "peak", "threshold", "state")}
    for name, end in (("start", np.minimum), ("end", np.maximum)):
        ends = _each(end, s.micros(both[name])[at], new, there, np.full(len(worst), np.iinfo(np.int64).min))  # NaT
        told[name] = pd.to_datetime(ends.view("M8[us]"), utc=True).array
    for name, values in (("windows", windows), ("alerts", np.ones(len(both)))):
        told[name] = _each(np.add, values[at], new, there, np.full(len(worst), np.nan))
    return told


def _each(of: np.ufunc, values: NDArray[Any], new: s.Ints, there: s.Ints, blank: NDArray[Any]) -> NDArray[Any]:
    """`blank`, and at the places `there` what `of` makes of the values from each of `new` on."""
    if len(new):
        blank[there] = of.reduceat(values, new)
    return blank


def _change(saved: Side, moved: Side) -> list[str]:
    alike = np.ones(len(saved["alerts"]), dtype=bool)
    for name in ("severity", "start", "end", "windows", "alerts"):
        alike &= np.asarray(saved[name] == moved[name], dtype=bool)
    only_saved, only_moved = np.isnan(moved["alerts"]), np.isnan(saved["alerts"])
    return list(np.select([only_saved, only_moved, alike], ["lost", "gained", "same"], "changed"))


def stops(values: Floats, rule: Rule, keep: Sequence[float] = ()) -> list[float]:
    """The values that a slider of this rule's limits may take: at least two, in order, of all that occurred.

    Parameters
    ----------
    values : of the metric, NaN where it was not measured.
    keep : values that must be among them, such as the limits in force.

    Evenly spaced where the values are of one order of magnitude, else with steps that grow with the value: psi reaches 8, while its
    limits are 0.1 and 0.25. Quantiles, standard deviations and rates have a range of their own.
    """
    least, most = bounds(rule.metric) if rule.kind == "constant" else (-math.inf, math.inf)
    made = _stops_of_kind(rule) if rule.kind != "constant" else _stops_of_values(values, keep, most)
    inside = {float(stop) for stop in (*made, *keep) if least <= stop <= most}
    return sorted(inside) if len(inside) > 1 else sorted(inside | {max(least, 0.0), min(most, 1.0)})


def _stops_of_kind(rule: Rule) -> list[float]:
    if rule.kind == "reference_std":
        sign = -1 if rule.direction == "below" else 1
        return [sign * step / 4 for step in range(41)]
    if rule.kind == "fdr":
        return [float(f"{m}e{k}") for k in (-4, -3, -2) for m in (1, 2, 5)] + [0.1, 0.2, 0.3, 0.5]
    return [*(step / 100 for step in range(101)), 0.995, 0.999]


def _stops_of_values(values: Floats, keep: Sequence[float], most: float) -> list[float]:
    low, high = _ends(values[np.isfinite(values)], np.asarray(keep, dtype=float), most)
    finite = np.append(values[np.isfinite(values)], keep)
    if low == 0 and len(finite) and float(np.median(finite)) < high / 10:
        top = math.floor(math.log10(high))
        grown = [float(f"{m}e{k}") for k in range(top - DECADES + 1, top + 1) for m in MANTISSAS]
        kept = [stop for stop in grown if stop < high]
        return [0.0, *kept, next((stop for stop in grown if stop >= high), float(f"1e{top + 1}"))]
    step = _round_step((high - low) / STOPS)
    return [float(f"{n * step:.10g}") for n in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _ends(values: Floats, keep: Floats, most: float) -> tuple[float, float]:
    """What occurred and room to move the limits: to their double, and to 0 where values come near it. Never the same."""
    around = np.concatenate((values, keep, 2 * keep))
    low, high = float(around.min(initial=math.inf)), min(float(around.max(initial=-math.inf)), most)
    if not len(around) or low == high == 0:
        return 0.0, 1.0
    if 0 <= low < high / 2 or low == high:  # also where nothing varies: a slider needs two ends all the same
        low, high = min(0.0, low), max(0.0, high)
    return low, high


def _round_step(least: float) -> float:
    """The first of 1, 2, 5, 10 … times a power of ten that is not below `least`."""
    power = math.floor(math.log10(least))
    return next(float(f"{m}e{power}") for m in (1, 2, 5, 10) if float(f"{m}e{power}") >= least * (1 - 1e-9))
