"""Summaries: what the screens show of judged measurements."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors import alerts, summaries
from monitors.rules import Rule
from monitors.thresholds import defaults, judge

MONDAY = pd.Timestamp("2024-01-01", tz="UTC")
WEEK = pd.Timedelta(days=7)


def week(column: str, number: int, value: float, level: int = 0, version: str = "v1", **more: object) -> dict[str, object]:
    start = MONDAY + number * WEEK
    row: dict[str, object] = {
        "model": "m", "version": version, "monitor": "drift", "metric": "psi", "column": column, "segment": "all",
        "window_start": start, "window_end": start + WEEK, "rows": 1000, "value": value, "noise": 0.01, "usual": np.nan,
        "p_value": np.nan, "reason": None, "level": level, "warning": 0.1, "critical": 0.25, "side": "above", "window_name": "week",
    }  # fmt: skip
    return row | more


def test_limit_is_the_farthest_of_threshold_and_floors_and_excess_how_often_the_value_holds_it():
    judged = pd.DataFrame([
        week("a", 0, 0.3),
        week("a", 1, 0.3, usual=0.6),
        week("a", 2, 0.5, side="below", warning=0.8, noise=0.7, usual=0.9),
        week("a", 3, 0.3, warning=np.nan, critical=np.nan),
    ])  # fmt: skip
    seen = summaries.with_excess(judged)
    assert seen["limit"].tolist() == pytest.approx([0.1, 0.6, 0.7, np.nan], nan_ok=True)
    assert seen["excess"].tolist() == pytest.approx([3.0, 0.5, 1.4, np.nan], nan_ok=True)


def test_worst_takes_the_highest_level_then_the_furthest_beyond():
    rows = [
        week("a", 0, 0.9, 1, version="v1"),
        week("a", 0, 0.3, 2, version="v2"),
        week("a", 0, 0.4, 2, version="v3"),
        week("b", 0, 0, -1),
    ]
    found = summaries.worst(pd.DataFrame(rows), ["column", "window_start"])
    assert found[["column", "version", "level"]].values.tolist() == [["a", "v3", 2], ["b", "v1", -1]]


def test_days_spread_a_week_over_its_days_and_leave_the_unseen_blank():
    columns, days, levels = summaries.days(pd.DataFrame([week("a", 0, 1, 2), week("a", 2, 0, 0), week("b", 1, 0, -1)]))
    assert columns == ["a", "b"]
    assert (days[0], len(days)) == (np.datetime64("2024-01-01"), 21)
    assert levels[0].tolist() == pytest.approx([2] * 7 + [np.nan] * 7 + [0] * 7, nan_ok=True)
    assert levels[1].tolist() == pytest.approx([np.nan] * 7 + [-1] * 7 + [np.nan] * 7, nan_ok=True)


def test_days_take_the_worst_of_windows_that_overlap_whatever_their_length():
    day = week("a", 0, 1, 1) | {"window_start": MONDAY + pd.Timedelta(days=2), "window_end": MONDAY + pd.Timedelta(days=3)}
    hour = week("a", 0, 1, 2) | {"window_start": MONDAY + pd.Timedelta(hours=30), "window_end": MONDAY + pd.Timedelta(hours=31)}
    _, _, levels = summaries.days(pd.DataFrame([week("a", 0, 0, 0), day, hour]))
    assert levels.tolist() == [[0, 2, 1, 0, 0, 0, 0]]


def test_days_of_nothing_are_an_empty_grid():
    columns, days, levels = summaries.days(pd.DataFrame([week("a", 0, 1)]).iloc[:0])
    assert (columns, len(days), levels.shape) == ([], 0, (0, 0))


def test_ranking_goes_by_the_latest_window_that_could_be_measured():
    rows = [week("was bad", 0, 9.0, 2), week("was bad", 1, 0.01, 0), week("is bad", 0, 0.0, 0), week("is bad", 1, 0.3, 2)]
    rows += [week("is bad", 2, np.nan, -1, reason="no rows"), week("never", 1, np.nan, -1, reason="the reference does not vary")]
    found = summaries.ranking(pd.DataFrame(rows)).set_index("column")
    assert list(found.index) == ["is bad", "was bad", "never"]
    assert found.loc["is bad", ["value", "windows", "criticals", "peak"]].tolist() == [0.3, 2, 1, 0.3]
    assert found.loc["was bad", ["value", "criticals", "peak"]].tolist() == [0.01, 1, 9.0]
    assert found.loc["is bad", "history"] == pytest.approx([0.0, 0.3, np.nan], nan_ok=True)
    assert found.loc["never", "reason"] == "the reference does not vary"


def test_a_line_is_not_drawn_over_missing_windows():
    gap = summaries.with_gaps(pd.DataFrame([week("a", 3, 0.3), week("a", 0, 0.1), week("a", 1, 0.2)]))
    assert gap["value"].tolist() == pytest.approx([0.1, 0.2, np.nan, 0.3], nan_ok=True)
    assert gap["window_start"].is_monotonic_increasing
    whole = summaries.with_gaps(pd.DataFrame([week("a", 0, 0.1), week("a", 1, 0.2)]))
    assert whole["value"].tolist() == [0.1, 0.2]


def test_a_metric_that_raises_no_alerts_is_judged_by_its_limits_for_showing():
    measured = pd.DataFrame([week("a", 0, 0.5, metric="js", segment=s) for s in ("all", "x=1")]).drop(
        columns=["level", "warning", "critical", "side"]
    )
    assert judge(measured, defaults())["level"].tolist() == [-1, -1]
    for segment, at in (("all", 0), ("x=1", 1)):
        rules, alerting = summaries.as_if_alerting(defaults(), "week", segment, monitor="drift", metric="js")
        assert not alerting
        assert judge(measured, rules)["level"].iloc[at] == 2
    _, alerting = summaries.as_if_alerting(defaults(), "week", "all", monitor="drift", metric="psi")
    assert alerting


def test_days_are_judged_for_showing_where_the_rules_are_for_weeks():
    day = week("a", 0, 0.5) | {"window_end": MONDAY + pd.Timedelta(days=1)}
    rules, alerting = summaries.as_if_alerting(defaults(), "day", "all", monitor="drift", metric="psi")
    assert (alerting, judge(pd.DataFrame([day]), rules)["level"].tolist()) == (False, [2])


def test_a_column_that_a_rule_switches_off_stays_off_when_shown():
    rules = (*defaults(), Rule(monitor="drift", metric="js", column="a", enabled=False))
    shown, _ = summaries.as_if_alerting(rules, "week", "all", monitor="drift", metric="js")
    measured = pd.DataFrame([week(c, 0, 0.5, metric="js") for c in ("a", "b")])
    assert judge(measured, shown)["level"].tolist() == [-1, 2]


OVERRIDES = [
    Rule(monitor="drift", metric="js", enabled=True),
    Rule(metric="psi", segment="x=1", enabled=True),
    Rule(metric="psi", enabled=True),
    Rule(monitor="drift", enabled=True),
    Rule(monitor="drift", metric="psi", segment="all", enabled=False),
    Rule(monitor="drift", metric="ks", column="a", enabled=True, window="day"),
    Rule(monitor="drift", metric="psi", column="b", window="day"),
    Rule(monitor="drift", metric="linf", version="v2", enabled=True, segment="x=1"),
]


@settings(max_examples=25)
@given(st.lists(st.sampled_from(OVERRIDES), unique=True))
def test_what_is_watched_holds_every_alert(overrides):
    rows = [
        week(column, number, 0.5, metric=metric, segment=segment, version=version) | ({"window_end": MONDAY + pd.Timedelta(days=1)} if days else {})
        for column in "ab" for metric in ("psi", "js", "ks", "linf") for segment in ("all", "x=1", "x=2") for version in ("v1", "v2")
        for number, days in ((0, False), (1, False), (0, True))
    ]  # fmt: skip
    everything = pd.DataFrame(rows).drop(columns=["level", "warning", "critical", "side", "window_name"])
    rules = (*defaults(), *overrides)
    length = np.where(everything["window_end"] - everything["window_start"] == WEEK, "week", "day")
    kept = np.zeros(len(everything), dtype=bool)
    for one in summaries.watched(rules):
        match = (everything["metric"] == one.metric) & (length == one.window)
        kept |= match & (everything["segment"].eq(one.segment) if one.segment is not None else True)
    expected = alerts.alerts(judge(everything, rules))
    pd.testing.assert_frame_equal(alerts.alerts(judge(everything[kept], rules)), expected)


def test_an_open_alert_of_a_version_that_no_longer_serves_is_no_open_alert():
    versions = pd.DataFrame({"version": ["v1", "v2"], "last": [MONDAY, MONDAY + WEEK]})
    found = pd.DataFrame({"version": ["v1", "v1", "v2"], "state": ["open", "resolved", "open"]})
    assert summaries.present(found, versions)["state"].tolist() == ["version retired", "resolved", "open"]


def test_open_alerts_come_first_then_the_latest():
    found = pd.DataFrame({
        "state": ["resolved", "open", "resolved", "open"], "end": [4, 1, 5, 3], "start": [0, 0, 0, 0],
        "severity": ["critical", "warning", "warning", "critical"],
    })  # fmt: skip
    assert summaries.latest_first(found)["end"].tolist() == [3, 1, 5, 4]
    assert summaries.worst_severity(found) == 2
    assert summaries.worst_severity(found.iloc[:0]) == 0


def test_volume_counts_a_row_once_however_many_columns_it_has():
    profiles = pd.DataFrame({
        "window_start": [MONDAY] * 3 + [MONDAY + pd.Timedelta(days=2)], "version": ["v1", "v1", "v2", "v2"],
        "column": ["a", "b", "a", "a"], "rows": [100, 90, 10, 7],
    })  # fmt: skip
    assert summaries.by_day(summaries.volume(profiles)).tolist() == [110, 0, 7]


@given(st.data())
def test_shares_of_numbers_add_up_and_are_those_of_the_rows(data):
    values = np.array(data.draw(st.lists(st.floats(-1e6, 1e6), min_size=60, max_size=300)))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 60)))
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1).astype(float)
    found = summaries.shares(pd.Series({"kind": "number", "edges": edges, "categories": None}), counts, counts)
    assert found["reference"].sum() == pytest.approx(1)
    assert (found["reference"] >= 0).all()
    assert found["window"].tolist() == found["reference"].tolist()


def test_shares_are_exact_where_groups_end_on_edges():
    edges = np.arange(0, 101.0)  # 24 groups of 100/24 do not end on them, but the halves of uniform counts do
    reference, window = np.full(102, 10.0), np.r_[np.zeros(51), np.full(51, 10.0)]
    reference[[0, -1]] = 0
    found = summaries.shares(pd.Series({"kind": "number", "edges": edges, "categories": None}), reference, window, most=4)
    assert found["label"].iloc[0].startswith("≤")
    middle = found["right"] <= 50.1
    assert found.loc[middle, "window"].sum() == pytest.approx(0, abs=0.01)
    assert found["window"].sum() == pytest.approx(1)


def test_few_values_are_groups_of_their_own_and_what_lies_beyond_is_told():
    found = summaries.shares(
        pd.Series({"kind": "number", "edges": [1.0, 2.0, 3.0], "categories": None}),
        np.array([5, 3, 2, 0.0]),
        np.array([0, 0, 1, 1.0]),
    )
    assert found["label"].tolist() == ["1", "2", "3", "> 3"]
    assert found["window"].tolist() == [0, 0, 0.5, 0.5]


def test_a_value_that_piles_up_is_one_group_and_what_lies_between_is_told_where_there_is_any():
    edges = np.array([np.nextafter(0, -1), 0.0, np.nextafter(5, 4), 5.0])
    bins = pd.Series({"kind": "number", "edges": edges, "categories": None})
    found = summaries.shares(bins, np.array([0, 6, 0, 4, 0.0]), np.array([0, 1, 1, 0, 0.0]))
    assert found["label"].tolist() == ["0", "0 to 5", "5"]
    assert found["window"].tolist() == [0.5, 0.5, 0.0]


def test_categories_keep_their_order_and_name_what_is_new():
    bins = pd.Series({"kind": "category", "edges": None, "categories": ["x", "y", "z"]})
    found = summaries.shares(bins, np.array([6, 3, 1, 0, 0.0]), np.array([1, 0, 8, 0, 1.0]), most=2)
    assert found["label"].tolist() == ["x", "z", "other", "new"]
    assert found["window"].tolist() == pytest.approx([0.1, 0.8, 0.0, 0.1])
    assert found["reference"].tolist() == pytest.approx([0.6, 0.1, 0.3, 0.0])


def test_a_window_without_values_has_no_shares():
    bins = pd.Series({"kind": "category", "edges": None, "categories": ["x"]})
    assert summaries.shares(bins, np.array([1, 0, 0.0]), np.zeros(3))["window"].isna().all()


def test_a_column_of_which_only_its_presence_is_asked_is_shown_once_it_was_missing():
    rows = [("x", "psi", 0), ("ts", "missing_column", 0), ("id", "missing_column", 0), ("id", "missing_column", 2), ("hint", "new_column", 1)]
    judged = pd.DataFrame(rows, columns=["column", "metric", "level"])
    assert list(summaries.telling(judged)["column"]) == ["x", "id", "id", "hint"]


def test_a_limit_of_both_sides_is_a_line_on_each_and_one_that_versions_differ_in_a_line_for_each():
    told = [(0.7, "below"), (1.5, "above"), (0.7, "below")]
    sides = pd.DataFrame([week("a", i, 1.0, warning=limit, side=side) for i, (limit, side) in enumerate(told)])
    low, high = summaries.limit_lines(sides, "warning")
    assert summaries.last_limits([high, low]) == [0.7, 1.5]
    ends = (MONDAY, MONDAY + 3 * WEEK)
    assert [(*line[["window_start", "window_end"]].iloc[0], *line["limit"]) for line in (low, high)] == [(*ends, 0.7), (*ends, 1.5)]
    versions = pd.DataFrame([week("a", i, 1.0, warning=0.1 * (1 + i), version=f"v{i // 2}") for i in range(3)])
    assert [line["limit"].tolist() for line in summaries.limit_lines(versions, "warning")] == [[0.1, 0.2], [0.1 * 3]]
    assert summaries.last_limits(summaries.limit_lines(versions, "warning")) == [0.1 * 3]
    assert summaries.last_limits(summaries.limit_lines(versions.assign(warning=np.nan), "warning")) == []


def test_a_long_line_keeps_its_peaks_its_breaches_and_its_gaps_in_few_points():
    chance = np.random.default_rng(3)
    value = chance.normal(0, 1, 9000)
    value[[100, 5000]] = 9.0, -9.0
    value[7000:7400] = np.nan
    series = pd.DataFrame({"value": value, "level": np.where(np.arange(9000) == 4321, 2, 0)})
    few = summaries.thinned(series, 1000)
    assert len(few) <= 1010
    assert {0, 100, 4321, 5000, 6999, 7000, 7399, 7400, 8999} <= set(few.index)
    assert few.index.is_monotonic_increasing
    assert summaries.thinned(series, 9000) is series
