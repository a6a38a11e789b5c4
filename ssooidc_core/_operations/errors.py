"""The 14 modelled errors of SSO OIDC by their names on the wire."""

from __future__ import annotations

from typing import Final

from ssooidc_core import errors
from ssooidc_core._rest_json import ErrorTypes

__all__ = ["OIDC_ERRORS"]

OIDC_ERRORS: Final[ErrorTypes] = {
    error.__name__: error
    for error in (
        errors.AccessDeniedException,
        errors.AuthorizationPendingException,
        errors.ExpiredTokenException,
        errors.InternalServerException,
        errors.InvalidClientException,
        errors.InvalidClientMetadataException,
        errors.InvalidGrantException,
        errors.InvalidRedirectUriException,
        errors.InvalidRequestException,
        errors.InvalidRequestRegionException,
        errors.InvalidScopeException,
        errors.SlowDownException,
        errors.UnauthorizedClientException,
        errors.UnsupportedGrantTypeException,
    )
}
