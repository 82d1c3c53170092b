"""What the page of notifications reads, cached like all else by the store's snapshot."""

import pandas as pd

from data import outbox
from monitors import deliver
from monitors.channels import Settings
from pages.parts import reads


def settings(at: int) -> Settings:
    """The settings in force."""
    found: Settings = reads._cached(deliver.settings, at)
    return found


def entries(at: int) -> pd.DataFrame:
    """The last messages, the newest first."""
    found: pd.DataFrame = reads._cached(outbox.entries, at)
    return found


def edits(at: int) -> pd.DataFrame:
    """Every edit of the settings, the last first."""
    found: pd.DataFrame = reads._cached(outbox.edits, at)
    return found
