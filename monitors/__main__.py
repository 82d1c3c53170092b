"""The command line: python -m monitors …"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from data import load as loading
from data.errors import BadInput
from data.roles import load_yaml
from data.sample.bundle import MODEL, load_sample
from data.store import DATASETS, Store, open_store
from monitors import output, rulebook, run
from monitors.alerts import sentence
from monitors.rules import Rule, scope_text

DESCRIPTION = "Watch machine-learning models in production: load their logs, see what drifted, tune the thresholds."
EXAMPLES = """examples:
  python -m monitors sample                                          a first look, on real flights
  python -m monitors load train.parquet --model churn --as reference
  python -m monitors load 'logs/*.csv.gz' --model churn
  python -m monitors run
  python -m monitors check --fail-on critical                        in CI: exit code 1 when something is critical

Every command takes --store DIR (default: VIGIA_STORE, else .vigia). Exit codes: 0 fine, 1 alerts, 2 a mistake in the call or the data."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one command; gives the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.act(open_store(asked.store), asked))
    except BadInput as mistake:
        print(f"vigia: {mistake}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("vigia: stopped; what was committed stays, nothing is half-done.", file=sys.stderr)
        return 130


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
    with output.rows_progress() as tell:
        loaded = loading.load(store, asked.files, asked.model, asked.dataset, asked.version, roles, tell)
    for one in loaded:
        if one.already:
            print(f"{one.file}: already loaded, as load {one.load}; nothing to do")
            continue
        misfits = f", {one.misfits:,} values that do not fit their column's type (kept as text)" if one.misfits else ""
        print("\n  ".join([f"{one.file}: {one.rows:,} rows{misfits}, load {one.load}", *one.notes]))
    return 0


def _run(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    with output.progress() as tell:
        ran = run.run(store, asked.model, tell)
    return _tell_runs(ran)


def _tell_runs(ran: Sequence[run.Ran]) -> int:
    for one in ran:
        print(f"{one.model}: {one.windows:,} windows, {one.measurements:,} measurements in {one.seconds:.1f} s")
    if not ran:
        print("Nothing new since the last run.")
    return 0


def _measurements(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    found = run.measurements(store, model=asked.model, monitor=asked.monitor)
    output.write(found.drop(columns="dataset"), asked.format, asked.output)
    return 0


def _alerts(store: Store, asked: argparse.Namespace) -> int:
    found = run.alerts(store, model=asked.model, since=asked.since)
    if asked.format == "text":
        print("\n".join(f"{row['severity']:<9}{sentence(row)}" for _, row in found.iterrows()) or "No alerts.")
    else:
        output.write(found, asked.format, None)
    return 0


def _check(store: Store, asked: argparse.Namespace) -> int:
    found = run.alerts(store, model=asked.model, since=asked.since)
    counted = ("critical",) if asked.fail_on == "critical" else ("warning", "critical")
    failing = (
        found[(found["state"] == "open") & found["severity"].isin(counted)]
        if asked.since is None
        else found[found["severity"].isin(counted)]
    )
    output.check(failing, asked.format, asked.fail_on, "open now" if asked.since is None else f"since {asked.since:%Y-%m-%d}")
    return 1 if len(failing) else 0


def _thresholds_show(store: Store, asked: argparse.Namespace) -> int:
    shown = (*rulebook.defaults(), *run.overrides(store)) if not asked.overrides else run.overrides(store)
    print(rulebook.dump(shown), end="")
    return 0


def _thresholds_set(store: Store, asked: argparse.Namespace) -> int:
    fields = {**_pairs(asked.scope), **_pairs(asked.set)}
    overrides = run.overrides(store)
    rule = rulebook.rule(fields, "thresholds set", overrides)
    run.save_overrides(store, rulebook.with_override(overrides, rule), asked.reason)
    print(f"Set {', '.join(f'{k} {v}' for k, v in rule.changes.items())} for {scope_text(rule)}.")
    return 0


def _thresholds_apply(store: Store, asked: argparse.Namespace) -> int:
    try:
        text = Path(asked.file).read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{asked.file}: {error.strerror}. Name a YAML file of rules, as `thresholds export` writes it.") from error
    wanted: tuple[Rule, ...] = rulebook.read(text, asked.file)
    edit = run.save_overrides(store, wanted, asked.reason)
    print(f"Applied {len(wanted)} rules from {asked.file}, edit {edit}.")
    return 0


def _thresholds_export(store: Store, asked: argparse.Namespace) -> int:
    text = rulebook.dump(run.overrides(store))
    if asked.output:
        Path(asked.output).write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


def _loads(store: Store, asked: argparse.Namespace) -> int:
    output.write(loading.loads(store, asked.model), asked.format, None)
    return 0


def _undo(store: Store, asked: argparse.Namespace) -> int:
    print(loading.undo(store, asked.load, asked.reason))
    return 0


def _pairs(given: Sequence[str]) -> dict[str, str]:
    """`name=value` words as a dictionary; the value may hold further equals signs."""
    for word in given:
        if "=" not in word:
            raise BadInput(f'"{word}": expected name=value, such as metric=psi or warning=0.2.')
    return dict(word.split("=", 1) for word in given)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--store", metavar="DIR", help="where the data is kept (default: VIGIA_STORE, else .vigia)")
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m monitors", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=shape)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(
        act: Callable[[Store, argparse.Namespace], int],
        name: str,
        text: str,
        example: str,
        where: "argparse._SubParsersAction[argparse.ArgumentParser]" = commands,
    ) -> argparse.ArgumentParser:
        added = where.add_parser(
            name, parents=[common], help=text, description=text, epilog=f"example:\n  {example}", formatter_class=shape
        )
        added.set_defaults(act=act)
        return added

    command(_sample, "sample", "load the bundled data into the store and run", "python -m monitors sample --store /tmp/try")
    _add_load(command(_load, "load", "load files of a model", "python -m monitors load 'logs/2026-03-*.parquet' --model churn"))
    one = command(_run, "run", "profile what is new, measure it", "python -m monitors run --model churn")
    one.add_argument("--model", metavar="M")
    one = command(
        _measurements,
        "measurements",
        "what was measured",
        "python -m monitors measurements --model churn --format parquet -o m.parquet",
    )
    one.add_argument("--model", metavar="M")
    one.add_argument("--monitor", metavar="X", help="drift …")
    one.add_argument("--format", choices=("csv", "json", "parquet"), default="csv")
    one.add_argument("-o", "--output", metavar="FILE")
    one = command(
        _alerts, "alerts", "alerts under the thresholds in force", "python -m monitors alerts --since 2026-03-01 --format csv"
    )
    _add_span(one)
    one.add_argument("--format", choices=("text", "csv", "json"), default="text")
    one = command(
        _check,
        "check",
        "exit code 1 when an alert is open (or, with --since, was since then)",
        "python -m monitors check --model churn --format junit",
    )
    _add_span(one)
    one.add_argument("--fail-on", choices=("warning", "critical"), default="critical")
    one.add_argument("--format", choices=("text", "json", "junit"), default="text")
    one = command(_loads, "loads", "what was loaded", "python -m monitors loads --model churn")
    one.add_argument("--model", metavar="M")
    one.add_argument("--format", choices=("csv", "json"), default="csv")
    one = command(
        _undo, "undo", "take a load back; the next run mends what came of it", "python -m monitors undo 7 --reason 'wrong file'"
    )
    one.add_argument("load", type=int, metavar="LOAD", help="its number, as `loads` shows it")
    one.add_argument("--reason", default="")
    rules = commands.add_parser("thresholds", help="show and change the thresholds").add_subparsers(
        metavar="ACTION", required=True
    )
    one = command(_thresholds_show, "show", "every rule, as YAML", "python -m monitors thresholds show --overrides", rules)
    one.add_argument("--overrides", action="store_true", help="only what people set")
    one = command(
        _thresholds_set,
        "set",
        "change one rule",
        "python -m monitors thresholds set metric=psi column=temp --set warning=1 critical=3 --reason 'summer'",
        rules,
    )
    one.add_argument(
        "scope", nargs="+", metavar="FIELD=NAME", help="what it is for: model, version, monitor, metric, column, segment"
    )
    one.add_argument(
        "--set", nargs="+", required=True, metavar="FIELD=VALUE", help="warning, critical, min_rows, window, enabled …"
    )
    one.add_argument("--reason", required=True, help="kept in the history")
    one = command(
        _thresholds_export,
        "export",
        "what people set, as YAML to review",
        "python -m monitors thresholds export -o rules.yaml",
        rules,
    )
    one.add_argument("-o", "--output", metavar="FILE")
    one = command(
        _thresholds_apply,
        "apply",
        "make a YAML file of rules the ones in force",
        "python -m monitors thresholds apply rules.yaml --reason 'PR 12'",
        rules,
    )
    one.add_argument("file", metavar="FILE")
    one.add_argument("--reason", required=True, help="kept in the history")
    return parser


def _add_load(one: argparse.ArgumentParser) -> None:
    one.add_argument("files", nargs="+", metavar="FILE|GLOB", help="CSV (also .gz, .zst), Parquet, JSON, JSON Lines")
    one.add_argument("--model", required=True, metavar="M")
    one.add_argument("--as", dest="dataset", choices=DATASETS, default="log")
    one.add_argument("--version", metavar="V", help="the model version that a reference belongs to (default: every version)")
    one.add_argument("--roles", metavar="FILE", help="roles.yaml; without it the roles remembered for the model, else guessed")


def _add_span(one: argparse.ArgumentParser) -> None:
    one.add_argument("--model", metavar="M")
    one.add_argument("--since", type=output.date, metavar="DATE", help="what lasted beyond this day, UTC (2026-03-01)")


if __name__ == "__main__":
    sys.exit(main())
