"""What follows an attempt of an operation: one object without I/O, used by `run` and `arun`.

A retry policy is a `tenacity.Retrying`, used for its strategies. They are called here in tenacity's own order (retry,
after, wait, stop, before_sleep) on a `RetryCallState` whose times come from the transport's clock. `tenacity` is
imported at the first failure, because importing it costs as much as a whole call.

A token is never an outcome, because tenacity's log helpers print outcomes. A success is shown as the result `None`, and
what a retry strategy returns for it is ignored.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from ssooidc_core._config import ClientConfig
from ssooidc_core._debug_log import DebugLog, debug_log
from ssooidc_core._http import HttpRequest, without_query
from ssooidc_core._interruptions import without_frames
from ssooidc_core._program import Instant, Operation
from ssooidc_core._sigv4 import Credentials
from ssooidc_core.errors import ConfigurationError, ServiceError, TransportError

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

__all__ = ["Attempts", "Clocked", "announce", "consult", "plain"]

T = TypeVar("T")


class Clocked(Protocol):
    """What the drivers need of any transport, blocking or not."""

    @property
    def config(self) -> ClientConfig:
        """Where requests go."""
        ...

    @property
    def retry_policy(self) -> Retrying:
        """The policy used where `run` is given none; one object for the transport's life, made when first used."""
        ...

    def now(self) -> Instant:
        """Return the current time."""
        ...


class Attempts:
    """The attempts of one call of one operation, through either driver."""

    _number: int = 0
    _first: HttpRequest | None = None
    _state: RetryCallState | None = None

    def __init__(
        self,
        operation: Operation[object, Exception],
        transport: Clocked,
        policy: Retrying | None,
    ) -> None:
        """Start before the first attempt."""
        self._operation = operation
        self._transport = transport
        self._policy = policy
        # Looked at once for each call, which takes 0.1 us.
        self._log: DebugLog | None = debug_log()

    def request(self, credentials: Credentials | None) -> HttpRequest:
        """Return the request of the next attempt; all attempts have the invocation id of the first."""
        self._number += 1
        config, now, policy = self._transport.config, self._transport.now(), self._policy
        try:
            request = self._operation.http_request(
                config,
                now,
                credentials=credentials,
                attempt=self._number,
                # The transport's own policy is not used: it is created at the first failure.
                max_attempts=config.max_attempts if policy is None else _most_attempts(policy),
                invocation_id=self._first.headers["amz-sdk-invocation-id"] if self._first else None,
            )
        except BaseException as struck:
            if isinstance(struck, Exception):
                raise
            raise without_frames(struck) from None
        if self._first is None:
            self._begun, self._first = now, request
        log = self._log
        if log is not None:
            url = without_query(request.url)
            log.debug("%s: %s %s", self._label(), request.method, url)
        return request

    def _label(self) -> str:
        return f"{type(self._operation).__name__}, attempt {self._number}"

    def wait_after(self, error: Exception) -> float | None:
        """Return the seconds to wait before the next attempt, or `None` to give up and raise the error.

        Raises:
            ConfigurationError: a strategy of the policy is asynchronous.
        """
        wait = self._asked(error) if self._operation.may_repeat(error) else None
        if wait is None:
            # The state refers to the error, whose traceback refers to the driver's frame, and so to this object.
            self._state = None
            note = f"while {self._operation!r}, attempt {self._number}"
            # A transport may raise the same object again.
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
        log = self._log
        if log is not None:
            said = "giving up" if wait is None else f"next attempt in {wait:.3f} s"
            log.debug("%s: %s; %s", self._label(), _said(error), said)
        return wait

    def succeeded(self) -> None:
        """Show the policy a success, which refunds the retry quota."""
        log = self._log
        if log is not None:
            # As below: a filter or handler that fails must not lose the answer.
            with contextlib.suppress(Exception):
                log.debug("%s: answered", self._label())
        if self._state is None and "tenacity" not in sys.modules:
            # Every policy is an object of tenacity's, and a success is no reason to import it.
            return
        policy = self._policy_in_use()
        if getattr(policy.retry, "indifferent_to_success", False):
            return
        state = self._next_state(policy)
        state.set_result(None)
        state.outcome_timestamp = self._transport.now().monotonic
        # The answer has arrived and may be the only copy of a token: a strategy that fails must not lose it.
        with contextlib.suppress(Exception):
            _ = plain(policy.retry(state))

    def _asked(self, error: Exception) -> float | None:
        policy = self._policy_in_use()
        state = self._next_state(policy)
        state.set_exception((type(error), error, error.__traceback__))
        # After `set_exception`, which writes the real clock.
        state.outcome_timestamp = self._transport.now().monotonic
        wait = consult(policy, state)
        if wait is not None:
            state.idle_for += wait
            announce(policy, state, wait)
        return wait

    def _policy_in_use(self) -> Retrying:
        return self._transport.retry_policy if self._policy is None else self._policy

    def _next_state(self, policy: Retrying) -> RetryCallState:
        from ssooidc_core.policies import CallState  # noqa: PLC0415 - imports tenacity

        if self._state is None:
            self._state = CallState(policy, None, (), {})
            self._state.start_time = self._begun.monotonic
        else:
            self._state.prepare_for_next_attempt()
        return self._state


def _said(error: Exception) -> str:
    """Return an error's class and numbers; its text is the service's, or the HTTP library's."""
    name = type(error).__name__
    if isinstance(error, ServiceError):
        return f"{name} (status {error.status})"
    if isinstance(error, TransportError):
        sent = "may have been sent" if error.may_have_been_sent else "not sent"
        return f"{name} ({sent})"
    return name


def _most_attempts(policy: Retrying) -> int | None:
    from ssooidc_core.policies import max_attempts_of  # noqa: PLC0415 - imports tenacity

    return max_attempts_of(policy)


def _at_least_nothing(wait: float) -> float:
    # In this order: `max` keeps its first argument where a policy's wait is NaN.
    return max(0.0, float(wait))


def consult(
    policy: Retrying, state: RetryCallState, *, shape: Callable[[float], float] = _at_least_nothing
) -> float | None:
    """Call a policy's strategies for a failure; return the seconds to wait, or `None` to give up.

    Args:
        policy: the policy whose strategies are called.
        state: the call, with its failure as the outcome.
        shape: adjusts the wait before the `stop` strategy sees it.

    Raises:
        ConfigurationError: a strategy of the policy is asynchronous.
    """
    # tenacity 9.2 can disable a policy: it then makes one attempt and calls no strategy.
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
    """Return what a strategy returned, if it is not awaitable.

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
