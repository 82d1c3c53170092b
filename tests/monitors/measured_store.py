"""A store that holds given measurements and nothing else, so that a test need not load, profile and measure rows."""

import pandas as pd

from data.store import Store, append, transact
from monitors.measurements import STORED

MONDAY = pd.Timestamp("2026-01-05", tz="UTC")


def series(values, days=7, **names):
    """Measurements of one series, one window after another from a Monday on."""
    start = MONDAY + pd.to_timedelta([i * days for i in range(len(values))], unit="D")
    times = {"window_start": start, "window_end": start + pd.Timedelta(days=days), "value": [float(v) for v in values]}
    whole = {"model": "churn", "version": "v1", "monitor": "drift", "metric": "psi", "column": "age", "segment": "all", "dataset": "log"}
    floors = dict.fromkeys(("noise", "usual", "p_value", "coverage"), float("nan"))
    return pd.DataFrame(times).assign(**(whole | floors | {"rows": 900, "reason": ""} | names)).reindex(columns=STORED)


def put(store: Store, measured: pd.DataFrame) -> None:
    """Make these the measurements of the store; each version of them served in all of their windows."""
    loads = pd.DataFrame({"load": 1, "model": sorted(set(measured["model"])), "dataset": "log", "version": "", "file": "made"})
    log = measured[measured["dataset"] == "log"]
    served = log.drop_duplicates(["model", "version", "window_start", "window_end"])
    profiles = served[["model", "version", "window_start", "window_end", "rows"]].assign(
        dataset="log", segment="all", column="age", role="feature", kind="number"
    )

    def write(cursor):
        for name, rows in (("loads", loads), ("measurements", measured), ("profiles", profiles)):
            cursor.execute(f"DELETE FROM main.{name}")
            append(cursor, name, rows)

    transact(store, write, "measured elsewhere")
