"""Which client carries a request: the one that was given, or one of our own, made when it is first needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar, cast
from weakref import WeakSet

from ssooidc_core._endpoints import is_loopback
from ssooidc_core.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl

    import httpx

    from ssooidc_transports.httpx._library import Library

__all__ = ["Kind", "Routes", "made_from_environment"]

C = TypeVar("C")

_CACHED_URLS: Final = 16


class Kind(NamedTuple):
    """What an own client is for."""

    secure: bool
    """https; a client for plain http has no TLS to set up."""
    local: bool
    """This machine: whatever the environment says of proxies, none may see what stays on it."""

    def verify(self) -> ssl.SSLContext:
        """Give the TLS context of such a client.

        Raises:
            ConfigurationError: the environment names a CA bundle that cannot be read.
        """
        from ssooidc_transports._tls import no_trust_context, tls_context  # noqa: PLC0415 - ssl

        return tls_context() if self.secure else no_trust_context()


class Routes(Generic[C]):
    """Finds the client and the library's form of each URL; safe to use from many threads, and after a fork."""

    def __init__(self, library: Library, given: C | None, make: Callable[[Kind], C]) -> None:
        """Take the client that carries everything, or the way to make one of a kind."""
        self._library = library
        self._given = given
        self._make = make
        self._own: dict[Kind, C] = {}
        self._known: dict[str, tuple[C, httpx.URL]] = {}
        self._lock = threading.Lock()
        self._under_way = 0
        self._ended = False
        self._of_parent: list[C] = []
        _ALL.add(cast("Routes[object]", self))

    def to(self, url: str) -> tuple[C, httpx.URL]:
        """Find the way to a URL.

        Raises:
            ConfigurationError: the environment's proxies or CA bundle are unusable, or the transport was closed.
        """
        # Parsing takes longer than all else here, and a config has few URLs; one with a query may not come again.
        found = self._known.get(url)
        if found is None:
            parsed = self._library.url_type(url)
            found = self._client_for(parsed), parsed
            if "?" not in url and len(self._known) < _CACHED_URLS:
                self._known[url] = found
        return found

    def begin(self) -> None:
        """Count one exchange more as under way."""
        with self._lock:
            self._under_way += 1

    def finish(self) -> list[C]:
        """Count one exchange less, and give up the own clients, to be closed, where it was the last after the end."""
        with self._lock:
            self._under_way -= 1
            return self._given_up()

    def end(self) -> list[C]:
        """Make no more clients, and give the own ones up, to be closed, unless an exchange is under way.

        Closing a client under other threads leaves open the connections that they are just making.
        """
        with self._lock:
            self._ended = True
            return self._given_up()

    def start_again(self) -> None:
        """Leave the own clients to the parent process: on a shared connection each would get the other's answers."""
        self._lock = threading.Lock()
        # Kept, and not closed: what ends a connection here would end it there.
        self._of_parent += self._own.values()
        self._own.clear()
        self._known.clear()
        self._under_way = 0

    def _given_up(self) -> list[C]:
        if not self._ended or self._under_way:
            return []
        own = list(self._own.values())
        self._own.clear()
        self._known.clear()
        return own

    def _client_for(self, url: httpx.URL) -> C:
        if self._given is not None:
            return self._given
        kind = Kind(secure=url.scheme == "https", local=is_loopback(url.host))
        with self._lock:
            if self._ended:
                message = "The transport was closed: make a new one"
                raise ConfigurationError(message)
            client = self._own.get(kind)
            if client is None:
                client = self._own[kind] = self._make(kind)
        return client


_ALL: Final[WeakSet[Routes[object]]] = WeakSet()


def _start_again_in_child() -> None:
    for routes in list(_ALL):
        routes.start_again()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_again_in_child)


def made_from_environment(make: Callable[[], C]) -> C:
    """Make a client that reads its proxies from the environment.

    Raises:
        ConfigurationError: the environment names a proxy that cannot be used.
    """
    try:
        return make()
    except ConfigurationError:
        raise
    except Exception as caught:  # noqa: BLE001 - the library has its own, InvalidURL for example
        reason = type(caught).__name__
    # Without the library's text: a proxy's URL may hold a password.
    message = (
        "Invalid Configuration: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names a proxy that cannot be used "
        f"({reason})"
    )
    if reason == "ImportError":
        message += '; a SOCKS proxy needs pip install "httpx[socks]"'
    raise ConfigurationError(message)
