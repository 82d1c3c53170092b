"""The view *What it looks like*: how to choose the limit of a metric, and the reference next to copies shifted to exactly these limits."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from monitors import backtest, drift, rulebook, summaries
from monitors.rules import SHARES
from monitors.shifted import Shifted, shifted
from monitors.wasserstein import Numbers
from pages.parts import charts, reads, words
from pages.parts.bench import Bench

CHOOSING = Path(__file__).parent / "help" / "choosing.md"
SUMS = ("sum", "sum_squares", "min", "max", "below_sum", "above_sum")


@cache
def choosing() -> dict[str, str]:
    """How to choose the threshold of each metric."""
    sections = CHOOSING.read_text(encoding="utf-8").removeprefix("## ").split("\n## ")
    return {name.strip(): text.strip() for name, _, text in (section.partition("\n") for section in sections)}


def draw(made: Bench) -> None:
    """The text, then the pictures, or what the limits mean in rows."""
    left, right = st.columns([3, 2], gap="large")
    told = words.metric(made.metric)
    left.markdown(f"**{told.label}.** {words.escaped(told.reading)}")
    left.markdown(choosing()[made.metric.removeprefix("estimated_")])
    with right:
        _defaults(made)
    if made.monitor == "drift":
        _pictures(made)
    else:
        _in_rows(made)


def _defaults(made: Bench) -> None:
    """What Vigia comes with, and why."""
    default = rulebook.resolve(rulebook.defaults(), **backtest.with_monitor(made.about))
    for limit in ("warning", "critical"):
        value = getattr(default, limit)
        st.markdown(f"{words.ICONS[2 if limit == 'critical' else 1]} **{limit}** by default {default.direction} {_plain(value)}")
    own = [one for one in rulebook.defaults() if (one.monitor, one.metric) == (made.monitor, made.metric) and one.reason]
    for one in own or [one for one in rulebook.defaults() if one.monitor == made.monitor and one.metric is None and one.reason]:
        st.caption(words.escaped(f"{one.reason} Source: {one.source}." if one.source else one.reason))


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return f"{value[0]:g} to {value[1]:g}"
    return "none" if value is None else f"{value:g}"


def _in_rows(made: Bench) -> None:
    """A share as so many rows of an ordinary window."""
    if not (made.metric in SHARES or made.metric.endswith("_rate")) or made.rule.kind != "constant":
        return
    rows = made.judged["rows"]
    usual = float(rows[rows > 0].median()) if (rows > 0).any() else 0.0
    for limit in ("warning", "critical"):
        value = getattr(made.rule, limit)
        if isinstance(value, float) and usual and 0 < value < 1:
            st.markdown(f"{words.ICONS[2 if limit == 'critical' else 1]} **{limit} {value:g}** is 1 in {1 / value:,.3g}: of the "
                        f"{usual:,.0f} of an ordinary {made.rule.window} about {value * usual:,.3g}.")  # fmt: skip


def _pictures(made: Bench) -> None:
    """The reference of the column that is looked at, beside a copy at each limit."""
    column = made.about.get("column", st.session_state.get("look_at", ""))
    found = _reference(made, column)
    if found is None:
        st.info(f"{words.escaped(column)} has no reference of its own to shift.", icon=":material/info:")
        return
    bins, reference, version = found
    st.subheader(f"{words.escaped(column)} of {words.escaped(version)}, shifted to exactly these limits", anchor=False)
    limits = {name: getattr(made.rule, name) for name in ("warning", "critical")}
    limits = {name: value for name, value in limits.items() if isinstance(value, float) and made.rule.kind == "constant"}
    if not limits:
        st.info("The limits of this rule are no values of the metric, so there is no one picture of them.", icon=":material/info:")
        return
    with st.grid(columns=2, min_column_width=380):
        for name, value in limits.items():
            with st.container(border=True):
                _picture(made, name, value, bins, reference)


def _picture(made: Bench, name: str, value: float, bins: pd.Series, reference: pd.Series) -> None:
    copy = _copy(made, value, bins, reference)
    label = words.metric(made.metric).label
    if copy is None:
        only = made.metric in drift.NUMBERS_ONLY and bins["kind"] == "category"
        st.info(f"{label} is for numbers only." if only else "A column of one value cannot be shifted.", icon=":material/info:")
        return
    icon = words.ICONS[2 if name == "critical" else 1]
    st.markdown(f"{icon} **This is what {label} = {copy.value:.3g} looks like**, {name} {_plain(value)}")
    if abs(copy.value - value) > 0.005 * max(value, 0.01):
        st.caption(f"{label} of this column cannot come to {value:g} while its values stay what they are: this is the furthest.")
    groups = summaries.shares(bins, reference["counts"], copy.counts)
    charts.show(charts.distributions(groups, f"shifted to {copy.value:.3g}"), f"looks_{name}",
                f"Shares of the reference and of a copy whose {label} is {copy.value:.3g}")  # fmt: skip
    st.caption(_sentence(copy, bins, reference))


def _sentence(copy: Shifted, bins: pd.Series, reference: pd.Series) -> str:
    if bins["kind"] == "category":
        top = bins["categories"][int(np.argmax(reference["counts"]))]
        more, goes = ("Rare", "falls") if copy.after <= copy.before else ("Frequent", "rises")
        return f"{more} values come more often; the share of {words.escaped(str(top))} {goes} from {copy.before:.1%} to {copy.after:.1%}."
    more = "High" if copy.moved >= 0 else "Low"
    moved = f"by {abs(copy.moved):.2g} standard deviations, from {words.number(copy.before)} to {words.number(copy.after)}"
    return f"{more} values come more often; the mean moves {moved}."


def _reference(made: Bench, column: str) -> tuple[pd.Series, pd.Series, str] | None:
    """Its bins, its whole reference, and the version that it is of: the rule's, else the latest that has one, else the common one."""
    served = reads.versions(made.scope.model, made.scope.snapshot)["version"]
    versions = [made.about["version"]] if "version" in made.about else list(served)[::-1]
    every = reads.bins(made.scope)
    for version in [*versions, ""]:
        bins = every[(every["version"] == version) & (every["column"] == column)]
        segment = made.about.get("segment", "all")
        profile = reads.one_profile(made.scope, None, None, column=column, segment=segment, version=version) if len(bins) else None
        if profile is not None:
            return bins.iloc[0], profile, version or "every version"
    return None


def _copy(made: Bench, value: float, bins: pd.Series, reference: pd.Series) -> Shifted | None:
    sums = [np.float64(np.nan if pd.isna(reference[name]) else reference[name]) for name in SUMS]
    edges = np.asarray(bins["edges"], float) if bins["kind"] == "number" else None
    rows = made.judged["rows"]
    usual = float(rows[rows > 0].median()) if (rows > 0).any() else float(reference["rows"])
    return shifted(Numbers(reference["counts"], *sums), edges, made.metric, value, usual)
