"""TLS contexts for the clients that our transports create: one per process and CA bundle, created on first use.

Creating a context reads more than a hundred certificates and takes 20 to 25 ms. The trusted authorities come from
`AWS_CA_BUNDLE`, else `SSL_CERT_FILE`, else `SSL_CERT_DIR`, else certifi if it is installed, else the system. A bundle
is read once per process; later changes to the file have no effect.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from pathlib import Path
from typing import Final

from ssooidc_core._text import printable
from ssooidc_core.errors import ConfigurationError
from ssooidc_transports._deadline import DEADLINE

__all__ = ["DeadlineSocket", "no_trust_context", "tls_context"]

_VARIABLES: Final = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PATH_LIMIT: Final = 200
_contexts: Final[dict[tuple[str, str] | None, ssl.SSLContext]] = {}
_lock: Final = threading.Lock()


class DeadlineSocket(ssl.SSLSocket):
    """A blocking TLS socket whose reads stop at the deadline of the current exchange.

    A read timeout starts again with each byte, so a server that sends single bytes could block a caller for days.
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Read within the time that the exchange has left.

        Raises:
            TimeoutError: the deadline has passed.
        """
        deadline = DEADLINE.get()
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                message = "The deadline of the exchange has passed"
                raise TimeoutError(message)
            allowed = self.gettimeout()
            if allowed is None or left < allowed:
                self.settimeout(left)
        return super().recv(buflen, flags)


def tls_context() -> ssl.SSLContext:
    """Return this process's context for the authorities that the environment names now.

    Raises:
        ConfigurationError: the CA bundle that a variable names cannot be read.
    """
    source = next(((name, path) for name in _VARIABLES if (path := os.environ.get(name))), None)
    with _lock:
        context = _contexts.get(source)
        if context is None:
            context = _contexts[source] = _make_context(source)
    return context


def no_trust_context() -> ssl.SSLContext:
    """Return a context without trusted authorities, cheap to create, for a client that makes no TLS connections."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _make_context(source: tuple[str, str] | None) -> ssl.SSLContext:
    context = _default_context() if source is None else _context_of(*source)
    context.sslsocket_class = DeadlineSocket
    return context


def _context_of(variable: str, path: str) -> ssl.SSLContext:
    try:
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as caught:
        reason = type(caught).__name__
    message = (
        f"Invalid Configuration: {variable} names {printable(path, limit=_PATH_LIMIT)!r}, "
        f"which cannot be read as a CA bundle ({reason})"
    )
    raise ConfigurationError(message)


def _default_context() -> ssl.SSLContext:
    try:
        import certifi  # noqa: PLC0415 - a dependency of httpx, but not of httpx2
    except ImportError:
        return ssl.create_default_context()
    return ssl.create_default_context(cafile=certifi.where())
