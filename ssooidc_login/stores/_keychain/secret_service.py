"""The Secret Service of Linux desktops, over one connection to the message bus per process.

keyring's own backend opens a connection for each call. For every client that connects, GNOME Keyring reads the name of
the default collection again and frees the old one, while its message filter may be using that in another thread. With
clients that connect and disconnect, "no such object" is then reported for objects that exist, and a race can end the
daemon (https://gitlab.gnome.org/GNOME/gnome-keyring/-/issues/196). keyring also leaves its connection open on errors.

Here all threads of a process share one connection and use it in turn. It is closed after any failure, in a forked
child, and when the process ends. Entries are the same as keyring's.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from ssooidc_login.stores._keychain.turns import Queue

if TYPE_CHECKING:
    # jeepney is not marked as typed.
    from jeepney.io.blocking import DBusConnection  # type: ignore[import-untyped] # pyright: ignore[reportMissingTypeStubs]
    from keyring.backends.SecretService import Keyring
    from secretstorage import Collection, Item
    from secretstorage.dhcrypto import Session

__all__ = ["SecretServiceKeychain"]

_ADDRESS: Final = "DBUS_SESSION_BUS_ADDRESS"
_SECONDS: Final = 5.0


class _Bus:
    """The process's connection to the session bus, used by one thread at a time."""

    def __init__(self) -> None:
        self._turn = Queue()
        self._connection: DBusConnection | None = None
        self._session: Session | None = None
        self._address: str | None = None

    @contextmanager
    def collection(self, preferred: str | None) -> Generator[Collection, None, None]:
        """Open and unlock a collection: the preferred one, by its path, or the default one, made if there is none.

        Raises:
            TimeoutError: another thread has been using the connection for 5 s; it may be waiting for a person.
            KeyringLocked: the person did not unlock the collection.
            InitError: the collection cannot be opened.
        """
        turn = self._turn
        if not turn.acquire(_SECONDS):
            message = f"Another thread has been using the keychain for {_SECONDS:.0f} s"
            raise TimeoutError(message)
        done = False
        try:
            yield self._opened(preferred)
            done = True
        finally:
            if not done:
                # A call may have been interrupted: the next one opens a new connection.
                self.close()
            turn.release()

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        connection, self._connection, self._session = self._connection, None, None
        if connection is not None:
            with suppress(OSError):
                connection.close()

    def close_in_child(self) -> None:
        """Close a forked child's copy; the parent's stays open."""
        self.close()
        self._turn = Queue()

    def _opened(self, preferred: str | None) -> Collection:
        from keyring.errors import InitError, KeyringLocked  # noqa: PLC0415 - loaded already
        from secretstorage.exceptions import SecretStorageException  # noqa: PLC0415 - likewise

        try:
            collection = self._found(preferred)
        except SecretStorageException as failed:
            message = f"The collection cannot be opened: {type(failed).__name__}"
            raise InitError(message) from failed
        if collection.is_locked():
            _ = collection.unlock()
            if collection.is_locked():
                message = "The collection stays locked"
                raise KeyringLocked(message)
        return collection

    def _found(self, preferred: str | None) -> Collection:
        import secretstorage  # noqa: PLC0415 - loaded already, as keyring's backend has it
        from secretstorage.util import open_session  # noqa: PLC0415 - likewise

        address = os.environ.get(_ADDRESS)
        if address != self._address:
            self.close()
        connection = self._connection
        if connection is None:
            connection = self._connection = secretstorage.dbus_init()
            self._address = address
        session = self._session
        if session is None:
            session = self._session = open_session(connection)
        if preferred is not None:
            return secretstorage.Collection(connection, preferred, session)
        try:
            # By its own path: only messages to the alias use the name that may have been freed.
            collection = secretstorage.get_collection_by_alias(connection, "default")
        except secretstorage.ItemNotFoundException:
            return secretstorage.get_default_collection(connection, session)
        collection.session = session
        return collection


def _closed_in_the_end(bus: _Bus) -> _Bus:
    """Register the closing of a connection, for forked children and the end of the process, and return it."""
    _ = atexit.register(bus.close)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=bus.close_in_child)
    return bus


_BUS: Final = _closed_in_the_end(_Bus())


class SecretServiceKeychain:
    """keyring's backend for the Secret Service, over the process's connection."""

    def __init__(self, backend: Keyring) -> None:
        """Use the backend's settings: scheme, application and preferred collection."""
        self._backend: Final = backend

    def get_password(self, service: str, username: str) -> str | None:
        """Return the password of an entry, or `None` if there is no entry."""
        with self._collection() as collection:
            item = self._item(collection, service, username)
            return None if item is None else item.get_secret().decode()

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write an entry, replacing an old one."""
        with self._collection() as collection:
            attributes = {**self._query(service, username), "application": self._backend.appid}
            label = f"Password for '{username}' on '{service}'"
            _ = collection.create_item(label, attributes, password.encode(), replace=True)

    def delete_password(self, service: str, username: str) -> None:
        """Delete an entry, which must exist."""
        from keyring.errors import PasswordDeleteError  # noqa: PLC0415 - loaded already

        with self._collection() as collection:
            item = self._item(collection, service, username)
            if item is not None:
                item.delete()
        if item is None:
            message = "No such entry"
            raise PasswordDeleteError(message)

    @contextmanager
    def _collection(self) -> Generator[Collection, None, None]:
        preferred: str | None = getattr(self._backend, "preferred_collection", None)
        with _BUS.collection(preferred) as collection:
            yield collection

    def _item(self, collection: Collection, service: str, username: str) -> Item | None:
        from keyring.errors import KeyringLocked  # noqa: PLC0415 - loaded already

        item = next(iter(collection.search_items(self._query(service, username))), None)
        if item is not None and item.is_locked():
            _ = item.unlock()
            if item.is_locked():
                message = "The entry stays locked"
                raise KeyringLocked(message)
        return item

    def _query(self, service: str, username: str) -> dict[str, str]:
        names = self._backend.schemes[self._backend.scheme]
        return {names["username"]: username, names["service"]: service}
