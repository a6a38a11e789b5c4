"""`EmulatorServer`: an `IdentityCenter` over HTTP on 127.0.0.1, in a thread of its own.

A thin shell: it checks the Host, bounds what it reads, and carries out what the center says of the wire.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

from ssooidc_core._program import Instant
from ssooidc_emulator._clocks import AdjustableClock
from ssooidc_emulator._identity_center import IdentityCenter
from ssooidc_emulator._in_process import Clock
from ssooidc_emulator._serving.admin import AdminEndpoint
from ssooidc_emulator._serving.asgi import asgi_app
from ssooidc_emulator._serving.uvicorn import serve

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

__all__ = ["EmulatorServer"]

_LOOPBACK: Final = "127.0.0.1"
_HOSTS: Final = (_LOOPBACK, "localhost")
_SECONDS_TO_STOP: Final = 10
_ADMIN_TOKEN_BYTES: Final = 32


class EmulatorServer:
    """Serves a center until it is closed; use it as a context manager.

    It installs no signal handlers, writes no log and leaves the program's loggers as they are.
    """

    def __init__(
        self,
        center: IdentityCenter | None = None,
        *,
        host: str = _LOOPBACK,
        port: int = 0,
        clock: Clock | Callable[[], Instant] | None = None,
        tls: bool = False,
    ) -> None:
        """Bind the port; requests are answered from `start()` on.

        Args:
            center: who answers; by default a new one.
            host: this machine, as `127.0.0.1` or `localhost`; nothing else is allowed.
            port: by default a free one.
            clock: tells the time to the center: a function, or a clock that tests move; by default an
                `AdjustableClock`. Delays that a script asks for take real time all the same.
            tls: serve HTTPS, with a certificate that was made for this server and `ca_pem` vouches for.

        Raises:
            ValueError: the host is not this machine: an emulator must not be reachable by others.
            OSError: the port is taken.
            ImportError: TLS is asked for, and trustme is not installed.
        """
        if host not in _HOSTS:
            message = f"The emulator listens on {_LOOPBACK} only, not on {host!r}"
            raise ValueError(message)
        self.center: Final = IdentityCenter() if center is None else center
        self.admin_token: Final = secrets.token_urlsafe(_ADMIN_TOKEN_BYTES)
        self._clock: Final = AdjustableClock() if clock is None else clock
        self._ssl: ssl.SSLContext | None = None
        self._ca_pem: str | None = None
        if tls:
            self._ssl, self._ca_pem = _tls()
        self._socket: Final = socket.create_server((_LOOPBACK, port))
        self._port: Final[int] = self._socket.getsockname()[1]
        # asyncio sets it for sockets whose protocol is spelt out only; without it, small answers wait 40 ms for an ACK.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._closed = False
        self._stop: Final = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_running: Final = threading.Event()
        self._thread: Final = threading.Thread(
            target=self._run, name="ssooidc-emulator", daemon=True
        )

    @property
    def port(self) -> int:
        """The port."""
        return self._port

    @property
    def url(self) -> str:
        """The base URL, for `ClientConfig(endpoint_url=...)` or `AWS_ENDPOINT_URL_SSO_OIDC`."""
        return f"{'http' if self._ssl is None else 'https'}://{_LOOPBACK}:{self.port}"

    @property
    def ca_pem(self) -> str | None:
        """The certificate to trust, in PEM form; `None` without TLS. It is new with each server."""
        return self._ca_pem

    @property
    def clock(self) -> Clock | None:
        """The clock, where it can be moved."""
        return None if callable(self._clock) else self._clock

    def now(self) -> Instant:
        """Tell the time that the center is told."""
        return self._clock() if callable(self._clock) else self._clock.now()

    def start(self) -> None:
        """Answer requests from now on. The socket listens already: a request sent at once waits for its answer.

        Raises:
            RuntimeError: it was started or closed before.
        """
        if self._closed:
            message = "This server was closed: make a new one"
            raise RuntimeError(message)
        self._thread.start()

    def close(self) -> None:
        """Stop: let running requests finish for a second, then cut them off. Closing twice is harmless."""
        self._closed = True
        if self._thread.is_alive() and self._is_running.wait(_SECONDS_TO_STOP):
            if self._loop is not None and not self._loop.is_closed():
                _ = self._loop.call_soon_threadsafe(self._stop.set)
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

    def __repr__(self) -> str:
        """Name the server, without its token."""
        return f"EmulatorServer(url={self.url!r})"

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_running.set()
        admin = AdminEndpoint(self.center, self.admin_token, self.clock)
        app = asgi_app(self.center, now=self.now, admin=admin)
        await serve(app, self._socket, self._stop, tls=self._ssl)


def _tls() -> tuple[ssl.SSLContext, str]:
    from ssooidc_emulator._serving.tls import server_tls  # noqa: PLC0415 - imports trustme

    return server_tls()
