"""Responses of the real service: every recorded body, with the headers that were recorded with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from pydantic import BaseModel

from ssooidc_core import HttpResponse, ServiceError, UnknownServiceError
from ssooidc_core._model import to_json
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_core._transient_errors import is_repeatable
from ssooidc_core.portal._errors import PORTAL_ERRORS

if TYPE_CHECKING:
    from tests.conformance.conftest import Asked, Tally

GROUP: Final = "recorded"
REQUEST_ID: Final = "01234567-89ab-4cde-8f01-23456789abcd"


@pytest.fixture(scope="module")
def real(case_tables: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = case_tables["recorded-answers"]
    return found


def recorded(headers: list[str], request_id: str) -> dict[str, str]:
    """Return the recorded fields: the value if it is known, otherwise the name."""
    known = {
        "Date": "Tue, 24 Nov 2026 13:00:00 GMT",
        "Content-Length": "1",
        request_id: REQUEST_ID,
    }
    fields = dict(each.split(": ", 1) for each in headers if ": " in each)
    return fields | known


def oidc_headers(real: dict[str, Any]) -> dict[str, str]:
    return recorded(real["oidc"]["headers"], "x-amzn-RequestId")


def portal_headers(real: dict[str, Any]) -> dict[str, str]:
    return recorded(real["portal"]["headers"], "RequestId")


def refused(asked: Asked, answer: HttpResponse) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        asked.operation.parse(answer)
    error = caught.value
    assert (error.status, error.request_id) == (answer.status, REQUEST_ID)
    return error


def body_of(each: dict[str, Any]) -> str:
    """Return the recorded body, or one in the same form with the recorded values."""
    if "body" in each:
        return str(each["body"])
    error = each.get("error", OIDC_ERRORS[each["type"]].oauth_error)
    return json.dumps({"error": error, "error_description": None})


def test_every_error_of_sso_oidc(
    real: dict[str, Any], asked: dict[str, Asked], tally: Tally
) -> None:
    assert len(real["oidc"]["errors"]) == 12
    for each in real["oidc"]["errors"]:
        name = each["type"].partition(":")[0]
        operation = asked[each["operation"]]
        body = body_of(each)
        members = json.loads(body)
        # As recorded, as in the model, and without a name, as if a proxy had removed the header.
        for field in (
            {"x-amzn-ErrorType": each["type"]},
            {"X-Amzn-Errortype": name},
            {},
        ):
            answer = HttpResponse(each["status"], {**oidc_headers(real), **field}, body.encode())
            error = refused(operation, answer)
            assert type(error) is OIDC_ERRORS[name]
            assert type(error) in operation.operation.error_types
            assert (error.code, error.error) == (name, members["error"])
            assert error.error_description == members["error_description"]
            facts = f"status {each['status']}, request id {REQUEST_ID}"
            told = members["error_description"] or members["error"]
            assert str(error) == f"{name}: {told} ({facts})"
            assert is_repeatable(error) == (each["status"] == 500)
            tally.ran()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "RegisterClient",
            {
                "clientId": "ITU6AYMtVh5D9s3nZfbEenVzLWVhc3QtMQ",
                "clientSecret": "eyJraWQiOiJrZXktMTU2NDAyODA5OSIsImFsZyI6IkhTMzg0In0.<payload>.<signature>",
                "clientIdIssuedAt": 1767552707,
                "clientSecretExpiresAt": 1775328707,
            },
        ),
        (
            "StartDeviceAuthorization",
            {
                "deviceCode": "<86 chars base64url = 64 bytes>",
                "userCode": "GPNW-SHFH",
                "verificationUri": "https://device.sso.us-east-1.amazonaws.com/",
                "verificationUriComplete": "https://device.sso.us-east-1.amazonaws.com/?user_code=GPNW-SHFH",
                "expiresIn": 600,
                "interval": 1,
            },
        ),
        (
            "CreateToken",
            {
                "accessToken": "aoa…",
                "tokenType": "Bearer",
                "expiresIn": 28800,
                "refreshToken": "aor…",
            },
        ),
    ],
)
def test_every_answer_of_sso_oidc(
    name: str,
    expected: dict[str, object],
    real: dict[str, Any],
    asked: dict[str, Asked],
    tally: Tally,
) -> None:
    """Compact, sorted by name, with nulls, and with members that the model does not have."""
    found = real["oidc"]["answers"][name]
    answer = HttpResponse(found["status"], oidc_headers(real), found["body"].encode())
    model = asked[name].operation.parse(answer)
    assert isinstance(model, BaseModel)
    assert json.loads(to_json(model)) == expected
    tally.ran()


def test_every_uri_form_of_a_device_login(
    real: dict[str, Any], asked: dict[str, Asked], tally: Tally
) -> None:
    """Every form is passed on unchanged."""
    oidc = real["oidc"]
    recorded_body = json.loads(oidc["answers"]["StartDeviceAuthorization"]["body"])
    assert (len(oidc["verification_uris"]), len(oidc["user_codes"])) == (4, 8)
    for uri, *with_code in oidc["verification_uris"]:
        for code in oidc["user_codes"]:
            complete = with_code[0] if with_code else None
            body = recorded_body | {
                "userCode": code,
                "verificationUri": uri,
                "verificationUriComplete": complete,
            }
            answer = HttpResponse(200, oidc_headers(real), json.dumps(body).encode())
            model = asked["StartDeviceAuthorization"].operation.parse(answer)
            read = json.loads(to_json(model)) if isinstance(model, BaseModel) else {}
            assert (read["verificationUri"], read["userCode"]) == (uri, code)
            assert read.get("verificationUriComplete") == complete
            tally.ran()


def test_every_error_of_the_portal(
    real: dict[str, Any], asked: dict[str, Asked], tally: Tally
) -> None:
    gone, forbidden = real["portal"]["no_session"], real["portal"]["no_access"]
    for name in ("GetRoleCredentials", "ListAccounts", "ListAccountRoles", "Logout"):
        answer = HttpResponse(gone["status"], portal_headers(real), gone["body"].encode())
        error = refused(asked[name], answer)
        assert type(error) is PORTAL_ERRORS["UnauthorizedException"]
        assert str(error) == (
            "UnauthorizedException: Session token not found or invalid "
            f"(status 401, request id {REQUEST_ID})"
        )
        tally.ran()
    answer = HttpResponse(
        forbidden["status"],
        portal_headers(real),
        json.dumps(
            {
                "message": forbidden["message"],
                "__type": f"com.amazonaws.switchboard.portal#{forbidden['code']}",
            }
        ).encode(),
    )
    error = refused(asked["GetRoleCredentials"], answer)
    assert type(error) is UnknownServiceError
    assert (error.code, error.message) == ("ForbiddenException", "No access")
    tally.ran()
