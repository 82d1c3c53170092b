"""The part on estimates: what its sentence says, and that the chart draws what was estimated and what came true."""

import numpy as np
import pandas as pd
import pytest

from pages.parts import estimate_charts, estimates
from pages.parts.colours import LIGHT
from pages.parts.lanes import Marks

MONDAY = pd.Timestamp("2024-01-01", tz="UTC")
WEEK = pd.Timedelta(7, "D")


@pytest.fixture(autouse=True)
def light(monkeypatch):
    """There is no browser here to ask for its theme."""
    monkeypatch.setattr(estimate_charts, "palette", lambda: LIGHT)


@pytest.fixture
def seen() -> pd.DataFrame:
    """Three weeks in a row, of which the last has no labels and the second few; then one more after a gap, which cannot be trusted."""
    starts = [MONDAY + i * WEEK for i in (0, 1, 2, 5)]
    return pd.DataFrame(
        {
            "version": "v<1>", "segment": "all", "window_start": starts, "window_end": [s + WEEK for s in starts], "rows": 1000,
            "coverage": [1.0, 0.4, 0.0, 1.0], "truth": [0.7, 0.6, np.nan, 0.5], "estimate": [0.71, 0.7, 0.69, 0.72],
            "low": [0.6, 0.6, 0.6, 0.6], "high": [0.8, 0.8, 0.8, 0.8], "level": [0, 0, 0, 2],
            "reason": ["", "", "", "temp is outside of the reference’s range in 56% of the rows"],
        }
    )  # fmt: skip


def test_the_chart_draws_truth_and_estimate_and_breaks_at_gaps(seen: pd.DataFrame):
    versions = pd.DataFrame({"version": ["v<1>"], "first": [MONDAY], "last": [MONDAY + 6 * WEEK], "rows": [4000]})
    figure = estimate_charts.against_truth(seen, Marks(versions, (), pd.DataFrame()), y_title="ROC AUC", y_format=".3f")
    band, estimate, truth = figure.data[:3]
    assert [y for y in truth.y if not np.isnan(y)] == [0.7, 0.6, 0.5]
    assert [y for y in estimate.y if not np.isnan(y)] == [0.71, 0.7, 0.69, 0.72]
    assert np.isnan(estimate.y[3])  # the weeks that are missing
    assert list(band.x).count(None) == 2  # an area for each stretch
    assert estimate.line.dash == "dash"
    hollow = [colour == LIGHT.background for colour in (*estimate.marker.color[[0, 1, 2, 4]], *truth.marker.color[[0, 1, 4]])]
    assert hollow == [False, False, False, True, False, True, False]
    assert "cannot be trusted" in estimate.hovertext[4]
    assert "temp is outside" in estimate.hovertext[4]
    assert {"estimate not to be trusted", "labels for under 90% of rows"} <= {trace.name for trace in figure.data}
    assert "&lt;1&gt;" in truth.name
    low, high = figure.layout.yaxis.range
    assert 0.4 < low < 0.5
    assert 0.8 < high < 0.9


def test_the_track_record_in_a_sentence(seen: pd.DataFrame):
    record = pd.DataFrame({"windows": [20], "within": [0.013], "bias": [-0.0042], "since": [MONDAY]})
    assert estimates.track_record(record, seen, "week") == (
        "**Track record:** in 19 of the last 20 weeks with labels the estimate was within **±0.013** of the truth; on average 0.0042 too low. "
        "Furthest off in this period: 5–11 Feb 2024 (v\\<1\\>), 0.72 against 0.5 in truth."
    )
    one = record.assign(windows=1)
    assert "in the one week with labels the estimate was within" in estimates.track_record(one, seen.head(0), "week")
    assert "none yet" in estimates.track_record(record.head(0), seen, "week")
