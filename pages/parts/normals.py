"""Where drift is measured against a new normal instead of the reference: a word about it, on the screens that show drift."""

import pandas as pd
import streamlit as st

from data import normals
from monitors import decided
from pages.parts import reads, words
from pages.parts.scope import Scope


def of(scope: Scope, column: str) -> pd.DataFrame:
    """The new normals of a column that stand, by their start; of the version on screen, or of all."""
    made = decided.standing(reads.decisions(scope.snapshot), "normal")
    fits = (made["model"] == scope.model) & (made["column"].isna() | (made["column"] == column))
    if scope.version:
        fits &= made["version"] == scope.version
    return made[fits].sort_values(["start", "decision"]).reset_index(drop=True)


def tell(scope: Scope, column: str) -> None:
    """A line for each new normal: from when, against what, by whom and why."""
    found = of(scope, column)
    if found.empty:
        return
    done: set[int] = reads._cached(normals.done, scope.snapshot, model=scope.model)
    for one in found.to_dict("records"):
        by = f"accepted by {words.escaped(one['author'])}" + (f": {words.escaped(one['note'])}" if one["note"] else "")
        waits = "" if one["decision"] in done else " The next `python -m monitors run` measures it."
        st.caption(
            f":material/restart_alt: From {words.day(one['start'])} on, drift of {words.escaped(one['version'])} is measured against its own log of "
            f"{words.span(one['start'], one['end'])} ({by}).{waits}"
        )


def rules_window(scope: Scope, column: str, version: str, start: pd.Timestamp) -> bool:
    """Whether a window of a version was measured against a new normal."""
    found = of(scope, column)
    return bool(((found["version"] == version) & (found["start"] <= start)).any())
