"""Scripted faults: what each does, in which order, and how often."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from ssooidc_core import HttpRequest, HttpResponse
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_emulator import (
    BodyCut,
    ConnectionReset,
    Delayed,
    IdentityCenter,
    WireFault,
    faults,
    seeded_entropy,
)
from ssooidc_transports.testing import VirtualClock

REGISTER: Final = b'{"clientName":"a","clientType":"public"}'


@pytest.fixture
def call(center: IdentityCenter, clock: VirtualClock) -> Callable[..., HttpResponse | WireFault]:
    """Register a client, or send what the arguments say, and return the response."""

    def send(path: str = "/client/register", body: bytes = REGISTER) -> HttpResponse | WireFault:
        url = f"https://oidc.us-east-1.amazonaws.com{path}"
        return center.handle(HttpRequest("POST", url, (), body), clock.now())

    return send


def answered(outcome: HttpResponse | WireFault) -> HttpResponse:
    assert isinstance(outcome, HttpResponse)
    return outcome


def clients(center: IdentityCenter) -> int:
    return len(center._operations.registrations)


@pytest.mark.parametrize("code", sorted(OIDC_ERRORS))
def test_every_error_of_the_model(
    code: str, center: IdentityCenter, call: Callable[..., HttpResponse | WireFault]
) -> None:
    center.script("RegisterClient", faults.error(code))
    answer = answered(call())
    assert answer.headers["x-amzn-ErrorType"].startswith(f"{code}:http://internal.amazon.com/")
    assert answer.status == {"InvalidClientException": 401, "InternalServerException": 500}.get(
        code, 400
    )
    assert json.loads(answer.body).get("error") == OIDC_ERRORS[code].oauth_error
    assert clients(center) == 0


def test_an_error_with_words_of_the_test(
    center: IdentityCenter, call: Callable[..., HttpResponse | WireFault]
) -> None:
    center.script("RegisterClient", faults.error("SlowDownException", 'a "b"\r\nX: y'))
    answer = answered(call())
    assert json.loads(answer.body) == {"error": "slow_down", "error_description": 'a "b"\r\nX: y'}
    assert "X" not in answer.headers


def test_an_error_that_the_model_has_not() -> None:
    with pytest.raises(ValueError, match="SSO OIDC has no error 'NoSuchException'"):
        faults.error("NoSuchException")


def test_slow_down_and_server_error(
    center: IdentityCenter, call: Callable[..., HttpResponse | WireFault]
) -> None:
    center.script(None, faults.slow_down())
    center.script(None, faults.server_error())
    first, second = answered(call()), answered(call())
    assert (first.status, json.loads(first.body)["error"]) == (400, "slow_down")
    assert (second.status, json.loads(second.body)["error"]) == (500, "server_error")


@pytest.mark.parametrize("milliseconds", [None, 0, 1500])
def test_throttling(
    milliseconds: int | None,
    center: IdentityCenter,
    call: Callable[..., HttpResponse | WireFault],
) -> None:
    center.script("RegisterClient", faults.throttling(retry_after_ms=milliseconds))
    answer = answered(call())
    assert (answer.status, answer.body) == (429, b'{"message":"Rate exceeded"}')
    assert answer.headers["x-amzn-ErrorType"].startswith("ThrottlingException:")
    expected = None if milliseconds is None else str(milliseconds)
    assert answer.headers.get("x-amz-retry-after") == expected


@pytest.mark.parametrize(
    ("status", "phrase"), [(503, "Service Unavailable"), (418, "Error"), (200, "OK")]
)
def test_html_page(
    status: int, phrase: str, center: IdentityCenter, call: Callable[..., HttpResponse | WireFault]
) -> None:
    center.script("RegisterClient", faults.html_page(status))
    answer = answered(call())
    assert answer.status == status
    assert f"<h1>{status} {phrase}</h1>".encode() in answer.body
    assert [name for name, _ in answer.headers.fields] == [
        "Date",
        "Content-Type",
        "Content-Length",
        "Connection",
    ]
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("status", [0, 100, 199, 204, 205, 304, 600, 799, -1])
def test_html_page_of_a_status_that_has_none(status: int) -> None:
    with pytest.raises(ValueError, match=r"An answer with status .* cannot have a page"):
        faults.html_page(status)


def test_connection_reset(
    center: IdentityCenter, call: Callable[..., HttpResponse | WireFault]
) -> None:
    center.script("RegisterClient", faults.connection_reset())
    assert call() == ConnectionReset()
    assert clients(center) == 0
    center.script("RegisterClient", faults.connection_reset(processed=True))
    assert call() == ConnectionReset()
    assert clients(center) == 1


def test_body_cut(center: IdentityCenter, call: Callable[..., HttpResponse | WireFault]) -> None:
    center.script("RegisterClient", faults.body_cut(3))
    outcome = call()
    assert isinstance(outcome, BodyCut)
    assert (outcome.keep, outcome.response.status) == (3, 200)
    assert clients(center) == 1
    with pytest.raises(ValueError, match="fewer than 0 bytes"):
        faults.body_cut(-1)


def test_delay(center: IdentityCenter, call: Callable[..., HttpResponse | WireFault]) -> None:
    center.script("RegisterClient", faults.delay(2.5))
    outcome = call()
    assert isinstance(outcome, Delayed)
    assert outcome.seconds == 2.5
    assert answered(outcome.then).status == 200
    assert clients(center) == 1


def test_delays_add_up_and_end_in_any_fault(
    center: IdentityCenter, call: Callable[..., HttpResponse | WireFault]
) -> None:
    center.script(None, faults.delay(1, faults.delay(2, faults.connection_reset())))
    assert call() == Delayed(3, ConnectionReset())
    center.script(None, faults.delay(1, faults.slow_down()))
    outcome = call()
    assert isinstance(outcome, Delayed)
    assert answered(outcome.then).status == 400
    assert clients(center) == 0


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_delay_that_is_none(seconds: float) -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        faults.delay(seconds)


def test_the_first_scripted_is_the_first_to_happen(
    center: IdentityCenter, call: Callable[..., HttpResponse | WireFault]
) -> None:
    center.script("RegisterClient", faults.html_page(502), times=2)
    center.script(None, faults.html_page(503))
    center.script("CreateToken", faults.html_page(504))
    center.script("RegisterClient", faults.html_page(500))
    assert answered(call("/token")).status == 503
    assert [answered(call()).status for _ in range(4)] == [502, 502, 500, 200]
    assert [answered(call("/token")).status for _ in range(2)] == [504, 400]


def test_equal_faults_are_used_up_one_after_the_other(
    center: IdentityCenter, call: Callable[..., HttpResponse | WireFault]
) -> None:
    center.script("CreateToken", faults.slow_down())
    center.script("RegisterClient", faults.slow_down())
    center.script("CreateToken", faults.slow_down())
    assert [answered(call()).status for _ in range(2)] == [400, 200]
    slow = [b"slow_down" in answered(call("/token")).body for _ in range(3)]
    assert slow == [True, True, False]


def test_until_cleared(
    center: IdentityCenter, call: Callable[..., HttpResponse | WireFault]
) -> None:
    center.script(None, faults.server_error(), times=None)
    assert {
        answered(call(path)).status for path in ("/token", "/client/register") for _ in range(9)
    } == {500}
    center.clear_script()
    assert answered(call()).status == 200


def test_faults_leave_pages_and_unknown_paths_alone(
    center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    center.script(None, faults.server_error(), times=None)
    assert ask(center, "/device", method="GET").status == 200
    assert ask(center, "/nothing").status == 404


def test_a_refused_cross_site_call_uses_no_fault_up(
    center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    center.script("RegisterClient", faults.server_error())
    other = (("Origin", "https://evil.com"),)
    assert ask(center, "/client/register", REGISTER, headers=other).status == 403
    assert ask(center, "/client/register", REGISTER).status == 500


@pytest.mark.parametrize("times", [0, -1])
def test_a_fault_for_no_call(times: int, center: IdentityCenter) -> None:
    with pytest.raises(ValueError, match="times must be at least 1"):
        center.script(None, faults.slow_down(), times=times)


def test_a_fault_for_no_operation(center: IdentityCenter) -> None:
    name: Any = "NoSuchOperation"
    with pytest.raises(
        ValueError, match="There is no operation 'NoSuchOperation': use one of RegisterClient,"
    ):
        center.script(name, faults.slow_down())


def test_a_fault_of_ones_own(
    center: IdentityCenter, call: Callable[..., HttpResponse | WireFault]
) -> None:
    class Teapot:
        def apply(self, call: faults.Call, /) -> HttpResponse:
            assert call.process().status == 200
            return call.answers.raw(418, "text/plain", b"short and stout", call.wall)

    center.script("RegisterClient", Teapot())
    assert answered(call()).body == b"short and stout"
    assert clients(center) == 1


def test_a_fault_does_not_shift_the_ids_of_others() -> None:
    """With `processed` or without it, the same seed causes the same run."""
    runs = []
    for _ in range(2):
        center = IdentityCenter(entropy=seeded_entropy(1))
        center.script(None, faults.body_cut(1))
        clock = VirtualClock()
        request = HttpRequest("POST", "https://x/client/register", (), REGISTER)
        center.handle(request, clock.now())
        runs.append(answered(center.handle(request, clock.now())).body)
    assert runs[0] == runs[1]
