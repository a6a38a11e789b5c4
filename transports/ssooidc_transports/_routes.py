"""The choice of the client that sends a request: the one that was given, or one of our own, created on first use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypeVar, cast
from weakref import WeakSet

from ssooidc_core._endpoints import is_loopback
from ssooidc_core.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl

__all__ = ["Kind", "ParsedUrl", "Routes"]

_CACHED_URLS: Final = 16


class ParsedUrl(Protocol):
    """The attributes of an HTTP library's URL that are read here."""

    @property
    def scheme(self) -> str: ...

    @property
    def host(self) -> str: ...


ClientT = TypeVar("ClientT")
UrlT = TypeVar("UrlT", bound=ParsedUrl)


class Kind(NamedTuple):
    """The purpose of one of our own clients."""

    secure: bool
    """Whether it is for https. A client for plain http needs no trusted authorities."""
    local: bool
    """Whether it is for this machine. Such requests never use a proxy, whatever the environment says."""

    def tls_context(self) -> ssl.SSLContext:
        """Return the TLS context of such a client.

        Raises:
            ConfigurationError: the environment names a CA bundle that cannot be read.
        """
        from ssooidc_transports._tls import no_trust_context, tls_context  # noqa: PLC0415 - ssl

        return tls_context() if self.secure else no_trust_context()


class Routes(Generic[ClientT, UrlT]):
    """Finds the client for a URL and the library's form of the URL; thread-safe, and usable after a fork."""

    def __init__(
        self,
        given: ClientT | None,
        *,
        make: Callable[[Kind], ClientT],
        parse: Callable[[str], UrlT],
    ) -> None:
        """Create routes without any client of our own.

        Args:
            given: the client for all requests, or `None` to create clients as needed.
            make: creates a client with the proxies of the environment, of which it uses none for a local kind.
            parse: creates the library's form of a URL.
        """
        self._given = given
        self._make = make
        self._parse = parse
        self._own: dict[Kind, ClientT] = {}
        self._known: dict[str, tuple[ClientT, UrlT]] = {}
        self._lock = threading.Lock()
        self._under_way = 0
        self._ended = False
        self._of_parent: list[ClientT] = []
        _ALL.add(cast("Routes[object, ParsedUrl]", self))

    def to(self, url: str) -> tuple[ClientT, UrlT]:
        """Return the client for a URL and the library's form of the URL.

        Raises:
            ConfigurationError: a proxy or CA bundle of the environment cannot be used, or the transport was closed.
        """
        # Parsing takes most of the time here, and a config has few URLs. A URL with a query may not be used again.
        found = self._known.get(url)
        if found is None:
            parsed = self._parse(url)
            found = self._client_for(parsed), parsed
            if "?" not in url and len(self._known) < _CACHED_URLS:
                self._known[url] = found
        return found

    def begin(self) -> None:
        """Count a new exchange."""
        with self._lock:
            self._under_way += 1

    def finish(self) -> list[ClientT]:
        """Count an exchange as finished, and return the clients to close if it was the last one after `end`."""
        with self._lock:
            self._under_way -= 1
            return self._clients_to_close()

    def end(self) -> list[ClientT]:
        """Create no more clients, and return the clients to close; none while exchanges are in progress.

        Closing a client that other threads use would leave open the connections that they are just making.
        """
        with self._lock:
            self._ended = True
            return self._clients_to_close()

    def start_again(self) -> None:
        """Leave the clients to the parent process; on a shared connection, a process could get the other's response."""
        self._lock = threading.Lock()
        # They are kept and not closed, because closing a TLS connection here would end it in the parent, too.
        self._of_parent += self._own.values()
        self._own.clear()
        self._known.clear()
        self._under_way = 0

    def _clients_to_close(self) -> list[ClientT]:
        if not self._ended or self._under_way:
            return []
        own = list(self._own.values())
        self._own.clear()
        self._known.clear()
        return own

    def _client_for(self, url: UrlT) -> ClientT:
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


_ALL: Final[WeakSet[Routes[object, ParsedUrl]]] = WeakSet()


def _start_again_in_child() -> None:
    for routes in list(_ALL):
        routes.start_again()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_again_in_child)
