"""August of the bundled sample, in which five faults of the schema were planted: each is found on its day by the default thresholds."""

from pathlib import Path

import pandas as pd
import pytest

from data.load import load
from data.roles import from_dict, load_yaml, to_dict
from data.store import Store, open_store
from data.violations import Asked, evidence
from monitors import run

WEATHER = ("temp", "humid", "wind_speed", "precip", "visib")
FEATURES = [*WEATHER, "seats", "distance", "dest"]
SAMPLE = Path(__file__).parents[2] / "data" / "sample"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    store = open_store(str(tmp_path_factory.mktemp("august") / "store"))
    given = to_dict(load_yaml(SAMPLE / "roles.yaml"))
    types = {name: kind for name, kind in given["types"].items() if name in FEATURES}
    left_out = {"segments": [], "latency": [], "ignored": given["latency"], "prediction": None, "score": None, "label": None, "label_time": None}
    roles = from_dict(given | left_out | {"features": FEATURES, "types": types})
    load(store, [SAMPLE / "training-v2.parquet"], "m", "reference", "v2", roles)
    load(store, sorted(SAMPLE.glob("log-2013-08*.parquet")), "m", roles=roles)
    run.run(store)
    return store


def test_each_planted_fault_is_found_on_its_day_and_the_rest_of_the_month_is_quiet(store):
    alerts = run.alerts(store).query("monitor == 'schema'")
    found = {
        (a.metric, a.column): (a.start.day, (a.end - pd.Timedelta(days=1)).day, a.severity)
        for a in alerts.itertuples()
        if a.metric != "null_rate"
    }
    assert found == {
        ("missing_column", "visib"): (13, 14, "critical"),
        ("type_rate", "seats"): (13, 14, "critical"),
        ("new_column", "gate_hint"): (13, 14, "warning"),
        ("duplicate_rate", ""): (20, 20, "critical"),
        ("rows_ratio", ""): (27, 27, "warning"),
    } | {key: value for key, value in found.items() if key == ("range_rate", "precip")}  # a wet day, really out of range
    # The gaps of the weather feed, which are real: 19, 22 and 23 August.
    nulls = alerts[alerts["metric"] == "null_rate"]
    assert set(nulls["column"]) == set(WEATHER)
    assert set(nulls["start"].dt.day) == {19, 22}
    assert (nulls["severity"] == "warning").all()


def at(day: str) -> pd.Timestamp:
    return pd.Timestamp(f"2013-08-{day}", tz="UTC")


def test_the_values_are_those_that_were_planted(store):
    days = run.measurements(store, monitor="schema", window="day", segment="all").set_index(["metric", "column", "window_start"])[
        "value"
    ]
    assert days["duplicate_rate", "", at("20")] == pytest.approx(157 / 1144)
    assert days["type_rate", "seats", at("13")] > 0.15
    assert days["rows_ratio", "", at("27")] == pytest.approx(0.65, abs=0.01)
    found = evidence(store, "m", Asked("type_rate", "seats", whole=True))
    assert (found.broken, found.common["value"].tolist()) == (323, ["n/a"])
    assert {str(file).rpartition("/")[2] for file in found.loads["file"]} == {"log-2013-08-13_14.parquet"}
