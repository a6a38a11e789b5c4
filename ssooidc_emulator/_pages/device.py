"""The page where a person decides on a device login: enter the code, compare, approve or deny.

Plain HTML that works without JavaScript. Forms carry a token of the browser that was shown them, and are taken from
our own pages only; wrong codes are counted, so that nobody can try them out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._text import printable
from ssooidc_emulator._directory import Directory
from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._oidc.device_logins import DeviceLogin, DeviceLogins, LoginState
from ssooidc_emulator._pages.form_fields import field_of
from ssooidc_emulator._pages.forms import BrowserCookie, FormTokens
from ssooidc_emulator._pages.rendering import message, page, style, with_field
from ssooidc_emulator._pages.same_origin import comes_from_own_page, opens_a_window
from ssooidc_emulator._pages.wrong_codes import WrongCodes

__all__ = ["DevicePage"]

_DECISIONS: Final = frozenset({"approve", "deny"})
_LONGEST_NAME: Final = 200


class DevicePage:
    """The page over an instance's device logins. Not locked."""

    def __init__(self, logins: DeviceLogins, directory: Directory, entropy: Entropy) -> None:
        """Take the logins, and who could decide them."""
        self._directory: Final = directory
        self._logins: Final = logins
        self._tokens: Final = FormTokens(entropy)
        self._wrong: Final = WrongCodes()

    def style(self, wall: datetime) -> HttpResponse:
        """Answer with the pages' style sheet."""
        return style(wall)

    def handle(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        """Show the page, or take the decision."""
        if request.method in {"GET", "HEAD"}:
            return self._show(request, wall)
        if request.method == "POST":
            return self._decide(request, wall)
        response = message(405, "That cannot be done here", "Open this page in a browser.", wall)
        return with_field(response, "Allow", "GET, HEAD, POST")

    def _show(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        # Ten images with wrong codes would lock the page.
        if not opens_a_window(request):
            return message(403, "Not accepted", "Open this page in a window of its own.", wall)
        entered = field_of(urlsplit(request.url).query, "user_code")
        if entered is None:
            return page(200, "enter.html", wall, problem=None)
        found = self._find(entered, wall)
        if isinstance(found, HttpResponse):
            return found
        users = [user.name for user in self._directory.users]
        if not users:
            return _nobody(wall)
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
        return _with_cookie(response, cookie, request.url)

    def _decide(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        form = request.body.decode("utf-8", "replace")
        entered, token = field_of(form, "user_code") or "", field_of(form, "token") or ""
        decision = field_of(form, "decision")
        cookie = self._tokens.cookie(request)
        if not comes_from_own_page(request) or not self._tokens.fits(token, cookie, entered):
            text = "This form was not sent from the page it belongs to. Open the page again."
            return message(403, "Not accepted", text, wall)
        if decision not in _DECISIONS:
            return message(400, "Not understood", "Choose to approve or to deny.", wall)
        found = self._find(entered, wall)
        if isinstance(found, HttpResponse):
            return found
        if decision == "approve":
            return self._approve(found, field_of(form, "user"), wall)
        found.deny()
        return message(200, "Denied", "Nothing was given out. You can close this page.", wall)

    def _approve(self, login: DeviceLogin, chosen: str | None, wall: datetime) -> HttpResponse:
        users = [user.name for user in self._directory.users]
        # With one user there is nothing to choose.
        name = users[0] if not chosen and len(users) == 1 else chosen
        if name not in users:
            return message(400, "Not understood", "Choose who signs in.", wall)
        login.approve(name)
        return message(200, "Approved", "You can close this page and go back.", wall)

    def _find(self, entered: str, wall: datetime) -> DeviceLogin | HttpResponse:
        """Find a login that waits for a decision, or the page that says why there is none."""
        now = wall.timestamp()
        if wait := self._wrong.seconds_to_wait(now):
            response = message(
                429, "Too many wrong codes", f"Wait {wait} seconds and try again.", wall
            )
            return with_field(response, "Retry-After", str(wait))
        login = self._logins.find(entered)
        if login is None:
            self._wrong.count(now)
            problem = "No sign-in waits under this code. Compare it with the one you were shown."
            return page(404, "enter.html", wall, problem=problem)
        if login.is_expired(now):
            return message(410, "Expired", "This code has expired. Start the sign-in again.", wall)
        if login.state is not LoginState.PENDING:
            return message(409, "Already decided", "This code was used before.", wall)
        return login


def _nobody(wall: datetime) -> HttpResponse:
    return message(403, "Nobody can sign in", "This emulator's directory has no user.", wall)


def _with_cookie(response: HttpResponse, cookie: BrowserCookie, url: str) -> HttpResponse:
    return with_field(response, "Set-Cookie", cookie.set_cookie(url)) if cookie.is_new else response
