"""What is loaded, summed up by model."""

import pandas as pd

from data.store import DATASETS

COLUMNS = ["model", *DATASETS, "files", "misfits", "first", "last", "loaded_at"]


def totals(loads: pd.DataFrame) -> pd.DataFrame:
    """One row a model, by name, of what is in the store now; what was taken back does not count.

    Parameters
    ----------
    loads : the table `loads`.

    Returns
    -------
    model; rows of each dataset (log, reference, training, labels); files; misfits; first and last time of the log; when something
    was loaded last.
    """
    there = loads[loads["undone_at"].isna()]
    if there.empty:
        return pd.DataFrame(columns=COLUMNS)
    rows = there.pivot_table(index="model", columns="dataset", values="rows", aggfunc="sum", fill_value=0)
    log = there[there["dataset"] == "log"].groupby("model")
    span = pd.DataFrame({"first": log["first_time"].min(), "last": log["last_time"].max()})
    models = there.groupby("model")
    told = pd.DataFrame({"files": models.size(), "misfits": models["misfits"].sum(), "loaded_at": models["loaded_at"].max()})
    table = told.join(rows.reindex(columns=list(DATASETS), fill_value=0)).join(span)
    return table.reset_index()[COLUMNS].astype(dict.fromkeys((*DATASETS, "files", "misfits"), "int64"))
