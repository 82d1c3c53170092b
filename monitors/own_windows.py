"""own_windows: which of a reference's own windows the limits of a series are told by, and from when on.

They stand among the measurements: `dataset` "reference", or for a new normal that people accepted `normal 2026-02-16T00:00:00+00:00`, by the day from
which it is one. A reference that versions share has no version, and rules those that have none of their own.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import series as s
from monitors.series import Ints

EVER = int(np.iinfo(np.int64).min)  # since when a reference rules
NORMAL = "normal "


def dataset(start: pd.Timestamp) -> str:
    """What stands in the column `dataset` for the windows of a new normal."""
    return f"{NORMAL}{start.tz_convert('UTC').isoformat()}"


def of_series(
    measurements: pd.DataFrame, own: Ints, first: Ints, coded: dict[str, tuple[Ints, list[str]]], window: Ints
) -> tuple[Ints, Ints, Ints]:
    """Rows of `measurements`, the series that each is for, and since when (µs); one of a shared reference stands there for each of its series.

    Parameters
    ----------
    own : rows of references. first : of each series, in order, a row of the log. coded : of each field of the scope, codes and names. window : codes.
    """
    key = s.keys([*(codes for codes, _ in coded.values()), window])
    since = _since(measurements["dataset"].iloc[own]) if len(own) else np.zeros(0, np.int64)
    direct = np.isin(key[own], key[first])  # series that the log does not have are left out
    series = np.searchsorted(key[first], key[own[direct]])
    versions, names = coded["version"]
    shared = own[(since == EVER) & (versions[own] == (names.index("") if "" in names else -2))]
    if not len(shared):
        return own[direct], series, since[direct]
    version = s.keys([coded["model"][0], versions])
    lacking = np.flatnonzero(~np.isin(version[first], version[own[since == EVER]]))  # of versions without a reference of their own
    rest = s.keys([*(codes for field, (codes, _) in coded.items() if field != "version"), window])
    lacking = lacking[np.argsort(rest[first[lacking]], kind="stable")]
    left, right = (np.searchsorted(rest[first[lacking]], rest[shared], side=side) for side in ("left", "right"))
    many = right - left
    place = np.repeat(left - np.cumsum(many) + many, many) + np.arange(many.sum())
    rows = np.concatenate([own[direct], np.repeat(shared, many)])
    return rows, np.concatenate([series, lacking[place]]), np.append(since[direct], np.full(many.sum(), EVER))


def _since(datasets: pd.Series) -> NDArray[np.int64]:
    codes, names = s.codes(datasets)
    times = [int(pd.Timestamp(name.removeprefix(NORMAL)).value // 1000) if name.startswith(NORMAL) else EVER for name in names]
    return np.array([*times, EVER], dtype=np.int64)[codes]
