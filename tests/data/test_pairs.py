"""Pairs of log and training rows: counts equal to those of pandas on the raw rows, whatever the values, keys and order of loads."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from data.load import load, undo
from data.pairs import drawn, pairs, refresh_pairs, why_not_joined
from data.refresh import Refreshed
from data.roles import Roles, from_dict, saved, to_dict
from data.store import Store, append, open_store
from monitors.run import measurements, run

ODD = 'in"come; --'
FEATURES = [ODD, "x{0}", "city"]
ROLES = {
    "timestamp": "ts", "inference_id": "the key", "model_version": "v", "features": FEATURES, "segments": ["r"],
    "types": {ODD: "number", "x{0}": "number", "city": "category"}, "tolerances": {"x{0}": {"absolute": 0.5, "relative": 0}},
}  # fmt: skip
DAYS = pd.date_range("2026-03-02", periods=3, tz="UTC")
SIDES = {"log_nulls": (True, False), "training_nulls": (False, True)}


def put(store: Store, name: str, rows: pd.DataFrame, dataset: str, version: str | None = None, roles: Roles | None = None) -> int:
    path = Path(store.where).parent / f"{name}.parquet"
    rows.to_parquet(path)
    return load(store, [path], "m", dataset, version, roles or from_dict(ROLES))[0].load


def compare(store: Store, touched: tuple[pd.Timestamp, ...] = tuple(DAYS)) -> tuple[pd.Timestamp, ...]:
    loads = store.frame("SELECT load FROM main.loads WHERE undone_at IS NULL ORDER BY load")["load"].tolist()
    return refresh_pairs(store, "m", Refreshed(tuple(t.to_pydatetime() for t in touched), (), 0, tuple(loads), ""), lambda _s, _p: None)


def log_rows(keys, day=0, **more) -> pd.DataFrame:
    n = len(keys)
    given = {"ts": [DAYS[day] + pd.Timedelta(minutes=i) for i in range(n)], "the key": keys, "v": "v1", "r": "eu"}
    return pd.DataFrame(given | {ODD: 1.0, "x{0}": 1.0, "city": "Bern"} | more)


def training_rows(keys, **more) -> pd.DataFrame:
    return pd.DataFrame({"the key": keys} | {ODD: [1.0] * len(keys), "x{0}": 1.0, "city": "Bern"} | more)


def counted(store: Store, column: str = ODD, segment: str = "all", version: str | None = None) -> tuple[int, int]:
    """Joined and mismatched rows."""
    found = pairs(store, model="m", column=column, segment=segment, version=version)
    return int(found["joined"].sum()), int(found["mismatched"].sum())


def unmatched(store: Store) -> pd.DataFrame:
    found = pairs(store, model="m", column="", segment="all")
    return found[found["kind"] == "unmatched"].reset_index(drop=True)


# ---- against pandas -----------------------------------------------------------------------------------------------------------

numbers = st.sampled_from([None, math.nan, math.inf, -math.inf, 0.0, 1.0, 1.0000001, 1.3, -1.0, 1e300, 5e-324])
texts = st.sampled_from([None, "Bern", "bern", "Bern ", ""])
keys = st.sampled_from([None, "1", "2", "3", "4", "5", "a'b", "A'B"])
served = st.tuples(keys, st.sampled_from(["v1", "v2", None]), st.sampled_from(["eu", "us", None]), st.integers(0, 2), numbers, numbers, texts)
trained = st.tuples(keys, numbers, numbers, texts)


def matches(a: object, b: object, absolute: float, relative: float) -> bool:
    """The rule, in plain Python."""
    if a is None or b is None or isinstance(a, str):
        return a is b or a == b
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or (math.isfinite(a - b) and abs(a - b) <= absolute + relative * max(abs(a), abs(b)))


NAMES = [ODD, "x{0}", "city"]


def parquet(rows, columns):
    kinds = {"ts": pa.timestamp("us", "UTC"), ODD: pa.float64(), "x{0}": pa.float64()}
    return pa.table({name: pa.array([row[i] for row in rows], kinds.get(name, pa.string())) for i, name in enumerate(columns)})


def at_times(log):
    """The log's rows with their time in place of the day."""
    return [(key, v, r, (DAYS[day] + pd.Timedelta(minutes=i)).to_pydatetime(), *values) for i, (key, v, r, day, *values) in enumerate(log)]


def compared(place: Path, timed, first, second) -> Store:
    """A store with a log and one or two loads of training features, compared."""
    store = open_store(str(place / "store"))
    parts = {"log": (timed, ["the key", "v", "r", "ts", *NAMES]), "one": (first, ["the key", *NAMES]), "two": (second, ["the key", *NAMES])}
    for name, (rows, columns) in parts.items():
        if rows:
            pq.write_table(parquet(rows, columns), place / f"{name}.parquet")
            load(store, [place / f"{name}.parquet"], "m", "log" if name == "log" else "training", None, from_dict(ROLES))
    compare(store)
    return store


def by_hand(timed, last) -> dict[str, Counter]:
    """Feature → (version, segment, day, what) → rows, counted one by one; `last` is key → training values."""
    expected = {name: Counter() for name in NAMES}
    for key, v, r, time, *values in timed:
        for name, a, b in zip(NAMES, values, last[key], strict=True) if key in last else ():
            absolute, relative = (0.5, 0.0) if name == "x{0}" else (0.0, 2.5e-7)
            differs = not matches(a, b, absolute, relative)
            for segment in ["all"] + ([f"r={r}"] if r else []):
                at = (v or "", segment, pd.Timestamp(time).floor("D"))
                expected[name][(*at, "joined")] += 1
                expected[name][(*at, "mismatched")] += differs
                for side, (log_null, training_null) in SIDES.items():
                    expected[name][(*at, side)] += differs and (a is None, b is None) == (log_null, training_null)
    return expected


def kept(store: Store, name: str) -> Counter:
    """As `by_hand`, of one feature, from the store."""
    found = Counter()
    for row in pairs(store, model="m", column=name).to_dict("records"):
        for what in ("joined", "mismatched", *SIDES):
            found[row["version"], row["segment"], row["window_start"], what] = row[what]
    return found


@settings(max_examples=4)
@given(st.lists(served, min_size=1, max_size=40), st.lists(trained, min_size=1, max_size=12), st.lists(trained, max_size=6))
def test_counts_are_those_of_the_raw_rows(tmp_path_factory, log, first, second):
    timed, training = at_times(log), [*first, *second]
    store = compared(tmp_path_factory.mktemp("pairs"), timed, first, second)
    expected = by_hand(timed, {row[0]: row[1:] for row in training if row[0] is not None})  # the row that came last counts
    for name in NAMES:
        assert +kept(store, name) == +expected[name]
    keyed = {row[0] for row in training if row[0] is not None}
    assert unmatched(store)["unmatched"].sum() == len(keyed - {row[0] for row in log}) + sum(row[0] is None for row in training)
    # Every mismatch of so few rows is drawn, with both values as they were.
    differing = {name: sum(n for at, n in expected[name].items() if at[1] == "all" and at[3] == "mismatched") for name in NAMES}
    assert Counter(drawn(store, model="m")["column"]) == +Counter(differing)
    store.close()


# ---- rules, one by one --------------------------------------------------------------------------------------------------------


def test_of_training_rows_with_one_key_the_last_load_counts_and_each_log_row_is_compared(store: Store):
    put(store, "log", log_rows(["a", "a", "b"]), "log")
    put(store, "new", training_rows(["a", "b"], **{ODD: [2.0, 1.0]}), "training")
    put(store, "newest", training_rows(["a"], **{ODD: [3.0]}), "training")
    compare(store)
    assert counted(store) == (3, 2)
    assert set(drawn(store, model="m", column=ODD)["trained"]) == {"3.0"}


def test_a_sample_of_training_rows_is_not_unmatched_but_rows_that_the_log_lost_are(store: Store):
    put(store, "log", log_rows([str(i) for i in range(100)]), "log")
    lost = training_rows(["3", "13", "lost"], ts=[DAYS[0], DAYS[0], DAYS[1]], r="us")
    put(store, "training", lost, "training")
    compare(store)
    found = pairs(store, model="m", column="", segment="all")
    counts = found[found["kind"] == ""]
    assert (counts["log_rows"].sum(), counts["joined"].sum()) == (100, 2)
    gone = unmatched(store)
    # The window has no log row, so the version is the one that served last before it.
    assert gone[["version", "window_start", "unmatched"]].values.tolist() == [["v1", DAYS[1], 1]]
    assert pairs(store, model="m", column="", segment="r=eu")["unmatched"].sum() == 0  # it was of r=us, of which the log has nothing


def test_training_rows_without_a_time_stand_in_no_window(store: Store):
    put(store, "log", log_rows(["1"]), "log")
    put(store, "training", training_rows(["1", "lost", None]), "training")
    compare(store)
    assert unmatched(store)[["window_start", "unmatched"]].isna().values.tolist() == [[True, False]]
    assert unmatched(store)["unmatched"].tolist() == [2]


def test_a_training_row_for_a_version_is_for_that_version_alone(store: Store):
    put(store, "log", pd.concat([log_rows(["a", "b"]), log_rows(["a", "b"], v="v2")]), "log")
    put(store, "v2", training_rows(["a", "b"], **{ODD: [5.0, 1.0]}), "training", "v2")
    compare(store)
    assert counted(store) == (2, 1)
    assert counted(store, version="v1") == (0, 0)
    put(store, "every", training_rows(["a", "b"], **{ODD: [1.0, 7.0]}), "training")
    compare(store)
    # v1 takes the rows for every version, v2 its own.
    assert counted(store, version="v1") == (2, 1)
    assert counted(store, version="v2") == (2, 1)
    assert set(zip(*(drawn(store, model="m")[c] for c in ("version", "trained")), strict=True)) == {("v1", "7.0"), ("v2", "5.0")}


def test_a_value_that_could_not_be_read_is_a_mismatch_with_its_text(store: Store):
    put(store, "log", log_rows(["a", "b", "c"], **{ODD: ["1.0", "n/a?", "n/a?"]}), "log")
    put(store, "training", training_rows(["a", "b", "c"], **{ODD: ["1.0", None, "n/a?"]}), "training")
    compare(store)
    assert counted(store) == (3, 1)  # the same text on both sides is no difference
    found = drawn(store, model="m", column=ODD)
    assert found[["served", "served_misfit", "trained_misfit"]].values.tolist() == [["n/a?", True, False]]
    assert found["trained"].isna().all()


def test_float32_is_within_the_tolerance_and_a_quarter_of_an_hour_in_epoch_seconds_is_not(store: Store):
    x = np.random.default_rng(1).normal(0, 1e6, 500)
    put(store, "log", log_rows([str(i) for i in range(502)], **{ODD: [*x.astype(np.float32).astype(float), 1.9e9, 1.9e12]}), "log")
    put(store, "training", training_rows([str(i) for i in range(502)], **{ODD: [*x, 1.9e9 + 900, 1.9e12 + 900_000]}), "training")
    compare(store)
    assert counted(store) == (502, 2)


def test_a_feature_that_the_version_does_not_take_is_left_out(store: Store):
    put(store, "log", log_rows(["a", "b"], **{ODD: [None, None]}), "log")
    put(store, "training", training_rows(["a", "b"]), "training")
    bins = {"model": "m", "version": "v1", "column": "city", "role": "feature", "kind": "category", "categories": ["Bern"], "others": [[]]}
    append(store.cursor(), "bins", pd.DataFrame([bins | {"categories": ["Bern"], "others": []}]))
    compare(store)
    assert counted(store) == (0, 0)
    assert counted(store, "city") == (2, 0)


def test_no_more_pairs_are_drawn_than_promised_and_always_the_same(store: Store, tmp_path: Path):
    ids = [str(i) for i in range(400)]
    put(store, "log", log_rows(ids, **{ODD: 2.0}), "log")
    put(store, "training", training_rows(ids), "training")
    compare(store)
    found = drawn(store, model="m", column=ODD)
    assert len(found) == 100
    other = open_store(str(tmp_path / "other"))
    order = np.random.default_rng(0).permutation(400)
    put(other, "log2", log_rows(ids, **{ODD: 2.0}).iloc[order], "log")
    put(other, "training2", training_rows(ids), "training")
    compare(other)
    assert set(drawn(other, model="m", column=ODD)["key"]) == set(found["key"])


def test_what_stands_beside_a_pair(store: Store):
    """Training had the served value an hour before in the same region; and another feature of training has it now."""
    put(store, "log", log_rows(["a", "b", "c"], **{ODD: [4.0, 4.0, 9.0]}), "log")
    put(store, "training", training_rows(["a", "b", "c"], **{ODD: [4.0, 5.0, 4.0], "x{0}": [1.0, 1.0, 9.0]}), "training")
    compare(store)
    b, c = (drawn(store, model="m", column=ODD).set_index("key").loc[key] for key in ("b", "c"))
    assert [pd.Timestamp(t, tz="UTC") for t in b["earlier"]] == [DAYS[0], DAYS[0]]  # anywhere, and in r=eu
    assert [pd.Timestamp(t, tz="UTC") for t in b["later"]] == [DAYS[0] + pd.Timedelta(minutes=2)] * 2
    assert list(c["twins"]) == ["x{0}"]
    assert list(b["twins"]) == []


# ---- which windows are done again ---------------------------------------------------------------------------------------------


def test_only_windows_that_a_load_touched_are_compared_again(store: Store):
    for day in range(3):
        put(store, f"log{day}", log_rows([f"{day}-{i}" for i in range(5)], day), "log")
    put(store, "one", training_rows(["0-1", "1-1"]), "training")
    run(store)
    assert counted(store) == (2, 0)
    store.cursor().execute("UPDATE main.pairs SET mismatched = 77 WHERE joined > 0")  # left alone unless compared again
    put(store, "two", training_rows(["1-2"], **{ODD: [8.0]}), "training")
    run(store)
    found = pairs(store, model="m", column=ODD, segment="all")
    assert dict(zip(found["window_start"], found["mismatched"], strict=True)) == {DAYS[0]: 77, DAYS[1]: 1}
    put(store, "late", log_rows(["2-9"], 2), "log")
    put(store, "three", training_rows(["2-9"]), "training")
    run(store)
    found = pairs(store, model="m", column=ODD, segment="all")
    assert dict(zip(found["window_start"], found["mismatched"], strict=True)) == {DAYS[0]: 77, DAYS[1]: 1, DAYS[2]: 0}


def test_a_load_taken_back_leaves_what_would_be_there_without_it(store: Store):
    put(store, "log", log_rows(["a", "b"]), "log")
    put(store, "good", training_rows(["a", "b"]), "training")
    run(store)
    before = measurements(store, model="m", monitor="skew")
    bad = put(store, "bad", training_rows(["a"], **{ODD: [9.0]}), "training")
    run(store)
    assert counted(store) == (2, 1)
    undo(store, bad)
    run(store)
    assert counted(store) == (2, 0)
    assert drawn(store, model="m").empty
    pd.testing.assert_frame_equal(measurements(store, model="m", monitor="skew"), before)
    log = store.frame("SELECT load FROM main.loads WHERE dataset = 'log'")["load"].iloc[0]
    undo(store, int(log))
    run(store)
    assert pairs(store, model="m", column=ODD).empty


# ---- without a key, and what a person may write -------------------------------------------------------------------------------


def test_why_rows_cannot_be_joined_is_said(store: Store):
    put(store, "log", log_rows(["a"]), "log")
    assert why_not_joined(store, "m") == "no training features are loaded"
    put(store, "training", training_rows(["z"]), "training")
    compare(store)
    assert why_not_joined(store, "m") == "no training row has the the key of a log row"
    keyless = open_store(str(Path(store.where).parent / "keyless"))
    roles = from_dict({k: v for k, v in ROLES.items() if k != "inference_id"} | {"ignored": ["the key"]})
    put(keyless, "l", log_rows(["a"]), "log", roles=roles)
    put(keyless, "t", training_rows(["a"]), "training", roles=roles)
    assert why_not_joined(keyless, "m") == "no key: no column has the role `inference_id`"


def test_tolerances_are_kept_as_they_were_written(store: Store):
    roles = from_dict(ROLES)
    assert roles.tolerances == (("x{0}", 0.5, 0.0),)
    assert from_dict(to_dict(roles)) == roles
    put(store, "log", log_rows(["a"]), "log")
    assert saved(store, "m") == roles


@pytest.mark.parametrize(
    "wrong",
    [{"x": 0.5}, {"x": {"absolute": -1}}, {"x": {"abs": 1}}, {"x": {"relative": math.nan}}, {"x": {"absolute": True}}, [1], {"x": {}}],
)
def test_a_wrong_tolerance_is_refused_with_an_example(wrong):
    with pytest.raises(BadInput, match=r"takes lines such as `income: \{absolute: 0.01, relative: 0\}`"):
        from_dict(ROLES | {"tolerances": wrong}, "roles.yaml")


def test_a_tolerance_of_what_is_no_feature_names_the_near_ones():
    with pytest.raises(BadInput, match=r'`tolerances` names "citi", which is no feature\. Did you mean "city"'):
        from_dict(ROLES | {"tolerances": {"citi": {"absolute": 1}}}, "roles.yaml")
