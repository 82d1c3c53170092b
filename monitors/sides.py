"""Sides: the two values of each mismatched pair as arrays, ready for hypotheses on what made them differ."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Texts = NDArray[np.object_]
Mask = NDArray[np.bool_]
MOST_DECIMALS = 6
FLOAT = 2.5e-7  # what a copy in float32 and a short sum in it may differ by, as a share: data/join.py


@dataclass(frozen=True, slots=True)
class Sides:
    """Served (`a`) and training values (`b`) of pairs of one column. Texts are None for null, numbers NaN for what is none."""

    column: str
    is_number: bool
    served: Texts
    trained: Texts
    a: Floats
    b: Floats
    served_misfit: Mask
    trained_misfit: Mask
    twins: Texts
    chance_twins: Texts
    earlier: Texts
    later: Texts
    segments: Texts
    time: NDArray[np.int64]  # µs

    def __len__(self) -> int:
        return len(self.served)

    @property
    def both(self) -> Mask:
        """Where both sides have a number, and not the same one: as texts 1 and 1.0 differ."""
        return np.asarray(np.isfinite(self.a) & np.isfinite(self.b) & (self.a != self.b), bool)

    @property
    def there(self) -> Mask:
        """Where both sides have a value."""
        return not_null(self.served) & not_null(self.trained)

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Sides":
        """Some of the pairs."""
        rest = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.name not in ("column", "is_number")}
        return Sides(self.column, self.is_number, **rest)

    def mixed_up(self, order: NDArray[np.intp]) -> "Sides":
        """The training values dealt out to other pairs: what a hypothesis explains of these, it explains by chance."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        return Sides(**own | {name: own[name][order] for name in ("trained", "b", "trained_misfit")})


def of(pairs: pd.DataFrame, column: str) -> Sides:
    """The sides of pairs as `data.mismatches` keeps them."""
    served, trained = (_texts(pairs[name]) for name in ("served", "trained"))
    is_number = str(pairs["kind"].iat[0]) == "number"
    misfits = [pairs[name].fillna(False).to_numpy(bool) for name in ("served_misfit", "trained_misfit")]
    twins, chance, earlier, later, segments = (
        _lists(pairs[name]) for name in ("twins", "chance_twins", "earlier", "later", "segments")
    )
    times = pairs["time"].to_numpy("datetime64[us]").astype(np.int64)
    a, b = numbers(served), numbers(trained)
    return Sides(column, is_number, served, trained, a, b, misfits[0], misfits[1], twins, chance, earlier, later, segments, times)


def _texts(values: pd.Series) -> Texts:
    found: Texts = values.astype(object).where(values.notna(), None).to_numpy(object)
    return found


def _lists(values: pd.Series) -> Texts:
    """Lists as they are, with None for what is missing in them: DuckDB gives masked arrays."""
    found = np.empty(len(values), object)
    found[:] = [[None if one is np.ma.masked or pd.isna(one) else one for one in listed] for listed in values]
    return found


def numbers(texts: Texts) -> Floats:
    """Texts as numbers; NaN for null and for what is no number."""
    found: Floats = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(np.float64)
    return found


def not_null(texts: Texts) -> Mask:
    return np.array([text is not None for text in texts], bool)


def near(a: Floats, b: Floats, share: float = FLOAT) -> Mask:
    """Equal but for what float32 gives."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(np.isfinite(a) & np.isfinite(b) & (np.abs(a - b) <= share * np.maximum(np.abs(a), np.abs(b))), bool)


def decimals(values: Floats) -> NDArray[np.int64]:
    """With how many decimals a number is written, a float32's noise apart; MOST_DECIMALS + 1 for more than that."""
    found = np.full(len(values), MOST_DECIMALS + 1, np.int64)
    finite = np.isfinite(values)
    for k in range(MOST_DECIMALS, -1, -1):
        rounded: Floats = np.round(np.where(finite, values, 0.0), k).astype(np.float64)
        # What looks like few decimals only because the number is large is not: the noise must stay far below the last decimal.
        clear = np.abs(values) * FLOAT < 0.05 * 10.0**-k
        found[finite & clear & (near(rounded, values) | (rounded == values))] = k
    return found


def most(values: Floats) -> tuple[float, int]:
    """The most frequent of some numbers, those taken together that float32 would make differ; and how often it is there."""
    if not len(values):
        return np.nan, 0
    ordered = np.sort(values)
    ends = np.searchsorted(ordered, ordered + 4 * FLOAT * np.abs(ordered) + 1e-12, side="right")
    lengths = ends - np.arange(len(ordered))
    at = int(np.argmax(lengths))
    return float(np.median(ordered[at : ends[at]])), int(lengths[at])


def most_text(texts: Texts) -> tuple[str, int]:
    """The most frequent text, and how often it is there."""
    counts = pd.Series(texts, dtype=object).value_counts()
    return (str(counts.index[0]), int(counts.iloc[0])) if len(counts) else ("", 0)


def distinct(values: Floats | Texts) -> int:
    """How many different values there are, null apart."""
    return int(pd.Series(values).nunique())
