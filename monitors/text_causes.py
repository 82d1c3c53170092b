"""Causes that only texts have: case and white space, forms of Unicode, how a number or a time is written, cut ends, yes and no in other words."""

import unicodedata
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from monitors import numeric_causes, sides
from monitors.sides import Floats, Mask, Sides, Texts

NAN = float("nan")
Found = tuple[str, str, Mask, float]
Change = Callable[[str], str]




def _plain(text: str) -> str:
    kept = [c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)]
    return "".join(kept)


FORMS: tuple[tuple[str, str, Change], ...] = (
    ("white_space", "white space at the ends", str.strip),
    ("case", "capital and small letters", str.casefold),
    ("white_space", "white space within", lambda text: "".join(text.split())),
    ("case", "capital letters and white space", lambda text: "".join(text.casefold().split())),
    ("unicode", "another form of the same Unicode characters", lambda text: unicodedata.normalize("NFKC", text)),
    ("unicode", "accents", _plain),
    ("quotes", "quotes around the text", lambda text: text.strip().strip("'\"").strip()),
    ("punctuation", "capital letters, spaces and punctuation", lambda text: "".join(c for c in text.casefold() if c.isalnum())),
)


def forms(pair: Sides, _rate: float) -> Iterator[Found]:
    """The same text but for its form."""
    if pair.is_number:
        return
    there = pair.there
    for name, told, change in FORMS:
        served, trained = (_changed(texts, change) for texts in (pair.served, pair.trained))
        mask = there & (served == trained) & (served != "")
        yield name, f"the same text but for {told}" if not told.startswith("another") else told, mask, 0.0


def _changed(texts: Texts, change: Change) -> Texts:
    """Of many texts few are different."""
    known = {text: change(text) for text in set(texts.tolist()) if text is not None}
    return np.array([known.get(text) for text in texts], object)


def written_numbers(pair: Sides, _rate: float) -> Iterator[Found]:
    """The same number, written in another way."""
    if not pair.is_number:
        yield "number_format", "the same number written in another way, as 1 and 1.0", sides.near(pair.a, pair.b), 0.0


def cut(pair: Sides, _rate: float) -> Iterator[Found]:
    """One side is the beginning of the other, always as long."""
    if pair.is_number:
        return
    there = np.flatnonzero(pair.there)
    for side, other, short, long in (("serving", "training", pair.served, pair.trained), ("training", "serving", pair.trained, pair.served)):
        starts = np.zeros(len(pair), bool)
        starts[there] = [len(s) >= 2 and len(s) < len(t) and t.startswith(s) for s, t in zip(short[there], long[there], strict=True)]
        if not starts.any():
            continue
        lengths = np.array([len(s) if s is not None else -1 for s in short])
        longest = int(np.bincount(lengths[starts]).argmax())
        yield "cut", f"{side} is {other}’s text cut to {longest} characters", starts & (lengths == longest), NAN


def times(pair: Sides, _rate: float) -> Iterator[Found]:
    """Times as text that are whole quarters of an hour apart."""
    if pair.is_number or not pair.there.any():
        return
    served, trained = (_seconds(texts) for texts in (pair.served, pair.trained))
    apart = served - trained
    if np.isfinite(apart).any():
        yield "time_format", "the same time written in another way", apart == 0, 0.0
        yield from numeric_causes.shifts(apart, "times")


def _seconds(texts: Texts) -> Floats:
    """Texts that look like a time, as seconds since 1970; NaN for all others."""
    series = pd.Series(texts, dtype=object)
    looks = series.str.match(r"\d{4}-\d\d?-\d\d?([T ]\d\d?:\d\d.*)?$").fillna(False).astype(bool)
    parsed = pd.to_datetime(series.where(looks), errors="coerce", utc=True, format="ISO8601")
    return np.asarray((parsed - pd.Timestamp(0, tz="UTC")).dt.total_seconds(), np.float64)


ALL = (forms, written_numbers, cut, times)
