"""versions: the order that people mean. v9 comes before v10, a release candidate before its release; a hash says nothing, so time does."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

# A word, numbers between dots or dashes, and what may follow: `v1.2.0-rc1`, `model-2024-01-15`, `release_7`, `2.1.0+cu12`.
NUMBERED = re.compile(
    r"(?P<word>.*?)(?P<numbers>\d+(?:[._-]\d+)*)(?P<rest>(?:[-_.+]?[a-z]+[-_.]?\d*)?(?:\+.*)?)", re.IGNORECASE | re.ASCII
)
REST = re.compile(r"[-_.]?(?P<tag>[a-z]+)?[-_.]?(?P<number>\d*)(?P<local>\+.*)?", re.IGNORECASE | re.ASCII)
BEFORE = ("dev", "pre", "a", "alpha", "b", "beta", "c", "rc", "snapshot")  # tags that stand before the release itself
AFTER = ("post", "r", "rev", "p", "patch", "hotfix", "final", "ga")
SAME = ("", "v", "ver", "version", "r", "rel", "release")  # words that say no more than "version"
HASH = re.compile(r"[0-9a-f]{6,64}", re.IGNORECASE | re.ASCII)
YEAR_LAST = re.compile(r"\d{1,2}[._-]\d{1,2}[._-](?:19|20)\d\d")  # day and month cannot be told apart
LATE = pd.Timestamp.max.tz_localize("UTC")


def version_order(names: Sequence[str], first_seen: Mapping[str, Any]) -> list[str]:
    """The names in the order that people mean, each still the text that it was.

    Parameters
    ----------
    names : versions, each once.
    first_seen : when a version first appeared; one that never did comes last among its like.

    Returns
    -------
    Names of one shape (v1, v2, v10; 1.0.0, 1.0.1; dates) by their numbers, a pre-release before its release. Names that tell no order (hashes,
    `champion`) by first appearance. Of several shapes that with the earliest first appearance is first.
    """
    shapes = {name: _shape(name, names) for name in names}
    seen = {name: _time(first_seen.get(name)) for name in names}
    begins: dict[str, pd.Timestamp] = {}
    for name, (shape, _) in shapes.items():
        begins[shape] = min(seen[name], begins.get(shape, LATE))
    return sorted(names, key=lambda name: (begins[shapes[name][0]], *shapes[name], seen[name], name))


def _shape(name: str, names: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
    """What a name is like, and its place among those like it."""
    found = NUMBERED.fullmatch(name.strip())
    tag = _tag(found["rest"]) if found else None
    if found is None or tag is None or _is_hash(name, names) or YEAR_LAST.fullmatch(found["numbers"]):
        return f"={name}", ()
    word = found["word"].casefold().rstrip(" ._-")
    numbers = [int(part) for part in re.split(r"[._-]", found["numbers"])]
    while len(numbers) > 1 and numbers[-1] == 0:  # 1.0 is 1
        numbers.pop()
    return "" if word in SAME else word, (tuple(numbers), *tag)


def _tag(rest: str) -> tuple[int, str, int, str] | None:
    """The place of `-rc1` or `.post2` about the release; None for letters that are no such tag, as in `1e5`."""
    found = REST.fullmatch(rest)
    if found is None:
        return None
    tag, number, local = (found["tag"] or "").casefold(), int(found["number"] or 0), found["local"] or ""
    if tag in BEFORE:
        return -len(BEFORE) + BEFORE.index(tag), "", number, local
    return (1, tag, number, local) if tag in AFTER else (0, "", 0, local) if not tag else None


def _is_hash(name: str, names: Sequence[str]) -> bool:
    """Letters and digits of a hash; digits alone where others of the same length are hashes (482915 beside 48291c)."""
    if not HASH.fullmatch(name):
        return False
    alike = [one for one in names if len(one) == len(name) and HASH.fullmatch(one)]
    return any(not one.isdigit() for one in alike)


def _time(value: Any) -> pd.Timestamp:
    time = LATE if value is None or pd.isna(value) else pd.Timestamp(value)
    return time if time.tzinfo else time.tz_localize("UTC")
