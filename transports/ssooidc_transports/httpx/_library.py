"""One adapter for two libraries: httpx, and its maintained continuation httpx2, which has the same API.

Neither is imported until a transport needs it, since importing httpx takes 80 ms.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, TypeVar, cast

from ssooidc_core.errors import ConfigurationError

if TYPE_CHECKING:
    from http.cookiejar import CookieJar
    from types import ModuleType

    import httpx

    from ssooidc_transports._routes import Kind

__all__ = ["Library", "RequestBody", "library_for"]

ClientT = TypeVar("ClientT")

_NAMES: Final = ("httpx", "httpx2")


class RequestBody:
    """The body of a request; it records whether the library has started to read it for sending."""

    def __init__(self, content: bytes) -> None:
        """Create a body with this content."""
        self._content = content
        self.taken: bool = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content."""
        self.taken = True
        yield self._content

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return an asynchronous iterator over the content."""
        return _AsyncContent(self)


class _AsyncContent:
    """Iterates over a body. An asynchronous generator would be left to the garbage collector after a cancellation."""

    def __init__(self, body: RequestBody) -> None:
        self._rest = iter(body)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for piece in self._rest:
            return piece
        raise StopAsyncIteration


@dataclass(frozen=True, slots=True)
class Library:
    """The parts of one of the libraries that are used here, with the types of httpx."""

    client_type: type[httpx.Client]
    async_client_type: type[httpx.AsyncClient]
    request_type: type[httpx.Request]
    url_type: type[httpx.URL]
    limits_type: type[httpx.Limits]
    body_type: type[RequestBody]
    no_cookies: CookieJar

    def new_client(
        self, client_type: Callable[..., ClientT], kind: Kind, limits: httpx.Limits
    ) -> ClientT:
        """Return a client of our own that uses the proxies of the environment.

        Raises:
            ConfigurationError: the environment names a proxy or a CA bundle that cannot be used.
        """
        verify = kind.tls_context()
        try:
            return client_type(
                verify=verify, trust_env=not kind.local, cookies=self.no_cookies, limits=limits
            )
        except Exception as caught:  # noqa: BLE001 - the library raises its own, InvalidURL for example
            reason = type(caught).__name__
        # Without the library's text, because the URL of a proxy may contain a password.
        message = (
            "Invalid Configuration: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names a proxy that cannot be used "
            f"({reason})"
        )
        if reason == "ImportError":
            message += '; a SOCKS proxy needs pip install "httpx[socks]"'
        raise ConfigurationError(message)


_loaded: Final[dict[str, Library]] = {}


def library_for(client: object | None, *, asynchronous: bool) -> Library:
    """Return the library that a client belongs to; for `None`, httpx if it is installed, else httpx2.

    Raises:
        ImportError: there is no client, and neither library is installed. The text names the extras.
        ConfigurationError: it is not a client of either library, or it is blocking and an asynchronous one is needed,
            or the reverse.
    """
    if client is None:
        for name in _NAMES:
            with contextlib.suppress(ImportError):
                return _library(import_module(name))
        message = (
            'This transport needs httpx or httpx2: pip install "ssooidc-core[httpx]" '
            'or pip install "ssooidc-core[httpx2]"'
        )
        raise ImportError(message, name="httpx")
    wanted = "AsyncClient" if asynchronous else "Client"
    # A library that has created a client is already loaded.
    for module in filter(None, map(sys.modules.get, _NAMES)):
        if isinstance(client, cast("type", getattr(module, wanted))):
            return _library(module)
    message = (
        f"The client must be an httpx.{wanted} or httpx2.{wanted}, not {type(client).__name__}"
    )
    raise ConfigurationError(message)


def _library(module: ModuleType) -> Library:
    library = _loaded.get(module.__name__)
    if library is None:
        from ssooidc_transports.httpx._redacted_logs import redact_library_logs  # noqa: PLC0415

        redact_library_logs()
        library = _loaded[module.__name__] = Library(
            client_type=cast("type[httpx.Client]", module.Client),
            async_client_type=cast("type[httpx.AsyncClient]", module.AsyncClient),
            request_type=cast("type[httpx.Request]", module.Request),
            url_type=cast("type[httpx.URL]", module.URL),
            limits_type=cast("type[httpx.Limits]", module.Limits),
            body_type=_body_type(cast("type", module.ByteStream)),
            no_cookies=_no_cookies(),
        )
    return library


def _body_type(byte_stream: type) -> type[RequestBody]:
    """Return a type of `RequestBody` that the library's `isinstance` checks accept as its own byte stream."""
    return cast("type[RequestBody]", type("LibraryRequestBody", (RequestBody, byte_stream), {}))


def _no_cookies() -> CookieJar:
    """Return a cookie jar that stores nothing: the service uses no cookies, and those of proxies are not wanted."""
    from http.cookiejar import CookieJar  # noqa: PLC0415 - already loaded by the library

    class NoCookies(CookieJar):
        def extract_cookies(self, response: object, request: object) -> None:
            """Store no cookies."""

    return NoCookies()
