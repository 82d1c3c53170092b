"""Faults put into profiles, against the same faults put into raw rows: binned with NumPy, compared by SciPy and by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rawprofiles import NAT, bins_row, numbers, profile, table
from scipy.stats import ks_2samp, wasserstein_distance

from monitors import chance, drift, faults
from monitors.faults import Fault
from monitors.wasserstein import Numbers

RANDOM = np.random.default_rng(3)
RAW = {
    "gamma": RANDOM.gamma(2, 3, 6000),
    "lognormal": RANDOM.lognormal(0, 1, 6000),
    "zeros": np.where(RANDOM.random(6000) < 0.7, 0, RANDOM.gamma(2, 3, 6000)),
    "counts": RANDOM.poisson(6, 6000).astype(float),
}
FAULTS = (Fault("shift", 0.25), Fault("shift", 1.0), Fault("scale", 1.5), Fault("unit", 1000.0))


def ground_of(values):
    bins = bins_row(values)
    rows = table([profile(values, bins, "reference", NAT, NAT, "v1")])
    return faults.ground(chance.references(rows, pd.DataFrame([bins | {"version": "v1"}]))["v1", "x", "all"])


def stacked(*samples, edges):
    each = [numbers(sample, edges) for sample in samples]
    return Numbers(*(np.stack([getattr(one, field) for one in each]) for field in Numbers.__slots__))


def by_hand(values, fault, reference):
    """The fault in raw rows; a column of counts keeps to its values: each row goes to one of the two beside, so that the mean is right."""
    target = {
        "shift": values + fault.size * reference.std(), "scale": reference.mean() + fault.size * (values - reference.mean()), "unit": values * 1000,
    }[fault.kind]  # fmt: skip
    own = np.unique(reference)
    if len(own) > 200 or fault.kind == "unit":
        return target
    right = np.clip(np.searchsorted(own, target), 1, len(own) - 1)
    low, high = own[right - 1], own[right]
    rounded = np.where(np.random.default_rng(1).random(len(target)) < (target - low) / (high - low), high, low)
    return np.where((target < own[0]) | (target > own[-1]), target, rounded)


def psi_by_hand(reference, values):
    cuts = np.unique(np.quantile(reference, np.arange(1, 10) / 10, method="inverted_cdf"))
    cuts = cuts[cuts < reference.max()]
    p, q = (np.bincount(np.searchsorted(cuts, x), minlength=len(cuts) + 1) / len(x) for x in (reference, values))
    p, q = np.maximum(p, 0.0001), np.maximum(q, 0.0001)
    return ((q - p) * np.log(q / p)).sum()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: f"{one.kind} {one.size:g}")
@pytest.mark.parametrize("name", RAW)
def test_a_moved_profile_measures_what_moved_rows_do(name, fault):
    reference = RAW[name]
    window = RANDOM.choice(reference, 4000)
    of = ground_of(reference)
    found = faults.faulted(stacked(window, edges=of.base.edges), of, fault)
    rows = by_hand(np.repeat(window, 20), fault, reference)  # often, since the profile deals out rows as chance does on average
    if name != "zeros":  # on a column that piles up the groups are those of `groups`, which the raw quantiles do not give
        # The profile spreads rows evenly over bins that hold 1/200 of the reference each.
        assert drift.distance("psi", found, of.base)[0] == pytest.approx(psi_by_hand(reference, rows), rel=0.06, abs=0.005)
    assert drift.distance("ks", found, of.base)[0] == pytest.approx(ks_2samp(reference, rows, method="asymp").statistic, abs=0.012)
    apart = wasserstein_distance(reference, rows) / reference.std()
    assert drift.distance("wasserstein", found, of.base)[0] == pytest.approx(apart, rel=0.05, abs=0.02)
    assert found.sum[0] == pytest.approx(rows.sum() / 20, rel=0.02)
    assert found.counts.sum() == pytest.approx(4000)


def test_a_swap_by_hand():
    of = ground_of(np.repeat(["a", "b", "c"], [600, 300, 100]))
    counts = of.base.whole.counts[None, :]
    found = faults.faulted(Numbers(counts, *[np.full(1, np.nan)] * 6), of, Fault("swap", 0.25)).counts[0]
    assert found.tolist() == [450, 450, 100, 0, 0]  # a, b, c, other, new


def test_nulls_take_their_share_of_every_bin_and_are_the_same_each_time():
    of = ground_of(RAW["gamma"])
    windows = stacked(RANDOM.choice(RAW["gamma"], 4000), edges=of.base.edges)
    thinned = [faults.thinned(windows, np.array([5000.0]), 0.4, np.random.default_rng(7)) for _ in range(2)]
    # 5,000 rows of which 4,000 have a value: 2,000 of these go, give or take three standard deviations of 32.
    assert thinned[0].counts.sum() == pytest.approx(2000, abs=95)
    assert (thinned[0].counts == thinned[1].counts).all()
    assert drift.distance("ks", thinned[0], of.base)[0] < 0.05


def test_the_smallest_shift_is_where_the_metric_meets_the_limit():
    reference = RAW["lognormal"]
    of = ground_of(reference)
    size = faults.smallest(of, "wasserstein", 0.3)
    assert size == pytest.approx(0.3, abs=0.01)  # of a shift Wasserstein's distance is the shift
    size = faults.smallest(of, "ks", 0.15)
    assert ks_2samp(reference, reference + size * reference.std(), method="asymp").statistic == pytest.approx(0.15, abs=0.015)
    assert np.isnan(faults.smallest(of, "psi", 18.4))
    assert np.isnan(faults.smallest(of, "null_rate", 0.1))


def test_the_smallest_swap_is_where_the_metric_meets_the_limit():
    of = ground_of(np.repeat(["a", "b", "c"], [600, 300, 100]))
    assert faults.smallest(of, "linf", 0.15) == pytest.approx(0.25, abs=0.01)  # a quarter of 60 % is 15 %
    assert np.isnan(faults.smallest(of, "ks", 0.1))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([-2.5, 0.0, 0.1, 1.0, 3.0, 1e6]), min_size=2, max_size=40), st.sampled_from(FAULTS))
def test_no_row_is_lost_or_made_whatever_the_column(values, fault):
    raw = np.array(values)
    of = ground_of(raw)
    found = faults.faulted(stacked(raw, raw[:1], edges=of.base.edges), of, fault)
    assert found.counts.sum(axis=1) == pytest.approx([len(raw), 1])
    assert (found.counts >= 0).all()
    still = faults.faulted(stacked(raw, edges=of.base.edges), of, Fault("shift", 0.0))
    assert still.counts[0] == pytest.approx(of.base.whole.counts)
    assert still.sum[0] == pytest.approx(raw.sum())
