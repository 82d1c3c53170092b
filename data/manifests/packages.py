"""Lists of packages that teams have already: requirements.txt, pylock.toml (PEP 751), conda environment.yml, CycloneDX SBOM (JSON and XML)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from packaging.requirements import InvalidRequirement, Requirement

from data.errors import BadInput
from data.manifests.shape import Body, packages, read_text

ANY = "any version"
CONDA = re.compile(r"(?:[^:\s]+::)?(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>(?:[=<>!~,|*.\w+ -]|\s)*)")
INSTALLED = ("library", "framework", "application", "platform", None)  # types of component that are software


def read_requirements(path: Path, text: str | None = None, seen: frozenset[Path] = frozenset()) -> Body:
    """requirements.txt, with those that it names by `-r`: a pinned version as it is, else what is asked for.

    Raises
    ------
    BadInput : a line that is no requirement, by its number.
    """
    found: dict[str, str] = {}
    for number, line in _lines(text if text is not None else read_text(path)):
        option = re.match(r"(?:-r|--requirement)[ =]+(\S+)", line)
        if option:
            other = (path.parent / option[1]).resolve()
            if other not in seen:
                found |= read_requirements(other, None, seen | {other})["packages"]
        elif line.startswith(("-e ", "--editable")):
            found |= _from_url(line.split(maxsplit=1)[-1])
        elif not line.startswith("-"):
            found |= _requirement(line, f"{path.name}, line {number}")
    return {"packages": packages(found)}


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first: a backslash joins, a comment and options at the end (hashes) go."""
    held, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        start = start if held else number
        line = re.sub(r"(^|\s)#.*$", "", raw)
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        line, held = (held + line).strip(), ""
        line = line if line.startswith("-") else re.split(r"\s--[a-z]", line)[0].strip()
        if line:
            yield start, line


def _requirement(line: str, where: str) -> dict[str, str]:
    if "://" in line.split("@")[0] or line.startswith((".", "/")):  # `git+https://…` or a folder: it has no name but by its end
        return _from_url(line)
    try:
        found = Requirement(line)
    except InvalidRequirement as error:
        raise BadInput(f'{where}: expected a requirement such as numpy==2.4.6, found "{line[:60]}".') from error
    return {found.name: without_login(found.url) if found.url else _pinned(str(found.specifier))}


def _pinned(asked: str) -> str:
    pin = re.fullmatch(r"===?\s*([^,*]+)", asked)
    return pin[1].strip() if pin else asked or ANY


def _from_url(url: str) -> dict[str, str]:
    egg = re.search(r"[#&]egg=([\w.-]+)", url)
    name = egg[1] if egg else re.sub(r"(\.git)?(@[^/@]*)?(#.*)?$", "", url.rstrip("/")).rsplit("/", 1)[-1]
    return {name or url: without_login(url)}


def without_login(url: str) -> str:
    """An address without what may be a password in it."""
    return re.sub(r"://[^/@\s]+@", "://", url)


def read_pylock(given: Mapping[str, Any], name: str) -> Body:
    """pylock.toml. A package that is locked twice, for different environments, has both versions."""
    found: dict[str, list[str]] = {}
    for entry in _entries(given.get("packages"), name, "packages"):
        place = entry.get("vcs") or entry.get("directory") or entry.get("archive") or {}
        version = entry.get("version") or place.get("commit-id") or place.get("path") or place.get("url") or ANY
        found.setdefault(str(entry.get("name")), []).append(without_login(str(version)))
    body: Body = {"packages": packages({key: " or ".join(dict.fromkeys(versions)) for key, versions in found.items()})}
    return body | ({"python": str(given["requires-python"])} if given.get("requires-python") else {})


def read_conda(given: Mapping[str, Any], path: Path) -> Body:
    """A conda environment.yml: its own packages and those of pip; a build at the end (`=py311h…`) is no version."""
    found: dict[str, str] = {}
    for entry in given.get("dependencies") or []:
        if isinstance(entry, str):
            name, version = _conda(entry, path.name)
            found[name] = version
        elif isinstance(entry, Mapping):
            lines = [line for line in entry.get("pip") or [] if isinstance(line, str)]
            found |= read_requirements(path, "\n".join(lines))["packages"]
    python = found.pop("python", None)
    return {"packages": packages(found)} | ({"python": python} if python else {})


def _conda(entry: str, where: str) -> tuple[str, str]:
    match = CONDA.fullmatch(entry.strip())
    if match is None:
        raise BadInput(f'{where}: expected a package such as numpy=2.4.6, found "{entry[:60]}".')
    version = match["version"].strip()
    exact = re.fullmatch(r"(?:==?)\s*([^=,<>|*]+)(?:=[^=]*)?", version)
    return match["name"].casefold(), exact[1].strip() if exact else version or ANY


def read_cyclonedx(given: Mapping[str, Any], name: str) -> Body:
    """A CycloneDX bill of materials in JSON: every component that is software, the nested ones too."""
    found: dict[str, str] = {}
    for one in _nested(_entries(given.get("components"), name, "components"), name):
        if one.get("type") in INSTALLED and one.get("name"):
            whole = f"{one['group']}/{one['name']}" if one.get("group") else str(one["name"])
            found[whole] = str(one.get("version") or ANY)
    return {"packages": packages(found)}


def _nested(components: Iterable[Mapping[str, Any]], name: str) -> Iterator[Mapping[str, Any]]:
    for one in components:
        yield one
        yield from _nested(_entries(one.get("components"), name, "components"), name)


def read_cyclonedx_xml(root: ElementTree.Element) -> Body:
    """The same in XML, of any version of the format."""
    found: dict[str, str] = {}
    for one in root.iter():
        if one.tag.rsplit("}", 1)[-1] == "component" and one.get("type") in INSTALLED:
            parts = {child.tag.rsplit("}", 1)[-1]: (child.text or "").strip() for child in one}
            if parts.get("name") and not _is_about_itself(root, one):
                whole = f"{parts['group']}/{parts['name']}" if parts.get("group") else parts["name"]
                found[whole] = parts.get("version") or ANY
    return {"packages": packages(found)}


def _is_about_itself(root: ElementTree.Element, component: ElementTree.Element) -> bool:
    """Whether a component is that which the bill is of: it stands in the metadata, not among the parts."""
    about = [child for child in root if child.tag.rsplit("}", 1)[-1] == "metadata"]
    return any(component is one for part in about for one in part.iter())


def _entries(given: Any, name: str, key: str) -> list[Mapping[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise BadInput(f"{name}: `{key}` takes a list of objects, found {type(given).__name__}.")
    return given
