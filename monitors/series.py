"""Series: which measurements belong together and in what order, told by numbers, so that a year of them takes milliseconds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
WINDOWS = ("other", "hour", "day", "week", "month")  # by their length; `other` is no window of a rule
HOUR = 3_600_000_000  # in µs, the unit of times here


def codes(names: pd.Series) -> tuple[Ints, list[str]]:
    """The place of each name among the sorted names, -1 where there is none; and the sorted names."""
    if isinstance(names.dtype, pd.CategoricalDtype):
        found, uniques = names.cat.codes.to_numpy(), names.cat.categories
    else:
        found, uniques = pd.factorize(names)
    texts = [str(name) for name in uniques]
    order = sorted(range(len(texts)), key=texts.__getitem__)
    place = np.full(len(texts) + 1, -1, dtype=np.int64)  # the last entry is what -1 points at
    place[order] = np.arange(len(texts))
    return place[found], [texts[i] for i in order]


def keys(parts: Sequence[Ints]) -> Ints:
    """One number for each row's combination of codes, which sorts as the parts do, the first before the others."""
    total, size = np.zeros(len(parts[0]), dtype=np.int64), 1
    for part in parts:
        span = int(part.max(initial=-1)) + 2  # codes start at -1
        if size * span >= 2**62:  # more combinations than numbers: keep those that occur
            total = np.unique(total, return_inverse=True)[1]
            size = int(total.max(initial=0)) + 1
        total, size = total * span + (part + 1), size * span
    return total


def in_order(key: Ints, begin: Ints) -> Ints:
    """The rows by key and then by time; quick when they are in order already, as what `judge` gives is."""
    if not np.any((key[1:] < key[:-1]) | ((key[1:] == key[:-1]) & (begin[1:] < begin[:-1]))):
        return np.arange(len(key))
    return np.lexsort((begin, key)).astype(np.int64)


def begins(key: Ints) -> NDArray[np.bool_]:
    """In sorted keys: where another series begins."""
    return np.concatenate((np.ones(min(len(key), 1), dtype=bool), key[1:] != key[:-1]))


def window_codes(begin: Ints, end: Ints) -> Ints:
    """Which of WINDOWS each row is, by its length; a month has 28 to 31 days."""
    hours, rest = np.divmod(end - begin, HOUR)
    month = (hours >= 28 * 24) & (hours <= 31 * 24)
    names = [rest != 0, hours == 1, hours == 24, hours == 7 * 24, month]
    return np.select(names, [0, 1, 2, 3, 4], 0).astype(np.int64)


def micros(times: pd.Series) -> Ints:
    """Times as µs since 1970, UTC."""
    return times.to_numpy(dtype="datetime64[us]").astype(np.int64)
