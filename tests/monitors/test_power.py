"""The power of a rule, against faults put into the raw rows of every window, binned and judged by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rawprofiles import NAT, bins_row, day, profile, table
from scipy.stats import ks_2samp

from monitors import chance, drift, periods, power, value_faults
from monitors.faults import Fault
from monitors.rules import Rule
from monitors.thresholds import judge

RANDOM = np.random.default_rng(8)
REFERENCE = RANDOM.gamma(2, 3, 8000)
DAYS = [RANDOM.choice(REFERENCE, 300) for _ in range(40)]
LASTS = power.LASTS["day"]


def psi(values):
    cuts = np.quantile(REFERENCE, np.arange(1, 10) / 10, method="inverted_cdf")
    p, q = (np.bincount(np.searchsorted(cuts, x), minlength=10) / len(x) for x in (REFERENCE, values))
    p, q = np.maximum(p, 0.0001), np.maximum(q, 0.0001)
    return ((q - p) * np.log(q / p)).sum()


def ks(values):
    return ks_2samp(REFERENCE, values, method="asymp").statistic


BY_HAND = {"psi": psi, "ks": ks}


@pytest.fixture(scope="module")
def kept():
    """Profiles and bins of forty days, the reference and what drift measures of them."""
    bins = bins_row(REFERENCE, version="v1")
    rows = [profile(REFERENCE, bins, "reference", NAT, NAT, "v1")]
    rows += [profile(values, bins, "log", *day(i), "v1") for i, values in enumerate(DAYS)]
    profiles, bins = table(rows), pd.DataFrame([bins])
    return profiles, bins, drift.measure(profiles, bins)


def subjects(kept, rule):
    profiles, bins, measured = kept
    own = measured[(measured["metric"] == rule.metric) & (measured["window_end"] - measured["window_start"] == pd.Timedelta(days=1))]
    log = periods.merge(profiles[profiles["dataset"] == "log"], "day")
    return power.subjects(log, chance.references(profiles, bins), judge(own, [rule]))


def rule_of(metric, warning, **more):
    return Rule(monitor="drift", metric=metric, warning=warning, window="day", **more)


def by_hand(metric, fault, limits, runs):
    """Detection and median delay at some limits over every start: rows moved, the metric from raw rows, k of the last n counted."""
    k, n = runs
    known = {}

    def value(at, part):
        if (at, part) not in known:
            mean, values = REFERENCE.mean(), DAYS[at]
            moved = mean + fault.size * (values - mean) if fault.kind == "scale" else values + fault.size * part * REFERENCE.std()
            known[at, part] = BY_HAND[metric](moved if part else values)
        return known[at, part]

    told = []
    for limit in limits:
        first = []
        for start in range(len(DAYS) - LASTS + 1):
            hits = [value(at, 0) > limit for at in range(max(0, start - n + 1), start)]
            lead = len(hits)
            hits += [value(start + step, (step + 1) / LASTS if fault.kind == "ramp" else 1) > limit for step in range(LASTS)]
            first.append(next((i - lead for i in range(lead, len(hits)) if hits[i] and sum(hits[max(0, i - n + 1) : i + 1]) >= k), None))
        caught = [one + 1 for one in first if one is not None]
        told.append((len(caught) / len(first), np.median(caught) if caught else np.nan))
    return told


@pytest.mark.parametrize(
    ("metric", "limit", "fault", "runs"),
    [("psi", 0.08, Fault("shift", 0.15), (1, 1)), ("psi", 0.07, Fault("ramp", 0.5), (2, 3)), ("ks", 0.1, Fault("scale", 1.15), (2, 2))],
)  # fmt: skip
def test_detection_and_delay_are_those_of_faults_in_raw_rows(kept, metric, limit, fault, runs):
    rule = rule_of(metric, limit, for_windows=runs)
    found = power.curve(subjects(kept, rule), rule, 1, [fault])
    assert found.healthy == found.windows == 40
    points = found.points.set_index("factor")
    assert (points["tries"] == 40 - LASTS + 1).all()  # every start
    factors = (0.79, 1.0, 1.26)
    for factor, (share, delay) in zip(factors, by_hand(metric, fault, [limit * factor for factor in factors], runs), strict=True):
        # A window near the limit may fall on either side: a bin of 1/200 holds 1.5 of 300 rows.
        assert points.loc[factor, "detected"] == pytest.approx(share, abs=0.15), factor
        assert np.isnan(delay) or points.loc[factor, "delay_days"] == pytest.approx(delay, abs=1.5), factor


def test_false_alarms_are_the_runs_of_the_windows_as_they_were(kept):
    rule = rule_of("psi", 0.035)
    found = power.curve(subjects(kept, rule), rule, 1, [Fault("shift", 1.0)]).points.set_index("factor")
    values = np.array([psi(one) for one in DAYS])
    for factor in power.FACTORS:
        hits = values > 0.035 * factor
        runs = (hits & ~np.r_[False, hits[:-1]]).sum()
        assert found.loc[factor, "false_alarms"] == pytest.approx(runs / (40 / 7)), factor
        without = [hits[i : i + LASTS].any() for i in range(40 - LASTS + 1)]
        assert found.loc[factor, "anyway"] == pytest.approx(np.mean(without)), factor


def test_nulls_are_seen_by_the_null_rate_and_hardly_by_psi(kept):
    profiles, _, _ = kept
    rule = rule_of("psi", 0.2)
    seen = power.curve(subjects(kept, rule), rule, 1, [Fault("nulls", 0.05)])
    assert seen.points["detected"].max() == 0
    rule = Rule(monitor="schema", metric="null_rate", warning=0.03, window="day")
    measured = nulls_of(profiles)
    found = power.curve(power.of_values(judge(measured, [rule])), rule, 1)
    points = found.points[found.points["factor"] == 1].set_index("size")
    # 300 rows lose 5 %: at least 10 of them in a window with a chance of 0.93, so in fourteen windows for sure; 1 %: seldom more than 9.
    assert points.loc[0.05, "detected"] == 1
    assert points.loc[0.01, "detected"] < 0.3


def nulls_of(profiles):
    log = profiles[profiles["dataset"] == "log"]
    names = {"model": "m", "version": "v1", "monitor": "schema", "metric": "null_rate", "column": "x", "segment": "all"}
    blank = {"noise": 0.0, "usual": np.nan, "p_value": np.nan, "reason": None}
    return log[["window_start", "window_end", "rows"]].assign(**names, **blank, value=log["nulls"] / log["rows"])


def test_the_same_history_gives_the_same_curve_and_a_sick_window_takes_no_part(kept):
    rule = rule_of("psi", 0.1)
    seen = subjects(kept, rule)
    one, again = (power.curve(seen, rule, 5) for _ in range(2))
    pd.testing.assert_frame_equal(one.points, again.points)
    profiles, bins, measured = kept
    sick = measured.assign(value=np.where(measured["window_start"] == day(3)[0], 9.0, measured["value"]))
    assert power.curve(subjects((profiles, bins, sick), rule), rule, 5, [Fault("shift", 1.0)]).healthy == 39


# ---- metrics whose faults follow from value and rows: against raw rows ---------------------------------------------------------------

ROWS = 300
SLOW = [RANDOM.lognormal(3, 0.7, ROWS) for _ in range(40)]  # ms
LEFT = [RANDOM.random(ROWS) < 0.004 for _ in range(40)]  # rows out of range
RIGHT = [RANDOM.random(ROWS) < 0.9 for _ in range(40)]  # predictions


def broken(rows, size):
    return rows | (RANDOM.random(len(rows)) < size / np.mean(~rows) * ~rows)


RAW = {
    "p95": ("latency", SLOW, lambda rows: np.quantile(rows, 0.95), "slower", lambda rows, size: rows * size),
    "range_rate": ("schema", LEFT, np.mean, "broken", broken),
    "accuracy": ("quality", RIGHT, np.mean, "wrong", lambda rows, size: rows & (RANDOM.random(ROWS) >= size)),
    "throughput": ("latency", [np.ones(ROWS)] * 40, np.sum, "fewer", lambda rows, size: rows[RANDOM.random(len(rows)) >= size]),
}


def judged_by(metric, rule):
    monitor, days, value, _, _ = RAW[metric]
    start, end = zip(*(day(i) for i in range(40)), strict=True)
    names = {"model": "m", "version": "v1", "monitor": monitor, "metric": metric, "column": "x", "segment": "all"}
    blank = {"noise": np.nan, "usual": np.nan, "p_value": np.nan, "reason": None, "rows": ROWS}
    values = [float(value(rows)) for rows in days]
    return judge(pd.DataFrame({"window_start": start, "window_end": end, "value": values}).assign(**names, **blank), [rule])


@pytest.mark.parametrize(
    ("metric", "limit", "size", "runs"),
    [("p95", 80.0, 1.25, (2, 3)), ("range_rate", 0.022, 0.01, (1, 1)), ("range_rate", 0.018, 0.01, (2, 3)),
     ("accuracy", 0.85, 0.025, (1, 1)), ("throughput", 261.0, 0.1, (1, 1)), ("throughput", 266.0, 0.1, (2, 2))],
)  # fmt: skip
def test_faults_of_other_monitors_are_caught_as_in_raw_rows(metric, limit, size, runs):
    monitor, days, value, kind, fault = RAW[metric]
    low = metric in ("accuracy", "throughput")
    rule = Rule(monitor=monitor, metric=metric, warning=limit, window="day", direction="below" if low else "above", for_windows=runs)
    seen, (k, n) = power.of_values(judged_by(metric, rule)), runs
    # Chance decides which rows are hit. Of one curve it hits a window once for all spans that hold it, so some curves are needed.
    curves = [power.curve(seen, rule, turn, [Fault(kind, size)]) for turn in range(1 if metric == "p95" else 20)]
    assert {one.healthy for one in curves} == {40}
    ours = np.nanmean([one.points.loc[one.points["factor"] == 1, ["detected", "delay_days"]].iloc[0] for one in curves], axis=0)
    first = []
    for start in [*range(40 - LASTS + 1)] * (1 if metric == "p95" else 8):
        values = [value(days[at]) for at in range(max(0, start - n + 1), start)]
        lead = len(values)
        values += [value(fault(days[start + step], size)) for step in range(LASTS)]
        hits = [one < limit if low else one > limit for one in values]
        first.append(next((i - lead for i in range(lead, len(hits)) if hits[i] and sum(hits[max(0, i - n + 1) : i + 1]) >= k), np.nan))
    assert 0.1 < np.isfinite(first).mean() < 1 or metric == "p95"
    assert ours[0] == pytest.approx(np.isfinite(first).mean(), abs=1e-9 if metric == "p95" else 0.1)
    assert ours[1] == pytest.approx(np.nanmedian(first) + 1, abs=1e-9 if metric == "p95" else 1.5)


def test_a_day_of_which_half_the_rows_do_not_come_has_half_of_its_ratio():
    # 900 rows came of 1,000 expected, which is what `rows` of this metric are; half of them is 450, give or take five times 15.
    shown = {"value": np.array([0.9]), "rows": np.array([1000.0])}
    found = value_faults.faulted(shown, "rows_ratio", Fault("fewer", 0.5), 1.0, np.random.default_rng(1))
    assert (found["value"][0], found["rows"][0]) == (pytest.approx(0.45, abs=0.075), 1000)


def test_a_series_that_mostly_alerts_is_not_healthy_unless_its_reference_says_so():
    rule = Rule(monitor="latency", metric="p95", warning=1.0, window="day")
    judged = judged_by("p95", rule)
    seen = power.of_values(judged)
    assert "healthy days of one version" in power.curve(seen, rule, 1).reason
    own = {"v1": np.full(8, 1e9)}
    assert power.curve(power.told(seen, own, judged, pd.DataFrame(columns=["decision", "kind", "retracts", "value", "note", "author", "at",
                       "model", "version", "monitor", "metric", "column", "segment", "start", "end"])), rule, 1).healthy == 40  # fmt: skip


def test_what_people_said_and_the_reference_tell_which_windows_were_healthy():
    rule = Rule(monitor="latency", metric="p95", warning=80.0, window="day")
    judged = judged_by("p95", rule)
    one = power.of_values(judged)
    values = one[0].shown["value"]
    limit = np.sort(values)[29]  # ten lie further off than all of the reference's own
    own = {"v1": np.r_[values[values <= limit][:6], limit]}
    names = {name: judged[name].iloc[0] for name in ("model", "version", "monitor", "metric", "column", "segment")}
    furthest, nearest, next_one = np.argsort(-values)[0], np.argsort(values)[0], np.argsort(values)[1]
    spans = {i: dict(zip(("start", "end"), day(int(i)), strict=True)) for i in (furthest, nearest, next_one)}
    made = pd.DataFrame([
        names | spans[furthest] | {"decision": 1, "kind": "verdict", "value": "noise"},
        names | spans[nearest] | {"decision": 2, "kind": "verdict", "value": "real"},
        dict.fromkeys(names) | {"model": "m", "decision": 3, "kind": "missed"} | spans[next_one],
    ]).assign(at=day(50)[0], author="ana", note="", retracts=None)  # fmt: skip
    assert power.curve(power.told(one, {}, judged, made.iloc[:0]), rule, 1).healthy == 40
    assert power.curve(power.told(one, own, judged, made.iloc[:0]), rule, 1).healthy == 30
    assert power.curve(power.told(one, own, judged, made), rule, 1).healthy == 30 + 1 - 2


@settings(max_examples=5, deadline=None)
@given(st.floats(0.01, 0.5), st.sampled_from([Fault("shift", 0.3), Fault("scale", 1.5), Fault("ramp", 1.0), Fault("nulls", 0.3)]))
def test_lower_limits_catch_no_less(kept, limit, fault):
    rule = rule_of("psi", limit)
    points = power.curve(subjects(kept, rule), rule, 2, [fault]).points.sort_values("factor")
    assert (np.diff(points["detected"]) <= 0).all()
    assert (points["detected"] >= 0).all()
    assert (points["anyway"].diff().dropna() <= 0).all()


def test_the_smallest_size_that_nine_in_ten_catch():
    same = {"factor": 1.0, "delay_days": 2.0}
    rows = [("shift", 0.1, 0.95), ("shift", 0.25, 0.5), ("shift", 0.5, 0.92), ("shift", 1.0, 1.0), ("nulls", 0.1, 0.0)]
    points = pd.DataFrame([same | {"kind": kind, "size": size, "detected": share} for kind, size, share in rows])
    best = power.caught(power.Power(points, "", 1, 1, 1)).set_index("kind")["size"]
    assert best["shift"] == 0.5  # the larger ones have to be caught too: 0.1 was luck
    assert np.isnan(best["nulls"])


@pytest.mark.parametrize(
    ("more", "why"),
    [({"metric": "roc_auc"}, "does not follow from what"), ({"kind": "fdr", "warning": 0.1}, "false discovery"), ({"warning": None}, "no limit"),
     ({"min_rows": 301}, "Only 0")],
)  # fmt: skip
def test_what_cannot_be_told_says_why(kept, more, why):
    rule = Rule.model_validate({"monitor": "drift", "metric": "psi", "warning": 0.1, "window": "day"} | more)
    seen = subjects(kept, rule_of("psi", 0.1) if "metric" in more else rule)
    found = power.curve(seen, rule, 1)
    assert found.points.empty
    assert why in found.reason
    assert power.curve([], rule_of("psi", 0.1), 1).reason.startswith("No day")


def test_versions_that_served_shortly_each_are_too_short_for_a_fault(kept):
    rule = rule_of("psi", 0.1)
    one = subjects(kept, rule)[0]
    short = [power.Subject(f"v{i}", {k: v[:9] for k, v in one.shown.items()}, one.windows, one.rows[:9], one.of) for i in range(3)]
    found = power.curve(short, rule, 1)
    assert found.points.empty
    assert "healthy days of one version: 14 are needed" in found.reason
