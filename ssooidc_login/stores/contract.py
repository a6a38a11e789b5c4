"""The contract of stores, as tests that you run against your own store.

Derive from `StoreContract` for a blocking store, from `AsyncStoreContract` for an asynchronous one, implement
`make_store`, and let pytest collect the class:

    class TestMyStore(StoreContract):
        def make_store(self) -> MyStore:
            return MyStore()

    class TestMyAsyncStore(AsyncStoreContract):
        async def make_store(self) -> MyAsyncStore:
            return MyAsyncStore()

A store that is both needs two such classes. The tests do not need pytest; each can be called by hand.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

from pydantic import SecretStr

from ssooidc_login.stores._contract_rules import KEY, Another, Check, Job, StoreRules, demand, taken
from ssooidc_login.stores.store import AsyncStore, Lock, Store, StoreKey
from ssooidc_transports.transport import in_trio_task

__all__ = ["AsyncStoreContract", "StoreContract"]

T = TypeVar("T")


class StoreContract(StoreRules):
    """The tests of a blocking store.

    Attributes:
        largest_document: the size in bytes of the largest document that the store must accept. The default, 1 MiB, is
            larger than any document of an AWS tool. If a store accepts less, its documentation must name the limit.
    """

    @abstractmethod
    def make_store(self) -> Store:
        """Make an empty store; each test calls it once."""

    def make_another(self, store: Store) -> Store:
        """Make a second store that shares documents and locks with `store`; by default return `store` itself."""
        return store

    def make_broken_store(self) -> Store | None:
        """Make a store whose methods all fail (its disk is full, its server is down), or return `None`."""
        return None

    def close_store(self, store: Store) -> None:
        """Close what `make_store` made; by default do nothing."""

    def test_a_lock_is_for_one_thread(self) -> None:
        """Another thread cannot lock a locked key, but it can release the lock."""

        async def check(store: AsyncStore, _: Another) -> None:
            lock = await taken(store, KEY)
            with ThreadPoolExecutor(1) as thread:
                found = thread.submit(_finish, store.atry_lock(KEY)).result()
                demand(found is None, "locking returns None in another thread")
                thread.submit(_finish, lock.arelease()).result()
            await (await taken(store, KEY)).arelease()

        self._check(check)

    def test_many_threads_take_turns(self) -> None:
        """Many threads each add one to a number while they hold the lock: no addition is lost."""
        self._check(self._take_turns)

    def _check(self, check: Check) -> None:
        store = self.make_store()

        async def another() -> AsyncStore:
            return _AsAsyncStore(self.make_another(store))

        try:
            _finish(check(_AsAsyncStore(store), another))
        finally:
            self.close_store(store)

    def _check_broken(self, check: Callable[[AsyncStore], Coroutine[object, object, None]]) -> None:
        store = self.make_broken_store()
        if store is None:
            return
        try:
            _finish(check(_AsAsyncStore(store)))
        finally:
            self.close_store(store)

    async def _together(self, jobs: Sequence[Job]) -> None:
        with ThreadPoolExecutor(len(jobs)) as threads:
            running = [threads.submit(_finish, job()) for job in jobs]
        for each in running:
            each.result()

    async def _pause(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - there is no event loop: it pauses its thread


class AsyncStoreContract(StoreRules):
    """The tests of an asynchronous store. They run in asyncio; override `run` for trio.

    Attributes:
        largest_document: as in `StoreContract`.
    """

    def run(self, main: Callable[[], Coroutine[object, object, None]]) -> None:
        """Run a test; for trio, override this with `trio.run(main)`."""
        asyncio.run(main())

    @abstractmethod
    async def make_store(self) -> AsyncStore:
        """Make an empty store; each test calls it once, in its own event loop."""

    async def make_another(self, store: AsyncStore) -> AsyncStore:
        """Make a second store that shares documents and locks with `store`; by default return `store` itself."""
        return store

    async def make_broken_store(self) -> AsyncStore | None:
        """Make a store whose methods all fail (its disk is full, its server is down), or return `None`."""
        return None

    async def close_store(self, store: AsyncStore) -> None:
        """Close what `make_store` made; by default do nothing."""

    def test_many_tasks_take_turns(self) -> None:
        """Many tasks each add one to a number while they hold the lock: no addition is lost."""
        self._check(self._take_turns)

    def _check(self, check: Check) -> None:
        async def main() -> None:
            store = await self.make_store()
            try:
                await check(store, lambda: self.make_another(store))
            finally:
                await self.close_store(store)

        self.run(main)

    def _check_broken(self, check: Callable[[AsyncStore], Coroutine[object, object, None]]) -> None:
        async def main() -> None:
            store = await self.make_broken_store()
            if store is None:
                return
            try:
                await check(store)
            finally:
                await self.close_store(store)

        self.run(main)

    async def _together(self, jobs: Sequence[Job]) -> None:
        if in_trio_task():
            import trio  # noqa: PLC0415 - loaded already, as it runs this

            async with trio.open_nursery() as nursery:
                for job in jobs:
                    nursery.start_soon(job)
            return
        _ = await asyncio.gather(*(job() for job in jobs))

    async def _pause(self, seconds: float) -> None:
        if in_trio_task():
            import trio  # noqa: PLC0415 - likewise

            await trio.sleep(seconds)
        else:
            await asyncio.sleep(seconds)


class _AsAsyncStore:
    """A blocking store with asynchronous methods that never suspend, so that the shared tests can use it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"{self._store!r} {self._store!s}"

    async def aload(self, key: StoreKey, /) -> SecretStr | None:
        return self._store.load(key)

    async def asave(self, key: StoreKey, document: SecretStr, /) -> None:
        self._store.save(key, document)

    async def adelete(self, key: StoreKey, /) -> None:
        self._store.delete(key)

    async def atry_lock(self, key: StoreKey, /) -> _AsAsyncLock | None:
        lock = self._store.try_lock(key)
        return None if lock is None else _AsAsyncLock(lock)


class _AsAsyncLock:
    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    def __repr__(self) -> str:
        return f"{self._lock!r} {self._lock!s}"

    async def ais_held(self) -> bool:
        return self._lock.is_held()

    async def arelease(self) -> None:
        self._lock.release()


def _finish(work: Coroutine[object, object, T]) -> T:
    """Run a coroutine that never suspends, and return its result."""
    try:
        _ = work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    message = "A check of a blocking store cannot wait"
    raise TypeError(message)
