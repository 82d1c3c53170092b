"""The DuckDB engine: DuckDB reads, NumPy counts.

A batch's rows are ordered once by (version, window, finest segment cell), so that a group is a slice. Texts come as DuckDB's hashes and are
looked up like numbers (`places.py`). The whole and the segments are sums of the cells' counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data.engines.places import Bins, Floats, Lookup
from data.later import sparse
from data.segmented import Values

Ints: TypeAlias = npt.NDArray[np.int64]
Array: TypeAlias = "pa.Array[Any]"
Aggregates: TypeAlias = tuple[Floats, Floats, Floats]  # STATS, the least and the greatest of each group
Counted: TypeAlias = tuple[Any, Floats, Floats, Floats]  # the counts of each group, then its aggregates
SIZES = 8  # numbers of bins for which a batch keeps where counts begin: a megabyte each
DENSE = 8_000_000  # cells of a batch's counts of one column: above it they are counted sparsely
STATS = ("nulls", "nans", "pos_infs", "neg_infs", "fractions", "sum", "sum_squares", "below_sum", "above_sum")
NULLS, NANS, POS_INFS, NEG_INFS, FRACTIONS, SUM, SUM_SQUARES, BELOW_SUM, ABOVE_SUM = range(len(STATS))


@dataclass(frozen=True)
class Plan:
    """What is counted: `bins[version][column]`; a version may lack a column."""

    columns: tuple[str, ...]
    bins: Mapping[str, Mapping[str, Bins]]
    segments: Values
    first: int
    windows: int
    lookups: tuple[Lookup, ...]  # of the versions and null, which is the version "", the first; then of each segment column's values

    @cached_property
    def versions(self) -> tuple[str, ...]:
        return tuple(self.bins)

    @cached_property
    def margins(self) -> tuple[str, ...]:
        """The segments that get a profile: `all`, then `column=value`."""
        return ("all", *(f"{one.column}={name}" for one in self.segments for name in one.names))


@dataclass
class Totals:
    """The sums of one version so far, a row a (window, margin)."""

    rows: Ints
    counts: dict[str, Ints]  # column → its bins
    stats: Floats  # (rows, columns of the plan, STATS)
    low: Floats  # (rows, columns)
    high: Floats


@dataclass(frozen=True)
class Groups:
    """A batch's rows by (version, window, cell): `key` a row's group; groups lie in the order of versions."""

    key: Ints
    sizes: Ints
    version: Ints  # of each group
    spread: Mapping[
        int, tuple[slice, Ints, Any]
    ]  # version → its groups, the targets that they add to, the matrix that adds them up
    begun: dict[int, Ints] = field(default_factory=dict)  # what `cells` keeps

    @cached_property
    def order(self) -> Ints | None:
        """The rows by group; None when they lie so already."""
        if np.all(self.key[1:] >= self.key[:-1]):
            return None
        small = self.key.astype(np.uint16) if len(self.sizes) < 2**16 else self.key  # 16 bits: NumPy sorts by radix
        return np.argsort(small, kind="stable")

    @cached_property
    def rank(self) -> Ints:
        """Where each row lies when they are ordered."""
        rank = np.empty(len(self.key), np.int64)
        rank[self.order] = np.arange(len(rank))
        return rank

    @cached_property
    def starts(self) -> Ints:
        """Where each group begins among the ordered rows; one more for the end."""
        return np.append(0, np.cumsum(self.sizes))

    @cached_property
    def ordered(self) -> Ints:
        """The group of each row, in order."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def rows(self, groups: slice) -> tuple[slice, Ints]:
        """The ordered rows of some groups, and where among these each group begins."""
        starts = self.starts[groups.start : groups.stop + 1]
        return slice(int(starts[0]), int(starts[-1])), starts[:-1] - starts[0]

    def cells(self, size: int) -> Ints:
        """Where each ordered row's counts begin in a table of so many places a group. Kept for a few sizes: most columns have as many bins."""
        found = self.begun.get(size)
        if found is None:
            found = self.ordered * size
            if len(self.begun) < SIZES:
                self.begun[size] = found
        return found


def profile(batches: Iterable[pa.RecordBatch], plan: Plan, threads: int = 2) -> pa.Table:
    """Count every column of `plan` in one pass.

    Parameters
    ----------
    batches : `window` (int64: windows since the epoch), `version`, `segment_0`…, then `value_0`… in the order of `plan.columns`:
        numbers as float64, texts as uint64, their hash.

    Returns
    -------
    table with version, segment, window, column, rows and the aggregates of a profile; only windows that hold a row.
    """
    totals = {v: _empty(plan, v) for v in plan.versions}
    with ThreadPoolExecutor(threads) as pool:
        for batch in batches:
            groups = _group(batch, plan)
            jobs = [pool.submit(_add, batch.column(f"value_{i}"), c, groups, plan, totals) for i, c in enumerate(plan.columns)]
            _add_up(groups, plan, totals, [job.result() for job in jobs])
    return _table(plan, totals)


def _empty(plan: Plan, version: str) -> Totals:
    n, k = plan.windows * len(plan.margins), len(plan.columns)
    counts = {column: np.zeros((n, bins.size), np.int64) for column, bins in plan.bins[version].items()}
    return Totals(np.zeros(n, np.int64), counts, np.zeros((n, k, len(STATS))), np.full((n, k), np.inf), np.full((n, k), -np.inf))


def _group(batch: pa.RecordBatch, plan: Plan) -> Groups:
    version = plan.lookups[0].place(batch.column("version").to_numpy())
    version[version == len(plan.versions)] = 0  # no version: that of ""
    cell = np.zeros(batch.num_rows, np.int64)
    for i, one in enumerate(plan.segments):
        cell = cell * (len(one.names) + 1) + plan.lookups[i + 1].place(batch.column(f"segment_{i}").to_numpy()) + 1
    cells = int(np.prod([len(one.names) + 1 for one in plan.segments], dtype=np.int64))
    window = batch.column("window").to_numpy() - plan.first
    low = int(window.min())
    span = int(window.max()) - low + 1
    raw = (version * span + window - low) * cells + cell
    if (size := int(raw.max()) + 1) <= 4 * len(raw) + 65_536:
        sizes = np.bincount(raw, minlength=size)
        live = np.flatnonzero(sizes)
        place = np.zeros(size, np.int64)
        place[live] = np.arange(len(live))
        key, sizes = place[raw], sizes[live]
    else:
        live, key, sizes = np.unique(raw, return_inverse=True, return_counts=True)
    owner, rest = np.divmod(live, span * cells)
    at, cell = np.divmod(rest, cells)
    return Groups(key, sizes, owner, _spread(plan, owner, at + low, cell))


def _spread(plan: Plan, version: Ints, window: Ints, cell: Ints) -> dict[int, tuple[slice, Ints, Any]]:
    """Which (window, margin) each group adds to: the whole, and one segment a segment column unless its value is none of those kept."""
    margins = [np.zeros(len(cell), np.int64)]
    first = 1 + sum(len(one.names) for one in plan.segments)
    for one in reversed(plan.segments):
        cell, code = np.divmod(cell, len(one.names) + 1)
        first -= len(one.names)
        margins.append(np.where(code > 0, first + code - 1, -1))
    result = {}
    for v in np.unique(version):
        where = slice(int(np.searchsorted(version, v)), int(np.searchsorted(version, v, "right")))
        targets = [(window[where] * len(plan.margins) + m[where], m[where] >= 0) for m in margins]
        groups = np.concatenate([np.flatnonzero(kept) for _, kept in targets])
        unique, row = np.unique(np.concatenate([t[kept] for t, kept in targets]), return_inverse=True)
        matrix = sparse.csr_array((np.ones(len(row), np.int64), (row, groups)), shape=(len(unique), where.stop - where.start))
        result[int(v)] = (where, unique, matrix)
    return result


def _add(values: Array, column: str, groups: Groups, plan: Plan, totals: Mapping[str, Totals]) -> Aggregates:
    """Add a column's counts; gives the rest of what each group has, which `_add_up` adds for all columns at once."""
    x, missing = _ordered(values, groups)
    n = len(groups.sizes)
    nulls = np.bincount(groups.key[missing], minlength=n)
    stats, low, high = np.zeros((n, len(STATS))), np.full(n, np.inf), np.full(n, -np.inf)
    for bins, where in _families(column, groups, plan):
        count = _numbers if bins.kind == "number" else _texts
        counts, stats[where], low[where], high[where] = count(x, groups, where, bins)
        if bins.kind == "number":
            stats[where, NULLS] = nulls[where]
            stats[where, NANS] -= nulls[where]  # a null is a NaN to NumPy
        for code, (own, targets, spread) in groups.spread.items():
            if own.start >= where.start and own.stop <= where.stop:
                part = slice(own.start - where.start, own.stop - where.start)
                totals[plan.versions[code]].counts[column][targets] += _dense(spread @ counts[part])
    return stats, low, high


def _add_up(groups: Groups, plan: Plan, totals: Mapping[str, Totals], found: Sequence[Aggregates]) -> None:
    """Add a batch's rows and aggregates, of all columns."""
    for code, (own, targets, spread) in groups.spread.items():
        total = totals[plan.versions[code]]
        total.rows[targets] += spread @ groups.sizes[own]
        if found:
            stats = np.stack([stats[own] for stats, _, _ in found], axis=1)
            total.stats[targets] += (spread @ stats.reshape(len(stats), -1)).reshape(len(targets), *stats.shape[1:])
            low, high = (np.stack([of[i][own] for of in found], axis=1) for i in (1, 2))
            # The matrix lies by rows: which groups each target has, one target after the other.
            total.low[targets] = np.minimum(total.low[targets], np.minimum.reduceat(low[spread.indices], spread.indptr[:-1]))
            total.high[targets] = np.maximum(total.high[targets], np.maximum.reduceat(high[spread.indices], spread.indptr[:-1]))


def _ordered(values: Array, groups: Groups) -> tuple[npt.NDArray[Any], Ints]:
    """The values by group, NaN where there is none, and in which rows, as they came, that is. A null's own bytes are read: to ask Arrow
    costs as much as to count."""
    validity, content = values.buffers()
    raw: Any = np.frombuffer  # NumPy's stubs do not know that Arrow's buffers are some
    x = raw(content, np.uint64 if pa.types.is_uint64(values.type) else np.float64, len(values), values.offset * 8)
    x = x if groups.order is None else x.take(groups.order)
    if validity is None or not values.null_count:
        return x, np.empty(0, np.int64)
    x = x.copy() if groups.order is None else x
    there = np.unpackbits(raw(validity, np.uint8), count=values.offset + len(values), bitorder="little")[values.offset :]
    missing = np.flatnonzero(there == 0)
    x[missing if groups.order is None else groups.rank[missing]] = np.nan
    return x, missing


def _families(column: str, groups: Groups, plan: Plan) -> list[tuple[Bins, slice]]:
    """Groups that are counted together: all of a batch when its versions share a reference, else those of each version."""
    own = [(plan.bins[plan.versions[code]].get(column), where) for code, (where, _, _) in groups.spread.items()]
    if len({id(bins) for bins, _ in own}) == 1 and own[0][0] is not None:
        return [(own[0][0], slice(0, len(groups.sizes)))]
    return [(bins, where) for bins, where in own if bins is not None]


def _numbers(x: Floats, groups: Groups, where: slice, bins: Bins) -> Counted:
    """Counts and aggregates of each of some groups of ordered rows: those of finite values, and how many were not."""
    rows, starts = groups.rows(where)
    x, n, size = x[rows], len(starts), bins.size
    place = bins.place(x)
    counts = _pairs(groups, where, place, size + 1)
    stats = np.zeros((n, len(STATS)))
    group = groups.ordered[rows]  # of each row, counted from the first of all groups

    def total(at: Ints, values: Floats | None = None) -> Floats:
        return np.bincount(group[at] - where.start, values, n).astype(np.float64, copy=False)

    odd = np.flatnonzero(place == size) if counts[:, -1].sum() else ()
    if len(odd):
        kinds = {NANS: np.isnan(x[odd]), POS_INFS: x[odd] == np.inf, NEG_INFS: x[odd] == -np.inf}
        for kind, hit in kinds.items():
            stats[:, kind] = total(odd[hit])
        x = x.copy()
        x[odd] = np.nan
    low, high = np.fmin.reduceat(x, starts), np.fmax.reduceat(x, starts)
    if len(odd):
        x[odd] = 0.0
    if bins.whole:
        stats[:, FRACTIONS] = total(np.flatnonzero(x != np.floor(x)))
    stats[:, SUM], stats[:, SUM_SQUARES] = np.add.reduceat(x, starts), np.add.reduceat(np.square(x), starts)
    for kind, end in {BELOW_SUM: 0, ABOVE_SUM: size - 1}.items() if size > 1 else ():
        if counts[:, end].sum():
            beyond = np.flatnonzero(place == end)
            stats[:, kind] = total(beyond, x[beyond])
    return counts[:, :-1], stats, np.where(np.isnan(low), np.inf, low), np.where(np.isnan(high), -np.inf, high)


def _texts(hashes: Any, groups: Groups, where: slice, bins: Bins) -> Counted:
    rows, starts = groups.rows(where)
    n = len(starts)
    counts = _pairs(groups, where, bins.place(hashes[rows]), bins.size + 1)
    stats = np.zeros((n, len(STATS)))
    stats[:, NULLS] = _dense(counts[:, [-1]]).ravel()
    return counts[:, :-1], stats, np.full(n, np.inf), np.full(n, -np.inf)


def _dense(counts: Any) -> Ints:
    table: Ints = counts.toarray() if isinstance(counts, sparse.csr_array) else counts
    return table


def _pairs(groups: Groups, where: slice, place: Any, size: int) -> Any:
    """How often each (group, place) occurs: a dense table, or a sparse one where that would be far larger than the rows."""
    n, (rows, _) = where.stop - where.start, groups.rows(where)
    if n * size <= DENSE:
        cell = groups.cells(size)[rows] + place
        if where.start:
            cell -= where.start * size
        return np.bincount(cell, minlength=n * size).reshape(n, size)
    return sparse.csr_array((np.ones(len(place), np.int64), (groups.ordered[rows] - where.start, place)), shape=(n, size))


def _table(plan: Plan, totals: Mapping[str, Totals]) -> pa.Table:
    parts = [_part(plan, v, c, total) for v, total in totals.items() if total.rows.any() for c in total.counts]
    if not parts:
        nobody = Plan(("",), {"": {"": Bins("number")}}, (), 0, 0, ())
        return _part(nobody, "", "", _empty(nobody, ""))
    return pa.concat_tables(parts)


def _part(plan: Plan, version: str, column: str, total: Totals) -> pa.Table:
    live, at = np.flatnonzero(total.rows), plan.columns.index(column)
    window, margin = np.divmod(live, len(plan.margins))
    counts = total.counts[column][live]
    offsets = np.arange(len(live) + 1, dtype=np.int64) * counts.shape[1]
    number = plan.bins[version][column].kind == "number"
    low, high = total.low[live, at], total.high[live, at]
    some = np.isfinite(low)
    whole = ("nulls", "nans", "pos_infs", "neg_infs", "fractions")
    stats = dict(zip(STATS, total.stats[live, at].T, strict=True))
    fields: dict[str, Any] = {
        "version": pa.array([version] * len(live), pa.string()),
        "segment": pa.array(np.array(plan.margins)[margin] if len(live) else [], pa.string()),
        "window": pa.array(window + plan.first, pa.int64()),
        "column": pa.array([column] * len(live), pa.string()),
        "kind": pa.array(["number" if number else "category"] * len(live), pa.string()),
        "rows": pa.array(total.rows[live]),
        **{n: pa.array(stats[n].astype(np.int64)) if n in whole else pa.array(stats[n], mask=~some) for n in STATS},
        "min": pa.array(low, mask=~some),
        "max": pa.array(high, mask=~some),
        "counts": pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(counts.ravel())),
        "new_values": pa.array(counts[:, -1] if not number else np.zeros(len(live), np.int64)),
    }
    return pa.table(fields)
