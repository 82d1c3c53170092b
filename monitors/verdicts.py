"""verdicts: what people said alerts were, how far each rule can be trusted by that, and what no rule saw.

A verdict stays with its series and span (see decided.py). A later one replaces those of the same series that it overlaps. Where thresholds moved
so that one alert covers several verdicts, it is real if one of them is, else expected if one of them is: a real thing is in it.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import decided
from monitors.intervals import wilson
from monitors.rulebook import defaults
from monitors.rules import SCOPE, Rule, in_order, scope_text

REAL, EXPECTED, NOISE = VERDICTS = ("real", "expected", "noise")  # from the strongest
MEANING = {
    "real": "something was wrong, and it was right to be told",
    "expected": "something was different, but known beforehand: better muted or planned",
    "noise": "nothing was wrong: it should not have alerted",
}
COLUMNS = [*SCOPE, "start", "end", "verdict"]
MISSED = [*SCOPE, "start", "end"]
PRECISION = ["rule", "scope", "alerts", "decided", *VERDICTS, "precision", "low", "high", "missed"]


def verdicts(decisions: pd.DataFrame) -> pd.DataFrame:
    """The verdicts that stand and that no later one replaces: COLUMNS, and decision, author, at and note; in the order of their start."""
    made = decided.standing(decisions, "verdict").rename(columns={"value": "verdict"})
    replaced = np.zeros(len(made), dtype=bool)
    for _, own in made.groupby(list(SCOPE), dropna=False, sort=False):
        starts, ends = own["start"].to_numpy("datetime64[us]"), own["end"].to_numpy("datetime64[us]")
        # Each against those after it; people decide by the dozen, not by the thousand.
        shares = (starts[:, None] < ends[None, :]) & (ends[:, None] > starts[None, :])
        replaced[own.index] = np.triu(shares, 1).any(axis=1)
    kept = made[~replaced].sort_values(["start", "decision"], kind="stable").reset_index(drop=True)
    return kept[[*COLUMNS, "decision", "author", "at", "note"]]


def missed(decisions: pd.DataFrame) -> pd.DataFrame:
    """The days on which something was wrong, as people marked them: MISSED (a field that they left open is null: any), and decision, author, note."""
    made = decided.standing(decisions, "missed")
    return made[[*MISSED, "decision", "author", "at", "note"]].sort_values(["start", "decision"], kind="stable").reset_index(drop=True)


def unseen(marks: pd.DataFrame, alerts: pd.DataFrame) -> pd.DataFrame:
    """Of the marked days those on which no alert of what they name was on: what was missed."""
    seen = [len(at) > 0 for _, at in decided.matched(marks, alerts, in_time=True)]
    return marks[~np.array(seen, dtype=bool)].reset_index(drop=True)


def with_verdicts(alerts: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """The alerts with `verdict` ("" where nobody gave one), `verdict_by`, `verdict_note` and `verdict_decision` (0 for none)."""
    count = len(alerts)
    rank, number = np.full(count, len(VERDICTS)), np.zeros(count, dtype=np.int64)
    told = {name: np.full(count, "", dtype=object) for name in ("verdict", "author", "note")}
    for one, at in decided.matched(verdicts(decisions), alerts, in_time=True):
        hit = at[VERDICTS.index(one["verdict"]) <= rank[at]]
        rank[hit], number[hit] = VERDICTS.index(one["verdict"]), one["decision"]
        for name, values in told.items():
            values[hit] = "" if pd.isna(one[name]) else one[name]
    texts = {name: pd.array(values, dtype="str") for name, values in told.items()}
    return alerts.assign(verdict=texts["verdict"], verdict_by=texts["author"], verdict_note=texts["note"], verdict_decision=number)


def precision(alerts: pd.DataFrame, decisions: pd.DataFrame, rules: Sequence[Rule]) -> pd.DataFrame:
    """How far each rule can be trusted: PRECISION, one row for each rule that some alert comes from, those with most verdicts first.

    Parameters
    ----------
    alerts : of any models, under `rules`.

    Returns
    -------
    rule, scope : of the rule that sets the limit, in words and as a mapping. alerts, decided : how many it gave, and on how many somebody decided.
    precision : real of real and noise, with Wilson's 95 % interval `low` and `high`; NaN without either. Expected ones count for neither: that
        something was different is right, and who knew of it has other means than a threshold. missed : days marked as wrong that no alert covers
        and that the rule could have seen.
    """
    judged = with_verdicts(alerts, decisions)
    lost = unseen(missed(decisions), alerts)
    setting = _setting(rules)
    groups: dict[Rule, list[int]] = {}
    for i, alert in enumerate(alerts[list(SCOPE)].to_dict("records")):
        groups.setdefault(_rule_of(alert, setting), []).append(i)
    rows = [_row(rule, judged["verdict"].to_numpy(object)[at], lost) for rule, at in groups.items()]
    table = pd.DataFrame(rows, columns=[name for name in PRECISION if name not in ("precision", "low", "high")])
    base = table[[REAL, NOISE]].sum(axis=1).to_numpy(float)
    with np.errstate(invalid="ignore"):
        share: NDArray[np.float64] = table[REAL].to_numpy(float) / np.where(base > 0, base, np.nan)
    low, high = wilson(share, base)
    found = table.assign(precision=share, low=low, high=high)[PRECISION]
    return found.sort_values(["decided", "alerts", "rule"], ascending=[False, False, True], kind="stable").reset_index(drop=True)


def _setting(rules: Sequence[Rule]) -> list[Rule]:
    """The rules that set a limit, from weak to strong."""
    return [rule for rule in in_order(rules, defaults()) if rule.changes.keys() & {"warning", "critical"}]


def _rule_of(alert: Mapping[Hashable, Any], setting: Sequence[Rule]) -> Rule:
    """The strongest rule that sets a limit for an alert; of one whose rule is gone a rule of its metric."""
    named = {str(name): value for name, value in alert.items()}
    fitting = (rule for rule in reversed(setting) if all(named[field] == name for field, name in rule.scope.items()))
    return next(fitting, Rule(monitor=named["monitor"], metric=named["metric"]))


def _row(rule: Rule, verdict: NDArray[Any], lost: pd.DataFrame) -> dict[str, Any]:
    counts = {name: int((verdict == name).sum()) for name in VERDICTS}
    could = [all(one.get(field, name) == name for field, name in rule.scope.items()) for one in map(decided.scope_of, lost.to_dict("records"))]
    told = {"rule": scope_text(rule), "scope": rule.scope, "alerts": len(verdict), "decided": sum(counts.values())}
    return told | counts | {"missed": sum(could)}
