"""Joins the store and the monitors of what came of predictions: quality with labels and its estimate without, fairness, staleness."""

from collections.abc import Callable, Iterator
from datetime import datetime
from types import ModuleType
from typing import Any

import pandas as pd

from data import quality as counting
from data.arrays import arrays
from data.refresh import Refreshed
from data.roles import Roles, saved
from data.sql import literal, quote
from data.store import Connection, Store
from monitors import estimated, fairness, staleness
from monitors import quality as quality_monitor
from monitors.outcomes import COLUMNS, LISTS
from monitors.run_staleness import facts
from monitors.spans import inside, keep

# To add one: a module with `measure(quality)`, the outcomes of segments; its rules in defaults/.
MEASURED: tuple[ModuleType, ...] = (quality_monitor, estimated)
NAMES = ("quality", "fairness", "staleness")  # under which they stand; the estimate's metrics are quality's
PAIR = "% & %=%"  # the segment of two columns
# The counts alone: the lists of scores are a hundred times as much.
OUTCOMES = """
    SELECT model, version, dataset, segment, window_start, window_end, kind, class, rows, predicted, selected, labelled, tp, fp, fn, tn,
        error_abs, error_squares
    FROM main.quality WHERE model = ? AND dataset = 'log' ORDER BY version, segment, class, window_start
"""


def refresh(store: Store, model: str, refreshed: Refreshed, progress: Callable[[str, float], None]) -> bool:
    """Count anew the outcomes of the windows that loads have touched; gives whether all windows have to be measured again."""
    return counting.refresh(store, model, refreshed, progress)


def measure(store: Store, cursor: Connection, model: str, asked: pd.DataFrame | None) -> int:
    """Measure the days, weeks and months asked for, of which nothing is kept any more, or all in place of what is (None); gives how many.

    Ages are measured whole each time: a manifest that came later tells of versions that served long before.
    """
    gone = "DELETE FROM main.measurements WHERE model = $model AND list_contains($monitors, monitor) AND ($all OR list_contains($ages, metric))"
    cursor.execute(gone, {"model": model, "monitors": list(NAMES), "all": asked is None, "ages": list(staleness.AGES)})
    outcomes, count = _outcomes(store, model, asked), 0
    for found in _measured(store, model, outcomes):  # one after the other, for memory's sake
        count += keep(cursor, found if asked is None else found[_is_new(found, asked)])
    return count


def _measured(store: Store, model: str, outcomes: pd.DataFrame) -> Iterator[pd.DataFrame]:
    if len(outcomes):
        yield from (monitor.measure(outcomes) for monitor in MEASURED)
        yield fairness.measure(outcomes, segment_columns(store, model))
    if known := facts(store, model):
        yield staleness.measure(outcomes, known)


def _is_new(measured: pd.DataFrame, asked: pd.DataFrame) -> pd.Series:
    """What a reference's own windows gave is kept already, unless all is measured anew."""
    return (measured["dataset"] == "log") & inside(measured, asked) | measured["metric"].isin(staleness.AGES)


def _outcomes(store: Store, model: str, asked: pd.DataFrame | None) -> pd.DataFrame:
    """The outcomes of the windows asked for, and of the references."""
    if asked is None:
        return quality(store, model=model)
    if asked.empty:
        return pd.DataFrame(columns=COLUMNS)
    return quality(store, model=model, since=asked["window_start"].min(), until=asked["window_end"].max())


def quality(
    store: Store,
    *,
    model: str,
    version: str | None = None,
    segment: str | None = None,
    dataset: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    pairs: bool = False,
) -> pd.DataFrame:
    """The outcomes as counted (monitors/outcomes.py says what the columns mean), in a fixed order.

    Parameters
    ----------
    version : of log and reference; what is measured against the reference '' of every version needs that too, so ask for it apart.
    since, until : keep windows of the log that overlap them; those of a reference all stay.
    pairs : all segments of two columns; else those alone that the roles ask for.
    """
    given: dict[str, Any] = {"model": model, "version": version, "segment": segment, "dataset": dataset, "since": since, "until": until}
    values = {name: value for name, value in given.items() if value is not None}
    parts = [f"{quote(n)} = ${n}" for n in values if n not in ("since", "until")]
    parts += ["(window_end > $since OR dataset = 'reference')"] if since is not None else []
    parts += ["(window_start < $until OR dataset = 'reference')"] if until is not None else []
    if segment is None and not pairs:
        asked = (saved(store, model) or Roles()).segment_pairs
        wanted = [f"starts_with(segment, {literal(a + '=')}) AND contains(segment, {literal(f' & {b}=')})" for a, b in asked]
        parts.append(f"({' OR '.join([f'segment NOT LIKE {literal(PAIR)}', *wanted])})")
    sql = f"""SELECT {", ".join(map(quote, COLUMNS))} FROM main.quality WHERE {" AND ".join(parts)}
        ORDER BY dataset, version, segment, "class", window_start NULLS FIRST"""
    with store.lent() as cursor:
        found = cursor.execute(sql, values).to_arrow_table()
    listed = [name for of, names in LISTS.items() for name in (of, *names)]
    frame: pd.DataFrame = found.drop_columns(listed).to_pandas()
    return frame.assign(**{name: arrays(found[name]) for name in listed})[COLUMNS]


def counts(store: Store, model: str) -> pd.DataFrame:
    """The stored windows of the log, of all segments and pairs, without lists."""
    return store.frame(OUTCOMES, [model])


def segment_columns(store: Store, model: str) -> tuple[str, ...]:
    """The columns whose values are segments."""
    return (saved(store, model) or Roles()).segments


def task(store: Store, model: str) -> dict[str, Any]:
    """What kind a model is of: kind ('' if it cannot be measured), positive, classes, reason; empty before the first run."""
    found = store.frame("SELECT kind, positive, classes, reason FROM main.tasks WHERE model = ?", [model]).to_dict("records")
    return {str(name): list(x) if name == "classes" else x for one in found for name, x in one.items()}
