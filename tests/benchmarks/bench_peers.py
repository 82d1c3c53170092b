"""Vigia beside NannyML and Evidently: from Parquet to daily drift values of 30 columns × 30 days, each in a process and environment of its own.

    python tests/benchmarks/bench_peers.py [ROWS …]

The first time installs the peers into .bench/ (2 GB each). Evidently is timed on two numbers of days and the rest reckoned from the difference.
The jobs are not equal: Vigia also stores the rows, and gives weeks and months, floors and p-values. Read orders of magnitude.
"""

import os
import subprocess
import sys
import time
import venv
from pathlib import Path

import pandas as pd

from tests.benchmarks import logs

HERE, JOBS, DAYS = Path(".bench"), Path(__file__).parent / "peers", 30
# What `pip install NAME` alone brings breaks on import; these are the mends.
PEERS = {"nannyml": ["nannyml==0.13.1", "pandas<3", "statsmodels"], "evidently": ["evidently==0.7.23", "pandas<3"]}


def python_of(peer: str) -> str:
    """The peer's own Python, installed when it is not there."""
    place = HERE / f"venv-{peer}"
    if not (place / "done").exists():
        print(f"Installing {peer} into {place}.", file=sys.stderr)
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([place / "bin/python", "-m", "pip", "install", "--quiet", *PEERS[peer]], check=True)
        (place / "done").touch()
    return str(place / "bin/python")


def job(python: str, name: str, *words: object) -> tuple[float, float, float]:
    """CPU s, wall s and peak MB of a job, imports included."""
    started = time.perf_counter()
    command = ["/usr/bin/env", python, str(JOBS / f"job_{name}.py"), *map(str, words)]
    quiet = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "PYTHONWARNINGS": "ignore"}  # both peers send usage data by default
    process = subprocess.Popen(
        command, env={**os.environ, **quiet, "PYTHONPATH": "."}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"The job {name} failed: run {' '.join(command)} to see why.")
    return used.ru_utime + used.ru_stime, time.perf_counter() - started, used.ru_maxrss / 1024


def main() -> None:
    found = []
    reference = logs.write(HERE / "reference.parquet", 100_000, DAYS, -60, seed=1, drifts=False)
    for rows in [int(float(size)) for size in sys.argv[1:]] or [100_000, 1_000_000]:
        log = logs.write(HERE / f"log-{rows}.parquet", rows, DAYS)
        own = job(sys.executable, "vigia", log, reference)
        other = job(python_of("nannyml"), "nannyml", log, reference)
        one, three = (job(python_of("evidently"), "evidently", log, reference, days) for days in (1, 3))
        day = (three[0] - one[0]) / 2
        evidently = (one[0] + day * (DAYS - 1), float("nan"), three[2])
        for name, (cpu, wall, peak) in (("Vigia", own), ("NannyML", other), ("Evidently, psi, reckoned from 3 days", evidently)):
            found.append((f"{rows:,}", name, f"{cpu:.1f}", f"{cpu / own[0]:.1f}", f"{wall:.1f}", f"{peak:.0f}"))
    print(pd.DataFrame(found, columns=["rows", "tool", "CPU s", "× Vigia", "wall s", "peak MB"]).to_string(index=False))


if __name__ == "__main__":
    main()
