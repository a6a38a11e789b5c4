"""A typed, functional SDK for AWS SSO OIDC (IAM Identity Center OpenID Connect) that performs no I/O of its own.

It builds requests and parses answers; a transport sends them::

    from ssooidc_core import ClientConfig, RegisterClientRequest, register_client, run
    from ssooidc_transports.httpx import HttpxTransport

    with HttpxTransport(ClientConfig(region="us-east-1")) as transport:
        request = RegisterClientRequest(client_name="my-tool", client_type="public")
        client = run(register_client(request), transport)

The access portal's operations are in `ssooidc_core.portal`, ready-made flows in `ssooidc_core.flows`, retry policies
in `ssooidc_core.policies`, and all exceptions in `ssooidc_core.errors`. `ssooidc_core.aws_config` parses
`~/.aws/config`, and `ssooidc_core.sso_settings` reads from it where and how to sign in.
"""

from __future__ import annotations

from pydantic import SecretStr

from ssooidc_core._config import ClientConfig
from ssooidc_core._driver import AsyncTransport, Transport, aattempt, arun, attempt, run
from ssooidc_core._http import Headers, HttpRequest, HttpResponse
from ssooidc_core._operations.create_token import (
    AuthorizationCodeGrant,
    CreateToken,
    CreateTokenError,
    CreateTokenRequest,
    CreateTokenResponse,
    DeviceCodeGrant,
    RefreshTokenGrant,
    create_token,
)
from ssooidc_core._operations.create_token_with_iam import (
    AwsAdditionalDetails,
    CreateTokenWithIAM,
    CreateTokenWithIAMError,
    CreateTokenWithIAMRequest,
    CreateTokenWithIAMResponse,
    IamAuthorizationCodeGrant,
    IamRefreshTokenGrant,
    JwtBearerGrant,
    TokenExchangeGrant,
    create_token_with_iam,
)
from ssooidc_core._operations.register_client import (
    RegisterClient,
    RegisterClientError,
    RegisterClientRequest,
    RegisterClientResponse,
    register_client,
)
from ssooidc_core._operations.start_device_authorization import (
    StartDeviceAuthorization,
    StartDeviceAuthorizationError,
    StartDeviceAuthorizationRequest,
    StartDeviceAuthorizationResponse,
    start_device_authorization,
)
from ssooidc_core._program import Event, Flow, Instant, Now, Operation, Program, Sleep, Steps, flow
from ssooidc_core._sigv4 import Credentials, CredentialsProvider, TemporaryCredentials
from ssooidc_core._version import __version__
from ssooidc_core.errors import (
    AccessDeniedException,
    AuthorizationPendingException,
    CacheFileInvalid,
    CallbackMismatch,
    CallbackRefused,
    CodeLoginExpired,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    DeviceLoginExpired,
    ExpiredTokenException,
    InternalServerException,
    InvalidClientException,
    InvalidClientMetadataException,
    InvalidGrantException,
    InvalidRedirectUriException,
    InvalidRequestException,
    InvalidRequestRegionException,
    InvalidScopeException,
    LoginError,
    RegistrationGone,
    ResponseParseError,
    ResponseTooLarge,
    ServiceError,
    SessionExpired,
    SlowDownException,
    SsoOidcError,
    Timeout,
    TransportError,
    UnauthorizedClientException,
    UnknownServiceError,
    UnsupportedGrantTypeException,
)

__all__ = [
    "AccessDeniedException",
    "AsyncTransport",
    "AuthorizationCodeGrant",
    "AuthorizationPendingException",
    "AwsAdditionalDetails",
    "CacheFileInvalid",
    "CallbackMismatch",
    "CallbackRefused",
    "ClientConfig",
    "CodeLoginExpired",
    "ConfigurationError",
    "ConnectFailed",
    "ConnectionLost",
    "CreateToken",
    "CreateTokenError",
    "CreateTokenRequest",
    "CreateTokenResponse",
    "CreateTokenWithIAM",
    "CreateTokenWithIAMError",
    "CreateTokenWithIAMRequest",
    "CreateTokenWithIAMResponse",
    "Credentials",
    "CredentialsProvider",
    "DeviceCodeGrant",
    "DeviceLoginExpired",
    "Event",
    "ExpiredTokenException",
    "Flow",
    "Headers",
    "HttpRequest",
    "HttpResponse",
    "IamAuthorizationCodeGrant",
    "IamRefreshTokenGrant",
    "Instant",
    "InternalServerException",
    "InvalidClientException",
    "InvalidClientMetadataException",
    "InvalidGrantException",
    "InvalidRedirectUriException",
    "InvalidRequestException",
    "InvalidRequestRegionException",
    "InvalidScopeException",
    "JwtBearerGrant",
    "LoginError",
    "Now",
    "Operation",
    "Program",
    "RefreshTokenGrant",
    "RegisterClient",
    "RegisterClientError",
    "RegisterClientRequest",
    "RegisterClientResponse",
    "RegistrationGone",
    "ResponseParseError",
    "ResponseTooLarge",
    "SecretStr",
    "ServiceError",
    "SessionExpired",
    "Sleep",
    "SlowDownException",
    "SsoOidcError",
    "StartDeviceAuthorization",
    "StartDeviceAuthorizationError",
    "StartDeviceAuthorizationRequest",
    "StartDeviceAuthorizationResponse",
    "Steps",
    "TemporaryCredentials",
    "Timeout",
    "TokenExchangeGrant",
    "Transport",
    "TransportError",
    "UnauthorizedClientException",
    "UnknownServiceError",
    "UnsupportedGrantTypeException",
    "__version__",
    "aattempt",
    "arun",
    "attempt",
    "create_token",
    "create_token_with_iam",
    "flow",
    "register_client",
    "run",
    "start_device_authorization",
]


def __dir__() -> list[str]:
    return __all__
