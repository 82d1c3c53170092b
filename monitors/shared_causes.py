"""Causes that numbers and texts have in common: nulls, fillings, texts that could not be read, columns taken for each other, stale values, codes."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import sides
from monitors.sides import Mask, Sides

NAN = float("nan")
FILLINGS = {
    "0", "0.0", "-1", "-1.0", "999", "999.0", "-999", "-999.0", "9999", "9999.0", "-9999", "-9999.0",
    "", "unknown", "Unknown", "UNKNOWN", "missing", "Missing", "other", "none", "None", "NA", "n/a", "nan",
}  # fmt: skip
ALONE = 8  # times that one or two values have to be another each time; of a coding of three and more, three times are enough
Found = tuple[str, str, Mask, float]


def unreadable(pair: Sides, _rate: float) -> Iterator[Found]:
    """A text where a number was expected."""
    for mask, side, texts in ((pair.served_misfit, "serving", pair.served), (pair.trained_misfit, "training", pair.trained)):
        if mask.any():
            text, _ = sides.most_text(texts[mask])
            yield "unreadable", f'{side} has a text that is no number, such as "{text[:40]}"', mask, 0.0


def nulls(pair: Sides, _rate: float) -> Iterator[Found]:
    """Null on one side: filled with one value on the other, or only missing here."""
    has, had = sides.not_null(pair.served), sides.not_null(pair.trained)
    cases = (("serving", "training", pair.served, has & ~had), ("training", "serving", pair.trained, had & ~has))
    for filling, lacking, texts, mask in cases:
        if not mask.any():
            continue
        text, times = sides.most_text(texts[mask])
        if times >= 0.5 * mask.sum() and (text in FILLINGS or times >= 5):
            same = mask & (texts == text)
            yield "default", f"{filling} fills in {shown(text)} where {lacking} has null", same, 0.0
        yield "missing", f"{lacking} has null where {filling} has a value", mask, 0.0


def nans(pair: Sides, _rate: float) -> Iterator[Found]:
    """NaN or an infinity on one side, a number on the other."""
    for side, other, texts, numbers in (("serving", "training", pair.served, pair.b), ("training", "serving", pair.trained, pair.a)):
        for text in ("nan", "inf", "-inf"):
            mask = (texts == text) & np.isfinite(numbers)
            if pair.is_number and mask.any():
                yield "not_finite", f"{side} has {'NaN' if text == 'nan' else text} where {other} has a number", mask, 0.0


def fillings(pair: Sides, _rate: float) -> Iterator[Found]:
    """One usual filling in place of many values."""
    yield from _one_for_many(pair, lambda text, _side: text in FILLINGS, "")


def middles(pair: Sides, _rate: float) -> Iterator[Found]:
    """The mean or the median in place of many values."""
    yield from _one_for_many(pair, lambda text, side: _is_middle(pair, text, side), " (about their mean or median)")


def _one_for_many(pair: Sides, fits: Callable[[str, str], bool], what: str) -> Iterator[Found]:
    there = pair.there
    for side, other, texts, opposite in (("serving", "training", pair.served, pair.trained), ("training", "serving", pair.trained, pair.served)):
        text, _ = sides.most_text(texts[there])
        same, reverse = there & (texts == text), there & (opposite == text)
        # Where a value is frequent on both sides, noise gives as many of one kind as of the other.
        if sides.distinct(opposite[same]) >= 3 and reverse.sum() * 4 < same.sum() and fits(text, side):
            yield "default", f"{side} has {shown(text)} in place of {other}’s values{what}", same, 0.0


def _is_middle(pair: Sides, text: str, side: str) -> bool:
    """Whether a value is the mean or median of the other side, as far as the mismatched pairs tell."""
    if not pair.is_number:
        return False
    others = (pair.b if side == "serving" else pair.a)[pair.both]
    if len(others) < 30:
        return False
    value = float(text) if _is_number(text) else NAN
    error = 3 * others.std() / np.sqrt(len(others))
    return bool(sides.distinct(others) >= 20 and (abs(value - others.mean()) < error or abs(value - np.median(others)) < error))


def swapped(pair: Sides, _rate: float) -> Iterator[Found]:
    """The served value is that of another feature."""
    names = Counter(name for listed in pair.twins for name in listed)
    for name, _ in names.most_common(3):
        mask = np.array([name in listed for listed in pair.twins], bool)
        chance = sum(name in listed for listed in pair.chance_twins)
        if sides.distinct(pair.served[mask]) >= 3:
            yield "swapped", f'serving has the value of "{name}"', mask, float(chance)


def stale(pair: Sides, _rate: float) -> Iterator[Found]:
    """The served value is one that training had before, and that stands still or is not one that it has soon after just as often."""
    choices = len(pair.earlier[0]) if len(pair) else 0
    for i in range(choices - 1, -1, -1):  # within a segment first: it says more
        before, after = (np.array([listed[i] is not None for listed in times], bool) for times in (pair.earlier, pair.later))
        still = before & _stands_still(pair, before, i)
        where = ""
        if i:
            names = {str(listed[i - 1]).split("=")[0] for listed in pair.segments}
            where = f" of its {names.pop()}" if len(names) == 1 else " of its segment"
        if still.sum() >= 0.8 * before.sum() > 0:
            yield "stale", f"stale: serving stands still at an earlier value{where}", still, 0.0
        yield "stale", f"stale: serving has an earlier value{where}", before, float(after[before].sum())


def _stands_still(pair: Sides, mask: Mask, i: int) -> Mask:
    """Pairs in runs of five and more, in the order of time, in which serving has one value while training has three or more."""
    found = np.zeros(len(pair), bool)
    entity = np.array(["" if i == 0 else str(listed[i - 1]) for listed in pair.segments], object)
    for name in pd.unique(entity):
        at = np.flatnonzero(mask & (entity == name))
        at = at[np.argsort(pair.time[at], kind="stable")]
        for run in _runs(pair.served[at]):
            if len(run) >= 5 and sides.distinct(pair.trained[at[run]]) >= 3:
                found[at[run]] = True
    return found


def _runs(values: NDArray[np.object_]) -> list[NDArray[np.intp]]:
    if not len(values):
        return []
    cuts = np.flatnonzero(values[1:] != values[:-1]) + 1
    return np.split(np.arange(len(values)), cuts)


def codes(pair: Sides, rate: float) -> Iterator[Found]:
    """Each value of training is always one and the same other value in serving, and no two share one."""
    there = pair.there & (np.isfinite(pair.a) & (pair.a == np.round(pair.a)) & (pair.b == np.round(pair.b)) if pair.is_number else True)
    table = pd.DataFrame({"served": pair.served[there], "trained": pair.trained[there]})
    if table.empty:
        return
    counts = table.value_counts().reset_index(name="n").sort_values("n", ascending=False, kind="stable")
    best = counts.drop_duplicates("trained").drop_duplicates("served")
    seen = table["trained"].value_counts()
    best = best[(best["n"] >= 3) & (best["n"] >= 0.95 * best["trained"].map(seen))]
    to = dict(zip(best["trained"], best["served"], strict=True))
    if len(to) < 3 and not rate >= 0.9:
        # Where training has a rare value and serving another, that is mostly the frequent one, and of two values always the other one.
        to = {t: s for t, s in to.items() if s not in seen and counts.loc[counts["trained"] == t, "n"].sum() >= ALONE}
    if not to:
        return
    mask = np.array([s is not None and to.get(t) == s for s, t in zip(pair.served, pair.trained, strict=True)], bool)
    yield "encoding", _told(to), mask, 0.0 if len(to) < 3 else NAN


def _told(to: dict[str, str]) -> str:
    labels = sorted(to)
    examples = ", ".join(f"{shown(t)} is {shown(to[t])}" for t in labels[:3])
    if len(to) == 1:
        return f"serving has {shown(to[labels[0]])} where training has {shown(labels[0])}"
    as_numbers = [_is_number(to[label]) and not _is_number(label) for label in labels]
    if all(as_numbers):
        inside = [float(to[label]) for label in labels]
        order = " in alphabetical order" if inside == sorted(inside) else ""
        return f"serving has numbers for training’s labels{order}: {examples}"
    if all(_is_number(label) and not _is_number(to[label]) for label in labels):
        return f"serving has labels for training’s numbers: {examples}"
    kept = set(to) == set(to.values())
    return f"the same values under each other’s codes: {examples}" if kept else f"another coding of the values: {examples}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def shown(text: str) -> str:
    """A value in a sentence: a number without needless decimals, a text in quotes."""
    if not _is_number(text):
        return f'"{text[:30]}"'
    return f"{float(text):.6g}"


FIRST = (unreadable, nulls, nans)
MIDDLE = (swapped, fillings, stale)
LAST = (middles, codes)
