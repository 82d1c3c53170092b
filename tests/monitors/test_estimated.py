"""Estimates against scikit-learn's calibration of raw rows and what every row then expects, and what they may not depend on."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from rawoutcomes import quality
from sklearn.isotonic import IsotonicRegression

from monitors.estimated import estimates, measure

START = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday


def scored(rows: int, days: int, seed: int, *, cut: float = 0.4, start: pd.Timestamp = START, **beta: float) -> pd.DataFrame:
    """Rows whose label is 1 with probability score^1.5, predicted as 1 from `cut` on."""
    random = np.random.default_rng(seed)
    score = random.beta(beta.get("a", 2.0), beta.get("b", 3.0), rows)
    return pd.DataFrame(
        {
            "time": start + pd.to_timedelta(np.sort(random.uniform(0, 24 * days, rows)), unit="h"),
            "score": score, "label": np.where(random.uniform(size=rows) < score**1.5, "1", "0").astype(object),
            "prediction": np.where(score >= cut, "1", "0").astype(object),
            "region": random.choice(["north", "south"], rows, p=[0.9, 0.1]).astype(object),
        }
    )  # fmt: skip


def table(measured: pd.DataFrame, days: int = 1, **names: Any) -> pd.DataFrame:
    """Measurements in windows of a length, by metric."""
    own = measured[(measured["window_end"] - measured["window_start"]).dt.days == days]
    for name, value in ({"dataset": "log", "segment": "all", "column": ""} | names).items():
        own = own[own[name] == value]
    return own.assign(metric=own["metric"].str.removeprefix("estimated_")).set_index(["metric", "window_start"])


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return scored(9000, 21, 1, start=START - pd.Timedelta(28, "D"))


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    return scored(2500, 9, 2, a=3.0)


@pytest.fixture(scope="module")
def counted(reference: pd.DataFrame) -> pd.DataFrame:
    return quality(reference, segments=["region"], dataset="reference")


@pytest.fixture(scope="module")
def measured(counted: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    return measure(pd.concat([counted, quality(log, segments=["region"])], ignore_index=True))


def test_estimates_are_what_every_row_expects(reference: pd.DataFrame, log: pd.DataFrame, measured: pd.DataFrame):
    """Calibrated on raw scores, not on bins a thousandth wide: the chances of rows differ by up to a few thousandths, their mean by less."""
    calibrated = IsotonicRegression(out_of_bounds="clip").fit(reference["score"], reference["label"].astype(int))
    found = table(measured, days=7)["value"]
    rows = log[log["time"] < START + pd.Timedelta(7, "D")]
    chance, says = calibrated.predict(rows["score"]), (rows["prediction"] == "1").to_numpy()
    score = rows["score"].to_numpy()
    tp, fp, fn = chance[says].sum(), (1 - chance[says]).sum(), chance[~says].sum()
    weight = chance[:, None] * (1 - chance)
    want = {
        "accuracy": np.where(says, chance, 1 - chance).mean(), "precision": tp / (tp + fp), "recall": tp / (tp + fn),
        "f1": 2 * tp / (2 * tp + fp + fn), "roc_auc": (weight * (score[:, None] > score)).sum() / weight.sum(),
        "log_loss": -(chance * np.log(score) + (1 - chance) * np.log(1 - score)).mean(),
        "brier": (chance * (1 - score) ** 2 + (1 - chance) * score**2).mean(),
    }  # fmt: skip
    for metric, value in want.items():
        assert found[metric, START] == pytest.approx(value, abs=0.002), metric


def test_estimates_come_near_the_truth_when_only_the_scores_moved(log: pd.DataFrame, counted: pd.DataFrame, measured: pd.DataFrame):
    """Scores of Beta(3, 3) in place of Beta(2, 3) move accuracy by 0.06; the truth of 2,500 rows has a standard error of 0.01."""
    found = table(measured, days=31).loc["accuracy"].iloc[0]
    truth = (log["prediction"] == log["label"]).mean()
    assert found["value"] == pytest.approx(truth, abs=0.03)
    whole = estimates(counted).query("period < 0 and segment == 'all' and metric == 'accuracy'")["value"].iat[0]
    assert abs(truth - whole) > 0.04
    assert found["rows"] == 2500


def test_labels_of_the_log_are_not_looked_at(log: pd.DataFrame, counted: pd.DataFrame, measured: pd.DataFrame):
    without = measure(pd.concat([counted, quality(log.assign(label=None), segments=["region"])], ignore_index=True))
    pd.testing.assert_frame_equal(without, measured)
    assert measured["coverage"].isna().all()


def test_neither_the_order_of_rows_nor_how_windows_were_cut_changes_anything(log: pd.DataFrame, counted: pd.DataFrame):
    few = log[log["time"] < START + pd.Timedelta(2, "D")]
    days, hours = quality(few), quality(few.sample(frac=1, random_state=3), window="h")
    keys = ["dataset", "segment", "metric", "window_end", "window_start"]
    shuffled = pd.concat([hours, counted], ignore_index=True).sample(frac=1, random_state=4)
    tables = shuffled, pd.concat([days, counted], ignore_index=True)
    left, right = (measure(one).sort_values(keys).reset_index(drop=True) for one in tables)
    pd.testing.assert_frame_equal(left, right, check_exact=False, rtol=1e-9)


def test_concept_shift_is_not_seen(counted: pd.DataFrame):
    """Labels that are the other way round leave estimates as they are: nothing but labels could tell."""
    log = scored(1000, 1, 5)
    turned = log.assign(label=np.where(log["label"] == "1", "0", "1").astype(object))
    one, other = (table(measure(pd.concat([counted, quality(rows)], ignore_index=True)))["value"] for rows in (log, turned))
    assert one["roc_auc"].tolist() == other["roc_auc"].tolist()


def test_a_cut_that_was_moved_moves_the_estimate(counted: pd.DataFrame):
    log = scored(4000, 1, 6, cut=0.7)
    found = table(measure(pd.concat([counted, quality(log)], ignore_index=True)))["value"]
    truth = (log["prediction"] == log["label"]).mean()
    assert found["accuracy"].iat[0] == pytest.approx(truth, abs=0.02)
    assert abs((np.where(log["score"] >= 0.4, "1", "0") == log["label"]).mean() - truth) > 0.02


def test_rows_without_a_prediction_are_cut_as_the_reference_was(counted: pd.DataFrame):
    log = scored(2000, 1, 7)
    half = log.assign(prediction=log["prediction"].where(log.index % 2 == 0, None))
    one, other = (table(measure(pd.concat([counted, quality(rows)], ignore_index=True)))["value"] for rows in (log, half))
    assert other["f1"].iat[0] == pytest.approx(one["f1"].iat[0], abs=0.003)


def test_predictions_that_follow_no_cut_are_not_estimated(reference: pd.DataFrame, log: pd.DataFrame):
    by_chance = reference.assign(prediction=reference["prediction"].sample(frac=1, random_state=8).to_numpy())
    found = table(measure(pd.concat([quality(by_chance, dataset="reference"), quality(log)], ignore_index=True)))
    assert found.loc["accuracy", "value"].isna().all()
    assert set(found.loc["accuracy", "reason"]) == {"the predictions do not follow one cut of the score"}
    assert found.loc["roc_auc", "value"].notna().all()


def test_what_cannot_be_estimated_says_why(reference: pd.DataFrame, counted: pd.DataFrame, log: pd.DataFrame):
    def reasons(*parts: pd.DataFrame) -> pd.Series:
        found = table(measure(pd.concat(parts, ignore_index=True)))
        assert found["value"].isna().equals(found["reason"].notna())
        return found["reason"].groupby("metric").first()

    own = log[log["time"] < START + pd.Timedelta(1, "D")]
    assert set(reasons(quality(own))) == {"no reference with labels to learn from"}
    few = quality(reference.head(99), dataset="reference")
    assert set(reasons(few, quality(own))) == {"the reference has fewer than 100 labels, or of one class alone"}
    assert set(reasons(counted, quality(own.assign(score=np.nan)))) == {"no score in this window"}
    low = reasons(counted, quality(own[own["score"] < 0.3]))
    assert low["precision"] == "no positive prediction in this window"  # and not 0
    assert low["f1"] is None or pd.isna(low["f1"])


def test_a_version_without_a_reference_of_its_own_takes_the_common_one(counted: pd.DataFrame, log: pd.DataFrame, measured: pd.DataFrame):
    found = measure(pd.concat([counted.assign(version=""), quality(log, segments=["region"])], ignore_index=True))
    own = [one[one["dataset"] == "log"].reset_index(drop=True) for one in (found, measured)]
    pd.testing.assert_frame_equal(*own)


def test_a_segment_is_calibrated_by_its_own_labels_where_there_are_enough():
    """In the north a score means score^3. 9 in 10 rows are of the north, so it has its 5,000 labels, the south has not."""
    reference = scored(7000, 7, 9, start=START - pd.Timedelta(28, "D"))
    north = reference["region"] == "north"
    cubed = np.where(np.random.default_rng(10).uniform(size=len(reference)) < reference["score"] ** 3, "1", "0")
    reference["label"] = np.where(north, cubed, reference["label"]).astype(object)
    table_of = pd.concat([quality(reference, segments=["region"], dataset="reference"), quality(scored(300, 1, 11), segments=["region"])])
    whole = estimates(table_of.reset_index(drop=True)).query("period < 0 and metric == 'precision'").set_index("segment")["value"]
    said = reference[reference["prediction"] == "1"]
    truths = (said["label"] == "1").groupby(said["region"]).mean()
    assert whole["region=north"] == pytest.approx(truths["north"], abs=0.002)
    assert abs(whole["region=south"] - truths["south"]) > 0.1


def test_noise_and_usual_are_the_worse_ends_of_what_the_reference_gives(counted: pd.DataFrame, measured: pd.DataFrame):
    own = table(measured, dataset="reference")
    day = table(measured).loc["roc_auc"].iloc[0]
    assert day["usual"] == pytest.approx(np.quantile(own.loc["roc_auc", "value"], 0.05))
    assert table(measured).loc["log_loss", "usual"].iat[0] == pytest.approx(np.quantile(own.loc["log_loss", "value"], 0.95))
    assert own[["noise", "usual"]].isna().all(axis=None)
    # Days of the reference are drawn from one distribution, 430 rows each: one in twenty is below the noise at so many.
    whole = estimates(counted).query("period < 0 and segment == 'all' and metric == 'roc_auc'").iloc[0]
    drop = (whole["value"] - day["noise"]) / 1.645
    assert drop == pytest.approx(own.loc["roc_auc", "value"].std() * np.sqrt(9000 / 21 / day["rows"]), rel=0.5)  # a std of 21 values


def test_of_many_classes_what_counts_allow():
    random = np.random.default_rng(12)
    names = np.array(["a", "b", "c"], object)

    def rows(n: int, days: int, start: pd.Timestamp) -> pd.DataFrame:
        p = random.dirichlet([2, 1, 1], n)
        label = names[(random.uniform(size=(n, 1)) > np.cumsum(p, axis=1)).sum(axis=1)]  # calibrated as they are
        time = start + pd.to_timedelta(np.sort(random.uniform(0, 24 * days, n)), unit="h")
        return pd.DataFrame({"time": time, "label": label, "prediction": names[p.argmax(axis=1)], **{f"p_{c}": p[:, i] for i, c in enumerate(names)}})

    reference, log = rows(6000, 3, START - pd.Timedelta(28, "D")), rows(1500, 1, START)
    both = [quality(reference, "multiclass", dataset="reference"), quality(log, "multiclass")]
    measured = measure(pd.concat(both, ignore_index=True))
    found = table(measured)
    p = log[["p_a", "p_b", "p_c"]].to_numpy()
    assert found.loc["log_loss", "value"].iat[0] == pytest.approx(-(p * np.log(p)).sum(axis=1).mean(), abs=0.02)  # 6,000 labels of the reference
    assert found.loc["brier", "value"].iat[0] == pytest.approx((p * (1 - p)).sum(axis=1).mean() / 2, abs=0.01)  # half the squared distance
    areas = [table(measured, column=c).loc["roc_auc", "value"].iat[0] for c in names]
    for area, c in zip(areas, p.T, strict=True):
        weight = c[:, None] * (1 - c)
        assert area == pytest.approx((weight * (c[:, None] > c)).sum() / weight.sum(), abs=0.02)
    assert found.loc["roc_auc", "value"].iat[0] == pytest.approx(np.mean(areas))
    assert found.loc["accuracy", "reason"].iat[0] == "counts of one score do not tell which of many classes was predicted"


def test_errors_of_a_regression_by_what_was_predicted():
    """Errors grow with the prediction: a window of high ones has larger ones. By hand as the mean over rows of the mean of their bin."""
    random = np.random.default_rng(13)

    def rows(n: int, low: float, days: int, start: pd.Timestamp) -> pd.DataFrame:
        prediction = random.uniform(low, 10, n)
        time = start + pd.to_timedelta(np.sort(random.uniform(0, 24 * days, n)), unit="h")
        return pd.DataFrame({"time": time, "prediction": prediction, "label": prediction + random.normal(0, 0.1 * prediction)})

    reference, log = rows(8000, 0, 8, START - pd.Timedelta(28, "D")), rows(500, 5, 1, START)
    edges = np.arange(0.0, 10.5, 0.5)
    parts = [quality(reference, "regression", dataset="reference", spots=edges), quality(log, "regression", spots=edges)]
    found = table(measure(pd.concat(parts, ignore_index=True)))
    spot = pd.Series(np.searchsorted(edges, reference["prediction"]))
    size, square = (((reference["label"] - reference["prediction"]).abs() ** k).groupby(spot).mean() for k in (1, 2))
    own = np.searchsorted(edges, log["prediction"])
    assert found.loc["mae", "value"].iat[0] == pytest.approx(size[own].mean())
    assert found.loc["rmse", "value"].iat[0] == pytest.approx(np.sqrt(square[own].mean()))
    assert found.loc["mae", "value"].iat[0] == pytest.approx((log["label"] - log["prediction"]).abs().mean(), rel=0.1)
    assert found.loc["rmse", "noise"].iat[0] < found.loc["rmse", "value"].iat[0]  # far beyond what rows like the reference's give
    made = estimates(pd.concat(parts, ignore_index=True)).query("period == 0 and dataset == 'log' and metric == 'rmse'").iloc[0]
    drawn = np.sqrt((random.normal(0, 0.1 * log["prediction"].to_numpy(), (2000, 500)) ** 2).mean(axis=1))
    assert made["spread"] == pytest.approx(drawn.std(), rel=0.15)


def test_nothing_gives_an_empty_table(counted: pd.DataFrame):
    assert measure(counted.head(0)).empty
