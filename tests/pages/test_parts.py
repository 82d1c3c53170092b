"""What screens share: texts that stay what they are, colours that can be read, figures that draw what was measured."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.sample.events import events
from monitors.thresholds import defaults, judge
from pages.parts import charts, colours, quality_charts, words
from pages.parts.colours import DARK, LIGHT, Palette

THEME = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())["theme"]
MONDAY = pd.Timestamp("2024-01-01", tz="UTC")
NO_VERSIONS = pd.DataFrame({"version": [], "first": [], "last": [], "rows": []})


@pytest.fixture(autouse=True)
def light(monkeypatch):
    """There is no browser here to ask for its theme."""
    monkeypatch.setattr(charts, "palette", lambda: LIGHT)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, 1.4.3."""

    def luminance(colour: str) -> float:
        parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        return float(np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])

    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("name", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_states_and_lines_can_be_read_on_the_page(name: str, palette: Palette):
    theme = THEME[name]
    for background in (theme["backgroundColor"], theme["secondaryBackgroundColor"]):
        for colour in (*palette.states, palette.text, palette.muted, theme["primaryColor"], theme["linkColor"]):
            assert contrast(colour, background) >= 4.5
    for colour in (*palette.series, palette.planted, palette.real):
        assert contrast(colour, palette.background) >= 3
    for text, behind in (
        ("redTextColor", "redBackgroundColor"),
        ("orangeTextColor", "orangeBackgroundColor"),
        ("greenTextColor", "greenBackgroundColor"),
    ):
        assert contrast(theme[text], theme[behind]) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_what_is_written_on_a_colour_can_be_read(palette: Palette):
    cells = [colours.over(palette.primary, opacity, palette.background) for opacity in np.linspace(0, 1, 21)]
    for behind in (*cells, *palette.series):
        assert contrast(colours.readable(behind), behind) >= 4.2
    assert (cells[0], cells[-1]) == (palette.background, palette.primary)


@pytest.mark.parametrize(("name", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_theme_and_palette_have_the_same_colours(name: str, palette: Palette):
    theme = THEME[name]
    assert [theme[f"{c}Color"] for c in ("gray", "green", "orange", "red")] == list(palette.states)
    assert theme["chartCategoricalColors"] == list(palette.series)
    assert (theme["backgroundColor"], theme["textColor"]) == (palette.background, palette.text)


def test_spans_say_their_days():
    def span(start: str, end: str) -> str:
        return words.span(pd.Timestamp(start, tz="UTC"), pd.Timestamp(end, tz="UTC"))

    assert span("2013-04-08", "2013-04-15") == "8–14 Apr 2013"
    assert span("2013-04-29", "2013-05-06") == "29 Apr – 5 May 2013"
    assert span("2013-12-30", "2014-01-06") == "30 Dec 2013 – 5 Jan 2014"
    assert span("2013-04-08", "2013-04-09") == span("2013-04-08 10:00", "2013-04-08 11:00") == "8 Apr 2013"


def test_numbers_have_three_figures_or_so():
    assert [words.number(x) for x in (0.0075, 0.25, 3.14159, 45.67, 12345.6, None, np.nan)] == [
        "0.0075",
        "0.25",
        "3.14",
        "45.7",
        "12,346",
        "–",
        "–",
    ]


def test_intervals_have_four_figures_and_no_powers():
    assert [words.figures(x) for x in (0.056551, 0.60442, 999.96, 27364.2, -1234567)] == ["0.05655", "0.6044", "1000", "27,360", "-1,235,000"]


def test_every_class_has_a_colour_of_its_own():
    found = pd.DataFrame({"line": list("abcd"), "false_positive_rate": 0.1, "recall": 0.5, "score": 0.5})
    lines = [trace.line.color for trace in quality_charts.roc(found, list("abcd")).data if trace.name]
    assert len(set(lines)) == 4


def judged(values: list[float], start: int = 0, version: str = "v1") -> pd.DataFrame:
    begin = [MONDAY + pd.Timedelta(days=7 * (start + i)) for i in range(len(values))]
    table = pd.DataFrame({"window_start": begin, "window_end": [b + pd.Timedelta(days=7) for b in begin], "value": values})
    names = {"model": "m", "version": version, "monitor": "drift", "metric": "psi", "column": "a", "segment": "all"}
    table = table.assign(**names, rows=1000, noise=0.01, usual=np.nan, p_value=np.nan, reason=None)
    return judge(table, defaults())


def drawn(figure: object) -> dict[str, list[float]]:
    return {trace.name: list(trace.y) for trace in figure.data if trace.mode == "lines+markers"}


def test_a_line_breaks_where_windows_are_missing():
    table = pd.concat([judged([0.1, 0.2]), judged([0.3], start=4)], ignore_index=True)
    figure = charts.over_time(table, charts.Marks(NO_VERSIONS), y_title="PSI", y_format=".3f")
    assert drawn(figure)["v1"] == pytest.approx([0.1, 0.2, np.nan, 0.3], nan_ok=True)


@pytest.mark.parametrize("values", [[0.2], [0.0, 0.0], [np.nan, np.nan], [0.25, 0.25]])
def test_a_chart_opens_when_there_is_a_single_value_or_none(values: list[float]):
    figure = charts.over_time(judged(values), charts.Marks(NO_VERSIONS), y_title="PSI", y_format=".3f")
    low, high = figure.layout.yaxis.range
    assert low == 0 < high
    assert np.isfinite(high)


def test_names_are_drawn_character_for_character():
    figure = charts.over_time(judged([0.2], version="<b>1e5</b>"), charts.Marks(NO_VERSIONS), y_title="PSI", y_format=".3f")
    assert list(drawn(figure)) == ["&lt;b&gt;1e5&lt;/b&gt;"]
    states = judged([0.2]).assign(column="1e5", limit=0.1)
    assert charts.heat_map(states, charts.Marks(NO_VERSIONS)).layout.yaxis.type == "category"


def test_planted_and_real_events_are_told_apart():
    marks = charts.Marks(NO_VERSIONS, events())
    assert marks.lanes == ["planted", "real"]
    back = MONDAY - pd.Timestamp("2013-04-01", tz="UTC")
    table = judged([0.1] * 40)
    table = table.assign(window_start=table["window_start"] - back, window_end=table["window_end"] - back)
    figure = charts.over_time(table, marks, y_title="PSI", y_format=".3f")
    told = [
        text for trace in figure.data for text in (trace.hovertext if trace.yaxis == "y2" and trace.hovertext is not None else ())
    ]
    assert any(text.startswith("<b>planted: ") for text in told)
    assert any(text.startswith("<b>real: ") for text in told)
    assert list(figure.layout.yaxis2.ticktext) == ["planted ", "real "]


def test_floors_are_named_once_also_where_the_first_version_has_none():
    first, second, third = (judged([0.1, 0.2], start=2 * i, version=f"v{i}").assign(usual=0.05) for i in range(3))
    table = pd.concat([first.assign(noise=np.nan, usual=np.nan), second, third], ignore_index=True)
    figure = charts.over_time(table, charts.Marks(NO_VERSIONS), y_title="PSI", y_format=".3f")
    named = [trace.name for trace in figure.data if trace.showlegend is not False]
    # In a legend that has groups, lines without one would stand below each other were no group named.
    assert sorted(named) == ["noise: chance alone", "usual: the reference’s own windows", "v0", "v1", "v2"]


def test_limits_that_lie_close_have_labels_apart():
    figure = charts.over_time(judged([9.0]), charts.Marks(NO_VERSIONS), y_title="PSI", y_format=".3f")
    heights = sorted(a.y for a in figure.layout.annotations if "0." in a.text)
    assert len(heights) == 2
    assert (heights[1] - heights[0]) / figure.layout.yaxis.range[1] * 340 >= 15


def test_every_metric_that_is_judged_has_words():
    judged = {rule.metric for rule in defaults() if rule.metric}
    assert {metric.removeprefix("estimated_") for metric in judged} <= set(words.METRICS)
    assert set(colours.LEVELS) == set(words.STATES) == set(words.MARKS) == set(words.ICONS)


def test_no_first_screen_waits_for_scipy():
    code = "import sys, pages.parts.charts, pages.parts.sidebar; print([name for name in sys.modules if name.startswith('scipy')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
