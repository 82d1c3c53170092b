"""chance: what a distance reads when nothing changed and a window has so many rows, at any level; and how often chance exceeds a limit.

Every measurement carries the 95th percentile of it (`noise`). Here all of the distribution is drawn, for the few series that someone
looks at: milliseconds, from the profile of the whole reference. Seeded, so the same in every process.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitors import noise
from monitors.distances import Counts, Floats, shares
from monitors.drift import GROUPED, METRICS, Baseline, arrays, baselines, of_groups
from monitors.floors import Floors, Key
from monitors.wasserstein import deviation

DRAWS, FEWEST_DRAWS = 2000, 400
CELLS = 120_000  # groups × draws of one number of rows: a category of thousands of values is drawn less often
LEVELS = (0.5, 0.95, 0.99)  # drawn on charts
TAIL, SURE = 0.95, 0.99  # beyond the second, the tail above the first stands for the few draws that there are
LEAST, STEP, MOST = 8.0, 2.0, 32_768.0  # the grid of numbers of rows


@dataclass(frozen=True, slots=True)
class Chance:
    """Draws of one metric by number of rows. `scaled`, shape (numbers of rows, draws), each row rising, are multiplied by `noise.growth`."""

    metric: str
    rows: Floats
    scaled: Floats
    reference_rows: float


def references(profiles: pd.DataFrame, bins: pd.DataFrame) -> dict[Key, Baseline]:
    """The whole references among some profiles, by version, column and segment, with no noise of their own.

    Parameters
    ----------
    profiles : rows without a window are whole references; all others are left out.
    bins : the edges of number columns, by version and column.
    """
    whole = profiles[profiles["window_start"].isna()]
    keys = zip(whole["version"], whole["column"], whole["segment"], strict=True)
    numeric = bins[bins["kind"] == "number"]
    edges = dict(zip(zip(numeric["version"], numeric["column"], strict=True), numeric["edges"], strict=True))
    return baselines(arrays(whole.assign(shape=0)), edges, Floors(curves=dict.fromkeys(keys, ())))[0]


def grid(rows: Counts) -> tuple[float, ...]:
    """The numbers of rows to draw so that these lie between two of them: few, so that a cache of them serves many windows."""
    seen = np.clip(np.asarray(rows, float)[np.asarray(rows) > 0], LEAST, MOST)
    if not len(seen):
        return ()
    place = np.log(seen / LEAST) / np.log(STEP)
    wanted = np.unique(np.r_[np.floor(place + 1e-9), np.ceil(place - 1e-9)])
    return tuple(float(n) for n in np.round(LEAST * STEP**wanted))


def drawn(base: Baseline, metric: str, sizes: Sequence[float], start: int) -> Chance | None:
    """What chance gives of one metric at some numbers of rows.

    Parameters
    ----------
    base : what the windows are compared with.
    metric : one of drift's. sizes : from `grid`. start : seed (`noise.seed`).

    Returns
    -------
    None where it is not known: another metric, an empty reference, an order of categories, a reference that does not vary.

    Notes
    -----
    As `noise` has it: samples of the reference for distances between groups, Brownian bridges through its fine bins for ks and
    wasserstein, whose law does not depend on the number of rows. 2,000 draws: the 50th percentile is good to 2 %, the 95th to 3 %, the 99th
    to 5 %; with heavy tails wasserstein's to 20 %, and psi's to 10 % while groups are empty by chance.
    """
    if metric not in METRICS or not len(sizes) or not base.whole.counts.sum():
        return None
    total = float(base.whole.counts.sum())
    if metric in GROUPED:
        return _of_groups(base, metric, np.asarray(sizes, float), start)
    if base.edges is None:
        return None
    values = noise.bridges(base.whole, base.edges, DRAWS, start)[metric]
    spread = float(deviation(base.whole, base.edges)) if metric == "wasserstein" else 1.0
    return Chance(metric, np.array([LEAST]), np.sort(values / spread)[None, :], total) if spread > 0 else None


def _of_groups(base: Baseline, metric: str, sizes: Floats, start: int) -> Chance:
    reference = np.add.reduceat(base.whole.counts, base.twenty)
    p = shares(reference)
    times = int(np.clip(CELLS // len(p), FEWEST_DRAWS, DRAWS))
    scaled = []
    for size in sizes:
        # A seed of its own for each number of rows: the draws of one do not depend on which others are asked for.
        samples = np.random.default_rng((start, int(size))).multinomial(int(size), p, size=times)
        grown = noise.growth(metric, np.array([size]), float(reference.sum()))
        scaled.append(np.sort(of_groups(metric, reference, samples, base.ten) * grown))
    return Chance(metric, sizes, np.stack(scaled), float(reference.sum()))


def level(chance: Chance, share: float, rows: Counts) -> Floats:
    """The value that this share of healthy windows of so many rows stays below: shape of `rows`, NaN at 0 rows."""
    known = np.quantile(chance.scaled, min(share, SURE), axis=-1)
    if share > SURE:
        power, start, mean = _tail(chance)
        known = np.maximum(known, (start + mean * np.log((1 - TAIL) / (1 - share))) ** (1 / power))
    n = _inside(rows)
    found: Floats = np.interp(np.log(n), np.log(chance.rows), known) / noise.growth(chance.metric, n, chance.reference_rows)
    return found


def exceeding(chance: Chance, limit: float, rows: Counts) -> Floats:
    """The share of healthy windows of so many rows whose value chance alone takes above the limit: shape of `rows`, NaN at 0 rows."""
    n = _inside(rows)
    wanted = limit * noise.growth(chance.metric, n, chance.reference_rows)
    power, start, mean = _tail(chance)
    shares_above = []
    for i, draws in enumerate(chance.scaled):
        share = 1 - np.searchsorted(draws, wanted, side="right") / len(draws)
        with np.errstate(divide="ignore", invalid="ignore"):
            far = (1 - TAIL) * np.exp(-np.maximum(wanted**power - start[i], 0) / mean[i])
        shares_above.append(np.where(wanted > np.quantile(draws, SURE), np.minimum(np.nan_to_num(far), 1 - SURE), share))
    return _between(np.log(chance.rows), np.stack(shares_above), np.log(n))


def _inside(rows: Counts) -> Floats:
    found: Floats = np.where(np.asarray(rows) > 0, np.maximum(rows, LEAST), np.nan).astype(float)
    return found


def _tail(chance: Chance) -> tuple[float, Floats, Floats]:
    """Beyond its 95th percentile psi falls off as an exponential does, the others squared: power, the percentile and the mean excess."""
    power = 1.0 if chance.metric == "psi" else 2.0
    draws = chance.scaled**power
    start = np.quantile(draws, TAIL, axis=-1)
    above = draws > start[:, None]
    excess = np.where(above, draws - start[:, None], 0).sum(axis=-1) / np.maximum(above.sum(axis=-1), 1)
    return power, start, excess


def _between(x: Floats, y: Floats, at: Floats) -> Floats:
    """Of curves with a value of their own for each `at`: shape (x, at) → (at,), by straight lines, flat beyond both ends."""
    if len(x) == 1:
        return np.where(np.isnan(at), np.nan, y[0])
    place = np.clip(np.searchsorted(x, np.nan_to_num(at)) - 1, 0, len(x) - 2)
    share = np.clip((at - x[place]) / (x[place + 1] - x[place]), 0, 1)
    column = np.arange(len(at))
    found: Floats = y[place, column] * (1 - share) + y[place + 1, column] * share
    return found


def known_level(chances: dict[str, Chance | None], versions: Sequence[str], rows: Counts, share: float) -> Floats:
    """`level` for windows of several versions, each by its own reference; NaN where it is not known."""
    found = np.full(len(rows), np.nan)
    names = np.asarray(versions, dtype=object)
    for version, chance in chances.items():
        here = names == version
        if chance is not None and here.any():
            found[here] = level(chance, share, np.asarray(rows, float)[here])
    return found
