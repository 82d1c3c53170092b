"""Suggestions: what they would have given is counted by hand, and the limits hold what their reasons say."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from monitors import candidates, rulebook, suggest
from monitors.rules import Rule
from monitors.thresholds import defaults, prepare

DAYS, COLUMNS = 182, 6
START = pd.Timestamp("2026-03-02", tz="UTC")
BASE = Rule(metric="psi", window="day", warning=0.1, critical=0.25, enabled=True, above_usual=False, above_noise=False, min_rows=0)
RULES = (*defaults(), BASE)
ABOUT = {"metric": "psi"}


def table(values, dataset="log", metric="psi", monitor="drift", **more):
    """(column → values of each day) as measurements."""
    parts = []
    for column, own in values.items():
        start = START + pd.to_timedelta(np.arange(len(own)), "D")
        names = {"model": "m", "version": "v1", "monitor": monitor, "metric": metric, "column": column, "segment": "all", "dataset": dataset}
        told = {"rows": 1000, "noise": 0.017, "usual": np.nan, "p_value": np.nan, "reason": None}
        parts.append(pd.DataFrame({"window_start": start, "window_end": start + pd.Timedelta(days=1), "value": own}).assign(**names, **told | more))
    return pd.concat(parts, ignore_index=True)


def healthy(seed=0, scale=None):
    """psi by chance at 1,000 rows, a column each of its own level."""
    random = np.random.default_rng(seed)
    return {f"c{i}": random.chisquare(9, DAYS) / 1000 * (scale or 1 + i) for i in range(COLUMNS)}


def runs(values, limit):
    hit = np.asarray(values) > limit
    return int((hit & ~np.r_[False, hit[:-1]]).sum())


HEALTHY = healthy()
SEEN = prepare(table(HEALTHY))


def limits(found):
    return {rule.column: rule.warning for rule in found.rules}


# ---- from the history, from a rate, from a budget ----------------------------------------------------------------------------------


def test_the_replay_is_what_the_limits_give_counted_by_hand():
    for method in ("quantile", "budget"):
        found = suggest.suggest(SEEN, RULES, ABOUT, method, each=True)
        assert list(limits(found)) == list(HEALTHY)
        by_hand = {column: runs(values, limits(found)[column]) for column, values in HEALTHY.items()}
        assert dict(zip(found.by_column["column"], found.by_column["alerts"], strict=True)) == by_hand
        assert len(found.alerts) == sum(by_hand.values())
        assert found.weeks == pytest.approx(DAYS / 7)


def test_of_the_history_one_normal_window_in_a_hundred_is_beyond():
    found = suggest.suggest(SEEN, RULES, ABOUT, "quantile", each=True)
    beyond = [np.mean(values > limits(found)[column]) for column, values in HEALTHY.items()]
    assert np.mean(beyond) == pytest.approx(0.01, abs=0.006)
    # Every column by its own level: c5 is six times as restless as c0.
    assert limits(found)["c5"] / limits(found)["c0"] == pytest.approx(6, rel=0.3)


@settings(max_examples=8, deadline=None)
@given(st.floats(0.05, 12), st.booleans())
def test_a_budget_is_kept_and_spent(per_week, each):
    found = suggest.suggest(SEEN, RULES, ABOUT, "budget", each=each, per_week=per_week)
    given_alerts = sum(runs(values, limits(found)[column if each else None]) for column, values in HEALTHY.items())
    weeks = DAYS / 7
    assert given_alerts == len(found.alerts) <= per_week * weeks
    if found.rules[0].warning > 0 and "1 in 10 normal" not in found.reason:
        # A little less of each limit (the steps of the search are 3 % of a share, limits have three figures) would break it.
        assert sum(runs(values, limits(found)[column if each else None] * 0.93) for column, values in HEALTHY.items()) > per_week * weeks - 1


def test_a_budget_is_fair_over_columns():
    found = suggest.suggest(SEEN, RULES, ABOUT, "budget", each=True, per_week=1)
    beyond = np.array([np.mean(values > limits(found)[column]) for column, values in HEALTHY.items()])
    # 26 alerts over six columns of 182 days: 4 each, give or take two.
    assert beyond.min() > 0
    assert beyond.max() < 3 * beyond.mean()
    one = suggest.suggest(SEEN, RULES, ABOUT, "budget", per_week=1)
    assert one.by_column.set_index("column")["alerts"].idxmax() == "c5"  # one limit for all lets the restless one spend it


def test_a_budget_that_cannot_be_kept_says_so():
    # Every other day at the greatest psi that there can be.
    seen = prepare(table({"x": np.tile([0.001, 18.42], 40)}))
    found = suggest.suggest(seen, RULES, {"metric": "psi", "column": "x"}, "budget", per_week=0.5)
    assert not found.rules
    assert "has to be mended" in found.reason
    assert found.by_column.empty


def test_past_incidents_are_not_learnt_from():
    spoilt = {column: np.where(np.arange(DAYS) // 20 == 3, 5.0, values) for column, values in HEALTHY.items()}
    found, before = (suggest.suggest(one, RULES, ABOUT, "quantile", each=True) for one in (prepare(table(spoilt)), SEEN))
    for column in HEALTHY:
        assert limits(found)[column] < 1.5 * limits(before)[column]
    assert (found.by_column["far"] >= 20).all()
    assert any("not learnt from" in note for note in found.notes)


def test_false_alarms_are_as_rare_as_asked_for():
    own = table(healthy(1), "reference")
    seen = prepare(pd.concat([table(HEALTHY), own]))
    found = suggest.suggest(seen, RULES, ABOUT, "false-alarms", each=True, per_week=0.84)
    # 42 windows a week: 1 in 50 of them. Of 1,092 days 22 are expected, give or take two deviations of 4.7.
    beyond = sum((values > limits(found)[column]).sum() for column, values in HEALTHY.items())
    assert beyond == pytest.approx(22, abs=10)
    assert "1 day of a column in 50" in found.reason


def test_without_windows_of_the_reference_chance_tells():
    found = suggest.suggest(SEEN, RULES, ABOUT | {"column": "c0"}, "false-alarms", per_week=7 * 0.001)
    # The 99.9th percentile over the 95th of chi-squared with 9 degrees of freedom: 27.88 / 16.92, times the measured noise.
    assert found.rules[0].warning == pytest.approx(0.017 * 27.88 / 16.92, rel=0.02)
    other = table({"x": np.full(20, 3.0)}, metric="p95", monitor="latency", noise=np.nan)
    found = suggest.suggest(prepare(other), defaults(), {"metric": "p95"}, "false-alarms")
    assert not found.rules
    assert "history" in found.reason


def test_a_series_that_follows_the_week_is_told():
    values = np.random.default_rng(2).chisquare(9, DAYS) / 1000 * np.where(np.arange(DAYS) % 7 == 6, 5, 1)
    found = suggest.suggest(prepare(table({"x": values})), RULES, ABOUT, "quantile", each=True)
    assert any("follows the week: Sundays" in note for note in found.notes)
    assert not any("week:" in note for note in suggest.suggest(SEEN, RULES, ABOUT, "quantile").notes)


def test_where_low_values_are_bad_the_limits_lie_below():
    values = np.random.default_rng(3).normal(0.9, 0.01, DAYS)
    rule = Rule(metric="roc_auc", window="day", warning=0.8, critical=0.7, direction="below", kind="constant", enabled=True, min_coverage=0,
                above_noise=False, above_usual=False)  # fmt: skip
    seen = prepare(table({"s": values}, metric="roc_auc", monitor="quality"))
    found = suggest.suggest(seen, (*defaults(), rule), {"metric": "roc_auc"}, "quantile")
    assert found.rules[0].critical < found.rules[0].warning < 0.88
    assert len(found.alerts) == runs(-values, -found.rules[0].warning)


def test_a_share_that_was_never_seen_asks_for_more_than_a_row():
    seen = prepare(table({"x": np.zeros(60)}, metric="nan_rate", monitor="stability"))
    rule = Rule(metric="nan_rate", enabled=True, window="day", min_rows=0)
    found = suggest.suggest(seen, (*defaults(), rule), {"metric": "nan_rate"}, "quantile")
    assert found.rules[0].warning == pytest.approx(3 / 1000)
    assert found.rules[0].critical == pytest.approx(9 / 1000)


@pytest.mark.parametrize(
    ("rule", "values", "why"),
    [({"direction": "outside", "warning": (0.1, 0.2), "critical": None}, [0.1] * 9, "one side"), ({"min_rows": 1001}, [0.1] * 9, "rows enough"),
     ({}, [0.1] * 5, "needs 8")],
)  # fmt: skip
def test_what_cannot_be_suggested_says_why(rule, values, why):
    rules = (*defaults(), Rule.model_validate(BASE.scope | BASE.changes | rule))
    found = suggest.suggest(prepare(table({"x": np.array(values)})), rules, ABOUT, "quantile")
    assert not found.rules
    assert why in found.reason
    assert found.alerts.empty


# ---- limits as rules ---------------------------------------------------------------------------------------------------------------


def test_what_changes_in_a_rule():
    def changed(**more):
        return candidates.fields(Rule.model_validate({"enabled": True} | more), 0.4, 0.6)

    assert changed(warning=0.1, critical=0.2) == {"warning": 0.4, "critical": 0.6}
    assert changed(critical=0.2) == {"critical": 0.4}
    assert changed(warning=0.2) == {"warning": 0.4}
    assert changed(warning=0.1, critical=0.2, recover=0.05) == {"warning": 0.4, "critical": 0.6, "recover": 0.2}
    assert changed(warning=0.9, critical=0.99, kind="reference_quantile") == {"warning": 0.4, "critical": 0.6, "kind": "constant"}
    assert changed(warning=0.1, enabled=False) == {"warning": 0.4, "enabled": True}


def test_limits_are_rounded_away_from_what_is_healthy():
    assert candidates.round_to(0.12341, 3, up=True) == 0.124
    assert candidates.round_to(0.12349, 3, up=False) == 0.123
    assert candidates.round_to(0.124, 3, up=True) == 0.124
    assert candidates.round_to(1234.0, 3, up=True) == 1240
    assert candidates.round_to(0.0, 3, up=True) == 0


@pytest.mark.parametrize(("per_week", "text"), [(3, "3 a week"), (1, "once a week"), (0.46, "2 a month"), (0.02, "once a year"), (0, "never")])
def test_how_often(per_week, text):
    assert candidates.often(per_week) == text


def test_yaml_keeps_what_people_set_and_is_taken_back():
    found = suggest.suggest(SEEN, RULES, ABOUT, "quantile", each=True)
    set_before = rulebook.read("- {metric: psi, column: c1, min_rows: 50, reason: summer}\n- {metric: ks, warning: 0.18}", "before")
    text = candidates.as_yaml(found, set_before)
    after = rulebook.read(text, "after")
    assert text.startswith("# quantile: ")
    assert len(after) == 1 + COLUMNS
    one = next(rule for rule in after if rule.column == "c1")
    assert (one.min_rows, one.reason, one.warning) == (50, "summer", limits(found)["c1"])
    with pytest.raises(BadInput, match="needs 8"):
        candidates.as_yaml(suggest.suggest(prepare(table({"x": np.full(3, 0.1)})), RULES, ABOUT, "quantile"), ())


# ---- from verdicts -----------------------------------------------------------------------------------------------------------------


def said(*verdicts):
    """(column, first day, last day, verdict) as the frame of verdicts."""
    names = {"model": "m", "version": "v1", "monitor": "drift", "metric": "psi", "segment": "all"}
    start, end = ([START + pd.Timedelta(days=one[i]) for one in verdicts] for i in (1, 2))
    return pd.DataFrame({"column": [one[0] for one in verdicts], "start": start, "end": end, "verdict": [one[3] for one in verdicts]}).assign(**names)


QUIET = np.full(100, 0.01)


def peaks(**at):
    values = QUIET.copy()
    for day, peak in at.items():
        values[int(day[1:])] = peak
    return values


def test_the_limit_that_fits_lies_between_noise_and_what_was_real():
    seen = prepare(table({"x": peaks(d10=0.2, d30=0.3, d50=0.8, d70=0.9)}))
    verdicts = said(("x", 10, 11, "noise"), ("x", 30, 31, "expected"), ("x", 50, 51, "real"), ("x", 70, 71, "real"))
    found = suggest.suggest(seen, RULES, ABOUT, "verdicts", verdicts=verdicts)
    assert found.rules[0].warning == pytest.approx((0.3 + 0.8) / 2, rel=0.01)
    assert found.rules[0].critical == pytest.approx(2.5 * found.rules[0].warning, rel=0.01)  # as 0.25 is to 0.1
    assert found.reason == "Of 4 alerts with a verdict 2 were real: this limit catches 2 of 2 and repeats 0 of the 2 others, a precision of 100%."
    assert len(found.alerts) == 2


def test_verdicts_that_no_limit_fits_and_missed_days():
    seen = prepare(table({"x": peaks(d10=0.5, d30=0.2), "y": peaks(d60=0.7, d80=0.06)}))
    verdicts = said(("x", 10, 11, "noise"), ("x", 30, 31, "real"), ("y", 60, 61, "real"))
    missed = said(("y", 80, 81, "real")).drop(columns="verdict").assign(version=None, metric=None)
    found = suggest.suggest(seen, RULES, ABOUT, "verdicts", verdicts=verdicts, missed=missed)
    # 0.06, 0.2 and 0.7 are real, 0.5 is not: below 0.06 one mistake, which every higher limit but none beats.
    assert found.rules[0].warning < 0.06
    assert "catches 3 of 3 and repeats 1 of the 1 others, a precision of 75%" in found.reason


def test_verdicts_of_other_rules_say_nothing():
    seen = prepare(table({"x": QUIET}))
    for verdicts in (None, said(("z", 10, 11, "real")), said(("x", 10, 11, "real")).assign(metric="ks")):
        found = suggest.suggest(seen, RULES, ABOUT, "verdicts", verdicts=verdicts)
        assert not found.rules
        assert "Review" in found.reason


def test_of_a_column_that_was_never_measured_nothing_is_suggested():
    for method in suggest.METHODS:
        found = suggest.suggest(SEEN, RULES, ABOUT | {"column": "nowhere"}, method)
        assert not found.rules
        assert "rows enough" in found.reason
        assert found.alerts.empty


def test_segments_take_part_where_a_rule_is_on_for_them():
    parts = {"all": HEALTHY["c0"], "s=a": HEALTHY["c1"], "s=b": HEALTHY["c2"]}
    seen = prepare(pd.concat([table({"x": values}).assign(segment=name) for name, values in parts.items()], ignore_index=True))

    def replayed(*more):
        base = Rule.model_validate(BASE.scope | BASE.changes | {"segment": "all"})
        found = suggest.suggest(seen, (*defaults(), base, *more), ABOUT, "quantile")
        return found.rules[0].warning, set(found.alerts["segment"]) | {"all"}

    low, segments = replayed()
    assert segments == {"all"}  # of the others the rule raises no alert
    high, segments = replayed(Rule(metric="psi", enabled=True, window="day", segment="s=b", min_rows=0, above_noise=False, above_usual=False))
    assert segments <= {"all", "s=b"}
    assert high > 1.5 * low  # s=b is three times as restless
