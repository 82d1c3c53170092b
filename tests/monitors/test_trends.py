"""Steps and leaks in simulated series: found, told apart and dated; and nothing found where there is nothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors import trends
from monitors.recent import growth_and_step

FIRST = pd.Timestamp("2026-01-05", tz="UTC")  # a Monday


def series(logs: np.ndarray, scatter: float = 0.05, seed: int = 0) -> tuple[pd.Series, np.ndarray, np.ndarray]:
    """Days, values whose logarithm is as given but for the scatter of days, and how precise each is."""
    days = pd.Series(pd.date_range(FIRST, periods=len(logs), freq="D"))
    noisy = logs + np.random.default_rng(seed).normal(0, scatter, len(logs))
    return days, np.exp(noisy), np.full(len(logs), 0.01)


def found(logs: np.ndarray, scatter: float = 0.05, seed: int = 0) -> pd.DataFrame:
    return trends.find(*series(logs, scatter, seed))


def day_of(time: pd.Timestamp) -> int:
    return (time - FIRST).days


@pytest.mark.parametrize("seed", range(8))
def test_a_step_is_found_on_its_day(seed: int):
    logs = np.r_[np.zeros(40), np.full(40, np.log(1.5))]
    (row,) = found(logs, seed=seed).to_dict("records")
    assert row["kind"] == "step"
    assert abs(day_of(row["start"]) - 40) <= 1
    assert row["factor"] == pytest.approx(1.5, rel=0.05)


@pytest.mark.parametrize("seed", range(8))
def test_a_leak_is_found_with_its_slope_and_its_repair(seed: int):
    logs = np.r_[np.zeros(30), 0.04 * np.arange(1, 22), np.zeros(30)]
    leak, repair = found(logs, seed=seed).to_dict("records")
    assert [leak["kind"], repair["kind"]] == ["leak", "step"]
    assert abs(day_of(leak["start"]) - 30) <= 7  # it begins with 4 % a day, less than the days scatter
    assert leak["per_day"] == pytest.approx(np.exp(0.04), rel=0.012)
    assert leak["per_day_low"] < np.exp(0.04) < leak["per_day_high"] * 1.01
    assert abs(day_of(repair["start"]) - 51) <= 1
    assert repair["factor"] < 0.6


@pytest.mark.parametrize("seed", range(8))
def test_a_leak_and_a_step_on_its_way_are_told_apart_and_dated(seed: int):
    # Six calm days, then 5 % a day, and on the 22nd day twice as slow at once; the leak goes on. It lasts longer than all that is calm, which
    # is why a slope must be no scatter.
    logs = np.where(np.arange(41) >= 6, np.log(1.05) * (np.arange(41) - 6), 0.0) + np.where(np.arange(41) >= 21, np.log(2), 0.0)
    first, step, second = found(logs, scatter=0.02, seed=seed).to_dict("records")
    assert [first["kind"], step["kind"], second["kind"]] == ["leak", "step", "leak"]
    assert abs(day_of(first["start"]) - 6) <= 2
    assert [day_of(first["end"]), day_of(step["start"]), day_of(second["start"])] == [21, 21, 21]
    assert step["factor"] == pytest.approx(2 * 1.05, rel=0.06)  # that day's leak is in it
    assert [first["per_day"], second["per_day"]] == pytest.approx([1.05] * 2, rel=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_a_leak_that_saturates_is_one(seed: int):
    bent = 3 * (1 - np.exp(-np.clip(np.arange(41) - 6, 0, None) / 6))
    kinds = found(bent, scatter=0.02, seed=seed)["kind"].tolist()
    assert kinds.count("leak") == 1
    assert "step" not in kinds


def test_healthy_series_are_silent():
    said = [len(found(np.zeros(180), scatter, seed)) > 0 for seed in range(40) for scatter in (0.02, 0.1)]
    assert sum(said) <= 4  # of 80 half-years


def test_a_rhythm_of_the_week_is_neither():
    week = np.tile([0, 0, 0, 0, 0, -0.3, -0.4], 20)
    assert found(week).empty
    (row,) = found(week + np.r_[np.zeros(70), np.full(70, 0.4)]).to_dict("records")
    assert row["kind"] == "step"
    assert abs(day_of(row["start"]) - 70) <= 1


def test_a_lone_outlier_is_neither():
    logs = np.zeros(60)
    logs[[20, 41]] = [2.0, -1.5]
    assert found(logs).empty


def test_days_that_are_missing_or_not_measurable_are_no_matter():
    days, values, deviations = series(np.r_[np.zeros(40), np.full(40, 0.5)])
    kept = np.r_[0:15, 25:80]
    values[[3, 50]] = [np.nan, 0.0]
    (row,) = trends.find(days[kept].reset_index(drop=True), values[kept], deviations[kept]).to_dict("records")
    assert abs(day_of(row["start"]) - 40) <= 1
    assert trends.find(days[:4], values[:4], deviations[:4]).empty


@settings(max_examples=30, deadline=None)
@given(st.floats(0.001, 1000), st.integers(0, 5))
def test_the_unit_does_not_matter(unit: float, seed: int):
    days, values, deviations = series(np.r_[np.zeros(20), np.full(20, 0.7), 0.7 + 0.1 * np.arange(20)], seed=seed)
    one, two = trends.find(days, values, deviations), trends.find(days, values * unit, deviations)
    assert one[["kind", "start", "end"]].equals(two[["kind", "start", "end"]])
    np.testing.assert_allclose(two["factor"], one["factor"], rtol=1e-6)


# ---- as of each day --------------------------------------------------------------------------------------------------------------------


def recent(logs: np.ndarray, scatter: float = 0.05, seed: int = 0) -> tuple[np.ndarray, ...]:
    noisy = logs + np.random.default_rng(seed).normal(0, scatter, len(logs))
    return growth_and_step(np.arange(len(logs), dtype=float), noisy)


def test_growth_is_known_while_it_grows_and_gone_after_the_repair():
    growth, noise, *_ = recent(np.r_[np.zeros(30), 0.1 * np.arange(1, 22), np.zeros(30)])
    late = growth[43:51]  # fourteen days of growth alone
    np.testing.assert_allclose(late, np.exp(0.7), rtol=0.15)
    assert (late > noise[43:51]).all()
    assert not (growth > np.maximum(noise, 1.25))[[*range(8, 31), *range(53, 81)]].any()


def test_a_step_is_known_on_its_second_day_and_a_lone_outlier_is_none():
    logs = np.r_[np.zeros(30), np.full(30, np.log(2))]
    _, _, step, noise = recent(logs)
    np.testing.assert_allclose(step[32:41], 2, rtol=0.1)
    assert (step[32:41] > noise[32:41]).all()
    assert (step[[*range(8, 30), *range(46, 60)]] < 1.5).all()
    logs = np.zeros(60)
    logs[30] = 2.0
    growth, grown, step, noise = recent(logs)
    assert not ((step > np.maximum(noise, 1.5)) | (growth > np.maximum(grown, 1.25))).any()


def test_false_alarms_of_healthy_series_are_rare():
    alarms = 0
    for seed in range(40):
        growth, grown, step, noise = recent(np.zeros(180), 0.08, seed)
        alarms += int((growth > np.maximum(grown, 1.25)).sum() + (step > np.maximum(noise, 1.5)).sum())
    assert alarms <= 5  # of 6,900 days that scatter by 8 %


@given(st.integers(0, 50), st.integers(20, 40))
@settings(max_examples=30, deadline=None)
def test_a_day_does_not_depend_on_later_ones(seed: int, until: int):
    logs = np.random.default_rng(seed).normal(0, 0.3, 60).cumsum()
    days = np.arange(60.0)
    for whole, part in zip(growth_and_step(days, logs), growth_and_step(days[:until], logs[:until]), strict=True):
        np.testing.assert_allclose(whole[:until], part, rtol=1e-6)


def test_before_the_eighth_day_nothing_is_known():
    growth, _, step, _ = recent(np.zeros(12))
    assert np.isnan(growth).tolist() == [True] * 7 + [False] * 5
    assert np.isnan(step).tolist() == [True] * 7 + [False] * 5
