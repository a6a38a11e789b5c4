"""A listener on the loopback interface for the redirect from the browser (RFC 8252 sections 7.3 and 8.3).

It listens on 127.0.0.1 only, in one daemon thread, and before the browser is opened. A request that is not the answer
to the login gets an error page, and the login keeps waiting. The answer is kept before anything is written to the
browser, whose page is sent when the login has ended.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable
from typing import Final, Literal, TextIO

from pydantic import SecretStr

from ssooidc_core.flows.authorization_code import CALLBACK_PATH
from ssooidc_login._loopback.inbox import Inbox
from ssooidc_login._loopback.paste import pasting_terminal
from ssooidc_login._loopback.server import Limits, Server
from ssooidc_login.errors import ListenerError

__all__ = ["LoopbackListener", "listen"]

_HOST: Final = "127.0.0.1"
_BACKLOG: Final = 128
_SECONDS_TO_CLOSE: Final = 2.0
_MOST_NAMED: Final = 5


class LoopbackListener:
    """A `Listener` on a socket; made by `listen`."""

    def __init__(
        self, listening: socket.socket, paste: TextIO | None, limits: Limits | None = None
    ) -> None:
        """Serve a socket that is already listening; it is closed with the listener.

        Args:
            listening: the socket.
            paste: a terminal to read pasted addresses from, or `None`.
            limits: limits of size and time; by default `Limits()`.
        """
        self._port: Final[int] = listening.getsockname()[1]
        self._inbox: Final = Inbox()
        self._server: Final = Server(listening, self._inbox, paste, limits or Limits())
        self._server.start()

    @property
    def redirect_uri(self) -> str:
        """The address that it serves: `http://127.0.0.1:PORT/oauth/callback`."""
        return f"http://{_HOST}:{self._port}{CALLBACK_PATH}"

    def expect(self, accepts: Callable[[str], bool | str | None], /) -> None:
        """Start to wait for the first callback that `accepts` recognizes; it is called from the listener's thread."""
        self._inbox.expect(accepts)
        self._server.expect()

    def poll(self, seconds: float, /) -> SecretStr | str | None:
        """Wait up to `seconds` and return the callback, a text to show to the person, or `None`.

        Raises:
            ListenerError: the thread that listens has died.
        """
        return self._inbox.wait(seconds)

    def finish(self, *, succeeded: bool, text: str) -> None:
        """Send the waiting browser a page that says how the login ended; return at once."""
        self._server.finish(succeeded=succeeded, text=text)

    def close(self) -> None:
        """Stop listening. The page of `finish` is still sent to the browser. Closing twice is harmless."""
        self._server.close(_SECONDS_TO_CLOSE)

    def __repr__(self) -> str:
        """Return the class and the redirect URI."""
        return f"{type(self).__name__}({self.redirect_uri!r})"


def listen(
    ports: tuple[int, ...] = (0,), *, paste: TextIO | Literal["terminal"] | None = "terminal"
) -> LoopbackListener:
    """Listen on 127.0.0.1, on the first of these ports that is free.

    Args:
        ports: the ports to try, in order; 0 is any free one.
        paste: a terminal into which a person may paste the address that their browser ended at. `"terminal"` is
            standard input if it is a terminal; `None` reads nothing.

    Raises:
        ListenerError: none of the ports is free, or there is no loopback interface; the text names the ports.
    """
    problems: list[str] = []
    for port in ports:
        try:
            listening = _bind(port)
        except (OSError, OverflowError) as caught:
            reason = caught.strerror if isinstance(caught, OSError) else None
            problems.append(f"port {port}: {reason or 'not a port'}")
            continue
        try:
            source = sys.stdin if paste == "terminal" else paste
            return LoopbackListener(listening, pasting_terminal(source))
        except BaseException:
            listening.close()
            raise
    named = "; ".join(problems[:_MOST_NAMED]) or "no port was given"
    more = f"; and {len(problems) - _MOST_NAMED} more" if len(problems) > _MOST_NAMED else ""
    message = f"Cannot listen for the browser on {_HOST} ({named}{more})"
    raise ListenerError(message)


def _bind(port: int) -> socket.socket:
    with contextlib.ExitStack() as undo:
        listening = undo.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        if sys.platform == "win32":
            # On Windows, SO_REUSEADDR would let another program take over the port.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Elsewhere it only lets the next login use a fixed port again at once; two cannot listen on it.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((_HOST, port))
        listening.listen(_BACKLOG)
        listening.settimeout(0)
        _ = undo.pop_all()
    return listening
