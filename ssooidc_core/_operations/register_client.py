"""RegisterClient: register this application with IAM Identity Center (POST /client/register).

https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_RegisterClient.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias, get_args

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._model import EpochSeconds, Request, Response, Secret
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_core._program import Operation
from ssooidc_core._rest_json import json_post, parse
from ssooidc_core.errors import (
    InternalServerException,
    InvalidClientMetadataException,
    InvalidRedirectUriException,
    InvalidRequestException,
    InvalidScopeException,
    SlowDownException,
    UnsupportedGrantTypeException,
)

__all__ = [
    "RegisterClient",
    "RegisterClientError",
    "RegisterClientRequest",
    "RegisterClientResponse",
    "register_client",
]


class RegisterClientRequest(Request, frozen=True):
    """The request of RegisterClient.

    Attributes:
        client_name: a readable name; the service refuses white space in it.
        client_type: `public`, the only type that the service supports.
        scopes: at most 25; a session can be refreshed only if a scope was registered.
        redirect_uris: `http://127.0.0.1/oauth/callback` for the authorization code grant.
        grant_types: the grants that this client may use; by default those of the device flow.
        issuer_url: the start URL or issuer URL of the Identity Center instance.
        entitled_application_arn: the application that defines what this client may do.
    """

    client_name: str
    client_type: str
    scopes: tuple[str, ...] | None = None
    redirect_uris: tuple[str, ...] | None = None
    grant_types: tuple[str, ...] | None = None
    issuer_url: str | None = None
    entitled_application_arn: str | None = None


class RegisterClientResponse(Response, frozen=True):
    """A registration.

    Attributes:
        client_id: the client's id.
        client_secret: the client's secret.
        client_id_issued_at: epoch seconds; 0 if the service did not say.
        client_secret_expires_at: epoch seconds; 0 if the service did not say. A registration is valid for 90 days.
        authorization_endpoint: where to send a browser, or `None`.
        token_endpoint: where to get tokens, or `None`.
    """

    client_id: str
    client_secret: Secret
    client_id_issued_at: EpochSeconds = 0
    client_secret_expires_at: EpochSeconds = 0
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None

    @property
    def expires_at(self) -> datetime | None:
        """When the registration expires, in UTC; `None` if the service did not say (RFC 7591 section 3.2.1)."""
        seconds = self.client_secret_expires_at
        return datetime.fromtimestamp(seconds, UTC) if seconds else None


RegisterClientError: TypeAlias = (
    InternalServerException
    | InvalidClientMetadataException
    | InvalidRedirectUriException
    | InvalidRequestException
    | InvalidScopeException
    | SlowDownException
    | UnsupportedGrantTypeException
)
"""The errors of RegisterClient in the service\'s model."""


@dataclass(frozen=True, slots=True)
class RegisterClient(Operation[RegisterClientResponse, RegisterClientError]):
    """The operation as a value, returned by `register_client`."""

    request: RegisterClientRequest

    @property
    def error_types(self) -> tuple[type[RegisterClientError], ...]:
        """The members of `RegisterClientError`."""
        return get_args(RegisterClientError)

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Return the request without signature and common headers."""
        return json_post(f"{config.oidc_endpoint}/client/register", self.request)

    def parse(self, response: HttpResponse) -> RegisterClientResponse:
        """Return the content of an answer."""
        return parse(response, RegisterClientResponse, self, OIDC_ERRORS)


def register_client(request: RegisterClientRequest) -> RegisterClient:
    """Register a client.

    Running it raises the errors of `RegisterClientError`, and those of any operation (see `ssooidc_core.errors`).
    """
    return RegisterClient(request)
