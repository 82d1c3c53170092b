"""wasserstein: how far values moved, in standard deviations of the reference, from counts on fine bins and a few sums."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitors.distances import Counts, Floats, check_counts, cumulative, shares


@dataclass(frozen=True, slots=True)
class Numbers:
    """The finite values of a column in one window, or in many: all that wasserstein needs of them.

    counts has shape (..., bins); sum, sum_squares, low and high (least and greatest value), below and above (sums of the values
    up to the lowest edge and past the highest) have shape (...,).
    """

    counts: Counts
    sum: Floats
    sum_squares: Floats
    low: Floats
    high: Floats
    below: Floats
    above: Floats


def wasserstein(reference: Numbers, current: Numbers, edges: Floats) -> Floats:
    """Wasserstein-1 (earth mover's) distance, in standard deviations of the reference.

    Parameters
    ----------
    reference, current : Numbers of shapes () and (...,), or any that broadcast
        counts on the same fine bins.
    edges : shape (bins - 1,), ascending; those of the reference.

    Returns
    -------
    shape (...,), in population standard deviations of the reference, 0 and up; NaN for a window without rows and where the
    reference does not vary. Within 5 % or 0.02, whichever is larger, of the value on the raw rows.

    Raises
    ------
    ValueError : the bins differ in number, a count is negative, or the reference is empty.

    Notes
    -----
    The area between the two cumulative shares: Vallender (1974), Theory Probab. Appl. 18(4). Where the rows of a bin lie:
    - past the outer edges nothing is assumed, since the sums of those values are known and the reference has none there;
    - in a bin of no width (a value that piles up has the next smaller float as an edge before it) they are that value;
    - where every reference value is an edge (few distinct values; its sum then tells so), they are the bin's upper edge, or as
      far below it, all alike, as the sum of the window's values says;
    - in every other bin they are spread evenly: a window's between its own least and greatest value only, and on the part of
      the bins that the sum of its values asks for.
    The distance is never below the difference of the means, which is known exactly and settles windows of one value.
    """
    check_counts(reference.counts, current.counts)
    if len(edges) != current.counts.shape[-1] - 1:
        raise ValueError(f"{len(edges)} edges do not part {current.counts.shape[-1]} bins")
    rows, n = reference.counts.sum(axis=-1), current.counts.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = reference.sum / rows, current.sum / n
        # Sums of equal values differ in the last digits with the order in which they were added: no distance.
        apart = np.abs(means[0] - means[1]) - 1e-12 * (np.abs(means[0]) + np.abs(means[1]))
        area = within(reference, current, edges) + np.abs(tails(reference, edges) - tails(current, edges)).sum(axis=-1)
        spread = deviation(reference, edges)
        distance: Floats = np.maximum(area, apart) / np.where(spread > 0, spread, np.nan)
    return distance


def deviation(numbers: Numbers, edges: Floats) -> Floats:
    """Population standard deviation, shape (...,), 0 where all values are equal.

    From the sums; where the mean is so great beside the deviation that they cancel (times in seconds), from the middles of bins.
    """
    rows = numbers.counts.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        squared_mean = (numbers.sum / rows) ** 2
        variance = numbers.sum_squares / rows - squared_mean
        middles = np.r_[edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:]]
        p = shares(numbers.counts)
        offsets = middles - (p * middles).sum(axis=-1, keepdims=True)
        rough = (p * offsets**2).sum(axis=-1)
    cancelled = variance <= 1e-7 * squared_mean
    spread: Floats = np.sqrt(np.where(numbers.low == numbers.high, 0.0, np.where(cancelled, rough, variance)))
    return spread


def tails(numbers: Numbers, edges: Floats) -> Floats:
    """How far the values past the outer edges reach beyond them, as a mean over all rows: shape (..., 2)."""
    rows = numbers.counts.sum(axis=-1)
    low = numbers.counts[..., 0] * edges[0] - numbers.below
    high = numbers.above - numbers.counts[..., -1] * edges[-1]
    outside = np.stack([low, high], axis=-1) / np.where(rows > 0, rows, np.nan)[..., None]
    beyond: Floats = np.maximum(outside, 0)
    return beyond


def within(reference: Numbers, current: Numbers, edges: Floats) -> Floats:
    """Area between the cumulative shares from the first edge to the last: shape (...,)."""
    f, g = cumulative(reference.counts), cumulative(current.counts)
    a, b = edges[:-1], edges[1:]
    steps = at_upper_edge(reference, edges)
    begin, end = occupied(reference, current, edges, steps)
    # Up to `begin` only the reference grows, then both, past `end` the reference again: three straight lines in every bin.
    # Fractions of the width and not slopes, since the bin below 0 is 5e-324 wide.
    width = np.where(b > a, b - a, 1)
    growth = np.where(steps, 0.0, np.diff(f, axis=-1))
    gap = f[..., :-1] - g[..., :-1]
    at_begin = gap + growth * ((begin - a) / width)
    at_end = f[..., :-1] + growth * ((end - a) / width) - g[..., 1:]
    before_b = f[..., :-1] + growth - g[..., 1:]
    area = (
        (begin - a) * mean_gap(gap, at_begin)
        + (end - begin) * mean_gap(at_begin, at_end)
        + (b - end) * mean_gap(at_end, before_b)
    )
    total: Floats = area.sum(axis=-1)
    return total


def occupied(reference: Numbers, current: Numbers, edges: Floats, steps: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Where in each inner bin the window's rows lie, evenly spread from `begin` to `end`: two arrays of shape (..., bins - 2).

    Between the least and the greatest value of the window; and towards one end of the bins as far as the sum of the window's
    values asks for it. Both beyond what the reference's own values ask for, which are taken to fill their bins: so equal counts
    and sums are no distance. (The reference of a segment ends within bins, as these are those of the whole.)
    """
    a, b = edges[:-1], edges[1:]
    begin, end = (np.clip(value[..., None], a, b) for value in (current.low, current.high))
    least, most = (np.clip(value[..., None], a, b) for value in (reference.low, reference.high))
    held = reference.counts[..., 1:-1] > 0
    starts, stops = held & (least > a), held & (most < b)
    begin = np.where(starts, a + (b - a) * (np.maximum(begin - least, 0) / np.where(least < b, b - least, 1)), begin)
    end = np.where(stops, b - (b - a) * (np.maximum(most - end, 0) / np.where(most > a, most - a, 1)), end)
    begin = np.minimum(begin, end)
    moved = (lean(current, begin, end, steps) - lean(reference, a, b, steps))[..., None]
    width = end - begin
    end = end + width * np.clip(moved, -1, 0)
    return np.where(steps, end, begin + width * np.clip(moved, 0, 1)), end


def lean(numbers: Numbers, begin: Floats, end: Floats, steps: NDArray[np.bool_]) -> Floats:
    """How far towards `begin` (-1) or `end` (1) the values lie on average; 0 is the middle, at a step the end. Shape (...,)."""
    inner = numbers.counts[..., 1:-1]
    width = end - begin
    excess = numbers.sum - numbers.below - numbers.above - (inner * (end - np.where(steps, 0, width / 2))).sum(axis=-1)
    down = np.expand_dims(excess < 0, -1)
    room = (inner * width * np.where(steps, down, 0.5)).sum(axis=-1)
    part = np.minimum(np.abs(excess), room)  # first, since the room may be 5e-324
    share: Floats = np.sign(excess) * np.divide(part, room, out=np.zeros_like(room), where=room > 0)
    return share


def at_upper_edge(reference: Numbers, edges: Floats) -> NDArray[np.bool_]:
    """Which inner bins hold their rows at the upper edge, shape (..., bins - 2): see the notes of `wasserstein`.

    No value lies above its bin's upper edge, so the values add up to the edges only if every one of them is its edge.
    """
    uppers = reference.counts[..., :-1] * edges
    allowed = 1e-9 * np.abs(uppers).sum(axis=-1)
    on_edges = (np.abs(uppers.sum(axis=-1) - reference.sum) <= allowed) & (reference.counts[..., -1] == 0)
    held: NDArray[np.bool_] = np.asarray(on_edges)[..., None] & (reference.counts[..., 1:-1] > 0)
    return held


def mean_gap(left: Floats, right: Floats) -> Floats:
    """Mean of |gap| along a line from left to right, exact also where it changes sign."""
    a, b = np.abs(left), np.abs(right)
    crossed = left * right < 0
    mean: Floats = np.where(crossed, (a * a + b * b) / np.where(crossed, 2 * (a + b), 1), (a + b) / 2)
    return mean
