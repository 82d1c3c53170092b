"""Vigia: from Parquet to seven metrics a day, week and month of each of 30 columns, in a store of its own.   python job_vigia.py LOG REFERENCE"""

import sys
import tempfile
from pathlib import Path

from data.load import load
from data.roles import from_dict
from data.store import open_store
from monitors import run
from tests.benchmarks import logs

roles = from_dict({**logs.ROLES, "segments": [], "model_version": None})
with tempfile.TemporaryDirectory() as place:
    store = open_store(place)
    load(store, [Path(sys.argv[2])], "bench", "reference", roles=roles)
    load(store, [Path(sys.argv[1])], "bench", roles=roles)
    run.run(store)
    print(len(run.measurements(store, window="day")))
