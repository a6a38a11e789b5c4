"""CreateTokenWithIAM: get tokens as an application with AWS credentials (POST /token?aws_iam=t, signed).

https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateTokenWithIAM.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

from pydantic import Field, SecretStr

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._model import Request, Response, Seconds, Secret, as_secret
from ssooidc_core._operations.create_token import may_repeat_one_time_grant
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_core._program import Operation
from ssooidc_core._rest_json import json_post, parse
from ssooidc_core._transient_errors import is_repeatable
from ssooidc_core.errors import (
    AccessDeniedException,
    AuthorizationPendingException,
    ExpiredTokenException,
    InternalServerException,
    InvalidClientException,
    InvalidGrantException,
    InvalidRequestException,
    InvalidRequestRegionException,
    InvalidScopeException,
    SlowDownException,
    UnauthorizedClientException,
    UnsupportedGrantTypeException,
)

__all__ = [
    "AwsAdditionalDetails",
    "CreateTokenWithIAM",
    "CreateTokenWithIAMError",
    "CreateTokenWithIAMRequest",
    "CreateTokenWithIAMResponse",
    "IamAuthorizationCodeGrant",
    "IamRefreshTokenGrant",
    "JwtBearerGrant",
    "TokenExchangeGrant",
    "create_token_with_iam",
]

_AccessTokenUri: TypeAlias = Literal["urn:ietf:params:oauth:token-type:access_token"]
_RefreshTokenUri: TypeAlias = Literal["urn:ietf:params:oauth:token-type:refresh_token"]


class IamAuthorizationCodeGrant(Request, frozen=True):
    """A code that was sent to a redirect URI of the application (RFC 6749 section 4.1.3).

    Attributes:
        client_id: the application's ARN.
        code: from the redirect; valid for one exchange.
        redirect_uri: the one that the code was sent to.
        code_verifier: the verifier of the code challenge (RFC 7636 section 4.5), if there was one.
        scope: by default all scopes that the application is configured for.
    """

    grant_type: Literal["authorization_code"] = Field(
        default="authorization_code", init=False, repr=False
    )
    client_id: str
    code: Secret
    redirect_uri: str
    code_verifier: Secret | None = None
    scope: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        client_id: str,
        *,
        code: str | SecretStr,
        redirect_uri: str,
        code_verifier: str | SecretStr | None = None,
        scope: tuple[str, ...] | None = None,
    ) -> IamAuthorizationCodeGrant:
        """Return the grant of the application with this ARN for a code."""
        return cls(
            client_id=client_id,
            code=as_secret(code),
            redirect_uri=redirect_uri,
            code_verifier=None if code_verifier is None else as_secret(code_verifier),
            scope=scope,
        )


class IamRefreshTokenGrant(Request, frozen=True):
    """A refresh token, to get a new access token (RFC 6749 section 6).

    Attributes:
        client_id: the application's ARN.
        refresh_token: from an earlier answer.
        scope: by default all scopes that the application is configured for.
    """

    grant_type: Literal["refresh_token"] = Field(default="refresh_token", init=False, repr=False)
    client_id: str
    refresh_token: Secret
    scope: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        client_id: str,
        *,
        refresh_token: str | SecretStr,
        scope: tuple[str, ...] | None = None,
    ) -> IamRefreshTokenGrant:
        """Refresh as the application with this ARN."""
        return cls(client_id=client_id, refresh_token=as_secret(refresh_token), scope=scope)


class JwtBearerGrant(Request, frozen=True):
    """Exchange a JWT of a trusted token issuer (RFC 7523 section 2.1).

    Attributes:
        client_id: the application's ARN.
        assertion: the JWT; valid for one exchange.
        scope: by default all scopes that the application is configured for.
    """

    grant_type: Literal["urn:ietf:params:oauth:grant-type:jwt-bearer"] = Field(
        default="urn:ietf:params:oauth:grant-type:jwt-bearer", init=False, repr=False
    )
    client_id: str
    assertion: Secret
    scope: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls, client_id: str, *, assertion: str | SecretStr, scope: tuple[str, ...] | None = None
    ) -> JwtBearerGrant:
        """Return the grant of the application with this ARN for an assertion."""
        return cls(client_id=client_id, assertion=as_secret(assertion), scope=scope)


class TokenExchangeGrant(Request, frozen=True):
    """An access token that was issued to another application, to exchange (RFC 8693 section 2.1).

    Attributes:
        client_id: the application's ARN.
        subject_token: the access token of the other application.
        subject_token_type: the one type that the service supports.
        requested_token_type: the type to get; by default an access token.
        scope: by default all scopes that the application is configured for.
    """

    grant_type: Literal["urn:ietf:params:oauth:grant-type:token-exchange"] = Field(
        default="urn:ietf:params:oauth:grant-type:token-exchange", init=False, repr=False
    )
    client_id: str
    subject_token: Secret
    subject_token_type: _AccessTokenUri = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a URN
    requested_token_type: _AccessTokenUri | _RefreshTokenUri | None = None
    scope: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        client_id: str,
        *,
        subject_token: str | SecretStr,
        requested_token_type: _AccessTokenUri | _RefreshTokenUri | None = None,
        scope: tuple[str, ...] | None = None,
    ) -> TokenExchangeGrant:
        """Return the grant of the application with this ARN for a token."""
        return cls(
            client_id=client_id,
            subject_token=as_secret(subject_token),
            requested_token_type=requested_token_type,
            scope=scope,
        )


CreateTokenWithIAMRequest: TypeAlias = (
    IamAuthorizationCodeGrant | IamRefreshTokenGrant | JwtBearerGrant | TokenExchangeGrant
)
"""The requests of CreateTokenWithIAM."""


class AwsAdditionalDetails(Response, frozen=True):
    """What AWS adds to a token.

    Attributes:
        identity_context: for `ProvidedContexts` of `sts:AssumeRole`; also in the id token.
    """

    identity_context: Secret | None = None


class CreateTokenWithIAMResponse(Response, frozen=True):
    """A token for an application.

    Attributes:
        access_token: the bearer token.
        token_type: `Bearer`.
        expires_in: seconds until the access token expires, from the answer's arrival; 0 if the service did not say.
        refresh_token: for `IamRefreshTokenGrant`, or `None`.
        id_token: a JWT that identifies the person.
        issued_token_type: URN of the type of token (RFC 8693 section 3).
        scope: the granted scopes.
        aws_additional_details: the identity context.
    """

    access_token: Secret
    token_type: str | None = None
    expires_in: Seconds = 0
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    issued_token_type: str | None = None
    scope: tuple[str, ...] | None = None
    aws_additional_details: AwsAdditionalDetails | None = None


CreateTokenWithIAMError: TypeAlias = (
    AccessDeniedException
    | AuthorizationPendingException
    | ExpiredTokenException
    | InternalServerException
    | InvalidClientException
    | InvalidGrantException
    | InvalidRequestException
    | InvalidRequestRegionException
    | InvalidScopeException
    | SlowDownException
    | UnauthorizedClientException
    | UnsupportedGrantTypeException
)
"""The errors of CreateTokenWithIAM in the service\'s model."""


@dataclass(frozen=True, slots=True)
class CreateTokenWithIAM(Operation[CreateTokenWithIAMResponse, CreateTokenWithIAMError]):
    """The operation as a value, returned by `create_token_with_iam`."""

    request: CreateTokenWithIAMRequest

    @property
    def error_types(self) -> tuple[type[CreateTokenWithIAMError], ...]:
        """The members of `CreateTokenWithIAMError`."""
        return get_args(CreateTokenWithIAMError)

    signed: ClassVar[bool] = True

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Return the request without signature and common headers."""
        return json_post(f"{config.oidc_endpoint}/token?aws_iam=t", self.request)

    def parse(self, response: HttpResponse) -> CreateTokenWithIAMResponse:
        """Return the content of an answer."""
        return parse(response, CreateTokenWithIAMResponse, self, OIDC_ERRORS)

    def may_repeat(self, error: Exception) -> bool:
        """Return true for a subject token, which may be used again; otherwise, whether it is certainly unspent."""
        if isinstance(self.request, TokenExchangeGrant):
            return is_repeatable(error)
        return may_repeat_one_time_grant(error)


def create_token_with_iam(request: CreateTokenWithIAMRequest) -> CreateTokenWithIAM:
    """Get a token as an application; the request is signed with `ClientConfig.credentials`.

    Running it raises the errors of `CreateTokenWithIAMError`, and those of any operation (see `ssooidc_core.errors`).
    """
    return CreateTokenWithIAM(request)
