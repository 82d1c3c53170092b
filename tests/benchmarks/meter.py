"""CPU, wall time and peak memory of a step, in this process and its threads. Linux."""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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


def in_turns(steps: Mapping[str, Callable[[], object]], of: str, repeats: int = 3) -> list[tuple[str, Cost, float]]:
    """The median of each step, and its CPU as a ratio to the first; taken in turns, so that a neighbour's load falls on all of them.

    `of` : what the steps are about, told with the name of each.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            costs[name].append(cost(step))
    medians = {name: median(found) for name, found in costs.items()}
    first = next(iter(medians.values())).cpu
    return [(f"{name}, {of}", found, found.cpu / first) for name, found in medians.items()]


def show(found: Iterable[tuple[str, Cost, float]]) -> None:
    """A table of steps; a ratio may be NaN."""
    print(f"{'step':52}{'CPU s':>8}{'ratio':>8}{'wall s':>8}{'peak MB':>9}")
    for name, spent, ratio in found:
        print(f"{name:52}{spent.cpu:8.2f}{ratio:8.2f}{spent.wall:8.2f}{spent.peak:9.0f}")


def sizes(otherwise: Sequence[int]) -> list[int]:
    """The numbers of rows named on the command line."""
    return [int(float(word)) for word in sys.argv[1:]] or list(otherwise)
