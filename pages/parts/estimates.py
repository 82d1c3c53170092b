"""The part of the page Quality on estimates: how good the model probably is without labels, against the truth, and how far to believe that."""

import math

import pandas as pd
import streamlit as st

from monitors.estimated_trust import COVERED, NOT_TRUSTED, WINDOW, WITH_CARE
from monitors.periods import Period
from monitors.usual import LEVEL
from pages.parts import charts, estimate_charts, reads_estimates, words
from pages.parts.scope import Scope

FIRST = ("roc_auc", "log_loss", "accuracy", "f1", "precision", "recall", "brier", "mae", "rmse")  # as they are offered
NO_ESTIMATES = (
    "There is no estimate here: it takes a score, or a prediction that is a number, and a reference with labels. Load one with "
    "`python -m monitors load FILE --model … --as reference`."
)
SHIFT = (
    "An estimate takes it that a score means what it meant in the reference. It follows other inputs; **it cannot see that the same inputs have "
    "come to mean something else** (concept shift). Only labels show that."
)


def show(scope: Scope, period: Period, metric: str | None = None) -> None:
    """Estimate against truth over time, the track record in a sentence, and where not to trust it; of a metric if it can be estimated, else of
    one to choose."""
    st.subheader("Estimated without labels", anchor=False)
    told = reads_estimates.told(scope, period)
    known = set(told.seen["metric"]) if len(told.seen) else set()
    if not known:
        why = told.reasons
        st.info(NO_ESTIMATES if not why else f"No estimate in this period: {words.escaped(', '.join(why))}.", icon=":material/info:")
        return
    if metric not in known:
        names = [name for name in FIRST if name in known]
        metric = str(st.selectbox("Estimate of", names, key="estimate_of", bind="query-params", width=260))
    seen = told.seen[told.seen["metric"] == metric]
    doubts(seen, period)
    st.markdown(track_record(told.record[told.record["metric"] == metric], seen, period))
    figure = charts.drawn(_against_truth, scope, period=period, metric=metric)
    charts.show(figure, "estimates", f"{words.metric(metric).label} by {period}, estimated without labels and as labels showed it")
    st.caption(SHIFT)


def _against_truth(scope: Scope, period: Period, metric: str) -> charts.Figure:
    label, seen = words.metric(metric), reads_estimates.told(scope, period).seen
    return estimate_charts.against_truth(seen[seen["metric"] == metric], charts.marks_of(scope), y_title=label.title, y_format=label.format)


def track_record(record: pd.DataFrame, seen: pd.DataFrame, period: Period) -> str:
    """How near the estimate came, in a sentence or two, with the window of the period in which it missed most."""
    if record.empty:
        return f"**Track record:** none yet. No {period} has labels for {COVERED:.0%} of its rows, so nothing says how good the estimate is."
    row = record.iloc[0]
    count = int(row["windows"])
    within = math.ceil(LEVEL * count)
    many = f"the last {count} {period}s with labels" if count > 1 else f"the one {period} with labels"
    many = many if within == count else f"{within} of {many}"
    way = "too high" if row["bias"] > 0 else "too low"
    text = f"**Track record:** in {many} the estimate was within **±{words.number(row['within'])}** of the truth"
    text += f"; on average {words.number(abs(row['bias']))} {way}."
    known = seen[(seen["coverage"] >= COVERED) & seen["truth"].notna()]
    if known.empty:
        return text
    worst = known.loc[(known["estimate"] - known["truth"]).abs().idxmax()]
    when = words.span(worst["window_start"], worst["window_end"])
    missed = f"{words.number(worst['estimate'])} against {words.number(worst['truth'])} in truth"
    return f"{text} Furthest off in this period: {when} ({words.escaped(worst['version'])}), {missed}."


def doubts(seen: pd.DataFrame, period: Period) -> None:
    """What speaks against the latest estimate of each version, and how many others are in doubt."""
    last = seen.sort_values("window_start").iloc[-1]
    when = words.span(last["window_start"], last["window_end"])
    why = words.escaped(str(last["reason"]))
    if last["level"] >= NOT_TRUSTED:
        st.warning(f"The estimate of {when} cannot be trusted: {why}.", icon=":material/warning:")
    elif last["level"] == WITH_CARE:
        st.info(f"The estimate of {when} is to be taken with care: {why}.", icon=":material/info:")
    out = int((seen["level"] >= NOT_TRUSTED).sum())
    if out:
        st.caption(
            f"In {out} of {len(seen[WINDOW].drop_duplicates())} {period}s the estimate cannot be trusted, since one row in twenty or more lies "
            "outside of what the reference knows (hollow diamonds; the reason stands in their text)."
        )
