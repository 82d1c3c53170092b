"""Outcomes: merging windows equals counting the whole, whatever the kind; dense tables from sparse lists."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors import outcomes
from monitors.outcomes import COLUMNS, confusion, matrix, merge

NONE = pd.Series([pd.NaT], dtype="datetime64[us, UTC]")
START = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday
ROW = st.tuples(st.integers(0, 40), st.sampled_from(["v1", "v2"]), st.sampled_from(["all", "in\"come; --=x"]), st.integers(0, 999),
                st.sampled_from(["0", "1", None]), st.booleans())  # fmt: skip


def counted(rows, days):
    """The table for rows (day, version, segment, score bin, label, predicted), counted one by one; `days` is how long a window is."""
    groups = {}
    for row in rows:
        groups.setdefault((row[1], row[2], row[0] // days), []).append(row)
    return pd.DataFrame([one_window(key, own, days) for key, own in sorted(groups.items())]).reindex(columns=COLUMNS)


def one_window(key, rows, days):
    bins = sorted({row[3] for row in rows})
    named = Counter((row[4], row[5]) for row in rows)
    lists = {name: [sum(row[3] == b and row[4] == label for row in rows) for b in bins] for name, label in
             (("positives", "1"), ("negatives", "0"), ("unlabelled", None))}  # fmt: skip
    sums = [sum((row[3] + 0.5) / 1000 for row in rows if row[3] == b and row[4] is not None) for b in bins]
    labels = sorted({row[4] for row in rows if row[5] and row[4] is not None})
    start = START + pd.Timedelta(days=key[2] * days)
    return {
        "model": "m", "version": key[0], "dataset": "log", "segment": key[1], "kind": "binary", "class": "1", "rows": len(rows),
        "window_start": start, "window_end": start + pd.Timedelta(days=days), "tp": named["1", True], "fp": named["0", True],
        "fn": named["1", False], "tn": named["0", False], "labels": labels, "label_counts": [named[label, True] for label in labels],
        "bins": bins, **lists, "score_sums": sums, "log_loss_sum": float(sum(row[3] for row in rows)), "lag_bins": None,
    }  # fmt: skip


def plain(table):
    """As lists and numbers, nothing where nothing is."""
    kept = table.drop(columns=["score_sums", "window_end"]).to_dict("records")
    return [{name: list(x) if isinstance(x, list | np.ndarray) else "–" if x is None or x != x else x for name, x in row.items()} for row in kept]


@settings(max_examples=30)
@given(st.lists(ROW, min_size=1, max_size=60), st.sampled_from([2, 1_000_000]))
def test_merging_windows_equals_counting_the_whole(rows, cells):
    kept, outcomes.CELLS = outcomes.CELLS, cells  # so that few rows already are added up in parts
    try:
        merged, whole = merge(counted(rows, 1), "week"), counted(rows, 7)
    finally:
        outcomes.CELLS = kept
    assert list(merged.columns) == COLUMNS
    blank = dict.fromkeys(("lag_bins", "lag_counts", "spots", *outcomes.LISTS["spots"]))
    assert [row | blank for row in plain(merged)] == [row | blank for row in plain(whole)]
    np.testing.assert_allclose(matrix(merged, "score_sums"), matrix(whole, "score_sums"), rtol=1e-12)
    assert merged["window_end"].tolist() == whole["window_end"].tolist()


def test_the_whole_of_a_reference_comes_last_and_stays_as_it_is():
    table = counted([(0, "v1", "all", 3, "1", True), (1, "v1", "all", 3, "1", True)], 1)
    whole = table.iloc[:1].assign(dataset="reference", window_start=NONE, window_end=NONE)
    merged = merge(pd.concat([whole, table], ignore_index=True), "week")
    assert merged[["dataset", "rows", "tp"]].values.tolist() == [["log", 2, 2], ["reference", 1, 1]]
    assert merge(whole, "week")["rows"].tolist() == [1]
    assert merge(table.iloc[:0], "month").empty


def test_lists_of_real_numbers_and_of_names_add_up():
    base = {"model": "m", "version": "v", "dataset": "log", "segment": "all", "kind": "multiclass", "class": "a", "rows": 3, "tp": 1}
    two = [
        {"labels": ["a", "c"], "label_counts": [2, 1], "lag_bins": [5], "lag_counts": [3], "lag_sum": 1.5, "spots": [0], "spot_errors": [0.5]},
        {"labels": ["b", "c"], "label_counts": [4, 5], "lag_bins": [2, 5], "lag_counts": [1, 1], "lag_sum": np.nan, "spots": [], "spot_errors": []},
    ]
    times = [{"window_start": START + pd.Timedelta(days=i), "window_end": START + pd.Timedelta(days=i + 1)} for i in (0, 1)]
    merged = merge(pd.DataFrame([base | one | time for one, time in zip(two, times, strict=True)]), "all")
    row = {name: list(x) if isinstance(x, np.ndarray) else x for name, x in merged.iloc[0].items()}
    assert (row["labels"], row["label_counts"]) == (["a", "b", "c"], [2, 4, 6])
    assert (row["lag_bins"], row["lag_counts"], row["lag_sum"]) == ([2, 5], [1, 4], 1.5)
    assert (row["spots"], row["spot_errors"]) == ([0], [0.5])
    assert (row["window_start"], row["window_end"]) == (START, START + pd.Timedelta(days=2))


def test_a_dense_table_has_a_number_for_every_bin():
    table = counted([(0, "v1", "all", 3, "1", True), (0, "v1", "all", 999, "0", True)], 1)
    found = matrix(table, "positives")
    assert found.shape == (1, 1000)
    assert (found.sum(), found[0, 3], matrix(table, "negatives")[0, 999]) == (1, 1, 1)
    assert matrix(table, "lag_counts").shape == (1, 987)
    assert matrix(table.assign(kind="regression"), "positives").shape == (1, 2420)
    assert matrix(table.iloc[:0], "spot_rows").shape == (0, 0)


def test_confusion_of_two_classes_and_of_three():
    binary = pd.DataFrame([{"kind": "binary", "class": "1", "tp": 1, "fp": 2, "fn": 3, "tn": 4}])
    assert confusion(binary, ["0", "1"]).tolist() == [[4, 2], [3, 1]]
    rows = [{"kind": "multiclass", "class": c, "labels": names, "label_counts": n} for c, names, n in
            (("a", ["a", "b"], [5, 1]), ("b", ["b"], [2]), ("c", [], []))]  # fmt: skip
    assert confusion(pd.DataFrame(rows), ["a", "b", "c"]).tolist() == [[5, 0, 0], [1, 2, 0], [0, 0, 0]]


def test_edges_rise_by_two_percent_so_that_the_middle_of_a_bin_is_within_one():
    for edges, last in ((outcomes.ERROR_EDGES, 1e12), (outcomes.LAG_EDGES, 1e5)):
        middle = outcomes.middles(edges)
        assert np.all(np.abs(middle[1:-1] / edges[1:] - 1) < 0.01)
        assert np.all(np.abs(middle[1:-1] / edges[:-1] - 1) < 0.0101)
        assert edges[-1] == pytest.approx(last, rel=0.02)
