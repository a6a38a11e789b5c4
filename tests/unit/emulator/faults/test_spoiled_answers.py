"""Faults that change a response or its timing, faults of the portal, and random faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from ssooidc_core import HttpResponse, RegisterClientRequest, register_client, run
from ssooidc_core.errors import InvalidClientException, ResponseParseError
from ssooidc_emulator import (
    EmulatorTransport,
    IdentityCenter,
    faults,
    seeded_entropy,
)
from ssooidc_emulator.faults import Fault
from ssooidc_transports.testing import VirtualClock

ACCOUNTS: Final = "/assignment/accounts"
REGISTER: Final = {"clientName": "tool", "clientType": "public"}

Ask = Callable[..., HttpResponse]


def test_the_error_header_is_missing(center: IdentityCenter, ask: Ask) -> None:
    center.script("RegisterClient", faults.missing_error_header("SlowDownException"))
    answer = ask(center, "/client/register", REGISTER)
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "slow_down")
    assert "x-amzn-errortype" not in answer.headers
    assert [name for name, _ in answer.headers.fields] == [
        "Date",
        "Content-Type",
        "Content-Length",
        "Connection",
        "x-amzn-RequestId",
    ]


def test_the_error_header_of_what_the_call_gives(center: IdentityCenter, ask: Ask) -> None:
    center.script("CreateToken", faults.missing_error_header())
    spoiled = ask(center, "/token", {})
    plain = ask(center, "/token", {})
    assert spoiled.body == plain.body
    assert (spoiled.headers.get("x-amzn-errortype") is None, spoiled.status) == (True, 400)
    center.script("RegisterClient", faults.missing_error_header())
    assert ask(center, "/client/register", REGISTER).status == 200


def test_words_of_the_test_without_the_header(center: IdentityCenter, ask: Ask) -> None:
    center.script(None, faults.missing_error_header("AccessDeniedException", "no"))
    assert json.loads(ask(center, "/token", {}).body)["error_description"] == "no"
    with pytest.raises(ValueError, match="SSO OIDC has no error 'NoSuch'"):
        faults.missing_error_header("NoSuch")


def test_an_error_without_its_header_is_known_by_its_oauth_code(
    center: IdentityCenter, clock: VirtualClock
) -> None:
    center.script("RegisterClient", faults.missing_error_header("InvalidClientException"))
    request = RegisterClientRequest(client_name="tool", client_type="public")
    with pytest.raises(InvalidClientException):
        run(register_client(request), EmulatorTransport(center, clock=clock))


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml; charset=utf-8", None])
def test_a_wrong_content_type(content_type: str | None, center: IdentityCenter, ask: Ask) -> None:
    center.script("RegisterClient", faults.wrong_content_type(content_type))
    answer = ask(center, "/client/register", REGISTER)
    assert answer.headers.get("content-type") == content_type
    assert "clientId" in json.loads(answer.body)
    assert len(answer.headers.fields) == (4 if content_type is None else 5)


@pytest.mark.parametrize("content_type", ["", " a/b", "a/b\r\nX: y", "a\0", "é", "a\tb"])
def test_a_content_type_that_no_header_holds(content_type: str) -> None:
    with pytest.raises(ValueError, match="A content type must be printable ASCII"):
        faults.wrong_content_type(content_type)


def test_a_huge_body(center: IdentityCenter, ask: Ask, clock: VirtualClock) -> None:
    size = 2 * 1024 * 1024
    center.script("RegisterClient", faults.huge_body(size))
    answer = ask(center, "/client/register", REGISTER)
    assert len(answer.body) == size
    assert answer.headers["content-length"] == str(size)
    assert "clientId" in json.loads(answer.body)
    assert len(center.registrations(clock.now())) == 1


def test_a_huge_body_is_never_cut(center: IdentityCenter, ask: Ask) -> None:
    center.script("RegisterClient", faults.huge_body(1))
    answer = ask(center, "/client/register", REGISTER)
    assert answer.headers["content-length"] == str(len(answer.body))
    assert "clientId" in json.loads(answer.body)


@pytest.mark.parametrize("size", [0, -1, 256 * 1024 * 1024 + 1])
def test_a_size_that_no_body_has(size: int) -> None:
    with pytest.raises(ValueError, match="A huge body must have 1 to 268435456 bytes"):
        faults.huge_body(size)


@pytest.mark.parametrize("seconds", [3600, -3600, 0.5])
def test_a_clock_that_is_off(
    seconds: float, center: IdentityCenter, ask: Ask, clock: VirtualClock
) -> None:
    center.script("RegisterClient", faults.clock_skew(seconds))
    answer = ask(center, "/client/register", REGISTER)
    moved = clock.now().wall + timedelta(seconds=seconds)
    assert answer.headers["date"] == f"{moved:%a, %d %b %Y %H:%M:%S GMT}"
    assert json.loads(answer.body)["clientIdIssuedAt"] == int(moved.timestamp())


def test_a_clock_that_is_off_in_the_header_only(
    center: IdentityCenter, ask: Ask, clock: VirtualClock
) -> None:
    center.script("RegisterClient", faults.clock_skew(-86400, header_only=True))
    answer = ask(center, "/client/register", REGISTER)
    now = clock.now().wall
    assert answer.headers["date"] == f"{now - timedelta(days=1):%a, %d %b %Y %H:%M:%S GMT}"
    assert json.loads(answer.body)["clientIdIssuedAt"] == int(now.timestamp())


def test_what_a_clock_that_is_off_takes_for_expired(
    center: IdentityCenter, token: str, portal: Ask
) -> None:
    center.script("ListAccounts", faults.clock_skew(3600))
    assert [portal(center, token, ACCOUNTS).status for _ in range(2)] == [401, 200]


def test_a_clock_cannot_go_past_the_end_of_time(
    center: IdentityCenter, ask: Ask, clock: VirtualClock
) -> None:
    clock.set_wall(datetime(9999, 6, 1, tzinfo=UTC))
    center.script("RegisterClient", faults.clock_skew(10 * 365 * 86400, header_only=True))
    answer = ask(center, "/client/register", {})
    assert answer.headers["date"] == "Tue, 01 Jun 9999 00:00:00 GMT"


@pytest.mark.parametrize("seconds", [1e9, -1e9, float("nan"), float("inf")])
def test_a_clock_that_is_too_far_off(seconds: float) -> None:
    with pytest.raises(ValueError, match="cannot be wrong by more than ten years"):
        faults.clock_skew(seconds)


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (
            faults.too_many_requests(),
            429,
            (
                b'{"message":"HTTP 429 Unknown Code",'
                b'"__type":"com.amazonaws.switchboard.portal#TooManyRequestsException"}'
            ),
        ),
        (
            faults.throttling(),
            429,
            (
                b'{"message":"Rate exceeded",'
                b'"__type":"com.amazonaws.switchboard.portal#ThrottlingException"}'
            ),
        ),
        (
            faults.error("ResourceNotFoundException", "no"),
            404,
            b'{"message":"no","__type":"com.amazonaws.switchboard.portal#ResourceNotFoundException"}',
        ),
        (
            faults.error("InvalidRequestException"),
            400,
            (
                b'{"message":"Invalid request",'
                b'"__type":"com.amazonaws.switchboard.portal#InvalidRequestException"}'
            ),
        ),
        (
            faults.server_error(),
            500,
            (
                b'{"message":"Internal server error",'
                b'"__type":"com.amazonaws.switchboard.portal#InternalServerException"}'
            ),
        ),
        (
            faults.error("InvalidRequestRegionException"),
            400,
            (
                b'{"message":null,'
                b'"__type":"com.amazonaws.switchboard.portal#InvalidRequestRegionException"}'
            ),
        ),
    ],
    ids=["too many", "throttling", "not found", "invalid", "server", "oidc's own"],
)
def test_errors_at_the_portal_have_its_form(  # noqa: PLR0917 - fixtures
    fault: Fault, status: int, body: bytes, center: IdentityCenter, token: str, portal: Ask
) -> None:
    center.script("ListAccounts", fault)
    answer = portal(center, token, ACCOUNTS)
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers["Server"] == "AWS SSO"
    assert center.log.entries()[-1].error == body.rpartition(b"#")[2].decode().rstrip('"}')


def test_errors_of_the_portal_at_sso_oidc_have_its_form(center: IdentityCenter, ask: Ask) -> None:
    center.script(None, faults.error("ForbiddenException"))
    center.script(None, faults.error("InvalidRequestException"))
    first, second = (ask(center, "/token", {}) for _ in range(2))
    assert (first.status, first.body) == (403, b'{"message":"No access"}')
    assert first.headers["x-amzn-errortype"].startswith("ForbiddenException:")
    assert json.loads(second.body)["error"] == "invalid_request"


def test_a_proxy_before_the_portal_knows_nothing_of_it(
    center: IdentityCenter, token: str, portal: Ask
) -> None:
    center.script("ListAccounts", faults.html_page())
    answer = portal(center, token, ACCOUNTS)
    assert (answer.status, answer.headers.get("server"), len(answer.headers)) == (503, None, 4)
    assert center.log.entries()[-1].error is None


def test_a_logout_that_fails_ends_nothing(center: IdentityCenter, token: str, portal: Ask) -> None:
    center.script("Logout", faults.server_error())
    assert portal(center, token, "/logout", method="POST").status == 500
    assert portal(center, token, ACCOUNTS).status == 200


def test_what_our_client_makes_of_spoiled_answers(
    center: IdentityCenter, clock: VirtualClock
) -> None:
    transport = EmulatorTransport(center, clock=clock)
    operation = register_client(RegisterClientRequest(client_name="tool", client_type="public"))
    center.script("RegisterClient", faults.wrong_content_type())
    with pytest.raises(ResponseParseError):
        run(operation, transport)
    assert run(operation, transport).client_id


def hits(center: IdentityCenter, ask: Ask, calls: int) -> int:
    answers = [ask(center, "/client/register", REGISTER) for _ in range(calls)]
    return sum(answer.status == 500 for answer in answers)


@pytest.mark.parametrize(("probability", "least", "most"), [(0.1, 60, 140), (0.9, 860, 940)])
def test_by_chance(probability: float, least: int, most: int, ask: Ask) -> None:
    center = IdentityCenter(entropy=seeded_entropy("chance"))
    center.script("RegisterClient", faults.server_error(), times=None, probability=probability)
    # The entropy is seeded; the margin of five standard deviations allows another seed.
    assert least <= hits(center, ask, 1000) <= most


def test_chance_comes_of_the_entropy(ask: Ask) -> None:
    def statuses() -> list[int]:
        center = IdentityCenter(entropy=seeded_entropy("chance"))
        center.script(None, faults.server_error(), times=None, probability=0.5)
        return [ask(center, "/client/register", REGISTER).status for _ in range(50)]

    first = statuses()
    assert set(first) == {200, 500}
    assert statuses() == first


def test_chance_and_a_number_of_times(ask: Ask) -> None:
    center = IdentityCenter(entropy=seeded_entropy("chance"))
    center.script("RegisterClient", faults.server_error(), times=3, probability=0.5)
    assert hits(center, ask, 100) == 3


def test_a_fault_that_chance_spares_leaves_the_call_to_the_next(ask: Ask) -> None:
    center = IdentityCenter(entropy=lambda n: b"\xff" * n)
    center.script(None, faults.server_error(), times=None, probability=0.99)
    center.script(None, faults.slow_down(), times=None, probability=1)
    assert json.loads(ask(center, "/token", {}).body)["error"] == "slow_down"


def test_certainty_draws_nothing(ask: Ask) -> None:
    def body(probability: float | None) -> bytes:
        center = IdentityCenter(entropy=seeded_entropy(1))
        center.script("RegisterClient", faults.delay(0), times=1, probability=probability)
        center.script("CreateToken", faults.server_error(), probability=probability)
        ask(center, "/token", {})
        center.clear_script()
        return ask(center, "/client/register", REGISTER).body

    assert body(None) == body(1)


@pytest.mark.parametrize("probability", [0, -0.1, 1.1, float("nan")])
def test_no_probability(probability: float, center: IdentityCenter) -> None:
    with pytest.raises(ValueError, match="probability must be above 0 and at most 1"):
        center.script(None, faults.slow_down(), probability=probability)
