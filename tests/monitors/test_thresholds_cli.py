"""Thresholds as code: what a file would give, who changed what, two people at once, names that nobody has seen."""

import json
import re
from collections.abc import Iterator
from unittest.mock import patch

import pandas as pd
import pytest
from commandline import vigia
from measured_store import put, series

from data.store import Store, open_store
from monitors import rulebook, run
from monitors.run_rules import Conflict

# Weeks of psi, judged at 0.1 and 0.25: age breaches in weeks 2 to 4 and 8, plan in week 6.
MEASURED = pd.concat([
    series([0.05, 0.3, 0.3, 0.2, 0.0, 0.0, 0.0, 0.15]),
    series([0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.0, 0.0], column="plan", version="v2"),
    series([0.09, 0.09, 0.0, 0.09, 0.0, 0.0, 0.0, 0.0], column="plan"),
])  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[Store]:
    """Opened once for all commands, which is what takes their time."""
    store = open_store(str(tmp_path_factory.mktemp("rules") / "store"))
    put(store, MEASURED)
    with patch("monitors.__main__.open_store", lambda _: store):
        yield store
    store.connection.close()


@pytest.fixture
def place(store) -> Store:
    """The store without an override."""
    run.save_overrides(store, (), "as it was")
    return store


def ask(place, *words):
    return vigia(*words, "--store", place.where)


def file(tmp_path, text, name="new.yaml"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


# Of plan, weeks at 0.09 now warn: 2, 1 and 1 of v1 in two alerts; v2 as before. Of age, the lone warning of week 8 goes, weeks 2 and 3
# are critical still and week 4 at 0.2 is no warning any more: changed.
PROPOSED = "- metric: psi\n  column: plan\n  warning: 0.08\n- metric: psi\n  column: age\n  warning: 0.25\n"


def test_backtest_by_hand_as_json_text_and_markdown(place, tmp_path):
    new = file(tmp_path, PROPOSED)
    told = json.loads(ask(place, "backtest", "--rules", new, "--format", "json").stdout)
    model = told["models"][0]
    assert told["gained"] == 2
    assert [model[name] for name in ("gained", "lost", "changed", "same")] == [2, 1, 1, 1]
    # Before: age twice, plan of v2; 3 alerts in 8 weeks. After: age once, plan twice of v1, once of v2.
    assert model["before"] == {"alerts": 3, "critical": 1, "warning": 2, "open": 1, "per_week": 0.375}
    assert model["after"] == {"alerts": 4, "critical": 1, "warning": 3, "open": 0, "per_week": 0.5}
    assert {row["rule"]: [row[k] for k in ("before", "after", "gained", "lost", "changed")] for row in model["rules"]} == {
        "psi of plan": [1, 3, 2, 0, 0], "psi of age": [2, 1, 0, 1, 1],
    }  # fmt: skip
    assert (model["since"], model["until"]) == ("2026-01-05T00:00:00Z", "2026-03-02T00:00:00Z")
    lost = next(event for event in model["events"] if event["change"] == "lost")
    assert (lost["column"], lost["saved_start"], lost["moved_start"]) == ("age", "2026-02-23T00:00:00Z", None)

    text = ask(place, "thresholds", "backtest", "--rules", new).stdout
    assert "alerts 3 → 4 (0.38 → 0.50 a week" in text
    assert "+ psi of plan (v1): warning, 2026-01-05 to 2026-01-18, 2 windows" in text
    assert "~ psi of age (v1): critical, 2026-01-12 to 2026-02-01, 3 windows → critical, 2026-01-12 to 2026-01-25, 2 windows" in text
    markdown = ask(place, "backtest", "--rules", new, "--format", "markdown").stdout
    assert "| psi of plan | 1 | 3 | 0.12 | 0.38 | 2 | 0 | 0 |" in markdown


def test_backtest_counts_what_the_rules_give_once_they_are_applied(place, tmp_path):
    new = file(tmp_path, PROPOSED)
    told = json.loads(ask(place, "backtest", "--rules", new, "--format", "json").stdout)["models"][0]
    assert ask(place, "thresholds", "apply", new, "--reason", "PR 12").returncode == 0
    assert told["after"]["alerts"] == len(json.loads(ask(place, "alerts", "--format", "json").stdout))
    against = json.loads(ask(place, "backtest", "--rules", new, "--against", "defaults", "--format", "json").stdout)["models"][0]
    assert [against[name] for name in ("gained", "lost", "changed", "same")] == [2, 1, 1, 1]


def test_a_ci_job_fails_above_a_number_of_new_alerts(place, tmp_path):
    new = file(tmp_path, PROPOSED)
    failed = ask(place, "backtest", "--rules", new, "--fail-above", 1)
    assert (failed.returncode, failed.stderr) == (1, "vigia: 2 new alerts, more than the 1 of --fail-above.\n")
    later = ask(place, "backtest", "--rules", new, "--since", "2026-01-22", "--fail-above", 1, "--model", "churn")
    assert later.returncode == 0  # one of the two
    assert "1 gained" in later.stdout
    assert ask(place, "backtest", "--rules", new, "--fail-above", -1).returncode == 2
    assert ask(place, "backtest", "--rules", new, "--against", "none.yaml").returncode == 2


def test_a_rule_that_names_no_monitor_reads_no_window_twice(place):
    # Read once for `drift psi` and once for `psi`, each week would count for two, and a lone week would make two of three.
    assert ask(place, "thresholds", "set", "metric=psi", "--set", "for_windows=2 of 3", "--reason", "calm").returncode == 0
    found = json.loads(ask(place, "alerts", "--format", "json").stdout)
    assert [(row["column"], row["windows"]) for row in found] == [("age", 2)]


def test_a_file_comes_back_with_its_comments_until_somebody_changes_a_rule(place, tmp_path):
    text = "# Ours\n- metric: psi\n  column: age # retired people move\n  warning: 0.2\n"
    assert ask(place, "thresholds", "apply", file(tmp_path, text), "--reason", "PR 1").returncode == 0
    exported = ask(place, "thresholds", "export").stdout
    assert exported.split("\n", 1)[1] == text
    assert re.match(r"# Thresholds of Vigia, edit \d+ of \d{4}-\d\d-\d\d \d\d:\d\d UTC by \S+: PR 1\n", exported)
    again = ask(place, "thresholds", "apply", file(tmp_path, exported), "--reason", "PR 1")
    assert again.stdout.endswith("holds the rules in force; nothing was changed.\n")
    ask(place, "thresholds", "set", "metric=psi", "column=age", "--set", "critical=0.5", "--reason", "more")
    assert "retired people" not in ask(place, "thresholds", "export").stdout


def test_who_applies_an_old_export_is_told_what_came_in_between_and_decides(place, tmp_path):
    exported = ask(place, "thresholds", "export").stdout
    ask(place, "thresholds", "set", "metric=psi", "column=age", "--set", "critical=0.5", "--reason", "ada knows why")
    mine = file(tmp_path, exported.replace("[]\n", "- metric: psi\n  column: age\n  warning: 0.2\n"))
    refused = ask(place, "thresholds", "apply", mine, "--reason", "mine")
    assert refused.returncode == 2
    assert re.search(r'changed critical of psi of age from 0.25 \(inherited\) to 0.5 on .* UTC \(edit \d+: "ada knows why"\)', refused.stderr)
    assert "--on-top" in refused.stderr
    assert "warning" not in ask(place, "thresholds", "show", "--overrides").stdout
    assert ask(place, "thresholds", "apply", mine, "--reason", "mine", "--on-top").returncode == 0
    shown = ask(place, "thresholds", "show", "--overrides").stdout
    assert "critical: 0.5" in shown
    assert "warning: 0.2" in shown


def test_the_second_of_two_who_save_at_once_is_refused_and_nothing_is_lost(place):
    seen = int(run.edits(place)["edit"].max())
    first, second = ((rulebook.rule({"metric": "psi", "warning": value}, "test"),) for value in (0.2, 0.22))
    run.save_overrides(place, first, "one", based_on=seen)
    with pytest.raises(Conflict, match=r"warning of psi from 0.1 \(inherited\) to 0.2 on"):
        run.save_overrides(place, second, "two", based_on=seen)
    assert run.overrides(place) == first


def test_diff_history_and_restore(place, tmp_path):
    new = file(tmp_path, PROPOSED)
    assert "psi of plan\n  warning: 0.1 (inherited) → 0.08\n" in ask(place, "thresholds", "diff", new).stdout
    ask(place, "thresholds", "apply", new, "--reason", "PR 12")
    assert "would change nothing" in ask(place, "thresholds", "diff", new).stdout
    told = json.loads(ask(place, "thresholds", "history", "--format", "json").stdout)
    assert [(row["rule"], row["field"], row["before"], row["after"], row["reason"]) for row in told[:2]] == [
        ("psi of plan", "warning", "0.1 (inherited)", "0.08", "PR 12"), ("psi of age", "warning", "0.1 (inherited)", "0.25", "PR 12"),
    ]  # fmt: skip
    edit = told[0]["edit"]
    ask(place, "thresholds", "set", "metric=psi", "--set", "warning=0.2", "--reason", "oops")
    done = ask(place, "thresholds", "restore", edit, "--reason", "not that")
    assert "warning of psi: 0.2 → 0.1 (inherited)" in done.stdout
    assert ask(place, "thresholds", "export").stdout.endswith(PROPOSED)  # as it was written
    assert "already" in ask(place, "thresholds", "restore", edit, "--reason", "again").stdout
    assert f"edit {edit}, " in ask(place, "thresholds", "history").stdout
    unknown = ask(place, "thresholds", "restore", 999, "--reason", "x")
    assert (unknown.returncode, len(unknown.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("scope", "sentence"),
    [("column=agee", 'Did you mean "age"'), ("version=v3", '"v2"'), ("segment=plan=x", "all"), ("model=chrun", '"churn"')],
)
def test_a_rule_about_what_nobody_measured_is_refused_with_near_names_unless_it_is_yet_to_come(place, tmp_path, scope, sentence):
    words = ("thresholds", "set", "metric=psi", scope, "--set", "critical=0.9", "--reason", "r")
    refused = ask(place, *words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert sentence in refused.stderr
    assert "--ahead" in refused.stderr
    field, name = scope.split("=", 1)
    new = file(tmp_path, f"- metric: psi\n  {field}: {name}\n  critical: 0.9\n")
    applied = ask(place, "thresholds", "apply", new, "--reason", "r")
    # A file may speak of a model whose data comes later; of one that has data, a column that it has not is a mistake.
    assert applied.returncode == (0 if field == "model" else 2)
    assert sentence in applied.stderr
    assert ask(place, *words, "--ahead").returncode == 0
