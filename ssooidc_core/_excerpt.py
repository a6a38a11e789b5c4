"""A few words of an unexpected body, fit to stand in an error message.

They help to recognise a proxy's error page or a captive portal. They must never hold a secret: what looks like JSON is
not quoted at all (a broken answer of the service may hold a token), known secrets, long opaque words and the values
of secret-sounding names are masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ssooidc_core._text import printable

__all__ = ["excerpt", "redact"]

_LIMIT: Final = 160
_MASK: Final = "**********"
# Shorter than this, a "secret" is a test's letter, and masking it would garble every text.
_SHORTEST_SECRET: Final = 4
_MARKUP: Final = re.compile(
    r"(?is)<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<[^>]*(?:>|\Z)"
)
_JSON_LIKE: Final = re.compile(r"""\A[\s\ufeff]*[{\["]|"\s*:""")
# Words of prose are shorter; tokens, codes, keys and the names of hosts are not.
_OPAQUE: Final = re.compile(r"[^\s]{20,}")
# AWS services quote the canonical request, session token included, where a signature does not match.
_SESSION_TOKEN: Final = re.compile(r"""(?i)(x-amz-security-token["']?\s*[:=]\s*["']?)[^\s"'&,;]+""")
_NAMED_SECRET: Final = re.compile(
    r"(?i)\b(\w*(?:token|secret|code|passw|verifier|assertion|bearer|credential|authorization|session)\w*"
    r"""["']?\s*[:=]\s*["']?|bearer\s+)[^\s"'&,;]+"""
)


def redact(text: str, secrets: Iterable[str]) -> str:
    """Mask every occurrence of known secrets in a text, and a session token where it stands in a quoted request."""
    # The longest first: what is left of it once a shorter one inside was masked is not recognised.
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _MASK)
    return _SESSION_TOKEN.sub(rf"\1{_MASK}", text)


def excerpt(body: bytes, secrets: Iterable[str] = ()) -> str:
    """Say in a few quoted words, or a size, what a body is."""
    if not body:
        return "an empty body"
    # 16 characters of markup for one of text is more than any error page has.
    head = body[: _LIMIT * 16]
    # UTF-16 is recognised for what it is when the NULs are gone.
    text = head.decode("utf-8", "replace").replace("\0", "")
    size = f"{len(body)} bytes"
    if _JSON_LIKE.search(text) is not None:
        return f"{size} of broken JSON"
    if len(head) < len(body):
        # What was cut may be a secret, and half of one is not recognised.
        text = "".join(text.rsplit(maxsplit=1)[:-1])
    # Before and after: markup may stand inside of a secret, and what looks like markup may be a part of one.
    known = tuple(secrets)
    text = redact(_MARKUP.sub(" ", redact(text, known)), known)
    text = _OPAQUE.sub(_MASK, _NAMED_SECRET.sub(rf"\1{_MASK}", text))
    # Markup leaves many spaces, of which `printable` would only see the first.
    words = printable(" ".join(text.replace("\ufffd", " ").split()), limit=_LIMIT)
    return f"{size} that begin {words!r}" if words else size
