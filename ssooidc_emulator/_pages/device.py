"""`/device`: the page where a person enters the code of a device login, compares it, and approves or denies the login.

Plain HTML that works without JavaScript. Forms have a CSRF token and are accepted only from the emulator's own pages.
Wrong codes are limited, so that codes cannot be guessed.
"""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._text import printable
from ssooidc_emulator._directory import Directory
from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._oidc.device_logins import DeviceLogin, DeviceLogins, LoginState
from ssooidc_emulator._pages.forms import FormTokens, field_of
from ssooidc_emulator._pages.rendering import (
    message,
    page,
    with_field,
    without_a_window,
    wrong_method,
)
from ssooidc_emulator._pages.same_origin import comes_from_own_page, opens_a_window

__all__ = ["DevicePage"]

_DECISIONS: Final = frozenset({"approve", "deny"})
_LONGEST_NAME: Final = 200


class _WrongCodes:
    """A limit on wrong user codes (RFC 8628 section 5.1). Not locked.

    It counts the codes of all browsers together, since an attacker can drop a cookie.
    """

    def __init__(self, limit: int = 10, window: float = 60.0) -> None:
        """Allow `limit` wrong codes in `window` seconds."""
        self._limit: Final = limit
        self._window: Final = window
        self._times: Final = deque[float](maxlen=limit)

    def seconds_to_wait(self, now: float) -> int:
        """Return the seconds until another code is accepted, right or wrong; 0 if it is accepted now."""
        # A test may set the clock back; this must not lock the page for ever.
        while self._times and not 0 <= now - self._times[0] < self._window:
            _ = self._times.popleft()
        if len(self._times) < self._limit:
            return 0
        return math.ceil(self._times[0] + self._window - now)

    def count(self, now: float) -> None:
        """Record a wrong code."""
        self._times.append(now)


class DevicePage:
    """The page over an instance's device logins. Not locked."""

    def __init__(self, logins: DeviceLogins, directory: Directory, entropy: Entropy) -> None:
        """Decide on these logins, for the users of this directory."""
        self._directory: Final = directory
        self._logins: Final = logins
        self._tokens: Final = FormTokens(entropy)
        self._wrong: Final = _WrongCodes()

    def handle(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        """Return the page, or carry out the decision in its form."""
        if request.method in {"GET", "HEAD"}:
            return self._show(request, wall)
        if request.method == "POST":
            return self._decide(request, wall)
        return wrong_method("GET, HEAD, POST", wall)

    def _show(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        # Otherwise another site could lock the page with ten images whose URLs have wrong codes.
        if not opens_a_window(request):
            return without_a_window(wall)
        entered = field_of(urlsplit(request.url).query, "user_code")
        if entered is None:
            return page(200, "enter.html", wall, problem=None)
        found = self._find(entered, wall)
        if isinstance(found, HttpResponse):
            return found
        users = [user.name for user in self._directory.users]
        if not users:
            return message(403, "No user", "This emulator's directory has no users.", wall)
        cookie = self._tokens.cookie(request)
        response = page(
            200,
            "confirm.html",
            wall,
            user_code=found.user_code,
            client_name=printable(found.client.client_name, limit=_LONGEST_NAME),
            scopes=found.client.scopes,
            users=users,
            token=self._tokens.token(cookie, found.user_code),
        )
        if cookie.is_new:
            return with_field(response, "Set-Cookie", cookie.set_cookie(request.url))
        return response

    def _decide(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        form = request.body.decode("utf-8", "replace")
        entered, token = field_of(form, "user_code") or "", field_of(form, "token") or ""
        decision = field_of(form, "decision")
        cookie = self._tokens.cookie(request)
        if not comes_from_own_page(request) or not self._tokens.fits(token, cookie, entered):
            text = "This form was not sent from this emulator's own page. Open the page again."
            return message(403, "Request refused", text, wall)
        if decision not in _DECISIONS:
            return message(400, "Invalid form", "Choose Approve or Deny.", wall)
        found = self._find(entered, wall)
        if isinstance(found, HttpResponse):
            return found
        if decision == "approve":
            return self._approve(found, field_of(form, "user"), wall)
        found.deny()
        return message(200, "Denied", "No access was given. You can close this page.", wall)

    def _approve(self, login: DeviceLogin, chosen: str | None, wall: datetime) -> HttpResponse:
        users = [user.name for user in self._directory.users]
        # With only one user, the form has no choice.
        name = users[0] if not chosen and len(users) == 1 else chosen
        if name not in users:
            return message(400, "Invalid form", "Choose the user who signs in.", wall)
        login.approve(name)
        text = "You can close this page and return to your device or terminal."
        return message(200, "Approved", text, wall)

    def _find(self, entered: str, wall: datetime) -> DeviceLogin | HttpResponse:
        """Return the login that waits for a decision, or a page that says why there is none."""
        now = wall.timestamp()
        if wait := self._wrong.seconds_to_wait(now):
            text = f"Wait {wait} seconds, then try again."
            response = message(429, "Too many wrong codes", text, wall)
            return with_field(response, "Retry-After", str(wait))
        login = self._logins.find(entered)
        if login is None:
            self._wrong.count(now)
            problem = (
                "No sign-in has this code. Compare it with the one on your device or terminal."
            )
            return page(404, "enter.html", wall, problem=problem)
        if login.is_expired(now):
            return message(410, "Expired", "This code has expired. Start the sign-in again.", wall)
        if login.state is not LoginState.PENDING:
            return message(409, "Already used", "This code has already been used.", wall)
        return login
