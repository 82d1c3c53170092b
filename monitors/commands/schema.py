"""python -m monitors schema show|export|apply: the learnt schema, as a file and back."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from data.store import Store
from monitors import invariants, output, run, schema_foreign, schema_yaml, schemas
from monitors.schemas import Edits, Schema

GROUP = ("schema", "show and change the schema that was learnt from the reference")
Add = Callable[..., argparse.ArgumentParser]


def declare(add: Add) -> None:
    """The commands of this subject."""
    show = add(_show, "schema show", "the schema in force, as YAML", "--model churn")
    show.add_argument("--learnt", action="store_true", help="as it was learnt, without what people set")
    export = add(_export, "schema export", "the schema in force, as a file", "--model churn -o schema.pbtxt")
    export.add_argument("-o", "--output", metavar="FILE", help="else it is written to the screen")
    apply = add(_apply, "schema apply", "make a file the schema in force", "schema.yaml --model churn --reason 'PR 12'")
    apply.add_argument("file", metavar="FILE")
    apply.add_argument("--reason", required=True, help="kept in the history")
    for one in (show, export, apply):
        one.add_argument("--model", required=True, metavar="M")
        one.add_argument("--version", metavar="V", help="of the model, where each version has a reference of its own")
    for one in (export, apply):
        text = "default: by the name of the file, .pbtxt, .json, else YAML"
        one.add_argument(
            "--format",
            choices=tuple(schema_foreign.FORMATS),
            help=f"yaml, tfdv (schema.pbtxt), sagemaker (constraints.json); {text}",
        )


def _chosen(store: Store, asked: argparse.Namespace, learnt: bool = False) -> Schema:
    run.check_model(store, asked.model)
    found = (invariants.learnt if learnt else invariants.in_force)(store, asked.model, run.bins(store, asked.model))
    return invariants.chosen(found, asked.model, asked.version)


def _form(asked: argparse.Namespace, file: str | None) -> str:
    by_name = {suffix: form for form, suffix in schema_foreign.FORMATS.items()}
    return str(asked.format or by_name.get(Path(file or "").suffix.lower(), "yaml"))


def _show(store: Store, asked: argparse.Namespace) -> int:
    print(schema_yaml.dump(_chosen(store, asked, asked.learnt)), end="")
    return 0


def _export(store: Store, asked: argparse.Namespace) -> int:
    text, notes = exported(_chosen(store, asked), _form(asked, asked.output))
    output.write_text(text, asked.output)
    _tell(notes)
    return 0


def exported(schema: Schema, form: str) -> tuple[str, tuple[str, ...]]:
    """A schema in one of FORMATS, and what could not be carried over."""
    if form == "yaml":
        return schema_yaml.dump(schema), ()
    return (schema_foreign.to_tfdv if form == "tfdv" else schema_foreign.to_sagemaker)(schema)


def wanted(text: str, origin: str, form: str, learnt: Schema) -> tuple[Edits, tuple[str, ...]]:
    """The edits that a file of one of FORMATS asks for, and what could not be carried over."""
    if form == "yaml":
        return schema_yaml.read(text, origin, learnt), ()
    fields, notes = schema_foreign.READERS[form](text, origin)
    return schema_foreign.fitted(learnt, fields, notes, origin)


def _apply(store: Store, asked: argparse.Namespace) -> int:
    learnt = _chosen(store, asked, learnt=True)
    text = output.read_text(asked.file, "a schema file, as `schema export` writes it")
    edits, notes = wanted(text, Path(asked.file).name, _form(asked, asked.file), learnt)
    before = invariants.edits(store, asked.model).get(learnt.version, Edits())
    if schemas.plain(before) == schemas.plain(edits):
        print("This is the schema in force already; nothing was changed.")
    else:
        number = invariants.save(store, asked.model, learnt, edits, asked.reason)
        count = sum(len(edit.changes) for edit in edits.columns.values()) + len(edits.table.changes)
        print(f"Applied {asked.file}: {count} field{' is' if count == 1 else 's are'} not as learnt, edit {number}. `run` measures by them.")
    _tell(notes)
    return 0


def _tell(notes: tuple[str, ...]) -> None:
    for note in notes:
        print(f"not carried over: {note}", file=sys.stderr)
