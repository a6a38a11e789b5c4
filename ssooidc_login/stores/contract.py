"""What every store must do, as tests to run against a store of one's own.

Derive from `StoreContract` for a blocking store, from `AsyncStoreContract` for an asynchronous one, say how a store is
made, and have pytest collect the class:

    class TestMyStore(StoreContract):
        def make_store(self) -> MyStore:
            return MyStore()

A store that is both derives two classes. No test needs pytest itself, and each can be called by hand.
"""

from __future__ import annotations

import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import ClassVar, Final

from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores._contract.asynchronous import AsyncStoreContract
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
from ssooidc_login.stores.store import Lock, Store, StoreKey

__all__ = ["AsyncStoreContract", "StoreContract"]

_THREADS: Final = 8
_ROUNDS: Final = 5
_PAUSE: Final = 0.001


class StoreContract(ABC):
    """The tests of a blocking store.

    Attributes:
        largest_document: bytes of the largest document that the store must take. No AWS tool has one larger than the
            1 MiB that is asked for; less is a limit that a store's documentation must name.
    """

    largest_document: ClassVar[int] = 1024 * 1024

    @abstractmethod
    def make_store(self) -> Store:
        """Make an empty store; each test calls it once."""

    def make_another(self, store: Store) -> Store:
        """Make a second store with the documents and locks of the first; the first itself, where there is no other."""
        return store

    def make_broken_store(self) -> Store | None:
        """Make a store that can do nothing (its disk is full, its server gone), or `None` where that cannot be."""
        return None

    def close_store(self, store: Store) -> None:  # noqa: B027 - most stores need none
        """Let go of what `make_store` made; nothing by default."""

    def test_absent_is_none(self) -> None:
        """There is nothing in an empty store."""
        with self._store() as store:
            for key in KEYS:
                demand(store.load(key) is None, "load() gives None where nothing was saved")

    def test_documents_come_back_as_they_were(self) -> None:
        """No character of a document is lost, added or changed."""
        with self._store() as store:
            for name, text in documents(self.largest_document):
                store.save(KEY, SecretStr(text))
                demand(text_of(store.load(KEY)) == text, f"load() gives what was saved: {name}")
                again = text_of(self.make_another(store).load(KEY))
                demand(again == text, f"another store gives what was saved: {name}")

    def test_the_last_one_saved_counts(self) -> None:
        """Saving replaces, by something shorter as well."""
        with self._store() as store:
            for text in ("long " * 1000, "short", "", "long " * 1000):
                store.save(KEY, SecretStr(text))
                demand(text_of(store.load(KEY)) == text, "load() gives what was saved last")

    def test_deleting(self) -> None:
        """What is deleted is gone; deleting it once more is no error, and it can be saved again."""
        with self._store() as store:
            store.delete(KEY)
            store.save(KEY, SecretStr("a"))
            store.delete(KEY)
            demand(store.load(KEY) is None, "load() gives None after delete()")
            store.delete(KEY)
            store.save(KEY, SecretStr("b"))
            demand(text_of(store.load(KEY)) == "b", "save() works after delete()")

    def test_keys_do_not_collide(self) -> None:
        """Each key has its own document.

        A token and a registration never have the same name, and are not asked to be told apart by their kind alone.
        """
        with self._store() as store:
            for key in KEYS:
                store.save(key, SecretStr(repr(key)))
            for key in KEYS:
                demand(text_of(store.load(key)) == repr(key), "each key has its own document")
            store.delete(KEY)
            for key in OTHERS:
                demand(text_of(store.load(key)) == repr(key), "delete() takes one document only")

    def test_readers_see_whole_documents(self) -> None:
        """Who reads while others write sees one of their documents, whole."""
        texts = ["a" * 100_000, "b" * 7, "c" * 50_000]
        with self._store() as store, ThreadPoolExecutor(_THREADS) as threads:
            store.save(KEY, SecretStr(texts[0]))
            writing = [
                threads.submit(self._save_often, self.make_another(store), text) for text in texts
            ]
            reader = self.make_another(store)
            while not all(each.done() for each in writing):
                demand(text_of(reader.load(KEY)) in texts, "load() gives a whole document")
            for each in writing:
                each.result()

    def test_a_lock_is_for_one(self) -> None:
        """While somebody has a key, nobody else gets it, in this store or another; then somebody does."""
        with self._store() as store:
            for holder, other in ((store, store), (store, self.make_another(store))):
                lock = self._taken(holder, KEY)
                demand(lock.is_held(), "is_held() is true of a lock that was taken")
                demand(other.try_lock(KEY) is None, "try_lock() gives None while another has it")
                demand(store.try_lock(KEY) is None, "nor does who has it get it twice")
                lock.release()
                demand(not lock.is_held(), "is_held() is false of a lock that was released")
                self._taken(other, KEY).release()

    def test_a_lock_is_for_one_thread(self) -> None:
        """What one thread has, another does not get; and another may release it."""
        with self._store() as store, ThreadPoolExecutor(1) as thread:
            lock = self._taken(store, KEY)
            got = thread.submit(store.try_lock, KEY).result()
            demand(got is None, "try_lock() gives None in another thread")
            thread.submit(lock.release).result()
            self._taken(store, KEY).release()

    def test_releasing_twice_frees_nothing_of_others(self) -> None:
        """A second release is harmless, also when somebody else has the key by then."""
        with self._store() as store:
            first = self._taken(store, KEY)
            first.release()
            first.release()
            second = self._taken(store, KEY)
            first.release()
            demand(second.is_held(), "a second release() leaves the next holder's lock alone")
            demand(store.try_lock(KEY) is None, "and nobody gets what the next holder has")
            second.release()

    def test_locks_of_other_keys_are_their_own(self) -> None:
        """A key that is taken takes no other with it, and all can be read and written."""
        with self._store() as store:
            locks = [self._taken(store, key) for key in KEYS]
            for key in KEYS:
                store.save(key, SecretStr("a"))
                demand(text_of(store.load(key)) == "a", "load() and save() need no lock")
                store.delete(key)
            for lock in locks:
                lock.release()

    def test_a_lock_is_free_after_a_failure(self) -> None:
        """Who fails while it has a key, and releases it, leaves nothing behind."""
        with self._store() as store:
            for _ in range(3):
                with suppress(ZeroDivisionError):
                    self._fail_with_lock(store)
            self._taken(store, KEY).release()

    def test_many_threads_take_turns(self) -> None:
        """Of many threads that add one to a number, with the key taken, none loses what another added."""
        with self._store() as store, ThreadPoolExecutor(_THREADS) as threads:
            store.save(KEY, SecretStr("0"))
            jobs = [threads.submit(self._add, self.make_another(store)) for _ in range(_THREADS)]
            for job in jobs:
                job.result()
            total = text_of(store.load(KEY))
            demand(total == str(_THREADS * _ROUNDS), "a lock keeps all others out")

    def test_nothing_shows_a_document(self) -> None:
        """Neither a store nor a lock has a document in its text."""
        with self._store() as store:
            store.save(KEY, SecretStr(CANARY))
            lock = self._taken(store, KEY)
            try:
                for value in (store, lock, store.load(KEY)):
                    refuse_leak(f"{value!r} {value!s}")
            finally:
                lock.release()

    def test_what_fails_says_so_without_the_document(self) -> None:
        """A store that can do nothing raises `StoreError`, with nothing of a document in text or traceback."""
        store = self.make_broken_store()
        if store is None:
            return
        calls: dict[str, Callable[[], object]] = {
            "load": lambda: store.load(KEY),
            "save": lambda: store.save(KEY, SecretStr(CANARY)),
            "delete": lambda: store.delete(KEY),
            "try_lock": lambda: store.try_lock(KEY),
        }
        try:
            for name, call in calls.items():
                try:
                    _ = call()
                except StoreError as error:
                    demand(bool(str(error)), f"the StoreError of {name}() says something")
                    told = traceback.TracebackException.from_exception(error, capture_locals=True)
                    refuse_leak("".join(told.format()))
                else:
                    demand(False, f"{name}() of a broken store raises StoreError")  # noqa: FBT003 - never so
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
            message = "try_lock() gives a lock where nobody has one"
            raise AssertionError(message)
        return lock

    @staticmethod
    def _save_often(store: Store, text: str) -> None:
        for _ in range(20):
            store.save(KEY, SecretStr(text))

    def _fail_with_lock(self, store: Store) -> None:
        lock = self._taken(store, KEY)
        try:
            raise ZeroDivisionError
        finally:
            lock.release()

    @staticmethod
    def _add(store: Store) -> None:
        end = time.monotonic() + SECONDS
        for _ in range(_ROUNDS):
            while (lock := store.try_lock(KEY)) is None:
                demand(time.monotonic() < end, "a lock that is released can be taken")
                time.sleep(_PAUSE)
            try:
                count = int(text_of(store.load(KEY)) or "0")
                time.sleep(_PAUSE)  # time for somebody who should not be here
                store.save(KEY, SecretStr(str(count + 1)))
            finally:
                lock.release()
