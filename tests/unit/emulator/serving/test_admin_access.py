"""The admin endpoint: who may use it, and its responses to all other requests."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from ssooidc_core import HttpRequest, HttpResponse
from ssooidc_emulator import IdentityCenter
from ssooidc_emulator._serving.admin import AdminEndpoint
from ssooidc_emulator._serving.admin_verbs import VERBS
from ssooidc_transports.testing import VirtualClock

BASE: Final = "http://127.0.0.1:8080"
TOKEN: Final = "CANARY-admin-token"
MAY: Final = ("Authorization", f"Bearer {TOKEN}")
JSON: Final = ("Content-Type", "application/json")


def send(
    center: IdentityCenter,
    verb: str,
    *headers: tuple[str, str],
    body: bytes = b"{}",
    method: str = "POST",
    clock: VirtualClock | None = None,
) -> HttpResponse:
    request = HttpRequest(method, f"{BASE}/_ssooidc/{verb}", headers, body)
    endpoint = AdminEndpoint(center, TOKEN, clock)
    assert endpoint.is_for(request)
    answer = endpoint.handle(request, VirtualClock().now())
    names = [name.lower() for name in answer.headers]
    assert not [name for name in names if name.startswith("access-control")]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert b"CANARY" not in answer.body
    return answer


def told(answer: HttpResponse) -> str:
    members: dict[str, Any] = json.loads(answer.body)
    assert list(members) == ["error"]
    return str(members["error"])


@pytest.mark.parametrize("verb", [*VERBS, "", "nothing"])
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer x{TOKEN}",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN} {TOKEN}",
        f"Bearer {TOKEN.lower()}",
        f"Basic {TOKEN}",
        f"Bearer{TOKEN}",
        TOKEN,
        "Bearer \xff",
        "Bearer \u2603",
    ],
)
def test_without_the_token_it_does_nothing(
    authorization: str | None, verb: str, center: IdentityCenter
) -> None:
    given = () if authorization is None else (("Authorization", authorization),)
    answer = send(center, verb, JSON, *given)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert told(answer) == "Send the header `Authorization: Bearer <admin token of this run>`"


def test_two_tokens_are_none(center: IdentityCenter) -> None:
    assert send(center, "logins/list", JSON, MAY, MAY).status == 401
    assert send(center, "logins/list", JSON, MAY, ("authorization", "Bearer x")).status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON;charset=utf-8"])
def test_with_it(scheme: str, content_type: str, center: IdentityCenter) -> None:
    headers = ("Authorization", f"{scheme} {TOKEN}"), ("Content-Type", content_type)
    answer = send(center, "logins/list", *headers)
    assert (answer.status, answer.body) == (200, b'{"logins":[]}')


def test_an_empty_token_opens_nothing(center: IdentityCenter) -> None:
    with pytest.raises(ValueError, match="The token of an admin endpoint must not be empty"):
        AdminEndpoint(center, "")


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonx",
        "text/plain; application/json",
    ],
)
def test_what_a_form_could_send_is_not_taken(
    content_type: str | None, center: IdentityCenter
) -> None:
    given = () if content_type is None else (("Content-Type", content_type),)
    answer = send(center, "users/add", MAY, *given, body=b'{"name":"evil"}')
    assert answer.status == 415
    assert told(answer) == "Send the header `Content-Type: application/json`"
    assert center.directory.user("evil") is None


@pytest.mark.parametrize(
    "origin",
    [
        ("Origin", "https://evil.com"),
        ("Origin", "null"),
        ("Origin", "http://127.0.0.1:1"),
        ("Origin", "http://localhost:8080"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ],
    ids=str,
)
def test_a_page_elsewhere_may_not_use_it_even_with_the_token(
    origin: tuple[str, str], center: IdentityCenter
) -> None:
    answer = send(center, "users/add", MAY, JSON, origin, body=b'{"name":"evil"}')
    assert (answer.status, told(answer)) == (403, "Requests from pages of other sites are refused")
    assert center.directory.user("evil") is None


@pytest.mark.parametrize("headers", [(), (MAY, JSON)])
def test_a_preflight_is_not_answered_as_one(
    headers: tuple[tuple[str, str], ...], center: IdentityCenter
) -> None:
    asked = (
        ("Origin", "https://evil.com"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,content-type"),
    )
    assert send(center, "logins/list", *headers, *asked, method="OPTIONS").status == 403


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "post"])
def test_every_verb_is_a_post(method: str, center: IdentityCenter) -> None:
    answer = send(center, "logins/list", MAY, JSON, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert told(answer) == "Use the method POST"


def test_a_verb_that_there_is_not(center: IdentityCenter) -> None:
    for verb in ("logins", "logins/list/", "/logins/list", "../client/register", "logins%2flist"):
        answer = send(center, verb, MAY, JSON)
        assert answer.status == 404
        assert told(answer) == f"There is no such verb: use one of {', '.join(VERBS)}"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b'"x"', b"\xff", b"[" * 10_000, b'{"CANARY":1}', b'{"x":"CANARY"}'],
    ids=range(9),
)
def test_what_is_no_object_of_the_members(body: bytes, center: IdentityCenter) -> None:
    answer = send(center, "logins/list", MAY, JSON, body=body)
    assert answer.status == 400
    assert told(answer) == "The body must be a JSON object. Allowed members: none"


@pytest.mark.parametrize(
    ("verb", "members", "expected"),
    [
        ("logins/approve", {}, "Missing or invalid: user_code"),
        ("logins/approve", {"user_code": 7, "user": 7}, "Missing or invalid: user, user_code"),
        (
            "logins/approve",
            {"user_code": "CANARY"},
            "There is no pending device login with this user code",
        ),
        (
            "logins/deny",
            {"user_code": "BBBB-BBBB"},
            "There is no pending device login with this user code",
        ),
        (
            "users/add",
            {"name": "user"},
            "A user's name must be unique and not empty, unlike 'user'",
        ),
        (
            "accounts/add",
            {"account_id": "1"},
            "An account id must have 12 digits and be unique, unlike '1'",
        ),
        ("clock/advance", {"seconds": -1}, "Missing or invalid: seconds"),
        ("clock/advance", {"seconds": "1"}, "Missing or invalid: seconds"),
        (
            "faults/script",
            {"kind": "slow_down", "times": 0},
            "times must be at least 1, or None for all calls from now on",
        ),
        ("faults/script", {"kind": "x", "operation": "y"}, "Missing or invalid: operation"),
        (
            "faults/script",
            {"kind": "slow_down", "more": "CANARY"},
            "The body must be a JSON object. Allowed members: kind, parameters, operation, times, probability",
        ),
    ],
)
def test_what_cannot_be_done_is_said(
    verb: str, members: dict[str, object], expected: str, center: IdentityCenter
) -> None:
    answer = send(center, verb, MAY, JSON, body=json.dumps(members).encode(), clock=VirtualClock())
    assert (answer.status, told(answer)) == (400, expected)


def test_a_clock_that_cannot_be_moved(center: IdentityCenter) -> None:
    answer = send(center, "clock/advance", MAY, JSON, body=b'{"seconds":1}')
    assert (answer.status, told(answer)) == (400, "The clock of this server cannot be advanced")


def test_other_paths_are_none_of_its_business(center: IdentityCenter) -> None:
    endpoint = AdminEndpoint(center, TOKEN)
    for path in ("/", "/token", "/_ssooidc", "/x/_ssooidc/logins/list", "/_SSOOIDC/logins/list"):
        assert not endpoint.is_for(HttpRequest("POST", BASE + path, (), b""))
