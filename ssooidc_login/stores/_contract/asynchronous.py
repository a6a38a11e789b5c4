"""What every asynchronous store must do, as tests to run against a store of one's own; see `contract`.

    class TestMyStore(AsyncStoreContract):
        async def make_store(self) -> MyStore:
            return MyStore()

The tests run in asyncio, those of a class whose `run` says so in trio.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import ClassVar, Final

from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores._contract.rules import (
    CANARY,
    KEY,
    KEYS,
    OTHERS,
    SECONDS,
    demand,
    documents,
    refuse_leak,
    text_of,
)
from ssooidc_login.stores.store import AsyncLock, AsyncStore, StoreKey
from ssooidc_transports.transport import in_trio_task

__all__ = ["AsyncStoreContract"]

_TASKS: Final = 8
_ROUNDS: Final = 5


class AsyncStoreContract(ABC):
    """The tests of an asynchronous store.

    Attributes:
        largest_document: as of `StoreContract`.
    """

    largest_document: ClassVar[int] = 1024 * 1024

    def run(self, main: Callable[[], Coroutine[object, object, None]]) -> None:
        """Run a test; for trio, override it by `trio.run(main)`."""
        asyncio.run(main())

    @abstractmethod
    async def make_store(self) -> AsyncStore:
        """Make an empty store; each test calls it once, in an event loop of its own."""

    async def make_another(self, store: AsyncStore) -> AsyncStore:
        """Make a second store with the documents and locks of the first; the first itself, where there is no other."""
        return store

    async def make_broken_store(self) -> AsyncStore | None:
        """Make a store that can do nothing (its disk is full, its server gone), or `None` where that cannot be."""
        return None

    async def close_store(self, store: AsyncStore) -> None:  # noqa: B027 - most stores need none
        """Let go of what `make_store` made; nothing by default."""

    def test_absent_is_none(self) -> None:
        """There is nothing in an empty store."""

        async def check(store: AsyncStore) -> None:
            for key in KEYS:
                demand(await store.aload(key) is None, "aload() gives None where nothing was saved")

        self._with_store(check)

    def test_documents_come_back_as_they_were(self) -> None:
        """No character of a document is lost, added or changed."""

        async def check(store: AsyncStore) -> None:
            other = await self.make_another(store)
            for name, text in documents(self.largest_document):
                await store.asave(KEY, SecretStr(text))
                for each in (store, other):
                    came = text_of(await each.aload(KEY))
                    demand(came == text, f"aload() gives what was saved: {name}")

        self._with_store(check)

    def test_the_last_one_saved_counts(self) -> None:
        """Saving replaces, by something shorter as well."""

        async def check(store: AsyncStore) -> None:
            for text in ("long " * 1000, "short", "", "long " * 1000):
                await store.asave(KEY, SecretStr(text))
                came = text_of(await store.aload(KEY))
                demand(came == text, "aload() gives what was saved last")

        self._with_store(check)

    def test_deleting(self) -> None:
        """What is deleted is gone; deleting it once more is no error, and it can be saved again."""

        async def check(store: AsyncStore) -> None:
            await store.adelete(KEY)
            await store.asave(KEY, SecretStr("a"))
            await store.adelete(KEY)
            demand(await store.aload(KEY) is None, "aload() gives None after adelete()")
            await store.adelete(KEY)
            await store.asave(KEY, SecretStr("b"))
            demand(text_of(await store.aload(KEY)) == "b", "asave() works after adelete()")

        self._with_store(check)

    def test_keys_do_not_collide(self) -> None:
        """Each key has its own document; but see `StoreContract` on tokens and registrations."""

        async def check(store: AsyncStore) -> None:
            for key in KEYS:
                await store.asave(key, SecretStr(repr(key)))
            for key in KEYS:
                came = text_of(await store.aload(key))
                demand(came == repr(key), "each key has its own document")
            await store.adelete(KEY)
            for key in OTHERS:
                came = text_of(await store.aload(key))
                demand(came == repr(key), "adelete() takes one document only")

        self._with_store(check)

    def test_readers_see_whole_documents(self) -> None:
        """Who reads while others write sees one of their documents, whole."""
        texts = ["a" * 100_000, "b" * 7, "c" * 50_000]

        async def check(store: AsyncStore) -> None:
            async def write(text: str) -> None:
                for _ in range(20):
                    await store.asave(KEY, SecretStr(text))

            async def read() -> None:
                for _ in range(60):
                    came = text_of(await store.aload(KEY))
                    demand(came in texts, "aload() gives a whole document")

            await store.asave(KEY, SecretStr(texts[0]))
            await _together([read, *(lambda text=text: write(text) for text in texts)])

        self._with_store(check)

    def test_a_lock_is_for_one(self) -> None:
        """While somebody has a key, nobody else gets it, in this store or another; then somebody does."""

        async def check(store: AsyncStore) -> None:
            for other in (store, await self.make_another(store)):
                lock = await _taken(store, KEY)
                demand(await lock.ais_held(), "ais_held() is true of a lock that was taken")
                got = await other.atry_lock(KEY)
                demand(got is None, "atry_lock() gives None while another has it")
                again = await store.atry_lock(KEY)
                demand(again is None, "nor does who has it get it twice")
                await lock.arelease()
                demand(not await lock.ais_held(), "ais_held() is false of what was released")
                await (await _taken(other, KEY)).arelease()

        self._with_store(check)

    def test_releasing_twice_frees_nothing_of_others(self) -> None:
        """A second release is harmless, also when somebody else has the key by then."""

        async def check(store: AsyncStore) -> None:
            first = await _taken(store, KEY)
            await first.arelease()
            await first.arelease()
            second = await _taken(store, KEY)
            await first.arelease()
            demand(await second.ais_held(), "a second arelease() leaves the next holder's alone")
            got = await store.atry_lock(KEY)
            demand(got is None, "and nobody gets what the next holder has")
            await second.arelease()

        self._with_store(check)

    def test_locks_of_other_keys_are_their_own(self) -> None:
        """A key that is taken takes no other with it, and all can be read and written."""

        async def check(store: AsyncStore) -> None:
            locks = [await _taken(store, key) for key in KEYS]
            for key in KEYS:
                await store.asave(key, SecretStr("a"))
                demand(text_of(await store.aload(key)) == "a", "aload() and asave() need no lock")
                await store.adelete(key)
            for lock in locks:
                await lock.arelease()

        self._with_store(check)

    def test_many_tasks_take_turns(self) -> None:
        """Of many tasks that add one to a number, with the key taken, none loses what another added."""

        async def check(store: AsyncStore) -> None:
            await store.asave(KEY, SecretStr("0"))
            await _together([lambda: _add(store)] * _TASKS)
            total = text_of(await store.aload(KEY))
            demand(total == str(_TASKS * _ROUNDS), "a lock keeps all others out")

        self._with_store(check)

    def test_nothing_shows_a_document(self) -> None:
        """Neither a store nor a lock has a document in its text."""

        async def check(store: AsyncStore) -> None:
            await store.asave(KEY, SecretStr(CANARY))
            lock = await _taken(store, KEY)
            try:
                for value in (store, lock, await store.aload(KEY)):
                    refuse_leak(f"{value!r} {value!s}")
            finally:
                await lock.arelease()

        self._with_store(check)

    def test_what_fails_says_so_without_the_document(self) -> None:
        """A store that can do nothing raises `StoreError`, with nothing of a document in text or traceback."""

        async def main() -> None:
            store = await self.make_broken_store()
            if store is None:
                return
            calls: dict[str, Callable[[], Awaitable[object]]] = {
                "aload": lambda: store.aload(KEY),
                "asave": lambda: store.asave(KEY, SecretStr(CANARY)),
                "adelete": lambda: store.adelete(KEY),
                "atry_lock": lambda: store.atry_lock(KEY),
            }
            try:
                for name, call in calls.items():
                    await _fails(name, call)
            finally:
                await self.close_store(store)

        self.run(main)

    def _with_store(self, check: Callable[[AsyncStore], Awaitable[None]]) -> None:
        async def main() -> None:
            store = await self.make_store()
            try:
                await check(store)
            finally:
                await self.close_store(store)

        self.run(main)


async def _fails(name: str, call: Callable[[], Awaitable[object]]) -> None:
    try:
        _ = await call()
    except StoreError as error:
        demand(bool(str(error)), f"the StoreError of {name}() says something")
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        refuse_leak("".join(told.format()))
    else:
        demand(False, f"{name}() of a broken store raises StoreError")  # noqa: FBT003 - never so


async def _taken(store: AsyncStore, key: StoreKey) -> AsyncLock:
    lock = await store.atry_lock(key)
    if lock is None:
        message = "atry_lock() gives a lock where nobody has one"
        raise AssertionError(message)
    return lock


async def _add(store: AsyncStore) -> None:
    end = time.monotonic() + SECONDS
    for _ in range(_ROUNDS):
        while (lock := await store.atry_lock(KEY)) is None:
            demand(time.monotonic() < end, "a lock that is released can be taken")
            await _pause()
        try:
            count = int(text_of(await store.aload(KEY)) or "0")
            await _pause()
            await store.asave(KEY, SecretStr(str(count + 1)))
        finally:
            await lock.arelease()


async def _pause() -> None:
    if in_trio_task():
        import trio  # noqa: PLC0415 - loaded already, as it runs this

        await trio.sleep(0.001)
    else:
        await asyncio.sleep(0.001)


async def _together(jobs: list[Callable[[], Coroutine[object, object, None]]]) -> None:
    if in_trio_task():
        import trio  # noqa: PLC0415 - likewise

        async with trio.open_nursery() as nursery:
            for job in jobs:
                nursery.start_soon(job)
        return
    _ = await asyncio.gather(*(job() for job in jobs))
