"""Writing: narrow types, small Parquet files, and a manifest for each version."""

import hashlib
import json
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.sample import scenario
from data.sample.models import Trained
from data.sample.scenario import EXTRA, FAULTS, FEATURES, WEATHER

INT8 = ("hour", "weekday", "prediction", "label")
INT16 = ("distance", "departures_hour", "seats", "plane_age")
SORTED = ("inference_id", "timestamp", "label_time")  # stored as differences from row to row, which are small
LIBRARIES = {"v1": ["numpy"], "v2": ["numpy", "scikit-learn"], "v3": ["numpy", "lightgbm"]}
# What manifests from before the planted upgrade say; everything was really built with one NumPy.
NUMPY_BEFORE = "2.4.5"


def write(rows: pd.DataFrame, path: Path) -> None:
    """One Parquet file. A missing feature is null. A NaN score stays NaN, as the model said it; no answer is null."""
    columns = {str(name): as_arrow(column, rows) for name, column in narrow(rows).items()}
    dictionary = [name for name in columns if name not in SORTED]
    pq.write_table(
        pa.table(columns),
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=dictionary,
        column_encoding={name: "DELTA_BINARY_PACKED" for name in columns if name in SORTED},
        data_page_version="2.0",
    )


def as_arrow(column: pd.Series, rows: pd.DataFrame) -> "pa.Array[Any]":
    """The column with its nulls; see `write` for what is null."""
    values: pa.Array[Any]
    if column.name == "score":
        values = pa.array(column.to_numpy(), mask=rows["prediction"].isna().to_numpy(), from_pandas=False)
    else:
        values = pa.array(column, from_pandas=True)
    return values


def narrow(rows: pd.DataFrame) -> pd.DataFrame:
    """The types a careful logger would choose: the whole sample stays under 6 MB."""
    return rows.assign(**{name: narrow_column(rows[name]) for name in rows.columns})


def narrow_column(column: pd.Series) -> pd.Series:
    """One column in as few bytes as it needs: scores to 4 decimals, latencies to 3 digits."""
    name = str(column.name)
    if name in INT8:
        return column.astype("Int8")
    if name in INT16 and pd.api.types.is_numeric_dtype(column):  # for two days `seats` is text
        return column.astype("Int16")
    if name.startswith("latency"):
        return column.map(lambda ms: float(f"{ms:.3g}")).astype("float32")
    if name == "score":
        return column.astype(float).round(4).astype("float32")
    return column.astype("float32") if name in WEATHER + EXTRA else column


def write_log(log: pd.DataFrame, out: Path) -> None:
    """The log, a file a month; the two days of another schema in a file of their own."""
    odd = within(log["timestamp"], "schema")
    month = log["timestamp"].dt.strftime("%Y-%m")
    for name in sorted(month.unique()):
        rows = log[(month == name) & ~odd]
        # Until v3 came, nothing computed its two features, so the older files lack the columns.
        known = rows if rows["model_version"].eq("v3").any() else rows.drop(columns=EXTRA)
        write(known, out / f"log-{name}.parquet")
    write(other_schema(log[odd]), out / "log-2013-08-13_14.parquet")


def other_schema(rows: pd.DataFrame) -> pd.DataFrame:
    """The planted change of schema: `seats` as text, `visib` not logged, `gate_hint` new."""
    seats = rows["seats"].map(lambda s: "n/a" if s != s else str(int(s)))
    hint = rows["carrier"] + rows["weekday"].astype(str)
    return rows.drop(columns=["visib", *EXTRA]).assign(seats=seats, gate_hint=hint)


def lose_and_double(log: pd.DataFrame) -> pd.DataFrame:
    """The log as it arrived: some hours of it never, some twice."""
    lost, twice = within(log["timestamp"], "lost_hours"), within(log["timestamp"], "duplicates")
    arrived = pd.concat([log[~lost], log[twice]])
    return arrived.sort_values("timestamp", kind="stable").reset_index(drop=True)


def within(times: pd.Series, fault: str) -> pd.Series:
    """Which of the times lie in a planted fault's span."""
    return (times >= FAULTS[fault].start) & (times < FAULTS[fault].end)


def write_labels(flights: pd.DataFrame, out: Path) -> None:
    """What became of each flight and when that was known; cancelled and diverted flights never get a label."""
    start, _ = scenario.SERVED
    arrived = (flights["ts"] >= start) & (flights["ts"] < FAULTS["late_labels"].start) & flights["late"].notna()
    truth = flights[arrived]
    landed = truth["sched"] + pd.to_timedelta(truth["dep_delay"] + truth["air_time"], unit="min")
    labels = {"inference_id": truth["inference_id"], "label": truth["late"], "label_time": landed}
    write(pd.DataFrame(labels), out / "labels.parquet")


def write_recomputed(features: pd.DataFrame, out: Path) -> None:
    """What the training code computes for 1 in 10 of the served flights: the other side of the skew join."""
    start, end = scenario.SERVED
    served = (features["ts"] >= start) & (features["ts"] < end) & (features["inference_id"] % 10 == 3)
    columns = ["inference_id", "ts", *scenario.BASE, *EXTRA]
    write(features.loc[served, columns].rename(columns={"ts": "timestamp"}), out / "recomputed.parquet")


def write_training(version: str, trained: Trained, rows: int, out: Path) -> None:
    """A draw of the version's training rows, large enough for quantiles at 1/200."""
    drawn = trained.training.sample(min(rows, len(trained.training)), random_state=0).sort_values("inference_id")
    columns = ["inference_id", "ts", *FEATURES[version], "score", "prediction", "late"]
    write(drawn[columns].rename(columns={"ts": "timestamp", "late": "label"}), out / f"training-{version}.parquet")


def write_manifests(version: str, trained: Trained, out: Path) -> None:
    """What the version is made of; twice for the one whose NumPy is said to have been upgraded while it served."""
    upgrade = FAULTS["numpy_upgrade"]
    since = scenario.CANARY.get(version, scenario.SERVED[0])
    libraries = {name: installed(name) for name in LIBRARIES[version]}
    facts = manifest(version, trained, out / f"training-{version}.parquet")
    older = {"numpy": NUMPY_BEFORE} if since < upgrade.start else {}
    first = facts | {"since": since.isoformat(), "libraries": libraries | older}
    write_json(first, out / f"manifest-{version}.json")
    if version == upgrade.version:
        second = facts | {"since": upgrade.start.isoformat(), "libraries": libraries}
        write_json(second, out / f"manifest-{version}-{upgrade.start.date()}.json")


def manifest(version: str, trained: Trained, training: Path) -> dict[str, Any]:
    """The facts about a version that do not change while it serves."""
    return {
        "model": scenario.MODEL,
        "version": version,
        "trained": [time.date().isoformat() for time in scenario.TRAINED[version]],
        "features": FEATURES[version],
        "cut": trained.cut,
        "training_rows": len(trained.training),
        "bundled_rows": pq.read_metadata(training).num_rows,
        "code": [[time.date().isoformat(), code] for time, code in scenario.RELEASES[version]],
        "model_sha256": trained.model.sha256(trained.training),
        "training_sha256": hashlib.sha256(training.read_bytes()).hexdigest(),
    }


def write_json(facts: dict[str, Any], path: Path) -> None:
    """Readable, and the same bytes for the same facts."""
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
