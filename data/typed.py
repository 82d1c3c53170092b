"""SQL that turns a column of a file into its type in the lake, and tells which values it could not read."""

from collections.abc import Iterable
from dataclasses import dataclass

from data import times
from data.scan import Column, is_marker, present
from data.sql import literal

FLOATS = ("DOUBLE", "FLOAT")
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
COMMA_NUMBER = r"[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+)(,\d*)?([eE][+-]?\d+)?|[+-]?,\d+"
GROUPED_NUMBER = r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"


@dataclass(frozen=True, slots=True)
class Reading:
    """How texts are read: the decimal sign (`grouped`: commas divide thousands), the time format, the zone of other times."""

    decimal: str = "."
    grouped: bool = False
    time_format: str | None = None
    time_zone: str = "UTC"


def is_number(kind: str) -> bool:
    """Whether a DuckDB type is numeric."""
    return kind in FLOATS or kind in INTEGERS or kind.startswith("DECIMAL")


def value(column: Column, lake: str, reading: Reading, plain_integers: bool = False) -> str:
    """The value in its lake type, NULL where it cannot be read. `plain_integers`: the text "1.0" is the category "1"."""
    if lake == "DOUBLE":
        return _number(column, reading)
    if lake.startswith("TIMESTAMP"):
        return times.time(column.sql, column.type, reading.time_format, reading.time_zone)
    return _text(column, plain_integers)


def misfits(columns: Iterable[tuple[Column, str, str]]) -> str:
    """The map of misfits, NULL when there are none, from (column, SQL of the raw text, SQL of the value).

    A misfit has a raw text that is no marker of a missing value, and no value.
    """
    entries = []
    for column, raw, read in columns:
        bad = f"{read} IS NULL AND {raw} IS NOT NULL"
        if column.marked:
            bad = f"CASE WHEN {bad} THEN NOT {is_marker(raw)} ELSE false END"
        entries.append((f"({bad})", f"{{'key': {literal(column.name)}, 'value': {raw}}}"))
    if not entries:
        return "NULL::MAP(VARCHAR, VARCHAR)"
    listed = ", ".join(f"CASE WHEN {bad} THEN {entry} END" for bad, entry in entries)
    some = " OR ".join(bad for bad, _ in entries)
    return f"CASE WHEN {some} THEN map_from_entries(list_filter([{listed}], lambda e: e IS NOT NULL)) END"


def can_misfit(column: Column, lake: str) -> bool:
    """Whether a value may be there and yet not be one of the lake's type."""
    if lake == "VARCHAR":
        return False
    return (
        column.type == "VARCHAR"
        or not (is_number(column.type) or column.type in ("BOOLEAN", "DATE") or column.type.startswith("TIMESTAMP"))
        or (lake == "DOUBLE") != (is_number(column.type) or column.type == "BOOLEAN")
    )


def _number(column: Column, reading: Reading) -> str:
    sql, kind = column.sql, column.type
    if is_number(kind) or kind == "BOOLEAN":
        return f"CAST({sql} AS DOUBLE)"
    if kind != "VARCHAR":
        return "NULL::DOUBLE"
    if reading.decimal == ",":
        turned = f"replace(replace({sql}, '.', ''), ',', '.')"
        is_plain = f"regexp_full_match(trim({sql}), {literal(COMMA_NUMBER)})"
        word = f"CASE WHEN regexp_matches({sql}, '(?i)^\\s*[+-]?(nan|inf)') THEN TRY_CAST({sql} AS DOUBLE) END"
        return f"CASE WHEN {is_plain} THEN TRY_CAST({turned} AS DOUBLE) ELSE {word} END"
    plain = f"CASE WHEN contains({sql}, '_') THEN NULL ELSE TRY_CAST({sql} AS DOUBLE) END"  # DuckDB reads 1_000 as 1000
    if not reading.grouped:
        return plain
    grouped = (
        f"CASE WHEN regexp_full_match({sql}, {literal(GROUPED_NUMBER)}) THEN TRY_CAST(replace({sql}, ',', '') AS DOUBLE) END"
    )
    return f"coalesce({plain}, {grouped})"


def _text(column: Column, plain_integers: bool) -> str:
    sql, kind = column.sql, column.type
    if kind in FLOATS or kind.startswith("DECIMAL"):
        whole = f"isfinite({sql}::DOUBLE) AND {sql}::DOUBLE = trunc({sql}::DOUBLE) AND abs({sql}::DOUBLE) < 1e15"
        return f"CASE WHEN {whole} THEN CAST(CAST({sql} AS BIGINT) AS VARCHAR) ELSE CAST({sql} AS VARCHAR) END"
    if kind != "VARCHAR":
        return f"CAST({sql} AS VARCHAR)"
    text = present(column)
    if plain_integers:
        text = f"regexp_replace({text}, '^([+-]?\\d+)\\.0+$', '\\1')"
        if column.marked:
            text = f"CASE WHEN {text} IN ('True', 'TRUE', 'False', 'FALSE') THEN lower({text}) ELSE {text} END"
    return text
