"""GetRoleCredentials: temporary AWS credentials of a role that is assigned to the person.

GET /federation/credentials, https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeAlias, get_args

from pydantic import SecretStr

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._model import Integer, Request, Response, Secret, as_secret
from ssooidc_core._program import Operation
from ssooidc_core._rest_json import parse
from ssooidc_core.portal._errors import PORTAL_ERRORS, PortalError
from ssooidc_core.portal._requests import bearer_request

__all__ = [
    "GetRoleCredentials",
    "GetRoleCredentialsError",
    "GetRoleCredentialsRequest",
    "GetRoleCredentialsResponse",
    "RoleCredentials",
    "get_role_credentials",
]

_MAX_MILLISECONDS: Final = 253_402_300_799_999  # the last millisecond of datetime
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class GetRoleCredentialsRequest(Request, frozen=True):
    """The request of GetRoleCredentials.

    Attributes:
        role_name: the role's friendly name, from ListAccountRoles.
        account_id: 12 digits.
        access_token: from CreateToken.
    """

    role_name: str
    account_id: str
    access_token: Secret

    @classmethod
    def of(
        cls, access_token: str | SecretStr, *, account_id: str, role_name: str
    ) -> GetRoleCredentialsRequest:
        """Return the request with a token that is a string or a secret."""
        return cls(role_name=role_name, account_id=account_id, access_token=as_secret(access_token))


class RoleCredentials(Response, frozen=True):
    """Temporary AWS credentials.

    Attributes:
        access_key_id: not a secret.
        secret_access_key: secret.
        session_token: secret.
        expiration: when they expire, in epoch **milliseconds**; 0 if the service did not say.
    """

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    expiration: Annotated[int, Integer(_MAX_MILLISECONDS)] = 0

    @property
    def expires_at(self) -> datetime | None:
        """When they expire, in UTC; `None` if the service did not say."""
        # Integers: a float cannot hold every millisecond.
        return _EPOCH + timedelta(milliseconds=self.expiration) if self.expiration else None


class GetRoleCredentialsResponse(Response, frozen=True):
    """The answer of GetRoleCredentials."""

    role_credentials: RoleCredentials


GetRoleCredentialsError: TypeAlias = PortalError
"""The errors of GetRoleCredentials in the service\'s model.

For a role that is no longer assigned, the service was seen to answer an unmodelled 403: `UnknownServiceError` with the
code `ForbiddenException`.
"""


@dataclass(frozen=True, slots=True)
class GetRoleCredentials(Operation[GetRoleCredentialsResponse, GetRoleCredentialsError]):
    """The operation as a value, returned by `get_role_credentials`."""

    request: GetRoleCredentialsRequest

    @property
    def error_types(self) -> tuple[type[GetRoleCredentialsError], ...]:
        """The members of `GetRoleCredentialsError`."""
        return get_args(GetRoleCredentialsError)

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Return the request without signature and common headers."""
        return bearer_request(
            "GET",
            f"{config.portal_endpoint}/federation/credentials",
            self.request.access_token,
            {"role_name": self.request.role_name, "account_id": self.request.account_id},
        )

    def parse(self, response: HttpResponse) -> GetRoleCredentialsResponse:
        """Return the content of an answer."""
        return parse(response, GetRoleCredentialsResponse, self, PORTAL_ERRORS)


def get_role_credentials(request: GetRoleCredentialsRequest) -> GetRoleCredentials:
    """Get credentials of a role.

    Running it raises the errors of `GetRoleCredentialsError`, and those of any operation (see `ssooidc_core.errors`).
    """
    return GetRoleCredentials(request)
