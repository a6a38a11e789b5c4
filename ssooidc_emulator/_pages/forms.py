"""CSRF protection of the pages' forms: a token in the form that only fits a cookie of the same browser.

The cookie is `SameSite=Strict` and `HttpOnly`. The token is a MAC of the cookie and of what the form is about, under a
key of this instance: nothing is stored, and two emulators on one machine, whose cookies browsers do not tell apart
by port (RFC 6265 section 8.5), do not upset each other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final

from ssooidc_core._http import HttpRequest
from ssooidc_emulator._entropy import Entropy

__all__ = ["BrowserCookie", "FormTokens"]

_NAME: Final = "ssooidc_emulator"
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{22}\Z")
_COOKIE_BYTES: Final = 16
_KEY_BYTES: Final = 32


class BrowserCookie:
    """The cookie of one browser: the one it sent, or a new one to set."""

    def __init__(self, value: str, *, is_new: bool) -> None:
        """Take the value."""
        self.value: Final = value
        self.is_new: Final = is_new

    def set_cookie(self, url: str) -> str:
        """Give the value of `Set-Cookie` for a page at this URL; a session cookie."""
        secure = "; Secure" if url.lower().startswith("https:") else ""
        return f"{_name(url)}={self.value}; Path=/; HttpOnly; SameSite=Strict{secure}"


class FormTokens:
    """Makes and checks form tokens."""

    def __init__(self, entropy: Entropy) -> None:
        """Make the key."""
        self._entropy: Final = entropy
        self._key: Final = entropy(_KEY_BYTES)

    def cookie(self, request: HttpRequest) -> BrowserCookie:
        """Give the cookie that a request came with, or a new one."""
        own = _name(request.url)
        for pair in request.headers.get("cookie", "").split(";"):
            name, _, value = pair.strip().partition("=")
            if name == own and _VALUE.match(value):
                return BrowserCookie(value, is_new=False)
        fresh = base64.urlsafe_b64encode(self._entropy(_COOKIE_BYTES)).rstrip(b"=")
        return BrowserCookie(fresh.decode("ascii"), is_new=True)

    def token(self, cookie: BrowserCookie, subject: str) -> str:
        """Make the token of a form about `subject` for this browser."""
        message = f"{cookie.value}\0{subject}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def fits(self, token: str, cookie: BrowserCookie, subject: str) -> bool:
        """Say whether a token was made for this browser and this subject."""
        if cookie.is_new:
            return False
        return hmac.compare_digest(token.encode(), self.token(cookie, subject).encode())


def _name(url: str) -> str:
    """Give the cookie's name for pages at a URL.

    Under HTTPS it is another, that only a page under HTTPS can set (RFC 6265bis, "The `__Host-` Prefix"). With one name
    for both, browsers that keep a secure cookie from pages without TLS would never take an emulator's without.
    """
    return f"__Host-{_NAME}" if url.lower().startswith("https:") else _NAME
