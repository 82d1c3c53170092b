"""Inputs on which such tools went wrong, from file to measurement: each with the value that is right, computed from the raw rows."""

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.load import load
from data.refresh import refresh
from data.roles import from_dict
from data.store import Store, open_store
from monitors import run

DAY = pd.Timestamp("2026-03-01")


def measured(store: Store, tmp_path: Path, reference: pd.DataFrame | None, log: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    """(column, metric) → the measurement of the first day, after a real load and run."""
    for name, table in (("reference", reference), ("log", log)):
        if table is not None:
            table.to_parquet(tmp_path / f"{name}.parquet")
            load(store, [tmp_path / f"{name}.parquet"], "m", name)
    run.run(store)
    return first_day(store)


def first_day(store: Store, **where: str) -> dict[tuple[str, str], pd.Series]:
    """(column, metric) → the measurement of the first day."""
    days = run.measurements(store, window="day", segment="all", **where)
    return {(row["column"], row["metric"]): row for _, row in days[::-1].iterrows()}


def profiled(store: Store) -> None:
    """Count, without measuring what was counted."""
    refresh(store, "m", lambda _step, _share: None)


def profile(store: Store, column: str) -> pd.Series:
    whole = run.profiles(store, model="m", column=column, segment="all", dataset="log")
    assert len(whole) == 1
    return whole.iloc[0]


def values(found, column, *metrics) -> list[float]:
    return [found[column, metric]["value"] for metric in metrics]


def test_g1_nan_infinity_and_null_are_three_things(store, tmp_path):
    nan, inf = float("nan"), float("inf")
    x = pa.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, nan, nan, inf, -inf, None, None], pa.float64(), from_pandas=False)
    pq.write_table(pa.table({"ts": [datetime.datetime(2026, 3, 1, h) for h in range(12)], "x": x}), tmp_path / "g1.parquet")
    load(store, [tmp_path / "g1.parquet"], "m")
    run.run(store)
    found = profile(store, "x")
    counted = ("rows", "nulls", "nans", "pos_infs", "neg_infs")
    assert found[list(counted)].tolist() == [12, 2, 2, 1, 1]
    n = found["counts"].sum()
    assert n == 6
    assert (found["min"], found["max"], found["sum"] / n) == (1, 6, 3.5)
    assert np.sqrt(found["sum_squares"] / n - (found["sum"] / n) ** 2) == pytest.approx(1.7078, abs=1e-4)
    measured = first_day(store)
    assert values(measured, "x", "null_rate", "type_rate") == pytest.approx([2 / 12, 0])
    assert np.isnan(measured["x", "range_rate"]["value"])
    assert measured["x", "range_rate"]["reason"] == "no reference"  # a log that tells no versions names none


def test_g2_one_bad_column_does_not_take_the_rest_with_it(store, tmp_path):
    reference = pd.DataFrame({"k": 7.0, "u": np.arange(1, 1001.0), "ok": np.arange(1000) % 10})
    log = pd.DataFrame(
        {"ts": pd.date_range(DAY, periods=100, freq="min"), "k": [7.0] * 90 + [8.0] * 10, "ok": np.arange(100) % 10}
    )
    found = measured(store, tmp_path, reference, log.assign(u=pd.Series([None] * 100, dtype="float64")))
    assert values(found, "k", "ks", "psi", "js") == pytest.approx([0.1, 0.7006, 0.2278], abs=1e-4)
    assert np.isnan(found["k", "wasserstein"]["value"])
    assert found["k", "wasserstein"]["reason"] == "the reference does not vary"
    assert values(found, "ok", "psi", "ks", "js") == [0, 0, 0]
    assert profile(store, "u")["nulls"] == 100
    for metric in ("psi", "ks", "js", "wasserstein"):
        assert np.isnan(found["u", metric]["value"])
        assert found["u", metric]["rows"] == 0
        assert found["u", metric]["reason"] == "no values in this window"
    assert values(found, "k", "range_rate") == pytest.approx([0.10])
    assert values(found, "u", "null_rate") == [1.0]
    assert found["u", "range_rate"]["reason"] == "no values in this window"
    alerts = run.alerts(store)
    assert alerts.loc[alerts["column"] == "u", "metric"].tolist() == ["null_rate"]  # and no drift or range beside it
    assert not (alerts["column"] == "ok").any()


# ---- G3 to G6: versions of one model, each with a reference of its own ----------------------------------------------------------

Z, V = np.arange(1, 151), np.arange(1, 101)
SHIFTED = np.repeat(V, [1970] * 50 + [2030] * 50)
NUMBERS = {  # case → column x of the reference and of the log
    "g3": (np.arange(1, 1001), np.arange(201, 1001)),
    "g4": (np.r_[np.zeros(850), Z], np.r_[np.zeros(600), np.resize(Z, 400)]),
    "g6": (np.repeat(V, 2000), SHIFTED),
    "g6 ties": (np.repeat(V, 2000), SHIFTED[::200]),
}
PLANS = {"a": (700, 60), "b": (200, 90), "c": (100, 50)}  # G5: rows of the reference and of the log


def fill_cases(folder: Path) -> Store:
    store = open_store(str(folder / "store"))
    tables = {name: tuple(pd.DataFrame({"x": side.astype(float)}) for side in sides) for name, sides in NUMBERS.items()}
    tables["g5"] = tuple(pd.DataFrame({"plan": np.repeat(list(PLANS), [rows[i] for rows in PLANS.values()])}) for i in (0, 1))
    roles = from_dict({"timestamp": "ts", "model_version": "v", "features": ["x", "plan"], "types": {"x": "number", "plan": "category"}})
    for name, (reference, _) in tables.items():
        reference.to_parquet(folder / f"{name}.parquet")
        load(store, [folder / f"{name}.parquet"], "m", "reference", name, roles)
    pd.concat([log.assign(ts=DAY, v=name) for name, (_, log) in tables.items()]).to_parquet(folder / "log.parquet")
    load(store, [folder / "log.parquet"], "m", "log", None, roles)
    run.run(store)
    return store


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> Store:
    return fill_cases(tmp_path_factory.mktemp("cases"))


def test_g3_two_empty_deciles(cases):
    found = first_day(cases, version="g3")
    assert values(found, "x", "psi", "js", "ks") == pytest.approx([1.4248, 0.3287, 0.2], abs=1e-4)
    assert values(found, "x", "wasserstein") == pytest.approx([100 / 288.675], abs=1e-3)


def test_g4_85_percent_zeros(cases):
    found = first_day(cases, version="g4")
    assert values(found, "x", "ks") == pytest.approx([0.25], abs=1e-9)
    assert 0.332 <= found["x", "psi"]["value"] <= 0.335
    bins = run.bins(cases, "m").set_index(["version", "column"])
    zero = int(np.searchsorted(bins.loc[("g4", "x"), "edges"], 0.0))
    counts = run.profiles(cases, model="m", version="g4", column="x", segment="all", dataset="log")["counts"].iloc[0]
    assert counts[zero] == 600
    assert counts.sum() == 1000


def test_g5_categories_at_unequal_sizes(cases):
    found = first_day(cases, version="g5")
    metrics = ("chi2", "psi", "js", "hellinger", "linf")
    assert values(found, "plan", *metrics) == pytest.approx([0.3099, 0.6791, 0.3448, 0.2892, 0.4], abs=1e-4)
    assert found["plan", "chi2"]["p_value"] == pytest.approx(9.6e-26, rel=0.01)


def test_g6_many_rows_and_no_shift_of_importance(cases):
    found = first_day(cases, version="g6")
    assert values(found, "x", "ks", "psi", "wasserstein") == pytest.approx([0.0075, 0.000225, 0.0130], abs=1e-4)
    assert found["x", "ks"]["p_value"] == pytest.approx(2.6e-5, rel=0.05)
    assert run.alerts(cases).query("version == 'g6' and column == 'x'").empty


def test_g6_ties(cases):
    found = first_day(cases, version="g6 ties")
    assert values(found, "x", "ks") == pytest.approx([0.0070], abs=1e-9)  # walking through tied values row by row gives 0.0170
    assert found["x", "ks"]["p_value"] > 0.99


def test_the_same_files_give_the_same_bytes_twice(cases, tmp_path):
    again = fill_cases(tmp_path)
    assert run.measurements(again, dataset=None).to_csv() == run.measurements(cases, dataset=None).to_csv()


# ---- files, names, times --------------------------------------------------------------------------------------------------------


def test_g8_whole_numbers_that_come_back_as_floats(store, tmp_path):
    reference = pd.DataFrame({"rooms": [1, 2, 3, 3], "flats": [1, 2, 3, 3], "label": [0, 1, 1, 0]})
    rooms, times = [1, None, 3, 2.0, 1, None, 3, 2.5], [DAY + pd.Timedelta(hours=6 * i) for i in range(8)]  # on the second day 2.5, not 2
    log = pd.DataFrame({"ts": times, "rooms": rooms, "flats": rooms, "prediction": [1.0, 0, 0, 1] * 2, "label": [1, 0, 1, 1] * 2})
    roles = {"timestamp": "ts", "prediction": "prediction", "label": "label", "features": ["rooms", "flats"], "types": {"flats": "category"}}
    for name, table in (("reference", reference), ("log", log)):
        table.to_parquet(tmp_path / f"{name}.parquet")
        load(store, [tmp_path / f"{name}.parquet"], "m", name, roles=from_dict(roles))
    run.run(store)
    found = first_day(store)
    assert values(found, "rooms", "null_rate", "type_rate", "range_rate") == [0.25, 0, 0]
    assert values(found, "flats", "null_rate", "type_rate", "domain_rate") == [0.25, 0, 0]
    assert values(found, "", "accuracy", "precision", "recall") == pytest.approx([0.75, 1, 2 / 3])
    wrong = run.measurements(store, window="day", metric="type_rate").set_index(["column", "window_start"])["value"]
    second = pd.Timestamp("2026-03-02", tz="UTC")
    assert (wrong["rooms", second], wrong["flats", second]) == (0.25, 0.25)


def test_g13_a_window_with_one_class_only(store, tmp_path):
    y, s = [0, 1, 0, 1, 1, 0, 0, 0, 0, 0], [0.15, 0.9, 0.45, 0.3, 0.75, 0.2, 0.1, 0.2, 0.7, 0.3]
    times = ["2026-03-01 12:00"] * 6 + ["2026-03-02 12:00"] * 4
    log = pd.DataFrame({"ts": times, "id": range(10), "score": s, "prediction": [int(v >= 0.5) for v in s], "label": y})
    log.to_csv(tmp_path / "g13.csv", index=False)
    load(store, [tmp_path / "g13.csv"], "m")
    run.run(store)
    days = {day: own.set_index("metric") for day, own in run.measurements(store, monitor="quality", window="day").groupby("window_start")}
    first, second = (days[pd.Timestamp(day, tz="UTC")] for day in ("2026-03-01", "2026-03-02"))
    metrics = ["accuracy", "precision", "recall", "f1", "roc_auc", "brier", "log_loss"]
    assert first["value"][metrics].tolist() == pytest.approx([0.8333, 1, 0.6667, 0.8, 0.8889, 0.1379, 0.4301], abs=5e-5)
    assert second["value"][["accuracy", "precision", "brier", "log_loss"]].tolist() == pytest.approx([0.75, 0, 0.1575, 0.4723], abs=5e-5)
    assert second["reason"][["roc_auc", "recall"]].tolist() == ["no positive label in this window"] * 2
    assert second["value"][["roc_auc", "recall"]].isna().all()
    both = run.measurements(store, monitor="quality", window="month").set_index("metric")["value"]
    assert both[["roc_auc", "accuracy", "precision", "recall"]].tolist() == pytest.approx([0.8810, 0.8, 0.6667, 0.6667], abs=5e-5)
    assert run.alerts(store).query("monitor == 'quality'").empty


def test_g9_both_files_are_thirty_one_days(store, tmp_path):
    for name, days in (("g9_b.csv", range(13, 32)), ("g9_a.csv", range(1, 13))):
        (tmp_path / name).write_text("ts,x\n" + "".join(f"03/{d:02d}/2026 10:00:00,{d}\n" for d in days))
    with pytest.raises(BadInput, match="time_format"):
        load(store, [tmp_path / "g9_a.csv"], "m")
    load(store, [tmp_path / "g9_a.csv", tmp_path / "g9_b.csv"], "m")
    profiled(store)
    days = run.profiles(store, model="m", column="x", segment="all", dataset="log")
    assert days["rows"].tolist() == [1] * 31
    assert (days["window_start"].min(), days["window_start"].max()) == (
        pd.Timestamp("2026-03-01", tz="UTC"),
        pd.Timestamp("2026-03-31", tz="UTC"),
    )


def test_g11_awkward_names_come_back_character_for_character(store, tmp_path):
    names = ["1_code", "cost/unit", "net price", "it's", 'say "hi"', "a.b", "größe", "select", "x;--", "%s", "<b>bold</b>", " lead"]
    columns = {n: pa.array([1.0, 2.0, None, 4.0 + i]) for i, n in enumerate(names)}
    pq.write_table(pa.table({"ts": [datetime.datetime(2026, 3, 1, h) for h in range(4)], **columns}), tmp_path / "g11.parquet")
    load(store, [tmp_path / "g11.parquet"], "m", "reference")
    load(store, [tmp_path / "g11.parquet"], "m")
    run.run(store)
    found = run.profiles(store, model="m", segment="all", dataset="log").set_index("column")
    assert sorted(found.index) == ["", *sorted(names)]  # "" is what is counted of the rows themselves
    for i, name in enumerate(names):
        assert found.loc[name, "nulls"] == 1
        assert found.loc[name, "sum"] / 3 == pytest.approx((7 + i) / 3)
    assert set(run.measurements(store, monitor="drift")["column"]) == set(names)
    assert set(run.measurements(store, monitor="schema")["column"]) == {"", "ts", *names}


def test_g14_versions_stay_text_and_in_order(store, tmp_path):
    rows = [("v1", 10), ("v2", 15), ("v9", 20), ("v10", 40), ("482915", 30), ("48291c", 31), ("1e5", 32)]
    table = pd.DataFrame(
        [(f"2026-03-{i + 1:02d} 0{h}:00:00", v, ms, ms) for i, (v, ms) in enumerate(rows) for h in range(5)],
        columns=["ts", "model_version", "latency_ms", "x"],
    )
    table.to_csv(tmp_path / "g14.csv", index=False)
    load(store, [tmp_path / "g14.csv"], "m")
    profiled(store)
    found = run.versions(store, "m")
    assert found["version"].tolist() == [v for v, _ in rows]
    assert found["rows"].tolist() == [5] * 7


def test_an_offset_says_the_day_whatever_the_machine_thinks(store, tmp_path):
    (tmp_path / "o.csv").write_text("ts,x\n2026-03-01T23:39:20-07:00,1\n")
    load(store, [tmp_path / "o.csv"], "m")
    profiled(store)
    assert profile(store, "x")["window_start"] == pd.Timestamp("2026-03-02", tz="UTC")
