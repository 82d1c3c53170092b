"""Alerts: runs by hand, against a slow way to find them, and their sentence."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_thresholds import NAN, RULES, START, WIDE, measured, tables

from monitors.alerts import alerts, sentence, with_model
from monitors.rules import SCOPE
from monitors.thresholds import Rule, judge

COLUMNS = [*SCOPE, "start", "end", "windows", "peak", "threshold", "severity", "state"]
RULE = Rule(warning=0.1, critical=0.25)


def day(number):
    return START + pd.Timedelta(days=number)


def test_runs_by_hand():
    #         0     1    2     3    4     5     6    7    8
    values = [0.11, 0.2, 0.05, 0.3, NAN, 0.15, 0.3, 0.1, 0.12]
    found = alerts(judge(measured(values), [RULE]))
    assert found.columns.tolist() == COLUMNS
    assert found["start"].tolist() == [day(0), day(3), day(8)]
    assert found["end"].tolist() == [day(2), day(7), day(9)]
    assert found["windows"].tolist() == [2, 3, 1]  # the blank one neither counts nor ends the run
    assert found["peak"].tolist() == [0.2, 0.3, 0.12]
    assert found["threshold"].tolist() == [0.1, 0.25, 0.1]
    assert found["severity"].tolist() == ["warning", "critical", "warning"]
    assert found["state"].tolist() == ["resolved", "resolved", "open"]
    assert found["column"].tolist() == ["temp"] * 3


def test_an_alert_stays_open_while_nothing_is_measured():
    assert alerts(judge(measured([0.3, NAN, NAN]), [RULE]))["state"].tolist() == ["open"]
    assert alerts(judge(measured([0.3, NAN, 0]), [RULE]))["state"].tolist() == ["resolved"]


def test_the_peak_is_the_worst_by_direction():
    below = alerts(judge(measured([0.6, 0.4, 0.5, 0.9]), [Rule(direction="below", warning=0.7, critical=0.5)])).iloc[0]
    assert (below["peak"], below["threshold"], below["severity"]) == (0.4, 0.5, "critical")
    # 0.2 above the upper limit, 0.3 below the lower one.
    outside = alerts(judge(measured([0.9, 0.2, 0.5]), [Rule(direction="outside", warning=(0.5, 0.7))])).iloc[0]
    assert (outside["peak"], outside["threshold"], outside["windows"]) == (0.2, 0.5, 2)


def test_of_several_models_each_alert_names_its_own():
    one, other = (alerts(judge(measured([0.3], model=model), [RULE])) for model in ("churn", "fraud"))
    assert with_model(one) == [sentence(one.iloc[0])]
    assert with_model(pd.concat([one, other])) == [f"churn: {sentence(one.iloc[0])}", f"fraud: {sentence(other.iloc[0])}"]
    assert with_model(one.iloc[:0]) == []


def test_a_held_window_belongs_to_the_alert():
    found = alerts(judge(measured([0.3, 0.15, 0.05, 0.15]), [Rule(warning=0.2, critical=0.25, recover=0.1)])).iloc[0]
    assert (found["windows"], found["end"], found["peak"], found["state"]) == (2, day(2), 0.3, "resolved")


def test_order_is_start_then_the_critical_first_then_names():
    table = pd.concat([
        measured([0.2], column="b"), measured([0.3], column="c"), measured([0.2], column="a"), measured([0, 0.3], column="A"),
        measured([0.2], column="a", version="v0"),
    ])  # fmt: skip
    found = alerts(judge(table, [RULE]))
    assert found["column"].tolist() == ["c", "a", "a", "b", "A"]
    assert found["version"].tolist() == ["v1", "v0", "v1", "v1", "v1"]


def test_a_rate_of_false_discoveries_is_no_threshold_of_the_metric():
    found = alerts(judge(measured([0.3, 0.4], p_value=0.001), [Rule(kind="fdr", warning=0.05)])).iloc[0]
    assert found["peak"] == 0.4
    assert np.isnan(found["threshold"])
    assert sentence(found) == "psi of temp (v1) 0.40, warning by its false discovery rate, 2 days from 1 Apr 2013, open"


@pytest.mark.parametrize("values", [[], [0.0, 0.05], [NAN]])
def test_no_alerts_are_an_empty_table_of_the_same_columns_and_types(values):
    none, some = alerts(judge(measured(values), [RULE])), alerts(judge(measured([1.0]), [RULE]))
    assert none.empty
    pd.testing.assert_series_equal(none.dtypes, some.dtypes)
    pd.testing.assert_frame_equal(none, some.iloc[:0])


def test_sentences():
    def said(values, rule, days=1, start=START, **names):
        table = measured(values, days, **names)
        return sentence(
            alerts(judge(table.assign(**{c: table[c] + (start - START) for c in ("window_start", "window_end")}), [rule])).iloc[0]
        )

    weekly = Rule(warning=0.1, critical=0.25, window="week")
    assert (
        said([1, 2, 3.1, 1, 1, 1, 1, 1], weekly, 7) == "psi of temp (v1) 3.10, critical above 0.25, 8 weeks from 1 Apr 2013, open"
    )
    assert said([0.2, NAN, 0.2, 0], weekly, 7) == "psi of temp (v1) 0.20, warning above 0.1, 2 weeks from 1 Apr 2013, resolved"
    assert said([0.2, 0], RULE, segment="origin=EWR") == (
        "psi of temp (v1, origin=EWR) 0.20, warning above 0.1, 1 day from 1 Apr 2013, resolved"
    )
    monthly = Rule(direction="below", critical=0.0075, window="month")
    assert said([0.001], monthly, 31, pd.Timestamp("2013-05-01", tz="UTC"), version="", column="") == (
        "psi 0.001, critical below 0.0075, 1 month from 1 May 2013, open"
    )
    assert (
        said([12345.6], Rule(warning=1500), column="<b>")
        == "psi of <b> (v1) 12,346, warning above 1,500, 1 day from 1 Apr 2013, open"
    )


# ---- whatever the rules -------------------------------------------------------------------------------------------------------------


def slow(judged):
    """The same in plain Python."""
    found, series = [], {}
    for row in judged.sort_values("window_start").to_dict("records"):
        series.setdefault((*(row[f] for f in SCOPE), row["window_name"]), []).append(row)
    for rows in series.values():
        run = []
        seen = [row for row in rows if row["level"] >= 0]
        for row in [*seen, None]:
            if row and row["level"] > 0:
                run.append(row)
            elif run:
                found.append(one_alert(run, "open" if row is None else "resolved"))
                run = []
    return sorted(found, key=lambda a: (a[6], a[11] != "critical", a[:6]))


def one_alert(run, state):
    name = "critical" if max(row["level"] for row in run) == 2 else "warning"

    def excess(row):
        beyond = row["value"] - (0 if row[name] != row[name] else row[name])
        return beyond if row["side"] == "above" else -beyond

    peak = max(run, key=excess)  # the first of equals
    limit = None if peak[name] != peak[name] else peak[name]
    names = tuple(run[0][f] for f in SCOPE)
    return *names, run[0]["window_start"], run[-1]["window_end"], len(run), peak["value"], limit, name, state


@settings(max_examples=40)
@given(tables(), WIDE, RULES, st.randoms(use_true_random=False))
def test_alerts_agree_with_the_slow_way_in_any_order_of_rows(table, wide, rules, random):
    judged = judge(table, (wide, *rules))
    found = alerts(judged)
    rows = [tuple(None if x != x else x for x in row) for row in found.itertuples(index=False)]
    assert rows == slow(judged)
    order = list(range(len(judged)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(found, alerts(judged.take(order)))
    as_texts = judged.astype(dict.fromkeys((*SCOPE, "side", "window_name"), "str"))
    pd.testing.assert_frame_equal(found, alerts(as_texts))
