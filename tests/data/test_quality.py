"""Outcomes as they are stored: equal to what pandas and scikit-learn count on the raw rows, whatever the kind, the names and the order of loads."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss, roc_auc_score

from data import bins as learning
from data import counting, quality
from data.engines.places import Bins
from data.load import load, undo
from data.refresh import Refreshed
from data.roles import from_dict
from data.store import Store, append, open_store
from monitors import outcomes
from monitors.run_quality import quality as read
from monitors.run_quality import task

ODD = 'in"come; --'
DAYS = pd.date_range("2026-03-02", periods=4, tz="UTC")
ROLES = {
    "timestamp": "ts", "inference_id": "the key", "model_version": "v", "segments": ["r", ODD], "prediction": "said", "score": "sure",
    "label": "y", "label_time": "came", "types": {"said": "category", "y": "category"},
}  # fmt: skip
EDGES = np.array([-1.0, 0.0, 2.5])


def put(store: Store, name: str, rows: pd.DataFrame, dataset: str = "log", version: str | None = None, **roles) -> int:
    path = Path(store.where).parent / f"{name}.parquet"
    table = pa.Table.from_pandas(rows, preserve_index=False)
    if "sure" in rows:  # pandas writes NaN as null; here it stays NaN
        at = table.schema.get_field_index("sure")
        table = table.set_column(at, "sure", pa.array(rows["sure"].to_numpy(), from_pandas=False))
    pq.write_table(table, path)
    return load(store, [path], "m", dataset, version, from_dict(ROLES | roles))[0].load


def count(store: Store, touched=tuple(DAYS), references=()) -> None:
    loads = store.frame("SELECT load FROM main.loads WHERE undone_at IS NULL ORDER BY load")["load"].tolist()
    times = tuple(t.to_pydatetime() for t in touched)
    quality.refresh(store, "m", Refreshed(times, tuple(references), 0, tuple(loads), ""), lambda _step, _share: None)


def log_rows(n: int, seed: int = 0, **more) -> pd.DataFrame:
    """Rows of a binary model, with all that can be wrong with a score or a prediction."""
    rng = np.random.default_rng(seed)
    sure = rng.random(n).round(4)
    rows = pd.DataFrame({
        "ts": DAYS[rng.integers(0, 4, n)] + pd.to_timedelta(rng.integers(0, 86_400, n), "s"), "the key": [f"{seed}-{i}" for i in range(n)],
        "v": rng.choice(["v1", "v2"], n), "r": rng.choice(["eu", "us", None], n), ODD: rng.choice(["a'b", "x & y"], n), "sure": sure,
        "said": np.where(sure >= 0.6, "1", "0").astype(object), "truth": np.where(rng.random(n) < sure, "1", "0").astype(object),
    })  # fmt: skip
    odd = [np.nan, np.inf, -np.inf, 1.5, -0.1, np.nan, 0.0, 1.0]
    rows.loc[rows.index[: len(odd)], "sure"] = odd
    rows.loc[rows.index[10:20], "said"] = None
    return rows.assign(**more)


def labels_of(rows: pd.DataFrame, hours: float = 3.0, **more) -> pd.DataFrame:
    """The labels of some rows, as a file of their own."""
    return pd.DataFrame({"the key": rows["the key"], "y": rows["truth"], "came": rows["ts"] + pd.Timedelta(hours=hours)}).assign(**more)


# ---- binary, against scikit-learn ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def binary(tmp_path_factory) -> Iterator[tuple[Store, pd.DataFrame]]:
    """A store, and its rows with the labels that came (None for the others)."""
    store = open_store(str(tmp_path_factory.mktemp("quality") / "store"))
    rows = log_rows(600)
    put(store, "log", rows.drop(columns="truth"))
    half, other = rows.iloc[:400], rows.iloc[100:200]
    put(store, "labels", labels_of(half), "labels")
    put(store, "again", labels_of(other, 30.0, y=np.where(other["truth"] == "1", "0", "1")), "labels")  # the last one that came wins
    count(store)
    known = rows.assign(y=rows["truth"].where(rows.index < 400), lag=3.0)
    known.loc[other.index, "y"] = np.where(other["truth"] == "1", "0", "1")
    known.loc[other.index, "lag"] = 30.0
    yield store, known
    store.close()


def parts(rows: pd.DataFrame):
    """Segment → rows, of all that the table has."""
    yield "all", rows
    for r in ("eu", "us"):
        yield f"r={r}", rows[rows["r"] == r]
    for odd in ("a'b", "x & y"):
        yield f"{ODD}={odd}", rows[rows[ODD] == odd]
        for r in ("eu", "us"):
            yield f"{ODD}={odd} & r={r}", rows[(rows[ODD] == odd) & (rows["r"] == r)]


def test_counts_of_a_binary_model_are_those_of_scikit_learn(binary):
    store, rows = binary
    found = read(store, model="m", pairs=True).set_index(["version", "segment", "window_start"])
    seen = 0
    for (version, day), window in rows.groupby(["v", rows["ts"].dt.floor("D")]):
        for segment, own in parts(window):
            if len(own):
                check(found.loc[(version, segment, day)], own)
                seen += 1
    assert seen == len(found)


def check(row: pd.Series, own: pd.DataFrame) -> None:
    said, known = own["said"].notna(), own["y"].notna()
    both, sure = own[said & known], own["sure"].astype(float)
    tn, fp, fn, tp = confusion_matrix(both["y"], both["said"], labels=["0", "1"]).ravel() if len(both) else (0, 0, 0, 0)
    assert (row["kind"], row["class"], row["rows"], row["predicted"]) == ("binary", "1", len(own), said.sum())
    assert (row["selected"], row["labelled"]) == ((own["said"] == "1").sum(), len(both))
    assert (row["tp"], row["fp"], row["fn"], row["tn"]) == (tp, fp, fn, tn)
    assert dict(zip(row["labels"], row["label_counts"], strict=True)) == {k: n for k, n in (("0", fp), ("1", tp)) if n}
    fine = sure.between(0, 1)  # NaN and what lies beyond are no probabilities
    scored = own[fine & known]
    assert (row["scored"], len(row["bins"])) == (len(scored), np.minimum(np.floor(sure[fine] * 1000), 999).nunique())
    dense = {name: outcomes.matrix(row.to_frame().T, name)[0] for name in outcomes.LISTS["bins"]}
    for name, some in (("positives", own["y"] == "1"), ("negatives", own["y"] == "0"), ("unlabelled", ~known)):
        np.testing.assert_array_equal(dense[name], np.histogram(sure[fine & some], np.arange(1001) / 1000)[0])
    assert dense["score_sums"].sum() == pytest.approx(scored["sure"].sum())
    inside = sure[fine & known].between(1e-9, 1 - 1e-9).all()
    if len(scored) and inside:
        truth = (scored["y"] == "1").astype(int)
        assert row["log_loss_sum"] / len(scored) == pytest.approx(log_loss(truth, scored["sure"].astype(float), labels=[0, 1]))
        assert row["brier_sum"] / len(scored) == pytest.approx(brier_score_loss(truth, scored["sure"].astype(float), labels=[0, 1]))
    lags = own.loc[known, "lag"]
    np.testing.assert_array_equal(np.repeat(row["lag_bins"], row["lag_counts"]), np.searchsorted(outcomes.LAG_EDGES, np.sort(lags)))
    assert row["lag_sum"] == pytest.approx(lags.sum())


def test_the_area_under_the_curve_of_the_counts_is_that_of_the_rows(binary):
    store, rows = binary
    merged = outcomes.merge(read(store, model="m", segment="all"), "all")
    positives, negatives = (outcomes.matrix(merged, name).sum(axis=0) for name in ("positives", "negatives"))
    below = np.cumsum(negatives) - negatives
    area = (positives * (below + negatives / 2)).sum() / (positives.sum() * negatives.sum())
    scored = rows[rows["sure"].astype(float).between(0, 1) & rows["y"].notna()]
    assert area == pytest.approx(roc_auc_score(scored["y"] == "1", scored["sure"].astype(float)), abs=0.001)


# ---- loads that come and go ----------------------------------------------------------------------------------------------------


def table_of(store: Store) -> pd.DataFrame:
    listed = [name for of, names in outcomes.LISTS.items() for name in (of, *names)]
    found = read(store, model="m", pairs=True)
    return found.assign(**{name: found[name].map(lambda x: np.round(x, 9).tolist() if x.dtype != object else x.tolist()) for name in listed})


def test_counting_day_by_day_as_labels_come_equals_counting_all_and_undo_takes_it_back(store: Store):
    first, second = log_rows(80, 1), log_rows(60, 2)
    put(store, "one", first.drop(columns="truth"))
    put(store, "labels", labels_of(first), "labels")
    count(store)
    before = table_of(store)
    extra = put(store, "two", second[second["ts"] >= DAYS[2]].drop(columns="truth").assign(ts=lambda t: t["ts"] + pd.Timedelta(days=2)))
    late = put(store, "late", labels_of(second), "labels")
    after = tuple(pd.date_range(DAYS[3], periods=3))
    count(store, after)
    stepwise = table_of(store)
    assert stepwise["labelled"].sum() > before["labelled"].sum()
    quality.transact(store, lambda c: c.execute("DELETE FROM main.tasks"), "as a store from before")
    count(store, ())
    pd.testing.assert_frame_equal(table_of(store), stepwise)
    undo(store, extra)
    undo(store, late)
    count(store, after)
    pd.testing.assert_frame_equal(table_of(store), before)  # the windows that held no other row are gone


def test_labels_of_the_log_itself_yield_to_those_that_come_apart(store: Store):
    rows = log_rows(40, 3).assign(ts=DAYS[0])
    put(store, "log", rows.assign(y="0").drop(columns="truth"))
    count(store)
    assert outcomes.merge(read(store, model="m", segment="all"), "all")["tp"].tolist() == [0, 0]
    put(store, "labels", labels_of(rows, y="1").iloc[30:], "labels")
    count(store)
    known = rows.assign(y=np.where(rows.index < 30, "0", "1"))
    said = known[known["said"].notna()]
    found = read(store, model="m", segment="all")
    assert found["tp"].sum() == ((said["said"] == "1") & (said["y"] == "1")).sum()
    assert found["labelled"].sum() == len(said)


# ---- references -----------------------------------------------------------------------------------------------------------------


def test_a_reference_is_counted_as_a_whole_and_by_its_windows_for_each_version(store: Store):
    rows = log_rows(60, 4).rename(columns={"truth": "y"})
    put(store, "log", rows.drop(columns="y"))
    put(store, "v1", rows.iloc[:30].drop(columns="v"), "reference", "v1")
    put(store, "v2", rows.iloc[30:].drop(columns=["v", "ts"]), "reference", "v2")
    count(store, references=("v1", "v2"))
    own = read(store, model="m", dataset="reference", segment="all")
    whole, days = own[own["window_start"].isna()], own[own["window_start"].notna()]
    assert whole[["version", "rows"]].values.tolist() == [["v1", 30], ["v2", 30]]
    assert (set(days["version"]), days["rows"].sum()) == ({"v1"}, 30)
    assert outcomes.merge(days, "all")["tp"].tolist() == whole["tp"].tolist()[:1]


def test_a_span_of_the_log_as_reference_gets_its_labels_when_they_come(store: Store):
    rows = log_rows(60, 5)
    span = ["2026-03-02", "2026-03-04"]
    put(store, "log", rows.drop(columns="truth"), reference=span)
    count(store, references=("",))
    assert read(store, model="m", dataset="reference", segment="all")["labelled"].sum() == 0
    put(store, "labels", labels_of(rows), "labels", reference=span)
    count(store, DAYS[:1])
    whole = read(store, model="m", dataset="reference", version="", segment="all").iloc[0]
    within = rows[(rows["ts"] < DAYS[2]) & rows["said"].notna()]
    assert (whole["labelled"], whole["tp"]) == (len(within), ((within["said"] == "1") & (within["truth"] == "1")).sum())


# ---- segments -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("named", "rest"), [("c00", "other"), ("other", "other values")])
def test_of_a_column_with_many_values_the_rest_is_counted_together_but_in_no_pair(store: Store, named, rest):
    names = [named] * 3 + [f"c{i:02}" for i in range(1, 54)] * 2 + ["rare", "rarer", None]
    rows = pd.DataFrame({"ts": DAYS[0], "the key": [str(i) for i in range(len(names))], "v": "v1", "r": names, ODD: "x", "sure": 0.5, "said": "1"})
    put(store, "log", rows)
    count(store)
    found = read(store, model="m", pairs=True).set_index("segment")["rows"]
    # 50 have a count of their own: the named one and c01 to c49; c50 to c53, twice each, and two rare ones are the rest; null is in none.
    assert (found[f"r={rest}"], found[f"r={named}"], found["all"]) == (10, 3, len(names))
    assert sum(segment.startswith("r=") for segment in found.index) == 51
    assert (found[f"{ODD}=x & r={named}"], f"{ODD}=x & r={rest}" in found.index) == (3, False)
    assert found.index.is_unique


# ---- many classes, and numbers --------------------------------------------------------------------------------------------------


def test_counts_of_many_classes_are_those_of_scikit_learn(store: Store):
    rng, classes, n = np.random.default_rng(6), ["cat", "dog", "o'x"], 200
    sure = rng.dirichlet([1, 1, 1], n)
    rows = pd.DataFrame({"ts": DAYS[0], "the key": [str(i) for i in range(n)], "v": "v1", "r": "eu", ODD: "x"})
    rows = rows.assign(**{f"p_{c}": sure[:, i] for i, c in enumerate(classes)}, said=rng.choice(classes, n), y=rng.choice(classes, n))
    rows.loc[:9, "p_dog"] = np.nan
    rows.loc[20:29, "y"] = None
    put(store, "log", rows, score=None, probabilities=[f"p_{c}" for c in classes])
    count(store)
    found = read(store, model="m", segment="all")
    known = rows[rows["y"].notna()]
    expected = confusion_matrix(known["y"], known["said"], labels=classes)
    assert outcomes.confusion(found, classes).tolist() == expected.tolist()
    assert found["tp"].tolist() == expected.diagonal().tolist()
    assert (found["tp"] + found["fn"]).tolist() == expected.sum(axis=1).tolist()
    assert (found["tp"] + found["fp"] + found["fn"] + found["tn"] == len(known)).all()
    assert found[["class", "rows", "labelled"]].values.tolist() == [[c, n, len(known)] for c in classes]
    scored = known[known["p_dog"].notna()]
    p = scored[[f"p_{c}" for c in classes]].to_numpy()
    assert found["scored"].tolist() == [len(scored)] * 3
    assert found["log_loss_sum"].sum() / len(scored) == pytest.approx(log_loss(scored["y"], p, labels=classes))
    assert found["brier_sum"].to_numpy() == pytest.approx([((p[:, i] - (scored["y"] == c)) ** 2).sum() for i, c in enumerate(classes)])
    assert outcomes.matrix(found, "positives").sum(axis=1).tolist() == [(scored["y"] == c).sum() for c in classes]
    assert outcomes.matrix(found, "unlabelled").sum(axis=1).tolist() == [10] * 3


def test_without_a_prediction_the_most_probable_class_is_it(store: Store):
    rows = pd.DataFrame({"ts": DAYS[0], "the key": ["1", "2"], "v": "v", "r": "eu", ODD: "x", "y": ["b", "c"]})
    rows = rows.assign(a=[0.2, 0.5], b=[0.5, 0.3], c=[0.3, 0.2])
    roles = {"prediction": None, "score": None, "probabilities": ["a", "b", "c"], "types": {"y": "category"}}
    put(store, "log", rows, **roles)
    put(store, "more", rows.assign(y="a", ts=DAYS[1]), **roles)
    count(store)
    assert outcomes.confusion(read(store, model="m", segment="all", until=DAYS[1]), ["a", "b", "c"]).tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0]]


def test_sums_of_a_regression_are_those_of_pandas(store: Store):
    rng, n = np.random.default_rng(7), 300
    rows = pd.DataFrame({"ts": DAYS[0], "the key": [str(i) for i in range(n)], "v": "v1", "r": rng.choice(["eu", "us"], n), ODD: "x"})
    rows = rows.assign(said=rng.normal(size=n), y=rng.normal(size=n) * 1e4)
    rows.loc[:2, "said"] = [np.nan, np.inf, -np.inf]
    rows.loc[10:29, "y"] = None
    rows.loc[30, "said"] = rows.loc[30, "y"]
    roles = {"score": None, "types": {"said": "number", "y": "number"}}
    put(store, "log", rows, **roles)
    frame = learning.frame("m", "", {"said": Bins("number", EDGES)}, from_dict(ROLES | roles))
    quality.transact(store, lambda c: append(c, "bins", frame), "bins")
    count(store)
    found = read(store, model="m").set_index("segment")
    for segment, own in (("all", rows), ("r=eu", rows[rows["r"] == "eu"])):
        row, said, known = found.loc[segment], np.isfinite(own["said"].astype(float)), own["y"].notna()
        both = own[said & known]
        error, y = both["said"] - both["y"], both["y"]
        assert (row["class"], row["rows"], row["predicted"], row["labelled"], row["scored"]) == ("", len(own), said.sum(), len(both), len(both))
        assert np.isnan(row["tp"])
        sums = {"error_sum": error, "error_abs": error.abs(), "error_squares": error**2, "label_sum": y, "label_squares": y**2}
        assert [row[name] for name in sums] == pytest.approx([x.sum() for x in sums.values()])
        at = np.searchsorted(outcomes.ERROR_EDGES, error.abs())
        for name, side in (("positives", error >= 0), ("negatives", error < 0)):
            np.testing.assert_array_equal(outcomes.matrix(row.to_frame().T, name)[0], np.bincount(at[side], minlength=2420))
        spot = np.searchsorted(EDGES, own.loc[said, "said"])
        np.testing.assert_array_equal(outcomes.matrix(row.to_frame().T, "spot_rows", 4)[0], np.bincount(spot, minlength=4))
        at = np.searchsorted(EDGES, both["said"])
        assert outcomes.matrix(row.to_frame().T, "spot_squares", 4)[0] == pytest.approx(np.bincount(at, error**2, 4))
        assert outcomes.matrix(row.to_frame().T, "spot_labelled", 4)[0].tolist() == np.bincount(at, minlength=4).tolist()


def test_sums_of_a_regression_are_the_same_to_the_bit_in_any_order(tmp_path, monkeypatch):
    """Of numbers of all sizes, the greatest there is among them, loaded in one order and in another, in files of other sizes."""
    monkeypatch.setenv("VIGIA_THREADS", "2")
    rng, n = np.random.default_rng(8), 4000
    rows = pd.DataFrame({"ts": DAYS[0], "the key": [str(i) for i in range(n)], "v": "v1", "r": "eu", ODD: "x"})
    rows = rows.assign(said=rng.normal(size=n) * 10.0 ** rng.integers(-12, 12, n), y=rng.normal(size=n))
    huge = rows.assign(ts=DAYS[1])[:2].assign(said=[1.7e308, 1e-300], y=[-1.7e308, 0.0])
    found = []
    for name, parts in (("one", [rows, huge]), ("other", [huge, rows[2000:].sample(frac=1, random_state=1), rows[:2000]])):
        opened = open_store(str(tmp_path / name))
        for i, part in enumerate(parts):
            put(opened, f"{name}{i}", part, score=None, types={"said": "number", "y": "number"})
        frame = learning.frame("m", "", {"said": Bins("number", EDGES)}, from_dict(ROLES | {"score": None}))
        quality.transact(opened, lambda c, frame=frame: append(c, "bins", frame), "bins")
        count(opened)
        # As text a double has all the digits that it takes to read it again.
        found.append(opened.cursor().execute("SELECT COLUMNS(*)::VARCHAR FROM main.quality ORDER BY segment, window_start").fetchall())
    assert len(found[0]) == 8  # all, r=eu, the odd one, and both, on two days
    assert found[0] == found[1]


# ---- what kind of task ----------------------------------------------------------------------------------------------------------


def test_edges_are_those_of_the_monitors():
    np.testing.assert_array_equal(counting.ERROR_EDGES, outcomes.ERROR_EDGES)
    np.testing.assert_array_equal(counting.LAG_EDGES, outcomes.LAG_EDGES)
    assert counting.SCORE_BINS == outcomes.SCORE_BINS


def test_a_model_without_a_log_has_no_outcomes(store: Store):
    assert read(store, model="m").empty
    assert outcomes.merge(read(store, model="m"), "week").columns.tolist() == outcomes.COLUMNS
    assert (task(store, "m"), quality.is_stale(store, "m")) == ({}, False)


def test_a_label_of_numbers_and_a_prediction_of_words_are_the_same_classes(store: Store):
    rows = pd.DataFrame({"ts": DAYS[0], "the key": ["1", "2", "3", "4"], "v": "v", "r": "eu", ODD: "x", "said": [True, False, True, None]})
    put(store, "log", rows, score=None, types={"said": "category", "y": "number"})
    put(store, "labels", pd.DataFrame({"the key": ["1", "2", "3"], "y": [1.0, 1.0, 0.0]}), "labels")
    count(store)
    row = read(store, model="m", segment="all").iloc[0]
    assert (row["tp"], row["fn"], row["fp"], row["predicted"], row["scored"]) == (1, 1, 1, 3, 0)
    assert task(store, "m") == {"kind": "binary", "positive": "1", "classes": ["0", "1"], "reason": ""}


def test_a_model_of_which_a_class_comes_to_light_is_counted_anew(store: Store):
    rows = pd.DataFrame({"ts": DAYS[0], "the key": ["1", "2"], "v": "v", "r": "eu", ODD: "x", "said": ["a", "b"], "y": ["a", "b"]})
    put(store, "log", rows, score=None)
    count(store)
    assert read(store, model="m", segment="all")["kind"].tolist() == ["binary"]
    put(store, "more", rows.assign(ts=DAYS[1], y="c"))
    count(store, DAYS[1:2])
    found = read(store, model="m", segment="all", until=DAYS[1])
    assert found[["kind", "class", "tp"]].values.tolist() == [["multiclass", "a", 1], ["multiclass", "b", 1], ["multiclass", "c", 0]]
