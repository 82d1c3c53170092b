"""What the page Review says in words, and where it leads."""

import pandas as pd
import pytest

from monitors import rulebook
from pages.parts import review_incident, review_list, review_rules


def test_a_rule_is_opened_under_the_name_that_the_page_of_thresholds_gives_its_metric():
    pairs = [(monitor, metric) for monitor, metrics in rulebook.known().items() for metric in metrics]
    names = [metric for _, metric in pairs]
    for i, (monitor, metric) in enumerate(pairs):
        named = metric if names.index(metric) == i else f"{monitor} {metric}"
        assert review_rules.address({"monitor": monitor, "metric": metric}) == {"rule_metric": named}
    told = review_rules.address({"metric": "psi", "column": "temp", "version": "v1", "segment": "all"})
    assert told == {"rule_metric": "psi", "rule_column": "temp", "rule_version": "v1"}


@pytest.mark.parametrize(
    ("counted", "of", "told"),
    [({}, 3, ""), ({"real": 3}, 3, "✔ real"), ({"real": 1}, 3, "1 ✔ real"), ({"real": 1, "noise": 2}, 3, "1 ✔ real, 2 ✘ noise")],
)
def test_what_was_said_of_an_incident(counted, of, told):
    assert review_list._said(counted, of) == told


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("2026-03-02 14:00", "2 Mar 2026, the day it began"), ("2026-03-01", "1 Mar 2026, 1 day before"),
        ("2026-03-05", "5 Mar 2026, 3 days after it began"),
    ],
)
def test_how_far_a_change_is_from_the_start(day, told):
    assert review_incident._distance(pd.Timestamp(day, tz="UTC"), pd.Timestamp("2026-03-02", tz="UTC")) == told
