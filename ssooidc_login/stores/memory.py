"""A store in memory, for tests and for logins that should leave no trace: its documents end with the process."""

from __future__ import annotations

import os
from contextlib import suppress

from pydantic import SecretStr

from ssooidc_login.stores.store import DocumentKind, StoreKey

__all__ = ["MemoryStore"]


class _MemoryLock:
    """A lock, with blocking and asynchronous methods; it is released when nothing refers to it any more.

    Each key has one item, which whoever holds the lock has in its list. An item moves from list to list in one step,
    which Ctrl-C cannot interrupt.
    """

    __slots__ = ("_free", "_mine", "_process")

    def __init__(self, free: list[None]) -> None:
        """Hold nothing yet; `free` has the key's item while nobody holds the lock."""
        self._free = free
        self._mine: list[None] = []
        self._process = os.getpid()

    def take(self) -> bool:
        """Take the lock if it is free, and return whether this caller has it."""
        with suppress(IndexError):
            self._mine.extend(map(list[None].pop, (self._free,)))
        return bool(self._mine)

    def is_held(self) -> bool:
        """Return whether the lock is still held."""
        return bool(self._mine) and self._process == os.getpid()

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        with suppress(IndexError):
            self._free.extend(map(list[None].pop, (self._mine,)))

    __del__ = release

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
        self._free: dict[tuple[int, DocumentKind, str], list[None]] = {}

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
        lock = _MemoryLock(self._free.setdefault(at, [None]))
        return lock if lock.take() else None

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
