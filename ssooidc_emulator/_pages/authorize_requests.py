"""Authorization requests: what a browser asks `/authorize`, checked (RFC 6749 section 4.1.1, RFC 7636 section 4.3).

The order of checks is the RFC's: as long as client and redirect URI are not known to belong together, the browser is
sent nowhere (RFC 6749 section 4.1.2.1); after that, every problem is told to the client.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode

from ssooidc_emulator._oidc.redirect_uris import fits_registered
from ssooidc_emulator._pages.authorize_clients import AuthorizeClient, FindClient

__all__ = [
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
"""An error that a client is told (RFC 6749 section 4.1.2.1)."""

_LONGEST_QUERY: Final = 8192
_MOST_FIELDS: Final = 50
# RFC 7636 section 4.2: the SHA-256 digest, 32 bytes, in base64url without padding
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class Callback:
    """Where the browser is sent back to, and the `state` that must come back with it."""

    redirect_uri: str
    state: str | None = field(repr=False)

    def with_code(self, code: str) -> str:
        """Give the URL that brings a code."""
        return self._url(("code", code))

    def with_error(self, error: ErrorCode, description: str) -> str:
        """Give the URL that brings an error; the description is invented and holds nothing of the request."""
        return self._url(("error", error), ("error_description", description))

    def _url(self, *fields: tuple[str, str]) -> str:
        if self.state is not None:
            fields = (*fields, ("state", self.state))
        # The bytes of `state` come back as they came, whatever encoding they are in.
        query = urlencode(fields, quote_via=quote, safe="", errors="surrogateescape")
        # RFC 6749 section 3.1.2: a query that the redirect URI has stays.
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{query}"


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """A request with nothing wrong in it; `challenge` is `None` only for clients that are not public."""

    client: AuthorizeClient
    callback: Callback
    scopes: tuple[str, ...]
    challenge: str | None = field(repr=False)


def read_authorize_request(query: str, find_client: FindClient) -> AuthorizeRequest | str | None:
    """Check a request.

    Returns:
        The request, or the URL that tells the client what is wrong with it, or `None` where the browser may not be
        sent anywhere.
    """
    once, repeated = _parameters(query)
    client_id, redirect_uri = once.get("client_id"), once.get("redirect_uri")
    client = None if client_id is None else find_client(client_id)
    if client is None or redirect_uri is None:
        return None
    if not any(fits_registered(redirect_uri, registered) for registered in client.redirect_uris):
        return None
    callback = Callback(redirect_uri, once.get("state"))
    problem = _problem(once, client)
    if repeated:
        # RFC 6749 section 3.1. A state that came twice is none.
        problem = ("invalid_request", "A parameter is included more than once")
    if problem is not None:
        return callback.with_error(*problem)
    return AuthorizeRequest(client, callback, _granted(once, client), once.get("code_challenge"))


def _parameters(query: str) -> tuple[dict[str, str], frozenset[str]]:
    """Give the parameters that came once, and the names of those that came more than once.

    Empty ones count as absent (RFC 6749 section 3.1).
    """
    # What is no URL, or larger than any request, says nothing.
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
    # Without a method it would be `plain` (RFC 7636 section 4.3), which keeps the verifier from nobody who sees the
    # request.
    if method != "S256":
        return "transform algorithm not supported, use S256"
    return None if _CHALLENGE.match(challenge) else "code_challenge is not a SHA-256 digest"


def _granted(once: dict[str, str], client: AuthorizeClient) -> tuple[str, ...]:
    """Give the scopes that a token will have.

    "The access token will always include all scopes configured during client registration" (the API reference,
    CreateToken, parameter `scope`); an application's "is limited to the scopes that are granted" (CreateTokenWithIAM).
    """
    return client.scopes if client.is_public else _scopes(once) or client.scopes


def _scopes(once: dict[str, str]) -> tuple[str, ...]:
    """Give the scopes that are asked for, none where none are named.

    The AWS CLI sends `scopes` joined by blanks, AWS's VS Code extension the same joined by commas, other clients
    `scope` as RFC 6749 section 3.3 has it, the SDK for .NET neither: all of these sign in at the real service. Whether
    that one refuses scopes that were not registered is not public.
    """
    named = f"{once.get('scopes', '')} {once.get('scope', '')}".replace(",", " ").split()
    return tuple(dict.fromkeys(named))
