"""What README.md and events.yaml say of the bundled sample stands in its files."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

import data.sample
from data.sample.events import events, planted

FOLDER = Path(data.sample.__file__).parent
ROWS = {
    "labels": 243_432,
    "log-2013-04": 28_344,
    "log-2013-05": 28_789,
    "log-2013-06": 28_235,
    "log-2013-07": 29_428,
    "log-2013-08": 27_188,
    "log-2013-08-13_14": 1_993,
    "log-2013-09": 27_568,
    "log-2013-10": 28_889,
    "log-2013-11": 27_218,
    "log-2013-12": 28_167,
    "recomputed": 25_635,
    "training-v1": 60_000,
    "training-v2": 60_000,
    "training-v3": 60_000,
}
COMMON = ["inference_id", "timestamp", "model_version", "code_version", "origin", "score", "prediction"]


@cache
def file(name: str) -> pa.Table:
    return pq.read_table(FOLDER / f"{name}.parquet")


@cache
def log() -> pa.Table:
    """All log files, in the columns whose types never change."""
    return pa.concat_tables([file(name).select(COMMON) for name in ROWS if name.startswith("log")])


def between(table: pa.Table, start: datetime, end: datetime) -> pa.Table:
    return table.filter((pc.field("timestamp") >= start) & (pc.field("timestamp") < end))


def utc(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2013, month, day, hour, tzinfo=UTC)


def day(table: pa.Table, month: int, of_month: int) -> pa.Table:
    return between(table, utc(month, of_month), datetime.fromtimestamp(utc(month, of_month).timestamp() + 86_400, UTC))


def during(table: pa.Table, fault: str) -> pa.Table:
    return between(table, planted()[fault].start, planted()[fault].end)


def numbers(table: pa.Table, column: str) -> np.ndarray:
    """The column as floats, null and NaN both NaN."""
    return table[column].cast(pa.float64()).to_numpy()


def is_nan(table: pa.Table, column: str) -> np.ndarray:
    """Where the column is NaN; null is not NaN."""
    return pc.fill_null(pc.is_nan(table[column]), False).to_numpy()


# ---- the files


def test_files_have_the_rows_that_the_readme_states():
    found = {path.stem: pq.read_metadata(path).num_rows for path in FOLDER.glob("*.parquet")}
    assert found == ROWS
    assert sum(rows for name, rows in ROWS.items() if name.startswith("log")) == 255_819


def test_files_stay_under_6_mb_together():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.parquet")) <= 6_000_000


def test_log_runs_from_april_to_december_in_order():
    times = pc.min_max(log()["timestamp"]).as_py()
    assert utc(4, 1) <= times["min"] < utc(4, 1, 1)
    assert utc(12, 31, 23) <= times["max"] < datetime(2014, 1, 1, tzinfo=UTC)
    for name in ROWS:
        if name.startswith("log"):
            assert (np.diff(file(name)["timestamp"].cast(pa.int64()).to_numpy()) >= 0).all(), name


def test_versions_serve_when_the_readme_says():
    for version, first, last in [
        ("v1", utc(4, 1), utc(6, 16)),
        ("v2", utc(6, 10), utc(9, 30)),
        ("v3", utc(9, 23), utc(12, 31)),
    ]:
        times = pc.min_max(log().filter(pc.field("model_version") == version)["timestamp"]).as_py()
        assert times["min"].date() == first.date()
        assert times["max"].date() == last.date()
    canary = between(log(), utc(6, 10), utc(6, 17))
    # One id in ten; 6,642 rows, so chance is no part of it, only how ids end.
    assert pc.mean(pc.equal(canary["model_version"], "v2")).as_py() == pytest.approx(0.1, abs=0.001)


def test_manifests_describe_the_training_files():
    for version, rows in [("v1", 77_861), ("v2", 133_563), ("v3", 167_782)]:
        manifest = yaml.safe_load((FOLDER / f"manifest-{version}.json").read_text())  # YAML reads JSON too
        assert manifest["training_rows"] == rows
        columns = set(file(f"training-{version}").column_names)
        assert columns == {"inference_id", "timestamp", *manifest["features"], "score", "prediction", "label"}


def test_numpy_is_upgraded_under_v2_and_nothing_else_changes():
    before, after = (yaml.safe_load((FOLDER / f"manifest-v2{at}.json").read_text()) for at in ("", "-2013-09-02"))
    assert (before.pop("libraries")["numpy"], after.pop("libraries")["numpy"]) == ("2.4.5", "2.4.6")
    assert after.pop("since") == planted()["numpy_upgrade"].start.isoformat()
    assert before | {"since": None} == after | {"since": None}


def test_scores_flag_from_the_cut_on():
    for version in ("v1", "v2", "v3"):
        cut = yaml.safe_load((FOLDER / f"manifest-{version}.json").read_text())["cut"]
        rows = log().filter((pc.field("model_version") == version) & pc.field("prediction").is_valid())
        scores, flags = numbers(rows, "score"), numbers(rows, "prediction")
        # Scores are bundled to 4 decimals, the flag was set on all of them: within half a unit of the cut both are right.
        clear = np.abs(scores - cut) > 0.0001
        assert ((scores >= cut) == (flags == 1))[clear].all()


# ---- roles and events


def test_roles_name_columns_that_exist():
    roles = yaml.safe_load((FOLDER / "roles.yaml").read_text())
    logged, labels = set(file("log-2013-12").column_names), set(file("labels").column_names)
    assert len(roles["features"]) == 17
    assert {*roles["features"], *roles["segments"], *roles["latency"]} <= logged
    single = ("timestamp", "inference_id", "model_version", "code_version", "data_version", "prediction", "score")
    assert {roles[role] for role in single} <= logged
    assert {roles["label"], roles["label_time"]} <= labels
    assert set(roles["types"]) <= logged | labels


def test_every_logged_column_has_a_role():
    roles = yaml.safe_load((FOLDER / "roles.yaml").read_text())
    named = {name for role in roles.values() for name in ([role] if isinstance(role, str) else role)}
    assert set(file("log-2013-12").column_names) <= named


def test_events_are_valid_and_inside_the_log():
    found = events()
    known = {name for file_name in ROWS for name in file(file_name).column_names}
    assert len({event.id for event in found}) == len(found)
    assert [event.start for event in found] == sorted(event.start for event in found)
    for event in found:
        assert event.kind in ("planted", "real"), event.id
        assert utc(4, 1) <= event.start < event.end <= datetime(2014, 1, 1, tzinfo=UTC), event.id
        assert 0 < len(event.title) <= 60, event.id
        assert event.text, event.id
        assert set(event.columns) <= known, event.id
        assert event.version in (None, "v1", "v2", "v3"), event.id


# ---- what was planted


def test_nan_scores():
    april = file("log-2013-04")
    shares = [is_nan(day(april, 4, of_month), "score").mean() for of_month in (8, 9, 10, 11, 12)]
    assert shares == pytest.approx([0, 0.175, 0.215, 0.526, 0], abs=0.0005)
    assert is_nan(april, "score").sum() == is_nan(during(april, "nan_scores"), "score").sum() == 905
    assert pc.unique(during(april, "nan_scores")["code_version"]).to_pylist() == ["1.0.1"]


def test_celsius():
    newark = file("log-2013-05").filter(pc.field("origin") == "EWR")
    means = [pc.mean(day(newark, 5, of_month)["temp"]).as_py() for of_month in range(13, 19)]
    assert means == pytest.approx([53.0, 12.7, 16.6, 22.9, 19.6, 61.5], abs=0.05)
    changed = file("log-2013-05").filter(pc.field("data_version") == "weather-2")
    assert changed.equals(during(file("log-2013-05"), "celsius"))


def test_latency_leak_grows_until_it_is_mended():
    column = "latency_features_ms"
    before = np.median(numbers(day(file("log-2013-07"), 7, 7), column))
    first, second, third = (
        np.median(numbers(between(file("log-2013-07"), utc(7, start), utc(7, start + 7)), column)) for start in (8, 15, 22)
    )
    after = np.median(numbers(between(file("log-2013-07"), utc(7, 29), utc(8, 1)), column))
    # Measured times, so only their order of size: a list three times as long need not take three times as long.
    assert first > 4 * before
    assert min(second, third) > 2 * first
    assert min(second, third) > 10 * after
    assert set(pc.unique(during(file("log-2013-07"), "latency_leak")["code_version"]).to_pylist()) == {"2.1.0"}


def test_schema_of_13_and_14_august():
    usual, odd = file("log-2013-08").schema, file("log-2013-08-13_14").schema
    assert set(usual.names) - set(odd.names) == {"visib"}
    assert set(odd.names) - set(usual.names) == {"gate_hint"}
    assert pa.types.is_integer(usual.field("seats").type)
    assert pa.types.is_string(odd.field("seats").type) or pa.types.is_large_string(odd.field("seats").type)
    texts = file("log-2013-08-13_14")["seats"]
    assert pc.mean(pc.equal(texts, "n/a")).as_py() == pytest.approx(0.162, abs=0.0005)
    assert during(log(), "schema").num_rows == 1_993


def test_duplicates():
    rows = day(file("log-2013-08"), 8, 20)
    assert 1 - len(pc.unique(rows["inference_id"])) / rows.num_rows == pytest.approx(0.137, abs=0.0005)
    counts = pc.value_counts(log()["inference_id"])
    twice = counts.filter(pc.equal(counts.field("counts"), 2)).field("values")
    assert pc.max(counts.field("counts")).as_py() == 2
    assert set(twice.to_pylist()) == set(during(log(), "duplicates")["inference_id"].to_pylist())


def test_lost_hours():
    assert during(log(), "lost_hours").num_rows == 0
    assert day(file("log-2013-08"), 8, 27).num_rows == 649
    assert day(file("log-2013-08"), 8, 26).num_rows == 982


def test_frozen_feed():
    september = file("log-2013-09").filter(pc.field("origin") == "LGA")
    distinct = [pc.count_distinct(day(september, 9, of_month)["temp"]).as_py() for of_month in range(8, 14)]
    assert distinct == [8, 11, 1, 1, 12, 9]


def test_infinite_growth():
    infinite = [file(name).filter(pc.is_inf(pc.field("traffic_growth"))) for name in ("log-2013-09", "log-2013-10")]
    assert sum(rows.num_rows for rows in infinite) == 61
    assert all(set(rows["code_version"].to_pylist()) == {"3.0.0"} for rows in infinite)
    assert not any(pc.any(pc.is_inf(file(name)["traffic_growth"])).as_py() for name in ("log-2013-11", "log-2013-12"))


def test_raw_margins():
    scores = numbers(day(file("log-2013-10"), 10, 1), "score")
    assert ((scores < 0) | (scores > 1)).mean() == pytest.approx(0.207, abs=0.0005)
    outside = log().filter((pc.field("score") < 0) | (pc.field("score") > 1))
    assert outside.num_rows == during(log(), "raw_margin").num_rows == 200


def test_hour_is_wrong_only_after_the_clocks_went_back():
    served = pa.concat_tables([file(f"log-2013-{m}").select(["inference_id", "timestamp", "hour"]) for m in (10, 11)])
    trained = file("recomputed").select(["inference_id", "hour"])
    joined = served.join(trained, "inference_id", join_type="inner", right_suffix="_trained")
    differs = joined.filter(pc.field("hour") != pc.field("hour_trained"))
    # Departures at 06:00 UTC, when the clocks went back, ask for their prediction at 05:00.
    after = between(joined, utc(11, 3, 5), planted()["fixed_utc_offset"].end)
    assert differs.num_rows == after.num_rows == 733


def test_late_labels():
    labelled = file("labels")["inference_id"]
    assert not pc.any(pc.is_in(during(log(), "late_labels")["inference_id"], labelled)).as_py()
    december = pc.mean(pc.is_in(file("log-2013-12")["inference_id"], labelled)).as_py()
    assert december == pytest.approx(0.747, abs=0.0005)


# ---- what really happened


def test_spring_delays_that_the_score_does_not_see():
    event = next(event for event in events() if event.id == "controllers")
    rows = between(file("log-2013-04"), event.start, event.end).select(["inference_id", "score"])
    joined = rows.join(file("labels"), "inference_id", join_type="inner")
    assert pc.mean(joined["label"].cast(pa.float64())).as_py() == pytest.approx(0.502, abs=0.0005)
    assert pc.mean(rows["score"]).as_py() == pytest.approx(0.146, abs=0.0005)


def test_errors_are_null_and_not_nan():
    failed = log().filter(pc.field("prediction").is_null())
    assert failed.num_rows == 132
    assert failed["score"].null_count == 132
    assert pc.unique(failed["model_version"]).to_pylist() == ["v2"]


def test_weather_is_missing_on_the_last_day():
    last = day(file("log-2013-12"), 12, 31)
    assert last["temp"].null_count == last.num_rows == 819
