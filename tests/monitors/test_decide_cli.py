"""Deciding from the command line: what it says, what it refuses, and what alerts, incidents and check make of it."""

import io
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from commandline import Done, vigia

from data.store import append, open_store, transact
from monitors.alerts import COLUMNS
from monitors.measurements import typed

MONDAY = pd.Timestamp("2026-03-02", tz="UTC")
WEEK, DAY = pd.Timedelta(days=7), pd.Timedelta(days=1)
X, Y = "psi of x (v1) 0.50, critical above 0.25, 2 weeks from 16 Mar 2026", "psi of y (v1) 0.20, warning above 0.1, 1 week from 9 Mar 2026"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Four weeks, by hand: x moved in the last two and goes on, y in the second alone. A code version came on the day that x moved."""
    place = tmp_path_factory.mktemp("decide") / "store"
    starts = [MONDAY + i * WEEK for i in range(4)]
    about = {"model": "m", "version": "v1", "segment": "all", "rows": 500, "dataset": "log", "monitor": "drift", "metric": "psi"}
    rows = [
        about | {"window_start": start, "window_end": start + WEEK, "column": column, "value": value, "noise": 0.01, "usual": 0.05}
        for column, values in {"x": (0.01, 0.02, 0.4, 0.5), "y": (0.0, 0.2, 0.0, 0.0)}.items()
        for start, value in zip(starts, values, strict=True)
    ]
    days = [about | {"window_start": MONDAY + i * DAY, "window_end": MONDAY + (i + 1) * DAY, "kind": "number"} for i in range(28)]
    profiles = pd.DataFrame([day | {"column": column, "role": "feature"} for day in days for column in ("x", "y")])
    change = {"id": "c1", "model": "m", "version": "v1", "at": starts[2], "kind": "code", "what": "code version", "before": "1.0", "after": "1.1"}

    def write(cursor) -> None:
        append(cursor, "loads", pd.DataFrame([{"load": 1, "model": "m", "dataset": "log"}]))
        append(cursor, "profiles", profiles.drop(columns=["monitor", "metric"]))
        append(cursor, "measurements", typed(pd.DataFrame(rows)))
        append(cursor, "changes", pd.DataFrame([change | {"detail": "minor", "origin": "log", "author": ""}]))

    transact(open_store(str(place)), write, "by hand")
    return place


@pytest.fixture
def store(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "store"))


def ask(store: Path, *words: object) -> Done:
    return vigia(*words, "--store", store, VIGIA_AUTHOR="ana")


def told(store: Path, *words: object) -> str:
    done = ask(store, *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_alerts_have_states_and_verdicts_and_keep_their_columns(store):
    assert told(store, "alerts") == f"warning  {Y}, resolved\ncritical {X}, open\n"
    assert told(store, "decide", "verdict", "noise", "column=y", "--note", "a holiday") == f"1 alert called noise, decision 1:\n  {Y}, resolved\n"
    assert told(store, "alerts", "--state", "resolved", "--verdicts") == f"warning  {Y}, resolved (noise by ana: a holiday)\n"
    plain = pd.read_csv(io.StringIO(told(store, "alerts", "--format", "csv")))
    assert plain.columns.tolist() == COLUMNS
    more = json.loads(told(store, "alerts", "--format", "json", "--verdicts"))
    assert list(more[0]) == [*COLUMNS, "incident", "verdict", "verdict_by", "verdict_note"]
    assert [row["verdict"] for row in more] == ["noise", ""]


def test_check_counts_neither_what_is_acknowledged_nor_what_is_muted_unless_asked(store):
    assert ask(store, "check").returncode == 1
    assert "acknowledged, decision 1" in told(store, "decide", "acknowledge", "column=x", "--note", "ticket 12")
    assert told(store, "check") == "No critical alerts open now.\n"
    assert told(store, "alerts", "--state", "acknowledged") == f"critical {X}, acknowledged\n"
    assert ask(store, "check", "--all").returncode == ask(store, "check", "--since", "2026-03-20", "--all").returncode == 1
    assert told(store, "check", "--since", "2026-03-20") == "No critical alerts since 2026-03-20.\n"
    told(store, "decide", "retract", 1, "--reason", "wrong ticket")
    assert ask(store, "check").returncode == 1
    text = told(store, "decide", "mute", "column=x", "--until", "2026-05-01", "--note", "known")
    assert text == "Decision 3: muted until 1 May 2026: every metric of x.\n"
    assert told(store, "check") == "No critical alerts open now.\n"
    assert told(store, "alerts", "--state", "muted") == f"critical {X}, muted\n"


def test_an_incident_is_told_with_what_changed_before_it_and_judged_as_a_whole(store):
    text = told(store, "incidents", "--state", "open")
    assert text == (
        "2026-03-16 (v1): psi of x; 1 alert, critical, open, 16 to 29 Mar 2026, 1 change before\n"
        "    2026-03-16 code: code version 1.0 → 1.1, minor (v1)\n"
        f"  critical {X}, open\n"
    )
    told(store, "decide", "verdict", "real", "--incident", "2026-03-16", "--note", "code 1.1", "--author", "ben")
    [first, second] = json.loads(told(store, "incidents", "--format", "json"))
    assert (first["incident"], first["before"][0]["after"], first["alerts"][0]["verdict_by"]) == ("2026-03-16", "1.1", "ben")
    assert second["before"] == []
    assert told(store, "incidents", "--since", "2026-03-20").splitlines()[0] == f"{text.splitlines()[0]}; 1 real"
    assert told(store, "incidents", "--since", "2026-05-01") == "No incidents.\n"


def test_every_decision_is_listed_and_what_was_taken_back_on_request(store):
    told(store, "decide", "planned", "model=m", "--from", "2026-04-01", "--to", "2026-04-03", "--note", "new feed")
    told(store, "decide", "mute", "metric=psi", "--every", "month end", "--reason", "invoices")
    told(store, "decide", "missed", "column=y", "--from", "2026-03-03", "--to", "2026-03-04", "--note", "currency")
    text = told(store, "decide", "normal", "column=x", "--from", "2026-03-16", "--note", "new prices")
    assert text == "Decision 4: new normal from 16 Mar 2026: drift of x, v1.\nThe next `python -m monitors run` measures drift against it.\n"
    assert told(store, "decide", "retract", 2, 1, "--note", "off").startswith("Taken back, decision 2: muted last 1 day of the month")
    lines = [line[25:] for line in told(store, "decide", "list").splitlines()]
    assert lines == ["ana: new normal from 16 Mar 2026: drift of x, v1 · new prices",
                     "ana: something was wrong 3 to 4 Mar 2026: every metric of y · currency"]  # fmt: skip
    everything = told(store, "decide", "list", "--all", "--model", "m")
    assert "ana: planned change 1 to 3 Apr 2026: every alert (taken back) · new feed" in everything
    assert "ana: takes back decision 2 · off" in everything
    table = pd.read_csv(io.StringIO(told(store, "decide", "list", "--format", "csv")))
    assert table["decision"].tolist() == [4, 3]


@pytest.mark.parametrize(
    ("words", "mistake"),
    [
        (["verdict", "rael", "column=x"], 'There is no verdict "rael". Did you mean "real"?'),
        (["verdict", "real"], "Say which alerts: fields such as metric=psi column=temp, or --incident."),
        (["verdict", "real", "column=z"], 'There is no column "z" of m.'),
        (["verdict", "real", "colum=x"], '`colum` is no field of an alert. Did you mean "column"?'),
        (["verdict", "real", "--incident", "2026-03-17"], 'There is no incident "2026-03-17" of m. Did you mean "2026-03-16"'),
        (["acknowledge", "column=y"], "None of these alerts is open: resolved."),
        (["mute", "x", "--until", "2026-05-01", "--note", "n"], '"x": expected name=value'),
        (["mute", "column=x", "--note", "n"], "Say until when to mute it"),
        (["mute", "column=x", "--until", "2026-03-01", "--note", "n"], "The log of m ends on 29 Mar 2026: until 1 Mar 2026 nothing would be muted."),
        (["mute", "column=x", "--every", "moonday", "--note", "n"], 'calendar "moonday": expected "month end"'),
        (["planned", "model=m", "--from", "2026-04-03", "--to", "2026-04-01", "--note", "n"], "It ends on 1 Apr 2026, before it begins on 3 Apr"),
        (["missed", "model=m", "--from", "2025-04-03", "--to", "2025-04-04", "--note", "n"], "The log of m is of 2 Mar 2026 to 29 Mar 2026"),
        (["normal", "version=v2", "--from", "2026-03-16", "--note", "n"], 'There is no version "v2" of m.'),
        (["retract", "9", "--note", "n"], "There is no decision 9. None was made yet."),
    ],
)
def test_a_mistake_is_told_in_one_sentence(made, words, mistake):
    done = ask(made, "decide", *words)
    assert done.returncode == 2
    assert done.stderr.startswith("vigia: ")
    assert mistake in done.stderr
    assert done.stderr.count("\n") == 1
    assert ask(made, "decide", "list").stdout == "Nobody decided anything yet.\n"


def test_help_has_an_example_and_says_what_check_counts():
    for command in ("verdict", "acknowledge", "mute", "planned", "missed", "normal", "retract", "list"):
        assert "example:\n  python -m monitors decide " in vigia("decide", command, "--help").stdout
    assert "acknowledged or muted does not count" in " ".join(vigia("check", "--help").stdout.split())


def test_suggestions_hear_the_verdicts(store):
    told(store, "decide", "verdict", "real", "column=x")
    told(store, "decide", "verdict", "noise", "column=y")
    (found,) = json.loads(told(store, "thresholds", "suggest", "--model", "m", "--metric", "psi", "--method", "verdicts", "--format", "json"))
    assert found["reason"].startswith("Of 2 alerts with a verdict 1 was real: this limit catches 1 of 1 and repeats 0 of th")
    [rule] = found["rules"]
    assert 0.2 <= rule["warning"] < 0.4  # y's noise was 0.2, what was real in x 0.4 and more
