"""Writing a manifest: what this environment, this repository, this model file and this training data are, as JSON (docs/manifest.md)."""

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.errors import BadInput
from data.manifests import git
from data.manifests.read import read
from data.manifests.shape import packages
from data.store import author

FORMAT = 1


def collect(
    place: Path,
    *,
    model: str | None = None,
    version: str | None = None,
    model_file: str | None = None,
    data: Sequence[str] = (),
    parameters: Mapping[str, str] | None = None,
    listed: str | None = None,
) -> dict[str, Any]:
    """A manifest of what is here and now.

    Parameters
    ----------
    place : a folder of the repository whose commit counts; where it lies in none, `code` is absent.
    model_file, data : files (or folders) whose hashes go in.
    listed : a requirements.txt, lock or SBOM of the packages, where the model runs in another environment than this one.

    Raises
    ------
    BadInput : a file that is not there.
    """
    found: dict[str, Any] = {"vigia_manifest": FORMAT}
    found |= {key: value for key, value in (("model", model), ("version", version)) if value}
    found |= {"created": datetime.now(UTC).isoformat(timespec="seconds"), "author": author()}
    if (repository := git.found_above(place)) is not None:
        found |= git.read_git(repository)
    if listed:
        body = read(Path(listed)).body
        found |= {"libraries": body.get("packages", {})} | ({"python": body["python"]} if "python" in body else {})
    else:
        found |= {"python": platform.python_version(), "os": f"{platform.system()} {platform.release()} {platform.machine()}"}
        found["libraries"] = installed()
    if model_file:
        found["model_sha256"] = sha256(Path(model_file))
    if data:
        found["training_sha256"] = {Path(one).name: sha256(Path(one)) for one in data}
    return found | ({"parameters": dict(parameters)} if parameters else {})


def installed() -> dict[str, str]:
    """Every installed distribution with its version; of one that is there twice, that which is imported."""
    found: dict[str, str] = {}
    for one in importlib.metadata.distributions():
        name = one.metadata["Name"]
        if name and name not in found:
            found[name] = one.version
    return packages(found)


def sha256(place: Path) -> str:
    """Of a file; of a folder the hash of the names and hashes of all its files."""
    if place.is_dir():
        whole = hashlib.sha256()
        for path in sorted(path for path in place.rglob("*") if path.is_file()):
            whole.update(f"{path.relative_to(place).as_posix()}\0{sha256(path)}\n".encode())
        return whole.hexdigest()
    try:
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{place}: {error.strerror or error}. Name the model's file or the training data.") from error


def as_json(manifest: Mapping[str, Any]) -> str:
    """As it is written into a file."""
    return json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
