"""A real server on a store with a month of the sample and an awkward model, and a real browser on it."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pandas as pd
import pytest
from browsing import ODD_NAMES, PATIENCE, ROOT, launch_args, serving, settle
from playwright.sync_api import Browser, BrowserContext, Page, expect

SAMPLE = ROOT / "data" / "sample"
FEATURES = ["carrier", "origin", "hour", "seats", "temp", "humid", "pressure", "precip"]  # of 17: what each page shows needs no more
expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in a browser last: what is quick to fail comes first. Among them the longest modules first, so that no worker ends alone.

    How long one takes goes with the length of its text (measured), not with the number of its tests: the three of `test_sources` take long.
    """
    items.sort(key=lambda item: item.path.stat().st_size if "e2e" in item.path.parts else math.inf, reverse=True)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    return launch_args()


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, object]) -> dict[str, object]:
    """As wide as a page is looked at, so that its charts are not drawn once more for it; and nothing moves that need not."""
    return {**browser_context_args, "viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"}


@pytest.fixture(scope="session")
def sample_store(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The store that most tests look at."""
    return once("sample", _fill)


def _fill(place: Path) -> None:
    """June of the sample (v1 hands over to v2), and a model with awkward names whose versions look like numbers."""
    from data.load import load
    from data.roles import from_dict, load_yaml, to_dict
    from data.store import open_store
    from monitors.run import run

    store = open_store(str(place))
    given = to_dict(load_yaml(SAMPLE / "roles.yaml"))
    types = {name: kind for name, kind in given["types"].items() if name in (*FEATURES, "prediction", "label")}
    roles = from_dict(given | {"features": FEATURES, "segments": ["origin"], "types": types})
    for version in ("v1", "v2"):
        load(store, [SAMPLE / f"training-{version}.parquet"], "flight-delay", "reference", version, roles)
    load(store, [SAMPLE / "log-2013-06.parquet"], "flight-delay", "log", roles=roles)
    load(store, [_labels_of_june(place)], "flight-delay", "labels", roles=roles)
    reference, log = _odd("2024-01-01", 0.0), _odd("2024-03-04", 3.0)
    for name, table in (("reference", reference), ("log", log)):
        table.to_parquet(place / f"odd-{name}.parquet")
    odd = from_dict({"timestamp": "time", "model_version": "version", "score": "score", "features": ODD_NAMES, "window": "day"})
    load(store, [place / "odd-reference.parquet"], "odd", "reference", roles=odd)
    load(store, [place / "odd-log.parquet"], "odd", "log", roles=odd)
    run(store)


def _labels_of_june(place: Path) -> Path:
    """The labels of the log's month alone, so that loading them costs no more than that."""
    labels = pd.read_parquet(SAMPLE / "labels.parquet")
    june = labels["inference_id"] // 1_000_000 == 201306  # yyyymmddnnnn
    labels[june].to_parquet(place / "labels-2013-06.parquet")
    return place / "labels-2013-06.parquet"


def _odd(start: str, shift: float) -> pd.DataFrame:
    """56 days of 100 rows; each column moved by `shift` standard deviations; scores, and no label to any of them."""
    rows = 5600
    chance = np.random.default_rng(0)
    columns = {name: chance.normal(shift, 1, rows) for name in ODD_NAMES} | {"score": chance.random(rows)}
    time = pd.Timestamp(start, tz="UTC") + pd.to_timedelta(np.arange(rows) * 864, unit="s")
    return pd.DataFrame({"time": time, "version": np.where(np.arange(rows) < rows / 2, "1e5", "1.10")} | columns)


@pytest.fixture(scope="session")
def base_url(sample_store: Path) -> Iterator[str]:
    with serving(sample_store) as url:
        yield url


@pytest.fixture
def fresh_url(sample_store: Path) -> Iterator[str]:
    """A server that has not served anything yet."""
    with serving(sample_store) as url:
        yield url


@pytest.fixture(scope="session")
def empty_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a store with nothing in it."""
    with serving(tmp_path_factory.mktemp("empty") / "store") as url:
        yield url


@pytest.fixture(scope="session")
def context(browser: Browser, browser_context_args: dict[str, object]) -> Iterator[BrowserContext]:
    """One for all tests: what Streamlit sends to a browser, some megabytes of JavaScript, is fetched once."""
    context = browser.new_context(**browser_context_args)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must not write an error on the console nor ask for anything outside of this machine."""
    errors: list[str] = []
    outside: list[str] = []
    context.clear_cookies()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(f"{message.text} {message.location}") if _is_ours(message) else None)
    page.on("request", lambda request: outside.append(request.url) if _leaves(request.url) else None)
    yield page
    told = list(errors)  # before it is closed: a server that a test had for itself is gone by now, of which the page would complain
    page.close()
    assert told == []
    assert outside == []


def _is_ours(message: object) -> bool:
    """Errors, but for the two that Streamlit makes itself on a deep link, where it looks for the server below the page's path."""
    url = str(getattr(message, "location", {}).get("url", ""))
    probing = url.endswith(("/_stcore/health", "/_stcore/host-config")) and urlparse(url).path.count("/") > 2
    return getattr(message, "type", "") == "error" and not probing


def _leaves(url: str) -> bool:
    parts = urlparse(url)
    return parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1"


@pytest.fixture
def visit(page: Page, base_url: str) -> Callable[..., Page]:
    """Open a path and wait until its script is done; no page may show an exception."""

    def opened(path: str, at: str = base_url) -> Page:
        page.goto(f"{at}/{path}")
        settle(page)
        return page

    return opened
