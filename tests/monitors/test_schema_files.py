"""Schemas as files: our own, TFDV's and SageMaker's; read by others, and back again."""

import json

import pandas as pd
import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from monitors import schema_foreign, schema_yaml, schemas, textproto
from monitors.schemas import Column, Edits, Schema, laid_over, plain

ODD = ['in"come; --', "<b>bold</b>", "a.b", " lead", "on", "1e5", "größe", "it's", "null", "- x", "#no", "a: b", "line\nbreak"]
BOTH = ("training", "serving")


def schema() -> Schema:
    columns = [
        Column("ts", "timestamp", "time", BOTH),
        Column("temp", "features", "number", BOTH, "number", 0.0, -3.25, 101.5, rows=100, values=100),
        Column("hour", "features", "integer", BOTH, "number", 0.1, 0.0, 23.0, distinct=24, rows=100, values=90),
        Column(
            "plan",
            "features",
            "category",
            BOTH,
            "category",
            0.0,
            domain=("basic", "01234", "no", 'ü"\\\n'),
            distinct=4,
            rows=100,
            values=100,
        ),
        Column("text", "features", "category", BOTH, "category", 0.5, domain=None, rows=100, values=50),
        Column("y", "label", "integer", ("training",), "category", 0.0, domain=("0", "1"), rows=100, values=100),
        *(Column(name, "features", "number", BOTH, "number", 0.0, 0.0, 1.0, rows=100, values=100) for name in ODD),
    ]
    return Schema("m", "v1", {column.name: column for column in columns}, duplicate_share=0.0, rows=100)


# ---- our own ---------------------------------------------------------------------------------------------------------------------


def test_an_exported_schema_says_what_is_in_force_and_applied_again_changes_nothing():
    text = schema_yaml.dump(schema())
    assert list(yaml.safe_load(text)["columns"]) == list(schema().columns)  # PyYAML reads the same names, character for character
    assert plain(schema_yaml.read(text, "schema.yaml", schema())) == {}


values = st.floats(-1e9, 1e9)
edit = st.fixed_dictionaries({}, optional={
    "null_share": st.floats(0, 1), "min": st.none() | st.floats(-1e9, -10), "max": st.none() | st.floats(200, 1e9),
    "required_in": st.lists(st.sampled_from(BOTH), unique=True).map(lambda e: [x for x in BOTH if x in e]),
    "type": st.sampled_from(["integer", "number"]),
})  # fmt: skip
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1)
texts = st.fixed_dictionaries({}, optional={"domain": st.none() | st.lists(words, min_size=1, unique=True)})


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["temp", "hour", *ODD]), edit), texts)
def test_any_edits_survive_the_file(numbers, plan):
    edits = schema_yaml.less(schemas.edits_from({"columns": {**numbers, "plan": plan}}, "test"), schema())
    text = schema_yaml.dump(laid_over(schema(), edits))
    assert plain(schema_yaml.read(text, "schema.yaml", schema())) == plain(edits)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("columns:\n  temp: {minimum: 3}\n", 'line 2: column "temp": there is no field `minimum`. Did you mean "min"?'),
        ("columns:\n  temp:\n    min: low\n", 'line 3: column "temp": min: expected a number, found "low"'),
        ("columns:\n  temp: {min: 5, max: 2}\n", "min 5 is above max 2. Swap them."),
        ("columns:\n  temp: {domain: [a]}\n", "it holds numbers. Set `min` and `max` instead."),
        ("columns:\n  plan: {max: 2}\n", "it holds categories. Set its `domain` instead."),
        ("columns:\n  tmp: {max: 2}\n", 'the reference has no such column. Did you mean "temp"?'),
        ("columns:\n  temp: {type: category}\n", "it is read as a number. To change that, set `types` in roles.yaml"),
        ("columns:\n  temp: {null_share: 5}\n", "expected a share from 0 to 1, found '5'"),
        ("columns:\n  temp: {required_in: [moon]}\n", "expected a list of training and serving"),
        ("columns:\n  temp: {}\n  temp: {}\n", "line 3: `temp` stands in line 2 already"),
        ("version: v2\n", 'line 1: this is the schema of version "v2", not of "v1"'),
        ("colums: {}\n", 'line 1: `colums` is not part of a schema. Did you mean "columns"?'),
        ("- a\n", "line 1: expected a schema, which has the key `columns`"),
        ("columns: [a]\n", "`columns` takes lines such as"),
        ("a: [\n", "this is not YAML"),
    ],
)
def test_a_mistake_is_told_with_its_line(text, said):
    with pytest.raises(BadInput) as caught:
        schema_yaml.read(text, "schema.yaml", schema())
    assert said in str(caught.value)


# ---- TFDV ------------------------------------------------------------------------------------------------------------------------


def tfdv_schema_class():
    """The message Schema with the fields of schema.proto that we write, built for Google's own parser, which refuses what it does not know."""
    proto = descriptor_pb2.FileDescriptorProto(name="schema.proto", package="t", syntax="proto2")
    string, double, int64, enum, message = 9, 1, 3, 14, 11
    kinds = {
        "Schema": [("feature", 1, message, "Feature", True), ("default_environment", 5, string, "", True)],
        "Feature": [
            ("name", 1, string, "", False), ("type", 6, enum, "FeatureType", False), ("presence", 14, message, "Presence", False),
            ("shape", 23, message, "Shape", False), ("value_count", 5, message, "Ints", False), ("int_domain", 9, message, "Ints", False),
            ("float_domain", 10, message, "Floats", False), ("string_domain", 11, message, "Strings", False),
            ("not_in_environment", 19, string, "", True), ("in_environment", 20, string, "", True),
        ],
        "Presence": [("min_fraction", 1, double, "", False), ("min_count", 2, int64, "", False)],
        "Shape": [("dim", 2, message, "Dim", True)], "Dim": [("size", 1, int64, "", False)],
        "Ints": [("min", 3, int64, "", False), ("max", 4, int64, "", False)],
        "Floats": [("min", 3, double, "", False), ("max", 4, double, "", False)],
        "Strings": [("name", 1, string, "", False), ("value", 2, string, "", True)],
    }  # fmt: skip
    types = proto.enum_type.add(name="FeatureType")
    for i, name in enumerate(("TYPE_UNKNOWN", "BYTES", "INT", "FLOAT", "STRUCT")):
        types.value.add(name=name, number=i)
    for name, members in kinds.items():
        made = proto.message_type.add(name=name)
        for field, place, kind, of, repeated in members:
            one = made.field.add(name=field, number=place, type=kind, label=3 if repeated else 1)
            if of:
                one.type_name = f".t.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Schema"))


def test_googles_own_parser_reads_what_we_write():
    text, _ = schema_foreign.to_tfdv(schema())
    read = text_format.Parse(text, tfdv_schema_class()())
    by_name = {feature.name: feature for feature in read.feature}
    assert list(by_name) == list(schema().columns)
    assert (by_name["temp"].float_domain.min, by_name["temp"].float_domain.max) == (-3.25, 101.5)
    assert (by_name["hour"].int_domain.min, by_name["hour"].int_domain.max) == (0, 23)
    assert by_name["hour"].presence.min_fraction == 0.9
    assert list(by_name["plan"].string_domain.value) == list(schema().columns["plan"].domain)
    assert list(by_name["y"].not_in_environment) == ["SERVING"]
    assert list(read.default_environment) == ["TRAINING", "SERVING"]


def test_what_we_write_for_tfdv_comes_back_as_it_was():
    text, _ = schema_foreign.to_tfdv(schema())
    fields, notes = schema_foreign.from_tfdv(text, "schema.pbtxt")
    edits, notes = schema_foreign.fitted(schema(), fields, notes, "schema.pbtxt")
    assert plain(edits) == {}
    assert notes == ()


def test_a_schema_of_tfdv_is_read_and_what_we_have_no_word_for_is_named():
    text = """
    # as TFDV writes it, and some more
    feature { name: "temp" type: FLOAT presence { min_fraction: 0.95 min_count: 1 } shape { dim { size: 1 } }
      float_domain { min: -10 max: 1e2 disallow_nan: true } drift_comparator { jensen_shannon_divergence { threshold: 0.01 } } }
    feature < name: 'plan' type: BYTES domain: "plans" presence: { min_count: 1 } value_count { min: 1 max: 1 },
      distribution_constraints { min_domain_mass: 0.9 } skew_comparator { infinity_norm { threshold: 0.2 } } >
    feature { name: "y" type: BYTES presence { min_fraction: 1 } not_in_environment: "SERVING" }
    feature { name: "hour" type: INT presence { min_fraction: 1 } int_domain { min: 1 max: 0x17 } lifecycle_stage: DEPRECATED }
    feature { name: "gone" type: INT }
    feature { name: "text" type: FLOAT presence { min_fraction: 0.5 } }
    string_domain { name: "plans" value: "basic" value: ["plus", "\\303\\274" 'x'] }
    default_environment: ["TRAINING", "SERVING"]
    tensor_representation_group { key: "" value { } }
    """
    fields, notes = schema_foreign.from_tfdv(text, "schema.pbtxt")
    edits, told = schema_foreign.fitted(schema(), fields, notes, "schema.pbtxt")
    assert plain(edits)["columns"] == {
        "temp": {"null_share": pytest.approx(0.05), "min": -10.0, "max": 100.0},
        "plan": {"null_share": 1.0, "domain": ["basic", "plus", "üx"]},
        "hour": {"required_in": [], "min": 1.0},
    }
    said = "\n".join(told)
    assert '"temp": `float_domain.disallow_nan`' in said
    assert "thresholds set monitor=drift metric=js 'column=temp' --set critical=0.1" in said  # a divergence; ours is its root
    assert '"plan": `distribution_constraints`' in said
    assert "skew_comparator.infinity_norm" in said
    assert '"gone": the reference has no such column' in said
    assert '"text": type number does not fit a category' in said
    assert "`tensor_representation_group` of the schema" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("feature {\n name: \n}", "line 3: expected a value, found `}`"),
        ("feature { name: 'a'", "line 1: expected the name of a field, found the end"),
        ("feature & {", "line 1: `&` does not belong into a protobuf text"),
        ("feature 3", "line 1: expected `:` or `{`, found `3`"),
        ("", "no `feature { … }` in it"),
    ],
)
def test_a_broken_protobuf_text_is_told_with_its_line(text, said):
    with pytest.raises(BadInput, match=r"^schema\.pbtxt") as caught:
        schema_foreign.from_tfdv(text, "schema.pbtxt")
    assert said in str(caught.value)


@settings(max_examples=100)
@given(st.text(st.characters(codec="utf-8")))
def test_any_text_comes_back_from_a_protobuf_text(text):
    assert textproto.read(textproto.write({"a": [text], "b": [{"c": [1, 2.5, True, -3]}]}), "t") == {
        "a": [text],
        "b": [{"c": [1, 2.5, True, -3]}],
    }


# ---- SageMaker -------------------------------------------------------------------------------------------------------------------


def test_what_we_write_for_sagemaker_has_its_shape_and_comes_back_as_it_was():
    text, notes = schema_foreign.to_sagemaker(schema())
    whole = json.loads(text)
    by_name = {feature["name"]: feature for feature in whole["features"]}
    assert by_name["hour"] == {
        "name": "hour",
        "inferred_type": "Integral",
        "completeness": 0.9,
        "num_constraints": {"is_non_negative": True},
    }
    assert by_name["plan"]["string_constraints"]["domains"][1] == "01234"
    assert "y" not in by_name  # it knows no environments, so it would miss the label in every serving
    assert any("y: not written" in note for note in notes)
    fields, more = schema_foreign.from_sagemaker(text, "constraints.json")
    edits, _ = schema_foreign.fitted(schema(), fields, more, "constraints.json")
    assert plain(edits) == {}


def test_constraints_of_sagemaker_are_read_and_their_thresholds_are_named():
    given_ = {
        "version": 0,
        "features": [
            {"name": "temp", "inferred_type": "Fractional", "completeness": 0.8, "num_constraints": {"is_non_negative": True}},
            {
                "name": "plan",
                "inferred_type": "String",
                "completeness": 1.0,
                "string_constraints": {"domains": ["basic"]},
                "monitoringConfigOverrides": {"a": 1},
            },
            {"name": "text", "inferred_type": "Unknown", "completeness": 0.5},
        ],
        "monitoring_config": {
            "datatype_check_threshold": 0.9,
            "distribution_constraints": {"comparion_method": "Robust"},
            "evaluate_constraints": "Enabled",
        },
    }
    fields, notes = schema_foreign.from_sagemaker(json.dumps(given_), "constraints.json")
    edits, told = schema_foreign.fitted(schema(), fields, notes, "constraints.json")
    assert plain(edits)["columns"] == {"temp": {"null_share": pytest.approx(0.2), "min": 0.0}, "plan": {"domain": ["basic"]}}
    said = "\n".join(told)
    assert "thresholds set metric=type_rate --set warning=0.1" in said
    assert "`monitoringConfigOverrides`" in said
    assert '"text": inferred_type Unknown' in said


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "line 1: this is not JSON"), ("[]", "no list `features`"), ('{"features": [3]}', "a feature without a name")],
)
def test_broken_constraints_are_refused(text, said):
    with pytest.raises(BadInput) as caught:
        schema_foreign.from_sagemaker(text, "constraints.json")
    assert said in str(caught.value)


# ---- how often a learnt bound is broken by chance ----------------------------------------------------------------------------------


def test_the_next_value_leaves_a_learnt_range_with_probability_2_in_n_plus_1():
    import numpy as np

    g = np.random.default_rng(0)
    for n in (9, 99):
        draws = g.exponential(size=(40_000, n + 1))
        outside = (draws[:, n] < draws[:, :n].min(axis=1)) | (draws[:, n] > draws[:, :n].max(axis=1))
        assert outside.mean() == pytest.approx(2 / (n + 1), rel=0.1)
        # Of 1,000 new values the share outside stays below the noise in some 95 of 100 cases, and not in nearly all or few.
        low, high = draws[:4000, :n].min(axis=1), draws[:4000, :n].max(axis=1)
        new = g.exponential(size=1000)
        share = ((new < low[:, None]) | (new > high[:, None])).mean(axis=1)
        assert 0.9 <= (share <= schemas.beyond_range(np.array([1000.0]), n)[0]).mean() <= 0.99


def test_noise_of_a_share_by_hand():
    import numpy as np

    # 0 nulls of 59 rows: the 95 % upper bound is 1 - 0.05 ** (1 / 59) = 0.0495 (the "rule of three"), whatever the window.
    assert schemas.predicted(np.array([10.0, 1e6]), 0, 59) == pytest.approx([0.0495, 0.0495], abs=1e-4)
    # A tenth of a million rows were null; of 100 new ones 15 are the 95th percentile of the binomial.
    assert schemas.predicted(np.array([100.0]), 1e5, 1e6)[0] == 0.15
    assert np.isnan(schemas.predicted(np.array([0.0]), 1, 10)[0])


def test_a_domain_is_open_past_a_thousand_categories_and_where_many_are_seen_once():
    def domain(counts: list[int], others: int = 0) -> tuple[str, ...] | None:
        whole = {
            "model": "m",
            "version": "v",
            "segment": "all",
            "window_start": pd.NaT,
            "window_end": pd.NaT,
            "column": "c",
            "role": "feature",
            "rows": sum(counts) + others,
            "nulls": 0,
            "counts": [*counts, others, 0],
            "duplicates": None,
            "last_time": pd.NaT,
        }
        bins = pd.DataFrame(
            [
                {
                    "version": "v",
                    "column": "c",
                    "kind": "category",
                    "categories": [f"k{i}" for i in range(len(counts))],
                    "whole": False,
                }
            ]
        )
        return schemas.learnt(pd.DataFrame([whole]), bins, {"c": "features"}, {"c"}, "v").columns["c"].domain

    assert len(domain([1] * 50) or ()) == 50
    assert domain([1] * 51) is None  # every value only once: the next one is new
    assert len(domain([30] * 51) or ()) == 51
    assert domain([2] * 1000, others=1) is None


def test_edits_of_the_table_and_an_empty_edit():
    assert plain(schemas.edits_from({"table": {"duplicate_share": 0.1}}, "t")) == {"table": {"duplicate_share": 0.1}}
    assert plain(Edits()) == {}
