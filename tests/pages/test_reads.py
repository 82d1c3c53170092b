"""What is kept of a scope: made once for what it depends on, anew for everything else."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from monitors import summaries
from pages.parts import reads, sidebar
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


@pytest.fixture
def scope(fragile_store: Path, monkeypatch: pytest.MonkeyPatch) -> Scope:
    monkeypatch.setenv("VIGIA_STORE", str(fragile_store))
    served = reads.versions("fragile", reads.snapshot())
    return Scope("fragile", None, "all", served["first"].min(), served["last"].max(), reads.snapshot())


@pytest.mark.parametrize("segment", ["all", "another"])
def test_all_that_is_watched_is_what_each_metric_gives_alone(scope: Scope, segment: str):
    there = reads.segments(scope.model, scope.snapshot)
    scope = replace(scope, segment="all" if segment == "all" else there[-1])
    assert segment == "all" or scope.segment != "all"
    asked = {(one.monitor, one.metric, one.window) for one in summaries.watched(reads.rules(scope)) if one.segment in (None, "all", scope.segment)}
    alone = pd.concat([reads.shown(scope, window, monitor=m, metric=metric)[0] for m, metric, window in asked])
    order = ["version", "monitor", "metric", "column", "window_name", "window_start"]
    texts = dict.fromkeys([*order[:5], "model", "segment", "side", "reason"], str)
    expected, found = (frame.astype(texts).sort_values(order, ignore_index=True) for frame in (alone, reads.watched(scope)))
    assert len(found) > 100
    pd.testing.assert_frame_equal(found, expected)


def _draw() -> None:
    from pages.parts import sidebar

    sidebar.draw()


@pytest.mark.usefixtures("scope")
def test_what_a_server_reads_first_is_what_the_first_screen_is_about(monkeypatch: pytest.MonkeyPatch):
    read: list[Scope] = []
    monkeypatch.setattr(reads, "watched", read.append)
    sidebar.read_first()
    app = AppTest.from_function(_draw, default_timeout=60).run()
    assert read == [app.session_state["scope"]]
