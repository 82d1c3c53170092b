"""Commands about changes: changes, manifest, manifests add|list|diff."""

import argparse
from collections.abc import Callable
from pathlib import Path

from data.errors import BadInput, near
from data.manifests import keep, write
from data.store import Store, models
from monitors import changes as told
from monitors import manifest_diff, output, run, run_changes

Add = Callable[..., argparse.ArgumentParser]


def declare(add: Add) -> None:
    """Declare the commands."""
    one = add(_changes, "changes", "what is not as it was, and when", "--model churn --since 2026-03-01")
    one.add_argument("--model", metavar="M")
    one.add_argument("--since", type=output.date, metavar="DATE", help="what took effect on this day, UTC, or later")
    one.add_argument("--format", choices=("text", "csv", "json"), default="text")
    _declare_manifest(add)
    text = "keep a manifest of a version: ours, requirements.txt, pylock.toml, conda, CycloneDX, MLflow, git"
    one = add(_add, "manifests add", text, "environment.yml --model churn --version v7 --from 2026-03-01")
    one.add_argument("place", metavar="FILE|DIR")
    one.add_argument("--model", metavar="M", help="where the manifest does not say")
    one.add_argument("--version", metavar="V", help="where the manifest does not say")
    one.add_argument(
        "--from",
        dest="since",
        type=output.date,
        metavar="DATE",
        help="when it took effect (default: its own date, else the log's)",
    )
    one = add(_list, "manifests list", "the manifests that are kept", "--model churn")
    one.add_argument("--model", metavar="M")
    one.add_argument("--format", choices=("csv", "json"), default="csv")
    one = add(_diff, "manifests diff", "what two versions are made of, where it differs", "v6 v7 --model churn")
    one.add_argument("before", metavar="V1")
    one.add_argument("after", metavar="V2")
    one.add_argument("--model", required=True, metavar="M")
    one.add_argument("--format", choices=("text", "csv", "json"), default="text")


def _declare_manifest(add: Add) -> None:
    text = "what this environment is made of, as JSON: git, Python, packages, hashes of model and data"
    one = add(
        _manifest, "manifest", text, "--model churn --version v7 --model-file model.pkl --data train.parquet -o manifest.json"
    )
    one.set_defaults(needs_store=False)
    one.add_argument("-o", "--output", metavar="FILE")
    one.add_argument("--model", metavar="M")
    one.add_argument("--version", metavar="V")
    one.add_argument("--model-file", metavar="FILE", help="its hash goes in")
    one.add_argument("--data", nargs="+", action="extend", default=[], metavar="FILE", help="training data; their hashes go in")
    one.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the training; may be given often"
    )
    one.add_argument(
        "--packages",
        metavar="FILE",
        help="requirements.txt, lock or SBOM of the model's own environment, where it is not this one",
    )
    one.add_argument("--repository", default=".", metavar="DIR", help="whose git commit counts (default: here)")


def _changes(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    found = run_changes.changes(store, model=asked.model, since=asked.since)
    if asked.format != "text":
        output.write(found, asked.format, None)
        return 0
    several = asked.model is None and len(models(store)) > 1
    for change in found.to_dict("records"):
        by = f" by {change['author']}" if change["author"] else ""
        name = f"{change['model']}: " if several else ""
        print(f"{change['at']:%Y-%m-%d %H:%M}  {change['kind']:<10}  {name}{told.sentence(change)}  [{change['origin']}{by}]")
    if found.empty:
        print("No changes.")
    return 0


def _manifest(_store: Store | None, asked: argparse.Namespace) -> int:
    for word in asked.param:
        if "=" not in word:
            raise BadInput(f'"{word}": expected name=value, such as --param learning_rate=0.1.')
    made = write.collect(
        Path(asked.repository), model=asked.model, version=asked.version, model_file=asked.model_file, data=asked.data,
        parameters=dict(word.split("=", 1) for word in asked.param), listed=asked.packages,
    )  # fmt: skip
    output.write_text(write.as_json(made), asked.output)
    return 0


def _add(store: Store, asked: argparse.Namespace) -> int:
    print(keep.add(store, Path(asked.place), asked.model, asked.version, asked.since))
    run_changes.refresh_all(store)
    return 0


def _list(store: Store, asked: argparse.Namespace) -> int:
    output.write(keep.kept(store, asked.model).drop(columns="body"), asked.format, None)
    return 0


def _diff(store: Store, asked: argparse.Namespace) -> int:
    run.check_model(store, asked.model)
    kept = keep.kept(store, asked.model)
    bodies = []
    for version in (asked.before, asked.after):
        if version not in set(kept["version"]):
            known = near(version, list(dict.fromkeys(kept["version"]))) or "Keep one with `manifests add`."
            raise BadInput(f'There is no manifest of {asked.model} "{version}". {known}')
        bodies.append(keep.latest(kept, version))
    found = manifest_diff.frame(manifest_diff.differences(bodies[0], bodies[1], same_version=asked.before == asked.after))
    if asked.format != "text":
        output.write(found, asked.format, None)
        return 0
    lines = [f"{row['kind']:<10}  {told.sentence({'version': '', **row})}" for row in found.to_dict("records")]
    print("\n".join(lines) or f"The manifests of {asked.before} and {asked.after} do not differ.")
    return 0
