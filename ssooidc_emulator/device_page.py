"""The page where a person decides on a device login: enter the code, compare, approve or deny.

Plain HTML that works without JavaScript. Forms carry a token of the browser that was shown them, and are taken from
our own pages only; wrong codes are counted, so that nobody can try them out.
"""

from __future__ import annotations

import functools
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from ssooidc_core.http import HttpRequest, HttpResponse
from ssooidc_emulator.answers import http_date
from ssooidc_emulator.device_logins import DeviceLogin, DeviceLogins, LoginState
from ssooidc_emulator.directory import Directory
from ssooidc_emulator.entropy import Entropy
from ssooidc_emulator.form_tokens import BrowserCookie, FormTokens
from ssooidc_emulator.same_origin import comes_from_another_site, comes_from_own_page
from ssooidc_emulator.wrong_codes import WrongCodes

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["DevicePage"]

_HEADERS: Final = (
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    # Not `no-referrer`: under that, browsers send `Origin: null` with our own forms (Fetch standard, section 3.2).
    ("Referrer-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
_DECISIONS: Final = frozenset({"approve", "deny"})
_MOST_FIELDS: Final = 10


@functools.cache
def _templates() -> Environment:
    """Load the templates.

    Raises:
        ImportError: jinja2 is not installed; the text names the extra.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - for pages only
    except ImportError:
        message = 'The emulator\'s pages need jinja2: pip install "ssooidc-core[emulator]"'
        raise ImportError(message, name="jinja2") from None
    return Environment(
        loader=PackageLoader("ssooidc_emulator"), autoescape=True, undefined=StrictUndefined
    )


@functools.cache
def _style() -> bytes:
    return resources.files("ssooidc_emulator").joinpath("templates", "style.css").read_bytes()


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
        return _answer(200, "text/css; charset=utf-8", _style(), wall)

    def handle(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        """Show the page, or take the decision."""
        if request.method in {"GET", "HEAD"}:
            return self._show(request, wall)
        if request.method == "POST":
            return self._decide(request, wall)
        response = _message(405, "That cannot be done here", "Open this page in a browser.", wall)
        return _with_field(response, "Allow", "GET, HEAD, POST")

    def _show(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        # A link from elsewhere is fine, an image is not: ten of them with wrong codes would lock the page.
        dest = request.headers.get("sec-fetch-dest")
        if comes_from_another_site(request) and dest != "document":
            return _message(403, "Not accepted", "Open this page in a window of its own.", wall)
        entered = _field(urlsplit(request.url).query, "user_code")
        if entered is None:
            return _page(200, "enter.html", wall, problem=None)
        found = self._find(entered, wall)
        if isinstance(found, HttpResponse):
            return found
        cookie = self._tokens.cookie(request)
        response = _page(
            200,
            "confirm.html",
            wall,
            user_code=found.user_code,
            client_name=found.client.client_name,
            scopes=found.client.scopes,
            token=self._tokens.token(cookie, found.user_code),
        )
        return _with_cookie(response, cookie, request.url)

    def _decide(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        form = request.body.decode("utf-8", "replace")
        entered, token = _field(form, "user_code") or "", _field(form, "token") or ""
        decision = _field(form, "decision")
        cookie = self._tokens.cookie(request)
        if not comes_from_own_page(request) or not self._tokens.fits(token, cookie, entered):
            text = "This form was not sent from the page it belongs to. Open the page again."
            return _message(403, "Not accepted", text, wall)
        if decision not in _DECISIONS:
            return _message(400, "Not understood", "Choose to approve or to deny.", wall)
        found = self._find(entered, wall)
        if isinstance(found, HttpResponse):
            return found
        if decision == "approve":
            found.approve(self._directory.someone(None).name)
            return _message(200, "Approved", "You can close this page and go back.", wall)
        found.deny()
        return _message(200, "Denied", "Nothing was given out. You can close this page.", wall)

    def _find(self, entered: str, wall: datetime) -> DeviceLogin | HttpResponse:
        """Find a login that waits for a decision, or the page that says why there is none."""
        now = wall.timestamp()
        if wait := self._wrong.seconds_to_wait(now):
            response = _message(
                429, "Too many wrong codes", f"Wait {wait} seconds and try again.", wall
            )
            return _with_field(response, "Retry-After", str(wait))
        login = self._logins.find(entered)
        if login is None:
            self._wrong.count(now)
            problem = "No sign-in waits under this code. Compare it with the one you were shown."
            return _page(404, "enter.html", wall, problem=problem)
        if login.is_expired(now):
            return _message(410, "Expired", "This code has expired. Start the sign-in again.", wall)
        if login.state is not LoginState.PENDING:
            return _message(409, "Already decided", "This code was used before.", wall)
        return login


def _field(form: str, name: str) -> str | None:
    """Give the one value of a form's or query's field; fields that come twice count as absent."""
    try:
        values = parse_qs(form, max_num_fields=_MOST_FIELDS).get(name, [])
    except ValueError:
        return None
    return values[0] if len(values) == 1 else None


def _message(status: int, title: str, text: str, wall: datetime) -> HttpResponse:
    return _page(status, "message.html", wall, title=title, text=text)


def _page(status: int, template: str, wall: datetime, **values: object) -> HttpResponse:
    html = _templates().get_template(template).render(values)
    return _answer(status, "text/html; charset=utf-8", html.encode(), wall)


def _answer(status: int, content_type: str, body: bytes, wall: datetime) -> HttpResponse:
    own = (
        ("Date", http_date(wall)),
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Connection", "keep-alive"),
    )
    return HttpResponse(status, own + _HEADERS, body)


def _with_field(response: HttpResponse, name: str, value: str) -> HttpResponse:
    return HttpResponse(response.status, (*response.headers.fields, (name, value)), response.body)


def _with_cookie(response: HttpResponse, cookie: BrowserCookie, url: str) -> HttpResponse:
    return (
        _with_field(response, "Set-Cookie", cookie.set_cookie(url)) if cookie.is_new else response
    )
