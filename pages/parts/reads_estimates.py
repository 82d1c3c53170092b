"""What the estimates of the page Quality are read from."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from data.store import Store
from monitors import estimated, run
from monitors import estimated_trust as et
from monitors.periods import Period
from pages.parts import reads
from pages.parts.scope import Scope

INPUTS = (("schema", "range_rate"), ("schema", "domain_rate"), ("drift", "psi"))


@dataclass(frozen=True, slots=True)
class Told:
    """`seen`: truth, estimate, band and doubts by window and metric; `record`: the track record by metric; `reasons`: why some have no estimate."""

    seen: pd.DataFrame
    record: pd.DataFrame
    reasons: tuple[str, ...]


def told(scope: Scope, period: Period) -> Told:
    """The estimates of the scope in windows of one length, in its period; the track record is of the whole history."""
    asked: dict[str, Any] = {"model": scope.model, "version": scope.version, "segment": scope.segment, "period": period}
    found: Told = reads._cached(_told, scope.snapshot, **asked)
    return Told(reads.cut(found.seen, scope) if len(found.seen) else found.seen, found.record, found.reasons)


def _told(store: Store, model: str, version: str | None, segment: str, period: Period) -> Told:
    names = {"model": model, "segment": segment, "window": period}
    measured = run.measurements(store, monitor="quality", dataset=None, **names)
    measured = measured[(measured["column"] == "") & (measured["version"] == version if version else True)]
    pairs = et.paired(measured)
    log = pairs[(pairs["dataset"] == "log") & pairs["estimate"].notna()]
    reasons = measured["reason"][measured["metric"].str.startswith(et.PREFIX) & (measured["dataset"] == "log")].dropna().unique()
    why = tuple(sorted(reasons))
    if log.empty:
        return Told(pd.DataFrame(), pd.DataFrame(), why)
    segments = dict.fromkeys(["all", segment])
    outcomes = pd.concat([run.quality(store, model=model, segment=one) for one in segments], ignore_index=True)
    bands = et.banded(estimated.estimates(outcomes, (period,)), pairs)
    inputs = pd.concat([run.measurements(store, monitor=m, metric=metric, **names) for m, metric in INPUTS], ignore_index=True)
    keys = [*et.WINDOW, "column", "metric"]
    seen = log.merge(bands[[*keys, "low", "high"]], how="left", on=keys).merge(
        et.trust(outcomes, inputs[inputs["column"].isin(_watched(store, model))], period), how="left", on=et.WINDOW
    )
    return Told(seen.fillna({"level": 0, "reason": ""}), et.record(pairs), why)


def _watched(store: Store, model: str) -> list[str]:
    """The features and the score."""
    learnt = run.bins(store, model)
    return sorted(set(learnt.loc[learnt["role"].isin(["feature", "score"]), "column"]))
