"""Decisions are kept as they came, whoever makes them at once."""

import threading

import pandas as pd
import pytest

from data import decisions
from data.errors import BadInput
from data.store import append, open_store, transact

MUTE = {"kind": "mute", "model": "m", "column": 'in"come; --', "note": "known"}


def test_a_decision_is_kept_with_who_when_and_what_is_not_said_stays_open(store):
    start = pd.Timestamp("2026-03-01", tz="UTC")
    assert decisions.decide(store, [MUTE | {"start": start, "version": ""}], "ana") == [1]
    found = decisions.read(store).iloc[0]
    assert found[["author", "kind", "column", "version", "note"]].tolist() == ["ana", "mute", 'in"come; --', "", "known"]
    assert found["start"] == start
    assert found[["metric", "segment", "end", "value", "retracts"]].isna().all()
    assert abs(pd.Timestamp.now("UTC") - found["at"]) < pd.Timedelta(minutes=1)


def test_of_two_people_at_once_nothing_is_lost(store):
    """Twelve threads decide at the same time: every decision is there, each with a number of its own."""

    def one(who: str) -> None:
        decisions.decide(store, [MUTE, MUTE], who)

    threads = [threading.Thread(target=one, args=(f"person {i}",)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = decisions.read(store)
    assert found["decision"].tolist() == list(range(1, 25))
    assert found["author"].value_counts().tolist() == [2] * 12
    assert all(own["decision"].diff().iloc[1] == 1 for _, own in found.groupby("author"))  # the two of one are one transaction


def test_a_decision_is_taken_back_once_and_what_never_was_not_at_all(store):
    decisions.decide(store, [MUTE])
    assert decisions.retract(store, [1], "mended", "ben") == [2]
    with pytest.raises(BadInput, match="Decision 1 was taken back already, by ben"):
        decisions.retract(store, [1], "again")
    with pytest.raises(BadInput, match="takes another back"):
        decisions.retract(store, [2], "no")
    with pytest.raises(BadInput, match=r"no decision 7\. The last is 2"):
        decisions.retract(store, [7], "no")
    assert len(decisions.read(store)) == 2


def test_an_older_store_gets_the_table(store, tmp_path):
    def as_before(cursor):
        cursor.execute("DROP TABLE main.decisions")
        cursor.execute("UPDATE main.vigia SET format = 3")

    transact(store, as_before, "as the last Vigia made it")
    again = open_store(str(tmp_path / "store"))
    assert decisions.read(again).empty
    assert decisions.decide(again, [MUTE]) == [1]


def test_a_table_says_when_it_changed_last(store):
    before = store.changed("measurements", "thresholds")
    decisions.decide(store, [MUTE])
    assert store.changed("measurements", "thresholds") == before
    assert store.changed("decisions") == store.snapshot()
    transact(store, lambda cursor: append(cursor, "thresholds", pd.DataFrame([{"edit": 1, "rules": "[]"}])), "edit")
    assert store.changed("measurements", "thresholds") == store.snapshot()
    transact(store, lambda cursor: cursor.execute("DELETE FROM main.thresholds WHERE edit = 1"), "gone")
    assert store.changed("measurements", "thresholds") == store.snapshot()
