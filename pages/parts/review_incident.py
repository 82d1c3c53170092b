"""One incident of a review: when its alerts were, what changed just before, its alerts, and the box to decide about them."""

import pandas as pd
import streamlit as st

from monitors import changes as changing
from monitors import incidents
from pages.parts import reads_review, review_decide, sidebar, tables, timeline, words
from pages.parts.review_list import ICONS, VERDICT_ICONS
from pages.parts.scope import Scope

text_column = st.column_config.TextColumn
BADGES = {"open": "red", "acknowledged": "blue", "muted": "gray", "resolved": "green", "version retired": "gray"}
AROUND = pd.Timedelta(days=10)  # shown on either side
MOST_ROWS, MOST_CHANGES = 24, 6


def draw(scope: Scope, own: pd.DataFrame, changes: pd.DataFrame) -> None:
    """All of one incident."""
    row = incidents.incidents(own, changes).iloc[0]
    st.subheader(f"{words.escaped(row['what'])}", anchor=False)
    version = f"{words.escaped(row['version'])} · " if row["version"] else ""
    count = f"{row['alerts']:,} alert{'' if row['alerts'] == 1 else 's'}"
    mark = words.MARKS[2 if row["severity"] == "critical" else 1]
    st.markdown(f"{mark} :{BADGES[row['state']]}-badge[{row['state']}] {version}{count} · {words.span(row['start'], row['end'])}")
    with st.grid(columns=2, min_column_width=430):
        with st.container(border=True, height="stretch"):
            st.markdown("##### When")
            spans(scope, str(row["incident"]))
        with st.container(border=True, height="stretch"):
            st.markdown("##### What changed just before")
            before(own, changes)
    chosen = table(own, f"alerts {scope.model} {row['incident']}")
    review_decide.draw(scope, chosen, whole=len(chosen) == len(own))


def alerts_alone(scope: Scope, listed: pd.DataFrame) -> None:
    """Alerts as a flat list, the open ones first."""
    if listed.empty:
        review_decide.told()
        st.info("No alert is like this. Choose other states above, or a longer period in the sidebar.", icon=":material/filter_alt_off:")
        return
    order = listed.assign(rank=listed["state"] != "open").sort_values(["rank", "start", "severity"], ascending=[True, False, True], kind="stable")
    chosen = table(order.drop(columns="rank").reset_index(drop=True), f"all alerts {scope.model} {len(listed)}", needed=True)
    if chosen.empty:
        review_decide.told()
        st.caption("Choose the alerts that you want to decide about: a click on the box at the left of a row.")
    else:
        review_decide.draw(scope, chosen, whole=False)


def spans(scope: Scope, incident: str) -> None:
    """The alerts on a time axis, with versions, changes and events above it."""
    found = reads_review.alerts(scope.model, scope.snapshot)
    own = found[found["incident"] == incident]
    label = [_about(alert) for alert in own.to_dict("records")]
    bars = own.assign(row=label, column=label, rule="alert").drop_duplicates(["row", "start"])
    kept = list(dict.fromkeys(bars.sort_values("start")["row"]))[:MOST_ROWS]
    ends = own["start"].min() - AROUND, own["end"].max() + AROUND
    drawn = timeline.timeline(scope, bars[bars["row"].isin(kept)], ends)
    timeline.show(drawn, "incident_spans", "When each alert of the incident was, and what changed around it")


def _about(alert: dict[str, str]) -> str:
    of = f" {alert['column']}" if alert["column"] else ""
    return f"{alert['metric']}{of}" + (f", {alert['segment']}" if alert["segment"] != "all" else "")


def before(own: pd.DataFrame, changes: pd.DataFrame) -> None:
    """The changes in the week before and in the first window, the nearest first."""
    found = incidents.before(own, changes)
    if found.empty:
        st.caption("Nothing is known to have changed in the week before. Log code and data versions or keep manifests, and it will stand here.")
        return
    start = own["start"].min()
    for change in found.head(MOST_CHANGES).to_dict("records"):
        st.markdown(f":gray-badge[{change['kind']}] {words.escaped(changing.sentence(change))} :gray[{_distance(change['at'], start)}]")
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(found) > MOST_CHANGES:
            st.caption(f"and {len(found) - MOST_CHANGES} more")
        st.button("What came of it", key="to_versions", type="tertiary", icon=":material/history:", on_click=sidebar.go_to,
                  args=("pages/versions.py", {}))  # fmt: skip


def _distance(at: pd.Timestamp, start: pd.Timestamp) -> str:
    days = (at.floor("D") - start.floor("D")).days
    if days == 0:
        return f"{words.day(at)}, the day it began"
    plural = "" if abs(days) == 1 else "s"
    return f"{words.day(at)}, {abs(days)} day{plural} {'before' if days < 0 else 'after it began'}"


def table(own: pd.DataFrame, key: str, *, needed: bool = False) -> pd.DataFrame:
    """The alerts; gives those that are selected, and without a selection all, or (`needed`) none."""
    shown = pd.DataFrame({
        "severity": [f"{words.ICONS[2 if one == 'critical' else 1]} {one}" for one in own["severity"]],
        "metric": own["metric"],
        "column": own["column"].where(own["column"] != "", words.TABLE),
        "version": own["version"],
        "segment": own["segment"],
        "when": words.spans(own["start"], own["end"]),
        "windows": own["windows"],
        "peak": own["peak"],
        "threshold": [words.number(limit) for limit in own["threshold"]],  # a false discovery rate has none in the metric's unit
        "state": [f"{ICONS[state]} {state}" for state in own["state"]],
        "verdict": [f"{VERDICT_ICONS[one]} {one}" if one else "" for one in own["verdict"]],
        "said": [f"{alert.verdict_by}: {alert.verdict_note}".rstrip(": ") for alert in own.itertuples()],
    })  # fmt: skip
    shown = shown.drop(columns=[name for name in ("segment", "version") if shown[name].nunique() == 1])
    number = st.column_config.NumberColumn
    config = {
        "severity": text_column("Severity", width=88), "metric": text_column("Metric", width=120), "column": text_column("Column", width=130),
        "version": text_column("Version", width=62), "segment": text_column("Segment", width=95), "when": text_column("When", width=170),
        "windows": number("Windows", width=64), "peak": number("Peak", format="%.3g", width=64),
        "threshold": text_column("Limit", width=60, alignment="right"),
        "state": text_column("State", width=122), "verdict": text_column("Verdict", width=92), "said": text_column("By", width=210),
    }  # fmt: skip
    picked = st.dataframe(
        shown, hide_index=True, column_config=config, height=tables.ROW * min(len(shown) + 1, tables.MOST_ROWS) + 3, row_height=tables.ROW,
        key=key, on_select="rerun", selection_mode="multi-row", alt="The alerts, with their states and verdicts",
    ).selection.rows  # fmt: skip
    rows = [row for row in picked if row < len(own)]
    if not rows:
        return own.iloc[:0] if needed else own
    return own.iloc[sorted(rows)].reset_index(drop=True)
