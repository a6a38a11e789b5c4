"""The two libraries behind one adapter: httpx, and httpx2, its maintained continuation, which has the same face.

Neither is imported before a transport needs it: httpx takes 80 ms.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from ssooidc_core.errors import ConfigurationError

if TYPE_CHECKING:
    from http.cookiejar import CookieJar
    from types import ModuleType

    import httpx

__all__ = ["Library", "RequestBody", "library_of", "own_library"]

_NAMES: Final = ("httpx", "httpx2")


class RequestBody:
    """The body of a request, which knows whether the library has begun to send it."""

    def __init__(self, content: bytes) -> None:
        """Take the whole body."""
        self._content = content
        self.taken: bool = False

    def __iter__(self) -> Iterator[bytes]:
        """Hand it over."""
        self.taken = True
        yield self._content

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Hand it over."""
        return _Handover(self)


class _Handover:
    """Hands a body over; no asynchronous generator, which a cancelled library leaves to the garbage collector."""

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
    """What we use of one of the two; typed as httpx's, whose face both have."""

    client_type: type[httpx.Client]
    async_client_type: type[httpx.AsyncClient]
    request_type: type[httpx.Request]
    url_type: type[httpx.URL]
    limits_type: type[httpx.Limits]
    body_type: type[RequestBody]
    no_cookies: CookieJar


_loaded: Final[dict[str, Library]] = {}


def own_library() -> Library:
    """Give the library that our own clients are made with: httpx where it is installed, else httpx2.

    Raises:
        ImportError: neither is installed; the text names the extras.
    """
    try:
        import httpx  # noqa: PLC0415 - see the module's docstring
    except ImportError:
        pass
    else:
        return _library(httpx)
    try:
        import httpx2  # noqa: PLC0415
    except ImportError:
        pass
    else:
        return _library(httpx2)
    message = (
        'This transport needs httpx or httpx2: pip install "ssooidc-core[httpx]" '
        'or pip install "ssooidc-core[httpx2]"'
    )
    raise ImportError(message, name="httpx")


def library_of(client: object, *, asynchronous: bool) -> Library:
    """Give the library that a given client is of.

    Raises:
        ConfigurationError: it is no client of either, or it is the blocking one where an asynchronous one is needed,
            or the other way round.
    """
    wanted = "AsyncClient" if asynchronous else "Client"
    for name in _NAMES:
        # It is loaded already where a client of it exists.
        module = sys.modules.get(name)
        if module is not None and isinstance(client, cast("type", getattr(module, wanted))):
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
    """Make a `RequestBody` that the library takes for its own, which it asks `isinstance` for."""
    return cast("type[RequestBody]", type("LibraryRequestBody", (RequestBody, byte_stream), {}))


def _no_cookies() -> CookieJar:
    """Make a jar that takes no cookie: the service sets none, and what stands between has no business to."""
    from http.cookiejar import CookieJar  # noqa: PLC0415 - the library has loaded it

    class NoCookies(CookieJar):
        def extract_cookies(self, response: object, request: object) -> None:
            """Take none."""

    return NoCookies()
