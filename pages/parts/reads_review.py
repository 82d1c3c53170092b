"""What the page of reviews reads: alerts with their incident and verdict. Grouping is cached as the alerts are; decisions are put on it each time."""

import pandas as pd
import streamlit as st

from data.store import default_place
from monitors import incidents, states, verdicts
from pages.parts import reads, reads_changes

Frame = pd.DataFrame


@st.cache_data(max_entries=8)
def _grouped(place: str, alerts_at: int, changes: str, model: str, _alerts: Frame, _changes: Frame) -> Frame:  # noqa: ARG001 - key of the cache
    return incidents.grouped(_alerts, _changes)


def alerts(model: str, at: int) -> Frame:
    """All alerts of a model with their states, `incident` and verdicts."""
    changes = reads_changes.changes(model, at)
    known = f"{len(changes)} {changes['id'].iloc[-1] if len(changes) else ''}"
    grouped = _grouped(default_place(), reads.judged_at(at), known, model, reads.undecided(model, at), changes)
    made = reads.decisions(at)
    return verdicts.with_verdicts(states.apply(grouped, made), made)


def decisions(model: str, at: int) -> Frame:
    """What was decided about a model, retractions included."""
    made = reads.decisions(at)
    of = set(made.loc[made["model"] == model, "decision"])
    return made[made["decision"].isin(of) | made["retracts"].isin(of)]
