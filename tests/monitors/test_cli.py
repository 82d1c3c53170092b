"""The command line: exit codes, columns, one clear sentence for a mistake. Each command stands once as a process."""

import io
import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from commandline import Done, process, vigia

from data import load as loading
from monitors.__main__ import main

MEASURED = [
    "model", "version", "monitor", "metric", "column", "segment", "window_start", "window_end", "rows", "value", "noise", "usual",
    "p_value", "reason",
]  # fmt: skip
ALERTED = [
    "model", "version", "monitor", "metric", "column", "segment", "start", "end", "windows", "peak", "threshold", "severity", "state",
]  # fmt: skip


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
    assert ask(store, "load", folder / "reference.parquet", "--model", "m", "--as", "reference").returncode == 0
    done = process("load", folder / "*.csv", "--model", "m", "--store", store)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2,100 rows" in done.stdout
    done = process("run", "--store", store)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("m: 21 windows")
    return store


def ask(store: Path, *words: object) -> Done:
    return vigia(*words, "--store", store)


@pytest.fixture
def own(store, tmp_path) -> Path:
    """A store for a test that writes."""
    return Path(shutil.copytree(store, tmp_path / "own"))


def test_again_is_a_no_op_said_in_one_line(store, folder):
    assert ask(store, "load", folder / "log.csv", "--model", "m").stdout.endswith("already loaded, as load 2; nothing to do\n")
    assert ask(store, "run").stdout == "Nothing new since the last run.\n"


def test_what_was_guessed_is_told_as_lines_of_roles_yaml_which_may_be_given_again(own, tmp_path):
    (tmp_path / "again.csv").write_text("when,id,x,plan\n" + "".join(f"2026-03-{i + 1:02d} 10:00:00,r{i},{i}.5,p{i % 3}\n" for i in range(25)))
    told = ask(own, "load", tmp_path / "again.csv", "--model", "n").stdout.splitlines()
    assert told[1].startswith("Guessed, as roles.yaml says it")
    assert [line.strip() for line in told[2:]] == ["timestamp: when", "inference_id: id", "features: [x, plan]"]
    (tmp_path / "roles.yaml").write_text("\n".join([*(line.strip() for line in told[2:]), "segments: [plan]", "code_version: x"]))
    wrong = ask(own, "load", tmp_path / "again.csv", "--model", "n", "--roles", tmp_path / "roles.yaml")
    assert "`features`" in wrong.stderr
    (tmp_path / "roles.yaml").write_text("\n".join([*(line.strip() for line in told[2:]), "segments: [plan]"]))
    given = ("load", tmp_path / "again.csv", "--model", "n", "--roles", tmp_path / "roles.yaml")
    assert ask(own, *given).stdout.endswith("nothing to do\nThe roles of n are saved.\n")
    assert ask(own, *given).stdout.endswith("roles.yaml says what is known.\n")


def test_measurements_have_the_columns_that_scripts_rely_on(store, folder):
    text = process("measurements", "--model", "m", "--store", store).stdout
    table = pd.read_csv(io.StringIO(text), dtype={"reason": str})
    assert list(table.columns) == MEASURED
    assert set(table.loc[table["monitor"] == "drift", "column"]) == {"x", "a.b"}
    assert table["window_start"].str.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z").all()
    records = json.loads(ask(store, "measurements", "--format", "json").stdout)
    assert list(records[0]) == MEASURED
    assert len(records) == len(table)
    assert any(record["value"] is None and record["reason"] for record in records)
    assert ask(store, "measurements", "--format", "parquet", "-o", folder / "m.parquet").returncode == 0
    parquet = pd.read_parquet(folder / "m.parquet")
    assert parquet["value"].to_numpy() == pytest.approx(table["value"].to_numpy(), nan_ok=True, abs=0)


def test_alerts_say_what_moved_and_when(store):
    table = pd.read_csv(io.StringIO(process("alerts", "--format", "csv", "--store", store).stdout))
    assert list(table.columns) == ALERTED
    assert table[["column", "metric", "severity", "state", "windows"]].to_numpy().tolist() == [
        ["x", "psi", "critical", "open", 1]
    ]
    assert table["start"].tolist() == ["2026-03-16T00:00:00Z"]
    assert "psi of x" in ask(store, "alerts").stdout
    assert ask(store, "alerts", "--since", "2026-04-01").stdout == "No alerts.\n"


def test_check_fails_a_pipeline_when_something_is_critical(store):
    failed = process("check", "--model", "m", "--store", store)
    assert (failed.returncode, failed.stderr) == (1, "")
    assert "psi of x" in failed.stdout
    suite = ElementTree.fromstring(ask(store, "check", "--format", "junit").stdout)
    assert (suite.get("failures"), len(suite.findall("testcase/failure"))) == ("1", 1)
    assert json.loads(ask(store, "check", "--format", "json").stdout)[0]["column"] == "x"
    fine = ask(store, "check", "--since", "2026-04-01")
    assert (fine.returncode, fine.stdout) == (0, "No critical alerts since 2026-04-01.\n")


def test_a_threshold_that_is_set_is_shown_and_judged_by(folder, own):
    words = ("thresholds", "set", "metric=psi", "column=x", "--set", "warning=50", "--set", "critical=60", "--reason", "known shift")
    done = process(*words, "--store", own)
    assert (done.returncode, done.stderr) == (0, "")
    assert ask(own, "alerts").stdout == "No alerts.\n"
    assert ask(own, "check").returncode == 0
    shown = ask(own, "thresholds", "show", "--overrides").stdout
    assert "column: x" in shown
    assert "critical: 60" in shown
    assert "source:" in ask(own, "thresholds", "show").stdout
    # 55 is above psi's default critical of 0.25, and below the 60 that is in force for x.
    again = ask(own, "thresholds", "set", "metric=psi", "column=x", "--set", "warning=55", "--reason", "only the warning")
    assert (again.returncode, again.stderr) == (0, "")
    (folder / "rules.yaml").write_text(shown.replace("60", "57"))
    assert ask(own, "thresholds", "apply", folder / "rules.yaml", "--reason", "review").returncode == 0
    assert "critical: 57" in ask(own, "thresholds", "export").stdout


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
        (["measurements", "--monitor", "drfit"], 'There is no monitor "drfit". Did you mean "drift"'),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(store, words, sentence):
    done = ask(store, *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_loads_lists_and_undo_takes_back(own):
    listed = pd.read_csv(io.StringIO(process("loads", "--store", own).stdout))
    log = int(listed.loc[listed["dataset"] == "log", "load"].iloc[0])
    assert process("undo", log, "--reason", "wrong file", "--store", own).returncode == 0
    assert ask(own, "run").returncode == 0
    assert ask(own, "alerts").stdout == "No alerts.\n"
    assert ask(own, "measurements").stdout.count("\n") == 1


def test_a_mistake_is_told_on_stderr_by_the_process_too(store):
    done = process("alerts", "--model", "n", "--store", store)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith('vigia: There is no model "n" in this store.')


def test_help_teaches_by_example():
    assert process("--help") == vigia("--help")
    for command in ("", "load", "run", "measurements", "alerts", "check", "thresholds set"):
        shown = vigia(*command.split(), "--help")
        assert shown.returncode == 0
        assert "example" in shown.stdout
        assert f"python -m monitors {command}".strip() in shown.stdout


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), RuntimeError("Query interrupted")])
def test_a_command_that_is_stopped_says_so(store, stop, monkeypatch, capsys):
    def stopped(*_: object) -> None:
        raise stop

    monkeypatch.setattr(loading, "loads", stopped)
    assert main(["loads", "--store", str(store)]) == 130
    assert capsys.readouterr().err == "vigia: stopped; what was committed stays, nothing is half-done.\n"


def test_any_other_fault_is_shown_as_it_is(store, monkeypatch):
    monkeypatch.setattr(loading, "loads", lambda *_: {}["x"])
    with pytest.raises(KeyError):
        main(["loads", "--store", str(store)])
