"""StartDeviceAuthorization: get a code that a person approves in a browser (POST /device_authorization).

https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_StartDeviceAuthorization.html, RFC 8628 section 3.1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, get_args

from pydantic import Field

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._model import (
    DeviceCodeLifetime,
    PollingInterval,
    RegisteredClient,
    Request,
    Response,
    Secret,
)
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_core._program import Operation
from ssooidc_core._rest_json import json_post, parse
from ssooidc_core.errors import (
    InternalServerException,
    InvalidClientException,
    InvalidRequestException,
    SlowDownException,
    UnauthorizedClientException,
)

__all__ = [
    "StartDeviceAuthorization",
    "StartDeviceAuthorizationError",
    "StartDeviceAuthorizationRequest",
    "StartDeviceAuthorizationResponse",
    "start_device_authorization",
]


class StartDeviceAuthorizationRequest(Request, frozen=True):
    """What StartDeviceAuthorization is asked.

    Attributes:
        client_id: from the registration.
        client_secret: from the registration.
        start_url: the URL of the access portal, `https://d-1234567890.awsapps.com/start` for example; it must be one
            of the region that is asked.
    """

    client_id: str
    client_secret: Secret
    start_url: str

    @classmethod
    def of(cls, client: RegisteredClient, *, start_url: str) -> StartDeviceAuthorizationRequest:
        """Ask for a registered client."""
        return cls(
            client_id=client.client_id, client_secret=client.client_secret, start_url=start_url
        )


class StartDeviceAuthorizationResponse(Response, frozen=True):
    """A device authorization that waits for a person.

    Attributes:
        device_code: what polling shows the service; secret.
        user_code: what the person compares or types. Show it always, even with a complete URI (RFC 8628
            section 3.3.1).
        verification_uri: where the person goes.
        verification_uri_complete: the same with the code in it, or something else that finds it; never parse it.
        expires_in: seconds from now until the codes are void.
        interval: seconds to wait between polls, at least.
    """

    device_code: Secret
    user_code: str = Field(repr=False)
    verification_uri: str
    verification_uri_complete: str | None = Field(default=None, repr=False)
    expires_in: DeviceCodeLifetime = 600
    interval: PollingInterval = 5


StartDeviceAuthorizationError: TypeAlias = (
    InternalServerException
    | InvalidClientException
    | InvalidRequestException
    | SlowDownException
    | UnauthorizedClientException
)
"""What the service's model lets StartDeviceAuthorization fail with."""


@dataclass(frozen=True, slots=True)
class StartDeviceAuthorization(
    Operation[StartDeviceAuthorizationResponse, StartDeviceAuthorizationError]
):
    """The operation as a value; made by `start_device_authorization`."""

    request: StartDeviceAuthorizationRequest

    @property
    def error_types(self) -> tuple[type[StartDeviceAuthorizationError], ...]:
        """The members of `StartDeviceAuthorizationError`."""
        return get_args(StartDeviceAuthorizationError)

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Encode it."""
        return json_post(f"{config.oidc_endpoint}/device_authorization", self.request)

    def parse(self, response: HttpResponse) -> StartDeviceAuthorizationResponse:
        """Understand the answer."""
        return parse(response, StartDeviceAuthorizationResponse, self, OIDC_ERRORS)


def start_device_authorization(
    request: StartDeviceAuthorizationRequest,
) -> StartDeviceAuthorization:
    """Start a device authorization.

    Errors when run: those of `StartDeviceAuthorizationError`, and what any operation may raise (see
    `ssooidc_core.errors`).
    """
    return StartDeviceAuthorization(request)
