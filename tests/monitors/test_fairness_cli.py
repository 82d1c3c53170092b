"""From files to words: what `fairness` and `staleness` say of a model that treats groups unequally, against its raw rows."""

import json
from typing import Any

import pandas as pd
import pytest
import unequal_model

from monitors import fairness_views as views
from monitors import run
from monitors.__main__ import main
from monitors.rulebook import defaults, rule
from monitors.thresholds import judge


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("hiring")


@pytest.fixture(scope="module")
def hiring(place):
    return unequal_model.fill(place)


@pytest.fixture
def say(place, hiring, capsys):  # noqa: ARG001 - filled before it is asked
    """Do a command; gives its exit code, what it printed and what it complained of."""

    def done(*words: str) -> tuple[int, str, str]:
        code = main([*words, "--store", str(place / "store")])
        told = capsys.readouterr()
        return code, told.out, told.err

    return done


def rates(raw: pd.DataFrame) -> dict[str, float]:
    return (raw["hired"] == "yes").groupby(raw["sex"]).mean().to_dict()


def headline(told: list[dict[str, Any]], column: str, metric: str) -> dict[str, Any]:
    own = next(one for one in told if one["column"] == column)
    return next(one for one in own["headlines"] if one["metric"] == metric)


def test_it_names_the_groups_that_differ_and_leaves_the_small_one_out(say):
    raw = unequal_model.rows()
    of = rates(raw)
    code, out, err = say("fairness", "--model", "hiring", "--column", "sex")
    assert (code, err) == (0, "")
    assert f"f is selected {of['f'] / of['m']:.2f} times as often as m ({of['f']:.1%} against {of['m']:.1%}): below four fifths." in out
    told = json.loads(say("fairness", "--format", "json")[1])
    assert headline(told, "sex", "selection_ratio")["value"] == pytest.approx(of["f"] / of["m"])
    assert headline(told, "sex", "selection_ratio")["beyond_chance"]
    assert not headline(told, "region", "selection_ratio")["beyond_chance"]
    small = next(group for group in told[0]["groups"] if group["group"] == "x")
    assert small["selected"] is None
    assert small["selection_ratio_reason"] == "fewer than 30 rows with a prediction in this group"


def test_within_a_segment_since_a_day_and_of_a_version(say):
    raw = unequal_model.rows()
    of = rates(raw[(raw["region"] == "north") & (raw["version"] == "v2")])
    asked = ("fairness", "--column", "sex", "--within", "region=north", "--version", "v2", "--format", "json")
    assert headline(json.loads(say(*asked)[1]), "sex", "selection_ratio")["value"] == pytest.approx(of["f"] / of["m"])
    later = rates(raw[raw["ts"] >= "2026-03-16"])
    told = json.loads(say("fairness", "--since", "2026-03-16", "--format", "json")[1])
    assert headline(told, "sex", "selection_ratio")["value"] == pytest.approx(later["f"] / later["m"])
    code, _, err = say("fairness", "--model", "hiring", "--column", "sec")
    assert code == 2
    assert 'no segment column "sec". Did you mean "sex"?' in err
    assert say("fairness", "--within", "region=nort")[0] == 2


def test_no_alert_until_somebody_says_that_these_are_groups(hiring):
    measured = run.measurements(hiring, monitor="fairness", dataset=None)
    assert (judge(measured, defaults())["level"] == -1).all()
    protected = rule({"monitor": "fairness", "column": "sex", "segment": "all", "enabled": "true"}, "test", ())
    judged = judge(measured, (*defaults(), protected))
    raised = judged[judged["level"] > 0]
    assert set(raised["column"].astype(str)) == {"sex"}
    assert set(raised["segment"].astype(str)) == {"all"}
    weeks = judged[(judged["metric"] == "selection_ratio") & (judged["level"] >= 0)]
    assert weeks["level"].tolist() == [2] * 4  # 0.5 in each of four weeks, beyond what chance gives 200 rows a group


def test_staleness_says_how_old_and_how_late(say, hiring):
    code, out, err = say("staleness", "--model", "hiring")
    assert (code, err) == (0, "")
    # v1 served from 2 to 22 March; the reference is the same four weeks sixty days before, so it ends on 28 January.
    assert "v1 (served 21 days): model 21 days old, reference 53 days, labels after 4" in out
    assert "A version of this model usually serves 21 days: the median of 1 former version (v1 21)." in out
    told = json.loads(say("staleness", "--format", "json")[1])[0]
    assert told["versions"][1]["ages"]["model_age_days"] == 7
    assert told["versions"][1]["ages"]["label_lag_hours"] == pytest.approx(48, rel=0.0101)
    measured = run.measurements(hiring, monitor="staleness", window="week", segment="all")
    ages = measured[measured["metric"] == "reference_age_days"].sort_values("window_start")
    assert ages["value"].tolist() == [39, 46, 53, 60]


def test_groups_within_a_segment_whichever_column_comes_first():
    names = ["a=1", "b=2", "a=1 & b=2", "a=1 & b=3", "a=2 & b=2", "all"]
    frame = pd.DataFrame({"segment": names})
    assert views.within(frame, "a=1", "b")["segment"].tolist() == ["b=2", "b=3"]
    assert views.within(frame, "b=2", "a")["segment"].tolist() == ["a=1", "a=2"]
    assert views.within(frame, "all", "a")["segment"].tolist() == ["a=1"]
    values = pd.DataFrame({"segment": ["a=Meat & Fish", "a=1", "a=1 & b=2", "b=2"]})
    assert views.within(values, "all", "a")["segment"].tolist() == ["a=Meat & Fish", "a=1"]
