"""Ages against the calendar, lags against the raw rows, trends against NumPy's least squares."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rawoutcomes import quality

from monitors import lifetimes, staleness
from monitors.staleness import Facts

DAY = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday


def days(*versions: str, count: int = 10) -> pd.DataFrame:
    """Each version serves for `count` days, one after another."""
    start = [DAY + pd.Timedelta(days=i) for i in range(count * len(versions))]
    names = np.repeat(versions, count)
    return pd.DataFrame({"version": names, "window_start": start, "rows": 50}).assign(window_end=lambda d: d["window_start"] + pd.Timedelta(days=1))


def labels(hours: list[float | None], version: str = "v1") -> pd.DataFrame:
    """A request a minute, its label so many hours later; None where there is none."""
    time = DAY + pd.to_timedelta(np.arange(len(hours)), unit="min")
    later = pd.to_timedelta(pd.Series([np.nan if h is None else h for h in hours]), unit="h")
    label = ["0" if h is not None else None for h in hours]
    return pd.DataFrame({"time": time, "version": version, "score": 0.2, "label": label, "label_time": time.to_series(index=later.index) + later})


def of(found: pd.DataFrame, metric: str, length: int = 1, segment: str = "all") -> pd.DataFrame:
    own = (found["metric"] == metric) & (found["segment"] == segment)
    return found[own & ((found["window_end"] - found["window_start"]).dt.days == length)].sort_values("window_start")


def facts(**other: object) -> Facts:
    windows = days("v1", "v2")
    known = {"model": "m", "windows": windows, "end": windows["window_end"].max(), "born": {"v1": DAY - pd.Timedelta(hours=12), "v2": DAY}}
    return Facts(**(known | {"learnt": {"v1": DAY - pd.Timedelta(days=30), "": pd.NaT}} | other))


def test_ages_are_those_of_the_calendar_and_end_with_the_log():
    found = staleness.measure(quality(labels([1.0])), facts())
    assert of(found, "model_age_days")["value"].tolist() == [1.5 + i for i in range(10)] + [11.0 + i for i in range(10)]
    # The log ends on Saturday the 21st: the last week counts to there, not to Monday.
    assert of(found, "model_age_days", 7)["value"].iloc[-1] == 20
    reference = of(found, "reference_age_days")
    assert reference["value"].tolist()[:10] == [31 + i for i in range(10)]
    assert set(reference["reason"].iloc[10:]) == {staleness.NO_TIMES}
    assert (found["value"].isna() == found["reason"].notna()).all()
    none = staleness.measure(quality(labels([1.0])), facts(learnt={}, born={}))
    assert set(of(none, "reference_age_days")["reason"]) == {staleness.NO_REFERENCE}
    assert set(of(none, "model_age_days")["reason"]) == {staleness.UNVERSIONED}
    later = staleness.measure(quality(labels([1.0])), facts(learnt={"": DAY + pd.Timedelta(days=5)}))
    assert of(later, "reference_age_days")["value"].tolist()[:7] == [0, 0, 0, 0, 0, 1, 2]


@given(st.lists(st.one_of(st.none(), st.floats(0.01, 5_000)), min_size=1, max_size=60))
@settings(max_examples=10)
def test_the_lag_is_the_median_of_the_raw_rows(hours: list[float | None]):
    found = of(staleness.measure(quality(labels(hours)), facts()), "label_lag_hours", 7)
    known = sorted(h for h in hours if h is not None)
    assert found["rows"].sum() == len(known)
    if not known:
        assert found["reason"].tolist() == [staleness.NO_LAGS] * len(found)
    else:
        assert found["value"].iloc[0] == pytest.approx(np.quantile(known, 0.5, method="inverted_cdf"), rel=0.0101)
        assert found["coverage"].iloc[0] == pytest.approx(len(known) / len(hours))


def test_lags_by_segment_and_none_where_labels_have_no_time():
    raw = labels([1.0] * 10 + [50.0] * 10).assign(region=["eu"] * 10 + ["us"] * 10)
    found = staleness.measure(quality(raw, segments=["region"]), facts())
    assert of(found, "label_lag_hours", segment="region=us")["value"].iloc[0] == pytest.approx(50, rel=0.0101)
    untimed = staleness.measure(quality(raw.drop(columns="label_time")), facts())
    assert of(untimed, "label_lag_hours").empty
    nothing = quality(raw.drop(columns="label_time"))
    nothing["lag_bins"] = [[] for _ in range(len(nothing))]  # as the lake may give a null among lists
    assert of(staleness.measure(nothing, facts()), "label_lag_hours").empty


def test_the_lag_of_a_version_is_that_of_all_its_labels_and_not_of_the_latest():
    # The last day has only the one label that took an hour yet; of all twenty-one, half took fifty.
    raw = labels([50.0] * 20 + [1.0])
    raw.loc[20, ["time", "label_time"]] += pd.Timedelta(days=3)
    found = staleness.lags(quality(raw))
    assert list(found.values()) == [pytest.approx(50, rel=0.0101)]
    assert staleness.lags(quality(raw.drop(columns="label_time"))) == {}


def weeks(values: np.ndarray, side: str = "below", critical: float = 0.7, rows: np.ndarray | None = None) -> pd.DataFrame:
    start = DAY + pd.to_timedelta(7 * np.arange(len(values)), unit="D")
    table = pd.DataFrame({"window_start": start, "window_end": start + pd.Timedelta(days=7), "value": values, "side": side})
    return table.assign(critical=critical, warning=np.nan, rows=100 if rows is None else rows)


def test_a_trend_is_that_of_least_squares():
    random = np.random.default_rng(0)
    rows = random.integers(50, 500, 20)
    values = 0.8 - 0.004 * np.arange(20) + random.normal(0, 0.003, 20)
    found = lifetimes.trend(weeks(values, rows=rows))
    at = 7 * np.arange(20) + 3.5
    (slope, level), covariance = np.polyfit(at, values, 1, w=np.sqrt(rows), cov=True)
    assert found.per_day == pytest.approx(slope)
    assert found.now == pytest.approx(level + 140 * slope)
    assert found.high - found.per_day == pytest.approx(2.1009 * np.sqrt(covariance[0, 0]), rel=1e-3)  # Student's t of 18 degrees
    # The band of the line at the day that is told is at the limit, and was not on the day before.
    day = (found.crosses - weeks(values)["window_end"].max()).days
    bound = [level + slope * t - 2.1009 * np.sqrt(np.array([t, 1]) @ covariance @ [t, 1]) for t in (140 + day - 1, 140 + day)]
    assert bound[1] <= 0.7 < bound[0]
    assert found.crosses < found.expected


def test_a_trend_without_a_fall_without_a_limit_or_too_far_ahead_tells_no_day():
    random = np.random.default_rng(1)
    flat = 0.8 + random.normal(0, 0.01, 20)
    assert lifetimes.trend(weeks(flat)).why_not == "does not fall"
    assert lifetimes.trend(weeks(0.2 + flat - flat, side="above", critical=0.5)).why_not == "does not rise"
    falling = 0.8 - 0.0005 * np.arange(20) + random.normal(0, 0.0002, 20)
    assert lifetimes.trend(weeks(falling)).why_not == "not within the next 140 days"
    assert lifetimes.trend(weeks(falling, critical=np.nan)).why_not == "no threshold is set"
    assert lifetimes.trend(weeks(falling[:4])).why_not == "fewer than 5 windows are measured"
    assert lifetimes.trend(weeks(falling - 0.5)).crosses == weeks(falling)["window_end"].max()  # it is there already
    rising = lifetimes.trend(weeks(1 - falling, side="above", critical=0.205))
    assert rising.crosses is not None


def test_how_long_former_versions_served():
    first = [DAY, DAY + pd.Timedelta(days=70), DAY + pd.Timedelta(days=170)]
    last = [DAY + pd.Timedelta(days=77), DAY + pd.Timedelta(days=180), DAY + pd.Timedelta(days=200)]
    life = lifetimes.served(pd.DataFrame({"version": ["v1", "v2", "v3"], "first": first, "last": last}), last[-1])
    assert lifetimes.usual_days(life) == (77 + 110) / 2
    told = lifetimes.sentences(life)
    assert told[0] == "A version of this model usually serves 94 days: the median of 2 former versions (v1 77, v2 110)."
    assert told[1] == "v3 serves since 19 Aug 2026, 30 days by the end of the log."
    alone = lifetimes.served(pd.DataFrame({"version": ["v1"], "first": first[:1], "last": last[:1]}), last[0])
    assert lifetimes.sentences(alone)[0].startswith("No version has been replaced yet")
