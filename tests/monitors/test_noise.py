import subprocess
import sys

import numpy as np
import pytest
from rawprofiles import edges_of, numbers
from scipy.stats import chi2 as chi_squared
from scipy.stats import kstwo

from monitors import noise
from monitors.distances import chi2, hellinger, js, ks, linf, psi
from monitors.wasserstein import Numbers, wasserstein

GROUPED = {"psi": psi, "js": js, "hellinger": hellinger, "linf": linf, "chi2": chi2}


def all_of(reference, current):
    return {name: distance(reference, current) for name, distance in GROUPED.items()}


def stacked(samples, edges):
    each = [numbers(sample, edges) for sample in samples]
    return Numbers(*(np.stack([getattr(one, field) for one in each]) for field in Numbers.__slots__))


def by_force(values):
    return np.quantile(values, 0.95)


@pytest.mark.parametrize("rows", [10, 70, 300, 5000, 200_000])
@pytest.mark.parametrize(
    "reference", [np.full(10, 6000), np.array([700, 200, 100, 0, 0]), np.array([30000, 20000, 9000, 900, 100])]
)
def test_groups_agree_with_brute_force(reference, rows):
    found = noise.floors(noise.grouped(reference, all_of, 7), np.array([rows]))
    samples = np.random.default_rng(0).multinomial(rows, reference / reference.sum(), size=4000)
    for metric, values in all_of(reference, samples).items():
        # 200 draws: the percentile is good to 5 to 10 %, and psi jumps where a group may be empty.
        assert found[metric][0] == pytest.approx(by_force(values), rel=0.4 if metric == "psi" else 0.2), metric


def test_psi_is_chi_squared_where_groups_are_full():
    found = noise.floors(noise.grouped(np.full(10, 6000), all_of, 1), np.array([10_000, 100_000]))
    # 10 groups: n × psi is chi-squared with 9 degrees of freedom, so is 8 n ln 2 × js², and n × V² for a large reference.
    high = chi_squared.ppf(0.95, 9)
    assert found["psi"] == pytest.approx(high / np.array([10_000, 100_000]), rel=0.1)
    assert found["js"] == pytest.approx(np.sqrt(high / np.array([10_000, 100_000]) / (8 * np.log(2))), rel=0.05)


@pytest.mark.parametrize("rows", [20, 300, 5000])
@pytest.mark.parametrize("shape", ["normal", "zeros", "few", "binary", "lognormal"])
def test_ks_and_wasserstein_agree_with_brute_force(shape, rows):
    random = np.random.default_rng(4)
    reference = {
        "normal": random.normal(size=20_000),
        "zeros": np.where(random.random(20_000) < 0.8, 0, random.gamma(2, 3, 20_000)),
        "few": random.integers(0, 19, 20_000).astype(float),
        "binary": (random.random(20_000) < 0.25).astype(float),
        "lognormal": random.lognormal(0, 1, 20_000),
    }[shape]
    edges = edges_of(reference)
    whole, samples = numbers(reference, edges), stacked(random.choice(reference, (800, rows)), edges)
    found = noise.floors(noise.ordered(whole, edges, 7), np.array([rows]))
    assert found["ks"][0] == pytest.approx(by_force(ks(whole.counts, samples.counts)), rel=0.15)
    assert found["wasserstein"][0] == pytest.approx(by_force(wasserstein(whole, samples, edges)), rel=0.2)


@pytest.mark.parametrize("rows", [20, 100, 10_000])
def test_ks_of_a_continuous_column_is_kolmogorovs(rows):
    reference = np.random.default_rng(0).normal(size=50_000)
    edges = edges_of(reference)
    found = noise.floors(noise.ordered(numbers(reference, edges), edges, 7), np.array([rows]))
    # 200 draws, and the largest gap lies between two edges mostly.
    assert found["ks"][0] == pytest.approx(kstwo.ppf(0.95, rows), rel=0.15)


def test_more_rows_are_less_noise():
    rows = np.array([5, 8, 20, 100, 1000, 10_000, 1_000_000])
    found = noise.floors(noise.grouped(np.array([500, 300, 150, 49, 1]), all_of, 3), rows)
    for metric in GROUPED:
        # Cramér's V rises until the window is as large as its reference, 1,000 rows; psi while groups are empty by chance.
        assert (np.diff(found[metric][{"chi2": 4, "psi": 3}.get(metric, 0) :]) < 1e-9).all()
        assert (found[metric] > 0).all()


def test_no_rows_have_no_noise_and_one_group_has_none_either():
    curve = noise.grouped(np.array([10, 0]), all_of, 3)
    assert np.isnan(noise.floors(curve, np.array([0]))["js"][0])
    assert all(values[0] == 0 for values in noise.floors(curve, np.array([50])).values())


def test_a_reference_that_does_not_vary_has_no_wasserstein():
    edges = edges_of(np.full(100, 7.0))
    found = noise.floors(noise.ordered(numbers(np.full(100, 7.0), edges), edges, 1), np.array([50]))
    assert np.isnan(found["wasserstein"][0])
    assert found["ks"][0] == 0


def test_seeds_are_the_same_in_every_process():
    code = "from monitors import noise; print(noise.seed('m', 'v1', 'x', 'all'))"
    runs = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert runs == {f"{noise.seed('m', 'v1', 'x', 'all')}\n"}
    assert noise.seed("m", "v1", "x", "all") != noise.seed("m", "v2", "x", "all")
