"""What chance gives, against raw rows drawn from the raw reference, binned with NumPy and compared by SciPy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rawprofiles import NAT, bins_row, profile, table
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2 as chi_squared
from scipy.stats import chi2_contingency, entropy, ks_2samp, kstwobign, wasserstein_distance

from monitors import chance
from monitors.drift import METRICS

RANDOM = np.random.default_rng(11)
NUMBERS = RANDOM.gamma(2, 3, 6000)
WORDS = RANDOM.choice(["a", "b", "c", "d", "e"], 6000, p=[0.5, 0.25, 0.15, 0.07, 0.03])


def base_of(values):
    bins = bins_row(values)
    rows = table([profile(values, bins, "reference", NAT, NAT, "v1")])
    return chance.references(rows, pd.DataFrame([bins | {"version": "v1"}]))["v1", "x", "all"]


def words(values):
    return np.array([np.sum(values == word) for word in "abcde"])


def deciles(values):
    cuts = np.quantile(NUMBERS, np.arange(1, 10) / 10, method="inverted_cdf")
    return np.bincount(np.searchsorted(cuts, values), minlength=10)


def by_scipy(metric, sample):
    """One metric of raw values against the raw reference, without a line of ours."""
    if metric == "ks":
        return ks_2samp(NUMBERS, sample, method="asymp").statistic
    if metric == "wasserstein":
        return wasserstein_distance(NUMBERS, sample) / NUMBERS.std()
    raw, count = (WORDS, words) if sample.dtype.kind == "U" else (NUMBERS, deciles)
    counts = [count(raw), count(sample)]
    if metric == "chi2":
        return np.sqrt(chi2_contingency(np.stack(counts)[:, counts[0] + counts[1] > 0], correction=False).statistic / np.sum(counts))
    p, q = (one / one.sum() for one in counts)
    if metric == "js":
        return jensenshannon(p, q, base=2)
    p, q = np.maximum(p, 0.0001), np.maximum(q, 0.0001)
    return entropy(p, q) * p.sum() + entropy(q, p) * q.sum() + (p.sum() - q.sum()) * (np.log(p.sum()) - np.log(q.sum()))


def simulated(metric, raw, rows, times=400):
    random = np.random.default_rng(5)
    return np.array([by_scipy(metric, random.choice(raw, rows)) for _ in range(times)])


@pytest.mark.parametrize(
    ("metric", "raw", "rows"),
    [("psi", NUMBERS, 240), ("psi", WORDS, 60), ("js", WORDS, 240), ("chi2", NUMBERS, 700), ("ks", NUMBERS, 240), ("wasserstein", NUMBERS, 500)],
)
def test_levels_and_exceedance_agree_with_raw_rows(metric, raw, rows):
    values = simulated(metric, raw, rows)
    found = chance.drawn(base_of(raw), metric, chance.grid([rows]), 7)
    for share in chance.LEVELS:
        # 400 simulated windows: their median is good to 5 %, their 99th percentile to 12 %; psi jumps where a group may be empty.
        wanted, rel = np.quantile(values, share), 0.2 if share == 0.99 else 0.15 if metric == "psi" else 0.1
        assert chance.level(found, share, np.array([rows]))[0] == pytest.approx(wanted, rel=rel), share
    for limit in np.quantile(values, [0.3, 0.69, 0.9]):
        # The standard deviation of a share of 400 is 0.025 at most.
        assert chance.exceeding(found, limit, np.array([rows]))[0] == pytest.approx(np.mean(values > limit), abs=0.07)


def test_a_limit_below_the_floor_is_told_as_the_share_of_windows():
    # 240 rows on ten equal groups: 240 psi is chi-squared with 9 degrees of freedom nearly, so above 0.0439 in 31 % of windows.
    found = chance.drawn(base_of(NUMBERS), "psi", chance.grid([240]), 1)
    limit = chi_squared.isf(0.31, 9) / 240
    assert limit == pytest.approx(0.0438, abs=1e-4)
    assert chance.exceeding(found, limit, np.array([240]))[0] == pytest.approx(0.31, abs=0.04)


def test_far_out_the_tail_is_that_of_the_known_laws():
    rows = np.array([4096])
    psi = chance.drawn(base_of(NUMBERS), "psi", chance.grid(rows), 3)
    ks = chance.drawn(base_of(NUMBERS), "ks", chance.grid(rows), 3)
    for share in (0.999, 0.9999):
        # The tail is fitted to 100 draws: their mean excess is good to 10 %, and with it the percentile.
        assert chance.level(psi, share, rows)[0] * 4096 == pytest.approx(chi_squared.ppf(share, 9), rel=0.15)
        assert chance.level(ks, share, rows)[0] * 64 == pytest.approx(kstwobign.ppf(share), rel=0.1)
        assert chance.exceeding(psi, chance.level(psi, share, rows)[0], rows)[0] == pytest.approx(1 - share, rel=0.3)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=2, max_size=8).filter(any), st.sampled_from(METRICS), st.integers(1, 20_000))
def test_higher_levels_are_higher_and_higher_limits_rarer(counts, metric, rows):
    base = base_of(np.repeat([f"k{i}" for i in range(len(counts))], counts))
    found = chance.drawn(base, metric, chance.grid([rows]), 2)
    assert (found is None) == (metric in ("ks", "wasserstein"))
    if found is not None:
        levels = [chance.level(found, share, np.array([rows]))[0] for share in (0.5, 0.95, 0.99, 0.999)]
        assert np.all(np.diff(levels) >= 0)
        shares_above = [chance.exceeding(found, limit, np.array([rows]))[0] for limit in (0.0, *levels, 20.0)]
        assert np.all(np.diff(shares_above) <= 1e-12)
        assert 0 <= min(shares_above) <= max(shares_above) <= 1


def test_it_is_the_same_whatever_else_is_asked_for_and_in_every_process():
    base = base_of(WORDS)
    few, more = (chance.drawn(base, "js", sizes, 9) for sizes in ((256.0,), (64.0, 256.0, 512.0)))
    assert (few.scaled[0] == more.scaled[1]).all()


def test_what_is_not_known_is_none_and_no_rows_are_blank():
    assert chance.drawn(base_of(WORDS), "null_rate", (64.0,), 1) is None
    assert chance.drawn(base_of(np.full(50, 7.0)), "wasserstein", (64.0,), 1) is None
    assert chance.drawn(base_of(WORDS), "psi", (), 1) is None
    assert chance.grid([0, 0]) == ()
    assert chance.grid([3, 240, 10**9]) == (8.0, 128.0, 256.0, 32768.0)
    found = chance.drawn(base_of(WORDS), "psi", chance.grid([300]), 1)
    assert np.isnan(chance.level(found, 0.95, np.array([0]))[0])
    assert np.isnan(chance.exceeding(found, 0.1, np.array([0]))[0])
    by_version = chance.known_level({"v1": found, "v2": None}, ["v1", "v2", "v1"], np.array([300, 300, 0]), 0.5)
    assert np.isnan(by_version).tolist() == [False, True, True]
