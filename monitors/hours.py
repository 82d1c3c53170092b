"""Hours of a day in a time zone: quiet hours, and when a digest is due. Summer time is minded: a time that a night skips, or has twice."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CLOCK = r"([01]?\d|2[0-3]):([0-5]\d)"


def span(text: str) -> tuple[time, time]:
    """`22:00-07:00` as two times.

    Raises
    ------
    ValueError : it is not written like that, or both times are the same.
    """
    found = re.fullmatch(rf"\s*{CLOCK}\s*[-–]\s*{CLOCK}\s*", text)
    if not found:
        raise ValueError(f'expected hours like 22:00-07:00, found "{text}"')
    hours = [int(part) for part in found.groups()]
    start, end = time(hours[0], hours[1]), time(hours[2], hours[3])
    if start == end:
        raise ValueError(f'"{text}" begins and ends at the same time; leave it empty for no quiet hours')
    return start, end


def weekly(text: str) -> tuple[int | None, time]:
    """`daily 08:00` or `monday 08:00` as the day of the week (0 is Monday, None every day) and the time.

    Raises
    ------
    ValueError : it is not written like that.
    """
    found = re.fullmatch(rf"\s*([a-z]+)\s+{CLOCK}\s*", text.lower())
    if not found or found[1] not in ("daily", *DAYS):
        raise ValueError(f'expected a time like "daily 08:00" or "monday 08:00", found "{text}"')
    return None if found[1] == "daily" else DAYS.index(found[1]), time(int(found[2]), int(found[3]))


def quiet_until(text: str, zone: str, now: datetime) -> datetime | None:
    """When the quiet hours end that `now` lies in, in UTC; None outside of them and where there are none (an empty text)."""
    if not text:
        return None
    start, end = span(text)
    until = None
    for day in _around(now, zone):
        next_day = day + timedelta(days=int(end <= start))
        # Of an hour that comes twice, the quiet ends with the second: so it is one span, and nobody is woken in between.
        ends = max(_moment(next_day, end, zone, fold) for fold in (0, 1))
        if _moment(day, start, zone) <= (until or now) < ends:
            until = ends
    return until


def last_due(text: str, zone: str, now: datetime) -> datetime:
    """The last moment, not after `now`, at which a digest like `monday 08:00` was due, in UTC."""
    weekday, at = weekly(text)
    days = [day for day in _around(now, zone, before=8) if weekday in (None, day.weekday())]
    return max(moment for day in days if (moment := _moment(day, at, zone)) <= now)


def _around(now: datetime, zone: str, before: int = 2) -> Iterator[date]:
    """The days around now in the zone, in their order."""
    today = now.astimezone(ZoneInfo(zone)).date()
    return (today + timedelta(days=days) for days in range(-before, 2))


def _moment(day: date, at: time, zone: str, fold: int = 0) -> datetime:
    """A time on the wall as a moment; of one that the clock skips, as if it had not been put forward yet."""
    return datetime.combine(day, at, ZoneInfo(zone)).replace(fold=fold).astimezone(UTC)
