"""What the page of quality reads beside the measurements; cached as all reads are."""

from typing import Any

import pandas as pd

from monitors import explain, outcome_values, run, summaries
from monitors.rules import Rule
from monitors.segments import Found
from pages.parts import reads
from pages.parts.scope import Scope

Frame = pd.DataFrame


def task(scope: Scope) -> dict[str, Any]:
    """What kind of model it is, and why it cannot be measured if so."""
    found: dict[str, Any] = reads._cached(run.task, scope.snapshot, model=scope.model)
    return found


def judged(scope: Scope, window: str) -> tuple[Frame, tuple[Rule, ...]]:
    """Every metric of the model's kind in windows of one length, judged as if all alerted, and the rules that were taken for it."""
    found: tuple[Frame, tuple[Rule, ...]] = reads.of_scope(_judged, scope, window=window)
    return found


def _judged(scope: Scope, window: str) -> tuple[Frame, tuple[Rule, ...]]:
    rules = reads.rules(scope)
    metrics = [*outcome_values.METRICS.get(str(task(scope).get("kind", "")), ()), "label_coverage"]
    for metric in metrics:
        rules, _ = summaries.as_if_alerting(rules, window, scope.segment, monitor="quality", metric=metric)
    judged = reads.judged(scope, [window], rules, monitor="quality")
    return judged[judged["metric"].isin(metrics)].astype({"metric": "str", "column": "str", "version": "str"}), rules


def merged(scope: Scope, version: str) -> Frame:
    """The outcomes of a version in the period and segment, as one window."""
    found: Frame = reads._cached(explain.merged, scope.snapshot, **_asked(scope, version))
    return found


def states(scope: Scope, version: str) -> Frame:
    """Each metric of a version in the period, with its interval and the reference's value."""
    found: Frame = reads._cached(explain.states, scope.snapshot, **_asked(scope, version))
    return found


def worst(scope: Scope, version: str, metric: str, against: str) -> Found:
    """The segments, the worst first."""
    asked = _asked(scope, version)
    del asked["segment"]
    found: Found = reads._cached(explain.worst, scope.snapshot, metric=metric, against=against, **asked)
    return found


def together(scope: Scope, version: str, metric: str, importance: dict[str, float] | None) -> Frame:
    """Inputs whose weekly drift moves together with the metric."""
    given = None if importance is None else tuple(importance.items())
    found: Frame = reads._cached(_together, scope.snapshot, metric=metric, importance=given, **_asked(scope, version))
    return found


def inputs(scope: Scope) -> list[str]:
    """The columns that the model is fed with."""
    found: list[str] = reads._cached(explain.inputs, scope.snapshot, model=scope.model)
    return found


def _asked(scope: Scope, version: str) -> dict[str, Any]:
    return {"model": scope.model, "version": version, "segment": scope.segment, "since": scope.since, "until": scope.until}


def _together(store: Any, importance: tuple[tuple[str, float], ...] | None, **asked: Any) -> Frame:
    return explain.together(store, importance=None if importance is None else dict(importance), **asked)
