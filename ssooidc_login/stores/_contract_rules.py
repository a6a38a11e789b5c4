"""The rules that blocking and asynchronous stores share, as tests; `ssooidc_login.stores.contract` publishes them."""

from __future__ import annotations

import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import ClassVar, Final, TypeAlias

from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores.store import AsyncLock, AsyncStore, StoreKey

__all__ = ["KEY", "Another", "Check", "Job", "StoreRules", "demand", "taken"]

KEY: Final = StoreKey("token", "0" * 40)
_OTHERS: Final = (
    StoreKey("token", "0" * 39 + "1"),
    StoreKey("token", "1" + "0" * 39),
    StoreKey("registration", "f" * 40),
    StoreKey("role-credentials", "0" * 40),
    StoreKey("role-credentials", "f" * 40),
)
_KEYS: Final = (KEY, *_OTHERS)
_CANARY: Final = "canary-of-a-document-8d1f"
_TEXTS: Final = ("a" * 100_000, "b" * 7, "c" * 50_000)
_SAVES: Final = 20
_WORKERS: Final = 8
_ROUNDS: Final = 5
_PAUSE: Final = 0.001
_SECONDS: Final = 60.0  # how long a test waits for something that must happen eventually

Another: TypeAlias = Callable[[], Awaitable[AsyncStore]]
"""Makes a second store that shares documents and locks with the first."""
Check: TypeAlias = Callable[[AsyncStore, Another], Coroutine[object, object, None]]
"""The body of a test, called with an empty store."""
Job: TypeAlias = Callable[[], Coroutine[object, object, None]]
"""Work that a test does in several threads or tasks at once."""


def demand(fact: bool, rule: str) -> None:  # noqa: FBT001 - a fact is what it is
    """Check a rule. `assert` is not used, because `python -O` removes it.

    Raises:
        AssertionError: the rule is broken.
    """
    if not fact:
        message = f"The contract of stores is broken: {rule}"
        raise AssertionError(message)


def text_of(document: SecretStr | None) -> str | None:
    """Return the text of a document."""
    return None if document is None else document.get_secret_value()


class StoreRules(ABC):
    """The tests that a blocking and an asynchronous store must both pass."""

    largest_document: ClassVar[int] = 1024 * 1024

    @abstractmethod
    def _check(self, check: Check) -> None:
        """Run a check with an empty store, and close the store afterwards."""

    @abstractmethod
    def _check_broken(self, check: Callable[[AsyncStore], Coroutine[object, object, None]]) -> None:
        """Run a check with a broken store if there is one, and close the store afterwards."""

    @abstractmethod
    async def _together(self, jobs: Sequence[Job]) -> None:
        """Do several jobs at once."""

    @abstractmethod
    async def _pause(self, seconds: float) -> None:
        """Pause for `seconds`, so that other threads or tasks can run."""

    def test_absent_is_none(self) -> None:
        """An empty store has no documents."""

        async def check(store: AsyncStore, _: Another) -> None:
            for key in _KEYS:
                demand(await store.aload(key) is None, "loading returns None if nothing was saved")

        self._check(check)

    def test_documents_come_back_as_they_were(self) -> None:
        """No character of a document is lost, added or changed."""

        async def check(store: AsyncStore, another: Another) -> None:
            other = await another()
            for name, text in _documents(self.largest_document):
                await store.asave(KEY, SecretStr(text))
                for each in (store, other):
                    found = text_of(await each.aload(KEY))
                    demand(found == text, f"loading returns what was saved: {name}")

        self._check(check)

    def test_the_last_one_saved_counts(self) -> None:
        """Saving replaces the document, also with a shorter one."""

        async def check(store: AsyncStore, _: Another) -> None:
            for text in ("long " * 1000, "short", "", "long " * 1000):
                await store.asave(KEY, SecretStr(text))
                found = text_of(await store.aload(KEY))
                demand(found == text, "loading returns what was saved last")

        self._check(check)

    def test_deleting(self) -> None:
        """A deleted document is gone. Deleting it again is not an error, and it can be saved again."""

        async def check(store: AsyncStore, _: Another) -> None:
            await store.adelete(KEY)
            await store.asave(KEY, SecretStr("a"))
            await store.adelete(KEY)
            demand(await store.aload(KEY) is None, "loading returns None after deleting")
            await store.adelete(KEY)
            await store.asave(KEY, SecretStr("b"))
            demand(text_of(await store.aload(KEY)) == "b", "saving works after deleting")

        self._check(check)

    def test_keys_do_not_collide(self) -> None:
        """Each key has its own document.

        A token and a registration never have the same name, so the test does not save both under one name.
        """

        async def check(store: AsyncStore, _: Another) -> None:
            for key in _KEYS:
                await store.asave(key, SecretStr(repr(key)))
            for key in _KEYS:
                found = text_of(await store.aload(key))
                demand(found == repr(key), "each key has its own document")
            await store.adelete(KEY)
            for key in _OTHERS:
                found = text_of(await store.aload(key))
                demand(found == repr(key), "deleting removes one document only")

        self._check(check)

    def test_readers_see_whole_documents(self) -> None:
        """A caller that reads while others write sees one of their documents, never a part or a mixture."""

        async def check(store: AsyncStore, another: Another) -> None:
            writing: list[str] = list(_TEXTS)

            async def write(text: str) -> None:
                try:
                    other = await another()
                    for _ in range(_SAVES):
                        await other.asave(KEY, SecretStr(text))
                finally:
                    writing.remove(text)

            async def read() -> None:
                other = await another()
                while writing:
                    found = text_of(await other.aload(KEY))
                    demand(found in _TEXTS, "loading returns a whole document")
                    await self._pause(0)

            await store.asave(KEY, SecretStr(_TEXTS[0]))
            await self._together([read, *(partial(write, text) for text in _TEXTS)])

        self._check(check)

    def test_a_lock_is_for_one(self) -> None:
        """A locked key cannot be locked again, in this store or another, until the lock is released."""

        async def check(store: AsyncStore, another: Another) -> None:
            for other in (store, await another()):
                lock = await taken(store, KEY)
                demand(await lock.ais_held(), "a lock that was taken is held")
                found = await other.atry_lock(KEY)
                demand(found is None, "locking returns None while another has it")
                again = await store.atry_lock(KEY)
                demand(again is None, "the holder of a lock does not get it twice")
                await lock.arelease()
                demand(not await lock.ais_held(), "a lock that was released is not held")
                await (await taken(other, KEY)).arelease()

        self._check(check)

    def test_releasing_twice_frees_nothing_of_others(self) -> None:
        """A second release is harmless, also if another caller has locked the key by then."""

        async def check(store: AsyncStore, _: Another) -> None:
            first = await taken(store, KEY)
            await first.arelease()
            await first.arelease()
            second = await taken(store, KEY)
            await first.arelease()
            demand(await second.ais_held(), "a second release leaves the next holder's lock alone")
            demand(await store.atry_lock(KEY) is None, "and the key stays locked")
            await second.arelease()

        self._check(check)

    def test_locks_of_other_keys_are_their_own(self) -> None:
        """A lock is for one key, and all documents can be read and written while it is held."""

        async def check(store: AsyncStore, _: Another) -> None:
            locks = [await taken(store, key) for key in _KEYS]
            for key in _KEYS:
                await store.asave(key, SecretStr("a"))
                demand(text_of(await store.aload(key)) == "a", "loading and saving need no lock")
                await store.adelete(key)
            for lock in locks:
                await lock.arelease()

        self._check(check)

    def test_a_lock_is_free_after_a_failure(self) -> None:
        """A caller that fails while it holds a lock, and releases it, leaves nothing behind."""

        async def check(store: AsyncStore, _: Another) -> None:
            for _attempt in range(3):
                lock = await taken(store, KEY)
                with suppress(ZeroDivisionError):
                    try:
                        raise ZeroDivisionError
                    finally:
                        await lock.arelease()
            await (await taken(store, KEY)).arelease()

        self._check(check)

    def test_nothing_shows_a_document(self) -> None:
        """Neither a store nor a lock shows a document in its text."""

        async def check(store: AsyncStore, _: Another) -> None:
            await store.asave(KEY, SecretStr(_CANARY))
            lock = await taken(store, KEY)
            try:
                for value in (store, lock, await store.aload(KEY)):
                    _refuse_leak(f"{value!r} {value!s}")
            finally:
                await lock.arelease()

        self._check(check)

    def test_what_fails_says_so_without_the_document(self) -> None:
        """A broken store raises `StoreError`, and neither its text nor its traceback shows a document."""

        async def check(store: AsyncStore) -> None:
            calls: dict[str, Callable[[], Awaitable[object]]] = {
                "loading from": lambda: store.aload(KEY),
                "saving to": lambda: store.asave(KEY, SecretStr(_CANARY)),
                "deleting from": lambda: store.adelete(KEY),
                "locking": lambda: store.atry_lock(KEY),
            }
            for name, call in calls.items():
                await _fails(name, call)

        self._check_broken(check)

    async def _take_turns(self, store: AsyncStore, another: Another) -> None:
        """Add one to a number many times, in many threads or tasks, each time while holding the lock."""

        async def add() -> None:
            other = await another()
            end = time.monotonic() + _SECONDS
            for _ in range(_ROUNDS):
                while (lock := await other.atry_lock(KEY)) is None:
                    demand(time.monotonic() < end, "a lock that is released can be taken")
                    await self._pause(_PAUSE)
                try:
                    count = int(text_of(await other.aload(KEY)) or "0")
                    await self._pause(
                        _PAUSE
                    )  # time for another to interfere, if the lock does not work
                    await other.asave(KEY, SecretStr(str(count + 1)))
                finally:
                    await lock.arelease()

        await store.asave(KEY, SecretStr("0"))
        await self._together([add] * _WORKERS)
        total = text_of(await store.aload(KEY))
        demand(total == str(_WORKERS * _ROUNDS), "a lock keeps all others out")


async def taken(store: AsyncStore, key: StoreKey) -> AsyncLock:
    """Lock a key that is not locked.

    Raises:
        AssertionError: the store returns no lock.
    """
    lock = await store.atry_lock(key)
    if lock is None:
        message = "locking a free key returns a lock"
        raise AssertionError(message)
    return lock


async def _fails(name: str, call: Callable[[], Awaitable[object]]) -> None:
    try:
        _ = await call()
    except StoreError as error:
        demand(bool(str(error)), f"the StoreError of {name} a broken store has a text")
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        _refuse_leak("".join(shown.format()))
    else:
        demand(False, f"{name} a broken store raises StoreError")  # noqa: FBT003 - it did not raise


def _refuse_leak(text: str) -> None:
    demand(_CANARY not in text, "no text contains any part of a document")


def _documents(largest: int) -> Iterator[tuple[str, str]]:
    """Yield documents of many kinds, each with a name."""
    yield "JSON", '{"accessToken": "a", "expiresAt": "2026-01-31T12:00:00Z"}'
    yield "an empty text", ""
    yield "line ends", "\n a\r\nb\rc \n"
    yield "characters of all sizes", "a\u00e9\u20ac\U0001f511\u0301\ufeff"
    yield "characters that are special in other formats", "\x00\x1a\x7f'\"\\%s{}$&;<>\u2028"
    yield "a byte order mark at its start", "\ufeff{}"
    yield f"{largest:,} bytes", "0123456789abcdef" * (largest // 16)
    yield f"{largest:,} bytes in larger characters", "\u00e9" * (largest // 2)
