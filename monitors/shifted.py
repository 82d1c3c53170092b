"""What a value looks like: a reference whose high (or rare) values come more often, until a distance has exactly this value."""

from dataclasses import dataclass

import numpy as np

from monitors import drift
from monitors.distances import Floats
from monitors.wasserstein import Numbers

STEEPEST = 200.0  # by then all rows are in the last bin
GRID, ROUNDS = 60, 5  # each round narrows the range 60 times


@dataclass(frozen=True, slots=True)
class Shifted:
    """A shifted copy of a reference.

    counts : rows on the reference's own bins. value : of the metric, the one asked for or, where that cannot be had, the greatest.
    moved : of numbers, how far the mean moved, in standard deviations of the reference; NaN for categories.
    before, after : the mean of numbers, else the share of the most frequent category.
    """

    counts: Floats
    value: float
    moved: float
    before: float
    after: float


def shifted(reference: Numbers, edges: Floats | None, metric: str, value: float, rows: float) -> Shifted | None:
    """A copy of the reference of which `metric`, one of drift's, has this value.

    Parameters
    ----------
    reference : the whole reference; of categories its counts alone.
    edges : of the bins of numbers; None for categories.
    rows : of the copy; only chi2 depends on it, a little.

    Returns
    -------
    None where nothing can be shifted: no rows, all in one bin, or a metric that is not for categories.

    Each bin's share is multiplied by exp(steepness · u), u being the middle of its rank among the rows (of categories, the most frequent
    first): an exponential family, so that every distance grows with the steepness, the support stays, and a normal column moves as a whole.
    """
    counts = reference.counts.astype(float)
    base = drift.baseline(reference, edges, 0, ())  # no noise is asked for, so no chance is drawn
    if counts.sum() <= 0 or (counts > 0).sum() < 2 or (edges is None and metric in drift.NUMBERS_ONLY):
        return None
    order = np.arange(len(counts)) if edges is not None else np.argsort(-counts, kind="stable")
    share = counts / counts.sum()
    rank = np.empty(len(counts))
    rank[order] = np.cumsum(share[order]) - share[order] / 2
    found = [_searched(reference, edges, base, one, (metric, value, rows)) for one in (rank, 1 - rank)]
    # High values more often, unless that cannot give the value: most of the column may be at its highest already.
    made, reached = found[0] if found[0][1] >= value * (1 - 1e-6) or not found[1][1] > found[0][1] else found[1]
    if np.isnan(reached):
        return None
    if edges is None:
        top = int(np.argmax(counts))
        return Shifted(made.counts[0], reached, np.nan, share[top], float(made.counts[0][top] / rows))
    mean, after = float(reference.sum) / counts.sum(), float(made.sum[0]) / rows
    deviation = np.sqrt(max(float(reference.sum_squares) / counts.sum() - mean**2, 0.0))
    return Shifted(made.counts[0], reached, (after - mean) / deviation if deviation else np.nan, mean, after)


def _searched(
    reference: Numbers, edges: Floats | None, base: drift.Baseline, rank: Floats, asked: tuple[str, float, float]
) -> tuple[Numbers, float]:
    """The least steep copy whose metric has the value, else the one that comes nearest to it, and its value."""
    metric, value, rows = asked
    low, high = 0.0, STEEPEST
    for _ in range(ROUNDS):
        steepness = np.linspace(low, high, GRID + 1)
        values = drift.distances(reference, _copies(reference, edges, rank, steepness, rows), base)[0][metric]
        if np.isnan(values).all():
            break
        at = int(np.argmax(values >= value)) if (values >= value).any() else int(np.nanargmax(values))
        low, high = steepness[max(at - 1, 0)], steepness[at]
    made = _copies(reference, edges, rank, np.array([high]), rows)
    return made, float(drift.distances(reference, made, base)[0][metric][0])


def _copies(reference: Numbers, edges: Floats | None, rank: Floats, steepness: Floats, rows: float) -> Numbers:
    """The reference with each of these steepnesses: shape (steepness, bins). Within a bin nothing moves, so its sum grows with its rows."""
    weight = reference.counts * np.exp(steepness[:, None] * (rank - 1))
    counts = weight * (rows / weight.sum(axis=1, keepdims=True))
    if edges is None:
        blank = np.full(len(steepness), np.nan)
        return Numbers(counts, blank, blank, blank, blank, blank, blank)
    with np.errstate(invalid="ignore", divide="ignore"):
        more = np.nan_to_num(counts / reference.counts)  # of a bin without rows: 0
    sums, squares = _sums(reference, edges)
    low, high = (np.broadcast_to(end, len(steepness)) for end in (reference.low, reference.high))
    return Numbers(counts, more @ sums, more @ squares, low, high, reference.below * more[:, 0], reference.above * more[:, -1])


def _sums(reference: Numbers, edges: Floats) -> tuple[Floats, Floats]:
    """About the sum of values and of their squares in each bin: rows times the middle, all together made what the whole has."""
    ends = np.concatenate(([float(reference.low)], edges, [float(reference.high)]))
    middle = (ends[:-1] + ends[1:]) / 2
    # The last value of a bin is in it, so where values are few and each is an edge, the bin holds the edge alone.
    middle[:-1] = np.where(reference.counts[:-1] > 0, np.where(len(edges) <= 200, edges, middle[:-1]), middle[:-1])
    sums = reference.counts * middle
    sums[0], sums[-1] = float(reference.below), float(reference.above)
    lacking, inner = float(reference.sum) - sums.sum(), reference.counts.copy().astype(float)
    inner[[0, -1]] = 0
    sums = sums + (inner * (lacking / inner.sum()) if inner.sum() else 0)
    return sums, reference.counts * middle**2
