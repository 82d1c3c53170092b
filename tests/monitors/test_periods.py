import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rawprofiles import NAT, bins_row, day, profile, table

from monitors.periods import ADDED, merge, new_top

PERIODS = ["day", "week", "month", "all"]


def span(first, period):
    """Start and end of the period that a day falls into."""
    offsets = {"day": (first, pd.Timedelta(days=1)), "week": (first - pd.Timedelta(days=first.weekday()), pd.Timedelta(days=7))}
    if period == "month":
        return first.replace(day=1), first.replace(day=1) + pd.DateOffset(months=1)
    return offsets[period][0], offsets[period][0] + offsets[period][1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["day", "week", "month"]), st.booleans())
def test_merging_equals_profiling_the_whole(seed, period, numeric):
    random = np.random.default_rng(seed)
    reference = random.normal(size=500) if numeric else random.choice(list("abcd"), 500)
    bins = bins_row(reference)

    def drawn(n):
        values = random.normal(size=n) if numeric else random.choice(list("abcdxyz"), n)
        return pd.Series(values).where(random.random(n) > 0.1)

    days = {number: drawn(random.integers(0, 40)) for number in random.choice(70, 25, replace=False)}
    merged = merge(table([profile(v, bins, "log", *day(n), "v1") for n, v in days.items()]), period)
    wholes = {}
    for number, values in sorted(days.items()):
        wholes.setdefault(span(day(number)[0], period), []).append(values)
    expected = table([profile(pd.concat(values), bins, "log", *window, "v1") for window, values in sorted(wholes.items())])
    assert np.stack(merged["counts"]).tolist() == np.stack(expected["counts"]).tolist()
    exact = ["window_start", "window_end", "rows", "nulls", "new_values", "min", "max"]
    pd.testing.assert_frame_equal(merged[exact], expected[exact], check_dtype=False)
    sums = ["sum", "sum_squares", "below_sum", "above_sum"]
    some = merged["rows"] > merged["nulls"]
    pd.testing.assert_frame_equal(merged.loc[some, sums], expected.loc[some, sums], rtol=1e-9, atol=1e-9)
    assert list(map(json.loads, merged["new_top"])) == list(map(json.loads, expected["new_top"]))


@pytest.mark.parametrize("period", PERIODS)
def test_the_order_of_the_rows_does_not_matter_and_keys_stay_apart(period):
    random = np.random.default_rng(5)
    bins = [bins_row(np.arange(300.0), "a"), bins_row(np.arange(20.0), "b"), bins_row(list("xyzzy"), "c")]
    values = [np.arange(300.0), np.arange(20.0), list("xyzzy")]
    rows = [
        profile(random.choice(values[i], 5), bins[i], dataset, *day(n), version, segment)
        for i in range(3)
        for dataset in ("log", "reference")
        for n in range(40)
        for version in ("v9", "v10")
        for segment in ("all", "origin=EWR")
    ]
    straight, shuffled = merge(table(rows), period), merge(table([rows[i] for i in random.permutation(len(rows))]), period)
    pd.testing.assert_frame_equal(straight.drop(columns="counts"), shuffled.drop(columns="counts"), rtol=1e-12)
    assert [c.tolist() for c in straight["counts"]] == [c.tolist() for c in shuffled["counts"]]
    assert len(straight) == 24 * {"day": 40, "week": 6, "month": 2, "all": 1}[period]
    assert straight["rows"].sum() == 5 * len(rows)
    assert not straight.duplicated(["version", "dataset", "segment", "column", "window_start"]).any()


def test_weeks_start_on_monday_and_months_on_the_first():
    bins = bins_row(np.arange(9.0))
    rows = table([profile([1.0], bins, "log", *day(n), "v1") for n in (-1, 0, 6, 7, 30)])
    weeks = merge(rows, "week")
    assert weeks["window_start"].dt.strftime("%m-%d").tolist() == ["02-23", "03-02", "03-09", "03-30"]
    assert weeks["window_end"].dt.strftime("%m-%d").tolist() == ["03-02", "03-09", "03-16", "04-06"]
    months = merge(rows, "month")
    assert months["window_start"].dt.strftime("%m-%d").tolist() == ["03-01", "04-01"]
    assert months["window_end"].dt.strftime("%m-%d").tolist() == ["04-01", "05-01"]
    assert months["rows"].tolist() == [4, 1]
    whole = merge(rows, "all").iloc[0]
    assert (whole["window_start"], whole["window_end"]) == (day(-1)[0], day(30)[1])


def test_hours_become_days():
    bins = bins_row(np.arange(30.0))
    hours = [day(0)[0] + pd.Timedelta(hours=h) for h in range(48)]
    rows = table([profile([float(i % 24)], bins, "log", h, h + pd.Timedelta(hours=1), "v1") for i, h in enumerate(hours)])
    days = merge(rows, "day")
    assert days["rows"].tolist() == [24, 24]
    assert days["max"].tolist() == [23, 23]
    assert [(s, e) for s, e in zip(days["window_start"], days["window_end"], strict=True)] == [day(0), day(1)]


def test_the_whole_reference_passes_untouched():
    bins = bins_row(np.arange(30.0))
    whole = profile(np.arange(30.0), bins, "reference", NAT, NAT, "v1")
    rows = table([whole, *(profile([1.0, None], bins, "reference", *day(n), "v1") for n in range(3))])
    merged = merge(rows, "week")
    assert merged["rows"].tolist() == [6, 30]
    pd.testing.assert_series_equal(merged.iloc[1], rows.iloc[0], check_names=False)
    assert merge(rows.iloc[:1], "week")["rows"].tolist() == [30]
    assert merge(rows.iloc[:0], "week").empty


def test_a_window_without_finite_values_adds_nothing():
    bins = bins_row(np.arange(30.0))
    rows = table([profile([None, None], bins, "log", *day(0), "v1"), profile([3.0], bins, "log", *day(1), "v1")])
    rows.loc[0, ["sum", "sum_squares", "below_sum", "above_sum"]] = np.nan
    merged = merge(rows, "week").iloc[0]
    assert (merged["sum"], merged["min"], merged["max"], merged["rows"], merged["nulls"]) == (3.0, 3.0, 3.0, 3, 2)
    assert np.isnan(merge(rows[:1], "week").loc[0, "sum"])


def test_the_arguments_are_not_changed():
    bins = bins_row(np.arange(30.0))
    rows = table([profile([1.0], bins, "log", *day(n), "v1") for n in (1, 0)])
    before, counts = rows.drop(columns="counts").copy(), [c.copy() for c in rows["counts"]]
    merge(rows, "week")
    pd.testing.assert_frame_equal(rows.drop(columns="counts"), before)
    assert all((a == b).all() for a, b in zip(rows["counts"], counts, strict=True))


def test_new_values_are_added_and_cut_to_the_20_most_frequent():
    few, many = json.dumps({"ä": 2, "b": 2}), json.dumps({f"n{i:02}": 1 for i in range(30)} | {"b": 1})
    assert json.loads(new_top([few, many])) == {"b": 3, "ä": 2} | {f"n{i:02}": 1 for i in range(18)}
    assert list(json.loads(new_top([few, many])))[:3] == ["b", "ä", "n00"]


def test_counts_on_other_bins_are_refused():
    a, b = bins_row(np.arange(30.0)), bins_row(np.arange(40.0))
    rows = table([profile([1.0], a, "log", *day(0), "v1"), profile([1.0], b, "log", *day(1), "v1")])
    with pytest.raises(ValueError, match="different bins"):
        merge(rows, "week")


def test_all_that_is_added_is_in_the_profile():
    assert set(ADDED) < set(profile([1.0], bins_row([1.0, 2.0]), "log", *day(0), "v1"))
