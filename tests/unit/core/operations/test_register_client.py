"""RegisterClient: the request's bytes, the response, and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from ssooidc_core import (
    ClientConfig,
    HttpRequest,
    HttpResponse,
    RegisterClient,
    RegisterClientRequest,
    RegisterClientResponse,
    ResponseParseError,
    errors,
    register_client,
)

JSON = {"Content-Type": "application/json"}
CONFIG = ClientConfig(region="us-east-1")
REQUEST = RegisterClientRequest(client_name="my-tool", client_type="public")


def parsed(body: bytes) -> RegisterClientResponse:
    return register_client(REQUEST).parse(HttpResponse(200, JSON, body))


def test_the_request_with_its_required_members() -> None:
    """POST /client/register; absent members are left out."""
    assert register_client(REQUEST).unsigned_request(CONFIG) == HttpRequest(
        "POST",
        "https://oidc.us-east-1.amazonaws.com/client/register",
        JSON,
        b'{"clientName":"my-tool","clientType":"public"}',
    )


def test_the_request_with_all_members() -> None:
    request = RegisterClientRequest(
        client_name="my-tool",
        client_type="public",
        scopes=("sso:account:access", "openid"),
        redirect_uris=("http://127.0.0.1/oauth/callback",),
        grant_types=("authorization_code", "refresh_token"),
        issuer_url="https://d-1234567890.awsapps.com/start",
        entitled_application_arn="arn:aws:sso::123456789012:application/ssoins-1/apl-2",
    )
    assert register_client(request).unsigned_request(CONFIG).body == (
        b'{"clientName":"my-tool","clientType":"public",'
        b'"scopes":["sso:account:access","openid"],'
        b'"redirectUris":["http://127.0.0.1/oauth/callback"],'
        b'"grantTypes":["authorization_code","refresh_token"],'
        b'"issuerUrl":"https://d-1234567890.awsapps.com/start",'
        b'"entitledApplicationArn":"arn:aws:sso::123456789012:application/ssoins-1/apl-2"}'
    )


def test_the_request_has_every_member_of_the_service_model(
    case_tables: dict[str, Any],
) -> None:
    structures = case_tables["model-sso-oidc"]["structures"]
    members = structures["RegisterClientRequest"]
    assert {field.alias for field in RegisterClientRequest.model_fields.values()} == set(members)
    members = structures["RegisterClientResponse"]
    assert {field.alias for field in RegisterClientResponse.model_fields.values()} == set(members)


@pytest.mark.parametrize("missing", ["client_name", "client_type"])
def test_a_required_member_cannot_be_left_out(missing: str) -> None:
    members = {"client_name": "n", "client_type": "public"}
    del members[missing]
    with pytest.raises(ValidationError) as caught:
        _ = RegisterClientRequest.model_validate(members)
    (problem,) = caught.value.errors()
    assert problem["type"] == "missing"


def test_the_operation_is_never_signed() -> None:
    """Service model: `auth: []`, optionalAuth."""
    assert register_client(REQUEST).signed is False


def test_the_real_answer_is_read(case_tables: dict[str, Any]) -> None:
    """Recorded in 2026-01: endpoints are null, and the times are epoch seconds, 90 days apart."""
    body = case_tables["recorded-answers"]["oidc"]["answers"]["RegisterClient"]["body"]
    answer = parsed(body.encode())
    assert answer == RegisterClientResponse(
        client_id="ITU6AYMtVh5D9s3nZfbEenVzLWVhc3QtMQ",
        client_secret=SecretStr(json.loads(body)["clientSecret"]),
        client_id_issued_at=1767552707,
        client_secret_expires_at=1775328707,
    )
    assert answer.expires_at is not None
    assert answer.expires_at.isoformat() == "2026-04-04T18:51:47+00:00"


def test_every_member_of_the_answer_is_read() -> None:
    answer = parsed(
        b'{"authorizationEndpoint":"a","clientId":"i","clientIdIssuedAt":1,"clientSecret":"s",'
        b'"clientSecretExpiresAt":2,"tokenEndpoint":"t","newMember":{}}'
    )
    assert answer.client_id == "i"
    assert answer.client_secret.get_secret_value() == "s"
    assert (answer.client_id_issued_at, answer.client_secret_expires_at) == (1, 2)
    assert (answer.authorization_endpoint, answer.token_endpoint) == ("a", "t")


def test_an_answer_without_an_end_says_so() -> None:
    """RFC 7591 section 3.2.1: "client_secret_expires_at ... 0 if it will not expire"."""
    answer = parsed(b'{"clientId":"i","clientSecret":"s"}')
    assert (answer.client_id_issued_at, answer.client_secret_expires_at) == (0, 0)
    assert answer.expires_at is None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"clientSecret":"s"}', "clientId missing"),
        (b'{"clientId":"i"}', "clientSecret missing"),
        (b"{}", "clientId missing, clientSecret missing"),
        (
            b'{"clientId":null,"clientSecret":null}',
            "clientId string_type, clientSecret string_type",
        ),
        (
            b'{"clientId":"i","clientSecret":"s","clientSecretExpiresAt":253402300800}',
            "clientSecretExpiresAt bounded_integer",
        ),
    ],
)
def test_an_answer_that_lacks_the_essential_is_refused(body: bytes, problem: str) -> None:
    with pytest.raises(ResponseParseError) as caught:
        _ = parsed(body)
    assert str(caught.value) == (
        f"The answer does not fit RegisterClientResponse: {problem} (status 200)"
    )


def test_its_errors_are_those_of_the_service_model(case_tables: dict[str, Any]) -> None:
    modelled = case_tables["model-sso-oidc"]["raises"]["RegisterClient"]
    assert {each.__name__ for each in register_client(REQUEST).error_types} == set(modelled)
    assert errors.SlowDownException in register_client(REQUEST).error_types


def test_the_operation_is_a_value() -> None:
    assert register_client(REQUEST) == RegisterClient(REQUEST)
    assert hash(register_client(REQUEST)) == hash(RegisterClient(REQUEST))
    assert repr(register_client(REQUEST)) == (
        "RegisterClient(request=RegisterClientRequest(client_name='my-tool', client_type='public', "
        "scopes=None, redirect_uris=None, grant_types=None, issuer_url=None, "
        "entitled_application_arn=None))"
    )


def test_a_missing_argument_is_named_as_it_is_written() -> None:
    with pytest.raises(ValidationError) as caught:
        _ = RegisterClientRequest.model_validate({"client_name": "n"})
    assert [problem["loc"] for problem in caught.value.errors()] == [("client_type",)]
