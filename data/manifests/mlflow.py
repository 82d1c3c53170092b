"""MLflow: a saved model (a folder with an `MLmodel`), and a local tracking store (the files of `mlruns/`). Read as files, without MLflow."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from data.errors import BadInput
from data.manifests.packages import read_conda, read_requirements
from data.manifests.shape import Body, packages, read_text

ABOUT = (
    "MLmodel",
    "requirements.txt",
    "conda.yaml",
    "python_env.yaml",
    "input_example.json",
    "serving_input_example.json",
    "metadata",
)
SHORT = {"lightgbm": "lgb", "xgboost": "xgb", "catboost": "cb"}  # as MLflow abbreviates them
DISTRIBUTIONS = {"sklearn": "scikit-learn", "pytorch": "torch"}


def read_model(place: Path) -> Body:
    """A saved model: its packages, the inputs of its signature, the hash of its files, the run that made it.

    requirements.txt counts before conda.yaml, and both before what the flavors say of themselves.
    """
    about = _yaml(place / "MLmodel")
    flavors: Mapping[str, Any] = about.get("flavors") or {}
    body: Body = {"packages": _stated(flavors), "parameters": {}}
    if (conda := place / "conda.yaml").exists():
        read = read_conda(_yaml(conda), conda)
        body |= read | {"packages": body["packages"] | read["packages"]}
    if (listed := place / "requirements.txt").exists():
        body["packages"] = body["packages"] | read_requirements(listed)["packages"]
    body["packages"] = packages(body["packages"])
    if python := (flavors.get("python_function") or {}).get("python_version"):
        body["python"] = str(python)
    body["model_sha256"] = _hash(place)
    body["features"] = _inputs(about.get("signature") or {})
    told = {"run": about.get("run_id"), "flavors": ", ".join(sorted(set(flavors) - {"python_function"}))}
    body["parameters"] = {key: str(value) for key, value in told.items() if value}
    return body | ({"created": str(about["utc_time_created"])} if about.get("utc_time_created") else {})


def read_tracking(place: Path, version: str | None) -> Body:
    """A run of a local tracking store: its parameters, its commit, who ran it, and the model that it saved.

    Parameters
    ----------
    place : `mlruns`, or one run's folder.
    version : which run of a store: a registered version, a run's name, or the start of its id; not needed where there is only one.

    Raises
    ------
    BadInput : which run is meant cannot be told; some that there are, are named.
    """
    run = place if _is_run(place) else _chosen(place, version)
    meta, tags = _yaml(run / "meta.yaml"), _texts(run / "tags")
    body: Body = {"packages": {}, "parameters": _texts(run / "params")}
    if (model := _model_of(run, str(meta.get("run_id") or run.name))) is not None:
        saved = read_model(model)
        body = saved | {"parameters": body["parameters"]}
    code = {
        "commit": tags.get("mlflow.source.git.commit"),
        "branch": tags.get("mlflow.source.git.branch"),
        "source": tags.get("mlflow.source.name"),
    }
    body["code"] = {key: value for key, value in code.items() if value}
    author = tags.get("mlflow.user") or meta.get("user_id")
    return body | ({"author": str(author)} if author else {})


def is_store(place: Path) -> bool:
    """Whether a folder is laid out as a tracking store, or as one run of it."""
    return _is_run(place) or any(True for _ in _runs(place))


def _is_run(place: Path) -> bool:
    return (place / "meta.yaml").is_file() and ((place / "params").is_dir() or (place / "tags").is_dir())


def _runs(store: Path) -> Iterator[Path]:
    for experiment in sorted(store.iterdir()) if store.is_dir() else ():
        if experiment.is_dir() and (experiment / "meta.yaml").is_file():
            runs = [run for run in sorted(experiment.iterdir()) if run.is_dir() and _is_run(run)]
            yield from (run for run in runs if _yaml(run / "meta.yaml").get("lifecycle_stage") != "deleted")


def _chosen(store: Path, version: str | None) -> Path:
    runs = list(_runs(store))
    named = {run: _yaml(run / "meta.yaml").get("run_name") or _texts(run / "tags").get("mlflow.runName") for run in runs}
    registered = {_registered(path) for path in sorted(store.glob(f"models/*/version-{version}/meta.yaml"))} if version else set()
    for fits in (
        [run for run in runs if run.name in registered],
        [run for run in runs if version and named[run] == version],
        [run for run in runs if version and len(version) >= 4 and run.name.startswith(version)],
        runs,
    ):
        if len(fits) == 1:
            return fits[0]
    shown = ", ".join(f"{run.name[:8]} ({named[run] or 'without a name'})" for run in runs[-6:])
    raise BadInput(
        f'{store}: {len(runs)} runs, and none of them alone is "{version}". Name the folder of one run, or call the version as a registered '
        f"version, a run's name or the start of its id: {shown}."
    )


def _registered(path: Path) -> str:
    return str(_yaml(path).get("run_id"))


def _model_of(run: Path, run_id: str) -> Path | None:
    """The folder of the model that a run saved: among its artifacts, or (MLflow 3) among the experiment's models."""
    own = sorted(run.glob("artifacts/**/MLmodel"))
    others = sorted(run.parent.glob("models/*/artifacts/MLmodel"))
    of_run = [path for path in others if str(_yaml(path).get("run_id")) == run_id]
    return next((path.parent for path in (*own, *of_run)), None)


def _stated(flavors: Mapping[str, Any]) -> dict[str, str]:
    """What flavors say of their own library: `sklearn_version: 1.9.1`."""
    found = {}
    for flavor, told in flavors.items():
        version = isinstance(told, Mapping) and told.get(f"{SHORT.get(flavor, flavor)}_version")
        if version and flavor != "python_function":
            found[DISTRIBUTIONS.get(flavor, flavor)] = str(version)
    return packages(found)


def _inputs(signature: Mapping[str, Any]) -> list[str]:
    """The names of the columns that a signature takes; tensors have none."""
    try:
        inputs = json.loads(signature.get("inputs") or "[]")
    except (TypeError, ValueError):
        return []
    return [str(one["name"]) for one in inputs if isinstance(one, Mapping) and one.get("name")]


def _hash(place: Path) -> str:
    """Of all files of the model but those about it: names and contents, so that a file that moved shows as well."""
    whole = hashlib.sha256()
    for path in sorted(path for path in place.rglob("*") if path.is_file()):
        name = path.relative_to(place).as_posix()
        if name.split("/")[0] not in ABOUT:
            with path.open("rb") as file:
                whole.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def _texts(folder: Path) -> dict[str, str]:
    """Parameters and tags: a file each, its name the key (a slash in it is a folder)."""
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    return {path.relative_to(folder).as_posix(): read_text(path).strip() for path in files}


def _yaml(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: not readable as YAML ({getattr(error, 'problem', None) or 'not well-formed'}).") from error
    if not isinstance(found, dict):
        raise BadInput(f"{path}: expected keys with values, as MLflow writes them.")
    return found
