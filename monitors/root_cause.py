"""root_cause: which inputs drifted when quality fell. They move together with it; that one made the other fall is not told by it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from data.errors import BadInput, near

COLUMNS = ["column", "together", "otherwise", "same_onset", "correlation", "windows", "importance", "weight"]
ENOUGH = 5  # windows, for a rank correlation to say anything


def moves_together(quality: pd.DataFrame, drift: pd.DataFrame, importance: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Inputs by how much their drift goes with a metric of quality: COLUMNS, the closest first.

    Parameters
    ----------
    quality : judged windows of one metric, version and segment, under the column "".
    drift : judged windows of one drift metric of the same version and segment, of windows of the same length; all columns.
    importance : column → how much the model looks at it, in any unit, none negative; inputs that it does not name have none.

    Returns
    -------
    together : of the windows in which quality breached, the share in which the input did too. otherwise : the same of all other windows: an
        input that always breaches tells nothing.
    same_onset : a breach of the input began in a window in which one of quality began.
    correlation : Spearman's, of the drift's value with how bad quality was, over the windows that have both; NaN of fewer than 5.
    windows : how many have both. importance : as a share of all that is given; NaN without.
    weight : what they are ranked by. (together − otherwise, not below 0, plus the correlation where chance exceeds it in less than one case of
        20, plus 1/2 for the same onset), times importance over its mean where that is given. 0 is no sign of anything.
    """
    bad = _by_window(quality)
    parts = [_of_input(str(column), bad, rows) for column, rows in drift.groupby("column", observed=True, sort=True)]
    found = pd.DataFrame(parts, columns=COLUMNS[:6])
    given = {column: float(value) for column, value in (importance or {}).items()}
    total = sum(given.values())
    known = found["column"].map(given)
    found["importance"] = known.fillna(0) / total if total > 0 else np.nan
    signs = (found["together"] - found["otherwise"].fillna(0)).clip(lower=0).fillna(0)
    # Of n windows without a connexion the correlation's deviation is 1 / sqrt(n - 1).
    signs += found["correlation"].where(found["correlation"] * np.sqrt(found["windows"].clip(lower=1) - 1) > 1.645, 0)
    found["weight"] = (signs + found["same_onset"] / 2) * (found["importance"] * len(found) if total > 0 else 1.0)
    return found.sort_values("weight", ascending=False, kind="stable", ignore_index=True)[COLUMNS]


def read_importance(text: str, origin: str, columns: list[str]) -> dict[str, float]:
    """A CSV of column,importance (with or without a head) as column → importance.

    Raises
    ------
    BadInput : a line that is not two fields, an importance that is no number from 0, a column that is no input of the model, one named twice.
    """
    found: dict[str, float] = {}
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        name, comma, value = line.rpartition(",")
        name = name.strip().removeprefix('"').removesuffix('"')
        if not line.strip() or (number == 1 and name.lower() in ("column", "feature")):
            continue
        where = f"{origin}, line {number}"
        if not comma:
            raise BadInput(f'{where}: expected column,importance, found "{line.strip()}".')
        try:
            amount = float(value)
        except ValueError:
            raise BadInput(f'{where}: expected a number as the importance of "{name}", found "{value.strip()}".') from None
        if not 0 <= amount < np.inf:
            raise BadInput(f'{where}: the importance of "{name}" is {value.strip()}: expected a number from 0. Give amounts without a sign.')
        if name not in columns:
            raise BadInput(f'{where}: there is no input "{name}". {near(name, columns)}'.rstrip())
        if name in found:
            raise BadInput(f'{where}: "{name}" stands in the file already. Keep one.')
        found[name] = amount
    return found


def _by_window(judged: pd.DataFrame) -> pd.DataFrame:
    """Per window how bad the value is (greater is worse), whether it breached, and whether a breach began in it; what was not judged is left out."""
    rows = judged[(judged["level"] >= 0) & judged["value"].notna()].sort_values("window_start")
    below = rows["side"].astype(str) == "below"
    breach = (rows["level"] > 0).to_numpy()
    began = breach & ~np.r_[False, breach[:-1]]
    amount = np.where(below, -rows["value"], rows["value"])
    return pd.DataFrame({"amount": amount, "breach": breach, "began": began}, index=pd.Index(rows["window_start"]))


def _of_input(column: str, bad: pd.DataFrame, rows: pd.DataFrame) -> tuple[str, float, float, bool, float, int]:
    both = bad.join(_by_window(rows).add_suffix("_input"), how="inner")
    fell = both["breach"].to_numpy(bool)
    moved = both["breach_input"].to_numpy(bool)
    together = float(moved[fell].mean()) if fell.any() else np.nan
    otherwise = float(moved[~fell].mean()) if (~fell).any() else np.nan
    onset = bool((both["began"] & both["began_input"]).any())
    vary = len(both) >= ENOUGH and both["amount"].nunique() > 1 and both["amount_input"].nunique() > 1
    correlation = float(both["amount"].rank().corr(both["amount_input"].rank())) if vary else np.nan
    return column, together, otherwise, onset, correlation, len(both)

