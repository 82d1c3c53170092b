"""`python -m monitors stability`: which numbers broke first, where, and which inputs go with it."""

import argparse
import json
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from data.evidence_stability import FILE, ROW, Evidence, Question, evidence
from data.roles import Roles, saved
from data.store import Store, models
from monitors import breaks, output, ranking, run
from monitors.thresholds import judge

LATEST = 3  # findings told of each
STATES = {-1: "not judged", 0: "ok", 1: "warning", 2: "critical"}


def declare(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Its command."""
    text = "which numbers broke: NaN, infinity, out of range, standing still; where first, and with which inputs"
    one = add(_stability, "stability", text, "--model churn")
    one.add_argument("--model", metavar="M")
    one.add_argument("--format", choices=("text", "json"), default="text")
    one.add_argument("--since", type=output.date, metavar="DATE", help="only what broke beyond this day, UTC (2026-03-01)")


def _stability(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    told = [one for model in ([asked.model] if asked.model else models(store)) for one in found(store, model, asked.since)]
    if asked.format == "json":
        print(json.dumps(told, ensure_ascii=False, default=_plain))
    else:
        print("\n".join(line for one in told for line in _lines(one)) or "No number broke.")
    return 0


def found(store: Store, model: str, since: Any = None) -> Iterator[dict[str, Any]]:
    """What broke of a model, the worst first: its first row, and what goes with the broken rows."""
    measured = run.measurements(store, model=model, monitor="stability", window="day", dataset=None)
    judged = judge(measured, run.rules(store))
    judged = judged if since is None else judged[judged["window_end"] > since]
    broke = breaks.breaks(judged[(judged["segment"] == "all") | (judged["level"] > 0)])
    for row in broke.to_dict("records"):
        question = Question(
            model, row["metric"], row["column"], row["version"], row["segment"], row["first"].to_pydatetime(), row["last"].to_pydatetime()
        )
        seen = evidence(store, question)
        findings = ranking.rank(seen.inputs, seen.is_broken) if seen is not None else []
        kind = breaks.KINDS.get(row["metric"], "")
        facts = {"model": model, "state": STATES[row.pop("level")], **{str(name): value for name, value in row.items()}}
        span = breaks.in_one_span(*seen.span, *seen.counts, kind) if seen is not None else None
        told_with = [*([span] if span else []), *(ranking.sentence(one, kind) for one in findings)]
        yield facts | {"where": _where(store, model, seen), "with": told_with}


def _where(store: Store, model: str, seen: Evidence | None) -> dict[str, Any] | None:
    """File and row of the first row that broke, and what identifies it."""
    if seen is None:
        return None
    roles, first = saved(store, model) or Roles(), seen.broken.iloc[0]
    names = {"time": roles.timestamp, "inference_id": roles.inference_id, "code_version": roles.code_version, "data_version": roles.data_version}
    known = {name: first[column] for name, column in names.items() if column is not None and column in first}
    return {"file": first[FILE], "row": int(first[ROW])} | known


def _lines(one: dict[str, Any]) -> list[str]:
    of = ", ".join(name for name in (one["version"], "" if one["segment"] == "all" else one["segment"]) if name)
    last = one["last"] - pd.Timedelta(1, "us")
    days = f"{one['first']:%Y-%m-%d}" + (f" to {last:%Y-%m-%d}" if last.date() != one["first"].date() else "")
    what = (one["column"] or "probabilities") + (f" ({of})" if of else "")
    number = f"{one['rows']:,} of {one['of']:,} rows" if one["where"] else f"{one['peak']:.4g} in {one['windows']} days of {one['of']:,} rows"
    lines = [f"{one['state']:<11}{one['metric']} of {what}: {number}, {days}"]
    if one["where"]:
        where = one["where"]
        more = [f"{name} {where[name]}" for name in ("inference_id", "code_version") if name in where]
        lines.append(f"           first in {where['file']}, row {where['row']:,}" + (f" ({', '.join(more)})" if more else ""))
        lines += [f"           {text}" for text in one["with"][:LATEST]] or ["           no input goes with it"]
    return lines


def _plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, pd.Timestamp) or hasattr(value, "isoformat") else str(value)
