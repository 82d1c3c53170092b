"""Rules as people write them: YAML in and out, the defaults, the overrides. Every refusal names the origin and the line."""

import functools
import importlib.resources
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import yaml
from pydantic import ValidationError

from data.errors import BadInput, near
from monitors import plain_yaml
from monitors import rules as r
from monitors.rules import Rule

Known = dict[str, tuple[str, ...]]  # monitor → its metrics


@functools.cache
def defaults() -> tuple[Rule, ...]:
    """The rules of defaults/*.yaml. A metric that has none cannot be judged, so these are also the list of what may be judged."""
    files = [one for one in (importlib.resources.files("monitors") / "defaults").iterdir() if one.name.endswith(".yaml")]
    # Drift first: it keeps the plain name of a metric that others have too, and the page of thresholds begins with psi.
    ordered = sorted(files, key=lambda one: (one.name != "drift.yaml", one.name))
    return tuple(rule for one in ordered for rule, _ in _parsed(one.read_text(encoding="utf-8"), f"defaults/{one.name}"))


@functools.cache
def known() -> Known:
    """Monitor → metrics that rules may name."""
    metrics: Known = {}
    for rule in defaults():
        if rule.monitor and rule.metric not in (None, *metrics.get(rule.monitor, ())):
            metrics[rule.monitor] = (*metrics.get(rule.monitor, ()), str(rule.metric))
    return metrics


def read(text: str, origin: str) -> tuple[Rule, ...]:
    """The overrides in a YAML text.

    Parameters
    ----------
    text : a list of rules, each a mapping of the fields of `Rule`; empty for none.
    origin : what to call the text in a refusal, a file's name for one.

    Raises
    ------
    BadInput : not a list of rules; a field, metric or monitor that is not known; a value that makes no sense, also together with
        what the rule inherits. Names the origin and the line.
    """
    parsed = _parsed(text, origin)
    rules = tuple(rule for rule, _ in parsed)
    scopes: dict[tuple[tuple[str, str], ...], int] = {}
    for rule, lines in parsed:
        first = scopes.setdefault(tuple(rule.scope.items()), lines[""])
        if first != lines[""]:
            about = r.scope_text(rule)
            raise BadInput(f"{origin}, line {lines['']}: {about} has a rule in line {first} already. Make one of the two.")
        _check(rule, (*defaults(), *rules), origin, lines)
    return rules


def rule(fields: Mapping[str, Any], origin: str, overrides: Sequence[Rule] = ()) -> Rule:
    """One override from its fields, checked like one in a file, beside the `overrides` in force: for a form or a command line.

    Raises
    ------
    BadInput : as `read`, without a line.
    """
    made = _built(fields, origin, {})
    _check(made, (*defaults(), *r.merged(overrides, made)), origin, {})
    return made


def with_override(overrides: Sequence[Rule], override: Rule) -> tuple[Rule, ...]:
    """The overrides with one more; fields merge into one of the same scope.

    Raises
    ------
    BadInput : some rule would make no sense with what it inherits then.
    """
    result = r.merged(overrides, override)
    for one in result:
        _check(one, (*defaults(), *result), r.scope_text(one), {})
    return result


def without_override(overrides: Sequence[Rule], **scope: str) -> tuple[Rule, ...]:
    """The overrides less the one with exactly this scope: back to what it overrode."""
    return tuple(rule for rule in overrides if rule.scope != scope)


def resolve(rules: Sequence[Rule], *, segment: str = "all", **scope: str | None) -> Rule:
    """The rule in force for one series, every field filled in; `model_fields_set` tells which fields some rule named.

    Parameters
    ----------
    rules : the defaults, then the overrides.
    segment, scope : model, version, monitor, metric, column. Rules that name a field which is not given do not match.
    """
    return r.effective(r.in_order(rules, defaults()), scope | {"segment": segment})


def dump(rules: Sequence[Rule]) -> str:
    """The rules as YAML, with the fields that they name and no others; `read` gives the same rules back."""
    listed = [rule.scope | {field: _written(field, value) for field, value in rule.changes.items()} for rule in rules]
    return plain_yaml.dump(listed) if listed else "[]\n"


def saved(edits: pd.DataFrame) -> tuple[Rule, ...]:
    """The overrides as of the last edit. Each row of `edits` (columns edit, rules, …) holds all overrides as YAML in `rules`."""
    if edits.empty:
        return ()
    keys = [column for column in ("edit", "edited_at") if column in edits]
    last = edits.sort_values(keys, kind="stable").iloc[-1]
    return read(str(last["rules"]), f"threshold edit {last['edit']}")


def strangers(rules: Sequence[Rule], names: pd.DataFrame) -> list[tuple[Rule, str, bool]]:
    """Rules about what the store has never seen.

    Parameters
    ----------
    names : model, version, column and segment of all that was measured, each combination once.

    Returns
    -------
    (rule, sentence, whether its model has data): misspelt names mostly where it has, what is yet to come where it has not.
    """
    found = []
    for rule in rules:
        of_model = names if rule.model is None else names[names["model"] == rule.model]
        if rule.model is not None and of_model.empty:
            told = near(rule.model, sorted(names["model"].unique()))
            found.append((rule, f'{r.scope_text(rule)}: the store has no model "{rule.model}". {told}'.rstrip(), False))
            continue
        for field in ("column", "version", "segment"):
            name = getattr(rule, field)
            if name is not None and name not in set(of_model[field]):
                whose = rule.model or "any model"
                told = near(name, sorted(filter(None, of_model[field].unique())))
                found.append((rule, f'{r.scope_text(rule)}: no {field} "{name}" of {whose} was measured. {told}'.rstrip(), len(of_model) > 0))
    return found


def _written(field: str, value: Any) -> Any:
    if field == "for_windows":
        return value[0] if value[0] == value[1] else f"{value[0]} of {value[1]}"
    return value


def _parsed(text: str, origin: str) -> list[tuple[Rule, dict[str, int]]]:
    """Each rule with the line of each of its fields; "" is the line where it begins."""
    try:
        root = yaml.compose(text, Loader=plain_yaml.Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise BadInput(f"{origin}{where}: this is not YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise BadInput(f"{origin}: this is not YAML: {str(error).splitlines()[0]}.") from error
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise BadInput(f"{origin}, line {root.start_mark.line + 1}: expected a list of rules, each beginning with a dash.")
    return [_parsed_rule(node, origin) for node in root.value]


def _parsed_rule(node: yaml.Node, origin: str) -> tuple[Rule, dict[str, int]]:
    start = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise BadInput(f"{origin}, line {start}: expected a rule, that is fields like `metric: psi`.")
    fields: dict[str, Any] = {}
    lines = {"": start}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in fields:
            raise BadInput(f"{origin}, line {line}: `{name}` stands in line {lines[name]} of the same rule already. Keep one.")
        fields[name], lines[name] = _plain(value), line
    return _built(fields, origin, lines), lines


def _plain(node: yaml.Node) -> Any:
    """Texts as written, so that a column called `on`, a version `1e5` or `1_000` keep their names; None, lists."""
    if isinstance(node, yaml.ScalarNode):
        return None if node.tag == "tag:yaml.org,2002:null" else node.value
    return [_plain(part) for part in node.value] if isinstance(node, yaml.SequenceNode) else {}


def _built(fields: Mapping[str, Any], origin: str, lines: Mapping[str, int]) -> Rule:
    for name in fields:
        if name not in Rule.model_fields:
            raise BadInput(f"{_at(origin, lines, name)}: `{name}` is not a field of a rule. {near(name, Rule.model_fields)}")
    try:
        return Rule(**{name: value for name, value in fields.items() if value is not None or name not in r.SCOPE})
    except ValidationError as error:
        wrong = error.errors()[0]
        name = str(wrong["loc"][0])
        cause = wrong.get("ctx", {}).get("error", f"expected a text, found {'fields' if fields[name] == {} else fields[name]}")
        raise BadInput(f"{_at(origin, lines, name)}: {name}: {cause}.") from error


def _check(rule: Rule, rules: Sequence[Rule], origin: str, lines: Mapping[str, int]) -> None:
    """Refuse a rule whose names nothing measures, or that makes no sense together with what it inherits."""
    monitors = known()
    if rule.monitor is not None and rule.monitor not in monitors:
        raise BadInput(f'{_at(origin, lines, "monitor")}: there is no monitor "{rule.monitor}". {near(rule.monitor, monitors)}')
    owners = [m for m, metrics in monitors.items() if rule.metric in metrics and rule.monitor in (None, m)]
    if rule.metric is not None and not owners:
        options = dict.fromkeys(x for m, metrics in monitors.items() if rule.monitor in (None, m) for x in metrics)
        of = f" of {rule.monitor}" if rule.monitor else ""
        raise BadInput(f'{_at(origin, lines, "metric")}: there is no metric "{rule.metric}"{of}. {near(rule.metric, options)}')
    scope = ({"monitor": owners[0]} if len(owners) == 1 else {}) | rule.scope
    wrong = r.problem(resolve(rules, **scope), own=rule.changes)
    if wrong:
        raise BadInput(f"{_at(origin, lines, wrong[0])}: {wrong[1]}.")


def _at(origin: str, lines: Mapping[str, int], field: str) -> str:
    line = lines.get(field, lines.get(""))
    return origin if line is None else f"{origin}, line {line}"
