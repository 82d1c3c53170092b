"""The table of the learnt schema: what a person changes in it becomes an edit, and nothing else does."""

import pandas as pd
import pytest

from data.errors import BadInput
from monitors import schemas
from monitors.schemas import Column, Edits, Schema, laid_over, plain
from pages.parts import schema_table

BOTH = ("training", "serving")
LEARNT = Schema("m", "v1", {
    "a.b": Column("a.b", "features", "number", BOTH, "number", 1 / 3, -1 / 3, 2 / 3, rows=9, values=6),
    "<b>": Column("<b>", "features", "category", BOTH, "category", 0.0, domain=("x", "y,z"), rows=9, values=9),
    "y": Column("y", "label", "integer", ("training",), "category", 0.0, domain=("0", "1"), rows=9, values=9),
    "ts": Column("ts", "timestamp", "time", BOTH),
}, duplicate_share=0.0, rows=9)  # fmt: skip


def table(schema: Schema) -> pd.DataFrame:
    return pd.DataFrame([schema_table._row(column, LEARNT.columns[column.name]) for column in schema.columns.values()]).set_index(
        "column", drop=False
    )


def saved(changes: dict[tuple[str, str], object], before: Edits | None = None) -> dict[str, object]:
    """The edits after some cells were changed."""
    before = before or Edits()
    in_force = laid_over(LEARNT, before)
    given = table(in_force)
    for (column, field), value in changes.items():
        given.at[column, field] = value
    return plain(schema_table._edits(LEARNT, in_force, list(in_force.columns.values()), given, before.table)).get("columns", {})


def test_a_table_that_nobody_touched_holds_no_edit():
    assert saved({}) == {}  # though 1/3 is shown with three digits, and there are blanks in it


def test_each_cell_becomes_its_field():
    changes = {
        ("a.b", "max"): 5.0,
        ("a.b", "min"): None,
        ("a.b", "nulls"): 50.0,
        ("<b>", "domain"): ["x"],
        ("y", "serving"): True,
        ("ts", "training"): False,
    }
    assert saved(changes) == {
        "a.b": {"null_share": 0.5, "min": None, "max": 5.0},
        "<b>": {"domain": ["x"]},
        "y": {"required_in": ["training", "serving"]},
        "ts": {"required_in": ["serving"]},
    }
    assert saved({("<b>", "domain"): []}) == {"<b>": {"domain": None}}


def test_an_edit_that_is_there_stays_and_one_put_back_goes():
    before = schemas.edits_from(
        {"columns": {"a.b": {"max": 5.0}, "y": {"null_share": 0.2}}, "table": {"duplicate_share": 0.1}}, "test"
    )
    assert saved({("a.b", "max"): 2 / 3}, before) == {"y": {"null_share": 0.2}}
    assert saved({}, before) == plain(before)["columns"]
    assert table(laid_over(LEARNT, before)).at["a.b", "learnt"] == "edited; learnt: max 0.6667"


@pytest.mark.parametrize(
    ("cell", "value", "said"),
    [(("a.b", "min"), 9.0, "min 9 is above max"), (("ts", "nulls"), 5.0, "its values are not profiled")],
)
def test_what_makes_no_sense_is_refused(cell, value, said):
    with pytest.raises(BadInput) as caught:
        saved({cell: value})
    assert said in str(caught.value)
