"""Roles: what each column of a model's files is for. A person writes them, in roles.yaml or on a page, else they are guessed."""

import json
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import yaml

from data import guess as guesses
from data.errors import BadInput, near
from data.store import Store, append, author

SINGLE = (
    "timestamp", "inference_id", "model_version", "data_version", "code_version", "prediction", "score", "label", "label_time",
    "status",
)  # fmt: skip
MANY = ("latency", "segments", "features", "probabilities", "watched", "ignored")
CHOICES = {"window": ("day", "hour"), "decimal": ("auto", ".", ","), "task": ("binary", "multiclass", "regression")}
SETTINGS = ("window", "time_zone", "time_format", "decimal", "reference", "task", "positive")  # speak of no column
TIMES, TEXTS, NUMBERS = ("timestamp", "label_time"), ("inference_id", "model_version", "data_version", "code_version", "status"), ("score",)
LISTED = 12  # columns of a role that the command line names
RESERVED = ("_load", "_row", "_misfits", "_version")


@dataclass(frozen=True, slots=True)
class Roles:
    """What the columns of a model are for. Only a feature may have a second role: segment.

    `probabilities` are those of the classes, which add up to 1 in each row; `watched` are further numbers that were logged (the norm of an
    embedding, a logit), of which only NaN, infinity and jumps are looked for.
    `types` holds column -> "number" | "category" of features, prediction and label; a missing one is decided by the first values.
    `time_format` is a strptime format (several with " | " between) or epoch_s, epoch_ms, epoch_us, epoch_ns; None reads ISO times
    and epochs by their size. `decimal` "auto" looks at each file.
    `tolerances` holds (column, absolute, relative) of features that are compared with training's: a None is the default.
    `task` is "binary", "multiclass" or "regression", told from the values where it is None. `positive` is the class that a binary model's score
    is the probability of; by default 1, true or yes, else the greater of both in order.
    `segment_pairs` are two segment columns each, in alphabetical order, whose values are segments together too.
    `reference` is the span [start, end) of the log that stands for the reference where no reference was loaded.
    """

    timestamp: str | None = None
    inference_id: str | None = None
    model_version: str | None = None
    data_version: str | None = None
    code_version: str | None = None
    prediction: str | None = None
    score: str | None = None
    label: str | None = None
    label_time: str | None = None
    status: str | None = None
    latency: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    segment_pairs: tuple[tuple[str, str], ...] = ()
    features: tuple[str, ...] = ()
    probabilities: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    types: tuple[tuple[str, str], ...] = ()
    tolerances: tuple[tuple[str, float | None, float | None], ...] = ()
    window: str = "day"
    time_zone: str = "UTC"
    time_format: str | None = None
    decimal: str = "auto"
    task: str | None = None
    positive: str | None = None
    reference: tuple[str, str] | None = None


def named(roles: Roles) -> dict[str, str]:
    """Column → its first role, in the order of the roles."""
    found: dict[str, str] = {}
    for role in (*SINGLE, "latency", "features", "segments", "probabilities", "watched", "ignored"):
        value = getattr(roles, role)
        for column in (value,) if isinstance(value, str) else value or ():
            found.setdefault(column, role)
    return found


def lake_types(roles: Roles) -> dict[str, str]:
    """Column → DOUBLE, VARCHAR or TIMESTAMPTZ, where the roles decide it."""
    by_type = {"number": "DOUBLE", "category": "VARCHAR"}
    decided = {column: by_type[kind] for column, kind in roles.types}
    for column in roles.segments:
        decided.setdefault(column, "VARCHAR")
    for number in (*roles.latency, *roles.probabilities, *roles.watched, roles.score):
        if number is not None:
            decided[number] = "DOUBLE"
    for role in TEXTS:
        if (text := getattr(roles, role)) is not None:
            decided[text] = "VARCHAR"
    for role in TIMES:
        if (time := getattr(roles, role)) is not None:
            decided[time] = "TIMESTAMP WITH TIME ZONE"
    return decided


def typed_columns(roles: Roles) -> tuple[str, ...]:
    """The columns that need an entry in `types`."""
    return tuple(c for c in dict.fromkeys((*roles.features, roles.prediction, roles.label)) if c is not None)


def to_dict(roles: Roles) -> dict[str, Any]:
    """As roles.yaml holds it: only what is set."""
    plain = {key: value for key, value in asdict(roles).items() if value != getattr(Roles(), key)}
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}
    plain |= {"types": dict(roles.types)} if roles.types else {}
    plain |= {"segment_pairs": [list(pair) for pair in roles.segment_pairs]} if roles.segment_pairs else {}
    return plain | ({"tolerances": _tolerances_as_written(roles)} if roles.tolerances else {})


def written(roles: Roles | None, before: Roles | None) -> list[str]:
    """The lines of roles.yaml that say other columns than `before`; of long lists the beginning."""
    old, new = (to_dict(one) if one else {} for one in (before, roles))
    changed = [(role, new[role]) for role in (*SINGLE, *MANY) if role in new and new[role] != old.get(role)]
    return [f"{role}: {_in_yaml(value)}" for role, value in changed]


def _in_yaml(value: str | list[str]) -> str:
    if isinstance(value, str):
        return yaml.safe_dump(value, allow_unicode=True, width=math.inf).removesuffix("\n...\n").rstrip("\n")
    more = f"  # and {len(value) - LISTED:,} more" if len(value) > LISTED else ""
    return yaml.safe_dump(value[:LISTED], allow_unicode=True, default_flow_style=True, width=math.inf).rstrip("\n") + more


def _tolerances_as_written(roles: Roles) -> dict[str, dict[str, float]]:
    both = {column: {"absolute": absolute, "relative": relative} for column, absolute, relative in roles.tolerances}
    return {column: {name: value for name, value in given.items() if value is not None} for column, given in both.items()}


def from_dict(given: Mapping[str, Any], origin: str = "roles") -> Roles:
    """Roles from what a person wrote.

    Raises
    ------
    BadInput : an unknown key, a value of the wrong shape, a column in two roles that exclude each other.
    """
    keys = [f.name for f in fields(Roles)]
    for key in given:
        if key not in keys:
            raise BadInput(f'{origin}: there is no role "{key}". {near(str(key), keys)}')
    values = {key: _value(key, value, origin) for key, value in given.items() if value is not None}
    roles = Roles(**values)
    _check(roles, origin)
    return roles


def load_yaml(path: str | Path) -> Roles:
    """Roles from a file."""
    path = Path(path)
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput(f'The roles file "{path}" cannot be read: {error.strerror}.') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f", line {line + 1}" if line is not None else ""
        raise BadInput(f"{path.name}{where}: not readable as YAML ({getattr(error, 'problem', None) or 'not UTF-8'}).") from error
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise BadInput(f'{path.name}: expected lines such as "timestamp: ts", found {type(given).__name__}.')
    return from_dict(given, path.name)


def saved(store: Store, model: str) -> Roles | None:
    """The remembered roles of a model: the last entry."""
    with store.lent() as cursor:
        return saved_in(cursor, model)


def saved_in(cursor: duckdb.DuckDBPyConnection, model: str) -> Roles | None:
    """`saved`, as seen from within a transaction."""
    rows = cursor.execute(
        "SELECT roles FROM main.roles WHERE model = ? ORDER BY edited_at DESC, rowid DESC LIMIT 1", [model]
    ).fetchall()
    return from_dict(json.loads(rows[0][0])) if rows else None


def write(cursor: duckdb.DuckDBPyConnection, model: str, roles: Roles, reason: str) -> None:
    """Append the roles to the table, with who and why."""
    text = json.dumps(to_dict(roles), ensure_ascii=False)
    entry = {"model": model, "roles": text, "edited_at": pd.Timestamp.now("UTC"), "author": author(), "reason": reason}
    append(cursor, "roles", pd.DataFrame([entry]))


def guess(columns: Mapping[str, str], sample: pd.DataFrame, outputs: Collection[str] = ()) -> tuple[Roles, dict[str, str]]:
    """Roles from names, types and values, and for each column the reason.

    `columns` maps names to DuckDB types (of what the values are, where they came as text); `sample` holds some rows; `outputs` are
    the columns that are known to be the model's.
    """
    given, reasons = guesses.assign(dict(columns), sample, outputs)
    return from_dict(given, "guessed roles"), reasons


def filled(roles: Roles, guessed: Roles, columns: Iterable[str]) -> Roles:
    """`roles` with its empty single roles from the guess, for columns that no role names; features too, if there were none."""
    free = set(columns) - set(named(roles))
    changes: dict[str, Any] = {}
    for role in SINGLE:
        column = getattr(guessed, role)
        if getattr(roles, role) is None and column in free:
            changes[role] = column
    for role in MANY:
        if not getattr(roles, role) and not (role in ("segments", "probabilities", "watched", "ignored") and roles.features):
            changes[role] = tuple(c for c in getattr(guessed, role) if c in free)
    kinds = dict(guessed.types) | dict(roles.types)
    result = replace(roles, **changes)
    return with_types(result, {c: kinds[c] for c in typed_columns(result) if c in kinds})


def with_types(roles: Roles, kinds: Mapping[str, str]) -> Roles:
    """`roles` whose types also hold `kinds`; in the order of the columns."""
    merged = dict(kinds) | dict(roles.types)
    order = [*typed_columns(roles), *(c for c in merged if c not in typed_columns(roles))]
    return replace(roles, types=tuple((c, merged[c]) for c in order if c in merged))


def _value(key: str, value: Any, origin: str) -> Any:
    if key in MANY:
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list | tuple) or not all(isinstance(v, str) for v in listed):
            raise BadInput(f"{origin}: `{key}` takes a column or a list of columns, found {value!r}.")
        return tuple(listed)
    if key == "types":
        if not isinstance(value, Mapping) or not all(v in ("number", "category") for v in value.values()):
            raise BadInput(f"{origin}: `types` takes lines such as `income: number` or `plan: category`, found {value!r}.")
        return tuple((str(k), str(v)) for k, v in value.items())
    if key == "tolerances":
        return _tolerances(value, origin)
    if key == "segment_pairs":
        return _pairs(value, origin)
    if key == "reference":
        return _span(value, origin)
    if key == "positive" and isinstance(value, bool | int | float):
        return str(value)  # of YAML's 1, 1.0 or true
    if not isinstance(value, str):
        what = "text" if key in ("time_zone", "time_format", "positive", *CHOICES) else "one column"
        raise BadInput(f"{origin}: `{key}` takes {what}, found {value!r}.")
    if value not in CHOICES.get(key, (value,)):
        raise BadInput(f'{origin}: `{key}` is one of {", ".join(CHOICES[key])}, found "{value}".')
    if key == "time_zone":
        _check_zone(value, origin)
    return value


def _tolerances(value: Any, origin: str) -> tuple[tuple[str, float | None, float | None], ...]:
    found = []
    for column, given in value.items() if isinstance(value, Mapping) else [("", None)]:
        limits = given if isinstance(given, Mapping) else {}
        right = all(type(v) in (int, float) and 0 <= v < math.inf for v in limits.values())
        if not limits or not right or not set(limits) <= {"absolute", "relative"}:
            raise BadInput(
                f"{origin}: `tolerances` takes lines such as `income: {{absolute: 0.01, relative: 0}}`, each number from 0, found {value!r}."
            )
        absolute, relative = (None if limits.get(n) is None else float(limits[n]) for n in ("absolute", "relative"))
        found.append((str(column), absolute, relative))
    return tuple(found)


def _pairs(value: Any, origin: str) -> tuple[tuple[str, str], ...]:
    found = []
    for pair in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(isinstance(c, str) for c in pair) or pair[0] == pair[1]:
            raise BadInput(f"{origin}: `segment_pairs` takes pairs of segment columns such as [[plan, region]], found {value!r}.")
        found.append((min(pair), max(pair)))
    return tuple(dict.fromkeys(found))


def _span(value: Any, origin: str) -> tuple[str, str]:
    example = "expected two times such as [2026-01-01, 2026-02-01]"
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise BadInput(f"{origin}: `reference`: {example}, found {value!r}.")
    try:
        start, end = (pd.Timestamp(str(v)) for v in value)
        in_order = start < end
    except (ValueError, TypeError) as error:
        raise BadInput(f"{origin}: `reference`: {example}, found {value!r}.") from error
    if not in_order:
        raise BadInput(f"{origin}: `reference` ends before it starts: {value[0]} to {value[1]}.")
    return str(value[0]), str(value[1])


def _check_zone(name: str, origin: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadInput(f'{origin}: `time_zone` "{name}" is not known. Write one such as UTC or Europe/Berlin.') from error


def _check(roles: Roles, origin: str) -> None:
    seen: dict[str, str] = {}
    for role in (*SINGLE, *MANY):
        value = getattr(roles, role)
        for column in (value,) if isinstance(value, str) else value or ():
            if column.casefold() in RESERVED:
                raise BadInput(f'{origin}: "{column}" is a column that Vigia adds itself; it cannot have a role.')
            before = seen.get(column)
            if before is not None and {before, role} != {"features", "segments"}:
                again = f"twice in `{role}`" if before == role else f"in `{before}` and in `{role}`"
                raise BadInput(
                    f'{origin}: the column "{column}" stands {again}; only a feature may have a second role, segments.'
                )
            seen[column] = role
    for column in (c for pair in roles.segment_pairs for c in pair):
        if column not in roles.segments:
            raise BadInput(f'{origin}: `segment_pairs` names "{column}", which is not among `segments`. {near(column, roles.segments)}')
    for column, _ in roles.types:
        if column not in seen:
            raise BadInput(f'{origin}: `types` names "{column}", which has no role. {near(column, seen)}')
    for column, *_ in roles.tolerances:
        if column not in roles.features:
            raise BadInput(f'{origin}: `tolerances` names "{column}", which is no feature. {near(column, roles.features)}')
