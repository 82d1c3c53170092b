"""Each cause is planted and found, alone and mixed with others; what is only noise stays without one."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.causes import NONE, explain, headline

G = np.random.default_rng(5)
N = 400


def pairs(served, trained, kind: str = "number", column: str = "x", **more: object) -> pd.DataFrame:
    """Pairs as the store keeps them, in texts; those that are equal are no mismatch and left out."""
    texts = [[None if v is None else v if isinstance(v, str) else repr(float(v)) for v in side] for side in (served, trained)]
    rows = len(texts[0])
    blank: dict[str, object] = {
        "column": column, "kind": kind, "key": [str(i) for i in range(rows)], "segments": [[] for _ in range(rows)],
        "time": pd.Timestamp("2026-03-02", tz="UTC") + pd.to_timedelta(np.arange(rows), unit="min"),
        "served": texts[0], "trained": texts[1], "served_misfit": False, "trained_misfit": False,
        "twins": [[] for _ in range(rows)], "chance_twins": [[] for _ in range(rows)],
        "earlier": [[None] for _ in range(rows)], "later": [[None] for _ in range(rows)],
    }  # fmt: skip
    frame = pd.DataFrame(blank | more)
    differs = np.array([a != b for a, b in zip(*texts, strict=True)], bool)
    return frame[differs].reset_index(drop=True)


def only(frame: pd.DataFrame, rate: float = float("nan")) -> tuple[str, str]:
    """The one cause that explains all, by name and in words."""
    found = explain(frame, rate)
    assert [(c.name, c.share) for c in found] == [(found[0].name, 1.0)], found
    assert len(found[0].examples) == min(5, len(frame))
    return found[0].name, found[0].told


normal = G.normal(50, 12, N)
hours = G.integers(0, 24, N).astype(float)
labels = G.choice(["Berlin", "Wien", "Bern", "Rom"], N).tolist()


@pytest.mark.parametrize(
    ("served", "trained", "name", "told"),
    [
        (normal + 3.5, normal, "offset", "serving is training + 3.5"),
        (normal - 1, normal, "offset", "serving is training − 1"),
        (normal * 1000, normal, "factor", "serving is training × 1,000"),
        (normal / 2.54, normal, "factor", "serving is training ÷ 2.54, as inches and cm"),
        (np.round(normal * 0.45359237, 1), normal, "factor", "serving is training × 0.45359237, as lb and kg"),
        (normal * 1.2345, normal, "factor", "serving is training × 1.2345"),
        (-normal, normal, "factor", "the sign is turned"),
        ((normal - 32) / 1.8, normal, "units", "training has degrees Fahrenheit, serving Celsius"),
        (np.round((normal - 32) / 1.8, 1), normal, "units", "training has degrees Fahrenheit, serving Celsius"),
        (normal * 1.8 + 32, normal, "units", "training has degrees Celsius, serving Fahrenheit"),
        ((normal - 50.25) / 12.5, normal, "line", "serving is 0.08 · training − 4.02"),
        (np.round(normal, 2), normal, "rounding", "serving is training’s value rounded to 2 decimals"),
        (np.trunc(normal), normal, "rounding", "serving is training’s value cut off to whole numbers"),
        (normal, np.floor(normal * 10) / 10, "rounding", None),
        (np.ceil(normal / 5) * 100, normal * 20, "rounding", "serving is training’s value rounded up to full 100s"),
        (normal.astype(np.float32).astype(float), normal, "width", "serving keeps it in float32"),
        (normal, normal.astype(np.float16).astype(float), "width", "training keeps it in float16"),
        ((hours + 5) % 24, hours, "time_zone", "time zone or daylight saving: serving is 5 hours ahead, wrapping at midnight"),
        ((hours - 1) % 24, hours, "time_zone", "time zone or daylight saving: serving is 1 hour behind, wrapping at midnight"),
        (1.77e9 + hours * 977 + 7200, 1.77e9 + hours * 977, "time_zone", None),
        (1.77e12 + hours * 977e3 - 19_800_000, 1.77e12 + hours * 977e3, "time_zone", None),
        (np.zeros(N), normal, "default", "serving has 0 in place of training’s values"),
        (np.full(N, -1.0), [None] * N, "default", "serving fills in -1 where training has null"),
        ([None] * N, np.full(N, 47.3), "default", "training fills in 47.3 where serving has null"),
        ([None] * N, normal, "missing", "serving has null where training has a value"),
        ([np.nan] * N, normal, "not_finite", "serving has NaN where training has a number"),
        (np.where(normal > 60, normal, 1.0), np.where(normal > 60, 60.0, 1.0), "clipped", "training ends at 60, serving goes above it"),
        (np.where(normal > 60, np.inf, 1.0), np.where(normal > 60, normal, 1.0), "not_finite", "serving has inf where training has a number"),
    ],
)  # fmt: skip
def test_a_planted_cause_of_numbers_is_found(served, trained, name, told):
    found = only(pairs(served, trained, column="hour"))
    assert found[0] == name
    assert told is None or found[1] == told


@pytest.mark.parametrize(
    ("served", "trained", "name", "told"),
    [
        ([t.upper() for t in labels], labels, "case", "the same text but for capital and small letters"),
        ([f" {t}" for t in labels], labels, "white_space", "the same text but for white space at the ends"),
        ([f"{t.lower()} " for t in labels], labels, "case", "the same text but for capital letters and white space"),
        ([f'"{t}"' for t in labels], labels, "quotes", None),
        (["1.0", "2.0", "3.0", "4.0"] * 9, ["1", "2", "3", "4"] * 9, "number_format", None),
        ([t[:3] for t in labels], [f"{t}burg" for t in labels], "cut", "serving is training’s text cut to 3 characters"),
        ([str(sorted(set(labels)).index(t)) for t in labels], labels, "encoding",
         'serving has numbers for training’s labels in alphabetical order: "Berlin" is 0, "Bern" is 1, "Rom" is 2'),
        ([f"city_{t}" for t in labels], labels, "encoding", None),
        (["unknown"] * N, [None] * N, "default", 'serving fills in "unknown" where training has null'),
        (["2026-03-01 12:00:00"] * 9, ["2026-03-01 10:30:00"] * 9, None, None),
    ],
)  # fmt: skip
def test_a_planted_cause_of_texts_is_found(served, trained, name, told):
    found = only(pairs(served, trained, "category"))
    assert name is None or found[0] == name
    assert told is None or found[1] == told


def test_times_as_text_of_another_zone_with_daylight_saving():
    times = pd.date_range("2026-01-01", "2026-12-01", periods=N, tz="UTC").round("s")
    local = [t.tz_convert("Europe/Berlin").tz_localize(None).isoformat(sep=" ") for t in times]
    name, told = only(pairs(local, [t.tz_localize(None).isoformat(sep=" ") for t in times], "category"))
    assert name == "time_zone"
    assert told == "time zone with daylight saving: serving is 1 or 2 hours ahead (times)"


def test_only_the_half_of_the_year_that_the_zone_is_wrong_in():
    # Half of the rows agree and are no pairs; of the others every one is explained.
    wrong = np.where(np.arange(N) < N / 2, hours, (hours + 1) % 24)
    frame = pairs(wrong, hours, column="hour")
    assert len(frame) == N / 2
    assert only(frame)[0] == "time_zone"


def test_halves_that_are_rounded_in_two_ways_and_by_whom():
    exact = G.integers(0, 10_000, N) / 100 + 0.005  # every value is a tie; NumPy rounds it to even
    even = np.round(np.round(exact * 100 - 0.5) / 2 + 0.1) * 2 / 100
    name, told = only(pairs(np.floor(exact * 100 + 1) / 100, even))
    assert name == "rounding"
    assert told == "one unit of the last decimal (0.01): training rounds halves to even, serving does not"


def test_a_text_among_numbers_is_shown():
    misfit = np.arange(N) < 40
    served = ["n/a" if m else "7.0" for m in misfit]
    frame = pairs(served, np.full(N, 7.0), served_misfit=misfit)
    assert only(frame) == ("unreadable", 'serving has a text that is no number, such as "n/a"')


def test_columns_that_were_swapped_are_named():
    other = G.normal(0, 1, N)
    twins = {"twins": [["other"] for _ in range(N)]}
    assert only(pairs(other, normal, **twins)) == ("swapped", 'serving has the value of "other"')
    # As often as that by chance, since both hold a handful of values: not swapped.
    chance = {"chance_twins": [["other"] for _ in range(N)]}
    assert explain(pairs(G.integers(0, 4, N), G.integers(4, 9, N), **twins | chance))[0].name == NONE


def test_a_value_of_an_earlier_time_is_stale_unless_it_is_as_often_one_of_a_later_time():
    walk = np.cumsum(G.normal(0, 1, N + 1))
    now = datetime(2026, 3, 1, tzinfo=UTC)
    earlier = {"earlier": [[now] for _ in range(N)]}
    assert only(pairs(walk[:-1], walk[1:], **earlier))[0] == "stale"
    both = earlier | {"later": [[now] for _ in range(N)]}
    assert explain(pairs(G.integers(0, 9, N), G.integers(10, 19, N), **both))[0].name == NONE


def test_a_value_that_stands_still_is_stale_even_if_it_comes_again():
    now = datetime(2026, 3, 1, tzinfo=UTC)
    both = {name: [[now, now] for _ in range(N)] for name in ("earlier", "later")}
    segments = [["place=here" if i % 2 else "place=there"] for i in range(N)]
    frame = pairs(np.where(np.arange(N) % 2, 61.3, 60.1), normal, segments=segments, **both)
    assert only(frame) == ("stale", "stale: serving stands still at an earlier value of its place")


def test_several_causes_each_with_their_share_the_greatest_first():
    served = np.r_[normal[:200] * 1000, normal[200:320] + 7, G.normal(0, 100, 80)]
    order = G.permutation(N)
    found = explain(pairs(served[order], normal[order]))
    assert [(c.name, c.share) for c in found] == [("factor", 0.5), ("offset", 0.3), (NONE, 0.2)]
    assert sorted(p for c in found for p in c.places) == list(range(N))
    assert headline(found) == "serving is training × 1,000 (50%); serving is training + 7 (30%)"


@pytest.mark.parametrize("rows", [6, 40, 400, 3000])
def test_noise_has_no_cause(rows: int):
    """Whatever is drawn at random: a wrong cause costs more than none."""
    g = np.random.default_rng(rows)
    kinds = {
        "normal": (g.normal(0, 1, rows), g.normal(0, 1, rows)),
        "near": ((x := g.normal(50, 9, rows)) + g.normal(0, 0.5, rows), x),
        "two decimals": (np.round(g.normal(5, 2, rows), 2), np.round(g.normal(5, 2, rows), 2)),
        "float32": (g.normal(0, 1, rows).astype(np.float32), g.normal(0, 1, rows).astype(np.float32)),
        "hours": (g.integers(0, 24, rows), g.integers(0, 24, rows)),
        "few": (g.integers(0, 5, rows), g.integers(0, 5, rows)),
        "yes or no": (g.integers(0, 2, rows), g.integers(0, 2, rows)),
        "mostly zero": (g.poisson(0.1, rows), g.poisson(0.1, rows)),
        "heavy tails": (g.standard_t(1.2, rows), g.standard_t(1.2, rows)),
        "money": (np.round(g.lognormal(4, 1, rows), 2), np.round(g.lognormal(4, 1, rows), 2)),
        "hundreds": (g.integers(1, 99, rows) * 100, g.integers(1, 99, rows) * 100),
    }
    for name, (served, trained) in kinds.items():
        frame = pairs(served, trained)
        if len(frame):
            assert [c.name for c in explain(frame, 0.3)] == [NONE], f"{name}: {explain(frame, 0.3)}"
    texts = pairs(g.choice(list("abcd"), rows).tolist(), g.choice(list("abcd"), rows).tolist(), "category")
    assert [c.name for c in explain(texts, 0.3)] == [NONE]


def test_two_values_in_each_others_place_are_a_coding_only_where_it_is_nearly_every_row():
    served, trained = [1.0, 0.0] * 50, [0.0, 1.0] * 50
    assert explain(pairs(served, trained), 0.05)[0].name == NONE
    assert explain(pairs(served, trained), 1.0)[0].name == "encoding"


def test_a_column_of_two_values_has_causes_too():
    two = G.integers(1, 3, 60)
    assert only(pairs(two * 1000, two)) == ("factor", "serving is training × 1,000")
    assert only(pairs(two + 7, two)) == ("offset", "serving is training + 7")
    names = [("Bern", "Rom")[i - 1] for i in two]
    assert only(pairs([n.lower() for n in names], names, "category"))[0] == "case"


def test_no_pairs_no_cause_and_few_pairs_are_said_to_be_few():
    assert explain(pairs([], [])) == []
    assert headline([]) == ""
    assert headline(explain(pairs([1, 2, 3], [2, 3, 4]))) == "too few pairs to tell a cause (3)"


@settings(max_examples=40)
@given(st.lists(st.tuples(*[st.one_of(st.none(), st.floats(width=32), st.sampled_from([0.0, -0.0, 1e300, -1e300, 5e-324]))] * 2), max_size=60))
def test_every_pair_has_exactly_one_place_whatever_the_values(values):
    frame = pairs([a for a, _ in values], [b for _, b in values])
    found = explain(frame, 0.5)
    assert sorted(p for cause in found for p in cause.places) == list(range(len(frame)))


@settings(max_examples=40)
@given(st.lists(st.tuples(*[st.one_of(st.none(), st.text(max_size=6))] * 2), max_size=40))
def test_every_pair_of_texts_has_exactly_one_place(values):
    frame = pairs([a for a, _ in values], [b for _, b in values], "category")
    found = explain(frame, 0.5)
    assert sorted(p for cause in found for p in cause.places) == list(range(len(frame)))
