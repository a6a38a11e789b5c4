"""The region of a session whose start URL leads elsewhere than the configuration says."""

from __future__ import annotations

from ssooidc_core._start_urls import may_lead_to
from ssooidc_core.errors import CacheFileInvalid
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._events import LoginSteps
from ssooidc_login._flows.documents import load_token

__all__ = ["region_to_ask"]


def region_to_ask(settings: SsoSettings) -> LoginSteps[str]:
    """Return the region in which the stored token was issued, if the session's start URL may have led there.

    Only that region knows the token. Without a token, or with a start URL on a host of AWS, return the configured one.

    Raises:
        StoreError: the store cannot be read.
    """
    try:
        token = yield from load_token(settings)
    except CacheFileInvalid:
        # Whoever uses the token reports it.
        return settings.region
    if token is None or token.region is None or token.start_url != settings.start_url:
        return settings.region
    return token.region if may_lead_to(settings.start_url, token.region) else settings.region
