"""What differs between two manifests, to the detail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.manifest_diff import MOST, Difference, differences, step


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("1.26.4", "2.0.1", "major"),
        ("2.4.5", "2.4.6", "patch"),
        ("2.4", "2.5.0", "minor"),
        ("2.0.0", "1.9.9", "major, back to an older one"),
        ("1.0rc1", "1.0", "pre-release"),
        ("1.0", "1.0.post1", "build"),
        ("2.1.0+cpu", "2.1.0+cu12", "build"),
        ("weather-1", "weather-2", ""),
        (">=1.2", "1.3", ""),
    ],
)
def test_how_far_a_version_went(before: str, after: str, told: str):
    assert step(before, after) == told


def test_packages_changed_added_and_removed():
    before = {"packages": {"numpy": "1.26.4", "pandas": "3.1.0", "shap": "0.4"}, "python": "3.11.7"}
    after = {"packages": {"numpy": "2.0.1", "pandas": "3.1.1", "lightgbm": "4.7.0"}, "python": "3.12.1"}
    assert differences(before, after) == [
        Difference("dependency", "Python", "3.11.7", "3.12.1", "minor"),
        Difference("dependency", "numpy", "1.26.4", "2.0.1", "major"),
        Difference("dependency", "pandas", "3.1.0", "3.1.1", "patch"),
        Difference("dependency", "lightgbm", "", "4.7.0", "added"),
        Difference("dependency", "shap", "0.4", "", "removed"),
    ]


def test_many_packages_are_told_in_one_line_beyond_the_first():
    found = differences(
        {"packages": {f"p{i:03d}": "1" for i in range(100)}}, {"packages": {f"p{i:03d}": "2" for i in range(100)}}
    )
    assert len(found) == MOST + 1
    assert found[-1].what == "60 more packages"
    assert found[-1].detail.endswith("p099 1 → 2")


def test_commits_between_and_what_is_not_committed():
    a, b, c = ("a" * 40, "b" * 40, "c" * 40)
    history = [[c, "2026-03-03", "Ben", "third"], [b, "2026-03-02", "Anna", "second"], [a, "2026-03-01", "Anna", "first"]]
    old = {"code": {"commit": a, "dirty": False, "history": history[2:]}}
    new = {"code": {"commit": c, "dirty": True, "changed_files": ["train.py"], "history": history}}
    told = "2 commits: Ben: third; Anna: second; uncommitted changes in train.py"
    assert differences(old, new) == [Difference("code", "git commit", "a" * 12, "c" * 12 + " + uncommitted", told)]
    clean = {"code": {**new["code"], "dirty": False, "changed_files": []}}
    assert differences(clean, old)[0].detail == "back to an older commit"
    assert differences(clean, new)[0].after == "c" * 12 + " + uncommitted"  # the same commit, with changes
    assert differences(old, old) == []


def test_model_training_parameters_features_and_sources():
    before = {
        "model_sha256": "1" * 64, "training": {"a.csv": "2" * 64}, "parameters": {"depth": "6", "train_rows": "10"},
        "features": ["age", "plan"], "sources": {"payments": "billing-1"},
    }  # fmt: skip
    after = {
        "model_sha256": "3" * 64, "training": {"b.csv": "4" * 64}, "parameters": {"depth": "8", "train_rows": "20"},
        "features": ["age", "income"], "sources": {"payments": "billing-2"},
    }  # fmt: skip
    assert differences(before, after) == [
        Difference("model", "model file", "1" * 12, "3" * 12, "another file, by its hash"),
        Difference("data", "training data", "2" * 12, "4" * 12, "a.csv → b.csv"),
        Difference("model", "depth", "6", "8"),
        Difference("data", "train_rows", "10", "20"),
        Difference("schema", "income", "", "feature", "added to the features"),
        Difference("schema", "plan", "feature", "", "gone from the features"),
        Difference("source", "payments", "billing-1", "billing-2"),
    ]
    assert not any(one.what == "model file" for one in differences(before, after, same_version=False))


def test_what_one_of_them_does_not_state_is_no_difference():
    whole = {
        "packages": {"numpy": "1"},
        "features": ["a"],
        "training": {"": "x"},
        "python": "3.11",
        "code": {"commit": "a"},
        "model_sha256": "m",
    }
    assert differences({}, whole) == differences(whole, {}) == []


versions = st.dictionaries(st.sampled_from(["numpy", "scipy", "pandas", "shap"]), st.sampled_from(["1.0", "1.1", "2.0", "odd"]))


@given(versions, versions)
def test_differences_turn_one_list_of_packages_into_the_other(before: dict[str, str], after: dict[str, str]):
    made = dict(before)
    for one in differences({"packages": before}, {"packages": after}):
        assert made.get(one.what, "") == one.before
        made[one.what] = one.after
    assert {name: version for name, version in made.items() if version} == after
