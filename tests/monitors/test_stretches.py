"""When a version was in use, and where one follows another: canaries, rollbacks, two at once."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from monitors.stretches import stretches, turns

START = pd.Timestamp("2026-03-01", tz="UTC")


def cells(rows: list[tuple[float, str]], window: str = "D") -> pd.DataFrame:
    """Rows at so many hours after the start, summed up as the lake sums them up."""
    table = pd.DataFrame(rows, columns=["hour", "value"])
    table["time"] = START + pd.to_timedelta(table["hour"], unit="h")
    grouped = table.groupby([table["time"].dt.floor(window).rename("window_start"), "value"])["time"]
    return grouped.agg(rows="size", first_time="min", last_time="max").reset_index()


def told(rows: list[tuple[float, str]], window: str = "D") -> list[tuple[float, str, str, str]]:
    found = turns(stretches(cells(rows, window)))
    return [((turn.at - START) / pd.Timedelta(hours=1), turn.before, turn.after, turn.how) for turn in found]


def steady(first: int, last: int, value: str, per_hour: int = 10) -> list[tuple[float, str]]:
    return [(hour + i / per_hour, value) for hour in range(first, last) for i in range(per_hour)]


def test_a_switch_is_one_turn_at_the_first_row_of_the_new():
    assert told([*steady(0, 60, "a"), *steady(60, 120, "b")]) == [(60, "a", "b", "start")]
    assert told([*steady(0, 12, "a"), *steady(12, 24, "b")]) == [(12, "a", "b", "start")]  # within the only day there is
    assert told(steady(0, 48, "a")) == []
    assert turns(stretches(cells([]))) == []


def test_a_rollback_comes_back_to_what_was_in_use_before():
    rows = [*steady(0, 96, "1.0.0"), *steady(96, 168, "1.0.1"), *steady(168, 240, "1.0.0")]
    assert told(rows) == [(96, "1.0.0", "1.0.1", "start"), (168, "1.0.1", "1.0.0", "start")]
    assert [turn.again for turn in turns(stretches(cells(rows)))] == [False, True]


def test_a_try_of_two_hours_is_one_turn_there_and_one_back():
    rows = [*steady(0, 58, "a"), *steady(58, 60, "b"), *steady(60, 120, "a")]
    assert told(rows) == [(58, "a", "b", "start"), (59.9, "b", "a", "back")]


def test_two_that_alternate_every_hour_are_one_turn_and_not_hundreds():
    rows = [
        *steady(0, 48, "a"),
        *(row for h in range(48, 240) for row in steady(h, h + 1, "b" if h % 2 else "a")),
        *steady(240, 300, "b"),
    ]
    for window in ("D", "h"):
        assert [turn[1:] for turn in told(rows, window)] == [("a", "b", "start"), ("a", "b", "alone")]


def test_a_rare_canary_that_misses_some_days_is_one_stretch():
    chance = np.random.default_rng(0)
    rows = steady(0, 240, "a", 2)
    rows += [(float(hour), "b") for hour in np.sort(chance.uniform(240, 960, 24))]  # 1 in 60: some days have none
    rows += steady(240, 960, "a", 2)
    assert len({int(h // 24) for h, v in rows if v == "b"}) < 25
    assert [turn[1:] for turn in told(rows)] == [("a", "b", "start")]


def test_a_canary_then_all_is_a_start_and_a_being_alone():
    rows = [
        *steady(0, 48, "a"),
        *((h, "b" if int(h * 10) % 10 == 0 else "a") for h, _ in steady(48, 120, "")),
        *steady(120, 200, "b"),
    ]
    found = turns(stretches(cells(rows)))
    assert [(turn.how, turn.before, turn.after) for turn in found] == [("start", "a", "b"), ("alone", "a", "b")]
    assert found[0].share == 0.1
    assert found[0].beside == found[1].at


def test_what_was_not_served_at_all_for_a_while_did_not_change():
    assert told([*steady(0, 24, "a"), *steady(400, 424, "a")]) == []


def test_two_that_serve_together_from_the_first_day_to_the_last_did_not_change():
    rows = [(h, "b" if int(h * 10) % 7 == 3 else "a") for h, _ in steady(0, 96, "")]
    assert told(rows) == []


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from("abc")), min_size=1, max_size=60))
def test_turns_lie_within_the_log_and_follow_something_else(rows: list[tuple[int, str]]):
    found = stretches(cells([(float(h), v) for h, v in rows]))
    assert {one.value for one in found} == {v for _, v in rows}
    first, last = (START + pd.Timedelta(hours=h) for h in (min(rows)[0], max(rows)[0]))
    for turn in turns(found):
        assert first <= turn.at <= last
        assert turn.before != turn.after or turn.again
