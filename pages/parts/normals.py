"""Where drift is measured against a new normal instead of the reference: a word about it, on the screens that show drift."""

from datetime import datetime

import pandas as pd
import streamlit as st

from data import normals
from monitors import decided, run_normals
from pages.parts import reads, words
from pages.parts.scope import Scope


def of(scope: Scope, column: str) -> pd.DataFrame:
    """The new normals of a column that stand, by their start; of the version on screen, or of all."""
    made = decided.standing(reads.decisions(scope.snapshot), "normal")
    fits = (made["model"] == scope.model) & (made["column"].isna() | (made["column"] == column))
    fits &= made["segment"].isna() | (made["segment"] == scope.segment)
    if scope.version:
        fits &= made["version"] == scope.version
    return made[fits].sort_values(["start", "decision"]).reset_index(drop=True)


def tell(scope: Scope, column: str) -> None:
    """A line for each new normal: from when, against what, by whom and why."""
    found = of(scope, column)
    if found.empty:
        return
    done = _done(scope)
    for one in found.to_dict("records"):
        by = f"accepted by {words.escaped(one['author'])}" + (f": {words.escaped(one['note'])}" if one["note"] else "")
        waits = "" if one["decision"] in done else " The next `python -m monitors run` measures it."
        st.caption(
            f":material/restart_alt: From {words.day(one['start'])} on, drift of {words.escaped(one['version'])} is measured against its own log of "
            f"{words.span(one['start'], one['end'])} ({by}).{waits}"
        )


def against(
    scope: Scope, column: str, version: str, since: datetime, until: datetime
) -> tuple[pd.Series, pd.Series, pd.Series, str] | None:
    """Bins, normal and window where a window was measured against a new normal, and the days of that normal; None where it was not."""
    found = of(scope, column)
    found = found[(found["version"] == version) & (found["start"] <= since) & found["decision"].isin(_done(scope))]
    if found.empty:
        return None
    last = found.iloc[-1]
    asked = {"model": scope.model, "decision": int(last["decision"]), "column": column, "segment": scope.segment, "since": since, "until": until}
    compared = reads._cached(run_normals.against, scope.snapshot, **asked)
    return None if compared is None else (*compared, words.span(last["start"], last["end"]))


def _done(scope: Scope) -> set[int]:
    found: set[int] = reads._cached(normals.done, scope.snapshot, model=scope.model)
    return found
