"""What kind a model is of: told from the values of label and prediction, unless the roles say it."""

import pytest

from data import tasks
from data.roles import from_dict
from data.tasks import Seen, Task, decide


def texts(*values, **more):
    return Seen(frozenset(values), **more)


FRACTIONS = Seen(number=True, fractions=True, many=True)


@pytest.mark.parametrize(
    ("label", "prediction", "more", "expected"),
    [
        (texts("0", "1"), texts("1", number=True), {}, ("binary", ("0", "1"), "1")),
        (texts("1.0", "0.0"), texts("True", "False"), {}, ("binary", ("0", "1"), "1")),
        (texts("true", "false"), texts("0", "1", number=True), {}, ("binary", ("false", "true"), "true")),
        (texts("good", "bad"), Seen(), {}, ("binary", ("bad", "good"), "good")),
        (texts("No", "Yes"), texts("No"), {}, ("binary", ("No", "Yes"), "Yes")),
        (texts("good", "bad"), Seen(), {"positive": "bad"}, ("binary", ("bad", "good"), "bad")),
        (texts("1", "0"), Seen(), {"positive": True}, ("binary", ("0", "1"), "1")),
        (texts("0"), Seen(), {}, ("binary", ("0", "1"), "1")),
        (Seen(), texts("a", "b"), {}, ("binary", ("a", "b"), "b")),
        (Seen(), Seen(), {"score": "p"}, ("binary", ("0", "1"), "1")),
        (texts("0", "1"), texts("0", "1", "review"), {"score": "p"}, ("binary", ("0", "1"), "1")),
        (texts("0", "1"), texts("0", "1", "2"), {}, ("multiclass", ("0", "1", "2"), "")),
        (texts("10", "9", "b", "2"), Seen(), {}, ("multiclass", ("2", "9", "10", "b"), "")),
        (texts("0", "1", "2"), Seen(), {"task": "binary"}, ("binary", ("0", "1", "2"), "1")),
        (FRACTIONS, FRACTIONS, {}, ("regression", (), "")),
        (texts(*map(str, range(21)), number=True), FRACTIONS, {}, ("regression", (), "")),
        (texts("1", "2", "3", number=True), FRACTIONS, {}, ("regression", (), "")),
        (texts("0", "1", number=True), Seen(number=True, fractions=True, shares=True, many=True), {"prediction": "p"}, ("binary", ("0", "1"), "1")),
    ],
)
def test_the_task_is_told_from_the_values_unless_the_roles_say_it(label, prediction, more, expected):
    found = decide(from_dict({"label": "y", **more}), label, prediction, ["p"] if "score" in more else [])
    assert (found.kind, found.classes, found.positive, found.reason) == (*expected, "")


@pytest.mark.parametrize(
    ("label", "prediction", "more", "reason"),
    [
        (Seen(), Seen(), {}, "there is neither a label nor a prediction or score"),
        (texts(*map(str, range(51))), Seen(), {}, "there are 51 classes; up to 50 are measured"),
        (Seen(many=True), Seen(), {}, "the label has more than 50 different values, and is no number that the model predicts"),
        (texts("a", "b"), Seen(), {"positive": "c"}, '`positive` in roles.yaml is "c", which no label is: a, b'),
        (texts("a"), texts("b"), {"task": "regression"}, "label and prediction of a regression have to be numbers: see `types` in roles.yaml"),
    ],
)
def test_what_cannot_be_measured_has_its_reason(label, prediction, more, reason):
    assert decide(from_dict({"label": "y", **more}), label, prediction, []) == Task("", reason=reason)


def test_probabilities_are_matched_to_classes_by_name_or_not_at_all():
    assert tasks.matched(["proba_dog", "proba_cat"], ("cat", "dog")) == ("proba_cat", "proba_dog")
    assert tasks.matched(["p_a_b", "p_b"], ("a_b", "b")) == ("p_a_b", "p_b")
    assert tasks.matched(["1", "11"], ("1", "11")) == ("1", "11")
    assert tasks.matched(["p_1", "x"], ("1", "2")) is None
