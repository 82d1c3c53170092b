"""The thresholds page in a real browser: a moved limit, saved, agrees everywhere; nothing that a person may type breaks it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import STREAMLITS_OWN, choose, open_tab, serving, settle
from commandline import vigia
from playwright.sync_api import Page, expect
from thresholds_page import (
    against_saved,
    alerts_told,
    at_rest,
    backtested,
    counts,
    exact,
    has_cell,
    move,
    open_page,
    overrides,
    says,
    slider,
)

from data.load import load
from data.roles import from_dict
from data.store import open_store
from monitors import run

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


def test_no_key_of_a_fast_hand_is_lost_and_one_end_alone_is_no_limit(page: Page, url: str):
    open_page(page, url, "?rule_column=income")
    before = int(slider(page, "Critical above").input_value())  # its place among the stops
    for gap in (0, 60):  # ms; the server answers one key after some 100 of them
        slider(page, "Critical above").focus()
        for _ in range(6):
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(gap)
        at_rest(page, "Critical")
    assert int(slider(page, "Critical above").input_value()) == before + 12
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_role("spinbutton", name="Critical, exact")).to_have_value("0.25")

    open_page(page, url, "?rule_metric=rows_ratio")
    below, above = (page.get_by_role("spinbutton", name=f"Warning {end}") for end in ("below", "above"))
    below.press("Control+a")
    below.press("Delete")
    below.press("Enter")
    expect(page.get_by_text("One end alone is no limit")).to_be_visible()
    expect(above).to_have_value("1.5")
    below.fill("0.6")
    below.press("Enter")
    expect(page.get_by_text("One end alone is no limit")).to_have_count(0)
    expect(page.get_by_text("warning 0.7 to 1.5 → 0.6 to 1.5")).to_be_visible()


def test_a_limit_dragged_on_the_chart_counts_as_the_command_line_does_and_is_one_move_to_undo(page: Page, url: str, made: Path, tmp_path: Path):
    open_page(page, url, "?rule_column=income")
    before = counts(page)
    handle = page.get_by_role("slider", name="Warning limit on the chart")
    expect(handle).to_be_visible()
    page.get_by_text("What it looks like").scroll_into_view_if_needed()  # below the chart: all of it is in sight
    page.wait_for_timeout(300)
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for down in range(2, 14, 2):  # towards 0: more alerts
        page.mouse.move(x, y + down)
        page.wait_for_timeout(40)
    page.mouse.up()
    expect(page.get_by_text("Against the rule in force")).to_be_visible()
    expect(page.get_by_text(re.compile("warning 0.1 →"))).to_be_visible()
    value = at_rest(page, "Warning")
    assert 0 <= float(value) < 0.1
    told = backtested(made, tmp_path, f"- {{metric: psi, column: income, segment: all, warning: {value}}}\n")
    now = counts(page)
    assert now["Critical"] + now["Warning"] == told["after"]
    assert before["Critical"] + before["Warning"] == told["before"]
    assert against_saved(page) == {name: told[name] for name in ("gained", "lost", "changed")}

    page.get_by_role("spinbutton", name="Critical, exact").fill("0.777")
    page.keyboard.press("Enter")
    expect(page.get_by_text("critical 0.25 → 0.777")).to_be_visible()
    settle(page)
    told = backtested(made, tmp_path, f"- {{metric: psi, column: income, segment: all, warning: {value}, critical: 0.777}}\n")
    assert against_saved(page) == {name: told[name] for name in ("gained", "lost", "changed")}
    undo = page.get_by_role("button", name="Undo")
    undo.click()
    expect(page.get_by_text("critical 0.25 → 0.777")).to_have_count(0)
    assert exact(page, "Warning") == value
    undo.click()
    expect(page.get_by_text(re.compile("warning 0.1 →"))).to_have_count(0)
    settle(page)
    assert counts(page) == before
    expect(undo).to_be_disabled()


def test_limits_of_another_kind_are_chosen_in_the_form_and_count_as_the_command_line_does(page: Page, url: str, made: Path, tmp_path: Path):
    open_page(page, url, "?rule_metric=ks")
    page.get_by_role("switch", name="Raises alerts").focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("This rule is off")).to_have_count(0)
    page.get_by_text("Kind, window, rows, floors").click()
    for kind, words in (("fdr", "false discovery rates"), ("reference_quantile", "quantiles of the reference’s windows")):
        choose(page, "Limits are", words)
        expect(page.get_by_text(re.compile(f"kind constant → {kind.replace('_', ' ')}"))).to_be_visible()
        settle(page)
        limits = {which.lower(): exact(page, which) for which in ("Warning", "Critical")}
        rule = {"metric": "ks", "segment": "all", "kind": kind, "enabled": True, "window": "week", **limits}
        done = vigia("backtest", "--rules", written(tmp_path, rule), "--format", "json", "--store", made)
        told = json.loads(done.stdout)["models"][0]
        now = counts(page)
        assert now["Critical"] + now["Warning"] == told["gained"] > 0


def written(place: Path, rule: dict[str, object]) -> Path:
    """A file of one rule; YAML takes JSON."""
    (place / "kind.yaml").write_text(json.dumps([rule]))
    return place / "kind.yaml"


def test_sets_of_rules_side_by_side_and_an_alert_opened(page: Page, url: str, made: Path, tmp_path: Path):
    open_page(page, url)
    for value in ("0.5", "0.9"):
        page.get_by_role("spinbutton", name="Critical, exact").fill(value)
        page.keyboard.press("Enter")
        expect(page.get_by_text(f"critical 0.25 → {value}")).to_be_visible()
        page.get_by_role("button", name="Keep", exact=True).click()
        page.wait_for_timeout(300)
        settle(page)
    page.get_by_role("button", name="Compare", exact=True).or_(page.get_by_role("radio", name="Compare", exact=True)).first.click()
    has_cell(page, "psi in all rows: critical 0.25 (inherited) → 0.5")
    told = backtested(made, tmp_path, "- {metric: psi, segment: all, critical: 0.9}\n")
    row = page.locator("[role=gridcell]", has_text="critical 0.25 (inherited) → 0.9").last.locator("xpath=..").inner_text().split("\n")
    assert str(told["after"]) in " ".join(row)
    page.get_by_role("button", name="Drop").first.click()
    expect(page.get_by_role("button", name="Drop")).to_have_count(1)

    page.get_by_role("button", name="Replay", exact=True).or_(page.get_by_role("radio", name="Replay", exact=True)).first.click()
    settle(page)
    show = page.get_by_role("button", name="Show on the page Drift")
    click_a_bar(page)
    expect(show).to_be_visible()
    page.get_by_role("button", name="Close", exact=True).click()
    expect(show).to_have_count(0)
    settle(page)
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 16, box["y"] + 54)
    expect(show).to_be_visible()
    expect(page.get_by_text(re.compile(r"psi of .* critical|psi of .* warning")).first).to_be_visible()
    show.click()
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    settle(page)
    assert "metric=psi" in page.url or "column=" in page.url


def click_a_bar(page: Page) -> None:
    """The first bar of an alert that the mouse comes upon."""
    canvas = page.locator(".st-key-spans .svg-container canvas")
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box = canvas.bounding_box()
    for y in range(60, int(box["height"]), 6):
        for part in (0.95, 0.8, 0.6, 0.4):
            page.mouse.move(box["x"] + part * box["width"], box["y"] + y)
            if page.evaluate("document.querySelector('.st-key-spans .js-plotly-plot').style.cursor") == "pointer":
                page.mouse.click(box["x"] + part * box["width"], box["y"] + y)
                return
    raise AssertionError("no bar")


def test_who_saves_second_sees_what_the_first_did_and_decides_and_any_state_comes_back(page: Page, url: str, made: Path):
    open_page(page, url, "?rule_column=income")
    page.get_by_role("spinbutton", name="Critical, exact").fill("0.5")
    page.keyboard.press("Enter")
    expect(page.get_by_text("critical 0.25 → 0.5")).to_be_visible()
    words = ("thresholds", "set", "metric=psi", "column=income", "segment=all", "--set", "warning=0.2", "--reason", "ada was here")
    assert vigia(*words, "--store", made).returncode == 0
    page.get_by_role("textbox", name="Why", exact=True).fill("mine")
    page.get_by_role("button", name="Save", exact=True).click()
    says(page, "Nothing was saved, since somebody was faster")
    says(page, "ada was here")
    assert "critical" not in overrides(made)
    settle(page)
    page.get_by_role("textbox", name="Why", exact=True).fill("mine")
    page.get_by_role("button", name="Save on top").click()
    says(page, "Saved for psi of income")
    assert "critical: 0.5" in overrides(made)
    assert "warning: 0.2" in overrides(made)

    open_tab(page, "History")
    has_cell(page, "ada was here")
    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 16, box["y"] + 54)
    page.get_by_text(re.compile("as they were before edit")).click()
    page.get_by_role("textbox", name="Why restore them").fill("ada was right")
    page.get_by_role("button", name="Restore", exact=True).click()
    says(page, "again")
    assert "critical" not in overrides(made)
    assert "warning: 0.2" in overrides(made)


def test_what_a_limit_looks_like_for_this_column(page: Page, url: str):
    open_page(page, url, "?rule_column=income&view=What+it+looks+like")
    expect(page.get_by_text("This is what PSI = 0.25 looks like")).to_be_visible()
    expect(page.get_by_text(re.compile("the mean moves by 0.4"))).to_be_visible()  # psi = 0.25: near half a standard deviation
    open_page(page, url, "?rule_metric=null_rate&view=What+it+looks+like")
    expect(page.get_by_text("Look at the reference’s own rate first").or_(page.get_by_text("own rate first"))).to_be_visible()
