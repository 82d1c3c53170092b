"""What pages read of changes and of what versions are made of; cached as in reads.py."""

from typing import Any

import pandas as pd
import streamlit as st

from data import lineage
from data.manifests import keep
from monitors import compare, run, run_changes
from monitors.changes import COLUMNS
from monitors.rulebook import resolve
from monitors.rules import Rule
from pages.parts import reads
from pages.parts.scope import Scope

Frame = pd.DataFrame


def changes(model: str, at: int) -> Frame:
    """All changes of a model, by time."""
    found: Frame = reads._cached(run_changes.changes, at, model=model)
    return found


def on_screen() -> Frame:
    """What charts mark: the changes of the model on the screen within its log; of a model the lane of versions shows the versions already."""
    scope: Scope | None = st.session_state.get("scope")
    if scope is None:
        return pd.DataFrame(columns=COLUMNS)
    found, served = changes(scope.model, scope.snapshot), reads.versions(scope.model, scope.snapshot)
    inside = (found["at"] >= served["first"].min()) & (found["at"] < served["last"].max())
    of_model = (found["kind"] == "model") & found["origin"].eq("log")
    return found[inside & ~of_model & (found["kind"] != "thresholds")].reset_index(drop=True)


def rollout(model: str, at: int) -> Frame:
    """Rows that each version served in each window: window_start, version, rows."""
    found: Frame = reads._cached(lineage.rollout, at, model=model)
    return found


def served(model: str, at: int) -> Frame:
    """What each version served, with the code and data versions that it did so with."""
    found: Frame = reads._cached(lineage.served, at, model=model)
    return found


def before_after(scope: Scope, window: str, at: pd.Timestamp, before: str | None, after: str | None, windows: int) -> Frame:
    """Every metric before a change and after it, that which moved most first."""
    found: Frame = reads.of_scope(_before_after, scope, window=window, at=at, before=before, after=after, windows=windows)
    return found


def two_versions(scope: Scope, window: str, first: str, second: str) -> Frame:
    """Every metric of two versions, that which differs most first."""
    found: Frame = reads.of_scope(_two_versions, scope, window=window, first=first, second=second)
    return found


def _before_after(scope: Scope, window: str, at: pd.Timestamp, before: str | None, after: str | None, windows: int) -> Frame:
    return compare.before_after(_measured(scope, window), at, before, after, windows)


def _two_versions(scope: Scope, window: str, first: str, second: str) -> Frame:
    measured = _measured(scope, window)
    return compare.two_versions(measured, first, second, _below(measured, reads.rules(scope)))


def _below(measured: Frame, rules: tuple[Rule, ...]) -> frozenset[tuple[str, str]]:
    """The metrics of which low values are the bad ones, as the rules say."""
    pairs = measured[["monitor", "metric"]].drop_duplicates().itertuples(index=False)
    return frozenset((m, n) for m, n in pairs if resolve(rules, monitor=m, metric=n).direction == "below")


def _measured(scope: Scope, window: str) -> Frame:
    """Everything that was measured of the scope's model and segment in windows of a length, whatever monitor it is of."""
    asked: dict[str, Any] = {"model": scope.model, "segment": scope.segment, "window": window}
    found: Frame = reads._cached(run.measurements, scope.snapshot, **asked)
    return found


def manifests(model: str, at: int) -> Frame:
    """The manifests of a model as they are kept."""
    found: Frame = reads._cached(keep.kept, at, model=model)
    return found


def manifest_of(kept: Frame, version: str) -> dict[str, Any] | None:
    """What the newest manifest of a version says; None where there is none."""
    return keep.latest(kept, version) if version in set(kept["version"]) else None
