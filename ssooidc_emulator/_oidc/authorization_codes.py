"""Authorization codes: from a person's consent at `/authorize` to one token (RFC 6749 section 4.1, RFC 7636).

::

    issued --CreateToken--> spent --CreateToken again--> its session is ended

A code is bound to the client, the redirect URI and the code challenge of its request. All mismatches have the same
answer, so that it does not reveal which part was right.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._expiring import ExpiringMap
from ssooidc_emulator._oidc.refusals import INVALID_GRANT, Refusal
from ssooidc_emulator._settings import Settings

__all__ = ["AuthorizationCode", "AuthorizationCodes"]

# 256 bits; RFC 6749 section 10.10 requires at least 128. The form of the real service's codes is not public.
_CODE_BYTES: Final = 32
# RFC 7636 section 4.1
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


@dataclass(slots=True)
class AuthorizationCode:
    """The record of a code; times are epoch seconds.

    Attributes:
        client_id: the client that requested it.
        redirect_uri: the URI to which it was sent, including the port.
        challenge: the S256 code challenge, or `None` if the request had none.
        scopes: the scopes that the person consented to.
        user: the person's user name.
        expires_at: the time at which it expires.
        is_spent: whether it was exchanged for a token.
        end_session: ends the session that it was exchanged for; a second use of the code calls it.
    """

    client_id: str
    redirect_uri: str
    challenge: str | None = field(repr=False)
    scopes: tuple[str, ...]
    user: str
    expires_at: float
    is_spent: bool = False
    end_session: Callable[[], None] | None = field(default=None, repr=False)


class AuthorizationCodes:
    """All authorization codes of an instance. Not locked."""

    def __init__(self, settings: Settings, entropy: Entropy) -> None:
        """Start without codes."""
        self._settings: Final = settings
        self._entropy: Final = entropy
        self._codes: Final = ExpiringMap[str, AuthorizationCode]()

    def __len__(self) -> int:
        """Return the number of codes that were not dropped yet."""
        return len(self._codes)

    def issue(  # noqa: PLR0913 - everything that a code is bound to, by keyword
        self,
        *,
        client_id: str,
        redirect_uri: str,
        challenge: str | None,
        scopes: tuple[str, ...],
        user: str,
        now: float,
    ) -> str:
        """Issue a code and return it."""
        raw = self._entropy(_CODE_BYTES)
        code = base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
        expires_at = now + self._settings.authorization_code_lifetime
        kept = AuthorizationCode(client_id, redirect_uri, challenge, scopes, user, expires_at)
        # Kept for as long as its session can last: until then, a second use of the code must end the session.
        self._codes.put(code, kept, until=expires_at + self._settings.session_lifetime)
        return code

    def redeem(
        self,
        code: str,
        *,
        client_id: str,
        redirect_uri: str | None,
        code_verifier: str | None,
        now: float,
    ) -> AuthorizationCode | Refusal:
        """Spend a code and return its record, or a refusal; the caller must set `end_session`.

        An attempt that does not match does not spend the code: a wrong guess must not lock out its owner, and verifiers
        cannot be guessed. A second use of a spent code ends its session, since one of its two holders may be an
        attacker (RFC 6749 section 10.5, RFC 9700 section 4.5).
        """
        known = self._codes.get(code)
        # Another client's code is answered like an unknown one, and stays as it is.
        if known is None or known.client_id != client_id:
            return INVALID_GRANT
        if known.is_spent:
            if known.end_session is not None:
                known.end_session()
            return INVALID_GRANT
        # RFC 6749 section 5.2 has `invalid_grant` for an expired code; the real service's answer is not public.
        if now >= known.expires_at:
            return INVALID_GRANT
        # RFC 6749 section 4.1.3: "their values MUST be identical"
        if redirect_uri != known.redirect_uri or not _proves(code_verifier, known.challenge):
            return INVALID_GRANT
        known.is_spent = True
        return known

    def forget_expired(self, now: float) -> None:
        """Drop codes whose sessions have expired."""
        _ = self._codes.forget_until(now)


def _proves(verifier: str | None, challenge: str | None) -> bool:
    """Return whether a verifier matches a challenge, or both are absent.

    A verifier for a code without a challenge does not match: it may be a downgrade attack (RFC 9700 section 2.1.1).
    """
    if verifier is None or challenge is None:
        return verifier is None and challenge is None
    # RFC 7636 section 4.1 sets the length, so that a verifier cannot be guessed.
    if _VERIFIER.match(verifier) is None:
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    computed = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return hmac.compare_digest(computed, challenge.encode())
