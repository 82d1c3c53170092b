"""The page Thresholds as a hand and an eye have it: what it says, what is moved on it, and what the command line says of the same."""

import io
import json
import re
from pathlib import Path

import pandas as pd
from browsing import settle
from commandline import vigia
from playwright.sync_api import Page, expect

from data.store import open_store
from monitors import rulebook, run


def open_page(page: Page, url: str, query: str = "") -> Page:
    page.goto(f"{url}/thresholds{query}")
    settle(page)
    return page


def counts(page: Page, *labels: str) -> dict[str, int]:
    """The alerts that the page counts now."""
    expect(page.get_by_test_id("stMetric").first).to_be_visible()
    texts = [metric.inner_text().split("\n") for metric in page.get_by_test_id("stMetric").all()]
    shown = {parts[0]: next((part for part in parts[1:] if part), "") for parts in texts}
    return {label: int(shown[label]) for label in labels or ("Critical", "Warning", "Open now")}


def says(page: Page, text: str) -> None:
    expect(page.get_by_test_id("stAlert").filter(has_text=text).first).to_be_visible()


def has_cell(page: Page, text: str) -> None:
    expect(page.locator("[role=gridcell]", has_text=text).first).to_be_attached()


def exact(page: Page, which: str) -> str:
    """The limit as a number: what the slider is at."""
    return page.get_by_role("spinbutton", name=f"{which}, exact").input_value()


def at_rest(page: Page, which: str) -> str:
    """The limit once all that a hand did has arrived: the same at two looks."""
    before = None
    while (now := exact(page, which)) != before or not now:  # an element that was replaced is empty for a moment
        before = now
        page.wait_for_timeout(700)
        settle(page)
    return now


def slider(page: Page, which: str):
    return page.get_by_role("slider", name=which)


def move(page: Page, which: str, key: str, times: int = 1) -> None:
    slider(page, which).focus()
    for _ in range(times):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    settle(page)


def alerts_told(place: Path) -> pd.DataFrame:
    """As the command line tells them."""
    return pd.read_csv(io.StringIO(vigia("alerts", "--format", "csv", "--store", place).stdout))


def overrides(place: Path) -> str:
    """As YAML."""
    store = open_store(str(place))
    try:
        return rulebook.dump(run.overrides(store))
    finally:
        store.connection.close()


def backtested(place: Path, tmp_path: Path, text: str) -> dict[str, int]:
    """What the command line says that these rules would give, in the words of the page."""
    (tmp_path / "new.yaml").write_text(text)
    done = vigia("backtest", "--rules", tmp_path / "new.yaml", "--format", "json", "--store", place)
    told = json.loads(done.stdout)["models"][0]
    of_psi = next(row for row in told["rules"] if row["rule"].startswith("psi"))
    return {name: of_psi[name] for name in ("before", "after", "gained", "lost", "changed")}


def against_saved(page: Page) -> dict[str, int]:
    """The line that says what comes and goes."""
    line = page.get_by_text("Against the rule in force").inner_text()
    return {name: int(re.search(rf"(\d+) {name}", line)[1]) for name in ("gained", "lost", "changed")}
