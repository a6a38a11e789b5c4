"""`/authorize`: where a person signs in for a client and agrees, and the browser takes a code back to it.

Plain HTML that works without JavaScript. Nothing is kept of a request until it is decided: the consent form holds the
request itself, which is checked again when the form comes back, and a token that fits this request and this browser.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._text import printable
from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._oidc.authorization_codes import AuthorizationCodes
from ssooidc_emulator._pages.authorize_clients import AuthorizeClients
from ssooidc_emulator._pages.authorize_requests import AuthorizeRequest, read_authorize_request
from ssooidc_emulator._pages.form_fields import field_of
from ssooidc_emulator._pages.forms import FormTokens
from ssooidc_emulator._pages.rendering import message, page, redirect, with_field, with_form_targets
from ssooidc_emulator._pages.same_origin import comes_from_own_page, opens_a_window

__all__ = ["AuthorizePage"]

_DECISIONS: Final = frozenset({"allow", "deny"})
_LONGEST_TEXT: Final = 200
# Nothing else is a redirect URI of a client that runs on this machine, or a page that it would lead on to.
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
        """Take what codes are made of, and the user who is signed in without being asked, if any."""
        self._codes: Final = codes
        self._clients: Final = clients
        self._tokens: Final = FormTokens(entropy)
        self._auto_approve: Final = auto_approve

    def handle(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        """Show the page, or take the decision."""
        if request.method in {"GET", "HEAD"}:
            return self._show(request, wall)
        if request.method == "POST":
            return self._take(request, wall)
        response = message(405, "That cannot be done here", "Open this page in a browser.", wall)
        return with_field(response, "Allow", "GET, HEAD, POST")

    def decide(self, url: str, *, user: str | None, deny: bool, now: float) -> str:
        """Decide on the request of a URL, and give the URL that the browser is sent back to.

        Raises:
            ValueError: the browser would be sent nowhere, or the user may not sign in.
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
            text = "There is no such user" if name else "There is no user who could sign in"
            raise ValueError(text)
        return self._allowed(asked, name, now)

    def _show(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        # In anything smaller nobody could see what they agree to.
        if not opens_a_window(request):
            return message(403, "Not accepted", "Open this page in a window of its own.", wall)
        query = urlsplit(request.url).query
        asked = self._read(query, wall.timestamp())
        if not isinstance(asked, AuthorizeRequest):
            return _nothing_to_decide(asked, wall)
        users = asked.client.users
        if self._auto_approve in users:
            return redirect(self._allowed(asked, self._auto_approve, wall.timestamp()), wall)
        if not users:
            text = "No user of this emulator's directory may sign in to this application."
            return message(403, "Nobody can sign in", text, wall)
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

    def _take(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        form = request.body.decode("utf-8", "replace")
        query, token = field_of(form, "request") or "", field_of(form, "token") or ""
        cookie = self._tokens.cookie(request)
        if not comes_from_own_page(request) or not self._tokens.fits(token, cookie, query):
            text = "This form was not sent from the page it belongs to. Start the sign-in again."
            return message(403, "Not accepted", text, wall)
        asked = self._read(query, wall.timestamp())
        if not isinstance(asked, AuthorizeRequest):
            return _nothing_to_decide(asked, wall)
        decision = field_of(form, "decision")
        if decision not in _DECISIONS:
            return message(400, "Not understood", "Choose to allow or to deny.", wall)
        if decision == "deny":
            return redirect(_denied(asked), wall)
        users = asked.client.users
        # With one user there is nothing to choose.
        name = field_of(form, "user") or (users[0] if len(users) == 1 else None)
        if name is None or name not in users:
            return message(400, "Not understood", "Choose who signs in.", wall)
        return redirect(self._allowed(asked, name, wall.timestamp()), wall)

    def _read(self, query: str, now: float) -> AuthorizeRequest | str | None:
        return read_authorize_request(query, partial(self._clients.find, now=now))

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
    # RFC 6749 section 4.1.2.1: "MUST NOT automatically redirect"; the words are the real service's.
    text = "No application of this emulator has this id and this address. You were not sent back."
    return message(400, _INVALID_CALLBACK, text, wall)


def _form_targets(redirect_uri: str) -> str:
    """Give what `form-action` must allow besides ourselves, so that the answer to the form may redirect there.

    Chromium holds every redirect that follows a form against the policy of the page with the form, those that the
    client's own callback answers with as well (tried with Chromium 156). With `'self'` alone the client never got its
    code; with its origin alone the browser stays here, though the sign-in worked, where the callback leads on to a page
    elsewhere that says so.
    """
    parts = urlsplit(redirect_uri)
    is_onward = parts.scheme == "https" or (parts.scheme, parts.hostname) == ("http", "127.0.0.1")
    return _ONWARD if is_onward else f"{_ONWARD} {parts.scheme}:"
