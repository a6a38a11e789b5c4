"""Getting a new access token with a refresh token (RFC 6749 section 6): when, how, and what a failure of it means."""

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
    """It is good for long enough, or was tried a moment ago."""
    ADVISED = "advised"
    """It is good for some minutes: refresh it, unless somebody else does."""
    REQUIRED = "required"
    """It is good for a few minutes, or no more: refresh it, or wait for who does."""


def refresh_advice(
    *, expires_at: datetime, now: datetime, tried_at: datetime | None = None
) -> RefreshAdvice:
    """Say whether to refresh, by the windows of the AWS CLI and boto3: 15 and 10 minutes, and 60 s between tries.

    Args:
        expires_at: when the access token ends.
        now: the time.
        tried_at: when a refresh was last tried in vain, or `None`. It holds off further ones while the token is good.
    """
    left = expires_at - now
    if left >= _ADVISED:
        return RefreshAdvice.NO
    # A clock that was set back must not hold it off for ever.
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

    The answer always has a refresh token: the one that was used stays good where the service sends no other.

    Args:
        client: the registration that the token was made with.
        token: the last answer; it must have a refresh token.

    Raises:
        SessionExpired: the service refuses the refresh token: log in again.
        RegistrationGone: the registration has expired (then nothing is sent), or the service no longer knows it:
            register and log in again.
        ConfigurationError: the token has no refresh token.
        SsoOidcError: anything else may go away; the old token is as good as before. A `TransportError` that
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
        del ended, cause  # their tracebacks hold this frame
