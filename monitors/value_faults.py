"""value_faults: faults whose effect on a metric follows from the metric's own value and rows, so that nothing else of a window is needed.

Of a share of rows it is exact but for chance, which is drawn: a row that was right becomes wrong, whichever it is. A time that is so many times as
long has percentiles and means that are so many times as long. What a wrong prediction does to a ranking, an unequal group to a gap or a late
row to a trend does not follow from these; such metrics are not told of.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from monitors.distances import Floats
from monitors.faults import Fault

BROKEN, SLOWER, FEWER = ("broken",), ("slower", "slowing"), ("fewer",)
KINDS: dict[str, tuple[str, ...]] = {
    "null_rate": ("nulls",), "accuracy": ("wrong",), "label_coverage": ("unlabelled",), "throughput": FEWER, "rows_ratio": FEWER,
}  # fmt: skip
KINDS |= dict.fromkeys(("range_rate", "domain_rate", "type_rate", "duplicate_rate", "nan_rate", "inf_rate", "score_range_rate", "sum_rate",
                        "error_rate", "mismatch_rate"), BROKEN)  # fmt: skip
KINDS |= dict.fromkeys(("p50", "p95", "p99", "mean", "p95_ratio"), SLOWER)


def faulted(
    shown: Mapping[str, Floats], metric: str, fault: Fault, progress: Floats | float, random: np.random.Generator
) -> dict[str, Floats]:
    """Value and rows of windows with a fault; of one that comes step by step as far as it has come in each, from 0 to 1.

    Parameters
    ----------
    shown : value and rows, shape (windows,).
    """
    value, rows = shown["value"], np.round(shown["rows"])
    size = fault.size
    if fault.kind in SLOWER:
        return {"value": value * (1 + (size - 1) * (progress if fault.kind == "slowing" else 1.0)), "rows": shown["rows"]}
    if metric == "throughput":  # requests an hour
        kept = rows - _hit(random, rows, np.full(len(rows), size))
        return {"value": value * kept / np.maximum(rows, 1), "rows": kept}
    held = np.round(value * rows)  # wrong rows of a rate; of the others those that are right, have a label, or came of so many expected
    if fault.kind in ("wrong", "unlabelled", "fewer"):
        return {"value": (held - _hit(random, held, np.full(len(rows), size))) / np.maximum(rows, 1), "rows": shown["rows"]}
    fine = rows - held
    return {"value": (held + _hit(random, fine, size * rows / np.maximum(fine, 1))) / np.maximum(rows, 1), "rows": shown["rows"]}


def _hit(random: np.random.Generator, rows: Floats, share: Floats) -> NDArray[np.int64]:
    """How many of so many rows the fault hits."""
    return random.binomial(np.maximum(rows, 0).astype(np.int64), np.clip(share, 0, 1))
