"""Refreshing the access token (RFC 6749 section 6): when to do it, how, and what a failure means."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Final

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

    Args:
        expires_at: when the access token expires.
        now: the current time.
        tried_at: when the last failed refresh was, or `None`. While the token is valid, it delays the next attempt.
    """
    left = expires_at - now
    if left >= _ADVISED:
        return RefreshAdvice.NO
    # A clock that was set back must not delay it for ever.
    if (
        left > timedelta(0)
        and tried_at is not None
        and timedelta(0) <= now - tried_at < _BETWEEN_TRIES
    ):
        return RefreshAdvice.NO
    return RefreshAdvice.ADVISED if left >= _REQUIRED else RefreshAdvice.REQUIRED


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
        SessionExpired: the service refuses the refresh token: log in again.
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
    ended: LoginError
    cause: ServiceError
    try:
        answer = yield from create_token(grant)
    except (InvalidGrantException, ExpiredTokenException) as caught:
        ended, cause = SessionExpired("The session has ended: its refresh token is refused"), caught
    except (InvalidClientException, UnauthorizedClientException) as caught:
        ended, cause = RegistrationGone("The service refuses the client registration"), caught
    else:
        if answer.refresh_token is not None:
            return answer
        return answer.model_copy(update={"refresh_token": grant.refresh_token})
    try:
        raise ended from cause
    finally:
        del ended, cause  # their tracebacks refer to this frame
