"""Ranking: a planted cause is found and named, chance is not; strength and p against SciPy."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from monitors import ranking

ROWS = 2000


def inputs(seed: int = 0) -> dict[str, np.ndarray]:
    g = np.random.default_rng(seed)
    return {
        "income": g.lognormal(10, 1, ROWS),
        "age": g.integers(18, 90, ROWS).astype(float),
        "region": g.choice(["north", "south", "west"], ROWS),
        "in\"come; --": g.normal(0, 1, ROWS),
    }


def frame(columns: dict[str, np.ndarray], nulls: dict[str, np.ndarray] | None = None) -> pd.DataFrame:
    """As they come from the lake: null and NaN apart."""
    arrays = {name: pa.array(values, mask=(nulls or {}).get(name), from_pandas=False) for name, values in columns.items()}
    return pa.table(arrays).to_pandas(types_mapper=pd.ArrowDtype)


def test_a_missing_input_is_found_and_told_in_words():
    columns = inputs()
    null = np.zeros(ROWS, bool)
    null[:80] = True
    broken = np.zeros(ROWS, bool)
    broken[:63] = broken[500] = True
    first = ranking.rank(frame(columns, {"income": null}), broken)[0]
    assert (first.columns, first.what, first.broken, first.of_broken, first.others, first.of_others) == (("income",), "null", 63, 64, 17, 1936)
    assert ranking.sentence(first, "NaN") == "63 of 64 NaN rows have no income, against 0.88 % of the others"


def test_null_nan_and_infinity_of_an_input_are_three_things():
    for odd, told in ((np.nan, "NaN"), (np.inf, "infinite")):
        columns, broken = inputs(), np.arange(ROWS) < 50
        columns["age"] = np.where(broken, odd, columns["age"])
        first = ranking.rank(frame(columns), broken)[0]
        assert (first.columns, first.what, first.strength) == (("age",), told, 1.0)
        assert ranking.sentence(first, "NaN") == f"All 50 NaN rows have {told} in age, against none of the others"


def test_several_missing_inputs_are_one_cause():
    columns = inputs()
    nulls = {"income": np.arange(ROWS) < 40, "age": (np.arange(ROWS) >= 40) & (np.arange(ROWS) < 90)}
    first, *rest = ranking.rank(frame(columns, nulls), np.arange(ROWS) < 90)
    assert (set(first.columns), first.strength) == ({"income", "age"}, 1.0)
    assert ranking.sentence(first, "NaN").startswith("All 90 NaN rows lack at least one of ")
    assert {one.columns for one in rest} == {("income",), ("age",)}


def test_a_category_and_a_number_are_found():
    columns = inputs()
    west = ranking.rank(frame(columns), columns["region"] == "west")[0]
    assert (west.columns, west.what, west.strength) == (("region",), "is west", pytest.approx(1))
    low = np.sort(columns["income"])[ROWS // 20]
    cut = ranking.rank(frame(columns), columns["income"] <= low)[0]
    assert cut.columns == ("income",)
    assert cut.what.startswith("is at most ")
    assert cut.strength > 0.95
    zero = columns | {"age": np.where(np.arange(ROWS) % 9 == 0, 0.0, columns["age"])}
    assert ranking.rank(frame(zero), zero["age"] == 0)[0].what in ("is 0", "is at most 0")


def test_chance_is_no_cause():
    found = [len(ranking.rank(frame(inputs(seed)), np.random.default_rng(seed + 1000).random(ROWS) < 0.05)) for seed in range(20)]
    assert sum(map(bool, found)) <= 1  # one in 100 at most by chance, and a weak one is left out besides


def test_nothing_broken_all_broken_and_no_inputs_give_nothing():
    table = frame(inputs())
    assert ranking.rank(table, np.zeros(ROWS, bool)) == ranking.rank(table, np.ones(ROWS, bool)) == []
    assert ranking.rank(table[[]], np.arange(ROWS) < 5) == []
    empty = frame({"x": np.full(ROWS, np.nan)}, {"x": np.ones(ROWS, bool)})
    assert ranking.rank(empty, np.arange(ROWS) < 5) == []


@given(st.integers(1, 60), st.integers(1, 200), st.data())
def test_strength_and_p_are_those_of_the_two_by_two_table(n, m, data):
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    one_sided = fisher_exact([[a, b], [n - a, m - b]], alternative="greater").pvalue
    assert ranking.exact(a, n, b, m) == pytest.approx(min(2 * one_sided, 1), rel=1e-6, abs=1e-12)
    x, y = np.r_[np.ones(n), np.zeros(m)], np.r_[np.arange(n) < a, np.arange(m) < b].astype(float)
    if 0 < a + b < n + m:
        assert ranking.phi(a, n, b, m) == pytest.approx(max(np.corrcoef(x, y)[0, 1], 0), abs=1e-9)


def test_inputs_side_by_side():
    columns, broken = inputs(), np.arange(ROWS) < 100
    columns["region"] = np.where(broken, "west", "north")
    found = ranking.beside(frame(columns, {"age": broken}), broken).set_index("input")
    assert list(found.index[:2]) == ["age", "region"]
    assert found.loc["age", ["missing", "missing_others", "typical"]].tolist() == [1.0, 0.0, ""]
    assert found.loc["region", ["typical", "typical_others"]].tolist() == ["west (100%)", "north (100%)"]
    assert float(found.loc["income", "typical"]) == pytest.approx(np.median(columns["income"][:100]), rel=1e-5)
