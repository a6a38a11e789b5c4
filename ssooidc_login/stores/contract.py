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
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Final

from pydantic import SecretStr

from ssooidc_login.stores._contract_rules import (
    KEY,
    SECONDS,
    Check,
    StoreRules,
    demand,
    text_of,
)
from ssooidc_login.stores.store import AsyncStore, Lock, Store, StoreKey
from ssooidc_transports.transport import in_trio_task

__all__ = ["AsyncStoreContract", "StoreContract"]

_WORKERS: Final = 8
_ROUNDS: Final = 5
_PAUSE: Final = 0.001
_TEXTS: Final = ("a" * 100_000, "b" * 7, "c" * 50_000)
_SAVES: Final = 20
_LOADS: Final = 60


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

    def test_readers_see_whole_documents(self) -> None:
        """A thread that reads while others write sees one of their documents, never a part or a mixture."""
        with self._store() as store, ThreadPoolExecutor(_WORKERS) as threads:
            store.save(KEY, SecretStr(_TEXTS[0]))
            writing = [
                threads.submit(self._save_often, self.make_another(store), text) for text in _TEXTS
            ]
            reader = self.make_another(store)
            while not all(each.done() for each in writing):
                demand(text_of(reader.load(KEY)) in _TEXTS, "load() returns a whole document")
            for each in writing:
                each.result()

    def test_a_lock_is_for_one_thread(self) -> None:
        """Another thread cannot lock a locked key, but it can release the lock."""
        with self._store() as store, ThreadPoolExecutor(1) as thread:
            lock = self._taken(store, KEY)
            found = thread.submit(store.try_lock, KEY).result()
            demand(found is None, "try_lock() returns None in another thread")
            thread.submit(lock.release).result()
            self._taken(store, KEY).release()

    def test_a_lock_is_free_after_a_failure(self) -> None:
        """A caller that fails while it holds a lock, and releases it, leaves nothing behind."""
        with self._store() as store:
            for _ in range(3):
                with suppress(ZeroDivisionError):
                    self._fail_with_lock(store)
            self._taken(store, KEY).release()

    def test_many_threads_take_turns(self) -> None:
        """Many threads each add one to a number while they hold the lock: no addition is lost."""
        with self._store() as store, ThreadPoolExecutor(_WORKERS) as threads:
            store.save(KEY, SecretStr("0"))
            jobs = [
                threads.submit(_add_in_thread, self.make_another(store)) for _ in range(_WORKERS)
            ]
            for job in jobs:
                job.result()
            total = text_of(store.load(KEY))
            demand(total == str(_WORKERS * _ROUNDS), "a lock keeps all others out")

    def _check(self, check: Check) -> None:
        with self._store() as store:

            async def another() -> AsyncStore:
                return _AsAsyncStore(self.make_another(store))

            _finish(check(_AsAsyncStore(store), another))

    def _check_broken(self, check: Callable[[AsyncStore], Awaitable[None]]) -> None:
        store = self.make_broken_store()
        if store is None:
            return
        try:
            _finish(check(_AsAsyncStore(store)))
        finally:
            self.close_store(store)

    @contextmanager
    def _store(self) -> Generator[Store, None, None]:
        store = self.make_store()
        try:
            yield store
        finally:
            self.close_store(store)

    @staticmethod
    def _taken(store: Store, key: StoreKey) -> Lock:
        lock = store.try_lock(key)
        if lock is None:
            message = "try_lock() returns a lock if nobody has it"
            raise AssertionError(message)
        return lock

    @staticmethod
    def _save_often(store: Store, text: str) -> None:
        for _ in range(_SAVES):
            store.save(KEY, SecretStr(text))

    def _fail_with_lock(self, store: Store) -> None:
        lock = self._taken(store, KEY)
        try:
            raise ZeroDivisionError
        finally:
            lock.release()


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

    def test_readers_see_whole_documents(self) -> None:
        """A task that reads while others write sees one of their documents, never a part or a mixture."""

        async def check(store: AsyncStore, _: object) -> None:
            async def write(text: str) -> None:
                for _ in range(_SAVES):
                    await store.asave(KEY, SecretStr(text))

            async def read() -> None:
                for _ in range(_LOADS):
                    found = text_of(await store.aload(KEY))
                    demand(found in _TEXTS, "aload() returns a whole document")

            await store.asave(KEY, SecretStr(_TEXTS[0]))
            await _together([read, *(lambda text=text: write(text) for text in _TEXTS)])

        self._check(check)

    def test_many_tasks_take_turns(self) -> None:
        """Many tasks each add one to a number while they hold the lock: no addition is lost."""

        async def check(store: AsyncStore, _: object) -> None:
            await store.asave(KEY, SecretStr("0"))
            await _together([lambda: _add(store, _pause)] * _WORKERS)
            total = text_of(await store.aload(KEY))
            demand(total == str(_WORKERS * _ROUNDS), "a lock keeps all others out")

        self._check(check)

    def _check(self, check: Check) -> None:
        async def main() -> None:
            store = await self.make_store()
            try:
                await check(store, lambda: self.make_another(store))
            finally:
                await self.close_store(store)

        self.run(main)

    def _check_broken(self, check: Callable[[AsyncStore], Awaitable[None]]) -> None:
        async def main() -> None:
            store = await self.make_broken_store()
            if store is None:
                return
            try:
                await check(store)
            finally:
                await self.close_store(store)

        self.run(main)


class _AsAsyncStore:
    """A blocking store with asynchronous methods that never suspend, so that the shared tests can use it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return repr(self._store)

    def __str__(self) -> str:
        return str(self._store)

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
        return repr(self._lock)

    def __str__(self) -> str:
        return str(self._lock)

    async def ais_held(self) -> bool:
        return self._lock.is_held()

    async def arelease(self) -> None:
        self._lock.release()


def _finish(check: Awaitable[None]) -> None:
    """Run a check that never suspends."""
    _ = next(check.__await__(), None)


def _add_in_thread(store: Store) -> None:
    async def pause() -> None:
        time.sleep(_PAUSE)  # noqa: ASYNC251 - there is no event loop: it pauses its thread

    _finish(_add(_AsAsyncStore(store), pause))


async def _add(store: AsyncStore, pause: Callable[[], Awaitable[None]]) -> None:
    end = time.monotonic() + SECONDS
    for _ in range(_ROUNDS):
        while (lock := await store.atry_lock(KEY)) is None:
            demand(time.monotonic() < end, "a lock that is released can be taken")
            await pause()
        try:
            count = int(text_of(await store.aload(KEY)) or "0")
            await pause()  # time for another to interfere, if the lock does not work
            await store.asave(KEY, SecretStr(str(count + 1)))
        finally:
            await lock.arelease()


async def _pause() -> None:
    if in_trio_task():
        import trio  # noqa: PLC0415 - loaded already, as it runs this

        await trio.sleep(_PAUSE)
    else:
        await asyncio.sleep(_PAUSE)


async def _together(jobs: list[Callable[[], Coroutine[object, object, None]]]) -> None:
    if in_trio_task():
        import trio  # noqa: PLC0415 - likewise

        async with trio.open_nursery() as nursery:
            for job in jobs:
                nursery.start_soon(job)
        return
    _ = await asyncio.gather(*(job() for job in jobs))
