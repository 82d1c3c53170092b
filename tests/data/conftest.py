"""What the tests of the data room share: an empty store of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.store import Store, open_store


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("empty") / "store"
    open_store(str(place)).connection.close()
    return place


@pytest.fixture
def store(made_once: Path, tmp_path: Path) -> Iterator[Store]:
    """An empty store: a copy of one that was made, which opens sooner than a new one is made."""
    opened = open_store(str(shutil.copytree(made_once, tmp_path / "store")))
    yield opened
    opened.connection.close()
