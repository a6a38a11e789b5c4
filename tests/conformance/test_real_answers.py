"""What the real service was seen to send: every recorded body, with the headers that were recorded with it."""

from __future__ import annotations

import json
from pathlib import Path
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
def real(vectors: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (vectors / "real/real-responses.json").read_text(encoding="utf-8")
    )
    return found


def recorded(headers: list[str], request_id: str) -> dict[str, str]:
    """Give the recorded fields: some with their value, of the others the name."""
    known = {
        "Date": "Tue, 24 Nov 2026 13:00:00 GMT",
        "Content-Length": "1",
        request_id: REQUEST_ID,
    }
    fields = dict(each.split(": ", 1) for each in headers if ": " in each)
    return fields | known


def oidc_headers(real: dict[str, Any]) -> dict[str, str]:
    return recorded(real["common_headers"]["success"], "x-amzn-RequestId")


def portal_headers(real: dict[str, Any]) -> dict[str, str]:
    return recorded(real["portal"]["headers"], "RequestId")


def operation_of(words: str) -> str:
    """`CreateToken(code/device)` and `StartDeviceAuthorization / CreateToken` name an operation too."""
    return words.partition("(")[0].split(" / ")[0]


def refused(asked: Asked, answer: HttpResponse) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        asked.operation.parse(answer)
    error = caught.value
    assert (error.status, error.request_id) == (answer.status, REQUEST_ID)
    return error


def body_of(each: dict[str, Any]) -> str:
    """The bodies that were seen; of the others what was told, in the form that those have."""
    if each.get("body"):
        return str(each["body"])
    name = each["errortype"].rstrip("?")
    members = each.get("body_fields", {"error": OIDC_ERRORS[name].oauth_error})
    return json.dumps({**members, "error_description": None})


def test_every_error_of_sso_oidc(
    real: dict[str, Any], asked: dict[str, Asked], tally: Tally
) -> None:
    assert len(real["oidc_errors"]) == 12
    for each in real["oidc_errors"]:
        name = each["errortype"].partition(":")[0].rstrip("?")
        operation = asked[operation_of(each["op"])]
        body = body_of(each)
        members = json.loads(body)
        # As it comes, as the model has it, and without a name, as a proxy that cuts headers would hand it on.
        for field in (
            {"x-amzn-ErrorType": each["errortype"].rstrip("?")},
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
    ("entry", "expected"),
    [
        (
            "register_client",
            {
                "clientId": "ITU6AYMtVh5D9s3nZfbEenVzLWVhc3QtMQ",
                "clientSecret": "eyJraWQiOiJrZXktMTU2NDAyODA5OSIsImFsZyI6IkhTMzg0In0.<payload>.<signature>",
                "clientIdIssuedAt": 1767552707,
                "clientSecretExpiresAt": 1775328707,
            },
        ),
        (
            "start_device_authorization",
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
            "create_token",
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
    entry: str,
    expected: dict[str, object],
    real: dict[str, Any],
    asked: dict[str, Asked],
    tally: Tally,
) -> None:
    """Compact, in the alphabet's order, with nulls, and with members that the model does not have."""
    found = real[entry]
    body = json.dumps(found["body"], separators=(",", ":"), ensure_ascii=False).encode()
    name = entry.title().replace("_", "")
    model = asked[name].operation.parse(HttpResponse(found["status"], oidc_headers(real), body))
    assert isinstance(model, BaseModel)
    assert json.loads(to_json(model)) == expected
    tally.ran()


def test_every_uri_form_of_a_device_login(
    real: dict[str, Any], asked: dict[str, Asked], tally: Tally
) -> None:
    """All are handed on as they are."""
    found = real["start_device_authorization"]
    for form in found["verification_uri_forms"]:
        for code in found["user_codes_observed"]:
            complete = form.get("complete")
            body = found["body"] | {
                "userCode": code,
                "verificationUri": form["uri"],
                "verificationUriComplete": complete,
            }
            answer = HttpResponse(200, oidc_headers(real), json.dumps(body).encode())
            model = asked["StartDeviceAuthorization"].operation.parse(answer)
            read = json.loads(to_json(model)) if isinstance(model, BaseModel) else {}
            assert (read["verificationUri"], read["userCode"]) == (form["uri"], code)
            assert read.get("verificationUriComplete") == complete
            tally.ran()


def test_every_error_of_the_portal(
    real: dict[str, Any], asked: dict[str, Asked], tally: Tally
) -> None:
    gone, forbidden = real["portal"]["errors"]
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


def test_every_entry_of_the_file_is_read_here(real: dict[str, Any], tally: Tally) -> None:
    """Those without an answer in them are named, with the reason; a new entry fails."""
    no_answers = {
        "_about": "says what the file is",
        "limits": "what the service refuses, without its answer",
        "common_headers": "the headers of all",
        "error_texts_not_found_in_any_public_record": "the texts that nobody has",
        "authorize": "a page for a browser: the authorize URL is made and the callback read elsewhere",
    }
    read = {
        "oidc_errors",
        "register_client",
        "start_device_authorization",
        "create_token",
        "portal",
    }
    assert real.keys() == no_answers.keys() | read
    for name, reason in no_answers.items():
        if not name.startswith("_") and name != "common_headers":
            tally.skips(name, reason)
    tally.ran()
