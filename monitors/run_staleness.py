"""What staleness needs of the store: when each version served, when it came to be and what it learnt from; and how its quality goes."""

from collections.abc import Sequence
from typing import Any

from data.store import Store
from monitors import lifetimes, staleness, summaries
from monitors.rules import Rule
from monitors.series import HOUR
from monitors.spans import LENGTH
from monitors.staleness import Facts
from monitors.thresholds import judge

WINDOWS = """
    SELECT version, window_start, window_end, max(rows)::BIGINT AS rows FROM main.profiles
    WHERE model = ? AND dataset = 'log' AND segment = 'all' GROUP BY ALL ORDER BY ALL
"""
REFERENCES = "SELECT version, max(window_end) AS learnt FROM main.profiles WHERE model = ? AND dataset = 'reference' GROUP BY version"
MANIFESTS = "SELECT version, min(valid_from) AS made FROM main.manifests WHERE model = ? GROUP BY version"
QUALITY = f"""
    SELECT * FROM main.measurements WHERE model = ? AND monitor = 'quality' AND metric = ? AND segment = 'all'
        AND coalesce("column", '') = '' AND {LENGTH} = {168 * HOUR} ORDER BY ALL
"""
LAGS = """
    SELECT version, window_start, lag_bins, lag_counts FROM main.quality
    WHERE model = ? AND dataset = 'log' AND segment = 'all' AND window_start IS NOT NULL ORDER BY ALL
"""
# Of which quality is told, the first that was measured and has a limit: what is told by a score before what is told by classes.
FOLLOWED = ("roc_auc", "log_loss", "f1", "accuracy", "mae", "rmse", "estimated_roc_auc", "estimated_accuracy")


def facts(store: Store, model: str) -> Facts | None:
    """What is known of a model's versions; None where nothing was served yet."""
    windows = store.frame(WINDOWS, [model])
    if windows.empty:
        return None
    first: dict[Any, Any] = windows[windows["version"] != ""].groupby("version")["window_start"].min().to_dict()
    made = store.frame(MANIFESTS, [model]).dropna(subset=["made"])
    for version, time in zip(made["version"], made["made"], strict=True):
        first[version] = min(first.get(version, time), time)
    references = store.frame(REFERENCES, [model])
    learnt = dict(zip(references["version"], references["learnt"], strict=True))
    return Facts(model, windows, windows["window_end"].max(), first, learnt)


def lags(store: Store, model: str) -> dict[str, float]:
    """Version → the median of the hours that its labels took; without those of which no label came with a time."""
    return staleness.lags(store.frame(LAGS, [model]))


def trends(store: Store, model: str, rules: Sequence[Rule]) -> tuple[str, dict[str, lifetimes.Trend]]:
    """The metric of quality that is followed, by weeks, and version → how it goes; "" where no quality was measured."""
    for metric in FOLLOWED:
        measured = store.frame(QUALITY, [model, metric])
        judging, _ = summaries.as_if_alerting(rules, "week", "all", monitor="quality", metric=metric)
        judged = judge(measured, judging) if len(measured) else measured
        if len(judged) and judged["value"].notna().any() and judged[["warning", "critical"]].notna().any(axis=None):
            return metric, {str(version): lifetimes.trend(part) for version, part in judged.groupby("version", observed=True)}
    return "", {}
