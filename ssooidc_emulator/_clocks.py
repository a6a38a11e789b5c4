"""What time it is for a server: the machine's, moved forward as far as a test wants."""

from __future__ import annotations

import math
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from ssooidc_core._program import Instant

__all__ = ["AdjustableClock", "machine_time"]

_FURTHEST: Final = 10 * 365 * 24 * 3600


def machine_time() -> Instant:
    """Tell the time by the machine's clocks."""
    return Instant(datetime.now(UTC), time.monotonic())


class AdjustableClock:
    """The machine's time and what was added to it. Safe to use from many threads."""

    def __init__(self) -> None:
        """Start at the machine's time."""
        self._lock: Final = threading.Lock()
        self._added = 0.0

    def now(self) -> Instant:
        """Tell the time."""
        with self._lock:
            added = self._added
        instant = machine_time()
        return Instant(instant.wall + timedelta(seconds=added), instant.monotonic + added)

    def advance(self, seconds: float) -> None:
        """Let time pass at once.

        Raises:
            ValueError: the seconds are negative, or would lead more than ten years away.
        """
        with self._lock:
            added = self._added + seconds
            if not math.isfinite(seconds) or seconds < 0 or added > _FURTHEST:
                message = "Time goes forward, by ten years at most in all"
                raise ValueError(message)
            self._added = added
