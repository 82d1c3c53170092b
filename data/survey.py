"""One pass over the values of the files, before anything is written: what decides types, decimal signs and time formats."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

import duckdb

from data import times
from data.errors import BadInput
from data.scan import Column, Scan, told
from data.typed import Reading, present, value

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


def look(cursor: duckdb.DuckDBPyConnection, scan: Scan, names: Iterable[str], decided: Mapping[str, str]) -> Survey:
    """Count, in one query over the file, for the text columns named."""
    wanted = set(names)
    columns = [c for c in scan.columns if c.name in wanted and c.type == "VARCHAR"]
    parts = [part for place, column in enumerate(columns) for part in _measures(f"v{place}", decided.get(column.name))]
    inner = ", ".join(f"{present(c)} AS v{place}" for place, c in enumerate(columns)) or "1"
    with told(scan.source):
        row = cursor.execute(f"SELECT {', '.join(['count(*)', *parts])} FROM (SELECT {inner} FROM {scan.relation})").fetchone()
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
        f"count_if({code})" if no_text else "0",
        f"count_if({whole})" if decided in (None, "VARCHAR") else "0",
        *(
            (f"count_if({comma})", f"count_if({either})", f"min(CASE WHEN {either} THEN {v} END)")
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


def time_format(
    cursor: duckdb.DuckDBPyConnection, scans: Sequence[Scan], name: str, known: str | None, insist: bool
) -> str | None:
    """The format of a time column, tested over all values of all files; `known` if it reads them.

    `insist`: the person wrote `known` in this call, so what it does not read is a misfit.

    Raises
    ------
    BadInput : more than one reading fits, or the values need several that contradict each other.
    """
    if insist and known:
        return known
    holding = [(scan, c) for scan in scans for c in scan.columns if c.name == name and c.type == "VARCHAR"]
    shapes = _unread_shapes(cursor, holding, known)
    chosen = [known] if known else []
    for rivals in times.formats(shapes):
        fits = _fits(cursor, holding, rivals, known)
        good = times.readable(fits)
        some = [f for f in fits if f.values]
        if known and any(_swapped(f.format) in known.split(" | ") for f in some):
            other = next(f for f in some if _swapped(f.format) in known.split(" | "))
            raise BadInput(
                f'{holding[0][0].source.short}, column "{name}": the remembered format {known} does not read "{other.example}", '
                f"but {other.format} does. If the column mixes both, mend it; else write `time_format` in roles.yaml."
            )
        if len(good) > 1:
            raise BadInput(_ambiguous(cursor, holding, name, good))
        if some and not good:
            raise BadInput(
                f'{holding[0][0].source.short}, column "{name}": some values are {times.called(some[0].format)} '
                f'("{some[0].example}"), others {times.called(some[1].format)} ("{some[1].example}"). '
                "Mend the column, or write `time_format` in roles.yaml: "
                "what it does not read is then kept as a misfit."
            )
        chosen += [f.format for f in good]
    return " | ".join(dict.fromkeys(chosen)) or None


def _unread_shapes(cursor: duckdb.DuckDBPyConnection, holding: Sequence[tuple[Scan, Column]], known: str | None) -> list[str]:
    found: dict[str, int] = {}
    for scan, column in holding:
        v = Column(column.name, "v", "VARCHAR")
        unread = f"v IS NOT NULL AND {value(v, 'TIMESTAMPTZ', Reading(time_format=known))} IS NULL"
        query = (
            f"SELECT {times.shape('v')}, count(*) FROM (SELECT {present(column)} AS v FROM {scan.relation}) WHERE {unread} "
            "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 30"
        )
        with told(scan.source):
            for text, count in cursor.execute(query).fetchall():
                found[text] = found.get(text, 0) + count
    return sorted(found, key=lambda text: (-found[text], text))


def _fits(
    cursor: duckdb.DuckDBPyConnection, holding: Sequence[tuple[Scan, Column]], rivals: Sequence[str], known: str | None
) -> list[times.Fit]:
    totals = [times.Fit(f, 0, 0) for f in rivals]
    for scan, column in holding:
        read = [times.parsed("v", f) for f in rivals]
        named = ", ".join(f"{r} AS r{place}" for place, r in enumerate(read))
        counts = []
        for place in range(len(rivals)):
            others = " OR ".join(f"r{other} IS NOT NULL" for other in range(len(rivals)) if other != place) or "false"
            counts += [
                f"count(r{place})",
                f"count_if(r{place} IS NULL AND ({others}))",
                f"max(CASE WHEN r{place} IS NOT NULL THEN v END)",
            ]
        unread = f"{value(Column(column.name, 'v', 'VARCHAR'), 'TIMESTAMPTZ', Reading(time_format=known))} IS NULL"
        values = f"SELECT {present(column)} AS v FROM {scan.relation}"
        query = f"SELECT {', '.join(counts)} FROM (SELECT v, {named} FROM ({values}) WHERE v IS NOT NULL AND {unread})"
        with told(scan.source):
            row = cursor.execute(query).fetchone()
        assert row is not None
        triples = [row[3 * place : 3 * place + 3] for place in range(len(rivals))]
        totals = [
            times.Fit(t.format, t.values + v, t.missed + m, t.example or e) for t, (v, m, e) in zip(totals, triples, strict=True)
        ]
    return totals


def _swapped(time_format: str) -> str:
    return time_format.replace("%d", "%\0").replace("%m", "%d").replace("%\0", "%m")


def _ambiguous(
    cursor: duckdb.DuckDBPyConnection, holding: Sequence[tuple[Scan, Column]], name: str, good: Sequence[times.Fit]
) -> str:
    example = good[0].example
    ways = []
    for fit in good:
        row = cursor.execute(f"SELECT strftime({times.parsed('$v', fit.format)}, '%-d %B %Y')", {"v": example}).fetchone()
        ways.append(f"{row[0] if row else '?'} ({times.called(fit.format)})")
    keys = " or ".join(f'`time_format: "{fit.format}"`' for fit in good)
    where = f'{holding[0][0].source.short}, column "{name}"'
    return f'{where}: "{example}" can be {" or ".join(ways)}, and no value tells which. Write {keys} in roles.yaml.'
