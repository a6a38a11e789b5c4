"""CreateToken: turn a device code, an authorization code or a refresh token into an access token (POST /token).

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
from ssooidc_core._program import Operation, is_throttling
from ssooidc_core._rest_json import json_post, parse
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
    """Ask whether the person has approved the device code (RFC 8628 section 3.4).

    Attributes:
        client_id: from the registration.
        client_secret: from the registration.
        device_code: from StartDeviceAuthorization.
        scope: has no effect, the service says; the token has the registration's scopes.
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
        """Ask for a registered client about what StartDeviceAuthorization gave it, or a pending login."""
        return cls(
            client_id=client.client_id,
            client_secret=client.client_secret,
            device_code=device.device_code,
        )


class AuthorizationCodeGrant(Request, frozen=True):
    """Exchange the code that came back through the browser (RFC 6749 section 4.1.3, RFC 7636 section 4.5).

    Attributes:
        client_id: from the registration.
        client_secret: from the registration.
        code: from the redirect; good for one exchange.
        redirect_uri: the one that was in the authorize URL, port included.
        code_verifier: what the authorize URL's code challenge was made from.
        scope: has no effect, the service says; the token has the registration's scopes.
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
        """Exchange a code for a registered client."""
        return cls(
            client_id=client.client_id,
            client_secret=client.client_secret,
            code=as_secret(code),
            redirect_uri=redirect_uri,
            code_verifier=as_secret(code_verifier),
        )


class RefreshTokenGrant(Request, frozen=True):
    """Get a new access token with a refresh token (RFC 6749 section 6).

    Attributes:
        client_id: from the registration that the token was made with.
        client_secret: from the same registration.
        refresh_token: from the last CreateToken answer that had one.
        scope: has no effect, the service says; the token has the registration's scopes.
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
        """Refresh for a registered client: give the CreateToken answer or the refresh token itself.

        Raises:
            ConfigurationError: the answer has no refresh token; the service gives one only where the client was
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
"""What CreateToken can be asked. A combination of members that the service refuses cannot be written down."""


class CreateTokenResponse(Response, frozen=True):
    """A token.

    Attributes:
        access_token: the bearer token.
        token_type: `Bearer`.
        expires_in: seconds from the answer's arrival until the access token is void; 0 where the service did not say.
        refresh_token: for `RefreshTokenGrant`; `None` where the session cannot be refreshed.
        id_token: the service says that it is not implemented.
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
"""What the service's model lets CreateToken fail with."""


def may_repeat_one_time_grant(error: Exception) -> bool:
    """Say whether a code, refresh token or assertion is certainly unspent after this error.

    The service may have spent it and the answer been lost; sending it again then gives `invalid_grant`, or, where
    reuse is taken for theft, ends the session (RFC 9700 section 4.14.2).
    """
    if isinstance(error, TransportError):
        return not error.may_have_been_sent
    return is_throttling(error)


@dataclass(frozen=True, slots=True)
class CreateToken(Operation[CreateTokenResponse, CreateTokenError]):
    """The operation as a value; made by `create_token`."""

    request: CreateTokenRequest

    @property
    def error_types(self) -> tuple[type[CreateTokenError], ...]:
        """The members of `CreateTokenError`."""
        return get_args(CreateTokenError)

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Encode it."""
        return json_post(f"{config.oidc_endpoint}/token", self.request)

    def parse(self, response: HttpResponse) -> CreateTokenResponse:
        """Understand the answer."""
        return parse(response, CreateTokenResponse, self, OIDC_ERRORS)

    def may_repeat(self, error: Exception) -> bool:
        """Never for a device code, whose polling loop owns the pace; else only while it is certainly unspent."""
        return not isinstance(self.request, DeviceCodeGrant) and may_repeat_one_time_grant(error)


def create_token(request: CreateTokenRequest) -> CreateToken:
    """Get a token with a grant.

    Errors when run: those of `CreateTokenError`, and what any operation may raise (see `ssooidc_core.errors`).
    """
    return CreateToken(request)
