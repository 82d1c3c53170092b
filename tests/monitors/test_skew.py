"""Skew: rates from counts, counts that add up, distances where there is no key, and the sample's faults on their days and no others."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

import data.sample
from data import pairs as pairing
from data.load import load
from data.refresh import Refreshed
from data.roles import from_dict, load_yaml
from data.store import Store, append, open_store
from monitors import paired, run, skew
from monitors.__main__ import main
from monitors.alerts import alerts
from monitors.measurements import STORED
from monitors.thresholds import defaults, judge

SAMPLE = Path(data.sample.__file__).parent


def counts(day: str, column: str = "x", joined: int = 100, mismatched: int = 0, **more: object) -> dict[str, object]:
    start = pd.Timestamp(day, tz="UTC")
    given = {"model": "m", "version": "v1", "segment": "all", "window_start": start, "window_end": start + pd.Timedelta(days=1)}
    given |= {"column": column, "kind": "number", "log_rows": 200, "joined": joined, "mismatched": mismatched}
    return given | {"log_nulls": 0, "training_nulls": 0, "unmatched": 0} | more


def measured(*rows: dict[str, object]) -> pd.DataFrame:
    return skew.measure(pd.DataFrame(list(rows)).astype({"window_start": "datetime64[us, UTC]", "window_end": "datetime64[us, UTC]"}))


def week(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    found = table[(table["metric"] == metric) & (table["window_end"] - table["window_start"] == pd.Timedelta(days=7))]
    return found.reset_index(drop=True)


# ---- rates --------------------------------------------------------------------------------------------------------------------


def test_counts_of_days_add_up_to_the_rate_of_the_week():
    # Monday 2 March 10 of 100, Sunday 8 March 5 of 400: 15 of 500 are 3 %, not the mean of 10 % and 1.25 %.
    found = week(measured(counts("2026-03-02", mismatched=10), counts("2026-03-08", joined=400, mismatched=5)), "mismatch_rate")
    assert found[["rows", "value"]].values.tolist() == [[500, 0.03]]
    assert found["window_start"].tolist() == [pd.Timestamp("2026-03-02", tz="UTC")]
    assert list(found.columns) == STORED
    assert found[["noise", "usual", "p_value", "reason"]].isna().all(axis=None)


def test_unmatched_is_a_share_of_the_training_rows_and_not_of_the_log():
    rows = counts("2026-03-02", "", joined=90, log_rows=1000), counts("2026-03-02", "", joined=0, log_rows=0, unmatched=10, kind="unmatched")
    found = week(measured(*rows), "unmatched_rate")
    assert found[["column", "rows", "value"]].values.tolist() == [["", 100, 0.1]]


def test_a_window_of_which_training_has_no_row_is_blank_and_says_so():
    rows = [counts("2026-03-02"), counts("2026-03-02", "", log_rows=200), counts("2026-03-09", "", log_rows=200, joined=0)]
    found = week(measured(*rows), "mismatch_rate")
    assert found["rows"].tolist() == [100, 0]
    assert np.isnan(found["value"][1])
    assert found["reason"][1] == "no training row belongs to a log row of this window"


def test_hours_become_days_and_nothing_becomes_an_empty_table():
    hours = [counts("2026-03-02", joined=4, mismatched=i) for i in range(3)]
    for i, row in enumerate(hours):
        row["window_start"] += pd.Timedelta(hours=i)
        row["window_end"] = row["window_start"] + pd.Timedelta(hours=1)
    found = measured(*hours)
    assert found.loc[found["window_end"] - found["window_start"] == pd.Timedelta(days=1), "value"].tolist() == [3 / 12]
    empty = pd.DataFrame([counts("2026-03-02")]).iloc[:0].astype({"window_start": "datetime64[us, UTC]", "window_end": "datetime64[us, UTC]"})
    assert skew.measure(empty).empty


one_day = st.tuples(st.integers(0, 80), st.sampled_from(["v1", "v2"]), st.sampled_from(["all", "r=eu"]), st.integers(0, 50), st.floats(0, 1))


@settings(max_examples=25)
@given(st.lists(one_day, min_size=1))
def test_every_rate_lies_between_0_and_1_and_months_hold_the_rows_of_their_days(rows):
    start = pd.Timestamp("2026-01-30", tz="UTC")
    kept = {}
    for d, v, s, n, share in rows:
        day = str((start + pd.Timedelta(days=d)).date())
        kept[d, v, s] = counts(day, joined=n, mismatched=int(n * share), version=v, segment=s)
    found = measured(*kept.values())
    rates = found[found["metric"] == "mismatch_rate"]
    assert rates["value"].dropna().between(0, 1).all()
    length = rates["window_end"] - rates["window_start"]
    total = sum(row["joined"] for row in kept.values())
    for chosen in (length == pd.Timedelta(days=1), length == pd.Timedelta(days=7), length >= pd.Timedelta(days=28)):
        assert rates.loc[chosen, "rows"].sum() == total


# ---- without a key ------------------------------------------------------------------------------------------------------------

KEYLESS = {
    "timestamp": "ts", "model_version": "v", "features": ["x", "y", "c"], "segments": ["c"],
    "types": {"x": "number", "y": "number", "c": "category"},
}  # fmt: skip


def keyless(tmp_path: Path, timed: bool) -> tuple[Store, pd.DataFrame, pd.DataFrame]:
    """Of the log, x has moved by one standard deviation; y and c have not."""
    g, roles = np.random.default_rng(0), from_dict(KEYLESS)
    n = 2100

    def rows(moved: float) -> pd.DataFrame:
        times = pd.date_range("2026-03-02", periods=n, freq="8min", tz="UTC")
        x, c, y = g.normal(moved, 1, n), g.choice(["a", "b", "z"], n, p=[0.5, 0.3, 0.2]), g.normal(0, 1, n)
        return pd.DataFrame({"ts": times, "v": "v1", "x": x, "y": y, "c": c})

    store = open_store(str(tmp_path / "store"))
    log, training = rows(1.0), rows(0)
    loaded = training if timed else training.drop(columns="ts")
    for name, table, dataset in (("r", rows(0), "reference"), ("l", log, "log"), ("t", loaded, "training")):
        table.to_parquet(tmp_path / f"{name}.parquet")
        load(store, [tmp_path / f"{name}.parquet"], "m", dataset, None, roles)
    return store, log, training


@pytest.mark.parametrize("timed", [True, False])
def test_without_a_key_the_distributions_are_compared(tmp_path: Path, timed: bool):
    store, log, training = keyless(tmp_path, timed)
    run.run(store)
    found = run.measurements(store, model="m", monitor="skew", metric="js", segment="all", window="week")
    first = found[found["window_start"] == pd.Timestamp("2026-03-02", tz="UTC")].set_index("column")
    until = pd.Timestamp("2026-03-09", tz="UTC")
    served, trained = log[log["ts"] < until], training[training["ts"] < until] if timed else training
    # Categories exactly, by SciPy on the raw rows; of numbers 20 groups of equal share, as its histogram on those quantiles has them.
    shares = [side["c"].value_counts(normalize=True).sort_index() for side in (served, trained)]
    assert first.loc["c", "value"] == pytest.approx(jensenshannon(*shares, base=2), abs=1e-6)
    cuts = np.r_[-np.inf, np.quantile(training["x"], np.arange(1, 20) / 20), np.inf]
    histograms = [np.histogram(side["x"], cuts)[0] for side in (served, trained)]
    assert first.loc["x", "value"] == pytest.approx(jensenshannon(*histograms, base=2), abs=0.02)  # the fine bins are the reference's
    assert first.loc["x", "value"] > 3 * first.loc["x", "noise"]
    assert first.loc["x", "rows"] == len(served)
    judged = alerts(judge(found, defaults()))
    assert judged["column"].unique().tolist() == ["x"]
    assert paired.why_not_joined(store, "m") == "no key: no column has the role `inference_id`"
    days = run.measurements(store, model="m", monitor="skew", metric="js", window="day")
    still = days[days["column"] != "x"]
    assert (still["value"] > still["noise"]).mean() < 0.12  # two samples of one distribution: 5 % are expected
    assert run.run(store) == []


def test_training_features_that_come_to_have_a_key_are_joined_from_then_on(tmp_path: Path):
    store = open_store(str(tmp_path / "store"))
    roles = from_dict({"timestamp": "ts", "inference_id": "id", "features": ["x"], "types": {"x": "number"}})
    times = pd.date_range("2026-03-02", periods=200, freq="1h", tz="UTC")
    log = pd.DataFrame({"ts": times, "id": [f"a{i}" for i in range(200)], "x": np.arange(200.0)})
    for name, table, dataset in (("r", log, "reference"), ("l", log, "log"), ("t", log.assign(id=[f"b{i}" for i in range(200)]), "training")):
        table.to_parquet(tmp_path / f"{name}.parquet")
        load(store, [tmp_path / f"{name}.parquet"], "m", dataset, None, roles)
    run.run(store)
    metrics = run.measurements(store, model="m", monitor="skew")["metric"]
    assert set(metrics) == {"js", "unmatched_rate"}
    log.assign(x=log["x"] + 1.0).to_parquet(tmp_path / "t2.parquet")
    load(store, [tmp_path / "t2.parquet"], "m", "training", None, roles)
    run.run(store)
    found = run.measurements(store, model="m", monitor="skew")
    assert set(found["metric"]) == {"mismatch_rate", "unmatched_rate"}
    assert (found.loc[found["metric"] == "mismatch_rate", "value"] == 1).all()
    assert paired.explained(store, "m")[0].headline == "serving is training − 1 (100%)"


# ---- the sample ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Store:
    """The sample's log and recomputed features, compared; of the references only which columns they have, since no profile is needed."""
    store = open_store(str(tmp_path_factory.mktemp("sample") / "store"))
    roles = load_yaml(SAMPLE / "roles.yaml")
    load(store, sorted(SAMPLE.glob("log-*.parquet")), "flight-delay", "log", roles=roles)
    load(store, [SAMPLE / "recomputed.parquet"], "flight-delay", "training", roles=roles)
    late = ("recent_delay", "traffic_growth")
    known = [(v, c) for v in ("v1", "v2", "v3") for c in roles.features if v == "v3" or c not in late]
    blank = {"model": "flight-delay", "role": "feature", "kind": "category", "categories": [], "others": []}
    append(store.cursor(), "bins", pd.DataFrame([blank | {"version": v, "column": c} for v, c in known]))
    every = store.frame("SELECT DISTINCT date_trunc('day', timestamp) AS d FROM logs.\"flight-delay\" ORDER BY d")["d"]
    touched = tuple(t.to_pydatetime() for t in every)
    pairing.refresh_pairs(store, "flight-delay", Refreshed(touched, (), 0, tuple(range(1, 12)), ""), lambda _s, _p: None)
    append(store.cursor(), "measurements", skew.measure(pairing.pairs(store, model="flight-delay")))
    return store


def test_the_sample_alerts_on_what_was_planted_and_on_nothing_else(sample: Store):
    """Eleven alerts in nine months, each in the week of its fault: no false one."""
    found = alerts(judge(run.measurements(sample, model="flight-delay", monitor="skew"), defaults()))
    assert [(a["column"], a["version"], f"{a['start']:%d %b}", a["severity"]) for _, a in found.iterrows()] == [
        ("temp", "v1", "13 May", "critical"),  # EWR in degrees Celsius, 14 to 17 May
        ("seats", "v2", "12 Aug", "critical"),  # the other schema of 13 and 14 August: seats as text,
        ("visib", "v2", "12 Aug", "critical"),  # visib absent
        ("", "v2", "26 Aug", "warning"),  # the lost hours of 27 August
        *((c, "v2", "09 Sep", "critical") for c in ("humid", "pressure", "temp", "wind_speed")),  # LGA's weather stands still
        ("visib", "v2", "09 Sep", "warning"),
        ("traffic_growth", "v3", "30 Sep", "critical"),  # division by an hour without flights
        ("hour", "v3", "28 Oct", "critical"),  # a fixed offset from UTC, wrong from 3 November
    ]


def test_the_sample_shows_each_fault_with_its_size_and_cause(sample: Store):
    weeks = run.measurements(sample, model="flight-delay", monitor="skew", metric="mismatch_rate", segment="all", window="week")
    hour = weeks[(weeks["column"] == "hour") & (weeks["window_start"] == pd.Timestamp("2013-11-04", tz="UTC"))]
    assert hour["value"].tolist() == [1.0]
    told = {one.column: one for one in paired.explained(sample, "flight-delay")}
    assert told["hour"].mismatched == 733  # as tests/data/sample counts it
    assert told["hour"].headline == "time zone or daylight saving: serving is 1 hour ahead, wrapping at midnight (100%)"
    assert [(c.name, len(c.places)) for c in told["temp"].causes] == [("units", 145), ("stale", 69)]
    assert told["temp"].headline.startswith("training has degrees Fahrenheit, serving Celsius (68%); stale: serving stands still")
    assert [c.name for c in told["visib"].causes] == ["missing", "stale"]
    assert told["recent_delay"].headline == "one unit of the last decimal (0.01): training rounds halves to even, serving does not (100%)"
    assert told["traffic_growth"].headline == "training ends at 10, serving goes above it (100%)"
    assert {c: told[c].causes[0].name for c in ("humid", "pressure", "wind_speed", "seats")} == {
        "humid": "stale", "pressure": "stale", "wind_speed": "stale", "seats": "unreadable",
    }  # fmt: skip
    healthy = {"carrier", "origin", "dest", "distance", "plane_age", "precip", "departures_hour"}
    assert {c for c, one in told.items() if one.mismatched == 0} == healthy


def test_a_segment_shows_its_own_fault(sample: Store):
    newark, laguardia = (
        {one.column: one for one in paired.explained(sample, "flight-delay", segment=f"origin={o}")}["temp"] for o in ("EWR", "LGA")
    )
    assert [c.name for c in newark.causes] == ["units"]
    assert [c.name for c in laguardia.causes] == ["stale"]


# ---- the command line -----------------------------------------------------------------------------------------------------------


def test_the_command_names_each_feature_with_its_cause(sample: Store, capsys):
    assert main(["skew", "--model", "flight-delay", "--store", sample.where]) == 0
    out = capsys.readouterr().out
    assert out.startswith("flight-delay: 25,618 of 255,819 log rows have a training row; 32 training rows have no log row.\n  hour")
    assert "  2.86%  time zone or daylight saving: serving is 1 hour ahead, wrapping at midnight (100%)" in out
    assert "too few pairs to tell a cause (4)\n" in out


def test_the_command_gives_json_with_five_examples_of_each_cause(sample: Store, capsys):
    words = ["skew", "--column", "temp", "--version", "v1", "--until", "2013-06-01", "--format", "json", "--store", sample.where]
    assert main(words) == 0
    (told,) = json.loads(capsys.readouterr().out)
    (temp,) = told["features"]
    (cause,) = temp["causes"]
    assert (temp["mismatched"], cause["cause"], len(cause["examples"])) == (145, "units", 5)
    for pair in cause["examples"]:
        assert float(pair["served"]) == pytest.approx((float(pair["trained"]) - 32) / 1.8, abs=0.06)


def test_the_command_tells_a_mistake_and_an_empty_store_in_a_sentence(sample: Store, tmp_path: Path, capsys):
    assert main(["skew", "--column", "tmp", "--store", sample.where]) == 2
    assert 'the feature "tmp" was not compared with training. Did you mean "temp"' in capsys.readouterr().err
    assert main(["skew", "--store", str(tmp_path / "empty")]) == 0
    assert capsys.readouterr().out == "Nothing is loaded.\n"
