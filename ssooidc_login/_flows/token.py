"""A session's token: read from the store while it is valid, and refreshed in time by one caller for all.

The caller that refreshes holds the store's lock on the token, reads the token again first, and saves the new one before
it releases the lock. So of any number of threads, tasks, processes and (with a lease) hosts one sends the request, and
the others use its result.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ssooidc_core import (
    CreateTokenResponse,
    LoginError,
    Now,
    RegisterClientResponse,
    RegistrationGone,
    SecretStr,
    SessionExpired,
    Sleep,
    SsoOidcError,
)
from ssooidc_core._cache_document import format_timestamp
from ssooidc_core._cache_files import TokenFile
from ssooidc_core.errors import CacheFileInvalid
from ssooidc_core.flows.refresh import RefreshAdvice, refresh_advice, refresh_token
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._events import Exclusively, LoginSteps, Undisturbed
from ssooidc_login._flows.documents import load_token, save_token, token_key
from ssooidc_login._flows.renewal import renewed, usable
from ssooidc_login.errors import NotLoggedIn, RefreshBusy, StoreError

__all__ = ["NEEDS_LOGIN", "SECONDS_TO_WAIT", "RefreshMemory", "current_token", "is_refreshable"]

_logger: Final = logging.getLogger("ssooidc_login")

_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.25

NEEDS_LOGIN: Final = (CacheFileInvalid, NotLoggedIn, RegistrationGone, SessionExpired)
"""Errors of `current_token` that mean someone must sign in again."""

SECONDS_TO_WAIT: Final = 30.0
"""How long a caller waits for another one's refresh, in seconds; the holder of the lock has 20."""


@dataclass(slots=True)
class RefreshMemory:
    """What a session remembers between calls.

    Attributes:
        tried_at: when a refresh last failed, or returned a token that expires soon.
        refused: the access token that the portal refused although it was just refreshed, or that cannot be refreshed.
    """

    tried_at: datetime | None = None
    refused: SecretStr | None = None


def is_refreshable(token: TokenFile, now: datetime) -> bool:
    """Return whether a token can be refreshed: it has all that the request needs, and its registration is valid."""
    return (
        token.refresh_token is not None
        and token.client_id is not None
        and token.client_secret is not None
        and (token.registration_expires_at is None or token.registration_expires_at > now)
    )


def current_token(
    settings: SsoSettings, memory: RefreshMemory, *, force: bool = False
) -> LoginSteps[TokenFile]:
    """Return a valid token, refreshed if it is time to.

    Args:
        settings: the session's settings.
        memory: what the session remembers.
        force: refresh however much time is left. The caller does not want the old token, so a failure is raised even
            if the old token is still valid.

    Raises:
        NotLoggedIn: the store has no token for this session.
        CacheFileInvalid: the stored token is broken.
        SessionExpired: the token has expired and cannot be refreshed: log in again.
        RegistrationGone: the token has expired, and its registration has ended or is unknown: log in again.
        StoreError: the token has expired, and the store cannot be written, so that refreshing could lose it.
        RefreshBusy: the token has expired, and another caller has been refreshing it for half a minute.
        SsoOidcError: the token has expired, and refreshing failed for another reason, which may be temporary.
    """
    token = yield from _stored(settings)
    now = (yield from Now()).wall
    advice = refresh_advice(expires_at=token.expires_at, now=now, tried_at=memory.tried_at)
    if advice is RefreshAdvice.NO and not force:
        return token
    if not is_refreshable(token, now):
        if token.expires_at > now and not force:
            return token
        raise _ended(settings, token, now)
    # While minutes are left, do not wait for a refresh in progress.
    wait = SECONDS_TO_WAIT if force or advice is RefreshAdvice.REQUIRED else 0.0
    found = yield from _refreshed_by_someone(settings, memory, token, wait, force=force)
    if found is not None:
        return found
    token = yield from _stored(settings)
    now = (yield from Now()).wall
    if token.expires_at > now and not force:
        return token
    message = f"Another process has been refreshing the token for {SECONDS_TO_WAIT:.0f} s"
    raise RefreshBusy(message)


def _refreshed_by_someone(
    settings: SsoSettings, memory: RefreshMemory, known: TokenFile, seconds: float, *, force: bool
) -> LoginSteps[TokenFile | None]:
    """Refresh the token, or wait for the caller that does so.

    A caller that waits looks for the new token in the store, which needs no lock. Return `None` if there is none after
    so many seconds.
    """
    end = (yield from Now()).monotonic + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            refreshed = yield from Exclusively(
                token_key(settings), lambda: _refresh(settings, memory, known, force=force), 0.0
            )
        except StoreError:
            # The store is read-only: its token can be used until it expires.
            if known.expires_at > (yield from Now()).wall and not force:
                return known
            raise
        if refreshed is not None:
            return refreshed
        left = end - (yield from Now()).monotonic
        if left <= 0:
            return None
        yield from Sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)
        token = yield from _stored(settings)
        if token != known and _is_good(token, (yield from Now()).wall):
            return token


def _refresh(
    settings: SsoSettings, memory: RefreshMemory, known: TokenFile, *, force: bool
) -> LoginSteps[TokenFile]:
    """Refresh the token while holding its lock; if another caller has just refreshed it, return that token."""
    token = yield from _stored(settings)
    now = (yield from Now()).wall
    if token != known and _is_good(token, now):
        return token
    # The previous holder of the lock may have just tried: do not repeat that.
    advice = refresh_advice(expires_at=token.expires_at, now=now, tried_at=memory.tried_at)
    if advice is RefreshAdvice.NO and not force:
        return token
    if not is_refreshable(token, now):
        if token.expires_at > now and not force:
            return token
        raise _ended(settings, token, now)
    failure: SsoOidcError
    try:
        answer = yield from refresh_token(_client(token), _answer(token))
    except SsoOidcError as caught:
        failure = caught
    else:
        received = (yield from Now()).wall
        new = renewed(settings, token, answer, received)
        # The last token of a session may expire soon, and refreshing it again returns no longer one.
        soon = refresh_advice(expires_at=new.expires_at, now=received) is not RefreshAdvice.NO
        memory.tried_at = received if soon else None
        # The new refresh token exists nowhere else: a cancellation must not lose it.
        kept = yield from Undisturbed(lambda: _save(settings, token, new))
        return usable(kept, token, answer, received, force=force)
    try:
        return (yield from _after_failure(settings, memory, token, failure, force=force))
    finally:
        del failure  # its traceback holds this frame


def _save(settings: SsoSettings, old: TokenFile, new: TokenFile) -> LoginSteps[TokenFile]:
    """Save the refreshed token, unless there was a logout or a new login during the request.

    AWS tools do not use our lock, and a lease may have run out. Reading the token once more before saving leaves them
    only a moment in which to interfere, not the whole request.
    """
    stored: TokenFile | None = old
    try:
        stored = yield from load_token(settings)
    except (CacheFileInvalid, StoreError) as caught:
        _logger.debug("Saving without reading the stored token again: %s", caught)
    if stored is None:
        message = "The session was signed out while its token was being refreshed"
        raise NotLoggedIn(message)
    if stored != old and _is_good(stored, (yield from Now()).wall):
        return stored
    try:
        yield from save_token(settings, new)
    except StoreError as caught:
        # The old refresh token may be used up, so the caller must at least get the new token.
        _logger.warning("The refreshed token cannot be saved: %s", caught)
    return new


def _after_failure(
    settings: SsoSettings,
    memory: RefreshMemory,
    token: TokenFile,
    failure: SsoOidcError,
    *,
    force: bool,
) -> LoginSteps[TokenFile]:
    """Return a newer token that was stored meanwhile, else the old one while it is valid; else raise the failure."""
    if isinstance(failure, SessionExpired):
        # A tool that does not use our lock may have refreshed between our reading and our request.
        try:
            stored = yield from load_token(settings)
        except (CacheFileInvalid, StoreError):
            stored = None  # the service's answer is the error to raise
        now = (yield from Now()).wall
        if stored is not None and stored != token and _is_good(stored, now):
            return stored
    now = (yield from Now()).wall
    memory.tried_at = now
    if token.expires_at > now and not force:
        # The class name only: enough for an administrator to find out why a session ends early.
        _logger.warning("A refresh failed (%s); the token is still valid", type(failure).__name__)
        return token
    try:
        raise failure
    finally:
        del failure


def _stored(settings: SsoSettings) -> LoginSteps[TokenFile]:
    token = yield from load_token(settings)
    if token is None:
        message = f"Not logged in to {_name(settings)}"
        raise NotLoggedIn(message)
    return token


def _name(settings: SsoSettings) -> str:
    return settings.session_name or settings.start_url


def _is_good(token: TokenFile, now: datetime) -> bool:
    return refresh_advice(expires_at=token.expires_at, now=now) is not RefreshAdvice.REQUIRED


def _ended(settings: SsoSettings, token: TokenFile, now: datetime) -> LoginError:
    verb = "expires" if token.expires_at > now else "expired"
    ended = f"The token of {_name(settings)} {verb} at {format_timestamp(token.expires_at)}"
    ends = token.registration_expires_at
    if token.refresh_token is None:
        return SessionExpired(f"{ended}, and it cannot be refreshed")
    if ends is not None and ends <= now:
        return RegistrationGone(
            f"{ended}, and its registration expired at {format_timestamp(ends)}"
        )
    return SessionExpired(f"{ended}, and its file lacks the registration that refreshing needs")


def _client(token: TokenFile) -> RegisterClientResponse:
    ends = token.registration_expires_at
    return RegisterClientResponse.model_validate(
        {
            "client_id": token.client_id,
            "client_secret": token.client_secret,
            "client_secret_expires_at": 0 if ends is None else int(ends.timestamp()),
        }
    )


def _answer(token: TokenFile) -> CreateTokenResponse:
    return CreateTokenResponse(access_token=token.access_token, refresh_token=token.refresh_token)
