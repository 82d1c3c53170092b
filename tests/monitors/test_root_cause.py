"""What moves together with a drop of quality: shares and onsets by hand, the correlation by SciPy, files of importances and their mistakes."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from data.errors import BadInput
from monitors.root_cause import moves_together, read_importance

MONDAY = pd.Timestamp("2026-03-02", tz="UTC")


def judged(values: list[float], limit: float, column: str = "", side: str = "above") -> pd.DataFrame:
    start = [MONDAY + pd.Timedelta(weeks=i) for i in range(len(values))]
    level = [-1 if np.isnan(v) else int(v < limit if side == "below" else v > limit) for v in values]
    return pd.DataFrame({"column": column, "window_start": start, "value": values, "level": level, "side": side})


AUC = [0.7, 0.71, 0.6, 0.58, 0.7, np.nan, 0.69, 0.59]  # below 0.65 in the windows 2, 3 and 7
INPUTS = {
    "guilty": [0.1, 0.1, 0.5, 0.6, 0.1, 0.9, 0.1, 0.1],  # with two of three, and it begins with the first
    "always": [0.5, 0.6, 0.5, 0.6, 0.5, 0.6, 0.5, 0.6],
    "calm": [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
    "late": [0.1, 0.1, 0.1, 0.5, 0.5, 0.5, 0.5, 0.1],
}


def test_shares_and_onsets_as_by_hand():
    drift = pd.concat([judged(values, 0.25, column) for column, values in INPUTS.items()])
    found = moves_together(judged(AUC, 0.65, side="below"), drift).set_index("column")
    assert found.index[0] == "guilty"
    # Window 5 has no quality, so seven count: guilty breached in 2 and 3 of the windows 2, 3, 7 and in none of 0, 1, 4, 6.
    assert found.loc["guilty", ["together", "otherwise", "same_onset", "windows"]].tolist() == [pytest.approx(2 / 3), 0, True, 7]
    assert found.loc["always", ["together", "otherwise", "same_onset"]].tolist() == [1, 1, False]
    # late: of 2, 3, 7 in one, of 0, 1, 4, 6 in two; its breach began in 3, that of quality in 2 and 7.
    assert found.loc["late", ["together", "otherwise", "same_onset"]].tolist() == [pytest.approx(1 / 3), 0.5, False]
    assert found.loc["calm", "weight"] == 0
    assert np.isnan(found.loc["calm", "correlation"])
    both = ~np.isnan(AUC)
    theirs = stats.spearmanr(-np.array(AUC)[both], np.array(INPUTS["guilty"])[both]).statistic
    assert found.loc["guilty", "correlation"] == pytest.approx(theirs)


@pytest.mark.filterwarnings("error")
def test_an_input_without_a_window_in_common_is_no_sign_and_no_warning():
    found = moves_together(judged([0.5, 0.6], 0.65, side="below"), judged([np.nan, np.nan], 0.25, "empty"))
    assert found[["windows", "weight"]].values.tolist() == [[0, 0]]


def test_importance_ranks_among_what_moves_and_lifts_nothing_that_does_not():
    drift = pd.concat([judged(INPUTS["guilty"], 0.25, name) for name in ("a", "b")] + [judged(INPUTS["calm"], 0.25, "c")])
    found = moves_together(judged(AUC, 0.65, side="below"), drift, {"b": 30, "c": 70}).set_index("column")
    assert found.index.tolist()[0] == "b"
    assert found["importance"].to_dict() == {"a": 0, "b": pytest.approx(0.3), "c": pytest.approx(0.7)}
    assert found.loc["c", "weight"] == 0


def test_a_file_of_importances_and_its_mistakes():
    assert read_importance('column,importance\ntemp,0.5\n"a,b",2\n\n', "i.csv", ["temp", "a,b"]) == {"temp": 0.5, "a,b": 2}
    for text, told in (
        ("temp", 'i.csv, line 1: expected column,importance, found "temp"'),
        ("temp,much", 'expected a number as the importance of "temp", found "much"'),
        ("temp,-1", "Give amounts without a sign"),
        ("tmep,1", 'there is no input "tmep". Did you mean "temp"?'),
        ("temp,1\ntemp,2", 'i.csv, line 2: "temp" stands in the file already'),
    ):
        with pytest.raises(BadInput) as raised:
            read_importance(text, "i.csv", ["temp", "a,b"])
        assert told in str(raised.value)
