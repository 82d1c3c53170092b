"""Judging: by hand, against a slow judge, against SciPy and NumPy, and what holds whatever the rules."""

import numpy as np
import pandas as pd
import pytest
import slow_judge
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from monitors import own_windows
from monitors.measurements import STORED
from monitors.rules import SCOPE
from monitors.thresholds import Rule, defaults, judge, prepare

START = pd.Timestamp("2013-04-01", tz="UTC")  # a Monday
NAN = float("nan")


def measured(values, days=1, dataset="log", **more):
    """Measurements of one series, one window after another."""
    start = START + pd.to_timedelta(np.arange(len(values)) * days, unit="D")
    names = {"model": "m", "version": "v1", "monitor": "drift", "metric": "psi", "column": "temp", "segment": "all"}
    others = {"rows": 1000, "noise": NAN, "usual": NAN, "p_value": NAN, "coverage": NAN, "reason": "", "dataset": dataset}
    table = pd.DataFrame({"window_start": start, "window_end": start + pd.Timedelta(days=days), "value": np.array(values, float)})
    return table.assign(**(names | others | more)).reindex(columns=STORED)


def levels(values, rule, **more):
    days = {"day": 1, "week": 7, "month": 31}[rule.window]
    return judge(measured(values, days, **more), [rule])["level"].tolist()


def test_levels_by_hand():
    #        ok   at the limit  warning  at critical  critical  blank
    values = [0.05, 0.1, 0.11, 0.25, 0.26, NAN]
    assert levels(values, Rule(warning=0.1, critical=0.25)) == [0, 0, 1, 1, 2, -1]
    assert levels(values, Rule(critical=0.25)) == [0, 0, 0, 0, 2, -1]
    assert levels(values, Rule(warning=0.1)) == [0, 0, 1, 1, 1, -1]
    assert levels(values, Rule()) == [-1] * 6  # no limit
    assert levels(values, Rule(warning=0.1, enabled=False)) == [-1] * 6
    assert levels([0.9, 0.8, 0.7, 0.6], Rule(direction="below", warning=0.8, critical=0.7)) == [0, 0, 1, 2]
    outside = Rule(direction="outside", warning=(0.4, 0.6), critical=(0.2, 0.8))
    assert levels([0.5, 0.4, 0.39, 0.1, 0.61, 0.9], outside) == [0, 0, 1, 2, 1, 2]
    assert levels([float("inf"), -float("inf")], Rule(warning=0.1)) == [1, 0]


def test_zero_is_a_threshold():
    assert levels([0, 1e-12], Rule(warning=0)) == [0, 1]
    assert levels([0, 1e-12], Rule(critical=0)) == [0, 2]
    assert levels([0, -1e-12], Rule(direction="below", warning=0)) == [0, 1]
    assert levels([0, 0.01], Rule(kind="reference_quantile", warning=0)) == [-1, -1]  # of no windows
    assert levels([0.1, 0], Rule(warning=0.05, recover=0), noise=0) == [1, 0]


def test_limits_and_sides_are_shown_in_the_units_of_the_metric():
    shown = judge(measured([0.1, 0.9, NAN]), [Rule(direction="outside", warning=(0.4, 0.6), critical=(0.2, 0.8))])
    assert shown["side"].tolist() == ["below", "above", "above"]
    assert shown["warning"].tolist() == [0.4, 0.6, 0.6]
    assert shown["critical"].tolist() == [0.2, 0.8, 0.8]
    assert shown["window_name"].tolist() == ["day"] * 3
    one = judge(measured([0.1]), [Rule(warning=0.4)])
    assert one["warning"].tolist() == [0.4]
    assert one["critical"].isna().all()


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        ("2013-02-01", "2013-03-01", "month"), ("2013-01-01", "2013-02-01", "month"), ("2013-04-01", "2013-04-08", "week"),
        ("2013-04-01", "2013-04-02", "day"), ("2013-04-01 00:00", "2013-04-01 01:00", "hour"), ("2013-04-01", "2013-04-03", "other"),
        ("2013-04-01", "2014-04-01", "other"), ("2013-04-01", "2013-04-02 00:00:01", "other"),
    ],
)  # fmt: skip
def test_a_window_is_known_by_its_length_and_judged_where_the_rule_asks_for_it(start, end, name):
    times = {"window_start": [pd.Timestamp(start, tz="UTC")], "window_end": [pd.Timestamp(end, tz="UTC")]}
    table = measured([1.0]).assign(**times)
    for window in ("day", "week", "month"):
        found = judge(table, [Rule(critical=0.5, window=window)]).iloc[0]
        assert found["window_name"] == name
        assert found["level"] == (2 if window == name else -1)


def test_floors_count_only_where_they_are_asked_for_and_known():
    floors = {"noise": [0.5, 0.1, NAN, 0.3], "usual": [NAN, NAN, 0.5, 0.3]}
    values = [0.3, 0.3, 0.3, 0.3]  # the last is at its floors, not above
    assert levels(values, Rule(warning=0.2), **floors) == [1, 1, 1, 1]
    assert levels(values, Rule(warning=0.2, above_noise=True), **floors) == [0, 1, 1, 0]
    assert levels(values, Rule(warning=0.2, above_usual=True), **floors) == [1, 1, 0, 0]
    assert levels(values, Rule(warning=0.2, above_noise=True, above_usual=True), **floors) == [0, 1, 0, 0]
    # A floor says how far up chance reaches; what falls below a lower limit has nothing to do with it.
    assert levels([0.3], Rule(warning=0.5, direction="below", above_noise=True), noise=0.9) == [1]


def test_a_window_of_few_rows_neither_raises_nor_clears():
    rows = [500, 199, 200]
    assert levels([0.3, 0.0, 0.3], Rule(warning=0.2, min_rows=200), rows=rows) == [1, -1, 1]


def test_a_window_of_few_labels_neither_raises_nor_clears_and_is_judged_when_they_have_come():
    values, rule = [0.3, 0.0, 0.9, 0.3], Rule(warning=0.2, critical=0.8, min_coverage=0.8)
    assert levels(values, rule, coverage=[1.0, 0.79, 0.1, 0.8]) == [1, -1, -1, 1]
    assert levels(values, rule, coverage=1.0) == [1, 0, 2, 1]
    assert levels(values, rule) == [1, 0, 2, 1]  # a value that needs no labels has no coverage
    # Nor does such a window of the reference say what is usual: of 0.1 and 0.5 only the first has its labels.
    own = measured([0.1, 0.5], dataset="reference", coverage=[1.0, 0.5])
    table = pd.concat([measured([0.3], coverage=1.0), own], ignore_index=True)
    limit = Rule(kind="reference_quantile", warning=1.0, min_coverage=0.8)
    assert judge(table, [limit])["warning"].tolist() == [0.1]


def test_k_of_the_last_n_by_hand():
    #         0  1  1  0  1  blank 1  1  1
    values = [0, 1, 1, 0, 1, NAN, 1, 1, 1]
    assert levels(values, Rule(warning=0.5, for_windows=2)) == [0, 0, 1, 0, 0, -1, 1, 1, 1]  # a blank is not in between
    assert levels(values, Rule(warning=0.5, for_windows="2 of 3")) == [0, 0, 1, 0, 1, -1, 1, 1, 1]
    assert levels(values, Rule(warning=0.5, for_windows=3)) == [0, 0, 0, 0, 0, -1, 0, 1, 1]
    # Each level by its own count: critical is reached at the second window beyond critical.
    assert levels([1, 3, 1, 3, 3], Rule(warning=0.5, critical=2, for_windows=2)) == [0, 1, 1, 1, 2]


def test_an_open_alert_closes_only_inside_recover():
    rule = Rule(warning=0.2, critical=0.4, recover=0.1)
    #                        opens       held  held  at recover: closes     opens blank held
    assert levels([0.15, 0.3, 0.15, 0.11, 0.1, 0.15, 0.5, NAN, 0.15], rule) == [0, 1, 1, 1, 0, 0, 2, -1, 1]
    # With a critical limit alone, a held window is critical: the rule knows no other level.
    assert levels([0.5, 0.3, 0.1], Rule(critical=0.4, recover=0.2)) == [2, 2, 0]
    assert levels([0.5, 0.75, 0.9], Rule(direction="below", warning=0.7, recover=0.8)) == [1, 1, 0]
    assert levels([0, 1, 0.5, 0.2], Rule(direction="outside", warning=(0.1, 0.9), recover=(0.3, 0.6))) == [1, 1, 0, 0]
    # An alert of one series is not held open in the next.
    two = pd.concat([measured([0.3]), measured([0.15], column="wind")])
    assert judge(two, [rule])["level"].tolist() == [1, 0]


def test_quantiles_of_the_references_own_windows_are_numpys():
    own = np.random.default_rng(3).gamma(2, 0.1, 13)
    table = pd.concat([measured([0.5]), measured(own, dataset="reference"), measured([9], days=7, dataset="reference")])
    judged = judge(table, [Rule(kind="reference_quantile", warning=0.9, critical=0.99)])
    assert len(judged) == 1  # rows of the reference are not judged
    assert judged["warning"].item() == pytest.approx(np.quantile(own, 0.9), rel=1e-12)
    assert judged["critical"].item() == pytest.approx(np.quantile(own, 0.99), rel=1e-12)
    moved = judge(table, [Rule(kind="reference_std", warning=2, critical=3)])
    assert moved["critical"].item() == pytest.approx(own.mean() + 3 * own.std(ddof=1), rel=1e-12)


def test_a_version_without_a_reference_of_its_own_is_judged_by_that_of_every_version():
    common, own = [0.1, 0.2, 0.3, 0.4], [0.5, 0.6]
    logs = [measured([0.5], version=version) for version in ("v1", "v2", "v10")]
    references = [measured(common, dataset="reference", version=""), measured(own, dataset="reference", version="v2")]
    judged = judge(pd.concat([*logs, *references]), [Rule(kind="reference_std", warning=2)]).set_index("version")
    for version, values in {"v1": common, "v2": own, "v10": common}.items():
        assert judged.loc[version, "warning"] == pytest.approx(np.mean(values) + 2 * np.std(values, ddof=1))


def test_without_windows_of_the_reference_there_is_nothing_to_judge_by():
    assert levels([0.5], Rule(kind="reference_quantile", warning=0.9)) == [-1]
    assert levels([0.5], Rule(kind="reference_std", warning=2)) == [-1]
    few = pd.concat([measured([0.5]), measured([0.1, 0.2], dataset="reference", rows=10)])
    assert judge(few, [Rule(kind="reference_quantile", warning=0.9, min_rows=11)])["level"].tolist() == [-1]


def test_from_a_new_normal_on_the_limits_are_those_of_its_own_windows():
    since = START + pd.Timedelta(days=2)
    normal = {"dataset": own_windows.dataset(since)}
    # Reference 1, 2, 3: mean 2, deviation 1. New normal 10, 14: mean 12, deviation √8 = 2.828. Limits two deviations above: 4 and 17.66.
    table = pd.concat([measured([4.1, 4.1, 4.1, 18]), measured([1, 2, 3], dataset="reference"), measured([10, 14], **normal)])
    judged = judge(table, [Rule(kind="reference_std", critical=2)])
    assert judged["critical"].tolist() == pytest.approx([4, 4, 12 + 2 * 8**0.5, 12 + 2 * 8**0.5])
    assert judged["level"].tolist() == [2, 2, 0, 2]
    # Half way between 10 and 14 lies 12, between 1 and 3 lies 2; a later normal of one window, 5, rules from its own day on.
    later = measured([5], dataset=own_windows.dataset(START + pd.Timedelta(days=3)))
    judged = judge(pd.concat([table, later]), [Rule(kind="reference_quantile", warning=0.5)])
    assert judged["warning"].tolist() == [2, 2, 12, 5]
    # Where the reference had no windows nothing is judged before the normal; and one of too few rows judges nothing after it.
    only = pd.concat([measured([4.1, 4.1, 20]), measured([10, 14], **normal)])
    assert judge(only, [Rule(kind="reference_quantile", warning=0.5)])["level"].tolist() == [-1, -1, 1]
    few = pd.concat([measured([4.1, 4.1, 20]), measured([1, 3], dataset="reference"), measured([10, 14], rows=5, **normal)])
    assert judge(few, [Rule(kind="reference_quantile", warning=0.5, min_rows=6)])["level"].tolist() == [1, 1, -1]
    assert judge(table, [Rule(critical=4)])["level"].tolist() == [2] * 4  # a value of the metric stays one


def test_a_reference_that_versions_share_tells_the_limits_of_those_without_one():
    own = [measured([1, 2, 3], dataset="reference", version=""), measured([7], dataset="reference", version="v2")]
    table = pd.concat([measured([2.5]), measured([2.5], version="v2"), measured([2.5], column="wind"), *own])
    judged = judge(table, [Rule(kind="reference_quantile", warning=0.5)])
    told = judged.set_index(["version", "column"])["warning"].to_dict()
    assert told == {("v1", "temp"): 2, ("v1", "wind"): pytest.approx(np.nan, nan_ok=True), ("v2", "temp"): 7}


P_VALUES = st.lists(st.floats(0, 1) | st.sampled_from([0.01, 0.05, 1e-300, NAN]), min_size=1, max_size=40)


@settings(max_examples=25)
@given(P_VALUES, st.sampled_from([0.01, 0.05, 0.2]))
def test_fdr_is_scipys(ps, rate):
    table = pd.concat([measured([1], column=f"c{i:02}", p_value=p) for i, p in enumerate(ps)])
    known = np.array([p for p in ps if p == p])
    want = iter(false_discovery_control(known) <= rate if len(known) else [])
    found = judge(table, [Rule(kind="fdr", warning=rate)])
    assert found["level"].tolist() == [-1 if p != p else int(next(want)) for p in ps]
    assert found["warning"].isna().all()


def test_the_default_rules_tell_the_story_of_the_sample():
    # Weekly psi as measured there: far above 0.25 in temp; schedules quiet; humid high, but so are the reference's own weeks.
    def week(column, value, usual):
        return measured([value], 7, column=column, usual=usual, noise=0.03)

    table = pd.concat([week("temp", 3.1, 1.2), week("score", 0.65, 0.2), week("carrier", 0.01, 0.01), week("humid", 0.31, 0.5)])
    judged = judge(table, defaults())
    assert dict(zip(judged["column"], judged["level"], strict=True)) == {"carrier": 0, "humid": 0, "score": 2, "temp": 2}
    assert judge(table.assign(metric="js"), defaults())["level"].tolist() == [-1] * 4  # measured, but one alert is enough


def test_nothing_measured_is_judged_as_nothing():
    judged = judge(measured([]), defaults())
    assert judged.empty
    assert {"level", "warning", "critical", "window_name", "side", *SCOPE} <= set(judged.columns)


def test_blank_names_and_awkward_names_are_judged_as_others_are():
    names = ["a.b", 'in"come; --', "<b>bold</b>", "", None]
    table = pd.concat([measured([1], column=name) for name in names])
    judged = judge(table, [Rule(warning=0.5), Rule(column='in"come; --', critical=0.5), Rule(column="", enabled=False)])
    found = {None if pd.isna(n) else n: x for n, x in zip(judged["column"], judged["level"], strict=True)}
    assert found == {"a.b": 1, 'in"come; --': 2, "<b>bold</b>": 1, "": -1, None: 1}


# ---- random series and rules --------------------------------------------------------------------------------------------------------

MAY_BE = st.sampled_from([NAN, 0.0, 0.125, 0.25, 0.5])
ROW = st.fixed_dictionaries(
    {
        "value": st.sampled_from([NAN, 0.0, 0.0625, 0.125, 0.25, 0.375, 0.5, 1.0, 2.0]),
        "rows": st.sampled_from([0, 5, 10, 1000]),
        "noise": MAY_BE,
        "usual": MAY_BE,
        "p_value": st.sampled_from([NAN, 0.0, 1e-30, 0.01, 0.02, 0.03, 0.04, 0.05, 0.3, 1.0]),
        "coverage": st.sampled_from([NAN, 0.0, 0.5, 1.0]),
    }
)
SERIES = st.fixed_dictionaries(
    {
        "version": st.sampled_from(["v1", "v2", ""]),
        "metric": st.sampled_from(["psi", "ks"]),
        "column": st.sampled_from(["a.b", 'in"come; --', "b"]),
        "segment": st.sampled_from(["all", "<b>=x"]),
        "days": st.sampled_from([1, 7]),
        "dataset": st.sampled_from(["log", "log", "reference", *(own_windows.dataset(START + pd.Timedelta(days=n)) for n in (0, 2))]),
    }
)
LIMIT = st.sampled_from([0.0, 0.05, 0.125, 0.25, 0.5, 1.0])
LIMITS = st.none() | LIMIT | st.tuples(LIMIT, LIMIT).map(lambda pair: tuple(sorted(pair)))
NAMED = {
    "version": st.sampled_from(["v1", "v3"]),
    "monitor": st.sampled_from(["drift", "schema"]),
    "metric": st.sampled_from(["psi", "ks"]),
    "column": st.sampled_from(["a.b", 'in"come; --', "nowhere"]),
    "segment": st.sampled_from(["all", "<b>=x"]),
}
CHANGED = {
    "warning": LIMITS,
    "critical": LIMITS,
    "recover": LIMITS,
    "kind": st.sampled_from(["constant", "reference_quantile", "reference_std", "fdr"]),
    "direction": st.sampled_from(["above", "below", "outside"]),
    "window": st.sampled_from(["day", "week"]),
    "min_rows": st.sampled_from([0, 6]),
    "min_coverage": st.sampled_from([0, 0.5]),
    "above_noise": st.booleans(),
    "above_usual": st.booleans(),
    "for_windows": st.sampled_from([(1, 1), (1, 3), (2, 2), (2, 3), (3, 5)]),
    "enabled": st.booleans(),
}
RULES = st.lists(st.fixed_dictionaries({}, optional=NAMED | CHANGED).map(lambda fields: Rule(**fields)), max_size=5)
WIDE = st.fixed_dictionaries({}, optional=CHANGED).map(lambda fields: Rule(**({"warning": 0.125, "critical": 0.25} | fields)))


@st.composite
def tables(draw):
    pieces = []
    for one in draw(st.lists(SERIES, min_size=1, max_size=6, unique_by=lambda s: tuple(s[name] for name in sorted(s)))):
        rows = draw(st.lists(ROW, min_size=1, max_size=8))
        more = {name: [row[name] for row in rows] for name in ("rows", "noise", "usual", "p_value", "coverage")}
        names = {name: value for name, value in one.items() if name != "days"}
        pieces.append(measured([row["value"] for row in rows], one["days"], **(more | names)))
    table = pd.concat(pieces, ignore_index=True)
    return table.take(draw(st.permutations(range(len(table))))).reset_index(drop=True)


def as_compared(judged):
    """As the slow judge gives it: {(names and window, start): (level, warning, critical, side)}."""

    def plain(x):
        return None if x != x else x

    keys = zip(*(judged[name] for name in (*SCOPE, "window_name")), strict=True)
    values = zip(judged["level"], judged["warning"], judged["critical"], judged["side"], strict=True)
    return {
        (key, start): (level, plain(warning), plain(critical), side)
        for key, start, (level, warning, critical, side) in zip(keys, judged["window_start"], values, strict=True)
    }


@settings(max_examples=40)
@given(tables(), WIDE, RULES, st.booleans())
def test_the_fast_judge_agrees_with_the_slow_one(table, wide, rules, with_defaults):
    rules = (*(defaults() if with_defaults else ()), wide, *rules)
    fast, slow = as_compared(judge(table, rules)), slow_judge.judge(table.to_dict("records"), rules, defaults())
    assert {key: (fast.get(key), level) for key, level in slow.items() if fast.get(key) != level} == {}
    assert len(fast) == len(slow)


@settings(max_examples=25)
@given(tables(), WIDE, RULES, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing_and_the_argument_stays_as_it_was(table, wide, rules, random):
    before = table.copy(deep=True)
    once = judge(table, (wide, *rules))
    order = list(range(len(table)))
    random.shuffle(order)
    again = judge(prepare(table.take(order)), (wide, *rules))
    pd.testing.assert_frame_equal(once, again)
    pd.testing.assert_frame_equal(table, before)


@settings(max_examples=25)
@given(tables(), WIDE, RULES, st.integers(0, 7))
def test_later_windows_do_not_change_what_was_judged(table, wide, rules, days):
    whole = as_compared(judge(table, (wide, *rules)))
    early = table[(table["window_end"] <= START + pd.Timedelta(days=days)) | (table["dataset"] != "log")]
    for key, then in as_compared(judge(early, (wide, *rules))).items():
        assert then == whole[key]


def test_below_a_lower_limit_a_value_must_be_below_its_floors_too():
    rule = {"metric": "roc_auc", "direction": "below", "warning": 0.7, "above_noise": True, "above_usual": True}
    rows = [(0.65, np.nan, np.nan), (0.65, 0.66, 0.68), (0.65, 0.6, 0.68), (0.65, 0.66, 0.64), (0.75, 0.8, 0.8)]
    table = measured([value for value, _, _ in rows]).assign(metric="roc_auc", noise=[n for _, n, _ in rows], usual=[u for _, _, u in rows])
    assert judge(table, (Rule(**rule),))["level"].tolist() == [1, 1, 0, 0, 0]
