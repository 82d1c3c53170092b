"""Segment columns with more values than are told apart: the others are one segment, `other`, in everything that is counted by segment."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.evidence_stability import Question
from data.evidence_stability import evidence as broken_numbers
from data.load import load
from data.pairs import pairs
from data.refresh import log_sources
from data.roles import from_dict
from data.segmented import MOST, Segmented, segments
from data.store import Store, open_store
from data.violations import Asked, evidence
from monitors import run

ROLES = from_dict({
    "timestamp": "ts", "inference_id": "id", "model_version": "v", "features": ["x", "city"], "segments": ["shop"],
    "types": {"x": "number", "city": "category", "shop": "category"},
})  # fmt: skip
DAY = datetime(2026, 3, 2, tzinfo=UTC)


def rows(often: str) -> pd.DataFrame:
    """60 shops, the first 50 of which sold three times each and the others twice; one row without a shop. What is odd is in the others."""
    shops = [often, *(f"s{i:02}" for i in range(1, 60))]
    shop = [name for i, name in enumerate(shops) for _ in range(3 if i < MOST else 2)] + [None]
    n = len(shop)
    table = pd.DataFrame({"ts": DAY + pd.to_timedelta(np.arange(n), "min"), "id": [f"i{i}" for i in range(n)], "v": "v1", "shop": shop})
    table = table.assign(x=np.arange(n) % 7.0, city="Bern")
    table.loc[[151, 152], "x"] = np.nan  # of s50 and s51
    table.loc[[0, 153], "city"] = "Basel"
    return table


def filled(place: Path, often: str) -> Store:
    store = open_store(str(place / "store"))
    log = rows(often)
    log.assign(city="Bern", x=log["x"].fillna(1)).to_parquet(place / "training.parquet")
    log.assign(x=log["x"].map(str)).to_csv(place / "log.csv", index=False)  # a NaN, not a null
    load(store, [place / "training.parquet"], "m", "reference", "v1", ROLES)
    load(store, [place / "log.csv"], "m", "log", roles=ROLES)
    features = log.assign(x=log["x"].fillna(1) + (log.index >= 160)).drop(columns="v")
    features.to_parquet(place / "features.parquet")
    load(store, [place / "features.parquet"], "m", "training", roles=ROLES)
    run.run(store)
    return store


@pytest.fixture(scope="module", params=[("s00", "other"), ("other", "other values")])
def named(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str, str]:
    """A store, the shop that sold most, and what the others are called."""
    often, rest = request.param
    return filled(tmp_path_factory.mktemp("segments"), often), often, rest


def test_the_rest_is_counted_as_one(named: tuple[Store, str, str]):
    store, often, rest = named
    found = run.profiles(store, model="m", dataset="log", column="city").set_index("segment")
    assert len(found) == 1 + MOST + 1
    assert (found.loc["all", "rows"], found.loc[f"shop={often}", "rows"], found.loc[f"shop={rest}", "rows"]) == (171, 3, 20)
    assert found["rows"].drop("all").sum() == 170  # the one without a shop is in none
    assert (found.loc[f"shop={rest}", "new_values"], found.loc[f"shop={rest}", "new_top"]) == (1, '{"Basel": 1}')
    assert run.profiles(store, model="m", dataset="log", column="x", segment=f"shop={rest}")["nans"].tolist() == [2]
    assert run.profiles(store, model="m", dataset="log", column="", segment=f"shop={rest}")["rows"].tolist() == [20]
    assert run.segments(store, "m")[0] == "all"
    assert f"shop={rest}" in run.segments(store, "m")


def test_training_and_serving_are_compared_in_the_rest(named: tuple[Store, str, str]):
    store, _, rest = named
    found = pairs(store, model="m", column="x", segment=f"shop={rest}")
    # Rows 150 to 169 are theirs; from 160 on training says one more, and two earlier ones are NaN in serving alone.
    assert found[["joined", "mismatched"]].values.tolist() == [[20, 12]]


def test_the_rows_of_the_rest_are_found(named: tuple[Store, str, str]):
    store, often, rest = named
    found = broken_numbers(store, Question("m", "nan_rate", "x", "v1", f"shop={rest}", DAY, datetime(2026, 3, 3, tzinfo=UTC)))
    assert found is not None
    assert found.counts == (2, 18)
    for segment, of in ((f"shop={often}", 3), (f"shop={rest}", 20)):
        one = evidence(store, "m", Asked("domain_rate", "city", segment=segment, domain=("Bern",)))
        assert (one.broken, one.of) == (1, of)


def test_two_columns_at_a_time_where_asked(tmp_path: Path):
    """In every monitor: drift, schema, stability, latency and number of requests, quality, skew."""
    rng, n = np.random.default_rng(0), 400
    log = pd.DataFrame({"ts": DAY + pd.to_timedelta(np.arange(n), "min"), "id": [f"i{i}" for i in range(n)], "v": "v1", "x": rng.normal(size=n)})
    log = log.assign(shop=rng.choice(["a", "b & c=d", None], n), plan=rng.choice(["pro", "free"], n), ms=rng.gamma(2, 20, n))
    log = log.assign(p=rng.random(n).round(3), y=rng.integers(0, 2, n))
    roles = {"timestamp": "ts", "inference_id": "id", "model_version": "v", "features": ["x"], "latency": ["ms"], "score": "p", "label": "y"}
    roles = from_dict(roles | {"segments": ["shop", "plan"], "segment_pairs": [["shop", "plan"]], "types": {"x": "number", "y": "category"}})
    store = open_store(str(tmp_path / "store"))
    for name, table, dataset in (("r", log, "reference"), ("l", log, "log"), ("t", log.assign(x=log["x"] + (log["plan"] == "pro")), "training")):
        table.to_parquet(tmp_path / f"{name}.parquet")
        load(store, [tmp_path / f"{name}.parquet"], "m", dataset, "v1" if dataset == "reference" else None, roles)
    run.run(store)
    own = log[(log["plan"] == "pro") & (log["shop"] == "b & c=d")]
    segment = "plan=pro & shop=b & c=d"
    assert run.segments(store, "m") == ["all", *sorted(
        ["plan=free", "plan=pro", "shop=a", "shop=b & c=d", *(f"plan={p} & shop={s}" for p in ("free", "pro") for s in ("a", "b & c=d"))]
    )]  # fmt: skip
    assert set(run.profiles(store, model="m", segment=segment, dataset="log")["rows"]) == {len(own)}
    found = run.measurements(store, model="m", segment=segment)
    assert set(found["monitor"]) >= {"drift", "schema", "stability", "latency", "quality", "skew"}
    day = found[found["window_end"] - found["window_start"] == pd.Timedelta(days=1)].set_index(["monitor", "metric", "column"])["value"]
    assert day["quality", "accuracy", ""] == pytest.approx(((own["p"] >= 0.5) == own["y"]).mean())
    assert day["skew", "mismatch_rate", "x"] == 1
    assert day["latency", "mean", "ms"] == pytest.approx(own["ms"].mean())
    one = evidence(store, "m", Asked("range_rate", "x", segment=segment, max=1.0))
    assert (one.broken, one.of) == ((own["x"] > 1).sum(), len(own))


def test_with_fifty_values_there_is_no_rest(tmp_path: Path):
    store = open_store(str(tmp_path / "store"))
    few = rows("s00").iloc[:150]
    few.to_parquet(tmp_path / "log.parquet")
    load(store, [tmp_path / "log.parquet"], "m", "log", roles=ROLES)
    assert segments(store.cursor(), log_sources(store.cursor(), "m", ROLES)) == (Segmented("shop", tuple(sorted({*few["shop"]}))),)
