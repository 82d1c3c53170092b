"""CPU, wall time and peak memory of a step, in this process and its threads. Linux."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU and wall in seconds, peak resident memory in MB."""

    cpu: float
    wall: float
    peak: float


def cost(step: Callable[[], object]) -> Cost:
    """What a step costs; children that it waited for count too."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before, started = os.times(), time.perf_counter()
    step()
    wall, after = time.perf_counter() - started, os.times()
    peak = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return Cost(sum(after[:4]) - sum(before[:4]), wall, peak / 1024)


def median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(c, name) for c in costs) for name in ("cpu", "wall", "peak")))
