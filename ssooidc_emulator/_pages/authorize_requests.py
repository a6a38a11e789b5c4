"""Authorization requests, which browsers send to `/authorize` (RFC 6749 section 4.1.1, RFC 7636 section 4.3).

The checks have the order of RFC 6749 section 4.1.2.1: if the redirect URI is not one of the client's, the browser is
not redirected; any other problem is reported to the client.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode

from ssooidc_emulator._directory import Directory
from ssooidc_emulator._oidc.redirect_uris import fits_registered
from ssooidc_emulator._oidc.registrations import AUTHORIZATION_CODE, Registrations

__all__ = [
    "AuthorizeClient",
    "AuthorizeClients",
    "AuthorizeRequest",
    "Callback",
    "ErrorCode",
    "read_authorize_request",
]

ErrorCode: TypeAlias = Literal[
    "access_denied",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_response_type",
]
"""The code of an error that is reported to the client (RFC 6749 section 4.1.2.1)."""

_LONGEST_QUERY: Final = 8192
_MOST_FIELDS: Final = 50
# RFC 7636 section 4.2: the SHA-256 digest, 32 bytes, in base64url without padding
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorizeClient:
    """A client that may send people to `/authorize`: a registered client, or an application of the directory.

    Attributes:
        client_id: the client's id, or the application's ARN.
        name: the name that the page shows.
        scopes: the scopes that it may request, and the scopes of a request that names none.
        redirect_uris: the registered redirect URIs.
        may_use_codes: whether it was registered for authorization codes.
        is_public: whether it cannot keep a secret and so must use PKCE (RFC 9700 section 2.1.1).
        users: the names of the users who may sign in to it.
    """

    client_id: str
    name: str
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    may_use_codes: bool
    is_public: bool
    users: tuple[str, ...]


class AuthorizeClients:
    """All clients that may send people to `/authorize`. Not locked."""

    def __init__(self, registrations: Registrations, directory: Directory) -> None:
        """Look clients up in these registrations and this directory."""
        self._registrations: Final = registrations
        self._directory: Final = directory

    def find(self, client_id: str, now: float) -> AuthorizeClient | None:
        """Return the client with this id, or `None`; `now` is in epoch seconds."""
        users = tuple(user.name for user in self._directory.users)
        registration = self._registrations.find(client_id, now)
        if registration is not None:
            return AuthorizeClient(
                client_id=client_id,
                name=registration.client_name,
                scopes=registration.scopes,
                redirect_uris=registration.redirect_uris,
                may_use_codes=AUTHORIZATION_CODE in registration.grant_types,
                is_public=True,
                users=users,
            )
        application = self._directory.application(client_id)
        if application is None:
            return None
        assigned = application.users
        return AuthorizeClient(
            client_id=client_id,
            name=client_id,
            scopes=application.allowed_scopes,
            redirect_uris=application.redirect_uris,
            may_use_codes=AUTHORIZATION_CODE in application.grant_types,
            # An application signs its CreateTokenWithIAM requests, whose `codeVerifier` is optional.
            is_public=False,
            users=tuple(name for name in users if assigned is None or name in assigned),
        )


@dataclass(frozen=True, slots=True)
class Callback:
    """The redirect URI of a request, and the `state` that must be sent back to it."""

    redirect_uri: str
    state: str | None = field(repr=False)

    def with_code(self, code: str) -> str:
        """Return the URL with a code."""
        return self._url(("code", code))

    def with_error(self, error: ErrorCode, description: str) -> str:
        """Return the URL with an error; its description is invented and contains nothing of the request."""
        return self._url(("error", error), ("error_description", description))

    def _url(self, *fields: tuple[str, str]) -> str:
        if self.state is not None:
            fields = (*fields, ("state", self.state))
        # The bytes of `state` are sent back unchanged, whatever their encoding.
        query = urlencode(fields, quote_via=quote, safe="", errors="surrogateescape")
        # RFC 6749 section 3.1.2: the query of the redirect URI is kept.
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{query}"


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """A valid request; `challenge` is `None` only if the client is not public."""

    client: AuthorizeClient
    callback: Callback
    scopes: tuple[str, ...]
    challenge: str | None = field(repr=False)


def read_authorize_request(
    query: str, clients: AuthorizeClients, now: float
) -> AuthorizeRequest | str | None:
    """Check a request.

    Args:
        query: the query of the request.
        clients: the known clients.
        now: the time in epoch seconds.

    Returns:
        The request, or the URL that reports a problem to the client, or `None` if the browser must not be redirected.
    """
    once, repeated = _parameters(query)
    client_id, redirect_uri = once.get("client_id"), once.get("redirect_uri")
    client = None if client_id is None else clients.find(client_id, now)
    if client is None or redirect_uri is None:
        return None
    if not any(fits_registered(redirect_uri, registered) for registered in client.redirect_uris):
        return None
    callback = Callback(redirect_uri, once.get("state"))
    problem = _problem(once, client)
    if repeated:
        # RFC 6749 section 3.1. A repeated `state` counts as absent.
        problem = ("invalid_request", "A parameter is included more than once")
    if problem is not None:
        return callback.with_error(*problem)
    return AuthorizeRequest(client, callback, _granted(once, client), once.get("code_challenge"))


def _parameters(query: str) -> tuple[dict[str, str], frozenset[str]]:
    """Return the parameters that occur once, and the names of the repeated ones.

    Empty parameters count as absent (RFC 6749 section 3.1).
    """
    # A query that cannot be in a URL, or is longer than any real one, counts as empty.
    if len(query) > _LONGEST_QUERY or not query.isascii() or not query.isprintable():
        return {}, frozenset()
    try:
        pairs = parse_qsl(query, errors="surrogateescape", max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}, frozenset()
    names = [name for name, _ in pairs]
    repeated = frozenset(name for name in names if names.count(name) > 1)
    return {name: value for name, value in pairs if name not in repeated}, repeated


def _problem(once: dict[str, str], client: AuthorizeClient) -> tuple[ErrorCode, str] | None:
    response_type = once.get("response_type")
    if response_type is None:
        return "invalid_request", "response_type is missing"
    if response_type != "code":
        return "unsupported_response_type", "Only the response type code is supported"
    if not client.may_use_codes:
        return "unauthorized_client", "Client is not registered for authorization codes"
    if problem := _pkce_problem(once, is_required=client.is_public):
        return "invalid_request", problem
    if not set(_scopes(once)) <= set(client.scopes):
        return "invalid_scope", "A scope is not one that the client was registered with"
    return None


def _pkce_problem(once: dict[str, str], *, is_required: bool) -> str | None:
    challenge, method = once.get("code_challenge"), once.get("code_challenge_method")
    if challenge is None:
        if is_required:
            # RFC 7636 section 4.4.1
            return "code challenge required"
        return None if method is None else "code_challenge is missing"
    # Without a method it would be `plain` (RFC 7636 section 4.3), which shows the verifier to everyone who sees the
    # request.
    if method != "S256":
        return "transform algorithm not supported, use S256"
    return None if _CHALLENGE.match(challenge) else "code_challenge is not a SHA-256 digest"


def _granted(once: dict[str, str], client: AuthorizeClient) -> tuple[str, ...]:
    """Return the scopes that the token will have.

    "The access token will always include all scopes configured during client registration" (the API reference,
    CreateToken, parameter `scope`); an application's "is limited to the scopes that are granted" (CreateTokenWithIAM).
    """
    return client.scopes if client.is_public else _scopes(once) or client.scopes


def _scopes(once: dict[str, str]) -> tuple[str, ...]:
    """Return the requested scopes, if any.

    The AWS CLI sends `scopes` separated by spaces, AWS's VS Code extension `scopes` separated by commas, other clients
    `scope` (RFC 6749 section 3.3), and the SDK for .NET neither. The real service accepts all of these. Whether it
    refuses scopes that were not registered is not public.
    """
    named = f"{once.get('scopes', '')} {once.get('scope', '')}".replace(",", " ").split()
    return tuple(dict.fromkeys(named))
