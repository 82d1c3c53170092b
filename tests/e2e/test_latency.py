"""The page of latencies in a browser: components, steps, two versions compared, a link that shows the same, and a model without times."""

import re
from collections.abc import Callable

from browsing import choose, settle
from playwright.sync_api import Page, expect

Visit = Callable[..., Page]


def test_the_page_shows_times_steps_and_two_versions_and_a_chosen_component_stands_in_the_url(visit: Visit):
    page = visit("latency")
    expect(page.get_by_role("heading", name="latency_features_ms over time")).to_be_visible()
    expect(page.get_by_text("p50, p95, p99 (ms)")).to_be_visible()
    expect(page.get_by_text(re.compile("p50 of v2 .* times as slow from 17 Jun 2013"))).to_be_visible()
    expect(page.get_by_text(re.compile("v2 against v1, at p95: .* times as slow"))).to_be_visible()
    for heading in ("Against thresholds", "Two versions compared", "By version of model, code and data", "Errors", "Throughput", "Jobs"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_text("python -m monitors jobs add")).to_be_visible()
    choose(page, "Component", "latency_model_ms")
    settle(page)
    expect(page.get_by_role("heading", name="latency_model_ms over time")).to_be_visible()
    assert "column=latency_model_ms" in page.url


def test_a_link_opens_the_component_and_the_metric(visit: Visit):
    page = visit("latency?column=latency_model_ms&metric=p50_step&before=v2&after=v1")
    expect(page.get_by_role("heading", name="latency_model_ms over time")).to_be_visible()
    expect(page.get_by_text("Step of p50.", exact=False).first).to_be_visible()
    expect(page.get_by_text(re.compile("v1 against v2, at p95: .* times as fast"))).to_be_visible()


def test_one_version_alone_is_not_compared(visit: Visit):
    page = visit("latency?period=chosen+days&days=2013-06-01&days=2013-06-07")
    expect(page.get_by_text("Only v1 has times in this period.")).to_be_visible()


def test_a_model_without_times_says_how_to_log_them(visit: Visit):
    page = visit("latency?model=odd")
    expect(page.get_by_text("No time was logged for this model.")).to_be_visible()
    expect(page.get_by_role("heading", name="Throughput")).to_be_visible()
