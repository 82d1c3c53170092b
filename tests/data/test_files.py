"""Files as people have them: formats, compressions, delimiters, encodings, and what is wrong with them, in one sentence."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data import files
from data.errors import BadInput
from data.load import load, loads
from data.roles import saved
from data.store import Store

FRAME = pd.DataFrame({
    "ts": pd.date_range("2026-03-01", periods=5, freq="h").astype(str),
    "plan": ["basic", "plus, with; all|of\tthem", 'say "hi"', "größe", "line\nbreak"],
    "amount": [1.5, 2.5, -3.0, 4.25, 1e6],
})  # fmt: skip


def write(path: Path, data: bytes) -> Path:
    """The bytes, compressed as the name says."""
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(data))
    elif path.suffix == ".zst":
        with pa.CompressedOutputStream(str(path), "zstd") as out:
            out.write(data)
    else:
        path.write_bytes(data)
    return path


def check(store: Store, dataset: str = "logs") -> None:
    table = store.frame(f"SELECT * FROM {dataset}.m ORDER BY _row")
    assert table["_row"].to_list() == [1, 2, 3, 4, 5]
    assert table["plan"].to_list() == FRAME["plan"].to_list()
    assert table["amount"].to_list() == FRAME["amount"].to_list()
    assert table["ts"].dt.hour.to_list() == [0, 1, 2, 3, 4]
    assert table["_misfits"].isna().all()


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_of_every_common_delimiter(store: Store, tmp_path: Path, delimiter: str, ending: str):
    path = write(tmp_path / f"a.csv{ending}", FRAME.to_csv(index=False, sep=delimiter).encode())
    load(store, [path], "m")
    check(store)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_csv_of_every_common_encoding(store: Store, tmp_path: Path, encoding: str, ending: str):
    load(store, [write(tmp_path / f"a.csv{ending}", FRAME.to_csv(index=False).encode(encoding))], "m")
    check(store)


def test_euro_sign_of_windows_1252_and_a_note_of_what_was_done(store: Store, tmp_path: Path):
    loaded = load(store, [write(tmp_path / "a.csv", "ts,price\n2026-03-01,€ 5\n".encode("cp1252"))], "m")[0]
    assert store.frame("SELECT price FROM logs.m")["price"].to_list() == ["€ 5"]
    assert "a.csv is not UTF-8; read as Windows-1252." in loaded.notes


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson", "a.log", "a.json.gz", "a.jsonl.gz", "a.jsonl.zst"])
def test_json_whatever_the_name_says(store: Store, tmp_path: Path, name: str):
    lines = "jsonl" in name or "ndjson" in name
    load(store, [write(tmp_path / name, FRAME.to_json(orient="records", lines=lines).encode())], "m")
    check(store)


def test_json_over_several_lines_and_with_a_byte_order_mark(store: Store, tmp_path: Path):
    objects = [json.dumps(row, indent=2) for row in FRAME.to_dict("records")]
    load(store, [write(tmp_path / "a.json", "\n".join(objects).encode("utf-8-sig"))], "m")
    load(store, [write(tmp_path / "b.json", json.dumps(FRAME.to_dict("records"), indent=1).encode("utf-16"))], "m", "reference")
    check(store)
    check(store, "reference")


def test_nested_json_is_flattened_and_lists_are_texts(store: Store, tmp_path: Path):
    lines = [
        {"ts": "2026-03-01T00:00:00Z", "in": {"age": 61, "name": {"first": "Ada"}}, "tags": ["a", "b"], "ok": True},
        {"ts": "2026-03-01T01:00:00Z", "in": {"age": None, "zip": "01234"}, "extra": 1.0},
    ]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines)).encode())
    load(store, [path], "m")
    table = store.frame(
        'SELECT "in.age" AS age, "in.name.first" AS first, "in.zip" AS zip, tags, ok, extra FROM logs.m ORDER BY _row'
    )
    assert table["age"].dropna().to_list() == [61]
    assert table["first"].dropna().to_list() == ["Ada"]
    assert table["zip"].dropna().to_list() == ["01234"]
    assert table["tags"].dropna().to_list() == ['["a","b"]']
    assert table["ok"].dropna().to_list() == ["true"]
    assert table["extra"].dropna().to_list() == [1]


def test_in_json_only_null_is_null_and_infinity_is_a_number(store: Store, tmp_path: Path):
    lines = [
        f'{{"ts": "2026-03-01", "x": {x}, "plan": "{p}"}}'
        for x, p in [("1", "none"), ("NaN", "NA"), ("-Infinity", ""), ("null", "a")] * 10
    ]
    lines.append('{"ts": "2026-03-01", "x": "n/a", "plan": null}')
    loaded = load(store, [write(tmp_path / "a.jsonl", "\n".join(lines).encode())], "m")[0]
    assert loaded.misfits == 1
    counted = store.frame(
        "SELECT count_if(isnan(x)) n, count_if(isinf(x)) i, count_if(x IS NULL) u, count(plan) p FROM logs.m"
    ).iloc[0]
    assert counted.to_list() == [10, 10, 11, 40]


def test_parquet_with_structs_lists_maps_and_odd_types(store: Store, tmp_path: Path):
    table = pa.table({
        "ts": pa.array([1772323200000, 1772326800000], pa.timestamp("ms", tz="Europe/Berlin")),
        "inference_id": pa.array([9007199254740993, 2]),
        "st": [{"a": 1, "b": {"c": "z"}}, None],
        "l": [[1, 2], None],
        "m": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        "flag": [True, None],
        "money": pa.array([1, 2], pa.decimal128(10, 2)),
        "day": pa.array([0, 1], pa.date32()),
        "file_row_number": [5, 6],
        "nothing": pa.nulls(2),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet")
    loaded = load(store, [tmp_path / "a.parquet"], "m")[0]
    row = store.frame("SELECT * FROM logs.m ORDER BY _row").iloc[0]
    assert str(row["ts"]) == "2026-03-01 00:00:00+00:00"
    assert row["inference_id"] == "9007199254740993"
    assert (row["st.a"], row["st.b.c"], row["l"], row["m"]) == (1, "z", "[1,2]", '{"k":1}')
    assert (row["flag"], row["money"], row["day"], row["file_row_number"]) == ("true", 1, "1970-01-01", 5)
    assert "nothing" not in row.index
    assert any('"nothing" without any value' in note for note in loaded.notes)


def test_one_file_several_files_and_globs_in_order(store: Store, tmp_path: Path):
    for name in ("b", "a", "c", "a[1]"):
        write(tmp_path / f"{name}.csv", f"ts,x\n2026-03-01,{len(name)}{ord(name[0])}\n".encode())
    done = load(store, [str(tmp_path / "?.csv"), tmp_path / "a.csv", tmp_path / "a[1].csv"], "m")
    assert [Path(one.file).name for one in done] == ["a.csv", "b.csv", "c.csv", "a[1].csv"]
    assert store.frame("SELECT x FROM logs.m ORDER BY _load")["x"].to_list() == [197, 198, 199, 497]


def test_rows_are_numbered_as_in_the_file(store: Store, tmp_path: Path):
    text = "ts,x\n" + "".join(f"2026-03-01,{i}\n" for i in range(300_000))
    load(store, [write(tmp_path / "a.csv", text.encode())], "m")
    assert store.frame("SELECT count(*) n, count_if(_row <> x + 1) d FROM logs.m").iloc[0].to_list() == [300_000, 0]
    pq.write_table(pa.table({"ts": ["2026-03-01"] * 300_000, "x": range(300_000)}), tmp_path / "a.parquet", row_group_size=10_000)
    load(store, [tmp_path / "a.parquet"], "p")
    assert store.frame("SELECT count(*) n, count_if(_row <> x + 1) d FROM logs.p").iloc[0].to_list() == [300_000, 0]


def test_line_ends_of_both_kinds_a_blank_line_and_none_at_the_end(store: Store, tmp_path: Path):
    load(store, [write(tmp_path / "a.csv", b"ts,x\r\n2026-03-01,1\n\n2026-03-02,2\r\n2026-03-03,3")], "m")
    assert store.frame("SELECT x FROM logs.m ORDER BY _row")["x"].to_list() == [1, 2, 3]


def test_quotes_escaped_by_a_backslash(store: Store, tmp_path: Path):
    load(store, [write(tmp_path / "a.csv", b'ts,body\n2026-03-01,"{\\"a\\": 1, \\"b\\": 2}"\n')], "m")
    assert store.frame("SELECT body FROM logs.m")["body"][0] == '{"a": 1, "b": 2}'


def test_an_index_without_a_name(store: Store, tmp_path: Path):
    loaded = load(store, [write(tmp_path / "a.csv", b",ts,x\n0,2026-03-01,1\n1,2026-03-02,5\n")], "m")[0]
    assert any('called "index"' in note for note in loaded.notes)
    assert saved(store, "m").ignored == ("index",)


BAD: dict[str, tuple[str, bytes, str]] = {
    "too few fields": ("a.csv", b"ts,x,y\n2026-03-01,1,2\n2026-03-01,1\n", r"a\.csv, line 3 \(row 2\): expected 3 fields.*found 2"),
    "too many fields": ("a.csv", b"ts,x\n2026-03-01,1\n2026-03-01,1,2\n", r"a\.csv, line 3 \(row 2\): expected 2 fields.*found 3"),
    "open quote": ("a.csv", b'ts,x\n2026-03-01,"1\n2026-03-01,2\n', r"a\.csv, line 2 \(row 1\): a quoted field is opened"),
    "no header": ("a.csv", b"2026-03-01,1,2\n2026-03-02,1,3\n", r"a\.csv, line 1: expected the names of the columns"),
    "a name twice": ("a.csv", b"ts,x,x\n2026-03-01,1,2\n", r'a\.csv: the column "x" stands twice'),
    "names in capitals": ("a.csv", b"ts,x,X\n2026-03-01,1,2\n", r'a\.csv: the column "X" differs from "x" only in capitals'),
    "our own name": ("a.csv", b"ts,_load\n2026-03-01,1\n", r'a\.csv: a column is called "_load"'),
    "our own name in capitals": ("a.csv", b"ts,_Misfits\n2026-03-01,1\n", r'a\.csv: a column is called "_Misfits"'),
    "broken UTF-8": ("a.csv", "ts,x\n2026-03-01,größe\n2026-03-01,".encode() + b"\xff\n", r"a\.csv, line 3: not UTF-8"),
    "truncated gzip": ("a.csv.gz", gzip.compress(b"ts,x\n" + b"2026-03-01,1\n" * 9999)[:-20], r"a\.csv\.gz is damaged or cut off"),
    "no Parquet": ("a.parquet", b"ts,x\n2026-03-01,1\n", r"a\.parquet is named like a Parquet file"),
    "cut Parquet": ("a.parquet", b"PAR1" + b"x" * 99, r"a\.parquet: not readable as Parquet"),
    "zip": ("a.zip", b"PK\x03\x04" + b"x" * 99, r"a\.zip is a zip archive"),
    "picture": ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(999), r"a\.png is neither text nor Parquet"),
    "broken line of JSON": ("a.jsonl", b'{"ts": "2026-03-01"}\n{"ts": \n{"ts": "2026-03-01"}\n', r"a\.jsonl, line 2: not readable as JSON"),
    "cut JSON": ("a.json", b'[{"ts": "2026-03-01"}, {"ts": ', r"a\.json, record 2: not readable as JSON"),
    "JSON of no objects": ("a.json", b'[{"ts": "2026-03-01"}, 3]', r"a\.json: expected objects .* found 1 of 2"),
    "no time": ("a.csv", b"when,x\nyesterday,1\ntoday,2\n", r'a\.csv: the timestamp "ts" is not in this file'),
    "ambiguous decimals": ("a.csv", b'ts;x\n2026-03-01;"1,234"\n', r'a\.csv, column "x": "1,234" can be 1\.234 .* or 1234 .*`decimal: ","`'),
    "mixed dates": ("a.csv", b"ts,x\n13/01/2026,1\n01/13/2026,2\n", r'a\.csv, column "ts": some values are day first .*month first'),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_in_one_sentence_and_nothing_is_loaded(store: Store, tmp_path: Path, case: str):
    name, data, expected = BAD[case]
    (tmp_path / "good.csv").write_text("ts,x\n2026-03-01,1\n")
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadInput, match=expected) as told:
        load(store, [tmp_path / "good.csv", tmp_path / name], "m")
    assert "\n" not in str(told.value)
    assert loads(store).empty
    assert store.frame("SELECT 1 FROM duckdb_tables() WHERE schema_name = 'logs'").empty


def test_files_that_are_not_there(store: Store, tmp_path: Path):
    (tmp_path / "march.csv").write_text("ts,x\n")
    with pytest.raises(BadInput, match=r'There is no file ".*mach\.csv"\. Did you mean "march\.csv"\?'):
        load(store, [tmp_path / "mach.csv"], "m")
    with pytest.raises(BadInput, match=r"No file matches"):
        load(store, [str(tmp_path / "*.parquet")], "m")
    with pytest.raises(BadInput, match=r"is a folder"):
        load(store, [tmp_path], "m")
    with pytest.raises(BadInput, match=r"the folder .* does not exist"):
        load(store, [tmp_path / "no" / "a.csv"], "m")
    with pytest.raises(BadInput, match=r"No file was named"):
        load(store, [], "m")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything; the next test covers it in a process of another user")
def test_a_file_without_permission(store: Store, tmp_path: Path):
    path = write(tmp_path / "a.csv", b"ts,x\n")
    path.chmod(0)
    with pytest.raises(BadInput, match=r"a\.csv cannot be read: permission denied"):
        load(store, [path], "m")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_file_without_permission_read_by_nobody(tmp_path: Path):
    path = write(tmp_path / "a.csv", b"ts,x\n")
    path.chmod(0)
    folder = tmp_path
    while folder != folder.parent:  # pytest's folders are its owner's alone
        folder.chmod(folder.stat().st_mode | 0o055) if str(folder).startswith("/tmp/") else None
        folder = folder.parent
    code = (
        "import os, sys; from data.files import opened; from data.errors import BadInput; from pathlib import Path\n"
        "os.setuid(65534)\n"
        "try:\n    with opened(Path(sys.argv[1]), 'a.csv'): pass\n"
        "except BadInput as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
    assert told == "a.csv cannot be read: permission denied.\n"


def changes() -> dict[str, Callable[[Path], None]]:
    def same_size(path: Path) -> None:
        stat = path.stat()
        path.write_text(path.read_text().replace("1", "2"))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    def replaced(path: Path) -> None:
        other = path.with_suffix(".new")
        other.write_text(path.read_text())
        other.replace(path)

    return {
        "appended": lambda p: p.open("a").write("2026-03-02,9\n") and None,
        "same size": same_size,
        "replaced": replaced,
        "gone": Path.unlink,
    }


@pytest.mark.parametrize("change", changes())
def test_a_file_that_changes_while_it_is_read_is_not_loaded(store: Store, tmp_path: Path, change: str):
    path = write(tmp_path / "a.csv", b"ts,x\n2026-03-01,1\n")
    done = []

    def progress(*_now: object) -> None:
        if not done:
            done.append(changes()[change](path))

    with pytest.raises(BadInput, match=r"a\.csv changed while it was read; nothing was loaded"):
        load(store, [path], "m", progress=progress)
    assert loads(store).empty


def test_temporary_copies_are_removed(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    load(store, [write(tmp_path / "a.csv", FRAME.to_csv(index=False).encode("utf-16"))], "m")
    with pytest.raises(BadInput):
        load(store, [write(tmp_path / "b.csv", "ts,x\n2026-03-01,1,2\n".encode("utf-16"))], "m")
    assert not list((tmp_path / "tmp").glob("*.txt"))


def test_objects_whose_keys_differ_from_line_to_line(store: Store, tmp_path: Path):
    lines = [
        '{"ts": "2026-03-01", "a": null, "b": 1}',
        '{"ts": "2026-03-01", "a": {"x": 1}}',
        '{"ts": "2026-03-01", "a": {"y": "z"}, "b": {"c": 1}}',
    ]
    load(store, [write(tmp_path / "a.jsonl", "\n".join(lines).encode())], "m")
    table = store.frame('SELECT "a.x" AS x, "a.y" AS y, b FROM logs.m ORDER BY _row')
    assert table["x"].isna().to_list() == [True, False, True]
    assert table["y"].dropna().to_list() == ["z"]
    assert table["b"].dropna().to_list() == ["1", '{"c":1}']


def test_markers_of_missing_values_in_csv_and_texts_that_only_hold_one(store: Store, tmp_path: Path):
    texts = ["", "NA", "na", "N/A", "n/a", "NULL", "null", "None", "none", "NaT", " NA ", "na|n", "nan", "none of it", "nay"]
    text = "ts,plan\n" + "".join(f'2026-03-01,"{one}"\n' for one in texts)
    load(store, [write(tmp_path / "a.csv", text.encode())], "m")
    assert store.frame("SELECT plan FROM logs.m WHERE plan IS NOT NULL ORDER BY _row")["plan"].to_list() == texts[11:]
