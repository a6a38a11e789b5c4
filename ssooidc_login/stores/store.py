"""What a store is: it keeps documents under keys, and lets one at a time work on a key.

There are three kinds of documents, those of `ssooidc_core._cache_files`; a store keeps their text as it is and looks at
nothing in it. A store is blocking (`Store`), asynchronous (`AsyncStore`), or both.
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
    """Where a document is kept.

    Attributes:
        kind: what it is.
        name: what `ssooidc_core._cache_keys` gives: 40 hexadecimal digits, and so fit for a file's name.
    """

    kind: DocumentKind
    name: str

    def __post_init__(self) -> None:
        """Refuse a name that could lead elsewhere.

        Raises:
            ValueError: it is not 40 hexadecimal digits.
        """
        if _NAME.match(self.name) is None:
            message = "The name of a stored document is 40 hexadecimal digits"
            raise ValueError(message)


class Lock(Protocol):
    """The right to work on a key, until it is released or lost."""

    def is_held(self) -> bool:
        """Say whether nobody else can have it: a lease may have run out, a lock of the kernel cannot."""
        ...

    def release(self) -> None:
        """Give it back; once is enough, and what was lost is not an error."""
        ...


class Store(Protocol):
    """Keeps documents; safe to use from many threads.

    Any method may raise `StoreError`, whose text says what to do and holds nothing of a document.
    """

    def load(self, key: StoreKey, /) -> SecretStr | None:
        """Give a document, or `None` where there is none."""
        ...

    def save(self, key: StoreKey, document: SecretStr, /) -> None:
        """Keep a document in place of what was there: others see the old one or the new one, whole."""
        ...

    def delete(self, key: StoreKey, /) -> None:
        """Forget a document; it need not be there."""
        ...

    def try_lock(self, key: StoreKey, /) -> Lock | None:
        """Take the right to work on a key, or give `None` at once where somebody has it, in this process or another.

        A holder that is killed frees it. Reading and saving do not need it.
        """
        ...


class AsyncLock(Protocol):
    """`Lock`, for asyncio and trio."""

    async def ais_held(self) -> bool:
        """Say whether nobody else can have it."""
        ...

    async def arelease(self) -> None:
        """Give it back."""
        ...


class AsyncStore(Protocol):
    """`Store`, for asyncio and trio."""

    async def aload(self, key: StoreKey, /) -> SecretStr | None:
        """Give a document, or `None` where there is none."""
        ...

    async def asave(self, key: StoreKey, document: SecretStr, /) -> None:
        """Keep a document in place of what was there."""
        ...

    async def adelete(self, key: StoreKey, /) -> None:
        """Forget a document; it need not be there."""
        ...

    async def atry_lock(self, key: StoreKey, /) -> AsyncLock | None:
        """Take the right to work on a key, or give `None` at once where somebody has it."""
        ...
