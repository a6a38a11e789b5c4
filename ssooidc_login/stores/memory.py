"""A store in memory, for tests and for what should leave no trace: its documents end with the process."""

from __future__ import annotations

import os

from pydantic import SecretStr

from ssooidc_login.stores.store import DocumentKind, StoreKey

__all__ = ["MemoryStore"]


class _MemoryLock:
    """A lock that is held, blocking and asynchronous at once."""

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
        """Say whether nobody else can have it."""
        return bool(self._holder) and self._at[0] == os.getpid()

    def release(self) -> None:
        """Give it back; once is enough."""
        try:
            # What only one of several callers can do.
            self._holder.pop()
        except IndexError:
            return
        del self._held[self._at]

    async def ais_held(self) -> bool:
        """Say whether nobody else can have it."""
        return self.is_held()

    async def arelease(self) -> None:
        """Give it back."""
        self.release()


class MemoryStore:
    """Keeps documents in this object. Safe to use from many threads; blocking, and for asyncio and trio.

    A forked child gets a copy, in which nothing is locked.
    """

    def __init__(self) -> None:
        """Make an empty store."""
        # Both are changed in single steps only, which need no lock: keys are such that comparing them runs no Python.
        self._documents: dict[tuple[DocumentKind, str], SecretStr] = {}
        self._held: dict[tuple[int, DocumentKind, str], list[None]] = {}

    def __repr__(self) -> str:
        """Say how much there is."""
        return f"<{type(self).__name__} of {len(self._documents)}>"

    def load(self, key: StoreKey, /) -> SecretStr | None:
        """Give a document, or `None` where there is none."""
        return self._documents.get((key.kind, key.name))

    def save(self, key: StoreKey, document: SecretStr, /) -> None:
        """Keep a document in place of what was there."""
        self._documents[key.kind, key.name] = document

    def delete(self, key: StoreKey, /) -> None:
        """Forget a document; it need not be there."""
        _ = self._documents.pop((key.kind, key.name), None)

    def try_lock(self, key: StoreKey, /) -> _MemoryLock | None:
        """Take the right to work on a key, or give `None` at once where somebody has it."""
        at = os.getpid(), key.kind, key.name
        mine: list[None] = [None]
        if self._held.setdefault(at, mine) is not mine:
            return None
        return _MemoryLock(self._held, at, mine)

    async def aload(self, key: StoreKey, /) -> SecretStr | None:
        """Give a document, or `None` where there is none."""
        return self.load(key)

    async def asave(self, key: StoreKey, document: SecretStr, /) -> None:
        """Keep a document in place of what was there."""
        self.save(key, document)

    async def adelete(self, key: StoreKey, /) -> None:
        """Forget a document; it need not be there."""
        self.delete(key)

    async def atry_lock(self, key: StoreKey, /) -> _MemoryLock | None:
        """Take the right to work on a key, or give `None` at once where somebody has it."""
        return self.try_lock(key)
