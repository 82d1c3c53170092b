"""The commands about jobs: what a run of a training or scoring job took."""

import argparse
from collections.abc import Callable

from data import jobs
from data.store import Store
from monitors import output


def declare(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands."""
    one = add(_add, "jobs add", "keep what runs of jobs took (JSON Lines, JSON or CSV; docs/jobs.md)", "jobs.jsonl --model churn")
    one.add_argument("file", metavar="FILE")
    one.add_argument("--model", required=True, metavar="M")
    one = add(_list, "jobs list", "the runs of jobs and what they took", "--model churn --format csv")
    one.add_argument("--model", metavar="M")
    one.add_argument("--format", choices=("csv", "json"), default="csv")


def _add(store: Store, asked: argparse.Namespace) -> int:
    added, known = jobs.add(store, asked.file, asked.model)
    print(f"{added:,} run{'' if added == 1 else 's'} added to {asked.model}" + (f", {known:,} known already" if known else "") + ".")
    return 0


def _list(store: Store, asked: argparse.Namespace) -> int:
    output.write(jobs.listed(store, asked.model), asked.format, None)
    return 0
