"""The texts of the page Skew: how to read it, how to load training features, and what to do about each cause."""

HOW_TO_READ = """
**Row by row.** Each served row is set beside the row that training computes for the same `inference_id`. A **mismatch** is a value
that differs beyond the tolerance; null equals null, and NaN equals NaN. What a model is fed should never differ, so there is no floor:
chance alone gives 0.

**The cause** is found from the pairs that differ. It has to explain them *exactly*, and far more of them than when the training values
are dealt out at random; what fits only by chance is called "no single cause". Several causes may each explain a part.

**Unmatched** are training rows that no log row has: requests that the log lost, or keys that are written in two ways. Log rows without a
training row are not counted: training features may be computed for one row in ten.

**What to do.** Begin with the column that is highest; its cause says what to look for in the code. If the difference is harmless, widen
the column's tolerance in roles.yaml, as `tolerances: {column: {absolute: 0.01}}`.

**Without a key** the distributions are compared (Jensen–Shannon distance). That sees a shifted unit and misses an hour that is wrong
for every row: log an `inference_id` on both sides if you can.
"""
HOW_TO_LOAD = """
To see whether serving and training compute the same features, load what the **training code** gives for requests that were served (a
sample of them is enough), with the same `inference_id`:
```
python -m monitors load features.parquet \\
  --model {model} --as training
python -m monitors run
```
"""
ADVICE = {
    "unreadable": "Find the sender of that text; if it stands for a missing value, write null.",
    "default": "Fill missing values in one place that training and serving share, or on neither side.",
    "missing": "Look for a join or a request field that one side lacks, or that comes too late for serving.",
    "not_finite": "Look for a division by zero or the logarithm of one, and for a guard that only one side has.",
    "width": "Harmless for most models. Widen the tolerance, or store both sides with one width.",
    "rounding": "Round in one place, or with one rule. If it harms nobody, set an absolute tolerance of one unit of the last decimal.",
    "time_zone": "Compute times of day in one named zone (such as America/New_York) on both sides; a fixed offset is wrong for half of the year.",
    "offset": "Look for a constant that was added or left out: an index from 0 or 1, a baseline, a correction.",
    "factor": "One side has another unit. Convert in one place and write the unit into the column’s name.",
    "units": "One side has another unit. Convert in one place and write the unit into the column’s name.",
    "line": "Look for a scaling (a standardisation, a unit with an offset) that one side applies and the other does not.",
    "clipped": "Cap or guard the value in code that both sides share.",
    "case": "Normalise texts in code that both sides share, before the lookup.",
    "white_space": "Strip texts in code that both sides share, before the lookup.",
    "unicode": "Normalise texts (NFC) in code that both sides share.",
    "punctuation": "Normalise texts in code that both sides share, before the lookup.",
    "quotes": "One side keeps the quotes of a CSV or JSON; read it with a parser.",
    "number_format": "Give the column one type on both sides before it is written as text.",
    "time_format": "Write times in ISO 8601 on both sides.",
    "cut": "Look for a field of fixed length between the two, in a database or a message.",
    "swapped": "Look for features that are passed by position; pass them by name.",
    "stale": "A cache, a feed or a feature store was not refreshed: look at its last update at the time of the first example.",
    "encoding": "Keep one table of codes, saved with the model, and use it on both sides.",
    "none": "Nothing that Vigia knows explains these. Compare a few of the rows by hand, in the code of both sides.",
}
