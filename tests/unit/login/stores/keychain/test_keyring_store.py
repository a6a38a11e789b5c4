"""`KeyringStore`: what it writes into a keychain, and what remains there after any interruption."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores.os_keyring import KeyringStore
from ssooidc_login.stores.store import StoreKey

if TYPE_CHECKING:
    from tests.unit.login.stores.keychain.conftest import Keychain

WINDOWS: Final = 1280
KEY: Final = StoreKey("token", "a" * 40)
ENTRY: Final = f"ssooidc:token:{'a' * 40}"
LONG: Final = "long-secret " * 500


def test_a_document_is_one_entry_where_entries_have_no_limit(
    keychain: Keychain, locks: Path
) -> None:
    store = KeyringStore(backend=keychain, lock_folder=locks)
    store.save(KEY, SecretStr(LONG))
    assert keychain.entries == {
        (ENTRY, "token"): json.dumps({"document": LONG}, separators=(",", ":"))
    }


def test_a_short_document_is_one_entry_everywhere(small: Keychain, locks: Path) -> None:
    store = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    store.save(KEY, SecretStr("short"))
    assert small.entries == {(ENTRY, "token"): '{"document":"short"}'}


def test_a_long_document_is_parts_and_an_entry_that_names_them(
    small: Keychain, locks: Path
) -> None:
    store = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    store.save(KEY, SecretStr(LONG))
    written = json.loads(small.entries.pop((ENTRY, "token")))
    assert written == {"parts": {"generation": written["parts"]["generation"], "count": 5}}
    names = [f"{ENTRY}:{written['parts']['generation']}-{index}" for index in range(5)]
    assert list(small.entries) == [(name, "token") for name in names]
    assert json.loads("".join(small.entries.values())) == LONG


def test_every_length_around_the_limits_comes_back(small: Keychain, locks: Path) -> None:
    store = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    for length in (*range(1050, 1300), *range(2550, 2570)):
        text = '"' * (length // 7) + "x" * (length - length // 7)
        store.save(KEY, SecretStr(text))
        found = store.load(KEY)
        assert found is not None
        assert found.get_secret_value() == text


def test_two_services_have_their_own_documents_and_locks(keychain: Keychain, locks: Path) -> None:
    one = KeyringStore("one", keychain, lock_folder=locks)
    other = KeyringStore("other", keychain, lock_folder=locks)
    one.save(KEY, SecretStr("a"))
    assert other.load(KEY) is None
    lock = one.try_lock(KEY)
    assert lock is not None
    held = other.try_lock(KEY)
    assert held is not None
    held.release()
    lock.release()


class PowerCutError(BaseException):
    """The process has ended."""


OLD, NEW = "old " * 800, "new " * 900


@pytest.mark.parametrize("kind", ["make_keychain", "make_mac_keychain"])
@pytest.mark.parametrize("old", [None, "short", OLD])
@pytest.mark.parametrize("new", [None, "tiny", NEW])
def test_whenever_it_is_killed_a_document_is_old_or_new_and_nothing_stays_behind(
    old: str | None,
    new: str | None,
    kind: str,
    locks: Path,
    request: pytest.FixtureRequest,
) -> None:
    """`None` means no document: none was saved before, or it was deleted."""
    make_keychain: Callable[[int | None], Keychain] = request.getfixturevalue(kind)
    step = 0
    while True:
        step += 1
        keychain = make_keychain(WINDOWS)
        store = KeyringStore(backend=keychain, lock_folder=locks, largest_entry=WINDOWS)
        change(store, old)
        left = step

        def cut(_doing: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise PowerCutError

        keychain.before = cut
        try:
            change(store, new)
        except PowerCutError:
            was_cut = True
        else:
            was_cut = False
        keychain.before = lambda _doing: None
        found = store.load(KEY)
        text = None if found is None else found.get_secret_value()
        assert text in ({old, new} if was_cut else {new})
        store.save(KEY, SecretStr("after"))
        assert set(keychain.entries) == {(ENTRY, "token")}
        store.delete(KEY)
        assert keychain.entries == {}
        if not was_cut:
            break
    assert step > 1


def change(store: KeyringStore, text: str | None) -> None:
    if text is None:
        store.delete(KEY)
    else:
        store.save(KEY, SecretStr(text))


def test_a_reader_who_always_comes_too_late_waits_for_the_writer(
    small: Keychain, locks: Path
) -> None:
    """Its parts are replaced each time after their names were read and before they are."""
    store = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    writer = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    store.save(KEY, SecretStr(OLD))
    rounds = 0

    def replace(doing: str) -> None:
        nonlocal rounds
        small.before = lambda _doing: None
        if rounds < 6:
            rounds += 1
            # The lock prevents this write.
            lock = store._locks.try_lock(KEY, "write")
            if lock is not None:
                lock.release()
                writer.save(KEY, SecretStr(f"{rounds} " * 800))
                small.before = lambda _doing: next_time()

    def next_time() -> None:
        small.before = replace

    next_time()
    found = store.load(KEY)
    assert found is not None
    # The sixth one was prevented.
    assert (rounds, found.get_secret_value()) == (6, "5 " * 800)


def test_an_entry_of_others_comes_back_as_it_is_and_is_replaced(
    keychain: Keychain, locks: Path
) -> None:
    for text in ("anything", "{", '{"parts":{"generation":"../x","count":1}}', '{"other":1}'):
        keychain.entries[ENTRY, "token"] = text
        store = KeyringStore(backend=keychain, lock_folder=locks)
        found = store.load(KEY)
        assert found is not None
        assert found.get_secret_value() == text
        store.save(KEY, SecretStr("ours"))
        assert keychain.entries == {(ENTRY, "token"): '{"document":"ours"}'}


def test_a_document_whose_part_is_missing_is_no_document(small: Keychain, locks: Path) -> None:
    store = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    for take in range(5):
        store.save(KEY, SecretStr(LONG))
        part = next(name for name in small.entries if name[0].endswith(f"-{take}"))
        del small.entries[part]
        found = store.load(KEY)
        assert found is not None
        assert found.get_secret_value() == ""
    store.delete(KEY)
    assert small.entries == {}


def test_a_keychain_that_refuses_the_size_says_so_without_the_document(
    locks: Path, make_keychain: Callable[[int | None], Keychain]
) -> None:
    keychain = make_keychain(100)
    store = KeyringStore(backend=keychain, lock_folder=locks)
    store.save(KEY, SecretStr("old"))
    with pytest.raises(StoreError) as caught:
        store.save(KEY, SecretStr(LONG))
    assert str(caught.value) == (
        "Cannot write to the keychain: it refused. Unlock it, let this program use it, then try again"
    )
    found = store.load(KEY)
    assert found is not None
    assert found.get_secret_value() == "old"


@pytest.mark.parametrize("document", ["x" * (1024 * 1024 + 1), "\ud800"])
def test_what_is_no_document_is_refused(document: str, keychain: Keychain, locks: Path) -> None:
    with pytest.raises(StoreError) as caught:
        KeyringStore(backend=keychain, lock_folder=locks).save(KEY, SecretStr(document))
    assert str(caught.value) == "The document is not a Unicode text of up to 1,048,576 characters"
    assert keychain.entries == {}
