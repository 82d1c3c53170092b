"""verdict_fit: the limit that would have fitted best what people said of past alerts."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import series as s
from monitors.candidates import Suggestion, made, none, replayed, targets
from monitors.histories import History, history, part
from monitors.rules import SCOPE

MOST = 7  # limits that are replayed
UNASKED = "No alert of this rule has a verdict yet. Say on the page Review which were real, expected or noise; the limit that fits them is told here."
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def suggestion(had: History, verdicts: pd.DataFrame | None, missed: pd.DataFrame | None) -> Suggestion:
    """The limit with the fewest mistakes: alerts that people called expected or noise, and real ones without an alert.

    Parameters
    ----------
    verdicts : SCOPE, start, end, verdict ("real", "expected", "noise"). missed : SCOPE (blank: any), start, end: real, and no alert told it.

    Of limits that fit alike it is the middle one, so that the next alerts fall on the right side too. Critical keeps its ratio to the warning.
    """
    spans, is_real = _events(verdicts, missed)
    of = _series_of(had, spans)
    about = np.flatnonzero(of.any(axis=1))
    spans, is_real, of = spans.take(about), is_real[about], of[about]
    if not len(spans):
        return none(had, "verdicts", UNASKED)
    peaks = _peaks(had, spans, of)
    known = np.isfinite(peaks)
    tried = [_limits(had, limit) for limit in _promising(peaks[known], is_real[known], had.sign)]
    if not tried:
        return none(had, "verdicts", "No window of the alerts with a verdict is judged by this rule: too few rows, or other windows.")
    asked = targets(had, each=False)
    told = [_mistakes(had, one, spans, of, is_real) for one in _replays(had, tried, np.asarray(of.any(axis=0)))]
    best = min(false + lost for _, false, lost in told)
    alike = [i for i, (_, false, lost) in enumerate(told) if false + lost == best]
    chosen = alike[len(alike) // 2]
    right, false, lost = told[chosen]
    real = int(is_real.sum())
    reason = (
        f"Of {len(spans)} {'alert' if len(spans) == 1 else 'alerts'} with a verdict {real} {'was' if real == 1 else 'were'} real: this limit "
        f"catches {real - lost} of {real} and repeats {false} of the {len(spans) - real} others"
        + (f", a precision of {right / (right + false):.0%}." if right + false else ".")
    )
    best_one = made(had, "verdicts", asked, tried[chosen], reason, [], None)
    unsaid = len(best_one.alerts) - right - false
    notes = [f"{unsaid} more {'alert' if unsaid == 1 else 'alerts'} would have no verdict yet."] if unsaid > 0 else []
    if lost:
        notes.append(f"{lost} real {'one' if lost == 1 else 'ones'} would be missed.")
    return replace(best_one, notes=(*best_one.notes, *notes))


def _events(verdicts: pd.DataFrame | None, missed: pd.DataFrame | None) -> tuple[pd.DataFrame, Bools]:
    """All spans that people spoke of, and which of them were real."""
    columns = [*SCOPE, "start", "end"]
    parts = [(one, real) for one, real in ((verdicts, None), (missed, True)) if one is not None and len(one)]
    if not parts:
        return pd.DataFrame(columns=columns), np.zeros(0, bool)
    real = [np.full(len(one), True) if known else (one["verdict"] == "real").to_numpy(bool) for one, known in parts]
    return pd.concat([one[columns] for one, _ in parts], ignore_index=True), np.concatenate(real)


def _series_of(had: History, spans: pd.DataFrame) -> Bools:
    """Which series of the rule each span is about: shape (spans, series)."""
    found = np.broadcast_to(had.own, (len(spans), len(had.own))).copy()
    for field in SCOPE:
        codes, known = had.seen.names[field]
        names = spans[field].tolist()
        own = np.array([-3 if _is_blank(name) else known.get(str(name), -2) for name in names], np.int64).reshape(-1, 1)
        found &= (own == -3) | (codes[None, :] == own)
    return found


def _is_blank(name: object) -> bool:
    return name is None or (isinstance(name, float) and np.isnan(name)) or name is pd.NA


def _peaks(had: History, spans: pd.DataFrame, of: Bools) -> Floats:
    """The value of each span that lies furthest out; NaN where none was judged."""
    begin, value, series = had.seen.begin[had.at], had.seen.value[had.at], had.series[had.at]
    end = s.micros(had.seen.frame["window_end"])[had.at]
    found = np.full(len(spans), np.nan)
    for i, (first, last) in enumerate(zip(s.micros(spans["start"]), s.micros(spans["end"]), strict=True)):
        inside = value[of[i][series] & (begin < last) & (end > first)]
        if len(inside):
            found[i] = inside.max() if had.sign > 0 else inside.min()
    return found


def _promising(peaks: Floats, is_real: Bools, sign: int) -> list[float]:
    """Of the limits between peaks those that part real from others best, as far as peaks tell; MOST of them, which are then replayed."""
    seen = np.unique(peaks)
    if not len(seen):
        return []
    room = 0.05 * max(abs(float(seen[0])), abs(float(seen[-1])), 1e-9)
    limits = np.r_[seen[0] - min(room, abs(float(seen[0])) / 2 + 1e-12), (seen[1:] + seen[:-1]) / 2, seen[-1] + room]
    beyond = peaks * sign > limits[:, None] * sign
    mistakes = (beyond != is_real).sum(axis=1)
    best = np.flatnonzero(mistakes <= mistakes.min() + 1)
    few = np.unique(np.linspace(0, len(best) - 1, min(len(best), MOST)).astype(int))
    return [float(one) for one in limits[best[few]][::sign]]


def _limits(had: History, limit: float) -> tuple[Floats, Floats]:
    base = had.rule
    ratio = base.critical / base.warning if isinstance(base.critical, float) and isinstance(base.warning, float) and base.warning else 1.0
    return np.array([limit]), np.array([limit * (ratio if had.rule.kind == "constant" else 1.0)])


def _replays(had: History, tried: list[tuple[Floats, Floats]], spoken_of: Bools) -> list[pd.DataFrame]:
    """The alerts of each limit, of the series that people spoke of."""
    own = spoken_of if not any(rule.changes.get("kind") == "fdr" for rule in had.rules) else np.ones_like(spoken_of)
    few = history(part(had.seen, own), had.rules, had.about)
    asked = targets(few, each=False)
    return [replayed(few, asked, one)[1] for one in tried]


def _mistakes(had: History, found: pd.DataFrame, spans: pd.DataFrame, of: Bools, is_real: Bools) -> tuple[int, int, int]:
    """Alerts on something real, alerts on what was none, and real spans without an alert."""
    if found.empty:
        return 0, 0, int(is_real.sum())
    own = _series_of(had, found).argmax(axis=1)
    meets = of[:, own]
    meets &= s.micros(spans["start"])[:, None] < s.micros(found["end"])[None, :]
    meets &= s.micros(spans["end"])[:, None] > s.micros(found["start"])[None, :]
    on_real, on_other = meets[is_real].any(axis=0), meets[~is_real].any(axis=0)
    return int(on_real.sum()), int((on_other & ~on_real).sum()), int((~meets[is_real].any(axis=1)).sum())

