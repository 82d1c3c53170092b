"""python -m monitors thresholds … and backtest: rules as code, what a change of them would give, who changed them."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from data.errors import BadInput
from data.store import Store, models
from monitors import edits, output, proposals, rulebook, run, run_rules
from monitors.rules import Rule, scope_text

Add = Callable[..., argparse.ArgumentParser]
GROUP = ("thresholds", "show, change, review and take back the thresholds")
FILE = "a YAML file of rules, as `thresholds export` writes it"
YET_TO_COME = "Give --ahead if it is yet to come."


def declare(add: Add) -> None:
    """The commands of this subject."""
    _declare_edits(add)
    _declare_history(add)
    for name in ("backtest", "thresholds backtest"):
        text = "what other rules would have given over the whole history"
        one = add(_backtest, name, text, "--rules new.yaml --against saved --format markdown --fail-above 5")
        one.add_argument("--rules", required=True, metavar="FILE", help="the proposed rules: " + FILE)
        one.add_argument("--against", default="saved", metavar="saved|defaults|FILE", help="what to compare with (default: saved)")
        one.add_argument("--model", metavar="M")
        one.add_argument("--since", type=output.date, metavar="DATE", help="only alerts that last beyond this day, UTC (2026-03-01)")
        one.add_argument("--format", choices=("text", "json", "markdown"), default="text")
        one.add_argument("-o", "--output", metavar="FILE")
        one.add_argument("--fail-above", type=int, metavar="N", help="exit code 1 when more than N alerts are gained")


def _declare_edits(add: Add) -> None:
    one = add(_show, "thresholds show", "every rule, as YAML", "--overrides")
    one.add_argument("--overrides", action="store_true", help="only what people set")
    example = "metric=psi column=temp --set warning=1 critical=3 --reason 'summer'"
    edit = add(_set, "thresholds set", "change one rule", example)
    edit.add_argument("scope", nargs="+", metavar="FIELD=NAME", help="what it is for: model, version, monitor, metric, column, segment")
    told = "warning, critical, kind, min_rows, window, enabled …"
    edit.add_argument("--set", nargs="+", action="extend", required=True, metavar="FIELD=VALUE", help=told)
    one = add(_export, "thresholds export", "what people set, as YAML to review", "-o rules.yaml")
    one.add_argument("-o", "--output", metavar="FILE")
    apply = add(_apply, "thresholds apply", "make a YAML file of rules the ones in force", "rules.yaml --reason 'PR 12'")
    text = "keep what others changed since the file was exported, and change on top of it what the file changes"
    apply.add_argument("--on-top", action="store_true", help=text)
    differ = add(_diff, "thresholds diff", "what applying a file would change", "rules.yaml")
    differ.add_argument("--format", choices=("text", "csv", "json"), default="text")
    for one in (apply, differ):
        one.add_argument("file", metavar="FILE", help=FILE)
    for one in (edit, apply):
        one.add_argument("--reason", required=True, help="kept in the history")
        one.add_argument("--ahead", action="store_true", help="also for columns, versions and segments that the store has not seen yet")


def _declare_history(add: Add) -> None:
    one = add(_history, "thresholds history", "who changed which threshold, when, from what to what, and why", "--format csv")
    one.add_argument("--format", choices=("text", "csv", "json"), default="text")
    one = add(_restore, "thresholds restore", "go back to the rules as they were after an edit", "3 --reason 'the week of the outage is over'")
    one.add_argument("edit", type=int, metavar="EDIT", help="its number, as `thresholds history` shows it; 0 is before all")
    one.add_argument("--reason", required=True, help="kept in the history")


def _show(store: Store, asked: argparse.Namespace) -> int:
    shown = (*rulebook.defaults(), *run.overrides(store)) if not asked.overrides else run.overrides(store)
    print(rulebook.dump(shown), end="")
    return 0


def _export(store: Store, asked: argparse.Namespace) -> int:
    output.write_text(edits.exported(run.edits(store)), asked.output)
    return 0


def _set(store: Store, asked: argparse.Namespace) -> int:
    fields = output.pairs([*asked.scope, *asked.set], "metric=psi or warning=0.2")
    past = run.edits(store)
    overrides = rulebook.saved(past)
    rule = rulebook.rule(fields, "thresholds set", overrides)
    _check_names(store, [rule], asked.ahead, warn=False)
    run.save_overrides(store, rulebook.with_override(overrides, rule), asked.reason, based_on=_last(past))
    print(f"Set {', '.join(f'{k} {edits.text(k, v)}' for k, v in rule.changes.items())} for {scope_text(rule)}.")
    return 0


def _apply(store: Store, asked: argparse.Namespace) -> int:
    text = output.read_text(asked.file, FILE)
    wanted, past = rulebook.read(text, asked.file), run.edits(store)
    current, base = rulebook.saved(past), edits.basis(text)
    body = edits.body(text)
    if base is not None and base < _last(past):
        if not asked.on_top:
            told = edits.since(past, base)
            raise BadInput(f"{asked.file} was exported as of edit {base}. Since then: {told} Nothing was applied. "
                           "Give --on-top to keep that and add what the file changes, or export and edit anew.")  # fmt: skip
        wanted = edits.on_top(edits.state(past, base), wanted, current)
        rulebook.read(rulebook.dump(wanted), f"{asked.file} on top of edit {_last(past)}")  # together they must make sense too
        body = ""
    _check_names(store, wanted, asked.ahead, warn=True)
    if (body or rulebook.dump(wanted)) == (str(past["rules"].iloc[0]) if len(past) else "[]\n"):
        print(f"{asked.file} holds the rules in force; nothing was changed.")
        return 0
    edit = run.save_overrides(store, wanted, asked.reason, based_on=_last(past), text=body)
    print(f"Applied {len(wanted)} rules from {asked.file}, edit {edit}.")
    return 0


def _last(past: pd.DataFrame) -> int:
    return 0 if past.empty else int(past["edit"].max())


def _check_names(store: Store, rules: Sequence[Rule], ahead: bool, *, warn: bool) -> None:
    """Refuse rules about what was never measured; with `warn`, those of a model that has no data yet are only told."""
    if ahead:
        return
    for _, told, has_data in rulebook.strangers(rules, run_rules.names(store)):
        if has_data or not warn:
            raise BadInput(f"{told} {YET_TO_COME}")
        print(f"vigia: {told}", file=sys.stderr)


def _diff(store: Store, asked: argparse.Namespace) -> int:
    wanted = rulebook.read(output.read_text(asked.file, FILE), asked.file)
    found = edits.differences(run.overrides(store), wanted)
    if asked.format != "text":
        output.write(found[["rule", "field", "before", "after"]], asked.format, None)
        return 0
    for _, told, _ in rulebook.strangers(wanted, run_rules.names(store)):
        print(f"vigia: {told}", file=sys.stderr)
    for rule, fields in found.groupby("rule", sort=False):
        print(f"{rule}\n" + "\n".join(f"  {row.field}: {row.before} → {row.after}" for row in fields.itertuples()))
    if found.empty:
        print(f"{asked.file} holds the rules in force; applying it would change nothing.")
    return 0


def _history(store: Store, asked: argparse.Namespace) -> int:
    told = edits.history(run.edits(store))
    if asked.format != "text":
        output.write(told.drop(columns="scope"), asked.format, None)
        return 0
    for edit, fields in told.groupby("edit", sort=False):
        first = fields.iloc[0]
        print(f"edit {edit}, {pd.Timestamp(first['edited_at']):%Y-%m-%d %H:%M} UTC, {first['author']}: {first['reason'] or 'no reason given'}")
        for row in fields.dropna(subset=["field"]).itertuples():
            print(f"  {row.field} of {row.rule}: {row.before} → {row.after}")
    if told.empty:
        print("Nobody has changed a threshold yet.")
    return 0


def _restore(store: Store, asked: argparse.Namespace) -> int:
    past = run.edits(store)
    wanted = edits.state(past, asked.edit)
    different = edits.differences(rulebook.saved(past), wanted)
    if different.empty:
        print(f"The rules are as they were after edit {asked.edit} already; nothing was changed.")
        return 0
    edit = run.save_overrides(store, wanted, asked.reason, based_on=_last(past), text=edits.text_of(past, asked.edit))
    print(f"The rules are as they were after edit {asked.edit} again, by edit {edit}:")
    for row in different.itertuples():
        print(f"  {row.field} of {row.rule}: {row.before} → {row.after}")
    return 0


def _backtest(store: Store, asked: argparse.Namespace) -> int:
    if asked.model is not None:
        run.check_model(store, asked.model)
    if asked.fail_above is not None and asked.fail_above < 0:
        raise BadInput(f"--fail-above {asked.fail_above}: expected a number of alerts from 0.")
    wanted = rulebook.read(output.read_text(asked.rules, FILE), asked.rules)
    against = _against(store, asked.against)
    names = (asked.against if asked.against not in ("saved", "defaults") else f"the {asked.against} rules", Path(asked.rules).name)
    touched = proposals.touched(against, wanted)
    found = [_outcome(store, model, (against, wanted), touched, asked) for model in ([asked.model] if asked.model else models(store))]
    told = [one for one in found if one is not None]
    if asked.format == "json":
        gained = sum(one.counts["gained"] for one in told)
        shown = {"rules": names[1], "against": names[0], "gained": gained, "models": [proposals.plain(one) for one in told]}
        output.write_text(json.dumps(shown, ensure_ascii=False) + "\n", asked.output)
    else:
        made = proposals.markdown(told, names) if asked.format == "markdown" else proposals.text(told, names) + "\n"
        output.write_text(made, asked.output)
    gained = sum(one.counts["gained"] for one in told)
    if asked.fail_above is not None and gained > asked.fail_above:
        print(f"vigia: {gained} new alerts, more than the {asked.fail_above} of --fail-above.", file=sys.stderr)
        return 1
    return 0


def _against(store: Store, what: str) -> tuple[Rule, ...]:
    if what == "saved":
        return run.overrides(store)
    return () if what == "defaults" else rulebook.read(output.read_text(what, f"`saved`, `defaults` or {FILE}"), what)


def _outcome(
    store: Store, model: str, sides: tuple[Sequence[Rule], Sequence[Rule]], touched: Sequence[Rule], asked: argparse.Namespace
) -> proposals.Outcome | None:
    served = run.versions(store, model)
    if served.empty:
        return None
    first, last = served["first"].min(), served["last"].max()
    since = first if asked.since is None else max(first, pd.Timestamp(asked.since))
    before, after = ((*rulebook.defaults(), *rules) for rules in sides)
    found = run.alerts_under(store, before, model=model, since=asked.since)
    # Of what no differing rule is about, the second side gives what the first gave: reading is what costs.
    metrics = None if any(rule.metric is None for rule in touched) else {str(rule.metric) for rule in touched}
    moved = run.alerts_under(store, after, model=model, since=asked.since, metrics=metrics)
    kept = found[:0] if metrics is None else found[~found["metric"].isin(metrics)]
    return proposals.outcome(model, (since, max(since, last)), (found, pd.concat([kept, moved], ignore_index=True)), touched)
