"""Which segments there are: of each segment column, and of each two that are asked for together, the values with most rows; where a column has
more, all others together."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from data.bins import Source
from data.sql import literal, quote
from data.store import Connection, Store

MOST = 50  # values of a segment column that are segments of their own
RESTS = ("other", "other values", "all other values")  # what the others are called: the first that is no value itself


@dataclass(frozen=True, slots=True)
class Segmented:
    """A segment column, the values that are segments of their own in order, and what all others are called, '' where there are none.

    Crossed with a second column its values are such as `pro & region=north`, of plan and region, and the others are in no segment.
    """

    column: str
    values: tuple[str, ...]
    rest: str = ""
    crossed: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Of all its segments, without the column."""
        return (*self.values, self.rest) if self.rest else self.values

    def of(self, text_of: Callable[[str], str]) -> str:
        """SQL of a row's segment, given that of a column's text; null stays null and is in no segment."""
        text = text_of(self.column)
        if self.crossed:
            return f"{text} || {literal(_with(self.crossed))} || {text_of(self.crossed)}"
        if not self.rest:
            return text
        return f"CASE WHEN {text} IS NULL OR {text} IN ({', '.join(map(literal, self.values))}) THEN {text} ELSE {literal(self.rest)} END"


Values = tuple[Segmented, ...]


def _with(column: str) -> str:
    return f" & {column}="


def segments(cursor: Connection, sources: Iterable[Source]) -> Values:
    """The segments of log and reference together; those of versions of code and data among them, by which requests are told apart."""
    found: dict[Segmented, Counter[str]] = {}
    for source in sources:
        single = [Segmented(column, ()) for column in (*source.roles.segments, *_versioned(source))]
        for one in (*single, *(Segmented(a, (), crossed=b) for a, b in source.roles.segment_pairs)):
            counts = found.setdefault(one, Counter())
            if {one.column, one.crossed or one.column} <= source.types.keys():
                text = one.of(partial(text_of, source))
                sql = f"SELECT {text}, count(*) FROM {source.rows} WHERE {text} IS NOT NULL GROUP BY 1"
                for value, n in cursor.execute(sql).fetchall():
                    counts[value] += n
    return tuple(_filled(one, found[one]) for one in sorted(found, key=lambda one: one.crossed != ""))


def _filled(one: Segmented, counts: Counter[str]) -> Segmented:
    ranked = sorted(counts, key=lambda text: (-counts[text], text))
    rest = next(name for name in RESTS if name not in counts) if len(ranked) > MOST and not one.crossed else ""
    return replace(one, values=tuple(sorted(ranked[:MOST])), rest=rest)


def _versioned(source: Source) -> list[str]:
    """The columns by which what is counted of requests, their time and their number, is told apart besides by segments."""
    names = (source.roles.code_version, source.roles.data_version)
    return [c for c in names if c is not None and c in source.types and c not in source.roles.segments]


def within_segment(store: Store, model: str, source: Source, segment: str) -> tuple[str, dict[str, Any]]:
    """The condition that a row lies in a segment that has profiles, and what is bound to it; `true` for `all`."""
    for a, b in source.roles.segment_pairs:
        if segment.startswith(f"{a}=") and _with(b) in segment:
            return f"{Segmented(a, (), crossed=b).of(partial(text_of, source))} = $segment", {"segment": segment.removeprefix(f"{a}=")}
    for column in source.roles.segments:
        if segment.startswith(f"{column}=") and column in source.types:
            text, value = f"CAST({quote(column)} AS VARCHAR)", segment.removeprefix(f"{column}=")
            values = _stored(store, model, column) if value in RESTS else set()
            if len(values) > MOST and value == max(values.intersection(RESTS), key=RESTS.index):
                return f"NOT list_contains($values, {text})", {"values": sorted(values)}  # null for null, which is in none
            return f"{text} = $segment", {"segment": value}
    return "true", {}


def _stored(store: Store, model: str, column: str) -> set[str]:
    sql = "SELECT DISTINCT segment FROM main.profiles WHERE model = ? AND dataset = 'log' AND starts_with(segment, ?)"
    found = store.cursor().execute(sql, [model, f"{column}="]).fetchall()
    return {segment.removeprefix(f"{column}=") for (segment,) in found}


def text_of(source: Source, column: str) -> str:
    """SQL of a row's value as text."""
    if source.types.get(column) == "VARCHAR":
        return quote(column)
    return f"CAST({quote(column) if column in source.types else 'NULL'} AS VARCHAR)"
