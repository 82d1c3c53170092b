"""The sidebar: which model, version, segment and period. The URL holds them (`bind`), so a link shows the same screen."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pandas as pd
import streamlit as st

from data.errors import BadInput
from data.segmented import MOST, RESTS
from pages.parts import reads, words
from pages.parts.scope import Scope

# What is shown is what stands in the URL: a bound widget writes its options as `format_func` shows them, so there is none.
LAST_DAY = date.max - timedelta(days=1)  # of a log that an older Vigia loaded: a row of 9999-12-31 must not hide the page that undoes it
PERIODS = {"all data": None, "last 7 days": 7, "last 28 days": 28, "last 91 days": 91, "chosen days": None}
EVERY = "every version"
REST = f"Of a column with more than {MOST} values, those with most rows have a segment each; all others together are “other”."


def draw() -> None:
    """Draw it and remember what was chosen; called once a run, by dashboard.py."""
    snapshot = reads.snapshot()
    models = reads.all_models(snapshot)
    st.session_state["scope"] = _chosen(models, snapshot) if models else None


def read_first() -> None:
    """Read what Overview shows to one who has chosen nothing yet, so that a server has it when the first browser asks."""
    with suppress(BadInput):  # the page tells of it
        snapshot = reads.snapshot()
        for model in reads.all_models(snapshot)[:1]:
            segments, served = reads.segments(model, snapshot), reads.versions(model, snapshot)
            if not served.empty:
                reads.watched(Scope(model, None, segments[0], *_whole(*_served(served)), snapshot))
            reads.alerts(model, snapshot)  # after the chart's, which the browser draws meanwhile


def scope() -> Scope:
    """What the screen is about; ends the run with a friendly page where nothing is loaded yet."""
    chosen: Scope | None = st.session_state.get("scope")
    if chosen is None:
        no_data()
        st.stop()
    return chosen


def scope_or_none() -> Scope | None:
    """As `scope`, for a page that also works in an empty store."""
    return st.session_state.get("scope")


def no_data() -> None:
    """What to do with an empty store."""
    with st.container(border=True):
        st.subheader(words.NO_DATA, anchor=False)
        st.markdown(words.HOW_TO_LOAD)


def nothing_measured(scope: Scope, monitor: str = "") -> None:
    """What to do where nothing was measured."""
    what = f"No {monitor} measurement" if monitor else "Nothing was measured"
    st.info(
        f"{what} for {words.escaped(scope.model)} in this scope. Choose a longer period or another version in the sidebar; "
        f"after loading a log, `python -m monitors run` measures it.",
        icon=":material/info:",
    )


def page_of(monitor: str) -> str:
    """The page on which a monitor's measurements are shown."""
    if monitor in ("changes", "staleness"):
        return "pages/versions.py"
    return f"pages/{monitor}.py" if (Path(__file__).parents[1] / f"{monitor}.py").exists() else "pages/drift.py"


def go_to(page: str, scope: dict[str, str], **own: str) -> None:
    """Switch to a page with other choices in the sidebar (as a callback, before it is drawn) and the page's own in `own`.

    A link cannot do that within a session: a bound widget that is drawn already keeps its value while the URL shows the new one.
    """
    for key, value in scope.items():
        st.session_state[key] = value
    st.session_state["_go_to"] = (page, own)


def follow() -> None:
    """Go where the last `go_to` said; called by dashboard.py after the sidebar is drawn."""
    if target := st.session_state.pop("_go_to", None):
        st.switch_page(target[0], query_params=target[1])


def _chosen(models: list[str], snapshot: int) -> Scope:
    with st.sidebar:
        model = st.selectbox("Model", models, key="model", bind="query-params")
        served = reads.versions(model, snapshot)
        version = st.selectbox("Version", [EVERY, *filter(None, served["version"])], key="version", bind="query-params")
        segments = reads.segments(model, snapshot) or ["all"]
        some = any(name.partition("=")[2] in RESTS for name in segments)
        segment = st.selectbox("Segment", segments, key="segment", bind="query-params", help=REST if some else None)
        since, until = _period(served)
    return Scope(model, None if version == EVERY else version, segment, since, until, snapshot)


def _period(served: pd.DataFrame) -> tuple[datetime, datetime]:
    """The chosen days as [since, until)."""
    if served.empty:
        return datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
    first, last = _served(served)
    period = st.selectbox("Period", list(PERIODS), key="period", bind="query-params")
    start, end = _days(first, last) if period == "chosen days" else (first, last)
    if length := PERIODS[period]:
        start = max(first, last - timedelta(days=length - 1))
    st.caption(f"{start.day} {start:%b %Y} – {end.day} {end:%b %Y}, UTC")
    return _whole(start, end)


def _served(versions: pd.DataFrame) -> tuple[date, date]:
    """The first and the last day of which there is data."""
    return versions["first"].min().date(), (versions["last"].max() - pd.Timedelta(1, "us")).date()


def _days(first: date, last: date) -> tuple[date, date]:
    kept = st.session_state.get("days")
    if kept and not all(first <= day <= last for day in kept):
        del st.session_state["days"]  # of a model that was chosen before; a value outside of the bounds would be an error
    days = st.date_input("Days", (first, last), first, last, key="days", bind="query-params", format="YYYY-MM-DD")
    return (days[0], days[-1]) if days else (first, last)  # one day only while the second is being chosen


def _whole(first: date, last: date) -> tuple[datetime, datetime]:
    """From the midnight that begins the first day to the one that ends the last."""
    return datetime.combine(first, time(), UTC), datetime.combine(min(last, LAST_DAY) + timedelta(days=1), time(), UTC)
