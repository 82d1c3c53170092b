"""Which role each column seems to have, from its name, type and some of its values; with the reason, for a person to judge."""

import re
from collections.abc import Collection
from typing import Any

import pandas as pd

from data.outcomes import is_status

IDENTITY = (
    "inference_id",
    "prediction_id",
    "request_id",
    "event_id",
    "invocation_id",
    "identifier",
    "databricks_request_id",
    "_dc_sample_id",
    "uuid",
    "id",
)
NAMES = {
    "timestamp": (
        "timestamp", "ts", "event_time", "time", "datetime", "inference_time", "prediction_time", "predicted_at", "request_time",
        "logging_time", "created_at", "event_timestamp", "timestamp_ms", "zeit", "zeitpunkt", "zeitstempel", "date", "datum",
        "_dc_time", "occurrencetime",
    ),
    "inference_id": IDENTITY,
    "model_version": ("model_version", "version", "modelversion", "model_id", "deployed_model_id", "served_entity_id", "model"),
    "data_version": ("data_version", "dataversion", "feature_version", "dataset_version"),
    "code_version": ("code_version", "codeversion", "git_sha", "commit", "app_version"),
    "prediction": (
        "prediction", "y_pred", "predicted", "pred", "y_hat", "yhat", "predicted_label", "output", "_dc_prediction", "vorhersage",
    ),
    "score": (
        "score", "probability", "y_pred_proba", "proba", "y_score", "predicted_probability", "prediction_score", "prob",
        "confidence", "y_prob",
    ),
    "label_time": ("label_time", "label_timestamp", "labeled_at", "labelled_at", "target_time", "feedback_time"),
    "label": (
        "label", "target", "y_true", "actual", "ground_truth", "groundtruth", "y", "outcome", "clf_target", "_dc_label", "ziel",
    ),
    "status": (
        "http_status", "http_status_code", "status_code", "response_status", "response_code", "grpc_status", "grpc_code",
        "request_status", "status", "success", "is_success", "failed", "is_failed", "error", "is_error", "has_error", "timed_out",
        "timeout",
    ),
}  # fmt: skip
LATENCY = re.compile(r"(^|_)(latency|duration|elapsed|response_time|execution_time)(_|$)|^(latency|duration)")
MILLISECONDS = re.compile(r"_?(ms|millis|milliseconds|time_ms)$|^latency")
SEGMENTS = (
    "region",
    "country",
    "segment",
    "channel",
    "origin",
    "market",
    "tier",
    "platform",
    "device",
    "gender",
    "sex",
    "customer_type",
    "model",
    "model_name",
    "land",
    "kanal",
)
PROBABILITY = re.compile(r"^(prob|proba|probability|p)_(.+)$|^(.+)_(prob|proba|probability)$")
CODES = re.compile(r"(^|_)(zip|zipcode|plz|postal|postcode|postal_code|zip_code|phone|phone_number|iban)$")
TIME_TEXT = re.compile(
    r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})|"
    r"\d{1,2}(\. |[ /-])[^\W\d_]{3,9}[ /-]\d{2,4}|[^\W\d_]{3,9} \d{1,2},? \d{4})"
    r"([T ,:].*)?\s*"
)
IMPORTANCE = re.compile(r"importance_(.+)", re.IGNORECASE)
ID = re.compile(r"(?i:_id)|[a-z0-9]I[dD]")
# What nested objects are called that hold what a request was and what came of it, not the inputs: meta.request_id, out.score.
WRAPPERS = (
    "meta", "metadata", "event", "context", "request", "response", "output", "outputs", "out", "prediction", "predictions", "result",
    "results", "model",
)  # fmt: skip
FEW = 50  # distinct values at most in a column that divides rows into segments
FEW_CLASSES = 20  # distinct whole numbers at most in a prediction or label of classes


def assign(columns: dict[str, str], sample: pd.DataFrame, outputs: Collection[str] = ()) -> tuple[dict[str, Any], dict[str, str]]:
    """Roles as a plain dict, and column → reason. Each single role takes the column whose name stands first in its list.

    `outputs` are columns of which is known that the model made them, so none of them is a feature.
    """
    roles: dict[str, Any] = {"latency": [], "segments": [], "features": [], "ignored": [], "types": {}}
    reasons: dict[str, str] = {}
    for role, names in NAMES.items():
        column, reason = _named(role, names, columns, sample, reasons)
        if column is not None:
            roles[role], reasons[column] = column, reason
    if "inference_id" not in roles:
        ids = [c for c in columns if c not in reasons and ID.search(c[-3:]) and _is_key(_values(sample, c))]
        if len(ids) == 1:
            roles["inference_id"], reasons[ids[0]] = ids[0], "an id by its name, and its values differ from row to row"
    roles["probabilities"] = group = _probabilities(columns, sample, reasons)
    reasons |= dict.fromkeys(group, f"one of {len(group)} probabilities: so named, and in each row they add up to 1")
    made = [column for column in outputs if column in columns and column not in reasons]
    reasons |= {column: _output(column, columns[column], sample, roles, alone=len(made) == 1) for column in made}
    for column, kind in columns.items():
        if column not in reasons:
            reasons[column] = _rest(column, kind, sample.get(column), roles)
    for role in ("prediction", "label"):
        if (column := roles.get(role)) is not None:
            roles["types"][column] = target_type(columns[column], sample.get(column))
    return {key: value for key, value in roles.items() if value}, reasons


def _named(
    role: str, names: tuple[str, ...], columns: dict[str, str], sample: pd.DataFrame, taken: dict[str, str]
) -> tuple[str | None, str]:
    free = [column for column in reversed(columns) if column not in taken]
    nested = [] if role == "label" else [c for c in free if "." in c and _plain(c.split(".")[0]) in WRAPPERS]
    for called in {_bare(c): c for c in free}, {_bare(c.rpartition(".")[2]): c for c in nested}:
        for column in (called[bare] for bare in map(_bare, names) if bare in called):
            if (found := _found(role, column, columns[column], _values(sample, column))) is not None:
                return column, f'named "{column}"{found}'
    return (None, "") if role != "timestamp" else _only_time(columns, sample, taken)


def _found(role: str, column: str, kind: str, values: pd.Series) -> str | None:
    """What the values of a column that is called like a role add to that; None where they speak against it."""
    if role in ("timestamp", "label_time"):
        return ", and its values read as times" if _is_time(kind, values) else None
    if role == "score":
        numbers = pd.to_numeric(values, errors="coerce").dropna()
        numbers = numbers[numbers.abs() != float("inf")]
        inside = bool(len(numbers)) and float(numbers.between(0, 1).mean()) > 0.5
        return None if not _is_number(kind) else ", and its values lie in [0, 1]" if inside else ", and its values are numbers"
    if role == "inference_id":
        return ", and its values differ from row to row" if _nearly_distinct(values) else None
    if role.endswith("_version"):
        return "" if values.nunique() <= max(FEW, 0.1 * len(values)) else None
    if role == "status":
        return ", and its values say whether a request failed" if is_status(values, _plain(column)) else None
    return ""


def _only_time(columns: dict[str, str], sample: pd.DataFrame, taken: dict[str, str]) -> tuple[str | None, str]:
    times = [
        c
        for c in columns
        if c not in taken and _plain(c) not in NAMES["label_time"] and _is_time(columns[c], _values(sample, c), strict=True)
    ]
    return (times[0], "the only column whose values read as times") if len(times) == 1 else (None, "")


def _probabilities(columns: dict[str, str], sample: pd.DataFrame, taken: dict[str, str]) -> list[str]:
    """The columns that are called alike (`prob_a`, `prob_b`; `a_proba`, `b_proba`) and add up to 1 in nearly every row."""
    groups: dict[str, list[str]] = {}
    for column, kind in columns.items():
        found = PROBABILITY.match(_plain(column))
        if found and column not in taken and _is_number(kind) and column in sample:
            groups.setdefault(f"{found[1]} {found[4]}", []).append(column)
    found_groups = [names for names in groups.values() if len(names) > 1 and _add_up(sample[names])]
    return max(found_groups, key=len, default=[])


def _add_up(values: pd.DataFrame) -> bool:
    numbers = values.apply(pd.to_numeric, errors="coerce").dropna()
    return bool(len(numbers)) and float(((numbers.sum(axis=1) - 1).abs() < 0.001).mean()) > 0.9


def _output(column: str, kind: str, sample: pd.DataFrame, roles: dict[str, Any], alone: bool) -> str:
    """Puts a column that the model made, and whose name tells nothing, where it is looked at; gives the reason."""
    if alone and not {"prediction", "score"} & roles.keys():
        numbers = pd.to_numeric(_values(sample, column), errors="coerce").dropna()
        is_score = _is_number(kind) and bool(numbers.between(0, 1).all()) and bool((numbers != numbers.round()).any())
        roles["score" if is_score else "prediction"] = column
        return "the model's output" + (", and its values lie in [0, 1]" if is_score else "")
    roles.setdefault("watched" if _is_number(kind) else "ignored", []).append(column)
    return "one of the model's outputs"


def _rest(column: str, kind: str, values: pd.Series | None, roles: dict[str, Any]) -> str:
    """Puts a column that no single role took among latencies, segments, features or ignored; gives the reason."""
    plain = _plain(column)
    seen = values.dropna() if values is not None else pd.Series(dtype=object)
    if LATENCY.search(plain) and MILLISECONDS.search(plain) and _is_number(kind):
        roles["latency"].append(column)
        return "a duration in milliseconds, by its name"
    if _is_time(kind, seen, strict=True):
        roles["ignored"].append(column)
        return "its values are times, but another column is the timestamp"
    if plain in ("index", "unnamed: 0") or ((plain in IDENTITY or ID.search(column[-3:])) and _is_key(seen)):
        roles["ignored"].append(column)
        return "a number of the row, by its name and values"
    if not _is_number(kind):
        return _text(column, plain, seen, roles)
    if importance_of(column) is not None:
        roles["ignored"].append(column)
        return "how much the model looked at an input, by its name"
    roles["features"].append(column)
    is_code = bool(CODES.search(plain))
    if kind != "NULL":
        roles["types"][column] = "category" if is_code else "number"
    return "a code by its name, so kept as text" if is_code else "a number without another role"


def _text(column: str, plain: str, seen: pd.Series, roles: dict[str, Any]) -> str:
    distinct = int(seen.nunique())
    if len(seen) >= 20 and distinct > 0.9 * len(seen):
        roles["ignored"].append(column)
        return f"free text: {distinct:,} different values in {len(seen):,} rows"
    roles["features"].append(column)
    roles["types"][column] = "category"
    if plain in SEGMENTS and 1 <= distinct <= FEW:
        roles["segments"].append(column)
        return f'a text with {distinct} values whose name, "{column}", divides rows into groups'
    return f"a text with {distinct:,} different values"


def importance_of(column: str) -> str | None:
    """The input whose importance a column tells by its name, else None."""
    found = IMPORTANCE.fullmatch(column.strip())
    return found[1] if found else None


def target_type(kind: str, values: pd.Series | None) -> str:
    """Classes are texts, booleans or few whole numbers, small ones or such as come again; anything else is a number to be hit."""
    if not _is_number(kind):
        return "category"
    numbers = pd.to_numeric(values, errors="coerce").dropna() if values is not None else pd.Series(dtype=float)
    whole, distinct = bool((numbers == numbers.round()).all()), numbers.nunique()
    # The prices 300, 150, 210 and 95 of a log of four rows are no classes.
    like_classes = distinct < len(numbers) or bool(numbers.between(-1, FEW_CLASSES).all())
    return "category" if whole and distinct <= FEW_CLASSES and like_classes else "number"


def _plain(name: str) -> str:
    return re.sub(r"[\s.-]+", "_", name.strip().casefold())


def _bare(name: str) -> str:
    """request_id, requestId and RequestID are one name."""
    return _plain(name).replace("_", "")


def _values(sample: pd.DataFrame, column: str) -> pd.Series:
    return sample[column].dropna() if column in sample else pd.Series(dtype=object)


def _is_number(kind: str) -> bool:
    return kind in ("DOUBLE", "FLOAT", "NULL") or kind.startswith("DECIMAL") or ("INT" in kind and kind != "INTERVAL")


def _is_time(kind: str, values: pd.Series, strict: bool = False) -> bool:
    """`strict`: whole numbers, which may be seconds since 1970, do not count."""
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return True
    if kind == "VARCHAR":
        texts = values.astype(str).head(1000)
        return bool(len(texts)) and float(texts.map(lambda t: bool(TIME_TEXT.fullmatch(t))).mean()) > 0.5
    if strict or not _is_number(kind):
        return False
    numbers = pd.to_numeric(values, errors="coerce").dropna()
    epochs = sum(numbers.between(631_152_000 * unit, 4_102_444_800 * unit) for unit in (1, 10**3, 10**6, 10**9))
    dates = numbers.between(19_000_101, 21_001_231) | numbers.between(19_000_101_000_000, 21_001_231_235_959)
    return bool(len(numbers)) and float(((epochs > 0) | dates).mean()) > 0.5


def _is_key(values: pd.Series) -> bool:
    return len(values) > 1 and _nearly_distinct(values)


def _nearly_distinct(values: pd.Series) -> bool:
    return not len(values) or float(values.nunique()) > 0.9 * len(values)
