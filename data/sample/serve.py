"""Serving: one request at a time, from look-up tables, as a service would; each latency is really measured.

The faults that lie in the data feed are in `feed`, those of the code stand where that code runs.
"""

import bisect
import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd

from data.sample import scenario
from data.sample.models import Boosted, Features, Linear, Model, Trained
from data.sample.scenario import FAULTS, WEATHER
from data.sample.source import GROWTH_CAP

EPOCH = pd.Timestamp(0, tz="UTC")
NO_WEATHER = [math.nan] * len(WEATHER)
MEMORY_SECONDS = 7200  # how far back `recent_delay` looks; source.MEMORY says the same to training
LIMIT = 1000  # requests of one airport in an hour, after which code 2.1.0 would refuse

Feed = dict[tuple[str, int], list[float]]  # (airport, hours since 1970) -> WEATHER
Departures = dict[str, tuple[list[float], list[float]]]  # airport -> when flights left, the sum of delays before each


class Request(NamedTuple):
    """What is known of a flight an hour before its scheduled departure."""

    inference_id: int
    ts: pd.Timestamp
    sched: pd.Timestamp
    carrier: str
    origin: str
    dest: str
    distance: int
    seats: float
    plane_age: float


@dataclass
class Server:
    """The look-up tables and models of the service, and the list that one release of its code lets grow."""

    trained: Mapping[str, Trained]
    feed: Feed
    slots: Mapping[tuple[str, int], int]
    departures: Departures
    offsets: Mapping[datetime, float]
    history: list[tuple[str, float]] = field(default_factory=list)

    def serve(self, request: Request) -> dict[str, Any]:
        """The row of the log that answers this request."""
        version = scenario.serving_version(request.ts, request.inference_id)
        code = scenario.code_version(request.ts, version)
        raw = FAULTS["raw_margin"].covers(request.ts)
        model, cut = self.trained[version].model, self.trained[version].cut
        began = time.perf_counter_ns()
        features = self.features(request, version, code)
        computed = time.perf_counter_ns()
        score = predict(model, features, code, raw)
        answered = time.perf_counter_ns()
        return {
            "inference_id": request.inference_id,
            "timestamp": request.ts,
            "model_version": version,
            "code_version": code,
            "data_version": "weather-2" if FAULTS["celsius"].covers(request.ts) else "weather-1",
            **features,
            "score": score,
            "prediction": None if score is None else int(score >= cut),
            "latency_features_ms": (computed - began) / 1e6,
            "latency_model_ms": (answered - computed) / 1e6,
        }

    def features(self, request: Request, version: str, code: str) -> Features:
        """The features of one request: what source.training_features gives for its row, unless there is a fault."""
        sched = request.sched.timestamp()
        slot = int(sched // 3600)
        hour, weekday = self.local_time(request, code)
        features = {
            "carrier": request.carrier,
            "origin": request.origin,
            "dest": request.dest,
            "hour": hour,
            "weekday": weekday,
            "distance": request.distance,
            "seats": request.seats,
            "plane_age": request.plane_age,
            "departures_hour": self.slots.get((request.origin, slot), 0),
            **dict(zip(WEATHER, self.feed.get((request.origin, slot - 1), NO_WEATHER), strict=True)),
        }
        if code == scenario.LEAK and self.recent_requests(request.origin, sched) > LIMIT:
            raise RuntimeError(f"more than {LIMIT} requests of {request.origin} in an hour")
        if version == "v3":
            features["traffic_growth"] = self.traffic_growth(request.origin, slot, code)
            features["recent_delay"] = self.recent_delay(request.origin, sched - 3600)
        return features

    def local_time(self, request: Request, code: str) -> tuple[int, int]:
        """Hour and weekday of the departure in New York. Code 3.1.0 took the summer's offset for the whole year's."""
        if code == scenario.FIXED_OFFSET:
            offset = -4.0
        else:
            offset = self.offsets[request.sched.tz_localize(None).floor("h")]
        local = int(request.sched.timestamp() + offset * 3600)
        return local // 3600 % 24, (local // 86400 + 3) % 7  # 1 January 1970 was a Thursday, 3

    def traffic_growth(self, origin: str, slot: int, code: str) -> float:
        """Departures scheduled in this hour over those in the hour before. Code 3.0.0 lacks the cap of training."""
        before = self.slots.get((origin, slot - 1), 0)
        growth = self.slots[origin, slot] / before if before else math.inf
        return round(growth if code == scenario.DIVISION else min(growth, GROWTH_CAP), 3)

    def recent_delay(self, origin: str, at: float) -> float:
        """As source.recent_delay, but Python and NumPy at times differ in the last digit: a real skew, left in."""
        times, total = self.departures[origin]
        last, first = bisect.bisect_right(times, at), bisect.bisect_right(times, at - MEMORY_SECONDS)
        return round((total[last] - total[first]) / (last - first), 2) if last > first else math.nan

    def recent_requests(self, origin: str, at: float) -> int:
        """The leak of code 2.1.0: a rate limiter that never forgets a request and at each one looks through all."""
        self.history.append((origin, at))
        return sum(airport == origin and time > at - 3600 for airport, time in self.history)


def predict(model: Model, features: Features, code: str, raw: bool) -> float | None:
    """The model's score. None is a real failure: v2's encoder met a destination that training never saw."""
    if isinstance(model, Linear):
        return model.predict_one(features, fill=code != scenario.NO_IMPUTATION)
    if isinstance(model, Boosted):
        return model.predict_one(features, raw=raw)
    try:
        return model.predict_one(features)
    except KeyError:
        return None


def start_server(flights: pd.DataFrame, weather: pd.DataFrame, trained: Mapping[str, Trained]) -> Server:
    """A server with its tables filled."""
    slots = Counter(zip(flights["origin"], hours(flights["sched"]), strict=True))
    return Server(trained, feed(weather), slots, departures(flights), new_york_offsets())


def requests(flights: pd.DataFrame) -> list[Request]:
    """The requests of the served span, in the order of time."""
    start, end = scenario.SERVED
    served = flights[(flights["ts"] >= start) & (flights["ts"] < end)]
    return [Request(*values) for values in served[list(Request._fields)].itertuples(index=False, name=None)]


def hours(times: pd.Series) -> pd.Series:
    """Whole hours since 1970."""
    return (times - EPOCH) // pd.Timedelta(hours=1)


def hours_of(fault: str) -> range:
    """The hours, since 1970, of a planted fault."""
    return range(int(FAULTS[fault].start.timestamp()) // 3600, int(FAULTS[fault].end.timestamp()) // 3600)


def feed(weather: pd.DataFrame) -> Feed:
    """The hourly weather as the service receives it: right, but for the two faults of the feed."""
    columns = [weather[c] for c in WEATHER]
    sent: Feed = {
        (origin, hour): values
        for origin, hour, *values in zip(weather["origin"], hours(weather["time_hour"]), *columns, strict=True)
    }
    celsius = {("EWR", h): in_celsius(sent["EWR", h]) for h in hours_of("celsius") if ("EWR", h) in sent}
    stuck = hours_of("frozen_feed")
    return sent | celsius | {("LGA", h): sent["LGA", stuck[0]] for h in stuck}


def in_celsius(observation: list[float]) -> list[float]:
    """The observation, its temperature converted from Fahrenheit."""
    temp, *rest = observation
    return [round((temp - 32) / 1.8, 1), *rest]


def departures(flights: pd.DataFrame) -> Departures:
    """When flights really left each airport, and the running sum of their delays."""
    left = flights.dropna(subset=["left"]).sort_values("left")
    return {
        str(origin): ([t.timestamp() for t in group["left"]], [0.0, *group["dep_delay"].cumsum().tolist()])
        for origin, group in left.groupby("origin")
    }


def new_york_offsets() -> dict[datetime, float]:
    """Hours from UTC to New York's local time, by hour of UTC."""
    times = pd.date_range("2013-01-01", "2014-01-02", freq="h")
    local = times.tz_localize("UTC").tz_convert("America/New_York").tz_localize(None)
    return dict(zip(times, (local - times) / pd.Timedelta(hours=1), strict=True))
