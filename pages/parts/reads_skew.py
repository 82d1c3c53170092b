"""What the page Skew reads: through the one cache, as everything."""

from typing import Any

import pandas as pd

from monitors import paired
from pages.parts import reads
from pages.parts.scope import Scope


def _scope(scope: Scope) -> dict[str, Any]:
    return {"version": scope.version, "segment": scope.segment, "since": scope.since, "until": scope.until}


def explained(scope: Scope) -> list[paired.Explained]:
    """Each feature's mismatches in the scope with their causes, the highest rate first."""
    found: list[paired.Explained] = reads._cached(paired.explained, scope.snapshot, model=scope.model, **_scope(scope))
    return found


def examples(scope: Scope, column: str) -> pd.DataFrame:
    """The drawn mismatches of a column, in the order in which a cause's examples are numbered."""
    found: pd.DataFrame = reads._cached(paired.examples, scope.snapshot, model=scope.model, column=column, **_scope(scope))
    return found


def joined_rows(scope: Scope) -> dict[str, int]:
    """How many log rows were joined, and how many training rows no log row has."""
    found: dict[str, int] = reads._cached(paired.joined_rows, scope.snapshot, model=scope.model, **_scope(scope))
    return found


def why_not_joined(scope: Scope) -> str | None:
    """Why no pair can be made; None where there are some."""
    found: str | None = reads._cached(paired.why_not_joined, scope.snapshot, model=scope.model)
    return found
