"""Evidence: the rows that broke as they lie in the lake, with file and row; null, NaN and infinity never mixed up."""

import datetime as d
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.evidence_stability import Evidence, Question, evidence
from data.load import load
from data.roles import from_dict, guess
from data.store import Store
from monitors import run

NAN, INF = float("nan"), float("inf")
G1 = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, NAN, NAN, INF, -INF, None, None]
ODD = 'in"come; --'
INPUTS = [ODD, "a", "b", "n", "file", "row", "first", "last"]  # as we call things ourselves in SQL
DAY = pd.Timestamp("2026-03-01", tz="UTC")


def write(path: Path, **columns: object) -> Path:
    """With pyarrow, which keeps NaN and null apart."""
    pq.write_table(pa.table({n: v if isinstance(v, pa.Array) else pa.array(v, from_pandas=False) for n, v in columns.items()}), path)
    return path


def ask(store: Store, metric: str, column: str, version: str | None = None, segment: str = "all", days: int = 1) -> Evidence | None:
    return evidence(store, Question("m", metric, column, version, segment, DAY.to_pydatetime(), (DAY + pd.Timedelta(days=days)).to_pydatetime()))


@pytest.fixture
def g1(store: Store, tmp_path: Path) -> Store:
    ts = [d.datetime(2026, 3, 1, h) for h in range(12)]
    inputs = dict.fromkeys(INPUTS, pa.array(range(12), pa.float64()))
    path = write(tmp_path / "g1.parquet", ts=ts, x=pa.array(G1, pa.float64(), from_pandas=False), **inputs)
    load(store, [path], "m")
    run.run(store)
    return store


def test_g1_the_rates_and_the_rows_that_broke(g1: Store):
    found = run.measurements(g1, monitor="stability", column="x", window="day").set_index("metric")
    assert found.loc[["nan_rate", "inf_rate"], ["rows", "value"]].to_numpy().tolist() == [[12, 2 / 12]] * 2
    nan, inf = ask(g1, "nan_rate", "x"), ask(g1, "inf_rate", "x")
    assert nan is not None
    assert inf is not None
    assert (nan.counts, nan.kinds, inf.counts, inf.kinds) == ((2, 10), (("NaN", 2),), (2, 10), (("+inf", 1), ("−inf", 1)))
    assert [Path(f).name for f in nan.broken["_file"]] == ["g1.parquet"] * 2
    assert nan.broken["_row"].tolist() == [7, 8]
    assert inf.broken["_row"].tolist() == [9, 10]
    assert (nan.span[0], nan.span[2]) == (pd.Timestamp("2026-03-01 06:00", tz="UTC"), 2)
    assert list(nan.inputs) == INPUTS
    assert nan.is_broken.tolist() == [True] * 2 + [False] * 10
    # Null and NaN are still two things in what a page shows.
    healthy = inf.others["x"].array._pa_array
    assert healthy.null_count == 2
    assert np.isnan(healthy.drop_null().to_numpy()).sum() == 2


def test_nothing_broke_no_such_column_and_no_such_metric_give_none(g1: Store):
    assert ask(g1, "nan_rate", ODD) is None
    assert ask(g1, "nan_rate", "nowhere") is None
    assert ask(g1, "constant", "x") is None
    assert ask(g1, "sum_rate", "") is None
    assert ask(g1, "nan_rate", "x", version="v9") is None


def test_version_and_segment_are_kept_apart(store: Store, tmp_path: Path):
    ts = [d.datetime(2026, 3, 1, h) for h in range(8)]
    path = write(tmp_path / "log.parquet", ts=ts, v=["a"] * 4 + ["b"] * 4, r=["it's", "us"] * 4, x=[NAN, 1.0, 2.0, NAN, NAN, NAN, 3.0, 4.0])
    roles = from_dict({"timestamp": "ts", "model_version": "v", "features": ["x", "r"], "segments": ["r"], "types": {"x": "number", "r": "category"}})
    load(store, [path], "m", roles=roles)
    counts = {(v, s): found.counts for v, s in (("a", "all"), ("b", "r=it's"), (None, "r=us")) if (found := ask(store, "nan_rate", "x", v, s))}
    assert counts == {("a", "all"): (2, 2), ("b", "r=it's"): (1, 1), (None, "r=us"): (2, 2)}


ROLES = {"timestamp": "ts", "probabilities": ["prob_a", "prob_b"], "watched": ["norm"], "features": ["x"], "types": {"x": "number"}}


def test_probabilities_are_scores_whose_sum_is_one(store: Store, tmp_path: Path):
    ts = [d.datetime(2026, 3, 1, h) for h in range(6)]
    a, b = [0.5, 0.2, 0.9, NAN, None, 1.5], [0.5, 0.8, 0.2, 0.5, 0.5, -0.5]  # sums 1, 1, 1.1, and NaN and null, which are told as such, 1
    norm = [1.0, 2, 3, INF, 5, 6]
    path = write(tmp_path / "log.parquet", ts=ts, prob_a=pa.array(a, pa.float64(), from_pandas=False), prob_b=b, norm=norm, x=a[:3] * 2)
    load(store, [path], "m", roles=from_dict(ROLES))
    run.run(store)
    found = run.measurements(store, monitor="stability", window="day", segment="all").set_index(["column", "metric"])["value"]
    assert found["", "sum_rate"] == pytest.approx(1 / 6)
    assert found["prob_a", "score_range_rate"] == pytest.approx(1 / 4)
    assert found["prob_b", "score_range_rate"] == pytest.approx(1 / 6)
    assert (found["prob_a", "nan_rate"], found["norm", "inf_rate"]) == pytest.approx((1 / 6, 1 / 6))
    assert set(run.measurements(store, monitor="drift")["column"]) == {"x"}  # watched numbers and probabilities do not drift
    seen = ask(store, "sum_rate", "")
    assert seen is not None
    assert seen.broken[["_row", "prob_a", "prob_b"]].to_numpy(float).tolist() == [[3, 0.9, 0.2]]


def test_without_probabilities_there_is_no_sum(g1: Store):
    assert run.measurements(g1, metric="sum_rate").empty
    assert run.profiles(g1, model="m", column="")["bad_sums"].isna().all()


def test_probabilities_are_guessed_where_they_add_up():
    g = np.random.default_rng(0)
    shares = g.dirichlet([1, 1, 1], 50)
    sample = pd.DataFrame({f"proba_{k}": shares[:, i] for i, k in enumerate("abc")} | {"p_value": g.random(50), "p_width": g.random(50)})
    sample["ts"] = pd.date_range("2026-03-01", periods=50, freq="h").astype(str)
    kinds = {c: "DOUBLE" if c != "ts" else "VARCHAR" for c in sample}
    roles, reasons = guess(kinds, sample)
    assert roles.probabilities == ("proba_a", "proba_b", "proba_c")
    assert roles.features == ("p_value", "p_width")
    assert reasons["proba_a"] == "one of 3 probabilities: so named, and in each row they add up to 1"
