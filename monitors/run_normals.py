"""New normals that people accepted, from decisions to measurements: `run` calls these, after all else of drift is measured."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from data import decisions as deciding
from data import normals as counting
from data import profile as profiling
from data.normals import Normal
from data.store import Connection, Store, append
from monitors import decided, drift, floors, own_windows, periods
from monitors.spans import inside, keep, spans

OWN = "model = $model AND version = $name"  # of a normal
Again = Callable[[list[str], pd.DataFrame], pd.DataFrame]  # columns and spans → drift against the reference


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a model's drift is to be measured anew: `standing` are the normals, the later ones last, since they rule.

    anew : versions of which a normal came, went or was learnt again: all windows since the first such day. touched : windows that loads touched.
    """

    standing: tuple[Normal, ...]
    gone: tuple[Normal, ...]
    anew: frozenset[str]
    touched: tuple[datetime, ...]

    def __bool__(self) -> bool:
        return bool(self.gone or (self.standing and (self.anew or self.touched)))


def accepted(decisions: pd.DataFrame, model: str) -> list[Normal]:
    """The normals of a model among some decisions, in the order in which the later one rules."""
    made = decisions[(decisions["model"] == model) & (decisions["kind"] == "normal")].sort_values(["start", "decision"])
    return [
        Normal(int(row["decision"]), str(row["version"]), _named(row["column"]), _named(row["segment"]), row["start"], row["end"])
        for row in made.to_dict("records")
    ]


def _named(name: object) -> str | None:
    return name if isinstance(name, str) else None


def standing(store: Store, model: str) -> list[Normal]:
    """The normals that stand, the later ones last."""
    return accepted(decided.standing(deciding.read(store), "normal"), model)


def is_behind(store: Store, model: str) -> bool:
    """Whether a normal came or went since the last run."""
    return {one.decision for one in standing(store, model)} != counting.done(store, model)


def refresh(store: Store, model: str, touched: Collection[datetime]) -> Plan:
    """Learn and count what is new of normals; gives what is to be measured then."""
    stands, kept = standing(store, model), counting.done(store, model)
    gone = [one for one in accepted(deciding.read(store), model) if one.decision in kept - {one.decision for one in stands}]
    learnt = counting.refresh(store, model, stands, touched)
    anew = {one.version for one in gone} | {one.version for one in stands if one.decision in learnt}
    return Plan(tuple(stands), tuple(gone), frozenset(anew), tuple(touched))


def measure(store: Store, cursor: Connection, model: str, plan: Plan, again: Again) -> int:
    """Measure drift against the normals that rule, in place of what was measured against the reference, and against that where one is
    gone; gives how many measurements."""
    if not plan:
        return 0
    count = sum(_undo(cursor, model, one, again) for one in plan.gone)
    for version in plan.anew:
        sql = "DELETE FROM main.measurements WHERE model = ? AND version = ? AND dataset LIKE ?"
        cursor.execute(sql, [model, version, f"{own_windows.NORMAL}%"])
    for one in plan.standing:
        touched = [time for time in plan.touched if time >= one.start]
        if one.version in plan.anew or touched:
            asked = None if one.version in plan.anew else spans(touched)
            for measured in _measured(store, cursor, model, one, asked):
                log = measured[measured["dataset"] == "log"]
                _forget(cursor, model, one, log)
                if asked is None:
                    _forget_own(cursor, model, one, measured)
                count += keep(cursor, measured if asked is None else log)
    cursor.execute("DELETE FROM main.normals WHERE model = ?", [model])
    append(cursor, "normals", pd.DataFrame({"decision": [one.decision for one in plan.standing]}).assign(model=model))
    return count


def _undo(cursor: Connection, model: str, one: Normal, again: Again) -> int:
    """Measure again, against the reference, what was measured against a normal that is gone."""
    sql = """SELECT DISTINCT "column", window_start, window_end FROM main.measurements WHERE model = ? AND version = ? AND monitor = 'drift'
        AND dataset = 'log' AND window_start >= ? AND "column" = coalesce(?, "column") AND segment = coalesce(?, segment)"""
    was = cursor.execute(sql, [model, one.version, one.start, one.column, one.segment]).df()
    asked = was[["window_start", "window_end"]].drop_duplicates()
    count = 0
    for column in sorted(was["column"].unique()):
        found = again([column], asked)
        measured = _of_segment(found[found["version"] == one.version], one)
        _forget(cursor, model, one, measured)
        count += keep(cursor, measured)
    return count


def _measured(store: Store, cursor: Connection, model: str, one: Normal, asked: pd.DataFrame | None) -> Iterator[pd.DataFrame]:
    """Drift of a version against its normal, and with nothing asked for the normal's own windows, each against the rest of it; of a few columns at
    a time."""
    bins = store.frame('SELECT * EXCLUDE (others) FROM main.normal_bins WHERE model = ? AND version = ? ORDER BY "column"', [model, one.name])
    known = floors.read(store.frame("SELECT * FROM main.normal_floors WHERE model = ? AND version = ?", [model, one.name]))
    for columns in _chunks(store, model, one):
        names = {"model": model, "name": one.name, "columns": columns}
        read = profiling.read(store, f'{OWN} AND list_contains($columns, "column")', names, "normal_profiles")
        # Its own windows are measured only where what is usual of them is not known.
        found, fresh = drift.measure_knowing(read, bins, known if asked is not None else floors.Floors(known.curves), asked)
        append(cursor, "normal_floors", fresh if not known.usual or asked is not None else fresh[fresh["kind"] == "noise"])
        found = _of_segment(found[(found["dataset"] == "reference") | (found["window_start"] >= one.start)], one)
        found = found.assign(version=one.version, dataset=found["dataset"].where(found["dataset"] == "log", own_windows.dataset(one.start)))
        yield found if asked is None else found[inside(found, asked)]


def _of_segment(measured: pd.DataFrame, one: Normal) -> pd.DataFrame:
    return measured if one.segment is None else measured[measured["segment"] == one.segment]


def _chunks(store: Store, model: str, one: Normal) -> list[list[str]]:
    """The columns that the normal knows, so many at a time that their profiles fit into memory."""
    sql = """SELECT "column", count(*) FROM main.normal_profiles WHERE model = ? AND version = ? AND "column" IN (
            SELECT "column" FROM main.normal_bins WHERE model = ? AND version = ?) GROUP BY 1 ORDER BY 1"""
    found: list[list[str]] = []
    held = profiling.READ_AT_ONCE
    for column, n in store.rows(sql, [model, one.name, model, one.name]):
        if held + n > profiling.READ_AT_ONCE:
            found.append([])
            held = 0
        found[-1].append(column)
        held += n
    return found


def against(
    store: Store, *, model: str, decision: int, column: str, segment: str, since: datetime, until: datetime
) -> tuple[pd.Series, pd.Series, pd.Series] | None:
    """The bins of a column, the profile of its new normal, and that of a window [since, until) on these bins; None where there is none."""
    names = {"model": model, "name": str(decision), "column": column}
    bins = store.frame('SELECT * FROM main.normal_bins WHERE model = $model AND version = $name AND "column" = $column', names)
    condition = """"column" = $column AND segment = $segment
        AND (window_start IS NULL OR (dataset = 'log' AND window_start >= $since AND window_end <= $until))"""
    found = profiling.read(store, f"{OWN} AND {condition}", names | {"segment": segment, "since": since, "until": until}, "normal_profiles")
    whole, own = found[found["window_start"].isna()], found[found["window_start"].notna()]
    if bins.empty or whole.empty or own.empty:
        return None
    return bins.iloc[0], whole.iloc[0], periods.merge(own.reset_index(drop=True), "all").iloc[0]


def _forget_own(cursor: Connection, model: str, one: Normal, measured: pd.DataFrame) -> None:
    """Drop what an earlier decision learnt of the same columns and segments from the same day on."""
    sql = """DELETE FROM main.measurements WHERE model = ? AND version = ? AND dataset = ? AND list_contains(?, "column")
        AND segment = coalesce(?, segment)"""
    cursor.execute(sql, [model, one.version, own_windows.dataset(one.start), sorted(set(measured["column"])), one.segment])


def _forget(cursor: Connection, model: str, one: Normal, measured: pd.DataFrame) -> None:
    """Drop the drift of the version in the windows, columns and segments that were measured otherwise."""
    cells = measured[["column", "segment", "window_start", "window_end"]].drop_duplicates()
    cursor.register("measured_anew", cells)
    sql = """DELETE FROM main.measurements WHERE model = ? AND version = ? AND monitor = 'drift' AND dataset = 'log'
        AND ("column", segment, window_start, window_end) IN (SELECT ("column", segment, window_start, window_end) FROM measured_anew)"""
    cursor.execute(sql, [model, one.version])
    cursor.unregister("measured_anew")
