"""A run counts what came of predictions, where loads have touched it, and fills a store of before."""

import pandas as pd

from data.load import load
from data.roles import from_dict
from data.store import open_store, transact
from monitors import run
from monitors.measurements import typed
from monitors.rules import Rule
from monitors.thresholds import judge, prepare

ROLES = from_dict({
    "timestamp": "ts", "inference_id": "id", "score": "p", "label": "y", "segments": ["r"], "types": {"y": "category"},
})  # fmt: skip
DAY = pd.Timestamp("2026-03-02", tz="UTC")


def test_a_run_counts_what_labels_touch_and_fills_a_store_of_before(tmp_path, monkeypatch):
    store = open_store(str(tmp_path / "store"))
    rows = pd.DataFrame({"ts": [DAY, DAY, DAY + pd.Timedelta(days=1)], "id": list("abc"), "p": [0.9, 0.2, 0.7], "r": ["x", "y", "x"]})
    rows.to_parquet(tmp_path / "log.parquet")
    pd.DataFrame({"id": ["c"], "y": ["1"]}).to_parquet(tmp_path / "labels.parquet")
    load(store, [tmp_path / "log.parquet"], "m", "log", roles=ROLES)
    run.run(store)
    assert run.task(store, "m")["kind"] == "binary"
    assert run.quality(store, model="m", segment="all")[["rows", "labelled", "selected"]].values.tolist() == [[2, 0, 1], [1, 0, 1]]

    class Monitor:
        @staticmethod
        def measure(quality: pd.DataFrame) -> pd.DataFrame:
            log = quality[quality["dataset"] == "log"]
            return typed(log.assign(monitor="quality", metric="brier", value=0.9, coverage=log["labelled"] / log["rows"], column="p"))

    monkeypatch.setattr(run.run_quality, "MEASURED", (Monitor,))
    load(store, [tmp_path / "labels.parquet"], "m", "labels", roles=ROLES)
    # As a store that was filled before there were outcomes.
    transact(store, lambda c: [c.execute(f"DELETE FROM main.{name}") for name in ("quality", "tasks")], "before")
    run.run(store)
    found = run.quality(store, model="m", segment="r=x")
    assert found[["window_start", "labelled", "tp"]].values.tolist() == [[DAY, 0, 0], [DAY + pd.Timedelta(days=1), 1, 1]]
    measured = run.measurements(store, model="m", monitor="quality", segment="all")
    assert measured["coverage"].tolist() == [0, 1]
    # Of both days' values only that of the day which has its labels alerts; what a preview says, the command line says.
    fields = {"direction": "above", "window": "day", "min_rows": 0, "min_coverage": 0.8, "enabled": True, "above_noise": False}
    rule = Rule(monitor="quality", metric="brier", warning=0.5, critical=None, **fields)
    try_out = [rule, Rule(monitor="quality", metric="brier", segment="r=x", enabled=False)]
    monkeypatch.setattr(run, "rules", lambda _store: tuple(try_out))
    alerts = run.alerts(store, model="m")
    assert alerts[["segment", "start", "windows"]].values.tolist() == [["all", DAY + pd.Timedelta(days=1), 1]]
    preview = judge(prepare(run.measurements(store, model="m", dataset=None)), try_out)
    assert preview.loc[preview["level"] > 0, ["segment", "window_start"]].values.tolist() == [["all", DAY + pd.Timedelta(days=1)]]
    transact(store, lambda c: c.execute("DELETE FROM main.tasks"), "before")
    assert [ran.windows for ran in run.run(store)] == [0]  # nothing else is profiled again
    assert run.run(store) == []
    pd.testing.assert_frame_equal(run.quality(store, model="m", segment="r=x"), found)
    pd.testing.assert_frame_equal(run.measurements(store, model="m", monitor="quality", segment="all"), measured)
    assert run.quality(store, model="m", since=DAY + pd.Timedelta(days=1))["rows"].sum() == 2
    store.close()
