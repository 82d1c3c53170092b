"""A new normal: drift measured against the log's own days from a day on, as if they were the reference; and taken back without a trace."""

import shutil

import numpy as np
import pandas as pd
import pytest

from data import normals as counting
from data.errors import BadInput
from data.load import load
from data.roles import from_dict
from data.store import Store, open_store, transact
from monitors import own_windows, run, run_decisions, run_normals
from monitors.thresholds import Rule, defaults, judge

ROLES = {
    "timestamp": "ts", "inference_id": "id", "model_version": "v", "score": "s", "label": "y",
    "features": ["x", "c"], "segments": ["r"], "types": {"x": "number", "c": "category", "y": "category"},
}  # fmt: skip
START = pd.Timestamp("2026-02-02", tz="UTC")  # a Monday; the shift comes on Monday 16 February, three weeks of it are logged
SHIFT = START + pd.Timedelta(days=14)
NAMED = ["model", "version", "dataset", "reason", "noise"]  # chance is drawn by the seed of its names
VALUES = ["value", "rows", "usual", "reason"]


def rows(first: pd.Timestamp, days: int, moved: bool, seed: int, version: str = "v1") -> pd.DataFrame:
    """40 rows a day. Moved, x is far above all that the training set had, and c has a category that it never had."""
    n, g = 40 * days, np.random.default_rng(seed)
    c = g.choice(["a", "b", "new"] if moved else ["a", "b", "d"], n, p=[0.5, 0.3, 0.2])
    return pd.DataFrame({
        "ts": pd.date_range(first, periods=n, freq=pd.Timedelta(days=1) / 40, tz="UTC"), "id": [f"{version}-{seed}-{i}" for i in range(n)],
        "v": version, "x": g.normal(1000 if moved else 0, 1, n), "c": c, "s": g.random(n), "r": g.choice(["eu", "us"], n),
    })  # fmt: skip


LOG = pd.concat([rows(START, 14, False, 1), rows(SHIFT, 21, True, 2), rows(SHIFT, 21, True, 3, "v2")])


def put(store: Store, place, name: str, table: pd.DataFrame, model: str = "m", dataset: str = "log") -> None:
    table.to_parquet(place / f"{name}.parquet")
    load(store, [place / f"{name}.parquet"], model, dataset, roles=from_dict(ROLES))


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A model whose log moved for good, and labels of it."""
    place = tmp_path_factory.mktemp("normals")
    store = open_store(str(place / "store"))
    put(store, place, "reference", rows(START - pd.Timedelta(days=35), 28, False, 0).drop(columns="v"), dataset="reference")
    put(store, place, "log", LOG)
    labelled = pd.DataFrame({"id": LOG["id"], "y": (LOG["s"] > 0.5).astype(int).astype(str)})
    put(store, place, "labels", labelled, dataset="labels")
    run.run(store)
    store.connection.close()
    return place


@pytest.fixture
def store(filled, tmp_path) -> Store:
    return open_store(str(shutil.copytree(filled / "store", tmp_path / "store")))


def written(store: Store) -> bytes:
    """All that is measured, as the command line writes it."""
    return run.measurements(store, model="m", dataset=None).to_csv(index=False).encode()


def psi(store: Store, column: str, version: str = "v1") -> dict[str, float]:
    found = run.measurements(store, model="m", version=version, monitor="drift", metric="psi", column=column, segment="all", window="week")
    return {f"{row['window_start']:%d %b}": row["value"] for row in found.to_dict("records")}


def test_from_the_day_on_drift_is_against_the_log_as_if_it_were_the_reference_and_before_it_stays(store, tmp_path):
    before, first, other = psi(store, "x"), written(store), psi(store, "x", "v2")
    assert before["16 Feb"] > 5  # beyond all that was known
    whole = run_decisions.normal(store, {"version": "v1"}, SHIFT, "new sensor", who="ana")
    later = run_decisions.normal(store, {"version": "v1", "column": "x"}, SHIFT + pd.Timedelta(days=7), "and again")
    [ran] = run.run(store)
    assert ran.windows == 0
    after = psi(store, "x")
    assert {week: after[week] for week in ("02 Feb", "09 Feb")} == {week: before[week] for week in ("02 Feb", "09 Feb")}
    assert psi(store, "x", "v2") == other  # of the version alone
    for column in ("x", "c"):
        assert max(psi(store, column)[week] for week in ("16 Feb", "23 Feb", "02 Mar")) < 0.15
    theirs = oracle(store, tmp_path)
    ours = since_shift(store, "m")
    ruled = (ours["column"] == "x") & (ours["window_start"] >= SHIFT + pd.Timedelta(days=7))  # by the later one
    assert len(ours) == len(theirs) > 1000
    pd.testing.assert_frame_equal(ours[~ruled], theirs[~ruled], rtol=1e-9)
    assert not np.isclose(ours[ruled]["value"], theirs[ruled]["value"], equal_nan=True).all()

    asked = {"decision": whole[0], "column": "x", "segment": "all", "since": SHIFT, "until": SHIFT + pd.Timedelta(days=7)}
    bins, learnt, week = run_normals.against(store, model="m", **asked)
    span = LOG[(LOG["ts"] >= SHIFT) & (LOG["v"] == "v1")]
    assert (learnt["rows"], week["rows"]) == (len(span), (span["ts"] < asked["until"]).sum())
    places = np.searchsorted(bins["edges"], span["x"].to_numpy())
    assert learnt["counts"].tolist() == np.bincount(places, minlength=len(bins["edges"]) + 1).tolist()
    assert run_normals.against(store, model="m", **asked | {"column": "nobody"}) is None

    check_limits(store)
    assert run.run(store, "m") == []  # nothing is new
    run_decisions.retract(store, later, "once was enough")
    run.run(store, "m")
    pd.testing.assert_frame_equal(since_shift(store, "m"), theirs, rtol=1e-9)
    run_decisions.retract(store, whole, "it was the sensor after all")
    run.run(store, "m")
    assert written(store) == first
    counted = [store.frame(f"SELECT count(*) AS n FROM main.normal_{name}")["n"].iloc[0] for name in ("bins", "profiles", "floors")]
    assert counted == [0, 0, 0]


def check_limits(store: Store) -> None:
    """Limits told by the reference's windows are those of the shared reference before the normal, and after it those of the span's own weeks: of
    c by the first decision, and of x from the second week on by the second one, which knows two weeks."""
    measured = run.measurements(store, model="m", monitor="drift", metric="psi", segment="all", window="week", dataset=None)
    rule = Rule(metric="psi", kind="reference_quantile", warning=0.25, critical=1.0, min_rows=1)
    judged = judge(measured[measured["version"].isin(["v1", ""])], [*defaults(), rule]).set_index(["column", "window_start"])
    own = {since: measured[measured["dataset"] == since].groupby("column")["value"] for since in measured["dataset"].unique()}
    days = {name: own_windows.dataset(SHIFT + pd.Timedelta(days=7 * i)) for i, name in enumerate(("first", "second"))}
    assert [len(own[days["first"]].get_group("c")), len(own[days["second"]].get_group("x"))] == [3, 2]
    expected = {("c", START): "reference", ("c", SHIFT): days["first"], ("x", START): "reference", ("x", SHIFT): days["first"]}
    for (column, start), since in (expected | {("x", SHIFT + pd.Timedelta(days=7)): days["second"]}).items():
        values = own[since].get_group(column).to_numpy()
        told = judged.loc[(column, start)]
        assert told["warning"] == pytest.approx(np.quantile(values, 0.25), rel=1e-12)
        assert told["critical"] == pytest.approx(values.max(), rel=1e-12)


def test_of_one_segment_alone_and_taken_back(store):
    asked = {"model": "m", "version": "v1", "monitor": "drift", "column": "x", "since": SHIFT, "dataset": None}
    first, before = written(store), run.measurements(store, **asked)
    only = run_decisions.normal(store, {"version": "v1", "column": "x", "segment": "r=eu"}, SHIFT, "a new sensor there")
    run.run(store)
    after = run.measurements(store, **asked)
    log = [found[found["dataset"] == "log"] for found in (before, after)]
    rest = [found[(found["segment"] != "r=eu") | (found["window_start"] < SHIFT)].reset_index(drop=True) for found in log]
    pd.testing.assert_frame_equal(*rest)
    eu = after[(after["segment"] == "r=eu") & (after["metric"] == "psi") & (after["window_start"] >= SHIFT)]
    weeks = eu[eu["window_end"] - eu["window_start"] == pd.Timedelta(days=7)]
    assert weeks["value"].max() < 0.3
    assert weeks["dataset"].value_counts().to_dict() == {"log": 3, own_windows.dataset(SHIFT): 3}
    run_decisions.retract(store, only, "it was not")
    run.run(store)
    assert written(store) == first


def oracle(store: Store, place) -> pd.DataFrame:
    """The same days loaded as the reference of another model that served only them. Labels are joined there as here."""
    span = LOG[(LOG["ts"] >= SHIFT) & (LOG["v"] == "v1")]
    labelled = span.assign(y=(span["s"] > 0.5).astype(int).astype(str))
    put(store, place, "span", labelled.drop(columns=["v"]), "n", "reference")
    put(store, place, "log", labelled, "n")
    run.run(store, "n")
    # Its own windows are those of the span: what a new normal's are.
    ours, theirs = (
        run.measurements(store, model=model, monitor="drift", metric="psi", dataset=None).query("dataset == @dataset").drop(columns=NAMED)
        for model, dataset in (("m", own_windows.dataset(SHIFT)), ("n", "reference"))
    )
    pd.testing.assert_frame_equal(ours.reset_index(drop=True), theirs.reset_index(drop=True), rtol=1e-9)
    return since_shift(store, "n")


def since_shift(store: Store, model: str) -> pd.DataFrame:
    found = run.measurements(store, model=model, monitor="drift", version="v1", since=SHIFT)
    keys = ["metric", "column", "segment", "window_start", "window_end"]
    return found[found["window_start"] >= SHIFT].sort_values(keys)[[*keys, *VALUES]].reset_index(drop=True)


def test_a_day_more_is_measured_against_it_as_if_it_had_been_there_before(store, tmp_path):
    shorter = open_store(str(tmp_path / "shorter"))
    put(shorter, tmp_path, "reference", rows(START - pd.Timedelta(days=35), 28, False, 0).drop(columns="v"), dataset="reference")
    cut = SHIFT + pd.Timedelta(days=18)
    put(shorter, tmp_path, "early", LOG[LOG["ts"] < cut])
    for one in (shorter, store):
        sql = "INSERT INTO main.decisions (decision, kind, model, version, start, \"end\") VALUES (?, 'normal', 'm', ?, ?, ?)"
        ends = {1: ("v1", 9), 2: ("v2", 28)}  # one whose days are all there, one that still grows
        for number, (version, days) in ends.items():
            transact(one, lambda c, n=number, v=version, d=days, s=sql: c.execute(s, [n, v, SHIFT, SHIFT + pd.Timedelta(days=d)]), "by hand")
    run.run(shorter)
    put(shorter, tmp_path, "late", LOG[LOG["ts"] >= cut])
    labelled = pd.DataFrame({"id": LOG["id"], "y": (LOG["s"] > 0.5).astype(int).astype(str)})
    put(shorter, tmp_path, "labels", labelled, dataset="labels")
    run.run(shorter)
    run.run(store)
    assert counting.done(shorter, "m") == counting.done(store, "m") == {1, 2}
    found = [run.measurements(one, model="m", monitor="drift") for one in (shorter, store)]
    pd.testing.assert_frame_equal(*found, rtol=1e-9)


@pytest.mark.parametrize(
    ("scope", "day", "told"),
    [
        ({"version": "v1"}, START - pd.Timedelta(days=60), "v1 served 2 Feb 2026 to 8 Mar 2026, and not in 4 to 31 Dec 2025"),
        ({}, SHIFT, "Say of which version: version=v2"),
        ({"version": "v1", "metric": "psi"}, SHIFT, "not for a metric"),
        ({"version": "v3"}, SHIFT, 'no version "v3" of m. Did you mean'),
        ({"version": "v1", "column": "r"}, SHIFT, 'no column "r"|"r of v1" is not measured'),
    ],
)
def test_what_cannot_be_a_normal_is_refused_in_a_sentence(store, scope, day, told):
    with pytest.raises(BadInput, match=told):
        run_decisions.normal(store, scope, day, "why")
    assert run.decisions(store).empty
