"""states: whether an alert needs somebody. Open ones do; people acknowledge and mute them; what is over is resolved.

open : it goes on. acknowledged : it goes on, and somebody looks after it. muted : it goes on, or was all the time, where nobody wants to hear of it.
resolved : the last judged window of its series is fine again. version retired : it goes on, of a version that no longer serves.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import calendars, decided
from monitors.alerts import unit

STATES = ("open", "acknowledged", "muted", "resolved", "version retired")
GOING_ON = ("open", "acknowledged", "muted")  # for news: what may still end
STEPS = {"hour": pd.DateOffset(hours=1), "day": pd.DateOffset(days=1), "week": pd.DateOffset(weeks=1), "month": pd.DateOffset(months=1)}
Windows = tuple[pd.DatetimeIndex, pd.DatetimeIndex]


def apply(alerts: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """The alerts with the states that people's decisions give them; all else stays as it was.

    Parameters
    ----------
    alerts : as `monitors.alerts` gives them, through `summaries.present`. decisions : all that were made, in any order.

    An acknowledgement is of the alert as it was then: one of a warning does not hide that it becomes critical. A mute until a date hides windows
    that begin before it; a planned change those that share time with it; a calendar those that hold one of its days. An alert that goes on is
    judged by its latest window, so it opens by itself once a mute is over; one that is over counts as muted if it was muted all the time.
    """
    acknowledged, muted = acknowledgements(alerts, decisions), mutes(alerts, decisions)
    state = alerts["state"].to_numpy(object).copy()
    is_open, is_over = state == "open", state == "resolved"
    state[is_open & (acknowledged > 0)] = "acknowledged"
    state[(is_open | is_over) & muted] = "muted"
    return alerts.assign(state=pd.array(state, dtype="str"))


def acknowledgements(alerts: pd.DataFrame, decisions: pd.DataFrame) -> NDArray[np.int64]:
    """For each alert the decision by which it is acknowledged, the latest; 0 for none."""
    found = np.zeros(len(alerts), dtype=np.int64)
    critical = (alerts["severity"] == "critical").to_numpy(bool)
    for one, at in decided.matched(decided.standing(decisions, "acknowledge"), alerts, in_time=True):
        found[at[~critical[at]] if one["value"] == "warning" else at] = one["decision"]
    return found


def mutes(alerts: pd.DataFrame, decisions: pd.DataFrame) -> NDArray[np.bool_]:
    """Which alerts are muted; of those that go on the latest window, of the others every window."""
    found = np.zeros(len(alerts), dtype=bool)
    of: dict[int, list[dict[Any, Any]]] = {}
    for one, at in decided.matched(decided.standing(decisions, "mute", "planned"), alerts, in_time=False):
        for i in at.tolist():
            of.setdefault(i, []).append(one)
    for i, made in of.items():
        alert = alerts.iloc[i].to_dict()
        going_on = alert["state"] == "open"
        starts, ends = windows(alert)
        own = (starts[-1:], ends[-1:]) if going_on else (starts, ends)
        found[i] = bool(np.any([_hidden(one, own, going_on) for one in made], axis=0).all())
    return found


def windows(alert: Mapping[Any, Any]) -> Windows:
    """Starts and ends of the windows between an alert's start and its end."""
    named = {str(name): value for name, value in alert.items()}
    times = pd.date_range(alert["start"], alert["end"], freq=STEPS[unit(named)])
    return times[:-1], times[1:]


def _hidden(decision: Mapping[Any, Any], own: Windows, going_on: bool) -> NDArray[np.bool_]:
    """Which windows a mute or a planned change hides."""
    starts, ends = own
    hidden = np.ones(len(starts), dtype=bool)
    if not pd.isna(decision["end"]):
        hidden &= starts < decision["end"]
    until_a_date = decision["kind"] == "mute" and pd.isna(decision["value"])
    # What goes on was there when somebody muted it, however far its last judged window lies back.
    if not pd.isna(decision["start"]) and not (until_a_date and going_on):
        hidden &= ends > decision["start"]
    if decision["kind"] == "mute" and not pd.isna(decision["value"]):
        hidden &= calendars.covers(calendars.parse(str(decision["value"])), starts, ends)
    return hidden
