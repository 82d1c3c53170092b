"""`python -m monitors thresholds suggest`: what it prints, in three formats, and what it refuses."""

import json

import pytest
from commandline import vigia

from monitors import rulebook


def suggest(store, *words):
    return vigia("thresholds", "suggest", "--model", "fragile", "--store", store, *words)


def test_text_tells_reason_replay_and_limits(fragile_store):
    done = suggest(fragile_store, "--metric", "null_rate", "--column", "age", "--method", "quantile")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("null_rate of age, fragile, quantile: Half of the days lie below 0 in these 2 weeks; 1 normal day in 100")
    assert lines[1] == "  0 alerts (0 critical) over 2 weeks; the rules in force give 0 alerts (0 critical)."
    assert lines[2] == "  age  warning 0.025, critical 0.075: 0 alerts"  # 3 and 9 of the 120 rows of a day


def test_json_holds_every_method_for_scripts(fragile_store):
    told = json.loads(suggest(fragile_store, "--metric", "psi", "--format", "json").stdout)
    assert [one["method"] for one in told] == ["quantile", "false-alarms", "budget", "verdicts"]
    assert "Only" in told[0]["reason"] or told[0]["rules"]
    assert told[3]["rules"] == []
    for one in told:
        assert {"reason", "notes", "alerts", "weeks", "per_week", "columns"} <= one.keys()


def test_yaml_is_taken_back_by_apply_and_backtest(fragile_store):
    done = suggest(fragile_store, "--metric", "nan_rate", "--method", "quantile", "--format", "yaml")
    rules = rulebook.read(done.stdout, "suggested")
    assert {rule.metric for rule in rules} == {"nan_rate"}
    assert {rule.column for rule in rules} >= {"s", "age"}
    assert all(rule.model == "fragile" for rule in rules)


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--metric", "pis"), 'Did you mean "psi"'), (("--metric", "js"), "drift and skew both measure js"),
     (("--metric", "psi", "--column", "aeg"), 'Did you mean "age"'), (("--metric", "psi", "--per-week", "0"), "is no number of alerts a week"),
     (("--metric", "psi", "--per-week", "nan"), "is no number"), (("--metric", "psi", "--method", "verdicts", "--format", "yaml"), "Review"),
     (("--metric", "mae"), "was not measured")],
)  # fmt: skip
def test_mistakes_are_told_in_a_line(fragile_store, words, said):
    done = suggest(fragile_store, *words)
    assert done.returncode == 2
    assert said in done.stderr
