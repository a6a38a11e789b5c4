"""A store in the operating system's keychain, through the library `keyring`.

It works with macOS's Keychain, Windows's Credential Manager, the Secret Service and KWallet of Linux desktops, and any
other backend that is configured for keyring. A document is one entry, or several if the platform limits their size.
Keychains have no locks, so keys are locked with files, for all processes of one user on one machine. Errors that may
pass, while others write or the keychain starts, are retried for a limited time. AWS tools do not read keychains: a
login here is for this library only.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores._files.file_lock import FileLock
from ssooidc_login.stores._files.host_locks import HostLocks
from ssooidc_login.stores._keychain.backends import (
    is_passing,
    problem_of,
    replaces_by_deleting,
    usable_backend,
)
from ssooidc_login.stores._keychain.entry import Entry, Parts, from_pieces, to_pieces
from ssooidc_login.stores._keychain.turns import Patience, Turn
from ssooidc_login.stores.blocking import BlockingStore
from ssooidc_login.stores.store import StoreKey

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

__all__ = ["KeyringStore"]

# CRED_MAX_CREDENTIAL_BLOB_SIZE is 5 * 512 bytes, and keyring writes UTF-16.
_WINDOWS_LARGEST: Final = 1280
_SMALLEST: Final = 256
_LARGEST: Final = 1024 * 1024
_READS: Final = 3
_LOOKS: Final = 3
_NEXT: Final = "next"

# A failed load can be repeated later. A save may hold the only valid refresh token, so it is retried for as long as a
# whole refresh may take, 20 s, which is less than the 30 s that others wait for its result.
_SECONDS_TO_READ: Final = 5.0
_SECONDS_TO_WRITE: Final = 20.0


class KeyringStore(BlockingStore):
    """Keeps documents in the operating system's keychain. It may be used from many threads and processes."""

    def __init__(
        self,
        service: str = "ssooidc",
        backend: KeyringBackend | None = None,
        *,
        largest_entry: int | None = None,
        lock_folder: Path | None = None,
    ) -> None:
        """Create a store and find the keychain; no entry is read until the store is used.

        Args:
            service: the prefix of the entries' names; stores with different services have different documents.
            backend: a backend of keyring; by default the one that keyring is configured for or finds.
            largest_entry: the number of characters that an entry may have, 256 or more; by default 1,280 on Windows,
                and unlimited elsewhere.
            lock_folder: the directory of the lock files; by default `~/.cache/ssooidc/locks`, or its counterpart on
                macOS and Windows.

        Raises:
            StoreError: there is no keychain; or keyring's backend keeps nothing, or keeps it in plain text; or the home
                directory cannot be determined.
            ValueError: the service is empty, or `largest_entry` is too small.
            ImportError: keyring or filelock is not installed; the text names the extra.
        """
        # First the attributes that `repr` needs: a traceback may show an object whose constructor failed.
        self._service: Final = service
        if not service or (largest_entry is not None and largest_entry < _SMALLEST):
            message = f"A service needs a name, and an entry {_SMALLEST} characters or more"
            raise ValueError(message)
        limit = _WINDOWS_LARGEST if sys.platform == "win32" else None
        self._backend: Final = usable_backend(backend)
        self._largest: Final = limit if largest_entry is None else largest_entry
        self._needs_copy: Final = replaces_by_deleting(self._backend)
        self._locks: Final = HostLocks(f"keyring:{service}", lock_folder, extra="keyring")

    def __repr__(self) -> str:
        """Return the class and the service."""
        return f"{type(self).__name__}({self._service!r})"

    def load(self, key: StoreKey, /) -> SecretStr | None:
        """Return a document, or `None` if there is none. If others are writing, it is the whole old or new document.

        The text of an entry that this library did not write is returned as it is; if parts of a document are missing,
        the text is empty. In both cases it is not a valid document.

        Raises:
            StoreError: the keychain is locked; or it has failed for 5 s; or a document in parts was replaced again and
                again for 20 s before all of it was read.
        """
        faults, writers = Patience(_SECONDS_TO_READ), Patience(_SECONDS_TO_WRITE)
        turn = Turn(self._locks, key)
        reads = 0
        try:
            while True:
                reads += 1
                # During its turn no other process writes, so parts that are not found are really missing.
                alone = reads > _READS and turn.is_taken()
                try:
                    whole, document = self._load(key)
                except Exception as failed:  # noqa: BLE001 - backends raise their platform's errors
                    problem = problem_of("read", failed)
                    if not is_passing(failed) or not faults.wait():
                        break
                    continue
                if whole or alone:
                    return document
                problem, faults = _busy(), Patience(_SECONDS_TO_READ)
                if not writers.wait():
                    break
        finally:
            turn.release()
        raise StoreError(problem)

    def save(self, key: StoreKey, document: SecretStr, /) -> None:
        """Save a document, replacing the old one.

        Raises:
            StoreError: the keychain is locked or refuses the document; or it has failed for 20 s, or others have been
                writing for 20 s; or the document is longer than 1,048,576 characters. The old document is still there.
        """
        if not _is_text(document):
            message = f"The document is not a Unicode text of up to {_LARGEST:,} characters"
            raise StoreError(message)
        self._write(key, "write to", lambda: self._save(key, document))

    def delete(self, key: StoreKey, /) -> None:
        """Delete a document if there is one.

        Raises:
            StoreError: the keychain is locked; or it has failed for 20 s, or others have been writing for 20 s.
        """
        self._write(key, "delete from", lambda: self._delete(key))

    def try_lock(self, key: StoreKey, /) -> FileLock | None:
        """Lock a key, or return `None` at once if it is already locked.

        Raises:
            StoreError: the lock file cannot be made or locked.
        """
        return self._locks.try_lock(key)

    def _write(self, key: StoreKey, doing: str, work: Callable[[], None]) -> None:
        """Do `work` while no other caller writes: two writers could leave behind parts that no entry names.

        If it fails with an error that may pass, it is done again from the beginning. The `StoreError` is raised outside
        of the `except` block, because the traceback of the first error may contain a document.
        """
        patience = Patience(_SECONDS_TO_WRITE)
        turn = Turn(self._locks, key)
        try:
            while True:
                problem = _busy()
                if turn.is_taken():
                    try:
                        return work()
                    except Exception as failed:  # noqa: BLE001 - backends raise their platform's errors
                        problem = problem_of(doing, failed)
                        if not is_passing(failed):
                            break
                if not patience.wait():
                    break
        finally:
            turn.release()
        raise StoreError(problem)

    def _load(self, key: StoreKey) -> tuple[bool, SecretStr | None]:
        """Return whether the whole document was found, and the document."""
        raw = self._get_first(key)
        entry = Entry.read(raw)
        if entry is None:
            return True, raw
        if entry.parts is None:
            return True, entry.document
        document = from_pieces([self._get(key, name) for name in entry.parts.names()])
        return document is not None, SecretStr("") if document is None else document

    def _save(self, key: StoreKey, document: SecretStr) -> None:
        """Write the parts, then the entry that names them, so that others see the old document or the new one.

        New parts are noted as garbage before they are written, so that the next writer after a crash can delete them.
        """
        old = Entry.read(self._get_first(key)) or Entry()
        self._drop(key, old.garbage)
        garbage = () if old.parts is None else (old.parts,)
        new = Entry(document=document, garbage=garbage)
        if not new.fits(self._largest):
            assert self._largest is not None  # noqa: S101 - what has no limit fits
            pieces = to_pieces(document, self._largest)
            parts = Parts(generation=secrets.token_hex(8), count=len(pieces))
            self._put_first(key, old.with_garbage(parts))
            for name, piece in zip(parts.names(), pieces, strict=True):
                self._put(key, piece, name)
            new = Entry(parts=parts, garbage=garbage)
        self._put_first(key, new)
        self._drop(key, garbage)

    def _delete(self, key: StoreKey) -> None:
        raw = self._get_first(key)
        if raw is None:
            return
        old = Entry.read(raw) or Entry()
        garbage = (*old.garbage, *(() if old.parts is None else (old.parts,)))
        if garbage:
            self._put_first(key, Entry(garbage=garbage))
            self._drop(key, garbage)
        if self._needs_copy:
            self._remove(key, _NEXT)
        self._remove(key)

    def _get_first(self, key: StoreKey) -> SecretStr | None:
        """Return the first entry of a document, or its copy while the entry is being replaced."""
        raw = self._get(key)
        if self._needs_copy:
            # If neither is found, a writer may have finished between the two reads.
            for _ in range(_LOOKS):
                if raw is None:
                    raw = self._get(key, _NEXT)
                if raw is None:
                    raw = self._get(key)
        return raw

    def _put_first(self, key: StoreKey, entry: Entry) -> None:
        """Write the first entry of a document, so that a killed writer leaves the new or the old one."""
        text = entry.text()
        if self._needs_copy:
            copy = self._get(key, _NEXT)
            if copy is not None and self._get(key) is None:
                # The copy is all that a killed writer left: it must stay readable while it is replaced.
                self._put(key, copy, "")
            self._put(key, text, _NEXT)
        self._put(key, text, "")
        if self._needs_copy:
            self._remove(key, _NEXT)

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
        try:
            self._backend.delete_password(self._entry(key, part), key.kind)
        except Exception:
            if self._get(key, part) is not None:
                raise

    def _entry(self, key: StoreKey, part: str) -> str:
        """Return the service name of an entry. Each entry has its own service, and the kind of document as its user.

        With several users of one service, keyring renames entries in Windows's Credential Manager, and two writers can
        lose an entry.
        """
        return ":".join(filter(None, (self._service, key.kind, key.name, part)))


def _busy() -> str:
    return (
        f"Another process or thread has been writing to the keychain for {_SECONDS_TO_WRITE:.0f} s: "
        "check whether the keychain asks for something, then try again"
    )


def _is_text(document: SecretStr) -> bool:
    text = document.get_secret_value()
    return len(text) <= _LARGEST and not any(
        "\ud800" <= character <= "\udfff" for character in text
    )
