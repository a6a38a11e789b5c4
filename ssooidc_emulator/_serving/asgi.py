"""The emulator as an ASGI application.

`EmulatorServer` runs it with `HttpProtocol`; other ASGI servers can run it too, but cannot reset connections. It makes
the checks that protect a local server from other sites and programs: the Host must be this server's own (and not a name
that an attacker's DNS points to it), the target must be a path, and size and time of bodies are limited.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Final, TypeAlias, cast

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Instant
from ssooidc_emulator._clocks import machine_time
from ssooidc_emulator.faults._wire import BodyCut, ConnectionReset, Delayed, WireFault

__all__ = ["CONNECTION", "AsgiApp", "Handle", "asgi_app"]

Handle: TypeAlias = Callable[[HttpRequest, Instant], HttpResponse | WireFault]
"""A function that answers requests, such as `IdentityCenter.handle`."""

_Message: TypeAlias = MutableMapping[str, object]
_Scope: TypeAlias = MutableMapping[str, object]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[_Scope, _Receive, _Send], Awaitable[None]]
"""An ASGI 3 application, https://asgi.readthedocs.io/en/latest/specs/main.html."""

CONNECTION: Final = "ssooidc_emulator.connection"
"""The key under which `HttpProtocol` puts the `asyncio.Transport` of the connection into the scope."""

# Client secrets have 1 to 2 kB, assertions may have a few more.
_LARGEST_BODY: Final = 256 * 1024
# The rest of a body is read and discarded: a client that is still sending when the connection closes does not see the
# answer.
_LARGEST_DISCARDED: Final = 8 * 1024 * 1024
_SECONDS_FOR_BODY: Final = 30.0
_HTTP_PORT: Final = 80
_CANNOT_RESET: Final = (
    "A scripted fault resets the connection, which this server cannot do: use EmulatorServer"
)


def asgi_app(handle: Handle, *, now: Callable[[], Instant] = machine_time) -> AsgiApp:
    """Return the application; `now` returns the current time."""

    async def app(scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            return
        fields = _fields(scope)
        try:
            async with asyncio.timeout(_SECONDS_FOR_BODY):
                body = await _body(receive)
        except TimeoutError:
            await _respond(send, _plain(408, "The body took too long"))
            return
        if body is None:
            await _respond(send, _plain(413, "The body is too large"))
            return
        host = _host(fields, scope)
        if host is None:
            text = "This server accepts only the hosts 127.0.0.1 and localhost, with its port"
            await _respond(send, _plain(421, text))
            return
        url = _url(scope, host)
        if url is None or _is_framed_twice(fields):
            await _respond(send, _plain(400, "The request is not valid"))
            return
        request = HttpRequest(str(scope["method"]), url, fields, body)
        outcome = handle(request, now())
        if isinstance(outcome, Delayed):
            await asyncio.sleep(outcome.seconds)
            outcome = outcome.then
        if isinstance(outcome, HttpResponse):
            await _respond(send, outcome, head_only=request.method == "HEAD")
        else:
            await _break(send, cast("asyncio.Transport | None", scope.get(CONNECTION)), outcome)

    return app


def _fields(scope: _Scope) -> tuple[tuple[str, str], ...]:
    raw = cast("Iterable[tuple[bytes, bytes]]", scope["headers"])
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)


def _host(fields: tuple[tuple[str, str], ...], scope: _Scope) -> str | None:
    """Return the value of the one Host header, or `None` if it does not name this server."""
    _, port = cast("tuple[str, int]", scope["server"])
    names = {f"127.0.0.1:{port}", f"localhost:{port}"}
    if port == _HTTP_PORT:
        names |= {"127.0.0.1", "localhost"}
    hosts = [value.lower() for name, value in fields if name == "host"]
    return hosts[0] if len(hosts) == 1 and hosts[0] in names else None


def _is_framed_twice(fields: tuple[tuple[str, str], ...]) -> bool:
    """Return whether the body has two lengths, an attempt at request smuggling (RFC 9112 section 6.1)."""
    return {"transfer-encoding", "content-length"} <= {name for name, _ in fields}


def _url(scope: _Scope, host: str) -> str | None:
    """Return the URL of a request, or `None` if its target is not a path and could mean another host."""
    base = f"{scope['scheme']}://{host}"
    # RFC 9112 section 3.2.2: the absolute form must be accepted as well.
    path = cast("bytes", scope["raw_path"]).decode("latin-1").removeprefix(base)
    query = cast("bytes", scope["query_string"]).decode("latin-1")
    # RFC 9112 section 3.2: a target has no fragment. A signature would not cover one.
    if not path.startswith("/") or "#" in path + query:
        return None
    return f"{base}{path}" + (f"?{query}" if query else "")


async def _body(receive: _Receive) -> bytes | None:
    """Read and return the body, or `None` if it is too large or the client has disconnected."""
    body, size = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        piece = cast("bytes", message.get("body", b""))
        size += len(piece)
        if size <= _LARGEST_BODY:
            body += piece
        elif size > _LARGEST_DISCARDED:
            return None
        if not message.get("more_body", False):
            return bytes(body) if size <= _LARGEST_BODY else None


def _plain(status: int, text: str) -> HttpResponse:
    body = f"{text}\n".encode()
    fields = (
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("X-Content-Type-Options", "nosniff"),
        # The unread rest of the request must not be taken for the next one.
        ("Connection", "close"),
    )
    return HttpResponse(status, fields, body)


async def _respond(send: _Send, response: HttpResponse, *, head_only: bool = False) -> None:
    await _begin(send, response)
    await send({"type": "http.response.body", "body": b"" if head_only else response.body})


async def _begin(send: _Send, response: HttpResponse) -> None:
    fields = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.fields
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": fields})


async def _break(
    send: _Send, connection: asyncio.Transport | None, fault: BodyCut | ConnectionReset
) -> None:
    if isinstance(fault, BodyCut):
        if connection is None or not connection.is_closing():
            await _cut(send, connection, fault)
    elif connection is None:
        await _respond(send, _plain(500, _CANNOT_RESET))
    elif not connection.is_closing():
        raw = cast("socket.socket", connection.get_extra_info("socket"))
        # With a linger time of 0, closing sends a reset.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.abort()


async def _cut(send: _Send, connection: asyncio.Transport | None, fault: BodyCut) -> None:
    await _begin(send, fault.response)
    # Never the whole body, which would not be a cut.
    piece = fault.response.body[:-1][: fault.keep]
    await send({"type": "http.response.body", "body": piece, "more_body": True})
    # This sends what was written first. Without the connection, the server closes it, since the answer is incomplete.
    if connection is not None:
        connection.close()
