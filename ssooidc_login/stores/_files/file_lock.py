"""Locks on files, held by the kernel: a lock ends with its process, however that ends.

The lock file stays when the lock is released: removing it could let two callers hold the lock at once. It is always
empty: `aws sso logout` tries to read every file in the directory as JSON, and skips those that are not.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from ssooidc_login.stores._files.private_files import open_own

__all__ = ["FileLock", "try_file_lock"]

_TRIES: Final = 3

# No fork may happen between opening a descriptor and noting it: the child would keep it open, and the lock with it.
_NOTING: Final = threading.RLock()
_OPEN: Final[set[int]] = set()


def _close_in_child() -> None:
    # Closing the descriptor leaves the parent's lock in place; unlocking would release it.
    for descriptor in _OPEN:
        with suppress(OSError):
            os.close(descriptor)
    _OPEN.clear()
    _NOTING.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_NOTING.acquire,
        after_in_parent=_NOTING.release,
        after_in_child=_close_in_child,
    )


class FileLock:
    """A lock that is held by this process; a forked child does not hold it."""

    __slots__ = ("_descriptors", "_path", "_process")

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take over a descriptor that is locked."""
        self._path = path
        # Of several callers at once, only one can take the descriptor out of the list.
        self._descriptors = [descriptor]
        self._process = os.getpid()

    def is_held(self) -> bool:
        """Return whether the lock is held and its file is still the one that others would lock."""
        if not self._descriptors or self._process != os.getpid():
            return False
        try:
            return _is_at(self._path, self._descriptors[0])
        except (IndexError, OSError):
            return False

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        if self._process != os.getpid():
            return
        with suppress(IndexError):
            _let_go(self._descriptors.pop())


def try_file_lock(path: Path) -> FileLock | None:
    """Lock a file, which is created if it is missing; return `None` at once if it is already locked.

    Raises:
        NotOursError: the file is a link, not a regular file, or another user's.
        OSError: the file cannot be opened, or its file system has no locks.
    """
    # Not imported with the module, because it takes as long as importing all of this package.
    from filelock import lock_descriptor  # noqa: PLC0415 - see above

    for _ in range(_TRIES):
        with _NOTING:
            descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
            _OPEN.add(descriptor)
        locked = False
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o600)
            if not lock_descriptor(descriptor, blocking=False):
                return None
            locked = _is_at(path, descriptor)
        finally:
            if not locked:
                _let_go(descriptor)
        if locked:
            return FileLock(path, descriptor)
        # The file was removed between opening and locking, so others would lock a new one.
    return None


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _let_go(descriptor: int) -> None:
    from filelock import unlock_descriptor  # noqa: PLC0415 - loaded already, as it locked

    with _NOTING:
        _OPEN.discard(descriptor)
        # Closing alone is not enough: a child process that was just forked may have the descriptor too.
        with suppress(OSError):
            unlock_descriptor(descriptor)
        with suppress(OSError):
            os.close(descriptor)
