"""The inputs of CASES.md that concern loading, each with the right answer given there."""

import datetime as dt
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.load import load, loads
from data.roles import Roles, from_dict, saved
from data.sql import quote
from data.store import Store


def rows(store: Store, what: str = "*", dataset: str = "logs", model: str = "m") -> pd.DataFrame:
    return store.frame(f"SELECT {what} FROM {dataset}.{quote(model)}")


def test_g1_nan_infinity_and_null_stay_apart(store: Store, tmp_path: Path):
    nan, inf = float("nan"), float("inf")
    x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, nan, nan, inf, -inf, None, None]
    ts = [dt.datetime(2026, 3, 1, h) for h in range(12)]
    pq.write_table(pa.table({"ts": ts, "x": pa.array(x, pa.float64(), from_pandas=False)}), tmp_path / "g1.parquet")
    load(store, [tmp_path / "g1.parquet"], "m")
    counted = rows(store, "count(*) AS n, count_if(x IS NULL) AS nulls, count_if(isnan(x)) AS nans, count_if(isinf(x)) AS infs")
    assert counted.iloc[0].to_list() == [12, 2, 2, 2]
    finite = rows(store, "avg(x) AS mean, min(x) AS low, max(x) AS high, median(x) AS median").iloc[0]
    finite = store.frame("SELECT avg(x) a, min(x) b, max(x) c, median(x) d, stddev_pop(x) e FROM logs.m WHERE isfinite(x)").iloc[
        0
    ]
    assert finite.to_list() == pytest.approx([3.5, 1, 6, 3.5, 1.7078], abs=1e-4)


@pytest.mark.parametrize("written", [["nan", "NaN", "inf", "-inf", "Infinity", "-Infinity"]])
def test_nan_and_infinity_in_text_are_values_and_markers_are_nulls(store: Store, tmp_path: Path, written: list[str]):
    texts = [*written, "NA", "n/a", "None", "NULL", "NaT", "", "1", "2"]
    lines = "".join(f"2026-03-01 00:00:{i:02d},{text}\n" for i, text in enumerate(texts))
    (tmp_path / "a.csv").write_text("ts,x\n" + lines)
    load(store, [tmp_path / "a.csv"], "m")
    counted = rows(store, "count_if(isnan(x)) n, count_if(isinf(x)) i, count_if(x IS NULL) u, count(_misfits) m").iloc[0]
    assert counted.to_list() == [2, 4, 6, 0]


def test_g2_a_column_without_values_has_its_type_from_the_file(store: Store, tmp_path: Path):
    pd.DataFrame({"k": 7.0, "u": np.arange(1, 1001.0), "ok": np.arange(1000) % 10}).to_parquet(tmp_path / "ref.parquet")
    log = {
        "ts": pd.date_range("2026-03-01", periods=100, freq="min"),
        "k": [7.0] * 90 + [8.0] * 10,
        "u": pd.Series([None] * 100, dtype="float64"),
        "ok": np.arange(100) % 10,
    }
    pd.DataFrame(log).to_parquet(tmp_path / "log.parquet")
    load(store, [tmp_path / "log.parquet"], "m")
    load(store, [tmp_path / "ref.parquet"], "m", "reference")
    assert rows(store, "count(*) n, count(u) u, count(k) k, count(ok) ok").iloc[0].to_list() == [100, 0, 100, 100]
    roles = saved(store, "m")
    assert roles is not None
    assert roles.features == ("k", "u", "ok")
    assert dict(roles.types) == {"k": "number", "u": "number", "ok": "number"}


def test_g7_a_word_late_in_a_number_column_is_one_misfit(store: Store, tmp_path: Path):
    with (tmp_path / "g7.csv").open("w") as f:
        f.write("ts,id,amount\n")
        for i in range(30000):
            v = "ERR" if i == 25000 else "NA" if i % 10000 == 9999 else f"{i % 100}.5"
            f.write(f"2026-03-01 00:{i // 600 % 60:02d}:{i % 60:02d},{i},{v}\n")
    loaded = load(store, [tmp_path / "g7.csv"], "m")[0]
    assert (loaded.rows, loaded.misfits) == (30000, 1)
    assert any("row 25,001" in note and '"ERR"' in note for note in loaded.notes)
    counted = rows(store, "count(*) n, count(amount) v, sum(amount) s, count_if(amount IS NULL AND _misfits IS NULL) u").iloc[0]
    assert counted.to_list() == [30000, 29996, 1_499_701, 3]
    assert rows(store, "_row, _misfits['amount'] AS text").dropna().values.tolist() == [[25001, "ERR"]]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_g8_a_category_of_whole_numbers_is_1_and_not_1_0(store: Store, tmp_path: Path, kind: str):
    reference = pd.DataFrame({"rooms": [1, 2, 3, 3], "label": [0, 1, 1, 0]})
    log = pd.DataFrame({
        "ts": pd.date_range("2026-03-01", periods=4, freq="h"),
        "rooms": [1, None, 3, 2.0],
        "prediction": [1.0, 0.0, 0.0, 1.0],
        "label": [1, 0, 1, 1],
    })  # fmt: skip
    for name, frame in ("ref", reference), ("log", log):
        frame.to_parquet(tmp_path / f"{name}.parquet")
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    roles = from_dict(
        {"timestamp": "ts", "prediction": "prediction", "label": "label", "features": ["rooms"], "types": {"rooms": "category"}}
    )
    load(store, [tmp_path / f"log.{kind}"], "m", roles=roles)
    load(store, [tmp_path / f"ref.{kind}"], "m", "reference")
    assert rows(store, "rooms")["rooms"].to_list() == ["1", None, "3", "2"] or rows(store, "rooms")["rooms"].isna().sum() == 1
    assert set(rows(store, "rooms")["rooms"].dropna()) == {"1", "2", "3"}
    assert set(rows(store, "rooms", "reference")["rooms"]) == {"1", "2", "3"}
    assert rows(store, "prediction, label").values.tolist() == [["1", "1"], ["0", "0"], ["0", "1"], ["1", "1"]]
    assert set(rows(store, "label", "reference")["label"]) == {"0", "1"}


def write_g9(folder: Path) -> None:
    for name, days in ("g9_a.csv", range(1, 13)), ("g9_b.csv", range(13, 32)):
        with (folder / name).open("w") as f:
            f.write("ts,x\n" + "".join(f"03/{d:02d}/2026 10:00:00,{d}\n" for d in days))


@pytest.mark.parametrize("order", [("g9_a.csv", "g9_b.csv"), ("g9_b.csv", "g9_a.csv")])
@pytest.mark.parametrize("calls", [1, 2])
def test_g9_month_first_is_decided_by_all_values_whatever_the_order(
    store: Store, tmp_path: Path, order: tuple[str, str], calls: int
):
    write_g9(tmp_path)
    files = [tmp_path / name for name in order]
    if calls == 1:
        load(store, files, "m")
    elif order[0] == "g9_b.csv":  # the undecided one comes later, and reads as the one before
        load(store, files[:1], "m")
        load(store, files[1:], "m")
    else:
        with pytest.raises(BadInput):
            load(store, files[:1], "m")
        return
    days = store.frame("SELECT strftime(ts, '%Y-%m-%d %H') AS day, x FROM logs.m ORDER BY ts")
    assert days["day"].to_list() == [f"2026-03-{d:02d} 10" for d in range(1, 32)]
    assert days["x"].to_list() == list(range(1, 32))
    assert saved(store, "m").time_format == "%m/%d/%Y %H:%M:%S"


def test_g9_what_no_value_decides_is_refused_with_both_readings(store: Store, tmp_path: Path):
    write_g9(tmp_path)
    with pytest.raises(BadInput) as told:
        load(store, [tmp_path / "g9_a.csv"], "m")
    for part in (
        "g9_a.csv",
        '"ts"',
        "day first",
        "month first",
        "time_format",
        "%m/%d/%Y %H:%M:%S",
        "March 2026",
        "3 December 2026",
    ):
        assert part in str(told.value)
    assert loads(store, "m").empty
    load(store, [tmp_path / "g9_a.csv"], "m", roles=Roles(timestamp="ts", features=("x",), time_format="%d/%m/%Y %H:%M:%S"))
    assert store.frame("SELECT count(DISTINCT date_trunc('month', ts)) AS n FROM logs.m")["n"][0] == 12


G10 = "zeit;betrag;score\n2026-03-01 10:00:00;1234,50;0,25\n2026-03-01 11:00:00;80,00;0,75\n2026-03-01 12:00:00;-3,25;1,00\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_g10_a_byte_order_mark_semicolons_and_decimal_commas(store: Store, tmp_path: Path, encoding: str):
    (tmp_path / "g10.csv").write_bytes(G10.encode(encoding))
    loaded = load(store, [tmp_path / "g10.csv"], "m")[0]
    assert any("decimal commas" in note for note in loaded.notes)
    table = rows(store, "zeit, betrag, score")
    assert table.columns.to_list() == ["zeit", "betrag", "score"]
    assert saved(store, "m").timestamp == "zeit"
    assert table["zeit"].dt.hour.to_list() == [10, 11, 12]
    assert table["betrag"].to_list() == [1234.5, 80, -3.25]
    assert table["score"].to_list() == [0.25, 0.75, 1.0]


NAMES = [
    "1_code",
    "cost/unit",
    "net price",
    "it's",
    'say "hi"',
    "a.b",
    "größe",
    "select",
    "x;--",
    "%s",
    "<b>bold</b>",
    " lead",
    'in"come; --',
]


@pytest.mark.parametrize("kind", ["parquet", "csv", "json", "jsonl"])
def test_g11_awkward_names_come_back_character_for_character(store: Store, tmp_path: Path, kind: str):
    columns = {n: [1.0, 2.0, None, 4.0 + i] for i, n in enumerate(NAMES)}
    ts = [dt.datetime(2026, 3, 1, h) for h in range(4)]
    frame = pd.DataFrame({"ts": ts, **columns})
    path = tmp_path / f"g11.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"ts": ts, **{n: pa.array(v) for n, v in columns.items()}}), path)
    elif kind == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.assign(ts=frame["ts"].astype(str)).to_json(path, orient="records", lines=kind == "jsonl")
    load(store, [path], "m")
    roles = saved(store, "m")
    assert roles is not None
    assert list(roles.features) == NAMES
    table = rows(store)
    assert table.columns.to_list() == ["ts", *NAMES, "_load", "_row", "_misfits"]
    for i, name in enumerate(NAMES):
        assert table[name].mean() == pytest.approx((7 + i) / 3)
        assert table[name].isna().sum() == 1
    path.write_bytes(path.read_bytes() + b"\n" if kind != "parquet" else path.read_bytes())
    load(store, [path], "m", "reference")  # and again where the names are known


@pytest.mark.parametrize("order", list(permutations("abc")))
@pytest.mark.parametrize("calls", [1, 3])
def test_g12_files_without_rows_decide_nothing(store: Store, tmp_path: Path, order: tuple[str, ...], calls: int):
    (tmp_path / "a.csv").write_text("ts,amount,plan\n")
    (tmp_path / "b.csv").write_text("ts,amount,plan\n2026-03-01 10:00:00,12.5,basic\n2026-03-01 11:00:00,7.5,plus\n")
    (tmp_path / "c.csv").write_text("")
    files = [tmp_path / f"{name}.csv" for name in order]
    done = load(store, files, "m") if calls == 1 else [load(store, [file], "m")[0] for file in files]
    notes = {Path(one.file).name: " ".join(one.notes) for one in done}
    assert "0 rows" in notes["a.csv"]
    assert "empty" in notes["c.csv"]
    assert notes["b.csv"] == ""
    table = rows(store)
    assert table["amount"].to_list() == [12.5, 7.5]
    assert sorted(table["plan"]) == ["basic", "plus"]
    assert str(table["ts"].dtype) == "datetime64[us, UTC]"
    assert len(loads(store, "m")) == 3


def test_g12_a_reference_without_rows_is_refused(store: Store, tmp_path: Path):
    (tmp_path / "a.csv").write_text("ts,amount,plan\n")
    with pytest.raises(BadInput, match=r"a\.csv: no rows"):
        load(store, [tmp_path / "a.csv"], "m", "reference")
    assert loads(store).empty


def test_g14_versions_stay_texts(store: Store, tmp_path: Path):
    given = [("v1", 10), ("v2", 15), ("v9", 20), ("v10", 40), ("482915", 30), ("48291c", 31), ("1e5", 32)]
    table = [(f"2026-03-{i + 1:02d} 0{h}:00:00", v, ms) for i, (v, ms) in enumerate(given) for h in range(5)]
    pd.DataFrame(table, columns=["ts", "model_version", "latency_ms"]).to_csv(tmp_path / "g14.csv", index=False)
    load(store, [tmp_path / "g14.csv"], "m")
    roles = saved(store, "m")
    assert roles is not None
    assert (roles.model_version, roles.latency) == ("model_version", ("latency_ms",))
    counted = store.frame("SELECT model_version, count(*) AS n, max(latency_ms) AS ms FROM logs.m GROUP BY ALL ORDER BY min(ts)")
    assert counted["model_version"].to_list() == [v for v, _ in given]
    assert counted["n"].to_list() == [5] * 7
    assert counted["ms"].to_list() == [ms for _, ms in given]


def test_versions_that_look_like_numbers_stay_texts_in_every_file(store: Store, tmp_path: Path):
    (tmp_path / "a.csv").write_text(
        "ts,model_version,x\n2026-03-01,1e5,1\n2026-03-02,100000,2\n2026-03-03,1.0,3\n2026-03-04,007,4\n"
    )
    load(store, [tmp_path / "a.csv"], "m")
    assert rows(store, "model_version")["model_version"].to_list() == ["1e5", "100000", "1.0", "007"]


def test_a_code_keeps_its_zero_also_where_no_code_begins_with_one(store: Store, tmp_path: Path):
    (tmp_path / "a.csv").write_text("ts,zip,x\n2026-03-01,81234,1\n2026-03-01,70173,2\n")
    (tmp_path / "b.csv").write_text("ts,zip,x\n2026-03-02,01234,1\n2026-03-02,80331,2\n")
    load(store, [tmp_path / "a.csv"], "m")
    load(store, [tmp_path / "b.csv"], "m")
    assert sorted(rows(store, "zip")["zip"]) == ["01234", "70173", "80331", "81234"]


def test_leading_zeros_anywhere_in_the_load_make_a_column_text(store: Store, tmp_path: Path):
    (tmp_path / "a.csv").write_text("ts,branch\n2026-03-01,1234\n2026-03-01,5678\n")
    (tmp_path / "b.csv").write_text("ts,branch\n2026-03-02,0123\n")
    load(store, [tmp_path / "a.csv", tmp_path / "b.csv"], "m")
    assert sorted(rows(store, "branch")["branch"]) == ["0123", "1234", "5678"]


def test_the_day_of_a_time_with_an_offset_is_that_of_utc(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    (tmp_path / "a.csv").write_text("ts,x\n2026-03-01T23:39:20-07:00,1\n")
    load(store, [tmp_path / "a.csv"], "m")
    assert store.frame("SELECT strftime(date_trunc('day', ts), '%Y-%m-%d') AS day FROM logs.m")["day"][0] == "2026-03-02"
