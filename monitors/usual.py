"""What is usual: what the reference's own windows give. One number of rows and windows says for all monitors from when on that is known."""

from typing import Any

import pandas as pd

ENOUGH_ROWS, ENOUGH_WINDOWS = 30, 3  # of a window, and of windows that have so many
LEVEL = 0.95  # of windows that stay within what is usual


def usual_level(groups: Any, level: float = LEVEL) -> "pd.Series[float]":
    """A quantile of each group of values (a grouped Series) that has windows enough."""
    found: pd.Series[float] = groups.quantile(level)[groups.size() >= ENOUGH_WINDOWS]
    return found
