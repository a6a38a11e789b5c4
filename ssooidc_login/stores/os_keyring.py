"""The store in the operating system's keychain, through the library `keyring`.

macOS's Keychain, Windows's Credential Manager, the Secret Service and KWallet of Linux desktops, and whatever backend
is configured for keyring. A document is one entry, or several where the platform limits their size; see
`keyring_entry`. Keychains have no locks, and so a file beside decides who works on a key: all of one user on one
machine. AWS tools do not look into keychains: what is signed in here is signed in for this library only.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores._files.file_lock import FileLock
from ssooidc_login.stores._files.host_locks import HostLocks
from ssooidc_login.stores._keychain.backends import problem_of, usable_backend
from ssooidc_login.stores._keychain.entry import Entry, Parts, from_pieces, to_pieces
from ssooidc_login.stores.blocking import BlockingStore
from ssooidc_login.stores.store import StoreKey

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

__all__ = ["KeyringStore"]

T = TypeVar("T")

# CRED_MAX_CREDENTIAL_BLOB_SIZE is 5 * 512 bytes, and keyring writes UTF-16.
_WINDOWS_LARGEST: Final = 1280
_SMALLEST: Final = 256
_LARGEST: Final = 1024 * 1024
_TRIES: Final = 100
_READS: Final = 3
_PAUSE: Final = 0.05


class KeyringStore(BlockingStore):
    """Keeps documents in the operating system's keychain. Safe to use from many threads and processes."""

    def __init__(
        self,
        service: str = "ssooidc",
        backend: KeyringBackend | None = None,
        *,
        largest_entry: int | None = None,
        lock_folder: Path | None = None,
    ) -> None:
        """Find the keychain; nothing is read before it is used.

        Args:
            service: what the entries' names begin with; another one has other documents.
            backend: a backend of keyring; by default the one that keyring is configured for or finds.
            largest_entry: characters that an entry may have, 256 or more; by default 1,280 on Windows, and elsewhere
                any number.
            lock_folder: where the lock files are; by default `host_locks.lock_folder()`.

        Raises:
            StoreError: there is no keychain, or the one that keyring found keeps nothing, or keeps it in the clear.
            ValueError: the service is empty, or `largest_entry` is too small.
            ImportError: keyring or filelock is not installed; the text names the extra.
        """
        # What `repr` shows comes first: a traceback may show an object that was refused.
        self._service: Final = service
        if not service or (largest_entry is not None and largest_entry < _SMALLEST):
            message = f"A service has a name, and an entry {_SMALLEST} characters or more"
            raise ValueError(message)
        limit = _WINDOWS_LARGEST if sys.platform == "win32" else None
        self._backend: Final = usable_backend(backend)
        self._largest: Final = limit if largest_entry is None else largest_entry
        self._locks: Final = HostLocks(f"keyring:{service}", lock_folder, extra="keyring")

    def __repr__(self) -> str:
        """Name the service."""
        return f"{type(self).__name__}({self._service!r})"

    def load(self, key: StoreKey, /) -> SecretStr | None:
        """Give a document, or `None` where there is none.

        An entry that this library did not write comes back as it is, one whose parts are missing as an empty text:
        no JSON, in both cases.

        Raises:
            StoreError: the keychain is locked or fails; or another process has been writing it for 5 s.
        """
        for _ in range(_READS):
            whole, document = self._told("read", lambda: self._load(key))
            if whole:
                return document
        # Replaced each time while its parts were read, or really broken.
        with self._writing(key):
            return self._told("read", lambda: self._load(key))[1]

    def save(self, key: StoreKey, document: SecretStr, /) -> None:
        """Keep a document in place of what was there.

        Raises:
            StoreError: the keychain is locked, refuses it or fails, and what was there still is; or the document is
                longer than 1,048,576 characters; or another process has been writing it for 5 s.
        """
        if not _is_text(document):
            message = f"What is to be kept is no Unicode text of up to {_LARGEST:,} characters"
            raise StoreError(message)
        with self._writing(key):
            self._told("write to", lambda: self._save(key, document))

    def delete(self, key: StoreKey, /) -> None:
        """Forget a document; it need not be there.

        Raises:
            StoreError: the keychain is locked or fails; or another process has been writing it for 5 s.
        """
        with self._writing(key):
            self._told("delete from", lambda: self._delete(key))

    def try_lock(self, key: StoreKey, /) -> FileLock | None:
        """Take the right to work on a key, or give `None` at once where somebody has it.

        Raises:
            StoreError: the lock file cannot be made or locked.
        """
        return self._locks.try_lock(key)

    def _load(self, key: StoreKey) -> tuple[bool, SecretStr | None]:
        """Give the document, and whether all of it was there."""
        raw = self._get(key)
        entry = Entry.read(raw)
        if entry is None:
            return True, raw
        if entry.parts is None:
            return True, entry.document
        document = from_pieces([self._get(key, name) for name in entry.parts.names()])
        return document is not None, SecretStr("") if document is None else document

    def _save(self, key: StoreKey, document: SecretStr) -> None:
        """Write the parts, then the entry that names them, so that others see the old document or the new one.

        What is to be deleted is noted before it is written, so that who comes after a crash can delete it.
        """
        old = Entry.read(self._get(key)) or Entry()
        self._drop(key, old.garbage)
        garbage = () if old.parts is None else (old.parts,)
        new = Entry(document=document, garbage=garbage)
        if not new.fits(self._largest):
            assert self._largest is not None  # noqa: S101 - what has no limit fits
            pieces = to_pieces(document, self._largest)
            parts = Parts(generation=secrets.token_hex(8), count=len(pieces))
            self._put(key, old.with_garbage(parts).text(), "")
            for name, piece in zip(parts.names(), pieces, strict=True):
                self._put(key, piece, name)
            new = Entry(parts=parts, garbage=garbage)
        self._put(key, new.text(), "")
        self._drop(key, garbage)

    def _delete(self, key: StoreKey) -> None:
        raw = self._get(key)
        if raw is None:
            return
        old = Entry.read(raw) or Entry()
        garbage = (*old.garbage, *(() if old.parts is None else (old.parts,)))
        if garbage:
            self._put(key, Entry(garbage=garbage).text(), "")
            self._drop(key, garbage)
        self._remove(key)

    def _drop(self, key: StoreKey, garbage: tuple[Parts, ...]) -> None:
        for parts in garbage:
            for name in parts.names():
                self._remove(key, name)

    def _get(self, key: StoreKey, part: str = "") -> SecretStr | None:
        found = self._backend.get_password(self._entry(key, part), key.kind)
        return None if found is None else SecretStr(found)

    def _put(self, key: StoreKey, text: SecretStr, part: str) -> None:
        self._backend.set_password(self._entry(key, part), key.kind, text.get_secret_value())

    def _remove(self, key: StoreKey, part: str = "") -> None:
        if self._get(key, part) is None:
            return
        self._backend.delete_password(self._entry(key, part), key.kind)

    def _entry(self, key: StoreKey, part: str) -> str:
        """Name an entry's service. Each has its own, and its kind is its user.

        In Windows's Credential Manager, keyring moves entries of one service with several users to and fro, and two
        writers can lose one.
        """
        return ":".join(filter(None, (self._service, key.kind, key.name, part)))

    @contextmanager
    def _writing(self, key: StoreKey) -> Generator[None]:
        """Be the only one who writes a document: two could leave parts behind that nobody knows of."""
        lock = self._locks.try_lock(key, "write")
        for _ in range(_TRIES):
            if lock is not None:
                break
            time.sleep(_PAUSE)
            lock = self._locks.try_lock(key, "write")
        if lock is None:
            message = (
                f"Another process has been writing to the keychain for {_TRIES * _PAUSE:.0f} s: "
                "see whether the keychain asks for something, then try again"
            )
            raise StoreError(message)
        try:
            yield
        finally:
            lock.release()

    def _told(self, doing: str, work: Callable[[], T]) -> T:
        """Do it, or say what is wrong. No error leaves this that has been where a document was in the clear."""
        try:
            return work()
        except Exception as failed:  # noqa: BLE001 - backends raise their platform's errors
            problem = problem_of(doing, failed)
        raise StoreError(problem)


def _is_text(document: SecretStr) -> bool:
    text = document.get_secret_value()
    return len(text) <= _LARGEST and not any(
        "\ud800" <= character <= "\udfff" for character in text
    )
