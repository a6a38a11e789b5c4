"""`ExpiringMap`: a dictionary whose entries expire, without scanning all of them."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable
from typing import Final, Generic, TypeVar

__all__ = ["ExpiringMap"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_DROPPED_AT_ONCE: Final = 100


class ExpiringMap(Generic[K, V]):
    """Entries that may be dropped from a given time on, in epoch seconds.

    An expired entry can still be found until it is dropped, so callers must check the time themselves. Not locked.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._entries: dict[K, V] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._added = 0

    def put(self, key: K, value: V, *, until: float) -> None:
        """Add a value under a new key."""
        self._entries[key] = value
        self._added += 1
        # The running number decides between equal times, so that keys are never compared.
        heapq.heappush(self._heap, (until, self._added, key))

    def get(self, key: K) -> V | None:
        """Return the value of a key, or `None` if it is unknown or was dropped."""
        return self._entries.get(key)

    def forget_until(self, now: float) -> list[V]:
        """Drop expired entries and return them; at most a hundred per call, so that no call takes long."""
        dropped: list[V] = []
        while self._heap and self._heap[0][0] <= now and len(dropped) < _DROPPED_AT_ONCE:
            _, _, key = heapq.heappop(self._heap)
            dropped.append(self._entries.pop(key))
        return dropped

    def values(self) -> Iterable[V]:
        """Return all values, in the order in which they were added."""
        return self._entries.values()

    def __contains__(self, key: K) -> bool:
        """Return whether a key is present."""
        return key in self._entries

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)
