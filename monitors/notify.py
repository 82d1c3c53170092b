"""What is new since people were told last: alerts that began, got worse or ended, and changes. Which of it goes to a channel."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from monitors.alerts import COLUMNS
from monitors.channels import Channel
from monitors.rules import SCOPE
from monitors.states import GOING_ON

CHANGES = ["id", "model", "at", "kind", "what", "before", "after"]
SERIES = list(SCOPE)
TIMES = ["start", "end"]
RETRY_FIRST, RETRY_MOST = timedelta(minutes=1), timedelta(hours=6)
GIVE_UP = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel knows: the alerts that went on when it was told, up to when each model's log was judged, and which changes it heard of."""

    open: pd.DataFrame
    clocks: Mapping[str, pd.Timestamp]
    changes: frozenset[str]


@dataclass(frozen=True, slots=True)
class News:
    """What a channel is to hear.

    new, worse, resolved : alerts as `run.alerts` gives them. changes : rows of changes. open : all that is open now, and nobody has seen to.
    """

    new: pd.DataFrame
    worse: pd.DataFrame
    resolved: pd.DataFrame
    changes: pd.DataFrame
    open: pd.DataFrame

    def __bool__(self) -> bool:
        return any(len(rows) for rows in (self.new, self.worse, self.resolved, self.changes))

    def of(self, model: str) -> "News":
        """The part that is about one model."""
        return News(*(rows[rows["model"] == model] for rows in (self.new, self.worse, self.resolved, self.changes, self.open)))

    @property
    def models(self) -> list[str]:
        """The models of which there is news, by name."""
        return sorted({str(name) for rows in (self.new, self.worse, self.resolved, self.changes) for name in rows["model"]})

    @property
    def severity(self) -> str:
        """The worst that began or got worse; "" where nothing did."""
        worst = set(self.new["severity"]) | set(self.worse["severity"])
        return next((level for level in ("critical", "warning") if level in worst), "")


def no_changes() -> pd.DataFrame:
    """A table of changes with no row."""
    times = {"at": pd.Series(dtype="datetime64[us, UTC]")}
    return pd.DataFrame({name: pd.Series(dtype="str") for name in CHANGES} | times)[CHANGES]


def as_told(alerts: pd.DataFrame, clocks: Mapping[str, pd.Timestamp], changes: pd.DataFrame, before: Told | None = None) -> Told:
    """What one knows who was told everything as it is now, and `before` what it was told then.

    A muted alert is known only if it was told before it was muted: one that outlasts its mute is news.
    """
    known = alerts["state"].isin(["open", "acknowledged"])
    if before is not None:
        for was in before.open.to_dict("records"):
            same = _same(alerts, {str(name): value for name, value in was.items()})
            known |= alerts.index.isin(same.index[same["state"] == "muted"])
    going_on = known & alerts["state"].isin(GOING_ON)
    return Told(alerts.loc[going_on, COLUMNS].reset_index(drop=True), dict(clocks), frozenset(map(str, changes["id"])))


def news(alerts: pd.DataFrame, changes: pd.DataFrame, told: Told | None, channel: Channel) -> News:
    """What this channel has not heard.

    Parameters
    ----------
    alerts : all alerts, judged over the whole history, as `monitors.alerts` gives them.
    changes : id, model, at, kind, what, before, after.
    told : what it knows; None for a channel that was never told anything: then only what is open now is new.

    An alert is the one that was told before if it is of the same series and overlaps it, so a start that late rows move is no news.
    An alert that began and ended since the last time is new; one in a past that was judged already (an edited threshold, late rows)
    is not, unless it is open. One that was told and is none any more, whatever the cause, is resolved. What is acknowledged is not told again,
    and what is muted not at all: neither that it began nor, if it ends so, that it ended.
    """
    mine = _of_channel(alerts, channel).reset_index(drop=True)
    before = _of_channel(told.open, channel) if told is not None else mine.iloc[:0]
    ends = pd.to_datetime(mine["model"].map(dict(told.clocks) if told is not None else {}), utc=True)
    is_open = mine["state"] == "open"
    unheard = is_open if told is None else is_open | (~mine["state"].isin(GOING_ON) & (mine["end"] > ends))
    known: set[int] = set()
    worse: list[int] = []
    resolved: list[dict[str, Any]] = []
    for was in before.to_dict("records"):
        same = _same(mine, {str(name): value for name, value in was.items()})
        known |= set(same.index)
        still = same[same["state"].isin(GOING_ON)]
        if len(still):
            got_worse = (still["severity"] == "critical") & (was["severity"] == "warning") & (still["state"] == "open")
            worse += still.index[got_worse].tolist()
        else:
            last = same.iloc[-1].to_dict() if len(same) else was | {"state": "no longer an alert"}
            resolved.append({str(name): value for name, value in last.items()})
    new = mine[unheard & ~mine.index.isin(list(known))]
    return News(
        new=new if "new" in channel.what else new.iloc[:0],
        worse=mine.loc[sorted(set(worse))] if "worse" in channel.what else mine.iloc[:0],
        resolved=pd.DataFrame(resolved, columns=COLUMNS) if resolved and "resolved" in channel.what else mine.iloc[:0],
        changes=_unheard(changes, told, channel),
        open=mine[is_open],
    )


def _of_channel(alerts: pd.DataFrame, channel: Channel) -> pd.DataFrame:
    wanted = pd.Series(True, index=alerts.index, dtype=bool)
    if channel.models:
        wanted &= alerts["model"].isin(channel.models)
    if channel.min_severity == "critical":
        wanted &= alerts["severity"] == "critical"
    return alerts[wanted]


def _same(alerts: pd.DataFrame, was: Mapping[str, Any]) -> pd.DataFrame:
    """The alerts of the series that overlap this one, in time's order."""
    hit = (alerts["start"] < was["end"]) & (alerts["end"] > was["start"])
    for field in SERIES:
        hit &= alerts[field].isna() if pd.isna(was[field]) else alerts[field] == was[field]
    overlapping: pd.DataFrame = alerts[hit].sort_values("start", kind="stable")
    return overlapping


def _unheard(changes: pd.DataFrame, told: Told | None, channel: Channel) -> pd.DataFrame:
    if told is None or "changes" not in channel.what:
        return changes.iloc[:0]
    wanted = ~changes["id"].astype(str).isin(told.changes)
    if channel.models:
        wanted &= changes["model"].isin(channel.models)
    return changes[wanted].sort_values(["at", "id"], kind="stable")


def to_json(told: Told) -> str:
    """`Told` as a text, to be kept."""
    rows = told.open.assign(**{name: told.open[name].map(pd.Timestamp.isoformat) for name in TIMES})
    alerts = rows.astype(object).where(rows.notna(), None).to_dict("records")
    clocks = {model: time.isoformat() for model, time in sorted(told.clocks.items())}
    return json.dumps({"open": alerts, "clocks": clocks, "changes": sorted(told.changes)}, ensure_ascii=False)


def from_json(text: str) -> Told:
    """What `to_json` wrote."""
    kept = json.loads(text)
    rows = pd.DataFrame(kept["open"], columns=COLUMNS)
    numbers = {name: pd.to_numeric(rows[name]) for name in ("windows", "peak", "threshold")}
    rows = rows.assign(**numbers, **{name: pd.to_datetime(rows[name], utc=True) for name in TIMES})
    clocks = {model: pd.Timestamp(time) for model, time in kept["clocks"].items()}
    return Told(rows, clocks, frozenset(kept["changes"]))


def retry_at(attempts: int, now: datetime) -> datetime:
    """When to try again after so many attempts that failed: in 1, 2, 4 … minutes, at most 6 hours."""
    return now + min(RETRY_FIRST * int(2 ** min(max(attempts - 1, 0), 20)), RETRY_MOST)


def is_given_up(created: datetime, now: datetime) -> bool:
    """Whether a message that failed again is too old to be tried once more: after three days it says nothing new."""
    return now - created > GIVE_UP
