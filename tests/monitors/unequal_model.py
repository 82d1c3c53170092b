"""A model that treats groups unequally, loaded and run: women are selected half as often as men, and three rows are of neither."""

from pathlib import Path

import numpy as np
import pandas as pd

from data.load import load
from data.roles import from_dict
from data.store import Store, open_store
from monitors.run import run

ROLES = {
    "timestamp": "ts", "model_version": "version", "prediction": "hired", "label": "suited", "label_time": "known_at", "features": ["skill"],
    "segments": ["sex", "region"],
}  # fmt: skip
DAYS = 28
RATES = {"f": 0.2, "m": 0.4, "x": 1.0}


def rows() -> pd.DataFrame:
    """The log: 60 rows a day, v1 for three weeks, then v2; labels come after two days."""
    random, count = np.random.default_rng(0), DAYS * 60
    sex = random.choice(["f", "m"], count)
    sex[:3] = "x"
    time = pd.Timestamp("2026-03-02", tz="UTC") + pd.to_timedelta(np.arange(count) * 24, unit="min")
    hired = random.random(count) < pd.Series(sex).map(RATES).to_numpy()
    return pd.DataFrame({
        "ts": time, "version": np.where(np.arange(count) < count * 3 // 4, "v1", "v2"), "sex": sex,
        "region": random.choice(["north", "south"], count), "skill": random.normal(size=count), "hired": np.where(hired, "yes", "no"),
        "suited": np.where(random.random(count) < 0.5, "yes", "no"), "known_at": time + pd.Timedelta(days=2),
    })  # fmt: skip


def fill(place: Path) -> Store:
    """The store with the model `hiring`, run; a reference of the two months before."""
    place.mkdir(parents=True, exist_ok=True)
    log = rows()
    reference = log.assign(ts=log["ts"] - pd.Timedelta(days=60), known_at=log["known_at"] - pd.Timedelta(days=60))
    log.to_parquet(place / "log.parquet")
    reference.drop(columns="version").to_parquet(place / "reference.parquet")
    store, roles = open_store(str(place / "store")), from_dict(ROLES)
    load(store, [place / "reference.parquet"], "hiring", "reference", roles=roles)
    load(store, [place / "log.parquet"], "hiring", "log", roles=roles)
    run(store)
    return store
