"""breaks: which numbers broke, when first and last, and in how many rows; from judged measurements of stability."""

import pandas as pd

from monitors.stability import RATES

KEYS = ["version", "metric", "column", "segment"]
COLUMNS = [*KEYS, "level", "first", "first_end", "last", "windows", "rows", "of", "peak"]
# What the rows are called in which a metric is not 0.
KINDS = {"nan_rate": "NaN", "inf_rate": "infinite", "score_range_rate": "out-of-range", "sum_rate": "mis-added"}


def breaks(judged: pd.DataFrame) -> pd.DataFrame:
    """One row for each number, metric and version that broke: the critical first, then the latest.

    Parameters
    ----------
    judged : judged measurements of the monitor, of windows of one length.

    Returns
    -------
    level : the worst. first, first_end : the first window in which it broke; last : the end of the last one. windows : in how many.
    rows, of : how many rows broke in these windows, of how many; the windows' rows for `constant` and `magnitude`. peak : the greatest value.

    A rate broke where it is not 0, whatever its limits; `constant` and `magnitude` where they breach them.
    """
    is_rate = judged["metric"].isin(RATES)
    broke = judged[(is_rate & (judged["value"] > 0)) | (~is_rate & (judged["level"] > 0))]
    hit = (broke["value"] * broke["rows"]).round().where(broke["metric"].isin(RATES), broke["rows"])
    first = broke.assign(hit=hit).sort_values("window_start", kind="stable")
    groups = first.groupby(KEYS, observed=True, sort=True)
    found = groups.agg(
        level=("level", "max"), first=("window_start", "first"), first_end=("window_end", "first"), last=("window_end", "last"),
        windows=("value", "size"), rows=("hit", "sum"), of=("rows", "sum"), peak=("value", "max"),
    )  # fmt: skip
    found = found.reset_index().astype({"rows": "int64", "of": "int64", "windows": "int64", "level": "int64"} | dict.fromkeys(KEYS, "str"))
    return found.sort_values(["level", "last"], ascending=False, kind="stable", ignore_index=True)[COLUMNS]


def whole(judged: pd.DataFrame, broken: pd.DataFrame) -> pd.DataFrame:
    """The numbers that did not break, by name: column, level (0, or -1 where nothing could be measured) and then the `reason`."""
    rest = judged[~judged["column"].isin(broken["column"])].astype({"column": "str"})
    groups = rest.groupby("column")
    found = pd.DataFrame({"level": groups["value"].count().gt(0).astype("int64") - 1, "reason": groups["reason"].first()})
    return found.assign(reason=found["reason"].where(found["level"] < 0)).reset_index()


def in_one_span(first: pd.Timestamp, last: pd.Timestamp, inside: int, rows: int, others: int, kind: str) -> str | None:
    """`All 200 rows between … and …`, where nearly all rows of a span of time broke and many outside it did not; else None.

    Parameters
    ----------
    first, last : the times of the first and last row that broke; inside : how many rows of any kind there are between; rows : that broke;
    others : that did not, in the windows that were looked at.
    """
    if rows < 2 or rows < 0.9 * inside or others < rows / 10:
        return None
    all_of = f"All {inside:,}" if inside == rows else f"{rows:,} of the {inside:,}"
    start, end = (f"{time.day} {time:%b %Y, %H:%M}" for time in (first, last))
    return f"{all_of} rows between {start} and {end} UTC are {kind}, and none before or after: look at what was changed then"
