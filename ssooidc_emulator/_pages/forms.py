"""The pages' forms: reading their fields, and a CSRF token that matches a cookie of the same browser only.

The cookie is `SameSite=Strict` and `HttpOnly`. The token is a MAC over the cookie and the subject of the form, with a
key of this instance. So nothing is stored, and two emulators on one machine, to which browsers send the same cookies
whatever their ports (RFC 6265 section 8.5), do not disturb each other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

from ssooidc_core._http import HttpRequest
from ssooidc_emulator._entropy import Entropy

__all__ = ["BrowserCookie", "FormTokens", "field_of"]

_NAME: Final = "ssooidc_emulator"
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{22}\Z")
_COOKIE_BYTES: Final = 16
_KEY_BYTES: Final = 32
_MOST_FIELDS: Final = 10


def field_of(form: str, name: str) -> str | None:
    """Return the value of a field of a form or query, or `None` if it is absent or repeated."""
    try:
        values = parse_qs(form, max_num_fields=_MOST_FIELDS).get(name, [])
    except ValueError:
        return None
    return values[0] if len(values) == 1 else None


@dataclass(frozen=True, slots=True)
class BrowserCookie:
    """The cookie that a browser sent, or a new one to set."""

    value: str = field(repr=False)
    is_new: bool

    def set_cookie(self, url: str) -> str:
        """Return the value of the header `Set-Cookie` for a page at this URL, a session cookie."""
        secure = "; Secure" if url.lower().startswith("https:") else ""
        return f"{_name(url)}={self.value}; Path=/; HttpOnly; SameSite=Strict{secure}"


class FormTokens:
    """Makes and checks form tokens."""

    def __init__(self, entropy: Entropy) -> None:
        """Generate the key."""
        self._entropy: Final = entropy
        self._key: Final = entropy(_KEY_BYTES)

    def cookie(self, request: HttpRequest) -> BrowserCookie:
        """Return the cookie of a request, or a new one."""
        own = _name(request.url)
        for pair in request.headers.get("cookie", "").split(";"):
            name, _, value = pair.strip().partition("=")
            if name == own and _VALUE.match(value):
                return BrowserCookie(value, is_new=False)
        fresh = base64.urlsafe_b64encode(self._entropy(_COOKIE_BYTES)).rstrip(b"=")
        return BrowserCookie(fresh.decode("ascii"), is_new=True)

    def token(self, cookie: BrowserCookie, subject: str) -> str:
        """Return the token of a form about `subject` for this browser."""
        message = f"{cookie.value}\0{subject}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def fits(self, token: str, cookie: BrowserCookie, subject: str) -> bool:
        """Return whether a token was made for this browser and this subject."""
        if cookie.is_new:
            return False
        return hmac.compare_digest(token.encode(), self.token(cookie, subject).encode())


def _name(url: str) -> str:
    """Return the cookie's name for pages at a URL.

    With HTTPS it is one that only a page with HTTPS can set (RFC 6265bis, "The `__Host-` Prefix"). If the names were
    the same, a browser with a secure cookie would not accept one from an emulator without TLS.
    """
    return f"__Host-{_NAME}" if url.lower().startswith("https:") else _NAME
