"""The page Skew in a real browser: features with their causes, one of them to its pairs; without a key; without training features."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browsing import check_widths_and_schemes, choose, serving, settle
from playwright.sync_api import Page, expect

Visit = Callable[..., Page]
TALL = {"width": 1440, "height": 3000}  # tables further down are drawn only when they come into sight
AWKWARD = 'in"come; --'


@pytest.fixture(scope="module")
def skewed_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on three models: with a key, without one, without training features."""
    place = tmp_path_factory.mktemp("skew")
    _fill(place)
    with serving(place / "store") as url:
        yield url


def _fill(place: Path) -> None:
    from data.load import load
    from data.roles import from_dict
    from data.store import open_store
    from monitors.run import run

    g, n = np.random.default_rng(0), 2100
    ids = [f"id-{i}" for i in range(n)]
    times = pd.date_range("2026-03-02", periods=n, freq="15min", tz="UTC")
    trained = pd.DataFrame({"id": ids, AWKWARD: g.normal(50, 9, n).round(2), "<b>city</b>": g.choice(["Bern", "Rom"], n), "fine": g.normal(0, 1, n)})
    log = trained.assign(ts=times, version="v1", region=g.choice(["eu", "us"], n))
    late = np.arange(n) >= n / 2
    log[AWKWARD] = np.where(late, log[AWKWARD] * 1000, log[AWKWARD])
    log["<b>city</b>"] = np.where(late, log["<b>city</b>"].str.upper(), log["<b>city</b>"])
    for name, table in (("log", log.drop(index=range(5))), ("training", trained.assign(ts=times)), ("bare", log)):
        table.to_parquet(place / f"{name}.parquet")
    roles = {
        "timestamp": "ts", "model_version": "version", "features": [AWKWARD, "<b>city</b>", "fine"], "segments": ["region"],
        "types": {AWKWARD: "number", "<b>city</b>": "category", "fine": "number"},
    }  # fmt: skip
    store = open_store(str(place / "store"))
    keyed, keyless = from_dict(roles | {"inference_id": "id"}), from_dict(roles | {"ignored": ["id"]})
    for model, own in (("keyed", keyed), ("keyless", keyless)):
        load(store, [place / "training.parquet"], model, "reference", None, own)
        load(store, [place / "log.parquet"], model, "log", None, own)
        load(store, [place / "training.parquet"], model, "training", None, own)
    load(store, [place / "bare.parquet"], "bare", "log", None, keyed)
    run(store)
    store.close()


def test_features_stand_with_their_causes_and_one_with_its_pairs(page: Page, visit: Visit, skewed_url: str):
    page.set_viewport_size(TALL)
    visit("skew?model=keyed&column=in%22come%3B+--", skewed_url)
    shown = page.locator("[role=gridcell]")
    expect(shown.first).to_be_attached()
    cells = shown.all_text_contents()
    assert "serving is training × 1,000 (100%)" in cells
    assert "the same text but for capital and small letters (100%)" in cells
    assert AWKWARD in cells
    expect(page.get_by_text("2 of 3")).to_be_visible()
    expect(page.get_by_text("Convert in one place")).to_be_visible()
    expect(page.get_by_role("heading", name="Training against serving")).to_be_visible()
    expect(page.get_by_role("heading", name="Training rows that are not in the log")).to_be_visible()
    # The factor explains every pair: five of them are shown, and serving is 1,000 times training in each.
    expect(shown.get_by_text(re.compile("^id-"))).to_have_count(5)
    cells = shown.all_text_contents()
    rows = [cells[i : i + 4] for i, text in enumerate(cells) if text.startswith("id-")]
    assert len(rows) == 5
    for row in rows:
        assert float(row[3]) == pytest.approx(1000 * float(row[2]), rel=1e-5)
    check_widths_and_schemes(page)


def test_a_category_has_a_table_of_what_became_what(page: Page, visit: Visit, skewed_url: str):
    page.set_viewport_size(TALL)
    visit("skew?model=keyed&column=%3Cb%3Ecity%3C%2Fb%3E", skewed_url)
    expect(page.get_by_role("heading", name="<b>city</b> over time")).to_be_visible()
    expect(page.get_by_role("heading", name="Training (rows) against serving (columns)")).to_be_visible()
    shown = page.locator("[role=gridcell]")
    expect(shown.filter(has_text=re.compile("^Rom$")).first).to_be_attached()
    assert {"Bern", "Rom"} <= set(shown.all_text_contents())


def test_a_feature_that_agrees_says_so(visit: Visit, skewed_url: str):
    page = visit("skew?model=keyed&column=fine", skewed_url)
    expect(page.get_by_text("Serving and training agree in every row compared.")).to_be_visible()


def test_a_period_before_the_fault_has_no_mismatch(visit: Visit, skewed_url: str):
    page = visit("skew?model=keyed&period=chosen+days&days=2026-03-02&days=2026-03-08&window=day", skewed_url)
    expect(page.get_by_text("0 of 3")).to_be_visible()


def test_without_a_key_the_distributions_are_shown_and_the_reason(visit: Visit, skewed_url: str):
    page = visit("skew?model=keyless", skewed_url)
    expect(page.get_by_text("Rows cannot be compared one by one: no key: no column has the role")).to_be_visible()
    cells = page.locator("[role=gridcell]")
    expect(cells.first).to_be_attached()
    assert AWKWARD in cells.all_text_contents()
    check_widths_and_schemes(page)


def test_without_training_features_the_page_says_how_to_load_them(visit: Visit, skewed_url: str):
    page = visit("skew?model=bare", skewed_url)
    expect(page.get_by_text("No training features are loaded for bare.")).to_be_visible()
    expect(page.get_by_text("--model bare --as training")).to_be_visible()


def test_another_column_is_chosen_and_stands_in_the_link(visit: Visit, skewed_url: str):
    page = visit("skew?model=keyed", skewed_url)
    choose(page, "Column", "fine")
    expect(page.get_by_role("heading", name="fine over time")).to_be_visible()
    settle(page)
    assert re.search(r"column=fine", page.url)
