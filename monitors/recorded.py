"""recorded: changes that people made in the lake: other references, loads taken back, roles, learnt schemas, thresholds."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import PurePath
from typing import Any

import pandas as pd

from monitors import edits
from monitors.changes import Row, columns_differ
from monitors.versions import version_order

SETTINGS = ("window", "time_zone", "time_format", "decimal", "reference", "task", "positive", "segment_pairs")


def of_references(loads: pd.DataFrame, columns: pd.DataFrame, first_seen: Mapping[str, pd.Timestamp]) -> list[Row]:
    """Training sets: other files and other columns than those of the version before, dated by the version's first row in the log.

    Parameters
    ----------
    loads, columns : as in Facts. first_seen : when each version first served.
    """
    live = loads[(loads["dataset"] == "reference") & loads["undone_at"].isna() & loads["version"].isin(list(first_seen))]
    order = [v for v in version_order(list(first_seen), first_seen) if v in set(live["version"])]
    rows: list[Row] = []
    for before, after in pairwise(order):
        old, new = (live[live["version"] == version] for version in (before, after))
        base = {"version": after, "at": first_seen[after], "origin": "load"}
        if set(old["sha256"]) != set(new["sha256"]):
            files = [", ".join(_short(name) for name in own["file"]) for own in (old, new)]
            detail = f"{int(old['rows'].sum()):,} → {int(new['rows'].sum()):,} rows"
            rows.append(base | _change("data", "training set", files[0], files[1], detail))
        schemas = [_schema(columns, own["load"]) for own in (old, new)]
        if "[]" not in schemas:
            rows += [
                base | _change("schema", name, was, now, f"in the training set of {after}")
                for name, was, now in columns_differ(*schemas)
            ]
    return rows


def _schema(columns: pd.DataFrame, loads: pd.Series) -> str:
    own = columns[columns["load"].isin(loads)].drop_duplicates("column")
    return json.dumps(sorted(zip(own["column"], own["type"], strict=True)))


def _change(kind: str, what: str, before: str, after: str, detail: str = "") -> Row:
    return {"kind": kind, "what": what, "before": before, "after": after, "detail": detail}


def of_loads(loads: pd.DataFrame, commits: pd.DataFrame) -> Iterator[Row]:
    """References that were loaded over others, and loads that were taken back, with the reason that stands in the commit."""
    references = loads[loads["dataset"].isin(["reference", "training"])]
    for (dataset, version), own in references.groupby(["dataset", "version"], sort=False):
        batches = [batch for _, batch in own.groupby("loaded_at")]
        for before, batch in pairwise(batches):
            files = [", ".join(_short(name) for name in part["file"]) for part in (before, batch)]
            row = _change("data", str(dataset), files[0], files[1], f"{int(batch['rows'].sum()):,} rows loaded")
            first = batch.iloc[0]
            yield row | {"version": version, "at": first["loaded_at"], "origin": "load", "author": first["author"]}
    reasons = _reasons(commits)
    for load in loads[loads["undone_at"].notna()].to_dict("records"):
        reason = reasons.get(int(load["load"]), "")
        detail = f"{load['rows']:,} rows of {load['dataset']} taken back" + (f": {reason}" if reason else "")
        row = _change("data", f"load {load['load']}", _short(load["file"]), "", detail)
        yield row | {"version": load["version"], "at": load["undone_at"], "origin": "load", "author": load["undone_by"]}


def _reasons(commits: pd.DataFrame) -> dict[int, str]:
    found = [re.fullmatch(r"undo load (\d+) of .*?: (.*)", str(message), re.DOTALL) for message in commits["message"]]
    return {int(one[1]): one[2] for one in found if one}


def of_roles(roles: pd.DataFrame) -> Iterator[Row]:
    """What each edit of the roles changed, column by column. What a load met for the first time is none: neither a type nor a guessed role."""
    for before, after in pairwise(roles.to_dict("records")):
        why = str(after["reason"] or "")
        if why.startswith("guessed: "):  # as the load says; of columns that came later the files tell
            continue
        for row in _roles_differ(json.loads(before["roles"]), json.loads(after["roles"])):
            detail = f"{row['detail']}: {why}".strip(": ") if why else row["detail"]
            yield row | {"detail": detail, "at": after["edited_at"], "origin": "edit", "author": after["author"]}


def _roles_differ(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Row]:
    for key in SETTINGS:
        if old.get(key) != new.get(key):
            yield _change("schema", f"setting {key}", _text(old.get(key)), _text(new.get(key)))
    before, after = _columns(old), _columns(new)
    for name in sorted({*before, *after}):
        (role, kind), (own_role, own_kind) = before.get(name, ("", "")), after.get(name, ("", ""))
        if role != own_role:
            yield _change(
                "schema",
                name,
                role,
                own_role,
                "another role" if role and own_role else "role given" if own_role else "role taken",
            )
        elif kind and own_kind and kind != own_kind:
            yield _change("schema", name, kind, own_kind, "another type")


def _columns(roles: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Column → its roles and its type."""
    named: dict[str, list[str]] = {}
    for role, value in roles.items():
        if role not in ("types", *SETTINGS):
            for column in [value] if isinstance(value, str) else value or []:
                named.setdefault(column, []).append(role)
    types = roles.get("types") or {}
    return {column: (", ".join(sorted(found)), types.get(column, "")) for column, found in named.items()}


def of_commits(commits: pd.DataFrame, model: str) -> Iterator[Row]:
    """Edits of the learnt schema, which are commits that say so: `schema of churn: widen the range of age`."""
    for commit in commits.to_dict("records"):
        found = re.fullmatch(rf"schema\w* of {re.escape(model)}(?:[ :]+(.*))?", str(commit["message"]), re.DOTALL)
        if found:
            row = _change("schema", "learnt schema", "", "", (found[1] or "").strip() or "edited")
            yield row | {"at": commit["at"], "origin": "edit", "author": commit["author"] or ""}


def of_thresholds(thresholds: pd.DataFrame, model: str) -> Iterator[Row]:
    """Every field of a rule that an edit changed, of this model or of all."""
    for row in edits.history(thresholds).dropna(subset=["field"]).to_dict("records"):
        if dict(row["scope"]).get("model", model) == model:
            made = _change(
                "thresholds", f"{row['field']} of {row['rule']}", row["before"], row["after"], str(row["reason"] or "")
            )
            yield made | {"at": row["edited_at"], "origin": "edit", "author": row["author"]}


def _short(name: Any) -> str:
    return PurePath(str(name)).name


def _text(value: Any) -> str:
    if not isinstance(value, list):
        return "" if value is None else str(value)
    return ", ".join(" & ".join(pair) for pair in value) if isinstance(value[0], list) else " to ".join(map(str, value))
