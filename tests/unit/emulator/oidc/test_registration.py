"""RegisterClient's rules, client authentication, and malformed input."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pytest
from pydantic import ValidationError

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter
from ssooidc_emulator._oidc.inputs import RegisterClientInput
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import ErrorOf, Register

DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
NINETY_DAYS: Final = 90 * 24 * 3600


INVALID_METADATA: Final = (400, "InvalidClientMetadataException", "invalid_client_metadata")
INVALID_SCOPE: Final = (400, "InvalidScopeException", "invalid_scope")
INVALID_REDIRECT: Final = (400, "InvalidRedirectUriException", "invalid_redirect_uri")
UNSUPPORTED: Final = (400, "UnsupportedGrantTypeException", "unsupported_grant_type")
UNAUTHORIZED: Final = (400, "UnauthorizedClientException", "unauthorized_client")
INVALID_CLIENT: Final = (401, "InvalidClientException", "invalid_client")
INVALID_REQUEST: Final = (400, "InvalidRequestException", "invalid_request")


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"clientName": "botocore-client-AWS on Chromebook"}, INVALID_METADATA),
        ({"clientName": "a\tb"}, INVALID_METADATA),
        ({"clientName": "a\u00a0b"}, INVALID_METADATA),
        ({"clientName": "a\u2028b"}, INVALID_METADATA),
        ({"clientName": "a\n"}, INVALID_METADATA),
        ({"clientName": ""}, INVALID_METADATA),
        ({"clientType": "confidential"}, INVALID_METADATA),
        ({"clientType": "PUBLIC"}, INVALID_METADATA),
        ({"clientType": ""}, INVALID_METADATA),
        ({"grantTypes": [DEVICE_CODE, "authorization_code"]}, INVALID_SCOPE),
        ({"grantTypes": ["authorization_code", DEVICE_CODE, "refresh_token"]}, INVALID_SCOPE),
        ({"grantTypes": ["password"]}, UNSUPPORTED),
        ({"scopes": [f"s:{number}" for number in range(26)]}, INVALID_SCOPE),
        ({"scopes": ["a b"]}, INVALID_SCOPE),
        ({"scopes": [""]}, INVALID_SCOPE),
        ({"scopes": ['"']}, INVALID_SCOPE),
        ({"scopes": ["é"]}, INVALID_SCOPE),
        ({"scopes": ["a\n"]}, INVALID_SCOPE),
    ],
)
def test_refused(
    members: dict[str, object],
    error: tuple[int, str, str],
    center: IdentityCenter,
    ask: Callable[..., HttpResponse],
    error_of: ErrorOf,
) -> None:
    usual = {"clientName": "tool", "clientType": "public"}
    assert error_of(ask(center, "/client/register", usual | members)) == error


@pytest.mark.parametrize(
    "members",
    [
        {"scopes": [f"s:{number}" for number in range(25)]},
        {"scopes": []},
        {"scopes": None, "redirectUris": None, "grantTypes": None, "issuerUrl": None},
        {"grantTypes": []},
        {"grantTypes": ["refresh_token"]},
        {"grantTypes": ["authorization_code", "refresh_token"]},
        {"grantTypes": [DEVICE_CODE, "refresh_token"]},
        {"clientName": "botocore-client-my-session"},
        {"clientName": "日本語-ключ"},
        {"clientName": "n" * 10_000},
        {"redirectUris": ["http://127.0.0.1/oauth/callback"]},
        {
            "redirectUris": [
                "http://127.0.0.1:1/oauth/callback",
                "http://127.0.0.1:65535/oauth/callback",
            ]
        },
        {"issuerUrl": "https://d-1234567890.awsapps.com/start"},
        {"entitledApplicationArn": "arn:aws:sso::aws:application/x"},
        {"unknownMember": {"a": [1]}},
    ],
)
def test_accepted(
    members: dict[str, object], center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    usual = {"clientName": "tool", "clientType": "public"}
    assert ask(center, "/client/register", usual | members).status == 200


@pytest.mark.parametrize(
    "uri",
    [
        "https://127.0.0.1/oauth/callback",
        "HTTP://127.0.0.1/oauth/callback",
        "http://localhost/oauth/callback",
        "http://[::1]/oauth/callback",
        "http://127.0.0.2/oauth/callback",
        "http://127.0.0.1:0/oauth/callback",
        "http://127.0.0.1:65536/oauth/callback",
        "http://127.0.0.1:/oauth/callback",
        "http://127.0.0.1:-1/oauth/callback",
        "http://127.0.0.1:١/oauth/callback",
        "http://127.0.0.1/",
        "http://127.0.0.1/oauth/callback/",
        "http://127.0.0.1/oauth/callback?a",
        "http://127.0.0.1/oauth/callback#a",
        "http://127.0.0.1/oauth/callback\n",
        "http://127.0.0.1@evil.com/oauth/callback",
        "http://127.0.0.1.evil.com/oauth/callback",
        "http://127x0x0x1/oauth/callback",
        "",
    ],
)
def test_redirect_uris_other_than_the_one(
    uri: str, center: IdentityCenter, ask: Callable[..., HttpResponse], error_of: ErrorOf
) -> None:
    for uris in ([uri], ["http://127.0.0.1/oauth/callback", uri]):
        members = {"clientName": "a", "clientType": "public", "redirectUris": uris}
        assert error_of(ask(center, "/client/register", members)) == INVALID_REDIRECT


def test_white_space_can_be_let_through(
    ask: Callable[..., HttpResponse],
) -> None:
    center = IdentityCenter(refuse_white_space=False)
    members = {"clientName": "AWS on Chromebook", "clientType": "public"}
    assert ask(center, "/client/register", members).status == 200


@pytest.mark.parametrize(
    ("grants", "device", "refresh", "code"),
    [
        ([], True, True, False),
        (["refresh_token"], True, True, False),
        ([DEVICE_CODE], True, False, False),
        (["authorization_code"], False, False, True),
        (["authorization_code", "refresh_token"], False, True, True),
    ],
)
def test_grants_that_were_not_registered(  # noqa: PLR0917 - one column of the table each
    grants: list[str],
    device: bool,  # noqa: FBT001
    refresh: bool,  # noqa: FBT001
    code: bool,  # noqa: FBT001
    center: IdentityCenter,
    register: Register,
    ask: Callable[..., HttpResponse],
    error_of: ErrorOf,
) -> None:
    client = register(center, grantTypes=grants)
    started = ask(center, "/device_authorization", {**client, "startUrl": center.start_url})
    assert (started.status == 200) == device
    if not device:
        assert error_of(started) == UNAUTHORIZED
    for grant, member, allowed in (
        (DEVICE_CODE, "deviceCode", device),
        ("refresh_token", "refreshToken", refresh),
        ("authorization_code", "code", code),
    ):
        answer = ask(center, "/token", {**client, "grantType": grant, member: "x"})
        assert (error_of(answer) == UNAUTHORIZED) != allowed


def test_without_the_refresh_grant_there_is_no_refresh_token(
    center: IdentityCenter,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
) -> None:
    token = sign_in(center, register(center, grantTypes=[DEVICE_CODE]))
    assert token["refreshToken"] is None
    assert token["expiresIn"] == 3600


@pytest.mark.parametrize("grant", ["password", "", "REFRESH_TOKEN", "client_credentials"])
def test_unknown_grants(
    grant: str,
    center: IdentityCenter,
    register: Register,
    ask: Callable[..., HttpResponse],
    error_of: ErrorOf,
) -> None:
    assert error_of(ask(center, "/token", {**register(center), "grantType": grant})) == UNSUPPORTED


def test_no_authorization_code_is_good_yet(
    center: IdentityCenter,
    register: Register,
    ask: Callable[..., HttpResponse],
) -> None:
    client = register(center, grantTypes=["authorization_code"])
    members = {**client, "grantType": "authorization_code", "code": "x"}
    assert ask(center, "/token", members).body == (
        b'{"error":"invalid_grant","error_description":"Invalid grant provided"}'
    )


def test_a_registration_is_good_for_90_days(
    center: IdentityCenter,
    register: Register,
    ask: Callable[..., HttpResponse],
    clock: VirtualClock,
    error_of: ErrorOf,
) -> None:
    members = {**register(center), "startUrl": center.start_url}
    clock.advance(NINETY_DAYS - 1)
    assert ask(center, "/device_authorization", members).status == 200
    clock.advance(1)
    assert error_of(ask(center, "/device_authorization", members)) == INVALID_CLIENT
    members["grantType"] = "refresh_token"
    assert error_of(ask(center, "/token", members)) == INVALID_CLIENT


@pytest.mark.parametrize("secret", ["", "x", "é", "\0", "a" * 100_000])
def test_a_wrong_secret(
    secret: str,
    center: IdentityCenter,
    register: Register,
    ask: Callable[..., HttpResponse],
    error_of: ErrorOf,
) -> None:
    client = register(center) | {"clientSecret": secret, "startUrl": center.start_url}
    assert error_of(ask(center, "/device_authorization", client)) == INVALID_CLIENT


def test_another_clients_secret(
    center: IdentityCenter, register: Register, ask: Callable[..., HttpResponse], error_of: ErrorOf
) -> None:
    one, other = register(center), register(center)
    mixed = one | {"clientSecret": other["clientSecret"], "startUrl": center.start_url}
    assert error_of(ask(center, "/device_authorization", mixed)) == INVALID_CLIENT
    unknown = one | {"clientId": "x", "startUrl": center.start_url}
    assert error_of(ask(center, "/device_authorization", unknown)) == INVALID_CLIENT


@pytest.mark.parametrize("path", ["/client/register", "/device_authorization", "/token"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[]",
        b"[1]",
        b"null",
        b"true",
        b"1e999",
        b'"text"',
        b"clientName=a&clientType=public",
        b"{'clientName': 'a'}",
        b'{"clientName":"a"} x',
        b'\xef\xbb\xbf{"clientName":"a"}',
        b'{"clientName":"\xff"}',
        b'{"clientName":"\\ud800"}',
        b'{"clientName":NaN',
        b"\x00" * 1000,
        b'{"clientName":' * 50_000,
        b"[" * 200_000,
        b'{"a":' + b"9" * 200_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_bodies_that_are_no_object(
    path: str, body: bytes, center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    answer = ask(center, path, body)
    assert answer.status == 400
    assert answer.body == (
        b'{"error":"invalid_request","error_description":"Request body is not a JSON object"}'
    )


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/client/register", {}, "clientName, clientType"),
        ("/client/register", {"clientName": None, "clientType": "public"}, "clientName"),
        ("/client/register", {"clientName": 1, "clientType": ["public"]}, "clientName, clientType"),
        ("/client/register", {"client_name": "a", "clientType": "public"}, "clientName"),
        ("/client/register", {"clientName": "a", "clientType": "public", "scopes": "a"}, "scopes"),
        ("/client/register", {"clientName": "a", "clientType": "public", "scopes": [1]}, "scopes"),
        (
            "/client/register",
            {"clientName": "a", "clientType": "public", "scopes": {"a": 1}},
            "scopes",
        ),
        (
            "/client/register",
            {"clientName": "a", "clientType": "public", "redirectUris": [None], "grantTypes": 0},
            "grantTypes, redirectUris",
        ),
        (
            "/device_authorization",
            {"CANARY-name": "CANARY-value"},
            "clientId, clientSecret, startUrl",
        ),
        ("/token", {}, "clientId, clientSecret, grantType"),
        (
            "/token",
            {"clientId": "CANARY", "clientSecret": 7, "grantType": "CANARY", "scope": "CANARY"},
            "clientSecret, scope",
        ),
    ],
)
def test_members_that_are_missing_or_of_a_wrong_type(  # noqa: PLR0917 - fixtures
    path: str,
    body: object,
    named: str,
    center: IdentityCenter,
    ask: Callable[..., HttpResponse],
    error_of: ErrorOf,
) -> None:
    answer = ask(center, path, body)
    assert error_of(answer) == INVALID_REQUEST
    assert json.loads(answer.body)["error_description"] == f"Missing or invalid: {named}"


@pytest.mark.parametrize(
    ("grant", "member"), [(DEVICE_CODE, "deviceCode"), ("refresh_token", "refreshToken")]
)
@pytest.mark.parametrize("null", [True, False])
def test_what_a_grant_needs(  # noqa: PLR0917
    grant: str,
    member: str,
    null: bool,  # noqa: FBT001
    center: IdentityCenter,
    register: Register,
    ask: Callable[..., HttpResponse],
    error_of: ErrorOf,
) -> None:
    members: dict[str, object] = {**register(center), "grantType": grant}
    if null:
        members[member] = None
    answer = ask(center, "/token", members)
    assert error_of(answer) == INVALID_REQUEST
    assert json.loads(answer.body)["error_description"] == f"Missing or invalid: {member}"


def test_what_the_authorization_code_grant_needs(
    center: IdentityCenter,
    register: Register,
    ask: Callable[..., HttpResponse],
) -> None:
    client = register(center, grantTypes=["authorization_code"])
    answer = ask(center, "/token", {**client, "grantType": "authorization_code"})
    assert json.loads(answer.body)["error_description"] == "Missing or invalid: code"


@pytest.mark.parametrize("member", ["scopes", "redirectUris", "grantTypes"])
def test_many_wrong_items_are_one_complaint(member: str) -> None:
    body = {"clientName": "a", "clientType": "public", member: [1] * 10_000}
    with pytest.raises(ValidationError) as caught:
        RegisterClientInput.model_validate_json(json.dumps(body))
    assert caught.value.error_count() == 1


def test_the_bodies_of_real_clients_have_spaces(
    center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    body = b'{"clientName": "a", "clientType": "public", "scopes": ["sso:account:access"]}'
    assert ask(center, "/client/register", body).status == 200


@pytest.mark.parametrize(
    "arguments",
    [
        {"interval": 0},
        {"device_code_lifetime": 0},
        {"registration_lifetime": -1},
        {"access_token_lifetime": 0},
        {"session_lifetime": 0},
        {"refresh_mode": "never"},
        {"region": "a.b"},
        {"region": "a/b"},
        {"region": ""},
        {"region": "us-east-1\r\nX: y"},
    ],
)
def test_a_center_that_makes_no_sense(arguments: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r".") as caught:
        IdentityCenter(**arguments)
    assert type(caught.value).__name__ in {"ValueError", "ConfigurationError"}
