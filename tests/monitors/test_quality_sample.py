"""The defaults of quality on the bundled sample: the concept shift of April alerts, healthy weeks and late labels do not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rawoutcomes import quality as outcomes_of

from monitors import quality, rulebook
from monitors.alerts import alerts
from monitors.thresholds import judge

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
COLUMNS = ["inference_id", "timestamp", "model_version", "score", "prediction"]


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    files = sorted(SAMPLE.glob("log-2013-*.parquet"))
    log = pd.concat([pd.read_parquet(file, columns=COLUMNS) for file in files]).merge(pd.read_parquet(SAMPLE / "labels.parquet"), "left")
    parts = [outcomes_of(as_raw(log))]
    for version in ("v1", "v2", "v3"):
        training = pd.read_parquet(SAMPLE / f"training-{version}.parquet").assign(model_version=version)
        parts.append(outcomes_of(as_raw(training), dataset="reference"))
    return judge(quality.measure(pd.concat(parts, ignore_index=True)), rulebook.defaults())


def as_raw(rows: pd.DataFrame) -> pd.DataFrame:
    texts = {name: rows[name].map({0: "0", 1: "1"}).astype(object).where(rows[name].notna(), None) for name in ("label", "prediction")}
    # By whole weeks, which is what the rules judge: it costs a seventh of days.
    monday = rows["timestamp"].dt.floor("D") - pd.to_timedelta(rows["timestamp"].dt.day_of_week, unit="D")
    return pd.DataFrame(texts | {"time": monday, "version": rows["model_version"], "score": rows["score"].astype(float)})


def test_only_the_furlough_alerts(judged: pd.DataFrame):
    found = alerts(judged)
    assert found[["metric", "version", "segment", "severity", "windows"]].values.tolist() == [["log_loss", "v1", "all", "critical", 1]]
    assert found["start"].iloc[0] == pd.Timestamp("2013-04-22", tz="UTC")
    assert found["peak"].iloc[0] == pytest.approx(0.891, abs=0.001)


def test_a_week_with_few_labels_is_not_judged(judged: pd.DataFrame):
    own = judged[(judged["metric"] == "log_loss") & (judged["window_name"] == "week") & (judged["version"] == "v3")].set_index("window_start")
    christmas = own.loc[pd.Timestamp("2013-12-23", tz="UTC")]
    assert christmas["coverage"] == pytest.approx(0.289, abs=0.001)
    assert christmas["value"] == pytest.approx(0.563, abs=0.001)
    assert christmas["level"] == -1
    last = own.loc[pd.Timestamp("2013-12-30", tz="UTC")]
    assert np.isnan(last["value"])
    assert last["reason"] == "no label yet"
