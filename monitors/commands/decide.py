"""decide …: what a person says about alerts, kept with who, when and why; and taken back."""

import argparse
from collections.abc import Callable, Sequence

import pandas as pd

from data.errors import BadInput
from data.store import Store
from monitors import calendars, decided, output, run, run_decisions
from monitors.alerts import sentence
from monitors.verdicts import MEANING

Add = Callable[..., argparse.ArgumentParser]
GROUP = ("decide", "say what alerts were, acknowledge or mute them, accept a new normal; and take it back")
SCOPE = "which alerts: model, version, monitor, metric, column, segment (what is left out stands for any)"
MOST = 12  # alerts told one by one


def declare(add: Add) -> None:
    """The commands of this subject."""
    example = "noise metric=psi column=temp --incident 2026-03-02 --note 'a holiday'"
    one = _noted(add(_verdict, "decide verdict", "say what alerts were", example))
    one.add_argument("verdict", metavar="VERDICT", help="; ".join(f"{name}: {text}" for name, text in MEANING.items()))
    _which(one)
    text = "say that somebody looks after open alerts: `check` does not count them, and messages do not repeat them"
    one = _noted(add(_acknowledge, "decide acknowledge", text, "column=temp --note 'ticket 12'"))
    _which(one)
    text = "do not hear of alerts until a date, or on days that come again: neither `check` nor messages tell of them"
    one = _noted(add(_mute, "decide mute", text, "metric=psi column=temp --until 2026-04-01 --note 'new sensor'"), needed=True)
    one.add_argument("scope", nargs="+", metavar="FIELD=NAME", help=SCOPE)
    one.add_argument("--until", type=output.date, metavar="DATE", help="windows that begin before this day are muted")
    text = f"{calendars.EXAMPLES}; a window so long that it always holds such a day is not muted"
    one.add_argument("--every", metavar="DAYS", help=text)
    text, days = "a change that everybody knows of: alerts of these days are muted", "--from 2026-04-01 --to 2026-04-03"
    _days(_noted(add(_planned, "decide planned", text, f"model=churn {days} --note 'move to the new feed'"), needed=True))
    text = "something was wrong on these days, alert or not: from them it is known what rules miss"
    _days(_noted(add(_missed, "decide missed", text, f"model=churn column=income {days} --note 'a currency was lost'"), needed=True))
    text = "accept a new normal: from a day on, drift of a version (and column) is measured against its own log; the next `run` measures it"
    example = "model=churn version=v2 column=income --from 2026-03-02 --note 'new price list'"
    one = _noted(add(_normal, "decide normal", text, example), needed=True)
    one.add_argument("scope", nargs="+", metavar="FIELD=NAME", help="model, version and perhaps column and segment")
    one.add_argument("--from", dest="start", required=True, type=output.date, metavar="DATE", help="the first day of the new normal")
    one.add_argument("--to", dest="last", type=output.date, metavar="DATE", help="the last day to learn it from (default: 28 days)")
    text = "take decisions back: it is as if they had never been made"
    one = _noted(add(_retract, "decide retract", text, "12 --note 'wrong incident'"), needed=True)
    one.add_argument("decisions", nargs="+", type=int, metavar="N", help="as `decide list` numbers them")
    one = add(_list, "decide list", "every decision that stands, the last first", "--model churn --all")
    one.add_argument("--model", metavar="M")
    one.add_argument("--all", action="store_true", help="those that were taken back and their retractions too")
    one.add_argument("--format", choices=("text", "csv", "json"), default="text")


def _noted(one: argparse.ArgumentParser, *, needed: bool = False) -> argparse.ArgumentParser:
    one.add_argument("--note", "--reason", dest="note", required=needed, default="", metavar="TEXT", help="why; kept with your name")
    one.add_argument("--author", default="", metavar="NAME", help="who says so (default: VIGIA_AUTHOR, else your login)")
    return one


def _which(one: argparse.ArgumentParser) -> None:
    one.add_argument("scope", nargs="*", metavar="FIELD=NAME", help=SCOPE)
    one.add_argument("--incident", metavar="NAME", help="all alerts of one incident, as `incidents` names it")
    one.add_argument("--since", type=output.date, metavar="DATE", help="of these only what lasted beyond this day")


def _days(one: argparse.ArgumentParser) -> None:
    one.add_argument("scope", nargs="+", metavar="FIELD=NAME", help=SCOPE)
    one.add_argument("--from", dest="start", required=True, type=output.date, metavar="DATE", help="the first day")
    one.add_argument("--to", dest="last", required=True, type=output.date, metavar="DATE", help="the last day")


def _verdict(store: Store, asked: argparse.Namespace) -> int:
    found = _asked_for(store, asked)
    numbers = run_decisions.verdict(store, found, asked.verdict, asked.note, asked.author)
    _tell(found, numbers, f"called {asked.verdict}")
    return 0


def _acknowledge(store: Store, asked: argparse.Namespace) -> int:
    found = _asked_for(store, asked)
    numbers = run_decisions.acknowledge(store, found, asked.note, asked.author)
    _tell(found[found["state"] == "open"], numbers, "acknowledged")
    return 0


def _asked_for(store: Store, asked: argparse.Namespace) -> pd.DataFrame:
    scope = output.pairs(asked.scope, "column=temp or metric=psi")
    if not scope and asked.incident is None:
        raise BadInput("Say which alerts: fields such as metric=psi column=temp, or --incident.")
    found = run_decisions.about(store, scope, asked.incident)
    if asked.since is not None:
        found = found[found["end"] > asked.since].reset_index(drop=True)
        if found.empty:
            raise BadInput(f"None of these alerts lasted beyond {asked.since:%Y-%m-%d}. `python -m monitors alerts` lists them.")
    return found


def _tell(found: pd.DataFrame, numbers: Sequence[int], what: str) -> None:
    count = len(numbers)
    told = f"decision {numbers[0]}" if count == 1 else f"decisions {numbers[0]} to {numbers[-1]}"
    print(f"{count} alert{'' if count == 1 else 's'} {what}, {told}:")
    for _, alert in found.head(MOST).iterrows():
        print(f"  {sentence(alert)}")
    if count > MOST:
        print(f"  and {count - MOST} more")


def _mute(store: Store, asked: argparse.Namespace) -> int:
    scope = output.pairs(asked.scope, "column=temp or metric=psi")
    return _told(store, run_decisions.mute(store, scope, asked.note, until=asked.until, calendar=asked.every, who=asked.author))


def _planned(store: Store, asked: argparse.Namespace) -> int:
    scope = output.pairs(asked.scope, "model=churn")
    return _told(store, run_decisions.planned(store, scope, asked.start, asked.last, asked.note, asked.author))


def _missed(store: Store, asked: argparse.Namespace) -> int:
    scope = output.pairs(asked.scope, "model=churn or column=income")
    return _told(store, run_decisions.missed(store, scope, asked.start, asked.last, asked.note, asked.author))


def _normal(store: Store, asked: argparse.Namespace) -> int:
    scope = output.pairs(asked.scope, "version=v2 or column=income")
    numbers = run_decisions.normal(store, scope, asked.start, asked.note, last=asked.last, who=asked.author)
    _told(store, numbers)
    print("The next `python -m monitors run` measures drift against it.")
    return 0


def _retract(store: Store, asked: argparse.Namespace) -> int:
    before = {one["decision"]: one for one in run.decisions(store).to_dict("records")}
    run_decisions.retract(store, asked.decisions, asked.note, asked.author)
    for number in asked.decisions:
        print(f"Taken back, decision {number}: {decided.sentence(before[number])}.")
    if any(before[number]["kind"] == "normal" for number in asked.decisions):
        print("The next `python -m monitors run` measures drift as before.")
    return 0


def _told(store: Store, numbers: Sequence[int]) -> int:
    made = run.decisions(store)
    for one in made[made["decision"].isin(list(numbers))].to_dict("records"):
        print(f"Decision {one['decision']}: {decided.sentence(one)}.")
    return 0


def _list(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    made = run.decisions(store)
    gone = set(made["retracts"].dropna().astype("int64"))
    found = made if asked.all else decided.standing(made)
    if asked.model is not None:
        of = set(made.loc[made["model"] == asked.model, "decision"])
        found = found[found["decision"].isin(of) | found["retracts"].isin(of)]
    found = found.sort_values("decision", ascending=False)
    if asked.format != "text":
        output.write(found, asked.format, None)
        return 0
    for one in found.to_dict("records"):
        back = " (taken back)" if one["decision"] in gone else ""
        note = f" · {one['note']}" if one["note"] else ""
        print(f"{one['decision']:>5}  {one['at']:%Y-%m-%d %H:%M}  {one['author']}: {decided.sentence(one)}{back}{note}")
    if found.empty:
        print("Nobody decided anything yet.")
    return 0
