"""What the page draws of outcomes, against scikit-learn and pandas on the raw rows."""

import numpy as np
import pandas as pd
import pytest
from rawoutcomes import quality as outcomes_of
from sklearn import metrics as sk

from monitors import outcome_views as views
from monitors import outcomes

DAY = pd.Timestamp("2026-03-02", tz="UTC")


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    chance = np.random.default_rng(0)
    score = chance.beta(2, 4, 4000)
    label = np.where(chance.uniform(size=4000) < score**1.2, "late", "on time").astype(object)
    label[:100] = None
    prediction = np.where(score >= 0.5, "late", "on time")
    return pd.DataFrame({"time": DAY, "score": score, "label": label, "prediction": prediction})


@pytest.fixture(scope="module")
def merged(raw: pd.DataFrame) -> pd.DataFrame:
    return outcomes.merge(outcomes_of(raw, positive="late"), "all")


def test_reliability_as_pandas_counts_it(raw: pd.DataFrame, merged: pd.DataFrame):
    known = raw.dropna()
    groups = known.groupby(np.floor(known["score"] * 10) / 10)
    found = views.reliability(merged).set_index("low")
    assert found["rows"].tolist() == groups.size().tolist()
    assert found["score"].tolist() == pytest.approx(groups["score"].mean().tolist())
    assert found["positive"].tolist() == pytest.approx(groups["label"].agg(lambda own: (own == "late").mean()).tolist())
    assert (found["positive_low"] <= found["positive"]).all()


def test_confusion_as_scikit_learn_has_it(raw: pd.DataFrame, merged: pd.DataFrame):
    known = raw.dropna()
    found = views.confusion(merged).pivot(index="label", columns="prediction", values="rows")
    theirs = sk.confusion_matrix(known["label"], known["prediction"], labels=["late", "on time"])
    assert found.loc[["late", "on time"], ["late", "on time"]].to_numpy().tolist() == theirs.tolist()
    assert views.confusion(merged).groupby("label")["share"].sum().tolist() == pytest.approx([1, 1])


def test_confusion_of_many_classes_as_scikit_learn_has_it():
    chance = np.random.default_rng(1)
    raw = pd.DataFrame({"time": DAY, "label": chance.choice(list("abc"), 500), "prediction": chance.choice(list("abd"), 500)})
    found = views.confusion(outcomes.merge(outcomes_of(raw, "multiclass"), "all")).pivot(index="label", columns="prediction", values="rows")
    theirs = sk.confusion_matrix(raw["label"], raw["prediction"], labels=list("abcd"))
    assert found.loc[list("abcd"), list("abcd")].to_numpy().tolist() == theirs.tolist()


def test_deciles_hold_a_tenth_of_the_rows_and_all_of_the_errors(raw: pd.DataFrame, merged: pd.DataFrame):
    known = raw.dropna()
    found = views.deciles(merged)
    assert found["decile"].tolist() == list(range(1, 11))
    assert found["rows"].tolist() == pytest.approx([len(known) / 10] * 10, rel=0.1)  # bins of 0.001 are not cut in two
    assert (found["rows"] * found["errors"]).sum() == pytest.approx((known["label"] != known["prediction"]).sum())
    own = known[(known["score"] >= found["low"].iloc[4]) & (known["score"] < found["high"].iloc[4])]
    assert found["errors"].iloc[4] == pytest.approx((own["label"] != own["prediction"]).mean())


def test_the_curve_has_the_area_of_the_auc(raw: pd.DataFrame, merged: pd.DataFrame):
    known = raw.dropna()
    curve = views.roc(merged)
    assert curve[["false_positive_rate", "recall"]].iloc[[0, -1]].values.tolist() == [[0, 0], [1, 1]]
    area = sk.auc(curve["false_positive_rate"], curve["recall"])
    assert area == pytest.approx(sk.roc_auc_score(known["label"] == "late", known["score"]), abs=0.002)
    assert len(curve) < 210


def test_errors_of_a_regression_hold_every_row():
    chance = np.random.default_rng(2)
    label = chance.normal(50, 10, 1000)
    raw = pd.DataFrame({"time": DAY, "label": label, "prediction": label + chance.normal(1, 3, 1000)})
    found = views.errors(outcomes.merge(outcomes_of(raw, "regression"), "all"))
    error = raw["prediction"] - label
    assert (found["too_high"].sum(), found["too_low"].sum()) == ((error >= 0).sum(), (error < 0).sum())
    assert found["high"].iloc[-1] == pytest.approx(np.quantile(error.abs(), 0.99), rel=0.02)


def test_without_labels_nothing_is_drawn():
    raw = pd.DataFrame({"time": DAY, "score": [0.2, 0.7], "label": None})
    merged = outcomes.merge(outcomes_of(raw), "all")
    for found in (views.reliability(merged), views.deciles(merged), views.roc(merged)):
        assert found.empty
    assert views.confusion(merged)["rows"].sum() == 0
    assert views.errors(outcomes.merge(outcomes_of(raw.assign(prediction=1.0, label=np.nan), "regression"), "all")).empty
