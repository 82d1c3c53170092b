"""Edits: what each changed, and where each field of a rule comes from."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInput
from monitors import edits, rulebook
from monitors.rules import Rule

AT = pd.Timestamp("2026-03-02 09:00", tz="UTC")


def edited(*states):
    """The table of edits from the overrides after each."""
    rows = [
        {"edit": i, "rules": rulebook.dump(rules), "edited_at": AT + pd.Timedelta(days=i), "author": f"a{i}", "reason": f"r{i}"}
        for i, rules in enumerate(states, 1)
    ]
    return pd.DataFrame(rows, columns=["edit", "rules", "edited_at", "author", "reason"])


PSI = Rule(metric="psi", warning=0.2)
TEMP = Rule(metric="psi", column="temp", critical=3.0)


def test_differences_tell_what_was_in_force_and_what_will_be():
    usual = rulebook.resolve(rulebook.defaults(), monitor="drift", metric="psi").min_rows
    found = edits.differences((PSI,), (Rule(metric="psi", warning=0.15, min_rows=500), TEMP))
    assert found[["rule", "field", "before", "after"]].values.tolist() == [
        ["psi", "warning", "0.2", "0.15"],
        ["psi", "min_rows", f"{usual} (inherited)", "500"],
        ["psi of temp", "critical", "0.25 (inherited)", "3"],
    ]


def test_a_removed_override_goes_back_to_what_it_inherits():
    assert edits.differences((PSI,), ())[["before", "after"]].values.tolist() == [["0.2", "0.1 (inherited)"]]
    assert edits.differences((PSI, TEMP), (TEMP, PSI)).empty


def test_history_has_the_last_edit_first_and_one_row_a_field():
    told = edits.history(edited((PSI,), (PSI, TEMP), (PSI, TEMP), ()))
    assert told["edit"].tolist() == [4, 4, 3, 2, 1]
    assert told["author"].tolist() == ["a4", "a4", "a3", "a2", "a1"]
    assert told["field"].fillna("").tolist() == ["warning", "critical", "", "critical", "warning"]
    assert edits.history(edited()).empty


def test_an_edit_that_cannot_be_read_any_more_does_not_hide_the_others():
    table = edited((PSI,), (TEMP,))
    table.loc[0, "rules"] = "- metric: gone\n  warning: 1\n"
    assert edits.history(table)["after"].fillna("").tolist() == ["3", ""]


def test_origins_name_the_default_with_its_reason_or_who_overrode_it():
    overrides = (PSI, Rule(metric="psi", segment="all", window="day"))
    told = edits.history(edited((PSI,), overrides))
    found = edits.origins(overrides, told, {"metric": "psi"}).set_index("field")
    assert found.loc["warning", ["value", "from", "why", "author"]].tolist() == ["0.2", "override", "r1", "a1"]
    assert found.loc["warning", "edited_at"] == AT + pd.Timedelta(days=1)
    assert found.loc["window", ["value", "author"]].tolist() == ["day", "a2"]
    assert found.loc["critical", ["value", "from", "author"]].tolist() == ["0.25", "default", ""]
    assert "0.25" in found.loc["critical", "why"]
    assert found.loc["recover", ["value", "from"]].tolist() == ["–", "not set"]


def test_the_origin_is_the_last_edit_of_that_very_field():
    told = edits.history(edited((PSI,), (PSI, TEMP), (Rule(metric="psi", warning=0.2, critical=0.5), TEMP)))
    found = edits.origins((Rule(metric="psi", warning=0.2, critical=0.5), TEMP), told, {"metric": "psi"}).set_index("field")
    assert found.loc["warning", "author"] == "a1"
    assert found.loc["critical", "author"] == "a3"


def test_texts():
    assert edits.text("for_windows", (2, 3)) == "2 of 3"
    assert edits.text("for_windows", (2, 2)) == "2"
    assert edits.text("warning", (0.2, 0.8)) == "0.2 to 0.8"
    assert edits.text("warning", 0.0) == "0"  # 0 is a threshold, not an absent one
    assert edits.text("warning", None) == "–"
    assert edits.text("enabled", False) == "no"


def test_what_came_since_is_told_with_who_when_and_why():
    past = edited((PSI,), (PSI, TEMP), (Rule(metric="psi", warning=0.15), TEMP))
    assert edits.since(past, 1) == (
        'a2 changed critical of psi of temp from 0.25 (inherited) to 3 on 4 Mar 2026, 09:00 UTC (edit 2: "r2"). '
        'a3 changed warning of psi from 0.2 to 0.15 on 5 Mar 2026, 09:00 UTC (edit 3: "r3").'
    )
    assert edits.since(past, 3) == ""


def test_an_exported_text_knows_its_edit_and_comes_back_without_its_head():
    past = edited((PSI,))
    past.loc[0, "rules"] = "# ours\n- {metric: psi, warning: 0.2} # why\n"
    text = edits.exported(past)
    assert text == "# Thresholds of Vigia, edit 1 of 2026-03-03 09:00 UTC by a1: r1\n# ours\n- {metric: psi, warning: 0.2} # why\n"
    assert (edits.basis(text), edits.body(text)) == (1, past["rules"].iloc[0])
    assert edits.basis(past["rules"].iloc[0]) is None
    assert edits.basis(edits.exported(edited())) == 0
    assert rulebook.read(text, "file") == (PSI,)


def test_any_state_can_be_had_again():
    past = edited((PSI,), (PSI, TEMP))
    assert [edits.state(past, edit) for edit in (0, 1, 2)] == [(), (PSI,), (PSI, TEMP)]
    with pytest.raises(BadInput, match="There is no edit 7 of the thresholds: the last is 2"):
        edits.state(past, 7)


LIMIT = st.sampled_from([0.11, 0.12, 0.13])
FIELDS = st.fixed_dictionaries({}, optional={"warning": LIMIT, "min_rows": st.sampled_from([100, 200]), "window": st.sampled_from(["day", "week"])})
SETS = st.dictionaries(st.sampled_from(["age", "plan", None]), FIELDS.filter(bool), max_size=3).map(
    lambda rules: tuple(Rule(metric="psi", **({"column": column} if column else {}), **fields) for column, fields in rules.items())
)


def fields_of(rules):
    return {(scope, field): value for rule in rules for scope in [tuple(rule.scope.items())] for field, value in rule.changes.items()}


@given(SETS, SETS, SETS)
def test_two_edits_from_one_beginning_lose_nothing(base, mine, theirs):
    before, own, other, both = map(fields_of, (base, mine, theirs, edits.on_top(base, mine, theirs)))
    for name in {*before, *own, *other, *both}:
        # What I changed is as I want it; what I left alone is as they left it.
        wanted = own if own.get(name) != before.get(name) else other
        assert both.get(name) == wanted.get(name)
