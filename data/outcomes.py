"""Outcomes: whether a request failed, by what its row says of it (HTTP or gRPC status, words, yes or no), else by its outputs."""

import re

import pandas as pd

from data.sql import quote

# Whole words of a status, in any case: what gRPC, HTTP frameworks, queues and people write.
GOOD = (
    "ok", "success", "successful", "succeeded", "completed", "complete", "done", "served", "cached", "passed", "statuscode.ok",
)  # fmt: skip
BAD = (
    "error", "err", "fail", "failed", "failure", "timeout", "timedout", "timed_out", "timed out", "exception", "cancelled", "canceled",
    "aborted", "rejected", "denied", "refused", "crashed", "killed", "dropped", "overloaded", "throttled", "unknown",
    "invalid_argument", "deadline_exceeded", "not_found", "already_exists", "permission_denied", "resource_exhausted",
    "failed_precondition", "out_of_range", "unimplemented", "internal", "unavailable", "data_loss", "unauthenticated",
)  # fmt: skip
WITHIN = r"error|fail|time[d]?[ _-]?out|exception|deadline|unavailable|refused|denied|exhausted"  # of a longer text
YES, NO = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0", "none", "null", "nan")
# A column whose name speaks of failure says "yes" of one, any other says "yes" of success.
OF_FAILURE = re.compile(r"err|fail|time[d]?_?out|exception|crash|abort")
OF_SUCCESS = re.compile(r"success|succeeded|(^|_)ok($|_)")
CODE = r"^(\d{1,3})(?:\.0+)?(?:\D.*)?$"  # 503, 503.0, "503 Service Unavailable"


def failed(column: str, otherwise: str) -> str:
    """An SQL condition: whether the status in a text column says that a request failed; where it says nothing, `otherwise`.

    Numbers from 400 are failures (HTTP), from 100 to 399 not; below 100 all but 0 (gRPC, exit codes), and in a column named after success 0
    alone. Of texts the words above, also within a longer one; in a column named after failure any text at all but a "no".
    """
    text = f"lower(trim(CAST({quote(column)} AS VARCHAR)))"
    code = f"TRY_CAST(regexp_extract({text}, '{CODE}', 1) AS INTEGER)"
    about_failure, about_success = bool(OF_FAILURE.search(column.casefold())), bool(OF_SUCCESS.search(column.casefold()))
    yes, no = ("true", "false") if about_failure else ("false", "true")
    small = f"{code} = 0" if about_success else f"{code} <> 0"
    return f"""(CASE WHEN {text} IS NULL OR {text} = '' THEN {otherwise}
        WHEN {text} IN {YES[:4]} THEN {yes} WHEN {text} IN {NO[:4]} THEN {no} WHEN {text} IN {NO[5:]} THEN {otherwise}
        WHEN {code} IS NOT NULL THEN CASE WHEN {code} >= 100 THEN {code} >= 400 ELSE {small} END
        WHEN {text} IN {GOOD} THEN false WHEN {text} IN {BAD} THEN true
        ELSE regexp_matches({text}, '{WITHIN}'){" OR true" if about_failure else ""} END)"""


def is_status(values: pd.Series, name: str) -> bool:
    """Whether values read as outcomes of requests, so that a marital status, or an error in kilograms, is left alone."""
    texts = values.dropna().astype(str).str.strip().str.casefold().str.replace(r"\.0+$", "", regex=True)
    texts = texts[texts != ""]
    if texts.empty:
        return False
    http = texts.str.fullmatch(r"[1-5]\d\d")
    words = texts.isin([*GOOD, *BAD]) | texts.str.fullmatch(r"(?:statuscode\.)?(?:" + "|".join(BAD) + ")")
    asked = bool(OF_FAILURE.search(name) or OF_SUCCESS.search(name))
    answers = texts.isin([*YES, *NO]) if asked else pd.Series(False, texts.index)
    grpc = texts.str.fullmatch(r"\d|1[0-6]") if name.startswith("grpc") else pd.Series(False, texts.index)
    return float((http | words | answers | grpc).mean()) > 0.95
