"""What a session keeps of the answer to a refresh."""

from __future__ import annotations

import dataclasses
import logging
from datetime import datetime
from typing import Final

from ssooidc_core import CreateTokenResponse, ResponseParseError
from ssooidc_core._cache_files import TokenFile
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._flows.documents import end_of

__all__ = ["renewed", "usable"]

_logger: Final = logging.getLogger("ssooidc_login")

_OK: Final = 200


def renewed(
    settings: SsoSettings, old: TokenFile, answer: CreateTokenResponse, received: datetime
) -> TokenFile:
    """Return the token's document after a refresh.

    `expiresIn` is optional in the service model. Without it, nobody knows how long the new access token is valid, so
    the old one is kept; the refresh token is always the new one, because the old one may be spent.
    """
    if answer.expires_in == 0:
        return dataclasses.replace(old, refresh_token=answer.refresh_token)
    return dataclasses.replace(
        old,
        start_url=settings.start_url,
        region=settings.region,
        access_token=answer.access_token,
        expires_at=end_of(received, answer.expires_in),
        refresh_token=answer.refresh_token,
    )


def usable(
    kept: TokenFile, old: TokenFile, answer: CreateTokenResponse, now: datetime, *, force: bool
) -> TokenFile:
    """Return the token that was kept after a refresh, if its caller can use it.

    Raises:
        ResponseParseError: it is the old one, which has expired or which the caller does not want.
    """
    if answer.expires_in != 0 or kept.access_token != old.access_token:
        return kept
    if kept.expires_at > now and not force:
        _logger.warning(
            "A refresh returned a token without expiresIn; the old token is still valid"
        )
        return kept
    message = f"CreateToken returned a token without expiresIn (status {_OK}), so it cannot be kept"
    raise ResponseParseError(message, status=_OK)
