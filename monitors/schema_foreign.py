"""schema_foreign: a schema in the words of others: TFDV's `schema.pbtxt` and SageMaker's `constraints.json`, both ways.

What one side has no word for is named, never dropped without one: each function gives notes beside its result.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from data.errors import BadInput
from monitors import schemas, textproto
from monitors.schema_yaml import less
from monitors.schemas import ENVIRONMENTS, Column, Edits, Schema
from monitors.textproto import Message, Word

FORMATS = {"yaml": ".yaml", "tfdv": ".pbtxt", "sagemaker": ".json"}
Fields = dict[str, dict[str, Any]]  # column → field → value
TFDV_TYPES = {"integer": "INT", "number": "FLOAT"}
GONE = ("PLANNED", "ALPHA", "DEPRECATED", "DEBUG_ONLY", "DISABLED")  # lifecycle stages that are not validated
SAGEMAKER_TYPES = {"integer": "Integral", "number": "Fractional", "category": "String", "boolean": "String", "text": "String"}


# ---- TFDV ----------------------------------------------------------------------------------------------------------------------


def to_tfdv(schema: Schema) -> tuple[str, tuple[str, ...]]:
    """schema.pbtxt (tensorflow_metadata.proto.v0.Schema), and what it cannot say."""
    features = [_tfdv_feature(column) for column in schema.columns.values() if column.name]
    notes = _table_notes(schema, "TFDV")
    uniques = [c.name for c in schema.columns.values() if c.unique]
    notes += [f"that {', '.join(uniques)} never stand twice: TFDV counts only how many values differ"] if uniques else []
    return textproto.write({"feature": features, "default_environment": ["TRAINING", "SERVING"]}), tuple(notes)


def _tfdv_feature(column: Column) -> Message:
    is_text = column.kind != "number"
    found: Message = {"name": [column.name], "type": [Word("BYTES" if is_text else TFDV_TYPES.get(column.type, "FLOAT"))]}
    if column.kind == "" and column.role == "latency":
        found["type"] = [Word("FLOAT")]
    if column.required_in:
        some = {"min_fraction": [1 - (column.null_share or 0.0)]} if column.null_share is None or column.null_share < 1 else {}
        found["presence"] = [{**some, "min_count": [1]}]
    found["shape" if not column.null_share else "value_count"] = [
        {"dim": [{"size": [1]}]} if not column.null_share else {"min": [1], "max": [1]}
    ]
    if column.kind == "number" and (column.min is not None or column.max is not None):
        whole = column.type == "integer"
        ends = {
            name: [int(end) if whole else float(end)]
            for name, end in (("min", column.min), ("max", column.max))
            if end is not None
        }
        found["int_domain" if whole else "float_domain"] = [ends]
    elif column.domain is not None:
        found["string_domain"] = [{"name": [column.name], "value": list(column.domain)}]
    absent = [e.upper() for e in ENVIRONMENTS if e not in column.required_in]
    if column.required_in and absent:
        found["not_in_environment"] = absent
    return found


def from_tfdv(text: str, origin: str) -> tuple[Fields, list[str]]:
    """Column → fields of a schema.pbtxt, and what could not be carried over."""
    whole = textproto.read(text, origin)
    if "feature" not in whole:
        raise BadInput(f"{origin}: no `feature {{ … }}` in it, so it is no TFDV schema.")
    kinds = ("string_domain", "int_domain", "float_domain")
    notes = [f"`{name}` of the schema" for name in whole if name not in ("feature", "default_environment", *kinds)]
    domains = {str(d["name"][0]): (kind, d) for kind in kinds for d in whole.get(kind, ()) if "name" in d}
    default = [str(e) for e in whole.get("default_environment", ("TRAINING", "SERVING"))]
    found: Fields = {}
    for feature in whole["feature"]:
        if not isinstance(feature, dict) or "name" not in feature:
            raise BadInput(f"{origin}: a `feature` without a name.")
        name = str(feature["name"][0])
        found[name], more = _tfdv_fields(feature, default, domains)
        notes += [f'"{name}": {note}' for note in more]
    return found, notes


def _tfdv_fields(
    feature: Message, default: list[str], domains: Mapping[str, tuple[str, Message]]
) -> tuple[dict[str, Any], list[str]]:
    fields: dict[str, Any] = {}
    notes: list[str] = []
    kind = str(feature.get("type", ["TYPE_UNKNOWN"])[0])
    of_kind = {"INT": "integer", "2": "integer", "FLOAT": "number", "3": "number", "BYTES": "category", "1": "category"}
    if kind in of_kind:
        fields["type"] = of_kind[kind]
    else:
        notes.append(f"type {kind}")
    _tfdv_presence(feature, default, fields, notes)
    _tfdv_domain(feature, domains, fields, notes)
    for name in ("skew_comparator", "drift_comparator"):
        for comparator in feature.get(name, ()):
            notes += _comparator(name, comparator, str(feature["name"][0]))
    one_value: tuple[Message, ...] = (
        {"dim": [{"size": [1]}]},
        {"dim": []},
        {},
        {"min": [1], "max": [1]},
        {"min": [1]},
        {"max": [1]},
    )
    for name in ("shape", "value_count"):
        if name in feature and feature[name][0] not in one_value:
            notes.append(f"`{name}`: a column holds one value a row here")
    known = ("name", "type", "presence", "shape", "value_count", "domain", "int_domain", "float_domain", "string_domain", "bool_domain",
             "skew_comparator", "drift_comparator", "in_environment", "not_in_environment", "lifecycle_stage", "deprecated")  # fmt: skip
    notes += [f"`{name}`" for name in feature if name not in known]
    return fields, notes


def _tfdv_presence(feature: Message, default: list[str], fields: dict[str, Any], notes: list[str]) -> None:
    present = {*default, *map(str, feature.get("in_environment", ()))} - set(map(str, feature.get("not_in_environment", ())))
    others = sorted(e for e in present if e.lower() not in ENVIRONMENTS)
    if others and "in_environment" in feature:
        notes.append(f"environment {', '.join(others)}: only {' and '.join(ENVIRONMENTS)} are known")
    gone = str(feature.get("lifecycle_stage", [""])[0]) in GONE or feature.get("deprecated", [False])[0] is True
    presence = feature.get("presence", [{}])[0]
    fraction, count = (presence.get(name, [0])[0] for name in ("min_fraction", "min_count"))
    is_required = not gone and (fraction > 0 or count > 0)
    fields["required_in"] = tuple(e for e in ENVIRONMENTS if e in {p.lower() for p in present}) if is_required else ()
    if is_required:
        fields["null_share"] = 1 - float(fraction)
    if count > 1:
        notes.append(f"presence.min_count {count}")


def _tfdv_domain(feature: Message, domains: Mapping[str, tuple[str, Message]], fields: dict[str, Any], notes: list[str]) -> None:
    kinds = ("int_domain", "float_domain", "string_domain", "bool_domain")
    own: list[tuple[str, Message]] = [(kind, feature[kind][0]) for kind in kinds if kind in feature]
    if "domain" in feature:
        name = str(feature["domain"][0])
        if name not in domains:
            notes.append(f'domain "{name}", which the file does not define')
        else:
            own = [domains[name]]
    for kind, domain in own:
        if kind == "string_domain":
            fields["domain"] = tuple(map(str, domain.get("value", ()))) or None
        elif kind == "bool_domain":
            values = [str(domain[k][0]) for k in ("true_value", "false_value") if k in domain]
            fields |= {"domain": tuple(values)} if len(values) == 2 else {}
        else:
            fields |= {end: float(domain[end][0]) for end in ("min", "max") if end in domain}
        known = {"string_domain": ("name", "value"), "bool_domain": ("name", "true_value", "false_value")}.get(
            kind, ("name", "min", "max")
        )
        notes += [f"`{kind}.{name}`" for name in domain if name not in known]


def _comparator(name: str, comparator: Message, column: str) -> list[str]:
    """A comparator is a threshold, which has its own file here: the sentence says how to set it."""
    said = []
    for measure, value in comparator.items():
        limit = value[0].get("threshold", [None])[0] if isinstance(value[0], dict) else None
        monitor = "skew" if name == "skew_comparator" else "drift"
        how = {"infinity_norm": ("linf", limit), "jensen_shannon_divergence": ("js", None if limit is None else limit**0.5)}.get(
            measure
        )
        if how is None or how[1] is None or (monitor == "skew" and how[0] != "js"):
            said.append(f"`{name}.{measure}`")
        else:
            setting = f"thresholds set monitor={monitor} metric={how[0]} 'column={column}' --set critical={how[1]:.4g}"
            said.append(f"`{name}.{measure}` {limit:g} is a threshold, set with: {setting}")
    return said


# ---- SageMaker -----------------------------------------------------------------------------------------------------------------


def to_sagemaker(schema: Schema) -> tuple[str, tuple[str, ...]]:
    """constraints.json of SageMaker Model Monitor, and what it cannot say."""
    features, notes = [], _table_notes(schema, "SageMaker")
    bounded, absent = [], []
    for column in schema.columns.values():
        if "serving" not in column.required_in:
            absent.append(column.name)
            continue
        one: dict[str, Any] = {
            "name": column.name,
            "inferred_type": _sagemaker_type(column),
            "completeness": 1 - (column.null_share or 0.0),
        }
        if column.kind == "number":
            one["num_constraints"] = {"is_non_negative": column.min is not None and column.min >= 0}
            bounded += [column.name] if column.max is not None or (column.min is not None and column.min != 0) else []
        elif column.domain is not None:
            one["string_constraints"] = {"domains": list(column.domain)}
        features.append(one)
    notes += [f"min and max of {', '.join(bounded)}: only whether a number may be negative"] if bounded else []
    notes += (
        [f"{', '.join(absent)}: not written, since it knows no environments and would miss them in serving"] if absent else []
    )
    comparison = {"perform_comparison": "Enabled", "comparison_threshold": 0.1, "comparison_method": "Robust"}
    config = {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Enabled",
        "datatype_check_threshold": 1.0,
        "domain_content_threshold": 1.0,
    }
    whole = {"version": 0.0, "features": features, "monitoring_config": {**config, "distribution_constraints": comparison}}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n", tuple(notes)


def _sagemaker_type(column: Column) -> str:
    if column.kind == "category" or column.kind == "":
        return "Fractional" if column.role == "latency" else "String" if column.type != "unknown" else "Unknown"
    return SAGEMAKER_TYPES.get(column.type, "Unknown")


def from_sagemaker(text: str, origin: str) -> tuple[Fields, list[str]]:
    """Column → fields of a constraints.json, and what could not be carried over."""
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"{origin}, line {error.lineno}: this is not JSON: {error.msg}.") from error
    if not isinstance(given, dict) or not isinstance(given.get("features"), list):
        raise BadInput(f"{origin}: no list `features` in it, so these are no SageMaker constraints.")
    notes = _sagemaker_config(given.get("monitoring_config") or {})
    notes += [f"`{key}`" for key in given if key not in ("version", "features", "monitoring_config")]
    found: Fields = {}
    for feature in given["features"]:
        if not isinstance(feature, dict) or not isinstance(feature.get("name"), str):
            raise BadInput(f"{origin}: a feature without a name.")
        found[feature["name"]], more = _sagemaker_fields(feature)
        notes += [f'"{feature["name"]}": {note}' for note in more]
    return found, notes


def _sagemaker_fields(feature: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    fields: dict[str, Any] = {}
    kind = {"Integral": "integer", "Fractional": "number", "String": "category"}.get(str(feature.get("inferred_type")))
    notes = [] if kind else [f"inferred_type {feature.get('inferred_type')}"]
    fields |= {"type": kind} if kind else {}
    if "completeness" in feature:
        fields["null_share"] = 1 - float(feature["completeness"])
    numbers, texts = feature.get("num_constraints") or {}, feature.get("string_constraints") or {}
    if "is_non_negative" in numbers:
        fields["is_non_negative"] = bool(numbers["is_non_negative"])
    if texts.get("domains"):
        fields["domain"] = tuple(map(str, texts["domains"]))
    inner = [("num_constraints", numbers, "is_non_negative"), ("string_constraints", texts, "domains")]
    notes += [f"`{part}.{key}`" for part, values, known in inner for key in values if key != known]
    known = ("name", "inferred_type", "completeness", "num_constraints", "string_constraints")
    notes += [f"`{key}`" for key in feature if key not in known and not (key == "monitoringConfigOverrides" and not feature[key])]
    return fields, notes


def _sagemaker_config(config: Mapping[str, Any]) -> list[str]:
    """Its settings are thresholds here: a sentence for each says how to set it."""
    notes = []
    for key, metric in (("datatype_check_threshold", "type_rate"), ("domain_content_threshold", "domain_rate")):
        if key in config:
            limit = 1 - float(config[key])
            notes.append(
                f"`{key}` {config[key]:g} is a threshold, set with: thresholds set metric={metric} --set warning={limit:.4g}"
            )
    if "distribution_constraints" in config:
        notes.append("`distribution_constraints`: thresholds of drift, set with `thresholds set metric=ks` or `metric=linf`")
    done = (
        "datatype_check_threshold",
        "domain_content_threshold",
        "distribution_constraints",
        "evaluate_constraints",
        "emit_metrics",
    )
    return notes + [f"`monitoring_config.{key}`" for key in config if key not in done]


# ---- both ----------------------------------------------------------------------------------------------------------------------

READERS: dict[str, Callable[[str, str], tuple[Fields, list[str]]]] = {"tfdv": from_tfdv, "sagemaker": from_sagemaker}


def _table_notes(schema: Schema, name: str) -> list[str]:
    return [f"duplicate_share of the table: {name} has no word for it"] if schema.duplicate_share else []


def fitted(learnt: Schema, given: Fields, notes: list[str], origin: str) -> tuple[Edits, tuple[str, ...]]:
    """Edits of a learnt schema from another's fields; what does not fit it is left out and named."""
    kept: Fields = {}
    for name, told in given.items():
        base = learnt.columns.get(name)
        fields = _with_bound(told, base)
        if base is None:
            notes.append(f'"{name}": the reference has no such column')
            continue
        wanted = {} if base.kind else {key: value for key, value in fields.items() if key == "required_in"}
        for key, value in fields.items() if base.kind else ():
            try:
                schemas.check(learnt, schemas.edits_from({"columns": {name: {key: value}}}, origin), origin)
                wanted[key] = value
            except BadInput:
                if not _says_the_same(base, key, value):
                    notes.append(f'"{name}": {key} {value} does not fit a {base.type}')
        if base.kind == "category" and base.type in ("integer", "boolean") and wanted.get("type") == "category":
            del wanted["type"]  # they have one word for all texts
        kept[name] = {k: v for k, v in wanted.items() if not _nearly(getattr(base, k), v)}
    edits = schemas.edits_from({"columns": kept}, origin)
    schemas.check(learnt, edits, origin)
    return less(edits, learnt), tuple(notes)


def _with_bound(fields: dict[str, Any], base: Column | None) -> dict[str, Any]:
    """SageMaker's word on the sign as a bound, where the learnt one does not agree with it already."""
    rest = {key: value for key, value in fields.items() if key != "is_non_negative"}
    if "is_non_negative" not in fields or base is None or base.kind != "number":
        return rest
    agrees = (base.min is not None and base.min >= 0) == fields["is_non_negative"]
    return rest if agrees else rest | {"min": 0.0 if fields["is_non_negative"] else None}


def _says_the_same(base: Column, key: str, value: Any) -> bool:
    return key == "type" and base.type in ("text", "time", "unknown", value)


def _nearly(own: Any, given: Any) -> bool:
    """Whether two values are the same but for what 1 - (1 - x), or a float of 32 bits, lost."""
    if isinstance(own, float) and isinstance(given, float):
        return abs(own - given) <= 1e-6 * max(1.0, abs(own))
    return bool(own == given)
