"""How far a long load is: its queries count rows as they pass, in a thread of their own, while the caller's thread tells.

DuckDB's own `query_progress` gives up for good when it is first asked before a scan has begun (1.5.5), so the rows are counted by a function
in the query, 0.15 µs a row.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import duckdb
from duckdb import func

T = TypeVar("T")
Progress = Callable[[float, int, float | None], None]
EVERY_SECONDS = 0.1
FIRST_GUESS_SECONDS, FIRST_GUESS_SHARE = 1.0, 0.01  # before that, the time left would be a guess from nothing
NUMBERS = itertools.count()


class Report:
    """Adds up stages to a share done; says nothing when nobody listens. Its state is its purpose: how far, and since when."""

    def __init__(self, tell: Progress | None) -> None:
        self.tell = tell
        self.since = time.monotonic()
        self.share = 0.0
        self.passed = 0
        self.function = f"vigia_passed_{next(NUMBERS)}"

    @contextmanager
    def listening(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Within, queries may hold what `counted` gives."""
        kind = func.PythonUDFType.ARROW
        cursor.create_function(self.function, self._count, ["BIGINT"], "BIGINT", type=kind, side_effects=True)
        try:
            yield
        finally:
            cursor.remove_function(self.function)

    def counted(self, sql: str) -> str:
        """A whole number, the same, counted on its way. (DuckDB then also computes no value twice.)"""
        return f"{self.function}({sql})"

    def watch(
        self, cursor: duckdb.DuckDBPyConnection, work: Callable[[], T], until: float, rows: float, before: int | None = 0
    ) -> T:
        """Do `work` on `cursor`, the share going to `until` as `rows` (perhaps an estimate) pass.

        `before` is the number of rows done by earlier stages; None: these rows are only looked at, so none is done.
        """
        if self.tell is None:
            return work()
        start, self.passed = self.share, 0
        task = _Task(work)
        task.start()
        try:
            while task.is_alive():
                task.join(EVERY_SECONDS)
                done = min(self.passed / rows, 1.0) if rows else 0.0
                self._say(start + (until - start) * done, 0 if before is None else before + self.passed)
        except BaseException:  # Ctrl-C, or the listener's own mistake: the query must not go on behind our back
            cursor.interrupt()
            task.join()
            raise
        if task.error is not None:
            raise task.error
        self._say(until, 0 if before is None else before + self.passed)
        result: T = task.result[0]
        return result

    def finished(self, rows: int) -> None:
        """The end, also where there was nothing to do."""
        self._say(1.0, rows)

    def _count(self, numbers: Any) -> Any:  # DuckDB evaluates annotations, and `ChunkedArray[…]` is one for mypy only
        self.passed += len(numbers)
        return numbers

    def _say(self, share: float, rows: int) -> None:
        self.share = share
        if self.tell is not None:
            passed = time.monotonic() - self.since
            known = share == 1.0 or (share > FIRST_GUESS_SHARE and passed > FIRST_GUESS_SECONDS)
            self.tell(share, rows, passed * (1 - share) / share if known else None)


class _Task(threading.Thread):
    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.work = work
        self.error: BaseException | None = None
        self.result: list[Any] = []

    def run(self) -> None:
        try:
            self.result = [self.work()]
        except BaseException as error:  # handed to the thread that waits
            self.error = error
