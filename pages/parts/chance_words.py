"""The noise floor in words: a limit that chance alone exceeds, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from monitors import chance
from monitors.chance import Chance
from monitors.rules import Rule
from pages.parts import words

TOLD = 0.001  # a share of windows below it is not worth a sentence
MANY = 0.2  # of the windows: fewer are told quietly


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be said, and whether it concerns so many windows that it is a warning."""

    text: str
    is_warning: bool


def told(judged: pd.DataFrame, chances: Mapping[str, Chance | None], rule: Rule) -> Told | None:
    """A sentence for each limit below the noise floor. None where chance is not known or the limits are clear of it."""
    sentences = [text for which in ("warning", "critical") if (text := sentence(judged, chances, which))]
    if not sentences:
        return None
    below = (judged["warning"].fillna(judged["critical"]) < judged["noise"]) & (judged["level"] >= 0)
    after = "The rule asks for values above the noise too, so chance alone seldom alerts." if rule.above_noise else (
        "The rule does not ask for values above the noise: such windows alert. Raise the limit, take longer windows, or switch on "
        "“Above the noise”."
    )  # fmt: skip
    return Told(" ".join([*sentences, after]), bool(below.mean() >= MANY))


def show(what: Told | None) -> None:
    """Put it on the page; nothing where there is nothing to say."""
    if what is None:
        return
    if what.is_warning:
        st.warning(what.text, icon=":material/grain:")
    else:
        st.caption(f":material/grain: {what.text}")


def sentence(judged: pd.DataFrame, chances: Mapping[str, Chance | None], which: str) -> str:
    """`Warning 0.1 lies below the noise: at 240 rows chance alone exceeds it in 31 % of windows.`; empty where it does not."""
    rows, limit, floor = (judged[name].to_numpy(float) for name in ("rows", which, "noise"))
    below = (limit < floor) & (rows > 0) & (judged["level"].to_numpy() >= 0)
    versions = judged["version"].astype(str).to_numpy()
    below &= np.array([chances.get(version) is not None for version in versions], bool)
    if not below.any():
        return ""
    usual = int(np.median(rows[below]))
    nearest = np.flatnonzero(below)[np.argmin(np.abs(rows[below] - usual))]
    known = chances[str(versions[nearest])]
    assert known is not None
    share = float(chance.exceeding(known, float(limit[nearest]), np.array([rows[nearest]]))[0])
    if share < TOLD:
        return ""
    many = f" in {int(below.sum()):,} of {len(judged):,} windows" if not below.all() else ""
    return (
        f"**{which.capitalize()} {words.number(float(limit[nearest]))}** lies below the noise{many}: at {int(rows[nearest]):,} rows chance "
        f"alone exceeds it in {share:.0%} of windows."
    )
