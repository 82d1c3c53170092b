"""lifetimes: how long do versions of this model usually last? By how long the former ones served, and by when quality would be too low if it
goes on as it has."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.later import special

Floats = NDArray[np.float64]
LEAST = 5  # windows, to speak of a trend
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Trend:
    """How one metric of a version goes.

    windows : how many it is told from. now : the line's value at the end of the last window. per_day : its slope, with its 95 % interval.
    limit : the threshold; NaN without one. crosses : when the bad end of the line's 95 % band reaches it, and expected : when the line
    itself does; None where that is not within `horizon` days, which are as many as were watched. why_not : why no day is told, "" if one is.
    """

    windows: int
    now: float
    per_day: float
    low: float
    high: float
    limit: float
    crosses: pd.Timestamp | None
    expected: pd.Timestamp | None
    horizon: int
    why_not: str


def served(versions: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    """How long each version served: version, first, last, days, is_serving (in the last week of the log).

    Parameters
    ----------
    versions : version, first, last. end : the end of the log.
    """
    days = (versions["last"] - versions["first"]).dt.total_seconds() / 86_400
    return versions[["version", "first", "last"]].assign(days=days, is_serving=versions["last"] > end - 7 * DAY).reset_index(drop=True)


def usual_days(life: pd.DataFrame) -> float:
    """The median of how long the versions served that serve no more; NaN where there are none."""
    former = life.loc[~life["is_serving"], "days"]
    return float(former.median()) if len(former) else float("nan")


def trend(judged: pd.DataFrame) -> Trend:
    """The trend of one metric of one version.

    Parameters
    ----------
    judged : its judged windows, of one length: window_start, window_end, value, rows, critical, warning, side.

    Notes
    -----
    A straight line by least squares, each window weighted by its rows, with the band of the line (Student's t) as wide as the windows really
    scatter about it. Extrapolated for no longer than it was watched. It does not know of a step to come, nor of a season.
    """
    known = judged[judged["value"].notna() & (judged["rows"] > 0)].sort_values("window_start")
    limit, low_is_bad = _limit(judged), bool(len(judged) and str(judged["side"].iloc[-1]) == "below")
    if len(known) < LEAST:
        return _untold(len(known), limit, f"fewer than {LEAST} windows are measured")
    end = known["window_end"].iloc[-1]
    middle = known["window_start"] + (known["window_end"] - known["window_start"]) / 2
    at = ((middle - end) / DAY).to_numpy(float)
    weight = known["rows"].to_numpy(float)
    weight = weight / weight.sum()
    center = float(weight @ at)
    value = known["value"].to_numpy(float)
    level, spread = float(weight @ value), float(weight @ (at - center) ** 2)
    slope = float(weight @ ((at - center) * (value - level))) / spread
    scatter = float(weight @ (value - level - slope * (at - center)) ** 2) / (len(known) - 2)
    z = float(special.stdtrit(len(known) - 2, 0.975))  # scipy.stats has it too, and takes a third of all imports
    half = z * np.sqrt(scatter / spread)
    horizon = int(np.ceil((end - known["window_start"].iloc[0]) / DAY))
    days = np.arange(horizon + 1)
    line = level + slope * (days - center)
    bad = -1 if low_is_bad else 1
    band = line + bad * z * np.sqrt(scatter + scatter * (days - center) ** 2 / spread)
    why_not = "no threshold is set" if np.isnan(limit) else "" if bad * slope > half else "does not fall" if low_is_bad else "does not rise"
    dates = [_first(bad * one >= bad * limit, end) if not why_not else None for one in (band, line)]
    why_not = why_not or ("" if dates[0] is not None else f"not within the next {horizon} days")
    return Trend(len(known), float(line[0]), slope, slope - half, slope + half, limit, dates[0], dates[1], horizon, why_not)


def _limit(judged: pd.DataFrame) -> float:
    """The critical limit in force, else the warning."""
    last = judged.sort_values("window_start")[["critical", "warning"]].dropna(how="all").tail(1).to_numpy(float)
    return float(last[0][~np.isnan(last[0])][0]) if len(last) else float("nan")


def _first(hit: NDArray[np.bool_], end: pd.Timestamp) -> pd.Timestamp | None:
    return end + int(np.argmax(hit)) * DAY if hit.any() else None


def _untold(windows: int, limit: float, why_not: str) -> Trend:
    nan = float("nan")
    return Trend(windows, nan, nan, nan, nan, limit, None, None, 0, why_not)


def sentences(life: pd.DataFrame, names: Mapping[str, str] | None = None) -> list[str]:
    """How long versions serve, in words; `names` are what versions are called on the page."""
    told = names or {}
    former = life[~life["is_serving"]]
    if former.empty:
        return ["No version has been replaced yet, so nothing says how long one usually lasts."]
    listed = ", ".join(f"{told.get(v, v)} {days:.0f}" for v, days in zip(former["version"], former["days"], strict=True))
    plural = "version" if len(former) == 1 else "versions"
    lines = [f"A version of this model usually serves {usual_days(life):.0f} days: the median of {len(former)} former {plural} ({listed})."]
    for row in life[life["is_serving"]].to_dict("records"):
        since, name = row["first"], str(row["version"])
        lines.append(f"{told.get(name, name)} serves since {since.day} {since:%b %Y}, {row['days']:.0f} days by the end of the log.")
    return lines


def trend_sentence(metric: str, version: str, told: Trend) -> str:
    """How a metric of a version goes and when it would be too low (of an error: too high), in words."""
    of = f"{metric} of {version}"
    if told.windows < LEAST:
        return f"{of}: {told.why_not}, so nothing says how it goes."
    slope = f"{told.per_day * 30:+.3g} in 30 days (95 %: {told.low * 30:+.3g} to {told.high * 30:+.3g})"
    head = f"{of}: {told.now:.3g} by the end of {told.windows} weeks, {slope}"
    if told.crosses is None:
        return f"{head}: {told.why_not}."
    expected = "" if told.expected is None else f", {told.expected.day} {told.expected:%b %Y} by the line itself"
    return f"{head}. If that goes on, it may reach {told.limit:.3g} from {told.crosses.day} {told.crosses:%b %Y} on{expected}."
