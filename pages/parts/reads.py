"""What pages read, and the only cache: by the store's place, its snapshot and what was asked, so nothing stale is ever shown.

The rules are of the snapshot too, so what was judged under those in force is kept whole, and with it what was drawn of it. What is kept is
shared by all who look and not copied for each, which took longer than most of the reads: nothing that comes from here may be changed.
"""

import gc
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from data import load as loading
from data import misfits as misfit
from data import preview as previews
from data.sample import scenario
from data.sample.events import Event, events
from data.store import Store, default_place, models, open_store
from monitors import edits as editing
from monitors import periods, run, run_rules, states, summaries, thresholds
from pages.parts.scope import Scope

Frame = pd.DataFrame


@st.cache_resource(max_entries=4, show_spinner="Opening the store …")
def _opened(place: str) -> Store:
    opened = open_store(place)
    gc.freeze()  # Streamlit collects all garbage after each run, before the browser has the rest: 130 ms in what was imported once
    return opened


def store() -> Store:
    """The store, opened once a process."""
    return _opened(default_place())


@st.cache_resource(max_entries=96, show_spinner="Reading …")
def _read(place: str, snapshot: int, _what: Callable[..., Any], name: str, arguments: tuple[tuple[str, Any], ...]) -> Any:  # noqa: ARG001 - key of the cache
    return _what(_opened(place), **dict(arguments))


def _cached(what: Callable[..., Any], snapshot: int, **arguments: Any) -> Any:
    return _read(default_place(), snapshot, what, _named(what), tuple(sorted(arguments.items())))


@st.cache_resource(max_entries=256, show_spinner="Reading …")
def _made(key: str, _what: Callable[..., Any], _scope: Scope, _arguments: dict[str, Any]) -> Any:  # noqa: ARG001 - key of the cache
    return _what(_scope, **_arguments)


def of_scope(what: Callable[..., Any], scope: Scope, look: str = "", **arguments: Any) -> Any:
    """What `what(scope, …)` gives, kept: a function of a module's or a page's own that depends on these, the store and the `look` alone."""
    key = repr((default_place(), scope, look, _named(what), sorted(arguments.items())))  # one text is hashed ten times as fast as its parts
    return _made(key, what, scope, arguments)


def _named(what: Callable[..., Any]) -> str:
    return f"{inspect.getfile(what)} {what.__qualname__}"  # not its module: that of every page is __main__


@st.cache_resource(max_entries=24, show_spinner="Reading measurements …")
def _prepared(place: str, snapshot: int, arguments: tuple[tuple[str, Any], ...]) -> thresholds.Prepared:  # noqa: ARG001 - key of the cache
    asked = dict(arguments)
    windows = asked.pop("windows")
    parts = [run.measurements(_opened(place), window=window, dataset=None, **asked) for window in windows]
    return thresholds.prepare(pd.concat(parts, ignore_index=True))


def snapshot() -> int:
    """The number of the last commit."""
    return store().snapshot()


def all_models(at: int) -> list[str]:
    """Every model of which something was loaded."""
    found: list[str] = _cached(models, at)
    return found


def versions(model: str, at: int) -> Frame:
    """The model's versions: version, first, last, rows."""
    found: Frame = _cached(run.versions, at, model=model)
    return found


def segments(model: str, at: int) -> list[str]:
    """The model's segments, `all` first."""
    found: list[str] = _cached(run.segments, at, model=model)
    return found


def rules(scope: Scope) -> tuple[thresholds.Rule, ...]:
    """The rules in force: defaults, then overrides."""
    found: tuple[thresholds.Rule, ...] = _cached(run.rules, scope.snapshot)
    return found


def overrides(at: int) -> tuple[thresholds.Rule, ...]:
    """The rules that people set."""
    found: tuple[thresholds.Rule, ...] = _cached(run.overrides, at)
    return found


def history(at: int) -> Frame:
    """Every edit of the thresholds with what it changed, the last first."""
    found: Frame = _cached(_history, at)
    return found


def _history(opened: Store) -> Frame:
    return editing.history(run.edits(opened))


def edits(at: int) -> Frame:
    """Every edit of the thresholds as it was saved, the last first."""
    found: Frame = _cached(run.edits, at)
    return found


def names(at: int) -> Frame:
    """Model, version, column and segment of all that was measured."""
    found: Frame = _cached(run_rules.names, at)
    return found


def last_edit(at: int) -> int:
    """The number of the last edit of the thresholds; 0 where there is none."""
    past = edits(at)
    return 0 if past.empty else int(past["edit"].max())


def loads(at: int) -> Frame:
    """Every load, the last first, those that were taken back included."""
    found: Frame = _cached(loading.loads, at)
    return found


def has_log(model: str, at: int) -> bool:
    """Whether rows of a log of the model are loaded."""
    found = loads(at)
    own = found[(found["model"] == model) & (found["dataset"] == "log") & found["undone_at"].isna()]
    return bool((own["rows"] > 0).any())


def misfits(load: int, limit: int, at: int) -> Frame:
    """The first misfits of a load."""
    found: Frame = _cached(misfit.misfits, at, load=load, limit=limit)
    return found


def remembered_roles(model: str, at: int) -> previews.Preview:
    """The roles of a model, a row for each column."""
    found: previews.Preview = _cached(previews.remembered, at, model=model)
    return found


def role_entries(model: str, at: int) -> Frame:
    """Who set the roles of a model, when and why."""
    found: Frame = _cached(previews.entries, at, model=model)
    return found


def prepared(scope: Scope, windows: Sequence[str], **names: str | None) -> thresholds.Prepared:
    """The measurements of the scope over the whole history, ready for `judge`.

    A level depends on the windows before it, so the period is cut afterwards, by `cut`.
    Names: monitor, metric, column, segment (the scope's own where it is not given, "*" for every one).
    """
    segment = names.pop("segment", None) or scope.segment
    asked = {"model": scope.model, "version": scope.version, "segment": None if segment == "*" else segment} | names
    return _prepared(default_place(), scope.snapshot, tuple(sorted({"windows": tuple(windows), **asked}.items())))


def judged(scope: Scope, windows: Sequence[str], judging: Sequence[thresholds.Rule], **names: str | None) -> Frame:
    """The measurements of the scope, judged, in its period."""
    return cut(thresholds.judge(prepared(scope, windows, **names), judging), scope)


def shown(scope: Scope, window: str, **names: str | None) -> tuple[Frame, bool]:
    """One metric in windows of a length, judged as if it alerted in them, and whether it does by the rules. Names: as `prepared`."""
    found: tuple[Frame, bool] = of_scope(_shown, scope, window=window, **names)
    return found


def _shown(scope: Scope, window: str, monitor: str, metric: str, column: str | None = None, segment: str | None = None) -> tuple[Frame, bool]:
    judging, alerting = summaries.as_if_alerting(rules(scope), window, segment or scope.segment, monitor=monitor, metric=metric)
    return judged(scope, [window], judging, monitor=monitor, metric=metric, column=column, segment=segment), alerting


def watched(scope: Scope) -> Frame:
    """All that can alert, judged, in the scope; in a segment that no rule is for, as if the rules of the whole were for it."""
    found: Frame = of_scope(_watched, scope)
    return found


def _watched(scope: Scope) -> Frame:
    everything = rules(scope)
    asked = [
        replace(one, segment=scope.segment)
        for one in summaries.watched(everything)
        if one.segment in (None, "all", scope.segment)
    ]
    # In two reads, of which the first is the alerts' own where the scope is all rows of every version.
    shared = [[one for one in asked if (one.exceeding is None) == whole] for whole in (True, False)]
    read = [_series(scope.model, judged_at(scope.snapshot), some, scope.version) for some in shared]
    measured = thresholds.prepare(pd.concat(read, ignore_index=True))
    parts = []
    for window in sorted({one.window for one in asked}):
        judging = everything
        for one in asked:
            if one.window == window:
                judging, _ = summaries.as_if_alerting(judging, window, scope.segment, monitor=one.monitor, metric=one.metric)
        found = thresholds.judge(measured, judging)
        parts.append(found[found["window_name"] == window])
    return cut(pd.concat(parts, ignore_index=True), scope)


def cut(frame: Frame, scope: Scope) -> Frame:
    """The rows whose window ends after the period's start and begins before its end."""
    return frame[(frame["window_end"] > scope.since) & (frame["window_start"] < scope.until)].reset_index(drop=True)


def alerts(model: str, at: int) -> Frame:
    """All alerts of a model, of every segment and version, as the command line tells them."""
    return states.apply(undecided(model, at), decisions(at))


def undecided(model: str, at: int) -> Frame:
    """The alerts as if nobody had decided anything. They are dear, so they are read anew only when what they are made of has changed."""
    last = judged_at(at)
    found: Frame = _cached(_undecided, last, model=model, at=last)
    return found


def _undecided(opened: Store, model: str, at: int) -> Frame:
    return run.undecided(opened, model=model, series=lambda _, name, asked: _series(name, at, asked))


def _series(model: str, at: int, asked: Sequence[summaries.Watched], version: str | None = None) -> Frame:
    found: Frame = _cached(run.whole_series, at, model=model, asked=tuple(asked), version=version)
    return found


def judged_at(at: int) -> int:
    """The last commit that changed anything that alerts are made of."""
    found: int = _cached(_judged_at, at)
    return found


def _judged_at(opened: Store) -> int:
    return opened.changed("measurements", "profiles", "thresholds", "loads")


def decisions(at: int) -> Frame:
    """What people decided about alerts."""
    found: Frame = _cached(run.decisions, at)
    return found


def cut_alerts(alerts: Frame, scope: Scope) -> Frame:
    """The alerts of the scope's version that touch its period."""
    inside = (alerts["end"] > scope.since) & (alerts["start"] < scope.until)
    return alerts[inside & (alerts["version"] == scope.version)] if scope.version else alerts[inside]


def volume(model: str, last: pd.Timestamp, at: int) -> Frame:
    """Rows of each version in each stored window of the last four weeks: window_start, version, rows."""
    since = last - pd.Timedelta(days=28)
    found: Frame = _cached(run.profiles, at, model=model, segment="all", dataset="log", since=since, until=None)
    return summaries.volume(found)


def bins(scope: Scope) -> Frame:
    """The model's bins: one row per version and column."""
    found: Frame = _cached(run.bins, scope.snapshot, model=scope.model)
    return found


def profiles(scope: Scope, since: datetime | None = None, until: datetime | None = None, **names: str | None) -> Frame:
    """Profiles of the scope's model. Names: version, column, segment, dataset."""
    found: Frame = _cached(run.profiles, scope.snapshot, model=scope.model, since=since, until=until, **names)
    return found


def one_profile(scope: Scope, since: datetime | None, until: datetime | None, **names: str) -> pd.Series | None:
    """The profile of all rows in [since, until), added up; without since, of the whole reference. None without rows."""
    if since is None:
        found = profiles(scope, dataset="reference", **names)
        found = found[found["window_start"].isna()]
    else:
        found = profiles(scope, since, until, dataset="log", **names)
        found = periods.merge(found, "all") if len(found) else found
    return None if found.empty else found.iloc[0]


def sample_events(scope: Scope) -> list[Event]:
    """The planted and real events of the bundled sample, for its own model alone; none for any other."""
    return list(_events()) if scope.model == scenario.MODEL and _is_sample(default_place(), scope.snapshot) else []


@st.cache_data
def _events() -> list[Event]:
    return events()


@st.cache_data(max_entries=4)
def _is_sample(place: str, snapshot: int) -> bool:  # noqa: ARG001 - key of the cache
    """Whether the model that bears the sample's name was loaded from the sample's files: yours may be called the same."""
    found = _opened(place).frame(
        """SELECT count(*) AS loads FROM main.loads
        WHERE model = $model AND dataset = 'log' AND file LIKE '%log-2013-%' AND undone_at IS NULL""",
        {"model": scenario.MODEL},
    )
    return bool(found["loads"].iloc[0])
