"""Measure several ways of doing one thing in turn within one process, and print medians and ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Clock = Callable[[], float]


def measure(
    ways: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    calls: int,
    clock: Clock = time.perf_counter,
) -> dict[str, float]:
    """Return the median over `rounds` of the seconds per call; the ways take turns within each round."""
    for call in ways.values():
        for _ in range(max(10, calls // 10)):
            call()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            began = clock()
            for _ in range(calls):
                call()
            taken[name].append((clock() - began) / calls)
    return {name: statistics.median(times) for name, times in taken.items()}


def report(title: str, medians: Mapping[str, float], *, unit: str) -> None:
    """Print a table whose last column is the ratio to the first way."""
    print(f"\n{title}")
    first = next(iter(medians.values()))
    for name, seconds in medians.items():
        print(f"  {name:<52} {seconds * 1e6:>10.1f} us {unit}   x {seconds / first:.2f}")
