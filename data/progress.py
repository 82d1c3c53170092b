"""How far a long load is: a query runs in a thread of its own while the caller's thread asks how far it is and tells."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import duckdb

T = TypeVar("T")
Progress = Callable[[float, int, float | None], None]
EVERY_SECONDS = 0.1
FIRST_GUESS_SECONDS = 1.0  # before that, the time left would be a guess from nothing


class Report:
    """Adds up stages to a share done; says nothing when nobody listens. State is its purpose: how far, and since when."""

    def __init__(self, tell: Progress | None) -> None:
        self.tell = tell
        self.since = time.monotonic()
        self.share = 0.0

    def watch(
        self, cursor: duckdb.DuckDBPyConnection, work: Callable[[], T], until: float, rows_before: int = 0, rows: int = 0
    ) -> T:
        """Do `work` on `cursor`, the share going from where it is to `until`, the rows from `rows_before` by `rows`."""
        start = self.share
        if self.tell is None:
            return work()
        cursor.execute("SET enable_progress_bar = true")
        cursor.execute("SET enable_progress_bar_print = false")
        task = _Task(work)
        task.start()
        try:
            while task.is_alive():
                task.join(EVERY_SECONDS)
                done = max(cursor.query_progress(), 0.0) / 100 if task.is_alive() else 1.0
                self._say(max(self.share, start + (until - start) * done), rows_before + int(rows * done))
        except BaseException:  # Ctrl-C, or the listener's own mistake: the query must not go on behind our back
            cursor.interrupt()
            task.join()
            raise
        self._say(until, rows_before + rows)
        if task.error is not None:
            raise task.error
        result: T = task.result[0]
        return result

    def finished(self, rows: int) -> None:
        """The end, also where there was nothing to do."""
        self._say(1.0, rows)

    def _say(self, share: float, rows: int) -> None:
        self.share = share
        if self.tell is not None:
            passed = time.monotonic() - self.since
            known = share > 0 and (passed > FIRST_GUESS_SECONDS or share == 1.0)
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
