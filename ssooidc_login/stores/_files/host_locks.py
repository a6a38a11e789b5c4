"""Locks for stores that have none: files in a folder of the user's own, and so for this machine only."""

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

# By the home folder alone: two processes whose XDG_CACHE_HOME differs have one keychain, and need one lock.
_FOLDERS: Final = {
    "darwin": ("Library", "Caches", "ssooidc", "locks"),
    "win32": ("AppData", "Local", "ssooidc", "locks"),
}
_ELSEWHERE: Final = (".cache", "ssooidc", "locks")
_PATH_LIMIT: Final = 300


def lock_folder() -> Path:
    """Say where lock files are by default: `~/.cache/ssooidc/locks`, or what stands for it on macOS and Windows.

    Raises:
        StoreError: nobody knows where the user's home is.
    """
    home = os.path.expanduser("~")  # noqa: PTH111 - Path's raises RuntimeError
    if not os.path.isabs(home):  # noqa: PTH117 - a string still
        message = "Nobody knows where the home folder is, and so where to keep lock files: set HOME"
        raise StoreError(message)
    return Path(home).joinpath(*_FOLDERS.get(sys.platform, _ELSEWHERE))


class AsyncFileLock:
    """A file lock with methods to await, which never wait."""

    __slots__ = ("_lock",)

    def __init__(self, lock: FileLock) -> None:
        """Take over a lock that is held."""
        self._lock = lock

    async def ais_held(self) -> bool:
        """Say whether nobody else can have it."""
        return self._lock.is_held()

    async def arelease(self) -> None:
        """Give it back; once is enough."""
        self._lock.release()


class HostLocks:
    """The locks of one store; another store of the same scope has the same. Safe to use from many threads."""

    def __init__(self, scope: str, folder: Path | None, *, extra: str) -> None:
        """Make nothing yet.

        Args:
            scope: what the documents are in: a keychain's service, a namespace.
            folder: where the lock files are; by default `lock_folder()`.
            extra: which extra of this distribution brings filelock.

        Raises:
            StoreError: nobody knows where the user's home is.
            ImportError: filelock is not installed; the text names the extra.
        """
        if find_spec("filelock") is None:
            message = f'Lock files need filelock: pip install "ssooidc-core[{extra}]"'
            raise ImportError(message, name="filelock")
        self._folder = (lock_folder() if folder is None else folder).absolute()
        # A scope is anybody's text, and no name of a file.
        self._scope = sha256(scope.encode(errors="surrogatepass")).hexdigest()[:16]

    def try_lock(self, key: StoreKey, purpose: str = "work") -> FileLock | None:
        """Lock a key for a purpose, or give `None` at once where somebody has it.

        Raises:
            StoreError: the lock file cannot be made or locked, or others could replace it.
        """
        path = self._folder / f"{self._scope}-{key.kind}-{key.name}.{purpose}.lock"
        try:
            make_folder(self._folder)
            if not is_open_to_others(self._folder):
                return try_file_lock(path)
            where = printable(str(self._folder), limit=_PATH_LIMIT)
            problem = (
                f"Others could replace the lock files in {where}: make it yours alone, mode 0700"
            )
        except (NotOursError, OSError) as failed:
            problem = problem_text("lock", path, failed)
        raise StoreError(problem)
