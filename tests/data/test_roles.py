"""Roles: as a person writes them, as they are guessed, and what a change of them does to rows that are loaded."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInput
from data.load import load, loads, remember
from data.roles import Roles, from_dict, guess, lake_types, load_yaml, saved, to_dict, written
from data.store import Store

NAMES = st.lists(
    st.text(min_size=1, max_size=8).filter(lambda name: not name.startswith("_")), min_size=7, max_size=7, unique=True
)


@given(NAMES, st.sampled_from(["day", "hour"]), st.sampled_from(["auto", ".", ","]), st.sampled_from(["UTC", "Europe/Berlin"]))
def test_roles_come_back_from_their_dict_as_they_were(names: list[str], window: str, decimal: str, zone: str):
    roles = Roles(
        timestamp=names[0],
        label=names[1],
        latency=(names[2],),
        features=(names[3], names[4]),
        segments=(names[4], names[6]),
        segment_pairs=((min(names[4], names[6]), max(names[4], names[6])),),
        ignored=(names[5],),
        types=((names[3], "number"), (names[4], "category")),
        window=window,
        decimal=decimal,
        time_zone=zone,
        task="binary",
        positive="yes",
        reference=("2026-01-01", "2026-02-01"),
    )
    assert from_dict(to_dict(roles)) == roles


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("timestmap: ts", r'roles\.yaml: there is no role "timestmap"\. Did you mean "timestamp" or'),
        ("timestamp: [a, b]", r"`timestamp` takes one column, found \['a', 'b'\]"),
        ("features: {a: 1}", r"`features` takes a column or a list"),
        ("features: [a, a]", r'the column "a" stands twice in `features`'),
        ("features: [a]\nlabel: a", r'the column "a" stands in `label` and in `features`'),
        ("segments: [a]\nignored: [a]", r'the column "a" stands in `segments` and in `ignored`'),
        ("features: [a]\ntypes: {a: float}", r"`types` takes lines such as"),
        ("features: [a]\ntypes: {aa: number}", r'`types` names "aa", which has no role\. Did you mean "a"'),
        ("segments: [a]\nsegment_pairs: [a, b]", r"`segment_pairs` takes pairs of segment columns such as"),
        ("segments: [a]\nsegment_pairs: [[a, a]]", r"`segment_pairs` takes pairs of segment columns such as"),
        ("segments: [aa]\nsegment_pairs: [[aa, b]]", r'`segment_pairs` names "b", which is not among `segments`\. There is "aa"'),
        ("window: week", r'`window` is one of day, hour, found "week"'),
        ("task: ranking", r'`task` is one of binary, multiclass, regression, found "ranking"'),
        ("positive: [1]", r"`positive` takes text, found \[1\]"),
        ("decimal: ;", r"`decimal` is one of auto, \., ,"),
        ("time_zone: Berlin", r'`time_zone` "Berlin" is not known'),
        ("reference: [2026-02-01, 2026-01-01]", r"`reference` ends before it starts"),
        ("reference: soon", r"`reference`: expected two times"),
        ("features: [_load]", r'"_load" is a column that Vigia adds itself'),
        ("timestamp: ts\n  features: [a", r"roles\.yaml, line 2: not readable as YAML"),
        ("just words", r"roles\.yaml: expected lines such as"),
    ],
)
def test_a_mistake_in_roles_yaml_is_told_in_one_sentence(tmp_path: Path, text: str, told: str):
    (tmp_path / "roles.yaml").write_text(text)
    with pytest.raises(BadInput, match=told) as error:
        load_yaml(tmp_path / "roles.yaml")
    assert "\n" not in str(error.value)


def test_a_roles_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(BadInput, match=r"cannot be read: No such file"):
        load_yaml(tmp_path / "roles.yaml")


def test_types_in_the_lake_follow_from_roles():
    roles = Roles(
        "ts",
        "id",
        "v",
        score="s",
        label="y",
        segments=("r", "x"),
        features=("x", "c"),
        types=(("x", "number"), ("c", "category"), ("y", "category")),
    )
    assert lake_types(roles) == {
        "ts": "TIMESTAMP WITH TIME ZONE", "id": "VARCHAR", "v": "VARCHAR", "s": "DOUBLE", "y": "VARCHAR", "r": "VARCHAR",
        "x": "DOUBLE", "c": "VARCHAR",
    }  # fmt: skip


def frame(rows: int = 40, **more: object) -> pd.DataFrame:
    columns = {
        "event_time": pd.date_range("2026-03-01", periods=rows, freq="h").astype(str),
        "request_id": [f"r{i}" for i in range(rows)],
        "model_version": "v1",
        "income": [i * 1.5 for i in range(rows)],
        "importance_income": [i / 7 for i in range(rows)],
        "region": ["north", "south"] * (rows // 2),
        "note": [f"free words {i}" for i in range(rows)],
        "latency_ms": [i % 7 for i in range(rows)],
        "y_pred_proba": [i / rows for i in range(rows)],
        "y_pred": [i % 2 for i in range(rows)],
        "y_true": [i % 2 for i in range(rows)],
    }
    return pd.DataFrame(columns | more)


def kinds(sample: pd.DataFrame) -> dict[str, str]:
    return {c: "DOUBLE" if pd.api.types.is_numeric_dtype(sample[c]) else "VARCHAR" for c in sample}


def test_roles_are_guessed_from_names_types_and_values_with_a_reason_for_each():
    sample = frame()
    roles, reasons = guess(kinds(sample), sample)
    assert (roles.timestamp, roles.inference_id, roles.model_version) == ("event_time", "request_id", "model_version")
    assert (roles.prediction, roles.score, roles.label) == ("y_pred", "y_pred_proba", "y_true")
    assert (roles.ignored, roles.latency) == (("importance_income", "note"), ("latency_ms",))
    assert (roles.segments, roles.features) == (("region",), ("income", "region"))
    assert dict(roles.types) == {"income": "number", "region": "category", "y_pred": "category", "y_true": "category"}
    assert set(reasons) == set(sample)
    assert reasons["y_pred_proba"] == 'named "y_pred_proba", and its values lie in [0, 1]'
    assert reasons["note"] == "free text: 40 different values in 40 rows"


@pytest.mark.parametrize(
    ("column", "values", "role"),
    [
        ("zeit", ["2026-03-01 10:00:00"] * 40, "timestamp"),
        ("ts", [1772323200 + i for i in range(40)], "timestamp"),
        ("timestamp_ms", [1772323200000 + i for i in range(40)], "timestamp"),
        ("ts", [f"{i % 28 + 1:02d}/03/2026 10:00" for i in range(40)], "timestamp"),
        ("when it was", ["2026-03-01T10:00:00Z"] * 40, "timestamp"),
        ("ts", list(range(40)), None),
        ("time", ["morning", "noon"] * 20, None),
    ],
)
def test_a_timestamp_needs_values_that_read_as_times(column: str, values: list[object], role: str | None):
    sample = frame().drop(columns="event_time").assign(**{column: values})
    roles, _ = guess(kinds(sample), sample)
    assert roles.timestamp == (column if role else None)


@pytest.mark.parametrize(
    ("column", "role"),
    [
        ("requestId", "inference_id"), ("Request ID", "inference_id"), ("meta.request_id", "inference_id"), ("_id", "inference_id"),
        ("loan_id", "inference_id"), ("orderID", "inference_id"), ("ticket", None), ("paid", None),
    ],
)  # fmt: skip
def test_an_id_is_told_by_its_name_however_it_is_written(column: str, role: str | None):
    sample = frame().rename(columns={"request_id": column})
    roles, _ = guess(kinds(sample), sample)
    assert roles.inference_id == (column if role else None)


def test_what_nested_objects_hold_is_told_by_their_last_names_but_inputs_are_inputs():
    renamed = {"event_time": "meta.time", "model_version": "model.version", "y_pred_proba": "response.score", "income": "inputs.score"}
    sample = frame().drop(columns=["y_true", "y_pred"]).rename(columns=renamed).assign(**{"prediction.label": 1})
    roles, _ = guess(kinds(sample), sample)
    assert (roles.timestamp, roles.model_version, roles.score) == ("meta.time", "model.version", "response.score")
    assert roles.label is None
    assert "inputs.score" in roles.features


def test_models_in_one_file_are_segments_of_each_other():
    sample = frame(model=["alpha", "beta"] * 20)
    roles, _ = guess(kinds(sample), sample)
    assert (roles.model_version, roles.segments) == ("model_version", ("region", "model"))


def test_what_a_guess_says_is_written_as_roles_yaml(tmp_path: Path):
    before = Roles(timestamp="ts", features=("x",))
    now = Roles(timestamp="ts", label="%s", features=tuple(f"f{i}" for i in range(14)), segments=("a: b", "größe"))
    lines = written(now, before)
    assert lines[2].endswith("f11]  # and 2 more")
    (tmp_path / "roles.yaml").write_text("\n".join(lines))
    assert load_yaml(tmp_path / "roles.yaml") == Roles(label="%s", features=now.features[:12], segments=now.segments)
    assert written(now, now) == []


def test_a_number_to_be_hit_is_no_class_and_an_id_that_repeats_is_none():
    sample = frame(y_pred=[i * 1.25 for i in range(40)], request_id=["a", "b"] * 20, id=[1] * 40)
    roles, _ = guess(kinds(sample), sample)
    assert dict(roles.types)["y_pred"] == "number"
    assert roles.inference_id is None


CSV = "ts,x,code,plan\n" + "".join(f"2026-03-01 00:00:{i:02d},{'n/k' if i == 3 else i + 0.5},{i},a\n" for i in range(40))


def test_a_change_of_type_reads_the_loaded_rows_again_texts_of_misfits_too(store: Store, tmp_path: Path):
    (tmp_path / "a.csv").write_text(CSV)
    load(store, [tmp_path / "a.csv"], "m")
    before = saved(store, "m")
    assert before is not None
    assert loads(store)["misfits"].to_list() == [1]
    as_texts = from_dict(to_dict(before) | {"types": {"x": "category", "code": "category", "plan": "category"}})
    told = remember(store, "m", as_texts, "x is a code")
    assert told == 'The roles of m are saved. The log rows were read again: "x" as text, "code" as text.'
    table = store.frame("SELECT x, code, _misfits FROM logs.m ORDER BY _row")
    assert table["x"].to_list()[:5] == ["0.5", "1.5", "2.5", "n/k", "4.5"]
    assert table["code"].to_list()[:3] == ["0", "1", "2"]
    assert table["_misfits"].isna().all()
    assert loads(store)["misfits"].to_list() == [0]
    remember(store, "m", before)
    table = store.frame("SELECT x, _misfits['x'] AS text FROM logs.m ORDER BY _row")
    assert table["x"].isna().sum() == 1
    assert table["text"].dropna().to_list() == ["n/k"]
    assert loads(store)["misfits"].to_list() == [1]
    entries = store.frame("SELECT reason FROM main.roles WHERE model = 'm' ORDER BY edited_at")["reason"].to_list()
    assert entries[1:] == ["x is a code", ""]
    assert entries[0].startswith("guessed: ts: ")


def test_texts_become_times_when_a_role_says_so(store: Store, tmp_path: Path):
    text = "ts,seen,x\n" + "".join(f"2026-03-01,{i + 1:02d}.03.2026 10:00,{i}\n" for i in range(28))
    (tmp_path / "a.csv").write_text(text)
    load(store, [tmp_path / "a.csv"], "m", roles=Roles(timestamp="ts", features=("x",)))
    remember(store, "m", Roles(timestamp="seen", features=("x",)), "the other one")
    span = loads(store).iloc[0]
    assert (str(span["first_time"]), str(span["last_time"])) == ("2026-03-01 10:00:00+00:00", "2026-03-28 10:00:00+00:00")
    assert saved(store, "m").time_format == "%d.%m.%Y %H:%M"


def test_texts_that_can_be_two_times_are_refused_and_nothing_is_changed(store: Store, tmp_path: Path):
    (tmp_path / "a.csv").write_text("ts,seen,x\n2026-03-01,02.03.2026,1\n")
    load(store, [tmp_path / "a.csv"], "m", roles=Roles(timestamp="ts", features=("x",)))
    with pytest.raises(BadInput, match=r'column "seen": "02\.03\.2026" can be 2 March 2026 \(day first\) or 3 February 2026'):
        remember(store, "m", Roles(timestamp="seen", features=("x",)))
    assert saved(store, "m").timestamp == "ts"


def test_roles_of_a_column_that_the_model_lacks_are_refused(store: Store, tmp_path: Path):
    (tmp_path / "a.csv").write_text(CSV)
    load(store, [tmp_path / "a.csv"], "m")
    with pytest.raises(BadInput, match=r'`features` names the column "plam", which m does not have\. Did you mean "plan"\?'):
        remember(store, "m", Roles(timestamp="ts", features=("plam",)))


def test_roles_given_with_a_later_load_change_what_is_loaded(store: Store, tmp_path: Path):
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").write_text(CSV.replace("03-01", "03-02"))
    load(store, [tmp_path / "a.csv"], "m")
    roles = Roles(
        timestamp="ts", features=("x", "code", "plan"), types=(("x", "number"), ("code", "category"), ("plan", "category"))
    )
    load(store, [tmp_path / "b.csv"], "m", roles=roles)
    assert saved(store, "m") == roles
    assert store.frame("SELECT count(*) AS n, count(DISTINCT code) AS c FROM logs.m").iloc[0].to_list() == [80, 40]
