"""What all tests share."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import settings

if TYPE_CHECKING:
    from data.store import Store

# Several workers share the cores, so a second thread for a query of some rows only costs the waking; set before NumPy is there.
os.environ.setdefault("VIGIA_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A timed test fails on a busy machine; the cases are the same on every run, so that a red build is red for everyone.
settings.register_profile("vigia", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("vigia")


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not go through it again and again, which took a twentieth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Makes a folder and fills it, once for all workers; who comes later gets it as it is, and must not write into it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base

    def filled(name: str, fill: Callable[[Path], object]) -> Path:
        place = shared / name
        with FileLock(f"{place}.lock"):
            if not (place / "done").exists():
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                fill(place)
                (place / "done").touch()
        return place

    return filled


@pytest.fixture(scope="session")
def empty_store(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A store with nothing in it. To copy it takes a third of the time of making one."""
    from data.store import open_store  # with DuckDB, which most tests of one function do without

    return once("empty", lambda place: open_store(str(place / "store")).close()) / "store"


@pytest.fixture
def store(empty_store: Path, tmp_path: Path) -> Iterator[Store]:
    """An empty store of one's own."""
    from data.store import open_store

    opened = open_store(str(shutil.copytree(empty_store, tmp_path / "store")))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def fragile_store(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The store with the models `fragile`, `calm` and `g1`."""
    import broken_model  # with all of Vigia, which most tests of one function do without

    return once("fragile", broken_model.fill) / "store"
