"""Joins the store and the monitors of what came of predictions: quality with labels and its estimate without, fairness, staleness."""

from collections.abc import Callable
from datetime import datetime
from types import ModuleType
from typing import Any

import pandas as pd

import monitors.estimated
import monitors.quality
from data import quality as counting
from data.arrays import arrays
from data.refresh import Refreshed
from data.sql import quote
from data.store import Connection, Store, append
from monitors.outcomes import COLUMNS, LISTS

# To add one: a module with `measure(quality)`, the outcomes of all segments but pairs; its rules in defaults/
MEASURED: tuple[ModuleType, ...] = (monitors.quality, monitors.estimated)
NAMES = ("quality", "fairness", "staleness")  # under which they stand; the estimate's metrics are quality's
ORDER = 'segment, metric, window_end - window_start, version, "column", window_start'
PAIR = "% & %=%"  # the segment of two columns


def refresh(store: Store, model: str, refreshed: Refreshed, progress: Callable[[str, float], None]) -> None:
    """Count anew the outcomes of the windows that loads have touched."""
    counting.refresh(store, model, refreshed, progress)


def measure(store: Store, cursor: Connection, model: str) -> int:
    """Measure all windows, in place of what was there: labels come late, and a trend needs the history. Gives how many."""
    cursor.execute("DELETE FROM main.measurements WHERE model = ? AND list_contains(?, monitor)", [model, list(NAMES)])
    outcomes = quality(store, model=model) if MEASURED else pd.DataFrame()
    found = [monitor.measure(outcomes) for monitor in MEASURED] if len(outcomes) else []
    for measured in found:
        append(cursor, "measurements", measured, ORDER)
    return sum(map(len, found))


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
    since, until : keep windows that overlap them; the whole of a reference, which has no window, stays.
    pairs : segments of two columns too.
    """
    given: dict[str, Any] = {"model": model, "version": version, "segment": segment, "dataset": dataset, "since": since, "until": until}
    values = {name: value for name, value in given.items() if value is not None}
    parts = [f"{quote(n)} = ${n}" for n in values if n not in ("since", "until")]
    parts += ["(window_end > $since OR window_start IS NULL)"] if since is not None else []
    parts += ["(window_start < $until OR window_start IS NULL)"] if until is not None else []
    if segment is None and not pairs:
        parts.append(f"segment NOT LIKE '{PAIR}'")
    sql = f"""SELECT {", ".join(map(quote, COLUMNS))} FROM main.quality WHERE {" AND ".join(parts)}
        ORDER BY dataset, version, segment, "class", window_start NULLS FIRST"""
    found = store.cursor().execute(sql, values).to_arrow_table()
    listed = [name for of, names in LISTS.items() for name in (of, *names)]
    frame: pd.DataFrame = found.drop_columns(listed).to_pandas()
    return frame.assign(**{name: arrays(found[name]) for name in listed})[COLUMNS]


def task(store: Store, model: str) -> dict[str, Any]:
    """What kind a model is of: kind ('' if it cannot be measured), positive, classes, reason; empty before the first run."""
    found = store.frame("SELECT kind, positive, classes, reason FROM main.tasks WHERE model = ?", [model]).to_dict("records")
    return {str(name): list(x) if name == "classes" else x for one in found for name, x in one.items()}
