"""The preview: what the load itself would take columns for, with reasons, as a table that comes back as roles."""

from dataclasses import replace

import pandas as pd
import pytest

from data import roles as roles_of
from data.errors import BadInput
from data.load import load
from data.preview import as_table, from_table, preview, remembered
from data.roles import Roles

NAMES = ["<b>bold</b>", " lead", "a.b", 'in"come; --']
ROWS = 60


@pytest.fixture
def log(tmp_path):
    head = ",".join(["ts", "id", *(f'"{n.replace(chr(34), chr(34) * 2)}"' for n in NAMES), "region", "score", "prediction"])
    lines = [f"2026-03-01 {i % 24:02d}:00:00,{i},{i}.5,{i % 9},{i % 7},{i},{'ns'[i % 2]},0.{i % 10},{i % 2}" for i in range(ROWS)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join([head, *lines, ""]))
    return path


def test_the_preview_is_what_the_load_remembers(store, log):
    shown = preview(store, [log], ["log.csv"], "m", "log", Roles())
    load(store, [log], "m")
    assert shown.roles == roles_of.saved(store, "m")


def test_every_column_has_a_role_a_reason_and_values(store, log):
    table = preview(store, [log], ["log.csv"], "m", "log", Roles()).table.set_index("column")
    assert set(NAMES) < set(table.index)
    assert table.loc["ts", "role"] == "timestamp"
    assert table.loc["region", ["role", "type", "values"]].tolist() == ["feature and segment", "category", "n, s"]
    assert table.loc["a.b", ["role", "type"]].tolist() == ["feature", "number"]
    assert (table["reason"] != "").all()


def test_a_table_comes_back_as_the_same_roles(store, log):
    shown = preview(store, [log], ["log.csv"], "m", "log", Roles())
    assert from_table(shown.table, shown.roles) == shown.roles


def test_a_changed_table_changes_the_roles(store, log):
    shown = preview(store, [log], ["log.csv"], "m", "log", Roles())
    table = shown.table.set_index("column")
    table.loc["a.b", ["role", "type"]] = ["feature and segment", "category"]
    table.loc[" lead", "role"] = "ignored"
    roles = from_table(table.reset_index(), shown.roles)
    assert "a.b" in roles.segments
    assert dict(roles.types)["a.b"] == "category"
    assert roles.ignored == (" lead",)


def test_what_the_table_does_not_show_is_kept():
    base = Roles(segments=("a.b", "region", " lead"), segment_pairs=((" lead", "region"), ("a.b", "region")), task="binary", positive="1")
    table = as_table(base, base.segments, {}, pd.DataFrame())
    assert from_table(table, base) == base
    fewer = from_table(table.assign(role=table["role"].where(table["column"] != "a.b", "ignored")), base)
    assert fewer.segment_pairs == ((" lead", "region"),)
    assert (fewer.task, fewer.positive) == ("binary", "1")


def test_roles_of_columns_that_a_file_lacks_are_kept(store, log, tmp_path):
    load(store, [log], "m", "reference")
    before = roles_of.saved(store, "m")
    (tmp_path / "labels.csv").write_text("id,label\n" + "".join(f"{i},{i % 2}\n" for i in range(ROWS)))
    shown = preview(store, [tmp_path / "labels.csv"], ["labels.csv"], "m", "labels", Roles())
    assert list(shown.table["column"]) == ["id", "label"]
    assert from_table(shown.table, shown.roles) == shown.roles
    assert (shown.roles.features, shown.roles.label) == (before.features, "label")
    # Another column in a role that one column has takes it; the rest stays where it was, in its order.
    moved = from_table(pd.DataFrame({"column": ["when"], "role": ["timestamp"], "type": [None]}), before)
    assert moved == replace(before, timestamp="when")


def test_two_columns_in_a_role_for_one_are_refused(store, log):
    shown = preview(store, [log], ["log.csv"], "m", "log", Roles())
    table = shown.table.assign(role=shown.table["role"].where(shown.table["column"] != "a.b", "score"))
    with pytest.raises(BadInput, match=r'Both "a\.b" and "score" are the score'):
        from_table(table, shown.roles)


def test_a_known_model_keeps_its_roles_and_guesses_what_is_new(store, log, tmp_path):
    load(store, [log], "m")
    wider = tmp_path / "wider.csv"
    wider.write_text("\n".join(f"{line},{'new' if i == 0 else i}" for i, line in enumerate(log.read_text().splitlines())))
    table = preview(store, [wider], ["wider.csv"], "m", "log", Roles()).table.set_index("column")
    assert table.loc["a.b", "reason"] == "remembered"
    assert table.loc["new", "role"] == "none"  # features are chosen already


def test_a_bad_file_is_refused_as_the_load_does(store, tmp_path):
    (tmp_path / "bad.csv").write_text("ts,id,x\n2026-01-01,1,2\n2026-01-02,2\n")
    (tmp_path / "empty.csv").write_text("ts,id\n")
    for name, told in (("bad.csv", "line 3"), ("empty.csv", "no rows")):
        with pytest.raises(BadInput, match=told):
            preview(store, [tmp_path / name], [name], "m", "log", Roles())


def test_decimals_that_can_be_read_in_two_ways_ask_for_the_sign_and_take_it(store, tmp_path):
    (tmp_path / "log.csv").write_text("ts;x\n" + "".join(f"2026-03-0{i};1,{i}00\n" for i in range(1, 9)))
    with pytest.raises(BadInput, match="decimal"):
        preview(store, [tmp_path / "log.csv"], ["log.csv"], "m", "log", Roles())
    shown = preview(store, [tmp_path / "log.csv"], ["log.csv"], "m", "log", Roles(decimal=","))
    assert dict(shown.roles.types)["x"] == "number"


def test_remembered_roles_show_every_column_with_values_of_the_store(store, log):
    load(store, [log], "m")
    shown = remembered(store, "m")
    table = shown.table.set_index("column")
    assert list(table.index)[:2] == ["ts", "id"]
    assert table.loc["region", "values"] == "n, s"
    assert from_table(shown.table, shown.roles) == shown.roles


def test_a_segment_alone_keeps_its_role():
    roles = Roles(timestamp="ts", segments=("region",))
    table = as_table(roles, ["ts", "region"], {}, pd.DataFrame())
    assert from_table(table, roles).segments == ("region",)
