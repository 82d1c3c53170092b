"""Stability: every value against the raw rows, counted with NumPy; what is not measurable says why."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rawprofiles import bins_row, day, profile, table
from scipy.stats import binom

from monitors import periods, stability
from monitors.measurements import STORED
from monitors.noise import of_share

NULL = object()
NAN, INF = float("nan"), float("inf")


def counted(values: list[Any], bins: dict[str, Any], dataset: str, when: Any, version: str = "v1", segment: str = "all") -> dict[str, Any]:
    """The profile of values among which NULL is null and NaN is NaN."""
    numbers = np.array([v for v in values if v is not NULL], float)
    row = profile(numbers[np.isfinite(numbers)], bins, dataset, *(when or (pd.NaT, pd.NaT)), version, segment)
    odd = {"nans": np.isnan(numbers), "pos_infs": numbers == INF, "neg_infs": numbers == -INF}
    return row | {"rows": len(values), "nulls": len(values) - len(numbers)} | {name: int(hit.sum()) for name, hit in odd.items()}


def measured(
    windows: list[list[Any]], reference: list[Any] | None, role: str = "feature", own: list[list[Any]] = (), **more: Any
) -> pd.DataFrame:
    """Measurements of days of a log, of a reference and its own days."""
    base = bins_row([v for v in (reference or [0.0, 1.0]) if v is not NULL and np.isfinite(v)])
    base |= {"role": role, "version": "v1", **more}
    rows = [counted(values, base, "log", day(i)) for i, values in enumerate(windows)]
    rows += [counted(values, base, "reference", day(i - 70)) for i, values in enumerate(own)]
    if reference is not None:
        rows.append(counted(reference, base, "reference", None))
    return stability.measure(table(rows), pd.DataFrame([base])[: 1 if reference is not None else 0])


def daily(found: pd.DataFrame, metric: str, dataset: str = "log") -> pd.DataFrame:
    is_day = found["window_end"] - found["window_start"] == pd.Timedelta(days=1)
    return found[is_day & (found["metric"] == metric) & (found["dataset"] == dataset)].sort_values("window_start").reset_index(drop=True)


value = st.one_of(st.floats(-5, 5), st.sampled_from([NAN, INF, -INF, NULL]))


@given(st.lists(st.lists(value, min_size=1, max_size=12), min_size=1, max_size=4), st.lists(st.floats(-5, 5), min_size=3, max_size=20))
@settings(max_examples=15)
def test_rates_are_those_of_the_raw_rows_and_nothing_is_infinite(windows, reference):
    found = measured(windows, reference)
    for metric, wanted in (("nan_rate", lambda v: v is not NULL and np.isnan(v)), ("inf_rate", lambda v: v is not NULL and np.isinf(v))):
        rates = [np.mean([wanted(v) for v in values]) for values in windows]
        assert daily(found, metric)["value"].tolist() == pytest.approx(rates, abs=1e-12)
        assert daily(found, metric)["rows"].tolist() == [len(values) for values in windows]
    assert not np.isinf(found[["value", "noise", "usual"]].to_numpy(float)).any()
    assert (found["value"].isna() == found["reason"].notna()).all()  # a value or a reason, never both or neither
    assert list(found.columns) == [*STORED]
    for values, row in zip(windows, daily(found, "constant").itertuples(), strict=True):
        finite = [v for v in values if v is not NULL and np.isfinite(v)]
        assert row.rows == len(finite)
        if not np.isnan(row.value):
            assert row.value == (len(set(finite)) == 1)


@given(st.lists(st.lists(st.floats(0.5, 50), min_size=1, max_size=9), min_size=2, max_size=9), st.floats(0.01, 100))
@settings(max_examples=12)
def test_magnitude_is_the_ratio_of_root_mean_squares_and_knows_no_direction(windows, factor):
    reference = [v for values in windows for v in values]
    size = np.sqrt(np.mean(np.square(reference)))
    found = daily(measured([[v * factor for v in reference], [v / factor for v in reference]], reference), "magnitude")
    assert found["value"].tolist() == pytest.approx([max(factor, 1 / factor)] * 2, rel=1e-9)
    each = daily(measured(windows, reference), "magnitude")["value"]
    ratios = np.array([np.sqrt(np.mean(np.square(values))) / size for values in windows])
    assert each.tolist() == pytest.approx(np.maximum(ratios, 1 / ratios).tolist(), rel=1e-9)


@given(st.lists(st.lists(value, min_size=1, max_size=6), min_size=3, max_size=12))
@settings(max_examples=12)
def test_days_merged_to_a_week_give_what_the_whole_week_gives(windows):
    reference, base = [1.0, 2.0, 3.0], bins_row([1.0, 2.0, 3.0]) | {"version": "v1"}
    days = table([counted(values, base, "log", day(i % 7)) for i, values in enumerate(windows)])
    days = periods.merge(days, "day")
    whole = counted([v for values in windows for v in values], base, "log", (day(0)[0], day(6)[1]))
    both = []
    for logged in (days, table([whole])):
        profiles = pd.concat([logged, table([counted(reference, base, "reference", None)])], ignore_index=True)
        found = stability.measure(profiles, pd.DataFrame([base]))
        weeks = found[found["window_end"] - found["window_start"] == pd.Timedelta(days=7)]
        both.append(weeks.drop_duplicates(["metric", "segment", "window_start"]).sort_values("metric").reset_index(drop=True))
    names = ["metric", "rows", "value", "reason"]
    pd.testing.assert_frame_equal(both[0][names], both[1][names], rtol=1e-9)


def test_a_score_outside_0_and_1_counts_among_the_finite_ones():
    reference = np.linspace(0.02, 0.98, 400).tolist()
    edges = np.unique(np.r_[np.nextafter(0.0, -1.0), 1.0, bins_row(reference)["edges"]])
    found = daily(measured([[-2.0, 0.0, 0.5, 1.0, 1.5, NAN, NULL, INF]], reference, "score", edges=edges), "score_range_rate")
    assert found[["rows", "value", "noise"]].to_numpy().tolist() == [[5, 0.4, 0.0]]  # −2 and 1.5 of five; 0 and 1 themselves are inside
    found = daily(measured([[NAN] * 4], reference, "score", edges=edges), "score_range_rate")
    assert (found["value"].isna().all(), found["reason"].tolist()) == (True, [stability.EMPTY])
    margins = np.linspace(-3, 3, 400).tolist()
    found = daily(measured([[-2.0, 0.5]], margins, "score"), "score_range_rate")
    assert (found["value"].isna().all(), found["reason"].tolist()) == (True, [stability.LEAVES])


def test_a_window_of_nan_alone_breaks_nothing_else():
    found = measured([[NAN] * 5], [1.0, 2.0])
    assert daily(found, "nan_rate")["value"].tolist() == [1.0]
    assert daily(found, "constant")["reason"].tolist() == [stability.FEW]
    assert daily(found, "magnitude")["reason"].tolist() == [stability.EMPTY]


def test_what_stands_still_on_many_days_of_the_reference_is_usual():
    still, moving = [0.0] * 40, [0.0] * 20 + [1.0] * 20
    often = daily(measured([still], [*still * 3, *moving * 3], own=[still, moving] * 5), "constant")
    assert (often["value"].tolist(), often["usual"].tolist()) == ([1.0], [1.0])
    never = daily(measured([still], moving * 6, own=[moving] * 6), "constant")
    assert (never["value"].tolist(), never["usual"].tolist(), never["noise"].tolist()) == ([1.0], [0.0], [0.0])
    own = daily(measured([still], [*still, *moving * 3], own=[still, moving, moving, moving]), "constant", "reference")
    assert own["value"].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_what_never_varied_cannot_stand_still():
    found = daily(measured([[7.0] * 40], [7.0] * 200), "constant")
    assert (found["value"].isna().all(), found["reason"].tolist()) == (True, [stability.STILL])


def test_without_a_reference_only_outputs_are_said_to_stand_still():
    assert daily(measured([[0.5] * 40], None), "constant")["reason"].tolist() == ["no reference of x for version v1"]
    assert daily(measured([[0.5] * 40], None, "watched"), "nan_rate")["value"].tolist() == [0.0]
    row = counted([0.5] * 40, bins_row([0.0]) | {"role": "score"}, "log", day(0))
    row["counts"] = np.array([0, 40, 0])  # a score is counted on 0 and 1 without a reference too
    found = stability.measure(table([row]), pd.DataFrame([], columns=["version", "column", "kind", "edges", "role"]))
    assert daily(found, "constant")["value"].tolist() == [1.0]
    assert daily(found, "score_range_rate")["value"].tolist() == [0.0]


def test_texts_stand_still_too_known_or_new():
    base = bins_row(["a"] * 60 + ["b"] * 40) | {"version": "v1"}
    days = [["a"] * 30, ["a", "b"] * 15, ["z"] * 30, ["y", "z"] * 15]
    rows = [profile(values, base, "log", *day(i), "v1") for i, values in enumerate(days)]
    rows.append(profile(["a"] * 60 + ["b"] * 40, base, "reference", pd.NaT, pd.NaT, "v1"))
    found = stability.measure(table(rows), pd.DataFrame([base]))
    assert set(found["metric"]) == {"constant"}  # a text is never NaN
    assert daily(found, "constant")["value"].tolist() == [1, 0, 1, 0]


def test_a_rare_class_may_be_absent_for_a_day():
    # Nine of ten rows are "0". Were "1" 100 times rarer, 500 rows would lack it in 0.999^499 = 61 % of days, 5,000 rows in under 1 %.
    base = bins_row(["0"] * 90 + ["1"] * 10) | {"version": "v1", "role": "prediction"}
    rows = [profile(["0"] * n, base, "log", *day(i), "v1") for i, n in enumerate((500, 5000))]
    rows.append(profile(["0"] * 90 + ["1"] * 10, base, "reference", pd.NaT, pd.NaT, "v1"))
    found = daily(stability.measure(table(rows), pd.DataFrame([base])), "constant")
    assert (found["value"].tolist(), found["noise"].tolist()) == ([1, 1], [1, 0])


def test_a_reference_with_nan_gives_a_floor_of_its_own():
    found = daily(measured([[NAN] + [1.0] * 99], [NAN] * 20 + [1.0, 2.0] * 190), "nan_rate")
    assert found["noise"].tolist() == [binom.ppf(0.95, 100, 0.05) / 100]
    assert daily(measured([[NAN, 1.0]], [1.0, 2.0]), "nan_rate")["noise"].tolist() == [0.0]


@given(st.integers(1, 5000), st.floats(0.0001, 0.9999))
def test_the_floor_of_a_rate_is_the_binomial_quantile(rows, share):
    found = of_share(np.array([share]), np.array([float(rows)]))[0] * rows
    assert abs(found - binom.ppf(0.95, rows, share)) < 1e-6


def test_noise_of_magnitude_holds_for_95_of_100_samples():
    chance = np.random.default_rng(3)
    reference = chance.lognormal(0, 0.5, 20_000)
    samples = [chance.choice(reference, 200).tolist() for _ in range(100)]
    found = daily(measured(samples, reference.tolist()), "magnitude")
    above = (found["value"] > found["noise"]).mean()
    assert 0 <= above <= 0.12  # 5 of 100 expected; the 99.9th percentile of so few is 13


def test_values_too_large_to_square_are_measured_all_the_same():
    found = daily(measured([[1e200, -1e250] * 5], [1.0, 2.0, 3.0]), "magnitude")
    assert found["value"].iloc[0] > 1e240
    assert np.isfinite(found["value"].iloc[0])


def test_a_dry_day_is_no_smaller_unit_of_rain():
    # 950 zeros, 40 ones, 10 threes: of what is not 0 the mean square is (40 + 10 * 9) / 50 = 2.6. A day with two ones in 100 rows has 1.
    reference = [0.0] * 950 + [1.0] * 40 + [3.0] * 10
    found = daily(measured([[0.0] * 98 + [1.0] * 2, [0.0] * 98 + [1000.0, 3000.0], [0.0, -0.0, -2.0]], reference), "magnitude")
    assert found["rows"].tolist() == [2, 2, 1]
    assert found["value"].tolist() == pytest.approx([2.6**0.5, (5e6 / 2.6) ** 0.5, 2 / 2.6**0.5])
    # Between −1 and 1, where zeros share a bin with others, all rows count.
    mixed = daily(measured([[0.0, 2.0]], [-1.0, 0.5, 1.0]), "magnitude")
    assert (mixed["rows"].tolist(), mixed["value"].tolist()) == ([2], pytest.approx([(2 / 0.75) ** 0.5]))


def test_zeros_are_no_magnitude():
    assert daily(measured([[0.0] * 5], [1.0, 2.0]), "magnitude")["reason"].tolist() == [stability.ZEROS]
    assert daily(measured([[1.0] * 5], [0.0, 0.0]), "magnitude")["reason"].tolist() == [stability.ZERO_REFERENCE]
