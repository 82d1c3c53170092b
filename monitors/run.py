"""The one place that joins store and monitors: new logs → profiles → measurements, and the reads of what is kept."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pandas as pd

from data import decisions as deciding
from data import profile as profiling
from data.bins import LATENCY
from data.errors import BadInput, near
from data.memory import give_back
from data.quality import is_stale
from data.refresh import Refreshed, as_it_was, refresh
from data.roles import saved
from data.sql import quote
from data.store import Connection, Store, append, author, models, one_run, transact
from monitors import alerts as alerting
from monitors import (
    drift,
    floors,
    invariants,
    latency,
    paired,
    run_normals,
    run_quality,
    schema,
    stability,
    states,
    summaries,
)
from monitors.measurements import STORED, typed
from monitors.rules import Rule
from monitors.run_changes import refresh_all
from monitors.run_quality import quality as quality
from monitors.run_quality import task as task
from monitors.run_rules import edits as edits
from monitors.run_rules import overrides as overrides
from monitors.run_rules import rules as rules
from monitors.run_rules import save_overrides as save_overrides
from monitors.series import HOUR
from monitors.spans import LENGTH, forget, inside, keep, spans
from monitors.thresholds import judge
from monitors.versions import version_order

# To add one: a module with `measure(profiles, bins)` and ROLES, those of its columns; its rules in defaults/.
MONITORS = (drift, schema, stability, latency)
# What is counted of requests is measured over the whole history at every run: a value may depend on windows before, or of other versions.
WHOLE = ("requests", "latency")
LENGTHS = {"hour": f"{LENGTH} = {HOUR}", "day": f"{LENGTH} = {24 * HOUR}", "week": f"{LENGTH} = {168 * HOUR}", "month": f"{LENGTH} >= {672 * HOUR}"}
Progress = Callable[[str, float], None]
PAST, FAR = pd.Timestamp("1678-01-01", tz="UTC"), pd.Timestamp("2262-01-01", tz="UTC")
AT_ONCE = 50_000  # measurements held while a run writes them
OWN_OR_SHARED = "(version = $version OR (version = '' AND dataset = 'reference'))"  # the reference that versions share has none


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run did for one model."""

    model: str
    windows: int
    profiles: int
    measurements: int
    seconds: float


def run(store: Store, model: str | None = None, progress: Progress | None = None) -> list[Ran]:
    """Profile what is new, measure it, keep both. A model of which nothing is new is not in the result."""
    tell = progress or (lambda _step, _share: None)
    give_back()
    with one_run(store):
        done = [_run_one(store, name, tell) for name in ([model] if model is not None else models(store))]
        refresh_all(store, model)
    return [ran for ran in done if ran is not None]


def _run_one(store: Store, model: str, tell: Progress) -> Ran | None:
    started, snapshot = datetime.now(UTC), store.snapshot()
    is_behind = is_stale(store, model) or run_normals.is_behind(store, model)
    refreshed = refresh(store, model, tell) or (as_it_was(store, model) if is_behind else None)
    if refreshed is None:
        return None
    normals = run_normals.refresh(store, model, refreshed.touched)
    whole = run_quality.refresh(store, model, refreshed, tell)
    compared = paired.refresh(store, model, refreshed, tell)

    def write(cursor: Connection) -> int:
        _forget(cursor, model, refreshed)
        count = 0
        for measured in _measure(store, cursor, model, refreshed, tell):
            count += keep(cursor, measured)
        count += run_normals.measure(store, cursor, model, normals, lambda names, asked: _drift_again(store, model, names, asked))
        count += paired.measure(store, cursor, model, spans(compared))
        count += run_quality.measure(store, cursor, model, None if whole else spans(refreshed.touched))
        row = cursor.execute("SELECT coalesce(max(run), 0) + 1 FROM main.runs").fetchone()
        facts = {"run": row[0] if row else 1, "model": model, "snapshot": snapshot, "loads": list(refreshed.loads)}
        facts |= {"basis": refreshed.basis, "windows": len(refreshed.touched), "measurements": count}
        facts |= {"started_at": started, "finished_at": datetime.now(UTC), "author": author()}
        append(cursor, "runs", pd.DataFrame([facts]))
        return count

    count = transact(store, write, f"measure {len(refreshed.touched)} windows of {model}", {"snapshot": snapshot})
    seconds = (datetime.now(UTC) - started).total_seconds()
    return Ran(model, len(refreshed.touched), refreshed.profiles, count, seconds)


def _measure(store: Store, cursor: Connection, model: str, refreshed: Refreshed, tell: Progress) -> Iterator[pd.DataFrame]:
    """Measure every day, week and month that holds a touched window, from all profiles in it; a few columns at a time, for memory's sake."""
    asked, learnt, known = spans(refreshed.touched), bins(store, model), _known_floors(store, model, refreshed)
    since, until = (asked["window_start"].min(), asked["window_end"].max()) if len(asked) else (FAR, FAR)
    more = {schema: (invariants.facts(store, model, learnt),)}  # what a monitor takes besides profiles and bins

    def measured(whole: bool, columns: list[str]) -> Iterator[pd.DataFrame]:
        read = _profiles_to_measure(store, model, columns, *((PAST, FAR) if whole else (since, until)))
        for monitor in MONITORS:
            both = read[read["role"].isin(monitor.ROLES)]
            if both.empty:
                continue
            if monitor is drift:
                found, fresh = drift.measure_knowing(both, learnt, known, asked)
                append(cursor, "floors", fresh, 'version, "column", segment')
            else:
                found = monitor.measure(both, learnt, *more.get(monitor, ()))
            # schema tells of other columns too: what is missing of them in a window, and from when on there is a new one.
            anew = (found["column"].isin(columns) & whole) | (found["metric"] == "new_column")
            yield found[anew]
            yield _kept(found[~anew], asked, refreshed)

    parts: list[pd.DataFrame] = []
    chunks = _chunks(store, model, since, until)
    for i, (whole, columns) in enumerate(chunks):
        tell("measure", i / len(chunks))
        parts += measured(whole, columns)
        if sum(map(len, parts)) > AT_ONCE or i == len(chunks) - 1:
            yield pd.concat([typed(pd.DataFrame()), *parts], ignore_index=True)
            parts = []


def _drift_again(store: Store, model: str, columns: list[str], asked: pd.DataFrame) -> pd.DataFrame:
    """Drift of some columns in the days, weeks and months asked for, against the references."""
    since, until = asked["window_start"].min(), asked["window_end"].max()
    read = _profiles_to_measure(store, model, columns, since, until)
    known = floors.read(store.frame("SELECT * FROM main.floors WHERE model = ?", [model]))
    found, _ = drift.measure_knowing(read[read["role"].isin(drift.ROLES)], bins(store, model), known, asked)
    return found[(found["dataset"] == "log") & inside(found, asked)]


def name_of(monitor: ModuleType) -> str:
    """As it stands in measurements and thresholds."""
    return monitor.__name__.rpartition(".")[2]


def _chunks(store: Store, model: str, since: Any, until: Any) -> list[tuple[bool, list[str]]]:
    """Whether over the whole history, and columns: so many that their profiles fit into memory. A query and a table have a price of their own."""
    sql = """SELECT list_contains($whole, role) AS whole, "column", count(*) AS n FROM main.profiles
        WHERE model = $model AND (dataset = 'reference' OR list_contains($whole, role) OR (window_end > $since AND window_start < $until))
        GROUP BY ALL ORDER BY ALL"""
    found: list[tuple[bool, list[str]]] = []
    held, values = 0, {"model": model, "since": since, "until": until, "whole": list(WHOLE)}
    for whole, column, n in store.rows(sql, values):
        if not found or found[-1][0] != whole or held + n > profiling.READ_AT_ONCE or whole:
            found.append((whole, []))
            held = 0
        found[-1][1].append(column)
        held += n
    return found


def _known_floors(store: Store, model: str, refreshed: Refreshed) -> floors.Floors:
    sql = "SELECT * FROM main.floors WHERE model = ? AND NOT list_contains(?, version)"
    return floors.read(store.frame(sql, [model, list(refreshed.references)]))


def _kept(measured: pd.DataFrame, asked: pd.DataFrame, refreshed: Refreshed) -> pd.DataFrame:
    """The measurements that are new: those of the touched spans, and of references that were learnt again."""
    own = measured["dataset"] == "reference"
    kept: pd.DataFrame = measured[(own & measured["version"].isin(refreshed.references)) | (~own & inside(measured, asked))]
    return kept


def _forget(cursor: Connection, model: str, refreshed: Refreshed) -> None:
    for version in refreshed.references:
        sql = "DELETE FROM main.measurements WHERE model = ? AND version = ? AND dataset = 'reference'"
        cursor.execute(sql, [model, version])
        cursor.execute("DELETE FROM main.floors WHERE model = ? AND version = ?", [model, version])
    whole = """DELETE FROM main.measurements WHERE model = ? AND list_contains(?, monitor) AND (metric = 'new_column'
        OR "column" IN (SELECT "column" FROM main.profiles WHERE model = ? AND list_contains(?, role)))"""
    cursor.execute(whole, [model, [name_of(monitor) for monitor in MONITORS], model, list(WHOLE)])
    forget(cursor, model, spans(refreshed.touched))


def _where(**wanted: Any) -> tuple[str, dict[str, Any]]:
    """A condition that every given value holds; None asks for nothing."""
    given = {name: value for name, value in wanted.items() if value is not None}
    parts = [f"{quote(n)} = ${n}" for n in given if n not in ("since", "until", "window")]
    if "since" in given:
        parts.append("window_end > $since")
    if "until" in given:
        parts.append("window_start < $until")
    if "window" in given:
        parts.append(LENGTHS[given.pop("window")])
    return " AND ".join(parts) or "true", given


def measurements(
    store: Store,
    *,
    model: str | None = None,
    version: str | None = None,
    monitor: str | None = None,
    metric: str | None = None,
    column: str | None = None,
    segment: str | None = None,
    window: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    dataset: str | None = "log",
    exceeding: float | None = None,
    beyond: Sequence[str] = (),
) -> pd.DataFrame:
    """What was measured: the columns of the contract and `dataset`, in a fixed order. None asks for all; `dataset` "reference" gives
    the reference's own windows, each against the rest of it, and None those of new normals too. `since` and `until` keep windows that overlap
    them; `exceeding` keeps the series of which some value is above it, and above the floors `beyond`."""
    condition, values = _where(
        model=model, version=version if dataset is not None else None, monitor=monitor, metric=metric, column=column, segment=segment,
        window=window, since=since, until=until, dataset=dataset,
    )  # fmt: skip
    if version is not None and dataset is None:
        condition, values = f"{condition} AND {OWN_OR_SHARED}", values | {"version": version}
    if exceeding is not None:
        values |= {"exceeding": exceeding}
        floors_too = " ".join(f"AND (coalesce(isnan({floor}), true) OR value > {floor})" for floor in beyond)
        own = f'SELECT (version, "column", segment) FROM main.measurements WHERE {condition} AND value > $exceeding {floors_too}'
        condition += f' AND (version, "column", segment) IN ({own})'
    return _stored(store, condition, values)


def profiles(
    store: Store,
    *,
    model: str,
    version: str | None = None,
    column: str | None = None,
    segment: str | None = None,
    dataset: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> pd.DataFrame:
    """Profiles as the monitors take them: `counts` holds int64 arrays. The whole of a reference has no window (NaT)."""
    condition, values = _where(
        model=model, version=version, column=column, segment=segment, dataset=dataset, since=since, until=until
    )
    return profiling.read(store, condition, values)


def references(store: Store, *, model: str, column: str | None = None, segment: str | None = None) -> pd.DataFrame:
    """The profiles of the whole references alone, of every version."""
    condition, values = _where(model=model, column=column, segment=segment, dataset="reference")
    return profiling.read(store, f"{condition} AND window_start IS NULL", values)


def _profiles_to_measure(store: Store, model: str, columns: list[str], since: Any, until: Any) -> pd.DataFrame:
    """The profiles of some columns: of the reference all, of the log those that overlap [since, until)."""
    # The files are ordered by column, and bounds are what skips row groups; IN would become a join of its own.
    condition = """model = $model AND "column" BETWEEN $first AND $last AND list_contains($columns, "column")
        AND (dataset = 'reference' OR (window_end > $since AND window_start < $until))"""
    values = {"model": model, "columns": columns, "first": min(columns), "last": max(columns), "since": since, "until": until}
    found = profiling.read(store, condition, values)
    # Texts as objects: comparing, ordering and taking Arrow's has a price of its own that is four times as high on small tables.
    return found.astype(dict.fromkeys(found.columns[found.dtypes == "str"], object)).copy()


def bins(store: Store, model: str) -> pd.DataFrame:
    """How each column is counted: edges of numbers as arrays, categories of texts as lists. Every latency on the same edges; its
    `categories` are the columns of code and data versions."""
    learnt = store.frame('SELECT * EXCLUDE (others) FROM main.bins WHERE model = ? ORDER BY version, "column"', [model])
    fixed = {"model": model, "version": "", "column": "", "role": "latency", "kind": "number", "edges": LATENCY.edges}
    roles = saved(store, model)
    versioned = [c for c in (roles.code_version, roles.data_version) if c is not None] if roles else []
    return pd.concat([learnt, pd.DataFrame([fixed | {"categories": versioned}])], ignore_index=True)


def versions(store: Store, model: str) -> pd.DataFrame:
    """The versions that served, in the order that people mean (v9 before v10): columns version, first, last, rows."""
    sql = """SELECT version, min(window_start) AS first, max(window_end) AS last, sum(n)::BIGINT AS rows FROM (
        SELECT version, window_start, window_end, max(rows) AS n FROM main.profiles
        WHERE model = ? AND dataset = 'log' AND segment = 'all' GROUP BY ALL) GROUP BY ALL ORDER BY first, version"""
    found = store.frame(sql, [model])
    order = version_order(list(found["version"]), dict(zip(found["version"], found["first"], strict=True)))
    return found.set_index("version").loc[order].reset_index()


def segments(store: Store, model: str) -> list[str]:
    """`all`, then every segment that has a profile."""
    sql = """SELECT DISTINCT segment FROM main.profiles WHERE model = ? AND dataset = 'log' AND role NOT IN ('requests', 'latency')
        ORDER BY segment <> 'all', segment"""
    return [row[0] for row in store.rows(sql, [model])]


def whole_series(store: Store, model: str, asked: Collection[summaries.Watched], version: str | None = None) -> pd.DataFrame:
    """What is watched, those series too that exceed no limit, in one query: thirty of them cost four times as much."""
    if not asked:
        return typed(pd.DataFrame())
    conditions, values = [], {"model": model, "version": version}
    for i, one in enumerate(asked):
        given = {name: value for name in ("monitor", "metric", "segment") if (value := getattr(one, name)) is not None}
        conditions.append("(" + " AND ".join([LENGTHS[one.window], *(f"{quote(name)} = ${name}{i}" for name in given)]) + ")")
        values |= {f"{name}{i}": value for name, value in given.items()}
    own = f"model = $model AND ($version IS NULL OR {OWN_OR_SHARED})"
    return _stored(store, f"{own} AND ({' OR '.join(conditions)})", values)


def _stored(store: Store, condition: str, values: dict[str, Any]) -> pd.DataFrame:
    names = ", ".join(quote(c) for c in STORED)
    found: pd.DataFrame = store.table(f"SELECT {names} FROM main.measurements WHERE {condition} ORDER BY ALL", values).to_pandas()
    return found


def alerts(store: Store, *, model: str | None = None, since: datetime | None = None) -> pd.DataFrame:
    """The alerts under the rules in force, judged over the whole history, with the states that people's decisions give them (`states.apply`);
    `since` keeps those that last beyond it."""
    found = states.apply(undecided(store, model=model), decisions(store))
    return found if since is None else found[found["end"] > since].reset_index(drop=True)


def undecided(store: Store, *, model: str | None = None, series: Callable[..., pd.DataFrame] = whole_series) -> pd.DataFrame:
    """The alerts under the rules in force as if nobody had decided anything: open, resolved, and "version retired" for one that is still on,
    of a version that no longer serves, since nothing will ever end it. `series` reads as `whole_series` does, for one who keeps what it gave."""
    return alerts_under(store, rules(store), model=model, series=series)


def decisions(store: Store) -> pd.DataFrame:
    """What people decided about alerts, every decision, the first first."""
    return deciding.read(store)


def alerts_under(
    store: Store,
    judging: tuple[Rule, ...],
    *,
    model: str | None = None,
    since: datetime | None = None,
    metrics: Collection[str] | None = None,
    series: Callable[..., pd.DataFrame] = whole_series,
) -> pd.DataFrame:
    """As `undecided`, under any rules: what those would give. The defaults come first in `judging`; `metrics` asks for some alone."""
    if model is not None:
        check_model(store, model)
    names = [model] if model is not None else models(store)
    parts = [_alerts_of(store, name, judging, metrics, series) for name in names] or [alerting.alerts(judge(measurements(store), judging))]
    found = pd.concat(parts, ignore_index=True)
    return found if since is None else found[found["end"] > since].reset_index(drop=True)


def _alerts_of(
    store: Store, model: str, judging: tuple[Rule, ...], metrics: Collection[str] | None, series: Callable[..., pd.DataFrame]
) -> pd.DataFrame:
    """Only what some rule may alert on is read, and of that the series that exceed a limit at all: of the sample's 3 million, 10,000."""
    asked = [one for one in summaries.watched(judging) if metrics is None or one.metric in metrics]
    parts = [measurements(store, model=model, dataset=None, **asdict(one)) for one in asked if one.exceeding is not None]
    parts.append(series(store, model, [one for one in asked if one.exceeding is None]))
    found = alerting.alerts(judge(pd.concat(parts, ignore_index=True), judging))
    return summaries.present(found, versions(store, model))


def check_model(store: Store, model: str) -> None:
    """Refuse a model that the store does not know, naming those like it."""
    known = models(store)
    if model not in known:
        raise BadInput(
            f'There is no model "{model}" in this store. {near(model, known) or "Load a log first: python -m monitors load."}'
        )


def end_of_log(store: Store, model: str) -> pd.Timestamp | None:
    """The end of the log's last window: the clock by which a model's states are told."""
    row = store.frame("SELECT max(window_end) AS t FROM main.profiles WHERE model = ? AND dataset = 'log'", [model])["t"].iloc[0]
    return None if pd.isna(row) else pd.Timestamp(row)
