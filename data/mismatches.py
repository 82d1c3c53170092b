"""Mismatches: of each window some pairs that differ, kept as they are, so that a cause can be found without the rows and shown by example.

Of each column, window and version those with the least hashes of their keys are drawn: the same ones each time, and of windows put together a
draw of the whole. Beside each pair stands what a cause cannot see in it: which other features of training hold the served value, and when
training last had that value before, and next after. Both come with a control that says how often that would be so by chance.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from data.join import Join, met, text_of
from data.segmented import Values
from data.sql import literal, quote
from data.store import Store, table

DRAWN = 100  # pairs of a column, version and window
AROUND_US = 7 * 86_400_000_000  # how far back and ahead a value is looked for in training
COLUMNS = [
    "model", "version", "column", "kind", "window_start", "window_end", "key", "time", "segments", "served", "trained", "served_misfit",
    "trained_misfit", "twins", "chance_twins", "earlier", "later",
]  # fmt: skip


def draw(store: Store, how: Join, counts: pd.DataFrame, turn: list[int], values: Values) -> pd.DataFrame:
    """The drawn mismatches of some windows, as rows of the table `mismatches`.

    `counts` are those of the same windows, as `pairs.compared` gives them: only what has mismatches is read again.
    """
    differing = counts[(counts["segment"] == "all") & (counts["mismatched"] > 0)]
    parts = []
    for column, rows in differing.groupby("column", sort=True):
        starts = rows["window_start"].dt.as_unit("us").astype("int64") // how.log.window_us
        parts.append(_of_column(store, how, str(column), sorted(set(starts.tolist()) & set(turn)), values))
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    present = pd.MultiIndex.from_frame(differing[["version", "column"]].drop_duplicates())
    found = found[pd.MultiIndex.from_frame(found[["version", "column"]]).isin(present)]  # not of features that a version does not take
    return found.reindex(columns=COLUMNS).reset_index(drop=True)


def _of_column(store: Store, how: Join, column: str, windows: list[int], values: Values) -> pd.DataFrame:
    name = literal(column)
    segments = [f"{literal(one.column + '=')} || {one.of(lambda c: text_of(c, 'l', how.log))}" for one in values]
    sides = []
    for side, own in (("l", "served"), ("t", "trained")):
        misfit = f"{side}._misfits[{name}]"
        sides += [f"coalesce({misfit}, CAST({side}.{quote(column)} AS VARCHAR)) AS {own}", f"{misfit} IS NOT NULL AS {own}_misfit"]
    picked = [
        f"{how.window} AS w", f"{how.version} AS version", f"CAST(l.{quote(how.key)} AS VARCHAR) AS key", f"{how.time} AS time",
        f"[{', '.join(segments)}]::VARCHAR[] AS segments", *sides, "t._load AS t_load", "t._row AS t_row",
        f"hash(l.{quote(how.key)}) AS h", "l._load AS l_load", "l._row AS l_row", f"t._row IS NOT NULL AND {how.differs[column]} AS differs",
    ]  # fmt: skip
    sql = f"""WITH joined AS (SELECT {", ".join(picked)} FROM {met(how, windows)})
        SELECT * EXCLUDE (differs, l_load, l_row) FROM joined WHERE differs
        QUALIFY row_number() OVER (PARTITION BY w, version ORDER BY h, l_load, l_row) <= {DRAWN}
        ORDER BY h, w, version, l_load, l_row"""
    drawn = store.frame(sql)
    start = pd.to_datetime(drawn["w"] * how.log.window_us, unit="us", utc=True)
    drawn["window_start"], drawn["window_end"] = start, start + pd.Timedelta(how.log.window_us, "us")
    drawn = drawn.assign(model=how.model, column=column, kind=how.columns[column], place=np.arange(len(drawn)))
    drawn["twins"] = _twins(store, how, column, drawn)
    shifted = drawn.assign(t_load=np.roll(drawn["t_load"], 1), t_row=np.roll(drawn["t_row"], 1))
    drawn["chance_twins"] = _twins(store, how, column, shifted)
    earlier, later = _nearby(store, how, column, drawn, values)
    return drawn.assign(earlier=pd.Series(earlier, dtype=object), later=pd.Series(later, dtype=object))


def _twins(store: Store, how: Join, column: str, drawn: pd.DataFrame) -> list[list[str]]:
    """Of each pair the other features whose value in the training row is the served one."""
    others = [c for c in how.columns if c != column]
    cases = [f"CASE WHEN CAST(t.{quote(c)} AS VARCHAR) = d.served THEN {literal(c)} END" for c in others]
    cursor = store.cursor()
    cursor.register("drawn_pairs", drawn[["place", "served", "t_load", "t_row"]].astype({"served": object}))
    sql = f"""SELECT d.place, list_filter([{", ".join(cases)}]::VARCHAR[], x -> x IS NOT NULL) AS twins FROM drawn_pairs d
        JOIN {table("training", how.model)} t ON t._load = d.t_load AND t._row = d.t_row ORDER BY d.place"""
    found = cursor.execute(sql).fetchall()
    cursor.unregister("drawn_pairs")
    return [twins for _, twins in found]


def _nearby(store: Store, how: Join, column: str, drawn: pd.DataFrame, values: Values) -> tuple[list[list[Any]], list[list[Any]]]:
    """When training last had the served value before each pair, and next after it: anywhere, then in the same value of each segment column.

    Looked for within a week; to the quarter of an hour where one holds the value many times.
    """
    earlier: list[list[Any]] = [[None] * (1 + len(values)) for _ in range(len(drawn))]
    later: list[list[Any]] = [[None] * (1 + len(values)) for _ in range(len(drawn))]
    for i, entity in enumerate([None, *(one.column for one in values if not one.crossed)]):
        for place, before, after in _history(store, how, column, drawn, entity, i - 1):
            earlier[place][i], later[place][i] = before, after
    return earlier, later


def _history(
    store: Store, how: Join, column: str, drawn: pd.DataFrame, entity: str | None, at: int
) -> Iterable[tuple[int, object, object]]:
    asked = drawn[["place", "served", "time"]].assign(entity="" if entity is None else [s[at] for s in drawn["segments"]])
    asked = asked[asked["served"].notna() & asked["entity"].notna()]  # the rest of a column is no value of it, so it meets nothing
    if asked.empty:
        return []
    step = how.log.window_us
    first, last = (int(t.timestamp() * 1e6) for t in (asked["time"].min(), asked["time"].max()))
    reach = list(range((first - AROUND_US) // step, (last + AROUND_US) // step + 1))
    own = "''" if entity is None else f"{literal(entity + '=')} || {text_of(entity, 'l', how.log)}"
    cursor = store.cursor()
    cursor.register("asked_pairs", asked.astype({"served": object, "entity": object}))
    sql = f"""WITH joined AS (SELECT {own} AS entity, CAST(t.{quote(column)} AS VARCHAR) AS value, {how.time} AS time FROM {met(how, reach)}),
        history AS (SELECT j.entity, j.value, min(j.time) AS low, max(j.time) AS high FROM joined j
            SEMI JOIN asked_pairs a ON a.served = j.value AND a.entity = j.entity
            GROUP BY j.entity, j.value, epoch_us(j.time) // 900000000)
        SELECT a.place, max(CASE WHEN h.high < a.time THEN h.high WHEN h.low < a.time THEN h.low END) AS earlier,
            min(CASE WHEN h.low > a.time THEN h.low WHEN h.high > a.time THEN h.high END) AS later
        FROM asked_pairs a JOIN history h ON h.entity = a.entity AND h.value = a.served
        WHERE abs(epoch_us(h.low) - epoch_us(a.time)) <= {AROUND_US} GROUP BY a.place ORDER BY a.place"""
    found = cursor.execute(sql).df()
    cursor.unregister("asked_pairs")
    times = found[["earlier", "later"]].astype(object).where(found[["earlier", "later"]].notna(), None)
    return zip(found["place"].tolist(), times["earlier"], times["later"], strict=True)
