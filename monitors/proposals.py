"""What a proposed set of rules would change, for a person who reviews it: in a text, in Markdown for a pull request, as data."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from monitors import backtest
from monitors import rules as r
from monitors.rules import Rule

CHANGES = ("gained", "lost", "changed")
OTHERS = "other series of the same false discovery family"  # no rule of theirs changed, but their neighbours' did
MOST_TOLD = 50  # alerts of one kind listed for one model; the counts are of all
WEEK = pd.Timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Side:
    """How many alerts one set of rules gives."""

    alerts: int
    critical: int
    warning: int
    open: int
    per_week: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a proposal would have given for one model over [since, until), against other rules."""

    model: str
    since: pd.Timestamp
    until: pd.Timestamp
    before: Side
    after: Side
    counts: dict[str, int]  # gained, lost, changed, same
    rules: pd.DataFrame  # rule, before, after (alerts), before_per_week, after_per_week, gained, lost, changed
    events: pd.DataFrame  # as `backtest.compare` gives them, with `rule`


def outcome(
    model: str, span: tuple[pd.Timestamp, pd.Timestamp], found: tuple[pd.DataFrame, pd.DataFrame], touched: Sequence[Rule]
) -> Outcome:
    """Two lists of alerts of a model compared.

    Parameters
    ----------
    span : the history that both were judged over, or the part of it that is looked at.
    found : alerts under the rules that are compared with, and under the proposed ones.
    touched : the rules that differ between the two; each event is told under the strongest of them that is about it.
    """
    weeks = (span[1] - span[0]) / WEEK
    events = backtest.compare(*found)
    events = events.assign(rule=[_rule_of(event, touched) for event in events.to_dict("records")])
    counted = events["change"].value_counts()
    counts = {name: int(counted.get(name, 0)) for name in (*CHANGES, "same")}
    before, after = (_side(alerts, weeks) for alerts in found)
    return Outcome(model, *span, before, after, counts, _by_rule(found, touched, events, weeks), events)


def touched(before: Sequence[Rule], after: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules that are on one side alone, or other on the other side: bare scopes, from weak to strong."""
    old, new = ({tuple(rule.scope.items()): rule for rule in rules} for rules in (before, after))
    differing = [scope for scope in dict.fromkeys((*old, *new)) if old.get(scope) != new.get(scope)]
    return tuple(sorted((Rule.model_validate(dict(scope)) for scope in differing), key=r.STRENGTH))


def _side(alerts: pd.DataFrame, weeks: float) -> Side:
    counted = backtest.counts(alerts)
    return Side(len(alerts), counted.critical, counted.warning, counted.open, _a_week(len(alerts), weeks))


def _a_week(count: int, weeks: float) -> float:
    return round(count / weeks, 3) if weeks > 0 else 0.0


def _rule_of(series: dict[Any, Any], touched: Sequence[Rule]) -> str:
    about = [rule for rule in touched if all(series[field] == name for field, name in rule.scope.items())]
    return r.scope_text(about[-1]) if about else ""


def _by_rule(
    found: tuple[pd.DataFrame, pd.DataFrame], touched: Sequence[Rule], events: pd.DataFrame, weeks: float
) -> pd.DataFrame:
    owned = [pd.Series([_rule_of(alert, touched) for alert in side.to_dict("records")], dtype="str").value_counts() for side in found]
    names = [r.scope_text(rule) for rule in touched][::-1]
    if ((events["rule"] == "") & events["change"].isin(CHANGES)).any():
        names.append("")
    rows = []
    for name in names:
        changes = events.loc[events["rule"] == name, "change"].value_counts()
        sides = [int(side.get(name, 0)) for side in owned]
        rows.append({
            "rule": name or OTHERS, "before": sides[0], "after": sides[1],
            "before_per_week": _a_week(sides[0], weeks), "after_per_week": _a_week(sides[1], weeks),
            **{change: int(changes.get(change, 0)) for change in CHANGES},
        })  # fmt: skip
    return pd.DataFrame(rows, columns=["rule", "before", "after", "before_per_week", "after_per_week", *CHANGES])


def told(event: dict[Any, Any]) -> str:
    """`+ psi of temp (v1): critical, 2 weeks from 8 Apr 2013`; of one that changed, from what to what."""
    names = [str(event[field]) for field in ("version", "segment") if event[field] not in ("", "all")]
    of = (f" of {event['column']}" if event["column"] else "") + (f" ({', '.join(names)})" if names else "")
    sides = [side for side in backtest.SIDES if not pd.isna(event[f"{side}_start"])]
    texts = [_alert(event, side) for side in sides]
    sign = {"gained": "+", "lost": "-", "changed": "~"}[str(event["change"])]
    return f"{sign} {event['metric']}{of}: {' → '.join(texts)}"


def _alert(event: dict[Any, Any], side: str) -> str:
    start, end = (pd.Timestamp(event[f"{side}_{name}"]) for name in ("start", "end"))
    last = end - pd.Timedelta(1, "us")
    count = int(event[f"{side}_windows"])
    span = f"{start:%Y-%m-%d}" if start.date() == last.date() else f"{start:%Y-%m-%d} to {last:%Y-%m-%d}"
    return f"{event[f'{side}_severity']}, {span}, {count} window{'' if count == 1 else 's'}"


def text(outcomes: Sequence[Outcome], names: tuple[str, str]) -> str:
    """For a terminal. `names` are those of the rules compared with, and of the proposed ones."""
    return "\n\n".join(_text(one, names) for one in outcomes) or "No model has been measured: nothing to judge."


def _text(one: Outcome, names: tuple[str, str]) -> str:
    lines = [
        f"{one.model}: {names[1]} against {names[0]}, {one.since:%Y-%m-%d} to {one.until:%Y-%m-%d}, {(one.until - one.since) / WEEK:.1f} weeks",
        f"  {_moved(one)}",
    ]
    for row in one.rules.to_dict("records"):
        lines.append(f"  {row['rule']}: {row['before']} → {row['after']} ({_counted(row)})")
    for change in CHANGES:
        events = one.events[one.events["change"] == change]
        lines += [f"    {told(event)}" for event in events.head(MOST_TOLD).to_dict("records")]
        lines += [f"    and {len(events) - MOST_TOLD:,} more {change}"] if len(events) > MOST_TOLD else []
    return "\n".join(lines)


def _moved(one: Outcome) -> str:
    before, after = one.before, one.after
    weekly = f"{before.per_week:.2f} → {after.per_week:.2f} a week"
    kinds = f"critical {before.critical} → {after.critical}, warning {before.warning} → {after.warning}, open {before.open} → {after.open}"
    return f"alerts {before.alerts} → {after.alerts} ({weekly}; {kinds}): {_counted(one.counts)}"


def _counted(counts: dict[Any, Any]) -> str:
    return ", ".join(f"{counts[change]} {change}" for change in CHANGES)


def markdown(outcomes: Sequence[Outcome], names: tuple[str, str]) -> str:
    """For a pull request: a table of the rules that differ, and the alerts below it, folded."""
    parts = [f"### Thresholds: {names[1]} against {names[0]}"]
    for one in outcomes:
        parts.append(f"**{_cell(one.model)}**, {one.since:%Y-%m-%d} to {one.until:%Y-%m-%d}: {_moved(one)}.")
        rows = [
            [_cell(row["rule"]), row["before"], row["after"], f"{row['before_per_week']:.2f}", f"{row['after_per_week']:.2f}",
             *(row[change] for change in CHANGES)]
            for row in one.rules.to_dict("records")
        ]  # fmt: skip
        heads = ["rule", "alerts before", "after", "a week before", "after", *CHANGES]
        table = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
        if rows:
            parts.append("\n".join(f"| {' | '.join(map(str, row))} |" for row in table))
        events = one.events[one.events["change"].isin(CHANGES)]
        if len(events):
            listed = [f"{told(event)}" for event in events.head(MOST_TOLD * 3).to_dict("records")]
            listed += [f"and {len(events) - len(listed):,} more"] if len(events) > len(listed) else []
            # As code, since names may hold anything that Markdown would take for its own.
            parts.append("\n".join(["<details><summary>Alerts that come, go or change</summary>", "", "```diff", *listed, "```", "", "</details>"]))
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    """A name in a table cell: no pipe, no mark of Markdown or HTML takes effect."""
    return "".join("\\" + c if c in r"\`*_{}[]<>#|~" else c for c in text)


def plain(one: Outcome) -> dict[str, Any]:
    """As data for JSON: times ISO 8601, blanks null."""
    events = one.events[one.events["change"].isin(CHANGES)]
    shown = {"model": one.model, "since": _iso(one.since), "until": _iso(one.until), "before": asdict(one.before), "after": asdict(one.after)}
    listed = [{str(k): _json(v) for k, v in event.items()} for event in events.to_dict("records")]
    return {**shown, **one.counts, "rules": one.rules.to_dict("records"), "events": listed}


def _json(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return _iso(value)
    return None if pd.isna(value) else int(value) if isinstance(value, float) and value.is_integer() else value


def _iso(time: pd.Timestamp) -> str:
    return f"{time.tz_convert('UTC'):%Y-%m-%dT%H:%M:%SZ}"
