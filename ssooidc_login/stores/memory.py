"""A store in memory, for tests and for logins that should leave no trace: its documents end with the process."""

from __future__ import annotations

import os

from pydantic import SecretStr

from ssooidc_login.stores.store import DocumentKind, StoreKey

__all__ = ["MemoryStore"]


class _MemoryLock:
    """A lock that is held, with blocking and asynchronous methods."""

    __slots__ = ("_at", "_held", "_holder")

    def __init__(
        self,
        held: dict[tuple[int, DocumentKind, str], list[None]],
        at: tuple[int, DocumentKind, str],
        holder: list[None],
    ) -> None:
        self._held = held
        self._at = at
        self._holder = holder

    def is_held(self) -> bool:
        """Return whether the lock is still held."""
        return bool(self._holder) and self._at[0] == os.getpid()

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        try:
            # Of several callers at once, only one gets the item.
            self._holder.pop()
        except IndexError:
            return
        del self._held[self._at]

    async def ais_held(self) -> bool:
        """Return whether the lock is still held."""
        return self.is_held()

    async def arelease(self) -> None:
        """Release the lock; a second call does nothing."""
        self.release()


class MemoryStore:
    """Keeps documents in this object. It may be used from many threads, in blocking code, asyncio and trio.

    A forked child process gets a copy in which no key is locked.
    """

    def __init__(self) -> None:
        """Create an empty store."""
        # Both dictionaries are changed in atomic steps, which need no lock: comparing their keys runs no Python code.
        self._documents: dict[tuple[DocumentKind, str], SecretStr] = {}
        self._held: dict[tuple[int, DocumentKind, str], list[None]] = {}

    def __repr__(self) -> str:
        """Return the class and the number of documents."""
        return f"<{type(self).__name__} of {len(self._documents)}>"

    def load(self, key: StoreKey, /) -> SecretStr | None:
        """Return a document, or `None` if there is none."""
        return self._documents.get((key.kind, key.name))

    def save(self, key: StoreKey, document: SecretStr, /) -> None:
        """Save a document, replacing the old one."""
        self._documents[key.kind, key.name] = document

    def delete(self, key: StoreKey, /) -> None:
        """Delete a document if there is one."""
        _ = self._documents.pop((key.kind, key.name), None)

    def try_lock(self, key: StoreKey, /) -> _MemoryLock | None:
        """Lock a key, or return `None` at once if it is already locked."""
        at = os.getpid(), key.kind, key.name
        mine: list[None] = [None]
        if self._held.setdefault(at, mine) is not mine:
            return None
        return _MemoryLock(self._held, at, mine)

    async def aload(self, key: StoreKey, /) -> SecretStr | None:
        """Return a document, or `None` if there is none."""
        return self.load(key)

    async def asave(self, key: StoreKey, document: SecretStr, /) -> None:
        """Save a document, replacing the old one."""
        self.save(key, document)

    async def adelete(self, key: StoreKey, /) -> None:
        """Delete a document if there is one."""
        self.delete(key)

    async def atry_lock(self, key: StoreKey, /) -> _MemoryLock | None:
        """Lock a key, or return `None` at once if it is already locked."""
        return self.try_lock(key)
