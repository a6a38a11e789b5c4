"""The base of stores that block: it gives them their asynchronous side, in a worker thread."""

from __future__ import annotations

import contextvars
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from pydantic import SecretStr

from ssooidc_login.stores.store import Lock, StoreKey
from ssooidc_transports.transport import in_trio_task

__all__ = ["BlockingStore", "in_thread"]

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Do blocking work in a worker thread of asyncio or trio; a cancellation waits for its end."""
    if in_trio_task():
        import trio  # noqa: PLC0415 - loaded already, as it runs this

        return await trio.to_thread.run_sync(work)
    import asyncio  # noqa: PLC0415 - likewise

    # No task: `asyncio.run` would cancel it at its end, and the thread would go on.
    loop = asyncio.get_running_loop()
    done = loop.run_in_executor(None, contextvars.copy_context().run, work)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        # What is still writing would write after its lock was given back.
        while not done.done():
            with suppress(asyncio.CancelledError):
                _ = await asyncio.wait([done])
        _ = done.exception()  # told to nobody, as the cancellation is what counts
        raise


class _ThreadedLock:
    """A blocking lock with its asynchronous side."""

    __slots__ = ("_lock",)

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    async def ais_held(self) -> bool:
        """Say whether nobody else can have it."""
        return await in_thread(self._lock.is_held)

    async def arelease(self) -> None:
        """Give it back. At once: in a task that is being cancelled nothing may be awaited."""
        self._lock.release()


class BlockingStore(ABC):
    """A store whose blocking methods are its own, and whose asynchronous ones run those in a thread."""

    @abstractmethod
    def load(self, key: StoreKey, /) -> SecretStr | None:
        """Give a document, or `None` where there is none."""

    @abstractmethod
    def save(self, key: StoreKey, document: SecretStr, /) -> None:
        """Keep a document in place of what was there."""

    @abstractmethod
    def delete(self, key: StoreKey, /) -> None:
        """Forget a document; it need not be there."""

    @abstractmethod
    def try_lock(self, key: StoreKey, /) -> Lock | None:
        """Take the right to work on a key, or give `None` at once where somebody has it."""

    async def aload(self, key: StoreKey, /) -> SecretStr | None:
        """Give a document, or `None` where there is none."""
        return await in_thread(lambda: self.load(key))

    async def asave(self, key: StoreKey, document: SecretStr, /) -> None:
        """Keep a document in place of what was there."""
        await in_thread(lambda: self.save(key, document))

    async def adelete(self, key: StoreKey, /) -> None:
        """Forget a document; it need not be there."""
        await in_thread(lambda: self.delete(key))

    async def atry_lock(self, key: StoreKey, /) -> _ThreadedLock | None:
        """Take the right to work on a key, or give `None` at once where somebody has it."""
        # Not in a thread: it does not wait, and a cancellation between taking and telling would leave it taken.
        lock = self.try_lock(key)
        return None if lock is None else _ThreadedLock(lock)
