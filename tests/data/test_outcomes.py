"""Which requests failed: by their status, in whatever words, else by their outputs; from file to measurement."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.load import load
from data.refresh import refresh
from data.roles import from_dict, guess
from data.store import Store, open_store
from monitors import run

ROLES = {"timestamp": "ts", "score": "score", "latency": ["latency_ms"], "features": ["x"], "types": {"x": "number"}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def errors(store: Store, tmp_path: Path, column: str, values: list[Any], scores: list[float | None] | None = None) -> tuple[int, int]:
    """Errors and rows of one day of requests with these values in the status column."""
    ts = pd.date_range("2026-03-01", periods=len(values), freq="min", tz="UTC")
    table = pd.DataFrame({"ts": ts, "score": scores or [0.5] * len(values), "latency_ms": 1.0, "x": 1.0, column: values})
    table.to_parquet(tmp_path / "log.parquet")
    load(store, [tmp_path / "log.parquet"], "m", roles=from_dict(ROLES | {"status": column}))
    refresh(store, "m", lambda _step, _share: None)
    (row,) = run.profiles(store, model="m", column="", segment="all", dataset="log").to_dict("records")
    return row["errors"], row["rows"]


@pytest.mark.parametrize(
    ("column", "values", "failed"),
    [
        ("http_status", [200, 204, 301, 400, 404, 500, 503, 504], 5),
        ("http_status", [200.0, None, 500.0], 1),  # pandas makes codes floats where one is missing; null falls back to the score, which is there
        ("status", ["200 OK", "503 Service Unavailable", "ok", "OK"], 1),
        ("grpc_status", [0, 4, 14, 0], 2),
        ("grpc_code", ["OK", "DEADLINE_EXCEEDED", "StatusCode.UNAVAILABLE", "StatusCode.OK"], 2),
        ("status", ["success", "error", "Timeout", "failed", "cached", " ok "], 3),
        ("status", ["read timed out after 3 s", "connection refused", "degraded"], 2),
        ("success", [True, False, True], 1),
        ("is_error", [True, False, False], 1),
        ("error", ["KeyError: 'x'", None, "", "none"], 1),
    ],
)
def test_a_status_says_what_failed(store: Store, tmp_path: Path, column: str, values: list[Any], failed: int):
    assert errors(store, tmp_path, column, values) == (failed, len(values))


def test_without_a_status_the_outputs_tell(store: Store, tmp_path: Path):
    # 1: its status says so; 2: no status and no score; 3: no score, but the status says that all is well (an answer without a score).
    assert errors(store, tmp_path, "status", ["error", None, "ok", "ok"], [0.5, None, None, 0.5]) == (2, 4)


def test_a_timed_out_request_has_no_latency_and_is_an_error_all_the_same(store: Store, tmp_path: Path):
    table = pd.DataFrame(
        {
            "ts": pd.date_range("2026-03-01", periods=10, freq="min", tz="UTC"), "score": [0.5] * 8 + [None] * 2, "x": 1.0,
            "latency_ms": [10.0] * 8 + [None] * 2, "status": ["ok"] * 8 + ["timeout"] * 2,
        }
    )  # fmt: skip
    table.to_csv(tmp_path / "log.csv", index=False)
    load(store, [tmp_path / "log.csv"], "m")  # the roles are guessed
    run.run(store)
    found = run.measurements(store, monitor="latency", window="day").set_index(["metric", "column"])["value"]
    assert found["error_rate", ""] == pytest.approx(0.2)
    assert found["p95", "latency_ms"] == 10  # not 0, and not blank


@pytest.mark.parametrize(
    ("name", "values", "taken"),
    [
        ("status", [200, 500, 200], True),
        ("status", ["ok", "timeout"], True),
        ("status", ["married", "single"], False),
        ("status", [1, 2, 3], False),
        ("grpc_status", [0, 0, 14], True),
        ("error", [0.13, -2.5, 1.7], False),
        ("is_error", [False, True], True),
        ("success", [1, 0, 1], True),
    ],
)
def test_a_status_is_guessed_by_name_and_values(name: str, values: list[Any], taken: bool):
    sample = pd.DataFrame({"ts": ["2026-03-01"] * len(values), name: values})
    kind = {str: "VARCHAR", bool: "BOOLEAN", float: "DOUBLE", int: "BIGINT"}[type(values[0])]
    roles, reasons = guess({"ts": "VARCHAR", name: kind}, sample)
    assert (roles.status == name) == taken
    assert ("whether a request failed" in reasons[name]) == taken
