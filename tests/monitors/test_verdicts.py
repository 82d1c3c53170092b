"""What people said alerts were: it stays with them when thresholds move, and tells how far a rule can be trusted."""

import pandas as pd
import pytest
from decisions_by_hand import ABOUT, alert, alerts, at, decisions, made
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from monitors import verdicts
from monitors.rulebook import defaults
from monitors.rules import Rule


def said(value: str, start: str, end: str, **names: object) -> dict[str, object]:
    return made("verdict", start, end, value, **(ABOUT | names))


def told(*of: dict[str, object], by: tuple[dict[str, object], ...]) -> list[str]:
    return verdicts.with_verdicts(alerts(*of), decisions(*by))["verdict"].tolist()


def test_a_verdict_stays_attached_when_a_threshold_moves_or_labels_come():
    by = (said("noise", "2026-02-02", "2026-02-16"),)
    shorter, longer = alert("2026-02-09", "2026-02-16"), alert("2026-01-26", "2026-03-02")
    split = (alert("2026-02-02", "2026-02-04"), alert("2026-02-06", "2026-02-10"))
    assert told(shorter, longer, *split, by=by) == ["noise"] * 4
    assert told(alert("2026-02-16", "2026-02-23"), shorter | {"segment": "a=1"}, shorter | {"version": "v2"}, by=by) == ["", "", ""]


def test_a_later_verdict_replaces_what_it_overlaps_and_taking_it_back_brings_the_first_again():
    by = [said("noise", "2026-02-02", "2026-02-16"), said("real", "2026-02-09", "2026-02-23")]
    assert told(alert("2026-02-02", "2026-02-23"), by=tuple(by)) == ["real"]
    assert verdicts.verdicts(decisions(*by))[["verdict", "decision"]].values.tolist() == [["real", 2]]
    assert told(alert("2026-02-02", "2026-02-23"), by=(*by, made("retract", retracts=2))) == ["noise"]
    twice = [said(value, "2026-02-02", "2026-02-04") for value in ("real", "noise")]
    assert verdicts.verdicts(decisions(*twice))["verdict"].tolist() == ["noise"]


def test_an_alert_over_several_verdicts_is_real_if_one_of_them_is():
    both = alert("2026-02-02", "2026-03-02")
    apart = [said("real", "2026-02-02", "2026-02-04"), said("noise", "2026-02-16", "2026-02-18"), said("expected", "2026-02-20", "2026-02-21")]
    assert told(both, alert("2026-02-16", "2026-03-02"), alert("2026-02-16", "2026-02-19"), by=tuple(apart)) == ["real", "expected", "noise"]
    found = verdicts.with_verdicts(alerts(both), decisions(*apart)).iloc[0]
    assert found[["verdict_by", "verdict_note", "verdict_decision"]].tolist() == ["ana", "why", 1]


def test_frames_that_a_threshold_can_be_fitted_to():
    by = decisions(said("real", "2026-02-02", "2026-02-04"), made("missed", "2026-02-10", "2026-02-12", model="m", column="x"))
    found = verdicts.verdicts(by)
    assert found.columns.tolist()[:9] == ["model", "version", "monitor", "metric", "column", "segment", "start", "end", "verdict"]
    marks = verdicts.missed(by)
    assert marks.columns.tolist()[:8] == ["model", "version", "monitor", "metric", "column", "segment", "start", "end"]
    assert marks.loc[0, ["version", "metric", "segment"]].isna().all()
    assert len(verdicts.unseen(marks, alerts(alert("2026-02-01", "2026-02-11"), alert("2026-02-12", "2026-02-13")))) == 0
    assert len(verdicts.unseen(marks, alerts(alert("2026-02-12", "2026-02-13"), alert("2026-02-10", "2026-02-12", column="y")))) == 1
    assert len(verdicts.unseen(marks, alerts())) == 1
    assert verdicts.verdicts(decisions()).empty
    assert verdicts.missed(decisions()).empty


def test_precision_by_hand_and_its_interval_by_scipy():
    # psi of every column: 3 real, 1 noise, 1 expected, 1 open question; psi of y has an override of its own, once noise.
    days = [f"2026-02-{day:02}" for day in range(2, 20, 2)]
    table = alerts(*(alert(day, f"2026-02-{int(day[-2:]) + 1:02}") for day in days[:6]), alert("2026-03-02", "2026-03-03", column="y"))
    values = ["real", "real", "real", "noise", "expected"]
    by = [said(value, day, f"2026-02-{int(day[-2:]) + 1:02}") for value, day in zip(values, days, strict=False)]
    by.append(said("noise", "2026-03-02", "2026-03-03", column="y"))
    by.append(made("missed", "2026-04-01", "2026-04-02", model="m", column="x"))
    by.append(made("missed", "2026-02-02", "2026-02-03", model="m"))  # an alert was on
    rules = (*defaults(), Rule(metric="psi", column="y", warning=0.5))
    found = verdicts.precision(table, decisions(*by), rules)
    assert found["rule"].tolist() == ["drift psi", "psi of y"]
    assert found[["alerts", "decided", "real", "expected", "noise", "missed"]].values.tolist() == [[6, 5, 3, 1, 1, 1], [1, 1, 0, 0, 1, 0]]
    for row, (hits, of) in zip(found.to_dict("records"), [(3, 4), (0, 1)], strict=True):
        wilson = binomtest(hits, of).proportion_ci(0.95, "wilson")
        assert (row["precision"], row["low"], row["high"]) == pytest.approx((hits / of, wilson.low, wilson.high), abs=1e-12)
    assert found["scope"].tolist() == [{"monitor": "drift", "metric": "psi"}, {"metric": "psi", "column": "y"}]
    blank = verdicts.precision(table, decisions(), rules)
    assert blank[["decided", "missed"]].to_numpy().sum() == 0
    assert blank[["precision", "low", "high"]].isna().all().all()


given_verdicts = st.lists(st.tuples(st.sampled_from(verdicts.VERDICTS), st.integers(0, 12), st.integers(1, 4)), min_size=1, max_size=6)


@settings(max_examples=30)
@given(given_verdicts, st.randoms(use_true_random=False))
def test_verdicts_against_a_slow_oracle_whatever_the_order_of_rows(given_, chance):
    """By hand, day by day: the last that speaks of an overlapping span stands."""
    start = at("2026-02-02")
    rows = [
        said(v, "2026-02-02", "2026-02-03") | {"start": start + pd.Timedelta(days=a), "end": start + pd.Timedelta(days=a + n)}
        for v, a, n in given_
    ]
    stands = [
        i for i, (_, a, n) in enumerate(given_)
        if not any(b < a + n and b + m > a for _, b, m in given_[i + 1 :])
    ]  # fmt: skip
    table = decisions(*rows)
    order = list(table.index)
    chance.shuffle(order)
    assert sorted(verdicts.verdicts(table.loc[order])["decision"]) == [i + 1 for i in stands]
    gone = pd.concat([table, decisions(*rows, made("retract", retracts=1)).tail(1)])
    without = table[table["decision"] != 1]
    pd.testing.assert_frame_equal(verdicts.verdicts(gone), verdicts.verdicts(without))
