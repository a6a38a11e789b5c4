"""One request and its answer under way through httpx or httpx2, and what a failure of the library means.

No text of an error, and no local variable in a frame of ours that an error passes through, holds a body or a secret
header: tracebacks may be printed with their locals. What holds them is an `Exchange`, whose `repr` shows nothing.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping
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
"""What an attempt comes to: an answer, or the error to raise once the `except` block is left."""

_TEXT_LIMIT: Final = 300
_LIBRARIES: Final = ("httpx", "httpcore", "anyio", "trio")
_USER_INFO: Final = re.compile(r"//[^/\s@]*@")

# By name, since two libraries, and anyio and trio below them, have each their own; the most special name decides.
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
# What these mean is that there was no connection, or that the request was refused before it was written.
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
# Their texts come from the operating system, the TLS library or the proxy. Others quote what was to be sent: h11 says
# "Illegal header value b'...'" with the token in it.
_QUOTABLE: Final = frozenset({"ConnectError", "ProxyError"})


def phase_timeouts(config: ClientConfig) -> dict[str, float]:
    """Give what the library takes as its timeouts: each phase's own, no longer than the whole may take."""
    total = config.total_timeout
    return {
        "connect": min(config.connect_timeout, total),
        "read": min(config.read_timeout, total),
        "write": min(config.write_timeout, total),
        "pool": min(config.pool_timeout, total),
    }


class _Connection(Protocol):
    async def aclose(self) -> None: ...


class Exchange:
    """One attempt: the request in the library's form, and what has come back of the answer."""

    __slots__ = (
        "_body",
        "_config",
        "_connection",
        "_own",
        "_received",
        "_request",
        "_size",
        "chunk",
        "deadline",
        "outgoing",
        "response",
        "too_large",
    )

    def __init__(self, request: HttpRequest, config: ClientConfig, *, own: bool) -> None:
        """Begin.

        Args:
            request: what is to be sent.
            config: the limits.
            own: whether the client is ours, so that what carries the request is known.
        """
        self._request = request
        self._config = config
        self._own = own
        self.deadline: float = time.monotonic() + config.total_timeout
        self._body: RequestBody | None = None
        self._connection: _Connection | None = None
        self._received: list[bytes] = []
        self._size = 0
        self.outgoing: httpx.Request
        """The request in the library's form."""
        self.response: httpx.Response
        """The library's answer, its head read."""
        self.chunk: bytes = b""
        """The piece of the answer's body that was read last; `keep` it."""
        self.too_large: bool = False
        """Whether the answer turned out to be larger than it may be."""

    def prepare(
        self, library: Library, route: tuple[C, httpx.URL], timeouts: dict[str, float]
    ) -> C:
        """Build the library's request, which is what was asked for and nothing of a client's defaults; give the client.

        Not with `client.build_request`, which merges those in, and not with `content=`, which takes three times longer.
        """
        client, url = route
        request, headers = self._request, self._request.headers
        body = library.body_type(request.body)
        fields = [("Host", url.netloc.decode("ascii")), *headers.fields]
        if headers.first("host") is not None:
            del fields[0]
        if headers.first("accept-encoding") is None:
            fields.append(("Accept-Encoding", "identity"))
        # RFC 9110 section 8.6: where the method expects a body, an empty one is said to be so.
        if request.body or request.method in {"POST", "PUT", "PATCH"}:
            fields.append(("Content-Length", str(len(request.body))))
        self.outgoing = library.request_type(
            request.method,
            url,
            headers=fields,
            stream=cast("httpx.ByteStream", body),
            extensions={"timeout": timeouts},
        )
        # Event hooks of a given client may want to look at `request.content`.
        _ = self.outgoing.read()
        body.taken = False
        self._body = body
        return client

    def watch_connection(self) -> None:
        """Have the library tell about a connection that it makes, for `hang_up`; of asynchronous clients only."""
        self.outgoing.extensions["trace"] = self._notice

    async def _notice(self, event: str, info: Mapping[str, object]) -> None:
        if event.endswith("connect_tcp.complete"):
            self._connection = cast("_Connection", info["return_value"])

    async def hang_up(self) -> None:
        """Close the connection that was made for this exchange, if any.

        httpcore forgets the socket of a TLS handshake that is cancelled.
        """
        if self._connection is not None:
            with contextlib.suppress(Exception):
                await self._connection.aclose()

    @property
    def late(self) -> bool:
        """Whether the total time is up."""
        return time.monotonic() >= self.deadline

    def keep(self) -> bool:
        """Keep the chunk; say false, and keep nothing more, where the answer is too large."""
        self._size += len(self.chunk)
        if self._size > self._config.max_response_bytes:
            self.too_large = True
            self._received.clear()
            return False
        self._received.append(self.chunk)
        return True

    def answer(self, *, raw: bool = True) -> Answer:
        """Put the answer together once its body has ended, or enough of it was seen.

        Args:
            raw: whether the body is as it came; false where something has undone its codings already.
        """
        response = self.response
        limit = self._config.max_response_bytes
        if self.too_large:
            return too_large(limit)
        body = b"".join(self._received)
        # Latin-1 gives each byte a character: a header field is bytes, whatever is in it (RFC 9110 section 5.5).
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.headers.raw
        )
        if raw and "content-encoding" in response.headers:
            codings = [value for name, value in headers if name.lower() == "content-encoding"]
            undone = decoded(body, codings, limit)
            if isinstance(undone, TransportError):
                return undone
            body = undone
        return HttpResponse(response.status_code, headers, body)

    def cut_short(self) -> TransportError:
        """Make the error of an exchange that we ended ourselves: out of time, or out of room."""
        if self.too_large:
            return too_large(self._config.max_response_bytes)
        return self._out_of_time(unsent=self._certainly_unsent)

    def failure(self, caught: Exception) -> TransportError:
        """Say what a failure of the library means."""
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
            text = f"{text} (on the way to {urlsplit(self._request.url).netloc})"
        kind = next((_KINDS[name] for name in names if name in _KINDS), TransportError)
        # A client that was given may connect twice, and fail the second time.
        if kind is ConnectFailed and not unsent:
            kind = ConnectionLost
        return kind(text, may_have_been_sent=not unsent)

    def _out_of_time(self, *, unsent: bool) -> Timeout:
        seconds = self._config.total_timeout
        return Timeout(
            f"No whole answer within total_timeout ({seconds:g} s)", may_have_been_sent=not unsent
        )

    @property
    def _taken(self) -> bool:
        return self._body is not None and self._body.taken

    @property
    def _certainly_unsent(self) -> bool:
        """Whether nothing was begun, or not the body, and no server acts on a request before its body is there.

        Only of our own clients is it known that they take the body from where it is watched.
        """
        if self._body is None:
            return True
        return self._own and bool(self._request.body) and not self._body.taken

    def __repr__(self) -> str:
        """Show what the request shows of itself, and nothing of the answer."""
        return f"<exchange of {self._request!r}>"


def _quotable_text(caught: BaseException) -> str:
    """Give the error's text, or that of what it came from: trio's errors have none of their own."""
    said = ""
    source: BaseException | None = caught
    while source is not None and not said:
        # What the caller was handling meanwhile hangs at the end of the same chain, and is none of ours.
        known = isinstance(source, OSError) or type(source).__module__.startswith(_LIBRARIES)
        said = str(source) if known else "no reason given"
        source = source.__cause__ or source.__context__
    return printable(_USER_INFO.sub("//**********@", said), limit=_TEXT_LIMIT)
