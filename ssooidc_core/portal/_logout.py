"""Logout: end the person's session at the service; role credentials of this session stay valid until they expire.

POST /logout, https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_Logout.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, get_args

from pydantic import SecretStr

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._model import Request, Secret, as_secret
from ssooidc_core._program import Operation
from ssooidc_core._rest_json import parse_empty
from ssooidc_core.portal._errors import (
    PORTAL_ERRORS,
    InvalidRequestException,
    TooManyRequestsException,
    UnauthorizedException,
)
from ssooidc_core.portal._requests import bearer_request

__all__ = ["Logout", "LogoutError", "LogoutRequest", "logout"]


class LogoutRequest(Request, frozen=True):
    """The request of Logout: the access token of the session to end."""

    access_token: Secret

    @classmethod
    def of(cls, access_token: str | SecretStr) -> LogoutRequest:
        """Return the request with a token that is a string or a secret."""
        return cls(access_token=as_secret(access_token))


LogoutError: TypeAlias = InvalidRequestException | TooManyRequestsException | UnauthorizedException
"""The errors of Logout in the service\'s model."""


@dataclass(frozen=True, slots=True)
class Logout(Operation[None, LogoutError]):
    """The operation as a value, returned by `logout`."""

    request: LogoutRequest

    @property
    def error_types(self) -> tuple[type[LogoutError], ...]:
        """The members of `LogoutError`."""
        return get_args(LogoutError)

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Return the request without signature and common headers."""
        return bearer_request(
            "POST", f"{config.portal_endpoint}/logout", self.request.access_token, {}
        )

    def parse(self, response: HttpResponse) -> None:
        """Check the answer, which has no members."""
        parse_empty(response, self, PORTAL_ERRORS)


def logout(request: LogoutRequest) -> Logout:
    """End a session.

    Running it raises the errors of `LogoutError`, and those of any operation (see `ssooidc_core.errors`).
    """
    return Logout(request)
