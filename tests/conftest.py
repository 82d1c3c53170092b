"""What all tests share."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

# A timed test fails on a busy machine; the cases are the same on every run, so that a red build is red for everyone.
settings.register_profile("vigia", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("vigia")


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
def fragile_store(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The store with the models `fragile`, `calm` and `g1`."""
    import broken_model  # with all of Vigia, which most tests of one function do without

    return once("fragile", broken_model.fill) / "store"
