"""Strategies see the same call state in our drivers as in tenacity's own loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

import pytest
import tenacity
from tenacity import RetryCallState, Retrying

from ssooidc_core import RegisterClientRequest, UnknownServiceError, register_client
from ssooidc_transports.testing import ScriptedTransport, reply

if TYPE_CHECKING:
    from tests.unit.core.conftest import Drive

REGISTER: Final = register_client(RegisterClientRequest(client_name="n", client_type="public"))
REGISTERED: Final = reply(200, {"clientId": "id", "clientSecret": "canary"})

T = TypeVar("T")
Strategy = Callable[[RetryCallState], T]


def observed(policy: Retrying) -> tuple[Retrying, list[object]]:
    """Copy a policy so that its strategies record everything that they see of the call."""
    seen: list[object] = []

    def noting(name: str, strategy: Strategy[T]) -> Strategy[T]:
        def strategy_that_notes(state: RetryCallState) -> T:
            assert state.outcome is not None
            failed = state.outcome.exception()
            seen.append(
                (
                    name,
                    state.attempt_number,
                    state.outcome.attempt_number,
                    None if failed is None else type(failed).__name__,
                    state.idle_for,
                    state.upcoming_sleep,
                    None if state.next_action is None else state.next_action.sleep,
                )
            )
            return strategy(state)

        return strategy_that_notes

    noted = Retrying(
        retry=noting("retry", policy.retry),
        after=noting("after", policy.after),
        wait=noting("wait", policy.wait),
        stop=noting("stop", policy.stop),
        before_sleep=noting("before_sleep", policy.before_sleep or (lambda _: None)),
        sleep=lambda _: None,
        reraise=True,
    )
    return noted, seen


POLICIES: Final[dict[str, Callable[[], Retrying]]] = {
    "attempts": lambda: Retrying(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_fixed(2)),
    "growing": lambda: Retrying(
        stop=tenacity.stop_after_attempt(6), wait=tenacity.wait_exponential(multiplier=0.5, max=4)
    ),
    "chain": lambda: Retrying(
        stop=tenacity.stop_any(tenacity.stop_after_attempt(5), tenacity.stop_never),
        wait=tenacity.wait_chain(tenacity.wait_fixed(1), tenacity.wait_fixed(3)),
    ),
    "sum": lambda: Retrying(
        stop=tenacity.stop_after_attempt(4) | tenacity.stop_never,
        wait=tenacity.wait_incrementing(1, 1) + tenacity.wait_fixed(0.5),
    ),
    "never": lambda: Retrying(retry=tenacity.retry_never),
    "either": lambda: Retrying(
        retry=tenacity.retry_if_exception_type(UnknownServiceError)
        | tenacity.retry_if_exception_type(ZeroDivisionError),
        stop=tenacity.stop_after_attempt(3) & tenacity.stop_after_attempt(2),
    ),
    "both": lambda: Retrying(
        retry=tenacity.retry_if_exception_type(UnknownServiceError)
        & tenacity.retry_if_exception_message(match="503"),
        stop=tenacity.stop_after_attempt(3),
    ),
}


@pytest.mark.parametrize("failures", [0, 1, 2, 9])
@pytest.mark.parametrize("name", POLICIES)
def test_strategies_see_what_tenacity_shows_them(drive: Drive, name: str, failures: int) -> None:
    replies = [reply(503)] * failures + [REGISTERED]
    ours, seen = observed(POLICIES[name]())
    transport = ScriptedTransport(replies)
    with_us = "answer"
    try:
        drive(REGISTER, transport, policy=ours)
    except UnknownServiceError as error:
        with_us = str(error)

    theirs, expected = observed(POLICIES[name]())
    waits: list[float] = []
    theirs.sleep = waits.append
    left = iter(replies)

    def call() -> str:
        _ = REGISTER.parse(next(left))
        return "answer"

    try:
        with_them = theirs(call)
    except UnknownServiceError as error:
        with_them = str(error)

    assert with_us == with_them
    assert seen == expected
    assert transport.sleeps == waits
