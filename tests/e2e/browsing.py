"""A real server on a free port, waiting for a page of it, and what must hold of every page."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as NotThere

ROOT = Path(__file__).parents[2]
ODD_NAMES = ['in"come; --', "<b>bold</b>", "a.b", " lead", "x[0]", "größe"]
# What Streamlit's own elements do; ours must have no serious finding at all.
STREAMLITS_OWN = {"svg-img-alt", "presentation-role-conflict", "aria-dialog-name", "list", "listitem"}
FITS = "(main => main.scrollWidth === main.clientWidth)(document.querySelector('[data-testid=stMain]'))"
HAS_SCHEME = "scheme => getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme === scheme"
PATIENCE = 180_000  # ms that a state may take to come: other workers take their share of the machine, and only what fails waits so long
IDLE = '[data-testid="stApp"][data-test-connection-state="CONNECTED"][data-test-script-state="notRunning"]'


def launch_args() -> dict[str, object]:
    """How to start the browser that is installed here."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None)
    if found is None:
        raise FileNotFoundError("Chromium or Chrome is needed (Debian: sudo apt-get install chromium).")
    quiet = ("quic", "background-networking", "component-update", "sync", "dev-shm-usage", "gpu")
    return {"executable_path": found, "args": ["--no-sandbox", "--no-first-run", *(f"--disable-{what}" for what in quiet)]}


@contextmanager
def serving(place: Path) -> Iterator[str]:
    """A server of its own on the store; gives its address."""
    with server_of(place) as (address, _):
        yield address


@contextmanager
def server_of(place: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """As `serving`, and the server itself."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.port", str(port), "--server.fileWatcherType", "none"]
    command = [sys.executable, "-m", "streamlit", "run", "pages/parts/server.py", *options]
    environment = os.environ | {"VIGIA_STORE": str(place)}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.kill()  # asked kindly, it waits for the browser's open connection; the store bears a kill
        server.wait()


def _wait_for(url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise TimeoutError(f"no answer from {url}")


def settle(page: Page) -> None:
    """Wait until the script is done and see that it raised nothing."""
    page.wait_for_selector(IDLE)
    page.wait_for_selector('[data-testid="stHeading"], [data-testid="stException"]')
    page.wait_for_timeout(150)
    page.wait_for_selector(IDLE)
    assert page.get_by_test_id("stException").all_inner_texts() == []


def through_menu(page: Page, *names: str) -> Iterator[str]:
    """Go to these pages by the menu, one after the other, which costs half of a link; each is given when its script is done."""
    for name in names:
        page.locator(f'[data-testid="stSidebarNavLink"][href$="/{name}"]').click()
        page.wait_for_url(re.compile(rf"/{name}(\?|$)"))  # it changes when the page's script has begun
        settle(page)
        yield name


def choose(page: Page, box: str, option: str, exact: bool = False) -> None:
    """Choose in a select box; opened once more where a page that was still drawing has shut it."""
    wanted = page.get_by_role("option", name=option, exact=exact)
    for _ in range(5):
        page.get_by_role("combobox", name=box).click()
        with suppress(NotThere):
            wanted.click(timeout=8_000)
            return
        page.keyboard.press("Escape")
    raise AssertionError(f"{box} did not offer {option}")


def open_tab(page: Page, name: str) -> None:
    """Open a tab; once more where a page that was still drawing has shut it."""
    tab = page.get_by_role("tab", name=name)
    for _ in range(5):
        tab.click()
        settle(page)
        if tab.get_attribute("aria-selected") == "true":
            return
    raise AssertionError(f"the tab {name} did not open")


def check_widths_and_schemes(page: Page) -> None:
    """Nothing scrolls sideways on a wide and a narrow screen, and axe finds nothing serious, light and dark."""
    for width in (1440, 800):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(FITS)  # charts follow a moment later, on a busy machine some seconds
    # What a theme changes is colours: the other rules need no second look.
    for scheme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(HAS_SCHEME, arg=scheme)
        settle(page)
        found = Axe().run(page, options={"resultTypes": ["violations"], **rules}).response["violations"]
        serious = {v["id"]: [n["html"][:200] for n in v["nodes"]] for v in found if v["impact"] in ("serious", "critical")}
        assert {name: nodes for name, nodes in serious.items() if name not in STREAMLITS_OWN} == {}, scheme
