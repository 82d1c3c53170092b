"""How to choose a threshold stands for every metric that can have one, and for no other."""

from monitors import rulebook
from pages.parts import looks


def test_every_metric_that_is_judged_has_its_text():
    judged = {metric.removeprefix("estimated_") for metrics in rulebook.known().values() for metric in metrics}
    assert set(looks.choosing()) == judged
    assert all(len(text) > 40 for text in looks.choosing().values())
