"""What is counted of whole rows, not of a column: rows, repeats, failed requests, the last time; and which load brought them."""

import numpy as np
import pandas as pd
import pyarrow as pa

from data import outcomes
from data.bins import Source
from data.sql import quote
from data.store import Connection

SUM_WITHIN = 0.001  # of 1: probabilities written with three decimals still add up
OWN = ("_load", "_row", "_misfits", "_version", "_this")


def totals(cursor: Connection, rows: str, sets: str, label: str) -> pa.Table:
    """Profiles of column "": version, segment, window, rows, errors, bad_sums, last_time, and duplicates where they are counted.

    Parameters
    ----------
    rows : a SELECT of w, v, the segments and x, as `profile` makes it, x being `facts(source)`.
    sets, label : the grouping sets without x, and the name of a row's segment.
    """
    sql = f"""SELECT v AS version, {label} AS segment, w AS "window", count(*) AS rows, count_if(x.failed) AS errors,
        CASE WHEN count(x.bad_sum) > 0 THEN count_if(x.bad_sum) END AS bad_sums, max(x.at) AS last_time
        FROM ({rows}) GROUP BY GROUPING SETS ({sets})"""
    return cursor.execute(sql).to_arrow_table()


def facts(source: Source) -> str:
    """Of a row: whether its request failed, whether its probabilities miss 1, and when it came."""
    time = source.roles.timestamp
    at = quote(time) if time is not None and time in source.types else "NULL::TIMESTAMPTZ"
    return f"{{'failed': {failed(source)}, 'bad_sum': {bad_sum(source)}, 'at': {at}}}"


def failed(source: Source) -> str:
    """Whether a request failed: by its status; where that is null or there is none, if it has neither a score nor a prediction (null, which
    NaN is not), though the log has columns for them. So a request that timed out is an error, though it has no latency to be slow."""
    outputs = [quote(c) for c in (source.roles.score, source.roles.prediction) if c is not None and c in source.types]
    empty = f"({' AND '.join(f'{c} IS NULL' for c in outputs)})" if outputs else "false"
    status = source.roles.status
    return outcomes.failed(status, empty) if status is not None and status in source.types else empty


def bad_sum(source: Source) -> str:
    """Whether the probabilities of a row do not add up to 1. A row that lacks one, or has NaN or infinity in one, is told by that."""
    names = [quote(c) for c in source.roles.probabilities if source.types.get(c) == "DOUBLE"]
    if not names:
        return "NULL::BOOLEAN"
    finite = " AND ".join(f"isfinite({c})" for c in names)
    return f"coalesce({finite} AND abs({' + '.join(names)} - 1) > {SUM_WITHIN}, false)"


def duplicates(cursor: Connection, source: Source, window: str, version: str, condition: str) -> pd.DataFrame:
    """Rows that stand in a window again: version, window, duplicates. By inference_id where there is one, else by all of the row.

    a, a, a, b, c: 2, the rows more than there are distinct ones.
    """
    key = source.roles.inference_id
    names = [key] if key is not None and key in source.types else [c for c in source.types if c not in OWN]
    # 8 bytes a row instead of the key itself; one in 10^7 windows of a million rows counts a repeat that is none.
    sql = f"""SELECT {version} AS version, {window} AS "window", count(*) - count(DISTINCT hash({", ".join(map(quote, names))})) AS duplicates
        FROM {source.rows} WHERE {condition} GROUP BY 1, 2"""
    return cursor.execute(sql).df().astype({"duplicates": np.int64})


def parts(cursor: Connection, source: Source, window: str, version: str, condition: str) -> pd.DataFrame:
    """How many rows of each window and version came with which load: version, window, load, rows."""
    sql = f"""SELECT {version} AS version, {window} AS "window", _load AS load, count(*) AS rows
        FROM {source.rows} WHERE {condition} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
    return cursor.execute(sql).df()
