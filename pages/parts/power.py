"""Power of a rule: which faults it would have caught in this team's own history, how soon, and at how many false alarms."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from monitors import faults, power
from monitors.power import Power
from monitors.rules import Rule
from pages.parts import bench_charts, charts, reads_bench, words
from pages.parts.scope import Scope

KINDS = {
    "shift": "Shift", "ramp": "Slow ramp", "scale": "Scale", "unit": "Wrong unit", "nulls": "Nulls", "swap": "Renamed category",
    "broken": "Broken rows", "slower": "Slower", "slowing": "Ever slower", "fewer": "Fewer rows", "wrong": "Wrong predictions",
    "unlabelled": "Missing labels",
}  # fmt: skip
MEANING = {
    "shift": "Every value lies so many standard deviations higher, at once.",
    "ramp": "The same shift, reached step by step over {lasts}.",
    "scale": "Values lie so many times as far from their mean.",
    "unit": "Every value is a thousand times what it was: grams for kilograms.",
    "nulls": "Such a share of the rows loses its value, by chance.",
    "swap": "Such a share of the rows of the most frequent category comes under the name of the next.",
    "broken": "Such a share of the rows that were right becomes what this metric counts, whichever they are.",
    "slower": "Every request takes so many times as long, at once; the floors are as they were.",
    "slowing": "Every request takes so many times as long, reached step by step over {lasts}; the floors are as they were.",
    "fewer": "Such a share of the rows does not come, whichever it is.",
    "wrong": "Such a share of the predictions that were right is wrong.",
    "unlabelled": "Such a share of the labels does not come.",
}
ENOUGH = 0.9  # of the tries
USELESS = 0.3  # a rule that alerts in so many spans with no fault in them detects nothing


def draw(scope: Scope, about: dict[str, str], rule: Rule) -> None:
    """Detection, delay and false alarms of the rule as it stands in the form, and of its neighbours, for one column."""
    judged = reads_bench.judged(scope, about, rule)
    if judged.empty:
        st.info(f"Nothing was measured for this rule by {rule.window}, so there is no history to put faults into.", icon=":material/science:")
        return
    columns = sorted(judged["column"].astype(str).unique(), key=str.casefold)
    column = about["column"] if "column" in about else columns[0] if len(columns) == 1 else _box(columns, judged)
    named = words.escaped(column or words.TABLE)
    own = judged[judged["column"] == column]
    found = reads_bench.power_of(scope, about, rule, column)
    if found.reason:
        st.info(words.escaped(found.reason), icon=":material/science:")
        return
    kinds = list(dict.fromkeys(found.points["kind"]))
    how: dict[str, Any] = {"default": kinds[0], "required": True, "format_func": KINDS.__getitem__, "bind": "query-params"}
    chosen = st.segmented_control("Fault", kinds, key="power_kind", **how) if len(kinds) > 1 else kinds[0]
    lasts = f"{found.lasts} {rule.window}s"
    st.caption(
        f"**{KINDS[chosen]}.** {MEANING[chosen].format(lasts=lasts)} Put into {int(found.points['tries'].iloc[0])} spans of {lasts} of the "
        f"{found.healthy:,} healthy {rule.window}s of {named} (of {found.windows:,}), and judged as every {rule.window} is. The ring is the rule, "
        f"the other points are limits twice as tight to twice as loose.{_flat(found, own, rule) if bench_charts.is_flat(found) else ''}"
    )
    names = {float(size): size_name(chosen, float(size)) for size in faults.SIZES[chosen]}
    with st.grid(columns=2, min_column_width=400):
        with st.container():
            st.markdown("##### Caught")
            figure = bench_charts.detection(found, chosen, names, words.metric(str(rule.metric)).title)
            charts.show(figure, "power", f"Share of faults that alert, under the rule and its neighbours, {column or words.TABLE}")
        with st.container():
            st.markdown("##### How soon")
            figure = bench_charts.delays(found, chosen, names, words.metric(str(rule.metric)).title)
            charts.show(figure, "delays", f"Days until the alert, under the rule and its neighbours, {column or words.TABLE}")
    _told(found)
    _table(found)


def _flat(found: Power, judged: pd.DataFrame, rule: Rule) -> str:
    """Why the limits are the axis, and not the false alarms."""
    low, high = found.points["false_alarms"].min(), found.points["false_alarms"].max()
    told = f" False alarms hardly depend on these limits ({low:.2g}{'' if low == high else f' to {high:.2g}'} a week), so the limits are the axis"
    names = [name for name, is_asked in (("noise", rule.above_noise), ("usual", rule.above_usual)) if is_asked]
    floors = judged[names].astype(float).max(axis=1).dropna() if names else pd.Series(dtype=float)
    limit = judged["warning"].fillna(judged["critical"])
    if len(floors) and floors.median() > limit.median():
        return f"{told}: a value has to exceed the floors too ({' and '.join(names)}, {words.number(float(floors.median()))} in the middle)."
    return f"{told}."


def _box(columns: list[str], judged: pd.DataFrame) -> str:
    """The column to look at: at first the one looked at elsewhere on this page, else one that does not alert all the time anyway."""
    if st.session_state.get("power_column") not in columns:
        often = (judged["level"] > 0).groupby(judged["column"].astype(str)).mean()
        calm = [name for name in columns if often[name] < USELESS]
        looked = st.session_state.get("look_at")
        st.session_state["power_column"] = looked if looked in columns else (calm or columns)[0]
    return str(st.selectbox("Column to put faults into", columns, key="power_column", bind="query-params", width=260,
                            format_func=lambda name: name or words.TABLE))  # fmt: skip


def size_name(kind: str, size: float) -> str:
    """`+0.5 std`, `× 1.5`, `10 % of rows`."""
    if kind in ("shift", "ramp"):
        return f"+{size:g} std"
    if kind in ("scale", "unit", "slower", "slowing"):
        return f"× {size:,g}"
    of = {"swap": "its rows", "wrong": "predictions", "unlabelled": "labels"}.get(kind, "rows")
    return f"{100 * size:g}% of {of}"


def _told(found: Power) -> None:
    """A warning where the rule alerts whether there is a fault or not."""
    own = found.points[found.points["factor"] == 1].iloc[0]
    if own["anyway"] >= USELESS:
        st.warning(
            f"With no fault put in, this rule alerts in {own['anyway']:.0%} of the spans, so as many of its catches are luck. A higher limit, "
            "longer windows or a younger reference would tell faults apart.",
            icon=":material/warning:",
        )


def _table(found: Power) -> None:
    """Of each kind of fault the smallest that nine tries in ten catch, under the rule and its neighbours."""
    st.markdown("##### The smallest fault caught in 9 of 10 tries")
    rates = found.points.drop_duplicates("factor").set_index("factor")["false_alarms"]
    parts: dict[str, list[str]] = {"Fault": [KINDS[str(kind)] for kind in power.caught(found)["kind"]]}
    for factor, name in ((2.0, "Limits twice as loose"), (1.0, "This rule"), (0.5, "Twice as tight")):
        best = power.caught(found, ENOUGH, factor).to_dict("records")
        parts[f"{name} ({rates[factor]:.2g} false a week)"] = [_smallest(row) for row in best]
    st.dataframe(pd.DataFrame(parts), hide_index=True, alt="The smallest fault that is caught, by kind and by limits")


def _smallest(row: dict[Any, Any]) -> str:
    """`+0.5 std, after 7 days`."""
    if np.isnan(row["size"]):
        return "none"
    days = row["delay_days"]
    return f"{size_name(str(row['kind']), row['size'])}, after {days:.3g} {'day' if days == 1 else 'days'}"
