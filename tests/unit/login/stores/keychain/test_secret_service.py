"""The connection to the message bus: one for all threads, used in turn, and closed after any failure."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from keyring import errors
from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores._keychain import secret_service
from ssooidc_login.stores._keychain.turns import Queue
from ssooidc_login.stores.os_keyring import KeyringStore
from ssooidc_login.stores.store import StoreKey

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no Secret Service")

if sys.platform == "linux":
    import secretstorage
    from keyring.backends import SecretService

KEY: Final = StoreKey("token", "a" * 40)
ATTRIBUTES: Final = {"service": f"ssooidc:token:{'a' * 40}", "username": "token"}
ADDRESS: Final = "DBUS_SESSION_BUS_ADDRESS"


class Connection:
    def __init__(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False


class Service:
    """A Secret Service in memory, which replaces the real one behind secretstorage."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.sessions: list[object] = []
        self.items: list[Item] = []
        self.fails: Exception | None = None
        self.has_default = True
        self.is_locked = False
        self.stays_locked = False
        self.paths: list[str] = []

    def connect(self) -> Connection:
        self.connections.append(Connection())
        return self.connections[-1]

    def open_session(self, _connection: Connection) -> object:
        self.sessions.append(object())
        return self.sessions[-1]

    def by_alias(self, connection: Connection, alias: str) -> Collection:
        if not self.has_default:
            raise secretstorage.ItemNotFoundException
        return self.by_path(connection, f"the {alias} one")

    def by_path(self, connection: Connection, path: str = "", session: object = None) -> Collection:
        assert connection.is_open
        self.paths.append(path)
        return Collection(self, session)

    def made(self, connection: Connection, session: object) -> Collection:
        return self.by_path(connection, "a new one", session)

    def open(self) -> list[Connection]:
        return [each for each in self.connections if each.is_open]


class Lockable:
    def __init__(self, service: Service) -> None:
        self.service = service

    def is_locked(self) -> bool:
        if self.service.fails is not None:
            raise self.service.fails
        return self.service.is_locked

    def unlock(self) -> None:
        self.service.is_locked = self.service.stays_locked


class Collection(Lockable):
    def __init__(self, service: Service, session: object) -> None:
        super().__init__(service)
        self.session = session

    def search_items(self, attributes: dict[str, str]) -> Iterator[Item]:
        for item in self.service.items:
            if attributes.items() <= item.attributes.items():
                yield item

    def create_item(
        self, label: str, attributes: dict[str, str], secret: bytes, *, replace: bool
    ) -> None:
        assert replace
        assert self.session is self.service.sessions[-1]
        for item in self.search_items(attributes):
            item.secret = secret
            return
        self.service.items.append(Item(self.service, label, attributes, secret))


class Item(Lockable):
    def __init__(
        self, service: Service, label: str, attributes: dict[str, str], secret: bytes
    ) -> None:
        super().__init__(service)
        self.label, self.attributes, self.secret = label, attributes, secret

    def get_secret(self) -> bytes:
        return self.secret

    def delete(self) -> None:
        self.service.items.remove(self)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()
    bus = secret_service._Bus()
    monkeypatch.setattr(secret_service, "_BUS", bus)
    monkeypatch.setattr(secretstorage, "dbus_init", service.connect)
    monkeypatch.setattr(secretstorage, "get_collection_by_alias", service.by_alias)
    monkeypatch.setattr(secretstorage, "get_default_collection", service.made)
    monkeypatch.setattr(secretstorage, "Collection", service.by_path)
    monkeypatch.setattr("secretstorage.util.open_session", service.open_session)
    return service


@pytest.fixture
def backend() -> SecretService.Keyring:
    return SecretService.Keyring()  # type: ignore[no-untyped-call]


@pytest.fixture
def store(service: Service, backend: SecretService.Keyring, locks: Path) -> KeyringStore:
    return KeyringStore(backend=backend, lock_folder=locks)


def text_of(document: SecretStr | None) -> str | None:
    return None if document is None else document.get_secret_value()


def test_all_calls_share_a_connection_and_a_session(store: KeyringStore, service: Service) -> None:
    store.save(KEY, SecretStr("a"))
    store.save(KEY, SecretStr("b"))
    assert text_of(store.load(KEY)) == "b"
    assert [each.attributes for each in service.items] == [
        {**ATTRIBUTES, "application": "Python keyring library"}
    ]
    assert service.items[0].label == f"Password for 'token' on '{ATTRIBUTES['service']}'"
    store.delete(KEY)
    assert (service.items, store.load(KEY)) == ([], None)
    assert (len(service.connections), len(service.sessions)) == (1, 1)
    assert service.connections == service.open()
    assert set(service.paths) == {"the default one"}


def test_the_backends_settings_count(
    store: KeyringStore, service: Service, backend: SecretService.Keyring
) -> None:
    vars(backend).update(preferred_collection="/mine", scheme="KeePassXC", appid="mine")
    store.save(KEY, SecretStr("a"))
    assert text_of(store.load(KEY)) == "a"
    assert set(service.paths) == {"/mine"}
    assert service.items[0].attributes == {
        "Title": ATTRIBUTES["service"],
        "UserName": "token",
        "application": "mine",
    }


def test_a_class_of_ones_own_is_used_as_it_is(service: Service, locks: Path) -> None:
    class Own(SecretService.Keyring):
        viable = False

        def get_password(self, service: str, username: str) -> str:
            return "its own"

    own = Own()  # type: ignore[no-untyped-call]
    assert text_of(KeyringStore(backend=own, lock_folder=locks).load(KEY)) == "its own"
    assert service.connections == []


def test_where_there_is_no_default_collection_one_is_made(
    store: KeyringStore, service: Service
) -> None:
    service.has_default = False
    store.save(KEY, SecretStr("a"))
    assert set(service.paths) == {"a new one"}


@pytest.mark.usefixtures("clock")
def test_a_connection_that_failed_is_closed_and_another_one_opened(
    store: KeyringStore, service: Service
) -> None:
    store.save(KEY, SecretStr("a"))
    service.fails = secretstorage.SecretServiceNotAvailableException()
    with pytest.raises(StoreError, match="SecretServiceNotAvailableException"):
        store.load(KEY)
    assert len(service.connections) > 2
    assert service.open() == []
    service.fails = None
    assert text_of(store.load(KEY)) == "a"
    assert len(service.open()) == 1


@pytest.mark.usefixtures("clock")
def test_a_collection_that_cannot_be_opened_leaves_nothing_open(
    store: KeyringStore, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_connection: Connection) -> object:
        raise secretstorage.SecretStorageException

    monkeypatch.setattr("secretstorage.util.open_session", fail)
    with pytest.raises(StoreError, match="it cannot be opened"):
        store.load(KEY)
    assert service.connections
    assert service.open() == []


def test_what_is_locked_is_unlocked_or_told(store: KeyringStore, service: Service) -> None:
    service.is_locked = True
    store.save(KEY, SecretStr("a"))
    service.is_locked = service.stays_locked = True
    with pytest.raises(StoreError) as caught:
        store.load(KEY)
    assert str(caught.value) == "Cannot read the keychain: it is locked. Unlock it, then try again"
    assert service.open() == []


def test_an_item_that_is_locked_is_unlocked_or_told(
    store: KeyringStore, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(KEY, SecretStr("a"))
    monkeypatch.setattr(Collection, "is_locked", lambda _self: False)
    service.is_locked = True
    assert text_of(store.load(KEY)) == "a"
    service.is_locked = service.stays_locked = True
    with pytest.raises(StoreError, match="it is locked"):
        store.load(KEY)


def test_another_bus_is_another_connection(
    store: KeyringStore, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESS, "unix:path=/one")
    store.save(KEY, SecretStr("a"))
    monkeypatch.setenv(ADDRESS, "unix:path=/two")
    assert text_of(store.load(KEY)) == "a"
    assert [each.is_open for each in service.connections] == [False, True]


def test_a_child_closes_its_copy_and_does_not_wait_for_a_thread_that_it_lacks(
    store: KeyringStore, service: Service
) -> None:
    store.save(KEY, SecretStr("a"))
    bus = secret_service._BUS
    assert bus._turn.acquire(0)
    bus.close_in_child()
    assert service.open() == []
    assert text_of(store.load(KEY)) == "a"


def test_a_thread_that_waits_for_a_person_is_told_of(
    store: KeyringStore, monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    monkeypatch.setattr(secret_service, "_SECONDS", 0.0)
    monkeypatch.setattr("ssooidc_login.stores.os_keyring._SECONDS_TO_READ", 0.0)
    turn = secret_service._BUS._turn
    assert turn.acquire(0)
    with pytest.raises(StoreError) as caught:
        store.load(KEY)
    turn.release()
    assert str(caught.value) == (
        "Cannot read the keychain: it does not answer. Check whether it asks for something, then try again"
    )
    # The abandoned wait does not hold the lock, and the connection was not closed while the other thread used it.
    assert store.load(KEY) is None
    assert len(service.connections) == 1


def test_deleting_nothing_is_an_error_of_the_keychain_only(
    service: Service, backend: SecretService.Keyring, store: KeyringStore
) -> None:
    keychain = secret_service.SecretServiceKeychain(backend)
    with pytest.raises(errors.PasswordDeleteError):
        keychain.delete_password("s", "u")
    # The connection itself did not fail.
    assert len(service.open()) == 1
    store.delete(KEY)


def test_threads_get_a_queue_in_their_order() -> None:
    queue, order = Queue(), list[int]()
    assert queue.acquire(0)

    def wait(number: int) -> None:
        assert queue.acquire(60)
        order.append(number)
        queue.release()

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(5)]
    for count, thread in enumerate(threads, 1):
        thread.start()
        while len(queue._waiting) < count:
            thread.join(0.001)
    # A thread that gives up lets the next one in the queue proceed.
    assert not queue.acquire(0)
    queue.release()
    for thread in threads:
        thread.join(60)
    assert order == [0, 1, 2, 3, 4]
    assert queue.acquire(0)
    assert not queue.acquire(0.001)
    queue.release()
    assert queue.acquire(0)


def test_the_queue_continues_if_its_next_thread_has_just_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An interrupt ends the wait at the moment when the lock is passed on."""
    queue = Queue()
    assert queue.acquire(0)
    real = threading.Lock

    class Interrupted:
        def __init__(self) -> None:
            self.lock = real()

        def acquire(self, timeout: float = -1) -> bool:
            if timeout >= 0:
                queue.release()
                raise KeyboardInterrupt
            return self.lock.acquire()

        def release(self) -> None:
            self.lock.release()

    monkeypatch.setattr("ssooidc_login.stores._keychain.turns.threading.Lock", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        queue.acquire(60)
    monkeypatch.undo()
    assert queue.acquire(0)
