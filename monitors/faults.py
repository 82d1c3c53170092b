"""faults: what the profile of a window would have been, had something been wrong with its rows. No row is read: counts are moved.

A shift, a scale and a wrong unit are one thing: every value v becomes a v + b. The rows of a fine bin are spread evenly over it, or lie at its
upper edge where the reference says so (`wasserstein`), and those past the outer edges lie at their mean. A column of few values keeps to them when
it is shifted or scaled: a v + b falls on one of the two values beside it by chance, so that the mean is right. (Whole numbers that all turn into
fractions are another fault, and found at once.)
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitors import drift
from monitors.distances import Counts, Floats
from monitors.drift import Baseline
from monitors.floors import Key
from monitors.wasserstein import Numbers, at_upper_edge, deviation

OF_NUMBERS = ("shift", "ramp", "scale", "unit", "nulls")
OF_CATEGORIES = ("swap", "nulls")
SIZES = {
    "shift": (0.1, 0.25, 0.5, 1.0, 2.0),  # by so many standard deviations of the reference
    "ramp": (0.25, 0.5, 1.0, 2.0, 4.0),  # the same, reached step by step
    "scale": (1.1, 1.25, 1.5, 2.0, 4.0),  # so many times as far from the reference's mean
    "unit": (1000.0,),  # grams for kilograms
    "swap": (0.05, 0.1, 0.25, 0.5, 1.0),  # such a share of the rows of the most frequent category come under the name of the next
    "nulls": (0.01, 0.05, 0.1, 0.25, 0.5),  # such a share of the rows has no value
    "broken": (0.001, 0.01, 0.05, 0.1, 0.25),  # or is what the metric counts: out of range, of another type, an error …
    "slower": (1.1, 1.25, 1.5, 2.0, 4.0),  # every request takes so many times as long
    "slowing": (1.25, 1.5, 2.0, 4.0, 8.0),  # the same, reached step by step
    "fewer": (0.1, 0.25, 0.5, 0.75, 0.95),  # such a share of the rows does not come
    "wrong": (0.01, 0.025, 0.05, 0.1, 0.25),  # such a share of the right predictions is wrong
    "unlabelled": (0.05, 0.1, 0.25, 0.5, 0.9),  # such a share of the labels does not come
}
FURTHEST, STEPS = 8.0, 40  # standard deviations, and numbers tried: smallest shift


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and by how much: see SIZES."""

    kind: str
    size: float


@dataclass(frozen=True, slots=True)
class Ground:
    """A reference, and what faults ask of it: mean, deviation, which inner bins hold their rows at the upper edge, the values that it keeps to."""

    base: Baseline
    mean: float
    deviation: float
    steps: NDArray[np.bool_]
    values: Floats  # empty where it has more than few


def ground(base: Baseline) -> Ground:
    """Ready for faults."""
    if base.edges is None or not base.whole.counts.sum():
        return Ground(base, np.nan, np.nan, np.zeros(0, bool), np.zeros(0))
    edges, at_edge = base.edges, at_upper_edge(base.whole, base.edges)
    narrow = np.diff(edges) <= 1e-12 * max(float(edges[-1] - edges[0]), 5e-324)  # no wider than its value
    values = edges[np.flatnonzero(np.asarray(base.whole.counts) > 0)] if at_edge.any() else np.zeros(0)
    mean = float(base.whole.sum / base.whole.counts.sum())
    return Ground(base, mean, float(deviation(base.whole, edges)), at_edge | narrow, values)


def by_column(references: Mapping[Key, Baseline]) -> dict[str, Ground]:
    """The whole reference of each column, the last version's, ready for faults."""
    return {column: ground(base) for (_, column, _), base in sorted(references.items(), key=lambda item: item[0])}


def kinds(kind: str) -> tuple[str, ...]:
    """The faults that a column of numbers or of categories can have."""
    return OF_NUMBERS if kind == "number" else OF_CATEGORIES


def faulted(windows: Numbers, of: Ground, fault: Fault, progress: Floats | float = 1.0) -> Numbers:
    """The windows, shape (windows,), with the fault, nulls apart (`thinned`); of a ramp as far as it has come in each, from 0 to 1."""
    if fault.kind == "swap":
        return replace(windows, counts=swapped(windows.counts, of.base, fault.size))
    if of.base.edges is None or fault.kind == "nulls":
        return windows
    one = np.ones(windows.counts.shape[:-1])
    if fault.kind == "unit":
        return moved(windows, of, fault.size * one, 0 * one)
    move = on_values if len(of.values) else moved
    if fault.kind == "scale":
        return move(windows, of, fault.size * one, of.mean * (1 - fault.size) * one)
    return move(windows, of, one, fault.size * of.deviation * (progress if fault.kind == "ramp" else 1.0) * one)


def swapped(counts: Counts, base: Baseline, share: Floats | float) -> Counts:
    """Counts of categories after a share of the rows of the reference's most frequent one came under the name of the next."""
    first, second = swap_of(base)
    found = np.array(counts, float)
    gone = found[..., first] * share
    found[..., first] -= gone
    found[..., second] += gone
    return found


def swap_of(base: Baseline) -> tuple[int, int]:
    """The places of the two most frequent categories of the reference."""
    order = np.argsort(-base.whole.counts, kind="stable")
    return int(order[0]), int(order[1])


def thinned(windows: Numbers, rows: Floats, share: float, random: np.random.Generator) -> Numbers:
    """The windows when a share of their rows loses its value, whichever the value is: which rows, by chance (seeded)."""
    entered = windows.counts.sum(axis=-1)
    lost = np.clip(share * rows / np.where(entered > 0, entered, 1), 0, 1)
    kept = random.binomial(np.asarray(windows.counts, np.int64), 1 - lost[..., None])
    left = kept.sum(axis=-1) / np.where(entered > 0, entered, 1)
    sums = {name: getattr(windows, name) * left for name in ("sum", "sum_squares")}
    ends = {name: getattr(windows, name) * kept[..., end] / np.maximum(windows.counts[..., end], 1) for name, end in (("below", 0), ("above", -1))}
    return replace(windows, counts=kept, **sums, **ends)


def moved(windows: Numbers, of: Ground, a: Floats, b: Floats) -> Numbers:
    """The windows after every value v became a v + b, a > 0; all of shape (windows,).

    Returns
    -------
    Numbers; counts are no whole numbers any more. Exact where rows lie at edges; elsewhere as far as they spread evenly within a fine
    bin, of which each holds 1/200 of the reference.
    """
    edges = of.base.edges
    assert edges is not None
    y = (edges - b[:, None]) / a[:, None]  # where each edge was before
    below, moment, middles = _up_to(windows, of, y, a, b)
    total = windows.counts.sum(axis=-1)
    counts = np.maximum(np.diff(np.concatenate([0 * below[:, :1], below, total[:, None]], axis=-1), axis=-1), 0)
    missed = windows.sum - middles  # what even spreading misses of the sum; no row past the edges is to carry it
    moved_sum = a * windows.sum + b * total
    under = a * moment[:, 0] + b * below[:, 0]
    over = moved_sum - (a * moment[:, -1] + b * below[:, -1]) - a * missed
    squares = a * a * windows.sum_squares + 2 * a * b * windows.sum + b * b * total
    # Rounded differences of nearly nothing: a tail without rows has no sum.
    under, over = np.where(counts[:, 0] > 1e-9, under, 0.0), np.where(counts[:, -1] > 1e-9, over, 0.0)
    return Numbers(counts, moved_sum, squares, a * windows.low + b, a * windows.high + b, under, over)


def _up_to(windows: Numbers, of: Ground, y: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    """How many rows lie at or below each y and their sum, shape (windows, edges); and the sum of all rows, shape (windows,)."""
    edges, step = of.base.edges, of.steps
    assert edges is not None
    inner = np.asarray(windows.counts[:, 1:-1], float)
    middle = np.where(step, edges[1:], (edges[:-1] + edges[1:]) / 2)
    rows, sums = (np.cumsum(np.pad(part, ((0, 0), (1, 0))), axis=-1) for part in (inner, inner * middle))
    place = np.clip(np.searchsorted(edges, y, side="left") - 1, 0, len(edges) - 2)  # the inner bin that holds each y
    left, right = edges[place], edges[place + 1]
    with np.errstate(over="ignore"):  # a bin below 0 is 5e-324 wide
        spread = np.clip((y - left) / (right - left), 0, 1)
    # Of a value that piles up, where it goes itself: y would be rounded, and its bin is no wider than that.
    reach = np.where(step[place], (a[:, None] * right + b[:, None] <= edges) * 1.0, spread)
    held = np.take_along_axis(inner, place, -1) * reach
    below = np.take_along_axis(rows, place, -1) + held
    moment = np.take_along_axis(sums, place, -1) + held * np.where(step[place], right, left + reach * (right - left) / 2)
    for end, total in ((0, windows.below), (-1, windows.above)):
        many = np.asarray(windows.counts[:, end], float)
        at: Floats = np.divide(total, many, out=np.full(len(many), edges[end]), where=many > 0)
        inside = at[:, None] <= y
        below, moment = below + many[:, None] * inside, moment + (many * at)[:, None] * inside
    return below, moment, sums[:, -1] + windows.below + windows.above


def on_values(windows: Numbers, of: Ground, a: Floats, b: Floats) -> Numbers:
    """`moved` for a column of few values: between the least and the greatest of the reference's values it stays on them."""
    edges, own = of.base.edges, of.values
    assert edges is not None
    counts = np.asarray(windows.counts, float)
    ends = [np.divide(total, counts[:, end], out=np.full(len(counts), edges[end]), where=counts[:, end] > 0)
            for end, total in ((0, windows.below), (-1, windows.above))]  # fmt: skip
    # What the reference never had, past the edges, is taken to lie at its mean; a bin within has its value at its upper edge.
    before = np.concatenate([ends[0][:, None], np.broadcast_to(edges[1:], (len(counts), len(edges) - 1)), ends[1][:, None]], axis=-1)
    after = a[:, None] * before + b[:, None]
    right = np.clip(np.searchsorted(own, after, side="left"), min(1, len(own) - 1), len(own) - 1)
    low, high = own[np.maximum(right - 1, 0)], own[right]
    share = np.clip(np.divide(after - low, high - low, out=np.ones(after.shape), where=high > low), 0, 1)
    outside = (after < own[0]) | (after > own[-1])
    share, high = np.where(outside, 1.0, share), np.where(outside, after, high)
    upper, lower = (_put(counts * part, np.searchsorted(edges, at, side="left")) for part, at in ((share, high), (1 - share, low)))
    total, squares = ((counts * (share * high**power + (1 - share) * low**power)).sum(axis=-1) for power in (1, 2))
    under, over = ((counts * np.where(gone, after, 0)).sum(axis=-1) for gone in (after < own[0], after > own[-1]))
    least, most = np.minimum(a * windows.low + b, own[-1]), np.maximum(a * windows.high + b, own[0])
    return Numbers(upper + lower, total, squares, least, most, under, over)


def _put(rows: Floats, bins: NDArray[np.intp]) -> Floats:
    """Rows added up in their bins, for each window."""
    width = rows.shape[-1]
    at = bins + width * np.arange(len(rows))[:, None]
    found: Floats = np.asarray(np.bincount(at.ravel(), rows.ravel(), rows.size), np.float64).reshape(rows.shape)
    return found


def smallest(of: Ground, metric: str, limit: float) -> float:
    """The smallest fault that takes a window, otherwise like its whole reference, above a limit.

    Returns
    -------
    Of numbers a shift in standard deviations of the reference, of categories the share of the rows of the most frequent one that come as
    the next; NaN where none up to 8 (up to 1) does, or where the metric is none of drift's.
    """
    base = of.base
    if metric not in drift.METRICS or not base.whole.counts.sum() or not np.isfinite(limit):
        return np.nan
    many = Numbers(*(np.broadcast_to(getattr(base.whole, f), (STEPS, *np.shape(getattr(base.whole, f)))) for f in Numbers.__slots__))
    if base.edges is None:
        if metric in drift.NUMBERS_ONLY or len(base.whole.counts) < 2:
            return np.nan
        tried = np.geomspace(0.002, 1, STEPS)
        many = replace(many, counts=swapped(many.counts, base, tried))
    else:
        tried = np.geomspace(0.005, FURTHEST, STEPS)
        many = (on_values if len(of.values) else moved)(many, of, np.ones(STEPS), tried * of.deviation)
    values = np.maximum.accumulate(np.nan_to_num(drift.distance(metric, many, base)))
    return float(np.interp(limit, np.r_[0.0, values], np.r_[0.0, tried])) if values[-1] > limit else np.nan
