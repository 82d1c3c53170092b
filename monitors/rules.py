"""A rule: when a value is too much. What a person may write in one, and how rules inherit from each other.

Rules are a flat tuple: `defaults()` first, then the overrides. Several may match one series; then each field is taken from the
most specific rule that names it, so an override changes what it names and inherits the rest.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

SCOPE = ("model", "version", "monitor", "metric", "column", "segment")
PRECEDENCE = ("column", "segment", "version", "model", "metric", "monitor")  # between scopes that name equally many fields
LIMITS = ("warning", "critical", "recover")
# Metrics that cannot leave [0, 1] (besides everything called `…_rate`), and those that may be negative; all others start at 0.
SHARES = (
    "js", "ks", "chi2", "hellinger", "linf", "constant", "accuracy", "precision", "recall", "f1", "roc_auc",
    "average_precision", "brier", "ece", "label_coverage", "missing_column", "new_column",
    "selection_ratio",
)  # fmt: skip
SIGNED = ("r2", "bias", "tpr_gap", "fpr_gap", "mae_gap")
Limit = float | tuple[float, float]


def _number(value: Any) -> float:
    """A finite number. `true` is none, although Python would count it as 1."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected a number, found {_shown(value)}. Write it like 0.25, with a point")
    return number


def _limit(value: Any) -> Limit | None:
    if value is None or not isinstance(value, list | tuple):
        return None if value is None else _number(value)
    if len(value) != 2:
        raise ValueError(f"expected a number or a pair [low, high], found {len(value)} values")
    low, high = _number(value[0]), _number(value[1])
    if low > high:
        raise ValueError(f"expected a pair [low, high], found {_text((low, high))}. Swap them")
    return low, high


def _whole(value: Any) -> int:
    number = _number(value)
    if number < 0 or number != int(number):
        raise ValueError(f"expected a whole number from 0, found {_shown(value)}")
    return int(number)


def _share(value: Any) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise ValueError(f"expected a share from 0 to 1, found {_shown(value)}")
    return number


def _runs(value: Any) -> tuple[int, int]:
    """`2` is two in a row, `2 of 3` two of the last three."""
    parts = value if isinstance(value, list | tuple) else re.split(r"\s+of\s+", str(value).strip())
    try:
        k, n = (int(parts[0]), int(parts[-1])) if len(parts) in (1, 2) else (0, 0)
    except ValueError:
        k, n = 0, 0
    if not 1 <= k <= n:
        raise ValueError(f'expected a number of windows like 2, or "2 of 3", found {_shown(value)}')
    return k, n


def _flag(value: Any) -> bool:
    known = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if str(value).lower() not in known:
        raise ValueError(f"expected true or false, found {_shown(value)}")
    return known[str(value).lower()]


def _one_of(*options: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        if value not in options:
            listed = ", ".join(f'"{o}"' for o in options[:-1]) + f' or "{options[-1]}"'
            raise ValueError(f"expected {listed}, found {_shown(value)}")
        return value

    return BeforeValidator(check)


def _words(value: Any) -> Any:
    return "" if value is None else value


class Rule(BaseModel):
    """One rule. The fields of its scope that are None match anything; the fields that it does not name are inherited."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = None
    version: str | None = None
    monitor: str | None = None
    metric: str | None = None
    column: str | None = None
    segment: str | None = None
    # None means that there is no such level; 0 is a level. A pair [low, high] goes with direction outside.
    warning: Annotated[Limit | None, BeforeValidator(_limit)] = None
    critical: Annotated[Limit | None, BeforeValidator(_limit)] = None
    # What warning, critical and recover are: values of the metric; quantiles (0 to 1) of the reference's own windows; how many of
    # their standard deviations from their mean (below it: negative); false discovery rates over the columns of a window.
    kind: Annotated[
        Literal["constant", "reference_quantile", "reference_std", "fdr"],
        _one_of("constant", "reference_quantile", "reference_std", "fdr"),
    ] = "constant"
    direction: Annotated[Literal["above", "below", "outside"], _one_of("above", "below", "outside")] = "above"
    window: Annotated[Literal["day", "week", "month"], _one_of("day", "week", "month")] = "day"
    min_rows: Annotated[int, BeforeValidator(_whole)] = 0  # with fewer rows a window is not judged: it neither raises nor clears
    min_coverage: Annotated[float, BeforeValidator(_share)] = 0.0  # likewise with a smaller share of rows that have their label
    above_noise: Annotated[bool, BeforeValidator(_flag)] = False  # a value beyond a limit must also be beyond `noise`,
    above_usual: Annotated[bool, BeforeValidator(_flag)] = False  # and beyond `usual`, where known: below them under a lower limit
    for_windows: Annotated[tuple[int, int], BeforeValidator(_runs)] = (1, 1)  # k of the last n judged, this one among them
    recover: Annotated[Limit | None, BeforeValidator(_limit)] = None  # an open alert is resolved when the value is back inside this
    enabled: Annotated[bool, BeforeValidator(_flag)] = True
    reason: Annotated[str, BeforeValidator(_words)] = ""
    source: Annotated[str, BeforeValidator(_words)] = ""

    # Asked for hundreds of times at every judging, so made once a rule: nothing may change these.
    @cached_property
    def scope(self) -> dict[str, str]:
        """The fields of the scope that it names."""
        return {field: getattr(self, field) for field in SCOPE if getattr(self, field) is not None}

    @cached_property
    def changes(self) -> dict[str, Any]:
        """The other fields that it names, in the order of the class."""
        return {f: getattr(self, f) for f in Rule.model_fields if f in self.model_fields_set and f not in SCOPE}

    @cached_property
    def strength(self) -> tuple[Any, ...]:
        """How specific it is, for sorting: the number of scope fields that it names, then which."""
        return len(self.scope), *(field in self.scope for field in PRECEDENCE)

    # pydantic leaves out which fields were named; but naming `warning: null` (no warning) is not the same as inheriting it.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and self.scope == other.scope and self.changes == other.changes

    def __hash__(self) -> int:
        return hash((tuple(self.scope.items()), tuple(self.changes.items())))


STRENGTH = attrgetter("strength")


def in_order(rules: Sequence[Rule], base: Sequence[Rule]) -> list[Rule]:
    """The rules from weakest to strongest. `base` (the defaults) at their beginning are weaker than all that follows."""
    split = len(base) if tuple(rules[: len(base)]) == tuple(base) else 0
    # A stable sort: a later rule wins among equals.
    return sorted(rules[:split], key=STRENGTH) + sorted(rules[split:], key=STRENGTH)


def effective(ordered: Iterable[Rule], scope: Mapping[str, str | None]) -> Rule:
    """The one rule in force for a scope: field by field from the strongest that matches; `ordered` from weak to strong."""
    fields: dict[str, Any] = {}
    for rule in ordered:
        if all(scope.get(field) == name for field, name in rule.scope.items()):
            fields |= rule.changes
    named = {field: name for field, name in scope.items() if name is not None}
    return Rule.model_construct(_fields_set=set(fields) | set(named), **(named | fields))


def merged(overrides: Sequence[Rule], override: Rule) -> tuple[Rule, ...]:
    """The overrides with one more. One of the same scope keeps its place, and the fields that the new one does not name."""
    for at, old in enumerate(overrides):
        if old.scope == override.scope:
            both = Rule.model_validate(old.scope | old.changes | override.changes)
            return *overrides[:at], both, *overrides[at + 1 :]
    return *overrides, override


def scope_text(rule: Rule) -> str:
    """In words, what a rule is about: `psi of temp in origin=EWR, v1 of flight-delay`; `everything` without a scope."""
    watched = " ".join(name for name in (rule.monitor, rule.metric) if name is not None)
    if rule.metric is None:
        watched = f"every metric of {rule.monitor}" if rule.monitor else "every metric" if rule.scope else "everything"
    where = f" of {rule.column}" if rule.column is not None else ""
    part = f" in {'all rows' if rule.segment == 'all' else rule.segment}" if rule.segment is not None else ""
    names = [name for name in (rule.version, rule.model) if name is not None]
    return watched + where + part + (", " + " of ".join(names) if names else "")


def problem(rule: Rule, own: Iterable[str] = LIMITS) -> tuple[str, str] | None:
    """What makes no sense in an effective rule: (field, sentence), else None. `own` are the fields that it does not inherit."""
    for field in LIMITS:
        value = getattr(rule, field)
        wrong = None if value is None else _misfit(rule, value)
        if wrong:
            return field, f"{field} {_text(value)}{wrong}"
    pairs = [("warning", "critical"), ("recover", "warning" if rule.warning is not None else "critical")]
    for inner, outer in pairs:
        first, then = getattr(rule, inner), getattr(rule, outer)
        if first is not None and then is not None and not _comes_first(rule, first, then):
            said = [f"{f} {_text(v)}{'' if f in own else ' (inherited)'}" for f, v in ((inner, first), (outer, then))]
            return inner if inner in own else outer, f"{said[0]} is on the far side of {said[1]}{_which_way(rule, inner, outer)}"
    return None


def _misfit(rule: Rule, value: Limit) -> str | None:
    """Why a limit does not go with the rule's direction, kind or metric."""
    pair = isinstance(value, tuple)
    if pair != (rule.direction == "outside" and rule.kind != "fdr"):
        return " is a pair, which is for direction outside only" if pair else ": direction outside takes a pair like [0.2, 0.8]"
    low, high = value if isinstance(value, tuple) else (value, value)
    if rule.kind == "reference_std":
        if (rule.direction == "above" and low < 0) or (rule.direction == "below" and high > 0):
            return f": standard deviations {rule.direction} the mean are written {'-' if rule.direction == 'below' else ''}3"
        return None
    if rule.kind != "constant":
        wanted = "a quantile" if rule.kind == "reference_quantile" else "a false discovery rate"
        return None if low >= 0 and high <= 1 else f": {wanted} lies between 0 and 1"
    least, most = bounds(rule.metric)
    if low < least or high > most:
        return f": {rule.metric} lies between 0 and 1" if most == 1 else f": {rule.metric} is never negative"
    return None


def bounds(metric: str | None) -> tuple[float, float]:
    """Least and greatest value that a metric can have; infinite where not known."""
    name = (metric or "").removeprefix("estimated_")
    if name in SHARES or name.endswith("_rate"):
        return 0.0, 1.0
    return (-math.inf if not name or name in SIGNED else 0.0), math.inf


def _comes_first(rule: Rule, inner: Limit, outer: Limit) -> bool:
    """Whether a value on its way out passes `inner` no later than `outer`."""
    low, high = inner if isinstance(inner, tuple) else (inner, inner)
    least, most = outer if isinstance(outer, tuple) else (outer, outer)
    if rule.kind == "fdr":
        return low >= least
    return (rule.direction == "above" or low >= least) and (rule.direction == "below" or high <= most)


def _which_way(rule: Rule, inner: str, outer: str) -> str:
    if rule.kind == "fdr":
        return f": with kind fdr {inner} is the higher. Change one of them"
    if rule.direction == "outside":
        return f": with direction outside {inner} lies within {outer}. Change one of them"
    which = "lower" if rule.direction == "above" else "higher"
    return f": with direction {rule.direction} {inner} is the {which}. Change one of them"


def _text(value: Limit) -> str:
    return f"[{value[0]:g}, {value[1]:g}]" if isinstance(value, tuple) else f"{value:g}"


def _shown(value: Any) -> str:
    return "nothing" if value is None else f'"{value}"' if isinstance(value, str) else str(value)
