"""`EmulatorServer`: an `IdentityCenter` over HTTP on 127.0.0.1, in its own thread."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Instant
from ssooidc_emulator._clocks import AdjustableClock, Clock
from ssooidc_emulator._identity_center import IdentityCenter
from ssooidc_emulator._serving.admin import AdminEndpoint
from ssooidc_emulator._serving.asgi import asgi_app
from ssooidc_emulator._serving.uvicorn import serve
from ssooidc_emulator.faults._wire import WireFault

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["EmulatorServer"]

_LOOPBACK: Final = "127.0.0.1"
_HOSTS: Final = (_LOOPBACK, "localhost")
_SECONDS_TO_STOP: Final = 10
_ADMIN_TOKEN_BYTES: Final = 32


class EmulatorServer:
    """A server for a center, to be used as a context manager.

    It installs no signal handlers, writes no log and does not change the program's loggers.
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
        """Bind the port; requests are answered after `start()`.

        Args:
            center: the emulated service; by default a new one.
            host: `127.0.0.1` or `localhost`; no other host is allowed.
            port: the port; by default a free one.
            clock: the center's clock: a function that returns the time, or a clock that a test controls; by default
                the machine's time, which the admin endpoint can advance. Delays of scripted faults take real time.
            tls: whether to serve HTTPS, with a new certificate that clients can check with `ca_pem`.

        Raises:
            ValueError: the host is not this machine; others must not be able to reach an emulator.
            OSError: the port is in use.
            ImportError: trustme, which TLS requires, is not installed.
        """
        if host not in _HOSTS:
            message = f"The emulator can listen on {_LOOPBACK} only, not on {host!r}"
            raise ValueError(message)
        self.center: Final = IdentityCenter() if center is None else center
        self.admin_token: Final = secrets.token_urlsafe(_ADMIN_TOKEN_BYTES)
        self._clock: Final = AdjustableClock() if clock is None else clock
        self._ssl: ssl.SSLContext | None = None
        self._ca_pem: str | None = None
        if tls:
            self._ssl, self._ca_pem = _server_tls()
        self._socket: Final = socket.create_server((_LOOPBACK, port))
        self._port: Final[int] = self._socket.getsockname()[1]
        # asyncio sets this only for sockets with an explicit protocol. Without it, small answers wait 40 ms for an ACK.
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
        """The port on which the server listens."""
        return self._port

    @property
    def url(self) -> str:
        """The base URL, for `ClientConfig(endpoint_url=...)` or `AWS_ENDPOINT_URL_SSO_OIDC`."""
        return f"{'http' if self._ssl is None else 'https'}://{_LOOPBACK}:{self.port}"

    @property
    def ca_pem(self) -> str | None:
        """The certificate that clients must trust, in PEM form, new for each server; `None` without TLS."""
        return self._ca_pem

    @property
    def clock(self) -> Clock | None:
        """The clock, or `None` if it is a function and so cannot be advanced."""
        return None if callable(self._clock) else self._clock

    def now(self) -> Instant:
        """Return the current time of the center."""
        return self._clock() if callable(self._clock) else self._clock.now()

    def start(self) -> None:
        """Start the thread that answers requests. The socket is already listening, so clients can connect at once.

        Raises:
            RuntimeError: the server was already started or closed.
        """
        if self._closed:
            message = "This server was closed: make a new one"
            raise RuntimeError(message)
        self._thread.start()

    def close(self) -> None:
        """Stop the server; running requests have a second to finish. Closing it twice has no effect."""
        self._closed = True
        if self._thread.is_alive() and self._is_running.wait(_SECONDS_TO_STOP):
            if self._loop is not None and not self._loop.is_closed():
                _ = self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_SECONDS_TO_STOP)
        self._socket.close()

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.close()

    def __repr__(self) -> str:
        """Return the URL of the server, without its token."""
        return f"EmulatorServer(url={self.url!r})"

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_running.set()
        admin = AdminEndpoint(self.center, self.admin_token, self.clock)

        def handle(request: HttpRequest, now: Instant) -> HttpResponse | WireFault:
            return (admin if admin.is_for(request) else self.center).handle(request, now)

        await serve(asgi_app(handle, now=self.now), self._socket, self._stop, tls=self._ssl)


def _server_tls() -> tuple[ssl.SSLContext, str]:
    """Return a context with a new certificate for loopback names, and the certificate that clients must trust, as PEM.

    Raises:
        ImportError: trustme is not installed; the message names the extra.
    """
    try:
        import trustme  # noqa: PLC0415 - for TLS only, and slow to import
    except ImportError:
        message = 'TLS needs trustme: pip install "ssooidc-core[emulator]"'
        raise ImportError(message, name="trustme") from None
    authority = trustme.CA(organization_name="ssooidc emulator, for tests only")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # The authority's private key is not kept, so that no other certificate can be made with it.
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.configure_cert(context)
    return context, authority.cert_pem.bytes().decode("ascii")
