"""Every page opens on odd logs: NaN and infinities, an empty column and a constant one, a score without labels; versions and times alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from data.load import load
from data.store import open_store
from monitors import run

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py") if path.stem != "__init__")
MODELS = ("odd", "versions")
NAN, INF = float("nan"), float("inf")


def fill(folder: Path) -> None:
    """`odd`: G2 with the numbers of G1 in it, and scores without labels; `versions`: G14, without a reference."""
    store = open_store(str(folder / "store"))
    reference = pa.table({"k": [7.0] * 1000, "u": np.arange(1, 1001.0), "ok": np.arange(1000.0) % 10, "x": np.arange(1000.0) % 7})
    odd = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, NAN, NAN, INF, -INF, None, None] + [3.0] * 88
    minutes = pd.date_range("2026-03-01", periods=100, freq="min").to_pydatetime().tolist()
    log = {"ts": minutes, "k": [7.0] * 90 + [8.0] * 10, "u": pa.array([None] * 100, pa.float64()), "ok": np.arange(100.0) % 10}
    log |= {"x": pa.array(odd, pa.float64(), from_pandas=False), "score": np.linspace(0, 1, 100)}
    for dataset, table in (("reference", reference), ("log", pa.table(log))):
        pq.write_table(table, folder / f"{dataset}.parquet")
        load(store, [folder / f"{dataset}.parquet"], "odd", dataset)
    versions = [("v1", 10), ("v2", 15), ("v9", 20), ("v10", 40), ("482915", 30), ("48291c", 31), ("1e5", 32)]
    rows = [(f"2026-03-{i + 1:02d} 0{h}:00:00", v, ms) for i, (v, ms) in enumerate(versions) for h in range(5)]
    pd.DataFrame(rows, columns=["ts", "model_version", "latency_ms"]).to_csv(folder / "versions.csv", index=False)
    load(store, [folder / "versions.csv"], "versions")
    run.run(store)
    store.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    fill(folder)
    return folder / "store"


@pytest.fixture(autouse=True)
def with_shell(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pages are run by dashboard.py, as a server does: for a folder called pages, AppTest runs a page's file alone, without the sidebar."""
    begin, before = PagesManager.__init__, PagesManager.uses_pages_directory

    def begin_without_folder(self: PagesManager, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", begin_without_folder)
    monkeypatch.setenv("VIGIA_STORE", str(place))
    yield
    PagesManager.uses_pages_directory = before


@pytest.mark.parametrize("model", MODELS)
def test_every_page_opens(model: str):
    app = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=120)
    app.query_params["model"] = model
    app.run()
    for page in PAGES:
        app.switch_page(f"pages/{page}.py").run()
        assert [one.message for one in app.exception] == [], page
        assert app.sidebar.selectbox[0].value == model, page
