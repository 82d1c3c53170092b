"""decided: what people decided about alerts, as it stands now. A decision that was taken back is as if it had never been made.

An alert has no number: thresholds move, labels come, and it is another table row each time. So a decision names a series (each field that it leaves
open stands for any) and a span, and is about every alert of that series whose time overlaps it, however the alerts are cut then.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import calendars
from monitors.rules import SCOPE

Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
COLUMNS = ["decision", "at", "author", "kind", *SCOPE, "start", "end", "value", "note", "retracts"]
TABLE = "the table"  # in place of a column, of what is about none: repeats, rows, freshness


def standing(decisions: pd.DataFrame, *kinds: str) -> pd.DataFrame:
    """The decisions that stand, in the order in which they were made; of some kinds, or of all but retractions."""
    gone = decisions.loc[decisions["kind"] == "retract", "retracts"].dropna().astype("int64")
    wanted = decisions["kind"].isin(kinds) if kinds else decisions["kind"] != "retract"
    found: pd.DataFrame = decisions[wanted & ~decisions["decision"].isin(gone)]
    return found.sort_values("decision", kind="stable").reset_index(drop=True)


def scope_of(decision: Mapping[Any, Any]) -> dict[str, str]:
    """The fields of the scope that a decision names."""
    return {name: str(decision[name]) for name in SCOPE if not pd.isna(decision[name])}


def about(decision: Mapping[Any, Any], alerts: pd.DataFrame) -> Bools:
    """Which alerts are of the series that a decision names, whenever they were."""
    hit = np.ones(len(alerts), dtype=bool)
    for name, value in scope_of(decision).items():
        hit &= (alerts[name].fillna("") == value).to_numpy(bool)
    return hit


def matched(made: pd.DataFrame, alerts: pd.DataFrame, *, in_time: bool) -> Iterator[tuple[dict[Any, Any], Ints]]:
    """Each decision with the places of the alerts that it is about: of its series, and (`in_time`) sharing time with its span, of which an end
    that is left open reaches any time. Of those that name a whole series, as verdicts do, a thousand take no longer than one look-up each."""
    names = [alerts[name].fillna("").to_numpy(object) for name in SCOPE]
    start, end = (alerts[name].to_numpy("datetime64[us]") for name in ("start", "end"))
    series: dict[tuple[str, ...], list[int]] = {}
    for i, key in enumerate(zip(*names, strict=True)):
        series.setdefault(key, []).append(i)
    for one in made.to_dict("records"):
        named = scope_of(one)
        if len(named) == len(SCOPE):
            at = np.array(series.get(tuple(named[name] for name in SCOPE), []), dtype=np.intp)
        else:
            hits = [values == named[name] for name, values in zip(SCOPE, names, strict=True) if name in named]
            at = np.flatnonzero(np.logical_and.reduce(hits)) if hits else np.arange(len(alerts))
        if in_time and not pd.isna(one["start"]):
            at = at[end[at] > one["start"].to_datetime64()]
        if in_time and not pd.isna(one["end"]):
            at = at[start[at] < one["end"].to_datetime64()]
        yield one, at


def scope_text(decision: Mapping[Any, Any]) -> str:
    """In words, what a decision is about: `psi of temp, v1`, `every metric of temp`, `every alert`."""
    named = scope_of(decision)
    watched = " ".join(named[name] for name in ("monitor", "metric") if named.get(name)) if "metric" not in named else named["metric"]
    of = f" of {named['column'] or TABLE}" if "column" in named else ""
    start = f"{watched}{of}" if watched else f"every metric{of}" if of else "every alert"
    segment = f" in {named['segment']}" if named.get("segment", "all") != "all" else ""
    return f"{start}{segment}" + (f", {named['version']}" if named.get("version") else "")


def sentence(decision: Mapping[Any, Any]) -> str:
    """What was decided, in a line: `muted until 1 Mar 2026: psi of temp, v1`."""
    about_what = scope_text(decision)
    start, end = (None if pd.isna(decision[name]) else pd.Timestamp(decision[name]) for name in ("start", "end"))
    match decision["kind"]:
        case "verdict":
            return f"{decision['value']}: {about_what}, {span(start, end)}"
        case "acknowledge":
            return f"acknowledged: {about_what}, {span(start, end)}"
        case "mute" if not pd.isna(decision["value"]):
            until = f", until {day(end)}" if end is not None else ""
            return f"muted {calendars.text(calendars.parse(str(decision['value'])))}{until}: {about_what}"
        case "mute":
            return f"muted until {day(end) if end is not None else 'further notice'}: {about_what}"
        case "planned":
            return f"planned change {span(start, end)}: {about_what}"
        case "missed":
            return f"something was wrong {span(start, end)}: {about_what}"
        case "normal":
            return f"new normal from {day(start) if start is not None else 'the start'}: {_drift_of(scope_of(decision))}"
    return f"takes back decision {decision['retracts']}"


def _drift_of(named: Mapping[str, str]) -> str:
    """`drift of income in r=eu, v1`."""
    segment = f" in {named['segment']}" if named.get("segment", "all") != "all" else ""
    return f"drift of {named.get('column') or 'every column'}{segment}, {named['version']}"


def day(time: pd.Timestamp) -> str:
    """`3 Nov 2013`."""
    return f"{time.day} {time:%b %Y}"


def span(start: pd.Timestamp | None, end: pd.Timestamp | None) -> str:
    """The days of a half-open span: `3 to 9 Nov 2013`, `3 Nov 2013`."""
    last = None if end is None else end - pd.Timedelta(1, "us")
    if start is None or last is None:
        return f"from {day(start)}" if start is not None else f"until {day(last)}" if last is not None else "at any time"
    if start.date() == last.date():
        return day(start)
    first = str(start.day) if (start.year, start.month) == (last.year, last.month) else f"{start.day} {start:%b}"
    return f"{first if start.year == last.year else day(start)} to {day(last)}"
