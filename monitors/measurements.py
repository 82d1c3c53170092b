"""What a measurement is: the columns of the table, in the order that the command line promises."""

import pandas as pd

# One value of one metric, for one model version, column, segment and window. `rows` are the values that entered it;
# `value` is NaN where it cannot be measured, and then `reason` says why. `noise` and `usual` are its two floors (DESIGN.md §6).
COLUMNS = [
    "model",
    "version",
    "monitor",
    "metric",
    "column",
    "segment",
    "window_start",
    "window_end",
    "rows",
    "value",
    "noise",
    "usual",
    "p_value",
    "reason",
]
# As kept in the lake. `dataset`: "log", or "reference" for the reference's own windows, each against the rest of the reference; a new normal's have
# a name of their own (own_windows.py). `coverage`: the share of the window's rows that have a label; NaN where the value needs none.
STORED = [*COLUMNS, "dataset", "coverage"]

TIMES = ["window_start", "window_end"]
NUMBERS = ["value", "noise", "usual", "p_value", "coverage"]


def no_reference(version: object, column: str = "") -> str:
    """The reason of a value that needs a reference where there is none; `version` is "" in a log that tells no versions."""
    return "no reference" + (f" of {column}" if column else "") + (f" for version {version}" if version else "")


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """The columns STORED of a table, in order and with their types; columns that it lacks are blank.

    Gives an empty, well-typed table for `typed(pd.DataFrame())`, so that concatenating and storing need no special case.
    """
    kinds = {name: "datetime64[us, UTC]" if name in TIMES else "float64" if name in NUMBERS else "str" for name in STORED}
    return table.reindex(columns=STORED).fillna({"rows": 0}).astype(kinds | {"rows": "int64"})
