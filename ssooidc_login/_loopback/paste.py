"""Reading the callback address that a person pastes into the terminal, for a browser on another machine."""

from __future__ import annotations

import os
import sys
from typing import Final, TextIO

__all__ = ["PasteReader", "callback_in", "pasting_terminal"]

_LONGEST_LINE: Final = 8192
_AT_ONCE: Final = 4096
# A terminal sends these around pasted text if a shell has left its bracketed paste mode on.
_PASTE_BEGINS: Final = "\x1b[200~"
_PASTE_ENDS: Final = "\x1b[201~"


def pasting_terminal(stream: TextIO | None) -> TextIO | None:
    """Return the stream if it is a terminal that a selector can wait for, else `None`."""
    if stream is None or sys.platform == "win32":
        return None
    try:
        return stream if stream.isatty() and stream.fileno() >= 0 else None
    except (OSError, ValueError):
        return None  # it is closed, or not a file


class PasteReader:
    """Reads lines from a terminal without blocking."""

    def __init__(self, fd: int) -> None:
        """Create a reader of a terminal's file descriptor, which the caller closes."""
        self.fd: Final = fd
        self._pending = bytearray()

    def is_ours(self) -> bool:
        """Return whether this process may read now: in the background, reading would stop it (SIGTTIN)."""
        if sys.platform == "win32":
            return False
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return True  # it is not our controlling terminal, so reading it does not stop us

    def lines(self) -> list[str] | None:
        """Read the available input and return the complete lines in it; `None` at the end of the input."""
        try:
            data = os.read(self.fd, _AT_ONCE)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            return None  # the terminal has hung up
        if not data:
            return None
        self._pending += data
        *ended, rest = self._pending.split(b"\n")
        self._pending = rest if len(rest) <= _LONGEST_LINE else bytearray()
        return [bytes(line).decode("utf-8", "replace") for line in ended]


def callback_in(line: str, *, port: int) -> str | None:
    """Return path and query of a pasted callback address, or `None` if the line is not such an address."""
    pasted = line.strip().removeprefix(_PASTE_BEGINS).removesuffix(_PASTE_ENDS)
    text = pasted.strip().strip("'\"<>")
    if len(text) > _LONGEST_LINE or not text.isascii() or not text.isprintable() or " " in text:
        return None
    scheme, separator, rest = text.partition("://")
    if not separator:
        rest = text
    elif scheme.lower() != "http":
        return None
    host, slash, tail = rest.partition("/")
    if not slash or host.lower() not in {f"127.0.0.1:{port}", f"localhost:{port}"}:
        return None
    return f"/{tail}"
