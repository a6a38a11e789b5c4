"""Sessions, which logins become, and their tokens.

Access tokens have the form `aoa<opaque>:<signature>`, refresh tokens `aor...`. The signature is an ECDSA signature in
DER form and base64, and so begins with `MG`. The emulator's are random bytes of that shape and verify under no key.
"""

from __future__ import annotations

import base64
import math
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._expiring import ExpiringMap
from ssooidc_emulator._oidc.refusals import INVALID_REFRESH_TOKEN, Refusal
from ssooidc_emulator._oidc.registrations import REFRESH_TOKEN, Registration
from ssooidc_emulator._settings import Settings

__all__ = ["ActiveSession", "IssuedTokens", "Session", "Sessions"]

_ROTATION_GRACE: Final = 60.0
_UUID_BYTES: Final = 16
_OPAQUE_BYTES: Final = 60
_INTEGER_BYTES: Final = 48
_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_TOP_BIT: Final = 0x80


@dataclass(slots=True)
class Session:
    """A user's session with one client; times are epoch seconds."""

    session_id: str
    client: Registration
    user: str
    scopes: tuple[str, ...]
    began_at: float
    expires_at: float
    ended: bool = False

    def end(self) -> None:
        """End the session; all of its tokens become invalid, access tokens included."""
        self.ended = True

    def is_over(self, now: float) -> bool:
        """Return whether the session was ended or has expired."""
        return self.ended or now >= self.expires_at


@dataclass(frozen=True, slots=True)
class ActiveSession:
    """A session that is not over, without its tokens."""

    session_id: str
    user: str
    client_name: str
    scopes: tuple[str, ...]
    began_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """The tokens that CreateToken returns; `expires_in` is in seconds."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str | None = field(repr=False)
    session: Session = field(repr=False)


@dataclass(slots=True)
class _RefreshToken:
    session: Session
    replaced_at: float | None = None


@dataclass(frozen=True, slots=True)
class _AccessToken:
    session: Session
    expires_at: float


class Sessions:
    """All sessions of an instance. Not locked."""

    def __init__(self, settings: Settings, entropy: Entropy) -> None:
        """Start without sessions."""
        self._settings: Final = settings
        self._entropy: Final = entropy
        self._sessions: Final = ExpiringMap[str, Session]()
        self._refresh_tokens: Final = ExpiringMap[str, _RefreshToken]()
        self._access_tokens: Final = ExpiringMap[str, _AccessToken]()

    def __len__(self) -> int:
        """Return the number of sessions that were not dropped yet."""
        return len(self._sessions)

    def begin(
        self,
        client: Registration,
        user: str,
        now: float,
        *,
        scopes: tuple[str, ...] | None = None,
    ) -> IssuedTokens:
        """Begin a user's session, by default with all scopes of the client.

        A session without scopes cannot be refreshed: AWS documents refresh tokens only for registrations with scopes.
        """
        session = Session(
            session_id=str(uuid.UUID(bytes=self._entropy(_UUID_BYTES), version=4)),
            client=client,
            user=user,
            scopes=client.scopes if scopes is None else scopes,
            began_at=now,
            expires_at=now + self._settings.session_lifetime,
        )
        self._sessions.put(session.session_id, session, until=session.expires_at)
        if session.scopes and REFRESH_TOKEN in client.grant_types:
            return self._issue(session, self._new_refresh_token(session), now)
        return self._issue(session, None, now)

    def refresh(
        self, refresh_token: str, client: Registration, now: float
    ) -> IssuedTokens | Refusal:
        """Return new tokens for a refresh token, according to the instance's refresh mode, or a refusal."""
        known = self._refresh_tokens.get(refresh_token)
        # RFC 6749 section 6: the token is bound to the client. Another client's is answered like an unknown one.
        if known is None or known.session.client.client_id != client.client_id:
            return INVALID_REFRESH_TOKEN
        session = known.session
        if session.is_over(now):
            return INVALID_REFRESH_TOKEN
        mode = self._settings.refresh_mode
        if mode == "stable":
            return self._issue(session, refresh_token, now)
        if known.replaced_at is None:
            known.replaced_at = now
        elif mode == "rotating-strict":
            # RFC 9700 section 4.14.2: one of the two holders of this token may be an attacker.
            session.end()
            return INVALID_REFRESH_TOKEN
        elif now >= known.replaced_at + _ROTATION_GRACE:
            return INVALID_REFRESH_TOKEN
        return self._issue(session, self._new_refresh_token(session), now)

    def find(self, access_token: str, now: float) -> Session | None:
        """Return the session of a valid access token, or `None`."""
        known = self._access_tokens.get(access_token)
        if known is None or now >= known.expires_at or known.session.is_over(now):
            return None
        return known.session

    def end(self, session_id: str, now: float) -> None:
        """End a session.

        Raises:
            ValueError: there is no session with this id, or it is over.
        """
        session = self._sessions.get(session_id)
        if session is None or session.is_over(now):
            message = "There is no active session with this id"
            raise ValueError(message)
        session.end()

    def listed(self, now: float) -> Iterable[ActiveSession]:
        """Yield the sessions that are not over, oldest first."""
        for session in self._sessions.values():
            if not session.is_over(now):
                yield ActiveSession(
                    session_id=session.session_id,
                    user=session.user,
                    client_name=session.client.client_name,
                    scopes=session.scopes,
                    began_at=datetime.fromtimestamp(session.began_at, UTC),
                    expires_at=datetime.fromtimestamp(session.expires_at, UTC),
                )

    def forget_expired(self, now: float) -> None:
        """Drop expired sessions and tokens."""
        _ = self._sessions.forget_until(now)
        _ = self._refresh_tokens.forget_until(now)
        _ = self._access_tokens.forget_until(now)

    def _new_refresh_token(self, session: Session) -> str:
        refresh_token = _new_token("aor", self._entropy)
        self._refresh_tokens.put(refresh_token, _RefreshToken(session), until=session.expires_at)
        return refresh_token

    def _issue(self, session: Session, refresh_token: str | None, now: float) -> IssuedTokens:
        access_token = _new_token("aoa", self._entropy)
        lifetime = (
            self._settings.access_token_lifetime
            if session.scopes
            else self._settings.session_lifetime
        )
        # No token outlives its session, and `expires_in` says so.
        expires_at = min(now + lifetime, session.expires_at)
        expires_in = max(1, math.floor(expires_at - now))
        self._access_tokens.put(access_token, _AccessToken(session, expires_at), until=expires_at)
        return IssuedTokens(access_token, expires_in, refresh_token, session)


def _new_token(prefix: str, entropy: Entropy) -> str:
    raw = entropy(_OPAQUE_BYTES + 2 * _INTEGER_BYTES)
    opaque, r, s = raw[:_OPAQUE_BYTES], raw[_OPAQUE_BYTES:-_INTEGER_BYTES], raw[-_INTEGER_BYTES:]
    integers = _der_integer(r) + _der_integer(s)
    signature = bytes((_SEQUENCE, len(integers))) + integers
    return (
        f"{prefix}{base64.urlsafe_b64encode(opaque).decode('ascii')}"
        f":{base64.b64encode(signature).rstrip(b'=').decode('ascii')}"
    )


def _der_integer(value: bytes) -> bytes:
    # DER integers are signed: a leading zero keeps this one positive (ITU-T X.690 section 8.3).
    digits = b"\0" + value if value[0] & _TOP_BIT else value
    return bytes((_INTEGER, len(digits))) + digits
