"""Who serves when: the versions of `flight-delay`, what each was trained on, its roll-out, its releases of code."""

from datetime import UTC, datetime

from data.sample.events import planted

MODEL = "flight-delay"
WEATHER = ["temp", "humid", "wind_speed", "precip", "visib", "pressure"]
CATEGORIES = ["carrier", "origin", "dest"]
BASE = [*CATEGORIES, "hour", "weekday", "distance", "seats", "plane_age", *WEATHER, "departures_hour"]
EXTRA = ["recent_delay", "traffic_growth"]
FEATURES = {"v1": BASE, "v2": BASE, "v3": [*BASE, *EXTRA]}

SERVED = (datetime(2013, 4, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC))  # [start, end), as all spans here
TRAINED = {
    "v1": (datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 4, 1, tzinfo=UTC)),
    "v2": (datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 6, 1, tzinfo=UTC)),
    "v3": (datetime(2013, 3, 1, tzinfo=UTC), datetime(2013, 9, 1, tzinfo=UTC)),
}
# A new version first takes one request in ten beside the old one (a canary), then all.
CANARY = {"v2": datetime(2013, 6, 10, tzinfo=UTC), "v3": datetime(2013, 9, 23, tzinfo=UTC)}
FULL = {"v2": datetime(2013, 6, 17, tzinfo=UTC), "v3": datetime(2013, 10, 1, tzinfo=UTC)}
BEFORE = {"v2": "v1", "v3": "v2"}

FAULTS = planted()
# The releases of code that carry a fault; serve.py asks for them by these names.
NO_IMPUTATION, LEAK, DIVISION, FIXED_OFFSET = "1.0.1", "2.1.0", "3.0.0", "3.1.0"
RELEASES = {
    "v1": [
        (SERVED[0], "1.0.0"),
        (FAULTS["nan_scores"].start, NO_IMPUTATION),
        (FAULTS["nan_scores"].end, "1.0.2"),
    ],
    "v2": [
        (CANARY["v2"], "2.0.0"),
        (FAULTS["latency_leak"].start, LEAK),
        (FAULTS["latency_leak"].end, "2.1.1"),
    ],
    "v3": [
        (FAULTS["inf"].start, DIVISION),
        (FAULTS["inf"].end, "3.0.1"),
        (FAULTS["fixed_utc_offset"].start, FIXED_OFFSET),
        (FAULTS["fixed_utc_offset"].end, "3.1.1"),
    ],
}


def serving_version(time: datetime, inference_id: int) -> str:
    """The version that answers this request."""
    version = "v1" if time < CANARY["v2"] else "v2" if time < CANARY["v3"] else "v3"
    if version != "v1" and time < FULL[version] and inference_id % 10:
        return BEFORE[version]
    return version


def code_version(time: datetime, version: str) -> str:
    """The newest release of that version's code at that time."""
    return [code for since, code in RELEASES[version] if since <= time][-1]
