"""What a page's script costs with a warm cache, and whether more rows make it dearer.   python tests/benchmarks/bench_pages.py [ROWS …]

The same year of 365 days, 30 features and three versions, from few rows and from many: the median of five runs of each page's script and its
shell, in milliseconds, after one that filled the cache. Stores go to .bench/.
"""

import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from data.load import load
from data.roles import from_dict
from data.store import open_store
from monitors import run
from tests.benchmarks import logs

HERE, RUNS = Path(".bench"), 5


def store(rows: int) -> Path:
    """A store with a year of so many rows, run; made once."""
    place = HERE / f"pages-{rows}"
    if (place / "done").exists():
        return place
    opened, roles = open_store(str(place)), from_dict(logs.ROLES)
    load(opened, [logs.write(HERE / "reference.parquet", 100_000, 30, -60, seed=1, drifts=False)], "bench", "reference", roles=roles)
    load(opened, [logs.write(HERE / f"year-{rows}.parquet", rows, 365)], "bench", roles=roles)
    run.run(opened)
    opened.close()
    (place / "done").touch()
    return place


def with_its_shell() -> None:
    """Have a page run by dashboard.py, as a server does: for a folder called pages, AppTest runs a page's file alone, without the sidebar."""
    begin = PagesManager.__init__

    def begin_without_folder(self: PagesManager, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        PagesManager.uses_pages_directory = False

    PagesManager.__init__ = begin_without_folder


def warm(page: str) -> float:
    """Milliseconds of the script of a page that was shown before."""
    app = AppTest.from_file(str(Path("dashboard.py").resolve()), default_timeout=600)
    app.run()
    app.switch_page(f"pages/{page}.py").run()
    if app.exception:
        raise RuntimeError(f"{page}: {app.exception[0].value}")
    return 1000 * statistics.median(_seconds(app) for _ in range(RUNS))


def _seconds(app: AppTest) -> float:
    started = time.perf_counter()
    app.run()
    return time.perf_counter() - started


def main() -> None:
    with_its_shell()
    sizes = [int(float(size)) for size in sys.argv[1:]] or [36_500, 3_650_000]
    names = sorted(path.stem for path in Path("pages").glob("*.py") if path.stem != "__init__")
    found = {}
    for rows in sizes:
        os.environ["VIGIA_STORE"] = str(store(rows))
        found[f"{rows:,} rows, ms"] = [round(warm(name)) for name in names]
    print(pd.DataFrame(found, index=pd.Index(names, name="page")).to_string())


if __name__ == "__main__":
    main()
