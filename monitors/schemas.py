"""schemas: what a reference promises of each column and of the table, and the edits that people lay over it. Pure: tables in, values out.

A range, a domain or a share of nulls that was learnt from some rows is a sample itself: the next healthy rows break it now and then.
`beyond_range`, `unseen_share` and `predicted` say how often, which is the noise of the monitor `schema`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from data.errors import BadInput, near
from data.later import special
from monitors.noise import of_share
from monitors.rules import _number

TYPES = ("integer", "number", "boolean", "category", "text", "time")
ENVIRONMENTS = ("training", "serving")
EDITABLE = ("type", "required_in", "null_share", "min", "max", "domain")
NAMED = 1000  # categories that have counts of their own (data/bins.py)
SOME = 50  # categories, up to which a domain is closed however many of them were seen only once
UNSEEN = 0.05  # from this chance that the next value is a new one, a domain of more categories than that is open
KINDS = {"integer": "number", "number": "number", "boolean": "category", "category": "category"}
BY_ROLE = {"timestamp": "time", "label_time": "time", "latency": "number", "score": "number"}
MEASURED = ("features", "score", "prediction", "label")  # roles of columns whose values are profiled
BOOLEANS = ({"true", "false"}, {"True", "False"}, {"TRUE", "FALSE"})
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Column:
    """What is expected of a column. None is "not known" or "no bound"; a domain of None is open."""

    name: str
    role: str
    type: str
    required_in: tuple[str, ...]
    kind: str = ""  # how its values are counted: "number", "category"; "" where they are not
    null_share: float | None = None
    min: float | None = None
    max: float | None = None
    domain: tuple[str, ...] | None = None
    distinct: int | None = None  # different values in the reference, None where there are too many to count
    unique: bool = False  # no value stands twice in the reference
    rows: int = 0  # of the reference
    values: int = 0  # of them, neither null nor misfit, NaN or infinite
    unseen: float = 0.0  # chance that the next value of a category is one that the reference never had
    edited: tuple[str, ...] = ()  # fields that people set


@dataclass(frozen=True, slots=True)
class Schema:
    """What is expected of a version's rows: its columns, and of the table the share of rows that stand again and the rows of a day."""

    model: str
    version: str
    columns: Mapping[str, Column]
    duplicate_share: float | None = None
    rows: int = 0
    rows_per_day: float | None = None
    hours_between_rows: float | None = (
        None  # the longest time from a day's last row to its end: freshness, as the reference shows it
    )
    edited: tuple[str, ...] = ()


# ---- learnt ------------------------------------------------------------------------------------------------------------------


def learnt(
    profiles: pd.DataFrame, bins: pd.DataFrame, roles: Mapping[str, str], files: Collection[str] | None, version: str
) -> Schema:
    """The schema of one reference.

    Parameters
    ----------
    profiles : of the reference and this version: the whole (no window), segment `all`; and its own windows of role "requests".
    bins : how its columns are counted.
    roles : column → role, of all columns that have one.
    files : the columns of the reference's files, None where that is not known.

    Returns
    -------
    A column is required in training if the reference has it. In serving too, unless it is a label, or a feature that this reference
    lacks: then it belongs to another version. A domain is open past 1,000 categories, or past 50 if more than 1 value in 20 would be
    new (the share of values seen once: Good 1953, Biometrika 40); the range of a score within [0, 1] is [0, 1].
    """
    whole = profiles[profiles["window_start"].isna() & (profiles["segment"] == "all")]
    by_column, own = ({str(row["column"]): row for row in table.to_dict("records")} for table in (whole, bins))
    known = set(files) if files is not None else set(by_column)
    names = dict.fromkeys((*roles, *(c for c in known if c not in roles)))
    columns = {
        name: _column(name, roles.get(name, ""), by_column.get(name), own.get(name), name in known)
        for name in names
        if name and roles.get(name) != "ignored"
    }
    table = by_column.get("", {})
    days = profiles[(profiles["role"] == "requests") & profiles["window_start"].notna() & (profiles["segment"] == "all")]
    rows = int(table.get("rows", 0))
    again = table.get("duplicates")
    model = str(whole["model"].iat[0]) if len(whole) else ""
    by_day = days.groupby(days["window_start"].dt.floor("D"))["rows"].sum() if len(days) else None
    gaps = (days["window_end"] - days["last_time"]).dt.total_seconds() / 3600 if len(days) else None
    return Schema(
        model, version, columns,
        duplicate_share=float(again) / rows if rows and again is not None and not pd.isna(again) else None,
        rows=rows,
        rows_per_day=float(by_day.median()) if by_day is not None else None,
        hours_between_rows=float(gaps.max()) if gaps is not None else None,
    )  # fmt: skip


def _column(name: str, role: str, profile: Mapping[Any, Any] | None, bins: Mapping[Any, Any] | None, in_files: bool) -> Column:
    required = _required(role, in_files or profile is not None)
    if profile is None or bins is None:
        kind = BY_ROLE.get(role, "unknown" if role in MEASURED else "text" if role else "unknown")
        rows = int(profile["rows"]) if profile else 0
        return Column(name, role, kind, required, null_share=1.0 if profile else None, rows=rows)
    counts = np.asarray(profile["counts"])
    rows, values = int(profile["rows"]), int(counts.sum())
    facts: dict[str, Any] = {"kind": bins["kind"], "null_share": profile["nulls"] / rows, "rows": rows, "values": values}
    if bins["kind"] == "number":
        return Column(
            name, role, "integer" if bins["whole"] else "number", required, **facts, **_range(role, profile, bins, values)
        )
    return Column(name, role, _text_type(bins), required, **facts, **_domain(bins, counts, values))


def _required(role: str, in_reference: bool) -> tuple[str, ...]:
    training = ("training",) if in_reference else ()
    if role == "":
        return ()
    if role in ("label", "label_time") or (role == "features" and not in_reference):
        return training
    return (*training, "serving")


def _range(role: str, profile: Mapping[Any, Any], bins: Mapping[Any, Any], values: int) -> dict[str, Any]:
    low, high = float(profile["min"]), float(profile["max"])
    if role == "score" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    edges = np.asarray(bins["edges"], float)
    few = len(edges) <= 2 * 200 and len(edges) > 0
    is_value = ~np.append(np.nextafter(edges[:-1], np.inf) == edges[1:], False) if few else np.zeros(0, bool)
    seen = np.asarray(profile["counts"])[:-1] > 0 if few else np.zeros(0, bool)
    # With 200 distinct values or fewer, each is an edge; with more the edges are quantiles and say nothing of how many there are.
    distinct = int((is_value & seen).sum()) if few and is_value.sum() <= 200 else None
    return {"min": low, "max": high, "distinct": distinct, "unique": distinct == values and values > 1}


def _text_type(bins: Mapping[Any, Any]) -> str:
    if bins["whole"]:
        return "integer"
    return "boolean" if set(bins["categories"]) in BOOLEANS else "category"


def _domain(bins: Mapping[Any, Any], counts: NDArray[Any], values: int) -> dict[str, Any]:
    categories = list(bins["categories"])
    # Categories that an edit added to the bins were not seen.
    seen = [c for c, n in zip(categories, counts[: len(categories)], strict=True) if n > 0]
    unseen = float((counts[: len(categories)] == 1).sum()) / values if values else 0.0
    is_open = counts[-2] > 0 or len(seen) > NAMED or (len(seen) > SOME and unseen > UNSEEN)
    distinct = len(seen) if counts[-2] == 0 else None
    return {
        "domain": None if is_open else tuple(seen), "distinct": distinct, "unseen": unseen,
        "unique": distinct == values and values > 1,
    }  # fmt: skip


# ---- how often a learnt bound is broken by chance ------------------------------------------------------------------------------


def predicted(rows: NDArray[Any], hits: float, of: float) -> Floats:
    """What chance gives at most, 95 times in 100: the share of `rows` new rows that break a bound which `hits` of `of` rows broke.

    Parameters
    ----------
    rows : shape (...,), NaN at 0 rows. hits, of : in the reference; `hits` may be expected ones, so no whole number.

    Returns
    -------
    shape (...,), from 0 to 1: the greater of two. What so few new rows may show: the 95th percentile of the binomial. What so few rows of
    the reference leave open: the 95 % upper bound of the share (Clopper and Pearson 1934, Biometrika 26).
    """
    n = np.asarray(rows, float)
    if of <= 0:
        return np.full(n.shape, np.nan)
    share = min(hits / of, 1.0)
    chance = of_share(np.full(n.shape, share), n)
    open_ = special.betaincinv(hits + 1, of - hits, 0.95) if hits < of else 1.0
    return np.where(n > 0, np.maximum(chance, open_), np.nan)


def beyond_range(rows: NDArray[Any], of: float) -> Floats:
    """As `predicted`, for a range learnt from `of` values: what lies outside of it is a share of distribution Beta(2, of - 1).

    For values in random order the next one is outside with probability 2 / (of + 1), whatever their distribution (Wilks 1941, Annals of
    Mathematical Statistics 12): 0.2 % after 1,000 values.
    """
    n = np.asarray(rows, float)
    if of < 2:
        return np.where(n > 0, 1.0, np.nan)
    chance = of_share(np.full(n.shape, 2 / (of + 1)), n)
    return np.where(n > 0, np.maximum(chance, special.betaincinv(2, of - 1, 0.95)), np.nan)


def unusual(values: Floats) -> float:
    """The greatest value that is still usual, given those of the reference's own windows.

    The 99th percentile, or three standard deviations above the mean where that is more. An invariant is a promise, so what 5 windows of 100
    break is none (as for drift); nor is it the greatest value, since one bad day of the reference would blind it.
    """
    return float(max(np.quantile(values, 0.99), values.mean() + 3 * values.std()))


# ---- edits -------------------------------------------------------------------------------------------------------------------


def _environments(value: Any) -> Any:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not set(listed) <= set(ENVIRONMENTS):
        raise ValueError(f"expected a list of {' and '.join(ENVIRONMENTS)}, or [] for neither, found {value!r}")
    return tuple(e for e in ENVIRONMENTS if e in listed)


def _share(value: Any) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise ValueError(f"expected a share from 0 to 1, found {value!r}")
    return number


def _bound(value: Any) -> float | None:
    return None if value is None else _number(value)


def _categories(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not value or not all(isinstance(v, str) for v in value):
        raise ValueError(f"expected a list of texts such as [basic, plus], or null for an open domain, found {value!r}")
    return tuple(dict.fromkeys(value))


class ColumnEdit(BaseModel):
    """What a person sets of a column; fields that it does not name stay as they were learnt. `null` takes a bound or a domain away."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["integer", "number", "boolean", "category"] = "number"
    required_in: Annotated[tuple[str, ...], BeforeValidator(_environments)] = ()
    null_share: Annotated[float, BeforeValidator(_share)] = 0.0
    min: Annotated[float | None, BeforeValidator(_bound)] = None
    max: Annotated[float | None, BeforeValidator(_bound)] = None
    domain: Annotated[tuple[str, ...] | None, BeforeValidator(_categories)] = None

    @property
    def changes(self) -> dict[str, Any]:
        """The fields that it names."""
        return {name: getattr(self, name) for name in EDITABLE if name in self.model_fields_set}


class TableEdit(BaseModel):
    """What a person sets of the table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    duplicate_share: Annotated[float, BeforeValidator(_share)] = 0.0

    @property
    def changes(self) -> dict[str, Any]:
        return {"duplicate_share": self.duplicate_share} if self.model_fields_set else {}


@dataclass(frozen=True, slots=True)
class Edits:
    """The edits of one schema."""

    columns: Mapping[str, ColumnEdit] = field(default_factory=dict)
    table: TableEdit = field(default_factory=TableEdit)


def edits_from(given: Mapping[str, Any], origin: str, lines: Mapping[tuple[str, ...], int] | None = None) -> Edits:
    """Edits from what a person wrote: `columns`, a mapping of column → fields, and `table`.

    Raises
    ------
    BadInput : an unknown key, a value of the wrong shape; names the origin and, where `lines` has it, the line.
    """
    for key in given:
        if key not in ("columns", "table"):
            raise BadInput(
                f"{_at(origin, lines, (str(key),))}: `{key}` is not part of a schema. {near(str(key), ('columns', 'table'))}"
            )
    columns, table = given.get("columns") or {}, given.get("table") or {}
    for name, value in (("columns", columns), ("table", table)):
        if not isinstance(value, Mapping):
            raise BadInput(
                f"{_at(origin, lines, (name,))}: `{name}` takes lines such as `{'temp' if name == 'columns' else 'duplicate_share'}: …`."
            )
    found = {str(n): _edit(ColumnEdit, value, origin, lines, ("columns", str(n))) for n, value in columns.items()}
    return Edits({n: e for n, e in found.items() if e.changes}, _edit(TableEdit, table, origin, lines, ("table",)))


def _edit(kind: Any, value: Any, origin: str, lines: Mapping[tuple[str, ...], int] | None, where: tuple[str, ...]) -> Any:
    called = f'column "{where[1]}"' if len(where) > 1 else "table"
    if not isinstance(value, Mapping):
        raise BadInput(f"{_at(origin, lines, where)}: {called}: expected fields such as `null_share: 0.1`, found {value!r}.")
    for key in value:
        if key not in kind.model_fields:
            raise BadInput(
                f"{_at(origin, lines, (*where, str(key)))}: {called}: there is no field `{key}`. {near(str(key), kind.model_fields)}"
            )
    try:
        return kind(**value)
    except ValidationError as error:
        wrong = error.errors()[0]
        name = str(wrong["loc"][0])
        cause = wrong.get("ctx", {}).get(
            "error", f"expected {wrong.get('ctx', {}).get('expected', 'something else')}, found {value[name]!r}"
        )
        raise BadInput(f"{_at(origin, lines, (*where, name))}: {called}: {name}: {cause}.") from error


def _at(origin: str, lines: Mapping[tuple[str, ...], int] | None, where: tuple[str, ...]) -> str:
    line = (lines or {}).get(where) or (lines or {}).get(where[:-1])
    return f"{origin}, line {line}" if line else origin


def plain(edits: Edits) -> dict[str, Any]:
    """Edits as plain values, for JSON and YAML; `edits_from` gives the same back. Empty parts are left out."""
    columns = {
        name: {f: list(v) if isinstance(v, tuple) else v for f, v in e.changes.items()} for name, e in edits.columns.items()
    }
    return {key: value for key, value in (("columns", columns), ("table", edits.table.changes)) if value}


def laid_over(schema: Schema, edits: Edits) -> Schema:
    """The schema in force: what was learnt, with the fields that people set."""
    columns = dict(schema.columns)
    for name, edit in edits.columns.items():
        base = columns.get(name, Column(name, "", "unknown", ()))
        columns[name] = replace(base, **edit.changes, edited=tuple(edit.changes))
    return replace(schema, columns=columns, **edits.table.changes, edited=tuple(edits.table.changes))


def check(schema: Schema, edits: Edits, origin: str) -> None:
    """Refuse edits that make no sense with what was learnt.

    Raises
    ------
    BadInput : a column that the reference does not have, bounds of a category, a domain of numbers, a least above the greatest value.
    """
    after = laid_over(schema, edits)
    for name, edit in edits.columns.items():
        wrong = _problem(schema.columns.get(name), after.columns[name], edit.changes, list(schema.columns))
        if wrong:
            raise BadInput(f'{origin}: column "{name}": {wrong}')


def _problem(learnt: Column | None, after: Column, changes: Mapping[str, Any], known: Sequence[str]) -> str | None:
    if learnt is None or not learnt.kind:
        extra = [f for f in changes if f != "required_in"]
        if not extra:
            return None
        return f"{extra[0]}: " + ("the reference has no such column. " + near(after.name, known) if learnt is None
                                  else "its values are not profiled, so only `required_in` can be set.")  # fmt: skip
    is_text = learnt.kind == "category"
    if "type" in changes and changes["type"] != "integer" and KINDS[changes["type"]] != learnt.kind:
        return f"type: it is read as a {learnt.kind}. To change that, set `types` in roles.yaml and load again."
    if is_text and (set(changes) & {"min", "max"}):
        return "min, max: it holds categories. Set its `domain` instead."
    if not is_text and changes.get("domain") is not None:
        return "domain: it holds numbers. Set `min` and `max` instead."
    if after.min is not None and after.max is not None and after.min > after.max:
        return f"min {after.min:g} is above max {after.max:g}. Swap them."
    return None


def difference(schema: Schema, wanted: Iterable[Column]) -> dict[str, ColumnEdit]:
    """The edits that turn a learnt schema into the wanted columns: only what differs."""
    found = {}
    for column in wanted:
        base = schema.columns.get(column.name, Column(column.name, "", "unknown", ()))
        changed = {f: getattr(column, f) for f in EDITABLE if getattr(column, f) != getattr(base, f)}
        if changed:
            found[column.name] = ColumnEdit(**changed)
    return found


def field_names() -> tuple[str, ...]:
    """The fields of a column, in order."""
    return tuple(f.name for f in fields(Column))
