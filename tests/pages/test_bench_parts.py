"""The bench on screen: the noise floor in words, and figures that draw what was measured."""

import numpy as np
import pandas as pd
import pytest
from rawprofiles import NAT, bins_row, profile, table
from scipy.stats import chi2

from monitors import chance
from monitors.power import POINTS, Power
from pages.parts import bench_charts, chance_words, charts, limit_handles, one_column, power, sketch, suggestions, timeline
from pages.parts.colours import LIGHT

START = pd.Timestamp("2026-03-02", tz="UTC")
NO_VERSIONS = pd.DataFrame({"version": [], "first": [], "last": [], "rows": []})


@pytest.fixture(autouse=True)
def light(monkeypatch):
    """There is no browser here to ask for its theme."""
    for module in (charts, bench_charts, timeline):
        monkeypatch.setattr(module, "palette", lambda: LIGHT)


def chances(rows):
    reference = np.random.default_rng(1).normal(size=8000)
    bins = bins_row(reference, version="v1")
    base = chance.references(table([profile(reference, bins, "reference", NAT, NAT, "v1")]), pd.DataFrame([bins]))["v1", "x", "all"]
    return {"v1": chance.drawn(base, "psi", chance.grid(rows), 3)}


def judged(rows, warning, critical=9.0):
    start = START + pd.to_timedelta(np.arange(len(rows)), "D")
    told = {"version": "v1", "column": "x", "metric": "psi", "warning": warning, "critical": critical, "level": 0, "side": "above", "value": 0.03}
    frame = pd.DataFrame({"window_start": start, "window_end": start + pd.Timedelta(days=1), "rows": rows}).assign(**told, usual=np.nan)
    return frame.assign(noise=chi2.ppf(0.95, 9) / np.array(rows))


def test_a_limit_below_the_floor_is_told_with_its_rows_and_share():
    limit = float(chi2.isf(0.31, 9) / 240)  # of 240 rows on ten equal groups
    text = chance_words.sentence(judged([240] * 5, limit), chances([240]), "warning")
    assert text.startswith("**Warning 0.044** lies below the noise: at 240 rows chance alone exceeds it in ")
    share = int(text.split(" in ")[-1].split("%")[0])
    assert share == pytest.approx(31, abs=4)


def test_only_the_windows_in_which_it_is_below_count():
    rows = [240, 240, 100_000, 100_000]
    text = chance_words.sentence(judged(rows, 0.04), chances(rows), "warning")
    assert "in 2 of 4 windows: at 240 rows" in text
    assert chance_words.sentence(judged(rows, 0.04), chances(rows), "critical") == ""
    assert chance_words.sentence(judged(rows, 0.04), {"v1": None}, "warning") == ""


def test_the_chart_draws_three_levels_of_chance_where_they_are_known():
    marks = charts.Marks(NO_VERSIONS, changes=pd.DataFrame())
    plain = judged([240] * 4, 0.1)
    names = [trace.name for trace in charts.over_time(plain, marks, y_title="", y_format=".2f").data]
    assert "noise: chance alone" in names
    levels = plain.assign(noise_50=0.034, noise_99=0.09)
    drawn = {trace.name: trace for trace in charts.over_time(levels, marks, y_title="", y_format=".2f").data}
    assert {"chance 50 %", "noise: chance 95 %", "chance 99 %"} <= drawn.keys()
    assert np.nanmax(drawn["chance 99 %"].y) == 0.09
    assert charts.over_time(levels.assign(noise_99=5.0), marks, y_title="", y_format=".2f").layout.yaxis.range[1] > 5


def curve(rates):
    rows = [dict(zip(POINTS, (f, 0.1 * f, np.nan, rate, 0.1, "shift", 1.0, 20, share, 7.0), strict=True))
            for f, rate, share in zip((0.5, 1.0, 2.0), rates, (1.0, 0.8, 0.2), strict=True)]  # fmt: skip
    return Power(pd.DataFrame(rows), "", 20, 20, 4)


def test_the_curve_is_against_false_alarms_and_against_the_limits_where_they_change_none():
    figure = bench_charts.detection(curve((2.0, 0.5, 0.1)), "shift", {1.0: "+1 std"}, "PSI")
    line = figure.data[0]
    assert (list(line.x), list(line.y)) == ([0.1, 0.5, 2.0], [0.2, 0.8, 1.0])
    assert figure.layout.xaxis.title.text == "false alarms a week"
    assert list(line.marker.size) == [6, 12, 6]  # the rule itself
    flat = bench_charts.detection(curve((0.0, 0.0, 0.0)), "shift", {1.0: "+1 std"}, "PSI")
    assert list(flat.data[0].x) == pytest.approx([0.2, 0.1, 0.05])
    assert flat.layout.xaxis.title.text == "warning limit, PSI"
    assert list(bench_charts.delays(curve((2.0, 0.5, 0.1)), "shift", {1.0: "+1 std"}, "PSI").data[0].y) == [7, 7, 7]


def test_open_alerts_are_counted_by_week():
    days = {"start": [START, START + pd.Timedelta(days=9)], "end": [START + pd.Timedelta(days=8), START + pd.Timedelta(days=10)]}
    seen = pd.DataFrame({"window_start": [START], "window_end": [START + pd.Timedelta(days=21)]})
    figure = bench_charts.replays({"In force": pd.DataFrame(days)}, seen, charts.Marks(NO_VERSIONS, changes=pd.DataFrame()))
    assert figure.data[0].z.tolist()[0][:3] == [1, 2, 0]


@pytest.mark.parametrize(
    ("size", "unit", "text"), [(0.35, "std", "0.35 std"), (0.001, "std", "under 0.01 std"), (np.nan, "std", "none"), (0.12, "share", "12%")]
)
def test_sizes_in_words(size, unit, text):
    assert suggestions.size_text(size, unit) == text


def test_every_fault_has_a_name_and_a_meaning():
    assert power.KINDS.keys() == power.MEANING.keys() == power.faults.SIZES.keys()
    assert power.size_name("swap", 0.25) == "25% of its rows"
    assert power.size_name("unit", 1000.0) == "× 1,000"


def test_the_bars_of_alerts_say_where_they_are_and_what_they_are_about():
    day = pd.Timedelta(days=1)
    rows = [("", "critical", START, START + 7 * day, 1, 0.5, 0.25), ("a.b", "warning", START + day, START + 2 * day, 2, 12.0, np.nan)]
    alerts = pd.DataFrame(rows, columns=["column", "severity", "start", "end", "windows", "peak", "threshold"]).assign(version="v1", segment="all")
    critical, warning = timeline._bars(alerts, np.array([0.12, 1.12]), timeline.LANES["moved"], "moved")
    assert (critical["column"], critical["when"], critical["row"]) == (["the table"], ["2–8 Mar 2026"], [0.12])
    assert (warning["what"], warning["peak"], warning["threshold"]) == ("warning, moved", ["12.0"], ["–"])
    assert pd.to_datetime(warning["start"] + warning["end"], unit="ms", utc=True).tolist() == [START + day, START + 2 * day]


def test_a_limit_is_one_line_or_a_line_of_steps_for_each_version():
    same = judged([100] * 3, 0.1)
    line = limit_handles._line(same, "warning")
    first, last = (int(time.timestamp() * 1000) for time in (START, START + pd.Timedelta(days=3)))
    assert line == {"lines": [[[first, last], [0.1, 0.1]]], "ends": [{"value": 0.1, "text": "warning 0.1"}]}
    two = pd.concat([same, judged([100] * 2, 0.3).assign(version="v2")])
    assert [values for _, values in limit_handles._line(two, "warning")["lines"]] == [[0.1] * 6, [0.3] * 4]
    assert limit_handles._marks(same.assign(level=[0, 2, 1], value=[1.0, 2.0, 3.0]), ["v0", "v1"])[0]["symbol"] == charts.SYMBOLS[1]
    assert limit_handles._marks(same.assign(level=2, value=[1.0, np.inf, 3.0]), ["v1"])[0]["value"] == [1.0, 3.0]
    of_none = same.assign(level=[0, 2, 1], value=[1.0, 2.0, 3.0], version="")
    assert limit_handles._marks(of_none, ["v0", "v1"])[0]["symbol"] == charts.SYMBOLS[0]


@pytest.mark.parametrize(
    ("values", "limits", "reach"), [([0, 0.4], [0.25], ()), ([0, 0.2], [0.25, 0.1], (0.3,)), ([0, 0.2], [31.0], (50.0,)), ([1, 2], [], ())]
)
def test_the_axis_reaches_for_a_limit_beyond_all_values_in_steps(values, limits, reach):
    assert one_column._reach(np.array(values, float), np.array(limits, float)) == pytest.approx(reach)


def test_a_kept_figure_sends_what_plotly_sends():
    kept = sketch.Kept(data=[{"type": "scatter", "x": np.arange(3), "y": [1, 2, 3]}], layout={"height": 100})
    assert kept.to_dict() == super(sketch.Kept, kept).to_dict()
    assert kept.to_dict() is kept.to_dict()
