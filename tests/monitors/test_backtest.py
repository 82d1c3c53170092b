"""Backtest: two lists of alerts compared by hand and against a slow way, and the values that a slider takes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInput
from monitors import backtest, rulebook
from monitors.alerts import alerts
from monitors.rules import SCOPE, Rule
from monitors.thresholds import judge

DAY0 = pd.Timestamp("2026-03-02", tz="UTC")


def alert(column, first, last, severity="warning", windows=None, version="v1"):
    """An alert of the days [first, last)."""
    names = {"model": "m", "version": version, "monitor": "drift", "metric": "psi", "column": column, "segment": "all"}
    start, end = (DAY0 + pd.Timedelta(days=day) for day in (first, last))
    told = {"start": start, "end": end, "windows": windows or last - first, "peak": 1.0, "threshold": 0.1}
    return names | told | {"severity": severity, "state": "resolved"}


def table(*rows):
    found = pd.DataFrame(rows, columns=[*SCOPE, "start", "end", "windows", "peak", "threshold", "severity", "state"])
    return found.astype({"start": "datetime64[us, UTC]", "end": "datetime64[us, UTC]", "windows": "int64", "peak": "float64"})


def changes(saved, moved):
    return backtest.compare(table(*saved), table(*moved))[["column", "change"]].values.tolist()


def test_gained_lost_changed_and_same_by_hand():
    saved = [alert("same", 0, 3), alert("lost", 1, 2), alert("milder", 2, 4, "critical"), alert("shorter", 3, 9)]
    moved = [alert("same", 0, 3), alert("milder", 2, 4), alert("shorter", 3, 8), alert("gained", 5, 6)]
    wanted = [["same", "same"], ["lost", "lost"], ["milder", "changed"], ["shorter", "changed"], ["gained", "gained"]]
    assert changes(saved, moved) == wanted


def test_alerts_that_only_touch_or_are_of_another_series_are_not_the_same():
    assert changes([alert("a", 0, 2)], [alert("a", 2, 4)]) == [["a", "lost"], ["a", "gained"]]
    assert changes([alert("a", 0, 2)], [alert("a", 0, 2, version="v2")]) == [["a", "lost"], ["a", "gained"]]


def test_one_alert_that_falls_apart_is_one_change_with_both_sides_told():
    found = backtest.compare(table(alert("a", 0, 9, "critical")), table(alert("a", 1, 3), alert("a", 5, 8)))
    assert found["change"].tolist() == ["changed"]
    row = found.iloc[0]
    assert (row["saved_windows"], row["moved_windows"]) == (9, 5)
    assert (row["saved_severity"], row["moved_severity"]) == ("critical", "warning")
    assert (row["moved_start"], row["moved_end"]) == (DAY0 + pd.Timedelta(days=1), DAY0 + pd.Timedelta(days=8))


def test_nothing_on_either_side():
    assert backtest.compare(table(), table()).empty
    assert changes([], [alert("a", 0, 1)]) == [["a", "gained"]]
    assert changes([alert("a", 0, 1)], []) == [["a", "lost"]]


def runs(draw_days):
    """Alerts of one series from a set of days: each run of days is one."""
    days = sorted(draw_days)
    starts = [day for day in days if day - 1 not in draw_days]
    return [(start, next(end for end in range(start, 99) if end not in draw_days)) for start in starts]


some_days = st.sets(st.integers(0, 20))


@given(st.lists(st.tuples(some_days, some_days), min_size=1, max_size=3))
def test_events_are_as_a_slow_way_finds_them(columns):
    saved = [(f"c{i}", *run) for i, (days, _) in enumerate(columns) for run in runs(days)]
    moved = [(f"c{i}", *run) for i, (_, days) in enumerate(columns) for run in runs(days)]
    found = backtest.compare(table(*(alert(*one) for one in saved)), table(*(alert(*one) for one in moved)))
    touches = lambda one, other: one[0] == other[0] and one[1] < other[2] and other[1] < one[2]  # noqa: E731
    assert (found["change"] == "same").sum() == len(set(saved) & set(moved))
    assert (found["change"] == "lost").sum() == sum(not any(touches(one, other) for other in moved) for one in saved)
    assert (found["change"] == "gained").sum() == sum(not any(touches(one, other) for other in saved) for one in moved)
    # An event tells of every window once.
    assert found["saved_windows"].sum() == sum(last - first for _, first, last in saved)
    assert found["moved_windows"].sum() == sum(last - first for _, first, last in moved)


def test_counts():
    found = table(alert("a", 0, 1), alert("b", 0, 1, "critical"), alert("c", 0, 1, "critical"))
    found.loc[1, "state"] = "open"
    assert backtest.counts(found) == backtest.Counts(critical=2, warning=1, open=1)
    assert backtest.counts(table()) == backtest.Counts(0, 0, 0)


def test_a_moved_rule_keeps_the_other_overrides_and_its_own_other_fields():
    scope = {"metric": "psi", "segment": "all"}
    overrides = (Rule(metric="ks", warning=0.18), Rule(**scope, critical=1.0, warning=0.1))
    found = backtest.moved(overrides, scope, {"warning": 0.5})
    assert found == (overrides[0], Rule(**scope, critical=1.0, warning=0.5))
    assert backtest.moved(overrides, scope, {}) == overrides


def test_a_limit_moved_past_an_overridden_one_is_judged_by_that_one_and_not_by_the_default():
    # 0.5 is beyond the default critical 0.25, but critical is overridden to 1.
    overrides = (Rule(metric="psi", critical=1.0),)
    assert backtest.moved(overrides, {"metric": "psi"}, {"warning": 0.5})[0].warning == 0.5


@pytest.mark.parametrize(("field", "value", "told"), [("warning", 0.3, "critical 0.25"), ("critical", -1.0, "never negative")])
def test_a_rule_that_makes_no_sense_is_refused(field, value, told):
    with pytest.raises(BadInput, match=told):
        backtest.moved((), {"metric": "psi"}, {field: value})


def test_replay_is_judging_and_nothing_else():
    rows = [{"model": "m", "version": "v1", "monitor": "drift", "metric": "psi", "column": c, "segment": "all", "rows": 900,
             "window_start": DAY0 + pd.Timedelta(days=7 * i), "window_end": DAY0 + pd.Timedelta(days=7 * i + 7), "value": v}
            for c, values in {"a": (0.05, 0.2, 0.3), "b": (0.3, 0.0, 0.0)}.items() for i, v in enumerate(values)]  # fmt: skip
    measured = pd.DataFrame(rows)
    rules = rulebook.defaults()
    whole = alerts(judge(measured, rules))
    assert backtest.replay(measured, rules, {}).equals(whole)
    pd.testing.assert_frame_equal(
        backtest.replay(measured, rules, {"column": "a"}), whole[whole["column"] == "a"].reset_index(drop=True)
    )


CONSTANT = Rule(metric="psi")


@pytest.mark.parametrize("values", [[], [np.nan], [7.0], [0.0], [0.0, 0.0], [3.0, 3.0, 3.0], [np.inf], [-2.0, -2.0]])
def test_a_slider_has_two_different_ends_however_little_varies(values):
    rule = Rule(metric="psi") if not values or not values[0] < 0 else Rule(metric="r2")
    found = backtest.stops(np.array(values), rule)
    assert len(found) >= 2
    assert found == sorted(set(found))


def test_psi_from_hundredths_to_eight_gets_steps_that_grow():
    found = backtest.stops(np.r_[np.full(50, 0.05), 8.4], CONSTANT, [0.1, 0.25, 0.137])
    assert found[0] == 0
    assert found[-1] >= 8.4
    assert {0.1, 0.25, 0.137} <= set(found)
    assert len(found) < 120
    steps = (
        np.diff([stop for stop in found if stop >= 0.01 and stop != 0.137])
        / np.array([s for s in found if s >= 0.01 and s != 0.137])[:-1]
    )
    assert steps.max() < 0.21  # no step is more than a fifth of its value


def test_values_of_one_order_get_even_steps():
    found = backtest.stops(np.linspace(0.81, 0.93, 50), Rule(metric="roc_auc"), [0.85])
    assert np.allclose(np.diff(found), np.diff(found)[0])
    assert found[0] <= 0.81 <= 0.93 <= found[-1]


def test_a_share_goes_no_further_than_one():
    assert backtest.stops(np.array([0.2, 0.99999]), Rule(metric="ks"))[-1] <= 1


@pytest.mark.parametrize("kind", ["reference_quantile", "reference_std", "fdr"])
def test_other_kinds_have_a_range_of_their_own(kind):
    found = backtest.stops(np.array([0.01, 8.0]), Rule(metric="psi", kind=kind), [0.42])
    assert 0.42 in found
    assert found == sorted(set(found))


@pytest.mark.parametrize("direction", ["above", "below", "outside"])
@pytest.mark.parametrize("kind", ["reference_quantile", "reference_std", "fdr"])
def test_a_rule_of_another_kind_begins_with_limits_that_make_sense_and_comes_back_as_it_was(kind, direction):
    scope = {"metric": "r2"}
    pair = ((0.1, 0.9), (0.05, 0.95)) if direction == "outside" else (0.5, 0.6 if direction == "above" else 0.4)
    first = (Rule(**scope, kind="constant", direction=direction, warning=pair[0], critical=pair[1], enabled=True),)
    base = rulebook.resolve((*rulebook.defaults(), *first), monitor="quality", **scope)
    made = backtest.moved(first, scope, backtest.of_kind(base, kind))
    found = rulebook.resolve((*rulebook.defaults(), *made), monitor="quality", **scope)
    assert (found.kind, found.direction) == (kind, direction)
    back = rulebook.resolve((*rulebook.defaults(), *backtest.moved(made, scope, backtest.of_kind(base, "constant"))), monitor="quality", **scope)
    assert [getattr(back, name) for name in ("kind", "warning", "critical")] == ["constant", *pair]


def test_a_rule_of_another_kind_without_a_warning_gets_none_and_values_come_back_from_the_default():
    base = rulebook.resolve((*rulebook.defaults(), Rule(metric="psi", kind="fdr", warning=None, critical=0.2)), monitor="drift", metric="psi")
    assert backtest.of_kind(base, "reference_std") == {"kind": "reference_std", "warning": None, "critical": 3.0, "recover": None}
    assert backtest.of_kind(base, "constant") == {"kind": "constant", "warning": 0.1, "critical": 0.25, "recover": None}
