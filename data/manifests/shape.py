"""The one shape into which every kind of manifest is read: a plain dictionary, as docs/manifest.md describes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from data.errors import BadInput

Body = dict[str, Any]
OWN = {
    "vigia_manifest", "model", "version", "since", "created", "author", "code", "python", "os", "libraries", "model_sha256", "training_sha256",
    "parameters", "features", "sources",
}  # fmt: skip


def read_own(given: Mapping[str, Any], name: str) -> Body:
    """A manifest as we write it, or as a program in another language does. What has no meaning of its own is a parameter.

    Raises
    ------
    BadInput : a field of the wrong shape, named.
    """
    body: Body = {
        key: str(given[key]) for key in ("model", "version", "since", "created", "author", "python", "os") if given.get(key)
    }
    body["packages"] = packages(_mapping(given, "libraries", name))
    body["parameters"] = {str(k): text(v) for k, v in _mapping(given, "parameters", name).items()}
    body["parameters"] |= {str(k): text(v) for k, v in given.items() if k not in OWN and v is not None}
    body["sources"] = {str(k): text(v) for k, v in _mapping(given, "sources", name).items()}
    if given.get("model_sha256"):
        body["model_sha256"] = str(given["model_sha256"])
    training = given.get("training_sha256") or {}
    body["training"] = {str(k): str(v) for k, v in training.items()} if isinstance(training, Mapping) else {"": str(training)}
    features = given.get("features") or []
    if not isinstance(features, list) or not all(isinstance(one, str) for one in features):
        raise BadInput(f"{name}: `features` takes a list of names, found {features!r}.")
    body["features"] = features
    return body | _code(given.get("code"), name)


def _code(given: Any, name: str) -> Body:
    """`code` is what git says, or a list of releases, each a day and a version."""
    if given is None:
        return {}
    if isinstance(given, str):
        return {"code": {"version": given}}
    if isinstance(given, Mapping):
        return {"code": {str(key): value for key, value in given.items() if value is not None}}
    if isinstance(given, list) and all(isinstance(one, list) and len(one) == 2 for one in given):
        return {"releases": [[str(day), str(version)] for day, version in given]}
    raise BadInput(f'{name}: `code` takes an object such as {{"commit": "4f2a…", "dirty": false}}, found {given!r}.')


def packages(found: Mapping[str, Any]) -> dict[str, str]:
    """Distributions by the name that the package index knows them by: Scikit_Learn is scikit-learn. In order of name."""
    named = {canonicalize_name(str(name)): str(version) for name, version in found.items()}
    return {str(name): named[name] for name in sorted(named)}


def text(value: Any) -> str:
    """A parameter's value as text: 0.3, true, a to b."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return ", ".join(map(str, value))
    return str(value)


def _mapping(given: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any]:
    found = given.get(key) or {}
    if not isinstance(found, Mapping):
        raise BadInput(f'{name}: `{key}` takes an object such as {{"numpy": "2.4.6"}}, found {found!r}.')
    return found


def read_text(path: Path) -> str:
    """A text file in UTF-8.

    Raises
    ------
    BadInput : it cannot be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}. Name a file that is there.") from error
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path.name}: not text in UTF-8. Name a manifest, requirements.txt, pylock.toml, environment.yml or SBOM."
        ) from error
