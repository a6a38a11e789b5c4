"""Policies written by users, alone and combined with those of the package."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest
import tenacity
from tenacity import RetryCallState, Retrying
from tenacity.stop import stop_base

from ssooidc_core import (
    AuthorizationPendingException,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    HttpRequest,
    HttpResponse,
    InvalidClientMetadataException,
    RefreshTokenGrant,
    RegisterClientRequest,
    RegisterClientResponse,
    SecretStr,
    SlowDownException,
    SsoOidcError,
    Timeout,
    UnknownServiceError,
    create_token,
    register_client,
    run,
)
from ssooidc_core.flows.device import PendingDeviceLogin, after_poll, poll_for_token
from ssooidc_core.policies import RetryQuota, device_polling, standard_retry
from ssooidc_transports.testing import ScriptedTransport, error_reply, reply

if TYPE_CHECKING:
    from tests.unit.core.conftest import Drive

CLIENT: Final = RegisterClientResponse(client_id="id", client_secret=SecretStr("canary"))
REGISTER: Final = register_client(RegisterClientRequest(client_name="n", client_type="public"))
REGISTERED: Final = reply(200, {"clientId": "id", "clientSecret": "canary"})
REFUSED: Final = error_reply(InvalidClientMetadataException)
LOGIN: Final = PendingDeviceLogin(
    region="r",
    client=CLIENT,
    device_code=SecretStr("canary"),
    user_code="BCDF",
    verification_uri="u",
    interval=5,
    expires_at=1600,
    next_poll_at=1000,
)


def test_a_policy_says_which_of_the_repeatable_errors_are_repeated(drive: Drive) -> None:
    policy = Retrying(
        retry=tenacity.retry_if_exception_type(ConnectFailed), wait=tenacity.wait_fixed(3)
    )
    transport = ScriptedTransport([ConnectFailed("x"), ConnectFailed("x"), reply(503)])
    with pytest.raises(UnknownServiceError):
        drive(REGISTER, transport, policy=policy)
    assert transport.sleeps == [3, 3]


def test_no_policy_can_have_repeated_what_may_not_be(drive: Drive) -> None:
    """`may_repeat` is asked before any policy; tenacity's own default would repeat everything without end."""
    with pytest.raises(InvalidClientMetadataException):
        drive(REGISTER, ScriptedTransport([REFUSED]), policy=Retrying())
    refresh = create_token(RefreshTokenGrant.of(CLIENT, "canary"))
    with pytest.raises(ConnectionLost):
        drive(refresh, ScriptedTransport([ConnectionLost("x")]), policy=Retrying())


def test_ours_widened_with_or_still_refunds_its_quota(drive: Drive) -> None:
    quota = RetryQuota(100)
    ours = standard_retry(quota=quota, jitter=lambda: 1.0)
    assert isinstance(ours.stop, stop_base)  # tenacity's annotation is wider, and has no `__or__`
    policy = Retrying(
        retry=ours.retry | tenacity.retry_if_exception_message(match="NotImplemented"),
        wait=ours.wait,
        stop=ours.stop | tenacity.stop_after_delay(60),
    )
    not_implemented = reply(501, {}, headers={"x-amzn-ErrorType": "NotImplemented"})
    transport = ScriptedTransport([not_implemented, reply(503), REGISTERED])
    drive(REGISTER, transport, policy=policy)
    assert quota.available == 100 - 14
    assert transport.sleeps == [0.05, 0.1]
    tries = [request.headers["amz-sdk-request"] for request in transport.requests]
    assert tries == ["attempt=1; max=3", "attempt=2; max=3", "attempt=3; max=3"]
    drive(REGISTER, ScriptedTransport([REGISTERED]), policy=policy)
    assert quota.available == 100 - 14 + 1


def test_ours_narrowed_with_and(drive: Drive) -> None:
    ours = standard_retry()
    policy = Retrying(
        retry=ours.retry & tenacity.retry_if_exception_type(Timeout), wait=ours.wait, stop=ours.stop
    )
    with pytest.raises(ConnectionLost):
        drive(REGISTER, ScriptedTransport([Timeout("x"), ConnectionLost("x")]), policy=policy)


def test_a_stop_in_front_of_ours_spares_the_quota(drive: Drive) -> None:
    quota = RetryQuota(100)
    ours = standard_retry(quota=quota)
    assert isinstance(ours.stop, stop_base)
    stop = tenacity.stop_any(tenacity.stop_after_attempt(1), ours.stop)
    policy = Retrying(retry=ours.retry, wait=ours.wait, stop=stop)
    with pytest.raises(UnknownServiceError):
        drive(REGISTER, ScriptedTransport([reply(503)]), policy=policy)
    assert quota.available == 100


def test_the_policy_of_a_call_stands_in_the_place_of_the_transports(drive: Drive) -> None:
    def asked(_: RetryCallState) -> bool:
        raise AssertionError

    transport = ScriptedTransport([reply(503), REGISTERED], retry_policy=Retrying(retry=asked))
    drive(REGISTER, transport, policy=Retrying(wait=tenacity.wait_fixed(1)))
    assert transport.sleeps == [1]


def test_one_policy_serves_many_threads_out_of_one_quota() -> None:
    """Each retry is paid for: 8 threads together send no more than the quota allows."""
    quota = RetryQuota(14 * 25)
    policy = standard_retry(quota=quota, jitter=lambda: 0.0)
    together = threading.Barrier(8)

    def call(_: int) -> int:
        together.wait()
        transport = ScriptedTransport(lambda _: reply(503))
        for _ in range(10):
            with pytest.raises(UnknownServiceError):
                run(REGISTER, transport, policy=policy)
        return len(transport.requests)

    with ThreadPoolExecutor(8) as pool:
        sent = sum(pool.map(call, range(8)))
    assert (sent, quota.available) == (8 * 10 + 25, 0)


def test_calls_under_one_policy_do_not_see_each_other(drive: Drive) -> None:
    """The state of a call is its own: a call that is made during another one starts at 1."""
    policy = Retrying(wait=tenacity.wait_incrementing(1, 1), stop=tenacity.stop_after_attempt(3))
    inner = ScriptedTransport([reply(503), REGISTERED])

    def answer(_: HttpRequest) -> HttpResponse:
        if len(outer.requests) == 2:
            run(REGISTER, inner, policy=policy)
        return reply(503)

    outer = ScriptedTransport(answer)
    with pytest.raises(UnknownServiceError):
        drive(REGISTER, outer, policy=policy)
    assert (outer.sleeps, inner.sleeps) == ([1, 2], [1])


def test_an_error_of_a_strategy_carries_nothing_of_the_request(drive: Drive) -> None:
    def broken(_: RetryCallState) -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as failed:
        drive(REGISTER, ScriptedTransport([reply(503)]), policy=Retrying(wait=broken))
    assert (failed.value.__cause__, failed.value.__context__) == (None, None)


async def later(_: RetryCallState) -> bool:
    return True


@pytest.mark.parametrize("role", ["retry", "after", "wait", "stop", "before_sleep"])
def test_an_asynchronous_strategy_of_a_polling_policy_is_refused(role: str) -> None:
    policy = Retrying(**{role: later})  # type: ignore[arg-type]
    with pytest.raises(
        ConfigurationError, match=r"\AThe retry policy has an asynchronous strategy"
    ):
        after_poll(LOGIN, AuthorizationPendingException.of(), at=1000.0, policy=policy)


def test_a_polling_policy_sees_how_many_polls_there_were_in_all_processes() -> None:
    seen: list[tuple[int, float | None]] = []

    def stop(state: RetryCallState) -> bool:
        seen.append((state.attempt_number, state.seconds_since_start))
        return False

    resumed = LOGIN.model_copy(update={"polls": 7})
    policy = Retrying(stop=stop, wait=tenacity.wait_fixed(6))
    after_poll(resumed, AuthorizationPendingException.of(), at=1010.0, began=1003.0, policy=policy)
    after_poll(resumed, AuthorizationPendingException.of(), at=1010.0, policy=policy)
    assert seen == [(8, 7.0), (8, 0.0)]


def test_stop_before_delay_counts_the_wait_that_polling_makes_of_a_hurried_one() -> None:
    """The policy waits 1 s and the interval makes it 5: `stop` must see 5, or the sleep would exceed the limit."""
    policy = Retrying(wait=tenacity.wait_fixed(1), stop=tenacity.stop_before_delay(4))
    failure: SsoOidcError = AuthorizationPendingException.of()
    assert after_poll(LOGIN, failure, at=1000.0, policy=policy) is failure


def test_a_polling_policy_can_go_on_after_what_ours_ends_at() -> None:
    policy = Retrying(
        retry=device_polling().retry
        | tenacity.retry_if_exception_type(InvalidClientMetadataException),
        wait=device_polling().wait,
    )
    refused = InvalidClientMetadataException.of()
    assert after_poll(LOGIN, refused, at=1000.0) is refused
    after = after_poll(LOGIN, refused, at=1000.0, policy=policy)
    assert after == LOGIN.model_copy(update={"polls": 1, "next_poll_at": 1005.0})


def test_slow_down_counts_for_a_policy_that_does_not_know_of_it() -> None:
    """RFC 8628 section 3.5: the interval MUST be increased by 5 seconds for this and all subsequent requests."""
    policy = Retrying(wait=tenacity.wait_fixed(1))
    after = after_poll(LOGIN, SlowDownException.of(), at=1000.0, policy=policy)
    assert isinstance(after, PendingDeviceLogin)
    assert (after.interval, after.next_poll_at) == (10, 1010.0)


def test_one_polling_policy_serves_many_logins() -> None:
    policy = device_polling()
    first = after_poll(LOGIN, Timeout("x"), at=1000.0, policy=policy)
    second = after_poll(LOGIN, AuthorizationPendingException.of(), at=1000.0, policy=policy)
    assert isinstance(first, PendingDeviceLogin)
    assert isinstance(second, PendingDeviceLogin)
    assert (first.next_poll_at, second.next_poll_at) == (1010.0, 1005.0)


def test_a_transports_policy_has_no_say_in_polling(drive: Drive) -> None:
    def asked(state: RetryCallState) -> bool:
        assert state.outcome is not None
        assert not state.outcome.failed
        return False

    pending = LOGIN.model_copy(update={"expires_at": 2e9, "next_poll_at": 0})
    token = reply(200, {"accessToken": "canary"})
    transport = ScriptedTransport(
        [Timeout("x"), reply(503), token], retry_policy=Retrying(retry=asked)
    )
    drive(poll_for_token(pending), transport)
    assert transport.sleeps == [10, 20]
