"""The events of the sample, planted and real, as events.yaml states them: the one place where their dates stand."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import yaml

PATH = Path(__file__).with_name("events.yaml")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the monitors should see, or should be seen not to see; times are UTC, the end is exclusive."""

    id: str
    kind: Literal["planted", "real"]
    start: datetime
    end: datetime
    title: str
    text: str
    columns: tuple[str, ...]
    version: str | None = None

    def covers(self, time: datetime) -> bool:
        """Whether the time lies in [start, end)."""
        return self.start <= time < self.end


def events(path: Path = PATH) -> list[Event]:
    """All events, in the order of the file, which is by start."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # of libyaml, where PyYAML was built with it: the first screen waits
    entries: list[dict[str, Any]] = yaml.load(path.read_text(encoding="utf-8"), loader)
    return [Event(**entry | {"columns": tuple(entry["columns"])}) for entry in entries]


def planted(path: Path = PATH) -> dict[str, Event]:
    """The events that make.py brings about, by id."""
    return {event.id: event for event in events(path) if event.kind == "planted"}
