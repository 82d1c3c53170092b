"""Misfits: the values that could not be read as their column's type, as they stand in the file."""

import pandas as pd

from data.errors import BadInput
from data.store import Store, columns, table

COLUMNS = ["column", "value", "row", "file"]
MISFITS = """
    SELECT e.key AS "column", e.value AS value, _row AS row, $file AS file
    FROM (SELECT _row, unnest(map_entries(_misfits)) AS e FROM {table} WHERE _load = $load AND _misfits IS NOT NULL)
    ORDER BY _row, "column" LIMIT $limit
"""


def misfits(store: Store, load: int, limit: int = 20) -> pd.DataFrame:
    """The first misfits of a load, in order of the file: column, value (the text), row (1-based), file.

    Empty for a load without any, or one that was taken back.
    """
    found = store.frame("SELECT model, dataset, file FROM main.loads WHERE load = ?", [load])
    if found.empty:
        raise BadInput(f"There is no load {load}.")
    model, dataset, file = found.iloc[0]
    if not columns(store.cursor(), dataset, model):
        return pd.DataFrame(columns=COLUMNS)
    return store.frame(MISFITS.format(table=table(dataset, model)), {"load": load, "file": file, "limit": limit})
