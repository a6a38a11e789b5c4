"""`SessionStatus`: the state of a session according to the store; no request is sent."""

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
    """The state of a session."""

    SIGNED_OUT = "signed out"
    """There is no token."""
    BROKEN = "broken"
    """The token's file cannot be read: log in again."""
    VALID = "valid"
    """The token is valid and can be refreshed."""
    LEGACY = "legacy"
    """The token is valid but cannot be refreshed: when it expires, log in again."""
    REFRESHABLE = "refreshable"
    """The token has expired; its next use refreshes it, unless the session has ended."""
    EXPIRED = "expired"
    """The token has expired and cannot be refreshed: log in again."""
    FOREIGN_SCOPES = "foreign scopes"
    """Another tool made the token, for other scopes: the access portal refuses it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionStatus:
    """The state of a session at one moment.

    Attributes:
        state: the state.
        token_left: the time until the token expires; negative after that, `None` without a token.
        registration_left: the time until the registration expires; negative after that, `None` if it is unknown.
        expires_at: when the token expires, UTC.
        registration_expires_at: when its registration expires, UTC.
    """

    state: SessionState
    token_left: timedelta | None = None
    registration_left: timedelta | None = None
    expires_at: datetime | None = None
    registration_expires_at: datetime | None = None


def session_status(settings: SsoSettings) -> LoginSteps[SessionStatus]:
    """Return the state of a session according to the store.

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
    """Return whether the token's registration is known to lack the portal's scope, which the session needs.

    Other tools store their own tokens under the same name (fwdcloudsec/granted#941).
    """
    if settings.scopes is not None and _PORTAL_SCOPE not in settings.scopes:
        return False
    scopes = token.scopes
    if scopes is None and registration is not None and registration.client_id == token.client_id:
        scopes = registration.scopes
    return bool(scopes) and _PORTAL_SCOPE not in (scopes or ())
