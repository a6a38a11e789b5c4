"""The interface of stores: a store keeps documents under keys, and lets one caller at a time lock a key.

There are three kinds of documents. A store keeps their text as it is and does not interpret it. A store is blocking
(`Store`), asynchronous (`AsyncStore`), or both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from pydantic import SecretStr

__all__ = ["AsyncLock", "AsyncStore", "DocumentKind", "Lock", "Store", "StoreKey"]

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
