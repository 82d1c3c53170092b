"""Counting outcomes: from rows with labels to the rows of the table `quality`. SQL groups by segment and bin, NumPy makes the sparse lists.

What the columns mean stands in monitors/outcomes.py. Of a regression only finite numbers count as prediction and label; of scores only those within
[0, 1] are probabilities, and what is beyond 0.5, if finite, is the prediction of a model that logs none.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from data.bins import Source
from data.engines.places import Bins, Floats
from data.profile import NO_TIME, version_of, window_of, within
from data.segmented import Values, text_of
from data.sql import literal, quote
from data.store import Connection
from data.tasks import Task, class_sql

SCORE_BINS = 1000  # equal ones of [0, 1]
RATIO = float(np.log(1.01 / 0.99))  # each edge 2 % above the one before: the middle of a bin is within 1 % of all in it
ERROR_EDGES: Floats = 1e-9 * np.exp(RATIO * np.arange(2419))  # of |error|
LAG_EDGES: Floats = np.exp(RATIO * np.arange(986)) / 3600  # of hours
STEPS = 2.0**36  # of 1, in which what is bounded is added up
LEAST = -900  # exponent of 2; the square of what is smaller would be no whole number of last digits
ERROR = f"CASE WHEN isinf(p - y) THEN sign(p - y) * {sys.float_info.max!r} ELSE p - y END"  # of two huge numbers it may have no double
CLIP = 1e-15  # a probability nearer to 0 or 1 counts as this near, else one row's log loss is infinite
KEYS = ["version", "segment", "window"]
Columns = dict[str, Any]  # arrays, and lists as Arrow holds them


@dataclass(frozen=True, slots=True)
class Sets:
    """The segment columns of each grouping, and the SQL of a result row's segment: null for rows that belong to none."""

    columns: tuple[tuple[str, ...], ...]
    label: str


@dataclass(frozen=True, slots=True)
class Cells:
    """How rows are told apart: by segments, and for a regression, version → the bins of its prediction."""

    values: Values
    spots: Mapping[str, Bins]


def count(cursor: Connection, source: Source, task: Task, turn: pd.DataFrame, cells: Cells) -> pa.Table:
    """The outcomes of some windows: version, segment, window (since the epoch), class and the counts of the table `quality`.

    Parameters
    ----------
    source : log or reference, with its labels.
    turn : the windows, as `profile.windows` gives them; NO_TIME alone for all rows as one.
    cells : how the rows are told apart.
    """
    _gather(cursor, source, task, turn, cells)
    sets = _sets(cells)
    try:
        groups, columns = _of_numbers(cursor, sets) if task.kind == "regression" else _of_classes(cursor, task, sets)
        columns |= _lags(cursor, sets, groups, len(task.counted))
    finally:
        cursor.execute("DROP TABLE IF EXISTS temp.outcomes")
    k = len(task.counted)
    keys = {name: np.repeat(groups[name].to_numpy(object if name != "window" else np.int64), k) for name in KEYS}
    named = {"class": np.tile(np.array(task.counted, object), len(groups)), "kind": np.full(len(groups) * k, task.kind, object)}
    return pa.table({name: column if isinstance(column, pa.Array) else pa.array(column) for name, column in (keys | named | columns).items()})


# ---- the rows of a turn ----------------------------------------------------------------------------------------------------------


def _gather(cursor: Connection, source: Source, task: Task, turn: pd.DataFrame, cells: Cells) -> None:
    """The temporary table `outcomes`: of each row its window, version and segments, and what came of it."""
    whole = (turn["window"] == NO_TIME).all()
    window = f"{NO_TIME}::BIGINT" if whole else window_of(source)
    picked = [f"{window} AS w", f"{version_of(source)} AS v", *_segments(source, cells), _lag(source)]
    told = _numbers(source) if task.kind == "regression" else _classes(source, task)
    sql = f"SELECT {', '.join([*picked, *told])} FROM {source.rows} WHERE {within(source, turn)}"
    if task.kind == "regression":
        edges = pa.concat_tables([_edges(v, b) for v, b in cells.spots.items()] or [_edges("", Bins("number"))])
        cursor.register("spot_edges", edges)
        sql = f"""SELECT r.*, CASE WHEN p IS NOT NULL THEN coalesce(e.spot, 0) END AS spot FROM ({sql}) r
            ASOF LEFT JOIN spot_edges e ON e.version = r.v AND r.p > e.edge"""
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE outcomes AS {sql}")
    if task.kind == "regression":
        cursor.unregister("spot_edges")


def _edges(version: str, bins: Bins) -> pa.Table:
    edges = pa.array(bins.edges, pa.float64())
    return pa.table({"version": pa.array([version] * len(edges), pa.string()), "edge": edges, "spot": pa.array(range(1, len(edges) + 1), pa.int32())})


def _segments(source: Source, cells: Cells) -> list[str]:
    return [f"{one.of(partial(text_of, source))} AS segment_{i}" for i, one in enumerate(cells.values)]


def _lag(source: Source) -> str:
    """Hours from the prediction to its label, of rows that have both times and a label."""
    label, came, made = source.roles.label, source.roles.label_time, source.roles.timestamp
    if any(name is None or name not in source.types for name in (label, came, made)):
        return "NULL::DOUBLE AS lag"
    hours = f"(epoch_us({quote(str(came))}) - epoch_us({quote(str(made))})) / 3600000000.0"
    return f"CASE WHEN {quote(str(label))} IS NOT NULL THEN {hours} END AS lag"


def _numbers(source: Source) -> list[str]:
    found = []
    for name, column in (("p", source.roles.prediction), ("y", source.roles.label)):
        x = quote(str(column)) if column is not None and source.types.get(column) == "DOUBLE" else "NULL::DOUBLE"
        found.append(f"CASE WHEN isfinite({x}) THEN {x} END AS {name}")
    return found


def _classes(source: Source, task: Task) -> list[str]:
    """Label and prediction as places of classes, and the scores: all null where one is no probability."""
    raw = [quote(c) if source.types.get(c) == "DOUBLE" else "NULL::DOUBLE" for c in task.scores]
    sound = " AND ".join(f"{x} BETWEEN 0 AND 1" for x in raw)  # false for NaN and infinity, null for null
    scores = [f"CASE WHEN {sound} THEN {x} END AS p{i}" for i, x in enumerate(raw)]
    label, prediction = source.roles.label, source.roles.prediction
    told = class_sql(task, label, source) if label is not None else "NULL::INTEGER"
    if prediction is not None and prediction in source.types and not task.scored:
        said = class_sql(task, prediction, source)
    elif task.kind == "binary" and raw:
        positive = task.classes.index(task.positive)
        other = 1 - positive if len(task.classes) == 2 else -1
        said = f"CASE WHEN isfinite({raw[0]}) THEN CASE WHEN {raw[0]} >= 0.5 THEN {positive} ELSE {other} END END"
    elif raw:
        said = f"CASE WHEN {sound} THEN list_position([{', '.join(raw)}], greatest({', '.join(raw)})) - 1 END"
    else:
        said = "NULL::INTEGER"
    return [f"{told} AS y", f"{said} AS d", *scores]


# ---- grouping --------------------------------------------------------------------------------------------------------------------


def _sets(cells: Cells) -> Sets:
    """All groupings: the whole, each segment column, each two of them."""
    names = [f"segment_{i}" for i in range(len(cells.values))]
    single = [f"{literal(one.column + '=')} || {name}" for name, one in zip(names, cells.values, strict=True)]
    # The rest of a column is no value, so it is in no pair; null added to a text is null.
    told = zip(names, single, cells.values, strict=True)
    kept = [f"CASE WHEN {name} <> {literal(one.rest)} THEN {x} END" if one.rest else x for name, x, one in told]
    pairs = list(combinations(range(len(names)), 2))
    cases = [f"WHEN grouping({names[i]}) = 0 AND grouping({names[j]}) = 0 THEN {kept[i]} || ' & ' || {kept[j]}" for i, j in pairs]
    cases += [f"WHEN grouping({name}) = 0 THEN {x}" for name, x in zip(names, single, strict=True)]
    label = f"CASE {' '.join(cases)} ELSE 'all' END" if cases else "'all'"
    return Sets(((), *((n,) for n in names), *((names[i], names[j]) for i, j in pairs)), label)


def _grouped(cursor: Connection, sets: Sets, dims: str, what: str, rows: str = "temp.outcomes") -> pd.DataFrame:
    """One query for all segments: version, segment, window, `dims` and the aggregates `what`, in this order."""
    groupings = ", ".join(f"({', '.join(['w', 'v', *one, dims])})" for one in sets.columns)
    sql = f"""SELECT * FROM (SELECT v AS version, {sets.label} AS segment, w AS "window", {dims}, {what} FROM {rows}
        GROUP BY GROUPING SETS ({groupings})) WHERE segment IS NOT NULL ORDER BY version, segment, "window", {dims}"""
    return cursor.execute(sql).df()


def _groups(found: pd.DataFrame) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """The (version, segment, window) of sorted rows, and to each row the place of its own."""
    first = ~found.duplicated(KEYS).to_numpy()
    return found.loc[first, KEYS].reset_index(drop=True), np.cumsum(first) - 1


def _places(groups: pd.DataFrame, found: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The place in `groups` of each row."""
    numbered = groups.assign(place=np.arange(len(groups)))
    return found[KEYS].merge(numbered, "left", KEYS)["place"].to_numpy(np.int64)


def _lists(places: npt.NDArray[np.int64], size: int, columns: Mapping[str, npt.NDArray[np.generic]]) -> Columns:
    """List columns with one list for each of `size` places, from rows in the order of their places."""
    offsets = pa.array(np.r_[0, np.cumsum(np.bincount(places, minlength=size))].astype(np.int32))
    return {name: pa.ListArray.from_arrays(offsets, pa.array(column)) for name, column in columns.items()}


def _lags(cursor: Connection, sets: Sets, groups: pd.DataFrame, times: int) -> Columns:
    """The lags, the same for each of a group's classes; nothing where no row has one."""
    if not (cursor.execute("SELECT count(lag) FROM temp.outcomes").fetchone() or (0,))[0]:
        return {}
    rows = f"(SELECT *, {_bin('lag', LAG_EDGES)} AS lag_bin FROM temp.outcomes WHERE lag IS NOT NULL)"
    found = _grouped(cursor, sets, "lag_bin", f"count(*) AS n, {_exact('lag')} AS total", rows)
    place = _places(groups, found)
    total = np.bincount(place, found["total"], len(groups))
    sizes = np.bincount(place, minlength=len(groups))
    taken = np.concatenate([np.tile(np.arange(end - n, end), times) for n, end in zip(sizes, np.cumsum(sizes), strict=True)])
    again = np.repeat(np.arange(len(groups) * times), np.repeat(sizes, times))
    lists = {"lag_bins": found["lag_bin"].to_numpy(np.int32)[taken], "lag_counts": found["n"].to_numpy(np.int64)[taken]}
    return _lists(again, len(groups) * times, lists) | {"lag_sum": np.repeat(total, times)}


def _bin(x: str, edges: Floats) -> str:
    """The place of a number between edges of equal ratio: bin i is (edge i-1, edge i]."""
    first, last = float(edges[0]), float(edges[-1])
    return f"(CASE WHEN {x} <= {first!r} THEN 0 WHEN {x} > {last!r} THEN {len(edges)} ELSE ceil(ln({x} / {first!r}) / {RATIO!r}) END)::INTEGER"


def _exact(x: str, where: str = "true") -> str:
    """The sum of a number that is bounded (a score, a loss, hours), in steps of 2^-36: whole numbers add up to the same whichever comes
    first, which doubles in two threads do not, and the same rows have to give the same bytes."""
    return f"coalesce(sum(round(({x}) * {STEPS})::BIGINT) FILTER ({where}), 0)::DOUBLE / {STEPS}"


# ---- classes ---------------------------------------------------------------------------------------------------------------------


def _of_classes(cursor: Connection, task: Task, sets: Sets) -> tuple[pd.DataFrame, Columns]:
    """The groups, and of each class in each of them the counts by prediction and label, and by score."""
    cube = _grouped(cursor, sets, "d, y", "count(*) AS n")
    groups, place = _groups(cube)
    k, size, n = len(task.classes), len(groups), cube["n"].to_numpy(np.int64)
    d, y = (cube[name].fillna(-2).to_numpy(np.int64) for name in "dy")  # -1: a class that is not counted, -2: null
    kept = [task.classes.index(name) for name in task.counted]

    def total(where: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.repeat(np.bincount(place[where], n[where], size).astype(np.int64), len(kept))

    def by_class(where: npt.NDArray[np.bool_], of: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        where = where & (of >= 0)
        counts = np.bincount(place[where] * k + of[where], n[where], size * k).astype(np.int64).reshape(size, k)
        return counts[:, kept].ravel()

    both = (d > -2) & (y > -2)
    labelled, selected, tp = total(both), by_class(both, d), by_class(both & (d == y), d)
    own = by_class(both, y)
    found: Columns = {"rows": total(d > -3), "predicted": total(d > -2), "selected": by_class(d > -2, d), "labelled": labelled}
    found |= {"tp": tp, "fp": selected - tp, "fn": own - tp, "tn": labelled - selected - own + tp}
    at = np.full(k, -1)
    at[kept] = np.arange(len(kept))
    told = (d >= 0) & (y >= 0) & (at[d] >= 0)
    names = {"labels": np.array(task.classes, object)[y[told]], "label_counts": n[told]}
    found |= _lists(place[told] * len(kept) + at[d[told]], size * len(kept), names)
    found["scored"] = np.zeros(size * len(kept), np.int64)
    return groups, found | (_scores(cursor, task, sets, groups, kept) if task.scores else {})


def _scores(
    cursor: Connection, task: Task, sets: Sets, groups: pd.DataFrame, kept: list[int]
) -> Columns:
    """Of each class in each group what is counted by bins of its score."""
    n = len(kept)
    scores, classes = (f"unnest([{', '.join(parts)}])" for parts in ((f"p{i}" for i in range(n)), map(str, kept)))
    own = [f"unnest({list(range(n))}) AS own", f"{scores} AS p", f"{classes} AS c"] if n > 1 else ["0 AS own", "p0 AS p", f"{kept[0]} AS c"]
    rows = f"""(SELECT *, y = c AS hit, least(floor(p * {SCORE_BINS}), {SCORE_BINS - 1})::INTEGER AS bin, greatest(least(p, 1 - {CLIP}), {CLIP}) AS q
        FROM (SELECT * EXCLUDE ({", ".join(f"p{i}" for i in range(n))}), {", ".join(own)} FROM temp.outcomes WHERE p0 IS NOT NULL))"""
    # The row of one class of many has the loss of its own rows, so that the classes add up to the whole.
    loss = "CASE WHEN hit THEN -ln(q) ELSE -ln(1 - q) END" if task.kind == "binary" else "CASE WHEN hit THEN -ln(q) ELSE 0 END"
    told = "y IS NOT NULL"
    # Not count_if: on 1.5.5 it gives null where all is null.
    what = f"""count(*) FILTER (hit) AS positives, count(*) FILTER (NOT hit) AS negatives, count(*) FILTER (y IS NULL) AS unlabelled,
        {_exact("p", told)} AS score_sums, {_exact(loss, told)} AS loss, {_exact("(p - hit::INTEGER) ** 2", told)} AS square"""
    found = _grouped(cursor, sets, "own, bin", what, rows)
    place, size = _places(groups, found) * n + found["own"].to_numpy(np.int64), len(groups) * n
    scored = found["positives"] + found["negatives"]
    sums = {"scored": np.bincount(place, scored, size).astype(np.int64)}
    sums |= {name: np.bincount(place, found[of], size) for name, of in (("log_loss_sum", "loss"), ("brier_sum", "square"))}
    lists = {name: found[name].to_numpy(np.int64) for name in ("positives", "negatives", "unlabelled")}
    lists |= {"score_sums": found["score_sums"].to_numpy(float)}
    return sums | _lists(place, size, {"bins": found["bin"].to_numpy(np.int32), **lists})


# ---- numbers ---------------------------------------------------------------------------------------------------------------------


def _of_numbers(cursor: Connection, sets: Sets) -> tuple[pd.DataFrame, Columns]:
    """The groups, and of each of them the counts by error and by prediction."""
    what = f"""count(*) AS rows, count(p) AS predicted, count(y) FILTER (p IS NOT NULL) AS labelled,
        count(*) FILTER (p >= y) AS positives, count(*) FILTER (p < y) AS negatives, {_whole("error")} AS error_sum,
        {_whole("abs(error)")} AS error_abs, {_whole("error", 2)} AS error_squares"""
    rows = f"(SELECT *, {ERROR} AS error, {_bin('abs(error)', ERROR_EDGES)} AS bin, {_exponent('error')} AS e FROM temp.outcomes)"
    found = _added(_grouped(cursor, sets, "bin, e", what, rows), "bin", {"error_sum": 1, "error_abs": 1, "error_squares": 2})
    groups, place = _groups(found)
    size = len(groups)
    columns: Columns = {c: np.bincount(place, found[c], size).astype(np.int64) for c in ("rows", "predicted", "labelled")}
    columns |= {name: np.bincount(place, found[name], size) for name in ("error_sum", "error_abs", "error_squares")}
    columns |= {"scored": columns["labelled"]} | _label_sums(cursor, sets, groups)
    some = found["bin"].notna().to_numpy()
    lists = {name: found.loc[some, name].to_numpy(np.int64) for name in ("positives", "negatives")}
    lists |= {"unlabelled": np.zeros(int(some.sum()), np.int64), "score_sums": found.loc[some, "error_abs"].to_numpy(float)}
    columns |= _lists(place[some], size, {"bins": found.loc[some, "bin"].to_numpy(np.int32), **lists})
    return groups, columns | _spots(cursor, sets, groups)


def _label_sums(cursor: Connection, sets: Sets, groups: pd.DataFrame) -> Columns:
    """Of the rows with prediction and label."""
    rows = f"(SELECT *, {_exponent('y')} AS e FROM temp.outcomes WHERE p IS NOT NULL AND y IS NOT NULL)"
    powers = {"label_sum": 1, "label_squares": 2}
    found = _grouped(cursor, sets, "e", ", ".join(f"{_whole('y', power)} AS {name}" for name, power in powers.items()), rows)
    found = _added(found, None, powers)
    place = _places(groups, found)
    return {name: np.bincount(place, found[name], len(groups)) for name in powers}


def _spots(cursor: Connection, sets: Sets, groups: pd.DataFrame) -> Columns:
    """Where on the reference's bins the predictions lie, and how wrong they are there."""
    what = f"""count(*) AS spot_rows, count(y) AS spot_labelled, {_whole("abs(error)")} AS spot_errors, {_whole("error", 2)} AS spot_squares"""
    rows = f"(SELECT *, {ERROR} AS error, {_exponent('error')} AS e FROM temp.outcomes WHERE spot IS NOT NULL)"
    found = _added(_grouped(cursor, sets, "spot, e", what, rows), "spot", {"spot_errors": 1, "spot_squares": 2})
    lists = {name: found[name].to_numpy(np.int64) for name in ("spot_rows", "spot_labelled")}
    lists |= {name: found[name].to_numpy(float) for name in ("spot_errors", "spot_squares")}
    return _lists(_places(groups, found), len(groups), {"spots": found["spot"].to_numpy(np.int32), **lists})


# Numbers without bounds are added up by their exponents, as whole numbers of each one's last digit: these add up to the same whichever
# comes first, which doubles in two threads do not, and the same rows have to give the same bytes.


def _exponent(x: str) -> str:
    return f"CASE WHEN {x} = 0 THEN {LEAST} ELSE greatest(floor(log2(abs({x}))), {LEAST}) END::INTEGER"


def _whole(x: str, power: int = 1) -> str:
    """The sum of a power of numbers that share the exponent `e`, in units of 2^(power · e - 52)."""
    return f"coalesce(sum(round((({x}) / pow(2, e)) ** {power} * pow(2, 52))::BIGINT), 0)::DOUBLE"


def _added(found: pd.DataFrame, dim: str | None, powers: Mapping[str, int]) -> pd.DataFrame:
    """Rows of `_grouped` with those that differ in their exponent alone as one; the sums as numbers."""
    e = found["e"].fillna(0).to_numpy(float)
    with np.errstate(over="ignore"):  # the square of the greatest numbers is infinite
        sums = {name: np.ldexp(found[name], (power * e - 52).astype(int)) for name, power in powers.items()}
    found = found.drop(columns="e").assign(**sums)
    return found.groupby([*KEYS, *([dim] if dim else [])], dropna=False, as_index=False).sum()
