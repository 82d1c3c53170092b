"""Changes from cells, columns and records: each told once, dated, with how far it went."""

import json

import pandas as pd
import pytest

from monitors import changes, recorded

START = pd.Timestamp("2026-03-01", tz="UTC")
HOUR = pd.Timedelta(hours=1)


def at(hour: float) -> pd.Timestamp:
    return START + hour * HOUR


def cells(*spans: dict[str, object]) -> pd.DataFrame:
    """Ten rows an hour over spans of hours, summed up by day: version, code, data, source, load."""
    rows = []
    for span in spans:
        for day in range(int(span["since"]) // 24, -(-int(span["until"]) // 24)):
            first, last = max(int(span["since"]), 24 * day), min(int(span["until"]), 24 * day + 24)
            about = {"load": 1, "version": "v1", "code": None, "data": None, "source": None} | span
            rows.append(
                about
                | {
                    "window_start": at(24 * day),
                    "rows": 10 * (last - first),
                    "first_time": at(first),
                    "last_time": at(last - 0.1),
                }
            )
    return pd.DataFrame(rows)


def told(rows: list[dict[str, object]]) -> list[tuple[object, ...]]:
    return [(row["at"], row["kind"], row.get("version", ""), row["before"], row["after"], row["detail"]) for row in rows]


def test_a_new_version_brings_its_code_and_not_the_data_that_stayed():
    log = cells(
        {"since": 0, "until": 96, "version": "v1", "code": "1.0.0", "data": "d1"},
        {"since": 48, "until": 144, "version": "v2", "code": "2.0.0", "data": "d1"},
    )
    assert told(changes.of_log(log)) == [
        (at(48), "model", "v2", "v1", "v2", "beside v1 until 4 Mar 2026, 50% of the rows at first"),
        (at(96), "model", "v2", "v1", "v2", "v1 serves no more"),
        (at(48), "code", "v2", "1.0.0", "2.0.0", "major, with v2"),
    ]


def test_a_rollback_says_so_even_when_the_older_code_was_never_seen():
    log = cells({"since": 0, "until": 48, "code": "1.0.1"}, {"since": 48, "until": 96, "code": "1.0.0"})
    assert told(changes.of_log(log)) == [(at(48), "code", "v1", "1.0.1", "1.0.0", "patch, rollback")]


def test_data_that_changes_under_two_versions_at_once_changed_once():
    log = cells(
        *({"since": 0, "until": 48, "version": v, "data": "d1", "source": "a"} for v in ("v1", "v2")),
        *({"since": 48, "until": 96, "version": v, "data": "d2", "source": "b"} for v in ("v1", "v2")),
    )
    assert told(changes.of_log(log)) == [(at(48), "data", "", "d1", "d2", ""), (at(48), "source", "", "a", "b", "")]


def test_columns_by_the_rows_of_the_files_that_had_them():
    log = cells(
        {"since": 0, "until": 48, "load": 1}, {"since": 48, "until": 96, "load": 2}, {"since": 96, "until": 144, "load": 1}
    )
    columns = pd.DataFrame(
        [(1, "a", "number"), (1, "b", "number"), (1, "n", "any"), (2, "a", "text"), (2, "n", "time"), (2, 'c"; --', "text")],
        columns=["load", "column", "type"],
    )
    found = [(row["at"], row["what"], row["before"], row["after"]) for row in changes.of_schema(log, columns)]
    there = [("a", "number", "text"), ("b", "number", ""), ('c"; --', "", "text")]
    assert sorted(found) == sorted(
        [*((at(48), *one) for one in there), *((at(96), name, after, before) for name, before, after in there)]
    )


def test_an_id_stays_as_long_as_the_change_and_a_change_stands_once():
    rows = changes.of_log(cells({"since": 0, "until": 48, "code": "1"}, {"since": 48, "until": 96, "code": "2"}))
    one, twice = changes.table("m", rows), changes.table("m", [*rows, *rows])
    assert list(one.columns) == changes.COLUMNS
    pd.testing.assert_frame_equal(one, twice)
    assert one["id"].tolist() != changes.table("n", rows)["id"].tolist()
    assert changes.table("m", []).empty


def manifest(version: str, since: float | None, **body: object) -> dict[str, object]:
    valid = pd.NaT if since is None else at(since)
    return {"version": version, "valid_from": valid, "body": json.dumps(body), "loaded_at": at(5000), "author": "anna"}


def test_manifests_follow_one_another_within_a_version_and_from_that_before():
    log = cells({"since": 0, "until": 96, "version": "v1"}, {"since": 96, "until": 200, "version": "v2"})
    kept = pd.DataFrame([
        manifest("v1", None, packages={"numpy": "1.0"}, model_sha256="1" * 64),
        manifest("v1", 48, packages={"numpy": "1.1"}, model_sha256="2" * 64),
        manifest("v2", None, packages={"numpy": "2.0"}, model_sha256="3" * 64, releases=[["2026-03-05", "2.0"], ["2026-03-07", "2.1"]]),
        manifest("v3", None, packages={"numpy": "2.0"}),
    ])  # fmt: skip
    found = changes.of_manifests(kept, log, has_code=False)
    assert {row["author"] for row in found} == {"anna"}
    assert told(found) == [
        (at(48), "dependency", "v1", "1.0", "1.1", "minor"),
        (at(48), "model", "v1", "1" * 12, "2" * 12, "another file, by its hash"),
        (at(96), "dependency", "v2", "1.1", "2.0", "major"),
        (pd.Timestamp("2026-03-07", tz="UTC"), "code", "v2", "2.0", "2.1", "minor"),
        (at(5000), "model", "v3", "v2", "v3", "by its manifest; the log has not shown it yet"),
    ]
    assert not any(row["what"] == "code version" for row in changes.of_manifests(kept, log, has_code=True))


def test_measurements_count_by_day_and_what_changed_and_close_the_day_after():
    rows = changes.of_log(
        cells(*({"since": 6 * i, "until": 6 * i + 6, "code": c} for i, c in enumerate(["1", "2", "3", "3", "3", "3"])))
    )
    table = changes.table("m", rows)
    found = changes.measure(table, "m", at(0), at(72))
    assert found[["monitor", "metric", "column", "version", "window_start", "value"]].to_numpy().tolist() == [
        ["changes", "code", "code version", "v1", at(0), 2.0],
        ["changes", "code", "code version", "v1", at(24), 0.0],
    ]
    assert changes.measure(table, "m", at(72), at(96)).empty


def test_the_neighbour_of_the_same_kind_bounds_a_comparison():
    log = cells(*({"since": a, "until": b, "code": c} for a, b, c in ((0, 240, "1"), (240, 312, "2"), (312, 600, "3"))))
    table = changes.table("m", changes.of_log(log))
    first = table.iloc[0]
    assert changes.alone(table, dict(first), 7, pd.Timedelta(days=1)) == 3
    assert changes.alone(table, dict(first), 2, pd.Timedelta(days=1)) == 2
    assert changes.alone(table, dict(first), 7, pd.Timedelta(days=7)) == 1
    assert changes.alone(table.head(1), dict(first), 7, pd.Timedelta(days=1)) == 7


@pytest.mark.parametrize(
    ("kind", "what", "before", "after", "detail", "version", "text"),
    [
        ("dependency", "numpy", "1.26.4", "2.0.1", "major", "v2", "numpy 1.26.4 → 2.0.1, major (v2)"),
        ("dependency", "shap", "", "0.4", "added", "", "shap 0.4, added"),
        ("model", "version", "v1", "v2", "", "v2", "v1 → v2 (v2)"),
        ("model", "cut", "0.3485487121925059", "0.41993908418554987", "", "v3", "cut 0.348549 → 0.419939 (v3)"),
        ("model", "cut", "0.3485487121925059", "0.3485487121925060", "", "", "cut 0.3485487121925059 → 0.3485487121925060"),
    ],
)
def test_sentences(kind: str, what: str, before: str, after: str, detail: str, version: str, text: str):
    change = {"kind": kind, "what": what, "before": before, "after": after, "detail": detail, "version": version}
    assert changes.sentence(change) == text


def test_roles_are_told_by_column_and_the_type_of_a_new_column_is_none():
    entries = [
        {"timestamp": "ts", "features": ["a"], "types": {"a": "number"}},
        {"timestamp": "ts", "features": ["a"], "types": {"a": "number", "b": "number"}},
        {"timestamp": "ts", "features": ["a"], "code_version": "c", "types": {"a": "category"}, "window": "hour"},
    ]
    entries.append(entries[-1] | {"segment_pairs": [["a", "b"], ["b", "c"]], "task": "binary"})
    table = pd.DataFrame(
        {"roles": [json.dumps(e) for e in entries], "edited_at": [at(i) for i in range(4)], "author": "anna", "reason": "why"}
    )
    found = [(row["at"], row["what"], row["before"], row["after"], row["detail"]) for row in recorded.of_roles(table)]
    assert found == [
        (at(2), "setting window", "", "hour", "why"),
        (at(2), "a", "number", "category", "another type: why"),
        (at(2), "c", "", "code_version", "role given: why"),
        (at(3), "setting task", "", "binary", "why"),
        (at(3), "setting segment_pairs", "", "a & b, b & c", "why"),
    ]


def test_roles_that_a_load_guessed_are_no_change_of_anybody():
    entries = [{"features": ["a"]}, {"timestamp": "ts", "features": ["a"]}, {"timestamp": "ts", "features": ["a"], "score": "a"}]
    reasons = ["guessed: a: a number", 'guessed: ts: named "ts"', "a is the score"]
    table = pd.DataFrame({"roles": map(json.dumps, entries), "edited_at": [at(i) for i in range(3)], "author": "anna", "reason": reasons})
    assert [row["at"] for row in recorded.of_roles(table)] == [at(2)]


def test_edits_of_the_learnt_schema_are_commits_that_say_so():
    messages = ["schema of m: widen age", "schema of mm: no", "undo load 3 of m: x"]
    commits = pd.DataFrame({"at": [at(0)] * 3, "author": ["anna"] * 3, "message": messages})
    assert [row["detail"] for row in recorded.of_commits(commits, "m")] == ["widen age"]
