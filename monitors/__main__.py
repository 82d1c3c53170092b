"""The command line: python -m monitors …"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from data import load as loading
from data.errors import BadInput, near
from data.roles import load_yaml, saved, written
from data.sample.bundle import MODEL, load_sample
from data.store import DATASETS, Store, open_store
from monitors import deliver, output, run
from monitors.commands import (
    alerts,
    changes,
    decide,
    fairness,
    jobs,
    latency,
    notify,
    quality,
    schema,
    skew,
    stability,
    staleness,
    suggest,
    thresholds,
)
from monitors.measurements import COLUMNS
from monitors.thresholds import defaults

DESCRIPTION = "Watch machine-learning models in production: load their logs, see what drifted, tune the thresholds."
EXAMPLES = """examples:
  python -m monitors sample                                          a first look, on real flights
  python -m monitors load train.parquet --model churn --as reference
  python -m monitors load 'logs/*.csv.gz' --model churn
  python -m monitors run
  python -m monitors check --fail-on critical                        in CI: exit code 1 when something is critical

Every command takes --store DIR (default: VIGIA_STORE, else .vigia). Exit codes: 0 fine, 1 alerts, 2 a mistake in the call or the data."""

STOPPED = 130  # as shells have it, of Ctrl-C
# Commands of two words: the first with what it is about.
GROUPS = {
    "thresholds": thresholds.GROUP[1],
    "notifications": "who is told what, and how",
    "decide": decide.GROUP[1],
    "schema": schema.GROUP[1],
    "jobs": "what runs of training and scoring jobs took",
    "manifests": "what each version is made of",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one command; gives the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.act(open_store(asked.store) if asked.needs_store else None, asked))
    except BadInput as mistake:
        print(f"vigia: {mistake}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        return 0
    except (KeyboardInterrupt, RuntimeError) as stop:
        if not isinstance(stop, KeyboardInterrupt) and str(stop) != "Query interrupted":  # what DuckDB makes of Ctrl-C
            raise
        print("vigia: stopped; what was committed stays, nothing is half-done.", file=sys.stderr)
        return STOPPED


def _sample(store: Store, _asked: argparse.Namespace) -> int:
    with output.progress() as tell:
        loaded = load_sample(store, tell)
        ran = run.run(store, MODEL, tell)
    rows = sum(one.rows for one in loaded if not one.already)
    print(
        f"Loaded {rows:,} rows of the bundled sample as {MODEL}."
        if rows
        else f"The bundled sample is loaded already, as {MODEL}."
    )
    return _tell_runs(ran)


def _load(store: Store, asked: argparse.Namespace) -> int:
    roles = load_yaml(asked.roles) if asked.roles else None
    before = saved(store, asked.model)
    with output.rows_progress() as tell:
        loaded = loading.load(store, asked.files, asked.model, asked.dataset, asked.version, roles, tell)
    for one in loaded:
        if one.already:
            print(f"{one.file}: already loaded, as load {one.load}; nothing to do")
            continue
        many = f", {one.misfits:,} values that do not fit their column's type (kept as text)" if one.misfits else ""
        misfits = ", 1 value that does not fit its column's type (kept as text)" if one.misfits == 1 else many
        counted = "1 row" if one.rows == 1 else f"{one.rows:,} rows"
        print("\n  ".join([f"{one.file}: {counted}{misfits}, load {one.load}", *one.notes]))
    if roles is not None and all(one.already for one in loaded):
        print(loading.adopt(store, asked.model, roles, f"given with {asked.roles}") or f"{asked.roles} says what is known.")
    if roles is None and (guessed := written(saved(store, asked.model), before)):
        print("\n  ".join(["Guessed, as roles.yaml says it (the page Sources tells why; --roles FILE changes it):", *guessed]))
    return 0


def _run(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    with output.progress() as tell:
        ran = run.run(store, asked.model, tell)
    code = _tell_runs(ran)
    for line in deliver.summary(deliver.after_run(store)):
        print(line)
    return code


def _tell_runs(ran: Sequence[run.Ran]) -> int:
    for one in ran:
        print(f"{one.model}: {one.windows:,} window{'' if one.windows == 1 else 's'}, {one.measurements:,} measurements in {one.seconds:.1f} s")
    if not ran:
        print("Nothing new since the last run.")
    return 0


def _measurements(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    found = run.measurements(store, model=asked.model, monitor=asked.monitor)
    if asked.monitor is not None and found.empty:
        _check_monitor(asked.monitor)
    output.write(found[COLUMNS], asked.format, asked.output)
    return 0


def _check_monitor(name: str) -> None:
    known = sorted({one.monitor for one in defaults() if one.monitor is not None})
    if name not in known:
        raise BadInput(f'There is no monitor "{name}". {near(name, known)}')


def _loads(store: Store, asked: argparse.Namespace) -> int:
    output.write(loading.loads(store, asked.model), asked.format, None)
    return 0


def _undo(store: Store, asked: argparse.Namespace) -> int:
    print(loading.undo(store, asked.load, asked.reason))
    return 0


Add = Callable[..., argparse.ArgumentParser]
# `declare` of each module of monitors/commands
SUBJECTS: tuple[Callable[[Add], None], ...] = tuple(
    one.declare
    for one in (alerts, decide, thresholds, suggest, schema, skew, stability, latency, quality, fairness, staleness, jobs, changes, notify)
)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--store", metavar="DIR", help="where the data is kept (default: VIGIA_STORE, else .vigia)")
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m monitors", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=shape)
    groups = {"": parser.add_subparsers(metavar="COMMAND", required=True)}

    def add(act: Callable[[Store, argparse.Namespace], int], name: str, text: str, example: str) -> argparse.ArgumentParser:
        group, _, own = name.rpartition(" ")
        if group not in groups:
            groups[group] = groups[""].add_parser(group, help=GROUPS[group]).add_subparsers(metavar="ACTION", required=True)
        how = f"example:\n  python -m monitors {name} {example}"
        added = groups[group].add_parser(own, parents=[common], help=text, description=text, epilog=how, formatter_class=shape)
        added.set_defaults(act=act, needs_store=True)
        return added

    for declare in (_add_loading, _add_reading, *SUBJECTS):
        declare(add)
    return parser


def _add_loading(add: Add) -> None:
    add(_sample, "sample", "load the bundled data into the store and run", "--store /tmp/try")
    one = add(_load, "load", "load files of a model", "'logs/2026-03-*.parquet' --model churn")
    one.add_argument("files", nargs="+", metavar="FILE|GLOB", help="CSV (also .gz, .zst), Parquet, JSON, JSON Lines")
    one.add_argument("--model", required=True, metavar="M")
    one.add_argument("--as", dest="dataset", choices=DATASETS, default="log")
    one.add_argument("--version", metavar="V", help="the model version that a reference belongs to (default: every version)")
    one.add_argument("--roles", metavar="FILE", help="roles.yaml; without it the roles remembered for the model, else guessed")
    one = add(_run, "run", "profile what is new, measure it", "--model churn")
    one.add_argument("--model", metavar="M")
    one = add(_loads, "loads", "what was loaded", "--model churn")
    one.add_argument("--model", metavar="M")
    one.add_argument("--format", choices=("csv", "json"), default="csv")
    one = add(_undo, "undo", "take a load back; the next run mends what came of it", "7 --reason 'wrong file'")
    one.add_argument("load", type=int, metavar="LOAD", help="its number, as `loads` shows it")
    one.add_argument("--reason", default="")


def _add_reading(add: Add) -> None:
    one = add(_measurements, "measurements", "what was measured", "--model churn --format parquet -o m.parquet")
    one.add_argument("--model", metavar="M")
    one.add_argument("--monitor", metavar="X", help="drift, stability …")
    one.add_argument("--format", choices=("csv", "json", "parquet"), default="csv")
    one.add_argument("-o", "--output", metavar="FILE")


if __name__ == "__main__":
    code = main()
    if code == STOPPED:
        sys.stdout.flush()
        os._exit(code)  # torn down after a query that was cut off, DuckDB 1.5.5 aborts the process
    sys.exit(code)
