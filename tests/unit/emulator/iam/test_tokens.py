"""CreateTokenWithIAM in the emulator, called through the core's operation: the four grants, and refusals."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from pydantic import SecretStr

from ssooidc_core import (
    AccessDeniedException,
    ClientConfig,
    CreateTokenWithIAMResponse,
    Credentials,
    HttpResponse,
    InvalidClientException,
    InvalidGrantException,
    InvalidRequestException,
    InvalidScopeException,
    UnauthorizedClientException,
    run,
)
from ssooidc_core._operations.create_token_with_iam import (
    CreateTokenWithIAMRequest,
    IamAuthorizationCodeGrant,
    IamRefreshTokenGrant,
    JwtBearerGrant,
    TokenExchangeGrant,
    create_token_with_iam,
)
from ssooidc_core._pkce import code_challenge
from ssooidc_emulator import EmulatorTransport, IdentityCenter
from ssooidc_emulator._iam.tokens import JWT_BEARER
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Register

ARN: Final = "arn:aws:sso::123456789012:application/ssoins-1111111111111111/apl-2222222222222222"
OTHER: Final = "arn:aws:sso::123456789012:application/ssoins-1111111111111111/apl-3333333333333333"
REDIRECT: Final = "https://app.example/redirect"
ALL: Final = ("openid", "aws", "sts:identity_context", "app:read")
ACCESS: Final = "urn:ietf:params:oauth:token-type:access_token"
REFRESH: Final = "urn:ietf:params:oauth:token-type:refresh_token"
EXAMPLE: Final = Credentials.of("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
VERIFIER: Final = "v" * 43

Create = Callable[..., CreateTokenWithIAMResponse]
AskIam = Callable[..., HttpResponse]


@pytest.fixture
def create(iam_center: IdentityCenter, clock: VirtualClock) -> Create:
    """Run the operation against the center."""

    def call(
        request: CreateTokenWithIAMRequest,
        *,
        credentials: Credentials = EXAMPLE,
        region: str = "us-east-1",
    ) -> CreateTokenWithIAMResponse:
        config = ClientConfig(region=region, credentials=credentials, max_attempts=1)
        transport = EmulatorTransport(iam_center, config=config, clock=clock)
        return run(create_token_with_iam(request), transport)

    return call


@pytest.fixture
def code(iam_center: IdentityCenter, clock: VirtualClock) -> Callable[..., str]:
    """Sign a person in for the application, and return the code."""

    def get(*, user: str = "jane", verifier: str | None = None, **more: str) -> str:
        query = {"response_type": "code", "client_id": ARN, "redirect_uri": REDIRECT} | more
        if verifier is not None:
            challenge = code_challenge(SecretStr(verifier))
            query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        url = f"https://x/authorize?{urlencode(query)}"
        there = iam_center.authorize(url, clock.now(), user=user)
        return parse_qs(urlsplit(there).query)["code"][0]

    return get


def claims_of(token: CreateTokenWithIAMResponse) -> dict[str, Any]:
    assert token.id_token is not None
    header, payload, _ = token.id_token.get_secret_value().split(".")
    assert decoded(header) == {"alg": "HS256", "typ": "JWT"}
    return decoded(payload)


def decoded(part: str) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return members


def secret(value: Any) -> str:  # noqa: ANN401 - a secret or nothing
    assert value is not None
    text: str = value.get_secret_value()
    return text


def test_an_assertion_becomes_tokens(create: Create, assertion: Callable[..., str]) -> None:
    token = create(JwtBearerGrant.of(ARN, assertion=assertion()))
    assert secret(token.access_token).startswith("aoa")
    assert secret(token.refresh_token).startswith("aor")
    assert (token.token_type, token.expires_in) == ("Bearer", 3600)
    assert (token.issued_token_type, token.scope) == (REFRESH, ALL)
    assert token.aws_additional_details is not None
    context = secret(token.aws_additional_details.identity_context)
    assert len(base64.b64decode(context)) == 192
    claims = claims_of(token)
    audit, credential = claims.pop("sts:audit_context"), claims.pop("aws:credential_id")
    assert len({context, audit, credential}) == 3
    assert claims == {
        "aws:identity_store_id": "d-1234567890",
        "sub": "u-jane",
        "aws:instance_account": "123456789012",
        "sts:identity_context": context,
        "iss": "https://identitycenter.amazonaws.com/ssoins-1111111111111111",
        "aws:identity_store_arn": "arn:aws:identitystore::123456789012:identitystore/d-1234567890",
        "aud": ARN,
        "aws:instance_arn": "arn:aws:sso:::instance/ssoins-1111111111111111",
        "auth_time": "2026-01-01T00:00:00Z",
        "exp": 1767225600 + 3600,
        "iat": 1767225600,
    }


def test_the_exact_answer(
    iam_center: IdentityCenter, ask_iam: AskIam, assertion: Callable[..., str]
) -> None:
    answer = ask_iam(
        iam_center, {"clientId": ARN, "grantType": JWT_BEARER, "assertion": assertion()}
    )
    members = json.loads(answer.body)
    assert answer.status == 200
    assert [name for name, _ in answer.headers.fields] == [
        "Date",
        "Content-Type",
        "Content-Length",
        "Connection",
        "x-amzn-RequestId",
    ]
    assert (
        answer.body
        == (
            f'{{"accessToken":"{members["accessToken"]}",'
            f'"awsAdditionalDetails":{{"identityContext":"{members["awsAdditionalDetails"]["identityContext"]}"}},'
            f'"expiresIn":3600,"idToken":"{members["idToken"]}",'
            f'"issuedTokenType":"{REFRESH}","refreshToken":"{members["refreshToken"]}",'
            '"scope":["openid","aws","sts:identity_context","app:read"],"tokenType":"Bearer"}'
        ).encode()
    )


def test_a_refresh_has_no_identity(
    iam_center: IdentityCenter, ask_iam: AskIam, create: Create, assertion: Callable[..., str]
) -> None:
    """As in the service model's example."""
    first = create(JwtBearerGrant.of(ARN, assertion=assertion()))
    refresh = secret(first.refresh_token)
    token = create(IamRefreshTokenGrant.of(ARN, refresh_token=refresh))
    assert (token.id_token, token.aws_additional_details) == (None, None)
    assert (token.issued_token_type, token.scope, token.expires_in) == (REFRESH, ALL, 3600)
    assert secret(token.refresh_token) == refresh
    assert token.access_token != first.access_token
    grant = {"clientId": ARN, "grantType": "refresh_token", "refreshToken": refresh}
    members = json.loads(ask_iam(iam_center, grant).body)
    assert (members["idToken"], members["awsAdditionalDetails"]) == (None, None)
    for scope in (("aws",), ("app:read", "app:read", "openid")):
        narrow = create(IamRefreshTokenGrant.of(ARN, refresh_token=refresh, scope=scope))
        assert narrow.scope == tuple(dict.fromkeys(scope))


def test_a_refresh_token_is_its_applications_alone(
    create: Create, assertion: Callable[..., str]
) -> None:
    first = create(JwtBearerGrant.of(ARN, assertion=assertion(), scope=("aws",)))
    refresh = secret(first.refresh_token)
    with pytest.raises(InvalidGrantException, match="Invalid refresh token provided"):
        create(IamRefreshTokenGrant.of(OTHER, refresh_token=refresh))
    with pytest.raises(InvalidScopeException):
        create(IamRefreshTokenGrant.of(ARN, refresh_token=refresh, scope=("aws", "openid")))


@pytest.mark.parametrize("verifier", [None, VERIFIER])
def test_a_code_becomes_tokens_once(
    create: Create, code: Callable[..., str], verifier: str | None
) -> None:
    grant = IamAuthorizationCodeGrant.of(
        ARN, code=code(verifier=verifier), redirect_uri=REDIRECT, code_verifier=verifier
    )
    token = create(grant)
    assert (token.scope, token.issued_token_type) == (ALL, REFRESH)
    assert claims_of(token)["sub"] == "u-jane"
    with pytest.raises(InvalidGrantException):
        create(grant)
    # RFC 6749 section 10.5: the tokens from that code are revoked too.
    with pytest.raises(InvalidGrantException):
        create(IamRefreshTokenGrant.of(ARN, refresh_token=secret(token.refresh_token)))


def test_the_scopes_of_a_code_are_those_that_were_agreed_to(
    create: Create, code: Callable[..., str]
) -> None:
    scopes = "openid app:read"
    token = create(
        IamAuthorizationCodeGrant.of(ARN, code=code(scope=scopes), redirect_uri=REDIRECT)
    )
    assert token.scope == ("openid", "app:read")
    with pytest.raises(InvalidScopeException):
        create(
            IamAuthorizationCodeGrant.of(
                ARN, code=code(scope=scopes), redirect_uri=REDIRECT, scope=("aws",)
            )
        )


@pytest.mark.parametrize(
    ("more", "verifier"),
    [
        ({"redirect_uri": "https://app.example/other"}, VERIFIER),
        ({"client_id": OTHER}, VERIFIER),
        ({"code": "other"}, VERIFIER),
        ({}, None),
        ({}, "w" * 43),
    ],
)
def test_a_code_is_bound_to_what_it_was_asked_for_with(
    create: Create, code: Callable[..., str], more: dict[str, str], verifier: str | None
) -> None:
    sent = {"code": code(verifier=VERIFIER), "redirect_uri": REDIRECT} | more
    arn = sent.pop("client_id", ARN)
    with pytest.raises(InvalidGrantException, match="Invalid grant provided"):
        create(IamAuthorizationCodeGrant.of(arn, **sent, code_verifier=verifier))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("requested", "issued"), [(None, ACCESS), (ACCESS, ACCESS), (REFRESH, REFRESH)]
)
def test_a_token_of_another_application_is_exchanged(
    create: Create,
    assertion: Callable[..., str],
    clock: VirtualClock,
    requested: Any,  # noqa: ANN401 - one of two literals
    issued: str,
) -> None:
    subject = create(JwtBearerGrant.of(OTHER, assertion=assertion()))
    clock.advance(60)
    grant = TokenExchangeGrant.of(
        ARN, subject_token=subject.access_token, requested_token_type=requested
    )
    token = create(grant)
    assert (token.issued_token_type, token.scope) == (issued, ALL)
    assert (token.refresh_token is None) == (issued == ACCESS)
    claims = claims_of(token)
    assert (claims["sub"], claims["aud"]) == ("u-jane", ARN)
    # The time of the sign-in, not of the exchange.
    assert (claims["auth_time"], claims["iat"]) == ("2026-01-01T00:00:00Z", 1767225660)
    # A subject token may be used more than once.
    assert create(grant).access_token != token.access_token


def test_a_token_of_a_device_login_is_exchanged(
    iam_center: IdentityCenter,
    create: Create,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
) -> None:
    subject = sign_in(iam_center, register(iam_center))["accessToken"]
    token = create(TokenExchangeGrant.of(OTHER, subject_token=subject, scope=("openid",)))
    assert claims_of(token)["sub"] == "user"


def test_subject_tokens_that_are_not_exchanged(
    create: Create, assertion: Callable[..., str], clock: VirtualClock
) -> None:
    own = create(JwtBearerGrant.of(ARN, assertion=assertion()))
    other = create(JwtBearerGrant.of(OTHER, assertion=assertion(jti="2")))
    for subject in (own.access_token, other.refresh_token, "CANARY"):
        assert subject is not None
        with pytest.raises(InvalidRequestException) as caught:
            create(TokenExchangeGrant.of(ARN, subject_token=subject))
        assert caught.value.error_description == "Invalid subject token provided"
    clock.advance(3600)
    with pytest.raises(InvalidRequestException):
        create(TokenExchangeGrant.of(ARN, subject_token=other.access_token))


def test_without_their_scopes_there_is_no_id_token_and_no_context(
    create: Create, assertion: Callable[..., str]
) -> None:
    token = create(JwtBearerGrant.of(ARN, assertion=assertion(jti="1"), scope=("aws",)))
    assert (token.id_token, token.aws_additional_details) == (None, None)
    token = create(JwtBearerGrant.of(ARN, assertion=assertion(jti="2"), scope=("openid",)))
    assert token.aws_additional_details is None
    assert {"sts:identity_context", "sts:audit_context"}.isdisjoint(claims_of(token))
    token = create(
        JwtBearerGrant.of(ARN, assertion=assertion(jti="3"), scope=("sts:identity_context",))
    )
    assert token.id_token is None
    assert token.aws_additional_details is not None


def test_an_application_without_refresh_tokens(
    iam_center: IdentityCenter, create: Create, assertion: Callable[..., str]
) -> None:
    application = iam_center.directory.application(OTHER)
    assert application is not None
    iam_center.directory.add_application(
        dataclasses.replace(application, grant_types=application.grant_types - {"refresh_token"})
    )
    token = create(JwtBearerGrant.of(OTHER, assertion=assertion()))
    assert (token.refresh_token, token.issued_token_type) == (None, ACCESS)
    with pytest.raises(InvalidClientException):
        create(IamRefreshTokenGrant.of(OTHER, refresh_token="x"))
    with pytest.raises(UnauthorizedClientException):
        create(TokenExchangeGrant.of(OTHER, subject_token="x", requested_token_type=REFRESH))


def test_a_user_who_is_not_assigned(
    iam_center: IdentityCenter, create: Create, assertion: Callable[..., str]
) -> None:
    joes = assertion(email="joe@corp.example")
    with pytest.raises(AccessDeniedException) as caught:
        create(JwtBearerGrant.of(ARN, assertion=joes))
    assert (caught.value.error, caught.value.error_description) == ("access_denied", None)
    # Nothing was spent.
    assert claims_of(create(JwtBearerGrant.of(OTHER, assertion=joes)))["sub"] == "u-joe"
    token = create(JwtBearerGrant.of(ARN, assertion=assertion()))
    application = iam_center.directory.application(ARN)
    assert application is not None
    iam_center.directory.add_application(dataclasses.replace(application, users=frozenset()))
    with pytest.raises(AccessDeniedException):
        create(IamRefreshTokenGrant.of(ARN, refresh_token=secret(token.refresh_token)))
