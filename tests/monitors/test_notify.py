"""What is new since the last time, for whom, and in which words."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown import markdown

from monitors import messages, notify
from monitors.alerts import COLUMNS
from monitors.channels import Channel

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
EVERYTHING = Channel.model_validate({"name": "c", "kind": "webhook", "url": "http://x"})
CRITICAL = EVERYTHING.model_copy(update={"min_severity": "critical"})
CLOCK = {"m": pd.Timestamp("2026-02-02", tz="UTC")}


def alert(start: str, weeks: int = 1, severity: str = "warning", state: str = "open", **names: str) -> dict[str, object]:
    begin = pd.Timestamp(start, tz="UTC")
    about = {"model": "m", "version": "v1", "monitor": "drift", "metric": "psi", "column": "x", "segment": "all"} | names
    found = {"start": begin, "end": begin + pd.Timedelta(weeks=weeks), "windows": weeks, "peak": 0.3, "threshold": 0.1}
    return about | found | {"severity": severity, "state": state}


def table(*rows: dict[str, object]) -> pd.DataFrame:
    empty = {"start": "datetime64[us, UTC]", "end": "datetime64[us, UTC]", "windows": "int64", "peak": float, "threshold": float}
    return pd.DataFrame(list(rows), columns=COLUMNS).astype(empty)


def told(*rows: dict[str, object], clocks: dict[str, pd.Timestamp] = CLOCK, changes: pd.DataFrame | None = None) -> notify.Told:
    kept = notify.as_told(table(*rows), clocks, notify.no_changes() if changes is None else changes)
    return notify.from_json(notify.to_json(kept))


def kinds(found: notify.News) -> dict[str, list[str]]:
    parts = {"new": found.new, "worse": found.worse, "resolved": found.resolved}
    return {name: list(rows["column"]) for name, rows in parts.items() if len(rows)}


def heard(now: list[dict[str, object]], before: list[dict[str, object]] | None, channel: Channel = EVERYTHING) -> dict[str, list[str]]:
    return kinds(notify.news(table(*now), notify.no_changes(), None if before is None else told(*before), channel))


def test_at_first_only_what_is_open_is_new():
    assert heard([alert("2026-01-05", state="resolved"), alert("2026-01-26", column="y")], None) == {"new": ["y"]}


def test_nothing_new_says_nothing():
    rows = [alert("2026-01-26"), alert("2026-01-05", state="resolved", column="y")]
    found = notify.news(table(*rows), notify.no_changes(), told(*rows), EVERYTHING)
    assert not found
    assert messages.of_news(found, EVERYTHING, "", NOW) == []


def test_an_alert_that_goes_on_gets_worse_and_ends():
    began = alert("2026-01-26")
    assert heard([alert("2026-01-26", weeks=2)], [began]) == {}
    assert heard([alert("2026-01-26", weeks=2, severity="critical")], [began]) == {"worse": ["x"]}
    assert heard([alert("2026-01-26", state="resolved")], [began]) == {"resolved": ["x"]}
    assert heard([alert("2026-01-26", state="version retired")], [began]) == {"resolved": ["x"]}


def test_late_rows_that_move_a_start_are_no_news():
    assert heard([alert("2026-01-19", weeks=2)], [alert("2026-01-26")]) == {}


def test_an_alert_that_a_changed_threshold_takes_away_is_resolved():
    found = notify.news(table(), notify.no_changes(), told(alert("2026-01-26")), EVERYTHING)
    assert kinds(found) == {"resolved": ["x"]}
    assert found.resolved["state"].tolist() == ["no longer an alert"]


def test_one_that_ended_and_one_that_began_are_two():
    now = [alert("2026-01-26", state="resolved"), alert("2026-02-09")]
    assert heard(now, [alert("2026-01-26")]) == {"new": ["x"], "resolved": ["x"]}


def test_what_began_and_ended_since_then_is_new_but_not_what_is_found_in_a_past_that_was_judged():
    assert heard([alert("2026-02-02", state="resolved"), alert("2026-01-12", state="resolved", column="y")], []) == {"new": ["x"]}


def test_a_channel_for_what_is_critical_hears_of_an_alert_when_it_becomes_critical():
    warned = alert("2026-01-26")
    assert heard([warned], None, CRITICAL) == {}
    assert heard([alert("2026-01-26", severity="critical")], [warned], CRITICAL) == {"new": ["x"]}
    assert heard([alert("2026-01-26", state="resolved")], [warned], CRITICAL) == {}


def test_a_channel_hears_of_its_own_models_and_of_what_it_asked_for():
    rows = [alert("2026-01-26"), alert("2026-01-26", model="n", column="y")]
    assert heard(rows, None, EVERYTHING.model_copy(update={"models": ("n",)})) == {"new": ["y"]}
    assert heard(rows, None, EVERYTHING.model_copy(update={"what": ("resolved",)})) == {}


def changed(*rows: tuple[str, str]) -> pd.DataFrame:
    at = pd.Timestamp("2026-02-01", tz="UTC")
    return pd.DataFrame([(i, "m", at, "dependency", what, "1.26.4", "2.0.1") for i, what in rows], columns=notify.CHANGES)


def test_changes_are_told_once():
    found = notify.news(table(), changed(("1", "numpy"), ("2", "pandas")), told(changes=changed(("1", "numpy"))), EVERYTHING)
    assert found.changes["what"].tolist() == ["pandas"]
    [message] = messages.of_news(found, EVERYTHING, "", NOW)
    assert message.subject == "m: 1 change"
    assert "1 Feb 2026, dependency: pandas: 1.26.4 → 2.0.1" in json.loads(message.body)["text"]
    [linked] = messages.of_news(found, EVERYTHING, "https://v.org", NOW)
    assert "\n  https://v.org/versions?model=m" in json.loads(linked.body)["text"]
    assert '<a href="https://v.org/versions?model=m"' in markdown(json.loads(linked.body)["markdown"])
    assert not notify.news(table(), changed(("1", "numpy")), None, EVERYTHING)  # what was before anyone listened


def test_one_message_a_model_with_what_began_together_together():
    rows = [
        alert("2026-02-09", column="b"), alert("2026-01-26", column="c"), alert("2026-02-09", column="a", severity="critical"),
        alert("2026-02-09", model="n", column="d"),
    ]  # fmt: skip
    found = notify.news(table(*rows), notify.no_changes(), told(), EVERYTHING)
    first, second = messages.of_news(found, EVERYTHING, "https://v.org", NOW)
    assert (first.model, first.severity, first.subject) == ("m", "critical", "m: 3 new alerts (1 critical)")
    assert (second.model, second.severity, second.subject) == ("n", "warning", "n: 1 new alert")
    body = json.loads(first.body)
    lines = [line for line in body["text"].splitlines() if line.startswith("- ")]
    assert [line.split()[3] for line in lines] == ["a", "b", "c"]  # of 9 February: the critical first; then 26 January
    assert "https://v.org/drift?model=m&version=v1&metric=psi&column=a&window=week" in body["text"]
    assert {event["kind"] for event in body["events"]} == {"new"}
    assert body["events"][0]["start"].endswith("Z")
    assert first == messages.of_news(found, EVERYTHING, "https://v.org", NOW)[0]  # the same wording and key, time after time
    assert first.key != messages.of_news(found, EVERYTHING, "https://v.org", NOW + timedelta(days=1))[0].key


def test_many_are_counted():
    found = notify.news(table(*(alert("2026-02-09", column=f"c{i}") for i in range(50))), notify.no_changes(), told(), EVERYTHING)
    text = json.loads(messages.of_news(found, EVERYTHING, "", NOW)[0].body)["text"]
    assert text.count("- psi of") == messages.MOST
    assert "and 30 more" in text


def test_a_digest_tells_what_is_open_too_and_that_nothing_is():
    weekly = EVERYTHING.model_copy(update={"digest": "monday 08:00"})
    found = notify.news(table(alert("2026-01-26")), notify.no_changes(), told(alert("2026-01-26")), weekly)
    digest = messages.of_digest(found, weekly, "", NOW)
    assert digest.subject == "Vigia, weekly digest: 1 open alert, nothing new"
    assert "Open (1)" in json.loads(digest.body)["text"]
    quiet = messages.of_digest(notify.news(table(), notify.no_changes(), told(), weekly), weekly, "", NOW)
    assert "Nothing is open" in json.loads(quiet.body)["text"]


def assert_no_markup(name: str) -> None:
    found = notify.news(table(alert("2026-02-09", column=name, model=name)), notify.no_changes(), told(), EVERYTHING)
    [message] = messages.of_news(found, EVERYTHING, "https://v.org", NOW)
    assert "\n" not in message.subject
    assert "\r" not in message.subject
    html = markdown(json.loads(message.body)["markdown"])
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("<a ") == 1  # ours


@given(st.text(min_size=1, max_size=40))
def test_a_name_is_no_markup_and_breaks_no_line(name: str):
    assert_no_markup(name)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "[x](http://evil)", "![x](http://evil/p.png)", "**b**\n# h", 'in"come; --'])
def test_awkward_names(name: str):
    assert_no_markup(name)


def test_waiting_doubles_up_to_six_hours_and_ends_after_three_days():
    waits = [(notify.retry_at(attempts, NOW) - NOW).total_seconds() / 60 for attempts in range(1, 12)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]
    assert not notify.is_given_up(NOW, NOW + timedelta(days=2))
    assert notify.is_given_up(NOW, NOW + timedelta(days=4))


severities, states = st.sampled_from(["warning", "critical"]), st.sampled_from(["open", "resolved"])
histories = st.lists(st.lists(st.tuples(st.integers(0, 3), severities, states), max_size=4, unique_by=lambda one: one[0]), max_size=6)


@settings(max_examples=25)
@given(histories)
def test_whatever_happens_each_alert_that_is_told_to_be_open_is_told_to_be_over_once(history: list[list[tuple[int, str, str]]]):
    """By hand: a set of what the listener believes to be open."""
    last, believed = told(), set[str]()
    for step in history:
        rows = [alert("2026-02-09", column=f"c{i}", severity=severity, state=state) for i, severity, state in step]
        found = notify.news(table(*rows), notify.no_changes(), last, EVERYTHING)
        opened = set(found.new.loc[found.new["state"] == "open", "column"])
        over = set(found.resolved["column"])
        assert not opened & believed
        assert over <= believed
        believed = (believed | opened) - over
        assert believed == {f"c{i}" for i, _, state in step if state == "open"}
        last = notify.from_json(notify.to_json(notify.as_told(table(*rows), CLOCK, notify.no_changes())))


def test_what_is_acknowledged_is_not_told_again_and_what_is_muted_not_at_all():
    seen, muted = alert("2026-01-26", state="acknowledged"), alert("2026-01-26", state="muted")
    assert heard([seen, muted | {"column": "y"}], None) == {}
    assert heard([seen], [alert("2026-01-26")]) == {}  # told before, not resolved
    assert heard([alert("2026-01-26", state="resolved")], [seen]) == {"resolved": ["x"]}
    assert heard([alert("2026-02-02", state="muted")], []) == {}  # began and ended, muted all the time
    assert heard([muted | {"severity": "critical"}], [alert("2026-01-26")]) == {}
    assert heard([alert("2026-01-26", severity="critical")], [seen]) == {"worse": ["x"]}  # such an acknowledgement ends itself
    open_now = notify.news(table(seen, alert("2026-01-26", column="y")), notify.no_changes(), None, EVERYTHING).open
    assert open_now["column"].tolist() == ["y"]


def test_an_alert_that_outlasts_its_mute_is_told_once_if_it_never_was():
    now, muted = table(alert("2026-01-26", weeks=3)), table(alert("2026-01-26", weeks=2, state="muted"))
    never = notify.as_told(muted, CLOCK, notify.no_changes(), told())
    assert kinds(notify.news(now, notify.no_changes(), never, EVERYTHING)) == {"new": ["x"]}
    before = notify.as_told(muted, CLOCK, notify.no_changes(), told(alert("2026-01-26")))
    assert kinds(notify.news(now, notify.no_changes(), before, EVERYTHING)) == {}
