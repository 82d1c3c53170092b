"""Which reading of a time column its values decide: 03/04/2026 alone says nothing, 03/13/2026 in any row of any file says all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from data import times
from data.errors import BadInput
from data.scan import Column, Scan, present, told

V = Column("v", "v", "VARCHAR")


@dataclass(frozen=True, slots=True)
class Fit:
    """How many values a reading fits, how many it does not that a rival fits; a value that it fits, and the file of that."""

    format: str
    values: int = 0
    missed: int = 0
    example: str = ""
    file: str = ""


def time_format(
    cursor: duckdb.DuckDBPyConnection, scans: Sequence[Scan], name: str, known: str | None, insist: bool
) -> str | None:
    """The format of a time column, tested over all values of all files; what is `known` of the model stays, and may be added to.

    `insist`: the person wrote `known` in this call, so what it does not read is a misfit.

    Raises
    ------
    BadInput : more than one reading fits, or the values need several that contradict each other or what is known.
    """
    if insist and known:
        return known
    holding = [(scan, c) for scan in scans for c in scan.columns if c.name == name and c.type == "VARCHAR"]
    chosen = known.split(" | ") if known else []
    for rivals in times.formats(_unread_shapes(cursor, holding, known)):
        fits = _fits(cursor, holding, rivals, known)
        if any(fit.values for fit in fits):
            chosen += _decided(cursor, name, fits, known).format.split(" | ")
    return " | ".join(dict.fromkeys(chosen)) or None


def _decided(cursor: duckdb.DuckDBPyConnection, name: str, fits: Sequence[Fit], known: str | None) -> Fit:
    """The one reading that fits every value that any fits; what is known counts as seen."""
    kin = [fit for fit in fits if _date(fit.format) in {_date(one) for one in (known or "").split(" | ")}]
    good = [fit for fit in kin or fits if fit.values and not fit.missed]
    if len(good) == 1:
        return good[0]
    if kin:
        other = next(fit for fit in fits if fit.values and fit not in kin)
        raise BadInput(
            f'{other.file}, column "{name}": the remembered format {known} does not read "{other.example}", but {other.format} '
            "does. If the column mixes both, mend it; else write `time_format` in roles.yaml."
        )
    if not good:
        one, other = [fit for fit in fits if fit.values][:2]
        raise BadInput(
            f'{one.file}, column "{name}": some values are {_called(one.format)} ("{one.example}"), others {_called(other.format)} '
            f'("{other.example}"). Mend the column, or write `time_format` in roles.yaml: what it does not read is then kept as a misfit.'
        )
    ways = " or ".join(f"{_day(cursor, fit.format, good[0].example)} ({_called(fit.format)})" for fit in good)
    keys = " or ".join(f'`time_format: "{fit.format}"`' for fit in good)
    raise BadInput(
        f'{good[0].file}, column "{name}": "{good[0].example}" can be {ways}, and no value tells which. Write {keys} in roles.yaml.'
    )


def _unread_shapes(cursor: duckdb.DuckDBPyConnection, holding: Sequence[tuple[Scan, Column]], known: str | None) -> list[str]:
    """Shapes of the values that are neither ISO, nor epochs, nor read by what is known; the most frequent first."""
    found: dict[str, int] = {}
    for scan, column in holding:
        query = f"""
            SELECT {times.shape("v")}, count(*) FROM (SELECT {present(column)} AS v FROM {scan.relation})
            WHERE v IS NOT NULL AND {times.time("v", "VARCHAR", known, "UTC")} IS NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 30
        """
        with told(scan.source):
            for text, count in cursor.execute(query).fetchall():
                found[text] = found.get(text, 0) + count
    return sorted(found, key=lambda text: (-found[text], text))


def _fits(
    cursor: duckdb.DuckDBPyConnection, holding: Sequence[tuple[Scan, Column]], rivals: Sequence[str], known: str | None
) -> list[Fit]:
    totals = [Fit(rival) for rival in rivals]
    for scan, column in holding:
        with told(scan.source):
            row = cursor.execute(_counting(scan, column, rivals, known)).fetchone()
        assert row is not None
        for place, fit in enumerate(totals):
            values, missed, example = row[3 * place : 3 * place + 3]
            first = (fit.example, fit.file) if fit.example else (example or "", scan.source.short)
            totals[place] = Fit(fit.format, fit.values + values, fit.missed + missed, *first)
    return totals


def _counting(scan: Scan, column: Column, rivals: Sequence[str], known: str | None) -> str:
    measures = []
    for place in range(len(rivals)):
        others = " OR ".join(f"r{other} IS NOT NULL" for other in range(len(rivals)) if other != place) or "false"
        measures += [
            f"count(r{place})",
            f"count(*) FILTER (WHERE r{place} IS NULL AND ({others}))",
            f"max(v) FILTER (WHERE r{place} IS NOT NULL)",
        ]
    read = ", ".join(f"{times.parsed('v', rival)} AS r{place}" for place, rival in enumerate(rivals))
    unread = f"v IS NOT NULL AND {times.time('v', 'VARCHAR', known, 'UTC')} IS NULL"
    values = f"SELECT {present(column)} AS v FROM {scan.relation}"
    return f"SELECT {', '.join(measures)} FROM (SELECT v, {read} FROM ({values}) WHERE {unread})"


def _date(time_format: str) -> str:
    """The date in a format: %d/%m/%Y of %d/%m/%Y %H:%M."""
    return re.sub(r"(, |[ T:])?%[HI].*$", "", time_format)


def _called(time_format: str) -> str:
    found = re.search(r"%([dmyY])", time_format)
    return {"d": "day first", "m": "month first"}.get(found[1] if found else "", "year first")


def _day(cursor: duckdb.DuckDBPyConnection, time_format: str, text: str) -> str:
    row = cursor.execute(f"SELECT strftime({times.parsed('$v', time_format)}, '%-d %B %Y')", {"v": text}).fetchone()
    return str(row[0]) if row else "?"
