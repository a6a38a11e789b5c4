"""What the service of a region says to clients and tokens of another one; each text was reported by users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter

INVALID_TOKEN = (
    b'{"error":"invalid_request","error_description":"Invalid token provided","reason":null}'
)
INVALID_CLIENT = b'{"error":"invalid_client","error_description":"Invalid client provided"}'
INVALID_GRANT = b'{"error":"invalid_grant","error_description":"Invalid refresh token provided"}'
INVALID_START_URL = (
    b'{"error":"invalid_request","error_description":"Invalid start url provided","reason":null}'
)
OTHER_HOSTS = [
    "https://oidc.eu-west-1.amazonaws.com",
    "https://oidc-fips.us-east-2.amazonaws.com",
    "https://oidc.eu-west-1.api.aws",
    "https://oidc.cn-north-1.amazonaws.com.cn",
]

Ask = Callable[..., HttpResponse]


def refresh(client: dict[str, str], token: str) -> dict[str, str]:
    return client | {"grantType": "refresh_token", "refreshToken": token}


@pytest.fixture
def stranger() -> dict[str, str]:
    return {"clientId": "canary-unknown", "clientSecret": "canary-secret"}


def test_a_refresh_of_an_unknown_client_with_an_unknown_token(
    center: IdentityCenter, ask: Ask, stranger: dict[str, str]
) -> None:
    answer = ask(center, "/token", refresh(stranger, "aorCanary"))
    assert (answer.status, answer.body) == (400, INVALID_TOKEN)
    assert answer.headers["x-amzn-ErrorType"].startswith("InvalidRequestException:")


def test_a_refresh_of_an_unknown_client_with_a_known_token(
    center: IdentityCenter,
    ask: Ask,
    stranger: dict[str, str],
    register: Callable[..., dict[str, str]],
    sign_in: Callable[..., dict[str, Any]],
) -> None:
    token = sign_in(center, register(center))["refreshToken"]
    answer = ask(center, "/token", refresh(stranger, token))
    assert (answer.status, answer.body) == (401, INVALID_CLIENT)


def test_a_refresh_of_a_known_client_with_an_unknown_token(
    center: IdentityCenter, ask: Ask, register: Callable[..., dict[str, str]]
) -> None:
    client = register(center)
    answer = ask(center, "/token", refresh(client, "aorCanary"))
    assert (answer.status, answer.body) == (400, INVALID_GRANT)
    wrong = client | {"clientSecret": "canary-secret"}
    answer = ask(center, "/token", refresh(wrong, "aorCanary"))
    assert (answer.status, answer.body) == (401, INVALID_CLIENT)


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_a_request_to_the_host_of_another_region(
    host: str,
    center: IdentityCenter,
    ask: Ask,
    register: Callable[..., dict[str, str]],
    sign_in: Callable[..., dict[str, Any]],
) -> None:
    client = register(center)
    members = client | {"startUrl": center.start_url}
    answer = ask(center, "/device_authorization", members, base=host)
    assert (answer.status, answer.body) == (400, INVALID_START_URL)
    token = sign_in(center, client)["refreshToken"]
    answer = ask(center, "/token", refresh(client, token), base=host)
    assert (answer.status, answer.body) == (400, INVALID_TOKEN)


@pytest.mark.parametrize(
    "host",
    [
        "https://oidc.us-east-1.amazonaws.com",
        "https://oidc-fips.us-east-1.amazonaws.com",
        "https://oidc.us-east-1.api.aws",
        "http://127.0.0.1:8080",
        "https://oidc.example.org",
    ],
)
def test_a_request_to_any_other_host_is_for_this_region(
    host: str, center: IdentityCenter, ask: Ask, register: Callable[..., dict[str, str]]
) -> None:
    members = register(center) | {"startUrl": center.start_url}
    assert ask(center, "/device_authorization", members, base=host).status == 200


def test_an_unknown_client_in_a_browser(center: IdentityCenter, ask: Ask) -> None:
    path = (
        "/authorize?response_type=code&client_id=canary-unknown&redirect_uri=http%3A%2F%2F127.0.0.1"
    )
    answer = ask(center, path, method="GET")
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == (
        b'{"error":"invalid_request","error_description":"Invalid client provided","reason":null}'
    )
