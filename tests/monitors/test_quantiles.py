"""Quantiles of counts, against NumPy on the raw rows; counts of days add up to those of the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from timing import days_of, lognormal, profiles

from data.bins import LATENCY
from monitors.quantiles import chance_level, histograms, log_deviation, quantiles, running, smooth, trimmed, whole

LEVELS = np.array([0.5, 0.9, 0.95, 0.99, 1.0])
times = arrays.arrays(np.float64, st.integers(1, 300), elements=st.floats(1e-3, 1e6))


@given(times)
def test_quantiles_are_within_one_per_cent_of_the_rows(values: np.ndarray):
    found = quantiles(days_of(values), LEVELS)[0]
    np.testing.assert_allclose(found, np.quantile(values, LEVELS, method="inverted_cdf"), rtol=0.0101)


@given(times, times, times)
def test_days_added_up_are_the_whole_and_percentiles_are_not_averaged(a: np.ndarray, b: np.ndarray, c: np.ndarray):
    days, once = days_of(a, b, c), days_of(np.concatenate([a, b, c]))
    np.testing.assert_array_equal(quantiles(whole(days), LEVELS), quantiles(once, LEVELS))
    np.testing.assert_array_equal(quantiles(running(days).take(np.array([3])), LEVELS), quantiles(once, LEVELS))


def test_the_percentile_of_two_days_is_not_the_mean_of_theirs():
    # 900 requests of 10 ms and 100 of 1000 ms: the p50 of both is 10, that of the second 1000. The mean of p50s would say 505.
    days = days_of(np.full(900, 10.0), np.full(100, 1000.0))
    assert quantiles(whole(days), np.array([0.5, 0.9, 0.91]))[0].tolist() == pytest.approx([10, 10, 1000], rel=0.01)


def test_what_lies_beyond_the_bins_is_not_lost():
    # Clock errors give 0 or less, a hung request hours: neither is cut to the ends of the bins.
    values = np.array([0.0, 0.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 4e8, 4e8])
    assert quantiles(days_of(values), np.array([0.1, 0.5, 1.0]))[0].tolist() == pytest.approx([0, 5, 4e8], rel=0.01)
    assert np.isnan(quantiles(days_of([]), LEVELS)).all()


@given(times)
def test_bins_that_are_never_used_change_nothing(values: np.ndarray):
    raw = profiles({("v1", "all", 0): values, ("v1", "all", 1): values[:1]})
    cut, edges = trimmed(raw, LATENCY.edges)
    assert len(edges) == len(cut["counts"].iloc[0]) - 1
    np.testing.assert_array_equal(quantiles(histograms(cut, edges), LEVELS), quantiles(histograms(raw, LATENCY.edges), LEVELS))


@given(times)
def test_smooth_quantiles_are_as_near_as_a_bin_is_wide(values: np.ndarray):
    found = smooth(days_of(values), LEVELS)
    low = np.quantile(values, np.maximum(LEVELS - 1 / len(values), 0), method="inverted_cdf")
    high = np.quantile(values, LEVELS, method="inverted_cdf")
    assert (found >= low * 0.979).all()
    assert (found <= high * 1.021).all()


def test_chance_level_is_the_beta_of_an_order_statistic():
    # Of 100 rows the 95th in order is at a share of Beta(95, 6).
    assert chance_level(0.95, np.array([100.0]))[0] == pytest.approx(stats.beta(95, 6).ppf(0.95), abs=1e-12)
    # Of two samples of 100 each: as one of 50.
    assert chance_level(0.5, np.array([100.0]), np.array([100.0]))[0] == pytest.approx(stats.beta(25, 26).ppf(0.95), abs=1e-12)
    assert np.isnan(chance_level(0.95, np.array([0.0]))[0])


def test_samples_of_the_same_stay_below_the_noise_95_times_in_100():
    chance = np.random.default_rng(1)
    truth = days_of(lognormal(0, 400_000))
    level = chance_level(0.95, np.array([500.0]))
    limit = quantiles(truth, np.array([[level[0]]]))[0, 0]
    over = np.mean([np.quantile(10 * np.exp(chance.normal(0, 0.4, 500)), 0.95, method="inverted_cdf") > limit for _ in range(3000)])
    assert over == pytest.approx(0.05, abs=0.02)  # 0.004 is its own deviation; a bin is 2 % wide


def test_log_deviation_is_that_of_the_sampled_quantile():
    chance = np.random.default_rng(2)
    drawn = [np.log(np.quantile(10 * np.exp(chance.normal(0, 0.4, 1000)), 0.5)) for _ in range(2000)]
    assert log_deviation(days_of(lognormal(3, 1000)), 0.5)[0] == pytest.approx(np.std(drawn), rel=0.25)
