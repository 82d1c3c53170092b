"""Causes that only numbers have: rounding and width, clocks, offsets, units, straight lines, clipping. Each explains pairs exactly or not at all."""

from collections.abc import Callable, Iterator

import numpy as np

from monitors import sides
from monitors.sides import Floats, Mask, Sides

NAN = float("nan")
Found = tuple[str, str, Mask, float]
# served = factor · training; what it is called. The reverse is looked for too.
UNITS = (
    (1000.0, "1,000"), (1e6, "1,000,000"), (1e9, "1,000,000,000"), (100.0, "100, as percent"), (10.0, "10"), (60.0, "60, as hours, minutes, seconds"),
    (3600.0, "3,600, as hours and seconds"), (86_400.0, "86,400, as days and seconds"), (24.0, "24, as days and hours"),
    (1440.0, "1,440, as days and minutes"), (2.54, "2.54, as inches and cm"), (25.4, "25.4, as inches and mm"), (0.3048, "0.3048, as feet and m"),
    (30.48, "30.48, as feet and cm"), (0.9144, "0.9144, as yards and m"), (1.609344, "1.609344, as miles and km"),
    (1.852, "1.852, as nautical miles and km"), (0.45359237, "0.45359237, as lb and kg"), (28.349523125, "28.3495, as ounces and g"),
    (0.44704, "0.44704, as mph and m/s"), (0.514444, "0.514444, as knots and m/s"), (3.6, "3.6, as m/s and km/h"),
    (1.15078, "1.15078, as knots and mph"),
    (3.785411784, "3.78541, as US gallons and litres"), (4.184, "4.184, as calories and joules"), (33.8638866667, "33.8639, as inHg and hPa"),
    (0.75006157584566, "0.750062, as hPa and mmHg"), (np.pi / 180, "π/180, as degrees and radians"), (1024.0, "1,024"), (1_048_576.0, "1,048,576"),
)  # fmt: skip
Formula = Callable[[Floats], Floats]
LINES: tuple[tuple[str, Formula], ...] = (
    ("training has degrees Fahrenheit, serving Celsius", lambda f: (f - 32) / 1.8),
    ("training has degrees Celsius, serving Fahrenheit", lambda c: c * 1.8 + 32),
    ("training has kelvin, serving degrees Celsius", lambda k: k - 273.15),
    ("training has degrees Celsius, serving kelvin", lambda c: c + 273.15),
    ("training has degrees Fahrenheit, serving kelvin", lambda f: (f - 32) / 1.8 + 273.15),
    ("training has kelvin, serving degrees Fahrenheit", lambda k: (k - 273.15) * 1.8 + 32),
)
EPOCHS = ((1.0, "seconds", 1e8), (1e3, "milliseconds", 1e11), (1e6, "microseconds", 1e14))  # units a second, and from where on a number is a time
QUARTER = 900  # s
TRIES, DISTINCT, INLIERS = 300, 4, 10  # of a straight line: pairs of pairs tried, training values and pairs that have to lie on it


def width(pair: Sides, _rate: float) -> Iterator[Found]:
    """One side went through a narrower float."""
    for kind, name in ((np.float32, "float32"), (np.float16, "float16")):
        for side, narrow, wide in (("serving", pair.a, pair.b), ("training", pair.b, pair.a)):
            cast = np.where(pair.both, wide, 0).astype(kind).astype(np.float64)
            yield "width", f"{side} keeps it in {name}", pair.both & (narrow == cast), NAN


def rounding(pair: Sides, _rate: float) -> Iterator[Found]:
    """One side is the other one rounded, or cut off."""
    ways = (("rounded", np.round), ("cut off", np.trunc), ("rounded down", np.floor), ("rounded up", np.ceil))
    for side, other, short, long in (("serving", "training", pair.a, pair.b), ("training", "serving", pair.b, pair.a)):
        for k in (0, 1, 2, 3, 4, 5, 6, -1, -2, -3):
            unit = 10.0**-k
            close = pair.both & (np.abs(short - long) < unit * (1 + 1e-9)) & sides.near(np.round(short / unit) * unit, short)
            close &= np.abs(short) * sides.FLOAT < 0.05 * unit
            if not close.any():
                continue
            for told, way in ways:
                scaled = np.where(close, long, 0) / unit
                exact = np.abs(way(scaled) * unit - short) <= 0.01 * unit
                tie = np.abs(scaled - np.floor(scaled) - 0.5) < 1e-4 if told == "rounded" else False
                either = tie & (np.abs(np.abs(scaled - short / unit) - 0.5) < 1e-3)
                yield "rounding", f"{side} is {other}’s value {told} to {_places(k)}", close & (exact | either), NAN


def last_decimal(pair: Sides, _rate: float) -> Iterator[Found]:
    """Both are rounded to as many decimals, and differ by one unit of the last."""
    both = np.maximum(sides.decimals(pair.a), sides.decimals(pair.b))
    known = pair.both & (both <= sides.MOST_DECIMALS)
    if not known.any():
        return
    k = int(np.bincount(both[known]).argmax())
    unit = 10.0**-k
    one = known & (both <= k) & (np.abs(np.abs(pair.a - pair.b) - unit) < 0.05 * unit)
    if k == 0 and (len({*np.sign(pair.a - pair.b)[one]}) < 2 or sides.distinct(pair.b[one]) < 5):
        return  # whole numbers that differ by one in one direction are an offset, and of a few any two are one apart
    yield "rounding", f"one unit of the last decimal ({unit:g}): {_halves(pair, one, unit)}", one, NAN


def _halves(pair: Sides, one: Mask, unit: float) -> str:
    even = {side: np.round(x[one] / unit) % 2 == 0 for side, x in (("serving", pair.a), ("training", pair.b))}
    for side, other in (("training", "serving"), ("serving", "training")):
        if one.sum() >= 8 and even[side].mean() >= 0.95:
            return f"{side} rounds halves to even, {other} does not"
    return "the two round differently"


def _places(k: int) -> str:
    if k <= 0:
        return "whole numbers" if k == 0 else f"full {10**-k:,}s"
    return f"{k} decimal{'' if k == 1 else 's'}"


def clock(pair: Sides, _rate: float) -> Iterator[Found]:
    """A time of another zone: an hour of the day that wraps, or an epoch that is off by whole quarters of an hour."""
    apart = pair.a - pair.b
    whole = pair.both & (pair.a == np.round(pair.a)) & (pair.b == np.round(pair.b))
    for period, low, unit in ((24, 0, "hour"), (7, 0, "day"), (7, 1, "day")):
        inside = whole & (np.minimum(pair.a, pair.b) >= low) & (np.maximum(pair.a, pair.b) < period + low)
        reaches = inside.any() and max(pair.a[inside].max(), pair.b[inside].max()) >= period / 2
        if reaches and inside.sum() >= 0.5 * whole.sum():
            turn = np.where(inside, np.mod(np.where(inside, apart, 0), period), NAN)
            shift, _ = sides.most(turn[inside])
            mask = inside & (turn == shift)
            wraps = len(np.unique(apart[mask])) > 1
            if wraps or (period == 24 and _is_hour(pair.column)):
                signed = shift if shift <= period / 2 else shift - period
                yield "time_zone", _ahead(signed, unit, wraps), mask, NAN
    yield from _epochs(pair, apart)


def _epochs(pair: Sides, apart: Floats) -> Iterator[Found]:
    for per_second, unit, least in EPOCHS:
        times = pair.both & (np.minimum(pair.a, pair.b) > least) & (np.maximum(pair.a, pair.b) < least * 1000)
        if times.any():
            yield from shifts(np.where(times, apart / per_second, NAN), f"epoch {unit}")


def shifts(seconds: Floats, of: str) -> Iterator[Found]:
    """Times that are apart by one number of quarters of an hour, or by two an hour apart, as where the clocks change."""
    rough = np.where(np.isfinite(seconds), seconds, 0) / QUARTER
    quarters = np.round(rough)
    whole = np.isfinite(seconds) & (quarters != 0) & (np.abs(rough - quarters) < 0.15) & (np.abs(quarters) <= 14 * 4 + 4)
    if not whole.any():
        return
    values, times = np.unique(quarters[whole], return_counts=True)
    top = float(values[times.argmax()])
    yield "time_zone", f"{_ahead(top / 4, 'hour', False)} ({of})", whole & (quarters == top), NAN
    for other in (top - 4, top + 4):
        mask = whole & ((quarters == top) | (quarters == other))
        if (whole & (quarters == other)).sum() >= 0.05 * mask.sum():
            low, high = sorted((top / 4, other / 4), key=abs)
            told = f"time zone with daylight saving: serving is {_size(low)} or {_size(high)} hours {'ahead' if top > 0 else 'behind'}"
            yield "time_zone", f"{told} ({of})", mask, NAN


def _size(hours: float) -> str:
    return f"{abs(hours):g}"


def _ahead(shift: float, unit: str, wraps: bool) -> str:
    amount = f"{_size(shift)} {unit}{'' if abs(shift) == 1 else 's'}"
    wrap = {"hour": ", wrapping at midnight", "day": ", wrapping at the week’s end"}[unit] if wraps else ""
    return f"time zone or daylight saving: serving is {amount} {'ahead' if shift > 0 else 'behind'}{wrap}"


def _is_hour(column: str) -> bool:
    return any(word in column.casefold() for word in ("hour", "hr", "time", "clock"))


def offset(pair: Sides, _rate: float) -> Iterator[Found]:
    """served = training + a constant."""
    apart = np.where(pair.both, pair.a - pair.b, NAN)
    constant, _ = sides.most(apart[pair.both])
    # What float32 makes of a difference depends on the numbers, not on the difference; noise must not pass for it.
    slack = np.minimum(2 * sides.FLOAT * np.maximum(np.abs(pair.a), np.abs(pair.b)), 0.01 * abs(constant)) + 1e-12
    mask = pair.both & (np.abs(apart - constant) <= slack)
    yield "offset", f"serving is training {'+' if constant > 0 else '−'} {abs(constant):.6g}", mask, NAN


def factor(pair: Sides, _rate: float) -> Iterator[Found]:
    """served = a constant · training; units by their names, also where the result was rounded."""
    some = pair.both & (pair.a != 0) & (pair.b != 0)
    for value, told in UNITS:
        for used, name in ((value, f"serving is training × {told}"), (1 / value, f"serving is training ÷ {told}")):
            yield "factor", name, some & _equals(pair.a, used * pair.b), NAN
    ratio = np.where(some, pair.a / np.where(some, pair.b, 1), NAN)
    constant, _ = sides.most(ratio[some & np.isfinite(ratio)])
    mask = some & sides.near(ratio, np.full(len(ratio), constant), 4 * sides.FLOAT)
    sign = abs(constant + 1) < 1e-9
    yield "factor", "the sign is turned" if sign else f"serving is training × {constant:.6g}", mask, NAN


def named_lines(pair: Sides, _rate: float) -> Iterator[Found]:
    """Degrees of another scale, also where the result was rounded."""
    for told, formula in LINES:
        yield "units", told, pair.both & _equals(pair.a, formula(pair.b)), NAN


def line(pair: Sides, _rate: float) -> Iterator[Found]:
    """served = slope · training + constant, where many pairs lie on one line to the precision of a float."""
    at = np.flatnonzero(pair.both)
    if len(at) < INLIERS:
        return
    generator = np.random.default_rng(0)
    picks = at[generator.integers(0, len(at), (TRIES, 2))]
    run = pair.b[picks[:, 1]] - pair.b[picks[:, 0]]
    picks, run = picks[run != 0], run[run != 0]
    slopes = (pair.a[picks[:, 1]] - pair.a[picks[:, 0]]) / run
    best, found = 0, np.zeros(len(pair), bool)
    for (i, _), slope in zip(picks, slopes, strict=True):
        if slope == 0 or abs(slope - 1) < 1e-6 or not np.isfinite(slope):
            continue
        mask = _on(pair, float(slope), float(pair.a[i] - slope * pair.b[i]))
        if mask.sum() > best:
            best, found = int(mask.sum()), mask
    if best >= INLIERS and sides.distinct(pair.b[found]) >= DISTINCT:
        slope, constant = np.polyfit(pair.b[found], pair.a[found], 1)
        yield "line", f"serving is {slope:.4g} · training {'+' if constant >= 0 else '−'} {abs(constant):.4g}", found, NAN


def _on(pair: Sides, slope: float, constant: float) -> Mask:
    # A line through two values known to float32 is known less well away from them.
    span = np.nanmax(np.abs(np.where(pair.both, pair.a, NAN)))
    return np.asarray(pair.both & (np.abs(slope * pair.b + constant - pair.a) <= 20 * sides.FLOAT * span), bool)


def _equals(a: Floats, expected: Floats) -> Mask:
    """Equal to a float's precision, or to the expected value rounded to the few decimals that `a` has."""
    k = sides.decimals(a)
    finite = np.isfinite(a)
    if not finite.any():
        return np.zeros(len(a), bool)
    # 12.0 among numbers with two decimals was rounded to two as well.
    unit = 10.0 ** -np.maximum(k, np.bincount(k[finite]).argmax()).astype(float)
    rounded = (k <= 3) & (np.abs(a - expected) <= 0.5 * unit * (1 + 1e-6) + 2 * sides.FLOAT * np.abs(expected))
    rounded &= np.median(np.abs(a[finite])) >= 5 * unit  # else every small number would do
    return np.asarray(sides.near(a, expected, 4 * sides.FLOAT) | rounded, bool)


def clipped(pair: Sides, _rate: float) -> Iterator[Found]:
    """One side never goes beyond a value, where the other does; an infinity is beyond as well."""
    there = ~np.isnan(pair.a) & ~np.isnan(pair.b)
    for side, other, bound, free in (("training", "serving", pair.b, pair.a), ("serving", "training", pair.a, pair.b)):
        for beyond, word, pick in ((1, "above", np.max), (-1, "below", np.min)):
            finite = bound[there & np.isfinite(bound)]
            if not len(finite):
                continue
            limit = float(pick(finite))
            mask = there & (bound == limit) & ((free - limit) * beyond > 0)
            if sides.distinct(free[mask]) >= 3 and mask.sum() >= 0.5 * there.sum():
                yield "clipped", f"{side} ends at {limit:g}, {other} goes {word} it", mask, 0.0



EXACT = (width, rounding, last_decimal, clock, offset, factor, named_lines)
BROAD = (clipped, line)
