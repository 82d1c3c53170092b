"""What staleness reads of the store, from rows put there by hand."""

import numpy as np
import pandas as pd
import pytest

from data.store import append, open_store, transact
from monitors import lifetimes, run_staleness
from monitors.measurements import typed
from monitors.rulebook import defaults, rule

FIRST = pd.Timestamp("2026-01-05", tz="UTC")  # a Monday
WEEKS = 12


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Twelve weeks of v1, whose AUC falls by a hundredth a week, and a manifest of it ten days older than its first request."""
    opened = open_store(str(tmp_path_factory.mktemp("ages") / "store"))
    start = FIRST + pd.to_timedelta(7 * np.arange(WEEKS), unit="D")
    about = {"model": "m", "version": "v1", "segment": "all", "window_start": start, "window_end": start + pd.Timedelta(days=7), "rows": 500}
    served = pd.DataFrame(about | {"dataset": "log", "column": "x", "role": "feature", "kind": "number"})
    learnt = served.head(2).assign(dataset="reference", version="", window_start=[pd.NaT, FIRST - pd.Timedelta(days=40)], window_end=[pd.NaT, FIRST])
    random = np.random.default_rng(0)
    auc = 0.85 - 0.01 * np.arange(WEEKS) + random.normal(0, 0.002, WEEKS)
    quality = pd.DataFrame(about | {"dataset": "log", "monitor": "quality", "metric": "roc_auc", "column": "", "value": auc})
    manifest = pd.DataFrame([{"model": "m", "version": "v1", "valid_from": FIRST - pd.Timedelta(days=10), "body": "{}", "loaded_at": FIRST}])

    def write(cursor):
        for name, rows in (("profiles", pd.concat([served, learnt])), ("measurements", typed(quality)), ("manifests", manifest)):
            append(cursor, name, rows.reindex(columns=cursor.execute(f"SELECT * FROM main.{name} LIMIT 0").to_arrow_table().column_names))

    transact(opened, write, "by hand")
    return opened


def test_a_version_is_as_old_as_its_manifest_if_that_is_older_than_its_first_request(store):
    known = run_staleness.facts(store, "m")
    assert known.born == {"v1": FIRST - pd.Timedelta(days=10)}
    assert known.learnt == {"": FIRST}
    assert known.end == FIRST + pd.Timedelta(weeks=WEEKS)
    assert run_staleness.facts(store, "nobody") is None


def test_the_trend_is_that_of_the_first_metric_with_a_limit(store):
    limited = rule({"monitor": "quality", "metric": "roc_auc", "kind": "constant", "warning": "0.72", "critical": "0.7"}, "test", ())
    metric, trends = run_staleness.trends(store, "m", (*defaults(), limited))
    assert metric == "roc_auc"
    told = lifetimes.trend_sentence(metric, "v1", trends["v1"])
    # 0.85 at the middle of the first week, 0.01 less each week: 0.735 at the end of the twelfth, and 0.7 three and a half weeks later.
    assert trends["v1"].now == pytest.approx(0.735, abs=0.003)
    assert (trends["v1"].expected - known_end()).days == pytest.approx(24.5, abs=4)
    assert trends["v1"].crosses <= trends["v1"].expected
    assert told.startswith("roc_auc of v1: 0.73")
    assert "If that goes on, it may reach 0.7 from" in told
    assert run_staleness.trends(store, "nobody", defaults()) == ("", {})


def known_end() -> pd.Timestamp:
    return FIRST + pd.Timedelta(weeks=WEEKS)
