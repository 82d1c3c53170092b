"""ranking: which input values go with the rows that broke. Each input is asked alone; what chance could do is left out.

Of every input the strongest of some simple questions is kept: is it null, NaN, infinite, this category, this number, at most so much?
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.later import special

Bools = NDArray[np.bool_]
VALUES = 30  # the most frequent values of an input that are asked for
CUTS = 20  # quantiles of a number at which it is cut
SURE = 0.01  # a finding has to be this unlikely by chance, all questions taken together
TOGETHER = 6  # inputs in one joint finding
GAIN = 0.02  # what a further input must add to the strength of a joint finding
REAL = 0.1  # weaker ones are no cause, however sure


@dataclass(frozen=True, slots=True)
class Finding:
    """Rows where `columns` have `what`: how many of the broken rows, how many of the others. `strength` is phi, 0 to 1; `p` by chance."""

    columns: tuple[str, ...]
    what: str
    broken: int
    of_broken: int
    others: int
    of_others: int
    strength: float
    p: float


def rank(inputs: pd.DataFrame, broken: Bools) -> list[Finding]:
    """What goes with the broken rows, the strongest first: one finding an input; ahead of them several nulls together, if that says more.

    Parameters
    ----------
    inputs : a column an input: numbers (floats, NaN being NaN and pd.NA null), or texts. Rows are those that broke and those that did not.
    broken : shape (rows,).

    Returns
    -------
    Findings whose p, times the number of all questions asked (Bonferroni), is below 0.01, and whose strength is at least 0.1. Empty
    where nothing broke, all did, or nothing goes with it.

    Notes
    -----
    Strength is phi of the 2 × 2 table, that is Cramér's V; p is Fisher's exact test (1935), doubled for both sides.
    """
    if not broken.any() or broken.all():
        return []
    asked = [(str(column), what, hit) for column in inputs for what, hit in questions(inputs[column])]
    best: dict[str, Finding] = {}
    flags: dict[str, Bools] = {}
    for column, what, hit in asked:
        found = _finding((column,), what, hit, broken)
        if column not in best or found.strength > best[column].strength:
            best[column], flags[column] = found, hit
    order = sorted(best.values(), key=lambda one: -one.strength)
    sure = [one for one in order if one.p * len(asked) < SURE and one.strength >= REAL]
    joint = _together([one for one in sure if one.what in MISSING], flags, broken)
    return [joint, *sure] if joint is not None else sure


MISSING = ("null", "NaN", "infinite")


def questions(values: pd.Series) -> Iterator[tuple[str, Bools]]:
    """What may be asked of an input, in words, with the rows where it is so; only what is so in some rows and not in others."""
    for what, hit in _asked(values):
        if hit.any() and not hit.all():
            yield what, hit


def _asked(values: pd.Series) -> Iterator[tuple[str, Bools]]:
    null = _nulls(values)
    yield "null", null
    if not pd.api.types.is_numeric_dtype(values.dtype):
        texts = values.astype(object).where(~null, None)
        for text in texts.dropna().value_counts().index[:VALUES]:
            yield f"is {text}", (texts == text).to_numpy(bool)
        return
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    yield "NaN", np.isnan(numbers) & ~null
    yield "infinite", np.isinf(numbers)
    finite = np.isfinite(numbers)
    distinct, times = np.unique(numbers[finite], return_counts=True)
    for value in distinct[np.argsort(-times, kind="stable")[:VALUES]] if len(distinct) < len(numbers) / 2 else ():
        yield f"is {value:.6g}", finite & (numbers == value)
    if len(distinct) > 2:
        for cut in np.unique(np.quantile(numbers[finite], np.arange(1, CUTS) / CUTS, method="lower")):
            yield f"is at most {cut:.6g}", finite & (numbers <= cut)
            yield f"is above {cut:.6g}", finite & (numbers > cut)


def _nulls(values: pd.Series) -> Bools:
    """Null, which NaN is not: masked in an extension array, None in one of objects, but a float's NaN is a value."""
    if isinstance(values.dtype, pd.ArrowDtype):
        found: Bools = values.array._pa_array.is_null().to_numpy(zero_copy_only=False)
        return found
    if values.dtype.kind == "f" and not pd.api.types.is_extension_array_dtype(values.dtype):
        return np.zeros(len(values), dtype=bool)
    return values.isna().to_numpy(bool)


def _finding(columns: tuple[str, ...], what: str, hit: Bools, broken: Bools) -> Finding:
    a, b = int((hit & broken).sum()), int((hit & ~broken).sum())
    n, m = int(broken.sum()), int((~broken).sum())
    return Finding(columns, what, a, n, b, m, phi(a, n, b, m), exact(a, n, b, m))


def phi(a: int, n: int, b: int, m: int) -> float:
    """phi of a of n against b of m where the first are more often hit: 0 none, 1 exactly these; 0 where they are less often."""
    hit, rest = a + b, n + m - a - b
    if not hit or not rest:
        return 0.0
    return float(max(a * (m - b) - b * (n - a), 0) / np.sqrt(float(n) * m * hit * rest))


def exact(a: int, n: int, b: int, m: int) -> float:
    """Fisher's exact p that chance puts at least a of the a + b hits among the n; doubled, at most 1."""
    hit = a + b
    k = np.arange(a, min(n, hit) + 1)
    logs = _choose(n, k) + _choose(m, hit - k) - _choose(n + m, np.array([hit]))
    return float(min(2 * np.exp(special.logsumexp(logs)), 1.0))


def _choose(n: int, k: NDArray[np.int64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        logs = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return np.where((k < 0) | (k > n), -np.inf, logs)


def _together(found: Sequence[Finding], flags: dict[str, Bools], broken: Bools) -> Finding | None:
    """Several inputs of which at least one is missing: added one by one while that says clearly more; None where one alone says it."""
    if len(found) < 2:
        return None
    chosen, hit, best = [found[0].columns[0]], flags[found[0].columns[0]], found[0]
    while len(chosen) < TOGETHER:
        more = [_finding((*chosen, c), "missing", hit | flags[c], broken) for one in found if (c := one.columns[0]) not in chosen]
        top = max(more, key=lambda one: one.strength, default=best)
        if top.strength < best.strength + GAIN:
            break
        best, chosen = top, list(top.columns)
        hit = hit | flags[chosen[-1]]
    return best if len(chosen) > 1 else None


def sentence(found: Finding, kind: str) -> str:
    """A finding in words: `63 of 64 NaN rows have no plane_age, against 2 % of the others`; kind : what the broken rows are, "NaN"."""
    part = f"All {found.of_broken:,} {kind} rows" if found.broken == found.of_broken else f"{found.broken:,} of {found.of_broken:,} {kind} rows"
    if found.of_broken == 1:
        part = f"The one {kind} row"
    share = found.others / found.of_others
    rest = "none of the others" if found.others == 0 else f"{_percent(share)} of the others"
    return f"{part} {_told(found)}, against {rest}"


def _told(found: Finding) -> str:
    has = "has" if found.of_broken == 1 else "have"
    if found.what == "null":
        return f"{has} no {found.columns[0]}"
    if found.what == "missing":
        return f"lack{'s' if found.of_broken == 1 else ''} at least one of {', '.join(found.columns)}"
    if found.what in MISSING:
        return f"{has} {found.what} in {found.columns[0]}"
    return f"{has} {found.columns[0]} {found.what.removeprefix('is ')}" if found.what.startswith("is ") else f"{has} {found.columns[0]} {found.what}"


def _percent(share: float) -> str:
    if share < 0.001:
        return "under 0.1 %"
    return f"{100 * share:.2g} %" if share < 0.99 else f"{100 * min(share, 0.999):.3g} %" if share < 1 else "all"


def beside(inputs: pd.DataFrame, broken: Bools) -> pd.DataFrame:
    """Each input among the broken rows and among the others: what is missing and what is typical; the most different first.

    Returns
    -------
    input; missing, missing_others : shares of null, NaN or infinite. typical, typical_others : the median of numbers, the most frequent text
    with its share; "" where there is none. strength : phi of the strongest question asked of it.
    """
    rows = []
    for column in inputs:
        values = inputs[column]
        strength = max((phi(int((h & broken).sum()), int(broken.sum()), int((h & ~broken).sum()), int((~broken).sum()))
                        for _, h in questions(values)), default=0.0)  # fmt: skip
        sides = [values[side] for side in (broken, ~broken)]
        rows.append((column, *(_missing(side) for side in sides), *(_typical(side) for side in sides), strength))
    names = ["input", "missing", "missing_others", "typical", "typical_others", "strength"]
    return pd.DataFrame(rows, columns=names).sort_values("strength", ascending=False, kind="stable", ignore_index=True)


def _missing(values: pd.Series) -> float:
    lost = _nulls(values)
    if pd.api.types.is_numeric_dtype(values.dtype):
        lost = lost | ~np.isfinite(values.to_numpy(np.float64, na_value=np.nan))
    return float(lost.mean()) if len(lost) else np.nan


def _typical(values: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        finite = numbers[np.isfinite(numbers)]
        return f"{np.median(finite):.6g}" if len(finite) else ""
    counts = values[~_nulls(values)].astype(object).value_counts()
    return f"{counts.index[0]} ({counts.iloc[0] / counts.sum():.0%})" if len(counts) else ""
