"""A change of roles that changes types: the tables of the model are made anew, at once. Never ALTER TYPE (DESIGN §4)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from data import readings, times, typed
from data.errors import BadInput, near
from data.files import Source, Stamp
from data.roles import TIMES, Roles, lake_types, named, saved, saved_in, typed_columns, with_types, write
from data.scan import Column, Scan
from data.sql import literal, quote
from data.store import SCHEMAS, Connection, Store, columns, table, tables, transact
from data.typed import Reading

MOST_VERSIONS = 1000
OWN = ("_load", "_row", "_misfits", "_version")


def remember(store: Store, model: str, roles: Roles, reason: str = "") -> str:
    """Make `roles` the model's, as an entry with author and reason; one sentence on what that changed.

    Columns that are loaded already get their new type: from their values, and from the texts that could not be read before.
    What was once read as a number comes back as the number is written (1.50 as 1.5); times keep the reading that they had.

    Raises
    ------
    BadInput : a column that no table of the model has, or texts that are to be times and can be read in two ways.
    """

    def work(cursor: Connection) -> list[str]:
        _check_columns(cursor, model, roles)
        check_versions(cursor, model, roles, f"{model} (log)")
        return remember_in(cursor, model, roles, reason)

    changed = transact(store, work, f"roles of {model}: {reason or 'edited'}")
    return f"The roles of {model} are saved." + (f" {' '.join(changed)}" if changed else "")


def adopt(store: Store, model: str, roles: Roles, reason: str) -> str | None:
    """`remember` roles that came with files that are loaded already; None where they say no more than is known."""
    before = saved(store, model) or Roles()
    known = dict(before.types)
    full = with_types(roles, {c: known[c] for c in typed_columns(roles) if c in known})
    full = replace(full, time_format=full.time_format or before.time_format)
    return None if full == before else remember(store, model, full, reason)


def remember_in(cursor: Connection, model: str, roles: Roles, reason: str) -> list[str]:
    """`remember` within a transaction; a sentence for each table that was made anew."""
    roles = _timed(cursor, model, roles)
    if saved_in(cursor, model) != roles:
        write(cursor, model, roles, reason)
    present = tables(cursor, model)
    return [sentence for dataset in present if (sentence := _retype(cursor, dataset, model, present[dataset], roles))]


def _check_columns(cursor: Connection, model: str, roles: Roles) -> None:
    known, before = model_columns(cursor, model), saved_in(cursor, model)
    allowed = {
        *known,
        *(named(before) if before else ()),
        roles.label,
        roles.label_time,
    }  # labels come later, in files of their own
    for column, role in named(roles).items():
        if known and column not in allowed:
            raise BadInput(f'roles: `{role}` names the column "{column}", which {model} does not have. {near(column, known)}')


def _timed(cursor: Connection, model: str, roles: Roles) -> Roles:
    """The roles with the format of texts in the lake that are to be times now: decided by all of them, as in a load."""
    found, present = roles.time_format, tables(cursor, model)
    for column in (getattr(roles, role) for role in TIMES):
        texts = [dataset for dataset, types in present.items() if types.get(column) == "VARCHAR"]
        found = readings.time_format(cursor, [_as_scan(d, model, column) for d in texts], column, found, insist=True)
    return replace(roles, time_format=found)


def _as_scan(dataset: str, model: str, column: str) -> Scan:
    source = Source(Path(), f"{model} ({dataset})", None, "none", "utf-8", Stamp(0, 0, 0), "", Path(), "")
    return Scan(source, table(dataset, model), "_row", (Column(column, quote(column), "VARCHAR"),))


def _retype(cursor: Connection, dataset: str, model: str, present: dict[str, str], roles: Roles) -> str | None:
    wanted = lake_types(roles)
    changed = {name: wanted[name] for name, kind in present.items() if name not in OWN and wanted.get(name, kind) != kind}
    if not changed:
        return None
    cursor.execute(_rebuilding(dataset, model, present, changed, roles))
    cursor.execute(f"DROP TABLE {table(dataset, model)}")
    cursor.execute(f"ALTER TABLE {SCHEMAS[dataset]}.{quote(_passing(model))} RENAME TO {quote(model)}")
    check_fits(cursor, (dataset, model), {c: named(roles).get(c, "") for c in changed}, f"{model} ({dataset})")
    _recount(cursor, dataset, model, roles)
    listed = ", ".join(
        f'"{name}" as {"number" if kind == "DOUBLE" else "time" if kind.startswith("TIME") else "text"}'
        for name, kind in changed.items()
    )
    return f"The {dataset} rows were read again: {listed}."


def check_fits(
    cursor: Connection, where: tuple[str, str], said: Mapping[str, str], called: str, loads: Sequence[int] | None = None
) -> None:
    """Refuse a role that a person gave and that no value fits, of some loads or of all: not the values are wrong then, but the role.

    `where` : dataset and model. `said` : column → role; of columns of texts there is nothing to check. `called` begins the sentence.
    """
    kinds = {c: kind for c, kind in columns(cursor, *where).items() if c in said and kind != "VARCHAR"}
    for column, kind in kinds.items():
        misfit = f"_misfits[{literal(column)}]"
        row = cursor.execute(
            f"""SELECT count({quote(column)}), count({misfit}), min_by({misfit}, _row) FILTER ({misfit} IS NOT NULL) FROM {table(*where)}
            WHERE $loads IS NULL OR list_contains($loads, _load)""",
            {"loads": None if loads is None else list(loads)},
        ).fetchone()
        assert row is not None
        if not row[0] and row[1]:
            what = "times" if kind.startswith("TIMESTAMP") else "numbers"
            raise BadInput(
                f'{called}, column "{column}": its role `{said[column]}` needs {what}, and none of its {row[1]:,} values is one, such as '
                f'"{str(row[2])[:60]}". Give the role to another column, or another role or type to this one.'
            )


def check_versions(cursor: Connection, model: str, roles: Roles, called: str, loads: Sequence[int] | None = None) -> None:
    """Refuse an id for `model_version`: a version has windows, profiles and measurements of its own."""
    name = roles.model_version
    if name is None or name not in columns(cursor, "log", model):
        return
    row = cursor.execute(
        f"SELECT approx_count_distinct({quote(name)}) FROM {table('log', model)} WHERE $loads IS NULL OR list_contains($loads, _load)",
        {"loads": None if loads is None else list(loads)},
    ).fetchone()
    if row is not None and row[0] > MOST_VERSIONS:
        raise BadInput(
            f'{called}, column "{name}": its role `model_version` tells the versions of a model apart, and it has about {row[0]:,} different '
            f"values, more than {MOST_VERSIONS:,}. Give the role to the column that names the version, or to none."
        )


def _rebuilding(dataset: str, model: str, present: dict[str, str], changed: dict[str, str], roles: Roles) -> str:
    reading = Reading("," if roles.decimal == "," else ".", roles.decimal == ".", roles.time_format, roles.time_zone)
    inner, outer, misfitting = [], [], []
    for place, (name, kind) in enumerate(present.items()):
        if name not in changed:
            inner.append(quote(name))
            outer.append("NULL" if name == "_misfits" else quote(name))
            continue
        source = Column(name, quote(name), kind)
        as_text = typed.value(source, "VARCHAR", reading)
        inner.append(f"coalesce({as_text}, _misfits[{literal(name)}]) AS r{place}")
        text = Column(name, f"r{place}", "VARCHAR")
        read = typed.value(text, changed[name], reading)
        read = times.within(read) if changed[name].startswith("TIMESTAMP") else read
        outer.append(f"{read} AS {quote(name)}")
        if changed[name] != "VARCHAR":
            misfitting.append((text, f"r{place}", read))
    kept = f"map_from_entries(list_filter(map_entries(_misfits), lambda e: e.key NOT IN ({', '.join(map(literal, changed))})))"
    merged = f"map_concat(coalesce({kept}, MAP {{}}), coalesce({typed.misfits(misfitting)}, MAP {{}}))"
    new = f"CASE WHEN cardinality({merged}) > 0 THEN {merged} END AS _misfits"
    selected = ", ".join(new if name == "_misfits" else sql for name, sql in zip(present, outer, strict=True))
    passing = f"{SCHEMAS[dataset]}.{quote(_passing(model))}"
    return f"CREATE TABLE {passing} AS SELECT {selected} FROM (SELECT {', '.join(inner)} FROM {table(dataset, model)})"


def _passing(model: str) -> str:
    return f"{model} (being rebuilt)"


def _recount(cursor: Connection, dataset: str, model: str, roles: Roles) -> None:
    """Misfits and times of the loads, as the new types have them."""
    time = time_column(roles, dataset)
    known = time is not None and columns(cursor, dataset, model).get(time, "").startswith("TIMESTAMP")
    span = f"min({quote(time)}), max({quote(time)})" if known and time is not None else "NULL, NULL"
    cursor.execute(
        f"""UPDATE main.loads SET first_time = s.first, last_time = s.last, misfits = s.misfits
        FROM (
            SELECT _load, coalesce(sum(cardinality(_misfits)), 0), {span} FROM {table(dataset, model)} GROUP BY _load
        ) AS s(load, misfits, first, last)
        WHERE loads.load = s.load""",
    )


def time_column(roles: Roles, dataset: str) -> str | None:
    """The column whose times tell what span a load covers."""
    return (roles.label_time or roles.timestamp) if dataset == "labels" else roles.timestamp


def model_columns(cursor: Connection, model: str) -> dict[str, str]:
    """Column → type over all tables of a model; its roles make the types agree."""
    found: dict[str, str] = {}
    for types in tables(cursor, model).values():
        found |= {name: kind for name, kind in types.items() if name not in OWN and name not in found}
    return found


def in_use(roles: Roles) -> set[str]:
    """The columns that roles name, the ignored ones aside."""
    return {column for column, role in named(roles).items() if role != "ignored"}
