"""What a load does to the store: once, wholly, with its notes; and how it is taken back."""

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.load import Loaded, adopt, load, loads, remember, undo
from data.roles import Roles, from_dict, load_yaml, saved, to_dict
from data.store import Store

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
LOG = "ts,id,x,plan\n2026-03-01 10:00:00,1,1.5,a\n2026-03-02 11:00:00,2,2.5,b\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def load_text(store: Store, folder: Path, text: str, dataset: str = "log", name: str = "a.csv") -> Loaded:
    return load(store, [write(folder / name, text)], "m", dataset)[0]


def test_an_entry_says_what_was_loaded_from_where_by_whom(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VIGIA_AUTHOR", "ada")
    loaded = load_text(store, tmp_path, LOG)
    assert (loaded.load, loaded.rows, loaded.misfits, loaded.already) == (1, 2, 0, False)
    entry = loads(store, "m").iloc[0]
    assert entry[["load", "model", "dataset", "version", "rows", "misfits", "bytes", "author"]].to_list() == [
        1,
        "m",
        "log",
        "",
        2,
        0,
        len(LOG),
        "ada",
    ]
    assert (str(entry["first_time"]), str(entry["last_time"])) == ("2026-03-01 10:00:00+00:00", "2026-03-02 11:00:00+00:00")
    assert entry["file"] == str(tmp_path / "a.csv")
    last = store.frame("SELECT author, commit_message FROM lake.snapshots() ORDER BY snapshot_id DESC LIMIT 1").iloc[0]
    assert last.to_list() == ["ada", "load a.csv into m as log"]


def test_an_upload_is_entered_under_its_own_name(store: Store, tmp_path: Path):
    load(store, [write(tmp_path / "tmp123", LOG)], "m", names=["march.csv"])
    assert loads(store)["file"].to_list() == ["march.csv"]


def test_the_same_bytes_are_loaded_once_a_dataset(store: Store, tmp_path: Path):
    load_text(store, tmp_path, LOG)
    again, twin = load(store, [tmp_path / "a.csv", write(tmp_path / "b.csv", LOG)], "m")
    assert (again.already, again.load, twin.already, twin.load) == (True, 1, True, 1)
    assert again.notes == ("a.csv: these bytes are loaded already, as load 1; nothing was done.",)
    assert len(loads(store)) == 1
    assert not load_text(store, tmp_path, LOG, "reference").already
    both = load(
        store, [write(tmp_path / "c.csv", LOG + "2026-03-03,3,3,c\n"), write(tmp_path / "d.csv", LOG + "2026-03-03,3,3,c\n")], "m"
    )
    assert [one.already for one in both] == [False, True]


def test_a_reference_may_serve_two_versions(store: Store, tmp_path: Path):
    path = write(tmp_path / "a.csv", LOG)
    assert [load(store, [path], "m", "reference", v)[0].already for v in ("v1", "v2", "v1")] == [False, False, True]
    assert store.frame("SELECT DISTINCT _version FROM reference.m ORDER BY 1")["_version"].to_list() == ["v1", "v2"]


def test_undo_takes_the_rows_and_leaves_the_entry(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    load_text(store, tmp_path, LOG)
    load_text(store, tmp_path, "ts,id,x,plan\n2026-03-03,3,9,c\n", name="b.csv")
    monkeypatch.setenv("VIGIA_AUTHOR", "bo")
    assert undo(store, 1, "sent twice") == "Load 1 is taken back: 2 rows of a.csv left m (log)."
    assert store.frame("SELECT x FROM logs.m")["x"].to_list() == [9]
    entry = loads(store).set_index("load").loc[1]
    assert entry["undone_by"] == "bo"
    assert not pd.isna(entry["undone_at"])
    message = store.frame("SELECT commit_message AS m FROM lake.snapshots() ORDER BY snapshot_id DESC LIMIT 1")["m"][0]
    assert message == "undo load 1 of m: sent twice"
    with pytest.raises(BadInput, match=r"Load 1 was taken back before, .* by bo\."):
        undo(store, 1)
    with pytest.raises(BadInput, match=r"There is no load 7\. The last ones are 2\."):
        undo(store, 7)
    assert not load_text(store, tmp_path, LOG).already  # what was taken back may come again
    assert loads(store)["load"].to_list() == [3, 2, 1]


def test_a_column_gone_is_null_and_told_and_a_new_one_is_added(store: Store, tmp_path: Path):
    load_text(store, tmp_path, LOG)
    loaded = load_text(store, tmp_path, "ts,id,plan,hint\n2026-03-03,3,c,9\n", name="b.csv")
    assert loaded.notes == ('b.csv: "x" is not in this file; its rows have null there.', 'b.csv: "hint" is a new column.')
    table = store.frame("SELECT x, hint FROM logs.m ORDER BY _load, _row")
    assert table["x"].isna().to_list() == [False, False, True]
    assert table["hint"].isna().to_list() == [True, True, False]
    assert saved(store, "m").features == ("x", "plan")


@pytest.mark.parametrize(
    ("dataset", "text", "told"),
    [
        ("log", "tz,id,x,plan\n2026-03-03,3,9,c\n", r'b\.csv: the timestamp "ts" is not in this file\. Did you mean "tz"\?'),
        ("labels", "idd,label\n3,1\n", r'b\.csv: the inference_id "id" is not in this file\. Did you mean "idd"\?'),
        ("labels", "id,wert,rang\n3,1,2\n", r"b\.csv: no column seems to be the label\. Name it in roles\.yaml as `label: …`\. There is"),
    ],
)
def test_a_file_without_its_key_is_refused_with_the_near_names(store: Store, tmp_path: Path, dataset: str, text: str, told: str):
    load_text(store, tmp_path, "ts,id,x,plan\n" + "".join(f"2026-03-01,{i},{i},a\n" for i in range(30)))
    with pytest.raises(BadInput, match=told):
        load_text(store, tmp_path, text, dataset, "b.csv")
    assert len(loads(store)) == 1


def test_the_only_other_column_of_labels_is_the_label_also_where_the_reference_has_it(store: Store, tmp_path: Path):
    rows = "".join(f"2026-03-{i + 1:02d},L{i},{i},{'yes' if i % 3 else 'no'}\n" for i in range(28))
    load_text(store, tmp_path, "ts,loan_id,age,defaulted\n" + rows, "reference")
    assert saved(store, "m").features == ("age", "defaulted")
    load_text(store, tmp_path, "ts,loan_id,age\n" + "".join(f"{row.rpartition(',')[0]}\n" for row in rows.split()), name="b.csv")
    load_text(store, tmp_path, "loan_id,defaulted,labelled_at\nL1,yes,2026-04-01\n", "labels", "c.csv")
    roles = saved(store, "m")
    assert (roles.inference_id, roles.label, roles.label_time, roles.features) == ("loan_id", "defaulted", "labelled_at", ("age",))
    reasons = store.frame("SELECT reason FROM main.roles WHERE model = 'm' ORDER BY edited_at DESC LIMIT 1")["reason"][0]
    assert "defaulted: the only column of the labels that has no other role" in reasons


def test_labels_of_which_no_id_is_in_the_log_are_told(store: Store, tmp_path: Path):
    load_text(store, tmp_path, LOG)
    told = load_text(store, tmp_path, "id,label\n7,1\n8,0\n", "labels", "b.csv").notes
    assert told == ('b.csv: none of its first 2 ids is in the log ("7"). Is "id" the right inference_id?',)
    assert load_text(store, tmp_path, "id,label\n7,1\n1,0\n", "labels", "c.csv").notes == ()


def test_times_that_cannot_be_right_are_told(store: Store, tmp_path: Path):
    told = load_text(store, tmp_path, LOG + "1970-01-01 00:00:00,3,1,a\n2100-01-01 00:00:00,5,1,a\n2100-01-02 00:00:00,6,1,a\n")
    early, late = told.notes
    assert early.startswith("a.csv: 1 row is from before 1980, the first from 1970-01-01, as if a time were missing.")
    assert late.startswith("a.csv: 2 rows are from after today, the last from 2100-01-02, where the log ends now.")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_time_beyond_any_calendar_is_a_misfit(store: Store, tmp_path: Path, kind: str):
    times = pd.to_datetime(["2026-03-01 10:00:00", "9999-12-31 23:59:59", None, "1600-01-01 00:00:00"], utc=True)
    log = pd.DataFrame({"ts": times, "x": range(4)})
    (log.to_csv if kind == "csv" else log.to_parquet)(tmp_path / f"a.{kind}", index=False)
    loaded = load(store, [tmp_path / f"a.{kind}"], "m")[0]
    assert (loaded.rows, loaded.misfits) == (4, 2)
    assert any('column "ts": 2 values that are not of its type, kept as misfits; the first in row 2: "9999-12-31' in n for n in loaded.notes)
    assert f"a.{kind}: 3 rows have no time that can be read, so they are in no window." in loaded.notes


def test_numbers_with_a_decimal_comma_are_guessed_as_numbers(store: Store, tmp_path: Path):
    # Without their values being read, "245000,0" were no number at all, and so the prediction of a price a class.
    rows = "".join(f"2026-03-01 {i:02d}:00;{i};2450{i:02d},5;2440{i:02d},0;{i / 32:.3f};{1 - i / 32:.3f}\n".replace(".", ",") for i in range(24))
    load_text(store, tmp_path, "zeit;id;vorhersage;ziel;p_ja;p_nein\n" + rows)
    roles = saved(store, "m")
    assert dict(roles.types)["vorhersage"] == dict(roles.types)["ziel"] == "number"
    assert roles.probabilities == ("p_ja", "p_nein")


def test_bytes_of_a_parquet_file_are_texts(store: Store, tmp_path: Path):
    table = pa.table({"ts": pd.date_range("2026-03-01", periods=30, freq="h"), "plan": pa.array([b"basic", b"\xff"] * 15)})
    pq.write_table(table, tmp_path / "a.parquet")
    load(store, [tmp_path / "a.parquet"], "m")
    assert saved(store, "m").features == ("plan",)
    assert store.rows("SELECT DISTINCT plan FROM logs.m ORDER BY plan") == [("\\xFF",), ("basic",)]


def test_labels_come_later_and_join_as_texts(store: Store, tmp_path: Path):
    log = pd.DataFrame({"ts": pd.date_range("2026-03-01", periods=40, freq="h"), "id": range(40), "x": range(40)})
    log.to_parquet(tmp_path / "log.parquet")
    load(store, [tmp_path / "log.parquet"], "m")
    text = "id,label,label_time\n" + "".join(f"{i},{i % 2}.0,2026-03-0{2 + i % 3}T00:00:00Z\n" for i in range(40))
    loaded = load_text(store, tmp_path, text, "labels")
    roles = saved(store, "m")
    assert roles is not None
    assert (roles.inference_id, roles.label, roles.label_time) == ("id", "label", "label_time")
    joined = store.frame("SELECT count(*) AS n, count_if(label = '1') AS ones FROM logs.m JOIN labels.m USING (id)")
    assert joined.iloc[0].to_list() == [40, 20]
    entry = loads(store).set_index("load").loc[loaded.load]
    assert str(entry["first_time"]) == "2026-03-02 00:00:00+00:00"


def test_a_reference_loaded_first_gives_the_features_and_the_log_the_rest(store: Store, tmp_path: Path):
    load_text(store, tmp_path, "x,plan,label\n1,a,0\n2,b,1\n", "reference")
    load_text(
        store,
        tmp_path,
        LOG.replace("id,x", "id,model_version,x").replace(",1,1.5", ",1,v1,1.5").replace(",2,2.5", ",2,v1,2.5"),
        name="b.csv",
    )
    roles = saved(store, "m")
    assert roles is not None
    assert (roles.timestamp, roles.model_version, roles.label, roles.features) == ("ts", "model_version", "label", ("x", "plan"))


def test_a_time_that_cannot_be_read_is_kept_and_counted(store: Store, tmp_path: Path):
    rows = "".join(f"2026-03-01 00:00:{i:02d},{i}\n" for i in range(20))
    loaded = load_text(store, tmp_path, "ts,x\n" + rows + "soon,20\n,21\n")
    assert (loaded.rows, loaded.misfits) == (22, 1)
    assert "a.csv: 2 rows have no time that can be read, so they are in no window." in loaded.notes
    assert store.frame("SELECT _misfits['ts'] AS t FROM logs.m WHERE _row = 21")["t"].to_list() == ["soon"]


def test_a_column_without_a_value_takes_its_type_from_the_first_one(store: Store, tmp_path: Path):
    load_text(store, tmp_path, "ts,x,late\n2026-03-01,1,\n2026-03-02,2,NA\n")
    load_text(store, tmp_path, "ts,x,late\n2026-03-03,3,word\n", name="b.csv")
    assert store.frame("SELECT late FROM logs.m WHERE late IS NOT NULL")["late"].to_list() == ["word"]


def test_roles_that_name_what_is_not_there(store: Store, tmp_path: Path):
    path = write(tmp_path / "a.csv", LOG)
    with pytest.raises(
        BadInput, match=r'roles: `features` names the column "plam", which no file of this load has\. Did you mean "plan"\?'
    ):
        load(store, [path], "m", roles=Roles(timestamp="ts", features=("x", "plam")))
    with pytest.raises(BadInput, match=r'roles: `timestamp` names the column "when", which no file'):
        load(store, [path], "m", roles=Roles(timestamp="when", features=("x",)))
    with pytest.raises(BadInput, match=r"no column seems to be the timestamp"):
        load(store, [path], "m", roles=Roles(features=("x",)))
    assert loads(store).empty


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("timestamp: x", 'a.csv, column "x": its role `timestamp` needs times, and none of its 2 values is one, such as "1.5".'),
        ("timestamp: ts\nscore: plan", 'column "plan": its role `score` needs numbers, and none of its 2 values is one, such as "a".'),
        ("timestamp: ts\nfeatures: [plan]\ntypes: {plan: number}", 'column "plan": its role `features` needs numbers'),
    ],
)
def test_a_role_that_no_value_fits_is_refused_and_nothing_is_loaded(store: Store, tmp_path: Path, text: str, told: str):
    files, roles = [write(tmp_path / "a.csv", LOG)], load_yaml(write(tmp_path / "roles.yaml", text))
    with pytest.raises(BadInput, match=re.escape(told)):
        load(store, files, "m", roles=roles)
    assert (loads(store).empty, saved(store, "m")) == (True, None)
    load(store, files, "m")  # and as a change of what is loaded
    with pytest.raises(BadInput, match=r'm \(log\), column "(x|plan)": its role `[a-z]+` needs'):
        remember(store, "m", roles)
    assert store.rows("SELECT x, plan FROM logs.m ORDER BY _row") == [(1.5, "a"), (2.5, "b")]


def test_an_id_is_no_version(store: Store, tmp_path: Path):
    table = pd.DataFrame({"ts": pd.date_range("2026-03-01", periods=2000, freq="min"), "model_id": [f"a{i}" for i in range(2000)], "x": 1.0})
    table.to_parquet(tmp_path / "a.parquet")
    roles = Roles(timestamp="ts", model_version="model_id", features=("x",))
    told = r'column "model_id": its role `model_version` tells the versions of a model apart, and it has about [12],\d{3} different values'
    with pytest.raises(BadInput, match=rf"a\.parquet, {told}"):
        load(store, [tmp_path / "a.parquet"], "m", roles=roles)
    load(store, [tmp_path / "a.parquet"], "m")
    assert (saved(store, "m").model_version, saved(store, "m").inference_id) == (None, "model_id")
    with pytest.raises(BadInput, match=rf"m \(log\), {told}"):
        remember(store, "m", roles)


def test_values_that_no_longer_fit_are_misfits_however_many(store: Store, tmp_path: Path):
    load_text(store, tmp_path, LOG)
    assert load_text(store, tmp_path, "ts,id,x,plan\n2026-03-03 10:00:00,3,ERR,a\n", name="b.csv").misfits == 1


def test_roles_that_come_with_a_file_that_is_loaded_already_are_taken(store: Store, tmp_path: Path):
    load_text(store, tmp_path, LOG)
    given = from_dict(to_dict(saved(store, "m")) | {"features": ["x"], "segments": ["plan"], "types": {}})
    load(store, [tmp_path / "a.csv"], "m", roles=given)
    assert adopt(store, "m", given, "given with roles.yaml") == "The roles of m are saved."
    assert (saved(store, "m").segments, dict(saved(store, "m").types)) == (("plan",), {"x": "number"})
    assert adopt(store, "m", given, "again") is None


def test_calls_that_make_no_sense(store: Store, tmp_path: Path):
    path = write(tmp_path / "a.csv", LOG)
    with pytest.raises(BadInput, match=r'There is no dataset "lables"\. Did you mean "labels"\?'):
        load(store, [path], "m", "lables")
    with pytest.raises(BadInput, match=r"A version is given for reference and training only"):
        load(store, [path], "m", version="v1")
    with pytest.raises(BadInput, match=r"The model has no name"):
        load(store, [path], " ")
    load(store, [path], "m")
    with pytest.raises(BadInput, match=r'The model "M" differs from "m" only in capitals'):
        load(store, [path], "M")


@pytest.mark.parametrize("model", ['in"come; --', "a.b", "größe", "<b>bold</b>", "x/y", "it's"])
def test_models_of_awkward_names(store: Store, tmp_path: Path, model: str):
    load(store, [write(tmp_path / "a.csv", LOG)], model)
    load(
        store,
        [write(tmp_path / "b.csv", LOG + "2026-03-03,3,word,c\n")],
        model,
        roles=Roles(timestamp="ts", features=("x", "plan")),
    )
    assert loads(store, model)["rows"].to_list() == [3, 2]
    assert "2 rows" in undo(store, 1)


def test_columns_in_other_capitals_are_the_same_columns(store: Store, tmp_path: Path):
    load_text(store, tmp_path, LOG)
    loaded = load_text(store, tmp_path, "TS,ID,X,Plan\n2026-03-03,3,9,c\n", name="b.csv")
    assert 'b.csv: the column "Plan" is taken for "plan".' in loaded.notes
    assert store.frame("SELECT plan FROM logs.m ORDER BY _load, _row")["plan"].to_list() == ["a", "b", "c"]


def test_times_without_an_offset_are_in_the_zone_of_the_roles(store: Store, tmp_path: Path):
    roles = Roles(timestamp="ts", features=("x",), time_zone="Europe/Berlin")
    (tmp_path / "a.csv").write_text("ts,x\n2026-03-01 00:30:00,1\n2026-07-01T00:30:00Z,2\n01:00,3\n")
    pq.write_table(pa.table({"ts": pa.array([1782858600000000], pa.timestamp("us")), "x": [4.0]}), tmp_path / "b.parquet")
    load(store, [tmp_path / "a.csv", tmp_path / "b.parquet"], "m", roles=roles)
    times = store.frame("SELECT strftime(ts, '%Y-%m-%d %H:%M') AS t FROM logs.m ORDER BY x")["t"]
    assert times.iloc[:2].to_list() == ["2026-02-28 23:30", "2026-07-01 00:30"]
    assert pd.isna(times[2])
    assert times[3] == "2026-06-30 20:30"


@pytest.mark.parametrize("decimal", [",", "."])
def test_the_decimal_key_decides_what_is_ambiguous(store: Store, tmp_path: Path, decimal: str):
    path = write(tmp_path / "a.csv", "ts;x\n2026-03-01;1,234\n2026-03-02;5,678\n")
    load(store, [path], "m", roles=Roles(timestamp="ts", features=("x",), types=(("x", "number"),), decimal=decimal))
    assert store.frame("SELECT x FROM logs.m ORDER BY _row")["x"].to_list() == (
        [1.234, 5.678] if decimal == "," else [1234, 5678]
    )


def test_progress_goes_up_to_one_and_counts_rows(store: Store, tmp_path: Path):
    rows = 300_000
    said: list[tuple[float, int, float | None]] = []
    text = "ts,x,y\n" + "".join(f"2026-03-01 00:00:00,{i},{i}.5\n" for i in range(rows))
    load(store, [write(tmp_path / "a.csv", text)], "m", progress=lambda *now: said.append(now))
    shares = [share for share, _, _ in said]
    assert shares == sorted(shares)
    assert said[-1][:2] == (1.0, rows)
    assert all(0 <= share <= 1 and 0 <= done <= rows for share, done, _ in said)


def test_a_listener_that_fails_stops_the_load(store: Store, tmp_path: Path):
    def listener(*_now: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(store, [write(tmp_path / "a.csv", LOG)], "m", progress=listener)
    assert loads(store).empty
    assert load_text(store, tmp_path, LOG).rows == 2


def test_the_sample(store: Store):
    done = load(store, [str(SAMPLE / "log-*.parquet")], "flight-delay", roles=load_yaml(SAMPLE / "roles.yaml"))
    assert sum(one.rows for one in done) == 255_819
    odd = next(one for one in done if one.file.endswith("08-13_14.parquet"))
    assert (odd.rows, odd.misfits) == (1993, 323)
    assert any('"visib"' in note and "not in this file" in note for note in odd.notes)
    assert any('"gate_hint" is a new column' in note for note in odd.notes)
    assert any('"seats": 323 values' in note and '"n/a"' in note for note in odd.notes)
    seats = store.frame(
        "SELECT count(seats) AS n, count(_misfits['seats']) AS m FROM logs.\"flight-delay\" WHERE _load = ?", [odd.load]
    )
    assert seats.iloc[0].to_list() == [1993 - 323, 323]
    assert load(store, [SAMPLE / "labels.parquet"], "flight-delay", "labels")[0].rows == 243_432
    joined = store.frame('SELECT count(*) AS n FROM logs."flight-delay" JOIN labels."flight-delay" USING (inference_id)')
    assert joined["n"][0] == pytest.approx(243_432, rel=0.01)  # hours of the log are lost, others came twice: planted
