"""Preview: what the columns of files would be for if they were loaded, and why; as a table that a person may change."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from data import prepare as preparing
from data import roles as roles_of
from data import survey
from data.errors import BadInput
from data.files import opened
from data.rebuild import OWN, in_use, model_columns
from data.roles import MANY, SETTINGS, SINGLE, Roles, lake_types, named, typed_columns
from data.scan import scan
from data.sql import quote
from data.store import DATASETS, Store, columns, table

BOTH = "feature and segment"
ROLES = (*SINGLE, "feature", BOTH, "segment", "latency", "probability", "watched", "ignored", "none")  # as the table names them
LISTS = {
    "feature": ("features",),
    BOTH: ("features", "segments"),
    "segment": ("segments",),
    "latency": ("latency",),
    "probability": ("probabilities",),
    "watched": ("watched",),
    "ignored": ("ignored",),
}
TYPES = ("number", "category")
COLUMNS = ["column", "role", "type", "reason", "values"]
LOOKED_AT = 1000  # rows of the lake from which values are shown


@dataclass(frozen=True, slots=True)
class Preview:
    """The roles with which files would be loaded, and a row for each of their columns: role, type, reason, some values."""

    roles: Roles
    table: pd.DataFrame


def preview(store: Store, files: Sequence[Path], names: Sequence[str], model: str, dataset: str, settings: Roles) -> Preview:
    """What a load of these files would take their columns for: the remembered roles, and a guess for what they do not name.

    Parameters
    ----------
    names : what the files are called. settings : how times and numbers are read; its roles do not matter.

    Raises
    ------
    BadInput : a file that is not readable, numbers that can be read in two ways. Times that can are refused by the load.
    """
    before = roles_of.saved(store, model)
    base = _with_settings(before or Roles(), settings)
    with ExitStack() as stack:
        sources = [stack.enter_context(opened(path, name)) for path, name in zip(files, names, strict=True)]
        cursor = store.cursor()
        known = model_columns(cursor, model)
        decided = known | {n: t for n, t in columns(cursor, dataset, model).items() if n not in OWN} | lake_types(base)
        scans = [preparing.aligned(scan(cursor, source), [*in_use(base), *known]) for source in sources]
        looks = [survey.look(store.cursor(), found, [c.name for c in found.columns], decided) for found in scans]
        holding = [found for found, look in zip(scans, looks, strict=True) if look.rows]
        if not holding:
            raise BadInput(f"{', '.join(source.short for source in sources)}: no rows, so no column can be shown.")
        looks = [look for look in looks if look.rows]
        readings = preparing.decimals(holding, looks, decided, base)
        kinds = {n: c.mostly() for n, c in preparing.counts(holding, looks, readings).items()} | decided
        shown = list(dict.fromkeys(c.name for found in holding for c in found.columns))
        sample = preparing.sample(store, holding, kinds, readings)
        guessed, reasons = roles_of.guess({n: kinds.get(n) or "NULL" for n in shown}, sample, preparing.outputs(holding))
        filled = roles_of.filled(base, guessed, shown) if before else _with_settings(guessed, settings)
        roles = preparing.with_label(dataset, filled, guessed, reasons)
    remembered = {c: "remembered" for c, role in named(before).items() if named(roles).get(c) == role} if before else {}
    return Preview(roles, as_table(roles, shown, reasons | remembered, sample))


def remembered(store: Store, model: str) -> Preview:
    """The roles that a model has, for every column of its tables."""
    roles = roles_of.saved(store, model) or Roles()
    cursor = store.cursor()
    shown = list(dict.fromkeys([*model_columns(cursor, model), *named(roles)]))
    return Preview(roles, as_table(roles, shown, {}, _values_in_lake(store, model)))


def entries(store: Store, model: str) -> pd.DataFrame:
    """Who set the model's roles, when and why, the last first: edited_at, author, reason."""
    sql = "SELECT edited_at, author, reason FROM main.roles WHERE model = ? ORDER BY edited_at DESC, rowid DESC"
    return store.frame(sql, [model])


def _values_in_lake(store: Store, model: str) -> pd.DataFrame:
    frames = []
    for dataset in DATASETS:
        own = [name for name in columns(store.cursor(), dataset, model) if name not in OWN]
        if own:
            listed = ", ".join(map(quote, own))
            frames.append(store.frame(f"SELECT {listed} FROM {table(dataset, model)} LIMIT {LOOKED_AT}"))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _with_settings(roles: Roles, settings: Roles) -> Roles:
    how = ("window", "time_zone", "time_format", "decimal")
    return replace(roles, **{name: getattr(settings, name) for name in how})


def as_table(roles: Roles, shown: Sequence[str], reasons: Mapping[str, str], sample: pd.DataFrame) -> pd.DataFrame:
    """One row for each column: its role, its type where a person may choose it, why, and some values."""
    first, types = named(roles), dict(roles.types)
    called = {"features": "feature", "segments": "segment", "probabilities": "probability"}
    rows = []
    for column in shown:
        role = first.get(column, "none")
        is_both = role == "features" and column in roles.segments
        told = BOTH if is_both else called.get(role, role)
        rows.append((column, told, types.get(column), reasons.get(column, ""), _some(sample.get(column))))
    return pd.DataFrame(rows, columns=COLUMNS)


def _some(values: pd.Series | None, most: int = 60) -> str:
    """The first different values, as many as fit."""
    if values is None:
        return ""
    texts = [_text(value) for value in values.dropna().unique()[:5]]
    text = ", ".join(texts)
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:g}" if isinstance(value, float) else str(value)[:24]


def from_table(given: pd.DataFrame, base: Roles) -> Roles:
    """The roles that a table says; all that it does not show, such as the time zone and columns of other files, from `base`.

    Raises
    ------
    BadInput : two columns in a role that one column has.
    """
    plain: dict[str, Any] = {role: [] for role in MANY}
    for column, role in zip(given["column"], given["role"], strict=True):
        if role in SINGLE:
            if role in plain:
                raise BadInput(
                    f'Both "{plain[role]}" and "{column}" are the {role}, which one column is. Give one of them another role.'
                )
            plain[role] = column
        for name in LISTS.get(role, ()):
            plain[name].append(column)
    shown = set(given["column"])
    for name in MANY:
        before = list(getattr(base, name))
        found = [c for c in before if c not in shown or c in plain[name]]
        plain[name] = [*found, *(c for c in plain[name] if c not in found)]
    for name in SINGLE:
        if name not in plain and getattr(base, name) not in shown:
            plain[name] = getattr(base, name)
    roles = roles_of.from_dict(plain | {name: getattr(base, name) for name in SETTINGS})
    wanted = {c: kind for c, kind in base.types if c not in shown} | dict(zip(given["column"], given["type"], strict=True))
    types = {c: wanted[c] for c in typed_columns(roles) if wanted.get(c) in TYPES}
    tolerances = tuple(one for one in base.tolerances if one[0] in roles.features)
    pairs = tuple(pair for pair in base.segment_pairs if set(pair) <= set(roles.segments))
    return roles_of.with_types(replace(roles, tolerances=tolerances, segment_pairs=pairs), types)
