"""The bench of the page Thresholds: a rule, in force and moved, and the alerts that each gives over the whole history."""

from dataclasses import dataclass, replace

import pandas as pd

from monitors import backtest, rulebook, summaries
from monitors.alerts import alerts
from monitors.rules import Rule
from monitors.thresholds import Prepared, judge
from pages.parts import reads, rule_form, words
from pages.parts.scope import Scope

Rules = tuple[Rule, ...]
SAVED, MOVED = "in force", "moved"


@dataclass(frozen=True, slots=True)
class Bench:
    """What every view of the bench shows a side of."""

    scope: Scope
    monitor: str
    metric: str
    about: dict[str, str]  # the scope of the rule
    rules: dict[str, Rules]  # SAVED and MOVED: the defaults, then the overrides
    seen: Prepared
    judged: pd.DataFrame  # by the moved rules, what the rule is about
    alerts: dict[str, pd.DataFrame]
    events: pd.DataFrame  # both compared, as `backtest.compare` does

    @property
    def rule(self) -> Rule:
        """The moved rule, every field filled in."""
        return rulebook.resolve(self.rules[MOVED], **backtest.with_monitor(self.about))

    @property
    def is_moved(self) -> bool:
        """Whether anything differs from what is in force."""
        return self.rules[SAVED] != self.rules[MOVED]

    @property
    def weeks(self) -> float:
        """The length of the history."""
        served = reads.versions(self.scope.model, self.scope.snapshot)
        return 0.0 if served.empty else float((served["last"].max() - served["first"].min()) / pd.Timedelta(days=7))

    @property
    def ends(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """Of all that was measured."""
        return self.seen.frame["window_start"].min(), self.seen.frame["window_end"].max()


def whole(scope: Scope) -> Scope:
    """The model's whole history: levels of any version and time."""
    return replace(scope, version=None, segment="all")


def measured(scope: Scope, pair: tuple[str, str], about: dict[str, str], *rule_sets: Rules) -> Prepared:
    """All that these rules can alert on of a monitor's metric, over the whole history; at least what the rule is about."""
    windows, segment = backtest.reading(about, pair, *rule_sets)
    return reads.prepared(whole(scope), windows, monitor=pair[0], metric=pair[1], segment=segment or "*")


def replayed(scope: Scope, pair: tuple[str, str], about: dict[str, str], saved: Rules, moved: Rules) -> Bench:
    """Judge the history by both."""
    in_force = reads.of_scope(_in_force, scope, pair=pair, about=tuple(about.items()))
    is_moved = moved != saved
    seen = measured(scope, pair, about, saved, moved)
    judged, found = _given(scope, seen, moved, about) if is_moved else in_force
    events = backtest.compare(in_force[1], found)
    return Bench(scope, *pair, about, {SAVED: saved, MOVED: moved}, seen, judged, {SAVED: in_force[1], MOVED: found}, events)


def _in_force(scope: Scope, pair: tuple[str, str], about: tuple[tuple[str, str], ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    saved, named = reads.rules(scope), dict(about)
    return _given(scope, measured(scope, pair, named, saved), saved, named)


def _given(scope: Scope, seen: Prepared, rules: Rules, about: dict[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What these rules make of what was measured, and their alerts."""
    judged = backtest.within(judge(seen, rules), about)
    return judged, summaries.present(alerts(judged), reads.versions(scope.model, scope.snapshot))


def text(metric: str, about: dict[str, str]) -> str:
    """The rule's scope in words: `PSI of every column`."""
    of = f"{words.metric(metric).label} of {about.get('column', rule_form.EVERY['column'])}"
    rest = [about[field].replace("=", " = ", 1) for field in ("version", "segment", "model") if about.get(field, "all") != "all"]
    return ", ".join([of, *rest])
