"""power: what a rule would have caught. Known faults (`faults`) put into the healthy windows of a team's own history, and judged as everything is.

Every copy of the history with a fault in it is a series of its own under the rule in force, and under the same rule with lower and higher limits:
`thresholds.judge` decides, `alerts` counts. Nothing is read but profiles. Seeded: the same history gives the same curve.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import decided, drift, faults, habits, noise, value_faults, verdicts
from monitors.alerts import alerts
from monitors.distances import Floats
from monitors.drift import Baseline
from monitors.faults import Fault, Ground
from monitors.floors import Key
from monitors.histories import DAYS
from monitors.rules import SCOPE, Rule, bounds
from monitors.thresholds import judge, prepare
from monitors.wasserstein import Numbers

FACTORS = (0.5, 0.63, 0.79, 1.0, 1.26, 1.59, 2.0)  # of the limits
LASTS = {"day": 14, "week": 4, "month": 3}  # windows that a fault lasts
STARTS = 30  # at most, shared out among the versions
FEWEST = 6  # healthy windows
RAMPS = ("ramp", "slowing")  # faults that come step by step
SICK = 0.5  # of the windows alert: then nothing but the reference tells which were healthy
FINE, WRONG = 1, -1  # what people said of a window
POINTS = ["factor", "warning", "critical", "false_alarms", "anyway", "kind", "size", "tries", "detected", "delay_days"]
KEPT = ("monitor", "metric", "direction", "window", "min_rows", "above_noise", "above_usual", "for_windows")  # of the rule, whatever its limits
SHOWN, FAULTED = ("value", "noise", "usual", "rows", "warning", "critical", "level"), ("value", "noise", "rows")
TIMES = ("window_start", "window_end")
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Subject:
    """One version's windows of a column, in order of time: as judged (`shown`: value, noise, usual, rows, limits, times), and for metrics of
    drift as profiles.

    own : values of the reference's own windows. said : FINE, WRONG or 0 of each window.
    """

    version: str
    shown: Mapping[str, NDArray[Any]]
    windows: Numbers | None = None
    rows: Floats = field(default_factory=lambda: np.zeros(0))
    of: Ground | None = None
    own: Floats = field(default_factory=lambda: np.zeros(0))
    said: Ints | None = None

    def __len__(self) -> int:
        return len(self.shown["value"])


@dataclass(frozen=True, slots=True)
class Power:
    """`points` (POINTS): for each factor and fault, the share of the tries that alerted and the median delay; empty where `reason` says why.

    false_alarms : alerts a week of the healthy windows with nothing put into them. warning, critical : those of the last version.
    anyway : the share of the tries that would have alerted without a fault. delay_days : from the begin of the fault to the end of the window
    that alerts. healthy, windows : how many there are. lasts : how many of them a fault lasts.
    """

    points: pd.DataFrame
    reason: str
    healthy: int
    windows: int
    lasts: int


def subjects(profiles: pd.DataFrame, references: Mapping[Key, Baseline], judged: pd.DataFrame) -> list[Subject]:
    """The series of one column and segment that have a reference, by version; for a metric of drift.

    Parameters
    ----------
    profiles : of the log, merged to the rule's windows. references : as `chance.references` gives them.
    judged : what `judge` gave of the same column, segment and metric, windows of the rule's length.
    """
    found = []
    for version, own in judged.sort_values("window_start").groupby("version", observed=True, sort=True):
        column, segment = str(own["column"].iloc[0]), str(own["segment"].iloc[0])
        base = references.get((str(version), column, segment), references.get(("", column, segment)))
        mine = profiles[profiles["version"] == version].set_index("window_start")
        own = own[own["window_start"].isin(mine.index) & np.isfinite(own["value"].to_numpy(float))]
        if base is None or own.empty:
            continue
        mine = mine.loc[own["window_start"]].reset_index()
        windows = drift.numbers(drift.arrays(mine.assign(shape=0)), np.arange(len(mine)))
        found.append(Subject(str(version), _shown(own), windows, mine["rows"].to_numpy(float), faults.ground(base)))
    return found


def of_values(judged: pd.DataFrame) -> list[Subject]:
    """As `subjects`, for a metric of which the values and rows are all that its faults ask for."""
    known = judged[np.isfinite(judged["value"].to_numpy(float))].sort_values("window_start")
    return [Subject(str(version), _shown(own)) for version, own in known.groupby("version", observed=True, sort=True)]


def _shown(own: pd.DataFrame) -> dict[str, NDArray[Any]]:
    shown: dict[str, NDArray[Any]] = {name: own[name].to_numpy(float) for name in SHOWN}
    return shown | {name: own[name].to_numpy("datetime64[us]") for name in TIMES}


def told(seen: Sequence[Subject], own: Mapping[str, Floats], judged: pd.DataFrame, decisions: pd.DataFrame) -> list[Subject]:
    """The subjects with what tells which of their windows were healthy.

    Parameters
    ----------
    own : version → values of the reference's own windows. judged : as for `subjects`. decisions : what people decided, of anything.
    """
    spans = judged.rename(columns={"window_start": "start", "window_end": "end"}).astype(dict.fromkeys(SCOPE, "str")).reset_index(drop=True)
    said = np.zeros(len(spans), np.int64)
    for made, at in decided.matched(verdicts.verdicts(decisions), spans, in_time=True):
        said[at] = FINE if made["verdict"] == verdicts.NOISE else WRONG
    for _, at in decided.matched(verdicts.missed(decisions), spans, in_time=True):
        said[at] = WRONG
    found = []
    for one in seen:
        mine = (spans["version"] == one.version).to_numpy()
        place = pd.Series(said[mine], spans["start"][mine].to_numpy("datetime64[us]")).reindex(one.shown["window_start"])
        found.append(replace(one, own=own.get(one.version, one.own), said=place.to_numpy(np.int64)))
    return found


def curve(seen: Sequence[Subject], rule: Rule, start: int, wanted: Sequence[Fault] | None = None) -> Power:
    """Detection and delay against false alarms, for a rule and its neighbours.

    Parameters
    ----------
    seen : from `subjects`. rule : in force for them. start : seed. wanted : the faults; every one of `faults.SIZES` where not given.
    """
    lasts = LASTS[rule.window]
    healthy = [_healthy(one, rule) for one in seen]
    count, windows = sum(map(len, healthy)), sum(map(len, seen))
    why = _unfit(seen, rule, [len(at) for at in healthy], lasts)
    if why:
        return Power(pd.DataFrame(columns=POINTS), why, count, windows, lasts)
    random = np.random.default_rng(start)
    every = list(wanted or _every(seen[0], str(rule.metric)))
    parts = [_as_it_was(i, one, at) for i, (one, at) in enumerate(zip(seen, healthy, strict=True))]
    fault_of: list[int] = []  # of each copy the place of its fault; -1 for none
    many = max(1, STARTS // sum(len(at) >= lasts for at in healthy))
    for i, (one, at) in enumerate(zip(seen, healthy, strict=True)):
        if len(at) < lasts:
            continue
        starts = np.sort(random.choice(len(at) - lasts + 1, min(many, len(at) - lasts + 1), replace=False))
        made = list(_faulted(one, at[starts[:, None] + np.arange(lasts)], every, str(rule.metric), random))
        parts.append(_copies(i, one, at, starts, rule.for_windows[1] - 1, made, len(fault_of)))
        fault_of += np.repeat(np.arange(-1, len(every)), len(starts)).tolist()
    table = prepare(_framed({name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, rule))
    weeks = count * DAYS[rule.window] / 7
    points: list[dict[str, Any]] = []
    for factor in FACTORS:
        judged = judge(table, _rules(seen, rule, factor))
        as_it_was = judged[judged["copy"] < 0]
        false = len(alerts(as_it_was.assign(version=as_it_was["version"].astype("str")))) / weeks  # not of a thousand names
        first = _first_hit(judged, len(fault_of), lasts)
        same = _limits(seen[-1], rule, factor) | {"factor": factor, "false_alarms": false}
        points += _points(every, np.array(fault_of), first, lasts, rule.window, same)
    return Power(pd.DataFrame(points, columns=POINTS), "", count, windows, lasts)


def _unfit(seen: Sequence[Subject], rule: Rule, healthy: Sequence[int], lasts: int) -> str:
    if rule.metric not in value_faults.KINDS and (rule.monitor, rule.metric) not in [("drift", metric) for metric in drift.METRICS]:
        return (f"What a fault does to {rule.metric} does not follow from what is kept of each window. Power is told for metrics of drift, shares of "
                "rows that are broken, times, numbers of rows, accuracy and the share of labels.")  # fmt: skip
    if rule.direction == "outside" and rule.kind != "constant":
        return "The limits of this rule are a pair that the reference's windows tell: power is told of pairs that are values of the metric."
    if rule.kind == "fdr":
        return "A rule by false discovery rates judges all columns of a window together; the power of one is not told."
    if not seen:
        return f"No {rule.window} of this column has a value and a reference to compare it with."
    if all(np.isnan([one.shown[which] for which in ("warning", "critical")]).all() for one in seen):
        return "The rule has no limit here."
    if sum(healthy) < FEWEST or max(healthy) < lasts:
        few = f"Only {max(healthy)} healthy {rule.window}s of one version: {max(FEWEST, lasts)} are needed to put faults into."
        if not any(len(one.own) >= FEWEST for one in seen):
            return f"{few} Healthy are those that are like most others, and that nobody called wrong."
        return (f"{few} Healthy are those no further off than the reference’s own, and that nobody called wrong. Where most are not, a younger "
                "reference or a new normal, which the page Review accepts, says what is usual now.")  # fmt: skip
    return ""


def _healthy(one: Subject, rule: Rule) -> Ints:
    """The windows that lie no further off than the reference's own do, or, where these are few, that are as the series usually is; not those that
    somebody called wrong, and in any case those whose alert was noise. Not by the rule: it would call all healthy that it lets pass."""
    value, rows = one.shown["value"], one.shown["rows"]
    said = np.zeros(len(one), np.int64) if one.said is None else one.said
    enough = np.flatnonzero((rows >= rule.min_rows) & (said != WRONG))
    if not len(enough):
        return enough
    is_far, nothing = np.zeros(len(enough), bool), np.zeros(len(enough), np.int64)
    if len(one.own) < FEWEST and (one.shown["level"][enough] > 0).mean() > SICK:
        is_far[:] = True  # what it usually is is not healthy
    for sign in {"above": (1,), "below": (-1,), "outside": (1, -1)}[rule.direction]:
        if len(one.own) >= FEWEST:
            is_far |= sign * value[enough] > (sign * one.own).max()
        else:
            grain = 1 / np.maximum(np.median(rows[enough], keepdims=True), 1)
            known = habits.learn(value[enough], nothing, nothing, is_day=False, is_log=sign > 0, sign=sign, grain=grain)
            is_far |= habits.is_far(known, value[enough], nothing, nothing)
    healthy: Ints = enough[~is_far | (said[enough] == FINE)]
    return healthy


def _every(one: Subject, metric: str) -> list[Fault]:
    kinds = faults.kinds(one.of.base.kind) if one.of is not None else value_faults.KINDS[metric]
    return [Fault(kind, size) for kind in kinds for size in faults.SIZES[kind]]


# ---- copies of the history with a fault in each --------------------------------------------------------------------------------


def _faulted(one: Subject, at: Ints, every: Sequence[Fault], metric: str, random: np.random.Generator) -> Iterator[dict[str, Floats]]:
    """Value, noise and rows of windows, shape (starts, lasts): first as they were, then with each fault; a ramp comes further with each step."""
    alone, place = np.unique(at, return_inverse=True)
    yield {name: one.shown[name][at] for name in FAULTED}
    lasts = at.shape[1]
    for fault in every:
        if fault.kind in RAMPS:
            progress = np.tile((np.arange(lasts) + 1) / lasts, len(at))
            yield {name: values.reshape(at.shape) for name, values in _measured(one, at.ravel(), fault, metric, progress, random).items()}
        else:
            yield {name: values[place].reshape(at.shape) for name, values in _measured(one, alone, fault, metric, 1.0, random).items()}


def _measured(
    one: Subject, at: Ints, fault: Fault, metric: str, progress: Floats | float, random: np.random.Generator
) -> dict[str, Floats]:
    """The windows `at` with a fault."""
    shown: dict[str, Floats] = {name: one.shown[name][at] for name in FAULTED}
    if one.of is None or one.windows is None:
        return shown | value_faults.faulted(shown, metric, fault, progress, random)
    windows, base = Numbers(*(getattr(one.windows, name)[at] for name in Numbers.__slots__)), one.of.base
    if fault.kind != "nulls":
        return shown | {"value": drift.distance(metric, faults.faulted(windows, one.of, fault, progress), base)}
    thinned = faults.thinned(windows, one.rows[at], fault.size, random)
    rows = thinned.counts.sum(axis=-1).astype(float)
    total = float(base.whole.counts.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = shown["noise"] * noise.growth(metric, shown["rows"], total) / noise.growth(metric, rows, total)
    return {"value": drift.distance(metric, thinned, base), "noise": chance, "rows": rows}


def _as_it_was(subject: int, one: Subject, at: Ints) -> dict[str, NDArray[Any]]:
    """The healthy windows with nothing put into them."""
    marks = {"column": subject, "copy": -1, "step": -1}
    return {name: one.shown[name][at] for name in (*FAULTED, "usual", *TIMES)} | {name: np.full(len(at), mark) for name, mark in marks.items()}


def _copies(
    subject: int, one: Subject, at: Ints, starts: Ints, lead: int, made: Sequence[dict[str, Floats]], first: int
) -> dict[str, NDArray[Any]]:
    """For each fault and start, `lead` windows as they were (for k of the last n), and then the fault for as long as it lasts."""
    step = np.arange(-lead, made[0]["value"].shape[1])
    place = starts[:, None] + step
    row, column = np.nonzero(place >= 0)
    steps, own, times = step[column], at[place[row, column]], len(made)
    after = np.maximum(steps, 0)
    told: dict[str, NDArray[Any]] = {name: np.tile(one.shown[name][own], times) for name in ("usual", *TIMES)}
    for name in FAULTED:
        told[name] = np.concatenate([np.where(steps < 0, one.shown[name][own], values[name][row, after]) for values in made])
    copy = first + row + len(starts) * np.arange(times)[:, None]
    return told | {"column": np.full(copy.size, subject), "copy": copy.ravel(), "step": np.tile(steps, times)}


def _framed(rows: dict[str, NDArray[Any]], rule: Rule) -> pd.DataFrame:
    """As measurements: each subject is a column, each copy a version of it."""
    names = {"model": "m", "segment": "all", "monitor": str(rule.monitor), "metric": str(rule.metric)}
    same = {field: pd.Categorical.from_codes(np.zeros(len(rows["copy"]), np.int8), pd.Index([name])) for field, name in names.items()}
    copies, place = np.unique(rows["copy"], return_inverse=True)
    told = {
        "version": pd.Categorical.from_codes(place, pd.Index([f"{number:06}" for number in copies])),
        "column": pd.Categorical.from_codes(rows["column"], pd.Index([str(i) for i in range(int(rows["column"].max()) + 1)])),
    }
    times = {name: pd.Series(rows[name]).dt.tz_localize("UTC") for name in ("window_start", "window_end")}
    kept = {name: rows[name] for name in ("rows", "value", "noise", "usual", "copy", "step")}
    return pd.DataFrame(same | told | times | kept).assign(p_value=np.nan)


# ---- judged ----------------------------------------------------------------------------------------------------------------------


def _moved(limit: float, rule: Rule, factor: float) -> float:
    """A limit that is looser by a factor above 1: further up, or for a limit from below further down, where the metric ends at 1 from there."""
    if rule.direction == "above":
        return limit * factor
    return 1 - (1 - limit) * factor if bounds(rule.metric)[1] == 1 else limit / factor


def _limits(one: Subject, rule: Rule, factor: float) -> dict[str, float]:
    """The limits in force in the metric's unit, moved; of a pair the lower one."""
    pairs = {which: _apart(getattr(rule, which), factor) for which in ("warning", "critical")}
    return {which: pair[0] if pair else _moved(float(one.shown[which][-1]), rule, factor) for which, pair in pairs.items()}


def _apart(limit: Any, factor: float) -> tuple[float, float] | None:
    """A pair of limits, looser by a factor: so many times as far from their middle. None where it is no pair."""
    if not isinstance(limit, tuple):
        return None
    middle, half = (limit[0] + limit[1]) / 2, (limit[1] - limit[0]) / 2
    return middle - half * factor, middle + half * factor


def _rules(seen: Sequence[Subject], rule: Rule, factor: float) -> tuple[Rule, ...]:
    """The rule in force for each subject, with its limits in the metric's unit moved."""
    kept = {name: getattr(rule, name) for name in KEPT}
    recover = _moved(rule.recover, rule, factor) if isinstance(rule.recover, float) and rule.kind == "constant" else None
    made = []
    for i, one in enumerate(seen):
        fields: dict[str, Any] = {which: None if np.isnan(value) else value for which, value in _limits(one, rule, factor).items()}
        for which in ("warning", "critical"):
            if pair := _apart(getattr(rule, which), factor):
                fields[which] = pair
        made.append(Rule.model_validate(kept | fields | {"column": str(i), "recover": recover, "enabled": True}))
    return tuple(made)


def _first_hit(judged: pd.DataFrame, copies: int, lasts: int) -> Ints:
    """Of each copy the first step of the fault that alerted; `lasts` where none did."""
    copy, step = judged["copy"].to_numpy(np.int64), judged["step"].to_numpy(np.int64)
    hit = (judged["level"].to_numpy() > 0) & (step >= 0)
    first = np.full(copies, lasts)
    np.minimum.at(first, copy[hit], step[hit])
    return first


def _points(
    every: Sequence[Fault], fault_of: Ints, first: Ints, lasts: int, window: str, same: dict[str, float]
) -> Iterator[dict[str, Any]]:
    same = same | {"anyway": float((first[fault_of == -1] < lasts).mean())}
    for f, fault in enumerate(every):
        own = first[fault_of == f]
        caught = own[own < lasts]
        delay = float(np.median(caught + 1)) * DAYS[window] if len(caught) else np.nan
        yield same | {"kind": fault.kind, "size": fault.size, "tries": len(own), "detected": len(caught) / len(own), "delay_days": delay}


def caught(power: Power, share: float = 0.9, factor: float = 1.0) -> pd.DataFrame:
    """Of each kind of fault the smallest size that alerted in so many of the tries: kind, size, detected, delay_days; NaN where none did."""
    own = power.points[power.points["factor"] == factor]
    rows = []
    for kind, sizes in own.groupby("kind", sort=False):
        enough = sizes[(sizes["detected"] >= share) & (sizes["detected"][::-1].cummin()[::-1] >= share)]
        first = enough.iloc[0] if len(enough) else None
        told = {name: np.nan if first is None else float(first[name]) for name in ("size", "detected", "delay_days")}
        rows.append({"kind": kind} | told)
    return pd.DataFrame(rows, columns=["kind", "size", "detected", "delay_days"])
