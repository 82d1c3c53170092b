"""Before anything is written: what the files of a load hold, what their columns are for, their types, and how texts are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from data import guess as guesses
from data import readings as readings_of
from data import roles as roles_of
from data import survey
from data.errors import BadInput, near
from data.files import Source
from data.progress import Report
from data.rebuild import OWN, in_use, model_columns
from data.roles import SINGLE, TEXTS, TIMES, Roles, lake_types, named, typed_columns
from data.scan import Column, Scan, present, scan, told
from data.store import Store, columns
from data.survey import Survey
from data.typed import Reading, is_number, value

SAMPLE = 5000  # rows of a file that the guess of roles looks at
SURVEY_SHARE = 0.3  # of the time of a load goes into looking before writing
MOSTLY = 0.95  # of the values must be numbers for a guess that a column is one
Decimal = tuple[Reading, tuple[str, ...]]  # how numbers are read, and the notes on that
AFTERWARDS = ("label", "label_time")  # come in files of their own, later than the log


@dataclass(frozen=True, slots=True)
class Target:
    """Where a load goes: model, dataset, and the version that a reference is for ('' for every version)."""

    model: str
    dataset: str
    version: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file ready to be inserted: how it is scanned, its rows, how its texts are read, columns written 1.0 for 1, notes."""

    scan: Scan
    rows: int
    reading: Reading
    whole: frozenset[str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A load that may be carried out: files, roles (None: nothing to guess them from), why they change, types of columns."""

    files: tuple[Prepared, ...]
    roles: Roles | None
    reason: str
    types: Mapping[str, str]


def prepare(store: Store, target: Target, sources: Sequence[Source], given: Roles | None, report: Report) -> Plan:
    """Look at all files together, since types and time formats must not depend on which comes first.

    Raises
    ------
    BadInput : a file that is not readable, a role that no column fills, values that can be read in two ways.
    """
    cursor = store.cursor()
    before = roles_of.saved(store, target.model)
    base = given or before
    known = model_columns(cursor, target.model)
    table_types = {n: t for n, t in columns(cursor, target.dataset, target.model).items() if n not in OWN}
    decided = known | table_types | (lake_types(base) if base else {})
    scans = [aligned(scan(cursor, source), [*(in_use(base) if base else ()), *known]) for source in sources]
    looks = [_look(store, s, decided, base, report, (place + 1) / len(scans)) for place, s in enumerate(scans)]
    readings = decimals(scans, looks, decided, base)
    counted = counts(scans, looks, readings)
    kinds = {n: c.mostly() for n, c in counted.items()} | decided
    holding = [s for s, look in zip(scans, looks, strict=True) if look.rows]
    read = [reading for reading, look in zip(readings, looks, strict=True) if look.rows]
    seen = sample(store, holding, kinds, read) if holding else pd.DataFrame()
    roles, reason = _roles(target, holding, kinds, base, given, before, seen)
    if roles is not None:
        _check(target, holding, roles, known, explicit=given is not None)
        roles = _complete(roles, kinds, seen)
        roles = _timed(store, holding, roles, explicit=given is not None)
    final = {n: k for n, c in counted.items() if (k := c.always())} | known | table_types | (lake_types(roles) if roles else {})
    files = tuple(_file(s, look, reading, roles) for s, look, reading in zip(scans, looks, readings, strict=True))
    return Plan(files, roles, reason, final)


def aligned(found: Scan, names: Sequence[str]) -> Scan:
    """Columns under the names that are known already, where they differ in capitals only (DuckDB does not tell those apart)."""
    by_folded = {name.casefold(): name for name in reversed(names)}
    aligned, notes = [], []
    for column in found.columns:
        name = column.name if column.name in names else by_folded.get(column.name.casefold(), column.name)
        aligned.append(replace(column, name=name))
        if name != column.name:
            notes.append(f'{found.source.short}: the column "{column.name}" is taken for "{name}".')
    return replace(found, columns=tuple(aligned), notes=(*found.notes, *notes))


def _look(store: Store, found: Scan, decided: Mapping[str, str], base: Roles | None, report: Report, share: float) -> Survey:
    """Survey the columns whose type is open, and those where a comma or a 1.0 may need a word."""
    exact = {getattr(base, role) for role in TEXTS} if base else set()
    names = [
        c.name
        for c in found.columns
        if decided.get(c.name) is None or (decided[c.name] == "DOUBLE") or (c.marked and c.name not in exact)
    ]
    cursor = store.cursor()
    return report.watch(
        cursor,
        lambda: survey.look(cursor, found, names, decided, report.counted),
        SURVEY_SHARE * share,
        _rows_guessed(found),
        None,
    )


def _rows_guessed(found: Scan) -> float:
    """Rows of a file by its size and its first lines; of a compressed one far too few, so that its share stands at the end of its stage."""
    head = found.source.head
    return found.source.stamp.size * head.count("\n") / max(len(head), 1)


def decimals(scans: Sequence[Scan], looks: Sequence[Survey], decided: Mapping[str, str], base: Roles | None) -> list[Decimal]:
    numbers = [name for name, kind in decided.items() if kind == "DOUBLE"]
    given = base.decimal if base else "auto"
    texts = {name for name, kind in decided.items() if kind != "DOUBLE"}
    return [survey.decimal(s, look, numbers, texts, given) for s, look in zip(scans, looks, strict=True)]


@dataclass(frozen=True, slots=True)
class Counts:
    """Of a column over all files: values, those that are numbers, codes such as 007, and whether a file states that it holds times."""

    values: int = 0
    numbers: int = 0
    codes: int = 0
    times: bool = False

    def always(self) -> str | None:
        """DOUBLE if every value is a number, else VARCHAR; None while there is no value."""
        return None if not self.values else "DOUBLE" if self.numbers == self.values and not self.codes else "VARCHAR"

    def mostly(self) -> str | None:
        """The same, but a few values that are no numbers are taken for misfits; TIMESTAMP where the file says so."""
        if self.times or self.codes:
            return "TIMESTAMP" if self.times else "VARCHAR"
        return "DOUBLE" if self.values and self.numbers >= MOSTLY * self.values else self.always()


def counts(scans: Sequence[Scan], looks: Sequence[Survey], readings: Sequence[Decimal]) -> dict[str, Counts]:
    """By all values of all files, so that the order of the files decides nothing."""
    total: dict[str, Counts] = {}
    for found, look, (reading, _) in zip(scans, looks, readings, strict=True):
        for column in found.columns:
            now, before = _count(column, look, reading), total.get(column.name, Counts())
            times = before.times or now.times
            total[column.name] = Counts(before.values + now.values, before.numbers + now.numbers, before.codes + now.codes, times)
    return total


def _count(column: Column, look: Survey, reading: Reading) -> Counts:
    if column.type == "VARCHAR":
        seen = look.seen.get(column.name)
        numbers = (seen.numbers + (seen.commas + seen.unsure if reading.decimal == "," else 0)) if seen else 0
        return Counts(seen.values, numbers, seen.zeros) if seen else Counts()
    if column.type == "NULL":
        return Counts()
    is_time = column.type.startswith("TIMESTAMP") or column.type == "DATE"
    return Counts(look.rows, look.rows if is_number(column.type) else 0, 0, is_time)


def _roles(
    target: Target,
    holding: Sequence[Scan],
    kinds: Mapping[str, str | None],
    base: Roles | None,
    given: Roles | None,
    before: Roles | None,
    seen: pd.DataFrame,
) -> tuple[Roles | None, str]:
    """The roles to load with, and why they are not the remembered ones. Roles that a person gave are taken as they are."""
    if given is not None or not holding:
        return base, "given" if given is not None and given != before else ""
    names = dict.fromkeys(c.name for found in holding for c in found.columns)
    guessed, reasons = roles_of.guess({n: kinds.get(n) or "NULL" for n in names}, seen, outputs(holding))
    if base is None:
        guessed = with_label(target.dataset, guessed, guessed, reasons)
        return guessed, "guessed: " + "; ".join(f"{column}: {reason}" for column, reason in reasons.items())
    more = with_label(target.dataset, roles_of.filled(base, guessed, names), guessed, reasons)
    added = [c for c, role in named(more).items() if named(base).get(c) != role]
    return more, "guessed: " + "; ".join(f"{c}: {reasons[c]}" for c in added) if added else ""


def outputs(holding: Sequence[Scan]) -> tuple[str, ...]:
    """The columns that the model made, as far as the formats of the files tell."""
    return tuple(dict.fromkeys(name for found in holding for name in found.source.outputs))


def with_label(dataset: str, roles: Roles, guessed: Roles, reasons: dict[str, str]) -> Roles:
    """Of labels that name none, the only column that is neither id nor time is the label, also where the reference has it among its features."""
    free = [c for c in guessed.features if named(roles).get(c) in (None, "features") and c not in roles.segments]
    if dataset != "labels" or roles.label is not None or len(free) != 1:
        return roles
    reasons[free[0]] = "the only column of the labels that has no other role"
    features, types = tuple(c for c in roles.features if c != free[0]), tuple(t for t in roles.types if t[0] != free[0])
    return replace(roles, label=free[0], features=features, types=types)


def sample(
    store: Store, holding: Sequence[Scan], kinds: Mapping[str, str | None], readings: Sequence[Decimal]
) -> pd.DataFrame:
    """The first rows of the first and the last file: in order, so that a guess is the same each time. Numbers with a comma are numbers."""
    frames = []
    for place in sorted({0, len(holding) - 1}):
        found, (reading, _) = holding[place], readings[place]
        names = ", ".join(f"{_sampled(c, kinds, reading)} AS c{n}" for n, c in enumerate(found.columns))
        with told(found.source):
            rows = store.frame(f"SELECT {names} FROM {found.relation} LIMIT {SAMPLE}")
        frames.append(rows.set_axis([c.name for c in found.columns], axis="columns"))
    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


def _sampled(column: Column, kinds: Mapping[str, str | None], reading: Reading) -> str:
    with_commas = reading.decimal == "," or reading.grouped
    return value(column, "DOUBLE", reading) if with_commas and kinds.get(column.name) == "DOUBLE" else present(column)


def _complete(roles: Roles, kinds: Mapping[str, str | None], seen: pd.DataFrame) -> Roles:
    """Types for the columns that need one and have a value."""
    open_columns = [c for c in typed_columns(roles) if c not in dict(roles.types)]
    decided = {c: "number" if kinds[c] == "DOUBLE" else "category" for c in open_columns if kinds.get(c) is not None}
    classes = [c for c in (roles.prediction, roles.label) if c in decided]
    decided |= {c: guesses.target_type(kinds[c] or "NULL", seen.get(c)) for c in classes}
    return roles_of.with_types(roles, decided)


def _timed(store: Store, holding: Sequence[Scan], roles: Roles, explicit: bool) -> Roles:
    """The roles with the format that the time columns were found to have."""
    found = roles.time_format
    for role in TIMES:
        if (column := getattr(roles, role)) is not None:
            found = readings_of.time_format(store.cursor(), holding, column, found, insist=explicit)
    return replace(roles, time_format=found)


def _check(target: Target, holding: Sequence[Scan], roles: Roles, known: Mapping[str, str], explicit: bool) -> None:
    names = list(dict.fromkeys(c.name for found in holding for c in found.columns))
    if explicit and holding:
        _check_named(target, names, roles, known)
    required = {"log": ("timestamp",), "labels": ("inference_id", "label")}.get(target.dataset, ())
    for role in required:
        column = getattr(roles, role)
        if holding and column is None:
            raise BadInput(
                f"{holding[0].source.short}: no column seems to be the {role}. "
                f"Name it in roles.yaml as `{role}: …`. {near('', names)}"
            )
        for found in holding:
            own = [c.name for c in found.columns]
            if column not in own:
                raise BadInput(
                    f'{found.source.short}: the {role} "{column}" is not in this file. {near(column, own)} '
                    f"Or change `{role}` in roles.yaml."
                )


def _check_named(target: Target, names: Sequence[str], roles: Roles, known: Mapping[str, str]) -> None:
    """A column that a person named and no file has: refused in the first log; later it may be missing, as the schema monitor tells."""
    free = [n for n in names if n not in named(roles)]
    for column, role in named(roles).items():
        if column in names or column in known or role in AFTERWARDS:
            continue
        if (target.dataset == "log" and not known) or near(column, free).startswith("Did you mean"):
            raise BadInput(
                f'roles: `{role}` names the column "{column}", which no file of this load has. {near(column, free or names)}'
            )
    if target.dataset != "labels" and roles.features and not set(roles.features) & (set(names) | set(known)):
        raise BadInput(f"roles: none of the features is in these files. {near(roles.features[0], names)}")


def _file(found: Scan, look: Survey, reading: Decimal, roles: Roles | None) -> Prepared:
    how = replace(reading[0], time_format=roles.time_format, time_zone=roles.time_zone) if roles else reading[0]
    notes = [*found.notes, *reading[1]]
    if found.source.kind is not None and not look.rows:
        notes.append(f"{found.source.short}: 0 rows.")
    whole = frozenset(_whole(found, look, roles) if roles else ())
    notes += [
        f'{found.source.short}: "{name}" is written 1.0, 2.0 … and kept as 1, 2 …'
        for name in sorted(whole & set(roles.features if roles else ()))
    ]
    notes += [
        f'{found.source.short}: {seen.zeros:,} values of the number "{name}" begin with a 0, which a number does not keep; '
        f"if it is a code, give it the type category before loading."
        for name, seen in look.seen.items()
        if seen.zeros and roles and dict(roles.types).get(name) == "number"
    ]
    return Prepared(found, look.rows, how, whole, tuple(dict.fromkeys(notes)))


def _whole(found: Scan, look: Survey, roles: Roles) -> list[str]:
    """Text columns in which 1.0 means the category 1: predictions and labels, and features of which every value is written so."""
    classes = [c for c in (roles.prediction, roles.label) if c is not None]
    categories = [c for c, kind in roles.types if kind == "category" and c not in classes and "version" not in c.casefold()]
    written = [c for c in categories if (seen := look.seen.get(c)) and seen.values and seen.whole == seen.values]
    return [c.name for c in found.columns if c.name in (*classes, *written)]


__all__ = ["SINGLE", "Plan", "Prepared", "Target", "prepare"]
