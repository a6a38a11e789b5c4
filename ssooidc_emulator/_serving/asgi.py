"""The emulator as an ASGI application.

`EmulatorServer` runs it with `HttpProtocol`; another ASGI server can, and then cannot reset connections.
It checks what a local server must check so that it is no hole: that a request names this server as its Host (a name
that an attacker's DNS points here does not), that its target is a path, and that bodies end within a size and a time.
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
from ssooidc_emulator._identity_center import IdentityCenter
from ssooidc_emulator._serving.admin import AdminEndpoint
from ssooidc_emulator.faults._wire import BodyCut, ConnectionReset, Delayed

__all__ = ["CONNECTION", "AsgiApp", "asgi_app"]

_Message: TypeAlias = MutableMapping[str, object]
_Scope: TypeAlias = MutableMapping[str, object]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[_Scope, _Receive, _Send], Awaitable[None]]
"""An ASGI 3 application, https://asgi.readthedocs.io/en/latest/specs/main.html."""

CONNECTION: Final = "ssooidc_emulator.connection"
"""The key of a scope under which `HttpProtocol` has the `asyncio.Transport` of the connection."""

# Client secrets are 1 to 2 kB, assertions may be a few more.
_LARGEST_BODY: Final = 256 * 1024
# Read and thrown away: a client that is still sending when the connection closes would never see the answer.
_LARGEST_DISCARDED: Final = 8 * 1024 * 1024
_SECONDS_FOR_BODY: Final = 30.0
_HTTP_PORT: Final = 80
_CANNOT_RESET: Final = (
    "A script asks for a connection reset, which this server cannot do: run the emulator with EmulatorServer, "
    "or uvicorn with http=ssooidc_emulator._serving.protocol.HttpProtocol"
)


def asgi_app(
    center: IdentityCenter,
    *,
    now: Callable[[], Instant] = machine_time,
    admin: AdminEndpoint | None = None,
) -> AsgiApp:
    """Make the application.

    Args:
        center: who answers.
        now: tells the time.
        admin: what answers below `/_ssooidc/`; by default there is no such thing.
    """

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
            await _respond(send, _plain(421, "This server answers to 127.0.0.1 and localhost only"))
            return
        url = _url(scope, host)
        if url is None or _is_framed_twice(fields):
            await _respond(send, _plain(400, "This is not a request that the server understands"))
            return
        request = HttpRequest(str(scope["method"]), url, fields, body)
        if admin is not None and admin.is_for(request):
            await _respond(send, admin.handle(request, now()))
            return
        outcome = center.handle(request, now())
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
    """The one Host header, where it names this server."""
    _, port = cast("tuple[str, int]", scope["server"])
    names = {f"127.0.0.1:{port}", f"localhost:{port}"}
    if port == _HTTP_PORT:
        names |= {"127.0.0.1", "localhost"}
    hosts = [value.lower() for name, value in fields if name == "host"]
    return hosts[0] if len(hosts) == 1 and hosts[0] in names else None


def _is_framed_twice(fields: tuple[tuple[str, str], ...]) -> bool:
    """Whether the body has two lengths, which is how requests are smuggled (RFC 9112 section 6.1)."""
    return {"transfer-encoding", "content-length"} <= {name for name, _ in fields}


def _url(scope: _Scope, host: str) -> str | None:
    """The URL of a request for a path here; anything else could pass for another host's."""
    base = f"{scope['scheme']}://{host}"
    # RFC 9112 section 3.2.2: the absolute form must be accepted as well.
    path = cast("bytes", scope["raw_path"]).decode("latin-1").removeprefix(base)
    query = cast("bytes", scope["query_string"]).decode("latin-1")
    # RFC 9112 section 3.2: a target has no fragment, which no signature would cover.
    if not path.startswith("/") or "#" in path + query:
        return None
    return f"{base}{path}" + (f"?{query}" if query else "")


async def _body(receive: _Receive) -> bytes | None:
    """Read the body; `None` where it is too large, or the client has gone."""
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
        # What is left of the request, if anything, was not read and must not be taken for the next one.
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
        # With no time to linger, closing sends a reset instead of an end.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.abort()


async def _cut(send: _Send, connection: asyncio.Transport | None, fault: BodyCut) -> None:
    await _begin(send, fault.response)
    # All of it would be no cut.
    piece = fault.response.body[:-1][: fault.keep]
    await send({"type": "http.response.body", "body": piece, "more_body": True})
    # Flushes what was written. A server that is not told to closes a connection whose answer has no end by itself.
    if connection is not None:
        connection.close()
