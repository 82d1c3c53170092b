"""Alerts that belong together: by hand on the sample's planted faults, and what holds of any alerts."""

import pandas as pd
from decisions_by_hand import alert, alerts, at
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors import incidents

# What the sample's alerts are around its planted faults (data/sample/events.yaml), as `python -m monitors alerts` tells them: version, monitor,
# metric, column, first day, the day after the last, windows.
SAMPLE = """
v1 drift     psi           temp            04-08 06-17 10
v1 schema    range_rate    temp            04-08 04-29 3
v1 stability nan_rate      score           04-09 04-12 3
v1 schema    range_rate    temp            05-06 06-17 6
v1 schema    range_rate    humid           05-13 05-20 1
v1 skew      mismatch_rate temp            05-13 05-20 1
v2 latency   p50_step      latency         07-09 07-14 5
v2 latency   p50_growth    latency         07-14 07-22 8
v2 latency   p50_step      latency         07-22 07-25 3
v2 latency   p50_growth    latency         07-27 07-29 2
v2 drift     psi           wind_speed      08-12 09-02 3
v2 skew      mismatch_rate seats           08-12 08-19 1
v2 skew      mismatch_rate visib           08-12 08-19 1
v2 schema    missing_column visib          08-13 08-15 2
v2 schema    type_rate     seats           08-13 08-15 2
v2 schema    new_column    gate_hint       08-13 08-15 2
v2 schema    null_rate     humid           08-19 08-20 1
v2 schema    null_rate     visib           08-19 08-20 1
v2 schema    duplicate_rate -              08-20 08-21 1
v2 schema    null_rate     humid           08-22 08-24 2
v2 schema    null_rate     visib           08-22 08-24 2
v2 skew      unmatched_rate -              08-26 09-02 1
-  schema    rows_ratio    -               08-27 08-28 1
v2 schema    null_rate     humid           09-02 09-03 1
v2 schema    null_rate     visib           09-02 09-03 1
v2 skew      mismatch_rate humid           09-09 09-16 1
v2 skew      mismatch_rate temp            09-09 09-16 1
v2 skew      mismatch_rate visib           09-09 09-16 1
v2 stability constant      humid           09-10 09-12 2
v2 stability constant      temp            09-10 09-12 2
v2 drift     psi           wind_speed      09-23 10-07 2
v3 drift     psi           score           09-23 09-30 1
v3 drift     psi           recent_delay    09-23 10-07 2
v3 schema    range_rate    traffic_growth  09-23 10-14 3
v3 stability inf_rate      traffic_growth  09-23 09-25 2
v3 stability inf_rate      traffic_growth  09-26 10-08 12
v3 skew      mismatch_rate traffic_growth  09-30 10-07 1
v3 stability score_range_rate score        10-01 10-02 1
v3 skew      mismatch_rate hour            10-28 11-11 2
v3 schema    range_rate    hour            11-04 11-11 1
"""
CHANGES = """
v1 code 1.0.1  04-09
v1 code 1.0.2  04-12
v1 data weather-2 05-14
v1 data weather-1 05-18
v2 model version 06-10
v2 code 2.1.0 07-08
v2 code 2.1.1 07-29
- schema visib 08-13
- schema seats 08-13
- schema visib 08-15
v2 dependency numpy 09-02
v3 model version 09-23
v3 code 3.0.0 09-23
v3 model rollout_complete 10-01
v3 code 3.0.1 10-08
v3 code 3.1.0 10-28
"""


def blank(word: str) -> str:
    return "" if word == "-" else word


def sample() -> pd.DataFrame:
    rows = []
    for line in SAMPLE.strip().splitlines():
        version, monitor, metric, column, start, end, windows = map(blank, line.split())
        names = {"version": version, "monitor": monitor, "metric": metric, "column": column}
        rows.append(alert(f"2013-{start}", f"2013-{end}", int(windows), severity="critical", **names))
    return alerts(*rows)


def changes(text: str = CHANGES) -> pd.DataFrame:
    rows = []
    for line in text.strip().splitlines():
        version, kind, after, day = map(blank, line.split())
        what = after.replace("_", " ") if kind in ("model", "schema") else f"{kind} version"
        rows.append({"model": "m", "version": version, "kind": kind, "what": what, "after": after, "at": at(f"2013-{day}")})
    return pd.DataFrame(rows, columns=["model", "version", "kind", "what", "after", "at"])


def columns_of(found: pd.DataFrame, name: str) -> set[str]:
    own = found[found["incident"] == name]
    return set(own["metric"] + " " + own["column"])


def test_each_planted_fault_of_the_sample_is_one_incident_and_nothing_else_is_in_it():
    found = incidents.grouped(sample(), changes())
    of = {(row["metric"], row["column"], f"{row['start']:%m-%d}"): row["incident"] for row in found.to_dict("records")}
    assert columns_of(found, of["nan_rate", "score", "04-09"]) == {"nan_rate score"}  # not with the drift of temp, in whose first week it began
    assert columns_of(found, of["psi", "temp", "04-08"]) == {"psi temp", "range_rate temp"}
    assert columns_of(found, of["mismatch_rate", "temp", "05-13"]) == {"mismatch_rate temp"}  # Celsius: not with temp's drift, five weeks old
    assert len(found[found["incident"] == of["p50_step", "latency", "07-09"]]) == 4  # the ever-growing list, with pauses of up to two days
    broken = of["missing_column", "visib", "08-13"]
    assert columns_of(found, broken) == {
        "missing_column visib", "type_rate seats", "new_column gate_hint", "mismatch_rate seats", "mismatch_rate visib",
    }  # fmt: skip
    assert of["null_rate", "humid", "08-19"] == of["null_rate", "visib", "08-22"] != broken  # the weather feed's gaps, twice in a week
    assert columns_of(found, of["duplicate_rate", "", "08-20"]) == {"duplicate_rate "}
    assert columns_of(found, of["rows_ratio", "", "08-27"]) == {"rows_ratio ", "unmatched_rate "}  # the lost log
    stuck = of["constant", "humid", "09-10"]
    weather = {f"mismatch_rate {column}" for column in ("humid", "temp", "visib")}
    assert columns_of(found, stuck) == {"constant humid", "constant temp"} | weather
    divided = {f"{metric} traffic_growth" for metric in ("inf_rate", "range_rate", "mismatch_rate")}
    assert columns_of(found, of["inf_rate", "traffic_growth", "09-26"]) == divided
    assert columns_of(found, of["score_range_rate", "score", "10-01"]) == {"score_range_rate score"}
    assert columns_of(found, of["mismatch_rate", "hour", "10-28"]) == {"mismatch_rate hour", "range_rate hour"}
    assert of["psi", "wind_speed", "09-23"] != of["psi", "score", "09-23"]  # another version


def test_the_changes_just_before_name_what_broke_it():
    found = incidents.grouped(sample(), changes())
    first = {
        name: [f"{row['kind']} {row['after']}" for row in incidents.before(own, changes()).to_dict("records")][:1]
        for name, own in found.groupby("incident")
    }
    told = {(row["metric"], row["column"], f"{row['start']:%m-%d}"): first[row["incident"]] for row in found.to_dict("records")}
    assert told["nan_rate", "score", "04-09"] == ["code 1.0.1"]
    assert told["mismatch_rate", "temp", "05-13"] == ["data weather-2"]
    assert told["p50_step", "latency", "07-09"] == ["code 2.1.0"]
    assert told["missing_column", "visib", "08-13"] == ["schema visib"]
    assert told["inf_rate", "traffic_growth", "09-23"] == ["code 3.0.0"]
    assert told["mismatch_rate", "hour", "10-28"] == ["code 3.1.0"]
    assert told["duplicate_rate", "", "08-20"] == ["schema visib"]  # of 15 August; nothing better is known
    assert told["constant", "humid", "09-10"] == ["dependency numpy"]  # a week before: a change need not be the cause
    assert told["psi", "wind_speed", "09-23"] == []


def test_the_list_has_what_is_open_first_and_says_what_each_is_about():
    table = sample()
    table.loc[table["column"] == "hour", "state"] = "open"
    table.loc[table["metric"] == "nan_rate", "state"] = "acknowledged"
    found = incidents.incidents(table, changes())
    assert found.columns.tolist() == incidents.COLUMNS
    assert found["incident"].tolist()[:3] == ["2013-10-28", "2013-04-09", "2013-10-01"]
    top = found.iloc[0]
    assert top[["version", "state", "severity", "alerts", "changes"]].tolist() == ["v3", "open", "critical", 2, 1]
    assert incidents.sentence(top.to_dict()) == (
        "2013-10-28 (v3): mismatch_rate of hour; range_rate of hour; 2 alerts, critical, open, 28 Oct to 10 Nov 2013, 1 change before"
    )
    assert found["incident"].is_unique
    assert {"2013-09-23", "2013-09-23-2", "2013-09-23-3"} <= set(found["incident"])
    assert incidents.incidents(alerts(), changes()).empty
    nameless = alerts(alert("2013-04-01", "2013-04-02")).assign(version=None, column=None)
    assert incidents.incidents(nameless, changes())[["version", "what"]].values.tolist() == [["", "psi"]]


def test_nine_months_of_one_alert_a_week_are_not_one_incident():
    starts = pd.date_range("2013-04-01", periods=39, freq="7D", tz="UTC")
    weekly = [alert("2013-04-01", "2013-04-08", 1) | {"start": day, "end": day + pd.Timedelta(days=8), "windows": 1} for day in starts]
    found = incidents.incidents(alerts(*weekly), changes("- code x 01-01"))
    assert len(found) >= 39 * 7 // 28
    assert ((found["end"] - found["start"]) <= incidents.REACH + pd.Timedelta(days=8)).all()


about = (st.sampled_from(words) for words in (["", "v1", "v2"], ["drift", "schema"], ["a", "b", ""]))
names = st.tuples(*about, st.integers(0, 60), st.integers(1, 20))


@settings(max_examples=30)
@given(st.lists(names, min_size=1, max_size=12, unique=True), st.randoms(use_true_random=False))
def test_each_alert_is_in_one_incident_whatever_the_order_and_none_joins_late_or_mixes_two_versions(of, chance):
    rows = []
    for version, monitor, column, day, length in of:
        start = at("2013-04-01") + pd.Timedelta(days=day)
        about = {"version": version, "monitor": monitor, "metric": monitor, "column": column, "start": start}
        rows.append(alert("2013-04-01", "2013-04-02") | about | {"end": start + pd.Timedelta(days=length), "windows": length})
    table = alerts(*rows)
    found = incidents.grouped(table, changes())
    assert len(found) == len(table)
    for _, own in found.groupby("incident"):
        assert own["start"].max() - own["start"].min() <= incidents.REACH
        assert own["version"].nunique() == 1 or "" in set(own["version"])
    order = list(table.index)
    chance.shuffle(order)
    again = incidents.grouped(table.loc[order].reset_index(drop=True), changes())["incident"]
    assert dict(zip(order, again, strict=True)) == found["incident"].to_dict()
