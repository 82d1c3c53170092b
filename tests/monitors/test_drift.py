import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rawprofiles import NAT, bins_row, counts_of, day, profile, table
from scipy.stats import ks_2samp, wasserstein_distance

from monitors.distances import groups, js, psi
from monitors.drift import METRICS, measure, measure_knowing
from monitors.floors import Floors, read
from monitors.measurements import STORED

NUMBER = set(METRICS)
CATEGORY = NUMBER - {"ks", "wasserstein"}


def drift(reference, log, *, days=(), version="v1", reference_version="v1", segment="all", reference_segment="all", column="x"):
    """Measurements of one window of a log against a reference, which may have days of its own."""
    bins = bins_row(reference, column, reference_version)
    rows = [profile(reference, bins, "reference", NAT, NAT, reference_version, reference_segment)]
    rows += [profile(v, bins, "reference", *day(-40 + i), reference_version, reference_segment) for i, v in enumerate(days)]
    rows += [profile(v, bins, "log", *day(i), version, segment) for i, v in enumerate(log)]
    return measure(table(rows), pd.DataFrame([bins]))


def daily(found, number=0, dataset="log"):
    """metric -> row, of one day."""
    start, end = day(number)
    rows = found[(found["window_start"] == start) & (found["window_end"] == end) & (found["dataset"] == dataset)]
    return rows.set_index("metric")


def assert_values(rows, **expected):
    for metric, (value, tolerance) in expected.items():
        assert rows.loc[metric, "value"] == pytest.approx(value, abs=tolerance), metric


# ---- the named cases ---------------------------------------------------------------------------------------------------------


def test_g2_a_constant_reference_an_empty_window_and_a_healthy_neighbour():
    k = daily(drift(np.full(1000, 7.0), [[7.0] * 90 + [8.0] * 10]))
    assert_values(k, ks=(0.1, 1e-9), psi=(0.7006, 5e-5), js=(0.2278, 5e-5))
    assert np.isnan(k.loc["wasserstein", "value"])
    assert k.loc["wasserstein", "reason"] == "the reference does not vary"
    assert k["reason"].notna().sum() == 1
    u = daily(drift(np.arange(1, 1001.0), [[None] * 100]))
    assert set(u.index) == NUMBER
    assert u["value"].isna().all()
    assert (u["reason"] == "no values in this window").all()
    assert (u["rows"] == 0).all()
    ok = daily(drift(np.arange(1000) % 10, [np.arange(100) % 10]))
    assert (ok["value"] == 0).all()
    assert (ok["rows"] == 100).all()
    assert not np.isinf(pd.concat([k, u, ok])[["value", "noise", "usual", "p_value"]]).any(axis=None)


def test_g3_two_deciles_empty():
    found = daily(drift(np.arange(1, 1001), [np.arange(201, 1001)]))
    assert_values(found, psi=(1.4248, 5e-5), js=(0.3287, 5e-5), ks=(0.2, 1e-9), wasserstein=(0.3464, 5e-4))


def test_g4_85_percent_zeros():
    z = np.arange(1, 151)
    found = daily(drift(np.r_[np.zeros(850), z], [np.r_[np.zeros(600), np.resize(z, 400)]]))
    assert_values(found, ks=(0.25, 1e-9), psi=(0.3344, 5e-5))


def test_g5_categories_at_unequal_sizes():
    found = daily(drift(list("a" * 700 + "b" * 200 + "c" * 100), [list("a" * 60 + "b" * 90 + "c" * 50)]))
    assert_values(found, chi2=(0.3099, 5e-5), psi=(0.6791, 5e-5), js=(0.3448, 5e-5), hellinger=(0.2892, 5e-5), linf=(0.4, 1e-9))
    assert found.loc["chi2", "p_value"] == pytest.approx(9.6e-26, rel=0.01)


def test_g6_a_shift_of_no_importance_and_ties():
    v = np.arange(1, 101)
    reference, current = np.repeat(v, 2000), np.repeat(v, [1970] * 50 + [2030] * 50)
    found = drift(reference, [current, current[::200]])
    assert_values(daily(found), ks=(0.0075, 1e-9), psi=(0.000225, 5e-7), wasserstein=(0.0130, 5e-5))
    assert daily(found).loc["ks", "p_value"] == pytest.approx(2.6e-5, rel=0.02)
    assert_values(daily(found, 1), ks=(0.0070, 1e-9))
    assert daily(found, 1).loc["ks", "p_value"] > 0.999


def test_g6_two_runs_are_byte_identical():
    days = np.array_split(np.random.default_rng(0).permutation(np.arange(300.0)), 6)
    first, second = (drift(np.arange(300.0), [np.arange(50.0)], days=days).to_csv() for _ in range(2))
    assert first == second


# ---- what is compared with what ----------------------------------------------------------------------------------------------


def test_values_are_those_of_scipy_on_the_raw_rows():
    random = np.random.default_rng(1)
    reference, current = random.lognormal(size=4000), random.lognormal(0.2, 1, 900)
    found = daily(drift(reference, [current]))
    exact = ks_2samp(reference, current)
    assert found.loc["ks", "value"] == pytest.approx(exact.statistic, abs=1 / 200)
    # The distance may be 1/200 less than on the raw rows, so the chance is compared at the one that was measured.
    assert found.loc["ks", "p_value"] < 1e-4
    assert found.loc["wasserstein", "value"] == pytest.approx(
        wasserstein_distance(reference, current) / reference.std(), rel=0.05
    )


def test_days_weeks_and_months_stand_side_by_side():
    found = drift(np.arange(1000.0), [np.arange(100.0)] * 31)  # 2 March to 1 April
    lengths = found["window_end"] - found["window_start"]
    counts = found[found["metric"] == "psi"].groupby(lengths).size()
    assert counts.to_dict() == {pd.Timedelta(days=d): n for d, n in ((1, 31), (7, 5), (30, 1), (31, 1))}
    week = found[(lengths == pd.Timedelta(days=7)) & (found["metric"] == "psi")].iloc[0]
    assert week["rows"] == 700
    assert week["value"] == daily(found).loc["psi", "value"]  # seven equal days


def test_usual_is_the_reference_against_the_rest_of_itself():
    random = np.random.default_rng(2)
    days = [random.normal(i % 7 / 5, 1, 60) for i in range(14)] + [random.normal(size=5)]
    reference = np.concatenate(days)
    found = drift(reference, [random.normal(size=50)], days=days)
    own = found[(found["dataset"] == "reference") & (found["window_end"] - found["window_start"] == pd.Timedelta(days=1))]
    assert len(own) == 15 * 7
    edges = bins_row(reference)["edges"]
    whole = counts_of(reference, edges)
    for metric, distance, number in (("psi", psi, 10), ("js", js, 20)):
        starts = groups(whole, number)
        expected = [
            distance(np.add.reduceat(whole - one, starts), np.add.reduceat(one, starts))
            for one in (counts_of(d, edges) for d in days)
        ]
        values = own[own["metric"] == metric].sort_values("window_start")["value"]
        assert values.to_numpy() == pytest.approx(expected, rel=1e-12)
        # The last day has 5 rows, too few to say what is usual.
        assert daily(found).loc[metric, "usual"] == pytest.approx(np.quantile(expected[:14], 0.95), rel=1e-12)
    assert own["usual"].isna().all()


def test_usual_needs_three_windows_of_30_rows():
    random = np.random.default_rng(2)
    two = drift(np.arange(200.0), [np.arange(50.0)], days=np.array_split(random.permutation(np.arange(200.0)), 2))
    assert daily(two)["usual"].isna().all()
    small = drift(np.arange(200.0), [np.arange(50.0)], days=np.array_split(random.permutation(np.arange(200.0)), 10))
    assert daily(small)["usual"].isna().all()
    three = drift(np.arange(200.0), [np.arange(50.0)], days=np.array_split(random.permutation(np.arange(200.0)), 3))
    assert daily(three)["usual"].notna().all()


def test_a_reference_of_one_window_has_no_rest():
    own = daily(drift(np.arange(100.0), [np.arange(50.0)], days=[np.arange(100.0)]), -40, "reference")
    assert own["value"].isna().all()
    assert (own["reason"] == "the rest of the reference holds no values").all()


def test_a_version_without_reference_takes_the_common_one():
    own, common = drift(np.arange(100.0), [np.arange(40.0)]), drift(np.arange(100.0), [np.arange(40.0)], reference_version="")
    assert own[own["dataset"] == "log"]["value"].tolist() == common[common["dataset"] == "log"]["value"].tolist()
    assert set(common.loc[common["dataset"] == "log", "version"]) == {"v1"}


def test_its_own_reference_goes_before_the_common_one():
    near, far = np.arange(100.0), np.arange(1000, 1100.0)
    bins = [bins_row(near, version="v1"), bins_row(far, version="")]
    rows = [profile(v, b, "reference", NAT, NAT, b["version"]) for v, b in zip((near, far), bins, strict=True)]
    rows.append(profile(near, bins[0], "log", *day(0), "v1"))
    assert (daily(measure(table(rows), pd.DataFrame(bins)))["value"] == 0).all()


def test_a_segment_is_compared_with_the_same_segment():
    random = np.random.default_rng(0)
    both, ewr = random.normal(size=500), random.normal(5, 1, 100)
    bins = bins_row(np.r_[both, ewr], version="v1")
    rows = [
        profile(np.r_[both, ewr], bins, "reference", NAT, NAT, "v1"),
        profile(ewr, bins, "reference", NAT, NAT, "v1", "origin=EWR"),
    ]
    rows += [profile(ewr, bins, "log", *day(0), "v1", segment) for segment in ("origin=EWR", "origin=LGA", "all")]
    found = measure(table(rows), pd.DataFrame([bins]))
    assert (found.loc[found["segment"] == "origin=EWR", "value"] == 0).all()
    assert (found.loc[(found["segment"] == "all") & (found["metric"] == "psi"), "value"] > 1).all()
    lga = found[found["segment"] == "origin=LGA"]
    assert lga["value"].isna().all()
    assert (lga["reason"] == "the reference has no segment origin=LGA").all()


# ---- what cannot be measured -------------------------------------------------------------------------------------------------


def test_no_reference_for_a_version():
    found = daily(drift(np.arange(100.0), [[1.0, None]], version="v2"))
    assert set(found.index) == NUMBER
    assert (found["reason"] == "no reference for version v2").all()
    assert (found["rows"] == 1).all()


def test_a_column_that_the_reference_lacks():
    bins = bins_row(np.arange(9.0))
    rows = [profile(np.arange(9.0), bins, "reference", NAT, NAT, "")]
    rows.append(profile([1.0], bins | {"column": "gate_hint"}, "log", *day(0), "v1"))
    found = daily(measure(table(rows), pd.DataFrame([bins])))
    assert (found["reason"] == "the reference has no column gate_hint").all()


def test_a_reference_without_values():
    bins = {**bins_row([1.0]), "edges": np.array([])}
    blank = {**profile([None], bins_row([1.0]), "reference", NAT, NAT, ""), "counts": np.array([0])}
    rows = [blank, {**profile([1.0], bins_row([1.0]), "log", *day(0), "v1"), "counts": np.array([1])}]
    found = daily(measure(table(rows), pd.DataFrame([bins])))
    assert (found["reason"] == "the reference holds no values").all()


def test_categories_have_no_order():
    found = drift(list("aab"), [list("ab")], column="carrier")
    assert set(daily(found).index) == NUMBER
    assert daily(found).loc["ks", "reason"] == "ks needs numbers; carrier holds categories"
    assert daily(found).loc[sorted(CATEGORY), "reason"].isna().all()
    segment = drift(list("aab"), [list("ab")], segment="origin=EWR", reference_segment="origin=EWR")
    assert set(daily(segment).index) == CATEGORY


def test_new_categories_count():
    found = daily(drift(list("aaab"), [list("aaxx")]))
    # Shares 0.75, 0.25, new 0 against 0.5, 0, 0.5.
    assert_values(found, linf=(0.5, 1e-12))


def test_every_blank_has_a_reason_and_every_value_has_none():
    found = pd.concat(
        [drift(np.full(9, 7.0), [[7.0], [None]]), drift(list("ab"), [list("a"), [None]]), drift([1.0, 2], [[1.0]], version="v9")]
    )
    assert (found["value"].isna() == found["reason"].notna()).all()
    assert list(found.columns) == STORED
    assert set(found["monitor"]) == {"drift"}


def test_noise_is_as_many_rows_need_and_the_same_for_all_windows_of_so_many():
    found = drift(np.arange(1000.0), [np.arange(100.0), np.arange(900, 1000.0), np.arange(25.0)])
    first, second, few = (daily(found, i)["noise"] for i in range(3))
    assert first.equals(second)
    assert (few > first).all()


def test_nothing_to_measure_is_an_empty_table():
    empty = table([profile([1.0], bins_row([1.0]), "log", *day(0), "v1")]).iloc[:0]
    found = measure(empty, pd.DataFrame([bins_row([1.0])]))
    assert found.empty
    assert list(found.columns) == STORED


# ---- floors that are known ---------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 1000), cut=st.integers(1, 20))
@settings(max_examples=5)
def test_with_floors_kept_a_window_reads_the_same(seed, cut):
    g = np.random.default_rng(seed)
    bins = pd.DataFrame([bins_row(g.normal(size=2000), version="v1"), bins_row(g.choice(list("abc"), 900), "c", "v1")])
    samples = {"x": lambda: g.normal(size=60), "c": lambda: g.choice(list("abcd"), 60)}
    rows = []
    for row in bins.to_dict("records"):
        rows.append(profile(np.concatenate([samples[row["column"]]() for _ in range(15)]), row, "reference", NAT, NAT, "v1"))
        rows += [profile(samples[row["column"]](), row, "reference", *day(-60 + i), "v1") for i in range(30)]
        rows += [profile(samples[row["column"]](), row, "log", *day(i), "v1") for i in range(21)]
    everything = table(rows)
    expected, fresh = measure_knowing(everything, bins, Floors())
    early = everything["window_start"].isna() | (everything["window_start"] < day(cut)[0])
    _, kept = measure_knowing(everything[early], bins, Floors())
    again, more = measure_knowing(everything, bins, read(kept))
    assert len(kept) + len(more) >= len(fresh)
    log = expected[expected["dataset"] == "log"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again[again["dataset"] == "log"].reset_index(drop=True), log)


def test_only_the_windows_asked_for():
    g = np.random.default_rng(0)
    bins = bins_row(g.normal(size=500), version="v1")
    rows = [profile(g.normal(size=500), bins, "reference", NAT, NAT, "v1")]
    rows += [profile(g.normal(size=50), bins, "log", *day(i), "v1") for i in range(14)]
    start, end = day(7)
    asked = pd.DataFrame({"window_start": [start, start], "window_end": [end, start + pd.Timedelta(days=7)]})
    every, _ = measure_knowing(table(rows), pd.DataFrame([bins]), Floors())
    found, _ = measure_knowing(table(rows), pd.DataFrame([bins]), Floors(), asked)
    assert set(zip(found["window_start"], found["window_end"], strict=True)) == set(asked.itertuples(index=False, name=None))
    same = every.merge(asked, on=["window_start", "window_end"])
    pd.testing.assert_frame_equal(found.reset_index(drop=True), same[found.columns], check_dtype=False)
