"""Times: the SQL that reads them, and which reading of 03/04/2026 the values themselves decide."""

import re
from collections.abc import Iterable

from data.sql import literal

DATE = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
CLOCK = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?"
NAIVE = rf"\s*{DATE}([T ]{CLOCK})?\s*"
ZONED = rf"\s*{DATE}[T ]{CLOCK} ?([Zz]|UTC|GMT|[+-]\d{{2}}(:?\d{{2}})?)\s*"
BASIC = r"\d{8}T\d{4,6}(Z|[+-]\d{2}:?\d{2})?"
# Epoch units by magnitude, for times from 1990 to 2100: the four ranges do not meet.
EPOCHS = {"epoch_s": 1, "epoch_ms": 10**3, "epoch_us": 10**6, "epoch_ns": 10**9}
FIRST, LAST = 631_152_000, 4_102_444_800
YEAR_1, YEAR_10000 = 62_135_596_800, 253_402_300_800  # seconds before and after 1970
DIGITS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
# The shape of a text: four digits are Y, other runs of digits 9, letters a.
CLOCKS = {
    "": "", "9:9": "%H:%M", "9:9:9": "%H:%M:%S", "9:9:9.9": "%H:%M:%S.%f", "9:9 a": "%I:%M %p", "9:9:9 a": "%I:%M:%S %p",
    "9:9a": "%I:%M%p", "9:9:9a": "%I:%M:%S%p",
}  # fmt: skip
ORDERS = {
    "9{0}9{0}Y": ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y"),
    "9{0}9{0}9": ("%d{0}%m{0}%y", "%m{0}%d{0}%y", "%y{0}%m{0}%d"),
    "Y{0}9{0}9": ("%Y{0}%m{0}%d",),
}
NAMED = {
    "9 a Y": ("%d %b %Y", "%d %B %Y"), "9-a-Y": ("%d-%b-%Y",), "9-a-9": ("%d-%b-%y",), "9/a/Y": ("%d/%b/%Y",),
    "a 9, Y": ("%b %d, %Y", "%B %d, %Y"),
    "a 9 Y": ("%b %d %Y", "%B %d %Y"), "9. a Y": ("%d. %b %Y", "%d. %B %Y"),
}  # fmt: skip


def time(sql: str, kind: str, time_format: str | None, zone: str) -> str:
    """A TIMESTAMPTZ from a column of any type, NULL where it cannot be read. Times without an offset are in `zone`."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return sql
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return f"CAST({sql} AS TIMESTAMP) AT TIME ZONE {literal(zone)}"
    if kind == "VARCHAR":
        ways = [_formatted(sql, time_format, zone)] if time_format and not time_format.startswith("epoch_") else []
        return f"coalesce({', '.join([*ways, _iso(sql, zone), _numeric(sql, kind, time_format, zone)])})"
    if kind in ("BOOLEAN", "TIME", "INTERVAL", "BLOB", "UUID"):
        return "NULL::TIMESTAMPTZ"
    return _numeric(sql, kind, time_format, zone)


def within(sql: str) -> str:
    """The time, NULL where it lies in no year of any log: 9999-12-31 means "no end" to those who write it, and no calendar goes beyond."""
    return f"CASE WHEN {sql} BETWEEN TIMESTAMPTZ '1900-01-01' AND TIMESTAMPTZ '2200-01-01' THEN {sql} END"


def shape(sql: str) -> str:
    """SQL for the shape of a text, by which the formats are chosen that may read it."""
    letters = f"regexp_replace(trim({sql}), '[A-Za-zäéû]+', 'a', 'g')"
    return f"regexp_replace(regexp_replace({letters}, '\\b\\d{{4}}\\b', 'Y', 'g'), '\\d+', '9', 'g')"


def formats(shapes: Iterable[str]) -> list[tuple[str, ...]]:
    """The strptime formats that may read these shapes. Those in one tuple are rivals: day first or month first, for all times of day."""
    found: dict[tuple[str, ...], list[str]] = {}
    for text in shapes:
        for dates, rest in _readings_of(text):
            found.setdefault(dates, []).append(rest)
    return [tuple(" | ".join(date + rest for rest in rests) for date in dates) for dates, rests in found.items()]


def _readings_of(text: str) -> list[tuple[tuple[str, ...], str]]:
    """Rival formats of the date, and the format of the rest."""
    zone = ""
    if found := re.search(r"(?<=[:.]9)( ?)[+-][9Y](:9)?$", text):
        text, zone = text[: found.start()], found[1] + "%z"
    text = text.replace(":9.Y", ":9.9")
    for sep in "/.-":
        for pattern, orders in ORDERS.items():
            if (clock := _clock(text, pattern.format(sep))) is not None:
                named = [
                    order.format(sep) for order in orders if sep == "-" or not order.startswith("%y")
                ]  # nobody writes 26/03/01
                return [(tuple(named), clock + zone)]
    for pattern, spelt in NAMED.items():
        if (clock := _clock(text, pattern)) is not None:
            return [((one,), clock + zone) for one in spelt]  # a name of a month decides; Mar and March are tried in turn
    return []


def _clock(text: str, date: str) -> str | None:
    """The format of what follows the date in the shape, None if it is no time of day."""
    if not text.startswith(date):
        return None
    rest = text[len(date) :]
    for between in ("", ", ", " ", "T", ":"):
        if rest.startswith(between) and (clock := CLOCKS.get(rest[len(between) :])) is not None and bool(between) == bool(clock):
            return between + clock
    return None


def parsed(sql: str, time_format: str) -> str:
    """The TIMESTAMP by a format (or by the first of several that fits), NULL where none does. Offsets are counted in."""
    ways = [
        f"TRY_STRPTIME(trim({sql}), {literal(one)}){'::TIMESTAMP' if '%z' in one else ''}" for one in time_format.split(" | ")
    ]
    return f"coalesce({', '.join(ways)})" if len(ways) > 1 else ways[0]


def _formatted(sql: str, time_format: str, zone: str) -> str:
    ways = []
    for one in time_format.split(" | "):
        read = f"TRY_STRPTIME(trim({sql}), {literal(one)})"
        ways.append(f"{read}::TIMESTAMPTZ" if "%z" in one else f"{read} AT TIME ZONE {literal(zone)}")
    return f"coalesce({', '.join(ways)})" if len(ways) > 1 else ways[0]


def _iso(sql: str, zone: str) -> str:
    """ISO 8601; a plain cast first, since it reads nearly all, then the spellings that it refuses."""
    zoned = f"coalesce(TRY_CAST({sql} AS TIMESTAMPTZ), TRY_CAST({_mended(sql)} AS TIMESTAMPTZ))"
    naive = f"coalesce(TRY_CAST({sql} AS TIMESTAMP), TRY_CAST({_mended(sql)} AS TIMESTAMP)) AT TIME ZONE {literal(zone)}"
    basic = f"TRY_CAST({_spread(sql)} AS TIMESTAMPTZ)"
    return (
        f"CASE WHEN regexp_full_match({sql}, {literal(NAIVE)}) THEN {naive} "
        f"WHEN regexp_full_match({sql}, {literal(ZONED)}) THEN {zoned} "
        f"WHEN regexp_full_match({sql}, {literal(BASIC)}) THEN {basic} END"
    )


def _mended(sql: str) -> str:
    """Seconds where there are none, a dot before the fraction, a capital Z, dashes in the date."""
    text = f"replace(replace(upper(trim({sql})), ',', '.'), '/', '-')"
    return f"regexp_replace({text}, '^(\\S+[T ]\\d{{1,2}}:\\d{{2}})( ?(Z|UTC|GMT|[+-].*))?$', '\\1:00\\2')"


def _spread(sql: str) -> str:
    full = f"regexp_replace({sql}, 'T(\\d{{4}})(Z|[+-].*)?$', 'T\\100\\2')"
    return f"regexp_replace({full}, '^(\\d{{4}})(\\d\\d)(\\d\\d)T(\\d\\d)(\\d\\d)(\\d\\d)', '\\1-\\2-\\3T\\4:\\5:\\6')"


def _numeric(sql: str, kind: str, time_format: str | None, zone: str) -> str:
    """Seconds, milli-, micro- or nanoseconds since 1970 by their size, or as `time_format` says; 20260301 and its longer kin."""
    if kind == "VARCHAR":
        whole = _numeric(f"TRY_CAST({sql} AS BIGINT)", "BIGINT", time_format, zone)
        broken = _numeric(f"TRY_CAST({sql} AS DOUBLE)", "DOUBLE", time_format, zone)
        return f"CASE WHEN regexp_full_match({sql}, '-?\\d+') THEN {whole} WHEN regexp_full_match({sql}, '-?\\d+\\.\\d+') THEN {broken} END"
    exact = "INT" in kind
    number = f"TRY_CAST({sql} AS {'BIGINT' if exact else 'DOUBLE'})"
    if time_format in EPOCHS:
        per = EPOCHS[time_format]
        first, end = -min(YEAR_1 * per, 2**63 - 1), min(YEAR_10000 * per, 2**63 - 1)
        return f"CASE WHEN {number} > {first} AND {number} < {end} THEN {_since_1970(number, per, exact)} END"
    units = [
        f"WHEN {number} >= {FIRST * per} AND {number} < {LAST * per} THEN {_since_1970(number, per, exact)}"
        for per in EPOCHS.values()
    ]
    dates = [
        f"WHEN {number} >= {19 * 10 ** (digits - 2)} AND {number} < {22 * 10 ** (digits - 2)} "
        f"THEN TRY_STRPTIME(CAST(CAST({number} AS BIGINT) AS VARCHAR), {literal(one)}) AT TIME ZONE {literal(zone)}"
        for digits, one in DIGITS.items()
    ]
    return f"CASE {' '.join(units + dates)} END"


def _since_1970(number: str, per_second: int, exact: bool) -> str:
    """A TIMESTAMPTZ of a count of units. Whole numbers are never turned to floats, which cannot hold nanoseconds."""
    if exact:
        micros = f"{number} * {10**6 // per_second}" if per_second <= 10**6 else f"{number} // {per_second // 10**6}"
    else:
        micros = f"CAST(round({number} * {10**6 / per_second}) AS BIGINT)"
    return f"make_timestamp({micros}) AT TIME ZONE 'UTC'"
