"""Which kind of manifest a file or folder is, told by its shape, and what it says."""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from data.errors import BadInput
from data.manifests import git, mlflow, packages
from data.manifests.shape import Body, read_own, read_text

KINDS = "a manifest of ours (JSON), requirements.txt, pylock.toml, conda environment.yml, CycloneDX SBOM, MLflow model, mlruns, git repository"
REQUIREMENT = re.compile(r"\s*(#|-|$)|\s*[A-Za-z0-9][\w.-]*\s*(\[|[=<>!~]=|[<>@;#]|$)|\s*(git\+|https?://)")


@dataclass(frozen=True, slots=True)
class Read:
    """What a file or folder is and says; `sha256` of the file, of a folder's normal form."""

    kind: str
    body: Body
    sha256: str


def read(place: Path, version: str | None = None) -> Read:
    """Read a manifest of any kind.

    Parameters
    ----------
    version : which run of a tracking store is meant.

    Raises
    ------
    BadInput : it is not there, or none of the kinds that are known, or not as its kind should be.
    """
    if not place.exists():
        raise BadInput(f"{place}: there is no such file or folder. Name one of: {KINDS}.")
    kind, body = _folder(place, version) if place.is_dir() else _file(place, version)
    body = {key: value for key, value in body.items() if value not in (None, {}, [], "")}
    raw = place.read_bytes() if place.is_file() else json.dumps(body, sort_keys=True).encode()
    return Read(kind, body, hashlib.sha256(raw).hexdigest())


def _folder(place: Path, version: str | None) -> tuple[str, Body]:
    if (place / "MLmodel").is_file():
        return "MLflow model", mlflow.read_model(place)
    if mlflow.is_store(place):
        return "MLflow run", mlflow.read_tracking(place, version)
    if git.is_repository(place):
        return "git", git.read_git(place)
    if (place / "mlruns").is_dir():
        return "MLflow run", mlflow.read_tracking(place / "mlruns", version)
    raise BadInput(
        f"{place}: a folder that is no MLflow model (no MLmodel), no tracking store (no mlruns layout) and no git repository."
    )


def _file(place: Path, version: str | None) -> tuple[str, Body]:
    if place.name == "MLmodel":
        return _folder(place.parent, version)
    text = read_text(place)
    start = text.lstrip()[:1]
    if start == "{":
        return _json(text, place.name)
    if start == "<":
        return _xml(text, place.name)
    if (locked := _toml(text)) is not None:
        return "pylock", packages.read_pylock(locked, place.name)
    if (conda := _conda(text)) is not None:
        return "conda", packages.read_conda(conda, place)
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and sum(bool(REQUIREMENT.match(line)) for line in lines) >= 0.5 * len(lines):
        return "requirements", packages.read_requirements(place)
    raise BadInput(f"{place.name}: none of the kinds of manifest that are known. Expected {KINDS}.")


def _json(text: str, name: str) -> tuple[str, Body]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise BadInput(f"{name}: not readable as JSON ({error}).") from error
    if given.get("bomFormat") == "CycloneDX":
        return "CycloneDX", packages.read_cyclonedx(given, name)
    if "vigia_manifest" in given or any(key in given for key in ("libraries", "model_sha256", "parameters", "code")):
        return "manifest", read_own(given, name)
    keys = ", ".join(f'"{key}"' for key in list(given)[:6])
    raise BadInput(
        f"{name}: JSON, but neither a manifest (docs/manifest.md) nor a CycloneDX SBOM; its keys are {keys or 'none'}."
    )


def _xml(text: str, name: str) -> tuple[str, Body]:
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BadInput(f"{name}: not readable as XML ({error}).") from error
    if not root.tag.endswith("}bom") and root.tag != "bom":
        raise BadInput(f'{name}: XML, but no CycloneDX SBOM: its root is "{root.tag}", expected "bom".')
    return "CycloneDX", packages.read_cyclonedx_xml(root)


def _toml(text: str) -> Mapping[str, Any] | None:
    if "lock-version" not in text and "[[packages]]" not in text:
        return None
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"pylock.toml: not readable as TOML ({error}).") from error
    return given if "lock-version" in given else None


def _conda(text: str) -> Mapping[str, Any] | None:
    if not re.search(r"^dependencies\s*:", text, re.MULTILINE):
        return None
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput(
            f"environment.yml: not readable as YAML ({getattr(error, 'problem', None) or 'not well-formed'})."
        ) from error
    return given if isinstance(given, Mapping) and isinstance(given.get("dependencies"), list) else None
