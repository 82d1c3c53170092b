"""The monitor schema, from files to measurements, against the raw rows; and the inputs of CASES.md that touch it."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.load import load
from data.rebuild import remember
from data.roles import from_dict, to_dict
from data.roles import saved as saved_roles
from data.store import Store, open_store
from monitors import invariants, run
from monitors.schemas import edits_from

DAY = pd.Timestamp("2026-03-01", tz="UTC")


def put(
    store: Store, tmp_path: Path, name: str, table: pd.DataFrame | pa.Table, dataset: str = "log", roles: dict | None = None
) -> int:
    path = tmp_path / f"{name}.parquet"
    pq.write_table(table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False), path)
    return load(store, [path], "m", dataset, roles=from_dict(roles) if roles else None)[0].load


def found(store: Store, window: str = "day") -> dict[tuple[str, str], pd.Series]:
    """(column, metric) → the measurement of the first window, after a run."""
    run.run(store)
    days = run.measurements(store, monitor="schema", window=window, segment="all")
    return {(row["column"], row["metric"]): row for _, row in days[::-1].iterrows()}


def value(measured, column: str, metric: str) -> float:
    return float(measured[column, metric]["value"])


# ---- CASES.md ------------------------------------------------------------------------------------------------------------------


def test_g7_a_text_late_in_a_number_column(store, tmp_path):
    with open(tmp_path / "g7.csv", "w") as file:
        file.write("ts,id,amount\n")
        for i in range(30000):
            text = "ERR" if i == 25000 else "NA" if i % 10000 == 9999 else f"{i % 100}.5"
            file.write(f"2026-03-01 00:{i // 600 % 60:02d}:{i % 60:02d},{i},{text}\n")
    load(store, [tmp_path / "g7.csv"], "m")
    measured = found(store)
    assert value(measured, "amount", "null_rate") == pytest.approx(3 / 30000)
    assert value(measured, "amount", "type_rate") == pytest.approx(1 / 30000)


def test_g8_whole_numbers_that_come_back_as_floats(store, tmp_path):
    """The columns: numbers or categories, of which the last stays whole or does not."""
    kinds = {"number, whole": "number", "number, half": "number", "category, whole": "category", "category, half": "category"}
    roles = {
        "timestamp": "ts", "prediction": "prediction", "label": "label", "features": list(kinds),
        "types": kinds | {"prediction": "category", "label": "category"},
    }  # fmt: skip
    reference = pd.DataFrame({name: [1, 2, 3, 3] for name in kinds} | {"label": [0, 1, 1, 0]})
    put(store, tmp_path, "ref", reference, "reference", roles)
    given = {name: [1, None, 3, 2.0 if "whole" in name else 2.5] for name in kinds}
    log = pd.DataFrame({"ts": pd.date_range(DAY, periods=4, freq="h"), "prediction": [1.0, 0.0, 0.0, 1.0], "label": [1, 0, 1, 1], **given})
    put(store, tmp_path, "log", log, roles=roles)
    measured, bins = found(store), run.bins(store, "m")
    schema, bins = invariants.learnt(store, "m", bins)[""], bins.set_index("column")
    for name, kind in kinds.items():
        counted = run.profiles(store, model="m", column=name, segment="all", dataset="log").iloc[0]
        assert counted[["rows", "nulls", "misfits"]].tolist() == [4, 1, 0]
        assert value(measured, name, "null_rate") == 0.25
        assert value(measured, name, "type_rate") == (0.0 if "whole" in name else 0.25)
        assert schema.columns[name].type == "integer"
        if kind == "category":
            assert value(measured, name, "domain_rate") == 0  # one fault, one alarm: 2.5 has the wrong type
            assert schema.columns[name].domain == ("3", "1", "2")
        else:
            assert measured[name, "domain_rate"]["reason"].startswith("domain_rate needs categories")
    assert run.profiles(store, model="m", column="label", segment="all", dataset="log")["new_values"].tolist() == [0]
    assert list(bins.loc["label", "categories"]) == ["0", "1"]


def test_g12_empty_files_decide_nothing_and_raise_no_schema_alert(store, tmp_path):
    (tmp_path / "a.csv").write_text("ts,amount,plan\n")
    (tmp_path / "b.csv").write_text("ts,amount,plan\n2026-03-01 10:00:00,12.5,basic\n2026-03-01 11:00:00,7.5,plus\n")
    (tmp_path / "c.csv").write_text("")
    reference = pd.DataFrame({"amount": [5.0, 7.5, 12.5, 20.0], "plan": ["basic", "plus", "plus", "basic"]})
    put(store, tmp_path, "ref", reference, "reference")
    load(store, [tmp_path / "*.csv"], "m")
    measured = found(store)
    assert value(measured, "amount", "null_rate") == 0
    assert value(measured, "plan", "domain_rate") == 0
    assert run.alerts(store).empty
    counted = run.profiles(store, model="m", segment="all", dataset="log").set_index("column")
    assert counted.loc["amount", ["rows", "nulls", "sum"]].tolist() == [2, 0, 20.0]
    assert counted.loc["plan", ["kind", "rows", "new_values"]].tolist() == ["category", 2, 0]


def test_rows_more_than_there_are_different_ones(store, tmp_path):
    put(store, tmp_path, "log", pd.DataFrame({"ts": DAY, "x": ["a", "a", "a", "b", "c"]}))
    assert value(found(store), "", "duplicate_rate") == 0.4


def test_a_code_keeps_its_zero_and_a_null_is_in_no_domain(store, tmp_path):
    # 10 of 12 rows have a value; of these 2 are codes that the reference lacks. Nulls do not count: 2/10, not 2/12.
    roles = {"timestamp": "ts", "features": ["code"], "types": {"code": "category"}}
    put(store, tmp_path, "ref", pd.DataFrame({"code": ["01234", "00007"] * 50}), "reference", roles)
    codes = ["01234"] * 8 + ["1234"] * 2 + [None] * 2
    put(store, tmp_path, "log", pd.DataFrame({"ts": pd.date_range(DAY, periods=12, freq="h"), "code": codes}), roles=roles)
    measured = found(store)
    assert value(measured, "code", "domain_rate") == 0.2
    assert value(measured, "code", "null_rate") == pytest.approx(2 / 12)
    assert value(measured, "code", "type_rate") == 0  # codes are no whole numbers, though 1234 looks like one


# ---- against the raw rows --------------------------------------------------------------------------------------------------------


ODD = 'in"come; --'


def rows(seed: int, days: int, first: str) -> pd.DataFrame:
    g, n = np.random.default_rng(seed), 200 * days
    return pd.DataFrame({
        "ts": pd.date_range(first, periods=n, freq=pd.Timedelta(days=1) / 200, tz="UTC"), "id": [f"{first} {i}" for i in range(n)],
        ODD: np.where(g.random(n) < 0.05, np.nan, g.normal(0, 1, n).round(2)), "whole": g.integers(0, 20, n).astype(float),
        "cat": g.choice(list("abc"), n), "seg": g.choice(["x", "y"], n),
    })  # fmt: skip


ROLES = {
    "timestamp": "ts", "inference_id": "id", "features": [ODD, "whole", "cat"], "segments": ["seg"],
    "types": {ODD: "number", "whole": "number", "cat": "category"},
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> tuple[Store, pd.DataFrame, pd.DataFrame]:
    """A store after its run, with the rows of its reference and its log; the tests only read it."""
    folder = tmp_path_factory.mktemp("loaded")
    store, reference, log = open_store(str(folder / "store")), rows(0, 14, "2026-01-01"), rows(1, 10, "2026-03-02")
    g = np.random.default_rng(2)
    hit = g.random(len(log))
    log.loc[hit < 0.1, ODD] = 9.5
    log.loc[(hit > 0.1) & (hit < 0.13), "whole"] = 2.5
    log.loc[(hit > 0.2) & (hit < 0.24), "cat"] = g.choice(["new", "ü<b>"], int(((hit > 0.2) & (hit < 0.24)).sum()))
    put(store, folder, "ref", reference.drop(columns="id"), "reference", ROLES)
    put(store, folder, "log", log, roles=ROLES)
    run.run(store)
    return store, reference, log


def oracle(reference: pd.DataFrame, log: pd.DataFrame) -> dict[tuple[str, str], float]:
    """What pandas gives on the raw rows of a window."""
    shares = {(c, "null_rate"): log[c].isna().mean() for c in (ODD, "whole", "cat")}
    outside = log[ODD].dropna().lt(reference[ODD].min()) | log[ODD].dropna().gt(reference[ODD].max())
    shares[ODD, "range_rate"] = outside.mean()
    shares["whole", "type_rate"] = (log["whole"] % 1 != 0).mean()
    shares["cat", "domain_rate"] = (~log["cat"].dropna().isin(reference["cat"])).mean()
    return shares


@pytest.mark.parametrize(("window", "code"), [("day", "D"), ("week", "W-SUN"), ("month", "M")])
def test_every_rate_is_what_pandas_gives_on_the_raw_rows(loaded, window, code):
    store, reference, log = loaded
    measured = run.measurements(store, monitor="schema", window=window)
    period = log["ts"].dt.tz_localize(None).dt.to_period(code).dt.start_time.dt.tz_localize("UTC")
    for start, part in log.groupby(period):
        for segment, own in [("all", part), *((f"seg={s}", p) for s, p in part.groupby("seg"))]:
            here = measured[(measured["window_start"] == start) & (measured["segment"] == segment)]
            values = {(r["column"], r["metric"]): r["value"] for _, r in here.iterrows()}
            for key, expected in oracle(reference, own).items():
                assert values[key] == pytest.approx(expected, abs=1e-12), (start, segment, key)


def test_edits_are_counted_exactly_and_leave_no_trace_when_taken_back(loaded, tmp_path):
    store, log = open_store(str(shutil.copytree(loaded[0].where, tmp_path / "own"))), loaded[2]
    before = run.measurements(store, monitor="schema")
    learnt = invariants.learnt(store, "m", run.bins(store, "m"))[""]
    edits = {ODD: {"min": -0.123, "max": 0.456, "null_share": 0.5}, "cat": {"domain": ["a", "new"]}, "whole": {"type": "number"}}
    invariants.save(store, "m", learnt, edits_from({"columns": edits}, "test"), "why not")
    (ran,) = run.run(store)
    assert ran.windows == 10
    measured = run.measurements(store, monitor="schema", window="month", segment="all")
    values = {(r["column"], r["metric"]): r["value"] for _, r in measured.iterrows()}
    x = log[ODD].dropna()
    assert values[ODD, "range_rate"] == pytest.approx(((x < -0.123) | (x > 0.456)).mean(), abs=1e-12)
    assert values["cat", "domain_rate"] == pytest.approx((~log["cat"].isin(["a", "new"])).mean(), abs=1e-12)
    assert values["whole", "type_rate"] == 0
    nulls = run.measurements(store, monitor="schema", metric="null_rate", column=ODD, window="day", segment="all")
    assert (nulls["usual"] == 0.5).all()  # a share that a person allows
    invariants.save(store, "m", learnt, edits_from({}, "test"), "taken back")
    run.run(store)
    pd.testing.assert_frame_equal(run.measurements(store, monitor="schema"), before)
    told = invariants.history(store, "m")
    assert told["reason"].tolist() == ["taken back"] * 5 + ["why not"] * 5
    assert run.run(store) == []


# ---- what arrived ----------------------------------------------------------------------------------------------------------------


def test_what_is_gone_is_missing_once_and_what_is_new_is_told_until_a_role_knows_it(store, tmp_path):
    reference, log = rows(0, 14, "2026-01-01"), rows(1, 4, "2026-03-02")
    put(store, tmp_path, "ref", reference.drop(columns="id"), "reference", ROLES)
    put(store, tmp_path, "whole", log.iloc[:500], roles=ROLES)
    put(store, tmp_path, "lacking", log.iloc[500:].drop(columns="whole").assign(extra="?"), roles=ROLES)
    run.run(store)
    days = run.measurements(store, monitor="schema", window="day", segment="all")

    def series(column: str, metric: str) -> list[float]:
        return days[(days["column"] == column) & (days["metric"] == metric)]["value"].round(12).tolist()

    assert series("whole", "missing_column") == [0, 0, 0.5, 1]
    assert series("extra", "new_column") == [0.5, 1]
    nulls = series("whole", "null_rate")
    assert nulls[:3] == [0, 0, 0]
    assert np.isnan(nulls[3])
    alerts = run.alerts(store)
    assert sorted(zip(alerts["metric"], alerts["column"], strict=True)) == [("missing_column", "whole"), ("new_column", "extra")]
    remember(store, "m", from_dict(to_dict(saved_roles(store, "m")) | {"ignored": ["extra"]}), "known")
    assert ("extra", "new_column") not in found(store)


def test_a_label_that_comes_later_is_not_missing_in_serving(store, tmp_path):
    roles = ROLES | {"label": "y", "types": ROLES["types"] | {"y": "category"}}
    reference, log = rows(0, 14, "2026-01-01").assign(y="0"), rows(1, 4, "2026-03-02")
    put(store, tmp_path, "ref", reference.drop(columns="id"), "reference", roles)
    put(store, tmp_path, "log", log, roles=roles)
    run.run(store)
    schema = invariants.learnt(store, "m", run.bins(store, "m"))[""]
    assert schema.columns["y"].required_in == ("training",)
    assert run.alerts(store).query("monitor == 'schema'").empty


def test_a_quiet_sunday_is_no_alarm_and_a_lost_half_day_is(store, tmp_path):
    # 400 rows on weekdays, 120 on Sundays; on Wednesday 1 April half of the day is lost, on Thursday the whole of it.
    days = pd.date_range("2026-02-02", "2026-04-05", freq="D", tz="UTC")
    parts = []
    for day in days:
        n = 120 if day.weekday() == 6 else 400
        times = day + pd.to_timedelta(np.arange(n) * 86_400 / n, unit="s")
        keep = (
            times[: n // 2]
            if day == pd.Timestamp("2026-04-01", tz="UTC")
            else times[:0]
            if day == pd.Timestamp("2026-04-02", tz="UTC")
            else times
        )
        parts.append(pd.DataFrame({"ts": keep, "x": 1.0}))
    put(store, tmp_path, "log", pd.concat(parts, ignore_index=True), roles={"timestamp": "ts", "features": ["x"]})
    run.run(store)
    measured = run.measurements(store, monitor="schema", metric="rows_ratio", window="day").set_index("window_start")["value"]
    assert measured.index.equals(pd.DatetimeIndex(days, name="window_start").as_unit("us"))
    assert measured.iloc[:21].isna().all()  # fewer than three of the same weekday before
    assert measured["2026-04-01"] == 0.5
    assert measured["2026-04-02"] == 0
    assert (measured.iloc[21:].drop(pd.to_datetime(["2026-04-01", "2026-04-02"], utc=True)) == 1).all()
    fresh = run.measurements(store, monitor="schema", metric="freshness_hours", window="day").set_index("window_start")["value"]
    assert fresh["2026-04-02"] == pytest.approx(36 + 86_400 / 400 / 3600)  # since the last row at noon of the day before
    alerts = run.alerts(store).query("monitor == 'schema' and metric == 'rows_ratio'")
    assert [(a.start.day, a.end.day, a.peak, a.severity, a.state) for a in alerts.itertuples()] == [
        (1, 3, 0.0, "critical", "resolved")
    ]
