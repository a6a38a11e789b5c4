"""`HttpProtocol`: uvicorn's HTTP/1.1, with limits for a server that every program on the machine can reach."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Final, TypeAlias, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ssooidc_emulator._serving.asgi import CONNECTION

__all__ = ["HttpProtocol"]

_Scope: TypeAlias = MutableMapping[str, object]

# Enough for a test with a thousand logins; a browser opens at most 256 connections, whatever a page requests.
_MOST_CONNECTIONS: Final = 4096
_SECONDS_FOR_HEAD: Final = 10.0
_SECONDS_FOR_FIRST_BYTE: Final = 75.0
_TOO_SLOW: Final = (
    b"HTTP/1.1 408 Request Timeout\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 23\r\n"
    b"Connection: close\r\n\r\n"
    b"The head took too long\n"
)
# Outside the tree of loggers: uvicorn's warnings about invalid requests and scripted faults do not concern the program,
# and its tracebacks may contain secrets.
_SILENT: Final = logging.Logger("ssooidc_emulator.uvicorn", level=logging.CRITICAL + 1)  # noqa: LOG001 - see above


class HttpProtocol(H11Protocol):
    """A protocol that limits connections and the time for heads, and puts the connection into the scope for faults.

    It writes no log.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Pass all arguments on to uvicorn's protocol."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        self.logger: logging.Logger = _SILENT
        self.access_logger: logging.Logger = _SILENT
        self.access_log = False
        self._deadline: asyncio.TimerHandle | None = None
        self._is_in_head = False
        app = cast("Callable[[_Scope, object, object], Awaitable[None]]", self.app)

        async def with_connection(scope: _Scope, receive: object, send: object) -> None:
            scope[CONNECTION] = self.transport
            await app(scope, receive, send)

        self.app = with_connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin a connection, or abort it if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > _MOST_CONNECTIONS:
            transport.abort()
            return
        self._deadline = self.loop.call_later(_SECONDS_FOR_FIRST_BYTE, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers of the connection."""
        self._forget_deadline()
        # uvicorn does not cancel its own timer if the connection was lost by an error.
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process data, and limit the time until the head of a request is complete."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE or not self.conn.trailing_data[0]:
            self._forget_deadline()
            self._is_in_head = False
        elif not self._is_in_head:
            self._forget_deadline()
            self._is_in_head = True
            self._deadline = self.loop.call_later(_SECONDS_FOR_HEAD, self._end_slow_head)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end_slow_head(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
            self.transport.close()
