"""What the page Fairness reads; cached as all reads are."""

import pandas as pd

from data.store import Store
from monitors import fairness, run_quality, summaries, thresholds
from monitors import fairness_views as views
from monitors.fairness import Seen
from pages.parts import reads
from pages.parts.scope import Scope

Frame = pd.DataFrame


def columns(scope: Scope) -> list[str]:
    """The segment columns whose groups can be compared: of rows of one segment, all but its own."""
    found: tuple[str, ...] = reads._cached(run_quality.segment_columns, scope.snapshot, model=scope.model)
    return [column for column in found if not scope.segment.startswith(f"{column}=")]


def classes(scope: Scope, column: str) -> list[str]:
    """The classes of the model, one for a binary model, "" for a regression."""
    found: list[str] = reads.of_scope(_classes, scope, column=column)
    return found


def seen(scope: Scope, column: str, class_name: str) -> dict[str, Seen]:
    """Metric → the groups of a column in the period, all windows together."""
    found: dict[str, Seen] = reads.of_scope(_seen, scope, column=column, class_name=class_name)
    return found


def headlines(scope: Scope, column: str, class_name: str) -> dict[str, views.Headline]:
    """Metric → its headline."""
    found: dict[str, views.Headline] = reads.of_scope(_headlines, scope, column=column, class_name=class_name)
    return found


def table(scope: Scope, column: str, class_name: str) -> Frame:
    """The groups with their rates, a row for each."""
    found: Frame = reads.of_scope(_table, scope, column=column, class_name=class_name)
    return found


def by_version(scope: Scope, column: str, class_name: str) -> list[tuple[str, dict[str, views.Headline]]]:
    """Each version that served in the period with its headlines."""
    found: list[tuple[str, dict[str, views.Headline]]] = reads.of_scope(_by_version, scope, column=column, class_name=class_name)
    return found


def judged(scope: Scope, column: str, metric: str, window: str, segment: str) -> Frame:
    """One metric of a column (segment "all") or of one of its groups by window, judged. Within a segment it is measured here."""
    if scope.segment == "all":
        return reads.shown(scope, window, monitor="fairness", metric=metric, column=column, segment=segment)[0]
    found: Frame = reads.of_scope(_measured_here, scope, column=column, metric=metric, window=window, segment=segment)
    return found


def _classes(scope: Scope, column: str) -> list[str]:
    return sorted(_within(scope, column)["class"].astype(str).unique())


def _seen(scope: Scope, column: str, class_name: str) -> dict[str, Seen]:
    return views.seen(_of_scope(scope, column), column, class_name)


def _headlines(scope: Scope, column: str, class_name: str) -> dict[str, views.Headline]:
    return {metric: views.headline(one) for metric, one in seen(scope, column, class_name).items()}


def _table(scope: Scope, column: str, class_name: str) -> Frame:
    return views.table(seen(scope, column, class_name))


def _by_version(scope: Scope, column: str, class_name: str) -> list[tuple[str, dict[str, views.Headline]]]:
    served = list(reads.versions(scope.model, scope.snapshot)["version"])
    return views.by_version(_of_scope(scope, column), column, class_name, served)


def _measured_here(scope: Scope, column: str, metric: str, window: str, segment: str) -> Frame:
    rules, _ = summaries.as_if_alerting(reads.rules(scope), window, segment, monitor="fairness", metric=metric)
    measured = fairness.measure(_within(scope, column), [column])
    own = (measured["metric"] == metric) & (measured["segment"] == segment)
    found = reads.cut(thresholds.judge(measured[own], rules), scope)
    found = found[found["window_name"] == window]
    return found if scope.version is None else found[found["version"] == scope.version]


def _of_scope(scope: Scope, column: str) -> Frame:
    found = reads.cut(_within(scope, column), scope)
    return found if scope.version is None else found[found["version"] == scope.version]


def _within(scope: Scope, column: str) -> Frame:
    found: Frame = reads._cached(_groups, scope.snapshot, model=scope.model, segment=scope.segment, column=column)
    return found


def _groups(store: Store, model: str, segment: str, column: str) -> Frame:
    return views.within(run_quality.counts(store, model), segment, column)
