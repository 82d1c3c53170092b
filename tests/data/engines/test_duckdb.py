"""Profiles of one pass over batches, against a plain count of each group with NumPy."""

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.bins import edges, hashes, lookup, with_hashes
from data.engines.duckdb import Plan, profile
from data.engines.places import Bins
from data.segmented import Segmented

SEGMENTS = (Segmented("region", ("eu", "us")), Segmented("channel", ("api", "app", "web")))
ODD = [np.nan, np.inf, -np.inf, 0.0, 3.0, -1e9, 1e9]


def rows(seed: int, n: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    x = generator.normal(0, 2, n)
    odd = generator.random(n) < 0.2
    x[odd] = generator.choice(ODD, odd.sum())
    return pd.DataFrame(
        {
            "window": generator.integers(100, 104, n),
            "version": generator.choice(["v1", "v2", "v3"], n),
            "region": generator.choice(np.array(["eu", "us", "mars", None], object), n),
            "channel": generator.choice(np.array(["api", "app", "web"], object), n),
            "x": x,
            "gone": generator.random(n) < 0.1,
            "c": generator.choice(np.array(["a", "b", "rare", "new", "newer", None], object), n),
        }
    )


def batches(connection, table: pd.DataFrame, size: int) -> list[pa.RecordBatch]:
    code = {c: hashes(connection, tuple(table[c])) for c in ("version", "region", "channel", "c")}
    whole = pa.table(
        {
            "window": table["window"].to_numpy(),
            "version": code["version"],
            "segment_0": code["region"],
            "segment_1": code["channel"],
            "value_0": pa.array(table["x"].to_numpy(), mask=table["gone"].to_numpy(), from_pandas=False),
            "value_1": code["c"],
        }
    )
    return whole.to_batches(max_chunksize=size)


@pytest.fixture(scope="module")
def connection():
    return duckdb.connect()


def plan(connection, shared: bool) -> Plan:
    number = [Bins("number", edges(np.sort(np.random.default_rng(i).normal(i, 1, 500)))) for i in range(3)]
    text = [with_hashes(connection, ("a", "b"), ("rare",)), with_hashes(connection, ("b",), ()), with_hashes(connection, (), ())]
    bins = {f"v{i + 1}": {"x": number[0 if shared else i], "c": text[0 if shared else i]} for i in range(3)}
    if not shared:
        del bins["v3"]["x"]
    lookups = (lookup(connection, (*bins, None)), *(lookup(connection, one.names) for one in SEGMENTS))
    return Plan(("x", "c"), bins, SEGMENTS, 100, 4, lookups)


def members(table: pd.DataFrame, segment: str) -> pd.Series:
    if segment == "all":
        return pd.Series(True, table.index)
    column, value = segment.split("=")
    return table[column] == value


def by_hand(x: np.ndarray, gone: np.ndarray, bins: Bins) -> dict[str, object]:
    x, nulls = x[~gone], int(gone.sum())
    finite = x[np.isfinite(x)]
    place = bins.edges.searchsorted(finite)
    return {
        "nulls": nulls, "nans": np.isnan(x).sum(), "pos_infs": (x == np.inf).sum(), "neg_infs": (x == -np.inf).sum(),
        "sum": finite.sum(), "sum_squares": (finite**2).sum(), "min": finite.min(initial=np.inf), "max": finite.max(initial=-np.inf),
        "below_sum": finite[place == 0].sum(), "above_sum": finite[place == len(bins.edges)].sum(),
        "counts": np.bincount(place, minlength=bins.size).tolist(),
    }  # fmt: skip


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 400), size=st.integers(1, 400), shared=st.booleans())
def test_every_cell_equals_a_plain_count(connection, seed, n, size, shared):
    table, asked = rows(seed, n), plan(connection, shared)
    found = profile(batches(connection, table, size), asked).to_pandas()
    seen = set()
    for row in found.to_dict("records"):
        mine = table[(table["window"] == row["window"]) & (table["version"] == row["version"]) & members(table, row["segment"])]
        seen.add((row["window"], row["version"], row["segment"], row["column"]))
        assert row["rows"] == len(mine)
        bins = asked.bins[row["version"]][row["column"]]
        if row["column"] == "x":
            want = by_hand(mine["x"].to_numpy(), mine["gone"].to_numpy(), bins)
            assert list(row["counts"]) == want.pop("counts")
            if not any(row["counts"]):
                want |= dict.fromkeys(("sum", "sum_squares", "min", "max", "below_sum", "above_sum"), np.nan)
            assert {name: row[name] for name in want} == pytest.approx(want, rel=1e-9, abs=1e-6, nan_ok=True)
        else:
            texts = mine["c"].dropna()
            named = [(texts == category).sum() for category in bins.categories]
            others = texts.isin(bins.others).sum()
            assert row["nulls"] == mine["c"].isna().sum()
            assert list(row["counts"]) == [*named, others, len(texts) - sum(named) - others]
    pairs = table[["window", "version"]].drop_duplicates().itertuples(index=False)
    assert {(w, v, "all", c) for w, v in pairs for c in asked.bins[v]} <= seen


def test_order_and_batches_change_no_count(connection):
    table, asked = rows(1, 3000), plan(connection, False)
    whole = profile(batches(connection, table, 3000), asked).to_pandas()
    mixed = profile(batches(connection, table.sample(frac=1, random_state=2), 170), asked).to_pandas()
    assert [list(c) for c in whole.pop("counts")] == [list(c) for c in mixed.pop("counts")]
    pd.testing.assert_frame_equal(whole, mixed, rtol=1e-9, atol=1e-5)  # 1e9 and −1e9 cancel: their last digits are lost


def test_the_same_rows_give_the_same_bytes(connection):
    table, asked = rows(3, 5000), plan(connection, False)
    one, two = (profile(batches(connection, table, 777), asked) for _ in range(2))
    assert one.equals(two)


def test_a_group_table_too_large_is_counted_sparsely(connection, monkeypatch):
    table, asked = rows(4, 500), plan(connection, False)
    dense = profile(batches(connection, table, 100), asked)
    monkeypatch.setattr("data.engines.duckdb.DENSE", 0)
    assert profile(batches(connection, table, 100), asked).equals(dense)
