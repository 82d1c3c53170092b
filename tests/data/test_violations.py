"""The rows behind a violation, against what pandas finds in the files."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from data.load import load
from data.roles import from_dict
from data.store import Store, open_store
from data.violations import Asked, evidence

ODD = 'in"come; --'
ROLES = {
    "timestamp": "ts", "inference_id": "id", "model_version": "v", "label": "y", "features": [ODD, "n", "c"], "segments": ["s=g"],
    "types": {ODD: "number", "n": "number", "c": "category", "y": "category"},
}  # fmt: skip


def rows(first: str, version: str) -> pd.DataFrame:
    n = 100
    return pd.DataFrame({
        "ts": pd.date_range(first, periods=n, freq="10min", tz="UTC"), "id": [f"{first}{i}" for i in range(n)], "v": version,
        ODD: np.arange(n) / 10, "n": np.arange(n) % 7, "c": np.array(["a", "b"])[np.arange(n) % 2], "s=g": np.array(["x", "y=1"])[np.arange(n) % 2],
    })  # fmt: skip


@pytest.fixture
def store(tmp_path) -> Store:
    store = open_store(str(tmp_path / "store"))
    first, second = rows("2026-03-01", "v1"), rows("2026-03-02", "v2")
    second["n"] = second["n"].astype(object)
    second.loc[[3, 5], "n"] = ["ERR", "2.5"]
    second["n"] = second["n"].astype(str)
    second.loc[[10, 20], ODD] = np.nan
    second.loc[[7, 8], "c"] = ["new`<b>", None]
    second.loc[99, "id"] = second.loc[98, "id"]
    first.to_csv(tmp_path / "one.csv", index=False)
    second.to_csv(tmp_path / "two.csv", index=False)
    third = rows("2026-03-03", "v2").drop(columns="n").assign(extra=1.5)
    third.to_csv(tmp_path / "three.csv", index=False)
    labels = pd.DataFrame({"id": first["id"], "y": ["0", "1"] * 50})
    labels.loc[4, "y"] = "maybe"
    labels.to_csv(tmp_path / "labels.csv", index=False)
    for name in ("one", "two", "three"):
        load(store, [tmp_path / f"{name}.csv"], "m", roles=from_dict(ROLES))
    load(store, [tmp_path / "labels.csv"], "m", "labels", roles=from_dict(ROLES))
    return store


def values(found) -> list[tuple[str, str, int]]:
    files = [str(file).rpartition("/")[2] for file in found.values["file"]]
    return list(zip(found.values["value"], files, found.values["row"].tolist(), strict=True))


def test_types_with_their_text_file_and_row(store):
    found = evidence(store, "m", Asked("type_rate", "n", whole=True))
    assert (found.broken, found.of) == (2, 200)  # the third file has no such column
    assert values(found) == [("ERR", "two.csv", 4), ("2.5", "two.csv", 6)]
    assert found.first == datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
    assert found.loads[["load", "version", "rows"]].values.tolist() == [[2, "v2", 2]]
    assert evidence(store, "m", Asked("type_rate", "n")).broken == 1  # fractions are fine where no whole numbers are expected


def test_nulls_are_not_the_rows_of_a_file_without_the_column(store):
    assert evidence(store, "m", Asked("null_rate", ODD)).broken == 2
    assert evidence(store, "m", Asked("null_rate", "n")).broken == 0
    missing = evidence(store, "m", Asked("missing_column", "n"))
    assert (missing.broken, missing.of) == (100, 300)
    assert missing.loads["load"].tolist() == [3]


def test_range_in_a_version_a_segment_and_a_span(store):
    found = evidence(store, "m", Asked("range_rate", ODD, version="v1", segment="s=g=y=1", min=1.0, max=9.5))
    # Odd i of 0…99 with i / 10 below 1: 5 (1, 3, 5, 7, 9); above 9.5: 97 and 99.
    assert (found.broken, found.of) == (7, 50)
    assert [v for v, *_ in values(found)] == ["0.1", "0.3", "0.5", "0.7", "0.9", "9.7", "9.9"]
    until = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    assert evidence(store, "m", Asked("range_rate", ODD, version="v1", min=1.0, until=until)).broken == 3
    assert evidence(store, "m", Asked("range_rate", ODD, min=0.0)).broken == 0  # 0 is a bound


def test_domain_knows_no_nulls(store):
    found = evidence(store, "m", Asked("domain_rate", "c", domain=("a", "b")))
    assert values(found) == [("new`<b>", "two.csv", 8)]
    assert found.common.values.tolist() == [["new`<b>", 1]]


def test_a_row_that_stands_again_and_a_new_column(store):
    found = evidence(store, "m", Asked("duplicate_rate"))
    assert values(found) == [("2026-03-0298", "two.csv", 100)]
    new = evidence(store, "m", Asked("new_column", "extra"), limit=5)
    assert (new.broken, len(new.values)) == (100, 5)


def test_labels_that_came_apart(store):
    found = evidence(store, "m", Asked("domain_rate", "y", domain=("0", "1")))
    assert [v for v, *_ in values(found)] == ["maybe"]


def test_what_no_row_breaks_and_what_is_not_there_gives_nothing(store):
    for asked in (
        Asked("rows_ratio"),
        Asked("range_rate", "c", min=0.0),
        Asked("null_rate", "no such"),
        Asked("domain_rate", "c"),
    ):
        assert evidence(store, "m", asked).broken == 0
    assert evidence(store, "nobody", Asked("null_rate", "c")).of == 0
