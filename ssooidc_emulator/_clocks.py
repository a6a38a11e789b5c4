"""Clocks: the machine's time, and that time moved forward by a test."""

from __future__ import annotations

import math
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from ssooidc_core._program import Instant

__all__ = ["AdjustableClock", "Clock", "machine_time"]

_FURTHEST: Final = 10 * 365 * 24 * 3600


class Clock(Protocol):
    """A clock that a test controls, for example `ssooidc_transports.testing.VirtualClock`."""

    def now(self) -> Instant:
        """Return the current time."""
        ...

    def advance(self, seconds: float) -> None:
        """Move the clock forward by this many seconds."""
        ...


def machine_time() -> Instant:
    """Return the time of the machine's clocks."""
    return Instant(datetime.now(UTC), time.monotonic())


class AdjustableClock:
    """The machine's time plus the seconds added by `advance`. Safe to use from many threads."""

    def __init__(self) -> None:
        """Start at the machine's time."""
        self._lock: Final = threading.Lock()
        self._added = 0.0

    def now(self) -> Instant:
        """Return the current time."""
        with self._lock:
            added = self._added
        instant = machine_time()
        return Instant(instant.wall + timedelta(seconds=added), instant.monotonic + added)

    def advance(self, seconds: float) -> None:
        """Move the clock forward by this many seconds.

        Raises:
            ValueError: the seconds are negative, or the clock would be more than ten years ahead.
        """
        with self._lock:
            added = self._added + seconds
            if not math.isfinite(seconds) or seconds < 0 or added > _FURTHEST:
                message = "A clock can only be advanced, by at most ten years in all"
                raise ValueError(message)
            self._added = added
