"""How DuckDB reads a recognised file: a relation of its rows, and each column as an expression of some type. Nothing is guessed."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from data.errors import BadInput
from data.files import Source
from data.roles import RESERVED
from data.sql import literal, quote

DELIMITERS = (",", ";", "\t", "|")
CALLED = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
VALUE = re.compile(
    r"\s*([+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?|\d{4}-\d\d?-\d\d?.*|\d\d?[/.]\d\d?[/.]\d{2,4}.*|true|false|nan|null)\s*",
    re.I,
)
MARKERS = "['', 'na', 'n/a', 'null', 'none', 'nat']"  # of missing values in CSV, compared in lower case
NESTED = ("STRUCT", "MAP", "UNION")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: its name, the SQL that gives it, the type of that, and whether missing values are written as text."""

    name: str
    sql: str
    type: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """A file as DuckDB reads it: what stands after FROM, the row number (1-based), the columns, the delimiter (CSV), notes."""

    source: Source
    relation: str
    row: str
    columns: tuple[Column, ...]
    delimiter: str = ""
    notes: tuple[str, ...] = ()


def present(column: Column) -> str:
    """The raw value, NULL where a text file holds a marker of a missing one."""
    if not column.marked:
        return column.sql
    # the length first: CASE looks at the rest only where it holds, so long texts cost nothing
    return f"CASE WHEN length({column.sql}) <= 6 AND {is_marker(column.sql)} THEN NULL ELSE {column.sql} END"


def is_marker(sql: str) -> str:
    """Whether a text stands for a missing value. Not IN: DuckDB 1.5.5 makes a join of an IN of six, one for each column."""
    return f"list_contains({MARKERS}, lower(trim({sql})))"


def scan(cursor: duckdb.DuckDBPyConnection, source: Source) -> Scan:
    """What a file holds. Nothing is read yet but its beginning (JSON: all of it, since any line may add a key)."""
    if source.kind is None:
        return Scan(source, "(SELECT 1 WHERE false)", "0", (), notes=source.notes)
    with told(source):
        found = {"csv": _csv, "json": _json, "parquet": _parquet}[source.kind](cursor, source)
    _check_names(found)
    return found


class told:
    """Turns what DuckDB says of a file into a sentence for the person whose file it is."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, duckdb.Error) and (sentence := _sentence(self.source, str(error))):
            raise BadInput(sentence) from error


def _sentence(source: Source, text: str) -> str | None:
    short = source.short
    if found := re.search(r"CSV Error on Line: (\d+)\nOriginal Line: (.*?)\n(.*)", text, re.S):
        line, original, rest = int(found[1]), found[2][:60], found[3]
        where = f"{short}, line {line:,} (row {line - 1:,})"
        if fields := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", rest):
            return (
                f'{where}: expected {fields[1]} fields, as the header has, found {fields[2]}: "{original}". '
                "Mend that line, or quote the fields that hold the delimiter; nothing was loaded."
            )
        if "unterminated quote" in rest:
            return f'{where}: a quoted field is opened and not closed: "{original}". Mend that line; nothing was loaded.'
        if "utf-8" in rest:
            return f"{where}: not UTF-8. Save the file as UTF-8; nothing was loaded."
        if "maximum line size" in text.lower():
            return f"{where}: longer than 2 MB. Is a quote not closed? Nothing was loaded."
        return f'{where}: not readable as CSV: "{original}". Nothing was loaded.'
    if found := re.search(r"Malformed JSON in file .*?, at byte (\d+) in (line|record/value) (\d+): (.*?)\.? *(\n|$)", text):
        what, place = "line" if found[2] == "line" else "record", int(found[3]) - 1  # DuckDB's number is one too high
        return f"{short}, {what} {place:,}: not readable as JSON ({found[4].strip()}). Mend that {what}; nothing was loaded."
    if "maximum_object_size" in text:
        return f"{short}: an object of more than 16 MB, which is not a log. Write one object a line; nothing was loaded."
    if re.search(r"No files found|Cannot open file|Could not (open|read)", text):
        return f"{short} changed while it was read; nothing was loaded. Load it again when it is complete."
    if source.kind == "parquet" and (
        "arquet" in text or "Snappy" in text or "ZSTD" in text or "thrift" in text.lower() or "TProtocol" in text
    ):
        what = text.strip().splitlines()[0][:150]
        return f"{short}: not readable as Parquet ({what}). Was it written to its end? Nothing was loaded."
    if "CSV Parser" in text or "Sniffing" in text:
        return f"{short}: not readable as CSV: quotes or line ends that fit no rule. Nothing was loaded."
    return None


def _check_names(found: Scan) -> None:
    short = found.source.short
    seen: dict[str, str] = {}
    for column in found.columns:
        folded = column.name.casefold()
        if folded in RESERVED:
            raise BadInput(f'{short}: a column is called "{column.name}", a name that Vigia adds itself. Rename it in the file.')
        if folded in seen:
            how = "stands twice" if seen[folded] == column.name else f'differs from "{seen[folded]}" only in capitals'
            raise BadInput(f'{short}: the column "{column.name}" {how}, so the two cannot be told apart. Rename one in the file.')
        seen[folded] = column.name


def _reading(source: Source) -> str:
    """The arguments that all readers of texts share."""
    compression = "uncompressed" if source.compression == "none" else source.compression
    return f"{literal(_without_patterns(str(source.text)))}, compression = {literal(compression)}"


def _without_patterns(path: str) -> str:
    """The path such that DuckDB takes no character of it for a pattern: `a[1].csv` is a file, not a choice."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


# CSV


def _csv(_: duckdb.DuckDBPyConnection, source: Source) -> Scan:
    delimiter, escape, rows = _dialect(source.head)
    header, notes = _header(source.short, rows, delimiter)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    relation = (
        f"read_csv({_reading(source)}, columns = {{{columns}}}, delim = {literal(delimiter)}, "
        f"quote = '\"', escape = {literal(escape)}, header = true, auto_detect = false, buffer_size = 8388608)"
    )
    found = tuple(Column(name, quote(name), "VARCHAR", marked=True) for name in header)
    return Scan(source, relation, "row_number() OVER ()", found, delimiter, (*source.notes, *notes))


def _dialect(head: str) -> tuple[str, str, list[list[str]]]:
    """Delimiter, escape, first rows: the dialect in which most rows are as wide as the header, then that with most columns."""
    best: tuple[float, int, int] = (-1.0, 0, 0)
    chosen: tuple[str, str, list[list[str]]] = (",", '"', [])
    for order, (delimiter, escape) in enumerate((d, e) for e in ('"', "\\") for d in DELIMITERS):
        if escape == "\\" and '\\"' not in head:
            continue
        rows = _rows(head, delimiter, escape)
        if not rows:
            continue
        width = len(rows[0])
        share = sum(len(row) == width for row in rows) / len(rows)
        score = (share if width > 1 else 0.0, width, -order)
        if score > best:
            best, chosen = score, (delimiter, escape, rows)
    return chosen


def _rows(head: str, delimiter: str, escape: str, limit: int = 1000) -> list[list[str]]:
    lines = head.splitlines(keepends=True)
    whole = lines if len(lines) == 1 or head.endswith("\n") else lines[:-1]  # the last may be cut
    reader = csv.reader(
        whole, delimiter=delimiter, doublequote=escape == '"', escapechar=None if escape == '"' else escape, strict=False
    )
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) > limit:
                break
    except csv.Error:  # a field beyond csv's limit: what was read until then tells enough
        pass
    return rows


def _header(short: str, rows: list[list[str]], delimiter: str) -> tuple[list[str], tuple[str, ...]]:
    names = rows[0]
    values = [name for name in names if VALUE.fullmatch(name)]
    if len(values) > len(names) / 2:
        raise BadInput(
            f'{short}, line 1: expected the names of the columns, found values such as "{values[0]}". '
            "Put a header line before the rows."
        )
    notes = []
    for place, name in enumerate(names):
        if not name.strip():
            names[place] = "index" if place == 0 and "index" not in names else f"column {place + 1}"
            notes.append(f'{short}: column {place + 1} has no name in the header; called "{names[place]}".')
    if delimiter != ",":
        notes.append(f"{short}: fields are divided by {CALLED[delimiter]}.")
    return names, tuple(notes)


# JSON


# The structure of each object with its scalar types taken out, so that only objects with different keys differ. `json_group_structure` would
# do in one step, but its memory grows with the file (300,000 objects of 700 bytes: 0.7 GB).
STRUCTURES = """
    SELECT regexp_replace(replace(json_structure(json)::VARCHAR, ':"NULL"', ':null'), '"[A-Z]+"([,}}\\]]|$)', '0\\1', 'g') AS structure,
        count(*) AS rows
    FROM read_json_objects({reading}) GROUP BY structure ORDER BY rows DESC, structure
"""


def _json(cursor: duckdb.DuckDBPyConnection, source: Source) -> Scan:
    reading = f"{_reading(source)}, format = {literal(_shape(source.head))}"
    found = cursor.execute(STRUCTURES.format(reading=reading)).fetchall()
    rows, others = sum(n for _, n in found), sum(n for text, n in found if not text.startswith("{"))
    if others:
        raise BadInput(
            f'{source.short}: expected objects such as {{"income": 1}}, found {others:,} of {rows:,} that are something else.'
        )
    structure: dict[str, Any] = {}
    for text, _ in found:
        structure = _merged(structure, json.loads(text))
    columns = ", ".join(f"{literal(name)}: {literal(_json_type(kind))}" for name, kind in structure.items())
    relation = f"read_json({reading}, records = true, columns = {{{columns}}})" if structure else "(SELECT 1 WHERE false)"
    leaves = tuple(Column(name, sql, "VARCHAR") for name, sql in _json_leaves(structure, "", ""))
    notes = (*source.notes, f"{source.short}: holds no rows.") if not rows else source.notes
    return Scan(source, relation, "row_number() OVER ()", leaves, notes=notes)


def _merged(one: Any, other: Any) -> Any:
    """The keys of both. What is an object here and something else there is a text; null is anything."""
    if one is None or other is None:
        return other if one is None else one
    if not isinstance(one, dict) or not isinstance(other, dict):
        return 0
    return one | {key: _merged(one[key], kind) if key in one else kind for key, kind in other.items()}


def _shape(head: str) -> str:
    if head.lstrip().startswith("["):
        return "array"
    try:
        json.loads(head.lstrip().split("\n", 1)[0])
    except ValueError:
        return "unstructured"  # objects over several lines
    return "newline_delimited"


def _json_type(kind: Any) -> str:
    if isinstance(kind, dict) and kind:
        return "STRUCT(" + ", ".join(f"{quote(name)} {_json_type(inner)}" for name, inner in kind.items()) + ")"
    return "VARCHAR"


def _json_leaves(structure: dict[str, Any], prefix: str, sql: str) -> Iterator[tuple[str, str]]:
    for name, kind in structure.items():
        inner = f"{sql}.{quote(name)}" if sql else quote(name)
        if isinstance(kind, dict) and kind:
            yield from _json_leaves(kind, f"{prefix}{name}.", inner)
        else:
            yield f"{prefix}{name}", inner


# Parquet


def _parquet(cursor: duckdb.DuckDBPyConnection, source: Source) -> Scan:
    path = literal(_without_patterns(str(source.text)))
    relation = f"read_parquet({path})"
    described = cursor.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    schema = cursor.execute(f"SELECT name, num_children, logical_type FROM parquet_schema({path})").fetchall()
    top = list(_top(schema))
    doubled = [n for n, c in Counter(name.casefold() for name, *_ in top).items() if c > 1]
    if doubled:
        first, second = [name for name, *_ in top if name.casefold() == doubled[0]][:2]
        raise BadInput(f'{source.short}: the columns "{first}" and "{second}" cannot be told apart. Rename one in the file.')
    empty = {name for name, _, logical in top if logical == "NullType()"}  # DuckDB says INTEGER
    found = [Column(*leaf) for name, kind, *_ in described for leaf in _parquet_leaves(cursor, relation, name, quote(name), kind)]
    found = [replace(column, type="NULL") if column.name in empty else column for column in found]
    numbered = "file_row_number" not in (name for name, *_ in described)
    row = "file_row_number + 1" if numbered else "row_number() OVER ()"
    return Scan(source, relation, row, tuple(found), notes=source.notes)


def _top(schema: list[tuple[str, int | None, str | None]]) -> Iterator[tuple[str, int | None, str | None]]:
    """The columns of the top level, from the flat, depth-first list that a Parquet schema is; its first entry is the root."""
    below = 0  # entries still to come of the column before
    for name, children, logical in schema[1:]:
        if not below:
            yield name, children, logical
        below = max(below - 1, 0) + (children or 0)


def _parquet_leaves(
    cursor: duckdb.DuckDBPyConnection, relation: str, name: str, sql: str, kind: str
) -> Iterator[tuple[str, str, str]]:
    if kind.startswith("STRUCT(") and not kind.endswith("[]"):
        # `.*` spreads one level; asking DuckDB for it spares a parser of type names
        for inner, inner_kind, *_ in cursor.execute(f"DESCRIBE SELECT unnest({sql}) FROM {relation}").fetchall():
            yield from _parquet_leaves(cursor, relation, f"{name}.{inner}", f"{sql}.{quote(inner)}", inner_kind)
    elif kind.endswith("]") or kind.startswith(NESTED):
        yield name, f"CAST(to_json({sql}) AS VARCHAR)", "VARCHAR"
    elif kind == "BLOB":  # what older writers call a text, or bytes; those that are no text read \\xE9
        yield name, f"CAST({sql} AS VARCHAR)", "VARCHAR"
    else:
        yield name, sql, kind
