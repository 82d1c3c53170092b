"""Fairness: every value against the raw rows, with pandas and scikit-learn; what chance gives against binomial draws."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rawoutcomes import quality
from scipy.stats import binomtest
from scipy.stats.contingency import relative_risk
from sklearn.metrics import confusion_matrix, mean_absolute_error

from monitors import fairness, two_shares
from monitors import fairness_chance as chance
from monitors.measurements import STORED

DAY = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday


def rows(seed: int, count: int, shares: dict[str, float], days: int = 1, **rates: float) -> pd.DataFrame:
    """Binary outcomes of groups; `rates` are how often a group is selected, 0.3 where it is not named."""
    random = np.random.default_rng(seed)
    sex = random.choice(list(shares), count, p=list(shares.values()))
    selected = random.random(count) < pd.Series(sex).map(rates).fillna(0.3).to_numpy()
    label = np.where(random.random(count) < 0.4, "1", "0").astype(object)
    label[random.random(count) < 0.1] = None
    time = DAY + pd.to_timedelta(random.integers(0, days * 86_400, count), unit="s")
    return pd.DataFrame({"time": time, "sex": sex, "label": label, "prediction": np.where(selected, "1", "0")})


def counted(raw: pd.DataFrame, dataset: str = "log", version: str = "v1") -> pd.DataFrame:
    """Binary outcomes as the table `quality` holds them of single segments: `rawoutcomes.quality` has all of it and takes seconds."""
    says, known, is_it = raw["prediction"] == "1", raw["label"].notna(), raw["label"] == "1"
    hits = {"rows": True, "predicted": True, "selected": says, "labelled": known, "tp": says & is_it, "fp": says & known & ~is_it}
    hits |= {"fn": ~says & is_it, "tn": ~says & known & ~is_it}
    keys = [("sex=" + raw["sex"]).rename("segment"), raw["time"].dt.floor("D").rename("window_start")]
    made = pd.DataFrame(hits, index=raw.index).astype(int).groupby(keys).sum().reset_index()
    names = {"model": "m", "version": version, "dataset": dataset, "kind": "binary", "class": "1", "error_abs": np.nan, "error_squares": np.nan}
    return made.assign(**names, window_end=made["window_start"] + pd.Timedelta(days=1))


def measured(raw: pd.DataFrame, length: int = 1, kind: str = "binary") -> pd.DataFrame:
    made = counted(raw) if kind == "binary" else quality(raw, kind, segments=["sex"])
    found = fairness.measure(made, ["sex"])
    return found[(found["window_end"] - found["window_start"]).dt.days == length].set_index(["metric", "segment"]).sort_index()


def rates(raw: pd.DataFrame) -> dict[str, float]:
    """Of raw rows: how often selected, true positive rate, false positive rate."""
    known = raw.dropna(subset=["label"])
    tn, fp, fn, tp = confusion_matrix(known["label"], known["prediction"], labels=["0", "1"]).ravel()
    return {"selection": (raw["prediction"] == "1").mean(), "tpr": tp / (tp + fn), "fpr": fp / (fp + tn)}


@given(st.integers(0, 10_000))
@settings(max_examples=4)
def test_every_value_is_that_of_the_raw_rows(seed: int):
    raw = rows(seed, 900, {"f": 0.4, "m": 0.45, "x": 0.15}, f=0.2, m=0.5)
    found = measured(raw)
    of = {name: rates(part) for name, part in raw.groupby("sex")}
    others = {name: rates(raw[raw["sex"] != name]) for name in of}
    selection = [one["selection"] for one in of.values()]
    assert found.loc[("selection_ratio", "all"), "value"] == pytest.approx(min(selection) / max(selection), rel=1e-12)
    for name, one in of.items():
        segment = f"sex={name}"
        assert found.loc[("selection_ratio", segment), "value"] == pytest.approx(one["selection"] / max(selection), rel=1e-12)
        for metric in ("tpr", "fpr"):
            assert found.loc[(f"{metric}_gap", segment), "value"] == pytest.approx(one[metric] - others[name][metric], abs=1e-12)
    for metric in ("tpr", "fpr"):
        spread = [one[metric] for one in of.values()]
        assert found.loc[(f"{metric}_gap", "all"), "value"] == pytest.approx(max(spread) - min(spread), abs=1e-12)
    assert set(found["column"]) == {"sex"}
    assert list(found.reset_index().reindex(columns=STORED)) == list(STORED)


def test_the_table_of_the_store_gives_the_same():
    raw = rows(0, 200, {"f": 0.5, "m": 0.5}).assign(region="eu")
    whole = fairness.measure(quality(raw, segments=["sex", "region"]), ["sex", "region"])
    own = whole[whole["column"] == "sex"].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, fairness.measure(counted(raw), ["sex"]))
    assert set(whole.loc[whole["column"] == "region", "segment"]) == {"all", "region=eu"}


def test_small_groups_are_not_measured_and_never_make_the_headline():
    # 29 rows of x, all selected: beside them f and m, at 0.3 or so, would look like a third. They stay out.
    raw = rows(1, 1000, {"f": 0.5, "m": 0.5})
    few = rows(2, 29, {"x": 1.0}, x=1.0)
    found = measured(pd.concat([raw, few], ignore_index=True))
    alone = measured(raw)
    assert found.loc[("selection_ratio", "all"), "value"] == alone.loc[("selection_ratio", "all"), "value"] > 0.7
    assert np.isnan(found.loc[("selection_ratio", "sex=x"), "value"])
    assert found.loc[("selection_ratio", "sex=x"), "reason"] == "fewer than 30 rows with a prediction in this group"
    assert (found["value"].isna() == found["reason"].notna()).all()  # a value or a reason, never both or neither
    one_more = measured(pd.concat([raw, few, few.head(1)], ignore_index=True))
    assert one_more.loc[("selection_ratio", "all"), "value"] < 0.4
    assert one_more.loc[("selection_ratio", "all"), "rows"] == 30  # of the smaller of the two groups


def test_without_positives_labels_or_selected_rows_it_says_so():
    raw = rows(3, 400, {"f": 0.5, "m": 0.5})
    found = measured(raw.assign(label=raw["label"].where(raw["sex"] == "f", "0")))
    assert found.loc[("tpr_gap", "sex=m"), "reason"] == "no positive labels in this group"
    assert found.loc[("tpr_gap", "sex=f"), "reason"] == "fewer than 30 positive labels in the other groups"
    assert found.loc[("tpr_gap", "all"), "reason"] == "fewer than two groups have 30 positive labels"
    assert found.loc[("fpr_gap", "all"), "value"] >= 0
    unlabelled = measured(raw.assign(label=None))
    assert unlabelled.loc[("fpr_gap", "all"), "reason"] == "no negative labels in this window"
    nobody = measured(raw.assign(prediction="0"))
    assert set(nobody.loc["selection_ratio", "reason"]) == {"no group has a row that is predicted so"}
    alone = measured(rows(4, 100, {"f": 1.0}))
    assert alone.loc[("selection_ratio", "all"), "reason"] == "fewer than two groups have 30 rows with a prediction"


def test_days_added_up_are_the_week_and_the_order_of_rows_is_no_matter():
    raw = rows(5, 3000, {"f": 0.5, "m": 0.5}, days=14, f=0.2)
    week = measured(raw, 7).xs("all", level="segment")
    for start, one in raw.groupby(raw["time"].dt.floor("D") - pd.to_timedelta(raw["time"].dt.day_of_week, unit="D")):
        of = [rates(part) for _, part in one.groupby("sex")]
        now = week[week["window_start"] == start]
        assert now.loc["selection_ratio", "value"] == pytest.approx(min(r["selection"] for r in of) / max(r["selection"] for r in of))
        assert now.loc["tpr_gap", "value"] == pytest.approx(abs(of[0]["tpr"] - of[1]["tpr"]))
    pd.testing.assert_frame_equal(measured(raw.sample(frac=1, random_state=0), 7), measured(raw, 7))
    first = raw[raw["time"] < DAY + pd.Timedelta(days=7)]
    pd.testing.assert_frame_equal(measured(first, 7), measured(raw, 7).query("window_start == @DAY"))  # whatever else is measured with it


def test_usual_is_what_the_windows_of_the_reference_give():
    raw, trained = rows(6, 800, {"f": 0.5, "m": 0.5}), rows(7, 4000, {"f": 0.5, "m": 0.5}, days=10, f=0.15)
    found = fairness.measure(pd.concat([counted(raw), counted(trained, "reference", "")], ignore_index=True), ["sex"])
    day = found[(found["window_end"] - found["window_start"]).dt.days == 1].set_index(["dataset", "metric", "segment"]).sort_index()
    own = day.loc[("reference", "selection_ratio", "all"), "value"]
    assert day.loc[("log", "selection_ratio", "all"), "usual"] == pytest.approx(np.quantile(own, 0.05))
    gaps = day.loc[("reference", "fpr_gap", "all"), "value"]
    assert day.loc[("log", "fpr_gap", "all"), "usual"] == pytest.approx(np.quantile(gaps, 0.95))


def test_of_a_regression_the_gap_is_a_share_of_the_mean_error():
    random = np.random.default_rng(8)
    raw = pd.DataFrame({"time": DAY, "sex": random.choice(["f", "m"], 500), "label": random.normal(size=500)})
    raw["prediction"] = raw["label"] + random.normal(size=500) * np.where(raw["sex"] == "f", 2, 1)
    found = measured(raw, kind="regression")
    of = {name: mean_absolute_error(part["label"], part["prediction"]) for name, part in raw.groupby("sex")}
    whole = mean_absolute_error(raw["label"], raw["prediction"])
    assert found.loc[("mae_gap", "all"), "value"] == pytest.approx((of["f"] - of["m"]) / whole)
    assert found.loc[("mae_gap", "sex=m"), "value"] == pytest.approx((of["m"] - of["f"]) / whole)
    assert set(found.index.get_level_values("metric")) == {"mae_gap"}
    # Alike at 250 rows each, a mean of |error| with deviation s has 1.96 s sqrt(2 / 250) / mean as its 95 of 100.
    error = (raw["prediction"] - raw["label"]).abs()
    sizes = raw["sex"].value_counts()
    expected = 1.96 * error.std(ddof=0) / whole * np.sqrt((1 / sizes).sum())
    assert found.loc[("mae_gap", "all"), "noise"] == pytest.approx(expected, rel=0.1)
    perfect = measured(raw.assign(prediction=raw["label"]), kind="regression")
    assert perfect.loc[("mae_gap", "all"), "reason"] == "the error is 0 throughout"


def test_of_several_classes_that_counts_which_differs_beyond_chance():
    random = np.random.default_rng(9)
    raw = pd.DataFrame({"time": DAY, "sex": random.choice(["f", "m"], 2000), "label": random.choice(["a", "b", "c"], 2000)})
    # c is predicted 3 times in all, of m alone: a ratio of 0 by chance. b of f is half as frequent as b of m.
    raw["prediction"] = np.where(random.random(2000) < np.where(raw["sex"] == "f", 0.2, 0.4), "b", "a")
    raw.loc[raw[raw["sex"] == "m"].index[:3], "prediction"] = "c"
    found = measured(raw, kind="multiclass")
    of = (raw["prediction"] == "b").groupby(raw["sex"]).mean()
    assert found.loc[("selection_ratio", "all"), "value"] == pytest.approx(of["f"] / of["m"])
    assert set(found.index.get_level_values("segment")) == {"all"}


def test_pairs_of_segments_and_odd_names_are_told_apart():
    columns = ["sex", "a", "a=b"]
    assert fairness.column_of("sex=f", columns) == "sex"
    assert fairness.column_of("a=b=c", columns) == "a=b"
    assert fairness.column_of("a=1 & sex=f", columns) == ""
    assert fairness.column_of("sex=f & m", columns) == "sex"
    assert fairness.column_of("all", columns) == ""


@pytest.mark.parametrize(
    ("sizes", "share"), [([100] * 16, 0.2), ([60, 90, 400], 0.2), ([30] * 5, 0.4), ([2000, 300, 40, 900], 0.5), ([60, 60], 0.3)]
)
def test_what_chance_gives_is_what_binomial_draws_give(sizes: list[int], share: float):
    n = np.array(sizes, float)
    alike = chance.of_shares(n, np.full(len(n), share), np.array([0]))
    drawn = np.random.default_rng(0).binomial(sizes, share, (20_000, len(n))) / n
    high, low = drawn.max(axis=1), drawn.min(axis=1)
    step = 1 / n.min()  # counts are whole: a quantile is good to one of the smallest group
    assert chance.gaps(alike, np.array([0.95]))[0] == pytest.approx(np.quantile(high - low, 0.95), rel=0.1, abs=step)
    lowest, each = chance.ratios(alike, np.array([0.95]))
    highest = np.where(high > 0, high, 1)
    assert lowest[0] == pytest.approx(np.quantile(low / highest, 0.05), abs=0.05)
    assert each == pytest.approx(np.quantile(drawn / highest[:, None], 0.05, axis=0), abs=0.08)


def test_groups_that_are_alike_are_seldom_beyond_chance():
    found = measured(rows(10, 40_000, dict.fromkeys("abcdefghij", 0.1), days=40)).xs("all", level="segment")
    beyond = {"selection_ratio": found["value"] < found["noise"], "fpr_gap": found["value"] > found["noise"]}
    for metric, hits in beyond.items():
        assert hits.loc[metric].mean() <= 0.15  # of 40 days 2 are expected, more than 6 in 1 of 100


@given(st.integers(1, 400), st.integers(1, 400), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=25)
def test_intervals_are_those_of_scipy(n: int, m: int, share: float, other: float):
    a, b = round(share * n), round(other * m)
    low, high = two_shares.of_share(np.array([a]), np.array([n]))
    known = binomtest(a, n).proportion_ci(method="wilson")
    assert (low[0], high[0]) == pytest.approx((known.low, known.high), abs=1e-9)
    if a and b:
        low, high = two_shares.of_ratio(np.array([a]), np.array([n]), np.array([b]), np.array([m]))
        known = relative_risk(a, n, b, m).confidence_interval(0.95)
        assert (low[0], high[0]) == pytest.approx((known.low, known.high), rel=1e-9)
    low, high = two_shares.of_difference(np.array([a]), np.array([n]), np.array([b]), np.array([m]))
    assert -1 <= low[0] <= a / n - b / m <= high[0] <= 1


def test_intervals_by_the_papers_and_at_the_edges():
    # Newcombe (1998), table II, contrast a: 56/70 - 48/80, method 10: 0.0524 to 0.3339.
    low, high = two_shares.of_difference(*(np.array([float(x)]) for x in (56, 70, 48, 80)))
    assert (low[0], high[0]) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    low, high = two_shares.of_ratio(*(np.array([float(x)]) for x in (0, 50, 10, 50)))
    assert low[0] == 0
    assert 0.2 < high[0] < 1
    values = np.random.default_rng(0).normal(3, 1, 100)
    low, high = two_shares.of_mean(*(np.array([x]) for x in (values.mean(), (values**2).mean(), 100.0)))
    assert high[0] - values.mean() == pytest.approx(1.959964 * values.std(ddof=1) / 10)
