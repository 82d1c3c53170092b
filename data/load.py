"""Loading: files into the lake, whole or not at all. No row is dropped, and no value silently."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from data.errors import BadInput, near
from data.files import Source, expand, opened
from data.insert import WITH_VERSION, Loaded, insert
from data.prepare import Plan, Target, prepare
from data.progress import Progress, Report
from data.rebuild import adopt, remember
from data.roles import Roles
from data.store import DATASETS, Connection, Store, author, claim, columns, one_at_a_time, table, transact

__all__ = ["Loaded", "adopt", "load", "loads", "remember", "undo"]


def load(
    store: Store,
    files: Sequence[str | Path],
    model: str,
    dataset: str = "log",
    version: str | None = None,
    roles: Roles | None = None,
    progress: Progress | None = None,
    names: Sequence[str] | None = None,
) -> list[Loaded]:
    """Load files in one transaction.

    Parameters
    ----------
    files : paths and globs; `names` are what they are called, where they lie under temporary names (one for each).
    version : of a reference or training set, the model version that it belongs to.
    roles : for the columns; None takes the remembered ones, else guesses and remembers.
    progress : called with the share done (0 to 1), the rows so far and the seconds left (None: not known yet).

    Returns
    -------
    one `Loaded` a file, in order.

    Raises
    ------
    BadInput : a mistake in the call or the files, in one sentence. Nothing of any file was loaded then.
    """
    target = _target(store, model, dataset, version)
    paths = expand(files) if names is None else [Path(f) for f in files]
    report = Report(progress)
    with one_at_a_time(store, "load"), report.listening(store.cursor()), ExitStack() as stack:
        sources = [stack.enter_context(opened(path, str(name))) for path, name in zip(paths, names or paths, strict=True)]
        cursor = store.cursor()
        done = {place: before for place, s in enumerate(sources) if (before := _loaded_before(cursor, target, s)) is not None}
        fresh = _fresh(sources, done)
        plan = prepare(store, target, [sources[place] for place in fresh], roles, report)
        _check_rows(target, plan)

        def work(cursor: Connection) -> list[Loaded]:
            claim(cursor)
            return insert(cursor, target, plan, report)

        message = f"load {', '.join(sources[place].short for place in fresh)[:200]} into {model} as {dataset}"
        new = (
            dict(zip(fresh, transact(store, work, message, {"files": [sources[p].name for p in fresh]}), strict=True))
            if fresh
            else {}
        )
    report.finished(sum(loaded.rows for loaded in new.values()))
    by_bytes = {sources[place].sha256: loaded.load for place, loaded in new.items()}
    return [new[place] if place in new else _already(s, done.get(place) or by_bytes[s.sha256]) for place, s in enumerate(sources)]


def undo(store: Store, load: int, reason: str = "") -> str:
    """Take a load back: its rows go, its entry stays with who and when. One sentence on what was taken back."""
    found = store.frame("SELECT load, model, dataset, file, rows, undone_at, undone_by FROM main.loads WHERE load = ?", [load])
    if found.empty:
        numbers = store.frame("SELECT load FROM main.loads WHERE undone_at IS NULL ORDER BY load DESC LIMIT 5")["load"]
        known = f"The last ones are {', '.join(map(str, numbers))}." if len(numbers) else "Nothing is loaded."
        raise BadInput(f"There is no load {load}. {known}")
    row = found.iloc[0]
    if not pd.isna(row["undone_at"]):
        raise BadInput(f"Load {load} was taken back before, {row['undone_at']:%Y-%m-%d %H:%M} UTC by {row['undone_by']}.")

    def work(cursor: Connection) -> None:
        claim(cursor)
        if columns(cursor, row["dataset"], row["model"]):
            cursor.execute(f"DELETE FROM {table(row['dataset'], row['model'])} WHERE _load = ?", [load])
        cursor.execute("UPDATE main.loads SET undone_at = now(), undone_by = ? WHERE load = ?", [author(), load])

    transact(store, work, f"undo load {load} of {row['model']}" + (f": {reason}" if reason else ""))
    return f"Load {load} is taken back: {row['rows']:,} rows of {Path(row['file']).name} left {row['model']} ({row['dataset']})."


def loads(store: Store, model: str | None = None) -> pd.DataFrame:
    """What was loaded, of one model or of all: the table `loads`, newest first, what was taken back included."""
    return store.frame("SELECT * FROM main.loads WHERE $model IS NULL OR model = $model ORDER BY load DESC", {"model": model})


def _target(store: Store, model: str, dataset: str, version: str | None) -> Target:
    if not model.strip():
        raise BadInput("The model has no name. Name it with --model.")
    if dataset not in DATASETS:
        raise BadInput(f'There is no dataset "{dataset}". {near(dataset, DATASETS)}')
    if version is not None and dataset not in WITH_VERSION:
        raise BadInput(
            "A version is given for reference and training only; "
            f"the rows of a {dataset} name theirs in the column of role `model_version`."
        )
    rows = store.rows("SELECT DISTINCT model FROM main.loads WHERE lower(model) = lower(?) AND model <> ?", [model, model])
    if rows:
        raise BadInput(
            f'The model "{model}" differs from "{rows[0][0]}" only in capitals. Write "{rows[0][0]}", or choose another name.'
        )
    return Target(model, dataset, version or "")


def _loaded_before(cursor: Connection, target: Target, source: Source) -> int | None:
    """The load that brought these bytes. Files without rows are many and alike, so they are told apart by name too."""
    row = cursor.execute(
        """SELECT min(load) FROM main.loads WHERE model = ? AND dataset = ? AND version = ? AND sha256 = ? AND undone_at IS NULL
        AND (rows > 0 OR file = ?)""",
        [target.model, target.dataset, target.version, source.sha256, source.name],
    ).fetchone()
    return row[0] if row else None


def _fresh(sources: Sequence[Source], done: dict[int, int]) -> list[int]:
    """The places of the files whose bytes are new, each once."""
    seen: set[str] = set()
    fresh = []
    for place, source in enumerate(sources):
        if place not in done and (source.kind is None or source.sha256 not in seen):
            fresh.append(place)
            seen.add(source.sha256)
    return fresh


def _already(source: Source, load: int) -> Loaded:
    return Loaded(
        load, source.name, 0, 0, (f"{source.short}: these bytes are loaded already, as load {load}; nothing was done.",), True
    )


def _check_rows(target: Target, plan: Plan) -> None:
    if plan.files and target.dataset in WITH_VERSION and not any(file.rows for file in plan.files):
        names = ", ".join(file.scan.source.short for file in plan.files)
        raise BadInput(f"{names}: no rows, so nothing could be compared with this {target.dataset}. Name a file that has rows.")
