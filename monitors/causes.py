"""Causes: why served features are not those of training, found from the pairs that differ.

Every hypothesis says which pairs it explains exactly. The one that explains most, beyond what it explains when the training values are dealt out
at random, is taken; then the rest is explained in the same way. What fits only by chance stays unexplained: a wrong cause costs more than none.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import numeric_causes, shared_causes, sides, text_causes
from monitors.sides import Mask, Sides

DRAWN = 10_000  # pairs of a column that are looked at
FEWEST = 5  # pairs that a cause has to explain, and
LEAST = 0.05  # share of the pairs
SHOWN = 5  # examples of each
MOST = 5  # causes of one column
TIE = 0.98  # of two that explain about as much, the simpler one
CHANCE = 0.7  # of what a cause explains may be chance (a column of two values gives half); and it has to explain clearly more
VARIED = 0.1  # of the pairs of a formula have to have other values than the most frequent one
NONE = "none"

# From simple to general; where two explain the same pairs, the first is told.
HYPOTHESES: tuple[Callable[[Sides, float], Iterable["Found"]], ...] = (
    *shared_causes.FIRST, *numeric_causes.EXACT, *text_causes.ALL, *shared_causes.MIDDLE, *numeric_causes.BROAD, *shared_causes.LAST,
)  # fmt: skip
Found = tuple[str, str, Mask, float]  # name, in words, the pairs that it explains, how many it would by chance (NaN: to be found out)


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause: a short name, in words, the share of the pairs that it explains and their places among those given."""

    name: str
    told: str
    share: float
    places: tuple[int, ...]

    @property
    def examples(self) -> tuple[int, ...]:
        """The places of some pairs, to be shown."""
        return self.places[:SHOWN]


def explain(pairs: pd.DataFrame, rate: float = float("nan")) -> list[Cause]:
    """The causes of one column's mismatches, the one that explains most first; what none explains comes last, under the name "none".

    Parameters
    ----------
    pairs : mismatched pairs of one column as `data.mismatches` keeps them; of more than 10,000 the first are taken.
    rate : mismatch_rate of the rows that they were drawn from. Two values that take each other's place are a coding only where they do
        so in nearly all rows.
    """
    if pairs.empty:
        return []
    everything = sides.of(pairs.iloc[:DRAWN], str(pairs["column"].iat[0]))
    left = np.arange(len(everything))
    found: list[Cause] = []
    while len(left) and len(found) < MOST:
        with np.errstate(all="ignore"):  # what overflows is infinite or NaN, which equals no number
            best = _best(everything.part(left), len(everything), rate)
        if best is None:
            break
        name, told, mask, _ = best
        found.append(_cause(name, told, left[mask], len(everything)))
        left = left[~mask]
    if len(left):
        found.append(_cause(NONE, _no_cause(len(everything), len(found)), left, len(everything)))
    return found


def _best(part: Sides, total: int, rate: float) -> Found | None:
    least = max(FEWEST, int(np.ceil(LEAST * total)))
    accepted = []
    for hypothesis in HYPOTHESES:
        for name, told, mask, chance in hypothesis(part, rate):
            count = int(mask.sum())
            if count < least or (np.isnan(chance) and not _is_rule(part, mask)):
                continue
            by_chance = _by_chance(hypothesis, part, rate, name) if np.isnan(chance) else chance
            if by_chance <= CHANCE * count and count - by_chance >= 3 * np.sqrt(by_chance):
                accepted.append((count, (name, told, mask, by_chance)))
    most = max((count for count, _ in accepted), default=0)
    return next((one for count, one in accepted if count >= TIE * most), None)


def _is_rule(part: Sides, mask: Mask) -> bool:
    """Whether pairs that a formula explains have several values on both sides: what holds for one value alone, any other formula does too."""
    others = [mask.sum() - sides.most_text(texts[mask])[1] for texts in (part.served, part.trained)]
    return bool(min(others) >= max(2, VARIED * mask.sum()))


def _by_chance(hypothesis: Callable[[Sides, float], Iterable[Found]], part: Sides, rate: float, name: str) -> float:
    """How many pairs the same kind of cause explains when the training values are dealt out at random; the most of three deals."""
    generator = np.random.default_rng(0)
    counts = [0]
    for _ in range(3):
        mixed = part.mixed_up(generator.permutation(len(part)))
        counts += [int(mask.sum()) for found, _, mask, _ in hypothesis(mixed, rate) if found == name]
    return float(max(counts))


def _cause(name: str, told: str, places: NDArray[np.intp], total: int) -> Cause:
    return Cause(name, told, len(places) / total, tuple(places.tolist()))


def _no_cause(total: int, others: int) -> str:
    if total < FEWEST:
        return f"too few pairs to tell a cause ({total})"
    return "no single cause for the rest" if others else "no single cause"


def headline(causes: list[Cause]) -> str:
    """The causes in one line: `degrees Fahrenheit in training, Celsius in serving (100 %)`."""
    if len(causes) == 1 and causes[0].name == NONE:
        return causes[0].told
    told = [f"{cause.told} ({percent(cause.share)})" for cause in causes if cause.name != NONE]
    return "; ".join(told[:2]) + (f"; {len(told) - 2} more" if len(told) > 2 else "")


def percent(share: float) -> str:
    """A share as people write it: `100%`, `86%`, `99.7%`."""
    return f"{share:.0%}" if share in (0, 1) or 0.01 <= share <= 0.99 else f"{share:.1%}"
