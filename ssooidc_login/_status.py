"""`SessionStatus`: how a session stands, by what is in the store; nothing is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from ssooidc_core import Now
from ssooidc_core._cache_files import RegistrationFile, TokenFile
from ssooidc_core.errors import CacheFileInvalid
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._events import LoginSteps
from ssooidc_login._flows.documents import load_registration, load_token
from ssooidc_login._flows.token import is_refreshable

__all__ = ["SessionState", "SessionStatus", "session_status"]

_PORTAL_SCOPE = "sso:account:access"


class SessionState(Enum):
    """How a session stands."""

    SIGNED_OUT = "signed out"
    """There is no token."""
    BROKEN = "broken"
    """The token's file cannot be read: log in again."""
    VALID = "valid"
    """The token is good, and can be refreshed."""
    LEGACY = "legacy"
    """The token is good, and cannot be refreshed: at its end a person logs in again."""
    REFRESHABLE = "refreshable"
    """The token has ended; the next use refreshes it, unless the session was ended meanwhile."""
    EXPIRED = "expired"
    """The token has ended, and cannot be refreshed: log in again."""
    FOREIGN_SCOPES = "foreign scopes"
    """The token was made by another tool for something else: the access portal refuses it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionStatus:
    """How a session stands, at a moment.

    Attributes:
        state: in one word.
        token_left: until the token ends; below zero after it, `None` without one.
        registration_left: until the registration ends, likewise.
        expires_at: when the token ends, UTC.
        registration_expires_at: when its registration ends, UTC.
    """

    state: SessionState
    token_left: timedelta | None = None
    registration_left: timedelta | None = None
    expires_at: datetime | None = None
    registration_expires_at: datetime | None = None


def session_status(settings: SsoSettings) -> LoginSteps[SessionStatus]:
    """Look at what is stored.

    Raises:
        StoreError: the store cannot be read.
    """
    try:
        token = yield from load_token(settings)
    except CacheFileInvalid:
        return SessionStatus(state=SessionState.BROKEN)
    if token is None:
        return SessionStatus(state=SessionState.SIGNED_OUT)
    now = (yield from Now()).wall
    registration = yield from load_registration(settings)
    ends = token.registration_expires_at
    return SessionStatus(
        state=_state(settings, token, registration, now),
        token_left=token.expires_at - now,
        registration_left=None if ends is None else ends - now,
        expires_at=token.expires_at,
        registration_expires_at=ends,
    )


def _state(
    settings: SsoSettings, token: TokenFile, registration: RegistrationFile | None, now: datetime
) -> SessionState:
    if _is_foreign(settings, token, registration):
        return SessionState.FOREIGN_SCOPES
    refreshable = is_refreshable(token, now)
    if token.expires_at > now:
        return SessionState.VALID if refreshable else SessionState.LEGACY
    return SessionState.REFRESHABLE if refreshable else SessionState.EXPIRED


def _is_foreign(
    settings: SsoSettings, token: TokenFile, registration: RegistrationFile | None
) -> bool:
    """Say whether the token's own registration is known to lack the portal's scope, which the session wants.

    Other tools put tokens of their own under the same name (fwdcloudsec/granted#941).
    """
    if settings.scopes is not None and _PORTAL_SCOPE not in settings.scopes:
        return False
    told = token.scopes
    if told is None and registration is not None and registration.client_id == token.client_id:
        told = registration.scopes
    return bool(told) and _PORTAL_SCOPE not in (told or ())
