"""What the log says of itself, read once for each load."""

import pandas as pd
import pytest

from data.lineage import facts, file_columns, rollout, served
from data.load import load, undo
from data.rebuild import remember
from data.roles import from_dict
from data.store import Store, open_store

ROLES = {"timestamp": "ts", "model_version": 'v"; --', "code_version": "code", "features": ["x"], "types": {"x": "number"}}


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(str(tmp_path / "store"))


def rows(first: str, days: int, code: str, **more: object) -> pd.DataFrame:
    times = pd.date_range(first, periods=days * 24, freq="h", tz="UTC")
    return pd.DataFrame({"ts": times, 'v"; --': ["a", "b"] * (days * 12), "code": code, "x": 1.0, **more})


def put(store: Store, tmp_path, name: str, table: pd.DataFrame) -> int:
    table.to_parquet(tmp_path / f"{name}.parquet")
    return load(store, [tmp_path / f"{name}.parquet"], "m", roles=from_dict(ROLES))[0].load


def test_cells_are_what_pandas_counts(store, tmp_path):
    table = pd.concat([rows("2026-03-01", 3, "1.0"), rows("2026-03-04", 2, "1.1")])
    put(store, tmp_path, "one", table)
    cells = facts(store, "m").cells
    day = table["ts"].dt.floor("D").rename("window_start")
    wanted = table.groupby([day, 'v"; --', "code"])["ts"].agg(rows="size", first_time="min", last_time="max").reset_index()
    found = cells[["window_start", "version", "code", "rows", "first_time", "last_time"]].sort_values(["window_start", "version"])
    assert found.to_numpy().tolist() == wanted.to_numpy().tolist()
    assert cells["data"].isna().all()
    assert rollout(store, "m")["rows"].tolist() == [12] * 10
    assert served(store, "m")["code"].tolist() == [["1.0", "1.1"]] * 2


def test_a_new_load_is_read_alone_and_what_is_undone_is_forgotten(store, tmp_path):
    one = put(store, tmp_path, "one", rows("2026-03-01", 3, "1.0"))
    facts(store, "m")
    before = store.snapshot()
    facts(store, "m")
    assert store.snapshot() == before  # nothing is written where nothing is new
    two = put(store, tmp_path, "two", rows("2026-03-04", 1, "1.1"))
    assert set(facts(store, "m").cells["load"]) == {one, two}
    undo(store, one)
    assert set(facts(store, "m").cells["load"]) == {two}
    undo(store, two)
    assert facts(store, "m").cells.empty


def test_another_role_reads_all_again(store, tmp_path):
    put(store, tmp_path, "one", rows("2026-03-01", 2, "1.0", feed="f1"))
    assert set(facts(store, "m").cells["code"]) == {"1.0"}
    assert set(facts(store, "m").cells["source"]) == {"f1"}
    remember(store, "m", from_dict(ROLES | {"code_version": None, "data_version": "code"}))
    cells = facts(store, "m").cells
    assert (set(cells["data"]), cells["code"].isna().all()) == ({"1.0"}, True)


def test_a_column_of_too_many_values_is_no_version(store, tmp_path):
    table = rows("2026-03-01", 200, "1.0")
    put(store, tmp_path, "one", table.assign(code=[f"c{i}" for i in range(len(table))]))
    cells = facts(store, "m").cells
    assert cells["code"].isna().all()
    assert len(cells) == 400


def test_columns_of_a_file_are_told_by_what_they_hold_and_not_by_how_it_is_stored(store, tmp_path):
    put(store, tmp_path, "one", rows("2026-03-01", 2, "1.0", n=1, flag=True, tags=[["a"]] * 48, none=None))
    rows("2026-03-04", 2, "1.0", n=2.5).to_csv(tmp_path / "two.csv", index=False)
    load(store, [tmp_path / "two.csv"], "m", roles=from_dict(ROLES))
    columns = facts(store, "m").columns.pivot_table(index="column", columns="load", values="type", aggfunc="first")
    assert columns[1].to_dict() == {
        "code": "text", "flag": "boolean", "n": "number", "none": "any", "tags": "text", "ts": "time", 'v"; --': "text", "x": "number",
    }  # fmt: skip
    assert columns[2].dropna().to_dict() == {"code": "text", "n": "number", "ts": "time", 'v"; --': "text", "x": "number"}
    found = file_columns({"a": "DECIMAL(9,2)", "b": "TIMESTAMP_NS", "c": "VARCHAR", "d": "INTEGER[]"}, {}, is_text=False)
    assert found == [("a", "number"), ("b", "time"), ("c", "text"), ("d", "nested")]
