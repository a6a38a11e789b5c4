"""The interface of stores: a store keeps documents under keys, and lets one caller at a time lock a key.

There are three kinds of documents. A store keeps their text as it is and does not interpret it. A store is blocking
(`Store`), asynchronous (`AsyncStore`), or both.

The four methods of a store are enough. A store can do more for refreshes: `HasPlace` and `ReservesRoom` are for stores,
`KeepsNote` is for their locks. Each is found by its methods, so nothing needs to be derived from them.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import SecretStr

__all__ = [
    "AsyncLock",
    "AsyncStore",
    "DocumentKind",
    "HasPlace",
    "KeepsNote",
    "Lock",
    "ReservesRoom",
    "Store",
    "StoreKey",
]

DocumentKind: TypeAlias = Literal["token", "registration", "role-credentials"]
"""A session's token, a client's registration, the credentials of a role."""

_NAME: Final = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True, slots=True)
class StoreKey:
    """The key of a document.

    Attributes:
        kind: the kind of document.
        name: 40 hexadecimal digits, as in the names of the AWS tools' cache files.
    """

    kind: DocumentKind
    name: str

    def __post_init__(self) -> None:
        """Check the name, because stores use it in file names.

        Raises:
            ValueError: the name is not 40 hexadecimal digits.
        """
        if _NAME.match(self.name) is None:
            message = "The name of a stored document is 40 hexadecimal digits"
            raise ValueError(message)


class Lock(Protocol):
    """A lock on a key, held until it is released or lost."""

    def is_held(self) -> bool:
        """Return whether the lock is still held: a lease may have expired; a lock of the kernel never does."""
        ...

    def release(self) -> None:
        """Release the lock. A second call does nothing, and a lost lock is not an error."""
        ...


class Store(Protocol):
    """Keeps documents. It must be safe to use from many threads.

    Every method may raise `StoreError`, whose text says what to do and contains nothing of a document.
    """

    def load(self, key: StoreKey, /) -> SecretStr | None:
        """Return a document, or `None` if there is none."""
        ...

    def save(self, key: StoreKey, document: SecretStr, /) -> None:
        """Save a document, replacing the old one: other readers see the whole old document or the whole new one."""
        ...

    def delete(self, key: StoreKey, /) -> None:
        """Delete a document if there is one."""
        ...

    def try_lock(self, key: StoreKey, /) -> Lock | None:
        """Lock a key, or return `None` at once if it is already locked, in this process or another.

        If the holder is killed, the lock is released. Loading and saving do not need the lock.
        """
        ...


class AsyncLock(Protocol):
    """`Lock`, for asyncio and trio."""

    async def ais_held(self) -> bool:
        """Return whether the lock is still held."""
        ...

    async def arelease(self) -> None:
        """Release the lock; a second call does nothing."""
        ...


class AsyncStore(Protocol):
    """`Store`, for asyncio and trio."""

    async def aload(self, key: StoreKey, /) -> SecretStr | None:
        """Return a document, or `None` if there is none."""
        ...

    async def asave(self, key: StoreKey, document: SecretStr, /) -> None:
        """Save a document, replacing the old one."""
        ...

    async def adelete(self, key: StoreKey, /) -> None:
        """Delete a document if there is one."""
        ...

    async def atry_lock(self, key: StoreKey, /) -> AsyncLock | None:
        """Lock a key, or return `None` at once if it is already locked."""
        ...


@runtime_checkable
class HasPlace(Protocol):
    """A store whose documents other store objects of this process have too.

    Callers that use stores with equal places share one refresh. Without it, only callers of one store object do.
    """

    @property
    def place(self) -> Hashable:
        """What all stores of the same documents have in common."""
        ...


@runtime_checkable
class ReservesRoom(Protocol):
    """A store that can find out before a refresh whether there is room for its result.

    Both methods are called by the holder of the key's lock, and may be called in a worker thread.
    """

    def reserve(self, key: StoreKey, /) -> None:
        """Make sure that the next `save` of this key finds room, or raise `StoreError`."""
        ...

    def unreserve(self, key: StoreKey, /) -> None:
        """Release what no `save` has used. Without a reservation this does nothing."""
        ...


@runtime_checkable
class KeepsNote(Protocol):
    """A `Lock` or `AsyncLock` in which the holder can leave a number for the next holders, in other processes too.

    A refresh that failed leaves one, so that callers that waited for the lock do not repeat it at once. Neither method
    waits or raises an error: a note that gets lost does no harm.
    """

    def note(self, number: int, until: float, /) -> None:
        """Leave a number from 0 to 9,999,999 that counts until a time, in epoch seconds; it replaces the last one."""
        ...

    def noted(self) -> tuple[int, float] | None:
        """Return the number that was left last, and until when; `None` if there is none."""
        ...
