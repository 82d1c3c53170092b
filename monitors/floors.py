"""The floors of drift as they are kept: what chance gives (noise) and what the reference's own windows give (usual). They change only with the
reference, so a day more of log does not make them anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from monitors.distances import Floats
from monitors.noise import Curve

COLUMNS = ["model", "version", "column", "segment", "metric", "kind", "period", "days", "rows", "values", "reference_rows"]
Key = tuple[str, str, str]  # version of the reference, column, segment
Days = tuple[int, int]  # position in coverage.PERIODS; a bit for each day that is there, 0 for all of them


@dataclass(frozen=True, slots=True)
class Floors:
    """`curves` of noise, and for some days of a period what is usual: metric → value."""

    curves: Mapping[Key, tuple[Curve, ...]] = field(default_factory=dict)
    usual: Mapping[tuple[Key, Days], Mapping[str, float]] = field(default_factory=dict)
    days: Mapping[tuple[str, str], frozenset[Days]] = field(default_factory=dict)  # by version and column: of which days `usual` is known


def read(table: pd.DataFrame) -> Floors:
    """Floors from the rows that `of_curves` and `of_usual` made."""
    curves: dict[Key, dict[tuple[float, ...], dict[str, Floats]]] = {}
    total: dict[Key, float] = {}
    usual: dict[tuple[Key, Days], dict[str, float]] = {}
    days: dict[tuple[str, str], set[Days]] = {}
    for row in table.to_dict("records"):
        key = (row["version"], row["column"], row["segment"])
        if row["kind"] == "noise":
            curves.setdefault(key, {}).setdefault(tuple(row["rows"]), {})[row["metric"]] = np.asarray(row["values"], float)
            total[key] = row["reference_rows"]
        else:
            which = (int(row["period"]), int(row["days"]))
            usual.setdefault((key, which), {})[row["metric"]] = float(np.ma.filled(row["values"], np.nan)[0])
            days.setdefault(key[:2], set()).add(which)
    made = {k: tuple(Curve(np.array(n), scaled, total[k]) for n, scaled in of.items()) for k, of in curves.items()}
    return Floors(made, usual, {k: frozenset(v) for k, v in days.items()})


def of_curves(model: str, key: Key, curves: Iterable[Curve]) -> list[tuple[object, ...]]:
    """Rows of the table: one a metric of each curve."""
    return [
        (model, *key, metric, "noise", 0, 0, curve.rows.tolist(), scaled.tolist(), curve.reference_rows)
        for curve in curves
        for metric, scaled in curve.scaled.items()
    ]


def of_usual(model: str, key: Key, days: Days, metrics: Sequence[str], values: Floats) -> list[tuple[object, ...]]:
    """Rows of the table: one a metric, NaN where too few windows tell."""
    return [(model, *key, m, "usual", *days, [], [float(v)], np.nan) for m, v in zip(metrics, values, strict=True)]


def table(rows: Iterable[tuple[object, ...]]) -> pd.DataFrame:
    """Rows as a table, empty or not."""
    return pd.DataFrame(list(rows), columns=COLUMNS)
