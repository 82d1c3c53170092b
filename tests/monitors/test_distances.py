import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rawprofiles import counts_of, edges_of
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp

from monitors import distances
from monitors.distances import chi2, chi2_p, groups, hellinger, js, ks, ks_p, linf, psi

ALL = [psi, js, hellinger, linf, chi2, ks]
BOUNDED = [js, hellinger, linf, chi2, ks]

counts = arrays(np.int64, 7, elements=st.integers(0, 1000)).filter(lambda c: c.sum() > 0)


def grouped(reference, current, number):
    """Counts of both on `number` groups, by way of the fine bins, as the product makes them."""
    edges = edges_of(reference)
    fine = counts_of(np.asarray(reference, float), edges), counts_of(np.asarray(current, float), edges)
    starts = groups(fine[0], number)
    return tuple(np.add.reduceat(c, starts) for c in fine)


def fine(reference, current):
    edges = edges_of(reference)
    return counts_of(np.asarray(reference, float), edges), counts_of(np.asarray(current, float), edges)


# ---- the named cases ----------------------------------------------------------------------------------------------------------


def test_g2_a_constant_reference_makes_two_groups():
    reference, current = np.full(1000, 7.0), np.r_[np.full(90, 7.0), np.full(10, 8.0)]
    assert [c.tolist() for c in grouped(reference, current, 10)] == [[1000, 0], [90, 10]]
    # (0.9 - 1) ln(0.9 / 1) + (0.1 - 0.0001) ln(0.1 / 0.0001) = 0.0105 + 0.6901
    assert psi(*grouped(reference, current, 10)) == pytest.approx(0.7006, abs=5e-5)
    assert js(*grouped(reference, current, 20)) == pytest.approx(0.2278, abs=5e-5)
    assert ks(*fine(reference, current)) == pytest.approx(0.1, abs=1e-12)


def test_g3_two_deciles_empty():
    reference, current = np.arange(1, 1001), np.arange(201, 1001)
    assert psi(*grouped(reference, current, 10)) == pytest.approx(1.4248, abs=5e-5)
    assert js(*grouped(reference, current, 20)) == pytest.approx(0.3287, abs=5e-5)
    assert ks(*fine(reference, current)) == pytest.approx(0.2, abs=1e-12)


def test_g3_swapped_on_the_same_groups_is_the_same():
    reference, current = np.arange(1, 1001), np.arange(201, 1001)
    for distance, number in ((psi, 10), (js, 20)):
        p, q = grouped(reference, current, number)
        assert distance(q, p) == pytest.approx(float(distance(p, q)), rel=1e-12)


def test_g4_a_value_that_piles_up_has_a_group_of_its_own():
    z = np.arange(1, 151)
    reference, current = np.r_[np.zeros(850), z], np.r_[np.zeros(600), np.resize(z, 400)]
    assert [c.tolist() for c in grouped(reference, current, 10)] == [[850, 50, 100], [600, 150, 250]]
    assert psi(*grouped(reference, current, 10)) == pytest.approx(0.3344, abs=5e-5)
    assert ks(*fine(reference, current)) == pytest.approx(0.25, abs=1e-12)


def test_g5_categories_at_unequal_sizes():
    # a, b, c, then `other` and `new`, which are empty on both sides and must not count.
    reference, current = np.array([700, 200, 100, 0, 0]), np.array([60, 90, 50, 0, 0])
    assert chi2(reference, current) == pytest.approx(0.3099, abs=5e-5)
    assert chi2_p(reference, current) == pytest.approx(9.6e-26, rel=0.01)
    assert chi2(reference, current) ** 2 * 1200 == pytest.approx(115.209, abs=5e-4)
    assert psi(reference, current) == pytest.approx(0.6791, abs=5e-5)
    assert js(reference, current) == pytest.approx(0.3448, abs=5e-5)
    assert hellinger(reference, current) == pytest.approx(0.2892, abs=5e-5)
    assert linf(reference, current) == pytest.approx(0.4, abs=1e-12)


def test_g6_a_shift_of_no_importance_is_significant_and_small():
    v = np.arange(1, 101)
    reference, current = np.repeat(v, 2000), np.repeat(v, [1970] * 50 + [2030] * 50)
    assert ks(*fine(reference, current)) == pytest.approx(0.0075, abs=1e-12)
    assert ks_p(*fine(reference, current)) == pytest.approx(2.6e-5, rel=0.02)
    assert psi(*grouped(reference, current, 10)) == pytest.approx(0.000225, abs=5e-7)


def test_g6_ties_count_all_together():
    v = np.arange(1, 101)
    reference, current = np.repeat(v, 2000), np.repeat(v, [1970] * 50 + [2030] * 50)[::200]
    assert ks(*fine(reference, current)) == pytest.approx(0.0070, abs=1e-12)
    assert ks_p(*fine(reference, current)) > 0.999


# ---- by hand and by SciPy -----------------------------------------------------------------------------------------------------


def test_js_by_hand_and_by_scipy():
    # Shares (1, 0), (1/2, 1/2), mean (3/4, 1/4): 0, 1 and 0.811278 bits. 0.811278 - (0 + 1) / 2 = 0.311278; its root is 0.557923.
    assert js(np.array([8, 0]), np.array([4, 4])) == pytest.approx(0.557923, abs=1e-6)
    p, q = np.array([50, 30, 20]), np.array([10, 30, 60])
    assert js(p, q) == pytest.approx(jensenshannon(p, q, base=2), rel=1e-9)


def test_psi_by_hand_with_an_empty_group():
    # (1/2 - 1) ln(1/2) + (1/2 - 0.0001) ln(0.5 / 0.0001) = 0.346574 + 0.4999 × 8.517193
    assert psi(np.array([5, 0]), np.array([3, 3])) == pytest.approx(4.604318, abs=1e-6)


def test_hellinger_and_linf_by_hand():
    # Shares (0.36, 0.64) and (0.64, 0.36): roots differ by 0.2 twice, root of 0.08 / 2.
    assert hellinger(np.array([36, 64]), np.array([64, 36])) == pytest.approx(0.2, rel=1e-9)
    assert linf(np.array([36, 64]), np.array([64, 36])) == pytest.approx(0.28, rel=1e-9)


@given(counts, counts)
def test_chi2_is_scipys_test_of_homogeneity(p, q):
    table = np.stack([p, q])[:, p + q > 0]
    if table.shape[1] < 2:
        assert chi2_p(p, q) == 1
        return
    expected = chi2_contingency(table, correction=False)
    assert chi2(p, q) ** 2 * (p.sum() + q.sum()) == pytest.approx(expected.statistic, rel=1e-9, abs=1e-7)
    assert chi2_p(p, q) == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(("rows", "n"), [(50, 50), (1000, 60), (5000, 5000), (200, 30)])
def test_ks_p_is_near_scipys(rows, n):
    random = np.random.default_rng(rows + n)
    for shift in (0, 0.1, 0.3):
        reference, current = random.normal(size=rows), random.normal(shift, size=n)
        expected = ks_2samp(reference, current)
        # Every value an edge, so that the distance is exact and only the probability is compared, with the limit's own error.
        edges = np.union1d(reference, current)
        found = ks_p(counts_of(reference, edges), counts_of(current, edges))
        assert found == pytest.approx(expected.pvalue, abs=0.04 if expected.pvalue > 0.1 else 0.01)


@pytest.mark.parametrize("number", [10, 20])
@pytest.mark.parametrize("rows", [7, 60, 199, 201, 1000, 2345])
def test_groups_are_numpys_inverted_cdf_quantiles(number, rows):
    random = np.random.default_rng(rows)
    for reference in (random.normal(size=rows), random.integers(0, 30, rows), np.round(random.lognormal(0, 2, rows)) * 1.0):
        current = random.normal(1, 3, 500)
        cuts = np.unique(np.quantile(reference, np.arange(1, number) / number, method="inverted_cdf"))
        expected = [counts_of(np.asarray(reference, float), cuts)]
        found = grouped(reference, current, number)
        assert found[0].tolist() == expected[0].tolist()
        # Also of values that the reference never had, since every cut is an edge.
        assert found[1].tolist() == counts_of(current, cuts).tolist()


# ---- what holds for all of them -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distance", ALL)
@given(p=counts, times=st.integers(1, 1000))
def test_equal_shares_are_no_distance(distance, p, times):
    assert distance(p, p * times) == pytest.approx(0, abs=1e-7)
    assert distance(p, p) == 0


@pytest.mark.parametrize("distance", ALL)
@given(p=counts, q=counts)
def test_never_negative_and_bounded(distance, p, q):
    assert 0 <= distance(p, q) <= (1 if distance in BOUNDED else 2 * np.log(10_000))


@pytest.mark.parametrize("distance", ALL)
@given(p=counts, q=counts)
def test_the_order_of_the_two_does_not_matter(distance, p, q):
    assert distance(p, q) == pytest.approx(float(distance(q, p)), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("distance", [d for d in ALL if d is not chi2])
@given(p=counts, q=counts, times=st.integers(1, 1000))
def test_shares_matter_and_not_numbers_of_rows(distance, p, q, times):
    assert distance(p, q * times) == pytest.approx(float(distance(p, q)), abs=1e-7)


@pytest.mark.parametrize("distance", [d for d in ALL if d is not ks])
@given(p=counts, q=counts, order=st.permutations(range(7)))
def test_the_order_of_the_groups_does_not_matter(distance, p, q, order):
    assert distance(p[order], q[order]) == pytest.approx(float(distance(p, q)), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("distance", [*ALL, chi2_p, ks_p])
def test_many_windows_at_once_are_each_window_alone(distance):
    random = np.random.default_rng(1)
    p, q = random.integers(1, 50, 9), random.integers(0, 50, (4, 5, 9))
    together = distance(p, q)
    assert together.shape == (4, 5)
    assert together[2, 3] == distance(p, q[2, 3])
    assert distance(np.stack([p, p]), q[0, :2]) == pytest.approx(together[0, :2], rel=1e-15)


@pytest.mark.parametrize("distance", [*ALL, chi2_p, ks_p])
def test_a_window_without_rows_is_not_measured(distance):
    values = distance(np.array([5, 5, 0]), np.array([[0, 0, 0], [1, 2, 3]]))
    assert np.isnan(values[0])
    assert np.isfinite(values[1])


@pytest.mark.parametrize("distance", [*ALL, chi2_p, ks_p])
def test_what_cannot_be_compared_is_refused(distance):
    with pytest.raises(ValueError, match="differ in number"):
        distance(np.array([1, 2]), np.array([1, 2, 3]))
    with pytest.raises(ValueError, match="negative"):
        distance(np.array([1, 2]), np.array([1, -2]))
    with pytest.raises(ValueError, match="reference is empty"):
        distance(np.array([0, 0]), np.array([1, 2]))
    with pytest.raises(ValueError, match="reference is empty"):
        distances.groups(np.array([0, 0, 0]), 10)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["normal", "zeros", "integers", "few", "constant"]))
def test_ks_is_within_a_200th_of_scipys_on_the_raw_rows(seed, shape):
    random = np.random.default_rng(seed)
    reference = {
        "normal": lambda: random.normal(size=4000),
        "zeros": lambda: np.where(random.random(4000) < 0.7, 0, random.lognormal(0, 1, 4000)),
        "integers": lambda: random.poisson(300, 4000).astype(float),
        "few": lambda: random.integers(0, 12, 4000).astype(float),
        "constant": lambda: np.full(4000, 3.0),
    }[shape]()
    current = [
        random.choice(reference, 300),
        np.full(50, random.choice(reference) + 0.5),
        random.normal(reference.mean(), reference.std() + 1, 700),
    ][seed % 3]
    exact = ks_2samp(reference, current).statistic
    # 1/4000: a bin between two quantiles holds up to one row more than a 200th of them.
    assert exact - 1 / 200 - 1 / 4000 <= ks(*fine(reference, current)) <= exact + 1e-12
