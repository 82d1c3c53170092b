"""suggest: thresholds from a history, each with its reason and what it would have given.

Four ways to ask. *quantile*: so rare is this among what is normal here. *false-alarms*: so often may a healthy window alert. *budget*: so many
alerts a week may there be in all. *verdicts*: what fits best what people said of past alerts (`verdict_fit`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.later import special
from monitors import habits, verdict_fit
from monitors.candidates import Suggestion, Targets, made, none, often, replayed, short, targets
from monitors.drift import METRICS
from monitors.habits import Habits
from monitors.histories import DAYS, History, history, learn, learn_log, unfit
from monitors.rules import Rule
from monitors.thresholds import Prepared

METHODS = ("quantile", "false-alarms", "budget", "verdicts")
SHARE, TENTH = 0.01, 0.1  # of the windows that may pass the warning; and of those, the critical limit
BUDGET = 3.0  # alerts a week
FALSE_ALARMS, FALSE_ALARMS_OF_ONE = 84 / 365.25, 7 / 365.25  # a week: of many columns one a month, of one column one a year
LOOSEST, RAREST, HALVINGS = 0.1, 1e-7, 9  # shares of windows between which a budget is solved for
WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
FREEDOM = 9  # degrees, of ten groups: how far beyond its 95th percentile chance reaches
Floats = NDArray[np.float64]


def suggest(
    seen: Prepared,
    rules: Sequence[Rule],
    about: Mapping[str, str],
    method: str,
    *,
    each: bool = False,
    per_week: float | None = None,
    verdicts: pd.DataFrame | None = None,
    missed: pd.DataFrame | None = None,
) -> Suggestion:
    """Limits for the rule of a scope, or (`each`) for a rule of each of its columns.

    Parameters
    ----------
    seen : measurements of one metric, the reference's own windows too. rules : all in force, the defaults first.
    about : the scope of the rule; its fields as `rulebook.resolve` takes them.
    per_week : of false-alarms, how many alerts of healthy windows a week; of budget, how many alerts in all.
    verdicts : SCOPE, start, end, verdict ("real", "expected", "noise"). missed : SCOPE (blank: any), start, end.
    """
    had = history(seen, rules, about)
    wrong = unfit(had, method)
    if wrong:
        return none(had, method, wrong)
    if method == "verdicts":
        return verdict_fit.suggestion(had, verdicts, missed)
    asked = targets(had, each=each)
    if method == "quantile":
        return _quantile(had, asked)
    if method == "budget":
        return _budget(had, asked, BUDGET if per_week is None else per_week)
    usual = FALSE_ALARMS if len(had.columns) > 1 else FALSE_ALARMS_OF_ONE
    return _false_alarms(had, asked, usual if per_week is None else per_week)


def _both(known: Habits, share: float, asked: Targets) -> tuple[Floats, Floats]:
    """Limits for warning and critical."""
    warning, critical = (habits.limits(known, np.array(one), asked.of, asked.count) for one in (share, share * TENTH))
    return warning, critical


def _quantile(had: History, asked: Targets) -> Suggestion:
    known = learn_log(had)
    window, side, other = had.rule.window, *(("above", "below") if had.sign > 0 else ("below", "above"))
    medians = pd.Series(had.seen.value[had.at]).groupby(asked.of[had.series[had.at]]).median()
    middle = short(float(medians.median()))
    usual = f"The columns' medians lie around {middle}" if asked.each and asked.count > 1 else f"Half of the {window}s lie {other} {middle}"
    reason = (
        f"{usual} in these {had.weeks:,.0f} weeks; 1 normal {window} in 100 lies {side} the warning, 1 in 1,000 {side} the critical limit. "
        "Medians tell what is normal, so past alerts do not move it."
    )
    return made(had, "quantile", asked, _both(known, SHARE, asked), reason, _notes(had, known), known)


def _false_alarms(had: History, asked: Targets, per_week: float) -> Suggestion:
    known, many = learn(had)
    told = had.own & (many >= 3)
    segments = len(np.unique(had.seen.names["segment"][0][had.own]))
    windows = len(had.columns) * segments * 7 / DAYS[had.rule.window]
    share = min(per_week / windows, LOOSEST)
    found = _both(known, share, replace(asked, of=np.where(told, asked.of, -1)))
    chance = [_by_chance(had, asked, one) for one in (share, share * TENTH)]
    limits = np.fmax(found[0], chance[0]), np.fmax(found[1], chance[1])
    if np.isnan(limits[0]).all():
        return none(had, "false-alarms", "Neither windows of the reference's own nor chance tell what is healthy here; the history's quantiles do.")
    window, learnt = had.rule.window, int(many[told].sum())
    basis = f"the reference's own {learnt:,} {window}s, each against the rest of it" if learnt else "what chance gives at these numbers of rows"
    over = f" over {len(had.columns)} columns" if len(had.columns) > 1 else ""
    reason = (
        f"A healthy {window} passes the warning {often(share * windows)}{over}: 1 {window}{' of a column' if over else ''} in {1 / share:,.0f}, "
        f"by {basis}."
    )
    short_of = learnt > 0 and not told[had.own].all()
    notes = ["Where the reference has fewer than three windows of its own, chance alone sets the limit."] if short_of else []
    return made(had, "false-alarms", asked, limits, reason, notes, None)


def _by_chance(had: History, asked: Targets, share: float) -> Floats:
    """What chance gives at usual numbers of rows: the measured 95th percentile, stretched by the law of chi-squared; NaN where unknown."""
    found = np.full(asked.count, np.nan)
    if had.rule.metric not in METRICS:
        return found
    stretch = float(special.chdtri(FREEDOM, share) / special.chdtri(FREEDOM, 0.05))
    by = pd.Series(had.seen.noise[had.at]).groupby(asked.of[had.series[had.at]]).median()
    found[by.index.to_numpy(int)] = by.to_numpy(float) * (stretch if had.rule.metric == "psi" else np.sqrt(stretch))
    return found


def _budget(had: History, asked: Targets, per_week: float) -> Suggestion:
    """The loosest share of windows, the same for every column, whose alerts stay within the budget."""
    known = learn_log(had)

    def rate(share: float) -> float:
        return len(replayed(had, asked, _both(known, share, asked))[1]) / had.weeks

    window, share = had.rule.window, LOOSEST
    if rate(share) > per_week:
        share = _loosest(rate, per_week)
    best = made(had, "budget", asked, _both(known, share, asked), "", [], known)
    if best.per_week > per_week:
        why = f"Even at limits that nothing healthy reaches: {_a_week(best)}. What is wrong has to be mended, not the limit."
        return none(had, "budget", why)
    if share == LOOSEST:
        reason = f"{_a_week(best)}, within {short(per_week)} even at limits that 1 in 10 normal {window}s would pass"
        reason += ", as the floors hold back the rest." if had.rule.above_noise or had.rule.above_usual else "."
    else:
        fair = f"each of the {asked.count} columns may have 1 in" if asked.count > 1 else "1 in"
        whose = "its normal" if asked.count > 1 else "the normal"
        limit = "its own limit" if asked.count > 1 else "the limit"
        reason = f"{_a_week(best)} in all, within {short(per_week)}: {fair} {1 / share:,.0f} of {whose} {window}s beyond {limit}."
    worst = [f"The worst week would have had {best.most_in_a_week}."] if best.most_in_a_week > max(per_week, 1) else []
    return replace(best, reason=reason, notes=(*worst, *best.notes, *_notes(had, known)))


def _loosest(rate: Callable[[float], float], per_week: float) -> float:
    """By halving: the loosest share found whose alerts stay within the budget, else the rarest."""
    low, high = np.log(RAREST), np.log(LOOSEST)
    for _ in range(HALVINGS if rate(RAREST) <= per_week else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if rate(float(np.exp(middle))) <= per_week else (low, middle)
    return float(np.exp(low))


def _a_week(one: Suggestion) -> str:
    return f"{short(float(f'{one.per_week:.2g}'))} alerts a week"


def _within(tried: Callable[[float], Suggestion], per_week: float) -> tuple[float, Suggestion]:
    """By halving: the loosest share found whose alerts stay within the budget, else the rarest."""
    low, high = np.log(RAREST), np.log(LOOSEST)
    best = tried(RAREST)
    for _ in range(HALVINGS if best.per_week <= per_week else 0):
        one = tried(float(np.exp((low + high) / 2)))
        if one.per_week <= per_week:
            best, low = one, (low + high) / 2
        else:
            high = (low + high) / 2
    return float(np.exp(low)), best


def _notes(had: History, known: Habits) -> list[str]:
    """What was seen in the history that a reader should know."""
    notes = [f"{known.far:,} of {len(had.at):,} {had.rule.window}s lie far off and were not learnt from."] if known.far else []
    by_day = known.weekday >= 0
    if not by_day.any():
        return notes
    names = [had.columns[i] for i in np.unique(had.column[known.series[by_day]])]
    levels = pd.Series(known.centre[by_day]).groupby(known.weekday[by_day]).median()
    top = int(levels.index[int(levels.to_numpy().argmax())])
    far = abs(float(levels[top] - levels.median()))
    how = f"{np.exp(far):.2g} times the usual day" if known.is_log else f"{short(far)} from the usual day"
    who = ", ".join(name or "the table" for name in names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    verb = "follows" if len(names) == 1 else "follow"
    room = "A rule knows no weekday, so the limit leaves room for that; `window: week` would take it out."
    return [*notes, f"{who} {verb} the week: {WEEKDAYS[top]} are {how}. {room}"]
