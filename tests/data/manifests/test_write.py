"""A manifest is what is really there: commits of a real repository, hashes as sha256sum has them, installed distributions."""

import hashlib
import importlib.metadata
import json
import subprocess
from pathlib import Path

import pytest

from data.errors import BadInput
from data.manifests import keep
from data.manifests.read import read
from data.manifests.shape import read_own
from data.manifests.write import as_json, collect, sha256
from data.store import open_store


def git(place: Path, *words: str) -> str:
    identity = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", str(place), *identity, *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path) -> Path:
    place = tmp_path / "repository"
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    (place / "train.py").write_text("print(1)\n")
    git(place, "add", "train.py")
    git(place, "commit", "-q", "-m", "train: first")
    git(place, "remote", "add", "origin", "https://anna:secret@example.org/acme/churn.git")
    return place


def test_a_repository_says_its_commit_and_whether_all_is_committed(repository):
    found = read(repository)
    assert found.kind == "git"
    code = found.body["code"]
    assert code["commit"] == git(repository, "rev-parse", "HEAD")
    assert (code["branch"], code["dirty"], code["repository"]) == ("main", False, "https://example.org/acme/churn.git")
    (repository / "notes.txt").write_text("no code")  # untracked
    assert not read(repository).body["code"]["dirty"]
    (repository / "train.py").write_text("print(2)\n")
    code = read(repository).body["code"]
    assert (code["dirty"], code["changed_files"]) == (True, ["train.py"])
    git(repository, "commit", "-q", "-a", "-m", "train: second | with a bar")
    history = read(repository).body["code"]["history"]
    assert [(entry[2], entry[3]) for entry in history] == [("Anna", "train: second | with a bar"), ("Anna", "train: first")]


def test_a_repository_without_a_commit_is_refused(tmp_path):
    git(tmp_path, "init", "-q")
    with pytest.raises(BadInput, match="git gives no commit"):
        read(tmp_path)


def test_what_is_collected(repository, tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"weights")
    (tmp_path / "train.csv").write_bytes(b"a,b\n1,2\n")
    made = collect(
        repository, model="churn", version="v7", model_file=str(tmp_path / "model.pkl"), data=[str(tmp_path / "train.csv")],
        parameters={"depth": "6"},
    )  # fmt: skip
    assert made["model_sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert made["training_sha256"] == {"train.csv": hashlib.sha256(b"a,b\n1,2\n").hexdigest()}
    assert made["code"]["commit"] == git(repository, "rev-parse", "HEAD")
    assert made["libraries"]["numpy"] == importlib.metadata.version("numpy")
    assert made["python"].startswith("3.")
    assert "secret" not in as_json(made)
    (tmp_path / "m.json").write_text(as_json(made))
    again = read(tmp_path / "m.json")
    assert again.kind == "manifest"
    assert again.body["packages"] == made["libraries"]
    assert (again.body["parameters"], again.body["training"]) == ({"depth": "6"}, made["training_sha256"])


def test_packages_of_another_environment(tmp_path):
    (tmp_path / "r.txt").write_text("numpy==1.26.4\n")
    made = collect(tmp_path, listed=str(tmp_path / "r.txt"))
    assert made["libraries"] == {"numpy": "1.26.4"}
    assert "python" not in made  # it is not known, and not that of this process


def test_a_folder_has_a_hash_of_names_and_contents(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part").write_text("x")
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b")
    (tmp_path / "b" / "part").rename(tmp_path / "b" / "other")
    assert sha256(tmp_path / "a") != sha256(tmp_path / "b")
    with pytest.raises(BadInput, match="No such file"):
        sha256(tmp_path / "c")


def test_the_documented_example_is_read():
    text = (Path(__file__).parents[3] / "docs" / "manifest.md").read_text(encoding="utf-8")
    example = text.split("```json\n")[1].split("```")[0]
    body = read_own(json.loads(example), "example")
    assert body["packages"]["numpy"] == "2.4.6"
    assert body["code"]["commit"]
    assert set(body) >= {
        "model",
        "version",
        "since",
        "python",
        "os",
        "model_sha256",
        "training",
        "parameters",
        "features",
        "sources",
    }


def test_a_manifest_is_kept_once_and_says_what_it_belongs_to(tmp_path):
    store = open_store(str(tmp_path / "store"))
    (tmp_path / "r.txt").write_text("numpy==1.26.4\nscipy==1\n")
    with pytest.raises(BadInput, match="Name it with --model and --version"):
        keep.add(store, tmp_path / "r.txt")
    assert keep.add(store, tmp_path / "r.txt", "m", "v1") == "requirements of m v1: 2 packages"
    assert keep.add(store, tmp_path / "r.txt", "m", "v1").endswith("it was kept before, nothing to do")
    (tmp_path / "m.json").write_text('{"libraries": {}, "since": "soon", "model": "m", "version": "v2"}')
    with pytest.raises(BadInput, match='`since` takes a time such as 2026-03-01T00:00:00Z, found "soon"'):
        keep.add(store, tmp_path / "m.json")
    assert keep.kept(store)["version"].tolist() == ["v1"]
