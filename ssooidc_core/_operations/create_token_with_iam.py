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
from ssooidc_core._program import Operation, is_repeatable
from ssooidc_core._rest_json import json_post, parse
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
    """Exchange a code that came to a redirect URI of the application (RFC 6749 section 4.1.3).

    Attributes:
        client_id: the application's ARN.
        code: from the redirect; good for one exchange.
        redirect_uri: the one that the code came to.
        code_verifier: what the code challenge was made from (RFC 7636 section 4.5), where there was one.
        scope: by default all that the application is configured for.
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
        """Exchange a code as the application with this ARN."""
        return cls(
            client_id=client_id,
            code=as_secret(code),
            redirect_uri=redirect_uri,
            code_verifier=None if code_verifier is None else as_secret(code_verifier),
            scope=scope,
        )


class IamRefreshTokenGrant(Request, frozen=True):
    """Get a new access token with a refresh token (RFC 6749 section 6).

    Attributes:
        client_id: the application's ARN.
        refresh_token: from an earlier answer.
        scope: by default all that the application is configured for.
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
        assertion: the JWT; good for one exchange.
        scope: by default all that the application is configured for.
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
        """Exchange an assertion as the application with this ARN."""
        return cls(client_id=client_id, assertion=as_secret(assertion), scope=scope)


class TokenExchangeGrant(Request, frozen=True):
    """Exchange an access token that was issued to another application (RFC 8693 section 2.1).

    Attributes:
        client_id: the application's ARN.
        subject_token: the access token of the other application.
        subject_token_type: the one type that the service supports.
        requested_token_type: what to get; by default an access token.
        scope: by default all that the application is configured for.
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
        """Exchange a token as the application with this ARN."""
        return cls(
            client_id=client_id,
            subject_token=as_secret(subject_token),
            requested_token_type=requested_token_type,
            scope=scope,
        )


CreateTokenWithIAMRequest: TypeAlias = (
    IamAuthorizationCodeGrant | IamRefreshTokenGrant | JwtBearerGrant | TokenExchangeGrant
)
"""What CreateTokenWithIAM can be asked."""


class AwsAdditionalDetails(Response, frozen=True):
    """What only AWS adds to a token.

    Attributes:
        identity_context: for `ProvidedContexts` of `sts:AssumeRole`; the id token has it as well.
    """

    identity_context: Secret | None = None


class CreateTokenWithIAMResponse(Response, frozen=True):
    """A token for an application.

    Attributes:
        access_token: the bearer token.
        token_type: `Bearer`.
        expires_in: seconds from the answer's arrival until the access token is void; 0 where the service did not say.
        refresh_token: for `IamRefreshTokenGrant`, where there is one.
        id_token: a JWT that says who the person is.
        issued_token_type: URN of the type of token (RFC 8693 section 3).
        scope: what was granted.
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
"""What the service's model lets CreateTokenWithIAM fail with."""


@dataclass(frozen=True, slots=True)
class CreateTokenWithIAM(Operation[CreateTokenWithIAMResponse, CreateTokenWithIAMError]):
    """The operation as a value; made by `create_token_with_iam`."""

    request: CreateTokenWithIAMRequest

    @property
    def error_types(self) -> tuple[type[CreateTokenWithIAMError], ...]:
        """The members of `CreateTokenWithIAMError`."""
        return get_args(CreateTokenWithIAMError)

    signed: ClassVar[bool] = True

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Encode it."""
        return json_post(f"{config.oidc_endpoint}/token?aws_iam=t", self.request)

    def parse(self, response: HttpResponse) -> CreateTokenWithIAMResponse:
        """Understand the answer."""
        return parse(response, CreateTokenWithIAMResponse, self, OIDC_ERRORS)

    def may_repeat(self, error: Exception) -> bool:
        """A subject token may be used again; anything else only while it is certainly unspent."""
        if isinstance(self.request, TokenExchangeGrant):
            return is_repeatable(error)
        return may_repeat_one_time_grant(error)


def create_token_with_iam(request: CreateTokenWithIAMRequest) -> CreateTokenWithIAM:
    """Get a token as an application; the request is signed with `ClientConfig.credentials`.

    Errors when run: those of `CreateTokenWithIAMError`, and what any operation may raise (see `ssooidc_core.errors`).
    """
    return CreateTokenWithIAM(request)
