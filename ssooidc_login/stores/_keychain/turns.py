"""Taking turns at writing a document, and how long to retry."""

from __future__ import annotations

import threading
from collections import deque
from random import uniform
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ssooidc_login.stores._files.file_lock import FileLock
    from ssooidc_login.stores._files.host_locks import HostLocks
    from ssooidc_login.stores.store import StoreKey

__all__ = ["Patience", "Queue", "Turn"]

_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.05


class Patience:
    """A limit on how long something is retried."""

    def __init__(self, seconds: float) -> None:
        """Start the time, in seconds."""
        self._end: Final = monotonic() + seconds
        self._pause = _FIRST_PAUSE

    def wait(self) -> bool:
        """Pause before the next try and return true, or return false at once if the time is over."""
        left = self._end - monotonic()
        if left <= 0:
            return False
        # Random, so that no caller is always a moment later than another one.
        sleep(min(self._pause * uniform(0.5, 1), left))  # noqa: S311 - no secret
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return True


class Turn:
    """The right to write a document, which one caller at a time has, and the first place in the queue for it.

    A file lock has no queue: a writer that writes again at once would always be faster than those that try from time to
    time. So a writer first takes the first place, and releases it when it gets its turn. A writer that has just written
    finds that place taken and must wait like the others.
    """

    def __init__(self, locks: HostLocks, key: StoreKey) -> None:
        """Remember the key; no lock is taken yet."""
        self._locks: Final = locks
        self._key: Final = key
        self._place: FileLock | None = None
        self._lock: FileLock | None = None

    def is_taken(self) -> bool:
        """Take the turn if it is free, and return whether this caller has it.

        Raises:
            StoreError: a lock file cannot be made or locked.
        """
        if self._lock is None and self._place is None:
            self._place = self._locks.try_lock(self._key, "next")
        if self._lock is None and self._place is not None:
            self._lock = self._locks.try_lock(self._key, "write")
            if self._lock is not None:
                self._place.release()
                self._place = None
        return self._lock is not None

    def release(self) -> None:
        """Release what was taken; a second call does nothing."""
        for lock in (self._lock, self._place):
            if lock is not None:
                lock.release()
        self._lock = self._place = None


class Queue:
    """A lock that the threads of this process get in the order in which they asked for it.

    `threading.Lock` is not fair: a thread that takes it again at once can keep all others waiting.
    """

    def __init__(self) -> None:
        """Create a free lock with no thread waiting."""
        self._mutex: Final = threading.Lock()
        self._waiting: Final[deque[threading.Lock]] = deque()
        self._is_taken = False

    def acquire(self, seconds: float) -> bool:
        """Wait up to `seconds` for the lock and return whether it was acquired."""
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return True
            mine = threading.Lock()
            _ = mine.acquire()
            self._waiting.append(mine)
        got = False
        try:
            got = mine.acquire(timeout=seconds)
        finally:
            if not got:
                with self._mutex:
                    # If the lock was passed to this thread after its wait had ended, it must be passed on.
                    if mine in self._waiting:
                        self._waiting.remove(mine)
                    else:
                        self._pass_on()
        return got

    def release(self) -> None:
        """Pass the lock to the thread that has waited longest."""
        with self._mutex:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().release()
        else:
            self._is_taken = False
