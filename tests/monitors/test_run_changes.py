"""Changes of a store: on the sample's own files, and after loads, edits and manifests; the same from the same facts."""

from pathlib import Path

import pandas as pd
import pytest

from data.load import load, undo
from data.manifests import keep
from data.rebuild import remember
from data.roles import from_dict
from data.sample.bundle import MODEL, load_sample
from data.store import Store, open_store
from monitors import rulebook, run
from monitors.run_changes import changes, refresh_changes

ROLES = {"timestamp": "ts", "model_version": "v", "code_version": "code", "features": ["x"], "types": {"x": "number"}}


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> pd.DataFrame:
    store = open_store(str(tmp_path_factory.mktemp("sample") / "store"))
    load_sample(store, lambda _step, _share: None)
    refresh_changes(store, MODEL)
    return changes(store, model=MODEL)


def of(table: pd.DataFrame, *kinds: str, what: str | None = None) -> list[tuple[str, str, str, str]]:
    own = table[table["kind"].isin(kinds) & (table["what"] == (what or table["what"]))]
    return [(f"{row.at:%m-%d}", row.version, row.before, row.after) for row in own.itertuples()]


def test_the_sample_says_which_model_served(sample):
    assert of(sample, "model", what="version") == [("06-10", "v2", "v1", "v2"), ("09-23", "v3", "v2", "v3")]
    assert of(sample, "model", what="rollout complete") == [("06-17", "v2", "v1", "v2"), ("10-01", "v3", "v2", "v3")]


def test_the_sample_says_which_code_and_data(sample):
    assert of(sample, "code") == [
        ("04-09", "v1", "1.0.0", "1.0.1"), ("04-12", "v1", "1.0.1", "1.0.2"), ("06-10", "v2", "1.0.2", "2.0.0"), ("07-08", "v2", "2.0.0", "2.1.0"),
        ("07-29", "v2", "2.1.0", "2.1.1"), ("09-23", "v3", "2.1.1", "3.0.0"), ("10-08", "v3", "3.0.0", "3.0.1"), ("10-28", "v3", "3.0.1", "3.1.0"),
        ("11-11", "v3", "3.1.0", "3.1.1"),
    ]  # fmt: skip
    assert of(sample, "data", what="data version") == [
        ("05-14", "v1", "weather-1", "weather-2"),
        ("05-18", "v1", "weather-2", "weather-1"),
    ]


def test_the_sample_says_what_it_is_made_of(sample):
    assert of(sample, "dependency", what="numpy") == [("09-02", "v2", "2.4.5", "2.4.6")]
    assert of(sample, "dependency", what="lightgbm") == [("09-23", "v3", "", "4.7.0")]
    numpy = sample[sample["what"] == "numpy"].iloc[0]
    assert (numpy["detail"], numpy["origin"]) == ("patch", "manifest")
    assert of(sample, "data", what="training data") == [
        ("06-10", "v2", "975c99bdde75", "f5db7cef565d"), ("09-23", "v3", "f5db7cef565d", "683002d59d2c"),
    ]  # fmt: skip


def test_the_sample_says_how_its_columns_changed(sample):
    log = sample[sample["version"] == ""]
    assert of(log, "schema") == [
        ("08-13", "", "", "text"), ("08-13", "", "number", "text"), ("08-13", "", "number", ""),
        ("08-15", "", "text", ""), ("08-15", "", "text", "number"), ("08-15", "", "", "number"),
        ("09-01", "", "", "number"), ("09-01", "", "", "number"),
    ]  # fmt: skip
    assert log["what"][log["kind"] == "schema"].tolist() == [
        *["gate_hint", "seats", "visib"] * 2,
        "recent_delay",
        "traffic_growth",
    ]
    assert of(sample[sample["version"] == "v3"], "schema", what="recent_delay") == [("09-23", "v3", "", "number")]


def test_nothing_else_is_made_up(sample):
    assert len(sample) == 37
    assert set(sample["origin"]) == {"log", "load", "manifest"}


@pytest.fixture
def store(tmp_path) -> Store:
    store = open_store(str(tmp_path / "store"))
    put(store, tmp_path, "one", "2026-03-01", "1.0", "log")
    return store


def put(store: Store, folder: Path, name: str, first: str, code: str, dataset: str, version: str | None = None) -> int:
    times = pd.date_range(first, periods=200, freq="h", tz="UTC")
    pd.DataFrame({"ts": times, "v": "v1", "code": code, "x": range(200)}).to_parquet(folder / f"{name}.parquet")
    return load(store, [folder / f"{name}.parquet"], "m", dataset, version, from_dict(ROLES))[0].load


def told(store: Store) -> list[tuple[str, str, str, str, str]]:
    refresh_changes(store, "m")
    table = changes(store, model="m").sort_values(["kind", "what"])
    return list(table[["kind", "what", "before", "after", "detail"]].itertuples(index=False, name=None))


def test_a_run_writes_once_and_not_again(store):
    run.run(store)
    before = store.snapshot()
    assert refresh_changes(store, "m") == 0
    assert run.run(store) == []
    assert store.snapshot() == before


def test_a_load_shows_new_code_and_undoing_it_takes_the_change_away(store, tmp_path):
    two = put(store, tmp_path, "two", "2026-03-10", "1.1", "log")
    run.run(store)
    assert told(store) == [("code", "code version", "1.0", "1.1", "minor")]
    measured = run.measurements(store, model="m", monitor="changes")
    assert measured[["metric", "column", "value"]].to_numpy().tolist() == [
        ["code", "code version", 1.0],
        ["code", "code version", 0.0],
    ]
    put(store, tmp_path, "three", "2026-03-10 00:30", "1.1", "log")  # touches the same days: the run forgets their measurements
    run.run(store)
    pd.testing.assert_frame_equal(run.measurements(store, model="m", monitor="changes").assign(rows=0), measured.assign(rows=0))
    undo(store, two, "wrong file")
    assert ("data", f"load {two}", "two.parquet", "", "200 rows of log taken back: wrong file") in told(store)


def test_another_reference_roles_and_thresholds_are_changes_with_who_did_it(store, tmp_path, monkeypatch):
    put(store, tmp_path, "reference-1", "2026-01-01", "0", "reference", "v1")
    assert told(store) == []  # the first is no change
    monkeypatch.setenv("VIGIA_AUTHOR", "anna")
    put(store, tmp_path, "reference-2", "2026-01-10", "0", "reference", "v1")
    remember(store, "m", from_dict(ROLES | {"code_version": None, "segments": ["code"]}), "code is a region")
    run.save_overrides(store, [rulebook.rule({"metric": "psi", "warning": 0.2}, "test")], "quieter")
    assert told(store) == [
        ("data", "reference", "reference-1.parquet", "reference-2.parquet", "200 rows loaded"),
        ("schema", "code", "code_version", "segments", "another role: code is a region"),
        ("thresholds", "warning of psi", "0.1 (inherited)", "0.2", "quieter"),
    ]
    assert set(changes(store)["author"]) == {"anna"}


def test_manifests_without_a_log_of_that_version(store, tmp_path):
    for version, numpy in (("v1", "1.26.4"), ("v2", "2.0.1")):
        (tmp_path / f"{version}.txt").write_text(f"numpy=={numpy}\nscipy==1.17.1\n")
        keep.add(store, tmp_path / f"{version}.txt", "m", version)
    assert told(store) == [
        ("dependency", "numpy", "1.26.4", "2.0.1", "major"),
        ("model", "version", "v1", "v2", "by its manifest; the log has not shown it yet"),
    ]
