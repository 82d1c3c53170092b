"""noise: what each distance reads when nothing has changed and only so many rows were seen. Seeded, so the same in every process.

Of n rows drawn from the reference, most distances shrink as 1 / sqrt(n), psi as 1 / n. Multiplied by that law they hardly depend
on n, and not at all once every group has some 10 rows. So they are drawn for a few n, and what lies between is interpolated.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from data.later import special
from monitors.distances import Counts, Floats, cumulative, shares, stephens
from monitors.wasserstein import Numbers, at_upper_edge, deviation

DRAWS = 200  # the 95th percentile of so many is good to some 5 %
LEVEL = 0.95
SIZES = (8, 16, 32, 64, 128, 256, 512, 2048, 8192, 32768)  # rows of the samples; psi is uneven while groups are empty by chance
FULL = 10  # rows in the rarest group, from which a larger sample tells nothing new


@dataclass(frozen=True, slots=True)
class Curve:
    """The noise of some metrics, by number of rows: `scaled` values of shape (numbers of rows,), flat beyond both ends."""

    rows: Floats
    scaled: Mapping[str, Floats]
    reference_rows: float


def seed(*names: str) -> int:
    """A seed from names: `hash` would differ from process to process."""
    return zlib.crc32("|".join(names).encode())


def floors(curve: Curve, rows: Counts) -> dict[str, Floats]:
    """The noise of each metric of a curve at numbers of rows, shape (...,); NaN at 0 rows, and below 8 rows the value at 8."""
    n = np.where(rows > 0, np.maximum(rows, curve.rows[0]), np.nan).astype(float)
    return {
        metric: np.interp(np.log(n), np.log(curve.rows), scaled) / growth(metric, n, curve.reference_rows)
        for metric, scaled in curve.scaled.items()
    }


def growth(metric: str, rows: Floats, reference_rows: float) -> Floats:
    """The law by which a metric's noise shrinks: multiplied by it, it stays the same once there are rows enough."""
    if metric == "psi":
        return rows
    if metric == "ks":
        return stephens(rows)
    if metric == "chi2":  # Cramér's V divides by the rows of both samples, and the reference's stay as they are
        grown: Floats = (rows + reference_rows) / np.sqrt(reference_rows)
        return grown
    root: Floats = np.sqrt(rows)
    return root


def of_share(share: Floats, rows: Floats) -> Floats:
    """The 95th percentile of the share that chance gives among so many rows; 0 where the true share is 0, NaN where it is not known.

    Exact: the least k of which the binomial distribution reaches 0.95, over the rows.
    """
    inside = (share > 0) & (share < 1) & (rows > 0)
    high = np.ceil(special.bdtrik(LEVEL, np.where(inside, rows, 1), np.where(inside, share, 0.5)) - 1e-9)
    found: Floats = np.where(inside, np.clip(high, 0, rows) / np.maximum(rows, 1), share)
    return found


def grouped(reference: Counts, distances: Callable[[Counts, Counts], Mapping[str, Floats]], start: int) -> Curve:
    """The noise of distances between groups: the 95th percentile of 200 samples from the reference, for each number of rows.

    Parameters
    ----------
    reference : shape (groups,), rows per group, not all 0.
    distances : gives metric -> values, shape (...,), of the reference's counts and of the samples', shape (..., groups).
    start : seed.

    Returns
    -------
    Curve from 8 rows to as many as give the rarest group 10, at most 32,768. Good to some 5 %; psi to 15 %, and 40 % near
    the number of rows from which no group is empty by chance (50 for ten equal ones).

    Notes
    -----
    Samples are multinomial with the reference's shares; the reference itself is taken as it is. Close to n × psi being
    chi-squared where groups are full, which the tests use, and right where they are not.
    """
    random = np.random.default_rng(start)
    p, total = shares(reference), float(reference.sum())
    enough = int(np.searchsorted(SIZES, FULL / p[p > 0].min())) + 1
    samples = np.stack([random.multinomial(size, p, size=DRAWS) for size in SIZES[:enough]])
    n = np.array(SIZES[:enough], dtype=float)
    high = {metric: np.quantile(values, LEVEL, axis=-1) for metric, values in distances(reference, samples).items()}
    return Curve(n, {metric: values * growth(metric, n, total) for metric, values in high.items()}, total)


def ordered(reference: Numbers, edges: Floats, start: int) -> Curve:
    """The noise of ks and of wasserstein: the 95th percentile over 200 Brownian bridges through the reference's fine bins.

    Parameters
    ----------
    reference : Numbers of one sample, not empty; edges : shape (bins - 1,); start : seed.

    Returns
    -------
    Curve of one point, since sqrt(n) × (sampled - true cumulative share) hardly depends on n; ks with Stephens's correction.
    wasserstein is NaN where the reference does not vary. Good to 10 % from 20 rows; with heavy tails to 20 %.

    Notes
    -----
    Donsker's theorem (1952), Ann. Math. Statist. 23(2). On the reference's own bins, so right for tied values as well, for which
    Kolmogorov's table is too high: a column of two values reads 0.98 / sqrt(n) and not 1.36 / sqrt(n).
    """
    spread = float(deviation(reference, edges))
    bridged = bridges(reference, edges, DRAWS, start)
    scaled = {metric: np.quantile(values, [LEVEL]) for metric, values in bridged.items()}
    scaled["wasserstein"] /= spread if spread > 0 else np.nan
    return Curve(np.array([8.0]), scaled, float(reference.counts.sum()))


def bridges(reference: Numbers, edges: Floats, draws: int, start: int) -> dict[str, Floats]:
    """What `ordered` draws: the greatest gap (ks) and the area (wasserstein, in the column's unit) of each bridge, shape (draws,)."""
    random = np.random.default_rng(start)
    p = shares(reference.counts)
    steps = random.standard_normal((draws, len(p))) * np.sqrt(p)
    paths = np.cumsum(steps[:, :-1], axis=1) - cumulative(reference.counts) * steps.sum(axis=1, keepdims=True)
    high = np.abs(paths)
    # A bridge that changes its sign within a bin has less area there; with 200 bins that is nothing.
    right = np.where(at_upper_edge(reference, edges), high[:, :-1], high[:, 1:])
    areas: Floats = (high[:, :-1] + right) @ np.diff(edges) / 2
    return {"ks": high.max(axis=1), "wasserstein": areas}
