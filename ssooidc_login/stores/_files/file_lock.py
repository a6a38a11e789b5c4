"""Locks on files, held by the kernel: a lock ends with its process, however that ends.

The lock file stays when the lock is released: removing it could let two callers hold the lock at once. It is always
empty: `aws sso logout` tries to read every file in the directory as JSON, and skips those that are not. A holder can
leave a number and a time for the next holders; they are kept in the file's modification time.
"""

from __future__ import annotations

import math
import os
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Final

from ssooidc_login.stores._files.private_files import OwnedFile, open_into

__all__ = ["FileLock", "try_file_lock"]

_TRIES: Final = 3
_SECOND: Final = 10**9
# Windows keeps times in units of 100 ns.
_UNIT: Final = 100
_NUMBERS: Final = _SECOND // _UNIT

# No fork may happen while a lock is opened: the child would keep the file open, and the lock with it.
_OPENING: Final = threading.RLock()
_LOCKS: Final[weakref.WeakSet[FileLock]] = weakref.WeakSet()


def _close_in_child() -> None:
    # Closing the file leaves the parent's lock in place; unlocking would release it.
    for lock in tuple(_LOCKS):
        lock.close()
    _OPENING.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_OPENING.acquire,
        after_in_parent=_OPENING.release,
        after_in_child=_close_in_child,
    )


class FileLock:
    """A lock of this process; a forked child does not hold it.

    The object exists before its file is opened, and the file is never without an owner: if Ctrl-C interrupts the code
    between two steps, the file is closed together with this object, and closing it releases the lock.
    """

    __slots__ = ("__weakref__", "_files", "_path", "_process")

    def __init__(self, path: Path) -> None:
        """Remember the path; nothing is opened yet."""
        self._path = path
        self._files: list[OwnedFile] = []
        self._process = os.getpid()
        _LOCKS.add(self)

    def take(self) -> bool:
        """Lock the file, which is created if it is missing; return at once whether that worked.

        Raises:
            NotOursError: the file is a link, not a regular file, or another user's.
            OSError: the file cannot be opened, or its file system has no locks.
        """
        # Not imported with the module, because it takes as long as importing all of this package.
        from filelock import lock_descriptor  # noqa: PLC0415 - see above

        with _OPENING:
            open_into(self._files, self._path, os.O_RDWR | os.O_CREAT)
        descriptor = self._files[0].fileno()
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)
        return lock_descriptor(descriptor, blocking=False)

    def is_held(self) -> bool:
        """Return whether the lock is held and its file is still the one that others would lock."""
        if self._process != os.getpid():
            return False
        # Closed meanwhile, it has no descriptor (ValueError).
        with suppress(IndexError, OSError, ValueError):
            return _is_at(self._path, self._files[0].fileno())
        return False

    def note(self, number: int, until: float, /) -> None:
        """Leave a number for the next holders of this lock, until a time in epoch seconds, rounded up."""
        noted = math.ceil(until) * _SECOND + number % _NUMBERS * _UNIT
        # Without the note, the next holder tries what it would have been spared.
        with suppress(IndexError, OSError, ValueError):
            _set_times(self._path, self._files[0].fileno(), noted)

    def noted(self) -> tuple[int, float] | None:
        """Return the number that was left last, and until when; a file that has no note has some other number."""
        with suppress(IndexError, OSError, ValueError):
            seconds, rest = divmod(os.fstat(self._files[0].fileno()).st_mtime_ns, _SECOND)
            return rest // _UNIT, float(seconds)
        return None

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        if self._process == os.getpid():
            from filelock import unlock_descriptor  # noqa: PLC0415 - loaded already, as it locked

            # Closing alone is not enough: a child process that was just forked may have the descriptor too.
            with suppress(IndexError, OSError, ValueError):
                unlock_descriptor(self._files[0].fileno())
        self.close()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        for file in tuple(self._files):
            with suppress(OSError):
                file.close()


def try_file_lock(path: Path) -> FileLock | None:
    """Lock a file, which is created if it is missing; return `None` at once if it is already locked.

    Raises:
        NotOursError: the file is a link, not a regular file, or another user's.
        OSError: the file cannot be opened, or its file system has no locks.
    """
    for _ in range(_TRIES):
        lock = FileLock(path)
        try:
            is_locked = lock.take()
            if is_locked and lock.is_held():
                return lock
        except BaseException:
            lock.release()
            raise
        lock.release()
        if not is_locked:
            return None
        # The file was removed between opening and locking, so others would lock a new one.
    return None


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _set_times(path: Path, descriptor: int, nanoseconds: int) -> None:
    # Windows sets times by path only.
    target = descriptor if os.utime in os.supports_fd else path
    os.utime(target, ns=(nanoseconds, nanoseconds))
