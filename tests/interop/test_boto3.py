"""boto3's client `sso-oidc` against the emulator: every operation, and every error under its own name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from botocore.exceptions import ClientError

from ssooidc_emulator import EmulatorServer, IdentityCenter
from ssooidc_emulator.faults import error, throttling
from ssooidc_emulator.faults._script import OperationName

# Its methods and exceptions are made at run time.
Boto: TypeAlias = Any

START_URL = "https://d-1234567890.awsapps.com/start"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
STATUS = {"InvalidClientException": 401, "InternalServerException": 500}
OPERATIONS = json.loads((Path(__file__).parent / "operations.json").read_text())


@pytest.fixture
def client(boto3_client: Callable[[str], Boto]) -> Boto:
    return boto3_client("sso-oidc")


def device_login(client: Boto) -> tuple[dict[str, Any], dict[str, Any]]:
    registration = client.register_client(
        clientName="boto3", clientType="public", scopes=["sso:account:access"]
    )
    credentials = {name: registration[name] for name in ("clientId", "clientSecret")}
    device = client.start_device_authorization(**credentials, startUrl=START_URL)
    grant = {**credentials, "grantType": DEVICE_GRANT, "deviceCode": device["deviceCode"]}
    return grant, device


def test_a_device_login_and_a_refresh(
    client: Boto, server: EmulatorServer, asked: Callable[[], list[str]]
) -> None:
    grant, device = device_login(client)
    assert (device["interval"], device["expiresIn"]) == (1, 600)
    assert device["verificationUri"] == f"{server.url}/device"
    code = device["userCode"]
    assert device["verificationUriComplete"] == f"{server.url}/device?user_code={code}"
    with pytest.raises(client.exceptions.AuthorizationPendingException):
        client.create_token(**grant)
    server.center.approve(code)
    token = client.create_token(**grant)
    assert (token["tokenType"], token["expiresIn"]) == ("Bearer", 3600)
    assert set(token) == {
        "ResponseMetadata",
        "accessToken",
        "expiresIn",
        "refreshToken",
        "tokenType",
    }
    again = client.create_token(
        clientId=grant["clientId"],
        clientSecret=grant["clientSecret"],
        grantType="refresh_token",
        refreshToken=token["refreshToken"],
    )
    assert again["accessToken"] != token["accessToken"]
    assert again["refreshToken"] == token["refreshToken"]
    assert asked() == [
        "RegisterClient 200",
        "StartDeviceAuthorization 200",
        "CreateToken AuthorizationPendingException",
        "CreateToken 200",
        "CreateToken 200",
    ]


def test_a_registration(client: Boto) -> None:
    answer = client.register_client(clientName="boto3", clientType="public")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    assert answer["ResponseMetadata"]["RequestId"]
    assert answer["clientSecretExpiresAt"] - answer["clientIdIssuedAt"] == 7776000


def test_a_code_is_good_for_one_token(client: Boto, center: IdentityCenter) -> None:
    grant, device = device_login(client)
    center.approve(device["userCode"])
    client.create_token(**grant)
    with pytest.raises(client.exceptions.InvalidGrantException):
        client.create_token(**grant)


def test_denied(client: Boto, center: IdentityCenter) -> None:
    grant, device = device_login(client)
    center.deny(device["userCode"])
    with pytest.raises(client.exceptions.AccessDeniedException):
        client.create_token(**grant)


def test_expired(client: Boto, server: EmulatorServer) -> None:
    clock = server.clock
    assert clock is not None
    grant, _ = device_login(client)
    clock.advance(600)
    with pytest.raises(client.exceptions.ExpiredTokenException):
        client.create_token(**grant)


@pytest.mark.parametrize("operation", list(OPERATIONS))
def test_these_are_the_errors_that_botocore_knows(client: Boto, operation: str) -> None:
    shapes = client.meta.service_model.operation_model(operation).error_shapes
    assert sorted(shape.name for shape in shapes) == list(OPERATIONS[operation]["errors"])


@pytest.mark.parametrize(
    ("operation", "name"),
    [(operation, name) for operation, facts in OPERATIONS.items() for name in facts["errors"]],
)
def test_every_error_is_caught_by_its_name(
    client: Boto, center: IdentityCenter, operation: OperationName, name: str
) -> None:
    facts = OPERATIONS[operation]
    center.script(operation, error(name, "told by a test"))
    with pytest.raises(getattr(client.exceptions, name)) as caught:
        getattr(client, facts["method"])(**facts["input"])
    response = caught.value.response
    assert type(caught.value).__name__ == name
    assert response["Error"]["Code"] == name
    assert response["error"] == facts["errors"][name]
    assert response["error_description"] == "told by a test"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == STATUS.get(name, 400)


def test_an_error_that_the_model_does_not_name(client: Boto, center: IdentityCenter) -> None:
    center.script("RegisterClient", throttling())
    with pytest.raises(ClientError) as caught:
        client.register_client(clientName="boto3", clientType="public")
    assert type(caught.value) is ClientError
    assert caught.value.response["Error"] == {
        "Code": "ThrottlingException",
        "Message": "Rate exceeded",
    }
