"""CreateToken: the three grants, the request's bytes, the response, and what may be repeated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from ssooidc_core import (
    AuthorizationCodeGrant,
    ClientConfig,
    ConfigurationError,
    ConnectFailed,
    CreateToken,
    CreateTokenRequest,
    CreateTokenResponse,
    DeviceCodeGrant,
    HttpRequest,
    HttpResponse,
    InternalServerException,
    InvalidGrantException,
    RefreshTokenGrant,
    RegisterClientResponse,
    ResponseParseError,
    SlowDownException,
    StartDeviceAuthorizationResponse,
    Timeout,
    UnknownServiceError,
    create_token,
)

JSON = {"Content-Type": "application/json"}
CONFIG = ClientConfig(region="us-east-1")
CLIENT = RegisterClientResponse(client_id="id", client_secret=SecretStr("secret"))
DEVICE = StartDeviceAuthorizationResponse(
    device_code=SecretStr("device"), user_code="u", verification_uri="v"
)
DEVICE_GRANT = DeviceCodeGrant.of(CLIENT, DEVICE)
CODE_GRANT = AuthorizationCodeGrant.of(
    CLIENT,
    code="code",
    redirect_uri="http://127.0.0.1:8400/oauth/callback",
    code_verifier="verifier",
)
REFRESH_GRANT = RefreshTokenGrant.of(CLIENT, "aor")
DEVICE_URN = b"urn:ietf:params:oauth:grant-type:device_code"


def parsed(body: bytes) -> CreateTokenResponse:
    return create_token(REFRESH_GRANT).parse(HttpResponse(200, JSON, body))


@pytest.mark.parametrize(
    ("grant", "body"),
    [
        (
            DEVICE_GRANT,
            b'{"grantType":"' + DEVICE_URN + b'","clientId":"id","clientSecret":"secret",'
            b'"deviceCode":"device"}',
        ),
        (
            DEVICE_GRANT.model_copy(update={"scope": ("a", "b")}),
            b'{"grantType":"' + DEVICE_URN + b'","clientId":"id","clientSecret":"secret",'
            b'"deviceCode":"device","scope":["a","b"]}',
        ),
        (
            CODE_GRANT,
            (
                b'{"grantType":"authorization_code","clientId":"id","clientSecret":"secret",'
                b'"code":"code","redirectUri":"http://127.0.0.1:8400/oauth/callback",'
                b'"codeVerifier":"verifier"}'
            ),
        ),
        (
            CODE_GRANT.model_copy(update={"scope": ()}),
            (
                b'{"grantType":"authorization_code","clientId":"id","clientSecret":"secret",'
                b'"code":"code","redirectUri":"http://127.0.0.1:8400/oauth/callback",'
                b'"codeVerifier":"verifier","scope":[]}'
            ),
        ),
        (
            REFRESH_GRANT,
            (
                b'{"grantType":"refresh_token","clientId":"id","clientSecret":"secret",'
                b'"refreshToken":"aor"}'
            ),
        ),
        (
            REFRESH_GRANT.model_copy(update={"scope": ("a",)}),
            (
                b'{"grantType":"refresh_token","clientId":"id","clientSecret":"secret",'
                b'"refreshToken":"aor","scope":["a"]}'
            ),
        ),
    ],
)
def test_the_request_of_each_grant(grant: CreateTokenRequest, body: bytes) -> None:
    """POST /token; RFC 8628 section 3.4, RFC 6749 sections 4.1.3 and 6, RFC 7636 section 4.5."""
    assert create_token(grant).unsigned_request(CONFIG) == HttpRequest(
        "POST", "https://oidc.us-east-1.amazonaws.com/token", JSON, body
    )


def test_the_grants_have_every_member_of_the_service_model_between_them(
    case_tables: dict[str, Any],
) -> None:
    service = case_tables["model-sso-oidc"]
    members = service["structures"]["CreateTokenRequest"]
    grants = (DeviceCodeGrant, AuthorizationCodeGrant, RefreshTokenGrant)
    assert {field.alias for grant in grants for field in grant.model_fields.values()} == set(
        members
    )
    members = service["structures"]["CreateTokenResponse"]
    assert {field.alias for field in CreateTokenResponse.model_fields.values()} == set(members)
    modelled = service["raises"]["CreateToken"]
    assert {each.__name__ for each in create_token(DEVICE_GRANT).error_types} == set(modelled)


@pytest.mark.parametrize("grant", [DEVICE_GRANT, CODE_GRANT, REFRESH_GRANT], ids=type)
def test_of_gives_what_the_members_give_and_none_can_be_left_out(
    grant: CreateTokenRequest,
) -> None:
    members = {
        name: value
        for name in type(grant).model_fields
        if name != "grant_type" and (value := getattr(grant, name)) is not None
    }
    assert type(grant).model_validate(members) == grant
    for missing in members:
        rest = {name: value for name, value in members.items() if name != missing}
        with pytest.raises(ValidationError) as caught:
            _ = type(grant).model_validate(rest)
        (problem,) = caught.value.errors()
        assert problem["type"] == "missing"


@pytest.mark.parametrize("token", ["aor", SecretStr("aor")], ids=["str", "SecretStr"])
def test_of_takes_plain_and_wrapped_secrets(token: str | SecretStr) -> None:
    assert RefreshTokenGrant.of(CLIENT, token) == REFRESH_GRANT
    assert (
        AuthorizationCodeGrant.of(
            CLIENT,
            code=SecretStr("code"),
            redirect_uri="http://127.0.0.1:8400/oauth/callback",
            code_verifier=SecretStr("verifier"),
        )
        == CODE_GRANT
    )


def test_a_refresh_takes_the_token_of_an_answer() -> None:
    answer = CreateTokenResponse(access_token=SecretStr("a"), refresh_token=SecretStr("aor"))
    assert RefreshTokenGrant.of(CLIENT, answer) == REFRESH_GRANT


def test_an_answer_without_a_refresh_token_cannot_be_refreshed() -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = RefreshTokenGrant.of(CLIENT, CreateTokenResponse(access_token=SecretStr("a")))
    assert str(caught.value) == (
        "The token cannot be refreshed: it has no refresh token. "
        "Register the client with scopes, ('sso:account:access',) for example, and log in again"
    )


def test_the_real_answer_is_read(case_tables: dict[str, Any]) -> None:
    """The fixture of aws-sdk-java: three members that the model does not name, and null for unset ones."""
    body = case_tables["recorded-answers"]["oidc"]["answers"]["CreateToken"]["body"]
    real = json.loads(body)
    assert parsed(body.encode()) == CreateTokenResponse(
        access_token=SecretStr(real["accessToken"]),
        token_type="Bearer",
        expires_in=28800,
        refresh_token=SecretStr(real["refreshToken"]),
        id_token=None,
    )


def test_every_member_of_the_answer_is_read() -> None:
    answer = parsed(
        b'{"accessToken":"a","tokenType":"Bearer","expiresIn":9,"refreshToken":"r","idToken":"i"}'
    )
    assert answer.access_token.get_secret_value() == "a"
    assert answer.refresh_token is not None
    assert answer.refresh_token.get_secret_value() == "r"
    assert answer.id_token is not None
    assert answer.id_token.get_secret_value() == "i"
    assert (answer.token_type, answer.expires_in) == ("Bearer", 9)


def test_an_answer_without_an_access_token_is_refused() -> None:
    with pytest.raises(ResponseParseError) as caught:
        _ = parsed(b'{"refreshToken":"r"}')
    assert str(caught.value) == (
        "The answer does not fit CreateTokenResponse: accessToken missing (status 200)"
    )


def test_the_operation_is_never_signed() -> None:
    """Service model: `auth: []`, optionalAuth."""
    assert create_token(DEVICE_GRANT).signed is False


NEVER_SENT = ConnectFailed("refused")
MAYBE_SENT = Timeout("no answer")
THROTTLED = UnknownServiceError(code="ThrottlingException", status=400)
TOO_MANY = UnknownServiceError(code="Whatever", status=429)
FAILED = InternalServerException.of(status=500)


@pytest.mark.parametrize(
    "error",
    [NEVER_SENT, MAYBE_SENT, THROTTLED, TOO_MANY, FAILED, SlowDownException.of(), OSError()],
    ids=repr,
)
def test_a_device_code_is_never_repeated_by_the_driver(error: Exception) -> None:
    """Only the polling loop decides when to poll (RFC 8628 section 3.5)."""
    assert create_token(DEVICE_GRANT).may_repeat(error) is False


@pytest.mark.parametrize("grant", [CODE_GRANT, REFRESH_GRANT], ids=type)
@pytest.mark.parametrize(
    ("error", "repeatable"),
    [
        (NEVER_SENT, True),
        (Timeout("connecting", may_have_been_sent=False), True),
        (THROTTLED, True),
        (TOO_MANY, True),
        (MAYBE_SENT, False),
        (FAILED, False),
        (SlowDownException.of(), False),
        (InvalidGrantException.of(), False),
        (ResponseParseError("t", status=502), False),
        (OSError(), False),
    ],
    ids=repr,
)
def test_a_one_time_grant_is_repeated_only_while_it_is_certainly_unspent(
    grant: CreateTokenRequest, error: Exception, *, repeatable: bool
) -> None:
    """RFC 6749 section 4.1.2: a code "MUST NOT" be used more than once; RFC 9700 section 4.14.2."""
    assert create_token(grant).may_repeat(error) is repeatable


def test_the_operation_is_a_value() -> None:
    assert create_token(REFRESH_GRANT) == CreateToken(REFRESH_GRANT)
    assert hash(create_token(REFRESH_GRANT)) == hash(CreateToken(REFRESH_GRANT))
    assert repr(create_token(CODE_GRANT)) == (
        "CreateToken(request=AuthorizationCodeGrant(client_id='id', "
        "client_secret=SecretStr('**********'), code=SecretStr('**********'), "
        "redirect_uri='http://127.0.0.1:8400/oauth/callback', "
        "code_verifier=SecretStr('**********'), scope=None))"
    )
