"""Open, acknowledged, muted, resolved: which alert needs somebody, by what people decided."""

import pandas as pd
import pytest
from decisions_by_hand import ABOUT, alert, alerts, at, decisions, made
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from monitors import calendars, decided, states

OPEN = alert("2026-02-02", "2026-02-09", 7, state="open")  # seven days, from a Monday


def state_of(*of: dict[str, object], by: tuple[dict[str, object], ...] = ()) -> list[str]:
    return states.apply(alerts(*of), decisions(*by))["state"].tolist()


def test_without_a_decision_nothing_changes():
    table = alerts(OPEN, alert("2026-01-05", "2026-01-07"))
    pd.testing.assert_frame_equal(states.apply(table, decisions()), table)
    assert states.apply(alerts(), decisions(made("mute", end="2027-01-01"))).empty


def test_an_acknowledged_alert_stays_so_as_it_goes_on_and_its_next_one_is_open_again():
    seen = made("acknowledge", "2026-02-02", "2026-02-09", "warning", **ABOUT)
    assert state_of(OPEN, by=(seen,)) == ["acknowledged"]
    grown = alert("2026-02-02", "2026-03-02", state="open")
    moved = alert("2026-02-05", "2026-02-08", state="open")  # another threshold, a later start: the same thing
    assert state_of(grown, moved, alert("2026-02-16", "2026-02-18", state="open"), by=(seen,)) == ["acknowledged", "acknowledged", "open"]
    assert state_of(OPEN | {"state": "resolved"}, OPEN | {"column": "y"}, OPEN | {"state": "version retired"}, by=(seen,)) == [
        "resolved", "open", "version retired",
    ]  # fmt: skip


def test_to_acknowledge_a_warning_does_not_hide_that_it_becomes_critical():
    critical = OPEN | {"severity": "critical"}
    assert state_of(critical, by=(made("acknowledge", "2026-02-02", "2026-02-09", "warning", **ABOUT),)) == ["open"]
    assert state_of(critical, OPEN, by=(made("acknowledge", "2026-02-02", "2026-02-09", "critical", **ABOUT),)) == ["acknowledged"] * 2


def test_a_mute_until_a_date_hides_what_goes_on_and_what_begins_before_it_and_nothing_that_was_over():
    mute = made("mute", "2026-02-09", "2026-03-01", model="m", metric="psi")
    lagging = alert("2026-01-05", "2026-01-12", state="open")  # its labels are late: the last judged window lies back
    over, later = alert("2026-01-05", "2026-01-12"), alert("2026-02-20", "2026-02-22")
    assert state_of(OPEN, lagging, over, later, OPEN | {"metric": "ks"}, by=(mute,)) == ["muted", "muted", "resolved", "muted", "open"]
    assert state_of(alert("2026-02-02", "2026-03-02", state="open"), by=(mute,)) == ["open"]  # it outlasted the mute: 1 March began after it
    assert state_of(alert("2026-02-23", "2026-03-02", 1, state="open"), by=(mute,)) == ["muted"]  # one week, begun before


def test_a_planned_change_hides_the_windows_that_share_time_with_it():
    planned = made("planned", "2026-02-11", "2026-02-13", model="m")
    week, days = alert("2026-02-09", "2026-02-16", 1, state="open"), alert("2026-02-11", "2026-02-13")
    assert state_of(week, days, alert("2026-02-11", "2026-02-14"), by=(planned,)) == ["muted", "muted", "resolved"]
    assert state_of(alert("2026-02-09", "2026-02-23", 2, state="open"), by=(planned,)) == ["open"]  # the week after is on no plan


def test_a_calendar_comes_again():
    mute = made("mute", "2026-01-01", value="last 2 days of the month", model="m")
    assert state_of(alert("2026-01-30", "2026-02-01"), alert("2026-02-27", "2026-03-01"), by=(mute,)) == ["muted", "muted"]
    assert state_of(alert("2026-01-30", "2026-02-02"), alert("2025-12-30", "2026-01-01"), by=(mute,)) == ["resolved", "resolved"]
    assert state_of(alert("2026-01-26", "2026-02-02", 1), by=(mute,)) == ["muted"]  # the week that holds the month's end


def test_muted_goes_before_acknowledged_and_what_is_taken_back_never_was():
    by = [made("acknowledge", "2026-02-02", "2026-02-09", "warning", **ABOUT), made("mute", "2026-02-09", "2026-03-01", **ABOUT)]
    assert state_of(OPEN, by=tuple(by)) == ["muted"]
    assert state_of(OPEN, by=(*by, made("retract", retracts=2))) == ["acknowledged"]
    assert state_of(OPEN, by=(*by, made("retract", retracts=2), made("retract", retracts=1))) == ["open"]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("month end", ["2026-01-31", "2026-02-28"]),
        ("last 2 days of the month", ["2026-01-30", "2026-01-31", "2026-02-27", "2026-02-28"]),
        ("First 2 days", ["2026-02-01", "2026-02-02"]),
        ("each tuesday", ["2026-02-03", "2026-02-10"]),
        ("every saturday and  sunday", ["2026-01-31", "2026-02-01", "2026-02-07", "2026-02-08"]),
    ],
)
def test_a_calendar_as_people_write_it(text: str, days: list[str]):
    """Read off a printed calendar."""
    starts = pd.date_range("2026-01-30", "2026-02-10" if "each" in text or "every" in text or "First" in text else "2026-03-01", tz="UTC")
    read = calendars.parse(text)
    hit = calendars.covers(read, starts, starts + pd.Timedelta(days=1))
    assert [f"{day:%Y-%m-%d}" for day in starts[hit] if day < at("2026-03-01")] == days
    assert calendars.parse(calendars.text(read)) == read


def test_no_calendar_mutes_what_always_holds_its_days():
    weeks, months = pd.date_range("2026-01-05", periods=4, freq="7D", tz="UTC"), pd.date_range("2026-01-01", periods=3, freq="MS", tz="UTC")
    assert not calendars.covers(calendars.parse("each monday"), weeks, weeks + pd.Timedelta(days=7)).any()
    assert not calendars.covers(calendars.parse("month end"), months[:-1], months[1:]).any()
    assert calendars.covers(calendars.parse("month end"), weeks, weeks + pd.Timedelta(days=7)).tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("text", "told"),
    [("each mondy", '"mondy" is no day of the week. Did you mean "monday"'), ("last 20 days", "1 to 15 days"), ("often", 'expected "month end"')],
)
def test_what_is_no_calendar_is_refused_with_what_one_is_like(text: str, told: str):
    with pytest.raises(BadInput, match=told):
        calendars.parse(text)


hours = st.integers(0, 60)
spans = st.tuples(hours, st.integers(1, 20)).map(lambda one: (at("2026-02-01") + pd.Timedelta(days=one[0]), one[1]))


@st.composite
def some_decisions(draw) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for _ in range(draw(st.integers(1, 5))):
        start, length = draw(spans)
        kind = draw(st.sampled_from(["acknowledge", "mute", "planned", "verdict"]))
        column = draw(st.sampled_from(["x", "y", None]))
        end = start + pd.Timedelta(days=length)
        value = draw(st.sampled_from(["warning", "critical"])) if kind == "acknowledge" else "each monday" if kind == "mute" and length > 10 else None
        rows.append(made(kind, value=value, **ABOUT) | {"column": column, "start": start, "end": end})
    return rows


@settings(max_examples=30)
@given(some_decisions(), st.randoms(use_true_random=False), st.lists(spans, min_size=1, max_size=4))
def test_the_order_of_rows_does_not_matter_and_a_retracted_decision_never_was(rows, chance, times):
    table = alerts(*(OPEN | {"start": start, "end": start + pd.Timedelta(days=n), "windows": n, "state": s, "column": c}
                     for start, n in times for s in ("open", "resolved") for c in ("x", "y")))  # fmt: skip
    whole = decisions(*rows)
    told = states.apply(table, whole)["state"].tolist()
    order = list(whole.index)
    chance.shuffle(order)
    assert states.apply(table, whole.loc[order])["state"].tolist() == told
    for gone in range(1, len(rows) + 1):
        without = whole[whole["decision"] != gone]
        retracted = pd.concat([whole, decisions(*rows, made("retract", retracts=gone)).tail(1)])
        assert states.apply(table, retracted)["state"].tolist() == states.apply(table, without)["state"].tolist()
        assert decided.standing(retracted)["decision"].tolist() == without["decision"].tolist()


def test_a_decision_in_words():
    said = [decided.sentence(one) for one in decisions(
        made("mute", "2026-02-01", "2026-03-01", model="m", metric="psi", column="x", version="v1"),
        made("mute", value="month end", model="m"),
        made("planned", "2026-02-11", "2026-02-13", model="m", monitor="schema", column=""),
        made("verdict", "2026-02-02", "2026-02-09", "noise", **ABOUT),
        made("missed", "2026-02-02", "2026-02-03", model="m", column="x"),
        made("normal", "2026-02-02", model="m", version="v2"),
    ).to_dict("records")]  # fmt: skip
    assert said == [
        "muted until 1 Mar 2026: psi of x, v1", "muted last 1 day of the month: every alert", "planned change 11 to 12 Feb 2026: schema of the table",
        "noise: psi of x, v1, 2 to 8 Feb 2026", "something was wrong 2 Feb 2026: every metric of x",
        "new normal from 2 Feb 2026: drift of every column, v2",
    ]  # fmt: skip
