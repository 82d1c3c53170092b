"""What the tests of the data room share: an empty store of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(str(tmp_path / "store"))
    yield opened
    opened.close()
