"""two_shares: how far chance could have moved a share, and a difference or a ratio of two; a mean as well. All of 95 %."""

import numpy as np
from numpy.typing import NDArray

from monitors.intervals import wilson

Floats = NDArray[np.float64]
Z = 1.959963984540054  # of a two-sided 95 %


def of_share(hits: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Wilson's interval of a share; NaN without rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return wilson(hits / rows, rows, Z)


def of_difference(hits: Floats, rows: Floats, other_hits: Floats, other_rows: Floats) -> tuple[Floats, Floats]:
    """Newcombe's interval of the first share less the second; NaN where either has no rows.

    Notes
    -----
    Method 10 of Newcombe (1998), Statistics in Medicine 17(8): from the Wilson intervals of both shares.
    """
    (low, high), (other_low, other_high) = of_share(hits, rows), of_share(other_hits, other_rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = hits / rows, other_hits / other_rows
    return p - q - np.hypot(p - low, other_high - q), p - q + np.hypot(high - p, q - other_low)


def of_ratio(hits: Floats, rows: Floats, other_hits: Floats, other_rows: Floats) -> tuple[Floats, Floats]:
    """The interval of the first share over the second, by their logarithms; NaN where either has no rows.

    Notes
    -----
    Katz et al. (1978), Biometrics 34(3). Where a share is 0, half a hit and half a row are added to each side, as Walter (1975) does,
    Biometrika 62(2); the lower end is then 0 if the first share is.
    """
    more = np.where((hits == 0) | (other_hits == 0), 0.5, 0.0)
    a, n, b, m = hits + more, rows + more, other_hits + more, other_rows + more
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = np.log(a / n) - np.log(b / m)
        half = Z * np.sqrt(np.maximum(1 / a - 1 / n + 1 / b - 1 / m, 0))
        low, high = np.exp(middle - half), np.exp(middle + half)
    there = (rows > 0) & (other_rows > 0)
    return np.where(there, np.where(hits == 0, 0.0, low), np.nan), np.where(there, high, np.nan)


def of_mean(mean: Floats, squares: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """The interval of a mean by its standard error; `squares` is the mean of the squared values; NaN below two rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        half = Z * np.sqrt(np.maximum(squares - mean**2, 0) / np.where(rows > 1, rows - 1, np.nan))
    return mean - half, mean + half
