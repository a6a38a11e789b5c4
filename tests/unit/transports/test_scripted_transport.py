from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import repeat
from typing import cast

import pytest
import trio

from ssooidc_core import (
    ClientConfig,
    ConfigurationError,
    HttpRequest,
    HttpResponse,
    InternalServerException,
    InvalidClientException,
    InvalidGrantException,
    Program,
    RefreshTokenGrant,
    RegisterClientRequest,
    SecretStr,
    ServiceError,
    Sleep,
    Steps,
    TransportError,
    arun,
    create_token,
    flow,
    register_client,
    run,
)
from ssooidc_core.policies import standard_retry
from ssooidc_core.portal import (
    ListAccountsRequest,
    ResourceNotFoundException,
    TooManyRequestsException,
    UnauthorizedException,
    list_accounts,
)
from ssooidc_transports.testing import (
    OutOfReplies,
    ScriptedTransport,
    Sent,
    Slept,
    VirtualClock,
    error_reply,
    reply,
)

FIRST = HttpRequest("POST", "https://example.com/a?code=canary", (), b"canary")
SECOND = HttpRequest("GET", "https://example.com/b")
GRANT = RefreshTokenGrant(
    client_id="id", client_secret=SecretStr("secret"), refresh_token=SecretStr("refresh")
)
REGISTERED = {
    "clientId": "id",
    "clientSecret": "secret",
    "clientIdIssuedAt": 1,
    "clientSecretExpiresAt": 2,
}
REGISTER = RegisterClientRequest(client_name="tool", client_type="public")


def test_replies_come_in_order_and_requests_are_kept() -> None:
    failure = TransportError("lost")
    transport = ScriptedTransport([HttpResponse(200), failure])
    assert transport.config == ClientConfig(region="us-east-1")
    assert transport.send(FIRST) == HttpResponse(200)
    with pytest.raises(TransportError) as raised:
        transport.send(SECOND)
    assert raised.value is failure
    assert transport.requests == [FIRST, SECOND]
    transport.assert_exhausted()


def test_a_cancellation_can_be_a_reply() -> None:
    with pytest.raises(KeyboardInterrupt):
        ScriptedTransport([KeyboardInterrupt()]).send(FIRST)


@pytest.mark.parametrize(
    ("used", "said"),
    [(0, "0 replies were used"), (1, "1 reply was used"), (2, "2 replies were used")],
)
def test_running_dry_names_the_request_without_its_secrets(used: int, said: str) -> None:
    transport = ScriptedTransport([HttpResponse(200)] * used)
    for _ in range(used):
        transport.send(SECOND)
    with pytest.raises(OutOfReplies) as raised:
        transport.send(FIRST)
    assert str(raised.value) == (
        "No reply is left for HttpRequest('POST', 'https://example.com/a?**********', Headers({}), "
        f"body=<6 bytes>): {said}"
    )
    assert transport.requests[-1] is FIRST


@flow
def swallows_everything() -> Steps[str]:
    try:
        yield from register_client(REGISTER)
    except Exception:  # noqa: BLE001 - what a careless flow does
        return "swallowed"
    return "answered"


def test_no_flow_can_swallow_running_dry() -> None:
    assert not issubclass(OutOfReplies, Exception)
    with pytest.raises(OutOfReplies):
        run(swallows_everything(), ScriptedTransport([]))
    with pytest.raises(OutOfReplies):
        asyncio.run(arun(swallows_everything(), ScriptedTransport([])))
    with pytest.raises(OutOfReplies):
        trio.run(lambda: arun(swallows_everything(), ScriptedTransport([])))
    assert run(swallows_everything(), ScriptedTransport([TransportError("x")] * 3)) == "swallowed"


def test_a_function_answers_any_number() -> None:
    def handle(request: HttpRequest) -> HttpResponse:
        if request.method == "GET":
            message = "no GET"
            raise TransportError(message)
        return HttpResponse(201)

    transport = ScriptedTransport(handle)
    assert transport.send(FIRST) == transport.send(FIRST) == HttpResponse(201)
    with pytest.raises(TransportError, match=r"^no GET$"):
        transport.send(SECOND)
    assert transport.requests == [FIRST, FIRST, SECOND]
    transport.assert_exhausted()


def test_an_endless_iterator_is_asked_one_by_one() -> None:
    transport = ScriptedTransport(repeat(HttpResponse(200)))
    assert transport.send(FIRST) == HttpResponse(200)
    with pytest.raises(AssertionError):
        transport.assert_exhausted()


def test_an_iterator_may_look_at_the_transport() -> None:
    def script() -> Iterator[HttpResponse]:
        yield HttpResponse(200, (), transport.requests[-1].body)

    transport = ScriptedTransport(script())
    assert transport.send(FIRST).body == b"canary"


def test_replies_that_are_left_are_named() -> None:
    transport = ScriptedTransport([HttpResponse(200), HttpResponse(201)])
    transport.send(FIRST)
    for _ in range(2):
        with pytest.raises(AssertionError) as raised:
            transport.assert_exhausted()
        assert str(raised.value) == (
            f"Replies are left: 1 reply was used, {HttpResponse(201)!r} is next"
        )
    assert transport.send(SECOND) == HttpResponse(201)
    transport.assert_exhausted()


def test_sleeping_moves_the_clock_and_nothing_else() -> None:
    clock = VirtualClock()
    clock.advance(100)
    transport = ScriptedTransport([HttpResponse(200)] * 2, clock=clock)
    transport.send(FIRST)
    transport.sleep(5)
    transport.send(SECOND)
    assert transport.now() is not None
    assert transport.now().monotonic == 105.0
    assert transport.now().wall == datetime(2026, 1, 1, 0, 1, 45, tzinfo=UTC)
    assert transport.sleeps == [5]
    assert transport.events == [
        Sent(0.0, "POST", "https://example.com/a?code=canary", b"canary"),
        Slept(0.0, 5),
        Sent(5.0, "GET", "https://example.com/b", b""),
    ]
    assert "body" not in repr(transport.events[0])


def retried() -> ScriptedTransport:
    return ScriptedTransport(
        [TransportError("lost"), error_reply(InternalServerException), reply(200, REGISTERED)],
        retry_policy=standard_retry(jitter=lambda: 1.0),
    )


def test_every_driver_leaves_the_same_events() -> None:
    transports = [retried(), retried(), retried()]
    operation = register_client(REGISTER)
    assert run(operation, transports[0]).client_id == "id"
    assert asyncio.run(arun(operation, transports[1])).client_id == "id"
    assert trio.run(lambda: arun(operation, transports[2])).client_id == "id"
    assert transports[0].sleeps == [0.05, 0.1]
    assert len(transports[0].events) == 5
    assert transports[0].events == transports[1].events == transports[2].events


def test_asynchronous_tasks_get_their_turn() -> None:
    order: list[str] = []

    async def ask(name: str, transport: ScriptedTransport) -> None:
        order.append(f"{name} asks")
        await transport.asend(FIRST)
        order.append(f"{name} sleeps")
        await transport.asleep(1)
        order.append(f"{name} ends")

    async def both() -> None:
        transport = ScriptedTransport(repeat(HttpResponse(200)))
        async with asyncio.TaskGroup() as group:
            group.create_task(ask("one", transport))
            group.create_task(ask("two", transport))
        assert transport.now().monotonic == 2.0

    asyncio.run(both())
    assert order == ["one asks", "two asks", "one sleeps", "two sleeps", "one ends", "two ends"]


def test_a_cancelled_task_sends_nothing() -> None:
    transport = ScriptedTransport([HttpResponse(200)])

    async def cancelled() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await arun(register_client(REGISTER), transport)

    trio.run(cancelled)
    assert transport.requests == []


def test_closed_is_closed() -> None:
    with ScriptedTransport([HttpResponse(200)]) as transport:
        pass
    with pytest.raises(ConfigurationError, match=r"^This ScriptedTransport was closed"):
        transport.send(FIRST)


def test_the_clock_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock()
    assert clock.now() == (datetime(2026, 1, 1, tzinfo=UTC), 0.0)
    assert clock.now() == clock.now()
    clock.advance(0.25)
    assert clock.now() == (datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC), 0.25)


def test_the_wall_clock_can_jump_alone() -> None:
    clock = VirtualClock(datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now().wall.tzinfo is UTC
    assert clock.now().wall == datetime(2030, 1, 1, tzinfo=UTC)
    clock.advance(3)
    clock.set_wall(datetime(2020, 1, 1, tzinfo=UTC))
    assert clock.now() == (datetime(2020, 1, 1, tzinfo=UTC), 3.0)


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_the_clock_does_not_go_back(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"^The seconds must be 0 or more: "):
        VirtualClock().advance(seconds)


def test_a_time_needs_a_time_zone() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - what is refused
    with pytest.raises(ValueError, match=r"^The time needs a time zone: datetime\.datetime\("):
        VirtualClock(naive)
    with pytest.raises(ValueError, match=r"^The time needs a time zone: datetime\.datetime\("):
        VirtualClock().set_wall(naive)


def test_reply_has_the_services_form() -> None:
    answer = reply(200, {"a": [1, None]}, headers={"X": "y"})
    assert answer.status == 200
    assert answer.body == b'{"a":[1,null]}'
    assert answer.headers.fields == (
        ("X", "y"),
        ("Content-Type", "application/json"),
        ("x-amzn-RequestId", "00000000-0000-4000-8000-000000000000"),
    )
    assert reply(200).body == b""


def test_error_reply_has_the_services_form() -> None:
    answer = error_reply(InvalidGrantException, "Invalid refresh token provided")
    # Verbatim from a public record of the real service: aws/aws-cli#8561.
    assert answer.body == (
        b'{"error":"invalid_grant","error_description":"Invalid refresh token provided"}'
    )
    assert answer.status == 400
    assert answer.headers["x-amzn-ErrorType"] == (
        "InvalidGrantException:http://internal.amazon.com/coral/com.amazonaws.sso.oidc/"
    )


@pytest.mark.parametrize(
    ("error_type", "status"),
    [
        (InvalidGrantException, 400),
        (InvalidClientException, 401),
        (InternalServerException, 500),
        (UnauthorizedException, 401),
        (ResourceNotFoundException, 404),
        (TooManyRequestsException, 429),
    ],
)
def test_error_reply_is_read_back(error_type: type[ServiceError], status: int) -> None:
    transport = ScriptedTransport(lambda _: error_reply(error_type, "said"))
    portal = list_accounts(ListAccountsRequest(access_token=SecretStr("t")))
    operation = portal if error_type.oauth_error is None else create_token(GRANT)
    with pytest.raises(error_type) as raised:
        run(cast("Program[object]", operation), transport)
    assert type(raised.value) is error_type
    assert raised.value.status == status
    assert (raised.value.error_description or raised.value.message) == "said"


def test_error_reply_can_have_another_status() -> None:
    assert error_reply(InvalidGrantException, status=418).status == 418
    assert json.loads(error_reply(InvalidGrantException).body) == {
        "error": "invalid_grant",
        "error_description": None,
    }


def test_sleep_is_an_operation_of_the_flow() -> None:
    transport = ScriptedTransport([])
    run(Sleep(7), transport)
    assert transport.sleeps == [7]
