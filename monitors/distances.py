"""distances: how far a window's values lie from the reference's, on counts. No chance and no threshold here.

Every function takes all windows at once: `reference` of shape (groups,), or any shape that broadcasts, and `current` of shape
(..., groups), the same groups in the same order. A window without rows gives NaN. Numbers are counted on fine bins: bin 0 is
(-inf, e0], the next (e0, e1], the last (e_last, inf) (DESIGN.md §5). ks and wasserstein (`wasserstein.py`) use them as they are;
the others use fewer groups, which `groups` chooses, since each empty or rare group adds noise to them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.later import special

Counts = NDArray[Any]  # of numbers, integer or float
Floats = NDArray[np.float64]

FLOOR = 0.0001  # of a share, in psi: the value for an empty group depends on it, so pages state it


def groups(counts: Counts, number: int) -> NDArray[np.intp]:
    """Where to cut fine bins into groups of nearly equal share of the reference: the first bin of each group.

    Parameters
    ----------
    counts : shape (bins,), the reference's rows per fine bin, not all 0; the last bin lies past the greatest value.
    number : how many groups to aim at. Where quantiles coincide on a value that piles up, there are fewer.

    Returns
    -------
    shape (at most number,), ascending from 0, for `np.add.reduceat(counts, starts, axis=-1)`.

    Raises
    ------
    ValueError : the reference is empty.

    Notes
    -----
    Groups are (q[i-1], q[i]], q[i] being the smallest value with at least i/number of the rows at or below it: the inverted CDF,
    definition 1 of Hyndman and Fan (1996), The American Statistician 50(4). Ranks are rounded as NumPy rounds them, so the cuts
    are those of `np.quantile(..., method="inverted_cdf")` on the raw rows wherever those quantiles are edges.
    """
    total = counts.sum()
    if total <= 0:
        raise ValueError("the reference is empty")
    ranks = np.ceil(total * (np.arange(1, number) / number) - 1).clip(min=0) + 1
    ends = np.unique(np.searchsorted(np.cumsum(counts), ranks))
    starts: NDArray[np.intp] = np.r_[0, ends[ends < len(counts) - 1] + 1].astype(np.intp)
    return starts


def psi(reference: Counts, current: Counts) -> Floats:
    """Population stability index of each window's shares against the reference's.

    Parameters
    ----------
    reference, current : shapes (groups,) and (..., groups)
        Rows per group: 10 groups for numbers, or categories with `other` and `new`.

    Returns
    -------
    shape (...,), no unit, in nats: 0 for equal shares, at most 2 ln(10,000) = 18.4, NaN for a window without rows.

    Raises
    ------
    ValueError : the groups differ in number, a count is negative, or the reference is empty.

    Notes
    -----
    Sum of (q - p) ln(q / p), each share at least 0.0001 so that an empty group stays finite: Kullback and Leibler's J (1951),
    Ann. Math. Statist. 22(1), as Siddiqi (2006), Credit Risk Scorecards, uses it. Symmetric.
    """
    check_counts(reference, current)
    p, q = np.maximum(shares(reference), FLOOR), np.maximum(shares(current), FLOOR)
    index: Floats = ((q - p) * np.log(q / p)).sum(axis=-1)
    return index


def js(reference: Counts, current: Counts) -> Floats:
    """Jensen-Shannon distance, base 2, of each window's histogram from the reference's.

    Parameters
    ----------
    reference, current : shapes (groups,) and (..., groups)
        Rows per group: 20 groups for numbers, or categories with `other` and `new`.

    Returns
    -------
    shape (...,), no unit: 0 for equal shares, 1 when no group is shared, NaN for a window without rows. Good to 1e-7.

    Raises
    ------
    ValueError : the groups differ in number, a count is negative, or the reference is empty.

    Notes
    -----
    Root of the mean of two divergences in bits, of p and of q from (p + q) / 2: Lin (1991), IEEE Trans. Inf. Theory 37(1).
    A distance by Endres and Schindelin (2003), IEEE Trans. Inf. Theory 49(7).
    """
    check_counts(reference, current)
    p, q = shares(reference), shares(current)
    middle = (p + q) / 2
    divergence = (special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum(axis=-1) / (2 * np.log(2))
    # Near-equal histograms of 1e8 rows round to -1e-16. Its root would be NaN, which here means "no rows".
    distance: Floats = np.sqrt(np.clip(divergence, 0, 1))
    return distance


def hellinger(reference: Counts, current: Counts) -> Floats:
    """Hellinger distance of each window's shares from the reference's.

    Parameters
    ----------
    reference, current : shapes (groups,) and (..., groups)
        Rows per group: 20 groups for numbers, or categories with `other` and `new`.

    Returns
    -------
    shape (...,), no unit: 0 for equal shares, 1 when no group is shared, NaN for a window without rows.

    Raises
    ------
    ValueError : the groups differ in number, a count is negative, or the reference is empty.

    Notes
    -----
    Root of half the sum of (sqrt p - sqrt q)², rather than of 1 - sum of sqrt(p q), whose rounding looks like 1e-8 for equal
    shares: Le Cam and Yang (2000), Asymptotics in Statistics, chapter 3.
    """
    check_counts(reference, current)
    gaps = np.sqrt(shares(reference)) - np.sqrt(shares(current))
    distance: Floats = np.sqrt(np.clip((gaps**2).sum(axis=-1) / 2, 0, 1))
    return distance


def linf(reference: Counts, current: Counts) -> Floats:
    """The greatest change of any group's share.

    Parameters
    ----------
    reference, current : shapes (groups,) and (..., groups)
        Rows per group: 20 groups for numbers, or categories with `other` and `new`.

    Returns
    -------
    shape (...,), a share of the rows, 0 to 1, NaN for a window without rows.

    Raises
    ------
    ValueError : the groups differ in number, a count is negative, or the reference is empty.

    Notes
    -----
    Greatest |q - p|: the L-infinity distance that TensorFlow Data Validation uses for categories.
    """
    check_counts(reference, current)
    distance: Floats = np.abs(shares(reference) - shares(current)).max(axis=-1)
    return distance


def chi2(reference: Counts, current: Counts) -> Floats:
    """Cramér's V of the 2 × groups table of reference and window: chi-squared as a size of effect, free of the number of rows.

    Parameters
    ----------
    reference, current : shapes (groups,) and (..., groups)
        Rows per group: 10 groups for numbers, or categories with `other` and `new`. True numbers of rows, not shares: the
        reference is a sample too, so this is a test of homogeneity and not of fit.

    Returns
    -------
    shape (...,), no unit: 0 for equal shares, 1 when no group is shared, NaN for a window without rows. A window much smaller
    than its reference cannot reach high values other than by groups that the reference lacks.

    Raises
    ------
    ValueError : the groups differ in number, a count is negative, or the reference is empty.

    Notes
    -----
    Root of chi-squared / rows of both, without Yates's correction: Cramér (1946), Mathematical Methods of Statistics, 21.9.
    """
    check_counts(reference, current)
    both = reference.sum(axis=-1) + current.sum(axis=-1)
    effect: Floats = np.sqrt(np.clip(homogeneity(reference, current) / both, 0, 1))
    return effect


def chi2_p(reference: Counts, current: Counts) -> Floats:
    """Chance of a chi-squared at least as great if reference and window were drawn from one source.

    Parameters
    ----------
    reference, current : shapes (groups,) and (..., groups), as for `chi2`.

    Returns
    -------
    shape (...,), a probability; 1 when both are in one group, NaN for a window without rows. Good where groups hold 5 rows or
    more: rare groups make it too small or too great, as they do in every such test.

    Raises
    ------
    ValueError : the groups differ in number, a count is negative, or the reference is empty.

    Notes
    -----
    Groups empty on both sides take no degree of freedom: Pearson (1911), Biometrika 8, on two samples.
    """
    check_counts(reference, current)
    freedom = np.maximum((reference + current > 0).sum(axis=-1) - 1, 0)
    statistic = homogeneity(reference, current)
    chance: Floats = np.where(freedom > 0, special.chdtrc(np.maximum(freedom, 1), statistic), np.where(np.isnan(statistic), np.nan, 1.0))
    return chance


def ks(reference: Counts, current: Counts) -> Floats:
    """Kolmogorov-Smirnov distance: the greatest gap between the two cumulative shares.

    Parameters
    ----------
    reference, current : shapes (bins,) and (..., bins), rows per fine bin in ascending order.

    Returns
    -------
    shape (...,), a share of the rows, 0 to 1, NaN for a window without rows. Never above the value on the raw rows, and below
    it by at most the greatest share of the reference in a bin of some width: 1/200. Tied values count once, all together.

    Raises
    ------
    ValueError : the bins differ in number, a count is negative, or the reference is empty.

    Notes
    -----
    Kolmogorov (1933), Smirnov (1939); the two-sample statistic, taken at the bins' upper edges only.
    """
    check_counts(reference, current)
    distance: Floats = np.abs(gaps_at_edges(reference, current)).max(axis=-1)
    return distance


def ks_p(reference: Counts, current: Counts) -> Floats:
    """Chance of a Kolmogorov-Smirnov distance at least as great if both samples were drawn from one continuous source.

    Parameters
    ----------
    reference, current : shapes (bins,) and (..., bins), as for `ks`.

    Returns
    -------
    shape (...,), a probability, NaN for a window without rows. Where values are tied it is too great: on the safe side.

    Raises
    ------
    ValueError : the bins differ in number, a count is negative, or the reference is empty.

    Notes
    -----
    Kolmogorov's limit with Stephens's correction for few rows (1970), J. R. Statist. Soc. B 32(1), n being rows × rows / sum.
    Within 0.04 of the exact probability from 30 rows each, within 0.01 where that is below 0.1.
    """
    n = effective_rows(reference, current)
    chance: Floats = special.kolmogorov(ks(reference, current) * stephens(n))
    return chance


# ---- parts of the above ------------------------------------------------------------------------------------------------------


def check_counts(reference: Counts, current: Counts) -> None:
    if reference.shape[-1] != current.shape[-1]:
        raise ValueError(f"the groups differ in number: {reference.shape[-1]} in the reference, {current.shape[-1]} here")
    if (reference < 0).any() or (current < 0).any():
        raise ValueError("a count is negative")
    if (reference.sum(axis=-1) <= 0).any():
        raise ValueError("the reference is empty")


def shares(counts: Counts) -> Floats:
    """Rows per group as shares of all, NaN where there is none."""
    rows = counts.sum(axis=-1, keepdims=True)
    parts: Floats = counts / np.where(rows > 0, rows, np.nan)
    return parts


def homogeneity(reference: Counts, current: Counts) -> Floats:
    """Pearson's chi-squared of two samples: rows × rows × sum of (p - q)² / (counts of both), over groups that have rows."""
    both = reference + current
    terms = (shares(reference) - shares(current)) ** 2 / np.where(both > 0, both, 1)
    statistic: Floats = reference.sum(axis=-1) * current.sum(axis=-1) * terms.sum(axis=-1)
    return statistic


def cumulative(counts: Counts) -> Floats:
    """Share of the rows at or below each edge: shape (..., bins - 1)."""
    rows = counts.sum(axis=-1, keepdims=True)
    below: Floats = np.cumsum(counts[..., :-1], axis=-1) / np.where(rows > 0, rows, np.nan)
    return below


def gaps_at_edges(reference: Counts, current: Counts) -> Floats:
    return cumulative(reference) - cumulative(current)


def effective_rows(reference: Counts, current: Counts) -> Floats:
    rows, n = reference.sum(axis=-1), current.sum(axis=-1)
    effective: Floats = rows * n / np.where(n > 0, rows + n, 1)
    return effective


def stephens(rows: Floats) -> Floats:
    """What a Kolmogorov-Smirnov distance is multiplied by so that its limit holds with few rows too."""
    root = np.sqrt(np.maximum(rows, 1e-9))
    factor: Floats = root + 0.12 + 0.11 / root
    return factor
