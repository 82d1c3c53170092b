"""How a log and the features that training computes meet: by key, version and the rule of what a mismatch is."""

from collections.abc import Mapping
from dataclasses import dataclass

from data.bins import Source
from data.refresh import log_sources
from data.roles import Roles
from data.sql import literal, quote
from data.store import Connection, columns, table

# Two computations of a number in float32 and float64 differ by 6e-8 of it, a short sum of such by a few times that. Not more: a quarter of an
# hour in epoch seconds is 5e-7 of them, and has to be seen.
RELATIVE = 2.5e-7
NO_LOG, NO_TRAINING = "no log is loaded", "no training features are loaded"
PLACE = "_load * 1099511627776 + _row"  # rises with the order in which rows came


@dataclass(frozen=True, slots=True)
class Join:
    """How log and training rows of a model meet: the log as `l`, the training row, where there is one, as `t`.

    `join` stands after the log's rows; `window`, `version` and `time` are expressions on `l`; `columns` are the features that both have, with
    their kind, and `differs` says of each whether a pair is a mismatch.
    """

    model: str
    log: Source
    join: str
    training: str
    key: str
    time: str
    window: str
    version: str
    columns: Mapping[str, str]
    differs: Mapping[str, str]


def joined(cursor: Connection, model: str, roles: Roles) -> Join | str:
    """How the two meet, or the reason why they cannot."""
    sources, types = log_sources(cursor, model, roles), columns(cursor, "training", model)
    if not sources:
        return NO_LOG
    if not types or not cursor.execute(f"SELECT 1 FROM {table('training', model)} LIMIT 1").fetchone():
        return NO_TRAINING
    log, key = sources[0], roles.inference_id
    if key is None:
        return "no key: no column has the role `inference_id`"
    if key not in log.types or key not in types:
        return f"no key: {'the log has' if key not in log.types else 'the training features have'} no column {key}"
    kinds = {c: _kind(log.types[c], types[c]) for c in roles.features if c in log.types and c in types}
    training = _last_ones(cursor, model, key)
    version = f"coalesce(l.{quote(log.version)}, '')" if log.version else "''"
    misfits = {d: _with_misfits(cursor, d, model) for d in ("log", "training")}
    return Join(
        model,
        log,
        _join(cursor, log, training, key, version),
        training,
        key,
        f"l.{quote(str(roles.timestamp))}",
        f"epoch_us(l.{quote(str(roles.timestamp))}) // {log.window_us}",
        version,
        kinds,
        {c: _differs(c, kind, roles, c in misfits["log"] | misfits["training"]) for c, kind in kinds.items()},
    )


def _kind(log: str, training: str) -> str:
    return "number" if log == training == "DOUBLE" else "category"


def _last_ones(cursor: Connection, model: str, key: str) -> str:
    """The training rows; where some key stands twice, the last row of each."""
    rows, name = table("training", model), quote(key)
    sql = f"SELECT 1 FROM {rows} WHERE {name} IS NOT NULL GROUP BY {name}, _version HAVING count(*) > 1 LIMIT 1"
    if not cursor.execute(sql).fetchone():  # mostly; so nothing is sorted in vain
        return rows
    last = f"SELECT max({PLACE}) AS place FROM {rows} GROUP BY {name}, _version, CASE WHEN {name} IS NULL THEN {PLACE} END"
    return f"(SELECT * FROM {rows} SEMI JOIN ({last}) s ON {PLACE} = s.place)"


def _join(cursor: Connection, log: Source, training: str, key: str, version: str) -> str:
    """LEFT JOIN of the training rows, on equalities alone: with an OR in it DuckDB 1.5.5 compares each row with each, 10 s for the sample."""
    kinds = {row[0] for row in cursor.execute(f"SELECT DISTINCT _version = '' FROM {training}").fetchall()}
    name = quote(key)
    on = f"l.{name} = t.{name}"
    if kinds == {True}:
        return f"LEFT JOIN {training} t ON {on}"
    if kinds == {True, False}:
        # A row for every version becomes one for each version that served, but where that version has a row of its own.
        served = f"SELECT DISTINCT {version} AS of_version FROM {log.rows} l"
        every = f"SELECT r.* REPLACE (v.of_version AS _version) FROM {training} r CROSS JOIN ({served}) v WHERE r._version = ''"
        own = f"SELECT * FROM {training} WHERE _version <> ''"
        training = f"({own} UNION ALL SELECT e.* FROM ({every}) e ANTI JOIN ({own}) o ON o.{name} = e.{name} AND o._version = e._version)"
    return f"LEFT JOIN {training} t ON {on} AND t._version = {version}"


def _with_misfits(cursor: Connection, dataset: str, model: str) -> set[str]:
    """The columns of which some value could not be read: comparing those texts for every row would be dear."""
    sql = f"SELECT DISTINCT unnest(map_keys(_misfits)) FROM {table(dataset, model)} WHERE _misfits IS NOT NULL"
    return {row[0] for row in cursor.execute(sql).fetchall()}


def _differs(column: str, kind: str, roles: Roles, misfits: bool) -> str:
    """Whether a pair is a mismatch: null equals null, NaN equals NaN, and a text that could not be read only the same text."""
    a, b = f"l.{quote(column)}", f"t.{quote(column)}"
    if kind == "number":
        absolute, relative = tolerance(roles, column)
        # isfinite: the distance between an infinity and a number is within any share of infinity.
        near = f"(isfinite({a} - {b}) AND abs({a} - {b}) <= {absolute!r} + {relative!r} * greatest(abs({a}), abs({b})))"
        differs = f"NOT coalesce({a} IS NOT DISTINCT FROM {b} OR {near}, false)"
    else:
        differs = f"CAST({a} AS VARCHAR) IS DISTINCT FROM CAST({b} AS VARCHAR)"
    if misfits:
        name = literal(column)
        differs = f"({differs} OR l._misfits[{name}] IS DISTINCT FROM t._misfits[{name}])"
    return differs


def tolerance(roles: Roles, column: str) -> tuple[float, float]:
    """Absolute and relative: numbers a and b match when |a − b| ≤ absolute + relative · max(|a|, |b|)."""
    given = {c: (absolute, relative) for c, absolute, relative in roles.tolerances}
    absolute, relative = given.get(column, (None, None))
    return 0.0 if absolute is None else absolute, RELATIVE if relative is None else relative


def met(how: Join, windows: list[int]) -> str:
    """FROM clause of the log rows of some windows with their training rows."""
    return f"(SELECT * FROM {how.log.rows} WHERE {within(how, windows)}) l {how.join}"


def within(how: Join, windows: list[int]) -> str:
    """The condition that a log row lies in one of the windows: whole numbers of our own, written out."""
    time, step, first, last = quote(str(how.log.roles.timestamp)), how.log.window_us, min(windows), max(windows)
    condition = f"{time} >= make_timestamptz({first * step}) AND {time} < make_timestamptz({(last + 1) * step})"
    if len(windows) < last - first + 1:
        condition += f" AND epoch_us({time}) // {step} IN (SELECT unnest({windows}))"
    return condition


def describe(roles: Roles, column: str, kind: str) -> str:
    """The tolerance of a column in words."""
    if kind != "number":
        return "Texts match when they are the same, character for character."
    absolute, relative = tolerance(roles, column)
    parts = [f"{absolute:g}"] * (absolute > 0) + [f"{relative:g} of the larger"] * (relative > 0)
    return f"Numbers match when they differ by no more than {' plus '.join(parts)}." if parts else "Numbers match when they are equal."


def text_of(column: str, side: str, source: Source) -> str:
    return f"CAST({f'{side}.{quote(column)}' if column in source.types else 'NULL'} AS VARCHAR)"
