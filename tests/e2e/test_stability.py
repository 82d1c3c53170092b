"""The page Stability in a browser: what broke, where it began, with which inputs; and what it says where nothing broke."""

from collections.abc import Callable, Iterator
from pathlib import Path

import broken_model
import pytest
from browsing import check_widths_and_schemes, choose, open_tab, serving
from playwright.sync_api import Page, expect

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def fragile(fragile_store: Path) -> Iterator[str]:
    """A server on a store with a model that broke and one that did not."""
    with serving(fragile_store) as url:
        yield url


def test_it_says_where_it_began_and_what_goes_with_it(visit: Visit, fragile: str):
    broken, rows = broken_model.broken_rows()
    page = visit("stability?model=fragile", fragile)
    expect(page.get_by_text("2 of 5 numbers broke in this period. First: NaN in s (v1), 7 Mar 2026.")).to_be_visible()
    expect(page.get_by_role("combobox", name="Number")).to_have_value("s")
    expect(page.get_by_role("heading", name="NaN, infinity and null apart")).to_be_visible()
    expect(page.get_by_text(f"{broken} of {rows} rows broke. The first: 7 Mar 2026")).to_be_visible()
    expect(page.get_by_text(f"All {broken} NaN rows have no {broken_model.ODD}, against none of the others")).to_be_visible()
    check_widths_and_schemes(page)
    open_tab(page, "NaN rows")
    cells = page.locator("[role=gridcell]").filter(has_text="NaN")
    expect(cells.first).to_be_attached()


def test_another_number_and_the_first_window_alone(visit: Visit, fragile: str):
    page = visit("stability?model=fragile", fragile)
    choose(page, "Number", "norm")
    expect(page.get_by_role("heading", name="norm over time")).to_be_visible()
    expect(page.get_by_text("1 of 120 rows broke. The first: 8 Mar 2026, 00:00 UTC")).to_be_visible()
    assert "column=norm" in page.url
    page = visit("stability?model=fragile&column=s", fragile)
    page.get_by_text("the first window alone").click()
    expect(page.get_by_text("of 120 rows broke")).to_be_visible()


def test_where_nothing_broke_it_says_so(visit: Visit, fragile: str):
    page = visit("stability?model=calm", fragile)
    expect(page.get_by_text("No number broke in this period: 5 were looked at.")).to_be_visible()
    page = visit("stability?model=calm&segment=region%3Deu&window=week", fragile)
    expect(page.get_by_text("No number broke in this period")).to_be_visible()


def test_g1_nan_infinity_and_null_stand_side_by_side(visit: Visit, fragile: str):
    page = visit("stability?model=g1&column=x&metric=inf_rate", fragile)
    expect(page.get_by_text("2 of 12 rows broke (1 +inf, 1 −inf). The first: 1 Mar 2026, 08:00 UTC, row 9")).to_be_visible()
    for told in ("NaN (2)", "+inf (1)", "−inf (1)", "null (2)"):
        expect(page.locator(".stPlotlyChart text", has_text=told)).to_have_count(1)
    page = visit("drift?model=g1", fragile)  # the other page opens too
    expect(page.get_by_role("heading", name="x over time")).to_be_visible()


def test_an_alert_leads_to_the_page_of_its_monitor(visit: Visit, fragile: str):
    page = visit("?model=fragile", fragile)
    row = page.get_by_text("nan_rate of s").first
    expect(row).to_be_visible()
    names = page.get_by_text("critical above").all_inner_texts()
    page.get_by_role("button", name="Show").nth(0 if "nan_rate" in names[0] else 1).click()
    expect(page.get_by_role("heading", name="Stability")).to_be_visible()
    expect(page.get_by_role("combobox", name="Number")).to_have_value("s")
