"""A few words of an unexpected body, safe to quote in an error message.

They help to recognise a proxy's error page or a captive portal. They must never contain a secret: text that looks like
JSON is not quoted at all (a broken answer of the service may contain a token), and known secrets, long opaque words and
the values of secret-sounding names are masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ssooidc_core._text import printable

__all__ = ["excerpt", "redact"]

_LIMIT: Final = 160
_MASK: Final = "**********"
# A shorter "secret" is one letter in a test, and masking it would garble every text.
_SHORTEST_SECRET: Final = 4
_MARKUP: Final = re.compile(
    r"(?is)<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<[^>]*(?:>|\Z)"
)
_JSON_LIKE: Final = re.compile(r"""\A[\s\ufeff]*[{\["]|"\s*:""")
# Words of prose are shorter; tokens, codes, keys and host names are not.
_OPAQUE: Final = re.compile(r"[^\s]{20,}")
# When a signature does not match, AWS services quote the canonical request, including the session token.
_SESSION_TOKEN: Final = re.compile(r"""(?i)(x-amz-security-token["']?\s*[:=]\s*["']?)[^\s"'&,;]+""")
_NAMED_SECRET: Final = re.compile(
    r"(?i)\b(\w*(?:token|secret|code|passw|verifier|assertion|bearer|credential|authorization|session)\w*"
    r"""["']?\s*[:=]\s*["']?|bearer\s+)[^\s"'&,;]+"""
)


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return a text with known secrets masked, and with the session token of a quoted request masked."""
    # The longest first: if a shorter one inside it were masked first, the rest would not be recognised.
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _MASK)
    return _SESSION_TOKEN.sub(rf"\1{_MASK}", text)


def excerpt(body: bytes, secrets: Iterable[str] = ()) -> str:
    """Return a short description of a body: its size, and its first words if they are safe to quote."""
    if not body:
        return "an empty body"
    # No error page has more than 16 characters of markup for one of text.
    head = body[: _LIMIT * 16]
    # Without the NULs, UTF-16 is recognised as well.
    text = head.decode("utf-8", "replace").replace("\0", "")
    size = f"{len(body)} bytes"
    if _JSON_LIKE.search(text) is not None:
        return f"{size} of broken JSON"
    if len(head) < len(body):
        # The last word may be a secret that was cut in two, which would not be recognised.
        text = "".join(text.rsplit(maxsplit=1)[:-1])
    # Before and after: a secret may have markup inside, or may contain what looks like markup.
    known = tuple(secrets)
    text = redact(_MARKUP.sub(" ", redact(text, known)), known)
    text = _OPAQUE.sub(_MASK, _NAMED_SECRET.sub(rf"\1{_MASK}", text))
    # Removed markup leaves many spaces, and `printable` cuts the text before it joins them.
    words = printable(" ".join(text.replace("\ufffd", " ").split()), limit=_LIMIT)
    return f"{size} that begin {words!r}" if words else size
