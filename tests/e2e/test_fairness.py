"""The page Fairness in a browser: the two groups that differ most, the small one, within a segment; and the ages on the page Versions."""

from collections.abc import Callable, Iterator

import pytest
import unequal_model
from browsing import check_widths_and_schemes, serving
from playwright.sync_api import Page, expect

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def hiring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a store with a model that selects women half as often as men."""
    place = tmp_path_factory.mktemp("hiring")
    unequal_model.fill(place)
    with serving(place / "store") as url:
        yield url


def test_it_says_who_is_selected_less_and_who_is_too_few_to_say(visit: Visit, hiring: str):
    page = visit("fairness", hiring)
    of = (unequal_model.rows()["hired"] == "yes").groupby(unequal_model.rows()["sex"]).mean()
    said = f"f is selected {of['f'] / of['m']:.2f} times as often as m ({of['f']:.1%} against {of['m']:.1%}): below four fifths."
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_text("fewer than 30 rows with a prediction in this group: x (3)")).to_be_visible()
    expect(page.get_by_text("Raises no alerts: nobody has said")).to_be_visible()
    expect(page.get_by_role("heading", name="Versions")).to_be_visible()
    expect(page.locator(".stPlotlyChart text", has_text="critical 0.8")).to_be_visible()
    check_widths_and_schemes(page)


def test_another_column_one_group_and_the_rows_of_a_segment(visit: Visit, hiring: str):
    page = visit("fairness?column=region&metric=fpr_gap&group=north&window=month", hiring)
    expect(page.get_by_text("within chance").first).to_be_visible()
    expect(page.get_by_role("combobox", name="Of", exact=True)).to_have_value("north")
    page = visit("fairness?segment=sex%3Df", hiring)
    expect(page.get_by_text("Among the rows of sex=f.")).to_be_visible()
    expect(page.get_by_role("combobox", name="Groups of")).to_have_value("region")


def test_versions_tell_their_age_and_how_long_they_last(visit: Visit, hiring: str):
    page = visit("versions", hiring)
    expect(page.get_by_text("A version of this model usually serves 21 days: the median of 1 former version (v1 21).")).to_be_visible()
    page.get_by_text("Over time", exact=True).click()
    page.get_by_text("Age of the model", exact=True).click()
    expect(page.locator(".stPlotlyChart text", has_text="Age of the model (days)")).to_be_visible()
