"""A shifted copy has exactly the value that was asked for, by the distances themselves and by SciPy on raw rows."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from monitors import distances
from monitors.drift import METRICS
from monitors.shifted import shifted
from monitors.wasserstein import Numbers

NAN = np.float64(np.nan)
RAW = {"normal": np.random.default_rng(5).normal(40, 12, 20_000), "whole": np.random.default_rng(6).poisson(3, 20_000).astype(float)}


def numbers(raw):
    """Its counts on bins as the profile has them: quantiles, or the values themselves where they are few."""
    values = np.unique(raw)
    edges = values if len(values) <= 200 else np.unique(np.quantile(raw, np.arange(201) / 200, method="inverted_cdf"))
    place = np.searchsorted(edges, raw)
    sums = [np.float64(x) for x in (raw.sum(), (raw**2).sum(), raw.min(), raw.max(), raw[place == 0].sum(), raw[place == len(edges)].sum())]
    return Numbers(np.bincount(place, minlength=len(edges) + 1), *sums), edges, place


def by_hand(metric, reference, current):
    """The metric on the groups that DESIGN gives it."""
    if metric == "ks":
        return float(distances.ks(reference, current))
    first = distances.groups(reference, 10 if metric in ("psi", "chi2") else 20)
    return float(getattr(distances, metric)(np.add.reduceat(reference, first), np.add.reduceat(current, first)))


@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize("metric", [metric for metric in METRICS if metric != "wasserstein"])
def test_a_shifted_copy_has_the_value_that_was_asked_for(name, metric):
    reference, edges, _ = numbers(RAW[name])
    for value in (0.05, 0.25):
        copy = shifted(reference, edges, metric, value, rows=900.0)
        assert copy.value == pytest.approx(value, abs=1e-6)
        assert by_hand(metric, reference.counts, copy.counts) == pytest.approx(value, abs=1e-6)
        assert copy.counts.sum() == pytest.approx(900)
        assert copy.moved > 0


@pytest.mark.parametrize("name", RAW)
def test_scipy_on_weighted_raw_rows_agrees(name):
    raw = RAW[name]
    reference, edges, place = numbers(raw)
    copy = shifted(reference, edges, "wasserstein", 0.3, rows=900.0)
    weights = (copy.counts / np.maximum(reference.counts, 1))[place]
    # DESIGN promises wasserstein within 5 % or 0.02 standard deviations.
    assert wasserstein_distance(raw, raw, None, weights) / raw.std() == pytest.approx(0.3, abs=0.02)
    assert (np.average(raw, weights=weights) - raw.mean()) / raw.std() == pytest.approx(copy.moved, abs=0.02)
    first = distances.groups(reference.counts, 20)
    js = shifted(reference, edges, "js", 0.2, rows=900.0)
    both = [np.add.reduceat(counts, first) for counts in (reference.counts, js.counts)]
    assert jensenshannon(*both, base=2) == pytest.approx(0.2, abs=1e-6)


def test_categories_and_what_cannot_be_shifted():
    counts = np.array([600, 300, 90, 10, 0, 0])  # the last two: other, and never seen
    of_categories = Numbers(counts, NAN, NAN, NAN, NAN, NAN, NAN)
    copy = shifted(of_categories, None, "psi", 0.2, rows=1000.0)
    assert copy.value == pytest.approx(0.2, abs=1e-6)
    assert copy.before == pytest.approx(0.6)
    assert copy.after < 0.6
    assert copy.counts[-2:].tolist() == [0, 0]
    assert shifted(of_categories, None, "ks", 0.2, rows=1000.0) is None
    assert shifted(Numbers(np.array([0, 7, 0]), NAN, NAN, NAN, NAN, NAN, NAN), None, "psi", 0.2, rows=1000.0) is None


def test_a_column_that_is_mostly_at_its_highest_moves_down_and_one_that_cannot_goes_as_far_as_it_can():
    raw = np.random.default_rng(7).choice([10.0, 9.0, 5.0], 5000, p=[0.9, 0.07, 0.03])
    reference, edges, _ = numbers(raw)
    assert shifted(reference, edges, "ks", 0.05, rows=900.0).moved > 0
    down = shifted(reference, edges, "ks", 0.5, rows=900.0)
    assert (down.value, down.moved < 0) == (pytest.approx(0.5, abs=1e-6), True)
    assert shifted(reference, edges, "ks", 0.999, rows=900.0).value < 0.999
