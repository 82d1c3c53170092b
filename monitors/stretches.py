"""stretches: when each value (a code version, a schema) was in use, and where one took over from another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

DAY = pd.Timedelta(days=1)
CHANCE = 1e-3  # a value is away when its absence is less likely than this at its own share


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span in which a value was in use: from its first row to its last; `share` of all rows in its first window."""

    value: str
    start: pd.Timestamp
    end: pd.Timestamp
    share: float


@dataclass(frozen=True, slots=True)
class Turn:
    """A point at which one value follows another.

    how : "start" (`after` begins), "back" (`before` ends, and what served beside it goes on), "alone" (`before` ends, the newer `after` goes on).
    beside : until when `before` went on beside it; None where they did not overlap.
    again : whether `after` had been in use before.
    """

    at: pd.Timestamp
    before: str
    after: str
    how: str
    beside: pd.Timestamp | None = None
    share: float = 1.0
    again: bool = False


def stretches(cells: pd.DataFrame) -> list[Stretch]:
    """When each value was in use, by start.

    Parameters
    ----------
    cells : value, window_start, rows, first_time, last_time; values that are blank say nothing.

    A value that pauses for less than a day, or for no longer than chance explains at its share of the rows (a canary), was in use all along,
    so two versions that alternate for an hour each are two stretches and not hundreds.
    """
    known = cells[cells["value"].notna()]
    if known.empty:
        return []
    spans = {"rows": ("rows", "sum"), "first": ("first_time", "min"), "last": ("last_time", "max")}
    seen = known.groupby(["value", "window_start"], sort=True).agg(**spans).reset_index()
    windows = known.groupby("window_start").agg(**spans)
    windows["upto"] = windows["rows"].cumsum()
    found = [one for value, own in seen.groupby("value") for one in _of_value(str(value), own, windows)]
    return sorted(found, key=lambda one: (one.start, one.end, one.value))


def _of_value(value: str, own: pd.DataFrame, windows: pd.DataFrame) -> list[Stretch]:
    total, upto = (windows.loc[own["window_start"], name].to_numpy() for name in ("rows", "upto"))
    # Over all rows between its first and its last: of windows in which it was seen alone, what is rare would look frequent.
    usual = own["rows"].sum() / (upto[-1] - upto[0] + total[0])
    found, begin = [], 0
    for i in range(1, len(own) + 1):
        if i < len(own):
            pause = own["first"].iloc[i] - own["last"].iloc[i - 1]
            if pause < DAY or not _is_away(upto[i] - total[i] - upto[i - 1], usual):
                continue
        found.append(
            Stretch(value, own["first"].iloc[begin], own["last"].iloc[i - 1], float(own["rows"].iloc[begin] / total[begin]))
        )
        begin = i
    return _at_the_ends(found, own, windows, usual)


def _at_the_ends(found: list[Stretch], own: pd.DataFrame, windows: pd.DataFrame, usual: float) -> list[Stretch]:
    """At the ends of the log too: what is rare may have been there from the start, or just not have come again."""
    begin, end = own.iloc[0], own.iloc[-1]
    window = windows.loc[begin["window_start"]]
    unseen = window["upto"] - window["rows"] + window["rows"] * _part(window, window["first"], begin["first"])
    if not _is_away(unseen, usual):
        found[0] = replace(found[0], start=windows["first"].iloc[0])
    window = windows.loc[end["window_start"]]
    unseen = windows["upto"].iloc[-1] - window["upto"] + window["rows"] * _part(window, end["last"], window["last"])
    if not _is_away(unseen, usual):
        found[-1] = replace(found[-1], end=windows["last"].iloc[-1])
    return found


def _part(window: pd.Series, start: pd.Timestamp, end: pd.Timestamp) -> float:
    """The share of a window's time between two points in it."""
    whole = window["last"] - window["first"]
    return float((end - start) / whole) if whole > pd.Timedelta(0) else 0.0


def _is_away(rows: float, share: float) -> bool:
    """Whether a value that makes `share` of the rows is missing from so many for a reason other than chance."""
    return bool((1 - share) ** rows < CHANCE)


def turns(found: Sequence[Stretch]) -> list[Turn]:
    """Where a value follows another, by time; what was in use at the very start follows nothing."""
    if not found:
        return []
    first, last = min(one.start for one in found), max(one.end for one in found)
    made = [_start(one, found) for one in found if one.start > first]
    made += [turn for one in found if one.end < last and (turn := _end(one, found)) is not None]
    return sorted(made, key=lambda turn: (turn.at, turn.how != "start", turn.after))


def _start(one: Stretch, found: Sequence[Stretch]) -> Turn:
    earlier = [other for other in found if other.start < one.start and other.value != one.value]
    there = [other for other in earlier if other.end > one.start]
    before = max(there or earlier, key=lambda other: (other.start if there else other.end, other.share), default=None)
    again = any(other.value == one.value and other.end < one.start for other in found)
    if before is None:  # it paused while nothing else was in use, or all else began with it
        return Turn(one.start, one.value, one.value, "start", again=again)
    beside = before.end if before.end > one.start else None
    return Turn(one.start, before.value, one.value, "start", beside, one.share, again)


def _end(one: Stretch, found: Sequence[Stretch]) -> Turn | None:
    """What goes on where a value ends; None where nothing was in use beside it."""
    beside = [other for other in found if other.start < one.end < other.end and other is not one]
    if not beside:
        return None
    newest = max(beside, key=lambda other: (other.start, other.share))
    if newest.start < one.start:
        return Turn(one.end, one.value, newest.value, "back", share=newest.share, again=True)
    return Turn(one.end, one.value, newest.value, "alone", beside=one.end) if one.end - newest.start >= DAY else None
