"""Retry policies with the real drivers, in virtual time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

import pytest
import tenacity
from tenacity import RetryCallState, Retrying

from ssooidc_core import (
    AuthorizationPendingException,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    RefreshTokenGrant,
    RegisterClientRequest,
    RegisterClientResponse,
    ResponseTooLarge,
    SecretStr,
    SlowDownException,
    Timeout,
    TransportError,
    UnknownServiceError,
    create_token,
    register_client,
    run,
)
from ssooidc_core._attempts import plain
from ssooidc_core.flows.device import PendingDeviceLogin, after_poll, poll_for_token
from ssooidc_core.policies import (
    CallState,
    RetryQuota,
    device_polling,
    max_attempts_of,
    standard_retry,
)
from ssooidc_transports.testing import ScriptedTransport, error_reply, reply

if TYPE_CHECKING:
    from tests.unit.core.conftest import Drive

CLIENT: Final = RegisterClientResponse(client_id="id", client_secret=SecretStr("canary"))
REGISTER: Final = register_client(RegisterClientRequest(client_name="n", client_type="public"))
REFRESH: Final = create_token(RefreshTokenGrant.of(CLIENT, "canary"))
REGISTERED: Final = reply(200, {"clientId": "id", "clientSecret": "canary"})
TOKEN: Final = reply(200, {"accessToken": "canary"})
PENDING: Final = error_reply(AuthorizationPendingException)

T = TypeVar("T")


def test_a_wait_is_jittered_and_grows_to_its_limit() -> None:
    policy = standard_retry(max_attempts=12, jitter=lambda: 0.5, max_backoff=20)
    transport = ScriptedTransport([reply(500)] * 12)
    with pytest.raises(UnknownServiceError):
        run(REGISTER, transport, policy=policy)
    assert transport.sleeps == [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]


def test_the_exponent_of_a_wait_does_not_overflow() -> None:
    state = CallState(standard_retry(), None, (), {})
    state.attempt_number = 10_000
    state.set_exception((Timeout, Timeout("x"), None))
    assert standard_retry(jitter=lambda: 1.0).wait(state) == 20.0


def test_a_transport_keeps_one_quota_that_calls_exhaust_together() -> None:
    transport = ScriptedTransport(lambda _: reply(503))
    sent = []
    for _ in range(40):
        before = len(transport.requests)
        with pytest.raises(UnknownServiceError):
            run(REGISTER, transport)
        sent.append(len(transport.requests) - before)
    # 500 pays for 35 retries at 14 each: 17 calls with two, one with one.
    assert sent == [3] * 17 + [2] + [1] * 22


def test_a_success_earns_one_and_a_retried_success_gets_its_last_cost_back(drive: Drive) -> None:
    quota = RetryQuota(100)
    policy = standard_retry(quota=quota, jitter=lambda: 0.0)
    assert quota.charge(50)
    drive(REGISTER, ScriptedTransport([REGISTERED]), policy=policy)
    assert quota.available == 51
    drive(REGISTER, ScriptedTransport([reply(500), reply(500), REGISTERED]), policy=policy)
    assert quota.available == 51 - 14
    drive(REGISTER, ScriptedTransport([reply(429), REGISTERED]), policy=policy)
    assert quota.available == 51 - 14
    assert quota.charge(-1000 + 37 + 63)  # up to the capacity
    quota.refund(1000)
    drive(REGISTER, ScriptedTransport([REGISTERED]), policy=policy)
    assert quota.available == 100


def test_the_quota_is_safe_under_threads() -> None:
    quota = RetryQuota(1000)
    taken: list[bool] = []

    def take() -> None:
        taken.extend([quota.charge(1) for _ in range(300)])

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (taken.count(True), quota.available) == (1000, 0)


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (ConnectFailed("x"), True),
        (ConnectionLost("x"), True),
        (Timeout("x"), True),
        (TransportError("x"), True),
        (ResponseTooLarge("x"), False),
        (UnknownServiceError(code="x", status=501), False),
        (UnknownServiceError(code="RequestTimeout", status=400), True),
        (UnknownServiceError(code="x", status=429), True),
        (SlowDownException.of(status=429), False),
        (AuthorizationPendingException.of(status=500), False),
        (ValueError("x"), False),
    ],
    ids=lambda value: getattr(value, "code", type(value).__name__) if value is not True else "",
)
def test_what_standard_retry_takes_for_transient(error: Exception, *, retried: bool) -> None:
    state = CallState(standard_retry(), None, (), {})
    state.set_exception((type(error), error, None))
    assert standard_retry().retry(state) is retried


def test_standard_retry_serves_a_plain_tenacity_state_too() -> None:
    policy = standard_retry(quota=RetryQuota(14))
    state = RetryCallState(policy, None, (), {})
    state.set_exception((Timeout, Timeout("x"), None))
    assert (policy.stop(state), policy.stop(state)) == (False, True)
    state.set_result(None)
    assert policy.retry(state) is False
    assert RetryCallState(policy, None, (), {}).outcome is None
    assert policy.retry(RetryCallState(policy, None, (), {})) is False


@pytest.mark.parametrize(
    ("stop", "known"),
    [
        (tenacity.stop_after_attempt(5), 5),
        (tenacity.stop_after_attempt(5) | tenacity.stop_after_delay(9), 5),
        (tenacity.stop_any(tenacity.stop_after_attempt(5), tenacity.stop_after_attempt(4)), 4),
        (tenacity.stop_after_delay(9), None),
        (tenacity.stop_any(tenacity.stop_after_delay(9)), None),
        (lambda _: True, None),
    ],
    ids=["attempts", "or", "any", "delay", "any delay", "function"],
)
def test_the_number_of_attempts_is_known_where_a_policy_says_it_plainly(
    drive: Drive, stop: Callable[[RetryCallState], bool], known: int | None
) -> None:
    policy = Retrying(stop=stop)
    assert max_attempts_of(policy) == known
    transport = ScriptedTransport([REGISTERED])
    drive(REGISTER, transport, policy=policy)
    expected = "attempt=1" if known is None else f"attempt=1; max={known}"
    assert transport.requests[0].headers["amz-sdk-request"] == expected


def test_the_order_in_which_strategies_are_asked(drive: Drive) -> None:
    asked: list[str] = []

    def note(name: str, verdict: T) -> Callable[[RetryCallState], T]:
        def strategy(state: RetryCallState) -> T:
            asked.append(f"{name} {state.attempt_number} {state.upcoming_sleep:g}")
            return verdict

        return strategy

    policy = Retrying(
        retry=note("retry", verdict=True),
        after=note("after", None),
        wait=note("wait", 3),
        stop=note("stop", verdict=False),
        before_sleep=note("before_sleep", None),
    )
    transport = ScriptedTransport([reply(500), REGISTERED])
    drive(REGISTER, transport, policy=policy)
    assert asked == [
        "retry 1 0",
        "after 1 0",
        "wait 1 0",
        "stop 1 3",
        "before_sleep 1 3",
        "retry 2 3",
    ]
    assert transport.sleeps == [3]


def test_a_policy_may_have_no_hooks_at_all(drive: Drive) -> None:
    policy = Retrying(wait=tenacity.wait_fixed(2), stop=tenacity.stop_after_attempt(2))
    policy.after = None  # type: ignore[assignment]
    transport = ScriptedTransport([reply(500), REGISTERED])
    drive(REGISTER, transport, policy=policy)
    assert transport.sleeps == [2]


def test_tenacitys_log_helpers_show_no_token(
    drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("test.policies")
    caplog.set_level(logging.DEBUG)
    policy = Retrying(
        retry=tenacity.retry_if_exception_type(ConnectFailed),
        wait=tenacity.wait_fixed(1),
        after=tenacity.after_log(logger, logging.DEBUG),
        before_sleep=tenacity.before_sleep_log(logger, logging.DEBUG),
    )
    drive(REFRESH, ScriptedTransport([ConnectFailed("no route"), TOKEN]), policy=policy)
    assert "ConnectFailed: no route" in caplog.text
    assert "canary" not in caplog.text
    assert [record.name for record in caplog.records].count("test.policies") == 2


def test_strategies_count_virtual_time(drive: Drive) -> None:
    for stop, sent in ((tenacity.stop_after_delay(25), 4), (tenacity.stop_before_delay(25), 3)):
        policy = Retrying(stop=stop, wait=tenacity.wait_fixed(10))
        transport = ScriptedTransport(lambda _: reply(500))
        with pytest.raises(UnknownServiceError):
            drive(REGISTER, transport, policy=policy)
        assert len(transport.requests) == sent


def test_the_time_spent_idle_adds_up(drive: Drive) -> None:
    seen: list[float] = []

    def stop(state: RetryCallState) -> bool:
        seen.append(state.idle_for)
        return state.attempt_number == 3

    policy = Retrying(stop=stop, wait=tenacity.wait_fixed(4))
    with pytest.raises(UnknownServiceError):
        drive(REGISTER, ScriptedTransport([reply(500)] * 3), policy=policy)
    assert seen == [0, 4, 8]


def test_a_result_predicate_sees_none_and_has_no_say(drive: Drive) -> None:
    seen: list[object] = []

    def again(result: object) -> bool:
        seen.append(result)
        return True

    policy = Retrying(retry=tenacity.retry_if_result(again))
    assert drive(REFRESH, ScriptedTransport([TOKEN]), policy=policy).access_token
    assert seen == [None]


def test_a_strategy_that_fails_after_a_success_does_not_lose_the_token(drive: Drive) -> None:
    def broken(_: RetryCallState) -> bool:
        raise ZeroDivisionError

    token = drive(REFRESH, ScriptedTransport([TOKEN]), policy=Retrying(retry=broken))
    assert token.access_token.get_secret_value() == "canary"
    with pytest.raises(ZeroDivisionError):
        drive(REGISTER, ScriptedTransport([reply(500)]), policy=Retrying(retry=broken))


async def later(_: RetryCallState) -> bool:
    return True


class Later:
    """An awaitable that is not a coroutine."""

    def __call__(self, _: RetryCallState) -> Awaitable[bool]:
        return self  # type: ignore[return-value]

    def __await__(self) -> None:
        raise AssertionError


@pytest.mark.parametrize("strategy", [later, Later()], ids=["coroutine", "awaitable"])
@pytest.mark.parametrize("role", ["retry", "after", "wait", "stop", "before_sleep"])
def test_an_asynchronous_strategy_is_refused(drive: Drive, role: str, strategy: object) -> None:
    policy = Retrying(**{role: strategy})  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError) as refused:
        drive(REGISTER, ScriptedTransport([reply(500)]), policy=policy)
    assert str(refused.value) == (
        "The retry policy has an asynchronous strategy. Strategies only compute: "
        "use plain functions, which serve run and arun alike"
    )


def test_plain_gives_back_what_is_plain() -> None:
    assert (plain(verdict=True), plain(3)) == (True, 3)


def test_a_success_without_a_failure_is_one_for_the_policy_too(drive: Drive) -> None:
    quota = RetryQuota(10)
    assert quota.charge(5)
    drive(REGISTER, ScriptedTransport([REGISTERED]), policy=standard_retry(quota=quota))
    assert quota.available == 6


def pending(**changes: object) -> PendingDeviceLogin:
    login = PendingDeviceLogin(
        region="r",
        client=CLIENT,
        device_code=SecretStr("canary"),
        user_code="BCDF",
        verification_uri="u",
        interval=5,
        expires_at=1600,
        next_poll_at=1005,
    )
    return login.model_copy(update=changes)


def polled(
    failure: Exception, policy: Retrying | None = None, **changes: object
) -> PendingDeviceLogin | Exception:
    return after_poll(pending(**changes), failure, at=1005.0, policy=policy)


def test_after_a_poll_the_login_is_a_new_value() -> None:
    assert polled(AuthorizationPendingException.of()) == pending(polls=1, next_poll_at=1010)
    assert polled(SlowDownException.of(), polls=3, failed_polls=2) == pending(
        interval=10, polls=4, next_poll_at=1015
    )
    assert polled(Timeout("x"), failed_polls=1) == pending(
        polls=1, failed_polls=2, next_poll_at=1025
    )


@pytest.mark.parametrize(("wanted", "waited"), [(0.1, 5), (7, 7), (1000, 60)])
def test_a_policy_may_slow_polling_down_but_never_hurry_it(wanted: float, waited: float) -> None:
    policy = Retrying(wait=tenacity.wait_fixed(wanted))
    after = polled(AuthorizationPendingException.of(), policy)
    assert isinstance(after, PendingDeviceLogin)
    assert after.next_poll_at == 1005 + waited


def test_a_policy_that_gives_up_ends_the_login_with_the_last_failure() -> None:
    policy = Retrying(stop=tenacity.stop_after_attempt(3))
    refused = AuthorizationPendingException.of()
    assert polled(refused, policy, polls=2) is refused
    assert polled(refused, Retrying(retry=tenacity.retry_never)) is refused


def test_a_polling_policy_counts_from_the_begin_of_the_polling() -> None:
    policy = Retrying(stop=tenacity.stop_after_delay(12), wait=tenacity.wait_fixed(1))
    transport = ScriptedTransport([PENDING] * 9)
    transport.clock.set_wall(datetime.fromtimestamp(1000, UTC))
    with pytest.raises(AuthorizationPendingException):
        run(poll_for_token(pending(), policy), transport)
    assert len(transport.requests) == 3


def test_a_polling_policys_hook_sees_each_wait() -> None:
    seen: list[float] = []

    def before_sleep(state: RetryCallState) -> None:
        assert state.next_action is not None
        seen.append(state.next_action.sleep)

    polling = device_polling()
    polling.before_sleep = before_sleep
    assert isinstance(polled(SlowDownException.of(), polling), PendingDeviceLogin)
    assert seen == [10]


def test_device_polling_serves_a_plain_tenacity_state_too() -> None:
    policy = device_polling()
    state = RetryCallState(policy, None, (), {})
    state.set_exception((Timeout, Timeout("x"), None))
    assert (policy.retry(state), policy.wait(state)) == (True, 5.0)
    state.set_result(None)
    assert policy.retry(state) is False


def test_a_request_that_did_not_come_through_whole_is_sent_again(drive: Drive) -> None:
    broken = reply(400, {}, headers={"x-amzn-ErrorType": "RequestTimeoutException"})
    transport = ScriptedTransport([broken, REGISTERED])
    assert drive(REGISTER, transport).client_id == "id"


def test_a_wait_that_is_no_number_or_negative_is_none(drive: Drive) -> None:
    for wait in (float("nan"), -1.0):
        policy = Retrying(wait=tenacity.wait_fixed(wait))
        transport = ScriptedTransport([reply(500), REGISTERED])
        drive(REGISTER, transport, policy=policy)
        assert transport.sleeps == [0.0]


def test_a_policy_of_no_attempts_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"\Amax_attempts must be at least 1, not 0\Z"):
        standard_retry(max_attempts=0)
