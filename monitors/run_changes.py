"""The changes of a model, from the store and back into it: its rows of `changes` and `measurements` are made anew, the same from the same facts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from data.lineage import Facts, facts
from data.sql import literal
from data.store import Connection, Store, append, models, transact
from monitors import changes as told
from monitors import recorded

ORDER = f"""ORDER BY "at", list_position([{", ".join(map(literal, told.KINDS))}], kind), version, what, id"""


def refresh_changes(store: Store, model: str) -> int:
    """Bring the changes of a model up to date; how many there are. Nothing is written where nothing is new."""
    known = facts(store, model)
    found = assemble(known, model)
    measured = _measured(known, found, model)
    kept = store.frame("SELECT count(*) AS n FROM main.measurements WHERE model = ? AND monitor = 'changes'", [model])["n"].iloc[
        0
    ]
    if kept == len(measured) and _same(
        found, changes(store, model=model)
    ):  # a run forgets the measurements of the windows that it touched
        return len(found)

    def write(cursor: Connection) -> None:
        cursor.execute("DELETE FROM main.changes WHERE model = ?", [model])
        cursor.execute("DELETE FROM main.measurements WHERE model = ? AND monitor = 'changes'", [model])
        append(cursor, "changes", found)
        append(cursor, "measurements", measured)

    transact(store, write, f"{len(found)} changes of {model}")
    return len(found)


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    texts = [frame.sort_values("id")[told.COLUMNS].astype(str).to_numpy().tolist() for frame in (one, other)]
    return bool(texts[0] == texts[1])


def assemble(known: Facts, model: str) -> pd.DataFrame:
    """All changes of a model, from all that is known of it."""
    cells = known.cells
    first: Mapping[Any, pd.Timestamp] = cells.groupby("version")["first_time"].min().to_dict()
    rows = [*told.of_log(cells), *told.of_schema(cells, known.columns)] if len(cells) else []
    manifests = told.of_manifests(known.manifests, cells, has_code=bool(cells["code"].notna().any()))
    references = recorded.of_references(known.loads, known.columns, first)
    rows += _without_repeats(manifests, references)
    rows += [*recorded.of_loads(known.loads, known.commits), *recorded.of_roles(known.roles)]
    rows += [*recorded.of_commits(known.commits, model), *recorded.of_thresholds(known.thresholds, model)]
    return told.table(model, rows)


def _without_repeats(manifests: list[told.Row], references: list[told.Row]) -> list[told.Row]:
    """Where both a manifest and a training set tell of a feature, or of other data, it is told once."""
    features = {(row["version"], row["what"]) for row in references if row["kind"] == "schema"}
    trained = {row["version"] for row in manifests if row["what"].startswith("training data")}
    kept = [row for row in manifests if row["kind"] != "schema" or (row["version"], row["what"]) not in features]
    return [*kept, *(row for row in references if row["kind"] != "data" or row["version"] not in trained)]


def _measured(known: Facts, found: pd.DataFrame, model: str) -> pd.DataFrame:
    cells = known.cells
    if cells.empty:
        return told.measure(found.head(0), model, pd.Timestamp.now("UTC"), pd.Timestamp.now("UTC"))
    last = cells["last_time"].max().floor("D") + pd.Timedelta(days=1)
    return told.measure(found, model, cells["first_time"].min().floor("D"), last)


def changes(
    store: Store, *, model: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> pd.DataFrame:
    """The changes that are known, by time: id, model, version, at, kind, what, before, after, detail, origin, author."""
    sql = f"""SELECT * FROM main.changes WHERE ($model IS NULL OR model = $model)
        AND ($since IS NULL OR "at" >= $since) AND ($until IS NULL OR "at" < $until) {ORDER}"""
    return store.frame(sql, {"model": model, "since": since, "until": until})


def refresh_all(store: Store, model: str | None = None) -> None:
    """`refresh_changes` of one model or of all."""
    for name in [model] if model is not None else models(store):
        refresh_changes(store, name)
