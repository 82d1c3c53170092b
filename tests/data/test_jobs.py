"""What jobs took: read from JSON Lines, JSON and CSV, in the units that people write, kept once; and mistakes told in a sentence."""

import json
from pathlib import Path

import pytest

from data import jobs
from data.errors import BadInput
from data.store import Store, open_store
from monitors.__main__ import main

RUN = {"job": "train", "version": "v1", "started_at": "2026-03-01T04:00:00Z", "wall_s": 300.5, "cpu_s": 1180, "peak_mb": 812, "rows": 1000}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def put(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_lines_lists_and_csv_are_the_same_run_and_kept_once(store: Store, tmp_path: Path):
    lines = put(tmp_path / "jobs.jsonl", json.dumps(RUN) + "\n\n" + json.dumps(RUN) + "\n")
    whole = put(tmp_path / "jobs.json", json.dumps([RUN], indent=2))
    table = put(tmp_path / "jobs.csv", ",".join(RUN) + "\n" + ",".join(map(str, RUN.values())) + "\n")
    assert jobs.add(store, lines, "m") == (1, 0)
    assert jobs.add(store, whole, "m") == (0, 1)
    assert jobs.add(store, table, "m") == (0, 1)
    assert jobs.add(store, table, "other") == (1, 0)
    (row,) = jobs.listed(store, "m").to_dict("records")
    assert {name: row[name] for name in RUN if name != "started_at"} == {k: v for k, v in RUN.items() if k != "started_at"}
    assert len(jobs.listed(store)) == 2


def test_other_names_and_units_are_understood_and_the_rest_is_kept(store: Store, tmp_path: Path):
    run = {"Job Name": "score", "model_version": "1e5", "duration_ms": 1500, "max_rss_kb": 2048, "n_rows": "10", "commit": "abc", "gpu": None}
    jobs.add(store, put(tmp_path / "jobs.jsonl", json.dumps(run)), "m")
    (row,) = jobs.listed(store, "m").to_dict("records")
    assert (row["job"], row["version"], row["wall_s"], row["peak_mb"], row["rows"]) == ("score", "1e5", 1.5, 2.0, 10)
    assert json.loads(row["extra"]) == {"commit": "abc"}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.jsonl", '{"job": "train", "wall_s": "soon"}', r"a\.jsonl, run 1, \"wall_s\": expected a number from 0, found 'soon'"),
        ("a.jsonl", '{"job": "train", "wall_s": -1}', r"expected a number from 0, found -1"),
        ("a.jsonl", '{"job": "train", "wall_s": NaN}', r"expected a number from 0, found nan"),
        ("a.jsonl", '{"wall_s": 1}', r"a\.jsonl, run 1: it does not say which job it was"),
        ("a.jsonl", '{"job": "train", "wal_s": 1}', r'none of wall_s, .* is there\. Did you mean "wal_s"\?'),
        ("a.jsonl", '{"job": "train"}\n{"job', r"a\.jsonl, line 2: not readable as JSON"),
        ("a.json", "[1]", r"a\.json, run 1: expected an object"),
        ("a.json", '[{"job": }]', r"a\.json, line 1: not readable as JSON"),
        ("a.jsonl", '{"job": "t", "wall_s": 1, "started_at": "lately"}', r'expected a time such as .*, found "lately"'),
        ("a.csv", "job,wall_s\n", r"a\.csv: holds no run"),
        ("a.jsonl", "", r"a\.jsonl: holds no run"),
    ],
)
def test_mistakes_are_told_in_one_sentence_and_nothing_is_kept(store: Store, tmp_path: Path, name: str, text: str, told: str):
    with pytest.raises(BadInput, match=told):
        jobs.add(store, put(tmp_path / name, text), "m")
    assert jobs.listed(store).empty


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    place = ["--store", str(tmp_path / "store")]
    file = str(put(tmp_path / "jobs.jsonl", json.dumps(RUN)))
    assert main(["jobs", "add", file, "--model", "m", *place]) == 0
    assert capsys.readouterr().out == "1 run added to m.\n"
    assert main(["jobs", "list", *place, "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["started_at"], row["wall_s"]) == ("2026-03-01T04:00:00Z", 300.5)
    assert main(["jobs", "add", str(tmp_path / "none.jsonl"), "--model", "m", *place]) == 2
    assert "cannot be read: No such file" in capsys.readouterr().err
