"""Rules: what may be written, how it is refused, how rules inherit, and that YAML gives back what it was given."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from monitors import quality, schema
from monitors.intervals import LOW_IS_BAD
from monitors.rules import SCOPE, problem
from monitors.thresholds import Rule, defaults, dump, read, resolve, rule, saved, scope_text, with_override, without_override

AWKWARD = [
    "a.b",
    'in"come; --',
    "<b>bold</b>",
    "on",
    "null",
    "~",
    "1e5",
    "1_000",
    "0x10",
    "2013-04-01",
    " lead",
    "größe",
    "it's",
    "- x",
]
BY_DIRECTION = "with direction above {} is the lower. Change one of them."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- metric: psi\n  warnng: 1\n", 'my.yaml, line 2: `warnng` is not a field of a rule. Did you mean "warning"?'),
        ("# why\n\n- metric: psy\n", 'my.yaml, line 3: there is no metric "psy". Did you mean "psi"?'),
        ("- monitor: drfit\n", 'my.yaml, line 1: there is no monitor "drfit". Did you mean "drift"?'),
        (
            "- metric: psi\n  warning: abc\n",
            'my.yaml, line 2: warning: expected a number, found "abc". Write it like 0.25, with a point.',
        ),
        (
            "- metric: psi\n  warning: 0,2\n",
            'my.yaml, line 2: warning: expected a number, found "0,2". Write it like 0.25, with a point.',
        ),
        (
            "- metric: psi\n  critical: .inf\n",
            'my.yaml, line 2: critical: expected a number, found ".inf". Write it like 0.25, with a point.',
        ),
        (
            "- metric: psi\n  critical: true\n",
            'my.yaml, line 2: critical: expected a number, found "true". Write it like 0.25, with a point.',
        ),
        (
            "- metric: psi\n  critical: 0.1\n  warning: 0.2\n",
            "my.yaml, line 3: warning 0.2 is on the far side of critical 0.1: " + BY_DIRECTION.format("warning"),
        ),
        (
            "- metric: psi\n  critical: 0.2\n  warning: 0.1\n  direction: below\n",
            "my.yaml, line 3: warning 0.1 is on the far side of critical 0.2: with direction below warning is the higher. "
            "Change one of them.",
        ),
        (
            "- metric: psi\n  warning: 0.3\n",
            "my.yaml, line 2: warning 0.3 is on the far side of critical 0.25 (inherited): " + BY_DIRECTION.format("warning"),
        ),
        (
            "- metric: psi\n  critical: 0.05\n",
            "my.yaml, line 2: warning 0.1 (inherited) is on the far side of critical 0.05: " + BY_DIRECTION.format("warning"),
        ),
        (
            "- metric: psi\n  recover: 0.2\n",
            "my.yaml, line 2: recover 0.2 is on the far side of warning 0.1 (inherited): " + BY_DIRECTION.format("recover"),
        ),
        (
            "- metric: ks\n  kind: fdr\n  warning: 0.01\n  critical: 0.05\n",
            "my.yaml, line 3: warning 0.01 is on the far side of critical 0.05: with kind fdr warning is the higher. Change one of them.",
        ),
        (
            "- metric: psi\n  direction: outside\n  warning: [0.2, 0.8]\n  critical: [0.3, 0.9]\n",
            "my.yaml, line 3: warning [0.2, 0.8] is on the far side of critical [0.3, 0.9]: with direction outside warning lies within "
            "critical. Change one of them.",
        ),
        (
            "- metric: psi\n  direction: outside\n  warning: 0.2\n  critical: [0.3, 0.9]\n",
            "my.yaml, line 3: warning 0.2: direction outside takes a pair like [0.2, 0.8].",
        ),
        (
            "- metric: psi\n  warning: [0.2, 0.8]\n",
            "my.yaml, line 2: warning [0.2, 0.8] is a pair, which is for direction outside only.",
        ),
        ("- warning: [0.8, 0.2]\n", "my.yaml, line 1: warning: expected a pair [low, high], found [0.8, 0.2]. Swap them."),
        ("- warning: [1, 2, 3]\n", "my.yaml, line 1: warning: expected a number or a pair [low, high], found 3 values."),
        ("- metric: ks\n  critical: 15\n", "my.yaml, line 2: critical 15: ks lies between 0 and 1."),
        ("- metric: psi\n  warning: -1\n", "my.yaml, line 2: warning -1: psi is never negative."),
        (
            "- metric: psi\n  kind: reference_quantile\n  warning: 95\n  critical: 99\n",
            "my.yaml, line 3: warning 95: a quantile lies between 0 and 1.",
        ),
        (
            "- metric: psi\n  kind: reference_std\n  direction: below\n  warning: 2\n  critical: 3\n",
            "my.yaml, line 4: warning 2: standard deviations below the mean are written -3.",
        ),
        (
            "- for_windows: 3 of 2\n",
            'my.yaml, line 1: for_windows: expected a number of windows like 2, or "2 of 3", found "3 of 2".',
        ),
        ("- for_windows: 0\n", 'my.yaml, line 1: for_windows: expected a number of windows like 2, or "2 of 3", found "0".'),
        ("- for_windows:\n", 'my.yaml, line 1: for_windows: expected a number of windows like 2, or "2 of 3", found nothing.'),
        ("- min_rows: 1.5\n", 'my.yaml, line 1: min_rows: expected a whole number from 0, found "1.5".'),
        ("- min_rows: -1\n", 'my.yaml, line 1: min_rows: expected a whole number from 0, found "-1".'),
        ("- min_coverage: 80\n", 'my.yaml, line 1: min_coverage: expected a share from 0 to 1, found "80".'),
        ("- enabled: perhaps\n", 'my.yaml, line 1: enabled: expected true or false, found "perhaps".'),
        ("- window: year\n", 'my.yaml, line 1: window: expected "day", "week" or "month", found "year".'),
        ("- window: [day]\n", 'my.yaml, line 1: window: expected "day", "week" or "month", found [\'day\'].'),
        ("- column: [a]\n", "my.yaml, line 1: column: expected a text, found ['a']."),
        ("- model: {a: b}\n", "my.yaml, line 1: model: expected a text, found fields."),
        ("- metric: psi\n  metric: ks\n", "my.yaml, line 2: `metric` stands in line 1 of the same rule already. Keep one."),
        ("- {metric: psi}\n- {metric: psi}\n", "my.yaml, line 2: psi has a rule in line 1 already. Make one of the two."),
        ("psi: 0.2\n", "my.yaml, line 1: expected a list of rules, each beginning with a dash."),
        ("- psi\n", "my.yaml, line 1: expected a rule, that is fields like `metric: psi`."),
        ("- metric: psi\n- [a\n", "my.yaml, line 3: this is not YAML: did not find expected ',' or ']'."),
        ("- metric: \x00\n", "my.yaml: this is not YAML: unacceptable character #x0000: control characters are not allowed."),
    ],
)
def test_a_mistake_is_refused_with_its_line_and_its_mend(text, sentence):
    with pytest.raises(BadInput) as error:
        read(text, "my.yaml")
    assert str(error.value) == sentence


def test_a_rule_from_a_form_is_refused_without_a_line():
    with pytest.raises(BadInput, match=r'^thresholds set: warning: expected a number, found "abc"\. Write it like 0\.25'):
        rule({"metric": "psi", "warning": "abc"}, "thresholds set")
    with pytest.raises(BadInput, match=r"^thresholds set: `warnng` is not a field"):
        rule({"warnng": 1}, "thresholds set")
    assert rule({"metric": "psi", "warning": "0.2", "for_windows": "2 of 3"}, "x") == Rule(
        metric="psi", warning=0.2, for_windows=(2, 3)
    )


def test_the_defaults_make_sense_and_cover_every_drift_metric():
    found = {one.metric for one in defaults() if one.monitor == "drift"}
    assert found == {None, "psi", "js", "ks", "wasserstein", "chi2", "hellinger", "linf"}
    for metric in found - {None}:
        one = resolve(defaults(), monitor="drift", metric=metric)
        assert problem(one) is None
        assert one.reason
        assert one.source
        assert (one.window, one.above_noise, one.above_usual) == ("week", True, True)
        # One shift is one alert, not seven; and not one more for each segment.
        assert one.enabled == (metric == "psi")
        assert not resolve(defaults(), monitor="drift", metric=metric, segment="origin=EWR").enabled


def test_the_defaults_of_stability_judge_days_and_each_segment_only_for_what_stands_still():
    found = {one.metric for one in defaults() if one.monitor == "stability"}
    assert found == {None, "nan_rate", "inf_rate", "score_range_rate", "sum_rate", "constant", "magnitude"}
    for metric in found - {None}:
        one, part = (resolve(defaults(), monitor="stability", metric=metric, segment=segment) for segment in ("all", "origin=EWR"))
        assert problem(one) is None
        assert one.reason
        assert one.source
        assert (one.window, one.above_noise, one.above_usual, one.enabled) == ("day", True, True, True)
        assert part.enabled == (metric == "constant")
        assert (one.warning == 0) == str(metric).endswith("_rate")  # any NaN at all is a warning


def test_the_defaults_of_the_schema_make_sense_and_cover_its_metrics():
    assert {one.metric for one in defaults() if one.monitor == "schema"} == {None, *schema.METRICS}
    for metric in schema.METRICS:
        one = resolve(defaults(), monitor="schema", metric=metric)
        assert problem(one) is None
        assert one.enabled
        assert one.reason
        assert one.source
        assert not resolve(defaults(), monitor="schema", metric=metric, segment="origin=EWR").enabled


def test_the_defaults_of_quality_cover_its_metrics_and_let_one_of_a_kind_alert():
    assert {one.metric for one in defaults() if one.monitor == "quality"} - {None} >= set(quality.METRICS)
    alerting = set()
    for metric in quality.METRICS:
        one = resolve(defaults(), monitor="quality", metric=metric, column="")
        assert problem(one) is None
        assert one.reason
        assert one.source
        assert (one.window, one.direction == "below") == ("week", metric in LOW_IS_BAD)
        alerting |= {metric} if one.enabled else set()
        assert not resolve(defaults(), monitor="quality", metric=metric, column="", segment="origin=EWR").enabled
    assert alerting == {"log_loss", "accuracy", "roc_auc", "mae"}


def test_an_override_changes_only_what_it_names():
    changed = Rule(metric="psi", column="temp", critical=0.5)
    at = {"monitor": "drift", "metric": "psi"}
    temp = resolve((*defaults(), changed), column="temp", **at)
    assert (temp.warning, temp.critical, temp.window, temp.enabled) == (0.1, 0.5, "week", True)
    # Setting one column's threshold must not reset the others (evidently #678).
    assert resolve((*defaults(), changed), column="humid", **at) == resolve(defaults(), column="humid", **at)


def test_zero_is_a_threshold_and_null_takes_one_away():
    zero, none = read("- metric: psi\n  column: a\n  warning: 0\n- metric: psi\n  column: b\n  warning: null\n", "x")
    a, b = (resolve((*defaults(), zero, none), monitor="drift", metric="psi", column=c) for c in "ab")
    assert (a.warning, a.critical) == (0.0, 0.25)
    assert (b.warning, b.critical) == (None, 0.25)
    assert zero != Rule(metric="psi", column="a")
    assert none != Rule(metric="psi", column="b")  # naming null is not the same as inheriting


def test_the_more_specific_wins_field_by_field():
    def one(**fields):
        return Rule(**{name: fields.get(name) for name in SCOPE}, **{k: v for k, v in fields.items() if k not in SCOPE})

    at = {"model": "m", "version": "v", "monitor": "drift", "metric": "psi", "column": "c", "segment": "s"}
    # Equally many fields: column before segment before version before model before metric before monitor, whatever their order.
    singles = [
        one(warning=i, **{field: at[field]})
        for i, field in enumerate(("monitor", "metric", "model", "version", "segment", "column"))
    ]
    for count in range(1, 7):
        for order in (singles[:count], singles[:count][::-1]):
            assert resolve(order, **at).warning == count - 1
    # More fields before any fewer.
    assert resolve([one(monitor="drift", metric="psi", warning=7), *singles], **at).warning == 7
    # A later rule among equals; another value of the scope does not count.
    assert resolve([one(column="c", warning=8), one(column="c", warning=9), one(column="d", warning=10)], **at).warning == 9
    # Each field on its own.
    both = resolve([one(column="c", warning=1), one(monitor="drift", metric="psi", critical=2), one(min_rows=3, warning=0)], **at)
    assert (both.warning, both.critical, both.min_rows) == (1, 2, 3)


def test_any_override_beats_any_default():
    # The default that enables psi names three fields, this override one; yet it is what a person wants.
    off = (*defaults(), Rule(monitor="drift", enabled=False, min_rows=7))
    found = resolve(off, monitor="drift", metric="psi", column="temp")
    assert (found.enabled, found.min_rows, found.critical) == (False, 7, 0.25)


def test_overrides_of_one_scope_merge_in_their_place():
    first, second = Rule(metric="psi", column="a", warning=0.05), Rule(metric="psi", column="b", critical=0.5)
    more = with_override((first, second), Rule(metric="psi", column="a", critical=1, reason="storms"))
    assert more == (Rule(metric="psi", column="a", warning=0.05, critical=1, reason="storms"), second)
    assert with_override(more, Rule(metric="psi", warning=0.2))[2] == Rule(metric="psi", warning=0.2)
    assert without_override(more, metric="psi", column="b") == more[:1]
    assert without_override(more, metric="psi") == more


def test_an_override_that_makes_another_senseless_is_refused():
    narrow = (Rule(metric="psi", column="temp", critical=0.15),)
    with pytest.raises(BadInput) as error:
        with_override(narrow, Rule(metric="psi", warning=0.2))
    assert str(error.value) == (
        "psi of temp: warning 0.2 (inherited) is on the far side of critical 0.15: " + BY_DIRECTION.format("warning")
    )


def test_the_scope_in_words():
    assert scope_text(Rule()) == "everything"
    assert scope_text(Rule(monitor="drift")) == "every metric of drift"
    assert scope_text(Rule(column="a.b")) == "every metric of a.b"
    full = Rule(monitor="drift", metric="psi", column="temp", segment="origin=EWR", version="v1", model="flight-delay")
    assert scope_text(full) == "drift psi of temp in origin=EWR, v1 of flight-delay"


def test_saved_is_what_the_last_edit_says():
    first, last = (Rule(metric="psi", warning=0.05),), (Rule(metric="psi", warning=0.2), Rule(metric="ks", enabled=True))
    edits = pd.DataFrame({"edit": [2, 1], "rules": [dump(last), dump(first)]})
    assert saved(edits) == last
    assert saved(edits[edits["edit"] == 1]) == first
    assert saved(edits.iloc[:0]) == ()
    with pytest.raises(BadInput, match=r"^threshold edit 3, line 1: `colour` is not a field of a rule"):
        saved(pd.DataFrame({"edit": [3], "rules": ["- colour: red"]}))


names = st.none() | st.sampled_from(AWKWARD)
scopes = st.fixed_dictionaries(
    {"model": names, "version": names, "column": names, "segment": names, "metric": st.sampled_from([None, "psi", "wasserstein"])}
)
numbers = st.floats(0, 0.09) | st.sampled_from([0, 1e-7, 0.05])
fields = st.fixed_dictionaries(
    {},
    optional={
        "warning": st.none() | numbers,
        "critical": st.none() | st.floats(0.3, 1e12),
        "recover": st.none() | st.just(0.0),
        "min_rows": st.integers(0, 10**9),
        "min_coverage": st.floats(0, 1),
        "above_noise": st.booleans(),
        "enabled": st.booleans(),
        "window": st.sampled_from(["day", "week", "month"]),
        "for_windows": st.sampled_from([(1, 1), (2, 2), (2, 3), (5, 20)]),
        "reason": st.text(st.characters(exclude_categories=["Cs", "Cc"]))
        | st.sampled_from(["two\nlines", "a: b # c", "null", "'"]),
    },
)


@settings(deadline=None)
@given(
    st.lists(st.builds(lambda scope, rest: Rule(**scope, **rest), scopes, fields), unique_by=lambda one: tuple(one.scope.items()))
)
def test_yaml_gives_back_what_it_was_given(rules):
    given_back = read(dump(rules), "x")
    assert given_back == tuple(rules)
    assert dump(given_back) == dump(rules)


def test_pairs_and_runs_are_written_as_people_write_them():
    pairs = Rule(metric="psi", direction="outside", warning=(0.1, 0.2), critical=(0.0, 0.3), for_windows=(2, 3))
    assert dump([pairs]) == (
        "- metric: psi\n  warning: [0.1, 0.2]\n  critical: [0.0, 0.3]\n  direction: outside\n  for_windows: 2 of 3\n"
    )
    assert read(dump([pairs]), "x") == (pairs,)
    assert dump([Rule(for_windows=(2, 2))]) == "- for_windows: 2\n"
    assert dump([]) == "[]\n"
    assert read("", "x") == read("# nothing\n", "x") == read("[]", "x") == ()
