"""One request and its response on their way through httpx or httpx2, and the meaning of the library's exceptions.

Tracebacks may be printed with local variables. Therefore neither the text of an error nor a local variable in a frame
of ours that an error passes through contains a body or a secret header field. They are kept in an `Exchange`, whose
`repr` shows none of them.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._text import printable
from ssooidc_core.errors import (
    ConnectFailed,
    ConnectionLost,
    Timeout,
    TransportError,
)
from ssooidc_transports._content_coding import decoded, too_large

if TYPE_CHECKING:
    import httpx

    from ssooidc_core._config import ClientConfig
    from ssooidc_transports.httpx._library import Library, RequestBody

__all__ = ["Answer", "Exchange", "phase_timeouts"]

C = TypeVar("C")

Answer: TypeAlias = HttpResponse | TransportError
"""The outcome of an attempt: a response, or the error to raise after the `except` block."""

_TEXT_LIMIT: Final = 300
_LIBRARIES: Final = ("httpx", "httpcore", "anyio", "trio")
_USER_INFO: Final = re.compile(r"//[^/\s@]*@")

# Matched by name, because each of two libraries, anyio and trio has its own classes. The most derived class decides.
_KINDS: Final[Mapping[str, type[TransportError]]] = {
    "TimeoutException": Timeout,
    "TimeoutError": Timeout,
    "TooSlowError": Timeout,
    "ConnectError": ConnectFailed,
    "ProxyError": ConnectFailed,
    "LocalProtocolError": TransportError,
    "UnsupportedProtocol": TransportError,
    "NetworkError": ConnectionLost,
    "ProtocolError": ConnectionLost,
    "BrokenResourceError": ConnectionLost,
    "ClosedResourceError": ConnectionLost,
    "EndOfStream": ConnectionLost,
    "OSError": ConnectionLost,
}
# These mean that there was no connection, or that the library rejected the request before writing it.
_BEFORE_SENDING: Final = frozenset(
    {
        "ConnectError",
        "ConnectTimeout",
        "PoolTimeout",
        "ProxyError",
        "UnsupportedProtocol",
        "LocalProtocolError",
        "InvalidURL",
        "UnicodeError",
    }
)
_CONNECTING: Final = frozenset({"ConnectError", "ConnectTimeout"})
# Their texts come from the operating system, the TLS library or the proxy. Other texts may quote the request:
# "Illegal header value b'...'" of h11 contains the token.
_QUOTABLE: Final = frozenset({"ConnectError", "ProxyError"})


def phase_timeouts(config: ClientConfig) -> dict[str, float]:
    """Return the library's timeouts: that of each phase, limited to the total time."""
    total = config.total_timeout
    return {
        "connect": min(config.connect_timeout, total),
        "read": min(config.read_timeout, total),
        "write": min(config.write_timeout, total),
        "pool": min(config.pool_timeout, total),
    }


class _Connection(Protocol):
    async def aclose(self) -> None: ...


@dataclass(slots=True, repr=False, eq=False)
class Exchange:
    """One attempt: the request in the library's form, and the part of the response received so far."""

    request: HttpRequest
    config: ClientConfig
    own: bool
    """Whether the client is one of our own, so that its behavior is known."""
    deadline: float = field(init=False)
    """The end of the total time, as a time of `time.monotonic()`."""
    outgoing: httpx.Request = field(init=False)
    """The request in the library's form."""
    response: httpx.Response = field(init=False)
    """The library's response, after its head was read."""
    chunk: bytes = b""
    """The part of the response's body that was read last; `keep` stores it."""
    too_large: bool = False
    """Whether the response exceeds `max_response_bytes`."""
    _is_decoded: bool = False
    _received: list[bytes] = field(default_factory=list[bytes])
    _size: int = 0
    _body: RequestBody | None = None
    _connection: _Connection | None = None

    def __post_init__(self) -> None:
        """Start the total time."""
        self.deadline = time.monotonic() + self.config.total_timeout

    def prepare(
        self, library: Library, route: tuple[C, httpx.URL], timeouts: dict[str, float]
    ) -> C:
        """Build the library's request without any defaults of a client, and return the client.

        `client.build_request` would merge the client's defaults, and `content=` takes three times longer.
        """
        client, url = route
        request, headers = self.request, self.request.headers
        body = library.body_type(request.body)
        fields = [("Host", url.netloc.decode("ascii")), *headers.fields]
        if headers.first("host") is not None:
            del fields[0]
        if headers.first("accept-encoding") is None:
            fields.append(("Accept-Encoding", "identity"))
        # RFC 9110 section 8.6: a method that expects a body sends Content-Length even for an empty one.
        if request.body or request.method in {"POST", "PUT", "PATCH"}:
            fields.append(("Content-Length", str(len(request.body))))
        self.outgoing = library.request_type(
            request.method,
            url,
            headers=fields,
            stream=cast("httpx.ByteStream", body),
            extensions={"timeout": timeouts},
        )
        # Event hooks of a given client may read `request.content`.
        _ = self.outgoing.read()
        body.taken = False
        self._body = body
        return client

    def watch_connection(self) -> None:
        """Make an asynchronous client report the connection that it opens, for `hang_up`."""
        self.outgoing.extensions["trace"] = self._notice

    async def _notice(self, event: str, info: Mapping[str, object]) -> None:
        if event.endswith("connect_tcp.complete"):
            self._connection = cast("_Connection", info["return_value"])

    async def hang_up(self) -> None:
        """Close the connection that was opened for this exchange, if any.

        httpcore does not close the socket when a TLS handshake is cancelled.
        """
        if self._connection is not None:
            with contextlib.suppress(Exception):
                await self._connection.aclose()

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self.deadline

    def keep(self) -> bool:
        """Store the chunk, or return false and discard everything if the response is too large."""
        self._size += len(self.chunk)
        if self._size > self.config.max_response_bytes:
            self.too_large = True
            self._received.clear()
            return False
        self._received.append(self.chunk)
        return True

    def keep_body_already_read(self) -> bool:
        """Store the body and return true if an event hook of a given client has read it."""
        if not self.response.is_stream_consumed:
            return False
        self.chunk = self.response.content
        self._is_decoded = True
        _ = self.keep()
        return True

    def answer(self) -> Answer:
        """Return the response after its body has ended, or the error if it is too large or cannot be decoded."""
        response = self.response
        limit = self.config.max_response_bytes
        if self.too_large:
            return too_large(limit)
        body = b"".join(self._received)
        # A header field may contain any bytes (RFC 9110 section 5.5), and Latin-1 has a character for each.
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.headers.raw
        )
        if not self._is_decoded and "content-encoding" in response.headers:
            codings = [value for name, value in headers if name.lower() == "content-encoding"]
            undone = decoded(body, codings, limit)
            if isinstance(undone, TransportError):
                return undone
            body = undone
        return HttpResponse(response.status_code, headers, body)

    def cut_short(self) -> TransportError:
        """Return the error of an exchange that was stopped here: the deadline passed, or the response is too large."""
        if self.too_large:
            return too_large(self.config.max_response_bytes)
        return self._out_of_time(unsent=self._certainly_unsent)

    def failure(self, caught: Exception) -> TransportError:
        """Return the error for an exception of the library."""
        names = [each.__name__ for each in type(caught).__mro__]
        early = not self._taken and not _BEFORE_SENDING.isdisjoint(names)
        unsent = early or self._certainly_unsent
        if self.late and "TimeoutException" in names:
            return self._out_of_time(unsent=unsent)
        text = names[0]
        if early and not _QUOTABLE.isdisjoint(names):
            own_text = _quotable_text(caught)
            text = f"{text}: {own_text}" if own_text else text
        if early and not _CONNECTING.isdisjoint(names):
            text = f"{text} (connecting to {urlsplit(self.request.url).netloc})"
        kind = next((_KINDS[name] for name in names if name in _KINDS), TransportError)
        # A given client may connect twice and fail the second time.
        if kind is ConnectFailed and not unsent:
            kind = ConnectionLost
        return kind(text, may_have_been_sent=not unsent)

    def _out_of_time(self, *, unsent: bool) -> Timeout:
        seconds = self.config.total_timeout
        return Timeout(
            f"No complete answer within total_timeout ({seconds:g} s)",
            may_have_been_sent=not unsent,
        )

    @property
    def _taken(self) -> bool:
        return self._body is not None and self._body.taken

    @property
    def _certainly_unsent(self) -> bool:
        """Whether sending has not started, or the body was not read, so the server cannot have acted on the request.

        Only our own clients are known to read the body from the `RequestBody`.
        """
        if self._body is None:
            return True
        return self.own and bool(self.request.body) and not self._body.taken

    def __repr__(self) -> str:
        """Return the `repr` of the request; nothing of the response is shown."""
        return f"<exchange of {self.request!r}>"


def _quotable_text(caught: BaseException) -> str:
    """Return the text of an exception, or of its cause, since trio's exceptions have no text."""
    said = ""
    source: BaseException | None = caught
    while source is not None and not said:
        # The same chain ends with the exception that the caller was handling, which is not related.
        known = isinstance(source, OSError) or type(source).__module__.startswith(_LIBRARIES)
        said = str(source) if known else "no reason given"
        source = source.__cause__ or source.__context__
    return printable(_USER_INFO.sub("//**********@", said), limit=_TEXT_LIMIT)
