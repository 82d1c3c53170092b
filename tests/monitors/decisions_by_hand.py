"""Alerts and decisions written by hand, for tests."""

from itertools import count

import pandas as pd

from monitors import decided
from monitors.alerts import COLUMNS

ABOUT = {"model": "m", "version": "v1", "monitor": "drift", "metric": "psi", "column": "x", "segment": "all"}
TIMES = dict.fromkeys(("start", "end"), "datetime64[us, UTC]")


def at(day: str) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


def alert(start: str, end: str, windows: int | None = None, state: str = "resolved", severity: str = "warning", **names: str) -> dict[str, object]:
    """`windows` as many as the span has days, where not said."""
    facts = {"start": at(start), "end": at(end), "windows": windows or (at(end) - at(start)).days, "peak": 0.3, "threshold": 0.1}
    return ABOUT | names | facts | {"severity": severity, "state": state}


def alerts(*rows: dict[str, object]) -> pd.DataFrame:
    numbers = {"windows": "int64", "peak": "float64", "threshold": "float64"}
    frame = pd.DataFrame(list(rows), columns=COLUMNS)
    return frame.astype(TIMES | numbers)


def made(kind: str, start: str | None = None, end: str | None = None, value: str | None = None, **fields: object) -> dict[str, object]:
    times = {"start": pd.NaT if start is None else at(start), "end": pd.NaT if end is None else at(end)}
    return {"kind": kind, "value": value, **times, **fields}


def decisions(*rows: dict[str, object]) -> pd.DataFrame:
    """Numbered from 1 in the order given."""
    number = count(1)
    told = [{"decision": next(number), "author": "ana", "note": "why", **row} for row in rows]
    frame = pd.DataFrame(told, columns=decided.COLUMNS)
    times = {name: pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]") for name in TIMES}
    return frame.assign(at=at("2026-03-01"), **times).astype({"retracts": "Int64", "decision": "int64"})
