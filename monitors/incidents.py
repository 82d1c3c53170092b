"""incidents: alerts of one model that belong together, as a list that a team can work through, each with the changes just before it.

Two alerts of one version (or of the table as a whole) belong together where, by what is known, one thing may have brought about both:
  began together : their first windows are the same, and they are of the same monitor: all columns of a feed that fails, all that moved in one week;
  same column : their first windows share time, and they are of the same column, whatever watched it;
  again : of the same column and monitor, at most GAP after the one before was over, with no change to either in between;
  same change : of the same column, the later begun while the earlier lasted, and the same change the last before each of them.
An incident takes no alert that begins later than REACH after its first, so that one alert a week for nine months is not one incident.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from monitors.alerts import unit
from monitors.decided import span
from monitors.rules import SCOPE
from monitors.states import STEPS

GAP = pd.Timedelta(days=3)
REACH = pd.Timedelta(days=21)
BEFORE = pd.Timedelta(days=7)  # how far back a change may be the cause: a week may pass until a window of a week shows it
CAUSE = pd.Timedelta(days=14)  # and how far back one that two alerts are both thought to come from
CAUSES = ("model", "data", "code", "dependency", "schema", "source")
COLUMNS = ["incident", "model", "version", "start", "end", "state", "severity", "alerts", "what", "changes"]
STATE_ORDER = ("open", "acknowledged", "muted", "version retired", "resolved")  # an incident's is the first that one of its alerts has
Row = Mapping[Any, Any]


def grouped(alerts: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """The alerts with `incident`, the name of theirs, by the incident's start.

    Parameters
    ----------
    alerts : as `run.alerts` gives them, of any models. changes : as `run_changes.changes` gives them.

    Returns
    -------
    The same alerts, each in one incident; names that they lack are "". An incident's name is the day on which its first alert began, `2026-03-02`,
    with a number where several began on it: `2026-03-02-2`. It can change when thresholds move, so nothing that is kept refers to it.
    """
    found = []
    alerts = alerts.assign(**{name: alerts[name].fillna("") for name in SCOPE})
    for model, own in alerts.groupby("model", sort=True):
        rows = own.to_dict("records")
        causes = _causes(changes[changes["model"] == model])
        found.append(own.assign(incident=_named(own, _components(rows, [_facts(row, causes) for row in rows]))))
    return pd.concat(found, ignore_index=True) if found else alerts.assign(incident=pd.Series(dtype="str"))


def incidents(alerts: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """One row for each incident: COLUMNS, what is open first, in each the latest first.

    Returns
    -------
    start, end : of the first and the last of its alerts. severity : the worst. alerts : how many. what : in words, what they are about.
    state : the most pressing of its alerts. changes : how many took effect just before (`before`).
    """
    whole = alerts if "incident" in alerts else grouped(alerts, changes)
    together: dict[tuple[str, str], list[Row]] = {}
    for alert in whole.to_dict("records"):
        together.setdefault((alert["model"], alert["incident"]), []).append(alert)
    told = changes[["model", "version", "at", "kind"]].to_dict("records")
    rows = [_row(own, told) for own in together.values()]
    found = pd.DataFrame(rows, columns=COLUMNS)
    times = {name: pd.to_datetime(found[name], utc=True).astype("datetime64[us, UTC]") for name in ("start", "end")}
    order = found.assign(**times, going=[STATE_ORDER.index(state) for state in found["state"]])
    order["going"] = order["going"].clip(upper=2)
    order = order.sort_values(["going", "start", "severity", "incident"], ascending=[True, False, True, True], kind="stable")
    return order[COLUMNS].reset_index(drop=True)


def before(incident: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """The changes that took effect just before the alerts of one incident, the nearest to its first window first; the columns of `changes`.

    From BEFORE its start until the end of its first window: when in a week something began cannot be told from the week.
    """
    rows = incident.to_dict("records")
    own = changes.take(_before(rows, changes.to_dict("records")))
    distance = (own["at"] - incident["start"].min()).abs()
    return own.assign(distance=distance).sort_values(["distance", "at", "kind"], kind="stable").drop(columns="distance").reset_index(drop=True)


def _before(alerts: Sequence[Row], changes: Sequence[Row]) -> list[int]:
    """The places of the changes just before the alerts of one incident."""
    first = min(alerts, key=lambda alert: alert["start"])
    versions = {alert["version"] or "" for alert in alerts}
    since, until = first["start"] - BEFORE, _first_end(first)
    return [
        i for i, one in enumerate(changes)
        if one["model"] == first["model"] and one["kind"] in CAUSES and since <= one["at"] < until
        and (versions == {""} or (one["version"] or "") in {*versions, ""})
    ]  # fmt: skip


def _first_end(alert: Row) -> pd.Timestamp:
    """The end of an alert's first window."""
    named = {str(name): value for name, value in alert.items()}
    return pd.Timestamp(alert["start"]) + STEPS[unit(named)]


def _causes(changes: pd.DataFrame) -> list[dict[Any, Any]]:
    """What may be a cause, by time; that a rollout was completed is none: the version is."""
    cause = changes["kind"].isin(CAUSES) & ~changes["what"].isin(["rollout complete", "rollout ended"])
    return changes[cause].sort_values("at", kind="stable").to_dict("records")


def _facts(alert: Row, causes: Sequence[dict[Any, Any]]) -> dict[str, Any]:
    """Of an alert what decides with which it belongs: besides its names and span the end of its first window and the last change before that."""
    ends, version, column = _first_end(alert), alert["version"] or "", alert["column"] or ""
    own = [
        one for one in causes
        if one["at"] < ends and (one["version"] or "") in ("", version) and (one["kind"] != "schema" or one["what"] == column)
    ]  # fmt: skip
    last = own[-1]["at"] if own else None
    return {
        "start": alert["start"], "end": alert["end"], "first_end": ends, "version": version, "column": column,
        "monitor": alert["monitor"], "changed": last if last is not None and last >= alert["start"] - CAUSE else None, "last_change": last,
    }  # fmt: skip


def _components(rows: Sequence[Row], facts: Sequence[dict[str, Any]]) -> list[int]:
    """The number of each alert's incident: alerts in order of their start, each to the earliest incident with one that it belongs with."""
    order = sorted(range(len(rows)), key=lambda i: (facts[i]["start"], facts[i]["first_end"], *(str(rows[i][name]) for name in SCOPE)))
    of: dict[int, int] = {}
    begins: dict[int, pd.Timestamp] = {}
    for i in order:
        near = [j for j in of if begins[of[j]] + REACH >= facts[i]["start"] and _together(facts[j], facts[i])]
        joined = sorted({of[j] for j in near}) or [len(begins)]
        begins.setdefault(joined[0], facts[i]["start"])
        of |= {j: joined[0] for j, number in of.items() if number in joined}
        of[i] = joined[0]
    return [of[i] for i in range(len(rows))]


def _together(earlier: dict[str, Any], later: dict[str, Any]) -> bool:
    if earlier["version"] != later["version"] and earlier["version"] and later["version"]:
        return False
    same_column = earlier["column"] == later["column"]
    if earlier["first_end"] > later["start"]:
        began_alike = earlier["start"] == later["start"] and earlier["first_end"] == later["first_end"]
        return bool(same_column or (began_alike and earlier["monitor"] == later["monitor"]))
    if not same_column:
        return False
    again = earlier["monitor"] == later["monitor"] and later["start"] - earlier["end"] <= GAP
    no_change = later["last_change"] is None or later["last_change"] < earlier["first_end"]
    same_change = earlier["changed"] is not None and earlier["changed"] == later["changed"] and later["start"] < earlier["end"]
    return bool((again and no_change) or same_change)


def _named(alerts: pd.DataFrame, numbers: Sequence[int]) -> "pd.Series[str]":
    """A name for each alert's incident, by the day on which it began."""
    table = pd.DataFrame({"number": numbers, "start": alerts["start"].to_numpy()})
    first = table.groupby("number")["start"].min().sort_index()
    days = first.dt.strftime("%Y-%m-%d")
    nth = days.groupby(days).cumcount()
    names = {number: day if n == 0 else f"{day}-{n + 1}" for number, day, n in zip(days.index, days, nth, strict=True)}
    return pd.Series([names[number] for number in numbers], index=alerts.index, dtype="str")


def _row(own: Sequence[Row], changes: Sequence[Row]) -> dict[str, Any]:
    states = {alert["state"] for alert in own}
    return {
        "incident": own[0]["incident"], "model": own[0]["model"], "version": ", ".join(sorted({alert["version"] for alert in own} - {""})),
        "start": min(alert["start"] for alert in own), "end": max(alert["end"] for alert in own),
        "state": next(state for state in STATE_ORDER if state in states),
        "severity": "critical" if any(alert["severity"] == "critical" for alert in own) else "warning",
        "alerts": len(own), "what": what(own), "changes": len(_before(own, changes)),
    }  # fmt: skip


def what(incident: Sequence[Row], most: int = 3) -> str:
    """What alerts are about: `missing_column of visib; mismatch_rate of seats and visib`, the critical metrics first, then the earlier."""
    of: dict[str, list[Row]] = {}
    for alert in sorted(incident, key=lambda one: (one["severity"] != "critical", one["start"])):
        of.setdefault(alert["metric"], []).append(alert)
    parts = []
    for metric, own in of.items():
        columns, segments = (sorted({alert[name] for alert in own}) for name in ("column", "segment"))
        named = [column for column in columns if column]
        text = f"{metric} of {_listed(named, most)}" if named else metric
        parts.append(text if "all" in segments else f"{text} in {_listed(segments, 1)}")
    return "; ".join(parts[:most]) + (f"; {len(parts) - most} more" if len(parts) > most else "")


def _listed(names: Sequence[str], most: int) -> str:
    """`a, b and c`, `a, b, c and 4 more`."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def sentence(incident: Row) -> str:
    """An incident in one line: `2013-08-13 (v2): missing_column of visib; 5 alerts, critical, resolved, 13 to 14 Aug 2013, 3 changes before`."""
    version = f" ({incident['version']})" if incident["version"] else ""
    count, changed = int(incident["alerts"]), int(incident["changes"])
    told = f"{count:,} alert{'' if count == 1 else 's'}, {incident['severity']}, {incident['state']}, {span(incident['start'], incident['end'])}"
    after = f", {changed} change{'' if changed == 1 else 's'} before" if changed else ""
    return f"{incident['incident']}{version}: {incident['what']}; {told}{after}"
