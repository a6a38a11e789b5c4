"""`KeyringStore` during writes of others and brief failures of the keychain, in virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from keyring import errors
from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores.os_keyring import KeyringStore
from ssooidc_login.stores.store import StoreKey

if TYPE_CHECKING:
    from tests.unit.login.stores.keychain.conftest import Clock, Keychain, MacKeychain

WINDOWS: Final = 1280
KEY: Final = StoreKey("token", "a" * 40)
ENTRY: Final = f"ssooidc:token:{'a' * 40}"
OLD, NEW = "old " * 800, "new " * 900


# The names are those of secretstorage and jeepney, which exist on Linux only.
class ItemNotFoundException(Exception):
    pass


class PromptDismissedException(ItemNotFoundException):
    pass


class LockedException(Exception):
    pass


class SecretServiceNotAvailableException(Exception):
    pass


class DBusErrorResponse(Exception):
    pass


PASSING: Final = (
    ItemNotFoundException("quotes " + NEW),
    errors.InitError("quotes " + NEW),
    SecretServiceNotAvailableException(),
    DBusErrorResponse(),
    ConnectionResetError(),
    TimeoutError(),
)


def text_of(document: SecretStr | None) -> str | None:
    return None if document is None else document.get_secret_value()


@pytest.fixture
def store(small: Keychain, locks: Path) -> KeyringStore:
    store = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    store.save(KEY, SecretStr(OLD))
    return store


def fail_at(keychain: Keychain, step: int, raised: Exception, times: int = 1) -> Callable[[], bool]:
    """Make a number of accesses fail, beginning with a given one; the function returns whether that happened."""
    count = 0

    def fail(_doing: str) -> None:
        nonlocal count
        count += 1
        if step <= count < step + times:
            raise raised

    keychain.before = fail
    return lambda: count >= step


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("raised", PASSING, ids=lambda raised: type(raised).__name__)
@pytest.mark.parametrize("times", [1, 3])
def test_whatever_access_fails_for_a_moment_it_is_tried_again(
    raised: Exception, times: int, store: KeyringStore, small: Keychain
) -> None:
    for step in range(1, 100):
        small.before = lambda _doing: None
        store.save(KEY, SecretStr(OLD))
        came = [fail_at(small, step, raised, times)]
        assert text_of(store.load(KEY)) == OLD
        came.append(fail_at(small, step, raised, times))
        store.save(KEY, SecretStr(NEW))
        small.before = lambda _doing: None
        assert text_of(store.load(KEY)) == NEW
        # The retries leave nothing behind.
        parts = json.loads(small.entries[ENTRY, "token"])["parts"]["count"]
        assert len(small.entries) == 1 + parts
        came.append(fail_at(small, step, raised, times))
        store.delete(KEY)
        assert small.entries == {}
        if not any(each() for each in came):
            return
    pytest.fail("the operation never succeeded")


CALLS: Final[dict[str, Callable[[KeyringStore], object]]] = {
    "read": lambda store: store.load(KEY),
    "write to": lambda store: store.save(KEY, SecretStr(NEW)),
    "delete from": lambda store: store.delete(KEY),
}
SECONDS: Final = {"read": 5, "write to": 20, "delete from": 20}
TEXTS: Final = {
    "ItemNotFoundException": "ItemNotFoundException; check that it runs and is unlocked, then try again, or use "
    "AwsCacheStore",
    "InitError": "it cannot be opened. Start or unlock it, then try again",
    "TimeoutError": "it does not answer. Check whether it asks for something, then try again",
}


@pytest.mark.parametrize("doing", CALLS)
@pytest.mark.parametrize("raised", [PASSING[0], PASSING[1], PASSING[5]])
def test_what_goes_on_failing_is_told_in_bounded_time(
    doing: str, raised: Exception, store: KeyringStore, small: Keychain, clock: Clock
) -> None:
    _ = fail_at(small, 1, raised, 1_000_000)
    with pytest.raises(StoreError) as caught:
        CALLS[doing](store)
    assert str(caught.value) == f"Cannot {doing} the keychain: {TEXTS[type(raised).__name__]}"
    assert caught.value.__context__ is None
    assert clock.now == 1000 + SECONDS[doing]
    small.before = lambda _doing: None
    assert text_of(store.load(KEY)) == OLD


def dismissed() -> Exception:
    failed = errors.InitError()
    failed.__cause__ = PromptDismissedException()
    return failed


@pytest.mark.parametrize("doing", CALLS)
@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (errors.KeyringLocked(), "it is locked. Unlock it, then try again"),
        (LockedException(), "it is locked. Unlock it, then try again"),
        (PromptDismissedException(), "it is locked. Unlock it, then try again"),
        (dismissed(), "it cannot be opened. Start or unlock it, then try again"),
        (
            errors.PasswordSetError(),
            "it refused. Unlock it, let this program use it, then try again",
        ),
    ],
)
def test_nobody_is_asked_again_for_what_they_refused(
    doing: str, raised: Exception, text: str, store: KeyringStore, small: Keychain
) -> None:
    asked: list[str] = []

    def refuse(access: str) -> None:
        asked.append(access)
        raise raised

    small.before = refuse
    with pytest.raises(StoreError) as caught:
        CALLS[doing](store)
    assert str(caught.value) == f"Cannot {doing} the keychain: {text}"
    assert len(asked) == 1


def test_a_save_waits_for_a_writer_longer_than_a_load_would(
    store: KeyringStore, small: Keychain, clock: Clock
) -> None:
    lock = store._locks.try_lock(KEY, "write")
    assert lock is not None

    def let_go() -> None:
        if clock.now > 1019:
            lock.release()

    clock.during_pause = let_go
    store.save(KEY, SecretStr(NEW))
    assert 1019 < clock.now < 1020
    assert text_of(store.load(KEY)) == NEW


@pytest.mark.parametrize("doing", ["write to", "delete from"])
def test_who_writes_for_too_long_is_told_of(doing: str, store: KeyringStore, clock: Clock) -> None:
    lock = store._locks.try_lock(KEY, "write")
    assert lock is not None
    with pytest.raises(StoreError) as caught:
        CALLS[doing](store)
    assert str(caught.value) == (
        "Another process or thread has been writing to the keychain for 20 s: check whether the keychain asks for "
        "something, then try again"
    )
    assert clock.now == 1020
    assert text_of(store.load(KEY)) == OLD
    lock.release()
    CALLS[doing](store)
    assert clock.now == 1020


def test_who_writes_again_and_again_lets_others_write_in_between(
    store: KeyringStore, small: Keychain, locks: Path, clock: Clock
) -> None:
    """The busy one is always faster than a pause, and writes again immediately after each write."""
    other = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    lock = other._locks.try_lock(KEY, "write")
    assert lock is not None
    in_a_row = 0

    def write_again() -> None:
        nonlocal in_a_row
        lock.release()
        clock.during_pause = lambda: None
        with pytest.raises(StoreError):
            # It finds that another one is ahead of it.
            other.delete(KEY)
        in_a_row += 1

    clock.during_pause = write_again
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssooidc_login.stores.os_keyring._SECONDS_TO_WRITE", 1.0)
        store.save(KEY, SecretStr(NEW))
    assert in_a_row == 1
    assert text_of(store.load(KEY)) == NEW


def test_a_load_reads_while_somebody_writes_for_long(
    store: KeyringStore, small: Keychain, clock: Clock
) -> None:
    """Each part that it found was replaced, until it found a complete document; the writer is still busy."""
    lock = store._locks.try_lock(KEY, "write")
    assert lock is not None
    whole = dict(small.entries)
    missing = next(name for name in whole if name[0].endswith("-2"))
    del small.entries[missing]

    def put_back() -> None:
        if clock.now > 1019:
            small.entries.update(whole)

    clock.during_pause = put_back
    assert text_of(store.load(KEY)) == OLD
    assert 1019 < clock.now < 1020
    lock.release()


def test_a_load_that_never_finds_a_whole_document_says_why(
    store: KeyringStore, small: Keychain, clock: Clock
) -> None:
    lock = store._locks.try_lock(KEY, "write")
    assert lock is not None
    del small.entries[next(name for name in small.entries if name[0].endswith("-2"))]
    with pytest.raises(StoreError) as caught:
        store.load(KEY)
    assert str(caught.value) == (
        "Another process or thread has been writing to the keychain for 20 s: check whether the keychain asks for "
        "something, then try again"
    )
    assert clock.now == 1020
    lock.release()
    # There is no writer, so the document is broken, which its reader reports.
    assert text_of(store.load(KEY)) == ""


def test_what_is_gone_already_need_not_be_deleted(store: KeyringStore, small: Keychain) -> None:
    def take(doing: str) -> None:
        if doing == "delete":
            small.entries.clear()

    small.before = take
    store.delete(KEY)
    assert small.entries == {}


def test_what_cannot_be_deleted_is_told(store: KeyringStore, small: Keychain) -> None:
    def refuse(doing: str) -> None:
        if doing == "delete":
            raise errors.PasswordDeleteError

    small.before = refuse
    with pytest.raises(StoreError, match="it refused"):
        store.delete(KEY)


@pytest.mark.parametrize("largest", [None, WINDOWS])
def test_where_replacing_deletes_first_readers_see_the_old_document_or_the_new_one(
    largest: int | None, mac: MacKeychain, locks: Path
) -> None:
    store = KeyringStore(backend=mac, lock_folder=locks, largest_entry=largest)
    reader = KeyringStore(backend=mac, lock_folder=locks, largest_entry=largest)
    store.save(KEY, SecretStr(OLD))
    seen: list[str | None] = []

    def read(_doing: str) -> None:
        mac.before = lambda _doing: None
        seen.append(text_of(reader.load(KEY)))
        mac.before = read

    mac.before = read
    store.save(KEY, SecretStr(NEW))
    mac.before = lambda _doing: None
    assert set(seen) == {OLD, NEW}
    # The old one must not be read again.
    assert seen == [OLD] * seen.count(OLD) + [NEW] * seen.count(NEW)
    store.delete(KEY)
    assert mac.entries == {}


@pytest.mark.parametrize("late", range(1, 8))
def test_where_replacing_deletes_first_a_reader_may_be_slow(
    late: int, mac: MacKeychain, locks: Path
) -> None:
    """A save happens between any two accesses of a load."""
    store = KeyringStore(backend=mac, lock_folder=locks)
    reader = KeyringStore(backend=mac, lock_folder=locks)
    store.save(KEY, SecretStr(OLD))
    # A write is in progress: the entry is gone, and its copy exists.
    mac.entries[f"{ENTRY}:next", "token"] = mac.entries.pop((ENTRY, "token"))
    left = late

    def write(_doing: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            mac.before = lambda _doing: None
            store.save(KEY, SecretStr(NEW))

    mac.before = write
    assert text_of(reader.load(KEY)) in {OLD, NEW}
