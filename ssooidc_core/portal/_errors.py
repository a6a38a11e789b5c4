"""The portal's errors. SSO OIDC has errors of two of these names too."""

from __future__ import annotations

from typing import ClassVar, Final, TypeAlias, get_args

from ssooidc_core._rest_json import ErrorTypes
from ssooidc_core.errors import ServiceError

__all__ = [
    "PORTAL_ERRORS",
    "InvalidRequestException",
    "PortalError",
    "ResourceNotFoundException",
    "TooManyRequestsException",
    "UnauthorizedException",
]


class InvalidRequestException(ServiceError):
    """400: a parameter is missing or out of range."""


class ResourceNotFoundException(ServiceError):
    """404: there is no such resource."""

    modelled_status: ClassVar[int] = 404
    _hint: ClassVar[str | None] = "Check the account id and the role name."


class TooManyRequestsException(ServiceError):
    """429: too many requests."""

    modelled_status: ClassVar[int] = 429
    _hint: ClassVar[str | None] = "Try again in a moment."


class UnauthorizedException(ServiceError):
    """401: the access token is not valid, or no longer valid."""

    modelled_status: ClassVar[int] = 401
    _hint: ClassVar[str | None] = "Refresh the access token, or log in again."


PortalError: TypeAlias = (
    InvalidRequestException
    | ResourceNotFoundException
    | TooManyRequestsException
    | UnauthorizedException
)
"""The portal's modelled errors."""

PORTAL_ERRORS: Final[ErrorTypes] = {error.__name__: error for error in get_args(PortalError)}
"""The same by their names on the wire."""
