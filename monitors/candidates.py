"""candidates: limits as rules that a person may take, with the alerts that they would have given. Judging is `thresholds.judge`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.errors import BadInput
from monitors import faults, rulebook
from monitors import rules as r
from monitors.alerts import alerts
from monitors.backtest import within
from monitors.faults import Ground
from monitors.habits import Habits
from monitors.histories import History, far, floors
from monitors.rules import SCOPE, Rule, bounds
from monitors.thresholds import judge

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
APART = 1.5
FEWEST_ROWS, CRITICAL_TIMES = 3, 3  # of a usual window that a limit of a share lets pass; and of that, the critical one
MOST = {"psi": 18.4}  # that a metric can be, where its rules may say more: 2 ln(10,000)
BY_COLUMN = ["column", "warning", "critical", "alerts", "per_week", "floor", "far"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`rules` are overrides, none where it cannot be told (`reason` says why). `alerts` are what they would have given, all else as saved."""

    method: str
    rules: tuple[Rule, ...]
    reason: str
    notes: tuple[str, ...]
    by_column: pd.DataFrame  # BY_COLUMN: `floor` is what a value has to exceed besides (noise and usual), `far` the windows not learnt from
    alerts: pd.DataFrame
    weeks: float

    @property
    def per_week(self) -> float:
        """Alerts a week, over the whole history."""
        return len(self.alerts) / self.weeks if self.weeks else np.nan

    @property
    def most_in_a_week(self) -> int:
        """Alerts that began in the worst week, from Monday."""
        weeks = (self.alerts["start"].to_numpy("datetime64[D]").astype(np.int64) + 3) // 7
        return int(np.unique(weeks, return_counts=True)[1].max(initial=0))


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Which limit each series has: one for all (`each` False), or one a column; -1 for series that the rule is not about."""

    each: bool
    of: Ints
    count: int


def targets(had: History, *, each: bool) -> Targets:
    """One limit for all series of a history, or one a column."""
    return Targets(True, had.column, len(had.columns)) if each else Targets(False, np.where(had.own, 0, -1), 1)


def none(had: History, method: str, why: str) -> Suggestion:
    """No suggestion, and why."""
    return Suggestion(method, (), why, (), pd.DataFrame(columns=BY_COLUMN), alerts(judge(had.seen, had.rules).iloc[:0]), had.weeks)


def made(
    had: History, method: str, asked: Targets, limits: tuple[Floats, Floats], reason: str, notes: Sequence[str], known: Habits | None
) -> Suggestion:
    """The suggestion of these limits (warning and critical of each target), with its replay."""
    rules, found = replayed(had, asked, limits)
    warning, critical = within_reason(had, asked, limits)
    count = found["column"].value_counts()
    place = np.arange(len(had.columns)) if asked.each else np.zeros(len(had.columns), int)
    table = pd.DataFrame({
        "column": had.columns,
        "warning": [warning[i] for i in place],
        "critical": [critical[i] for i in place],
        "alerts": [int(count.get(name, 0)) for name in had.columns],
        "floor": floors(had),
        "far": far(had, known),
    })  # fmt: skip
    table["per_week"] = table["alerts"] / had.weeks
    return Suggestion(method, rules, reason, (*_out_of_reach(had, table), *notes), table[BY_COLUMN], found, had.weeks)


def replayed(had: History, asked: Targets, limits: tuple[Floats, Floats]) -> tuple[tuple[Rule, ...], pd.DataFrame]:
    """The overrides of these limits, and the alerts that they would have given."""
    scopes = [{**had.about, "column": name} for name in had.columns] if asked.each else [dict(had.about)]
    told = zip(scopes, *within_reason(had, asked, limits), strict=True)
    rules = tuple(Rule.model_validate(_named(scope) | fields(had.rule, w, c)) for scope, w, c in told if np.isfinite(w))
    judged = judge(had.seen, (*had.rules, *rules))
    return rules, alerts(within(judged[judged["level"].to_numpy() >= 0], had.about))


def within_reason(had: History, asked: Targets, limits: tuple[Floats, Floats]) -> tuple[list[float], list[float]]:
    """The limits in three figures, none so low that a single row would pass it, none beyond what the metric can be."""
    least = _least(had, asked)
    warning = [rounded(one, had, floor) for one, floor in zip(limits[0], least, strict=True)]
    critical = [rounded(one, had, CRITICAL_TIMES * floor) for one, floor in zip(limits[1], least, strict=True)]
    # Values that hardly vary give both the same: then critical lies half as far again.
    return warning, [rounded(APART * w, had) if c == w and had.sign > 0 else c for w, c in zip(warning, critical, strict=True)]


def _out_of_reach(had: History, table: pd.DataFrame) -> list[str]:
    """The columns that vary so much by themselves that no value would be out of the ordinary."""
    most = min(bounds(had.rule.metric)[1], MOST.get(str(had.rule.metric), np.inf))
    names = table.loc[table["warning"] >= most, "column"].tolist() if had.sign > 0 else []
    if not names:
        return []
    who = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    verb = "varies so much by itself" if len(names) == 1 else "vary so much by themselves"
    return [f"{who} {verb} that no {had.rule.metric} is out of the ordinary: nothing would alert."]


def _named(scope: Mapping[str, str]) -> dict[str, str]:
    return {field: scope[field] for field in SCOPE if field in scope}


def fields(rule: Rule, warning: float, critical: float) -> dict[str, Any]:
    """What changes in a rule. One that has a single level keeps it; the level at which its alerts end moves along."""
    changed: dict[str, Any] = {"warning": warning, "critical": critical}
    if (rule.warning is None) != (rule.critical is None):
        changed = {"warning": warning} if rule.critical is None else {"critical": warning}
    if rule.kind != "constant":
        changed |= {"kind": "constant"} | ({"recover": None} if rule.recover is not None else {})
    elif isinstance(rule.recover, float):
        before = rule.warning if rule.warning is not None else rule.critical
        changed["recover"] = round_to(warning * (rule.recover / before if isinstance(before, float) and before else 1.0), 3)
    return changed if rule.enabled else changed | {"enabled": True}


def _least(had: History, asked: Targets) -> Floats:
    """The least limit of a share: 3 of the rows of a usual window, which a true share of 0 seldom reaches."""
    if had.sign < 0 or not had.is_share:
        return np.zeros(asked.count)
    one_row = pd.Series(had.grain[had.own]).groupby(asked.of[had.own]).max().reindex(range(asked.count)).to_numpy(float)
    return np.nan_to_num(np.minimum(FEWEST_ROWS * one_row, 0.3))


def rounded(limit: float, had: History, least: float = 0.0) -> float:
    """Three figures, away from what is healthy, within what the metric can be."""
    if not np.isfinite(limit):
        return float("nan")
    low, high = bounds(had.rule.metric)
    high = min(high, MOST.get(str(had.rule.metric), high))
    return float(np.clip(round_to(max(limit, least) if had.sign > 0 else limit, 3, up=had.sign > 0), low, high))


def round_to(value: float, figures: int, up: bool | None = None) -> float:
    """To so many figures: the nearest, the next above or the next below."""
    if value == 0 or not np.isfinite(value):
        return float(value)
    step = 10.0 ** (figures - 1 - int(np.floor(np.log10(abs(value)))))
    way = np.round if up is None else np.ceil if up else np.floor
    slack = 0.0 if up is None else -1e-9 if up else 1e-9
    return float(f"{way(value * step + slack) / step:.12g}")


def short(value: float) -> str:
    """Three figures."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def often(per_week: float) -> str:
    """How often something is: `3 a week`, `once a month`, `2.1 a year`, `never`."""
    for unit, weeks in (("week", 1.0), ("month", 365.25 / 84), ("year", 365.25 / 7)):
        if per_week * weeks >= 0.95:
            return f"once a {unit}" if per_week * weeks < 1.05 else f"{short(float(f'{per_week * weeks:.2g}'))} a {unit}"
    return "never" if per_week == 0 else f"once in {1 / (per_week * 365.25 / 7):.2g} years"


def caught(grounds: Mapping[str, Ground], metric: str, by_column: pd.DataFrame) -> dict[str, tuple[float, str]]:
    """Of each column the smallest fault that still alerts (`faults.smallest` at the limit or the floor, whichever is higher), and its unit."""
    limits = zip(by_column["column"], by_column["warning"], by_column["floor"], strict=True)
    return {
        name: (faults.smallest(grounds[name], metric, float(np.fmax(limit, floor))), "share" if grounds[name].base.edges is None else "std")
        for name, limit, floor in limits
        if name in grounds
    }


def as_yaml(one: Suggestion, overrides: Sequence[Rule]) -> str:
    """All overrides with those suggested, so that `apply` keeps what people set; how they were found as a comment."""
    if not one.rules:
        raise BadInput(one.reason)
    merged = tuple(overrides)
    for rule in one.rules:
        merged = r.merged(merged, rule)
    text = rulebook.dump(merged)
    rulebook.read(text, "the suggestion")
    lines = [f"{one.method}: {one.reason}", *one.notes, f"Over {one.weeks:,.0f} weeks: {len(one.alerts):,} alerts, {often(one.per_week)}."]
    return "\n".join(f"# {line}" for line in lines) + "\n" + text
