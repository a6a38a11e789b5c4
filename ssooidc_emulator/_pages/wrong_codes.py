"""A limit on wrong user codes, so that nobody can try them out (RFC 8628 section 5.1)."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

__all__ = ["WrongCodes"]


class WrongCodes:
    """Counts wrong entries over all browsers: whoever guesses would just throw a cookie away. Not locked."""

    def __init__(self, limit: int = 10, window: float = 60.0) -> None:
        """Allow `limit` wrong entries in `window` seconds."""
        self._limit: Final = limit
        self._window: Final = window
        self._times: Final = deque[float](maxlen=limit)

    def seconds_to_wait(self, now: float) -> int:
        """Give the seconds until the next entry is looked at, right or wrong; 0 where it is now."""
        # A clock that a test set back must not lock the page for ever.
        while self._times and not 0 <= now - self._times[0] < self._window:
            _ = self._times.popleft()
        if len(self._times) < self._limit:
            return 0
        return math.ceil(self._times[0] + self._window - now)

    def count(self, now: float) -> None:
        """Note a wrong entry."""
        self._times.append(now)
