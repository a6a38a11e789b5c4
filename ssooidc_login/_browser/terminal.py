"""The usual person in front of a login: one at a terminal, with a browser."""

from __future__ import annotations

import contextlib
import sys
from typing import Final, TextIO

from ssooidc_core._text import printable
from ssooidc_login._browser.opening import open_in_browser

__all__ = ["Terminal"]

_LONGEST_LINE: Final = 8192


class Terminal:
    """An `Interaction` that writes to a stream, by default stderr, and opens a browser of this machine."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to a stream.

        Args:
            stream: by default whatever `sys.stderr` is at the time, so that stdout has results only.
        """
        self._stream: Final = stream

    def show(self, text: str, /) -> None:
        """Write lines, without control characters; a stream that is closed or gone changes nothing."""
        stream: TextIO | None = sys.stderr if self._stream is None else self._stream
        if stream is None:
            return  # a program without a console
        lines = "".join(
            f"{printable(line, limit=_LONGEST_LINE)}\n" for line in text.splitlines() or [""]
        )
        encoding = getattr(stream, "encoding", None)
        if isinstance(encoding, str):
            lines = lines.encode(encoding, "backslashreplace").decode(encoding)
        with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed
            _ = stream.write(lines)
            stream.flush()

    def open_url(self, url: str, /) -> bool:
        """Open a URL in a browser; see `ssooidc_login._browser.opening`."""
        return open_in_browser(url)
