"""Messages: news in words. One for each model, what began together told together; as text, as Markdown and as JSON."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pandas as pd

from monitors.alerts import sentence, unit
from monitors.channels import Channel
from monitors.notify import News

MOST = 20  # alerts told one by one in each part of a message; the others are counted
PAGES = ("drift", "schema", "skew", "stability", "latency", "quality", "fairness")  # monitors whose page bears their name
HEADINGS = {"new": "New", "worse": "Worse", "resolved": "Resolved", "changes": "Changed", "open": "Open"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one channel. `key` is the same for the same message, however often it is sent."""

    channel: str
    kind: str  # alerts, digest, test
    model: str  # "" for one about several
    severity: str
    subject: str
    key: str
    body: str  # JSON, the whole of what a webhook gets


def of_news(told: News, channel: Channel, url: str, now: datetime) -> list[Message]:
    """A message for each model of which there is news.

    Parameters
    ----------
    url : where the pages are, for links; "" for none. now : when it is told; the same news at another time is another message.
    """
    return [_message(told.of(model), channel, "alerts", model, url, now) for model in told.models]


def of_digest(told: News, channel: Channel, url: str, now: datetime) -> Message:
    """One message on all models: what is open, and what began, got worse or ended since the last digest."""
    return _message(told, channel, "digest", "", url, now)


def of_test(channel: Channel, now: datetime) -> Message:
    """What "send a test" sends."""
    subject = f"Vigia: a test of the channel {channel.name}"
    lines = ["If you can read this, alerts reach you here."]
    return _written(channel.name, "test", "", "", subject, lines, lines, {"created_at": _iso(now)}, [now.isoformat()])


def _message(told: News, channel: Channel, kind: str, model: str, url: str, now: datetime) -> Message:
    parts = {"new": told.new, "worse": told.worse, "resolved": told.resolved, "changes": told.changes}
    if kind == "digest":
        parts["open"] = told.open
    subject = f"{model or 'every model'}: {_counted(told)}" if kind == "alerts" else _digest_subject(told, channel)
    plain, marked = (list(_lines(parts, url, kind, marked=marked)) for marked in (False, True))
    events = [_event(what, row, url) for what, rows in parts.items() if what != "changes" for row in rows.to_dict("records")]
    changes = [_plain(row) for row in told.changes.to_dict("records")]
    facts = {"created_at": _iso(now), "url": link(url, "", {"model": model}), "events": events, "changes": changes}
    identity = [
        now.isoformat(),
        [(e["kind"], e["metric"], e["column"], e["segment"], e["start"]) for e in events],
        [c["id"] for c in changes],
    ]
    return _written(channel.name, kind, model, told.severity, subject, plain, marked, facts, identity)


def _written(
    channel: str, kind: str, model: str, severity: str, subject: str, plain: list[str], marked: list[str],
    facts: Mapping[str, Any], identity: list[Any],
) -> Message:  # fmt: skip
    subject = _flat(subject)  # it becomes a header, where a line break would begin another
    key = hashlib.sha256(json.dumps([channel, kind, model, identity], default=str).encode()).hexdigest()[:32]
    reference = f"Reference {key[:8]}"  # a chat has no keys: a person sees by it that a message came twice
    head = {
        "key": key,
        "source": "vigia",
        "channel": channel,
        "kind": kind,
        "model": model,
        "severity": severity,
        "subject": subject,
    }
    texts = {"text": "\n".join([*plain, "", reference]), "markdown": "\n".join([*marked, "", reference])}
    return Message(
        channel, kind, model, severity, subject, key, json.dumps(head | dict(facts) | texts, ensure_ascii=False, default=str)
    )


def _counted(told: News) -> str:
    """`3 new alerts (2 critical), 1 worse, 2 resolved, 1 change`."""
    new, changes = len(told.new), len(told.changes)
    critical = int((told.new["severity"] == "critical").sum())
    all_critical = "critical " if new == critical else ""
    of_them = f" ({critical:,} critical)" if 0 < critical < new else ""
    parts = [
        f"{new:,} new {all_critical}alert{'' if new == 1 else 's'}{of_them}" if new else "",
        f"{len(told.worse):,} worse" if len(told.worse) else "",
        f"{len(told.resolved):,} resolved" if len(told.resolved) else "",
        f"{changes:,} change{'' if changes == 1 else 's'}" if changes else "",
    ]
    return ", ".join(filter(None, parts)) or "nothing new"


def _digest_subject(told: News, channel: Channel) -> str:
    often = "daily" if channel.digest.startswith("daily") else "weekly"
    count = len(told.open)
    return f"Vigia, {often} digest: {count:,} open alert{'' if count == 1 else 's'}, {_counted(told)}"


def _lines(parts: Mapping[str, pd.DataFrame], url: str, kind: str, *, marked: bool) -> Iterator[str]:
    if not any(map(len, parts.values())):
        yield "Nothing is open and nothing happened since the last digest."
    gap = False
    for what, rows in parts.items():
        if rows.empty:
            continue
        if gap:
            yield ""
        gap = True
        heading = f"{HEADINGS[what]} ({len(rows):,})"
        yield f"**{heading}**" if marked else heading
        yield "" if marked else "-" * len(heading)
        ordered = rows if what == "changes" else _ordered(rows)
        for row in ordered.head(MOST).to_dict("records"):
            named = {str(name): value for name, value in row.items()}
            yield (_change_line if what == "changes" else _alert_line)(named, url, kind, marked=marked)
        if len(rows) > MOST:
            yield f"- and {len(rows) - MOST:,} more: {link(url, '', {}) or 'python -m monitors alerts'}"


def _ordered(alerts: pd.DataFrame) -> pd.DataFrame:
    """What began together stands together, the latest first; in it the critical first, then by name."""
    keys = ["start", "severity", "model", "monitor", "metric", "column", "segment", "version"]
    return alerts.sort_values(keys, ascending=[False, True, *[True] * 6], kind="stable")


def _alert_line(alert: Mapping[str, Any], url: str, kind: str, *, marked: bool) -> str:
    about = f"{alert['model']}: " if kind == "digest" else ""
    told, page = _flat(f"{about}{sentence(alert)}"), alert_link(url, alert)
    if marked:
        return f"- {'🔴' if alert['severity'] == 'critical' else '🟠'} {escaped(told)}" + (f" ([show]({page}))" if page else "")
    return f"- {told}" + (f"\n  {page}" if page else "")


def _change_line(change: Mapping[str, Any], url: str, kind: str, *, marked: bool) -> str:
    at, texts = (
        pd.Timestamp(change["at"]),
        {name: "" if pd.isna(change[name]) else str(change[name]) for name in ("before", "after")},
    )
    about = f"{change['model']}: " if kind == "digest" else ""
    moved = f": {texts['before'] or '(none)'} → {texts['after'] or '(none)'}" if any(texts.values()) else ""
    told = _flat(f"{about}{at.day} {at:%b %Y}, {change['kind']}: {change['what']}{moved}")
    page = link(url, "versions", {"model": str(change["model"])})
    if marked:
        return f"- {escaped(told)}" + (f" ([show]({page}))" if page else "")
    return f"- {told}" + (f"\n  {page}" if page else "")


def _flat(text: str) -> str:
    """On one line, whatever a name has in it."""
    return " ".join(text.split())


def escaped(text: str) -> str:
    """A text as Markdown shows it character for character, also where it becomes HTML."""
    flat = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join("\\" + c if c in r"\`*_[]#|~" else c for c in flat)


def _event(what: str, alert: Mapping[Any, Any], url: str) -> dict[str, Any]:
    named = {str(name): value for name, value in alert.items()}
    return {"kind": what, "sentence": sentence(named)} | _plain(named) | {"url": alert_link(url, named)}


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Values as JSON has them: times in ISO 8601, what is not there null."""
    return {
        str(name): None if pd.isna(value) else _iso(value) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _iso(time: datetime) -> str:
    return pd.Timestamp(time).tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def alert_link(url: str, alert: Mapping[str, Any]) -> str:
    """The screen of an alert: its page, with model, version, segment, metric, column and window as the page's own address has them."""
    there = {name: str(alert[name]) for name in ("model", "version", "segment", "metric", "column") if _is_named(alert[name])}
    if there.get("segment") == "all":
        del there["segment"]
    page = str(alert["monitor"]) if alert["monitor"] in PAGES else "versions" if alert["monitor"] in ("changes", "staleness") else ""
    return link(url, page, there | ({"window": unit(alert)} if page else {}))


def _is_named(name: Any) -> bool:
    return isinstance(name, str) and name != ""


def link(url: str, page: str, query: Mapping[str, str]) -> str:
    """The address of a page; "" where nobody said where the pages are."""
    kept = {name: value for name, value in query.items() if value}
    return f"{url}/{page}{'?' + urlencode(kept) if kept else ''}" if url else ""
