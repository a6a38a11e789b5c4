"""Retry policies: ready-made `tenacity.Retrying` objects, used for their strategies.

`standard_retry()` is version 2.1 of the AWS SDKs' standard mode. `device_polling()` is RFC 8628 section 3.5. Any other
tenacity policy can be used instead. Its `sleep`, `before`, `retry_error_callback` and `reraise` have no effect: the
transport sleeps, and the last error itself is raised.

Importing this module imports tenacity. The core imports it at the first failure or the first poll.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Final

from tenacity import RetryCallState, Retrying
from tenacity.retry import retry_base
from tenacity.stop import stop_any, stop_base
from tenacity.wait import wait_base

from ssooidc_core._transient_errors import TRANSIENT_CODES, is_repeatable, is_throttling
from ssooidc_core.errors import (
    AuthorizationPendingException,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    ServiceError,
    SlowDownException,
    Timeout,
    TransportError,
)

__all__ = [
    "CallState",
    "PollState",
    "RetryQuota",
    "device_polling",
    "is_failed_poll",
    "max_attempts_of",
    "standard_retry",
]

_TRANSIENT_STATUSES: Final = frozenset({500, 502, 503, 504})
_BASE_DELAY: Final = 0.05
_BASE_DELAY_THROTTLED: Final = 1.0
_RETRY_AFTER_SPAN: Final = 5.0
_COST: Final = 14
_COST_THROTTLED: Final = 5
_INCOME: Final = 1
_SLOWEST_POLL: Final = 60.0
# Beyond this exponent every delay is at its limit, and the power would overflow a float.
_LARGEST_EXPONENT: Final = 30


class CallState(RetryCallState):
    """The state of one call for tenacity's strategies, and what the quota was last charged for it."""

    charged: int = 0


def _failure(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()


def _is_throttled(error: BaseException | None) -> bool:
    return isinstance(error, Exception) and is_throttling(error)


class RetryQuota:
    """A budget of retries, shared by all calls under one policy: if all of them fail, retrying stops.

    Each retry costs 14, or 5 after throttling. A success returns the cost of its last retry, or 1 if there was none. It
    is safe to use from many threads.
    """

    def __init__(self, capacity: int = 500) -> None:
        """Create a full quota."""
        self.capacity: Final = capacity
        self._available = capacity
        self._lock: Final = threading.Lock()

    @property
    def available(self) -> int:
        """The remaining budget."""
        return self._available

    def charge(self, cost: int) -> bool:
        """Take `cost` and return true, or take nothing and return false if less remains."""
        with self._lock:
            if cost > self._available:
                return False
            self._available -= cost
            return True

    def refund(self, amount: int) -> None:
        """Return `amount` to the budget, up to its capacity."""
        with self._lock:
            self._available = min(self.capacity, self._available + amount)


class _RetryTransient(retry_base):
    """Retry after errors that may be temporary, and refund the quota at a success."""

    def __init__(self, quota: RetryQuota) -> None:
        self.quota: Final = quota

    @property
    def indifferent_to_success(self) -> bool:
        """Whether a success has no effect, so that no state needs to be created for it."""
        return self.quota.available >= self.quota.capacity

    def __call__(self, retry_state: RetryCallState) -> bool:
        error = _failure(retry_state)
        if error is None:
            charged = retry_state.charged if isinstance(retry_state, CallState) else 0
            self.quota.refund(charged or _INCOME)
            return False
        if isinstance(error, ServiceError):
            return (
                error.status in _TRANSIENT_STATUSES
                or error.code in TRANSIENT_CODES
                or is_throttling(error)
            ) and not isinstance(error, (AuthorizationPendingException, SlowDownException))
        return (
            isinstance(error, (ConnectFailed, Timeout, ConnectionLost))
            or type(error) is TransportError
        )


class _ExponentialJitter(wait_base):
    """`random * min(b * 2**i, max_backoff)`, increased to the server's hint, but by 5 s at most."""

    def __init__(self, max_backoff: float, jitter: Callable[[], float]) -> None:
        self._max_backoff: Final = max_backoff
        self._jitter: Final = jitter

    def __call__(self, retry_state: RetryCallState) -> float:
        error = _failure(retry_state)
        base = _BASE_DELAY_THROTTLED if _is_throttled(error) else _BASE_DELAY
        exponent = min(retry_state.attempt_number - 1, _LARGEST_EXPONENT)
        delay = self._jitter() * min(base * 2.0**exponent, self._max_backoff)
        hint = error.retry_after if isinstance(error, ServiceError) else None
        return delay if hint is None else min(max(delay, hint), delay + _RETRY_AFTER_SPAN)


class _StopAttemptsOrQuota(stop_base):
    """Stop after the given number of attempts, or if the quota cannot pay for another; charge it if it can."""

    def __init__(self, max_attempts: int, quota: RetryQuota) -> None:
        self.max_attempt_number: Final = max_attempts
        self._quota: Final = quota

    def __call__(self, retry_state: RetryCallState) -> bool:
        # Attempts first: the last failure costs nothing.
        if retry_state.attempt_number >= self.max_attempt_number:
            return True
        cost = _COST_THROTTLED if _is_throttled(_failure(retry_state)) else _COST
        if not self._quota.charge(cost):
            return True
        if isinstance(retry_state, CallState):
            retry_state.charged = cost
        return False


def standard_retry(
    *,
    max_attempts: int = 3,
    max_backoff: float = 20.0,
    quota: RetryQuota | None = None,
    jitter: Callable[[], float] = random.random,
) -> Retrying:
    """Return the AWS SDKs' standard retry policy, version 2.1.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html

    Args:
        max_attempts: the most attempts of one call, including the first.
        max_backoff: the longest computed wait, in seconds.
        quota: a quota to share with other policies; by default a new one of 500.
        jitter: returns a number from 0 to 1 at each retry.

    Raises:
        ConfigurationError: `max_attempts` is less than 1.
    """
    if max_attempts < 1:
        message = f"max_attempts must be at least 1, not {max_attempts!r}"
        raise ConfigurationError(message)
    budget = RetryQuota() if quota is None else quota
    return Retrying(
        retry=_RetryTransient(budget),
        wait=_ExponentialJitter(max_backoff, jitter),
        stop=_StopAttemptsOrQuota(max_attempts, budget),
    )


def max_attempts_of(policy: Retrying) -> int | None:
    """Return the most attempts that a policy allows, or `None` if its stop strategy does not tell."""
    return _max_attempts(policy.stop) if getattr(policy, "enabled", True) else 1


def _max_attempts(stop: object) -> int | None:
    # tenacity's `stop_after_attempt` and `standard_retry` use the same name.
    limit = getattr(stop, "max_attempt_number", None)
    if isinstance(limit, int):
        return limit
    if isinstance(stop, stop_any):
        known = [each for each in map(_max_attempts, stop.stops) if each is not None]
        return min(known, default=None)
    return None


class PollState(RetryCallState):
    """The state of one device login for tenacity's strategies; not kept on the policy, which other logins share.

    Attributes:
        interval: seconds between polls, including what `slow_down` added.
        failed_polls: the number of the latest polls in a row, including this one, that failed.
    """

    interval: float = 5.0
    failed_polls: int = 0


def is_failed_poll(error: BaseException | None) -> bool:
    """Return whether a poll failed without an answer about the login: the wire or the service failed, or throttled."""
    if isinstance(error, (AuthorizationPendingException, SlowDownException)):
        return False
    return isinstance(error, Exception) and is_repeatable(error)


class _KeepPolling(retry_base):
    def __call__(self, retry_state: RetryCallState) -> bool:
        error = _failure(retry_state)
        return is_failed_poll(error) or isinstance(
            error, (AuthorizationPendingException, SlowDownException)
        )


class _PollingWait(wait_base):
    """The interval, doubled for each failed poll in a row, up to 60 s."""

    def __call__(self, retry_state: RetryCallState) -> float:
        if not isinstance(retry_state, PollState):
            return PollState.interval
        interval = float(retry_state.interval)
        doublings = min(retry_state.failed_polls, _LARGEST_EXPONENT)
        return (
            max(interval, min(interval * 2.0**doublings, _SLOWEST_POLL)) if doublings else interval
        )


def device_polling() -> Retrying:
    """Return the policy of polling with a device code, RFC 8628 section 3.5.

    The wait between polls is the interval, to which each `slow_down` adds 5 seconds for all later polls. A poll that
    fails without an answer about the login (a transport error, 5xx, 429) doubles the wait, up to 60 seconds, until the
    next such answer. Every other error ends the polling. Under any policy, `ssooidc_core.flows.device` begins no wait
    that would last until the device code expires.
    """
    return Retrying(retry=_KeepPolling(), wait=_PollingWait())
