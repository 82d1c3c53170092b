"""`python -m monitors stability`: what broke first, where, with which inputs."""

import json
from pathlib import Path

import broken_model
from commandline import Done, process, vigia


def stability(store: Path, *words: str) -> Done:
    return vigia("stability", *words, "--store", store)


def test_it_says_what_broke_first_where_and_with_which_inputs(fragile_store):
    broken, rows = broken_model.broken_rows()
    done = process("stability", "--model", "fragile", "--store", fragile_store)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"critical   nan_rate of s (v1): {broken} of {rows} rows, 2026-03-07 to 2026-03-09"
    assert "first in" in lines[1]
    assert "fragile-log.parquet, row " in lines[1]
    assert "code_version 1.0.1" in lines[1]
    assert lines[2].strip() == f"All {broken} NaN rows have no {broken_model.ODD}, against none of the others"
    assert any(line.startswith("warning    inf_rate of norm (v1): 1 of 120 rows, 2026-03-08") for line in lines)


def test_json_holds_the_same_for_scripts(fragile_store):
    broken, _ = broken_model.broken_rows()
    told = json.loads(stability(fragile_store, "--format", "json").stdout)
    first = told[0]
    assert [first[name] for name in ("model", "state", "metric", "column", "segment", "rows")] == [
        "fragile", "critical", "nan_rate", "s", "all", broken,
    ]  # fmt: skip
    assert first["first"] == "2026-03-07T00:00:00Z"
    assert first["where"]["inference_id"].startswith("2026-03-02-")
    assert {one["model"] for one in told} == {"fragile", "g1"}


def test_a_sound_model_an_unknown_one_and_a_later_day(fragile_store):
    assert stability(fragile_store, "--model", "calm").stdout == "No number broke.\n"
    assert stability(fragile_store, "--since", "2026-03-10").stdout == "No number broke.\n"
    wrong = stability(fragile_store, "--model", "fragil")
    assert wrong.returncode == 2
    assert 'There is no model "fragil"' in wrong.stderr
    assert "fragile" in wrong.stderr
