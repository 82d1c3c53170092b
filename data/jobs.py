"""Jobs: what each run of a training or scoring job took, as the job itself wrote it down: time, processor, memory, rows."""

import csv
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from data.errors import BadInput, near
from data.store import Connection, Store, append, author, claim, transact

# Field → the names by which a file may call it, each with what it is multiplied by.
COSTS: dict[str, dict[str, float]] = {
    "wall_s": {
        "wall_s": 1, "wall_seconds": 1, "wall_time_s": 1, "duration_s": 1, "elapsed_s": 1, "seconds": 1, "wall_ms": 0.001, "duration_ms": 0.001,
    },
    "cpu_s": {"cpu_s": 1, "cpu_seconds": 1, "cpu_time_s": 1, "cpu_ms": 0.001},
    "peak_mb": {
        "peak_mb": 1, "memory_mb": 1, "peak_memory_mb": 1, "max_rss_mb": 1, "max_rss_kb": 1 / 1024, "peak_gb": 1024, "max_rss_bytes": 2**-20,
    },
    "rows": {"rows": 1, "n_rows": 1, "row_count": 1},
}  # fmt: skip
NAMES = {
    "job": ("job", "job_name", "step", "task", "name"),
    "version": ("version", "model_version"),
    "started_at": ("started_at", "start_time", "started", "start", "timestamp"),
}
FIELDS = ["model", "version", "job", "started_at", *COSTS, "extra"]
EXAMPLE = '{"job": "train", "version": "v3", "started_at": "2026-03-01T04:00:00Z", "wall_s": 312.4, "cpu_s": 1180, "peak_mb": 812, "rows": 167782}'


def add(store: Store, path: str | Path, model: str) -> tuple[int, int]:
    """Add the runs of a file (JSON Lines, a JSON list, or CSV) to a model; gives how many are new and how many were known already.

    Raises
    ------
    BadInput : the file cannot be read, or a run lacks its job, its costs, or has one that is no number.
    """
    path = Path(path)
    given = [_run(values, f"{path.name}, run {i}") for i, values in enumerate(_read(path), start=1)]
    if not given:
        raise BadInput(f"{path.name}: holds no run. Write one a line, such as {EXAMPLE}")
    table = _table(given, model)

    def write(cursor: Connection) -> int:
        claim(cursor)
        known = set(_keys(_listed(cursor, model)))
        fresh = table[[key not in known for key in _keys(table)]]
        append(cursor, "jobs", fresh.assign(added_at=pd.Timestamp.now("UTC"), author=author()))
        return len(fresh)

    added = transact(store, write, f"add runs of jobs of {model} from {path.name}")
    return added, len(table) - added


def listed(store: Store, model: str | None = None) -> pd.DataFrame:
    """Every run, by model, job and time: the columns FIELDS. `extra` is JSON of what else the file said."""
    return _listed(store.cursor(), model)


def _listed(cursor: Connection, model: str | None) -> pd.DataFrame:
    names = ", ".join(FIELDS)
    sql = f"SELECT {names} FROM main.jobs WHERE $model IS NULL OR model = $model ORDER BY model, job, started_at NULLS FIRST, version, wall_s"
    return cursor.execute(sql, {"model": model}).df()


def _keys(table: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """What tells a run from another: all that is known of it. Microseconds, since the lake keeps no more of a time."""
    for row in table[FIELDS].to_dict("records"):
        time = row["started_at"]
        own = "" if pd.isna(time) else pd.Timestamp(time).tz_convert("UTC").floor("us").isoformat()
        yield (own, *("" if pd.isna(row[f]) else str(row[f]) if f not in COSTS else f"{float(row[f]):.9g}" for f in FIELDS if f != "started_at"))


def _table(given: list[dict[str, Any]], model: str) -> pd.DataFrame:
    table = pd.DataFrame(given).reindex(columns=FIELDS).assign(model=model)
    table["started_at"] = pd.to_datetime(table["started_at"], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    kinds = {"wall_s": "float64", "cpu_s": "float64", "peak_mb": "float64", "rows": "Int64"}
    table = table.astype(kinds)
    return table[~pd.Series(list(_keys(table)), table.index).duplicated()]


def _read(path: Path) -> Iterable[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f'The file "{path}" cannot be read: {error.strerror}. Name a file of runs (JSON Lines, JSON or CSV).') from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name}: not UTF-8 at byte {error.start:,}. Save it as UTF-8.") from error
    if path.suffix.casefold() == ".csv":
        return list(csv.DictReader(text.splitlines()))
    return _json(text, path.name)


def _json(text: str, name: str) -> list[Any]:
    """A list or an object, else an object a line."""
    stripped = text.strip()
    lines = [(i, line) for i, line in enumerate(text.splitlines(), start=1) if line.strip()]
    try:
        whole = json.loads(stripped) if stripped.startswith("[") or len(lines) == 1 else None
        if whole is not None:
            return whole if isinstance(whole, list) else [whole]
    except json.JSONDecodeError as error:
        raise BadInput(f"{name}, line {error.lineno}: not readable as JSON ({error.msg}).") from error
    found = []
    for i, line in lines:
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise BadInput(f"{name}, line {i}: not readable as JSON ({error.msg}). Write a run a line, such as {EXAMPLE}") from error
    return found


def _run(values: Any, where: str) -> dict[str, Any]:
    """One run, its names and units made ours; what else it says goes into `extra`."""
    if not isinstance(values, dict):
        raise BadInput(f"{where}: expected an object such as {EXAMPLE}, found {type(values).__name__}.")
    left = {str(k).strip(): v for k, v in values.items() if k is not None and v is not None and str(v).strip() != ""}
    plain = {name.casefold().replace(" ", "_").replace("-", "_"): name for name in reversed(left)}
    run: dict[str, Any] = {}
    for field, names in NAMES.items():
        used = next((plain[name] for name in names if name in plain), None)
        run[field] = str(left.pop(used)).strip() if used is not None else None
    for field, factors in COSTS.items():
        used = next((name for name in factors if name in plain and plain[name] in left), None)
        run[field] = None if used is None else _number(left.pop(plain[used]), where, plain[used]) * factors[used]
    if run["job"] is None:
        raise BadInput(f'{where}: it does not say which job it was. Add "job", such as "train" or "score". {_like("job", left)}'.rstrip())
    if all(run[field] is None for field in COSTS):
        raise BadInput(f"{where}: none of {', '.join(COSTS)} is there. {_like('wall_s', left)}".rstrip())
    run["version"] = run["version"] or ""
    run["started_at"] = _time(run["started_at"], where)
    run["rows"] = None if run["rows"] is None else round(run["rows"])
    return run | {"extra": json.dumps(left, ensure_ascii=False, sort_keys=True, default=str) if left else None}


def _like(name: str, left: dict[str, Any]) -> str:
    return near(name, list(left)) if left else ""


def _number(value: Any, where: str, name: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise BadInput(f'{where}, "{name}": expected a number from 0, found {value!r}. Leave it out where it is not known.')
    return number


def _time(value: str | None, where: str) -> str | None:
    if value is None:
        return None
    try:
        return str(pd.to_datetime(value, utc=True, format="ISO8601").isoformat())
    except (ValueError, TypeError) as error:
        raise BadInput(f'{where}: expected a time such as 2026-03-01T04:00:00Z, found "{value}".') from error
