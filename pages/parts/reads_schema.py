"""What the page *Schema* reads; cached as all reads are."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from data import violations
from data.store import Store
from monitors import breaches, invariants, run, schema
from monitors.commands.schema import exported
from monitors.rulebook import resolve
from monitors.schemas import Edits, Schema, laid_over
from pages.parts import reads
from pages.parts.reads import _cached
from pages.parts.scope import Scope

Frame = pd.DataFrame


def judged(scope: Scope, metric: str, window: str | None = None) -> tuple[Frame, bool]:
    """A metric over the scope, judged, and whether that is as the rules say; in the windows of its rule where none is given.

    What is measured of the model as a whole is shown whichever version is chosen.
    """
    window = window or resolve(reads.rules(scope), monitor="schema", metric=metric, segment=scope.segment).window
    about = replace(scope, version=None) if metric in breaches.WITHOUT_ROWS else scope
    return reads.shown(about, window, monitor="schema", metric=metric)


def violated(scope: Scope) -> Frame:
    """The violations of the scope, the worst first, with the files that brought them."""
    found: Frame = reads.of_scope(_violated, scope)
    return found


def _violated(scope: Scope) -> Frame:
    parts = [judged(scope, metric)[0] for metric in schema.METRICS]
    found = breaches.violations(pd.concat(parts, ignore_index=True), reads.versions(scope.model, scope.snapshot))
    arrived = _cached(_parts, scope.snapshot, model=scope.model)
    return breaches.with_loads(breaches.together(found), arrived, _cached(_files, scope.snapshot, model=scope.model))


def _parts(store: Store, model: str) -> Frame:
    return store.frame(invariants.ARRIVED, {"model": model})


def _files(store: Store, model: str) -> Mapping[int, str]:
    found = store.frame("SELECT load, file FROM main.loads WHERE model = ?", [model])
    return {int(load): Path(str(file)).name for load, file in zip(found["load"].tolist(), found["file"].tolist(), strict=True)}


def learnt(model: str, at: int) -> dict[str, Schema]:
    """Version of the reference → its schema as it was learnt."""
    found: dict[str, Schema] = _cached(_learnt, at, model=model)
    return found


def _learnt(store: Store, model: str) -> dict[str, Schema]:
    return invariants.learnt(store, model, run.bins(store, model))


def edits(model: str, at: int) -> dict[str, Edits]:
    """Version of the reference → the edits in force."""
    found: dict[str, Edits] = _cached(invariants.edits, at, model=model)
    return found


def export(scope: Scope, version: str, form: str) -> tuple[str, tuple[str, ...]]:
    """The schema in force of a reference as a file, and what that cannot say."""
    found: tuple[str, tuple[str, ...]] = reads.of_scope(_export, scope, version=version, form=form)
    return found


def _export(scope: Scope, version: str, form: str) -> tuple[str, tuple[str, ...]]:
    base = learnt(scope.model, scope.snapshot)[version]
    return exported(laid_over(base, edits(scope.model, scope.snapshot).get(version, Edits())), form)


def history(model: str, at: int) -> Frame:
    """Every edit of a model's schemas, the last first."""
    found: Frame = _cached(invariants.history, at, model=model)
    return found


def evidence(scope: Scope, asked: violations.Asked) -> violations.Evidence:
    """The rows that break an invariant."""
    found: violations.Evidence = _cached(_evidence, scope.snapshot, model=scope.model, asked=asked)
    return found


def _evidence(store: Store, model: str, asked: violations.Asked) -> violations.Evidence:
    return violations.evidence(store, model, asked)
