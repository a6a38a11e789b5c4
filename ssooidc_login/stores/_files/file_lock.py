"""A lock on a file that the kernel holds: it ends with the process, whatever ends that.

The lock file stays when the lock is given back; who removed it would let two in at once. It is always empty:
`aws sso logout` reads every file of the folder as JSON, and goes on where that fails.
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

# Between opening a descriptor and noting it nobody may fork: the child would keep it open, and the lock with it.
_NOTING: Final = threading.RLock()
_OPEN: Final[set[int]] = set()


def _close_in_child() -> None:
    # Closing leaves the parent's lock alone; unlocking would not.
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
    """A lock that is held, of this process alone: a forked child does not have it."""

    __slots__ = ("_descriptors", "_path", "_process")

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take over a descriptor that is locked."""
        self._path = path
        # Taking it out is what only one of several callers can do.
        self._descriptors = [descriptor]
        self._process = os.getpid()

    def is_held(self) -> bool:
        """Say whether it is held, and its file is still the one that others would lock."""
        if not self._descriptors or self._process != os.getpid():
            return False
        try:
            return _is_at(self._path, self._descriptors[0])
        except (IndexError, OSError):
            return False

    def release(self) -> None:
        """Give it back; once is enough."""
        if self._process != os.getpid():
            return
        with suppress(IndexError):
            _let_go(self._descriptors.pop())


def try_file_lock(path: Path) -> FileLock | None:
    """Lock a file, made where it is missing, or give `None` at once where somebody has it locked.

    Raises:
        NotOursError: the file is a link, no regular file, or somebody else's.
        OSError: it cannot be opened, or its file system has no locks.
    """
    # Not with the module: it costs as much as all of this package.
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
        # Removed between opening and locking: what is locked is no file that others would find.
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
        # Not by closing alone: a process that was just being forked may have the descriptor too.
        with suppress(OSError):
            unlock_descriptor(descriptor)
        with suppress(OSError):
            os.close(descriptor)
