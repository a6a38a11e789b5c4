"""CreateToken: exchange a device code, an authorization code or a refresh token for an access token (POST /token).

https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, get_args

from pydantic import Field, SecretStr

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._model import RegisteredClient, Request, Response, Seconds, Secret, as_secret
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_core._program import Operation
from ssooidc_core._rest_json import json_post, parse
from ssooidc_core._transient_errors import is_throttling
from ssooidc_core.errors import (
    AccessDeniedException,
    AuthorizationPendingException,
    ConfigurationError,
    ExpiredTokenException,
    InternalServerException,
    InvalidClientException,
    InvalidGrantException,
    InvalidRequestException,
    InvalidScopeException,
    SlowDownException,
    TransportError,
    UnauthorizedClientException,
    UnsupportedGrantTypeException,
)

__all__ = [
    "AuthorizationCodeGrant",
    "CreateToken",
    "CreateTokenError",
    "CreateTokenRequest",
    "CreateTokenResponse",
    "DeviceCodeGrant",
    "RefreshTokenGrant",
    "create_token",
]


class _HasDeviceCode(Protocol):
    @property
    def device_code(self) -> SecretStr: ...


class _HasRefreshToken(Protocol):
    @property
    def refresh_token(self) -> SecretStr | None: ...


class DeviceCodeGrant(Request, frozen=True):
    """A device code, to ask whether the person has approved it (RFC 8628 section 3.4).

    Attributes:
        client_id: from the registration.
        client_secret: from the registration.
        device_code: from StartDeviceAuthorization.
        scope: has no effect, according to the service; the token has the registration's scopes.
    """

    grant_type: Literal["urn:ietf:params:oauth:grant-type:device_code"] = Field(
        default="urn:ietf:params:oauth:grant-type:device_code", init=False, repr=False
    )
    client_id: str
    client_secret: Secret
    device_code: Secret
    scope: tuple[str, ...] | None = None

    @classmethod
    def of(cls, client: RegisteredClient, device: _HasDeviceCode) -> DeviceCodeGrant:
        """Return the grant of a registered client for an answer of StartDeviceAuthorization, or for a pending login."""
        return cls(
            client_id=client.client_id,
            client_secret=client.client_secret,
            device_code=device.device_code,
        )


class AuthorizationCodeGrant(Request, frozen=True):
    """An authorization code from a callback (RFC 6749 section 4.1.3, RFC 7636 section 4.5).

    Attributes:
        client_id: from the registration.
        client_secret: from the registration.
        code: from the callback; valid for one exchange.
        redirect_uri: the one in the authorize URL, including the port.
        code_verifier: the verifier of the code challenge in the authorize URL.
        scope: has no effect, according to the service; the token has the registration's scopes.
    """

    grant_type: Literal["authorization_code"] = Field(
        default="authorization_code", init=False, repr=False
    )
    client_id: str
    client_secret: Secret
    code: Secret
    redirect_uri: str
    code_verifier: Secret
    scope: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        client: RegisteredClient,
        *,
        code: str | SecretStr,
        redirect_uri: str,
        code_verifier: str | SecretStr,
    ) -> AuthorizationCodeGrant:
        """Return the grant of a registered client for a code."""
        return cls(
            client_id=client.client_id,
            client_secret=client.client_secret,
            code=as_secret(code),
            redirect_uri=redirect_uri,
            code_verifier=as_secret(code_verifier),
        )


class RefreshTokenGrant(Request, frozen=True):
    """A refresh token, to get a new access token (RFC 6749 section 6).

    Attributes:
        client_id: from the registration that the token was issued to.
        client_secret: from the same registration.
        refresh_token: from the last CreateToken answer that had one.
        scope: has no effect, according to the service; the token has the registration's scopes.
    """

    grant_type: Literal["refresh_token"] = Field(default="refresh_token", init=False, repr=False)
    client_id: str
    client_secret: Secret
    refresh_token: Secret
    scope: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls, client: RegisteredClient, token: _HasRefreshToken | str | SecretStr
    ) -> RefreshTokenGrant:
        """Return the grant of a registered client for a CreateToken answer or for the refresh token itself.

        Raises:
            ConfigurationError: the answer has no refresh token; the service sends one only if the client was
                registered with scopes.
        """
        secret = token if isinstance(token, (str, SecretStr)) else token.refresh_token
        if secret is None:
            message = (
                "The token cannot be refreshed: it has no refresh token. "
                "Register the client with scopes, ('sso:account:access',) for example, and log in again"
            )
            raise ConfigurationError(message)
        return cls(
            client_id=client.client_id,
            client_secret=client.client_secret,
            refresh_token=as_secret(secret),
        )


CreateTokenRequest: TypeAlias = DeviceCodeGrant | AuthorizationCodeGrant | RefreshTokenGrant
"""The requests of CreateToken. No combination of members that the service would refuse can be constructed."""


class CreateTokenResponse(Response, frozen=True):
    """A token.

    Attributes:
        access_token: the bearer token.
        token_type: `Bearer`.
        expires_in: seconds until the access token expires, from the answer's arrival; 0 if the service did not say.
        refresh_token: for `RefreshTokenGrant`; `None` if the session cannot be refreshed.
        id_token: not implemented, according to the service.
    """

    access_token: Secret
    token_type: str | None = None
    expires_in: Seconds = 0
    refresh_token: Secret | None = None
    id_token: Secret | None = None


CreateTokenError: TypeAlias = (
    AccessDeniedException
    | AuthorizationPendingException
    | ExpiredTokenException
    | InternalServerException
    | InvalidClientException
    | InvalidGrantException
    | InvalidRequestException
    | InvalidScopeException
    | SlowDownException
    | UnauthorizedClientException
    | UnsupportedGrantTypeException
)
"""The errors of CreateToken in the service\'s model."""


def may_repeat_one_time_grant(error: Exception) -> bool:
    """Return whether a code, refresh token or assertion is certainly unspent after this error.

    If the service has spent it and the answer was lost, sending it again results in `invalid_grant`, or ends the
    session where reuse is treated as theft (RFC 9700 section 4.14.2).
    """
    if isinstance(error, TransportError):
        return not error.may_have_been_sent
    return is_throttling(error)


@dataclass(frozen=True, slots=True)
class CreateToken(Operation[CreateTokenResponse, CreateTokenError]):
    """The operation as a value, returned by `create_token`."""

    request: CreateTokenRequest

    @property
    def error_types(self) -> tuple[type[CreateTokenError], ...]:
        """The members of `CreateTokenError`."""
        return get_args(CreateTokenError)

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Return the request without signature and common headers."""
        return json_post(f"{config.oidc_endpoint}/token", self.request)

    def parse(self, response: HttpResponse) -> CreateTokenResponse:
        """Return the content of an answer."""
        return parse(response, CreateTokenResponse, self, OIDC_ERRORS)

    def may_repeat(self, error: Exception) -> bool:
        """Return false for a device code, whose polling sets the pace; otherwise, whether it is certainly unspent."""
        return not isinstance(self.request, DeviceCodeGrant) and may_repeat_one_time_grant(error)


def create_token(request: CreateTokenRequest) -> CreateToken:
    """Get a token with a grant.

    Running it raises the errors of `CreateTokenError`, and those of any operation (see `ssooidc_core.errors`).
    """
    return CreateToken(request)
