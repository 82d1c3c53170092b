"""Breaks: which numbers broke, when first and last, in how many rows."""

import pandas as pd

from monitors import breaks, rulebook
from monitors.measurements import typed
from monitors.thresholds import judge

RULES = rulebook.defaults()


def row(day: int, metric: str, value: float, column: str = "x", rows: int = 200, **more: object) -> dict[str, object]:
    start = pd.Timestamp("2026-03-02", tz="UTC") + pd.Timedelta(days=day)
    one = {"model": "m", "version": "v1", "monitor": "stability", "metric": metric, "column": column, "segment": "all", "dataset": "log"}
    return one | {"window_start": start, "window_end": start + pd.Timedelta(days=1), "rows": rows, "value": value} | more


def judged(*rows: dict[str, object]) -> pd.DataFrame:
    return judge(typed(pd.DataFrame(rows)), RULES)


def test_first_last_and_the_rows_that_broke():
    seen = judged(*(row(i, "nan_rate", value) for i, value in enumerate((0, 0.01, 0, 0.25, 0))), row(0, "inf_rate", 0, "y"))
    (one,) = breaks.breaks(seen).to_dict("records")
    assert [one[name] for name in ("column", "metric", "level", "windows", "rows", "of", "peak")] == ["x", "nan_rate", 2, 2, 52, 400, 0.25]
    assert (one["first"], one["last"]) == (pd.Timestamp("2026-03-03", tz="UTC"), pd.Timestamp("2026-03-06", tz="UTC"))
    assert breaks.whole(seen, breaks.breaks(seen))[["column", "level"]].to_numpy().tolist() == [["y", 0]]


def test_a_rate_broke_wherever_it_is_not_0_but_standing_still_only_where_it_is_unusual():
    seen = judged(
        row(0, "nan_rate", 0.02, noise=0.05), row(0, "constant", 1.0, usual=1.0), row(1, "constant", 1.0, "y", usual=0.0), row(2, "magnitude", 3.0),
    )  # fmt: skip
    found = breaks.breaks(seen)
    assert found[["metric", "column", "level"]].to_numpy().tolist() == [["constant", "y", 1], ["nan_rate", "x", 0]]


def test_nothing_broke_and_nothing_measured():
    seen = judged(row(0, "nan_rate", 0.0), row(0, "constant", float("nan"), "k", reason="the reference does not vary"))
    assert breaks.breaks(seen).empty
    found = breaks.whole(seen, breaks.breaks(seen))
    assert found["column"].tolist() == ["k", "x"]
    assert found["level"].tolist() == [-1, 0]
    assert found["reason"].iloc[0] == "the reference does not vary"


def test_versions_and_segments_are_told_apart_and_the_worst_comes_first():
    one, two = row(0, "inf_rate", 0.001, version="v1"), row(5, "inf_rate", 0.5, version="v2")
    found = breaks.breaks(judged(one, two, row(9, "constant", 1.0, segment="r=eu", usual=0.0)))
    assert found[["version", "segment", "level"]].to_numpy().tolist() == [["v2", "all", 2], ["v1", "r=eu", 1], ["v1", "all", 1]]


def test_one_span_of_time_is_told_where_it_holds_the_broken_rows_alone():
    noon, later = pd.Timestamp("2026-03-02 12:00", tz="UTC"), pd.Timestamp("2026-03-02 15:59", tz="UTC")
    told = breaks.in_one_span(noon, later, 200, 200, 700, "NaN")
    assert told is not None
    assert told.startswith("All 200 rows between 2 Mar 2026, 12:00 and 2 Mar 2026, 15:59 UTC are NaN, and none before or after")
    assert breaks.in_one_span(noon, later, 205, 200, 700, "NaN").startswith("200 of the 205 rows")
    assert breaks.in_one_span(noon, later, 400, 200, 700, "NaN") is None
    assert breaks.in_one_span(noon, noon, 1, 1, 700, "NaN") is None
