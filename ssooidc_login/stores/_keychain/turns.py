"""Taking turns at writing a document, and how long to try. Nothing here waits for more than a moment at a time."""

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
    """How long something is tried again."""

    def __init__(self, seconds: float) -> None:
        """Begin to count."""
        self._end: Final = monotonic() + seconds
        self._pause = _FIRST_PAUSE

    def wait(self) -> bool:
        """Pause before the next try; `False` at once where the time is over."""
        left = self._end - monotonic()
        if left <= 0:
            return False
        # By chance, so that of several none always comes when another has just been faster.
        sleep(min(self._pause * uniform(0.5, 1), left))  # noqa: S311 - no secret
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return True


class Turn:
    """The right to write a document, which one has at a time, and the place in front of it.

    A file lock has no queue: a writer that writes again at once would always be faster than those that look from time
    to time. So a writer first takes the place in front, and gives it up when it has its turn. Who has just written
    finds that place taken, and waits like everybody else.
    """

    def __init__(self, locks: HostLocks, key: StoreKey) -> None:
        """Take nothing yet."""
        self._locks: Final = locks
        self._key: Final = key
        self._place: FileLock | None = None
        self._lock: FileLock | None = None

    def is_taken(self) -> bool:
        """Return whether it is this one's turn; take it where it can be had now.

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
        """Release whatever was taken; once is enough."""
        for lock in (self._lock, self._place):
            if lock is not None:
                lock.release()
        self._lock = self._place = None


class Queue:
    """A lock of this process that threads get in the order in which they came.

    `threading.Lock` goes to whoever is awake: a thread that takes it again at once keeps all others waiting.
    """

    def __init__(self) -> None:
        """Begin with nobody in it."""
        self._mutex: Final = threading.Lock()
        self._waiting: Final[deque[threading.Lock]] = deque()
        self._is_taken = False

    def acquire(self, seconds: float) -> bool:
        """Return whether it was had within so many seconds."""
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
                    # Given between the end of the wait and now, it is this thread's to pass on.
                    if mine in self._waiting:
                        self._waiting.remove(mine)
                    else:
                        self._pass_on()
        return got

    def release(self) -> None:
        """Pass it to whoever has waited the longest."""
        with self._mutex:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().release()
        else:
            self._is_taken = False
