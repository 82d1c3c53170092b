"""`python -m monitors quality`: weeks, worst segments, what moves together, in words, CSV and JSON; mistakes of a call."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from data.load import load
from data.roles import from_dict
from data.store import open_store
from monitors import run
from monitors.__main__ import main
from monitors.commands.quality import worst_text

ROLES = from_dict({
    "timestamp": "ts", "inference_id": "id", "model_version": "v", "score": "p", "prediction": "said", "label": "y", "features": ["x"],
    "segments": ["region"], "types": {"y": "category", "said": "category"}, "window": "day",
})  # fmt: skip
MONDAY = pd.Timestamp("2026-03-02", tz="UTC")


def rows(start: pd.Timestamp, weeks: int, spoilt: bool) -> pd.DataFrame:
    """500 rows a week; in the last one of a spoilt log, x moves, and in the south the score means nothing."""
    chance = np.random.default_rng(weeks)
    n = 500 * weeks
    at = np.arange(n) // 500
    region = chance.choice(["north", "south"], n)
    truth = chance.normal(0, 1.5, n)
    lost = spoilt & (at == weeks - 1) & (region == "south")
    score = (1 / (1 + np.exp(-np.where(lost, chance.normal(0, 4, n), truth)))).clip(0.01, 0.99)
    label = (chance.uniform(size=n) < 1 / (1 + np.exp(-truth))).astype(int)
    x = chance.normal(np.where(spoilt & (at == weeks - 1), 3, 0), 1)
    ids = [f"{weeks}-{i}" for i in range(n)]
    time = start + pd.to_timedelta(at * 7 + np.arange(n) % 7, unit="D")
    return pd.DataFrame({"ts": time, "id": ids, "v": "v1", "p": score, "said": (score >= 0.5).astype(int), "y": label, "x": x, "region": region})


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    return rows(MONDAY, 4, spoilt=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, log: pd.DataFrame) -> Path:
    folder = tmp_path_factory.mktemp("quality")
    store = open_store(str(folder / "store"))
    rows(MONDAY - pd.Timedelta(weeks=6), 6, spoilt=False).to_parquet(folder / "training.parquet")
    looked = {"importance_x": np.where(np.arange(len(log)) % 2, 0.6, -0.6), "importance_gone": [np.nan, *[0.2] * (len(log) - 1)]}
    log.drop(columns="y").assign(**looked).to_parquet(folder / "log.parquet")
    log[["id", "y"]].to_parquet(folder / "labels.parquet")
    load(store, [folder / "training.parquet"], "m", "reference", "v1", ROLES)
    load(store, [folder / "log.parquet"], "m", "log", roles=ROLES)
    load(store, [folder / "labels.parquet"], "m", "labels", roles=ROLES)
    run.run(store)
    store.close()
    return folder


def told(place: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert main(["quality", "--store", str(place / "store"), *more]) == 0
    return capsys.readouterr().out


def test_weeks_as_scikit_learn_has_them(place: Path, log: pd.DataFrame, capsys: pytest.CaptureFixture[str]):
    found = pd.read_csv(io.StringIO(told(place, capsys, "--format", "csv", "--segment", "region=north")))
    own = log[(log["region"] == "north") & (log["ts"] < MONDAY + pd.Timedelta(weeks=1))]
    first = found[found["window_start"] == "2026-03-02T00:00:00Z"].set_index("metric")["value"]
    assert first["accuracy"] == pytest.approx(sk.accuracy_score(own["y"], own["said"]))
    assert first["log_loss"] == pytest.approx(sk.log_loss(own["y"], own["p"]))
    assert first["roc_auc"] == pytest.approx(sk.roc_auc_score(own["y"], own["p"]), abs=0.001)


def test_the_worst_segment_and_the_input_that_moved_with_it(place: Path, capsys: pytest.CaptureFixture[str]):
    text = told(place, capsys)
    assert "m, by week" in text
    assert "2026-03-23" in text
    assert "region=south: " in text
    assert "x: in 100% of its bad weeks, 0% of the others, began in the same week" in text
    found = json.loads(told(place, capsys, "--format", "json", "--metric", "accuracy"))[0]
    assert (found["metric"], found["version"], found["tested"]) == ("accuracy", "v1", 2)
    assert [one["segment"] for one in found["segments"]] == ["region=south"]
    assert {week["metric"] for week in found["weeks"]} >= {"accuracy", "label_coverage"}


def test_an_importance_ranks_and_mistakes_are_told(place: Path, capsys: pytest.CaptureFixture[str]):
    (place / "i.csv").write_text("column,importance\nx,0.7\n")
    logged = json.loads(told(place, capsys, "--format", "json"))[0]
    assert logged["moves_together"][0]["importance"] == pytest.approx(0.6 / (0.6 + 0.2))  # the mean size, whatever the sign
    found = json.loads(told(place, capsys, "--format", "json", "--importance", str(place / "i.csv")))[0]
    assert found["moves_together"][0]["importance"] == 1
    for more, said in (
        (["--segment", "region=nroth"], 'has no segment "region=nroth". Did you mean "region=north"'),
        (["--version", "v2"], 'has no version "v2"'),
        (["--model", "n"], 'no model "n"'),
    ):
        assert main(["quality", "--store", str(place / "store"), *more]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(("value", "text"), [(0.61843, "0.6184"), (30104.7, "30,105"), (None, "not measured")])
def test_a_model_without_segments_is_told_without_them(value: float | None, text: str):
    told = {"version": "v1", "metric": "log_loss", "value": value, "reference": None, "tested": 0, "too_small": 0, "segments": []}
    assert worst_text(told) == ["", f"  log_loss of v1 {text}; there is no segment to test"]


def test_the_spoilt_week_alerts(place: Path):
    found = run.alerts(open_store(str(place / "store")), model="m")
    own = found[(found["monitor"] == "quality") & ~found["metric"].str.startswith("estimated_")]
    assert set(own["start"]) == {MONDAY + pd.Timedelta(weeks=3)}
    assert "log_loss" in set(own["metric"])
