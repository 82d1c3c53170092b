"""Runs: only what a load touched is profiled and measured again, and the result is the same as if all had been loaded at once."""

import shutil

import numpy as np
import pandas as pd
import pytest

from data.load import load, undo
from data.roles import from_dict
from data.store import Store, open_store
from monitors import run

ROLES = {
    "timestamp": "ts", "inference_id": "id", "model_version": "v", "prediction": "p", "score": "s", "label": "y", "label_time": "yt",
    "features": ["x", "c"], "segments": ["r"], "types": {"x": "number", "c": "category", "p": "category", "y": "category"},
}  # fmt: skip


def rows(first: str, days: int, version: str = "v1", seed: int = 0, shift: float = 0.0) -> pd.DataFrame:
    n, g = 200 * days, np.random.default_rng([seed, days])
    score = g.random(n)
    return pd.DataFrame(
        {
            "ts": pd.date_range(first, periods=n, freq=pd.Timedelta(days=1) / 200, tz="UTC"),
            "id": [f"{first}-{i}" for i in range(n)], "v": version, "x": g.normal(shift, 1, n),
            "c": g.choice(["a", "b", "d"], n, p=[0.6, 0.3, 0.1]), "r": g.choice(["eu", "us"], n), "s": score, "p": (score > 0.5).astype(int),
        }
    )  # fmt: skip


def put(store: Store, tmp_path, name: str, table: pd.DataFrame, dataset: str = "log", version: str | None = None) -> int:
    path = tmp_path / f"{name}.parquet"
    table.to_parquet(path)
    return load(store, [path], "m", dataset, version, from_dict(ROLES))[0].load


def labels(log: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"id": log["id"], "y": (log["x"] > 0).astype(int), "yt": log["ts"] + pd.Timedelta(hours=3)})


def state(store: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All profiles and measurements of a store, in one order."""
    profiles = run.profiles(store, model="m")
    profiles["counts"] = [c.tolist() for c in profiles["counts"]]
    return profiles, run.measurements(store, model="m", dataset=None)


def assert_same(one: Store, two: Store) -> None:
    for left, right in zip(state(one), state(two), strict=True):
        pd.testing.assert_frame_equal(left, right, rtol=1e-9)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Store:
    """Everything loaded at once, run once; the tests only read it."""
    folder = tmp_path_factory.mktemp("whole")
    store = open_store(str(folder / "store"))
    start(store, folder)
    log = pd.concat([rows("2026-03-01", 10, seed=1), rows("2026-03-11", 5, "v2", seed=2, shift=1)])
    put(store, folder, "log", log)
    put(store, folder, "labels", labels(log), "labels")
    run.run(store)
    return store


def start(store: Store, tmp_path) -> None:
    reference = rows("2026-01-01", 14)
    put(store, tmp_path, "ref", labels(reference).drop(columns=["id", "yt"]).join(reference), "reference")


@pytest.fixture
def own(whole, tmp_path) -> Store:
    """The whole, for a test that writes."""
    return open_store(str(shutil.copytree(whole.where, tmp_path / "own")))


def test_pieces_in_any_order_give_what_the_whole_gives(store, whole, tmp_path):
    first, second = rows("2026-03-01", 10, seed=1), rows("2026-03-11", 5, "v2", seed=2, shift=1)
    put(store, tmp_path, "labels-1", labels(pd.concat([first.iloc[500:], second])), "labels")  # labels before their log
    start(store, tmp_path)
    put(store, tmp_path, "log-2", second)
    run.run(store)
    put(store, tmp_path, "log-1", first.iloc[300:])
    run.run(store)
    put(store, tmp_path, "log-0", first.iloc[:300])  # late rows: they end in the middle of a day that was there
    put(store, tmp_path, "labels-0", labels(first.iloc[:500]), "labels")
    run.run(store)
    assert_same(store, whole)


def test_a_load_touches_its_windows_alone(own, tmp_path):
    assert run.run(own) == []
    put(own, tmp_path, "late", rows("2026-03-04", 1, seed=9).assign(id=lambda t: "late" + t["id"]))
    (ran,) = run.run(own)
    assert ran.windows == 1
    days = run.profiles(own, model="m", version="v1", column="x", segment="all", dataset="log")
    assert days["rows"].tolist() == [200] * 3 + [400] + [200] * 6


def test_undo_leaves_nothing_behind(own, whole, tmp_path):
    wrong = put(own, tmp_path, "wrong", rows("2026-03-09", 20, "v2", seed=5))  # its days overlap and go beyond
    other = put(own, tmp_path, "other", rows("2026-01-01", 20, seed=7, shift=5), "reference", "v1")
    run.run(own)
    psi = {"column": "x", "metric": "psi", "segment": "all", "window": "day", "version": "v1"}
    assert run.measurements(own, **psi)["value"].min() > 5
    undo(own, wrong)
    undo(own, other)
    run.run(own)
    assert run.measurements(own, **psi)["value"].max() < 0.3
    assert_same(own, whole)


def test_labels_are_counted_where_their_inference_was_and_forgotten_when_undone(own, tmp_path):
    undo(own, int(own.frame("SELECT load FROM main.loads WHERE dataset = 'labels'")["load"].iloc[0]))
    run.run(own)
    assert run.profiles(own, model="m", column="y", segment="all", dataset="log")["counts"].map(sum).sum() == 0
    log = rows("2026-03-01", 10, seed=1)
    put(own, tmp_path, "first", labels(log.iloc[:300]), "labels")
    corrected = labels(log.iloc[:10]).assign(y=1)  # the last label that came is the one that counts
    put(own, tmp_path, "corrected", corrected, "labels")
    (ran,) = run.run(own)
    assert ran.windows == 2
    found = run.profiles(own, model="m", version="v1", column="y", segment="all", dataset="log")
    assert found["nulls"].tolist() == [0, 100] + [200] * 8
    want = pd.concat([corrected["y"], labels(log.iloc[10:300])["y"]])
    ones = list(run.bins(own, "m").set_index("column").loc["y", "categories"]).index("1")
    assert sum(counts[ones] for counts in found["counts"]) == want.sum()


def test_segments_are_profiles_of_their_own(whole):
    assert run.segments(whole, "m") == ["all", "r=eu", "r=us"]
    found = run.profiles(whole, model="m", version="v1", column="x", dataset="log").set_index("segment")
    log = rows("2026-03-01", 10, seed=1)
    for region in ("eu", "us"):
        mine = log[log["r"] == region]
        assert found.loc[f"r={region}", "rows"].sum() == len(mine)
        assert found.loc[f"r={region}", "sum"].sum() == pytest.approx(mine["x"].sum())


def test_a_span_of_the_log_can_be_the_reference(store, tmp_path):
    path = tmp_path / "log.parquet"
    rows("2026-03-01", 20, seed=1).to_parquet(path)
    load(store, [path], "m", roles=from_dict({**ROLES, "reference": ["2026-03-01", "2026-03-11"]}))
    run.run(store)
    found = run.measurements(store, column="x", metric="psi", segment="all", window="day")
    assert len(found) == 20
    assert found["value"].notna().all()


def test_without_a_reference_every_value_is_blank_and_says_why(store, tmp_path):
    put(store, tmp_path, "log", rows("2026-03-01", 2, seed=1))
    run.run(store)
    found = run.measurements(store, metric="psi", segment="all", window="day")
    assert found["value"].isna().all()
    assert set(found["reason"]) == {"no reference for version v1"}
    assert run.alerts(store).empty
