"""`BlockingStore`: a base class for blocking stores that adds the asynchronous methods, in a worker thread."""

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
    """Run `work` in a worker thread of asyncio or trio and return its result; a cancellation waits for its end."""
    if in_trio_task():
        import trio  # noqa: PLC0415 - loaded already, as it runs this

        return await trio.to_thread.run_sync(work)
    import asyncio  # noqa: PLC0415 - likewise

    # Not in a task: `asyncio.run` would cancel the task when it ends, while the thread runs on.
    loop = asyncio.get_running_loop()
    done = loop.run_in_executor(None, contextvars.copy_context().run, work)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        # Otherwise the thread could still write after its lock was released.
        while not done.done():
            with suppress(asyncio.CancelledError):
                _ = await asyncio.wait([done])
        _ = done.exception()  # marks it as retrieved; the cancellation is raised instead
        raise


class _ThreadedLock:
    """A blocking lock with asynchronous methods."""

    __slots__ = ("_lock",)

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    async def ais_held(self) -> bool:
        """Return whether the lock is still held."""
        return await in_thread(self._lock.is_held)

    async def arelease(self) -> None:
        """Release the lock, without a thread: a task that is being cancelled cannot await one."""
        self._lock.release()


class BlockingStore(ABC):
    """A store with four blocking methods to implement. The asynchronous methods run these in a worker thread."""

    @abstractmethod
    def load(self, key: StoreKey, /) -> SecretStr | None:
        """Return a document, or `None` if there is none."""

    @abstractmethod
    def save(self, key: StoreKey, document: SecretStr, /) -> None:
        """Save a document, replacing the old one."""

    @abstractmethod
    def delete(self, key: StoreKey, /) -> None:
        """Delete a document if there is one."""

    @abstractmethod
    def try_lock(self, key: StoreKey, /) -> Lock | None:
        """Lock a key, or return `None` at once if it is already locked."""

    async def aload(self, key: StoreKey, /) -> SecretStr | None:
        """Return a document, or `None` if there is none."""
        return await in_thread(lambda: self.load(key))

    async def asave(self, key: StoreKey, document: SecretStr, /) -> None:
        """Save a document, replacing the old one."""
        await in_thread(lambda: self.save(key, document))

    async def adelete(self, key: StoreKey, /) -> None:
        """Delete a document if there is one."""
        await in_thread(lambda: self.delete(key))

    async def atry_lock(self, key: StoreKey, /) -> _ThreadedLock | None:
        """Lock a key, or return `None` at once if it is already locked."""
        # Not in a thread: `try_lock` does not wait, and a cancellation after it could leave the key locked.
        lock = self.try_lock(key)
        return None if lock is None else _ThreadedLock(lock)
