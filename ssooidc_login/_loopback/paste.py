"""Lines that a person pastes into the terminal while a login waits: for a browser on another machine."""

from __future__ import annotations

import os
import sys
from typing import Final, TextIO

__all__ = ["PasteReader", "callback_in", "pasting_terminal"]

_LONGEST_LINE: Final = 8192
_AT_ONCE: Final = 4096
# What a terminal puts around it where a shell has left its bracketed paste mode on.
_PASTE_BEGINS: Final = "\x1b[200~"
_PASTE_ENDS: Final = "\x1b[201~"


def pasting_terminal(stream: TextIO | None) -> TextIO | None:
    """Give the stream if it is a terminal that can be waited for, else `None`."""
    if stream is None or sys.platform == "win32":
        return None
    try:
        return stream if stream.isatty() and stream.fileno() >= 0 else None
    except (OSError, ValueError):
        return None  # closed, or no file at all


class PasteReader:
    """Makes lines of what a terminal gives, never waiting for it."""

    def __init__(self, fd: int) -> None:
        """Read a terminal's file descriptor, which stays the caller's."""
        self.fd: Final = fd
        self._pending = bytearray()

    def is_ours(self) -> bool:
        """Say whether this process may read now: in the background, reading would stop it (SIGTTIN)."""
        if sys.platform == "win32":
            return False
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return True  # no controlling terminal of ours, so nothing stops us

    def lines(self) -> list[str] | None:
        """Read what is there, and give the lines that ended; `None` at the end of the input."""
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
    """Give path and query of a pasted callback address, or `None` where the line is no such address."""
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
