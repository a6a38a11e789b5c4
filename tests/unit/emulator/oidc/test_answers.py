"""Exact bytes of responses: header names with case and order, compact JSON with sorted keys, nulls, verbatim texts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter, seeded_entropy
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Register

UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
NAMESPACE: Final = "http://internal.amazon.com/coral/com.amazonaws.sso.oidc/"
GOOD: Final = ["Date", "Content-Type", "Content-Length", "Connection", "x-amzn-RequestId"]
TOKEN: Final = r"[A-Za-z0-9_-]{80}:MG[A-Za-z0-9+/]+"


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def check_headers(answer: HttpResponse, error: str | None = None) -> None:
    fields = answer.headers.fields
    assert [name for name, _ in fields] == GOOD + (["x-amzn-ErrorType"] if error else [])
    values = dict(fields)
    assert values["Date"] == "Thu, 01 Jan 2026 00:00:00 GMT"
    assert values["Content-Type"] == "application/json"
    assert values["Content-Length"] == str(len(answer.body))
    assert values["Connection"] == "keep-alive"
    assert re.fullmatch(UUID, values["x-amzn-RequestId"])
    if error:
        assert values["x-amzn-ErrorType"] == f"{error}:{NAMESPACE}"


def test_register_client(center: IdentityCenter, ask: Callable[..., HttpResponse]) -> None:
    answer = ask(center, "/client/register", {"clientName": "tool", "clientType": "public"})
    assert answer.status == 200
    check_headers(answer)
    client = json.loads(answer.body)
    issued = 1767225600
    assert answer.body.decode() == (
        f'{{"authorizationEndpoint":null,"clientId":"{client["clientId"]}","clientIdIssuedAt":{issued},'
        f'"clientSecret":"{client["clientSecret"]}","clientSecretExpiresAt":{issued + 7776000},"tokenEndpoint":null}}'
    )


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "cn-north-1"])
def test_a_client_id_is_16_random_bytes_and_the_region(region: str, register: Register) -> None:
    raw = decoded(register(IdentityCenter(region=region))["clientId"])
    assert raw[16:] == region.encode()


@pytest.mark.parametrize(
    ("region", "kid"),
    [
        ("us-east-1", "key-1564028099"),
        ("us-west-2", "key-1566968136"),
        ("eu-west-1", "key-1564028099"),
    ],
)
def test_a_client_secret_is_a_signed_statement(region: str, kid: str, register: Register) -> None:
    keys: list[bytes] = []

    def entropy(count: int) -> bytes:
        keys.append(seeded_entropy(len(keys))(count))
        return keys[-1]

    client = register(IdentityCenter(region=region, entropy=entropy), scopes=["a:b", "c"])
    secret = client["clientSecret"]
    assert 1000 < len(secret) < 3000
    header, payload, signature = secret.split(".")
    assert decoded(header) == b'{"kid":"%s","alg":"HS384"}' % kid.encode()
    signed = f"{header}.{payload}".encode()
    key = next(each for each in keys if len(each) == 48)
    assert decoded(signature) == hmac.digest(key, signed, hashlib.sha384)
    outer = json.loads(decoded(payload))
    assert list(outer) == ["serialized"]
    statement = json.loads(outer["serialized"])
    assert statement["clientId"] == {"value": client["clientId"]}
    assert statement["clientName"] == "tool"
    assert statement["clientType"] == "PUBLIC"
    assert statement["expirationTimestamp"] == 1767225600 + 7776000
    assert [scope["fullScope"] for scope in statement["scopes"]] == ["a:b", "c"]


def test_start_device_authorization(
    center: IdentityCenter,
    register: Register,
    ask: Callable[..., HttpResponse],
) -> None:
    answer = ask(
        center, "/device_authorization", {**register(center), "startUrl": center.start_url}
    )
    assert answer.status == 200
    check_headers(answer)
    login = json.loads(answer.body)
    assert re.fullmatch(r"[A-Za-z0-9_-]{86}", login["deviceCode"])
    assert len(decoded(login["deviceCode"])) == 64
    code = login["userCode"]
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", code)
    page = "https://device.sso.us-east-1.amazonaws.com/"
    assert answer.body.decode() == (
        f'{{"deviceCode":"{login["deviceCode"]}","expiresIn":600,"interval":1,"userCode":"{code}",'
        f'"verificationUri":"{page}","verificationUriComplete":"{page}?user_code={code}"}}'
    )


@pytest.mark.parametrize("base", ["http://127.0.0.1:8080", "http://localhost:1"])
def test_over_loopback_the_page_is_our_own(
    base: str,
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
) -> None:
    login = start(center, register(center), base=base)
    assert login["verificationUri"] == f"{base}/device"
    assert login["verificationUriComplete"] == f"{base}/device?user_code={login['userCode']}"


def test_another_page_can_be_named(
    register: Register, start: Callable[..., dict[str, Any]]
) -> None:
    page = "https://d-1234567890.awsapps.com/start/#/device"
    center = IdentityCenter(base_url=page)
    login = start(center, register(center), base="http://127.0.0.1:1")
    assert login["verificationUri"] == page
    assert login["verificationUriComplete"] == f"{page}?user_code={login['userCode']}"


def test_create_token_with_scopes(
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
) -> None:
    client = register(center)
    login = start(center, client)
    center.approve(login["userCode"])
    answer = poll(center, client, login)
    assert answer.status == 200
    check_headers(answer)
    token = json.loads(answer.body)
    assert re.fullmatch(f"aoa{TOKEN}", token["accessToken"])
    assert re.fullmatch(f"aor{TOKEN}", token["refreshToken"])
    assert answer.body.decode() == (
        f'{{"accessToken":"{token["accessToken"]}","aws_sso_app_session_id":null,"expiresIn":3600,"idToken":null,'
        f'"issuedTokenType":null,"originSessionId":null,"refreshToken":"{token["refreshToken"]}","tokenType":"Bearer"}}'
    )


def test_create_token_without_scopes_cannot_be_refreshed(
    center: IdentityCenter,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
) -> None:
    token = sign_in(center, register(center, scopes=[]))
    assert token["refreshToken"] is None
    assert token["expiresIn"] == 28800


def test_an_access_token_ends_in_a_der_signature(
    center: IdentityCenter,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
) -> None:
    client = register(center)
    for _ in range(20):
        text = sign_in(center, client)["accessToken"].partition(":")[2]
        der = base64.b64decode(text + "=" * (-len(text) % 4))
        assert der[0] == 0x30
        assert der[1] == len(der) - 2
        at = 2
        for _integer in range(2):
            assert der[at] == 0x02
            assert der[at + 2] < 0x80
            at += 2 + der[at + 1]
        assert at == len(der)


def test_pending_is_the_recorded_answer(
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
) -> None:
    client = register(center)
    answer = poll(center, client, start(center, client))
    assert answer.status == 400
    check_headers(answer, "AuthorizationPendingException")
    assert (
        answer.body
        == b'{"error":"authorization_pending","error_description":"Authorization is still pending"}'
    )
    assert len(answer.body) == 86


@pytest.mark.parametrize(
    ("path", "members", "status", "name", "body"),
    [
        pytest.param(
            "/token",
            {"grantType": "refresh_token", "refreshToken": "aorWrong"},
            400,
            "InvalidGrantException",
            b'{"error":"invalid_grant","error_description":"Invalid refresh token provided"}',
            id="refresh token",
        ),
        pytest.param(
            "/token",
            {"grantType": "urn:ietf:params:oauth:grant-type:device_code", "deviceCode": "wrong"},
            400,
            "InvalidGrantException",
            b'{"error":"invalid_grant","error_description":"Invalid grant provided"}',
            id="device code",
        ),
        pytest.param(
            "/token",
            {"grantType": "refresh_token", "refreshToken": "a", "clientSecret": "b"},
            401,
            "InvalidClientException",
            b'{"error":"invalid_client","error_description":"Invalid client provided"}',
            id="client",
        ),
        pytest.param(
            "/device_authorization",
            {"startUrl": "https://d-0000000000.awsapps.com/start"},
            400,
            "InvalidRequestException",
            b'{"error":"invalid_request","error_description":"Invalid start url provided"}',
            id="start URL",
        ),
    ],
)
def test_known_texts_are_verbatim(  # noqa: PLR0917 - columns of the table
    center: IdentityCenter,
    register: Register,
    ask: Callable[..., HttpResponse],
    path: str,
    members: dict[str, str],
    status: int,
    name: str,
    body: bytes,
) -> None:
    answer = ask(center, path, register(center) | members)
    assert (answer.status, answer.body) == (status, body)
    check_headers(answer, name)


def test_the_recorded_bodies_of_others_agree(
    case_tables: dict[str, Any],
    center: IdentityCenter,
    register: Register,
    ask: Callable[..., HttpResponse],
) -> None:
    recorded = case_tables["recorded-answers"]["oidc"]["answers"]
    answers = {
        "RegisterClient": ask(
            center, "/client/register", {"clientName": "a", "clientType": "public"}
        ),
        "StartDeviceAuthorization": ask(
            center, "/device_authorization", {**register(center), "startUrl": center.start_url}
        ),
    }
    for operation, answer in answers.items():
        body = json.loads(recorded[operation]["body"])
        ours = json.loads(answer.body)
        assert list(ours) == list(body)
        assert [type(value) for value in ours.values()] == [type(value) for value in body.values()]


@pytest.mark.parametrize("slash", ["", "/", "/#/", "#/", "/#"])
def test_a_start_url_is_known_however_people_write_it(
    slash: str,
    center: IdentityCenter,
    register: Register,
    ask: Callable[..., HttpResponse],
) -> None:
    members = {**register(center), "startUrl": center.start_url + slash}
    assert ask(center, "/device_authorization", members).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/nothing"),
        ("GET", "/token"),
        ("PUT", "/token"),
        ("POST", "/token/"),
        ("POST", "/TOKEN"),
        ("POST", "/%74oken"),
        ("POST", "//token"),
        ("GET", "/token?aws_iam=t"),
        ("POST", "/style.css"),
        ("DELETE", "/client/register"),
        ("OPTIONS", "/token"),
        ("GET", "/favicon.ico"),
    ],
)
def test_anything_else_is_an_unknown_operation(
    method: str, path: str, center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    answer = ask(center, path, method=method)
    assert (answer.status, answer.body) == (404, b"{}")
    check_headers(answer, "UnknownOperationException")


def test_no_answer_lets_pages_elsewhere_read_it(
    center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    for path in ("/client/register", "/token", "/device", "/", "/style.css", "/nothing"):
        for method in ("GET", "POST", "OPTIONS"):
            answer = ask(center, path, b"{}", method=method)
            assert not [name for name in answer.headers if name.lower().startswith("access-")]


def test_the_same_entropy_gives_the_same_bytes(
    ask: Callable[..., HttpResponse], clock: VirtualClock
) -> None:
    def all_of(seed: str) -> list[tuple[tuple[tuple[str, str], ...], bytes]]:
        center = IdentityCenter(entropy=seeded_entropy(seed))
        answers = [
            ask(
                center,
                "/client/register",
                {"clientName": "a", "clientType": "public", "scopes": ["a"]},
            )
        ]
        client = json.loads(answers[0].body)
        who = {name: client[name] for name in ("clientId", "clientSecret")}
        answers.append(ask(center, "/device_authorization", {**who, "startUrl": center.start_url}))
        login = json.loads(answers[1].body)
        center.approve(login["userCode"])
        grant = "urn:ietf:params:oauth:grant-type:device_code"
        answers.append(
            ask(center, "/token", {**who, "grantType": grant, "deviceCode": login["deviceCode"]})
        )
        page = f"/device?user_code={login['userCode']}"
        answers.append(ask(center, page, method="GET"))
        return [(answer.headers.fields, answer.body) for answer in answers]

    first = all_of("one")
    assert first == all_of("one")
    assert first != all_of("two")


def test_entropy_that_repeats_itself_is_an_error_and_no_endless_loop(
    register: Register, start: Callable[..., dict[str, Any]]
) -> None:
    center = IdentityCenter(entropy=lambda count: bytes(range(count)))
    client = register(center)
    with pytest.raises(RuntimeError, match="The entropy repeats itself"):
        register(center)
    start(center, client)
    with pytest.raises(RuntimeError, match="The entropy repeats itself"):
        start(center, client)
