"""`EmulatorServer`: an `IdentityCenter` over HTTP on 127.0.0.1, in a thread of its own.

A thin shell: it checks the Host, bounds what it reads, and carries out what the center says of the wire.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Final, Self

import uvicorn

from ssooidc_emulator.asgi import HttpProtocol, asgi_app
from ssooidc_emulator.identity_center import IdentityCenter

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["EmulatorServer"]

_LOOPBACK: Final = "127.0.0.1"
_HOSTS: Final = (_LOOPBACK, "localhost")
_SECONDS_TO_FINISH: Final = 1
_SECONDS_TO_STOP: Final = 10
# uvicorn's own 5 s end just when a client that polls every 5 s (RFC 8628 section 3.2) takes its connection up again.
_SECONDS_TO_KEEP_IDLE_CONNECTIONS: Final = 75
_LARGEST_HEAD: Final = 64 * 1024


class EmulatorServer:
    """Serves a center until it is closed; use it as a context manager.

    It installs no signal handlers and writes no log.
    """

    def __init__(
        self, center: IdentityCenter | None = None, *, host: str = _LOOPBACK, port: int = 0
    ) -> None:
        """Bind the port; requests are answered from `start()` on.

        Args:
            center: who answers; by default a new one.
            host: this machine, as `127.0.0.1` or `localhost`; nothing else is allowed.
            port: by default a free one.

        Raises:
            ValueError: the host is not this machine: an emulator must not be reachable by others.
            OSError: the port is taken.
        """
        if host not in _HOSTS:
            message = f"The emulator listens on {_LOOPBACK} only, not on {host!r}"
            raise ValueError(message)
        self.center: Final = IdentityCenter() if center is None else center
        self._socket: Final = socket.create_server((_LOOPBACK, port))
        self._port: Final[int] = self._socket.getsockname()[1]
        # asyncio sets it for sockets whose protocol is spelt out only; without it, small answers wait 40 ms for an ACK.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server: Final = uvicorn.Server(
            uvicorn.Config(
                asgi_app(self.center),
                http=HttpProtocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                h11_max_incomplete_event_size=_LARGEST_HEAD,
                timeout_keep_alive=_SECONDS_TO_KEEP_IDLE_CONNECTIONS,
                timeout_graceful_shutdown=_SECONDS_TO_FINISH,
            )
        )
        self._thread: Final = threading.Thread(
            target=self._serve, name="ssooidc-emulator", daemon=True
        )

    @property
    def port(self) -> int:
        """The port."""
        return self._port

    @property
    def url(self) -> str:
        """The base URL, for `ClientConfig(endpoint_url=...)` or `AWS_ENDPOINT_URL_SSO_OIDC`."""
        return f"http://{_LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Answer requests from now on. The socket listens already: a request sent at once waits for its answer.

        Raises:
            RuntimeError: it was started or closed before.
        """
        if self._server.should_exit:
            message = "This server was closed: make a new one"
            raise RuntimeError(message)
        self._thread.start()

    def close(self) -> None:
        """Stop: let running requests finish for a second, then cut them off. Closing twice is harmless."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_SECONDS_TO_STOP)
        self._socket.close()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.close()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))
