"""The command `staleness`: how old is what decides, how late are labels, how long do versions last."""

import argparse
import json
from collections.abc import Callable
from typing import Any

from data.store import Store, models
from monitors import lifetimes, run, run_staleness

METRICS = {
    "model_age_days": "model {:,.0f} days old", "reference_age_days": "reference {:,.0f} days",
    "label_lag_hours": "labels after {:.3g} hours (median)",
}  # fmt: skip


def declare(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command."""
    text = "how old each version and its reference are, how late labels come, how long versions last"
    one = add(_staleness, "staleness", text, "--model churn")
    one.add_argument("--model", metavar="M")
    one.add_argument("--format", choices=("text", "json"), default="text")


def _staleness(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    found = [one for model in ([asked.model] if asked.model else models(store)) if (one := told(store, model))]
    if asked.format == "json":
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("\n\n".join(map(_text, found)) or "Nothing was served yet. Load a log, then: python -m monitors run.")
    return 0


def told(store: Store, model: str) -> dict[str, Any] | None:
    """What is known of a model, ready for JSON: the ages of each version at the end of its last day, and what is expected of it."""
    versions = run.versions(store, model)
    if versions.empty:
        return None
    measured = run.measurements(store, model=model, monitor="staleness", segment="all", window="day")
    last = measured.sort_values("window_start").drop_duplicates(["version", "metric"], keep="last")
    life = lifetimes.served(versions, versions["last"].max())
    lags = run_staleness.lags(store, model)
    metric, trends = run_staleness.trends(store, model, run.rules(store))
    listed = []
    for row in life.to_dict("records"):
        own = last[last["version"] == row["version"]]
        ages = {m: None if value != value else value for m, value in zip(own["metric"], own["value"], strict=True)}
        ages |= {"label_lag_hours": lags[row["version"]]} if row["version"] in lags else {}
        reasons = {m: why for m, why, value in zip(own["metric"], own["reason"], own["value"], strict=True) if value != value and ages[m] is None}
        trend = trends.get(str(row["version"]))
        goes = lifetimes.trend_sentence(metric, str(row["version"]), trend) if trend and row["is_serving"] else None
        one = {"version": row["version"], "first": f"{row['first']:%Y-%m-%d}", "days_served": row["days"], "is_serving": row["is_serving"]}
        listed.append(one | {"ages": ages, "not_measured": reasons, "trend": goes})
    return {"model": model, "end": f"{versions['last'].max():%Y-%m-%d}", "versions": listed, "lifetime": lifetimes.sentences(life)}


def _text(found: dict[str, Any]) -> str:
    lines = [f"{found['model']}, by the end of the log ({found['end']})"]
    for one in found["versions"]:
        parts = [form.format(one["ages"][m]) for m, form in METRICS.items() if one["ages"].get(m) is not None]
        parts += [f"{m} not measured: {why}" for m, why in one["not_measured"].items()]
        serving = "serves" if one["is_serving"] else f"served {one['days_served']:.0f} days"
        lines.append(f"  {one['version'] or 'no version'} ({serving}): {', '.join(parts) or 'nothing measured; python -m monitors run'}")
    lines += [f"  {line}" for line in found["lifetime"]]
    return "\n".join(lines + [f"  {one['trend']}" for one in found["versions"] if one["trend"]])
