"""SageMaker's data capture: every row of every line, and what cannot be unpacked by its number."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.errors import BadInput
from data.formats import sagemaker
from data.load import load, loads
from data.roles import saved
from data.store import Store


def side(payload: Any, encoding: str = "JSON") -> dict[str, Any]:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    data = base64.b64encode(text.encode()).decode() if encoding == "BASE64" else text
    return {"observedContentType": "x/y", "mode": "?", "encoding": encoding, "data": data}


def event(given: Any = None, made: Any = None, number: str = "e", time: str = "2026-03-01T08:00:00Z", **about: Any) -> str:
    ends = {"endpointInput": given, "endpointOutput": made}
    captured = {name: one if isinstance(one, dict) and "encoding" in one else side(one) for name, one in ends.items() if one is not None}
    return json.dumps({"captureData": captured, "eventMetadata": {"eventId": number, "inferenceTime": time, **about}, "eventVersion": "0"})


def rows(*lines: str) -> tuple[list[dict[str, Any]], sagemaker.Unpacked]:
    met = sagemaker.Unpacked()
    own = ("event_id", "inference_time")
    return [{k: v for k, v in row.items() if k not in own} for row in sagemaker.unpack(lines, met)], met


SHAPES = [  # what stands in a line (input, output), and the rows that are in it
    ({"age": [61, 25]}, {"price": [300, 150]}, [{"age": 61, "price": 300}, {"age": 25, "price": 150}]),
    ({"age": 61, "plan": "a"}, {"score": 0.25}, [{"age": 61, "plan": "a", "score": 0.25}]),
    ({"instances": [{"age": 1}, {"age": 2}]}, {"predictions": [{"score": 0.5}, {"score": 1}]},
     [{"age": 1, "score": 0.5}, {"age": 2, "score": 1}]),
    ({"instances": [[1, 2], [3, 4]]}, {"predictions": [[0.5], [0.25]]},
     [{"_c0": 1, "_c1": 2, "prediction": 0.5}, {"_c0": 3, "_c1": 4, "prediction": 0.25}]),
    ({"instances": [{"features": [1, 2]}]}, {"predictions": [0.5]}, [{"_c0": 1, "_c1": 2, "predictions": 0.5}]),
    ({"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]]}}, [7], [{"a": 1, "b": 2, "prediction": 7}]),
    ({"x": 1}, {"x": 2}, [{"x": 1, "output.x": 2}]),
    (side("1,,a\n2,3,b\n", "CSV"), side("0.5,0.25", "CSV"), [
        {"_c0": "1", "_c1": None, "_c2": "a", "prediction": "0.5"}, {"_c0": "2", "_c1": "3", "_c2": "b", "prediction": "0.25"}]),
    (side("1,2", "CSV"), side("0.5,0.25,0.25", "BASE64"),
     [{"_c0": "1", "_c1": "2", "output_0": "0.5", "output_1": "0.25", "output_2": "0.25"}]),
    (side('{"a": 1}\n{"a": 2}\n'), side("0.5\n0.25", "CSV"), [{"a": 1, "prediction": "0.5"}, {"a": 2, "prediction": "0.25"}]),
    ({"a": 1}, None, [{"a": 1}]),
    (None, side("0.5\n0.25", "CSV"), [{"prediction": "0.5"}, {"prediction": "0.25"}]),
    ({"a": float("nan")}, {"score": float("inf")}, [{"a": "NaN", "score": "Infinity"}]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "made", "right"), SHAPES)
def test_each_shape_of_a_payload_gives_its_rows(given: Any, made: Any, right: list[dict[str, Any]]):
    found, met = rows(event(given, made))
    assert found == right
    assert met.refused == {}


REFUSED = [
    ("{oops", "it is not JSON"),
    ('{"a": 1}', "it has neither `captureData` nor `groundTruthData`"),
    ('{"captureData": []}', "its `captureData` is no object"),
    ('{"captureData": {}}', "it has neither an input nor an output"),
    ('{"captureData": {"endpointInput": {"encoding": "CSV"}}}', "its `endpointInput` has no `data`"),
    (event({"a": 1}, {"encoding": "BASE64", "data": "!", "observedContentType": "image/png"}),
     "its `endpointOutput` is no text in base64 (image/png)"),
    (event(side("{", "JSON")), "its `endpointInput` is no JSON"),
    (event({"a": [1, 2]}, {"p": [1, 2, 3]}), "2 rows of input and 3 of output"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "why"), REFUSED)
def test_a_line_that_cannot_be_unpacked_is_named_and_the_others_stay(line: str, why: str):
    found, met = rows(event({"a": 1}), line, "", event({"a": 2}))
    assert found == [{"a": 1}, {"a": 2}]
    assert met.refused == {2: why}


def test_g15_four_inferences_from_three_lines(store: Store, tmp_path: Path):
    lines = [
        event({"age": [61, 25], "income": [4.5, 6.25]}, side({"price": [300, 150]}, "BASE64"), "e1", "2026-03-01T08:15:00Z"),
        event({"age": [44], "income": [3.0]}, side({"price": [210]}, "BASE64"), "e2", "2026-03-01T09:00:00Z"),
        event({"age": [19], "income": [2.0]}, {"price": [95]}, "e3", "2026-03-02T00:10:00Z"),
    ]
    (tmp_path / "g15.jsonl.gz").write_bytes(gzip.compress("\n".join(["{broken", *lines]).encode()))
    [loaded] = load(store, [tmp_path / "g15.jsonl.gz"], "m")
    assert loaded.rows == 4
    assert "g15.jsonl.gz: 1 line cannot be unpacked and is left out: line 1 (it is not JSON)." in loaded.notes
    roles = saved(store, "m")
    assert roles is not None
    assert (roles.timestamp, roles.inference_id, roles.features, roles.prediction) == ("inference_time", "event_id", ("age", "income"), "price")
    assert dict(roles.types) == {"age": "number", "income": "number", "price": "number"}
    sql = "SELECT date_trunc('day', inference_time) d, count(*) n, avg(age) age, avg(price) price FROM logs.m GROUP BY ALL ORDER BY d"
    days = store.frame(sql)
    assert days["n"].tolist() == [3, 1]
    assert days[["age", "price"]].to_numpy().tolist() == [pytest.approx([43.3333, 220], abs=1e-4), [19, 95]]
    assert store.frame("SELECT event_id FROM logs.m ORDER BY _row")["event_id"].tolist() == ["e1/1", "e1/2", "e2", "e3"]  # no duplicates
    assert load(store, [tmp_path / "g15.jsonl.gz"], "m")[0].already


def test_ground_truth_is_joined_by_the_number_that_it_calls(store: Store, tmp_path: Path):
    log = [event({"a": n}, {"score": 0.5, "class": n}, f"e{n}", inferenceId=f"i{n}") for n in (1, 2)]
    truth = [json.dumps({"groundTruthData": {"data": str(n - 1), "encoding": "CSV"}, "eventMetadata": {"eventId": f"i{n}"}}) for n in (1, 2)]
    for name, lines in (("log", log), ("labels", truth)):
        (tmp_path / name).write_text("\n".join(lines))
        load(store, [tmp_path / name], "m", name)
    joined = store.frame('SELECT l.a, t.label FROM logs.m l JOIN labels.m t USING (event_id) ORDER BY l."_row"')
    assert joined.to_numpy().tolist() == [[1, "0"], [2, "1"]]
    roles = saved(store, "m")
    assert roles is not None
    assert (roles.score, roles.watched, roles.label) == ("score", ("class",), "label")  # an output is never a feature


def test_one_score_among_outputs_without_a_telling_name(store: Store, tmp_path: Path):
    lines = [event({"a": n}, {"yes": n / 10}, f"e{n}") for n in range(1, 4)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    load(store, [tmp_path / "log.jsonl"], "m")
    roles = saved(store, "m")
    assert roles is not None
    assert (roles.score, roles.features) == ("yes", ("a",))


def test_a_file_of_which_nothing_can_be_unpacked_is_refused(store: Store, tmp_path: Path):
    picture = {"encoding": "BASE64", "data": "/9j/4A==", "observedContentType": "image/jpeg"}
    (tmp_path / "pictures.jsonl").write_text("\n".join(event(picture) for _ in range(5)))
    with pytest.raises(BadInput, match=r"5 lines cannot be .* line 1 \(its `endpointInput` is no text in base64 \(image/jpeg\)\)"):
        load(store, [tmp_path / "pictures.jsonl"], "m")
    assert loads(store).empty
    assert pd.Series([p.name for p in Path(tmp_path).iterdir()]).str.startswith("vigia-").sum() == 0
