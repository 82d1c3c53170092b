"""The thresholds page in a real browser: a moved limit, saved, agrees everywhere; nothing that a person may type breaks it."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import STREAMLITS_OWN, serving, settle
from commandline import vigia
from playwright.sync_api import Page, expect

from data.load import load
from data.roles import from_dict
from data.store import open_store
from monitors import rulebook, run

WEEKS, A_DAY = 12, 60
OTHERS = ("Overview", "Drift", "Sources")


def rows(start: str, shift_a_week: float) -> pd.DataFrame:
    """Rows of twelve weeks, from a Monday; `income` and `a.b` move further each week, `constant` never does."""
    count = WEEKS * 7 * A_DAY
    week = np.arange(count) // (7 * A_DAY)
    chance = np.random.default_rng(7)
    time = pd.Timestamp(start, tz="UTC") + pd.to_timedelta(np.arange(count) * 86_400 // A_DAY, unit="s")
    moving = {name: chance.normal(0, 1, count) + shift_a_week * week for name in ("income", "a.b")}
    return pd.DataFrame({"time": time, "constant": 7.0} | moving)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a model that drifts."""
    tmp_path = tmp_path_factory.mktemp("made")
    store = open_store(str(tmp_path / "store"))
    roles = from_dict({"timestamp": "time", "features": ["income", "a.b", "constant"]})
    for dataset, table in (("reference", rows("2025-01-06", 0.0)), ("log", rows("2026-01-05", 0.12))):
        file = tmp_path / f"{dataset}.parquet"
        table.to_parquet(file)
        load(store, [file], "churn", dataset, roles=roles)
    run.run(store)
    store.connection.close()
    return tmp_path / "store"


@pytest.fixture(scope="module")
def served(made: Path) -> Iterator[str]:
    with serving(made) as address:
        yield address


@pytest.fixture
def url(served: str, made: Path) -> str:
    """The server, of whose rules none is left from the test before."""
    store = open_store(str(made))
    run.save_overrides(store, (), "as it was")
    store.connection.close()
    return served


def open_page(page: Page, url: str, query: str = "") -> Page:
    page.goto(f"{url}/thresholds{query}")
    settle(page)
    return page


def counts(page: Page, *labels: str) -> dict[str, int]:
    """The alerts that the page counts now."""
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


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    settle(page)


def test_a_moved_limit_shows_its_alerts_survives_other_pages_and_agrees_everywhere_once_saved(page: Page, url: str, made: Path):
    open_page(page, url)
    before = counts(page)
    assert before["Critical"] > 0
    move(page, "Critical above", "End")
    expect(page.get_by_text(re.compile("changed|lost")).first).to_be_visible()
    moved = counts(page)
    assert moved["Critical"] < before["Critical"]
    shown = exact(page, "Critical")
    found = Axe().run(page, context='[data-testid="stMain"]').response["violations"]
    assert {v["id"] for v in found if v["impact"] in ("serious", "critical")} <= STREAMLITS_OWN

    for name in OTHERS:  # a slider's value is lost at a page switch, unless someone keeps it
        page.get_by_test_id("stSidebarNavLink").filter(has_text=name).click()
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        settle(page)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Thresholds").click()
    expect(page.get_by_role("heading", name="Thresholds")).to_be_visible()
    settle(page)
    assert exact(page, "Critical") == shown != "0.25"
    assert counts(page) == moved

    page.get_by_role("button", name="Save").click()
    says(page, "Write why first")
    page.get_by_role("textbox", name="Why", exact=True).fill("summer is warm")
    page.get_by_role("button", name="Save").click()
    says(page, "Saved for psi")
    settle(page)
    assert counts(page) == moved
    told = alerts_told(made)
    of_psi = told[told["metric"] == "psi"]
    for severity in ("critical", "warning"):
        assert (of_psi["severity"] == severity).sum() == moved[severity.capitalize()]
    assert "critical:" in overrides(made)

    has_cell(page, "override")
    open_tab(page, "History")
    has_cell(page, "summer is warm")
    page.get_by_test_id("stSidebarNavLink").first.click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    settle(page)
    assert counts(page, "Open alerts")["Open alerts"] == (told["state"] == "open").sum()


def test_the_exact_number_the_fields_of_the_expander_reset_and_removal(page: Page, url: str, made: Path):
    open_page(page, url, "?rule_column=a.b")
    page.get_by_role("spinbutton", name="Critical, exact").fill("0.777")
    page.keyboard.press("Enter")
    expect(page.get_by_text("critical 0.25 → 0.777")).to_be_visible()
    settle(page)
    assert page.get_by_test_id("stSlider").nth(1).get_by_text("0.777").count() == 1
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_text("critical 0.25 → 0.777")).to_have_count(0)
    settle(page)
    page.get_by_text("Window, rows, floors").click()
    page.get_by_text("day", exact=True).click()
    expect(page.get_by_text("window week → day")).to_be_visible()
    page.get_by_role("textbox", name="Why", exact=True).fill("days matter here")
    page.get_by_role("button", name="Save").click()
    says(page, "Saved for psi of a.b")
    assert "column: a.b" in overrides(made)
    assert "window: day" in overrides(made)

    page.get_by_role("textbox", name="Why", exact=True).fill("weeks after all")
    page.get_by_role("button", name="Remove override").click()
    says(page, "is removed")
    assert overrides(made) == "[]\n"


def test_what_makes_no_sense_is_told_in_a_sentence_and_changes_nothing(page: Page, url: str, made: Path):
    open_page(page, url)
    page.get_by_role("spinbutton", name="Warning, exact").fill("0.9")
    page.keyboard.press("Enter")
    says(page, "warning 0.9 is on the far side of critical 0.25")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_test_id("stAlert").filter(has_text="far side")).to_have_count(0)

    open_tab(page, "Export and apply")
    paste(page, "- metric: psi\n  warning: abc\n")
    says(page, 'line 2: warning: expected a number, found "abc"')
    paste(page, "- metric: pssi\n  warning: 0.2\n")
    says(page, 'Did you mean "psi"')
    assert overrides(made) == "[]\n"

    paste(page, "- metric: psi\n  column: a.b\n  warning: 0.2\n")
    has_cell(page, "0.1 (inherited)")
    page.get_by_role("textbox", name="Why apply them").fill("as reviewed")
    page.get_by_role("button", name="Apply", exact=True).click()
    says(page, "1 override applied")
    settle(page)
    open_tab(page, "Export and apply")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the overrides as YAML").click()
    text = Path(download.value.path()).read_text()
    assert text.split("\n", 1)[1] == overrides(made)  # below the line that names the edit
    assert "column: a.b" in text


def paste(page: Page, text: str) -> None:
    box = page.get_by_role("textbox", name="or paste it")
    box.fill(text)
    box.press("Control+Enter")
    page.wait_for_timeout(300)
    settle(page)


def test_a_column_that_never_varies_and_metrics_that_are_off_have_working_sliders(page: Page, url: str):
    for query in ("?rule_column=constant", "?rule_column=constant&rule_metric=wasserstein", "?rule_metric=js"):
        open_page(page, url, query)
        for which in ("Warning above", "Critical above"):
            ends = [slider(page, which).get_attribute(end) for end in ("min", "max")]
            assert float(ends[0]) < float(ends[1])
        move(page, "Critical above", "ArrowRight")
    expect(page.get_by_text("This rule is off")).to_be_visible()
    page.get_by_role("switch", name="Raises alerts").focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("This rule is off")).to_have_count(0)
    settle(page)
    assert counts(page)["Critical"] > 0
