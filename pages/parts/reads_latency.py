"""What the page of latencies reads beside the measurements; cached as all reads are."""

from datetime import datetime

import pandas as pd

from data import jobs
from data.store import Store
from monitors import latency_views as views
from monitors import run, summaries
from monitors.compare_latency import Compared
from pages.parts import reads
from pages.parts.scope import Scope

Frame = pd.DataFrame
JUDGED = ("p95_ratio", "p50_growth", "p50_step", "p50", "p95", "p99", "mean")


def components(scope: Scope) -> list[str]:
    """The latency columns of the model's log, in the order of their names."""
    found: list[str] = reads._cached(_components, scope.snapshot, model=scope.model)
    return found


def judged(scope: Scope, window: str) -> Frame:
    """Percentiles in windows of one length, and whatever has a rule in the windows of that rule."""
    found: Frame = reads.of_scope(_judged, scope, window=window)
    return found


def _judged(scope: Scope, window: str) -> Frame:
    rules = reads.rules(scope)
    here = (None, "all", scope.segment)
    watched = {(one.metric, one.window) for one in summaries.watched(rules) if one.monitor == "latency" and one.segment in here}
    asked = {(metric, window) for metric in ("p50", "p95", "p99", "p95_ratio")} | {one for one in watched if one[0] in JUDGED}
    found = [reads.judged(scope, [length], rules, monitor="latency", metric=metric) for metric, length in sorted(asked)]
    return pd.concat(found, ignore_index=True)


def days(scope: Scope, column: str, whole: bool = False) -> dict[str, views.Daily]:
    """Version → its days in the period (or over the whole history), in the scope's segment."""
    span = {} if whole else {"since": scope.since, "until": scope.until}
    found: dict[str, views.Daily] = reads._cached(
        _days, scope.snapshot, model=scope.model, column=column, segment=scope.segment, **span
    )
    return found


def findings(scope: Scope, column: str, level: float) -> Frame:
    """Steps and leaks that begin or end within the period; found over the whole history, so that they do not change with the period."""
    found: Frame = reads._cached(
        _findings, scope.snapshot, model=scope.model, column=column, segment=scope.segment, version=scope.version, level=level
    )
    return found[(found["end"] >= scope.since) & (found["start"] < scope.until)].reset_index(drop=True) if len(found) else found


def compared(scope: Scope, column: str, before: str, after: str) -> Compared:
    """Two versions, in the period."""
    names = {"model": scope.model, "column": column, "segment": scope.segment, "since": scope.since, "until": scope.until}
    found: Compared = reads._cached(_compared, scope.snapshot, before=before, after=after, **names)
    return found


def by_part(scope: Scope, column: str) -> Frame:
    """Quantiles of each version and of each of its code and data versions and segments, in the period."""
    names = {"model": scope.model, "column": column, "version": scope.version, "since": scope.since, "until": scope.until}
    found: Frame = reads._cached(_by_part, scope.snapshot, **names)
    return found


def jobs_of(scope: Scope) -> Frame:
    """What the model's jobs took."""
    found: Frame = reads._cached(jobs.listed, scope.snapshot, model=scope.model)
    return found


def _components(store: Store, model: str) -> list[str]:
    sql = """SELECT DISTINCT "column" FROM main.profiles WHERE model = ? AND role = 'latency' AND dataset = 'log' ORDER BY 1"""
    return list(store.frame(sql, [model])["column"])


def _days(
    store: Store, model: str, column: str, segment: str, since: datetime | None = None, until: datetime | None = None
) -> dict[str, views.Daily]:
    found = run.profiles(store, model=model, column=column, segment=segment, dataset="log", since=since, until=until)
    return views.by_day(found, views.edges_of(run.bins(store, model)))


def _findings(store: Store, model: str, column: str, segment: str, version: str | None, level: float) -> Frame:
    every = _days(store, model, column, segment)
    if version is not None and version not in every:
        return pd.DataFrame(columns=views.FINDINGS)
    return views.findings(every, None if version is None else [version], level)


def _compared(
    store: Store, model: str, column: str, segment: str, since: datetime, until: datetime, before: str, after: str
) -> Compared:
    return views.compared(_days(store, model, column, segment, since, until), before, after, column)


def _by_part(store: Store, model: str, column: str, version: str | None, since: datetime, until: datetime) -> Frame:
    found = run.profiles(store, model=model, column=column, version=version, dataset="log", since=since, until=until)
    return views.by_part(found, views.edges_of(run.bins(store, model)))
