"""The texts of the page Skew: how to load training features, and what to do about each cause."""

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
