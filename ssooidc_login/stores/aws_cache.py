"""The store in the files that the AWS CLI and the AWS SDKs share, `~/.aws/sso/cache` and `~/.aws/cli/cache`.

A login made here serves `aws` and every SDK, and theirs serves here. No AWS tool can be told of another place, and so
this store has none either. Documents are replaced in one step and have mode 0600, and a key is locked by a file beside
its document, `NAME.json.lock`, which AWS tools do not know: they may still write at any time.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

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
    """Keeps documents where the AWS tools keep theirs. Safe to use from many threads, processes, and after a fork.

    A file that is broken is given as it is: whoever reads the document says what is wrong with it.
    """

    def __init__(
        self, home: Path | None = None, *, warn: Callable[[str], object] | None = None
    ) -> None:
        """Make a store; nothing is read or made before it is used.

        Args:
            home: the folder that has `.aws` in it, for tests; by default what `~` is, as in AWS tools.
            warn: told, once for each folder, that others than its user could replace what is in it; by default it goes
                to the log of this module.

        Raises:
            StoreError: nobody knows where the user's home is.
            ImportError: filelock is not installed; the text names the extra.
        """
        if find_spec("filelock") is None:
            # Now, rather than at the first refresh.
            raise ImportError(_EXTRA, name="filelock")
        # As in the AWS tools: HOME counts, USERPROFILE on Windows, then the user's entry. One that is given is made
        # absolute, as a process may go to another folder.
        self._home = _user_home() if home is None else home.absolute()
        if not self._home.is_absolute():
            message = "Nobody knows where the home folder is: set HOME to its path"
            raise StoreError(message)
        self._warn = _log.warning if warn is None else warn
        self._looked_at: set[Path] = set()
        self._looking = threading.Lock()

    def __repr__(self) -> str:
        """Say where it is."""
        return f"{type(self).__name__}({str(self._home)!r})"

    def path(self, key: StoreKey) -> Path:
        """Say where a document is kept."""
        return self._home.joinpath(*_FOLDERS[key.kind], f"{key.name}.json")

    def load(self, key: StoreKey, /) -> SecretStr | None:
        """Give a document, or `None` where there is none.

        What is not UTF-8, or larger than 1 MiB, comes back as what is no JSON.

        Raises:
            StoreError: it cannot be read, is a link, or belongs to somebody else.
        """
        path = self.path(key)
        try:
            content = read_own(path, limit=_LARGEST + 1)
        except (NotOursError, OSError) as failed:
            problem = problem_text("read", path, failed)
        else:
            if content is None:
                return None
            # Surrogates are in no JSON text.
            return SecretStr(content.get_secret_value().decode(errors="surrogateescape"))
        raise StoreError(problem)

    def save(self, key: StoreKey, document: SecretStr, /) -> None:
        """Keep a document in place of what was there.

        Raises:
            StoreError: it cannot be written, and what was there still is; or it is larger than 1 MiB.
        """
        problem = self._save(self.path(key), document)
        if problem is not None:
            raise StoreError(problem)

    def delete(self, key: StoreKey, /) -> None:
        """Forget a document; it need not be there. Its lock file stays.

        Raises:
            StoreError: it cannot be removed.
        """
        path = self.path(key)
        try:
            remove_own(path)
        except OSError as failed:
            problem = problem_text("delete", path, failed)
        else:
            return
        raise StoreError(problem)

    def try_lock(self, key: StoreKey, /) -> FileLock | None:
        """Take the right to work on a key, or give `None` at once where somebody has it.

        Raises:
            StoreError: the lock file cannot be made or locked, is a link, or belongs to somebody else.
        """
        document = self.path(key)
        path = document.with_name(f"{document.name}.lock")
        try:
            self._make_folder(path.parent)
            return try_file_lock(path)
        except (NotOursError, OSError) as failed:
            problem = problem_text("lock", path, failed)
        raise StoreError(problem)

    def _save(self, path: Path, document: SecretStr) -> str | None:
        """Say what went wrong. No error leaves this that has been where the document was in the clear."""
        try:
            content = SecretBytes(document.get_secret_value().encode())
        except UnicodeEncodeError:
            return (
                f"Cannot write {_shown(path)}: the document has characters that are none of Unicode"
            )
        if len(content) > _LARGEST:
            return f"Cannot write {_shown(path)}: the document is larger than {_LARGEST:,} bytes"
        try:
            self._make_folder(path.parent)
            replace_own(path, content)
        except (NotOursError, OSError) as failed:
            return problem_text("write", path, failed)
        return None

    def _make_folder(self, folder: Path) -> None:
        make_folder(folder)
        for each in (folder.parent.parent, folder.parent, folder):
            with self._looking:
                if each in self._looked_at:
                    continue
                self._looked_at.add(each)
            if is_open_to_others(each):
                where = _shown(each)
                text = (
                    f"Others can replace the tokens in {where}: make it yours alone, with mode 0700"
                )
                _ = self._warn(text)


def _user_home() -> Path:
    # Where it knows none, this gives back what it got; `Path.expanduser` raises RuntimeError.
    return Path(os.path.expanduser("~"))  # noqa: PTH111


def _shown(path: Path) -> str:
    return printable(str(path), limit=_PATH_LIMIT)
