"""alerts, incidents, check: what is open, what belongs together, and whether a pipeline may go on."""

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from data.store import Store
from monitors import changes as changing
from monitors import incidents, output, run, run_changes, run_decisions
from monitors.alerts import COLUMNS, sentence, with_model
from monitors.states import STATES

Add = Callable[..., argparse.ArgumentParser]
DECIDED = [*COLUMNS, "incident", "verdict", "verdict_by", "verdict_note"]
SEEN_TO = ("acknowledged", "muted")  # somebody knows of it


def declare(add: Add) -> None:
    """The commands of this subject."""
    text = "alerts under the thresholds in force, open, acknowledged, muted or resolved"
    listed = add(_alerts, "alerts", text, "--state open --since 2026-03-01 --format csv")
    listed.add_argument("--format", choices=("text", "csv", "json"), default="text")
    listed.add_argument("--verdicts", action="store_true", help="with the incident of each and what people said it was, after the other columns")
    text = "alerts that belong together, each with the changes just before it, what is open first"
    grouped = add(_incidents, "incidents", text, "--model churn --since 2026-03-01")
    grouped.add_argument("--format", choices=("text", "json"), default="text")
    text = "exit code 1 when an alert is open (or, with --since, was since then); what is acknowledged or muted does not count"
    check = add(_check, "check", text, "--model churn --format junit")
    check.add_argument("--fail-on", choices=("warning", "critical"), default="critical")
    check.add_argument("--all", action="store_true", help="count alerts that are acknowledged or muted too (`decide acknowledge`, `decide mute`)")
    check.add_argument("--format", choices=("text", "json", "junit"), default="text")
    for one in (listed, grouped):
        one.add_argument("--state", nargs="+", action="extend", choices=STATES, metavar="STATE", help=", ".join(STATES))
    for one in (listed, grouped, check):
        one.add_argument("--model", metavar="M")
        one.add_argument("--since", type=output.date, metavar="DATE", help="what lasted beyond this day, UTC (2026-03-01)")


def _alerts(store: Store, asked: argparse.Namespace) -> int:
    found = (run_decisions if asked.verdicts else run).alerts(store, model=asked.model, since=asked.since)
    if asked.state:
        found = found[found["state"].isin(asked.state)]
    if asked.format == "text":
        print("\n".join(map(_line, found.to_dict("records"), with_model(found))) or "No alerts.")
    else:
        output.write(found[DECIDED if asked.verdicts else COLUMNS], asked.format, None)
    return 0


def _line(row: Mapping[Any, Any], text: str) -> str:
    told = f"{row['severity']:<9}{text}"
    if not row.get("verdict"):
        return told
    note = f": {row['verdict_note']}" if row["verdict_note"] else ""
    return f"{told} ({row['verdict']} by {row['verdict_by']}{note})"


def _incidents(store: Store, asked: argparse.Namespace) -> int:
    changes = run_changes.changes(store)
    found = run_decisions.alerts(store, model=asked.model)
    listed = incidents.incidents(found, changes)
    if asked.since is not None:
        listed = listed[listed["end"] > asked.since]
    if asked.state:
        listed = listed[listed["state"].isin(asked.state)]
    of = {(row["model"], row["incident"]): own for (_, _), own in found.groupby(["model", "incident"]) for row in [own.iloc[0]]}
    if asked.format == "json":
        print(json.dumps([_told(row, of[row["model"], row["incident"]], changes) for row in listed.to_dict("records")], ensure_ascii=False))
        return 0
    several = listed["model"].nunique() > 1
    for row in listed.to_dict("records"):
        own = of[row["model"], row["incident"]]
        print(f"{row['model'] + ' ' if several else ''}{incidents.sentence(row)}{_said(own)}")
        for change in incidents.before(own, changes).head(3).to_dict("records"):
            print(f"    {change['at']:%Y-%m-%d} {change['kind']}: {changing.sentence(change)}")
        for alert in own.to_dict("records"):
            print(f"  {_line(alert, sentence(pd.Series(alert)))}")
    if listed.empty:
        print("No incidents.")
    return 0


def _said(own: pd.DataFrame) -> str:
    """`; 3 noise, 1 real`."""
    counts = own["verdict"][own["verdict"] != ""].value_counts()
    return "; " + ", ".join(f"{n} {name}" for name, n in counts.items()) if len(counts) else ""


def _told(row: dict[object, object], own: pd.DataFrame, changes: pd.DataFrame) -> dict[str, object]:
    tables = {"alerts": own[[name for name in DECIDED if name != "incident"]], "before": incidents.before(own, changes)}
    facts = json.loads(output.text(pd.DataFrame([row]), "json"))[0]
    return {**facts, **{name: json.loads(output.text(table, "json")) for name, table in tables.items()}}


def _check(store: Store, asked: argparse.Namespace) -> int:
    found = run.undecided(store, model=asked.model) if asked.all else run.alerts(store, model=asked.model)
    counted = ("critical",) if asked.fail_on == "critical" else ("warning", "critical")
    failing = found[found["severity"].isin(counted)]
    if asked.since is None:
        failing = failing[failing["state"] == "open"]
    else:
        failing = failing[(failing["end"] > asked.since) & ~failing["state"].isin(SEEN_TO)]
    output.check(failing, asked.format, asked.fail_on, "open now" if asked.since is None else f"since {asked.since:%Y-%m-%d}")
    return 1 if len(failing) else 0
