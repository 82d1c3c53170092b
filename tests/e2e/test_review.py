"""The review in a real browser: an incident gets its verdict, an alert is muted, a decision is taken back; the command line says the same."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import check_widths_and_schemes, open_tab, serving, settle
from commandline import vigia
from playwright.sync_api import Page, expect

from data import decisions
from data.store import open_store


@pytest.fixture(scope="module")
def place(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(sample_store, tmp_path_factory.mktemp("review") / "store"))


@pytest.fixture(scope="module")
def url(place: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VIGIA_AUTHOR", "ana")
        with serving(place) as address:
            yield address


def alerts(place: Path, *words: str) -> list[dict[str, object]]:
    done = vigia("alerts", "--model", "flight-delay", "--format", "json", *words, "--store", place)
    return json.loads(done.stdout)


def says(page: Page, text: str) -> None:
    expect(page.get_by_test_id("stAlert").filter(has_text=text).first).to_be_visible()


def write(page: Page, label: str, text: str) -> None:
    box = page.get_by_label(label, exact=True).first
    box.fill(text)
    box.press("Enter")
    settle(page)


def test_an_incident_gets_a_verdict_and_two_people_lose_nothing(page: Page, url: str, place: Path):
    before = alerts(place, "--verdicts")
    incident = max((str(row["incident"]) for row in before), key=[row["incident"] for row in before].count)
    own = [row for row in before if row["incident"] == incident]
    page.goto(f"{url}/review?incident={incident}")
    settle(page)
    expect(page.get_by_role("combobox", name="Incident")).to_have_value(incident)
    expect(page.get_by_text(f"Decide about the {len(own)} alerts of this incident")).to_be_visible()
    meanwhile = {"kind": "acknowledge", "model": "flight-delay", "column": "temp", "value": "warning", "note": "I look at it"}
    decisions.decide(open_store(str(place)), [meanwhile], "ben")
    write(page, "Note", "storms")
    page.get_by_role("button", name="Expected", exact=True).click()
    says(page, "called expected.")
    settle(page)
    expect(page.locator("[role=gridcell]").filter(has_text="≈ expected").first).to_be_attached()
    assert [(row["verdict"], row["verdict_by"], row["verdict_note"]) for row in alerts(place, "--verdicts") if row["incident"] == incident] == [
        ("expected", "ana", "storms")
    ] * len(own)
    made = decisions.read(open_store(str(place)))
    assert made["author"].tolist() == ["ben", *["ana"] * len(own)]
    check_widths_and_schemes(page)


def test_an_open_alert_is_muted_until_a_date_and_the_mute_taken_back(page: Page, url: str, place: Path):
    open_before = alerts(place, "--state", "open")
    page.goto(f"{url}/review?view=Alerts&state=open")
    settle(page)
    expect(page.get_by_text("Choose the alerts that you want to decide about")).to_be_visible()
    table = page.get_by_test_id("stDataFrame").first
    table.click(position={"x": 16, "y": 54})
    expect(page.get_by_text("Decide about this alert")).to_be_visible()
    page.get_by_role("button", name="Mute …").click()
    page.get_by_role("button", name="Mute", exact=True).click()
    says(page, "Write a note first")
    page.keyboard.press("Escape")
    write(page, "Note", "new sensor")
    page.get_by_role("button", name="Mute …").click()
    page.get_by_role("button", name="Mute", exact=True).click()
    says(page, "1 series muted until")
    assert len(alerts(place, "--state", "open")) == len(open_before) - 1
    page.goto(f"{url}/review?view=Decisions&kind=mutes")
    settle(page)
    page.get_by_test_id("stDataFrame").first.click(position={"x": 16, "y": 54})
    take_back = page.get_by_role("button", name="Take back 1 decision")
    expect(take_back).to_be_visible()
    write(page, "Note", "it was not the sensor")
    take_back.click()
    says(page, "1 taken back.")
    assert alerts(place, "--state", "open") == open_before


def test_days_are_marked_and_a_rule_opens_on_its_page(page: Page, url: str):
    page.goto(f"{url}/review?view=Decisions")
    settle(page)
    open_tab(page, "Something was wrong")
    panel = page.get_by_role("tabpanel").filter(has=page.get_by_role("button", name="Mark these days"))
    panel.get_by_label("Note", exact=True).fill("labels were swapped")
    panel.get_by_label("Note", exact=True).press("Enter")
    settle(page)
    panel.get_by_role("button", name="Mark these days").click()
    says(page, "The days are marked.")
    check_widths_and_schemes(page)
    page.goto(f"{url}/review?view=Rules")
    settle(page)
    expect(page.get_by_role("heading", name="Precision of each rule")).to_be_visible()
    page.get_by_test_id("stDataFrame").first.click(position={"x": 16, "y": 54})
    expect(page.get_by_role("heading", name="Thresholds")).to_be_visible()
    assert "rule_metric=" in page.url or "psi" in page.content()
