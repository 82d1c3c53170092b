"""Where a value belongs: the bin of a number, the category of a text. Both in about 5 ns a value, exactly."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Hashes: TypeAlias = npt.NDArray[np.uint64]
Places: TypeAlias = npt.NDArray[np.integer]
BITS = (
    18  # of a double, that name a cell: sign, exponent, 6 bits of mantissa. 0.5 MB a table; about 1 value in 100 needs a search
)
SHIFT = np.uint64(64 - BITS)
BLOCK = 65_536  # values placed at a time: all that is made of them on the way stays in the cache
SPARE = 4  # bits by which a table of hashes is longer than the hashes: 1 known text in 32 shares its place and is searched


@dataclass(frozen=True, eq=False)
class Lookup:
    """The place of a text among known texts, by their 64-bit hashes: DuckDB hashes a dictionary once, and no text leaves it."""

    hashes: Hashes

    @cached_property
    def _table(self) -> tuple[np.uint64, Hashes, Places, Hashes, Places]:
        """Bits to drop; slot → hash and place; then those that found their slot taken: sorted hashes and places."""
        drop = np.uint64(64 - (max(len(self.hashes), 1).bit_length() + SPARE))
        slots = (self.hashes >> drop).view(np.int64)
        size = 1 << (64 - int(drop))
        held, place = np.zeros(size, np.uint64), np.full(size, -1, np.int64)
        _, first = np.unique(slots, return_index=True)
        held[slots[first]], place[slots[first]] = self.hashes[first], first
        late = np.setdiff1d(np.arange(len(self.hashes)), first)
        late = late[np.argsort(self.hashes[late])]
        return drop, held, place, self.hashes[late], late

    def place(self, hashes: Hashes) -> Places:
        """The place of each hash among the known ones, −1 for a text that is not among them."""
        drop, held, place, late_hashes, late = self._table
        slot = (hashes >> drop).view(np.int64)
        found = place.take(slot)
        missed = np.flatnonzero(held.take(slot) != hashes)
        found[missed] = -1
        if len(late) and len(missed):
            at = np.minimum(late_hashes.searchsorted(hashes[missed]), len(late) - 1)
            found[missed] = np.where(late_hashes[at] == hashes[missed], late[at], -1)
        return found


@dataclass(frozen=True, eq=False)
class Bins:
    """How one column of one reference is counted: `edges` of a number; `categories` of a text, `others` the reference's past those."""

    kind: str
    edges: Floats = field(default_factory=lambda: np.empty(0))
    categories: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    hashes: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))  # of categories, others and, last, of null
    whole: bool = False  # the reference holds whole numbers only (also written as texts), so that what is none is counted

    @property
    def size(self) -> int:
        return len(self.edges) + 1 if self.kind == "number" else len(self.categories) + 2

    def place(self, values: npt.NDArray[Any]) -> Places:
        """The bin of each value (float64, or the uint64 hash of a text); one past the last bin for what has none: NaN and ±infinity, null."""
        return self._number(values) if self.kind == "number" else self._text(values)

    @cached_property
    def _slots(self) -> Places:
        named, others = len(self.categories), len(self.others)
        slots: Places = np.r_[np.arange(named), np.full(others, named), named + 2, named + 1].astype(np.int64)
        return slots  # the last one serves −1, known to nobody

    @cached_property
    def _lookup(self) -> Lookup:
        return Lookup(self.hashes)

    def _text(self, hashes: Hashes) -> Places:
        place: Places = self._slots.take(self._lookup.place(hashes))
        return place

    @cached_property
    def _cells(self) -> tuple[float, npt.NDArray[np.int16], Floats]:
        """Centre; cell → edges below it (−1: more than two edges in it; past the last bin: not finite); the edge after that many."""
        centre = float(self.edges[len(self.edges) // 2]) if len(self.edges) else 0.0
        lowest = np.arange(1 << BITS, dtype=np.uint64) << SHIFT
        ends = np.stack([lowest, lowest | ((np.uint64(1) << SHIFT) - np.uint64(1))]).view(np.float64)
        with np.errstate(over="ignore"):
            away = self.edges - centre
        below = away.searchsorted(ends.min(axis=0)).astype(np.int16)
        held = np.bincount((away.view(np.uint64) >> SHIFT).view(np.int64), minlength=1 << BITS)
        below[held > 2] = -1
        below[~np.isfinite(ends[0])] = self.size
        return centre, below, np.append(self.edges, [np.inf, np.inf, np.inf])

    def _number(self, x: Floats) -> Places:
        """`edges.searchsorted(x)`, to the last bit: the top bits of (value − centre) name a cell, a table tells how many edges lie below it,
        two comparisons with the next edges settle it. Where a cell holds more edges, they are searched.

        A sort takes 30 ns a value, a binary search 50, this 6, whatever the number of edges. It is exact since rounding is monotone: a value
        and an edge that differ in order after the subtraction did so before, and those that fall into one cell are compared themselves.
        """
        place = np.empty(len(x), np.int16)
        with np.errstate(invalid="ignore", over="ignore"):
            for start in range(0, len(x), BLOCK):
                self._place_block(x[start : start + BLOCK], place[start : start + BLOCK])
        return place

    def _place_block(self, x: Floats, place: Places) -> None:
        centre, below, edges = self._cells
        away = x - centre
        cell = away.view(np.uint64)
        cell >>= SHIFT
        under = below.take(cell.view(np.int64))
        np.add(under, x > edges.take(under), out=place)
        place += x > edges.take(place)  # two edges in a cell are common: a value that piles up and the double before it
        searched = np.flatnonzero(under < 0)
        if len(odd := np.flatnonzero(place == self.size)):  # a finite one may have left the finite numbers when the centre was taken off
            searched = np.append(searched, odd[np.isfinite(x[odd])])
        place[searched] = self.edges.searchsorted(x[searched])
