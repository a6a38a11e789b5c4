"""TLS for every client of ours: one context per process and CA bundle, made when a connection first needs it.

Making a context reads some hundred certificates, 20 to 25 ms. Which authorities are trusted is what the environment
says: `AWS_CA_BUNDLE`, else `SSL_CERT_FILE`, else `SSL_CERT_DIR`, else certifi's where it is installed, else the
system's. A bundle that changes on disk is read again by the next process only.
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
    """A blocking TLS socket whose reads end with the exchange they are part of.

    A read timeout begins anew with each byte: a server that drips could hold a caller for days.
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Read, for no longer than the exchange has left.

        Raises:
            TimeoutError: its time is up.
        """
        deadline = DEADLINE.get()
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                message = "the exchange's time is up"
                raise TimeoutError(message)
            allowed = self.gettimeout()
            if allowed is None or left < allowed:
                self.settimeout(left)
        return super().recv(buflen, flags)


def tls_context() -> ssl.SSLContext:
    """Give the process's context for the authorities that the environment names now.

    Raises:
        ConfigurationError: a variable names what is no readable CA bundle.
    """
    source = next(((name, path) for name in _VARIABLES if (path := os.environ.get(name))), None)
    with _lock:
        context = _contexts.get(source)
        if context is None:
            context = _contexts[source] = _make_context(source)
    return context


def no_trust_context() -> ssl.SSLContext:
    """Give a context that trusts nobody and costs nothing, for a client that shall never speak TLS."""
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
        import certifi  # noqa: PLC0415 - comes with httpx, not with httpx2
    except ImportError:
        return ssl.create_default_context()
    return ssl.create_default_context(cafile=certifi.where())
