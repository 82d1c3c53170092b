"""A value's place, found by its bits, is the one that a search finds."""

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data.bins import edges, hashes, with_hashes
from data.engines.places import Bins, Lookup

doubles = st.floats(allow_nan=True, allow_infinity=True, width=64)
crowded = st.sampled_from([0.0, -0.0, 1.0, np.nextafter(1.0, 2), 1e-300, -1e-300, 5e-324, 1e308, -1e308, 1.7e9, 1.7e9 + 2**-22])
columns = arrays(np.float64, st.integers(1, 300), elements=doubles | crowded | st.integers(-50, 50).map(float))


@settings(max_examples=60)
@given(columns, columns)
def test_number_finds_the_bin_that_a_search_finds(reference, current):
    bins = Bins("number", edges(np.sort(reference[np.isfinite(reference)])))
    finite = np.isfinite(current)
    place = bins.place(current)
    assert (place[finite] == bins.edges.searchsorted(current[finite])).all()
    assert (place[~finite] == bins.size).all()


@pytest.mark.parametrize(
    "draw",
    [
        lambda g, n: g.normal(100, 15, n),
        lambda g, n: g.pareto(1.1, n),
        lambda g, n: g.uniform(1.6e9, 1.7e9, n),
        lambda g, n: np.round(g.lognormal(4, 1, n), 2),
        lambda g, n: np.where(g.random(n) < 0.7, 0.0, g.lognormal(2, 1, n)),
        lambda g, n: g.integers(-3, 4, n).astype(float),
        lambda g, n: g.normal(0, 1, n) * 1e-12 + 5,
    ],
)
def test_number_on_the_shapes_of_real_columns(draw):
    generator = np.random.default_rng(5)
    bins = Bins("number", edges(np.sort(draw(generator, 20_000))))
    current = draw(generator, 50_000)
    assert (bins.place(current) == bins.edges.searchsorted(current)).all()


def before(*values: float) -> list[float]:
    return [float(np.nextafter(v, -np.inf)) for v in values]


def test_edges_are_the_values_when_there_are_few_and_each_has_a_bin_of_its_own():
    assert edges(np.array([1.0, 1.0, 2.0, 7.0])).tolist() == [*before(1), 1.0, *before(2), 2.0, *before(7), 7.0]
    assert edges(np.empty(0)).tolist() == []
    # 1 row in 201 does not pile up; the least value has the double before it all the same, so that "below" is a bin.
    assert edges(np.sort(np.r_[np.full(200, 5.0), 3.0])).tolist() == [*before(3), 3.0, *before(5), 5.0]
    assert edges(np.sort(np.r_[np.full(200, 5.0), 9.0])).tolist() == [*before(5), 5.0, 9.0]


def test_edges_give_a_value_that_piles_up_a_bin_of_its_own():
    found = edges(np.sort(np.r_[np.zeros(850), np.arange(1, 301), np.full(7, 50.5)]))
    for piled in (0.0, 50.5):
        at = found.searchsorted(piled)
        assert found[at] == piled
        assert found[at - 1] == np.nextafter(piled, -1)


@settings(max_examples=60)
@given(arrays(np.float64, 1000, elements=st.floats(-1e6, 1e6)))
def test_edges_are_inverted_cdf_quantiles(values):
    values = np.sort(values)
    found = edges(values)
    assert (np.diff(found) > 0).all()
    assert np.isin(np.quantile(values, np.arange(201) / 200, method="inverted_cdf"), found).all()


texts = st.text(max_size=6) | st.sampled_from(["", "1e5", "01234", 'in"come; --', "größe", "\x00", "None"])


@settings(max_examples=40)
@given(st.lists(texts, unique=True, max_size=80), st.lists(texts | st.none(), min_size=1, max_size=80))
def test_text_finds_its_category_or_none(known, current):
    connection = duckdb.connect()
    named, others = tuple(known[: len(known) // 2]), tuple(known[len(known) // 2 :])
    bins = with_hashes(connection, named, others)
    want = [
        len(named) + 2 if t is None else named.index(t) if t in named else len(named) if t in others else len(named) + 1 for t in current
    ]
    assert bins.place(hashes(connection, tuple(current))).tolist() == want


def test_lookup_tells_hashes_apart_that_share_a_slot():
    # Same leading bits, so all of them want the same slot: one gets it, the others are searched.
    crowd = np.uint64(7 << 60) + np.arange(50, dtype=np.uint64)
    looked = Lookup(crowd)
    assert looked.place(crowd).tolist() == list(range(50))
    assert looked.place(crowd + np.uint64(100)).tolist() == [-1] * 50
