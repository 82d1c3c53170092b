"""How soon a cold server shows something on the loaded sample, to a browser that was never there.   python tests/benchmarks/bench_first.py

Seconds from the server's start until its port answers, the title, the heat map and the whole first screen are there, of STARTS. The browser runs
already; the budget of DESIGN.md §9 is 5 s. The store goes to .bench/.
"""

import os
import sys
import time
from pathlib import Path

import pandas as pd
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from bench_hand import HERE, ROOT, sample
from browsing import launch_args, serving, settle

STARTS = 5


def first_screen(place: Path, browser: Browser) -> dict[str, float]:
    """One cold start."""
    page, took, begun = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page(), {}, time.monotonic()

    def told(what: str) -> None:
        took[what] = time.monotonic() - begun

    with serving(place) as url:
        told("port")
        page.goto(url)
        page.locator("[data-testid=stMain] h1").wait_for()
        told("title")
        page.locator(".st-key-heat .js-plotly-plot .main-svg").first.wait_for()
        told("heat map")
        settle(page)
        told("all")
    page.context.close()
    return took


def main() -> None:
    os.chdir(ROOT)
    place = sample(HERE / "hand-sample")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_args())
        rows = pd.DataFrame([first_screen(place, browser) for _ in range(STARTS)])
        browser.close()
    print(f"s after a cold start, load average {os.getloadavg()[0]:.1f}")
    print(pd.DataFrame({"median": rows.median(), "least": rows.min(), "most": rows.max()}).round(1).to_string())


if __name__ == "__main__":
    main()
