"""Every page in a real browser: opens, can be read, leaves nothing outside, and a link shows the same screen."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import ODD_NAMES, ROOT, check_widths_and_schemes, choose, serving, settle, through_menu
from playwright.sync_api import BrowserContext, Page, expect

from data.store import open_store, transact

PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py") if path.stem != "__init__")
ELSEWHERE = ("fairness", "skew", "stability")  # their own tests look at them so, with more to show
# The middle of some mark of the heat map in the row that is labelled temp.
CELL_OF_TEMP = """() => {
    const middle = e => { const box = e.getBoundingClientRect(); return {x: box.x + box.width / 2, y: box.y + box.height / 2} }
    const label = [...document.querySelectorAll('.stPlotlyChart .yaxislayer-above text')].find(e => e.textContent.trim() === 'temp')
    const marks = [...document.querySelectorAll('.stPlotlyChart .scatterlayer .point')].map(middle)
    return label && marks.find(mark => Math.abs(mark.y - middle(label).y) < 6)
}"""
Visit = Callable[..., Page]


def path_of(page: str) -> str:
    return "" if page == "overview" else page


def test_a_deep_link_as_the_first_request_has_the_sidebar_and_the_column(visit: Visit, fresh_url: str):
    page = visit("drift?column=pressure&version=v1", fresh_url)
    expect(page.get_by_role("heading", name="pressure over time")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(len(PAGES))
    expect(page.get_by_test_id("stSidebarNavLink").first).to_have_text(re.compile("Overview"))
    expect(page.get_by_role("combobox", name="Version")).to_have_value("v1")


@pytest.mark.parametrize("name", [name for name in PAGES if name not in ELSEWHERE])
def test_a_page_opens_at_both_widths_without_sideways_scrolling_and_axe_finds_nothing_serious(name: str, visit: Visit):
    check_widths_and_schemes(visit(path_of(name)))


def test_on_an_empty_store_every_page_of_the_menu_says_what_to_do(visit: Visit, empty_url: str):
    page = visit("", empty_url)
    expect(page.get_by_text("python -m monitors").first).to_be_visible()
    for name in through_menu(page, *(name for name in PAGES if path_of(name))):
        expect(page.get_by_text("python -m monitors").first, name).to_be_visible()


def test_plotly_is_fetched_with_the_page_and_not_with_the_first_chart(page: Page, fresh_url: str):
    for path in ("/", "/drift"):
        link = page.request.get(fresh_url + path).headers["link"]
        script = re.fullmatch(r"<(static/js/PlotlyChart\.[\w-]+\.js)>; rel=modulepreload", link)
        assert script is not None
        assert page.request.get(f"{fresh_url}/{script[1]}").ok
    assert "link" not in page.request.get(f"{fresh_url}/_stcore/health").headers


def test_a_click_on_the_heat_map_goes_to_the_column(page: Page, visit: Visit):
    page.set_viewport_size({"width": 1440, "height": 1800})  # the mouse clicks only what is in sight
    visit("?version=v1")
    page.wait_for_function(CELL_OF_TEMP)  # Plotly draws in several steps: ask until it is there
    at = page.evaluate(CELL_OF_TEMP)
    page.mouse.click(at["x"], at["y"])
    expect(page.get_by_role("heading", name=re.compile("^temp.* over time$"))).to_be_visible()
    assert re.search(r"/(drift|schema)\?", page.url)  # the page of the metric that is worst there
    expect(page.get_by_role("combobox", name="Version")).to_have_value("v1")
    page.get_by_test_id("stSidebarNavLink").first.click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()  # and does not leap back to the column


def test_an_alert_leads_to_its_column_and_version(visit: Visit):
    page = visit("")
    told = re.search(r"psi of (\S+) \((\S+)\)", page.get_by_text("psi of").first.inner_text())
    assert told is not None
    row = page.locator('[data-testid="stHorizontalBlock"]').filter(has_text=told[0]).last
    row.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name=f"{told[1]} over time")).to_be_visible()
    expect(page.get_by_role("combobox", name="Version")).to_have_value(told[2])


def test_a_link_shows_the_same_screen(visit: Visit, context: BrowserContext):
    page = visit("drift")
    choose(page, "Version", "v1")
    choose(page, "Segment", "origin=EWR")
    choose(page, "Period", "last 28 days")
    choose(page, "Metric", "ks", exact=True)
    page.get_by_text("day", exact=True).click()
    expect(page.get_by_text("KS distance.", exact=False).first).to_be_visible()
    settle(page)
    page.get_by_role("combobox", name="Column").click()
    page.keyboard.type("humid")  # a long list draws only what is in sight
    page.get_by_role("option", name="humid").click()
    expect(page.get_by_role("heading", name="humid over time")).to_be_visible()
    settle(page)
    url = page.url
    for part in ("version=v1", "segment=origin%3DEWR", "period=last", "metric=ks", "window=day", "column=humid"):
        assert part in url
    other = context.new_page()  # a session of its own; a browser of its own would only read all of Streamlit's JavaScript again
    other.goto(url)
    settle(other)
    expect(other.get_by_role("heading", name="humid over time")).to_be_visible()
    for box, value in {
        "Version": "v1",
        "Segment": "origin=EWR",
        "Period": "last 28 days",
        "Metric": "ks",
        "Column": "humid",
    }.items():
        expect(other.get_by_role("combobox", name=box)).to_have_value(value)
    other.close()


def test_chosen_days_stand_in_the_url(visit: Visit):
    page = visit("drift?period=chosen+days&days=2013-06-10&days=2013-06-16")
    expect(page.get_by_text("10 Jun 2013 – 16 Jun 2013, UTC")).to_be_visible()


def test_awkward_names_are_shown_character_for_character(visit: Visit):
    page = visit("drift?model=odd")
    cells = page.locator("[role=gridcell]")  # below the canvas, which roles do not reach
    expect(cells.first).to_be_attached()
    shown = cells.all_text_contents()
    for name in ODD_NAMES:
        assert name in shown
    choose(page, "Column", "<b>bold</b>")
    expect(page.get_by_role("heading", name="<b>bold</b> over time")).to_be_visible()
    expect(page.get_by_text("Shares are of the values that are there")).to_be_visible()  # its one reference is that of every version
    page.get_by_role("combobox", name="Version").click()
    expect(page.get_by_role("option")).to_have_text(["every version", "1e5", "1.10"])


def test_another_model_brings_its_own_versions_and_days(visit: Visit):
    page = visit("?version=v1&period=chosen+days&days=2013-06-10&days=2013-06-16")
    choose(page, "Model", "odd")
    expect(page.get_by_role("heading", name="Worst states: odd")).to_be_visible()
    settle(page)
    expect(page.get_by_role("combobox", name="Version")).to_have_value("every version")
    for name in through_menu(page, *ELSEWHERE):
        expect(page.get_by_role("combobox", name="Model"), name).to_have_value("odd")


def test_the_keyboard_reaches_menu_scope_and_page(visit: Visit):
    page = visit("drift")
    name = "(e => e.getAttribute('aria-label') || e.innerText || '')(document.activeElement)"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(name))
    text = "\n".join(reached)
    for wanted in ("Overview", "Model", "Version", "Segment", "Period", "How to read this", "Metric", "Column"):
        assert wanted in text, f"{wanted} is not among {sorted(reached)}"


def test_a_store_of_a_newer_version_is_refused_in_one_sentence(page: Page, tmp_path: Path):
    store = open_store(str(tmp_path / "newer"))
    transact(store, lambda cursor: cursor.execute("UPDATE main.vigia SET format = 999"), "a later Vigia")
    store.close()
    with serving(tmp_path / "newer") as url:
        page.goto(url)
        expect(page.get_by_test_id("stAlert")).to_contain_text("Update Vigia")
        expect(page.get_by_test_id("stException")).to_have_count(0)
