"""A session's token: taken from the store while it is good, refreshed in time, by one caller for all.

Whoever refreshes holds the store's lock on the token, reads it again first, and saves before letting go, so that of any
number of threads, tasks, processes and (with a lease) hosts one asks the service and the others take what it got.
"""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ssooidc_core import (
    CreateTokenResponse,
    InvalidGrantException,
    LoginError,
    Now,
    RegisterClientResponse,
    RegistrationGone,
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
from ssooidc_login._flows.documents import end_of, load_token, save_token, token_key
from ssooidc_login.errors import NotLoggedIn, RefreshBusy, StoreError

__all__ = ["RefreshMemory", "current_token", "is_refreshable"]

_logger: Final = logging.getLogger("ssooidc_login")

_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.25

SECONDS_TO_WAIT: Final = 30.0
"""How long somebody else may take to refresh, before a caller gives up; the holder has 20 s."""


@dataclass(slots=True)
class RefreshMemory:
    """What a session remembers between calls: when a refresh was last tried in vain, or gave a token that ends soon."""

    tried_at: datetime | None = None


def is_refreshable(token: TokenFile, now: datetime) -> bool:
    """Say whether a token has all that refreshing takes, and its registration is still good."""
    return (
        token.refresh_token is not None
        and token.client_id is not None
        and token.client_secret is not None
        and (token.registration_expires_at is None or token.registration_expires_at > now)
    )


def current_token(
    settings: SsoSettings, memory: RefreshMemory, *, force: bool = False
) -> LoginSteps[TokenFile]:
    """Give a token that is good now, refreshed if it is time to.

    Args:
        settings: which session.
        memory: the session's.
        force: refresh whatever time is left. Whoever asks for that knows why the old token does not do, and so gets
            what went wrong in place of it, as if it had ended.

    Raises:
        NotLoggedIn: the store has no token of this session.
        CacheFileInvalid: what the store has is broken.
        SessionExpired: the token has ended, and it cannot be refreshed: log in again.
        RegistrationGone: likewise, since the registration is gone.
        StoreError: the token has ended, and the store cannot be written, so that refreshing could lose it.
        RefreshBusy: the token has ended, and somebody else has been refreshing it for half a minute.
        SsoOidcError: the token has ended, and refreshing failed for another reason, which may go away.
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
    # While there are minutes left, nobody need wait for who is refreshing already.
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
    """Refresh, or wait for who does: of many that wait, each looks at the store, and none needs the lock for that."""
    end = (yield from Now()).monotonic + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            refreshed = yield from Exclusively(
                token_key(settings), lambda: _refresh(settings, memory, known, force=force), 0.0
            )
        except StoreError:
            # A store that can only be read: its token is as good as it is.
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
    """Refresh, with the key held: adopt what somebody else got in the meantime, else ask the service."""
    token = yield from _stored(settings)
    now = (yield from Now()).wall
    if token != known and _is_good(token, now):
        return token
    # Who waited for the key need not repeat what its holder has just tried.
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
        new = dataclasses.replace(
            token,
            start_url=settings.start_url,
            region=settings.region,
            access_token=answer.access_token,
            expires_at=end_of(received, answer.expires_in),
            refresh_token=answer.refresh_token,
        )
        # The last token of a session may end soon, and no refresh gives a longer one.
        soon = refresh_advice(expires_at=new.expires_at, now=received) is not RefreshAdvice.NO
        memory.tried_at = received if soon else None
        # Cancelled now, it would lose a refresh token that nobody else has.
        return (yield from Undisturbed(lambda: _save(settings, token, new)))
    try:
        return (yield from _after_failure(settings, memory, token, failure, force=force))
    finally:
        del failure  # its traceback holds this frame


def _save(settings: SsoSettings, old: TokenFile, new: TokenFile) -> LoginSteps[TokenFile]:
    """Save what was refreshed, unless the session was signed out or signed in anew during the call.

    AWS tools know no lock of ours, and a lease may have run out. Looking once more leaves them a moment, not a call.
    """
    stored: TokenFile | None = old
    try:
        stored = yield from load_token(settings)
    except (CacheFileInvalid, StoreError) as caught:
        _logger.debug("Saving without another look at what is stored: %s", caught)
    if stored is None:
        # Signed out meanwhile: that counts.
        message = "The session was signed out while its token was being refreshed"
        raise NotLoggedIn(message)
    if stored != old and _is_good(stored, (yield from Now()).wall):
        return stored
    try:
        yield from save_token(settings, new)
    except StoreError as caught:
        # The old one may be spent: who has the new one must not lose it as well.
        _logger.warning("The refreshed token cannot be kept: %s", caught)
    return new


def _after_failure(
    settings: SsoSettings,
    memory: RefreshMemory,
    token: TokenFile,
    failure: SsoOidcError,
    *,
    force: bool,
) -> LoginSteps[TokenFile]:
    """Say what a failed refresh means: somebody else's newer token, the old one while it is good, or the failure."""
    if isinstance(failure, SessionExpired) and isinstance(failure.__cause__, InvalidGrantException):
        # A tool that knows no lock of ours may have refreshed between reading and asking.
        try:
            stored = yield from load_token(settings)
        except (CacheFileInvalid, StoreError):
            stored = None  # what the service said counts
        now = (yield from Now()).wall
        if stored is not None and stored != token and _is_good(stored, now):
            return stored
    now = (yield from Now()).wall
    memory.tried_at = now
    if token.expires_at > now and not force:
        # By its class: an administrator who looks for why a session ends early has something to find.
        _logger.warning("A refresh failed (%s); the token is good for now", type(failure).__name__)
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
    verb = "ends" if token.expires_at > now else "ended"
    ended = f"The token of {_name(settings)} {verb} at {format_timestamp(token.expires_at)}"
    ends = token.registration_expires_at
    if token.refresh_token is None:
        return SessionExpired(f"{ended}, and it cannot be refreshed")
    if ends is not None and ends <= now:
        return RegistrationGone(f"{ended}, and its registration at {format_timestamp(ends)}")
    return SessionExpired(f"{ended}, and its file lacks the registration to refresh it with")


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
