"""One pass over the values of the files, before anything is written: what decides types, decimal signs and time formats."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields

import duckdb

from data.errors import BadInput
from data.scan import Column, Scan, present, told
from data.typed import Reading, value

SURE_COMMA = r"[+-]?(\d+,(\d{1,2}|\d{4,})|0,\d+|\d{1,3}(\.\d{3})+,\d*|\d{4,},\d{3})([eE][+-]?\d+)?"
ANY_COMMA = r"[+-]?\d{1,3}(,\d{3})+"


@dataclass(frozen=True, slots=True)
class Seen:
    """How many text values a column has, and of these: read as numbers, begin with a 0 that counts, are written 1.0, show a decimal
    comma beyond doubt, have a comma that can be either; one of those. Of columns whose type is decided, only what that needs."""

    values: int
    numbers: int
    zeros: int
    whole: int
    commas: int
    unsure: int
    example: str | None


@dataclass(frozen=True, slots=True)
class Survey:
    """Rows of a file, and what was seen in those of its text columns that were looked at."""

    rows: int
    seen: Mapping[str, Seen]


def look(
    cursor: duckdb.DuckDBPyConnection,
    scan: Scan,
    names: Iterable[str],
    decided: Mapping[str, str],
    counted: Callable[[str], str] = str,
) -> Survey:
    """Count, in one query over the file, for the text columns named. `counted` wraps a number that each row has, for progress."""
    wanted = set(names)
    columns = [c for c in scan.columns if c.name in wanted and c.type == "VARCHAR"]
    passing = [f"max({counted('coalesce(length(v0), 0)')})"] if columns else []
    parts = [part for place, column in enumerate(columns) for part in _measures(f"v{place}", decided.get(column.name))]
    inner = ", ".join(f"{present(c)} AS v{place}" for place, c in enumerate(columns)) or "1"
    with told(scan.source):
        row = cursor.execute(
            f"SELECT {', '.join(['count(*)', *parts, *passing])} FROM (SELECT {inner} FROM {scan.relation})"
        ).fetchone()
    assert row is not None
    width = len(fields(Seen))
    return Survey(row[0], {c.name: Seen(*row[1 + place * width : 1 + (place + 1) * width]) for place, c in enumerate(columns)})


def _measures(v: str, decided: str | None) -> list[str]:
    """One expression for each field of `Seen`. Each regular expression stands behind a cheap test that most values fail."""
    number = f"count({value(Column('', v, 'VARCHAR'), 'DOUBLE', Reading())})" if decided is None else "0"
    code = f"CASE WHEN {v}[1] IN ('0', '+', '-') THEN regexp_matches({v}, '^[+-]?0\\d') ELSE false END"
    whole = f"CASE WHEN ends_with({v}, '.0') THEN regexp_full_match({v}, '[+-]?\\d+\\.0') ELSE false END"
    comma = f"CASE WHEN contains({v}, ',') THEN regexp_full_match({v}, '{SURE_COMMA}') ELSE false END"
    grouped = f"regexp_full_match({v}, '{ANY_COMMA}') AND NOT regexp_full_match({v}, '{SURE_COMMA}')"
    either = f"CASE WHEN contains({v}, ',') THEN {grouped} ELSE false END"
    no_text = decided in (None, "DOUBLE")
    return [
        f"count({v})",
        number,
        f"count(*) FILTER (WHERE {code})" if no_text else "0",
        f"count(*) FILTER (WHERE {whole})" if decided in (None, "VARCHAR") else "0",
        *(
            (f"count(*) FILTER (WHERE {comma})", f"count(*) FILTER (WHERE {either})", f"min(CASE WHEN {either} THEN {v} END)")
            if no_text
            else ("0", "0", "NULL")
        ),
    ]


def decimal(
    scan: Scan, survey: Survey, numbers: Iterable[str], texts: Iterable[str], given: str
) -> tuple[Reading, tuple[str, ...]]:
    """The decimal sign of a file: what the roles say, else what its values show.

    `numbers` are the columns known to be numbers, `texts` those known not to be; of the others, those whose every value would be one.
    """
    if given != "auto":
        return Reading(decimal=given, grouped=given == "."), ()
    named, others, short = set(numbers), set(texts), scan.source.short
    could = {
        n: s
        for n, s in survey.seen.items()
        if n in named or (n not in others and s.values and s.numbers + s.commas + s.unsure == s.values)
    }
    sure = [n for n, s in could.items() if s.commas]
    if sure and scan.delimiter not in ("", ","):
        return Reading(decimal=","), (f'{short}: "{sure[0]}" is written with decimal commas, and so all its numbers are read.',)
    for name, seen in could.items():
        if seen.unsure and not seen.commas:
            raise BadInput(
                f'{short}, column "{name}": "{seen.example}" can be {_as_comma(seen.example)} (decimal comma) or '
                f"{_as_group(seen.example)} (comma between thousands), and no value tells which. "
                'Write `decimal: ","` or `decimal: "."` in roles.yaml.'
            )
    return Reading(), ()


def _as_comma(text: str | None) -> str:
    return (text or "").replace(",", ".", 1)


def _as_group(text: str | None) -> str:
    return (text or "").replace(",", "")
