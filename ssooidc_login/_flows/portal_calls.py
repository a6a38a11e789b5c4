"""Requests to the access portal, and what it means that the portal refuses the token.

The portal refuses a token whose session was ended, and one that has expired although its document says otherwise, as
after a clock was ahead when it was stored. A refresh tells the two apart.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Final, TypeVar

from pydantic import SecretStr

from ssooidc_core import Now, RegistrationGone, SessionExpired
from ssooidc_core._cache_files import TokenFile
from ssooidc_core.errors import CacheFileInvalid
from ssooidc_core.portal import UnauthorizedException
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._events import Exclusively, LoginSteps
from ssooidc_login._flows.documents import load_token, save_token, token_key
from ssooidc_login._flows.token import RefreshMemory, current_token
from ssooidc_login.errors import StoreError

__all__ = ["asked_with_token"]

T = TypeVar("T")

_logger: Final = logging.getLogger("ssooidc_login")


def asked_with_token(
    settings: SsoSettings, memory: RefreshMemory, ask: Callable[[SecretStr], LoginSteps[T]]
) -> LoginSteps[T]:
    """Ask the portal with a valid token; if the portal refuses it, ask once more with a refreshed one.

    Args:
        settings: the session's settings.
        memory: what the session remembers.
        ask: makes the requests with an access token.

    Raises:
        SessionExpired: the portal refuses the token, and it cannot be refreshed, or the refreshed one is refused too.
        RegistrationGone: the portal refuses the token, and its registration has ended or is unknown.
        SsoOidcError: those of `current_token` and of the requests.
    """
    token = yield from current_token(settings, memory)
    try:
        return (yield from ask(token.access_token))
    except UnauthorizedException as caught:
        if token.access_token == memory.refused:
            raise _refused() from caught
    newer = yield from _refreshed(settings, memory, token)
    try:
        return (yield from ask(newer.access_token))
    except UnauthorizedException as caught:
        # A refresh does not help: do not repeat it at each call.
        memory.refused = newer.access_token
        raise _refused() from caught


def _refreshed(
    settings: SsoSettings, memory: RefreshMemory, refused: TokenFile
) -> LoginSteps[TokenFile]:
    """Return a newer token than the refused one: another caller's, else refresh now."""
    token = yield from current_token(settings, memory)
    if token.access_token != refused.access_token:
        return token
    ended: SessionExpired | RegistrationGone
    try:
        return (yield from current_token(settings, memory, force=True))
    except (RegistrationGone, SessionExpired) as caught:
        ended = caught
    memory.refused = refused.access_token
    yield from _end(settings, refused)
    text, cause = f"The access portal refuses the token. {ended}", ended.__cause__
    try:
        raise type(ended)(text) from cause
    finally:
        del ended, cause  # their tracebacks hold this frame


def _refused() -> SessionExpired:
    return SessionExpired("The access portal refuses the session's token, which was just refreshed")


def _end(settings: SsoSettings, refused: TokenFile) -> LoginSteps[None]:
    """Store that a token has expired, so that the next login in any process asks the person."""

    def ended() -> LoginSteps[bool]:
        stored = yield from load_token(settings)
        now = (yield from Now()).wall
        if stored is not None and stored.access_token == refused.access_token:
            yield from save_token(
                settings, dataclasses.replace(stored, expires_at=min(stored.expires_at, now))
            )
        return True

    try:
        _ = yield from Exclusively(token_key(settings), ended, 0.0)
    except (CacheFileInvalid, StoreError) as caught:
        _logger.debug("The end of the session cannot be stored: %s", caught)
