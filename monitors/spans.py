"""The days, weeks and months that a run measures anew, and measurements kept in place of those that were there."""

from collections.abc import Iterable
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.store import Connection, append

LENGTH = "epoch_us(window_end) - epoch_us(window_start)"  # of a window, in µs; a difference of the times themselves is four times as slow
ORDER = f'segment, metric, {LENGTH}, version, "column", window_start'  # what is often read together


def spans(touched: Iterable[datetime]) -> pd.DataFrame:
    """The days, weeks (from Monday) and months, UTC, that hold the windows starting then: window_start, window_end."""
    days = pd.Series(pd.to_datetime(sorted(touched), utc=True)).dt.floor("D").drop_duplicates()
    mondays = days - pd.to_timedelta(days.dt.day_of_week, unit="D")
    firsts = days - pd.to_timedelta(days.dt.day - 1, unit="D")
    months = pd.DataFrame({"window_start": firsts, "window_end": firsts + pd.offsets.MonthBegin()})
    parts = [pd.DataFrame({"window_start": t, "window_end": t + pd.Timedelta(days=n)}) for t, n in ((days, 1), (mondays, 7))]
    return pd.concat([*parts, months], ignore_index=True).drop_duplicates().astype("datetime64[us, UTC]")


def inside(measured: pd.DataFrame, asked: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each measurement is of one of the spans."""
    windows = [pd.MultiIndex.from_frame(table[["window_start", "window_end"]]) for table in (measured, asked)]
    return windows[0].isin(windows[1])


def forget(cursor: Connection, model: str, asked: pd.DataFrame, monitor: str | None = None) -> None:
    """Drop what was measured of a model's log in the spans, by one monitor or by all."""
    if asked.empty:
        return
    cursor.register("asked_spans", asked)
    sql = """DELETE FROM main.measurements WHERE model = $model AND dataset = 'log' AND monitor = coalesce($monitor, monitor)
        AND (window_start, window_end) IN (SELECT (window_start, window_end) FROM asked_spans)"""
    cursor.execute(sql, {"model": model, "monitor": monitor})
    cursor.unregister("asked_spans")


def keep(cursor: Connection, measured: pd.DataFrame) -> int:
    """Add measurements; gives how many."""
    append(cursor, "measurements", measured, ORDER)
    return len(measured)
