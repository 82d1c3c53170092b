"""Joins the store and the monitor skew: what `run` calls, and what the page and the command line ask for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from data import pairs as pairing
from data.join import NO_LOG, NO_TRAINING, describe
from data.refresh import Refreshed
from data.roles import Roles, saved
from data.store import Connection, Store
from data.training import distributions
from monitors import causes, skew
from monitors.spans import forget, inside, keep


def refresh(store: Store, model: str, refreshed: Refreshed, progress: Callable[[str, float], None]) -> tuple[datetime, ...]:
    """Compare anew with training what loads have touched; gives the starts of the windows that `measure` has to measure."""
    return pairing.refresh_pairs(store, model, refreshed, progress)


def measure(store: Store, cursor: Connection, model: str, asked: pd.DataFrame) -> int:
    """Measure skew in the days, weeks and months given (window_start, window_end), in place of what was there; how many."""
    if asked.empty:
        return 0
    forget(cursor, model, asked, "skew")
    since, until = asked["window_start"].min(), asked["window_end"].max()
    measured = [skew.measure(pairing.pairs(store, model=model, since=since, until=until))]
    if why_not_joined(store, model) not in (None, NO_LOG, NO_TRAINING):
        measured.append(skew.by_distribution(distributions(store, model)))
    found = pd.concat(measured, ignore_index=True)
    return keep(cursor, found[inside(found, asked)])


def why_not_joined(store: Store, model: str) -> str | None:
    """Why no pair can be made of a model; None where there are some."""
    return pairing.why_not_joined(store, model)


@dataclass(frozen=True, slots=True)
class Explained:
    """The mismatches of one column in some period: how many, of how many joined rows, and their causes."""

    column: str
    kind: str
    joined: int
    mismatched: int
    log_nulls: int
    training_nulls: int
    drawn: int
    causes: tuple[causes.Cause, ...]
    tolerance: str

    @property
    def rate(self) -> float:
        """mismatch_rate of the whole period."""
        return self.mismatched / self.joined if self.joined else float("nan")

    @property
    def headline(self) -> str:
        """The causes in one line; empty without a mismatch."""
        return causes.headline(list(self.causes))


def explained(store: Store, model: str, **scope: Any) -> list[Explained]:
    """Each feature's mismatches with their causes, the highest rate first. Scope: column, version, segment, since, until."""
    segment = scope.pop("segment", None) or "all"
    roles = saved(store, model) or Roles()
    counts = pairing.pairs(store, model=model, segment=segment, **scope)
    counts = counts[(counts["column"] != "") & counts["window_start"].notna()]
    names = ["joined", "mismatched", "log_nulls", "training_nulls"]
    sums = counts.groupby(["column", "kind"], as_index=False)[names].sum()
    drawn = pairing.drawn(store, model=model, segment=segment, **scope)
    rates = _rates_where_differing(counts)
    found = []
    for row in sums.to_dict("records"):
        column, kind = str(row["column"]), str(row["kind"])
        own = drawn[drawn["column"] == column].reset_index(drop=True)
        told = tuple(causes.explain(own, rates.get(column, float("nan"))))
        joined, mismatched, log_nulls, training_nulls = (int(row[name]) for name in names)
        how = describe(roles, column, kind)
        found.append(Explained(column, kind, joined, mismatched, log_nulls, training_nulls, len(own), told, how))
    return sorted(found, key=lambda one: (-one.rate, one.column))


def _rates_where_differing(counts: pd.DataFrame) -> dict[str, float]:
    """Of each column the mismatch rate in those windows that have a mismatch: a fault of one day is not diluted by a year."""
    some = counts[counts["mismatched"] > 0].groupby("column")[["mismatched", "joined"]].sum()
    return {str(column): float(rate) for column, rate in (some["mismatched"] / some["joined"]).items()}


def examples(store: Store, model: str, column: str, **scope: Any) -> pd.DataFrame:
    """The drawn mismatches of one column, in the order that the places of a cause's examples count in."""
    return pairing.drawn(store, model=model, column=column, **scope).reset_index(drop=True)


def joined_rows(store: Store, model: str, **scope: Any) -> dict[str, int]:
    """Of a period: log rows, joined ones, and training rows that no log row has (`undated` of them in no window)."""
    segment = scope.pop("segment", None) or "all"
    counts = pairing.pairs(store, model=model, segment=segment, column="", **scope)
    undated = counts["window_start"].isna()
    sums = counts[~undated][["log_rows", "joined", "unmatched"]].sum()
    return {name: int(sums[name]) for name in sums.index} | {"undated": int(counts.loc[undated, "unmatched"].sum())}
