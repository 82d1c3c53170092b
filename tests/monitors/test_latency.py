"""Latency metrics: percentiles of added-up counts, the version before, growth and steps, throughput and errors; from raw times."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timing import START, frame_of_bins, lognormal, profiles

from data.load import load
from data.store import Store
from monitors import latency, run
from monitors.__main__ import main
from monitors.thresholds import defaults, judge

DAY, WEEK = pd.Timedelta(days=1), pd.Timedelta(days=7)


def measured(days: dict[tuple[str, str, int], object], *versioned: str) -> pd.DataFrame:
    found = latency.measure(profiles(days), frame_of_bins(*versioned))
    return found.assign(length=found["window_end"] - found["window_start"])


def one(found: pd.DataFrame, metric: str, length: pd.Timedelta = DAY, version: str = "v1", segment: str = "all") -> pd.DataFrame:
    key = (found["metric"] == metric) & (found["length"] == length) & (found["version"] == version) & (found["segment"] == segment)
    return found[key].sort_values("window_start").reset_index(drop=True)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(100, 400), min_size=2, max_size=9), st.integers(0, 99))
def test_percentiles_of_days_weeks_and_months_are_those_of_their_rows(sizes: list[int], seed: int):
    raw = [lognormal(seed + i, size) for i, size in enumerate(sizes)]
    found = measured({("v1", "all", i): times for i, times in enumerate(raw)})
    weeks = [np.concatenate(raw[i : i + 7]) for i in range(0, len(raw), 7)]
    for parts, length in ((raw, DAY), (weeks, WEEK), ([np.concatenate(raw)], pd.Timedelta(days=31))):
        for metric, level in latency.LEVELS.items():
            want = [np.quantile(part, level, method="inverted_cdf") for part in parts]
            np.testing.assert_allclose(one(found, metric, length)["value"], want, rtol=0.0101)
        np.testing.assert_allclose(one(found, "mean", length)["value"], [part.mean() for part in parts], rtol=1e-9)


def test_g14_v10_is_compared_with_v9(store: Store, tmp_path: Path):
    rows = [("v1", 10), ("v2", 15), ("v9", 20), ("v10", 40), ("482915", 30), ("48291c", 31), ("1e5", 32)]
    table = [(f"2026-03-{i + 1:02d} 0{h}:00:00", v, ms) for i, (v, ms) in enumerate(rows) for h in range(5)]
    pd.DataFrame(table, columns=["ts", "model_version", "latency_ms"]).to_csv(tmp_path / "g14.csv", index=False)
    load(store, [tmp_path / "g14.csv"], "m")
    run.run(store)
    for window in ("day", "week", "month"):
        found = run.measurements(store, monitor="latency", metric="p95_ratio", window=window, segment="all").set_index("version")
        assert len(found) == 7
        assert found.loc["v10", "value"] == 2.0
        assert found.loc["v9", "value"] == pytest.approx(20 / 15)
        assert found.loc["v1", "reason"] == "no version before v1"
    days = run.measurements(store, monitor="latency", metric="p95", window="day", segment="all").set_index("version")
    assert days["value"].to_dict() == {v: float(ms) for v, ms in rows}
    assert (days["rows"] == 5).all()
    assert run.alerts(store).empty  # five rows are told, and no reason to call anyone


def test_the_version_before_counts_with_its_whole_life_until_then():
    days = {("v1", "all", i): np.full(100, 10.0 * (i + 1)) for i in range(3)}  # 10, 20, 30 ms
    days |= {("v2", "all", i): np.full(100, 60.0) for i in (1, 2, 3)}
    ratio = one(measured(days), "p95_ratio", version="v2")["value"].tolist()
    # The p95 of v1 until then: of 10 and 20 ms 20; of 10, 20, 30 ms 30, on the day after too.
    assert ratio == pytest.approx([3.0, 2.0, 2.0], rel=0.02)  # two percentiles of 1 %


def test_code_versions_are_compared_with_the_code_before_whatever_the_model():
    days = {("v1", "all", 0): np.full(50, 10.0), ("v1", "code_version=1.9.0", 0): np.full(50, 10.0)}
    days |= {("v1", "all", 1): np.full(50, 20.0), ("v1", "code_version=1.10.0", 1): np.full(50, 20.0)}
    days |= {("v2", "all", 2): np.full(50, 30.0), ("v2", "code_version=1.10.0", 2): np.full(50, 30.0)}
    found = measured(days, "code_version")
    assert one(found, "p95_ratio", segment="code_version=1.10.0")["value"].tolist() == [2.0]
    assert one(found, "p95_ratio", version="v2", segment="code_version=1.10.0")["value"].tolist() == [3.0]
    assert one(found, "p95_ratio", segment="code_version=1.9.0")["reason"].tolist() == ["no code version before 1.9.0"]
    # Without being told what these columns are, they are segments as any other: v1 had no such segment.
    told = one(measured(days), "p95_ratio", version="v2", segment="code_version=1.10.0")
    assert told["value"].tolist() == [1.5]


def test_what_cannot_be_measured_says_why():
    days = {("v1", "all", 0): np.full(42, 5.0), ("v1", "all", 1): [5.0] * 3, ("v1", "all", 2): [None] * 4, ("v1", "all", 3): [0.0] * 50}
    days |= {("v2", "all", 3): np.full(50, 5.0)}
    found = measured(days)
    assert one(found, "p99")["reason"].tolist()[:3] == [
        "p99 needs 100 rows, this window has 42", "p99 needs 100 rows, this window has 3", latency.EMPTY,
    ]  # fmt: skip
    assert one(found, "p95")["reason"].tolist()[1] == "p95 needs 5 rows, this window has 3"
    assert one(found, "p95")["value"].tolist()[3] == 0
    assert one(found, "p50_growth")["reason"].tolist()[0] == "p50_growth needs 8 measured days of the last 14"
    assert found["value"].isna().eq(found["reason"].notna()).all()
    zero = measured({("v1", "all", 0): np.zeros(20), ("v2", "all", 1): np.ones(20)})
    assert one(zero, "p95_ratio", version="v2")["reason"].tolist() == ["the p95 of v1 is not above 0"]


def test_noise_is_what_chance_gives_if_nothing_changed():
    days = {("v1", "all", i): lognormal(i, 400) for i in range(300)}
    days |= {("v2", "all", 300 + i): lognormal(1000 + i, 400) for i in range(300)}
    found = measured(days)
    for metric in ("p50", "p95", "mean"):
        late = one(found, metric).iloc[30:]
        assert 0.005 < (late["value"] > late["noise"]).mean() < 0.085  # 0.05, less what bins of 2 % round off a p50
    ratio = one(found, "p95_ratio", version="v2")
    assert 0.005 < (ratio["value"] > ratio["noise"]).mean() < 0.085
    assert one(found, "p95")["usual"].isna().tolist()[:4] == [True, True, True, False]


def test_a_value_of_a_day_does_not_depend_on_later_ones():
    days = {("v1", "all", i): lognormal(i, 200, 10 + i / 5) for i in range(30)}
    days |= {("v2", "all", i): lognormal(100 + i, 200, 15) for i in range(20, 40)}
    keys = ["metric", "version", "window_start", "window_end"]
    early = measured({key: times for key, times in days.items() if key[2] < 28}).set_index(keys)
    late = measured(days).set_index(keys)
    whole = early[early.index.get_level_values("window_end") <= START + 28 * DAY]
    for name in ("value", "noise", "usual"):
        np.testing.assert_allclose(late.loc[whole.index, name], whole[name])


def test_a_leak_alerts_by_default_and_a_healthy_service_does_not(store: Store, tmp_path: Path):
    chance = np.random.default_rng(0)
    rows = []
    for day in range(60):
        slow = np.exp(chance.normal(0, 0.08)) * (1.06 ** max(0, day - 30) if day < 50 else 1)
        times = pd.date_range(START + day * DAY, periods=200, freq="5min")
        for name, factor in (("latency_leaks_ms", slow), ("latency_healthy_ms", np.exp(chance.normal(0, 0.08)))):
            rows.append(pd.DataFrame({"ts": times, "name": name, "ms": factor * 10 * np.exp(chance.normal(0, 0.4, 200))}))
    table = pd.concat(rows).pivot(index="ts", columns="name", values="ms").reset_index().assign(model_version="v1")
    table.to_parquet(tmp_path / "log.parquet")
    load(store, [tmp_path / "log.parquet"], "m")
    run.run(store)
    found = run.alerts(store)
    assert set(found["column"]) == {"latency_leaks_ms"}
    assert "p50_growth" in set(found["metric"])
    assert found["start"].min() >= START + 30 * DAY


def test_throughput_counts_the_hours_that_the_log_has(store: Store, tmp_path: Path):
    # 240 requests on 4 March and 480 on 5 March: 10 and 20 an hour; their week has but these two days: 15.
    ts = [*pd.date_range("2026-03-04", periods=240, freq="6min"), *pd.date_range("2026-03-05", periods=480, freq="3min")]
    score = [None, *[0.5] * 239, *[None] * 30, *[0.5] * 450]
    pd.DataFrame({"ts": ts, "score": score, "x": 1.0}).to_parquet(tmp_path / "log.parquet")
    load(store, [tmp_path / "log.parquet"], "m")
    run.run(store)
    found = run.measurements(store, monitor="latency", segment="all")
    assert set(found["column"]) == {""}
    values = {(m, (e - s).days): v for m, s, e, v in zip(found["metric"], found["window_start"], found["window_end"], found["value"], strict=True)}
    assert [values["throughput", 7], values["throughput", 31]] == pytest.approx([15, 15])
    assert values["error_rate", 7] == pytest.approx(31 / 720)
    alert = run.alerts(store).query("monitor == 'latency'")
    assert alert[["metric", "severity", "windows"]].values.tolist() == [["error_rate", "critical", 1]]  # 6 % of 5 March; 1 in 240 is no news


def test_a_reference_with_times_gives_windows_of_its_own(store: Store, tmp_path: Path):
    for name, first, rows in (("reference", "2026-01-05", 2800), ("log", "2026-03-02", 1400)):
        ts = pd.date_range(first, periods=rows, freq=pd.Timedelta(days=1) / 100)
        pd.DataFrame({"ts": ts, "x": 1.0, "latency_ms": lognormal(rows, rows)}).to_parquet(tmp_path / f"{name}.parquet")
        load(store, [tmp_path / f"{name}.parquet"], "m", name)
    run.run(store)
    own = run.measurements(store, monitor="latency", metric="p95", window="day", dataset="reference", segment="all")
    assert len(own) == 28
    assert own["value"].between(15, 25).all()


def test_what_was_measured_of_times_stays_when_later_rows_lack_them_or_nothing_is_new(store: Store, tmp_path: Path):
    def put(first: str, **times: object) -> None:
        ts = pd.date_range(first, periods=200, freq=pd.Timedelta(days=1) / 100)
        pd.DataFrame({"ts": ts, "x": 1.0} | times).to_parquet(tmp_path / f"{first}.parquet")
        load(store, [tmp_path / f"{first}.parquet"], "m")
        run.run(store)

    def kept() -> pd.DataFrame:
        found = run.measurements(store, monitor="latency", until=pd.Timestamp("2026-03-04", tz="UTC"), window="day")
        return found[found["metric"] != "throughput"]

    put("2026-03-02", latency_ms=lognormal(1, 200), latency_model_ms=lognormal(2, 200))
    before = kept()
    assert set(before["column"]) >= {"latency_ms", "latency_model_ms"}
    put("2026-03-09", latency_ms=lognormal(3, 200))  # the model's time is logged no more
    pd.testing.assert_frame_equal(kept(), before)
    store.rows("DELETE FROM main.tasks")  # as in a store of before, which lacks the outcomes and nothing else
    assert run.run(store)
    pd.testing.assert_frame_equal(kept(), before)


def test_the_command_compares_and_lists(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    parts = []
    for version, first, factor in (("v1", "2026-03-02", 1.0), ("v2", "2026-03-16", 1.5)):
        ts = pd.date_range(first, periods=1400, freq=pd.Timedelta(days=1) / 100)
        parts.append(pd.DataFrame({"ts": ts, "model_version": version, "latency_ms": lognormal(len(parts), 1400, 10 * factor)}))
    log = pd.concat(parts)
    for model, table in (("m", log), ("alone", log.drop(columns="model_version"))):
        table.to_csv(tmp_path / f"{model}.csv", index=False)
        load(store, [tmp_path / f"{model}.csv"], model)
    run.run(store)
    everywhere = ["--store", str(tmp_path / "store")]
    assert main(["latency", "--model", "alone", *everywhere]) == 0  # its rows are of version "", and steps are found all the same
    told_nothing, step = capsys.readouterr().out.splitlines()[1:]
    assert told_nothing == "  the log tells no versions: nothing to compare"
    assert re.fullmatch(r"  step: p50 slower by (49|50|51) % from 16 Mar 2026 on, .* ms", step)
    place = ["--model", "m", *everywhere]
    assert main(["latency", *place]) == 0
    text = capsys.readouterr().out
    assert "v2 against v1 (1,400 and 1,400 rows): slower by 5" in text
    assert "step: p50 of all versions together slower by" in text
    assert "from 16 Mar 2026 on" in text
    assert main(["latency", *place, "--format", "json", "--against", "v2"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["comparison"]["before"], told["comparison"]["after"]) == ("v2", "v1")
    assert told["unit"] == "ms"
    assert main(["latency", *place, "--column", "latency_s"]) == 2
    assert 'm has no latency column "latency_s". Did you mean "latency_ms"?' in capsys.readouterr().err
    assert main(["latency", *place, "--against", "v3"]) == 2
    assert 'm has no latency of version "v3".' in capsys.readouterr().err


def test_an_outage_that_lasts_does_not_become_the_new_normal():
    # Three failures in a hundred, day after day: both floors rise to it, which is no excuse. Few requests prove nothing.
    rows = {"model": "m", "version": "v1", "monitor": "latency", "metric": "error_rate", "column": "", "segment": "all"}
    days = pd.date_range("2026-03-02", periods=2, tz="UTC")
    table = pd.DataFrame({"window_start": days, "window_end": days + DAY, "value": 0.03, "rows": [1000, 199]}).assign(**rows)
    judged = judge(table.assign(noise=0.045, usual=0.04, p_value=np.nan, reason=None), defaults())
    assert (judged["level"] > 0).tolist() == [True, False]
