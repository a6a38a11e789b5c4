"""StartDeviceAuthorization: the request's bytes, the response, and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from ssooidc_core import (
    ClientConfig,
    HttpRequest,
    HttpResponse,
    RegisterClientResponse,
    ResponseParseError,
    StartDeviceAuthorization,
    StartDeviceAuthorizationRequest,
    StartDeviceAuthorizationResponse,
    start_device_authorization,
)

JSON = {"Content-Type": "application/json"}
START = "https://d-1234567890.awsapps.com/start"
CLIENT = RegisterClientResponse(client_id="id", client_secret=SecretStr("secret"))
REQUEST = StartDeviceAuthorizationRequest.of(CLIENT, start_url=START)


def parsed(body: bytes) -> StartDeviceAuthorizationResponse:
    return start_device_authorization(REQUEST).parse(HttpResponse(200, JSON, body))


def test_the_request() -> None:
    """POST /device_authorization; all three members are required."""
    config = ClientConfig(endpoint_url="https://proxy.example/base/")
    assert start_device_authorization(REQUEST).unsigned_request(config) == HttpRequest(
        "POST",
        "https://proxy.example/base/device_authorization",
        JSON,
        b'{"clientId":"id","clientSecret":"secret",'
        b'"startUrl":"https://d-1234567890.awsapps.com/start"}',
    )


def test_of_takes_the_registration() -> None:
    assert (
        StartDeviceAuthorizationRequest(
            client_id="id", client_secret=SecretStr("secret"), start_url=START
        )
        == REQUEST
    )


def test_members_are_those_of_the_service_model(case_tables: dict[str, Any]) -> None:
    service = case_tables["model-sso-oidc"]
    for model in (StartDeviceAuthorizationRequest, StartDeviceAuthorizationResponse):
        members = service["structures"][model.__name__]
        assert {field.alias for field in model.model_fields.values()} == set(members)
    assert {each.__name__ for each in start_device_authorization(REQUEST).error_types} == set(
        service["raises"]["StartDeviceAuthorization"]
    )


@pytest.mark.parametrize("missing", ["client_id", "client_secret", "start_url"])
def test_a_required_member_cannot_be_left_out(missing: str) -> None:
    members = {"client_id": "i", "client_secret": "s", "start_url": "u"}
    del members[missing]
    with pytest.raises(ValidationError) as caught:
        _ = StartDeviceAuthorizationRequest.model_validate(members)
    (problem,) = caught.value.errors()
    assert problem["type"] == "missing"


def test_the_operation_is_never_signed() -> None:
    """Service model: `auth: []`, optionalAuth."""
    assert start_device_authorization(REQUEST).signed is False


def test_the_real_answer_is_read(case_tables: dict[str, Any]) -> None:
    """Recorded: interval 1, expiresIn 600."""
    text = case_tables["recorded-answers"]["oidc"]["answers"]["StartDeviceAuthorization"]["body"]
    body = json.loads(text)
    answer = parsed(text.encode())
    assert answer == StartDeviceAuthorizationResponse(
        device_code=SecretStr(body["deviceCode"]),
        user_code="GPNW-SHFH",
        verification_uri="https://device.sso.us-east-1.amazonaws.com/",
        verification_uri_complete="https://device.sso.us-east-1.amazonaws.com/?user_code=GPNW-SHFH",
        expires_in=600,
        interval=1,
    )


def test_a_code_that_is_not_in_the_complete_uri_is_read_as_well() -> None:
    """aws-vault#440: `https://{region}.signin.aws/platform/authorize?request_uri=...`."""
    answer = parsed(
        b'{"deviceCode":"d","userCode":"u","verificationUri":"v","verificationUriComplete":null,'
        b'"expiresIn":null,"interval":null}'
    )
    assert answer.verification_uri_complete is None
    assert (answer.expires_in, answer.interval) == (600, 5)


@pytest.mark.parametrize("missing", ["deviceCode", "userCode", "verificationUri"])
def test_an_answer_that_lacks_the_essential_is_refused(missing: str) -> None:
    body = {"deviceCode": "d", "userCode": "u", "verificationUri": "v"}
    del body[missing]
    with pytest.raises(ResponseParseError) as caught:
        _ = parsed(json.dumps(body).encode())
    assert str(caught.value) == (
        f"The answer does not fit StartDeviceAuthorizationResponse: {missing} missing (status 200)"
    )


def test_codes_and_the_uri_that_holds_one_are_not_in_the_repr() -> None:
    """RFC 8628 section 5.4: anyone who sees a user code can try to have it approved."""
    answer = parsed(
        b'{"deviceCode":"canary1","userCode":"canary2","verificationUri":"https://v",'
        b'"verificationUriComplete":"https://v?canary3"}'
    )
    assert repr(answer) == (
        "StartDeviceAuthorizationResponse(device_code=SecretStr('**********'), "
        "verification_uri='https://v', expires_in=600, interval=5)"
    )
    assert "canary" not in str(answer)


def test_the_operation_is_a_value() -> None:
    operation = start_device_authorization(REQUEST)
    assert operation == StartDeviceAuthorization(REQUEST)
    assert hash(operation) == hash(StartDeviceAuthorization(REQUEST))
    assert repr(operation) == (
        "StartDeviceAuthorization(request=StartDeviceAuthorizationRequest(client_id='id', "
        f"client_secret=SecretStr('**********'), start_url={START!r}))"
    )
