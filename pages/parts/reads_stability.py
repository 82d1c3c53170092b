"""What the page Stability reads besides: the rows in which a number broke, with what goes with them."""

from dataclasses import dataclass

import pandas as pd

from data import evidence_stability
from data.evidence_stability import Evidence, Question
from data.store import Store
from monitors import breaks as stability_breaks
from monitors import ranking, summaries
from monitors.stability import METRICS
from pages.parts import reads
from pages.parts.scope import Scope


@dataclass(frozen=True, slots=True)
class Told:
    """The rows that broke, what goes with them, and each input beside that of the other rows."""

    seen: Evidence
    findings: tuple[ranking.Finding, ...]
    beside: pd.DataFrame


def told(scope: Scope, question: Question) -> Told | None:
    """What is known about the rows in which a number broke; None where that is not a matter of single rows."""
    found: Told | None = reads._cached(_told, scope.snapshot, asked=question)
    return found


def _told(store: Store, asked: Question) -> Told | None:
    seen = evidence_stability.evidence(store, asked)
    if seen is None:
        return None
    return Told(seen, tuple(ranking.rank(seen.inputs, seen.is_broken)), ranking.beside(seen.inputs, seen.is_broken))


def judged(scope: Scope, window: str) -> pd.DataFrame:
    """Every stability metric of the scope, judged; where all rows are shown, also the segments in which something stands still."""
    found: pd.DataFrame = reads.of_scope(_judged, scope, window=window)
    return found


def breaks(scope: Scope, window: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What broke, and the numbers that are whole."""
    found: tuple[pd.DataFrame, pd.DataFrame] = reads.of_scope(_breaks, scope, window=window)
    return found


def _judged(scope: Scope, window: str) -> pd.DataFrame:
    rules = reads.rules(scope)
    for metric in METRICS:
        rules, _ = summaries.as_if_alerting(rules, window, scope.segment, monitor="stability", metric=metric)
    own = reads.judged(scope, [window], rules, monitor="stability")
    if scope.segment != "all":
        return own
    parts = reads.judged(scope, [window], rules, monitor="stability", metric="constant", segment="*")
    parts = parts[(parts["segment"] != "all") & (parts["level"] > 0)]
    return pd.concat([own.astype({"segment": "str"}), parts.astype({"segment": "str"})], ignore_index=True)


def _breaks(scope: Scope, window: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    measured = judged(scope, window)
    found = stability_breaks.breaks(measured)
    return found, stability_breaks.whole(measured, found)
