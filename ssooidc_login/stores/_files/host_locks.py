"""Lock files for stores that have no locks, in a directory of the user, so they work on this machine only."""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ssooidc_core._text import printable
from ssooidc_login.errors import StoreError
from ssooidc_login.stores._files.file_lock import FileLock, try_file_lock
from ssooidc_login.stores._files.private_files import NotOursError, is_open_to_others, make_folder
from ssooidc_login.stores._files.problems import problem_text
from ssooidc_login.stores.store import StoreKey

__all__ = ["AsyncFileLock", "HostLocks", "lock_folder"]

# XDG_CACHE_HOME is ignored: two processes in which it differs share one keychain, and so need the same lock.
_FOLDERS: Final = {
    "darwin": ("Library", "Caches", "ssooidc", "locks"),
    "win32": ("AppData", "Local", "ssooidc", "locks"),
}
_ELSEWHERE: Final = (".cache", "ssooidc", "locks")
_PATH_LIMIT: Final = 300


def lock_folder() -> Path:
    """Return the default directory of lock files: `~/.cache/ssooidc/locks`, or its counterpart on macOS and Windows.

    Raises:
        StoreError: the home directory cannot be determined.
    """
    home = os.path.expanduser("~")  # noqa: PTH111 - Path's raises RuntimeError
    if not os.path.isabs(home):  # noqa: PTH117 - a string still
        message = "Cannot determine the home directory, in which lock files are kept: set HOME"
        raise StoreError(message)
    return Path(home).joinpath(*_FOLDERS.get(sys.platform, _ELSEWHERE))


class AsyncFileLock:
    """A file lock with asynchronous methods, which never wait."""

    __slots__ = ("_lock",)

    def __init__(self, lock: FileLock) -> None:
        """Take over a lock that is held."""
        self._lock = lock

    async def ais_held(self) -> bool:
        """Return whether the lock is still held."""
        return self._lock.is_held()

    async def arelease(self) -> None:
        """Release the lock; a second call does nothing."""
        self._lock.release()


class HostLocks:
    """The locks of a store, shared by all stores with the same scope. They may be used from many threads."""

    def __init__(self, scope: str, folder: Path | None, *, extra: str) -> None:
        """Remember where the lock files are; none is made yet.

        Args:
            scope: names the place of the documents: a keychain's service, a namespace.
            folder: the directory of the lock files; by default `lock_folder()`.
            extra: the extra of this distribution that installs filelock.

        Raises:
            StoreError: the home directory cannot be determined.
            ImportError: filelock is not installed; the text names the extra.
        """
        if find_spec("filelock") is None:
            message = f'Lock files need filelock: pip install "ssooidc-core[{extra}]"'
            raise ImportError(message, name="filelock")
        self._folder = (lock_folder() if folder is None else folder).absolute()
        # A scope may be any text, so it is not used in a file name.
        self._scope = sha256(scope.encode(errors="surrogatepass")).hexdigest()[:16]

    def try_lock(self, key: StoreKey, purpose: str = "work") -> FileLock | None:
        """Lock a key for a purpose, or return `None` at once if it is already locked.

        Raises:
            StoreError: the lock file cannot be made or locked, or other users could replace it.
        """
        path = self._folder / f"{self._scope}-{key.kind}-{key.name}.{purpose}.lock"
        try:
            make_folder(self._folder)
            if not is_open_to_others(self._folder):
                return try_file_lock(path)
            where = printable(str(self._folder), limit=_PATH_LIMIT)
            problem = (
                f"Other users could replace the lock files in {where}: "
                "change its owner to you and its mode to 0700"
            )
        except (NotOursError, OSError) as failed:
            problem = problem_text("lock", path, failed)
        raise StoreError(problem)
