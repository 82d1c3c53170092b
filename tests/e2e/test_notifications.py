"""The tab of notifications in a real browser: a channel is added, tested, saved and told; a secret is refused; nothing is shown of one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import check_widths_and_schemes, open_tab, serving, settle
from playwright.sync_api import Page, expect
from receivers import Received, web

from data import outbox
from data.store import open_store
from monitors import channels, deliver

SECRET = "geheim-8c1d0f6b2a"


@pytest.fixture(scope="module")
def server() -> Iterator[Received]:
    with web() as received:
        yield received


@pytest.fixture(scope="module")
def place(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(sample_store, tmp_path_factory.mktemp("notifications") / "store"))


@pytest.fixture(scope="module")
def served(place: Path, server: Received) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TEAM_URL", f"{server.url}{SECRET}")
        with serving(place) as address:
            yield address


@pytest.fixture
def url(served: str, place: Path) -> str:
    """The server, of whose channels none is left from the test before."""
    deliver.save(open_store(str(place)), channels.Settings(), "nobody yet")
    return served


def open_notifications(page: Page, url: str) -> None:
    page.goto(f"{url}/thresholds?tab=Notifications")
    settle(page)


def fill(page: Page, label: str, text: str) -> None:
    box = page.get_by_label(label, exact=True)
    box.fill(text)
    box.press("Enter")
    settle(page)


def says(page: Page, text: str) -> None:
    expect(page.get_by_test_id("stAlert").filter(has_text=text).first).to_be_visible()


def test_a_channel_is_added_tested_saved_and_told(page: Page, url: str, place: Path, server: Received):
    open_notifications(page, url)
    says(page, "Nobody is told yet")
    fill(page, "Name", "team")
    fill(page, "URL", f"https://example.org/?token={SECRET}")
    says(page, "put it into an environment variable")
    expect(page.get_by_role("button", name="Send a test")).to_be_disabled()
    fill(page, "URL", "")
    fill(page, "or the variable that holds it", "TEAM_URL")
    server.answers[:] = [404]
    page.get_by_role("button", name="Send a test").click()
    says(page, "The test did not go through. The server answered 404")
    page.get_by_role("button", name="Send a test").click()
    says(page, "Sent a test to team.")
    assert [body["kind"] for body in server.bodies] == ["test", "test"]
    page.get_by_role("button", name="Save channel").click()
    says(page, "Write why first")
    page.get_by_label("Why", exact=True).fill("who is on call")
    page.get_by_role("button", name="Save channel").click()
    says(page, "The channel team is saved.")
    settle(page)
    expect(page.get_by_text("To team: flight-delay:")).to_be_visible()  # what would go next
    store = open_store(str(place))
    assert outbox.edits(store)["reason"][0] == "who is on call"
    assert [one.variables for one in deliver.settings(store).channels] == [("TEAM_URL",)]
    assert len(deliver.queue(store, deliver.settings(store))) == 2  # flight-delay and odd
    assert deliver.deliver(store, channels.Settings()) == []
    open_tab(page, "Outbox")
    expect(page.locator("[role=gridcell]").filter(has_text="There is no such channel any more").first).to_be_attached()
    assert SECRET not in page.content()
    files = [path for path in place.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_settings_are_applied_from_yaml_and_a_mistake_names_its_line(page: Page, url: str):
    open_notifications(page, url)
    open_tab(page, "Export and apply")
    box = page.get_by_label("Apply YAML: it replaces every channel")
    box.fill("channels:\n  - {name: a, kind: slack, url: 'https://hooks.slack.com/services/geheim'}")
    box.press("Control+Enter")
    says(page, "line 2: channel \"a\": its URL holds a token")
    box.fill("channels:\n  - {name: a_b*, kind: slack, url_env: SLACK_URL}")
    box.press("Control+Enter")
    expect(page.get_by_text("It adds a_b*.")).to_be_visible()
    page.get_by_label("Why apply it").fill("PR 7")
    page.get_by_label("Why apply it").press("Enter")
    page.get_by_role("button", name="Apply settings").click()
    says(page, "1 channel applied.")
    settle(page)
    expect(page.locator("[role=gridcell]").filter(has_text="SLACK_URL is not set").first).to_be_attached()


def test_the_tab_fits_both_widths_and_axe_finds_nothing_serious(page: Page, url: str, place: Path):
    deliver.save(open_store(str(place)), channels.read("channels: [{name: a, kind: slack, url_env: SLACK_URL}]", "test"), "first")
    open_notifications(page, url)
    page.get_by_text("Add a channel").click()
    settle(page)
    check_widths_and_schemes(page)
