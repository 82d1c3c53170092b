"""Suggestions and power in a real browser: what the cards say is what the command line says, and what is taken stands in the form."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from browsing import ODD_NAMES, check_widths_and_schemes, settle
from commandline import vigia
from playwright.sync_api import Page, expect

ODD = ODD_NAMES[0]  # in"come; --


def card(page: Page, title: str) -> list[str]:
    """The texts of the metrics of a card: label, value and what stands below it."""
    whole = page.get_by_test_id("stVerticalBlock").filter(has_text=title).filter(has=page.get_by_role("button", name="Take into the form")).last
    return [text.replace("\n\n", "\n") for text in whole.get_by_test_id("stMetric").all_inner_texts()]


def test_a_suggestion_is_the_command_lines_and_goes_into_the_form(visit: Callable[..., Page], sample_store: Path):
    page = visit(f"thresholds?model=odd&view=Suggestions&rule_metric=psi&rule_column={quote(ODD)}")
    asked = ("--model", "odd", "--metric", "psi", "--column", ODD, "--method", "false-alarms", "--format", "json")
    told = json.loads(vigia("thresholds", "suggest", *asked, "--store", sample_store).stdout)[0]
    rule = told["rules"][0]
    expect(page.get_by_text(told["reason"][:60])).to_be_visible()
    assert card(page, "From a false-alarm rate")[0].startswith(f"Alerts\n{told['alerts']}\n")
    whole = page.get_by_test_id("stVerticalBlock").filter(has_text="From a false-alarm rate").filter(has_not_text="From the history")
    whole.get_by_role("button", name="Take into the form").last.click()
    settle(page)
    for which in ("warning", "critical"):
        assert float(page.get_by_role("spinbutton", name=f"{which.capitalize()}, exact").input_value()) == float(f"{rule[which]:.6g}")


def test_the_views_fit_and_can_be_read(visit: Callable[..., Page]):
    page = visit("thresholds?model=odd&view=Suggestions")
    expect(page.get_by_text("What each would have given")).to_be_visible()
    check_widths_and_schemes(page)
    page = visit(f"thresholds?model=odd&view=Power&rule_metric=null_rate&rule_column={quote(ODD)}")
    expect(page.get_by_text("The smallest fault caught in 9 of 10 tries")).to_be_visible()
    expect(page.get_by_role("figure", name="Share of faults that alert")).to_be_visible()
    check_widths_and_schemes(page)
