"""The in-process transports, blocking, in asyncio and in trio: whole logins in virtual time, and faults."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
import trio

from ssooidc_core import (
    AccessDeniedException,
    ClientConfig,
    ConnectionLost,
    DeviceLoginExpired,
    HttpRequest,
    InternalServerException,
    InvalidGrantException,
    RegisterClientRequest,
    SessionExpired,
    Timeout,
    arun,
    register_client,
    run,
)
from ssooidc_core._program import Program
from ssooidc_core.flows.device import poll_for_token, start_device_login
from ssooidc_core.flows.refresh import refresh_token
from ssooidc_core.policies import standard_retry
from ssooidc_emulator import (
    AsyncEmulatorTransport,
    EmulatorTransport,
    IdentityCenter,
    LoggedRequest,
    faults,
)
from ssooidc_transports.testing import VirtualClock

T = TypeVar("T")

CLIENT = RegisterClientRequest(
    client_name="tool", client_type="public", scopes=("sso:account:access",)
)
ONCE = standard_retry(max_attempts=1)


def in_asyncio(function: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        return await function()

    return asyncio.run(main())


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def carry(
    request: pytest.FixtureRequest, center: IdentityCenter, clock: VirtualClock
) -> Callable[..., Any]:
    """Run a program against the center with one kind of transport."""

    def through(
        program: Program[T],
        *,
        asked: IdentityCenter = center,
        config: ClientConfig | None = None,
        retry: bool = False,
    ) -> T:
        policy = None if retry else ONCE
        if request.param == "blocking":
            blocking = EmulatorTransport(asked, config=config, clock=clock)
            return run(program, blocking, policy=policy)
        transport = AsyncEmulatorTransport(asked, config=config, clock=clock)

        async def main() -> T:
            return await arun(program, transport, policy=policy)

        return in_asyncio(main) if request.param == "asyncio" else trio.run(main)

    return through


def login(asked: IdentityCenter) -> Any:  # noqa: ANN401
    return start_device_login(CLIENT, start_url=asked.start_url, region=asked.region)


def decide_at_poll(
    center: IdentityCenter, number: int, decide: Callable[[str], None], clock: VirtualClock
) -> None:
    """Decide the pending login after this poll has been answered."""
    polls = 0

    def seen(entry: LoggedRequest) -> None:
        nonlocal polls
        polls += entry.operation == "CreateToken"
        if entry.operation == "CreateToken" and polls == number:
            (waiting,) = center.pending_logins(clock.now())
            decide(waiting.user_code)

    center.subscribe(seen)


def test_a_whole_login(
    center: IdentityCenter, carry: Callable[..., Any], clock: VirtualClock
) -> None:
    decide_at_poll(center, 3, center.approve, clock)
    pending = carry(login(center))
    token = carry(poll_for_token(pending))
    assert clock.now().monotonic == 4
    assert token.expires_in == 3600
    assert token.access_token.get_secret_value().startswith("aoa")
    clock.advance(3600)
    again = carry(refresh_token(pending.client, token))
    assert again.access_token != token.access_token
    assert again.refresh_token == token.refresh_token
    clock.advance(28800)
    with pytest.raises(SessionExpired):
        carry(refresh_token(pending.client, again))
    assert [(entry.operation, entry.status) for entry in center.log.entries()] == [
        ("RegisterClient", 200),
        ("StartDeviceAuthorization", 200),
        ("CreateToken", 400),
        ("CreateToken", 400),
        ("CreateToken", 400),
        ("CreateToken", 200),
        ("CreateToken", 200),
        ("CreateToken", 400),
    ]


def test_a_denied_login(
    center: IdentityCenter, carry: Callable[..., Any], clock: VirtualClock
) -> None:
    decide_at_poll(center, 1, center.deny, clock)
    with pytest.raises(AccessDeniedException):
        carry(poll_for_token(carry(login(center))))
    assert clock.now().monotonic == 2


def test_a_login_that_nobody_decides(
    center: IdentityCenter, carry: Callable[..., Any], clock: VirtualClock
) -> None:
    with pytest.raises(DeviceLoginExpired):
        carry(poll_for_token(carry(login(center))))
    assert clock.now().monotonic <= 600


def test_an_enforced_interval_suits_the_flow(
    carry: Callable[..., Any], clock: VirtualClock
) -> None:
    center = IdentityCenter(enforce_interval=True)
    center.script("CreateToken", faults.slow_down())
    decide_at_poll(center, 20, center.approve, clock)
    carry(poll_for_token(carry(login(center), asked=center)), asked=center)
    errors = [entry.error for entry in center.log.entries() if entry.operation == "CreateToken"]
    assert errors == ["SlowDownException", *["AuthorizationPendingException"] * 19, None]


def test_faults_are_retried_by_the_standard_policy(
    center: IdentityCenter, carry: Callable[..., Any]
) -> None:
    center.script("RegisterClient", faults.server_error())
    center.script("RegisterClient", faults.connection_reset())
    assert carry(register_client(CLIENT), retry=True).client_id


def test_a_delay_within_the_patience_of_the_client(
    center: IdentityCenter, carry: Callable[..., Any], clock: VirtualClock
) -> None:
    center.script("RegisterClient", faults.delay(5))
    config = ClientConfig(region="us-east-1", read_timeout=10)
    assert carry(register_client(CLIENT), config=config).client_id
    assert clock.now().monotonic == 5


@pytest.mark.parametrize(
    "limits", [{"read_timeout": 10.0}, {"total_timeout": 10.0, "read_timeout": 90.0}]
)
@pytest.mark.parametrize("seconds", [10.5, 1e9, float("inf")])
def test_a_delay_beyond_it(
    seconds: float,
    limits: dict[str, Any],
    center: IdentityCenter,
    carry: Callable[..., Any],
    clock: VirtualClock,
) -> None:
    center.script("RegisterClient", faults.delay(seconds))
    config = ClientConfig(region="us-east-1", **limits)
    with pytest.raises(Timeout, match="did not answer within 10 s") as caught:
        carry(register_client(CLIENT), config=config)
    assert caught.value.may_have_been_sent
    assert clock.now().monotonic == 10


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (faults.connection_reset(), "ConnectionReset"),
        (faults.connection_reset(processed=True), "ConnectionReset"),
        (faults.body_cut(0), "BodyCut"),
        (faults.body_cut(10**9), "BodyCut"),
        (faults.delay(1, faults.connection_reset()), "ConnectionReset"),
        (faults.delay(0, faults.body_cut()), "BodyCut"),
    ],
    ids=["reset", "processed", "cut", "long cut", "late reset", "late cut"],
)
def test_a_lost_connection(
    fault: faults.Fault, name: str, center: IdentityCenter, carry: Callable[..., Any]
) -> None:
    center.script("RegisterClient", fault)
    with pytest.raises(ConnectionLost, match=name) as caught:
        carry(register_client(CLIENT))
    assert caught.value.may_have_been_sent


def test_an_error_answer(center: IdentityCenter, carry: Callable[..., Any]) -> None:
    center.script("RegisterClient", faults.server_error())
    with pytest.raises(InternalServerException) as caught:
        carry(register_client(CLIENT))
    assert caught.value.status == 500


def test_a_token_that_was_lost_on_the_way_is_spent(
    center: IdentityCenter, carry: Callable[..., Any]
) -> None:
    pending = carry(login(center))
    center.approve(pending.user_code)
    center.script("CreateToken", faults.connection_reset(processed=True))
    with pytest.raises(InvalidGrantException):
        carry(poll_for_token(pending))
    assert [(entry.fault, entry.error) for entry in center.log.entries()][2:] == [
        ("ConnectionReset", None),
        (None, "InvalidGrantException"),
    ]


def test_the_config_is_for_the_centers_region() -> None:
    for kind in (EmulatorTransport, AsyncEmulatorTransport):
        transport = kind(IdentityCenter(region="eu-west-1"))
        assert transport.config == ClientConfig(region="eu-west-1")
        assert transport.retry_policy is transport.retry_policy
        assert abs((transport.now().wall - datetime.now(UTC)).total_seconds()) < 3600


def test_without_a_clock_time_is_real(center: IdentityCenter) -> None:
    EmulatorTransport(center).sleep(0)
    in_asyncio(lambda: AsyncEmulatorTransport(center).asleep(0))
    trio.run(AsyncEmulatorTransport(center).asleep, 0)


def test_asking_lets_others_run(center: IdentityCenter, clock: VirtualClock) -> None:
    transport = AsyncEmulatorTransport(center, clock=clock)
    request = HttpRequest("GET", "https://oidc.us-east-1.amazonaws.com/")

    async def cancelled() -> bool:
        with trio.CancelScope() as scope:
            scope.cancel()
            await transport.asend(request)
        return scope.cancelled_caught

    assert trio.run(cancelled)
    assert len(center.log) == 0

    async def task() -> None:
        asking = asyncio.create_task(transport.asend(request))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(task())
    assert len(center.log) == 0


def test_many_threads_at_once(center: IdentityCenter, clock: VirtualClock) -> None:
    transport = EmulatorTransport(center, clock=clock)
    tokens: list[str] = []

    def one() -> None:
        for _ in range(5):
            pending = run(login(center), transport)
            center.approve(pending.user_code)
            token = run(poll_for_token(pending), transport)
            tokens.append(token.access_token.get_secret_value())

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(tokens)) == 40
    assert sorted(entry.number for entry in center.log.entries()) == list(range(1, 121))
