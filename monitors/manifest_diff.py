"""manifest_diff: what differs between two manifests, to the detail: numpy 1.26.4 → 2.0.1, major."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import pandas as pd
from packaging.version import InvalidVersion, Version

MOST = 40  # packages told one by one; where more differ, the rest is one line
SHORT = 12  # characters of a hash that people compare
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was; blank `before`: it was not there, blank `after`: it is gone."""

    kind: str
    what: str
    before: str
    after: str
    detail: str = ""


def differences(before: Body, after: Body, same_version: bool = True) -> list[Difference]:
    """What differs, from code to sources; what one of the two does not state is no difference.

    Parameters
    ----------
    before, after : normal forms as data/manifests gives them.
    same_version : whether both are of one version; of two, the model file is bound to differ and is not told.
    """
    found = [*_code(before, after), *_runtime(before, after), *_packages(before, after)]
    if same_version:
        found += _hash("model", "model file", before.get("model_sha256"), after.get("model_sha256"))
    found += _training(before, after)
    found += _named("parameters", before, after)
    found += [Difference("schema", name, "", "feature", "added to the features") for name in _gone(after, before)]
    found += [Difference("schema", name, "feature", "", "gone from the features") for name in _gone(before, after)]
    return [*found, *_named("sources", before, after)]


def frame(found: Sequence[Difference]) -> pd.DataFrame:
    """Differences as a table: kind, what, before, after, detail."""
    return pd.DataFrame([asdict(one) for one in found], columns=[field.name for field in fields(Difference)])


def step(before: str, after: str) -> str:
    """How far a version went: major, minor, patch, pre-release, build; `back to` what is older. Blank where they are no such versions."""
    try:
        old, new = Version(before), Version(after)
    except InvalidVersion:
        return ""
    numbers = [(*version.release, 0, 0, 0)[:3] for version in (old, new)]
    level = next((name for name, a, b in zip(("major", "minor", "patch"), *numbers, strict=True) if a != b), "")
    level = level or ("pre-release" if old.pre != new.pre or old.dev != new.dev else "build")
    return f"{level}, back to an older one" if new < old else level


def _code(before: Body, after: Body) -> Iterator[Difference]:
    old, new = before.get("code") or {}, after.get("code") or {}
    if old.get("commit") and new.get("commit"):
        texts = [f"{str(code['commit'])[:SHORT]}{' + uncommitted' if code.get('dirty') else ''}" for code in (old, new)]
        if texts[0] != texts[1] or (new.get("dirty") and old.get("changed_files") != new.get("changed_files")):
            yield Difference("code", "git commit", texts[0], texts[1], _commits(old, new))
    for name, what in (
        ("version", "code version"),
        ("branch", "git branch"),
        ("repository", "git repository"),
        ("source", "script"),
    ):
        if old.get(name) and new.get(name) and old[name] != new[name]:
            detail = step(str(old[name]), str(new[name])) if name == "version" else ""
            yield Difference("code", what, str(old[name]), str(new[name]), detail)


def _commits(old: Body, new: Body) -> str:
    """The commits that lie between, as far as the newer manifest remembers them; and what was not committed."""
    parts = []
    history = new.get("history") or []
    hashes = [entry[0] for entry in history]
    if old["commit"] in hashes[1:]:
        between = history[: hashes.index(old["commit"])]
        told = "; ".join(f"{entry[2]}: {entry[3]}" for entry in between[:5])
        parts.append(f"{len(between)} commit{'' if len(between) == 1 else 's'}: {told}{' …' if len(between) > 5 else ''}")
    elif hashes and new["commit"] in [entry[0] for entry in (old.get("history") or [])][1:]:
        parts.append("back to an older commit")
    if new.get("dirty"):
        files = new.get("changed_files") or []
        parts.append(f"uncommitted changes in {', '.join(files[:5]) or 'the working tree'}{' …' if len(files) > 5 else ''}")
    return "; ".join(parts)


def _runtime(before: Body, after: Body) -> Iterator[Difference]:
    for key, what in (("python", "Python"), ("os", "operating system")):
        old, new = before.get(key), after.get(key)
        if old and new and old != new:
            yield Difference("dependency", what, str(old), str(new), step(str(old), str(new)) if key == "python" else "")


def _packages(before: Body, after: Body) -> list[Difference]:
    """Packages that came, went or have another version; those that went further first."""
    if "packages" not in before or "packages" not in after:
        return []
    old, new = before["packages"], after["packages"]
    found = []
    for name in sorted({*old, *new}):
        was, now = str(old.get(name, "")), str(new.get(name, ""))
        if was != now:
            found.append(
                Difference("dependency", name, was, now, step(was, now) if was and now else "added" if now else "removed")
            )
    order = {"major": 0, "minor": 1, "patch": 2}
    found.sort(key=lambda one: (order.get(one.detail.split(",")[0], 3), one.what))
    if len(found) <= MOST:
        return found
    rest = found[MOST:]
    told = ", ".join(f"{one.what} {one.before or '–'} → {one.after or '–'}" for one in rest)
    return [*found[:MOST], Difference("dependency", f"{len(rest)} more packages", "", "", told)]


def _training(before: Body, after: Body) -> Iterator[Difference]:
    if "training" not in before or "training" not in after:
        return
    old, new = before["training"], after["training"]
    if len(old) == len(new) == 1:  # one file each: its name may have changed with it
        names = " → ".join(dict.fromkeys((*old, *new)))
        found = _hash("data", "training data", *old.values(), *new.values())
        yield from (replace(one, detail=names if "→" in names else one.detail) for one in found)
        return
    for name in sorted({*old, *new}):
        a, b = str(old.get(name, "")), str(new.get(name, ""))
        if a != b:
            yield Difference(
                "data", f"training data {name}".rstrip(), a[:SHORT], b[:SHORT], "" if a and b else "added" if b else "removed"
            )


def _hash(kind: str, what: str, before: Any, after: Any) -> Iterator[Difference]:
    if before and after and before != after:
        yield Difference(kind, what, str(before)[:SHORT], str(after)[:SHORT], "another file, by its hash")


def _named(key: str, before: Body, after: Body) -> Iterator[Difference]:
    """Parameters and sources, one by one; what tells of training belongs to the data."""
    if key not in before or key not in after:
        return
    old, new = before[key], after[key]
    for name in sorted({*old, *new}):
        if old.get(name, "") != new.get(name, ""):
            was, now = str(old.get(name, "")), str(new.get(name, ""))
            kind = "source" if key == "sources" else "data" if name.startswith("train") else "model"
            yield Difference(kind, name, was, now, "" if was and now else "added" if now else "removed")


def _gone(one: Body, other: Body) -> list[str]:
    """The features of one manifest that the other, which states its own, does not have."""
    if "features" not in one or "features" not in other:
        return []
    there = set(other["features"])
    return [name for name in one["features"] if name not in there]
