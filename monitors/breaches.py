"""breaches: what of a schema was broken, ranked, from judged measurements. Pure: tables in, tables out."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from monitors.alerts import alerts
from monitors.summaries import present

# Their value is not a share of rows, so it counts no rows that are broken.
WITHOUT_ROWS = ("rows_ratio", "freshness_hours")
COLUMNS = [
    "severity",
    "metric",
    "column",
    "version",
    "segment",
    "start",
    "end",
    "windows",
    "peak",
    "threshold",
    "state",
    "broken",
    "of",
]


def violations(judged: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """Every run of breaching windows with the rows that broke the invariant: COLUMNS, the worst first.

    Parameters
    ----------
    judged : what `judge` gave for the schema's metrics. versions : see `summaries.present`.

    Returns
    -------
    broken, of : rows of the breaching windows; NaN where the metric counts none. Open ones come first, then the critical, then the
    share of rows that are broken, then the latest.
    """
    found = present(alerts(judged), versions)
    rows = judged["rows"].to_numpy(float)
    breaching = judged.assign(broken=np.round(judged["value"].to_numpy(float) * rows), of=rows)[judged["level"].to_numpy() > 0]
    keys = ["metric", "column", "version", "segment"]
    series = dict(iter(breaching.groupby(keys, observed=True)))
    sums = []
    for alert in found.to_dict("records"):
        own = series[tuple(alert[key] for key in keys)]
        inside = own[(own["window_start"] >= alert["start"]) & (own["window_end"] <= alert["end"])]
        counts = alert["metric"] not in WITHOUT_ROWS
        sums.append((inside["broken"].sum(), inside["of"].sum()) if counts else (np.nan, np.nan))
    found[["broken", "of"]] = pd.DataFrame(sums, columns=["broken", "of"], index=found.index).astype(float)
    share = (found["broken"] / found["of"]).fillna(0)
    order = found.assign(share=share, is_open=found["state"] == "open", is_critical=found["severity"] == "critical")
    order = order.sort_values(["is_open", "is_critical", "share", "start"], ascending=False, kind="stable")
    return order[COLUMNS].reset_index(drop=True)


def with_loads(found: pd.DataFrame, parts: pd.DataFrame, files: Mapping[int, str]) -> pd.DataFrame:
    """Violations with `loads`: the files that brought rows of their windows and version, the first first.

    Parameters
    ----------
    parts : version, window_start, window_end, load, rows. files : load → the name of its file.
    """
    told = []
    for row in found.to_dict("records"):
        inside = (parts["window_end"] > row["start"]) & (parts["window_start"] < row["end"])
        own = parts[inside & (parts["version"] == row["version"])] if row["version"] else parts[inside]
        loads = list(dict.fromkeys(own.sort_values(["window_start", "load"])["load"].tolist()))
        told.append(
            ", ".join(files.get(int(load), f"load {load}") for load in loads[:2])
            + (f" and {len(loads) - 2} more" if len(loads) > 2 else "")
        )
    return found.assign(loads=told)


def together(found: pd.DataFrame) -> pd.DataFrame:
    """Violations with `columns`, those of several columns that broke alike at once as one: a feed that fails takes all of its columns along.

    Those of one metric, version, segment, span and severity are one; its `broken` and `peak` are the greatest, in the place of the first.
    """
    keys = ["severity", "metric", "version", "segment", "start", "end", "state"]
    groups = found.groupby(keys, sort=False, observed=True)
    first = found.drop_duplicates(keys).reset_index(drop=True)
    listed = groups["column"].agg(tuple).reset_index(drop=True)
    return first.assign(columns=listed, broken=groups["broken"].max().to_numpy(), peak=groups["peak"].max().to_numpy())
