"""One engine: for random histories and rules, what the preview shows is what a live run alerts on, and what a slow judge says."""

from collections.abc import Iterator
from contextlib import suppress

import pandas as pd
import pytest
import slow_judge
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from measured_store import put, series
from test_alerts import slow

from data.errors import BadInput
from data.store import Store, open_store
from monitors import backtest, rulebook, run, summaries
from monitors.rules import SCOPE, Rule
from monitors.thresholds import prepare

PAIRS = [("drift", "psi"), ("drift", "ks"), ("skew", "js"), ("quality", "roc_auc")]
DAYS = {"day": 1, "week": 7}
SCOPE_AND_START = [*SCOPE, "window_start"]
LEVELS = [0.0, 0.05, 0.1, 0.2, 0.3, 0.9]


@st.composite
def histories(draw):
    """Some series of a few windows each; the values are those that limits lie on and between."""
    key = st.tuples(
        st.sampled_from(PAIRS), st.sampled_from(["age", "plan"]), st.sampled_from(["v1", "v2"]), st.sampled_from(["all", "plan=a"]),
        st.sampled_from(list(DAYS)), st.sampled_from(["log", "log", "reference"]),
    )  # fmt: skip
    parts = []
    for (monitor, metric), column, version, segment, window, dataset in draw(st.lists(key, min_size=4, max_size=12, unique=True)):
        values = draw(st.lists(st.sampled_from(LEVELS), min_size=2, max_size=8))
        names = {"monitor": monitor, "metric": metric, "column": column, "version": version, "segment": segment, "dataset": dataset}
        floors = {"usual": draw(st.sampled_from([float("nan"), 0.1])), "p_value": draw(st.sampled_from([float("nan"), 0.01, 0.2]))}
        parts.append(series(values, DAYS[window], **names, **floors))
    return pd.concat(parts, ignore_index=True)


@st.composite
def overrides(draw):
    """Rules as people set them: some name the monitor, some the metric alone; each makes sense with what it inherits."""
    made = ()
    for _ in range(draw(st.integers(0, 4))):
        monitor, metric = draw(st.sampled_from(PAIRS))
        scope = {"metric": metric} | ({"monitor": monitor} if metric == "js" or draw(st.booleans()) else {})
        names = {"column": "age", "version": "v1", "segment": draw(st.sampled_from(["all", "plan=a"])), "model": "churn"}
        scope |= {field: name for field, name in names.items() if draw(st.booleans())}
        below = metric == "roc_auc"
        kind = draw(st.sampled_from(["constant", "constant", "reference_quantile"]))
        fields = {"warning": draw(st.sampled_from([0.05, 0.1, 0.2])), "critical": draw(st.sampled_from([0.2, 0.3]))}
        if below:
            fields = {"warning": fields["critical"], "critical": fields["warning"]}
        fields |= {"kind": kind, "recover": None}
        others = {
            "window": draw(st.sampled_from(list(DAYS))), "for_windows": draw(st.sampled_from(["1", "2", "2 of 3"])), "enabled": draw(st.booleans()),
            "above_usual": draw(st.booleans()), "recover": draw(st.sampled_from([None, 0.5 if below else 0.0])),
        }  # fmt: skip
        chosen = draw(st.sets(st.sampled_from(list(others))))
        with suppress(BadInput):  # it would make no sense with what it inherits
            made = rulebook.with_override(made, Rule.model_validate(scope | fields | {name: others[name] for name in sorted(chosen)}))
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(str(tmp_path_factory.mktemp("engine") / "store"))
    yield store
    store.connection.close()


def previewed(store, rules):
    """What the page Thresholds shows of every metric: it reads one monitor's metric, judges it and makes alerts."""
    served = run.versions(store, "churn")
    parts = []
    for pair in PAIRS:
        windows, segment = backtest.reading({"metric": pair[1]}, pair, rules)
        read = [run.measurements(store, model="churn", monitor=pair[0], metric=pair[1], segment=segment, window=w, dataset=None) for w in windows]
        seen = prepare(pd.concat(read, ignore_index=True))
        parts.append(summaries.present(backtest.replay(seen, rules, {"metric": pair[1]}), served))
    return pd.concat(parts, ignore_index=True)


def as_set(found):
    return sorted(tuple(None if value != value else value for value in row) for row in found.itertuples(index=False))


# Each writes a store and reads it, which takes a second: to make a failing one smaller would take minutes.
@settings(max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(histories(), overrides())
def test_what_the_preview_shows_is_what_a_live_run_alerts_on(store, measured, wanted):
    put(store, measured)
    rules = (*rulebook.defaults(), *wanted)
    shown = previewed(store, rules)
    run.save_overrides(store, wanted, "a test")
    assert as_set(shown) == as_set(run.alerts(store))


@settings(max_examples=20, deadline=None)
@given(histories(), overrides())
def test_replay_agrees_with_the_slow_judge(measured, wanted):
    rules = (*rulebook.defaults(), *wanted)
    for pair in PAIRS:
        part = measured[(measured["monitor"] == pair[0]) & (measured["metric"] == pair[1])]
        if not (part["dataset"] == "log").any():
            continue
        found = backtest.replay(part, rules, {"metric": pair[1]})
        by_hand = slow_judge.judge(part.to_dict("records"), rules, rulebook.defaults())
        judged = part[part["dataset"] == "log"].copy()
        judged["window_name"] = ["week" if days == 7 else "day" for days in (judged["window_end"] - judged["window_start"]).dt.days]
        told = [by_hand[(*row[:6], row[-1]), row[6]] for row in judged[[*SCOPE_AND_START, "window_name"]].itertuples(index=False, name=None)]
        judged[["level", "warning", "critical", "side"]] = told
        rows = [tuple(None if x != x else x for x in row) for row in found.itertuples(index=False)]
        assert rows == slow(judged.astype({"warning": float, "critical": float}))
