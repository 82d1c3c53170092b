"""Quiet hours and times of digests, over midnight and where the clock is put forward or back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors import hours

BERLIN = "Europe/Berlin"  # forward on 29 March 2026 at 02:00 (to 03:00), back on 25 October 2026 at 03:00 (to 02:00)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "zone", "now", "until"),
    [
        ("22:00-07:00", "UTC", "2026-01-10 21:59", None),
        ("22:00-07:00", "UTC", "2026-01-10 22:00", "2026-01-11 07:00"),
        ("22:00-07:00", "UTC", "2026-01-11 06:59", "2026-01-11 07:00"),
        ("22:00-07:00", "UTC", "2026-01-11 07:00", None),
        ("12:00-13:00", "UTC", "2026-01-11 12:30", "2026-01-11 13:00"),
        ("", "UTC", "2026-01-11 12:30", None),
        ("22:00-07:00", BERLIN, "2026-01-10 21:30", "2026-01-11 06:00"),  # 22:30 there; winter is an hour ahead of UTC
        ("22:00-07:00", BERLIN, "2026-07-10 20:30", "2026-07-11 05:00"),  # and summer two
        ("22:00-07:00", BERLIN, "2026-03-28 22:00", "2026-03-29 05:00"),  # from winter into summer
        ("22:00-07:00", BERLIN, "2026-10-24 21:00", "2026-10-25 06:00"),  # and back
        ("22:00-02:30", BERLIN, "2026-03-29 00:45", "2026-03-29 01:30"),  # 02:30 is skipped: until 03:30 of summer
        ("22:00-02:30", BERLIN, "2026-10-25 00:45", "2026-10-25 01:30"),  # 02:30 comes twice: until the second
        ("22:00-02:30", BERLIN, "2026-10-25 01:29", "2026-10-25 01:30"),
        ("22:00-02:30", BERLIN, "2026-10-25 01:30", None),
        ("00:00-23:59", "UTC", "2026-01-10 23:58", "2026-01-10 23:59"),
    ],
)
def test_quiet_hours(quiet: str, zone: str, now: str, until: str | None):
    assert hours.quiet_until(quiet, zone, utc(now)) == (None if until is None else utc(until))


clocks = st.builds(lambda h, m: f"{h:02d}:{m:02d}", st.integers(0, 23), st.integers(0, 59))
zones = st.sampled_from(["UTC", BERLIN, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"])
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(clocks, clocks, zones, moments)
def test_quiet_ends_later_and_then_it_is_not_quiet(start: str, end: str, zone: str, now: datetime):
    if start == end:
        return
    until = hours.quiet_until(f"{start}-{end}", zone, now)
    if until is not None:
        assert now < until <= now + timedelta(hours=27)
        assert hours.quiet_until(f"{start}-{end}", zone, until) is None


@given(clocks, clocks, zones, moments)
def test_far_from_a_change_of_the_clock_the_wall_tells_whether_it_is_quiet(start: str, end: str, zone: str, now: datetime):
    if start == end or (now - timedelta(2)).astimezone(ZoneInfo(zone)).utcoffset() != (now + timedelta(2)).astimezone(ZoneInfo(zone)).utcoffset():
        return
    wall = f"{now.astimezone(ZoneInfo(zone)):%H:%M}"
    inside = start <= wall < end if start < end else wall >= start or wall < end
    assert (hours.quiet_until(f"{start}-{end}", zone, now) is not None) == inside


@pytest.mark.parametrize(
    ("digest", "zone", "now", "due"),
    [
        ("daily 08:00", "UTC", "2026-01-10 08:00", "2026-01-10 08:00"),
        ("daily 08:00", "UTC", "2026-01-10 07:59", "2026-01-09 08:00"),
        ("monday 08:00", "UTC", "2026-01-11 23:00", "2026-01-05 08:00"),  # 11 January 2026 is a Sunday
        ("monday 08:00", "UTC", "2026-01-12 08:00", "2026-01-12 08:00"),
        ("Monday 8:00", BERLIN, "2026-07-13 06:00", "2026-07-13 06:00"),
        ("daily 02:30", BERLIN, "2026-03-29 12:00", "2026-03-29 01:30"),  # skipped: at 03:30 of summer
    ],
)
def test_when_a_digest_was_due(digest: str, zone: str, now: str, due: str):
    assert hours.last_due(digest, zone, utc(now)) == utc(due)


@pytest.mark.parametrize("text", ["22:00", "22-7", "25:00-07:00", "22:00-22:00", "22:60-07:00", "x"])
def test_what_are_no_hours_is_refused(text: str):
    with pytest.raises(ValueError, match=r"expected hours|same time"):
        hours.span(text)


@pytest.mark.parametrize("text", ["08:00", "montag 08:00", "daily", "daily 24:00"])
def test_what_is_no_time_of_a_digest_is_refused(text: str):
    with pytest.raises(ValueError, match="expected a time like"):
        hours.weekly(text)
