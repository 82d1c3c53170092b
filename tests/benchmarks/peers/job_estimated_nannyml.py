"""NannyML's CBPE, in its own environment: roc_auc, accuracy and f1 a week without labels.

    python job_estimated_nannyml.py data FOLDER                    write its synthetic car-loan data: reference.parquet, log.parquet
    python job_estimated_nannyml.py REFERENCE LOG FOUND            write the estimates by week to FOUND, CPU and wall seconds beside it
"""

import json
import sys
import time
from pathlib import Path

import nannyml
import pandas as pd


def data(folder: Path) -> None:
    """The data in nannyml's wheel, in the columns of the benchmark; the labels of the log beside it."""
    names = {"timestamp": "time", "y_pred_proba": "score", "y_pred": "prediction", "repaid": "label"}
    reference, log, labels = nannyml.load_synthetic_car_loan_dataset()
    for name, frame in (("reference", reference), ("log", log.merge(labels, on="id"))):
        frame = frame.rename(columns=names)[list(names.values())]
        frame["time"] = pd.to_datetime(frame["time"])
        frame.astype({"prediction": int, "label": int}).to_parquet(folder / f"{name}.parquet")


def estimate(reference_path: str, log_path: str, found_path: str) -> None:
    reference, log = pd.read_parquet(reference_path), pd.read_parquet(log_path).drop(columns="label")
    cpu, wall = time.process_time(), time.perf_counter()
    peer = nannyml.CBPE(
        metrics=["roc_auc", "accuracy", "f1"], y_pred_proba="score", y_pred="prediction", y_true="label", timestamp_column_name="time",
        problem_type="classification_binary", chunk_period="W",
    )  # fmt: skip
    peer.fit(reference)
    found = peer.estimate(log).filter(period="analysis").to_df()
    spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    weeks = pd.DataFrame({metric: found[metric]["value"] for metric in ("roc_auc", "accuracy", "f1")})
    weeks["week"] = pd.to_datetime(found["chunk"]["start_date"]).dt.tz_localize(None)
    weeks.to_parquet(found_path)
    Path(found_path).with_suffix(".json").write_text(json.dumps(spent))


if sys.argv[1] == "data":
    data(Path(sys.argv[2]))
else:
    estimate(*sys.argv[1:4])
