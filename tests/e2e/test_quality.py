"""The page of quality in a browser: state, coverage, detail, segments and inputs; a link; and a model without labels."""

import re
from collections.abc import Callable

from browsing import choose, settle
from playwright.sync_api import Page, expect

Visit = Callable[..., Page]


def test_the_page_tells_how_right_the_model_is_and_where_it_is_not(visit: Visit):
    page = visit("quality")
    expect(page.get_by_text(re.compile("v2, 24–30 Jun 2013.*91% of the rows have a label"))).to_be_visible()
    for heading in ("Log loss over time", "In detail, over the period", "Where Log loss is worst", "Moves together with"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_text("labels 100%")).to_be_visible()
    for chart in ("Mean score against the share of positives", "Recall against", "Share of wrong predictions", "Rows of v2 by label"):
        expect(page.get_by_role("figure", name=re.compile(chart))).to_be_visible()
    expect(page.get_by_text(re.compile("segments and pairs (are|is) worse than all others beyond noise"))).to_be_visible()
    # Importances would rank the inputs; of a wrong file it is told what is wrong.
    page.get_by_role("button", name="Importance of the inputs").click()
    page.locator("input[type=file]").set_input_files({"name": "i.csv", "mimeType": "text/csv", "buffer": b"column,importance\nnope,1\n"})
    expect(page.get_by_text(re.compile('i.csv, line 2: there is no input "nope"'))).to_be_visible()


def test_a_link_opens_the_metric_and_a_choice_stands_in_the_url(visit: Visit):
    page = visit("quality?metric=roc_auc&version=v1&against=the+days+before")
    expect(page.get_by_role("heading", name="ROC AUC over time")).to_be_visible()
    expect(page.get_by_text(re.compile(r"v1, \d+–\d+ Jun 2013"))).to_be_visible()
    choose(page, "Metric", "accuracy")
    settle(page)
    expect(page.get_by_role("heading", name="Where Accuracy is worst")).to_be_visible()
    assert "metric=accuracy" in page.url


def test_a_model_without_labels_says_how_to_load_them(visit: Visit):
    page = visit("quality?model=odd")
    expect(page.get_by_text(re.compile("Quality cannot be measured here"))).to_be_visible()
