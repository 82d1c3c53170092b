"""histories: the windows that a rule is about, what was learnt from them, and what a value of each column has to exceed besides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import habits, rulebook
from monitors.backtest import with_monitor
from monitors.habits import Habits
from monitors.own_windows import EVER
from monitors.rules import SHARES, Rule, bounds
from monitors.series import WINDOWS
from monitors.thresholds import Prepared, in_force

FEWEST = 8  # windows to learn from
DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 365.25 / 12}
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What a rule is about: its series, and the windows that it would judge."""

    about: Mapping[str, str]
    rule: Rule
    rules: tuple[Rule, ...]
    seen: Prepared
    own: NDArray[np.bool_]  # series
    at: Ints  # rows of the log that have a value and rows enough
    series: Ints  # of each row
    columns: tuple[str, ...]
    column: Ints  # of each series, -1 for those of other rules
    weeks: float

    @property
    def sign(self) -> int:
        """-1 where low values are bad."""
        return -1 if self.rule.direction == "below" else 1

    @property
    def is_log(self) -> bool:
        """Distances, rates, times and ratios scatter by factors; a quality that may not fall scatters by differences."""
        return bounds(self.rule.metric)[0] == 0 and self.sign == 1

    @property
    def is_share(self) -> bool:
        """A share of rows, which is one row over them at the least."""
        metric = str(self.rule.metric).removeprefix("estimated_")
        return self.rule.monitor != "drift" and (metric in SHARES or metric.endswith("_rate"))

    @property
    def grain(self) -> Floats:
        """Of each series the least value but 0 that it could have had: one row of a usual window; NaN where it is no share."""
        found = np.full(len(self.seen.starts), np.nan)
        if self.is_share:
            rows = pd.Series(self.seen.rows[self.at]).groupby(self.series[self.at]).median()
            found[rows.index.to_numpy(int)] = 1 / np.maximum(rows.to_numpy(float), 1)
        return found


def history(seen: Prepared, rules: Sequence[Rule], about: Mapping[str, str]) -> History:
    """The windows that a rule for this scope judges.

    Parameters
    ----------
    seen : measurements of one metric, the reference's own windows too. rules : all in force. about : as `rulebook.resolve` takes a scope.
    """
    rule = rulebook.resolve(rules, **with_monitor(about))
    own = seen.window == WINDOWS.index(rule.window)
    for field, name in with_monitor(about).items():
        codes, known = seen.names[field]
        own &= codes == known.get(name, -2)
    if not any(one.changes.get("kind") == "fdr" for one in rules):
        seen, own = part(seen, own), own[own]
    if "segment" not in about and rule.enabled:  # a limit for every segment switches none on that is off
        codes, known = seen.names["segment"]
        own &= in_force(seen, rules).active | (codes == known.get("all", -2))
    series = np.repeat(np.arange(len(seen.starts)), np.diff(seen.starts, append=len(seen.value)))
    here = own[series] & np.isfinite(seen.value) & (seen.rows >= rule.min_rows) & ~(seen.coverage < rule.min_coverage)
    codes, known = seen.names["column"]
    names = sorted(known, key=lambda name: known[name])
    columns = tuple(name for name in names if (codes[own] == known[name]).any())
    place = np.full(len(names) + 1, -1)
    place[[known[name] for name in columns]] = np.arange(len(columns))
    column = np.where(own, place[codes], -1)
    all_of = own[series]
    begin = seen.begin[all_of]
    weeks = (begin.max() - begin.min()) / habits.DAY / 7 + DAYS[rule.window] / 7 if len(begin) else 0.0
    return History(about, rule, tuple(rules), seen, own, np.flatnonzero(here), series, columns, column, float(weeks))


def part(seen: Prepared, kept: NDArray[np.bool_]) -> Prepared:
    """Some of the series: what is judged of them does not depend on the others, unless a rule is of kind fdr."""
    if kept.all():
        return seen
    lengths = np.diff(seen.starts, append=len(seen.value))
    rows, own = np.repeat(kept, lengths), kept[seen.reference_series]
    by_row = {name: getattr(seen, name)[rows] for name in ("begin", "value", "rows", "noise", "usual", "p_value", "coverage")}
    by_window = {name: getattr(seen, name)[own] for name in ("reference", "reference_rows", "reference_coverage", "reference_since")}
    return replace(
        seen, frame=seen.frame[rows].reset_index(drop=True), starts=np.cumsum(lengths[kept]) - lengths[kept], window=seen.window[kept],
        names={field: (codes[kept], known) for field, (codes, known) in seen.names.items()},
        reference_series=(np.cumsum(kept) - 1)[seen.reference_series[own]], **by_row, **by_window,
    )  # fmt: skip


def unfit(had: History, method: str) -> str:
    """Why nothing can be suggested; empty where it can."""
    if had.rule.direction == "outside":
        return "The rule has a lower and an upper limit: suggestions are for rules of one side."
    if not len(had.at):
        return f"No {had.rule.window} was measured with rows enough for this rule."
    if method in ("quantile", "budget") and len(had.at) < FEWEST:
        return f"Only {len(had.at)} {had.rule.window}s were measured with rows enough: a suggestion needs {FEWEST}."
    return ""


def learn(had: History) -> tuple[Habits, Ints]:
    """The habits of the reference's own windows, of the latest normal's where people accepted one, and how many of them each series has."""
    seen = had.seen
    latest = np.full(len(seen.starts), EVER)
    np.maximum.at(latest, seen.reference_series, seen.reference_since)
    own = seen.reference_since == latest[seen.reference_series]
    own &= had.own[seen.reference_series] & (seen.reference_rows >= had.rule.min_rows) & np.isfinite(seen.reference)
    value, series = seen.reference[own], seen.reference_series[own]
    # They stand there without their times, so the weekdays are not told apart.
    known = habits.learn(value, series, np.zeros(len(value), np.int64), is_day=False, is_log=had.is_log, sign=had.sign, grain=had.grain)
    return known, np.bincount(series, minlength=len(seen.starts))


def learn_log(had: History) -> Habits:
    """The habits of the log's windows, by weekday where they follow the week."""
    value, series, begin = had.seen.value[had.at], had.series[had.at], had.seen.begin[had.at]
    return habits.learn(value, series, begin, is_day=had.rule.window == "day", is_log=had.is_log, sign=had.sign, grain=had.grain)


def floors(had: History) -> Floats:
    """What a value of each column has to exceed besides its limit: the greater of the floors that the rule asks for, at its latest window."""
    found = np.full(len(had.columns), np.nan)
    order = had.at[np.argsort(had.seen.begin[had.at], kind="stable")]
    of = had.column[had.series[order]]
    for floor, asked in ((had.seen.noise, had.rule.above_noise), (had.seen.usual, had.rule.above_usual)):
        if asked:
            latest = np.full(len(had.columns), np.nan)
            latest[of] = floor[order]
            found = np.fmax(found, latest) if had.sign > 0 else np.fmin(found, latest)
    return found


def far(had: History, known: Habits | None) -> Ints:
    if known is None or not len(had.at):
        return np.zeros(len(had.columns), np.int64)
    far = habits.is_far(known, had.seen.value[had.at], had.series[had.at], had.seen.begin[had.at])
    return np.bincount(had.column[had.series[had.at]][far], minlength=len(had.columns)).astype(np.int64)
