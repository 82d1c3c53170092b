"""The command line as a process: exit codes, columns, one clear sentence for a mistake."""

import io
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

MEASURED = [
    "model", "version", "monitor", "metric", "column", "segment", "window_start", "window_end", "rows", "value", "noise", "usual",
    "p_value", "reason",
]  # fmt: skip
ALERTED = [
    "model", "version", "monitor", "metric", "column", "segment", "start", "end", "windows", "peak", "threshold", "severity", "state",
]  # fmt: skip


def vigia(store: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitors", *map(str, words), "--store", str(store)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Files of a model whose column x moves by two standard deviations in its third week."""
    folder, g = tmp_path_factory.mktemp("cli"), np.random.default_rng(1)
    times = pd.date_range("2026-01-05", periods=28 * 100, freq=pd.Timedelta(days=1) / 100)
    x = np.r_[-9.0, 9.0, g.normal(0, 1, len(times) - 2)]  # two rows that reach so far that later ones are out of no range
    pd.DataFrame({"ts": times, "x": x, "a.b": 1.5}).to_parquet(folder / "reference.parquet")
    times = pd.date_range("2026-03-02", periods=21 * 100, freq=pd.Timedelta(days=1) / 100)
    x = g.normal(0, 1, len(times)) + np.where(np.arange(len(times)) >= 1400, 2.0, 0.0)
    pd.DataFrame({"ts": times, "x": x.round(3), "a.b": 1.5}).to_csv(folder / "log.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def store(folder) -> Path:
    store = folder / "store"
    assert vigia(store, "load", folder / "reference.parquet", "--model", "m", "--as", "reference").returncode == 0
    done = vigia(store, "load", folder / "*.csv", "--model", "m")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2,100 rows" in done.stdout
    assert vigia(store, "run").returncode == 0
    return store


def test_again_is_a_no_op_said_in_one_line(store, folder):
    assert vigia(store, "load", folder / "log.csv", "--model", "m").stdout.endswith("already loaded, as load 2; nothing to do\n")
    assert vigia(store, "run").stdout == "Nothing new since the last run.\n"


def test_measurements_have_the_columns_that_scripts_rely_on(store, folder):
    text = vigia(store, "measurements", "--model", "m").stdout
    table = pd.read_csv(io.StringIO(text), dtype={"reason": str})
    assert list(table.columns) == MEASURED
    assert set(table.loc[table["monitor"] == "drift", "column"]) == {"x", "a.b"}
    assert table["window_start"].str.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z").all()
    records = json.loads(vigia(store, "measurements", "--format", "json").stdout)
    assert list(records[0]) == MEASURED
    assert len(records) == len(table)
    assert any(record["value"] is None and record["reason"] for record in records)
    assert vigia(store, "measurements", "--format", "parquet", "-o", folder / "m.parquet").returncode == 0
    parquet = pd.read_parquet(folder / "m.parquet")
    assert parquet["value"].to_numpy() == pytest.approx(table["value"].to_numpy(), nan_ok=True, abs=0)


def test_alerts_say_what_moved_and_when(store):
    table = pd.read_csv(io.StringIO(vigia(store, "alerts", "--format", "csv").stdout))
    assert list(table.columns) == ALERTED
    assert table[["column", "metric", "severity", "state", "windows"]].to_numpy().tolist() == [
        ["x", "psi", "critical", "open", 1]
    ]
    assert table["start"].tolist() == ["2026-03-16T00:00:00Z"]
    assert "psi of x" in vigia(store, "alerts").stdout
    assert vigia(store, "alerts", "--since", "2026-04-01").stdout == "No alerts.\n"


def test_check_fails_a_pipeline_when_something_is_critical(store):
    failed = vigia(store, "check", "--model", "m")
    assert failed.returncode == 1
    assert "psi of x" in failed.stdout
    suite = ElementTree.fromstring(vigia(store, "check", "--format", "junit").stdout)
    assert (suite.get("failures"), len(suite.findall("testcase/failure"))) == ("1", 1)
    assert json.loads(vigia(store, "check", "--format", "json").stdout)[0]["column"] == "x"
    fine = vigia(store, "check", "--since", "2026-04-01")
    assert (fine.returncode, fine.stdout) == (0, "No critical alerts since 2026-04-01.\n")


def test_a_threshold_that_is_set_is_shown_and_judged_by(folder, store):
    own = folder / "own"
    subprocess.run(["cp", "-r", str(store), str(own)], check=True)
    done = vigia(
        own, "thresholds", "set", "metric=psi", "column=x", "--set", "warning=50", "critical=60", "--reason", "known shift"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert vigia(own, "alerts").stdout == "No alerts.\n"
    assert vigia(own, "check").returncode == 0
    shown = vigia(own, "thresholds", "show", "--overrides").stdout
    assert "column: x" in shown
    assert "critical: 60" in shown
    assert "source:" in vigia(own, "thresholds", "show").stdout
    # 55 is above psi's default critical of 0.25, and below the 60 that is in force for x.
    again = vigia(own, "thresholds", "set", "metric=psi", "column=x", "--set", "warning=55", "--reason", "only the warning")
    assert (again.returncode, again.stderr) == (0, "")
    (folder / "rules.yaml").write_text(shown.replace("60", "57"))
    assert vigia(own, "thresholds", "apply", folder / "rules.yaml", "--reason", "review").returncode == 0
    assert "critical: 57" in vigia(own, "thresholds", "export").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["load", "nowhere.csv", "--model", "m"], "nowhere.csv"),
        (["alerts", "--model", "n"], 'There is no model "n" in this store.'),
        (["thresholds", "set", "metric=psy", "--set", "warning=1", "--reason", "r"], "psi"),
        (["thresholds", "set", "metric=psi", "--set", "warning=abc", "--reason", "r"], "abc"),
        (["thresholds", "set", "metric=psi", "--set", "warning=2", "critical=1", "--reason", "r"], "critical"),
        (["thresholds", "set", "psi", "--set", "warning=2", "--reason", "r"], "expected name=value"),
        (["measurements", "--format", "parquet"], "-o"),
        (["undo", "99"], "99"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(store, words, sentence):
    done = vigia(store, *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_loads_lists_and_undo_takes_back(folder, store):
    own = folder / "undone"
    subprocess.run(["cp", "-r", str(store), str(own)], check=True)
    listed = pd.read_csv(io.StringIO(vigia(own, "loads").stdout))
    log = int(listed.loc[listed["dataset"] == "log", "load"].iloc[0])
    assert vigia(own, "undo", log, "--reason", "wrong file").returncode == 0
    assert vigia(own, "run").returncode == 0
    assert vigia(own, "alerts").stdout == "No alerts.\n"
    assert vigia(own, "measurements").stdout.count("\n") == 1


def test_help_teaches_by_example():
    for command in ("", "load", "run", "measurements", "alerts", "check", "thresholds set"):
        shown = subprocess.run(
            [sys.executable, "-m", "monitors", *command.split(), "--help"], capture_output=True, text=True, check=False
        )
        assert shown.returncode == 0
        assert "example" in shown.stdout
        assert f"python -m monitors {command}".strip() in shown.stdout
