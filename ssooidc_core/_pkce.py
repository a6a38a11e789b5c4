"""Proof Key for Code Exchange, and the two URLs of a browser login: the authorize URL and the callback URL.

See RFC 7636 (verifier, challenge) and RFC 6749 section 4.1 (authorize URL, callback). The authorize URL is built as the
AWS CLI v2 builds it: the same parameters in the same order, `scopes` where the RFC has `scope`, `%20` for a space.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from pydantic import SecretStr

from ssooidc_core.errors import ConfigurationError

__all__ = [
    "Callback",
    "Entropy",
    "authorize_url",
    "code_challenge",
    "new_code_verifier",
    "new_state",
    "parse_callback",
]

Entropy: TypeAlias = Callable[[int], bytes]
"""Returns the given number of random bytes."""

_UNRESERVED: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_VERIFIER_LENGTH: Final = 64
# The largest multiple of 66 that fits in a byte: bytes above it would make the first characters more likely.
_FAIR: Final = 256 - 256 % len(_UNRESERVED)
_BYTES_AT_ONCE: Final = 96
_MOST_ROUNDS: Final = 100
_MOST_FIELDS: Final = 50
_LONGEST_CALLBACK: Final = 8192


def new_code_verifier(entropy: Entropy = secrets.token_bytes) -> SecretStr:
    """Return a code verifier: 64 of the 66 unreserved characters, equally likely, 386 bits (RFC 7636 section 4.1).

    Raises:
        RuntimeError: the entropy returns only bytes that cannot be used.
    """
    chosen: list[str] = []
    for _ in range(_MOST_ROUNDS):
        raw = entropy(_BYTES_AT_ONCE)
        chosen += [_UNRESERVED[byte % len(_UNRESERVED)] for byte in raw if byte < _FAIR]
        if len(chosen) >= _VERIFIER_LENGTH:
            return SecretStr("".join(chosen[:_VERIFIER_LENGTH]))
    message = "The entropy repeats itself: it must return other bytes each time"
    raise RuntimeError(message)


def code_challenge(verifier: SecretStr) -> str:
    """Return the S256 challenge of a verifier: base64url of its SHA-256, unpadded (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.get_secret_value().encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def new_state(entropy: Entropy = secrets.token_bytes) -> SecretStr:
    """Return a `state`: a random UUID, which ties the callback to this login (RFC 6749 section 10.12)."""
    raw = bytearray(entropy(16))
    # Version 4, variant 10 (RFC 9562 section 5.4).
    raw[6], raw[8] = raw[6] & 0x0F | 0x40, raw[8] & 0x3F | 0x80
    digits = raw.hex()
    return SecretStr("-".join(digits[start:end] for start, end in pairwise((0, 8, 12, 16, 20, 32))))


def authorize_url(  # noqa: PLR0913 - the parameters of the request, each by name
    oidc_endpoint: str,
    *,
    client_id: str,
    redirect_uri: str,
    state: SecretStr,
    challenge: str,
    scopes: Iterable[str],
) -> str:
    """Return the URL to open in a browser.

    Args:
        oidc_endpoint: the base URL of SSO OIDC, `ClientConfig.oidc_endpoint`.
        client_id: from the registration.
        redirect_uri: where the browser is sent back to, port included.
        state: what the callback must repeat.
        challenge: from `code_challenge`.
        scopes: the scopes of the registration.
    """
    query = urlencode(
        {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "state": state.get_secret_value(),
            "code_challenge_method": "S256",
            "scopes": " ".join(scopes),
            "code_challenge": challenge,
        },
        quote_via=quote,
        safe="",
    )
    return f"{oidc_endpoint}/authorize?{query}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Callback:
    """The parameters of a callback URL as they were received; none of them is checked yet.

    Attributes:
        path: the path of the URL.
        code: the authorization code; secret.
        state: the parameter `state`; secret while the login waits.
        error: the error code (RFC 6749 section 4.1.2.1), or `None`.
        error_description: its explanation, possibly with control characters, or `None`.
        iss: the issuer (RFC 9207), or `None`; AWS sends none.
    """

    path: str
    code: SecretStr | None = None
    state: SecretStr | None = None
    error: str | None = None
    error_description: str | None = field(default=None, repr=False)
    iss: str | None = None


def parse_callback(url: str) -> Callback:
    """Parse a callback URL, or its path and query.

    A repeated parameter counts as absent (RFC 6749 section 3.1 forbids repetition), and so does an empty one.

    Raises:
        ConfigurationError: it is not a URL, or too long. The message does not quote it, because it may contain a code.
    """
    message = "This is not the address that the browser was sent back to"
    try:
        parts = urlsplit(url) if len(url) <= _LONGEST_CALLBACK else None
        fields = parse_qsl(parts.query, max_num_fields=_MOST_FIELDS) if parts is not None else None
    except ValueError:
        fields, parts = None, None
    # A traceback may show the variables of its frames.
    del url
    if fields is None or parts is None:
        raise ConfigurationError(message)
    once: dict[str, str | None] = {}
    for name, value in fields:
        once[name] = None if name in once else value
    code, state = once.get("code"), once.get("state")
    return Callback(
        path=parts.path,
        code=None if code is None else SecretStr(code),
        state=None if state is None else SecretStr(state),
        error=once.get("error"),
        error_description=once.get("error_description"),
        iss=once.get("iss"),
    )
