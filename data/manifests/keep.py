"""The table `manifests`: what each version was made of, and from when."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from data.errors import BadInput
from data.manifests.read import Read, read
from data.store import Connection, Store, append, author, claim, transact


def add(
    store: Store,
    place: Path,
    model: str | None = None,
    version: str | None = None,
    valid_from: datetime | None = None,
    name: str | None = None,
) -> str:
    """Keep a manifest of a version; one sentence on what was kept.

    Parameters
    ----------
    model, version : where the manifest itself does not say.
    valid_from : when it took effect; else its `since`; else when the version first appears in the log.

    Raises
    ------
    BadInput : not readable, or of which model and version it is cannot be told.
    """
    found = read(place, version)
    model, version = model or found.body.get("model"), version or found.body.get("version")
    if not model or not version:
        lacks = " and ".join(word for word, value in (("--model", model), ("--version", version)) if not value)
        raise BadInput(f"{place}: does not say what it belongs to. Name it with {lacks}.")
    since = valid_from or _since(found, place)
    entry = {
        "model": model, "version": version, "valid_from": since, "kind": found.kind,
        "body": json.dumps(found.body, ensure_ascii=False, sort_keys=True), "file": name or str(place), "sha256": found.sha256,
        "loaded_at": pd.Timestamp.now("UTC"), "author": str(found.body.get("author") or author()),
    }  # fmt: skip
    when = f" from {since:%Y-%m-%d}" if since else ""
    told = f"{found.kind} of {model} {version}{when}: {_told(found)}"
    table = pd.DataFrame([entry])
    table["valid_from"] = pd.to_datetime(table["valid_from"], utc=True).astype("datetime64[us, UTC]")

    def write(cursor: Connection) -> bool:
        claim(cursor)
        sql = "SELECT 1 FROM main.manifests WHERE model = ? AND version = ? AND sha256 = ? AND valid_from IS NOT DISTINCT FROM ?"
        if cursor.execute(sql, [model, version, found.sha256, since]).fetchone():
            return False
        append(cursor, "manifests", table)
        return True

    if not _is_there(store, model, version, found.sha256, since) and transact(store, write, f"manifest of {model} {version}"):
        return told
    return f"{told}; it was kept before, nothing to do"


def _is_there(store: Store, model: str, version: str, sha256: str, since: datetime | None) -> bool:
    sql = """SELECT count(*) AS n FROM main.manifests
        WHERE model = ? AND version = ? AND sha256 = ? AND valid_from IS NOT DISTINCT FROM ?"""
    return bool(store.frame(sql, [model, version, sha256, since])["n"].iloc[0])


def _since(found: Read, place: Path) -> datetime | None:
    text = found.body.get("since")
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f'{place}: `since` takes a time such as 2026-03-01T00:00:00Z, found "{text}".') from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _told(found: Read) -> str:
    body = found.body
    parts = [f"{len(body['packages']):,} packages" if "packages" in body else ""]
    code = body.get("code", {})
    if code.get("commit"):
        parts.append(f"commit {str(code['commit'])[:10]}{' with uncommitted changes' if code.get('dirty') else ''}")
    parts.append(f"{len(body['parameters'])} parameters" if "parameters" in body else "")
    return ", ".join(part for part in parts if part) or "nothing that could be compared"


def kept(store: Store, model: str | None = None) -> pd.DataFrame:
    """The manifests, of one model or of all, in the order in which they were kept."""
    return store.frame(
        "SELECT * FROM main.manifests WHERE $model IS NULL OR model = $model ORDER BY loaded_at, version", {"model": model}
    )


def latest(kept: pd.DataFrame, version: str) -> dict[str, Any]:
    """What the newest manifest of a version says, by when it took effect."""
    own = kept[kept["version"] == version].sort_values(["valid_from", "loaded_at"], na_position="first", kind="stable")
    found: dict[str, Any] = json.loads(own["body"].iloc[-1])
    return found
