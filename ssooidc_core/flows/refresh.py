"""Refreshing the access token (RFC 6749 section 6): when to do it, how, and what a failure means."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from ssooidc_core._longest_session import LONGEST_SESSION
from ssooidc_core._operations.create_token import (
    CreateTokenResponse,
    RefreshTokenGrant,
    create_token,
)
from ssooidc_core._operations.register_client import RegisterClientResponse
from ssooidc_core._program import Now, Steps, flow
from ssooidc_core.errors import (
    ExpiredTokenException,
    InvalidClientException,
    InvalidGrantException,
    InvalidRequestException,
    LoginError,
    RegistrationGone,
    ServiceError,
    SessionExpired,
    UnauthorizedClientException,
)

__all__ = ["RefreshAdvice", "refresh_advice", "refresh_token"]

_ADVISED: Final = timedelta(minutes=15)
_REQUIRED: Final = timedelta(minutes=10)
_BETWEEN_TRIES: Final = timedelta(seconds=60)
# Clocks that differ by a day are no reason to refresh.
_BELIEVED: Final = LONGEST_SESSION + timedelta(days=1)
# "Invalid token provided" and "Invalid client provided" are public records of the service's answers to what another
# region issued; their error is `invalid_request`, not `invalid_grant` and `invalid_client`.
_REFUSED_VALUE: Final = re.compile(
    r"\s*invalid\s+(?:(?:refresh\s+)?(?P<token>token)|client(?:\s+id|\s+secret)?)(?:\s+provided)?\W*\Z",
    re.ASCII | re.IGNORECASE,
)
_SESSION_ENDED: Final = "The session has ended: its refresh token is refused"
_OTHER_REGION: Final = (
    "The refresh token is refused: the session has ended, or the login was in another region"
)
_REGISTRATION_REFUSED: Final = "The service refuses the client registration"


class RefreshAdvice(Enum):
    """Whether a token should be refreshed."""

    NO = "no"
    """No: the token is valid for long enough, or a refresh was tried a moment ago."""
    ADVISED = "advised"
    """The token is valid for some minutes: refresh it, unless a refresh is in progress."""
    REQUIRED = "required"
    """The token is valid for a few minutes at most: refresh it, or wait for a refresh in progress."""


def refresh_advice(
    *, expires_at: datetime, now: datetime, tried_at: datetime | None = None
) -> RefreshAdvice:
    """Return whether to refresh, by the limits of the AWS CLI and boto3: 15 and 10 minutes, and 60 s between attempts.

    An expiration that is farther away than any session lasts was written by a clock that was ahead. It says nothing, so
    the token is refreshed.

    Args:
        expires_at: when the access token expires.
        now: the current time.
        tried_at: when the last failed refresh was, or `None`. While the token is valid, it delays the next attempt.
    """
    left = expires_at - now
    if _ADVISED <= left <= _BELIEVED:
        return RefreshAdvice.NO
    # A clock that was set back must not delay it for ever.
    if (
        left > timedelta(0)
        and tried_at is not None
        and timedelta(0) <= now - tried_at < _BETWEEN_TRIES
    ):
        return RefreshAdvice.NO
    return RefreshAdvice.ADVISED if _REQUIRED <= left < _ADVISED else RefreshAdvice.REQUIRED


@flow
def refresh_token(
    client: RegisterClientResponse, token: CreateTokenResponse
) -> Steps[CreateTokenResponse]:
    """Get a new access token.

    The result always has a refresh token: if the service sends none, the one that was used stays valid.

    Args:
        client: the registration that the token was issued to.
        token: the last answer; it must have a refresh token.

    Raises:
        SessionExpired: the service refuses the refresh token, or does not know it in this region: log in again.
        RegistrationGone: the registration has expired (then nothing is sent), or the service no longer has it:
            register and log in again.
        ConfigurationError: the token has no refresh token.
        SsoOidcError: any other error may be temporary, and the old token is still valid. A `TransportError` that
            `may_have_been_sent` may have spent the refresh token.
    """
    grant = RefreshTokenGrant.of(client, token)
    if client.expires_at is not None:
        instant = yield from Now()
        if instant.wall >= client.expires_at:
            message = f"The client registration expired at {client.expires_at:%Y-%m-%dT%H:%M:%SZ}"
            raise RegistrationGone(message)
    ended: LoginError | None
    cause: ServiceError
    try:
        answer = yield from create_token(grant)
    except ServiceError as caught:
        ended = _meaning(caught)
        if ended is None:
            raise
        cause = caught
    else:
        if answer.refresh_token is not None:
            return answer
        return answer.model_copy(update={"refresh_token": grant.refresh_token})
    try:
        raise ended from cause
    finally:
        del ended, cause  # their tracebacks refer to this frame


def _meaning(refusal: ServiceError) -> LoginError | None:
    """Return what a refused refresh means for the session; `None` if it says nothing about the session.

    `InvalidRequestException` is also the error of a malformed request and of an unusable KMS key, which no login mends.
    """
    if isinstance(refusal, (InvalidGrantException, ExpiredTokenException)):
        return SessionExpired(_SESSION_ENDED)
    if isinstance(refusal, (InvalidClientException, UnauthorizedClientException)):
        return RegistrationGone(_REGISTRATION_REFUSED)
    if not isinstance(refusal, InvalidRequestException) or refusal.reason is not None:
        return None
    refused = _REFUSED_VALUE.match(refusal.error_description or "")
    if refused is None:
        return None
    if refused["token"] is not None:
        return SessionExpired(_OTHER_REGION)
    return RegistrationGone(_REGISTRATION_REFUSED)
