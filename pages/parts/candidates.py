"""The view *Compare*: up to three sets of rules beside the one in force, counted and on one time axis."""

import numpy as np
import pandas as pd
import streamlit as st

from monitors import backtest, edits, rulebook, summaries
from monitors.alerts import alerts
from monitors.thresholds import judge
from pages.parts import bench, drafts, reads, replay, tables, timeline, words
from pages.parts.bench import MOVED, SAVED, Bench, Rules

MOST_ROWS = 8  # columns on the time axis: each takes a line for every set
NOTHING = """Nothing is kept yet. Move the limits until they look right, press **Keep**, move them elsewhere and keep that too:
up to three stand here side by side, for as long as your session lasts."""


def draw(made: Bench) -> None:
    """The kept sets of rules, with the one in force and the one on the sliders."""
    kept = drafts.candidates()
    if not kept:
        st.info(NOTHING, icon=":material/bookmark_add:")
        return
    sets = {SAVED: made.rules[SAVED]}
    if made.is_moved:
        sets["on the sliders"] = made.rules[MOVED]
    sets |= {one.name: (*rulebook.defaults(), *one.overrides) for one in kept}
    pairs = list(dict.fromkeys([(made.monitor, made.metric), *(one.pair for one in kept)]))
    found = _alerts(made, pairs, sets)
    _table(made, sets, found)
    _names(made)
    _spans(made, found)


def _alerts(made: Bench, pairs: list[tuple[str, str]], sets: dict[str, Rules]) -> dict[str, pd.DataFrame]:
    """What each set gives, of every metric that one of them moves."""
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in sets}
    for pair in pairs:
        seen = bench.measured(made.scope, pair, {"monitor": pair[0], "metric": pair[1]}, *sets.values())
        for name, rules in sets.items():
            parts[name].append(alerts(judge(seen, rules)))
    served = reads.versions(made.scope.model, made.scope.snapshot)
    return {name: summaries.present(pd.concat(every, ignore_index=True), served) for name, every in parts.items()}


def _table(made: Bench, sets: dict[str, Rules], found: dict[str, pd.DataFrame]) -> None:
    rows = []
    for name in sets:
        counted = backtest.counts(found[name])
        changes = backtest.compare(found[SAVED], found[name])["change"].value_counts()
        others = {change: f"{changes.get(change, 0)}" if name != SAVED else "–" for change in ("gained", "lost", "changed")}
        rows.append({
            "set": name, "differs": _differs(sets[SAVED], sets[name]), "alerts": len(found[name]), "critical": counted.critical,
            "warning": counted.warning, "open": counted.open, "a week": len(found[name]) / (made.weeks or 1.0), **others,
        })  # fmt: skip
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    config = {"set": text("Rules", width=110), "differs": text("Against the rules in force", width=290)}
    config |= {name: number(name.capitalize(), format="%d", width=64) for name in ("alerts", "critical", "warning", "open")}
    config |= {"a week": number("A week", format="%.2f", width=64)}
    config |= {name: text(name.capitalize(), width=68, alignment="right") for name in ("gained", "lost", "changed")}
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=config, height=tables.ROW * (len(rows) + 1) + 3, row_height=tables.ROW,
                 alt="The sets of rules, counted")  # fmt: skip


def _differs(saved: Rules, other: Rules) -> str:
    defaults = len(rulebook.defaults())
    told = edits.differences(saved[defaults:], other[defaults:])
    return "; ".join(f"{row.rule}: {row.field} {row.before} → {row.after}" for row in told.itertuples()).replace("_", " ") or "–"


def _names(made: Bench) -> None:
    """Each candidate's name, to be changed, and what can be done with it."""
    for i, one in enumerate(drafts.candidates()):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            key = f"candidate {i} {one.name}"
            st.text_input(f"Name of candidate {i + 1}", one.name, key=key, width=220, max_chars=30, label_visibility="collapsed",
                          on_change=lambda i=i, key=key: drafts.rename(i, st.session_state[key]))  # fmt: skip
            here = one.about == made.about
            st.button("Put on the sliders", key=f"use {i}", disabled=not here, on_click=drafts.put, args=(made.about, drafts.base(made.about)),
                      kwargs={"fields": one.fields, "whole": True},
                      help=None if here else "It moves another rule than the one above.")  # fmt: skip
            st.button("Drop", key=f"drop {i}", type="tertiary", on_click=drafts.drop, args=(i,))


def _spans(made: Bench, found: dict[str, pd.DataFrame]) -> None:
    both = pd.concat([frame.assign(rule=name) for name, frame in found.items()], ignore_index=True)
    if both.empty:
        st.info("No alert by any of these rules.", icon=":material/check_circle:")
        return
    both["row"] = replay.rows_of(both, made.about)
    if both["metric"].nunique() > 1:
        both["row"] = both["metric"].map(lambda name: words.metric(name).label) + " " + both["row"]
    # The columns of which the sets think differently come first.
    weighed = both.assign(weight=np.where(both["severity"] == "critical", 2, 1))
    counted = weighed.pivot_table(index="row", columns="rule", values="weight", aggfunc="sum", fill_value=0)
    counted = counted.reindex(columns=list(found), fill_value=0)
    order = (counted.max(axis=1) - counted.min(axis=1)) * 1000 + counted.sum(axis=1)
    most = order.sort_values(ascending=False, kind="stable").head(MOST_ROWS).index
    drawn = timeline.side_by_side(made.scope, both[both["row"].isin(most)], list(found), made.ends)
    timeline.show(drawn, "compared", "Spans of the alerts of every set of rules on one time axis")
    if len(order) > len(most):
        st.caption(f"The {len(most)} on which the sets differ most, of {len(order):,}.")
