"""The page Versions in a real browser: what changed, what came of it, two versions side by side."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote_plus

import numpy as np
import pandas as pd
import pytest
from browsing import choose, serving
from playwright.sync_api import Page, expect

from data.load import load
from data.manifests import keep
from data.roles import from_dict
from data.store import open_store
from monitors.run import run

Visit = Callable[..., Page]
ROLES = {"timestamp": "ts", "model_version": "v", "code_version": "code", "features": ["x", "<b>y</b>"]}


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """v9 hands over to v10 on 1 March after five days beside it; x moves with it. Code 1.1 comes on 15 March and hurts nothing.

    Of the model `still`, nothing changes.
    """
    place = tmp_path_factory.mktemp("versions")
    store, chance = open_store(str(place / "store")), np.random.default_rng(0)
    roles = from_dict(ROLES)

    def rows(first: str, days: int, version: str, code: str, shift: float, each: int = 200) -> pd.DataFrame:
        n = days * each
        times = pd.date_range(first, periods=n, freq=pd.Timedelta(days=1) / each, tz="UTC")
        about = {"v": version, "code": code, "x": chance.normal(shift, 1, n), "<b>y</b>": chance.normal(0, 1, n)}
        return pd.DataFrame({"ts": times, **about})

    rows("2026-01-01", 28, "", "", 0).to_parquet(place / "reference.parquet")
    parts = [
        rows("2026-02-01", 28, "v9", "1.0", 0),
        rows("2026-02-24", 5, "v10", "1.0", 1, each=40),
        rows("2026-03-01", 14, "v10", "1.0", 1),
    ]
    pd.concat([*parts, rows("2026-03-15", 14, "v10", "1.1", 1)]).to_parquet(place / "log.parquet")
    load(store, [place / "reference.parquet"], "m", "reference", roles=roles)
    load(store, [place / "log.parquet"], "m", "log", roles=roles)
    for version, numpy in (("v9", "1.26.4"), ("v10", "2.0.1")):
        (place / f"{version}.txt").write_text(f"numpy=={numpy}\n")
        keep.add(store, place / f"{version}.txt", "m", version)
    pd.DataFrame({"ts": pd.date_range("2026-03-01", periods=72, freq="h"), "x": 1.0}).to_parquet(place / "still.parquet")
    load(store, [place / "still.parquet"], "still", "log", roles=from_dict({"timestamp": "ts", "features": ["x"]}))
    run(store)
    with serving(place / "store") as url:
        yield url


def test_what_changed_and_what_came_of_it(visit: Visit, address: str):
    page = visit("versions", address)
    expect(page.get_by_role("heading", name="Who served")).to_be_visible()
    expect(page.get_by_role("combobox", name="Change")).to_have_value("15 Mar 2026 · code version 1.0 → 1.1, minor (v10)")
    expect(page.get_by_text(re.compile(r"7 days on either side; [01] of \d+ metrics moved"))).to_be_visible()


def test_a_link_to_a_change_shows_what_came_of_it(visit: Visit, address: str):
    chosen = "24 Feb 2026 · v9 → v10, beside v9 until 28 Feb 2026, 17% of the rows at first (v10)"
    page = visit(f"versions?change={quote_plus(chosen)}", address)
    expect(page.get_by_role("combobox", name="Change")).to_have_value(chosen)
    expect(page.get_by_text("(not 7: the next change of its kind is nearer)", exact=False)).to_be_visible()
    expect(page.get_by_role("combobox", name="Metric over time")).to_have_value(re.compile("throughput|of x$"))  # what moved most


def test_two_versions_side_by_side(visit: Visit, address: str):
    page = visit("versions?view=Two+versions&pair_window=day", address)
    expect(page.get_by_role("combobox", name="First version")).to_have_value("v9")  # as people order them
    expect(page.get_by_role("combobox", name="Second version")).to_have_value("v10")
    expect(page.get_by_role("heading", name="What they are made of")).to_be_visible()
    expect(page.get_by_text("Up to 28 windows of v9 and 33 of v10.")).to_be_visible()
    choose(page, "First version", "v10")
    expect(page.get_by_text("Choose two different versions.")).to_be_visible()


def test_every_time_chart_marks_the_changes(visit: Visit, address: str):
    page = visit("drift", address)
    lane = page.locator(".stPlotlyChart .y2tick text", has_text="changes")
    expect(lane.first).to_be_visible()


def test_a_model_of_which_nothing_changed_says_what_to_do(visit: Visit, address: str):
    page = visit("versions?model=still", address)
    expect(page.get_by_text("Nothing is known to have changed.", exact=False)).to_be_visible()
    page = visit("versions?model=still&view=Two+versions", address)
    expect(page.get_by_text("There is one version so far", exact=False)).to_be_visible()
