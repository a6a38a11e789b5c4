"""The store in the files that the AWS CLI and the AWS SDKs share, `~/.aws/sso/cache` and `~/.aws/cli/cache`.

A login made here works in the AWS CLI and every SDK, and theirs works here. The location is fixed in the AWS tools, so
it is fixed here too. Documents are replaced in one step and have mode 0600. A key is locked with a file beside its
document, `NAME.json.lock`. AWS tools do not use these locks, so they may write at any time.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeVar

from pydantic import SecretBytes, SecretStr

from ssooidc_core._text import printable
from ssooidc_login.errors import StoreError
from ssooidc_login.stores._files.file_lock import FileLock, try_file_lock
from ssooidc_login.stores._files.private_files import (
    NotOursError,
    is_open_to_others,
    make_folder,
    read_own,
    remove_own,
    replace_own,
)
from ssooidc_login.stores._files.problems import problem_text
from ssooidc_login.stores.blocking import BlockingStore
from ssooidc_login.stores.store import DocumentKind, StoreKey

__all__ = ["AwsCacheStore"]

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)
_LARGEST: Final = 1024 * 1024
_SSO: Final = (".aws", "sso", "cache")
_CLI: Final = (".aws", "cli", "cache")
_FOLDERS: Final[dict[DocumentKind, tuple[str, ...]]] = {
    "token": _SSO,
    "registration": _SSO,
    "role-credentials": _CLI,
}
_PATH_LIMIT: Final = 300
_EXTRA: Final = 'Keeping logins in files needs filelock: pip install "ssooidc-core[login]"'


class AwsCacheStore(BlockingStore):
    """Keeps documents in the files of the AWS tools. It may be used from many threads and processes, and after a fork.

    The content of a broken file is returned as it is: the reader of the document reports what is wrong with it.
    """

    def __init__(
        self, home: Path | None = None, *, warn: Callable[[str], object] | None = None
    ) -> None:
        """Create a store; no file is read or made until it is used.

        Args:
            home: the directory that contains `.aws`, for tests; by default `~`, as in AWS tools.
            warn: called with a text, once for each directory in which other users could replace files; by default the
                text is logged by the logger of this module.

        Raises:
            StoreError: the home directory cannot be determined.
            ImportError: filelock is not installed; the text names the extra.
        """
        if find_spec("filelock") is None:
            # Here rather than at the first refresh.
            raise ImportError(_EXTRA, name="filelock")
        # As in the AWS tools: HOME (USERPROFILE on Windows), then the user database. A given path is made absolute,
        # because the process may change its working directory.
        self._home = _user_home() if home is None else home.absolute()
        if not self._home.is_absolute():
            message = "Cannot determine the home directory: set HOME to its path"
            raise StoreError(message)
        self._warn = _log.warning if warn is None else warn
        self._looked_at: set[Path] = set()
        self._looking = threading.Lock()

    def __repr__(self) -> str:
        """Return the class and the home directory."""
        return f"{type(self).__name__}({str(self._home)!r})"

    def path(self, key: StoreKey) -> Path:
        """Return the path of a document's file."""
        return self._home.joinpath(*_FOLDERS[key.kind], f"{key.name}.json")

    def load(self, key: StoreKey, /) -> SecretStr | None:
        """Return a document, or `None` if there is none.

        The text of a file that is not UTF-8, or is larger than 1 MiB, is not valid JSON.

        Raises:
            StoreError: the file cannot be read, is a link, or belongs to another user.
        """
        path = self.path(key)
        content = self._try("read", path, lambda: read_own(path, limit=_LARGEST + 1))
        if content is None:
            return None
        # A text with surrogates is not valid JSON.
        return SecretStr(content.get_secret_value().decode(errors="surrogateescape"))

    def save(self, key: StoreKey, document: SecretStr, /) -> None:
        """Save a document, replacing the old one.

        Raises:
            StoreError: it cannot be written, or is larger than 1 MiB; the old document is still there.
        """
        path = self.path(key)
        content = _encoded(path, document)

        def replace() -> None:
            self._make_folder(path.parent)
            replace_own(path, content)

        self._try("write", path, replace)

    def delete(self, key: StoreKey, /) -> None:
        """Delete a document if there is one. Its lock file stays.

        Raises:
            StoreError: the file cannot be deleted.
        """
        path = self.path(key)
        self._try("delete", path, lambda: remove_own(path))

    def try_lock(self, key: StoreKey, /) -> FileLock | None:
        """Lock a key, or return `None` at once if it is already locked.

        Raises:
            StoreError: the lock file cannot be made or locked, is a link, or belongs to another user.
        """
        path = self.path(key).with_suffix(".json.lock")

        def lock() -> FileLock | None:
            self._make_folder(path.parent)
            return try_file_lock(path)

        return self._try("lock", path, lock)

    @staticmethod
    def _try(doing: str, path: Path, work: Callable[[], T]) -> T:
        """Return the result of `work`, or raise a `StoreError` that says what is wrong.

        It is raised outside of the `except` block: the traceback of the first error may contain a document.
        """
        try:
            return work()
        except (NotOursError, OSError) as failed:
            problem = problem_text(doing, path, failed)
        raise StoreError(problem)

    def _make_folder(self, folder: Path) -> None:
        make_folder(folder)
        for each in (folder.parent.parent, folder.parent, folder):
            with self._looking:
                if each in self._looked_at:
                    continue
                self._looked_at.add(each)
            if is_open_to_others(each):
                where = _shown(each)
                text = f"Other users can replace the tokens in {where}: change its owner to you and its mode to 0700"
                _ = self._warn(text)


def _user_home() -> Path:
    # Returns "~" if there is no home directory; `Path.expanduser` would raise RuntimeError.
    return Path(os.path.expanduser("~"))  # noqa: PTH111


def _encoded(path: Path, document: SecretStr) -> SecretBytes:
    try:
        content = SecretBytes(document.get_secret_value().encode())
    except UnicodeEncodeError:
        problem = "contains characters that are not Unicode"
    else:
        if len(content) <= _LARGEST:
            return content
        problem = f"is larger than {_LARGEST:,} bytes"
    message = f"Cannot write {_shown(path)}: the document {problem}"
    raise StoreError(message)


def _shown(path: Path) -> str:
    return printable(str(path), limit=_PATH_LIMIT)
