"""Tasks: what kind of answer a model gives, and which class a label, a prediction or a column of probabilities stands for.

Roles may say it (`task`, `positive`); else it is told from the values of the labels, of reference and log, and of the predictions.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from data.bins import Source
from data.roles import Roles
from data.sql import literal, quote
from data.store import Connection

MOST = 50  # classes; a model of more is not measured
FEW = 20  # distinct whole numbers that still are classes
LISTED = 1000  # distinct values that are looked at; more are none but numbers or texts
POSITIVE = ("1", "true", "yes", "y", "t", "positive", "pos")  # in any case; else the positive class is the greater in order
OPPOSITE = {"0": "1", "false": "true", "no": "yes", "n": "y", "f": "t", "negative": "positive", "neg": "pos"}
OPPOSITE |= {yes: no for no, yes in OPPOSITE.items()}
SAME = (("0", "false"), ("1", "true"))  # a model may answer true where the label is 1


@dataclass(frozen=True, slots=True)
class Task:
    """What kind a model is of: binary, multiclass or regression; '' with a `reason` if it cannot be measured.

    `classes` in their order, numbers by size; `counted` those that get rows of their own: of two, the positive one. `scores` are the columns
    of their probabilities, () for none. `scored` says that the prediction itself is a probability. `spellings` holds (value, class).
    """

    kind: str
    classes: tuple[str, ...] = ()
    positive: str = ""
    scores: tuple[str, ...] = ()
    scored: bool = False
    spellings: tuple[tuple[str, str], ...] = ()
    reason: str = ""

    @property
    def counted(self) -> tuple[str, ...]:
        return (self.positive,) if self.kind == "binary" else self.classes if self.kind == "multiclass" else ("",)


@dataclass(frozen=True, slots=True)
class Seen:
    """The values of a column in all tables that have it: their distinct texts, up to LISTED + 1, and what numbers are like."""

    texts: frozenset[str] = frozenset()
    number: bool = False
    fractions: bool = False
    shares: bool = False  # all within [0, 1]
    many: bool = False  # more values than were listed


def find(cursor: Connection, roles: Roles, sources: Iterable[Source]) -> Task:
    """The task of a model, by its roles and by the values in `sources`: log, labels and reference as they lie in the store."""
    tables = list(sources)
    label, prediction = (seen(cursor, name, tables) for name in (roles.label, roles.prediction))
    columns = {name for one in tables for name in one.types}
    return decide(roles, label, prediction, [c for c in (roles.score, *roles.probabilities) if c in columns])


def seen(cursor: Connection, column: str | None, sources: list[Source]) -> Seen:
    """What values a column has; nothing for a column that no table has."""
    own = [source for source in sources if column in source.types]
    if column is None or not own:
        return Seen()
    number = all(source.types[column] == "DOUBLE" for source in own)
    x = quote(column)
    values = " UNION ALL ".join(f"SELECT {x if number else f'CAST({x} AS VARCHAR)'} AS x FROM {source.rows}" for source in own)
    like = "count_if(isfinite(x) AND x % 1 <> 0) > 0, coalesce(bool_and(x BETWEEN 0 AND 1) FILTER (isfinite(x)), false)"
    facts = cursor.execute(f"SELECT approx_count_distinct(x), {like if number else 'false, false'} FROM ({values})").fetchone()
    many, fractions, shares = facts or (0, False, False)
    if many > 2 * LISTED or fractions:
        return Seen(frozenset(), number, fractions, shares, True)
    kept = "isfinite(x)" if number else "x IS NOT NULL"
    rows = cursor.execute(f"SELECT DISTINCT x FROM ({values}) WHERE {kept} LIMIT {LISTED + 1}").fetchall()
    texts = frozenset(class_text(value) for (value,) in rows) if number else frozenset(value for (value,) in rows)
    return Seen(texts, number, False, shares, len(texts) > LISTED)


def class_text(value: str | float) -> str:
    """A class as people write it: 1 for 1.0 and "1.0", true for True."""
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else repr(value)
    if re.fullmatch(r"[+-]?[0-9]+\.0*", value):
        return value.partition(".")[0].removeprefix("+")
    return value.casefold() if value.casefold() in ("true", "false") else value


def decide(roles: Roles, label: Seen, prediction: Seen, probabilities: list[str]) -> Task:
    """The task, by the roles and by what the values are like; `probabilities` are the columns of score and probabilities that are there."""
    if not (label.texts or label.many or prediction.texts or prediction.many or probabilities):
        return Task("", reason="there is neither a label nor a prediction or score")
    kind = roles.task or ("regression" if _is_regression(label, prediction, bool(probabilities)) else "")
    if kind == "regression":
        if (label.texts and not label.number) or not prediction.number:
            return Task("", reason="label and prediction of a regression have to be numbers: see `types` in roles.yaml")
        return Task("regression")
    if label.many:
        return Task("", reason=f"the label has more than {MOST} different values, and is no number that the model predicts")
    scored = prediction.number and prediction.fractions and prediction.shares and not probabilities
    labels, said = ({t: class_text(t) for t in one.texts} for one in (label, Seen() if scored else prediction))
    said |= {t: _alias(c, set(labels.values())) for t, c in said.items()}
    few = len({*labels.values(), *said.values()}) <= 2 or (len(set(labels.values())) == 2 and (scored or bool(probabilities)))
    if kind == "binary" or (not kind and few):
        return _binary(roles, labels, said, scored)
    classes = ordered({*labels.values(), *said.values()})
    if len(classes) > MOST:
        return Task("", reason=f"there are {len(classes):,} classes; up to {MOST} are measured")
    scores = matched(roles.probabilities, classes)
    return Task("multiclass", classes, scores=scores or (), spellings=tuple(sorted((labels | said).items())))


def _is_regression(label: Seen, prediction: Seen, probabilities: bool) -> bool:
    """Numbers that are no classes; where no label is there yet, predictions that are none."""
    if label.texts or label.many:
        whole = label.number and not label.fractions and not label.many and len(label.texts) <= FEW
        graded = whole and prediction.fractions and len(label.texts) > 2 and not probabilities  # stars from 1 to 5, predicted as 3.7
        return label.number and prediction.number and (not whole or graded)
    return prediction.number and not probabilities and (prediction.fractions or prediction.many or len(prediction.texts) > FEW)


def _alias(name: str, labels: set[str]) -> str:
    """A prediction's class by the label's name for it: true is 1 where labels are 0 and 1."""
    same = next((pair for pair in SAME if name in pair), ())
    return next((other for other in same if other in labels), name) if name not in labels else name


def _binary(roles: Roles, labels: Mapping[str, str], said: Mapping[str, str], scored: bool) -> Task:
    found = {*labels.values()} if len({*labels.values()}) > 1 else {*labels.values(), *said.values()}
    given = _alias(class_text(roles.positive), found) if roles.positive is not None else None
    if len(found) < 2:
        only = next(iter(found), "1")
        found = {only, given if given is not None and given != only else OPPOSITE.get(only.casefold(), f"not {only}")}
    classes = ordered(found)
    likely = [name for name in classes if name.casefold() in POSITIVE]
    positive = given if given is not None else likely[0] if likely else classes[-1]
    if positive not in classes:
        return Task("", reason=f'`positive` in roles.yaml is "{positive}", which no label is: {", ".join(classes)}')
    score = (roles.score,) if roles.score is not None else matched(roles.probabilities, (positive,)) or ()
    score = (roles.prediction,) if scored and roles.prediction is not None else score
    return Task("binary", classes, positive, score, scored, tuple(sorted((dict(labels) | dict(said)).items())))


def ordered(classes: Iterable[str]) -> tuple[str, ...]:
    """Classes in order: numbers by size, before texts by their letters."""

    def key(name: str) -> tuple[bool, float, str]:
        number = bool(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", name))
        return not number, float(name) if number else 0.0, name

    return tuple(sorted(set(classes), key=key))


def matched(columns: Iterable[str], classes: Iterable[str]) -> tuple[str, ...] | None:
    """The column of each class's probability: called like the class, or ending in `_<class>`; None unless all are found."""
    found: list[str] = []
    for name in (one.casefold() for one in classes):
        own = [c for c in columns if c.casefold() == name] or [c for c in columns if c.casefold().endswith(f"_{name}")]
        if not own:
            return None
        found.append(min(own, key=len))
    return tuple(found) if len(set(found)) == len(found) else None


def class_sql(task: Task, column: str, source: Source) -> str:
    """The place of a column's class in `task.classes`; -1 for a value that is none of them, null for none."""
    if column not in source.types:
        return "NULL::INTEGER"
    place = {name: i for i, name in enumerate(task.classes)}
    x = quote(column)
    if source.types[column] == "DOUBLE":
        known = {f"{float(text)!r}::DOUBLE": place[name] for text, name in task.spellings if name in place and _is_number(text)}
        cases = f"WHEN {x} IS NULL OR NOT isfinite({x}) THEN NULL "
    else:
        x = x if source.types[column] == "VARCHAR" else f"CAST({x} AS VARCHAR)"
        known = {literal(text): place[name] for text, name in task.spellings if name in place}
        cases = f"WHEN {x} IS NULL THEN NULL "
    cases += " ".join(f"WHEN {x} = {text} THEN {at}" for text, at in known.items())
    return f"(CASE {cases} ELSE -1 END)::INTEGER"


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?", text))
