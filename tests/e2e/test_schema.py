"""The schema page in a real browser: what was broken, by which rows; the schema as a file, applied with a reason, in the history."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from browsing import open_tab, serving, settle
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as NotThere

from data.load import load
from data.roles import from_dict
from data.store import author, open_store
from monitors import invariants, run

ODD = 'in"come; <b>'
ROLES = {"timestamp": "time", "features": [ODD, "plan", "gone"], "types": {ODD: "number", "plan": "category", "gone": "number"}}


def rows(start: str, days: int, high: float) -> pd.DataFrame:
    chance, count = np.random.default_rng(7), 100 * days
    time = pd.Timestamp(start, tz="UTC") + pd.to_timedelta(np.arange(count) * 864, unit="s")
    columns = {ODD: chance.uniform(0, high, count).round(3), "plan": chance.choice(["basic", "plus"], count), "gone": 1.0}
    return pd.DataFrame({"time": time} | columns)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose last file lacks a column, has an unknown one, and values out of range."""
    folder = tmp_path_factory.mktemp("made")
    store = open_store(str(folder / "store"))
    healthy, broken = rows("2026-01-05", 14, 1.0), rows("2026-01-19", 2, 2.0).drop(columns="gone").assign(extra="?")
    for name, dataset, table in (
        ("train", "reference", rows("2025-11-03", 28, 1.0)),
        ("healthy", "log", healthy),
        ("broken", "log", broken),
    ):
        table.to_parquet(folder / f"{name}.parquet")
        load(store, [folder / f"{name}.parquet"], "churn", dataset, roles=from_dict(ROLES))
    healthy[["time", "plan"]].to_parquet(folder / "alone.parquet")
    load(store, [folder / "alone.parquet"], "alone", roles=from_dict({"timestamp": "time", "features": ["plan"]}))
    run.run(store)
    store.close()
    return folder / "store"


@pytest.fixture(scope="module")
def made_url(made: Path) -> Iterator[str]:
    with serving(made) as url:
        yield url


def test_a_violation_names_its_rows_file_and_values(made_url: str, page: Page):
    page.goto(f"{made_url}/schema?model=churn")
    settle(page)
    expect(page.get_by_text("3 violations")).to_be_visible()
    expect(page.get_by_role("heading", name="gone: missing column over time")).to_be_visible()  # the worst, since nothing was chosen
    expect(page.get_by_text("200 of 200 rows")).to_be_visible()
    expect(page.get_by_text("brought by broken.parquet (load 3)")).to_be_visible()
    page.goto(f"{made_url}/schema?model=churn&metric=range_rate&window=day&column={quote(ODD)}")
    settle(page)
    expect(page.get_by_role("heading", name=f"{ODD}: out of range over time")).to_be_visible()
    expect(page.get_by_text("Most frequent:")).to_be_visible()


def test_a_broken_file_is_told_in_a_sentence(made_url: str, page: Page, tmp_path: Path):
    file = tmp_path / "schema.pbtxt"
    file.write_text("feature {\n name: \n}")
    page.goto(f"{made_url}/schema?model=churn")
    settle(page)
    open_tab(page, "Export and import")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    expect(page.get_by_text("schema.pbtxt, line 3: expected a value, found")).to_be_visible()


def test_a_model_without_a_reference_says_what_to_do(made_url: str, page: Page):
    page.goto(f"{made_url}/schema?model=alone")
    settle(page)
    expect(page.get_by_text("Nothing is broken in this period.")).to_be_visible()
    open_tab(page, "Learnt schema")
    expect(page.get_by_text("No reference was profiled, so nothing was learnt.").first).to_be_visible()


def test_a_file_is_applied_with_a_reason_and_stands_in_the_history(made: Path, made_url: str, page: Page, tmp_path: Path):
    """It writes into the store that all of these tests look at."""
    file = tmp_path / "schema.yaml"
    file.write_text(f"columns:\n  '{ODD}': {{max: 2.5}}\n  gone: {{required_in: [training]}}\n")
    page.goto(f"{made_url}/schema?model=churn")
    settle(page)
    open_tab(page, "Export and import")
    expect(page.get_by_text("SageMaker constraints.json cannot say")).to_be_visible()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    why = page.get_by_label("Why", exact=True)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Write why first")).to_be_visible()
    why.fill("it may be more")
    why.press("Tab")
    page.get_by_role("button", name="Save and measure").click()
    expect(page.get_by_text("Schema saved as edit 1.")).to_be_visible(timeout=120_000)
    settle(page)
    open_tab(page, "Violations")
    expect(page.get_by_text("1 violation")).to_be_visible()
    store = open_store(str(made))
    assert invariants.history(store, "churn")["reason"].tolist() == ["it may be more"] * 2
    assert run.alerts(store, model="churn").query("monitor == 'schema'")["metric"].tolist() == ["new_column"]


def test_an_edited_cell_is_a_commit_with_author_and_reason(made: Path, made_url: str, page: Page):
    """It writes too, after the one above."""
    page.goto(f"{made_url}/schema?model=churn")
    settle(page)
    open_tab(page, "Learnt schema")
    write_cell(page, row=2, right=6, text="3.5")  # "Greatest" of the second column, after the time
    told = page.locator("[role=gridcell]")
    expect(told.get_by_text("3.5", exact=True).first).to_be_attached()
    why = page.get_by_label("Why", exact=True)
    why.fill("a new tariff")
    why.press("Tab")
    settle(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Schema saved as edit 2. The next run counts by it.")).to_be_visible()
    settle(page)
    open_tab(page, "Edits")
    expect(told.get_by_text("a new tariff", exact=True).first).to_be_attached()
    store = open_store(str(made))
    edit = invariants.history(store, "churn").iloc[0]
    assert edit[["column", "field", "before", "after", "reason", "author"]].tolist() == [ODD, "max", "2.5", "3.5", "a new tariff", author()]
    commits = store.frame("SELECT author, commit_message FROM ducklake_snapshots('lake') ORDER BY snapshot_id")
    assert commits.iloc[-1].tolist() == [author(), "schema of churn: a new tariff"]


def write_cell(page: Page, row: int, right: int, text: str) -> None:
    """The table is a canvas, which takes clicks only once it has its size: choose the row's first cell, go right, open the cell, write."""
    table, changed = page.locator('[data-testid="stDataFrame"]:visible').first, page.get_by_role("button", name="Save", exact=True)
    for _ in range(10):
        table.scroll_into_view_if_needed()
        table.click(position={"x": 40, "y": 35 * row + 18})
        for _ in range(right):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        with suppress(NotThere):
            page.locator("#portal input").fill(text, timeout=5_000)  # where cells are written in
            page.keyboard.press("Enter")
            changed.wait_for(timeout=5_000)
            settle(page)
            return
        page.keyboard.press("Escape")
    raise AssertionError(f"row {row} was not written")
