"""Joins store and monitors for questions on quality: how it stands now, which segments are worst, which inputs move together with it."""

from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from data.importance import logged
from data.roles import Roles, saved
from data.store import Store
from monitors import outcomes, quality, root_cause, run, segments, summaries
from monitors.segments import Found
from monitors.thresholds import judge, resolve

BEFORE, REFERENCE = "the days before", "the reference"


def merged(store: Store, model: str, version: str, segment: str | None, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
    """The outcomes of a version in [since, until) as one window; of every segment and pair if `segment` is None."""
    found = run.quality(store, model=model, version=version, segment=segment, dataset="log", since=since, until=until, pairs=segment is None)
    return outcomes.merge(found, "all")


def reference(store: Store, model: str, version: str, segment: str | None) -> pd.DataFrame:
    """The whole of a version's reference, of the one for every version if it has none of its own; empty without."""
    for name in (version, ""):
        found = run.quality(store, model=model, version=name, segment=segment, dataset="reference", pairs=segment is None)
        whole = found[found["window_start"].isna()]
        if len(whole):
            return whole.reset_index(drop=True)
    return found.iloc[:0]


def worst(
    store: Store, model: str, version: str, metric: str, against: str, since: datetime | None = None, until: datetime | None = None
) -> Found:
    """The segments in [since, until), the worst first; `against` is REFERENCE or BEFORE, a span as long that ends with `since`."""
    now = merged(store, model, version, None, since, until)
    if against == REFERENCE:
        return segments.find(now, reference(store, model, version, None), metric)
    if since is None or until is None:
        raise ValueError("the days before what? A span needs both ends")
    return segments.find(now, merged(store, model, version, None, since - (until - since), since), metric)


def together(
    store: Store,
    model: str,
    version: str,
    segment: str,
    metric: str,
    since: datetime | None = None,
    until: datetime | None = None,
    importance: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Inputs whose weekly psi moves together with a metric of quality by week; see `root_cause.moves_together`. Without `importance` it is
    what the log says, if it does."""
    if importance is None:
        importance = logged(store, model, version, (saved(store, model) or Roles()).model_version)
    both = {
        monitor: _judged(store, model, version, segment, monitor, name, since, until)
        for monitor, name in (("quality", metric), ("drift", "psi"))
    }
    own, features = both["quality"], inputs(store, model)
    return root_cause.moves_together(own[own["column"].astype(str) == ""], both["drift"][both["drift"]["column"].isin(features)], importance)


def _judged(
    store: Store, model: str, version: str, segment: str, monitor: str, metric: str, since: datetime | None, until: datetime | None
) -> pd.DataFrame:
    """Weeks, as if their rule were for weeks and for this segment; judged over the whole history, then cut."""
    rules, _ = summaries.as_if_alerting(run.rules(store), "week", segment, monitor=monitor, metric=metric)
    measured = run.measurements(
        store, model=model, version=version, segment=segment, monitor=monitor, metric=metric, window="week", dataset=None
    )
    found = judge(measured, rules)
    inside = pd.Series(True, found.index)
    if since is not None:
        inside &= found["window_end"] > since
    if until is not None:
        inside &= found["window_start"] < until
    return found[inside]


def inputs(store: Store, model: str) -> list[str]:
    """The columns that the model is fed with, in order of their names."""
    learnt = store.frame("""SELECT DISTINCT "column" FROM main.bins WHERE model = ? AND role = 'feature' ORDER BY 1""", [model])
    return list(learnt["column"])


def states(store: Store, model: str, version: str, segment: str, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
    """Each metric in [since, until) with its interval, beside the reference's: metric, column, rows, value, low, high, reference, reason."""
    now = quality.state(merged(store, model, version, segment, since, until))
    then = quality.state(reference(store, model, version, segment))[["metric", "column", "value"]].rename(columns={"value": "reference"})
    return now.merge(then, how="left", on=["metric", "column"])


def alerting_metric(store: Store, model: str, metrics: list[str]) -> str:
    """Of several metrics the first that may alert by the rules in force; the first of all where none may."""
    rules = run.rules(store)
    named = [m for m in metrics if resolve(rules, model=model, monitor="quality", metric=m, column="").enabled]
    return (named or metrics)[0]
