"""What is kept of a scope: made once for what it depends on, anew for everything else."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pages.parts import reads
from pages.parts.scope import Scope

SCOPE = Scope("churn", None, "all", datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC), 7)


@pytest.fixture(autouse=True)
def forgetful():
    reads._made.clear()


def test_what_was_made_of_a_scope_is_made_once_and_shared():
    made = []

    def count(scope: Scope, column: str) -> list[str]:
        made.append((scope, column))
        return [column]

    first = reads.of_scope(count, SCOPE, column="age")
    assert reads.of_scope(count, replace(SCOPE), column="age") is first  # an equal scope, as each rerun makes one
    assert made == [(SCOPE, "age")]


@pytest.mark.parametrize(
    "other",
    [{"snapshot": 8}, {"version": "None"}, {"segment": "region=x"}, {"until": datetime(2024, 2, 2, tzinfo=UTC)}, {"model": "fraud"}],
)
def test_another_scope_is_never_shown_what_was_kept_of_this_one(other):
    def told(scope: Scope) -> Scope:
        return scope

    assert reads.of_scope(told, SCOPE) == SCOPE
    assert reads.of_scope(told, replace(SCOPE, **other)) == replace(SCOPE, **other)


def test_arguments_the_look_and_the_function_keep_results_apart(monkeypatch):
    def one(_: Scope, **asked: object) -> object:
        return "one", asked

    def two(_: Scope, **asked: object) -> object:
        return "two", asked

    assert reads.of_scope(one, SCOPE, a="1") == ("one", {"a": "1"})
    assert reads.of_scope(one, SCOPE, a=1) == ("one", {"a": 1})
    assert reads.of_scope(two, SCOPE, a=1) == ("two", {"a": 1})
    light = reads.of_scope(one, SCOPE, look="light")
    assert reads.of_scope(one, SCOPE, look="dark") is not light
    monkeypatch.setenv("VIGIA_STORE", "elsewhere")
    assert reads.of_scope(one, SCOPE, look="light") is not light
