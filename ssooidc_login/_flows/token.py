"""A session's token: read from the store while it is valid, and refreshed in time by one caller for all.

The caller that refreshes holds the store's lock on the token, reads the token again first, and saves the new one before
it releases the lock. So of any number of threads, tasks, processes and (with a lease) hosts one sends the request, and
the others use its result. All of this is one `SharedStep`: Ctrl-C or a cancellation cannot come between the request,
which may use up the refresh token, and the saving of the new one. A refresh that fails leaves a note in the lock, and
those that waited for it do not try again.
"""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Final

from ssooidc_core import (
    CreateTokenResponse,
    LoginError,
    Now,
    RegisterClientResponse,
    RegistrationGone,
    ServiceError,
    SessionExpired,
    Sleep,
    SsoOidcError,
)
from ssooidc_core._cache_document import format_timestamp
from ssooidc_core._cache_files import TokenFile
from ssooidc_core._transient_errors import is_throttling
from ssooidc_core.errors import CacheFileInvalid
from ssooidc_core.flows.refresh import RefreshAdvice, refresh_advice, refresh_token
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._events import (
    Exclusively,
    IsHeld,
    LoginSteps,
    Reserve,
    SharedStep,
    Undisturbed,
)
from ssooidc_login._flows.documents import load_token, save_token, token_key
from ssooidc_login._flows.refresh_memory import RefreshMemory
from ssooidc_login._flows.refresh_notes import leave_note, read_note
from ssooidc_login._flows.renewal import renewed, usable
from ssooidc_login._log import logger
from ssooidc_login.errors import NotLoggedIn, RefreshBusy, StoreError

__all__ = ["NEEDS_LOGIN", "SECONDS_TO_WAIT", "current_token", "is_refreshable"]

_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.25
# What the AWS SDKs wait after a 429 that does not say for how long.
_THROTTLED_PAUSE: Final = 1.0
# Seconds that a caller with a valid token waits for a new one.
_MOMENT: Final = 0.5
# Seconds that a holder whose lock was lost waits for it before it saves.
_PATIENCE_TO_SAVE: Final = 5.0

NEEDS_LOGIN: Final = (CacheFileInvalid, NotLoggedIn, RegistrationGone, SessionExpired)
"""Errors of `current_token` that mean someone must sign in again."""

SECONDS_TO_WAIT: Final = 30.0
"""How long a caller waits for another one's refresh, in seconds; the holder of the lock has 20."""


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
        RefreshBusy: the token has expired, and another caller has been refreshing it for half a minute, or has just
            failed to; the text says which.
        SsoOidcError: the token has expired, and refreshing failed for another reason, which may be temporary.
    """
    token = yield from _stored(settings, memory)
    now = (yield from Now()).wall
    advice = refresh_advice(expires_at=token.expires_at, now=now, tried_at=memory.tried_at)
    if advice is RefreshAdvice.NO and not force and memory.unsaved is None:
        if refresh_advice(expires_at=token.expires_at, now=now) is not RefreshAdvice.NO:
            memory.log_last_reason()
        return token
    good = token.expires_at > now and not force
    if not is_refreshable(token, now):
        if good:
            memory.not_refreshed("the token cannot be refreshed")
            return token
        raise _ended(settings, token, now)
    # While minutes are left, do not wait for a refresh in progress.
    seconds = 0.0 if advice is RefreshAdvice.ADVISED else _MOMENT
    if not good:
        seconds = SECONDS_TO_WAIT
    step = SharedStep(
        token_key(settings),
        lambda: _refreshed_by_someone(settings, memory, token, seconds, force=force),
        _MOMENT if good else None,
    )
    failure: SsoOidcError
    try:
        found = yield from step
        if force and found == token:
            # It joined a refresh that had begun, and ended, before this caller read the token.
            found = yield from step
    except SsoOidcError as caught:
        failure = caught
    else:
        if found is None:
            failure = _busy(_MOMENT if good else SECONDS_TO_WAIT, _IN_PROGRESS)
        else:
            return found
    try:
        return (yield from _despite(memory, token, failure, good=good))
    finally:
        del failure  # its traceback holds this frame


def _despite(
    memory: RefreshMemory, token: TokenFile, failure: SsoOidcError, *, good: bool
) -> LoginSteps[TokenFile]:
    """Return the old token after a failure if it is good, else raise the failure."""
    is_busy = isinstance(failure, RefreshBusy)
    if not is_busy:
        memory.tried_at = (yield from Now()).wall
    # Texts of the service are not repeated; those of the store and of this module say what is wrong.
    said = isinstance(failure, RefreshBusy | StoreError)
    memory.not_refreshed(str(failure) if said else f"the refresh failed ({type(failure).__name__})")
    try:
        if not good:
            raise failure
        if not is_busy:
            # The class name only: enough for an administrator to find out why a session ends early.
            logger.warning(
                "A refresh failed (%s); the token is still valid", type(failure).__name__
            )
        return token
    finally:
        del failure


def _refreshed_by_someone(
    settings: SsoSettings, memory: RefreshMemory, known: TokenFile, seconds: float, *, force: bool
) -> LoginSteps[TokenFile]:
    """Refresh the token, or wait for the process that does so.

    A caller that waits looks for the new token in the store, which needs no lock. If the service asks for a pause,
    nobody holds the lock during it.

    Raises:
        RefreshBusy: there is no new token after so many seconds.
    """
    end = (yield from Now()).monotonic + seconds
    pause = _FIRST_PAUSE
    throttled = False
    why = [_HELD]
    while True:
        try:
            why[0] = _HELD
            refreshed = yield from Exclusively(
                token_key(settings),
                lambda: _refresh(settings, memory, known, why, force=force),
                0.0,
            )
        except ServiceError as caught:
            left = end - (yield from Now()).monotonic
            if not is_throttling(caught) or throttled or left <= 0:
                raise
            throttled, refreshed = True, None
            pause = min(caught.retry_after or _THROTTLED_PAUSE, left)
            logger.debug("The service asks for a pause: %.1f s", pause)
        if refreshed is not None:
            return refreshed
        left = end - (yield from Now()).monotonic
        if left <= 0:
            raise _busy(seconds, why[0])
        yield from Sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)
        token = yield from _stored(settings, memory)
        if token != known and _is_good(token, (yield from Now()).wall):
            return token


_IN_PROGRESS: Final = "the refresh is still in progress"
_HELD: Final = "another process is refreshing the token, and holds its lock"
_LOST: Final = "the lock file was removed"


def _busy(seconds: float, why: str) -> RefreshBusy:
    return RefreshBusy(f"No new token after {seconds:g} s: {why}")


def _refresh(
    settings: SsoSettings, memory: RefreshMemory, known: TokenFile, why: list[str], *, force: bool
) -> LoginSteps[TokenFile | None]:
    """Refresh the token while holding its lock; if another caller has just refreshed it, return that token.

    Return `None`, and put the reason into `why`, if the caller has to release the lock and wait.
    """
    token = yield from _stored(settings, memory)
    now = (yield from Now()).wall
    if memory.unsaved is not None:
        token = yield from _save(settings, memory, *memory.unsaved)
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
    pause = yield from _may_ask(settings, memory, token)
    if pause is not None:
        why[0] = pause
        return None
    return (yield from _ask(settings, memory, token, force=force))


def _may_ask(
    settings: SsoSettings, memory: RefreshMemory, token: TokenFile
) -> LoginSteps[str | None]:
    """Return `None` if the refresh token can be sent now, or the reason to wait without the lock.

    Raises:
        RefreshBusy: a refresh with this token failed a moment ago; in this session, that failure is raised.
        StoreError: there would be no room for the new token.
    """
    noted = yield from read_note(token)
    if noted is not None:
        if noted.is_pause:
            return noted.text
        if memory.failed is not None and memory.failed.refresh_token == token.refresh_token:
            raise copy.copy(memory.failed.error) from memory.failed.error.__cause__
        raise RefreshBusy(noted.text)
    yield from Reserve(token_key(settings))
    return None if (yield from IsHeld()) else _LOST


def _ask(
    settings: SsoSettings, memory: RefreshMemory, token: TokenFile, *, force: bool
) -> LoginSteps[TokenFile]:
    """Send the refresh token, and save the new one."""
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
        memory.refreshed(received if soon else None)
        # The new refresh token exists nowhere else: the end of the event loop must not lose it.
        kept = yield from Undisturbed(lambda: _save_alone(settings, memory, token, new))
        return usable(kept, token, answer, received, force=force)
    try:
        if (yield from leave_note(token, failure)):
            memory.remember_failure(token, failure)
        return (yield from _after_failure(settings, token, failure))
    finally:
        del failure  # its traceback holds this frame


def _save_alone(
    settings: SsoSettings, memory: RefreshMemory, old: TokenFile, new: TokenFile
) -> LoginSteps[TokenFile]:
    """Save the refreshed token with the lock: if it was lost during the request, wait for who has it now."""
    if (yield from IsHeld()):
        return (yield from _save(settings, memory, old, new))
    logger.debug("The lock was lost during the refresh: waiting for it before saving")
    try:
        saved = yield from Exclusively(
            token_key(settings), lambda: _save(settings, memory, old, new), _PATIENCE_TO_SAVE
        )
    except StoreError:
        saved = None
    return saved or (yield from _save(settings, memory, old, new))


def _save(
    settings: SsoSettings, memory: RefreshMemory, old: TokenFile, new: TokenFile
) -> LoginSteps[TokenFile]:
    """Save the refreshed token, unless there was a logout or a new login during the request.

    AWS tools do not use our lock, and a lease may have run out. Reading the token once more before saving leaves them
    only a moment in which to interfere, not the whole request.
    """
    stored: TokenFile | None = old
    try:
        stored = yield from load_token(settings)
    except (CacheFileInvalid, StoreError) as caught:
        logger.debug("Saving without reading the stored token again: %s", caught)
    if stored is None:
        memory.unsaved = None
        message = "The session was signed out while its token was being refreshed"
        raise NotLoggedIn(message)
    if stored != old and _is_good(stored, (yield from Now()).wall):
        memory.unsaved = None
        return stored
    memory.unsaved = (old, new)
    try:
        yield from save_token(settings, new)
    except StoreError as caught:
        # The old refresh token may be used up, so the new one is kept in memory and saved at the next call.
        logger.warning("The refreshed token cannot be saved: %s", caught)
    else:
        memory.unsaved = None
    return new


def _after_failure(
    settings: SsoSettings, token: TokenFile, failure: SsoOidcError
) -> LoginSteps[TokenFile]:
    """Return a newer token that was stored meanwhile, else raise the failure."""
    if isinstance(failure, SessionExpired):
        # A tool that does not use our lock may have refreshed between our reading and our request.
        try:
            stored = yield from load_token(settings)
        except (CacheFileInvalid, StoreError):
            stored = None  # the service's answer is the error to raise
        now = (yield from Now()).wall
        if stored is not None and stored != token and _is_good(stored, now):
            return stored
    try:
        raise failure
    finally:
        del failure


def _stored(settings: SsoSettings, memory: RefreshMemory) -> LoginSteps[TokenFile]:
    """Return the stored token, or the one that was refreshed from it and could not be saved."""
    token = yield from load_token(settings)
    if token is None:
        message = f"Not logged in to {_name(settings)}"
        raise NotLoggedIn(message)
    unsaved = memory.unsaved
    if unsaved is None:
        return token
    if token == unsaved[0]:
        return unsaved[1]
    memory.unsaved = None  # another one was stored since
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
