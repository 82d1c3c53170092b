"""Misfits as they stand in the file, and the sums of what is loaded."""

import pandas as pd
import pytest

from data.errors import BadInput
from data.inventory import totals
from data.load import load, loads, undo
from data.misfits import misfits

HEAD = "ts,id,{name},plan\n"
TEXT = HEAD + "".join(f"2026-03-{1 + i % 28:02d},{i},{'ERR' if i in (7, 20) else i * 1.5},a\n" for i in range(1, 101))


@pytest.fixture
def loaded(store, tmp_path):
    file = tmp_path / "log.csv"
    file.write_text(TEXT.format(name='"in""come; --"'))
    load(store, [file], "m", names=["log.csv"])
    return store


def test_misfits_tell_column_text_row_and_file(loaded):
    found = misfits(loaded, 1)
    assert found.values.tolist() == [['in"come; --', "ERR", 7, "log.csv"], ['in"come; --', "ERR", 20, "log.csv"]]
    assert misfits(loaded, 1, limit=1)["row"].tolist() == [7]


def test_a_load_that_was_taken_back_has_none_and_an_unknown_one_is_refused(loaded):
    undo(loaded, 1)
    assert misfits(loaded, 1).empty
    with pytest.raises(BadInput, match="no load 9"):
        misfits(loaded, 9)


def test_totals_count_what_is_there_by_model(loaded, tmp_path):
    (tmp_path / "reference.csv").write_text(TEXT.format(name="x"))
    load(loaded, [tmp_path / "reference.csv"], "a", "reference")
    load(loaded, [tmp_path / "reference.csv"], "m", "reference")
    undo(loaded, 3)
    found = totals(loads(loaded)).set_index("model")
    assert found.index.tolist() == ["a", "m"]
    assert found.loc["m", ["log", "reference", "files", "misfits"]].tolist() == [100, 0, 1, 2]
    assert found.loc["m", "first"] == pd.Timestamp("2026-03-01", tz="UTC")
    assert pd.isna(found.loc["a", "first"])
    assert totals(loads(loaded).iloc[:0]).empty
