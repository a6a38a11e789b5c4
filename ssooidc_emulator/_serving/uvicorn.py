"""The server loop: runs an ASGI application on a listening socket, with uvicorn's protocol.

uvicorn's own server is not used, since it changes the levels and handlers of the program's loggers, and logs to them.
The parts of uvicorn that are used are not documented, so pyproject.toml sets an upper bound for its version.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Final

import uvicorn
from h11 import LocalProtocolError
from uvicorn.server import ServerState

from ssooidc_emulator._serving.asgi import AsgiApp
from ssooidc_emulator._serving.protocol import HttpProtocol

__all__ = ["serve"]

_BACKLOG: Final = 2048
_SECONDS_TO_FINISH: Final = 1.0
_SECONDS_TO_FLUSH: Final = 0.1
_SECONDS_FOR_HANDSHAKE: Final = 10.0
# uvicorn's default of 5 s ends just when a client that polls every 5 s (RFC 8628 section 3.2) reuses its connection.
_SECONDS_TO_KEEP_IDLE_CONNECTIONS: Final = 75
_LARGEST_HEAD: Final = 64 * 1024


class _Config(uvicorn.Config):
    def configure_logging(self) -> None:
        """Do not change the program's loggers."""


def _config(app: AsgiApp) -> uvicorn.Config:
    config = _Config(
        app,
        loop="asyncio",
        ws="none",
        lifespan="off",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        timeout_keep_alive=_SECONDS_TO_KEEP_IDLE_CONNECTIONS,
    )
    config.load()
    # If the program's root logger has a very low level, uvicorn wraps the application in one that logs all headers.
    config.loaded_app = app
    return config


async def serve(
    app: AsgiApp, listener: socket.socket, stop: asyncio.Event, *, tls: ssl.SSLContext | None
) -> None:
    """Serve until `stop` is set; then give running requests a second to finish before cancelling them."""
    state = ServerState()
    config = _config(app)
    loop = asyncio.get_running_loop()

    def new_protocol() -> HttpProtocol:
        return HttpProtocol(config=config, server_state=state, app_state={}, _loop=loop)

    server = await loop.create_server(
        new_protocol,
        sock=listener,
        ssl=tls,
        ssl_handshake_timeout=None if tls is None else _SECONDS_FOR_HANDSHAKE,
        backlog=_BACKLOG,
    )
    _ = await stop.wait()
    server.close()
    for connection in list(state.connections):
        # An error may have ended the connection just now.
        with contextlib.suppress(LocalProtocolError):
            connection.shutdown()
    if state.tasks:
        _, late = await asyncio.wait(state.tasks, timeout=_SECONDS_TO_FINISH)
        for task in late:
            _ = task.cancel()
        if late:
            _ = await asyncio.wait(late, timeout=_SECONDS_TO_FINISH)
    await _end_connections(state)


async def _end_connections(state: ServerState) -> None:
    """Wait briefly until written data is sent, then abort the connections that are still open."""
    if state.connections:
        await asyncio.sleep(_SECONDS_TO_FLUSH)
    for connection in list(state.connections):
        connection.transport.abort()
    # In one iteration, the loop tells the protocols that their connections are lost.
    await asyncio.sleep(0)
