"""schema_yaml: a schema as a file of our own, to review and to apply. docs/schema.md says what stands in it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from data.errors import BadInput, near
from monitors import plain_yaml, schemas
from monitors.schemas import Edits, Schema

KEYS = ("model", "version", "table", "columns")
# What is told of a column besides what can be set; read back, it is passed over.
TOLD = ("role", "distinct", "unique", "edited")


def dump(schema: Schema) -> str:
    """The schema in force as YAML: every column with all that can be set, and what else was learnt as comments do."""
    columns = {column.name: _column(column) for column in schema.columns.values()}
    table = {"duplicate_share": schema.duplicate_share} if schema.duplicate_share is not None else {}
    whole = {"model": schema.model, "version": schema.version, "table": table, "columns": columns}
    return plain_yaml.dump(whole)


def _column(column: schemas.Column) -> dict[str, Any]:
    facts: dict[str, Any] = {"type": column.type, "role": column.role, "required_in": tuple(column.required_in)}
    if column.kind:
        facts |= {"null_share": column.null_share}
        facts |= {"min": column.min, "max": column.max} if column.kind == "number" else {"domain": column.domain}
        facts |= {"distinct": column.distinct} if column.distinct is not None else {}
        facts |= {"unique": True} if column.unique else {}
    return facts | ({"edited": tuple(column.edited)} if column.edited else {})


def read(text: str, origin: str, learnt: Schema) -> Edits:
    """The edits that make a learnt schema the one in the file: fields that are as learnt are none, columns left out stay as learnt.

    Raises
    ------
    BadInput : not YAML, another model's or version's file, an unknown key or column, a value that makes no sense; names the line.
    """
    given, lines = _parsed(text, origin)
    for key in given:
        if key not in KEYS:
            raise BadInput(f"{origin}, line {lines[(key,)]}: `{key}` is not part of a schema. {near(key, KEYS)}")
    for key, own in (("model", learnt.model), ("version", learnt.version)):
        if given.get(key) not in (None, own) and not (given.get(key) == "" and own == ""):
            raise BadInput(f'{origin}, line {lines[(key,)]}: this is the schema of {key} "{given[key]}", not of "{own}".')
    columns = given.get("columns") or {}
    if isinstance(columns, Mapping):
        columns = {n: _settable(fields, learnt.columns.get(n)) for n, fields in columns.items()}
    wanted = schemas.edits_from({"columns": columns, "table": given.get("table") or {}}, origin, lines)
    schemas.check(learnt, wanted, origin)
    return less(wanted, learnt)


def less(wanted: Edits, learnt: Schema) -> Edits:
    """Edits without the fields that say what was learnt anyway."""
    after = schemas.laid_over(learnt, wanted)
    kept = schemas.difference(learnt, (after.columns[name] for name in wanted.columns))
    same = not wanted.table.changes or learnt.duplicate_share == wanted.table.duplicate_share
    return replace(wanted, columns=kept, table=schemas.TableEdit() if same else wanted.table)


def _settable(fields: Any, base: schemas.Column | None) -> Any:
    """The fields that can be set; a type that is as learnt is only told, and may be one that cannot be set: time, text."""
    if not isinstance(fields, Mapping):
        return fields
    own = base.type if base is not None else "unknown"
    return {key: value for key, value in fields.items() if key not in TOLD and (key, value) != ("type", own)}


def _parsed(text: str, origin: str) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    """The plain values, texts as written, and the line of each key."""
    try:
        root = yaml.compose(text, Loader=plain_yaml.Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadInput(f"{origin}{f', line {mark.line + 1}' if mark else ''}: this is not YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise BadInput(f"{origin}: this is not YAML: {str(error).splitlines()[0]}.") from error
    if root is not None and not isinstance(root, yaml.MappingNode):
        raise BadInput(f"{origin}, line {root.start_mark.line + 1}: expected a schema, which has the key `columns`.")
    lines: dict[tuple[str, ...], int] = {}
    return (_plain(root, (), lines, origin) if root is not None else {}), lines


def _plain(node: yaml.Node, where: tuple[str, ...], lines: dict[tuple[str, ...], int], origin: str) -> Any:
    """Texts as written, so that a column called `on` or a category 01234 keep their names."""
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in found:
                raise BadInput(f"{origin}, line {line}: `{name}` stands in line {lines[(*where, name)]} already. Keep one.")
            lines[(*where, name)] = line
            found[name] = _plain(value, (*where, name), lines, origin)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(part, where, lines, origin) for part in node.value]
    return None if node.tag == "tag:yaml.org,2002:null" else node.value
