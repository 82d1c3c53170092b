"""Deciding about alerts: what a person says is checked against what the store knows, and kept. Joins the store, the alerts and what was decided."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from data import decisions as keeping
from data.errors import BadInput, near
from data.store import Store, models
from monitors import calendars, decided, incidents, run, run_changes, verdicts
from monitors.rulebook import known
from monitors.rules import SCOPE
from monitors.verdicts import VERDICTS

DAY = pd.Timedelta(days=1)
LEARN = 28 * DAY  # of the log, from the new normal's first day on: four weeks tell what is usual
NAMES = ("version", "monitor", "metric", "column", "segment")


def alerts(store: Store, *, model: str | None = None, since: datetime | None = None) -> pd.DataFrame:
    """The alerts with their states, the incident of each, and what was said of it (`verdicts.with_verdicts`)."""
    told = incidents.grouped(run.alerts(store, model=model), run_changes.changes(store))
    found = verdicts.with_verdicts(told, run.decisions(store))
    return found if since is None else found[found["end"] > since].reset_index(drop=True)


def about(store: Store, scope: Mapping[str, str], incident: str | None = None) -> pd.DataFrame:
    """The alerts that a person means: of a scope, or those of an incident in it.

    Raises
    ------
    BadInput : there is none; the sentence names what there is.
    """
    named = checked(store, scope)
    found = alerts(store, model=named["model"])
    found = found[decided.about(_blank() | named, found)]
    if incident is not None:
        if incident not in set(found["incident"]):
            raise BadInput(f'There is no incident "{incident}" of {named["model"]}. {near(incident, sorted(set(found["incident"])))}')
        found = found[found["incident"] == incident]
    if found.empty:
        raise BadInput(f"No alert is about {decided.scope_text(_blank() | named)}. `python -m monitors alerts` lists them.")
    return found.reset_index(drop=True)


def checked(store: Store, scope: Mapping[str, str]) -> dict[str, str]:
    """A scope whose names the store knows; the model is told by itself where there is one only.

    Raises
    ------
    BadInput : a field or a name that there is not; names those like it.
    """
    for field in scope:
        if field not in SCOPE:
            raise BadInput(f"`{field}` is no field of an alert. {near(field, SCOPE)}")
    there = models(store)
    if not there:
        raise BadInput("Nothing is loaded in this store, so there is nothing to decide about. Load a log first: python -m monitors load.")
    if "model" not in scope and len(there) > 1:
        raise BadInput(f"Say of which model: model={there[0]}.")
    named = {"model": there[0] if "model" not in scope else scope["model"], **scope}
    run.check_model(store, named["model"])
    if named.get("column") == decided.TABLE:
        named["column"] = ""
    metrics = known()
    options = {
        "monitor": list(metrics), "metric": sorted({m for own in metrics.values() for m in own}),
        "version": list(run.versions(store, named["model"])["version"]), "segment": run.segments(store, named["model"]),
        "column": _columns(store, named["model"]),
    }  # fmt: skip
    for field in NAMES:
        if named.get(field) and named[field] not in options[field]:
            raise BadInput(f'There is no {field} "{named[field]}" of {named["model"]}. {near(named[field], options[field])}')
    return named


def _columns(store: Store, model: str) -> list[str]:
    rows = store.frame('SELECT DISTINCT "column" FROM main.measurements WHERE model = ? ORDER BY 1', [model])
    return [str(name) for name in rows["column"]]


def _blank() -> dict[str, Any]:
    return dict.fromkeys(decided.COLUMNS)


def verdict(store: Store, found: pd.DataFrame, value: str, note: str, who: str = "") -> list[int]:
    """Say what alerts were, each of `found` (as `alerts` gives them); gives the numbers of the decisions.

    Raises
    ------
    BadInput : no such verdict.
    """
    if value not in VERDICTS:
        raise BadInput(f'There is no verdict "{value}". {near(value, VERDICTS)}')
    return keeping.decide(store, [_of(alert, "verdict", value, note) for alert in found.to_dict("records")], who)


def acknowledge(store: Store, found: pd.DataFrame, note: str, who: str = "") -> list[int]:
    """Say that somebody looks after alerts: those of `found` that are open.

    Raises
    ------
    BadInput : none of them is open.
    """
    is_open = found[found["state"] == "open"]
    if is_open.empty:
        states = sorted(set(found["state"]))
        raise BadInput(f"None of these alerts is open: {' and '.join(states)}. Only what is open can be acknowledged.")
    return keeping.decide(store, [_of(alert, "acknowledge", alert["severity"], note) for alert in is_open.to_dict("records")], who)


def _of(alert: Mapping[Any, Any], kind: str, value: str, note: str) -> dict[str, Any]:
    return {"kind": kind, **{name: alert[name] for name in (*SCOPE, "start", "end")}, "value": value, "note": note}


def mute(
    store: Store, scope: Mapping[str, str], note: str, *, until: datetime | None = None, calendar: str | None = None, who: str = ""
) -> list[int]:
    """Do not hear of a scope until a date, or on the days of a calendar (until that date, where one is given).

    Raises
    ------
    BadInput : neither is given, the calendar is none, the log has passed the date, or a name is not known.
    """
    named = checked(store, scope)
    ends = run.end_of_log(store, named["model"])
    if until is None and calendar is None:
        raise BadInput("Say until when to mute it, or on which days that come again.")
    if until is not None and ends is not None and pd.Timestamp(until) <= ends:
        day = decided.day(pd.Timestamp(until))
        raise BadInput(f"The log of {named['model']} ends on {decided.day(ends - DAY)}: until {day} nothing would be muted.")
    value = None if calendar is None else calendars.text(calendars.parse(calendar))
    facts = {"kind": "mute", **named, "start": None if value else ends, "end": until, "value": value, "note": note}
    return keeping.decide(store, [facts], who)


def planned(store: Store, scope: Mapping[str, str], start: datetime, last: datetime, note: str, who: str = "") -> list[int]:
    """A change that everybody knows of, from a day to a last day: alerts of it are muted.

    Raises
    ------
    BadInput : it ends before it begins, or a name is not known.
    """
    return _span(store, "planned", scope, (start, last), note, who)


def missed(store: Store, scope: Mapping[str, str], start: datetime, last: datetime, note: str, who: str = "") -> list[int]:
    """Something was wrong from a day to a last day, whether or not an alert told of it.

    Raises
    ------
    BadInput : it ends before it begins, the log has no such days, or a name is not known.
    """
    named = checked(store, scope)
    served = run.versions(store, named["model"])
    if len(served) and not (pd.Timestamp(start) < served["last"].max() and pd.Timestamp(last) + DAY > served["first"].min()):
        first, end = served["first"].min(), served["last"].max() - DAY
        raise BadInput(f"The log of {named['model']} is of {decided.day(first)} to {decided.day(end)}: name days of it.")
    return _span(store, "missed", named, (start, last), note, who)


def _span(store: Store, kind: str, scope: Mapping[str, str], days: tuple[datetime, datetime], note: str, who: str) -> list[int]:
    start, end = pd.Timestamp(days[0]), pd.Timestamp(days[1]) + DAY
    if end <= start:
        raise BadInput(f"It ends on {decided.day(end - DAY)}, before it begins on {decided.day(start)}. Swap them.")
    return keeping.decide(store, [{"kind": kind, **checked(store, scope), "start": start, "end": end, "note": note}], who)


def normal(
    store: Store, scope: Mapping[str, str], start: datetime, note: str, *, last: datetime | None = None, who: str = ""
) -> list[int]:
    """Accept the new normal: from a day on drift of a version is measured against the log's own days from then, LEARN of them or to `last`.

    The next `run` measures it; windows before that day keep what was measured.

    Raises
    ------
    BadInput : more than one version and none is named; a field besides model, version, column and segment; no row of the version in those days.
    """
    named = checked(store, scope)
    if extra := named.keys() - {"model", "version", "column", "segment"}:
        raise BadInput(f"A new normal is for a version and perhaps a column and a segment, not for a {sorted(extra)[0]}: leave it away.")
    served = run.versions(store, named["model"])
    if "version" not in named:
        if len(served) != 1:
            raise BadInput(f"Say of which version: version={served['version'].iloc[-1] if len(served) else 'v1'}.")
        named["version"] = str(served["version"].iloc[0])
    begin = pd.Timestamp(start)
    end = begin + LEARN if last is None else pd.Timestamp(last) + DAY
    if end <= begin:
        raise BadInput(f"It ends on {decided.day(end - DAY)}, before it begins on {decided.day(begin)}. Swap them.")
    _check_rows(store, named, begin, end)
    return keeping.decide(store, [{"kind": "normal", **named, "start": begin, "end": end, "note": note}], who)


def _check_rows(store: Store, named: Mapping[str, str], begin: pd.Timestamp, end: pd.Timestamp) -> None:
    sql = """SELECT count(*) AS n, min(window_start) AS first, max(window_end) AS last,
            count(*) FILTER (window_start >= $start AND window_start < $end) AS inside
        FROM main.profiles WHERE model = $model AND version = $version AND dataset = 'log' AND segment = $segment
            AND ($column IS NULL OR "column" = $column)
            AND role IN ('feature', 'score', 'prediction', 'label')"""
    values = {"model": named["model"], "version": named["version"], "column": named.get("column"), "start": begin, "end": end}
    values |= {"segment": named.get("segment", "all")}
    row = store.frame(sql, values).iloc[0]
    if row["inside"]:
        return
    what = f"{named['column']} of {named['version']}" if "column" in named else named["version"]
    if not row["n"]:
        raise BadInput(f'Drift of "{what}" is not measured, so there is no normal of it.')
    served = f"{decided.day(row['first'])} to {decided.day(row['last'] - DAY)}"
    raise BadInput(f"{what} served {served}, and not in {decided.span(begin, end)}: choose days of it.")


def retract(store: Store, numbers: Sequence[int], note: str, who: str = "") -> list[int]:
    """Take decisions back: it is as if they had never been made. What a new normal measured is measured again by the next `run`."""
    return keeping.retract(store, numbers, note, who)
