"""CreateTokenWithIAM: the four grants, the request's bytes, the signature, and the response."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from ssooidc_core import (
    AwsAdditionalDetails,
    ClientConfig,
    ConfigurationError,
    ConnectFailed,
    CreateTokenWithIAM,
    CreateTokenWithIAMRequest,
    CreateTokenWithIAMResponse,
    Credentials,
    HttpRequest,
    HttpResponse,
    IamAuthorizationCodeGrant,
    IamRefreshTokenGrant,
    Instant,
    InternalServerException,
    JwtBearerGrant,
    ResponseParseError,
    Timeout,
    TokenExchangeGrant,
    UnknownServiceError,
    create_token_with_iam,
)
from ssooidc_core._sigv4 import sign

JSON = {"Content-Type": "application/json"}
ARN = "arn:aws:sso::123456789012:application/ssoins-1/apl-2"
WHEN = Instant(datetime(2015, 8, 30, 12, 36, tzinfo=UTC), 7.0)
AWS = Credentials.of("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
OTHER = Credentials.of("AKIDOTHER", "other", "token")
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
CODE_GRANT = IamAuthorizationCodeGrant.of(ARN, code="c", redirect_uri="https://app/cb")
REFRESH_GRANT = IamRefreshTokenGrant.of(ARN, refresh_token="r")
JWT_GRANT = JwtBearerGrant.of(ARN, assertion="a.b.c")
EXCHANGE_GRANT = TokenExchangeGrant.of(ARN, subject_token="s")
GRANTS = (CODE_GRANT, REFRESH_GRANT, JWT_GRANT, EXCHANGE_GRANT)


def parsed(body: bytes) -> CreateTokenWithIAMResponse:
    return create_token_with_iam(JWT_GRANT).parse(HttpResponse(200, JSON, body))


@pytest.mark.parametrize(
    ("grant", "body"),
    [
        (
            CODE_GRANT,
            (
                '{"grantType":"authorization_code","clientId":"ARN","code":"c",'
                '"redirectUri":"https://app/cb"}'
            ),
        ),
        (
            IamAuthorizationCodeGrant.of(
                ARN,
                code=SecretStr("c"),
                redirect_uri="https://app/cb",
                code_verifier="v",
                scope=("openid", "aws"),
            ),
            (
                '{"grantType":"authorization_code","clientId":"ARN","code":"c",'
                '"redirectUri":"https://app/cb","codeVerifier":"v","scope":["openid","aws"]}'
            ),
        ),
        (REFRESH_GRANT, '{"grantType":"refresh_token","clientId":"ARN","refreshToken":"r"}'),
        (
            IamRefreshTokenGrant.of(ARN, refresh_token=SecretStr("r"), scope=()),
            '{"grantType":"refresh_token","clientId":"ARN","refreshToken":"r","scope":[]}',
        ),
        (
            JWT_GRANT,
            (
                '{"grantType":"urn:ietf:params:oauth:grant-type:jwt-bearer","clientId":"ARN",'
                '"assertion":"a.b.c"}'
            ),
        ),
        (
            JwtBearerGrant.of(ARN, assertion=SecretStr("a.b.c"), scope=("aws",)),
            (
                '{"grantType":"urn:ietf:params:oauth:grant-type:jwt-bearer","clientId":"ARN",'
                '"assertion":"a.b.c","scope":["aws"]}'
            ),
        ),
        (
            EXCHANGE_GRANT,
            (
                '{"grantType":"urn:ietf:params:oauth:grant-type:token-exchange","clientId":"ARN",'
                f'"subjectToken":"s","subjectTokenType":"{ACCESS}"}}'
            ),
        ),
        (
            TokenExchangeGrant.of(
                ARN,
                subject_token=SecretStr("s"),
                requested_token_type="urn:ietf:params:oauth:token-type:refresh_token",
                scope=("aws",),
            ),
            (
                '{"grantType":"urn:ietf:params:oauth:grant-type:token-exchange","clientId":"ARN",'
                f'"subjectToken":"s","subjectTokenType":"{ACCESS}",'
                '"requestedTokenType":"urn:ietf:params:oauth:token-type:refresh_token","scope":["aws"]}'
            ),
        ),
    ],
)
def test_the_request_of_each_grant(grant: CreateTokenWithIAMRequest, body: str) -> None:
    """POST /token?aws_iam=t; RFC 6749, RFC 7523 section 2.1, RFC 8693 section 2.1."""
    config = ClientConfig(region="us-east-1")
    assert create_token_with_iam(grant).unsigned_request(config) == HttpRequest(
        "POST",
        "https://oidc.us-east-1.amazonaws.com/token?aws_iam=t",
        JSON,
        body.replace("ARN", ARN).encode(),
    )


def test_the_grants_have_every_member_of_the_service_model_between_them(
    case_tables: dict[str, Any],
) -> None:
    model = case_tables["model-sso-oidc"]
    aliases = {field.alias for grant in GRANTS for field in type(grant).model_fields.values()}
    assert aliases == set(model["structures"]["CreateTokenWithIAMRequest"])
    fields = CreateTokenWithIAMResponse.model_fields.values()
    assert {field.alias for field in fields} == set(
        model["structures"]["CreateTokenWithIAMResponse"]
    )
    assert {each.__name__ for each in create_token_with_iam(JWT_GRANT).error_types} == set(
        model["raises"]["CreateTokenWithIAM"]
    )


def http_request(config: ClientConfig, credentials: Credentials | None = None) -> HttpRequest:
    return create_token_with_iam(JWT_GRANT).http_request(
        config, WHEN, credentials=credentials, invocation_id="i", max_attempts=3
    )


@pytest.mark.parametrize("credentials", [AWS, OTHER], ids=["without token", "with token"])
def test_the_request_is_signed_with_credentials_of_the_config(credentials: Credentials) -> None:
    """Credential scope `{date}/{region}/sso-oauth/aws4_request`."""
    config = ClientConfig(region="eu-west-1", credentials=credentials)
    unsigned = create_token_with_iam(JWT_GRANT).unsigned_request(config)
    expected = sign(
        unsigned, credentials=credentials, region="eu-west-1", service="sso-oauth", now=WHEN.wall
    )
    request = http_request(config)
    assert request.headers.fields == (
        *expected.headers.fields,
        config.user_agent_field,
        ("amz-sdk-invocation-id", "i"),
        ("amz-sdk-request", "attempt=1; max=3"),
    )
    assert (request.method, request.url, request.body) == ("POST", unsigned.url, unsigned.body)
    assert ("X-Amz-Security-Token" in request.headers) is (credentials is OTHER)


def test_user_agent_and_retry_headers_are_not_signed() -> None:
    """A proxy may change them; boto3 signs `content-type;host;x-amz-date(;x-amz-security-token)`."""
    config = ClientConfig(region="eu-west-1", credentials=OTHER)
    assert (
        http_request(config)
        .headers["Authorization"]
        .startswith(
            "AWS4-HMAC-SHA256 Credential=AKIDOTHER/20150830/eu-west-1/sso-oauth/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
        )
    )


def test_the_bytes_that_are_signed_are_the_bytes_that_are_sent() -> None:
    """A signature of botocore 1.44.5 for this request, with host and port (made with SigV4Auth)."""
    config = ClientConfig(region="us-east-1", endpoint_url="http://127.0.0.1:8000", credentials=AWS)
    request = http_request(config)
    assert request.url == "http://127.0.0.1:8000/token?aws_iam=t"
    assert request.headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/sso-oauth/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=efc6eade27acf7d2afb483e0c9517b07f8b58131f0bb7dcc1a635d219b1d9784"
    )


def test_the_base_path_of_an_endpoint_is_signed() -> None:
    """The same, with a base path."""
    config = ClientConfig(
        region="us-east-1", endpoint_url="https://proxy.example/base/", credentials=AWS
    )
    request = http_request(config)
    assert request.url == "https://proxy.example/base/token?aws_iam=t"
    assert (
        request.headers["Authorization"].rpartition("=")[2]
        == "685223ebca6e9b3bd864460f32c40f86f88d14403d6597b2511600adb7582a6f"
    )


def test_credentials_that_are_passed_go_before_the_configs() -> None:
    for configured in (AWS, lambda: AWS, None):
        config = ClientConfig(region="eu-west-1", credentials=configured)
        plain = http_request(ClientConfig(region="eu-west-1", credentials=OTHER))
        assert http_request(config, OTHER) == plain


@pytest.mark.parametrize("configured", [None, lambda: AWS], ids=["none", "provider"])
def test_without_a_value_of_credentials_it_cannot_be_signed(configured: object) -> None:
    config = ClientConfig(
        region="eu-west-1",
        credentials=(lambda: AWS) if configured is not None else None,
    )
    with pytest.raises(ConfigurationError) as caught:
        _ = http_request(config)
    assert str(caught.value) == (
        "CreateTokenWithIAM is signed and needs AWS credentials: set ClientConfig(credentials=...), "
        "or http_request(credentials=...) if the config has a provider"
    )


@pytest.mark.parametrize("region", [None, ""])
def test_without_a_region_it_cannot_be_signed(region: str | None) -> None:
    config = ClientConfig(region=region, endpoint_url="https://e.example", credentials=AWS)
    with pytest.raises(ConfigurationError, match=r"^Invalid Configuration: Missing Region$"):
        _ = http_request(config)


@pytest.mark.parametrize("region", ["us-east-1\r\nX-Evil: 1", "us east", "\ud800", "a/b"])
def test_a_region_is_checked_even_where_the_endpoint_does_not_need_it(region: str) -> None:
    """It is part of the `Authorization` header."""
    config = ClientConfig(region=region, endpoint_url="https://e.example", credentials=AWS)
    with pytest.raises(ConfigurationError) as caught:
        _ = http_request(config)
    assert str(caught.value) == (
        f"Invalid Configuration: {region!r} is not a region; "
        "a region is one host label, us-east-1 for example"
    )


def test_every_member_of_the_answer_is_read() -> None:
    answer = parsed(
        b'{"accessToken":"a","tokenType":"Bearer","expiresIn":3600,"refreshToken":"r","idToken":"i",'
        b'"issuedTokenType":"urn:t","scope":["openid","aws"],'
        b'"awsAdditionalDetails":{"identityContext":"ctx","new":1},"new":null}'
    )
    assert answer == CreateTokenWithIAMResponse(
        access_token=SecretStr("a"),
        token_type="Bearer",
        expires_in=3600,
        refresh_token=SecretStr("r"),
        id_token=SecretStr("i"),
        issued_token_type="urn:t",
        scope=("openid", "aws"),
        aws_additional_details=AwsAdditionalDetails(identity_context=SecretStr("ctx")),
    )


@pytest.mark.parametrize(
    "members",
    [
        "",
        ',"scope":null,"awsAdditionalDetails":null',
        ',"tokenType":null,"refreshToken":null,"idToken":null,"issuedTokenType":null',
    ],
)
def test_only_the_access_token_is_essential(members: str) -> None:
    answer = parsed(b'{"accessToken":"a"' + members.encode() + b"}")
    assert answer == CreateTokenWithIAMResponse(access_token=SecretStr("a"))


def test_details_without_an_identity_context_are_read() -> None:
    answer = parsed(b'{"accessToken":"a","awsAdditionalDetails":{"identityContext":null}}')
    assert answer.aws_additional_details == AwsAdditionalDetails(identity_context=None)


def test_an_answer_with_details_of_another_kind_is_refused() -> None:
    with pytest.raises(ResponseParseError) as caught:
        _ = parsed(b'{"awsAdditionalDetails":[],"scope":"openid"}')
    assert str(caught.value) == (
        "The answer does not fit CreateTokenWithIAMResponse: accessToken missing, scope tuple_type, "
        "awsAdditionalDetails model_type (status 200)"
    )


@pytest.mark.parametrize(
    ("error", "one_time", "exchange"),
    [
        (ConnectFailed("t"), True, True),
        (UnknownServiceError(code="SlowDown", status=400), True, True),
        (UnknownServiceError(code="x", status=429), True, True),
        (Timeout("t"), False, True),
        (InternalServerException.of(status=500), False, True),
        (UnknownServiceError(code="x", status=400), False, False),
        (OSError(), False, False),
    ],
    ids=repr,
)
def test_only_a_subject_token_may_be_sent_again_after_it_may_have_arrived(
    error: Exception, *, one_time: bool, exchange: bool
) -> None:
    """A reused assertion gives `invalid_grant` (aws-samples qbusiness-tti#4)."""
    for grant in (CODE_GRANT, REFRESH_GRANT, JWT_GRANT):
        assert create_token_with_iam(grant).may_repeat(error) is one_time
    assert create_token_with_iam(EXCHANGE_GRANT).may_repeat(error) is exchange


def test_the_operation_is_a_signed_value() -> None:
    operation = create_token_with_iam(JWT_GRANT)
    assert operation.signed is True
    assert operation == CreateTokenWithIAM(JWT_GRANT)
    assert hash(operation) == hash(CreateTokenWithIAM(JWT_GRANT))
    assert repr(operation) == (
        f"CreateTokenWithIAM(request=JwtBearerGrant(client_id={ARN!r}, "
        "assertion=SecretStr('**********'), scope=None))"
    )
