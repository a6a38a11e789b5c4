"""Authorization codes: from a person's consent at `/authorize` to one token (RFC 6749 section 4.1, RFC 7636).

::

    issued --CreateToken--> spent --CreateToken again--> its session is ended

A code is bound to the client, the redirect URI and the code challenge that it was asked for with. Whatever does not
fit is answered alike, so that nobody learns which part was right.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._expiring import ExpiringMap
from ssooidc_emulator._oidc.refusals import INVALID_GRANT, Refusal
from ssooidc_emulator._oidc.sessions import Session
from ssooidc_emulator._settings import Settings

__all__ = ["AuthorizationCode", "AuthorizationCodes"]

# 256 bits (RFC 6749 section 10.10 wants 128 at least). What the real service's codes look like is not public.
_CODE_BYTES: Final = 32
# RFC 7636 section 4.1
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


@dataclass(slots=True)
class AuthorizationCode:
    """What a code stands for; times are epoch seconds.

    Attributes:
        client_id: who asked for it.
        redirect_uri: where it was sent, port included.
        challenge: the S256 code challenge, or `None` where none was sent.
        scopes: what the person consented to.
        user: the name of the person.
        expires_at: when it is void.
        is_spent: whether a token was given for it.
        session: the session that it became, as soon as `began` was told.
    """

    client_id: str
    redirect_uri: str
    challenge: str | None = field(repr=False)
    scopes: tuple[str, ...]
    user: str
    expires_at: float
    is_spent: bool = False
    session: Session | None = field(default=None, repr=False)

    def began(self, session: Session) -> None:
        """Remember the session, which a second use of the code ends."""
        self.session = session


class AuthorizationCodes:
    """All authorization codes of an instance. Not locked."""

    def __init__(self, settings: Settings, entropy: Entropy) -> None:
        """Start with none."""
        self._settings: Final = settings
        self._entropy: Final = entropy
        self._codes: Final = ExpiringMap[str, AuthorizationCode]()

    def __len__(self) -> int:
        """Count the codes that were not forgotten."""
        return len(self._codes)

    def issue(  # noqa: PLR0913 - what a code is bound to, each by name
        self,
        *,
        client_id: str,
        redirect_uri: str,
        challenge: str | None,
        scopes: tuple[str, ...],
        user: str,
        now: float,
    ) -> str:
        """Make a code."""
        raw = self._entropy(_CODE_BYTES)
        code = base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
        expires_at = now + self._settings.authorization_code_lifetime
        kept = AuthorizationCode(client_id, redirect_uri, challenge, scopes, user, expires_at)
        # As long as a session that came of it may live: so long a second use of the code must end it.
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
        """Spend a code, or say why not; who gets it must tell it of the session that `began`.

        An attempt that does not fit spends nothing: the code's owner must not be locked out by somebody's guess, and
        nobody guesses a verifier. A code that was spent ends its session (RFC 6749 section 10.5, RFC 9700 section
        4.5): one of the two that hold it is a thief.
        """
        known = self._codes.get(code)
        # Another client's code must look like none at all, and nothing comes of showing it.
        if known is None or known.client_id != client_id:
            return INVALID_GRANT
        if known.is_spent:
            if known.session is not None:
                known.session.end()
            return INVALID_GRANT
        # RFC 6749 section 5.2 has `invalid_grant` for an expired code; what AWS says is not public.
        if now >= known.expires_at:
            return INVALID_GRANT
        # RFC 6749 section 4.1.3: "their values MUST be identical"
        if redirect_uri != known.redirect_uri or not _proves(code_verifier, known.challenge):
            return INVALID_GRANT
        known.is_spent = True
        return known

    def forget_expired(self, now: float) -> None:
        """Drop codes that nobody can do anything with any more."""
        _ = self._codes.forget_until(now)


def _proves(verifier: str | None, challenge: str | None) -> bool:
    """Whether a verifier is the one behind a challenge.

    One without the other proves nothing: a verifier for a code without a challenge is a downgrade attack (RFC 9700
    section 2.1.1).
    """
    if verifier is None or challenge is None:
        return verifier is None and challenge is None
    # One that is too short to be safe proves nothing either.
    if _VERIFIER.match(verifier) is None:
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    computed = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return hmac.compare_digest(computed, challenge.encode())
