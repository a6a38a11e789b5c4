"""`Terminal`: the default `Interaction`, a person at a terminal with a browser."""

from __future__ import annotations

import contextlib
import sys
from typing import ClassVar, Final, TextIO

from ssooidc_core._text import printable
from ssooidc_login._browser.opening import open_in_browser

__all__ = ["Terminal"]

_LONGEST_LINE: Final = 8192


class Terminal:
    """An `Interaction` that writes to a stream, by default stderr, and opens a browser on this machine.

    Attributes:
        reads_pastes: true: a login that waits for the browser also accepts the address pasted into standard input.
    """

    reads_pastes: ClassVar[bool] = True

    def __init__(self, stream: TextIO | None = None) -> None:
        """Create a terminal.

        Args:
            stream: where to write; by default `sys.stderr` as it is at each call, so that stdout has only results.
        """
        self._stream: Final = stream

    def show(self, text: str, /) -> None:
        """Write a text line by line, without control characters. Errors of the stream are ignored."""
        stream: TextIO | None = sys.stderr if self._stream is None else self._stream
        if stream is None:
            return  # a program without a console
        lines = "".join(
            f"{printable(line, limit=_LONGEST_LINE)}\n" for line in text.splitlines() or [""]
        )
        encoding = getattr(stream, "encoding", None)
        if isinstance(encoding, str):
            lines = lines.encode(encoding, "backslashreplace").decode(encoding)
        with contextlib.suppress(OSError, ValueError):  # ValueError: the stream is closed
            _ = stream.write(lines)
            stream.flush()

    def open_url(self, url: str, /) -> bool:
        """Open a URL in the person's browser and return whether that seems to have worked.

        Where the platform allows it, the URL is kept off the command line, which other users can read.
        """
        return open_in_browser(url)
