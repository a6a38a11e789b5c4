"""What follows a failed attempt: one sans-I/O object for `run` and `arun`.

A retry policy is a `tenacity.Retrying`, used for its strategies: they are called here in tenacity's own order (retry,
after, wait, stop, before_sleep) on a `RetryCallState` whose times come from the transport's clock. `tenacity` is
imported at the first failure, since importing it costs as much as a whole call.

No token is ever an outcome: tenacity's log helpers print outcomes. A success shows as the result `None`, and what a
retry strategy makes of it is not heeded.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from ssooidc_core._program import Instant, Operation
from ssooidc_core.errors import ConfigurationError

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

__all__ = ["Attempts", "announce", "consult", "plain"]

T = TypeVar("T")


class Attempts:
    """Decides, for one call of one operation, what follows each failed attempt."""

    __slots__ = ("_operation", "_policy", "_started", "_state")

    def __init__(
        self,
        operation: Operation[object, Exception],
        policy: Callable[[], Retrying],
        started: Instant,
    ) -> None:
        """Take a policy that is made when it is first needed."""
        self._operation: Final = operation
        self._policy: Final = policy
        self._started: Final = started
        self._state: RetryCallState | None = None

    def wait_after(self, error: Exception, now: Instant) -> float | None:
        """Give the seconds to wait before the next attempt; `None` means that there is none: raise the error.

        Raises:
            ConfigurationError: a strategy of the policy is asynchronous.
        """
        if not self._operation.may_repeat(error):
            return None
        policy = self._policy()
        state = self._next_state(policy)
        state.set_exception((type(error), error, error.__traceback__))
        # Behind `set_exception`, which writes the real clock.
        state.outcome_timestamp = now.monotonic
        wait = consult(policy, state)
        if wait is not None:
            state.idle_for += wait
            announce(policy, state, wait)
        return wait

    def succeeded(self, now: Instant) -> None:
        """Show the policy a success, which refunds the retry quota."""
        policy = self._policy()
        state = self._next_state(policy)
        state.set_result(None)
        state.outcome_timestamp = now.monotonic
        # The answer is here and may be the only copy of a token: no strategy's failure may lose it.
        with contextlib.suppress(Exception):
            _ = plain(policy.retry(state))

    def _next_state(self, policy: Retrying) -> RetryCallState:
        from ssooidc_core.policies import CallState  # noqa: PLC0415 - imports tenacity

        if self._state is None:
            self._state = CallState(policy, None, (), {})
            self._state.start_time = self._started.monotonic
        else:
            self._state.prepare_for_next_attempt()
        return self._state


def _at_least_nothing(wait: float) -> float:
    # In this order: `max` keeps its first argument where a policy's wait is NaN.
    return max(0.0, float(wait))


def consult(
    policy: Retrying, state: RetryCallState, *, shape: Callable[[float], float] = _at_least_nothing
) -> float | None:
    """Ask a policy about a failure: the seconds to wait, or `None` where it gives up.

    Args:
        policy: whose strategies are asked.
        state: the call, its failure already in it.
        shape: what the wait becomes before `stop` sees it.

    Raises:
        ConfigurationError: a strategy of the policy is asynchronous.
    """
    # tenacity 9.2 can switch a policy off: it then calls once, and asks no strategy.
    if not getattr(policy, "enabled", True) or not plain(policy.retry(state)):
        return None
    if policy.after is not None:
        _ = plain(policy.after(state))
    # Before `stop`: tenacity's stop_before_delay reads it.
    state.upcoming_sleep = shape(plain(policy.wait(state)))
    return None if plain(policy.stop(state)) else state.upcoming_sleep


def announce(policy: Retrying, state: RetryCallState, wait: float) -> None:
    """Call the policy's `before_sleep`, tenacity's hook for logging."""
    if policy.before_sleep is None:
        return
    from tenacity import RetryAction  # noqa: PLC0415 - not before the first failure

    state.next_action = RetryAction(wait)
    _ = plain(policy.before_sleep(state))


def plain(verdict: T) -> T:
    """Return what a strategy said.

    Raises:
        ConfigurationError: it is awaitable; a coroutine is true and would retry for ever.
    """
    if not inspect.isawaitable(verdict):
        return verdict
    if inspect.iscoroutine(verdict):
        verdict.close()
    message = (
        "The retry policy has an asynchronous strategy. Strategies only compute: "
        "use plain functions, which serve run and arun alike"
    )
    raise ConfigurationError(message)
