"""changes, manifest and manifests: what they print, exit codes, one clear sentence for a mistake."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from commandline import process, vigia

COLUMNS = ["id", "model", "version", "at", "kind", "what", "before", "after", "detail", "origin", "author"]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    for name, first, version in (("a", "2026-03-01", "v1"), ("b", "2026-03-09", "v2")):
        times = pd.date_range(first, periods=192, freq="h")
        table = pd.DataFrame({"ts": times, "model_version": version, "code_version": f"{version[1]}.0", "x": range(192)})
        table.to_csv(folder / f"{name}.csv", index=False)
    done = vigia("load", folder / "*.csv", "--model", "m", "--store", folder / "store")
    assert (done.returncode, done.stderr) == (0, "")
    for version, numpy in (("v1", "1.26.4"), ("v2", "2.0.1")):
        (folder / f"{version}.txt").write_text(f"numpy=={numpy}\n")
        words = ("--model", "m", "--version", version, "--store", folder / "store")
        done = vigia("manifests", "add", folder / f"{version}.txt", *words, VIGIA_AUTHOR="anna")
        assert done.stdout == f"requirements of m {version}: 1 packages\n"
    return folder / "store"


def test_changes_in_words(store):
    done = process("changes", "--store", store)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "2026-03-09 00:00  model       v1 → v2 (v2)  [log]",
        "2026-03-09 00:00  code        code version 1.0 → 2.0, major, with v2 (v2)  [log]",
        "2026-03-09 00:00  dependency  numpy 1.26.4 → 2.0.1, major (v2)  [manifest by anna]",
    ]
    assert vigia("changes", "--since", "2026-03-10", "--store", store).stdout == "No changes.\n"


def test_changes_for_scripts(store):
    table = pd.read_csv(io.StringIO(vigia("changes", "--model", "m", "--format", "csv", "--store", store).stdout))
    assert list(table.columns) == COLUMNS
    assert table["at"].tolist() == ["2026-03-09T00:00:00Z"] * 3
    records = json.loads(vigia("changes", "--format", "json", "--store", store).stdout)
    assert [record["id"] for record in records] == table["id"].tolist()


def test_a_model_or_a_version_that_is_not_there_is_named(store):
    done = vigia("changes", "--model", "n", "--store", store)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith('vigia: There is no model "n"')
    done = vigia("manifests", "diff", "v1", "v3", "--model", "m", "--store", store)
    assert (done.returncode, done.stderr) == (2, 'vigia: There is no manifest of m "v3". Did you mean "v2" or "v1"?\n')


def test_the_manifests_that_are_kept_and_what_differs(store):
    table = pd.read_csv(io.StringIO(process("manifests", "list", "--store", store).stdout))
    assert table[["model", "version", "kind"]].to_numpy().tolist() == [["m", "v1", "requirements"], ["m", "v2", "requirements"]]
    assert (
        vigia("manifests", "diff", "v1", "v2", "--model", "m", "--store", store).stdout
        == "dependency  numpy 1.26.4 → 2.0.1, major\n"
    )
    assert (
        vigia("manifests", "diff", "v1", "v1", "--model", "m", "--store", store).stdout
        == "The manifests of v1 and v1 do not differ.\n"
    )


def test_a_manifest_is_written_without_a_store(tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"weights")
    words = ("--model", "m", "--version", "v9", "--model-file", "model.pkl", "--param", "depth=6", "--param", "rate=0.1")
    done = process("manifest", *words, where=tmp_path)
    made = json.loads(done.stdout)
    assert (made["vigia_manifest"], made["model"], made["version"]) == (1, "m", "v9")
    assert made["parameters"] == {"depth": "6", "rate": "0.1"}
    assert made["libraries"]["pandas"] == pd.__version__
    assert not (tmp_path / ".vigia").exists()
    assert vigia("manifest", "-o", "made.json", where=tmp_path).stdout == ""
    add = ("manifests", "add", "made.json", "--model", "m", "--version", "v9", "--store", "s")
    assert vigia(*add, where=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("manifest", "--param", "depth"), '"depth": expected name=value'),
        (("manifest", "--model-file", "no.pkl"), "no.pkl: No such file or directory"),
        (
            ("manifest", "-o", "no/where/m.json"),
            "no/where/m.json: No such file or directory. Name a file that may be written, with -o.",
        ),
        (("manifests", "add", "no.txt", "--store", "s"), "no.txt: there is no such file or folder"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, words, told):
    done = vigia(*words, where=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("vigia: ")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
