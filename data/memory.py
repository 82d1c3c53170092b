"""What a long run frees: whether it goes back to the system at once, so that its peak is what it needs, or is kept for what comes next."""

import ctypes
import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # of mallopt(3)
LARGE = 4 << 20
OFTEN, SELDOM = 128 << 10, 64 << 20  # what may lie free at the end of an arena: glibc's own, and what the arrays of a batch take


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    found = ctypes.CDLL(None) if sys.platform == "linux" else None
    return found if hasattr(found, "mallopt") else None


@functools.cache
def give_back() -> None:
    """Have large blocks be given back when they are freed, for the rest of the process.

    By itself glibc keeps blocks of up to 32 MB once it has seen some freed, in an arena for each thread, and what lies between small ones stays
    there: a run of the bundled sample peaked at 1,100 MB so, at 900 without. Elsewhere nothing is done.
    """
    if glibc := _glibc():
        glibc.mallopt(MMAP_THRESHOLD, LARGE)
        glibc.mallopt(ARENA_MAX, 2)


@contextmanager
def keep() -> Iterator[None]:
    """Have what is freed meanwhile be kept and used again: arrays of a batch after the other, each taken from the system anew, cost 2 s of
    CPU for 10M rows of 30 columns."""
    if glibc := _glibc():
        glibc.mallopt(MMAP_THRESHOLD, LARGE)  # glibc no longer moves it by itself once one of them is set
        glibc.mallopt(TRIM_THRESHOLD, SELDOM)
    try:
        yield
    finally:
        if glibc:
            glibc.mallopt(TRIM_THRESHOLD, OFTEN)
            glibc.malloc_trim(0)
