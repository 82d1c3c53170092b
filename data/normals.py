"""New normals: spans of a version's own log that drift is measured against from a day on. Learnt and counted beside all else, so that taking one
back leaves nothing behind.

The bins are learnt anew from the span: those of the training set cannot tell apart what lies beyond all that it held, and that is what a new normal
often is. So the windows from that day on are counted a second time, on these bins, into tables of their own under the decision's number.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import pandas as pd
import pyarrow as pa

from data import bins as learning
from data import profile as profiling
from data.bins import Source
from data.engines.places import Bins
from data.profile import NO_TIME
from data.refresh import log_sources
from data.roles import Roles, saved
from data.segmented import Values, segments
from data.sql import literal, quote
from data.store import Connection, Store, append, transact


@dataclass(frozen=True, slots=True)
class Normal:
    """One that was accepted: of a version, from `start` on, learnt from [start, end); of one column or segment or (None) of all."""

    decision: int
    version: str
    column: str | None
    segment: str | None
    start: pd.Timestamp
    end: pd.Timestamp

    @property
    def name(self) -> str:
        """Under which its bins and profiles stand."""
        return str(self.decision)


def done(store: Store, model: str) -> set[int]:
    """The decisions by which the measurements that are kept were made."""
    return {row[0] for row in store.rows("SELECT decision FROM main.normals WHERE model = ?", [model])}


def refresh(store: Store, model: str, standing: Sequence[Normal], touched: Collection[datetime]) -> set[int]:
    """Learn what is new or whose span was touched by loads, count the touched windows of the others, and drop what no longer stands; gives
    the decisions that were learnt anew."""
    roles, kept = saved(store, model), done(store, model)
    names = [one.name for one in standing]
    sql = "SELECT DISTINCT version FROM main.normal_bins WHERE model = ? AND NOT list_contains(?, version)"
    gone = [row[0] for row in store.rows(sql, [model, names])]
    if gone:
        transact(store, lambda cursor: _drop(cursor, model, gone), f"drop what {len(gone)} normals of {model} were")
    if roles is None or not standing:
        return set()
    sources = log_sources(store.cursor(), model, roles)
    reference = learning.reference_source(store.cursor(), model, roles)
    values = segments(store.cursor(), [*sources[:1], *([reference] if reference else [])])
    anew = set()
    for one in standing:
        own = [time for time in touched if time >= one.start]
        if one.decision not in kept or any(time < one.end for time in own):
            _learn(store, model, one, sources, values)
            anew.add(one.decision)
        elif own:
            _count(store, model, one, sources, values, own)
    return anew


def _drop(cursor: Connection, model: str, names: Sequence[str]) -> None:
    for table in ("normal_bins", "normal_profiles", "normal_floors"):
        cursor.execute(f"DELETE FROM main.{table} WHERE model = ? AND list_contains(?, version)", [model, list(names)])


def _learn(store: Store, model: str, one: Normal, sources: Iterable[Source], values: Values) -> None:
    """Learn the bins from the span, and count the span, its windows and every window since. A turn of windows is one transaction: a run that is cut
    off has not noted that it is done, and learns all of it again."""
    transact(store, lambda cursor: _drop(cursor, model, [one.name]), f"learn a new normal of {model} {one.version}")
    for source in sources:
        span = _source(source, one, "reference")
        learnt = learning.learn(store.cursor(), span)
        if not learnt:
            continue
        frame = learning.frame(model, one.name, learnt, span.roles)
        transact(store, partial(append, name="normal_bins", rows=frame), f"bins of a new normal of {model} {one.version}")
        whole = replace(span, roles=replace(span.roles, timestamp=None))
        _add(store, model, whole, profiling.scan(store, whole, _whole(one), {one.name: learnt}, values))
        for part in (span, _source(source, one, "log")):
            for found in _scanned(store, part, one, learnt, values):
                _add(store, model, part, found)


def _add(store: Store, model: str, source: Source, found: pa.Table) -> None:
    transact(store, lambda cursor: profiling.add(cursor, model, source, found, "normal_profiles"), f"profiles of a new normal of {model}")


def _count(store: Store, model: str, one: Normal, sources: Iterable[Source], values: Values, touched: Sequence[datetime]) -> None:
    """Count some windows again on the bins that are learnt."""
    learnt = learning.kept(store.cursor(), model, "normal_bins").get(one.name, {})
    logs = [_source(source, one, "log") for source in sources]
    sql = "DELETE FROM main.normal_profiles WHERE model = ? AND version = ? AND dataset = 'log' AND window_start IN (SELECT unnest(?))"
    transact(store, lambda cursor: cursor.execute(sql, [model, one.name, list(touched)]), f"count {len(touched)} windows of {model} again")
    for part in logs if learnt else []:
        for found in _scanned(store, part, one, learnt, values, touched):
            _add(store, model, part, found)


def _source(source: Source, one: Normal, dataset: str) -> Source:
    """The rows of the version since the normal began (of the reference: those of its span), under the decision's number."""
    time, version = quote(str(source.roles.timestamp)), f"coalesce({quote(source.version)}, '')" if source.version else "''"
    condition = f"{version} = {literal(one.version)} AND {time} >= TIMESTAMPTZ '{one.start.isoformat()}'"
    if dataset == "reference":
        condition += f" AND {time} < TIMESTAMPTZ '{one.end.isoformat()}'"
    rows = f"(SELECT *, {literal(one.name)} AS _normal FROM {source.rows} WHERE {condition})"
    return replace(source, rows=rows, version="_normal", roles=_drifting(source.roles, one.column), dataset=dataset)


def _drifting(roles: Roles, column: str | None) -> Roles:
    """The roles of what drift looks at: features, score, prediction and label; of one column alone, where one is named."""
    score, prediction, label = (name if column in (None, name) else None for name in (roles.score, roles.prediction, roles.label))
    features = tuple(name for name in roles.features if column in (None, name))
    alone = replace(roles, score=score, prediction=prediction, label=label, features=features)
    return replace(alone, latency=(), probabilities=(), watched=())


def _whole(one: Normal) -> pd.DataFrame:
    return pd.DataFrame({"window": [NO_TIME], "version": [one.name]})


def _scanned(
    store: Store, source: Source, one: Normal, learnt: dict[str, Bins], values: Values, touched: Sequence[datetime] | None = None
) -> Iterator[pa.Table]:
    """The profiles of the windows of a source, or of some of them, a turn at a time."""
    found = profiling.windows(store.cursor(), source)
    if touched is not None:
        wanted = {int(pd.Timestamp(time).timestamp() * 1e6) // source.window_us for time in touched}
        found = found[found["window"].isin(wanted)]
    bins = {one.name: learnt}
    for turn in profiling.turns(found, bins, values, source):
        yield profiling.scan(store, source, turn, bins, values)
