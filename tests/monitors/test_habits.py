"""Habits against SciPy, against the true law of made-up histories, and against what alerts would do to them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, kruskal, median_abs_deviation

from monitors import habits as h

DAYS = np.arange(364) * h.DAY


def learn(value, series=None, **how):
    series = np.zeros(len(value), np.int64) if series is None else series
    begin = np.tile(DAYS, -(-len(value) // len(DAYS)))[: len(value)]
    return h.learn(np.asarray(value, float), series, begin, **({"is_day": True, "is_log": True} | how))


ONE = np.zeros(1, np.int64)


def test_centre_and_spread_are_the_median_and_scipys_median_deviation():
    value = np.random.default_rng(0).gamma(3, 2, 364)
    found = learn(value)
    assert found.centre == pytest.approx(np.median(np.log(value)))
    assert found.spread == pytest.approx(median_abs_deviation(np.log(value), scale="normal"), rel=1e-4)  # it knows more digits of 1.4826


@pytest.mark.parametrize("share", [0.05, 0.01, 0.001])
def test_a_limit_is_passed_by_as_many_healthy_windows_as_it_says(share):
    # psi of ten groups at 1,000 rows is chi-squared with 9 degrees of freedom, over the rows.
    value = np.random.default_rng(1).chisquare(9, 30 * 364) / 1000
    found = learn(value, np.repeat(np.arange(30), 364))
    limit = h.limits(found, np.array([share]), np.zeros(30, np.int64), 1)[0]
    # The spread of a year is good to 5 %, and the series whose spread came out widest rule the tail: far out it errs on the rare side.
    assert share / 3 < chi2.sf(limit * 1000, 9) < 1.4 * share
    assert h.beyond(found, np.array([limit]), np.zeros(30, np.int64))[0] == pytest.approx(share, rel=0.05)


def test_alerts_of_the_past_do_not_raise_a_limit():
    value = np.random.default_rng(2).chisquare(9, 364) / 1000
    spoilt = value.copy()
    spoilt[100:160] = 3.0  # two months of an incident, a sixth of the year
    limits = [h.limits(learn(v), np.array([0.01]), ONE, 1)[0] for v in (value, spoilt)]
    assert limits[1] == pytest.approx(limits[0], rel=0.35)
    assert np.quantile(spoilt, 0.99) == 3.0  # what a plain quantile would say
    found = learn(spoilt)
    assert h.is_far(found, spoilt, np.zeros(364, np.int64), DAYS)[100:160].all()
    assert found.far >= 60


def test_where_most_windows_are_alike_the_others_are_not_called_far_off():
    random = np.random.default_rng(6)
    value = np.where(random.random(364) < 0.6, 1.0, np.exp(random.normal(0, 0.5, 364)))  # six days in ten the same
    found = learn(value)
    assert found.far < 10
    # The tenth that lies furthest out, as standard deviations: a quarter of the others is above e^(0.5 × 0.67).
    assert found.spread == pytest.approx(0.337 / 1.2816, rel=0.25)


def test_which_series_follow_the_week_is_as_kruskal_and_wallis_have_it():
    random = np.random.default_rng(3)
    weekday = (np.arange(364) + 3) % 7
    series = np.repeat(np.arange(3), 364)
    value = np.r_[random.normal(size=364), random.normal(size=364) + 2 * (weekday == 6), random.integers(0, 3, 364)]
    found = h.follows_week(value, series, np.tile(weekday, 3))
    for i in range(3):
        own = value[series == i]
        test = kruskal(*(own[weekday == day] for day in range(7)))
        assert found[i] == (test.pvalue < 0.001 and test.statistic / 363 > 0.1)
    assert found.tolist() == [False, True, False]


def test_a_series_that_follows_the_week_has_habits_of_each_weekday():
    weekday = (np.arange(364) + 3) % 7  # 1 January 1970 was a Thursday
    value = np.exp(np.random.default_rng(4).normal(size=364) * 0.1) * np.where(weekday == 6, 4.0, 1.0)
    found = learn(value)
    assert found.weekday.tolist() == list(range(7))
    assert np.exp(found.centre[6] - found.centre[0]) == pytest.approx(4, rel=0.1)
    assert learn(value, is_day=False).weekday.tolist() == [-1]


def test_where_low_values_are_bad_the_limit_lies_below():
    value = np.random.default_rng(5).normal(0.9, 0.01, 364)
    limit = h.limits(learn(value, is_log=False, sign=-1), np.array([0.01]), ONE, 1)[0]
    assert limit == pytest.approx(0.9 - 2.326 * 0.01, abs=0.006)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.booleans(), st.sampled_from([1, -1]))
def test_rarer_is_further_off_whatever_the_history(values, is_log, sign):
    found = learn(np.array(values), is_log=is_log, sign=sign)
    limits = np.array([h.limits(found, np.array([share]), ONE, 1)[0] for share in (0.3, 0.1, 0.01, 0.001)])
    assert np.isfinite(limits).all()
    assert (np.diff(limits) * sign >= -1e-9).all()
    shares = np.array([h.beyond(found, np.array([limit]), ONE)[0] for limit in limits])
    assert ((shares >= 0) & (shares <= 1)).all()
