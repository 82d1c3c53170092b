"""The sources page in a real browser: from a file with awkward names to measured rows and back, and files that are refused."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import STREAMLITS_OWN, open_tab, serving, settle
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as NotThere

from data import load as loading
from data import roles as roles_of
from data.store import open_store

HEAD = "ts,id,<b>bold</b>, lead,a.b,plan"
DAYS, A_DAY = 21, 20


def rows(month: str) -> str:
    """Three weeks; one value of ` lead` is a word."""
    lines = [f"{month}-{1 + i // A_DAY:02d} {i % 24:02d}:00:00,{month}-{i},{i % 7}.5,{'ERR' if i == 33 else i % 11},{i % 5},{'xyz'[i % 3]}"
             for i in range(DAYS * A_DAY)]  # fmt: skip
    return "\n".join([HEAD, *lines, ""])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def url(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on an empty store, whose temporary files lie where the test sees them."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setenv("VIGIA_AUTHOR", "ada")
    with serving(place) as address:
        yield address


def open_page(page: Page, url: str) -> Page:
    page.goto(f"{url}/sources")
    settle(page)
    return page


def offer(page: Page, *files: Path, model: str, dataset: str = "log") -> None:
    """Choose files and say what they are, as far as the table of their columns."""
    page.locator("input[type=file]").set_input_files([str(file) for file in files])
    expect(page.get_by_text("Name the model that these files belong to")).to_be_visible()
    choose(page, "What they are", dataset)
    page.get_by_role("combobox", name="Into model").click()
    page.keyboard.type(model)
    page.keyboard.press("Enter")
    settle(page)


def choose(page: Page, box: str, option: str) -> None:
    page.get_by_role("combobox", name=box).click()
    page.get_by_role("option", name=option, exact=True).click()
    settle(page)


def has_cells(page: Page, *texts: str) -> None:
    for text in texts:
        expect(page.locator("[role=gridcell]").get_by_text(text, exact=True).first).to_be_attached()


def loads(place: Path) -> list[dict[str, object]]:
    store = open_store(str(place))
    try:
        return loading.loads(store)[["file", "model", "dataset", "rows", "misfits", "author", "undone_by"]].to_dict("records")
    finally:
        store.close()


def test_awkward_columns_are_explained_loaded_shown_and_taken_back(page: Page, url: str, place: Path, tmp_path: Path):
    (tmp_path / "reference.csv").write_text(rows("2025-06"))
    (tmp_path / "log.csv").write_text(rows("2026-06"))
    open_page(page, url)
    expect(page.get_by_role("heading", name="Nothing is loaded yet")).to_be_visible()
    offer(page, tmp_path / "reference.csv", model="churn", dataset="reference")
    has_cells(page, "<b>bold</b>", " lead", "a.b", 'named "ts", and its values read as times', "a text with 3 different values")
    page.get_by_role("button", name="Load reference.csv").click()
    expect(page.get_by_text("Loaded 420 rows of reference.csv into churn as reference, 1 value")).to_be_visible()
    settle(page)

    open_tab(page, "Add files")
    offer(page, tmp_path / "log.csv", model="churn")
    has_cells(page, "remembered")
    page.get_by_role("button", name="Load log.csv").click()
    expect(page.get_by_text("Loaded 420 rows of log.csv into churn as log")).to_be_visible()
    expect(page.get_by_text("21 windows profiled")).to_be_visible()
    expect(page.get_by_text('column " lead": 1 value that is not of its type', exact=False).first).to_be_visible()
    settle(page)
    facts = [(load["file"], load["dataset"], load["rows"], load["misfits"], load["author"]) for load in loads(place)]
    assert facts == [("log.csv", "log", 420, 1, "ada"), ("reference.csv", "reference", 420, 1, "ada")]
    assert list((tmp_path / "temporary").glob("vigia-upload-*")) == []

    open_tab(page, "Loaded")
    choose_row(page, 1)
    has_cells(page, "ERR", "34")
    found = Axe().run(page, context='[data-testid="stMain"]').response["violations"]
    assert {v["id"] for v in found if v["impact"] in ("serious", "critical")} <= STREAMLITS_OWN
    page.get_by_role("button", name="Undo this load").click()
    page.get_by_role("button", name="Undo load 2").click()
    expect(page.get_by_text("Write why first")).to_be_visible()
    page.get_by_role("dialog").get_by_role("textbox", name="Why").fill("the wrong month")
    page.get_by_role("button", name="Undo load 2").click()
    expect(page.get_by_text("Load 2 is taken back: 420 rows of log.csv left churn")).to_be_visible()
    settle(page)
    assert next(load["undone_by"] for load in loads(place)) == "ada"
    page.get_by_text("Undone too").click()
    expect(page.locator("[role=gridcell]", has_text=", ada").first).to_be_attached()

    page.get_by_role("button", name="Show on Overview").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def choose_row(page: Page, row: int) -> None:
    settle(page)
    table = page.get_by_test_id("stDataFrame").nth(1)
    table.scroll_into_view_if_needed()
    table.click(position={"x": 16, "y": 35 * row + 18})
    settle(page)


BAD = [
    ("ragged.csv", "ts,id,x\n2026-01-01,1,2\n2026-01-02,2\n", "line 3 (row 2): expected 3 fields"),
    ("book.xlsx", "PK\x03\x04 and so on", "a zip archive or an Excel workbook"),
    ("dates.csv", "ts,id,x\n" + "".join(f"0{i}/0{i + 1}/2026,{i},{i}\n" for i in range(1, 9)), "can be"),
]


def test_bad_files_are_told_in_their_sentence_and_nothing_is_loaded(page: Page, url: str, place: Path, tmp_path: Path):
    for name, text, told in BAD:
        (tmp_path / name).write_text(text)
        open_page(page, url)
        offer(page, tmp_path / name, model="other")
        button, alert = page.get_by_role("button", name=f"Load {name}"), page.get_by_test_id("stAlert").filter(has_text=told).first
        expect(button.or_(alert).first).to_be_visible()
        if button.is_visible():  # what is wrong with it shows only as all of it is read
            button.click()
        expect(alert).to_be_visible()
        settle(page)
        assert loads(place) == []
    # The sentence about dates.csv says how to mend it, and the page has the field for that.
    page.get_by_text("How times and numbers are read").click()
    page.get_by_role("textbox", name="Time format").fill("%d/%m/%Y")
    page.keyboard.press("Enter")
    settle(page)
    page.get_by_role("button", name="Load dates.csv").click()
    expect(page.get_by_text("Loaded 8 rows of dates.csv")).to_be_visible()


def test_a_changed_role_goes_into_the_load_and_can_be_changed_later_with_a_reason(
    page: Page, url: str, place: Path, tmp_path: Path
):
    (tmp_path / "log.csv").write_text(rows("2026-06"))
    open_page(page, url)
    offer(page, tmp_path / "log.csv", model="churn")
    set_role(page, 5, "ignored")
    page.get_by_role("button", name="Load log.csv").click()
    expect(page.get_by_text("Loaded 420 rows")).to_be_visible()
    settle(page)
    assert roles(place).ignored == ("a.b",)
    open_tab(page, "Roles")
    set_role(page, 5, "feature and segment")
    page.get_by_role("textbox", name="Why", exact=True).fill("it divides the customers")
    page.get_by_role("button", name="Save roles").click()
    expect(page.get_by_text("The roles of churn are saved.")).to_be_visible()
    settle(page)
    assert "a.b" in roles(place).segments


def set_role(page: Page, row: int, role: str) -> None:
    """The table is a canvas, which takes clicks only once it has its size: choose the row, open its list of roles, take one."""
    table = page.locator('[data-testid="stDataFrame"]:visible').last
    option = page.get_by_role("option", name=role, exact=True)
    for _ in range(10):
        with suppress(NotThere):  # also where the table of another tab was still the last: it is too short for the row
            table.scroll_into_view_if_needed(timeout=5_000)
            table.click(position={"x": 40, "y": 35 * row + 18}, timeout=5_000)
            page.keyboard.press("ArrowRight")  # from the column's name to its role, however wide the columns are
            page.keyboard.press("Enter")
            option.click(timeout=5_000)
            settle(page)
            return
        page.keyboard.press("Escape")  # a cell that is being written in takes no Enter
    raise AssertionError(f"row {row} did not offer {role}")


def roles(place: Path) -> roles_of.Roles:
    store = open_store(str(place))
    try:
        found = roles_of.saved(store, "churn")
        assert found is not None
        return found
    finally:
        store.close()
