"""The sample's own times: its leak, its steps and its healthy months, on the bundled files and under the default thresholds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rawprofiles import profile, table
from timing import BINS, frame_of_bins

from monitors import latency, latency_views, rulebook
from monitors.alerts import alerts
from monitors.thresholds import judge

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
COLUMNS = ("latency_features_ms", "latency_model_ms")


@pytest.fixture(scope="module")
def profiles() -> pd.DataFrame:
    """Of every day, version and component, by NumPy from the files themselves."""
    names = ["timestamp", "model_version", *COLUMNS]
    log = pd.concat([pd.read_parquet(path, columns=names) for path in sorted(SAMPLE.glob("log-2013-*.parquet"))])
    days = log["timestamp"].dt.tz_convert("UTC").dt.floor("D") if log["timestamp"].dt.tz else log["timestamp"].dt.tz_localize("UTC").dt.floor("D")
    rows = []
    for (day, version), part in log.groupby([days, "model_version"]):
        for column in COLUMNS:
            rows.append(profile(part[column], BINS | {"column": column}, "log", day, day + pd.Timedelta(days=1), version))
    return table(rows)


def findings(profiles: pd.DataFrame, column: str) -> dict[tuple[str, str, str], dict]:
    days = latency_views.by_day(profiles[profiles["column"] == column], BINS["edges"])
    return {(row["kind"], row["version"], f"{row['start']:%d %b}"): row for row in latency_views.findings(days).to_dict("records")}


def test_the_leak_of_july_is_one_leak_with_its_days_and_slope(profiles: pd.DataFrame):
    found = findings(profiles, "latency_features_ms")
    (leak,) = [row for (kind, *_), row in found.items() if kind == "leak"]
    assert (leak["version"], f"{leak['start']:%d %b}", f"{leak['end']:%d %b}") == ("v2", "08 Jul", "29 Jul")
    assert 1.05 < leak["per_day"] < 1.2
    assert leak["factor"] > 20
    assert ("step", "v2", "29 Jul") in found  # code 2.1.1


def test_take_over_speed_up_and_return_are_steps_on_their_days(profiles: pd.DataFrame):
    features, model = (findings(profiles, column) for column in COLUMNS)
    assert features["step", "v2", "17 Jun"]["factor"] > 3
    assert features["step", "v3", "28 Oct"]["factor"] == pytest.approx(0.007 / 0.029, rel=0.2)
    assert features["step", "v3", "11 Nov"]["factor"] > 3
    assert model["step", latency_views.ALL, "17 Jun"]["factor"] > 500
    quiet = [day for kind, version, day in features if version == "v1" and not day.endswith("Jun")]
    assert quiet == []  # April and May


def test_by_default_the_leak_alerts_and_healthy_months_are_silent(profiles: pd.DataFrame):
    measured = latency.measure(profiles, frame_of_bins())
    found = alerts(judge(measured, rulebook.defaults()))
    leak = found[(found["column"] == "latency_features_ms") & found["metric"].isin(["p50_growth", "p50_step"])]
    inside = leak[(leak["start"] >= "2013-07-08") & (leak["start"] < "2013-07-29")]
    assert inside["start"].min() <= pd.Timestamp("2013-07-10", tz="UTC")
    assert "p50_growth" in set(inside["metric"])
    # What is left is true as well: v2 is slower than v1 in all its life, and took over on 17 June; the speed-up ended on 11 November.
    others = found.drop(inside.index)
    told = {(row.metric, row.column, row.version, f"{row.start:%d %b}") for row in others.itertuples()}
    assert told == {
        ("p95_ratio", "latency_features_ms", "v2", "17 Jun"), ("p95_ratio", "latency_model_ms", "v2", "10 Jun"),
        ("p50_step", "latency_features_ms", "v2", "18 Jun"), ("p50_step", "latency_features_ms", "v3", "12 Nov"),
    }  # fmt: skip
    assert np.isfinite(found["peak"]).all()
