"""calendars: days that come again, on which alerts are muted. `month end`, `first 3 days of the month`, `each saturday and sunday`."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.errors import BadInput, near

Bools = NDArray[np.bool_]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOST = 15  # days at one end of a month: more would be most of the month
DAY = pd.Timedelta(days=1)
EXAMPLES = '"month end", "last 3 days of the month", "first 2 days of the month", "each monday" or "each saturday and sunday"'
EDGE = re.compile(r"(first|last)(?: (\d+))? days?(?: of (?:the|each|every) month)?")
EACH = re.compile(r"(?:each|every) (.+)")


@dataclass(frozen=True, slots=True)
class Calendar:
    """The `days` first (edge "first") or last ("last") days of each month, or the weekdays of each week (Monday is 0)."""

    edge: str = ""
    days: int = 0
    weekdays: tuple[int, ...] = ()


def parse(text: str) -> Calendar:
    """What a person wrote.

    Raises
    ------
    BadInput : it is no calendar; the sentence says what one is like.
    """
    told = " ".join(text.casefold().split())
    if told in ("month end", "end of month", "end of the month"):
        return Calendar("last", 1)
    if told in ("month start", "start of month", "start of the month"):
        return Calendar("first", 1)
    if found := EDGE.fullmatch(told):
        days = int(found[2] or 1)
        if not 1 <= days <= MOST:
            raise BadInput(f'calendar "{text}": expected 1 to {MOST} days of the month, found {days}.')
        return Calendar(found[1], days)
    if told in ("weekends", "each weekend", "every weekend"):
        return Calendar(weekdays=(5, 6))
    if found := EACH.fullmatch(told):
        names = [name for name in re.split(r",|\band\b|\s", found[1]) if name]
        wrong = [name for name in names if name not in WEEKDAYS]
        if wrong:
            raise BadInput(f'calendar "{text}": "{wrong[0]}" is no day of the week. {near(wrong[0], WEEKDAYS)}')
        return Calendar(weekdays=tuple(sorted({WEEKDAYS.index(name) for name in names})))
    raise BadInput(f'calendar "{text}": expected {EXAMPLES}.')


def text(calendar: Calendar) -> str:
    """As `parse` reads it back: `on the last 3 days of the month` less the first two words."""
    if calendar.weekdays:
        names = [WEEKDAYS[i] for i in calendar.weekdays]
        return f"each {', '.join(names[:-1])}{' and ' if len(names) > 1 else ''}{names[-1]}"
    return f"{calendar.edge} {calendar.days} day{'' if calendar.days == 1 else 's'} of the month"


def covers(calendar: Calendar, starts: pd.DatetimeIndex, ends: pd.DatetimeIndex) -> Bools:
    """Which windows [start, end) hold one of the days, UTC.

    A window that is so long that each of its like holds such a day is covered by none: every week has its Saturday, and would be muted for good.
    """
    longest = DAY if calendar.weekdays else 7 * DAY
    found = np.zeros(len(starts), dtype=bool)
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if end - start <= longest:
            days = pd.date_range(start.floor("D"), (end - pd.Timedelta(1, "us")).floor("D"), freq="D")
            found[i] = bool(_is_one(calendar, days).any())
    return found


def _is_one(calendar: Calendar, days: pd.DatetimeIndex) -> Bools:
    if calendar.weekdays:
        return np.asarray(days.day_of_week.isin(calendar.weekdays), bool)
    if calendar.edge == "first":
        return np.asarray(days.day <= calendar.days, bool)
    return np.asarray(days.day > days.days_in_month - calendar.days, bool)
