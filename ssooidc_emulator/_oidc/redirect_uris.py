"""Redirect URIs: which of them can be registered, and which match a registered one."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["fits_registered", "is_registrable"]

_LARGEST_PORT: Final = 65535
# Reported: granted#779, mairu#17, and a note of Janitor's (2026-05); anything else is refused.
_REGISTRABLE: Final = re.compile(r"http://127\.0\.0\.1(?::([0-9]{1,5}))?/oauth/callback\Z")
# RFC 3986, without a fragment (RFC 6749 section 3.1.2) and without characters that could end a header
_URI: Final = re.compile(r"[\x21\x22\x24-\x7e]+\Z")
_LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(/[\x21-\x7e]*)?\Z")


def is_registrable(uri: str) -> bool:
    """Return whether RegisterClient accepts a redirect URI."""
    match = _REGISTRABLE.match(uri)
    return match is not None and (match[1] is None or _is_port(match[1]))


def fits_registered(asked: str, registered: str) -> bool:
    """Return whether the redirect URI of a login matches a registered one.

    They must be equal (RFC 9700 section 2.1), except that a loopback URI registered without a port matches with any
    port, which an application learns only when it starts to listen (RFC 8252 section 7.3).
    """
    if _URI.match(asked) is None:
        return False
    if asked == registered:
        return True
    loopback = _LOOPBACK.match(registered)
    if loopback is None:
        return False
    host, path = loopback[1], loopback[2] or ""
    match = re.fullmatch(rf"{re.escape(host)}:([0-9]{{1,5}}){re.escape(path)}", asked)
    return match is not None and _is_port(match[1])


def _is_port(digits: str) -> bool:
    return 0 < int(digits) <= _LARGEST_PORT
