"""The thread behind the loopback listener: sockets, deadlines, and who is answered what."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from typing import Final, TextIO

from ssooidc_core.flows.authorization_code import CALLBACK_PATH
from ssooidc_login._loopback.desk import Desk, Judgement
from ssooidc_login._loopback.http import (
    LONGEST_HEAD,
    Arrived,
    HangUp,
    MoreNeeded,
    Refused,
    read_request,
)
from ssooidc_login._loopback.page import page
from ssooidc_login._loopback.paste import PasteReader, callback_in

__all__ = ["Limits", "Server"]

_MOST_DRAINED: Final = 65536
_TICK: Final = 0.5
_STRANGER: Final = page(
    HTTPStatus.BAD_REQUEST,
    "This was not the answer to this login",
    "The login still waits for its answer. Use the page that it opened, or the address that it showed.",
)
_TOO_LATE: Final = page(
    HTTPStatus.GONE,
    "This login has had its answer",
    "How it ended is said where you started it. You can close this page.",
)
_STOPPED: Final = page(
    HTTPStatus.OK,
    "The answer has arrived",
    "How the login ended is said where you started it. You can close this page.",
)
_NOTHING: Final = "There is nothing here but the end of a login."
_HEADINGS: Final = {True: "Signed in", False: "The login failed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much, and how long.

    Attributes:
        seconds: for a connection to send its head, and as many to take the answer.
        seconds_held: how long the browser's page waits for the outcome.
        connections: at once; for one more, the oldest that is not the browser's goes.
    """

    seconds: float = 5.0
    seconds_held: float = 30.0
    connections: int = 32


class _Stage(Enum):
    READING = auto()
    HELD = auto()  # the browser, which is told nothing before `finish`
    WRITING = auto()
    DRAINING = auto()  # all is written; closing with unread input would take the answer back


class _Terminal(Enum):
    LEFT_ALONE = auto()
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
    """Serves one listening socket, and a terminal, in one daemon thread."""

    def __init__(
        self, listening: socket.socket, desk: Desk, paste: TextIO | None, limits: Limits
    ) -> None:
        """Take over a socket that listens and does not block."""
        self._listening: Final = listening
        self._port: Final[int] = listening.getsockname()[1]
        self._desk: Final = desk
        self._limits: Final = limits
        # A descriptor of its own: the number of one that somebody closes is soon that of another file.
        self._paste: Final = None if paste is None else PasteReader(os.dup(paste.fileno()))
        self._wake_up, self._woken = socket.socketpair()
        self._wake_up.settimeout(0)
        self._woken.settimeout(0)
        # kqueue does not watch every terminal.
        on_darwin = sys.platform == "darwin" and paste is not None
        self._selector: Final = (
            selectors.SelectSelector() if on_darwin else selectors.DefaultSelector()
        )
        self._connections: Final[list[_Connection]] = []
        self._lock: Final = threading.Lock()
        self._ending: bytes | None = None
        self._closing = False
        self._expecting = False
        self._terminal = _Terminal.LEFT_ALONE
        self._thread: Final = threading.Thread(
            target=self._run, name="ssooidc-loopback", daemon=True
        )

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def expect(self) -> None:
        """A login waits for its answer: read the terminal, too."""
        with self._lock:
            self._expecting = True
        self._wake()

    def finish(self, *, succeeded: bool, text: str) -> None:
        """Have the browser that waits told how it ended."""
        status = HTTPStatus.OK if succeeded else HTTPStatus.BAD_REQUEST
        with self._lock:
            self._ending = page(status, _HEADINGS[succeeded], text)
        self._wake()

    def close(self, seconds: float) -> None:
        """Have the thread close all sockets and end, waiting for so long at most."""
        with self._lock:
            self._closing = True
        self._wake()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def _wake(self) -> None:
        # Full is as good as written, and closed means that the thread has ended.
        with contextlib.suppress(OSError):
            _ = self._wake_up.send(b"\0")

    def _run(self) -> None:
        try:
            _ = self._selector.register(self._listening, selectors.EVENT_READ, None)
            _ = self._selector.register(self._woken, selectors.EVENT_READ, None)
            while not self._closing:
                self._step()
        except Exception:  # noqa: BLE001 - the login must learn of it instead of waiting for nothing
            self._desk.fail()
        finally:
            self._end()

    def _step(self) -> None:
        now = time.monotonic()
        nearest = min((each.deadline for each in self._connections), default=now + _TICK)
        ready = self._selector.select(max(0.0, min(nearest - now, _TICK)))
        # New connections last: they may push out an older one, whose head has come by now.
        for key, _events in sorted(ready, key=lambda each: each[0].fileobj is self._listening):
            if isinstance(key.data, _Connection):
                self._serve(key.data)
            elif key.fileobj is self._listening:
                # All that wait: connections that say nothing must not make others wait in line.
                for _ in range(self._limits.connections):
                    if not self._accept():
                        break
            elif key.fileobj is self._woken:
                with contextlib.suppress(BlockingIOError):
                    _ = self._woken.recv(4096)
            else:
                self._read_terminal()
        self._do_as_told()
        now = time.monotonic()
        for connection in [each for each in self._connections if each.deadline <= now]:
            if connection.stage is _Stage.HELD:
                self._answer(connection, _STOPPED)
            else:
                self._drop(connection)

    def _do_as_told(self) -> None:
        with self._lock:
            ending, expecting = self._ending, self._expecting
            self._ending, self._expecting = None, False
        if ending is not None:
            for connection in [each for each in self._connections if each.stage is _Stage.HELD]:
                self._answer(connection, ending)
        if expecting and self._terminal is _Terminal.LEFT_ALONE:
            if self._read_terminal_from_now_on():
                self._desk.say(
                    "If the browser is on another machine and ends at a page that cannot be reached, paste the address "
                    "of that page here."
                )
        elif self._terminal is _Terminal.PAUSED:
            _ = self._read_terminal_from_now_on()

    def _accept(self) -> bool:
        try:
            sock, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError:
            # Out of file descriptors: let the oldest stranger go, and do not spin.
            self._drop_oldest()
            time.sleep(0.01)
            return False
        sock.settimeout(0)
        if len(self._connections) >= self._limits.connections:
            self._drop_oldest()
        connection = _Connection(sock, time.monotonic() + self._limits.seconds)
        self._connections.append(connection)
        _ = self._selector.register(sock, selectors.EVENT_READ, connection)
        return True

    def _serve(self, connection: _Connection) -> None:
        if connection not in self._connections:
            return  # dropped earlier in this round
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
            # It sends no more; whether it still reads is seen when it is answered.
            self._watch(connection, 0)
        else:
            connection.drained += len(data)
            if not data or connection.drained > _MOST_DRAINED:
                self._drop(connection)

    def _read(self, connection: _Connection, data: bytes) -> None:
        connection.received += data
        request = read_request(bytes(connection.received), port=self._port, path=CALLBACK_PATH)
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
        match self._desk.judge(target):
            case Judgement.TAKEN:
                connection.stage = _Stage.HELD
                connection.deadline = time.monotonic() + self._limits.seconds_held
                self._leave_terminal(_Terminal.LEFT_ALONE)
            case Judgement.STRANGER:
                self._answer(connection, _STRANGER)
            case Judgement.TOO_LATE:
                self._answer(connection, _TOO_LATE)

    def _read_terminal_from_now_on(self) -> bool:
        reader = self._paste
        if reader is None:
            return False
        if not reader.is_ours():
            self._terminal = _Terminal.PAUSED
            return False
        self._terminal = _Terminal.READ
        _ = self._selector.register(reader.fd, selectors.EVENT_READ, None)
        return True

    def _leave_terminal(self, state: _Terminal) -> None:
        if self._paste is not None and self._terminal is _Terminal.READ:
            _ = self._selector.unregister(self._paste.fd)
        if self._terminal is not _Terminal.ENDED:
            self._terminal = state

    def _read_terminal(self) -> None:
        reader = self._paste
        if reader is None:
            return
        if not reader.is_ours():
            self._leave_terminal(_Terminal.PAUSED)
            return
        lines = reader.lines()
        if lines is None:
            self._leave_terminal(_Terminal.ENDED)
            return
        for line in lines:
            if line.strip():
                self._take_pasted(line)

    def _take_pasted(self, line: str) -> None:
        target = callback_in(line, port=self._port)
        match None if target is None else self._desk.judge(target):
            case Judgement.TAKEN:
                # What is typed from now on is for whoever reads the terminal next.
                self._leave_terminal(_Terminal.LEFT_ALONE)
            case Judgement.TOO_LATE:
                pass
            case _:
                self._desk.say(
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
        """Close all; the browser, which waits, gets its page first."""
        with contextlib.suppress(Exception):
            self._do_as_told()
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
