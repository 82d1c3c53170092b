"""Calibration by scikit-learn on raw rows, and expectations by every row and pair of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from monitors.calibration import MIDDLES, Scored, above_cut, expected, isotonic

counts = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12).filter(lambda rows: any(map(any, rows)))


def test_isotonic_by_hand():
    # 1/4, then 1/2 and 0/2, which fall and are pooled to 1/4; an empty bin half-way to 1/1.
    assert isotonic(np.array([1.0, 1, 0, 0, 1]), np.array([3.0, 1, 2, 0, 0])) == pytest.approx([0.25, 0.25, 0.25, 0.625, 1])


@given(counts)
@settings(max_examples=30, deadline=None)
def test_isotonic_is_that_of_scikit_learn_on_raw_rows(rows: list[tuple[int, int]]):
    positives, negatives = np.array(rows, float).T
    score = np.repeat(np.arange(len(rows)), (positives + negatives).astype(int))
    label = np.concatenate([[1] * a + [0] * b for a, b in rows])
    oracle = IsotonicRegression(out_of_bounds="clip").fit(score, label).predict(np.arange(len(rows)))
    assert isotonic(positives, negatives) == pytest.approx(oracle, abs=1e-9)


def test_isotonic_of_nothing_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="no labelled scores"):
        isotonic(np.zeros(3), np.zeros(3))


def test_the_highest_scores_are_selected_and_the_bin_of_the_cut_in_part():
    seen = Scored(np.array([0, 0, 0, 1]), np.array([1, 5, 9, 5]), np.array([4.0, 4, 2, 8]), np.zeros(4), 2)
    assert above_cut(seen, np.array([3.0, 8])).tolist() == [0, 0.25, 1, 1]


def windows(seed: int) -> Scored:
    """Three windows of some 60 rows in some bins, the second with a single bin."""
    random = np.random.default_rng(seed)
    parts = [np.sort(random.choice(1000, size, replace=False)) for size in (30, 1, 25)]
    at = np.concatenate(parts)
    return Scored(np.repeat(np.arange(3), [30, 1, 25]), at, random.integers(1, 5, len(at)).astype(float), random.uniform(0.05, 0.95, len(at)), 3)


def test_expectations_are_those_of_every_row_and_pair():
    seen = windows(3)
    taken = (seen.bin >= 500).astype(float)
    found = expected(seen, taken)
    for w in (0, 2):
        own = seen.window == w
        times = seen.rows[own].astype(int)
        chance, score, says = (np.repeat(x, times) for x in (seen.chance[own], MIDDLES[seen.bin[own]], taken[own]))
        tp, fp, fn = (chance * says).sum(), ((1 - chance) * says).sum(), (chance * (1 - says)).sum()
        assert found["accuracy"].value[w] == pytest.approx(np.where(says, chance, 1 - chance).mean())
        assert found["precision"].value[w] == pytest.approx(tp / (tp + fp))
        assert found["recall"].value[w] == pytest.approx(tp / (tp + fn))
        assert found["f1"].value[w] == pytest.approx(2 * tp / (2 * tp + fp + fn))
        assert found["log_loss"].value[w] == pytest.approx(-(chance * np.log(score) + (1 - chance) * np.log(1 - score)).mean())
        assert found["brier"].value[w] == pytest.approx((chance * (1 - score) ** 2 + (1 - chance) * score**2).mean())
        weight = chance[:, None] * (1 - chance)  # of row i as the positive and row j as the negative of a pair
        order = (score[:, None] > score) + 0.5 * (score[:, None] == score)
        assert found["roc_auc"].value[w] == pytest.approx((weight * order).sum() / weight.sum())


def test_what_is_not_defined_is_blank():
    seen = Scored(np.array([0, 1]), np.array([100, 900]), np.array([5.0, 5]), np.array([0.0, 1.0]), 3)
    found = expected(seen, np.array([0.0, 1.0]))
    assert np.isnan(found["roc_auc"].value).all()
    assert np.isnan(found["precision"].value).tolist() == [True, False, True]
    assert np.isnan(found["recall"].value).tolist() == [True, False, True]
    assert found["accuracy"].value[:2].tolist() == [1, 1]
    assert np.isnan(found["accuracy"].value[2])  # a window without a row


def test_the_truth_spreads_about_an_expectation_as_said():
    """4,000 draws of the labels of 2,000 rows: standard deviations good to 1 %, the delta method to a few."""
    random = np.random.default_rng(5)
    score = np.unique(random.integers(0, 1000, 2000), return_counts=True)
    chance = np.clip(MIDDLES[score[0]] ** 1.5, 0.02, 0.98)
    seen = Scored(np.zeros(len(score[0]), np.int64), score[0], score[1].astype(float), chance, 1)
    taken = (score[0] >= 600).astype(float)
    found = expected(seen, taken)
    ones = random.binomial(score[1], chance, (4000, len(chance))).astype(float)
    zeros = score[1] - ones
    tp, fp, fn = ones @ taken, zeros @ taken, ones @ (1 - taken)
    middle = MIDDLES[score[0]]
    truths = {
        "accuracy": (tp + zeros @ (1 - taken)) / 2000, "precision": tp / (tp + fp), "recall": tp / (tp + fn),
        "f1": 2 * tp / (2 * tp + fp + fn), "log_loss": (ones @ -np.log(middle) + zeros @ -np.log1p(-middle)) / 2000,
        "brier": (ones @ (1 - middle) ** 2 + zeros @ middle**2) / 2000,
        "roc_auc": (ones * (np.cumsum(zeros, axis=1) - zeros / 2)).sum(axis=1) / ones.sum(axis=1) / zeros.sum(axis=1),
    }  # fmt: skip
    for metric, draws in truths.items():
        assert found[metric].spread[0] == pytest.approx(draws.std(), rel=0.06), metric
        assert found[metric].value[0] == pytest.approx(draws.mean(), abs=4 * draws.std() / np.sqrt(4000) + 1e-4), metric


def test_estimates_vary_over_windows_as_said():
    """1,000 windows of 300 rows from one distribution of scores: standard deviations good to 3 %."""
    random = np.random.default_rng(6)
    at = np.arange(100, 900, 8)
    share = random.dirichlet(np.ones(len(at)))
    chance = np.clip(MIDDLES[at] ** 1.5, 0.02, 0.98)
    drawn = random.multinomial(300, share, 1000).astype(float)
    window, place = np.nonzero(drawn)
    taken = (at >= 600).astype(float)
    many = expected(Scored(window, at[place], drawn[window, place], chance[place], 1000), taken[place])
    one = expected(Scored(np.zeros(len(at), np.int64), at, share * 300, chance, 1), taken)
    for metric, found in one.items():
        assert found.sampling[0] == pytest.approx(many[metric].value.std(), rel=0.1), metric
