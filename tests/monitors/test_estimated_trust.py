"""How far to believe an estimate: pairs by hand, shares by raw rows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from rawoutcomes import quality

from monitors.estimated import estimates
from monitors.estimated_trust import banded, paired, record, trust
from monitors.measurements import typed

START = pd.Timestamp("2026-03-02", tz="UTC")
DAY = pd.Timedelta(1, "D")


def measurements(truths: Sequence[float], told: Sequence[float], coverage: Sequence[float], dataset: str = "log", rows: int = 100) -> pd.DataFrame:
    """accuracy and its estimate on consecutive days."""
    head = {"model": "m", "version": "v1", "monitor": "quality", "column": "", "segment": "all", "dataset": dataset, "rows": rows}
    days = [{"window_start": START + i * DAY, "window_end": START + (i + 1) * DAY} for i in range(len(truths))]
    measured = [head | d | {"metric": "accuracy", "value": t, "coverage": c} for d, t, c in zip(days, truths, coverage, strict=True)]
    estimated = [head | d | {"metric": "estimated_accuracy", "value": e} for d, e in zip(days, told, strict=True)]
    return typed(pd.DataFrame([*measured, *estimated]))


def test_the_track_record_is_of_the_last_windows_with_labels():
    # 25 days whose estimates miss by 1, 2, … hundredths upwards; the last two have too few labels or none, so days 4 to 23 count: 4 … 23.
    miss = np.arange(1, 26) / 100
    truths = np.full(25, 0.5)
    truths[24] = np.nan
    found = record(paired(measurements(truths, truths + miss, [*[1.0] * 23, 0.89, 0.0])))
    (row,) = found.to_dict("records")
    assert row["windows"] == 20
    assert row["within"] == pytest.approx(0.22)  # the 19th of 20
    assert row["bias"] == pytest.approx(np.arange(4, 24).mean() / 100)
    assert row["since"] == START + 3 * DAY


def test_without_labels_there_is_no_track_record():
    assert record(paired(measurements([np.nan], [0.7], [0.0]))).empty


def test_a_window_without_labels_stands_in_the_pairs_with_its_estimate_alone():
    pairs = paired(measurements([0.6, np.nan], [0.61, 0.62], [1.0, 0.0]))
    assert pairs["estimate"].tolist() == [0.61, 0.62]
    assert pairs["truth"].isna().tolist() == [False, True]


def scored(rows: int, low: float, high: float, start: pd.Timestamp, days: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(rows)
    score = random.uniform(low, high, rows)
    return pd.DataFrame(
        {
            "time": start + pd.to_timedelta(np.linspace(0, 24 * days, rows, endpoint=False), unit="h"), "score": score,
            "label": np.where(random.uniform(size=rows) < score, "1", "0").astype(object),
            "prediction": np.where(score >= 0.5, "1", "0").astype(object),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def counted() -> pd.DataFrame:
    """A reference with scores from 0.1 to 0.6, and a day of log from 0.1 to 0.7."""
    parts = [quality(scored(2000, 0.1, 0.6, START - 20 * DAY, 10), dataset="reference"), quality(scored(600, 0.1, 0.7, START))]
    return pd.concat(parts, ignore_index=True)


def inputs(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    """Measurements of the day: column, metric, value, usual."""
    head = {"model": "m", "version": "v1", "segment": "all", "dataset": "log", "window_start": START, "window_end": START + DAY, "rows": 600}
    return typed(pd.DataFrame([head | dict(zip(("column", "metric", "value", "usual"), row, strict=True)) for row in rows]))


def test_scores_that_the_reference_never_had_are_not_trusted(counted: pd.DataFrame):
    (row,) = trust(counted, inputs(), "day").to_dict("records")
    beyond = (scored(600, 0.1, 0.7, START)["score"] >= 0.61).mean()  # a hundredth further than the reference's last
    assert row["level"] == 2
    assert row["reason"] == f"{beyond:.0%} of the scores are unlike any of the reference"


def test_inputs_out_of_range_are_not_trusted_and_those_that_moved_with_care(counted: pd.DataFrame):
    known = counted[counted["dataset"] == "reference"]
    inside = pd.concat([known, quality(scored(500, 0.1, 0.6, START))], ignore_index=True)
    moved = [("temp", "psi", 3.1, 2.0), ("wind", "psi", 0.9, 1.4), ("hour", "psi", 0.2, np.nan)]

    def told(*rows: tuple[str, str, float, float]) -> tuple[int, str]:
        (row,) = trust(inside, inputs(*rows), "day").to_dict("records")
        return row["level"], row["reason"]

    assert told() == (0, "")
    assert told(*moved) == (1, "temp has moved far (psi 3.1)")  # wind no further than the reference's own days, hour hardly
    out = ("temp", "range_rate", 0.18, np.nan)
    assert told(*moved, out, ("rain", "range_rate", 0.049, np.nan)) == (2, "temp is outside of the reference’s range in 18% of the rows")
    new = ("dest", "domain_rate", 0.3, np.nan)
    both = "dest is outside of the reference’s categories in 30% of the rows; temp is outside of the reference’s range in 18% of the rows"
    assert told(out, new) == (2, both)


def test_predictions_beyond_those_of_the_reference_are_not_trusted():
    random = np.random.default_rng(1)

    def rows(n: int, high: float, start: pd.Timestamp) -> pd.DataFrame:
        prediction = random.uniform(0, high, n)
        return pd.DataFrame({"time": start + pd.to_timedelta(np.arange(n), unit="s"), "prediction": prediction, "label": prediction + 1})

    edges, log = np.linspace(0.0, 5, 11), rows(400, 6, START)
    parts = [quality(rows(1000, 5, START - 20 * DAY), "regression", dataset="reference", spots=edges), quality(log, "regression", spots=edges)]
    (row,) = trust(pd.concat(parts, ignore_index=True), inputs(), "day").to_dict("records")
    assert row["reason"] == f"{(log['prediction'] > 5).mean():.0%} of the predictions are unlike any of the reference"


def test_the_band_is_as_wide_as_chance_or_as_the_reference_s_own_windows_missed(counted: pd.DataFrame):
    made = estimates(counted, ("day",))
    chance = banded(made, paired(measurements([], [], []))).set_index("metric")
    day = made[(made["dataset"] == "log")].set_index("metric")
    assert chance.loc["accuracy", "high"] == pytest.approx(day.loc["accuracy", "value"] + 1.96 * day.loc["accuracy", "spread"])
    own = paired(measurements([0.5, 0.5, 0.5], [0.55, 0.4, 0.7], [1, 1, 1], "reference"))  # misses of 0.05, 0.1 and 0.2
    usual = banded(made, own).set_index("metric")
    assert usual.loc["accuracy", "low"] == pytest.approx(day.loc["accuracy", "value"] - 0.2)
    assert usual.loc["brier", "low"] == chance.loc["brier", "low"]
    few = paired(measurements([0.5, 0.5], [0.55, 0.4], [1, 1], "reference"))
    pd.testing.assert_frame_equal(banded(made, few), banded(made, paired(measurements([], [], []))))
