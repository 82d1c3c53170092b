"""Training features without a key: profiled on the bins of each version's reference, so that their distribution can be set beside the log's."""

from dataclasses import replace
from datetime import datetime

import pandas as pd

from data import profile as profiling
from data.bins import Source, kept, reference_source
from data.refresh import Refreshed, log_sources
from data.roles import Roles
from data.segmented import segments
from data.sql import literal
from data.store import Connection, Store, columns, table, transact


def by_distribution(store: Store, model: str, roles: Roles, changed: bool, refreshed: Refreshed) -> set[datetime]:
    """Profile the training features as dataset "training"; gives the windows of the log that are to be measured against them.

    Without training features there are none, and what was profiled before is dropped.
    """
    cursor = store.cursor()
    types, sources = columns(cursor, "training", model), log_sources(cursor, model, roles)
    if not sources or not types or not cursor.execute(f"SELECT 1 FROM {table('training', model)} LIMIT 1").fetchone():
        before = forget_training(store, model)
        return _windows(store, model) if before else set()
    served = store.frame("SELECT DISTINCT version FROM main.profiles WHERE model = ? AND dataset = 'log'", [model])["version"].tolist()
    there = store.frame("SELECT DISTINCT version FROM main.profiles WHERE model = ? AND dataset = 'training'", [model])["version"].tolist()
    if not changed and not refreshed.references and set(served) <= set(there):
        return set(refreshed.touched)
    _profile(store, model, replace(roles, score=None, prediction=None, label=None), served)
    return _windows(store, model)


def forget_training(store: Store, model: str) -> bool:
    """Drop these profiles; gives whether there were any."""
    sql = "FROM main.profiles WHERE model = ? AND dataset = 'training'"
    if not store.rows(f"SELECT 1 {sql} LIMIT 1", [model]):
        return False
    transact(store, lambda c: c.execute(f"DELETE {sql}", [model]), f"drop the profiles of training features of {model}")
    return True


def _windows(store: Store, model: str) -> set[datetime]:
    sql = "SELECT DISTINCT window_start FROM main.profiles WHERE model = ? AND dataset = 'log'"
    return {t.to_pydatetime() for t in store.frame(sql, [model])["window_start"]}


def _profile(store: Store, model: str, roles: Roles, versions: list[str]) -> None:
    cursor, rows, types = store.cursor(), table("training", model), columns(store.cursor(), "training", model)
    learnt = kept(cursor, model)
    reference = reference_source(cursor, model, roles)
    values = segments(cursor, [log_sources(cursor, model, roles)[0], *([reference] if reference else [])])
    parts = []
    for version in versions:
        text = literal(version)
        own = f"(SELECT *, {text} AS _this FROM {rows} WHERE _version IN ('', {text}))"
        source = Source(own, types, roles, "_this", "training")
        bins = learnt.get(version) or learnt.get("", {})
        if bins:
            parts += [(source, part) for part in profiling.profile_reference(store, source, bins, version, values)]

    def write(c: Connection) -> None:
        c.execute("DELETE FROM main.profiles WHERE model = ? AND dataset = 'training'", [model])
        for source, part in parts:
            profiling.add(c, model, source, part)

    transact(store, write, f"profile the training features of {model}")


def distributions(store: Store, model: str) -> pd.DataFrame:
    """The profiles of the features in log and training, for models whose rows cannot be joined."""
    sql = """SELECT model, version, dataset, segment, window_start, window_end, "column", kind, rows, min, max, counts FROM main.profiles
        WHERE model = ? AND dataset IN ('log', 'training') AND role = 'feature' ORDER BY "column", version, segment, dataset, window_start"""
    return store.frame(sql, [model])
