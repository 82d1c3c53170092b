"""Bins: how each column is counted, learnt from the reference once, so that every later count has the same groups."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.engines.places import Bins, Floats, Lookup
from data.roles import Roles
from data.sql import quote
from data.store import Connection, columns, table

NAMED = 1000  # categories that get a count of their own; the reference's others are counted together
KNOWN = 100_000  # distinct texts of the reference that are told from new ones
QUANTILES = np.unique(np.r_[np.arange(201) / 200, 0.0001, 0.001, 0.999, 0.9999])
FEW = 200  # distinct numbers, each of which is an edge
LARGE = 20_000_000  # rows of a reference, from which every k-th is taken to find its quantiles
# Of every latency: each edge 2 % above the one before, so that the middle of a bin is within 1 % of all in it (Masson et al., DDSketch, 2019).
# From 0.1 µs to 2.8 hours where the unit is a millisecond; what lies beyond has its exact sum.
LATENCY = Bins("number", np.geomspace(1e-4, 1e7, 1 + math.ceil(math.log(1e11) / math.log(1.01 / 0.99))))
WHOLE = r"-?(0|[1-9][0-9]*)"  # a text that is a whole number; a code such as 01234 is none
PROBABLE = np.array([np.nextafter(0.0, -1.0), 1.0])  # edges of a score: what is below 0 or above 1 is no probability
BETWEEN = ("score", "probability")  # the roles whose values lie in [0, 1]


@dataclass(frozen=True)
class Source:
    """Rows to profile: a FROM clause, its columns with their types, the roles, and how many microseconds a window has."""

    rows: str
    types: Mapping[str, str]
    roles: Roles
    version: str | None  # the column that holds it, or none
    dataset: str = "log"
    has_misfits: bool = True  # whether any row holds a text that could not be read as its column's type

    @property
    def window_us(self) -> int:
        return 3_600_000_000 if self.roles.window == "hour" else 86_400_000_000


def watched(roles: Roles) -> dict[str, str]:
    """Column → role, of all that is profiled."""
    roles_of = {roles.score: "score", roles.prediction: "prediction", roles.label: "label"}
    named = {c: r for c, r in roles_of.items() if c is not None}
    many = {"feature": roles.features, "probability": roles.probabilities, "watched": roles.watched, "latency": roles.latency}
    listed = {role: dict.fromkeys(columns, role) for role, columns in many.items()}
    return {**listed["feature"], **named, **listed["probability"], **listed["watched"], **listed["latency"]}


def edges(values: Floats) -> Floats:
    """The fixed bin edges of a number column: what is counted is the rows in (a, b].

    Parameters
    ----------
    values : shape (rows,), sorted, finite.

    Returns
    -------
    shape (edges,), rising. With 200 distinct values or fewer they are the values; else the quantiles k/200 and four tails (inverted CDF). The
    double before the least value comes first, so that the first bin is "below all that the reference had". Likewise before each value that
    piles up (more than one row in 200): it has a bin of its own, and what lies between two such values is not taken for either. Empty for
    no values.
    """
    if not len(values):
        return np.empty(0)
    distinct, times = np.unique(values, return_counts=True)
    if len(distinct) <= FEW:
        picks = distinct
    else:
        picks = values[np.maximum(np.ceil(QUANTILES * len(values)).astype(np.int64) - 1, 0)]
    piled = np.append(distinct[times * 200 > len(values)], values[0])
    with np.errstate(over="ignore"):  # before the least double there is only −infinity
        return np.unique(np.r_[picks, np.nextafter(piled, -np.inf)])


def learn(cursor: Connection, source: Source, edits: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Bins]:
    """Column → bins of the rows of a reference; a column without a value there has none.

    `edits` are what people set in the schema, column → field → value: bounds become edges and categories are named, so that what lies
    outside of them is counted exactly.
    """
    learnt = {}
    for column, role in watched(source.roles).items():
        if column in source.types and role != "latency":
            kind = "number" if source.types[column] == "DOUBLE" else "category"
            bins = (_of_number if kind == "number" else _of_text)(cursor, source, column)
            if bins is not None:
                bins = probable(bins) if role in BETWEEN else bins
                learnt[column] = edited(cursor, bins, (edits or {}).get(column, {}))
    return learnt


def edited(cursor: Connection, bins: Bins, edit: Mapping[str, Any]) -> Bins:
    """The bins of a column with the bounds and categories that people set in its schema."""
    if bins.kind == "number":
        low, high = edit.get("min"), edit.get("max")
        bounds = [np.nextafter(low, -np.inf)] if low is not None else []
        bounds += [high] if high is not None else []
        whole = bins.whole if "type" not in edit else edit["type"] == "integer"
        return replace(bins, edges=np.unique(np.r_[bins.edges, bounds]), whole=whole)
    named = tuple(dict.fromkeys((*bins.categories, *(edit.get("domain") or ()))))
    whole = bins.whole if "type" not in edit else edit["type"] == "integer"
    others = tuple(c for c in bins.others if c not in set(named)) if bins.others else ()
    return replace(bins if named == bins.categories else with_hashes(cursor, named, others), whole=whole)


def probable(bins: Bins) -> Bins:
    """The bins of a score, with edges at 0 and 1 unless the reference itself leaves that range."""
    if bins.kind != "number" or (len(bins.edges) and not (bins.edges[0] >= PROBABLE[0] and bins.edges[-1] <= 1)):
        return bins
    return replace(bins, edges=np.unique(np.r_[PROBABLE, bins.edges]))


def _of_number(cursor: Connection, source: Source, column: str) -> Bins | None:
    sql = f"SELECT {quote(column)} AS x FROM {source.rows} WHERE isfinite({quote(column)})"
    found: npt.NDArray[np.float64] = np.asarray(cursor.execute(sql).fetchnumpy()["x"], dtype=float)
    found = np.sort(found[:: 1 + len(found) // LARGE])
    whole = bool(len(found)) and not np.any(found % 1)
    return Bins("number", edges(found), whole=whole) if len(found) else None


def _of_text(cursor: Connection, source: Source, column: str) -> Bins | None:
    sql = f"""SELECT {quote(column)} AS x, count(*) AS n FROM {source.rows} WHERE {quote(column)} IS NOT NULL
        GROUP BY ALL ORDER BY n DESC, x LIMIT {KNOWN}"""
    found = [row[0] for row in cursor.execute(sql).fetchall()]
    bins = with_hashes(cursor, tuple(found[:NAMED]), tuple(found[NAMED:])) if found else None
    return replace(bins, whole=are_whole(found)) if bins is not None else None


def are_whole(texts: Iterable[str]) -> bool:
    """Whether all texts are whole numbers."""
    return all(re.fullmatch(WHOLE, text) for text in texts)


def with_hashes(cursor: Connection, categories: tuple[str, ...], others: tuple[str, ...]) -> Bins:
    """Bins of a text, with the hashes that DuckDB gives to what it knows, null being the last."""
    return Bins("category", categories=categories, others=others, hashes=hashes(cursor, (*categories, *others, None)))


def hashes(cursor: Connection, texts: tuple[str | None, ...]) -> npt.NDArray[np.uint64]:
    """DuckDB's 64-bit hash of each text."""
    found = cursor.execute("SELECT hash(unnest(?::VARCHAR[])) AS h", [list(texts)]).fetchnumpy()["h"]
    return np.asarray(found, dtype=np.uint64)


def lookup(cursor: Connection, texts: tuple[str | None, ...]) -> Lookup:
    return Lookup(hashes(cursor, texts))


def frame(model: str, version: str, learnt: Mapping[str, Bins], roles: Roles) -> pd.DataFrame:
    """The bins of one reference as rows of the table `bins`."""
    role = watched(roles)
    rows = [
        (model, version, column, role[column], b.kind, b.edges if b.kind == "number" else None, *(
            (list(b.categories), list(b.others)) if b.kind == "category" else (None, None)), b.whole)
        for column, b in learnt.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "version", "column", "role", "kind", "edges", "categories", "others", "whole"])


def kept(cursor: Connection, model: str, where: str = "bins") -> dict[str, dict[str, Bins]]:
    """Reference version → column → bins, as they were learnt."""
    rows = cursor.execute(
        f'SELECT version, "column", kind, edges, categories, others, whole FROM main.{where} WHERE model = ? ORDER BY ALL', [model]
    ).fetchall()
    found: dict[str, dict[str, Bins]] = {}
    for version, column, kind, e, categories, others, whole in rows:
        bins = Bins("number", np.array(e)) if kind == "number" else with_hashes(cursor, tuple(categories), tuple(others))
        found.setdefault(version, {})[column] = replace(bins, whole=bool(whole))
    return found


def reference_source(cursor: Connection, model: str, roles: Roles) -> Source | None:
    """Where the reference lies: its own table, else the span of the log that the roles name."""
    types = columns(cursor, "reference", model)
    if types and cursor.execute(f"SELECT 1 FROM {table('reference', model)} LIMIT 1").fetchone():
        return Source(table("reference", model), types, roles, "_version", "reference", misfitting(cursor, "reference", model))
    if roles.reference is None:
        return None
    types = columns(cursor, "log", model)
    time = quote(str(roles.timestamp))
    start, end = (f"TIMESTAMPTZ '{t}'" for t in roles.reference)  # checked as times when the roles were read
    return Source(
        f"(SELECT * FROM {table('log', model)} WHERE {time} >= {start} AND {time} < {end})", types, roles, None, "reference",
        misfitting(cursor, "log", model),
    )  # fmt: skip


def misfitting(cursor: Connection, dataset: str, model: str) -> bool:
    """Whether any row that is loaded holds a text that could not be read as its column's type."""
    sql = "SELECT 1 FROM main.loads WHERE model = ? AND dataset = ? AND misfits > 0 AND undone_at IS NULL LIMIT 1"
    return cursor.execute(sql, [model, dataset]).fetchone() is not None
