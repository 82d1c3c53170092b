"""What a screen is about."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Scope:
    """Model, version (None: every one), segment and period [since, until) in UTC, at one snapshot of the store.

    Hashable, so it can key a cache.
    """

    model: str
    version: str | None
    segment: str
    since: datetime
    until: datetime
    snapshot: int
