"""The thread of the loopback listener: sockets, deadlines, and the answer to each request."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from typing import Final, TextIO

from ssooidc_core.flows.authorization_code import CALLBACK_PATH
from ssooidc_login._loopback.http import (
    LONGEST_HEAD,
    Arrived,
    HangUp,
    MoreNeeded,
    Refused,
    read_request,
)
from ssooidc_login._loopback.inbox import Inbox, Verdict
from ssooidc_login._loopback.page import page, redirect
from ssooidc_login._loopback.paste import PasteReader, callback_in

__all__ = ["Limits", "Redirect", "Server"]

_MOST_DRAINED: Final = 65536
_TICK: Final = 0.5
_REJECTED: Final = page(
    HTTPStatus.BAD_REQUEST,
    "This is not the answer to this login",
    "The login is still waiting for its answer. Use the page that it opened, or the address that it showed.",
)
_TOO_LATE: Final = page(
    HTTPStatus.GONE,
    "This login already has its answer",
    "The program that you started shows how the login ended. You can close this page.",
)
_STOPPED: Final = page(
    HTTPStatus.OK,
    "The answer has arrived",
    "The program that you started shows how the login ended. You can close this page.",
)
_NOTHING: Final = "This address is only used to sign in."
_HEADINGS: Final = {True: "Signed in", False: "The login failed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of size and time.

    Attributes:
        seconds: the time that a connection has to send its head, and again to read the answer.
        seconds_held: how long the browser waits for the end of the login.
        connections: the number of connections at once. When one more comes, the oldest is closed, but never the
            browser's that waits for the end of the login.
    """

    seconds: float = 5.0
    seconds_held: float = 30.0
    connections: int = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Redirect:
    """A page that sends one browser on to a URL, served in place of the login's callback.

    Attributes:
        path: the page's path.
        url: the target; printable ASCII without blanks.
        admits: decides whether a connection is served.
        seconds: how long the page is served at most.
    """

    path: str
    url: str = field(repr=False)
    admits: Callable[[socket.socket], bool]
    seconds: float


class _Stage(Enum):
    READING = auto()
    HELD = auto()  # the browser's connection, which is answered by `finish`
    WRITING = auto()
    DRAINING = (
        auto()
    )  # the answer is written; closing with unread input could discard it on the other side


class _Terminal(Enum):
    NOT_READ = auto()
    READ = auto()
    PAUSED = auto()  # this process is in the background
    ENDED = auto()


@dataclass(slots=True, eq=False)
class _Connection:
    sock: socket.socket
    deadline: float
    stage: _Stage = _Stage.READING
    received: bytearray = field(default_factory=bytearray, repr=False)
    unsent: bytes = field(default=b"", repr=False)
    drained: int = 0


class Server:
    """Serves one listening socket, and reads a terminal, in one daemon thread."""

    def __init__(
        self,
        listening: socket.socket,
        inbox: Inbox,
        paste: TextIO | None,
        limits: Limits,
        redirect: Redirect | None = None,
    ) -> None:
        """Take over a non-blocking socket that is listening.

        Args:
            listening: the socket.
            inbox: receives the callbacks and the notices.
            paste: a terminal to read pasted callbacks from, or `None`.
            limits: limits of size and time.
            redirect: a page to serve instead of the callback.
        """
        self._listening: Final = listening
        self._port: Final[int] = listening.getsockname()[1]
        self._inbox: Final = inbox
        self._limits: Final = limits
        self._redirect: Final = redirect
        # A descriptor of its own: if another thread closes the original one, its number is soon that of another file.
        self._paste: Final = None if paste is None else PasteReader(os.dup(paste.fileno()))
        self._wake_up, self._woken = socket.socketpair()
        self._wake_up.settimeout(0)
        self._woken.settimeout(0)
        # kqueue cannot wait for every terminal.
        on_darwin = sys.platform == "darwin" and paste is not None
        self._selector: Final = (
            selectors.SelectSelector() if on_darwin else selectors.DefaultSelector()
        )
        self._connections: Final[list[_Connection]] = []
        self._lock: Final = threading.Lock()
        self._ending: bytes | None = None
        self._closing = False
        self._expecting = False
        self._terminal = _Terminal.NOT_READ
        self._thread: Final = threading.Thread(
            target=self._run, name="ssooidc-loopback", daemon=True
        )

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def expect(self) -> None:
        """Start to read the terminal as well: a login waits for its answer."""
        with self._lock:
            self._expecting = True
        self._wake()

    def finish(self, *, succeeded: bool, text: str) -> None:
        """Send the waiting browser a page that says how the login ended."""
        status = HTTPStatus.OK if succeeded else HTTPStatus.BAD_REQUEST
        with self._lock:
            self._ending = page(status, _HEADINGS[succeeded], text)
        self._wake()

    def close(self, seconds: float) -> None:
        """Make the thread close all sockets and end, and wait for that up to `seconds`."""
        with self._lock:
            self._closing = True
        self._wake()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def _wake(self) -> None:
        # If the pipe is full, the thread wakes up anyway; if it is closed, the thread has ended.
        with contextlib.suppress(OSError):
            _ = self._wake_up.send(b"\0")

    def _run(self) -> None:
        try:
            _ = self._selector.register(self._listening, selectors.EVENT_READ, None)
            _ = self._selector.register(self._woken, selectors.EVENT_READ, None)
            ends_at = None if self._redirect is None else time.monotonic() + self._redirect.seconds
            while not self._closing and (ends_at is None or time.monotonic() < ends_at):
                self._step()
        except Exception:  # noqa: BLE001 - the login must end with an error instead of waiting for nothing
            self._inbox.fail()
        finally:
            self._end()

    def _step(self) -> None:
        now = time.monotonic()
        nearest = min((each.deadline for each in self._connections), default=now + _TICK)
        ready = self._selector.select(max(0.0, min(nearest - now, _TICK)))
        # New connections last: one may close an older one, whose head may have arrived by now.
        for key, _events in sorted(ready, key=lambda each: each[0].fileobj is self._listening):
            if isinstance(key.data, _Connection):
                self._serve(key.data)
            elif key.fileobj is self._listening:
                # Accept all that wait: connections that send nothing must not delay the others.
                for _ in range(self._limits.connections):
                    if not self._accept():
                        break
            elif key.fileobj is self._woken:
                with contextlib.suppress(BlockingIOError):
                    _ = self._woken.recv(4096)
            else:
                self._read_terminal()
        self._do_as_asked()
        now = time.monotonic()
        for connection in [each for each in self._connections if each.deadline <= now]:
            if connection.stage is _Stage.HELD:
                self._answer(connection, _STOPPED)
            else:
                self._drop(connection)

    def _do_as_asked(self) -> None:
        with self._lock:
            ending, expecting = self._ending, self._expecting
            self._ending, self._expecting = None, False
        if ending is not None:
            for connection in [each for each in self._connections if each.stage is _Stage.HELD]:
                self._answer(connection, ending)
        if expecting and self._terminal is _Terminal.NOT_READ:
            if self._start_reading_terminal():
                self._inbox.notify(
                    "If the browser is on another machine and ends at a page that cannot be reached, paste the address "
                    "of that page here."
                )
        elif self._terminal is _Terminal.PAUSED:
            _ = self._start_reading_terminal()

    def _accept(self) -> bool:
        try:
            sock, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError:
            # Out of file descriptors: close the oldest connection, and do not spin.
            self._drop_oldest()
            time.sleep(0.01)
            return False
        if self._redirect is not None and not self._redirect.admits(sock):
            sock.close()
            return True
        sock.settimeout(0)
        if len(self._connections) >= self._limits.connections:
            self._drop_oldest()
        connection = _Connection(sock, time.monotonic() + self._limits.seconds)
        self._connections.append(connection)
        _ = self._selector.register(sock, selectors.EVENT_READ, connection)
        return True

    def _serve(self, connection: _Connection) -> None:
        if connection not in self._connections:
            return  # closed earlier in this round
        try:
            if connection.stage is _Stage.WRITING:
                self._write(connection)
                return
            data = connection.sock.recv(LONGEST_HEAD)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._drop(connection)
            return
        if connection.stage is _Stage.READING:
            self._read(connection, data)
        elif not data and connection.stage is _Stage.HELD:
            # It sends nothing more; whether it still reads will show when it is answered.
            self._watch(connection, 0)
        else:
            connection.drained += len(data)
            if not data or connection.drained > _MOST_DRAINED:
                self._drop(connection)

    def _read(self, connection: _Connection, data: bytes) -> None:
        connection.received += data
        path = CALLBACK_PATH if self._redirect is None else self._redirect.path
        request = read_request(bytes(connection.received), port=self._port, path=path)
        match request:
            case MoreNeeded():
                if not data:
                    self._drop(connection)
                return
            case HangUp():
                self._drop(connection)
                return
            case Refused(status, head_only):
                connection.received.clear()
                answer = page(status, status.phrase, _NOTHING, head_only=head_only)
                self._answer(connection, answer)
                return
            case Arrived(target):
                connection.received.clear()
        if self._redirect is not None:
            self._answer(connection, redirect(self._redirect.url))
            self._closing = True
            return
        match self._inbox.offer(target):
            case Verdict.ACCEPTED:
                connection.stage = _Stage.HELD
                connection.deadline = time.monotonic() + self._limits.seconds_held
                self._stop_reading_terminal(_Terminal.NOT_READ)
            case Verdict.REJECTED:
                self._answer(connection, _REJECTED)
            case Verdict.TOO_LATE:
                self._answer(connection, _TOO_LATE)

    def _start_reading_terminal(self) -> bool:
        reader = self._paste
        if reader is None:
            return False
        if not reader.is_ours():
            self._terminal = _Terminal.PAUSED
            return False
        self._terminal = _Terminal.READ
        _ = self._selector.register(reader.fd, selectors.EVENT_READ, None)
        return True

    def _stop_reading_terminal(self, state: _Terminal) -> None:
        if self._paste is not None and self._terminal is _Terminal.READ:
            _ = self._selector.unregister(self._paste.fd)
        if self._terminal is not _Terminal.ENDED:
            self._terminal = state

    def _read_terminal(self) -> None:
        reader = self._paste
        if reader is None:
            return
        if not reader.is_ours():
            self._stop_reading_terminal(_Terminal.PAUSED)
            return
        lines = reader.lines()
        if lines is None:
            self._stop_reading_terminal(_Terminal.ENDED)
            return
        for line in lines:
            if line.strip():
                self._offer_pasted(line)

    def _offer_pasted(self, line: str) -> None:
        target = callback_in(line, port=self._port)
        match None if target is None else self._inbox.offer(target):
            case Verdict.ACCEPTED:
                # Later input is for the next program that reads the terminal.
                self._stop_reading_terminal(_Terminal.NOT_READ)
            case Verdict.TOO_LATE:
                pass
            case _:
                self._inbox.notify(
                    "That is not the address that this login waits for. Paste the whole address that the browser ended "
                    f"at: it begins with http://127.0.0.1:{self._port}{CALLBACK_PATH}?"
                )

    def _answer(self, connection: _Connection, answer: bytes) -> None:
        connection.stage, connection.unsent = _Stage.WRITING, answer
        connection.deadline = time.monotonic() + self._limits.seconds
        self._watch(connection, selectors.EVENT_WRITE)
        try:
            self._write(connection)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._drop(connection)

    def _write(self, connection: _Connection) -> None:
        sent = connection.sock.send(connection.unsent)
        connection.unsent = connection.unsent[sent:]
        if not connection.unsent:
            connection.sock.shutdown(socket.SHUT_WR)
            connection.stage = _Stage.DRAINING
            self._watch(connection, selectors.EVENT_READ)

    def _watch(self, connection: _Connection, events: int) -> None:
        registered = connection.sock in self._selector.get_map()
        if not events:
            if registered:
                _ = self._selector.unregister(connection.sock)
        elif registered:
            _ = self._selector.modify(connection.sock, events, connection)
        else:
            _ = self._selector.register(connection.sock, events, connection)

    def _drop_oldest(self) -> None:
        for connection in self._connections:
            if connection.stage is not _Stage.HELD:
                self._drop(connection)
                return

    def _drop(self, connection: _Connection) -> None:
        self._watch(connection, 0)
        self._connections.remove(connection)
        connection.sock.close()

    def _end(self) -> None:
        """Close everything; the waiting browser is answered first."""
        with contextlib.suppress(Exception):
            self._do_as_asked()
        for connection in list(self._connections):
            with contextlib.suppress(Exception):
                if connection.stage is _Stage.HELD:
                    self._answer(connection, _STOPPED)
            connection.sock.close()
        self._connections.clear()
        if self._paste is not None:
            os.close(self._paste.fd)
        self._listening.close()
        self._selector.close()
        self._woken.close()
        self._wake_up.close()
