"""`ExpiringMap`: a dictionary that forgets, without ever looking through all of its entries."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable
from typing import Final, Generic, TypeVar

__all__ = ["ExpiringMap"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_FORGOTTEN_AT_ONCE: Final = 100


class ExpiringMap(Generic[K, V]):
    """Entries with a time, in epoch seconds, from which on they may be dropped.

    An entry past its time may still be found until it is dropped: whoever cares must look at the time. Not locked.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._entries: dict[K, V] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._added = 0

    def put(self, key: K, value: V, *, until: float) -> None:
        """Keep a value; its key must be new."""
        self._entries[key] = value
        self._added += 1
        # The running number keeps keys, whose order means nothing, from being compared.
        heapq.heappush(self._heap, (until, self._added, key))

    def get(self, key: K) -> V | None:
        """Give the value of a key that was not dropped yet."""
        return self._entries.get(key)

    def forget_until(self, now: float) -> list[V]:
        """Drop entries past their time, at most a hundred a call so that no caller waits long, and return them."""
        dropped: list[V] = []
        while self._heap and self._heap[0][0] <= now and len(dropped) < _FORGOTTEN_AT_ONCE:
            _, _, key = heapq.heappop(self._heap)
            dropped.append(self._entries.pop(key))
        return dropped

    def values(self) -> Iterable[V]:
        """Give all values, in the order they came."""
        return self._entries.values()

    def __contains__(self, key: K) -> bool:
        """Whether a key was not dropped yet."""
        return key in self._entries

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._entries)
