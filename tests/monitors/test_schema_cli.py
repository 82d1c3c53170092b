"""`schema show|export|apply`."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from commandline import Done, process, vigia

ODD = '<b>a.b</b>; "x"'


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    folder, g = tmp_path_factory.mktemp("schema"), np.random.default_rng(3)
    for name, first, high in (("reference", "2026-01-05", 1.0), ("log", "2026-03-02", 2.0)):
        times = pd.date_range(first, periods=700, freq=pd.Timedelta(days=1) / 100)
        frame = pd.DataFrame({"ts": times, ODD: g.uniform(0, high, 700).round(3), "plan": g.choice(["basic", "plus"], 700)})
        frame.to_parquet(folder / f"{name}.parquet")
    store = folder / "store"
    assert vigia("load", folder / "reference.parquet", "--model", "m", "--as", "reference", "--store", store).returncode == 0
    assert vigia("load", folder / "log.parquet", "--model", "m", "--store", store).returncode == 0
    assert vigia("run", "--store", store).returncode == 0
    return store


def alerts(store: Path) -> str:
    return vigia("alerts", "--model", "m", "--store", store).stdout


def schema(store: Path, *words: object) -> Done:
    return vigia("schema", *words, "--model", "m", "--store", store)


def test_what_is_exported_changed_and_applied_is_what_counts(store, tmp_path):
    assert f"range_rate of {ODD}" in alerts(store)
    file = tmp_path / "schema.yaml"
    assert schema(store, "export", "-o", file).returncode == 0
    whole = yaml.safe_load(file.read_text())
    assert whole["columns"]["plan"]["domain"] in (["basic", "plus"], ["plus", "basic"])
    whole["columns"][ODD]["max"] = 2.5
    file.write_text(yaml.safe_dump(whole))
    done = process("schema", "apply", file, "--reason", "it may be more", "--model", "m", "--store", store)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 field is not as learnt, edit 1" in done.stdout
    assert vigia("run", "--store", store).stdout.startswith("m: 7 windows")
    assert f"range_rate of {ODD}" not in alerts(store)
    assert yaml.safe_load(process("schema", "show", "--model", "m", "--store", store).stdout)["columns"][ODD]["edited"] == ["max"]
    assert yaml.safe_load(schema(store, "show", "--learnt").stdout)["columns"][ODD]["max"] <= 1
    assert (
        schema(store, "apply", file, "--reason", "again").stdout == "This is the schema in force already; nothing was changed.\n"
    )


def test_foreign_files_say_what_they_could_not_carry_over(store, tmp_path):
    for name in ("schema.pbtxt", "constraints.json"):
        assert schema(store, "export", "-o", tmp_path / name).returncode == 0
        again = schema(store, "apply", tmp_path / name, "--reason", "back")
        assert again.returncode == 0
    assert "not carried over: `datatype_check_threshold`" in again.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("apply", "none.yaml", "--reason", "x"), "none.yaml: No such file or directory. Name a schema file"),
        (("show", "--version", "v1"), '"m" has no schema of version "v1"'),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(store, words, said):
    done = schema(store, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
