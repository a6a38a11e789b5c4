"""A listener at the loopback interface for the browser's way back (RFC 8252 sections 7.3 and 8.3).

It stands at 127.0.0.1 only, in one daemon thread, before the browser is opened. It ignores strangers instead of giving
up: whatever is not the answer gets a page that says so, and the login still waits. The answer is kept before anything
is written to the browser, whose page waits for the outcome.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable
from typing import Final, Literal, TextIO

from pydantic import SecretStr

from ssooidc_core.flows.authorization_code import CALLBACK_PATH
from ssooidc_login._browser.terminal import Terminal
from ssooidc_login._loopback.desk import Desk
from ssooidc_login._loopback.paste import pasting_terminal
from ssooidc_login._loopback.server import Limits, Server
from ssooidc_login._resources import Interaction
from ssooidc_login.errors import ListenerError

__all__ = ["LoopbackListener", "listen", "listen_for"]

_HOST: Final = "127.0.0.1"
_BACKLOG: Final = 128
_SECONDS_TO_CLOSE: Final = 2.0
_MOST_NAMED: Final = 5


class LoopbackListener:
    """A `Listener`; `listen` makes it."""

    def __init__(
        self, listening: socket.socket, paste: TextIO | None, limits: Limits | None = None
    ) -> None:
        """Serve a socket that listens already; it is closed with the listener.

        Args:
            listening: the socket.
            paste: a terminal to read pasted addresses from, or `None`.
            limits: how much and how long; by default `Limits()`.
        """
        self._port: Final[int] = listening.getsockname()[1]
        self._desk: Final = Desk()
        self._server: Final = Server(listening, self._desk, paste, limits or Limits())
        self._server.start()

    @property
    def redirect_uri(self) -> str:
        """Where it listens: `http://127.0.0.1:PORT/oauth/callback`."""
        return f"http://{_HOST}:{self._port}{CALLBACK_PATH}"

    def expect(self, accepts: Callable[[str], bool | str | None], /) -> None:
        """Begin to take one answer, the first that `accepts` takes. It is called from the listener's thread."""
        self._desk.expect(accepts)
        self._server.expect()

    def poll(self, seconds: float, /) -> SecretStr | str | None:
        """Give the answer, or a text to show the person, waiting for so long at most.

        Raises:
            ListenerError: nobody listens any more.
        """
        return self._desk.wait(seconds)

    def finish(self, *, succeeded: bool, text: str) -> None:
        """Tell the browser, which waits, how it ended; returns at once."""
        self._server.finish(succeeded=succeeded, text=text)

    def close(self) -> None:
        """Stop listening. What `finish` said still reaches the browser; closing twice is harmless."""
        self._server.close(_SECONDS_TO_CLOSE)

    def __repr__(self) -> str:
        """Say where it listens."""
        return f"{type(self).__name__}({self.redirect_uri!r})"


def listen(
    ports: tuple[int, ...] = (0,), *, paste: TextIO | Literal["terminal"] | None = "terminal"
) -> LoopbackListener:
    """Listen at 127.0.0.1 on the first of these ports that is free.

    Args:
        ports: in order; 0 is any free one.
        paste: where a person may paste the address that their browser ended at: a terminal; `"terminal"` is standard
            input where that is one; `None` reads nothing.

    Raises:
        ListenerError: none is free, or there is no loopback interface; the text names the ports.
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
    message = f"Nothing can listen for the browser at {_HOST} ({named}{more})"
    raise ListenerError(message)


def _bind(port: int) -> socket.socket:
    with contextlib.ExitStack() as undo:
        listening = undo.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        if sys.platform == "win32":
            # There SO_REUSEADDR would let another program take the port over.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Elsewhere it only lets a second login have its fixed port back at once; two cannot listen.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((_HOST, port))
        listening.listen(_BACKLOG)
        listening.settimeout(0)
        _ = undo.pop_all()
    return listening


def listen_for(person: Interaction | None) -> Callable[[tuple[int, ...]], LoopbackListener]:
    """Give what opens a listener for this person: only who sits at the terminal can paste into it."""
    paste: Literal["terminal"] | None = "terminal" if isinstance(person, Terminal) else None
    return lambda ports: listen(ports, paste=paste)
