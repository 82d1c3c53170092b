"""The three versions of the model: coefficients in plain Python, scikit-learn's trees, LightGBM's trees."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from data.sample.scenario import BASE, CATEGORIES, EXTRA, TRAINED, WEATHER

Floats = npt.NDArray[np.float64]
Features = dict[str, Any]  # one request's features by name: text, whole numbers, floats with NaN where missing
Codes = dict[str, dict[str, int]]  # by categorical column: the number of each category

NUMERIC = ["distance", "seats", "plane_age", *WEATHER, "departures_hour"]
ONE_HOT = ["carrier", "origin", "hour", "weekday"]
FLAGGED = 0.2  # the share of the training rows that is flagged: about as many as are late in an ordinary month


@dataclass(frozen=True)
class Linear:
    """v1: a logistic regression; only its coefficients go into production, no library."""

    median: pd.Series
    mean: pd.Series
    std: pd.Series
    levels: list[tuple[str, Any]]
    weights: Floats
    bias: float
    scales: list[tuple[str, float, float, float, float]]  # column, median, mean, standard deviation, weight
    level_weights: dict[tuple[str, Any], float]

    def predict(self, x: pd.DataFrame) -> Floats:
        """The probability of being late, of each row."""
        logits = linear_matrix(x, self.median, self.mean, self.std, self.levels) @ self.weights + self.bias
        return np.asarray(1 / (1 + np.exp(-logits)))

    def predict_one(self, row: Features, fill: bool = True) -> float:
        """The probability for one request. Without `fill` a missing input makes it NaN: the fault of code 1.0.1."""
        logit = self.bias
        for column, median, mean, std, weight in self.scales:
            value = row[column]
            logit += weight * (((median if fill and value != value else value) - mean) / std)
        for column in ONE_HOT:
            logit += self.level_weights.get((column, row[column]), 0.0)
        return 1 / (1 + math.exp(-logit)) if logit == logit else math.nan

    def sha256(self, x: pd.DataFrame) -> str:
        """A fingerprint that is the same at each rebuild: what the model answers on these rows, to six decimals."""
        return hashlib.sha256(np.round(self.predict(x), 6).tobytes()).hexdigest()


@dataclass(frozen=True)
class Trees:
    """v2: scikit-learn's histogram gradient boosting behind a strict encoder: a category never seen raises KeyError."""

    codes: Codes
    model: HistGradientBoostingClassifier

    def predict(self, x: pd.DataFrame) -> Floats:
        """The probability of being late, of each row; categories never seen count as missing."""
        return np.asarray(self.model.predict_proba(tree_matrix(x, self.codes, BASE))[:, 1])

    def predict_one(self, row: Features) -> float:
        """The probability for one request."""
        coded = [self.codes[c][row[c]] if c in CATEGORIES else row[c] for c in BASE]
        return float(self.model.predict_proba(np.array([coded], float))[0, 1])

    def sha256(self, x: pd.DataFrame) -> str:
        """As for Linear: a pickle would name the library's internals, and differ where the answers do not."""
        return hashlib.sha256(np.round(self.predict(x), 6).tobytes()).hexdigest()


@dataclass(frozen=True)
class Boosted:
    """v3: LightGBM with two features more; a category never seen is missing, not an error."""

    codes: Codes
    model: lightgbm.Booster

    def predict(self, x: pd.DataFrame) -> Floats:
        """The probability of being late, of each row."""
        return np.asarray(self.model.predict(tree_matrix(x, self.codes, [*BASE, *EXTRA])))

    def predict_one(self, row: Features, raw: bool = False) -> float:
        """The probability for one request; with `raw` the margin before the logistic function, the fault of 1 Oct."""
        coded = [self.codes[c].get(row[c], math.nan) if c in CATEGORIES else row[c] for c in [*BASE, *EXTRA]]
        return float(self.model.predict(np.array([coded], float), raw_score=raw, num_threads=1)[0])

    def sha256(self, x: pd.DataFrame) -> str:  # noqa: ARG002 - LightGBM's text is the whole model, no rows are needed
        """The fingerprint of the model as LightGBM writes it."""
        return hashlib.sha256(self.model.model_to_string().encode()).hexdigest()


Model = Linear | Trees | Boosted


@dataclass(frozen=True)
class Trained:
    """A version ready to serve: the model, the score from which on it flags a flight, and all its training rows."""

    model: Model
    cut: float
    training: pd.DataFrame  # features, score (out of fold), prediction, late


def linear_matrix(
    x: pd.DataFrame, median: pd.Series, mean: pd.Series, std: pd.Series, levels: Sequence[tuple[str, Any]]
) -> Floats:
    """Standardised numbers, missing ones filled, then one column of 0 and 1 a level."""
    numbers = ((x[NUMERIC].fillna(median) - mean) / std).to_numpy()
    return np.hstack([numbers] + [(x[column] == level).to_numpy()[:, None] for column, level in levels])


def fit_linear(x: pd.DataFrame, y: Floats) -> Linear:
    """v1, trained."""
    median = x[NUMERIC].median()
    filled = x[NUMERIC].fillna(median)
    mean, std = filled.mean(), filled.std()
    levels = [(column, level) for column in ONE_HOT for level in sorted(x[column].unique().tolist())]
    fitted = LogisticRegression(C=0.5, max_iter=300).fit(linear_matrix(x, median, mean, std, levels), y)
    weights, bias = fitted.coef_[0], float(fitted.intercept_[0])
    # Plain floats for serving: the same bits as NumPy's scalars, at half the time.
    scales = list(zip(NUMERIC, median.tolist(), mean.tolist(), std.tolist(), weights.tolist(), strict=False))
    level_weights = dict(zip(levels, weights[len(NUMERIC) :].tolist(), strict=True))
    return Linear(median, mean, std, levels, weights, bias, scales, level_weights)


def category_codes(x: pd.DataFrame) -> Codes:
    """The categories of these rows, numbered in alphabetical order."""
    return {c: {value: i for i, value in enumerate(sorted(x[c].unique()))} for c in CATEGORIES}


def tree_matrix(x: pd.DataFrame, codes: Codes, columns: Sequence[str]) -> Floats:
    """The columns as numbers, categories as their codes."""
    return np.column_stack([x[c].map(codes[c]) if c in CATEGORIES else x[c] for c in columns]).astype(float)


def fit_trees(x: pd.DataFrame, y: Floats) -> Trees:
    """v2, trained."""
    codes = category_codes(x)
    model = HistGradientBoostingClassifier(
        max_iter=200,
        learning_rate=0.06,
        max_leaf_nodes=24,
        min_samples_leaf=200,
        categorical_features=[0, 1, 2],
        l2_regularization=5,
        random_state=0,
    )
    return Trees(codes, model.fit(tree_matrix(x, codes, BASE), y))


def fit_boosted(x: pd.DataFrame, y: Floats) -> Boosted:
    """v3, trained."""
    codes = category_codes(x)
    settings: dict[str, Any] = {
        "objective": "binary",
        "learning_rate": 0.06,
        "num_leaves": 24,
        "min_data_in_leaf": 200,
        "lambda_l2": 5,
        "num_threads": 1,
        "seed": 0,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    rows = lightgbm.Dataset(tree_matrix(x, codes, [*BASE, *EXTRA]), y, categorical_feature=[0, 1, 2])
    return Boosted(codes, lightgbm.train(settings, rows, 200))


FITS: dict[str, Callable[[pd.DataFrame, Floats], Model]] = {"v1": fit_linear, "v2": fit_trees, "v3": fit_boosted}


def train(version: str, features: pd.DataFrame, late: pd.Series) -> Trained:
    """One version, trained on its span of the flights that arrived."""
    start, end = TRAINED[version]
    used = (features["ts"] >= start) & (features["ts"] < end) & late.notna()
    x, y = features[used].reset_index(drop=True), late[used].to_numpy()
    held_out = out_of_fold(version, x, y)
    cut = float(np.quantile(held_out, 1 - FLAGGED))
    flagged = (held_out >= cut).astype("int8")
    auc = roc_auc_score(y, held_out)
    print(f"{version}: {len(x):,} rows, {y.mean():.1%} late, AUC {auc:.3f} out of fold, flagged from {cut:.4f}")
    return Trained(FITS[version](x, y), cut, x.assign(score=held_out, prediction=flagged, late=y.astype("int8")))


def out_of_fold(version: str, x: pd.DataFrame, y: Floats) -> Floats:
    """The score of each row by a model that saw no flight of its day. Scores of seen rows, as a reference, flatter."""
    scores = np.zeros(len(x))
    for seen, held_out in GroupKFold(4).split(x, y, x["ts"].dt.date.astype(str)):
        scores[held_out] = FITS[version](x.iloc[seen], y[seen]).predict(x.iloc[held_out])
    return scores
