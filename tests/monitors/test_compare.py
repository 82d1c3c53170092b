"""Before against after, and one version against another, by how far beyond what is usual."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.compare import before_after, two_versions

START = pd.Timestamp("2026-01-01", tz="UTC")


def series(values: list[float], metric: str = "psi", version: str = "v1", first: int = 0, noise: float = 0.0) -> pd.DataFrame:
    starts = START + pd.to_timedelta(np.arange(first, first + len(values)), unit="D")
    about = {"monitor": "drift", "metric": metric, "column": "x", "version": version, "noise": noise}
    return pd.DataFrame({"window_start": starts, "window_end": starts + pd.Timedelta(days=1), "value": values, **about})


def day(number: float) -> pd.Timestamp:
    return START + pd.Timedelta(days=number)


def test_by_hand():
    # Two windows on either side of day 20: (0 + 2) / 2 = 1 before, (10 + 12) / 2 = 11 after. Elsewhere 0, 2, 0, 2, … has no difference
    # of means over two windows at all. Each side has the variance 2, so the standard error is sqrt(2 / 2 + 2 / 2) = 1.414.
    values = [0.0, 2.0] * 10 + [10.0, 12.0] * 10
    found = before_after(series(values, noise=0.5), day(20), "v1", "v1", 2).iloc[0]
    assert (found["before"], found["after"], found["difference"]) == (1.0, 11.0, 10.0)
    assert found["spread"] == pytest.approx(np.sqrt(2))
    assert found["score"] == pytest.approx(10 / np.sqrt(2))
    still = [0.0] * 20 + [1.0] * 20
    assert np.isinf(
        before_after(series(still), day(20), "v1", "v1", 2)["score"].iloc[0]
    )  # never moved before, and no noise is known
    assert before_after(series(still, noise=0.5), day(20), "v1", "v1", 2)["score"].iloc[0] == pytest.approx(
        1 / (0.5 / np.sqrt(2))
    )


def test_the_spread_is_that_of_such_differences_in_noise():
    # Means of 5 of independent normal values: their difference has the standard deviation sqrt(2 / 5).
    values = np.random.default_rng(0).normal(0, 1, 3000)
    found = before_after(series(list(values)), day(1500), "v1", "v1", 5).iloc[0]
    assert found["spread"] == pytest.approx(np.sqrt(2 / 5), rel=0.1)
    assert found["score"] < 3


def test_what_moved_most_is_first_and_a_single_outbreak_elsewhere_does_not_hide_it():
    g = np.random.default_rng(1)
    moved, still = g.normal(0, 1, 120), g.normal(0, 1, 120)
    moved[60:] += 5
    moved[20] = 500
    both = pd.concat([series(list(still), "js"), series(list(moved), "psi")])
    found = before_after(both, day(60), None, None, 7)
    assert found["metric"].tolist() == ["psi", "js"]
    assert found["score"].iloc[0] > 5 > 3 > found["score"].iloc[1]


def test_sides_of_two_versions_and_the_window_of_the_change_itself():
    both = pd.concat([series([1.0] * 12, version="v1"), series([3.0] * 10, version="v2", first=10)])
    found = before_after(both, day(10), "v1", "v2", 7).iloc[0]  # v1 goes on until day 12 beside v2
    assert (found["before"], found["after"], found["windows_before"], found["windows_after"]) == (1.0, 3.0, 7, 7)
    found = before_after(series([1.0] * 10 + [50.0] + [2.0] * 10), day(10.5), "v1", "v1", 7).iloc[0]
    assert (found["before"], found["after"]) == (1.0, 2.0)  # the day in which it came belongs to neither


def test_what_was_measured_on_one_side_only_is_left_out():
    assert before_after(series([1.0] * 5), day(5), "v1", "v1", 3).empty
    assert before_after(series([np.nan] * 5 + [1.0] * 5), day(5), "v1", "v1", 3).empty
    assert before_after(series([]), day(5), None, None, 3).empty
    assert two_versions(series([1.0] * 5), "v1", "v2").empty


@settings(max_examples=25)
@given(st.lists(st.floats(-100, 100), min_size=24, max_size=60), st.floats(0.5, 8), st.floats(-50, 50))
def test_the_score_knows_no_unit(values: list[float], times: float, plus: float):
    one = before_after(series([round(v, 3) for v in values]), day(12), "v1", "v1", 3)
    other = before_after(series([round(v, 3) * times + plus for v in values]), day(12), "v1", "v1", 3)
    assert other["difference"].iloc[0] == pytest.approx(one["difference"].iloc[0] * times, abs=1e-6)
    if np.isfinite(one["score"].iloc[0]) and one["spread"].iloc[0] > 1e-3:
        assert other["score"].iloc[0] == pytest.approx(one["score"].iloc[0], rel=1e-3, abs=1e-3)


def test_two_versions_by_hand():
    # Medians 2 and 6. Deviations 1, 0, 1 and 2, 0, 2: their medians are 1 and 2, their 90th percentiles 1 and 2, so 1.4826 of them count.
    both = pd.concat([series([1.0, 2.0, 3.0]), series([4.0, 6.0, 8.0], version="v2", first=3)])
    found = two_versions(both, "v1", "v2").iloc[0]
    assert (found["first"], found["second"], found["difference"]) == (2.0, 6.0, 4.0)
    assert (found["first_worst"], found["second_worst"]) == (3.0, 8.0)
    assert found["spread"] == pytest.approx(1.4826 * np.sqrt((1 + 4) / 2), rel=1e-4)
    low = two_versions(both, "v1", "v2", below=[("drift", "psi")]).iloc[0]
    assert (low["first_worst"], low["second_worst"]) == (1.0, 4.0)
    assert (low["first_windows"], low["second_windows"]) == (3, 3)
