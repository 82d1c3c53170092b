"""Stability on the bundled sample: what was planted is found on its days by the default rules, and what went with it is named."""

from pathlib import Path

import pandas as pd
import pytest

from data.evidence_stability import Question, evidence
from data.load import load
from data.roles import from_dict, load_yaml, to_dict
from data.store import Store, open_store
from monitors import ranking, run

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
FEATURES = ["origin", "hour", "plane_age", "seats", "pressure", "temp", "recent_delay", "traffic_growth"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """April, September and October, with the inputs that matter here."""
    store = open_store(str(tmp_path_factory.mktemp("sample") / "store"))
    given = to_dict(load_yaml(SAMPLE / "roles.yaml"))
    types = {name: kind for name, kind in given["types"].items() if name in (*FEATURES, "prediction", "label")}
    roles = from_dict(given | {"features": FEATURES, "segments": ["origin"], "latency": [], "types": types})
    for version in ("v3", "v2", "v1"):  # the first has every column
        load(store, [SAMPLE / f"training-{version}.parquet"], "flight-delay", "reference", version, roles)
    load(store, [SAMPLE / f"log-2013-{month}.parquet" for month in ("04", "09", "10")], "flight-delay", "log", roles=roles)
    run.run(store)
    return store


def test_what_was_planted_is_found_on_its_days_and_little_else(store: Store):
    found = run.alerts(store)
    found = found[found["monitor"] == "stability"].sort_values(["start", "column"])
    days = [f"{a.start:%d %b}–{a.end - pd.Timedelta(1, 'us'):%d %b}" for a in found.itertuples()]
    told = list(zip(found["metric"], found["column"], found["segment"], found["severity"], days, strict=True))
    assert told == [
        ("nan_rate", "score", "all", "critical", "09 Apr–11 Apr"),
        ("constant", "pressure", "origin=LGA", "warning", "10 Sep–11 Sep"),
        ("constant", "temp", "origin=LGA", "warning", "10 Sep–11 Sep"),
        ("inf_rate", "traffic_growth", "all", "critical", "23 Sep–24 Sep"),
        ("inf_rate", "traffic_growth", "all", "critical", "26 Sep–07 Oct"),  # none on 25 September, of 100 rows
        ("score_range_rate", "score", "all", "critical", "01 Oct–01 Oct"),
    ]


def test_the_rates_are_those_of_the_sample(store: Store):
    found = run.measurements(store, monitor="stability", segment="all", window="day")
    daily = found.set_index(["metric", "column", "window_start"])["value"].sort_index()
    april = [daily["nan_rate", "score", pd.Timestamp(f"2013-04-{day:02}", tz="UTC")] for day in (8, 9, 10, 11, 12)]
    assert [round(value, 3) for value in april] == [0, 0.175, 0.215, 0.526, 0]
    october = daily["score_range_rate", "score"][pd.Timestamp("2013-10-01", tz="UTC")]
    assert round(float(october.max()), 3) == 0.207


@pytest.mark.parametrize(
    ("metric", "column", "version", "days", "rows", "told"),
    [
        ("nan_rate", "score", "v1", ("2013-04-09", "2013-04-12"), 905, "All 905 NaN rows lack at least one of plane_age, pressure, against none"),
        ("inf_rate", "traffic_growth", "v3", ("2013-09-23", "2013-10-08"), 61, "47 of 61 NaN rows have hour 5, against none"),
    ],
)
def test_what_goes_with_it_is_named(store: Store, metric: str, column: str, version: str, days: tuple[str, str], rows: int, told: str):
    since, until = (pd.Timestamp(day, tz="UTC").to_pydatetime() for day in days)
    seen = evidence(store, Question("flight-delay", metric, column, version, "all", since, until))
    assert seen is not None
    assert seen.counts[0] == rows
    assert ranking.sentence(ranking.rank(seen.inputs, seen.is_broken)[0], "NaN").startswith(told)
