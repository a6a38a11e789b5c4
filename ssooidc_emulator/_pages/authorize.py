"""`/authorize`: the page where a person signs in to a client and consents; the browser then takes a code to the client.

Plain HTML that works without JavaScript. A request is not stored before the decision: the consent form contains the
request, which is checked again when the form is sent, and a CSRF token for this request and this browser.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._text import printable
from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._oidc.authorization_codes import AuthorizationCodes
from ssooidc_emulator._pages.authorize_requests import (
    AuthorizeClients,
    AuthorizeRequest,
    read_authorize_request,
)
from ssooidc_emulator._pages.forms import FormTokens, field_of
from ssooidc_emulator._pages.rendering import (
    message,
    page,
    redirect,
    with_field,
    with_form_targets,
    without_a_window,
    wrong_method,
)
from ssooidc_emulator._pages.same_origin import comes_from_own_page, opens_a_window

__all__ = ["AuthorizePage"]

_DECISIONS: Final = frozenset({"allow", "deny"})
_LONGEST_TEXT: Final = 200
# The redirect URIs of clients on this machine, and the pages to which these redirect in turn.
_ONWARD: Final = "http://127.0.0.1:* https:"
_INVALID_CALLBACK: Final = "Invalid callback URL"


class AuthorizePage:
    """The page over an instance's authorization codes. Not locked."""

    def __init__(
        self,
        codes: AuthorizationCodes,
        clients: AuthorizeClients,
        entropy: Entropy,
        *,
        auto_approve: str | None,
    ) -> None:
        """Issue codes to these clients; `auto_approve` names a user who is signed in without a page, if any."""
        self._codes: Final = codes
        self._clients: Final = clients
        self._tokens: Final = FormTokens(entropy)
        self._auto_approve: Final = auto_approve

    def handle(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        """Return the page, or carry out the decision in its form."""
        if request.method in {"GET", "HEAD"}:
            return self._show(request, wall)
        if request.method == "POST":
            return self._decide(request, wall)
        return wrong_method("GET, HEAD, POST", wall)

    def decide(self, url: str, *, user: str | None, deny: bool, now: float) -> str:
        """Decide on the request in a URL, and return the URL to which the browser is redirected.

        Raises:
            ValueError: the browser must not be redirected, or the user may not sign in.
        """
        asked = self._read(urlsplit(url).query, now)
        if isinstance(asked, str):
            return asked
        if asked is None:
            text = f"{_INVALID_CALLBACK}: no client has this id and this redirect URI"
            raise ValueError(text)
        if deny:
            return _denied(asked)
        name = next(iter(asked.client.users), None) if user is None else user
        if name is None or name not in asked.client.users:
            text = f"{'This user may not' if name else 'No user may'} sign in to this application"
            raise ValueError(text)
        return self._allowed(asked, name, now)

    def _show(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        # In a frame, a person could not see what they consent to.
        if not opens_a_window(request):
            return without_a_window(wall)
        query = urlsplit(request.url).query
        asked = self._read(query, wall.timestamp())
        if not isinstance(asked, AuthorizeRequest):
            return _nothing_to_decide(asked, wall)
        users = asked.client.users
        if self._auto_approve in users:
            return redirect(self._allowed(asked, self._auto_approve, wall.timestamp()), wall)
        if not users:
            text = "No user of this emulator's directory may sign in to this application."
            return message(403, "No user", text, wall)
        cookie = self._tokens.cookie(request)
        response = page(
            200,
            "consent.html",
            wall,
            client_name=printable(asked.client.name, limit=_LONGEST_TEXT),
            scopes=asked.scopes,
            redirect_uri=printable(asked.callback.redirect_uri, limit=_LONGEST_TEXT),
            users=users,
            query=query,
            token=self._tokens.token(cookie, query),
        )
        response = with_form_targets(response, _form_targets(asked.callback.redirect_uri))
        if cookie.is_new:
            return with_field(response, "Set-Cookie", cookie.set_cookie(request.url))
        return response

    def _decide(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        form = request.body.decode("utf-8", "replace")
        query, token = field_of(form, "request") or "", field_of(form, "token") or ""
        cookie = self._tokens.cookie(request)
        if not comes_from_own_page(request) or not self._tokens.fits(token, cookie, query):
            text = "This form was not sent from this emulator's own page. Start the sign-in again."
            return message(403, "Request refused", text, wall)
        asked = self._read(query, wall.timestamp())
        if not isinstance(asked, AuthorizeRequest):
            return _nothing_to_decide(asked, wall)
        decision = field_of(form, "decision")
        if decision not in _DECISIONS:
            return message(400, "Invalid form", "Choose Allow or Deny.", wall)
        if decision == "deny":
            return redirect(_denied(asked), wall)
        users = asked.client.users
        # With only one user, the form has no choice.
        name = field_of(form, "user") or (users[0] if len(users) == 1 else None)
        if name is None or name not in users:
            return message(400, "Invalid form", "Choose the user who signs in.", wall)
        return redirect(self._allowed(asked, name, wall.timestamp()), wall)

    def _read(self, query: str, now: float) -> AuthorizeRequest | str | None:
        return read_authorize_request(query, self._clients, now)

    def _allowed(self, asked: AuthorizeRequest, user: str, now: float) -> str:
        code = self._codes.issue(
            client_id=asked.client.client_id,
            redirect_uri=asked.callback.redirect_uri,
            challenge=asked.challenge,
            scopes=asked.scopes,
            user=user,
            now=now,
        )
        return asked.callback.with_code(code)


def _denied(asked: AuthorizeRequest) -> str:
    return asked.callback.with_error("access_denied", "The sign-in was denied")


def _nothing_to_decide(callback_url: str | None, wall: datetime) -> HttpResponse:
    if callback_url is not None:
        return redirect(callback_url, wall)
    # RFC 6749 section 4.1.2.1: "MUST NOT automatically redirect". The title is the real service's text.
    text = (
        "No application of this emulator has this id and this callback URL. "
        "You were not redirected to the application."
    )
    return message(400, _INVALID_CALLBACK, text, wall)


def _form_targets(redirect_uri: str) -> str:
    """Return the sources that `form-action` must allow besides `'self'`, so that the answer to the form can redirect.

    Chromium applies the policy of the page with the form to every redirect that follows, including those from the
    client's own callback (tested with Chromium 156). With `'self'` alone, the client never receives its code. With only
    its origin in addition, the sign-in works, but the browser does not follow a callback's redirect to another site.
    """
    parts = urlsplit(redirect_uri)
    is_onward = parts.scheme == "https" or (parts.scheme, parts.hostname) == ("http", "127.0.0.1")
    return _ONWARD if is_onward else f"{_ONWARD} {parts.scheme}:"
