"""A flow, an operation and a policy are values that many threads and tasks may use at the same time."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest
import tenacity
import trio
from tenacity import Retrying

from ssooidc_core import (
    AuthorizationPendingException,
    ClientConfig,
    ConfigurationError,
    Credentials,
    HttpRequest,
    HttpResponse,
    JwtBearerGrant,
    RegisterClientResponse,
    SecretStr,
    SlowDownException,
    aattempt,
    arun,
    attempt,
    create_token_with_iam,
    run,
)
from ssooidc_core.flows.device import PendingDeviceLogin, after_poll, poll_for_token
from ssooidc_core.policies import device_polling, max_attempts_of, standard_retry
from ssooidc_transports.testing import ScriptedTransport, error_reply, reply

if TYPE_CHECKING:
    from tests.unit.core.conftest import Drive

PENDING: Final = error_reply(AuthorizationPendingException)
SLOW_DOWN: Final = error_reply(SlowDownException)
TOKEN: Final = reply(200, {"accessToken": "canary"})
REPLIES: Final = [PENDING, SLOW_DOWN, reply(502), PENDING, TOKEN]
WAITS: Final = [5, 5, 10, 20, 10]
BEGUN: Final = ScriptedTransport([]).now().wall.timestamp()
LOGIN: Final = PendingDeviceLogin(
    region="r",
    client=RegisterClientResponse(client_id="id", client_secret=SecretStr("canary")),
    device_code=SecretStr("canary"),
    user_code="BCDF",
    verification_uri="u",
    interval=5,
    expires_at=BEGUN + 600,
    next_poll_at=BEGUN + 5,
)
FLOW: Final = poll_for_token(LOGIN, device_polling())
JWT: Final = create_token_with_iam(JwtBearerGrant.of("arn", assertion="a"))


def test_one_flow_runs_in_many_threads_at_once() -> None:
    together = threading.Barrier(8)

    def poll(_: int) -> list[float]:
        transport = ScriptedTransport(REPLIES)
        together.wait()
        run(FLOW, transport)
        return transport.sleeps

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(poll, range(8))) == [WAITS] * 8


def test_one_flow_runs_in_many_tasks_at_once() -> None:
    async def in_asyncio() -> None:
        await asyncio.gather(*(arun(FLOW, transport) for transport in transports[:8]))

    async def in_trio() -> None:
        async with trio.open_nursery() as nursery:
            for transport in transports[8:]:
                nursery.start_soon(arun, FLOW, transport)

    transports = [ScriptedTransport(REPLIES) for _ in range(16)]
    asyncio.run(in_asyncio())
    trio.run(in_trio)
    assert [transport.sleeps for transport in transports] == [WAITS] * 16


def test_run_serves_inside_an_event_loop_and_inside_another_run() -> None:
    """A run has no global state: neither the loop nor the thread."""

    def answer(_: HttpRequest) -> HttpResponse:
        run(FLOW, ScriptedTransport(REPLIES))
        return TOKEN

    async def main() -> list[float]:
        transport = ScriptedTransport(answer)
        run(FLOW, transport)
        await arun(FLOW, transport)
        return transport.sleeps

    assert asyncio.run(main()) == [5]


def test_a_polling_policy_that_is_switched_off_polls_once() -> None:
    """Under tenacity 9.2, the user's own call would also be made once."""
    policy = device_polling()
    setattr(policy, "enabled", False)  # noqa: B010 - tenacity 8.3 has no such attribute
    failure = AuthorizationPendingException.of()
    assert after_poll(LOGIN, failure, at=BEGUN + 5, policy=policy) is failure
    assert isinstance(after_poll(LOGIN, failure, at=BEGUN + 5), PendingDeviceLogin)


def test_how_many_attempts_a_policy_allows() -> None:
    assert max_attempts_of(standard_retry()) == 3
    both = tenacity.stop_all(tenacity.stop_after_attempt(2), tenacity.stop_after_delay(9))
    assert max_attempts_of(Retrying(stop=both)) is None
    off = standard_retry(max_attempts=9)
    setattr(off, "enabled", False)  # noqa: B010 - tenacity 8.3 has no such attribute
    assert max_attempts_of(off) == 1


def test_without_a_region_nothing_is_signed_or_sent(drive: Drive) -> None:
    config = ClientConfig(
        endpoint_url="https://localhost", credentials=Credentials.of("AKID", "canary")
    )
    transport = ScriptedTransport([], config=config)
    with pytest.raises(ConfigurationError, match=r"\AInvalid Configuration: Missing Region\Z"):
        drive(JWT, transport)
    assert transport.events == []


def test_attempt_obeys_the_policy_it_is_given() -> None:
    async def main() -> None:
        await aattempt(JWT, transport, policy=policy)

    policy = Retrying(wait=tenacity.wait_fixed(3), stop=tenacity.stop_after_attempt(2))
    config = ClientConfig(region="us-east-1", credentials=Credentials.of("AKID", "canary"))
    transport = ScriptedTransport([reply(429), TOKEN] * 3, config=config)
    attempt(JWT, transport, policy=policy)
    asyncio.run(main())
    trio.run(main)
    assert transport.sleeps == [3, 3, 3]
    transport.assert_exhausted()
