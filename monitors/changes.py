"""changes: what is not as it was, and when? From the log, from manifests, from loads and edits; each told once, with who and how far.

A change took effect when the log first shows it; what the log cannot show (a package, an edit) when it was recorded.
"""

import hashlib
import json
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import pandas as pd

from monitors.manifest_diff import Difference, differences, step
from monitors.measurements import typed
from monitors.stretches import Stretch, Turn, stretches, turns
from monitors.versions import version_order

COLUMNS = ["id", "model", "version", "at", "kind", "what", "before", "after", "detail", "origin", "author"]
METRICS = ("model", "data", "code", "dependency", "schema", "source")
KINDS = (*METRICS, "thresholds")  # an edit of thresholds changes what alerts, and nothing of the model: shown, not measured
HOUR = pd.Timedelta(hours=1)
LONG_FRACTION = re.compile(r"-?\d+\.\d{6,}")
Row = dict[str, Any]


def table(model: str, rows: Iterable[Row]) -> pd.DataFrame:
    """Changes as a table: by time, each with a hash that stays the same as long as the change is the same, no change twice."""
    made = [{"model": model, "version": "", "detail": "", "author": "", **row} for row in rows]
    frame = pd.DataFrame(made, columns=[name for name in COLUMNS if name != "id"])
    frame["at"] = pd.to_datetime(frame["at"], utc=True).astype("datetime64[us, UTC]")
    about = frame.drop(columns=["at", "detail", "author"]).astype(str).to_numpy().tolist()
    keys = ["\x1f".join([*row, time.isoformat()]) for row, time in zip(about, frame["at"], strict=True)]
    frame["id"] = [hashlib.sha256(key.encode()).hexdigest()[:12] for key in keys]
    rank = frame["kind"].map({kind: i for i, kind in enumerate(KINDS)})
    order = frame.assign(rank=rank).sort_values(["at", "rank", "version", "what", "id"], kind="stable")
    return order.drop_duplicates("id")[COLUMNS].reset_index(drop=True)


def of_log(cells: pd.DataFrame) -> list[Row]:
    """Changes of model, code, data and source, as the rows themselves say.

    Parameters
    ----------
    cells : version, code, data, source, window_start, rows, first_time, last_time (Facts.cells).
    """
    rows = list(_models(cells))
    for kind in ("code", "data", "source"):
        rows += _once(_of_versions(cells, kind)) if kind != "code" else _of_versions(cells, kind)
    return rows


def _models(cells: pd.DataFrame) -> Iterator[Row]:
    for turn in turns(stretches(cells.assign(value=cells["version"]))):
        if turn.before == turn.after:
            continue
        at = _next_row(cells, turn.at) if turn.how != "start" else turn.at
        what = {"start": "version", "alone": "rollout complete", "back": "rollout ended"}[turn.how]
        yield {
            "version": turn.after, "at": at, "kind": "model", "what": what, "before": turn.before, "after": turn.after,
            "detail": _how(turn), "origin": "log",
        }  # fmt: skip


def _next_row(cells: pd.DataFrame, time: pd.Timestamp) -> pd.Timestamp:
    """The first row after, where it came within the hour: what ended at 23:59 was over at midnight."""
    later = cells["first_time"][cells["first_time"] > time].min()
    return later if later - time <= HOUR else time


def _how(turn: Turn) -> str:
    parts = []
    if turn.how == "start" and turn.beside is not None:
        parts.append(f"beside {turn.before} until {_day(turn.beside)}, {turn.share:.0%} of the rows at first")
    if turn.how == "alone":
        parts.append(f"{turn.before} serves no more")
    if turn.how == "back":
        parts.append(f"{turn.before} serves no more, {turn.after} goes on")
    if turn.again and turn.how == "start":
        parts.append("back to what served before")
    return "; ".join(parts)


def _of_versions(cells: pd.DataFrame, kind: str) -> list[Row]:
    """Of each model version by itself; a new version that brings other code with it changed the code too."""
    valued = cells.assign(value=cells[kind]).dropna(subset=["value"])
    served = {str(v): stretches(own) for v, own in valued.groupby("version", sort=False)}
    starts = {
        turn.after: turn
        for turn in turns(stretches(cells.assign(value=cells["version"])))
        if turn.how == "start" and not turn.again
    }
    rows: list[Row] = []
    for version, own in served.items():
        first = own[0]
        if version in starts and (before := _in_use(served.get(starts[version].before, []), first.start)) not in (
            None,
            first.value,
        ):
            detail = _joined(step(str(before), first.value), f"with {version}")
            rows.append(_value_row(kind, version, first.start, str(before), first.value, detail))
        for turn in turns(own):
            if turn.how != "alone" and turn.before != turn.after:
                at = turn.at if turn.how == "start" else _next_row(cells, turn.at)
                rows.append(_value_row(kind, version, at, turn.before, turn.after, _value_detail(turn)))
    return rows


def _in_use(found: list[Stretch], time: pd.Timestamp) -> str | None:
    """The newest value in use at a time, else the last before it."""
    earlier = [one for one in found if one.start <= time]
    return max(earlier, key=lambda one: (min(one.end, time), one.start)).value if earlier else None


def _value_row(kind: str, version: str, at: pd.Timestamp, before: str, after: str, detail: str) -> Row:
    what = {"code": "code version", "data": "data version", "source": "source system"}[kind]
    row = {"version": version, "at": at, "kind": kind, "what": what, "before": before, "after": after}
    return row | {"detail": detail, "origin": "log"}


def _value_detail(turn: Turn) -> str:
    older = version_order([turn.before, turn.after], {turn.before: pd.Timestamp(0, tz="UTC")})[0] == turn.after
    back = "rollback" if turn.again or turn.how == "back" or older else ""
    until = f"beside {turn.before} until {_day(turn.beside)}" if turn.beside is not None and turn.how == "start" else ""
    return _joined(step(turn.before, turn.after).split(",")[0], back, until)


def _once(rows: list[Row]) -> list[Row]:
    """A change that several model versions met within a day is one, of no version in particular."""
    kept: list[Row] = []
    for row in sorted(rows, key=lambda row: row["at"]):
        same = [k for k in kept if (k["before"], k["after"]) == (row["before"], row["after"]) and row["at"] - k["at"] < 24 * HOUR]
        if same:
            same[-1]["version"] = ""
        else:
            kept.append(dict(row))
    return kept


def of_schema(cells: pd.DataFrame, columns: pd.DataFrame) -> list[Row]:
    """Columns of the log that came, went or hold another kind of value, when the rows of a file with another schema begin.

    Parameters
    ----------
    columns : load, column, type (Facts.columns).
    """
    schemas = {load: json.dumps(sorted(zip(own["column"], own["type"], strict=True))) for load, own in columns.groupby("load")}
    valued = cells.assign(value=cells["load"].map(schemas)).dropna(subset=["value"])
    rows: list[Row] = []
    for turn in turns(stretches(valued)):
        if turn.how != "alone":
            at = turn.at if turn.how == "start" else _next_row(valued, turn.at)
            gone = {row["what"] for row in rows if not row["after"]}
            differ = columns_differ(turn.before, turn.after)
            rows += [_schema_row(*change, at) | ({"detail": "column back"} if change[0] in gone and not change[1] else {}) for change in differ]
    return rows


def columns_differ(before: str, after: str) -> Iterator[tuple[str, str, str]]:
    old, new = dict(json.loads(before)), dict(json.loads(after))
    for name in sorted({*old, *new}):
        was, now = old.get(name, ""), new.get(name, "")
        if was != now and not ("any" in (was, now) and was and now):  # a column without any value has no type to differ
            yield name, was, now


def _schema_row(name: str, before: str, after: str, at: pd.Timestamp) -> Row:
    detail = "another type" if before and after else "new column" if after else "column absent"
    return {"at": at, "kind": "schema", "what": name, "before": before, "after": after, "detail": detail, "origin": "load"}


def of_manifests(manifests: pd.DataFrame, cells: pd.DataFrame, has_code: bool) -> list[Row]:
    """What differs from one manifest to the next in force, of the same version or of that which served before.

    Parameters
    ----------
    manifests : version, valid_from, body (JSON), loaded_at, author.
    has_code : whether the log names its code versions; else the releases that manifests list are changes of code.
    """
    if manifests.empty:
        return []
    first = cells.groupby("version")["first_time"].min()
    at = manifests["valid_from"].fillna(manifests["version"].map(first)).fillna(manifests["loaded_at"])
    ordered = manifests.assign(at=pd.to_datetime(at, utc=True)).sort_values(["at", "loaded_at"], kind="stable").to_dict("records")
    rows: list[Row] = []
    for i, entry in enumerate(ordered):
        body = json.loads(entry["body"])
        own = [one for one in ordered[:i] if one["version"] == entry["version"]]
        before = own[-1] if own else ordered[i - 1] if i else None
        if before is not None:
            found = differences(json.loads(before["body"]), body, same_version=bool(own))
            rows += [_manifest_row(one, entry) for one in found]
            if not own and entry["version"] not in first.index:
                gone = Difference(
                    "model", "version", before["version"], entry["version"], "by its manifest; the log has not shown it yet"
                )
                rows.append(_manifest_row(gone, entry))
        rows += [] if has_code else _releases(body, entry)
    return rows


def _manifest_row(one: Difference, entry: Mapping[Hashable, Any]) -> Row:
    row = {
        "version": entry["version"],
        "at": entry["at"],
        "kind": one.kind,
        "what": one.what,
        "before": one.before,
        "after": one.after,
    }
    return row | {"detail": one.detail, "origin": "manifest", "author": entry["author"]}


def _releases(body: Mapping[str, Any], entry: Mapping[Hashable, Any]) -> Iterator[Row]:
    releases = body.get("releases") or []
    for (_, before), (day, after) in pairwise(releases):
        row = {"version": entry["version"], "at": pd.Timestamp(day, tz="UTC"), "kind": "code", "what": "code version"}
        yield row | {
            "before": before,
            "after": after,
            "detail": step(before, after),
            "origin": "manifest",
            "author": entry["author"],
        }


def measure(changes: pd.DataFrame, model: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """How many things of each kind changed on a day, by what changed; the day after it 0, so that an alert on it is resolved.

    Parameters
    ----------
    changes : as `table` gives them. first, last : the log's span [first, last); what was recorded outside of it is in no window.

    Returns
    -------
    measurements of monitor "changes" with the metrics METRICS; days without a change have none, since nothing was counted.
    """
    inside = changes[changes["kind"].isin(METRICS) & (changes["at"] >= first) & (changes["at"] < last)]
    if inside.empty:
        return typed(pd.DataFrame())
    days = inside.assign(window_start=inside["at"].dt.floor("D"))
    keys = ["version", "kind", "what", "window_start"]
    counted = days.groupby(keys).size().rename("value").reset_index()
    after = counted.assign(window_start=counted["window_start"] + 24 * HOUR, value=0)
    both = pd.concat([counted, after]).drop_duplicates(keys).sort_values(keys)
    both = both[both["window_start"] < last]
    named = both.rename(columns={"kind": "metric", "what": "column"})
    ends = named["window_start"] + 24 * HOUR
    found = named.assign(model=model, monitor="changes", segment="all", window_end=ends, rows=named["value"], dataset="log")
    return typed(found)


def alone(changes: pd.DataFrame, change: Mapping[Hashable, Any], windows: int, length: pd.Timedelta) -> int:
    """How many windows on either side of a change belong to it alone: as many as asked for, but none beyond its neighbours of the same kind.

    Parameters
    ----------
    changes : of one model. length : of a window.

    A release that was taken back after three days is compared over three days: over seven, four of them would be the repair's.
    """
    version = changes["version"].isin([change["version"], ""])
    others = changes["at"][(changes["kind"] == change["kind"]) & version & (changes["at"] != change["at"])]
    nearest = (others - change["at"]).abs().min()
    return windows if pd.isna(nearest) else max(1, min(windows, int(nearest // length)))


def sentence(change: Mapping[Hashable, Any]) -> str:
    """A change in words: `numpy 2.4.5 → 2.4.6, patch (v2)`."""
    what = "" if change["kind"] == "model" and change["what"] == "version" else f"{change['what']} "
    both = " → ".join(_short(*filter(None, (change["before"], change["after"]))))
    detail = f", {change['detail']}" if change["detail"] else ""
    return f"{what}{both}".strip() + detail + (f" ({change['version']})" if change["version"] else "")


def _short(*values: str) -> tuple[str, ...]:
    """Fractions of many digits to six figures, where these tell them apart."""
    short = tuple(f"{float(value):.6g}" if LONG_FRACTION.fullmatch(value) else value for value in values)
    return short if len(set(short)) == len(short) else values


def _day(time: pd.Timestamp) -> str:
    return f"{time.day} {time:%b %Y}"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
