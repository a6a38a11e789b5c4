"""Signing in with a device code (RFC 8628): start, show the code, poll.

A login between its start and its end is a value, `PendingDeviceLogin`, which can outlive a process. One pure function,
`after_poll`, returns what it becomes after a poll. `poll_for_token`, which waits, and `poll_once`, which does not (for
job queues and other event loops), both use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from ssooidc_core._attempts import announce, consult
from ssooidc_core._model import Moment, Secret, Stored
from ssooidc_core._operations.create_token import CreateTokenResponse, DeviceCodeGrant, create_token
from ssooidc_core._operations.register_client import (
    RegisterClientRequest,
    RegisterClientResponse,
    register_client,
)
from ssooidc_core._operations.start_device_authorization import (
    StartDeviceAuthorizationRequest,
    start_device_authorization,
)
from ssooidc_core._program import Instant, Now, Sleep, Steps, flow
from ssooidc_core.errors import (
    DeviceLoginExpired,
    ExpiredTokenException,
    SlowDownException,
)

if TYPE_CHECKING:
    from tenacity import Retrying

__all__ = [
    "PendingDeviceLogin",
    "after_poll",
    "poll_for_token",
    "poll_once",
    "start_device_login",
]

_SLOW_DOWN: Final = 5
_LONGEST_WAIT: Final = 60.0
# Epoch seconds as floats are exact to a quarter of a microsecond; a shorter wait than this is a rounding error.
_ROUNDING: Final = 1e-5

_Count = Annotated[int, Field(ge=0, le=2**31 - 1)]


class PendingDeviceLogin(Stored, frozen=True):
    """A device login that waits for a person's decision.

    Attributes:
        region: the region in which it was started.
        client: the registration with which it was started, also needed to refresh the token.
        device_code: identifies the login when polling; secret.
        user_code: the code that the person compares or types. Always show it (RFC 8628 section 3.3.1).
        verification_uri: the page that the person opens.
        verification_uri_complete: the same with the code in it, or `None`.
        interval: the least seconds between polls; grows by 5 with each `slow_down`.
        failed_polls: the number of the latest polls in a row that failed.
        polls: the number of polls sent so far.
        expires_at: when the device code expires, in epoch seconds.
        next_poll_at: when to poll next, in epoch seconds.
    """

    region: str
    client: RegisterClientResponse
    device_code: Secret
    user_code: str = Field(repr=False)
    verification_uri: str
    verification_uri_complete: str | None = Field(default=None, repr=False)
    interval: Annotated[int, Field(ge=1, le=2**31 - 1)]
    failed_polls: _Count = 0
    polls: _Count = 0
    expires_at: Moment
    next_poll_at: Moment


@flow
def start_device_login(
    registration: RegisterClientRequest | RegisterClientResponse, *, start_url: str, region: str
) -> Steps[PendingDeviceLogin]:
    """Start a device login: register, unless a registration is given, and ask for a device code.

    Args:
        registration: the request to register, or an existing registration.
        start_url: the URL of the access portal, `https://d-1234567890.awsapps.com/start` for example.
        region: the region of the transport, stored for resuming the login.

    Raises:
        SsoOidcError: those of RegisterClient and StartDeviceAuthorization.
    """
    client = (
        registration
        if isinstance(registration, RegisterClientResponse)
        else (yield from register_client(registration))
    )
    device = yield from start_device_authorization(
        StartDeviceAuthorizationRequest.of(client, start_url=start_url)
    )
    issued = (yield from Now()).wall.timestamp()
    return PendingDeviceLogin(
        region=region,
        client=client,
        device_code=device.device_code,
        user_code=device.user_code,
        verification_uri=device.verification_uri,
        verification_uri_complete=device.verification_uri_complete,
        interval=device.interval,
        expires_at=issued + device.expires_in,
        next_poll_at=issued + device.interval,
    )


@flow
def poll_for_token(
    pending: PendingDeviceLogin, policy: Retrying | None = None
) -> Steps[CreateTokenResponse]:
    """Poll until the person has decided.

    Args:
        pending: the login; a resumed one keeps its interval and its next time to poll.
        policy: handles failed polls, in place of `device_polling()`. Its waits are limited to at least the interval
            and at most 60 seconds.

    Raises:
        DeviceLoginExpired: the login was not approved in time; the last failed poll is the cause.
        AccessDeniedException: the person refused.
        SsoOidcError: any other error after which the policy stops.
    """
    began = yield from Now()
    failure: Exception | None = None
    while True:
        at = _steady(began, (yield from Now()))
        wait = _wait_until_due(pending, at)
        if at + wait >= pending.expires_at:
            raise _expired() from failure
        if wait:
            yield from Sleep(wait)
            # The time is read again, because the sleep may have been longer.
            continue
        answer = yield from _poll(pending, began, policy)
        if isinstance(answer, CreateTokenResponse):
            return answer
        pending, failure = answer


@flow
def poll_once(
    pending: PendingDeviceLogin, policy: Retrying | None = None
) -> Steps[CreateTokenResponse | PendingDeviceLogin]:
    """Poll once and return the token, or the login as it is now; called before `next_poll_at` it sends nothing.

    Args:
        pending: the login, as the last call returned it.
        policy: as for `poll_for_token`.

    Raises:
        DeviceLoginExpired: the login was not approved in time.
        AccessDeniedException: the person refused.
        SsoOidcError: any other error after which the policy stops.
    """
    began = yield from Now()
    at = began.wall.timestamp()
    if at >= pending.expires_at:
        raise _expired()
    if _wait_until_due(pending, at):
        return pending
    answer = yield from _poll(pending, began, policy)
    return answer if isinstance(answer, CreateTokenResponse) else answer[0]


def _poll(
    pending: PendingDeviceLogin, began: Instant, policy: Retrying | None
) -> Steps[CreateTokenResponse | tuple[PendingDeviceLogin, Exception]]:
    try:
        return (yield from create_token(DeviceCodeGrant.of(pending.client, pending)))
    except Exception as caught:  # noqa: BLE001 - the policy decides
        failure = caught
    at = _steady(began, (yield from Now()))
    outcome = after_poll(pending, failure, at=at, began=began.wall.timestamp(), policy=policy)
    try:
        if isinstance(outcome, DeviceLoginExpired):
            raise outcome from failure
        if isinstance(outcome, PendingDeviceLogin):
            # It is kept as long as the login lasts, so without the frames of its traceback and the requests in them.
            return outcome, failure.with_traceback(None)
        raise outcome
    finally:
        del outcome, failure  # their tracebacks refer to this frame


def after_poll(
    pending: PendingDeviceLogin,
    failure: Exception,
    *,
    at: float,
    began: float | None = None,
    policy: Retrying | None = None,
) -> PendingDeviceLogin | Exception:
    """Return the pending login after a poll without a token, or the error with which the login ends.

    Args:
        pending: the login before the poll.
        failure: the error that the poll raised.
        at: when it was raised, in epoch seconds.
        began: when polling began, in epoch seconds, for strategies that count time; by default `at`.
        policy: decides, in place of `device_polling()`.

    Raises:
        ConfigurationError: a strategy of the policy is asynchronous.
    """
    from ssooidc_core.policies import PollState, device_polling, is_failed_poll  # noqa: PLC0415 - imports tenacity

    if isinstance(failure, ExpiredTokenException):
        return _expired()
    policy = device_polling() if policy is None else policy
    # The RFC adds the 5 seconds (section 3.5), whatever the policy is, for all later polls.
    interval = pending.interval + (_SLOW_DOWN if isinstance(failure, SlowDownException) else 0)
    state = PollState(policy, None, (), {})
    state.interval = interval
    state.failed_polls = pending.failed_polls + 1 if is_failed_poll(failure) else 0
    state.attempt_number = pending.polls + 1
    state.start_time = at if began is None else began
    state.set_exception((type(failure), failure, failure.__traceback__))
    state.outcome_timestamp = at
    longest = max(_LONGEST_WAIT, interval)
    # In this order: `max` keeps its first argument where a policy's wait is NaN.
    wait = consult(policy, state, shape=lambda wanted: min(max(float(interval), wanted), longest))
    if wait is None:
        return failure
    if at + wait >= pending.expires_at:
        return _expired()
    announce(policy, state, wait)
    return pending.model_copy(
        update={
            "interval": interval,
            "failed_polls": state.failed_polls,
            "polls": pending.polls + 1,
            "next_poll_at": at + wait,
        }
    )


def _wait_until_due(pending: PendingDeviceLogin, at: float) -> float:
    wait = pending.next_poll_at - at
    if wait <= _ROUNDING:
        return 0.0
    # Longer than any wait: the clock was set back since, and the poll may be overdue.
    return 0.0 if wait > max(_LONGEST_WAIT, pending.interval) + 1 else wait


def _steady(began: Instant, now: Instant) -> float:
    """Return epoch seconds that never go back within a process: the wall clock at the start plus the time since."""
    return began.wall.timestamp() + (now.monotonic - began.monotonic)


def _expired() -> DeviceLoginExpired:
    return DeviceLoginExpired("The device code expired before the sign-in was approved")
