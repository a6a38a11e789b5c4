"""`ssooidc_core._rest_json`: which error a response is, and its attributes."""

from __future__ import annotations

import json

import pytest
from pydantic import SecretStr

from ssooidc_core import (
    HttpResponse,
    InvalidClientException,
    InvalidGrantException,
    InvalidRequestException,
    InvalidRequestRegionException,
    InvalidScopeException,
    JwtBearerGrant,
    RefreshTokenGrant,
    RegisterClientRequest,
    ServiceError,
    StartDeviceAuthorizationRequest,
    UnknownServiceError,
    create_token,
    create_token_with_iam,
    errors,
    portal,
    register_client,
    start_device_authorization,
)
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_core.portal._errors import PORTAL_ERRORS

JSON = {"Content-Type": "application/json"}
CORAL = ":http://internal.amazon.com/coral/com.amazonaws.sso.oidc/"
REFRESH = create_token(
    RefreshTokenGrant(
        client_id="i", client_secret=SecretStr("c-secret"), refresh_token=SecretStr("r-secret")
    )
)
IAM = create_token_with_iam(JwtBearerGrant.of("arn", assertion="a-secret"))
REGISTER = register_client(RegisterClientRequest(client_name="n", client_type="public"))
START = start_device_authorization(
    StartDeviceAuthorizationRequest(client_id="i", client_secret=SecretStr("s"), start_url="u")
)
OPERATIONS = (REFRESH, IAM, REGISTER, START)
LOGOUT = portal.logout(portal.LogoutRequest.of("aoa-secret"))


def refused(
    body: object,
    *,
    headers: dict[str, str] | None = None,
    status: int = 400,
    operation: object = REFRESH,
) -> ServiceError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    parse = getattr(operation, "parse")  # noqa: B009 - operations differ in their types
    with pytest.raises(ServiceError) as caught:
        parse(HttpResponse(status, {**JSON, **(headers or {})}, raw))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


NAMES = sorted(OIDC_ERRORS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("headers", "members"),
    [
        ({"x-amzn-ErrorType": "{}" + CORAL}, {}),
        ({"X-AMZN-ERRORTYPE": "com.amazonaws.ssooidc#{}"}, {"code": "Other", "__type": "Other"}),
        ({}, {"code": "{}", "__type": "Other"}),
        ({}, {"code": "ns#{}:http://x"}),
        ({}, {"__type": "com.amazonaws.ssooidc#{}"}),
    ],
    ids=["header", "header first", "code first", "code", "__type"],
)
def test_each_modelled_error_by_its_name(
    name: str, headers: dict[str, str], members: dict[str, str]
) -> None:
    """A name takes precedence over any OAuth code."""
    located = {"endpoint": "https://e", "region": "r-1"} if "Region" in name else {}
    error = refused(
        {
            **{key: value.format(name) for key, value in members.items()},
            "error": "x_error",
            "error_description": "why",
            "reason": "KMS_NotFoundException",
            **located,
        },
        headers={
            "x-amzn-RequestId": "id-1",
            **{key: value.format(name) for key, value in headers.items()},
        },
        status=401,
    )
    assert type(error) is OIDC_ERRORS[name]
    assert (error.code, error.status) == (name, 401)
    assert (error.error, error.error_description) == ("x_error", "why")
    assert (error.reason, error.message) == ("KMS_NotFoundException", None)
    assert (error.request_id, error.retry_after) == ("id-1", None)
    assert {key: vars(error)[key] for key in located} == located
    assert str(error) == f"{name}: why (KMS_NotFoundException; status 401, request id id-1)"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize(
    "name", [name for name in NAMES if name != "InvalidRequestRegionException"]
)
def test_each_modelled_error_by_its_oauth_code_for_every_operation(
    name: str, operation: object
) -> None:
    """RFC 6749 section 5.2, RFC 8628 section 3.5: used only if the response has no name."""
    oauth = OIDC_ERRORS[name].oauth_error
    error = refused({"error": oauth}, operation=operation)
    assert type(error) is OIDC_ERRORS[name]
    assert (error.code, error.error, error.error_description) == (name, oauth, None)
    assert str(error) == f"{name}: {oauth} (status 400)"


@pytest.mark.parametrize(
    "operation", [REFRESH, IAM, REGISTER], ids=lambda each: type(each).__name__
)
def test_invalid_request_is_about_a_region_only_with_endpoint_and_region(operation: object) -> None:
    """Two modelled errors have the OAuth code `invalid_request`."""
    body = {"error": "invalid_request", "endpoint": "https://e", "region": "eu-west-1"}
    error = refused(body, operation=operation)
    assert isinstance(error, InvalidRequestRegionException)
    assert (error.endpoint, error.region) == ("https://e", "eu-west-1")
    assert error.hint == "Use region eu-west-1."
    for missing in ("endpoint", "region"):
        for value in (None, 7):
            error = refused({**body, missing: value}, operation=operation)
            assert type(error) is InvalidRequestException


def test_a_region_error_that_is_named_may_lack_its_members() -> None:
    error = refused({}, headers={"x-amzn-errortype": "InvalidRequestRegionException"})
    assert isinstance(error, InvalidRequestRegionException)
    assert (error.endpoint, error.region) == (None, None)
    assert error.hint == "Use the region in which the token was issued."


@pytest.mark.parametrize(
    ("headers", "body", "code", "cls"),
    [
        (
            {"x-amzn-errortype": "InvalidScopeException"},
            {"code": "InvalidClientException", "__type": "a#InvalidGrantException"},
            "InvalidScopeException",
            InvalidScopeException,
        ),
        (
            {},
            {"code": "InvalidClientException", "__type": "a#InvalidGrantException"},
            "InvalidClientException",
            InvalidClientException,
        ),
        (
            {},
            {"__type": "a#InvalidGrantException", "error": "slow_down"},
            "InvalidGrantException",
            InvalidGrantException,
        ),
        ({"x-amzn-errortype": "FooError"}, {"error": "slow_down"}, "FooError", UnknownServiceError),
        ({"x-amzn-errortype": ""}, {"error": "slow_down"}, "SlowDownException", None),
        ({"x-amzn-errortype": ":http://x"}, {"error": "slow_down"}, "SlowDownException", None),
        ({"x-amzn-errortype": "a b"}, {"code": "C"}, "C", UnknownServiceError),
        ({"x-amzn-errortype": "x" * 129}, {"code": "C"}, "C", UnknownServiceError),
        ({"x-amzn-errortype": " Foo "}, {}, "Foo", UnknownServiceError),
        ({}, {"code": 7, "__type": None, "error": "slow_down"}, "SlowDownException", None),
        ({}, {"code": "é", "error": "slow_down"}, "SlowDownException", None),
        ({}, {"error": "brand_new"}, "brand_new", UnknownServiceError),
        ({}, {"error": "not a code"}, "400", UnknownServiceError),
        ({}, {"error": ""}, "400", UnknownServiceError),
        ({}, {"error": {"code": "nested"}}, "400", UnknownServiceError),
        ({}, {}, "400", UnknownServiceError),
        ({}, {"Nested": {"__type": "InvalidGrantException"}}, "400", UnknownServiceError),
    ],
)
def test_the_order_in_which_names_are_looked_for(
    headers: dict[str, str], body: dict[str, object], code: str, cls: type[ServiceError] | None
) -> None:
    """Header > code > __type > OAuth error > HTTP status; a value that is not a valid name is ignored."""
    error = refused(body, headers=headers)
    assert error.code == code
    assert type(error) is (errors.SlowDownException if cls is None else cls)


@pytest.mark.parametrize("name", sorted(PORTAL_ERRORS))
def test_each_of_the_portals_errors_by_its_name(name: str) -> None:
    error = refused({"message": "m", "__type": f"ns#{name}"}, operation=LOGOUT)
    assert type(error) is PORTAL_ERRORS[name]
    assert str(error) == f"{name}: m (status 400)"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"Message": "M"}, "M"),
        ({"Message": "M", "message": "m"}, "m"),
        ({"Message": "M", "message": None}, "M"),
        ({"Message": "M", "message": ""}, ""),
        ({"Message": 7}, None),
    ],
)
def test_a_message_may_have_a_capital_letter(
    members: dict[str, object], message: str | None
) -> None:
    """AWS's responses about signatures and IAM policies, which do not come from the service, are written so."""
    error = refused(
        members, headers={"x-amzn-errortype": "AccessDeniedException"}, operation=IAM, status=403
    )
    assert error.message == message


def test_the_portals_invalid_request_is_not_sso_oidcs() -> None:
    header = {"x-amzn-errortype": "InvalidRequestException"}
    assert type(refused({}, headers=header)) is errors.InvalidRequestException
    assert type(refused({}, headers=header, operation=LOGOUT)) is portal.InvalidRequestException
    unnamed = refused({"error": "invalid_request"}, operation=LOGOUT)
    assert (type(unnamed), unnamed.code) == (UnknownServiceError, "invalid_request")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("1500", 1.5),
        ("999999999999", 999999999.999),
        ("1000000000000", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        (" 5", None),
        ("5\n", None),
        ("١", None),
        (None, None),
    ],
)
def test_retry_after_is_in_milliseconds_and_a_bad_one_is_ignored(
    value: str | None, seconds: float | None
) -> None:
    """Retries 2.1: `x-amz-retry-after`; an invalid or negative value is ignored."""
    headers = {} if value is None else {"X-Amz-Retry-After": value}
    assert refused({"error": "slow_down"}, headers=headers).retry_after == seconds


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"x-amzn-requestid": "a", "requestid": "b"}, "a"),
        ({"x-amzn-requestid": "", "requestid": "b"}, "b"),
        ({"RequestId": "b"}, "b"),
        ({"x-amzn-requestid": "a\x1b[2J\u202eb"}, "a [2J b"),
        ({"x-amzn-requestid": "\x1b"}, None),
        ({"x-amzn-requestid": "a" * 129}, "a" * 127 + "…"),
        ({"x-amzn-requestid": "r-secret"}, "**********"),
        ({}, None),
    ],
)
def test_the_request_id_is_printable_and_bounded(
    headers: dict[str, str], request_id: str | None
) -> None:
    assert refused({"error": "slow_down"}, headers=headers).request_id == request_id
