"""Times in every spelling, against Python's own reading of them."""

from datetime import UTC, datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import times
from data.errors import BadInput
from data.load import load
from data.roles import Roles, saved
from data.store import Store

CONNECTION = duckdb.connect()
CONNECTION.execute("SET TimeZone = 'Asia/Tokyo'")  # must not matter


def read(text: object, kind: str = "VARCHAR", time_format: str | None = None, zone: str = "UTC") -> datetime | None:
    sql = f"SELECT epoch_us({times.time('v', kind, time_format, zone)}) FROM (SELECT CAST($v AS {kind}) AS v)"
    row = CONNECTION.execute(sql, {"v": text}).fetchone()
    return None if row is None or row[0] is None else datetime.fromtimestamp(row[0] / 1e6, UTC)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-03-01", "2026-03-01T00:00"),
        ("2026-03-01 10:11", "2026-03-01T10:11"),
        ("2026-03-01T10:11:12", "2026-03-01T10:11:12"),
        ("2026-03-01 10:11:12.5", "2026-03-01T10:11:12.5"),
        ("2026-03-01 10:11:12,123", "2026-03-01T10:11:12.123"),
        ("2026-03-01T10:11:12.123456789", "2026-03-01T10:11:12.123456"),
        ("2026/03/01 10:11:12", "2026-03-01T10:11:12"),
        ("2026-03-01T10:11Z", "2026-03-01T10:11"),
        ("2026-03-01T10:11:12z", "2026-03-01T10:11:12"),
        ("2026-03-01 10:11:12 UTC", "2026-03-01T10:11:12"),
        ("2026-03-01T23:39:20-07:00", "2026-03-02T06:39:20"),
        ("2026-03-01T23:39:20-0700", "2026-03-02T06:39:20"),
        ("2026-03-01 23:39:20+05:30", "2026-03-01T18:09:20"),
        ("2026-03-01T23:39-07", "2026-03-02T06:39"),
        ("20260301T101112Z", "2026-03-01T10:11:12"),
        ("20260301", "2026-03-01T00:00"),
        ("20260301101112", "2026-03-01T10:11:12"),
        ("1772359872", "2026-03-01T10:11:12"),
        ("1772359872.5", "2026-03-01T10:11:12.5"),
        ("1772359872123", "2026-03-01T10:11:12.123"),
        ("1772359872123456", "2026-03-01T10:11:12.123456"),
        ("1772359872123456789", "2026-03-01T10:11:12.123456"),
    ],
)
def test_spellings_that_need_no_format(text: str, iso: str):
    assert read(text) == datetime.fromisoformat(iso).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-02-30", "2026-13-01", "12", "10:11", "infinity", "epoch", "2026-03-01x", "03/04/2026", "-5", "nan"]
)
def test_what_is_no_time_is_null(text: str):
    assert read(text) is None


@given(st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)), min_size=20, max_size=40))
@settings(max_examples=10)
def test_epochs_of_every_unit_and_type_read_as_the_same_time(moments: list[datetime]):
    seconds = [int((moment - datetime(1970, 1, 1)).total_seconds()) for moment in moments]
    for kind in ("BIGINT", "VARCHAR", "DOUBLE"):
        ways = [f"epoch_us({times.time(f'CAST(s * {unit} AS {kind})', kind, None, 'UTC')})" for unit in times.EPOCHS.values()]
        rows = CONNECTION.execute(f"SELECT {', '.join(ways)} FROM (SELECT unnest($s::BIGINT[]) AS s)", {"s": seconds}).fetchall()
        assert rows == [(s * 1_000_000,) * 4 for s in seconds]


@pytest.mark.parametrize("unit", times.EPOCHS)
@pytest.mark.parametrize("kind", ["BIGINT", "VARCHAR", "DOUBLE"])
def test_an_epoch_unit_that_is_named_reads_small_numbers_and_refuses_absurd_ones(unit: str, kind: str):
    assert read(0, kind, unit) == datetime(1970, 1, 1, tzinfo=UTC)
    assert read(86_400 * times.EPOCHS[unit], kind, unit) == datetime(1970, 1, 2, tzinfo=UTC)
    if unit != "epoch_ns":  # 64 bits of nanoseconds end in 2262
        assert read(9_000_000_000_000_000_000, kind, unit) is None


def test_a_zone_counts_only_for_times_without_an_offset():
    assert read("2026-07-01 00:30:00", zone="Europe/Berlin") == datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert read("2026-07-01 00:30:00Z", zone="Europe/Berlin") == datetime(2026, 7, 1, 0, 30, tzinfo=UTC)
    assert read("01.07.2026 00:30", time_format="%d.%m.%Y %H:%M", zone="Europe/Berlin") == datetime(
        2026, 6, 30, 22, 30, tzinfo=UTC
    )


FORMATS = [
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y, %I:%M %p", "%d/%m/%y %H:%M", "%m-%d-%y",
    "%Y.%m.%d %H:%M", "%d %b %Y %H:%M:%S", "%d-%b-%Y", "%b %d, %Y %H:%M", "%B %d, %Y", "%d/%b/%Y:%H:%M:%S", "%d/%m/%Y %H:%M:%S.%f",
]  # fmt: skip


@pytest.mark.parametrize("written", FORMATS)
def test_a_format_is_found_where_the_values_decide_it(store: Store, tmp_path, written: str):
    moments = [datetime(2026, month, day, 13, 14, 15) for month in (3, 5) for day in range(1, 32)]
    lines = "".join(f'"{moment.strftime(written)}",{i}\n' for i, moment in enumerate(moments))
    (tmp_path / "a.csv").write_text("ts,x\n" + lines)
    load(store, [tmp_path / "a.csv"], "m")
    read_back = store.frame("SELECT epoch_us(ts) AS us FROM logs.m ORDER BY x")["us"]
    expected = [datetime.strptime(m.strftime(written), written).replace(tzinfo=UTC).timestamp() * 1e6 for m in moments]
    assert read_back.to_list() == expected


def test_two_lengths_of_one_date_share_what_either_decides(store: Store, tmp_path):
    (tmp_path / "a.csv").write_text("ts,x\n03/25/2026 10:00:00,1\n03/04/2026 11:00,2\n")
    load(store, [tmp_path / "a.csv"], "m")
    assert set(saved(store, "m").time_format.split(" | ")) == {"%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M"}
    (tmp_path / "b.csv").write_text("ts,x\n03/05/2026,3\n2026-03-06T00:00:00Z,4\n")
    load(store, [tmp_path / "b.csv"], "m")
    days = store.frame("SELECT strftime(ts, '%m-%d') AS d FROM logs.m ORDER BY x")["d"]
    assert days.to_list() == ["03-25", "03-04", "03-05", "03-06"]


def test_a_later_file_that_contradicts_what_is_remembered_is_refused(store: Store, tmp_path):
    (tmp_path / "a.csv").write_text("ts,x\n03/25/2026,1\n")
    (tmp_path / "b.csv").write_text("ts,x\n25/03/2026,1\n01/03/2026,2\n")
    load(store, [tmp_path / "a.csv"], "m")
    with pytest.raises(
        BadInput, match=r'b\.csv, column "ts": the remembered format %m/%d/%Y does not read "25/03/2026", but %d/%m/%Y does'
    ):
        load(store, [tmp_path / "b.csv"], "m")
    roles = Roles(timestamp="ts", features=("x",), time_format="%m/%d/%Y")
    assert load(store, [tmp_path / "b.csv"], "m", roles=roles)[0].misfits == 1


def test_a_word_among_dates_is_a_misfit_and_does_not_decide(store: Store, tmp_path):
    (tmp_path / "a.csv").write_text("ts,x\n03/04/2026,1\nERR,2\n")
    with pytest.raises(BadInput, match="day first"):
        load(store, [tmp_path / "a.csv"], "m", roles=Roles(timestamp="ts", features=("x",)))
    (tmp_path / "a.csv").write_text("ts,x\n03/14/2026,1\nERR,2\n")
    assert load(store, [tmp_path / "a.csv"], "m", roles=Roles(timestamp="ts", features=("x",)))[0].misfits == 1
