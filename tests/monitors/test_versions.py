"""Versions stand in the order that people mean."""

import random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from monitors.versions import version_order


def seen(names: list[str]) -> dict[str, pd.Timestamp]:
    return {name: pd.Timestamp("2026-03-01", tz="UTC") + pd.Timedelta(days=i) for i, name in enumerate(names)}


# CASES G14
def test_v9_comes_before_v10_and_what_looks_like_a_number_stays_text():
    names = ["v1", "v2", "v9", "v10", "482915", "48291c", "1e5"]
    assert version_order(sorted(names), seen(names)) == names
    assert version_order(["v10", "v9"], {"v10": pd.Timestamp("2026-01-01"), "v9": pd.Timestamp("2026-01-02")}) == ["v9", "v10"]


@pytest.mark.parametrize(
    "ordered",
    [
        ["1.0.0", "1.0.1", "1.0.2", "1.0.10", "1.2", "2.0.0", "10.0"],
        ["1.0.dev1", "1.0a2", "1.0b1", "1.0rc1", "1.0rc2", "1.0", "1.0.post1", "1.1"],
        ["v1.0.0-alpha.1", "v1.0.0-beta.2", "v1.0.0-rc.1", "v1.0.0"],
        ["2023-12-31", "2024-01-02", "2024-01-10", "2024-11-01"],
        ["20231231", "20240102"],
        ["churn-2024-01-02", "churn-2024-01-10", "churn-2024-10-01"],
        ["model_2", "model_10"],
        ["V1", "v2", "V3"],
    ],
)
def test_numbers_and_dates_are_ordered_whatever_came_first(ordered: list[str]):
    for start in range(5):
        mixed = random.Random(start).sample(ordered, len(ordered))
        assert version_order(mixed, seen(random.Random(start + 9).sample(ordered, len(ordered)))) == ordered


@pytest.mark.parametrize(
    "ordered",
    [
        ["f3a91bc", "0d4e55a", "a000001"],  # git commits
        ["champion", "challenger", "anna"],
        ["31-01-2026", "02-02-2026"],  # day and month cannot be told apart by a machine
        ["9f86d081884c7d65", "1f86d081884c7d65"],
    ],
)
def test_names_that_tell_no_order_stand_by_first_appearance(ordered: list[str]):
    assert version_order(sorted(ordered), seen(ordered)) == ordered


def test_a_version_that_was_never_seen_is_last_among_its_like_and_none_is_lost():
    assert version_order(["b", "a"], {"b": pd.Timestamp("2026-01-01", tz="UTC"), "a": pd.NaT}) == ["b", "a"]
    assert version_order([], {}) == []
    assert version_order(["v2", "v1"], {}) == ["v1", "v2"]


@given(st.lists(st.text(max_size=12), unique=True, max_size=8), st.randoms())
def test_every_name_stays_once_and_the_given_order_does_not_matter(names: list[str], chance: random.Random):
    mixed = chance.sample(names, len(names))
    assert sorted(version_order(names, {})) == sorted(names)
    assert version_order(names, seen(sorted(names))) == version_order(mixed, seen(sorted(names)))


@given(
    st.lists(
        st.from_regex(r"[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,2})?((a|b|rc)[0-9])?", fullmatch=True),
        unique_by=lambda v: Version(v),
        max_size=8,
    )
)
def test_releases_stand_as_the_standard_of_python_packages_has_them(names: list[str]):
    assert version_order(names, {}) == sorted(names, key=Version)
