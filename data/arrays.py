"""Arrays: list columns of the store as pandas holds them best, one NumPy array a row."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa


def arrays(lists: Any) -> pd.Series:
    """A list column as arrays, all of them views of one; a list that is null is empty."""
    flat: Any = pa.concat_arrays(lists.chunks) if isinstance(lists, pa.ChunkedArray) and lists.num_chunks else lists
    if isinstance(flat, pa.ChunkedArray):
        return pd.Series([], dtype=object)
    offsets, values = flat.offsets.to_numpy(), flat.values
    numbers = values.to_numpy(zero_copy_only=not pa.types.is_string(values.type))
    found = np.empty(len(flat), object)
    found[:] = [numbers[a:b] for a, b in pairwise(offsets)]
    return pd.Series(found, dtype=object)
