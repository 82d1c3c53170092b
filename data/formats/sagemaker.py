"""SageMaker's data capture, and its ground truth: JSON Lines that hold whole requests as texts, often in base64, several rows in one.

Each row of a request becomes a row: the inputs, the outputs, `event_id` and `inference_time`. A payload in CSV has no names: its
columns are called `_c0`, `_c1` …, as SageMaker's own monitor calls them; an output without a name is `prediction`, a label `label`.
"""

import base64
import binascii
import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

CAPTURED, TRUTH = "captureData", "groundTruthData"
PLACES = 50  # lines at the beginning of a file that are looked at to recognise it
Row = dict[str, Any]


@dataclass(slots=True)
class Unpacked:
    """What was met on the way: names of the model's outputs, and why lines could not be unpacked, by their number."""

    outputs: dict[str, None] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    without_names: bool = False


class NotPlain(ValueError):
    """A line that cannot be unpacked; says why."""


def is_capture(head: str) -> bool:
    """Whether a text begins as such a log does; a first line that is broken does not hide it."""
    for line in head.splitlines()[:PLACES]:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        return isinstance(event, dict) and bool(event.keys() & {CAPTURED, TRUTH})
    return False


def notes(short: str, met: Unpacked) -> list[str]:
    """What a person is to know of a file of this name."""
    told = [f"{short}: SageMaker's data capture; each row of a request is a row."]
    if met.without_names:
        told.append(f"{short}: its inputs have no names, so they are called _c0, _c1 …; name the columns of the reference likewise.")
    if met.refused:
        count, first = len(met.refused), list(met.refused.items())[:3]
        reasons = ", ".join(f"line {line:,} ({why})" for line, why in first) + (" …" if count > len(first) else "")
        lines = "1 line cannot be unpacked and is" if count == 1 else f"{count:,} lines cannot be unpacked and are"
        told.append(f"{short}: {lines} left out: {reasons}.")
    return told


def unpack(lines: Iterable[str], met: Unpacked) -> Iterator[Row]:
    """The rows of all lines; `met` is filled on the way."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield from _rows(json.loads(line, parse_constant=str), met)  # NaN and Infinity as texts, which JSON cannot write
        except NotPlain as problem:
            met.refused[number] = str(problem)
        except ValueError:
            met.refused[number] = "it is not JSON"


def _rows(event: Any, met: Unpacked) -> list[Row]:
    if not isinstance(event, dict) or not event.keys() & {CAPTURED, TRUTH}:
        raise NotPlain(f"it has neither `{CAPTURED}` nor `{TRUTH}`")
    about = _object(event.get("eventMetadata") or {}, "eventMetadata")
    if TRUTH in event:
        rows = [_named(row, "label", "label_") for row in _table(event[TRUTH], TRUTH)]
    else:
        rows = _joined(_object(event[CAPTURED], CAPTURED), met)
    own: Row = {"inference_time": about.get("inferenceTime")} if CAPTURED in event else {}
    own |= {"custom_attributes": given} if (given := about.get("customAttributes")) else {}
    number = about.get("inferenceId") or about.get("eventId")  # ground truth calls by the first the event that has both
    if number is None or len(rows) == 1:
        return [{"event_id": number} | own | row for row in rows]
    return [{"event_id": f"{number}/{place}"} | own | row for place, row in enumerate(rows, start=1)]


def _object(found: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise NotPlain(f"its `{what}` is no object")
    return found


def _joined(captured: Mapping[str, Any], met: Unpacked) -> list[Row]:
    """Inputs and outputs side by side, row by row; a log may be of one of them alone."""
    inputs = _table(captured["endpointInput"], "endpointInput") if captured.get("endpointInput") else None
    outputs = _table(captured["endpointOutput"], "endpointOutput") if captured.get("endpointOutput") else None
    if inputs is None and outputs is None:
        raise NotPlain("it has neither an input nor an output")
    given = [_named(row, "_c0", "_c") for row in inputs] if inputs is not None else [{} for _ in outputs or ()]
    turned = [{}] * len(given) if outputs is None else _turned(outputs, len(given))
    made = [_named(row, "prediction", "output_") for row in turned]
    if len(given) != len(made):
        raise NotPlain(f"{len(given)} rows of input and {len(made)} of output")
    taken = {name for row in given for name in row}
    made = [{f"output.{name}" if name in taken else name: value for name, value in row.items()} for row in made]
    met.without_names = met.without_names or any(isinstance(row, list) for row in inputs or ())
    met.outputs |= dict.fromkeys(name for row in made for name in row)
    return [one | other for one, other in zip(given, made, strict=True)]


def _turned(outputs: list[Any], rows: int) -> list[Any]:
    """Nameless outputs of several rows may stand in one line, and those of one row below each other: the number of inputs tells."""
    flat = [value for row in outputs if isinstance(row, list) for value in row]
    if len(outputs) == 1 and isinstance(outputs[0], list) and len(flat) == rows > 1:
        return [[value] for value in flat]
    if rows == 1 < len(outputs) == len(flat):
        return [flat]
    return outputs


def _named(row: Any, only: str, several: str) -> Row:
    if isinstance(row, dict):
        return row
    return {only: row[0]} if len(row) == 1 else {f"{several}{place}": value for place, value in enumerate(row)}


def _table(found: Any, what: str) -> list[Any]:
    """The rows of a payload: an object each where it has names, else a list."""
    side = _object(found, what)
    text, encoding = side.get("data"), str(side.get("encoding")).upper()
    if not isinstance(text, str):
        raise NotPlain(f"its `{what}` has no `data`")
    if encoding == "BASE64":
        try:
            text = base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            kind = side.get("observedContentType") or "of no stated type"
            raise NotPlain(f"its `{what}` is no text in base64 ({kind})") from error
    if encoding == "CSV" or (encoding == "BASE64" and text.lstrip()[:1] not in ("{", "[")):
        return [[value.strip() or None for value in row] for row in csv.reader(text.splitlines()) if row]
    try:
        return _plain(json.loads(text, parse_constant=str))
    except ValueError:
        pass
    try:  # JSON Lines
        return [row for line in text.splitlines() if line.strip() for row in _plain(json.loads(line, parse_constant=str))]
    except ValueError as error:
        raise NotPlain(f"its `{what}` is no JSON") from error


def _plain(found: Any) -> list[Any]:
    """Rows from the shapes that serving frameworks give a request: records, lists, columns, and any of these below one key."""
    if isinstance(found, list):
        return [_flat(one) for one in found] if any(isinstance(one, list | dict) for one in found) else [found]
    if not isinstance(found, dict):
        return [[found]]
    if isinstance(found.get("columns"), list) and isinstance(found.get("data"), list):  # pandas' split
        return [dict(zip(found["columns"], row, strict=False)) for row in found["data"]]
    values = list(found.values())
    below = values[0] if len(values) == 1 else None
    if isinstance(below, dict) or (isinstance(below, list) and any(isinstance(one, list | dict) for one in below)):
        return _plain(below)
    if values and all(isinstance(v, list) for v in values) and len({len(v) for v in values}) == 1:
        return [dict(zip(found, row, strict=True)) for row in zip(*values, strict=True)]
    return [found]


def _flat(one: Any) -> Any:
    """`{"features": [1, 2]}` is the row 1, 2."""
    if isinstance(one, dict) and len(one) == 1 and isinstance(values := next(iter(one.values())), list):
        return values
    return one if isinstance(one, list | dict) else [one]
