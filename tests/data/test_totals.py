"""What is counted of rows: repeats, failures, the last time, the load that brought them; fractions; latencies. Oracle: pandas on raw rows."""

import numpy as np
import pandas as pd
import pytest

from data.bins import LATENCY
from data.load import load
from data.refresh import refresh
from data.roles import from_dict
from data.store import FORMAT, Store, open_store, transact
from monitors import run

ROLES = {
    "timestamp": "ts", "inference_id": "id", "model_version": "v", "code_version": "code", "score": "s", "prediction": "p",
    "features": ['in"come; --'], "segments": ["r"], "latency": ["ms"], "types": {'in"come; --': "number", "p": "category"},
}  # fmt: skip


def rows(n: int = 4000, seed: int = 0) -> pd.DataFrame:
    g = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "ts": pd.date_range("2026-03-02", periods=n, freq=pd.Timedelta(days=4) / n, tz="UTC"),
            "id": [f"i{k}" for k in g.integers(0, n, n)], "v": g.choice(["v1", "v2"], n), "code": g.choice(["1.0", "1.1"], n),
            'in"come; --': g.integers(0, 500, n).astype(float), "r": g.choice(["eu", "us"], n), "ms": g.lognormal(1, 1.5, n),
            "s": g.random(n), "p": g.choice(["a", "b"], n),
        }
    )  # fmt: skip
    table.loc[::7, ["s", "p"]] = None
    table.loc[::11, "s"] = None  # with a prediction: not failed
    table.loc[::13, 'in"come; --'] += 0.5
    return table


def put(store: Store, tmp_path, name: str, table: pd.DataFrame, dataset: str = "log") -> int:
    path = tmp_path / f"{name}.parquet"
    table.to_parquet(path)
    return load(store, [path], "m", dataset, roles=from_dict(ROLES))[0].load


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    folder, table = tmp_path_factory.mktemp("totals"), rows()
    opened = open_store(str(folder / "store"))
    put(opened, folder, "reference", table.assign(**{'in"come; --': np.floor(table['in"come; --'])}), "reference")
    put(opened, folder, "first", table.iloc[:2500])
    put(opened, folder, "second", table.iloc[2500:])
    refresh(opened, "m", lambda _step, _share: None)
    return opened


def counted(store: Store, **names: str) -> pd.DataFrame:
    found = run.profiles(store, model="m", dataset="log", **names)
    return found.sort_values(["version", "window_start"]).reset_index(drop=True)


def by_day(table: pd.DataFrame) -> pd.core.groupby.DataFrameGroupBy:
    return table.groupby(["v", table["ts"].dt.floor("D")])


@pytest.mark.parametrize(
    ("segment", "chosen"),
    [("all", slice(None)), ("r=eu", ("r", "eu")), ("code_version=1.1", None), ("code=1.1", ("code", "1.1"))],
)
def test_rows_failures_and_last_times_of_each_window(store, segment, chosen):
    found, table = counted(store, column="", segment=segment), rows()
    if chosen is None:  # the segment bears the column's name
        assert found.empty
        return
    grouped = by_day(table if isinstance(chosen, slice) else table[table[chosen[0]] == chosen[1]])
    assert found["rows"].tolist() == grouped.size().tolist()
    assert found["errors"].tolist() == grouped.apply(lambda t: int((t["s"].isna() & t["p"].isna()).sum())).tolist()
    assert found["last_time"].tolist() == grouped["ts"].max().tolist()


def test_repeats_are_the_rows_more_than_there_are_distinct_ids(store):
    found = counted(store, column="", segment="all")
    assert found["duplicates"].tolist() == by_day(rows())["id"].apply(lambda ids: len(ids) - ids.nunique()).tolist()


def test_fractions_where_the_reference_has_whole_numbers(store):
    found, name = counted(store, segment="all", column='in"come; --'), 'in"come; --'
    assert found["fractions"].tolist() == by_day(rows())[name].apply(lambda x: int((x % 1 != 0).sum())).tolist()


def test_the_parts_tell_which_load_brought_the_rows(store):
    parts = store.frame("SELECT version, window_start, load, rows FROM main.parts ORDER BY ALL")
    load_of = np.where(np.arange(4000) < 2500, 2, 3)
    expected = rows().groupby(["v", rows()["ts"].dt.floor("D"), load_of]).size()
    assert parts["rows"].tolist() == expected.tolist()
    assert parts["load"].tolist() == expected.index.get_level_values(2).tolist()


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
def test_latency_bins_hold_a_quantile_within_one_percent(store, q):
    for _, row in counted(store, column="ms", segment="all").iterrows():
        table = rows()
        raw = table["ms"][(table["v"] == row["version"]) & (table["ts"].dt.floor("D") == row["window_start"])]
        place = np.searchsorted(np.cumsum(row["counts"]), np.ceil(q * row["rows"]))
        low, high = LATENCY.edges[place - 1 : place + 1]
        assert 2 * low * high / (low + high) == pytest.approx(np.quantile(raw, q, method="inverted_cdf"), rel=0.01)


def test_latencies_are_told_apart_by_code_version_and_features_are_not(store):
    assert "code=1.1" in set(run.profiles(store, model="m", column="ms")["segment"])
    assert "code=1.1" not in set(run.profiles(store, model="m", column='in"come; --')["segment"])
    assert "code=1.1" not in run.segments(store, "m")


def test_a_store_of_format_1_gets_what_it_lacks(tmp_path):
    place = str(tmp_path / "store")
    old = open_store(place)

    def back(cursor) -> None:
        cursor.execute("DROP TABLE main.parts")
        cursor.execute("ALTER TABLE main.profiles DROP COLUMN errors")
        cursor.execute("UPDATE main.vigia SET format = 1")

    transact(old, back, "as it was")
    old.close()
    new = open_store(place)
    assert new.frame("SELECT errors FROM main.profiles").empty
    assert new.frame("SELECT * FROM main.parts").empty
    assert new.frame("SELECT format FROM main.vigia")["format"].tolist() == [FORMAT]
